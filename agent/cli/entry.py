"""The first lines of a process: what must be in place before anything heavy is imported.

`--version` imports nothing heavy. The wanted format is found without the options, so that a mistake in them is still
answered with one valid document. Signals are caught from here on, so that an interrupt finds a report, however early
it comes.
"""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from agent.version import __version__

_NO_COMMAND: Final = ("--help", "-h", "--version")


def main() -> None:
    """The command `backuplink`. Ends the process at once: a library's thread that hangs is waited for by nobody, and
    an interpreter that takes itself apart costs a tenth of a run."""
    gc.disable()  # what is imported stays, and looking through it for garbage is a tenth of a start
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or its reader is gone: said by now
            if stream is not None:
                stream.flush()
    os._exit(code)


def _on_a_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and give its exit code."""
    if list(arguments[:1]) == ["--version"]:
        from agent.process.output import ReaderGoneError, to_stdout

        try:
            to_stdout(f"backuplink {__version__}\n")
        except ReaderGoneError:
            return 3  # exits.UNKNOWN, whose module is not wanted here
        return 0
    if len(arguments) == 2 and arguments[0] == "explain" and not _on_a_terminal():  # which wants pages
        from agent.formats.explain import as_text, page
        from agent.process.output import ReaderGoneError, to_stdout

        try:
            to_stdout(as_text(page(arguments[1])))
            return 0
        except ReaderGoneError:
            return 3
        except KeyError:
            pass  # the command itself says what there is
    received_signals: list[str] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1) and a shell's background job want it ignored
            signal.signal(number, lambda got, _: received_signals.append(signal.Signals(got).name))
    from agent.cli.main import dispatch
    from agent.process.phases import Phase, announce

    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    if not arguments:
        from agent.tui.command import why_not

        arguments = ["tui" if why_not(os.environ) is None else "check"]
    elif arguments[0].startswith("-") and arguments[0] not in _NO_COMMAND:
        arguments = ["check", *arguments]  # such a call is written down somewhere, and what reads it wants a document
    announce(Phase.COMMAND)
    code = dispatch(list(arguments), received_signals)
    announce(Phase.ENDED)
    return code
