"""`python -m tests.agent.watch.killed FOLDER POINT…`: watches that write two files, each killed at another point.

Each runs in a child of its own with a folder in FOLDER of the point's name, over files that an earlier watch left, and
kills itself (SIGKILL) at so many steps of writing: lines of Python in whatever writes a file. So a point is the same in
every run, where a delay would be another one each time. Point 0 is never, and leaves what both files hold after each
cycle in folders of their own. One JSON object on stdout has the status of each child as waitpid(2) gives it; of one
that made fewer steps, 0.
"""

import itertools
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Final

from agent.process.write_file import to_file
from tests.support.virtual import job, loaded, networks, watched

CYCLES: Final = 3
OUTPUT: Final = "report.json"
TEXTFILE: Final = "watch.prom"
_WRITING: Final = to_file.__code__


def killing(point: int) -> Any:
    """A trace function that counts what `to_file` does, in whichever thread, and ends the process at one step."""
    steps = 0
    lock = threading.Lock()

    def inside(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        with lock:
            steps += 1
            if steps == point:
                os.kill(os.getpid(), signal.SIGKILL)
        return inside

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        within: FrameType | None = frame
        while within is not None and within.f_code is not _WRITING:
            within = within.f_back
        return None if within is None else inside(frame, event, argument)

    return trace


def watch(folder: Path, point: int) -> None:
    """Watch a network that changes, once whole and then until the point."""
    turns = loaded("healthy-one-zone", "one-zone-silent", "healthy-one-zone", "name-does-not-exist")

    made = itertools.count()

    def keep(_: object) -> None:
        if not point:
            shutil.copytree(folder, folder.with_name(f"{folder.name}-{next(made)}"))

    def of(cycles: int) -> None:
        watched(
            job(
                networks(turns[-cycles:]),
                format="json",
                output=folder / OUTPUT,
                textfile=folder / TEXTFILE,
                cycles=cycles,
            ),
            tidy=keep,
        )

    of(1)
    threading.settrace(killing(point))
    of(CYCLES)


def main(folder: Path, points: list[int]) -> None:
    """Let a child go to each point."""
    statuses: dict[int, int] = {}
    for point in points:
        own = folder / str(point)
        own.mkdir()
        if (child := os.fork()) == 0:
            watch(own, point)
            os._exit(0)
        statuses[point] = os.waitpid(child, 0)[1]
    sys.stdout.write(json.dumps(statuses))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(each) for each in sys.argv[2:]])
