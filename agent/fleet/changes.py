"""The history of causes: since when each cause exists, whether it comes and goes, and how it changed since another
sweep."""

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import Severity
from agent.fleet.causes import NamedCause, name_causes, with_values, write_members
from agent.fleet.headlines import title_of
from agent.fleet.identity import identified
from agent.fleet.model import FleetChange, NamedBy, Sweep, Turn
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

_LAST: Final = 10
"""The number of sweeps in which the program looks for a cause that comes and goes."""
_SHARE: Final = 0.1
"""Share of a cause's hosts by which it must grow or shrink before the change is reported."""
_NEARLY_ALL: Final = 0.8
"""Share of the hosts of a cause that had another cause when it began, from which it is what is left of that cause."""
_TURNS: Final = 3
"""Number of changes that make a cause flap: it came, went, and came again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The history of a cause in earlier sweeps."""

    since: Sweep | None
    is_known: bool
    """Whether there is an earlier sweep without the cause; otherwise the cause may have begun before the first
    sweep."""
    flapping: bool
    ticket: str
    """The key that the cause had in the sweep in which it began, with the ids that most of its hosts reported then; its
    present key if the former key is unknown."""
    begun: str
    """Id of the sweep in which the cause began, as far as sweeps were read."""
    was_named: bool
    """Whether the hosts had a cause with this ticket in an earlier sweep, in which this cause began."""


@dataclass(frozen=True, slots=True)
class _Turned:
    """How the hosts of a cause changed, from `statements/turned.sql`."""

    before: int = 0
    had: int = 0
    came: int = 0
    fresh: int = 0
    went: int = 0
    silent: int = 0

    def was_there(self, enough: int) -> bool:
        """Whether enough hosts had the cause before. Hosts without an earlier record count with their present state,
        unless they are the majority."""
        return self.had >= enough or (self.fresh <= self.had and self.had + self.fresh >= enough)

    @property
    def grown(self) -> int:
        """The number of additional hosts with the cause. A host that replaces another host with the same fault is not
        counted."""
        more = self.fresh - self.silent
        return self.came + (more if more >= least_change(self.before) else 0)


@dataclass(frozen=True, slots=True)
class _Left:
    """What became of the hosts of an earlier cause, from `statements/left.sql`."""

    before: int = 0
    heard: int = 0
    still: int = 0
    replaced: int = 0

    @property
    def went(self) -> int:
        """Number of these hosts that were heard from and no longer have the fault."""
        return self.heard - self.still


def least_change(before: int, least: int = 1) -> int:
    """The smallest change of the number of hosts that is worth an event."""
    return max(least, 1, math.ceil(_SHARE * before))


class Namings:
    """The causes of sweeps. The causes of each sweep are searched once."""

    def __init__(self, engine: "Database", least: int) -> None:
        self.engine, self.least = engine, least
        self._found: dict[str, tuple[NamedCause, ...]] = {}

    def causes(self, sweep: str) -> tuple[NamedCause, ...]:
        """Return the causes of a sweep in their order, as `name_causes` does."""
        if sweep not in self._found:
            self._found[sweep] = name_causes(self.engine, sweep, self.least)
        return self._found[sweep]


def past_of(
    namings: Namings,
    causes: Sequence[NamedCause],
    whole: Sequence[Sweep],
    told: Sweep,
    *,
    known: Collection[str] = (),
) -> dict[str, Past]:
    """Return the history of each cause by its key, from the table `cause_member`, which is replaced. `whole` are the
    sweeps of all hosts, the oldest first; sweeps after `told` are not used. The tickets of the causes with the keys
    `known` are known from elsewhere, and are not looked for in earlier sweeps."""
    engine, least = namings.engine, namings.least
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key, sweep, count in engine.ask("cause_sweep"):
        counts[key][sweep] = count
    until = [sweep for sweep in whole if sweep.started_at < told.started_at and sweep.id != told.id]
    first = {cause.key: _first(counts[cause.key], [*until, told], least) for cause in causes}
    tickets = _tickets(engine, causes, {key: sweep.id for key, (sweep, _) in first.items()})
    unknown = [cause for cause in causes if cause.key not in known]
    earlier = _earlier_tickets(namings, unknown, {key: sweep.id for key, (sweep, _) in first.items()}, told)
    return {
        key: Past(
            since=sweep if until else None,
            is_known=bool(until) and sweep.id != until[0].id,
            flapping=flapping,
            ticket=earlier.get(key, tickets[key]),
            begun=sweep.id,
            was_named=key in earlier,
        )
        for key, (sweep, flapping) in first.items()
    }


def _tickets(engine: "Database", causes: Sequence[NamedCause], begun: Mapping[str, str]) -> dict[str, str]:
    """Return the ticket of each cause by its key: the key that most of its hosts reported in the sweep `begun`, with
    the values that its hosts share. The tickets of two causes differ."""
    engine.run("begun")
    engine.fill("begun", begun.items())
    reported = {key: identified(own) for key, own in engine.ask("first_key")}
    tickets: dict[str, str] = {}
    for cause in causes:
        ticket = with_values(reported.get(cause.key, cause.key), cause.values)
        tickets[cause.key] = cause.key if ticket in tickets.values() else ticket
    return tickets


def _earlier_tickets(
    namings: Namings, causes: Sequence[NamedCause], begun: Mapping[str, str], told: Sweep
) -> dict[str, str]:
    """Return the tickets, by the key of the cause, that a join of the sweep `begun` gave to the causes that their hosts
    had then. A cause is left out if it began in the sweep `told`, if its hosts had no shared cause when it began, or if
    the configuration names it, since its key does not depend on which hosts have it. It is also left out if its hosts
    had only a part of another cause, of which they were the minority: that is another fault."""
    engine = namings.engine
    engine.run("begun_host")
    of_hosts = {cause.key: cause for cause in causes if cause.named_by is not NamedBy.CONFIGURATION}
    found = {}
    for sweep in sorted({begun[key] for key in of_hosts} - {told.id}):
        named = {cause.key: cause for cause in namings.causes(sweep)}
        write_members(engine, "begun_member", list(named.values()), sweep)
        tickets = _tickets(engine, list(named.values()), dict.fromkeys(named, sweep))
        for key, its, hosts in engine.ask("begun_as", sweep=sweep):
            if key in of_hosts and (
                key == its or 2 * hosts > named[its].member_count or hosts >= _NEARLY_ALL * of_hosts[key].member_count
            ):
                found[key] = tickets[its]
    return found


def _first(counts: Mapping[str, int], sweeps: Sequence[Sweep], least: int) -> tuple[Sweep, bool]:
    """Return the sweep since which the cause has been on enough hosts without a break, and whether it comes and
    goes."""
    enough = max(1, min(least, counts.get(sweeps[-1].id, 0)))
    there = [counts.get(sweep.id, 0) >= enough for sweep in sweeps]
    first = len(there)
    while first and there[first - 1]:
        first -= 1
    lately = there[-_LAST:]
    turns = sum(before is not after for before, after in itertools.pairwise(lately))
    return sweeps[min(first, len(sweeps) - 1)], turns >= _TURNS


def changes_between(
    namings: Namings,
    causes: Sequence[NamedCause],
    past: Mapping[str, Past],
    whole: Sequence[Sweep],
    told: Sweep,
    against: Sweep,
) -> tuple[FleetChange, ...]:
    """Return how causes changed from the sweep `against` to the sweep `told`, whose history is `past`: one change for
    each ticket. A silent host counts with its last known state: its silence does not heal a cause, and its return does
    not make a cause new."""
    engine, least = namings.engine, namings.least
    earlier = namings.causes(against.id)
    write_members(engine, "past_member", earlier, against.id)
    tickets_before = {key: of.ticket for key, of in past_of(namings, earlier, whole, against, known=past).items()}
    for name in ("now_lapsed", "past_lapsed"):
        engine.run(name, told=told.id)
    engine.run("last_heard", against=against.id)
    turned = {key: _Turned(*counts) for key, *counts in engine.ask("turned", told=told.id, against=against.id)}
    left = {key: _Left(*counts) for key, *counts in engine.ask("left", told=told.id, against=against.id)}
    named_before = {cause.key for cause in earlier if turned.get(cause.key, _Turned()).before}
    present = _by_ticket(causes, {key: its.ticket for key, its in past.items()})
    gone = _by_ticket([cause for cause in earlier if cause.key not in past], tickets_before)
    changes = []
    for ticket, parts in present.items():
        ended = [left.get(cause.key, _Left()) for cause in gone.get(ticket, ())]
        its = [turned.get(cause.key, _Turned()) for cause in parts]
        was_there = bool(ended) or not named_before.isdisjoint(cause.key for cause in parts)
        if was_there or _was_told(parts[0], past, its, against, least):
            old = [one for one, cause in zip(its, parts, strict=True) if cause.key in named_before or not ended]
            before = sum(one.before for one in old) + sum(one.before for one in ended)
            went = sum(one.went for one in old) + sum(one.went for one in ended)
            came = sum(one.grown for one in its)
            turn = Turn.GROWN if came > went else Turn.SHRUNK
        else:
            turn, before, went = Turn.NEW, sum(one.before for one in its), sum(one.went for one in its)
            came = sum(one.came + one.fresh for one in its)
        if turn is Turn.NEW or came != went:
            after = sum(cause.member_count for cause in parts)
            changes.append(_change(turn, parts[0], ticket, before, after, came, went))
    for ticket, parts in gone.items():
        if ticket not in present:
            changes += _ended(parts[0], ticket, [left.get(cause.key, _Left()) for cause in parts], least)
    turns = tuple(Turn)
    return tuple(sorted(changes, key=lambda change: (turns.index(change.turn), change.severity.rank, change.key)))


def _was_told(cause: NamedCause, past: Mapping[str, Past], its: Sequence[_Turned], against: Sweep, least: int) -> bool:
    """Whether an earlier document showed a cause that the sweep `against` does not have, for example because its hosts
    were silent. If no cause is known from the sweep in which it began, it was shown if it has not doubled since."""
    if not any(one.was_there(_enough(cause, least)) for one in its):
        return False
    has_doubled = sum(one.grown for one in its) >= sum(one.had for one in its)
    return past[cause.key].was_named or (past[cause.key].begun != against.id and not has_doubled)


def _by_ticket(causes: Iterable[NamedCause], tickets: Mapping[str, str]) -> dict[str, list[NamedCause]]:
    """Return the causes by their ticket, in their order. A cause that fell into parts has several."""
    found: defaultdict[str, list[NamedCause]] = defaultdict(list)
    for cause in causes:
        found[tickets[cause.key]].append(cause)
    return dict(found)


def _enough(cause: NamedCause, least: int) -> int:
    """The minimum number of hosts on which this cause counts as present."""
    return max(1, min(least, cause.member_count))


def _ended(cause: NamedCause, ticket: str, left: Sequence[_Left], least: int) -> Iterator[FleetChange]:
    """Yield the change of a cause that is gone. The cause has healed if most of its hosts were heard from or replaced,
    and have no fault with its code; otherwise it has shrunk."""
    before, still = sum(one.before for one in left), sum(one.still for one in left)
    went, replaced = sum(one.went for one in left), sum(one.replaced for one in left)
    silent = before - still - went - replaced
    has_healed = still < _enough(cause, least) and went + replaced >= max(silent, still, 1)
    if has_healed or went:
        yield _change(Turn.HEALED if has_healed else Turn.SHRUNK, cause, ticket, before, still, 0, went)


def _change(turn: Turn, cause: NamedCause, ticket: str, before: int, after: int, came: int, went: int) -> FleetChange:
    return FleetChange(
        turn=turn,
        key=cause.key,
        ticket=ticket,
        title=title_of(cause.code),
        severity=tuple(Severity)[cause.severity],
        before=before,
        after=after,
        came=came,
        went=went,
    )
