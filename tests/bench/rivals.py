"""The programs with which backuplink is compared, and their installation on request.

The AWS CLI (version 1) is installed in a separate environment, since it pins a version of botocore. The others come
from the distribution.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = Path(__file__).parents[2] / ".venv-bench"
SEARCHED: Final = os.pathsep.join((os.defpath, "/usr/sbin", "/sbin"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A program with which backuplink is compared."""

    name: str
    package: str
    """The name of the package in Debian, or on PyPI if `python` is set."""
    python: bool = False

    def path(self) -> str:
        """The path of the program. Raises FileNotFoundError."""
        path = self._path()
        if path is None:
            raise FileNotFoundError(self.name)
        return path

    def is_there(self) -> bool:
        return self._path() is not None

    def _path(self) -> str | None:
        return shutil.which(self.name, path=str(ENVIRONMENT / "bin") if self.python else SEARCHED)


AWS: Final = Rival(name="aws", package="awscli", python=True)
EXPORTER: Final = Rival(name="prometheus-blackbox-exporter", package="prometheus-blackbox-exporter")
DIG: Final = Rival(name="dig", package="bind9-dnsutils")
NC: Final = Rival(name="nc", package="netcat-openbsd")
CURL: Final = Rival(name="curl", package="curl")
OPENSSL: Final = Rival(name="openssl", package="openssl")
RIVALS: Final = (AWS, EXPORTER, DIG, NC, CURL, OPENSSL)


def install() -> None:
    """Install missing programs. Raises subprocess.CalledProcessError, or FileNotFoundError if there is no apt."""
    missing = [rival for rival in RIVALS if not rival.is_there()]
    if any(rival.python for rival in missing):
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        packages = [rival.package for rival in missing if rival.python]
        subprocess.run([str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    if packages := [rival.package for rival in missing if not rival.python]:
        apt = shutil.which("apt-get", path=SEARCHED)
        if apt is None:
            raise FileNotFoundError("apt-get")
        subprocess.run([apt, "update", "--quiet"], check=True)
        subprocess.run([apt, "install", "--yes", "--quiet", "--no-install-recommends", *packages], check=True)
