"""The command in a process of its own, as a user runs it."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from tests.support.repository import ROOT

SECONDS: Final = 300.0
"""After which a process that hangs is killed: far above what any needs, however busy the machine is. It decides no
test."""
AGENT: Final = (sys.executable, "-m", "agent")


def completed(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a process from the root of the repository until it ends, and give its texts and its exit code.

    `options` are those of subprocess.run. Raises subprocess.TimeoutExpired after SECONDS.
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
