"""Read Parquet files that may come from anybody. A separate process reads them, and has limits on memory and time.

A file of a few kilobytes may contain texts of gigabytes, and C++ code parses it. A bad file can only break the separate
process. Packed files have records. Other files may have an answer of `fleet` in their metadata.
"""

import os
import resource
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from agent.fleet.answers import KEY
from agent.fleet.athena import record_columns
from agent.fleet.places import Folder, folder_of, unread, why_not
from agent.fleet.readers import OwnReader, ProcessReader, ReaderError, answer_jobs, opened_plain
from agent.fleet.records import MAX_FAILED, MAX_IDLE, MAX_SECONDS, line_of
from agent.fleet.store import Piece, Source
from agent.report.host_record import MAX_LISTED, MAX_TEXT, SCHEMA
from agent.report.serialization import DecodeError

if TYPE_CHECKING:
    from agent.fleet.connection import Connection

MAX_PARQUET: Final = 1 << 30
"""Maximum size of a file in bytes."""
MAX_ANSWER: Final = 64 << 20
"""Maximum size in bytes of the answer in a file's metadata. The answer for a million hosts takes 12 MB."""
MAX_MEMORY: Final = 2 << 30
"""Maximum address space of the process in bytes."""
ANSWER: Final = "answer"
"""The `why` of a piece whose line is an answer of `fleet`."""
_KINDS: Final = {"string": "VARCHAR", "boolean": "BOOLEAN", "array<string>": "VARCHAR[]"}
COLUMNS: Final = {name: _KINDS[kind] for name, kind in record_columns().items()}
"""The columns of a file of packed records, with their types."""
_ROWS: Final = 500
"""Number of rows that are taken from the engine at a time."""
_BYTES: Final = 4 * MAX_TEXT
"""Maximum length of a text in bytes of UTF-8."""
_SECONDS_LEFT: Final = 10
"""The time in seconds between a source's time limit and the end of the process. The process ends itself then, in case
its parent is gone."""


class ParquetReader:
    """Reads one file at a time in another process. The process is started when it is needed, and replaced if it dies.
    `folder` is a private folder for the files and for data that does not fit into memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: ProcessReader | None = None

    def pieces(self, source: Source, content: bytes | None) -> Iterator[Piece]:
        """Yield the records of a source and the parts that cannot be read. For an answer of `fleet`, yields one piece
        whose `why` is ANSWER."""
        late = threading.Event()
        try:
            process = self._started()
        except (OSError, ReaderError) as error:
            yield unread(source.name, f"no process can be started to read it: {why_not(error)}")
            return

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(MAX_SECONDS, end)
        timer.daemon = True
        timer.start()
        try:
            for pieces, _ in process.read([source], [content]):
                yield from pieces
        except ReaderError:
            self.close()
            why = (
                f"is not read within {MAX_SECONDS:g} s"
                if late.is_set()
                else f"needs more than the {MAX_MEMORY >> 30} GiB of memory that its reader may use, or crashes it"
            )
            yield unread(source.name, why)
        finally:
            timer.cancel()

    def _started(self) -> ProcessReader:
        if self._process is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._process = ProcessReader("agent.fleet.parquet", str(self._folder))
            self._process.wait()
        return self._process

    def close(self) -> None:
        """End the process of the reader."""
        if self._process is not None:
            self._process.close()
            self._process = None


# --- In the process --------------------------------------------------------------------------------------------------


def serve(given: IO[bytes], taken: IO[bytes], folder: str) -> None:
    """Answer jobs, within the limits, until there are no more jobs."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MAX_MEMORY if hard == resource.RLIM_INFINITY else min(MAX_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    answer_jobs(FileReader(Path(folder)), given, taken)


class FileReader(OwnReader):
    """Reads Parquet in the process with the limits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pieces(self, source: Source, content: bytes | None) -> Iterator[Piece]:
        from agent.fleet.connection import connect

        signal.alarm(int(MAX_SECONDS) + _SECONDS_LEFT)
        given = self._folder / "given.parquet"
        try:
            _put(source, content, given)
            with connect(
                self._folder,
                autoinstall_known_extensions=False,
                autoload_known_extensions=False,
                allow_community_extensions=False,
                memory_limit="500MB",
                threads=1,
            ) as connection:
                connection.execute("SET allowed_directories = [?]", [str(self._folder)])
                connection.execute("SET enable_external_access = false")
                connection.execute("SET lock_configuration = true")
                yield from _File(connection, source, given).pieces()
        finally:
            given.unlink(missing_ok=True)
            signal.alarm(0)


def _put(source: Source, content: bytes | None, place: Path) -> None:
    """Write a file to a place where the engine may read it. Raises OSError and ValueError."""
    with place.open("wb") as copy:
        if content is not None:
            copy.write(content)
            return
        with opened_plain(source) as stream:
            if os.fstat(stream.fileno()).st_size > MAX_PARQUET:
                raise ValueError(f"is larger than {MAX_PARQUET >> 30} GiB")
            shutil.copyfileobj(stream, copy, 1 << 20)


class _File:
    """A file that an engine reads."""

    def __init__(self, connection: "Connection", source: Source, place: Path) -> None:
        self._connection, self._source, self._place = connection, source, str(place)

    def pieces(self) -> Iterator[Piece]:
        """Yield the content of the file. Raises ValueError, and any error of the engine."""
        folder = folder_of(self._source.name)
        if folder is None:
            yield self._answer()
            return
        if not folder.is_packed:
            raise ValueError("is Parquet, which is read only below host.v1.parquet/")
        self._check_columns()
        yield from _with_last(self._records(folder))

    def _query(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(text, [*parameters]).fetchall()

    def _answer(self) -> Piece:
        key = "key = encode(?)"
        sizes = self._query(f"SELECT octet_length(value) FROM parquet_kv_metadata(?) WHERE {key}", self._place, KEY)
        if not sizes:
            raise ValueError("holds no answer of fleet; records in Parquet are read only below host.v1.parquet/")
        if sizes[0][0] > MAX_ANSWER:
            raise ValueError(f"holds an answer of more than {MAX_ANSWER >> 20} MiB")
        ((text,), *_) = self._query(f"SELECT decode(value) FROM parquet_kv_metadata(?) WHERE {key}", self._place, KEY)
        if not text.isascii():
            raise ValueError("holds an answer that cannot be read")
        return self._piece(0, text, ANSWER)._replace(last=True)

    def _check_columns(self) -> None:
        kinds = {name: kind for name, kind, *_ in self._query(f"DESCRIBE SELECT * FROM {_FILE}", self._place)}
        for name, kind in COLUMNS.items():
            if kinds.get(name) != kind:
                raise ValueError(f"is not a file of packed records: its column {name} is not of the type {kind}")

    def _records(self, folder: Folder) -> Iterator[Piece]:
        position, failed, last = 0, 0, ""
        cursor = self._connection.execute(f"SELECT {', '.join(COLUMNS)} FROM {_FILE} WHERE {_SOUND}", [self._place])
        while failed <= MAX_IDLE and (rows := cursor.fetchmany(_ROWS)):
            for row in rows:
                record = dict(zip(COLUMNS, row, strict=True))
                try:
                    line = line_of({"schema": SCHEMA, **dict.fromkeys(("account", "region")), **record}, folder)
                except DecodeError as error:
                    failed, last = failed + 1, str(error)
                    if failed > MAX_FAILED:
                        continue
                    yield self._piece(position, None, last)
                else:
                    yield self._piece(position, line, None)
                position += 1
        if failed > MAX_IDLE:
            last = f"{last}; the rest was not read"
        ((long,),) = self._query(f"SELECT count(*) FROM {_FILE} WHERE NOT ({_SOUND})", self._place)
        for more, why in (
            (failed - MAX_FAILED, last),
            (long, f"a text of at most {MAX_TEXT:,} characters belongs here"),
        ):
            if more > 0:
                yield self._piece(position, None, f"{more:,} of its rows cannot be read; the last one: {why}", more)
                position += 1
        if position == 0:
            raise ValueError("holds no record")

    def _piece(self, position: int, text: str | None, why: str | None, times: int = 1) -> Piece:
        source, name = self._source, self._source.escaped_name
        return Piece(name, source.tag, position, f"{name}:{position + 1}", source.sweep, text, why, times, last=False)


def _with_last(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield the pieces, and mark the last one as such."""
    held: Piece | None = None
    for piece in pieces:
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held._replace(last=True)


def _sound() -> Iterator[str]:
    """Yield SQL conditions on the lengths of texts and lists. With them, Python gets no row that is larger than a
    record may be."""
    for name, kind in COLUMNS.items():
        if kind == "VARCHAR":
            yield f"coalesce(strlen({name}) <= {_BYTES}, true)"
        elif kind == "VARCHAR[]":
            most = len(COLUMNS) + 4 if name == "cut" else MAX_LISTED
            longest = f"coalesce(list_max(list_transform({name}, lambda text: strlen(text))), 0)"
            yield f"coalesce(len({name}) <= {most} AND {longest} <= {_BYTES}, true)"


_FILE: Final = "read_parquet(?, hive_partitioning = false)"
_SOUND: Final = " AND ".join(_sound())
