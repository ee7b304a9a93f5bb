"""The formats, byte for byte."""

import pytest

from tests.golden import FOLDER, HOSTILE, rendered


@pytest.mark.parametrize("name", rendered())
def test_format_is_as_it_was(name: str) -> None:
    assert rendered()[name] == (FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in rendered() if name.startswith("hard.")])
def test_nothing_foreign_reaches_a_terminal(name: str) -> None:
    content = rendered()[name]
    assert HOSTILE not in content
    assert content.translate({ord("\n"): "", ord("\t"): ""}).isprintable()
