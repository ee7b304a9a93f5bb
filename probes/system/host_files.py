"""Read files of this host for a support archive. Only plain files are read, and only up to a limited size.

In a folder of another user, a file may be replaced at any time by a link, a pipe or a device. Such a file is not
opened, or is closed as soon as its kind is known.
"""

import errno
import itertools
import os
import stat
from pathlib import Path
from typing import Final

from probes.links import MAX_LINKS, link_in

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class HostFiles:
    """The files below a root, by their absolute paths. Every method raises OSError."""

    def __init__(self, root: str = "") -> None:
        self._root = root

    def start(self, path: str, most: int) -> tuple[bytes, bool]:
        """Return the first `most` bytes of a system file, and whether they are the whole file. The path may be a
        link."""
        # The kind is checked before the file is opened, since opening some devices has an effect.
        if not stat.S_ISREG(self._at(path).stat().st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        content = self._read(path, _FLAGS, 0, most + 1)
        return content[:most], len(content) <= most

    def end(self, path: str, most: int) -> tuple[bytes, bool]:
        """Return the last `most` bytes of a file that is not a link, and whether these are the whole file. Otherwise, a
        user who may write to the folder of a log, or to a folder above it, could choose which file is read."""
        folder = self._folder_of(path)
        try:
            name = path.rpartition("/")[2]
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a plain file")
            skipped = max(status.st_size - most, 0)
            handle = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
        return self._content(handle, skipped, most), not skipped

    def _folder_of(self, path: str) -> int:
        """Return a descriptor of the folder of a file. Links of other users on its path are not followed."""
        left = [part for part in path.split("/")[:-1] if part]
        folder = os.open(self._root or "/", _FOLDER)
        links = 0
        try:
            while left:
                name, *left = left
                target = link_in(folder, name)
                if target is None:
                    below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                    folder, above = below, folder
                    os.close(above)
                    continue
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                left = [*(part for part in target.split("/") if part not in ("", ".")), *left]
                if target.startswith("/"):
                    top = os.open(self._root or "/", _FOLDER)
                    folder, above = top, folder
                    os.close(above)
        except BaseException:
            os.close(folder)
            raise
        return folder

    def link_target(self, path: str) -> str:
        """Return the target of a link as it is written in the link."""
        return str(self._at(path).readlink())

    def entries(self, path: str, most: int) -> tuple[str, ...]:
        """Return at most `most` names in a folder, sorted."""
        with os.scandir(self._at(path)) as folder:
            return tuple(sorted(entry.name for entry in itertools.islice(folder, most)))

    def _at(self, path: str) -> Path:
        return Path(f"{self._root}{path}")

    def _read(self, path: str, flags: int, skipped: int, most: int) -> bytes:
        return self._content(os.open(self._at(path), flags), skipped, most)

    def _content(self, handle: int, skipped: int, most: int) -> bytes:
        with open(handle, "rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "not a plain file")
            stream.seek(skipped)
            data = bytearray()
            while len(data) < most and (piece := stream.read(min(most - len(data), 1 << 20))):
                data += piece
            return bytes(data)
