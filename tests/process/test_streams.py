"""Every command is run with each of its three streams closed, full, or as a pipe whose reader is gone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from agent.formats import json as json_format
from tests.support import extent
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.runs import report_of

SECONDS: Final = 120.0
"""The limit in seconds for a call. Calls take far less time, so only a hanging call reaches it."""
OK, UNKNOWN = 0, 3
ARGUMENTS: Final = {
    "check": ("check", "--service", "no-such-service"),
    "demo": ("demo",),
    "list": ("demo", "--list"),
    "demo of a fault": ("demo", "private-dns-off"),
    "demo as ndjson": ("demo", "--format", "ndjson"),
    "watch": ("demo", "healthy", "--watch", "--cycles", "1"),
    "tui": ("tui",),
    "diagnose": ("diagnose", "{report}", "--format", "json"),
    "diff": ("diff", "{report}", "{report}"),
    "explain": ("explain", "TCP003"),
    "explain, slowly": ("explain", "tcp003"),
    "all codes": ("explain", "--format", "json"),
    "known text": ("explain", "--text", "Unable to locate credentials"),
    "text on stdin": ("explain", "--text", "-"),
    "endpoints": ("endpoints", "--region", "eu-west-1"),
    "permissions": ("permissions", "--format", "json"),
    "schema": ("schema",),
    "history": ("history", "{report}"),
    "bundle": ("bundle", "{report}", "--output", "{report}.tar.gz"),
    "case": ("bundle", "{report}", "--case"),
    "predict": ("predict", "--ec2-facts", f"{ROOT}/docs/examples/estate.json", "--format", "html"),
    "audit": ("audit", "--ec2-facts", f"{ROOT}/docs/examples/account.json", "--format", "csv"),
    "fleet": ("fleet", "{report}"),
    "facts": ("facts", "--vpc", "vpc-12345678", "--region", "no-region"),
    "version": ("--version",),
    "help": ("--help",),
    "usage": ("no-such-command",),
}
CODES: Final = {
    **dict.fromkeys(("check", "tui", "facts", "history", "usage", "text on stdin"), UNKNOWN),
    **dict.fromkeys(("demo of a fault", "predict", "audit"), 2),
}
"""The exit code of each command if all streams work. A command that is not in this table exits with OK."""
AT_ONCE: Final = {"list", "explain", "explain, slowly", "all codes", "endpoints", "permissions", "schema"}
"""Commands that only look something up. Their readers may stop at any point, since there is no verdict in the
output.
"""


@contextmanager
def unread() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


@contextmanager
def full() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def closed(number: int) -> Callable[[], None]:
    return lambda: os.close(number)


def call(name: str, report: Path, how: str, number: int) -> tuple[int, bytes, bytes]:
    """Run a command with one faulty stream; returns its exit code, stdout and stderr."""
    arguments = [word.format(report=report) for word in ARGUMENTS[name]]
    streams: dict[str, int | None] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with unread() as nobody, full() as device:
        if how != "closed":
            streams[("stdin", "stdout", "stderr")[number]] = nobody if how == "unread" else device
        elif number:
            streams[("stdin", "stdout", "stderr")[number]] = subprocess.DEVNULL
        done = subprocess.run(
            [sys.executable, "-m", "agent", *arguments],
            **streams,  # type: ignore[call-overload]
            cwd=ROOT,
            env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"},
            preexec_fn=closed(number) if how == "closed" else None,
            timeout=SECONDS,
            check=False,
        )
    return done.returncode, done.stdout or b"", done.stderr or b""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports") / "report.json"
    path.write_text(json_format.render(report_of("healthy")), "utf-8")
    return path


CASES: Final = [
    *((name, "closed") for name in ARGUMENTS),
    *((name, how) for name in ("demo", "watch", "explain", "list", "usage") for how in ("full", "unread")),
    *((name, "unread") for name in ("all codes", "explain, slowly", "endpoints", "permissions", "schema")),
]
"""The cases. Python treats a closed stream specially: the stream is None. Full and unread streams differ only in the
errno of a write.
"""


@pytest.mark.parametrize(("name", "how"), one_in(4, CASES))
def test_without_stderr_a_command_says_what_it_says_with_it(name: str, how: str, report: Path) -> None:
    code, out, _ = call(name, report, how, 2)
    assert code == CODES.get(name, OK)
    assert b"internal error" not in out
    assert out


@pytest.mark.parametrize(("name", "how"), CASES if extent.everything() else CASES[2::4])
def test_without_stdout_a_command_is_unknown(name: str, how: str, report: Path) -> None:
    """The command says why it failed, unless its reader ended early, as head(1) does. A command that makes no run still
    does its work.
    """
    code, _, err = call(name, report, how, 1)
    assert code == (OK if how == "unread" and name in AT_ONCE else UNKNOWN)
    assert b"Traceback" not in err
    assert b"internal error" not in err
    if CODES.get(name) != UNKNOWN:  # otherwise, the command has reported another reason
        assert err.count(b"Error: stdout cannot be written: ") == (how != "unread"), err


@pytest.mark.parametrize("name", ["demo", "diagnose", "watch", "tui"])
def test_without_stdin(name: str, report: Path) -> None:
    code, out, err = call(name, report, "closed", 0)
    assert code == CODES.get(name, OK)
    assert b"Traceback" not in err
    assert out


def test_a_closed_stdin_that_is_to_be_read_is_said(report: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "diagnose", "-", "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        preexec_fn=closed(0),
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == UNKNOWN
    assert "it is closed" in json.loads(done.stdout)["verdict"]["summary"]


def test_what_is_opened_never_gets_the_number_of_a_closed_stream() -> None:
    """If a socket got the descriptor 2, it would receive everything that a library writes to stderr."""
    code = (
        "import os; os.close(2); os.close(0)\n"
        "from agent.process.streams import occupy_closed_streams\n"
        "occupy_closed_streams()\n"
        "print([os.path.samestat(os.fstat(n), os.stat(os.devnull)) for n in (0, 2)], os.open('/', os.O_RDONLY) > 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout == "[True, True] True\n"
