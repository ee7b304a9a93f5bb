"""Set-ups of other vendors' software: the tests of this folder run them, and docs/development/compatibility.md lists
them.

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
    """A set-up of one software package."""

    package: str
    """A package of `packages.txt`. The page shows its version."""
    name: str
    """The set-up in words, as the page shows it."""
    result: str = ""
    """The result in words, as the page shows it."""

    def __str__(self) -> str:
        return f"{self.package}: {self.name}"

    def missing(self) -> str | None:
        """Why the set-up is not possible here, or None if it is."""
        try:
            software.listed()[self.package].path()
        except software.MissingError as error:
            return str(error)
        return None


@dataclass(frozen=True, kw_only=True)
class InVpc(Setup):
    """Other vendors' software in a VPC in which the program runs."""

    toml: str
    """The scenario, as a file of `agent.simulated.scenarios`. The software uses the scenario's resolvers and services;
    `expect` lists the findings that the program must make with this software in place.
    """
    start: Callable[[World], object]
    """Starts the software, after the VPC is built."""
    places: tuple[str, ...] = ()
    """The addresses of the software's servers in the network, each as `ADDRESS PORT`."""

    def __post_init__(self) -> None:
        """Derive `result` from the expected findings."""
        expect = parse(self.name, self.toml).expect
        codes = dict.fromkeys(finding.partition("@")[0] for finding in expect.findings)
        object.__setattr__(self, "result", ": ".join(filter(None, (expect.status, ", ".join(codes)))))

    def missing(self) -> str | None:
        return namespaces_missing() or super().missing()

    @property
    def expected(self) -> tuple[str, ...]:
        """The value that `found` must return."""
        expect = parse(self.name, self.toml).expect
        return (f"{expect.status}, {expect.path}", *expect.findings)

    def found(self, folder: Path) -> tuple[str, ...]:
        """Run the program in the set-up, with files in `folder`; returns the verdict, and the findings in
        their order.
        """
        with world(self.name, self.toml, folder, places=self.places) as built:
            self.start(built)
            ended = built.check()
        verdict = ended.report.verdict
        return (f"{verdict.status}, {verdict.path}", *ended.findings)


def scenario(
    name: str, vpc: str, verdict: tuple[str, str], findings: Sequence[str], *, run: str = "", timeout: float = 3.0
) -> str:
    """The file of a scenario. `vpc` is everything except the run and the expected results. `verdict` is the expected
    status and path, and `findings` are the expected ids of findings, in their order. `run` has further lines for the
    table of the run. If the set-up fails because something does not answer, `timeout` should be short.
    """
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
    """Why network namespaces are not possible here, or None if they are."""
    why = missing()
    if why is None:
        ready()
    return why


def every() -> tuple[Setup, ...]:
    """The set-ups of all modules of this folder."""
    modules = sorted(file.stem for file in Path(__file__).parent.glob("test_*.py"))
    of_modules = (getattr(importlib.import_module(f"tests.peers.{module}"), "SETUPS", ()) for module in modules)
    return tuple(setup for setups in of_modules for setup in setups)
