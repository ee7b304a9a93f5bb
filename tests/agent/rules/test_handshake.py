"""TLS rules, all of them about 443: whose certificate is there, and whether the handshake comes to an end."""

import pytest

from agent.diagnose import diagnose
from agent.rules.handshake import RULES
from probes.facts import TlsFacts
from probes.model import Observation
from tests.agent.build import (
    BACKUP,
    CORE,
    PRIVATE,
    Looks,
    addresses,
    evidence,
    here,
    lookup,
    proxy,
    rule_of,
    said,
    target,
    tls,
)

TLS001, TLS003, TLS004, TLS006, TLS007 = (
    rule_of(RULES, code) for code in ("TLS001", "TLS003", "TLS004", "TLS006", "TLS007")
)
A, B = PRIVATE
C = "10.0.3.17"
HERE = here("backup", A, B)
CORPORATE = "CN=Proxy CA,O=Example Corp"
OTHER = "*.s3.eu-west-1.amazonaws.com"


def inspected(
    address: str, issuer: str = CORPORATE, organization: str | None = "Example Corp"
) -> Observation[TlsFacts]:
    """A certificate of an authority that this host does not know."""
    return tls(address, failed="tls-untrusted", issuer=issuer, organization=organization)


def blocked(address: str) -> Observation[TlsFacts]:
    """A page of an inspector whose authority this host knows."""
    return tls(address, failed="tls-hostname", issuer=CORPORATE, organization="Example Corp", names=["block.example"])


def misplaced(address: str, *names: str) -> Observation[TlsFacts]:
    """A genuine certificate of another endpoint."""
    return tls(address, failed="tls-hostname", names=names or [OTHER])


def named(looks: Looks) -> set[str]:
    """The codes that the first rules give."""
    seen = evidence([*HERE, *looks])
    return {found.code for rule in CORE for found in said(rule, seen)}


# --- TLS001 intercepted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "where", "detail"),
    [
        pytest.param(
            [inspected(A), inspected(B)],
            {A, B},
            "At 10.0.1.17 and 10.0.2.17 the certificate for backup.eu-west-1.amazonaws.com was issued by CN=Proxy CA,"
            "O=Example Corp, which this host does not trust and which is not Amazon: something on the way opens TLS.",
            id="at every address",
        ),
        pytest.param(
            [inspected(A), inspected(B, "CN=Other CA")],
            {A, B},
            "by CN=Other CA and CN=Proxy CA,O=",
            id="two inspectors",
        ),
        pytest.param([inspected(A), tls(B)], {A}, "At 10.0.1.17 the certificate", id="at one address"),
        pytest.param(
            [inspected(A, "CN=ad hoc", None)], {A}, "issued by CN=ad hoc,", id="an issuer without organisation"
        ),
        pytest.param(
            [inspected(A, "", None)], {A}, "issued by somebody without a name,", id="an issuer without a name"
        ),
        pytest.param(
            [blocked(A)],
            {A},
            "At 10.0.1.17 the certificate was issued by CN=Proxy CA,O=Example Corp, which this host trusts and which "
            "is not Amazon, for block.example: something on the way answers in the endpoint's place.",
            id="a trusted inspector's own page",
        ),
        pytest.param([inspected(A), blocked(B)], {A, B}, "At 10.0.2.17 the certificate was issued", id="one of each"),
    ],
)
def test_tls001_fires(looks: Looks, where: set[str], detail: str) -> None:
    [found] = said(TLS001, evidence([*HERE, *looks]))
    assert found.target == "backup"
    assert found.addresses == frozenset(addresses(*where))
    assert detail in found.detail
    assert set(found.evidence) == {f"tls/backup/{address}/443" for address in where}


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([tls(A)], id="it verifies"),
        pytest.param([tls(A, issuer=CORPORATE, organization="Example Corp")], id="it verifies with a local authority"),
        pytest.param(
            [tls(A, failed="tls-untrusted", issuer="CN=Amazon Root CA 1,O=Amazon")], id="Amazon's, and no root for it"
        ),
        pytest.param(
            [tls(A, failed="tls-untrusted", issuer="CN=S", organization="Starfield Technologies, Inc.")],
            id="Starfield's, and no root for it",
        ),
        pytest.param([misplaced(A)], id="a genuine certificate for another name"),
        pytest.param([tls(A, failed="tls-untrusted")], id="the chain could not be read"),
        pytest.param([tls(A, failed="tls-untrusted", facts=False)], id="nothing was seen"),
        pytest.param([tls(A, failed="tls-expired", issuer=CORPORATE, organization="Example Corp")], id="expired"),
        pytest.param([tls(A, 1026, failed="tls-untrusted", issuer=CORPORATE, organization="X")], id="another port"),
        pytest.param([inspected(C)], id="an address that this host does not use"),
        pytest.param([tls(A, failed="deadline", issuer=CORPORATE, organization="X")], id="cut short"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls001_stays_silent(looks: Looks) -> None:
    assert said(TLS001, evidence([*HERE, *looks])) == []


# --- TLS003 wrong-host ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "where", "detail"),
    [
        pytest.param(
            [misplaced(A), misplaced(B)],
            {A, B},
            "At 10.0.1.17 and 10.0.2.17 the certificate is trusted, but is for *.s3.eu-west-1.amazonaws.com, not for "
            "backup.eu-west-1.amazonaws.com: another endpoint has that address.",
            id="at every address",
        ),
        pytest.param([misplaced(A), tls(B)], {A}, "At 10.0.1.17 the", id="at one address"),
        pytest.param(
            [misplaced(A, *(f"n{number}.example" for number in range(10)))],
            {A},
            "n7.example and 2 more, not for",
            id="many names",
        ),
        pytest.param(
            [tls(A, failed="tls-hostname")], {A}, "is trusted, but is not for backup", id="the names could not be read"
        ),
        pytest.param([misplaced(A), blocked(B)], {A}, "At 10.0.1.17 the", id="beside an inspector's page"),
    ],
)
def test_tls003_fires(looks: Looks, where: set[str], detail: str) -> None:
    [found] = said(TLS003, evidence([*HERE, *looks]))
    assert found.target == "backup"
    assert found.addresses == frozenset(addresses(*where))
    assert detail in found.detail


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([tls(A, names=["backup.eu-west-1.amazonaws.com"])], id="the right name"),
        pytest.param([tls(A, 1027, failed="tls-hostname", names=["anon-cp.x"])], id="a role's name on its own port"),
        pytest.param([inspected(A)], id="not trusted"),
        pytest.param([blocked(A)], id="not Amazon's"),
        pytest.param([misplaced(C)], id="an address that this host does not use"),
        pytest.param([tls(A, failed="deadline", names=[OTHER])], id="cut short"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls003_stays_silent(looks: Looks) -> None:
    assert said(TLS003, evidence([*HERE, *looks])) == []


def test_where_amazon_is_not_the_only_issuer_a_trusted_certificate_is_genuine() -> None:
    china = target(region="cn-north-1")
    looks: Looks = [
        proxy(),
        lookup(A),
        tls(A, failed="tls-hostname", issuer="CN=D", organization="DigiCert Inc", names=["x"]),
    ]
    seen = evidence([*HERE, *looks], targets=[china])
    assert said(TLS001, seen) == []
    assert len(said(TLS003, seen)) == 1


# --- TLS004 handshake-stalls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "where", "detail"),
    [
        pytest.param(
            [tls(A, failed="timeout", received=0), tls(B, failed="timeout", received=0)],
            {A, B},
            "At 10.0.1.17 and 10.0.2.17 TCP connects, then nothing came back to the ClientHello, after 3.0 s. At "
            "10.0.1.17 and 10.0.2.17 no second handshake was made: large packets that are lost on the way (MTU) and a "
            "filter on the server name look like this.",
            id="nothing came back",
        ),
        pytest.param(
            [tls(A, failed="timeout", received=1200), tls(B)],
            {A},
            "then only 1200 bytes of the handshake came back, after 3.0 s.",
            id="half a handshake at one address",
        ),
        pytest.param(
            [tls(A, failed="timeout", received=0), tls(B, failed="timeout", received=90)],
            {A, B},
            "only 0 to 90 bytes of the handshake came back",
            id="something at one, nothing at the other",
        ),
        pytest.param([tls(A, failed="timeout")], {A}, "then the handshake does not end, after", id="bytes not counted"),
        pytest.param(
            [tls(A, failed="too-large", received=262145)],
            {A},
            "At 10.0.1.17 the handshake has no end: 262145 bytes came, after 12 ms.",
            id="it never ends",
        ),
        pytest.param(
            [tls(A, failed="timeout", received=0), tls(B, failed="too-large", received=262145)],
            {A, B},
            "At 10.0.2.17 the handshake has no end",
            id="one stalls, one never ends",
        ),
    ],
)
def test_tls004_fires(looks: Looks, where: set[str], detail: str) -> None:
    [found] = said(TLS004, evidence([*HERE, *looks]))
    assert found.target == "backup"
    assert found.addresses == frozenset(addresses(*where))
    assert detail in found.detail
    assert ("(MTU)" in found.detail) is any(each.failure and each.failure.kind == "timeout" for each in looks)


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([tls(A), tls(B)], id="it ends"),
        pytest.param([tls(A, failed="reset")], id="reset"),
        pytest.param([tls(A, failed="closed")], id="closed"),
        pytest.param([tls(A, failed="deadline", received=0)], id="cut short"),
        pytest.param([tls(A, 1026, failed="timeout", received=0)], id="another port"),
        pytest.param([tls(C, failed="timeout", received=0)], id="an address that this host does not use"),
        pytest.param([tls(A, failed="timeout", facts=False)], id="it had not begun"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls004_stays_silent(looks: Looks) -> None:
    assert said(TLS004, evidence([*HERE, *looks])) == []


# --- TLS006 not-tls -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "where", "detail"),
    [
        pytest.param(
            [tls(A, failed="tls-not-tls", first_bytes=b"HTTP/1.1 400 Bad".hex())],
            {A},
            "At 10.0.1.17 the answer to the ClientHello is no TLS; it begins with 'HTTP/1.1 400 Bad'.",
            id="plain HTTP",
        ),
        pytest.param(
            [
                tls(A, failed="tls-not-tls", first_bytes=b"SSH-2".hex()),
                tls(B, failed="tls-not-tls", first_bytes="00ff"),
            ],
            {A, B},
            r"it begins with 'SSH-2' and '\x00ÿ'.",
            id="two peers",
        ),
        pytest.param([tls(A, failed="tls-not-tls")], {A}, "is no TLS.", id="the bytes were not kept"),
        pytest.param(
            [tls(A, failed="tls-not-tls", first_bytes="no hexadecimal")],
            {A},
            "begins with 'no hexadecimal'.",
            id="bytes that a saved report does not hold in hexadecimal",
        ),
    ],
)
def test_tls006_fires(looks: Looks, where: set[str], detail: str) -> None:
    [found] = said(TLS006, evidence([*HERE, *looks]))
    assert found.target == "backup"
    assert found.addresses == frozenset(addresses(*where))
    assert found.detail.endswith(detail)


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([tls(A)], id="it speaks TLS"),
        pytest.param([tls(A, failed="malformed", first_bytes="16")], id="it speaks TLS badly"),
        pytest.param([tls(A, 1026, failed="tls-not-tls", first_bytes="00")], id="another port"),
        pytest.param([tls(C, failed="tls-not-tls", first_bytes="00")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls006_stays_silent(looks: Looks) -> None:
    assert said(TLS006, evidence([*HERE, *looks])) == []


# --- TLS007 certificate-time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tls-expired", "tls-not-yet-valid"])
def test_tls007_fires(kind: str) -> None:
    [found] = said(TLS007, evidence([*HERE, tls(A, failed=kind, names=["backup.eu-west-1.amazonaws.com"]), tls(B)]))
    assert found.target == "backup"
    assert found.addresses == frozenset(addresses(A))
    assert found.detail == (
        "At 10.0.1.17 the certificate is not valid at this host's time, 2026-03-01 12:00 UTC; it is from 2026-03-01 to "
        "2026-03-01."
    )


def test_tls007_names_no_time_that_was_not_kept() -> None:
    shaken = tls(A, failed="tls-expired")
    timeless = Observation(subject=shaken.subject, outcome=shaken.outcome, started_at=None, seconds=None)
    [found] = said(TLS007, evidence([*HERE, timeless]))
    assert found.detail == "At 10.0.1.17 the certificate is not valid at this host's time."


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([tls(A)], id="it verifies"),
        pytest.param([inspected(A)], id="not trusted"),
        pytest.param([tls(A, 1026, failed="tls-expired")], id="another port"),
        pytest.param([tls(C, failed="tls-expired")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls007_stays_silent(looks: Looks) -> None:
    assert said(TLS007, evidence([*HERE, *looks])) == []


# --- Together -------------------------------------------------------------------------------------------------------


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
    def reasons(*looks: Observation[TlsFacts]) -> list[tuple[str | None, str]]:
        seen = evidence([*HERE, *looks], targets=[BACKUP])
        return [(each.target, each.reason) for each in diagnose(seen, RULES).not_evaluated if each.code == code]

    assert reasons() == [("backup", "no address is known to try")]
    assert reasons(tls(A, skipped="tcp failed: timeout")) == [("backup", "tcp failed: timeout")]
    assert reasons(tls(A, failed="deadline")) == [("backup", "it said deadline")]
    assert reasons(tls(A, failed="bug")) == [("backup", "it said bug")]
    assert reasons(tls(A, 1026), tls(A, skipped="tcp failed: timeout")) == [("backup", "tcp failed: timeout")]
    assert reasons(tls(A)) == []
