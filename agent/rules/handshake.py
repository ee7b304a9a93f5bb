"""TLS on 443: whose certificate is there, and whether the handshake comes to an end at all."""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from agent.evidence import HTTPS, OTHER_NAME, SMALL_SEGMENTS, Evidence
from agent.report import Command, Fix
from agent.rules.rule import Found, Rule, after, describe_endpoint, ids, listed, look, places
from probes.facts import Certificate, TlsFacts
from probes.model import FailureKind, Observation, Step, Target

AMAZON: Final = frozenset({"Amazon", "Starfield Technologies, Inc."})
"""Organisations whose authorities sign AWS endpoints (Amazon Trust Services)."""
ISSUED_BY_AMAZON: Final = frozenset({"aws", "aws-us-gov"})
"""Partitions in which nobody else signs them."""
_SHOWN: Final = 8
_REFUSES_THE_NAME: Final = frozenset(
    {"TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_ACCESS_DENIED", "TLSV1_ALERT_USER_CANCELLED", "112", "49", "90"}
)
"""Alerts of who filters by name, as OpenSSL calls them or by number."""
_NOT_IN_COMMON: Final = frozenset(
    {"UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "DH_KEY_TOO_SMALL", "EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"}
)
"""What OpenSSL here says of a peer that chose what this host does not take."""


def intercepted(evidence: Evidence) -> Iterator[Found]:
    """TLS001: the certificate does not verify, and its issuer is not Amazon's."""
    for target in evidence.targets:
        unknown = [each for each in _failed(evidence, target, FailureKind.TLS_UNTRUSTED) if _is_foreign(each)]
        known = [each for each in _failed(evidence, target, FailureKind.TLS_HOSTNAME) if _is_impostor(each, target)]
        foreign = [*unknown, *known]
        if not foreign:
            continue
        said = []
        if unknown:
            said.append(
                f"At {_where(unknown)} the certificate for {target.host} was issued by {_issuers(unknown)}, which "
                "this host does not trust and which is not Amazon: something on the way opens TLS."
            )
        if known:
            said.append(
                f"At {_where(known)} the certificate was issued by {_issuers(known)}, which this host trusts and which "
                f"is not Amazon, for {_names(known) or 'no name'}: something on the way answers in the endpoint's "
                "place."
            )
        yield Found(
            code="TLS001",
            target=target.id,
            detail=" ".join(said),
            evidence=ids(foreign),
            addresses=places(foreign),
            fix=Fix(
                summary="Exempt the endpoint's host names from TLS inspection. Trusting the inspector's authority "
                "instead (AWS_CA_BUNDLE) makes calls work and leaves them open to it.",
                commands=(_show_certificate(target, foreign),),
            ),
        )


def wrong_host(evidence: Evidence) -> Iterator[Found]:
    """TLS003: a genuine certificate for other names: the address belongs to another service's endpoint."""
    for target in evidence.targets:
        failed = _failed(evidence, target, FailureKind.TLS_HOSTNAME)
        strangers = [each for each in failed if not _is_impostor(each, target)]
        if not strangers:
            continue
        names = _names(strangers)
        yield Found(
            code="TLS003",
            target=target.id,
            detail=f"At {_where(strangers)} the certificate is trusted, but is {f'for {names}, ' if names else ''}not "
            f"for {target.host}: another endpoint has that address.",
            evidence=ids(strangers),
            addresses=places(strangers),
            fix=Fix(
                summary="Point the name at the right endpoint: look for a record in a private hosted zone, a line in "
                "the hosts file, or an endpoint URL in the SDK's settings that names another service.",
                commands=(describe_endpoint(target), _show_certificate(target, strangers)),
            ),
        )


def handshake_stalls(evidence: Evidence) -> Iterator[Found]:
    """TLS004: TCP connects, and the handshake never ends: nothing comes back, or it drips."""
    for target in evidence.targets:
        silent, endless = (
            [each for each in _failed(evidence, target, kind) if each.facts is not None]
            for kind in (FailureKind.TIMEOUT, FailureKind.TOO_LARGE)
        )
        stalled = [*silent, *endless]
        if not stalled:
            continue
        said = []
        causes = {_why_silent(evidence, target, each) for each in silent}
        if silent:
            said.append(f"At {_where(silent)} TCP connects, then {_came(silent)}, {after(silent)}.")
        for cause in _Stall:
            lost = [each for each in silent if _why_silent(evidence, target, each) is cause]
            if lost:
                said.append(cause.value.format(where=_where(lost), host=target.host))
        if endless:
            bytes_came = f": {_bytes(endless)} bytes came" if _bytes(endless) else ""
            said.append(f"At {_where(endless)} the handshake has no end{bytes_came}, {after(endless)}.")
        yield Found(
            code="TLS004",
            target=target.id,
            detail=" ".join(said),
            evidence=ids([*stalled, *(again for each in silent for again in _tried_again(evidence, target, each))]),
            addresses=places(stalled),
            fix=_unstall(causes, stalled),
        )


class _Stall(Enum):
    """What two more handshakes at the same address tell of one that stalls, in words."""

    SIZE = (
        "At {where} a handshake with a small ClientHello and small segments is answered, one for another name is not: "
        "large packets are lost on the way, in a tunnel or at a firewall that drops the ICMP answers (MTU)."
    )
    NAME = (
        "At {where} a handshake for another name is answered, and a small one for {host} is not: something on the way "
        "drops what asks for this server name (SNI filter)."
    )
    BOTH = (
        "At {where} a small handshake for {host} is answered, and a large one for another name, too: neither the size "
        "nor the name alone is at fault, and which of the two a device on the way minds cannot be told from here."
    )
    NEITHER = (
        "At {where} a small handshake and one for another name meet the same silence: large packets that are lost on "
        "the way (MTU), a filter on what is said, and a peer that says nothing cannot be told apart from here."
    )
    UNTRIED = (
        "At {where} no second handshake was made: large packets that are lost on the way (MTU) and a filter on the "
        "server name look like this."
    )


def _tried_again(
    evidence: Evidence, target: Target, stalled: Observation[TlsFacts]
) -> tuple[Observation[TlsFacts], ...]:
    """The two more handshakes at an address, as far as they were made."""
    address = stalled.subject.address
    found = (
        None if address is None else evidence.at(Step.TLS, target, address, HTTPS, operation)
        for operation in (SMALL_SEGMENTS, OTHER_NAME)
    )
    return tuple(each for each in found if each is not None and each.made)


def _why_silent(evidence: Evidence, target: Target, stalled: Observation[TlsFacts]) -> _Stall:
    again = {each.subject.operation: _is_answered(each) for each in _tried_again(evidence, target, stalled)}
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


def _is_answered(handshake: Observation[TlsFacts]) -> bool:
    """Whether anything came back, if only a refusal."""
    alert = handshake.failure is not None and handshake.failure.kind is FailureKind.TLS_ALERT
    return handshake.ok or alert or bool(handshake.facts is not None and handshake.facts.bytes_received)


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
        commands=(look("ip", "link", "show"), look("ip", "route", "get", str(stalled[0].subject.address))),
    )


def handshake_reset(evidence: Evidence) -> Iterator[Found]:
    """TLS005: the connection is cut straight after the ClientHello, by a reset, by its end, or with an alert about the
    name."""
    for target in evidence.targets:
        resets = _failed(evidence, target, FailureKind.RESET)
        ends = _failed(evidence, target, FailureKind.CLOSED)
        refusals = [each for each in _failed(evidence, target, FailureKind.TLS_ALERT) if _is_about_the_name(each)]
        cut = [*resets, *ends, *refusals]
        if not cut:
            continue
        said = [
            f"at {_where(found)} {how}, {after(found)}"
            for how, found in (
                (f"the connection is reset when {_heard(resets)}", resets),
                (f"the connection is closed when {_heard(ends)}", ends),
                (f"an alert ({_alerts(refusals)}) refuses the name {target.host}", refusals),
            )
            if found
        ]
        text = "; ".join(said)
        yield Found(
            code="TLS005",
            target=target.id,
            detail=f"{text[0].upper()}{text[1:]}. A firewall that filters by server name or by protocol does so; an "
            "endpoint does not.",
            evidence=ids(cut),
            addresses=places(cut),
            fix=Fix(
                summary="Let the firewall or the inspection device on the way pass the endpoint's host names, the "
                "default one and the endpoint's own; look there for a rule on the server name (SNI).",
                commands=(_show_certificate(target, cut),),
            ),
        )


def handshake_refused(evidence: Evidence) -> Iterator[Found]:
    """TLS009: the two sides find no TLS version or no ciphers in common, and an alert says so."""
    for target in evidence.targets:
        refused = [
            *(each for each in _failed(evidence, target, FailureKind.TLS_ALERT) if not _is_about_the_name(each)),
            *(each for each in _failed(evidence, target, FailureKind.MALFORMED) if _code(each) in _NOT_IN_COMMON),
        ]
        if not refused:
            continue
        yield Found(
            code="TLS009",
            target=target.id,
            detail=f"At {_where(refused)} the handshake ends with {_alerts(refused)}: this host offers TLS 1.2 and 1.3 "
            "with the ciphers of its OpenSSL, and the peer takes none of them. AWS takes both versions, so either this "
            "host's crypto policy leaves too little, or somebody else is there.",
            evidence=ids(refused),
            addresses=places(refused),
            fix=Fix(
                summary="Look at this host's crypto policy and its OpenSSL, and at whose certificate the address "
                "shows to a client that offers more.",
                commands=(look("openssl", "version"), _show_certificate(target, refused)),
            ),
        )


def _is_about_the_name(handshake: Observation[TlsFacts]) -> bool:
    """Whether an alert refuses the server name, or the client as such (RFC 8446, section 6.2)."""
    return _code(handshake) in _REFUSES_THE_NAME


def _code(handshake: Observation[TlsFacts]) -> str | None:
    return handshake.failure.code if handshake.failure is not None else None


def _alerts(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    return listed(sorted({each.failure.message for each in handshakes if each.failure is not None}))


def _heard(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    size = _bytes(handshakes)
    return "the ClientHello is sent" if size in (None, "0") else f"{size} bytes of the handshake have come"


def not_tls(evidence: Evidence) -> Iterator[Found]:
    """TLS006: what answers on the port does not speak TLS."""
    for target in evidence.targets:
        noisy = _failed(evidence, target, FailureKind.TLS_NOT_TLS)
        if not noisy:
            continue
        began = sorted({each.facts.first_bytes for each in noisy if each.facts is not None and each.facts.first_bytes})
        spoken = sorted({_as_text(first) for first in began})
        begins = f"; it begins with {listed(spoken)}" if spoken else ""
        yield Found(
            code="TLS006",
            target=target.id,
            detail=f"At {_where(noisy)} the answer to the ClientHello is no TLS{begins}.",
            evidence=ids(noisy),
            addresses=places(noisy),
            fix=Fix(
                summary="Something else listens there: a captive portal, a plain-HTTP proxy, another server. Make sure "
                "that the address is the endpoint's and that nothing redirects port 443.",
                commands=(describe_endpoint(target),),
            ),
        )


def _failed(evidence: Evidence, target: Target, kind: FailureKind) -> list[Observation[TlsFacts]]:
    return [each for each in evidence.handshakes(target) if each.failure is not None and each.failure.kind is kind]


def _leaf(handshake: Observation[TlsFacts]) -> Certificate | None:
    facts = handshake.facts
    return facts.certificates[0] if facts is not None and facts.certificates else None


def _is_foreign(handshake: Observation[TlsFacts]) -> bool:
    """Whether a certificate was seen whose issuer is not Amazon."""
    leaf = _leaf(handshake)
    return leaf is not None and leaf.issuer_organization not in AMAZON


def _is_impostor(handshake: Observation[TlsFacts], target: Target) -> bool:
    """Whether a certificate that this host trusts cannot be an endpoint's: where Amazon alone issues theirs."""
    return target.partition in ISSUED_BY_AMAZON and _is_foreign(handshake)


def _issuers(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    return listed(
        sorted({leaf.issuer or "somebody without a name" for each in handshakes if (leaf := _leaf(each)) is not None})
    )


def _names(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    """The names that the certificates are for, the first eight of them; empty where none is known."""
    names = sorted({name for each in handshakes if (leaf := _leaf(each)) is not None for name in leaf.names})
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{listed(names[:_SHOWN])}{more}" if names else ""


def _came(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    """What came back before it was given up."""
    size = _bytes(handshakes)
    if size is None:
        return "the handshake does not end"
    return "nothing came back to the ClientHello" if size == "0" else f"only {size} bytes of the handshake came back"


def _bytes(handshakes: Iterable[Observation[TlsFacts]]) -> str | None:
    """How many bytes came, a range where it differs; None where nobody counted."""
    counts = [each.facts.bytes_received for each in handshakes if each.facts is not None]
    known = [count for count in counts if count is not None]
    if not known:
        return None
    return str(min(known)) if min(known) == max(known) else f"{min(known)} to {max(known)}"


def _where(handshakes: Iterable[Observation[TlsFacts]]) -> str:
    return listed(each.subject.address for each in handshakes)


def _as_text(first_bytes: str) -> str:
    try:
        return repr(bytes.fromhex(first_bytes).decode("latin-1"))
    except ValueError:  # a report that was made elsewhere
        return repr(first_bytes)


def _show_certificate(target: Target, handshakes: list[Observation[TlsFacts]]) -> Command:
    address = handshakes[0].subject.address
    place = f"[{address}]" if address is not None and address.version == 6 else str(address)
    return look("openssl", "s_client", "-connect", f"{place}:443", "-servername", target.host, "-showcerts")


def trusted_interception(evidence: Evidence) -> Iterator[Found]:
    """TLS002: the certificate verifies with an authority that this host trusts and that is not Amazon's."""
    for target in evidence.targets:
        if target.partition not in ISSUED_BY_AMAZON:
            continue
        opened = [each for each in evidence.handshakes(target) if each.ok and _is_foreign(each)]
        if not opened:
            continue
        yield Found(
            code="TLS002",
            target=target.id,
            detail=f"At {_where(opened)} the certificate for {target.host} was issued by {_issuers(opened)}, which "
            "this host trusts and which is not Amazon: something on the way opens TLS, with leave.",
            evidence=ids(opened),
            addresses=places(opened),
            fix=Fix(
                summary="Exempt the endpoint's host names from TLS inspection: it sees every call and every token.",
                commands=(_show_certificate(target, opened),),
            ),
        )


def certificate_time(evidence: Evidence) -> Iterator[Found]:
    """TLS007: the certificate is expired or not yet valid by this host's clock."""
    for target in evidence.targets:
        untimely = [
            each
            for kind in (FailureKind.TLS_EXPIRED, FailureKind.TLS_NOT_YET_VALID)
            for each in _failed(evidence, target, kind)
        ]
        if not untimely:
            continue
        spans = sorted(
            {
                f"{leaf.not_before:%Y-%m-%d} to {leaf.not_after:%Y-%m-%d}"
                for each in untimely
                if (leaf := _leaf(each)) is not None
            }
        )
        times = [each.started_at for each in untimely if each.started_at is not None]
        now = f", {max(times):%Y-%m-%d %H:%M} UTC" if times else ""
        yield Found(
            code="TLS007",
            target=target.id,
            detail=f"At {_where(untimely)} the certificate is not valid at this host's time{now}"
            + (f"; it is from {listed(spans)}." if spans else "."),
            evidence=ids(untimely),
            addresses=places(untimely),
            fix=Fix(
                summary="Set this host's clock first; where it is right, somebody else answers with an old "
                "certificate.",
                commands=(look("chronyc", "tracking"), _show_certificate(target, untimely)),
            ),
        )


def trust_store_broken(evidence: Evidence) -> Iterator[Found]:
    """TLS008: the issuer is Amazon's and the local store lacks it, or the store cannot be read."""
    for target in evidence.targets:
        lacking = [
            each
            for each in _failed(evidence, target, FailureKind.TLS_UNTRUSTED)
            if (leaf := _leaf(each)) is not None and leaf.issuer_organization in AMAZON
        ]
        unread = _failed(evidence, target, FailureKind.TLS_NO_TRUST_STORE)
        if not lacking and not unread:
            continue
        stores = sorted({each.facts.trust for each in lacking if each.facts is not None})
        said = sorted({each.failure.message for each in unread if each.failure is not None})
        yield Found(
            code="TLS008",
            target=target.id,
            # Whoever shows a certificate chooses the issuer that it names; what does not verify proves nothing.
            detail=f"At {_where(lacking)} the certificate names Amazon as its issuer, and {listed(stores)} does not "
            "verify it: the root is missing there, or the certificate is not what it says."
            if lacking
            else f"No certificate could be verified: {listed(said)}.",
            evidence=ids([*lacking, *unread]),
            addresses=places([*lacking, *unread]),
            fix=Fix(
                summary="Compare the certificate's fingerprint with one seen elsewhere; then install the system's "
                "current roots (ca-certificates), or correct AWS_CA_BUNDLE, the profile's ca_bundle or --ca-bundle: "
                "Amazon Root CA 1 to 4 and Starfield Services Root must be in it.",
                commands=(look("env"),),
            ),
        )


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
)
