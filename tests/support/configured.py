"""Builders of answers of EC2 and Route 53, for the world of `tests.support.build`.

That world's VPC has this host's subnet 10.0.3.0/24, and two subnets with the interfaces of AWS Backup's endpoint:
10.0.1.17 in this host's zone and 10.0.2.17 in another. The endpoint's group allows port 443 from the VPC, all other
groups and network ACLs allow everything, and private DNS is on.
"""

from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

from agent.catalog.services import private_link_labels, service_name_of
from agent.catalog.workloads import checked_for_caller
from probes.model import Failed, Failure, FailureKind, Observation, Ok, Outcome, Skipped, Step, Subject
from probes.vpc.model import (
    AMAZON_DNS,
    ANY_PROTOCOL,
    AVAILABLE,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    INTERFACE,
    NETWORK_ACLS,
    OWN_INTERFACES,
    PEERINGS,
    PREFIX_LISTS,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    READS,
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
    EndpointService,
    EndpointServicesFacts,
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
    ResolverRule,
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
from tests.support.build import NOW, OWN, PRIVATE, REGION, Observations

ACCOUNT: Final = "111122223333"
ANOTHER_ACCOUNT: Final = "444455556666"
VPC_ID: Final = "vpc-0a1b2c3d"
ANOTHER_VPC_ID: Final = "vpc-0b1b2c3d"
OWN_SUBNET_ID: Final = "subnet-0a1b2c3d"
OWN_INTERFACE_ID: Final = "eni-0a1b2c3d"
OWN_GROUP_ID: Final = "sg-0a1b2c3d"
ENDPOINT_ID: Final = "vpce-0a1b2c3d"
ENDPOINT_SUBNET_IDS: Final = ("subnet-0b1b2c3d", "subnet-0c1b2c3d")
ENDPOINT_INTERFACE_IDS: Final = ("eni-0b1b2c3d", "eni-0c1b2c3d")
ENDPOINT_GROUP_ID: Final = "sg-0e1b2c3d"
TABLE_ID: Final = "rtb-0a1b2c3d"
ACL_ID: Final = "acl-0a1b2c3d"
DHCP_OPTIONS_ID: Final = "dopt-0a1b2c3d"
POLICY: Final = '{"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}'
"""The default endpoint policy."""
INTERNET_RESOLVER: Final = ResolverRule(
    rule_id="rslvr-autodefined-rr-internet-resolver",
    name="Internet Resolver",
    domain="",
    kind="RECURSIVE",
    targets=(),
    owner_id="Route 53 Resolver",
)
"""The rule that Route 53 Resolver adds to every VPC."""
_VPC_BLOCK: Final = ip_network("10.0.0.0/16")
_ANYWHERE: Final = ip_network("0.0.0.0/0")


def read(
    operation: str,
    facts: ConfigurationFacts | None = None,
    *,
    failed: str | None = None,
    code: str | None = None,
    skipped: str | None = None,
    days_old: float = 0.0,
) -> Observation[Any]:
    """One read of the configuration, with its result or its failure. `days_old` says how many days before the run the
    read was made.
    """
    subject = Subject(step=Step.EC2, operation=operation)
    if skipped is not None:
        return Observation(subject=subject, outcome=Skipped(skipped), started_at=None, seconds=None)
    outcome: Outcome[Any]
    if failed is not None:
        failure = Failure(kind=FailureKind(failed), message=f"it said {failed}", code=code)
        outcome = Failed(failure, None)
    elif not isinstance(facts, READS[operation].facts):
        raise ValueError(f"{operation} gives {READS[operation].facts.__name__}")
    else:
        outcome = Ok(facts)
    return Observation(subject=subject, outcome=outcome, started_at=NOW - timedelta(days=days_old), seconds=0.08)


def endpoint(
    endpoint_id: str = ENDPOINT_ID,
    *,
    service: str = "backup",
    vpc_id: str = VPC_ID,
    private_dns: bool = True,
    state: str = AVAILABLE,
    group_ids: tuple[str, ...] = (ENDPOINT_GROUP_ID,),
    subnet_ids: tuple[str, ...] = ENDPOINT_SUBNET_IDS,
    interface_ids: tuple[str, ...] = ENDPOINT_INTERFACE_IDS,
    policy: str | None = POLICY,
) -> VpcEndpoint:
    """An interface endpoint. By default, it is the endpoint of the healthy world."""
    own = f"{endpoint_id}-lj2wisx3.{service}.{REGION}.vpce.amazonaws.com"
    private = (f"{service}.{REGION}.amazonaws.com",) if private_dns else ()
    return VpcEndpoint(
        endpoint_id=endpoint_id,
        service_name=service_name_of(service, REGION) or "",
        vpc_id=vpc_id,
        state=state,
        private_dns=private_dns,
        ip_address_type="ipv4",
        dns_record_type="ipv4",
        dns_names=(own, *private),
        subnet_ids=subnet_ids,
        interface_ids=interface_ids,
        group_ids=group_ids,
        policy=policy,
        owner_id=ACCOUNT,
    )


def interface(
    interface_id: str,
    *addresses: str,
    subnet_id: str,
    group_ids: tuple[str, ...] = (ENDPOINT_GROUP_ID,),
    kind: str = "vpc_endpoint",
    vpc_id: str = VPC_ID,
    availability_zone: str = f"{REGION}a",
) -> NetworkInterface:
    """A network interface. By default, it belongs to the endpoint."""
    return NetworkInterface(
        interface_id=interface_id,
        vpc_id=vpc_id,
        subnet_id=subnet_id,
        addresses=tuple(map(ip_address, addresses)),
        group_ids=group_ids,
        kind=kind,
        status="in-use",
        availability_zone=availability_zone,
    )


def own_interface(*addresses: str, group_ids: tuple[str, ...] = (OWN_GROUP_ID,)) -> NetworkInterface:
    """This host's interface. Its address is 10.0.3.5 unless other addresses are given."""
    return interface(
        OWN_INTERFACE_ID, *(addresses or (OWN,)), subnet_id=OWN_SUBNET_ID, group_ids=group_ids, kind="interface"
    )


def endpoint_interfaces() -> tuple[NetworkInterface, ...]:
    return tuple(
        interface(interface_id, address, subnet_id=subnet_id, availability_zone=f"{REGION}{letter}")
        for interface_id, address, subnet_id, letter in zip(
            ENDPOINT_INTERFACE_IDS, PRIVATE, ENDPOINT_SUBNET_IDS, "ab", strict=True
        )
    )


def subnet(subnet_id: str, block: str, *, letter: str = "a", owner_id: str = ACCOUNT, vpc_id: str = VPC_ID) -> Subnet:
    """A subnet in the zone with this letter."""
    return Subnet(
        subnet_id=subnet_id,
        vpc_id=vpc_id,
        cidrs=(ip_network(block),),
        availability_zone=f"{REGION}{letter}",
        availability_zone_id=f"euw1-az{'abc'.index(letter) + 1}",
        owner_id=owner_id,
    )


def subnets(owner_id: str = ACCOUNT) -> tuple[Subnet, ...]:
    """This host's subnet, and the endpoint's subnets."""
    first, second = ENDPOINT_SUBNET_IDS
    return (
        subnet(OWN_SUBNET_ID, "10.0.3.0/24", owner_id=owner_id),
        subnet(first, "10.0.1.0/24", owner_id=owner_id),
        subnet(second, "10.0.2.0/24", letter="b", owner_id=owner_id),
    )


def network_acl() -> NetworkAcl:
    """The default network ACL of all three subnets, which allows all traffic."""
    return NetworkAcl(
        acl_id=ACL_ID,
        vpc_id=VPC_ID,
        default=True,
        subnet_ids=(OWN_SUBNET_ID, *ENDPOINT_SUBNET_IDS),
        entries=tuple(
            AclEntry(number=number, egress=egress, allow=allow, cidr=_ANYWHERE)
            for egress in (True, False)
            for number, allow in ((100, True), (32767, False))
        ),
    )


def main_table(*routes: Route) -> RouteTable:
    """The VPC's main route table, with its local route and the given ones."""
    return RouteTable(
        table_id=TABLE_ID,
        vpc_id=VPC_ID,
        main=True,
        subnet_ids=(),
        routes=(Route(destination=_VPC_BLOCK), *routes),
    )


def groups() -> tuple[SecurityGroup, ...]:
    """This host's group, which allows all outbound traffic, and the endpoint's group, which allows port 443 from the
    VPC.
    """
    out = GroupRule(rule_id="sgr-0a1b2c3d", egress=True, protocol=ANY_PROTOCOL, cidr=_ANYWHERE)
    into = GroupRule(rule_id="sgr-0e1b2c3d", from_port=443, to_port=443, cidr=_VPC_BLOCK)
    return (
        SecurityGroup(group_id=OWN_GROUP_ID, rules=(out,)),
        SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=(into,)),
    )


def endpoints_facts(*endpoints: VpcEndpoint, dropped: int = 0) -> EndpointsFacts:
    """The facts from a read of the endpoints for the services that a run checks by default. There are no gateway
    endpoints.
    """
    asked = private_link_labels(checked_for_caller())
    return EndpointsFacts(endpoints=endpoints, dropped=dropped, asked=asked, gateways=None)


def healthy_configuration(*, days_old: float = 0.0) -> Observations:
    """All reads of the healthy world. Each of them succeeded."""
    vpc = Vpc(vpc_id=VPC_ID, owner_id=ACCOUNT, cidrs=(_VPC_BLOCK,), dhcp_options_id=DHCP_OPTIONS_ID)
    facts: dict[str, ConfigurationFacts] = {
        ENDPOINTS: endpoints_facts(endpoint()),
        ENDPOINT_SERVICES: EndpointServicesFacts(services=(), asked=()),
        OWN_INTERFACES: InterfacesFacts(interfaces=(own_interface(),)),
        ENDPOINT_INTERFACES: InterfacesFacts(interfaces=endpoint_interfaces()),
        VPC: VpcFacts(vpc=vpc),
        VPC_DNS: VpcDnsFacts(support=True, hostnames=True),
        DHCP_OPTIONS: DhcpOptionsFacts(options_id=DHCP_OPTIONS_ID, name_servers=(AMAZON_DNS,)),
        SUBNETS: SubnetsFacts(subnets=subnets()),
        ROUTE_TABLES: RouteTablesFacts(tables=(main_table(),)),
        NETWORK_ACLS: NetworkAclsFacts(acls=(network_acl(),)),
        SECURITY_GROUPS: SecurityGroupsFacts(groups=groups()),
        PREFIX_LISTS: PrefixListsFacts(lists=()),
        PEERINGS: PeeringsFacts(peerings=()),
        TRANSIT: TransitFacts(attachments=(), tables=()),
        RESOLVER_RULES: ResolverRulesFacts(rules=(INTERNET_RESOLVER,)),
        PRIVATE_ZONES: PrivateZonesFacts(zones=()),
        DNS_FIREWALL: DnsFirewallFacts(rules=()),
        PROFILES: ProfilesFacts(profile_ids=(), resources=()),
        PROFILE_RESOURCES: ProfileResourcesFacts(zones=(), rules=(), firewall=()),
    }
    return [read(operation, content, days_old=days_old) for operation, content in facts.items()]


def offered(
    *zones: str, name: str = "com.amazonaws.eu-west-1.backup", private_names: tuple[str, ...] = ()
) -> Observation[Any]:
    """The result of the read that looks for AWS Backup's endpoint service. `zones` are the zones that offer it; without
    zones, the result is that the service does not exist.
    """
    service = EndpointService(
        service_name=name, kinds=(INTERFACE,), availability_zones=zones, private_names=private_names
    )
    return read(ENDPOINT_SERVICES, EndpointServicesFacts(services=(service,) if zones else (), asked=("backup",)))


def configured(*changed: Observation[Any], days_old: float = 0.0) -> Observations:
    """The reads of the healthy world, with each of `changed` in place of the read that has the same operation."""
    by_id = {observation.id: observation for observation in healthy_configuration(days_old=days_old)}
    assert {observation.id for observation in changed} <= set(by_id)
    return list({**by_id, **{observation.id: observation for observation in changed}}.values())


def shared_vpc() -> tuple[Observation[Any], ...]:
    """The reads of a VPC whose subnets belong to another account."""
    vpc = Vpc(vpc_id=VPC_ID, owner_id=ANOTHER_ACCOUNT, cidrs=(_VPC_BLOCK,), dhcp_options_id=DHCP_OPTIONS_ID)
    return (read(VPC, VpcFacts(vpc=vpc)), read(SUBNETS, SubnetsFacts(subnets=subnets(ANOTHER_ACCOUNT))))
