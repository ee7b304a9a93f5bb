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
from agent.documents.elements import data, element, lines, raw
from agent.documents.page import bullets, page, row_head, verdict
from agent.documents.page import cell as td
from agent.documents.page import table as scrolled
from agent.documents.walk import chosen, first, groups, links
from agent.report.escape import visible
from agent.report.words import bounded

_KINDS: Final = frozenset({"ok", "warning", "critical", "unknown"})
"""Kinds that have a colour."""
_DEEPEST: Final = 6


def render(document: Document) -> str:
    """One HTML document."""
    kind = document.kind if document.kind in _KINDS else "unknown"
    parts = [verdict(kind, document.summary, *document.lines, where=document.where, word=document.word)]
    parts += _Writer().parts(document.blocks, 2)
    title = f"{document.word}: {document.summary}" if document.title is None else document.title
    held = document.embedded
    return page(title, parts, None if held is None else data(held.make(), {"id": held.page_id}))


class _Writer:
    """Writes blocks; it counts tables and figures."""

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
        inner += (element("div", {"class": "unprinted"}, made) for made in bullets(found))
        if section.is_folded:
            anchor = {} if section.anchor is None else {"id": section.anchor}
            return element("details", anchor, element("summary", None, *title), *inner)
        classes = [f"card {section.kind}"] if section.kind in _KINDS else []
        classes += [] if section.is_printed else ["unprinted"]
        heading = element(f"h{min(level, _DEEPEST)}", None, *title)
        return element("section", {"class": " ".join(classes)} if classes else None, heading, *inner)

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
        rows = ((row_head(_words(row[0])), *map(_cell, row[1:])) for row in shown)
        caption = f"Table {number}: {block.caption}"
        yield scrolled(caption, block.heads, rows, f"table-{number}", "numbers" if block.numbers else "")
        yield from _left(left)

    def figure(self, block: Figure) -> Iterator[Element]:
        """A picture, drawn once for a wide page and once for a narrow one, of which a browser shows one."""
        number = next(self.figures)
        drawn = [
            element("div", {"class": kind}, svg)
            for kind, width in (("wide", WIDE), ("narrow", NARROW))
            if (svg := block.draw(width, f"{kind}-figure-{number}")) is not None
        ]
        if drawn:
            words = element("figcaption", None, f"Figure {number}: {block.caption}")
            classes = {} if block.is_printed else {"class": "unprinted"}
            yield element("figure", {"id": f"figure-{number}", **classes}, *drawn, words)


def _inline(words: Words) -> list[Element | str]:
    return [_one(one) for one in (words if isinstance(words, tuple) else (words,))]


def _one(one: str | Mono | Link) -> Element | str:
    match one:
        case Mono(words=words):
            return element("code", None, words)
        case Link(words=words, url=url):
            return element("a", {"href": url}, words)
    return bounded(visible(one))


def _text(block: Text) -> Element:
    words = _inline(block.words)
    kind = {"class": block.kind} if block.kind is not None else None
    return element("p", kind, *([element("strong", None, *words)] if block.strong else words))


def _words(cell: str | Cell) -> str:
    return bounded(visible(cell if isinstance(cell, str) else cell.words))


def _cell(cell: str | Cell) -> Element:
    return td(_words(cell), None if isinstance(cell, str) else cell.kind)


def _entry(entry: Entry) -> Element:
    return element("li", {"class": entry.kind} if entry.kind in _KINDS else None, *map(_text, entry.texts))


def _left(words: str) -> list[Element]:
    return [element("p", {"class": "muted"}, words)] if words else []


def _pre(typed: Iterable[str]) -> Element:
    return element("pre", None, raw("code", None, lines(list(typed))))


def _to_do(block: ToDo) -> Element:
    made = element("div", {"class": "do"})
    summary = bounded(visible(block.summary))
    made.append(element("p", None, element("strong", None, f"{block.head}:"), f" {summary}"))
    for words, actions in groups(block.actions):
        made.append(element("p", None, words))
        made.append(_pre(line for action in actions for line in _lines(action)))
    return made


def _lines(action: Action) -> Iterator[str]:
    if action.argv:
        yield shlex.join(map(visible, action.argv))
    yield from action.lines
