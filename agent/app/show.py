"""The interface on the terminal, and the document that is written when it closes."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.app.errors import RequestError
from agent.app.keep import SECONDS, opened_history
from agent.history.model import HistoryError
from agent.process.files import within
from agent.process.phases import Phase, announce
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.run.measuring import Measure
from agent.settings import InterfaceOptions, ReportOptions, Settings, Suppression, Watching
from agent.tui import command
from agent.tui.source import Live, Saved, Source

if TYPE_CHECKING:
    from agent.report.model import Measurement, Report
    from agent.tui.app import BackuplinkApp


def show_host(
    settings: Settings,
    watching: Watching,
    options: ReportOptions,
    interface: InterfaceOptions,
    received_signals: list[str],
    *,
    is_watch: bool,
) -> int:
    """Show runs of this host. With `is_watch`, runs are repeated from the start. Returns the exit code like `show`."""
    from agent.app.world import measuring_here
    from probes.system.sdk import end_children

    try:
        source = live("this host", settings, measuring_here(), options, watching, received_signals, is_watch=is_watch)
        return show(source, options, interface, received_signals)
    finally:
        end_children()


def show_saved(place: str, options: ReportOptions, interface: InterfaceOptions, received_signals: list[str]) -> int:
    """Show the saved report in a file. Returns the exit code like `show`. Raises RequestError, also for a file that is
    not a report."""
    from agent.app.own_commands import with_own_commands
    from agent.app.read_saved import read_report
    from agent.report.saved import SavedReportError

    with exit_on_signals(received_signals):
        try:
            report = with_own_commands(read_report(place, received_signals))
        except SavedReportError as error:
            raise RequestError(str(error)) from error
    source = Saved(title=Path(place).name, report=report, opened_at=datetime.now(UTC))
    return show(source, options, interface, received_signals)


def live(
    title: str,
    settings: Settings,
    measure: Measure,
    options: ReportOptions,
    watching: Watching,
    received_signals: Sequence[str],
    *,
    is_watch: bool,
    is_simulated: bool = False,
) -> Live:
    """Return runs for the interface, judged without suppressed findings. Raises RequestError if the file is not a
    history."""
    return Live(
        title=title,
        settings=settings,
        measure=measure,
        judge=partial(_judge, options.suppressions),
        is_simulated=is_simulated,
        watching=watching,
        is_watch=is_watch,
        history=None if watching.history is None else opened_history(watching.history, received_signals),
    )


def _judge(suppress: tuple[Suppression, ...], measurement: "Measurement") -> "Report":
    from agent.judge.verdict import judge  # loaded only after the first screen is drawn

    return judge(measurement, suppress=suppress)


def show(source: Source, options: ReportOptions, interface: InterfaceOptions, received_signals: list[str]) -> int:
    """Show `source` until the user closes the interface, then write the document of the shown run. Returns the exit
    code: the code of the first signal if one was received, otherwise the code of the latest finished run. Raises
    RequestError if the interface cannot be shown here, and OutputClosedError."""
    _refuse_where_impossible(options)
    terminal = command.Terminal()
    terminal.silence()
    announce(Phase.SCREEN_LOADING)
    try:
        app = _app(source, options, interface)
    except BaseException:
        terminal.release()
        raise
    announce(Phase.SCREEN_LOADED)
    if (
        signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    ):  # nohup(1) ignores it, but the interface cannot outlive its terminal
        signal.signal(signal.SIGHUP, lambda *_: received_signals.append(signal.SIGHUP.name))
    leave = command.Leave(received_signals, start_grace_timer=start_grace_timer, leave=app.leave)
    with exit_on_signals(received_signals, terminal.put_back):
        try:
            with asyncio.Runner() as runner:
                code = runner.run(_run(app, leave, mouse=interface.mouse))
        finally:
            announce(Phase.SCREEN_ENDED)
            terminal.release()
            announce(Phase.SCREEN_RELEASED)
            with contextlib.suppress(HistoryError, TimeoutError):  # the log of the history already has the runs
                within(app.close, seconds=SECONDS)
        if (fault := command.fault(app)) is not None:
            raise fault
        return _write_seen(app.report, options, code, received_signals)


def _refuse_where_impossible(options: ReportOptions) -> None:
    if (why := command.why_not(os.environ)) is not None:
        raise RequestError(f"The interface cannot be shown here: {why}. `backuplink check` needs no terminal")
    if options.redact:
        raise RequestError("--redact masks a document, not the screen; use --redact with `backuplink check`")


def _app(source: Source, options: ReportOptions, interface: InterfaceOptions) -> "BackuplinkApp":
    try:
        return command.app(source, options.fail_on, interface, os.environ)
    except ImportError as error:
        raise RequestError(
            f"The interface cannot be shown here: {error}. `backuplink check` works without Textual"
        ) from error


async def _run(app: "BackuplinkApp", leave: command.Leave, *, mouse: bool) -> int | None:
    with cancel_on_signals(leave):
        announce(Phase.SCREEN_STARTING)
        return None if leave.reason is not None else await app.run_async(mouse=mouse)


def _write_seen(seen: "Report | None", options: ReportOptions, code: int | None, received_signals: list[str]) -> int:
    from agent.app.publish import REPORT, publish

    if seen is None:
        from agent.judge.verdict import refusal

        seen = refusal("left before anything was seen")
    code = exits.SIGNALS[received_signals[0]] if received_signals else exits.UNKNOWN if code is None else code
    code = publish(REPORT, seen, options, code)
    return exits.SIGNALS[received_signals[0]] if received_signals else code
