"""`docs/examples/account.json`: the facts of the VPCs of a made-up account, for trying `backuplink audit`.

The first VPC is that of `docs/examples/estate.json`. The endpoint of the second has private DNS off, and an interface
in only one of two zones. The policy of the third VPC's endpoint is meant to deny one account, but denies everybody. The
fourth VPC uses the endpoint of another VPC through a hosted zone, but gets no answers. The last VPC has no endpoint.
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, ip_network
from typing import Final

import estate
from agent.report import facts_file
from agent.settings import Ec2Facts
from probes.model import Observation, Ok
from probes.vpc.model import (
    AMAZON_DNS,
    AVAILABLE,
    DHCP_OPTIONS,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    PREFIX_LISTS,
    PRIVATE_ZONES,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC,
    VPC_DNS,
    AclEntry,
    ConfigurationFacts,
    DhcpOptionsFacts,
    EndpointsFacts,
    GroupRule,
    InterfacesFacts,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    PrefixListsFacts,
    PrivateZone,
    PrivateZonesFacts,
    ResolverRulesFacts,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    Subnet,
    SubnetsFacts,
    Vpc,
    VpcDnsFacts,
    VpcEndpoint,
    VpcFacts,
)

HOST: Final = f"backup.{estate.REGION}.amazonaws.com"
OFF, SHUT, SPOKE, EMPTY = range(2, 6)
"""The numbers of the further VPCs."""
DENIES_ONE: Final = '{"Statement":[{"Effect":"Deny","Principal":{"AWS":"444455556666"},"Action":"*","Resource":"*"}]}'
"""A policy like one in AWS's examples. It does not allow anything to anybody."""
ZONE_ID: Final = "Z0E57A7E000000000001"


def _id(kind: str, vpc: int, number: int) -> str:
    return f"{kind}-0e57a7e{vpc * 0x1000 + number:010x}"


def _block(vpc: int) -> IPv4Network:
    return ip_network(f"10.{20 + vpc}.0.0/16")  # type: ignore[return-value] # it is IPv4


def _subnets(vpc: int) -> tuple[Subnet, ...]:
    return tuple(
        Subnet(
            subnet_id=_id("subnet", vpc, zone),
            vpc_id=_id("vpc", vpc, 0),
            cidrs=(block,),
            availability_zone=f"{estate.REGION}{letter}",
            availability_zone_id=f"euw1-az{zone}",
            owner_id=estate.ACCOUNT,
        )
        for zone, (letter, block) in enumerate(zip("ab", _block(vpc).subnets(new_prefix=24), strict=False), 1)
    )


def _endpoint(vpc: int, zones: int, *, private_dns: bool, policy: str | None) -> VpcEndpoint:
    endpoint_id = _id("vpce", vpc, 1)
    own = f"{endpoint_id}-abcdefgh.backup.{estate.REGION}.vpce.amazonaws.com"
    return VpcEndpoint(
        endpoint_id=endpoint_id,
        service_name=f"com.amazonaws.{estate.REGION}.backup",
        vpc_id=_id("vpc", vpc, 0),
        state=AVAILABLE,
        private_dns=private_dns,
        ip_address_type="ipv4",
        dns_record_type="ipv4",
        dns_names=(own, HOST) if private_dns else (own,),
        subnet_ids=tuple(_id("subnet", vpc, zone) for zone in range(1, zones + 1)),
        interface_ids=tuple(_id("eni", vpc, 0x10 + zone) for zone in range(1, zones + 1)),
        group_ids=(_id("sg", vpc, 1),),
        policy=policy,
        owner_id=estate.ACCOUNT,
    )


_MADE: Final = {
    OFF: _endpoint(OFF, 1, private_dns=False, policy=None),
    SHUT: _endpoint(SHUT, 2, private_dns=True, policy=DENIES_ONE),
}


def _interfaces(vpc: int) -> Iterator[NetworkInterface]:
    """The interfaces of an endpoint."""
    for zone, interface_id in enumerate(_MADE[vpc].interface_ids if vpc in _MADE else ()):
        subnet = _subnets(vpc)[zone]
        yield NetworkInterface(
            interface_id=interface_id,
            vpc_id=subnet.vpc_id,
            subnet_id=subnet.subnet_id,
            addresses=(subnet.cidrs[0][10],),
            group_ids=(_id("sg", vpc, 1),),
            kind="vpc_endpoint",
            status="in-use",
            availability_zone=subnet.availability_zone,
            owner_id=estate.ACCOUNT,
        )


def _hosts(vpc: int) -> Iterator[NetworkInterface]:
    for zone, subnet in enumerate(_subnets(vpc), 1):
        yield NetworkInterface(
            interface_id=_id("eni", vpc, 0x20 + zone),
            vpc_id=subnet.vpc_id,
            subnet_id=subnet.subnet_id,
            addresses=(subnet.cidrs[0][20],),
            group_ids=(_id("sg", vpc, 2),),
            kind="interface",
            status="in-use",
            availability_zone=subnet.availability_zone,
            instance_id=_id("i", vpc, zone),
            owner_id=estate.ACCOUNT,
        )


def _groups(vpc: int) -> tuple[SecurityGroup, ...]:
    everything_out = GroupRule(egress=True, protocol="-1", cidr=estate.ANYWHERE)
    https = GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=_block(vpc))
    return (
        SecurityGroup(group_id=_id("sg", vpc, 1), rules=(https, everything_out)),
        SecurityGroup(group_id=_id("sg", vpc, 2), rules=(everything_out,)),
    )


def _table(vpc: int) -> RouteTable:
    """The route table of a VPC. If other VPCs use the VPC's endpoint, its table has no route back to them."""
    to_hub = (Route(destination=_block(SHUT), target=_id("tgw", 1, 1)),) if vpc == SPOKE else ()
    return RouteTable(
        table_id=_id("rtb", vpc, 1),
        vpc_id=_id("vpc", vpc, 0),
        main=True,
        subnet_ids=(),
        routes=(Route(destination=_block(vpc)), *to_hub),
    )


def _acl(vpc: int) -> NetworkAcl:
    entries = tuple(
        AclEntry(number=number, egress=egress, allow=number == 100, cidr=estate.ANYWHERE)
        for egress in (True, False)
        for number in (100, 32767)
    )
    return NetworkAcl(
        acl_id=_id("acl", vpc, 1),
        vpc_id=_id("vpc", vpc, 0),
        default=True,
        subnet_ids=tuple(subnet.subnet_id for subnet in _subnets(vpc)),
        entries=entries,
    )


def _read(vpc: int, everything: EndpointsFacts) -> dict[str, ConfigurationFacts]:
    """The facts of a VPC, by read. Only facts that differ from those of the first VPC are included."""
    vpc_id = _id("vpc", vpc, 0)
    near = tuple(dict.fromkeys((vpc, *_MADE)))
    """The VPCs with endpoints, and this VPC. Their networks are read together."""
    zone = PrivateZone(zone_id=ZONE_ID, name=HOST, owner=estate.ACCOUNT, of_service=False)
    hosts = () if vpc == EMPTY else tuple(_hosts(vpc))
    own = tuple(_interfaces(vpc))
    dhcp_options_id = _id("dopt", vpc, 1)
    return {
        ENDPOINTS: everything,
        ENDPOINT_INTERFACES: InterfacesFacts(
            interfaces=tuple(interface for number in _MADE for interface in _interfaces(number))
        ),
        VPC: VpcFacts(
            vpc=Vpc(vpc_id=vpc_id, owner_id=estate.ACCOUNT, cidrs=(_block(vpc),), dhcp_options_id=dhcp_options_id)
        ),
        VPC_DNS: VpcDnsFacts(support=True, hostnames=True),
        DHCP_OPTIONS: DhcpOptionsFacts(options_id=dhcp_options_id, name_servers=(AMAZON_DNS,)),
        SUBNETS: SubnetsFacts(subnets=tuple(subnet for number in near for subnet in _subnets(number))),
        ROUTE_TABLES: RouteTablesFacts(tables=tuple(map(_table, near))),
        NETWORK_ACLS: NetworkAclsFacts(acls=tuple(map(_acl, near))),
        SECURITY_GROUPS: SecurityGroupsFacts(groups=tuple(group for number in near for group in _groups(number))),
        PREFIX_LISTS: PrefixListsFacts(lists=()),
        RESOLVER_RULES: ResolverRulesFacts(rules=()),
        PRIVATE_ZONES: PrivateZonesFacts(zones=(zone,) if vpc == SPOKE else ()),
        INTERFACES: InterfacesFacts(interfaces=(*hosts, *own)),
    }


def facts() -> tuple[Ec2Facts, ...]:
    """The facts of each VPC."""
    whole = estate.facts()
    outcomes = {seen.subject.operation: seen for seen in whole.observations}
    of_estate = outcomes[ENDPOINTS].facts
    if not isinstance(of_estate, EndpointsFacts):
        raise TypeError("the estate has endpoints")
    everything = replace(of_estate, endpoints=(*of_estate.endpoints, *_MADE.values()))
    others = [
        replace(
            whole,
            vpc_id=_id("vpc", vpc, 0),
            observations=tuple(_observation(seen, _read(vpc, everything)) for seen in whole.observations),
        )
        for vpc in (OFF, SHUT, SPOKE, EMPTY)
    ]
    first = replace(
        whole, observations=tuple(_observation(seen, {ENDPOINTS: everything}) for seen in whole.observations)
    )
    return (first, *others)


def _observation(seen: Observation[object], read: dict[str, ConfigurationFacts]) -> Observation[object]:
    known = read.get(seen.subject.operation or "")
    return seen if known is None else replace(seen, outcome=Ok(known))


def document() -> str:
    """The text of the file."""
    return facts_file.dumps_all(facts())
