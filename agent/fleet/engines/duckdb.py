"""DuckDB, of the extra `fleet`. It loads no extension and contacts nothing."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import duckdb

from agent.fleet.rows import rows_of
from agent.fleet.store import TABLES, Read

BATCH: Final = 500
"""Records that are inserted by one statement."""


class DuckDb:
    """A database in memory."""

    name: Final = "duckdb"

    def __init__(self) -> None:
        self._connection = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        self._count = 0
        for statement in TABLES:
            self._connection.execute(statement)

    def insert(self, reads: Iterable[Read]) -> None:
        """See `Engine`."""
        for batch in _batches(reads):
            tables: dict[str, list[tuple[Any, ...]]] = {}
            for read in batch:
                for table, rows in rows_of(read, self._count).items():
                    tables.setdefault(table, []).extend(rows)
                self._count += 1
            for table, rows in tables.items():
                if rows:
                    holes = ", ".join(["(" + ", ".join("?" * len(rows[0])) + ")"] * len(rows))
                    values = list(itertools.chain.from_iterable(rows))
                    self._connection.execute(f"INSERT INTO {table} VALUES {holes}", values)  # noqa: S608 - names of TABLES

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """See `Engine`."""
        return self._connection.execute(statement, list(parameters)).fetchall()

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """See `Engine`."""
        self._connection.execute(statement, list(parameters))

    def close(self) -> None:
        """See `Engine`."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _batches(reads: Iterable[Read]) -> Iterator[list[Read]]:
    every = iter(reads)
    while batch := list(itertools.islice(every, BATCH)):
        yield batch
