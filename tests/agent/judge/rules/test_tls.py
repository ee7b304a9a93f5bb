"""TLS rules for port 443: whose certificate the peer shows, and whether the handshake ends."""

from dataclasses import replace
from typing import Final

import pytest

from agent.judge.diagnose import diagnose
from agent.judge.rules.tls import RULES
from probes.facts import MAX_NAMES, TlsFacts
from probes.model import Failed, Observation
from probes.operations import OTHER_NAME, SMALL_SEGMENTS
from tests.support.build import (
    BACKUP,
    CORE,
    GATEWAY,
    PRIVATE,
    VPC_RESOLVER,
    Observations,
    answer,
    evidence,
    findings_of,
    here,
    host,
    imds,
    lookup,
    proxy,
    rule_of,
    target,
    tcp,
    tls,
)
from tests.support.cases import Case, assert_silent, codes_of, fires, silent

TLS001, TLS003, TLS004, TLS005, TLS006, TLS007, TLS008, TLS009 = (
    rule_of(RULES, f"TLS00{number}") for number in (1, 3, 4, 5, 6, 7, 8, 9)
)
A, B = PRIVATE
C = "10.0.3.17"
HERE = here("backup", A, B)
CORPORATE = "CN=Proxy CA,O=Example Corp"
OTHER = "*.s3.eu-west-1.amazonaws.com"


def inspected(
    address: str, issuer: str = CORPORATE, organization: str | None = "Example Corp"
) -> Observation[TlsFacts]:
    """A certificate by an authority that this host does not know."""
    return tls(address, failed="tls-untrusted", issuer=issuer, organization=organization)


def elsewhere(address: str, *names: str) -> Observation[TlsFacts]:
    """A certificate for these names, by an authority that this host does not know."""
    return tls(address, failed="tls-untrusted", issuer=CORPORATE, organization="Example Corp", names=names)


def blocked(address: str) -> Observation[TlsFacts]:
    """A block page of an inspector whose authority this host trusts."""
    return tls(address, failed="tls-hostname", issuer=CORPORATE, organization="Example Corp", names=["block.example"])


def misplaced(address: str, *names: str) -> Observation[TlsFacts]:
    """A genuine certificate of another endpoint."""
    return tls(address, failed="tls-hostname", names=names or [OTHER])


def coded(observation: Observation[TlsFacts], code: str | None, message: str = "it said no") -> Observation[TlsFacts]:
    """The failed observation, with this code and this message of OpenSSL."""
    assert isinstance(observation.outcome, Failed)
    failure = replace(observation.outcome.failure, code=code, message=message)
    return replace(observation, outcome=Failed(failure, observation.outcome.facts))


def alert(address: str, code: str | None) -> Observation[TlsFacts]:
    return coded(tls(address, failed="tls-alert", received=7), code, f"alert {code}")


def again(address: str, operation: str, *, answered: bool) -> Observation[TlsFacts]:
    """One of the two further handshakes that a run makes after a stall."""
    observation = tls(address) if answered else tls(address, failed="timeout", received=0)
    return replace(observation, subject=replace(observation.subject, operation=operation))


def named(observations: Observations) -> set[str]:
    """The codes of all findings of the rules in CORE."""
    seen = evidence([*HERE, *observations])
    return {finding.code for rule in CORE for finding in findings_of(rule, seen)}


# --- TLS001 intercepted ---------------------------------------------------------------------------------------------


CASES_THAT_FIRE = [
    fires("TLS001", "at every address", [*HERE, inspected(A), inspected(B)]),
    fires("TLS001", "two inspectors", [*HERE, inspected(A), inspected(B, "CN=Other CA")]),
    fires("TLS001", "at one address", [*HERE, inspected(A), tls(B)]),
    fires("TLS001", "an issuer without organisation", [*HERE, inspected(A, "CN=ad hoc", None)]),
    fires("TLS001", "an issuer without a name", [*HERE, inspected(A, "", None)]),
    fires("TLS001", "a trusted inspector's own page", [*HERE, blocked(A)]),
    fires("TLS001", "the chain could not be read", [*HERE, tls(A, failed="tls-untrusted")]),
    fires("TLS001", "nothing was seen", [*HERE, tls(A, failed="tls-untrusted", facts=False)]),
    fires("TLS001", "another server", [*HERE, elsewhere(A, "www.example.com")]),
    fires(
        "TLS001",
        "more names than are read: one may be the host's",
        [*HERE, elsewhere(A, *(f"{number}.example.com" for number in range(MAX_NAMES)))],
    ),
    fires(
        "TLS001",
        "all names are read",
        [*HERE, elsewhere(A, *(f"{number}.example.com" for number in range(MAX_NAMES - 1)))],
    ),
    fires(
        "TLS001",
        "an inspector that knows the name by a wildcard",
        [*HERE, elsewhere(A, "*.EU-west-1.amazonaws.com", "www.example.com")],
    ),
    fires("TLS001", "a wildcard stands for one label", [*HERE, elsewhere(A, "*.amazonaws.com")]),
    fires("TLS001", "one of each", [*HERE, inspected(A), blocked(B)]),
    fires("TLS001", "too weak, which says nothing of trust", [*HERE, coded(inspected(A), "66")]),
]


OWN_SERVER: Final = "10.9.0.53"
LED_ELSEWHERE: Observations = [
    host(resolvers=[OWN_SERVER]),
    imds(),
    lookup(C),
    answer(C, by=OWN_SERVER),
    answer(A, B, by=VPC_RESOLVER),
    *(tcp(address) for address in (A, B, C)),
    inspected(C),
]
"""A run in which this host's own name server gives an address that belongs to somebody else."""


CASES_THAT_FIRE += [
    fires("TLS001", "led elsewhere: at both", [*LED_ELSEWHERE, tls(A), tls(B)]),
    fires("TLS001", "led elsewhere: at one of them", [*LED_ELSEWHERE, tls(A), inspected(B)]),
    fires("TLS001", "led elsewhere: inspected there, too", [*LED_ELSEWHERE, inspected(A), inspected(B)]),
    fires("TLS001", "led elsewhere: on another port alone", [*LED_ELSEWHERE, tls(A, 1026)]),
    fires("TLS001", "led elsewhere: for another name alone", [*LED_ELSEWHERE, again(A, OTHER_NAME, answered=True)]),
    fires("TLS001", "led elsewhere: not tried there", LED_ELSEWHERE),
    fires(
        "TLS001",
        "led elsewhere: where this host asks the VPC's resolver",
        [host(), *LED_ELSEWHERE[1:], answer(C), tls(A), tls(B)],
    ),
]


CASES_THAT_FIRE += [
    fires("TLS001", "another server, and an inspector", [*HERE, elsewhere(A, "www.example.com"), inspected(B)]),
]


CASES_OF_SILENCE = [
    silent("TLS001", "it verifies", [*HERE, tls(A)]),
    silent(
        "TLS001", "it verifies with a local authority", [*HERE, tls(A, issuer=CORPORATE, organization="Example Corp")]
    ),
    silent(
        "TLS001",
        "Amazon's, and no root for it",
        [*HERE, tls(A, failed="tls-untrusted", issuer="CN=Amazon Root CA 1,O=Amazon")],
    ),
    silent(
        "TLS001",
        "Starfield's, and no root for it",
        [*HERE, tls(A, failed="tls-untrusted", issuer="CN=S", organization="Starfield Technologies, Inc.")],
    ),
    silent("TLS001", "a genuine certificate for another name", [*HERE, misplaced(A)]),
    silent("TLS001", "expired", [*HERE, tls(A, failed="tls-expired", issuer=CORPORATE, organization="Example Corp")]),
    silent("TLS001", "another port", [*HERE, tls(A, 1026, failed="tls-untrusted", issuer=CORPORATE, organization="X")]),
    silent("TLS001", "an address that this host does not use", [*HERE, inspected(C)]),
    silent("TLS001", "cut short", [*HERE, tls(A, failed="deadline", issuer=CORPORATE, organization="X")]),
    silent("TLS001", "never tried", [*HERE]),
]


# --- TLS003 wrong-host ----------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("TLS003", "at every address", [*HERE, misplaced(A), misplaced(B)]),
    fires("TLS003", "at one address", [*HERE, misplaced(A), tls(B)]),
    fires("TLS003", "many names", [*HERE, misplaced(A, *(f"n{number}.example" for number in range(10)))]),
    fires("TLS003", "the names could not be read", [*HERE, tls(A, failed="tls-hostname")]),
    fires("TLS003", "beside an inspector's page", [*HERE, misplaced(A), blocked(B)]),
]
CASES_OF_SILENCE += [
    silent("TLS003", "the right name", [*HERE, tls(A, names=["backup.eu-west-1.amazonaws.com"])]),
    silent(
        "TLS003", "a role's name on its own port", [*HERE, tls(A, 1027, failed="tls-hostname", names=["anon-cp.x"])]
    ),
    silent("TLS003", "not trusted", [*HERE, inspected(A)]),
    silent("TLS003", "not Amazon's", [*HERE, blocked(A)]),
    silent("TLS003", "an address that this host does not use", [*HERE, misplaced(C)]),
    silent("TLS003", "cut short", [*HERE, tls(A, failed="deadline", names=[OTHER])]),
    silent("TLS003", "never tried", [*HERE]),
]


def test_where_amazon_is_not_the_only_issuer_a_trusted_certificate_is_genuine() -> None:
    china = target(region="cn-north-1")
    observations: Observations = [
        proxy(),
        lookup(A),
        tls(A, failed="tls-hostname", issuer="CN=D", organization="DigiCert Inc", names=["x"]),
    ]
    seen = evidence([*HERE, *observations], targets=[china])
    assert findings_of(TLS001, seen) == []
    assert len(findings_of(TLS003, seen)) == 1


# --- TLS004 handshake-stalls ----------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "TLS004",
        "nothing came back",
        [*HERE, tls(A, failed="timeout", received=0), tls(B, failed="timeout", received=0)],
    ),
    fires("TLS004", "half a handshake at one address", [*HERE, tls(A, failed="timeout", received=1200), tls(B)]),
    fires(
        "TLS004",
        "something at one, nothing at the other",
        [*HERE, tls(A, failed="timeout", received=0), tls(B, failed="timeout", received=90)],
    ),
    fires("TLS004", "bytes not counted", [*HERE, tls(A, failed="timeout")]),
    fires("TLS004", "not over another connection either", [*HERE, tls(A, failed="timeout", facts=False)]),
    fires("TLS004", "it never ends", [*HERE, tls(A, failed="too-large", received=262145)]),
    fires(
        "TLS004",
        "one stalls, one never ends",
        [*HERE, tls(A, failed="timeout", received=0), tls(B, failed="too-large", received=262145)],
    ),
]
CASES_OF_SILENCE += [
    silent("TLS004", "it ends", [*HERE, tls(A), tls(B)]),
    silent("TLS004", "reset", [*HERE, tls(A, failed="reset")]),
    silent("TLS004", "closed", [*HERE, tls(A, failed="closed")]),
    silent("TLS004", "cut short", [*HERE, tls(A, failed="deadline", received=0)]),
    silent("TLS004", "another port", [*HERE, tls(A, 1026, failed="timeout", received=0)]),
    silent("TLS004", "an address that this host does not use", [*HERE, tls(C, failed="timeout", received=0)]),
    silent("TLS004", "never tried", [*HERE]),
]


def second(operation: str, state: str) -> Observation[TlsFacts]:
    """One of the two further handshakes that a run makes after a stall, with this result."""
    observations = {
        "answered": tls(A),
        "answered-certificate": tls(A, failed="tls-hostname", names=[OTHER]),
        "answered-alert": tls(A, failed="tls-alert", received=7),
        "answered-reset": tls(A, failed="reset", received=0),
        "answered-in-part": tls(A, failed="timeout", received=1),
        "silent": tls(A, failed="timeout", received=0),
        "never-connected": tls(A, failed="timeout"),
        "never-connected-reset": tls(A, failed="reset"),
        "never-connected-unseen": tls(A, failed="unreachable", facts=False),
        "not-made": tls(A, skipped="no time was left"),
    }
    return replace(observations[state], subject=replace(observations[state].subject, operation=operation))


STALLS: Final = (
    ("answered", "answered"),
    ("answered", "silent"),
    ("answered", "never-connected"),
    ("silent", "answered"),
    ("silent", "silent"),
    ("silent", "never-connected"),
    ("never-connected", "answered"),
    ("never-connected", "silent"),
    ("never-connected", "never-connected"),
    ("answered-certificate", "silent"),
    ("answered-alert", "silent"),
    ("answered-reset", "silent"),
    ("answered-in-part", "silent"),
    ("silent", "answered-certificate"),
    ("silent", "answered-reset"),
    ("silent", "never-connected-reset"),
    ("never-connected-unseen", "answered"),
    ("not-made", "answered"),
    ("silent", "not-made"),
)
"""Pairs of results after a stall: the result of a small handshake, and the result of a handshake for another name."""
CASES_THAT_FIRE += [
    *(
        fires(
            "TLS004",
            f"a small handshake: {small}, another name: {other}",
            [
                *(*HERE, tls(A, failed="timeout", received=0)),
                *(second(SMALL_SEGMENTS, small), second(OTHER_NAME, other), tls(B)),
            ],
        )
        for small, other in STALLS
    ),
    *(
        fires(
            "TLS004",
            f"half a handshake, a small one: {small}, another name: {other}",
            [
                *(*HERE, tls(A, failed="timeout", received=1200)),
                *(second(SMALL_SEGMENTS, small), second(OTHER_NAME, other), tls(B)),
            ],
        )
        for small, other in (("answered", "silent"), ("silent", "answered"), ("silent", "silent"))
    ),
    fires(
        "TLS004",
        "each address for itself",
        [
            *(*HERE, tls(A, failed="timeout", received=0), tls(B, failed="timeout", received=0)),
            *(again(A, SMALL_SEGMENTS, answered=True), again(A, OTHER_NAME, answered=False)),
            *(again(B, SMALL_SEGMENTS, answered=False), again(B, OTHER_NAME, answered=True)),
        ],
    ),
]


# --- TLS005 handshake-reset, TLS009 handshake-refused -----------------------------------------------------------------

REFUSES_THE_OFFER = (
    *("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_PROTOCOL_VERSION", "TLSV1_ALERT_INSUFFICIENT_SECURITY"),
    *("TLSV1_ALERT_INAPPROPRIATE_FALLBACK", "40", "70", "71", "86"),
)


def of_both(*observations: Observation[TlsFacts]) -> list[str]:
    seen = evidence([*HERE, *observations])
    return [finding.code for rule in (TLS005, TLS009) for finding in findings_of(rule, seen)]


OTHER_ALERTS = (
    *("TLSV1_ALERT_INTERNAL_ERROR", "80", "TLSV13_ALERT_CERTIFICATE_REQUIRED", "116"),
    *("SSLV3_ALERT_BAD_CERTIFICATE", "42", "SSLV3_ALERT_ILLEGAL_PARAMETER", "47", "109", "120", None),
)
ABOUT_THE_NAME = ("TLSV1_UNRECOGNIZED_NAME", "112", "TLSV1_ALERT_ACCESS_DENIED", "49")
CHOSEN_BY_THE_PEER = ("UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL")


def refused(code: str) -> Observation[TlsFacts]:
    """A handshake that this host ends because it does not accept the peer's choice."""
    return coded(tls(A, failed="malformed"), code, code.lower())


@pytest.mark.parametrize(
    ("observation", "code"),
    [
        *((alert(A, code), "TLS009") for code in REFUSES_THE_OFFER),
        *((alert(A, code), "TLS005") for code in (*OTHER_ALERTS, *ABOUT_THE_NAME)),
        *((refused(code), "TLS009") for code in CHOSEN_BY_THE_PEER),
    ],
)
def test_an_alert_belongs_to_one_code(observation: Observation[TlsFacts], code: str) -> None:
    assert of_both(observation) == [code]


CASES_THAT_FIRE += [
    *(fires("TLS009", f"alert {code}", [*HERE, alert(A, code), tls(B)]) for code in REFUSES_THE_OFFER),
    *(fires("TLS005", f"alert {code}", [*HERE, alert(A, code)]) for code in OTHER_ALERTS),
    *(
        fires("TLS005", f"alert {code}, about the name, and another", [*HERE, alert(A, code), alert(B, "80")])
        for code in ABOUT_THE_NAME
    ),
    *(
        fires("TLS009", f"{code}, which this host refuses, and an alert", [*HERE, refused(code), alert(B, "40")])
        for code in CHOSEN_BY_THE_PEER
    ),
    fires("TLS005", "reset", [*HERE, tls(A, failed="reset", received=0)]),
    fires("TLS005", "closed", [*HERE, tls(A, failed="closed", received=90)]),
]


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(tls(A), id="it ends"),
        pytest.param(tls(A, failed="timeout", received=0), id="silence"),
        pytest.param(coded(tls(A, failed="malformed"), "BAD_SIGNATURE"), id="nonsense"),
        pytest.param(tls(A, 1026, failed="reset"), id="another port"),
        pytest.param(alert(C, "80"), id="an address that this host does not use"),
        pytest.param(alert(C, "40"), id="a refusal there"),
        pytest.param(tls(A, failed="deadline"), id="cut short"),
    ],
)
def test_tls005_and_tls009_stay_silent(observation: Observation[TlsFacts]) -> None:
    assert of_both(observation) == []


# --- TLS006 not-tls -------------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("TLS006", "plain HTTP", [*HERE, tls(A, failed="tls-not-tls", first_bytes=b"HTTP/1.1 400 Bad".hex())]),
    fires(
        "TLS006",
        "two peers",
        [
            *HERE,
            tls(A, failed="tls-not-tls", first_bytes=b"SSH-2".hex()),
            tls(B, failed="tls-not-tls", first_bytes="00ff"),
        ],
    ),
    fires("TLS006", "the bytes were not kept", [*HERE, tls(A, failed="tls-not-tls")]),
    fires(
        "TLS006",
        "bytes that a saved report does not hold in hexadecimal",
        [*HERE, tls(A, failed="tls-not-tls", first_bytes="no hexadecimal")],
    ),
    fires(
        "TLS006",
        "it breaks TLS",
        [*HERE, coded(tls(A, failed="malformed", received=50), "BAD_SIGNATURE", "bad signature"), tls(B)],
    ),
    fires(
        "TLS006",
        "no TLS at one address, broken TLS at the other",
        [
            *HERE,
            tls(A, failed="tls-not-tls", first_bytes=b"SSH-2".hex()),
            coded(tls(B, failed="malformed", received=1), None, "no"),
        ],
    ),
]
CASES_OF_SILENCE += [
    silent("TLS006", "it speaks TLS", [*HERE, tls(A)]),
    silent("TLS006", "bytes that nobody counted", [*HERE, tls(A, failed="malformed", first_bytes="16")]),
    silent("TLS006", "nothing came", [*HERE, tls(A, failed="malformed", received=0)]),
    silent("TLS006", "a name that TLS cannot carry", [*HERE, tls(A, failed="malformed", facts=False)]),
    silent("TLS006", "broken TLS at an address that is not used", [*HERE, tls(C, failed="malformed", received=50)]),
    *(
        silent("TLS006", f"{code} is TLS009", [*HERE, coded(tls(A, failed="malformed", received=50), code)])
        for code in ("UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL")
    ),
    silent("TLS006", "another port", [*HERE, tls(A, 1026, failed="tls-not-tls", first_bytes="00")]),
    silent("TLS006", "an address that this host does not use", [*HERE, tls(C, failed="tls-not-tls", first_bytes="00")]),
    silent("TLS006", "never tried", [*HERE]),
]


# --- TLS007 certificate-time ----------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "TLS007",
        f"{kind}, with the host's name",
        [*HERE, tls(A, failed=kind, names=["backup.eu-west-1.amazonaws.com"]), tls(B)],
    )
    for kind in ("tls-expired", "tls-not-yet-valid")
]


CASES_OF_SILENCE += [
    silent("TLS009", "it ends", [*HERE, tls(A)]),
    silent("TLS007", "it verifies", [*HERE, tls(A)]),
    silent("TLS007", "not trusted", [*HERE, inspected(A)]),
    silent("TLS007", "another port", [*HERE, tls(A, 1026, failed="tls-expired")]),
    silent("TLS007", "an address that this host does not use", [*HERE, tls(C, failed="tls-expired")]),
    silent("TLS007", "never tried", [*HERE]),
]


# --- TLS008 trust-store-broken ---------------------------------------------------------------------------------------


def amazons(address: str, code: str) -> Observation[TlsFacts]:
    """A certificate whose issuer claims to be Amazon. It cannot be verified."""
    return coded(tls(address, failed="tls-untrusted", issuer="CN=Amazon Root CA 1,O=Amazon"), code, f"code {code}")


CASES_THAT_FIRE += [
    *(fires("TLS008", f"code {code}", [*HERE, amazons(A, code)]) for code in ("20", "66", "67", "68")),
    fires(
        "TLS008",
        "one has no root, one no store",
        [*HERE, amazons(A, "20"), tls(B, failed="tls-no-trust-store", facts=False)],
    ),
]


# --- Several rules together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["reset", "closed", "malformed", "tls-expired", "tls-not-yet-valid", "tls-alert", "tls-no-trust-store"]
)
def test_what_no_rule_names_is_left_to_run003(kind: str) -> None:
    assert named([tls(A, failed=kind), tls(B)]) == set()


def test_each_failure_is_named_once() -> None:
    assert named([inspected(A), misplaced(B)]) == {"TLS001", "TLS003"}
    assert named([tls(A, failed="timeout", received=0), tls(B, failed="tls-not-tls")]) == {
        "TLS004",
        "TLS006",
    }


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_rules_need_a_handshake(code: str) -> None:
    def reasons(*observations: Observation[TlsFacts]) -> list[tuple[str | None, str]]:
        seen = evidence([*HERE, *observations], targets=[BACKUP])
        return [
            (missing.target, missing.reason) for missing in diagnose(seen, RULES).not_evaluated if missing.code == code
        ]

    assert reasons() == [("backup", "no address is known to try")]
    assert reasons(tls(A, skipped="tcp failed: timeout")) == [("backup", "tcp failed: timeout")]
    assert reasons(tls(A, failed="deadline")) == [("backup", "it said deadline")]
    assert reasons(tls(A, failed="bug")) == [("backup", "it said bug")]
    assert reasons(tls(A, 1026), tls(A, skipped="tcp failed: timeout")) == [("backup", "tcp failed: timeout")]
    assert reasons(tls(A)) == []


# --- Cases of single rules --------------------------------------------------------------------------------------------

AMAZON_ROOT: Final = "CN=Amazon Root CA 1,O=Amazon"


def unstamped(observation: Observation[TlsFacts]) -> Observation[TlsFacts]:
    """The observation without its times, as in a report that has lost them."""
    return replace(observation, started_at=None)


AMAZON_INTERMEDIATE: Final = "CN=Amazon RSA 2048 M01,O=Amazon,C=US"
CASES_THAT_FIRE += [
    fires(
        "TLS002",
        "by a local authority",
        [*here("backup", A), tls(A, issuer="CN=Proxy CA,O=Example Corp", organization="Example Corp")],
    ),
    fires("TLS007", "expired", [*here("backup", A), tls(A, failed="tls-expired", issuer=AMAZON_ROOT)]),
    fires("TLS007", "not yet valid, and no certificate read", [*here("backup", A), tls(A, failed="tls-not-yet-valid")]),
    fires("TLS007", "of a report without times", [*here("backup", A), unstamped(tls(A, failed="tls-expired"))]),
    fires("TLS008", "without Amazon's root", [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_ROOT)]),
    fires("TLS008", "cannot be read", [*here("backup", A), tls(A, failed="tls-no-trust-store", facts=False)]),
    fires(
        "TLS010",
        "the server's own certificate alone",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_INTERMEDIATE)],
    ),
    *(
        fires("TLS005", f"an ICMP error on a connection that is up ({kind})", [*here("backup", A), tls(A, failed=kind)])
        for kind in ("refused", "unreachable", "prohibited")
    ),
]
CASES_OF_SILENCE += [
    silent("TLS002", "Amazon's", [*here("backup", A), tls(A)]),
    silent(
        "TLS002",
        "not trusted is TLS001",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x", organization="X")],
    ),
    silent(
        "TLS002",
        "where others than Amazon issue them",
        [*here("backup", A), tls(A, issuer="CN=DigiCert", organization="DigiCert Inc")],
        targets=[target(region="cn-north-1")],
    ),
    silent(
        "TLS002",
        "an address that this host does not use",
        [*here("backup", A), tls(C, issuer="CN=x", organization="X")],
    ),
    silent("TLS002", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
    silent("TLS007", "valid", [*here("backup", A), tls(A)]),
    silent("TLS007", "another fault", [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x")]),
    silent("TLS007", "a gateway's port", [*here("backup", A), tls(A, 1026, failed="tls-expired")]),
    silent("TLS007", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
    silent(
        "TLS008",
        "an intermediate is missing",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_INTERMEDIATE)],
    ),
    silent("TLS010", "a root is missing", [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_ROOT)]),
    silent(
        "TLS010",
        "another's issuer",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x", organization="X")],
    ),
    silent(
        "TLS010",
        "too weak",
        [*here("backup", A), coded(tls(A, failed="tls-untrusted", issuer=AMAZON_INTERMEDIATE), "66", "weak")],
    ),
    silent("TLS005", "no end of a connection", [*here("backup", A), tls(A, failed="timeout")]),
    silent("TLS005", "a gateway's port", [*here("backup", A), tls(A, 1026, failed="refused")]),
    silent("TLS005", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
    silent("TLS010", "verified", [*here("backup", A), tls(A, issuer=AMAZON_INTERMEDIATE)]),
    silent("TLS010", "the chain could not be read", [*here("backup", A), tls(A, failed="tls-untrusted")]),
    silent("TLS010", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
    silent("TLS008", "verified", [*here("backup", A), tls(A)]),
    silent(
        "TLS008",
        "another's issuer is TLS001",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x", organization="X")],
    ),
    silent("TLS008", "the chain could not be read", [*here("backup", A), tls(A, failed="tls-untrusted")]),
    silent("TLS008", "a gateway's port", [*here("backup", A), tls(A, 1026, failed="tls-no-trust-store")]),
    silent("TLS008", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
]


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)


@pytest.mark.parametrize(
    ("issuer", "failed", "code", "is_one"),
    [
        pytest.param(CORPORATE, "tls-untrusted", "TLS001", True, id="untrusted, by the same authority"),
        pytest.param("CN=Other CA,O=Other", "tls-untrusted", "TLS001", False, id="untrusted, by two"),
        pytest.param(CORPORATE, None, "TLS002", True, id="trusted, by the same authority"),
        pytest.param("CN=Other CA,O=Other", None, "TLS002", False, id="trusted, by two"),
    ],
)
def test_one_authority_that_intercepts_two_services_is_one_cause(
    issuer: str, failed: str | None, code: str, *, is_one: bool
) -> None:
    observations = [
        *here("backup", A),
        tls(A, failed=failed, issuer=CORPORATE, organization="Example Corp"),
        *here("backup-gateway", B),
        tls(B, of="backup-gateway", failed=failed, issuer=issuer, organization="Example Corp"),
    ]
    report = diagnose(evidence(observations, targets=[BACKUP, GATEWAY]))
    cause_of = {finding.id: finding.explained_by for finding in report.findings}
    assert cause_of[f"{code}@backup-gateway"] == (f"{code}@backup" if is_one else None)
