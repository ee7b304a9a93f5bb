"""Notifications to the service manager (sd_notify(3)): that the watch is ready, its status, and that it is alive.

The watch is alive while cycles finish in time. The watchdog is notified only then, whatever else the process does.
"""

import contextlib
import socket
from collections.abc import Mapping
from typing import Final

from agent.process.output import one_line

MAX_STATUS: Final = 300
"""Maximum length of a status."""
_FOREVER: Final = 2**64 - 1
"""USEC_INFINITY of systemd, which means no limit."""


class Manager:
    """The service manager that started this process. If there is none, every method does nothing."""

    def __init__(self, environment: Mapping[str, str], *, process_id: int) -> None:
        self._address = environment.get("NOTIFY_SOCKET") or None
        self.watchdog_seconds = _watchdog_seconds(environment, process_id) if self._address else None
        """Longest time between two calls of `alive`; None if the manager has no watchdog."""

    def ready(self) -> None:
        """Say that the settings are applied, and the listener is open."""
        self._send("READY=1")

    def reloading(self, monotonic_microseconds: int) -> None:
        """Say that the settings are being read again; this lasts until `ready` is called. The time is that of
        CLOCK_MONOTONIC."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_microseconds}")

    def status(self, text: str) -> None:
        """Show a status on one line of at most MAX_STATUS characters."""
        self._send(f"STATUS={one_line(' '.join(text.split()))[:MAX_STATUS]}")

    def alive(self) -> None:
        """Restart the watchdog's timer."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the watch is ending."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        # An address in the abstract namespace begins with an @ (sd_notify(3)).
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with (
            contextlib.suppress(OSError),  # a manager that does not read must not stop the watch
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.setblocking(False)
            channel.connect(address)
            channel.send(message.encode())


def _watchdog_seconds(environment: Mapping[str, str], process_id: int) -> float | None:
    """Return the seconds of the watchdog, read as sd_watchdog_enabled(3) does: WATCHDOG_USEC is in microseconds, and if
    WATCHDOG_PID is set, it must be the id of this process."""
    text, owner = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID")
    if not (text.isascii() and text.isdigit()) or owner not in (None, "", str(process_id)):
        return None
    microseconds = int(text[:21])  # one digit more than the largest valid value has
    return microseconds / 1e6 if 0 < microseconds < _FOREVER else None
