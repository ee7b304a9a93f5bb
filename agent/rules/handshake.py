"""TLS on 443: whose certificate is there, and whether the handshake comes to an end at all."""

from collections.abc import Iterable, Iterator
from typing import Final

from agent.evidence import Evidence
from agent.report import Command, Fix
from agent.rules.rule import Found, Rule, after, describe_endpoint, ids, listed, look, places
from probes.facts import Certificate, TlsFacts
from probes.model import FailureKind, Observation, Step, Target

AMAZON: Final = frozenset({"Amazon", "Starfield Technologies, Inc."})
"""Organisations whose authorities sign AWS endpoints (Amazon Trust Services)."""
ISSUED_BY_AMAZON: Final = frozenset({"aws", "aws-us-gov"})
"""Partitions in which nobody else signs them."""
_SHOWN: Final = 8


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
        if silent:
            said.append(
                f"At {_where(silent)} TCP connects, then {_came(silent)}, {after(silent)}. Large packets that are lost "
                "on the way (MTU) and a filter on the server name look like this."
            )
        if endless:
            bytes_came = f": {_bytes(endless)} bytes came" if _bytes(endless) else ""
            said.append(f"At {_where(endless)} the handshake has no end{bytes_came}, {after(endless)}.")
        yield Found(
            code="TLS004",
            target=target.id,
            detail=" ".join(said),
            evidence=ids(stalled),
            addresses=places(stalled),
            fix=Fix(
                summary="Try an MTU of 1500 on this host's interface; where that helps, mend the tunnel or firewall on "
                "the way. Otherwise look for a filter that knows the endpoint's server name.",
                commands=(look("ip", "link", "show"), look("ip", "route", "get", str(stalled[0].subject.address))),
            ),
        )


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
    Rule("TLS006", needs=(Step.TLS,), check=not_tls),
    Rule("TLS007", needs=(Step.TLS,), check=certificate_time),
    Rule("TLS008", needs=(Step.TLS,), check=trust_store_broken),
)
