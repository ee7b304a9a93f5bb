"""What several statements of a fleet need."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from agent.fleet.store import Engine

_BATCH: Final = 400
"""Rows that are inserted by one statement."""


def insert_rows(engine: Engine, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Add rows to a table of this package's own."""
    every = iter(rows)
    while batch := list(islice(every, _BATCH)):
        holes = ", ".join(f"({holes_for(row)})" for row in batch)
        engine.execute(f"INSERT INTO {table} VALUES {holes}", [value for row in batch for value in row])


def holes_for(values: Sequence[Any]) -> str:
    """As many parameters as there are values."""
    return ", ".join("?" * len(values))
