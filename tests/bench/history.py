"""The cost of a history of 100,000 cycles: its file, the list of its changes, and a write.

The cycles are those of a watch over a VPC that is mostly healthy. One zone is silent for an hour every few days, and
another one flaps for a day. The time of each step varies a little between cycles. One target's addresses rotate, as
those of S3 do.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from agent.history.model import Entry
from agent.history.write import HistoryWriter
from agent.report.model import Report
from agent.settings import Keeping
from agent.watch.change_text import document
from agent.watch.changes import Tracker
from probes.model import Observation
from tests.bench.promise import Benchmark, Figure, Promise
from tests.support.repository import ROOT
from tests.support.runs import report_of

CYCLES: Final = 100_000
INTERVAL: Final = timedelta(seconds=60)
POOL: Final = 300
"""The size of the pool from which the rotating target's addresses are drawn."""
ROTATING: Final = 4
"""The number of addresses of the rotating target in each cycle."""


def reports(cycles: int, chance: random.Random) -> Iterator[Report]:
    """The reports of a watch."""
    healthy, silent = report_of("healthy"), report_of("one-zone-silent")
    (pattern,) = (row for row in healthy.observations if row.id == "tcp/backup/10.0.1.17/443")
    pool = [ip_address(f"52.95.{number // 250}.{number % 250 + 1}") for number in range(POOL)]
    for number in range(cycles):
        hour = number // 60
        is_ill = hour % 80 == 40 or (hour // 24 % 20 == 10 and number % 2 == 0)
        base = silent if is_ill else healthy
        started = base.run.started_at + number * INTERVAL
        rotating = (
            replace(pattern, subject=replace(pattern.subject, target="s3", address=address))
            for address in chance.sample(pool, ROTATING)
        )
        moved = timedelta(seconds=number * INTERVAL.total_seconds())
        yield replace(
            base,
            run=replace(base.run, id=f"{number:032x}", started_at=started, finished_at=started + timedelta(seconds=3)),
            observations=tuple(_later(row, moved, chance) for row in (*base.observations, *rotating)),
        )


def _later(row: Observation[Any], by: timedelta, chance: random.Random) -> Observation[Any]:
    if row.seconds is None or row.started_at is None:
        return row
    return replace(row, started_at=row.started_at + by, seconds=row.seconds * chance.uniform(0.5, 2.0) + 0.001)


def write(path: Path, cycles: int) -> list[float]:
    """Write a history; returns the CPU seconds of some of the writes."""
    history = HistoryWriter(Keeping(path=path, seconds=365 * 86_400.0, size=1_000_000_000))
    tracker = Tracker(raise_after=2, clear_after=2)
    spent: list[float] = []
    for report in reports(cycles, random.Random(19)):
        changes = tuple(document(change, report, redact=False) for change in tracker.fold(report))
        entry = Entry(
            series="watch",
            report=report,
            changes=changes,
            state=tracker.saved(redact=False),
            stands=86.0,
            lost=0,
        )
        before = time.process_time()
        history.append(entry)
        spent.append(time.process_time() - before)
    history.close()
    return spent


def _listed(path: Path, *words: str) -> float:
    """The CPU seconds of `backuplink history`: the minimum of three runs."""

    def once() -> float:
        code = (
            "import resource, sys; from agent.cli.entry import run; run(sys.argv[1:]); "
            "used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "history", str(path), *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        return float(done.stderr)

    return min(_repeated(once))


def _repeated(once: Callable[[], float]) -> list[float]:
    return [once() for _ in range(3)]


def measure(cycles: int = CYCLES) -> tuple[Figure, ...]:
    """The size of the file in MB, the CPU seconds of the list and of the chart, and the CPU milliseconds of a write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h.db"
        spent = write(path, cycles)
        size = path.stat().st_size / 1e6
        slow = statistics.quantiles(spent, n=100)[-1]
        note = f"99 of 100 take at most {1_000 * slow:.2f} ms"
        return (
            Figure(size),
            Figure(_listed(path), "CPU of the whole process"),
            Figure(_listed(path, "--plot"), "CPU of the whole process"),
            Figure(1_000 * statistics.fmean(spent), note),
        )


MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="history of 100,000 cycles: its file", against="", limit=60, unit="MB"),
            Promise(what="history of 100,000 cycles: the list of changes", against="", limit=1, unit="s"),
            Promise(what="history of 100,000 cycles: the chart", against="", limit=3, unit="s"),
            Promise(what="history of 100,000 cycles: a write, CPU", against="", limit=5, unit="ms"),
        ),
        measure=measure,
    ),
)
