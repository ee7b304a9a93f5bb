"""What the service manager is told (sd_notify(3)): that the watch is ready, how it is, and that it is alive.

It is alive as long as cycles come to their end. So the watchdog hears of the watch only while the last one that did is
young enough, whatever else goes on in the process.
"""

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final

from agent.process.output import one_line

MAX_STATUS: Final = 300
_FOR_EVER: Final = 2**64 - 1
"""USEC_INFINITY of systemd, which is no time at all."""


class Manager:
    """The service manager that started this process; says nothing where there is none."""

    def __init__(self, environment: Mapping[str, str], *, process_id: int) -> None:
        self._address = environment.get("NOTIFY_SOCKET") or None
        self.watchdog_seconds = _watchdog_seconds(environment, process_id) if self._address else None
        """How often it wants to hear that this process is alive, at the latest; None where it does not."""

    def ready(self) -> None:
        """The watch has taken its settings, and listens where it should."""
        self._tell("READY=1")

    def reloading(self, monotonic_microseconds: int) -> None:
        """Its settings are being read again; `ready` ends it."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_microseconds}")

    def status(self, words: str) -> None:
        """How it is, on one line."""
        self._tell(f"STATUS={one_line(' '.join(words.split()))[:MAX_STATUS]}")

    def alive(self) -> None:
        """The watchdog may wait again."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """It comes to its end."""
        self._tell("STOPPING=1")

    def _tell(self, words: str) -> None:
        if self._address is None:
            return
        # A name in the abstract namespace is written with an @ (sd_notify(3)).
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with (
            contextlib.suppress(OSError),  # a manager that takes nothing at the moment stops no watch
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.setblocking(False)
            channel.connect(address)
            channel.send(words.encode())


def _watchdog_seconds(environment: Mapping[str, str], process_id: int) -> float | None:
    """As sd_watchdog_enabled(3) has it: a number of microseconds, for this process alone where one is named."""
    wanted, whose = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID")
    if not (wanted.isascii() and wanted.isdigit()) or whose not in (None, "", str(process_id)):
        return None
    microseconds = int(wanted[:21])  # one digit more than the largest has
    return microseconds / 1e6 if 0 < microseconds < _FOR_EVER else None


def in_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether a stream goes to the journal, which reads a priority at the beginning of each line (sd-daemon(3))."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        known = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(known.st_dev), str(known.st_ino))
