"""The first lines of a process: everything that must be set up before the heavy imports.

`--version` and `explain CODE` import nothing heavy. Signals are handled from here on, so that even an early interrupt
leads to a report.
"""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from agent.process.exit_codes import OK, UNKNOWN
from agent.process.streams import occupy_closed_streams
from agent.version import __version__

_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000
"""Number of new objects between two collections of garbage. With Python's default, collections take a twentieth of a
check, most of them among imported modules, which stay in memory."""
_NO_COMMAND: Final = ("--help", "-h", "--version")


def main() -> None:
    """The command `backuplink`. Ends the process at once, since a library's thread may hang, and since a normal
    shutdown of the interpreter takes a tenth of a run's time."""
    occupy_closed_streams()
    gc.disable()  # imported modules stay, and collecting garbage in them takes a tenth of the start
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it: already reported
            if stream is not None:
                stream.flush()
    os._exit(code)


def _on_a_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    if list(arguments[:1]) == ["--version"]:
        from agent.process.output import OutputClosedError, report_closed, to_stdout

        try:
            to_stdout(f"backuplink {__version__}\n")
        except OutputClosedError as error:
            report_closed(error)
            return UNKNOWN
        return OK
    if (
        len(arguments) == 2 and arguments[0] == "explain" and not _on_a_terminal()
    ):  # on a terminal, a long page goes through a pager
        from agent.catalog.runbooks import page
        from agent.formats.explain import as_text
        from agent.process.output import OutputClosedError, report_closed, to_stdout

        try:
            to_stdout(as_text(page(arguments[1])))
            return OK
        except OutputClosedError as error:
            report_closed(error)
            return UNKNOWN if str(error) else OK  # as the command itself does
        except KeyError:
            pass  # the command reports the unknown code, and suggests similar codes
    received_signals: list[str] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1) and a shell's background job ignore it
            signal.signal(number, lambda received, _: received_signals.append(signal.Signals(received).name))
    from agent.cli.main import dispatch
    from agent.process.phases import Phase, announce

    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        gc.enable()
    if not arguments:
        from agent.tui.command import why_not

        arguments = ["tui" if why_not(os.environ, is_asked_for=False) is None else "check"]
    elif arguments[0].startswith("-") and arguments[0] not in _NO_COMMAND:
        arguments = ["check", *arguments]  # options without a command come from a script, which reads the document
    announce(Phase.COMMAND)
    code = dispatch(list(arguments), received_signals)
    announce(Phase.ENDED)
    return code
