"""Scenarios, run once and kept: what many tests look at from many sides."""

import asyncio
from functools import cache

from agent.events import Event
from agent.evidence import Evidence
from agent.report import Report
from agent.runner import Stop, measure
from agent.simulated import scenario as scenarios
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario
from agent.simulated.world import simulated
from agent.verdict import judge


def measured(chosen: Scenario) -> tuple[Evidence, tuple[Event, ...]]:
    """Measure a scenario in memory: its evidence, and the events in the order in which they came."""
    events: list[Event] = []

    async def go() -> Evidence:
        async with simulated(chosen) as world:
            return await measure(chosen.settings(), world, emit=events.append, stop=Stop())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(go()), tuple(events)


@cache
def evidence_of(name: str) -> Evidence:
    """The evidence of a scenario that comes with the program."""
    return measured(scenarios.load(name))[0]


@cache
def report_of(name: str) -> Report:
    """The report of a scenario that comes with the program."""
    return judge(evidence_of(name))
