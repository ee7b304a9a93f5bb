"""HTTP rules: who answered, and whether there is an answer at all."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.wording import after, listed
from agent.fixes.commands import describe_endpoint, read_only
from agent.fixes.host import SHOW_EXCEPTIONS, exceptions
from agent.judge.conditions.certificates import AMAZON
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, kind_of, places, whose_address
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Fix, SubjectKind
from agent.report.subjects import about
from probes.facts import ApiFacts, HttpFacts, TlsFacts
from probes.model import Address, FailureKind, Observation, Step, Target
from probes.operations import PADDED, PROXY_CONNECT, WEBSOCKET
from probes.ports import HTTPS

_STRANGER: Final = frozenset({FailureKind.NOT_AWS, FailureKind.MALFORMED, FailureKind.TOO_LARGE})
_TIMED_OUT: Final = "RequestTimeoutException"
"""AWS's error code for status 408 (AWS Backup Developer Guide, Common Error Types)."""
_NO_ANSWER: Final = frozenset({FailureKind.TIMEOUT, FailureKind.CLOSED, FailureKind.RESET})
_CUT: Final = _NO_ANSWER | {FailureKind.REFUSED, FailureKind.UNREACHABLE, FailureKind.PROHIBITED, FailureKind.TLS_ALERT}
"""Kinds of failures by which an established connection ends without an answer: no answer in time, an end, a reset, an
ICMP error, or an alert."""
_NOT_OPENED: Final = frozenset(
    {
        FailureKind.TLS_UNTRUSTED,
        FailureKind.TLS_HOSTNAME,
        FailureKind.TLS_EXPIRED,
        FailureKind.TLS_NOT_YET_VALID,
        FailureKind.TLS_NOT_TLS,
        FailureKind.TLS_NO_TRUST_STORE,
    }
)
"""Kinds of failures of a further connection that a request may need after the first connection worked."""
_WITHOUT_END: Final = _NO_ANSWER | {FailureKind.TOO_LARGE}
"""Kinds of failures if an answer is incomplete or too large."""
_NO_HTTP: Final = frozenset({FailureKind.MALFORMED})
_UNREADABLE: Final = frozenset({FailureKind.TOO_LARGE, FailureKind.MALFORMED})


def not_aws(evidence: Evidence) -> Iterator[RuleFinding]:
    """HTTP001: an answer has no AWS request id or is not HTTP. An answer that is too large or endless also counts,
    unless TLS proved that it is from AWS."""
    for target in evidence.targets:
        strange: list[Observation[Any]] = [
            answer
            for answer in _failed(evidence, target, _STRANGER | _NO_ANSWER)
            if _is_strange(evidence, target, answer) and not _called(evidence, target, answer)
        ]
        strange += [
            answer
            for answer in _failed_websockets(evidence, target, _STRANGER)
            if _is_strange(evidence, target, answer)
        ]
        strange += _failed_calls(evidence, target, frozenset({FailureKind.NOT_AWS}))
        strange += [call for call in _failed_calls(evidence, target, _NO_HTTP) if _is_no_http(call)]
        if not strange:
            continue
        # Even without a signed call, an Amazon certificate shows that AWS is there.
        tried = any(call.made for call in evidence.calls(target))
        genuine = not tried and all(_is_amazon(evidence, target, answer) for answer in strange)
        heads = [answer.facts for answer in strange if isinstance(answer.facts, HttpFacts)]
        servers = sorted({head.server for head in heads if head.server})
        named = f" The server calls itself {listed(servers)}." if servers else ""
        yield RuleFinding(
            code="HTTP001",
            target=target.id,
            severity=Severity.WARNING if genuine else None,
            detail=f"At {_where(strange)} something other than AWS answers HTTP: {_messages(strange)}.{named}",
            evidence=ids(strange),
            addresses=places(strange),
            shared=frozenset(servers),
            fix=Fix(
                summary="A captive portal, a block page or another server answers in place of AWS: exempt the "
                "endpoint's host names there, and make sure that the address is the endpoint's.",
                commands=(*whose_address(evidence, target, strange), describe_endpoint(target)),
            ),
        )


def redirected(evidence: Evidence) -> Iterator[RuleFinding]:
    """HTTP002: a redirect, which AWS never sends here. It is reported and not followed."""
    for target in evidence.targets:
        redirect = frozenset({FailureKind.REDIRECT})
        answers = _failed(evidence, target, redirect)
        answers += _failed_websockets(evidence, target, redirect)
        sent: list[Observation[Any]] = [*answers, *_failed_calls(evidence, target, redirect)]
        if not sent:
            continue
        to = sorted({answer.facts.location for answer in answers if answer.facts is not None and answer.facts.location})
        where = f": {listed(to)}" if to else ""
        yield RuleFinding(
            code="HTTP002",
            target=target.id,
            headline={"location": to[0] if to else "another place"},
            detail=f"At {_where(sent)} the answer sends the client elsewhere{where}. It was not followed.",
            evidence=ids(sent),
            addresses=places(sent),
            shared=frozenset(to),
            fix=Fix(
                summary="Something on the way, mostly a portal that wants a sign-in, answers in place of AWS: exempt "
                "the endpoint's host names there, and make sure that the address is the endpoint's.",
                commands=(*whose_address(evidence, target, sent), describe_endpoint(target)),
            ),
        )


def proxy_failed(evidence: Evidence) -> Iterator[RuleFinding]:
    """HTTP003: the proxy that takes the SDK's calls is unreachable, refuses CONNECT or wants credentials."""
    for target in evidence.targets:
        seen = evidence.find(f"{Step.HTTP}/{target.id}/{PROXY_CONNECT}")
        proxy = evidence.proxy(target)
        if proxy is None or seen is None or seen.failure is None or not seen.made:
            continue
        yield RuleFinding(
            code="HTTP003",
            target=target.id,
            detail=f"The proxy {proxy} does not let calls to {target.host} through: {seen.failure.message}.",
            evidence=ids([seen]),
            subjects=about(SubjectKind.URL, [proxy]),
            shared=frozenset({proxy, str(kind_of(seen))}),
            fix=Fix(
                summary="Name the endpoints in NO_PROXY, so that no proxy is asked. If the proxy is intended, let "
                "it allow CONNECT to them.",
                commands=(SHOW_EXCEPTIONS,),
                lines=exceptions(target.host),
            ),
        )


def no_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """HTTP004: TLS is established, but there is no HTTP answer, or an answer of AWS never ends or is too large."""
    for target in evidence.targets:
        mute = [
            answer
            for answer in _failed(evidence, target, _CUT | _NOT_OPENED | _UNREADABLE)
            if not _is_strange(evidence, target, answer) or _called(evidence, target, answer)
        ]
        # A call may have needed a connection of its own, so the first handshake says nothing about its TLS.
        answered = places(answer for answer in evidence.answers_to_http(target) if _is_of_aws(answer))
        unended = _CUT | _NOT_OPENED | {FailureKind.TOO_LARGE}
        calls = [call for call in _failed_calls(evidence, target, unended) if call.subject.address in answered]
        sockets = [
            answer
            for answer in _failed_websockets(evidence, target, unended)
            if not _is_strange(evidence, target, answer)
        ]
        both: list[Observation[Any]] = [*mute, *calls, *sockets]
        if not both:
            continue
        stalled = [call for call in calls if call.failure is not None and call.failure.kind is FailureKind.TIMEOUT]
        sentences = []
        if mute:
            sentences.append(f"At {_where(mute)} TLS is up, and no whole HTTP answer comes ({_how(mute)}).")
        if calls:
            sentences.append(
                f"At {_where(calls)} the unsigned request is answered and the signed one is not ({_how(calls)})."
            )
        if sockets:
            sentences.append(
                f"At {_where(sockets)} other requests are answered, but a request to open a WebSocket is not "
                f"({_how(sockets)}): the channels of {target.service} do not open."
            )
        if stalled:
            sentences.append(
                "With a session token, the signed request may be the first one larger than a packet of 1500 bytes."
            )
        yield RuleFinding(
            code="HTTP004",
            target=target.id,
            headline={"answer": "answer to a WebSocket" if len(sockets) == len(both) else "whole HTTP answer"},
            detail=" ".join(sentences),
            evidence=ids(both),
            addresses=places(both),
            shared=frozenset(str(kind_of(answer)) for answer in mute) if len(mute) == len(both) else frozenset(),
            fix=_let_websockets_pass(target, sockets)
            if len(sockets) == len(both)
            else _unhold(both)
            if mute or not stalled
            else _unstall(stalled),
        )


def _unhold(mute: Sequence[Observation[Any]]) -> Fix:
    """The fix to suggest if a small request has no answer, or the connection ends."""
    return Fix(
        summary="Look for a proxy or a firewall on the way that lets TLS through and holds back its content, and for a "
        "tunnel whose MTU is smaller than its ends believe.",
        commands=(read_only("ip", "route", "get", str(mute[0].subject.address)),),
    )


def _let_websockets_pass(target: Target, sockets: Sequence[Observation[Any]]) -> Fix:
    """The fix to suggest if only the request for a WebSocket has no answer."""
    return Fix(
        summary="A proxy or a firewall on the way opens TLS and does not know WebSocket (RFC 6455): exempt "
        f"{target.host} from its inspection, or let it pass the header Upgrade.",
        commands=(read_only("ip", "route", "get", str(sockets[0].subject.address)),),
    )


def _unstall(calls: Sequence[Observation[Any]]) -> Fix:
    """The fix to suggest if only the signed call has no answer."""
    return Fix(
        summary="First try a smaller MTU, 1400, on this host's interface: large packets may be lost on the way out. If "
        "that changes nothing, look for a device on the way that stops signed requests.",
        commands=(read_only("ip", "link", "show"), read_only("ip", "route", "get", str(calls[0].subject.address))),
    )


def service_fault(evidence: Evidence) -> Iterator[RuleFinding]:
    """HTTP005: a status 5xx with an AWS request id, or AWS's message that the request took too long (408)."""
    for target in evidence.targets:
        answers: list[Observation[Any]] = [*evidence.answers_to_http(target), *evidence.calls(target)]
        faults = [
            answer
            for answer in answers
            if answer.failure is not None and answer.failure.kind is FailureKind.SERVICE_ERROR
        ]
        if not faults:
            continue
        late = [answer for answer in faults if answer.failure is not None and answer.failure.code == _TIMED_OUT]
        ill = [answer for answer in faults if answer not in late]
        sentences = []
        if ill:
            sentences.append(f"AWS itself answers with a fault at {_where(ill)}: {_messages(ill)}. The path works.")
        if late:
            sentences.append(
                f"AWS answers at {_where(late)} that the request timed out ({_messages(late)}), because it came "
                "late or only in part."
            )
        slow = " If the request came late, look for lost or large packets on the way out (TCP009, HTTP006)."
        yield RuleFinding(
            code="HTTP005",
            target=target.id,
            headline={"status": next(answer.failure.code for answer in faults if answer.failure is not None)},
            detail=" ".join(sentences),
            evidence=ids(faults),
            addresses=places(faults),
            fix=Fix(
                summary="Wait and try again; check the AWS Health Dashboard for the service and the Region."
                + slow * bool(late),
                commands=(read_only("ip", "route", "get", str(late[0].subject.address)),) if late else (),
            ),
        )


def large_request_stalls(evidence: Evidence) -> Iterator[RuleFinding]:
    """HTTP006: a small request is answered, and a request of many segments is not: a fault of the MTU on the way
    out."""
    for target in evidence.targets:
        stuck = [
            answer
            for answer in evidence.answers_to_http(target, operation=PADDED)
            if answer.failure is not None
            and answer.failure.kind in _NO_ANSWER
            and answer.subject.address is not None
            and _is_answered(evidence, target, answer.subject.address)
        ]
        if not stuck:
            continue
        yield RuleFinding(
            code="HTTP006",
            target=target.id,
            detail=f"At {_where(stuck)} a small request is answered, and a request of more than four segments is not, "
            f"{after(stuck)}: large packets are lost on the way out.",
            evidence=ids(stuck),
            addresses=places(stuck),
            shared=frozenset({"MTU"}),
            fix=Fix(
                summary="Set the MTU of this host's interface to that of the narrowest link, 1500 or less, or clamp "
                "the MSS in the tunnel or firewall on the way. Endpoints do not take part in path MTU discovery.",
                commands=(
                    read_only("ip", "link", "show"),
                    read_only("ip", "route", "get", str(stuck[0].subject.address)),
                ),
            ),
        )


def _failed(evidence: Evidence, target: Target, kinds: frozenset[FailureKind]) -> list[Observation[HttpFacts]]:
    return [
        answer
        for answer in evidence.answers_to_http(target)
        if answer.failure is not None and answer.failure.kind in kinds
    ]


def _failed_websockets(
    evidence: Evidence, target: Target, kinds: frozenset[FailureKind]
) -> list[Observation[HttpFacts]]:
    """The requests to open a WebSocket with a failure of these kinds, at addresses where a plain request is
    answered."""
    return [
        answer
        for answer in evidence.answers_to_http(target, operation=WEBSOCKET)
        if answer.failure is not None
        and answer.failure.kind in kinds
        and answer.subject.address is not None
        and _is_answered(evidence, target, answer.subject.address)
    ]


def _is_strange(evidence: Evidence, target: Target, answer: Observation[HttpFacts]) -> bool:
    """Whether a failure came from somebody other than AWS: the answer has no request id, or it is not HTTP. If the
    connection ended before anything came, it is unknown who is there, and the result is False. An endless answer does
    not count if TLS proved that it is from AWS."""
    kind = kind_of(answer)
    if kind in _WITHOUT_END and _is_proven(evidence, target, answer):
        return False
    if answer.facts is not None:
        return answer.facts.request_id is None
    return answer.failure is not None and answer.failure.kind in _STRANGER


def _is_of_aws(answer: Observation[HttpFacts]) -> bool:
    """Whether AWS answered, even if only with a fault of its own."""
    return answer.ok or (answer.facts is not None and answer.facts.request_id is not None)


def _is_no_http(call: Observation[ApiFacts]) -> bool:
    """Whether a call failed because its reply was not HTTP. If the failure has a code, the reason is instead that HTTP
    cannot carry the call."""
    return call.facts is None and call.failure is not None and call.failure.code is None


def _failed_calls(evidence: Evidence, target: Target, kinds: frozenset[FailureKind]) -> list[Observation[ApiFacts]]:
    return [call for call in evidence.calls(target) if call.failure is not None and call.failure.kind in kinds]


def _is_answered(evidence: Evidence, target: Target, address: Address) -> bool:
    """Whether AWS answered a small request at an address, signed or not, whatever the answer."""
    small = evidence.at(Step.HTTP, target, address, HTTPS)
    facts = None if small is None else small.facts
    return evidence.reached_aws(target, address) or (isinstance(facts, HttpFacts) and facts.request_id is not None)


def _messages(answers: Sequence[Observation[Any]]) -> str:
    return listed(sorted({answer.failure.message for answer in answers if answer.failure is not None}))


def _how(answers: Sequence[Observation[Any]]) -> str:
    kinds = sorted({answer.failure.kind for answer in answers if answer.failure is not None})
    return f"{listed(kinds)}, {after(answers)}"


def _called(evidence: Evidence, target: Target, answer: Observation[HttpFacts]) -> bool:
    """Whether the answer to the signed call at the same address had a request id."""
    return any(
        call.subject.address == answer.subject.address and call.facts is not None and call.facts.request_id is not None
        for call in evidence.calls(target)
    )


def _is_proven(evidence: Evidence, target: Target, answer: Observation[HttpFacts]) -> bool:
    """Whether the handshake at an address verified one of Amazon's certificates."""
    address = answer.subject.address
    handshake = None if address is None else evidence.at(Step.TLS, target, address, HTTPS)
    return handshake is not None and handshake.ok and _is_amazon(evidence, target, answer)


def _is_amazon(evidence: Evidence, target: Target, answer: Observation[HttpFacts]) -> bool:
    address = answer.subject.address
    handshake = None if address is None else evidence.at(Step.TLS, target, address, HTTPS)
    facts = None if handshake is None else handshake.facts
    leaf = facts.certificates[0] if isinstance(facts, TlsFacts) and facts.certificates else None
    return leaf is not None and leaf.issuer_organization in AMAZON


def _where(answers: Sequence[Observation[Any]]) -> str:
    return listed(dict.fromkeys(answer.subject.address for answer in answers))


RULES: Final = (
    Rule("HTTP001", needs=(Step.HTTP,), check=not_aws),
    Rule("HTTP002", needs=(Step.HTTP,), check=redirected),
    Rule("HTTP003", needs=(Step.HOST,), check=proxy_failed),
    Rule("HTTP004", needs=(Step.HTTP,), check=no_answer),
    Rule("HTTP005", needs=(Step.HTTP,), check=service_fault),
    Rule("HTTP006", needs=(Step.HTTP,), check=large_request_stalls),
)
