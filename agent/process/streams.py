"""The three streams of a process that may be closed when it starts."""

import os


def occupy_closed_streams() -> None:
    """Open /dev/null in place of each closed stream among stdin, stdout and stderr. Otherwise the next file or socket
    would get its number, and a library's output to stderr would go into that file. Python's own streams stay None for
    them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # open(2) gives the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
