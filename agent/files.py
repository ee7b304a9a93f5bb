"""Reading a file that somebody named: a bounded size, within a bounded time, whatever it is."""

import errno
import os
import select
import time
from pathlib import Path


class TooLargeError(Exception):
    """A file that is longer than any of its kind."""


def read_within(path: Path, *, most: int, seconds: float) -> bytes:
    """The content of a file, at most `most` bytes. Raises TooLargeError, and OSError, of what does not end within
    `seconds` as well."""
    until = time.monotonic() + seconds
    data = bytearray()
    # Opening a named pipe waits for a writer, and reading from any pipe for what he writes, both for ever.
    with open(path, "rb", buffering=0, opener=lambda name, how: os.open(name, how | os.O_NONBLOCK)) as stream:
        while True:
            if not select.select([stream], [], [], max(until - time.monotonic(), 0.0))[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"it does not end within {seconds:g} s")
            piece = stream.read(most + 1 - len(data))
            data += piece or b""
            if len(data) > most:
                raise TooLargeError
            if piece == b"":
                return bytes(data)
