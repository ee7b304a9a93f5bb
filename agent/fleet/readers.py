"""Processes that read and parse files, so that all processors take part in turning reports into records.

A reader is a new Python process with the module path of this process, but without its state: `fork` would copy a
process that has threads of a database. The reader gets jobs on its standard input and writes answers on its standard
output, each as one line of JSON. An answer has only the sizes of its records, which follow it: JSON inside JSON takes
twice as long to read. A reader ends when its input ends, even if this process was killed. If no process can be started,
as in a sandbox that forbids it, this process reads.

The pools of the standard library were measured as well, and take about as long: 3,000 reports cost 1.2 s of CPU here,
1.3 s in concurrent.futures and 1.4 s in multiprocessing. But multiprocessing.Pool waits for ever if the system kills
one of its processes for want of memory. concurrent.futures waits at exit for a read that hangs, and its processes
outlive a parent that was killed. Both run the main program again in each process.
"""

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Protocol, cast

from agent.fleet.places import unread, why_not
from agent.fleet.records import MAX_DOCUMENT, pieces_of
from agent.fleet.store import Piece, Source

ANSWER: Final = 200
"""Maximum number of pieces in one answer. A piece has at most 2 KB."""
_READY: Final = b"ready\n"
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from importlib import import_module; "
    "import_module(sys.argv[2]).serve(sys.stdin.buffer, sys.stdout.buffer, *sys.argv[3:])"
)


Answer = tuple[Sequence[Piece], int]
"""Pieces, and the number of sources that they complete. The number is 0 if more pieces of the same source follow."""


class Reader(Protocol):
    """Reads files, or contents that were already fetched."""

    def read(self, sources: Sequence[Source], contents: Sequence[bytes | None]) -> Iterator[Answer]:
        """Yield the pieces of sources in order. Each source is read from its content, or from its path if the content
        is None. Raises ReaderError if the reader is lost; sources without an answer were then not read."""

    def close(self) -> None:
        """End the reader, even while it reads."""


class ReaderError(Exception):
    """The reader ended, by itself or because the system ended it."""


class OwnReader:
    """Reads in this process."""

    def read(self, sources: Sequence[Source], contents: Sequence[bytes | None]) -> Iterator[Answer]:
        batch: list[Piece] = []
        ended = 0
        for source, content in zip(sources, contents, strict=True):
            pieces = self._whatever(source, content)
            while len(part := list(islice(pieces, ANSWER))) == ANSWER:
                if ended:
                    yield batch, ended
                    batch, ended = [], 0
                yield part, 0
            batch += part
            ended += 1
            if len(batch) >= ANSWER:
                yield batch, ended
                batch, ended = [], 0
        if ended:
            yield batch, ended

    def pieces(self, source: Source, content: bytes | None) -> Iterator[Piece]:
        """Yield the pieces of a source. Any exception may be raised."""
        if content is not None:
            yield from pieces_of(source, io.BytesIO(content))
            return
        with opened_plain(source) as stream:
            if os.fstat(stream.fileno()).st_size < MAX_DOCUMENT:  # reading the file at once takes a third of the time
                yield from pieces_of(source, io.BytesIO(stream.read()))
            else:
                yield from pieces_of(source, stream)

    def _whatever(self, source: Source, content: bytes | None) -> Iterator[Piece]:
        """Yield the pieces of a source. If reading raises an exception, the source counts as unreadable."""
        try:
            yield from self.pieces(source, content)
        except MemoryError:
            yield unread(source.name, "needs more memory than is available")
        except Exception as error:  # noqa: BLE001 - parsing bytes of others may raise anything
            yield unread(source.name, why_not(error))

    def close(self) -> None:
        """Do nothing, since this reader has nothing open."""


class ProcessReader:
    """Reads in another process by calling `serve` of a module with the `given` arguments. Raises OSError if no process
    can be started."""

    def __init__(self, module: str = __name__, *given: str) -> None:
        if not sys.executable:
            raise OSError("this Python does not know its own program")
        # The launcher of the single-file program starts Python with the same options: Python ignores environment
        # variables, and looks for modules only in the folders of the path.
        command = [sys.executable, "-I", "-S", *(["-B"] if sys.dont_write_bytecode else []), "-c", _START]
        self._process = subprocess.Popen(  # noqa: S603 - this same Python, without a shell
            [*command, json.dumps([str(Path(path).absolute()) for path in sys.path]), module, *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,  # this process handles an interrupt from the terminal
        )
        self._given = cast("IO[bytes]", self._process.stdin)  # both exist, since PIPE is given above
        self._taken = cast("IO[bytes]", self._process.stdout)

    @property
    def pid(self) -> int:
        """The id of the reader's process."""
        return self._process.pid

    def wait(self) -> None:
        """Wait until the reader is ready. Raises ReaderError if it does not start."""
        if self._taken.readline() != _READY:
            self.close()
            raise ReaderError("it ended before it was ready")

    def read(self, sources: Sequence[Source], contents: Sequence[bytes | None]) -> Iterator[Answer]:
        sizes = [None if content is None else len(content) for content in contents]
        try:
            self._given.write(_line({"sources": sources, "sizes": sizes}))
            for content in contents:
                self._given.write(content or b"")
            self._given.flush()
            left = len(sources)
            while left:
                pieces, ended = self._answer()
                yield pieces, ended
                left -= ended
        except (OSError, ValueError) as error:  # a closed pipe, or half a line
            raise ReaderError from error

    def _answer(self) -> Answer:
        rows, sizes, ended = json.loads(self._taken.readline())
        return [self._piece(Piece(*row), size) for row, size in zip(rows, sizes, strict=True)], ended

    def _piece(self, piece: Piece, size: int | None) -> Piece:
        if size is None:
            return piece
        text = self._taken.read(size)
        if len(text) < size:
            raise ValueError("half an answer")
        return piece._replace(line=text.decode("ascii"))

    def kill(self) -> None:
        """End the process. A read from it then raises ReaderError."""
        self._process.kill()

    def close(self) -> None:
        self.kill()
        for pipe in (self._given, self._taken):
            with contextlib.suppress(OSError):  # the reader did not accept the rest of the input
                pipe.close()
        self._process.wait()


def serve(given: IO[bytes], taken: IO[bytes]) -> None:
    """Answer jobs until there are no more. Runs in the reader's process."""
    answer_jobs(OwnReader(), given, taken)


def answer_jobs(reader: OwnReader, given: IO[bytes], taken: IO[bytes]) -> None:
    """Read the sources of each job, and write the answers."""
    import gc

    gc.freeze()
    gc.disable()  # the collector would scan every document again and again, which takes a fifth of the time
    taken.write(_READY)
    taken.flush()
    while text := given.readline():
        job = json.loads(text)
        sources = [Source(*source) for source in job["sources"]]
        contents = [None if size is None else given.read(size) for size in job["sizes"]]
        for pieces, ended in reader.read(sources, contents):
            sizes = [None if piece.line is None else len(piece.line) for piece in pieces]
            taken.write(_line(([piece._replace(line=None) for piece in pieces], sizes, ended)))
            taken.write("".join(piece.line or "" for piece in pieces).encode("ascii"))
            taken.flush()
        gc.collect()  # errors leave cycles of references


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


@contextlib.contextmanager
def opened_plain(source: Source) -> Iterator[BinaryIO]:
    """Open a plain file. A link is followed only if the user named it. Raises OSError, and ValueError for another kind
    of file."""
    follow = 0 if source.is_named else os.O_NOFOLLOW

    def opened(path: str, flags: int) -> int:
        # Opening a named pipe would wait for a writer for ever.
        return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | follow)

    with open(source.name, "rb", opener=opened) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("is not a plain file")
        yield stream


def started(count: int, note: Callable[[str], None]) -> list[Reader]:
    """Return up to `count` readers, each in its own process. If no process can be started, the only reader is in this
    process, and `note` gets a sentence that says so."""
    readers: list[ProcessReader] = []
    try:
        for _ in range(count):
            readers.append(ProcessReader())
        for reader in readers:
            reader.wait()
    except (OSError, ReaderError) as error:
        for reader in readers:
            reader.close()
        note(f"No process could be started to read ({why_not(error)}). This process reads instead, which takes longer.")
        return [OwnReader()]
    return list(readers)
