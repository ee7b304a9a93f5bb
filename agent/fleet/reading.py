"""Read all sources of a fleet into the tables of an engine: files, folders, S3, Run Command and the cache."""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.catalog.wording import counted
from agent.fleet import aws, run_command, s3
from agent.fleet.answers import unpacked
from agent.fleet.model import MAX_EXAMPLES, FleetDocument, Unreadable
from agent.fleet.parquet import ANSWER, ParquetReader
from agent.fleet.places import PARQUET, S3, day_of, folder_of, is_day, record_beside, sources_of, unread
from agent.fleet.readers import Answer, OwnReader, ProcessReader, Reader, ReaderError, started
from agent.fleet.store import CacheError, Piece, Source, TemporaryFileError, escaped
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

FEW_SOURCES: Final = 40
FEW_BYTES: Final = 4 << 20
"""This process reads the sources if there are at most FEW_SOURCES of them, with at most FEW_BYTES bytes together.
Starting other processes would take longer."""
CHUNK: Final = 32
"""Number of sources that a reader gets at a time."""
CHUNK_BYTES: Final = 8 << 20
_POLL_SECONDS: Final = 0.1
_LISTED: Final = 1_000
"""Number of sources between two reports of progress while sources are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """The records to read, and the limits of reading."""

    places: tuple[str, ...]
    """Files, folders, patterns of names, `s3://BUCKET/PREFIX`."""
    command_ids: tuple[str, ...]
    """Ids of commands of Run Command, whose outputs are read."""
    cache: Path | None
    """The folder of cached records; None for no cache. If no places and no commands are given, all cached records are
    read."""
    region: str | None
    profile: str | None
    since: date | None = None
    """The first day to read: folders of earlier days are not read. The times of single records are not checked here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """The result of reading."""

    read: int
    """Number of records in the tables."""
    unreadable_count: int
    unreadable: tuple[Unreadable, ...]
    """The first unreadable sources, at most MAX_EXAMPLES."""
    notes: tuple[str, ...]
    """Remarks for the reader of the fleet document."""
    reports: frozenset[str] = frozenset()
    """Places of whole reports that were not read because the record of the same run was read."""
    answers: tuple[FleetDocument, ...] = ()
    """Answers of `fleet` for parts of the hosts, if answers were read instead of records."""


class FleetReadError(Exception):
    """Nothing at all can be read. The message tells the operator why."""


def read_into(
    engine: "Database",
    request: ReadRequest,
    *,
    progress: Callable[[int, int | None], None],
    cancelled: Callable[[], bool],
) -> ReadResult:
    """Read the requested records into the tables of an engine.

    `progress` gets the number of sources done and their total, which is None while they are being listed. `cancelled`
    is polled. When it returns true, the sources read so far are returned, with a note that they are incomplete. Raises
    FleetReadError if nothing can be read at all.
    """
    reading = _Reading(engine, request, progress, cancelled)
    try:
        return reading.result()
    finally:
        reading.close()


class _Reading:
    def __init__(
        self,
        engine: "Database",
        request: ReadRequest,
        progress: Callable[[int, int | None], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._request = request
        self._progress = progress
        self._cancelled = cancelled
        self._notes: list[str] = []
        self._clients: dict[str, Any] = {}
        self._done = 0
        self._reports: frozenset[str] = frozenset()
        self._answers: list[tuple[str, FleetDocument]] = []
        self._parquet = ParquetReader(engine.folder / "read")

    def close(self) -> None:
        self._parquet.close()

    def result(self) -> ReadResult:
        is_cached = self._open_cache()
        if not self._request.places and not self._request.command_ids:
            if not is_cached:
                raise FleetReadError("nothing to read: name a file, a folder, s3://BUCKET/PREFIX or a command")
            self._recall(None)
        else:
            sources = self._without_reports(self._listed())
            known = self._recall(sources) if is_cached else set()
            self._done = len(known)
            rest = [source for place, source in enumerate(sources) if place not in known] if known else sources
            self._read(rest, len(sources))
            for command in self._request.command_ids:
                self._take(self._of_command(command))
        self._settle()
        return self._said()

    def _said(self) -> ReadResult:
        engine = self._engine
        read = engine.count("record")
        (count,) = engine.ask("unreadable_count")[0]
        rows = engine.ask("unreadable_place", most=MAX_EXAMPLES)
        unreadable = tuple(Unreadable(place=place, why=why) for place, why in rows)
        answers = self._answers_of_a_day()
        if read and answers:
            count += len(answers)
            why = "is an answer of fleet, which is joined only with other answers"
            unreadable += tuple(Unreadable(place=escaped(place), why=why) for place, _ in answers)
            answers = []
        if self._cancelled():
            self._notes.append("Reading was interrupted: this is not the whole fleet.")
        elif not read and not answers:
            first = f"; {unreadable[0].place}: {unreadable[0].why}" if unreadable else ""
            raise FleetReadError(f"no report and no record can be read there ({count:,} unreadable){first}")
        return ReadResult(
            read=read,
            unreadable_count=count,
            unreadable=unreadable[:MAX_EXAMPLES],
            notes=tuple(self._notes),
            reports=self._reports,
            answers=tuple(answer for _, answer in answers),
        )

    def _answers_of_a_day(self) -> list[tuple[str, FleetDocument]]:
        """Return the answers. If the folders are of several days, only the answers of the last day are returned."""
        days = {day_of(place) or "" for place, _ in self._answers}
        last = [(place, answer) for place, answer in self._answers if (day_of(place) or "") == max(days)]
        if len(last) < len(self._answers):
            left = counted(len(self._answers) - len(last), "answer")
            self._notes.append(f"Left out {left} of earlier days: only the answers of {max(days)} are joined.")
        return last

    # --- The cache ---------------------------------------------------------------------------------------------------

    def _open_cache(self) -> bool:
        if self._request.cache is None:
            return False
        try:
            self._engine.open_cache(self._request.cache)
        except CacheError as error:
            self._notes.append(f"Read without the cache {self._request.cache}: {error}.")
            return False
        return True

    def _recall(self, sources: Sequence[Source] | None) -> set[int]:
        try:
            known, notes = self._engine.recall(sources)
        except (CacheError, TemporaryFileError) as error:
            self._notes.append(f"Read without the cache {self._request.cache}: {error}.")
            return set()
        self._notes += notes
        return known

    def _take(self, pieces: Iterator[Piece] | Sequence[Piece]) -> None:
        try:
            self._engine.take(pieces)
        except CacheError as error:
            self._notes.append(f"The cache {self._request.cache} could not keep the records: {error}.")

    def _settle(self) -> None:
        try:
            self._engine.settle()
        except CacheError as error:
            self._notes.append(f"The cache {self._request.cache} could not keep the records: {error}.")

    # --- What there is -----------------------------------------------------------------------------------------------

    def _listed(self) -> list[Source]:
        """Return the sources of all places, each once. Places that cannot be read are added to the tables
        immediately."""
        found: dict[str, Source] = {}
        first = "" if self._request.since is None else self._request.since.isoformat()
        for place in self._request.places:
            for source in self._in_s3(place) if place.startswith(S3) else sources_of(place):
                if isinstance(source, Source) and (why := _misplaced(source.name)) is not None:
                    source = unread(source.name, why)
                if isinstance(source, Piece):
                    self._take([source])
                elif not is_day(source.sweep or "") or (source.sweep or "") >= first:
                    found[source.name] = source
                    if len(found) % _LISTED == 0:
                        self._progress(0, None)
                if self._cancelled():
                    return list(found.values())
        return list(found.values())

    def _without_reports(self, sources: Sequence[Source]) -> Sequence[Source]:
        """Drop each whole report whose record is also a source. The report says the same as the record, and is eighty
        times as long."""
        there = {source.name for source in sources if source.size}
        reports = {source.name for source in sources if record_beside(source.name) in there}
        self._reports = frozenset(map(escaped, reports))
        return [source for source in sources if source.name not in reports]

    def _in_s3(self, place: str) -> Iterator[Source | Piece]:
        try:
            yield from s3.listed(self._client("s3"), place, self._cancelled)
        except aws.AwsError as error:
            yield unread(place, str(error))

    def _of_command(self, command: str) -> Iterator[Piece]:
        try:
            for piece in run_command.pieces_of(self._client("ssm"), command, self._cancelled):
                yield piece
                self._done += 1
                self._progress(self._done, None)
        except aws.AwsError as error:
            yield unread(command, str(error))

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = aws.client(service, region=self._request.region, profile=self._request.profile)
        return self._clients[service]

    # --- Reading -----------------------------------------------------------------------------------------------------

    def _read(self, sources: Sequence[Source], total: int) -> None:
        lines = [source for source in sources if not source.name.lower().endswith(PARQUET)]
        self._progress(self._done, total)
        for pieces, ended in self._pieces(lines):
            self._take(pieces)
            self._done += ended
            self._progress(self._done, total)
            if self._cancelled():
                return
        for source in sources:
            if self._cancelled():
                return
            if source.name.lower().endswith(PARQUET):
                self._take(self._of_parquet(source))
                self._done += 1
                self._progress(self._done, total)

    def _pieces(self, sources: Sequence[Source]) -> Iterator[Answer]:
        """Yield the pieces of sources, each time with the number of sources that they complete."""
        is_remote = any(source.name.startswith(S3) for source in sources)
        if len(sources) <= FEW_SOURCES and sum(source.size for source in sources) <= FEW_BYTES and not is_remote:
            own = OwnReader()
            yield from own.read(sources, [None] * len(sources))
            return
        count = 1 if len(sources) == 1 else len(os.sched_getaffinity(0))
        readers = started(count, self._notes.append)
        lanes = _Lanes(_chunks(sources), readers, self._content, max(len(readers), aws.AT_ONCE if is_remote else 0))
        try:
            yield from lanes.pieces(self._cancelled)
        finally:
            lanes.close()

    def _content(self, source: Source) -> bytes | None:
        """Fetch content that a reader cannot get itself. Raises AwsError."""
        return s3.content_of(self._client("s3"), source) if source.name.startswith(S3) else None

    def _of_parquet(self, source: Source) -> Iterator[Piece]:
        try:
            content = self._content(source)
        except aws.AwsError as error:
            yield unread(source.name, str(error))
            return
        for piece in self._parquet.pieces(source, content):
            if piece.why != ANSWER or piece.line is None:
                yield piece
                continue
            try:
                self._answers.append((source.name, unpacked(piece.line)))
            except ValueError as error:
                yield unread(source.name, str(error))


def _misplaced(path: str) -> str | None:
    """Return the reason why a path is not read. None if it is read."""
    try:
        folder_of(path)
    except ValueError as error:
        return str(error)
    return None


def _chunks(sources: Sequence[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in sources:
        if chunk and (len(chunk) == CHUNK or size + source.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(source)
        size += source.size
    if chunk:
        yield chunk


class _Lanes:
    """Threads that fetch sources. They pass one chunk at a time to the next free reader."""

    def __init__(
        self,
        chunks: Iterator[list[Source]],
        readers: Sequence[Reader],
        content: Callable[[Source], bytes | None],
        count: int,
    ) -> None:
        self._chunks = chunks
        self._content = content
        self._choosing = threading.Lock()
        self._ending = threading.Event()
        self._idle: queue.Queue[Reader] = queue.Queue()
        self._readers: list[Reader] = list(readers)
        for reader in readers:
            self._idle.put(reader)
        self._found: queue.Queue[Answer | Exception | None] = queue.Queue(64)
        self._open = count
        for _ in range(count):  # these threads are never joined: a hanging request must not hold up the process
            threading.Thread(target=self._lane, daemon=True, name="backuplink-fleet").start()

    def pieces(self, cancelled: Callable[[], bool]) -> Iterator[Answer]:
        """Yield the pieces until everything is read or `cancelled` returns true."""
        while self._open and not cancelled():
            try:
                found = self._found.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if found is None:
                self._open -= 1
            elif isinstance(found, Exception):
                raise found
            else:
                yield found

    def close(self) -> None:
        """End the processes of all readers."""
        self._ending.set()
        for reader in self._readers:
            reader.close()

    def _lane(self) -> None:
        try:
            while not self._ending.is_set():
                with self._choosing:
                    chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._read(chunk)
            self._put(None)
        except Exception as error:  # noqa: BLE001 - raised again where the pieces are taken
            self._put(error)

    def _put(self, found: Answer | Exception | None) -> None:
        while not self._ending.is_set():
            try:
                self._found.put(found, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def _read(self, chunk: list[Source]) -> None:
        sources: list[Source] = []
        contents: list[bytes | None] = []
        for source in chunk:
            try:
                contents.append(self._content(source))
                sources.append(source)
            except aws.AwsError as error:
                self._put(([unread(source.name, str(error))], 1))
        done, told = self._through_a_reader(sources, contents, 0)
        for source, content in zip(sources[done:], contents[done:], strict=True):  # one of these files ended the reader
            ended, told = self._through_a_reader([source], [content], told)
            if not ended:
                self._put(([unread(source.name, "the process that read it was ended, perhaps for want of memory")], 1))
                told = 0

    def _through_a_reader(self, sources: list[Source], contents: list[bytes | None], skipped: int) -> tuple[int, int]:
        """Read with the next free reader. Returns the number of sources that were read completely, and the number of
        pieces of the next source that were already passed on. `skipped` is the number of pieces of the first source
        that were passed on before."""
        done, told = 0, 0
        reader = self._idle.get()
        try:
            for pieces, ended in reader.read(sources, contents):
                first = skipped if done == 0 else 0
                self._put((pieces if not first else [piece for piece in pieces if piece.position >= first], ended))
                done, told = done + ended, 0 if ended else told + len(pieces)
        except ReaderError:
            reader.close()
            if self._ending.is_set():
                return len(sources), 0
            reader = self._another()
        finally:
            self._idle.put(reader)
        return done, told

    def _another(self) -> Reader:
        try:
            reader = ProcessReader()
            self._readers.append(reader)
            reader.wait()
        except (OSError, ReaderError):
            return OwnReader()
        return reader
