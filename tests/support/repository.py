"""The root of this checkout, and calls of git in it."""

import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def git(tree: Path, *words: str, given: str = "") -> str:
    """Return the output of git, run without the configuration or the repository of the user who runs the tests."""
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *words]
    done = subprocess.run(
        command, cwd=tree, env=clean, input=given, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def tracked(tree: Path) -> list[str]:
    """The tracked files of a work tree, by their paths from its root, without files deleted there."""
    return [path for path in git(tree, "ls-files", "-z").split("\0") if path and (tree / path).is_file()]
