"""Intents: the content of their file, the result of each intent with and without a plan, and the example for a
pipeline.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml

from agent.app import publish
from agent.predict.intents import IntentError, Intents, parse
from agent.predict.model import PredictedIntent, PredictionDocument
from agent.predict.plan import parse as parse_plan
from agent.predict.plan_values import Plan
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import Reachability
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from probes.vpc.model import Vpc
from tests.agent.predict.test_plan_truths import ENDPOINT, GROUP, IN_VPC, VPC, bare
from tests.agent.predict.test_plans import row, terraform
from tests.agent.predict.test_prediction import TAKEN_AT
from tests.hostile.fuzz.intents import read
from tests.hostile.fuzz.plans import estate
from tests.support.repository import ROOT

EXAMPLES: Final = ROOT / "docs/examples"
HOSTS: Final = "subnet-0e57a7e0000000011"
OF_APPLIANCES: Final = 'from = ["subnet-0e57a7e0000000031"]'


def intents(*tables: str, before: str = "") -> Intents:
    return parse("\n".join([before, *tables]).encode(), "intents.toml")


def table(must: str, services: str = '"backup"', more: str = "") -> str:
    return f'[[{must}]]\nname = "one"\nservices = [{services}]\n{more}\n'


def document(what: Intents, *plans: Plan) -> PredictionDocument:
    facts = Facts(known=estate(), taken_at=TAKEN_AT, not_read=())
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup": True}, ports=())
    return predicted(facts, asked, plans=plans, harmless=what.harmless, intents=what.intents)


def only(what: Intents, *plans: Plan) -> PredictedIntent:
    (one,) = document(what, *plans).intents
    return one


# --- The file --------------------------------------------------------------------------------------------------------


def test_an_intent_has_the_line_in_which_it_begins() -> None:
    text = table("open") + "\n# a comment\n\n" + table("shut") + table("open")
    found = intents(text, before="harmless = []\n")
    assert [(one.must, one.place) for one in found.intents] == [
        ("open", "intents.toml:3"),
        ("shut", "intents.toml:10"),
        ("open", "intents.toml:14"),
    ]


def test_an_intent_is_for_every_host_and_for_the_ports_of_the_service_where_it_names_none() -> None:
    (one,) = intents(table("open")).intents
    assert (one.sources, one.services, one.ports) == ((EVERY_SOURCE,), ("backup",), ())
    more = 'ports = [443, 22, 22]\nfrom = ["10.0.0.0/24"]'
    (one,) = intents(table("shut", '"backup", "sts", "backup"', more)).intents
    assert (list(map(str, one.sources)), one.services, one.ports) == (["10.0.0.0/24"], ("backup", "sts"), (22, 443))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no intent"),
        ("[[open]", "is not TOML"),
        ('wanted = "x"', "'wanted' is not a known key"),
        ('harmless = ["random_id"]', "harmless is a list of kinds of AWS"),
        ("harmless = 1", "harmless is a list of kinds of AWS"),
        ("open = [{name = 'x', services = ['backup']}]", "each intent has a header [[open]] on a line of its own"),
        ("open = 1", "each intent has a header [[open]]"),
        ("[[open]]\nservices = ['backup']", "intents.toml:1: name is a text"),
        ("[[open]]\nname = 'a\u202e'\nservices = ['backup']", "intents.toml:1: name is a text"),
        ("[[open]]\nname = 'x'", "intents.toml:1: services is a list of services; they are backup,"),
        ("[[open]]\nname = 'x'\nservices = ['nope']", "'nope' is not a service"),
        ("[[open]]\nname = 'x'\nservices = [7]", "7 is not a service"),
        (table("open", more="ports = [0]"), "0 is not a port"),
        (table("open", more="ports = [true]"), "True is not a port"),
        (table("open", more="ports = 443"), "ports is a list"),
        (table("open", more="from = ['everywhere']"), "'everywhere' is not a source for `from`"),
        (table("open", more="to = ['x']"), "'to' is not a known key"),
        (table("open") * 201, "it has 201 intents, and no more than 200 are judged"),
    ],
)
def test_what_is_no_file_of_intents_is_refused(text: str, why: str) -> None:
    with pytest.raises(IntentError) as refused:
        parse(text.encode(), "intents.toml")
    assert why in str(refused.value)


@given(st.one_of(st.text(), st.text().map(lambda text: f"[[open]]\nname = '''{text}'''")))
def test_any_text_is_intents_or_refused_in_words(text: str) -> None:
    result = read(text.encode("utf-8", "surrogatepass"))
    assert not isinstance(result, str) or result.startswith("intents.toml:")


# --- The result of each intent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (table("open", more=OF_APPLIANCES), Status.OK),
        (table("open"), Status.CRITICAL),
        (table("open", '"backup-gateway"', OF_APPLIANCES), Status.CRITICAL),
        (table("open", '"backup-gateway"', f"{OF_APPLIANCES}\nports = [443, 1026]"), Status.OK),
        (table("shut", '"backup-gateway"', f'from = ["{HOSTS}"]\nports = [1026, 1031]'), Status.OK),
        (table("shut", '"backup-gateway"', f"{OF_APPLIANCES}\nports = [1026]"), Status.CRITICAL),
        (table("shut", more=f'from = ["{HOSTS}"]'), Status.CRITICAL),
        (table("open", '"kms"', f'from = ["{HOSTS}"]'), Status.CRITICAL),
        (table("shut", '"kms"'), Status.OK),
        (table("open", more='from = ["subnet-0e57a7e0000000099"]'), Status.UNKNOWN),
        (table("shut", more='from = ["subnet-0e57a7e0000000099"]'), Status.UNKNOWN),
    ],
)
def test_an_intent_holds_or_does_not(text: str, status: Status) -> None:
    result = document(intents(text))
    (one,) = result.intents
    assert one.status is status, one
    assert result.verdict.status is status
    assert bool(one.failures) is (status is not Status.OK)
    assert ("one (intents.toml:2)" in result.verdict.summary) is (status is not Status.OK)


def test_a_failure_names_the_rule_that_decides() -> None:
    what = intents(table("shut", '"backup-gateway"', f"{OF_APPLIANCES}\nports = [1026]"))
    (failure,) = only(what).failures
    assert (failure.ports, failure.outcome) == ((1026,), Reachability.OPEN)
    assert failure.rule == "sgr-0e57a7e0000000004"
    assert failure.decided_by == ("sg-0e57a7e0000000002",)


def test_an_intent_is_judged_with_the_plan() -> None:
    what = intents(table("open", more=OF_APPLIANCES))
    shut = terraform(row("aws_security_group", {"id": GROUP, "ingress": IN_VPC}, {"id": GROUP, "ingress": []}))
    assert only(what).status is Status.OK
    assert only(what, shut).status is Status.CRITICAL
    elsewhere = terraform(row("aws_security_group", {"id": "sg-0e57a7e0000000009", "ingress": IN_VPC}))
    assert document(what, elsewhere).verdict.status is Status.OK


def test_what_was_shut_before_counts_for_an_intent() -> None:
    """Without intents, a plan is not blamed for earlier faults."""
    nothing = terraform(bare("aws_iam_role", "create"))
    assert document(intents(table("open")), nothing).verdict.status is Status.CRITICAL


def test_a_change_that_is_not_judged_leaves_it_open_whether_intents_hold() -> None:
    text = table("open", more=OF_APPLIANCES)
    unknown = terraform(bare("aws_made_up", "create"))
    result = document(intents(text), unknown)
    assert (result.verdict.status, result.intents[0].status) == (Status.UNKNOWN, Status.OK)
    assert "the effect of a part of the change is not known" in result.verdict.summary
    taken = document(intents(text, before='harmless = ["aws_made_up"]'), unknown)
    assert taken.verdict.status is Status.OK


def test_whether_intents_hold_for_an_instance_that_is_replaced_is_not_judged() -> None:
    """An intent is about sources that exist, and the new instance does not exist yet."""
    like_it = {"subnet_id": HOSTS, "vpc_security_group_ids": ["sg-0e57a7e0000000003"]}
    before = like_it | {"id": "i-0e57a7e0000001010"}
    by_another = terraform(row("aws_instance", before, like_it, {"id": True}, ["delete", "create"]))
    result = document(intents(table("open", more=OF_APPLIANCES)), by_another)
    assert (result.verdict.status, result.intents[0].status) == (Status.UNKNOWN, Status.OK)


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoints": None},
        {"endpoint_services": ()},
        {"vpc": Vpc(vpc_id=VPC, owner_id="444455556666", cidrs=(), dhcp_options_id=None)},
    ],
    ids=["not read", "of other services", "a VPC of another account"],
)
def test_endpoints_that_cannot_be_seen_are_not_shut(changes: dict[str, Any]) -> None:
    (intent,) = intents(table("shut", '"kms"')).intents
    for more, status in ((changes, Status.UNKNOWN), ({}, Status.OK)):
        known = replace(estate(), configuration=replace(estate().configuration, **more))
        asked = Asked(sources=(EVERY_SOURCE,), services={"kms": True}, ports=())
        result = predicted(Facts(known=known, taken_at=TAKEN_AT, not_read=()), asked, intents=[intent])
        assert (result.verdict.status, result.intents[0].status) == (status, status)


def test_a_policy_that_is_not_known_yet_leaves_an_intent_unknown() -> None:
    values = {"id": ENDPOINT, "vpc_endpoint_type": "Interface", "private_dns_enabled": True}
    unknown = terraform(row("aws_vpc_endpoint", values, values, {"policy": True}))
    what = intents(table("open", more=OF_APPLIANCES))
    result = document(what, unknown)
    assert (result.verdict.status, result.intents[0].status) == (Status.UNKNOWN, Status.UNKNOWN)
    (failure,) = result.intents[0].failures
    assert (failure.outcome, failure.decided_by) == (Reachability.CANNOT_TELL, (ENDPOINT,))
    assert only(intents(table("open", '"sts"', OF_APPLIANCES)), unknown).status is Status.OK


@pytest.mark.parametrize(
    ("action", "effect", "status"),
    [
        ("s3:*", "Allow", Status.CRITICAL),
        ("*", "Deny", Status.CRITICAL),
        ("backup-storage:*", "Allow", Status.OK),
    ],
)
def test_a_policy_that_allows_no_call_fails_an_intent(action: str, effect: str, status: Status) -> None:
    """A run makes no signed call of backup-storage, which carries the data."""
    values = {"id": "vpce-0e57a7e0000000003", "vpc_endpoint_type": "Interface", "private_dns_enabled": True}
    statement = {"Effect": effect, "Principal": "*", "Action": action, "Resource": "*"}
    policy = json.dumps({"Statement": [statement]})
    changed = terraform(row("aws_vpc_endpoint", values, values | {"policy": policy}))
    what = intents(table("open", '"backup-storage"', OF_APPLIANCES))
    assert only(what).status is Status.OK
    assert document(what, changed).verdict.status is status


def test_a_source_that_is_not_there_is_refused_with_its_line() -> None:
    with pytest.raises(IntentError, match=r"intents\.toml:2: subnet-0badbad0 is not in vpc-"):
        document(intents(table("open", more='from = ["subnet-0badbad0"]')))


def test_junit_has_a_case_for_each_intent() -> None:
    text = table("open") + table("shut", '"kms"') + table("open", more='from = ["subnet-0e57a7e0000000099"]')
    written = publish.rendered(publish.PREDICTION, document(intents(text)), "junit")
    (suite,) = [one for one in JUnitXml.fromstring(written.encode()) if one.name == "backuplink intents"]
    results = [case.result[0] if case.result else None for case in suite]
    assert [type(result) for result in results] == [Failure, type(None), Error]
    assert results[0] is not None
    assert str(results[0].message).startswith("intents.toml:2: ")
    assert "sg-0e57a7e0000000004" in str(results[0].text)


def test_text_says_of_each_intent_whether_it_holds() -> None:
    shown = publish.rendered(publish.PREDICTION, document(intents(table("open") + table("shut", '"kms"'))), "text")
    assert "DOES NOT HOLD: one (intents.toml:2): open for backup" in shown
    assert "holds: one (intents.toml:6): shut for kms" in shown


# --- The examples ----------------------------------------------------------------------------------------------------


def test_the_example_holds_with_the_plan_of_the_example_and_not_without() -> None:
    what = parse((EXAMPLES / "intents.toml").read_bytes(), "intents.toml")
    plan = parse_plan((EXAMPLES / "plan.json").read_bytes(), "plan.json")
    before, after = document(what), document(what, plan)
    assert [one.status for one in before.intents] == [Status.OK, Status.CRITICAL, Status.OK]
    assert [one.status for one in after.intents] == [Status.OK, Status.OK, Status.OK]
    assert after.verdict.status is Status.OK


def _steps() -> Iterator[dict[str, Any]]:
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    for job in workflow["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize(("name", "code"), [("plan.json", 0), (None, 2)])
def test_the_step_of_the_github_workflow_passes_or_fails(name: str | None, code: int, tmp_path: Path) -> None:
    """The workflow's command runs with the files that the earlier steps write."""
    (step,) = [step for step in _steps() if step.get("name") == "Predict"]
    (tmp_path / "facts.json").write_bytes((EXAMPLES / "estate.json").read_bytes())
    (tmp_path / "intents.toml").write_bytes((EXAMPLES / "intents.toml").read_bytes())
    nothing = json.dumps({"format_version": "1.2", "resource_changes": []})
    plan = nothing if name is None else (EXAMPLES / name).read_text("utf-8")
    (tmp_path / "plan.json").write_text(plan, "utf-8")
    done = subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    suites = JUnitXml.fromstring((tmp_path / "intents.xml").read_bytes())
    (suite,) = [one for one in suites if one.name == "backuplink intents"]
    assert suite.failures == (1 if code else 0)
