"""Choose the user as whom root runs a program of somebody else. If another user can have placed the program, root does
not run it as root."""

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from probes.links import MAX_LINKS

_MAX_PARTS: Final = 100 * MAX_LINKS
"""Maximum number of files, folders and links on one path."""


def identity_of(program: str) -> dict[str, Any]:
    """Return the arguments with which subprocess.Popen starts a program as another user: the only user, besides root,
    who owns a part of the program's path. Empty if root owns the whole path, or if this process is not root. Raises
    OSError, for example if other users can write to a part of the path."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    owners = set()
    for part in _on_the_way(program):
        status = os.lstat(part)
        owners.add(status.st_uid)
        if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
            continue
        by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0 and status.st_uid == 0
        if status.st_mode & stat.S_IWOTH or by_group:
            raise PermissionError(errno.EPERM, f"others can write to {part}")
    owners.discard(0)
    if len(owners) > 1:
        raise PermissionError(errno.EPERM, "its path belongs to several users")
    return _as(owners.pop()) if owners else {}


def _as(user: int) -> dict[str, Any]:
    import pwd

    try:
        known = pwd.getpwuid(user)
    except KeyError:
        raise PermissionError(errno.EPERM, "it belongs to a user who is not known") from None
    return {"user": user, "group": known.pw_gid, "extra_groups": os.getgrouplist(known.pw_name, known.pw_gid)}


def _on_the_way(program: str) -> Iterator[str]:
    """Yield a path and the folders above it. For each link among them, yield its target and the folders above the
    target, too. Raises OSError."""
    waiting, seen = [posixpath.abspath(program), posixpath.realpath(program)], set[str]()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        if len(seen) > _MAX_PARTS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        yield part
        above = posixpath.dirname(part)
        waiting.append(above)
        if stat.S_ISLNK(os.lstat(part).st_mode):
            waiting.append(posixpath.abspath(posixpath.join(above, Path(part).readlink())))
