"""Scenarios, run once and kept: what many tests look at from many sides."""

import asyncio
import shlex
from dataclasses import replace
from functools import cache

from agent.judge.evidence import Evidence
from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report.model import Measurement, Report
from agent.run.events import Event
from agent.run.runner import measure
from agent.simulated import scenario as scenarios
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated


def measured(chosen: Scenario, *, turn: int | None = None) -> tuple[Measurement, tuple[Event, ...]]:
    """Measure a scenario in memory: what was seen, and the events in the order in which they came. With a `turn`, as a
    cycle of a watch makes its signed calls."""
    events: list[Event] = []

    async def go() -> Measurement:
        async with simulated(chosen) as world:
            settings = replace(settings_of(chosen), turn=turn)
            return await measure(settings, world, emit=events.append, stop=CancelToken())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(go()), tuple(events)


@cache
def measurement_of(name: str) -> Measurement:
    """What the run of a scenario saw that comes with the program."""
    return measured(scenarios.load(name))[0]


@cache
def evidence_of(name: str) -> Evidence:
    """The evidence of a scenario that comes with the program."""
    return Evidence(measurement_of(name))


@cache
def report_of(name: str) -> Report:
    """The report of a scenario that comes with the program."""
    return judge(measurement_of(name))


def too_long(text: str, width: int = 80) -> list[str]:
    """The lines of a report that are longer than they had to be: a word of a command cannot be broken."""
    wide = (line for line in text.splitlines() if len(line) > width)
    return [line for line in wide if not (line.startswith("    ") and len(shlex.split(line.rstrip("\\"))) == 1)]
