"""`python -m tests.process.hung_home FOLDER ARGUMENTS...`: the program with a home folder that never answers, such as
one on a network file system whose server is gone.

The folder is a FUSE file system whose requests nobody reads (fuse(4)): opening a file in it never returns, and only
SIGKILL ends the wait. This process has its own mounts and its own network without any active interface, so no packet
leaves. The program keeps the descriptor of the file system open, so the file system ends with the program.
"""

import ctypes
import os
import sys
from typing import Final

_CLONE_NEWNS: Final = 0x00020000  # sched.h
_CLONE_NEWNET: Final = 0x40000000
_MS_NOSUID_NODEV: Final = 2 | 4  # sys/mount.h
_MS_PRIVATE_ALL: Final = 0x40000 | 0x4000


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)


def main(folder: str, *arguments: str) -> None:
    _call("unshare", _CLONE_NEWNS | _CLONE_NEWNET)
    _call("mount", b"none", b"/", None, _MS_PRIVATE_ALL, None)
    requests = os.open("/dev/fuse", os.O_RDWR)
    os.set_inheritable(requests, True)
    data = f"fd={requests},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    _call("mount", b"hung", os.fsencode(folder), b"fuse", _MS_NOSUID_NODEV, data.encode())
    elsewhere = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere} | {"HOME": folder}
    os.execve(sys.executable, [sys.executable, "-m", "agent", *arguments], environment)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
