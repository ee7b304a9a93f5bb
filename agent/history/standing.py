"""Describe the state that the last cycles of a history show. The text, page and picture of a history begin with it.

The last cycle describes the state only for a limited time. After this time, the state is unknown, whatever the verdict
was.
"""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import counted, failed_of, lasted, time_of
from agent.history.model import Flapping, HistoryDocument, Series
from agent.report.model import Status
from probes.frozen import dataclass

FLAPPING: Final = "FLAPPING"
_WORST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a series."""

    kind: Status
    word: str
    """The status in capitals, such as `CRITICAL`, or another word if the last verdict alone would mislead."""
    summary: str
    lines: tuple[str, ...]
    """Sentences about the start of the state, and about its reasons."""


def word_and_kind(status: str, *, flaps: bool, is_watched: bool) -> tuple[str, Status]:
    """Return the word for a state, and its severity, from the last verdict. A state that is no longer watched is
    unknown. If it was flapping at the end, it is still called flapping: the last verdict proves nothing."""
    if not is_watched:
        return FLAPPING if flaps else Status.UNKNOWN.upper(), Status.UNKNOWN
    if flaps:
        return FLAPPING, Status.CRITICAL if status == Status.CRITICAL else Status.WARNING
    kind = Status(status) if status in _WORST else Status.UNKNOWN
    return kind.upper(), kind


def standing(series: Series, document: HistoryDocument) -> Standing:
    """Return the state of a series at the time of reading."""
    since = " ".join(_since(series, document))
    flaps = next((row for row in series.flapping if row.until is None and row.about == "verdict"), None)
    is_watched = document.read_at <= series.stands_until
    word, kind = word_and_kind(series.status, flaps=flaps is not None, is_watched=is_watched)
    unwatched = [] if is_watched else [f"not watched since {time_of(series.stands_until)} UTC"]
    if flaps is not None:
        summary = "; ".join((_flapping(flaps, series), *unwatched))
        lines = [*_last_failure(series), f"The last cycle: {series.summary}"]
    elif not is_watched:
        summary = f"{unwatched[0]}; the last verdict was {series.status}"
        lines = [f"{series.status.capitalize()} {since}: {series.summary}"]
    else:
        summary = series.summary
        lines = [since]
    lines.append(
        f"As of the last of {counted(series.cycles, 'cycle')}, at {time_of(series.last_at)} UTC. "
        f"Read at {time_of(document.read_at)} UTC."
    )
    return Standing(kind=kind, word=word, summary=summary, lines=tuple(lines))


def worst(document: HistoryDocument) -> tuple[Series, Standing] | None:
    """Return the series in the worst state, and its state; None if there are no series. If several are in the worst
    state, the first is returned."""
    every = [(series, standing(series, document)) for series in document.series]
    return min(every, key=lambda row: _WORST.index(row[1].kind), default=None)


def _flapping(row: Flapping, series: Series) -> str:
    """`failed 98 of 196 cycles, flapping since 2026-01-15 03:04:11 UTC, the last cycle: OK`."""
    share = failed_of(row.failed, row.unknown, row.cycles, "cycle")
    since = f"flapping since {time_of(row.since)} UTC"
    return ", ".join(filter(None, (share, since, f"the last cycle: {series.status.upper()}")))


def _last_failure(series: Series) -> Iterator[str]:
    """Yield the last failure, if the last cycle did not fail."""
    if series.last_failure is not None and series.status != Status.CRITICAL:
        yield f"The last failure: {series.last_failure}"


def _since(series: Series, document: HistoryDocument) -> Iterator[str]:
    seconds = (min(document.read_at, series.stands_until) - series.status_since).total_seconds()
    yield f"since {time_of(series.status_since)} UTC, for {lasted(max(seconds, 0))}"
    missed = [gap.seconds for gap in series.gaps if gap.until > series.status_since]
    if missed:
        yield f"({lasted(sum(missed))} of it not watched)"
    if series.status_since <= series.first_at:
        yield "or longer: no earlier cycle is shown"
