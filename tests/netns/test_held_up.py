"""A host that delays the program, with real packets: the process is stopped and continued, or competes with more work
than the machine has processors. The program must neither report a fault that the network does not have, nor overlook a
real fault.
"""

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.verdict import judge
from agent.report.model import Status
from probes.model import STARVED
from tests.netns import program
from tests.netns.at_once import Runs
from tests.netns.sample import in_memory
from tests.netns.test_scenarios import chosen
from tests.netns.variants import VARIANTS
from tests.netns.vpc import vpc
from tests.support import extent, scenarios

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

FEW: Final = ("healthy", "one-zone-silent", "handshake-stalls")
"""The scenarios that run with each kind of delay. With `--everything`, NAMES has scenarios with every wire shape
instead.
"""
NAMES: Final = tuple(name for name in chosen() if name not in VARIANTS) if extent.everything() else FEW
RUNS_SECONDS: Final = 0.25
STOPPED_SECONDS: Final = 0.75
BUSY: Final = 9
"""The number of processes that only compute."""
BESIDE_BUSY_ONES: Final = NAMES[::8]
"""The scenarios that run beside busy processes. There are few, since each slows every other test on this machine for
seconds.
"""


@contextmanager
def stopped_at_times(process: subprocess.Popen[str]) -> Iterator[None]:
    """Keep a process stopped for most of the time while the block lasts."""
    over = threading.Event()

    def stop() -> None:
        while not over.wait(RUNS_SECONDS):
            process.send_signal(signal.SIGSTOP)
            over.wait(STOPPED_SECONDS)
            process.send_signal(signal.SIGCONT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        yield
    finally:
        over.set()
        stopping.join()


def make(name: str) -> program.Ended:
    """The run of a scenario by a process that is stopped again and again."""
    with (
        tempfile.TemporaryDirectory() as folder,
        vpc(name, scenarios.text(name)) as network,
        program.started(network, Path(folder)) as process,
        stopped_at_times(process),
    ):
        return program.ended(process, limit=10 * network.scenario.run.deadline + program.START_SECONDS)


def finds_what_is_there(name: str, ended: program.Ended) -> None:
    """Assert that the run has the scenario's findings, as far as it got. If the deadline came first, or if a step that
    the verdict needs had too little time, the report must say so, and the verdict must not be ok. If other steps had
    too little time, only findings of severity info may be missing.
    """
    expect, status = scenarios.load(name).expect, ended.report.verdict.status
    held_up = {"ENV015", "RUN001"} & set(ended.findings)
    if not held_up:
        failures = [observation.failure for observation in ended.report.observations if observation.failure is not None]
        lost = (
            set(expect.findings) - set(ended.findings) if STARVED in {failure.code for failure in failures} else set()
        )
        assert (status, ended.findings) == (
            expect.status,
            tuple(finding for finding in expect.findings if finding not in lost),
        )
        severities = {finding.id: finding.severity for finding in judge(in_memory(name)).findings}
        assert {severities[finding] for finding in lost} <= {Severity.INFO}
    else:
        assert status in (Status.UNKNOWN, expect.status)
        assert status is not Status.OK
        assert set(ended.findings) - held_up <= set(expect.findings)


@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_is_stopped_finds_what_is_there(name: str, runs: Runs[program.Ended]) -> None:
    finds_what_is_there(name, runs[name])


@pytest.fixture(scope="module")
def busy() -> Iterator[None]:
    """Run nine processes that only compute."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


if extent.everything():

    @pytest.mark.usefixtures("busy")
    @pytest.mark.parametrize("name", BESIDE_BUSY_ONES)
    def test_a_busy_host_finds_what_is_there(name: str) -> None:
        with tempfile.TemporaryDirectory() as folder, vpc(name, scenarios.text(name)) as network:
            finds_what_is_there(name, program.check(network, Path(folder)))
