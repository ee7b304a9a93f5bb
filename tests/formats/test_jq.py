"""The examples in docs/jq.md: jq itself runs each of them, and the page must show jq's output."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from agent.cli import entry
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


@pytest.mark.parametrize(("line", "shown"), LINES, ids=range(len(LINES)))
def test_a_line_prints_what_the_page_shows(line: str, shown: str, folder: Path) -> None:
    program = shutil.which("jq")
    assert program is not None, "these tests need jq (Debian: package jq)"
    _, *arguments = shlex.split(line)
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown
    assert shown
