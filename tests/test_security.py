"""Each promise of SECURITY.md names the tests that prove it."""

import ast
import re
from typing import Final

import pytest

from tests.support.repository import ROOT

PAGE: Final = (ROOT / "SECURITY.md").read_text("utf-8")
HEAD: Final = "| promise: what is protected, from whom | how it is held | test |"
ROWS: Final = [
    line for line in PAGE.partition(HEAD)[2].partition("\n\n")[0].splitlines() if line.startswith("| ") and line != HEAD
]


def test_the_table_has_rows() -> None:
    assert len(ROWS) >= 24
    assert PAGE.count(HEAD) == 1


@pytest.mark.parametrize("row", ROWS, ids=[row[2:50] for row in ROWS])
def test_no_row_without_a_test(row: str) -> None:
    promise, how, tests = row.removeprefix("| ").removesuffix(" |").split(" | ")
    assert promise
    assert how
    names = re.findall(r"`([^`]+)`", tests)
    assert names
    assert ", ".join(f"`{name}`" for name in names) == tests
    for name in names:
        file, _, function = name.partition("::")
        source = (ROOT / file).read_text("utf-8")
        functions = {
            node.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        }
        assert functions, f"{file} has no tests"
        assert not function or function in functions, name
