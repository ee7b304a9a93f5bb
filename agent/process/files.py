"""Reading a file that a user named: of a limited size, within a limited time, whatever kind of file it is."""

import errno
import os
import select
import time
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20
"""Size of the buffer of one read, in bytes, however little is read into it."""


class TooLargeError(Exception):
    """A file that is larger than its limit."""


def read_within(place: Path | int, *, most: int, seconds: float) -> bytes:
    """The content of a file, or what can be read from an open descriptor, which stays open: at most `most` bytes.

    Raises TooLargeError for more, and OSError, also where the end is not reached within `seconds`.
    """
    until = time.monotonic() + seconds
    data = bytearray()
    with open(place, "rb", buffering=0, closefd=not isinstance(place, int), opener=_opened) as stream:
        while True:
            left = until - time.monotonic()
            # Checked at each read: a writer that always has one more byte must not hold the process for ever.
            if left < 0 or not select.select([stream], [], [], left)[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"it does not end within {seconds:g} s")
            piece = stream.read(min(most + 1 - len(data), _PIECE))
            data += piece or b""
            if len(data) > most:
                raise TooLargeError
            if piece == b"":
                return bytes(data)


def _opened(path: str, flags: int) -> int:
    # Opening a named pipe waits for a writer, and reading from any pipe waits for data, both for ever. Opening a
    # terminal may make it the controlling terminal of this process.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
