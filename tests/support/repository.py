"""The root of this checkout, and calls of git in it."""

import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def git(tree: Path, *words: str, given: str = "") -> str:
    """The output of git in a work tree. git runs without the configuration of the user who runs the tests."""
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *words]
    done = subprocess.run(
        command, cwd=tree, env=clean, input=given, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def tracked(tree: Path) -> list[str]:
    """The tracked files of a work tree, as paths from its root. Files that are deleted in the work tree are
    left out.
    """
    return [path for path in git(tree, "ls-files", "-z").split("\0") if path and (tree / path).is_file()]
