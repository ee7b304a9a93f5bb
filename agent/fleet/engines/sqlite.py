"""SQLite, of the standard library."""

import sqlite3
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from agent.fleet.rows import rows_of
from agent.fleet.store import TABLES, Read


class Sqlite:
    """A database in memory."""

    name: Final = "sqlite"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._count = 0
        for statement in TABLES:
            self._connection.execute(statement)

    def insert(self, reads: Iterable[Read]) -> None:
        """See `Engine`."""
        self._connection.execute("BEGIN")
        for read in reads:
            for table, rows in rows_of(read, self._count).items():
                if rows:
                    holes = ", ".join("?" * len(rows[0]))
                    self._connection.executemany(f"INSERT INTO {table} VALUES ({holes})", rows)  # noqa: S608 - names of TABLES
            self._count += 1
        self._connection.execute("COMMIT")

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """See `Engine`."""
        return self._connection.execute(statement, parameters).fetchall()

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """See `Engine`."""
        self._connection.execute(statement, parameters)

    def close(self) -> None:
        """See `Engine`."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
