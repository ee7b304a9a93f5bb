"""Statuses and access with signed calls, and what suppressing a finding changes."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.verdict import judge_evidence
from agent.report.model import Access, Fix, Path, Report, Status
from agent.settings import Calls, Suppression
from probes.model import Addressing, Observation, Target
from tests.support.build import (
    BACKUP,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    Observations,
    addresses,
    context,
    evidence,
    finding,
    finding_ids,
    here,
    http,
    imds,
    optional,
    replaced,
    run,
    sdk,
    status_of,
    target,
    tcp,
    tls,
)
from tests.support.calls import NO_KEYS, answered, api, called, credentials

A, B = PRIVATE
SIGNED: Final = run(calls=Calls.EACH)
WHO: Final = "User: x is not authorized to perform: backup:ListBackupVaults"
SILENT: Final = f"{WHO} because no VPC endpoint policy allows the backup:ListBackupVaults action"
IDENTITY: Final = f"{WHO} because no identity-based policy allows the backup:ListBackupVaults action"


def judged(
    observations: Observations,
    *targets: Target,
    signed: bool = True,
    suppress: Sequence[str] = (),
    complete: bool = True,
) -> Report:
    """The report of a run; `suppress` has the form of `--suppress`."""
    names = [name.partition("=") for name in suppress]
    return judge_evidence(
        evidence(
            observations,
            targets=targets or (BACKUP,),
            of=run(calls=Calls.EACH if signed else Calls.NONE, complete=complete),
        ),
        suppress=[Suppression(code=code, target=of or None) for code, _, of in names],
    )


def changed(*observations: Observation[Any], targets: Sequence[Target] = (BACKUP,)) -> Observations:
    return replaced(called(*targets), *observations)


def verdict(report: Report) -> tuple[Status, Access, list[str]]:
    return report.verdict.status, report.verdict.access, finding_ids(report)


# --- Status and access -----------------------------------------------------------------------------------------------


def test_ok_needs_a_good_call() -> None:
    assert verdict(judged(called())) == (Status.OK, Access.ALLOWED, [])
    for address in PRIVATE:
        report = judged([observation for observation in called() if observation.id != f"api/backup/{address}/443"])
        assert report.verdict.status is Status.UNKNOWN
        assert f"the signed call at {address}:443 was not made" in report.targets[0].unproven


def test_without_signed_calls_none_is_needed() -> None:
    plain = [observation for observation in called() if observation.subject.step not in ("api", "credentials")]
    assert verdict(judged(plain, signed=False)) == (Status.OK, Access.NOT_TRIED, [])


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        pytest.param(
            [api(address, failed="access-denied", text=IDENTITY) for address in PRIVATE],
            (Status.WARNING, Access.DENIED, ["IAM003@backup"]),
            id="an identity policy",
        ),
        pytest.param(
            [api(address, failed="access-denied", text=SILENT) for address in PRIVATE],
            (Status.CRITICAL, Access.DENIED, ["IAM001@backup"]),
            id="an endpoint's policy",
        ),
        pytest.param(
            [api(address, failed="access-denied", text=WHO) for address in PRIVATE],
            (Status.WARNING, Access.DENIED, ["IAM009@backup"]),
            id="nobody knows whose policy",
        ),
        pytest.param(
            [api(address, failed="throttled") for address in PRIVATE],
            (Status.WARNING, Access.UNKNOWN, ["API007@backup"]),
            id="too many calls",
        ),
        pytest.param(
            [api(address, failed="credentials-expired") for address in PRIVATE],
            (Status.CRITICAL, Access.DENIED, ["API002"]),
            id="expired",
        ),
        pytest.param(
            [api(address, failed="service-error") for address in PRIVATE],
            (Status.WARNING, Access.UNKNOWN, ["HTTP005@backup"]),
            id="a fault of the service",
        ),
        pytest.param(
            [api(A, failed="access-denied", text=IDENTITY)],
            (Status.WARNING, Access.DENIED, ["IAM003@backup"]),
            id="at one of two addresses",
        ),
        pytest.param(
            [api(A, failed="timeout")], (Status.CRITICAL, Access.ALLOWED, ["HTTP004@backup"]), id="no answer at one"
        ),
        pytest.param(
            [api(A, failed="not-aws")], (Status.CRITICAL, Access.ALLOWED, ["HTTP001@backup"]), id="a portal at one"
        ),
        pytest.param(
            [api(A, failed="malformed")], (Status.CRITICAL, Access.ALLOWED, ["RUN003"]), id="half an answer at one"
        ),
        pytest.param([api(A, failed="deadline")], (Status.UNKNOWN, Access.ALLOWED, []), id="cut short at one"),
        pytest.param(
            [api(address, failed="deadline") for address in PRIVATE], (Status.UNKNOWN, Access.UNKNOWN, []), id="at all"
        ),
        pytest.param(
            [api(address, skipped="for no reason") for address in PRIVATE],
            (Status.UNKNOWN, Access.UNKNOWN, []),
            id="skipped, and no finding says why",
        ),
        pytest.param(
            [credentials(failed="no-credentials"), *(api(address, skipped=NO_KEYS) for address in PRIVATE)],
            (Status.WARNING, Access.NOT_TRIED, ["API001"]),
            id="no credentials",
        ),
        pytest.param(
            [
                credentials(failed="no-credentials", code="CredentialRetrievalError"),
                *(api(address, skipped=NO_KEYS) for address in PRIVATE),
            ],
            (Status.WARNING, Access.NOT_TRIED, ["API010"]),
            id="a source fails",
        ),
        pytest.param(
            [credentials(failed="deadline"), *(api(address, skipped="not started") for address in PRIVATE)],
            (Status.UNKNOWN, Access.UNKNOWN, []),
            id="the search for credentials was cut short",
        ),
        pytest.param(
            [credentials(failed="bug"), *(api(address, skipped=NO_KEYS) for address in PRIVATE)],
            (Status.UNKNOWN, Access.UNKNOWN, ["RUN002"]),
            id="a fault of ours took the credentials",
        ),
        pytest.param(
            [
                credentials(failed="no-credentials"),
                *(api(address, skipped=NO_KEYS) for address in PRIVATE),
                imds(failed="timeout"),
            ],
            (Status.WARNING, Access.NOT_TRIED, ["ENV002", "API001"]),
            id="no credentials for want of metadata",
        ),
    ],
)
def test_status_and_access(observations: Observations, expected: tuple[Status, Access, list[str]]) -> None:
    assert verdict(judged(changed(*observations))) == expected


def test_a_cause_that_says_nothing_of_an_answer_does_not_excuse_it() -> None:
    # The clock is read from every answer, even from incomplete ones. A wrong clock is not a reason for an incomplete
    # answer.
    observations = changed(
        *(answered(address, offset=90.0) for address in PRIVATE), api(A, failed="malformed", offset=90.0)
    )
    report = judged(observations)
    assert set(finding_ids(report)) == {"RUN003", "ENV010"}
    assert report.verdict.status is status_of(report) is Status.CRITICAL


def test_a_failure_without_a_name_is_no_mere_warning_because_a_url_is_set() -> None:
    # A setting explains failures at the host that it chose, and gets their severity.
    custom = target(host="backup.example.com", addressing=Addressing.CUSTOM)
    observations = replaced(
        called(custom),
        sdk(urls={"backup": "https://backup.example.com"}),
        tls(A, of=custom.id, failed="reset"),
        http(A, of=custom.id, skipped="tls failed: reset"),
        api(A, of=custom.id, skipped="tls failed: reset"),
    )
    report = judged(observations, custom)
    assert report.verdict.status is status_of(report, custom.id) is Status.CRITICAL


def test_an_answer_to_the_signed_call_outranks_the_unsigned_one() -> None:
    observations = changed(*(answered(address, failed="not-aws", request_id=None) for address in PRIVATE))
    assert verdict(judged(observations)) == (Status.OK, Access.ALLOWED, [])


@pytest.mark.parametrize(
    ("observations", "access"),
    [
        pytest.param([], Access.ALLOWED, id="both"),
        pytest.param(
            [api(address, failed="access-denied", text=IDENTITY) for address in PRIVATE], Access.DENIED, id="one denied"
        ),
        pytest.param([api(address, failed="deadline") for address in PRIVATE], Access.UNKNOWN, id="one unknown"),
    ],
)
def test_access_of_two_required_targets(observations: Observations, access: Access) -> None:
    report = judged(changed(*observations, targets=[BACKUP, GATEWAY]), BACKUP, GATEWAY)
    assert report.verdict.access is access


def test_access_of_an_optional_target_is_its_own() -> None:
    aside = optional(GATEWAY)
    denied = [
        api(address, of=GATEWAY.id, failed="access-denied", text=IDENTITY.replace("backup:", "backup-gateway:"))
        for address in PRIVATE
    ]
    report = judged(changed(*denied, targets=[BACKUP, aside]), BACKUP, aside)
    assert report.verdict.access is Access.ALLOWED
    assert [target.access for target in report.targets] == [Access.ALLOWED, Access.DENIED]


# --- Optional and context --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "severity"),
    [(SILENT, Severity.CRITICAL), (IDENTITY, Severity.WARNING), (WHO, Severity.WARNING)],
)
def test_an_optional_target_is_as_bad_as_it_is_and_does_not_count(text: str, severity: Severity) -> None:
    aside = optional(GATEWAY)
    denied = [api(address, of=GATEWAY.id, failed="access-denied", text=text) for address in PRIVATE]
    report = judged(changed(*denied, targets=[BACKUP, aside]), BACKUP, aside)
    assert status_of(report) is Status.OK
    assert status_of(report, GATEWAY.id) is Status(severity)
    assert report.verdict.status is Status.OK
    assert {(finding.severity, finding.counts) for finding in report.findings} == {(severity, False)}


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([api(A, failed="access-denied", text=SILENT)], id="denied"),
        pytest.param([api(A, failed="malformed")], id="half an answer"),
        pytest.param([answered(A, failed="redirect", request_id=None), api(A, skipped="http failed")], id="a portal"),
        pytest.param([api(A, failed="deadline")], id="cut short"),
        pytest.param([api(A, failed="signature")], id="a bad signature"),
    ],
)
def test_a_target_for_comparison_never_raises(observations: Observations) -> None:
    used = target(
        host="vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE
    )
    report = judged(replaced([*called(used), *called(BACKUP)], *observations), used, context(BACKUP))
    assert (report.verdict.status, report.verdict.access) == (Status.OK, Access.ALLOWED)
    assert not any(finding.counts for finding in report.findings)


# --- Suppression -----------------------------------------------------------------------------------------------------

DENIED: Final = changed(*(api(address, failed="access-denied", text=IDENTITY) for address in PRIVATE))


@pytest.mark.parametrize(
    ("suppress", "hidden"),
    [
        pytest.param(["IAM003"], True, id="the code everywhere"),
        pytest.param(["IAM003=backup"], True, id="at this target"),
        pytest.param(["IAM003=backup-gateway"], False, id="at another"),
        pytest.param(["IAM004"], False, id="another code"),
    ],
)
def test_a_suppressed_finding_is_listed_and_sets_no_status(suppress: list[str], hidden: bool) -> None:
    report = judged(DENIED, suppress=suppress)
    assert finding_ids(report) == ["IAM003@backup"]
    assert finding(report, "IAM003@backup").suppressed is hidden
    expected = Status.OK if hidden else Status.WARNING
    assert report.verdict.status is status_of(report) is expected
    assert report.verdict.access is Access.DENIED, "what was seen stays what it is"


def test_the_summary_counts_what_is_suppressed_and_claims_nothing_for_it() -> None:
    observations = [
        *here("backup", A),
        tcp(A, failed="timeout"),
        tls(A, skipped="tcp failed"),
        http(A, skipped="tcp failed"),
    ]
    report = judged(observations, signed=False, suppress=["TCP001"])
    assert report.verdict.status is Status.OK
    assert report.verdict.path is Path.UNREACHABLE
    assert report.verdict.summary == "nothing that counts was found (1 suppressed)"


def test_a_suppressed_cause_takes_along_what_it_alone_explains_and_proves_nothing() -> None:
    observations = [
        *here("backup", PUBLIC),
        tcp(PUBLIC, failed="timeout"),
        tls(PUBLIC, skipped="x"),
        http(PUBLIC, skipped="x"),
    ]
    report = judged(observations, signed=False, suppress=["DNS001"])
    assert finding_ids(report) == ["TCP001@backup", "DNS001@backup"]
    assert finding(report, "TCP001@backup").explained_by == "DNS001@backup"
    assert not finding(report, "TCP001@backup").suppressed
    # The user accepted a public path, but not a path without any answer.
    assert report.verdict.status is status_of(report) is Status.UNKNOWN
    assert judged(observations, signed=False).verdict.status is Status.CRITICAL


def test_what_two_causes_explain_stays_with_the_one_that_counts() -> None:
    rules = [
        says("ENV005", severity=Severity.WARNING),
        says("ENV004", severity=Severity.WARNING),
        says("TLS004", severity=Severity.CRITICAL),
    ]
    seen = evidence(called(), of=SIGNED)
    plain = {finding.id: finding for finding in diagnose(seen, rules).findings}
    assert plain["TLS004@backup"].explained_by == "ENV005@backup"
    report = judge_evidence(seen, rules, suppress=[Suppression(code="ENV005", target=None)])
    assert finding(report, "TLS004@backup").explained_by == "ENV004@backup"
    assert finding(report, "ENV004@backup").severity is Severity.CRITICAL
    assert report.verdict.status is Status.CRITICAL


def test_a_suppressed_symptom_makes_its_cause_no_worse() -> None:
    rules = [says("ENV005", severity=Severity.WARNING), says("TLS004", severity=Severity.CRITICAL)]
    seen = evidence(called(), of=SIGNED)
    assert judge_evidence(seen, rules).verdict.status is Status.CRITICAL
    report = judge_evidence(seen, rules, suppress=[Suppression(code="TLS004", target=None)])
    assert finding(report, "ENV005@backup").severity is Severity.WARNING
    assert report.verdict.status is status_of(report) is Status.WARNING


def test_suppressing_hides_no_other_fault() -> None:
    observations = changed(api(A, failed="access-denied", text=IDENTITY), api(B, failed="throttled"))
    report = judged(observations, suppress=["IAM003"])
    assert set(finding_ids(report)) == {"IAM003@backup", "API007@backup"}
    assert report.verdict.status is Status.WARNING
    assert report.verdict.summary == "backup: AWS asks for fewer calls, at 10.0.2.17 (1 suppressed)"


def says(code: str, *, severity: Severity) -> Rule:
    """A rule that always reports a finding about Backup."""
    one = RuleFinding(
        code=code,
        target="backup",
        detail="so it is",
        evidence=(),
        fix=Fix(summary="fix it"),
        addresses=frozenset(addresses(*PRIVATE)),
        severity=severity,
    )
    return Rule(code, needs=(), check=lambda _: [one])
