"""The words of commands, and which of them may be options."""

import ast
import re

import pytest

from agent.fixes import placeholders
from tests.support.repository import ROOT


@pytest.mark.parametrize("room", ["audit", "fixes", "judge", "network", "predict"])
def test_every_option_of_a_command_may_stand_in_it(room: str) -> None:
    """`_OPTIONS` must have every option that a rule uses. Any other option in a command becomes a placeholder."""
    option = re.compile(r"--?[a-zA-Z][a-zA-Z0-9-]*")
    for place in (ROOT / "agent" / room).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(place.read_text("utf-8"))))
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        words = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in parts]
        for word in words:
            assert not (isinstance(word, str) and option.fullmatch(word)) or word in placeholders._OPTIONS, (
                place,
                word,
            )
