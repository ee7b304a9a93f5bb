"""The streams of this process, for messages and documents.

`--version` and `explain` use this module. It therefore imports other modules only when a function needs them.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final

from agent.process.phases import Phase, announce

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

MAX_LINE: Final = 800
"""Maximum length of an error message: about ten lines of a terminal."""
ERROR: Final = 3
"""Priority of an error (syslog(3))."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a full disk, which may have room again later."""


class OutputClosedError(Exception):
    """stdout cannot be written: the pipe is closed, the disk is full, or there is no stdout. The text gives the reason.
    It is empty if only the reader, such as head(1), has ended, which is not an error."""


def to_stdout(document: str) -> None:
    """Write to stdout and flush. Raises OutputClosedError if that fails."""
    try:
        _write(document)
    except OSError as error:
        raise _closed(error) from error


def _write(document: str) -> None:
    announce(Phase.WRITING)
    if sys.stdout is None:  # closed before the process started
        raise OSError(errno.EBADF, "it is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever characters the terminal can show
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        _write_all(sys.stdout.buffer, document.encode(sys.stdout.encoding, "backslashreplace"))
    else:
        sys.stdout.write(document)
        sys.stdout.flush()
    announce(Phase.WRITTEN)


def _closed(error: OSError) -> OutputClosedError:
    # The rest of the buffer must not raise again when the interpreter flushes it on exit.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
    return OutputClosedError("" if isinstance(error, BrokenPipeError) else _why(error))


def _why(error: OSError) -> str:
    return f"stdout cannot be written: {error.strerror or error}"


def _write_all(raw: io.RawIOBase, data: bytes) -> None:
    """Write to an unbuffered stream, such as stdout with PYTHONUNBUFFERED. A signal may cut a write to such a stream
    short, and then this function continues it."""
    left = memoryview(data)
    while left:
        written = raw.write(left)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, "stdout is full, and does not block")
        left = left[written:]


def to_stderr(words: str) -> None:
    """Write a message for a person. It is dropped if that fails, for example because the terminal was closed."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(words)
            sys.stderr.flush()
    except OSError as error:
        if error.errno in _FULL:
            return  # there may be room when the next message comes
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process


def error_to_stderr(words: str) -> None:
    """Write an error in whole lines as `to_stderr` does; in the journal it has the priority of an error."""
    if "JOURNAL_STREAM" in os.environ and in_journal(2, os.environ):
        words = "\n".join(f"<{ERROR}>{line}" if line else line for line in words.split("\n"))
    to_stderr(words)


def report_closed(error: OutputClosedError) -> None:
    """Say on stderr why stdout cannot be written, if that is an error."""
    if str(error):
        error_to_stderr(f"Error: {error}.\n")


def in_journal(descriptor: int, environment: "Mapping[str, str]") -> bool:
    """Whether a stream goes to the journal, which reads a priority at the start of every line (sd-daemon(3))."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def one_line(text: str) -> str:
    """Return `text` on one line of at most MAX_LINE characters, for a person. Characters that cannot be printed are
    escaped, so that foreign text cannot move the cursor, or hide or reorder what is shown. A URL keeps only scheme and
    host, since the rest may be a secret; a long text loses its middle."""
    from probes.urls import masked_urls

    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in masked_urls(text)
    )
    half = MAX_LINE // 2
    return shown if len(shown) <= MAX_LINE else f"{shown[: half - 5]} ... {shown[-half:]}"


def is_terminal(stream: "TextIO | None") -> bool:
    """Whether a person sees at once what is written to `stream`; None stands for a closed stream."""
    return stream is not None and stream.isatty()


def has_colours(stream: "TextIO | None", environment: "Mapping[str, str]") -> bool:
    """Whether `stream` is a terminal that shows colours, and its user wants them (no-color.org)."""
    return is_terminal(stream) and not environment.get("NO_COLOR") and (environment.get("TERM") or "dumb") != "dumb"


class Log:
    """The stdout of a process that runs for months: a full disk does not close it."""

    def __init__(self) -> None:
        self._is_full = False
        self._is_torn = False
        """Whether stdout ends with half a document."""

    def write(self, text: str) -> None:
        """Write whole lines. If the disk is full, the lines are lost; stderr says so once, and again when there is
        room. Raises OutputClosedError for every other error of stdout."""
        try:
            _write(f"\n{text}" if self._is_torn else text)
        except OSError as error:
            if error.errno not in _FULL:
                raise _closed(error) from error
            if not self._is_full:
                error_to_stderr(f"Error: {_why(error)}; until there is room again, its lines are lost.\n")
            self._is_full = True
            # A line that fits into the buffer stays in the buffer, or is lost as a whole.
            self._is_torn = self._is_torn or len(text) >= io.DEFAULT_BUFFER_SIZE or "PYTHONUNBUFFERED" in os.environ
        else:
            if self._is_full:
                to_stderr("stdout is written again.\n")
            self._is_full = self._is_torn = False

    def end(self) -> None:
        """Raise OutputClosedError if the last lines are lost; stderr has already said why."""
        if self._is_full:
            raise OutputClosedError


class Writer:
    """Writes to a stream, by default stdout, in its own thread, so that a slow reader does not delay the
    measurement."""

    def __init__(self, write: "Callable[[str], None] | None" = None) -> None:
        import queue
        import threading

        self._lines: queue.SimpleQueue[str | threading.Event | None] = queue.SimpleQueue()
        self._closed: OutputClosedError | None = None
        self._to_stream = to_stdout if write is None else write
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue a line after the earlier lines."""
        self._lines.put(line)

    @property
    def waiting(self) -> int:
        """The number of queued lines."""
        return self._lines.qsize()

    @property
    def output_closed(self) -> bool:
        """Whether the stream cannot be written any more."""
        return self._closed is not None

    def flush(self) -> None:
        """Wait until every line queued so far is written, or cannot be written."""
        import threading

        written = threading.Event()
        self._lines.put(written)
        written.wait()

    def end(self) -> None:
        """Wait until everything is written. Raises OutputClosedError."""
        self._lines.put(None)
        self._thread.join()
        if self._closed is not None:
            raise self._closed

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            if not isinstance(line, str):
                line.set()
            elif self._closed is None:
                try:
                    self._to_stream(line)
                except OutputClosedError as error:
                    self._closed = error
