"""Since when a cause is there, whether it comes and goes, and what became of causes since another sweep."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import Severity
from agent.fleet.causes import NamedCause, title_of, write_members
from agent.fleet.model import FleetChange, Sweep, Turn
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

_WHOLE: Final = 0.5
"""Part of the hosts of the told sweep that another one needs, so that a cause which is not in it was not there."""
_LAST: Final = 10
"""Sweeps in which coming and going is looked for."""
_TURNS: Final = 3
"""How often a cause has to come or go in them: it came, went, and came again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What earlier sweeps say of a cause."""

    since: Sweep | None
    flapping: bool


def past_of(
    engine: "Database", causes: Sequence[NamedCause], sweeps: Sequence[Sweep], told: Sweep, least: int
) -> dict[str, Past]:
    """By the key of a cause. `sweeps` are all, the oldest first; those after the told one, and those of few hosts, say
    nothing."""
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key, sweep, count in engine.ask("cause_sweep"):
        counts[key][sweep] = count
    until = next(number for number, sweep in enumerate(sweeps) if sweep.id == told.id)
    whole = [
        sweep for sweep in sweeps[: until + 1] if sweep.id == told.id or sweep.host_count >= _WHOLE * told.host_count
    ]
    return {cause.key: _past(counts[cause.key], whole, least) for cause in causes}


def _past(counts: Mapping[str, int], sweeps: Sequence[Sweep], least: int) -> Past:
    enough = max(1, min(least, counts.get(sweeps[-1].id, 0)))
    there = [counts.get(sweep.id, 0) >= enough for sweep in sweeps]
    first = len(there)
    while first and there[first - 1]:
        first -= 1
    lately = there[-_LAST:]
    turns = sum(before is not after for before, after in itertools.pairwise(lately))
    since = sweeps[first] if len(sweeps) > 1 and first < len(sweeps) else None
    return Past(since=since, flapping=turns >= _TURNS)


def changes_between(
    engine: "Database",
    causes: Sequence[NamedCause],
    earlier: Sequence[NamedCause],
    told: Sweep,
    against: Sweep,
    least: int,
) -> tuple[FleetChange, ...]:
    """What became of causes: those of the told sweep, and those that the other one had. Only hosts that were heard from
    in both went; a host that is silent has not healed."""
    write_members(engine, "past_member", earlier)
    for name in ("now_host", "then_host"):
        engine.run(name, sweep=told.id if name == "now_host" else against.id)
    before = dict(engine.ask("then_count"))
    came, went = dict(engine.ask("came")), dict(engine.ask("went", sweep=told.id))
    named_before = {cause.key for cause in earlier}
    changes = []
    for cause in causes:
        key = cause.key
        was_there = key in named_before or before.get(key, 0) >= least
        turn = Turn.NEW
        if was_there and came.get(key, 0) != went.get(key, 0):
            turn = Turn.GROWN if came.get(key, 0) > went.get(key, 0) else Turn.SHRUNK
        elif was_there:
            continue
        changes.append(_change(turn, cause, before.get(key, 0), cause.member_count, came.get(key, 0), went.get(key, 0)))
    changes += _healed(
        engine, [cause for cause in earlier if cause.key not in {now.key for now in causes}], told, against, least
    )
    turns = tuple(Turn)
    return tuple(sorted(changes, key=lambda change: (turns.index(change.turn), change.severity.rank, change.key)))


def _healed(
    engine: "Database", gone: Sequence[NamedCause], told: Sweep, against: Sweep, least: int
) -> list[FleetChange]:
    """Causes of the other sweep that are not named any more: healed where most of their hosts were heard from and have
    no fault of that code."""
    left = {
        key: (before, heard, still)
        for key, before, heard, still in engine.ask("left", told=told.id, against=against.id)
    }
    changes = []
    for cause in gone:
        before, heard, still = left.get(cause.key, (0, 0, 0))
        went, silent = heard - still, before - heard
        if went > 0:
            turn = Turn.HEALED if still < least and went >= silent and went > still else Turn.SHRUNK
            changes.append(_change(turn, cause, before, still, 0, went))
    return changes


def _change(turn: Turn, cause: NamedCause, before: int, after: int, came: int, went: int) -> FleetChange:
    return FleetChange(
        turn=turn,
        key=cause.key,
        title=title_of(cause.code),
        severity=tuple(Severity)[cause.severity],
        before=before,
        after=after,
        came=came,
        went=went,
    )
