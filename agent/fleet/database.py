"""The DuckDB database of a fleet, which needs the extra `fleet`. It loads no extension, contacts nothing, and opens
only files in its own folder.

Records come as lines of JSON, and SQL turns them into rows. Inserting single rows from Python would take ten times as
long. The cache is a folder of Parquet files, one for each batch. DuckDB reads and writes copies in the folder of this
database, so it needs no access to other folders.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent.fleet.cache import Cache
from agent.fleet.connection import Error, FileError, connect
from agent.fleet.statements import statement
from agent.fleet.store import CacheError, Piece, Read, Source, TemporaryFileError
from agent.fleet.temporary import OwnFolder
from agent.process.write_file import to_private_file
from agent.report.host_record import line

BATCH: Final = 10_000
"""Number of pieces that are written at a time, into the tables and into a file of the cache."""
MEMORY: Final = "1200MB"
"""DuckDB's memory limit; more data goes to disk. The memory of Python itself is not included."""
SUFFIX: Final = ".parquet"
_UNSOUND: Final = (Error, UnicodeDecodeError)
"""Errors of DuckDB for a damaged file. A UnicodeDecodeError arises if the text of DuckDB's error repeats bytes of the
file."""
WHOLE: Final = "whole"
_ARRIVED: Final = ("record", "cause", "symptom", "unreadable")


class Database:
    """A database in memory that spills to disk if memory is too small."""

    name: Final = "duckdb"

    def __init__(self, *, whole: bool = False) -> None:
        """Open the database. With `whole`, there is also the table WHOLE, which has one row for each record with all
        its fields."""
        self._own = OwnFolder()
        self._folder = self._own.path
        self._connection = connect(
            self._folder,
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
            allow_community_extensions=False,
            memory_limit=MEMORY,
            threads=len(os.sched_getaffinity(0)),
            preserve_insertion_order=False,
            default_null_order="nulls_first_on_asc_last_on_desc",
        )
        self.execute(f"SET allowed_directories = [{_quoted(str(self._folder))}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")
        self._count = 0
        self._waiting: list[Piece] = []
        self._cache: Cache | None = None
        self._arrived = (*_ARRIVED, WHOLE) if whole else _ARRIVED
        for name in ("tables", "macros", "labelled", "record_value", *((WHOLE,) if whole else ())):
            self.run(name)

    @property
    def folder(self) -> Path:
        """A private folder that is removed with the database."""
        return self._folder

    # --- What is read ------------------------------------------------------------------------------------------------

    def insert(self, reads: Iterable[Read]) -> None:
        """Add records to all tables, with ids that follow the last id."""
        self.take(Piece("", None, 0, read.place, read.sweep, line(read.record), None, 1, True) for read in reads)
        self.settle()

    def take(self, pieces: Iterable[Piece]) -> None:
        """Add pieces to the tables. If a cache is open, pieces with a tag are also added to the cache. `settle` must be
        called afterwards, which completes this. Raises CacheError."""
        every = iter(pieces)
        while batch := list(islice(every, BATCH - len(self._waiting))):
            self._waiting += batch
            if len(self._waiting) >= BATCH:
                self.settle()

    def settle(self) -> None:
        """Bring all added pieces into the tables and the cache. Raises CacheError."""
        if not self._waiting:
            return
        is_kept = any(piece.tag is not None for piece in self._waiting)
        self._arrive(self._waiting)
        self._waiting = []
        self._spread("arrived_now")
        try:
            if self._cache is not None and is_kept:
                self._append(self._cache)
        finally:
            self.execute("DELETE FROM piece; DELETE FROM incoming")

    def _arrive(self, batch: Sequence[Piece]) -> None:
        self.fill("piece", ((id_, *piece) for id_, piece in enumerate(batch, self._count)))
        self.run("arrive")
        self._count += len(batch)

    def _spread(self, arrived: str, **given: Any) -> None:
        """Move the pieces that arrived into the tables. The statement `arrived` makes the view with these pieces."""
        self.run(arrived, **given)
        for table in self._arrived:
            self.run(f"arrived_{table}")

    # --- The cache ---------------------------------------------------------------------------------------------------

    def open_cache(self, folder: Path) -> None:
        """Use a folder as the cache. Raises CacheError if it cannot be used."""
        self._cache = Cache(folder, SUFFIX)

    def _append(self, cache: Cache) -> None:
        try:
            cache.append(self.write_parquet(statement("cached")))
        except (CacheError, TemporaryFileError) as error:
            self._cache = None
            raise CacheError(str(error)) from error

    def recall(self, sources: Sequence[Source] | None) -> tuple[set[int], tuple[str, ...]]:
        """Load the cached pieces of the sources into the tables, or the whole cache if `sources` is None. Returns the
        indexes of the sources that were found, and sentences about faults of the cache."""
        self.settle()
        parts, notes = ([], ()) if self._cache is None else self._parts(self._cache)
        if not parts:
            return set(), notes
        files = [str(part) for part in parts]
        self.run("listed")
        if sources is not None:
            rows = (
                (number, source.escaped_name, source.tag)
                for number, source in enumerate(sources)
                if source.tag is not None
            )
            self.fill("listed", rows)
        else:
            self.run("listed_all", parts=files)
        self.run("chosen", parts=files, first=self._count)
        known = {number for (number,) in self.ask("chosen_source")}
        self._count += self.count("chosen")
        self._spread("arrived_known", parts=files)
        self.execute("DROP VIEW arrived; DROP TABLE chosen; DROP TABLE listed")
        return known if sources is not None else set(), notes

    def _parts(self, cache: Cache) -> tuple[list[Path], tuple[str, ...]]:
        """Return copies of the sound files of the cache, and sentences about the damaged ones."""
        parts: list[Path] = []
        notes: list[str] = []
        for file in cache.files():
            try:
                copy = self._copied(file.read_bytes(), file.name)
                self._check(copy)
                parts.append(copy)
            except (OSError, *_UNSOUND):
                notes.append(cache.set_aside(file))
        return parts, tuple(notes)

    def _copied(self, data: bytes, name: str) -> Path:
        """Write a file with this content into the folder of this database. Raises TemporaryFileError."""
        copy = self._folder / name
        try:
            to_private_file(data, copy)
        except OSError as error:
            raise TemporaryFileError(self._folder, error.strerror or str(error)) from error
        return copy

    def _check(self, part: Path) -> None:
        """Raise one of _UNSOUND if the file is damaged, or if its columns differ from those of the cache's files."""
        self.run("sound", part=str(part))

    # --- Parquet -----------------------------------------------------------------------------------------------------

    def write_parquet(self, text: str, *, note: tuple[str, str] | None = None) -> bytes:
        """Return the rows of a statement as a Parquet file. `note` is a key and a value for its metadata. Raises
        TemporaryFileError."""
        written = self._folder / f"written{SUFFIX}"
        noted = "" if note is None else f", KV_METADATA {{{_quoted(note[0])}: {_quoted(note[1])}}}"
        try:
            self.execute(f"COPY ({text}) TO {_quoted(str(written))} (FORMAT parquet, COMPRESSION zstd{noted})")
            return written.read_bytes()
        except FileError as error:
            raise TemporaryFileError(self._folder, _why(error)) from error
        except OSError as error:
            raise TemporaryFileError(self._folder, error.strerror or str(error)) from error

    # --- SQL ---------------------------------------------------------------------------------------------------------

    def fill(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a table; their values are in the order of its columns."""
        every = iter(rows)
        first = next(every, None)
        if first is None:
            return
        # Without types DuckDB would infer them from the values, which doubles the time.
        holes = ", ".join(f'unnest(?::{kind}[]) AS "{name}"' for name, kind in self.columns(table).items())
        every = chain((first,), every)
        while batch := list(islice(every, BATCH)):
            columns = [list(column) for column in zip(*batch, strict=True)]
            self._connection.execute(f"INSERT INTO {table} SELECT {holes}", columns)

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table with their types, in order."""
        return {name: kind for name, kind, *_ in self.query(f"DESCRIBE {table}")}

    def count(self, table: str) -> int:
        """The number of rows of a table or a view."""
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def ask(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement in `agent/fleet/statements`. The arguments set the variables of the
        statement."""
        for variable, value in given.items():
            self.execute(f"SET VARIABLE {variable} = ?", (value,))
        return self.query(statement(name))

    def each(self, name: str, **given: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement in batches, since a million rows at once would take more memory than all
        tables."""
        cursor = self._connection.cursor()  # other statements may run meanwhile
        for variable, value in given.items():
            cursor.execute(f"SET VARIABLE {variable} = ?", (value,))
        cursor.execute(statement(name))
        while rows := cursor.fetchmany(BATCH):
            yield from rows

    def run(self, name: str, **given: Any) -> None:
        """Run a statement of `agent/fleet/statements` that only makes tables."""
        self.ask(name, **given)

    def query(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement with parameters `?` or `$name`."""
        return self._connection.execute(text, parameters).fetchall()

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that returns no rows."""
        self._connection.execute(text, parameters)

    def close(self) -> None:
        """Close the database and free its memory."""
        self._connection.close()
        self._own.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, FileError):  # the folder is full or fails; damaged files were handled before
            raise TemporaryFileError(self._folder, _why(error)) from error


def _why(error: Error) -> str:
    """Return the operating system's message in an error of DuckDB. DuckDB may put this message into JSON, together with
    its number."""
    first = str(error).partition("\n")[0]
    number = re.search(r'"errno":"(\d{1,4})"', first)
    return first[:200].rpartition(": ")[2] if number is None else os.strerror(int(number[1]))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
