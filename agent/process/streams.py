"""The three streams of a process that may be closed when it starts."""

import os


def occupy_closed_streams() -> None:
    """Open /dev/null in place of each of stdin, stdout and stderr that is closed. Otherwise the next file or socket
    gets its number, and what a library writes to stderr goes into that. Python's own streams stay None for them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # open(2) gives the lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
