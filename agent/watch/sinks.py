"""The destinations of a watch's results: log lines, documents on stdout, the history, the output and the metrics file.

No destination delays a cycle: lines and documents go through writers that have their own threads, writing a file has a
time limit, and documents for a slow reader of stdout are dropped and counted.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from agent.formats.registry import LiveWriter, Stream, format_named, live_writer
from agent.history.model import Entry, History, HistoryError, NotPrunedError
from agent.process.output import one_line
from agent.process.write_file import to_file
from agent.report.escape import visible
from agent.report.model import Report
from agent.watch.change_text import NOTICE, Line, document, dumps, line_of
from agent.watch.changes import StateChange
from agent.watch.config import WatchConfig, WatchEnvironment
from agent.watch.metrics import Counts
from probes.background import in_background

FILE_SECONDS: Final = 10.0
"""Time limit for writing one file."""
CLOSE_SECONDS: Final = 2.0
"""Time limit for closing the history."""
MAX_BACKLOG: Final = 20_000
"""If more lines than this wait for the reader of stdout, the documents of a cycle are dropped."""
_ERROR: Final = 3
"""Priority of the watch's own failures (syslog(3))."""


class Sinks:
    """Writes the results of the cycles of one watch."""

    def __init__(self, environment: WatchEnvironment, counts: Counts) -> None:
        self._lines = environment.lines
        self._documents = environment.documents
        self._journal = environment.journal
        self._counts = counts
        self.lost_in_a_row = 0
        """Number of cycles that were lost since the last cycle that is in the history."""
        self._failing: set[Path] = set()
        """Files whose last write failed."""
        self._writes: dict[Path, asyncio.Future[None]] = {}
        """The last write of each file; it may still be running if it took too long."""

    @property
    def stdout_closed(self) -> bool:
        """Whether the reader of stdout has closed it."""
        return self._documents.output_closed

    def log(self, text: str) -> None:
        """Write a line of priority notice."""
        self._write_line(Line(NOTICE, text))

    def log_error(self, text: str) -> None:
        """Write a line of priority error; `text` is shortened and escaped."""
        self._write_line(Line(_ERROR, one_line(text)))

    def _write_line(self, line: Line) -> None:
        self._lines.write(line.shown(journal=self._journal))

    def events_of(self, config: WatchConfig) -> LiveWriter | None:
        """Return a writer for the events of the next cycle as they happen; None if events are not requested, if masks
        need the whole report first, or if the reader of stdout is too slow."""
        row = format_named(config.format)
        if row.live is None or config.output is not None or config.redact:
            return None
        return live_writer(row, self._documents.write) if self._has_room() else None

    def _has_room(self) -> bool:
        if self._documents.waiting <= MAX_BACKLOG:
            return True
        self._counts.dropped_documents += 1
        return False

    def write(
        self, config: WatchConfig, report: Report, changes: Sequence[StateChange], events: LiveWriter | None
    ) -> None:
        """Write the lines about the changes, and the documents of a cycle. `report` is masked if `config` says so;
        `events` is the result of `events_of` for this cycle. Returns at once."""
        stream = format_named(config.format).stream if config.output is None else None
        for change in changes:
            self._write_line(line_of(change, redact=config.redact))
        if events is not None:
            events.end(report)
        elif (stream is Stream.DOCUMENTS or (stream is Stream.EVENTS and config.redact)) and self._has_room():
            self._documents.write(config.render(report))
        if stream is Stream.EVENTS:
            for change in changes:
                self._documents.write(_change_line(change, report, redact=config.redact))

    async def write_history(self, config: WatchConfig, entry: Entry) -> None:
        """Add a cycle to the history of `config`, if it has one, within FILE_SECONDS. A lost cycle is counted, and with
        the format ndjson it gives a line. Only the first of several lost cycles is logged."""
        if (history := config.history) is None:
            return
        reason = await self._append(history, entry)
        path = history.path
        if reason is None:
            self.lost_in_a_row = 0
            if path in self._failing:
                self._failing.discard(path)
                self.log(f"the history {path} is written again")
            return
        self._counts.lost_cycles += 1
        self.lost_in_a_row += 1
        if path not in self._failing:
            self._failing.add(path)
            self.log_error(f"this cycle is not in the history: {reason}")
        if config.output is None and format_named(config.format).stream is Stream.EVENTS:
            lost = {"type": "history", "lost_cycles": self._counts.lost_cycles, "reason": visible(reason)}
            self._documents.write(dumps({**lost, "run": {"id": entry.report.run.id}}) + "\n")

    async def close_history(self, history: History | None) -> None:
        """Close a history that gets no more cycles, within CLOSE_SECONDS."""
        if history is None:
            return
        with contextlib.suppress(TimeoutError, HistoryError):
            async with asyncio.timeout(CLOSE_SECONDS):
                if (before := self._writes.get(history.path)) is not None and not before.done():
                    await asyncio.wait((before,))
                await in_background(history.close)

    async def _append(self, history: History, entry: Entry) -> str | None:
        """Return why a cycle could not be added; None if it was added."""
        if (before := self._writes.get(history.path)) is not None and not before.done():
            return f"{history.path}: the last write has not finished yet"
        done = self._writes[history.path] = in_background(partial(history.append, entry))
        try:
            async with asyncio.timeout(FILE_SECONDS):
                await asyncio.shield(done)
        except TimeoutError:
            return f"{history.path}: it takes longer than {FILE_SECONDS:g} s"
        except NotPrunedError as error:
            self.log_error(f"old cycles could not be removed from the history: {history.path}: {error}")
        except HistoryError as error:
            return f"{history.path}: {error}"
        return None

    async def write_files(self, config: WatchConfig, report: Report, metrics: Callable[[], str]) -> None:
        """Replace the output file and the metrics file in parallel, within FILE_SECONDS. A failure is logged once for
        each file, and counted."""
        async with asyncio.TaskGroup() as group:
            if config.output is not None:
                private = not format_named(config.format).is_collected
                group.create_task(self._write_file(config.output, lambda: config.render(report), private=private))
            if config.watching.textfile is not None:
                group.create_task(self._write_file(config.watching.textfile, metrics, private=False))

    async def _write_file(self, path: Path, render: Callable[[], str], *, private: bool) -> None:
        """Replace a file in a thread, so that a hanging disk delays only this file. With `private` only its owner can
        read a new file; an existing file keeps the permissions that somebody gave it for its readers."""
        if (before := self._writes.get(path)) is not None and not before.done():
            self._write_failed(path, "the last write has not finished yet")
            return
        done = self._writes[path] = in_background(partial(to_file, render(), path, private=private))
        try:
            async with asyncio.timeout(FILE_SECONDS):
                await asyncio.shield(done)
        except TimeoutError:
            self._write_failed(path, f"it takes longer than {FILE_SECONDS:g} s")
        except OSError as error:
            self._write_failed(path, error.strerror or str(error))
        else:
            if path in self._failing:
                self._failing.discard(path)
                self.log(f"{path} is written again")

    def _write_failed(self, path: Path, reason: str) -> None:
        self._counts.failed_writes += 1
        if path not in self._failing:  # a file that fails in every cycle is logged once
            self._failing.add(path)
            self.log_error(f"{path} cannot be written: {reason}")


def _change_line(change: StateChange, report: Report, *, redact: bool) -> str:
    """Return a change as one line of NDJSON."""
    return dumps({"type": "change", **document(change, report, redact=redact), "run": {"id": change.run_id}}) + "\n"
