"""Builds small packages that stand in for other packages, with the nfpm from packaging/requirements-build.txt."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml

from tests.packaging.artifacts import TOOLS, lacking

C_LIBRARY: Final = ("libc.so.6(GLIBC_2.17)(64bit)", "libgcc_s.so.1()(64bit)", "/bin/sh")
"""Dependencies of the rpm package. The root of a Debian system has these libraries, but its rpm does not
know of them.
"""


def stand_in(
    folder: Path,
    kind: str,
    name: str,
    version: str,
    architecture: str = "amd64",
    provides: Iterable[str] = (),
    content: str = "",
) -> Path:
    """Build a deb or rpm in `folder` with one file, whose content is `content`. The architecture is given by its name
    in Debian.
    """
    if not (TOOLS / "nfpm").exists():
        lacking("nfpm is not installed; run packaging/build packages")
    file = folder / f".{name}"
    file.write_text(content, "utf-8")
    described = {
        "name": name,
        "arch": architecture,
        "platform": "linux",
        "version": version,
        "version_schema": "none",
        "maintainer": "Tests <tests@localhost>",
        "description": f"Stands in for {name}",
        "license": "Apache-2.0",
        "provides": list(provides),
        "mtime": "2023-11-14T22:13:20Z",
        "contents": [{"src": str(file), "dst": f"/usr/share/{name}/content"}],
        "rpm": {"buildhost": "localhost"},
    }
    described_in = folder / f".{name}.yaml"
    described_in.write_text(yaml.safe_dump(described), "utf-8")
    before = set(folder.iterdir())
    command = [
        str(TOOLS / "nfpm"),
        "package",
        "--config",
        str(described_in),
        "--packager",
        kind,
        "--target",
        str(folder),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (made,) = set(folder.iterdir()) - before
    file.unlink()
    described_in.unlink()
    return made


def prepare_rpm(root: Path) -> None:
    """Make a Debian root in which rpm can install backuplink: rpm learns of the C library, and runs scripts although
    the root is not a mount point. The root also gets the folders that other packages have on an rpm system.
    """
    library = stand_in(root, "rpm", "c-library", "2.17", provides=C_LIBRARY)
    (root / "etc" / "rpm").mkdir(exist_ok=True)
    (root / "etc" / "rpm" / "macros").write_text("%__transaction_unshare %{nil}\n", "utf-8")
    command = ["chroot", str(root), "rpm", "--install", library.name]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    library.unlink()
    for folder in ("licenses", "zsh/site-functions", "fish/vendor_completions.d"):
        (root / "usr" / "share" / folder).mkdir(parents=True, exist_ok=True)
