"""A document for people, as a tree of blocks.

Each kind of document has a builder that makes the tree. `text.py`, `markdown.py` and `html.py` write any tree. A
builder does not change words, even if they come from outside. Only the renderers escape, shorten and number them.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from probes.frozen import dataclass

if TYPE_CHECKING:  # the text format needs no XML
    from xml.etree.ElementTree import Element


class Medium(StrEnum):
    """The output format of a tree. The names are those of `--format`."""

    TEXT = "text"
    MARKDOWN = "markdown"
    PAGE = "html"


MUTED: Final = "muted"
"""The kind of blocks that few readers need. Most other kinds are values of a status."""
WAYS: Final = "ways"
"""The kind of links to other places of the same page. They are not printed."""


# --- Inside a line ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mono:
    """Literal words, such as a command or a host."""

    words: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words with a link. The address must come from this program, since an address from outside could lead anywhere."""

    words: str
    url: str
    """An `https:` address, or `#` and the anchor of a section or a row."""


Inline = str | Mono | Link
Words = Inline | tuple[Inline, ...]


# --- Blocks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """The maximum number of items that each format shows, or None for all. JSON always has all items."""

    text: int | None = 40
    markdown: int | None = 30
    """The maximum for Markdown: a ticket of GitHub or GitLab can have 65,536 characters."""
    page: int | None = None
    elsewhere: str = "--format json has all"
    """Where to find the items that are not shown."""

    def of(self, medium: Medium) -> int | None:
        """The maximum for a format."""
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
    """A list. It is not written if it is empty."""

    items: tuple[Words, ...]
    what: str = "more"
    """What an omitted item is called, such as `more change`."""
    most: Most = ROWS
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a kind."""

    words: str
    kind: str | None
    url: str | None = None
    """The link of the cell: `#` and an anchor of the page. Only pages have the link; other formats write only the
    words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells; the first cell names the row. A table without rows is not written."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    what: str = "more row"
    most: Most = ROWS
    numbers: bool = False
    """Whether a page keeps each cell on one line."""
    merged: int = 0
    """The number of cells at the start of a row that a text leaves blank if they equal the cells above them."""
    headless: bool = False
    """Whether a text omits the headings."""
    anchor: str | None = None
    """The prefix of the rows' ids on a page. With `observation`, the id of the first row is `observation-1`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event: a paragraph with details below it."""

    texts: tuple[Text, ...]
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Events, each below the event before it."""

    items: tuple[Entry, ...]
    what: str = "more"
    most: Most = ROWS


@dataclass(frozen=True, slots=True)
class Code:
    """Literal lines of code."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A command or some lines for a file, and its effect."""

    argv: tuple[str, ...]
    """The arguments of the command. Empty if the action is lines for a file."""
    changes: bool
    """Whether the action changes something. Otherwise it only reads."""
    undo: str | None
    alternative: str | None = None
    """If there are alternatives, the letter that the commands of one alternative share."""
    is_checked: bool | None = None
    """Whether the predictor says that this action opens the path. None if this was not predicted."""
    file: str | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToDo:
    """What to do about a fault, in words and as commands."""

    summary: str
    actions: tuple[Action, ...] = ()
    head: str = "What to do"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, which only pages show."""

    caption: Words
    draw: "Callable[[int, str], Element | None]"
    """Makes the `svg` element for a width, with the second argument as the prefix of its ids. The result is None if
    there is nothing to draw."""
    is_printed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks below a title."""

    title: Words
    blocks: "tuple[Block, ...]"
    number: str = ""
    """A number before the title, such as `1`."""
    code: str | None = None
    """The code of a finding. The end of the section says how to see its runbook page."""
    aside: str = ""
    """The state of the section's subject. A text shows it on the line of the title. Other formats show it below the
    title."""
    kind: str | None = None
    """The colour of the frame around the section on a page. MUTED gives a frame without colour, None gives no frame."""
    is_part: bool = False
    """Whether a text draws a line above the section, because it contains sections."""
    is_folded: bool = False
    """Whether a page shows only the title until a reader clicks on it."""
    anchor: str | None = None
    """The section's id on a page. If the section is folded, a link to it opens it."""
    is_printed: bool = True


@dataclass(frozen=True, slots=True)
class Many:
    """Sections of the same kind. Only the first `most` of them are written."""

    sections: tuple[Section, ...]
    what: str
    most: Most = CAUSES


@dataclass(frozen=True, slots=True)
class Only:
    """Blocks that only some formats have. They are made when a document in such a format is written."""

    media: frozenset[Medium]
    make: "Callable[[], Iterable[Block]]"


Leaf = Text | Bullets | Table | Entries | Code | ToDo | Figure
Block = Leaf | Section | Many | Only


def on_pages(make: "Callable[[], Iterable[Block]]") -> Only:
    """Return blocks for pages only."""
    return Only(frozenset({Medium.PAGE}), make)


def in_lines(make: "Callable[[], Iterable[Block]]") -> Only:
    """Return blocks for texts only."""
    return Only(frozenset({Medium.TEXT}), make)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Data in a page that programs can read."""

    page_id: str
    """The id of its element."""
    make: Callable[[], Any]
    """Makes the value that is written as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document with all its blocks."""

    kind: str
    """The value of the status."""
    word: str
    """The displayed status, in capitals."""
    summary: str
    lines: tuple[str, ...] = ()
    """Remarks on the summary."""
    where: tuple[str, ...] = ()
    """Where, when and by which version the document was made. Pages show this in the first box, and texts at the
    end."""
    blocks: tuple[Block, ...] = ()
    title: str | None = None
    """The title of the page. If it is None, the status and the summary are the title."""
    embedded: Embedded | None = None
