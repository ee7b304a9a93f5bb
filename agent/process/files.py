"""Reading a file that somebody named: a bounded size, within a bounded time, whatever it is."""

import errno
import os
import select
import time
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20
"""Bytes that one read makes room for, however little then comes."""


class TooLargeError(Exception):
    """A file that is longer than any of its kind."""


def read_within(place: Path | int, *, most: int, seconds: float) -> bytes:
    """The content of a file, or what an open descriptor gives, at most `most` bytes. Raises TooLargeError, and OSError,
    of what does not end within `seconds` as well. The descriptor stays open."""
    until = time.monotonic() + seconds
    data = bytearray()
    with open(place, "rb", buffering=0, closefd=not isinstance(place, int), opener=_opened) as stream:
        while True:
            left = until - time.monotonic()
            # Who always has one more byte must come to an end, too.
            if left < 0 or not select.select([stream], [], [], left)[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"it does not end within {seconds:g} s")
            piece = stream.read(min(most + 1 - len(data), _PIECE))
            data += piece or b""
            if len(data) > most:
                raise TooLargeError
            if piece == b"":
                return bytes(data)


def _opened(path: str, flags: int) -> int:
    # Opening a named pipe waits for a writer, and reading from any pipe for what he writes, both for ever; opening a
    # terminal may make it this process's own.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
