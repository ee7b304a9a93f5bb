"""Runs each scenario once, and keeps the results for the many tests that check them."""

import asyncio
import contextlib
import os
import pickle
import shlex
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from agent.judge.evidence import Evidence
from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report.model import Measurement, Report
from agent.run.events import Event
from agent.run.runner import measure
from agent.settings import Calls
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated
from probes.model import Observation
from tests.support import scenarios

T = TypeVar("T")


def measured(
    chosen: Scenario, *, turn: int | None = None, standing: tuple[Observation[Any], ...] = ()
) -> tuple[Measurement, tuple[Event, ...]]:
    """Measure a scenario in memory. Returns the measurement, and the events in their order. `turn` is the number of a
    watch's cycle, which decides the signed calls to make. `standing` contains the answers of earlier cycles.
    """
    events: list[Event] = []

    async def go() -> Measurement:
        async with simulated(chosen) as world:
            settings = settings_of(chosen)
            if turn is not None and settings.calls is not Calls.NONE:
                settings = replace(settings, calls=Calls.ONE, turn=turn, standing_calls=standing)
            return await measure(settings, world, emit=events.append, stop=CancelToken())

    return in_virtual_time(go), tuple(events)


def in_virtual_time(
    go: Callable[[], Coroutine[Any, Any, T]], loop_factory: Callable[[], asyncio.AbstractEventLoop] = VirtualLoop
) -> T:
    """The result of a coroutine, run in a separate loop in virtual time, even while another loop runs. Use this for
    measurements that many tests share; mark a single async test with `virtual_clock` instead.
    """

    def run() -> T:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(go())

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    ended: list[T | BaseException] = []

    def keep() -> None:
        try:
            ended.append(run())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            ended.append(error)

    own = threading.Thread(target=keep)  # a thread can run only one loop
    own.start()
    own.join()
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


_shared: Path | None = None
"""The folder with the measurements that the worker processes of a session share, or None if the session has only one
process.
"""


def share(folder: Path) -> None:
    """Store measurements in this folder, from which all workers of the session read them."""
    global _shared
    _shared = folder
    folder.mkdir(exist_ok=True)


def kept(name: str, measure: Callable[[], Measurement]) -> Measurement:
    """The measurement with this name. The first worker that asks for it calls `measure`, and all workers share the
    result.
    """
    if _shared is None:
        return measure()
    place = _shared / f"{name}.pickle"
    with contextlib.suppress(FileNotFoundError):
        before: Measurement = pickle.loads(place.read_bytes())  # noqa: S301 - our own
        return before
    measurement = measure()
    unfinished = place.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(pickle.dumps(measurement))
    unfinished.replace(place)
    return measurement


@cache
def measurement_of(name: str) -> Measurement:
    """The measurement of a scenario that comes with the program."""
    return kept(name, lambda: measured(scenarios.load(name))[0])


@cache
def evidence_of(name: str) -> Evidence:
    """The evidence of a scenario that comes with the program."""
    return Evidence(measurement_of(name))


@cache
def report_of(name: str) -> Report:
    """The report of a scenario that comes with the program."""
    return judge(measurement_of(name))


def too_long(text: str, width: int = 80) -> list[str]:
    """The lines of a report that are longer than `width` and could be shorter. A line is as short as possible if it
    contains a word of a command that cannot be broken.
    """
    wide = (line for line in text.splitlines() if len(line) > width)
    return [line for line in wide if not (line.startswith("    ") and len(shlex.split(line.rstrip("\\"))) == 1)]
