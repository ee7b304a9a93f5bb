"""All scenarios of the repository: the ones that ship with the program, and the ones for tests only."""

from functools import cache

from agent.simulated import scenario_files
from agent.simulated.scenario import Scenario, parse

__all__ = ["load", "names", "parse", "text"]


@cache
def names() -> tuple[str, ...]:
    """The names of all scenarios, sorted."""
    return scenario_files.names(scenario_files.SHIPPED, scenario_files.CHECKOUT)


@cache
def load(name: str) -> Scenario:
    """Load a scenario. The result is cached, since thousands of cases use it."""
    return scenario_files.load(name)


@cache
def text(name: str) -> str:
    """The text of a scenario's file."""
    return scenario_files.text(name)
