"""Terraform plans and CloudFormation change sets. The tests check the meaning of each kind of resource, values that are
not known yet, and refusals.
"""

import json
from collections import Counter
from dataclasses import replace
from ipaddress import ip_network
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given

from agent.network.answers import Answer
from agent.network.edits import Edit, Endpoint, Listed, Member, NewEndpoint, NewHolder, Settable, Setting, Unsettled
from agent.network.names import KnownVpc
from agent.network.pending import Aspect
from agent.network.written_edits import unknown_groups
from agent.predict.model import Effect, PredictionDocument
from agent.predict.plan import applied, parse
from agent.predict.plan_values import Plan, PlanError, ResourceChange
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import Reachability
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from probes.vpc.model import GatewayEndpoint, Manager, Route
from tests.agent.network.networks import INTERFACE, LOCAL_ROUTES, THERE, entry, out, route, rule
from tests.agent.predict.test_assume import ENDPOINT, acl_of, known, table_of
from tests.agent.predict.test_prediction import HOST_NAME, SERVICE, TAKEN_AT, healthy, host
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.hostile.fuzz.plans import content, read
from tests.support.repository import ROOT

GROUP: Final = "sg-0123abcd"
ACL: Final = "acl-0123abcd"
TABLE: Final = "rtb-0123abcd"
SUBNET: Final = "subnet-0123abcd"
VPCE: Final = "vpce-0123abcd"
UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"


def terraform(*rows: dict[str, Any], **more: Any) -> Plan:
    document = {"format_version": "1.2", "planned_values": {}, "resource_changes": list(rows), **more}
    return parse(json.dumps(document).encode(), "plan.json")


def row(
    kind: str, before: Any = None, after: Any = None, unknown: Any = None, actions: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    """A change of one resource. Its action follows from the values before and after."""
    usual = ["create"] if before is None else ["delete"] if after is None else ["update"]
    change = {"actions": actions or usual, "before": before, "after": after, "after_unknown": unknown or {}}
    return {"address": f"{kind}.one", "mode": "managed", "type": kind, "name": "one", "change": change, **more}


def change_set(*changes: dict[str, Any], **more: Any) -> Plan:
    document = {
        "ChangeSetName": "review",
        "Changes": [{"Type": "Resource", "ResourceChange": change} for change in changes],
        **more,
    }
    return parse(json.dumps(document).encode(), "change-set.json")


def change(kind: str, before: Any = None, after: Any = None, own_id: str | None = None, **more: Any) -> dict[str, Any]:
    action = "Add" if before is None else "Remove" if after is None else "Modify"
    contexts = {
        name: json.dumps({"Properties": properties})
        for name, properties in (("BeforeContext", before), ("AfterContext", after))
        if properties is not None
    }
    made = {"Action": action, "ResourceType": f"AWS::EC2::{kind}", "LogicalResourceId": "One", **contexts, **more}
    return made | ({} if own_id is None else {"PhysicalResourceId": own_id})


def new_endpoint(service_name: str, vpc_id: str, *, private_dns: bool) -> NewEndpoint:
    return NewEndpoint(
        service_name=service_name, vpc_id=vpc_id, private_dns=private_dns, policy=None, is_policy_known=False
    )


def kinds_of(plan: Plan) -> dict[str, int]:
    """For each kind, the number of changes that are not judged."""
    return dict(Counter(one.kind for one in plan.unjudged))


def of(plan: Plan) -> ResourceChange:
    assert (plan.unjudged, plan.left_out) == ((), 0)
    (made,) = plan.changes
    return made


# --- What the kinds of resources say ---------------------------------------------------------------------------------


def group_rule(cidr: str = "10.1.0.0/16", ports: str = "443", **more: Any) -> Member:
    return Member(Listed.GROUP_RULE, GROUP, rule(ports, cidr, **more))


RULE: Final = {"security_group_id": GROUP, "from_port": 443, "to_port": 443}
PERMISSION: Final = {"from_port": 443, "to_port": 443, "protocol": "tcp"}
ENTRY: Final = {"network_acl_id": ACL, "rule_number": 90, "rule_action": "deny", "protocol": "tcp", "egress": False}
TO: Final = {"route_table_id": TABLE, "destination_cidr_block": "10.9.0.0/16"}
INTERFACE_TYPE: Final = {"id": VPCE, "vpc_endpoint_type": "Interface"}


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (
            "aws_security_group",
            {
                "id": GROUP,
                "ingress": [
                    PERMISSION | {"cidr_blocks": ["10.1.0.0/16"], "ipv6_cidr_blocks": ["fd00:b::/48"], "self": True},
                    PERMISSION | {"prefix_list_ids": ["pl-0123abcd"], "security_groups": ["111122223333/sg-0123abce"]},
                ],
                "egress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}],
            },
            [
                group_rule(),
                group_rule("fd00:b::/48"),
                group_rule(GROUP),
                group_rule("pl-0123abcd"),
                group_rule("sg-0123abce"),
                group_rule("0.0.0.0/0", "", egress=True, protocol="-1"),
            ],
        ),
        (
            "aws_security_group_rule",
            RULE | {"type": "ingress", "protocol": "6", "cidr_blocks": ["10.1.0.0/16", "10.2.0.0/16"], "self": False},
            [group_rule(), group_rule("10.2.0.0/16")],
        ),
        (
            "aws_security_group_rule",
            RULE | {"type": "egress", "protocol": "all", "source_security_group_id": "sg-0123abce", "self": False},
            [group_rule("sg-0123abce", "", egress=True, protocol="-1")],
        ),
        (
            "aws_vpc_security_group_ingress_rule",
            RULE | {"ip_protocol": "tcp", "cidr_ipv4": "10.1.0.0/16"},
            [group_rule()],
        ),
        (
            "aws_vpc_security_group_egress_rule",
            RULE | {"ip_protocol": "udp", "referenced_security_group_id": "sg-0123abce"},
            [group_rule("sg-0123abce", egress=True, protocol="udp")],
        ),
        (
            "aws_network_acl",
            {
                "id": ACL,
                "subnet_ids": [SUBNET],
                "ingress": [
                    {"rule_no": 90, "action": "deny", "protocol": "6", "from_port": 443, "to_port": 443}
                    | {"cidr_block": "10.1.0.0/16", "ipv6_cidr_block": ""}
                ],
                "egress": [
                    {"rule_no": 7, "action": "allow", "protocol": "-1", "from_port": 0, "to_port": 0}
                    | {"cidr_block": "", "ipv6_cidr_block": "fd00::/8"}
                ],
            },
            [
                Member(Listed.SUBNET_ACL, SUBNET, ACL),
                Member(Listed.ACL_ENTRY, ACL, entry(90, "deny", "10.1.0.0/16", "443")),
                Member(Listed.ACL_ENTRY, ACL, entry(7, "allow", "fd00::/8", egress=True)),
            ],
        ),
        (
            "aws_network_acl_rule",
            ENTRY | {"cidr_block": "10.1.0.0/16", "from_port": 443, "to_port": 443},
            [Member(Listed.ACL_ENTRY, ACL, entry(90, "deny", "10.1.0.0/16", "443"))],
        ),
        (
            "aws_network_acl_association",
            {"network_acl_id": ACL, "subnet_id": SUBNET},
            [Member(Listed.SUBNET_ACL, SUBNET, ACL)],
        ),
        (
            "aws_route",
            TO | {"transit_gateway_id": "tgw-0123abcd", "gateway_id": ""},
            [Member(Listed.ROUTE, TABLE, route("10.9.0.0/16", "tgw-0123abcd"))],
        ),
        (
            "aws_route_table",
            {
                "id": TABLE,
                "route": [
                    {"cidr_block": "", "ipv6_cidr_block": "fd00:7::/48", "vpc_peering_connection_id": "pcx-0123abcd"},
                    {"cidr_block": "", "destination_prefix_list_id": "pl-0123abcd", "gateway_id": "vgw-0123abcd"},
                ],
            },
            [
                Member(Listed.ROUTE, TABLE, route("fd00:7::/48", "pcx-0123abcd")),
                Member(Listed.ROUTE, TABLE, Route(prefix_list_id="pl-0123abcd", target="vgw-0123abcd")),
            ],
        ),
        (
            "aws_route_table_association",
            {"route_table_id": TABLE, "subnet_id": SUBNET},
            [Member(Listed.SUBNET_TABLE, SUBNET, TABLE)],
        ),
        (
            "aws_vpc_endpoint",
            INTERFACE_TYPE
            | {"policy": "{}", "private_dns_enabled": True, "security_group_ids": [GROUP], "subnet_ids": [SUBNET]},
            [
                Setting(Settable.POLICY, VPCE, "{}"),
                Setting(Settable.PRIVATE_DNS, VPCE, True),
                Member(Listed.ENDPOINT_GROUP, VPCE, GROUP),
                Member(Listed.ENDPOINT_SUBNET, VPCE, SUBNET),
            ],
        ),
        (
            "aws_vpc_endpoint",
            {"id": VPCE, "vpc_endpoint_type": "Gateway", "route_table_ids": [TABLE], "private_dns_enabled": False},
            [Member(Listed.GATEWAY_TABLE, VPCE, TABLE)],
        ),
        ("aws_vpc_endpoint_policy", {"vpc_endpoint_id": VPCE, "policy": "{}"}, [Setting(Settable.POLICY, VPCE, "{}")]),
        (
            "aws_vpc_endpoint_security_group_association",
            {"vpc_endpoint_id": VPCE, "security_group_id": GROUP},
            [Member(Listed.ENDPOINT_GROUP, VPCE, GROUP)],
        ),
        (
            "aws_vpc_endpoint_subnet_association",
            {"vpc_endpoint_id": VPCE, "subnet_id": SUBNET},
            [Member(Listed.ENDPOINT_SUBNET, VPCE, SUBNET)],
        ),
        (
            "aws_vpc_endpoint_route_table_association",
            {"vpc_endpoint_id": VPCE, "route_table_id": TABLE},
            [Member(Listed.GATEWAY_TABLE, VPCE, TABLE)],
        ),
        (
            "aws_vpc",
            {"id": "vpc-0123abcd", "enable_dns_support": True, "enable_dns_hostnames": False},
            [
                Setting(Settable.DNS_SUPPORT, "vpc-0123abcd", True),
                Setting(Settable.DNS_HOSTNAMES, "vpc-0123abcd", False),
            ],
        ),
    ],
)
def test_what_a_resource_of_terraform_says(kind: str, values: dict[str, Any], said: list[Edit]) -> None:
    """If a resource is deleted, the edits that its creation adds are removed."""
    assert of(terraform(row(kind, after=values))).after == tuple(said)
    if kind not in ("aws_vpc", "aws_vpc_endpoint"):
        assert of(terraform(row(kind, before=values))).before == tuple(said)
    both = of(terraform(row(kind, before=values | {"some": 1}, after=values | {"some": 2})))
    assert both.before == both.after == tuple(said)


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        (
            "SecurityGroupIngress",
            {"GroupId": GROUP, "IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "CidrIp": "10.1.0.0/16"},
            [group_rule()],
        ),
        (
            "SecurityGroupEgress",
            {"GroupId": GROUP, "IpProtocol": "-1", "DestinationPrefixListId": "pl-0123abcd"},
            [group_rule("pl-0123abcd", "", egress=True, protocol="-1")],
        ),
        (
            "NetworkAclEntry",
            {"NetworkAclId": ACL, "RuleNumber": "90", "Protocol": 6, "RuleAction": "deny", "Egress": "false"}
            | {"CidrBlock": "10.1.0.0/16", "PortRange": {"From": 443, "To": "443"}},
            [Member(Listed.ACL_ENTRY, ACL, entry(90, "deny", "10.1.0.0/16", "443"))],
        ),
        (
            "SubnetNetworkAclAssociation",
            {"NetworkAclId": ACL, "SubnetId": SUBNET},
            [Member(Listed.SUBNET_ACL, SUBNET, ACL)],
        ),
        (
            "Route",
            {"RouteTableId": TABLE, "DestinationCidrBlock": "10.9.0.0/16", "NatGatewayId": "nat-0123abcd"},
            [Member(Listed.ROUTE, TABLE, route("10.9.0.0/16", "nat-0123abcd"))],
        ),
        (
            "SubnetRouteTableAssociation",
            {"RouteTableId": TABLE, "SubnetId": SUBNET},
            [Member(Listed.SUBNET_TABLE, SUBNET, TABLE)],
        ),
        ("NetworkAcl", {"VpcId": "vpc-0123abcd"}, []),
        ("RouteTable", {"VpcId": "vpc-0123abcd"}, []),
    ],
)
def test_what_a_resource_of_cloudformation_says(kind: str, properties: dict[str, Any], said: list[Edit]) -> None:
    assert of(change_set(change(kind, after=properties))).after == tuple(said)
    assert of(change_set(change(kind, before=properties, own_id="One-1"))).before == tuple(said)


def test_a_group_of_cloudformation_lets_everything_out_where_it_does_not_say() -> None:
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    before = {"SecurityGroupIngress": [permission | {"CidrIp": "10.1.0.0/16"}]}
    after = before | {"SecurityGroupEgress": [permission | {"DestinationSecurityGroupId": "sg-0123abce"}]}
    made = of(change_set(change("SecurityGroup", before, after, GROUP)))
    assert made.before == (group_rule(), group_rule("0.0.0.0/0", "", egress=True, protocol="-1"))
    assert made.after == (group_rule(), group_rule("sg-0123abce", egress=True))


def test_an_endpoint_of_cloudformation() -> None:
    before = {"VpcEndpointType": "Interface", "SecurityGroupIds": [GROUP], "SubnetIds": [SUBNET]}
    after = before | {"PrivateDnsEnabled": "true", "PolicyDocument": {"Statement": []}}
    made = of(change_set(change("VPCEndpoint", before, after, VPCE)))
    same = (Member(Listed.ENDPOINT_GROUP, VPCE, GROUP), Member(Listed.ENDPOINT_SUBNET, VPCE, SUBNET))
    assert made.before == (Setting(Settable.POLICY, VPCE, None), Setting(Settable.PRIVATE_DNS, VPCE, False), *same)
    assert made.after == (
        Setting(Settable.POLICY, VPCE, '{"Statement": []}'),
        Setting(Settable.PRIVATE_DNS, VPCE, True),
        *same,
    )
    deleted = of(change_set(change("VPCEndpoint", before, own_id=VPCE)))
    assert (deleted.before, deleted.after) == ((Endpoint(VPCE),), ())
    assert of(change_set(change("VPCEndpoint", {"RouteTableIds": [TABLE]}, own_id=VPCE))).before == (
        Endpoint(VPCE, is_gateway=True),
    )


def test_dns_attributes_of_cloudformation_have_defaults() -> None:
    made = of(change_set(change("VPC", {}, {"EnableDnsHostnames": True}, "vpc-0123abcd")))
    assert made.before[1:] == (Setting(Settable.DNS_HOSTNAMES, "vpc-0123abcd", False),)
    assert made.after[1:] == (Setting(Settable.DNS_HOSTNAMES, "vpc-0123abcd", True),)


# --- What is known only once the plan is applied ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "unknown", "pending"),
    [
        ("aws_security_group", {"id": GROUP}, {"ingress": True}, (GROUP, Aspect.INBOUND)),
        (
            "aws_security_group",
            {"id": GROUP},
            {"egress": [{"security_groups": [True]}]},
            (GROUP, Aspect.OUTBOUND),
        ),
        (
            "aws_security_group_rule",
            {"security_group_id": GROUP, "type": "ingress", **PERMISSION},
            {"source_security_group_id": True},
            (GROUP, Aspect.INBOUND),
        ),
        (
            "aws_vpc_security_group_egress_rule",
            RULE | {"ip_protocol": "tcp"},
            {"referenced_security_group_id": True},
            (GROUP, Aspect.OUTBOUND),
        ),
        ("aws_network_acl_rule", ENTRY, {"cidr_block": True}, (ACL, Aspect.INBOUND)),
        ("aws_network_acl", {"id": ACL}, {"egress": True}, (ACL, Aspect.OUTBOUND)),
        ("aws_route", {"route_table_id": TABLE}, {"destination_prefix_list_id": True}, (TABLE, Aspect.ROUTES)),
        ("aws_route_table", {"id": TABLE}, {"route": True}, (TABLE, Aspect.ROUTES)),
        ("aws_vpc_endpoint", INTERFACE_TYPE, {"policy": True}, (VPCE, Aspect.POLICY)),
        ("aws_vpc_endpoint", INTERFACE_TYPE, {"private_dns_enabled": True}, (VPCE, Aspect.NAME)),
        ("aws_vpc_endpoint", INTERFACE_TYPE, {"subnet_ids": [False, True]}, (VPCE, Aspect.ADDRESSES)),
        ("aws_vpc_endpoint_policy", {"vpc_endpoint_id": VPCE}, {"policy": True}, (VPCE, Aspect.POLICY)),
        ("aws_vpc", {"id": "vpc-0123abcd"}, {"enable_dns_support": True}, ("vpc-0123abcd", Aspect.NAME)),
    ],
)
def test_what_terraform_does_not_know_yet(
    kind: str, values: dict[str, Any], unknown: dict[str, Any], pending: tuple[str, Aspect]
) -> None:
    before = values if "id" in values else None
    after = of(terraform(row(kind, before=before, after=values, unknown=unknown))).after
    assert [(one.resource_id, one.aspect) for one in after if isinstance(one, Unsettled)] == [pending]


@pytest.mark.parametrize(
    ("kind", "values", "unknown", "said"),
    [
        (
            "aws_route",
            TO,
            {"nat_gateway_id": True, "network_interface_id": True},
            Member(Listed.ROUTE, TABLE, route("10.9.0.0/16", "unknown")),
        ),
        (
            "aws_route",
            TO | {"nat_gateway_id": "nat-0123abcd"},
            {"network_interface_id": True},
            Member(Listed.ROUTE, TABLE, route("10.9.0.0/16", "nat-0123abcd")),
        ),
        (
            "aws_route_table_association",
            {"subnet_id": SUBNET},
            {"route_table_id": True},
            NewHolder(Listed.SUBNET_TABLE, SUBNET),
        ),
        (
            "aws_network_acl_association",
            {"subnet_id": SUBNET},
            {"network_acl_id": True},
            NewHolder(Listed.SUBNET_ACL, SUBNET),
        ),
        ("aws_network_acl", {"subnet_ids": [SUBNET]}, {"id": True}, NewHolder(Listed.SUBNET_ACL, SUBNET)),
        (
            "aws_vpc_endpoint_security_group_association",
            {"vpc_endpoint_id": VPCE},
            {"security_group_id": True},
            unknown_groups(VPCE),
        ),
        (
            "aws_vpc_endpoint",
            {"service_name": "com.amazonaws.eu-west-1.sns", "vpc_id": "vpc-0123abcd", "private_dns_enabled": True}
            | {"vpc_endpoint_type": "Interface"},
            {"id": True, "policy": True},
            new_endpoint("com.amazonaws.eu-west-1.sns", "vpc-0123abcd", private_dns=True),
        ),
    ],
)
def test_what_terraform_makes(kind: str, values: dict[str, Any], unknown: dict[str, Any], said: Edit) -> None:
    assert of(terraform(row(kind, after=values, unknown=unknown))).after == (said,)


def test_what_is_of_a_resource_that_the_plan_makes_changes_nothing_that_is_there() -> None:
    for kind in ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_network_acl_rule", "aws_route"):
        parent = {"security_group_id": True, "network_acl_id": True, "route_table_id": True}
        made = row("aws_vpc", after={}, unknown={"id": True})
        plan = terraform(made, row(kind, after={}, unknown=parent))
        assert ([one.after for one in plan.changes], plan.unjudged) == ([(), ()], ())
    for kind in ("aws_security_group", "aws_route_table", "aws_vpc"):
        assert of(terraform(row(kind, after={}, unknown={"id": True}))).after == ()


def test_a_group_that_is_replaced_leaves_open_what_takes_its_place() -> None:
    values = {"id": GROUP, "ingress": [PERMISSION | {"cidr_blocks": ["10.1.0.0/16"]}]}
    for actions in (["delete", "create"], ["create", "delete"]):
        made = of(terraform(row("aws_security_group", values, {"ingress": []}, {"id": True}, actions)))
        assert made.before == (group_rule(),)
        assert {(one.resource_id, one.aspect) for one in made.after if isinstance(one, Unsettled)} == {
            (GROUP, Aspect.INBOUND),
            (GROUP, Aspect.OUTBOUND),
        }


def test_an_endpoint_that_is_replaced_is_gone_and_made() -> None:
    new = {"vpc_endpoint_type": "Interface", "service_name": "x", "vpc_id": "vpc-0123abcd"}
    made = of(
        terraform(row("aws_vpc_endpoint", INTERFACE_TYPE, new, {"id": True, "policy": True}, ["delete", "create"]))
    )
    assert made.before == (Endpoint(VPCE),)
    assert made.after == (new_endpoint("x", "vpc-0123abcd", private_dns=False),)


def test_what_a_change_set_does_not_know_yet() -> None:
    unsettled = change_set(
        change(
            "SecurityGroupIngress",
            after={"GroupId": GROUP, "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "SourceSecurityGroupId": UNKNOWN},
        )
    )
    (edit,) = of(unsettled).after
    assert isinstance(edit, Unsettled)
    assert edit.aspect is Aspect.INBOUND
    to = {"RouteTableId": TABLE, "DestinationCidrBlock": "10.9.0.0/16", "NatGatewayId": UNKNOWN}
    assert of(change_set(change("Route", after=to))).after == (
        Member(Listed.ROUTE, TABLE, route("10.9.0.0/16", "unknown")),
    )
    moved = {"SubnetId": SUBNET, "RouteTableId": UNKNOWN}
    assert of(change_set(change("SubnetRouteTableAssociation", after=moved))).after == (
        NewHolder(Listed.SUBNET_TABLE, SUBNET),
    )
    groups = {"VpcEndpointType": "Interface", "SecurityGroupIds": [UNKNOWN]}
    assert unknown_groups(VPCE) in of(change_set(change("VPCEndpoint", groups, groups | {"x": 1}, VPCE))).after


# --- What is left out, and what is not followed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "unjudged", "left_out"),
    [
        (row("aws_iam_role", after={}), {}, 1),
        (row("aws_route53_zone", after={}), {"aws_route53_zone": 1}, 0),
        (row("aws_subnet", after={}), {}, 1),
        (row("aws_subnet", before={"x": 1}), {"aws_subnet": 1}, 0),
        (row("aws_instance", before={"x": 1}, after={"x": 2}), {}, 1),
        (
            row("aws_instance", before={"subnet_id": "a"}, after={"subnet_id": "b"}),
            {"aws_instance": 1},
            0,
        ),
        (
            row("aws_instance", before={}, after={}, unknown={"vpc_security_group_ids": True}),
            {"aws_instance": 1},
            0,
        ),
        (row("aws_route53_zone", before={"tags": 1}, after={"tags": 2}), {}, 0),
        (row("aws_route53_zone", before={}, after={}, actions=["no-op"]), {}, 0),
        (row("aws_security_group", before={"id": GROUP}, actions=["forget"]), {}, 0),
        (row("aws_route53_zone", after={}, mode="data"), {}, 0),
        (row("aws_route", after=TO | {"destination_cidr_block": "everywhere"}), {"aws_route": 1}, 0),
        (row("aws_route", after={"route_table_id": "rtb-ÄÖÜ"}), {"aws_route": 1}, 0),
        (row("aws_vpc_endpoint", after={"vpc_endpoint_type": "Gateway"}), {"aws_vpc_endpoint": 1}, 0),
        *(
            (row(kind, after=values | {name: text}), {kind: 1}, 0)
            for kind, values, name in (
                ("aws_route", TO, "gateway_id"),
                ("aws_network_acl_rule", ENTRY | {"cidr_block": "10.1.0.0/16"}, "protocol"),
                ("aws_vpc_security_group_ingress_rule", RULE | {"cidr_ipv4": "10.1.0.0/16"}, "ip_protocol"),
            )
            for text in ("\x1b[2J", "\u202e", "\ud800", "a\nb", "<b>")
        ),
    ],
)
def test_a_change_of_terraform_that_is_not_followed(
    made: dict[str, Any], unjudged: dict[str, int], left_out: int
) -> None:
    plan = terraform(made)
    assert (kinds_of(plan), plan.left_out, plan.changes) == (unjudged, left_out, ())


@pytest.mark.parametrize(
    ("made", "unjudged", "left_out"),
    [
        (change("VPCEndpoint", {}, {}, VPCE, Replacement="Conditional"), {"AWS::EC2::VPCEndpoint": 1}, 0),
        (change("Route", {}, {}, Action="Dynamic"), {"AWS::EC2::Route": 1}, 0),
        (change("Route", {}, {}, Action="Import"), {}, 0),
        (change("VPCEndpoint", {}, own_id=VPCE, PolicyAction="Retain"), {}, 0),
        (change("Subnet", after={}), {}, 1),
        (change("Subnet", {"A": 1}, {"A": 2}), {"AWS::EC2::Subnet": 1}, 0),
        (change("Subnet", {"A": 1}, {"A": 1}), {}, 1),
        (change("x", after={}, ResourceType="AWS::CloudFormation::Stack"), {"AWS::CloudFormation::Stack": 1}, 0),
        (change("x", after={}, ResourceType="AWS::Route53::RecordSet"), {"AWS::Route53::RecordSet": 1}, 0),
        (change("Instance", {"SubnetId": "a"}, {"SubnetId": "b"}), {"AWS::EC2::Instance": 1}, 0),
        (change("Instance", {"ImageId": "a"}, {"ImageId": "b"}), {}, 1),
        (change("Route", after={}, AfterContext="{"), {"AWS::EC2::Route": 1}, 0),
        (change("Route", after={}, AfterContext="[" * 100_000), {"AWS::EC2::Route": 1}, 0),
    ],
)
def test_a_change_of_cloudformation_that_is_not_followed(
    made: dict[str, Any], unjudged: dict[str, int], left_out: int
) -> None:
    plan = change_set(made)
    assert (kinds_of(plan), plan.left_out, plan.changes) == (unjudged, left_out, ())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "is neither a plan of Terraform (terraform show -json PLAN) nor a change set of CloudFormation"),
        ([], "is neither"),
        ({"format_version": "1.0", "values": {}}, "is neither"),  # a state, and not a plan
        (
            {"format_version": "2.0", "resource_changes": []},
            "its format_version is not one that this version understands",
        ),
        ({"resource_changes": []}, "its format_version is not one"),
        ({"format_version": "1.2", "resource_changes": {}}, "its `resource_changes` is not a list"),
        (
            {"format_version": "1.2", "resource_changes": [], "errored": True},
            "ended with an error, so it is incomplete",
        ),
        ({"format_version": "1.2", "resource_changes": [1]}, "resource_changes[0] is not a change of a resource"),
        (
            {"format_version": "1.2", "resource_changes": [row("aws_vpc", after={}, actions=["explode"])]},
            "resource_changes[0] is not a change",
        ),
        (
            {"ChangeSetName": "x", "Changes": [], "NextToken": "2"},
            "one page of several; write all pages with aws",
        ),
        ({"ChangeSetName": "x", "Changes": {}}, "its `Changes` is not a list"),
        ({"ChangeSetName": "x", "Changes": [{}]}, "Changes[0] is not a change of a resource"),
        ({"ChangeSetName": "x", "Changes": [], "Status": "FAILED"}, "its change set was not created as a whole"),
        (
            {
                "ChangeSetName": "x",
                "Changes": [{"ResourceChange": {"ResourceType": "AWS::EC2::Route", "Action": "Add"}}],
            },
            "it has no values of properties; write all pages with aws cloudformation describe-change-set --include-",
        ),
    ],
)
def test_what_is_no_plan_is_refused(document: Any, why: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse(json.dumps(document).encode(), "plan.json")
    assert str(caught.value).startswith("plan.json: ")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\xff", "is not UTF-8 text, and so not a plan"),
        (b"[" * 100_000, "is nested too deep for a plan"),
        (b"PK\x03\x04", "is not JSON"),  # the binary plan file
        (b'{"a": ' + b"9" * 5_000 + b"}", "has a number with too many digits"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(PlanError, match=f"^plan.json: {why}"):
        parse(data, "plan.json")


@given(by_hypothesis(content))
def test_whatever_a_plan_holds_it_is_followed_or_refused(data: bytes) -> None:
    plan = read(data)
    if isinstance(plan, str):
        assert plan.startswith("plan.json: ")
        return
    planned = applied(known(), [plan])
    assert all(words.isprintable() for words in (*planned.words, *planned.unjudged))


@pytest.mark.parametrize(
    ("name", "shown"), [("Group", "Group"), ("Group\x1b[31m\n", "sg-new-1"), ("G" * 300, "sg-new-1")]
)
def test_a_name_of_a_new_group_is_shown_if_it_has_the_form_of_a_name(name: str, shown: str) -> None:
    endpoint = {"VpcEndpointType": "Interface", "VpcId": "vpc-0123abcd", "SecurityGroupIds": [UNKNOWN]}
    plan = change_set(
        change("SecurityGroup", None, {"VpcId": "vpc-0123abcd"}, LogicalResourceId=name),
        change("VPCEndpoint", None, endpoint | {"ServiceName": "com.amazonaws.eu-west-1.kms"}),
    )
    (words,) = [words for words in applied(known(), [plan]).words if words.startswith("create the security group")]
    assert words == f"create the security group {shown}, here sg-new-1"


def test_the_generator_of_hostile_plans_makes_some_that_are_followed() -> None:
    plans = [read(content(Random(seed))) for seed in range(40)]
    assert sum(not isinstance(plan, str) and bool(plan.changes) for plan in plans) >= 10


# --- What a prediction says ------------------------------------------------------------------------------------------


def document(*plans: Plan, of_vpc: KnownVpc | None = None, required: bool = True) -> PredictionDocument:
    asked = Asked(sources=(EVERY_SOURCE,), services={SERVICE: required}, ports=())
    facts = Facts(known=of_vpc or known(), taken_at=TAKEN_AT, not_read=())
    return predicted(facts, asked, plans=plans)


def at(result: PredictionDocument, port: int = 443) -> set[Reachability]:
    return {path.outcome for path in result.paths if path.port == port and THERE in path.addresses}


def group_plan(*, before: list[Any], after: Any, unknown: Any = None, group_id: str = "sg-there") -> Plan:
    return terraform(
        row(
            "aws_security_group",
            {"id": group_id, "ingress": before},
            {"id": group_id, "ingress": after},
            unknown or {},
        )
    )


EVERYTHING_IN: Final = {"from_port": 0, "to_port": 65535, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/16"]}


def test_a_plan_that_closes_is_critical_however_all_ports_are_written() -> None:
    result = document(group_plan(before=[EVERYTHING_IN], after=[]))
    assert result.assumed == ("sg-there: remove inbound tcp 0-65535 from 10.0.0.0/16",)
    assert result.verdict.status is Status.CRITICAL
    assert at(result) == {Reachability.BLOCKED}


def test_a_plan_that_takes_too_long_is_refused() -> None:
    plan = group_plan(before=[EVERYTHING_IN], after=[])
    with pytest.raises(PlanError, match=r"plan\.json: has more changes than could be followed in time"):
        applied(known(), [plan], is_late=lambda: True)


def test_a_rule_that_moves_into_a_resource_of_its_own_changes_nothing() -> None:
    moved = {"security_group_id": "sg-there", "ip_protocol": "tcp", "from_port": 0, "to_port": 65535}
    plan = terraform(
        row("aws_vpc_security_group_ingress_rule", after=moved | {"cidr_ipv4": "10.0.0.0/16"}),
        row("aws_security_group", {"id": "sg-there", "ingress": [EVERYTHING_IN]}, {"id": "sg-there", "ingress": []}),
    )
    result = document(plan)
    assert (result.assumed, result.changes, result.verdict.status) == ((), (), Status.OK)


def test_rules_that_are_not_known_yet_are_never_open() -> None:
    result = document(group_plan(before=[EVERYTHING_IN], after=None, unknown={"ingress": True}))
    assert at(result) == {Reachability.CANNOT_TELL}
    assert result.verdict.status is Status.UNKNOWN
    assert {change.effect for change in result.changes} == {Effect.MAY_CLOSE}


def test_a_hop_that_stops_a_connect_that_another_hop_leaves_in_part() -> None:
    """An endpoint is pending whenever somebody modifies it, and may work meanwhile. Its state decides both times."""
    pending = known(healthy(host(5), endpoints=(replace(ENDPOINT, state="pending"),)))
    for before, effects in (([EVERYTHING_IN], {Effect.MAY_CLOSE}), ([], set())):
        plan = group_plan(before=before, after=None, unknown={"ingress": True})
        result = document(plan, of_vpc=pending)
        assert (at(document(of_vpc=pending)), at(result)) == ({Reachability.DOUBTFUL}, {Reachability.DOUBTFUL})
        assert {change.effect for change in result.changes} == effects
        assert {change.decided_by for change in result.changes} == ({("sg-there",)} if effects else set())


def test_a_further_rule_that_is_not_known_yet_closes_nothing() -> None:
    more = terraform(
        row(
            "aws_vpc_security_group_ingress_rule",
            after={"security_group_id": "sg-there", "ip_protocol": "tcp", "from_port": 443, "to_port": 443},
            unknown={"referenced_security_group_id": True},
        )
    )
    result = document(more)
    assert at(result) == {Reachability.OPEN}
    assert (result.changes, result.verdict.status) == ((), Status.OK)
    shut = known(there_rules=[rule("22", "10.0.0.0/16")])
    result = document(more, of_vpc=shut)
    assert at(result) == {Reachability.CANNOT_TELL}
    assert {change.effect for change in result.changes} == {Effect.MAY_OPEN}


@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_a_network_acl_that_is_not_known_yet_is_never_open(way: str) -> None:
    acl_id = acl_of(known().configuration, "subnet-there").acl_id
    result = document(terraform(row("aws_network_acl", {"id": acl_id}, {"id": acl_id}, {way: True})))
    assert at(result) == {Reachability.CANNOT_TELL}
    assert result.verdict.status is Status.UNKNOWN


@pytest.mark.parametrize("subnet_id", ["subnet-host", "subnet-there"])
@pytest.mark.parametrize(
    "kind", ["aws_route_table_association", "aws_network_acl_association"], ids=["table", "network ACL"]
)
def test_a_subnet_that_gets_what_is_not_known_yet_is_never_open(subnet_id: str, kind: str) -> None:
    """The path of the answers is unknown, too, although the local route of a VPC is not a hop."""
    unknown = {"route_table_id": True, "network_acl_id": True}
    result = document(terraform(row(kind, after={"subnet_id": subnet_id}, unknown=unknown)))
    assert at(result) == {Reachability.CANNOT_TELL}
    assert result.verdict.status is Status.UNKNOWN
    assert "known only once the plan is applied" in result.changes[0].words


def test_a_route_whose_target_is_not_known_yet() -> None:
    (table_id,) = (table.table_id for table in known().configuration.route_tables or () if table.main)
    for block, outcome in (("10.0.0.0/24", Reachability.CANNOT_TELL), ("10.9.0.0/16", Reachability.OPEN)):
        to = {"route_table_id": table_id, "destination_cidr_block": block}
        result = document(terraform(row("aws_route", after=to, unknown={"nat_gateway_id": True})))
        assert at(result) == {outcome}, block


def endpoint_values(**more: Any) -> dict[str, Any]:
    return {
        "id": ENDPOINT.endpoint_id,
        "vpc_endpoint_type": "Interface",
        "private_dns_enabled": True,
        "security_group_ids": ["sg-there"],
        "subnet_ids": list(ENDPOINT.subnet_ids),
        **more,
    }


def test_an_endpoint_with_another_group() -> None:
    after = endpoint_values(security_group_ids=["sg-host"])
    result = document(terraform(row("aws_vpc_endpoint", endpoint_values(), after)))
    assert at(result) == {Reachability.BLOCKED}
    assert result.verdict.status is Status.CRITICAL
    unknown = document(terraform(row("aws_vpc_endpoint", endpoint_values(), after, {"security_group_ids": True})))
    assert at(unknown) == {Reachability.CANNOT_TELL}
    assert unknown.verdict.status is Status.UNKNOWN


def allowing(condition: Any = None, **more: Any) -> dict[str, Any]:
    """A statement that allows everything to callers that meet a condition."""
    whole = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    return whole | ({} if condition is None else {"Condition": {"StringEquals": condition}}) | more


OURS: Final = allowing({"aws:PrincipalOrgID": "o-0123456789"})
OF_A_ROLE: Final = allowing(Principal={"AWS": "arn:aws:iam::111122223333:role/Backup"})


@pytest.mark.parametrize(
    ("policy", "effects"),
    [
        ({"Statement": [allowing({"aws:PrincipalOrgID": "o-9876543210"})]}, {Effect.MAY_CLOSE}),
        ({"Statement": [OF_A_ROLE]}, {Effect.MAY_CLOSE}),
        ({"Statement": [OURS, OF_A_ROLE]}, set()),
        ({"Statement": [OURS | {"Sid": "Ours"}], "Version": "2012-10-17"}, set()),
        ({"Statement": [OURS, OF_A_ROLE | {"Effect": "Deny"}]}, {Effect.MAY_CLOSE}),
        ({"Statement": []}, {Effect.MAY_CLOSE}),
        (None, {Effect.MAY_CLOSE}),
    ],
    ids=["another organization", "a role instead", "a role, too", "a name", "but not a role", "no policy", "unknown"],
)
def test_a_call_that_depends_on_its_caller_may_close_if_its_policy_narrows(policy: Any, effects: set[Effect]) -> None:
    """The call is unknown before and after the change."""
    old = json.dumps({"Statement": [OURS]})
    there = known(healthy(host(5), endpoints=(replace(ENDPOINT, policy=old),)))
    after = endpoint_values() if policy is None else endpoint_values(policy=json.dumps(policy))
    unknown = {"policy": policy is None}
    result = document(terraform(row("aws_vpc_endpoint", endpoint_values(policy=old), after, unknown)), of_vpc=there)
    assert [call.outcome for call in result.calls] == [Reachability.CANNOT_TELL]
    assert {change.effect for change in result.changes} == effects
    assert result.verdict.status is (Status.UNKNOWN if effects else Status.OK)


def test_an_endpoint_that_is_deleted_closes_its_name_and_its_addresses() -> None:
    result = document(terraform(row("aws_vpc_endpoint", endpoint_values())))
    assert result.verdict.status is Status.CRITICAL
    assert {change.effect for change in result.changes} == {Effect.CLOSES}
    assert {bool(change.ports) for change in result.changes} == {True, False}
    assert result.names[0].answer is Answer.PUBLIC


def test_an_endpoint_without_private_dns_that_is_deleted_closes_too() -> None:
    """The endpoint's own name is also deleted. The answer for the service's name stays the same."""
    bare = known(healthy(host(5), endpoints=(replace(ENDPOINT, private_dns=False),)))
    result = document(terraform(row("aws_vpc_endpoint", endpoint_values(private_dns_enabled=False))), of_vpc=bare)
    assert result.verdict.status is Status.CRITICAL
    assert {change.effect for change in result.changes} == {Effect.CLOSES}
    assert THERE in result.changes[0].addresses


def test_an_endpoint_that_may_be_reached_now_may_close_when_it_is_deleted() -> None:
    """Its own name leads to it. The state `pending` does not show whether it works."""
    bare = known(healthy(host(5), endpoints=(replace(ENDPOINT, private_dns=False, state="pending"),)))
    result = document(terraform(row("aws_vpc_endpoint", endpoint_values(private_dns_enabled=False))), of_vpc=bare)
    assert result.verdict.status is Status.UNKNOWN
    assert {change.effect for change in result.changes} == {Effect.MAY_CLOSE}


def test_an_address_that_is_not_known_yet_may_close() -> None:
    more = endpoint_values(subnet_ids=[*ENDPOINT.subnet_ids, "subnet-0123abcf"])
    result = document(terraform(row("aws_vpc_endpoint", endpoint_values(), more)))
    assert result.verdict.status is Status.UNKNOWN
    assert {change.effect for change in result.changes} == {Effect.MAY_CLOSE}


def test_a_new_endpoint_leaves_its_name_open() -> None:
    none = known(healthy(host(5), endpoints=(), endpoint_interfaces=()))
    made = {"vpc_endpoint_type": "Interface", "service_name": ENDPOINT.service_name, "vpc_id": "vpc-a"}
    plan = parse(
        json.dumps(
            {
                "format_version": "1.2",
                "resource_changes": [
                    row("aws_vpc_endpoint", after=made | {"vpc_id": "vpc-aaaa"}, unknown={"id": True}),
                ],
            }
        ).encode(),
        "plan.json",
    )
    in_other = document(plan, of_vpc=none)
    assert in_other.ignored == ("1 change of resources that are not in the configuration that was read",)
    new = NewEndpoint(service_name=ENDPOINT.service_name, vpc_id="vpc-a", private_dns=True, policy=None)
    own = Plan(
        name="plan.json",
        changes=(ResourceChange(kind="aws_vpc_endpoint", before=(), after=(new,)),),
        unjudged=(),
        left_out=0,
        manager=Manager(tool="Terraform"),
    )
    before, result = document(of_vpc=none), document(own, of_vpc=none)
    assert before.names[0].answer is Answer.PUBLIC
    assert result.names[0].answer is Answer.CANNOT_TELL
    assert {path.outcome for path in result.paths} == {Reachability.CANNOT_TELL}
    assert Effect.OPENS not in {change.effect for change in result.changes}


def test_what_may_matter_and_is_not_followed_is_never_ok() -> None:
    result = document(terraform(row("aws_route53_zone", after={}), row("aws_route53_zone", after={})))
    (words,) = result.unjudged
    assert words.startswith("2 changes of aws_route53_zone (aws_route53_zone.one and aws_route53_zone.one), which may")
    assert words.endswith('--harmless aws_route53_zone, or harmless = ["aws_route53_zone"] in a file of intents')
    assert result.verdict.status is Status.UNKNOWN
    assert result.verdict.summary == "the effect of a part of the change is not known"
    closing = document(terraform(row("aws_route53_zone", after={})), group_plan(before=[EVERYTHING_IN], after=[]))
    assert closing.verdict.status is Status.CRITICAL


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        (
            terraform(
                row(
                    "aws_vpc_endpoint", {"id": VPCE, "ip_address_type": "ipv4"}, {"id": VPCE, "ip_address_type": "ipv6"}
                )
            ),
            "aws_vpc_endpoint",
        ),
        (
            terraform(row("aws_route_table", {"id": TABLE}, {"id": TABLE}, {"propagating_vgws": True})),
            "aws_route_table",
        ),
        (
            change_set(change("VPCEndpoint", {}, {"DnsOptions": {"DnsRecordIpType": "ipv6"}}, VPCE)),
            "AWS::EC2::VPCEndpoint",
        ),
    ],
)
def test_what_is_not_followed_of_a_kind_that_is(plan: Plan, kind: str) -> None:
    assert kinds_of(plan) == {kind: 1}
    assert len(plan.changes) == 1
    assert document(plan).verdict.status is Status.UNKNOWN


def test_what_has_no_part_and_what_is_elsewhere_is_counted() -> None:
    elsewhere = {"security_group_id": "sg-0123abcf", "ip_protocol": "tcp", "from_port": 1, "to_port": 1}
    plan = terraform(
        row("aws_iam_role", after={}),
        row("aws_vpc_security_group_ingress_rule", after=elsewhere | {"cidr_ipv4": "10.1.0.0/16"}),
    )
    result = document(plan)
    assert result.assumed == ()
    assert result.ignored == (
        "1 change of resources that are not in the configuration that was read",
        "1 change of resources that do not affect paths and names",
    )
    assert (result.verdict.status, result.changes) == (Status.OK, ())


def test_a_plan_that_does_not_fit_what_is_there_is_not_judged() -> None:
    """An entry with this number already exists, so the plan was made for another configuration."""
    acl_id = acl_of(known().configuration, "subnet-there").acl_id
    values = ENTRY | {"network_acl_id": acl_id, "rule_number": 100, "cidr_block": "10.1.0.0/16"}
    result = document(terraform(row("aws_network_acl_rule", after=values)))
    assert "has an inbound entry 100 already; remove it first" in result.unjudged[0]
    assert result.verdict.status is Status.UNKNOWN


def test_a_plan_of_what_is_there_already_changes_nothing() -> None:
    there = {"security_group_id": "sg-there", "ip_protocol": "tcp", "from_port": 0, "to_port": 65535}
    plan = terraform(row("aws_vpc_security_group_ingress_rule", after=there | {"cidr_ipv4": "10.0.0.0/16"}))
    result = document(plan)
    assert (result.assumed, result.unjudged, result.verdict.status) == ((), (), Status.OK)


def test_private_dns_moves_from_one_endpoint_to_another_whatever_the_order() -> None:
    other = replace(
        ENDPOINT, endpoint_id="vpce-0123abce", private_dns=False, interface_ids=("eni-other",), group_ids=("sg-host",)
    )
    shut = replace(INTERFACE, interface_id="eni-other", group_ids=("sg-host",), addresses=(THERE + 1,))
    two = known(
        healthy(
            host(5),
            endpoints=(ENDPOINT, other),
            endpoint_interfaces=(INTERFACE, shut),
            host_rules=[out("", "10.0.0.0/8")],
        )
    )
    rows = [
        row("aws_vpc_endpoint", {"id": one, "vpc_endpoint_type": "Interface", "private_dns_enabled": before},
            {"id": one, "vpc_endpoint_type": "Interface", "private_dns_enabled": not before})
        for one, before in (("vpce-0123abce", False), (ENDPOINT.endpoint_id, True))
    ]  # fmt: skip
    result = document(terraform(*rows), of_vpc=two)
    assert result.unjudged == ()
    assert result.names[0].endpoint_ids == ("vpce-0123abce",)
    assert result.verdict.status is Status.CRITICAL, "the name leads to what nobody is let into"
    assert {change.effect for change in result.changes} == {Effect.CLOSES}


def test_a_gateway_endpoint_and_its_route() -> None:
    gateway = GatewayEndpoint(
        endpoint_id="vpce-0123abcc",
        service_name="com.amazonaws.eu-west-1.s3",
        vpc_id="vpc-a",
        state="available",
        route_table_ids=("rtb-000there",),
    )
    to = Route(prefix_list_id="pl-0123abcd", target=gateway.endpoint_id)
    one = known(healthy(host(5), endpoints=(ENDPOINT,), gateway_endpoints=(gateway,), there_routes=[*LOCAL_ROUTES, to]))
    table = table_of(one.configuration, "subnet-host")
    made = applied(one, [
        terraform(row("aws_vpc_endpoint_route_table_association",
                      after={"vpc_endpoint_id": gateway.endpoint_id, "route_table_id": table.table_id}))
    ]).known  # fmt: skip
    assert to in table_of(made.configuration, "subnet-host").routes
    gone = applied(made, [terraform(row("aws_vpc_endpoint", {"id": gateway.endpoint_id}))]).known
    assert gone.configuration.gateway_endpoints == ()
    assert not any(one.target == gateway.endpoint_id for one in table_of(gone.configuration, "subnet-host").routes)


@pytest.mark.parametrize(("file", "edits"), [("plan.json", 6), ("change-set.json", 3)])
def test_the_examples_are_followed(file: str, edits: int) -> None:
    plan = parse((ROOT / "docs/examples" / file).read_bytes(), file)
    assert sum(len(set(change.after) - set(change.before)) for change in plan.changes) == edits - (file == "plan.json")
    assert (kinds_of(plan), plan.left_out > 0) == ({}, True)


def test_a_name_that_the_attributes_decide_is_not_known_while_they_are_not() -> None:
    result = document(terraform(row("aws_vpc", {"id": "vpc-aaaa"}, {"id": "vpc-aaaa"}, {"enable_dns_support": True})))
    assert result.names[0].answer is Answer.PRIVATE, "another VPC's"
    pending = Unsettled("vpc-a", Aspect.NAME, "enable_dns_support of vpc-a is known only once the plan is applied")
    own = Plan(
        name="plan.json",
        changes=(ResourceChange(kind="aws_vpc", before=(), after=(pending,)),),
        unjudged=(),
        left_out=0,
        manager=Manager(tool="Terraform"),
    )
    result = document(own)
    assert result.names[0].host == HOST_NAME
    assert result.names[0].answer is Answer.CANNOT_TELL
    assert result.verdict.status is Status.UNKNOWN


def test_blocks_are_read_as_ec2_writes_them() -> None:
    (made,) = of(terraform(row("aws_route", after=TO | {"destination_cidr_block": "10.9.1.2/16"}))).after
    assert isinstance(made, Member)
    assert made.item.destination == ip_network("10.9.0.0/16")


# --- What takes over a resource, and what only forgets it ------------------------------------------------------------

INTO: Final = {"cidr_block": "10.9.0.0/16", "transit_gateway_id": "tgw-0123abcd"}


def test_a_main_table_that_is_adopted_loses_what_is_not_configured() -> None:
    there = known(healthy(host(5), endpoints=(ENDPOINT,), there_routes=[*LOCAL_ROUTES, route("10.9.0.0/16", "tgw-1")]))
    (main,) = (table.table_id for table in there.configuration.route_tables or () if table.main)
    adopted = terraform(
        row("aws_default_route_table", None, {"default_route_table_id": main, "route": []}, {"id": True})
    )
    left = applied(there, [adopted]).known.configuration.route_tables or ()
    assert [one.target for table in left if table.main for one in table.routes] == ["local"] * len(LOCAL_ROUTES)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_default_route_table", {"id": TABLE, "route": [INTO]}),
        ("aws_vpc_peering_connection_accepter", {"vpc_peering_connection_id": "pcx-0123abcd", "auto_accept": True}),
        ("aws_vpc", {"id": "vpc-0123abcd", "enable_dns_support": True, "enable_dns_hostnames": True}),
    ],
)
def test_what_terraform_forgets_stays_as_it_is(kind: str, values: dict[str, Any]) -> None:
    """If Terraform forgets a resource, AWS keeps its settings. If a VPC is deleted, it has no settings any more."""
    assert of(terraform(row(kind, values))).before == ()
    assert of(terraform(row(kind, values | {"x": 1}, values | {"x": 2}))).before != ()
