"""The formats, compared byte for byte."""

import pytest

from tests.golden import FOLDER, HOSTILE, rendered
from tests.support.sections import STALE


@pytest.mark.parametrize("name", rendered())
def test_format_is_as_it_was(name: str) -> None:
    file = FOLDER / name
    assert rendered()[name] == (file.read_text("utf-8") if file.exists() else None), STALE


def test_no_file_is_left_of_a_format_that_is_gone() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.suffix not in (".py", "")} == {*rendered()}, STALE


@pytest.mark.parametrize("name", [name for name in rendered() if name.startswith("hard") and "colour" not in name])
def test_nothing_untrusted_reaches_a_terminal(name: str) -> None:
    content = rendered()[name]
    assert HOSTILE not in content
    assert content.translate({ord("\n"): "", ord("\t"): ""}).isprintable()
