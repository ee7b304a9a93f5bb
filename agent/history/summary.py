"""The summary of a history's cycles: gaps, availability by day, latency, flapping. Pure.

A cycle describes the state from its start until the next cycle starts, but only for a limited time. For a watch this is
a little more than its interval. For runs at unknown times, such as runs of a timer, it is one and a half times the
usual time between two runs. Time without a watch, and time with the verdict unknown, count neither as available nor as
failed.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate, pairwise, takewhile
from statistics import median_low
from typing import Final

from agent.history.model import ChangeRow, Day, Flapping, Gap, Latency, StepRow
from agent.history.read import Mark, instant

CELLS: Final = 48
"""Cells of a day, half an hour each."""
_DAY: Final = 86_400_000
_CELL: Final = _DAY // CELLS
_USUAL: Final = 1.5
"""A gap begins if the next run does not come within this multiple of the usual time between two runs."""
_LONGEST: Final = 7 * _DAY
"""Maximum time in seconds for which a run at an unknown time describes the state."""
_KINDS: Final = {"ok": "available", "warning": "available", "critical": "failed"}
_SHOWN: Final = {"available": "#", "unknown": "?", "failed": "x"}
NOT_WATCHED: Final = "."
_WORST: Final = {mark: rank for rank, mark in enumerate((NOT_WATCHED, *_SHOWN.values()))}
TIMED: Final = ("dns", "tcp", "tls", "http", "api")
"""Steps that use the network and therefore have a latency."""
MAX_DAYS: Final = 3_660
"""Maximum number of days of one series. They are the latest days. Without a maximum, a wrong clock could make a million
days."""


def spans(marks: Sequence[Mark]) -> list[tuple[int, int, Mark]]:
    """Return the time for which each cycle describes the state, in milliseconds since 1970: its start, its end, and the
    cycle."""
    marks = sorted(marks, key=lambda mark: (mark.started, mark.id))
    unknown = [mark.started for mark in marks if mark.stands is None]
    distances = [after - before for before, after in pairwise(unknown)]
    usual = min(round(_USUAL * median_low(distances)), _LONGEST) if distances else 0
    ends = [mark.started + (usual if mark.stands is None else mark.stands) for mark in marks]
    nexts = [*(mark.started for mark in marks[1:]), math.inf]
    return [
        (mark.started, int(min(end, following)), mark) for mark, end, following in zip(marks, ends, nexts, strict=True)
    ]


def gaps(watched: Sequence[tuple[int, int, Mark]]) -> tuple[Gap, ...]:
    """Return the times between the spans."""
    return tuple(
        Gap(since=instant(end), until=instant(start), seconds=(start - end) / 1000, cycle=mark.id)
        for (_, end, _), (start, _, mark) in pairwise(watched)
        if start > end
    )


def days(watched: Sequence[tuple[int, int, Mark]], statuses: Mapping[int, str]) -> tuple[Day, ...]:
    """Return the days from the first span to the last, in UTC."""
    if not watched:
        return ()
    last = watched[-1][0] // _DAY
    first = max(watched[0][0] // _DAY, last - MAX_DAYS + 1)
    totals: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_SHOWN, 0))
    cells: dict[int, list[str]] = defaultdict(lambda: [NOT_WATCHED] * CELLS)
    for start, end, mark in watched:
        kind = _KINDS.get(statuses.get(mark.outline, ""), "unknown")
        for cell in range(max(start // _CELL, first * CELLS), -(-end // _CELL)):
            day, place = divmod(cell, CELLS)
            totals[day][kind] += min(end, (cell + 1) * _CELL) - max(start, cell * _CELL)
            cells[day][place] = max(cells[day][place], _SHOWN[kind], key=_WORST.__getitem__)
    return tuple(
        Day(
            day=f"{instant(day * _DAY):%Y-%m-%d}",
            **{kind: milliseconds / 1000 for kind, milliseconds in totals[day].items()},
            cells="".join(cells[day]),
        )
        for day in range(first, max((last, *cells)) + 1)
    )


def latency(durations: Mapping[StepRow, Mapping[int, Mapping[float, int]]], slices: int) -> tuple[Latency, ...]:
    """Return, by lane and step, the percentiles (nearest rank) of the durations of successful steps in all cycles, and
    the median of each slice."""
    taken: dict[tuple[str, str], dict[int, Counter[float]]] = defaultdict(lambda: defaultdict(Counter))
    for step, by_slice in durations.items():
        if step.step in TIMED and step.status == "ok":
            for number, seconds in by_slice.items():
                taken[step.lane, step.name][number].update(seconds)
    return tuple(
        _latency(lane, step, by_slice, slices)
        for (lane, step), by_slice in sorted(taken.items(), key=lambda item: _order(*item[0]))
    )


def _latency(lane: str, step: str, by_slice: Mapping[int, Counter[float]], slices: int) -> Latency:
    every: Counter[float] = Counter()
    for counts in by_slice.values():
        every.update(counts)
    medians = (_percentiles(by_slice[number])["p50"] if number in by_slice else None for number in range(slices))
    return Latency(lane=lane, step=step, count=every.total(), **_percentiles(every), medians=tuple(medians))


def _order(lane: str, step: str) -> tuple[str, int, str]:
    return lane, TIMED.index(step.partition(" ")[0]), step


def _percentiles(counts: Mapping[float, int]) -> dict[str, float]:
    values = sorted(counts)
    ranks = list(accumulate(counts[value] for value in values))

    def at(percent: int) -> float:
        return values[bisect_left(ranks, -(-percent * ranks[-1] // 100))]

    return {"p50": at(50), "p95": at(95), "p99": at(99), "max": values[-1]}


def flapping(changes: Iterable[ChangeRow], marks: Sequence[Mark], statuses: Mapping[int, str]) -> tuple[Flapping, ...]:
    """Return the times of flapping from the changes of one series, with the number of failed cycles in each. Flapping
    that ended before the first cycle is left out."""
    started: dict[str, ChangeRow] = {}
    spells: list[tuple[ChangeRow, ChangeRow | None]] = []
    for change in changes:
        if change.kind == "flapping":
            started.setdefault(change.about, change)
        elif change.kind == "settled" and change.about in started:
            spells.append((started.pop(change.about), change))
    spells += [(change, None) for change in started.values()]
    rows = (
        _flapping(first, last, marks, statuses)
        for first, last in spells
        if last is None or (marks and last.cycle >= marks[0].id)
    )
    return tuple(sorted(rows, key=lambda row: (row.since, row.about)))


def _flapping(first: ChangeRow, last: ChangeRow | None, marks: Sequence[Mark], statuses: Mapping[int, str]) -> Flapping:
    until = math.inf if last is None else last.cycle
    seen = Counter(statuses.get(mark.outline, "unknown") for mark in marks if first.cycle <= mark.id <= until)
    return Flapping(
        about=first.about,
        since=first.at,
        until=None if last is None else last.at,
        cycles=seen.total(),
        failed=seen["critical"],
        unknown=seen["unknown"],
    )


def status_since(watched: Sequence[tuple[int, int, Mark]], statuses: Mapping[int, str]) -> int:
    """Return the start of the first cycle from which on every cycle has the status of the last one, in milliseconds
    since 1970."""
    last = statuses.get(watched[-1][2].outline)
    alike = takewhile(lambda row: statuses.get(row[2].outline) == last, reversed(watched))
    return min(start for start, _, _ in alike)


def last_failed(watched: Sequence[tuple[int, int, Mark]], statuses: Mapping[int, str]) -> int | None:
    """Return the outline of the last critical cycle; None if no cycle was critical."""
    outlines = (mark.outline for _, _, mark in reversed(watched))
    return next((outline for outline in outlines if statuses.get(outline) == "critical"), None)


def share(part: float, total: float) -> str:
    """Return a percentage. It is 100 % only if nothing is missing."""
    percent = 100 * part / total
    return "100 %" if part == total else f"{min(percent, 99.99):.2f} %"


def of_most_cycles(rows: Sequence[Latency], most: int) -> dict[str, list[Latency]]:
    """Return the rows of the `most` lanes with most cycles, by lane, in the order of the rows."""
    lanes: dict[str, list[Latency]] = defaultdict(list)
    for row in rows:
        lanes[row.lane].append(row)
    chosen = sorted(lanes, key=lambda lane: (-max(row.count for row in lanes[lane]), lane))[:most]
    return {lane: found for lane, found in lanes.items() if lane in chosen}


def watched_for(row: Day) -> timedelta:
    """Return the time of a day that was watched with a verdict other than unknown."""
    return timedelta(seconds=row.available + row.failed)


def merged(changes: Sequence[ChangeRow], gaps_of: Mapping[str, Sequence[Gap]]) -> Iterator[ChangeRow | tuple[str, Gap]]:
    """Yield changes, and gaps with the name of their series, in the order of the cycles that show them."""
    rows: list[tuple[int, int, ChangeRow | tuple[str, Gap]]] = [(change.cycle, 1, change) for change in changes]
    rows += [(gap.cycle, 0, (name, gap)) for name, found in gaps_of.items() for gap in found]
    return (row for _, _, row in sorted(rows, key=lambda row: row[:2]))
