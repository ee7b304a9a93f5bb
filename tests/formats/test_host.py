"""The record of one host: its content, and what it omits."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.findings import CODES, Severity
from agent.cli import entry
from agent.formats.host import render
from agent.judge.verdict import judge
from agent.report import host_record
from agent.report.model import Finding, FindingSubject, Report, SubjectKind
from agent.report.redact import redact
from agent.report.serialization import from_json, to_json
from agent.settings import Ec2
from probes.facts import HostFacts
from probes.model import Ok
from tests.formats.host_record import read
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import measured, report_of
from tests.support.untrusted import everywhere

VPC = "vpc=vpc-0a1b2c3d4e5f67890"


def record_of(name: str) -> dict[str, Any]:
    return read(render(report_of(name)))


# --- What it says ----------------------------------------------------------------------------------------------------


def test_a_healthy_host() -> None:
    assert record_of("healthy") == {
        "schema": "backuplink.host.v1",
        "tool": report_of("healthy").tool.version,
        "run": "simulated-healthy",
        "taken_at": to_json(report_of("healthy").run.finished_at),
        "redacted": False,
        "host": "i-0a1b2c3d4e5f67890",
        "region": "eu-west-1",
        "account": "111122223333",
        "vpc": "vpc-0a1b2c3d4e5f67890",
        "subnet": "subnet-0a1b2c3d4e5f67890",
        "zone": "euw1-az1",
        "image": "ami-0a1b2c3d4e5f67890",
        "instance_type": "m7i.large",
        "security_groups": ["sg-0a1b2c3d4e5f67890"],
        "resolvers": ["amazon"],
        "endpoints": [],
        "services": ["backup"],
        "status": "ok",
        "path": "private",
        "access": "allowed",
        "complete": True,
        "ec2": False,
        "summary": report_of("healthy").verdict.summary,
        "causes": [],
        "symptoms": [],
        "title": None,
        "fix": None,
        "cut": [],
    }


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("one-zone-silent", [f"critical|TCP002|backup|{VPC}|address=10.0.2.17"]),
        (
            "gateway-activation-port-blocked",
            [f"warning|TCP003|backup-gateway|{VPC}|address=10.0.1.27|address=10.0.2.27|port=1027"],
        ),
        (
            "gateway-group-for-the-appliance",
            [
                "critical|VPC005|backup-gateway|group=sg-0f1b2c3d4e5f67890|port=1026|port=1027|port=1028|port=1031"
                "|port=2222"
            ],
        ),
        ("tls-intercepted", ["critical|TLS001|backup|issuer=CN=Example Corp TLS Inspection,O=Example Corp"]),
        ("resolver-silent", ["critical|DNS004|10.0.9.53|resolver=10.0.9.53"]),
        ("private-dns-off", [f"critical|DNS001|backup|{VPC}"]),
        ("proxy-down", ["critical|ENV007|backup|url=http://10.0.1.90:3128"]),
        ("rejected-on-this-host", ["critical|TCP005|backup"]),
        ("identity-policy-denies", ["warning|IAM003|backup|role=BackupAgent|account=111122223333"]),
    ],
)
def test_causes(name: str, causes: list[str]) -> None:
    assert record_of(name)["causes"] == causes


def test_a_symptom_names_its_cause() -> None:
    record = record_of("gateway-group-for-the-appliance")
    (cause,) = record["causes"]
    (symptom,) = record["symptoms"]
    of, _, by = symptom.partition(" < ")
    assert by == cause.partition("|")[2]
    # For a host that does not read EC2, this finding is the cause, and the join uses it.
    assert of == f"TCP003|backup-gateway|{VPC}|address=10.0.1.27|address=10.0.2.27" + "".join(
        f"|port={port}" for port in (1026, 1027, 1028, 1031)
    )


def causes_in_the_configuration() -> Iterator[str]:
    """The scenarios in which a finding about the configuration is a cause."""
    for name in scenarios.names():
        if any(finding.startswith("VPC") for finding in scenarios.load(name).expect.findings):
            yield name


_BY_ANOTHER_CAUSE: Final = {"rule-forwards-beside-the-dual-stack-name": {"ENV006"}}
"""Causes of a host that does not read EC2, which a host that reads it does not have, by scenario."""


@pytest.mark.parametrize("name", one_in(24, causes_in_the_configuration()))
def test_a_host_that_does_not_read_ec2_has_keys_that_others_explain(name: str) -> None:
    """Without EC2, a host cannot know that a denial is harmless."""
    scenario, seeing = scenarios.load(name), host_record.record_of(report_of(name))
    no_fault = {f"{one.code}|{one.target}" for one in report_of(name).findings if one.severity is Severity.INFO}
    blind = host_record.record_of(judge(measured(replace(scenario, run=replace(scenario.run, ec2=Ec2.NEVER)))[0]))
    explained = {symptom.partition(" < ")[0] for symptom in seeing.symptoms}
    own = {cause.partition("|")[2] for cause in seeing.causes}
    keys = {cause.partition("|")[2] for cause in blind.causes}
    unknown = {key for key in keys if "|".join(key.split("|")[:2]) not in no_fault} - explained - own
    assert {key.partition("|")[0] for key in unknown} == _BY_ANOTHER_CAUSE.get(name, set())


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_causes_are_the_findings_that_count(name: str) -> None:
    report, record = report_of(name), record_of(name)
    codes = [cause.split("|")[1] for cause in record["causes"]]
    by_id = {finding.id: finding for finding in report.findings}
    counted = [
        finding
        for finding in report.findings
        if finding.explained_by is None
        and finding.counts
        and not finding.suppressed
        and finding.severity is not Severity.INFO
    ]
    assert codes == [finding.code for finding in counted]
    assert "causes" not in record["cut"]
    keys = {cause.partition("|")[2] for cause in record["causes"]}
    assert {symptom.partition(" < ")[2] for symptom in record["symptoms"]} <= keys
    if "symptoms" not in record["cut"]:
        explained = [finding for finding in report.findings if finding.explained_by is not None]
        under = [finding for finding in explained if _root(finding, by_id) in counted]
        assert len(record["symptoms"]) == len({f.id for f in under if f.severity is not Severity.INFO})


def _root(finding: Finding, by_id: dict[str, Finding]) -> Finding:
    while finding.explained_by is not None:
        finding = by_id[finding.explained_by]
    return finding


def test_no_text_is_read_for_a_key() -> None:
    report = report_of("gateway-group-for-the-appliance")
    silent = replace(
        report,
        findings=tuple(
            replace(finding, detail="", title="", fix=replace(finding.fix, summary="", commands=()))
            for finding in report.findings
        ),
    )
    assert host_record.record_of(silent).causes == host_record.record_of(report).causes
    assert host_record.record_of(silent).symptoms == host_record.record_of(report).symptoms


def test_a_code_of_a_later_version_is_told_by_all_its_subjects() -> None:
    report = report_of("one-zone-silent")
    finding = replace(report.findings[0], code="TCP999")
    (cause,) = host_record.record_of(replace(report, findings=(finding,))).causes
    assert cause == f"critical|TCP999|backup|{VPC}|address=10.0.2.17|port=443"
    assert "TCP999" not in CODES


# --- The host --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instance", "node", "name", "expected"),
    [
        ("i-0a1b2c3d", "mi-0a1b2c3d", "db-1", "i-0a1b2c3d"),
        (None, "mi-0a1b2c3d", "db-1", "mi-0a1b2c3d"),
        (None, None, "db-1", "db-1"),
        (None, None, None, None),
    ],
)
def test_whose_record_it_is(instance: str | None, node: str | None, name: str | None, expected: str | None) -> None:
    report = report_of("healthy")
    seen = replace(report.vantage, instance_id=instance, managed_node_id=node, host_name=name)
    assert host_record.record_of(replace(report, vantage=seen)).host == expected


@pytest.mark.parametrize(
    ("resolvers", "expected"),
    [
        (("10.0.0.2",), ("amazon",)),
        (("169.254.169.253", "10.0.0.2"), ("amazon",)),
        (("fd00:ec2::253",), ("amazon",)),
        (("10.0.9.53", "10.0.0.2"), ("10.0.9.53", "amazon")),
        (("127.0.0.53",), ("loopback",)),
        (("::1",), ("loopback",)),
        ((), ()),
    ],
)
def test_name_servers(resolvers: tuple[str, ...], expected: tuple[str, ...]) -> None:
    report = report_of("healthy")
    seen = replace(report.vantage, resolvers=tuple(map(ip_address, resolvers)))
    assert host_record.record_of(replace(report, vantage=seen)).resolvers == expected


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        (("10.0.0.2",), ("amazon",)),
        (("10.0.9.53", "10.0.0.2"), ("10.0.9.53", "amazon")),
        ((), ("loopback",)),
    ],
)
def test_whom_a_server_on_the_host_asks(upstream: tuple[str, ...], expected: tuple[str, ...]) -> None:
    report = report_of("healthy")
    stub = (ip_address("127.0.0.53"),)
    steps = []
    for step in report.observations:
        if isinstance(step.facts, HostFacts):
            facts = replace(step.facts, resolvers=stub, upstream_resolvers=tuple(map(ip_address, upstream)))
            step = replace(step, outcome=Ok(facts))
        steps.append(step)
    seen = replace(report.vantage, resolvers=stub)
    assert host_record.record_of(replace(report, vantage=seen, observations=tuple(steps))).resolvers == expected


@pytest.mark.parametrize("name", ["identity-policy-denies", "gateway-group-for-the-appliance"])
def test_a_masked_record_says_so_and_keeps_its_form(name: str) -> None:
    record = read(render(redact(report_of(name))))
    assert record["redacted"] is True
    assert (record["host"], record["vpc"], record["account"], record["image"]) == (
        *("i-1", "vpc-1", "account-1", "ami-1"),
    )
    plain = record_of(name)["causes"]
    assert [cause.split("|")[:3] for cause in record["causes"]] == [cause.split("|")[:3] for cause in plain]
    assert record["causes"] != plain


# --- Bounds ----------------------------------------------------------------------------------------------------------


def long_report(*, causes: int = 1, subjects: int = 1, length: int = 20) -> Report:
    """A report with many causes of many subjects, and excessively long lists."""
    report = report_of("gateway-group-for-the-appliance")
    cause, symptom = report.findings
    groups = tuple(FindingSubject(kind=SubjectKind.GROUP, id=f"sg-{number:0{length}}") for number in range(subjects))
    findings: list[Finding] = []
    for number in range(causes):
        root = replace(cause, id=f"{cause.id}-{number}", target=f"backup-{number}", subjects=groups)
        below = replace(symptom, id=f"{symptom.id}-{number}", explained_by=root.id, subjects=groups)
        findings += [root, below]
    seen = replace(
        report.vantage,
        security_group_ids=tuple(f"sg-{number:017}" for number in range(30)),
        resolvers=tuple(ip_address(f"10.1.0.{number}") for number in range(3, 13)),
    )
    return replace(report, vantage=seen, findings=tuple(findings))


def test_long_lists_are_cut_to_eight_and_say_so() -> None:
    record = read(render(replace(long_report(causes=1), findings=())))
    assert (len(record["security_groups"]), len(record["resolvers"])) == (8, 8)
    assert record["cut"] == ["security_groups", "resolvers"]


def test_what_is_needed_least_goes_first() -> None:
    left: list[list[str]] = []
    for causes, subjects in ((2, 1), (4, 2), (8, 3), (12, 8)):
        record = read(render(long_report(causes=causes, subjects=subjects)))
        assert record["causes"]
        left.append([name for name in record["cut"] if name in ("fix", "title", "symptoms", "causes", "summary")])
    assert left[0] in ([], ["fix"], ["fix", "title"])
    assert left[-1][:4] in (["causes", "symptoms", "fix", "title"], ["symptoms", "causes", "fix", "title"])


def test_the_first_cause_stays_whatever_it_takes() -> None:
    record = read(render(long_report(causes=9, subjects=60, length=100)))
    assert len(record["causes"]) == 1
    assert record["causes"][0].startswith("critical|VPC005|backup-0|group=sg-000")
    assert {"causes", "symptoms", "fix", "title"} <= set(record["cut"])


@pytest.mark.parametrize("text", ["x" * 10_000, "\U0001f469" * 1_000, '"' * 1_000, "|<%" * 1_000, "\ud800" * 1_000])
def test_whatever_is_long_everywhere_fits(text: str) -> None:
    report = everywhere(long_report(causes=9, subjects=9), text)
    record = read(render(report))
    assert {"run", "host", "vpc", "causes"} <= set(record["cut"])
    assert len(record["causes"]) == 1


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_no_scenario_loses_a_cause(name: str) -> None:
    assert set(record_of(name)["cut"]) <= {"fix", "summary"}


def test_a_record_comes_back_whole() -> None:
    for name in ("healthy", "gateway-group-for-the-appliance"):
        record = host_record.record_of(report_of(name))
        assert from_json(host_record.HostRecord, json.loads(host_record.line(record))) == record
    assert {field.name for field in fields(host_record.HostRecord)} == set(host_record.schema()["required"])


# --- The command -----------------------------------------------------------------------------------------------------


def written(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Any]]:
    entry.run(arguments)
    return (read(f"{line}\n") for line in capsys.readouterr().out.splitlines())


def test_of_a_saved_report(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    saved = tmp_path / "report.json"
    assert entry.run(["demo", "one-zone-silent", "--format", "json", "--output", str(saved)]) == 2
    assert entry.run(["diagnose", str(saved), "--format", "host"]) == 2
    assert json.loads(capsys.readouterr().out) == record_of("one-zone-silent")


def test_of_a_call_that_was_refused(capsys: pytest.CaptureFixture[str]) -> None:
    (record,) = written(["check", "--format", "host", "--no-such-option"], capsys)
    assert (record["status"], record["host"], record["complete"]) == ("unknown", None, False)


def test_of_a_watch_a_line_a_cycle(capsys: pytest.CaptureFixture[str]) -> None:
    records = list(written(["demo", "--watch", "--cycles", "1", "--format", "host"], capsys))
    assert [record["host"] for record in records] == ["i-0a1b2c3d4e5f67890"]
