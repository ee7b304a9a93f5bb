"""The three streams of a process that may be closed when it starts."""

import os


def occupy_closed_streams() -> None:
    """Open /dev/null in place of each closed stream among stdin, stdout and stderr. Otherwise the next file or socket
    would get the number of the closed stream, and what a library writes to stderr would go into that file. Python's own
    objects for the closed streams stay None."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # open(2) returns the lowest free number, which is that of the closed stream.
            os.open(os.devnull, os.O_RDWR)
