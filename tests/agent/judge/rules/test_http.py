"""HTTP rules: who answered, and whether there is an answer at all."""

from typing import Any, Final

import pytest

from agent.judge.rules.http import RULES
from probes.model import Observation
from tests.support.build import (
    PRIVATE,
    PUBLIC,
    Observations,
    evidence,
    findings_of,
    here,
    proxy,
    target,
    tls,
)
from tests.support.calls import answered, api, connect, padded, websocket
from tests.support.cases import Case, fires

A, B = PRIVATE
C = "10.0.3.17"
HERE: Final = [*here("backup", A, B), tls(A), tls(B)]
CORPORATE: Final = tls(A, issuer="CN=Proxy CA,O=Example Corp", organization="Example Corp")


def stranger(address: str, **more: Any) -> Observation[Any]:
    """An answer without a request id, as from a server that is not AWS."""
    return answered(address, failed="not-aws", status=200, request_id=None, **more)


def codes(*observations: Observation[Any]) -> list[str]:
    """The codes of all findings of HTTP rules."""
    seen = evidence([*HERE, *observations])
    return [finding.code for rule in RULES for finding in findings_of(rule, seen)]


def test_a_healthy_run_is_silent() -> None:
    assert codes(answered(A), answered(B), api(A), api(B), padded(A), padded(B)) == []
    assert codes() == []


# --- HTTP001 not-aws -------------------------------------------------------------------------------------------------


CASES_THAT_FIRE = [
    fires(
        "HTTP001",
        "no signed call, and Amazon's certificate",
        [*HERE, stranger(A, server="squid"), stranger(B, server="squid")],
    ),
    fires("HTTP001", "another's certificate", [*HERE, CORPORATE, stranger(A)]),
    fires("HTTP001", "another's at one of two", [*HERE, stranger(A), stranger(B), CORPORATE]),
    fires("HTTP001", "the call, too", [*HERE, stranger(A), api(A, failed="not-aws")]),
    fires("HTTP001", "no answer to it", [*HERE, stranger(A), api(A, failed="timeout")]),
    fires("HTTP001", "a call not made", [*HERE, stranger(A), api(A, skipped="no credentials")]),
    fires("HTTP001", "noise to the call", [*HERE, answered(A), api(A, failed="malformed", heard=False)]),
    fires("HTTP001", "noise", [*HERE, answered(A, failed="malformed", whole=False)]),
    fires("HTTP001", "without end", [*HERE, CORPORATE, answered(A, failed="too-large", whole=False)]),
    fires("HTTP001", "a head, then silence", [*HERE, CORPORATE, answered(A, failed="timeout", request_id=None)]),
    fires(
        "HTTP001",
        "without end, behind a certificate that names Amazon and does not verify",
        [*HERE, tls(A, failed="tls-untrusted", issuer="CN=x"), answered(A, failed="too-large", whole=False)],
    ),
    fires("HTTP001", "to the signed call alone", [*HERE, answered(A), api(A, failed="not-aws")]),
]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([answered(A), api(A, failed="malformed")], id="an error of AWS's that is not known"),
        pytest.param(
            [answered(A), api(A, failed="malformed", heard=False, code="UnicodeEncodeError")],
            id="a call that HTTP cannot carry",
        ),
        pytest.param([stranger(A), api(A)], id="the signed call was answered"),
        pytest.param([stranger(A), api(A, failed="access-denied", text="no")], id="and denied"),
        pytest.param([answered(A, failed="malformed")], id="with a request id"),
        pytest.param([answered(A, failed="too-large")], id="too large, with a request id"),
        pytest.param([answered(A, failed="timeout")], id="a request id, then silence"),
        pytest.param([answered(A, failed="timeout", whole=False)], id="silence, which names nobody"),
        pytest.param([answered(A, failed="too-large", whole=False)], id="without end, where TLS proved AWS"),
        pytest.param([answered(A, failed="timeout", request_id=None)], id="a head, then silence, where TLS proved AWS"),
        pytest.param([stranger(C)], id="an address that this host does not use"),
        pytest.param([stranger(A, skipped="tls failed")], id="not made"),
        pytest.param([padded(A, failed="malformed")], id="the large request"),
    ],
)
def test_http001_is_silent(observations: Observations) -> None:
    assert "HTTP001" not in codes(*observations)


@pytest.mark.parametrize("failed", ["too-large", "timeout", "closed", "reset"])
@pytest.mark.parametrize(
    ("handshake", "code"),
    [
        pytest.param([], "HTTP004", id="TLS proved AWS"),
        pytest.param([CORPORATE], "HTTP001", id="TLS proved another"),
    ],
)
def test_an_answer_without_end_is_whose_tls_proved(handshake: Observations, code: str, failed: str) -> None:
    assert codes(*handshake, answered(A, failed=failed, request_id=None)) == [code]


CASES_THAT_FIRE += [
    fires(
        "HTTP001",
        "to the signed call at one of two",
        [*HERE, stranger(A), stranger(B), api(A), api(B, failed="not-aws")],
    ),
    *(
        fires(
            code,
            f"whose address it is, at {address}",
            [*here("backup", address), answered(address, failed=kind, request_id=None)],
        )
        for code, kind in (("HTTP001", "not-aws"), ("HTTP002", "redirect"))
        for address in (A, PUBLIC)  # no interface of an endpoint has a public address
    ),
]


# --- HTTP002 redirected ----------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "HTTP002",
        "with a place",
        [*HERE, answered(A, failed="redirect", status=302, request_id=None, location="http://portal.example/login")],
    ),
    fires("HTTP002", "without one", [*HERE, answered(A, failed="redirect", status=302, request_id=None)]),
    fires("HTTP002", "the signed call alone", [*HERE, answered(A), api(A, failed="redirect")]),
]


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(answered(C, failed="redirect"), id="an address that this host does not use"),
        pytest.param(answered(A, status=404), id="another status"),
        pytest.param(answered(A, skipped="tls failed"), id="not made"),
    ],
)
def test_http002_is_silent(observation: Observation[Any]) -> None:
    assert codes(observation) == []


# --- HTTP003 proxy-failed --------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("HTTP003", kind, [*HERE, proxy("http://10.0.0.9:3128"), connect(failed=kind, status=None)])
    for kind in ("proxy-refused", "proxy-auth", "timeout", "refused", "nxdomain", "closed")
]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([proxy("http://10.0.0.9:3128"), connect()], id="a tunnel"),
        pytest.param([proxy("http://10.0.0.9:3128"), connect(failed="deadline")], id="cut short"),
        pytest.param([proxy("http://10.0.0.9:3128"), connect(failed="bug")], id="a fault of ours"),
        pytest.param([proxy("http://10.0.0.9:3128")], id="not asked"),
        pytest.param([], id="no proxy"),
    ],
)
def test_http003_is_silent(observations: Observations) -> None:
    assert codes(*observations) == []


# --- HTTP004 no-answer -----------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "HTTP004",
        "silence and an end",
        [*HERE, answered(A, failed="timeout", whole=False), answered(B, failed="closed", whole=False)],
    ),
    fires("HTTP004", "a reset", [*HERE, answered(A, failed="reset", whole=False)]),
    fires("HTTP004", "AWS without end", [*HERE, answered(A, failed="too-large")]),
    fires("HTTP004", "AWS that stops in its answer", [*HERE, answered(A, failed="timeout")]),
    fires("HTTP004", "the signed call alone", [*HERE, answered(A), api(A, failed="timeout")]),
    fires("HTTP004", "a call that needed another", [*HERE, answered(A), api(A, failed="refused")]),
    fires("HTTP004", "and met TLS", [*HERE, answered(A), api(A, failed="tls-untrusted")]),
    fires("HTTP004", "an alert", [*HERE, answered(A, failed="tls-alert", whole=False)]),
    fires("HTTP004", "an ICMP error", [*HERE, answered(A, failed="refused", whole=False)]),
]


def test_http004_stands_next_to_a_fault_of_aws_s_own() -> None:
    """HTTP005 says that the path works. It therefore does not explain a call without an answer."""
    assert codes(answered(A, failed="service-error"), api(A, failed="timeout")) == ["HTTP004", "HTTP005"]


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(answered(C, failed="timeout"), id="an address that this host does not use"),
        pytest.param(answered(A, failed="deadline", whole=False), id="cut short"),
        pytest.param(answered(A, skipped="tls failed"), id="not made"),
        pytest.param(api(A, failed="refused"), id="a call that found no new connection"),
    ],
)
def test_http004_is_silent(observation: Observation[Any]) -> None:
    assert codes(observation) == []


CASES_THAT_FIRE += [
    fires("HTTP004", "packets: it is cut, which size does not do", [*HERE, answered(A), api(A, failed="reset")]),
    fires("HTTP004", "packets: the unsigned one is silent", [*HERE, answered(A, failed="timeout", whole=False)]),
    fires(
        "HTTP004",
        "packets: elsewhere the unsigned one, too",
        [*HERE, answered(A), api(A, failed="timeout"), answered(B, failed="timeout", whole=False)],
    ),
]


# --- HTTP005 service-fault -------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("HTTP005", "to the unsigned one", [*HERE, answered(A, failed="service-error", status=503)]),
    fires("HTTP005", "to the call", [*HERE, answered(A), api(A, failed="service-error", status=500)]),
    fires(
        "HTTP005",
        "to both",
        [*HERE, answered(A, failed="service-error", status=503), api(A, failed="service-error", status=503)],
    ),
]


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(stranger(A), id="a 5xx of somebody else is HTTP001"),
        pytest.param(answered(C, failed="service-error"), id="an address that this host does not use"),
        pytest.param(api(A, skipped="no credentials"), id="not made"),
    ],
)
def test_http005_is_silent(observation: Observation[Any]) -> None:
    assert "HTTP005" not in codes(observation)


LATE: Final = api(A, failed="service-error", code="RequestTimeoutException", text="it timed out", status=408)
CASES_THAT_FIRE += [
    fires("HTTP005", "a request that came late", [*HERE, answered(A), LATE]),
    fires("HTTP005", "late at one, a fault at the other", [*HERE, LATE, api(B, failed="service-error", status=503)]),
]


# --- HTTP006 large-request-stalls ------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("HTTP006", "silence", [*HERE, answered(A), padded(A, failed="timeout")]),
    fires("HTTP006", "reset", [*HERE, answered(A), padded(A, failed="reset")]),
    fires(
        "HTTP006", "call", [*HERE, answered(A, failed="not-aws", request_id=None), api(A), padded(A, failed="timeout")]
    ),
]


def test_http006_beside_a_fault_of_the_service() -> None:
    assert codes(answered(A, failed="service-error", status=503), padded(A, failed="timeout")) == ["HTTP005", "HTTP006"]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([answered(A), padded(A)], id="both are answered"),
        pytest.param([answered(A), padded(A, failed="malformed")], id="an answer that is not HTTP is an answer"),
        pytest.param([answered(A), padded(A, failed="deadline")], id="cut short"),
        pytest.param([answered(A), padded(A, skipped="no new connection")], id="not made"),
        pytest.param([answered(A)], id="never tried"),
        pytest.param([padded(A, failed="timeout")], id="without the small one"),
        pytest.param([answered(B), padded(A, failed="timeout")], id="with that of another address"),
        pytest.param([answered(C), padded(C, failed="timeout")], id="an address that this host does not use"),
    ],
)
def test_http006_is_silent(observations: Observations) -> None:
    assert "HTTP006" not in codes(*observations)


def test_http006_takes_no_portal_for_a_small_answer() -> None:
    assert codes(stranger(A), padded(A, failed="timeout")) == ["HTTP001"]


# --- WebSocket -------------------------------------------------------------------------------------------------------

MESSAGES: Final = target("ssmmessages")
OF_MESSAGES: Final = [*here("ssmmessages", A), tls(A, of="ssmmessages")]


def codes_of_messages(*observations: Observation[Any]) -> list[str]:
    seen = evidence([*OF_MESSAGES, *observations], targets=(MESSAGES,))
    return [finding.code for rule in RULES for finding in findings_of(rule, seen)]


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        *((kind, "HTTP004") for kind in ("timeout", "closed", "reset", "refused", "tls-alert")),
        ("malformed", "HTTP001"),
        ("not-aws", "HTTP001"),
        ("redirect", "HTTP002"),
    ],
)
def test_a_websocket_that_is_kept_from_the_service(failed: str, code: str) -> None:
    assert codes_of_messages(answered(A, of="ssmmessages"), websocket(A, failed=failed)) == [code]


CASES_THAT_FIRE += [
    fires(
        "HTTP004",
        "a WebSocket alone",
        [*OF_MESSAGES, answered(A, of="ssmmessages"), websocket(A, failed="timeout")],
        targets=(MESSAGES,),
    ),
]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([answered(A, of="ssmmessages"), websocket(A)], id="answered"),
        pytest.param([answered(A, of="ssmmessages"), websocket(A, skipped="tcp failed")], id="not made"),
        pytest.param([answered(A, of="ssmmessages"), websocket(A, failed="deadline")], id="cut short"),
        pytest.param([answered(A, of="ssmmessages"), websocket(C, failed="timeout")], id="an address of no use here"),
        pytest.param([websocket(A, failed="timeout")], id="nothing known of plain requests"),
    ],
)
def test_no_websocket_is_kept_away(observations: Observations) -> None:
    assert codes_of_messages(*observations) == []


@pytest.mark.parametrize("case", CASES_THAT_FIRE)
def test_no_other_rule_says_the_same(case: Case) -> None:
    seen = evidence(case.observations, targets=case.targets)
    assert [finding.code for rule in RULES for finding in findings_of(rule, seen)] == [case.code]
