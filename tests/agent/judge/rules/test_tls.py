"""TLS rules, all of them about 443: whose certificate is there, and whether the handshake comes to an end."""

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
    addresses,
    answer,
    evidence,
    findings_of,
    here,
    host,
    imds,
    lookup,
    only_finding,
    proxy,
    rule_of,
    target,
    tcp,
    tls,
)
from tests.support.cases import Case, assert_fires, assert_silent, codes_of, fires, silent

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
    """A certificate of an authority that this host does not know."""
    return tls(address, failed="tls-untrusted", issuer=issuer, organization=organization)


def elsewhere(address: str, *names: str) -> Observation[TlsFacts]:
    """A certificate of that authority for these names."""
    return tls(address, failed="tls-untrusted", issuer=CORPORATE, organization="Example Corp", names=names)


def blocked(address: str) -> Observation[TlsFacts]:
    """A page of an inspector whose authority this host knows."""
    return tls(address, failed="tls-hostname", issuer=CORPORATE, organization="Example Corp", names=["block.example"])


def misplaced(address: str, *names: str) -> Observation[TlsFacts]:
    """A genuine certificate of another endpoint."""
    return tls(address, failed="tls-hostname", names=names or [OTHER])


def coded(observation: Observation[TlsFacts], code: str | None, message: str = "it said no") -> Observation[TlsFacts]:
    """The failed observation with a code and OpenSSL's words."""
    assert isinstance(observation.outcome, Failed)
    failure = replace(observation.outcome.failure, code=code, message=message)
    return replace(observation, outcome=Failed(failure, observation.outcome.facts))


def alert(address: str, code: str | None) -> Observation[TlsFacts]:
    return coded(tls(address, failed="tls-alert", received=7), code, f"alert {code}")


def again(address: str, operation: str, *, answered: bool) -> Observation[TlsFacts]:
    """One of the two handshakes that a stall calls for."""
    observation = tls(address) if answered else tls(address, failed="timeout", received=0)
    return replace(observation, subject=replace(observation.subject, operation=operation))


def named(observations: Observations) -> set[str]:
    """The codes that the first rules give."""
    seen = evidence([*HERE, *observations])
    return {finding.code for rule in CORE for finding in findings_of(rule, seen)}


# --- TLS001 intercepted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [inspected(A), inspected(B)],
            {A, B},
            "At 10.0.1.17 and 10.0.2.17 the certificate for backup.eu-west-1.amazonaws.com was issued by CN=Proxy CA,"
            "O=Example Corp, which this host does not trust and which is not Amazon: something on the way intercepts "
            "TLS.",
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
            [inspected(A, "", None)], {A}, "issued by an issuer without a name,", id="an issuer without a name"
        ),
        pytest.param(
            [blocked(A)],
            {A},
            "At 10.0.1.17 the certificate was issued by CN=Proxy CA,O=Example Corp, which this host trusts and which "
            "is not Amazon, for block.example: something on the way answers in the endpoint's place.",
            id="a trusted inspector's own page",
        ),
        pytest.param(
            [tls(A, failed="tls-untrusted")],
            {A},
            "At 10.0.1.17 the certificate for backup.eu-west-1.amazonaws.com does not verify (it said tls-untrusted), "
            "and whose it is could not be read:",
            id="the chain could not be read",
        ),
        pytest.param(
            [tls(A, failed="tls-untrusted", facts=False)], {A}, "whose it is could not be read:", id="nothing was seen"
        ),
        pytest.param(
            [elsewhere(A, "www.example.com")],
            {A},
            "At 10.0.1.17 the certificate was issued by CN=Proxy CA,O=Example Corp, which this host does not trust and "
            "which is not Amazon, for www.example.com: another server answers in the endpoint's place.",
            id="another server",
        ),
        pytest.param(
            [elsewhere(A, *(f"{number}.example.com" for number in range(MAX_NAMES)))],
            {A},
            "the certificate for backup.eu-west-1.amazonaws.com was issued",
            id="more names than are read: one may be the host's",
        ),
        pytest.param(
            [elsewhere(A, *(f"{number}.example.com" for number in range(MAX_NAMES - 1)))],
            {A},
            "another server answers in the endpoint's place.",
            id="all names are read",
        ),
        pytest.param(
            [elsewhere(A, "*.EU-west-1.amazonaws.com", "www.example.com")],
            {A},
            "the certificate for backup.eu-west-1.amazonaws.com was issued",
            id="an inspector that knows the name by a wildcard",
        ),
        pytest.param(
            [elsewhere(A, "*.amazonaws.com")],
            {A},
            "for *.amazonaws.com: another server answers",
            id="a wildcard stands for one label",
        ),
        pytest.param([inspected(A), blocked(B)], {A, B}, "At 10.0.2.17 the certificate was issued", id="one of each"),
        pytest.param(
            [coded(inspected(A), "66")],
            {A},
            "was issued by CN=Proxy CA,O=Example Corp, which is not Amazon, and is too weak for this host's policy:",
            id="too weak, which says nothing of trust",
        ),
    ],
)
def test_tls001_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TLS001, [*HERE, *observations], where)
    assert detail in finding.detail
    assert set(finding.evidence) == {f"tls/backup/{address}/443" for address in where}


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
"""This host's own name server gives an address at which somebody else answers."""


@pytest.mark.parametrize(
    ("observations", "genuine"),
    [
        pytest.param([*LED_ELSEWHERE, tls(A), tls(B)], f"At {A} and {B}, which", id="at both"),
        pytest.param([*LED_ELSEWHERE, tls(A), inspected(B)], f"At {A}, which", id="at one of them"),
        pytest.param([*LED_ELSEWHERE, inspected(A), inspected(B)], None, id="inspected there, too"),
        pytest.param([*LED_ELSEWHERE, tls(A, 1026)], None, id="on another port alone"),
        pytest.param([*LED_ELSEWHERE, again(A, OTHER_NAME, answered=True)], None, id="for another name alone"),
        pytest.param(LED_ELSEWHERE, None, id="not tried there"),
        pytest.param(
            [host(), *LED_ELSEWHERE[1:], answer(C), tls(A), tls(B)], None, id="where this host asks the VPC's resolver"
        ),
    ],
)
def test_tls001_says_where_the_certificate_is_genuine(observations: Observations, genuine: str | None) -> None:
    [finding] = findings_of(TLS001, evidence(observations))
    assert finding.addresses == frozenset(addresses(C))
    assert ("lead to somebody else" in finding.detail) is (genuine is not None)
    assert (genuine or "") in finding.detail
    assert finding.fix.summary.startswith("Let this host's name servers" if genuine else "Exempt")
    assert (f"tls/backup/{A}/443" in finding.evidence) is (genuine is not None)


@pytest.mark.parametrize(
    ("observations", "inspection"),
    [
        ([elsewhere(A, "www.example.com")], False),
        ([elsewhere(A, "www.example.com"), inspected(B)], True),
        ([inspected(A)], True),
    ],
)
def test_tls001_blames_inspection_only_where_there_may_be_one(observations: Observations, inspection: bool) -> None:
    [finding] = findings_of(TLS001, evidence([*HERE, *observations]))
    commands = [command.argv[:3] for command in finding.fix.commands]
    assert ("TLS inspection" in finding.fix.summary) is inspection
    assert (("aws", "ec2", "describe-network-interfaces") in commands) is not inspection


@pytest.mark.parametrize(
    "observations",
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
        pytest.param([tls(A, failed="tls-expired", issuer=CORPORATE, organization="Example Corp")], id="expired"),
        pytest.param([tls(A, 1026, failed="tls-untrusted", issuer=CORPORATE, organization="X")], id="another port"),
        pytest.param([inspected(C)], id="an address that this host does not use"),
        pytest.param([tls(A, failed="deadline", issuer=CORPORATE, organization="X")], id="cut short"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls001_stays_silent(observations: Observations) -> None:
    assert findings_of(TLS001, evidence([*HERE, *observations])) == []


# --- TLS003 wrong-host ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
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
def test_tls003_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TLS003, [*HERE, *observations], where)
    assert detail in finding.detail


@pytest.mark.parametrize(
    "observations",
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
def test_tls003_stays_silent(observations: Observations) -> None:
    assert findings_of(TLS003, evidence([*HERE, *observations])) == []


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


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
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
            [tls(A, failed="timeout", facts=False)],
            {A},
            "then the handshake does not end, after",
            id="not over another connection either",
        ),
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
def test_tls004_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TLS004, [*HERE, *observations], where)
    assert detail in finding.detail
    assert ("(MTU)" in finding.detail) is any(
        observation.failure and observation.failure.kind == "timeout" for observation in observations
    )


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tls(A), tls(B)], id="it ends"),
        pytest.param([tls(A, failed="reset")], id="reset"),
        pytest.param([tls(A, failed="closed")], id="closed"),
        pytest.param([tls(A, failed="deadline", received=0)], id="cut short"),
        pytest.param([tls(A, 1026, failed="timeout", received=0)], id="another port"),
        pytest.param([tls(C, failed="timeout", received=0)], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls004_stays_silent(observations: Observations) -> None:
    assert findings_of(TLS004, evidence([*HERE, *observations])) == []


def stalled(received: int, *, small: bool, other: bool) -> str:
    """What is said of one stall by what two more handshakes met."""
    observations: Observations = [
        tls(A, failed="timeout", received=received),
        again(A, SMALL_SEGMENTS, answered=small),
        again(A, OTHER_NAME, answered=other),
    ]
    [finding] = findings_of(TLS004, evidence([*HERE, *observations]))
    return finding.detail


@pytest.mark.parametrize(("small", "other"), [(True, False), (False, True), (False, False)])
def test_tls004_says_which_way_the_bytes_point(small: bool, other: bool) -> None:
    through = "At 10.0.1.17 the ClientHello got through: it is the answer that stalls."
    assert through in stalled(1200, small=small, other=other)
    assert through not in stalled(0, small=small, other=other)


def test_tls004_names_the_large_clienthello_where_size_is_at_fault_and_nothing_came() -> None:
    large = "The ClientHello may be the large one"
    assert large in stalled(0, small=True, other=False)
    assert large not in stalled(1200, small=True, other=False)
    assert large not in stalled(0, small=False, other=True)


SMALL_ID, OTHER_ID = (f"tls/backup/{A}/443/{operation}" for operation in (SMALL_SEGMENTS, OTHER_NAME))
SENTENCES = {
    "size": "At 10.0.1.17 a handshake with a small ClientHello and small segments is answered, one for another name is "
    "not: large packets are lost on the way, in a tunnel or at a firewall that drops the ICMP answers (MTU).",
    "name": "At 10.0.1.17 a handshake for another name is answered, and a small one for "
    "backup.eu-west-1.amazonaws.com is not: something on the way drops what asks for this server name (SNI filter).",
    "both": "At 10.0.1.17 a small handshake for backup.eu-west-1.amazonaws.com is answered, and a large one for "
    "another name, too: neither the size nor the name alone is at fault. Which of the two a device on the way "
    "minds is not known here.",
    "neither": "At 10.0.1.17 a small handshake and one for another name meet the same silence: large packets that are "
    "lost on the way (MTU), a filter on what is said, and a peer that says nothing cannot be told apart from here.",
    "untried": "At 10.0.1.17 no second handshake was made: large packets that are lost on the way (MTU) and a filter "
    "on the server name look like this.",
}
MEND_SIZE, MEND_NAME = "Set an MTU of 1500", "Let the firewall on the way pass the endpoint's host names"
MENDS = {"size": {MEND_SIZE}, "name": {MEND_NAME}}
"""What the fix says; where it is neither of these two, both."""


def second(operation: str, state: str) -> Observation[TlsFacts]:
    """One of the two handshakes that a stall calls for, by how it ended."""
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


@pytest.mark.parametrize(
    ("small", "other", "cause"),
    [
        ("answered", "answered", "both"),
        ("answered", "silent", "size"),
        ("answered", "never-connected", "untried"),
        ("silent", "answered", "name"),
        ("silent", "silent", "neither"),
        ("silent", "never-connected", "untried"),
        ("never-connected", "answered", "untried"),
        ("never-connected", "silent", "untried"),
        ("never-connected", "never-connected", "untried"),
        ("answered-certificate", "silent", "size"),
        ("answered-alert", "silent", "size"),
        ("answered-reset", "silent", "size"),
        ("answered-in-part", "silent", "size"),
        ("silent", "answered-certificate", "name"),
        ("silent", "answered-reset", "name"),
        ("silent", "never-connected-reset", "untried"),
        ("never-connected-unseen", "answered", "untried"),
        ("not-made", "answered", "untried"),
        ("silent", "not-made", "untried"),
    ],
)
def test_tls004_tells_a_stall_by_two_more_handshakes(small: str, other: str, cause: str) -> None:
    observations = [
        tls(A, failed="timeout", received=0),
        second(SMALL_SEGMENTS, small),
        second(OTHER_NAME, other),
        tls(B),
    ]
    [finding] = findings_of(TLS004, evidence([*HERE, *observations]))
    assert {name for name, sentence in SENTENCES.items() if sentence in finding.detail} == {cause}
    expected = MENDS.get(cause, {MEND_SIZE, MEND_NAME})
    assert {words for words in (MEND_SIZE, MEND_NAME) if words in finding.fix.summary} == expected
    assert finding.severity is None
    assert finding.addresses == frozenset(addresses(A))
    trials = [name for name, state in ((SMALL_ID, small), (OTHER_ID, other)) if state != "not-made"]
    assert finding.evidence == (f"tls/backup/{A}/443", *trials)


def test_tls004_tells_each_address_for_itself() -> None:
    observations = [tls(A, failed="timeout", received=0), tls(B, failed="timeout", received=0)]
    observations += [again(A, SMALL_SEGMENTS, answered=True), again(A, OTHER_NAME, answered=False)]
    observations += [again(B, SMALL_SEGMENTS, answered=False), again(B, OTHER_NAME, answered=True)]
    [finding] = findings_of(TLS004, evidence([*HERE, *observations]))
    assert SENTENCES["size"] in finding.detail
    assert SENTENCES["name"].replace(A, B) in finding.detail
    assert finding.fix.summary.startswith(MEND_SIZE)
    assert MEND_NAME in finding.fix.summary


# --- TLS005 handshake-reset, TLS009 handshake-refused -----------------------------------------------------------------

REFUSES_THE_OFFER = (
    *("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_PROTOCOL_VERSION", "TLSV1_ALERT_INSUFFICIENT_SECURITY"),
    *("TLSV1_ALERT_INAPPROPRIATE_FALLBACK", "40", "70", "71", "86"),
)


def of_both(*observations: Observation[TlsFacts]) -> list[str]:
    seen = evidence([*HERE, *observations])
    return [finding.code for rule in (TLS005, TLS009) for finding in findings_of(rule, seen)]


@pytest.mark.parametrize("code", REFUSES_THE_OFFER)
def test_an_alert_about_version_or_ciphers_is_tls009(code: str) -> None:
    assert of_both(alert(A, code)) == ["TLS009"]
    [finding] = findings_of(TLS009, evidence([*HERE, alert(A, code), tls(B)]))
    assert f"At 10.0.1.17 the handshake ends with alert {code}: this host offers TLS 1.2 and 1.3" in finding.detail
    assert finding.detail.endswith(
        "takes none of them. AWS takes TLS 1.2 at least, so either this host's crypto policy leaves too little, or "
        "the peer is not AWS."
    )
    assert finding.addresses == frozenset(addresses(A))


@pytest.mark.parametrize(
    "code",
    [
        *("TLSV1_ALERT_INTERNAL_ERROR", "80", "TLSV13_ALERT_CERTIFICATE_REQUIRED", "116"),
        *("SSLV3_ALERT_BAD_CERTIFICATE", "42", "SSLV3_ALERT_ILLEGAL_PARAMETER", "47", "109", "120", None),
    ],
)
def test_another_alert_proves_nothing_about_version_ciphers_or_name(code: str | None) -> None:
    assert of_both(alert(A, code)) == ["TLS005"]
    [finding] = findings_of(TLS005, evidence([*HERE, alert(A, code)]))
    assert finding.detail == (
        f"At 10.0.1.17 the handshake ends with an alert (alert {code}), after 12 ms. Whether it is about the name, and "
        "who sent it, the alert does not say."
    )


@pytest.mark.parametrize("code", ["TLSV1_UNRECOGNIZED_NAME", "112", "TLSV1_ALERT_ACCESS_DENIED", "49"])
def test_an_alert_about_the_name_is_tls005(code: str) -> None:
    assert of_both(alert(A, code)) == ["TLS005"]
    [finding] = findings_of(TLS005, evidence([*HERE, alert(A, code), alert(B, "80")]))
    assert f"At 10.0.1.17 an alert (alert {code}) refuses the name backup.eu-west-1.amazonaws.com" in finding.detail
    assert "at 10.0.2.17 the handshake ends with an alert (alert 80)" in finding.detail
    assert finding.detail.endswith("and so does a server that is not the endpoint.")


@pytest.mark.parametrize(
    ("observation", "how"),
    [
        pytest.param(tls(A, failed="reset", received=0), "is reset when the ClientHello is sent", id="reset"),
        pytest.param(tls(A, failed="closed", received=90), "is closed when 90 bytes of the handshake", id="closed"),
    ],
)
def test_tls005_claims_nothing_of_what_endpoints_do(observation: Observation[TlsFacts], how: str) -> None:
    [finding] = findings_of(TLS005, evidence([*HERE, observation]))
    assert how in finding.detail
    assert finding.detail.endswith(
        "A firewall that filters by server name or by protocol does so, and so does a server that is not the endpoint."
    )
    assert [command.argv[-1] for command in finding.fix.commands] == [
        "-showcerts",
        "-noservername",
        "Name=addresses.private-ip-address,Values=10.0.1.17",
    ]


@pytest.mark.parametrize("code", ["UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL"])
def test_tls009_tells_what_this_host_refuses_from_what_the_peer_does(code: str) -> None:
    observation = coded(tls(A, failed="malformed"), code, code.lower())
    assert of_both(observation) == ["TLS009"]
    [finding] = findings_of(TLS009, evidence([*HERE, observation, alert(B, "40")]))
    assert f"At 10.0.1.17 the peer chose what this host does not take: {code.lower()}." in finding.detail
    assert "At 10.0.2.17 the handshake ends with alert 40: this host offers" in finding.detail


def test_tls009_has_a_trial_without_this_host_s_settings() -> None:
    [finding] = findings_of(TLS009, evidence([*HERE, alert(A, "40")]))
    plain, trial, whose = (command.argv for command in finding.fix.commands)
    assert trial == ("env", "OPENSSL_CONF=/dev/null", *plain)
    assert whose[-1].endswith("Values=10.0.1.17")


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


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [tls(A, failed="tls-not-tls", first_bytes=b"HTTP/1.1 400 Bad".hex())],
            {A},
            "At 10.0.1.17 the answer to the ClientHello is not TLS; it begins with 'HTTP/1.1 400 Bad'.",
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
        pytest.param([tls(A, failed="tls-not-tls")], {A}, "is not TLS.", id="the bytes were not kept"),
        pytest.param(
            [tls(A, failed="tls-not-tls", first_bytes="no hexadecimal")],
            {A},
            "begins with 'no hexadecimal'.",
            id="bytes that a saved report does not hold in hexadecimal",
        ),
        pytest.param(
            [coded(tls(A, failed="malformed", received=50), "BAD_SIGNATURE", "bad signature"), tls(B)],
            {A},
            "At 10.0.1.17 the answer to the ClientHello breaks TLS: bad signature.",
            id="it breaks TLS",
        ),
        pytest.param(
            [
                tls(A, failed="tls-not-tls", first_bytes=b"SSH-2".hex()),
                coded(tls(B, failed="malformed", received=1), None, "no"),
            ],
            {A, B},
            "At 10.0.1.17 the answer to the ClientHello is not TLS; it begins with 'SSH-2'. At 10.0.2.17 the answer to "
            "the ClientHello breaks TLS: no.",
            id="no TLS at one address, broken TLS at the other",
        ),
    ],
)
def test_tls006_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TLS006, [*HERE, *observations], where)
    assert finding.severity is None
    assert finding.evidence == tuple(f"tls/backup/{address}/443" for address in (A, B) if address in where)
    assert finding.detail.endswith(detail)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tls(A)], id="it speaks TLS"),
        pytest.param([tls(A, failed="malformed", first_bytes="16")], id="bytes that nobody counted"),
        pytest.param([tls(A, failed="malformed", received=0)], id="nothing came"),
        pytest.param([tls(A, failed="malformed", facts=False)], id="a name that TLS cannot carry"),
        pytest.param([tls(C, failed="malformed", received=50)], id="broken TLS at an address that is not used"),
        *(
            pytest.param([coded(tls(A, failed="malformed", received=50), code)], id=f"{code} is TLS009")
            for code in ("UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL")
        ),
        pytest.param([tls(A, 1026, failed="tls-not-tls", first_bytes="00")], id="another port"),
        pytest.param([tls(C, failed="tls-not-tls", first_bytes="00")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls006_stays_silent(observations: Observations) -> None:
    assert findings_of(TLS006, evidence([*HERE, *observations])) == []


# --- TLS007 certificate-time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tls-expired", "tls-not-yet-valid"])
def test_tls007_fires(kind: str) -> None:
    [finding] = findings_of(
        TLS007, evidence([*HERE, tls(A, failed=kind, names=["backup.eu-west-1.amazonaws.com"]), tls(B)])
    )
    assert finding.target == "backup"
    assert finding.addresses == frozenset(addresses(A))
    assert finding.detail == (
        "At 10.0.1.17 the certificate is not valid at this host's time, 2026-03-01 12:00 UTC; it is from 2026-03-01 to "
        "2026-03-01."
    )


def test_tls007_names_no_time_that_was_not_kept() -> None:
    shaken = tls(A, failed="tls-expired")
    timeless = Observation(subject=shaken.subject, outcome=shaken.outcome, started_at=None, seconds=None)
    [finding] = findings_of(TLS007, evidence([*HERE, timeless]))
    assert finding.detail == "At 10.0.1.17 the certificate is not valid at this host's time."


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tls(A)], id="it verifies"),
        pytest.param([inspected(A)], id="not trusted"),
        pytest.param([tls(A, 1026, failed="tls-expired")], id="another port"),
        pytest.param([tls(C, failed="tls-expired")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tls007_stays_silent(observations: Observations) -> None:
    assert findings_of(TLS007, evidence([*HERE, *observations])) == []


# --- TLS008 trust-store-broken ---------------------------------------------------------------------------------------


def amazons(address: str, code: str) -> Observation[TlsFacts]:
    """A certificate that names Amazon as its issuer, and does not verify."""
    return coded(tls(address, failed="tls-untrusted", issuer="CN=Amazon Root CA 1,O=Amazon"), code, f"code {code}")


@pytest.mark.parametrize("code", ["66", "67", "68"])
def test_tls008_does_not_send_for_roots_where_a_key_is_too_weak(code: str) -> None:
    [finding] = findings_of(TLS008, evidence([*HERE, amazons(A, code)]))
    assert finding.addresses == frozenset(addresses(A))
    assert finding.detail == (
        "At 10.0.1.17 the certificate names Amazon as its issuer, and a key or digest in its chain is too weak for "
        f"this host's policy (code {code}). That is not about the roots."
    )
    assert "ca-certificates" not in finding.fix.summary
    assert [command.argv[0] for command in finding.fix.commands] == ["update-crypto-policies", "openssl"]


def test_tls008_shows_the_variables_by_name_alone() -> None:
    # The whole environment holds secrets, and a terminal may be shared.
    [finding] = findings_of(TLS008, evidence([*HERE, amazons(A, "20")]))
    assert "the root is missing there" in finding.detail
    assert "too weak" not in finding.detail
    assert [command.argv for command in finding.fix.commands] == [
        ("printenv", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    ]


def test_tls008_tells_all_that_it_saw() -> None:
    unread = tls(B, failed="tls-no-trust-store", facts=False)
    [finding] = findings_of(TLS008, evidence([*HERE, amazons(A, "20"), unread]))
    assert "At 10.0.1.17 the certificate names Amazon" in finding.detail
    assert "No certificate could be verified: it said tls-no-trust-store." in finding.detail
    [finding] = findings_of(TLS008, evidence([*HERE, unread]))
    assert "fingerprint" not in finding.fix.summary


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
    """The observation in a report that lost its times."""
    return replace(observation, started_at=None)


AMAZON_INTERMEDIATE: Final = "CN=Amazon RSA 2048 M01,O=Amazon,C=US"
CASES_THAT_FIRE = [
    fires(
        "TLS002",
        "by a local authority",
        [*here("backup", A), tls(A, issuer="CN=Proxy CA,O=Example Corp", organization="Example Corp")],
        at=[A],
        detail="was issued by CN=Proxy CA,O=Example Corp, which this host trusts and which is not Amazon",
    ),
    fires(
        "TLS007",
        "expired",
        [*here("backup", A), tls(A, failed="tls-expired", issuer=AMAZON_ROOT)],
        at=[A],
        detail="not valid at this host's time, 2026-03-01 12:00 UTC; it is from 2026-03-01 to 2026-03-01.",
    ),
    fires(
        "TLS007",
        "not yet valid, and no certificate read",
        [*here("backup", A), tls(A, failed="tls-not-yet-valid")],
        detail="not valid at this host's time, 2026-03-01 12:00 UTC.",
    ),
    fires(
        "TLS007",
        "of a report without times",
        [*here("backup", A), unstamped(tls(A, failed="tls-expired"))],
        detail="At 10.0.1.17 the certificate is not valid at this host's time.",
    ),
    fires(
        "TLS008",
        "without Amazon's root",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_ROOT)],
        at=[A],
        detail="names Amazon as its issuer, and /etc/ssl/certs does not verify it",
    ),
    fires(
        "TLS008",
        "cannot be read",
        [*here("backup", A), tls(A, failed="tls-no-trust-store", facts=False)],
        at=[A],
        detail="No certificate could be verified: it said tls-no-trust-store.",
    ),
    fires(
        "TLS010",
        "the server's own certificate alone",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_INTERMEDIATE)],
        at=[A],
        detail=f"At {A} the server sends 1 certificate and not that of the issuer, {AMAZON_INTERMEDIATE}: without",
    ),
    *(
        fires(
            "TLS005",
            f"an ICMP error on a connection that is up ({kind})",
            [*here("backup", A), tls(A, failed=kind)],
            at=[A],
            detail=f"At {A} the connection ends with an error of the network (it said {kind}), after",
        )
        for kind in ("refused", "unreachable", "prohibited")
    ),
]
CASES_OF_SILENCE = [
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


@pytest.mark.parametrize("case", CASES_THAT_FIRE)
def test_fires(case: Case) -> None:
    assert_fires(case)


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
