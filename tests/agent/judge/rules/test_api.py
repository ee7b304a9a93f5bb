"""API rules: credentials, signatures, and AWS's answers to a signed call."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.causality import EXPLAINS, Explains, Reach
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.api import RULES, SOURCES
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Fix
from agent.settings import Calls
from probes.facts import ApiFacts, CredentialFacts, GatewayFacts, TcpFacts
from probes.model import Observation, Ok, Step, Subject
from probes.operations import CONTAINER, FURTHER_PAGES
from tests.support.build import (
    BACKUP,
    GATEWAY,
    NOW,
    PRIVATE,
    Observations,
    evidence,
    findings_of,
    healthy,
    here,
    imds,
    replaced,
    rule_of,
    run,
    sdk,
    spoiled,
    target,
    tcp,
)
from tests.support.calls import api, called, credentials, role
from tests.support.cases import Case, assert_silent, fires, silent

A, B = PRIVATE
C = "10.0.3.17"
HERE = here("backup", A, B)
SIGNED = run(calls=Calls.EACH)
MISSING: Final = "MissingAuthenticationTokenException"
EXPIRED: Final = "The security token included in the request is expired"


def codes(*observations: Observation[Any]) -> list[str]:
    """The codes of all findings of API rules."""
    seen = evidence([*HERE, *observations], of=SIGNED)
    return [finding.code for rule in RULES for finding in findings_of(rule, seen)]


# --- API001 no-credentials, API010 credential-source-failed ----------------------------------------------------------

STS: Final = target("sts")
ASKS_STS: Final = sdk(sts=STS.host)


@pytest.mark.parametrize(
    "row", [row for row in EXPLAINS if row.reach is Reach.PATH and row.symptom == "API010"], ids=lambda row: row.cause
)
@pytest.mark.parametrize(
    ("settings", "search", "at", "severity", "explains"),
    [
        pytest.param(ASKS_STS, credentials(failed="timeout"), "sts", Severity.CRITICAL, True, id="no end"),
        pytest.param(
            ASKS_STS,
            credentials(failed="no-credentials", code="EndpointConnectionError"),
            "sts",
            Severity.CRITICAL,
            True,
            id="no connection",
        ),
        pytest.param(
            ASKS_STS,
            credentials(failed="no-credentials", code="InvalidIdentityTokenException"),
            "sts",
            Severity.CRITICAL,
            False,
            id="STS refuses",
        ),
        pytest.param(ASKS_STS, credentials(failed="timeout"), "sts", Severity.WARNING, False, id="next to what works"),
        pytest.param(ASKS_STS, credentials(failed="timeout"), "backup", Severity.CRITICAL, False, id="another path"),
        pytest.param(sdk(), credentials(failed="timeout"), "sts", Severity.CRITICAL, False, id="STS is not asked"),
        pytest.param(
            ASKS_STS, credentials(failed="malformed", code="x"), "sts", Severity.CRITICAL, False, id="a file not read"
        ),
        pytest.param(
            sdk(sts="sts.amazonaws.com"), credentials(failed="timeout"), "sts", Severity.CRITICAL, False, id="globally"
        ),
    ],
)
def test_what_keeps_the_sdk_from_sts_explains_that_it_gives_no_role(
    row: Explains, settings: Observation[Any], search: Observation[Any], at: str, severity: Severity, explains: bool
) -> None:
    def fault(_: Evidence) -> list[RuleFinding]:
        step = f"tcp/{at}/{A}/443"
        fix = Fix(summary="")
        return [RuleFinding(code=row.cause, target=at, detail="", evidence=(step,), severity=severity, fix=fix)]

    seen = evidence([*HERE, *here("sts", A), settings, search], targets=[BACKUP, STS], of=SIGNED)
    rules = (*RULES, Rule(row.cause, needs=(), check=fault))
    [finding] = [finding for finding in diagnose(seen, rules, (row,)).findings if finding.code == "API010"]
    assert finding.explained_by == (f"{row.cause}@{at}" if explains else None)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        pytest.param(credentials(failed="no-credentials"), ["API001"], id="none in any place"),
        pytest.param(
            credentials(failed="no-credentials", code="CredentialRetrievalError"), ["API010"], id="a source fails"
        ),
        pytest.param(credentials(failed="timeout"), ["API010"], id="the search has no end"),
        pytest.param(credentials(failed="malformed", code="x"), ["API010"], id="a file that cannot be read"),
        pytest.param(credentials(failed="deadline"), [], id="cut short"),
        pytest.param(credentials(failed="bug"), [], id="a fault of ours"),
        pytest.param(credentials(), [], id="found"),
        pytest.param(credentials(skipped="--no-api"), [], id="not wanted"),
        pytest.param(None, [], id="never looked for"),
    ],
)
def test_credentials(observation: Observation[Any] | None, expected: list[str]) -> None:
    assert codes(*filter(None, [observation])) == expected


def container(failed: str | None) -> Observation[TcpFacts]:
    """A connect to the address from which a container gets its credentials. It succeeds unless `failed` is given."""
    seen = tcp("169.254.170.2", 80, failed=failed)
    subject = Subject(step=Step.IMDS, address=ip_address("169.254.170.2"), port=80, operation=CONTAINER)
    return replace(seen, subject=subject)


@pytest.mark.parametrize(
    ("at_container", "search", "metadata", "expected"),
    [
        pytest.param("refused", "timeout", None, ["API010"], id="the search ran out of time"),
        pytest.param("refused", "timeout", "timeout", ["API010"], id="metadata did, too"),
        pytest.param("refused", "timeout", "deadline", ["API010"], id="metadata was cut short"),
        pytest.param("refused", "deadline", "deadline", ["API010"], id="the search was cut short, and metadata"),
        pytest.param("timeout", "timeout", "timeout", ["API010"], id="the container's address is silent"),
        pytest.param(None, "timeout", "timeout", ["API001"], id="the container's address connects"),
        pytest.param("deadline", "timeout", "timeout", ["API001"], id="whether it connects is not known"),
        pytest.param("deadline", "deadline", "deadline", [], id="nobody knows"),
        pytest.param("refused", None, None, [], id="credentials were found"),
    ],
)
def test_a_container_that_refuses_is_the_source_that_fails(
    at_container: str | None, search: str | None, metadata: str | None, expected: list[str]
) -> None:
    observations: Observations = [container(at_container), imds(failed=metadata), credentials(failed=search)]
    assert codes(*observations) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([imds(failed="too-large")], ["API001"], id="metadata is without end"),
        pytest.param([imds()], ["API010"], id="metadata answers"),
        pytest.param([imds(failed="deadline")], ["API010"], id="metadata was cut short"),
        pytest.param([imds(failed="too-large"), sdk(sts="sts.eu-west-1.amazonaws.com")], ["API010"], id="STS is asked"),
        pytest.param([imds(failed="too-large"), container(None)], ["API010"], id="a container is asked"),
    ],
)
def test_a_search_that_breaks_off_is_that_of_metadata_where_no_other_place_is_set(
    others: Observations, expected: list[str]
) -> None:
    assert codes(*others, credentials(failed="no-credentials", code="HTTPClientError")) == expected


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        pytest.param(None, ["API010"], id="metadata answers"),
        pytest.param("timeout", ["API001"], id="metadata is silent"),
        pytest.param("deadline", [], id="nobody knows: the run ended before"),
    ],
)
def test_a_search_that_has_no_end_is_judged_by_its_last_place(failed: str | None, expected: list[str]) -> None:
    assert codes(imds(failed=failed), credentials(failed="timeout")) == expected


CASES_THAT_FIRE = [
    fires("API010", f"STS at {name}", [*HERE, sdk(sts=name), credentials(failed="timeout")], of=SIGNED)
    for name in ("sts.amazonaws.com", "sts.eu-west-1.amazonaws.com", None)
]


@pytest.mark.parametrize("failed", ["no-credentials", "timeout", "malformed"])
def test_a_search_that_only_ec2_wanted_is_no_finding(failed: str) -> None:
    seen = evidence([*HERE, credentials(failed=failed)], of=run(ec2_reads=True))
    assert [finding for rule in RULES for finding in findings_of(rule, seen)] == []


NONE: Final = credentials(failed="no-credentials")


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        pytest.param([NONE, role()], ["API010"], id="EC2 may not assume it"),
        pytest.param([NONE, role("InternalError")], ["API010"], id="any code but one"),
        pytest.param([NONE, role("Success")], ["API001"], id="the role is well"),
        pytest.param([NONE, role(failed="timeout")], ["API001"], id="its document did not come"),
        pytest.param([NONE, role(skipped="the deadline came")], ["API001"], id="its document was not asked for"),
        pytest.param([NONE], ["API001"], id="metadata names no role"),
        pytest.param([credentials(), role()], [], id="credentials from elsewhere"),
        pytest.param([role()], [], id="none were looked for"),
    ],
)
def test_a_role_that_metadata_names_without_credentials(observations: Observations, expected: list[str]) -> None:
    assert codes(*observations) == expected


CASES_THAT_FIRE += [
    fires(
        "API010",
        "a source that says why",
        [
            *HERE,
            credentials(failed="no-credentials", code="CredentialRetrievalError", message="custom-process said no"),
        ],
        of=SIGNED,
    ),
    fires("API010", "the role of metadata", [*HERE, imds(role="BackupAgent"), NONE, role()], of=SIGNED),
    fires("API010", "no source was seen", [*HERE, credentials(failed="timeout", message="no end")], of=SIGNED),
    fires(
        "API010",
        "no end, and no Region",
        [*HERE, credentials(failed="timeout")],
        of=run(region=None, calls=Calls.EACH),
    ),
    fires(
        "API010",
        "a container that refuses",
        [*HERE, container("refused"), imds(failed="timeout"), credentials(failed="timeout")],
        of=SIGNED,
    ),
]


# --- What AWS says ---------------------------------------------------------------------------------------------------

ANSWERS: Final[dict[str, Callable[[str], Observation[ApiFacts]]]] = {
    "API002": lambda address: api(address, failed="credentials-expired", text=EXPIRED),
    "API003": lambda address: api(address, failed="credentials-invalid", text="The token is invalid."),
    "API004": lambda address: api(address, failed="signature", text="does not match"),
    "API005": lambda address: api(address, failed="clock-skew", server_time=datetime(2026, 3, 1, 12, 9, tzinfo=UTC)),
    "API006": lambda address: api(address, failed="wrong-scope", text="Credential should be scoped to us-east-1"),
    "API007": lambda address: api(address, failed="throttled", text="Rate exceeded"),
    "API008": lambda address: api(address, failed="not-subscribed", text="needs a subscription"),
    "API009": lambda address: api(address, failed="signature", code=MISSING),
}


@pytest.mark.parametrize("code", ANSWERS)
def test_each_answer_is_one_finding(code: str) -> None:
    assert codes(*(ANSWERS[code](address) for address in (A, B))) == [code]


CASES_THAT_FIRE += [
    case
    for code, answer in ANSWERS.items()
    for case in (
        fires(code, "at both addresses", [*HERE, answer(A), answer(B)], of=SIGNED),
        fires(code, "at one address", [*HERE, answer(A), api(B)], of=SIGNED),
    )
]
CASES_THAT_FIRE += [
    fires("API005", "without the server's time", [*HERE, api(A, failed="clock-skew")], of=SIGNED),
]


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(api(A), id="a good answer"),
        pytest.param(api(A, failed="access-denied", text="no"), id="denied"),
        pytest.param(api(A, failed="service-error"), id="a fault of the service"),
        pytest.param(api(A, failed="not-aws"), id="somebody else"),
        pytest.param(api(A, failed="timeout"), id="no answer"),
        pytest.param(api(A, failed="deadline"), id="cut short"),
        pytest.param(api(A, skipped="no credentials"), id="not made"),
        pytest.param(api(C, failed="credentials-expired"), id="an address that this host does not use"),
        pytest.param(api(A, of="backup-gateway", failed="throttled"), id="a target that the run lacks"),
    ],
)
def test_silent(observation: Observation[Any]) -> None:
    assert codes(observation) == []


@pytest.mark.parametrize("code", ANSWERS)
def test_without_facts_the_kind_still_speaks(code: str) -> None:
    # Only the code of the failure tells API009 from API004, and an answer without facts still has the code.
    whole = ANSWERS[code](A)
    assert whole.failure is not None
    bare = spoiled(whole, failed=whole.failure.kind)
    assert codes(bare) == ["API004" if code == "API009" else code]


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        pytest.param(900.0, ["API005"], id="behind"),
        pytest.param(-900.0, ["API005"], id="ahead"),
        pytest.param(299.0, ["API002"], id="less than any window of AWS"),
        pytest.param(0.4, ["API002"], id="the clock is right"),
        pytest.param(None, ["API002"], id="no clock is measured"),
    ],
)
def test_request_expired_is_the_clock_only_where_that_is_off(offset: float | None, expected: list[str]) -> None:
    refused = api(A, failed="clock-skew", code="RequestExpired", text="Request has expired.", offset=offset)
    assert codes(refused) == expected


@pytest.mark.parametrize(
    ("code", "offset", "expected"),
    [
        pytest.param("403", 905.0, ["API005"], id="beyond every window of AWS"),
        pytest.param("403", -905.0, ["API005"], id="ahead"),
        pytest.param("403", 600.0, [], id="within the window of S3"),
        pytest.param("403", None, [], id="no clock is measured"),
        pytest.param("AccessDeniedException", 905.0, [], id="a denial that has a reason"),
    ],
)
def test_a_denial_without_a_reason_is_the_clock_if_no_service_accepts_that(
    code: str, offset: float | None, expected: list[str]
) -> None:
    assert codes(api(A, failed="access-denied", code=code, offset=offset)) == expected


def test_a_refusal_that_names_the_clock_needs_no_measured_one() -> None:
    assert codes(api(A, failed="clock-skew", offset=0.4)) == ["API005"]


def test_a_code_that_the_rule_and_the_target_share_is_kept_apart() -> None:
    observations: Observations = [
        *HERE,
        *here("backup-gateway", A),
        api(A, failed="throttled"),
        api(A, of="backup-gateway", failed="throttled"),
    ]
    findings = findings_of(rule_of(RULES, "API007"), evidence(observations, targets=[BACKUP, GATEWAY]))
    assert [finding.target for finding in findings] == ["backup", "backup-gateway"]


def test_credentials_are_everybody_s() -> None:
    observations: Observations = [
        *HERE,
        *here("backup-gateway", A),
        api(A, failed="credentials-expired"),
        api(A, of="backup-gateway", failed="credentials-expired"),
    ]
    [finding] = findings_of(rule_of(RULES, "API002"), evidence(observations, targets=[BACKUP, GATEWAY]))
    assert finding.evidence == ("api/backup/10.0.1.17/443", "api/backup-gateway/10.0.1.17/443")
    assert "at 10.0.1.17 that" in finding.detail


# --- API011 role-shadowed --------------------------------------------------------------------------------------------

API011, API012 = (rule_of(RULES, code) for code in ("API011", "API012"))
ROLE: Final = "SecretlyNamedRole"


def signed_by(source: str) -> Observation[CredentialFacts]:
    """The outcome of the SDK's search for credentials: it finds them with this provider of botocore."""
    observation = credentials()
    assert isinstance(observation.outcome, Ok)
    return replace(observation, outcome=Ok(replace(observation.outcome.facts, source=source, role=ROLE)))


CASES_THAT_FIRE += [
    fires("API011", source, [*HERE, imds(role=ROLE), signed_by(source)]) for source in (*SOURCES, "made-up")
]


CASES_OF_SILENCE = [
    *(
        silent("API011", source, [*HERE, imds(role=ROLE), signed_by(source)], of=SIGNED)
        for source in ("iam-role", "container-role", "assume-role-with-web-identity")
    ),
    silent("API011", "an instance without a role", [*HERE, imds(), signed_by("env")], of=SIGNED),
    silent("API011", "metadata is silent", [*HERE, imds(failed="timeout"), signed_by("env")], of=SIGNED),
    silent("API011", "no credentials", [*HERE, imds(role=ROLE), credentials(failed="no-credentials")], of=SIGNED),
    silent("API011", "not looked for", [*HERE, imds(role=ROLE), credentials(skipped="--no-api")], of=SIGNED),
    silent("API011", "never looked for", [*HERE, imds(role=ROLE)], of=SIGNED),
]


# --- API012 gateway-not-seen -----------------------------------------------------------------------------------------

AT_GATEWAY: Final = here("backup-gateway", A, B)
HOUR: Final = timedelta(hours=1)
SECOND: Final = timedelta(seconds=1)


def gateways(
    address: str,
    *ago: tuple[str, timedelta | None],
    server_time: datetime | None = NOW,
    more: int = 0,
    cut: bool = False,
) -> Observation[ApiFacts]:
    """An answer to ListGateways. `ago` has, for each gateway, how long before NOW the gateway was last seen. `more`
    further gateways were listed but are not kept. `cut` marks an incomplete list.
    """
    observation = api(address, of="backup-gateway", server_time=server_time)
    assert isinstance(observation.outcome, Ok)
    seen = tuple(GatewayFacts(gateway_id=name, last_seen=None if since is None else NOW - since) for name, since in ago)
    times = [one.last_seen for one in seen if one.last_seen is not None]
    latest = max(times) if times and len(times) == len(seen) else None
    facts = replace(
        observation.outcome.facts,
        gateways=seen,
        gateways_listed=len(seen) + more,
        # The gateways that are not kept were seen most recently.
        gateways_last_seen=server_time if more else latest,
        gateways_cut=cut,
    )
    return replace(observation, outcome=Ok(facts))


def further(first: Observation[ApiFacts], facts_of: Observation[ApiFacts]) -> Observation[ApiFacts]:
    """The read of the further pages of the list in `first`. Its facts come from `facts_of`."""
    subject = replace(first.subject, operation=FURTHER_PAGES, after=first.id)
    return replace(facts_of, subject=subject)


CASES_THAT_FIRE += [
    fires(
        "API012",
        "a second over an hour",
        [*AT_GATEWAY, gateways(A, ("bgw-A", HOUR + SECOND), ("bgw-C", HOUR)), gateways(B)],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "two, and one that was in touch",
        [
            *AT_GATEWAY,
            gateways(A, ("bgw-B", timedelta(days=2)), ("bgw-C", HOUR), ("bgw-A", 2 * HOUR)),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "one, listed at both addresses",
        [
            *AT_GATEWAY,
            gateways(A, ("bgw-A", 2 * HOUR), ("bgw-C", HOUR)),
            gateways(B, ("bgw-A", 2 * HOUR), ("bgw-C", HOUR)),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "one of two answers without the server's time",
        [
            *AT_GATEWAY,
            gateways(A, ("bgw-A", 2 * HOUR), server_time=None),
            gateways(B, ("bgw-A", 2 * HOUR), ("bgw-C", HOUR)),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "by the server's clock and not by this host's",
        [
            *AT_GATEWAY,
            gateways(A, ("bgw-A", timedelta()), ("bgw-C", -HOUR), server_time=NOW + 2 * HOUR),
        ],
        targets=[GATEWAY],
    ),
]


CUT: Final = gateways(A, ("bgw-A", 2 * HOUR), cut=True)


CASES_THAT_FIRE += [
    fires("API012", "every one", [*AT_GATEWAY, gateways(A, ("bgw-A", 2 * HOUR))], targets=[GATEWAY]),
    fires(
        "API012", "not every one", [*AT_GATEWAY, gateways(A, ("bgw-A", 2 * HOUR), ("bgw-B", HOUR))], targets=[GATEWAY]
    ),
    fires("API012", "one unknown", [*AT_GATEWAY, gateways(A, ("bgw-A", 2 * HOUR), ("bgw-B", None))], targets=[GATEWAY]),
    fires("API012", "the first page alone", [*AT_GATEWAY, CUT], targets=[GATEWAY]),
    fires(
        "API012",
        "every one, on two pages",
        [*AT_GATEWAY, CUT, further(CUT, gateways(A, ("bgw-A", 2 * HOUR), ("bgw-B", 3 * HOUR)))],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "one on a further page is in touch",
        [*AT_GATEWAY, CUT, further(CUT, gateways(A, ("bgw-A", 2 * HOUR), ("bgw-B", HOUR)))],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "more than are read",
        [*AT_GATEWAY, CUT, further(CUT, gateways(A, ("bgw-A", 2 * HOUR), more=999, cut=True))],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "a further page is not answered",
        [*AT_GATEWAY, CUT, further(CUT, spoiled(CUT, failed="timeout"))],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "read on at one address of two",
        [
            *AT_GATEWAY,
            CUT,
            further(CUT, gateways(A, ("bgw-A", 2 * HOUR), ("bgw-B", 3 * HOUR))),
            gateways(B, ("bgw-A", 2 * HOUR), cut=True),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "API012",
        "lists that differ",
        [*AT_GATEWAY, gateways(A, ("bgw-A", 2 * HOUR)), gateways(B, ("bgw-C", HOUR))],
        targets=[GATEWAY],
    ),
]


CASES_OF_SILENCE += [
    silent(
        "API012",
        "an hour and no more",
        [*AT_GATEWAY, gateways(A, ("bgw-A", HOUR))],
        targets=[GATEWAY],
    ),
    silent(
        "API012",
        "under an hour",
        [*AT_GATEWAY, gateways(A, ("bgw-A", SECOND), ("bgw-B", HOUR - SECOND))],
        targets=[GATEWAY],
    ),
    silent(
        "API012",
        "the server's time is not known",
        [*AT_GATEWAY, gateways(A, ("bgw-A", 2 * HOUR), server_time=None)],
        targets=[GATEWAY],
    ),
    silent(
        "API012",
        "when it was heard of is not known",
        [*AT_GATEWAY, gateways(A, ("bgw-A", None))],
        targets=[GATEWAY],
    ),
    silent("API012", "no gateway", [*AT_GATEWAY, gateways(A)], targets=[GATEWAY]),
    silent(
        "API012",
        "an address that this host does not use",
        [*AT_GATEWAY, gateways(C, ("bgw-A", 2 * HOUR))],
        targets=[GATEWAY],
    ),
    silent(
        "API012",
        "no answer",
        [*AT_GATEWAY, spoiled(gateways(A), failed="timeout")],
        targets=[GATEWAY],
    ),
    silent(
        "API012",
        "all are in touch, on two pages",
        [
            *AT_GATEWAY,
            gateways(A, ("bgw-A", HOUR), cut=True),
            further(CUT, gateways(A, ("bgw-A", HOUR), ("bgw-B", SECOND))),
        ],
        targets=[GATEWAY],
    ),
    silent("API012", "never called", [*AT_GATEWAY], targets=[GATEWAY]),
]


@pytest.mark.parametrize(
    ("code", "at_one", "at_other", "is_one"),
    [
        pytest.param("API004", "signature", "signature", True, id="the secret"),
        pytest.param("API004", "signature", None, False, id="a signature that is taken elsewhere"),
        pytest.param("API005", "clock-skew", "clock-skew", True, id="the clock"),
        pytest.param("API005", "clock-skew", None, False, id="a clock that is taken elsewhere"),
    ],
)
def test_what_the_calls_to_all_services_share_is_one_cause(
    code: str, at_one: str, at_other: str | None, *, is_one: bool
) -> None:
    changed = [
        api(A, failed=at_one),
        api(B, failed=at_other),
        *(api(address, of="backup-gateway", failed=at_one) for address in PRIVATE),
    ]
    observations = replaced(called(BACKUP, GATEWAY), *changed)
    report = diagnose(evidence(observations, targets=[BACKUP, GATEWAY], of=run(calls=Calls.EACH)))
    cause_of = {finding.id: finding.explained_by for finding in report.findings}
    assert cause_of[f"{code}@backup-gateway"] == (f"{code}@backup" if is_one else None)


def test_a_bucket_of_another_region_is_named_as_one() -> None:
    at = target("s3", bucket="backups")
    call = api(A, of="s3", failed="wrong-scope", code="301", text="what was asked for is in eu-central-1")
    seen = evidence([*healthy(at), call], targets=[at], of=SIGNED)
    [finding] = findings_of(rule_of(RULES, "API006"), seen)
    assert finding.detail == (
        "S3 answers at 10.0.1.17 that the bucket is in another Region than the Backint agent is set to, eu-west-1: "
        "what was asked for is in eu-central-1."
    )
    assert finding.fix.summary.startswith("Set S3BucketAwsRegion (AwsRegion in older versions)")
    assert finding.fix.commands[0].argv[:2] == ("grep", "-n")
    headlines = [found.headline for found in diagnose(seen).findings if found.code == "API006"]
    assert headlines == ["the bucket is not in eu-west-1"]
    other = evidence([*HERE, api(A, failed="wrong-scope", text="x")], of=SIGNED)
    [finding] = findings_of(rule_of(RULES, "API006"), other)
    assert "belongs to another Region or service than the call was signed for: x" in finding.detail


@pytest.mark.parametrize(
    ("service", "figures"),
    [("backup", ["20"]), ("logs", ["10"]), ("kms", ["500"]), ("ssm", []), ("backup-gateway", [])],
)
def test_the_rate_is_that_of_the_service_that_throttled(service: str, figures: list[str]) -> None:
    of = target(service)
    seen = evidence([*here(service, A), api(A, of=service, failed="throttled")], targets=[of])
    [finding] = findings_of(rule_of(RULES, "API007"), seen)
    assert re.findall(r"\d+", finding.fix.summary) == figures
    assert service in finding.fix.summary


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_a_rule_is_silent(case: Case) -> None:
    assert_silent(case)
