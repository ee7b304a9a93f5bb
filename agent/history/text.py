"""A history for people: the list of changes, and the chart. 80 columns, plain ASCII, no colour."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from agent.catalog.wording import counted, failed_of, lasted, time_of
from agent.history.model import ChangeRow, Day, Flapping, Gap, HistoryDocument, Latency, Series
from agent.history.standing import standing
from agent.history.summary import CELLS, merged, of_most_cycles, share, watched_for
from agent.report.escape import visible
from agent.report.words import WIDTH

MAX_LANES: Final = 40
"""Of one series that the chart shows, the ones with most cycles: a service with public addresses has hundreds."""
_NAME: Final = 15
"""Columns of the name of a step."""
_BAR: Final = 22
"""Columns of a bar of latency."""
DECADES: Final = (-4, 1)
"""Powers of ten at its ends, in seconds: 0.1 ms to 10 s."""


def as_list(document: HistoryDocument) -> str:
    """The series in a few lines each, then all changes and gaps, the oldest first."""
    parts = ["\n".join(_head(series, document)) for series in document.series]
    names = [series.name for series in document.series]
    rows = list(merged(document.changes, {series.name: series.gaps for series in document.series}))
    if rows:
        lines = [f"{'cycle':>7}  {'UTC':<19}  change"]
        for row in rows:
            lines += _row(row, names)
        parts.append("\n".join(lines))
    return "\n\n".join(parts or ["no cycles"]) + "\n"


def as_chart(document: HistoryDocument) -> str:
    """For each series: availability by day, latency by lane and step, and what was flapping."""
    parts: list[str] = []
    for series in document.series:
        parts.append("\n".join(_head(series, document)))
        if series.days is not None:
            parts.append("\n".join(_availability(series.days)))
        if series.latency is not None:
            parts.append("\n".join(_latency(series.latency)))
        parts.append("\n".join(_flapping(series.flapping)))
    return "\n\n".join(parts or ["no cycles"]) + "\n"


def _head(series: Series, document: HistoryDocument) -> list[str]:
    now = standing(series, document)
    text = (
        f"{counted(series.cycles, 'cycle')} from {time_of(series.first_at)} to "
        f"{time_of(series.last_at)} UTC; the last verdict is {series.status}"
    )
    lines = [
        *_wrapped(f"{now.word}: {now.summary}", "", "    "),
        *_wrapped(series.name, "  ", "      "),
        *_wrapped(text, "  ", "  "),
    ]
    if series.gaps:
        total = lasted(sum(gap.seconds for gap in series.gaps))
        lines += _wrapped(f"{counted(len(series.gaps), 'gap')} in which nothing watched, {total} in all", "  ", "  ")
    if series.lost:
        lines += _wrapped(f"{counted(series.lost, 'cycle')} lost: the file could not be written", "  ", "  ")
    return lines


def _row(row: ChangeRow | tuple[str, Gap], names: Sequence[str]) -> list[str]:
    if isinstance(row, ChangeRow):
        # The text starts with the same time, to the second.
        _, _, words = row.text.partition(" ")
        number, at, series = f"{row.cycle:>7}", row.at, row.series
    else:
        series, gap = row
        number, at, words = " " * 7, gap.since, f"not watched for {lasted(gap.seconds)}"
    if len(names) > 1:
        words = f"[{names.index(series) + 1 if series in names else '?'}] {words}"
    return _wrapped(words, f"{number}  {time_of(at)}  ", " " * 30)


def _availability(rows: Sequence[Day]) -> Iterator[str]:
    yield "Availability by day, each mark half an hour (UTC): # available, x failed,"
    yield "? unknown, . not watched. The share is of the time that was watched."
    for row in rows:
        total = row.available + row.failed
        part = share(row.available, total) if total else "-"
        yield f"  {row.day} {row.cells:{CELLS}} {part:>8} of {lasted(watched_for(row).total_seconds())}"


def _latency(rows: Sequence[Latency]) -> Iterator[str]:
    yield "Latency of successful steps, in ms. The bar is logarithmic, 0.1 ms to 10 s:"
    yield "- up to p50, = up to p95, . up to p99, | the longest."
    if not rows:
        yield "  no step was timed"
        return
    shown = of_most_cycles(rows, MAX_LANES)
    for lane, found in shown.items():
        yield from _wrapped(lane, "  ", "      ")
        for row in found:
            numbers = "".join(f"{milliseconds(value):>9}" for value in (row.p50, row.p95, row.p99))
            yield f"    {visible(row.step)[:_NAME]:<{_NAME}}{row.count:>8}{numbers}  {_bar(row)}".rstrip()
    if left := len({row.lane for row in rows}) - len(shown):
        yield f"  and {counted(left, 'more lane')}; --format json has all of them"


def milliseconds(seconds: float) -> str:
    """Three digits, or as many as there are before the point."""
    value = 1000 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _bar(row: Latency) -> str:
    p50, p95, p99, longest = (_column(value) for value in (row.p50, row.p95, row.p99, row.max))
    bar = "-" * p50 + "=" * (p95 - p50) + "." * (p99 - p95)
    return bar.ljust(longest) + "|"


def _column(seconds: float) -> int:
    return round(place(seconds) * _BAR)


def place(seconds: float) -> float:
    """Where a latency is on the logarithmic axis: 0 at its beginning, 1 at its end and beyond."""
    low, high = DECADES
    return min((math.log10(max(seconds, 10.0**low)) - low) / (high - low), 1.0)


def _flapping(rows: Sequence[Flapping]) -> Iterator[str]:
    yield "Flapping"
    if not rows:
        yield "  nothing"
    for row in rows:
        until = (
            "and it has not settled"
            if row.until is None
            else f"to {time_of(row.until)}, {lasted((row.until - row.since).total_seconds())}"
        )
        share = failed_of(row.failed, row.unknown, row.cycles, "cycle")
        words = f"{row.about}  from {time_of(row.since)} {until}"
        yield from _wrapped("; ".join(filter(None, (words, share))), "  ", "      ")


def _wrapped(text: str, first: str, later: str) -> list[str]:
    """Lines of WIDTH, without control characters."""
    return textwrap.wrap(
        visible(text), WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    ) or [first.rstrip()]
