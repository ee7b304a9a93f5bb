"""The report as metrics of Prometheus: the samples that a scrape reads, compared with the report's own JSON."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.core import CounterMetricFamily

from agent.catalog.findings import CODES, Severity
from agent.catalog.workloads import MODES, REASONS
from agent.cli.main import dispatch
from agent.formats import prometheus
from agent.judge.verdict import refusal
from agent.report import codec
from agent.report.model import Access, Report, Status, TargetReport
from agent.report.model import Path as WayTaken
from agent.report.redact import redact
from agent.settings import Expect, Workload
from probes.addresses import AddressScope
from probes.facts import HttpFacts, LookupFacts, TlsFacts
from probes.model import Addressing, Failed, Failure, FailureKind, Observation, Ok, Role, Skipped, Step
from tests.formats.monitors import Labels, promtool, samples_in
from tests.formats.prometheus_samples import holds, read
from tests.hostile import cases
from tests.support import scenarios
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.runs import report_of

Series = dict[tuple[str, Labels], float]


every_report = pytest.mark.parametrize(
    ("make_report", "name"),
    [(report_of, name) for name in one_in(24, scenarios.names())] + [(cases.report_of, name) for name in cases.NAMES],
    ids=lambda value: value if isinstance(value, str) else "",
)


# --- The document ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*one_in(4, scenarios.names()[::12]), *one_in(3, cases.NAMES)])
def test_promtool_has_nothing_to_say(name: str) -> None:
    """Each scenario needs a process of promtool, so CI only checks some scenarios. The parser above reads
    all of them.
    """
    report = cases.report_of(name) if name in cases.NAMES else report_of(name)
    assert checked(prometheus.render(report)) == ""


def test_promtool_would_say_something() -> None:
    assert "no help text" in checked("# TYPE a_thing gauge\na_thing 1\n")


def checked(text: str) -> str:
    """The complaints of promtool about a document."""
    ended = subprocess.run(
        [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return ended.stdout + ended.stderr


def test_names_are_what_prometheus_asks_of_them() -> None:
    names = [family.name for family in prometheus.FAMILIES]
    assert len(set(names)) == len(names)
    assert all(name.startswith(("probe_", "backuplink_")) for name in names)
    assert not any(name.endswith(("_total", "_count", "_sum", "_bucket", "_created")) for name in names)
    for family in prometheus.FAMILIES:
        assert family.help.endswith(".")
        assert ("_info" in family.name) == family.help.startswith("1: ")
    # blackbox_exporter 0.26 has metrics of these names, and no other metric here has their prefix.
    assert {name for name in names if name.startswith("probe_")} == {
        "probe_success",
        "probe_duration_seconds",
        "probe_dns_lookup_time_seconds",
        "probe_ip_protocol",
        "probe_http_duration_seconds",
        "probe_http_status_code",
        "probe_tls_version_info",
        "probe_ssl_earliest_cert_expiry",
    }


def test_others_stand_beside_them() -> None:
    own = CounterMetricFamily("backuplink_cycles", "Cycles so far.", value=7)
    text = prometheus.expose([own, *prometheus.families(report_of("healthy"))])
    samples = samples_in(text)
    assert samples["backuplink_cycles_total", frozenset()] == 7
    assert ("probe_success", frozenset({("target", "backup")})) in samples
    assert checked(text) == ""


# --- Labels ----------------------------------------------------------------------------------------------------------

CLOSED: Final[dict[str, Iterable[str]]] = {
    "access": Access,
    "addressing": Addressing,
    "agrees": ("yes", "no", "unknown"),
    "code": CODES,
    "expect": Expect,
    "kind": FailureKind,
    "mode": ("", *MODES),
    "name": [code.name for code in CODES.values()],
    "path": WayTaken,
    "phase": ("resolve", "connect", "tls", "processing"),
    "record": ("any", "A", "AAAA"),
    "required": ("yes", "no"),
    "required_by": REASONS,
    "result": ("ok", "failed", "skipped"),
    "role": Role,
    "scope": AddressScope,
    "severity": Severity,
    "standing": ("cause", "symptom", "not-counted", "suppressed"),
    "status": Status,
    "step": Step,
    "workload": [workload for workload in Workload if workload is not Workload.AUTO],
}
"""The labels whose values come from a list in this program, each with that list."""


@every_report
def test_labels_hold_closed_lists_or_what_the_run_is_about(make_report: Callable[[str], Report], name: str) -> None:
    document = codec.encode(make_report(name))
    targets = document["targets"]
    resolvers = {observation["resolver"] for observation in document["observations"] if observation["resolver"]}
    own = [address for target in targets for address in target["addresses"] if address["from_own_lookup"]]
    allowed = {
        **{label: set(values) for label, values in CLOSED.items()},
        "address": {address["address"] for address in own if address["scope"] in ("vpc", "private")},
        "availability_zone_id": {address["availability_zone_id"] or "" for address in own},
        "host": {target["host"] for target in targets},
        "port": {str(port) for target in targets for port in target["ports"]},
        "region": {target["region"] for target in targets} | {document["run"]["region"] or ""},
        "resolver": resolvers | {"getaddrinfo"},
        "service": {target["service"] for target in targets},
        "target": {target["id"] for target in targets} | resolvers | {""},
        "version": {document["tool"]["version"], "TLS 1.2", "TLS 1.3"},
    }
    for (_, labels), _ in samples_in(prometheus.render(make_report(name))).items():
        for label, value in labels:
            assert value in allowed[label]


@every_report
def test_no_label_says_what_a_peer_said(make_report: Callable[[str], Report], name: str) -> None:
    document = codec.encode(make_report(name))
    seen = document["vantage"]
    secrets = {seen["instance_id"], seen["vpc_id"], seen["subnet_id"], *seen["security_group_ids"]}
    secrets |= {observation["failure"]["message"] for observation in document["observations"] if observation["failure"]}
    secrets |= {observation["skipped_because"] for observation in document["observations"]}
    for observation in document["observations"]:
        facts = observation["facts"] or {}
        for certificate in facts.get("certificates", ()):
            secrets |= {certificate["subject"], certificate["issuer"]}
        secrets |= {facts.get(key) for key in ("account_id", "role", "request_id", "server", "location")}
    secrets |= {text for finding in document["findings"] for text in (finding["title"], finding["detail"])}
    text = prometheus.render(make_report(name))
    for line in text.splitlines():
        if not line.startswith("#"):
            assert not any(f'"{secret}"' in line for secret in secrets if secret), line


def rotated(report: Report) -> Report:
    """The report on a later day: each public address has changed."""
    moved = {
        address.address: ip_address(int(address.address) + 4_711)
        for target in report.targets
        for address in target.addresses
        if address.scope is AddressScope.PUBLIC
    }

    def move_observation(observation: Observation[Any]) -> Observation[Any]:
        if isinstance(observation.outcome, Ok) and isinstance(observation.facts, LookupFacts):
            addresses = tuple(moved.get(one, one) for one in observation.facts.addresses)
            return replace(observation, outcome=Ok(replace(observation.facts, addresses=addresses)))
        if observation.subject.address not in moved:
            return observation
        return replace(observation, subject=replace(observation.subject, address=moved[observation.subject.address]))

    def target(target_report: TargetReport) -> TargetReport:
        return replace(
            target_report,
            addresses=tuple(
                replace(one, address=moved.get(one.address, one.address)) for one in target_report.addresses
            ),
        )

    assert moved
    return replace(
        report,
        targets=tuple(map(target, report.targets)),
        observations=tuple(map(move_observation, report.observations)),
    )


@pytest.mark.parametrize("name", ["private-dns-off", "mixed-answer"])
def test_no_number_has_a_tail(name: str) -> None:
    """For example, a metric is 0.009 seconds, not 0.009000000000000001."""
    text = prometheus.render(report_of(name))
    numbers = [line.rpartition(" ")[2] for line in text.splitlines() if line and not line.startswith("#")]
    assert [number for number in numbers if len(number.partition("e")[0].partition(".")[2]) > 15] == []
    assert [seen.id for seen in report_of(name).observations if len(str(seen.seconds)) > len("12.345678")] == []


@pytest.mark.parametrize("name", ["private-dns-off", "mixed-answer"])
def test_public_addresses_that_rotate_make_no_new_series(name: str) -> None:
    before = samples_in(prometheus.render(report_of(name)))
    after = samples_in(prometheus.render(rotated(report_of(name))))
    assert before.keys() == after.keys()
    assert read(report_of(name))["backuplink_target_steps"] == read(rotated(report_of(name)))["backuplink_target_steps"]


def test_however_many_private_addresses_there_are() -> None:
    report = report_of("healthy")
    many = [IPv4Address("10.9.0.1") + number for number in range(100)]
    assert any(target.addresses for target in report.targets)

    def target(target_report: TargetReport) -> TargetReport:
        return replace(
            target_report,
            addresses=tuple(replace(target_report.addresses[0], address=one) for one in many)
            if target_report.addresses
            else (),
        )

    def copies(observation: Observation[Any]) -> Iterable[Observation[Any]]:
        if observation.subject.address is None:
            return [observation]
        return [replace(observation, subject=replace(observation.subject, address=one)) for one in many]

    report = replace(
        report,
        targets=tuple(map(target, report.targets)),
        observations=tuple(
            {one.id: one for observation in report.observations for one in copies(observation)}.values()
        ),
    )
    shown = {address for _, address, _, _ in read(report)["backuplink_step_success"]}
    assert shown == set(map(str, many[: prometheus.MAX_ADDRESSES]))
    assert read(report)["backuplink_target_steps"]["backup", "443", "tcp", "ok"] == 100


# --- What is said ----------------------------------------------------------------------------------------------------


def timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def standing_in(document: dict[str, Any], finding: dict[str, Any]) -> str:
    root = finding
    while root["explained_by"]:
        root = next(finding for finding in document["findings"] if finding["id"] == root["explained_by"])
    return "not-counted" if not root["counts"] else "cause" if root is finding else "symptom"


@every_report
def test_says_what_the_report_says(make_report: Callable[[str], Report], name: str) -> None:
    report = make_report(name)
    samples = read(report)
    document = codec.encode(report)
    run, verdict, observations = document["run"], document["verdict"], document["observations"]
    assert samples["backuplink_run_complete"] == {(): run["complete"]}
    assert samples["backuplink_run_interrupted"] == {(): run["interrupted"]}
    assert samples["backuplink_run_duration_seconds"][()] == pytest.approx(run["seconds"], abs=1e-6)
    assert samples["backuplink_run_timestamp_seconds"][()] == pytest.approx(timestamp(run["finished_at"]), abs=1e-3)
    assert samples["backuplink_rules_not_evaluated"] == {(): len(document["not_evaluated"])}
    for key, states in (("status", Status), ("path", WayTaken), ("access", Access)):
        state_samples = samples[f"backuplink_verdict_{key}"]
        assert [state for (state,), value in state_samples.items() if value] == [verdict[key]]
        assert {state for (state,) in state_samples} == set(states) - {Status.NOT_IN_USE}
        for target in document["targets"]:
            of_target = samples[f"backuplink_target_{key}"]
            current = {(target["id"], state): float(state == target[key]) for state in states}
            assert {labels: value for labels, value in of_target.items() if labels[0] == target["id"]} == current
    assert samples["probe_success"] == {
        (target["id"],): float(target["status"] == "ok")
        for target in document["targets"]
        if target["status"] != "not-in-use" and target["role"] != "context"
    }
    findings = samples["backuplink_findings"]
    assert set(findings.values()) <= {1}
    assert {(code, severity, target, standing) for code, _, severity, target, standing in findings} == {
        (finding["code"], finding["severity"], finding["target"] or "", standing_in(document, finding))
        for finding in document["findings"]
    }
    assert sum(samples["backuplink_observations"].values()) == len(observations)
    assert sum(samples["backuplink_failures"].values()) == sum(
        observation["status"] == "failed" for observation in observations
    )
    assert samples["backuplink_workload_info"] == {
        (workload["name"], workload["mode"] or "", "yes" if workload["required"] else "no"): 1
        for workload in document["vantage"]["workloads"]
    }
    assert samples["backuplink_target_required_by"] == {
        (target["id"], reason): 1 for target in document["targets"] for reason in target["required_by"]
    }
    clock = document["vantage"]["clock_offset_seconds"]
    assert samples["backuplink_clock_offset_seconds"] == ({} if clock is None else {(): pytest.approx(clock)})
    paths = samples["backuplink_configured_paths"]
    assert sum(paths.values()) == len(document["paths"])
    for agreement, agrees in (("yes", True), ("no", False), ("unknown", None)):
        number = sum(value for (_, word), value in paths.items() if word == agreement)
        assert number == sum(path["agrees"] is agrees for path in document["paths"])


@every_report
def test_a_step_has_a_sample_where_it_says_something(make_report: Callable[[str], Report], name: str) -> None:
    report = make_report(name)
    samples = read(report)
    document = codec.encode(report)
    success, seconds = {}, {}
    for target in document["targets"]:
        own = [address for address in target["addresses"] if address["from_own_lookup"]]
        private = {address["address"] for address in own if address["scope"] in ("vpc", "private")}
        for observation in document["observations"]:
            if (
                observation["target"] != target["id"]
                or observation["address"] not in private
                or observation["operation"]
            ):
                continue
            if observation["status"] == "ok" or (
                observation["failure"] and observation["failure"]["kind"] not in ("deadline", "bug")
            ):
                labels = (target["id"], observation["address"], str(observation["port"]), observation["step"])
                success[labels] = float(observation["status"] == "ok")
                seconds[labels] = pytest.approx(observation["seconds"], abs=1e-6)
    assert samples["backuplink_step_success"] == success
    assert samples["backuplink_step_duration_seconds"] == seconds


@every_report
def test_names_are_as_each_name_server_has_them(make_report: Callable[[str], Report], name: str) -> None:
    report = make_report(name)
    samples = read(report)
    asked = {
        (
            observation["target"],
            observation["resolver"] or "getaddrinfo",
            observation["operation"] if observation["resolver"] else "any",
        ): observation
        for observation in codec.encode(report)["observations"]
        if observation["step"] == "dns" and (observation["resolver"] or observation["operation"] == "getaddrinfo")
        if observation["status"] == "ok"
        or (observation["failure"] and observation["failure"]["kind"] not in ("deadline", "bug"))
    }
    assert samples["backuplink_dns_success"] == {
        labels: float(lookup["status"] == "ok") for labels, lookup in asked.items()
    }
    assert samples["backuplink_dns_duration_seconds"] == {
        labels: pytest.approx(lookup["seconds"], abs=1e-6) for labels, lookup in asked.items()
    }
    assert samples["backuplink_dns_addresses"] == {
        labels: len(lookup["facts"]["addresses"]) for labels, lookup in asked.items() if lookup["status"] == "ok"
    }
    lookups = {
        (target,): pytest.approx(lookup["seconds"], abs=1e-6)
        for (target, resolver, _), lookup in asked.items()
        if resolver == "getaddrinfo"
    }
    assert samples["probe_dns_lookup_time_seconds"] == lookups
    assert samples["probe_ip_protocol"].keys() == lookups.keys()


def test_what_the_first_address_does_is_what_a_single_probe_would_see() -> None:
    report = report_of("one-zone-silent")
    assert read(report)["probe_http_status_code"] == {("backup",): 403}
    phases = read(report)["probe_http_duration_seconds"]
    assert [phase for target, phase in phases if target == "backup"] == ["resolve", "connect", "tls", "processing"]
    assert list(phases.values()) == pytest.approx([0.002] * len(phases))
    assert read(report)["probe_tls_version_info"] == {("backup", "TLS 1.3"): 1}
    assert read(report)["probe_ip_protocol"][("backup",)] == 4
    # One failure makes the whole target not ok, and the target's time includes the wait for its last address.
    assert read(report)["probe_success"][("backup",)] == 0
    assert read(report)["probe_duration_seconds"][("backup",)] == pytest.approx(3.0, abs=0.1)
    ends = [
        certificate.not_after.timestamp()
        for observation in report.observations
        if isinstance(observation.facts, TlsFacts) and observation.subject.target == "backup" and observation.ok
        for certificate in observation.facts.certificates
    ]
    assert read(report)["probe_ssl_earliest_cert_expiry"][("backup",)] == min(ends)


@pytest.mark.parametrize("name", ["port-blocked", "tls-intercepted", "name-does-not-exist"])
def test_a_way_that_is_broken_has_the_status_zero_and_no_time_beyond(name: str) -> None:
    report = report_of(name)
    assert read(report)["probe_http_status_code"][("backup",)] == 0
    assert ("backup", "processing") not in read(report)["probe_http_duration_seconds"]
    assert ("backup",) not in read(report)["probe_ssl_earliest_cert_expiry"]


def test_what_nobody_measured_is_neither_success_nor_failure() -> None:
    def cut(observation: Observation[Any], kind: FailureKind) -> Observation[Any]:
        return replace(observation, outcome=Failed(Failure(kind=kind, message="", code=None), None))

    report = report_of("healthy")
    ladder = [
        observation
        for observation in report.observations
        if observation.subject.port is not None and observation.subject.target == "backup"
    ]
    for change in (
        lambda observation: cut(observation, FailureKind.DEADLINE),
        lambda observation: cut(observation, FailureKind.BUG),
        lambda observation: replace(observation, outcome=Skipped("for a reason"), started_at=None, seconds=None),
    ):
        changed = {observation.id: change(observation) for observation in ladder}
        other = replace(
            report, observations=tuple(changed.get(observation.id, observation) for observation in report.observations)
        )
        for metric in (
            *("backuplink_step_success", "backuplink_step_duration_seconds", "probe_http_status_code"),
            *("probe_ssl_earliest_cert_expiry", "probe_tls_version_info"),
        ):
            assert not [labels for labels in read(other)[metric] if labels[0] == "backup"], metric
    assert read(other)["backuplink_target_steps"]["backup", "443", "tcp", "skipped"] == 3


def test_of_a_target_that_is_not_in_use_or_for_comparison_nothing_is_promised() -> None:
    report = report_of("healthy")
    context = tuple(replace(target, role=Role.CONTEXT) for target in report.targets)
    unused = tuple(replace(target, status=Status.NOT_IN_USE) for target in report.targets)
    unknown = tuple(replace(target, status=Status.UNKNOWN) for target in report.targets)
    assert read(replace(report, targets=context))["probe_success"] == {}
    assert read(replace(report, targets=unused))["probe_success"] == {}
    assert set(read(replace(report, targets=unknown))["probe_success"].values()) == {0}


@pytest.mark.parametrize(
    ("name", "workloads", "reasons"),
    [
        ("healthy", {("caller", "", "yes")}, {("backup", "caller")}),
        (
            "hana-in-s3-mode",
            {("caller", "", "no"), ("hana", "s3", "yes"), ("ssm", "", "no")},
            {("s3@example-hana-backups.s3.eu-west-1.amazonaws.com", "hana")},
        ),
        ("ssm-asked-for", {("ssm", "", "yes")}, {(name, "--workload ssm") for name in ("ssm", "ssmmessages")}),
        ("gateway-healthy", set(), {("backup", "--service"), ("backup-gateway", "--service")}),
    ],
)
def test_which_workloads_are_here_and_what_they_require(
    name: str, workloads: set[tuple[str, ...]], reasons: set[tuple[str, ...]]
) -> None:
    samples = read(report_of(name))
    assert samples["backuplink_workload_info"] == dict.fromkeys(workloads, 1)
    assert samples["backuplink_target_required_by"] == dict.fromkeys(reasons, 1)


def test_of_two_systems_with_the_same_agent_there_is_one_series() -> None:
    report = report_of("hana-healthy")
    hana = next(workload for workload in report.vantage.workloads if workload.name is Workload.HANA)
    two = (*report.vantage.workloads, replace(hana, by="/usr/sap/QAS/SYS/global/hdb/opt/hdbbackint"))
    both = replace(report, vantage=replace(report.vantage, workloads=two))
    assert read(both)["backuplink_workload_info"] == read(report)["backuplink_workload_info"]
    assert checked(prometheus.render(both)) == ""


def test_credentials_that_end() -> None:
    report = report_of("healthy")
    assert report.vantage.credentials is not None
    assert read(report)["backuplink_credentials_expiry_timestamp_seconds"] == {}
    credentials = replace(report.vantage.credentials, expires_at=datetime(2026, 1, 15, 4, 30, tzinfo=UTC))
    report = replace(report, vantage=replace(report.vantage, credentials=credentials))
    assert read(report)["backuplink_credentials_expiry_timestamp_seconds"] == {(): 1_768_451_400}


def test_causes_symptoms_and_what_is_known_are_told_apart() -> None:
    report = report_of("clock-and-certificate")
    cause = next(finding for finding in report.findings if finding.explained_by is None)
    symptom = next(finding for finding in report.findings if finding.explained_by == cause.id)

    def standing(report: Report) -> dict[str, str]:
        return {code: word for code, _, _, _, word in read(report)["backuplink_findings"]}

    assert standing(report)[cause.code] == "cause"
    assert standing(report)[symptom.code] == "symptom"
    known = tuple(replace(finding, suppressed=finding.id == cause.id) for finding in report.findings)
    assert standing(replace(report, findings=known))[cause.code] == "suppressed"
    assert standing(replace(report, findings=known))[symptom.code] == "suppressed"
    circle = (replace(cause, explained_by=symptom.id), symptom)
    assert set(standing(replace(report, findings=circle)).values()) == {"cause"}
    dangling = (replace(symptom, explained_by="none that is there"),)
    assert set(standing(replace(report, findings=dangling)).values()) == {"cause"}


# --- Refusals, what is foreign, what is masked -----------------------------------------------------------------------


def test_a_refusal_is_unknown_and_no_fresh_run() -> None:
    text = prometheus.render(refusal("no such option"))
    holds(text)
    assert checked(text) == ""
    samples = samples_in(text)
    assert samples["backuplink_verdict_status", frozenset({("status", "unknown")})] == 1
    assert samples["backuplink_run_complete", frozenset()] == 0
    assert not {name for name, _ in samples} & {"backuplink_run_timestamp_seconds", "probe_success"}
    assert "no such option" not in text


def test_two_that_look_the_same_are_one_series() -> None:
    report = report_of("healthy")
    twice = replace(report, targets=tuple(replace(target, id="the same") for target in report.targets))
    assert len(report.targets) > 1
    holds(prometheus.render(twice))


def test_numbers_that_no_run_measures() -> None:
    """A saved report may contain any number."""

    def huge(observation: Observation[Any]) -> Observation[Any]:
        if isinstance(observation.outcome, Ok) and isinstance(observation.facts, HttpFacts):
            observation = replace(observation, outcome=Ok(replace(observation.facts, status=10**400)))
        return observation if observation.seconds is None else replace(observation, seconds=1.7e308)

    report = report_of("healthy")
    text = prometheus.render(replace(report, observations=tuple(map(huge, report.observations))))
    holds(text)
    assert "probe_http_status_code" not in text
    assert "1.7e+308" in text


@pytest.mark.parametrize("name", ["gateway-ports-missing", "endpoint-names-only", "private-dns-off"])
def test_masks_stand_where_something_is_masked(name: str) -> None:
    report = report_of(name)
    text = prometheus.render(redact(report))
    for target in report.targets:
        for address in target.addresses:
            assert f'"{address.address}"' not in text
    assert samples_in(text).keys() != samples_in(prometheus.render(report)).keys()
    assert len(samples_in(text)) == len(samples_in(prometheus.render(report)))


# --- As a user has it ------------------------------------------------------------------------------------------------


def test_of_a_run_at_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["demo", "gateway-ports-missing", "--format", "prometheus"], []) == 2
    out, _ = capfd.readouterr()
    assert out == prometheus.render(report_of("gateway-ports-missing"))


def test_a_file_for_the_textfile_collector_can_be_read_by_it(tmp_path: Path) -> None:
    file = tmp_path / "backuplink.prom"
    mask = os.umask(0o022)
    try:
        assert dispatch(["demo", "--format", "prometheus", "--output", str(file)], []) == 0
    finally:
        os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]
    holds(file.read_text("utf-8"))
