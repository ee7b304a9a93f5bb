"""Write a file whole or not at all, even as root in folders that other users can write.

The path is walked once, folder by folder, by descriptors (openat(2)), so nobody can exchange a folder between its check
and its use. A link in the path is followed only if no other user can have placed it. All new content is on the disk
before the new file takes the name of the old one. Only this module creates or replaces files for a user.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from agent.process.phases import Phase, announce
from probes.frozen import dataclass
from probes.links import MAX_LINKS, is_shared, link_in

READER_SECONDS: Final = 2.0
"""Time limit for a named pipe without a reader; opening it would wait for ever (fifo(7))."""
_POLL_SECONDS: Final = 0.05
PATH_MAX: Final = 4_096
"""Maximum length of a path in bytes, with its NUL. It is the kernel's limit: no program can open a longer path
(path_resolution(7))."""
_PREFIX: Final = ".backuplink-"
_SUFFIX: Final = ".new"
_FOLDER: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags for a folder of the path. With O_PATH, this program can pass through a folder that it cannot read, as every
program can (open(2))."""
_DESCRIPTOR: Final = re.compile(
    r"/dev/fd/(?P<own>\d{1,9})|/proc/(?P<process>self|thread-self|\d{1,9})(?:/task/\d{1,9})?/fd/(?P<number>\d{1,9})"
)
_OF_DATABASE: Final = ("-wal", "-shm", "-journal")
"""Suffixes that SQLite appends to the name of a file (Temporary Files Used By SQLite)."""
_STREAMS: Final = {"/dev/stdout": 1, "/dev/stderr": 2}


def to_file(document: str, path: Path, *, private: bool = False) -> None:
    """Write a file so that readers see either the old or the new content, never a part. Raises OSError.

    A new file has the permissions that the umask leaves; with `private` only its owner can read it. A file that
    replaces a plain file of this user keeps the old permissions, without set-uid, set-gid and sticky bits. A pipe, a
    device or an open descriptor (`/dev/stdout`, `/dev/fd/N`) has no content to keep and is written to directly. A link
    is followed if it belongs to root or this user and lies in a folder that no other user can write; for any other link
    OSError is raised.
    """
    _to_place(document.encode("utf-8"), path, partial(_mode, private=private))


def to_private_file(data: bytes, path: Path) -> bool:
    """Write a file as `to_file` does, but readable only by its owner, even if others could read the old file. Returns
    whether the name is now a plain file, not a pipe, a device or a descriptor. Raises OSError."""
    return _to_place(data, path, lambda _: 0o600)


def _to_place(data: bytes, path: Path, mode: Callable[[os.stat_result | None], int]) -> bool:
    """Write to the existing file, pipe or device at `path`, or make a file there, with the permissions that `mode`
    returns for the status of the old file. Returns whether the place is a plain file."""
    if (descriptor := _descriptor(os.fspath(path))) is not None:
        _write_all(descriptor, data)
        return False
    with _located(path) as place:
        old = place.status()
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if old is not None and not stat.S_ISREG(old.st_mode):
            _write_all(place.open_special(old), data)
            return False
        _remove_leftovers(place.folder)
        _replace(place, data, mode(old))
        return True


def to_new_file(document: str | bytes, path: Path) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises OSError, and FileExistsError if the name
    is taken, even by a link that leads nowhere."""
    data = document.encode("utf-8") if isinstance(document, str) else document
    with _located(path, follow_last=False) as place:
        if place.status() is not None:  # refused before anything is written
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        _remove_leftovers(place.folder)
        _replace(place, data, 0o600, new=True)


def to_new_folder(folder: Path, files: Iterable[tuple[str, str]]) -> None:
    """Make a folder, which must not exist, with these files, given by path and text. Only their owner can read them. If
    it fails, the folder is removed. It does not wait until the files are on the disk, since they can be made again.
    Raises OSError."""
    folder.mkdir(mode=0o700)
    try:
        _fill(folder, files)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a failing disk may refuse to remove it
        raise


def _fill(folder: Path, files: Iterable[tuple[str, str]]) -> None:
    made = {folder}
    for name, text in files:
        place = folder / name
        missing = [parent for parent in place.parents if parent.is_relative_to(folder) and parent not in made]
        for parent in reversed(missing):
            parent.mkdir(mode=0o700)
        made.update(missing)
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        _write_all(handle, text.encode("utf-8"))


def own_private_file(path: Path) -> Path:
    """Return the path, without links, of a plain file of this user. If the file does not exist, an empty file is
    created that only its owner can read. This is for a library that writes to the file itself, and to files beside it
    whose names begin with the name of the file. Raises OSError for other kinds of files, for a file of another user,
    and if another user has placed something at such a name."""
    with _located(path) as place:
        if place.status() is None:
            with contextlib.suppress(FileExistsError):  # another process was faster
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                handle = os.open(place.name, flags, 0o600, dir_fd=place.folder)
                try:
                    os.fchmod(handle, 0o600)  # a umask may have removed even the owner's permissions
                finally:
                    os.close(handle)
        for name in (place.name, *(f"{place.name}{suffix}" for suffix in _OF_DATABASE)):
            status = _Place(place.folder, name).status()
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, f"{name} is not a plain file")
            if status.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, f"{name} belongs to another user")
    return Path(os.path.realpath(path))


def own_private_folder(path: Path) -> Path:
    """Return the path, without links, of a folder of this user in which nobody else can make or replace files. If it
    does not exist, it is made, with the folders above it, so that only its owner can use it. `to_file` tells which
    links in the path are followed. Raises OSError if the path is not a folder, if the folder belongs to another user,
    if others can write to it, and if others can replace it or a folder above it."""
    status = None
    for folder in reversed([path, *path.parents]):
        if folder.name in ("", ".."):  # the folder exists now, and the next step enters it
            continue
        with _located(folder) as place:
            above = os.fstat(place.folder)
            if above.st_uid not in (0, os.geteuid()) or (is_shared(above) and not above.st_mode & stat.S_ISVTX):
                raise PermissionError(errno.EPERM, f"other users can replace {folder}")
            if place.status() is None:
                with contextlib.suppress(FileExistsError):  # another process was faster
                    os.mkdir(place.name, mode=0o700, dir_fd=place.folder)
            status = place.status()
    if status is None:
        status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")
    if status.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "other users can write to it")
    return Path(os.path.realpath(path))


def set_aside(path: Path) -> str:
    """Rename a file in an `own_private_folder`. Returns its new name. Raises OSError."""
    aside = path.with_name(f"{path.name}.damaged")
    path.rename(aside)
    return aside.name


def _replace(place: "_Place", data: bytes, mode: int, *, new: bool = False) -> None:
    announce(Phase.FILE_OPENING)
    name, handle = _unfinished(place.folder)
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            announce(Phase.FILE_COMPLETE)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
            os.close(os.dup(stream.fileno()))  # some network file systems report a failed write only here (close(2))
            announce(Phase.FILE_REPLACING)
            if new:
                _rename_new(name, place)
            else:
                _rename(name, place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=place.folder)
        raise
    announce(Phase.FILE_REPLACED)


def _rename(name: str, place: "_Place") -> None:
    try:
        os.rename(name, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # If it were written in place, a reader could see half a document.
        words = "it is mounted on its own, as one file of a container is, and cannot be replaced; mount its folder"
        raise OSError(errno.EBUSY, words) from error


def _rename_new(name: str, place: "_Place") -> None:
    try:
        # Unlike a rename, making a link fails if the name is taken (link(2)).
        os.link(name, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
    else:
        os.unlink(name, dir_fd=place.folder)
        return
    # On a file system without links, such as that of a USB stick, an empty file first takes the name.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(place.name, flags, 0o600, dir_fd=place.folder))
    try:
        _rename(name, place)
    except OSError:
        os.unlink(place.name, dir_fd=place.folder)
        raise


def _unfinished(folder: int) -> tuple[str, int]:
    """Return the name and the descriptor of a new file. Its lock shows to `_remove_leftovers` that its writer still
    runs."""
    while True:
        name = f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            announce(Phase.FILE_OPENED)
            fcntl.flock(handle, fcntl.LOCK_EX)
            is_there = os.fstat(handle).st_nlink > 0
        except BaseException:
            os.close(handle)
            os.unlink(name, dir_fd=folder)
            raise
        if is_there:
            return name, handle
        os.close(handle)  # another writer removed it as a leftover before it was locked


def _mode(old: os.stat_result | None, *, private: bool) -> int:
    """Return the permissions of a new file: those of the old file if it belongs to this user, else those that the umask
    leaves or, with `private`, those for the owner alone."""
    if old is not None and old.st_uid == os.geteuid():
        return stat.S_IMODE(old.st_mode) & 0o777
    if private:
        return 0o600
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _remove_leftovers(folder: int) -> None:
    """Remove unfinished files that killed writers of this user left; a lock shows that the writer of a file still
    runs."""
    try:
        names = _names_in(folder)
    except OSError:  # a folder that can be written but not read
        return
    for name in names:
        if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
            continue
        with contextlib.suppress(OSError):  # another writer was faster, or still locks the file
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                status = os.fstat(handle)
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(name, dir_fd=folder)
            finally:
                os.close(handle)


def _names_in(folder: int) -> list[str]:
    listing = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.listdir(listing)  # noqa: PTH208 - by descriptor
    finally:
        os.close(listing)


# --- Where a path leads ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A name in an open folder. The name is not a link."""

    folder: int
    name: str

    def status(self) -> os.stat_result | None:
        """The status of the file that has the name now; None if there is none."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open_special(self, seen: os.stat_result) -> int:
        """Return a descriptor for writing to a file that is not a plain file. Raises OSError, for example for a pipe
        without a reader."""
        until = time.monotonic() + READER_SECONDS
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            try:
                handle = os.open(self.name, flags, dir_fd=self.folder)
            except OSError as error:
                if not stat.S_ISFIFO(seen.st_mode) or error.errno != errno.ENXIO:
                    raise
                if time.monotonic() > until:
                    raise OSError(errno.ENXIO, "no process reads from this pipe") from error
                time.sleep(_POLL_SECONDS)
                continue
            if stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise OSError(errno.EEXIST, "it became a plain file while it was opened")
            os.set_blocking(handle, True)
            return handle


@contextlib.contextmanager
def _located(path: Path, *, follow_last: bool = True) -> Iterator[_Place]:
    """Walk a path to its last folder. Raises OSError."""
    text = os.fspath(path)
    if len(os.fsencode(text)) >= PATH_MAX:  # the walk below opens single names, so the kernel sees no long path
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or text.endswith("/"):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    folder = os.open("/" if text.startswith("/") else ".", _FOLDER)
    links = 0
    try:
        while True:
            name, rest = parts[0], parts[1:]
            target = link_in(folder, name) if rest or follow_last else None
            if target is not None:
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                parts = [*(part for part in target.split("/") if part not in ("", ".")), *rest]
                if target.startswith("/"):
                    folder = _exchange(folder, os.open("/", _FOLDER))
                if not parts:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                continue
            if not rest and name != "..":
                yield _Place(folder, name)
                return
            folder = _exchange(folder, os.open(name, _FOLDER, dir_fd=folder))
            parts = rest
            if not parts:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    finally:
        os.close(folder)


def _exchange(old: int, new: int) -> int:
    os.close(old)
    return new


# --- Open descriptors ------------------------------------------------------------------------------------------------


def _descriptor(path: str) -> int | None:
    """Return a duplicate of the descriptor for a path of the form `/dev/fd/N`; None for every other path. Raises
    OSError.

    If the path were opened again, writing would begin at the start of the file, and a plain file behind the descriptor
    would be replaced under a name that it may no longer have.
    """
    if (number := _STREAMS.get(path)) is not None:
        return os.dup(number)
    match = _DESCRIPTOR.fullmatch(path)
    if match is None:
        return None
    if match["own"] is not None or match["process"] in ("self", "thread-self", str(os.getpid())):
        return os.dup(int(match["own"] or match["number"]))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_CLOEXEC)


def _write_all(handle: int, data: bytes) -> None:
    with open(handle, "wb") as stream:
        stream.write(data)
