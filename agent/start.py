"""The first lines of a process: what must be in place before anything heavy is imported.

`--version` imports nothing. The wanted format is found without the options, so that a mistake in them is still
answered with one valid document. Signals are caught from here on, so that an interrupt finds a report, however early
it comes.
"""

import signal
import sys
from collections.abc import Sequence
from typing import Final

from agent.version import __version__

_NO_COMMAND: Final = ("--help", "-h", "--version")


def main() -> None:
    """The command `backuplink`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and give its exit code."""
    if list(arguments[:1]) == ["--version"]:
        print(f"backuplink {__version__}")  # noqa: T201 - the whole document of this call
        return 0
    pulled: list[str] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: pulled.append(signal.Signals(got).name))
    from agent.cli import dispatch

    # Without a command it is a check.
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in _NO_COMMAND):
        arguments = ["check", *arguments]
    return dispatch(list(arguments), pulled)
