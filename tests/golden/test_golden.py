"""The formats, byte for byte."""

import pytest

from tests.golden import FOLDER, HOSTILE, rendered


@pytest.mark.parametrize("name", rendered())
def test_format_is_as_it_was(name: str) -> None:
    assert rendered()[name] == (FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize("name", ["hard.emf", "hard.json", "hard.prom", "hard.txt"])
def test_nothing_foreign_reaches_a_terminal(name: str) -> None:
    content = rendered()[name]
    assert HOSTILE not in content
    assert content.replace("\n", "").isprintable()
