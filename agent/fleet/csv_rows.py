"""The rows of a file of CSV that people or other programs wrote, which may hold anything."""

import csv
import io
from collections.abc import Iterator
from typing import Final

SEPARATORS: Final = ",;\t"
"""The first of them that the first row has is that of the file."""
MAX_CELL: Final = 256
"""Characters of a cell: as many as the value of a tag has. The rest is left out."""


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the number of its line, without those that are empty or comments. Raises ValueError where the
    text is not CSV, in words that follow the name of the file."""
    separator = next((mark for mark in SEPARATORS if mark in _first_line(text)), SEPARATORS[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: is not CSV: {error}") from error


def bounded(cell: str) -> str:
    """A cell of which a document says at most MAX_CELL characters."""
    return cell if len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 1]}…"


def _first_line(text: str) -> str:
    lines = (line for line in io.StringIO(text) if line.strip() and not line.lstrip().startswith("#"))
    return next(lines, "")
