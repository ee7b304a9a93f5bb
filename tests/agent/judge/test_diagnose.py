"""From evidence to findings: causes, severities and order. Every failure gets a code."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from agent.catalog.findings import CODES, Layer, Scope, Severity
from agent.fixes.commands import read_only
from agent.judge.causality import EXPLAINS, Effects, Explains, Reach
from agent.judge.diagnose import NO_EC2, diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.verdict import judge_evidence
from agent.report import codec
from agent.report.model import Finding, Fix
from agent.settings import Suppression
from probes.model import Addressing, Observation, Role, Skipped, Step, Target
from probes.vpc.model import ENDPOINTS, VpcEndpoint
from tests.support.build import (
    BACKUP,
    CORE,
    CORPORATE,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    addresses,
    answer,
    climbed,
    context,
    evidence,
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
    target,
    tcp,
    tls,
)
from tests.support.configured import ENDPOINT_GROUP_ID, ENDPOINT_ID, configured, endpoint, endpoints_facts, read

A, B = PRIVATE


def says(
    code: str,
    of: str | None = "backup",
    *,
    severity: Severity | None = None,
    at: Iterable[str] = (),
    shows: tuple[str, ...] = (),
    detail: str = "so it is",
    stale: bool = False,
    of_this_host: bool = False,
) -> Rule:
    """A rule that always fires."""
    finding = RuleFinding(
        code=code,
        target=of,
        detail=detail,
        evidence=shows,
        fix=Fix(summary="fix it"),
        addresses=frozenset(addresses(*at)),
        severity=severity,
        is_stale=stale,
        of_this_host=of_this_host,
    )
    return Rule(code, needs=(), check=lambda _: [finding])


def crashes(code: str) -> Rule:
    def check(_: Evidence) -> Iterable[RuleFinding]:
        raise ZeroDivisionError(f"in {code}")

    return Rule(code, needs=(), check=check)


def findings(seen: Evidence, *rules: Rule) -> dict[str, Finding]:
    return {finding.id: finding for finding in diagnose(seen, rules).findings}


def causes(seen: Evidence, *rules: Rule) -> dict[str, str | None]:
    return {name: finding.explained_by for name, finding in findings(seen, *rules).items()}


def well(*targets: Target) -> Evidence:
    return evidence(healthy(*targets or (BACKUP,)), targets=targets or (BACKUP,))


# --- The table of causes --------------------------------------------------------------------------------------------


def symptoms_of(code: str) -> set[str]:
    """The codes that a code can explain. A row that depends on the reach of an address explains no code about names."""
    return {symptom for row in EXPLAINS if row.cause == code for symptom in codes_of_row(row)}


def codes_of_row(row: Explains) -> set[str]:
    if not isinstance(row.symptom, Effects):
        return {row.symptom}
    above = {code.code for code in CODES.values() if row.reach is not Reach.ADDRESS or code.layer is not Layer.NAME}
    return {code for code in above if row.symptom.include(CODES[code])}


def test_explains_has_no_cycle() -> None:
    def walk(code: str, above: tuple[str, ...]) -> None:
        assert code not in above, " explains ".join((*above, code))
        for symptom in symptoms_of(code):
            walk(symptom, (*above, code))

    for code in CODES:
        walk(code, ())


def test_explains_names_codes_that_exist() -> None:
    for row in EXPLAINS:
        assert row.cause in CODES
        assert codes_of_row(row) <= set(CODES)
        assert codes_of_row(row)


CREDENTIALS_AND_ACCOUNT = {"API001", "API002", "API003", "API005", "API007", "API008", "API010", "API011", "API012"}
SERVICE_AND_PROXY = {"HTTP003", "HTTP005"}
BESIDE_WHAT_WORKS = {"TCP002", "TCP003", "TCP007", "TCP008"}
NOT_OF_A_NAME = {"DNS002", "DNS004", "DNS012", "DNS014", "DNS015", "DNS016"}
"""Findings that name servers differ, or that one of them does not answer."""
ABOVE_TLS = {code.code for code in CODES.values() if code.layer not in (Layer.HTTP, Layer.CALL)}


@pytest.mark.parametrize(
    "row", [row for row in EXPLAINS if isinstance(row.symptom, Effects)], ids=lambda row: f"{row.cause} {row.symptom}"
)
def test_what_a_row_over_many_codes_must_not_explain(row: Explains) -> None:
    """A row about an address, a name or a server explains only the findings that it can cause."""
    never = CREDENTIALS_AND_ACCOUNT | SERVICE_AND_PROXY | {"IAM001", "IAM002", "IAM009"}
    never |= {code.code for code in CODES.values() if code.layer in (Layer.HOST, Layer.CONFIGURATION, Layer.RUN)}
    match row.symptom:
        case Effects.ADDRESS:
            assert row.reach is Reach.ADDRESS
            never |= {code.code for code in CODES.values() if code.layer is Layer.NAME} | {"API004"}
        case Effects.NAME:
            never |= NOT_OF_A_NAME | {"API004"}
        case Effects.REGION:
            never |= {code.code for code in CODES.values() if code.layer in (Layer.CONNECTION, Layer.TLS, Layer.HTTP)}
            never |= NOT_OF_A_NAME | {"API004", "API009"}
        case Effects.SERVER:
            never |= ABOVE_TLS
        case Effects.PATH_CONDITION:
            never |= {code.code for code in CODES.values() if code.layer is not Layer.POLICY}
    assert codes_of_row(row) & never == set()


@pytest.mark.parametrize("cause", ["DNS001", "DNS002", "DNS008", "DNS010", "DNS011", "VPC010", "ENV009"])
@pytest.mark.parametrize(
    ("symptom", "is_explained"),
    [
        *((code, True) for code in ("TCP001", "TCP004", "TCP008", "TLS001", "TLS003", "HTTP001", "HTTP004", "API009")),
        *((code, False) for code in ("API004", "API005", "API007", "API008", "HTTP005", "IAM003", "IAM009")),
        *((code, False) for code in ("TCP005", "TCP011", "TLS008")),
    ],
)
def test_an_address_explains_what_an_address_can_cause(cause: str, symptom: str, is_explained: bool) -> None:
    # A cause from the configuration is reported only if it explains something.
    rules = [says(cause, at=[PUBLIC]), says("TCP006", at=[PUBLIC]), says(symptom, at=[PUBLIC])]
    expected = f"{cause}@backup" if is_explained else None
    assert causes(well(), *rules)[f"{symptom}@backup"] == expected


@pytest.mark.parametrize(("may_need_path", "expected"), [(True, "DNS001@backup"), (False, None)])
def test_an_address_explains_a_denial_that_may_need_the_path(may_need_path: bool, expected: str | None) -> None:
    [denial] = says("IAM003", at=[PUBLIC]).check(well())
    rule = Rule("IAM003", needs=(), check=lambda _: [replace(denial, may_need_path=may_need_path)])
    assert causes(well(), says("DNS001", at=[PUBLIC]), rule)["IAM003@backup"] == expected


@pytest.mark.parametrize("cause", ["ENV004", "ENV005"])
@pytest.mark.parametrize(
    ("symptom", "is_explained"),
    [
        *((code, True) for code in ("DNS001", "DNS003", "TCP001", "TLS003", "HTTP001")),
        *((code, False) for code in sorted({"DNS002", "DNS015", "API007", "TLS008", "TCP005", *BESIDE_WHAT_WORKS})),
    ],
)
def test_a_wrong_name_explains_no_fault_beside_what_works(cause: str, symptom: str, is_explained: bool) -> None:
    expected = f"{cause}@backup" if is_explained else None
    assert causes(well(), says(cause), says(symptom, at=[A]))[f"{symptom}@backup"] == expected


@pytest.mark.parametrize(
    ("symptom", "is_explained"), [("DNS001", True), ("DNS003", True), ("TCP002", False), ("TLS004", False)]
)
def test_env006_explains_public_answers_and_a_name_that_does_not_exist(symptom: str, is_explained: bool) -> None:
    expected = "ENV006@backup" if is_explained else None
    assert causes(well(), says("ENV006"), says(symptom, at=[A]))[f"{symptom}@backup"] == expected


def test_env008_explains_names_of_its_region_alone() -> None:
    named = target(host="backup.example.com", addressing=Addressing.CUSTOM)
    seen = evidence(healthy(BACKUP), targets=[BACKUP, named])
    rules = [says("ENV008", None), says("DNS003"), says("DNS001", named.id), says("TLS001", at=[A])]
    cause_of = causes(seen, *rules)
    assert cause_of == {"ENV008": None, "DNS003@backup": "ENV008", f"DNS001@{named.id}": None, "TLS001@backup": None}


@pytest.mark.parametrize("cause", ["TLS001", "TLS003"])
def test_another_server_explains_what_it_answers_at_that_address(cause: str) -> None:
    rules = [says(cause, at=[A]), says("HTTP001", at=[A]), says("API009", at=[A]), says("HTTP002", at=[A, B])]
    rules += [says("API007", at=[A]), says("HTTP005", at=[A])]
    assert causes(well(), *rules) == {
        f"{cause}@backup": None,
        "HTTP001@backup": f"{cause}@backup",
        "API009@backup": f"{cause}@backup",
        "HTTP002@backup": None,
        "API007@backup": None,
        "HTTP005@backup": None,
    }


def test_rules_and_codes_agree() -> None:
    for rule in RULES:
        assert rule.code in CODES


# --- What explains what ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            [says("DNS001", at=[PUBLIC]), says("TCP001", at=[PUBLIC])],
            {"DNS001@backup": None, "TCP001@backup": "DNS001@backup"},
            id="by address",
        ),
        pytest.param(
            [says("DNS001", at=[PUBLIC]), says("TCP001", at=[PUBLIC, A])],
            {"DNS001@backup": None, "TCP001@backup": None},
            id="by address, and one lies elsewhere",
        ),
        pytest.param(
            [says("DNS001", at=[PUBLIC]), says("TCP006")],
            {"DNS001@backup": None, "TCP006@backup": None},
            id="by address, and the symptom names none",
        ),
        pytest.param(
            [says("DNS001", at=[PUBLIC]), says("TCP001", "backup-gateway", at=[PUBLIC])],
            {"DNS001@backup": None, "TCP001@backup-gateway": None},
            id="by address, and the target is another",
        ),
        pytest.param(
            [says("DNS002", at=[PUBLIC]), says("DNS001", at=[PUBLIC]), says("TLS001", at=[PUBLIC])],
            {"DNS002@backup": None, "DNS001@backup": None, "TLS001@backup": "DNS002@backup"},
            id="a cause among names explains no other name; the first row counts",
        ),
        pytest.param(
            [says("DNS002"), says("DNS003"), says("DNS003", "backup-gateway")],
            {"DNS002@backup": None, "DNS003@backup": "DNS002@backup", "DNS003@backup-gateway": None},
            id="by target",
        ),
        pytest.param(
            [says("DNS004", RESOLVER), says("DNS002"), says("DNS003"), says("DNS002", "backup-gateway")],
            {
                f"DNS004@{RESOLVER}": None,
                "DNS002@backup": f"DNS004@{RESOLVER}",
                "DNS003@backup": "DNS002@backup",
                "DNS002@backup-gateway": f"DNS004@{RESOLVER}",
            },
            id="by run, and onwards",
        ),
        pytest.param(
            [says("DNS002", at=[PUBLIC]), says("ENV002", None, at=[PUBLIC]), says("RUN001", None, at=[PUBLIC])],
            {"DNS002@backup": None, "ENV002": None, "RUN001": None},
            id="by address, never what is above the target",
        ),
    ],
)
def test_causes(rules: list[Rule], expected: dict[str, str | None]) -> None:
    assert causes(well(BACKUP, GATEWAY), *rules) == expected


def sharing(code: str, of: str, *shared: str, severity: Severity | None = None) -> Rule:
    """A rule that always reports a finding. Other targets may share its cause."""
    [finding] = says(code, of, severity=severity).check(well())
    return Rule(code, needs=(), check=lambda _: [replace(finding, shared=frozenset(shared))])


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        pytest.param(["sg-1"], ["sg-1"], True, id="the same"),
        pytest.param(["sg-1", "sg-2"], ["sg-1"], True, id="a part of it"),
        pytest.param(["sg-1"], ["sg-1", "sg-2"], False, id="more than it"),
        pytest.param(["sg-1"], ["sg-2"], False, id="another"),
        pytest.param(["sg-1"], [], False, id="not known"),
        pytest.param([], [], False, id="neither known"),
    ],
)
def test_one_cause_is_one_finding_across_services(first: list[str], second: list[str], is_one: bool) -> None:
    seen = well(BACKUP, GATEWAY)
    by_id = findings(seen, sharing("TLS004", "backup", *first), sharing("TLS004", "backup-gateway", *second))
    assert by_id["TLS004@backup"].explained_by is None
    assert by_id["TLS004@backup-gateway"].explained_by == ("TLS004@backup" if is_one else None)
    assert ("The same holds for backup-gateway." in by_id["TLS004@backup"].detail) is is_one


def test_the_first_required_target_speaks_for_the_others() -> None:
    seen = evidence(healthy(BACKUP, GATEWAY), targets=[optional(BACKUP), GATEWAY])
    by_id = findings(seen, sharing("ENV007", "backup", "proxy"), sharing("ENV007", "backup-gateway", "proxy"))
    assert by_id["ENV007@backup"].explained_by == "ENV007@backup-gateway"
    assert by_id["ENV007@backup-gateway"].explained_by is None
    assert by_id["ENV007@backup-gateway"].detail == "so it is The same holds for backup."


def test_what_has_a_cause_keeps_it_and_other_kinds_are_not_the_same() -> None:
    seen = well(BACKUP, GATEWAY)
    rules = [
        sharing("ENV007", "backup-gateway", "x"),
        sharing("HTTP003", "backup", "x"),
        sharing("HTTP003", "backup-gateway", "x"),
        sharing("TCP006", "backup", "x"),
    ]
    cause_of = causes(seen, *rules)
    assert cause_of["HTTP003@backup-gateway"] == "ENV007@backup-gateway"
    assert cause_of["HTTP003@backup"] is cause_of["TCP006@backup"] is cause_of["ENV007@backup-gateway"] is None


def test_information_explains_nothing() -> None:
    loud = [says("DNS002", severity=Severity.WARNING), says("DNS003")]
    quiet = [says("DNS002", severity=Severity.INFO), says("DNS003")]
    assert causes(well(), *loud)["DNS003@backup"] == "DNS002@backup"
    assert causes(well(), *quiet)["DNS003@backup"] is None


@pytest.mark.parametrize("role", [Role.OPTIONAL, Role.CONTEXT])
def test_what_does_not_count_keeps_its_links(role: Role) -> None:
    beside = evidence(healthy(BACKUP), targets=[replace(BACKUP, role=role)])
    by_id = findings(beside, says("DNS002"), says("DNS003"))
    assert by_id["DNS003@backup"].explained_by == "DNS002@backup"
    assert {(finding.severity, finding.counts) for finding in by_id.values()} == {(Severity.CRITICAL, False)}


def test_what_does_not_count_explains_nothing_that_does() -> None:
    seen = evidence(well(BACKUP, GATEWAY).observations, targets=[BACKUP, optional(GATEWAY)])
    by_id = findings(seen, says("VPC015", GATEWAY.id), says("DNS003", GATEWAY.id), says("DNS004", RESOLVER))
    assert by_id[f"DNS004@{RESOLVER}"].counts
    assert by_id[f"DNS004@{RESOLVER}"].explained_by is None


# --- Severity -------------------------------------------------------------------------------------------------------


def test_a_cause_is_as_bad_as_the_worst_that_it_explains() -> None:
    rules = [
        says("DNS004", RESOLVER, severity=Severity.WARNING),
        says("DNS002", severity=Severity.WARNING),
        says("DNS003", severity=Severity.CRITICAL),
    ]
    assert {finding.severity for finding in findings(well(), *rules).values()} == {Severity.CRITICAL}
    alone = findings(well(), *rules[:2])
    assert {finding.severity for finding in alone.values()} == {Severity.WARNING}


def test_a_symptom_does_not_rise_with_its_cause() -> None:
    by_id = findings(well(), says("DNS002"), says("DNS003", severity=Severity.WARNING))
    assert by_id["DNS002@backup"].severity is Severity.CRITICAL
    assert by_id["DNS003@backup"].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("role", "counts"),
    [
        pytest.param(Role.REQUIRED, True, id="required"),
        pytest.param(Role.OPTIONAL, False, id="optional"),
        pytest.param(Role.CONTEXT, False, id="context"),
    ],
)
@pytest.mark.parametrize("own", Severity)
def test_the_role_decides_whether_a_finding_counts_and_never_how_bad_it_is(
    role: Role, own: Severity, *, counts: bool
) -> None:
    seen = evidence(healthy(), targets=[replace(BACKUP, role=role)])
    finding = findings(seen, says("TCP001", severity=own))["TCP001@backup"]
    assert (finding.severity, finding.counts) == (own, counts)


def test_what_does_not_count_does_not_raise_a_cause_that_does() -> None:
    seen = evidence(healthy(GATEWAY), targets=[optional(GATEWAY)])
    rising = findings(
        seen, says("DNS004", RESOLVER, severity=Severity.WARNING), says("DNS002", "backup-gateway", severity=None)
    )
    assert rising["DNS002@backup-gateway"].severity is Severity.CRITICAL
    assert rising["DNS002@backup-gateway"].explained_by == f"DNS004@{RESOLVER}"
    cause = rising[f"DNS004@{RESOLVER}"]
    assert (cause.severity, cause.counts) == (Severity.WARNING, True)


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        pytest.param((), True, id="no step"),
        pytest.param(("tcp/backup-gateway/10.0.1.17/443",), False, id="of the optional target alone"),
        pytest.param(("tcp/backup-gateway/10.0.1.17/443", "tcp/backup/10.0.1.17/443"), True, id="of both"),
        pytest.param(("tcp/backup-gateway/10.0.1.17/443", "imds"), True, id="and one of the host"),
    ],
)
def test_a_finding_of_the_run_counts_where_it_rests_on_more_than_what_nobody_asked_for(
    steps: tuple[str, ...], *, counts: bool
) -> None:
    seen = evidence(healthy(BACKUP, GATEWAY), targets=[BACKUP, optional(GATEWAY)])
    assert all(seen.find(step) is not None for step in steps)
    by_id = findings(seen, says("API003", None, shows=steps))
    assert by_id["API003"].counts is counts


# --- Order ----------------------------------------------------------------------------------------------------------


def test_causes_come_first_then_the_worst_then_the_order_of_codes() -> None:
    rules = [
        says("TCP001", at=[PUBLIC]),
        says("TLS006", "backup-gateway"),
        says("TLS001", "backup-gateway"),
        says("TLS001", "backup"),
        says("DNS001", at=[PUBLIC]),
        says("ENV002", None, severity=Severity.WARNING),
        says("RUN001", None, severity=Severity.INFO),
    ]
    expected = [
        "DNS001@backup",
        "TLS001@backup",
        "TLS001@backup-gateway",
        "TLS006@backup-gateway",
        "ENV002",
        "RUN001",
        "TCP001@backup",
    ]
    for seed in range(5):
        random.Random(seed).shuffle(rules)
        assert list(findings(well(BACKUP, GATEWAY), *rules)) == expected


BAD_DAY: Observations = [
    *healthy(BACKUP, GATEWAY),
    lookup(PUBLIC),
    answer(PUBLIC, by=CORPORATE),
    answer(A, B, "64:ff9b::1", by=VPC_RESOLVER),
    tcp(PUBLIC, failed="timeout"),
    tcp(A, 1026, of="backup-gateway", failed="timeout"),
    tcp(B, 443, of="backup-gateway", failed="refused"),
    tls(A, of="backup-gateway", failed="tls-untrusted", issuer="CN=x", organization=None),
    http(A, of="backup-gateway", skipped="tls failed: tls-untrusted"),
    imds(failed="bug"),
]


def test_the_order_of_observations_makes_no_difference() -> None:
    def document(observations: Observations) -> str:
        targets = [BACKUP, GATEWAY]
        return codec.dumps(
            codec.encode(judge_evidence(evidence(observations, targets=targets, of=run(complete=False))))
        )

    expected = document(BAD_DAY)
    assert len(json.loads(expected)["findings"]) > 5
    shuffled = list({observation.id: observation for observation in BAD_DAY}.values())
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)
        assert document(shuffled) == expected


# --- What is missing for ok -----------------------------------------------------------------------------------------


def test_nothing_is_missing_in_a_healthy_run() -> None:
    diagnosis = diagnose(well(BACKUP, GATEWAY), CORE)
    assert diagnosis.findings == ()
    assert diagnosis.unproven == {"backup": (), "backup-gateway": ()}
    assert diagnosis.not_evaluated == ()


def test_run003_names_every_failed_step_of_required_targets() -> None:
    observations = replaced(
        healthy(BACKUP, GATEWAY),
        spoiled(tls(A), failed="reset"),
        http(A, skipped="tls failed: reset"),
        spoiled(tcp(B, 1028, of="backup-gateway"), failed="no-source-port"),
    )
    by_id = findings(evidence(observations, targets=[BACKUP, GATEWAY]), *CORE)
    assert list(by_id) == ["RUN003"]
    assert by_id["RUN003"].severity is Severity.CRITICAL
    assert by_id["RUN003"].scope is Scope.RUN
    assert by_id["RUN003"].evidence == ("tls/backup/10.0.1.17/443", "tcp/backup-gateway/10.0.2.17/1028")
    assert "tls/backup/10.0.1.17/443 (it said reset)" in by_id["RUN003"].detail


@pytest.mark.parametrize("target", [optional(GATEWAY), context(GATEWAY)], ids=["optional", "context"])
def test_run003_is_for_required_targets_alone(target: Target) -> None:
    observations = replaced(healthy(BACKUP, target), spoiled(tls(A, of=target.id), failed="reset"))
    diagnosis = diagnose(evidence(observations, targets=[BACKUP, target]), CORE)
    assert diagnosis.findings == ()
    assert diagnosis.unproven[target.id] == ("the TLS handshake at 10.0.1.17:443 failed: it said reset",)
    assert diagnosis.unproven["backup"] == ()


def test_run003_names_the_lowest_step_that_failed() -> None:
    observations = replaced(
        healthy(),
        spoiled(tcp(A), failed="closed"),
        tls(A, skipped="tcp failed: closed"),
        http(A, skipped="tcp failed: closed"),
    )
    assert findings(evidence(observations), *CORE)["RUN003"].evidence == ("tcp/backup/10.0.1.17/443",)
    both = replaced(healthy(), spoiled(tcp(A), failed="closed"), spoiled(tls(A), failed="reset"))
    assert findings(evidence(both), *CORE)["RUN003"].evidence == ("tcp/backup/10.0.1.17/443",)


def test_run003_does_not_look_away_from_a_failure_above_a_step_that_was_not_made() -> None:
    observations = replaced(healthy(), tcp(A, skipped="not started"), spoiled(tls(A), failed="reset"))
    diagnosis = diagnose(evidence(observations), CORE)
    assert [finding.evidence for finding in diagnosis.findings] == [("tls/backup/10.0.1.17/443",)]
    assert diagnosis.unproven["backup"] == ("the connect at 10.0.1.17:443 was skipped: not started",)
    cut = replaced(healthy(), spoiled(tcp(A), failed="deadline"), spoiled(tls(A), failed="reset"))
    assert [finding.evidence for finding in diagnose(evidence(cut), CORE).findings] == [("tls/backup/10.0.1.17/443",)]


def test_run003_is_about_what_the_target_needs() -> None:
    # Neither a failed answer of another resolver decides, nor an address that only that resolver knows.
    observations = [*healthy(), answer(failed="servfail", by=CORPORATE), tcp("10.0.9.9", failed="no-source-port")]
    assert findings(evidence(observations), *CORE) == {}
    # If a step depends on such an answer, RUN003 names the step, and not the answer.
    grown = tcp(A, failed="closed", after=f"dns/backup/{CORPORATE}/A")
    observations = replaced([*healthy(), answer(failed="servfail", by=CORPORATE)], grown)
    assert findings(evidence(observations), *CORE)["RUN003"].evidence == ("tcp/backup/10.0.1.17/443",)


def test_run003_does_not_repeat_what_a_finding_names() -> None:
    observations = replaced(healthy(), spoiled(tls(A), failed="reset"))
    named = says("TLS004", shows=("tls/backup/10.0.1.17/443",))
    assert list(findings(evidence(observations), named)) == ["TLS004@backup"]
    quiet = says("TLS004", severity=Severity.INFO, shows=("tls/backup/10.0.1.17/443",))
    assert list(findings(evidence(observations), quiet)) == ["RUN003", "TLS004@backup"], "information excuses nothing"
    lost = says("RUN002", None, shows=("tls/backup/10.0.1.17/443",))
    assert list(findings(evidence(observations), lost)) == ["RUN003", "RUN002"], "nor does a fault of our own"


def test_a_cause_by_address_names_what_fails_there() -> None:
    observations = [*here("backup", PUBLIC), *replaced(climbed(PUBLIC), spoiled(tls(PUBLIC), failed="reset"))]
    assert list(findings(evidence(observations), says("DNS001", at=[PUBLIC]))) == ["DNS001@backup"]
    assert set(findings(evidence(observations), says("TCP003", at=[PUBLIC]))) == {"RUN003", "TCP003@backup"}
    elsewhere = evidence([*observations, *healthy(GATEWAY)], targets=[BACKUP, GATEWAY])
    other = says("DNS001", "backup-gateway", at=[PUBLIC])
    assert set(findings(elsewhere, other)) == {"RUN003", "DNS001@backup-gateway"}, "another target's cause is not mine"


@pytest.mark.parametrize(
    ("observations", "words"),
    [
        pytest.param(
            [observation for observation in healthy() if observation.id != "tls/backup/10.0.1.17/443"],
            ("the TLS handshake at 10.0.1.17:443 was not made",),
            id="not made",
        ),
        pytest.param(
            replaced(healthy(), http(A, skipped="nobody asked")),
            ("the HTTP request at 10.0.1.17:443 was skipped: nobody asked",),
            id="skipped",
        ),
        pytest.param(
            replaced(healthy(), spoiled(tls(A), failed="deadline"), http(A, skipped="not started")),
            ("the TLS handshake at 10.0.1.17:443: it said deadline",),
            id="cut short, and what rests on it",
        ),
        pytest.param(
            replaced(healthy(), spoiled(tcp(A), failed="bug")),
            ("the connect at 10.0.1.17:443: it said bug",),
            id="crashed",
        ),
        pytest.param(
            replaced(healthy(), sdk(failed="malformed")),
            ("what this host is set to (sdk-settings): it said malformed",),
            id="settings that cannot be read are not faults of the path",
        ),
        pytest.param(
            replaced(healthy(), proxy("http://10.0.0.9:3128")),
            (
                "calls to backup.eu-west-1.amazonaws.com go through the proxy http://10.0.0.9:3128, and only the "
                "direct way was measured",
            ),
            id="a proxy",
        ),
        pytest.param(
            replaced(healthy(), sdk(urls={"backup": "http://backup.eu-west-1.amazonaws.com"})),
            ("calls go to http://backup.eu-west-1.amazonaws.com, and only HTTPS on port 443 was measured",),
            id="a URL without TLS",
        ),
        pytest.param(
            replaced(healthy(), sdk(urls={"backup": "https://backup.eu-west-1.amazonaws.com:8443"})),
            ("calls go to https://backup.eu-west-1.amazonaws.com:8443, and only HTTPS on port 443 was measured",),
            id="a URL with another port",
        ),
        pytest.param(
            replaced(healthy(), sdk(urls={"backup": "https://backup.eu-west-1.amazonaws.com:443"})),
            (),
            id="a URL that is the default",
        ),
        pytest.param(
            replaced(healthy(), sdk(urls={"backup-gateway": "http://gateway.example"})),
            (),
            id="a URL of another service",
        ),
        pytest.param(
            [host(), sdk(), proxy(), lookup()],
            ("backup.eu-west-1.amazonaws.com gave no address that this host can use",),
            id="a lookup that gave nothing and did not fail",
        ),
        pytest.param(
            [host("127.0.0.1/8"), sdk(), proxy(), lookup(A)],
            ("backup.eu-west-1.amazonaws.com gave no address that this host can use",),
            id="a host without an address of its own, and no rule that says so",
        ),
        pytest.param(
            [*healthy(), lookup(A, B, "127.0.0.1"), *climbed("127.0.0.1")],
            ("127.0.0.1 is loopback, where private was expected",),
            id="an address on loopback",
        ),
    ],
)
def test_what_is_missing_is_said_in_words(observations: Observations, words: tuple[str, ...]) -> None:
    rules = [rule for rule in CORE if rule.code != "TCP006"]
    diagnosis = diagnose(evidence(observations), rules)
    assert diagnosis.unproven == {"backup": words}
    assert {finding.code for finding in diagnosis.findings} <= {"RUN002"}


def test_what_a_finding_names_is_not_said_again() -> None:
    diagnosis = diagnose(evidence([host("127.0.0.1/8"), sdk(), proxy(), lookup(A)]), CORE)
    assert [finding.id for finding in diagnosis.findings] == ["TCP006@backup"]
    assert diagnosis.unproven == {"backup": ()}


def test_the_default_host_for_comparison_is_not_called_by_the_url() -> None:
    called = target(host="backup.example.com")
    observations = replaced(healthy(called, BACKUP), sdk(urls={"backup": "http://backup.example.com"}))
    unproven = diagnose(evidence(observations, targets=[called, context(BACKUP)]), CORE).unproven
    assert unproven[called.id] == ("calls go to http://backup.example.com, and only HTTPS on port 443 was measured",)
    assert unproven["backup"] == ()


def test_a_public_target_for_comparison_is_not_in_use() -> None:
    # Private DNS is off, and calls use the endpoint's own name: this is supported, and nothing about it is unknown.
    called = target(host="vpce-1.backup.eu-west-1.vpce.amazonaws.com")
    observations = [*healthy(called), *here("backup", PUBLIC), *climbed(PUBLIC)]
    diagnosis = diagnose(evidence(observations, targets=[called, context(BACKUP)]), CORE)
    assert diagnosis.findings == ()
    assert diagnosis.unproven == {called.id: ()}


def test_a_private_target_for_comparison_has_findings_that_do_not_count() -> None:
    called = target(host="vpce-1.backup.eu-west-1.vpce.amazonaws.com")
    observations = [*healthy(called), *here("backup", A), *replaced(climbed(A), tcp(A, failed="timeout"))]
    diagnosis = diagnose(evidence(observations, targets=[called, context(BACKUP)]), CORE)
    assert [(finding.id, finding.severity, finding.counts) for finding in diagnosis.findings] == [
        ("TCP001@backup", Severity.CRITICAL, False)
    ]
    assert diagnosis.unproven == {called.id: (), "backup": ()}


# --- Faults of this program -----------------------------------------------------------------------------------------


def test_a_rule_that_crashes_is_a_finding_and_the_others_still_speak() -> None:
    by_id = findings(well(), says("TLS001"), crashes("TCP001"), says("TLS003"))
    assert list(by_id) == ["TLS001@backup", "TLS003@backup", "RUN002"]
    assert by_id["RUN002"].severity is Severity.WARNING
    assert "The rule TCP001 failed" in by_id["RUN002"].detail
    assert "ZeroDivisionError: in TCP001" in by_id["RUN002"].detail


def test_a_rule_that_crashes_half_way() -> None:
    def check(_: Evidence) -> Iterable[RuleFinding]:
        yield RuleFinding(code="TLS001", target="backup", detail="so it is", evidence=(), fix=Fix(summary="fix it"))
        raise KeyError("late")

    assert list(findings(well(), Rule("TLS001", needs=(), check=check))) == ["RUN002"]


def test_several_faults_of_our_own_are_one_finding() -> None:
    observations = replaced(healthy(), spoiled(tcp(A), failed="bug"))
    by_id = findings(evidence(observations), crashes("TCP001"), crashes("DNS001"), *CORE)
    assert list(by_id) == ["RUN002"]
    detail = by_id["RUN002"].detail
    assert "The rule TCP001 failed" in detail
    assert "The rule DNS001 failed" in detail
    assert "1 step could not be made" in detail
    assert by_id["RUN002"].evidence == ("tcp/backup/10.0.1.17/443",)


def test_findings_of_one_id_are_one_finding() -> None:
    rules = [
        says("TLS001", at=[A], shows=("tls/backup/10.0.1.17/443",), severity=Severity.INFO, detail="one"),
        says("TLS001", at=[B], shows=("tls/backup/10.0.2.17/443",), detail="two"),
        says("TLS001", "backup-gateway", detail="three"),
    ]
    by_id = findings(well(BACKUP, GATEWAY), *rules)
    assert list(by_id) == ["TLS001@backup", "TLS001@backup-gateway"]
    both = by_id["TLS001@backup"]
    assert both.detail == "one two"
    assert both.severity is Severity.CRITICAL
    assert both.evidence == ("tls/backup/10.0.1.17/443", "tls/backup/10.0.2.17/443")


def test_a_crash_excuses_no_failure() -> None:
    observations = replaced(healthy(), spoiled(tls(A), failed="tls-untrusted"))
    assert list(findings(evidence(observations), crashes("TLS001"))) == ["RUN003", "RUN002"]


# --- Rules that are not evaluated -----------------------------------------------------------------------------------


def test_an_optional_service_that_is_not_in_use_is_not_judged() -> None:
    aside = optional(GATEWAY)
    observations = [*healthy(), *here("backup-gateway", PUBLIC), tcp(PUBLIC, of="backup-gateway", skipped="not in use")]
    diagnosis = diagnose(evidence(observations, targets=[BACKUP, aside]), CORE)
    assert diagnosis.findings == ()
    assert "backup-gateway" not in diagnosis.unproven
    reasons = {missing.reason for missing in diagnosis.not_evaluated}
    assert reasons == {"not asked for, and public here"}
    asked = {rule.code for rule in CORE if CODES[rule.code].scope is not Scope.RUN}
    assert {missing.code for missing in diagnosis.not_evaluated} == asked
    assert {missing.target for missing in diagnosis.not_evaluated} == {"backup-gateway"}


def test_a_finding_about_a_target_that_is_not_in_use_is_dropped() -> None:
    observations = [*healthy(), *here("backup-gateway", PUBLIC)]
    seen = evidence(observations, targets=[BACKUP, optional(GATEWAY)])
    assert list(findings(seen, says("TLS001", "backup-gateway"), says("TLS001"))) == ["TLS001@backup"]


def test_without_a_target_every_rule_about_one_is_listed() -> None:
    diagnosis = diagnose(
        evidence([host(), sdk(region=None), imds(failed="timeout")], targets=[], of=run(region=None)), CORE
    )
    reasons = {(missing.target, missing.reason) for missing in diagnosis.not_evaluated}
    assert reasons == {(None, "no Region is known, so no host can be checked")}
    early = diagnose(evidence([], targets=[], of=run(complete=False)), CORE)
    assert {
        missing.reason for missing in early.not_evaluated if missing.target is None and missing.code != "ENV002"
    } == {"the run ended before it knew what to check"}
    about_targets = {rule.code for rule in CORE if CODES[rule.code].scope is not Scope.RUN}
    assert {missing.code for missing in diagnosis.not_evaluated} == about_targets


@pytest.mark.parametrize(
    "word",
    [
        "$(reboot)",
        "a b",
        "x;y",
        "`id`",
        "a\nb",
        "--option='x'",
        "\u202eevil",
        "a" * 301,
        "",
        "-engine",
        "--profile=x",
        "-",
    ],
)
def test_nothing_foreign_becomes_a_word_of_a_command(word: str) -> None:
    rule_finding = RuleFinding(
        code="TLS006",
        target="backup",
        detail="x",
        evidence=(),
        fix=Fix(summary="x", commands=(read_only("openssl", "s_client", word, "<VPC_ID>", "10.0.1.17:443"),)),
    )
    rule = Rule("TLS006", (), lambda _: [rule_finding])
    finding = next(finding for finding in diagnose(evidence([]), (rule,)).findings if finding.code == "TLS006")
    assert finding.fix.commands[0].argv == ("openssl", "s_client", "<VALUE>", "<VPC_ID>", "10.0.1.17:443")


def words_of(
    *observations: Observation[Any],
    commands: tuple[str, ...],
    targets: list[Target] | None = None,
    about: str = "backup",
) -> list[str]:
    """The words in the command of a finding."""
    fix = Fix(summary="Do.", commands=(read_only(*commands),))
    finding = RuleFinding(code="TLS006", target=about, detail="It is so.", evidence=(), fix=fix)
    rule = Rule("TLS006", (), lambda _: [finding])
    findings = diagnose(evidence([host(), *observations], targets=targets or [BACKUP]), (rule,)).findings
    return list(next(finding for finding in findings if finding.code == "TLS006").fix.commands[0].argv)


def test_what_the_run_knows_stands_in_place_of_placeholders() -> None:
    words = words_of(
        imds(), commands=("aws", "--vpc-id", "<VPC_ID>", "Name=subnet-id,Values=<SUBNET_ID>", "<INSTANCE_ID>")
    )
    assert words == ["aws", "--vpc-id", "vpc-0a1b2c3d", "Name=subnet-id,Values=subnet-0a1b2c3d", "i-0a1b2c3d"]


@pytest.mark.parametrize("vpc_id", [None, "vpc-1; reboot", "vpc-$(id)", "sg-0a1b2c3d", "VPC-0A1B2C3D"])
def test_what_is_not_known_or_has_another_form_stays_a_placeholder(vpc_id: str | None) -> None:
    assert words_of(imds(vpc_id=vpc_id), commands=("aws", "<VPC_ID>")) == ["aws", "<VPC_ID>"]


def test_a_placeholder_that_nothing_is_known_for_stays() -> None:
    assert words_of(imds(), commands=("aws", "<HOSTED_ZONE_ID>")) == ["aws", "<HOSTED_ZONE_ID>"]


def test_the_endpoint_is_known_of_the_target_s_own_name_alone() -> None:
    """Any other endpoint may belong to somebody else, and a command could change it."""
    own = target(host="vpce-0a1b2c3d4e5f67890-abcd1234.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE)
    command = ("aws", "<VPC_ENDPOINT_ID>")
    assert words_of(commands=command, targets=[BACKUP, own]) == ["aws", "<VPC_ENDPOINT_ID>"]
    assert words_of(commands=command, targets=[own], about=own.id) == ["aws", "vpce-0a1b2c3d4e5f67890"]


ENDPOINT_IDS = ("aws", "<VPC_ENDPOINT_ID>", "<ENDPOINT_SECURITY_GROUP_ID>")
CENTRAL = "10.9.0.5"


def ids_for(*changed: Observation[Any], at: Iterable[str] = (), about: Target = BACKUP) -> tuple[str, ...]:
    """The ids in the commands of a finding at these addresses. The VPC has an endpoint of AWS Backup."""
    finding = RuleFinding(
        code="TCP001",
        target=about.id,
        detail="It is so.",
        evidence=(),
        fix=Fix(summary="Do.", commands=(read_only(*ENDPOINT_IDS),)),
        addresses=frozenset(addresses(*at)),
    )
    rule = Rule("TCP001", (), lambda _: [finding])
    seen = evidence([host(), imds(), *configured(*changed)], targets=[about], of=run(ec2_reads=True))
    (one,) = (finding for finding in diagnose(seen, (rule,)).findings if finding.code == "TCP001")
    return one.fix.commands[0].argv[1:]


KNOWN = (ENDPOINT_ID, ENDPOINT_GROUP_ID)


def with_endpoints(*endpoints: VpcEndpoint) -> Observation[Any]:
    return read(ENDPOINTS, endpoints_facts(*endpoints))


DELETED = endpoint("vpce-0f1b2c3d", state="deleted", interface_ids=())
OF_ANOTHER_REGION = replace(BACKUP, region="us-east-1", host="backup.us-east-1.amazonaws.com")
OF_ONES_OWN = replace(BACKUP, host="backup.example.com", addressing=Addressing.CUSTOM)


@pytest.mark.parametrize(
    ("at", "changed", "about", "is_known"),
    [
        pytest.param([A], [], BACKUP, True, id="at its interface"),
        pytest.param([A, B], [], BACKUP, True, id="at both"),
        pytest.param([], [], BACKUP, True, id="of the name"),
        pytest.param([PUBLIC], [], BACKUP, True, id="of the name, which is public"),
        pytest.param([CENTRAL], [], BACKUP, False, id="at another endpoint's address"),
        pytest.param([A, CENTRAL], [], BACKUP, False, id="at another's as well"),
        pytest.param([], [with_endpoints(endpoint(), DELETED)], BACKUP, True, id="beside a deleted one"),
        pytest.param([], [with_endpoints(endpoint(state="deleted"))], BACKUP, False, id="a deleted one"),
        pytest.param([], [with_endpoints(endpoint(), endpoint("vpce-0f1b2c3d"))], BACKUP, False, id="one of two"),
        pytest.param([], [], OF_ANOTHER_REGION, False, id="of another Region"),
        pytest.param([], [], OF_ONES_OWN, False, id="of a name of one's own"),
        pytest.param([A], [], OF_ONES_OWN, True, id="of a name of one's own that leads to it"),
        pytest.param([A], [read(ENDPOINTS, failed="not-permitted")], BACKUP, False, id="endpoints were not read"),
    ],
)
def test_the_endpoint_is_known_where_the_finding_is_about_it(
    at: list[str], changed: Observations, about: Target, is_known: bool
) -> None:
    assert ids_for(*changed, at=at, about=about) == (KNOWN if is_known else ENDPOINT_IDS[1:])


# --- What the configuration says ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for code in CODES if code.startswith("VPC") and not CODES[code].of_audit])
def test_configuration_alone_raises_nothing_but_what_stands_alone(code: str) -> None:
    of = None if CODES[code].scope is Scope.RUN else "backup"
    by_id = findings(well(), says(code, of, at=[A]))
    assert bool(by_id) == (code in ("VPC004", "VPC009", "VPC013", "VPC014"))


def test_a_cause_in_the_configuration_explains_what_was_measured_at_its_addresses() -> None:
    by_id = findings(well(), says("TCP001", at=[A]), says("VPC005", at=[A, B]))
    assert by_id["TCP001@backup"].explained_by == "VPC005@backup"
    assert by_id["VPC005@backup"].explained_by is None


@pytest.mark.parametrize(
    "symptom",
    [
        pytest.param(says("TCP001", at=[B]), id="elsewhere"),
        pytest.param(says("TCP005", at=[A]), id="of this host"),
        pytest.param(says("TLS001", at=[A]), id="not of packets"),
        pytest.param(says("TCP001", GATEWAY.id, at=[A]), id="of another target"),
    ],
)
def test_a_cause_in_the_configuration_goes_with_what_it_explains(symptom: Rule) -> None:
    seen = well(BACKUP, GATEWAY)
    assert not any(name.startswith("VPC") for name in findings(seen, symptom, says("VPC005", at=[A])))


@pytest.mark.parametrize(
    ("symptom", "severity"),
    [("TCP001", Severity.CRITICAL), ("TCP007", Severity.INFO), ("TCP008", Severity.WARNING)],
)
def test_a_cause_in_the_configuration_is_as_bad_as_what_it_explains(symptom: str, severity: Severity) -> None:
    by_id = findings(well(), says(symptom, at=[A]), says("VPC006", at=[A]))
    assert by_id["VPC006@backup"].severity is severity


def test_two_causes_in_the_configuration_are_both_named_and_stay_roots() -> None:
    by_id = findings(well(), says("TCP001", at=[A]), says("VPC005", at=[A]), says("VPC012", at=[A]))
    assert by_id["TCP001@backup"].explained_by == "VPC012@backup"
    assert by_id["VPC005@backup"].explained_by is None
    assert by_id["VPC005@backup"].severity is Severity.CRITICAL


def test_what_is_old_stands_beside_as_a_warning_and_explains_nothing() -> None:
    by_id = findings(well(), says("TCP001", at=[A]), says("VPC005", at=[A], stale=True))
    assert by_id["TCP001@backup"].explained_by is None
    assert by_id["TCP001@backup"].severity is Severity.CRITICAL
    assert by_id["VPC005@backup"].severity is Severity.WARNING


def test_what_is_old_and_has_nothing_to_explain_is_not_said() -> None:
    assert findings(well(), says("VPC005", at=[A], stale=True)) == {}


def test_a_chain_of_causes_ends_at_what_was_measured() -> None:
    rules = says("VPC016"), says("VPC010", at=[A]), says("TCP008", at=[A])
    by_id = findings(well(), *rules)
    assert by_id["TCP008@backup"].explained_by == "VPC010@backup"
    assert by_id["VPC010@backup"].explained_by == "VPC016@backup"
    assert {finding.severity for finding in by_id.values()} == {Severity.WARNING}
    assert not findings(well(), *rules[:2])


@pytest.mark.parametrize("code", ["VPC004", "VPC009", "VPC013", "VPC014"])
@pytest.mark.parametrize("cause", ["ENV005", "DNS001", "DNS002", "VPC010"])
def test_no_cause_of_anything_explains_the_configuration(code: str, cause: str) -> None:
    of = None if CODES[code].scope is Scope.RUN else "backup"
    cause_of = causes(well(), says("TCP001", at=[A]), says(cause, at=[A]), says(code, of, at=[A]))
    assert cause_of[code if of is None else f"{code}@backup"] is None


def test_a_cause_in_the_configuration_of_an_optional_target_does_not_count() -> None:
    seen = well(BACKUP, optional(GATEWAY))
    by_id = findings(seen, says("TCP001", GATEWAY.id, at=[A]), says("VPC005", GATEWAY.id, at=[A]))
    cause = by_id["VPC005@backup-gateway"]
    assert (cause.severity, cause.counts) == (Severity.CRITICAL, False)
    assert by_id["TCP001@backup-gateway"].explained_by == cause.id


@pytest.mark.parametrize("cause", ["DNS003", "DNS005", "DNS006", "DNS013"])
@pytest.mark.parametrize("of_this_host", [True, False])
def test_a_name_that_fails_explains_a_search_domain_only_where_that_is_asked_next(
    cause: str, *, of_this_host: bool
) -> None:
    rules = says(cause), says("DNS018", at=[A], of_this_host=of_this_host), says("TCP001", at=[A])
    cause_of = causes(well(), *rules)
    assert cause_of["DNS018@backup"] == (None if of_this_host else f"{cause}@backup")
    assert cause_of["TCP001@backup"] == "DNS018@backup"


@pytest.mark.parametrize("of", ["backup", "backup-gateway"])
def test_a_cause_of_the_run_counts_where_what_it_explains_does(of: str) -> None:
    seen = well(BACKUP, optional(GATEWAY))
    symptom = says("DNS004", RESOLVER, shows=(f"tcp/{of}/10.0.1.17/443",))
    by_id = findings(seen, symptom, says("VPC003", None))
    assert by_id[f"DNS004@{RESOLVER}"].explained_by == "VPC003"
    assert by_id["VPC003"].counts is (of == "backup")


@pytest.mark.parametrize("role", [Role.REQUIRED, Role.OPTIONAL, Role.CONTEXT])
@pytest.mark.parametrize(("cause", "symptom"), [("VPC003", "DNS001"), ("VPC011", "DNS002"), ("VPC011", "DNS008")])
def test_a_cause_of_the_run_explains_the_targets_that_it_is_about(role: Role, cause: str, symptom: str) -> None:
    seen = well(BACKUP, replace(GATEWAY, role=role))
    shows = (f"dns/{GATEWAY.id}/getaddrinfo",)
    by_id = findings(seen, says(symptom, "backup", at=[A]), says(symptom, GATEWAY.id), says(cause, None, shows=shows))
    assert by_id[f"{symptom}@backup"].explained_by is None
    assert by_id[f"{symptom}@{GATEWAY.id}"].explained_by == cause
    assert by_id[cause].counts is (role is Role.REQUIRED)


def test_a_suppressed_cause_leaves_the_symptom_to_the_other() -> None:
    rules = says("TCP001", at=[A]), says("VPC005", at=[A]), says("VPC012", at=[A])
    diagnosis = diagnose(well(), rules, suppress=(Suppression(code="VPC012", target=None),))
    by_id = {finding.id: finding for finding in diagnosis.findings}
    assert by_id["TCP001@backup"].explained_by == "VPC005@backup"
    assert by_id["VPC012@backup"].suppressed


@pytest.mark.parametrize(
    ("suppression", "is_suppressed"),
    [
        (Suppression(code="TCP001", target=None, until=date(2026, 3, 1)), True),
        (Suppression(code="TCP001", target=None, until=date(2026, 2, 28)), False),
        (Suppression(code="TCP001", target=None, subject=f"address:{A}"), True),
        (Suppression(code="TCP001", target=None, subject="address:10.9.9.9"), False),
        (Suppression(code="TCP001", target=None, subject=f"resolver:{A}"), False),
        (Suppression(code="TCP002", target=None, subject=f"address:{A}"), False),
    ],
)
def test_a_suppression_holds_through_its_day_and_for_what_it_names(
    suppression: Suppression, is_suppressed: bool
) -> None:
    (finding,) = diagnose(well(), (says("TCP001", at=[A]),), suppress=(suppression,)).findings
    assert finding.suppressed is is_suppressed


def test_a_rule_that_needs_a_read_says_why_it_was_not_asked() -> None:
    asked = Rule("VPC001", (), lambda _: (), reads=("endpoints",))
    (missing,) = diagnose(well(), (asked,)).not_evaluated
    assert (missing.code, missing.target, missing.reason) == ("VPC001", "backup", NO_EC2)


def test_a_rule_about_a_target_is_asked_where_a_look_of_the_whole_run_is_what_it_needs() -> None:
    def reasons(observations: Observations) -> list[tuple[str | None, str]]:
        seen = evidence(observations, targets=[BACKUP, GATEWAY])
        return [(missing.target, missing.reason) for missing in diagnose(seen, (asked,)).not_evaluated]

    asked = Rule("VPC009", (Step.IMDS,), lambda _: ())
    assert reasons([host(), imds()]) == []
    assert reasons([host(), imds(failed="timeout")]) == []  # a failed step was made, and ENV002 reports it
    assert reasons([host()]) == [(target_id, "no imds step was made") for target_id in ("backup", "backup-gateway")]
    asked = Rule("ENV007", (Step.HOST,), lambda _: ())
    assert reasons([host(), proxy()]) == []
    gone = replace(proxy(), outcome=Skipped("not started: interrupted"))
    assert reasons([host(), gone]) == [("backup", "not started: interrupted")]


def test_two_faults_of_the_configuration_explain_together_what_each_explains_in_part() -> None:
    rules = says("TCP001", at=[A, B]), says("VPC005", at=[A]), says("VPC006", at=[B])
    by_id = findings(well(), *rules)
    assert by_id["TCP001@backup"].explained_by == "VPC006@backup"
    assert by_id["VPC005@backup"].explained_by is None
    assert {by_id[f"{code}@backup"].severity for code in ("VPC005", "VPC006")} == {Severity.CRITICAL}


def test_a_fault_of_the_configuration_that_explains_a_part_stands_beside_the_rest() -> None:
    by_id = findings(well(), says("TCP001", at=[A, B]), says("VPC006", at=[B]))
    assert {name: finding.explained_by for name, finding in by_id.items()} == {
        "TCP001@backup": None,
        "VPC006@backup": None,
    }


def test_an_endpoint_that_is_not_available_is_one_of_several_faults_that_explain_together() -> None:
    rules = says("TCP001", at=[A, B]), says("VPC004", at=[A]), says("VPC006", at=[B])
    by_id = findings(well(), *rules)
    assert by_id["TCP001@backup"].explained_by == "VPC004@backup"
    assert by_id["VPC006@backup"].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("beside", "severity"),
    [
        pytest.param([], Severity.INFO, id="nothing was measured"),
        pytest.param([says("TCP001", at=[A])], Severity.CRITICAL, id="it explains something critical"),
        pytest.param([says("TCP008", at=[A])], Severity.WARNING, id="it explains a warning"),
        pytest.param([says("TCP008", at=[A]), says("IAM001", at=[A])], Severity.WARNING, id="and nothing else counts"),
        pytest.param([says("TCP004", at=[A])], Severity.CRITICAL, id="something critical shows at its addresses"),
        pytest.param([says("TCP004", at=[B])], Severity.INFO, id="elsewhere"),
        pytest.param([says("TCP004", GATEWAY.id, at=[A])], Severity.INFO, id="of another target"),
        pytest.param([says("DNS003")], Severity.INFO, id="of the name"),
        pytest.param([says("VPC014", at=[A])], Severity.INFO, id="the configuration itself is not a measurement"),
    ],
)
def test_an_endpoint_that_is_not_available_is_as_bad_as_what_was_measured(
    beside: list[Rule], severity: Severity
) -> None:
    by_id = findings(well(BACKUP, GATEWAY), says("VPC004", at=[A]), *beside)
    assert by_id["VPC004@backup"].severity is severity


def test_old_facts_of_an_endpoint_are_a_warning_at_most() -> None:
    by_id = findings(well(), says("VPC004", at=[A], stale=True), says("TCP001", at=[A]))
    assert by_id["VPC004@backup"].severity is Severity.WARNING
    assert by_id["TCP001@backup"].explained_by is None


def test_an_endpoint_that_is_not_available_excuses_no_failure_that_has_no_other_name() -> None:
    observations = replaced(healthy(), spoiled(tcp(A), failed="closed"))
    by_id = findings(evidence(observations), says("VPC004", at=[A], shows=(f"tcp/backup/{A}/443",)))
    assert by_id["RUN003"].severity is Severity.CRITICAL


@pytest.mark.parametrize("cause", ["VPC004", "VPC010", "ENV009", "DNS007", "DNS002"])
def test_where_this_host_sends_is_this_host_s_own_fault(cause: str) -> None:
    by_id = findings(well(), says("TCP001", at=[A]), says("TCP010", at=[A]), says(cause, at=[A]))
    assert by_id["TCP010@backup"].explained_by is None
    assert by_id["TCP001@backup"].explained_by == f"{cause}@backup"


@pytest.mark.parametrize(
    ("measured", "configured_cause"), [("TCP010", "VPC004"), ("TCP010", "VPC005"), ("ENV009", "VPC005")]
)
def test_the_configuration_takes_nothing_from_a_cause_that_was_measured(measured: str, configured_cause: str) -> None:
    rules = says("TCP001", at=[A]), says(measured, at=[A], severity=Severity.WARNING)
    alone = findings(well(), *rules)
    by_id = findings(well(), *rules, says(configured_cause, at=[A]))
    assert by_id["TCP001@backup"].explained_by == f"{configured_cause}@backup"
    assert by_id[f"{measured}@backup"].explained_by is None
    assert by_id[f"{measured}@backup"].severity is alone[f"{measured}@backup"].severity is Severity.CRITICAL


def no_way(**facts: Any) -> Observations:
    return [*here("backup", A), tcp(A, failed=facts.pop("failed", "unreachable"), **facts)]


@pytest.mark.parametrize(
    ("observations", "is_explained"),
    [
        pytest.param(
            no_way(failed="timeout", neighbour="incomplete", next_hop=A), True, id="nobody has it on the own subnet"
        ),
        pytest.param(no_way(icmp=("10.0.3.1", 1)), True, id="a router says so"),
        pytest.param(no_way(route_error="ENETUNREACH"), False, id="this host has no route into its VPC"),
        pytest.param(no_way(at_once=True), False, id="connect() says so at once"),
        pytest.param(
            no_way(failed="timeout", neighbour="failed", next_hop="10.0.3.1"), False, id="its router is silent"
        ),
    ],
)
def test_a_way_that_this_host_itself_does_not_have_is_no_fault_of_the_address(
    observations: Observations, is_explained: bool
) -> None:
    no_route = next(rule for rule in RULES if rule.code == "TCP006")
    by_id = findings(evidence(observations), no_route, says("TCP001", at=[A]), says("VPC010", at=[A]))
    assert (by_id["TCP006@backup"].explained_by == "VPC010@backup") is is_explained
    astray = findings(evidence(observations), no_route, says("TCP010", at=[A]))
    assert astray["TCP006@backup"].explained_by == "TCP010@backup"


def test_no_route_to_a_public_address_follows_from_the_name() -> None:
    observations = [*here("backup", PUBLIC), tcp(PUBLIC, failed="unreachable", route_error="ENETUNREACH")]
    no_route = next(rule for rule in RULES if rule.code == "TCP006")
    assert (
        findings(evidence(observations), no_route, says("DNS001", at=[PUBLIC]))["TCP006@backup"].explained_by
        is not None
    )


def test_of_other_causes_each_must_explain_by_itself() -> None:
    rules = says("TCP001", at=[A, B]), says("TCP010", at=[A]), says("VPC006", at=[B])
    assert findings(well(), *rules)["TCP001@backup"].explained_by is None
