"""Escape foreign text: names, certificates and answers come from others, and so may every word of a saved report."""

import re
from collections.abc import Iterable
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@")
"""Characters at the start of a cell that make a spreadsheet compute the cell (OWASP, CSV Injection)."""
_QUOTE: Final = '"'
_AFTER_A_SEMICOLON: Final = re.compile(r";(?=[\s\"']*[=+@-])")
"""The start of a cell for a spreadsheet that separates by semicolons, as Excel does in many countries."""


def visible(text: str) -> str:
    """`text` with everything that is not a printable character of ASCII written as an escape, so that untrusted text
    cannot move the cursor, or hide, widen or reorder what is shown."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isascii() and char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def spreadsheet_cell(text: str) -> str:
    """Return `text` for a cell of CSV: visible, and with an apostrophe in front if a spreadsheet would compute it."""
    shown = _AFTER_A_SEMICOLON.sub(";'", visible(text))
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def spreadsheet_line(cells: Iterable[str], end: str = "\n") -> str:
    """Return a line of CSV with each cell in quotation marks, so that no spreadsheet computes one."""
    return ",".join(f'"{spreadsheet_cell(cell).replace(_QUOTE, 2 * _QUOTE)}"' for cell in cells) + end
