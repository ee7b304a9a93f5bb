"""The history of causes: since when each cause exists, whether it comes and goes, and how it changed since another
sweep."""

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import Severity
from agent.fleet.causes import NamedCause, write_members
from agent.fleet.headlines import title_of
from agent.fleet.identity import identified
from agent.fleet.model import FleetChange, Sweep, Turn
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

_LAST: Final = 10
"""The number of sweeps in which the program looks for a cause that comes and goes."""
_SHARE: Final = 0.1
"""Share of a cause's hosts by which it must grow or shrink before the change is reported."""
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
    """The key under which most hosts of the cause reported it when it began. If this is unknown, it is the present
    key."""


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


def least_change(before: int, least: int = 1) -> int:
    """The smallest change of the number of hosts that is worth an event."""
    return max(least, 1, math.ceil(_SHARE * before))


def past_of(
    engine: "Database", causes: Sequence[NamedCause], whole: Sequence[Sweep], told: Sweep, least: int
) -> dict[str, Past]:
    """Return the history of each cause by its key, from the table `cause_member`. `whole` are the sweeps of all hosts,
    the oldest first; sweeps after `told` are not used."""
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key, sweep, count in engine.ask("cause_sweep"):
        counts[key][sweep] = count
    until = [sweep for sweep in whole if sweep.started_at < told.started_at and sweep.id != told.id]
    first = {cause.key: _first(counts[cause.key], [*until, told], least) for cause in causes}
    engine.run("begun")
    engine.fill("begun", ((key, sweep.id) for key, (sweep, _) in first.items()))
    reported = {key: identified(own) for key, own in engine.ask("first_key")}
    tickets: dict[str, str] = {}
    for cause in causes:  # two causes that had the same key get different tickets
        ticket = reported.get(cause.key, cause.key)
        tickets[cause.key] = cause.key if ticket in tickets.values() else ticket
    return {
        key: Past(
            since=sweep if until else None,
            is_known=bool(until) and sweep.id != until[0].id,
            flapping=flapping,
            ticket=tickets[key],
        )
        for key, (sweep, flapping) in first.items()
    }


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
    engine: "Database",
    causes: Sequence[NamedCause],
    earlier: Sequence[NamedCause],
    past: Mapping[str, Past],
    whole: Sequence[Sweep],
    told: Sweep,
    against: Sweep,
    least: int,
) -> tuple[FleetChange, ...]:
    """Return how causes changed from the sweep `against` to the sweep `told`. `past` is the history of the causes. A
    silent host counts with its last known state, so its silence does not end a cause, and its return does not make a
    cause new."""
    write_members(engine, "past_member", earlier, against.id)
    engine.run("last_heard", against=against.id)
    turned = {key: _Turned(*counts) for key, *counts in engine.ask("turned", told=told.id, against=against.id)}
    named_before = {cause.key for cause in earlier}
    changes = []
    for cause in causes:
        its = turned.get(cause.key, _Turned())
        turn, came = Turn.NEW, its.came + its.fresh
        if cause.key in named_before or its.was_there(_enough(cause, least)):
            came = its.grown
            turn = Turn.GROWN if came > its.went else Turn.SHRUNK
        if turn is Turn.NEW or came != its.went:
            counts = (its.before, cause.member_count, came, its.went)
            changes.append(_change(turn, cause, past[cause.key].ticket, *counts))
    names = {cause.key for cause in causes}
    gone = [cause for cause in earlier if cause.key not in names]
    changes += _healed(engine, gone, past_of(engine, earlier, whole, against, least), told, against, least)
    turns = tuple(Turn)
    return tuple(sorted(changes, key=lambda change: (turns.index(change.turn), change.severity.rank, change.key)))


def _enough(cause: NamedCause, least: int) -> int:
    """The minimum number of hosts on which this cause counts as present."""
    return max(1, min(least, cause.member_count))


def _healed(
    engine: "Database",
    gone: Sequence[NamedCause],
    past: Mapping[str, Past],
    told: Sweep,
    against: Sweep,
    least: int,
) -> list[FleetChange]:
    """Return the changes of causes that are gone. If most hosts of a cause were heard from and no longer have a fault
    with its code, the cause has healed. Otherwise it has shrunk."""
    left = {
        key: (before, heard, still)
        for key, before, heard, still in engine.ask("left", told=told.id, against=against.id)
    }
    changes = []
    for cause in gone:
        before, heard, still = left.get(cause.key, (0, 0, 0))
        went, silent = heard - still, before - heard
        if went > 0:
            has_healed = still < _enough(cause, least) and went >= silent and went >= still
            turn = Turn.HEALED if has_healed else Turn.SHRUNK
            changes.append(_change(turn, cause, past[cause.key].ticket, before, still, 0, went))
    return changes


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
