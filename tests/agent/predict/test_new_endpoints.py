"""Endpoints that a plan creates. Their outcome is known if the same plan creates their group."""

import json
from typing import Any, Final

import pytest

from agent.network.answers import Answer
from agent.predict.model import Effect, PredictionDocument
from agent.predict.plan import parse
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import Reachability
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from tests.agent.predict.test_plan_truths import ENDPOINT, VPC
from tests.agent.predict.test_plans import row
from tests.agent.predict.test_prediction import TAKEN_AT
from tests.hostile.fuzz.plans import estate

SERVICE: Final = "kms"
SUBNETS: Final = ["subnet-0e57a7e0000000001", "subnet-0e57a7e0000000002"]
ADMITS: Final = "sg-0e57a7e0000000001"
SHUT: Final = "sg-0e57a7e0000000003"
NEW_ID: Final = {"id": True, "policy": True, "ip_address_type": True, "dns_options": True}


def endpoint(**more: Any) -> dict[str, Any]:
    return {
        "vpc_endpoint_type": "Interface",
        "service_name": f"com.amazonaws.eu-west-1.{SERVICE}",
        "vpc_id": VPC,
        "private_dns_enabled": True,
        "subnet_ids": SUBNETS,
        **more,
    }


def document(rows: list[dict[str, Any]], configuration: Any = None) -> PredictionDocument:
    asked = Asked(sources=(EVERY_SOURCE,), services={SERVICE: True}, ports=())
    data: dict[str, Any] = {"format_version": "1.2", "resource_changes": rows}
    if configuration is not None:
        data["configuration"] = {"root_module": configuration}
    facts = Facts(known=estate(), taken_at=TAKEN_AT, not_read=())
    return predicted(facts, asked, plans=[parse(json.dumps(data).encode(), "plan.json")])


def outcomes(result: PredictionDocument) -> dict[Reachability, int]:
    """The number of source classes that have each outcome."""
    found: dict[Reachability, int] = {}
    for path in result.paths:
        found[path.outcome] = found.get(path.outcome, 0) + len(path.sources)
    return found


def with_group(*rules: dict[str, Any]) -> list[dict[str, Any]]:
    """An endpoint whose group and rules come from the same plan."""
    return [
        row("aws_security_group", None, {"vpc_id": VPC, "name": "x"}, {"id": True, "ingress": True, "egress": True}),
        row("aws_vpc_endpoint", None, endpoint(), NEW_ID | {"security_group_ids": True}),
        *rules,
    ]


def rule_from(cidr: str) -> dict[str, Any]:
    values = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": cidr}
    return row("aws_vpc_security_group_ingress_rule", None, values, {"id": True, "security_group_id": True})


REFERS: Final = {"references": ["aws_security_group.one.id", "aws_security_group.one"]}
RESOURCES: Final[list[dict[str, Any]]] = [
    {"type": "aws_security_group", "name": "one", "expressions": {"vpc_id": {}}},
    {"type": "aws_vpc_endpoint", "name": "one", "expressions": {"security_group_ids": REFERS}},
    {
        "type": "aws_vpc_security_group_ingress_rule",
        "name": "one",
        "expressions": {"security_group_id": REFERS, "cidr_ipv4": {}},
    },
]


def test_an_endpoint_with_a_group_that_admits_all_is_open_for_those_that_are_let_out() -> None:
    result = document([row("aws_vpc_endpoint", None, endpoint(security_group_ids=[ADMITS]), NEW_ID)])
    assert result.names[0].answer is Answer.PRIVATE
    assert set(outcomes(result)) <= {Reachability.OPEN, Reachability.BLOCKED, Reachability.DOUBTFUL}
    assert outcomes(result)[Reachability.OPEN] > 5
    assert Effect.OPENS in {change.effect for change in result.changes}
    assert result.names[0].addresses == (), "which ones it gets is not known"


def test_an_endpoint_with_a_group_that_admits_nobody_may_close() -> None:
    result = document([row("aws_vpc_endpoint", None, endpoint(security_group_ids=[SHUT]), NEW_ID)])
    assert Reachability.OPEN not in outcomes(result)
    assert result.verdict.status is Status.UNKNOWN
    assert Effect.MAY_CLOSE in {change.effect for change in result.changes}


@pytest.mark.parametrize(("cidr", "is_open"), [("10.20.0.0/16", True), ("10.99.0.0/16", False)])
def test_a_group_of_the_same_plan_is_judged_by_its_rules(cidr: str, *, is_open: bool) -> None:
    result = document(with_group(rule_from(cidr)), {"resources": RESOURCES})
    assert result.names[0].answer is Answer.PRIVATE
    assert (outcomes(result).get(Reachability.OPEN, 0) > 5) is is_open
    assert "create the security group aws_security_group.one, here sg-new-1" in result.assumed


def test_a_group_of_the_same_plan_without_its_reference_is_not_known() -> None:
    result = document(with_group(rule_from("10.20.0.0/16")))
    assert Reachability.OPEN not in outcomes(result)
    assert Reachability.CANNOT_TELL in outcomes(result)


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("aws_vpc_security_group_ingress_rule", "referenced_security_group_id"),
        ("aws_security_group_rule", "source_security_group_id"),
    ],
)
def test_a_group_of_the_same_plan_may_be_the_source_of_a_rule(kind: str, source: str) -> None:
    values = {"ip_protocol": "tcp", "protocol": "tcp", "type": "ingress", "from_port": 443, "to_port": 443}
    unknown = {"id": True, "security_group_id": True, source: True}
    expressions = {"security_group_id": REFERS, source: REFERS}
    rule = {"type": kind, "name": "one", "expressions": expressions}
    result = document(with_group(row(kind, None, values, unknown)), {"resources": [*RESOURCES[:2], rule]})
    assert "sg-new-1: add inbound tcp 443 from sg-new-1" in result.assumed
    assert Reachability.OPEN not in outcomes(result)


def test_a_rule_whose_group_depends_on_a_condition_is_not_followed() -> None:
    """`security_group_id = var.shared ? aws_security_group.one.id : aws_security_group.two.id`"""
    two = row("aws_security_group", None, {"vpc_id": VPC}, {"id": True}, name="two", address="aws_security_group.two")
    of_two = {"references": ["aws_security_group.two.id", "aws_security_group.two"]}
    either = RESOURCES[2] | {
        "expressions": {"security_group_id": {"references": [*REFERS["references"], *of_two["references"]]}}
    }
    both = RESOURCES[1] | {
        "expressions": {"security_group_ids": {"references": [*REFERS["references"], *of_two["references"]]}}
    }
    resources = [RESOURCES[0], RESOURCES[0] | {"name": "two"}, both, either]
    result = document([*with_group(rule_from("10.20.0.0/16")), two], {"resources": resources})
    assert not any("add inbound" in words for words in result.assumed)
    assert Reachability.OPEN not in outcomes(result)


def test_a_group_of_the_same_plan_is_given_to_an_endpoint_that_is_there() -> None:
    kind = "aws_vpc_endpoint_security_group_association"
    group, _, rule = with_group(rule_from("10.20.0.0/16"))
    given = row(kind, None, {"vpc_endpoint_id": ENDPOINT}, {"id": True, "security_group_id": True})
    refers = {"type": kind, "name": "one", "expressions": {"security_group_id": REFERS}}
    result = document([group, given, rule], {"resources": [RESOURCES[0], refers, RESOURCES[2]]})
    assert f"{ENDPOINT}: add the security group sg-new-1" in result.assumed


def test_a_group_is_followed_through_variables_and_outputs_of_modules() -> None:
    rows = with_group(rule_from("10.20.0.0/16"))
    rows[0] |= {"module_address": "module.groups", "address": "module.groups.aws_security_group.one"}
    rows[2] |= {"module_address": "module.groups", "address": "module.groups.aws_vpc_security_group_ingress_rule.one"}
    rows[1] |= {"module_address": 'module.ends["a"]', "address": 'module.ends["a"].aws_vpc_endpoint.one'}
    of_groups = {
        "resources": [RESOURCES[0], RESOURCES[2]],
        "outputs": {"id": {"expression": REFERS}},
    }
    of_ends = {
        "resources": [RESOURCES[1] | {"expressions": {"security_group_ids": {"references": ["var.group_ids"]}}}],
        "variables": {"group_ids": {}},
    }
    given = {"group_ids": {"references": ["module.groups.id", "module.groups"]}}
    configuration = {
        "module_calls": {"groups": {"module": of_groups}, "ends": {"module": of_ends, "expressions": given}}
    }
    assert outcomes(document(rows, configuration))[Reachability.OPEN] > 5


@pytest.mark.parametrize(
    "references",
    [["var.group_ids"], ["data.aws_security_group.x.id"], [*REFERS["references"], "local.more"], [7], ["module.a.b"]],
)
def test_what_else_a_group_may_be_is_not_guessed(references: list[Any]) -> None:
    expressions = {"security_group_ids": {"references": references}}
    resources = [RESOURCES[0], RESOURCES[1] | {"expressions": expressions}, RESOURCES[2]]
    assert Reachability.OPEN not in outcomes(document(with_group(rule_from("10.20.0.0/16")), {"resources": resources}))


@pytest.mark.parametrize(
    ("references", "is_judged"),
    [
        (["data.aws_vpc.main.id", "data.aws_vpc.main"], False),
        (["var.vpc_id"], False),
        (["aws_vpc.one.id", "aws_vpc.one"], True),
        (["aws_vpc.one[0].id", "data.aws_vpc.main[0].id"], True),
        (["local.vpc_id"], True),
    ],
)
def test_an_endpoint_of_a_vpc_that_is_read_late_is_not_of_the_new_vpc(
    references: list[str], *, is_judged: bool
) -> None:
    """Terraform reads a data source only when it applies the plan, if the data source depends on what the plan makes.
    The endpoint may be for the VPC that was read."""
    values = endpoint(security_group_ids=[SHUT])
    del values["vpc_id"]
    rows = [
        row("aws_vpc", None, {"cidr_block": "10.99.0.0/16"}, {"id": True}),
        row("aws_vpc_endpoint", None, values, NEW_ID | {"vpc_id": True}, module_address="module.ends"),
    ]
    module = {"resources": [{**RESOURCES[1], "expressions": {"vpc_id": {"references": references}}}]}
    given = {"vpc_id": {"references": ["module.net.vpc_id", "module.net"]}}
    found = {"outputs": {"vpc_id": {"expression": {"references": ["data.aws_vpc.main.id"]}}}}
    calls = {"ends": {"module": module, "expressions": given}, "net": {"module": found}}
    result = document(rows, {"module_calls": calls})
    assert result.verdict.status is (Status.OK if is_judged else Status.UNKNOWN)
    assert bool(result.unjudged) is not is_judged


def test_references_that_go_round_end() -> None:
    inner = {"references": ["module.a.out", "var.x"]}
    module = {"outputs": {"out": {"expression": inner}}, "module_calls": {"a": {}}}
    resources = [RESOURCES[0], RESOURCES[1] | {"expressions": {"security_group_ids": inner}}]
    result = document(with_group(), {"resources": resources, "module_calls": {"a": {"module": module}}})
    assert Reachability.OPEN not in outcomes(result)


@pytest.mark.parametrize(("steps", "is_open"), [(80, True), (300, False), (20_000, False)])
def test_a_long_way_of_references_is_given_up(steps: int, *, is_open: bool) -> None:
    """Each reference is to a variable of a module. The value of the variable is an output of this module."""
    outputs = {
        f"out{step}": {"expression": {"references": [f"var.in{step}"]} if step < steps else REFERS}
        for step in range(steps + 1)
    }
    given = {f"in{step}": {"references": [f"module.a.out{step + 1}", "module.a"]} for step in range(steps)}
    rows = with_group(rule_from("10.20.0.0/16"))
    for row_of_group in (rows[0], rows[2]):
        row_of_group["module_address"] = "module.a"
    module = {"resources": [RESOURCES[0], RESOURCES[2]], "outputs": outputs}
    resources = [RESOURCES[1] | {"expressions": {"security_group_ids": {"references": ["module.a.out0"]}}}]
    configuration = {"resources": resources, "module_calls": {"a": {"module": module, "expressions": given}}}
    assert (Reachability.OPEN in outcomes(document(rows, configuration))) is is_open


def test_addresses_that_rules_tell_apart_are_told_apart() -> None:
    """The address of the new endpoint is not known yet. If the rules of the hosts only allow half of the endpoint's
    subnet, it is not certain that the hosts reach it.
    """
    half = row(
        "aws_security_group",
        {"id": SHUT, "egress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]},
        {"id": SHUT, "egress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["10.20.0.0/25"]}]},
    )
    one = endpoint(security_group_ids=[ADMITS], subnet_ids=SUBNETS[:1])
    result = document([half, row("aws_vpc_endpoint", None, one, NEW_ID)])
    unsure = [path for path in result.paths if path.outcome is Reachability.CANNOT_TELL]
    assert unsure
    assert all("which address vpce-new-1 gets decides" in path.words for path in unsure)
    assert all(path.addresses == () for path in result.paths)


def test_an_endpoint_whose_subnets_are_not_known_has_no_answer() -> None:
    values = endpoint(security_group_ids=[ADMITS])
    del values["subnet_ids"]
    result = document([row("aws_vpc_endpoint", None, values, NEW_ID | {"subnet_ids": True})])
    assert set(outcomes(result)) == {Reachability.CANNOT_TELL}


@pytest.mark.parametrize(
    ("subnet_id", "cidr", "status"),
    [
        ("subnet-0e57a7e0000000011", "10.20.0.0/16", Status.OK),
        ("subnet-0e57a7e0000000011", "10.20.0.0/22", Status.UNKNOWN),
        ("subnet-0badbad0", "10.20.0.0/16", Status.UNKNOWN),
    ],
)
def test_a_new_subnet_of_an_endpoint_is_judged_by_its_parts(subnet_id: str, cidr: str, status: Status) -> None:
    """The rules of hosts may allow the whole VPC, or only the subnets in which the endpoint already has an
    interface.
    """
    service = {"vpc_endpoint_type": "Interface", "security_group_ids": [ADMITS], "private_dns_enabled": True}
    there: dict[str, Any] = {
        "id": "vpce-0e57a7e0000000001",
        "subnet_ids": [*SUBNETS, "subnet-0e57a7e0000000003"],
        **service,
    }
    out = {"from_port": 443, "to_port": 443, "protocol": "tcp"}
    everywhere = {"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}
    rows = [
        row("aws_vpc_endpoint", there, there | {"subnet_ids": [*there["subnet_ids"], subnet_id]}),
        row(
            "aws_security_group",
            {"id": SHUT, "egress": [everywhere]},
            {"id": SHUT, "egress": [out | {"cidr_blocks": [cidr]}]},
        ),
    ]
    facts = Facts(known=estate(), taken_at=TAKEN_AT, not_read=())
    data = json.dumps({"format_version": "1.2", "resource_changes": rows}).encode()
    asked = Asked(sources=("subnet-0e57a7e0000000011",), services={"backup": True}, ports=())
    result = predicted(facts, asked, plans=[parse(data, "plan.json")])
    assert result.verdict.status is status, result.changes
    assert len(result.names[0].addresses) == 3
    assert ("to 10.20.16." in "".join(one.words for one in result.changes)) is (cidr == "10.20.0.0/22")
