"""HTTP rules: who answered, and whether an answer comes at all."""

from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.rules.http import RULES
from probes.model import Observation
from tests.support.build import (
    PRIVATE,
    PUBLIC,
    Observations,
    addresses,
    evidence,
    findings_of,
    here,
    proxy,
    rule_of,
    target,
    tls,
)
from tests.support.calls import answered, api, connect, padded, websocket

A, B = PRIVATE
C = "10.0.3.17"
HERE: Final = [*here("backup", A, B), tls(A), tls(B)]
CORPORATE: Final = tls(A, issuer="CN=Proxy CA,O=Example Corp", organization="Example Corp")


def stranger(address: str, **more: Any) -> Observation[Any]:
    """A server that sends no request id."""
    return answered(address, failed="not-aws", status=200, request_id=None, **more)


def codes(*observations: Observation[Any]) -> list[str]:
    """The codes that all HTTP rules give."""
    seen = evidence([*HERE, *observations])
    return [finding.code for rule in RULES for finding in findings_of(rule, seen)]


def test_a_healthy_run_is_silent() -> None:
    assert codes(answered(A), answered(B), api(A), api(B), padded(A), padded(B)) == []
    assert codes() == []


# --- HTTP001 not-aws -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "severity", "detail"),
    [
        pytest.param(
            [stranger(A, server="squid"), stranger(B, server="squid")],
            Severity.WARNING,
            "At 10.0.1.17 and 10.0.2.17 something answers HTTP that is not AWS: it said not-aws. The server calls "
            "itself squid.",
            id="no signed call, and Amazon's certificate",
        ),
        pytest.param([CORPORATE, stranger(A)], None, "At 10.0.1.17 something", id="another's certificate"),
        pytest.param([stranger(A), stranger(B), CORPORATE], None, "At 10.0.1.17 and", id="another's at one of two"),
        pytest.param([stranger(A), api(A, failed="not-aws")], None, "At 10.0.1.17 something", id="the call, too"),
        pytest.param([stranger(A), api(A, failed="timeout")], None, "At 10.0.1.17 something", id="no answer to it"),
        pytest.param(
            [stranger(A), api(A, skipped="no credentials")], Severity.WARNING, "At 10.0.1.17", id="a call not made"
        ),
        pytest.param(
            [answered(A), api(A, failed="malformed", heard=False)], None, "it said malformed", id="noise to the call"
        ),
        pytest.param([answered(A, failed="malformed", whole=False)], Severity.WARNING, "it said malformed", id="noise"),
        pytest.param(
            [CORPORATE, answered(A, failed="too-large", whole=False)], None, "it said too-large", id="without end"
        ),
        pytest.param(
            [CORPORATE, answered(A, failed="timeout", request_id=None)],
            None,
            "it said timeout",
            id="a head, then silence",
        ),
        pytest.param(
            [tls(A, failed="tls-untrusted", issuer="CN=x"), answered(A, failed="too-large", whole=False)],
            Severity.WARNING,
            "it said too-large",
            id="without end, behind a certificate that names Amazon and does not verify",
        ),
        pytest.param(
            [answered(A), api(A, failed="not-aws")], None, "At 10.0.1.17 something", id="to the signed call alone"
        ),
    ],
)
def test_http001_fires(observations: Observations, severity: Severity | None, detail: str) -> None:
    assert codes(*observations) == ["HTTP001"]
    [finding] = findings_of(rule_of(RULES, "HTTP001"), evidence([*HERE, *observations]))
    assert finding.severity is severity
    assert detail in finding.detail
    assert finding.target == "backup"
    where = {
        observation.subject.address
        for observation in observations
        if observation.failure and observation.subject.step in ("http", "api")
    }
    assert finding.addresses == where


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


def test_http001_names_the_address_without_a_call_that_aws_answered() -> None:
    seen = evidence([*HERE, stranger(A), stranger(B), api(A), api(B, failed="not-aws")])
    [finding] = findings_of(rule_of(RULES, "HTTP001"), seen)
    assert finding.addresses == frozenset(addresses(B))


@pytest.mark.parametrize("kind", ["not-aws", "redirect"])
def test_http001_and_http002_ask_whose_the_address_is(kind: str) -> None:
    code = "HTTP001" if kind == "not-aws" else "HTTP002"
    [finding] = findings_of(rule_of(RULES, code), evidence([*HERE, answered(A, failed=kind, request_id=None)]))
    assert finding.fix.commands[0].argv[2] == "describe-network-interfaces"
    assert finding.fix.commands[0].argv[-1] == "Name=addresses.private-ip-address,Values=10.0.1.17"
    # No interface of an endpoint has a public address.
    [finding] = findings_of(
        rule_of(RULES, code), evidence([*here("backup", PUBLIC), answered(PUBLIC, failed=kind, request_id=None)])
    )
    assert [command.argv[2] for command in finding.fix.commands] == ["describe-vpc-endpoints"]


# --- HTTP002 redirected ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "detail"),
    [
        pytest.param(
            [answered(A, failed="redirect", status=302, request_id=None, location="http://portal.example/login")],
            "At 10.0.1.17 the answer sends the client elsewhere: http://portal.example/login. It was not followed.",
            id="with a place",
        ),
        pytest.param(
            [answered(A, failed="redirect", status=302, request_id=None)],
            "At 10.0.1.17 the answer sends the client elsewhere. It was not followed.",
            id="without one",
        ),
        pytest.param(
            [answered(A), api(A, failed="redirect")],
            "At 10.0.1.17 the answer sends the client elsewhere. It was not followed.",
            id="the signed call alone",
        ),
    ],
)
def test_http002_fires(observations: Observations, detail: str) -> None:
    assert codes(*observations) == ["HTTP002"]
    [finding] = findings_of(rule_of(RULES, "HTTP002"), evidence([*HERE, *observations]))
    assert finding.detail == detail


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


@pytest.mark.parametrize("kind", ["proxy-refused", "proxy-auth", "timeout", "refused", "nxdomain", "closed"])
def test_http003_fires(kind: str) -> None:
    seen = evidence([*HERE, proxy("http://10.0.0.9:3128"), connect(failed=kind, status=None)])
    [finding] = findings_of(rule_of(RULES, "HTTP003"), seen)
    assert finding.detail == (
        f"The proxy http://10.0.0.9:3128 does not let calls to backup.eu-west-1.amazonaws.com through: it said {kind}."
    )
    assert finding.evidence == ("http/backup/proxy-connect",)
    assert [command.argv for command in finding.fix.commands] == [("printenv", "NO_PROXY", "no_proxy")]


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


@pytest.mark.parametrize(
    ("observations", "detail"),
    [
        pytest.param(
            [answered(A, failed="timeout", whole=False), answered(B, failed="closed", whole=False)],
            "At 10.0.1.17 and 10.0.2.17 TLS is up, and no whole HTTP answer comes (closed and timeout, after 12 ms).",
            id="silence and an end",
        ),
        pytest.param([answered(A, failed="reset", whole=False)], "(reset, after 12 ms)", id="a reset"),
        pytest.param([answered(A, failed="too-large")], "(too-large, after 12 ms)", id="AWS without end"),
        pytest.param([answered(A, failed="timeout")], "(timeout, after 12 ms)", id="AWS that stops in its answer"),
        pytest.param([answered(A), api(A, failed="timeout")], "(timeout, after 12 ms)", id="the signed call alone"),
        pytest.param(
            [answered(A), api(A, failed="refused")], "(refused, after 12 ms)", id="a call that needed another"
        ),
        pytest.param([answered(A), api(A, failed="tls-untrusted")], "(tls-untrusted, after 12 ms)", id="and met TLS"),
        pytest.param([answered(A, failed="tls-alert", whole=False)], "(tls-alert, after 12 ms)", id="an alert"),
        pytest.param([answered(A, failed="refused", whole=False)], "(refused, after 12 ms)", id="an ICMP error"),
    ],
)
def test_http004_fires(observations: Observations, detail: str) -> None:
    assert codes(*observations) == ["HTTP004"]
    [finding] = findings_of(rule_of(RULES, "HTTP004"), evidence([*HERE, *observations]))
    assert detail in finding.detail


def test_http004_stands_next_to_a_fault_of_aws_s_own() -> None:
    """Which says that the path works, and does not explain that the call has no answer."""
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


PACKET: Final = "With a session token it may be the first request larger than a packet of 1500 bytes."


@pytest.mark.parametrize(
    ("observations", "packet", "mtu_first"),
    [
        pytest.param([answered(A), api(A, failed="timeout")], True, True, id="the signed call alone is silent"),
        pytest.param([answered(A), api(A, failed="reset")], False, False, id="it is cut, which size does not do"),
        pytest.param([answered(A, failed="timeout", whole=False)], False, False, id="the unsigned one is silent"),
        pytest.param(
            [answered(A), api(A, failed="timeout"), answered(B, failed="timeout", whole=False)],
            True,
            False,
            id="elsewhere the unsigned one, too",
        ),
    ],
)
def test_http004_points_to_packet_size_where_the_signed_call_alone_stalls(
    observations: Observations, packet: bool, mtu_first: bool
) -> None:
    [finding] = findings_of(rule_of(RULES, "HTTP004"), evidence([*HERE, *observations]))
    assert (PACKET in finding.detail) is packet
    assert finding.fix.summary.startswith("Try a smaller MTU") is mtu_first


# --- HTTP005 service-fault -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "evident"),
    [
        pytest.param(
            [answered(A, failed="service-error", status=503)], {"http/backup/10.0.1.17/443"}, id="to the unsigned one"
        ),
        pytest.param(
            [answered(A), api(A, failed="service-error", status=500)], {"api/backup/10.0.1.17/443"}, id="to the call"
        ),
        pytest.param(
            [answered(A, failed="service-error", status=503), api(A, failed="service-error", status=503)],
            {"http/backup/10.0.1.17/443", "api/backup/10.0.1.17/443"},
            id="to both",
        ),
    ],
)
def test_http005_fires(observations: Observations, evident: set[str]) -> None:
    assert codes(*observations) == ["HTTP005"]
    [finding] = findings_of(rule_of(RULES, "HTTP005"), evidence([*HERE, *observations]))
    assert "AWS itself answers with a fault at 10.0.1.17: it said service-error. The path works." in finding.detail
    assert set(finding.evidence) == evident


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


def test_http005_says_of_408_that_the_request_came_late_or_in_part() -> None:
    late = api(A, failed="service-error", code="RequestTimeoutException", text="it timed out", status=408)
    [finding] = findings_of(rule_of(RULES, "HTTP005"), evidence([*HERE, answered(A), late]))
    assert finding.detail == (
        "AWS answers at 10.0.1.17 that the request timed out (it timed out), as it does where one comes late or in "
        "part."
    )
    assert "TCP009" in finding.fix.summary
    [finding] = findings_of(
        rule_of(RULES, "HTTP005"), evidence([*HERE, late, api(B, failed="service-error", status=503)])
    )
    assert (
        "with a fault at 10.0.2.17: it said service-error. The path works. AWS answers at 10.0.1.17" in finding.detail
    )


# --- HTTP006 large-request-stalls ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([answered(A), padded(A, failed="timeout")], id="silence"),
        pytest.param([answered(A), padded(A, failed="reset")], id="reset"),
        pytest.param([answered(A, failed="not-aws", request_id=None), api(A), padded(A, failed="timeout")], id="call"),
    ],
)
def test_http006_fires(observations: Observations) -> None:
    assert codes(*observations) == ["HTTP006"]
    [finding] = findings_of(rule_of(RULES, "HTTP006"), evidence([*HERE, *observations]))
    assert finding.evidence == ("http/backup/10.0.1.17/443/padded",)
    assert finding.addresses == frozenset(addresses(A))


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


def test_a_websocket_that_has_no_answer_is_said_to_be_what_fails() -> None:
    seen = evidence([*OF_MESSAGES, answered(A, of="ssmmessages"), websocket(A, failed="timeout")], targets=(MESSAGES,))
    (finding,) = findings_of(rule_of(RULES, "HTTP004"), seen)
    assert finding.detail.startswith(
        "At 10.0.1.17 other requests are answered, but a request to open a WebSocket is not (timeout, "
    )
    assert finding.evidence == ("http/ssmmessages/10.0.1.17/443/websocket",)
    assert "exempt ssmmessages.eu-west-1.amazonaws.com from its inspection" in finding.fix.summary


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
