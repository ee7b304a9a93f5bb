"""Gather the wheels that backuplink needs on a host without a package mirror:

python packaging/tools/wheelhouse.py ARCHITECTURE WHEEL FOLDER

This fills FOLDER with WHEEL, with the wheels of packaging/requirements.txt for each Python of PYTHONS on Linux with
glibc >= 2.17, with a requirements.txt that has the hash of each wheel, and with INSTALL.txt.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from string import Template
from typing import Final

from packaging.utils import parse_wheel_filename

import lock

ROOT: Final = Path(__file__).parents[2]
PYTHONS: Final = ("3.11", "3.12", "3.13")
"""The versions of Python for which wheels are gathered. If a wheel is for several versions, it is taken only once."""
LOCK: Final = ROOT / "packaging" / "requirements.txt"


def environment(python: str, architecture: str) -> dict[str, str]:
    """The marker variables of CPython `python` on this kind of processor. The patch level is assumed to be 0."""
    return {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": architecture,
    }


def fetch(python: str, architecture: str, folder: Path) -> None:
    """Download the locked wheels for one Python into `folder`, by pip. Raises CalledProcessError if a wheel is missing.

    pip would evaluate markers for the Python in which it runs, so they are evaluated here.
    """
    wanted = [
        requirement for requirement in lock.read(LOCK) if requirement.wanted_in(environment(python, architecture))
    ]
    platforms = [f"--platform=manylinux{glibc}_{architecture}" for glibc in ("2014", "_2_17")]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        for requirement in wanted:
            hashes = (f"--hash=sha256:{known}" for known in sorted(requirement.hashes))
            listed.write(f"{requirement.name}=={requirement.version} {' '.join(hashes)}\n")
        listed.flush()
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms]
        subprocess.run([*command, f"--dest={folder}", f"--requirement={listed.name}"], check=True)


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def requirements(folder: Path) -> str:
    """The text of a requirements file that allows only the wheels in `folder`."""
    files: dict[str, list[str]] = {}
    versions: dict[str, str] = {}
    for file in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(file.name)
        files.setdefault(name, []).append(digest(file))
        versions[name] = str(version)
    lines = [
        requirement.line(sorted(files.pop(requirement.name)))
        for requirement in lock.read(LOCK)
        if requirement.name in files
    ]
    own = [
        f"{name}=={versions[name]} \\\n    " + " \\\n    ".join(f"--hash=sha256:{checksum}" for checksum in hashes)
        for name, hashes in files.items()
    ]
    return "\n".join([*own, *lines, ""])


def main(architecture: str, wheel: Path, folder: Path) -> None:
    """Fill `folder`, which must be empty or must not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for python in PYTHONS:
        fetch(python, architecture, folder)
    shutil.copy(wheel, folder)
    (folder / "requirements.txt").write_text(requirements(folder), "utf-8")
    _, version, _, _ = parse_wheel_filename(wheel.name)
    words = {
        "version": str(version),
        "architecture": architecture,
        "pythons": f"{', '.join(PYTHONS[:-1])} and {PYTHONS[-1]}",
        "python": PYTHONS[-1],
        "wheels": "\n".join(f"  {file.name}" for file in sorted(folder.glob("*.whl"))),
    }
    template = Template((ROOT / "packaging" / "python" / "INSTALL.txt").read_text("utf-8"))
    (folder / "INSTALL.txt").write_text(template.substitute(words), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
