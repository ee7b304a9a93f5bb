"""Assign each record to a sweep, and choose the record of a host that counts in it.

The sweep of a record may follow from its place: from the id of a command, or from the day of a folder. The place counts
even if the clock of the host contradicts it. No sweep begins on a future day. All other sweeps are separated by gaps in
time. A new sweep begins after a gap of a quarter of the usual time between two runs of a host. A longer stretch of time
without such a gap is cut into parts, each as long as that usual time.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from agent.catalog.wording import counted, listed
from agent.fleet.model import Sweep
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

_LEAST_PERIOD: Final = 30
"""Shortest usual time between runs in minutes. If somebody runs backuplink more often, they are examining a single
host."""
_LEAST_GAP: Final = 10
"""Smallest gap between two sweeps in minutes."""
_STRETCH: Final = 1.5
"""Maximum length of a sweep, as a multiple of the usual time between runs."""
_DAY: Final = timedelta(days=1)
_WHOLE: Final = 0.5
"""Minimum number of hosts in a sweep of all hosts, as a share of the hosts in the sweep before."""
_DUE: Final = (0.75, 0.1)
"""Two numbers: if a sweep is later than the first number times the usual time between sweeps, it needs only the second
number as its share of the hosts. The missing hosts then count as silent. An earlier sweep with so few hosts counts as a
manual run."""
_OVERDUE: Final = 1.5
"""A sweep that is later than this multiple of the usual time between sweeps always counts."""
_OUTSIDE: Final = 24 * 60
"""The maximum distance in minutes from the middle of a sweep. Records that are farther away do not affect the start and
the end of the sweep."""
_TOGETHER: Final = 12 * 60
"""Maximum time in minutes between the first and the last command of a sweep."""
_COMMON: Final = 0.1
"""Maximum share of the hosts of a command that another command of the same sweep may have in common with it."""
_UNKNOWN: Final = -1
"""The minute of an unreadable time."""
_NAMED: Final = 3
"""Maximum number of hosts that a note lists."""
_ID: Final = re.compile(r"m?i-[0-9a-f]{8,17}")
"""Ids of hosts that a note may contain, since masks recognise their form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepsRead:
    """Further results of the search for sweeps."""

    superseded: Mapping[str, int]
    """For each sweep, by its id, the number of records that a newer record of the same host replaces."""
    together: Mapping[str, str]
    """The sweep of each command that belongs to the sweep of an earlier command, by the id of the command."""
    notes: tuple[str, ...]


def find_sweeps(database: "Database", *, since: datetime | None, today: date) -> SweepsRead:
    """Make the tables `timed` of all records, `heard` of records that count from `since` on, and `placed` of records
    that the question is about."""
    stamps = [stamp for (stamp,) in database.ask("stamp")]
    database.run("moment")
    database.fill("moment", ((stamp, _minute_of(stamp)) for stamp in stamps))
    database.run("timed", today=today.isoformat())
    together = _commands_together(database)
    limit = _minute(datetime(today.year, today.month, today.day, tzinfo=UTC) + _DAY)
    database.run("span")
    database.fill("span", _spans(database, limit))
    database.run("swept")
    database.run("adopted")
    begin = _UNKNOWN if since is None else _minute(since)
    database.run("heard", begin=begin)
    database.run("placed")
    superseded = database.ask("superseded", begin=begin)
    return SweepsRead(
        superseded=dict(superseded), together=together, notes=tuple(_notes(database, limit, today, together))
    )


def _minute_of(stamp: str | None) -> int:
    """The minutes from 1970 to a time; _UNKNOWN if the text is not a time."""
    try:
        time = datetime.fromisoformat(stamp or "")
        return _minute(time if time.tzinfo is not None else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return _UNKNOWN


def _minute(time: datetime) -> int:
    return max(int(time.timestamp() // 60), 0)


def _name(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%MZ}"


# --- By commands ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """Commands that are one sweep."""

    begin: int
    """The middle minute of the first command."""
    commands: list[str]
    hosts: int


def _commands_together(database: "Database") -> dict[str, str]:
    """Join commands that ran at about the same time on different hosts to one sweep, which has the id of the first
    command. Return this id by the id of each other command."""
    database.run("command")
    before: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for command, earlier, hosts in database.ask("command_before"):
        before[command][earlier] = hosts
    groups: list[_Group] = []
    for command, middle, hosts in database.ask("command_order"):
        fitting = list(_fitting(groups, before[command], middle, hosts))
        if fitting:  # the last group that is not much smaller than another, such as a run by hand on a few hosts
            most = max(group.hosts for group in fitting)
            group = next(group for group in fitting if group.hosts >= _WHOLE * most)
            group.commands.append(command)
            group.hosts += hosts
        else:
            groups.append(_Group(middle, [command], hosts))
    together = {command: group.commands[0] for group in groups for command in group.commands[1:]}
    database.run("together")
    database.fill("together", together.items())
    database.run("commands_joined")
    return together


def _fitting(groups: Sequence[_Group], before: Mapping[str, int], middle: int, hosts: int) -> Iterator[_Group]:
    """Yield the groups that a command may belong to, the last one first. The command ran on different hosts than the
    group and than all later groups together. `before` has the last commands that its hosts ran before."""
    repeated = 0
    for group in reversed(groups):
        common = sum(before.get(command, 0) for command in group.commands)
        repeated += common
        if middle - group.begin >= _TOGETHER or repeated > _COMMON * hosts:
            return
        if common <= _COMMON * min(hosts, group.hosts):
            yield group


# --- By gaps ---------------------------------------------------------------------------------------------------------


def _spans(database: "Database", limit: int) -> Iterator[tuple[int, str]]:
    """Yield, for records whose place decides no sweep, the minute of each record and the name of its sweep. Future and
    unreadable times belong to the last sweep."""
    minutes = [minute for (minute,) in database.ask("loose_minute")]
    known = [minute for minute in minutes if _UNKNOWN < minute < limit]
    if not known:
        yield from ((minute, _name(limit - 24 * 60)) for minute in minutes)
        return
    span: list[int] = []
    for span in _parts(known, _period(database)):
        for minute in span:
            yield minute, _name(span[0])
    for minute in minutes:
        if minute < known[0] or minute > known[-1]:
            yield minute, _name(span[0])


def _parts(minutes: Sequence[int], period: int | None) -> Iterator[list[int]]:
    if period is None:
        if minutes:
            yield list(minutes)
        return
    gap = max(_LEAST_GAP, period // 4)
    spans: list[list[int]] = []
    for minute in minutes:
        if not spans or minute - spans[-1][-1] >= gap:
            spans.append([])
        spans[-1].append(minute)
    for span in spans:
        if span[-1] - span[0] <= _STRETCH * period:
            yield span
        else:
            yield from _cut(span, period)


def _cut(span: Sequence[int], period: int) -> Iterator[list[int]]:
    """Yield the minutes of a stretch of time, divided into periods that are counted from the first minute."""
    for _, part in groupby(span, key=lambda minute: (minute - span[0]) // period):
        yield list(part)


def _period(database: "Database") -> int | None:
    """The usual time between two runs of a host in minutes; None if fewer than half of the hosts ran twice."""
    (hosts,) = database.ask("loose_host")[0]
    gaps = database.ask("gap")
    reached = list(accumulate(count for _, count in gaps))
    if not gaps or 2 * reached[-1] < hosts:
        return None
    middle = next(gap for (gap, _), so_far in zip(gaps, reached, strict=True) if 2 * so_far >= reached[-1])
    return int(max(middle, _LEAST_PERIOD))


# --- What they are ---------------------------------------------------------------------------------------------------


def sweeps_of(database: "Database") -> tuple[Sweep, ...]:
    """The sweeps of the records in `placed`, the oldest first."""
    rows = database.ask("sweep_minute")
    found = [_sweep(name, list(of)) for name, of in groupby(rows, key=itemgetter(0))]
    return tuple(sweep for _, sweep in sorted(found, key=lambda pair: (pair[0], pair[1].id)))


def _sweep(name: str, rows: Sequence[tuple[str, int, int, int]]) -> tuple[int, Sweep]:
    """A sweep, and the minute at which half of its runs had ended."""
    hosts = list(accumulate(count for _, _, count, _ in rows))
    middle = next(row[1] for row, reached in zip(rows, hosts, strict=True) if 2 * reached >= hosts[-1])
    inside = [minute for _, minute, _, _ in rows if abs(minute - middle) <= _OUTSIDE]
    return middle, Sweep(
        id=name,
        started_at=datetime.fromtimestamp(max(inside[0], 0) * 60, UTC),
        ended_at=datetime.fromtimestamp(max(inside[-1], 0) * 60, UTC),
        host_count=hosts[-1],
        sick_count=sum(sick for _, _, _, sick in rows),
    )


def whole_sweeps(sweeps: Sequence[Sweep]) -> tuple[Sweep, ...]:
    """Return the sweeps over all hosts. Their numbers of hosts decide. A manual run on a few hosts between two sweeps
    is left out. `sweeps` are in their order."""
    if not sweeps:
        return ()
    usual = _usual_count(sweeps)
    large = [sweep for sweep in sweeps if sweep.host_count >= _WHOLE * usual]
    gaps = sorted(later.started_at - sweep.started_at for sweep, later in itertools.pairwise(large))
    period = gaps[len(gaps) // 2] if gaps else None
    whole: list[Sweep] = []
    for sweep in sweeps:
        if sweep.host_count >= _WHOLE * (whole[-1].host_count if whole else usual) or (
            whole and period and _is_due(sweep, whole[-1], period)
        ):
            whole.append(sweep)
    return tuple(whole)


def _usual_count(sweeps: Sequence[Sweep]) -> int:
    """The number of hosts in a typical sweep. Half of all records are in sweeps with at most this number. The most
    common number would be misleading, since there may be many runs on a few hosts in a day."""
    counts = sorted(sweep.host_count for sweep in sweeps)
    reached = accumulate(counts)
    return next(count for count, so_far in zip(counts, reached, strict=True) if 2 * so_far >= sum(counts))


def _is_due(sweep: Sweep, before: Sweep, period: timedelta) -> bool:
    late = (sweep.started_at - before.started_at) / period
    least_late, part = _DUE
    return late >= _OVERDUE or (late >= least_late and sweep.host_count >= part * before.host_count)


def _notes(database: "Database", limit: int, today: date, together: Mapping[str, str]) -> Iterator[str]:
    if together:
        yield (
            f"{counted(len(together), 'command')} ran at about the same time as another command, on different hosts: "
            "they are one sweep, which has the id of the first command."
        )
    future, unknown = database.ask("clock", ahead=limit)[0]
    if future:
        yield (
            f"{counted(future, 'record')} {'has' if future == 1 else 'have'} a time in the future (today is {today}): "
            "the clock of the host was wrong. If nothing else names the sweep of such a record, it counts in the "
            "last sweep."
        )
    if unknown:
        yield f"{counted(unknown, 'record')} without a readable time: each counts as older than all others."
    if off := database.ask("clock_off"):
        yield (
            f"The clock of {counted(len(off), 'host')} is off by more than a day{_first(name for name, _ in off)}. "
            "The day of the folder counts or, in S3, the day on which the object was written."
        )


def note_of_contested(database: "Database", sweep: str) -> Iterator[str]:
    """Yield notes about ids that several accounts use in the same sweep."""
    if contested := database.ask("contested", sweep=sweep):
        named = (f"{name} ({', '.join(accounts)})" for name, accounts in contested if _ID.fullmatch(name))
        yield (
            f"{counted(len(contested), 'host')} {'has' if len(contested) == 1 else 'have'} the name of a host of "
            f"another account{_some(named)}. Each counts as a host of its own, and the worst verdict decides."
        )


def _first(names: Iterable[str]) -> str:
    return _some(name for name in names if _ID.fullmatch(name))


def _some(named: Iterable[str]) -> str:
    """The first few of the named items, as the end of a sentence."""
    first = list(islice(named, _NAMED))
    return f", such as {listed(first)}" if first else ""
