"""Runs the command in this process, and checks the promises that every document and exit code keep, whatever the input
is.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from agent.app.publish import REPORT, Kind
from agent.cli import entry
from agent.formats.registry import DEFAULT_FORMAT
from agent.report import exits
from agent.report.model import Status
from tests.formats.readers import READERS
from tests.support.refusals import reason_in

_INTERNAL: Final = ("internal error", "Traceback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A call that has ended."""

    code: int
    out: str
    err: str


class Command:
    """Runs the command in a separate folder, to which relative paths refer."""

    def __init__(self, folder: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._captured = captured

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Done:
        with pytest.MonkeyPatch.context() as inside:
            for name, value in (environment or {}).items():
                inside.setenv(name, value)
            code = entry.run(arguments)
        out, err = self._captured.readouterr()
        return Done(code=code, out=out, err=err)

    def file(self, name: str, content: bytes) -> str:
        """The path of a file with this content."""
        path = self.folder / name
        path.write_bytes(content)
        return os.fspath(path)


def assert_is_plain(text: str) -> None:
    """Assert that the lines are printable ASCII, without control characters."""
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def assert_refused(done: Done, kind: Kind, wanted: str) -> None:
    """Assert that the call wrote one line to stderr, and one valid document of its kind with the same message."""
    assert_reason(done)
    assert done.code == exits.UNKNOWN
    if kind is REPORT or wanted not in ("json", "html"):
        assert_documented(done, wanted)
    else:
        assert reason_in(kind, done.out, wanted) == done.err.removeprefix("Error: ").removesuffix("\n")


def assert_documented(done: Done, wanted: str = DEFAULT_FORMAT, fail_on: str = "warning") -> None:
    """Assert that the call left one valid document of the format `wanted`, an exit code that agrees with the document,
    and at most one line on stderr, which says why the command refused its input.
    """
    assert done.code in (exits.OK, exits.WARNING, exits.CRITICAL, exits.UNKNOWN)
    assert_reason(done)
    READERS[wanted].holds(done.out)
    status = READERS[wanted].status(done.out)
    if done.err:
        assert done.code == exits.UNKNOWN
        assert status == "unknown"
    elif wanted == "nagios":  # its status word agrees with its exit code
        assert exits.of_status(Status(status)) == done.code
    else:
        assert exits.of_verdict(Status(status), fail_on) == done.code


def assert_reason(done: Done) -> None:
    """Assert that stderr is empty, or has one plain line that says why the exit code is 3."""
    assert done.err == "" or (done.err.startswith("Error: ") and done.code == exits.UNKNOWN), done.err
    assert done.err.count("\n") == bool(done.err)
    assert len(done.err) <= 1_000
    assert done.err.removesuffix("\n").isprintable()
    assert not any(word in done.err for word in _INTERNAL), done.err
