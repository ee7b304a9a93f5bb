"""A document as one HTML page. Everything is escaped here, on its way into the tree of elements (`elements.py`)."""

import shlex
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final
from xml.etree.ElementTree import Element

from agent.documents.blocks import (
    Action,
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Entries,
    Entry,
    Figure,
    Leaf,
    Link,
    Medium,
    Mono,
    Section,
    Table,
    Text,
    ToDo,
    Words,
)
from agent.documents.canvas import NARROW, WIDE
from agent.documents.elements import commands, data, element, lines, raw, unbroken
from agent.documents.page import bullets, page, row_head, verdict
from agent.documents.page import cell as td
from agent.documents.page import table as scrolled
from agent.documents.walk import chosen, first, groups, links
from agent.report.escape import visible
from agent.report.words import bounded

_KINDS: Final = frozenset({"ok", "warning", "critical", "unknown"})
"""Kinds that have a colour."""
_DEEPEST: Final = 6
_PROSE: Final = 44
"""The minimum length of a cell's text that counts as a sentence. An IPv6 address is shorter."""


def render(document: Document) -> str:
    """The document as HTML."""
    kind = document.kind if document.kind in _KINDS else "unknown"
    parts = [verdict(kind, document.summary, *document.lines, where=document.where, word=document.word)]
    parts += _Writer().parts(document.blocks, 2)
    title = f"{document.word}: {document.summary}" if document.title is None else document.title
    held = document.embedded
    return page(title, parts, None if held is None else data(held.make(), {"id": held.page_id}))


class _Writer:
    """Writes blocks, and counts tables and figures."""

    def __init__(self) -> None:
        self.tables = count(1)
        self.figures = count(1)

    def parts(self, blocks: Iterable[Block], level: int) -> Iterator[Element]:
        for block in chosen(blocks, Medium.PAGE):
            if isinstance(block, Section):
                yield self.section(block, level)
            else:
                yield from self.leaf(block)

    def section(self, section: Section, level: int) -> Element:
        title: list[Element | str] = [f"{section.number}. "] if section.number else []
        title += _inline(section.title)
        title += [f" ({section.code})"] if section.code else []
        inner = list(self.parts(section.blocks, level + (not section.is_folded)))
        if section.aside:
            inner.insert(0, element("p", None, section.aside))
        found = [element("a", {"href": document.url}, document.title) for document in links(section.code)]
        inner += (element("div", {"class": "more unprinted"}, made) for made in bullets(found))
        named = {} if section.anchor is None else {"id": section.anchor}
        if section.is_folded:
            # A browser opens a folded element for a link to something inside it, but not for a link to the element
            # itself.
            inner = [element("div", {"class": "opened", **named}, *inner)] if named else inner
            return element("details", None, element("summary", None, *title), *inner)
        classes = ["card"] if section.kind is not None else []
        classes += [section.kind] if section.kind in _KINDS else []
        classes += [] if section.is_printed else ["unprinted"]
        heading = element(f"h{min(level, _DEEPEST)}", None, *title)
        attributes = ({"class": " ".join(classes)} if classes else {}) | named
        return element("section", attributes, heading, *inner)

    def leaf(self, block: Leaf) -> Iterator[Element]:
        match block:
            case Text():
                yield _text(block)
            case Bullets():
                items, left = first(block.items, block.most, Medium.PAGE, block.what)
                if items:
                    made = (element("li", None, *_inline(item)) for item in items)
                    yield element("ol" if block.numbered else "ul", None, *made)
                yield from _left(left)
            case Entries() if block.items:
                entries, left = first(block.items, block.most, Medium.PAGE, block.what)
                yield element("ul", {"class": "events"}, *map(_entry, entries))
                yield from _left(left)
            case Table() if block.rows:
                yield from self.table(block)
            case Code():
                yield _pre(block.lines)
            case ToDo():
                yield _to_do(block)
            case Figure():
                yield from self.figure(block)

    def table(self, block: Table) -> Iterator[Element]:
        number = next(self.tables)
        shown, left = first(block.rows, block.most, Medium.PAGE, block.what)
        rows = ((row_head(_linked(row[0]), _width(row[0])), *map(_cell, row[1:])) for row in shown)
        caption = f"Table {number}: {block.caption}"
        kind = "numbers" if block.numbers else ""
        yield scrolled(caption, block.heads, rows, f"table-{number}", kind, block.anchor)
        yield from _left(left)

    def figure(self, block: Figure) -> Iterator[Element]:
        """Yield a picture twice, for wide and for narrow pages. A browser shows only the version that fits."""
        number = next(self.figures)
        drawn = [
            element("div", {"class": kind}, svg)
            for kind, width in (("wide", WIDE), ("narrow", NARROW))
            if (svg := block.draw(width, f"{kind}-figure-{number}")) is not None
        ]
        if drawn:
            words = element("figcaption", None, f"Figure {number}: ", *_inline(block.caption))
            classes = {} if block.is_printed else {"class": "unprinted"}
            yield element("figure", {"id": f"figure-{number}", **classes}, *drawn, words)


def _inline(words: Words) -> list[Element | str]:
    every = words if isinstance(words, tuple) else (words,)
    return [part for one in every for part in _one(one)]


def _one(one: str | Mono | Link) -> list[Element | str]:
    match one:
        case Mono(words=words):
            return [element("code", None, *unbroken(visible(words)))]
        case Link(words=words, url=url):
            return [element("a", {"href": url}, *unbroken(visible(words)))]
    return unbroken(bounded(visible(one)))


def _text(block: Text) -> Element:
    words = _inline(block.words)
    kind = {"class": block.kind} if block.kind is not None else None
    return element("p", kind, *([element("strong", None, *words)] if block.strong else words))


def _linked(cell: str | Cell) -> list[Element | str]:
    """Return the words of a cell, as a link if it has an address."""
    words = unbroken(bounded(visible(cell if isinstance(cell, str) else cell.words)), is_cell=True)
    if isinstance(cell, Cell) and cell.url is not None:
        return [element("a", {"href": cell.url}, *words)]
    return words


def _cell(cell: str | Cell) -> Element:
    kind = None if isinstance(cell, str) else cell.kind
    return td(_linked(cell), kind or _width(cell))


def _width(cell: str | Cell) -> str | None:
    """Return the class of a cell that is as wide as a sentence; None for another cell."""
    return "prose" if len(cell if isinstance(cell, str) else cell.words) > _PROSE else None


def _entry(entry: Entry) -> Element:
    return element("li", {"class": entry.kind} if entry.kind in _KINDS else None, *map(_text, entry.texts))


def _left(words: str) -> list[Element]:
    return [element("p", {"class": "muted"}, words)] if words else []


def _pre(typed: Iterable[str]) -> Element:
    return element("pre", None, raw("code", None, lines(list(typed))))


def _to_do(block: ToDo) -> Element:
    made = element("div", {"class": "do"})
    summary = unbroken(bounded(visible(block.summary)))
    made.append(element("p", None, element("strong", None, f"{block.head}:"), " ", *summary))
    for words, actions in groups(block.actions):
        made.append(element("p", None, *_marked(words)))
        made.append(element("pre", None, commands(line for action in actions for line in _lines(action))))
    return made


def _marked(words: str) -> Iterator[Element | str]:
    """Yield the remarks on a command. Their colour shows whether the command reads or changes something."""
    before, mark, after = words.partition("[changes]" if "[changes]" in words else "[reads]")
    yield from unbroken(before)
    if mark:
        yield element("span", {"class": f"mark {mark.strip('[]')}"}, mark)
    yield from unbroken(after)


def _lines(action: Action) -> Iterator[list[str]]:
    """Return the words of each line of an action."""
    if action.argv:
        yield [shlex.quote(visible(word)) for word in action.argv]
    yield from ([line] for line in action.lines)
