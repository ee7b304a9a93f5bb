"""DuckDB, of the extra `fleet`. It loads no extension, contacts nothing, and opens files in its own folder alone.

Records come as lines of JSON, which SQL turns into rows: a row at a time from Python would take ten times as long.
The cache is a folder of Parquet files, one for each batch of what was read. They are written and read in the folder of
this database and copied from there and to there, so that DuckDB itself has access to nothing else.
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
"""Pieces that are brought into the tables, and into a file of the cache, at a time."""
MEMORY: Final = "1200MB"
"""What is more goes to disk; what Python holds comes on top."""
SUFFIX: Final = ".parquet"
_UNSOUND: Final = (Error, UnicodeDecodeError)
"""What DuckDB raises over a damaged file; the second where the words of its error repeat bytes of it."""
WHOLE: Final = "whole"
_ARRIVED: Final = ("record", "cause", "symptom", "unreadable")


class Database:
    """A database in memory, and on disk where that is too small."""

    name: Final = "duckdb"

    def __init__(self, *, whole: bool = False) -> None:
        """With `whole` there is also the table WHOLE, in which a record is one row with all of its fields."""
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
        """A private folder, which is removed with the database."""
        return self._folder

    # --- What is read ------------------------------------------------------------------------------------------------

    def insert(self, reads: Iterable[Read]) -> None:
        """Add records to all tables. Their ids go up from the last one."""
        self.take(Piece("", None, 0, read.place, read.sweep, line(read.record), None, 1, True) for read in reads)
        self.settle()

    def take(self, pieces: Iterable[Piece]) -> None:
        """Add pieces, and keep those with a tag in the cache where one is open. They are in the tables, and in the
        cache, after `settle`. Raises CacheError."""
        every = iter(pieces)
        while batch := list(islice(every, BATCH - len(self._waiting))):
            self._waiting += batch
            if len(self._waiting) >= BATCH:
                self.settle()

    def settle(self) -> None:
        """Bring all that was taken into the tables and into the cache. Raises CacheError."""
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
        """Bring what arrived into the tables: the rows of the view that a statement makes."""
        self.run(arrived, **given)
        for table in self._arrived:
            self.run(f"arrived_{table}")

    # --- The cache ---------------------------------------------------------------------------------------------------

    def open_cache(self, folder: Path) -> None:
        """Use a folder as the cache. Raises CacheError where it cannot be used."""
        self._cache = Cache(folder, SUFFIX)

    def _append(self, cache: Cache) -> None:
        try:
            cache.append(self.write_parquet(statement("cached")))
        except (CacheError, TemporaryFileError) as error:
            self._cache = None
            raise CacheError(str(error)) from error

    def recall(self, sources: Sequence[Source] | None) -> tuple[set[int], tuple[str, ...]]:
        """Add to the tables what the cache holds of the sources, or all that it holds for None. Returns the places of
        those sources in the sequence, and what was wrong with the cache, in sentences."""
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
        """Copies of the sound files of the cache, and what was wrong with the others."""
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
        """A file with this content in the folder of this database. Raises TemporaryFileError."""
        copy = self._folder / name
        try:
            to_private_file(data, copy)
        except OSError as error:
            raise TemporaryFileError(self._folder, error.strerror or str(error)) from error
        return copy

    def _check(self, part: Path) -> None:
        """Raise one of _UNSOUND if this is not a file of this cache: another form, or pages that cannot be read."""
        self.run("sound", part=str(part))

    # --- Parquet -----------------------------------------------------------------------------------------------------

    def write_parquet(self, text: str, *, note: tuple[str, str] | None = None) -> bytes:
        """The rows of a statement as a Parquet file, and a note with its key in the metadata. Raises
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
        """Add rows to a table, whose columns they have in their order."""
        every = iter(rows)
        first = next(every, None)
        if first is None:
            return
        # Without names DuckDB would make them of the values, which doubles the time.
        holes = ", ".join(f'unnest(?::{kind}[]) AS "{name}"' for name, kind in self.columns(table).items())
        every = chain((first,), every)
        while batch := list(islice(every, BATCH)):
            columns = [list(column) for column in zip(*batch, strict=True)]
            self._connection.execute(f"INSERT INTO {table} SELECT {holes}", columns)

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table with their types, in their order."""
        return {name: kind for name, kind, *_ in self.query(f"DESCRIBE {table}")}

    def count(self, table: str) -> int:
        """How many rows a table or a view has."""
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def ask(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement of `agent/fleet/statements`. The arguments are its variables."""
        for variable, value in given.items():
            self.execute(f"SET VARIABLE {variable} = ?", (value,))
        return self.query(statement(name))

    def each(self, name: str, **given: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, some at a time: a million at once take more memory than all tables."""
        cursor = self._connection.cursor()  # other statements may be run meanwhile
        for variable, value in given.items():
            cursor.execute(f"SET VARIABLE {variable} = ?", (value,))
        cursor.execute(statement(name))
        while rows := cursor.fetchmany(BATCH):
            yield from rows

    def run(self, name: str, **given: Any) -> None:
        """Run such a statement for its tables."""
        self.ask(name, **given)

    def query(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement; its parameters are `?`, or `$name`."""
        return self._connection.execute(text, parameters).fetchall()

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that gives no rows."""
        self._connection.execute(text, parameters)

    def close(self) -> None:
        """Give its memory back."""
        self._connection.close()
        self._own.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, FileError):  # a statement that spills; what is read may be damaged, and is handled there
            raise TemporaryFileError(self._folder, _why(error)) from error


def _why(error: Error) -> str:
    """The system's words in an error of DuckDB, which may hold its number in JSON."""
    first = str(error).partition("\n")[0]
    number = re.search(r'"errno":"(\d{1,4})"', first)
    return first[:200].rpartition(": ")[2] if number is None else os.strerror(int(number[1]))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
