"""Hostile peers behind real sockets: the installed program must end in time with a complete and small report, and the
peers must not influence its verdict.
"""

import errno
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from agent.report import codec, exits
from agent.report.model import Report, Status
from tests.hostile import cases
from tests.netns import program
from tests.netns.at_once import Runs
from tests.netns.vpc import Vpc, vpc
from tests.support.extent import one_in

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

ALWAYS: Final = ("deadline", "name-circle", "names", "reset-at-once")
"""Cases that run in every selection."""
ALL: Final = tuple(name for name in cases.NAMES if "namespaces" in cases.scenario(name).worlds)
NAMES: Final = tuple(name for name in ALL if name in {*one_in(8, ALL), *ALWAYS})
"""A part of the cases. The same code serves the peers in memory, and all cases run there."""
OF_THIS_SYSTEM: Final = frozenset({"names", "reset-at-once"})
"""Cases in which a run may report another failure than in memory, although the bytes are the same. The C library
accepts some answers that this program refuses, and has one error for several failures. An immediate reset may arrive
before or after the program sees the connection as established.
"""
OVERTIME_SECONDS: Final = 20.0
"""The time in seconds by which a run may exceed its deadline on a busy machine. In memory, where the clock is virtual,
no run exceeds its deadline.
"""
HUNG_SECONDS: Final = 30.0
"""Seconds after which a process that still runs is killed."""
PEAK: Final = cases.FOLDER / "peak.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """A run that hostile peers could not stop."""

    report: Report
    document: str
    errors: str
    seconds: float
    """The seconds from the start of the process to its end."""
    peak_bytes: int


def longest(name: str) -> float:
    """The maximum time of the whole process in seconds."""
    return cases.scenario(name).run.deadline + OVERTIME_SECONDS + program.START_SECONDS


def make(name: str) -> Survived:
    """Make one run of a case, for all tests of this case."""
    with tempfile.TemporaryDirectory() as text, vpc(name, cases.toml(name)) as network:
        folder = Path(text)
        (folder / "home").mkdir()
        words = (str(program.PROGRAM), "check", *program.options(network.scenario.run))
        began = time.monotonic()
        done = subprocess.run(
            network.on_host(sys.executable, str(PEAK), str(folder / "peak"), *words),
            cwd=folder / "home",
            env=program.environment(network, folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=longest(name) + HUNG_SECONDS,
            check=False,
        )
        seconds = time.monotonic() - began
        return Survived(
            report=codec.decode(json.loads(done.stdout)),
            document=done.stdout,
            errors=done.stderr,
            seconds=seconds,
            peak_bytes=int((folder / "peak").read_text("ascii")),
        )


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_THIS_SYSTEM))
def test_finds_what_it_must_and_nothing_else(name: str, runs: Runs[Survived]) -> None:
    assert cases.actual(runs[name].report) == cases.expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_run_is_whole_small_and_in_time(name: str, runs: Runs[Survived]) -> None:
    run = runs[name]
    cases.assert_harmless(run.report)
    assert run.document.replace("\n", "").isprintable()
    assert run.errors == ""
    assert run.report.run.complete is not cases.ends_early(name)
    assert run.report.run.seconds <= cases.scenario(name).run.deadline + OVERTIME_SECONDS
    assert run.seconds <= longest(name)
    assert run.peak_bytes < cases.MAX_MEMORY_BYTES


@pytest.mark.parametrize("name", sorted(set(NAMES) & set(cases.SHOWN) - OF_THIS_SYSTEM))
def test_each_peer_is_known_for_what_it_did(name: str, runs: Runs[Survived]) -> None:
    assert cases.shown(runs[name].report) == cases.SHOWN[name]


@pytest.mark.parametrize("name", sorted(set(NAMES) & set(cases.METADATA)))
def test_metadata_is_believed_as_far_as_it_is_good(name: str, runs: Runs[Survived]) -> None:
    assert cases.metadata(runs[name].report) == cases.METADATA[name]


def test_a_deadline_shorter_than_any_step_ends_a_run(runs: Runs[Survived]) -> None:
    """The run ends in time, like every run above, although the peer keeps sending slowly and the step's timeout is
    longer than the deadline.
    """
    run = runs["deadline"].report
    assert cases.scenario("deadline").run.timeout > longest("deadline")
    assert not run.run.complete
    assert run.verdict.status is not Status.OK


@pytest.mark.parametrize("name", sorted(OF_THIS_SYSTEM))
def test_is_critical_under_whatever_name(name: str, runs: Runs[Survived]) -> None:
    assert runs[name].report.verdict.status is Status.CRITICAL


def test_what_resolvers_say_to_this_program_itself_is_as_in_memory(runs: Runs[Survived]) -> None:
    assert asked(runs["names"].report) == asked(cases.report_of("names"))


def asked(report: Report) -> dict[str, object]:
    """For each resolver, the kind of failure with which one of the program's own queries ended, if it failed."""
    observations = (observation for observation in report.observations if observation.subject.resolver is not None)
    return {observation.id: observation.failure and observation.failure.kind for observation in observations}


def test_thousands_of_addresses_from_the_library_are_not_measured(runs: Runs[Survived]) -> None:
    observations = {observation.id: observation for observation in runs["names"].report.observations}
    lookup = observations["dns/backup@thousands.example.com/getaddrinfo"]
    assert lookup.failure is not None  # the GNU library returns all addresses, other libraries return none
    assert [observation for observation in observations if observation.startswith("tcp/backup@thousands.")] == []


# --- What a person watches -------------------------------------------------------------------------------------------

TALKING: Final = ("certificates-texts", "certificates-texts-trusted", "http-texts")
"""Cases in which findings quote texts with control codes for a terminal."""
PROGRESS: Final = r"(?:\r[0-9]+ of [0-9]+ checks, [0-9.]+ of at most [0-9.]+ s *)+\r {60}\r"
"""The progress line, which is rewritten at each update and cleared at the end."""
DOCUMENT: Final = (
    r"\x1b\[1;3[0-9]m[A-Z]+\x1b\[0m(?P<rest>(?:[\x20-\x7e]|\r\n|\x1b\[(?:1;)?3[0-9]m[\x20-\x7e]+\x1b\[0m)+)"
)
"""The report on a terminal. Its first word is in colour, and so are some later words. pty(7) writes each line end as
two characters.
"""


@pytest.mark.parametrize("name", TALKING)
def test_no_peer_moves_anything_on_a_terminal(name: str) -> None:
    with tempfile.TemporaryDirectory() as text, vpc(name, cases.toml(name)) as network:
        output, code = on_terminal(network, Path(text))
    match = re.fullmatch(f"{PROGRESS}{DOCUMENT}", output)
    assert match is not None, ascii(output)
    assert "[2J" in match["rest"].replace("\r\n", "")
    assert code == exits.of_verdict(cases.scenario(name).expect.status, "warning")


@pytest.mark.parametrize("name", [*TALKING, "names"])
def test_no_peer_breaks_a_line_of_a_run_that_is_watched(name: str) -> None:
    with tempfile.TemporaryDirectory() as text, vpc(name, cases.toml(name)) as network:
        done = subprocess.run(
            called(network, "ndjson"),
            **surroundings(network, Path(text)),
            capture_output=True,
            timeout=longest(name) + HUNG_SECONDS,
            check=False,
        )
    assert done.stderr == b""
    assert re.fullmatch(rb"(?:[\x20-\x7e]+\n)+", done.stdout)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    # The deadline is only in output that is written during the run.
    assert lines[0]["deadline"] == network.scenario.run.deadline
    report = codec.decode({key: value for key, value in lines[-1].items() if key != "type"})
    cases.assert_harmless(report)
    kinds = [line["type"] for line in lines]
    observations, findings = len(report.observations), len(report.findings)
    assert kinds == ["run", *["observation"] * observations, *["finding"] * findings, "report"]


def called(network: Vpc, wanted: str) -> list[str]:
    """The command that makes the scenario's run on its host, and writes a document of this format."""
    options = (
        *program.options(network.scenario.run),
        "--format",
        wanted,
    )  # if `--format` is given twice, the second one applies
    return network.on_host(str(program.PROGRAM), "check", *options)


def surroundings(network: Vpc, folder: Path) -> dict[str, Any]:
    """The environment of the command: variables of a terminal with colours, and `folder` for its files."""
    (folder / "home").mkdir()
    environment = {**program.environment(network, folder), "TERM": "xterm-256color"}
    return {"cwd": folder / "home", "env": environment, "stdin": subprocess.DEVNULL}


def on_terminal(network: Vpc, folder: Path) -> tuple[str, int]:
    """All output of the program if stdout and stderr are the same terminal, and its exit code."""
    outer, inner = pty.openpty()
    with subprocess.Popen(
        called(network, "text"), **surroundings(network, folder), stdout=inner, stderr=inner
    ) as process:
        os.close(inner)
        watch = threading.Timer(longest(network.scenario.name) + HUNG_SECONDS, process.kill)
        watch.start()
        try:
            output = everything(outer)
            return output, process.wait(HUNG_SECONDS)
        finally:
            watch.cancel()
            process.kill()  # no effect on a process that has ended
            os.close(outer)


def everything(outer: int) -> str:
    """The output of a pseudo-terminal until its other end is closed."""
    parts: list[bytes] = []
    while True:
        try:
            parts.append(os.read(outer, 1 << 16))
        except OSError as error:
            if error.errno != errno.EIO:  # EIO: the other end is closed (pty(7))
                raise
            return b"".join(parts).decode("utf-8")
