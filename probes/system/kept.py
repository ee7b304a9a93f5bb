"""A cache that keeps objects from one run to the next. They are made from files and variables, and are valid while
these are unchanged."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from probes.seams import MAX_FILE_BYTES

T = TypeVar("T")


class Kept(Generic[T]):
    """Keeps the last object that was made, with its source."""

    def __init__(self) -> None:
        self._last: tuple[object, T] | None = None

    def get(self, source: object, make: Callable[[], T], *, is_good: Callable[[T], bool] = lambda _: True) -> T:
        """Return the last object if it was made from an equal `source` and is still good. Otherwise, return the result
        of `make`. If `make` raises an error, nothing is kept. The caller must read `source` before this call, so that a
        change during `make` is noticed at the next call."""
        last = self._last
        if last is None or last[0] != source or not is_good(last[1]):
            last = self._last = source, make()
        return last[1]

    def forget(self) -> None:
        """Make a new object the next time."""
        self._last = None


def content_of(path: Path) -> object:
    """Return the content of a file; None if it does not exist. The time and size of a file would not be enough: all
    keys have the same length, and some file systems count in seconds.

    If the file cannot be read, is not a plain file, or is larger than MAX_FILE_BYTES, return an object that equals no
    other object.
    """
    try:
        if not path.is_file():
            return object() if path.exists() else None
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError):
        return object()
    return content if len(content) <= MAX_FILE_BYTES else object()
