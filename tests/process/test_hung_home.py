"""If the home folder never answers, every command still ends with a document, at its deadline or after a signal."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.validator import VALIDATOR

RUN: Final = ("--region", "eu-west-1", "--timeout", "1", "--deadline", "5")
COMMANDS: Final = {
    "a check": ("check", *RUN, "--format", "json"),
    "a check without signed calls": ("check", *RUN, "--no-api", "--format", "json"),
    "a check of a profile": ("check", *RUN, "--profile", "x", "--format", "json"),
    "a watch": ("watch", *RUN, "--cycles", "1", "--format", "ndjson"),
}


def why_not(folder: Path) -> str | None:
    """Why a file system that never answers cannot be mounted here, or None if it can."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.process.hung_home", str(folder), "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else None


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder on which a process mounts a file system that never answers."""
    if not Path("/dev/fuse").exists():
        pytest.skip("this kernel has no FUSE")
    folder = tmp_path_factory.mktemp("home")
    reason = why_not(folder)
    if reason is None:
        return folder
    if os.environ.get("BACKUPLINK_REQUIRE_NETNS") == "1":
        pytest.fail(f"BACKUPLINK_REQUIRE_NETNS is set, and no file system of FUSE can be mounted: {reason}")
    pytest.skip(f"no file system of FUSE can be mounted: {reason}")


@contextmanager
def started(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.process.hung_home", str(home), *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_with_a_document(name: str, home: Path) -> None:
    arguments = COMMANDS[name]
    with started(home, *arguments) as process:
        out, errors = process.communicate(timeout=SECONDS)
    assert "Traceback" not in errors
    assert process.returncode in (2, 3)
    if "ndjson" in arguments:
        (report,) = (line for line in map(json.loads, out.splitlines()) if line.pop("type") == "report")
    else:
        report = json.loads(out)
    VALIDATOR.validate(report)
    (settings,) = (each for each in report["observations"] if each["id"] == "host/sdk-settings")
    assert settings["status"] == "failed"
    assert settings["failure"]["kind"] in ("timeout", "deadline")


def test_a_signal_ends_the_wait_for_a_profile(home: Path) -> None:
    with started(home, *COMMANDS["a check of a profile"]) as process:
        until = time.monotonic() + SECONDS
        while not waits_for_a_file(process.pid):
            assert time.monotonic() < until, "it never reads the profile"
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=SECONDS)
    assert "Traceback" not in errors
    assert process.returncode == 143
    report = json.loads(out)
    VALIDATOR.validate(report)
    assert report["verdict"]["summary"] == "interrupted by SIGTERM"


def waits_for_a_file(process_id: int) -> bool:
    """Whether a thread of the process waits for the file system that never answers."""
    return any("fuse" in _waits_in(thread) for thread in Path(f"/proc/{process_id}/task").iterdir())


def _waits_in(thread: Path) -> str:
    """The kernel function in which a thread waits, or an empty text if the thread has ended since it was listed."""
    try:
        return thread.joinpath("wchan").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""
