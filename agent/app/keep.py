"""Keep runs in a history: open the history's file, and add the run of a check."""

import contextlib
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from agent.app.errors import RequestError
from agent.history.model import DiskError, Entry, History, HistoryError, NotPrunedError, series_of
from agent.process.files import InterruptedBySignalError, within
from agent.process.output import error_to_stderr, one_line
from agent.settings import Keeping, ReportOptions, Settings

if TYPE_CHECKING:
    from agent.history.write import HistoryWriter
    from agent.report.model import Report

SECONDS: Final = 10.0
"""Time limit in seconds for opening a history, and for writing to it. Its disk may hang."""
_WRITERS: "Final[dict[str, HistoryWriter]]" = {}
"""The writers by their file, without links. A watch that reads its settings again also opens its history again. It must
not close another descriptor of the file, since this would release SQLite's locks on the file (How To Corrupt An SQLite
Database File, section 2.2)."""


def opened_history(keeping: Keeping, received_signals: Sequence[str] = ()) -> History:
    """Return the history in a file, which is created if it does not exist. The same file always gives the same object.
    If the disk is full or fails, each run tries again to write. Raises RequestError, also for another kind of file, and
    InterruptedBySignalError."""
    from agent.history.write import HistoryWriter

    def known() -> HistoryWriter:
        place = os.path.realpath(keeping.path)
        writer = _WRITERS.get(place)
        if writer is None:
            writer = _WRITERS[place] = HistoryWriter(keeping)
        writer.keeping = keeping
        return writer

    try:
        writer = within(known, seconds=SECONDS, received_signals=received_signals)
        with contextlib.suppress(DiskError):  # reported later, when the run cannot be added
            within(writer.open, seconds=SECONDS, received_signals=received_signals)
    except HistoryError as error:
        raise RequestError(f"{keeping.path}: {error}") from error
    except TimeoutError as error:
        raise RequestError(f"{keeping.path}: cannot be opened within {SECONDS:g} s") from error
    return writer


def keep_run(
    history: History, settings: Settings, options: ReportOptions, report: "Report", received_signals: Sequence[str]
) -> None:
    """Add the run of a check to a history. An error is only reported on stderr, since the verdict does not depend on
    it."""
    try:
        work = partial(_keep, history, settings, options, report)
        within(work, seconds=SECONDS, received_signals=received_signals)
    except NotPrunedError as error:
        error_to_stderr(
            f"Error: {one_line(f'old runs could not be removed from the history: {history.path}: {error}.')}\n"
        )
    except (HistoryError, TimeoutError) as error:
        why = str(error) if isinstance(error, HistoryError) else error.strerror
        error_to_stderr(f"Error: {one_line(f'this run is not in the history: {history.path}: {why}.')}\n")
    except InterruptedBySignalError:
        return  # the exit code reports it


def _keep(history: History, settings: Settings, options: ReportOptions, report: "Report") -> None:
    from agent.report.redact import redact
    from agent.watch.change_text import document
    from agent.watch.changes import Tracker

    series = series_of("check", settings, redact=options.redact)
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.restore(history.state(series))
    changes = tracker.fold(report)
    shown = redact(report) if options.redact else report
    history.append(
        Entry(
            series=series,
            report=shown,
            changes=tuple(document(change, shown, redact=options.redact) for change in changes),
            state=tracker.saved(redact=options.redact),
            stands=None,
            lost=0,
        )
    )


def close_history(history: History) -> None:
    """Close a history that gets no more runs, so that only its file is left. A failure does not affect the run."""
    with contextlib.suppress(HistoryError, TimeoutError):
        within(history.close, seconds=SECONDS)
