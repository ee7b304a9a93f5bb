"""Minimal plans, given to the command as people would write them by hand. The program once had a wrong result for each
of them: "harmless", or a fault.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from agent.cli import entry
from tests.support.repository import ROOT

ESTATE: Final = ROOT / "docs/examples/estate.json"
HEAD: Final = '{"format_version":"1.2","resource_changes":[{"mode":"managed",'
ADOPTED_ACL: Final = (
    HEAD + '"type":"aws_default_network_acl","name":"x","change":{"actions":["create"],'
    '"before":null,"after":{"default_network_acl_id":"acl-0e57a7e0000000001","ingress":[],"egress":[]},'
    '"after_unknown":{"id":true}}}]}'
)
FORGOTTEN_ACL: Final = (
    HEAD + '"type":"aws_default_network_acl","name":"x","change":{"actions":["delete"],"after":null,'
    '"before":{"id":"acl-0e57a7e0000000001","subnet_ids":[],'
    '"ingress":[{"rule_no":100,"action":"allow","protocol":"-1","cidr_block":"0.0.0.0/0","from_port":0,"to_port":0}],'
    '"egress":[{"rule_no":100,"action":"allow","protocol":"-1","cidr_block":"0.0.0.0/0","from_port":0,"to_port":0}]'
    "}}}]}"
)
EXCLUSIVE_RULES: Final = (
    HEAD + '"type":"aws_vpc_security_group_rules_exclusive","name":"x","change":{"actions":["create"],'
    '"before":null,"after":{"security_group_id":"sg-0e57a7e0000000001","ingress_rule_ids":[],"egress_rule_ids":[]},'
    '"after_unknown":{}}}]}'
)
RESTRICTED_GROUP: Final = (
    '{"ChangeSetName":"c","ChangeSetId":"x","Status":"CREATE_COMPLETE","Changes":[{"Type":"Resource",'
    '"ResourceChange":{"Action":"Add","ResourceType":"Custom::VpcRestrictDefaultSG",'
    '"AfterContext":"{\\"Properties\\":{\\"DefaultSecurityGroupId\\":\\"sg-0e57a7e0000000001\\"}}"}}]}'
)
NEW_TABLE_WITH_GATEWAY: Final = (
    HEAD + '"type":"aws_route_table_association","name":"x","change":{"actions":["update"],'
    '"before":{"subnet_id":"subnet-0e57a7e0000000011","route_table_id":"rtb-0e57a7e0000000001"},'
    '"after":{"subnet_id":"subnet-0e57a7e0000000011"},"after_unknown":{"route_table_id":true}}},'
    '{"mode":"managed","type":"aws_vpc_endpoint_route_table_association","name":"x","change":{"actions":["create"],'
    '"before":null,"after":{"vpc_endpoint_id":"vpce-0e57a7e0000000099"},"after_unknown":{"route_table_id":true}}}]}'
)
NOTHING: Final = '{"format_version":"1.2","resource_changes":[]}'
GROUP: Final = "sg-0e57a7e0000000001"
"""The group of the endpoint of AWS Backup."""
OF_HOSTS: Final = "sg-0e57a7e0000000003"
"""A group that allows all outbound traffic."""
SAME: Final = "makes no difference"


def answered(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, facts: Path, plan: str, service: str
) -> tuple[int, str]:
    place = tmp_path / "plan.json"
    place.write_text(plan, "utf-8")
    words = ["predict", "--ec2-facts", str(facts), "--service", service, "--assume-plan", str(place)]
    code = entry.run(words)
    return code, " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("plan", "service", "code", "words"),
    [
        pytest.param(ADOPTED_ACL, "backup", 2, "closes backup for 19 of 27 interfaces", id="an adopted ACL is emptied"),
        pytest.param(FORGOTTEN_ACL, "backup", 0, SAME, id="a forgotten ACL is left as it is"),
        pytest.param(EXCLUSIVE_RULES, "backup", 2, "closes backup for 19 of 27 interfaces", id="no exclusive rule"),
        pytest.param(RESTRICTED_GROUP, "backup", 0, SAME, id="CDK leaves rules that are not the default ones"),
        pytest.param(NEW_TABLE_WITH_GATEWAY, "s3", 3, "may close s3 for 5 of 27 interfaces", id="a table that is made"),
    ],
)
def test_a_plan_ends_as_its_tool_would_apply_it(
    plan: str, service: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, text = answered(capsys, tmp_path, ESTATE, plan, service)
    assert (got, words in text) == (code, True), text


def _estate() -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The facts of the example, and the rows of each list in them. The rows are given by the name of the list."""
    document = json.loads(ESTATE.read_bytes())
    rows: dict[str, list[dict[str, Any]]] = {}
    for observation in document["observations"]:
        for name, listed in (observation["facts"] or {}).items():
            if name in ("endpoints", "groups", "interfaces"):
                rows[name] = [*rows.get(name, []), *listed]
    return document, rows


@pytest.mark.parametrize(("rule", "code", "words"), [("all", 2, "CLOSES backup 443"), ("https", 0, SAME)])
def test_cdk_closes_a_default_group_with_the_rules_that_ec2_gives_it(
    rule: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CDK's handler only revokes these two rules. If another rule remains, it lets hosts of the same group reach the
    endpoint. Source: aws-cdk, restrict-default-security-group-handler.
    """
    document, rows = _estate()
    (group,) = (group for group in rows["groups"] if group["group_id"] == GROUP)
    (inbound,) = (one for one in group["rules"] if not one["egress"])
    inbound |= {"cidr": None, "referenced_group_id": GROUP}
    if rule == "all":
        inbound |= {"protocol": "-1", "from_port": None, "to_port": None}
    for interface in rows["interfaces"]:
        if interface["kind"] == "interface":
            interface["group_ids"] = [GROUP, OF_HOSTS]
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(document), "utf-8")
    got, text = answered(capsys, tmp_path, facts, RESTRICTED_GROUP, "backup")
    assert (got, words in text) == (code, True), text


@pytest.mark.parametrize(("state", "severity"), [("pending", "WARNING"), ("failed", "CRITICAL")])
def test_an_endpoint_that_somebody_modifies_is_not_called_blocked(
    state: str, severity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, rows = _estate()
    rows["endpoints"][0]["state"] = state
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(document), "utf-8")
    _, text = answered(capsys, tmp_path, facts, NOTHING, "backup")
    assert text.count(f"{severity} backup 443: The endpoint is not available [VPC004]") == 1, "one for all interfaces"
