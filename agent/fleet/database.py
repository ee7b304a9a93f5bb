"""DuckDB, of the extra `fleet`. It loads no extension, contacts nothing, and opens files in its own folder alone.

Records come as lines of JSON, which SQL turns into rows: a row at a time from Python would take ten times as long.
The cache is a folder of Parquet files, one for each batch of what was read. They are written and read in the folder of
this database and copied from there and to there, so that DuckDB itself has access to nothing else.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent.fleet.cache import Cache
from agent.fleet.connection import Error, connect
from agent.fleet.statements import statement
from agent.fleet.store import RECORD_COLUMNS, TABLES, CacheError, Piece, Read, Source
from agent.process.write_file import to_private_file
from agent.report.host_record import field_names, line

_ATTRIBUTES: Final = ("security_groups", "endpoints", "resolvers", "services")
"""Lists of a record that its row keeps."""
BATCH: Final = 10_000
"""Pieces that are brought into the tables, and into a file of the cache, at a time."""
MEMORY: Final = "1200MB"
"""What is more goes to disk; what Python holds comes on top."""
SUFFIX: Final = ".parquet"
_TEXTS: Final = tuple(name for name in RECORD_COLUMNS if name not in ("sweep", "place", "redacted", "complete", "ec2"))
_FLAGS: Final = ("redacted", "complete", "ec2")
_LISTS: Final = (*_ATTRIBUTES, "causes", "symptoms", "cut")
_FIELDS: Final = {
    **dict.fromkeys(_TEXTS, "VARCHAR"),
    **dict.fromkeys(_FLAGS, "BOOLEAN"),
    **dict.fromkeys(_LISTS, "VARCHAR[]"),
}
_PIECE: Final = {
    "source": "VARCHAR",
    "tag": "VARCHAR",
    "position": "BIGINT",
    "place": "VARCHAR",
    "sweep": "VARCHAR",
    "why": "VARCHAR",
    "times": "BIGINT",
    "last": "BOOLEAN",
}
_COLUMNS: Final = {**_PIECE, **_FIELDS}
"""Of a file of the cache."""
_NAMES: Final = ", ".join(_COLUMNS)
_FORM: Final = json.dumps({name: ["VARCHAR"] if kind == "VARCHAR[]" else kind for name, kind in _FIELDS.items()})
_INCOMING: Final = (
    f"CREATE TABLE incoming (id BIGINT, {', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())})"
)
_UNSOUND: Final = (Error, UnicodeDecodeError)
"""What DuckDB raises over a damaged file; the second where the words of its error repeat bytes of it."""
_ARRIVE: Final = f"""
    INSERT INTO incoming
    SELECT id, source, tag, "position", place, sweep, why, times, "last", {", ".join(f"r.{name}" for name in _FIELDS)}
    FROM (
        SELECT unnest(range(?::BIGINT, ?::BIGINT)) AS id, unnest(?::VARCHAR[]) AS source, unnest(?::VARCHAR[]) AS tag,
            unnest(?::BIGINT[]) AS "position", unnest(?::VARCHAR[]) AS place, unnest(?::VARCHAR[]) AS sweep,
            unnest(?::VARCHAR[]) AS why, unnest(?::BIGINT[]) AS times, unnest(?::BOOLEAN[]) AS "last",
            from_json(unnest(?::VARCHAR[]), '{_FORM}') AS r
    )"""
WHOLE: Final = "whole"
WHOLE_COLUMNS: Final = {name: _FIELDS[name] for name in field_names() if name in _FIELDS}
"""Of the table WHOLE, with their types, in the order of a record."""
_WHOLE: Final = f"CREATE TABLE {WHOLE} ({', '.join(f'{name} {kind}' for name, kind in WHOLE_COLUMNS.items())})"
_KEEP_WHOLE: Final = f"INSERT INTO {WHOLE} SELECT {', '.join(WHOLE_COLUMNS)} FROM arrived WHERE why IS NULL"
_ARRIVED: Final = ("record", "cause", "symptom", "unreadable")


class Database:
    """A database in memory, and on disk where that is too small."""

    name: Final = "duckdb"

    def __init__(self, *, whole: bool = False) -> None:
        """With `whole` there is also the table WHOLE, in which a record is one row with all of its fields."""
        self._own = tempfile.TemporaryDirectory(prefix="backuplink-fleet-")
        self._folder = Path(self._own.name)
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
        self._whole = (_KEEP_WHOLE,) if whole else ()
        for text in (*TABLES, _INCOMING, *((_WHOLE,) if whole else ())):
            self.execute(text)
        for name in ("macros", "record_value"):
            self.run(name)

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
        self._arrive(self._waiting)
        self._waiting = []
        self._spread("incoming")
        try:
            if self._cache is not None:
                self._append(self._cache)
        finally:
            self.execute("DELETE FROM incoming")

    def _arrive(self, batch: Sequence[Piece]) -> None:
        columns = (list(column) for column in zip(*batch, strict=True))
        sources, tags, positions, places, sweeps, lines, whys, times, lasts = columns
        first = self._count
        self._count += len(batch)
        given = [first, self._count, sources, tags, positions, places, sweeps, whys, times, lasts, lines]
        self._connection.execute(_ARRIVE, given)

    def _spread(self, relation: str) -> None:
        """Bring the rows of a relation with the columns `id` and _COLUMNS into the tables."""
        self.execute(f"CREATE OR REPLACE TEMP VIEW arrived AS SELECT * FROM {relation}")
        for table in _ARRIVED:
            self.run(f"arrived_{table}")
        for text in self._whole:
            self.execute(text)

    # --- The cache ---------------------------------------------------------------------------------------------------

    def open_cache(self, folder: Path) -> None:
        """Use a folder as the cache. Raises CacheError where it cannot be used."""
        self._cache = Cache(folder, SUFFIX)

    def _append(self, cache: Cache) -> None:
        if not self.query("SELECT count(*) FROM incoming WHERE tag IS NOT NULL")[0][0]:
            return
        data = self.write_parquet(f"SELECT {_NAMES} FROM incoming WHERE tag IS NOT NULL ORDER BY id")
        try:
            cache.append(data)
        except CacheError:
            self._cache = None
            raise

    def recall(self, sources: Sequence[Source] | None) -> tuple[set[int], tuple[str, ...]]:
        """Add to the tables what the cache holds of the sources, or all that it holds for None. Returns the places of
        those sources in the sequence, and what was wrong with the cache, in sentences."""
        self.settle()
        parts, notes = ([], ()) if self._cache is None else self._parts(self._cache)
        if not parts:
            return set(), notes
        if sources is not None:
            self.execute("CREATE OR REPLACE TEMP TABLE listed (number BIGINT, source VARCHAR, tag VARCHAR)")
            rows = (
                (number, source.escaped_name, source.tag)
                for number, source in enumerate(sources)
                if source.tag is not None
            )
            self.fill("listed", rows)
        else:
            self.execute(f"""CREATE OR REPLACE TEMP TABLE listed AS
                SELECT row_number() OVER (ORDER BY source) AS number, source, arg_max(tag, filename) AS tag
                FROM {_reading(parts)} WHERE "last" GROUP BY source""")
        # Of a source that was not read to its end, nothing holds. Where two processes read the same at a time, both
        # kept it: the last file that has it holds.
        self.execute(f"""CREATE OR REPLACE TEMP TABLE chosen AS
            SELECT {self._count} + row_number() OVER (ORDER BY number, "position") - 1 AS id, number, filename, source,
                "position"
            FROM (SELECT number, source, "position", max(filename) AS filename
                FROM listed JOIN {_reading(parts)} USING (source, tag)
                WHERE number IN (SELECT number FROM listed JOIN {_reading(parts)} USING (source, tag) WHERE "last")
                GROUP BY number, source, "position")""")
        known = {number for (number,) in self.query("SELECT DISTINCT number FROM chosen")}
        self._count += int(self.query("SELECT count(*) FROM chosen")[0][0])
        relation = f'(SELECT * FROM chosen JOIN {_reading(parts)} USING (source, filename, "position"))'
        self._spread(relation)
        self.execute("DROP TABLE chosen; DROP TABLE listed")
        return known if sources is not None else set(), notes

    def _parts(self, cache: Cache) -> tuple[list[Path], tuple[str, ...]]:
        """Copies of the sound files of the cache, and what was wrong with the others."""
        parts: list[Path] = []
        notes: list[str] = []
        for file in cache.files():
            copy = self._folder / file.name
            try:
                shutil.copyfile(file, copy)
                self._check(copy)
                parts.append(copy)
            except (OSError, *_UNSOUND):
                notes.append(cache.set_aside(file))
        return parts, tuple(notes)

    def _check(self, part: Path) -> None:
        """Raises one of _UNSOUND for what is no file of this cache: another form, and pages that cannot be read."""
        values = {"VARCHAR": "len({})", "VARCHAR[]": "len(array_to_string({}, ''))"}
        sums = (f"sum({values.get(kind, '{}::BIGINT').format(name)})" for name, kind in _COLUMNS.items())
        self.query(f"SELECT {', '.join(sums)} FROM {_reading([part])}")

    # --- Parquet -----------------------------------------------------------------------------------------------------

    def read_parquet(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The rows of a Parquet file. Raises ValueError for what is none, and where the engine does not read it."""
        given = self._folder / f"given{SUFFIX}"
        try:
            to_private_file(data, given)
            cursor = self._connection.cursor()
            cursor.execute(f"SELECT * FROM {_reading([given])}")
            names = [column[0] for column in cursor.description or ()]
            while rows := cursor.fetchmany(BATCH):
                for row in rows:
                    yield dict(zip(names, row, strict=True))
        except _UNSOUND as error:
            raise ValueError(f"is no Parquet that can be read: {str(error).splitlines()[0][:200]}") from error

    def note_in_parquet(self, data: bytes, key: str) -> str | None:
        """What the metadata of a Parquet file has under a key. Raises ValueError for what is none."""
        given = self._folder / f"given{SUFFIX}"
        try:
            to_private_file(data, given)
            rows = self.query(
                f"SELECT decode(value) FROM parquet_kv_metadata({_quoted(str(given))}) WHERE key = encode(?)", (key,)
            )
        except _UNSOUND as error:
            raise ValueError(f"is no Parquet that can be read: {str(error).splitlines()[0][:200]}") from error
        return rows[0][0] if rows else None

    def write_parquet(
        self, statement: str, parameters: Sequence[Any] = (), *, note: tuple[str, str] | None = None
    ) -> bytes:
        """The rows of a statement as a Parquet file, and a note with its key in the metadata. Raises ValueError where
        the engine does not write it."""
        written = self._folder / f"written{SUFFIX}"
        noted = "" if note is None else f", KV_METADATA {{{_quoted(note[0])}: {_quoted(note[1])}}}"
        self.execute(
            f"COPY ({statement}) TO {_quoted(str(written))} (FORMAT parquet, COMPRESSION zstd{noted})", parameters
        )
        return written.read_bytes()

    # --- SQL ---------------------------------------------------------------------------------------------------------

    def fill(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a table, whose columns they have in their order."""
        every = iter(rows)
        first = next(every, None)
        if first is None:
            return
        kinds = [kind for _, kind, *_ in self.query(f"DESCRIBE {table}")]
        holes = ", ".join(f"unnest(?::{kind}[])" for kind in kinds)
        every = chain((first,), every)
        while batch := list(islice(every, BATCH)):
            columns = [list(column) for column in zip(*batch, strict=True)]
            self._connection.execute(f"INSERT INTO {table} SELECT {holes}", columns)

    def ask(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement of `agent/fleet/statements`; what is given are its variables."""
        for variable, value in given.items():
            self.execute(f"SET VARIABLE {variable} = ?", (value,))
        return self.query(statement(name))

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
        self._own.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reading(parts: Sequence[Path]) -> str:
    """The rows of Parquet files, as a relation of SQL."""
    return f"read_parquet([{', '.join(_quoted(str(part)) for part in parts)}], filename = true)"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
