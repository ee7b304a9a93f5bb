"""Small packages that stand in for others, by nfpm of packaging/requirements-build.txt."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml

from tests.packaging.artifacts import TOOLS, lacking

C_LIBRARY: Final = ("libc.so.6(GLIBC_2.17)(64bit)", "libgcc_s.so.1()(64bit)", "/bin/sh")
"""What the rpm needs, and a root of Debian has without its rpm knowing."""


def stand_in(
    folder: Path,
    kind: str,
    name: str,
    version: str,
    architecture: str = "amd64",
    provides: Iterable[str] = (),
    content: str = "",
) -> Path:
    """A deb or rpm in `folder`, with one file that holds `content`. The architecture is Debian's name of it."""
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
    """Let the rpm of a root of Debian install backuplink there: it learns of the C library, and runs scripts though the
    root is not a mount point. Folders that on its own systems belong to other packages are made."""
    library = stand_in(root, "rpm", "c-library", "2.17", provides=C_LIBRARY)
    (root / "etc" / "rpm").mkdir(exist_ok=True)
    (root / "etc" / "rpm" / "macros").write_text("%__transaction_unshare %{nil}\n", "utf-8")
    command = ["chroot", str(root), "rpm", "--install", library.name]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    library.unlink()
    for folder in ("licenses", "zsh/site-functions", "fish/vendor_completions.d"):
        (root / "usr" / "share" / folder).mkdir(parents=True, exist_ok=True)
