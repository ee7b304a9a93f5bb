"""The examples in docs/jq.md: jq itself runs each of them, and the page must show jq's output."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from agent.cli import entry
from agent.report.codec import dumps, encode
from tests.hostile import cases
from tests.support.command import SECONDS
from tests.support.repository import ROOT

PAGE: Final = (ROOT / "docs/jq.md").read_text("utf-8")
LINES: Final = re.findall(r"^\$ (jq .*)\n((?:(?!\$ |```).*\n)*)", PAGE, re.MULTILINE)
"""Each command with its output."""
TO_TRY: Final = re.findall(r"^backuplink (.*)$", PAGE.partition("```sh\n")[2].partition("```")[0], re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page creates, by its own commands."""
    made = tmp_path_factory.mktemp("jq")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        for words in TO_TRY:
            assert entry.run(shlex.split(words)) in (0, 2)
    return made


def test_the_page_has_ten_answers_and_more() -> None:
    assert len(LINES) >= 10
    assert len(TO_TRY) == 4


@pytest.mark.parametrize("line", [line for line, _ in LINES if "history.json" not in line])
def test_no_line_writes_what_a_peer_says_to_the_terminal(line: str, tmp_path: Path) -> None:
    """The report has names of certificates that would clear the screen and set the title of the window."""
    hostile = dumps(encode(cases.report_of("certificates-texts")))
    for name in ("faults.json", "gateway.json"):
        (tmp_path / name).write_text(hostile, "ascii")
    done = jq(line, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(shown.isascii() and shown.isprintable() for shown in done.stdout.split("\n"))


def test_a_raw_line_would() -> None:
    """The report of the test above would change the terminal if its texts were written raw."""
    assert "\x1b" in cases.report_of("certificates-texts").verdict.summary


@pytest.mark.parametrize(("line", "shown"), LINES, ids=range(len(LINES)))
def test_a_line_prints_what_the_page_shows(line: str, shown: str, folder: Path) -> None:
    done = jq(line, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown
    assert shown


def jq(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the page in a folder."""
    program = shutil.which("jq")
    assert program is not None, "these tests need jq (Debian: package jq)"
    _, *arguments = shlex.split(line)
    return subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
