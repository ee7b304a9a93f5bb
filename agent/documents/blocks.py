"""A document for people, as a tree of blocks.

A builder for each kind of document makes the tree. `text.py`, `markdown.py` and `html.py` write any tree. Words in a
tree are as they came, also those of a stranger: the renderers alone escape, shorten and number.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from probes.frozen import dataclass

if TYPE_CHECKING:  # a text needs no XML
    from xml.etree.ElementTree import Element


class Medium(StrEnum):
    """What a tree is written as. The names are those of `--format`."""

    TEXT = "text"
    MARKDOWN = "markdown"
    PAGE = "html"


MUTED: Final = "muted"
"""A kind of what few readers need. Most other kinds are the values of a status."""
WAYS: Final = "ways"
"""A kind of links to other places of a page, which are not printed."""


# --- Inside a line ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mono:
    """Words as they are typed, such as a command or a host."""

    words: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere. The address must be ours: one that comes from outside could lead anywhere."""

    words: str
    url: str
    """An `https:` address, or `#` and the anchor of a section or a row."""


Inline = str | Mono | Link
Words = Inline | tuple[Inline, ...]


# --- Blocks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """How many of many are written; None for all. JSON has all."""

    text: int | None = 40
    markdown: int | None = 30
    """A ticket of GitHub or GitLab holds 65,536 characters."""
    page: int | None = None
    elsewhere: str = "--format json has all"
    """Where the others are."""

    def of(self, medium: Medium) -> int | None:
        """How many of them a medium shows."""
        return {Medium.TEXT: self.text, Medium.MARKDOWN: self.markdown, Medium.PAGE: self.page}[medium]


ROWS: Final = Most()
CAUSES: Final = Most(text=12, markdown=20)
ALL: Final = Most(text=None, markdown=None)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph of text."""

    words: Words
    kind: str | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; nothing is written of an empty one."""

    items: tuple[Words, ...]
    what: str = "more"
    """One of those that are left out, such as `more change`."""
    most: Most = ROWS
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a kind."""

    words: str
    kind: str | None
    url: str | None = None
    """`#` and an anchor of the page, where the cell leads somewhere; other media have the words alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells; the first cell of each names the row. Nothing is written of a table without rows."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    what: str = "more row"
    most: Most = ROWS
    numbers: bool = False
    """Whether a page keeps each cell on one line."""
    merged: int = 0
    """Number of first cells that a text leaves out if they are as in the row above."""
    headless: bool = False
    """Whether a text shows no heads."""
    anchor: str | None = None
    """Begins the ids of its rows on a page: `observation` makes `observation-1`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event: one paragraph, and what is known of it below."""

    texts: tuple[Text, ...]
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Events, one below the other."""

    items: tuple[Entry, ...]
    what: str = "more"
    most: Most = ROWS


@dataclass(frozen=True, slots=True)
class Code:
    """Lines as they are typed."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A command, or lines for a file, and what doing that means."""

    argv: tuple[str, ...]
    """Empty for lines of a file."""
    changes: bool
    """Whether it changes anything, or only reads."""
    undo: str | None
    alternative: str | None = None
    """A letter that commands share if they belong together, among commands that exclude one another."""
    is_checked: bool | None = None
    """Whether the predictor says that it opens the path; None where nobody asks that."""
    file: str | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToDo:
    """What to do about something, in words and as commands."""

    summary: str
    actions: tuple[Action, ...] = ()
    head: str = "What to do"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, which pages alone show."""

    caption: Words
    draw: "Callable[[int, str], Element | None]"
    """Makes the `svg` element for a width; a name begins the ids in it. None where there is nothing to draw."""
    is_printed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks below a title."""

    title: Words
    blocks: "tuple[Block, ...]"
    number: str = ""
    """Stands before the title, such as `1`."""
    code: str | None = None
    """The code of a finding, whose page is named at the end."""
    aside: str = ""
    """The state of what the title names: on the same line of a text, below the title elsewhere."""
    kind: str | None = None
    """Colours the frame that a page puts around it; MUTED for a frame without colour, None for no frame."""
    is_part: bool = False
    """Whether a text draws a line above it: it has sections of its own."""
    is_folded: bool = False
    """Whether a page shows the title alone until it is clicked on."""
    anchor: str | None = None
    """Its id on a page. A link to a folded section opens it."""
    is_printed: bool = True


@dataclass(frozen=True, slots=True)
class Many:
    """Sections of one sort, of which the first are written."""

    sections: tuple[Section, ...]
    what: str
    most: Most = CAUSES


@dataclass(frozen=True, slots=True)
class Only:
    """Blocks for some media, made when one of them is written."""

    media: frozenset[Medium]
    make: "Callable[[], Iterable[Block]]"


Leaf = Text | Bullets | Table | Entries | Code | ToDo | Figure
Block = Leaf | Section | Many | Only


def on_pages(make: "Callable[[], Iterable[Block]]") -> Only:
    """Blocks that pages alone have."""
    return Only(frozenset({Medium.PAGE}), make)


def in_lines(make: "Callable[[], Iterable[Block]]") -> Only:
    """Blocks that texts alone have."""
    return Only(frozenset({Medium.TEXT}), make)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What a page holds for programs."""

    page_id: str
    """The id of its element."""
    make: Callable[[], Any]
    """Makes the value that is written as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document with all its blocks."""

    kind: str
    """How it is: the value of a status."""
    word: str
    """The status as it is shown, in capitals."""
    summary: str
    lines: tuple[str, ...] = ()
    """What to know of the summary."""
    where: tuple[str, ...] = ()
    """Where, when and by what it was made: pages say it in the first box, texts at their end."""
    blocks: tuple[Block, ...] = ()
    title: str | None = None
    """The title of the page; None for word and summary."""
    embedded: Embedded | None = None
