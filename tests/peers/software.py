"""Finds the other vendors' software that `packages.txt` lists: where it is on this machine, and which version it has.
The software is either installed, or unpacked below build/peers by `tests/peers/install`. An unpacked program runs in a
mount namespace in which the unpacked files are mounted over /usr, so that it finds its libraries and files.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

from tests.support.repository import ROOT

FILE: Final = Path(__file__).with_name("packages.txt")
_FOLDER: Final = ROOT / "build" / "peers"
UNPACKED: Final = _FOLDER / "root" / "usr"
"""The folder of unpacked files, which is mounted over /usr if it exists."""
_INDEXES: Final = {"pypi": "PyPI", "npm": "npm"}
_PATH: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class MissingError(Exception):
    """The software is not on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """One line of the list."""

    package: str
    """A package of Debian, `pypi:NAME` of the Python Package Index, or `npm:NAME` of npm's registry."""
    program: str
    """The program's name, or its path below /usr."""
    title: str
    """The title on the page, or a dash if the package only supports another package."""

    def path(self) -> str:
        """The path of the program once the unpacked files are mounted over /usr. Raises MissingError."""
        if "/" in self.program:
            places = (UNPACKED / self.program, Path("/usr", self.program))
        else:
            installed = shutil.which(self.program, path=_PATH)
            if installed is not None:
                return installed
            places = (UNPACKED / "sbin" / self.program, UNPACKED / "bin" / self.program)
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            index, _, name = self.package.rpartition(":")
            source = f"{_INDEXES[index]}: {name}" if index else f"Debian: package {name}"
            raise MissingError(f"there is no {self.title} here ({source}); tests/peers/install fetches it")
        return str(Path("/usr") / found.relative_to(UNPACKED) if found.is_relative_to(UNPACKED) else found)

    def version(self) -> str:
        """The version of the package. Raises MissingError."""
        self.path()
        if self.package in unpacked():
            return unpacked()[self.package]
        words = ["dpkg-query", "--show", "--showformat=${Version}", self.package]
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise MissingError(f"{self.title} is here, and no package {self.package} that says its version") from error


@cache
def unpacked() -> dict[str, str]:
    """The packages that were unpacked, with their versions."""
    file = _FOLDER / "versions"
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    return dict(cast("tuple[str, str]", line.split()) for line in lines)


@cache
def listed() -> dict[str, Software]:
    """The entries of the list, by package."""
    lines = (line.split(maxsplit=2) for line in FILE.read_text("ascii").splitlines())
    rows = (Software(package=line[0], program=line[1], title=line[2]) for line in lines if line and line[0] != "#")
    return {row.package: row for row in rows}
