"""`python -m tests.agent.history.killed FOLDER`: writers of a history, each killed (SIGKILL) at a different statement.

Each writer is a child that writes CYCLES cycles to FOLDER/N.db, and kills itself at the N-th statement that SQLite runs
for it. The last writer reaches its end. Unlike a delay, a statement is the same point in every run. stdout has the
number of points.
"""

import itertools
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Final

from agent.history import file
from tests.agent.history.entries import change, entry, ill, well, writer

CYCLES: Final = 5


def write(path: Path, point: int) -> None:
    """Write the cycles, and be killed at the point."""
    statements = itertools.count(1)

    def traced(_: str) -> None:
        if next(statements) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    connected = file._connected

    def watched(path: Path, mode: str) -> sqlite3.Connection:
        connection = connected(path, mode)
        connection.set_trace_callback(traced)
        return connection

    file._connected = watched
    history = writer(path)
    for number in range(1, CYCLES + 1):
        history.append(entry((ill, well)[number % 2](number), change(number), state=number))


def main(folder: Path) -> None:
    """Run a child for each point."""
    for point in itertools.count(1):
        if (child := os.fork()) == 0:
            write(folder / f"{point}.db", point)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            sys.stdout.write(f"{point - 1}\n")
            return
        if not os.WIFSIGNALED(status):
            sys.exit(f"the child of point {point} ended with {status}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
