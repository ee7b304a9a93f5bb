"""Reports of many services: each healthy service takes one line, each faulty service is shown in full, and no document
exceeds its limits.
"""

import json
import re
from dataclasses import replace
from functools import cache

import pytest

from agent.catalog.services import checkable
from agent.documents import difference as documents
from agent.documents import text as as_text
from agent.formats import emf
from agent.formats.registry import RenderOptions, render
from agent.formats.text import BRIEF_CHARACTERS
from agent.judge.verdict import judge
from agent.report.diff import difference
from agent.report.hops import Reachability
from agent.report.model import ConfiguredPath, Measured, Report, Status
from agent.report.words import folded, unfolded
from probes.facts import DnsFacts
from probes.model import Role, Step
from tests.formats import html_page
from tests.formats.monitors import samples_in
from tests.formats.plugin_output import NRPE_BYTES, read
from tests.support.extent import one_in
from tests.support.many_services import ALL, failing, report_of, with_long_names
from tests.support.repository import ROOT
from tests.support.runs import measured

SICK = ("sts", "kms")


def test_there_are_as_many_as_the_bounds_are_made_for() -> None:
    assert len(ALL) >= 24
    assert {target.status for target in report_of(ALL).targets} == {Status.OK}


# --- Text, Markdown and HTML -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
def test_few_services_are_shown_in_full(count: int) -> None:
    report = report_of(ALL[:count])
    assert [target.id for target in unfolded(report)] == list(ALL[:count])
    assert "slowest connect" not in render(report, "text")


def test_many_healthy_services_take_one_line_each() -> None:
    report = report_of(ALL)
    text = render(report, "text")
    rows = text.partition("ok, path private: 24 services, each with its slowest connect\n")[2].partition("\n\n")[0]
    header, *lines = [line.split() for line in rows.splitlines()]
    assert header == ["service", "IPs", "connect", "host"]
    assert lines == [[target.service, "3", "2.0", "ms", target.host] for target in report.targets]
    assert "address     zone" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "backup, backup-gateway, backup-storage, backup-search, sts and 19 more answer" in " ".join(text.split())


def test_of_many_services_the_sick_are_shown_in_full() -> None:
    report = report_of(ALL, SICK)
    text = render(report, "text")
    assert [target.id for target in unfolded(report)] == list(SICK)
    for place, name in ((ALL.index(name), name) for name in SICK):
        assert re.search(rf"^{name}  {name}\.eu-west-1\.amazonaws\.com +critical, path private$", text, re.MULTILINE)
        assert f"  10.0.3.{100 + place}  -         443   TIMEOUT" in text
    assert "ok, path private: 22 services, each with its slowest connect\n" in text


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_markup_has_one_row_for_each_healthy_service(name: str) -> None:
    report = report_of(ALL, SICK)
    document = render(report, name)
    for target in report.targets:
        assert document.count(target.host) >= 1
    one_line = r"^\| \S+ \| 3 \| 2\.0 ms \| \S+ \|$"
    if name == "html":
        one_line = r"<td>3</td><td>2\.0 ms</td><td>[^<]+</td></tr>$"
    assert len(re.findall(one_line, re.sub("</?span[^>]*>", "", document), re.MULTILINE)) == 22
    steps = "".join(html_page.texts(html_page.read(document), "td")) if name == "html" else document
    assert steps.count("TIMEOUT") == len(SICK)


def altered(report: Report, change: str) -> Report:
    """The report with a remark about the service ssm, whose status stays ok."""
    ssm = next(target for target in report.targets if target.id == "ssm")
    observations = list(report.observations)

    def with_target(**changes: object) -> Report:
        targets = (replace(target, **changes) if target is ssm else target for target in report.targets)  # type: ignore[arg-type]
        return replace(report, targets=tuple(targets))

    match change:
        case "a star":
            return with_target(addresses=(*ssm.addresses[:2], replace(ssm.addresses[2], from_own_lookup=False)))
        case "something unproven":
            return with_target(unproven=("something",))
        case "a finding":
            sick = report_of(ALL[:10], ("sts",)).findings[0]
            return replace(report, findings=(replace(sick, target="ssm"),))
        case "another answer":
            for place, observation in enumerate(observations):
                subject = observation.subject
                if subject.step is Step.DNS and subject.target == "ssm" and isinstance(observation.facts, DnsFacts):
                    facts = replace(observation.facts, addresses=observation.facts.addresses[:1])
                    observations[place] = replace(observation, outcome=replace(observation.outcome, facts=facts))  # type: ignore[arg-type]
                    return replace(report, observations=tuple(observations))
        case "a step that failed":
            sick_steps = report_of(ALL[:10], ("ssm",)).observations
            failed = next(step for step in sick_steps if step.failure is not None and step.subject.target == "ssm")
            rest = tuple(step for step in observations if step.id != failed.id)
            return replace(report, observations=(*rest, failed))
        case "another prediction":
            path = ConfiguredPath(
                target="ssm",
                address=ssm.addresses[0].address,
                port=443,
                endpoint_id=None,
                interface_id=None,
                subnet_id=None,
                source=None,
                source_subnet_id=None,
                predicted=Reachability.BLOCKED,
                measured=Measured.CONNECTED,
                agrees=False,
                parted_at=None,
                hops=(),
                unseen=(),
                taken_at=report.run.started_at,
            )
            return replace(report, paths=(path,))
    raise AssertionError(change)


@pytest.mark.parametrize(
    "change",
    ["a star", "something unproven", "a finding", "another answer", "a step that failed", "another prediction"],
)
def test_a_healthy_service_of_which_something_is_worth_a_look_is_shown_in_full(change: str) -> None:
    report = report_of(ALL[:10])
    assert not unfolded(report)
    assert [target.id for target in unfolded(altered(report, change))] == ["ssm"]
    assert len(folded(altered(report, change))) == 9


# --- Brief -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("sick", [(), SICK, ALL], ids=["none", "two", "all"])
def test_a_brief_report_names_every_sick_service(sick: tuple[str, ...], is_long: bool) -> None:
    report = report_of(ALL, sick)
    document = render(with_long_names(report) if is_long else report, "text", RenderOptions(brief=True))
    assert len(document) <= BRIEF_CHARACTERS
    paragraph = " ".join(document.split("\n\n")[1].split())
    if not sick:
        assert paragraph == "Ok: all 24 targets."
        return
    named, _, well = paragraph.removeprefix("Not ok: ").removesuffix(".").partition(". Ok: ")
    assert [name.partition("@")[0] for name in named.split(", ")] == [name for name in ALL if name in sick]
    assert well == f"{24 - len(sick)} others"
    assert "[TCP002]" in document


def test_a_brief_report_of_a_saved_one_with_more_services_than_there_are_is_bounded() -> None:
    report = report_of(ALL, ALL)
    targets = tuple(replace(target, id=f"{number}", service="x" * 200) for number, target in enumerate(report.targets))
    targets += tuple(replace(targets[0], id=f"{number}", service=f"{number}" * 100) for number in range(100, 200))
    document = render(replace(report, targets=targets, findings=()), "text", RenderOptions(brief=True))
    assert len(document) <= BRIEF_CHARACTERS
    assert " more. Ok: 0 others." in document


# --- Everything fails ------------------------------------------------------------------------------------------------


@cache
def report_of_failing(seed: int) -> Report:
    return judge(measured(failing(seed))[0])


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("seed", one_in(12, range(24)))
def test_every_bound_is_kept_where_everything_fails(seed: int, is_long: bool) -> None:
    report = report_of_failing(seed)
    if is_long:
        report = with_long_names(report)
    assert {(target.service, target.role) for target in report.targets} == {
        (name, Role.REQUIRED) for name in checkable()
    }
    sick = [target for target in report.targets if target.status is not Status.OK]
    assert len(sick) > len(report.targets) // 2
    brief = render(report, "text", RenderOptions(brief=True))
    assert len(brief) <= BRIEF_CHARACTERS
    paragraph = " ".join(brief.split("\n\n")[1].split())
    named = paragraph.removeprefix("Not ok: ").partition(". Ok: ")[0].removesuffix(".").split(", ")
    assert [name.partition("@")[0] for name in named] == [target.service for target in sick]
    output = read(render(report, "nagios"))  # the output of this format is limited in two ways
    assert {"time", *(f"addresses_{target.id}" for target in sick[:2])} <= {*output.numbers}
    series = samples_in(render(report, "prometheus"))
    assert {dict(labels)["target"] for (name, labels) in series if name == "probe_success"} == {
        target.id for target in report.targets if target.status is not Status.NOT_IN_USE
    }
    for line in render(report, "emf").splitlines():
        assert len(line) < 256_000


# --- Monitoring ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("sick", [(), SICK, ALL], ids=["none", "two", "all"])
def test_line_and_numbers_of_a_plugin_are_within_a_kilobyte(sick: tuple[str, ...], is_long: bool) -> None:
    report = report_of(ALL, sick)
    document = render(with_long_names(report) if is_long else report, "nagios")
    first, _, rest = document.partition("\n")
    numbers = read(document).numbers
    assert len(first) < NRPE_BYTES
    assert "|" not in rest
    assert "time" in numbers
    addresses = [label for label in numbers if label.startswith("addresses_")]
    if is_long:  # services that are not ok come first
        assert {label.removeprefix("addresses_").partition("@")[0] for label in addresses} >= {*sick[:2]}
    else:
        assert addresses == [f"addresses_{name}" for name in ALL]
        assert {"ports_backup-gateway", "ports_storagegateway"} <= {*numbers}
    assert not [label for label in numbers if label.startswith(("tcp_", "tls_", "api_"))]


@pytest.mark.parametrize(
    ("count", "kinds"), [(2, ["tcp", "tls", "api"]), (6, ["tcp", "tls", "api"]), (10, ["tcp"]), (24, [])]
)
def test_the_times_of_all_targets_are_there_or_those_of_none(count: int, kinds: list[str]) -> None:
    numbers = read(render(report_of(ALL[:count]), "nagios")).numbers
    assert [kind for kind in ("tcp", "tls", "api") if f"{kind}_backup" in numbers] == kinds
    for kind in kinds:
        if kind != "api":  # not every service has a call
            assert [label for label in numbers if label.startswith(f"{kind}_")] == [f"{kind}_{n}" for n in ALL[:count]]


def test_the_long_output_of_a_plugin_has_one_line_for_each_healthy_service() -> None:
    lines = read(render(report_of(ALL, SICK), "nagios")).lines
    well = [line for line in lines if line.endswith(": ok, path private, addresses: 3, slowest connect: 2.0 ms")]
    assert len(well) == 22
    assert sum("tcp TIMEOUT" in line for line in lines) == len(SICK)


def test_events_of_many_services_are_within_the_limits_of_the_embedded_metric_format() -> None:
    events = [json.loads(line) for line in render(report_of(ALL, ALL), "emf").splitlines()]
    assert len(events) == 25
    for event in events:
        (directive,) = event["_aws"]["CloudWatchMetrics"]
        assert len(directive["Metrics"]) <= 100
        assert all(len(dimensions) <= 30 for dimensions in directive["Dimensions"])
        assert len(json.dumps(event)) < 256_000


def test_series_and_metrics_are_as_many_as_the_page_says() -> None:
    page = " ".join((ROOT / "docs" / "formats.md").read_text("utf-8").split())
    stated = re.search(
        r"of one service with three addresses has some (\d+) series. A run of 24 services \(two of them gateways with "
        r"six ports\) has some ([\d,]+), and (\d+) of these series have the label `address`",
        page,
    )
    assert stated is not None
    few, many, of_addresses = (int(number.replace(",", "")) for number in stated.groups())
    series = [line for line in render(report_of(ALL), "prometheus").splitlines() if not line.startswith("#")]
    of_one = [line for line in render(report_of(ALL[:1]), "prometheus").splitlines() if not line.startswith("#")]
    assert few - 10 <= len(of_one) <= few
    assert many - 50 <= len(series) <= many
    assert of_addresses - 50 <= sum('address="' in line for line in series) <= of_addresses
    run, target = len(emf.RUN_METRICS), len(emf.TARGET_METRICS)
    assert f"at most {run} for the run and {target} for a target, which is {run + 24 * target} for 24 services" in page


def test_of_a_change_at_many_services_what_only_follows_is_counted() -> None:
    lines = as_text.render(
        documents.document(difference(report_of(ALL), report_of(ALL, ("sts", "ssm", "kms"))))
    ).splitlines()
    steps = lines[lines.index("Steps") + 1 :]
    failed = [line for line in steps if line.startswith("  changed  tcp/")]
    assert [line.split("/")[1] for line in failed] == ["kms", "ssm", "sts"]
    assert all(line.endswith("ok -> failed (timeout)") for line in failed)
    assert [line for line in steps if line not in failed] == [
        f"  changed  {name} at 10.0.3.{100 + ALL.index(name)}: 4 steps ok -> skipped" for name in ("kms", "ssm", "sts")
    ]
    of_two = as_text.render(documents.document(difference(report_of(ALL), report_of(ALL, ("sts", "kms")))))
    assert f"  changed  kms at 10.0.3.{100 + ALL.index('kms')}: 4 steps ok -> skipped" in of_two


def test_a_pipeline_sees_a_suite_for_each_target_and_a_case_for_each_step() -> None:
    report = report_of(ALL, SICK)
    document = render(report, "junit")
    assert [f'name="backuplink {name}"' in document for name in ALL] == [True] * 24
    steps = sum(observation.subject.target in ALL for observation in report.observations)
    assert document.count("<testcase") >= steps
