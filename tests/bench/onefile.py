"""What the one file costs beside the Python that is in it, and beside the installed program. It must be built."""

import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.version import __version__
from tests.bench.promise import Figure, Measurement, Promise, UnmeasuredError
from tests.bench.spent import ROOT, Spent, cpu, in_turn, median, ratio, run, wall
from tests.netns.program import PROGRAM

ROUNDS: Final = 11
FILE: Final = ROOT / "dist" / f"backuplink-{__version__}-linux-{platform.machine()}.run"


@contextmanager
def _unpacked() -> Iterator[tuple[dict[str, str], Path]]:
    """The variables of processes that find it unpacked, and where. Raises UnmeasuredError where it is not built."""
    if not FILE.exists():
        raise UnmeasuredError(f"dist/ has no {FILE.name}: packaging/build onefile")
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.defpath, "HOME": "/nonexistent", "BACKUPLINK_HOME": home}
        done = subprocess.run([FILE, "--unpacked-to"], env=environment, capture_output=True, text=True, check=True)
        yield environment, Path(done.stdout.rstrip("\n"))


def _cpu_and_wall(rounds: Sequence[tuple[Spent, ...]]) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            ratio(rounds, of), f"{median(rounds, of, 0) * 1000:.0f} ms against {median(rounds, of, 1) * 1000:.0f} ms"
        )
        for of in (cpu, wall)
    )


def version() -> tuple[Figure, ...]:
    """`--version`, unpacked, beside a bare start of its own Python."""
    with _unpacked() as (environment, directory):
        bare = (str(directory / "bin" / "python"), "-I", "-S", "-B", "-c", "pass")
        rounds = in_turn(
            lambda: run(str(FILE), "--version", environment=environment),
            lambda: run(*bare, environment=environment),
            rounds=ROUNDS,
        )
    return _cpu_and_wall(rounds)


def demo() -> tuple[Figure, ...]:
    """A whole run, in the simulated world, beside the same of the program that pip installed."""
    with _unpacked() as (environment, _):
        rounds = in_turn(
            lambda: run(str(FILE), "demo", environment=environment, codes=(0, 1)),
            lambda: run(str(PROGRAM), "demo", environment=environment, codes=(0, 1)),
            rounds=ROUNDS,
        )
    return _cpu_and_wall(rounds)


_BARE: Final = "its own Python -c pass"
_INSTALLED: Final = "the program installed by pip"
MEASUREMENTS: Final = (
    Measurement(
        promises=(
            Promise(what="one file, --version again, CPU", against=_BARE, limit=4),
            Promise(what="one file, --version again, wall", against=_BARE, limit=4),
        ),
        measure=version,
    ),
    Measurement(
        promises=(
            Promise(what="one file, demo, CPU", against=_INSTALLED, limit=1.2),
            Promise(what="one file, demo, wall", against=_INSTALLED, limit=1.2),
        ),
        measure=demo,
    ),
)
