"""TLS rules for port 443: whose certificate the peer shows, and whether the handshake ends."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

from agent.catalog.headline import Forms
from agent.catalog.wording import after, listed
from agent.fixes.commands import at_https, describe_endpoint, openssl, read_only, show_certificate
from agent.fixes.host import set_clock
from agent.judge.conditions.certificates import (
    AMAZON,
    ISSUED_BY_AMAZON,
    is_for_other_names,
    is_from_other_issuer,
    leaf_of,
    missing_issuer,
)
from agent.judge.conditions.connects import connects_elsewhere
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, kind_of, places, whose_address
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, Fix, SubjectKind
from agent.report.subjects import about, common_name
from probes.facts import TlsFacts
from probes.model import FailureKind, Observation, Step, Target
from probes.operations import OTHER_NAME, SMALL_SEGMENTS
from probes.ports import HTTPS

_SHOWN: Final = 8
_REFUSES_THE_NAME: Final = frozenset(
    {"TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_ACCESS_DENIED", "TLSV1_ALERT_USER_CANCELLED", "112", "49", "90"}
)
"""TLS alerts that filters send, by OpenSSL's names or by number."""
_REFUSES_THE_OFFER: Final = frozenset(
    {
        *("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_PROTOCOL_VERSION", "TLSV1_ALERT_INSUFFICIENT_SECURITY"),
        *("TLSV1_ALERT_INAPPROPRIATE_FALLBACK", "40", "70", "71", "86"),
    }
)
"""Alerts about the version or the ciphers (RFC 8446, section 6.2; RFC 7507). No other alert proves such a fault."""
_BEFORE_TLS: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
        FailureKind.NO_SOURCE_PORT,
    }
)
"""Failures that may come before or after a ClientHello is sent."""
_NOT_IN_COMMON: Final = frozenset({"UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL"})
"""Errors of OpenSSL here if the peer chose something that this host does not accept."""
_TOO_WEAK: Final = frozenset({"66", "67", "68"})
"""Verify codes for a key or digest below this host's security level: X509_V_ERR_EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL,
CA_MD_TOO_WEAK. The first of them arises before OpenSSL looks up a root, and so proves nothing about the roots."""
_ONE_PACKET: Final = "over 1500 bytes"
"""The size of a ClientHello of OpenSSL 3.5, in words. It includes a key share of ML-KEM (measured: 1561 to 1572 bytes
depending on the name)."""


def intercepted(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS001: the certificate does not verify, and its issuer is not Amazon's or cannot be read."""
    for target in evidence.targets:
        unverified = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_UNTRUSTED)
            if is_from_other_issuer(handshake)
        ]
        weak = [handshake for handshake in unverified if _code(handshake) in _TOO_WEAK]
        strangers = [h for h in unverified if h not in weak and is_for_other_names(h, target.host)]
        unknown = [handshake for handshake in unverified if handshake not in weak and handshake not in strangers]
        unread = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_UNTRUSTED)
            if leaf_of(handshake) is None
        ]
        known = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_HOSTNAME)
            if _is_impostor(handshake, target)
        ]
        untrusted = [*unverified, *unread, *known]
        if not untrusted:
            continue
        sentences = []
        if unknown:
            sentences.append(
                f"At {_where(unknown)} the certificate for {target.host} was issued by {_issuers(unknown)}, which "
                "this host does not trust and which is not Amazon: something on the way intercepts TLS."
            )
        if strangers:
            sentences.append(
                f"At {_where(strangers)} the certificate was issued by {_issuers(strangers)}, which this host does not "
                f"trust and which is not Amazon, for {_names(strangers)}: another server answers in the endpoint's "
                "place."
            )
        if weak:
            sentences.append(
                f"At {_where(weak)} the certificate for {target.host} was issued by {_issuers(weak)}, which is not "
                "Amazon, and is too weak for this host's policy: something on the way intercepts TLS."
            )
        if unread:
            sentences.append(
                f"At {_where(unread)} the certificate for {target.host} does not verify ({_alerts(unread)}), and its "
                "owner could not be read: something else answers there or stands in between, or the roots that this "
                "host trusts lack those of AWS."
            )
        if known:
            sentences.append(
                f"At {_where(known)} the certificate was issued by {_issuers(known)}, which this host trusts and which "
                f"is not Amazon, for {_names(known) or 'no name'}: something on the way answers in the endpoint's "
                "place."
            )
        genuine = _genuine_elsewhere(evidence, target)
        if genuine:
            sentences.append(
                f"At {_where(genuine)}, which the VPC's resolver gives, the certificate is AWS's own: this host's name "
                "servers lead to somebody else."
            )
        yield RuleFinding(
            code="TLS001",
            target=target.id,
            detail=" ".join(sentences),
            evidence=ids([*untrusted, *genuine]),
            addresses=places(untrusted),
            headline=_issuer_in_short(untrusted),
            subjects=about(SubjectKind.ISSUER, sorted(_issuer_names(untrusted))),
            shared=frozenset() if unread else _issuer_names(untrusted),
            fix=_instead_of_somebody_else(evidence, target, untrusted, strangers, genuine),
        )


def _instead_of_somebody_else(
    evidence: Evidence,
    target: Target,
    untrusted: Sequence[Observation[TlsFacts]],
    strangers: Sequence[Observation[TlsFacts]],
    genuine: Sequence[Observation[TlsFacts]],
) -> Fix:
    """The fix to suggest if somebody else answers. If `genuine` handshakes show that other addresses belong to AWS, the
    name must lead to these. If every answer comes from `strangers`, the address is wrong. Otherwise, the name must be
    exempt from inspection."""
    if genuine:
        return Fix(
            summary="Let this host's name servers forward the name to the VPC's resolver: look there for a response "
            f"policy, a zone or a record that answers for it. The path to {_where(genuine)} is not inspected.",
            commands=(read_only("getent", "ahosts", target.host), show_certificate(target, untrusted)),
        )
    if untrusted == strangers:
        return Fix(
            summary="Find out whose address it is, and what sends the endpoint's host names to that server: a record "
            "in DNS, a line in the hosts file, or a firewall, proxy or load balancer on the way.",
            commands=(show_certificate(target, untrusted), *whose_address(evidence, target, strangers)),
        )
    return Fix(
        summary="Exempt the endpoint's host names from TLS inspection. Trusting the inspector's authority instead "
        "(AWS_CA_BUNDLE) makes calls work, but the inspector can then read them.",
        commands=(show_certificate(target, untrusted),),
    )


def _genuine_elsewhere(evidence: Evidence, target: Target) -> list[Observation[TlsFacts]]:
    """Handshakes with AWS at addresses that the VPC's resolver gives and this host's name servers do not."""
    elsewhere = connects_elsewhere(evidence, target)
    return [
        handshake
        for handshake in evidence.of(Step.TLS, target)
        if handshake.subject.address in elsewhere
        and handshake.subject.port == HTTPS
        and handshake.subject.operation is None
        and handshake.ok
    ]


def wrong_host(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS003: a genuine certificate for other names: the address belongs to another service's endpoint."""
    for target in evidence.targets:
        failed = _failed(evidence, target, FailureKind.TLS_HOSTNAME)
        strangers = [handshake for handshake in failed if not _is_impostor(handshake, target)]
        if not strangers:
            continue
        names = _names(strangers)
        yield RuleFinding(
            code="TLS003",
            target=target.id,
            headline={"subject": next(iter(_all_names(strangers)), None)},
            detail=f"At {_where(strangers)} the certificate is trusted, but is {f'for {names}, ' if names else ''}not "
            f"for {target.host}: another endpoint has that address.",
            evidence=ids(strangers),
            addresses=places(strangers),
            shared=frozenset(_all_names(strangers)),
            fix=Fix(
                summary="Point the name at the right endpoint: look for a record in a private hosted zone, a line in "
                "the hosts file, or an endpoint URL in the SDK's settings that names another service.",
                commands=(describe_endpoint(target), show_certificate(target, strangers)),
            ),
        )


def handshake_stalls(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS004: TCP connects, but the handshake never ends. No data comes back, or only a few bytes at a time."""
    for target in evidence.targets:
        silent, endless = (_failed(evidence, target, kind) for kind in (FailureKind.TIMEOUT, FailureKind.TOO_LARGE))
        stalled = [*silent, *endless]
        if not stalled:
            continue
        sentences = []
        causes = {_why_silent(evidence, target, handshake) for handshake in silent}
        answered = [handshake for handshake in silent if handshake.facts is not None and handshake.facts.bytes_received]
        if silent:
            tcp = _tcp_words(evidence, target, silent)
            sentences.append(f"At {_where(silent)} TCP connects{tcp}, then {_came(silent)}, {after(silent)}.")
        if answered:
            sentences.append(f"At {_where(answered)} the ClientHello got through: it is the answer that stalls.")
        for cause in _Stall:
            lost = [handshake for handshake in silent if _why_silent(evidence, target, handshake) is cause]
            if lost:
                sentences.append(cause.value.format(where=_where(lost), host=target.host))
            if cause is _Stall.SIZE and any(handshake not in answered for handshake in lost):
                sentences.append(
                    f"The ClientHello itself may be too large: with OpenSSL 3.5 it has {_ONE_PACKET}, two packets at "
                    "an MTU of 1500."
                )
        if endless:
            bytes_came = f": {_bytes(endless)} bytes came" if _bytes(endless) else ""
            sentences.append(f"At {_where(endless)} the handshake has no end{bytes_came}, {after(endless)}.")
        yield RuleFinding(
            code="TLS004",
            target=target.id,
            detail=" ".join(sentences),
            evidence=ids(
                [*stalled, *(again for handshake in silent for again in _tried_again(evidence, target, handshake))]
            ),
            addresses=places(stalled),
            shared=frozenset(cause.name for cause in causes) if causes <= _TOLD and not endless else frozenset(),
            fix=_unstall(causes, stalled),
        )


def _tcp_words(evidence: Evidence, target: Target, handshakes: list[Observation[TlsFacts]]) -> str:
    """The kernel's data on the connections: the largest segment that it would send, and whether a SYN was lost."""
    connects = [
        attempt for attempt in evidence.connects(target, HTTPS) if attempt.subject.address in places(handshakes)
    ]
    sizes = sorted(
        {attempt.facts.mss for attempt in connects if attempt.facts is not None and attempt.facts.mss is not None}
    )
    lost = sum(attempt.facts.retransmits or 0 for attempt in connects if attempt.facts is not None)
    words = [f"MSS {listed(sizes)}"] if sizes else []
    words += [f"{lost} SYN{'s' if lost > 1 else ''} sent again"] if lost else []
    return f" ({', '.join(words)})" if words else ""


class _Stall(Enum):
    """What two further handshakes show, which were made at an address at which the first handshake stalled. The values
    are sentences."""

    SIZE = (
        "At {where} a handshake with a small ClientHello and small segments is answered, and a large one for another "
        "name is not: large packets are lost on the way, in a tunnel or at a firewall that drops ICMP answers (MTU)."
    )
    NAME = (
        "At {where} a handshake for another name is answered, and a small one for {host} is not: something on the way "
        "drops handshakes for this server name (SNI filter)."
    )
    BOTH = (
        "At {where} a small handshake for {host} is answered, and a large one for another name, too: neither the size "
        "nor the name alone is at fault. Which of the two makes a device on the way react is not known here."
    )
    NEITHER = (
        "At {where} a small handshake and one for another name get no answer either: large packets that are lost on "
        "the way (MTU), a filter on the content, and a peer that never answers cannot be told apart from here."
    )
    UNTRIED = (
        "At {where} no second handshake was made: large packets that are lost on the way (MTU) and a filter on the "
        "server name look the same."
    )


_TOLD: Final = frozenset({_Stall.SIZE, _Stall.NAME})
"""The results that show the cause: a device that drops large packets, or one that filters names."""


def _tried_again(
    evidence: Evidence, target: Target, stalled: Observation[TlsFacts]
) -> tuple[Observation[TlsFacts], ...]:
    """The two further handshakes at an address, if they were made."""
    address = stalled.subject.address
    further = (
        None if address is None else evidence.at(Step.TLS, target, address, HTTPS, operation)
        for operation in (SMALL_SEGMENTS, OTHER_NAME)
    )
    return tuple(handshake for handshake in further if handshake is not None and handshake.made)


def _why_silent(evidence: Evidence, target: Target, stalled: Observation[TlsFacts]) -> _Stall:
    again = {
        handshake.subject.operation: _heard_back(handshake) for handshake in _tried_again(evidence, target, stalled)
    }
    match again.get(SMALL_SEGMENTS), again.get(OTHER_NAME):
        case True, False:
            return _Stall.SIZE
        case False, True:
            return _Stall.NAME
        case True, True:
            return _Stall.BOTH
        case False, False:
            return _Stall.NEITHER
    return _Stall.UNTRIED


def _heard_back(handshake: Observation[TlsFacts]) -> bool | None:
    """Whether anything came back, even a refusal. False if nothing came after the ClientHello, None if the ClientHello
    was never sent."""
    if handshake.failure is None or handshake.failure.kind not in _BEFORE_TLS:
        return True
    if handshake.facts is None or handshake.facts.bytes_received is None:
        return None  # the connection itself was not established
    return handshake.failure.kind is not FailureKind.TIMEOUT or handshake.facts.bytes_received > 0


def _unstall(causes: set[_Stall], stalled: list[Observation[TlsFacts]]) -> Fix:
    size = (
        "Set an MTU of 1500 on this host's interface, or less where a tunnel is on the way, and let the tunnel or "
        "firewall clamp the MSS and pass ICMP (type 3 code 4; for IPv6 type 2)."
    )
    name = "Let the firewall on the way pass the endpoint's host names, the default one and the endpoint's own."
    parts = [size] if causes != {_Stall.NAME} else []
    parts += [name] if causes != {_Stall.SIZE} else []
    return Fix(
        summary=" ".join(parts),
        commands=(read_only("ip", "link", "show"), read_only("ip", "route", "get", str(stalled[0].subject.address))),
    )


def handshake_reset(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS005: after the ClientHello, the connection is reset or closed, or an alert comes that is not about the version
    or the ciphers."""
    for target in evidence.targets:
        resets = _failed(evidence, target, FailureKind.RESET)
        # On an established connection, an ICMP error came in place of an answer.
        errors = [
            handshake
            for kind in (FailureKind.REFUSED, FailureKind.UNREACHABLE, FailureKind.PROHIBITED)
            for handshake in _failed(evidence, target, kind)
        ]
        ends = _failed(evidence, target, FailureKind.CLOSED)
        alerts = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_ALERT)
            if _code(handshake) not in _REFUSES_THE_OFFER
        ]
        refusals = [handshake for handshake in alerts if _code(handshake) in _REFUSES_THE_NAME]
        others = [handshake for handshake in alerts if handshake not in refusals]
        cut = [*resets, *errors, *ends, *alerts]
        if not cut:
            continue
        sentences = [
            f"at {_where(handshakes)} {how}, {after(handshakes)}"
            for how, handshakes in (
                (f"the connection is reset when {_heard(resets)}", resets),
                (f"the connection ends with an error of the network ({_alerts(errors)})", errors),
                (f"the connection is closed when {_heard(ends)}", ends),
                (f"an alert ({_alerts(refusals)}) refuses the name {target.host}", refusals),
                (f"the handshake ends with an alert ({_alerts(others)})", others),
            )
            if handshakes
        ]
        text = "; ".join(sentences)
        whose = (
            "The alert does not say whether it is about the name, nor who sent it."
            if len(others) == len(cut)
            else "A firewall that filters by server name or by protocol does this, and a server that is not the "
            "endpoint may do it, too."
        )
        yield RuleFinding(
            code="TLS005",
            target=target.id,
            detail=f"{text[0].upper()}{text[1:]}. {whose}",
            evidence=ids(cut),
            addresses=places(cut),
            shared=frozenset(f"{kind_of(handshake)} {_code(handshake)}" for handshake in cut),
            fix=Fix(
                summary="Try without the server name (second command). If that shows a certificate, let the firewall "
                "or inspection device on the way pass the endpoint's host names, the default one and its own. If not, "
                "check whose address it is.",
                commands=(
                    show_certificate(target, cut),
                    openssl("-connect", at_https(cut), "-noservername"),
                    *whose_address(evidence, target, cut),
                ),
            ),
        )


def handshake_refused(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS009: the two sides have no TLS version or no cipher in common, and one of them says so."""
    for target in evidence.targets:
        by_peer = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_ALERT)
            if _code(handshake) in _REFUSES_THE_OFFER
        ]
        by_us = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.MALFORMED)
            if _code(handshake) in _NOT_IN_COMMON
        ]
        refused = [*by_peer, *by_us]
        if not refused:
            continue
        sentences = []
        if by_peer:
            sentences.append(
                f"At {_where(by_peer)} the handshake ends with {_alerts(by_peer)}: this host offers TLS 1.2 and 1.3 "
                "with the ciphers of its OpenSSL, and the peer takes none of them."
            )
        if by_us:
            sentences.append(
                f"At {_where(by_us)} the peer chose parameters of TLS that this host does not accept: {_alerts(by_us)}."
            )
        yield RuleFinding(
            code="TLS009",
            target=target.id,
            detail=f"{' '.join(sentences)} AWS accepts TLS 1.2 and later, so either this host's crypto policy allows "
            "too little, or the peer is not AWS.",
            evidence=ids(refused),
            addresses=places(refused),
            shared=_codes(refused),
            fix=Fix(
                summary="Try without this host's OpenSSL settings (second command). If that shows a certificate, these "
                "settings or the crypto policy are at fault. If not, check whose address it is.",
                commands=(
                    show_certificate(target, refused),
                    read_only("env", "OPENSSL_CONF=/dev/null", *show_certificate(target, refused).argv),
                    *whose_address(evidence, target, refused),
                ),
            ),
        )


def _code(handshake: Observation[TlsFacts]) -> str | None:
    return handshake.failure.code if handshake.failure is not None else None


def _codes(handshakes: list[Observation[TlsFacts]]) -> frozenset[str]:
    """The codes of these handshakes' failures, each of which comes from settings of this host."""
    return frozenset(map(str, map(_code, handshakes)))


def _alerts(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    return listed(sorted({handshake.failure.message for handshake in handshakes if handshake.failure is not None}))


def _heard(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    size = _bytes(handshakes)
    return "the ClientHello is sent" if size in (None, "0") else f"{size} bytes of the handshake have come"


def not_tls(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS006: the peer on the port does not speak TLS, or breaks the rules of TLS."""
    for target in evidence.targets:
        other = _failed(evidence, target, FailureKind.TLS_NOT_TLS)
        # Without facts nothing was received: TLS could not carry the requested name.
        broken = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.MALFORMED)
            if _code(handshake) not in _NOT_IN_COMMON and handshake.facts is not None and handshake.facts.bytes_received
        ]
        noisy = [*other, *broken]
        if not noisy:
            continue
        began = sorted(
            {
                handshake.facts.first_bytes
                for handshake in noisy
                if handshake.facts is not None and handshake.facts.first_bytes
            }
        )
        spoken = sorted({_as_text(first) for first in began})
        begins = f"; it begins with {listed(spoken)}" if spoken else ""
        yield RuleFinding(
            code="TLS006",
            target=target.id,
            detail=" ".join(
                (f"At {_where(handshakes)} the answer to the ClientHello {what}.")
                for handshakes, what in ((other, f"is not TLS{begins}"), (broken, f"breaks TLS: {_alerts(broken)}"))
                if handshakes
            ),
            evidence=ids(noisy),
            addresses=places(noisy),
            shared=frozenset(spoken),
            fix=Fix(
                summary="Something else listens there: a captive portal, a plain-HTTP proxy, another server. Make sure "
                "that the address is the endpoint's and that nothing redirects port 443.",
                commands=(describe_endpoint(target),),
            ),
        )


def _failed(evidence: Evidence, target: Target, kind: FailureKind) -> list[Observation[TlsFacts]]:
    return [
        handshake
        for handshake in evidence.handshakes(target)
        if handshake.failure is not None and handshake.failure.kind is kind
    ]


def _is_impostor(handshake: Observation[TlsFacts], target: Target) -> bool:
    """Whether a certificate that this host trusts cannot belong to an endpoint, because only Amazon issues certificates
    for endpoints."""
    return target.partition in ISSUED_BY_AMAZON and is_from_other_issuer(handshake)


def _issuers(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    return listed(sorted(_issuer_names(handshakes)))


def _issuer_in_short(handshakes: Iterable[Observation[TlsFacts]]) -> dict[str, Forms | None]:
    """The issuer's common name for a headline."""
    issuer = next(iter(sorted(_issuer_names(handshakes))), None)
    return {"issuer": None if issuer is None else common_name(issuer) or issuer}


def _issuer_names(handshakes: Iterable[Observation[TlsFacts]]) -> frozenset[str]:
    return frozenset(
        leaf.issuer or "an issuer without a name"
        for handshake in handshakes
        if (leaf := leaf_of(handshake)) is not None
    )


def _all_names(handshakes: Iterable[Observation[TlsFacts]]) -> list[str]:
    """All names in the certificates, sorted."""
    return sorted({name for handshake in handshakes if (leaf := leaf_of(handshake)) is not None for name in leaf.names})


def _names(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    """The first eight names in the certificates; empty if none is known."""
    names = _all_names(handshakes)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{listed(names[:_SHOWN])}{more}" if names else ""


def _came(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    """The data that came back before the attempt was given up."""
    size = _bytes(handshakes)
    if size is None:
        return "the handshake does not end"
    return "nothing came back to the ClientHello" if size == "0" else f"only {size} bytes of the handshake came back"


def _bytes(handshakes: Iterable[Observation[TlsFacts]]) -> str | None:
    """Number of bytes that came back, as a range if the numbers differ. None if the bytes were not counted."""
    counts = [handshake.facts.bytes_received for handshake in handshakes if handshake.facts is not None]
    known = [count for count in counts if count is not None]
    if not known:
        return None
    return str(min(known)) if min(known) == max(known) else f"{min(known)} to {max(known)}"


def _where(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    return listed(handshake.subject.address for handshake in handshakes)


def _as_text(first_bytes: str) -> str:
    try:
        return repr(bytes.fromhex(first_bytes).decode("latin-1"))
    except ValueError:  # the report was made elsewhere
        return repr(first_bytes)


def trusted_interception(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS002: the certificate verifies with an authority that is not Amazon's, but that this host trusts."""
    for target in evidence.targets:
        if target.partition not in ISSUED_BY_AMAZON:
            continue
        opened = [
            handshake for handshake in evidence.handshakes(target) if handshake.ok and is_from_other_issuer(handshake)
        ]
        if not opened:
            continue
        yield RuleFinding(
            code="TLS002",
            target=target.id,
            detail=f"At {_where(opened)} the certificate for {target.host} was issued by {_issuers(opened)}, which "
            "this host trusts and which is not Amazon: something on the way intercepts TLS, and this host allows it.",
            evidence=ids(opened),
            addresses=places(opened),
            headline=_issuer_in_short(opened),
            subjects=about(SubjectKind.ISSUER, sorted(_issuer_names(opened))),
            shared=_issuer_names(opened),
            fix=Fix(
                summary="Exempt the endpoint's host names from TLS inspection, which sees every call and every token.",
                commands=(show_certificate(target, opened),),
            ),
        )


def certificate_time(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS007: according to this host's clock, the certificate is expired or not yet valid."""
    for target in evidence.targets:
        untimely = [
            handshake
            for kind in (FailureKind.TLS_EXPIRED, FailureKind.TLS_NOT_YET_VALID)
            for handshake in _failed(evidence, target, kind)
        ]
        if not untimely:
            continue
        spans = sorted(
            {
                f"{leaf.not_before:%Y-%m-%d} to {leaf.not_after:%Y-%m-%d}"
                for handshake in untimely
                if (leaf := leaf_of(handshake)) is not None
            }
        )
        clock = set_clock(None if evidence.host is None else evidence.host.time_configuration)
        times = [handshake.started_at for handshake in untimely if handshake.started_at is not None]
        now = f", {max(times):%Y-%m-%d %H:%M} UTC" if times else ""
        yield RuleFinding(
            code="TLS007",
            target=target.id,
            headline={"span": spans[0] if spans else None, "now": f"{max(times):%Y-%m-%d}" if times else None},
            detail=f"At {_where(untimely)} the certificate is not valid at this host's time{now}"
            + (f"; it is valid from {listed(spans)}." if spans else "."),
            evidence=ids(untimely),
            addresses=places(untimely),
            shared=frozenset(str(kind_of(handshake)) for handshake in untimely),
            fix=Fix(
                summary="If this host's clock is right, something other than AWS answers with an old certificate. "
                f"Otherwise set the clock first. {clock.summary}",
                commands=(show_certificate(target, untimely), *clock.commands),
                lines=clock.lines,
            ),
        )


def trust_store_broken(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS008: the issuer is Amazon's, but the local store does not have it, or this host's policy considers it too
    weak. Or the store cannot be read."""
    for target in evidence.targets:
        unverified = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_UNTRUSTED)
            if (leaf := leaf_of(handshake)) is not None and leaf.issuer_organization in AMAZON
        ]
        weak = [handshake for handshake in unverified if _code(handshake) in _TOO_WEAK]
        unverified = [handshake for handshake in unverified if handshake in weak or missing_issuer(handshake) is None]
        lacking = [handshake for handshake in unverified if handshake not in weak]
        unread = _failed(evidence, target, FailureKind.TLS_NO_TRUST_STORE)
        if not unverified and not unread:
            continue
        stores = sorted({handshake.facts.trust for handshake in lacking if handshake.facts is not None})
        sentences = []
        # Anybody can write any issuer into a certificate, so one that does not verify proves nothing.
        if lacking:
            sentences.append(
                f"At {_where(lacking)} the certificate names Amazon as its issuer, and {listed(stores)} does not "
                "verify it: the root is missing there, or the certificate is not genuine."
            )
        if weak:
            sentences.append(
                f"At {_where(weak)} the certificate names Amazon as its issuer, and a key or digest in its chain is "
                f"too weak for this host's policy ({_alerts(weak)}). The roots are not the cause."
            )
        if unread:
            sentences.append(f"No certificate could be verified: {_alerts(unread)}.")
        yield RuleFinding(
            code="TLS008",
            target=target.id,
            headline={"error": _code(unread[0])} if unread else {"store": _store_of(unverified)},
            detail=" ".join(sentences),
            evidence=ids([*unverified, *unread]),
            addresses=places([*unverified, *unread]),
            shared=_codes([*unverified, *unread]),
            fix=_repair_trust(target, lacking, weak, unread),
        )


def _store_of(handshakes: Sequence[Observation[TlsFacts]]) -> str | None:
    """The place from which this host's trusted certificates come; None if unknown."""
    return next((handshake.facts.trust for handshake in handshakes if handshake.facts is not None), None)


def chain_incomplete(evidence: Evidence) -> Iterator[RuleFinding]:
    """TLS010: the server sends one of Amazon's certificates without the intermediate certificate of its issuer."""
    for target in evidence.targets:
        short = [
            handshake
            for handshake in _failed(evidence, target, FailureKind.TLS_UNTRUSTED)
            if missing_issuer(handshake) is not None and _code(handshake) not in _TOO_WEAK
        ]
        if not short:
            continue
        lacks = sorted({issuer for handshake in short if (issuer := missing_issuer(handshake)) is not None})
        counts = sorted({len(handshake.facts.certificates) for handshake in short if handshake.facts is not None})
        one = counts == [1]
        yield RuleFinding(
            code="TLS010",
            target=target.id,
            detail=f"At {_where(short)} the server sends {listed(counts)} certificate{'' if one else 's'} but not that "
            f"of the issuer, {listed(lacks)}. Without this intermediate, no list of roots verifies the chain. AWS "
            "sends the whole chain, so something on the way shortens it or answers in AWS's place.",
            evidence=ids(short),
            addresses=places(short),
            shared=frozenset(lacks),
            fix=Fix(
                summary="Find out whose address it is, and what is in front of it: a proxy or a load balancer with a "
                "copied certificate has to send the intermediate as well. The list of trusted roots on this host "
                "needs no change.",
                commands=(show_certificate(target, short), *whose_address(evidence, target, short)),
            ),
        )


def _repair_trust(
    target: Target,
    lacking: list[Observation[TlsFacts]],
    weak: list[Observation[TlsFacts]],
    unread: list[Observation[TlsFacts]],
) -> Fix:
    parts: list[str] = []
    commands: list[Command] = []
    if lacking or weak:
        parts.append("Compare the certificate's fingerprint with that of the certificate seen from another network.")
    if lacking or unread:
        parts.append(
            "Install the system's current roots (ca-certificates), or correct AWS_CA_BUNDLE, the profile's ca_bundle "
            "or --ca-bundle. Amazon Root CA 1 to 4 and Starfield Services Root must be among the roots."
        )
        commands.append(read_only("printenv", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    if weak:
        parts.append(
            "The certificate is too weak for this host's crypto policy or OpenSSL security level. Whoever sets that "
            "policy decides; new roots do not help."
        )
        commands += [read_only("update-crypto-policies", "--show"), show_certificate(target, weak)]
    return Fix(summary=" ".join(parts), commands=tuple(commands))


RULES: Final = (
    Rule("TLS001", needs=(Step.TLS,), check=intercepted),
    Rule("TLS002", needs=(Step.TLS,), check=trusted_interception),
    Rule("TLS003", needs=(Step.TLS,), check=wrong_host),
    Rule("TLS004", needs=(Step.TLS,), check=handshake_stalls),
    Rule("TLS005", needs=(Step.TLS,), check=handshake_reset),
    Rule("TLS006", needs=(Step.TLS,), check=not_tls),
    Rule("TLS007", needs=(Step.TLS,), check=certificate_time),
    Rule("TLS008", needs=(Step.TLS,), check=trust_store_broken),
    Rule("TLS009", needs=(Step.TLS,), check=handshake_refused),
    Rule("TLS010", needs=(Step.TLS,), check=chain_incomplete),
)
