"""The report in CloudWatch's embedded metric format: the metrics that CloudWatch reads from it, compared with the
report's own JSON.

The schema and the limits are those of "Specification: Embedded metric format" in the Amazon CloudWatch User Guide, and
of MetricDatum, Dimension and StandardUnit in the Amazon CloudWatch API Reference.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from agent.cli.main import dispatch
from agent.formats import emf
from agent.judge.verdict import refusal
from agent.report import codec
from agent.report.model import Report, Status
from agent.report.redact import redact
from probes.model import Observation, Role
from tests.formats.emf_events import VALIDATOR, holds
from tests.formats.monitors import Extracted, events_in, extracted
from tests.hostile import cases
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of
from tests.support.untrusted import spoken

COUNTS: Final = ("Ok", "Warning", "Critical", "Unknown")


every_report = pytest.mark.parametrize(
    ("make_report", "name"),
    [(report_of, name) for name in one_in(24, scenarios.names())] + [(cases.report_of, name) for name in cases.NAMES],
    ids=lambda value: value if isinstance(value, str) else "",
)


def values(event: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    """The values that CloudWatch reads from an event, by the metric's name."""
    return {metric.name: metric.values for metric in extracted(event)}


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_schema_refuses_what_is_none() -> None:
    good = events_in(emf.render(report_of("healthy")))[0]
    for path, wrong in (
        (("_aws",), {}),
        (("_aws", "Timestamp"), 1.5),
        (("_aws", "Timestamp"), "2026-01-15T03:00:00Z"),
        (("_aws", "CloudWatchMetrics", 0, "Namespace"), ":a"),
        (("_aws", "CloudWatchMetrics", 0, "Dimensions"), []),
        (("_aws", "CloudWatchMetrics", 0, "Dimensions"), [[f"d{number}" for number in range(31)]]),
        (("_aws", "CloudWatchMetrics", 0, "Metrics"), [{"Name": f"m{number}"} for number in range(101)]),
        (("_aws", "CloudWatchMetrics", 0, "Metrics"), [{"Unit": "Count"}]),
    ):
        bad: Any = json.loads(json.dumps(good))
        place = bad
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = wrong
        assert not VALIDATOR.is_valid(bad), path


@every_report
def test_cloudwatch_takes_every_report(make_report: Callable[[str], Report], name: str) -> None:
    events = holds(emf.render(make_report(name)))
    assert [event["type"] for event in events] == ["run", *["target"] * (len(events) - 1)]
    assert holds(emf.render(redact(make_report(name))))[0]["status"] == events[0]["status"]


@every_report
def test_the_run_is_what_the_report_says(make_report: Callable[[str], Report], name: str) -> None:
    report = make_report(name)
    document = codec.encode(report)
    event = events_in(emf.render(report))[0]
    run, vantage = document["run"], document["vantage"]
    status = document["verdict"]["status"]
    assert event["_aws"]["Timestamp"] == pytest.approx(instant(run["finished_at"]) * 1_000, abs=1)
    assert {metric.dimensions for metric in extracted(event)} == {()}
    assert {metric.namespace for metric in extracted(event)} == {"backuplink"}
    expected: dict[str, Any] = {word: (float(word.lower() == status),) for word in COUNTS}
    expected["Complete"] = (float(run["complete"]),)
    expected["Causes"] = (
        float(sum(finding["explained_by"] is None and finding["counts"] for finding in document["findings"])),
    )
    expected["RunSeconds"] = (run["seconds"],)
    if vantage["clock_offset_seconds"] is not None:
        expected["ClockOffsetSeconds"] = (vantage["clock_offset_seconds"],)
    if document["paths"]:
        expected["PathsOtherwise"] = (float(sum(path["agrees"] is False for path in document["paths"])),)
    assert values(event) == expected
    assert event["run_id"] == run["id"]
    assert [cause["id"] for cause in event["causes"]] == [
        finding["id"] for finding in document["findings"] if finding["explained_by"] is None and finding["counts"]
    ]
    assert event["not_counted"] == [
        finding["id"] for finding in document["findings"] if finding["explained_by"] is None and not finding["counts"]
    ]
    for key in ("status", "path", "access"):
        assert event[key] == document["verdict"][key]


@every_report
def test_targets_are_what_the_report_says(make_report: Callable[[str], Report], name: str) -> None:
    report = make_report(name)
    document = codec.encode(report)
    wanted = [
        target for target in document["targets"] if target["status"] != "not-in-use" and target["role"] != "context"
    ]
    events = events_in(emf.render(report))[1:]
    assert [event["Target"] for event in events] == [target["id"] for target in wanted]
    for event, target in zip(events, wanted, strict=True):
        assert {metric.dimensions for metric in extracted(event)} == {
            (("Region", target["region"]), ("Target", target["id"]))
        }
        metrics = values(event)
        for word in COUNTS:
            assert metrics[word] == (float(word.lower() == target["status"]),)
        own = {address["address"] for address in target["addresses"] if address["from_own_lookup"]}
        causes = [
            finding["id"]
            for finding in document["findings"]
            if finding["target"] == target["id"] and finding["explained_by"] is None
        ]
        assert metrics["Causes"] == (float(len(causes)),)
        assert [cause["id"] for cause in event["causes"]] == causes
        observations = [
            observation
            for observation in document["observations"]
            if observation["target"] == target["id"]
            and observation["address"] in own
            and observation["operation"] is None
        ]
        for step in ("tcp", "tls", "http", "api"):
            ladder = [observation for observation in observations if observation["step"] == step]
            for result, word in (("ok", "Ok"), ("failed", "Failed")):
                count = sum(observation["status"] == result for observation in ladder)
                assert metrics[f"{step.capitalize()}{word}"] == (count,)
            seconds = sorted(
                (observation["seconds"] for observation in ladder if observation["status"] == "ok"), reverse=True
            )
            assert list(metrics.get(f"{step.capitalize()}Seconds", ())) == pytest.approx(seconds)
        failed = [
            (observation["step"], observation["address"], observation["port"])
            for observation in observations
            if observation["status"] == "failed"
        ]
        assert [(failure["step"], failure["address"], failure["port"]) for failure in event["failed"]] == failed[
            : emf.MAX_LISTED
        ]


def with_expiry(report: Report) -> Report:
    """The report of a run whose credentials expire an hour and a half after the run."""
    assert report.vantage.credentials is not None
    ends = report.run.finished_at + timedelta(hours=1.5)
    credentials = replace(report.vantage.credentials, expires_at=ends)
    return replace(report, vantage=replace(report.vantage, credentials=credentials))


def test_credentials_that_end() -> None:
    run = events_in(emf.render(with_expiry(report_of("healthy"))))[0]
    assert values(run)["CredentialsSecondsLeft"] == (5_400,)


def test_the_look_up_and_the_certificate() -> None:
    report = report_of("one-zone-silent")
    document = codec.encode(report)
    event = next(event for event in events_in(emf.render(report)) if event.get("Target") == "backup")
    lookup = next(
        observation for observation in document["observations"] if observation["id"] == "dns/backup/getaddrinfo"
    )
    ends = [
        instant(certificate["not_after"])
        for observation in document["observations"]
        if observation["step"] == "tls" and observation["target"] == "backup" and observation["status"] == "ok"
        for certificate in observation["facts"]["certificates"]
    ]
    assert values(event)["LookupSeconds"] == (lookup["seconds"],)
    left = min(ends) - instant(document["run"]["finished_at"])
    assert values(event)["CertificateSecondsLeft"] == pytest.approx((left,), abs=1e-3)


def test_no_more_values_of_a_metric_than_an_event_may_hold() -> None:
    report = report_of("healthy")
    observation = next(
        observation
        for observation in report.observations
        if observation.id.startswith("tcp/backup/") and observation.ok
    )
    many = tuple(replace(observation, seconds=float(number)) for number in range(250))
    (event,) = (
        event for event in holds(emf.render(replace(report, observations=many))) if event.get("Target") == "backup"
    )
    assert values(event)["TcpOk"] == (250,)
    # The slowest steps tell the user most.
    assert values(event)["TcpSeconds"] == tuple(map(float, range(249, 149, -1)))


def test_no_metric_of_what_is_not_in_use_or_for_comparison() -> None:
    report = report_of("healthy")
    for change in ({"status": Status.NOT_IN_USE}, {"role": Role.CONTEXT}):
        targets = tuple(replace(target, **change) for target in report.targets)
        assert len(events_in(emf.render(replace(report, targets=targets)))) == 1


def test_metrics_that_are_paid_for() -> None:
    """Each metric costs money, so adding one is a decision. The number of metrics does not depend on the observations
    of the run.
    """
    names: set[Extracted] = set()
    for report in (with_expiry(report_of("healthy")), *map(report_of, one_in(8, scenarios.names()))):
        for event in events_in(emf.render(report)):
            names |= {replace(metric, values=()) for metric in extracted(event)}
    assert len({name.name for name in names if not name.dimensions}) == len(emf.RUN_METRICS) == 10
    assert len({name.name for name in names if name.dimensions}) == len(emf.TARGET_METRICS) == 19
    assert {tuple(key for key, _ in name.dimensions) for name in names} == {(), emf.DIMENSIONS}


def test_a_refusal_is_unknown() -> None:
    (event,) = holds(emf.render(refusal("no such option")))
    assert values(event) == {
        "Ok": (0,),
        "Warning": (0,),
        "Critical": (0,),
        "Unknown": (1,),
        "Complete": (0,),
        "Causes": (0,),
    }
    assert event["summary"] == "no such option"


def test_of_a_run_at_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["demo", "gateway-ports-missing", "--format", "emf"], []) == 2
    out, _ = capfd.readouterr()
    assert out == emf.render(report_of("gateway-ports-missing"))


# --- What is foreign -------------------------------------------------------------------------------------------------


def test_an_event_is_bounded_whatever_was_found() -> None:
    report = spoken('\\"' * 100_000, "gateway-ports-missing")
    findings = tuple(
        replace(finding, id=f"{finding.target}{number}", target="backup-gateway", explained_by=None)
        for finding in report.findings
        for number in range(200)
    )
    targets = tuple(replace(target, unproven=target.unproven * 200) for target in report.targets)
    (run, *rest) = holds(emf.render(replace(report, findings=findings, targets=targets)))
    assert values(run)["Causes"] == (len(findings),)
    assert len(run["causes"]) == emf.MAX_LISTED
    assert all(len(event["unproven"]) <= emf.MAX_LISTED for event in rest)


def test_numbers_that_no_run_measures() -> None:
    """A saved report may contain any number, and CloudWatch refuses an event in which a number is too large."""

    def huge(observation: Observation[Any]) -> Observation[Any]:
        return observation if observation.seconds is None else replace(observation, seconds=1.7e308)

    report = report_of("healthy")
    events = holds(emf.render(replace(report, observations=tuple(map(huge, report.observations)))))
    assert not any(name.endswith("pSeconds") for event in events for name in values(event))
    assert values(events[1])["TcpOk"][0] > 0


def test_masks_stand_where_something_is_masked() -> None:
    report = report_of("endpoint-names-only")
    text = emf.render(redact(report))
    holds(text)
    assert report.vantage.instance_id is not None
    assert report.vantage.instance_id not in text
    for target in report.targets:
        for address in target.addresses:
            assert str(address.address) not in text
