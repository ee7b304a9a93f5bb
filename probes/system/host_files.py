"""Files of this host for a support archive: plain files alone, of a limited size, whatever has their names.

What lies in a folder of another user may be a link, a pipe or a device by now. Such a file is not opened, or let go of
once it shows what it is.
"""

import errno
import itertools
import os
import stat
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class HostFiles:
    """The files below a root, by their absolute paths. Every method raises OSError."""

    def __init__(self, root: str = "") -> None:
        self._root = root

    def start(self, path: str, most: int) -> tuple[bytes, bool]:
        """The first `most` bytes of a file of the system, which may be a link, and whether that is all of it."""
        # Before it is opened: opening some devices does something.
        if not stat.S_ISREG(self._at(path).stat().st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        content = self._read(path, _FLAGS, 0, most + 1)
        return content[:most], len(content) <= most

    def end(self, path: str, most: int) -> tuple[bytes, bool]:
        """The last `most` bytes of a file that is no link, and whether that is all of it: who may write to the folder
        of a log must not choose what is read."""
        status = self._at(path).lstat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        skipped = max(status.st_size - most, 0)
        return self._read(path, _FLAGS | os.O_NOFOLLOW, skipped, most), not skipped

    def link_target(self, path: str) -> str:
        """Where a link leads, as it is written there."""
        return str(self._at(path).readlink())

    def entries(self, path: str, most: int) -> tuple[str, ...]:
        """Names in a folder, at most `most`, sorted."""
        with os.scandir(self._at(path)) as folder:
            return tuple(sorted(entry.name for entry in itertools.islice(folder, most)))

    def _at(self, path: str) -> Path:
        return Path(f"{self._root}{path}")

    def _read(self, path: str, flags: int, skipped: int, most: int) -> bytes:
        handle = os.open(self._at(path), flags)
        with open(handle, "rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "not a plain file")
            stream.seek(skipped)
            data = bytearray()
            while len(data) < most and (piece := stream.read(min(most - len(data), 1 << 20))):
                data += piece
            return bytes(data)
