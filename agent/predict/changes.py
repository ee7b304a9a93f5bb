"""Effects of assumed changes. For each source, the prediction with the changes is compared with the prediction without
them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from agent.network.answers import Answer, PredictedCall, PredictedName, PredictedPath
from agent.network.calls import has_call, is_narrowed, shut_at
from agent.network.names import KnownVpc, predicted_name
from agent.network.paths import predictor_of
from agent.network.pending import Aspect
from agent.predict import places
from agent.predict.model import Effect, PredictedChange, PredictedVerdict, PredictionDocument
from agent.report.hops import WORST, Hop, Reachability
from agent.report.model import Status
from probes.addresses import ordered
from probes.model import Address

_Place = tuple[str, int, Address | None, str]
"""Service, port, address and source."""
_PORTS: Final = "\0"
"""Placeholder for the ports in a text. Texts that differ only in their ports are then equal."""
_IN_DOUBT: Final = {Effect.CLOSES: Effect.MAY_CLOSE, Effect.OPENS: Effect.MAY_OPEN}
"""The effects if it is unknown whether hosts depend on what changes."""
_BY_ANSWER: Final = {
    Answer.PRIVATE: Reachability.OPEN,
    Answer.PUBLIC: Reachability.BLOCKED,
    Answer.NOTHING: Reachability.BLOCKED,
    Answer.CANNOT_TELL: Reachability.CANNOT_TELL,
}
"""What a name's answer means for hosts that need an endpoint."""
_ORDER: Final = (Effect.CLOSES, Effect.MAY_CLOSE, Effect.OPENS, Effect.MAY_OPEN)


def in_order(changes: Iterable[PredictedChange]) -> tuple[PredictedChange, ...]:
    """The changes in order: by effect, closing ones first, then by the number of interfaces, the largest first."""
    return tuple(sorted(changes, key=lambda change: (_ORDER.index(change.effect), -change.interface_count)))


def changes_between(
    before: PredictionDocument, after: PredictionDocument, known_before: KnownVpc, known_after: KnownVpc
) -> tuple[PredictedChange, ...]:
    """The differences that count. Both documents have the same sources, in the same order. Each comes from its VPC."""
    counts = {source.id: source.interface_count for source in after.sources}
    return (
        *_of_names(before, after),
        *_of_asked_names(before, after, known_before, known_after),
        *_of_paths(before, after, counts),
        *_of_lost_paths(before, after, counts),
        *_of_new_paths(before, after, counts),
        *_of_calls(before, after, known_before, known_after),
        *_of_policies(before, after, known_before, known_after),
    )


def verdict_of_changes(
    changes: Sequence[PredictedChange], before: PredictionDocument, after: PredictionDocument
) -> PredictedVerdict:
    """The verdict on the changes. Anything that closes decides it, then anything that may close, then anything whose
    effect is unknown."""
    said = [words for effect in _ORDER if (words := _summed(effect, changes, after)) is not None]
    summary = f"the change {listed(said)}" if said else "the change makes no difference to what is required"
    effects = {change.effect for change in changes}
    rest = None
    if after.unjudged:
        rest = "the effect of a part of the change is not known"
    elif after.assumed and (unknown := _not_followed(before, after)):
        rest = f"the effect of the change on {listed(unknown)} is not known"
    if rest is not None:
        summary = f"{summary}; {rest}" if said else rest
    if Effect.CLOSES in effects:
        return PredictedVerdict(status=Status.CRITICAL, summary=summary)
    status = Status.UNKNOWN if Effect.MAY_CLOSE in effects or rest is not None else Status.OK
    return PredictedVerdict(status=status, summary=summary)


def _not_followed(before: PredictionDocument, after: PredictionDocument) -> list[str]:
    """The required services whose connects could not be followed, neither before nor after the change, for example
    because the endpoints were not read."""
    followed = {
        path.service
        for path in (*before.paths, *after.paths)
        if path.counts and (path.addresses or path.outcome is not Reachability.CANNOT_TELL)
    }
    tried = {path.service for path in after.paths if path.counts}
    return [
        name.service
        for name in after.names
        if name.counts and name.service not in followed
        if name.service in tried or name.answer is Answer.CANNOT_TELL or not after.sources
    ]


def _summed(effect: Effect, changes: Iterable[PredictedChange], after: PredictionDocument) -> str | None:
    """`closes backup for 5 of 27 interfaces`; None if nothing has the effect."""
    of_effect = [change for change in changes if change.effect is effect]
    if not of_effect:
        return None
    sources = {source for change in of_effect for source in change.sources}
    services = listed(dict.fromkeys(change.service for change in of_effect))
    return f"{effect.replace('-', ' ')} {services} for {places.share(sources, after.sources)}"


def effect_between(before: Reachability, after: Reachability) -> Effect | None:
    """The effect of a change from one outcome to another; None if it has none."""
    if before is after:
        return None
    if after is Reachability.OPEN:
        return Effect.OPENS
    if before is Reachability.BLOCKED:
        return Effect.MAY_OPEN
    is_closed = (before, after) == (Reachability.OPEN, Reachability.BLOCKED)
    return Effect.CLOSES if is_closed else Effect.MAY_CLOSE  # a path that is partly open or unknown may work now


def _of_names(before: PredictionDocument, after: PredictionDocument) -> Iterator[PredictedChange]:
    earlier = {name.service: name for name in before.names}
    for name in after.names:
        old = earlier[name.service]
        effect = effect_between(_of_name(before, name.service), _of_name(after, name.service)) if name.counts else None
        if effect is None:
            continue
        yield _of_answer(effect, old if effect is Effect.OPENS else name, after, name.host)


def _of_answer(effect: Effect, decides: PredictedName, after: PredictionDocument, where: str) -> PredictedChange:
    """The change of a name for all hosts. `decides` is the answer that shows it, and `where` begins its words."""
    return PredictedChange(
        effect=effect,
        service=decides.service,
        action=None,
        ports=(),
        addresses=decides.addresses,
        sources=tuple(source.id for source in after.sources),
        interface_count=after.interface_count,
        decided_by=decides.decided_by,
        words=f"{where}: {decides.words}",
    )


def _of_asked_names(
    before: PredictionDocument, after: PredictionDocument, known_before: KnownVpc, known_after: KnownVpc
) -> Iterator[PredictedChange]:
    """The changes of the resolver's answers for hosts that ask other name servers, which may ask the resolver."""
    earlier = {name.service: name for name in before.names}
    for name in after.names:
        if not name.counts or {name.answer, earlier[name.service].answer} != {Answer.CANNOT_TELL}:
            continue
        old, new = (
            predicted_name(known, predictor_of(known), name.service, counts=True, by_resolver=True)
            for known in (known_before, known_after)
        )
        effect = effect_between(_BY_ANSWER[old.answer], _BY_ANSWER[new.answer])
        if effect is None:
            continue
        where = f"{name.host}, if other name servers ask the VPC's resolver"
        yield _of_answer(_IN_DOUBT.get(effect, effect), old if effect is Effect.OPENS else new, after, where)


def _of_name(document: PredictionDocument, service: str) -> Reachability:
    """The outcome of a required service's name, for hosts that need an endpoint."""
    faults = (
        fault.outcome for fault in document.faults if fault.service == service and not fault.ports and not fault.action
    )
    return next(faults, Reachability.OPEN)


def _of_paths(
    before: PredictionDocument, after: PredictionDocument, counts: Mapping[str, int]
) -> Iterator[PredictedChange]:
    earlier, later = _by_place(before), _by_place(after)
    held: dict[tuple[Effect, str, tuple[str, ...], str], dict[tuple[int, Address | None], list[str]]] = {}
    for place, path in later.items():
        old = earlier.get(place)
        if old is None or not (old.counts or path.counts):
            continue
        effect = effect_between(old.outcome, path.outcome)
        decides: PredictedPath | Hop = old if effect is Effect.OPENS else path
        if effect is None and (hop := _stopped_too(old, path)) is not None:
            effect, decides = Effect.MAY_CLOSE, hop
        if effect is not None:
            service, port, address, source = place
            decided_by = tuple(decides.resources) if isinstance(decides, Hop) else decides.decided_by
            words = decides.words.replace(f"tcp {port} ", f"tcp {_PORTS} ")
            key = effect, service, decided_by, words
            held.setdefault(key, {}).setdefault((port, address), []).append(source)
    for (effect, service, decided_by, words), by_end in held.items():
        alike: dict[tuple[str, ...], list[tuple[int, Address | None]]] = {}
        for end, sources in by_end.items():
            alike.setdefault(tuple(sources), []).append(end)
        for of_sources, ends in alike.items():
            ports = tuple(sorted({port for port, _ in ends}))
            yield PredictedChange(
                effect=effect,
                service=service,
                action=None,
                ports=ports,
                addresses=ordered({address for _, address in ends if address is not None}),
                sources=of_sources,
                interface_count=sum(counts[source] for source in of_sources),
                decided_by=decided_by,
                words=words.replace(_PORTS, listed(ports)),
            )


def _stopped_too(old: PredictedPath, path: PredictedPath) -> Hop | None:
    """A hop that let the connect pass before a change and may stop it now, if another hop leaves the whole path unknown
    or in part both times; None if there is none."""
    if path.outcome in (Reachability.OPEN, Reachability.BLOCKED):
        return None
    passed = {hop.stage for hop in old.hops if hop.outcome is Reachability.OPEN}
    return next((hop for hop in path.hops if hop.stage in passed and hop.outcome is not Reachability.OPEN), None)


def _of_lost_paths(
    before: PredictionDocument, after: PredictionDocument, counts: Mapping[str, int]
) -> Iterator[PredictedChange]:
    """The changes for sources that lose something. Addresses of a service that they used are gone or no longer count,
    or they get additional addresses that they cannot reach."""
    earlier, later = _by_place(before), _by_place(after)
    lost: dict[tuple[str, int, str], list[Address | None]] = {}
    used: dict[tuple[str, int, str], set[str | None]] = {}
    were_open: set[tuple[str, int, str]] = set()
    for place, path in earlier.items():
        if path.counts and path.outcome is not Reachability.BLOCKED:
            service, port, address, source = place
            used.setdefault((service, port, source), set()).add(path.endpoint_id)
            gone = lost.setdefault((service, port, source), [])
            if not (place in later and later[place].counts):
                gone.append(address)
            if path.outcome is Reachability.OPEN:
                were_open.add((service, port, source))
    left: dict[tuple[str, int, str], list[tuple[_Place, PredictedPath]]] = {}
    for place, path in later.items():
        if path.counts:
            left.setdefault((place[0], place[1], place[3]), []).append((place, path))
    held: dict[tuple[Effect, str, tuple[Address, ...], tuple[str, ...], str], dict[tuple[int, str], None]] = {}
    for (service, port, source), gone in lost.items():
        there = left.get((service, port, source), [])
        is_open = any(path.outcome is Reachability.OPEN for _, path in there)
        new = [path for place, path in there if _is_newly_met(earlier.get(place), path)]
        if is_open:  # an endpoint that stays in use gets worse only by new addresses of its own
            new = [path for path in new if path.endpoint_id in used[service, port, source]]
        is_shut = not is_open and all(path.outcome is Reachability.BLOCKED for _, path in there)
        was_open = (service, port, source) in were_open
        if not (new if is_open else gone) or not (was_open or is_shut):
            continue
        decides = min(new or [path for _, path in there], key=lambda path: WORST.index(path.outcome), default=None)
        effect = Effect.CLOSES if is_shut and was_open else Effect.MAY_CLOSE
        addresses, decided_by = ordered(filter(None, gone)), tuple[str, ...]()
        words = "no address is left at which the service can be reached"
        if decides is not None:
            addresses, decided_by = ordered(decides.addresses), decides.decided_by
            words = decides.words.replace(f"tcp {port} ", f"tcp {_PORTS} ")
        key = effect, service, addresses, decided_by, words
        held.setdefault(key, {})[port, source] = None
    for (effect, service, addresses, decided_by, words), of in held.items():
        ports = tuple(sorted({port for port, _ in of}))
        sources = tuple(dict.fromkeys(source for _, source in of))
        yield PredictedChange(
            effect=effect,
            service=service,
            action=None,
            ports=ports,
            addresses=addresses,
            sources=sources,
            interface_count=sum(counts[source] for source in sources),
            decided_by=decided_by,
            words=words.replace(_PORTS, listed(ports)),
        )


def _of_new_paths(
    before: PredictionDocument, after: PredictionDocument, counts: Mapping[str, int]
) -> Iterator[PredictedChange]:
    """The changes for sources that had no endpoint of a service and get one. The new endpoint opens a path, or replaces
    the public addresses through which these sources may reach the service now."""
    had = {(path.service, path.port, source) for path in before.paths if path.counts for source in path.sources}
    held: dict[tuple[Effect, str, tuple[str, ...], str], dict[tuple[int, str], None]] = {}
    for path in after.paths:
        new = [source for source in path.sources if (path.service, path.port, source) not in had]
        if not path.counts or not new or path.outcome is Reachability.CANNOT_TELL:
            continue
        effect, words = Effect.OPENS, f"these sources use no endpoint of {path.service}"
        if path.outcome is not Reachability.OPEN:
            effect, words = Effect.MAY_CLOSE, path.words.replace(f"tcp {path.port} ", f"tcp {_PORTS} ")
        key = effect, path.service, path.decided_by, words
        held.setdefault(key, {}).update(dict.fromkeys((path.port, source) for source in new))
    for (effect, service, decided_by, words), of in held.items():
        ports, sources = tuple(sorted({port for port, _ in of})), tuple(dict.fromkeys(source for _, source in of))
        yield PredictedChange(
            effect=effect,
            service=service,
            action=None,
            ports=ports,
            addresses=(),
            sources=sources,
            interface_count=sum(counts[source] for source in sources),
            decided_by=decided_by,
            words=words.replace(_PORTS, listed(ports)),
        )


def _is_newly_met(old: PredictedPath | None, path: PredictedPath) -> bool:
    """Whether a path counts and is not open, and did not count before. Such a path is not reported as a separate
    change."""
    if path.outcome is Reachability.OPEN or (old is not None and old.counts):
        return False
    return old is None or effect_between(old.outcome, path.outcome) is None


def _of_calls(
    before: PredictionDocument, after: PredictionDocument, known_before: KnownVpc, known_after: KnownVpc
) -> Iterator[PredictedChange]:
    """The changes of calls at endpoints. A new endpoint is compared with the endpoints that it replaces or, if there
    were none, with the service itself. If a call is unknown both times, only the policy shows whether it may close."""
    earlier = {(call.service, call.action, call.endpoint_id): call for call in before.calls}
    in_use = {(call.service, call.action, call.endpoint_id) for call in after.calls if call.counts}
    for call in after.calls:
        key = call.service, call.action, call.endpoint_id
        old = earlier.get(key) or _in_whose_place(call, earlier.values(), in_use)
        if old is not None and not (old.counts or call.counts):
            continue
        if old is None and not call.counts:
            continue
        effect = effect_between(Reachability.OPEN if old is None else old.outcome, call.outcome)
        if effect is Effect.CLOSES and old is None:
            effect = Effect.MAY_CLOSE  # it is unknown whether the service was reached without an endpoint
        if old is not None and {old.outcome, call.outcome} == {Reachability.CANNOT_TELL}:
            narrowed = is_narrowed((known_before, old.endpoint_id), (known_after, call.endpoint_id))
            effect = Effect.MAY_CLOSE if narrowed else None
        if effect is not None:
            yield PredictedChange(
                effect=effect,
                service=call.service,
                action=call.action,
                ports=(),
                addresses=(),
                sources=tuple(source.id for source in after.sources),
                interface_count=after.interface_count,
                decided_by=(call.endpoint_id,),
                words=(old if old is not None and effect is Effect.OPENS else call).words,
            )


def _of_policies(
    before: PredictionDocument, after: PredictionDocument, known_before: KnownVpc, known_after: KnownVpc
) -> Iterator[PredictedChange]:
    """The changes of policies for services of which a run makes no call. It is not known which calls programs make."""
    for name in after.names:
        if not name.counts or has_call(name.service):
            continue
        had, has = (
            dict.fromkeys(path.endpoint_id for path in one.paths if path.service == name.service and path.counts)
            for one in (before, after)
        )
        gone = next((endpoint_id for endpoint_id in had if endpoint_id not in has), None)
        for endpoint_id in has:
            old = endpoint_id if endpoint_id in had else gone
            if endpoint_id is None or not is_narrowed((known_before, old), (known_after, endpoint_id)):
                continue
            shut = shut_at(known_after, name.service, endpoint_id)
            was_shut = old is not None and shut_at(known_before, name.service, old) is not None
            if was_shut:
                continue
            unknown = known_after.unsettled((endpoint_id,), Aspect.POLICY)
            words = "its policy may allow less, and which calls programs make is not known"
            yield PredictedChange(
                effect=Effect.MAY_CLOSE if old is None or shut is None or unknown else Effect.CLOSES,
                service=name.service,
                action=f"{SERVICES[name.service].signing_name}:*",
                ports=(),
                addresses=(),
                sources=tuple(source.id for source in after.sources),
                interface_count=after.interface_count,
                decided_by=(endpoint_id,),
                words=unknown or shut or words,
            )


def _in_whose_place(
    call: PredictedCall, earlier: Iterable[PredictedCall], in_use: Collection[tuple[str, str, str]]
) -> PredictedCall | None:
    """The call at an endpoint that is no longer used and that a new endpoint replaces. If there are several such calls,
    an allowed call is preferred. None if there are no such calls."""
    gone = [
        old
        for old in earlier
        if (old.service, old.action) == (call.service, call.action)
        if old.counts and (old.service, old.action, old.endpoint_id) not in in_use
    ]
    return max(gone, key=lambda old: WORST.index(old.outcome), default=None)


def _by_place(document: PredictionDocument) -> dict[_Place, PredictedPath]:
    """All paths by service, port, address and source. If two paths have the same key, the worse path is kept."""
    found: dict[_Place, PredictedPath] = {}
    for path in document.paths:
        for address in path.addresses or (None,):
            for source in path.sources:
                place = path.service, path.port, address, source
                known = found.get(place)
                if known is None or WORST.index(path.outcome) < WORST.index(known.outcome):
                    found[place] = path
    return found
