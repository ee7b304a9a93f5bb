"""Runs in a simulated VPC: no root, no AWS, no network."""

import itertools
import time
from collections.abc import Callable
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent.app.errors import RequestError
from agent.process.output import to_stderr
from agent.settings import ReportOptions, Settings, Watching, Workload
from agent.simulated import scenario as scenarios
from agent.simulated import settings as simulated_settings
from agent.simulated.scenario import Scenario
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.process.cancel import CancelToken
    from agent.report.model import Measurement
    from agent.run.events import Event
    from agent.watch.config import WatchConfig


def scenario_names() -> tuple[str, ...]:
    """The names of all scenarios."""
    return tuple(scenarios.names())


def scenario_list() -> str:
    """Every scenario with its summary, one line each."""
    names = scenario_names()
    width = max(map(len, names))
    return "".join(f"{name:<{width}}  {scenarios.load(name).summary}\n" for name in names)


def load_scenario(name: str | None, workloads: tuple[Workload, ...] = ()) -> Scenario:
    """A scenario by its name, with these workloads where any is named; the healthy one where the name is None. Raises
    RequestError for an unknown name."""
    try:
        scenario = scenarios.load(scenarios.DEFAULT if name is None else name)
        return replace(scenario, run=replace(scenario.run, workloads=workloads)) if workloads else scenario
    except KeyError as error:
        raise RequestError(f"There is no scenario {name!r}; --list names them") from error


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated VPC in which runs are made, each from the same start."""

    scenario: Scenario

    @property
    def settings(self) -> Settings:
        """The settings of a run, as the scenario has them."""
        return simulated_settings.settings_of(self.scenario)

    async def measure(self, settings: Settings, emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
        """Measure once."""
        from agent.run.runner import measure
        from agent.simulated.world import simulated

        async with simulated(self.scenario) as world:
            return await measure(settings, world, emit=emit, stop=stop)


@dataclass(slots=True)
class SimulatedTurns:
    """Simulated VPCs of which each run meets the next one, in the time of this host."""

    scenario: Scenario
    _began: float = field(default_factory=time.monotonic)
    _turns: "itertools.cycle[Scenario]" = field(init=False)

    def __post_init__(self) -> None:
        self._turns = itertools.cycle((self.scenario, *map(scenarios.load, self.scenario.turns)))

    def now(self) -> datetime:
        """The time in the simulation."""
        return simulated_settings.EPOCH + timedelta(seconds=time.monotonic() - self._began)

    async def measure(self, settings: Settings, emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
        """Measure the next one once."""
        from agent.run.runner import measure
        from agent.simulated.world import simulated

        async with simulated(next(self._turns), self._began) as world:
            return await measure(settings, world, emit=emit, stop=stop)


def announce(scenario: Scenario) -> None:
    """Tell the user on stderr that this is a simulation, and which one."""
    to_stderr(f"Simulated VPC, scenario {scenario.name}: {scenario.summary}.\n")


def check_scenario(scenario: Scenario, options: ReportOptions, received_signals: list[str]) -> int:
    """Check a simulated VPC, in virtual time. Returns the exit code, as `check` does."""
    from agent.app.check import check
    from agent.simulated.clock import VirtualLoop

    announce(scenario)
    simulation = Simulation(scenario)
    return check(simulation.settings, simulation.measure, options, received_signals, loop_factory=VirtualLoop)


def show_scenario(scenario: Scenario, options: ReportOptions, received_signals: list[str]) -> int:
    """Show runs in a simulated VPC. Returns the exit code, as `show` does."""
    from agent.app.show import live, show

    simulation = Simulation(scenario)
    title = f"simulated VPC: {scenario.name}"
    source = live(title, simulation.settings, simulation.measure, options, is_simulated=True)
    return show(source, options, received_signals)


def config_of_turns(turns: SimulatedTurns, watching: Watching, options: ReportOptions) -> "WatchConfig":
    """What a watch over simulated VPCs does."""
    from agent.app.watch_job import watch_config

    return watch_config(simulated_settings.settings_of(turns.scenario), watching, options, turns.measure)
