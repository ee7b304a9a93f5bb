"""A file system in memory that fails at points that a test chooses. It uses FUSE (fuse(4)), so processes use it like a
real file system. A separate process answers the kernel's requests, without a library. It shares an object `Faults` with
the process that mounts the file system. This object says which kinds of requests fail, with which errno, and after how
many successful requests.
"""

import ctypes
import errno
import mmap
import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_CLONE_NEWNS: Final = 0x00020000  # sched.h
_CLONE_NEWNET: Final = 0x40000000
_MS_NOSUID_NODEV: Final = 2 | 4  # sys/mount.h
_MS_PRIVATE_ALL: Final = 0x40000 | 0x4000
_MS_BIND: Final = 0x1000

LOOKUP, FORGET, GETATTR, SETATTR = 1, 2, 3, 4
MKDIR, UNLINK, RMDIR, RENAME, LINK = 9, 10, 11, 12, 13
OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 14, 15, 16, 17, 18, 20
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR = 25, 26, 27, 28, 29, 30
CREATE, DESTROY, BATCH_FORGET = 35, 38, 42
"""The kinds of request (linux/fuse.h)."""
_KINDS: Final = 64
_HEADER: Final = struct.Struct("<IIQQIIII")
_ATTRIBUTES: Final = struct.Struct("<QQQQQQIIIIIIIIII")
_VERSION: Final = (7, 31)
_MAX_WRITE: Final = 1 << 14
"""The maximum number of bytes in a write request. A document takes several requests."""
FOR_EVER: Final = 1 << 40
_MODE, _OWNER, _GROUP, _SIZE = 1, 2, 4, 8
"""Flags for the attributes that SETATTR sets."""


class Faults:
    """The kinds of requests that fail. Processes that are forked later share this memory."""

    _ROW: Final = struct.Struct("<iqq")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _KINDS * self._ROW.size)
        self.none()

    def none(self) -> None:
        """Let every request succeed."""
        for kind in range(_KINDS):
            self._ROW.pack_into(self._memory, kind * self._ROW.size, 0, 0, 0)

    def let(self, kind: int, error: int, *, after: int = 0, times: int = FOR_EVER) -> None:
        """Let requests of a kind fail: after `after` successful requests of this kind, `times` of them fail."""
        self._ROW.pack_into(self._memory, kind * self._ROW.size, error, after, times)

    def of(self, kind: int) -> int:
        """The errno with which the next request of a kind fails, or 0 if it succeeds."""
        error, after, times = self._ROW.unpack_from(self._memory, kind * self._ROW.size)
        if not error or (after <= 0 and times <= 0):
            return 0
        left = (after - 1, times) if after > 0 else (0, times - 1)
        self._ROW.pack_into(self._memory, kind * self._ROW.size, error, *left)
        return 0 if after > 0 else int(error)


@dataclass(slots=True)
class _Node:
    mode: int
    data: bytearray = field(default_factory=bytearray)
    names: dict[bytes, int] = field(default_factory=dict)
    links: int = 1
    owner: tuple[int, int] = (0, 0)


class _Disk:
    """Answers requests until the file system is unmounted."""

    def __init__(self, device: int, faults: Faults) -> None:
        self._device = device
        self._faults = faults
        self._nodes = {1: _Node(stat.S_IFDIR | 0o755)}
        self._answers = {
            LOOKUP: self._lookup,
            GETATTR: lambda node, _: self._shown(node),
            SETATTR: self._set,
            MKDIR: lambda node, body: self._made(node, body[8:], stat.S_IFDIR | struct.unpack_from("<I", body)[0]),
            UNLINK: self._unlink,
            RMDIR: self._unlink,
            RENAME: self._rename,
            LINK: self._link,
            OPEN: lambda *_: struct.pack("<QII", 0, 0, 0),
            OPENDIR: lambda *_: struct.pack("<QII", 0, 0, 0),
            READ: self._read,
            WRITE: self._write,
            STATFS: lambda *_: struct.pack("<5Q10I", *[1 << 20] * 5, 4096, 255, 4096, *[0] * 7),
            READDIR: self._list,
            CREATE: self._create,
            **dict.fromkeys((RELEASE, RELEASEDIR, FSYNC, FSYNCDIR, FLUSH), lambda *_: b""),
        }

    def serve(self) -> None:
        """Answer the requests, one after the other."""
        while True:
            try:
                request = os.read(self._device, _MAX_WRITE + 4096)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                raise
            _, kind, unique, node, *_ = _HEADER.unpack_from(request)
            if kind in (FORGET, BATCH_FORGET):
                continue
            body = request[_HEADER.size :]
            try:
                if kind == INIT:
                    answer = struct.pack("<IIIIHHIIHH8I", *_VERSION, 1 << 17, 0, 12, 9, _MAX_WRITE, 1, 0, 0, *[0] * 8)
                elif number := self._faults.of(kind):
                    raise OSError(number, os.strerror(number))
                elif kind in self._answers:
                    answer = self._answers[kind](node, body)
                else:
                    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
                code = 0
            except OSError as error:
                answer, code = b"", -(error.errno or errno.EIO)
            try:
                os.write(self._device, struct.pack("<IiQ", 16 + len(answer), code, unique) + answer)
            except FileNotFoundError:  # the process that made the request was killed
                continue

    def _of(self, parent: int, name: bytes) -> int:
        number = self._nodes[parent].names.get(name)
        if number is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return number

    def _attributes(self, number: int) -> bytes:
        node = self._nodes[number]
        size = len(node.data)
        return _ATTRIBUTES.pack(
            number, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0, node.mode, node.links, *node.owner, 0, 4096, 0
        )

    def _shown(self, number: int) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(number)

    def _entry(self, number: int) -> bytes:
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self._attributes(number)

    def _lookup(self, parent: int, body: bytes) -> bytes:
        return self._entry(self._of(parent, body.rstrip(b"\0")))

    def _set(self, number: int, body: bytes) -> bytes:
        wanted, _, _, size = struct.unpack_from("<IIQQ", body)
        mode, _, owner, group = struct.unpack_from("<IIII", body, 68)
        node = self._nodes[number]
        if wanted & _SIZE:
            del node.data[size:]
            node.data.extend(bytes(size - len(node.data)))
        if wanted & _MODE:
            node.mode = mode
        node.owner = owner if wanted & _OWNER else node.owner[0], group if wanted & _GROUP else node.owner[1]
        return self._shown(number)

    def _made(self, parent: int, name: bytes, mode: int) -> bytes:
        number = max(self._nodes) + 1
        self._nodes[number] = _Node(mode)
        self._nodes[parent].names[name.rstrip(b"\0")] = number
        return self._entry(number)

    def _create(self, parent: int, body: bytes) -> bytes:
        _, mode, mask, _ = struct.unpack_from("<IIII", body)
        return self._made(parent, body[16:], mode & ~mask) + struct.pack("<QII", 0, 0, 0)

    def _unlink(self, parent: int, body: bytes) -> bytes:
        self._nodes[self._of(parent, body.rstrip(b"\0"))].links -= 1
        del self._nodes[parent].names[body.rstrip(b"\0")]
        return b""

    def _rename(self, parent: int, body: bytes) -> bytes:
        (target,) = struct.unpack_from("<Q", body)
        old, new = body[8:].rstrip(b"\0").split(b"\0")
        number = self._of(parent, old)
        del self._nodes[parent].names[old]
        self._nodes[target].names[new] = number
        return b""

    def _link(self, parent: int, body: bytes) -> bytes:
        (number,) = struct.unpack_from("<Q", body)
        self._nodes[number].links += 1
        self._nodes[parent].names[body[8:].rstrip(b"\0")] = number
        return self._entry(number)

    def _read(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        return bytes(self._nodes[number].data[offset : offset + size])

    def _write(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        data = self._nodes[number].data
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + size] = body[40 : 40 + size]
        return struct.pack("<II", size, 0)

    def _list(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        listed = b""
        for place, (name, each) in enumerate(list(self._nodes[number].names.items())[offset:], offset + 1):
            kind = stat.S_IFMT(self._nodes[each].mode) >> 12
            entry = struct.pack("<QQII", each, place, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(listed) + len(entry) > size:
                break
            listed += entry
        return listed


# --- Mounts ----------------------------------------------------------------------------------------------------------


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)


def own_mounts() -> None:
    """Give this process and its children private mounts and no network. Raises OSError if this fails, for example
    without root.
    """
    _call("unshare", _CLONE_NEWNS | _CLONE_NEWNET)
    _call("mount", b"none", b"/", None, _MS_PRIVATE_ALL, None)


def mount_memory(folder: Path, options: str) -> None:
    """Mount a tmpfs with these options."""
    _call("mount", b"none", os.fsencode(folder), b"tmpfs", _MS_NOSUID_NODEV, options.encode())


def mount_over(source: Path, target: Path) -> None:
    """Show a file or a folder under another name, as a container shows a volume."""
    _call("mount", os.fsencode(source), os.fsencode(target), None, _MS_BIND, None)


def mount_failing(folder: Path) -> Faults:
    """Mount an empty file system over a folder. A child process answers the requests to the file system until this
    process ends.
    """
    faults = Faults()
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    data = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    _call("mount", b"failing", os.fsencode(folder), b"fuse", _MS_NOSUID_NODEV, data.encode())
    if os.fork() == 0:
        try:
            ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
            _Disk(device, faults).serve()
        finally:
            os._exit(1)
    os.close(device)
    return faults
