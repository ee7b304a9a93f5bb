"""Cycle after cycle: measure, judge, hold against what was before, and leave the results where they are wanted.

Cycles never overlap: the next one begins an interval after the last one began, a little earlier or later by chance so
that a fleet does not march in step, or at once where the last one took longer. Nothing of one cycle is used by the next
but the place in the round of signed calls and, while something is wrong, what EC2 said of the configuration. Nothing
that is done with a result, a file on a disk that hangs, a reader who does not read, a hook that does not answer, holds
up a cycle.
"""

import asyncio
import errno
import os
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from agent.catalog.findings import Severity
from agent.formats import prometheus
from agent.formats.ndjson import NdjsonWriter
from agent.process.cancel import CancelToken
from agent.process.output import Writer, one_line, to_file
from agent.report.codec import dumps, encode
from agent.report.model import Measurement, Report, Status
from agent.report.redact import redact
from agent.run.events import Event
from agent.settings import Ec2Facts, Settings, Watching
from agent.version import __version__
from agent.watch import metrics
from agent.watch.change_text import NOTICE, Line, document, line_of
from agent.watch.changes import StateChange, Tracker
from agent.watch.listen import Listener, Pages
from agent.watch.notices import Channel, Notice, Notices, Sender, by_command, by_post
from agent.watch.systemd import Manager
from probes.background import in_background
from probes.model import Step
from probes.steps.http import user_agent

JITTER: Final = 0.1
"""Of the interval, at most, to either side."""
PROBE_SECONDS: Final = 10.0
"""Between two runs that `/probe` asks for, at the least."""
FACTS_SECONDS: Final = 300.0
"""How long an answer of EC2 is used for further cycles with the same fault, so that a fleet which is sick for one
reason does not use up its account's rate of calls."""
FILE_SECONDS: Final = 10.0
LAST_SECONDS: Final = 1.0
"""For what still has to be told when the watch ends."""
OVERDUE_INTERVALS: Final = 2.0
MAX_BACKLOG: Final = 20_000
"""NdjsonWriter that may wait for the reader of stdout before a cycle's are left out."""
ERROR: Final = 3
"""Priority of what the watch itself cannot do (syslog(3))."""

Emit = Callable[[Event], None]
Measure = Callable[[Settings, Emit, CancelToken], Awaitable[Measurement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """What is watched, how, and what becomes of it."""

    settings: Settings
    watching: Watching
    measure: Measure
    judge: Callable[[Measurement], Report]
    format: str
    """Of stdout, `text`, `ndjson` or `emf`, where there is no `output`."""
    output: Path | None
    """The file that has the last report, as `render` gives it."""
    render: Callable[[Report], str]
    redact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEnvironment:
    """What a watch meets besides the network."""

    now: Callable[[], datetime]
    chance: random.Random
    manager: Manager
    lines: Writer
    """Takes the lines about changes."""
    documents: Writer
    """Takes what each cycle leaves on stdout."""
    journal: bool
    """Whether the lines go to the journal."""
    tidy: Callable[[Collection[int]], None] = lambda _: None
    """Takes away what a cycle has left behind, but for the processes with these ids."""


class CannotListenError(Exception):
    """The address to listen on is not this host's, or is taken."""


class Watch:
    """One watch, from `run` to its end."""

    def __init__(
        self,
        job: WatchConfig,
        around: WatchEnvironment,
        stop: CancelToken,
        reread: Callable[[], WatchConfig] | None = None,
    ) -> None:
        self._job = job
        self._around = around
        self._stop = stop
        self._reread = reread
        """Reads the settings again, and raises ValueError for what cannot be taken."""
        self._tracker = Tracker(raise_after=job.watching.raise_after, clear_after=job.watching.clear_after)
        self._counts = metrics.Counts()
        self._begun_at = around.now()
        self._listener: Listener | None = None
        self._running: set[int] = set()
        """Process ids of what is told of changes at the moment; below 0 for one that is not known yet."""
        self._notices = Notices(self._ways(job), self._complain)
        self._report: Report | None = None
        """Of the last cycle, masked where that is wanted."""
        self._of_report: str | None = None
        """Its metrics, once somebody wants them."""
        self._last: Report | None = None
        """The same, not masked."""
        self._facts: Ec2Facts | None = None
        self._cycle_over = asyncio.Event()
        """Of the cycle in flight, or of the next."""
        self._in_flight = False
        self._started = -PROBE_SECONDS
        """When the last cycle began, by the loop's clock."""
        self._finished: float | None = None
        """When the last one that did came to its end, by the same clock; None before the first."""
        self._alive_until = 0.0
        """By when the next one must."""
        self._wake = asyncio.Event()
        """Set where one of the next two is."""
        self._wanted = False
        """Whether a cycle is asked for before its time."""
        self._rereading = False
        """Whether the settings are to be taken anew."""
        self._unwritable: set[Path] = set()
        self._writing: dict[Path, asyncio.Future[None]] = {}
        self._over = False

    @property
    def report(self) -> Report | None:
        """The last cycle's report; None before the first, and where a fault of ours ended it."""
        return self._last

    def read_again(self) -> None:
        """Take the settings anew before the next cycle."""
        self._rereading = True
        self._wake.set()

    async def run(self) -> None:
        """Watch until `stop` is cancelled, all cycles are made, or stdout is closed. Raises CannotListenError."""
        self._expect_a_cycle()
        self._listener = await self._listening(self._job.watching)
        try:
            async with asyncio.TaskGroup() as group:
                self._notices.begin(group)
                beat = group.create_task(self._beat())
                self._around.manager.ready()
                await self._cycles(group)
                self._over = True
                self._cycle_over.set()
                self._around.manager.stopping()
                await self._notices.finish(LAST_SECONDS)
                beat.cancel()
        finally:
            if self._listener is not None:
                await self._listener.end()

    # --- Cycles ------------------------------------------------------------------------------------------------------

    async def _cycles(self, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while self._stop.reason is None:
            self._started, self._in_flight, self._wanted = loop.time(), True, False
            if await self._cycle():
                self._finished = loop.time()
                self._expect_a_cycle()
            if all(each > 0 for each in self._running):  # else one is not known yet, and would be taken for a stray
                self._around.tidy(self._running)
            self._in_flight = False
            over, self._cycle_over = self._cycle_over, asyncio.Event()
            over.set()
            made, wanted = self._counts.cycles + self._counts.broken, self._job.watching.cycles
            if (wanted is not None and made >= wanted) or self._is_unheard():
                return
            spread = self._around.chance.uniform(1 - JITTER, 1 + JITTER)
            if self._due(spread) < loop.time():
                self._counts.late += 1
            await self._wait(spread, group)

    def _due(self, spread: float) -> float:
        return self._started + spread * self._job.watching.interval

    async def _wait(self, spread: float, group: asyncio.TaskGroup) -> None:
        """Until the next cycle is due, or until somebody wants it or the end. Where new settings have it come earlier,
        it does."""
        due = self._due(spread)
        while self._stop.reason is None and not self._wanted:
            if self._rereading:  # not under the limit below: settings are taken whole or not at all
                self._rereading = False
                await self._take_settings(group)
                due = min(due, self._due(spread))
                continue
            try:
                async with asyncio.timeout_at(due) as window:
                    self._stop.watch(window)
                    await self._wake.wait()
                    self._wake.clear()
            except TimeoutError:
                return  # it is due, or the end has been asked for
            finally:
                self._stop.release()

    async def _cycle(self) -> bool:
        """Make one, and say whether it came to its end."""
        job = self._job
        lines = self._lines_of(job)
        try:
            measurement = await job.measure(self._settings(), lines or _nobody, self._stop)
            report = job.judge(measurement)
            if self._stop.reason is not None and report.run.interrupted:  # half a cycle proves nothing
                return False
            changes = self._tracker.fold(report)
            self._keep(report, job)
            await self._leave(job, report, changes, lines)
        except Exception as error:  # noqa: BLE001 - one cycle that a fault of ours ends must not end the watching
            self._counts.broken += 1
            self._last = None
            self._complain(f"a cycle was ended by an internal error: {type(error).__name__}: {error}")
            self._say(Line(ERROR, one_line(traceback.format_exc())))
            return False
        return True

    def _settings(self) -> Settings:
        """Those of the next cycle: whose turn it is to make the signed call, and whether EC2 is asked. It is where
        something is wrong; what it said is used again as long as the same is, for a while."""
        settings = replace(self._job.settings, turn=self._counts.cycles)
        if not settings.ec2_reads or self._last is None:
            return settings
        if not _causes(self._last) and self._last.verdict.status is Status.OK:
            self._facts = None
            return replace(settings, ec2_reads=False)
        if self._facts is not None:
            return replace(settings, ec2_reads=False, ec2_facts=self._facts)
        return settings

    def _keep(self, report: Report, job: WatchConfig) -> None:
        """Remember a cycle that has come to its end."""
        seen = tuple(each for each in report.observations if each.subject.step is Step.EC2)
        same = self._last is not None and _causes(self._last) == _causes(report)
        vantage = report.vantage
        if self._facts is None and same and seen and vantage.vpc_id is not None and vantage.region is not None:
            self._facts = Ec2Facts(
                region=vantage.region, vpc_id=vantage.vpc_id, taken_at=report.run.started_at, observations=seen
            )
        elif not same or (
            self._facts is not None
            and report.run.finished_at - self._facts.taken_at >= timedelta(seconds=FACTS_SECONDS)
        ):
            self._facts = None
        self._counts.cycles += 1
        self._counts.finished_at = report.run.finished_at
        self._last = report
        self._report = redact(report) if job.redact else report
        self._of_report = None

    # --- What a cycle leaves -----------------------------------------------------------------------------------------

    def _lines_of(self, job: WatchConfig) -> NdjsonWriter | None:
        """Where this cycle's events go as they happen; nowhere unless that is wanted and its reader keeps up."""
        if job.format != "ndjson" or job.output is not None or job.redact:
            return None
        return NdjsonWriter(self._around.documents.write) if self._keeps_up() else None

    def _keeps_up(self) -> bool:
        if self._around.documents.waiting <= MAX_BACKLOG:
            return True
        self._counts.left_out += 1
        return False

    async def _leave(
        self, job: WatchConfig, report: Report, changes: tuple[StateChange, ...], lines: NdjsonWriter | None
    ) -> None:
        shown = self._report or report
        whole = encode(shown) if changes and job.watching.on_change is not None else None
        for change in changes:
            self._say(line_of(change, redact=job.redact))
        if lines is not None:
            lines.end(shown)
        elif job.output is None and job.format != "text" and (job.format == "emf" or job.redact) and self._keeps_up():
            self._around.documents.write(job.render(shown))
        for change in changes:
            if job.format == "ndjson" and job.output is None:
                self._around.documents.write(_change_line(change, shown, job.redact))
            if job.watching.on_change is not None or job.watching.notify is not None:
                self._notices.add(Notice(change.id, document(change, shown, redact=job.redact), whole))
        self._around.manager.status(f"cycle {self._counts.cycles}: {shown.verdict.status}: {shown.verdict.summary}")
        async with asyncio.TaskGroup() as group:
            if job.output is not None:
                group.create_task(self._write(job.output, lambda: job.render(shown)))
            if job.watching.textfile is not None:
                group.create_task(self._write(job.watching.textfile, self._metrics))

    async def _write(self, path: Path, render: Callable[[], str]) -> None:
        """Have a file replaced, by a thread: a disk that hangs holds up its own file alone."""
        if (before := self._writing.get(path)) is not None and not before.done():
            self._unwritten(path, "the last writing has not ended yet")
            return
        done = self._writing[path] = in_background(partial(to_file, render(), path))
        try:
            async with asyncio.timeout(FILE_SECONDS):
                await asyncio.shield(done)
        except TimeoutError:
            self._unwritten(path, f"it takes longer than {FILE_SECONDS:g} s")
        except OSError as error:
            self._unwritten(path, error.strerror or str(error))
        else:
            if path in self._unwritable:
                self._unwritable.discard(path)
                self._say(Line(NOTICE, f"{path} is written again"))

    def _unwritten(self, path: Path, why: str) -> None:
        self._counts.unwritten += 1
        if path not in self._unwritable:  # once, and not in every cycle for a year
            self._unwritable.add(path)
            self._complain(f"{path} cannot be written: {why}")

    def _complain(self, words: str) -> None:
        self._say(Line(ERROR, one_line(words)))

    def _say(self, line: Line) -> None:
        self._around.lines.write(line.shown(journal=self._around.journal))

    def _is_unheard(self) -> bool:
        """Whether stdout was all there is, and its reader has gone."""
        job, watching = self._job, self._job.watching
        elsewhere = (job.output, self._listener, watching.textfile, watching.on_change, watching.notify)
        return self._around.documents.output_closed and all(each is None for each in elsewhere)

    # --- What is asked of it -----------------------------------------------------------------------------------------

    async def _listening(self, watching: Watching) -> Listener | None:
        if watching.listen is None:
            return None
        pages = Pages(metrics=self._metrics, alive=self._alive, report=self._as_json, probe=self._probe)
        listener = Listener(*watching.listen, pages)
        try:
            await listener.begin()
        except OSError as error:
            address, port = watching.listen
            why = str(error) if error.errno is None else os.strerror(error.errno)  # without asyncio's words around it
            raise CannotListenError(f"cannot listen on {address} port {port}: {why}") from error
        self._say(Line(NOTICE, f"listening on {listener.url}"))
        return listener

    def _metrics(self) -> str:
        own = metrics.families(
            counts=self._counts,
            tracker=self._tracker,
            notices=self._notices.counted,
            interval=self._job.watching.interval,
            begun_at=self._begun_at,
            redact=self._job.redact,
        )
        if self._of_report is None and self._report is not None:
            self._of_report = prometheus.render(self._report)
        return prometheus.expose(own) + (self._of_report or "")

    def _as_json(self) -> str | None:
        return None if self._report is None else dumps(encode(self._report))

    def _expect_a_cycle(self) -> None:
        """Have the next one come to its end within the time that the settings leave it from now on."""
        most = OVERDUE_INTERVALS * self._job.watching.interval + self._job.settings.deadline
        self._alive_until = asyncio.get_running_loop().time() + most

    def _alive(self) -> tuple[bool, str]:
        """Whether cycles come to their end in time."""
        now = asyncio.get_running_loop().time()
        last = "none has come to its end" if self._finished is None else f"the last {now - self._finished:.0f} s ago"
        words = f"cycles made: {self._counts.cycles}; {last}"
        over = now - self._alive_until
        return over <= 0, words if over <= 0 else f"{words}; the next is overdue by {over:.0f} s"

    async def _probe(self) -> str | None:
        if not self._in_flight and asyncio.get_running_loop().time() - self._started < PROBE_SECONDS:
            return None if self._over else self._metrics()
        over = self._cycle_over
        if not self._in_flight:
            self._wanted = True
            self._wake.set()
        await over.wait()
        return None if self._over else self._metrics()

    async def _beat(self) -> None:
        """Sender the watchdog, as long as cycles come to their end."""
        if (seconds := self._around.manager.watchdog_seconds) is None:
            return
        while True:
            if self._alive()[0]:
                self._around.manager.alive()
            await asyncio.sleep(seconds / 3)

    # --- Settings ----------------------------------------------------------------------------------------------------

    async def _take_settings(self, group: asyncio.TaskGroup) -> None:
        """Take the settings anew, all of them or none."""
        reread = self._reread
        if reread is None:
            return
        self._around.manager.reloading(time.monotonic_ns() // 1000)
        try:
            job = await self._read(reread)
            if job.watching.listen != self._job.watching.listen:
                await self._move(job.watching)
        except (ValueError, CannotListenError) as error:
            self._counts.reloads[False] += 1
            self._complain(f"the settings were not taken, and the old ones stay: {error}")
        else:
            group.create_task(self._notices.finish(FILE_SECONDS))
            self._notices = Notices(self._ways(job), self._complain, self._notices.counted)
            self._notices.begin(group)
            self._tracker.raise_after, self._tracker.clear_after = job.watching.raise_after, job.watching.clear_after
            self._job, self._facts = job, None
            self._expect_a_cycle()
            self._counts.reloads[True] += 1
            self._say(Line(NOTICE, "the settings were read again"))
        self._around.manager.ready()

    async def _move(self, watching: Watching) -> None:
        """Listen as other settings say, and then no longer as before. Raises CannotListenError, and it is as before."""
        before = self._listener
        try:
            self._listener = await self._listening(watching)
        except CannotListenError as error:
            taken = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
            if before is None or watching.listen is None or not taken or watching.listen[1] != before.port:
                raise
            # The port is its own, on an address that takes in the other one, as 0.0.0.0 does 127.0.0.1. The kernel
            # gives it to one of them, so nobody listens for a moment.
            self._listener = None
            await before.end()
            try:
                self._listener = await self._listening(watching)
            except CannotListenError:
                self._listener = await self._listening(self._job.watching)
                raise
        if before is not None:
            await before.end()

    async def _read(self, reread: Callable[[], WatchConfig]) -> WatchConfig:
        """The settings anew. Raises ValueError where they cannot be taken, or are not there in time."""
        try:
            async with asyncio.timeout(FILE_SECONDS) as window:
                self._stop.watch(window)
                return await in_background(reread)
        except TimeoutError as error:
            why = f"within {FILE_SECONDS:g} s" if self._stop.reason is None else "before the watch ended"
            raise ValueError(f"they could not be read {why}") from error
        finally:
            self._stop.release()

    def _ways(self, job: WatchConfig) -> dict[Channel, Sender]:
        ways: dict[Channel, Sender] = {}
        if job.watching.on_change is not None:
            ways[Channel.COMMAND] = by_command(job.watching.on_change, self._running)
        if job.watching.notify is not None:
            ways[Channel.URL] = by_post(job.watching.notify, user_agent(__version__))
        return ways


def _causes(report: Report) -> frozenset[str]:
    """What is wrong by a report: the ids of all that is no information."""
    return frozenset(each.id for each in report.findings if each.severity is not Severity.INFO)


def _change_line(change: StateChange, report: Report, masked: bool) -> str:
    from agent.watch.change_text import dumps as on_one_line

    told = document(change, report, redact=masked)
    return on_one_line({"type": "change", **told, "run": {"id": change.run_id}}) + "\n"


def _nobody(_: Event) -> None:
    """Takes the events of a cycle that nobody wants as they happen."""
