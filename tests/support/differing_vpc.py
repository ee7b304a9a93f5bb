"""A variant of the large VPC in which all groups, route tables, network ACLs and policies differ. Nearly every host
therefore has different predictions, and is in a class of its own.
"""

import json
from dataclasses import replace
from ipaddress import IPv4Network, ip_network
from random import Random
from typing import Any, Final

from agent.settings import Ec2Facts
from probes.model import Ok
from probes.vpc.model import (
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    AclEntry,
    GroupRule,
    InterfacesFacts,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    VpcEndpoint,
)
from tests.support import large_vpc

GROUPS: Final = 200
_BLOCK: Final = ip_network("10.0.0.0/12")
_ANYWHERE: Final = ip_network("0.0.0.0/0")
_OUT: Final = GroupRule(egress=True, protocol="-1", cidr=_ANYWHERE)
_PORTS: Final = ((443, 443), (443, 443), (443, 1031), (0, 65535), (1026, 1031))


def facts(seed: int = 1) -> Ec2Facts:
    """The facts of the VPC. The same seed always gives the same facts."""
    chance, plain = Random(seed), large_vpc.facts()
    held: dict[str | None, Any] = {
        seen.subject.operation: seen.outcome.facts for seen in plain.observations if isinstance(seen.outcome, Ok)
    }
    endpoints = tuple(_endpoint(chance, one, number) for number, one in enumerate(held[ENDPOINTS].endpoints))
    groups_of = {own: endpoint.group_ids for endpoint in endpoints for own in endpoint.interface_ids}

    def grouped(interface: NetworkInterface) -> NetworkInterface:
        return replace(interface, group_ids=groups_of.get(interface.interface_id) or _some_groups(chance))

    made: dict[str | None, Any] = {
        ENDPOINTS: replace(held[ENDPOINTS], endpoints=endpoints),
        ENDPOINT_INTERFACES: InterfacesFacts(interfaces=tuple(map(grouped, held[ENDPOINT_INTERFACES].interfaces))),
        INTERFACES: InterfacesFacts(interfaces=tuple(map(grouped, held[INTERFACES].interfaces))),
        SECURITY_GROUPS: SecurityGroupsFacts(groups=tuple(_group(chance, number) for number in range(GROUPS))),
        ROUTE_TABLES: RouteTablesFacts(tables=tuple(map(_table, range(large_vpc.SUBNET_COUNT)))),
        NETWORK_ACLS: NetworkAclsFacts(acls=tuple(_acl(chance, number) for number in range(large_vpc.SUBNET_COUNT))),
    }
    observations = (
        replace(seen, outcome=Ok(made[seen.subject.operation])) if seen.subject.operation in made else seen
        for seen in plain.observations
    )
    return replace(plain, observations=tuple(observations))


def _id(kind: str, number: int) -> str:
    return f"{kind}-{number:017x}"


def _block(number: int) -> IPv4Network:
    return IPv4Network((int(_BLOCK.network_address) + number * 256, 24))


def _some_groups(chance: Random) -> tuple[str, ...]:
    return tuple(_id("sg", 1_000 + number) for number in chance.sample(range(GROUPS), chance.randrange(1, 4)))


def _endpoint(chance: Random, endpoint: VpcEndpoint, number: int) -> VpcEndpoint:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": f"backup:Delete{number}", "Resource": "*"}
    return replace(endpoint, group_ids=_some_groups(chance), policy=json.dumps({"Statement": [allow, deny]}))


def _group(chance: Random, number: int) -> SecurityGroup:
    rules = tuple(_rule(chance) for _ in range(chance.randrange(4, 12)))
    return SecurityGroup(group_id=_id("sg", 1_000 + number), rules=(*rules, _OUT) if number % 3 else rules)


def _rule(chance: Random) -> GroupRule:
    first, last = chance.choice(_PORTS)
    rule = GroupRule(egress=chance.random() < 0.5, protocol="tcp", from_port=first, to_port=last)
    kind = chance.random()
    if kind < 0.4:
        return replace(rule, cidr=_block(chance.randrange(large_vpc.SUBNET_COUNT)))
    if kind < 0.9:
        return replace(rule, referenced_group_id=_id("sg", 1_000 + chance.randrange(GROUPS)))
    return replace(rule, cidr=_BLOCK)


def _table(number: int) -> RouteTable:
    routes = (Route(destination=_BLOCK), Route(destination=_ANYWHERE, target=_id("nat", number)))
    return RouteTable(
        table_id=_id("rtb", number),
        vpc_id=large_vpc.VPC_ID,
        main=number == 0,
        subnet_ids=(_id("subnet", number),),
        routes=routes,
    )


def _acl(chance: Random, number: int) -> NetworkAcl:
    denied = [
        AclEntry(
            number=10 + place,
            egress=chance.random() < 0.5,
            allow=False,
            protocol="tcp",
            from_port=443,
            to_port=443,
            cidr=_block(chance.randrange(large_vpc.SUBNET_COUNT)),
        )
        for place in range(chance.randrange(5))
    ]
    rest = [AclEntry(number=100, egress=egress, allow=True, cidr=_ANYWHERE) for egress in (True, False)]
    return NetworkAcl(
        acl_id=_id("acl", number),
        vpc_id=large_vpc.VPC_ID,
        default=number == 0,
        subnet_ids=(_id("subnet", number),),
        entries=(*denied, *rest),
    )
