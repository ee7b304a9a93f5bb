"""Plans that only tools write: resources that are replaced, moved, imported, forgotten or deferred, in modules and in
stacks. A plan that closes something, or may close something, is never called harmless.
"""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from agent.network.names import KnownVpc
from agent.predict.plan import parse
from agent.predict.plan_values import PlanError
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from probes.vpc.model import SECURITY_GROUPS
from tests.agent.predict.test_plan_truths import (
    ACL,
    CLOSES,
    ENDPOINT,
    GROUP,
    HOST,
    IN_VPC,
    KNOWN_LATER,
    MAIN,
    OF_HOSTS,
    OK,
    OPEN_ACL,
    OUT,
    S3,
    SUBNET,
    UNKNOWN,
    VPC,
)
from tests.agent.predict.test_plan_truths import PLANS as OF_RESOURCES
from tests.agent.predict.test_plan_variants import VARIANTS
from tests.agent.predict.test_prediction import TAKEN_AT
from tests.hostile.fuzz.plans import estate

REFUSED: Final = None
"""The result for a plan that is incomplete or has an unknown format. Such a plan is not judged."""
SUBNETS: Final = ["subnet-0e57a7e0000000001", "subnet-0e57a7e0000000002", "subnet-0e57a7e0000000003"]
"""The subnets of the endpoints."""
OF_DATABASE: Final = "sg-0e57a7e0000000004"
INSTANCE: Final = "i-0e57a7e0000001010"
RULE: Final = "aws_vpc_security_group_ingress_rule"
ENTRY: Final = "aws_network_acl_rule"
DENY: Final = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]})
Row = dict[str, Any]


def row(kind: str, before: Any, after: Any, *actions: str, unknown: Any = None, **more: Any) -> Row:
    change = {"actions": list(actions), "before": before, "after": after, "after_unknown": unknown or {}}
    change |= more.pop("change", {})
    provider = "registry.terraform.io/hashicorp/aws"
    known = {"address": f"{kind}.x", "mode": "managed", "type": kind, "name": "x", "provider_name": provider}
    return known | {"change": change} | more


def plan(*rows: Row, **more: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "terraform_version": "1.14.0", "resource_changes": list(rows), **more}


def rule(cidr: str | None = "10.20.0.0/16", **more: Any) -> Row:
    """The rule that lets hosts reach AWS Backup's endpoint, or its replacement."""
    ports = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}
    return {"id": "sgr-0e57a7e0000000001", "security_group_id": GROUP, "cidr_ipv4": cidr, **ports, **more}


def entry(number: int, action: str = "allow") -> Row:
    values = {"network_acl_id": ACL, "rule_number": number, "egress": False, "rule_action": action, "protocol": "-1"}
    return {"id": "nacl-1", "cidr_block": "0.0.0.0/0", "from_port": 0, "to_port": 0, **values}


def endpoint(service: str = "backup", **more: Any) -> Row:
    return {
        "vpc_endpoint_type": "Interface",
        "service_name": f"com.amazonaws.eu-west-1.{service}",
        "vpc_id": VPC,
        "security_group_ids": [GROUP],
        "subnet_ids": SUBNETS,
        "private_dns_enabled": True,
        **more,
    }


def configured(**expressions: Any) -> dict[str, Any]:
    """The part of the plan's configuration about its endpoint and its group."""
    resources = [
        {"mode": "managed", "type": "aws_vpc_endpoint", "name": "x", "expressions": {"vpc_id": {}, **expressions}},
        {"mode": "managed", "type": "aws_security_group", "name": "x", "expressions": {"vpc_id": {}}},
    ]
    return {"root_module": {"resources": resources}}


HAS: Final = {"id": ENDPOINT}
NEW: Final = {"id": True}
OLD_GROUP: Final = {"id": GROUP, "name": "old", "vpc_id": VPC, "ingress": IN_VPC, "egress": OUT}
FOLLOWS: Final = row(
    "aws_vpc_endpoint",
    endpoint(**HAS),
    {name: value for name, value in endpoint(**HAS).items() if name != "security_group_ids"},
    "update",
    unknown={"security_group_ids": True},
)
"""An endpoint whose group is replaced. Its group ids are therefore only known after the plan is applied."""
REFERS: Final = configured(security_group_ids={"references": ["aws_security_group.x.id", "aws_security_group.x"]})
NOT_SHOWN: Final = {"address": "aws_vpc_security_group_ingress_rule.x", "change": {"actions": ["delete"]}}


def instance(**more: Any) -> Row:
    groups = {"subnet_id": SUBNET, "vpc_security_group_ids": [OF_HOSTS]}
    return {"id": INSTANCE, "primary_network_interface_id": HOST, **groups, **more}


def replaced(by: Row, **unknown: bool) -> Row:
    known_later = NEW | {"private_ip": True, "primary_network_interface_id": True} | unknown
    return row("aws_instance", instance(), by, "delete", "create", unknown=known_later)


TERRAFORM: Final[dict[str, tuple[Status | None, dict[str, Any]]]] = {
    # Actions on a resource.
    "a rule is created before the old one goes": (
        CLOSES,
        plan(row(RULE, rule(), rule("10.99.0.0/16"), "create", "delete", unknown=NEW)),
    ),
    "a rule is replaced by one from a group that is not there yet": (
        UNKNOWN,
        plan(row(RULE, rule(), rule(None), "delete", "create", unknown=NEW | {"referenced_security_group_id": True})),
    ),
    "a key of for_each is gone": (
        CLOSES,
        plan(row(ENTRY, entry(100), None, "delete", index="in", action_reason="delete_because_each_key")),
    ),
    "a resource is not configured any more": (
        CLOSES,
        plan(row(RULE, rule(), None, "delete", action_reason="delete_because_no_resource_config")),
    ),
    "a resource is called otherwise": (
        OK,
        plan(row(RULE, rule(), rule(), "no-op", previous_address=f"{RULE}.old")),
    ),
    "a resource is called otherwise and changes": (
        CLOSES,
        plan(row(RULE, rule(), rule("10.99.0.0/16"), "update", previous_address=f"{RULE}.old")),
    ),
    "a resource is imported as it is": (
        OK,
        plan(row("aws_security_group", OLD_GROUP, OLD_GROUP, "no-op", change={"importing": {"id": GROUP}})),
    ),
    "a resource is imported and changes": (
        CLOSES,
        plan(
            row(
                *("aws_security_group", OLD_GROUP, OLD_GROUP | {"ingress": []}, "update"),
                change={"importing": {"id": GROUP}},
            )
        ),
    ),
    "a resource is forgotten": (OK, plan(row("aws_security_group", OLD_GROUP, None, "forget"))),
    "a resource is forgotten and another one made": (
        OK,
        plan(row(RULE, rule(), rule("10.99.0.0/16"), "create", "forget", unknown=NEW)),
    ),
    "an object that was left behind is deleted": (CLOSES, plan(row(RULE, rule(), None, "delete", deposed="abcd1234"))),
    "a rule of a module in a module is deleted": (
        CLOSES,
        plan(row(RULE, rule(), None, "delete", module_address='module.net.module.groups["a"]')),
    ),
    "a description changes": (OK, plan(row(RULE, rule(description="one"), rule(description="two"), "update"))),
    "what a rule was before it changes is not shown": (REFUSED, plan(row(RULE, None, rule("10.99.0.0/16"), "update"))),
    "what a rule was before it goes is not shown": (REFUSED, plan(row(RULE, None, None, "delete"))),
    "what a rule will be is not shown": (REFUSED, plan(row(RULE, rule(), None, "update"))),
    "a word for what happens is not known": (REFUSED, plan(row(RULE, rule(), None, "destroy"))),
    # Parts of a plan other than its changes.
    "changes are deferred": (UNKNOWN, plan(complete=False)),
    "changes are deferred, and the plan does not say that it is not whole": (
        UNKNOWN,
        plan(deferred_changes=[{"reason": "resource_config_unknown", "resource_change": NOT_SHOWN}]),
    ),
    "an action is called": (
        UNKNOWN,
        plan(action_invocations=[{"address": "action.aws_ec2_stop_instance.x", "type": "aws_ec2_stop_instance"}]),
    ),
    "an action that is deferred is called": (
        UNKNOWN,
        plan(
            deferred_action_invocations=[
                {"reason": "unknown", "action_invocation": {"type": "aws_lambda_invoke", "address": "action.x"}}
            ]
        ),
    ),
    "an action of another provider is called": (
        OK,
        plan(action_invocations=[{"address": "action.local_command.x", "type": "local_command"}]),
    ),
    "something drifted": (
        OK,
        plan(resource_drift=[row("aws_security_group", OLD_GROUP, OLD_GROUP | {"ingress": []}, "update")]),
    ),
    "an output changes": (OK, plan(output_changes={"x": {"actions": ["update"], "before": "a", "after": "b"}})),
    "a data source is read": (
        OK,
        plan(row("aws_iam_policy_document", None, {"json": ""}, "read", unknown={"json": True}, mode="data")),
    ),
    "a secret is opened for the run": (
        OK,
        plan(row("aws_secretsmanager_secret_version", None, None, "open", mode="ephemeral")),
    ),
    "the plan ended with an error": (REFUSED, plan(errored=True)),
    # Network ACLs and routes.
    "the entry that allows gets another number": (
        OK,
        plan(row(ENTRY, entry(100), entry(200), "delete", "create", unknown=NEW)),
    ),
    "the entry that allows goes behind one that denies": (
        CLOSES,
        plan(
            row(ENTRY, entry(100), entry(200), "delete", "create", unknown=NEW),
            row(ENTRY, None, entry(150, "deny"), "create", unknown=NEW),
        ),
    ),
    "a subnet of the endpoints gets a network ACL that the plan makes": (
        UNKNOWN,
        plan(
            row(
                *("aws_network_acl", None, {"vpc_id": VPC, "subnet_ids": SUBNETS[:1], "ingress": [], "egress": []}),
                "create",
                unknown=NEW,
            )
        ),
    ),
    "a network ACL lets nothing out any more": (
        CLOSES,
        plan(row("aws_network_acl", {"id": ACL} | OPEN_ACL, {"id": ACL} | OPEN_ACL | {"egress": []}, "update")),
    ),
    "a route leads the VPC's own addresses to an interface that is not there yet": (
        UNKNOWN,
        plan(
            row(
                *("aws_route", None, {"route_table_id": MAIN, "destination_cidr_block": "10.20.0.0/24"}, "create"),
                unknown={"network_interface_id": True},
            )
        ),
    ),
    "the VPC gets other DHCP options": (
        UNKNOWN,
        plan(row("aws_vpc_dhcp_options_association", None, {"vpc_id": VPC, "dhcp_options_id": "dopt-0a"}, "create")),
    ),
    # Endpoints.
    "the policy comes from a data source": (
        UNKNOWN,
        plan(row("aws_vpc_endpoint", endpoint(**HAS), endpoint(**HAS), "update", unknown={"policy": True})),
    ),
    "an endpoint is replaced": (
        OK,
        plan(
            row("aws_vpc_endpoint", endpoint(**HAS), endpoint(), "delete", "create", unknown=NEW | {"policy": True}),
            configuration=configured(),
        ),
    ),
    "an endpoint is replaced, and its policy then denies": (
        CLOSES,
        plan(row("aws_vpc_endpoint", endpoint(**HAS), endpoint(policy=DENY), "delete", "create", unknown=NEW)),
    ),
    "an endpoint is replaced, and its policy is not known yet": (
        UNKNOWN,
        plan(
            row("aws_vpc_endpoint", endpoint(**HAS), endpoint(), "delete", "create", unknown=NEW | {"policy": True}),
            configuration=configured(policy={"references": ["data.aws_iam_policy_document.x"]}),
        ),
    ),
    "an endpoint is replaced, and its name does not lead to it": (
        CLOSES,
        plan(
            row(
                *("aws_vpc_endpoint", endpoint(**HAS), endpoint(private_dns_enabled=False), "delete", "create"),
                unknown=NEW,
            )
        ),
    ),
    "an endpoint is replaced, and its group admits nobody": (
        CLOSES,
        plan(
            row(
                *("aws_vpc_endpoint", endpoint(**HAS), endpoint(security_group_ids=[OF_HOSTS]), "delete", "create"),
                unknown=NEW,
            )
        ),
    ),
    "an endpoint becomes that of another service": (
        CLOSES,
        plan(row("aws_vpc_endpoint", endpoint(**HAS), endpoint("kms"), "delete", "create", unknown=NEW)),
    ),
    "the name moves to another endpoint, whose policy denies": (
        CLOSES,
        plan(
            row("aws_vpc_endpoint", endpoint(**HAS), endpoint(**HAS, private_dns_enabled=False), "update"),
            row("aws_vpc_endpoint", None, endpoint(policy=DENY), "create", unknown=NEW, address="aws_vpc_endpoint.y"),
        ),
    ),
    "an endpoint gets an interface in one more subnet": (
        OK,
        plan(
            row("aws_vpc_endpoint", endpoint(**HAS), endpoint(**HAS, subnet_ids=[*SUBNETS, SUBNET]), "update"),
        ),
    ),
    "an endpoint loses subnets": (
        OK,
        plan(row("aws_vpc_endpoint", endpoint(**HAS), endpoint(**HAS, subnet_ids=SUBNETS[:1]), "update")),
    ),
    "a group is replaced, and the endpoint follows": (
        OK,
        plan(
            row("aws_security_group", OLD_GROUP, OLD_GROUP | {"id": None}, "create", "delete", unknown=NEW),
            FOLLOWS,
            configuration=REFERS,
        ),
    ),
    "a group is replaced by one that admits nobody, and the endpoint follows": (
        CLOSES,
        plan(
            row(
                *("aws_security_group", OLD_GROUP, OLD_GROUP | {"id": None, "ingress": []}, "create", "delete"),
                unknown=NEW,
            ),
            FOLLOWS,
            configuration=REFERS,
        ),
    ),
    "the last group of an endpoint is taken from it": (
        UNKNOWN,
        plan(
            row(
                "aws_vpc_endpoint_security_group_association",
                {"id": "a", "vpc_endpoint_id": ENDPOINT, "security_group_id": GROUP},
                None,
                "delete",
            )
        ),
    ),
    # Hosts, and services other than EC2.
    "an instance is replaced by one like it": (OK, plan(replaced(instance()))),
    "an instance is replaced by one in another subnet": (OK, plan(replaced(instance(subnet_id=SUBNETS[0])))),
    "an instance is replaced by one with another group": (
        CLOSES,
        plan(replaced(instance(vpc_security_group_ids=[OF_DATABASE]))),
    ),
    "an instance is replaced by one with one group more": (
        OK,
        plan(replaced(instance(vpc_security_group_ids=[OF_HOSTS, OF_DATABASE]))),
    ),
    "an instance is replaced, and its address decides": (
        UNKNOWN,
        plan(
            replaced(instance(subnet_id=SUBNETS[0])),
            row(ENTRY, None, entry(90, "deny") | {"cidr_block": "10.20.0.128/25"}, "create", unknown=NEW),
        ),
    ),
    "an instance is replaced by one whose subnet is not known": (
        UNKNOWN,
        plan(replaced(instance(subnet_id=None), subnet_id=True)),
    ),
    "an instance is replaced by one whose groups are not known": (
        UNKNOWN,
        plan(replaced(instance(vpc_security_group_ids=None), vpc_security_group_ids=True)),
    ),
    "an instance is replaced by one with an interface of the plan": (
        UNKNOWN,
        plan(replaced(instance(network_interface=[{"device_index": 0, "network_interface_id": HOST}]))),
    ),
    "an instance that was not read is replaced": (
        OK,
        plan(row("aws_instance", instance(id="i-0badbad0"), instance(), "delete", "create", unknown=NEW)),
    ),
    "an instance gets another group": (
        CLOSES,
        plan(row("aws_instance", instance(), instance(vpc_security_group_ids=[OF_DATABASE]), "update")),
    ),
    "an instance gets one group more": (
        OK,
        plan(row("aws_instance", instance(), instance(vpc_security_group_ids=[OF_HOSTS, OF_DATABASE]), "update")),
    ),
    "an instance gets a group that is not known": (
        UNKNOWN,
        plan(
            row(
                *("aws_instance", instance(), instance(vpc_security_group_ids=None), "update"),
                unknown={"vpc_security_group_ids": True},
            )
        ),
    ),
    "an interface gets another group": (
        CLOSES,
        plan(
            row(
                "aws_network_interface",
                {"id": HOST, "subnet_id": SUBNET, "security_groups": [OF_HOSTS]},
                {"id": HOST, "subnet_id": SUBNET, "security_groups": [OF_DATABASE]},
                "update",
            )
        ),
    ),
    "an interface gets another address": (
        UNKNOWN,
        plan(
            row(
                "aws_network_interface",
                {"id": HOST, "security_groups": [OF_HOSTS], "private_ips": ["10.20.16.10"]},
                {"id": HOST, "security_groups": [OF_HOSTS], "private_ips": ["10.20.16.99"]},
                "update",
            )
        ),
    ),
    "a rule by Cloud Control goes": (
        UNKNOWN,
        plan(row("awscc_ec2_security_group_ingress", {"id": "x"}, None, "delete")),
    ),
    "a resource that does nothing is replaced": (OK, plan(row("terraform_data", {}, {}, "delete", "create"))),
}


def change(
    kind: str, action: str, before: Any = None, after: Any = None, own_id: str | None = None, **more: Any
) -> Row:
    named = {} if own_id is None else {"PhysicalResourceId": own_id}
    contexts = (("BeforeContext", before), ("AfterContext", after))
    held = {name: json.dumps({"Properties": values}) for name, values in contexts if values is not None}
    return {"Action": action, "ResourceType": kind, "LogicalResourceId": "X", **named, **held, **more}


def change_set(*changes: Row, **more: Any) -> dict[str, Any]:
    head = {"ChangeSetName": "c", "ChangeSetId": "arn:x", "StackName": "net", "Status": "CREATE_COMPLETE"}
    return head | {"Changes": [{"Type": "Resource", "ResourceChange": one} for one in changes]} | more


OF_CF: Final = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
INGRESS: Final = {"GroupId": GROUP, "CidrIp": "10.20.0.0/16", **OF_CF}
ADMITS: Final = {"VpcId": VPC, "SecurityGroupIngress": [{"CidrIp": "10.20.0.0/16", **OF_CF}]}
SHUT: Final = {"VpcId": VPC, "SecurityGroupIngress": [{"CidrIp": "10.99.0.0/16", **OF_CF}]}
ENDPOINT_BEFORE: Final = {
    "ServiceName": "com.amazonaws.eu-west-1.backup",
    "VpcId": VPC,
    "VpcEndpointType": "Interface",
    "PrivateDnsEnabled": True,
    "SecurityGroupIds": [GROUP],
}
ENDPOINT_AFTER: Final = ENDPOINT_BEFORE | {"SecurityGroupIds": [KNOWN_LATER]}
KIND_OF_GROUP: Final = "AWS::EC2::SecurityGroup"


def added(name: str, properties: Any) -> Row:
    return change(KIND_OF_GROUP, "Add", None, properties, LogicalResourceId=name)


def follows(**more: Any) -> Row:
    return change("AWS::EC2::VPCEndpoint", "Modify", ENDPOINT_BEFORE, ENDPOINT_AFTER, ENDPOINT, **more)


def caused_by(entity: str) -> list[Row]:
    target = {"Attribute": "Properties", "Name": "SecurityGroupIds"}
    return [{"Target": target, "ChangeSource": "ResourceAttribute", "CausingEntity": entity}]


CLOUDFORMATION: Final[dict[str, tuple[Status | None, dict[str, Any]]]] = {
    "a rule is removed": (CLOSES, change_set(change("AWS::EC2::SecurityGroupIngress", "Remove", INGRESS))),
    "a rule is removed and retained": (
        OK,
        change_set(change("AWS::EC2::SecurityGroupIngress", "Remove", INGRESS, PolicyAction="Retain")),
    ),
    "a rule is removed by its policy": (
        CLOSES,
        change_set(change("AWS::EC2::SecurityGroupIngress", "Remove", INGRESS, PolicyAction="Delete")),
    ),
    "a rule may be replaced": (
        UNKNOWN,
        change_set(
            change(
                *("AWS::EC2::SecurityGroupIngress", "Modify", INGRESS, INGRESS | {"CidrIp": KNOWN_LATER}, "x"),
                Replacement="Conditional",
            )
        ),
    ),
    "a group is replaced": (
        UNKNOWN,
        change_set(change(KIND_OF_GROUP, "Modify", ADMITS, ADMITS, GROUP, Replacement="True")),
    ),
    "what a group was before it changes is not shown": (
        UNKNOWN,
        change_set(change(KIND_OF_GROUP, "Modify", None, SHUT, GROUP)),
    ),
    "what a group will be is not shown": (UNKNOWN, change_set(change(KIND_OF_GROUP, "Modify", ADMITS, None, GROUP))),
    "a group is imported": (OK, change_set(change(KIND_OF_GROUP, "Import", None, ADMITS, GROUP))),
    "a macro decides": (REFUSED, change_set(change(KIND_OF_GROUP, "Dynamic", own_id=GROUP))),
    "a stack in the stack changes": (
        UNKNOWN,
        change_set(change("AWS::CloudFormation::Stack", "Modify", {"A": 1}, {"A": 2}, "arn:x", ChangeSetId="arn:y")),
    ),
    "a block of the VPC goes": (UNKNOWN, change_set(change("AWS::EC2::VPCCidrBlock", "Remove", {"VpcId": VPC}))),
    "private DNS is not set any more": (
        CLOSES,
        change_set(
            change(
                *("AWS::EC2::VPCEndpoint", "Modify", ENDPOINT_BEFORE),
                {name: value for name, value in ENDPOINT_BEFORE.items() if name != "PrivateDnsEnabled"},
                ENDPOINT,
            )
        ),
    ),
    "an endpoint gets the only new group, which admits the hosts": (OK, change_set(added("N", ADMITS), follows())),
    "an endpoint gets the only new group, which does not": (CLOSES, change_set(added("N", SHUT), follows())),
    "an endpoint gets a new group whose rule is a resource": (
        OK,
        change_set(
            added("N", {"VpcId": VPC}),
            change("AWS::EC2::SecurityGroupIngress", "Add", None, INGRESS | {"GroupId": KNOWN_LATER}),
            follows(),
        ),
    ),
    "an endpoint gets one of two new groups": (UNKNOWN, change_set(added("N", SHUT), added("M", ADMITS), follows())),
    "an endpoint gets one of two new groups, and its cause is the one that is shut": (
        CLOSES,
        change_set(added("N", SHUT), added("M", ADMITS), follows(Details=caused_by("N.GroupId"))),
    ),
    "an endpoint gets one of two new groups, and its cause is the other one": (
        OK,
        change_set(added("N", SHUT), added("M", ADMITS), follows(Details=caused_by("M.GroupId"))),
    ),
    "an endpoint gets a group, and a stack may give it": (
        UNKNOWN,
        change_set(
            added("N", ADMITS), change("AWS::CloudFormation::Stack", "Modify", {"A": 1}, {"A": 2}, "x"), follows()
        ),
    ),
    "a function changes": (OK, change_set(change("AWS::Lambda::Function", "Modify", {"A": 1}, {"A": 2}, "f"))),
    "a change is of no resource": (REFUSED, change_set() | {"Changes": [{"Type": "Hook"}]}),
    "the change set has failed": (REFUSED, change_set(Status="FAILED")),
    "the change set goes on": (REFUSED, change_set(NextToken="x")),
}
GATEWAY: Final = {"id": S3, "vpc_endpoint_type": "Gateway", "route_table_ids": [MAIN]}
OF_S3: Final[dict[str, tuple[Status | None, dict[str, Any]]]] = {
    "the gateway endpoint goes": (CLOSES, plan(row("aws_vpc_endpoint", GATEWAY, None, "delete"))),
    "the gateway endpoint loses its table": (
        CLOSES,
        plan(row("aws_vpc_endpoint", GATEWAY, GATEWAY | {"route_table_ids": []}, "update")),
    ),
    "the tables of the gateway endpoint are not known": (
        UNKNOWN,
        plan(
            row(
                *("aws_vpc_endpoint", GATEWAY, {"id": S3, "vpc_endpoint_type": "Gateway"}, "update"),
                unknown={"route_table_ids": True},
            )
        ),
    ),
    "a subnet gets a table that the plan makes": (
        UNKNOWN,
        plan(
            row("aws_route_table", None, {"vpc_id": VPC, "route": []}, "create", unknown=NEW),
            row(
                "aws_route_table_association",
                {"id": "rtbassoc-1", "subnet_id": SUBNET, "route_table_id": MAIN},
                {"subnet_id": SUBNET},
                "update",
                unknown={"route_table_id": True},
            ),
        ),
    ),
}


def policy(*statements: dict[str, Any]) -> str:
    whole = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2008-10-17", "Statement": [whole | more for more in statements]})


def repoliced(own_id: str, kind: str, old: str, *new: dict[str, Any]) -> dict[str, Any]:
    """A plan that replaces the policy of an endpoint; without statements, the new policy is not known."""
    before = {"id": own_id, "vpc_endpoint_type": kind, "policy": old}
    after = before | {"policy": policy(*new) if new else None}
    return plan(row("aws_vpc_endpoint", before, after, "update", unknown={"policy": not new}))


STORAGE: Final = "vpce-0e57a7e0000000003"
A_BUCKET: Final = "arn:aws:s3:::a/*"
OF_S3_POLICIES: Final[dict[str, tuple[Status | None, dict[str, Any]]]] = {
    f"the policy of the gateway endpoint {what}": (truth, repoliced(S3, "Gateway", policy({}), *statements))
    for what, truth, statements in (
        ("is written anew", OK, [{"Sid": "All"}]),
        ("is for a bucket", UNKNOWN, [{"Resource": [A_BUCKET]}]),
        ("denies an action", UNKNOWN, [{}, {"Effect": "Deny", "Action": "s3:DeleteObject"}]),
        ("denies everything", CLOSES, [{"Effect": "Deny"}]),
    )
}
OF_STORAGE: Final[dict[str, tuple[Status | None, dict[str, Any]]]] = {
    f"the policy {what}": (truth, repoliced(STORAGE, "Interface", policy({}), *statements))
    for what, truth, statements in (
        ("is for another service", CLOSES, [{"Action": "s3:*"}]),
        ("is for some callers", UNKNOWN, [{"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}}]),
        ("gets one more statement", OK, [{}, {"Action": "backup-storage:*"}]),
        ("is not known", UNKNOWN, []),
    )
}
PLANS: Final = [
    pytest.param(service, truth, written, id=f"{service}: {name}")
    for service, plans in (
        ("backup", TERRAFORM | CLOUDFORMATION),
        ("s3", OF_S3 | OF_S3_POLICIES),
        ("backup-storage", OF_STORAGE),
    )
    for name, (truth, written) in plans.items()
]


@pytest.mark.parametrize(("service", "truth", "written"), PLANS)
def test_a_plan_of_a_tool_is_judged_as_it_is_applied(
    service: str, truth: Status | None, written: dict[str, Any]
) -> None:
    asked = Asked(sources=(EVERY_SOURCE,), services={service: True}, ports=())
    facts = Facts(known=estate(), taken_at=TAKEN_AT, not_read=())
    data = json.dumps(written).encode()
    if truth is REFUSED:
        with pytest.raises(PlanError):
            parse(data, "plan.json")
        return
    document = predicted(facts, asked, plans=[parse(data, "plan.json")])
    assert document.verdict.status is truth, (document.changes, document.unjudged, document.ignored)


@pytest.mark.parametrize(
    ("resource", "status"), [(A_BUCKET, OK), ([A_BUCKET, "arn:aws:s3:::b/*"], OK), ("arn:aws:s3:::b/*", UNKNOWN)]
)
def test_a_policy_that_covers_what_it_covered_closes_nothing(resource: Any, status: Status) -> None:
    old = policy({"Resource": [A_BUCKET], "Action": ["s3:GetObject", "s3:PutObject"]})
    new = {"Resource": resource, "Action": ["s3:PutObject", "s3:GetObject"]}
    known = estate()
    gateways = tuple(replace(one, policy=old) for one in known.configuration.gateway_endpoints or ())
    asked = Asked(sources=(EVERY_SOURCE,), services={"s3": True}, ports=())
    facts = Facts(
        known=replace(known, configuration=replace(known.configuration, gateway_endpoints=gateways)),
        taken_at=TAKEN_AT,
        not_read=(),
    )
    data = json.dumps(repoliced(S3, "Gateway", old, new)).encode()
    assert predicted(facts, asked, plans=[parse(data, "plan.json")]).verdict.status is status


def test_an_instance_that_is_replaced_may_lose_what_was_not_certain() -> None:
    """Nothing shows whether a pending endpoint works. The new instance has a group that lets nothing out to it."""
    known = estate()
    pending = tuple(replace(one, state="pending") for one in known.configuration.endpoints or ())
    unsure = replace(known, configuration=replace(known.configuration, endpoints=pending))
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup": True}, ports=())
    facts = Facts(known=unsure, taken_at=TAKEN_AT, not_read=())
    for group_id, status in (("sg-0e57a7e0000000004", UNKNOWN), (OF_HOSTS, OK)):
        data = json.dumps(plan(replaced(instance(vpc_security_group_ids=[group_id])))).encode()
        assert predicted(facts, asked, plans=[parse(data, "plan.json")]).verdict.status is status


OF_PARTS: Final = {
    "groups": row(RULE, rule(), None, "delete"),
    "acls": row(ENTRY, entry(100), None, "delete"),
    "route_tables": row(
        "aws_route", None, {"route_table_id": MAIN, "destination_cidr_block": "10.20.1.0/24"}, "create"
    ),
    "endpoints": row("aws_vpc_endpoint", endpoint(**HAS), endpoint(**HAS, private_dns_enabled=False), "update"),
    "gateway_endpoints": row("aws_vpc_endpoint", GATEWAY, None, "delete"),
    "interfaces": replaced(instance()),
    "prefix_lists": row(
        "aws_ec2_managed_prefix_list_entry", {"prefix_list_id": "pl-0badbad0", "cidr": "10.0.0.0/8"}, None, "delete"
    ),
}


def judged(known: KnownVpc, part: str) -> Status:
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup": True}, ports=())
    data = json.dumps(plan(OF_PARTS[part])).encode()
    facts = Facts(known=known, taken_at=TAKEN_AT, not_read=())
    return predicted(facts, asked, plans=[parse(data, "plan.json")]).verdict.status


@pytest.mark.parametrize("part", OF_PARTS)
def test_a_change_of_what_was_not_read_is_not_harmless(part: str) -> None:
    known = estate()
    without = replace(known, configuration=replace(known.configuration, **{part: None}))
    assert judged(without, part) is UNKNOWN


def test_a_change_of_what_may_have_been_left_out_is_not_harmless() -> None:
    """If rows were left out of the configuration, one of them may be the resource that the plan changes."""
    known = estate()
    groups = tuple(group for group in known.configuration.groups or () if group.group_id != GROUP)
    without = replace(known, configuration=replace(known.configuration, groups=groups))
    assert judged(without, "groups") is OK, "a group of another VPC"
    assert judged(replace(without, dropped=frozenset({SECURITY_GROUPS})), "groups") is UNKNOWN


def test_there_are_two_hundred_plans_with_their_truths() -> None:
    written = {json.dumps(param.values[0], sort_keys=True) for param in OF_RESOURCES}
    written |= {json.dumps(param.values[2], sort_keys=True) for param in PLANS}
    written |= {json.dumps(param.values[0](param.values[1]), sort_keys=True) for param in VARIANTS}
    assert len(written) > 250
