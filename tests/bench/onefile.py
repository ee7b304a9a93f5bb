"""The cost of the one file, compared with the Python inside it, and with the wheel on a Python of the same version. The
file and the wheel must be built, and that Python must be installed.
"""

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.version import __version__
from tests.bench.promise import Benchmark, Figure, Promise, UnmeasuredError
from tests.bench.rivals import SEARCHED
from tests.bench.spent import Spent, cpu, in_turn, median, ratio, run, wall
from tests.support.repository import ROOT

ROUNDS: Final = 11
FILE: Final = ROOT / "dist" / f"backuplink-{__version__}-linux-{platform.machine()}.run"
WHEELS: Final = ROOT / "dist" / f"backuplink-{__version__}-wheelhouse-linux-{platform.machine()}.tar.gz"


@contextmanager
def _unpacked() -> Iterator[tuple[dict[str, str], Path]]:
    """The environment variables for processes that use the unpacked file, and the folder of that file. Raises
    UnmeasuredError if the file is not built.
    """
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
    """The cost of `--version` with the unpacked file, compared with a bare start of the Python in the file."""
    with _unpacked() as (environment, directory):
        bare = (str(directory / "bin" / "python"), "-I", "-S", "-B", "-c", "pass")
        rounds = in_turn(
            lambda: run(str(FILE), "--version", environment=environment),
            lambda: run(*bare, environment=environment),
            rounds=ROUNDS,
        )
    return _cpu_and_wall(rounds)


@contextmanager
def _installed(version: str) -> Iterator[Path]:
    """The path of the command, installed from the archive of wheels for this version of Python. Raises
    UnmeasuredError.
    """
    if not WHEELS.exists():
        raise UnmeasuredError(f"dist/ has no {WHEELS.name}: packaging/build python")
    if (python := shutil.which(f"python{version}", path=SEARCHED)) is None:
        raise UnmeasuredError(f"there is no python{version} here, which is that of the one file")
    with tempfile.TemporaryDirectory() as name, tarfile.open(WHEELS) as archive:
        folder = Path(name)
        archive.extractall(folder, filter="data")
        (wheels,) = folder.iterdir()
        subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
        pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index"]
        pip += ["--disable-pip-version-check", "--find-links", str(wheels), f"backuplink=={__version__}"]
        subprocess.run(pip, check=True)
        yield folder / "venv" / "bin" / "backuplink"


def demo() -> tuple[Figure, ...]:
    """The cost of a whole run in the simulated world with the file, compared with that of the wheel."""
    with _unpacked() as (environment, directory):
        asked = [
            str(directory / "bin" / "python"),
            "-I",
            "-S",
            "-c",
            "import sys; print('%d.%d' % sys.version_info[:2])",
        ]
        version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        with _installed(version) as program:
            rounds = in_turn(
                lambda: run(str(FILE), "demo", environment=environment, codes=(0, 1)),
                lambda: run(str(program), "demo", environment=environment, codes=(0, 1)),
                rounds=ROUNDS,
            )
    return _cpu_and_wall(rounds)


_BARE: Final = "its own Python -c pass"
_INSTALLED: Final = "the wheel, same Python version"
MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="one file, --version again, CPU", against=_BARE, limit=3),
            Promise(what="one file, --version again, wall", against=_BARE, limit=3),
        ),
        measure=version,
    ),
    Benchmark(
        promises=(
            Promise(what="one file, demo, CPU", against=_INSTALLED, limit=1.2),
            Promise(what="one file, demo, wall", against=_INSTALLED, limit=1.2),
        ),
        measure=demo,
    ),
)
