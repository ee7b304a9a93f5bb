"""Tries what another user of the host can do to a running service, and prints the results as one line of JSON.

It is started as root with the process id of the service, and becomes a user without rights before it tries anything.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

NOBODY: Final = 65534
NAME: Final = "planted-by-an-intruder"
LISTENER: Final = ("127.0.0.1", 9842)
FORGED: Final = "forged by an intruder"
FOLDERS: Final = (
    *("/etc/backuplink", "/run/backuplink", "/var/lib/backuplink", "/var/log/backuplink", "/usr/bin"),
    *("/run", "/var/lib", "/var/log", "/etc/systemd/system"),
)
SECRETS: Final = (
    *("/etc/backuplink/environment", "/var/lib/private", "/var/lib/backuplink", "/var/lib/backuplink/history.db"),
    *("/var/log/private", "/var/log/backuplink", "/var/log/backuplink/report.json"),
)
OPEN: Final = ("/etc/backuplink/backuplink.toml", "/run/backuplink/backuplink.prom")


def main() -> None:
    process_id = int(sys.argv[1])
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    done = {name: done_by(act) for name, act in acts(process_id).items()}
    json.dump([name for name, is_done in done.items() if is_done], sys.stdout)


def acts(process_id: int) -> dict[str, Callable[[], object]]:
    """The actions that an intruder tries, by description."""
    process = f"/proc/{process_id}"
    return {
        **{f"read {name}": lambda name=name: opened(name) for name in (*SECRETS, *OPEN)},  # type: ignore[misc]
        **{f"read {name} of the process": lambda name=name: opened(f"{process}/{name}")  # type: ignore[misc]
           for name in ("environ", "mem", "maps", "fd", "root", "cwd", "stack")},
        **{f"write into {folder}": lambda folder=folder: plant(folder) for folder in FOLDERS},  # type: ignore[misc]
        "remove the metrics": lambda: os.unlink("/run/backuplink/backuplink.prom"),
        "write the metrics": lambda: os.open("/run/backuplink/backuplink.prom", os.O_WRONLY),
        "replace the folder of the metrics": lambda: os.rename("/run/backuplink", f"/run/{NAME}"),
        "write the configuration": lambda: os.open("/etc/backuplink/backuplink.toml", os.O_WRONLY),
        "send a signal": lambda: os.kill(process_id, signal.SIGHUP),
        "change its priority": lambda: os.setpriority(os.PRIO_PROCESS, process_id, 19),
        "listen in its place": listen,
        "speak to the service manager": notify,
    }  # fmt: skip


def opened(name: str) -> None:
    """Open a file and read a byte, or list a folder. Raises OSError."""
    if os.path.isdir(name):
        os.listdir(name)
        return
    descriptor = os.open(name, os.O_RDONLY)
    os.read(descriptor, 1)


def plant(folder: str) -> None:
    os.symlink("/etc/passwd", os.path.join(folder, NAME))


def listen() -> None:
    """Listen on a port. Raises OSError."""
    with socket.socket() as taken:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            taken.setsockopt(socket.SOL_SOCKET, option, 1)
        taken.bind(LISTENER)
        taken.listen()


def notify() -> None:
    """Send a service's notification to the service manager. The datagram always arrives; the status of the unit shows
    whether it has an effect. Raises OSError.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect("/run/systemd/notify")
        manager.send(f"READY=1\nSTATUS={FORGED}\nMAINPID={os.getpid()}\n".encode())


def done_by(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
