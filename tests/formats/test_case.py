"""The block of text for AWS Support: it contains everything that a support case needs, without masking, and no part of
it is interpreted as markup.
"""

import re
from dataclasses import replace

import pytest

from agent.formats import case
from agent.judge.verdict import refusal
from agent.report.escape import visible
from agent.report.model import Report
from agent.report.redact import redact
from agent.report.words import WIDTH
from probes.facts import ApiFacts, HttpFacts, JobsFacts
from probes.vpc.model import EndpointsFacts
from tests.hostile import cases
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of
from tests.support.untrusted import HOSTILE, everywhere

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def flat(text: str) -> str:
    """The block without its line breaks."""
    return re.sub(r"\s+", " ", text)


def assert_is_case(text: str, report: Report) -> None:
    """Assert the promises that every block for AWS Support keeps."""
    assert text.isascii()
    assert all(char.isprintable() or char == "\n" for char in text)
    whole = flat(text)
    assert text.startswith("The report was masked" if report.run.redacted else "The block below shows ids")
    for seen in (report.vantage.vpc_id, report.vantage.subnet_id, report.vantage.instance_id, report.run.region):
        assert seen is None or seen in whole
    for target in report.targets:
        for address in target.addresses if target.status != "not-in-use" else ():
            assert f"{address.address} ({address.scope}" in whole
    answers = (observation.facts for observation in report.observations)
    ids = [one.request_id for one in answers if isinstance(one, HttpFacts | ApiFacts | JobsFacts) and one.request_id]
    # A long id is divided over several lines, possibly after any character.
    solid = re.sub(r"\s", "", text)
    lost = [request_id for request_id in ids if re.sub(r"\s", "", visible(request_id)) not in solid]
    assert lost == [] or len(ids) > case.MAX_REQUESTS
    failed = [observation for observation in report.observations if observation.failure is not None]
    if len(failed) <= case.MAX_STEPS:
        made = [observation for observation in failed if observation.started_at is not None]
        assert whole.count("* 20") >= len(made)


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_every_scenario_as_a_case(name: str) -> None:
    for report in (report_of(name), redact(report_of(name))):
        text = case.render(report)
        assert_is_case(text, report)
        wide = [line for line in text.splitlines() if len(line) > WIDTH]
        assert all(max(map(len, line.split())) > WIDTH - 32 for line in wide), wide


@pytest.mark.parametrize("name", one_in(16, cases.NAMES))
def test_a_peer_that_means_harm_as_a_case(name: str) -> None:
    assert_is_case(case.render(cases.report_of(name)), cases.report_of(name))


@pytest.mark.parametrize("text", one_in(4, HOSTILE), ids=ascii)
def test_no_text_of_a_report_is_obeyed(text: str) -> None:
    block = case.render(everywhere(report_of("three-faults"), text))
    assert block.isascii()
    assert all(char.isprintable() or char == "\n" for char in block)


def test_a_fault_says_where_when_and_what_answered() -> None:
    text = flat(case.render(report_of("three-faults")))
    for words in (
        "account 111122223333",
        "Region eu-west-1 (from --region)",
        "VPC vpc-0a1b2c3d4e5f67890 10.0.0.0/16",
        "subnet subnet-0a1b2c3d4e5f67890",
        "resolvers 10.0.0.2",
        "PrivateLink service com.amazonaws.eu-west-1.backup",
        "address 10.0.2.17 (vpc",
        "tried: tcp 2 of 3 steps ok",
        "* 2026-01-15T03:00:00.001Z tcp 10.0.2.17:443: timeout after 1.0 s: no end within 1 s",
        "api 10.0.1.17:443: access-denied (AccessDeniedException) after 2.0 ms: User: arn:aws:sts::111122223333:",
        "[TCP002] CRITICAL backup:",
        "backup api 10.0.1.17:443, status 403",
    ):
        assert words in text
    assert len(MOMENT.findall(text)) > 8


def test_request_ids_of_what_failed_come_first() -> None:
    text = case.render(report_of("three-faults")).partition("Request ids")[2]
    assert text.index(" api") < text.index(" http")


def test_endpoints_of_the_service_have_their_states() -> None:
    assert "VPC endpoints vpce-0b1b2c3d4e5f67890 (pending)" in flat(case.render(report_of("endpoint-pending")))


def test_endpoints_of_another_vpc_are_not_those_of_the_case() -> None:
    report = report_of("endpoint-in-another-vpc")
    endpoints = [
        endpoint
        for observation in report.observations
        if isinstance(facts := observation.facts, EndpointsFacts)
        for endpoint in facts.endpoints
    ]
    assert any(endpoint.vpc_id != report.vantage.vpc_id for endpoint in endpoints)
    assert "VPC endpoints" not in case.render(report)


def test_a_masked_report_says_that_ids_are_stand_ins() -> None:
    text = flat(case.render(redact(report_of("three-faults"))))
    assert "AWS Support cannot look up the masked ids" in text
    assert "vpc-1" in text
    assert "vpc-0a1b2c3d" not in text


def test_of_a_call_without_a_run_there_is_still_a_block() -> None:
    text = case.render(refusal("no reason"))
    assert "UNKNOWN: no reason" in text
    assert "Request ids" not in text


def test_steps_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case, "MAX_STEPS", 1)
    monkeypatch.setattr(case, "MAX_REQUESTS", 2)
    ids = case.render(report_of("three-faults")).partition("Request ids")[2].partition("Versions")[0]
    assert (ids.count("status "), ids.count("more; the report has them")) == (2, 1)
    assert "* and 2 more steps that failed; the report has them" in case.render(report_of("three-faults"))


def test_a_run_that_ended_early_says_so() -> None:
    report = report_of("healthy")
    assert "ended early" not in case.render(report)
    assert "ended early" in case.render(replace(report, run=replace(report.run, complete=False)))
