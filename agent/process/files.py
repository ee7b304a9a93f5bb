"""Read a file that a user named, with limits on size and time, whatever kind of file it is."""

import errno
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar, cast

_PIECE: Final = 1 << 20
"""Size of the buffer of one read in bytes."""
_POLL_SECONDS: Final = 0.1
"""Maximum time until a signal is seen while the process waits for a file."""
_THREAD: Final = "backuplink-file"

T = TypeVar("T")


class InterruptedBySignalError(Exception):
    """A signal came while the process waited for a file."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        """The name of the signal."""


class TooLargeError(Exception):
    """The file is larger than its limit."""


def read_within(place: Path | int, *, most: int, seconds: float, received_signals: Sequence[str] = ()) -> bytes:
    """Return the content, at most `most` bytes, of a file or of an open descriptor; the descriptor stays open.

    `received_signals` names the signals received so far; handlers add to it. Raises TooLargeError for more bytes,
    OSError (also if the end is not reached within `seconds`), and InterruptedBySignalError after a signal.
    """
    return within(lambda: _read(place, most, seconds), seconds=seconds, received_signals=received_signals)


def within(work: Callable[[], T], *, seconds: float, received_signals: Sequence[str] = ()) -> T:
    """Return the result of `work`, which reads files of a user. Raises its errors, TimeoutError if it does not end
    within `seconds`, and InterruptedBySignalError after a signal."""
    outcome: list[tuple[T | None, Exception | None]] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append((work(), None))
        except Exception as error:  # noqa: BLE001 - raised again below
            outcome.append((None, error))
        done.set()

    # The thread is never joined: on a network file system that hangs, opening a file has no time limit and ignores
    # signals.
    threading.Thread(target=run, daemon=True, name=_THREAD).start()
    until = time.monotonic() + seconds + 2 * _POLL_SECONDS  # the work ends earlier, at its own limit, unless it hangs
    while not done.wait(_POLL_SECONDS):
        if received_signals:
            raise InterruptedBySignalError(received_signals[0])
        if time.monotonic() > until:
            raise _late(seconds)
    result, error = outcome[0]
    if error is not None:
        raise error
    return cast("T", result)


def _read(place: Path | int, most: int, seconds: float) -> bytes:
    until = time.monotonic() + seconds
    data = bytearray()
    with open(place, "rb", buffering=0, closefd=not isinstance(place, int), opener=_opened) as stream:
        while True:
            left = until - time.monotonic()
            # The time is checked at each read, since a writer that always sends one more byte must not delay the
            # process for ever.
            if left < 0 or not select.select([stream], [], [], left)[0]:
                raise _late(seconds)
            piece = stream.read(min(most + 1 - len(data), _PIECE))
            data += piece or b""
            if len(data) > most:
                raise TooLargeError
            if piece == b"":
                return bytes(data)


def _late(seconds: float) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, f"it does not end within {seconds:g} s")


def _opened(path: str, flags: int) -> int:
    # Opening a named pipe waits for a writer, and reading any pipe waits for data, both for ever. Opening a terminal
    # may make it the controlling terminal of this process.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
