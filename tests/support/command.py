"""Runs the command in a separate process, as a user does."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from tests.support.repository import ROOT

SECONDS: Final = 300.0
"""The limit in seconds after which a hanging process is killed. Even on a busy machine, a process needs far less time.
"""
AGENT: Final = (sys.executable, "-m", "agent")


def completed(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a process from the root of the repository until it ends, and return its output and its exit code.

    `options` are passed to subprocess.run. Raises subprocess.TimeoutExpired after SECONDS.
    """
    given: dict[str, Any] = {
        "cwd": ROOT,
        "capture_output": True,
        "text": True,
        "timeout": SECONDS,
        "check": False,
    } | options
    return subprocess.run(command, **given)


def agent(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m agent` with these arguments, as `completed` does."""
    return completed((*AGENT, *arguments), **options)
