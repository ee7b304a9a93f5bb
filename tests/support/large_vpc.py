"""A VPC with 500 subnets, 5,000 interfaces and 60 endpoints, such as a company shares among its accounts. It has 20
teams in three zones. Each host has the group of its team and the group of its tier. Each tier has a route table in each
zone, there are four network ACLs, and each of five departments has endpoints for twelve services.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_network
from types import MappingProxyType
from typing import Final

from agent.catalog.services import SERVICES, checkable, gateway_labels, private_link_labels, service_name_of
from agent.settings import Ec2Facts
from probes.model import Observation, Ok, Step, Subject
from probes.vpc.model import (
    AMAZON_DNS,
    AVAILABLE,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    PEERINGS,
    PREFIX_LISTS,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    TRANSIT,
    VPC,
    VPC_DNS,
    AclEntry,
    ConfigurationFacts,
    DhcpOptionsFacts,
    DnsFirewallFacts,
    EndpointsFacts,
    GroupRule,
    InterfacesFacts,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    PeeringsFacts,
    PrefixListsFacts,
    PrivateZonesFacts,
    ProfileResourcesFacts,
    ProfilesFacts,
    ResolverRulesFacts,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    Subnet,
    SubnetsFacts,
    TransitFacts,
    Vpc,
    VpcDnsFacts,
    VpcEndpoint,
    VpcFacts,
)

REGION: Final = "eu-west-1"
ACCOUNT: Final = "111122223333"
VPC_ID: Final = "vpc-0a1b2c3d4e5f67890"
_DHCP_OPTIONS: Final = "dopt-0a1b2c3d"
TAKEN_AT: Final = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
SERVICES_THERE: Final = tuple(name for name in checkable() if SERVICES[name].private_links and name != "s3")[:12]
DEPARTMENTS: Final = 5
ZONES: Final = 3
TEAMS: Final = 20
TIERS: Final = ("web", "app", "data")
SUBNET_COUNT: Final = 500
HOSTS_EACH: Final = 10
_BLOCK: Final = ip_network("10.0.0.0/12")
_ANYWHERE: Final = ip_network("0.0.0.0/0")


def _id(kind: str, number: int) -> str:
    return f"{kind}-{number:017x}"


def _block(number: int) -> IPv4Network:
    return IPv4Network((int(_BLOCK.network_address) + number * 256, 24))


def _team(subnet: int) -> int:
    return subnet // (ZONES * len(TIERS)) % TEAMS


def _tier(subnet: int) -> int:
    return subnet // ZONES % len(TIERS)


def facts() -> Ec2Facts:
    """The facts of the VPC."""
    endpoints, held = zip(*_endpoints(), strict=True)
    return facts_of(
        Vpc(vpc_id=VPC_ID, owner_id=ACCOUNT, cidrs=(_BLOCK,), dhcp_options_id=_DHCP_OPTIONS),
        endpoints=endpoints,
        of_endpoints=tuple(interface for interfaces in held for interface in interfaces),
        hosts=tuple(_hosts()),
        subnets=SubnetsFacts(subnets=tuple(_subnets())),
        tables=RouteTablesFacts(tables=tuple(_tables())),
        acls=NetworkAclsFacts(acls=tuple(_acls())),
        groups=SecurityGroupsFacts(groups=tuple(_groups())),
    )


def facts_of(
    vpc: Vpc,
    *,
    endpoints: tuple[VpcEndpoint, ...],
    of_endpoints: tuple[NetworkInterface, ...],
    hosts: tuple[NetworkInterface, ...],
    subnets: SubnetsFacts,
    tables: RouteTablesFacts,
    acls: NetworkAclsFacts,
    groups: SecurityGroupsFacts,
    more: Mapping[str, ConfigurationFacts] = MappingProxyType({}),
) -> Ec2Facts:
    """The facts of a VPC with Amazon's DNS, and without peerings, transit gateways, hosted zones, Resolver rules and
    Profiles.
    """
    read: dict[str, ConfigurationFacts] = {
        ENDPOINTS: EndpointsFacts(
            endpoints=endpoints,
            asked=(*private_link_labels(checkable()), *private_link_labels(checkable(), is_global=True)),
            gateways=() if gateway_labels(checkable()) else None,
        ),
        ENDPOINT_INTERFACES: InterfacesFacts(interfaces=of_endpoints),
        VPC: VpcFacts(vpc=vpc),
        VPC_DNS: VpcDnsFacts(support=True, hostnames=True),
        DHCP_OPTIONS: DhcpOptionsFacts(options_id=_DHCP_OPTIONS, name_servers=(AMAZON_DNS,)),
        SUBNETS: subnets,
        ROUTE_TABLES: tables,
        NETWORK_ACLS: acls,
        SECURITY_GROUPS: groups,
        PREFIX_LISTS: PrefixListsFacts(lists=()),
        PEERINGS: PeeringsFacts(peerings=()),
        TRANSIT: TransitFacts(attachments=(), tables=()),
        RESOLVER_RULES: ResolverRulesFacts(rules=()),
        PRIVATE_ZONES: PrivateZonesFacts(zones=()),
        DNS_FIREWALL: DnsFirewallFacts(rules=()),
        PROFILES: ProfilesFacts(profile_ids=(), resources=()),
        PROFILE_RESOURCES: ProfileResourcesFacts(zones=(), rules=(), firewall=()),
        INTERFACES: InterfacesFacts(interfaces=(*hosts, *of_endpoints)),
        **more,
    }
    return Ec2Facts(
        region=REGION,
        vpc_id=vpc.vpc_id,
        taken_at=TAKEN_AT,
        observations=tuple(
            Observation(
                subject=Subject(step=Step.EC2, operation=operation), outcome=Ok(known), started_at=TAKEN_AT, seconds=0.2
            )
            for operation, known in read.items()
        ),
    )


def _subnets() -> Iterator[Subnet]:
    for number in range(SUBNET_COUNT):
        yield Subnet(
            subnet_id=_id("subnet", number),
            vpc_id=VPC_ID,
            cidrs=(_block(number),),
            availability_zone=f"{REGION}{'abc'[number % ZONES]}",
            owner_id=ACCOUNT,
        )


def _hosts() -> Iterator[NetworkInterface]:
    for subnet in range(SUBNET_COUNT):
        for host in range(HOSTS_EACH):
            unique = subnet * HOSTS_EACH + host
            own = (_id("sg", 100 + _team(subnet)), _id("sg", 200 + _tier(subnet)))
            yield NetworkInterface(
                interface_id=_id("eni", unique),
                vpc_id=VPC_ID,
                subnet_id=_id("subnet", subnet),
                addresses=(_block(subnet)[10 + host],),
                group_ids=own if host % 5 else (*own, _id("sg", 300)),
                kind="interface",
                status="in-use",
                availability_zone=f"{REGION}{'abc'[subnet % ZONES]}",
                instance_id=_id("i", unique),
                owner_id=ACCOUNT,
            )


def _endpoints() -> Iterator[tuple[VpcEndpoint, tuple[NetworkInterface, ...]]]:
    for department in range(DEPARTMENTS):
        for place, service in enumerate(SERVICES_THERE):
            unique = department * len(SERVICES_THERE) + place
            groups = (_id("sg", 400 + department),)
            interfaces = tuple(
                NetworkInterface(
                    interface_id=_id("eni", 100_000 + unique * ZONES + zone),
                    vpc_id=VPC_ID,
                    subnet_id=_id("subnet", zone),
                    addresses=(_block(zone)[100 + unique],),
                    group_ids=groups,
                    kind="vpc_endpoint",
                    status="in-use",
                    owner_id=ACCOUNT,
                )
                for zone in range(ZONES)
            )
            has_names = department == 0
            own = (
                f"{_id('vpce', unique)}-abcdefgh.{SERVICES[service].private_links[0].label}.{REGION}.vpce.amazonaws.com"
            )
            private = (f"{SERVICES[service].host_label}.{REGION}.amazonaws.com",) if has_names else ()
            endpoint = VpcEndpoint(
                endpoint_id=_id("vpce", unique),
                service_name=service_name_of(service, REGION) or "",
                vpc_id=VPC_ID,
                state=AVAILABLE,
                private_dns=has_names,
                ip_address_type="ipv4",
                dns_names=(own, *private),
                subnet_ids=tuple(interface.subnet_id for interface in interfaces),
                interface_ids=tuple(interface.interface_id for interface in interfaces),
                group_ids=groups,
                owner_id=ACCOUNT,
            )
            yield endpoint, interfaces


def _tables() -> Iterator[RouteTable]:
    for tier in range(len(TIERS)):
        for zone in range(ZONES):
            number = tier * ZONES + zone
            subnets = [place for place in range(SUBNET_COUNT) if _tier(place) == tier and place % ZONES == zone]
            yield RouteTable(
                table_id=_id("rtb", number),
                vpc_id=VPC_ID,
                main=number == 0,
                subnet_ids=tuple(_id("subnet", place) for place in subnets),
                routes=(
                    Route(destination=_BLOCK),
                    Route(destination=ip_network("10.128.0.0/9"), target="tgw-0a1b2c3d4e5f67890"),
                    Route(destination=_ANYWHERE, target=_id("nat", zone)),
                ),
            )


def _acls() -> Iterator[NetworkAcl]:
    for number in range(4):
        subnets = [place for place in range(SUBNET_COUNT) if (place == 477 if number == 3 else place % 3 == number)]
        shut = [AclEntry(number=90, egress=False, allow=False, cidr=_BLOCK)] if number == 3 else []
        yield NetworkAcl(
            acl_id=_id("acl", number),
            vpc_id=VPC_ID,
            default=number == 0,
            subnet_ids=tuple(_id("subnet", place) for place in subnets if number == 3 or place != 477),
            entries=(
                *shut,
                *(AclEntry(number=100, egress=egress, allow=True, cidr=_ANYWHERE) for egress in (True, False)),
            ),
        )


def _groups() -> Iterator[SecurityGroup]:
    out = GroupRule(egress=True, protocol="-1", cidr=_ANYWHERE)
    https = GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=_BLOCK)
    for team in range(TEAMS):
        yield SecurityGroup(
            group_id=_id("sg", 100 + team),
            rules=(replace(https, egress=True), *(_of_block(9 * team + tier * ZONES) for tier in range(len(TIERS)))),
        )
    for tier in range(len(TIERS)):
        yield SecurityGroup(group_id=_id("sg", 200 + tier), rules=(replace(https, from_port=5432, to_port=5432),))
    yield SecurityGroup(group_id=_id("sg", 300), rules=(out,))
    for department in range(DEPARTMENTS):
        teams = [https] if department == 0 else [_of_team(team) for team in range(department, TEAMS, DEPARTMENTS)]
        gateways = [replace(_of_block(place), from_port=1026, to_port=1031) for place in range(30, 60)]
        yield SecurityGroup(group_id=_id("sg", 400 + department), rules=(*teams, *gateways, out))


def _of_team(team: int) -> GroupRule:
    return GroupRule(protocol="tcp", from_port=443, to_port=443, referenced_group_id=_id("sg", 100 + team))


def _of_block(place: int) -> GroupRule:
    return GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=_block(place))
