"""The texts and numbers that the documents and the pictures of a history share. Nothing is escaped here."""

import math
from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import counted, lasted, time_of
from agent.history.model import Day, HistoryDocument, Latency, Series
from agent.history.summary import CELLS, share, watched_for

_BAR: Final = 22
"""Columns of a latency's bar."""
DECADES: Final = (-4, 1)
"""Powers of ten in seconds at the ends of the bar: 0.1 ms to 10 s."""


def nothing(history: HistoryDocument) -> str:
    """The sentence for a history without cycles, or without cycles since a moment."""
    if history.since is None or history.last_at is None:
        return "no cycles"
    return f"no cycles since {time_of(history.since)} UTC; the last one was at {time_of(history.last_at)} UTC"


def watched(series: Series) -> Iterator[str]:
    """Yield sentences about the watched time of a series."""
    first, last = time_of(series.first_at), time_of(series.last_at)
    yield f"{counted(series.cycles, 'cycle')} from {first} to {last} UTC; the last verdict is {series.status}."
    if series.gaps:
        missed = lasted(sum(gap.seconds for gap in series.gaps))
        yield f"{counted(len(series.gaps), 'gap')} in which nothing was checked, {missed} in all."
    if series.lost:
        yield f"{counted(series.lost, 'cycle')} lost: the file could not be written."


def strip(day: Day) -> str:
    """Return a day as marks of half an hour, with the share of the watched time."""
    total = day.available + day.failed
    part = share(day.available, total) if total else "-"
    return f"{day.day} {day.cells:{CELLS}} {part:>8} of {lasted(watched_for(day).total_seconds())}"


def bar(row: Latency) -> str:
    """Return a latency as a bar on a logarithmic axis."""
    p50, p95, p99, longest = (round(place(value) * _BAR) for value in (row.p50, row.p95, row.p99, row.max))
    marks = "-" * p50 + "=" * (p95 - p50) + "." * (p99 - p95)
    return marks.ljust(longest) + "|"


def place(seconds: float) -> float:
    """Return the position of a latency on the logarithmic axis: 0 at its start, 1 at its end and beyond."""
    low, high = DECADES
    return min((math.log10(max(seconds, 10.0**low)) - low) / (high - low), 1.0)


def milliseconds(seconds: float) -> str:
    """Return milliseconds with three digits, or with all digits before the decimal point if there are more."""
    value = 1000 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
