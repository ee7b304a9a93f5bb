"""Runs in a simulated VPC, without root, AWS or a network."""

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
    """Return the names of the scenarios that ship with the program."""
    return scenarios.names()


def scenario_list(word: str | None = None) -> str:
    """Return the scenarios that ship with the program, by area. With a word, return only scenarios that have the word
    in their area, name or summary, or a finding with this code. Raises RequestError if there is no such scenario."""
    areas = {area: _having(word, area, names) for area, names in scenarios.areas().items()}
    parts = [_area(area, chosen) for area, chosen in areas.items() if chosen]
    if not parts:
        raise RequestError(f"No scenario of the program has {word!r}; --list alone shows all scenarios")
    return "\n".join(parts)


def _having(word: str | None, area: str, names: tuple[str, ...]) -> list[Scenario]:
    chosen = [scenarios.load(name) for name in names]
    if word is None:
        return chosen
    wanted = word.lower()
    return [scenario for scenario in chosen if wanted in _words(scenario, area) or wanted in _codes(scenario)]


def _words(scenario: Scenario, area: str) -> str:
    return f"{area} {scenario.name} {scenario.summary}".lower()


def _codes(scenario: Scenario) -> set[str]:
    return {finding.partition("@")[0].lower() for finding in scenario.expect.findings}


def _area(area: str, chosen: list[Scenario]) -> str:
    width = max(len(scenario.name) for scenario in chosen)
    rows = [f"  {scenario.name:<{width}}  {scenario.summary}\n" for scenario in chosen]
    return "".join([f"{scenarios.AREAS[area]} ({area})\n", *rows])


def load_scenario(name: str | None, workloads: tuple[Workload, ...] = ()) -> Scenario:
    """Return the scenario with this name, or the healthy scenario if the name is None. If workloads are given, they
    replace the scenario's. Raises RequestError for an unknown name, or a name that only the repository has."""
    try:
        scenario = scenarios.load(scenarios.DEFAULT if name is None else name)
        return replace(scenario, run=replace(scenario.run, workloads=workloads)) if workloads else scenario
    except KeyError as error:
        raise RequestError(_why_not(str(name))) from error


def _why_not(name: str) -> str:
    """Return why there is no scenario of that name here."""
    if (path := scenarios.in_repository(name)) is not None:
        return (
            f"The scenario {name} does not ship with the program: it is {path} in the repository, where "
            f"`./dev demo {name}` runs it"
        )
    import difflib

    near = difflib.get_close_matches(name, scenarios.names(scenarios.SHIPPED, scenarios.CHECKOUT), n=1)
    return f"There is no scenario {name!r}; --list names them" + (f". Did you mean {near[0]}?" if near else "")


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated VPC. Each of its runs begins in the same state."""

    scenario: Scenario

    @property
    def settings(self) -> Settings:
        """Return the settings of a run for the scenario."""
        return simulated_settings.settings_of(self.scenario)

    async def measure(self, settings: Settings, emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
        """Measure once in the simulated VPC."""
        from agent.run.runner import measure
        from agent.simulated.world import simulated

        async with simulated(self.scenario) as world:
            return await measure(settings, world, emit=emit, stop=stop)


@dataclass(slots=True)
class SimulatedTurns:
    """A sequence of simulated VPCs, one for each run. Time in them is the clock of the loop in which they are
    measured."""

    scenario: Scenario
    is_virtual: bool | None = None
    """Whether time is virtual, so that no wait takes real time. The first settings of the watch decide this. None
    before they are read."""
    _started: float | None = None
    """Time at which the simulation started, by the loop's clock."""
    _turns: "itertools.cycle[Scenario]" = field(init=False)

    def __post_init__(self) -> None:
        self._turns = itertools.cycle((self.scenario, *map(scenarios.load, self.scenario.turns)))

    @property
    def loop_factory(self) -> "Callable[[], asyncio.AbstractEventLoop] | None":
        """The loop factory of the watch. None for a loop in real time."""
        from agent.simulated.clock import PatientLoop

        return PatientLoop if self.is_virtual else None

    def now(self) -> datetime:
        """Return the time in the simulation."""
        return simulated_settings.EPOCH + timedelta(seconds=asyncio.get_running_loop().time() - self._start())

    async def measure(self, settings: Settings, emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
        """Measure the next simulated VPC once."""
        from agent.run.runner import measure
        from agent.simulated.world import simulated

        async with simulated(next(self._turns), self._start()) as world:
            return await measure(settings, world, emit=emit, stop=stop)

    def _start(self) -> float:
        if self._started is None:
            self._started = asyncio.get_running_loop().time()
        return self._started


def announce(scenario: Scenario) -> None:
    """Say on stderr that this is a simulation, and name its scenario."""
    to_stderr(f"Simulated VPC, scenario {scenario.name}: {scenario.summary}.\n")


def check_scenario(scenario: Scenario, options: ReportOptions, received_signals: list[str]) -> int:
    """Check a simulated VPC in virtual time. Returns the exit code like `check`."""
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
    """Show runs, each in the next of these simulated VPCs. With `is_watch`, runs are repeated from the start. Returns
    the exit code like `show`."""
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
    """Return the configuration of a watch over simulated VPCs. Raises RequestError if it is not possible in virtual
    time."""
    from agent.app.watch_job import watch_config

    needs = _needs_time_of_host(watching)
    if turns.is_virtual and needs is not None:
        raise RequestError(f"This watch runs in simulated time, but {needs}; start the watch again for this")
    turns.is_virtual = needs is None if turns.is_virtual is None else turns.is_virtual
    return watch_config(simulated_settings.settings_of(turns.scenario), watching, options, turns.measure)


def _needs_time_of_host(watching: Watching) -> str | None:
    """Return why a watch over simulated VPCs must run in real time; None if virtual time is possible. Programs that
    call the watch, or that the watch calls, run in real time. An endless watch in virtual time would fill a disk within
    an hour."""
    if watching.cycles is None:
        return "without --cycles a watch runs in the time of this host"
    outlets = {"--listen": watching.listen, "--on-change": watching.on_change, "--notify": watching.notify}
    names = [name for name, value in outlets.items() if value is not None]
    return f"{names[0]} needs the time of this host" if names else None
