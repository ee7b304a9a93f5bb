"""Measure for how long this process could not run. The measure is how late a timer of its event loop is.

A busy processor, the CPU quota of a control group, and a stopped process (SIGSTOP) all count. Time in which other
threads of this process computed does not count. A thread that imports the SDK, or reads one of its models, holds the
interpreter's lock; then the loop is held up by this program itself, and not by the host.
"""

import asyncio
import time
from typing import Final

_BEAT_SECONDS: Final = 0.05
_LATE_SECONDS: Final = 0.025
"""Minimum lateness in seconds that counts; timers are often late by less."""


class Heartbeat:
    """The timer of one event loop in real time."""

    def __init__(self) -> None:
        self._lateness = 0.0
        self._due: float | None = None
        """Time at which the next beat is due, on the clock of time.monotonic()."""
        self._of_others = 0.0
        """CPU seconds of the other threads at the last beat."""

    async def watch(self) -> None:
        """Beat until this task is cancelled."""
        try:
            while True:
                self._due = time.monotonic() + _BEAT_SECONDS
                self._of_others = _seconds_of_others()
                await asyncio.sleep(_BEAT_SECONDS)
                self._lateness += self._overdue()
        finally:
            self._due = None

    def lateness(self) -> float:
        """Return the total seconds by which beats were late. If the next beat is already late, this is included."""
        return self._lateness + self._overdue()

    def _overdue(self) -> float:
        """Return the seconds by which the next beat is late because of something other than a thread of this
        process.
        """
        late = 0.0 if self._due is None else time.monotonic() - self._due
        if late >= _LATE_SECONDS:
            late -= _seconds_of_others() - self._of_others
        return late if late >= _LATE_SECONDS else 0.0


def _seconds_of_others() -> float:
    """Return the CPU seconds so far of all threads of this process except the calling thread, which runs the loop."""
    return time.process_time() - time.thread_time()
