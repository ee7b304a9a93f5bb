"""The loop of a watch: measure, judge, compare with earlier cycles, and report what changed.

Cycles never overlap. A cycle starts one interval after the start of the last cycle, or at once if the last cycle took
longer. The interval varies a little at random, so that the hosts of a fleet do not all run at the same time. The
requests of a cycle to AWS depend on earlier cycles (`agent.watch.requests`). Nothing that uses a result delays a cycle:
neither a disk that hangs, nor a reader that does not read, nor a hook that does not answer.
"""

import asyncio
import time
import traceback
from collections.abc import Callable
from typing import Final

from agent.formats import prometheus
from agent.formats.registry import LiveWriter
from agent.history.model import Entry, HistoryError
from agent.process.cancel import CancelToken
from agent.report.codec import dumps, encode
from agent.report.model import Report
from agent.report.redact import redact
from agent.run.events import Event
from agent.version import __version__
from agent.watch import metrics
from agent.watch.change_text import document
from agent.watch.changes import StateChange, Tracker
from agent.watch.config import WatchConfig, WatchEnvironment
from agent.watch.listen import Pages
from agent.watch.notices import Channel, Notice, Notices, Sender, by_command, by_post
from agent.watch.reload import CannotListenError, CurrentListener, read_again
from agent.watch.requests import Requests
from agent.watch.sinks import Sinks
from probes.steps.http import user_agent

JITTER: Final = 0.1
"""Maximum share of the interval by which a cycle starts earlier or later."""
PROBE_SECONDS: Final = 10.0
"""Minimum time between the starts of two cycles that `/probe` requests."""
OLD_NOTICES_SECONDS: Final = 10.0
"""Time limit for sending the waiting notices when a reload replaces the channels."""
LAST_NOTICES_SECONDS: Final = 1.0
"""Time limit for sending the waiting notices when the watch ends."""
OVERDUE_INTERVALS: Final = 2.0
"""A watch is not alive if no cycle has finished for this many intervals plus one deadline."""


class Watch:
    """One watch. Call `run` once."""

    def __init__(
        self,
        config: WatchConfig,
        environment: WatchEnvironment,
        cancel: CancelToken,
        reread: Callable[[], WatchConfig] | None = None,
    ) -> None:
        """`reread` reads the settings again; it raises ValueError if they are invalid."""
        self._config = config
        self._environment = environment
        self._cancel = cancel
        self._reread = reread
        self._tracker = Tracker(raise_after=config.watching.raise_after, clear_after=config.watching.clear_after)
        self._counts = metrics.Counts()
        self._sinks = Sinks(environment, self._counts)
        self._started_at = environment.now()
        pages = Pages(metrics=self._metrics, alive=self._alive, report=self._report_as_json, probe=self._probe)
        self._listener = CurrentListener(pages, self._sinks.log)
        self._running: set[int] = set()
        """Process ids of the programs that are handling changes; below 0 while an id is not known yet."""
        self._notices = Notices(self._senders(config), self._sinks.log_error)
        self._shown: Report | None = None
        """The report of the last cycle, masked if requested."""
        self._shown_metrics: str | None = None
        """The metrics of `_shown`, rendered at the first request."""
        self._report: Report | None = None
        """The report of the last cycle, not masked."""
        self._requests = Requests(asyncio.get_running_loop().time, environment.chance)
        self._cycle_done = asyncio.Event()
        """Set when the cycle in progress, or the next one, is done."""
        self._in_flight = False
        self._started = -PROBE_SECONDS
        """Start of the last cycle by the loop's clock."""
        self._finished: float | None = None
        """End of the last finished cycle by the same clock; None before the first cycle has finished."""
        self._alive_until = 0.0
        """Time by which the next cycle must have finished, by the same clock."""
        self._wake = asyncio.Event()
        """Set together with either of the next two flags."""
        self._is_probe_wanted = False
        """Whether the next cycle must start early."""
        self._is_reload_wanted = False
        self._is_over = False

    @property
    def report(self) -> Report | None:
        """The report of the last cycle, not masked; None before the first cycle has finished, and if an internal error
        ended the last cycle."""
        return self._report

    def read_again(self) -> None:
        """Read the settings again before the next cycle."""
        self._is_reload_wanted = True
        self._wake.set()

    async def run(self) -> None:
        """Watch until the token is cancelled, the number of cycles is reached, or stdout is closed and nothing else
        uses the results. Raises CannotListenError before the first cycle."""
        self._expect_a_cycle()
        self._go_on(self._config)
        try:
            await self._listener.move(self._config.watching.listen)
            async with asyncio.TaskGroup() as group:
                self._notices.start(group)
                heartbeat = group.create_task(self._heartbeat())
                self._environment.manager.ready()
                await self._cycles(group)
                self._is_over = True
                self._cycle_done.set()
                self._environment.manager.stopping()
                await self._notices.finish(LAST_NOTICES_SECONDS)
                heartbeat.cancel()
        finally:
            await self._listener.close()
            await self._sinks.close_history(self._config.history)

    def _go_on(self, config: WatchConfig) -> None:
        """Continue from the state in the history that the last watch of this series left."""
        if config.history is None:
            return
        try:
            self._tracker.restore(config.history.state(config.series))
        except HistoryError as error:
            self._sinks.log_error(
                f"this watch starts without the states of the watch before it: {config.history.path}: {error}"
            )

    # --- Cycles ------------------------------------------------------------------------------------------------------

    async def _cycles(self, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while self._cancel.reason is None:
            self._started, self._in_flight, self._is_probe_wanted = loop.time(), True, False
            if await self._cycle():
                self._finished = loop.time()
                self._expect_a_cycle()
            if all(process_id > 0 for process_id in self._running):  # else `tidy` ends a starting program
                self._environment.tidy(self._running)
            self._in_flight = False
            done, self._cycle_done = self._cycle_done, asyncio.Event()
            done.set()
            count, wanted = self._counts.cycles + self._counts.errors, self._config.watching.cycles
            if (wanted is not None and count >= wanted) or self._has_no_reader():
                return
            spread = self._environment.chance.uniform(1 - JITTER, 1 + JITTER)
            if self._due(spread) < loop.time():
                self._counts.late += 1
            await self._wait(spread, group)

    def _due(self, spread: float) -> float:
        return self._started + spread * self._config.watching.interval

    async def _wait(self, spread: float, group: asyncio.TaskGroup) -> None:
        """Wait until the next cycle is due or requested, or the watch is cancelled. New settings may make the cycle
        start earlier, never later."""
        due = self._due(spread)
        while self._cancel.reason is None and not self._is_probe_wanted:
            if self._is_reload_wanted:  # without the time limit below: settings are applied completely or not at all
                self._is_reload_wanted = False
                await self._reload(group)
                due = min(due, self._due(spread))
                continue
            try:
                async with asyncio.timeout_at(due) as window:
                    self._cancel.watch(window)
                    await self._wake.wait()
                    self._wake.clear()
            except TimeoutError:
                return  # the cycle is due, or the watch was cancelled
            finally:
                self._cancel.release()

    async def _cycle(self) -> bool:
        """Run one cycle. Returns whether it finished."""
        config = self._config
        events = self._sinks.events_of(config)
        try:
            measurement = await config.measure(
                self._requests.of_next_cycle(config.settings), events or _ignore, self._cancel
            )
            report = config.judge(measurement)
            if self._cancel.reason is not None and report.run.interrupted:  # half a cycle proves nothing
                return False
            changes = self._tracker.fold(report)
            self._keep(report, config)
            await self._publish(config, changes, events)
        except Exception as error:  # noqa: BLE001 - an internal error in one cycle must not end the watch
            self._counts.errors += 1
            self._report = None
            self._requests.cycle_failed()
            self._sinks.log_error(f"a cycle was ended by an internal error: {type(error).__name__}: {error}")
            self._sinks.log_error(traceback.format_exc())
            return False
        return True

    def _keep(self, report: Report, config: WatchConfig) -> None:
        """Remember a finished cycle."""
        self._requests.cycle_ended(report)
        self._counts.cycles += 1
        self._counts.finished_at = report.run.finished_at
        self._report = report
        self._shown = redact(report) if config.redact else report
        self._shown_metrics = None

    async def _publish(self, config: WatchConfig, changes: tuple[StateChange, ...], events: LiveWriter | None) -> None:
        """Pass the last cycle to everything that uses results."""
        report, watching = self._shown, config.watching
        if report is None:
            raise ValueError("there is no cycle yet")
        self._sinks.write(config, report, changes, events)
        documents = tuple(document(change, report, redact=config.redact) for change in changes)
        if watching.on_change is not None or watching.notify is not None:
            whole = encode(report) if changes and watching.on_change is not None else None
            for content in documents:
                self._notices.add(Notice(content["id"], content, whole))
        verdict = report.verdict
        self._environment.manager.status(f"cycle {self._counts.cycles}: {verdict.status}: {verdict.summary}")
        if config.history is not None:
            entry = Entry(
                series=config.series,
                report=report,
                changes=documents,
                state=self._tracker.saved(redact=config.redact),
                stands=(1 + JITTER) * watching.interval + config.settings.deadline,
                lost=self._sinks.lost_in_a_row,
            )
            await self._sinks.write_history(config, entry)
        await self._sinks.write_files(config, report, self._metrics)

    def _has_no_reader(self) -> bool:
        """Whether stdout was the only destination of results, and its reader has closed it."""
        config, watching = self._config, self._config.watching
        others = (
            *(config.output, config.history, self._listener.listener),
            *(watching.textfile, watching.on_change, watching.notify),
        )
        return self._sinks.stdout_closed and all(other is None for other in others)

    # --- Pages -------------------------------------------------------------------------------------------------------

    def _metrics(self) -> str:
        own = metrics.families(
            counts=self._counts,
            tracker=self._tracker,
            notices=self._notices.counts,
            interval=self._config.watching.interval,
            started_at=self._started_at,
            redact=self._config.redact,
        )
        if self._shown_metrics is None and self._shown is not None:
            self._shown_metrics = prometheus.render(self._shown)
        return prometheus.expose(own) + (self._shown_metrics or "")

    def _report_as_json(self) -> str | None:
        return None if self._shown is None else dumps(encode(self._shown))

    def _expect_a_cycle(self) -> None:
        """Set the time by which the next cycle must have finished: as far from now as the settings allow."""
        longest = OVERDUE_INTERVALS * self._config.watching.interval + self._config.settings.deadline
        self._alive_until = asyncio.get_running_loop().time() + longest

    def _alive(self) -> tuple[bool, str]:
        """Return whether cycles finish in time, and a line that says so."""
        now = asyncio.get_running_loop().time()
        words = f"cycles finished: {self._counts.cycles}"
        if self._finished is not None:
            words += f"; the last {now - self._finished:.0f} s ago"
        overdue = now - self._alive_until
        return overdue <= 0, words if overdue <= 0 else f"{words}; the next is overdue by {overdue:.0f} s"

    async def _probe(self) -> str | None:
        """Return the metrics after the cycle in progress or, if no cycle is in progress, after a new cycle. If the last
        cycle started less than PROBE_SECONDS ago, return its metrics. None if the watch ends first."""
        if not self._in_flight and asyncio.get_running_loop().time() - self._started < PROBE_SECONDS:
            return None if self._is_over else self._metrics()
        done = self._cycle_done
        if not self._in_flight:
            self._is_probe_wanted = True
            self._wake.set()
        await done.wait()
        return None if self._is_over else self._metrics()

    async def _heartbeat(self) -> None:
        """Notify the watchdog while cycles finish in time."""
        if (seconds := self._environment.manager.watchdog_seconds) is None:
            return
        while True:
            if self._alive()[0]:
                self._environment.manager.alive()
            await asyncio.sleep(seconds / 3)

    # --- Settings ----------------------------------------------------------------------------------------------------

    async def _reload(self, group: asyncio.TaskGroup) -> None:
        """Read the settings again, and apply all of them or none."""
        reread = self._reread
        if reread is None:
            return
        self._environment.manager.reloading(time.monotonic_ns() // 1000)
        try:
            config = await read_again(reread, self._cancel)
            if config.watching.listen != self._config.watching.listen:
                await self._listener.move(config.watching.listen)
        except (ValueError, CannotListenError) as error:
            self._counts.reloads[False] += 1
            self._sinks.log_error(f"the new settings were rejected, and the old settings stay: {error}")
        else:
            group.create_task(self._notices.finish(OLD_NOTICES_SECONDS))
            self._notices = Notices(self._senders(config), self._sinks.log_error, self._notices.counts)
            self._notices.start(group)
            self._tracker.raise_after, self._tracker.clear_after = (
                config.watching.raise_after,
                config.watching.clear_after,
            )
            if config.history is not self._config.history:
                group.create_task(self._sinks.close_history(self._config.history))
            self._config = config
            self._expect_a_cycle()
            self._counts.reloads[True] += 1
            self._sinks.log("the settings were read again")
        self._environment.manager.ready()

    def _senders(self, config: WatchConfig) -> dict[Channel, Sender]:
        senders: dict[Channel, Sender] = {}
        if config.watching.on_change is not None:
            senders[Channel.COMMAND] = by_command(
                config.watching.on_change, self._running, passed=config.watching.on_change_env
            )
        if config.watching.notify is not None:
            senders[Channel.URL] = by_post(config.watching.notify, user_agent(__version__))
        return senders


def _ignore(_: Event) -> None:
    """Ignore the events of a cycle, because nothing shows them while it runs."""
