"""Lines of text to draw: spans with a tone, and with a key if the cursor can stand there."""

import textwrap
from collections.abc import Iterable
from enum import StrEnum

from agent.report.escape import visible
from probes.frozen import dataclass


class Tone(StrEnum):
    """The meaning of a span, drawn as a colour. The text says the same for terminals without colour."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    RUNNING = "running"
    UNKNOWN = "unknown"
    FOUND = "found"
    CURRENT = "current"
    """FOUND marks all places of the searched words on a page. CURRENT marks the current place."""


@dataclass(frozen=True, slots=True)
class Span:
    """Text of one tone. Foreign text is already escaped, so that each character takes one column."""

    text: str
    tone: Tone = Tone.PLAIN
    key: str | None = None
    """The position of the cursor when it is on this span."""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters for drawing that are not ASCII, or ASCII characters in place of them."""

    across: str
    down: str
    branch: str
    last: str
    full: str
    empty: str
    levels: str
    """Heights of a sparkline, lowest first."""
    tick: str
    """The sign on an axis beside a number."""
    above: str
    below: str
    """The sign for more content below."""
    steps: str
    """The characters that draw the steps of a lane in a chart, in the order of the steps."""


UNICODE = Glyphs(
    across="─",
    down="│",
    branch="├",
    last="└",
    full="█",
    empty="░",
    levels="▁▂▃▄▅▆▇█",
    tick="┤",
    above="▲",
    below="▼",
    steps="█▓▒░█",
)
ASCII = Glyphs(
    across="-",
    down="|",
    branch="+",
    last="+",
    full="#",
    empty=".",
    levels="_.-=+*%#",
    tick="+",
    above="^",
    below="v",
    steps="#=+:#",
)


CUT = "..."
"""Marks text that is cut off, in ASCII."""
_LEAST = 8
"""Minimum width of the text beside its indentation, unless the whole line is narrower."""


def width_of(line: Iterable[Span]) -> int:
    """Columns of a line."""
    return sum([len(span.text) for span in line])  # a generator takes twice as long for hundreds of lanes


def cut(line: Line, width: int) -> Line:
    """Return the line within `width` columns. A line that is cut ends in CUT."""
    if width_of(line) <= width:
        return line
    if len("".join(span.text for span in line).rstrip()) > width:
        kept = cut_words("".join(span.text for span in line), width)
    else:
        kept = "".join(span.text for span in line)[:width]
    spans: list[Span] = []
    at = 0
    for span in line:
        if at >= len(kept):
            break
        spans.append(Span(kept[at : at + len(span.text)], span.tone, span.key))
        at += len(span.text)
    return tuple(spans)


def cut_words(text: str, width: int) -> str:
    """Return the text within `width` columns, with CUT at its end if it is longer."""
    if len(text) <= width:
        return text
    return f"{text[: width - len(CUT)]}{CUT}" if width > len(CUT) else text[: max(width, 0)]


def wrapped(text: str, width: int, *, tone: Tone = Tone.PLAIN, first: str = "", later: str | None = None) -> list[Line]:
    """Return escaped text on as many lines of `width` columns as it needs; `first` and `later` indent the lines."""
    room = max(width - _LEAST, 0)
    lines = textwrap.wrap(
        visible(text),
        max(width, 1),
        initial_indent=first[:room],
        subsequent_indent=(first if later is None else later)[:room],
        break_on_hyphens=False,
    )
    return [(Span(line, tone),) for line in lines]
