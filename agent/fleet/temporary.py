"""The folder for DuckDB's temporary files, which hold records. If a process was killed, the next process removes its
folder. A lock shows whether the process still runs."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from agent.fleet.store import TemporaryFileError

PREFIX: Final = "backuplink-fleet-"
_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OwnFolder:
    """A folder that only this process uses, until `remove`. Raises TemporaryFileError if no folder can be made."""

    def __init__(self) -> None:
        try:
            _remove_leftovers(Path(tempfile.gettempdir()))
            while not self._is_made():
                pass  # before the lock, another process took the folder for a leftover
        except OSError as error:
            raise TemporaryFileError(Path(error.filename or "."), error.strerror or str(error)) from error

    def _is_made(self) -> bool:
        """Make a folder and lock it. Returns False if another process removed the folder before it was locked."""
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self._lock = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            return False
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        if self.path.exists():
            return True
        os.close(self._lock)
        return False

    def remove(self) -> None:
        """Remove the folder with its content."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_leftovers(folder: Path) -> None:
    for path in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another process was faster, or still holds the lock
            handle = os.open(path, _FLAGS)
            try:
                status = os.fstat(handle)
                if status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path)
            finally:
                os.close(handle)
