"""The outputs of a history: its changes, a chart, a page, one report, the difference between two reports, or all cycles
for programs."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent.app.errors import RequestError
from agent.app.publish import DIFFERENCE, HISTORY, REPORT, publish
from agent.history.model import SCHEMA, SLICES, HistoryDocument, HistoryError, Series
from agent.history.render import ShownHistory
from agent.history.request import HistoryRequest
from agent.process.files import InterruptedBySignalError, within
from agent.process.output import error_to_stderr, one_line, to_stderr, to_stdout
from agent.process.signals import exit_on_signals
from agent.report import exits
from agent.settings import Output, ReportOptions

if TYPE_CHECKING:
    from agent.history.read import HistoryReader
    from agent.report.model import Report

PIECE: Final = 200
"""Number of lines of an export that are written at once."""
HISTORY_SECONDS: Final = 600.0
"""Time limit in seconds for reading a history, and for each piece of an export. Reading a million cycles takes a
minute."""
CLOSE_SECONDS: Final = 0.5
"""Time limit for closing a history after a signal."""

T = TypeVar("T")


def list_changes(request: HistoryRequest, received_signals: list[str]) -> int:
    """Write the changes, the chart or the page of a history. Returns the exit code: the code of the first signal if one
    was received, UNKNOWN if the file could not be written, otherwise OK. Raises RequestError and OutputClosedError."""
    wanted = request.output.format
    with exit_on_signals(received_signals):

        def read(history: "HistoryReader") -> "tuple[HistoryDocument, dict[int, tuple[int, Report]]]":
            chart = request.chart or wanted in ("html", "svg", "markdown")
            document = _document(history, _moment(request.since), chart=chart)
            return document, _reports(history, document) if wanted == "html" else {}

        document, reports = _read(request.place, read, received_signals)
        shown = ShownHistory(document=document, chart=request.chart, reports=dict(_with_own_commands(reports)))
        return publish(HISTORY, shown, request.output) or _code(received_signals)


def _with_own_commands(reports: "dict[int, tuple[int, Report]]") -> "Iterator[tuple[int, tuple[int, Report]]]":
    for cycle, (own, report) in reports.items():
        from agent.app.own_commands import with_own_commands

        yield cycle, (own, with_own_commands(report))


def _reports(history: "HistoryReader", document: HistoryDocument) -> "dict[int, tuple[int, Report]]":
    """Return the reports of the latest failures, as many as a page shows, by the cycle of the failure. Each report
    comes with the cycle under which the history keeps it."""
    from agent.history.content import BAD, MAX_OBSERVATIONS, MAX_REPORTS, failures

    found: dict[int, tuple[int, Report]] = {}
    own: dict[int, Report] = {}
    bad = {outline for outline, status in history.statuses().items() if status in BAD}
    left = MAX_OBSERVATIONS
    for row in failures(document):
        cycle = history.last_of(row.series, bad, row.cycle)
        if row.cycle in found or cycle is None:
            continue
        report, number = history.report(cycle)
        if number not in own:
            left -= len(report.observations)
            if len(own) == MAX_REPORTS or (left < 0 and own):
                break
            own[number] = report
        found[row.cycle] = number, own[number]
    return found


def show_cycle(place: str, cycle: int, options: ReportOptions, received_signals: list[str]) -> int:
    """Write the report of a cycle. Returns the exit code like `list_changes`, and UNKNOWN if the report could not be
    written to the named file. Raises like `list_changes`."""
    with exit_on_signals(received_signals):
        report, own = _read(place, lambda history: history.report(cycle), received_signals)
        _say_whose(cycle, own, "shown")
        if options.redact:
            from agent.app.discreet import discreet_here

            report = discreet_here(report)
        said = exits.of_verdict(report.verdict.status, options.fail_on)
        return publish(REPORT, report, options, said=said) or _code(received_signals)


def compare_cycles(place: str, old: int, new: int, received_signals: list[str], *, output: Output) -> int:
    """Write the differences between the reports of two cycles. Returns and raises like `list_changes`."""
    from agent.app.own_commands import with_own_commands
    from agent.report.diff import NotComparableError, difference

    with exit_on_signals(received_signals):
        (before, before_of), (after, after_of) = _read(
            place, lambda history: (history.report(old), history.report(new)), received_signals
        )
        _say_whose(old, before_of, "compared")
        _say_whose(new, after_of, "compared")
        try:
            changes = difference(before, with_own_commands(after), (_named(old, before_of), _named(new, after_of)))
        except NotComparableError as error:
            raise RequestError(str(error)) from error
        return publish(DIFFERENCE, changes, output) or _code(received_signals)


def export(place: str, since: datetime | float | None, received_signals: list[str], *, as_csv: bool) -> int:
    """Write all cycles. Returns and raises like `list_changes`."""
    from agent.history.export import as_csv as csv_of
    from agent.history.export import as_ndjson
    from agent.history.read import HistoryReader

    moment = _moment(since)

    def written() -> Generator[str, None, None]:
        with HistoryReader(Path(place)) as history:
            changes = () if as_csv else list(history.changes(moment))
            cycles = history.cycles(moment)
            yield from _pieces(csv_of(cycles) if as_csv else as_ndjson(cycles, changes))

    def following() -> str | None:
        return next(pieces, None)

    pieces = written()
    is_started = False
    with exit_on_signals(received_signals):
        try:
            while (piece := within(following, seconds=HISTORY_SECONDS, received_signals=received_signals)) is not None:
                to_stdout(piece)
                is_started = True
                if received_signals:
                    break
        except (HistoryError, TimeoutError) as error:
            why = f"{place}: {error.strerror if isinstance(error, OSError) else error}"
            if not is_started:
                raise RequestError(why) from error
            error_to_stderr(f"Error: {one_line(f'{why}; the export ends here.')}\n")
            return exits.UNKNOWN
        except InterruptedBySignalError:
            if not is_started:
                raise
        finally:
            with suppress(TimeoutError, ValueError):  # the file does not answer, or is still busy with the latest piece
                within(pieces.close, seconds=CLOSE_SECONDS)
        return _code(received_signals)


def last_failed_report(place: str, received_signals: Sequence[str] = ()) -> "tuple[Report, int]":
    """Return the report of the last failed cycle in a history, and the number of the cycle. Raises RequestError, also
    if no cycle failed, and InterruptedBySignalError."""

    def read(history: "HistoryReader") -> "tuple[Report, int]":
        cycle = history.last_failed()
        if cycle is None:
            raise RequestError(
                f"{place}: no cycle in it failed; name a saved report, or leave out --history for a new run"
            )
        return history.report(cycle)

    return _read(place, read, received_signals)


def last_changes(place: str, most: int, received_signals: Sequence[str] = ()) -> HistoryDocument:
    """Return a history with the latest changes, at most `most` of them. Raises RequestError and
    InterruptedBySignalError."""
    document = _read(place, lambda history: _document(history, None, chart=False), received_signals)
    first = max(len(document.changes) - most, 0)
    return replace(document, changes=document.changes[first:])


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    piece: list[str] = []
    for line in lines:
        piece.append(line)
        if len(piece) == PIECE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)


def _document(history: "HistoryReader", since: datetime | None, *, chart: bool) -> HistoryDocument:
    from agent.history import summary
    from agent.history.read import instant
    from probes.system.machine import SystemMachine

    names, statuses = history.series(), history.statuses()
    every_change = tuple(history.changes(None))  # a state that flaps now may have begun before `since`
    changes = every_change if since is None else tuple(history.changes(since))
    found: list[Series] = []
    for number, marks in sorted(history.marks(since).items()):
        watched = summary.spans(marks)
        _, stands_until, last = watched[-1]
        name = names.get(number, "?")
        own = [change for change in every_change if change.series == name]
        slices = min(len(marks), SLICES)
        failed = summary.last_failed(watched, statuses)
        found.append(
            Series(
                name=name,
                cycles=len(marks),
                first_at=instant(watched[0][0]),
                last_at=instant(watched[-1][0]),
                status=statuses.get(last.outline, "unknown"),
                status_since=instant(summary.status_since(watched, statuses)),
                summary=history.summary(last.outline) if last.outline in statuses else "",
                stands_until=instant(stands_until),
                last_failure=None if failed is None else history.summary(failed),
                lost=sum(mark.lost for mark in marks),
                gaps=summary.gaps(watched),
                days=summary.days(watched, statuses) if chart else None,
                latency=summary.latency(history.durations(number, since, slices), slices) if chart else None,
                flapping=summary.flapping(own, marks, statuses),
            )
        )
    return HistoryDocument(
        schema=SCHEMA,
        read_at=SystemMachine().now(),
        since=since,
        last_at=history.last_at(),
        series=tuple(found),
        changes=changes,
    )


def _named(cycle: int, own: int) -> str:
    """Return the name of a cycle in a comparison. The times in the comparison come from the cycle whose report was
    kept."""
    return f"cycle {cycle}" if own == cycle else f"cycle {cycle}, by the report of cycle {own}"


def _say_whose(cycle: int, own: int, done: str) -> None:
    """Say on stderr that the report of a cycle is that of another cycle, and so has the times and latencies of the
    latter."""
    if own != cycle:
        to_stderr(f"Cycle {cycle} had the same result as cycle {own}, whose report was kept and is {done}.\n")


def _read(place: str, work: "Callable[[HistoryReader], T]", received_signals: Sequence[str]) -> T:
    """Return what `work` reads from a history at one moment. Raises RequestError for a file that is not a history.
    Raises InterruptedBySignalError after a signal, since the file may be on a file system that never answers."""
    from agent.history.read import HistoryReader

    opened: list[HistoryReader] = []
    ended = threading.Event()

    def read() -> T:
        try:
            with HistoryReader(Path(place)) as history, history.moment():
                opened.append(history)
                return work(history)
        finally:
            ended.set()

    try:
        return within(read, seconds=HISTORY_SECONDS, received_signals=received_signals)
    except HistoryError as error:
        raise RequestError(f"{place}: {error}") from error
    except TimeoutError as error:
        raise RequestError(f"{place}: cannot be read: {error.strerror}") from error
    except InterruptedBySignalError:
        for history in opened:
            history.interrupt()
        ended.wait(CLOSE_SECONDS)  # so that no files of SQLite stay beside the history
        raise


def _moment(since: datetime | float | None) -> datetime | None:
    """Return a time as an instant. A duration is counted back from now. Raises RequestError for a time before all
    calendars."""
    if not isinstance(since, float):
        return since
    from probes.system.machine import SystemMachine

    try:
        return SystemMachine().now() - timedelta(seconds=since)
    except OverflowError as error:
        raise RequestError("--since reaches back beyond the year 1") from error


def _code(received_signals: list[str]) -> int:
    return exits.SIGNALS[received_signals[0]] if received_signals else exits.OK
