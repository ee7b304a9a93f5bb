"""A run used as a library leaves nothing behind: no threads, tasks, file descriptors, child processes or memory.

The runs use a simulated world. The tests in `tests/probes/steps/test_cancelled.py` use real sockets, and cancel a climb
at every single await.
"""

import asyncio
import gc
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from agent.process.cancel import CancelToken
from agent.report.model import Measurement
from agent.run.runner import measure
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated
from tests.support import extent, scenarios

HEALTHY: Final = "healthy"
"""A scenario with complete ladders, including signed calls."""
CANCELLED: Final = 100 if extent.everything() else 10
WARM: Final = 10
"""The number of runs after which all objects exist that a process creates only once."""
SPARE: Final = 1_000
"""The number of memory blocks by which runs may differ, however many runs there are. The observations of one run take
hundreds of blocks.
"""
TURNS: Final = 20
"""The maximum number of turns of the loop to wait after a moment in time. Many events may have the same time."""
QUICK: Final = """
summary = "one address, which refuses"
[run]
calls = "none"
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17"]
[[tcp]]
addresses = ["10.0.1.17"]
ports = [443]
answer = "refuse"
[expect]
status = "critical"
path = "private"
findings = []
"""

NewLoop = Callable[[], asyncio.AbstractEventLoop]
LOOPS: Final = [pytest.param(asyncio.SelectorEventLoop, id="ordinary"), pytest.param(VirtualLoop, id="virtual")]


@pytest.fixture(autouse=True)
def _only_what_is_new() -> None:
    """Freeze the objects of earlier tests, so that the four garbage collections of this test need not scan them."""
    gc.collect()
    gc.freeze()


def held() -> tuple[int, list[str], list[str]]:
    """The number of threads of this process, its open files, and its child processes. The two lists are empty if the
    system does not report them.
    """
    gc.collect()
    files, children = Path("/proc/self/fd"), Path("/proc/self/task").glob("*/children")
    links = [str(path.readlink()) for path in files.iterdir() if path.is_symlink()] if files.is_dir() else []
    return (
        threading.active_count(),
        sorted(links),
        sorted(word for child in children for word in child.read_text().split()),
    )


def blocks() -> int:
    """The number of memory blocks that Python has allocated."""
    gc.collect()
    return sys.getallocatedblocks()


def others() -> set[asyncio.Task[Any]]:
    """All tasks except the calling one."""
    return {all_task for all_task in asyncio.all_tasks() if all_task is not asyncio.current_task()}


async def run(chosen: Scenario, stop: CancelToken | None = None) -> Measurement:
    async with simulated(chosen) as world:
        return await measure(settings_of(chosen), world, emit=lambda _: None, stop=stop or CancelToken())


async def somewhere(chance: random.Random, seconds: float) -> None:
    """Wait until a random point within a run of this length."""
    await asyncio.sleep(chance.uniform(0, seconds))
    for _ in range(chance.randrange(TURNS)):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("loop", "runs"),
    [
        pytest.param(
            asyncio.SelectorEventLoop, 50 if extent.everything() else 6, id="ordinary"
        ),  # each run waits for real milliseconds
        pytest.param(VirtualLoop, 1_000 if extent.everything() else 30, id="virtual"),
    ],
)
def test_many_runs_leave_nothing(loop: NewLoop, runs: int) -> None:
    chosen = scenarios.parse("quick", QUICK)

    async def often() -> None:
        for _ in range(WARM):
            await run(chosen)
        before, size = held(), blocks()
        for _ in range(runs):
            assert (await run(chosen)).run.complete
            assert not others()
        assert held() == before
        assert blocks() - size < SPARE  # if every run had a leak, this number would be larger

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(often())


@pytest.mark.parametrize("loop", LOOPS)
def test_cancelled_anywhere_a_run_leaves_nothing(loop: NewLoop) -> None:
    chosen = scenarios.load(HEALTHY)
    chance = random.Random(7)

    async def often() -> None:
        for _ in range(WARM):
            await run(chosen)
        length = (await run(chosen)).run.seconds
        before, size = held(), blocks()
        cut = 0
        for _ in range(CANCELLED):
            task = asyncio.get_running_loop().create_task(run(chosen))
            await somewhere(chance, length)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                cut += 1
            assert not others()
        assert cut  # not all, since some stops may come too late
        assert held() == before
        assert blocks() - size < 2 * SPARE  # twice, since the last run is still referenced

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(often())


@pytest.mark.parametrize("loop", LOOPS)
def test_stopped_anywhere_a_run_leaves_nothing(loop: NewLoop) -> None:
    """The test stops a run at random moments, as a signal does. The run then ends by itself, and every planned step has
    one observation."""
    chosen = scenarios.load(HEALTHY)
    chance = random.Random(11)

    async def often() -> None:
        for _ in range(WARM):
            await run(chosen)
        length = (await run(chosen)).run.seconds
        before, size = held(), blocks()
        for _ in range(CANCELLED):
            stop = CancelToken()
            task = asyncio.get_running_loop().create_task(run(chosen, stop))
            await somewhere(chance, length)
            stop.cancel("SIGTERM")
            ids = [observation.id for observation in (await task).observations]
            assert len({*ids}) == len(ids)
            assert not others()
        assert held() == before
        assert blocks() - size < 2 * SPARE  # twice, since the last run is still referenced

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(often())


@pytest.mark.virtual_clock
async def test_a_stop_that_is_pulled_after_the_end_changes_nothing() -> None:
    """A signal may arrive after the measurement has ended and before the document is written."""
    chosen = scenarios.load(HEALTHY)

    stop = CancelToken()
    measurement = await run(chosen, stop)
    stop.cancel("SIGTERM")
    assert measurement.run.complete
