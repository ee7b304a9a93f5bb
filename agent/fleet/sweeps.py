"""Which sweep each record is of, and which record of a host counts in it.

Where the place of a record says it (the id of a command, the day of a folder) that holds. All others are told apart by
gaps in time: a gap of a quarter of the usual time between two runs of a host begins a new sweep, and a stretch without
such a gap is cut into spans of that time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from agent.catalog.wording import counted
from agent.fleet.model import Sweep
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

_STAMP: Final = (
    "CASE WHEN substr(r.taken_at, length(r.taken_at), 1) = 'Z' THEN substr(r.taken_at, 1, 16) ELSE r.taken_at END"
)
"""The minute of a record's time where that is in UTC, as records have it; otherwise its whole text."""
_HOST: Final = "CASE WHEN r.redacted = 1 OR r.host IS NULL THEN '#' || r.run ELSE r.host END"
"""Who a record is of. A masked name is another host's in the next record, so each such run is a host of its own."""
_LEAST_PERIOD: Final = 30
"""Minutes: a user who runs backuplink more often than that looks at one host."""
_LEAST_GAP: Final = 10
"""Minutes between two sweeps."""
_STRETCH: Final = 1.5
"""How many times the usual time between runs a sweep may take."""
_AHEAD: Final = timedelta(days=2)
"""From the begin of today on: what lies later than the end of tomorrow has been stamped by a clock that is wrong."""
_OUTSIDE: Final = 24 * 60
"""Minutes from the middle of a sweep: what lies farther away says nothing about its begin and end."""
_UNKNOWN: Final = -1
"""The minute of a time that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepsRead:
    """What was found besides the sweeps."""

    superseded: Mapping[str, int]
    """By the id of a sweep: records of hosts that have a newer one in it."""
    notes: tuple[str, ...]


def find_sweeps(engine: "Database", *, since: datetime | None, today: date) -> SweepsRead:
    """Fill `record.sweep` and `record.newest`, and make the table `newest(record, sweep, host, minute)` of the records
    that count, those from `since` on."""
    stamps = [stamp for (stamp,) in engine.query(f"SELECT DISTINCT {_STAMP} AS stamp FROM record r")]
    engine.execute("CREATE TABLE moment (stamp TEXT PRIMARY KEY, minute BIGINT)")
    engine.fill("moment", ((stamp, _minute_of(stamp)) for stamp in stamps))
    limit = _minute(datetime(today.year, today.month, today.day, tzinfo=UTC) + _AHEAD)
    engine.execute("CREATE TABLE span (minute BIGINT PRIMARY KEY, sweep TEXT)")
    engine.fill("span", _spans(engine, limit))
    engine.execute(
        "UPDATE record SET sweep = (SELECT s.sweep FROM span s JOIN moment m ON m.minute = s.minute "
        f"WHERE m.stamp = {_STAMP.replace('r.', 'record.')}) WHERE sweep IS NULL"
    )
    begin = _UNKNOWN if since is None else _minute(since)
    engine.execute(
        "CREATE TABLE newest AS SELECT record, sweep, host, minute FROM ("
        f"SELECT r.id AS record, r.sweep AS sweep, {_HOST} AS host, m.minute AS minute, row_number() OVER ("
        f"PARTITION BY r.sweep, {_HOST} ORDER BY m.minute DESC, r.taken_at DESC, r.id DESC) AS place "
        f"FROM record r JOIN moment m ON m.stamp = {_STAMP} WHERE m.minute >= ?) AS placed WHERE place = 1",
        (begin,),
    )
    engine.execute("UPDATE record SET newest = 0 WHERE id NOT IN (SELECT record FROM newest)")
    superseded = engine.query(
        f"SELECT r.sweep, count(*) FROM record r JOIN moment m ON m.stamp = {_STAMP} "
        "WHERE r.newest = 0 AND m.minute >= ? GROUP BY r.sweep",
        (begin,),
    )
    return SweepsRead(superseded=dict(superseded), notes=tuple(_notes(engine, limit, today)))


def _minute_of(stamp: str | None) -> int:
    """The minute of a time since 1970, _UNKNOWN where it is none."""
    try:
        time = datetime.fromisoformat(stamp or "")
        return _minute(time if time.tzinfo is not None else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return _UNKNOWN


def _minute(time: datetime) -> int:
    return max(int(time.timestamp() // 60), 0)


def _name(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%MZ}"


# --- By gaps ---------------------------------------------------------------------------------------------------------


def _spans(engine: "Database", limit: int) -> Iterator[tuple[int, str]]:
    """Each minute of a record whose place says nothing, with the name of its sweep. Times that are yet to come, and
    those that cannot be read, are of the last one."""
    minutes = sorted(
        minute
        for (minute,) in engine.query(
            f"SELECT DISTINCT m.minute FROM record r JOIN moment m ON m.stamp = {_STAMP} WHERE r.sweep IS NULL"
        )
    )
    known = [minute for minute in minutes if _UNKNOWN < minute < limit] or minutes
    span: list[int] = []
    for span in _parts(known, _period(engine)):
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
    """The minutes of a stretch, by the periods since its first."""
    for _, part in groupby(span, key=lambda minute: (minute - span[0]) // period):
        yield list(part)


def _period(engine: "Database") -> int | None:
    """The usual time between two runs of a host, in minutes; None where fewer than half of the hosts ran twice."""
    of_hosts = (
        f"FROM record r JOIN moment m ON m.stamp = {_STAMP} "
        "WHERE r.sweep IS NULL AND r.redacted = 0 AND r.host IS NOT NULL AND m.minute >= 0"
    )
    (hosts,) = engine.query(f"SELECT count(DISTINCT r.host) {of_hosts}")[0]
    gaps = engine.query(
        "SELECT gap, count(*) FROM (SELECT m.minute - lag(m.minute) OVER (PARTITION BY r.host ORDER BY m.minute) "
        f"AS gap {of_hosts}) AS between_runs WHERE gap > 0 GROUP BY gap"
    )
    gaps.sort()
    reached = list(accumulate(count for _, count in gaps))
    if not gaps or 2 * reached[-1] < hosts:
        return None
    middle = next(gap for (gap, _), so_far in zip(gaps, reached, strict=True) if 2 * so_far >= reached[-1])
    return int(max(middle, _LEAST_PERIOD))


# --- What they are ---------------------------------------------------------------------------------------------------


def sweeps_of(engine: "Database") -> tuple[Sweep, ...]:
    """The sweeps of the records in `newest`, the oldest first."""
    rows = engine.query(
        "SELECT n.sweep, n.minute, count(*), sum(CASE WHEN r.status IN ('ok', 'not-in-use') THEN 0 ELSE 1 END) "
        "FROM newest n JOIN record r ON r.id = n.record GROUP BY n.sweep, n.minute"
    )
    rows.sort(key=lambda row: (row[0], row[1]))
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


def _notes(engine: "Database", limit: int, today: date) -> Iterator[str]:
    counts = engine.query(
        f"SELECT sum(CASE WHEN m.minute >= ? THEN 1 ELSE 0 END), sum(CASE WHEN m.minute < 0 THEN 1 ELSE 0 END) "
        f"FROM record r JOIN moment m ON m.stamp = {_STAMP}",
        (limit,),
    )
    future, unknown = (int(count or 0) for count in counts[0])
    if future:
        yield (
            f"{counted(future, 'record')} {'has' if future == 1 else 'have'} a time that is yet to come, seen from "
            f"{today}: the clock of the host was wrong. Where nothing else says of which sweep such a record is, it "
            "counts in the last one."
        )
    if unknown:
        yield f"{counted(unknown, 'record')} without a time that can be read: taken as older than all others."
