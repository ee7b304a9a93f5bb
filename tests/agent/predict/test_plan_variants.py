"""Plans that make the same change in every possible form, each with its true effect. The changes are of a group's
rules, of a network ACL's entries, and of routes.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from agent.report.model import Status
from tests.agent.predict.test_plan_truths import (
    ACL,
    CLOSES,
    GROUP,
    IN_VPC,
    MAIN,
    OK,
    UNKNOWN,
    document,
    of_cloudformation,
    of_terraform,
)
from tests.agent.predict.test_plans import change, row

# --- Rules: the one that admits the VPC's hosts to the endpoint of AWS Backup becomes another one --------------------

RULES: Final[tuple[tuple[str, str, int, int, Status], ...]] = (
    ("10.20.0.0/16", "tcp", 443, 443, OK),
    ("10.0.0.0/8", "tcp", 443, 443, OK),
    ("0.0.0.0/0", "tcp", 443, 443, OK),
    ("10.20.0.0/16", "6", 443, 443, OK),
    ("10.20.0.0/16", "tcp", 0, 65535, OK),
    ("10.20.0.0/16", "tcp", 80, 443, OK),
    ("10.20.0.0/16", "-1", 0, 0, OK),
    ("10.20.0.0/17", "tcp", 443, 443, OK),
    ("10.20.16.0/20", "tcp", 443, 443, CLOSES),
    ("10.99.0.0/16", "tcp", 443, 443, CLOSES),
    ("10.20.0.0/16", "tcp", 444, 444, CLOSES),
    ("10.20.0.0/16", "tcp", 80, 442, CLOSES),
    ("10.20.0.0/16", "udp", 443, 443, CLOSES),
    ("10.20.0.0/16", "17", 443, 443, CLOSES),
    ("pl-0badbad0", "tcp", 443, 443, UNKNOWN),
    ("sg-0e57a7e0000000006", "tcp", 443, 443, CLOSES),
)
ADMITTED: Final = ("10.20.0.0/16", "tcp", 443, 443)
Rule = tuple[str, str, int, int]


def _peer(peer: str, block: str, prefix_list: str, group: str) -> dict[str, str]:
    return {prefix_list if peer.startswith("pl-") else group if peer.startswith("sg-") else block: peer}


def _inline(rule: Rule) -> dict[str, Any]:
    peer, protocol, first, last = rule
    (name, value) = next(iter(_peer(peer, "cidr_blocks", "prefix_list_ids", "security_groups").items()))
    return {"protocol": protocol, "from_port": first, "to_port": last, name: [value]}


def inline_rules(rule: Rule) -> dict[str, Any]:
    before, after = ({"id": GROUP, "ingress": [_inline(one)]} for one in (ADMITTED, rule))
    return of_terraform([row("aws_security_group", before, after)])


def _rule_resource(rule: Rule) -> dict[str, Any]:
    peer, protocol, first, last = rule
    (name, value) = next(iter(_peer(peer, "cidr_blocks", "prefix_list_ids", "source_security_group_id").items()))
    return {
        "security_group_id": GROUP,
        "type": "ingress",
        "protocol": protocol,
        "from_port": first,
        "to_port": last,
        name: value if name == "source_security_group_id" else [value],
    }


def rule_resources(rule: Rule) -> dict[str, Any]:
    before, after = map(_rule_resource, (ADMITTED, rule))
    return of_terraform([row("aws_security_group_rule", before, after, {"id": True}, ["delete", "create"])])


def _single(rule: Rule) -> dict[str, Any]:
    peer, protocol, first, last = rule
    names = _peer(peer, "cidr_ipv4", "prefix_list_id", "referenced_security_group_id")
    ports = {} if protocol == "-1" else {"from_port": first, "to_port": last}
    return {"security_group_id": GROUP, "ip_protocol": protocol, **ports, **names}


def single_rules(rule: Rule) -> dict[str, Any]:
    return of_terraform([row("aws_vpc_security_group_ingress_rule", _single(ADMITTED), _single(rule))])


def _permission(rule: Rule) -> dict[str, Any]:
    peer, protocol, first, last = rule
    names = _peer(peer, "CidrIp", "SourcePrefixListId", "SourceSecurityGroupId")
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, **names}


def properties(rule: Rule) -> dict[str, Any]:
    before, after = ({"SecurityGroupIngress": [_permission(one)]} for one in (ADMITTED, rule))
    return of_cloudformation([change("SecurityGroup", before, after, GROUP)])


def ingress_resources(rule: Rule) -> dict[str, Any]:
    before, after = ({"GroupId": GROUP, **_permission(one)} for one in (ADMITTED, rule))
    replaced = change("SecurityGroupIngress", before, after, "One|Two", Replacement="True")
    return of_cloudformation([replaced])


# --- Entries: another entry in front of the entry that allows everything ---------------------------------------------

ENTRIES: Final[tuple[tuple[str, str, str, int | None, Status], ...]] = (
    ("deny", "10.20.0.0/16", "-1", None, CLOSES),
    ("deny", "0.0.0.0/0", "6", 443, CLOSES),
    ("deny", "10.20.16.0/20", "tcp", 443, CLOSES),
    ("deny", "10.20.0.0/16", "6", 444, OK),
    ("deny", "10.20.0.0/16", "17", 443, OK),
    ("deny", "10.99.0.0/16", "-1", None, OK),
    ("allow", "10.20.0.0/16", "6", 443, OK),
    ("allow", "0.0.0.0/0", "-1", None, OK),
    ("deny", "0.0.0.0/0", "6", 40_000, UNKNOWN),
)
Entry = tuple[str, str, str, int | None]


def inline_entries(entry: Entry) -> dict[str, Any]:
    action, block, protocol, port = entry
    ports = {"from_port": port or 0, "to_port": port or 0}
    ours = {"rule_no": 90, "action": action, "protocol": protocol, "cidr_block": block, **ports}
    there = {
        "rule_no": 100,
        "action": "allow",
        "protocol": "-1",
        "cidr_block": "0.0.0.0/0",
        "from_port": 0,
        "to_port": 0,
    }
    return of_terraform(
        [row("aws_network_acl", {"id": ACL, "ingress": [there]}, {"id": ACL, "ingress": [there, ours]})]
    )


def entry_resources(entry: Entry) -> dict[str, Any]:
    action, block, protocol, port = entry
    values = {"network_acl_id": ACL, "rule_number": 90, "egress": False, "rule_action": action, "cidr_block": block}
    return of_terraform(
        [row("aws_network_acl_rule", None, values | {"protocol": protocol, "from_port": port, "to_port": port})]
    )


def entry_properties(entry: Entry) -> dict[str, Any]:
    action, block, protocol, port = entry
    number = {"tcp": 6}.get(protocol, protocol)
    values = {"NetworkAclId": ACL, "RuleNumber": 90, "RuleAction": action, "CidrBlock": block, "Protocol": number}
    ports = {} if port is None else {"PortRange": {"From": port, "To": port}}
    return of_cloudformation([change("NetworkAclEntry", None, values | ports)])


# --- Routes: another route in the main table -------------------------------------------------------------------------

ROUTES: Final[tuple[tuple[str, str, Status], ...]] = (
    ("0.0.0.0/0", "igw-0badbad0", OK),
    ("0.0.0.0/0", "nat-0badbad0", OK),
    ("10.99.0.0/16", "tgw-0badbad0", OK),
    ("10.99.0.0/16", "pcx-0badbad0", OK),
    ("10.20.0.0/24", "eni-0badbad0", UNKNOWN),
    ("10.20.0.0/24", "", UNKNOWN),
    ("10.20.99.0/24", "eni-0badbad0", OK),
)
Route = tuple[str, str]
_OF_TERRAFORM: Final = {
    "igw": "gateway_id",
    "nat": "nat_gateway_id",
    "tgw": "transit_gateway_id",
    "pcx": "vpc_peering_connection_id",
    "eni": "network_interface_id",
}
_OF_CLOUDFORMATION: Final = {
    "igw": "GatewayId",
    "nat": "NatGatewayId",
    "tgw": "TransitGatewayId",
    "pcx": "VpcPeeringConnectionId",
    "eni": "NetworkInterfaceId",
}


def route_resources(route: Route) -> dict[str, Any]:
    block, target = route
    to = {_OF_TERRAFORM[target[:3]]: target} if target else {}
    unknown = {} if target else {"network_interface_id": True}
    values = {"route_table_id": MAIN, "destination_cidr_block": block, **to}
    return of_terraform([row("aws_route", None, values, unknown)])


def inline_routes(route: Route) -> dict[str, Any]:
    block, target = route
    to = {_OF_TERRAFORM[target[:3]]: target} if target else {}
    unknown = {} if target else {"route": [{"network_interface_id": True}]}
    after = {"id": MAIN, "route": [{"cidr_block": block, **to}]}
    return of_terraform([row("aws_route_table", {"id": MAIN, "route": []}, after, unknown)])


def route_properties(route: Route) -> dict[str, Any]:
    block, target = route
    to = (
        {_OF_CLOUDFORMATION[target[:3]]: target}
        if target
        else {"NetworkInterfaceId": "{{changeSet:KNOWN_AFTER_APPLY}}"}
    )
    return of_cloudformation([change("Route", None, {"RouteTableId": MAIN, "DestinationCidrBlock": block, **to})])


def _variants() -> Iterator[Any]:
    languages: tuple[tuple[tuple[Any, ...], tuple[Callable[[Any], dict[str, Any]], ...]], ...] = (
        (RULES, (inline_rules, rule_resources, single_rules, properties, ingress_resources)),
        (ENTRIES, (inline_entries, entry_resources, entry_properties)),
        (ROUTES, (route_resources, inline_routes, route_properties)),
    )
    for variants, writers in languages:
        for *what, truth in variants:
            for write in writers:
                yield pytest.param(write, tuple(what), truth, id=f"{write.__name__}: {' '.join(map(str, what))}")


VARIANTS: Final = tuple(_variants())


@pytest.mark.parametrize(("write", "what", "truth"), VARIANTS)
def test_a_change_is_judged_alike_in_every_language(
    write: Callable[[Any], dict[str, Any]], what: tuple[Any, ...], truth: Status
) -> None:
    result = document(write(what))
    assert result.verdict.status is truth, (result.assumed, result.unjudged, result.changes)


def test_the_rule_that_admits_is_the_one_of_the_example() -> None:
    assert [_inline(ADMITTED)] == IN_VPC
    assert len(VARIANTS) > 120
