"""The cost of processes, and ratios of two costs measured in turn."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from tests.support.repository import ROOT

METER: Final = Path(__file__).with_name("meter.py")
LIMIT_SECONDS: Final = 60.0
"""The default limit in seconds for one process; no process takes nearly as long on a machine in order."""
ROUNDS: Final = 7
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The cost of one run of a command."""

    cpu: float
    """The seconds of user and system time that the command used, including the children for which it waited."""
    wall: float
    """The seconds between the start and the end of the command."""
    peak: int
    """KiB of the largest process among them."""
    output: str
    code: int = 0
    """The command's exit code."""


def run(
    *words: str,
    environment: Mapping[str, str] | None = None,
    inside: Callable[..., list[str]] = lambda *words: list(words),
    codes: Collection[int] = (0,),
    seconds: float = LIMIT_SECONDS,
) -> Spent:
    """Run a command to its end and measure it. Raises RuntimeError if the exit code is not one of `codes`.

    `inside` turns a command into another that runs it elsewhere, such as in a namespace. The cost of this other command
    is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output")
        metered = inside(sys.executable, "-I", "-S", str(METER), str(output), *words)
        name = Path(words[0]).name
        try:
            done = subprocess.run(
                metered, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{name} did not end within {seconds:g} s") from error
        if done.returncode:
            raise RuntimeError(f"{name} could not be run: {done.stderr.strip()[-300:]}")
        code, cpu, wall, peak = done.stdout.split()
        text = output.read_text("utf-8", "replace")
        if int(code) not in codes:
            errors = Path(f"{output}.err").read_text("utf-8", "replace").strip() or text
            raise RuntimeError(f"{name} ended with {code}: {errors[-300:]}")
    return Spent(cpu=float(cpu), wall=float(wall), peak=int(peak), output=text, code=int(code))


def in_turn(*works: Callable[[], T], rounds: int = ROUNDS) -> list[tuple[T, ...]]:
    """Return the results of `works` in each round; a round calls each of them once. One more round before the others is
    not counted.
    """
    for work in works:
        work()
    return [tuple(work() for work in works) for _ in range(rounds)]


def ratio(rounds: Sequence[tuple[T, ...]], of: Callable[[T], float], *, first: int = 0, second: int = 1) -> float:
    """Return the median over the rounds of a ratio: `of` the work at index `first`, divided by `of` the work at index
    `second`.
    """
    return statistics.median(of(measured[first]) / of(measured[second]) for measured in rounds)


def median(rounds: Sequence[tuple[T, ...]], of: Callable[[T], float], place: int) -> float:
    """Return the median over the rounds of what `of` returns for the work at index `place`."""
    return statistics.median(of(measured[place]) for measured in rounds)


def cpu(spent: Spent) -> float:
    return spent.cpu


def wall(spent: Spent) -> float:
    return spent.wall


def peak(spent: Spent) -> float:
    return spent.peak
