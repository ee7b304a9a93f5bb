"""`python -m tests.agent.watch.year FOLDER CYCLES`: a long watch in virtual time, with all receivers of its results.

The receivers are a textfile, a history, a receiver of notices, and a scraper. They use real files and sockets, and the
first three keep their data in FOLDER. stdout has one JSON object a line. After every tenth of the cycles, an object has
the bytes of resident memory and the number of open files. At the end, an object has the counts of the watch, and
further objects have the results of the scrapes.
"""

import asyncio
import ctypes
import gc
import itertools
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

import httpx

from agent.process.cancel import CancelToken
from agent.settings import Notify
from agent.simulated.clock import PatientLoop
from agent.watch.schedule import Watch
from probes.background import in_background
from tests.agent.history.entries import writer
from tests.agent.watch.clients import LOOPBACK, free_port
from tests.agent.watch.receiver import Answer, Receiver, receiving, status
from tests.formats.monitors import samples_in
from tests.support.command import SECONDS
from tests.support.runs import in_virtual_time
from tests.support.virtual import job, loaded, networks, watched

NETWORKS: Final = (
    *("healthy-one-zone",) * 4,
    *("one-zone-silent", "healthy-one-zone") * 3,
    *("name-does-not-exist",) * 3,
    *("public-path-works",) * 3,
    "tls-intercepted",
    "deadline-too-short",
    *("resolver-silent",) * 2,
    "no-endpoint-in-this-vpc",
)
"""Networks with faults that last, that come and go, or that stay for one cycle. Some of them lead to reads of EC2."""


SCRAPES_EVERY: Final = 1_000.0
"""The virtual time in seconds between two scrapes. With this number, scrapes come at different moments of a cycle."""


def resident() -> int:
    """The bytes of resident memory, after as much as possible has been returned to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def say(what: dict[str, float]) -> None:
    """Write one line to stdout."""
    sys.stdout.write(f"{json.dumps(what)}\n")


def taking(receiver: list[Receiver], notices: Path) -> Answer:
    """An answer that appends the id of the received change to a file. It keeps nothing else, since memory is
    measured.
    """

    def answer(handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
        with notices.open("a", encoding="ascii") as file:
            file.writelines(f"{json.loads(taken.body)['id']}\n" for taken in receiver[0].taken)
        receiver[0].taken.clear()
        status(204)(handler, over)

    return answer


class Scraper:
    """Reads the metrics of a watch repeatedly, and records the number of cycles in each answer."""

    def __init__(self, port: int) -> None:
        self.seen: list[float] = []
        self.watch: Watch | None = None
        self._url = f"http://{LOOPBACK}:{port}/metrics"

    async def run(self, watch: Watch, _: CancelToken) -> None:
        """Scrape until the task is cancelled."""
        self.watch = watch
        while True:
            await asyncio.sleep(SCRAPES_EVERY)
            self.seen.append(cycles_in(await in_background(self._read)))

    def _read(self) -> str:
        return httpx.get(self._url, timeout=SECONDS, trust_env=False).raise_for_status().text

    def has_changes_to_post(self) -> bool:
        """Whether there is a change that the receiver has not answered yet."""
        return self.watch is not None and any(
            waiting._unfinished_tasks  # type: ignore[attr-defined]  # asyncio's own count, which join() waits for
            for waiting in self.watch._notices._waiting.values()
        )


def cycles_in(metrics: str) -> float:
    """The number of cycles that had ended when these metrics were written."""
    return samples_in(metrics)["backuplink_watch_cycles_total", frozenset()]


def main(folder: Path, cycles: int) -> None:
    """Watch for this many cycles."""
    numbers = itertools.count(1)

    def sample(_: object) -> None:
        if (number := next(numbers)) % (cycles // 10) == 0:
            files = len(list(Path("/proc/self/fd").iterdir()))
            say({"cycle": number, "bytes": resident(), "files": files})

    receivers: list[Receiver] = []
    scraper = Scraper(port := free_port())
    with (
        receiving(taking(receivers, folder / "notices")) as receiver,
        open(os.devnull, "w", encoding="utf-8") as nowhere,
    ):
        receivers.append(receiver)

        def leave(text: str) -> None:
            nowhere.write(text)

        config = job(
            networks(itertools.cycle(loaded(*NETWORKS))),
            scenario="no-endpoint-in-this-vpc",
            format="ndjson",
            textfile=folder / "watch.prom",
            listen=(LOOPBACK, port),
            notify=Notify(url=receiver.url()),
            history=writer(folder / "history.db"),
            cycles=cycles,
        )
        done = in_virtual_time(
            lambda: watched(config, tidy=sample, documents=leave, lines=leave, meanwhile=scraper.run),
            lambda: PatientLoop(scraper.has_changes_to_post),
        )
    counts = {name: value for (name, labels), value in samples_in(done.watch._metrics()).items() if not labels}
    say(counts)
    sys.stdout.write(f"{json.dumps(scraper.seen)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
