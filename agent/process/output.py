"""Where a document goes: a stream, or a file that is written whole or not at all.

`--version` and `explain` come through here, so what they do not need is imported where it is used.
"""

import contextlib
import errno
import io
import os
import stat
import sys
import time
from typing import TYPE_CHECKING, Final

from agent.process.phases import Phase, announce

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_LINE: Final = 800
"""Characters of what is said of one mistake: some ten lines of a terminal."""
READER_SECONDS: Final = 2.0
"""How long a named pipe may be without a reader; opening it would wait for ever (fifo(7))."""
_LOOK_SECONDS: Final = 0.05


class ReaderGoneError(Exception):
    """Whoever read stdout has gone."""


def to_stdout(document: str) -> None:
    """Write to stdout and flush. Raises ReaderGoneError where nobody can read it: a closed pipe, a full disk, none."""
    announce(Phase.WRITING)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter still gets the document
    try:
        if sys.stdout is None:  # closed before the process began
            raise BrokenPipeError("stdout is closed")
        if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
            _write_all(sys.stdout.buffer, document.encode(sys.stdout.encoding, "backslashreplace"))
        else:
            sys.stdout.write(document)
            sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer must not raise again when the interpreter flushes it at the end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
        raise ReaderGoneError from error
    announce(Phase.WRITTEN)


def _write_all(raw: io.RawIOBase, data: bytes) -> None:
    """Write to a stream without a buffer, as PYTHONUNBUFFERED makes stdout one: what a signal cuts short there is not
    taken up again by itself."""
    left = memoryview(data)
    while left:
        written = raw.write(left)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, "stdout takes no more, and does not wait")
        left = left[written:]


def to_stderr(words: str) -> None:
    """Write words for a person. Where nobody can read them, as after the terminal has gone, they are left out."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(words)
            sys.stderr.flush()
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process


def one_line(text: str) -> str:
    """`text` on one line of at most MAX_LINE characters, for a person: what does not print is escaped, so that nothing
    foreign can move the cursor, hide or reorder what is shown, and of a long text the middle is left out."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    half = MAX_LINE // 2
    return shown if len(shown) <= MAX_LINE else f"{shown[: half - 5]} ... {shown[-half:]}"


class Writer:
    """Writes to a stream, stdout unless told otherwise, from a thread of its own, so that a reader who takes his time
    delays no measurement."""

    def __init__(self, write: "Callable[[str], None] | None" = None) -> None:
        import queue
        import threading

        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._gone: ReaderGoneError | None = None
        self._to_stream = to_stdout if write is None else write
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Have a line written, after those before it."""
        self._lines.put(line)

    @property
    def waiting(self) -> int:
        """How many lines have not been taken up yet."""
        return self._lines.qsize()

    @property
    def reader_gone(self) -> bool:
        """Whether nobody can read what is written any more."""
        return self._gone is not None

    def end(self) -> None:
        """Wait until all is written. Raises ReaderGoneError."""
        self._lines.put(None)
        self._thread.join()
        if self._gone is not None:
            raise self._gone

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._gone is None:
                try:
                    self._to_stream(line)
                except ReaderGoneError as error:
                    self._gone = error


def to_file(document: str, path: "Path") -> None:
    """Write a file so that a reader sees the old content or the new, never half. Raises OSError.

    The new content is complete on the disk before it takes the old one's name. What is no plain file, such as a pipe
    or /dev/stderr, has no content to keep and is written to as it is.
    """
    import tempfile
    from pathlib import Path

    with contextlib.suppress(FileNotFoundError):
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            with open(_opened(path, wait=stat.S_ISFIFO(kind)), "w", encoding="utf-8") as stream:
                stream.write(document)
            return
    path = path.resolve()  # a link keeps its place; what it points at is replaced
    announce(Phase.FILE_OPENING)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".backuplink-", suffix=".new")
    try:
        announce(Phase.FILE_OPENED)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(document)
            stream.flush()
            announce(Phase.FILE_COMPLETE)
            os.fchmod(stream.fileno(), _mode_for(path))
            os.fsync(stream.fileno())
        announce(Phase.FILE_REPLACING)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    announce(Phase.FILE_REPLACED)


def _opened(path: "Path", *, wait: bool) -> int:
    """A descriptor that writes to what is no plain file. Raises OSError, of a pipe that nobody reads as well."""
    until = time.monotonic() + READER_SECONDS
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            if not wait or error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "nobody reads from this pipe") from error
            time.sleep(_LOOK_SECONDS)
        else:
            os.set_blocking(handle, True)
            return handle


def _mode_for(path: "Path") -> int:
    """Permissions of the file that is replaced, or those that a new file gets here."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
