"""`docs/examples/estate.json`: the facts file of a made-up VPC, for trying `backuplink predict`.

The VPC is realistic, and has faults that a prediction can find. The group of Backup gateway's endpoint does not allow
port 1031, the network ACL of one subnet blocks answers, and the group of one application allows almost nothing
outbound. One subnet has no host, and one route table has no route to S3.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_network
from typing import Any, Final

from agent.catalog.services import SERVICES, checkable, private_link_labels, service_name_of
from agent.report import facts_file
from agent.settings import Ec2Facts
from probes.model import Address, Observation, Ok, Outcome, Skipped, Step, Subject
from probes.vpc.model import (
    AMAZON_DNS,
    AVAILABLE,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    INTERFACE,
    INTERFACES,
    NETWORK_ACLS,
    OWN_INTERFACES,
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
    WHOLE_READS,
    AclEntry,
    ConfigurationFacts,
    DhcpOptionsFacts,
    DnsFirewallFacts,
    EndpointService,
    EndpointServicesFacts,
    EndpointsFacts,
    GatewayEndpoint,
    GroupRule,
    InterfacesFacts,
    Network,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    PeeringsFacts,
    PrefixList,
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

REGION: Final = "eu-west-1"
ACCOUNT: Final = "111122223333"
TAKEN_AT: Final = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
ZONES: Final = ("a", "b", "c")
VPC_ID: Final = "vpc-0e57a7e0000000001"
BLOCK: Final = ip_network("10.20.0.0/16")
ANYWHERE: Final = ip_network("0.0.0.0/0")
S3_LIST: Final = "pl-6da54004"
S3_BLOCK: Final = ip_network("198.51.100.0/24")
"""The block in the prefix list of S3. It stands for the real blocks."""
PURPOSES: Final = ("endpoint", "app", "hana", "gateway")
"""Purposes of subnets. There is one subnet in each zone for each purpose."""
SPARE_SUBNET: Final = "subnet-0e57a7e0000000099"
HOSTS: Final = {"app": 6, "hana": 2, "gateway": 1}
"""Number of instances in each subnet, by the purpose of the subnet."""


def _id(kind: str, number: int) -> str:
    return f"{kind}-0e57a7e{number:010x}"


def _subnet_number(purpose: str, zone: int) -> int:
    return PURPOSES.index(purpose) * 16 + zone


def _block_of(number: int) -> IPv4Network:
    return IPv4Network((int(BLOCK.network_address) + number * 256, 24))


GROUPS: Final = {
    name: _id("sg", number)
    for number, name in enumerate(("endpoints", "gateway-endpoint", "app", "batch", "hana", "gateway"), 1)
}
"""Ids of groups, by their purpose. `batch` is for an application whose group allows only traffic to its database."""
DEFAULT_ACL: Final = _id("acl", 1)
APP_ACL: Final = _id("acl", 2)
"""The ACL of the application subnet in the third zone. It blocks answers."""
MAIN_TABLE: Final = _id("rtb", 1)
HANA_TABLE: Final = _id("rtb", 2)
"""The route table that has no route to S3."""
ENDPOINTS_OF: Final = ("backup", "backup-gateway", "backup-storage", "sts", "ssm", "ssmmessages", "secretsmanager")
S3_ENDPOINT: Final = _id("vpce", 0x99)


def facts() -> Ec2Facts:
    """The facts in the file."""
    read: dict[str, ConfigurationFacts] = {
        ENDPOINTS: EndpointsFacts(
            endpoints=tuple(map(_endpoint, ENDPOINTS_OF)),
            asked=(*private_link_labels(checkable()), *private_link_labels(checkable(), is_global=True)),
            gateways=(_s3_endpoint(),),
        ),
        ENDPOINT_SERVICES: EndpointServicesFacts(
            services=tuple(map(_offered, ENDPOINTS_OF)), asked=private_link_labels(checkable())
        ),
        ENDPOINT_INTERFACES: InterfacesFacts(interfaces=tuple(_interfaces_of_endpoints())),
        VPC: VpcFacts(vpc=Vpc(vpc_id=VPC_ID, owner_id=ACCOUNT, cidrs=(BLOCK,), dhcp_options_id=_id("dopt", 1))),
        VPC_DNS: VpcDnsFacts(support=True, hostnames=True),
        DHCP_OPTIONS: DhcpOptionsFacts(options_id=_id("dopt", 1), name_servers=(AMAZON_DNS,)),
        SUBNETS: SubnetsFacts(subnets=tuple(_subnets())),
        ROUTE_TABLES: RouteTablesFacts(tables=tuple(_tables())),
        NETWORK_ACLS: NetworkAclsFacts(acls=tuple(_acls())),
        SECURITY_GROUPS: SecurityGroupsFacts(groups=tuple(_groups())),
        PREFIX_LISTS: PrefixListsFacts(lists=(PrefixList(prefix_list_id=S3_LIST, cidrs=(S3_BLOCK,)),)),
        PEERINGS: PeeringsFacts(peerings=()),
        TRANSIT: TransitFacts(attachments=(), tables=()),
        RESOLVER_RULES: ResolverRulesFacts(rules=tuple(_resolver_rules())),
        PRIVATE_ZONES: PrivateZonesFacts(zones=()),
        DNS_FIREWALL: DnsFirewallFacts(rules=()),
        PROFILES: ProfilesFacts(profile_ids=(), resources=()),
        PROFILE_RESOURCES: ProfileResourcesFacts(zones=(), rules=(), firewall=()),
        INTERFACES: InterfacesFacts(interfaces=(*_hosts(), *_interfaces_of_endpoints())),
    }
    skipped = Skipped("a file for all hosts of a VPC does not have the interfaces of a single host")
    return Ec2Facts(
        region=REGION,
        vpc_id=VPC_ID,
        taken_at=TAKEN_AT,
        is_example=True,
        observations=tuple(
            _observation(operation, skipped if operation == OWN_INTERFACES else Ok(read[operation]))
            for operation in WHOLE_READS
        ),
    )


def document() -> str:
    """The text of the file."""
    return facts_file.dumps(facts())


def _observation(operation: str, outcome: Outcome[Any]) -> Observation[Any]:
    made = isinstance(outcome, Ok)
    return Observation(
        subject=Subject(step=Step.EC2, operation=operation),
        outcome=outcome,
        started_at=TAKEN_AT if made else None,
        seconds=0.2 if made else None,
    )


def _subnets() -> Iterator[Subnet]:
    for purpose in PURPOSES:
        for zone, letter in enumerate(ZONES):
            number = _subnet_number(purpose, zone)
            yield Subnet(
                subnet_id=_id("subnet", number + 1),
                vpc_id=VPC_ID,
                cidrs=(_block_of(number),),
                availability_zone=f"{REGION}{letter}",
                availability_zone_id=f"euw1-az{zone + 1}",
                owner_id=ACCOUNT,
            )
    yield Subnet(
        subnet_id=SPARE_SUBNET,
        vpc_id=VPC_ID,
        cidrs=(_block_of(0x99),),
        availability_zone=f"{REGION}a",
        availability_zone_id="euw1-az1",
        owner_id=ACCOUNT,
    )


def _hosts() -> Iterator[NetworkInterface]:
    for purpose, count in HOSTS.items():
        for zone, letter in enumerate(ZONES):
            number = _subnet_number(purpose, zone)
            for host in range(count):
                name = "batch" if purpose == "app" and host == count - 1 else purpose
                unique = number * 256 + host + 16
                yield NetworkInterface(
                    interface_id=_id("eni", unique),
                    vpc_id=VPC_ID,
                    subnet_id=_id("subnet", number + 1),
                    addresses=(_block_of(number)[host + 16],),
                    group_ids=(GROUPS[name],),
                    kind="interface",
                    status="in-use",
                    availability_zone=f"{REGION}{letter}",
                    instance_id=_id("i", unique),
                    owner_id=ACCOUNT,
                )


def _group_of(service: str) -> str:
    return GROUPS["gateway-endpoint" if SERVICES[service].has_appliance else "endpoints"]


def _interfaces_of_endpoints() -> Iterator[NetworkInterface]:
    for service in ENDPOINTS_OF:
        for zone, letter in enumerate(ZONES):
            yield NetworkInterface(
                interface_id=_interface_id(service, zone),
                vpc_id=VPC_ID,
                subnet_id=_id("subnet", _subnet_number("endpoint", zone) + 1),
                addresses=(_address_of(service, zone),),
                group_ids=(_group_of(service),),
                kind="vpc_endpoint",
                status="in-use",
                availability_zone=f"{REGION}{letter}",
                owner_id=ACCOUNT,
            )


def _interface_id(service: str, zone: int) -> str:
    return _id("eni", 0xE00 + ENDPOINTS_OF.index(service) * 16 + zone)


def _address_of(service: str, zone: int) -> Address:
    return _block_of(_subnet_number("endpoint", zone))[10 + ENDPOINTS_OF.index(service)]


def _endpoint(service: str) -> VpcEndpoint:
    endpoint_id = _id("vpce", ENDPOINTS_OF.index(service) + 1)
    label = SERVICES[service].private_links[0].label
    own = f"{endpoint_id}-abcdefgh.{label}.{REGION}.vpce.amazonaws.com"
    return VpcEndpoint(
        endpoint_id=endpoint_id,
        service_name=service_name_of(service, REGION) or "",
        vpc_id=VPC_ID,
        state=AVAILABLE,
        private_dns=True,
        ip_address_type="ipv4",
        dns_record_type="ipv4",
        dns_names=(own, f"{SERVICES[service].host_label}.{REGION}.amazonaws.com"),
        subnet_ids=tuple(_id("subnet", _subnet_number("endpoint", zone) + 1) for zone in range(len(ZONES))),
        interface_ids=tuple(_interface_id(service, zone) for zone in range(len(ZONES))),
        group_ids=(_group_of(service),),
        policy=None,
        owner_id=ACCOUNT,
    )


def _s3_endpoint() -> GatewayEndpoint:
    return GatewayEndpoint(
        endpoint_id=S3_ENDPOINT,
        service_name=f"com.amazonaws.{REGION}.s3",
        vpc_id=VPC_ID,
        state=AVAILABLE,
        route_table_ids=(MAIN_TABLE,),
        owner_id=ACCOUNT,
    )


def _offered(service: str) -> EndpointService:
    return EndpointService(
        service_name=service_name_of(service, REGION) or "",
        kinds=(INTERFACE,),
        availability_zones=tuple(f"{REGION}{letter}" for letter in ZONES),
        private_names=(f"{SERVICES[service].host_label}.{REGION}.amazonaws.com",),
        ip_address_types=("ipv4",),
    )


def _tables() -> Iterator[RouteTable]:
    local = Route(destination=BLOCK)
    to_s3 = Route(prefix_list_id=S3_LIST, target=S3_ENDPOINT)
    yield RouteTable(table_id=MAIN_TABLE, vpc_id=VPC_ID, main=True, subnet_ids=(), routes=(local, to_s3))
    of_hana = tuple(_id("subnet", _subnet_number("hana", zone) + 1) for zone in range(len(ZONES)))
    yield RouteTable(table_id=HANA_TABLE, vpc_id=VPC_ID, main=False, subnet_ids=of_hana, routes=(local,))


def _entries(*inbound: AclEntry) -> tuple[AclEntry, ...]:
    """Entries that allow everything outbound, and inbound what `inbound` allows."""
    return (
        *inbound,
        AclEntry(number=100, egress=True, allow=True, cidr=ANYWHERE),
        *(AclEntry(number=32767, egress=egress, allow=False, cidr=ANYWHERE) for egress in (True, False)),
    )


def _acls() -> Iterator[NetworkAcl]:
    closed = _id("subnet", _subnet_number("app", 2) + 1)
    others = tuple(subnet.subnet_id for subnet in _subnets() if subnet.subnet_id != closed)
    yield NetworkAcl(
        acl_id=DEFAULT_ACL,
        vpc_id=VPC_ID,
        default=True,
        subnet_ids=others,
        entries=_entries(AclEntry(number=100, egress=False, allow=True, cidr=ANYWHERE)),
    )
    https = AclEntry(number=100, egress=False, allow=True, cidr=BLOCK, protocol="6", from_port=443, to_port=443)
    yield NetworkAcl(acl_id=APP_ACL, vpc_id=VPC_ID, default=False, subnet_ids=(closed,), entries=_entries(https))


def _groups() -> Iterator[SecurityGroup]:
    everything_out = GroupRule(egress=True, protocol="-1", cidr=ANYWHERE)
    gateways = [_block_of(_subnet_number("gateway", zone)) for zone in range(len(ZONES))]
    rules: dict[str, list[GroupRule]] = {
        "endpoints": [_tcp(443, BLOCK), everything_out],
        # Port 1031 is missing, which is one of the faults.
        "gateway-endpoint": [
            _tcp(443, BLOCK),
            *(replace(_tcp(1026, block), to_port=1028) for block in gateways),
            everything_out,
        ],
        "app": [everything_out],
        "batch": [replace(_tcp(5432, BLOCK), egress=True)],
        "hana": [everything_out],
        "gateway": [everything_out],
    }
    number = 0
    for name, held in rules.items():
        numbered = []
        for rule in held:
            number += 1
            numbered.append(replace(rule, rule_id=_id("sgr", number)))
        yield SecurityGroup(group_id=GROUPS[name], rules=tuple(numbered))


def _tcp(port: int, block: Network) -> GroupRule:
    return GroupRule(protocol="tcp", from_port=port, to_port=port, cidr=block)


def _resolver_rules() -> Iterator[ResolverRule]:
    yield ResolverRule(
        rule_id="rslvr-autodefined-rr-internet-resolver",
        name="Internet Resolver",
        domain="",
        kind="RECURSIVE",
        targets=(),
        owner_id="Route 53 Resolver",
    )
    yield ResolverRule(
        rule_id="rslvr-rr-0e57a7e0000000001",
        name="corp",
        domain="corp.example",
        kind="FORWARD",
        targets=(_block_of(0x80)[53],),
        owner_id=ACCOUNT,
    )
