"""Read the files of hashed requirements that `./dev lock` writes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A distribution, locked to one version."""

    requirement: Requirement
    """The requirement, with `==` and its marker."""
    hashes: frozenset[str]
    """The SHA-256 of each file that may be installed, in hexadecimal."""

    @property
    def name(self) -> NormalizedName:
        """The normalized name, for comparisons (PEP 503)."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The version after `==`."""
        (specifier,) = self.requirement.specifier
        return specifier.version

    def wanted_in(self, environment: dict[str, str]) -> bool:
        """Whether the distribution is installed if the marker variables (PEP 508) have these values."""
        return self.requirement.marker is None or self.requirement.marker.evaluate(environment)

    def line(self, hashes: list[str]) -> str:
        """The requirement as a line of a lock file, with these hashes."""
        return " \\\n    ".join([str(self.requirement), *(f"--hash=sha256:{digest}" for digest in hashes)])


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def read(file: Path) -> tuple[Locked, ...]:
    """Everything that a file locks, in the order of its lines. Raises ValueError if a line has no exact version or no
    hash."""
    requirements = []
    for line in _lines(file.read_text("utf-8")):
        requirement = Requirement(line.partition(" --hash=")[0].strip())
        hashes = frozenset(_HASH.findall(line))
        if not hashes or [specifier.operator for specifier in requirement.specifier] != ["=="]:
            raise ValueError(f"{file}: '{requirement}' is not locked to one version with hashes; run ./dev lock")
        requirements.append(Locked(requirement=requirement, hashes=hashes))
    return tuple(requirements)
