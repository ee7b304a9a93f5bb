"""How cost grows with the size of a run: memory over many ladders, CPU and memory over many addresses."""

import json
import statistics
import sys
from typing import Any, Final

from tests.bench.promise import Benchmark, Figure, Promise
from tests.bench.spaces import Lab, lab

IN_FLIGHT: Final = 306
TIMES: Final = 30
RUNS: Final = 5
SIZES: Final = (1, 10, 100, 1_000)
BOUND: Final = 100
"""The number of ladders in flight at once in the measurement that shows that memory depends only on this number."""
LEAST_LADDERS: Final = 300
"""The minimum number of ladders to run in one measurement; smaller counts are repeated, since one ladder takes less
time than the clock can measure.
"""


def memory_over_ladders() -> tuple[Figure, ...]:
    """The peak memory of 30 rounds of 306 ladders, divided by that of the first round, in one process."""
    with lab() as there:
        runs = [_ladders(there, count=IN_FLIGHT, at_once=IN_FLIGHT, rounds=TIMES) for _ in range(RUNS)]
    few, many = (statistics.median(run[place]["peak"] for run in runs) / 1024 for place in (1, -1))
    value = statistics.median(run[-1]["peak"] / run[1]["peak"] for run in runs)
    note = f"{many:.1f} MiB against {few:.1f}; 306 in flight, round after round, a log for each as a run has"
    return (Figure(value, note),)


def over_addresses() -> tuple[Figure, ...]:
    """The CPU of a ladder among 1,000 addresses, divided by that among 10, with all ladders at once; and the peak
    memory of 1,000 addresses, divided by that of 100, with 100 ladders at once.
    """
    with lab() as there:
        cpu: dict[int, list[float]] = {size: [] for size in SIZES}
        peaks: list[tuple[float, float]] = []
        for _ in range(RUNS):
            for size in SIZES:
                times = max(LEAST_LADDERS // size, 1)
                run = _ladders(there, count=size, at_once=size, rounds=times)
                cpu[size].append((run[-1]["cpu"] - run[0]["cpu"]) / (size * times))
            few, many = (_ladders(there, count=count, at_once=BOUND, rounds=1) for count in (BOUND, SIZES[-1]))
            peaks.append((few[-1]["peak"], many[-1]["peak"]))
    milliseconds = ", ".join(f"{statistics.median(cpu[size]) * 1000:.2f}" for size in SIZES)
    grown = statistics.median(many / few for few, many in zip(cpu[10], cpu[1_000], strict=True))
    kept = statistics.median(many - few for few, many in peaks) / (SIZES[-1] - BOUND)
    return (
        Figure(grown, f"CPU of a ladder at 1, 10, 100, 1,000 addresses, all at once: {milliseconds} ms"),
        Figure(
            statistics.median(many / few for few, many in peaks),
            f"{kept:.1f} KiB more for each address that is done: its five observations",
        ),
    )


def _ladders(there: Lab, *, count: int, at_once: int, rounds: int) -> list[dict[str, Any]]:
    """Return the CPU seconds and the peak KiB that the process has used so far, once after the warm-up and once after
    each round.
    """
    options = ("--count", str(count), "--at-once", str(at_once), "--rounds", str(rounds), "--roots", str(there.roots))
    spent = there.run(sys.executable, "-m", "tests.bench.worker", "ladders", *options)
    return [json.loads(line) for line in spent.output.splitlines()]


MEASUREMENTS: Final = (
    Benchmark(
        promises=(Promise(what="9,180 ladders, peak memory", against="306 ladders", limit=1.05),),
        measure=memory_over_ladders,
    ),
    Benchmark(
        promises=(
            Promise(what="growth: a ladder's CPU at 1,000 addresses", against="at 10 addresses", limit=1.1),
            Promise(what="growth: peak memory at 1,000 addresses", against="at 100, as many in flight", limit=1.1),
        ),
        measure=over_addresses,
    ),
)
