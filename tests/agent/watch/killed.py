"""`python -m tests.agent.watch.killed FOLDER POINT…`: watches that write two files, each killed at a different point.

Each watch is a child of its own. It writes to a folder in FOLDER named after its point, over files that an earlier
watch has left, and kills itself (SIGKILL) at the n-th announced phase of writing files. Unlike a delay, such a point is
the same in every run. Point 0 is never reached; its watch copies both files after each cycle into separate folders. One
JSON object on stdout has the status of each child in the form of waitpid(2). The status is 0 for a child that announced
fewer phases.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.process import phases
from agent.process.phases import Phase
from agent.simulated.clock import PatientLoop
from tests.support.runs import in_virtual_time
from tests.support.virtual import job, loaded, networks, watched

CYCLES: Final = 3
OUTPUT: Final = "report.json"
TEXTFILE: Final = "watch.prom"
WRITING: Final = (
    Phase.FILE_OPENING,
    Phase.FILE_OPENED,
    Phase.FILE_COMPLETE,
    Phase.FILE_REPLACING,
    Phase.FILE_REPLACED,
)
"""The phases of writing a file."""


def killing(point: int) -> Callable[[str], None]:
    """A function that ends the process after `point` phases of writing files were announced, in any thread."""
    numbers = itertools.count(1)

    def announced(phase: str) -> None:
        if phase in WRITING and next(numbers) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return announced


def watch(folder: Path, point: int) -> None:
    """Watch a network that changes. The first watch runs to its end, and the second until the point is reached."""
    turns = loaded("healthy-one-zone", "one-zone-silent", "healthy-one-zone", "name-does-not-exist")

    numbers = itertools.count()

    def keep(_: object) -> None:
        if not point:
            shutil.copytree(folder, folder.with_name(f"{folder.name}-{next(numbers)}"))

    def of(cycles: int) -> None:
        config = job(
            networks(turns[-cycles:]),
            format="json",
            output=folder / OUTPUT,
            textfile=folder / TEXTFILE,
            cycles=cycles,
        )
        in_virtual_time(lambda: watched(config, tidy=keep), PatientLoop)

    of(1)
    phases.subscribe(killing(point))
    of(CYCLES)


def main(folder: Path, points: list[int]) -> None:
    """Run a child for each point."""
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
    main(Path(sys.argv[1]), [int(argument) for argument in sys.argv[2:]])
