"""`python -m tests.process.kills WHAT FOLDER COUNT`: processes that are killed (SIGKILL) at random moments, drawn with
a fixed seed.

`watch` runs COUNT watches one after the other in FOLDER, each with a metrics file, a history and a program for changes.
A cycle takes milliseconds. `pack` copies FOLDER/lake to FOLDER/N/lake, and packs FOLDER/source into this copy. The
files that are left after the kill are copied to FOLDER/N/killed, and then the folder is packed again. The moments are
spread over the time of a pack that is not killed, so that each of its stages is hit. For `watch`, JSON on stdout lists
the cycles that the history had reported as written before each kill.
"""

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from agent.cli.main import dispatch
from agent.fleet import database, pack  # noqa: F401 - imported once, and not by each process
from agent.history.model import Entry
from agent.history.write import HistoryWriter
from agent.settings import Keeping
from tests.agent.history.entries import ill, well
from tests.support.virtual import job, watched

SEED: Final = 37
HISTORY, TEXTFILE, NOTICES, TEMPORARY = "history.db", "watch.prom", "notices", "temporary"
INTERVAL: Final = 0.005
MOST_CYCLES: Final = 4
"""The highest number of cycles that a watch writes to its history before it is killed. The lowest is 0."""
CYCLE_SECONDS: Final = 0.03
"""The longest time in seconds from the writing of the last cycle to the kill."""
AT_A_TIME: Final = 1_000
"""The number of cycle numbers that each watch may use."""


class TellingWriter(HistoryWriter):
    """A history that reports each cycle once it is written."""

    def __init__(self, path: Path, told: int) -> None:
        super().__init__(Keeping(path=path, seconds=86_400.0 * 365, size=1_000_000_000))
        self._told = told

    def append(self, entry: Entry) -> None:
        """Write a cycle, and report the id of its run."""
        super().append(entry)
        os.write(self._told, f"{entry.report.run.id}\n".encode())


def watch(folder: Path, first: int, told: int, cycles: int | None = None) -> None:
    """Watch a network that changes in every cycle. `first` is the number of the first cycle."""
    numbers = itertools.count(first)

    async def measure(*_: object) -> Any:
        return next(numbers)

    config = job(
        measure,
        judge=lambda number: (well, ill)[number % 2](number),  # type: ignore[arg-type, operator]
        history=TellingWriter(folder / HISTORY, told),
        textfile=folder / TEXTFILE,
        on_change=("/bin/sh", "-c", 'cat >"$0/$$"', str(folder / NOTICES)),
        interval=INTERVAL,
        cycles=cycles,
        raise_after=1,
        clear_after=1,
    )
    asyncio.run(watched(config))


def killed(work: Callable[[], None], wait: Callable[[], None]) -> int:
    """Run `work` in a process, and kill the process when `wait` returns. Returns the status of the process as
    waitpid(2) does.
    """
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(0)
    wait()
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def whole(work: Callable[[], None]) -> float:
    """Run `work` in an undisturbed process. Returns the seconds that it took."""
    began = time.monotonic()
    if (child := os.fork()) == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("it failed")
    return time.monotonic() - began


def watches(folder: Path, count: int) -> list[list[str]]:
    """Kill `count` watches in a folder."""
    chance = random.Random(SEED)
    kept = []
    for number in range(count):
        reading, writing = os.pipe()
        with open(reading, "rb") as stream:
            lines: list[bytes] = []

            def wait(stream: BinaryIO = stream, lines: list[bytes] = lines) -> None:
                lines += [stream.readline() for _ in range(chance.randrange(MOST_CYCLES + 1))]
                time.sleep(chance.uniform(0, CYCLE_SECONDS))

            killed(partial(watch, folder, 1 + number * AT_A_TIME, writing), wait)
            os.close(writing)
            kept.append(b"".join([*lines, stream.read()]).decode().split())
    return kept


def packs(folder: Path, count: int) -> list[int]:
    """Kill `count` packs. Each of them leaves a folder with its files."""

    def packing(lake: Path) -> None:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(quiet, stream)
        words = ["fleet", "pack", str(folder / "source"), str(lake), "--cache", str(lake.parent / "cache")]
        if dispatch(words, []):
            raise RuntimeError("it could not be packed")

    os.environ["TMPDIR"] = str(folder / TEMPORARY)
    chance = random.Random(SEED)
    shutil.copytree(folder / "lake", folder / "first" / "lake")
    seconds = whole(partial(packing, folder / "first" / "lake"))
    statuses = []
    for number in range(count):
        lake = folder / str(number) / "lake"
        shutil.copytree(folder / "lake", lake)
        moment = chance.uniform(0, seconds)
        statuses.append(killed(partial(packing, lake), partial(time.sleep, moment)))
        shutil.copytree(lake, lake.with_name("killed"))
        whole(partial(packing, lake))
    return statuses


def main(what: str, folder: Path, count: int) -> None:
    """Kill the processes, and print which cycles were written."""
    sys.stdout.write(json.dumps({"watch": watches, "pack": packs}[what](folder, count)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
