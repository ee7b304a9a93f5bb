"""What the renderers have in common. This module chooses the blocks of a tree that are written, how many of their items
are written, and the words around commands."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from agent.catalog.findings import CODES, Document
from agent.catalog.wording import counted
from agent.documents.blocks import Action, Block, Figure, Leaf, Many, Medium, Most, Only, Section, Text

T = TypeVar("T")


def chosen(blocks: Iterable[Block], medium: Medium) -> Iterator[Leaf | Section]:
    """Yield the blocks that a format shows. If sections are omitted, a remark says so."""
    for block in blocks:
        match block:
            case Only(media=media, make=make):
                if medium in media:
                    yield from chosen(make(), medium)
            case Many(sections=sections, what=what, most=most):
                shown, left = first(sections, most, medium, what)
                yield from shown
                if left:
                    yield Text(left, "muted")
            case Figure() if medium is not Medium.PAGE:
                pass
            case _:
                yield block


def first(items: Sequence[T], most: Most, medium: Medium, what: str) -> tuple[Sequence[T], str]:
    """Return the items that are shown, and a sentence about the omitted items. The sentence is empty if no item is
    omitted."""
    limit = most.of(medium)
    if limit is None or len(items) <= limit:
        return items, ""
    return items[:limit], f"And {counted(len(items) - limit, what, None if ' ' in what else what)}: {most.elsewhere}."


def groups(actions: Iterable[Action]) -> Iterator[tuple[str, list[Action]]]:
    """Yield groups of successive actions that have the same remarks. Each group comes with its remarks."""
    for words, alike in groupby(actions, _said):
        yield words, list(alike)


def _said(action: Action) -> str:
    """`(a) [changes] To undo: the same command with --no-private-dns-enabled`."""
    letter = "" if action.alternative is None else f"({action.alternative})"
    mark = "[changes]" if action.changes else "[reads]"
    file = "" if action.file is None else f"{'Write to' if action.changes else 'Look at'} {action.file}."
    unchecked = (
        "Unchecked: the configuration does not tell whether it opens the path." if action.is_checked is False else ""
    )
    undo = f"To undo: {action.undo}" if action.undo is not None else "It cannot be undone." if action.changes else ""
    return " ".join(filter(None, (letter, mark, file, unchecked, undo)))


def links(code: str | None) -> tuple[Document, ...]:
    """Return the links to AWS's documentation of a finding. They come from the catalogue, since a saved document may
    contain links from outside."""
    return CODES[code].documents if code in CODES else ()
