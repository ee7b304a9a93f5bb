"""Escaping what others wrote: names, certificates and answers come from them, and in a saved report every word may."""

from typing import Final

_FORMULA: Final = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet computes (OWASP, CSV Injection)."""


def visible(text: str) -> str:
    """`text` with everything that is not a printable character of ASCII written as an escape, so that nothing untrusted
    can move the cursor, hide, widen or reorder what is shown."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isascii() and char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def spreadsheet_cell(text: str) -> str:
    """`text` for a cell of CSV: visible, and with an apostrophe in front where a spreadsheet would compute it."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
