"""How things are by the last cycles of a history, in words: the first thing that its page and its picture say.

A history says how things are only as long as its last cycle stands. After that nobody knows, whatever the verdict was.
"""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import counted, lasted
from agent.history.model import HistoryDocument, Series
from agent.history.text import time_of
from agent.report.model import Status
from probes.frozen import dataclass

_WORST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a series is."""

    kind: Status
    word: str
    """`CRITICAL`, or another one where the last verdict alone would mislead."""
    summary: str
    lines: tuple[str, ...]
    """Since when, and by what."""


def standing(series: Series, document: HistoryDocument) -> Standing:
    """How a series was when the history was read."""
    since = " ".join(_since(series, document))
    flaps = [row for row in series.flapping or () if row.until is None and row.about == "verdict"]
    if series.stands_until < document.read_at:
        kind, word = Status.UNKNOWN, "UNKNOWN"
        summary = f"not watched since {time_of(series.stands_until)} UTC; the last verdict was {series.status}"
        lines = [f"{series.status.capitalize()} {since}: {series.summary}"]
    elif flaps:
        kind = Status.CRITICAL if series.status == Status.CRITICAL else Status.WARNING
        word = "FLAPPING"
        summary = f"the verdict keeps changing since {time_of(flaps[0].since)} UTC; the last one was {series.status}"
        lines = [series.summary]
    else:
        kind = Status(series.status) if series.status in _WORST else Status.UNKNOWN
        word, summary = kind.upper(), series.summary
        lines = [since]
    lines.append(
        f"By the last of {counted(series.cycles, 'cycle')}, at {time_of(series.last_at)} UTC. "
        f"Read at {time_of(document.read_at)} UTC."
    )
    return Standing(kind=kind, word=word, summary=summary, lines=tuple(lines))


def worst(document: HistoryDocument) -> tuple[Series, Standing] | None:
    """The series that is in the worst state, the first of several; None without any."""
    every = [(series, standing(series, document)) for series in document.series]
    return min(every, key=lambda row: _WORST.index(row[1].kind), default=None)


def _since(series: Series, document: HistoryDocument) -> Iterator[str]:
    seconds = (min(document.read_at, series.stands_until) - series.status_since).total_seconds()
    yield f"since {time_of(series.status_since)} UTC, for {lasted(max(seconds, 0))}"
    missed = [gap.seconds for gap in series.gaps if gap.until > series.status_since]
    if missed:
        yield f"({lasted(sum(missed))} of it not watched)"
    if series.status_since <= series.first_at:
        yield "or longer: no earlier cycle is shown"
