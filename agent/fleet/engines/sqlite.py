"""SQLite, of the standard library: the same tables and the same answers, in more time.

The cache is a folder of gzip files with a line of JSON for each piece; the first line of a file names the sources that
end in it. gzip has a checksum, so that a damaged file is known before anything of it is used.
"""

import gzip
import json
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent.fleet.cache import Cache
from agent.fleet.rows import Row, rows_of
from agent.fleet.store import TABLES, CacheError, Piece, Read, Source
from agent.report.host_record import line

BATCH: Final = 5_000
"""Pieces that are brought into the tables, and into a file of the cache, at a time."""
MEMORY: Final = 512 << 10
"""KiB; what is more goes to a file that has no name and is gone with this process."""
SUFFIX: Final = ".ndjson.gz"
_LEVEL: Final = 3
"""Of gzip: a tenth of the size, at five times the speed of the usual one."""


class Sqlite:
    """A database in memory, and on disk where that is too small."""

    name: Final = "sqlite"

    def __init__(self) -> None:
        # The name of nothing: a database of its own that SQLite removes, and that grows beyond its memory onto disk.
        self._connection = sqlite3.connect("", isolation_level=None)
        self.execute(f"PRAGMA cache_size = -{MEMORY}")
        self.execute("PRAGMA synchronous = OFF")
        self.execute("PRAGMA journal_mode = OFF")
        self._count = 0
        self._waiting: list[Piece] = []
        self._cache: Cache | None = None
        for statement in TABLES:
            self.execute(statement)

    # --- What is read ------------------------------------------------------------------------------------------------

    def insert(self, reads: Iterable[Read]) -> None:
        """See `Engine`."""
        self.take(Piece("", None, 0, read.place, read.sweep, line(read.record), None, 1, True) for read in reads)
        self.settle()

    def take(self, pieces: Iterable[Piece]) -> None:
        """See `Engine`."""
        every = iter(pieces)
        while batch := list(islice(every, BATCH - len(self._waiting))):
            self._waiting += batch
            if len(self._waiting) >= BATCH:
                self.settle()

    def settle(self) -> None:
        """See `Engine`."""
        batch, self._waiting = self._waiting, []
        self._spread(batch)
        kept = [piece for piece in batch if piece.tag is not None]
        if kept and self._cache is not None:
            ended = [piece[:2] for piece in kept if piece.last]
            lines = (json.dumps(each, separators=(",", ":")) for each in (ended, *kept))
            try:
                self._cache.append(gzip.compress("\n".join(lines).encode(), _LEVEL))
            except CacheError:
                self._cache = None
                raise

    def _spread(self, batch: Sequence[Piece]) -> None:
        """Bring pieces into the tables."""
        tables: defaultdict[str, list[Row]] = defaultdict(list)
        for piece in batch:
            if piece.line is None:
                tables["unreadable"].append((self._count, piece.place, piece.why, piece.times))
            else:
                rows = rows_of(json.loads(piece.line), self._count, sweep=piece.sweep, place=piece.place)
                for table, more in rows.items():
                    tables[table] += more
            self._count += 1
        self.execute("BEGIN")
        for table, filled in tables.items():
            self.fill(table, filled)
        self.execute("COMMIT")

    # --- The cache ---------------------------------------------------------------------------------------------------

    def open_cache(self, folder: Path) -> None:
        """See `Engine`."""
        self._cache = Cache(folder, SUFFIX)

    def recall(self, sources: Sequence[Source] | None) -> tuple[set[int], tuple[str, ...]]:
        """See `Engine`."""
        self.settle()
        if self._cache is None:
            return set(), ()
        files, ended, notes = self._sound(self._cache)
        numbers: dict[tuple[str, str | None], int]
        if sources is None:
            last = {source: tag for each in ended for source, tag in each}
            numbers = {pair: number for number, pair in enumerate(sorted(last.items()))}
        else:
            there: set[tuple[str, str | None]] = {pair for each in ended for pair in each}
            numbers = {
                pair: number
                for number, source in enumerate(sources)
                if (pair := (source.escaped_name, source.tag)) in there
            }
        told: set[tuple[int, int]] = set()
        for file in files:
            self._spread(list(_new(_pieces_in(file), numbers, told)))
        return set() if sources is None else set(numbers.values()), notes

    def _sound(self, cache: Cache) -> tuple[list[Path], list[list[tuple[str, str]]], tuple[str, ...]]:
        """The files that can be read, what ends in each, and what was wrong with the others."""
        files: list[Path] = []
        ended: list[list[tuple[str, str]]] = []
        notes: list[str] = []
        for file in cache.files():
            try:
                first, _, _ = _content(file).partition(b"\n")
                ended.append([(source, tag) for source, tag in json.loads(first)])
                files.append(file)
            except (OSError, EOFError, zlib.error, ValueError, TypeError):
                notes.append(cache.set_aside(file))
        return files, ended, tuple(notes)

    # --- Parquet -----------------------------------------------------------------------------------------------------

    def read_parquet(self, data: bytes) -> Iterable[dict[str, Any]]:
        """See `Engine`."""
        raise ValueError("is Parquet, which needs DuckDB: install backuplink[fleet]")

    def write_parquet(self, statement: str, parameters: Sequence[Any] = ()) -> bytes:
        """See `Engine`."""
        raise ValueError("Parquet needs DuckDB: install backuplink[fleet]")

    # --- SQL ---------------------------------------------------------------------------------------------------------

    def fill(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `Engine`."""
        every = iter(rows)
        first = next(every, None)
        if first is None:
            return
        statement = f"INSERT INTO {table} VALUES ({', '.join('?' * len(first))})"
        self._connection.execute(statement, first)
        self._connection.executemany(statement, every)

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


def _content(file: Path) -> bytes:
    """What a file of the cache holds. Raises OSError, EOFError and zlib.error where it is damaged."""
    return gzip.decompress(file.read_bytes())


def _pieces_in(file: Path) -> Iterator[Piece]:
    for text in _content(file).split(b"\n")[1:]:
        yield Piece(*json.loads(text))


def _new(
    pieces: Iterable[Piece], numbers: dict[tuple[str, str | None], int], told: set[tuple[int, int]]
) -> Iterator[Piece]:
    """The pieces of the sources that are wanted, each once: two processes may have read the same at a time."""
    for piece in pieces:
        number = numbers.get(piece[:2])
        if number is not None and (place := (number, piece.position)) not in told:
            told.add(place)
            yield piece
