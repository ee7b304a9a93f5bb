"""Make one run: measure, judge, write the report."""

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from agent.app.publish import REPORT, publish
from agent.formats.registry import format_named, live_writer
from agent.process.cancel import CancelToken
from agent.process.output import Writer
from agent.process.phases import Phase, announce
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.run.events import Event
from agent.run.measuring import Emit, Measure
from agent.settings import Keeping, ReportOptions, Settings, Suppression

if TYPE_CHECKING:
    from agent.report.model import Measurement, Report

Keep: TypeAlias = "Callable[[Report], None]"
"""Takes the report of a run."""


def _ignore(_: object) -> None:
    """Ignore the events, and keep nothing."""


def check_host(
    settings: Settings, options: ReportOptions, received_signals: list[str], keeping: Keeping | None = None
) -> int:
    """Check this host, and keep the run in a history if one is named. Returns the exit code like `check`. Raises
    RequestError if the file is not a history."""
    from agent.app.world import measuring_here
    from probes.system.sdk import end_children

    try:
        if keeping is None:
            return check(settings, measuring_here(), options, received_signals)
        from agent.app.keep import close_history, keep_run, opened_history

        history = opened_history(keeping, received_signals)

        def keep(report: "Report") -> None:
            keep_run(history, settings, options, report, received_signals)

        try:
            return check(settings, measuring_here(), options, received_signals, keep=keep)
        finally:
            close_history(history)
    finally:
        end_children()


def check(
    settings: Settings,
    measure: Measure,
    options: ReportOptions,
    received_signals: list[str],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    keep: "Keep" = _ignore,
) -> int:
    """Measure once, judge the result, and write the report. Unless a signal cut the run short, pass the report to
    `keep`.

    Returns the exit code: the code of the first signal if one was received, otherwise the code of the verdict. Raises
    OutputClosedError.
    """
    stop = CancelToken(received_signals)
    with asyncio.Runner(loop_factory=loop_factory) as runner, exit_on_signals(received_signals):
        # Lines can be written as they come, unless they go to a file or are masked, for which the run must have ended.
        row = format_named(options.format)
        if row.live is not None and not options.redact and options.output is None:
            report, code = _check_live(runner, settings, measure, options, stop)
        else:
            report, code = _check_whole(runner, settings, measure, options, stop)
        if stop.reason is None:
            keep(report)
        # A signal decides the code even if it came after the last step, when the report is complete.
        return code if stop.reason is None else exits.SIGNALS[stop.reason]


def run_once(
    settings: Settings,
    measure: Measure,
    stop: CancelToken,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> "Report":
    """Measure once and judge the result, for a caller that handles signals itself."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return _judged(_measured(runner, settings, measure, _ignore, stop), ())


def _check_live(
    runner: asyncio.Runner, settings: Settings, measure: Measure, options: ReportOptions, stop: CancelToken
) -> tuple["Report", int]:
    writer = Writer()
    lines = live_writer(format_named(options.format), writer.write)
    report = _judged(_measured(runner, settings, measure, lines, stop), options.suppressions)
    announce(Phase.RENDERING)
    lines.end(report)
    writer.end()
    return report, exits.of_verdict(report.verdict.status, options.fail_on)


def _check_whole(
    runner: asyncio.Runner, settings: Settings, measure: Measure, options: ReportOptions, stop: CancelToken
) -> tuple["Report", int]:
    measurement = _measured(runner, settings, measure, _ignore, stop)
    report = _judged(measurement, options.suppressions)
    code = exits.of_verdict(report.verdict.status, options.fail_on)
    return report, publish(REPORT, report, options, code if stop.reason is None else exits.SIGNALS[stop.reason])


def _judged(measurement: "Measurement", suppressions: tuple[Suppression, ...]) -> "Report":
    from agent.judge.verdict import judge

    announce(Phase.JUDGING)
    report = judge(measurement, suppress=suppressions)
    announce(Phase.JUDGED)
    return report


def _measured(
    runner: asyncio.Runner, settings: Settings, measure: Measure, listener: Emit, stop: CancelToken
) -> "Measurement":
    announce(Phase.MEASURING)
    measurement = runner.run(_with_progress(settings, measure, listener, stop))
    announce(Phase.MEASURED)
    if stop.reason is not None:
        start_grace_timer()
    return measurement


async def _with_progress(settings: Settings, measure: Measure, listener: Emit, stop: CancelToken) -> "Measurement":
    """Measure once, with a progress line; SIGINT, SIGTERM and SIGHUP cancel `stop`."""
    from agent.formats.progress import Progress

    with cancel_on_signals(stop):
        progress = Progress(sys.stderr, asyncio.get_running_loop().time)

        def emit(event: Event) -> None:
            announce(type(event).__name__)
            listener(event)
            progress(event)

        try:
            return await measure(settings, emit, stop)
        finally:
            progress.end()
