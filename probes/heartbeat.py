"""How long this process could not run, by how late a beat of its event loop comes.

It sees a busy processor, the CPU quota of a control group, and a process that was stopped (SIGSTOP) alike.
"""

import asyncio
import time
from typing import Final

_BEAT_SECONDS: Final = 0.05
_LATE_SECONDS: Final = 0.025
"""Less is the ordinary noise of timers."""


class Heartbeat:
    """The beat of one event loop in real time."""

    def __init__(self) -> None:
        self._lateness = 0.0
        self._due: float | None = None
        """When the next beat is due, on the clock of time.monotonic()."""

    async def watch(self) -> None:
        """Beat until cancelled."""
        try:
            while True:
                self._due = time.monotonic() + _BEAT_SECONDS
                await asyncio.sleep(_BEAT_SECONDS)
                self._lateness += self._overdue()
        finally:
            self._due = None

    def lateness(self) -> float:
        """Seconds by which all beats together were late, the next one included."""
        return self._lateness + self._overdue()

    def _overdue(self) -> float:
        """Seconds by which the next beat is late."""
        late = 0.0 if self._due is None else time.monotonic() - self._due
        return late if late >= _LATE_SECONDS else 0.0
