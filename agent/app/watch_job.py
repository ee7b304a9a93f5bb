"""A watch: its configuration, and the process around it."""

import asyncio
import gc
import itertools
import os
import random
import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from agent.app.errors import RequestError
from agent.app.keep import opened_history
from agent.formats.registry import RenderOptions, Stream, format_named, render
from agent.history.model import series_of
from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.process.output import Log, Writer, in_journal, to_stderr
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.report.model import Report
from agent.run.measuring import Measure
from agent.settings import CYCLE_SHARE, ReportOptions, Settings, Watching
from agent.watch.config import WatchConfig, WatchEnvironment
from agent.watch.reload import CannotListenError
from agent.watch.schedule import Watch
from agent.watch.systemd import Manager

_OBJECTS_BETWEEN_COLLECTIONS: Final = 10_000
"""Number of objects between two garbage collections. A cycle leaves some 2,000 objects. With Python's default,
collections would take 2 % of a cycle."""

ReadAgain = Callable[[], WatchConfig]
"""Reads the settings again. Raises ValueError for settings that cannot be used."""


def watch_config(
    settings: Settings,
    watching: Watching,
    options: ReportOptions,
    measure: Measure,
    received_signals: Sequence[str] = (),
) -> WatchConfig:
    """Return the configuration of a watch. The deadline of a cycle is at most CYCLE_SHARE of the interval. Raises
    RequestError if the file is not a history, and InterruptedBySignalError after a signal."""
    deadline = min(settings.deadline, CYCLE_SHARE * watching.interval)
    history = None if watching.history is None else opened_history(watching.history, received_signals)
    return WatchConfig(
        settings=replace(settings, deadline=deadline),
        watching=watching,
        measure=measure,
        judge=partial(judge, suppress=options.suppressions),
        format=options.format,
        output=None if options.output is None else Path(options.output),
        render=partial(_render, options),
        redact=options.redact,
        history=history,
        series=series_of("watch", settings, redact=options.redact),
    )


def _render(options: ReportOptions, report: Report) -> str:
    code = exits.of_verdict(report.verdict.status, options.fail_on)
    return render(report, options.format, RenderOptions(brief=options.brief, exit_code=code))


def config_here(
    settings: Settings, watching: Watching, options: ReportOptions, received_signals: Sequence[str]
) -> WatchConfig:
    """Return the configuration of a watch of this host. Raises like `watch_config`."""
    from agent.app.world import measuring_here

    return watch_config(settings, watching, options, measuring_here(), received_signals)


def watch_host(config: WatchConfig, read_again: ReadAgain, received_signals: list[str], *, fail_on: str) -> int:
    """Watch this host. Returns the exit code like `watch`."""
    from probes.system.machine import SystemMachine
    from probes.system.sdk import end_children

    try:
        now = SystemMachine().now
        return watch(config, read_again, received_signals, fail_on=fail_on, now=now, tidy=tidying())
    finally:
        end_children()


def tidying() -> Callable[[Collection[int]], None]:
    """Return a function for a watch of this host to call after each cycle. It ends child processes that the cycle left.
    After the first cycle, it also excludes the imported objects from garbage collection. These are most of all objects.
    A collection then runs about once in five cycles."""
    from probes.system.sdk import end_children

    cycles = itertools.count()

    def tidy(spare: Collection[int]) -> None:
        end_children(spare)
        if next(cycles) == 0:
            gc.collect()
            gc.freeze()
            gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)

    return tidy


def _leave_all(_: Collection[int]) -> None:
    """Leave everything as it is after a cycle."""


def watch(
    config: WatchConfig,
    read_again: ReadAgain,
    received_signals: list[str],
    *,
    fail_on: str,
    now: Callable[[], datetime],
    tidy: Callable[[Collection[int]], None] = _leave_all,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Watch until a signal or the last cycle. SIGHUP reads the settings again. `now` returns the time, and is called
    while the loop runs. `loop_factory` may make a loop with virtual time.

    Returns the exit code: OK after a signal, otherwise the code of the final verdict. Raises RequestError if the
    address to listen on cannot be used, and OutputClosedError.
    """
    # The settings were just read, so an earlier hangup has no further effect.
    received_signals[:] = [name for name in received_signals if name != signal.SIGHUP.name]
    in_text = format_named(config.format).stream is Stream.CHANGES or config.output is not None
    log = Log()
    documents = Writer(log.write)
    lines = documents if in_text else Writer(to_stderr)
    environment = WatchEnvironment(
        now=now,
        chance=random.SystemRandom(),
        manager=Manager(os.environ, process_id=os.getpid()),
        lines=lines,
        documents=documents,
        journal=in_journal(1 if in_text else 2, os.environ),
        # In a simulation no time passes while a reader of stdout reads, so the watch waits for it.
        tidy=tidy if loop_factory is None else lambda _: documents.flush(),
    )
    stop = CancelToken(received_signals)
    with asyncio.Runner(loop_factory=loop_factory) as runner, exit_on_signals(received_signals, code=exits.OK):
        try:
            report = runner.run(_run(config, environment, stop, read_again))
        except CannotListenError as error:
            raise RequestError(str(error)) from error
        documents.end()
        log.end()
        if lines is not documents:
            lines.end()
        if stop.reason is not None:
            return exits.OK
        return exits.UNKNOWN if report is None else exits.of_verdict(report.verdict.status, fail_on)


async def _run(
    config: WatchConfig, environment: WatchEnvironment, stop: CancelToken, read_again: ReadAgain
) -> Report | None:
    """Run the watch and return the report of its last cycle."""
    watch = Watch(config, environment, stop, read_again)
    with cancel_on_signals(stop, at_once=start_grace_timer, on_hangup=watch.read_again):
        await watch.run()
    return watch.report
