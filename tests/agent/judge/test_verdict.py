"""Statuses, paths and the whole report. Above all, "ok" must be proven. It is not enough that no fault was found."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from agent.catalog.findings import Severity
from agent.judge.evidence import Evidence
from agent.judge.requirements import required_steps
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule
from agent.judge.verdict import judge_evidence, refusal, worst
from agent.report import codec
from agent.report.model import Access, Measurement, Path, Report, Status
from agent.settings import Calls, Expect
from probes.facts import (
    ApiFacts,
    Certificate,
    CredentialFacts,
    DnsFacts,
    HostFacts,
    HostsEntry,
    HttpFacts,
    IcmpError,
    ImdsFacts,
    Interface,
    LookupFacts,
    ProxyFacts,
    SdkFacts,
    TcpFacts,
    TlsFacts,
)
from probes.model import (
    Addressing,
    Failed,
    Failure,
    FailureKind,
    Observation,
    Ok,
    Outcome,
    Skipped,
    Step,
    Subject,
    Target,
)
from probes.operations import GETADDRINFO, PROXY, SDK_SETTINGS
from tests.support import extent
from tests.support.build import (
    BACKUP,
    CORE,
    CORPORATE,
    GATEWAY,
    NOW,
    OWN,
    PRIVATE,
    PUBLIC,
    REGION,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    climbed,
    context,
    evidence,
    finding,
    finding_ids,
    healthy,
    here,
    host,
    http,
    imds,
    lookup,
    optional,
    proxy,
    replaced,
    run,
    sdk,
    spoiled,
    status_of,
    target,
    tcp,
    tls,
)
from tests.support.calls import api, called
from tests.support.validator import VALIDATOR

A, B = PRIVATE
TARGETS: Final = [BACKUP, GATEWAY]
REAL_FAILURES: Final = [kind for kind in FailureKind if kind not in (FailureKind.DEADLINE, FailureKind.BUG)]


def judged(seen: Evidence) -> Report:
    """The report by the rules in CORE. They do not cover every fault, so these cases stay the same if rules are added
    to the program.
    """
    return judge_evidence(seen, CORE)


def verdict(
    observations: Observations, *targets: Target, expect: Expect = Expect.PRIVATE
) -> tuple[Status, Path, Access]:
    report = judged(evidence(observations, targets=targets or (BACKUP,), of=run(expect=expect)))
    return report.verdict.status, report.verdict.path, report.verdict.access


def path_of(report: Report, target_id: str = "backup") -> Path:
    return next(target.path for target in report.targets if target.id == target_id)


# --- Ok is proven ---------------------------------------------------------------------------------------------------


def test_a_healthy_run_is_ok() -> None:
    report = judged(evidence(healthy(*TARGETS), targets=TARGETS))
    assert (report.verdict.status, report.verdict.path) == (Status.OK, Path.PRIVATE)
    assert [target.status for target in report.targets] == [Status.OK, Status.OK]
    assert report.verdict.summary == "backup and backup-gateway answer privately at 4 addresses"
    assert report.findings == ()


STEPS: Final = sorted(
    {step for target in TARGETS for step in required_steps(evidence(healthy(*TARGETS), targets=TARGETS), target)}
)


def owners(step: str) -> list[str]:
    """The targets whose status depends on a step. A step without a target decides for all of them."""
    name = step.split("/")[1]
    return [name] if name in ("backup", "backup-gateway") else ["backup", "backup-gateway"]


def with_spoiled(step: str, spoil: Callable[[Observation[Any]], Observation[Any] | None]) -> Report:
    """A healthy run of two required targets in which one observation has another outcome, or is missing."""
    observations = [spoil(observation) if observation.id == step else observation for observation in healthy(*TARGETS)]
    seen = evidence([observation for observation in observations if observation is not None], targets=TARGETS)
    assert judge_evidence(seen).verdict.status is not Status.OK, "by all rules"
    return judged(seen)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda observation: None, id="removed"),
        pytest.param(lambda observation: spoiled(observation, skipped="for a reason"), id="skipped"),
        pytest.param(lambda observation: spoiled(observation, failed="deadline"), id="cut short"),
        pytest.param(lambda observation: spoiled(observation, failed="bug"), id="crashed"),
    ],
)
def test_without_a_single_required_step_nothing_is_ok(
    step: str, spoil: Callable[[Observation[Any]], Observation[Any] | None]
) -> None:
    report = with_spoiled(step, spoil)
    assert report.verdict.status is Status.UNKNOWN
    for reported in report.targets:
        assert reported.status is (Status.UNKNOWN if reported.id in owners(step) else Status.OK)
        assert bool(reported.unproven) is (reported.id in owners(step))
    assert {finding.code for finding in report.findings} <= {"RUN002"}
    assert "could not be proven" in report.verdict.summary


@pytest.mark.parametrize("step", STEPS)
def test_a_single_required_step_that_fails_is_critical_however_it_fails(step: str) -> None:
    for kind in REAL_FAILURES:
        report = with_spoiled(step, lambda observation, kind=kind: spoiled(observation, failed=kind))  # type: ignore[misc]
        local = step.startswith("host/")
        expected = (
            Status.UNKNOWN if local else Status.CRITICAL
        )  # a setting that cannot be read is not a fault of the path
        assert report.verdict.status is expected, kind
        for reported in report.targets:
            assert reported.status is (expected if reported.id in owners(step) else Status.OK), (kind, reported.id)
        if not local:
            assert step in {shown for finding in report.findings for shown in finding.evidence}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_that_crashes_leaves_nothing_ok(rule: Rule) -> None:
    def check(_: Evidence) -> Any:
        raise RuntimeError("boom")

    rules = [Rule(other.code, other.needs, check) if other is rule else other for other in RULES]
    report = judge_evidence(evidence(healthy()), rules)
    assert report.verdict.status is Status.WARNING
    assert finding_ids(report) == ["RUN002"]


@pytest.mark.parametrize("rule", [rule for rule in CORE if rule.code[:3] != "RUN"], ids=lambda rule: rule.code)
def test_without_a_rule_its_fault_is_still_no_ok(rule: Rule) -> None:
    faults: dict[str, Observations] = {
        "DNS001": [*here("backup", PUBLIC), *climbed(PUBLIC)],
        "DNS002": [*healthy(), lookup(failed="nxdomain")],
        "DNS003": [*here("backup"), lookup(failed="nxdomain"), answer(failed="nxdomain")],
        "DNS004": [*here("backup"), lookup(failed="timeout"), answer(failed="timeout")],
        "TCP001": [*here("backup", A), tcp(A, failed="timeout")],
        "TCP002": replaced(healthy(), spoiled(tcp(A), failed="timeout")),
        "TCP003": replaced(healthy(GATEWAY), spoiled(tcp(A, 1026, of="backup-gateway"), failed="timeout")),
        "TCP004": [*here("backup", A), tcp(A, failed="refused")],
        "TCP005": [*here("backup", A), tcp(A, failed="prohibited")],
        "TCP006": [*here("backup", "fd00::17"), *climbed("fd00::17")],
        "TLS001": replaced(healthy(), tls(A, failed="tls-untrusted", issuer="CN=x", organization=None)),
        "TLS003": replaced(healthy(), tls(A, failed="tls-hostname", names=["x.example"])),
        "TLS004": replaced(healthy(), tls(A, failed="timeout", received=0)),
        "TLS006": replaced(healthy(), tls(A, failed="tls-not-tls", first_bytes="00")),
        "ENV001": [host(), sdk(region=None)],
        "ENV002": [*healthy(), imds(failed="timeout")],
    }
    targets = {"TCP003": [GATEWAY], "ENV001": []}.get(rule.code, [BACKUP])
    of = run(region=None) if rule.code == "ENV001" else run()
    seen = evidence(faults[rule.code], targets=targets, of=of)
    with_it, without_it = judged(seen), judge_evidence(seen, [other for other in CORE if other is not rule])
    assert rule.code in {finding.code for finding in with_it.findings}
    if rule.code == "ENV002":  # only information here, since nothing that decides is missing
        assert with_it.verdict.status is without_it.verdict.status is Status.OK
    else:
        assert without_it.verdict.status in (Status.CRITICAL, Status.UNKNOWN)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([host(), sdk(), proxy(), lookup()], id="a lookup that gave nothing and did not fail"),
        pytest.param(
            [host("127.0.0.1/8"), sdk(), proxy(), lookup(A), *climbed(A)], id="a host without an address of its own"
        ),
        pytest.param([*here("backup", "127.0.0.1"), *climbed("127.0.0.1")], id="loopback"),
        pytest.param([*here("backup", "192.0.2.1"), *climbed("192.0.2.1")], id="a documentation address"),
        pytest.param([*here("backup", A, "169.254.1.1"), *climbed(A, "169.254.1.1")], id="link-local beside private"),
        pytest.param(replaced(healthy(), proxy("http://10.0.0.9:3128")), id="a proxy"),
        pytest.param(
            replaced(healthy(), sdk(urls={"backup": "http://backup.eu-west-1.amazonaws.com"})), id="calls without TLS"
        ),
        pytest.param(
            [*healthy(), lookup(A, B, PUBLIC), *climbed(PUBLIC), answer(A, PUBLIC, by=VPC_RESOLVER)], id="mixed"
        ),
    ],
)
def test_everything_answers_and_it_is_not_ok(observations: Observations) -> None:
    status, *_ = verdict(observations)
    assert status in (Status.UNKNOWN, Status.CRITICAL)
    assert judge_evidence(evidence(observations)).verdict.status is not Status.OK, "by all rules"


def test_a_signed_call_that_was_not_made_is_missing() -> None:
    report = judge_evidence(evidence(healthy(), of=run(calls=Calls.EACH)))
    assert report.verdict.status is Status.UNKNOWN
    assert "the signed call at 10.0.1.17:443 was not made" in report.targets[0].unproven


@pytest.mark.parametrize(
    ("observations", "access"),
    [
        pytest.param([api(A, failed="throttled"), api(B, failed="throttled")], Access.UNKNOWN, id="at every address"),
        pytest.param([api(A, failed="throttled")], Access.ALLOWED, id="at one of two"),
        pytest.param([api(A, failed="throttled"), api(B, failed="access-denied")], Access.DENIED, id="and denied"),
    ],
)
def test_a_throttled_call_says_nothing_of_who_may_call(observations: Observations, access: Access) -> None:
    report = judge_evidence(evidence(replaced(called(), *observations), of=run(calls=Calls.EACH)))
    assert report.verdict.access is access
    assert report.verdict.status is Status.WARNING


def test_without_any_target_nothing_is_ok() -> None:
    report = judged(evidence([host(), sdk(), imds()], targets=[]))
    assert report.verdict.status is Status.UNKNOWN
    assert report.verdict.path is Path.UNKNOWN
    assert report.verdict.access is Access.UNKNOWN
    assert report.verdict.summary == "nothing could be measured"


def test_addresses_of_a_family_that_the_host_lacks_are_neither_needed_nor_counted() -> None:
    observations = [
        *here("backup", A, "fd00::17"),
        *climbed(A),
        tcp("fd00::17", skipped="this host has no IPv6 address"),
    ]
    report = judged(evidence(observations))
    assert report.verdict.status is Status.OK
    assert report.verdict.summary == "backup answers privately at 1 address"


# --- Critical, unknown, warning, ok ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        pytest.param([], Status.OK, id="none"),
        pytest.param([Status.OK, Status.WARNING], Status.WARNING, id="warning"),
        pytest.param([Status.WARNING, Status.UNKNOWN, Status.OK], Status.UNKNOWN, id="unknown"),
        pytest.param([Status.UNKNOWN, Status.CRITICAL, Status.WARNING], Status.CRITICAL, id="critical"),
    ],
)
def test_worst(statuses: list[Status], expected: Status) -> None:
    assert worst(statuses) is expected


def test_critical_outranks_unknown_within_a_target_and_between_targets() -> None:
    observations = replaced(
        healthy(), spoiled(tls(A), failed="reset"), http(A, skipped="x"), spoiled(tls(B), failed="deadline")
    )
    report = judged(evidence(observations))
    assert status_of(report) is report.verdict.status is Status.CRITICAL
    assert report.targets[0].unproven, "what was not measured is still said"
    observations = replaced(
        healthy(*TARGETS), spoiled(tls(A), failed="reset"), spoiled(tls(B, of="backup-gateway"), failed="deadline")
    )
    report = judged(evidence(observations, targets=TARGETS))
    assert [target.status for target in report.targets] == [Status.CRITICAL, Status.UNKNOWN]
    assert report.verdict.status is Status.CRITICAL


def test_unknown_outranks_warning() -> None:
    observations = replaced(healthy(), spoiled(tls(A), failed="bug"))
    report = judged(evidence(observations, of=run(complete=False)))
    assert finding_ids(report) == ["RUN001", "RUN002"]
    assert {finding.severity for finding in report.findings} == {Severity.WARNING}
    assert report.verdict.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("observations", "complete", "status"),
    [
        pytest.param(healthy(), False, Status.WARNING, id="cut after everything that counts"),
        pytest.param(replaced(healthy(), spoiled(http(A), failed="deadline")), False, Status.UNKNOWN, id="before it"),
        pytest.param(
            replaced(healthy(), spoiled(http(A), failed="deadline"), spoiled(tls(B), failed="reset")),
            False,
            Status.CRITICAL,
            id="before it, and something was proven",
        ),
    ],
)
def test_a_run_that_ended_early(observations: Observations, complete: bool, status: Status) -> None:
    assert judged(evidence(observations, of=run(complete=complete))).verdict.status is status


def test_no_region_is_unknown() -> None:
    report = judged(evidence([host(), sdk(region=None), imds(failed="timeout")], targets=[], of=run(region=None)))
    assert report.verdict.status is Status.UNKNOWN
    assert finding_ids(report) == ["ENV001", "ENV002"]
    assert (
        report.verdict.summary
        == "no Region is set by --region, AWS_REGION, a profile or instance metadata (and 1 more)"
    )
    assert judged(evidence(healthy(), of=run(region=None))).verdict.status is Status.UNKNOWN


def test_information_counts_as_ok() -> None:
    report = judged(evidence([*healthy(), answer(PUBLIC, by=VPC_RESOLVER), answer(PUBLIC)]))
    assert [(finding.id, finding.severity) for finding in report.findings] == [("DNS002@backup", Severity.INFO)]
    assert report.verdict.status is status_of(report) is Status.OK


def test_what_is_explained_sets_no_status_by_itself() -> None:
    report = judged(evidence([*here("backup", PUBLIC), tcp(PUBLIC, failed="timeout")]))
    assert finding_ids(report) == ["DNS001@backup", "TCP001@backup"]
    assert finding(report, "TCP001@backup").explained_by == "DNS001@backup"
    assert report.verdict.summary == "backup: the name leads off the private path, to 52.95.111.30"


def test_a_silent_resolver_is_the_fault_of_every_target() -> None:
    observations = [
        host(),
        sdk(),
        *(observation for one in TARGETS for observation in (proxy(of=one.id), lookup(of=one.id, failed="servfail"))),
        *(answer(of=one.id, failed="timeout") for one in TARGETS),
    ]
    report = judged(evidence(observations, targets=TARGETS))
    assert finding_ids(report) == [f"DNS004@{RESOLVER}"]
    assert [target.status for target in report.targets] == [Status.CRITICAL, Status.CRITICAL]
    assert report.verdict.path is Path.UNREACHABLE


# --- Optional and context -------------------------------------------------------------------------------------------

ASIDE: Final = optional(GATEWAY)


def aside(*observations: Observation[Any]) -> Report:
    return judged(evidence([*healthy(BACKUP, ASIDE), *observations], targets=[BACKUP, ASIDE]))


@pytest.mark.parametrize(
    ("observations", "status"),
    [
        pytest.param([], Status.OK, id="private and well"),
        pytest.param([lookup(PUBLIC, of=ASIDE.id)], Status.NOT_IN_USE, id="public: not in use"),
        pytest.param([lookup(of=ASIDE.id, failed="nxdomain")], Status.NOT_IN_USE, id="no name: not in use"),
        pytest.param(
            [spoiled(tcp(A, 1026, of=ASIDE.id), failed="timeout")],
            Status.CRITICAL,
            id="a port is blocked",
        ),
        pytest.param(
            [spoiled(tls(A, of=ASIDE.id), failed="reset")],
            Status.UNKNOWN,
            id="a failure without a name",
        ),
        pytest.param(
            [spoiled(http(A, of=ASIDE.id), failed="not-aws")],
            Status.UNKNOWN,
            id="an answer from elsewhere",
        ),
        pytest.param([spoiled(tcp(A, 1026, of=ASIDE.id), failed="deadline")], Status.UNKNOWN, id="cut short"),
        pytest.param([spoiled(lookup(of=ASIDE.id), failed="deadline")], Status.UNKNOWN, id="not looked up"),
        pytest.param([spoiled(lookup(of=ASIDE.id), failed="bug")], Status.UNKNOWN, id="crashed"),
        pytest.param([proxy("http://10.0.0.9:3128", of=ASIDE.id)], Status.UNKNOWN, id="through a proxy"),
    ],
)
def test_an_optional_target_has_a_true_status_and_raises_no_verdict(observations: Observations, status: Status) -> None:
    report = aside(*observations)
    assert status_of(report, ASIDE.id) is status
    assert status_of(report) is Status.OK
    assert report.verdict.status is Status.OK
    assert report.verdict.path is Path.PRIVATE
    assert not any(finding.counts for finding in report.findings if finding.severity is not Severity.INFO)
    assert ("; not counted: backup-gateway, " in report.verdict.summary) is (
        status in (Status.CRITICAL, Status.UNKNOWN)
    )


def test_a_fault_of_the_run_that_counts_is_not_named_as_one_that_does_not() -> None:
    observations = [
        host(),
        sdk(),
        *(observation for one in TARGETS for observation in (proxy(of=one.id), answer(of=one.id, failed="timeout"))),
        lookup(failed="servfail"),
        lookup(A, of=ASIDE.id, failed="servfail"),  # the lookup gives an address, and fails
    ]
    report = judged(evidence(observations, targets=[BACKUP, ASIDE]))
    assert report.verdict.status is Status.CRITICAL
    assert status_of(report, ASIDE.id) is Status.CRITICAL
    assert "not counted" not in report.verdict.summary


def test_an_optional_target_that_is_unknown_is_named_in_the_summary_after_required_ones() -> None:
    assert aside(spoiled(tls(A, of=ASIDE.id), failed="deadline")).verdict.summary == (
        "backup answers privately at 2 addresses; not counted: backup-gateway, not proven: "
        "the TLS handshake at 10.0.1.17:443: it said deadline (count it with --workload gateway)"
    )
    aside_backup = optional(BACKUP)
    observations = replaced(
        healthy(*TARGETS), spoiled(tls(A), failed="deadline"), spoiled(tls(B, of="backup-gateway"), failed="deadline")
    )
    report = judged(evidence(observations, targets=[aside_backup, GATEWAY]))
    assert report.verdict.status is Status.UNKNOWN
    assert report.verdict.summary.startswith("backup-gateway could not be proven")


CALLED: Final = target(host="vpce-1.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE)


@pytest.mark.parametrize(
    ("observations", "status"),
    [
        pytest.param(healthy(BACKUP), Status.OK, id="well"),
        pytest.param(
            [*here("backup", PUBLIC), *climbed(PUBLIC)], Status.NOT_IN_USE, id="public, as without private DNS"
        ),
        pytest.param(
            [*here("backup"), lookup(failed="nxdomain"), answer(failed="nxdomain")],
            Status.NOT_IN_USE,
            id="it does not exist",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), tls(A, skipped="tcp failed"), http(A, skipped="tcp failed")],
            Status.CRITICAL,
            id="silent",
        ),
        pytest.param(
            replaced(healthy(), spoiled(tls(A), failed="reset")), Status.UNKNOWN, id="a failure without a name"
        ),
        pytest.param([], Status.UNKNOWN, id="never looked at"),
    ],
)
def test_a_target_for_comparison_never_counts(observations: Observations, status: Status) -> None:
    report = judged(evidence([*observations, *healthy(CALLED)], targets=[CALLED, context(BACKUP)]))
    assert status_of(report, "backup") is status
    assert status_of(report, CALLED.id) is Status.OK
    assert report.verdict.status is Status.OK
    assert report.verdict.path is Path.PRIVATE
    assert not any(finding.counts for finding in report.findings if finding.severity is not Severity.INFO)
    assert [target.required for target in report.targets] == [True, False]


def test_a_setting_for_one_service_is_no_fault_of_another() -> None:
    elsewhere = target(host="endpoint.corp.example", addressing=Addressing.CUSTOM)
    set_for_one = sdk(urls={"backup": "https://endpoint.corp.example"})
    targets = [elsewhere, context(BACKUP), GATEWAY]
    silent: Observations = [
        *here(elsewhere.id, A),
        tcp(A, of=elsewhere.id, failed="timeout"),
        tls(A, of=elsewhere.id, skipped="tcp failed"),
        http(A, of=elsewhere.id, skipped="tcp failed"),
    ]
    report = judge_evidence(evidence([*healthy(BACKUP, GATEWAY), *silent, set_for_one], targets=targets))
    assert [finding.id for finding in report.findings if finding.severity is not Severity.INFO] == [
        *("ENV005@backup@endpoint.corp.example", "TCP001@backup@endpoint.corp.example"),
    ]
    assert [judged_target.status for judged_target in report.targets] == [Status.CRITICAL, Status.OK, Status.OK]


# --- Path -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "path"),
    [
        pytest.param(healthy(), Path.PRIVATE, id="private"),
        pytest.param([*here("backup", A, B), tcp(A), tcp(B, failed="timeout")], Path.PRIVATE, id="one connects"),
        pytest.param(
            [*here("backup", A, B), tcp(A, failed="timeout"), tcp(B, failed="timeout")],
            Path.UNREACHABLE,
            id="none connects",
        ),
        pytest.param([*here("backup", "10.99.0.1"), *climbed("10.99.0.1")], Path.PRIVATE, id="outside the VPC"),
        pytest.param([*here("backup", PUBLIC), *climbed(PUBLIC)], Path.PUBLIC, id="public, connecting"),
        pytest.param([*here("backup", PUBLIC), tcp(PUBLIC, failed="timeout")], Path.PUBLIC, id="public, and silent"),
        pytest.param([*here("backup", PUBLIC)], Path.PUBLIC, id="public, never tried"),
        pytest.param([*here("backup", A, PUBLIC), *climbed(A, PUBLIC)], Path.MIXED, id="both"),
        pytest.param([*here("backup", A, PUBLIC)], Path.MIXED, id="both, never tried"),
        pytest.param([*here("backup"), lookup(failed="nxdomain")], Path.UNREACHABLE, id="there is no address"),
        pytest.param([*here("backup", "fd00::17")], Path.UNREACHABLE, id="none of a family that this host has"),
        pytest.param([*here("backup", A, B), tcp(A, failed="timeout")], Path.UNKNOWN, id="one was never tried"),
        pytest.param(
            [*here("backup", A, B), tcp(A, failed="timeout"), tcp(B, failed="deadline")],
            Path.UNKNOWN,
            id="one was cut short",
        ),
        pytest.param([*here("backup", A), tcp(A, failed="bug")], Path.UNKNOWN, id="the attempt crashed"),
        pytest.param([*here("backup"), lookup(failed="deadline")], Path.UNKNOWN, id="the lookup was cut short"),
        pytest.param([*here("backup"), spoiled(lookup(), failed="bug")], Path.UNKNOWN, id="the lookup crashed"),
        pytest.param([host(), sdk()], Path.UNKNOWN, id="never looked up"),
        pytest.param([*here("backup", A, "127.0.0.1"), *climbed(A)], Path.UNKNOWN, id="an address that is neither"),
        pytest.param(
            [host("10.0.3.5/24", "2600:1f18::5/64"), lookup(A, "2600:1f18::17"), *climbed(A)],
            Path.UNKNOWN,
            id="IPv6 of which nothing is known",
        ),
        pytest.param(
            [host("2600:1f18::5/64"), imds(vpc=("2600:1f18::/56",)), lookup("2600:1f18::17"), tcp("2600:1f18::17")],
            Path.PRIVATE,
            id="IPv6 in the VPC",
        ),
        pytest.param(
            [host("fd00::5/64"), lookup("64:ff9b::a00:111"), tcp("64:ff9b::a00:111")], Path.PRIVATE, id="NAT64"
        ),
        pytest.param([host("fd00::5/64"), lookup("64:ff9b::345f:6f1e")], Path.PUBLIC, id="NAT64 to a public address"),
        pytest.param([*healthy(), proxy("http://10.0.0.9:3128")], Path.UNKNOWN, id="a proxy takes the calls"),
        pytest.param(
            [host(), imds(vpc=("52.95.0.0/16",)), lookup(PUBLIC), tcp(PUBLIC)], Path.PRIVATE, id="a public block as VPC"
        ),
    ],
)
def test_path(observations: Observations, path: Path) -> None:
    report = judged(evidence(observations))
    assert path_of(report) is path
    assert report.verdict.path is path


def test_path_by_private_cidrs() -> None:
    observations = [*here("backup", PUBLIC), *climbed(PUBLIC)]
    report = judged(evidence(observations, of=run(private_cidrs=("52.95.111.0/24",))))
    assert (report.verdict.status, report.verdict.path) == (Status.OK, Path.PRIVATE)


@pytest.mark.parametrize(
    ("gateway", "path"),
    [
        pytest.param([], Path.PRIVATE, id="both private"),
        pytest.param([lookup(PUBLIC, of="backup-gateway")], Path.MIXED, id="they differ"),
        pytest.param([lookup(of="backup-gateway", failed="nxdomain")], Path.MIXED, id="one is unreachable"),
        pytest.param([spoiled(lookup(of="backup-gateway"), failed="deadline")], Path.UNKNOWN, id="one is not known"),
    ],
)
def test_path_of_the_run(gateway: Observations, path: Path) -> None:
    observations = [*healthy(*TARGETS), *gateway]
    assert verdict(observations, *TARGETS)[1] is path
    assert verdict(observations, BACKUP, optional(GATEWAY))[1] is Path.PRIVATE, "an optional target sets no path"


# --- Paths against what is expected ---------------------------------------------------------------------------------

OUT: Final[Observations] = [*here("backup", PUBLIC), *climbed(PUBLIC)]
DUAL: Final[Observations] = [
    *(host("10.0.3.5/24", "2600:1f18:1::5/64"), sdk(), imds(), proxy()),
    *(lookup(A, "2600:1fff::30"), answer(A, by=VPC_RESOLVER), answer("2600:1fff::30", by=VPC_RESOLVER)),
    *climbed(A, "2600:1fff::30"),
]
"""A run on a dual-stack host with private IPv4 and public IPv6 addresses. Everything answers."""


@pytest.mark.parametrize(
    ("observations", "expect", "expected"),
    [
        pytest.param(OUT, Expect.PRIVATE, (Status.CRITICAL, Path.PUBLIC), id="public, private expected"),
        pytest.param(OUT, Expect.PUBLIC, (Status.OK, Path.PUBLIC), id="public, as expected"),
        pytest.param(OUT, Expect.ANY, (Status.OK, Path.PUBLIC), id="public, any expected"),
        pytest.param(healthy(), Expect.PUBLIC, (Status.UNKNOWN, Path.PRIVATE), id="private, public expected"),
        pytest.param(healthy(), Expect.ANY, (Status.OK, Path.PRIVATE), id="private, any expected"),
        pytest.param(DUAL, Expect.PRIVATE, (Status.UNKNOWN, Path.MIXED), id="mixed, private expected"),
        pytest.param(DUAL, Expect.ANY, (Status.OK, Path.MIXED), id="mixed, any expected"),
        pytest.param(
            [*here("backup", PUBLIC), tcp(PUBLIC, failed="timeout")],
            Expect.PUBLIC,
            (Status.CRITICAL, Path.PUBLIC),
            id="public, as expected, and silent",
        ),
    ],
)
def test_expectation(observations: Observations, expect: Expect, expected: tuple[Status, Path]) -> None:
    assert verdict(observations, expect=expect)[:2] == expected


def test_summary_of_a_public_path_that_was_expected() -> None:
    report = judged(evidence(OUT, of=run(expect=Expect.PUBLIC)))
    assert report.verdict.summary == "backup answers as expected at 1 address"


# --- Real networks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "ids", "status", "path"),
    [
        pytest.param(
            [*here("backup", A, B), tcp(A, failed="timeout"), tcp(B, failed="refused")],
            ["TCP001@backup", "TCP004@backup"],
            Status.CRITICAL,
            Path.UNREACHABLE,
            id="one zone silent and another refused",
        ),
        pytest.param(
            replaced(healthy(), spoiled(tcp(A), failed="prohibited"), tls(A, skipped="x"), http(A, skipped="x")),
            ["TCP005@backup"],
            Status.CRITICAL,
            Path.PRIVATE,
            id="one address blocked on this host while the other connects",
        ),
        pytest.param(
            [
                *(host(resolvers=[CORPORATE, RESOLVER]), sdk(), imds(), proxy(), lookup(failed="servfail")),
                *(answer(by=CORPORATE, failed="servfail"), answer(failed="timeout")),
            ],
            ["RUN003"],
            Status.CRITICAL,
            Path.UNREACHABLE,
            id="one name server says SERVFAIL, the other nothing",
        ),
        pytest.param(
            [
                *(host(), sdk(), imds(), proxy(), lookup(A), answer(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)),
                *climbed(A),
                tcp(PUBLIC, failed="timeout"),
            ],
            ["DNS002@backup"],
            Status.OK,
            Path.PRIVATE,
            id="the hosts file points to the endpoint",
        ),
        pytest.param(
            [*(host(), sdk(), imds(), proxy()), *(lookup("127.0.0.1"), answer(A), tcp("127.0.0.1", failed="refused"))],
            ["TCP004@backup"],
            Status.CRITICAL,
            Path.UNKNOWN,
            id="the hosts file points here",
        ),
        pytest.param(
            [*here("backup", A, B), tcp(A, failed="no-source-port"), tcp(B, failed="no-source-port")],
            ["RUN003"],
            Status.CRITICAL,
            Path.UNREACHABLE,
            id="no source port is left",
        ),
        pytest.param(
            DUAL,
            [],
            Status.UNKNOWN,
            Path.MIXED,
            id="private IPv4 and public IPv6",
        ),
    ],
)
def test_real_networks(observations: Observations, ids: list[str], status: Status, path: Path) -> None:
    report = judged(evidence(observations))
    assert finding_ids(report) == ids
    assert (report.verdict.status, report.verdict.path) == (status, path)
    by_all = judge_evidence(evidence(observations)).verdict
    assert by_all.path is path
    assert (by_all.status is Status.OK) is (status is Status.OK)


def test_a_family_that_is_silent_while_the_other_connects_is_a_warning() -> None:
    observations = [
        *here("backup", A, "fd00::17"),
        host("10.0.3.5/24", "fd00::5/64"),
        *climbed(A),
        tcp("fd00::17", failed="timeout"),
        tls("fd00::17", skipped="tcp failed"),
        http("fd00::17", skipped="tcp failed"),
    ]
    report = judge_evidence(evidence(observations))
    assert finding_ids(report) == ["TCP008@backup"]
    assert (report.verdict.status, report.verdict.path) == (Status.WARNING, Path.PRIVATE)


def test_gateway_ports_of_an_address_that_is_silent_altogether_are_one_fault() -> None:
    observations = [
        *healthy(GATEWAY),
        *(spoiled(tcp(A, port, of="backup-gateway"), failed="timeout") for port in (443, 1026, 1027, 1028, 1031, 2222)),
        spoiled(tls(A, of="backup-gateway"), skipped="tcp failed: timeout"),
        spoiled(http(A, of="backup-gateway"), skipped="tcp failed: timeout"),
    ]
    report = judged(evidence(observations, targets=[GATEWAY]))
    assert finding_ids(report) == ["TCP002@backup-gateway"]
    assert report.targets[0].unproven == ()


# --- The rest of the report -----------------------------------------------------------------------------------------


def test_addresses_of_a_target() -> None:
    observations = [*here("backup", A, "fd00::17"), answer(B, by=VPC_RESOLVER)]
    rows = {str(address.address): address for address in judged(evidence(observations)).targets[0].addresses}
    assert list(rows) == [A, B, "fd00::17"]
    assert [row.from_own_lookup for row in rows.values()] == [True, False, True]
    assert rows[A].availability_zone_id == "euw1-az1", "the own subnet's zone is known from inside"
    assert rows[B].availability_zone_id is None
    assert rows[B].resolvers == (ip_address(VPC_RESOLVER),)
    assert [str(row.scope) for row in rows.values()] == ["vpc", "vpc", "private"]


def test_vantage() -> None:
    report = judged(evidence([*healthy(), http(A, offset=None), http(B, offset=42.0)]))
    assert report.vantage.source_addresses == (ip_address(OWN),)
    assert report.vantage.resolvers == (ip_address(RESOLVER),)
    assert report.vantage.clock_offset_seconds == 42.0
    assert report.vantage.vpc_id == "vpc-0a1b2c3d"
    blank = judged(evidence([], targets=[])).vantage
    assert (blank.instance_id, blank.vpc_cidrs, blank.resolvers, blank.clock_offset_seconds) == (None, (), (), None)


def test_a_refusal_is_a_report_too() -> None:
    report = refusal("there is no such option")
    assert report.verdict.status is Status.UNKNOWN
    assert report.verdict.summary == "there is no such option"
    document = codec.encode(report)
    VALIDATOR.validate(document)


# --- Arbitrary observations -----------------------------------------------------------------------------------------


_ADDRESSES: Final = tuple(
    ip_address(text)
    for text in (
        *(A, B, "10.99.0.9", PUBLIC, OWN, "127.0.0.1", "169.254.7.7", "192.0.2.1", "100.64.0.9"),
        *("fd00::17", "2600:1f18::17", "64:ff9b::a00:111", "64:ff9b::345f:6f1e", "::1", "fe80::1%ens5"),
    )
)
_address = st.sampled_from(_ADDRESSES)
_text = st.text(max_size=12)
_instant = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made UTC
    lambda instant: instant.replace(tzinfo=UTC, microsecond=instant.microsecond // 1000 * 1000)
)
_seconds = st.integers(min_value=0, max_value=10_000_000).map(lambda number: number / 1_000_000)
_offset = st.integers(min_value=-10_000_000, max_value=10_000_000).map(lambda number: number / 1000)
_network = st.sampled_from(
    tuple(
        ip_network(text)
        for text in ("10.0.0.0/16", "10.99.0.9/32", "52.95.0.0/16", "2600:1f18::/56", "255.255.255.255/32", "0.0.0.0/0")
    )
)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


_certificate = st.builds(
    Certificate,
    subject=_text,
    issuer=_text,
    issuer_organization=st.sampled_from([None, "", "Amazon", "Example Corp"]),
    names=_some(_text),
    not_before=_instant,
    not_after=_instant,
    sha256=_text,
)
_FACTS: Final[dict[tuple[Step, str | None], st.SearchStrategy[Any]]] = {
    (Step.HOST, None): st.builds(
        HostFacts,
        interfaces=_maybe(
            _some(
                st.builds(
                    Interface,
                    name=_text,
                    address=st.sampled_from(
                        [
                            ip_interface(text)
                            for text in ("127.0.0.1/8", f"{OWN}/24", "fd00::5/64", "fe80::5/64", "::1/128")
                        ]
                    ),
                )
            )
        ),
        resolvers=_some(_address),
        resolvers_ignored=_some(_text),
        search=_some(_text),
        resolver_options=_some(_text),
        hosts_entries=_some(st.builds(HostsEntry, address=_address, names=_some(_text))),
        ec2=_maybe(st.booleans()),
        proxies=st.dictionaries(_text, _text, max_size=2),
    ),
    (Step.HOST, SDK_SETTINGS): st.builds(
        SdkFacts,
        version=_text,
        profile=_maybe(_text),
        region=_maybe(_text),
        ca_bundle=_maybe(_text),
        fips=st.booleans(),
        dual_stack=st.booleans(),
        endpoint_urls=st.dictionaries(
            st.sampled_from(["backup", "backup-gateway"]),
            st.sampled_from(["https://a.example", "http://b.example", "https://c.example:0x", "//[", ""]) | _text,
            max_size=2,
        ),
    ),
    (Step.HOST, PROXY): st.builds(ProxyFacts, proxy=_maybe(_text)),
    (Step.IMDS, None): st.builds(
        ImdsFacts,
        token=st.booleans(),
        region=_maybe(_text),
        partition=_maybe(_text),
        availability_zone=_maybe(_text),
        availability_zone_id=_maybe(_text),
        instance_id=_maybe(_text),
        vpc_id=_maybe(_text),
        subnet_id=_maybe(_text),
        subnet_cidrs=_some(_network),
        vpc_cidrs=_some(_network),
        security_group_ids=_some(_text),
    ),
    (Step.DNS, GETADDRINFO): st.builds(LookupFacts, addresses=_some(_address)),
    (Step.DNS, "A"): st.builds(
        DnsFacts,
        rcode=st.sampled_from(["NOERROR", "NXDOMAIN", "SERVFAIL"]),
        addresses=_some(_address),
        canonical_name=_maybe(_text),
        authority=_maybe(_text),
        ttl=_maybe(st.integers(0, 3600)),
        transport=st.sampled_from(["udp", "tcp"]),
        queries=st.integers(1, 2),
    ),
    (Step.TCP, None): st.builds(
        TcpFacts,
        source=_maybe(_address),
        interface=_maybe(_text),
        next_hop=_maybe(_address),
        neighbour=st.sampled_from([None, "reachable", "incomplete", "failed"]),
        route_error=st.sampled_from([None, "ENETUNREACH"]),
        at_once=st.booleans(),
        icmp=_maybe(st.builds(IcmpError, sender=_address, type=st.integers(0, 255), code=st.integers(0, 255))),
        datagram_error=st.sampled_from([None, "EPERM", "EHOSTUNREACH"]),
        round_trip_seconds=_maybe(_seconds),
        retransmits=_maybe(st.integers(0, 9)),
        mss=_maybe(st.integers(0, 9000)),
    ),
    (Step.TLS, None): st.builds(
        TlsFacts,
        server_name=_text,
        name_checked=st.booleans(),
        trust=_text,
        version=_maybe(_text),
        cipher=_maybe(_text),
        alpn=_maybe(_text),
        certificates=_some(_certificate),
        second_look=_maybe(_text),
        bytes_received=_maybe(st.integers(0, 300_000)),
        first_bytes=_maybe(_text | st.binary(max_size=16).map(bytes.hex)),
    ),
    (Step.CREDENTIALS, None): st.builds(
        CredentialFacts,
        source=_text,
        access_key_id_suffix=_text,
        temporary=st.booleans(),
        expires_at=_maybe(_instant),
        role=_maybe(_text),
    ),
    (Step.API, None): st.builds(
        ApiFacts,
        status=st.integers(100, 599),
        request_id=_maybe(_text),
        operation=_text,
        expected_key=st.booleans(),
        new_connection=st.booleans(),
        error_code=_maybe(_text),
        error_message=_maybe(
            _text
            | st.sampled_from(
                [
                    "User: x is not authorized to perform: y because no VPC endpoint policy allows the y action",
                    "User: x is not authorized to perform: y with an explicit deny in a service control policy",
                ]
            )
        ),
        server_time=_maybe(_instant),
        clock_offset_seconds=_maybe(_offset),
        clock_uncertainty_seconds=_maybe(_seconds),
    ),
    (Step.HTTP, None): st.builds(
        HttpFacts,
        status=st.integers(100, 599),
        request_id=_maybe(_text),
        date=_maybe(_instant),
        clock_offset_seconds=_maybe(_offset),
        clock_uncertainty_seconds=_maybe(_seconds),
        server=_maybe(_text),
        content_type=_maybe(_text),
        location=_maybe(_text),
        body_bytes=st.integers(0, 65536),
    ),
}
_DAYS: Final[tuple[Observations, ...]] = (
    *(healthy(*TARGETS) for _ in range(3)),
    [*healthy(GATEWAY), *OUT],
    DUAL,
    [*here("backup", A, B, PUBLIC), *here("backup-gateway", A), *climbed(A, PUBLIC)],
    [*here("backup", A), *here("backup-gateway"), tcp(A, failed="refused"), lookup(failed="timeout")],
    [],
)
_IDS: Final = [observation.id for observation in healthy(*TARGETS)]
_failure = st.builds(
    Failure, kind=st.sampled_from(FailureKind), message=_text, code=st.sampled_from([None, "EACCES", "EINVAL", "x"])
)
_HARD: Final = (
    *(("timeout", None), ("refused", None), ("reset", None), ("unreachable", "ENETUNREACH"), ("nxdomain", None)),
    *(("servfail", None), ("deadline", None), ("bug", None), ("tls-untrusted", None), ("tls-hostname", None)),
    *(("access-denied", None), ("clock-skew", None), ("not-aws", None), ("no-credentials", None)),
)


@st.composite
def _subjects(draw: st.DrawFn) -> Subject:
    """The subject of an observation of any kind. There are only a few subjects, so that contradictions are common."""
    step, operation = draw(st.sampled_from(sorted(_FACTS, key=str)))
    about = draw(st.sampled_from(["backup", "backup-gateway", "backup@other.example", "nobody"]))
    after = draw(_maybe(st.sampled_from(_IDS)))
    match step, operation:
        case (Step.HOST, "proxy") | (Step.DNS, "getaddrinfo"):
            return Subject(step=step, target=about, operation=operation, after=after)
        case (Step.HOST | Step.IMDS | Step.CREDENTIALS, _):
            return Subject(step=step, operation=operation, after=after)
        case (Step.DNS, _):
            resolver = draw(
                st.sampled_from([ip_address(text) for text in (RESOLVER, VPC_RESOLVER, CORPORATE, "fd00::53")])
            )
            record = draw(st.sampled_from(["A", "AAAA"]))
            return Subject(step=step, target=about, resolver=resolver, operation=record, after=after)
        case _:
            port = draw(st.sampled_from([443, 443, 1026, 1031, 2222]))
            return Subject(step=step, target=about, address=draw(_address), port=port, after=after)


@st.composite
def _outcomes(draw: st.DrawFn, subject: Subject) -> Outcome[Any]:
    key = (subject.step, "A" if subject.operation == "AAAA" else subject.operation)
    facts = _FACTS[key]
    match draw(st.integers(0, 5)):
        case 0 | 1:
            return Ok(draw(facts))
        case 2:
            return Skipped(draw(_text))
        case 3:
            kind, code = draw(st.sampled_from(_HARD))
            return Failed(Failure(kind=FailureKind(kind), message="it failed", code=code), draw(_maybe(facts)))
        case _:
            return Failed(draw(_failure), draw(_maybe(facts)))


@st.composite
def _observations(draw: st.DrawFn, subject: Subject | None = None) -> Observation[Any]:
    about = draw(_subjects()) if subject is None else subject
    return Observation(
        subject=about,
        outcome=draw(_outcomes(about)),
        started_at=draw(_maybe(_instant)),
        seconds=draw(_maybe(_seconds)),
    )


@st.composite
def _evidence(draw: st.DrawFn) -> Evidence:
    """A run in which some observations are good, some failed, some are missing and some contradict the rest."""
    targets = draw(
        st.sampled_from(
            [
                (),
                (BACKUP,),
                (BACKUP, GATEWAY),
                (BACKUP, ASIDE),
                (optional(BACKUP), GATEWAY),
                (target(host="other.example"), context(BACKUP), ASIDE),
            ]
        )
    )
    by_id = {observation.id: observation for observation in draw(st.sampled_from(_DAYS))}
    for name in draw(st.lists(st.sampled_from(sorted(by_id)), max_size=5)) if by_id else ():
        if draw(st.integers(0, 3)) == 0:
            by_id.pop(name, None)
        elif name in by_id:
            by_id[name] = draw(_observations(by_id[name].subject))
    for observation in draw(st.lists(_observations(), max_size=draw(st.sampled_from([0, 0, 3, 12])))):
        by_id[observation.id] = observation
    complete = draw(st.sampled_from([True, True, True, False]))
    of = run(
        expect=draw(st.sampled_from([Expect.PRIVATE, *Expect])),
        complete=complete,
        interrupted=not complete and draw(st.booleans()),
        region=draw(st.sampled_from([REGION, REGION, REGION, None])),
        private_cidrs=draw(st.sampled_from([(), ("52.95.111.0/24",)])),
        seconds=draw(_seconds),
        calls=draw(st.sampled_from(Calls)),
    )
    of = replace(of, started_at=draw(_instant), finished_at=NOW + timedelta(seconds=1))
    return Evidence(Measurement(run=of, targets=targets, observations=tuple(by_id.values())))


@settings(
    max_examples=extent.examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(_evidence())
def test_whatever_was_seen_the_report_holds_together(seen: Evidence) -> None:
    report = judge_evidence(seen)

    crashed = [finding for finding in report.findings if finding.code == "RUN002" and "The rule " in finding.detail]
    assert not crashed, crashed[0].detail
    ids = [finding.id for finding in report.findings]
    assert len(ids) == len(set(ids))
    observed = {observation.id for observation in report.observations}
    explained = {finding.id: finding.explained_by for finding in report.findings}
    for reported in report.findings:
        assert set(reported.evidence) <= observed
        # These three are about missing measurements, or about this program; all others rest on an observation.
        assert reported.evidence or reported.code in {"ENV001", "RUN001", "RUN002"}, reported.id
        assert reported.target is not None or reported.id == reported.code
        above: list[str] = []
        cause = explained[reported.id]
        while cause is not None:
            assert cause in explained
            assert cause not in above
            above.append(cause)
            cause = explained[cause]
    silent = {target.id for target in report.targets if target.status is Status.NOT_IN_USE}
    assert not silent.intersection(finding.target for finding in report.findings if finding.target)
    assert silent <= {missing.target for missing in report.not_evaluated}

    document = codec.encode(report)
    assert codec.decode(json.loads(json.dumps(document))) == report
    VALIDATOR.validate(document)


@settings(
    max_examples=extent.examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(_evidence())
def test_whatever_was_seen_ok_is_proven(seen: Evidence) -> None:
    report = judge_evidence(seen)
    judged = {target.id: target for target in report.targets}
    for checked in seen.targets:
        if judged[checked.id].status is not Status.OK or not judged[checked.id].required:
            continue
        assert seen.own_addresses(checked)
        assert all(seen.is_expected(address, checked) for address in seen.own_addresses(checked))
        assert all(
            (observation := seen.find(step)) is not None and observation.ok for step in required_steps(seen, checked)
        )
        assert seen.proxy(checked) is None
    if report.verdict.status is Status.OK:
        required = [target for target in report.targets if target.required]
        assert required
        assert all(target.status is Status.OK for target in required)
        assert report.run.complete
        optional = {target.id for target in report.targets if not target.required}  # findings about them do not count
        counted = [
            finding for finding in report.findings if finding.explained_by is None and finding.target not in optional
        ]
        assert [finding.id for finding in counted if finding.severity is not Severity.INFO] == []


@settings(
    max_examples=extent.examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(_evidence(), st.integers(0, 1000))
def test_whatever_was_seen_its_order_makes_no_difference(seen: Evidence, seed: int) -> None:
    shuffled = list(seen.observations)
    random.Random(seed).shuffle(shuffled)
    assume(shuffled != list(seen.observations))
    other = Evidence(Measurement(run=seen.run, targets=seen.targets, observations=tuple(shuffled)))
    assert codec.dumps(codec.encode(judge_evidence(other))) == codec.dumps(codec.encode(judge_evidence(seen)))
