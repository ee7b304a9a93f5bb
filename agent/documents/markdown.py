"""A document as Markdown, for a ticket or a pull request.

A page into which it is pasted may turn text into links, pictures and markup. Everything is therefore escaped here, for
CommonMark and for the tables and links of GitHub and GitLab.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from agent.documents.blocks import (
    Action,
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Entries,
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
from agent.documents.walk import chosen, first, groups, links
from agent.report.escape import visible
from agent.report.words import bounded

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>#|~&$]|(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
"""Characters that are markup anywhere in a line, and the parts of `https://` and `www.` that would make a link."""
_LINE_START: Final = re.compile(r"^(\d*)([-+.)])(?=[ -]|$)")
"""Beginnings of a line that make it a list item or a rule."""
_MENTION: Final = re.compile(r"(?<!\w)@(?=\w)")
"""An @ that would mention a user on the page into which the text is pasted. A backslash in front does not prevent
it.
"""
_FENCE: Final = "```"
_DEEPEST: Final = 6


def render(document: Document) -> str:
    """One document of Markdown."""
    head = [f"# {escaped(document.word)}: {escaped(document.summary)}", *map(escaped, document.lines)]
    return "\n\n".join([*head, *_Writer().parts(document.blocks, 2)]) + "\n"


def escaped(text: str) -> str:
    """Return `text` on one line, escaped so that it is shown literally."""
    return _LINE_START.sub(r"\1\\\2", inside(text))


def inside(text: str) -> str:
    """Return `text` escaped for a place that is not the beginning of a line."""
    line = _MENTION.sub(r"\\x40", " ".join(bounded(visible(text)).split()))
    return _MARKUP.sub(r"\\\g<0>", line)


def fenced(lines: Iterable[str], language: str = "sh") -> str:
    """Return literal lines in a fence longer than any run of backticks in them."""
    block = "\n".join(map(visible, lines))
    longest = max((len(run) for run in re.findall("`+", block)), default=0)
    fence = "`" * max(len(_FENCE), longest + 1)
    return f"{fence}{language}\n{block}\n{fence}"


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows of cells with a line of headings."""
    lines = [tuple(map(inside, header)), ("---",) * len(header), *(tuple(map(inside, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Return `text` as literal code inside a line."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _inline(words: Words) -> str:
    """Return a line of words. Its first word is escaped so that it does not begin a list."""
    if isinstance(words, str):
        return escaped(words)
    every = words if isinstance(words, tuple) else (words,)
    made = "".join(map(_one, every))
    return _LINE_START.sub(r"\1\\\2", made) if isinstance(every[0], str) else made


def _one(one: str | Mono | Link) -> str:
    match one:
        case Mono(words=words):
            return _code(words)
        case Link(words=words):
            return inside(words)
    before, after = " " if one[:1] == " " else "", " " if one[-1:] == " " else ""
    return f"{before}{inside(one)}{after}" if one.strip() else " "


class _Writer:
    """Writes blocks, and counts the tables."""

    def __init__(self) -> None:
        self.tables = count(1)

    def parts(self, blocks: Iterable[Block], level: int) -> Iterator[str]:
        for block in chosen(blocks, Medium.MARKDOWN):
            if isinstance(block, Section):
                yield from self.section(block, level)
            else:
                yield from self.leaf(block)

    def section(self, section: Section, level: int) -> Iterator[str]:
        number = f"{section.number}. " if section.number else ""
        code = f" ({escaped(section.code)})" if section.code else ""
        yield f"{'#' * min(level, _DEEPEST)} {number}{_inline(section.title)}{code}"
        if section.aside:
            yield escaped(section.aside)
        yield from self.parts(section.blocks, level + 1)
        if documents := links(section.code):
            yield "\n".join(f"* [{escaped(document.title)}]({document.url})" for document in documents)

    def leaf(self, block: Leaf) -> Iterator[str]:
        match block:
            case Text(words=words, strong=strong):
                shown = _inline(words)
                yield f"**{shown}**" if strong and shown.strip() else shown
            case Bullets() if block.items:
                items, left = first(block.items, block.most, Medium.MARKDOWN, block.what)
                marks = (f"{number}." if block.numbered else "*" for number in count(1))
                yield "\n".join(f"{mark} {_inline(item)}" for mark, item in zip(marks, items, strict=False))
                yield from _left(left)
            case Entries() if block.items:
                entries, left = first(block.items, block.most, Medium.MARKDOWN, block.what)
                yield "\n".join(
                    f"{'  ' if place else ''}* {_inline(text.words)}"
                    for entry in entries
                    for place, text in enumerate(entry.texts)
                )
                yield from _left(left)
            case Table() if block.rows:
                rows, left = first(block.rows, block.most, Medium.MARKDOWN, block.what)
                yield f"Table {next(self.tables)}: {inside(block.caption)}"
                yield table(block.heads, (tuple(map(_cell, row)) for row in rows))
                yield from _left(left)
            case Code(lines=lines):
                yield fenced(lines, "")
            case ToDo():
                yield f"**{escaped(block.head)}:** {escaped(block.summary)}"
                for words, actions in groups(block.actions):
                    yield escaped(words)
                    language = "sh" if actions[0].argv else ""
                    yield fenced((line for action in actions for line in _lines(action)), language)


def _cell(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else cell.words


def _lines(action: Action) -> Iterator[str]:
    if action.argv:
        yield shlex.join(map(visible, action.argv))
    yield from action.lines


def _left(words: str) -> list[str]:
    return [escaped(words)] if words else []
