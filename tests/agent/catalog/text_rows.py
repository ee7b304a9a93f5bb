"""The patterns, codes and services of each known text. `./dev golden` writes them, so that a diff shows a lost row."""

from pathlib import Path
from typing import Final

from agent.catalog.known_texts import KNOWN_TEXTS, KnownText

FILE: Final = Path(__file__).with_name("text_rows.txt")


def text_rows() -> str:
    """Each known text with its patterns, in the order of the table."""
    return "".join(map(_rows, KNOWN_TEXTS))


def _rows(known: KnownText) -> str:
    rows = [f"{known.id}: {known.nearness.name}, {' '.join((*known.codes, *known.services)) or 'no finding'}"]
    rows += (f"  {pattern}" for pattern in known.patterns)
    rows += (f"  unless {text}" for text in known.unless)
    return "\n".join(rows) + "\n"
