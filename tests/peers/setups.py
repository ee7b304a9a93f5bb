"""Set-ups of software of others: what the tests of this folder meet, and what docs/development/compatibility.md lists.

Each module `test_NAME.py` here has a constant SETUPS, over which its tests are parametrised as `setup`.
"""

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.simulated.scenario import parse
from tests.netns.vpc import missing, ready
from tests.peers import software
from tests.peers.world import World, world


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One set-up of one package."""

    package: str
    """A package of `packages.txt`. The page shows its version."""
    name: str
    """What is set how, as the page shows it."""
    result: str = ""
    """What comes of it, as the page shows it."""

    def __str__(self) -> str:
        return f"{self.package}: {self.name}"

    def missing(self) -> str | None:
        """Why it cannot be met here; None where it can."""
        try:
            software.listed()[self.package].path()
        except software.MissingError as error:
            return str(error)
        return None


@dataclass(frozen=True, kw_only=True)
class InVpc(Setup):
    """Software of others in a VPC in which the program runs."""

    toml: str
    """The scenario, as a file of `agent.simulated.scenarios` has it. Its resolvers and services are those that the
    software finds; `expect` is what the program must find with the software between."""
    start: Callable[[World], object]
    """Starts it, once the VPC stands."""
    places: tuple[str, ...] = ()
    """`ADDRESS PORT` of what it serves in the network."""

    def __post_init__(self) -> None:
        """Take the result from what is expected."""
        expect = parse(self.name, self.toml).expect
        codes = dict.fromkeys(finding.partition("@")[0] for finding in expect.findings)
        object.__setattr__(self, "result", ": ".join(filter(None, (expect.status, ", ".join(codes)))))

    def missing(self) -> str | None:
        return namespaces_missing() or super().missing()

    @property
    def expected(self) -> tuple[str, ...]:
        """What `found` must give."""
        expect = parse(self.name, self.toml).expect
        return (f"{expect.status}, {expect.path}", *expect.findings)

    def found(self, folder: Path) -> tuple[str, ...]:
        """Run the program in the set-up, with files in `folder`: the verdict, and the findings in their order."""
        with world(self.name, self.toml, folder, places=self.places) as built:
            self.start(built)
            ended = built.check()
        verdict = ended.report.verdict
        return (f"{verdict.status}, {verdict.path}", *ended.findings)


def scenario(
    name: str, vpc: str, verdict: tuple[str, str], findings: Sequence[str], *, run: str = "", timeout: float = 3.0
) -> str:
    """The file of a scenario, of which `vpc` is all but the run and what it must find: a status and a path, and ids of
    findings in their order. `run` are further lines of its table. What fails by silence has a short `timeout`."""
    status, path = verdict
    return f"""
        summary = {json.dumps(name)}
        [run]
        timeout = {timeout}
        {run}
        {vpc}
        [expect]
        status = "{status}"
        path = "{path}"
        findings = {json.dumps(list(findings))}
    """


@cache
def namespaces_missing() -> str | None:
    """Why there can be no network namespaces here; None where there can."""
    why = missing()
    if why is None:
        ready()
    return why


def every() -> tuple[Setup, ...]:
    """The set-ups of all modules of this folder."""
    modules = sorted(file.stem for file in Path(__file__).parent.glob("test_*.py"))
    of_modules = (getattr(importlib.import_module(f"tests.peers.{module}"), "SETUPS", ()) for module in modules)
    return tuple(setup for setups in of_modules for setup in setups)
