"""Decide which links on a path may be followed. These are the links that no other user can have placed."""

import errno
import os
import stat
from typing import Final

MAX_LINKS: Final = 40
"""Maximum number of links on one path, as in the kernel (path_resolution(7))."""


def link_in(folder: int, name: str) -> str | None:
    """Return the target of a link in a folder; None if the name is not a link. Raises OSError if other users can have
    placed the link."""
    if name == "..":
        return None
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISLNK(status.st_mode):
        return None
    if status.st_uid not in (0, os.geteuid()):
        raise OSError(errno.ELOOP, f"{name} on this path is a link of another user; use the path to which it leads")
    if is_shared(os.fstat(folder)):
        raise OSError(
            errno.ELOOP,
            f"{name} on this path is a link in a folder that others can write; use the path to which it leads",
        )
    return os.readlink(name, dir_fd=folder)


def is_shared(folder: os.stat_result) -> bool:
    """Whether a user other than root and the user of this process can place a link in a folder. If only the group of
    this process can write to the folder, the folder is not shared: in many distributions, this group has no other
    user."""
    by_group = bool(folder.st_mode & stat.S_IWGRP) and folder.st_gid not in (0, os.getegid())
    by_owner = folder.st_uid not in (0, os.geteuid())
    return bool(folder.st_mode & stat.S_IWOTH) or by_group or by_owner
