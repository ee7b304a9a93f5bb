"""A whole check beside one call of the AWS CLI, in the same namespaces, in turn.

The CLI (version 1) is a package of its own and is installed on request, into an environment of its own, since it holds
botocore to a version.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.simulated import scenario as scenarios
from tests.netns import program
from tests.netns.vpc import Vpc, missing, vpc

ROOT = Path(__file__).parents[2]
RIVALS = ROOT / ".venv-bench"
SCENARIO = "gateway-healthy"
"""Two services at five addresses, all ports, two resolvers, signed calls."""
ROUNDS = 7


@dataclass(frozen=True)
class Spent:
    """What one run of a process cost."""

    cpu: float
    wall: float
    peak: int
    """Kilobytes of the largest process so far, as the kernel counts them."""


def install_rivals() -> None:
    """Install the AWS CLI beside the project."""
    subprocess.run([sys.executable, "-m", "venv", str(RIVALS)], check=True)
    subprocess.run([str(RIVALS / "bin" / "pip"), "install", "--quiet", "awscli"], check=True)


def compared() -> tuple[float, float] | str:
    """Median ratios of CPU and of wall time, check to one CLI call; or why they could not be measured."""
    if (why := missing()) is not None:
        return why
    cli = RIVALS / "bin" / "aws"
    if not cli.is_file():
        return "the AWS CLI is not installed here: ./dev bench --rivals"
    with tempfile.TemporaryDirectory() as folder, vpc(SCENARIO, scenarios.text(SCENARIO)) as made:
        (Path(folder) / "home").mkdir()
        environment = program.environment(made, Path(folder))
        run = made.scenario.run
        ours = made.on_host(str(program.PROGRAM), "check", *program.options(run))
        theirs = made.on_host(str(cli), "backup", "list-backup-vaults", "--region", run.region)
        ratios = _paired(lambda: _spent(made, ours, environment), lambda: _spent(made, theirs, environment))
    return statistics.median(cpu for cpu, _ in ratios), statistics.median(wall for _, wall in ratios)


def _paired(first: Callable[[], Spent], second: Callable[[], Spent]) -> list[tuple[float, float]]:
    first(), second()
    pairs = [(first(), second()) for _ in range(ROUNDS)]
    return [(a.cpu / b.cpu, a.wall / b.wall) for a, b in pairs]


def _spent(made: Vpc, command: list[str], environment: dict[str, str]) -> Spent:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Spent(cpu=cpu, wall=ended - began, peak=after.ru_maxrss)
