"""What is drawn, before anybody draws it: lines of words, each with a tone and, where a cursor can stand, a key."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent.formats.report_text import visible


class Tone(StrEnum):
    """How words are meant. A tone only adds to words: what it says, they say as well."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one tone. Everything foreign in `text` is escaped by now, so that a character is a column."""

    text: str
    tone: Tone = Tone.PLAIN
    key: str | None = None
    """What the cursor stands on when it is here."""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The few signs that are no letters."""

    across: str
    down: str
    branch: str
    last: str
    full: str
    empty: str
    levels: str
    """Of a sparkline, lowest first."""


UNICODE = Glyphs(across="─", down="│", branch="├", last="└", full="█", empty="░", levels="▁▂▃▄▅▆▇█")
ASCII = Glyphs(across="-", down="|", branch="+", last="+", full="#", empty=".", levels="_.-=+*%#")


CUT = "..."
"""The sign that there is more, which ASCII has, too."""
_LEAST = 8
"""Columns that words have beside what they are indented by, if there are as many."""


def width_of(line: Iterable[Span]) -> int:
    return sum(len(span.text) for span in line)


def cut(line: Line, width: int) -> Line:
    """The line within `width` columns; where words are cut off, it ends in CUT."""
    if len("".join(span.text for span in line).rstrip()) > width:
        kept = cut_words("".join(span.text for span in line), width)
    else:
        kept = "".join(span.text for span in line)[:width]
    found: list[Span] = []
    at = 0
    for span in line:
        if at >= len(kept):
            break
        found.append(Span(kept[at : at + len(span.text)], span.tone, span.key))
        at += len(span.text)
    return tuple(found)


def cut_words(text: str, width: int) -> str:
    """The text within `width` columns, with CUT at its end where it is longer."""
    if len(text) <= width:
        return text
    return f"{text[: width - len(CUT)]}{CUT}" if width > len(CUT) else text[: max(width, 0)]


def wrapped(text: str, width: int, *, tone: Tone = Tone.PLAIN, first: str = "", later: str | None = None) -> list[Line]:
    """Foreign or own words, escaped, on as many lines as they need."""
    room = max(width - _LEAST, 0)
    lines = textwrap.wrap(
        visible(text),
        max(width, 1),
        initial_indent=first[:room],
        subsequent_indent=(first if later is None else later)[:room],
        break_on_hyphens=False,
    )
    return [(Span(line, tone),) for line in lines]
