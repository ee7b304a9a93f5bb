"""Tries what a process in the sandbox of a unit may do, and prints the results as one line of JSON.

The service manager starts this file instead of the program; the file needs no libraries. Outside a sandbox it would
change the host.
"""

import ctypes
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable
from typing import Final

NAME: Final = "written-in-the-sandbox"
_CLONE_NEWUSER: Final = 0x10000000  # sched.h
_READ_IMPLIES_EXEC: Final = 0x0400000  # sys/personality.h
OWN: Final = f"/tmp/{NAME}"  # noqa: S108 - the sandbox has a /tmp of its own


def main() -> None:
    with open("/proc/self/status", encoding="ascii") as lines:
        held = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    json.dump(
        {
            "writable": writable(),
            "refused": [name for name, act in acts().items() if refused(act)],
            "capabilities": [held[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")],
            "user": os.getuid(),
            "variables": list(os.environ),
            "no new privileges": held["NoNewPrivs"] == "1",
            "system calls are filtered": held["Seccomp"] == "2",
        },
        sys.stdout,
    )


def writable() -> list[str]:
    """Every folder in which a file can be created. In /proc, /sys, /usr and /opt only the top folder is tried."""
    folders = []
    for folder, below, _ in os.walk("/"):
        if folder in ("/proc", "/sys", "/usr", "/opt"):
            below.clear()
        file = os.path.join(folder, NAME)
        if not refused(lambda file=file: os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))):  # type: ignore[misc]
            os.unlink(file)
            folders.append(folder)
    return folders


def acts() -> dict[str, Callable[[], object]]:
    """The actions to try. Some of them the program never takes; the others must be possible for it."""
    os.close(os.open(OWN, os.O_CREAT, 0o600))
    return {
        "a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "a socket of the virtual machine's host": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
        "a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "a namespace": lambda: call("unshare", _CLONE_NEWUSER),
        "memory to write and execute": lambda: mmap.mmap(-1, 1, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
        "another personality": lambda: call("personality", _READ_IMPLIES_EXEC),
        "a set-uid bit": lambda: os.chmod(OWN, 0o4700),
        "another priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 1),
        "a real-time priority": lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
        "the homes": lambda: os.listdir("/home"),
        "root's home": lambda: os.listdir("/root"),
        "root's variables": lambda: os.open("/etc/backuplink/environment", os.O_RDONLY),
        "process 1": lambda: os.stat("/proc/1"),
        "IPv4": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "IPv6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        "the host's routes": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE),
        "the range of ports": lambda: os.open("/proc/sys/net/ipv4/ip_local_port_range", os.O_RDONLY),
    }


def call(name: str, number: int) -> None:
    """Call a function of the C library for which Python has no wrapper. Raises OSError if it fails."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(number) == -1:
        raise OSError(ctypes.get_errno(), name)


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return True
    return False


if __name__ == "__main__":
    main()
