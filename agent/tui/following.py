"""Judges the runs of the interface by the rules of `backuplink watch`: which states count, and since when the verdict
comes and goes. It also reads the history file at the start, and adds the runs to it.

Loaded with the first run. Only one thread at a time uses the file. The connection to it is closed before another
connection of this process opens the file: when a process closes a file, it loses all its locks on that file.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from agent.history import summary
from agent.history.model import (
    ChangeRow,
    CycleRow,
    Entry,
    History,
    HistoryError,
    NotPrunedError,
    Outline,
    StepRow,
    series_of,
)
from agent.history.read import HistoryReader, instant
from agent.history.standing import word_and_kind
from agent.report.counting import Weight
from agent.report.model import Report, Status
from agent.settings import Settings, Watching
from agent.tui.lines import Tone
from agent.tui.state import STATUS_TONES
from agent.tui.watching import (
    RUNS,
    SAMPLED,
    Followed,
    Logged,
    LogLine,
    Memory,
    Remembered,
    Sample,
    Samples,
    extended,
    names_of,
    slowest,
)
from agent.watch.change_text import document, line_of
from agent.watch.changes import Kind, StateChange, Tracker
from probes.background import in_background
from probes.model import Step
from probes.operations import GETADDRINFO

SECONDS: Final = 10.0
"""Time limit for reading or writing the file: its disk may hang."""
_TONES: Final = {2: Tone.FAILED, 3: Tone.UNKNOWN, 4: Tone.WARNING}
"""Tones of changes by their priority (syslog(3)); other changes have no tone."""
_BAD: Final = (Kind.RAISED, Kind.WORSE, Kind.FLAPPING, Kind.VERDICT)
_VERDICT: Final = "verdict"
"""The subject of a change of the verdict."""

T = TypeVar("T")


class Follower:
    """Follows the runs of an interface, except runs that were narrowed to a target or cancelled."""

    def __init__(self, watching: Watching, history: History | None) -> None:
        self._watching = watching
        self._history = history
        self._series: str | None = None
        """The series of the latest run; None before the first run."""
        self._tracker = self._new_tracker()
        self._flapping_since: datetime | None = None
        self._changes: tuple[StateChange, ...] = ()
        """The state changes that the latest run caused."""
        self._lost = 0
        """Number of runs that are missing from the history since the last run that was kept."""
        self._turn = asyncio.Lock()
        self._pending: asyncio.Future[Any] | None = None
        """The latest read or write of the file. It may still be running if it exceeded its time limit."""
        self._file = threading.Lock()
        """Held while a thread uses the file."""

    def _new_tracker(self) -> Tracker:
        return Tracker(raise_after=self._watching.raise_after, clear_after=self._watching.clear_after)

    # --- Runs --------------------------------------------------------------------------------------------------------

    async def recall(self, settings: Settings) -> Memory:
        """Return the history's memory of runs with these settings, to continue from. Raises HistoryError."""
        memory, self._flapping_since = Memory(), None
        self._series, self._tracker = series_of("watch", settings, redact=False), self._new_tracker()
        if (history := self._history) is not None:
            series = self._series

            def read() -> tuple[Memory, datetime | None, Any]:
                history.close()  # see the head of this module
                memory, since = read_memory(history.path, series)
                return memory, since, history.state(series)

            memory, since, state = await self._use(read)
            if self._tracker.restore(state) and self._tracker.is_verdict_flapping:
                self._flapping_since = since
        return memory

    async def follow(self, report: Report, settings: Settings) -> Followed:
        """Return the state after a whole run. If the settings changed, the series starts anew."""
        if series_of("watch", settings, redact=False) != self._series:
            try:
                await self.recall(settings)
            except HistoryError:
                self._tracker = self._new_tracker()  # `keep` reports faults of the file
        self._changes = self._tracker.fold(report)
        for change in self._changes:
            if change.finding is None and not change.services:
                if change.kind is Kind.FLAPPING:
                    self._flapping_since = change.at
                elif change.kind is Kind.SETTLED:
                    self._flapping_since = None
        return self._followed(report)

    def _followed(self, report: Report) -> Followed:
        tracker = self._tracker
        flaps = tracker.is_verdict_flapping
        status = report.verdict.status if flaps or tracker.status is None else tracker.status
        word, kind = word_and_kind(status, flaps=flaps, is_watched=True)  # as a history of these runs would report it
        return Followed(
            word=word,
            kind=kind,
            flapping_since=self._flapping_since if flaps else None,
            changes=tuple(map(_log_line, self._changes)),
        )

    async def keep(self, report: Report, settings: Settings, interval: float | None) -> None:
        """Add the last followed run to the history, if there is one. `interval` is the time in seconds to the start of
        the next run; None if that is unknown. Raises HistoryError."""
        if (history := self._history) is None or self._series is None:
            return
        entry = Entry(
            series=self._series,
            report=report,
            changes=tuple(document(change, report, redact=False) for change in self._changes),
            state=self._tracker.saved(redact=False),
            stands=None if interval is None else interval + settings.deadline,
            lost=self._lost,
        )
        try:
            await self._use(lambda: history.append(entry))
        except NotPrunedError:
            self._lost = 0
            raise
        except HistoryError:
            self._lost += 1
            raise
        self._lost = 0

    async def report(self, cycle: int) -> Report:
        """The report of a cycle in the history. Raises HistoryError."""
        if (history := self._history) is None:
            raise HistoryError("there is no history")

        def read() -> Report:
            history.close()  # see the head of this module
            with HistoryReader(history.path) as reader, reader.moment():
                return reader.report(cycle)[0]

        return await self._use(read)

    # --- The file ----------------------------------------------------------------------------------------------------

    async def _use(self, work: Callable[[], T]) -> T:
        """Use the file in a thread. Raises HistoryError, also if the file does not answer within SECONDS."""

        def alone() -> T:
            with self._file:
                return work()

        try:
            async with asyncio.timeout(SECONDS), self._turn:
                if self._pending is not None and not self._pending.done():
                    await asyncio.wait((self._pending,))
                done = self._pending = in_background(alone)
                done.add_done_callback(lambda over: over.exception())  # marks the error as seen
                return await asyncio.shield(done)
        except TimeoutError as error:
            raise HistoryError(f"it has not answered for {SECONDS:g} s") from error

    def close(self) -> None:
        """Close the file after any running use of it. Blocks. Raises HistoryError."""
        if self._history is not None:
            with self._file:
                self._history.close()


def _log_line(change: StateChange) -> LogLine:
    line = line_of(change, redact=False)
    return LogLine(line.text.partition(" ")[2], _TONES.get(line.priority, Tone.PLAIN))  # its time is the run's


# --- What a history remembers ----------------------------------------------------------------------------------------


def read_memory(path: Path, series: str) -> tuple[Memory, datetime | None]:
    """Return the last RUNS cycles of a series in a history. The second value is the time at which the verdict began to
    flap, or None if it does not flap. Reports stay in the file. Raises HistoryError."""
    with HistoryReader(path) as history:
        with history.moment():
            number = next((number for number, name in history.series().items() if name == series), None)
            marks = [] if number is None else history.marks(None).get(number, [])[-RUNS:]
            if not marks:
                return Memory(), None
            since = instant(min(mark.started for mark in marks))
            changes = [row for row in history.changes(since) if row.series == series]
        cycles = [row for row in history.cycles(since) if row.series == series and row.id >= marks[0].id][-RUNS:]
    samples: Samples = {}
    runs: list[Remembered] = []
    for number, cycle in enumerate(cycles, 1):
        now = _samples_in(cycle)
        samples = extended(samples, now)
        runs.append(
            Remembered(
                number=number,
                started_at=cycle.started_at,
                finished_at=cycle.finished_at,
                status=_status(cycle.outline.status),
                shown_by=number,
                slowest=slowest(now),
                in_history=cycle.report,
            )
        )
    lasting = (row.since for row in summary.flapping(changes, (), {}) if row.about == _VERDICT and row.until is None)
    numbers = {cycle.id: run for cycle, run in zip(cycles, runs, strict=True)}
    return Memory(runs=tuple(runs), log=_logged(changes, numbers), samples=samples), next(lasting, None)


def _status(word: str) -> Status:
    return Status(word) if word in {*Status} else Status.UNKNOWN


def _samples_in(cycle: CycleRow) -> dict[str, tuple[Sample, ...]]:
    found: dict[str, list[Sample]] = {}
    for step, seconds in zip(cycle.outline.steps, cycle.seconds, strict=True):
        if step.step == Step.DNS and step.operation == GETADDRINFO:
            key = names_of(step.target)
        elif step.port is not None and step.operation is None:
            key = f"lane/{step.target}/{step.address}/{step.port}"
        else:
            continue
        lane = found.setdefault(key, [None] * len(SAMPLED))
        place = next((place for place, known in enumerate(SAMPLED) if known == step.step), None)
        if place is not None:
            lane[place] = _weight(step, cycle.outline) if step.status == "failed" else seconds
    return {lane: tuple(stack) for lane, stack in found.items()}


def _weight(step: StepRow, outline: Outline) -> Weight:
    """Return how a failed step counted, according to the findings of its target. A history does not keep which finding
    rests on which step."""
    severities = {
        finding.severity
        for finding in outline.findings
        if finding.counts and not finding.suppressed and finding.id.partition("@")[2] == step.target
    }
    return next((weight for weight in (Weight.CRITICAL, Weight.WARNING) if weight in severities), Weight.NOT_COUNTED)


def _logged(changes: Sequence[ChangeRow], runs: dict[int, Remembered]) -> tuple[Logged, ...]:
    by_cycle: dict[int, list[LogLine]] = {}
    for row in changes:
        by_cycle.setdefault(row.cycle, []).append(LogLine(row.text.partition(" ")[2], _tone(row)))
    logged = [
        Logged(
            number=runs[cycle].number,
            at=runs[cycle].finished_at,
            status=runs[cycle].status,
            states=tuple(lines),
            steps=(),
        )
        for cycle, lines in by_cycle.items()
        if cycle in runs
    ]
    return tuple(reversed(logged))


def _tone(row: ChangeRow) -> Tone:
    if row.kind not in _BAD:
        return Tone.PLAIN
    if row.about == _VERDICT:
        return Tone.PLAIN if row.status == Status.OK else STATUS_TONES[_status(row.status)]
    return {"critical": Tone.FAILED, "warning": Tone.WARNING}.get(row.severity or "", Tone.PLAIN)
