"""Peers that mean harm behind real sockets: the installed program must end in time, whole, small and unmoved."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from agent import codec
from agent.report import Report, Status
from agent.verdict import judge
from tests.agent.runs import measured
from tests.hostile import cases
from tests.netns import program
from tests.netns.vpc import vpc

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

NAMES: Final = tuple(name for name in cases.NAMES if "namespaces" in cases.scenario(name).worlds)
OF_THIS_SYSTEM: Final = frozenset({"names", "reset-at-once"})
"""Where the same bytes may show as another failure: the C library takes some answers that this program refuses and has
one word for several others, and a reset at once may come before the connection is seen to stand or after."""
PEAK: Final = cases.FOLDER / "peak.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """A run among peers that mean harm."""

    report: Report
    document: str
    errors: str
    seconds: float
    peak_bytes: int


@cache
def survived(name: str) -> Survived:
    """One run for all that is asked of it."""
    with tempfile.TemporaryDirectory() as text, vpc(name, cases.toml(name)) as made:
        folder = Path(text)
        (folder / "home").mkdir()
        words = (str(program.PROGRAM), "check", *program.options(made.scenario.run))
        began = time.monotonic()
        done = subprocess.run(
            made.on_host(sys.executable, str(PEAK), str(folder / "peak"), *words),
            cwd=folder / "home",
            env=program.environment(made, folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=made.scenario.run.deadline + program.START_SECONDS,
            check=False,
        )
        return Survived(
            report=codec.decode(json.loads(done.stdout)),
            document=done.stdout,
            errors=done.stderr,
            seconds=time.monotonic() - began,
            peak_bytes=int((folder / "peak").read_text("ascii")),
        )


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_THIS_SYSTEM))
def test_finds_what_it_must_and_nothing_else(name: str) -> None:
    assert cases.found(survived(name).report) == cases.expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_run_is_whole_small_and_in_time(name: str) -> None:
    run = survived(name)
    cases.assert_harmless(run.report)
    assert run.document.replace("\n", "").isprintable()
    assert run.errors == ""
    assert run.report.run.complete
    assert run.report.run.seconds <= cases.scenario(name).run.deadline + 1.0
    assert run.peak_bytes < cases.MAX_MEMORY_BYTES


@pytest.mark.parametrize("name", sorted(set(NAMES) & set(cases.SHOWN) - OF_THIS_SYSTEM))
def test_each_peer_is_known_for_what_it_did(name: str) -> None:
    assert cases.shown(survived(name).report) == cases.SHOWN[name]


@pytest.mark.parametrize("name", sorted(OF_THIS_SYSTEM))
def test_is_critical_under_whatever_name(name: str) -> None:
    assert survived(name).report.verdict.status is Status.CRITICAL


def test_what_resolvers_say_to_this_program_itself_is_as_in_memory() -> None:
    assert asked(survived("names").report) == asked(judge(measured(cases.scenario("names"))[0]))


def asked(report: Report) -> dict[str, object]:
    """How each resolver answered this program itself."""
    looks = (each for each in report.observations if each.subject.resolver is not None)
    return {each.id: each.failure and each.failure.kind for each in looks}


def test_thousands_of_addresses_from_the_library_are_not_measured() -> None:
    looks = {each.id: each for each in survived("names").report.observations}
    lookup = looks["dns/backup@thousands.example.com/getaddrinfo"]
    assert lookup.failure is not None  # the GNU library gives them all, others give none
    assert [each for each in looks if each.startswith("tcp/backup@thousands.")] == []
