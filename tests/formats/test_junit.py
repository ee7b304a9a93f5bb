"""The report as JUnit XML, validated by a schema, and read back with the standard library's parser and with
junitparser.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.cli import entry
from agent.formats import json as json_format
from agent.formats import junit
from agent.judge.evidence import Evidence
from agent.judge.verdict import judge, judge_evidence, refusal
from agent.report.escape import visible
from agent.report.model import Finding, Measurement, Report, Status
from agent.report.words import shell
from agent.settings import Suppression
from probes.model import Failed, Failure, FailureKind, Observation, Role, Skipped
from tests.formats.junit_results import Case, is_red, read
from tests.hostile import cases
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import evidence_of, measured, report_of

NAMES: Final = scenarios.names()


def by_name(report: Report) -> dict[tuple[str, str], Case]:
    return {(case.classname, case.name): case for case in read(junit.render(report))}


def classname(target: str | None, report: Report) -> str:
    known = {target.id for target in report.targets}
    return f"backuplink.{target.replace('.', '_') if target in known and target else 'run'}"


def case_of(observation: Observation[Any], report: Report, test_cases: Mapping[tuple[str, str], Case]) -> Case:
    """The test case of an observation: the only case of its suite whose name consists of the words of the observation's
    id.
    """
    subject = observation.subject
    words = {str(part) for part in (subject.step, subject.operation, subject.resolver) if part is not None}
    if subject.address is not None:
        host = f"[{subject.address}]" if subject.address.version == 6 else str(subject.address)
        words.add(host if subject.port is None else f"{host}:{subject.port}")
    of = classname(subject.target, report)
    [case] = [case for (suite, name), case in test_cases.items() if suite == of and set(name.split()) - {"at"} == words]
    return case


def roots(observation: Observation[Any], report: Report) -> list[Finding]:
    """The findings that are the causes of a failed observation."""
    by_id = {finding.id: finding for finding in report.findings}
    causes = {}
    for finding in report.findings:
        if observation.id in finding.evidence:
            while finding.explained_by is not None and not finding.suppressed:
                finding = by_id[finding.explained_by]
            causes[finding.id] = finding
    return list(causes.values())


# --- Held against the report -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(16, NAMES))
def test_what_is_red_is_what_the_verdict_is_about(name: str) -> None:
    report = report_of(name)
    document = junit.render(report)
    assert is_red(document) is (report.verdict.status is not Status.OK)
    first = read(document)[0]
    wanted = {"ok": "passed", "warning": "failure", "critical": "failure", "unknown": "error"}[report.verdict.status]
    assert (first.name, first.classname, first.result) == ("verdict", "backuplink.run", wanted)
    assert first.message == ("" if wanted == "passed" else visible(report.verdict.summary))


@pytest.mark.parametrize("name", one_in(16, NAMES))
def test_a_case_for_each_cause_and_each_step_and_no_other(name: str) -> None:
    report = report_of(name)
    test_cases = by_name(report)
    causes = [finding for finding in report.findings if finding.explained_by is None]
    unproven = [target for target in report.targets if target.unproven]
    assert len(test_cases) == 1 + len(causes) + len(unproven) + len(report.observations)
    assert {case.suite for case in test_cases.values()} <= {
        "backuplink",
        *(f"backuplink {target.id}" for target in report.targets),
    }


@pytest.mark.parametrize("name", one_in(16, NAMES))
def test_causes_are_failures_with_what_to_do(name: str) -> None:
    report = report_of(name)
    test_cases = by_name(report)
    known = {target.id for target in report.targets}
    for finding in report.findings:
        if finding.explained_by is not None:
            assert not any(
                case.name.startswith(f"{finding.code} ") and case.suite.endswith(f" {finding.target}")
                for case in test_cases.values()
            )
            continue
        beside = f" {finding.target}" if finding.target not in known and finding.target else ""
        case = test_cases[classname(finding.target, report), f"{finding.code} {finding.name}{beside}"]
        loud = "passed" if finding.severity is Severity.INFO else "failure"
        assert case.result == (loud if finding.counts else "skipped")
        assert case.text.startswith(visible(finding.detail)[:1_000])
        assert f"\nWhat to do: {visible(finding.fix.summary)}\n" in case.text
        for command in finding.fix.commands:
            assert f"\n  {shell(command)}\n" in case.text
        if case.result != "passed":
            assert case.message.startswith(finding.severity.upper())
            assert finding.headline in case.message
    for target in report.targets:
        if target.unproven:
            case = test_cases[classname(target.id, report), "proven"]
            assert case.result == ("error" if target.role is Role.REQUIRED else "skipped")
            assert case.text == "\n".join(map(visible, target.unproven))


@pytest.mark.parametrize("name", one_in(16, NAMES))
def test_each_step_is_what_it_was(name: str) -> None:
    report = report_of(name)
    test_cases = by_name(report)
    steps = [
        case for case in test_cases.values() if case.name not in ("verdict", "proven") and not case.name[:1].isupper()
    ]
    assert len(steps) == len(report.observations)
    by_suite: dict[str, list[Observation[Any]]] = {}
    for observation in report.observations:
        by_suite.setdefault(classname(observation.subject.target, report), []).append(observation)
    for suite, observations in by_suite.items():
        # The order is the report's.
        for observation, case in zip(observations, [step for step in steps if step.classname == suite], strict=True):
            assert case.name.split()[0] == observation.subject.step
            if observation.subject.port is not None and observation.subject.address is not None:
                assert (
                    case.name.endswith(f"{observation.subject.address}:{observation.subject.port}") or "]:" in case.name
                )
            assert (case.seconds is None) is (observation.seconds is None)
            if case.seconds is not None:
                assert case.seconds == pytest.approx(observation.seconds, abs=1e-4)
            if observation.ok:
                assert case.result == "passed"
            elif isinstance(observation.outcome, Skipped):
                assert (case.result, case.message) == ("skipped", visible(observation.outcome.reason))
            else:
                assert observation.failure is not None
                assert observation.failure.kind.upper() in case.message
                assert visible(observation.failure.message)[:500] in case.message
                due = roots(observation, report)
                for finding in due:
                    assert f": {finding.id}, {finding.headline}" in case.text
                counts = any(
                    finding.counts and not finding.suppressed and finding.severity is not Severity.INFO
                    for finding in due
                )
                assert case.result == ("skipped" if not counts else "failure" if observation.made else "error")


@pytest.mark.parametrize("name", [name for name in NAMES if "ipv6" in name or "gateway" in name])
def test_a_name_of_each_step_with_address_port_resolver_and_operation(name: str) -> None:
    report = report_of(name)
    test_cases = by_name(report)
    for observation in report.observations:
        if observation.subject.address is None or observation.subject.port is not None:
            case_of(observation, report, test_cases)


def test_a_step_that_failed_names_the_cause_above_the_finding_that_it_shows() -> None:
    seen = 0
    for name in one_in(8, NAMES):
        report = report_of(name)
        symptoms = [finding for finding in report.findings if finding.explained_by is not None]
        test_cases = by_name(report) if symptoms else {}
        by_id = {observation.id: observation for observation in report.observations}
        for finding in symptoms:
            for observation in map(by_id.__getitem__, finding.evidence):
                if observation.failure is not None:
                    due = roots(observation, report)
                    text = case_of(observation, report, test_cases).text
                    assert due
                    for cause in due:
                        aside = "" if cause.counts else " (not counted)"
                        assert f"The cause{aside}: {cause.id}, {cause.headline}" in text
                    assert f": {finding.id}," not in text
                    seen += 1
    assert seen > 10


# --- Kinds of results ------------------------------------------------------------------------------------------------


def test_a_crash_of_a_probe_is_an_error() -> None:
    seen = evidence_of("healthy")
    crash: Failed[Any] = Failed(Failure(kind=FailureKind.BUG, message="KeyError: 'x'", code=None), None)
    observations = [
        replace(observation, outcome=crash) if observation.id == "tls/backup/10.0.1.17/443" else observation
        for observation in seen.observations
    ]
    report = judge_evidence(Evidence(Measurement(run=seen.run, targets=seen.targets, observations=tuple(observations))))
    [case] = [case for case in read(junit.render(report)) if case.name == "tls 10.0.1.17:443"]
    assert (case.result, case.message) == ("error", "BUG: KeyError: 'x'")
    assert "RUN002" in case.text


def test_what_is_suppressed_is_skipped_and_says_so() -> None:
    report = judge_evidence(evidence_of("port-blocked"), suppress=[Suppression(code="TCP001", target=None)])
    assert report.verdict.status is Status.OK
    test_cases = by_name(report)
    cause = test_cases["backuplink.backup", "TCP001 port-blocked"]
    assert cause.result == "skipped"
    assert cause.message.startswith("suppressed: CRITICAL backup: ")
    step = test_cases["backuplink.backup", "tcp 10.0.1.17:443"]
    assert (step.result, step.text.startswith("The cause (suppressed): TCP001@backup")) == ("skipped", True)
    assert not is_red(junit.render(report))


def test_of_a_call_that_was_refused() -> None:
    [case] = read(junit.render(refusal("no such option: --frmat.")))
    assert (case.result, case.message, case.name) == ("error", "no such option: --frmat.", "verdict")


def test_the_same_report_is_the_same_bytes() -> None:
    report = report_of("gateway-ports-missing")
    assert junit.render(report) == junit.render(judge(measured(scenarios.load("gateway-ports-missing"))[0]))


def test_names_of_classes_hold_no_dot_of_a_host() -> None:
    """If a host's name had a dot, Jenkins would treat the part before it as a package, and the part after it as the
    class.
    """
    hosts = [name for name in NAMES if any("@" in target.id for target in report_of(name).targets)]
    assert hosts
    for name in hosts[:5]:
        assert {case.classname.count(".") for case in read(junit.render(report_of(name)))} == {1}


def test_a_time_is_written_without_exponent() -> None:
    report = report_of("healthy")
    observations = tuple(
        replace(observation, seconds=2e-05) if observation.seconds is not None else observation
        for observation in report.observations
    )
    document = junit.render(replace(report, observations=observations, run=replace(report.run, seconds=3e-05)))
    assert 'time="0.0"' in document
    read(document)


# --- What others said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cases.NAMES)
def test_peers_that_mean_harm(name: str) -> None:
    report = cases.report_of(name)
    assert is_red(junit.render(report)) is (report.verdict.status is not Status.OK)


@pytest.mark.parametrize("above", ["TCP002@backup", "NOTHING@backup"])
def test_a_saved_report_whose_causes_go_round_or_lead_nowhere(above: str) -> None:
    report = report_of("one-zone-silent")
    [finding] = report.findings
    read(junit.render(replace(report, findings=(replace(finding, explained_by=above),))))


# --- As a command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fail_on", ["warning", "critical", "never"])
def test_fail_on_changes_the_code_and_not_the_document(
    fail_on: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = report_of("one-zone-silent")
    assert entry.run(["demo", "one-zone-silent", "--format", "junit", "--fail-on", fail_on]) == (
        0 if fail_on == "never" else 2
    )
    assert capfd.readouterr().out == junit.render(report)
    path = tmp_path / "report.json"
    path.write_text(json_format.render(report), "utf-8")
    assert entry.run(["diagnose", str(path), "--format", "junit", "--output", str(tmp_path / "junit.xml")]) == 2
    assert (tmp_path / "junit.xml").read_text("utf-8") == junit.render(report)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--timeout", "x"),
        ("diff", "/a", "/b"),
        ("tui",),
        ("facts",),
        ("history", "/nowhere/h.db"),
        ("explain", "X"),
    ],
    ids=" ".join,
)
def test_a_refusal_of_any_command_is_an_error(arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    assert entry.run([*arguments, "--format=junit"]) == 3
    out, err = capfd.readouterr()
    [case] = read(out)
    assert (case.name, case.result) == ("verdict", "error")
    assert f"Error: {case.message}\n" == err
