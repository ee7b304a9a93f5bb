"""What was made of files and variables, kept from one run to the next while those are the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from probes.seams import MAX_FILE_BYTES

T = TypeVar("T")


class Kept(Generic[T]):
    """The last thing that was made, with what it was made of."""

    def __init__(self) -> None:
        self._last: tuple[object, T] | None = None

    def get(self, source: object, make: Callable[[], T], *, is_good: Callable[[T], bool] = lambda _: True) -> T:
        """The last thing where it was made of an equal `source` and is still good; otherwise what `make` makes. What
        `make` raises is not kept. `source` is to be read before: what changes while `make` reads it shows next time."""
        last = self._last
        if last is None or last[0] != source or not is_good(last[1]):
            last = self._last = source, make()
        return last[1]

    def forget(self) -> None:
        """Make it anew next time."""
        self._last = None


def content_of(path: Path) -> object:
    """What is in a file; None where there is none. The time and the size of a file would not do: keys all have the same
    length, and some file systems count in seconds.

    What cannot be read, is not a plain file, or is larger than MAX_FILE_BYTES, gives something that equals nothing.
    """
    try:
        if not path.is_file():
            return object() if path.exists() else None
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError):
        return object()
    return content if len(content) <= MAX_FILE_BYTES else object()
