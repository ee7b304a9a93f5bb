"""The folder of a cache. Each file has the pieces of one batch. It is written once, as a whole, and never changes."""

import secrets
import time
from pathlib import Path
from typing import Final

from agent.fleet.store import CacheError
from agent.process.write_file import own_private_folder, set_aside, to_private_file

VERSION: Final = 1
"""Version of the format of the files. Files of another version are left alone."""
_PREFIX: Final = f"records-{VERSION}-"


class Cache:
    """A folder with files of one kind that only its owner can read. Raises CacheError if the folder cannot be used."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._suffix = suffix
        try:
            self._folder = own_private_folder(folder)
        except OSError as error:
            raise _in_words(error) from error

    def files(self) -> list[Path]:
        """Return the files, the oldest first. Raises CacheError."""
        try:
            return sorted(
                path
                for path in self._folder.iterdir()
                if path.name.startswith(_PREFIX) and path.name.endswith(self._suffix)
            )
        except OSError as error:
            raise _in_words(error) from error

    def append(self, data: bytes) -> None:
        """Add a file. Raises CacheError."""
        name = f"{_PREFIX}{time.time_ns():020}-{secrets.token_hex(4)}{self._suffix}"
        try:
            to_private_file(data, self._folder / name)
        except OSError as error:
            raise _in_words(error) from error

    def set_aside(self, file: Path) -> str:
        """Move a damaged file aside. Returns a sentence that says so. Raises CacheError."""
        try:
            name = set_aside(file)
        except OSError as error:
            raise _in_words(error) from error
        return f"A file of the cache is damaged and was set aside as {name}; its records are read again."


def _in_words(error: OSError) -> CacheError:
    return CacheError(error.strerror or str(error))
