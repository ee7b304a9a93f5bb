"""Read the rows of a CSV file that people or other programs wrote."""

import csv
import io
from collections.abc import Iterator
from typing import Final

SEPARATORS: Final = ",;\t"
"""Possible separators. The first of them that occurs in a file's first row is the file's separator."""
MAX_CELL: Final = 256
"""Maximum length of a cell, which is the maximum length of a tag's value. The rest of a longer cell is left out."""


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with their line numbers, without empty rows and comments. Raises ValueError if the text is not
    CSV; the message completes a sentence that begins with the file's name."""
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
    """Return the first MAX_CELL characters of a cell, which is what documents show."""
    return cell if len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 1]}…"


def _first_line(text: str) -> str:
    lines = (line for line in io.StringIO(text) if line.strip() and not line.lstrip().startswith("#"))
    return next(lines, "")
