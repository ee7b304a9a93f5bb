"""Runs in a simulated VPC: no root, no AWS, no network."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent.app.errors import RequestError
from agent.process.output import to_stderr
from agent.settings import InterfaceOptions, ReportOptions, Settings, Watching, Workload
from agent.simulated import scenario_files as scenarios
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
        import difflib

        near = difflib.get_close_matches(str(name), scenario_names(), n=1)
        hint = f". Did you mean {near[0]}?" if near else ""
        raise RequestError(f"There is no scenario {name!r}; --list names them{hint}") from error


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
    """Simulated VPCs of which each run meets the next one, on the clock of the loop that measures them."""

    scenario: Scenario
    is_virtual: bool | None = None
    """Whether time leaps over every wait. Decided by the first settings of the watch; None before."""
    _started: float | None = None
    """When the simulation started, by the loop's clock."""
    _turns: "itertools.cycle[Scenario]" = field(init=False)

    def __post_init__(self) -> None:
        self._turns = itertools.cycle((self.scenario, *map(scenarios.load, self.scenario.turns)))

    @property
    def loop_factory(self) -> "Callable[[], asyncio.AbstractEventLoop] | None":
        """Makes the loop that the watch runs in."""
        from agent.simulated.clock import PatientLoop

        return PatientLoop if self.is_virtual else None

    def now(self) -> datetime:
        """The time in the simulation."""
        return simulated_settings.EPOCH + timedelta(seconds=asyncio.get_running_loop().time() - self._start())

    async def measure(self, settings: Settings, emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
        """Measure the next one once."""
        from agent.run.runner import measure
        from agent.simulated.world import simulated

        async with simulated(next(self._turns), self._start()) as world:
            return await measure(settings, world, emit=emit, stop=stop)

    def _start(self) -> float:
        if self._started is None:
            self._started = asyncio.get_running_loop().time()
        return self._started


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


def show_scenario(
    scenario: Scenario,
    watching: Watching,
    options: ReportOptions,
    interface: InterfaceOptions,
    received_signals: list[str],
    *,
    is_watch: bool,
) -> int:
    """Show runs in simulated VPCs of which each meets the next one, which `is_watch` repeats from the start on. Returns
    the exit code, as `show` does."""
    from agent.app.show import live, show

    source = live(
        f"simulated VPC: {scenario.name}",
        simulated_settings.settings_of(scenario),
        SimulatedTurns(scenario).measure,
        options,
        watching,
        received_signals,
        is_watch=is_watch,
        is_simulated=True,
    )
    return show(source, options, interface, received_signals)


def config_of_turns(turns: SimulatedTurns, watching: Watching, options: ReportOptions) -> "WatchConfig":
    """What a watch over simulated VPCs does. Raises RequestError where a watch in virtual time cannot do it."""
    from agent.app.watch_job import watch_config

    needs = _needs_time_of_host(watching)
    if turns.is_virtual and needs is not None:
        raise RequestError(f"This watch runs in simulated time, and {needs}; start it again")
    turns.is_virtual = needs is None if turns.is_virtual is None else turns.is_virtual
    return watch_config(simulated_settings.settings_of(turns.scenario), watching, options, turns.measure)


def _needs_time_of_host(watching: Watching) -> str | None:
    """Why a watch over simulated VPCs must run in the time of this host; None where it need not. What asks
    the watch or is told by it lives in that time, and a watch without an end would fill a disk within the hour."""
    if watching.cycles is None:
        return "without --cycles a watch runs in the time of this host"
    outlets = {"--listen": watching.listen, "--on-change": watching.on_change, "--notify": watching.notify}
    names = [name for name, value in outlets.items() if value is not None]
    return f"{names[0]} needs the time of this host" if names else None
