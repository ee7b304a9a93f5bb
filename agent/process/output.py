"""Where words and documents go: the streams of this process.

`--version` and `explain` come through here, so what they do not need is imported where it is used.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

MAX_LINE: Final = 800
"""Characters of what is said of one mistake: some ten lines of a terminal."""


class ReaderGoneError(Exception):
    """Whoever read stdout has gone."""


def to_stdout(document: str) -> None:
    """Write to stdout and flush. Raises ReaderGoneError where nobody can read it: a closed pipe, a full disk, none."""
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


def has_colours(stream: "TextIO | None", environment: "Mapping[str, str]") -> bool:
    """Whether `stream` is a terminal that shows colours, and whose user wants them (no-color.org)."""
    return (
        stream is not None
        and stream.isatty()
        and not environment.get("NO_COLOR")
        and (environment.get("TERM") or "dumb") != "dumb"
    )


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
