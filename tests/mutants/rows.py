"""This project's own mutation operator: it removes one row of a table. A table is a dict, tuple, list or set literal at
the top level of a module. It can be inside another table, or inside a call. A text at the top level that is split into
words is a table, too.
"""

import ast
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from probes.frozen import dataclass

_SPLITTING: Final = "_words"
"""The name of a function that splits texts into words, as `.split()` does."""
_MOST_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and the source of its module without this row."""

    line: int
    name: str
    source: str


def rows(source: str) -> Iterator[Row]:
    """Every row of every table of a module."""
    offsets = [0, *accumulate(len(line) for line in source.encode().splitlines(keepends=True))]
    for statement in ast.parse(source).body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value and not _is_list_of_names(statement):
            for table in _tables(statement.value):
                for row, rest in _without_each(table):
                    yield Row(row.lineno, _name(row), _replaced(source, offsets, table, rest))
            for text in _split_texts(statement.value):
                words = text.value.split()
                for at, word in enumerate(words):
                    rest = ast.Constant(" ".join([*words[:at], *words[at + 1 :]]))
                    yield Row(text.lineno, word, _replaced(source, offsets, text, rest))


def _is_list_of_names(statement: ast.Assign | ast.AnnAssign) -> bool:
    """Whether a statement lists the names for `import *`, which no module here uses."""
    return isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__"


def _tables(value: ast.expr) -> Iterator[ast.Dict | ast.Tuple | ast.List | ast.Set]:
    if isinstance(value, (ast.Dict, ast.Tuple, ast.List, ast.Set)):
        yield value
    if not isinstance(value, (ast.Lambda, ast.Subscript)):
        for child in ast.iter_child_nodes(value):
            inner = child.value if isinstance(child, ast.keyword) else child
            if isinstance(inner, ast.expr):
                yield from _tables(inner)


class _Text(ast.Constant):
    value: str


def _split_texts(value: ast.expr) -> Iterator[_Text]:
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()) as text, attr="split")):
                yield text  # type: ignore[misc]
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str()) as text]) if name == _SPLITTING:
                yield text  # type: ignore[misc]


def _without_each(table: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each row of a table, and the table without this row."""
    match table:
        case ast.Dict(keys=keys, values=values):
            for at, (key, value) in enumerate(zip(keys, values, strict=True)):
                yield key or value, ast.Dict([*keys[:at], *keys[at + 1 :]], [*values[:at], *values[at + 1 :]])
        case ast.Set(elts=items):
            for at, item in enumerate(items):
                yield item, ast.Set([*items[:at], *items[at + 1 :]])
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for at, item in enumerate(items):
                yield item, type(table)([*items[:at], *items[at + 1 :]], ast.Load())


def _name(row: ast.expr) -> str:
    words = ast.unparse(row)
    return words if len(words) <= _MOST_CHARACTERS else words[: _MOST_CHARACTERS - 3] + "..."


def _replaced(source: str, offsets: list[int], old: ast.expr, new: ast.expr) -> str:
    """The source with one expression replaced. Columns of `ast` are numbers of bytes."""
    assert old.end_lineno is not None
    assert old.end_col_offset is not None
    encoded = source.encode()
    start = offsets[old.lineno - 1] + old.col_offset
    end = offsets[old.end_lineno - 1] + old.end_col_offset
    # The new statement has as many lines as the old one, so that the following code keeps its line numbers.
    lines = b"\n" * encoded.count(b"\n", start, end)
    written = ast.unparse(new).encode()
    inside = b"(" + written + lines + b")" if lines else written
    return (encoded[:start] + inside + encoded[end:]).decode()
