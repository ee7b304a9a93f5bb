"""No spreadsheet evaluates a text from outside."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.report.escape import spreadsheet_line
from tests.support.extent import examples
from tests.support.repository import ROOT

SIGNS = ("=", "+", "-", "@")


def cells(line: str, separator: str) -> list[str]:
    """The cells that a spreadsheet sees if it uses this separator."""
    return [cell for row in csv.reader(io.StringIO(line), delimiter=separator) for cell in row]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "x;=1+1,x", "x; =1", 'x;"=1"', "x;;-1", "a;'@b", '"=1'],
)
def test_no_cell_is_a_formula(text: str, separator: str) -> None:
    line = spreadsheet_line(("first", text, "last"))
    assert [cell for cell in cells(line, separator) if cell.lstrip().startswith(SIGNS)] == []
    if separator == ",":
        assert len(cells(line, separator)) == 3


@settings(max_examples=examples(400), deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["=", "-", "@", "+", ";", ",", '"', "'", " ", "\t", "\n", "a"])).map("".join),
        min_size=1,
    )
)
def test_nor_is_one_of_any_texts(texts: list[str]) -> None:
    line = spreadsheet_line(texts)
    for separator in (",", ";"):
        assert [cell for cell in cells(line, separator) if cell.lstrip().startswith(SIGNS)] == []
    assert len(cells(line, ",")) == len(texts)


def test_every_cell_has_quotation_marks() -> None:
    assert spreadsheet_line(("a", "", 'b "c", d')) == '"a","","b ""c"", d"\n'
    assert spreadsheet_line(("a",), "\r\n") == '"a"\r\n'


def test_nothing_else_writes_csv() -> None:
    writers = [
        str(path.relative_to(ROOT))
        for folder in ("agent", "probes")
        for path in Path(ROOT, folder).rglob("*.py")
        if "csv.writer(" in path.read_text("utf-8")
    ]
    assert writers == []
