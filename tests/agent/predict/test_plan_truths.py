"""Plans for the example's VPC, each with its true effect: the paths that it closes or may close, or nothing.

The true effect comes from the documents of AWS and of Terraform's provider, and not from the program. If the
program called a plan harmless that closes something, a pipeline would apply the plan.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest

from agent.predict.model import PredictionDocument
from agent.predict.plan import parse
from agent.predict.plan_values import PlanError
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from tests.agent.predict.test_plans import change, row
from tests.agent.predict.test_prediction import TAKEN_AT
from tests.hostile.fuzz.plans import estate

VPC: Final = "vpc-0e57a7e0000000001"
ENDPOINT: Final = "vpce-0e57a7e0000000001"
S3: Final = "vpce-0e57a7e0000000099"
GROUP: Final = "sg-0e57a7e0000000001"
"""The group of the endpoint of AWS Backup."""
OF_HOSTS: Final = "sg-0e57a7e0000000003"
ACL: Final = "acl-0e57a7e0000000001"
"""The ACL of nearly all subnets."""
MAIN: Final = "rtb-0e57a7e0000000001"
SUBNET: Final = "subnet-0e57a7e0000000011"
"""A subnet of hosts."""
HOST: Final = "eni-0e57a7e0000001010"
OK, UNKNOWN, CLOSES = Status.OK, Status.UNKNOWN, Status.CRITICAL
KNOWN_LATER: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
HTTPS: Final = {"from_port": 443, "to_port": 443, "protocol": "tcp"}
ALL: Final = {"rule_no": 100, "action": "allow", "protocol": "-1", "from_port": 0, "to_port": 0}
IN_VPC: Final = [HTTPS | {"cidr_blocks": ["10.20.0.0/16"]}]
OUT: Final = [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]
OPEN_ACL: Final = {"ingress": [ALL | {"cidr_block": "0.0.0.0/0"}], "egress": [ALL | {"cidr_block": "0.0.0.0/0"}]}
DEFAULT_VPC: Final = row("aws_vpc", {"id": VPC, "default_security_group_id": GROUP}, {"id": VPC}, actions=["no-op"])
TO_S3: Final = {"vpc_endpoint_id": S3}
KIND_OF_CDK: Final = "Custom::VpcRestrictDefaultSG"


def cloudformation(kind: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    """A change in CloudFormation of a resource that does not belong to EC2."""
    return change("", before, after, ResourceType=kind, **more)


def bare(kind: str, *actions: str, unknown: Any = None) -> dict[str, Any]:
    """A change of which only the kind and the actions are known."""
    before = None if actions == ("create",) else {"id": "x", "name": "one"}
    after = None if actions == ("delete",) else {"id": "x", "name": "two"}
    return row(kind, before, after, unknown, list(actions))


OF_S3: Final = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]})
REPLACE: Final = ["delete", "create"]
BY_NEW: Final = {
    "vpc_endpoint_type": "Interface",
    "service_name": "com.amazonaws.eu-west-1.backup",
    "vpc_id": VPC,
    "private_dns_enabled": True,
    "security_group_ids": [GROUP],
    "subnet_ids": ["subnet-0e57a7e0000000001", "subnet-0e57a7e0000000002", "subnet-0e57a7e0000000003"],
    "policy": "",
}
OF_NEW: Final = {"id": True, "ip_address_type": True, "dns_options": True}
"""The attributes of a new endpoint that are known only after apply, whether or not they are configured."""
WHOLE_ENDPOINT: Final = BY_NEW | {
    "id": ENDPOINT,
    "ip_address_type": "ipv4",
    "dns_options": [{"dns_record_ip_type": "ipv4"}],
}
GATEWAY: Final = {
    "vpc_endpoint_type": "Gateway",
    "service_name": "com.amazonaws.eu-west-1.s3",
    "vpc_id": VPC,
    "route_table_ids": [MAIN],
}
OF_VPC: Final = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": "10.20.0.0/16"}
OF_NOBODY: Final = "sg-0e57a7e00000000aa"
"""A group of another VPC."""
TERRAFORM: Final[tuple[tuple[str, Status, list[dict[str, Any]]], ...]] = (
    # An adopted default resource loses everything that is not configured.
    (
        "the default ACL is adopted without an entry",
        CLOSES,
        [row("aws_default_network_acl", None, {"default_network_acl_id": ACL, "ingress": [], "egress": []})],
    ),
    (
        "the default ACL is adopted as it is",
        OK,
        [row("aws_default_network_acl", None, {"default_network_acl_id": ACL} | OPEN_ACL, {"id": True})],
    ),
    (
        "the default ACL is adopted with what comes in alone",
        CLOSES,
        [
            row(
                "aws_default_network_acl",
                None,
                {"default_network_acl_id": ACL, "ingress": OPEN_ACL["ingress"], "egress": []},
                {"id": True},
            )
        ],
    ),
    (
        "the default ACL of a VPC that the plan makes is adopted",
        OK,
        [
            row("aws_vpc", None, {"cidr_block": "10.9.0.0/16"}, {"id": True}),
            row(
                "aws_default_network_acl",
                None,
                {"ingress": [], "egress": []},
                {"id": True, "default_network_acl_id": True, "vpc_id": True},
            ),
        ],
    ),
    (
        "the default group is adopted without a rule",
        CLOSES,
        [DEFAULT_VPC, row("aws_default_security_group", None, {"vpc_id": VPC, "ingress": [], "egress": []})],
    ),
    (
        "the default group is adopted with its rules",
        OK,
        [
            DEFAULT_VPC,
            row("aws_default_security_group", None, {"vpc_id": VPC, "ingress": IN_VPC, "egress": OUT}, {"id": True}),
        ],
    ),
    (
        "a default group is adopted, and which one is not shown",
        UNKNOWN,
        [row("aws_default_security_group", None, {"vpc_id": VPC, "ingress": [], "egress": []}, {"id": True})],
    ),
    (
        "the default group of a VPC that the plan makes is adopted",
        OK,
        [
            row("aws_vpc", None, {"cidr_block": "10.9.0.0/16"}, {"id": True}),
            row("aws_default_security_group", None, {"ingress": [], "egress": []}, {"id": True, "vpc_id": True}),
        ],
    ),
    (
        "the default table is adopted without a route: those of the VPC and of gateway endpoints stay",
        OK,
        [row("aws_default_route_table", None, {"default_route_table_id": MAIN, "route": []}, {"id": True})],
    ),
    # A forgotten resource stays as it is.
    ("the default ACL is dropped", OK, [row("aws_default_network_acl", {"id": ACL, "subnet_ids": []} | OPEN_ACL)]),
    ("the default group is dropped", OK, [row("aws_default_security_group", {"id": GROUP, "ingress": IN_VPC})]),
    ("the default table is dropped", OK, [row("aws_default_route_table", {"id": MAIN, "route": []})]),
    ("the default VPC is dropped", OK, [row("aws_default_vpc", {"id": VPC, "enable_dns_support": True})]),
    # A created resource that acts on an existing one.
    (
        "rules that are not listed go",
        CLOSES,
        [
            row(
                "aws_vpc_security_group_rules_exclusive",
                None,
                {"security_group_id": GROUP, "ingress_rule_ids": [], "egress_rule_ids": []},
            )
        ],
    ),
    (
        "rules that are listed stay",
        OK,
        [
            row(
                "aws_vpc_security_group_rules_exclusive",
                None,
                {
                    "security_group_id": GROUP,
                    "ingress_rule_ids": ["sgr-0e57a7e0000000001"],
                    "egress_rule_ids": ["sgr-0e57a7e0000000002"],
                },
            )
        ],
    ),
    (
        "which rules are listed is known later",
        UNKNOWN,
        [
            row(
                "aws_vpc_security_group_rules_exclusive",
                None,
                {"security_group_id": GROUP, "egress_rule_ids": []},
                {"ingress_rule_ids": True},
            )
        ],
    ),
    (
        "rules stay when what lists them goes",
        OK,
        [
            row(
                "aws_vpc_security_group_rules_exclusive",
                {"security_group_id": GROUP, "ingress_rule_ids": [], "egress_rule_ids": []},
            )
        ],
    ),
    (
        "a host gets one more group",
        OK,
        [
            row(
                "aws_network_interface_sg_attachment",
                None,
                {"network_interface_id": HOST, "security_group_id": "sg-0e57a7e0000000005"},
            )
        ],
    ),
    (
        "a host loses its group",
        CLOSES,
        [
            row(
                "aws_network_interface_sg_attachment", {"network_interface_id": HOST, "security_group_id": OF_HOSTS}
            ),
            row(
                "aws_network_interface_sg_attachment",
                None,
                {"network_interface_id": HOST, "security_group_id": "sg-0e57a7e0000000004"},
            ),
        ],
    ),
    (
        "a host gets a group that is not known",
        UNKNOWN,
        [row("aws_network_interface_sg_attachment", None, {"network_interface_id": HOST}, {"security_group_id": True})],
    ),
    (
        "an endpoint gets a group in place of the default one",
        CLOSES,
        [
            DEFAULT_VPC,
            row("aws_vpc_endpoint", {"id": ENDPOINT, "vpc_id": VPC}, {"id": ENDPOINT}, actions=["no-op"]),
            row(
                "aws_vpc_endpoint_security_group_association",
                None,
                {"vpc_endpoint_id": ENDPOINT, "security_group_id": OF_HOSTS, "replace_default_association": True},
            ),
        ],
    ),
    (
        "an endpoint gets a group in place of the default one, which is not shown",
        UNKNOWN,
        [
            row(
                "aws_vpc_endpoint_security_group_association",
                None,
                {"vpc_endpoint_id": ENDPOINT, "security_group_id": OF_HOSTS, "replace_default_association": True},
            )
        ],
    ),
    (
        "an endpoint gets one more group",
        OK,
        [
            row(
                "aws_vpc_endpoint_security_group_association",
                None,
                {"vpc_endpoint_id": ENDPOINT, "security_group_id": OF_HOSTS, "replace_default_association": False},
            )
        ],
    ),
    (
        "an endpoint gets a group that is not known beside the one that admits",
        OK,
        [
            row(
                "aws_vpc_endpoint_security_group_association",
                None,
                {"vpc_endpoint_id": ENDPOINT},
                {"security_group_id": True},
            )
        ],
    ),
    (
        "private DNS is turned off by a resource of its own",
        CLOSES,
        [
            row(
                "aws_vpc_endpoint_private_dns",
                {"vpc_endpoint_id": ENDPOINT, "private_dns_enabled": True},
                {"vpc_endpoint_id": ENDPOINT, "private_dns_enabled": False},
            )
        ],
    ),
    (
        "the default VPC loses its resolver",
        CLOSES,
        [
            row(
                "aws_default_vpc",
                {"id": VPC, "enable_dns_support": True},
                {"id": VPC, "enable_dns_support": False},
            )
        ],
    ),
    ("a default VPC is adopted", UNKNOWN, [row("aws_default_vpc", None, {"enable_dns_support": False}, {"id": True})]),
    # Known effects stay known, even if other effects are unknown.
    (
        "a rule from a group that is not known comes beside the one that admits",
        OK,
        [
            row(
                "aws_security_group",
                {"id": GROUP, "ingress": IN_VPC, "egress": OUT},
                {"id": GROUP, "ingress": [*IN_VPC, HTTPS | {"cidr_blocks": []}], "egress": OUT},
                {"ingress": [{}, {"security_groups": True}]},
            )
        ],
    ),
    (
        "the only rule is from a group that is not known",
        UNKNOWN,
        [
            row(
                "aws_security_group",
                {"id": GROUP, "ingress": IN_VPC, "egress": OUT},
                {"id": GROUP, "ingress": [HTTPS | {"cidr_blocks": []}], "egress": OUT},
                {"ingress": [{"security_groups": True}]},
            )
        ],
    ),
    (
        "an inline table gets a route to a gateway that is not known",
        OK,
        [
            row(
                "aws_route_table",
                {"id": MAIN, "route": []},
                {"id": MAIN, "route": [{"cidr_block": "0.0.0.0/0"}]},
                {"route": [{"nat_gateway_id": True}]},
            )
        ],
    ),
    (
        "an endpoint keeps its group beside one that is not known",
        OK,
        [
            row(
                "aws_vpc_endpoint",
                {"id": ENDPOINT, "vpc_endpoint_type": "Interface", "security_group_ids": [GROUP]},
                {"id": ENDPOINT, "vpc_endpoint_type": "Interface", "security_group_ids": [GROUP]},
                {"security_group_ids": [False, True]},
            )
        ],
    ),
    # Resources of their own that belong to an endpoint.
    (
        "what sets private DNS goes, and the setting stays",
        OK,
        [row("aws_vpc_endpoint_private_dns", {"vpc_endpoint_id": ENDPOINT, "private_dns_enabled": True})],
    ),
    (
        "an endpoint goes with what belongs to it, in this order",
        CLOSES,
        [
            row("aws_vpc_endpoint", WHOLE_ENDPOINT),
            row("aws_vpc_endpoint_policy", {"vpc_endpoint_id": ENDPOINT, "policy": OF_S3}),
        ],
    ),
    (
        "an endpoint is replaced by one that is equal",
        OK,
        [row("aws_vpc_endpoint", WHOLE_ENDPOINT, BY_NEW, OF_NEW, REPLACE)],
    ),
    (
        "an endpoint is replaced by one whose policy is in a resource of its own",
        UNKNOWN,
        [
            row("aws_vpc_endpoint", WHOLE_ENDPOINT, BY_NEW, OF_NEW, REPLACE),
            row(
                "aws_vpc_endpoint_policy",
                {"vpc_endpoint_id": ENDPOINT, "policy": ""},
                {"policy": OF_S3},
                {"vpc_endpoint_id": True},
                REPLACE,
            ),
        ],
    ),
    (
        "an endpoint is replaced by one whose private DNS is in a resource of its own",
        UNKNOWN,
        [
            row("aws_vpc_endpoint", WHOLE_ENDPOINT, BY_NEW | {"private_dns_enabled": False}, OF_NEW, REPLACE),
            row("aws_vpc_endpoint_private_dns", None, {"private_dns_enabled": True}, {"vpc_endpoint_id": True}),
        ],
    ),
    (
        "an endpoint is replaced by one with one more subnet and one more group",
        UNKNOWN,
        [
            row("aws_vpc_endpoint", WHOLE_ENDPOINT, BY_NEW, OF_NEW, REPLACE),
            row("aws_vpc_endpoint_subnet_association", None, {"subnet_id": SUBNET}, {"vpc_endpoint_id": True}),
            row(
                "aws_vpc_endpoint_security_group_association",
                None,
                {"security_group_id": GROUP},
                {"vpc_endpoint_id": True},
            ),
        ],
    ),
    (
        "a policy is for an endpoint that data read late name",
        UNKNOWN,
        [row("aws_vpc_endpoint_policy", None, {"policy": OF_S3}, {"vpc_endpoint_id": True})],
    ),
    (
        "a policy is for an endpoint of a VPC that the plan makes",
        OK,
        [
            row("aws_vpc", None, {"cidr_block": "10.9.0.0/16"}, {"id": True}),
            row("aws_vpc_endpoint", None, BY_NEW | {"vpc_id": None}, OF_NEW | {"vpc_id": True}),
            row("aws_vpc_endpoint_policy", None, {"policy": OF_S3}, {"vpc_endpoint_id": True}),
        ],
    ),
    (
        "a policy is for an endpoint of another VPC that the plan makes",
        OK,
        [
            row("aws_vpc_endpoint", None, BY_NEW | {"vpc_id": "vpc-0e57a7e00000000ff"}, OF_NEW),
            row("aws_vpc_endpoint_policy", None, {"policy": OF_S3}, {"vpc_endpoint_id": True}),
        ],
    ),
    # Data that Terraform reads late replace the rules of a group whose id they find.
    (
        "a rule of a group of another VPC is replaced, and its group is known later",
        OK,
        [
            row(
                "aws_vpc_security_group_ingress_rule",
                OF_VPC | {"security_group_id": OF_NOBODY},
                OF_VPC,
                {"security_group_id": True},
                REPLACE,
            )
        ],
    ),
    (
        "a rule of the endpoint is replaced, and its group is known later",
        UNKNOWN,
        [
            row(
                "aws_vpc_security_group_ingress_rule",
                OF_VPC | {"security_group_id": GROUP},
                OF_VPC,
                {"security_group_id": True},
                REPLACE,
            )
        ],
    ),
    (
        "an older rule of the hosts is replaced, and its group is known later",
        UNKNOWN,
        [
            row(
                "aws_security_group_rule",
                {"security_group_id": OF_HOSTS, "type": "egress"} | OUT[0],
                {"type": "egress"} | OUT[0],
                {"security_group_id": True},
                REPLACE,
            )
        ],
    ),
    (
        "an entry of a prefix list is replaced, and its list is known later",
        UNKNOWN,
        [
            row(
                "aws_ec2_managed_prefix_list_entry",
                {"prefix_list_id": "pl-0e57a7e0000000001", "cidr": "10.20.0.0/16"},
                {"cidr": "10.20.0.0/16"},
                {"prefix_list_id": True},
                REPLACE,
            )
        ],
    ),
    # Endpoints of services that were not read.
    (
        "an endpoint of another service loses a group and gets a subnet",
        OK,
        [
            row(
                "aws_vpc_endpoint",
                WHOLE_ENDPOINT | {"id": "vpce-0e57a7e00000000ff", "subnet_ids": []},
                WHOLE_ENDPOINT | {"id": "vpce-0e57a7e00000000ff", "security_group_ids": [OF_HOSTS]},
            )
        ],
    ),
    (
        "a gateway endpoint of DynamoDB comes",
        OK,
        [row("aws_vpc_endpoint", None, GATEWAY | {"service_name": "com.amazonaws.eu-west-1.dynamodb"}, {"id": True})],
    ),
    ("a gateway endpoint of S3 comes", UNKNOWN, [row("aws_vpc_endpoint", None, GATEWAY, {"id": True})]),
    (
        "a gateway endpoint of S3 comes to tables that are not known",
        UNKNOWN,
        [row("aws_vpc_endpoint", None, GATEWAY | {"route_table_ids": None}, {"id": True, "route_table_ids": True})],
    ),
    # Data that Terraform reads late leave it open to what a resource belongs.
    (
        "which subnets a network ACL has is not known",
        UNKNOWN,
        [row("aws_network_acl", {"id": ACL, "subnet_ids": [SUBNET]}, {"id": ACL}, {"subnet_ids": True})],
    ),
    (
        "which subnets a new network ACL gets is not known",
        UNKNOWN,
        [row("aws_network_acl", None, {"vpc_id": VPC, "ingress": [], "egress": []}, {"id": True, "subnet_ids": True})],
    ),
    (
        "a rule is made again, in a group that is not known",
        UNKNOWN,
        [
            row(
                "aws_vpc_security_group_ingress_rule",
                {"security_group_id": GROUP, **OF_VPC},
                OF_VPC,
                {"security_group_id": True},
                REPLACE,
            )
        ],
    ),
    (
        "a rule is made again in a group that replaces its group, which is not that of an endpoint",
        OK,
        [
            row("aws_security_group", {"id": OF_NOBODY}, {}, {"id": True}, REPLACE),
            row(
                "aws_vpc_security_group_ingress_rule",
                {"security_group_id": OF_NOBODY, **OF_VPC},
                OF_VPC,
                {"security_group_id": True},
                REPLACE,
            ),
        ],
    ),
    (
        "an entry comes to a network ACL that is not known",
        UNKNOWN,
        [row("aws_network_acl_rule", None, {"rule_number": 1, "rule_action": "deny"}, {"network_acl_id": True})],
    ),
    (
        "an entry comes to a network ACL that the plan makes",
        OK,
        [
            row("aws_network_acl", None, {"vpc_id": VPC, "subnet_ids": []}, {"id": True}),
            row("aws_network_acl_rule", None, {"rule_number": 1, "rule_action": "deny"}, {"network_acl_id": True}),
        ],
    ),
    (
        "a subnet that is not known gets another table, and the one before may be it",
        UNKNOWN,
        [
            row(
                "aws_route_table_association",
                {"subnet_id": SUBNET, "route_table_id": MAIN},
                {"route_table_id": MAIN},
                {"subnet_id": True},
                REPLACE,
            )
        ],
    ),
    (
        "a subnet that is not known gets another network ACL",
        UNKNOWN,
        [row("aws_network_acl_association", None, {"network_acl_id": ACL}, {"id": True, "subnet_id": True})],
    ),
    (
        "a subnet that the plan makes gets another network ACL",
        OK,
        [
            row("aws_subnet", None, {"vpc_id": VPC, "cidr_block": "10.20.99.0/24"}, {"id": True}),
            row("aws_network_acl_association", None, {"network_acl_id": ACL}, {"id": True, "subnet_id": True}),
        ],
    ),
    (
        "the type of a new endpoint is not known",
        UNKNOWN,
        [row("aws_vpc_endpoint", None, BY_NEW | {"vpc_endpoint_type": None}, OF_NEW | {"vpc_endpoint_type": True})],
    ),
    # A function that the plan calls may do anything, as a custom resource may, and products of a catalogue are stacks.
    ("a function is called", UNKNOWN, [bare("aws_lambda_invocation", "create")]),
    ("a function is made", OK, [bare("aws_lambda_function", "create")]),
    ("a product changes", UNKNOWN, [bare("aws_servicecatalog_provisioned_product", "update")]),
    ("a portfolio changes", OK, [bare("aws_servicecatalog_portfolio", "update")]),
    # Hosts that are replaced.
    ("an instance gets other groups", UNKNOWN, [
        row("aws_instance", {"vpc_security_group_ids": ["sg-a"]}, {"vpc_security_group_ids": ["sg-b"]})]),
    ("an instance is replaced in another subnet", UNKNOWN, [
        row("aws_instance", {"subnet_id": "a"}, {"subnet_id": "b"}, {"private_ip": True}, REPLACE)]),
    ("an instance is replaced by one of the same image", UNKNOWN, [
        row("aws_instance", {"subnet_id": "a", "private_ip": "10.20.9.9"}, {"subnet_id": "a"}, {"private_ip": True},
            ["create", "delete"])]),
    ("an instance is made", OK, [row("aws_instance", None, {"subnet_id": "a"}, {"private_ip": True})]),
    ("an instance goes", OK, [row("aws_instance", {"subnet_id": "a", "private_ip": "10.20.9.9"})]),
    ("an instance gets another type", OK, [
        row("aws_instance", {"instance_type": "a", "private_ip": "x"}, {"instance_type": "b", "private_ip": "x"})]),
    # Kinds that may matter, even if the resource is created.
    ("a reference of a transit gateway to a prefix list", UNKNOWN, [
        bare("aws_ec2_transit_gateway_prefix_list_reference", "create")]),
    ("a private namespace", UNKNOWN, [bare("aws_service_discovery_private_dns_namespace", "create")]),
    ("a hosted zone", UNKNOWN, [bare("aws_route53_zone", "create")]),
    ("a stack of CloudFormation", UNKNOWN, [bare("aws_cloudformation_stack", "update")]),
    ("any kind of the Cloud Control provider", UNKNOWN, [bare("awscc_ec2_security_group_ingress", "create")]),
    ("a kind that is made up", UNKNOWN, [bare("aws_made_up", "create")]),
    ("a kind that is made up goes", UNKNOWN, [bare("aws_made_up", "delete")]),
    ("DHCP options of the VPC", UNKNOWN, [bare("aws_vpc_dhcp_options_association", "create")]),
    ("another main table", UNKNOWN, [bare("aws_main_route_table_association", "create")]),
    ("propagation of a gateway's routes", UNKNOWN, [bare("aws_vpn_gateway_route_propagation", "create")]),
    ("a rule of the resolver holds for the VPC", UNKNOWN, [bare("aws_route53_resolver_rule_association", "create")]),
    ("a Profile is associated", UNKNOWN, [bare("aws_route53profiles_association", "create")]),
    ("rules of AWS Network Firewall", UNKNOWN, [bare("aws_networkfirewall_rule_group", "update")]),
    ("public access is blocked", UNKNOWN, [bare("aws_vpc_block_public_access_options", "create")]),
    ("a subnet goes", UNKNOWN, [bare("aws_subnet", "delete")]),
    ("a NAT gateway is replaced", UNKNOWN, [bare("aws_nat_gateway", "delete", "create")]),
    # Kinds that never matter.
    ("a subnet is made", OK, [bare("aws_subnet", "create")]),
    ("a NAT gateway is made", OK, [bare("aws_nat_gateway", "create")]),
    ("a role", OK, [bare("aws_iam_role", "update")]),
    ("a role of the Cloud Control provider", OK, [bare("awscc_iam_role", "update")]),
    ("random numbers and keys", OK, [bare("random_id", "create"), bare("tls_private_key", "create")]),
    # A gateway endpoint, and tables that the plan creates.
    ("a subnet moves to a table that the plan makes, with the route to S3", UNKNOWN, [
        row("aws_route_table_association", {"subnet_id": SUBNET, "route_table_id": MAIN}, {"subnet_id": SUBNET},
            {"route_table_id": True}),
        row("aws_vpc_endpoint_route_table_association", None, TO_S3, {"route_table_id": True})]),
    ("a table loses its route to S3", CLOSES, [
        row("aws_vpc_endpoint_route_table_association", TO_S3 | {"route_table_id": MAIN})]),
)  # fmt: skip


def in_group(**more: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.20.0.0/16", **more}


ON: Final = {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SecurityGroupIds": [GROUP]}
OF_REFERENCE: Final = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::{{resolve:ssm:/network/account}}:root"},
            "Action": "*",
            "Resource": "*",
        }
    ]
}
REFERENCE: Final = "{{resolve:ssm:/network/one}}"
EVERYTHING_OUT: Final = {
    "RuleNumber": 1,
    "RuleAction": "deny",
    "Protocol": -1,
    "CidrBlock": "0.0.0.0/0",
    "Egress": True,
}
AN_ENDPOINT: Final = {
    "VpcEndpointType": "Interface",
    "VpcId": VPC,
    "PrivateDnsEnabled": True,
    "SubnetIds": [SUBNET],
    "SecurityGroupIds": [GROUP],
}
AN_INSTANCE: Final = {"SubnetId": SUBNET, "SecurityGroupIds": [OF_HOSTS]}
INSTANCE: Final = "i-0e57a7e0000001010"
TAGGED, TAGGED_ANEW = ({"Tags": [{"Key": "team", "Value": value}]} for value in ("one", "two"))
OF_DATA: Final = {"LaunchTemplateData": {"ImageId": "ami-1", "SecurityGroupIds": [OF_HOSTS]}}
CLOUDFORMATION: Final[tuple[tuple[str, Status, list[dict[str, Any]]], ...]] = (
    # Owners that are known only once the change set is applied, as a parameter from another nested stack.
    ("an entry of an ACL that may exist", UNKNOWN, [
        change("NetworkAclEntry", None, EVERYTHING_OUT | {"NetworkAclId": KNOWN_LATER})]),
    ("an entry of an ACL that is made", OK, [
        change("NetworkAcl", None, {"VpcId": VPC}),
        change("NetworkAclEntry", None, EVERYTHING_OUT | {"NetworkAclId": KNOWN_LATER})]),
    ("a route of a table that may exist", UNKNOWN, [
        change("Route", None, {"RouteTableId": KNOWN_LATER, "DestinationCidrBlock": "10.20.0.0/18"})]),
    ("a subnet that may exist gets a table", UNKNOWN, [
        change("RouteTable", None, {"VpcId": VPC}),
        change("SubnetRouteTableAssociation", None, {"RouteTableId": KNOWN_LATER, "SubnetId": KNOWN_LATER})]),
    ("a subnet that is made gets a table that is made", OK, [
        change("RouteTable", None, {"VpcId": VPC}),
        change("Subnet", None, {"VpcId": VPC}),
        change("SubnetRouteTableAssociation", None, {"RouteTableId": KNOWN_LATER, "SubnetId": KNOWN_LATER})]),
    ("an entry moves from an ACL that is replaced", CLOSES, [
        change("NetworkAcl", {"VpcId": "a"}, {"VpcId": "b"}, ACL, Replacement="True"),
        change("NetworkAclEntry", EVERYTHING_OUT | {"NetworkAclId": ACL, "RuleNumber": 100, "RuleAction": "allow"},
               EVERYTHING_OUT | {"NetworkAclId": KNOWN_LATER}, Replacement="True")]),
    # Resources that their stack retains.
    ("a group is replaced and stays", OK, [
        change("SecurityGroup", {"SecurityGroupIngress": [in_group()]}, {"GroupDescription": "b"}, GROUP,
               Replacement="True", PolicyAction="ReplaceAndRetain")]),
    ("a group is replaced and deleted", UNKNOWN, [
        change("SecurityGroup", {"SecurityGroupIngress": [in_group()]}, {"GroupDescription": "b"}, GROUP,
               Replacement="True", PolicyAction="ReplaceAndDelete")]),
    ("an entry of an ACL that is retained may come to another ACL", UNKNOWN, [
        change("NetworkAcl", {"VpcId": VPC}, None, ACL, PolicyAction="Retain"),
        change("NetworkAclEntry", EVERYTHING_OUT | {"NetworkAclId": ACL, "RuleNumber": 100, "RuleAction": "allow"},
               EVERYTHING_OUT | {"NetworkAclId": KNOWN_LATER}, Replacement="True")]),
    # Dynamic references, which a change set does not resolve.
    ("an endpoint of a service that a dynamic reference names", UNKNOWN, [
        change("VPCEndpoint", None, AN_ENDPOINT | {"ServiceName": REFERENCE, "PolicyDocument": OF_S3})]),
    ("an endpoint with a group that a dynamic reference names gets a tag", OK, [
        change("VPCEndpoint", ON | {"SecurityGroupIds": [REFERENCE]} | TAGGED,
               ON | {"SecurityGroupIds": [REFERENCE]} | TAGGED_ANEW, ENDPOINT)]),
    ("an endpoint gets a group that a dynamic reference names", UNKNOWN, [
        change("VPCEndpoint", ON, ON | {"SecurityGroupIds": [REFERENCE]}, ENDPOINT)]),
    # Tags of a stack, which all of its resources get.
    *((f"a tag of {kind}", OK, [cloudformation(kind, {"A": 1} | TAGGED, {"A": 1} | TAGGED_ANEW)]) for kind in (
        "AWS::EC2::DHCPOptions", "AWS::EC2::TransitGatewayVpcAttachment", "AWS::Route53Resolver::ResolverRule",
        "AWS::NetworkFirewall::Firewall", "AWS::EC2::MadeUp")),
    ("a tag of a hosted zone", OK, [cloudformation("AWS::Route53::HostedZone", {"Name": "x", "HostedZoneTags": [1]},
                                                   {"Name": "x", "HostedZoneTags": [2]})]),
    ("a tag of a nested stack, which may change inside", UNKNOWN, [
        cloudformation("AWS::CloudFormation::Stack", TAGGED, TAGGED_ANEW)]),
    # Hosts.
    ("an instance is replaced by one like it", OK, [
        change("Instance", AN_INSTANCE, AN_INSTANCE | {"ImageId": "ami-2"}, INSTANCE, Replacement="True")]),
    ("an instance is replaced by one with the group of the endpoint", CLOSES, [
        change("SecurityGroup", {}, {"SecurityGroupEgress": [in_group(CidrIp="127.0.0.1/32")]}, GROUP),
        change("Instance", AN_INSTANCE, AN_INSTANCE | {"SecurityGroupIds": [GROUP]}, INSTANCE, Replacement="True")]),
    ("an instance without known groups is replaced", UNKNOWN, [
        change("Instance", {"SubnetId": SUBNET}, {"SubnetId": SUBNET, "ImageId": "ami-2"}, INSTANCE,
               Replacement="True")]),
    ("a launch template has another image", OK, [
        change("LaunchTemplate", OF_DATA, {"LaunchTemplateData": OF_DATA["LaunchTemplateData"] | {"ImageId": "b"}})]),
    ("a launch template has another group", UNKNOWN, [
        change("LaunchTemplate", OF_DATA, {"LaunchTemplateData": {"ImageId": "ami-1", "SecurityGroupIds": [GROUP]}})]),
    ("a launch template is known later", UNKNOWN, [
        change("LaunchTemplate", OF_DATA, {"LaunchTemplateData": KNOWN_LATER})]),
    (
        "a policy is for an account that a dynamic reference names",
        UNKNOWN,
        [change("VPCEndpoint", ON, ON | {"PolicyDocument": OF_REFERENCE}, ENDPOINT)],
    ),
    (
        "a policy with a dynamic reference stays",
        OK,
        [
            change(
                "VPCEndpoint",
                ON | {"PolicyDocument": OF_REFERENCE},
                ON | {"PolicyDocument": OF_REFERENCE, "SecurityGroupIds": [GROUP, OF_HOSTS]},
                ENDPOINT,
            )
        ],
    ),
    (
        "CDK restricts the default group, which hosts have",
        CLOSES,
        [cloudformation(KIND_OF_CDK, None, {"DefaultSecurityGroupId": "sg-0e57a7e0000000003", "Account": "1"})],
    ),
    (
        "CDK restricts a default group that had other rules than EC2 gives it",
        OK,
        [cloudformation(KIND_OF_CDK, None, {"DefaultSecurityGroupId": "sg-0e57a7e0000000004", "Account": "1"})],
    ),
    (
        "CDK restricts another group, and gives the one before its rules back",
        CLOSES,
        [
            cloudformation(
                KIND_OF_CDK,
                {"DefaultSecurityGroupId": "sg-0e57a7e0000000004"},
                {"DefaultSecurityGroupId": "sg-0e57a7e0000000003"},
            )
        ],
    ),
    (
        "CDK restricts no group any more",
        OK,
        [cloudformation(KIND_OF_CDK, {"DefaultSecurityGroupId": "sg-0e57a7e0000000004"})],
    ),
    (
        "CDK restricts a group that is made",
        OK,
        [cloudformation(KIND_OF_CDK, None, {"DefaultSecurityGroupId": KNOWN_LATER})],
    ),
    ("a custom resource", UNKNOWN, [cloudformation("Custom::Anything", None, {"A": 1})]),
    ("a custom resource without a name", UNKNOWN, [cloudformation("AWS::CloudFormation::CustomResource", None, {})]),
    ("CDK's retention of logs", OK, [cloudformation("Custom::LogRetention", None, {"A": 1})]),
    ("a nested stack", UNKNOWN, [cloudformation("AWS::CloudFormation::Stack", {"A": 1}, {"A": 1})]),
    ("a type of a third party", OK, [cloudformation("MongoDB::Atlas::Cluster", None, {})]),
    ("a kind of EC2 that is made up", UNKNOWN, [cloudformation("AWS::EC2::MadeUp", None, {})]),
    ("a private namespace", UNKNOWN, [cloudformation("AWS::ServiceDiscovery::PrivateDnsNamespace", None, {})]),
    ("a record", UNKNOWN, [cloudformation("AWS::Route53::RecordSet", None, {"Name": "x"})]),
    ("a health check", OK, [cloudformation("AWS::Route53::HealthCheck", None, {"Name": "x"})]),
    ("a bucket", OK, [cloudformation("AWS::S3::Bucket", {"A": 1}, {"A": 2})]),
    ("a firewall", UNKNOWN, [cloudformation("AWS::NetworkFirewall::Firewall", None, {})]),
    ("CIDR of a subnet", UNKNOWN, [change("SubnetCidrBlock", None, {})]),
    ("a subnet is made", OK, [change("Subnet", None, {})]),
    ("a route to an ODB network", OK, [
        change("Route", None, {"RouteTableId": MAIN, "DestinationCidrBlock": "10.9.0.0/16",
                               "OdbNetworkArn": "arn:aws:odb:eu-west-1:111122223333:odb-network/x"})]),
    ("an endpoint keeps its group beside one that is made", OK, [
        change("VPCEndpoint", {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SecurityGroupIds": [GROUP]},
               {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SecurityGroupIds": [GROUP, KNOWN_LATER]},
               ENDPOINT)]),
    ("an endpoint gets a group that is made in place of its own", UNKNOWN, [
        change("VPCEndpoint", {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SecurityGroupIds": [GROUP]},
               {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SecurityGroupIds": [KNOWN_LATER]},
               ENDPOINT)]),
    ("a rule in a group from one that is made, beside the one that admits", OK, [
        change("SecurityGroup", {"SecurityGroupIngress": [in_group()]}, {"SecurityGroupIngress": [in_group(), {
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "SourceSecurityGroupId": KNOWN_LATER}]}, GROUP)]),
    ("a rule in a group goes", CLOSES, [
        change("SecurityGroup", {"SecurityGroupIngress": [in_group()]}, {"SecurityGroupIngress": []}, GROUP)]),
)  # fmt: skip


@cache
def known() -> Any:
    return estate()


def document(data: dict[str, Any], harmless: tuple[str, ...] = ()) -> PredictionDocument:
    """The prediction for the hosts of the example, if this plan is applied."""
    facts = Facts(known=known(), taken_at=TAKEN_AT, not_read=())
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup": True, "s3": True}, ports=())
    plan = parse(json.dumps(data).encode(), "plan.json")
    return predicted(facts, asked, plans=[plan], harmless=harmless)


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **more}


OF_ORGANIZATION: Final = {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}
TO_A: Final = "arn:aws:s3:::a/*"


@pytest.mark.parametrize(
    ("had", "has", "status"),
    [
        ([allow(Action="s3:GetObject")], [allow(Action="s3:*")], OK),
        ([allow(Action=["s3:GetObject", "s3:ListBucket"])], [allow(Action=["S3:Get*", "s3:list*"])], OK),
        ([allow(Action=["s3:Get*", "s3:Put*"])], [allow(Action="s3:Get*"), allow(Action="s3:Put*", Sid="Two")], OK),
        ([allow(Action="s3:Get*"), allow(Action="s3:Put*")], [allow(Action=["s3:Get*", "s3:Put*"])], OK),
        ([allow(Resource=TO_A)], [allow()], OK),
        ([allow()], [allow(Principal={"AWS": "*"})], OK),
        ([allow(Principal={"AWS": "111122223333"})], [allow()], OK),
        ([allow(Condition=OF_ORGANIZATION)], [allow()], OK),
        ([allow(), allow(Effect="Deny", Action="s3:Put*")], [allow(), allow(Effect="Deny", Action="s3:PutAcl")], OK),
        ([allow(NotAction="s3:Put*", Action=None)], [allow()], OK),
        ([allow(NotResource=TO_A, Resource=None)], [allow(NotResource=TO_A, Resource=None, Sid="One")], OK),
        ([allow(Action="s3:Get*")], [allow(Action="s3:GetObject")], UNKNOWN),
        ([allow(Action=[f"s3:{n}" for n in range(900)])], [allow(Action=[f"s3:{n}*" for n in range(900)])], UNKNOWN),
        ([allow()], [allow(Resource=TO_A)], UNKNOWN),
        ([allow()], [allow(Principal={"AWS": "111122223333"})], UNKNOWN),
        ([allow()], [allow(Condition=OF_ORGANIZATION)], UNKNOWN),
        ([allow()], [allow(), allow(Effect="Deny", Action="s3:PutAcl")], UNKNOWN),
        ([allow()], [allow(NotAction="s3:Put*", Action=None)], UNKNOWN),
        ([allow(NotAction="s3:Put*", Action=None)], [allow(Action="s3:Get*")], UNKNOWN),
        ([allow()], [allow(NotResource=TO_A, Resource=None)], UNKNOWN),
        (
            [allow(Action=["s3:Get*", "s3:Put*"])],
            [allow(Action="s3:Get*"), allow(Action="s3:Put*", Resource=TO_A)],
            UNKNOWN,
        ),
        (
            [allow(Principal=None, NotPrincipal="*")],
            [allow(Principal=None, NotPrincipal={"AWS": "111122223333"})],
            UNKNOWN,
        ),
    ],
)
def test_a_policy_that_allows_as_much_in_another_form_closes_nothing(had: Any, has: Any, status: Status) -> None:
    """A run makes no signed call to S3, so only its policies show which calls may be denied."""
    first, last = (
        json.dumps({"Statement": [{name: one[name] for name in one if one[name] is not None} for one in statements]})
        for statements in (had, has)
    )
    configuration = known().configuration
    gateways = tuple(
        replace(gateway, policy=first) if gateway.endpoint_id == S3 else gateway
        for gateway in configuration.gateway_endpoints
    )
    there = replace(known(), configuration=replace(configuration, gateway_endpoints=gateways))
    rows = [row("aws_vpc_endpoint", GATEWAY | {"id": S3, "policy": first}, GATEWAY | {"id": S3, "policy": last})]
    plan = parse(json.dumps(of_terraform(rows)).encode(), "plan.json")
    asked = Asked(sources=(EVERY_SOURCE,), services={"s3": True}, ports=())
    result = predicted(Facts(known=there, taken_at=TAKEN_AT, not_read=()), asked, plans=[plan])
    assert result.verdict.status is status


def of_terraform(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"format_version": "1.2", "resource_changes": rows}


def of_cloudformation(changes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ChangeSetName": "c", "Changes": [{"Type": "Resource", "ResourceChange": change} for change in changes]}


PLANS: Final = [
    *(pytest.param(of_terraform(rows), truth, id=f"terraform: {name}") for name, truth, rows in TERRAFORM),
    *(
        pytest.param(of_cloudformation(rows), truth, id=f"cloudformation: {name}")
        for name, truth, rows in CLOUDFORMATION
    ),
]


@pytest.mark.parametrize(("plan", "truth"), PLANS)
def test_a_plan_is_judged_as_it_is(plan: dict[str, Any], truth: Status) -> None:
    result = document(plan)
    assert result.verdict.status is truth, (result.assumed, result.unjudged, result.changes)


@pytest.mark.parametrize(
    ("wrap", "rows", "kind", "address"),
    [
        (of_terraform, [bare("aws_made_up", "create")], "aws_made_up", "aws_made_up.one"),
        (of_cloudformation, [cloudformation("Custom::Thing", None, {"A": 1})], "Custom::Thing", "One"),
        (of_terraform, [bare("aws_route53_zone", "update")], "aws_route53_zone", "aws_route53_zone.one"),
    ],
)
def test_a_kind_that_is_not_judged_can_be_taken_as_harmless(
    wrap: Callable[[list[dict[str, Any]]], dict[str, Any]], rows: list[dict[str, Any]], kind: str, address: str
) -> None:
    (words,) = document(wrap(rows)).unjudged
    assert f"1 change of {kind} ({address})" in words
    assert f"--harmless {kind}" in words
    assert f'harmless = ["{kind}"]' in words
    result = document(wrap(rows), (kind,))
    assert (result.verdict.status, result.unjudged) == (OK, ())
    assert result.ignored == (f"1 change of {kind}, which you declared harmless",)
    assert document(wrap(rows), ("aws_other",)).verdict.status is UNKNOWN


@pytest.mark.parametrize(
    ("references", "status"),
    [
        (["data.aws_network_acls.main.ids", "data.aws_network_acls.main"], UNKNOWN),
        (["aws_network_acl.one.id", "aws_network_acl.one"], OK),
        (["local.acl_id"], OK),
    ],
)
def test_an_owner_that_a_data_source_finds_is_not_made_by_the_plan(references: list[str], status: Status) -> None:
    """The plan makes an ACL, and an entry of an ACL that may be another one."""
    entry = {"rule_number": 1, "rule_action": "deny", "protocol": "-1", "cidr_block": "0.0.0.0/0", "egress": True}
    rows = [
        row("aws_network_acl", None, {"vpc_id": VPC, "ingress": [], "egress": [], "subnet_ids": []}, {"id": True}),
        row("aws_network_acl_rule", None, entry, {"network_acl_id": True}),
    ]
    of_entry = {"type": "aws_network_acl_rule", "name": "one"}
    expressions = {"network_acl_id": {"references": references}}
    configuration = {"root_module": {"resources": [{**of_entry, "expressions": expressions}]}}
    assert document(of_terraform(rows) | {"configuration": configuration}).verdict.status is status


@pytest.mark.parametrize(
    ("service", "replaces", "status"), [("backup", True, UNKNOWN), ("backup", False, OK), ("ssm", True, OK)]
)
def test_a_new_endpoint_loses_its_default_group(service: str, status: Status, *, replaces: bool) -> None:
    """The default group admits the hosts, and a group that replaces it may admit nobody."""
    values = {name: value for name, value in BY_NEW.items() if name != "security_group_ids"}
    values |= {"service_name": f"com.amazonaws.eu-west-1.{service}"}
    association = {"security_group_id": OF_NOBODY, "replace_default_association": replaces}
    rows = [
        DEFAULT_VPC,
        row("aws_vpc", None, {"cidr_block": "10.9.0.0/16"}, {"id": True}, name="two"),
        row(
            "aws_vpc_endpoint",
            WHOLE_ENDPOINT if service == "backup" else None,
            values,
            OF_NEW | {"security_group_ids": True},
            REPLACE if service == "backup" else None,
        ),
        row("aws_vpc_endpoint_security_group_association", None, association, {"vpc_endpoint_id": True}),
    ]
    of_endpoint = {"type": "aws_vpc_endpoint", "name": "one", "expressions": {"subnet_ids": {}}}
    configuration = {"root_module": {"resources": [of_endpoint]}}
    assert document(of_terraform(rows) | {"configuration": configuration}).verdict.status is status


@pytest.mark.parametrize(
    ("reason", "changes", "is_read"),
    [
        ("The submitted information didn't contain changes. Submit different information.", [], True),
        ("No updates are to be performed.", [], True),
        ("Transform AWS::Include failed.", [], False),
        ("No updates are to be performed.", [change("Subnet", None, {})], False),
    ],
)
def test_a_change_set_that_failed_since_nothing_changes_makes_no_difference(
    reason: str, changes: list[dict[str, Any]], *, is_read: bool
) -> None:
    data = of_cloudformation(changes) | {"Status": "FAILED", "StatusReason": reason}
    if is_read:
        assert document(data).verdict.status is OK
    else:
        with pytest.raises(PlanError, match="was not created as a whole"):
            document(data)


def test_kinds_of_other_providers_are_named_once() -> None:
    result = document(
        of_terraform([bare("random_id", "create"), bare("random_id", "update"), bare("tls_key", "create")])
    )
    assert result.ignored == ("changes of other providers, which do not affect paths and names: random_id and tls_key",)


def test_a_kind_that_is_followed_is_followed_whatever_is_said_of_it() -> None:
    rows = [row("aws_security_group", {"id": GROUP, "ingress": IN_VPC}, {"id": GROUP, "ingress": []})]
    assert document(of_terraform(rows), ("aws_security_group",)).verdict.status is CLOSES


# --- Plans in the shapes of public modules ---------------------------------------------------------------------------

MODULES: Final = """
acm: acm_certificate acm_certificate_validation
alb: lb lb_listener lb_target_group lb_target_group_attachment security_group vpc_security_group_ingress_rule
apigateway-v2: apigatewayv2_api apigatewayv2_stage apigatewayv2_integration apigatewayv2_route cloudwatch_log_group
appconfig: appconfig_application appconfig_environment appconfig_deployment
app-runner: apprunner_service apprunner_vpc_connector iam_role
appsync: appsync_graphql_api appsync_datasource appsync_resolver
atlantis: ecs_service ecs_task_definition lb efs_file_system secretsmanager_secret
autoscaling: autoscaling_group autoscaling_policy launch_template iam_instance_profile iam_role
batch: batch_compute_environment batch_job_queue batch_job_definition
backup: backup_vault backup_plan backup_selection iam_role kms_key
cloudfront: cloudfront_distribution cloudfront_origin_access_control cloudfront_monitoring_subscription
cloudwatch: cloudwatch_metric_alarm cloudwatch_log_group cloudwatch_log_metric_filter cloudwatch_dashboard
customer-gateway: customer_gateway
cross-account-roles: iam_role iam_role_policy_attachment iam_policy
datadog-forwarders: lambda_function cloudwatch_log_group s3_object iam_role sns_topic
dms: dms_replication_instance dms_replication_task dms_endpoint dms_replication_subnet_group
dynamodb-table: dynamodb_table appautoscaling_target appautoscaling_policy
ebs-optimized: ebs_volume volume_attachment
ec2-instance: instance iam_instance_profile iam_role eip ebs_volume
ecr: ecr_repository ecr_lifecycle_policy ecr_repository_policy
ecs: ecs_cluster ecs_service ecs_task_definition security_group cloudwatch_log_group appautoscaling_target
efs: efs_file_system efs_mount_target efs_access_point security_group security_group_rule
eks: eks_cluster eks_node_group eks_addon iam_openid_connect_provider security_group security_group_rule kms_key
eks-pod-identity: eks_pod_identity_association iam_role iam_policy
elasticache: elasticache_replication_group elasticache_subnet_group elasticache_parameter_group
elb: elb elb_attachment
emr: emr_cluster emr_instance_group security_group security_group_rule iam_role
eventbridge: cloudwatch_event_bus cloudwatch_event_rule cloudwatch_event_target scheduler_schedule pipes_pipe
fsx: fsx_ontap_file_system fsx_ontap_volume security_group
global-accelerator: globalaccelerator_accelerator globalaccelerator_listener globalaccelerator_endpoint_group
guardduty: guardduty_detector guardduty_filter guardduty_publishing_destination
iam: iam_user iam_group iam_policy iam_role iam_user_login_profile iam_access_key
key-pair: key_pair
kms: kms_key kms_alias kms_grant kms_external_key
lambda: lambda_function lambda_permission lambda_layer_version cloudwatch_log_group iam_role s3_object
managed-service-prometheus: prometheus_workspace prometheus_rule_group_namespace
managed-service-grafana: grafana_workspace grafana_license_association iam_role
memory-db: memorydb_cluster memorydb_subnet_group memorydb_user
msk-kafka-cluster: msk_cluster msk_configuration appautoscaling_policy
network-acl: network_acl network_acl_rule
notify-slack: sns_topic sns_topic_subscription lambda_function cloudwatch_log_group
opensearch: opensearch_domain opensearch_domain_policy security_group
pricing: ssm_parameter
rds: db_instance db_subnet_group db_parameter_group db_option_group iam_role
rds-aurora: rds_cluster rds_cluster_instance db_subnet_group security_group security_group_rule
rds-proxy: db_proxy db_proxy_default_target_group db_proxy_target iam_role
redshift: redshift_cluster redshift_subnet_group redshift_parameter_group
s3-bucket: s3_bucket s3_bucket_policy s3_bucket_versioning s3_bucket_public_access_block s3_bucket_logging
s3-object: s3_object
secrets-manager: secretsmanager_secret secretsmanager_secret_version secretsmanager_secret_rotation
security-group: security_group security_group_rule
security-hub: securityhub_account securityhub_standards_subscription securityhub_member
sns: sns_topic sns_topic_policy sns_topic_subscription
solutions: servicecatalog_portfolio servicecatalog_product
sqs: sqs_queue sqs_queue_policy sqs_queue_redrive_policy
ssm-parameter: ssm_parameter
step-functions: sfn_state_machine iam_role cloudwatch_log_group
storage-gateway: storagegateway_gateway storagegateway_smb_file_share s3_bucket
transit-gateway: ec2_transit_gateway ec2_transit_gateway_route_table ram_resource_share
transfer: transfer_server transfer_user iam_role
vpc: vpc subnet route_table route_table_association route internet_gateway nat_gateway eip flow_log
vpc-only-private: vpc subnet route_table route_table_association network_acl
waf: wafv2_web_acl wafv2_ip_set wafv2_web_acl_association wafv2_web_acl_logging_configuration
zone-budgets: budgets_budget ce_anomaly_monitor ce_anomaly_subscription
zone-logging: cloudtrail s3_bucket kms_key cloudwatch_log_group config_configuration_recorder config_delivery_channel
zone-accounts: organizations_account organizations_organizational_unit organizations_policy
zone-access: ssoadmin_permission_set ssoadmin_account_assignment identitystore_group identitystore_user
zone-security: accessanalyzer_analyzer inspector2_enabler macie2_account detective_graph
zone-baseline: iam_account_password_policy ebs_encryption_by_default s3_account_public_access_block
"""
CONSTRUCTS: Final = """
aws-apigateway: ApiGateway::RestApi ApiGateway::Deployment ApiGateway::Stage ApiGateway::Method ApiGateway::Account
aws-appsync: AppSync::GraphQLApi AppSync::DataSource AppSync::Resolver
aws-autoscaling: AutoScaling::AutoScalingGroup EC2::LaunchTemplate IAM::InstanceProfile EC2::SecurityGroup
aws-backup: Backup::BackupVault Backup::BackupPlan Backup::BackupSelection IAM::Role
aws-batch: Batch::ComputeEnvironment Batch::JobQueue Batch::JobDefinition
aws-certificatemanager: CertificateManager::Certificate
aws-chatbot: Chatbot::SlackChannelConfiguration IAM::Role
aws-cloudfront: CloudFront::Distribution CloudFront::OriginAccessControl CloudFront::Function
aws-cloudtrail: CloudTrail::Trail S3::Bucket S3::BucketPolicy KMS::Key
aws-cloudwatch: CloudWatch::Alarm CloudWatch::Dashboard
aws-codebuild: CodeBuild::Project IAM::Role IAM::Policy
aws-codepipeline: CodePipeline::Pipeline S3::Bucket Events::Rule IAM::Role
aws-cognito: Cognito::UserPool Cognito::UserPoolClient Cognito::UserPoolDomain
aws-dynamodb: DynamoDB::Table ApplicationAutoScaling::ScalableTarget ApplicationAutoScaling::ScalingPolicy
aws-ec2-instance: EC2::Instance IAM::InstanceProfile IAM::Role EC2::SecurityGroup
aws-ec2-vpc: EC2::VPC EC2::Subnet EC2::RouteTable EC2::SubnetRouteTableAssociation EC2::EIP EC2::NatGateway EC2::FlowLog
aws-ecr: ECR::Repository
aws-ecs: ECS::Cluster ECS::Service ECS::TaskDefinition Logs::LogGroup EC2::SecurityGroup
aws-efs: EFS::FileSystem EFS::MountTarget EC2::SecurityGroup
aws-elasticloadbalancingv2: ElasticLoadBalancingV2::LoadBalancer ElasticLoadBalancingV2::Listener EC2::SecurityGroup
aws-events: Events::Rule Events::EventBus Lambda::Permission
aws-firehose: KinesisFirehose::DeliveryStream S3::Bucket IAM::Role
aws-iam: IAM::User IAM::Group IAM::ManagedPolicy IAM::Role IAM::OIDCProvider
aws-kinesis: Kinesis::Stream
aws-kms: KMS::Key KMS::Alias
aws-lambda: Lambda::Function Lambda::Version Lambda::Alias IAM::Role Logs::LogGroup
aws-logs: Logs::LogGroup Logs::MetricFilter Logs::SubscriptionFilter
aws-opensearch: OpenSearchService::Domain EC2::SecurityGroup
aws-rds: RDS::DBCluster RDS::DBInstance RDS::DBSubnetGroup SecretsManager::Secret EC2::SecurityGroup
aws-s3: S3::Bucket S3::BucketPolicy
aws-scheduler: Scheduler::Schedule Scheduler::ScheduleGroup
aws-secretsmanager: SecretsManager::Secret SecretsManager::RotationSchedule SecretsManager::ResourcePolicy
aws-sns: SNS::Topic SNS::Subscription SNS::TopicPolicy
aws-sqs: SQS::Queue SQS::QueuePolicy
aws-ssm: SSM::Parameter SSM::Document SSM::Association
aws-stepfunctions: StepFunctions::StateMachine IAM::Role
aws-synthetics: Synthetics::Canary S3::Bucket IAM::Role
pipelines: CodePipeline::Pipeline CodeBuild::Project KMS::Key S3::Bucket CDK::Metadata
"""


def shapes() -> list[tuple[str, dict[str, Any]]]:
    """The resources of each module, in a VPC of its own."""
    found = []
    for line in MODULES.strip().splitlines():
        name, _, kinds = line.partition(": ")
        vpc = {row("aws_vpc", None, {}, {"id": True})["type"]: row("aws_vpc", None, {}, {"id": True})}
        made = vpc | {f"aws_{kind}": row(f"aws_{kind}", None, {"name": "one"}, NOTHING_KNOWN) for kind in kinds.split()}
        found.append((name, of_terraform(list(made.values()))))
    for line in CONSTRUCTS.strip().splitlines():
        name, _, kinds = line.partition(": ")
        rows = [cloudformation(f"AWS::{kind}", None, IN_NEW_VPC.get(kind, {"A": 1})) for kind in kinds.split()]
        found.append((name, of_cloudformation(rows)))
    return found


NOTHING_KNOWN: Final = dict.fromkeys(
    ("id", "vpc_id", "security_group_id", "network_acl_id", "route_table_id", "subnet_id", "subnet_ids"), True
)
IN_NEW_VPC: Final = {
    "EC2::SubnetRouteTableAssociation": {"SubnetId": KNOWN_LATER, "RouteTableId": KNOWN_LATER},
    "EC2::RouteTable": {"VpcId": KNOWN_LATER},
}


def test_a_plan_in_the_shape_of_a_public_module_is_judged() -> None:
    all_shapes = shapes()
    assert len(all_shapes) >= 100
    unjudged = {name: words for name, data in all_shapes if (words := document(data).unjudged)}
    assert len(unjudged) <= 5, unjudged


@pytest.mark.parametrize(
    ("data", "tool"),
    [
        (
            of_terraform([row("aws_security_group", {"id": OF_HOSTS, "egress": OUT}, {"id": OF_HOSTS, "egress": []})]),
            "Terraform",
        ),
        (
            of_cloudformation(
                [
                    change(
                        "SecurityGroup",
                        {"SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]},
                        {"SecurityGroupEgress": []},
                        OF_HOSTS,
                    )
                ]
            ),
            "CloudFormation",
        ),
    ],
)
def test_a_fix_of_what_a_plan_manages_says_where_to_make_it(data: dict[str, Any], tool: str) -> None:
    summaries = [
        fault.fix.summary
        for fault in document(data).faults
        if fault.fix is not None and OF_HOSTS in fault.decided_by and any(one.changes for one in fault.fix.commands)
    ]
    assert summaries
    said = f"{OF_HOSTS} is managed by {tool}: change it there, or {tool} undoes the change."
    assert all(summary.endswith(said) for summary in summaries)
    others = [fault.fix.summary for fault in document(of_terraform([])).faults if fault.fix is not None]
    assert not any("managed by" in summary for summary in others)


def test_a_default_group_that_cdk_restricts_no_more_gets_its_rules_back() -> None:
    of_database = "sg-0e57a7e0000000004"
    back = cloudformation(KIND_OF_CDK, {"DefaultSecurityGroupId": of_database})
    assert f"{of_database}: add outbound all all to 0.0.0.0/0" in document(of_cloudformation([back])).assumed
