"""A document as text: 80 columns of plain ASCII, readable without colour. Everything is escaped here."""

import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agent.catalog.findings import CODES
from agent.documents.blocks import (
    Action,
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Entries,
    Leaf,
    Medium,
    Section,
    Table,
    Text,
    ToDo,
    Words,
)
from agent.documents.walk import chosen, first, groups
from agent.report.escape import visible
from agent.report.words import WIDTH, bounded
from probes.model import FailureKind

_COLOURS: Final = {"ok": "32", "warning": "33", "critical": "31", "unknown": "35"}
_SHOUTS: Final = {"WARNING": _COLOURS["warning"], "[changes]": _COLOURS["warning"]}
_SHOUTED: Final = re.compile(
    r"(?<=\d\. )(?:CRITICAL|WARNING)\b|\[changes\]"
    rf"|(?<=  )(?:{'|'.join(kind.upper() for kind in FailureKind)})(?=  |$)",
    re.MULTILINE,
)
"""Words that are coloured: the severity after the number of a finding, the mark of a change, and a failure in a cell of
a table. A failure in brackets does not count, and so has no colour."""
_ROOM: Final = 30
"""The minimum number of columns for the last cell of a row. With fewer columns, the last cell gets its own line."""
_GAP: Final = "  "


def render(document: Document, *, colour: bool = False) -> str:
    """Return the text. `colour` adds colours to its first word, the severity of each finding, failures, and the marks
    of commands that change something."""
    below = parts(document.blocks)
    return whole([verdict(document, colour=colour), *(map(_coloured, below) if colour else below)])


def _coloured(part: str) -> str:
    """Return a part with colours. It is escaped before, so it has no other escape sequences. Colours take no
    columns."""
    return _SHOUTED.sub(lambda word: f"\x1b[{_SHOUTS.get(word[0], _COLOURS['critical'])}m{word[0]}\x1b[0m", part)


def whole(written: Iterable[str]) -> str:
    """Join the parts of a text with a blank line between two."""
    return "\n\n".join(filter(None, written)) + "\n"


def verdict(document: Document, *, colour: bool = False) -> str:
    """Return the first part of a document as text."""
    word = visible(document.word)
    later = " " * (len(word) + len(_GAP))
    shown = f"\x1b[1;{_COLOURS.get(document.kind, '0')}m{word}\x1b[0m" if colour else word
    lines = [wrapped(f"{word}{_GAP}{document.summary}", "", later).replace(word, shown, 1)]
    return "\n".join([*lines, *(wrapped(line, later) for line in document.lines)])


def parts(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield blocks as parts of a text."""
    for block in chosen(blocks, Medium.TEXT):
        if isinstance(block, Section):
            yield from _section(block)
        else:
            yield "\n".join(_leaf(block, "" if isinstance(block, Text) else _GAP))


def wrapped(text: str, indent: str, later: str | None = None) -> str:
    """Return `text` on escaped lines of WIDTH. Text that is already laid out keeps its spaces."""
    return _broken(bounded(visible(text)), indent, indent if later is None else later)


def length(words: str) -> int:
    """The number of characters that these words take in a text."""
    return len(visible(words))


def cut(words: str, most: int) -> str:
    """Return words, cut after a number of characters."""
    shown = visible(words)
    return words if len(shown) <= most else f"{shown[: most - 3]}..."


def plain(words: Words) -> str:
    """Return the words of a line without their markup."""
    every = words if isinstance(words, tuple) else (words,)
    return "".join(one if isinstance(one, str) else one.words for one in every)


# --- Sections --------------------------------------------------------------------------------------------------------


def _section(section: Section) -> Iterator[str]:
    """Yield the title and the blocks below it, then the nested sections."""
    indent = "   " if section.number or section.code else _GAP
    lines = ["-" * WIDTH] if section.is_part else []
    lines += _title(section, indent)
    is_apart = False
    inner = list(chosen(section.blocks, Medium.TEXT))
    for block in inner:
        if isinstance(block, Section):
            if lines:
                yield "\n".join(lines)
            lines = []
            yield from _section(block)
            continue
        made = list(_leaf(block, indent))
        if made and lines and (is_apart or isinstance(block, ToDo)):
            lines.append("")
        lines += made
        is_apart = isinstance(block, ToDo)
    if section.code in CODES:
        lines.append(wrapped(f"See: backuplink explain {section.code}", indent))
    if lines:
        yield "\n".join(lines)


def _title(section: Section, indent: str) -> list[str]:
    number = f"{section.number}. " if section.number else ""
    code = f" [{section.code}]" if section.code else ""
    title = f"{number}{plain(section.title)}{code}"
    if not section.aside:
        return [wrapped(title, "", indent)]
    shown, aside = visible(title), visible(section.aside)
    gap = WIDTH - len(shown) - len(aside)
    if gap > 1:
        return [f"{shown}{' ' * gap}{aside}"]
    return [wrapped(title, "", indent), wrapped(section.aside, indent)]


# --- Blocks ----------------------------------------------------------------------------------------------------------


def _leaf(block: Leaf, indent: str) -> Iterator[str]:
    """Yield the lines of a block; some contain line feeds."""
    match block:
        case Text(words=words):
            yield wrapped(plain(words), indent)
        case Bullets():
            items, left = first(block.items, block.most, Medium.TEXT, block.what)
            for number, item in enumerate(items, 1):
                mark = f"{number}. " if block.numbered else ""
                yield wrapped(f"{mark}{plain(item)}", indent, f"{indent}{_GAP}")
            yield from _left(left, indent)
        case Table():
            yield from _table(block, indent)
        case Entries():
            entries, left = first(block.items, block.most, Medium.TEXT, block.what)
            for entry in entries:
                head, *others = entry.texts
                yield wrapped(plain(head.words), indent, f"{indent}{_GAP}")
                yield from (wrapped(plain(text.words), f"{indent}{_GAP}{_GAP}") for text in others)
            yield from _left(left, indent)
        case Code(lines=lines):
            yield from _code(lines, f"{indent}{_GAP}")
        case ToDo():
            yield from _to_do(block, indent)


def _code(lines: Sequence[str], indent: str) -> Iterator[str]:
    """Yield literal lines, indented as far as they fit."""
    shown = list(map(visible, lines))
    room = max(WIDTH - max(map(len, shown), default=0), 0)
    yield from (f"{indent[:room]}{line}" for line in shown)


def _left(words: str, indent: str) -> list[str]:
    return [wrapped(words, indent)] if words else []


def _to_do(block: ToDo, indent: str) -> Iterator[str]:
    yield wrapped(f"{block.head}: {block.summary}", indent)
    for words, actions in groups(block.actions):
        yield wrapped(words, indent)
        for action in actions:
            yield from _action(action, f"{indent}{_GAP}")


def _action(action: Action, indent: str) -> Iterator[str]:
    if action.argv:
        yield command_lines(action.argv, indent)
    yield from (f"{indent}{visible(line)}" for line in action.lines)


def typed(block: ToDo) -> Iterator[str]:
    """Yield the commands and file lines of a fix, each below its purpose. Lines are not wrapped."""
    for words, actions in groups(block.actions):
        yield visible(words)
        for action in actions:
            yield from ([f"{_GAP}{shlex.join(map(visible, action.argv))}"] if action.argv else [])
            yield from (f"{_GAP}{visible(line)}" for line in action.lines)


def command_lines(argv: Sequence[str], indent: str) -> str:
    """Return a command that can be copied, broken only where a shell allows it."""
    lines = [""]
    for word in argv:
        quoted = shlex.quote(visible(word))
        if lines[-1] and len(indent) + len(lines[-1]) + len(quoted) + 3 > WIDTH:
            lines[-1] += " \\"
            lines.append("  ")
        lines[-1] += quoted if lines[-1].strip() == "" else f" {quoted}"
    return "\n".join(indent + line for line in lines)


# --- Tables ----------------------------------------------------------------------------------------------------------


def _table(table: Table, indent: str) -> Iterator[str]:
    """Yield cells in columns. If a row is too long, its last cell is wrapped. If there is not even room for this, the
    first cell has its own line."""
    shown, left = first(table.rows, table.most, Medium.TEXT, table.what)
    if not shown:
        return
    rows = _merged([tuple(map(_cell, row)) for row in shown], table.merged)
    yield from _laid_out(rows, () if table.headless else tuple(map(visible, table.heads)), indent)
    yield from _left(left, indent)


def _cell(cell: str | Cell) -> str:
    return bounded(visible(cell if isinstance(cell, str) else cell.words))


def _merged(rows: list[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    """Return the rows, with the first `count` cells blank where they equal the cells of the row above."""
    made: list[tuple[str, ...]] = []
    for place, row in enumerate(rows):
        above = rows[place - 1] if place else ()
        same = 0
        while same < min(count, len(above)) and above[same] == row[same]:
            same += 1
        made.append((*[""] * same, *row[same:]))
    return made


def _laid_out(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...], indent: str) -> Iterator[str]:
    every = [heads, *rows] if heads else rows
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    begin = len(indent) + sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    if begin + widths[-1] > WIDTH and WIDTH - begin < _ROOM:
        yield from _spread(rows, heads, f"{indent}{_GAP}")
        return
    for row in every:
        line = _line(row, widths, indent)
        yield line if len(line) <= WIDTH else _broken(line, "", " " * begin)


def _spread(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...], indent: str) -> Iterator[str]:
    """Yield the first cell of each row on its own line. The other cells are below it. They are in columns if they fit;
    otherwise each of them follows its heading."""
    below = [row[1:] for row in ([heads, *rows] if heads else rows)]
    widths = [max(map(len, column)) for column in zip(*below, strict=True)]
    if len(indent) + sum(widths) + len(_GAP) * (len(widths) - 1) <= WIDTH:
        if heads:
            yield _line(heads[1:], widths, indent)
        lines = [_line(row[1:], widths, indent) for row in rows]
    else:
        lines = [_broken(_named(row[1:], heads[1:]), indent, f"{indent}{_GAP}") for row in rows]
    for row, line in zip(rows, lines, strict=True):
        if row[0]:
            yield _broken(row[0], indent.removesuffix(_GAP), indent)
        yield line


def _named(cells: Sequence[str], heads: Sequence[str]) -> str:
    if not heads:
        return _GAP.join(cells)
    return "; ".join(f"{head}: {cell}" for head, cell in zip(heads, cells, strict=True) if cell)


def _broken(shown: str, indent: str, later: str) -> str:
    """Return escaped text broken into lines of WIDTH."""
    return textwrap.fill(shown, WIDTH, initial_indent=indent, subsequent_indent=later, break_on_hyphens=False)


def _line(cells: Sequence[str], widths: Sequence[int], indent: str) -> str:
    laid = _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{indent}{laid}".rstrip()
