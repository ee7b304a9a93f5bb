"""The time limit of a step. It is extended so that a delay of this host does not look like silence of a peer.

A process may get no processor (a busy host, the quota of a cgroup), or may be stopped. When it runs again, all its
timers are due. But an answer may already be in the kernel, and a peer may have waited for this process. The time of a
step is therefore extended by the time that this process lost.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

_TURN_SECONDS: Final = 0.25
"""The time in seconds that the loop gets to handle data that is already in the kernel."""
SHARE: Final = 0.5
"""If the process ran for less than this share of a step's time, the step proves nothing about a peer."""
_GROWTH: Final = 4.0
"""Maximum factor by which a step's time may grow. With the defaults, it stays within the deadline of a run."""


class Window:
    """The time of one step, as a context that is entered once. When the time is over, the block ends with
    TimeoutError."""

    def __init__(self, limit: float, lateness: Callable[[], float], *, by_kernel: bool = False) -> None:
        """`limit` is the length in seconds. `lateness` returns the seconds so far in which this process could not run.
        With `by_kernel`, the kernel does the slow part, even while this process does not run."""
        self._limit = limit
        self._lateness = lateness
        self._by_kernel = by_kernel
        self._late_before = lateness()
        self._timeout = asyncio.timeout(None)
        self.seconds = limit
        """The length of the window so far."""
        self._started = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def lost(self) -> float:
        """Seconds of the window in which this process could not run."""
        return self._lateness() - self._late_before

    @property
    def expired(self) -> bool:
        """Whether the window ended the block."""
        return self._timeout.expired()

    @property
    def is_starved(self) -> bool:
        """Whether this process ran for so little of the window that its end proves nothing about a peer."""
        return not self._by_kernel and self.seconds - self.lost < SHARE * self._limit

    @property
    def is_late(self) -> bool:
        """Whether a peer may have stopped waiting for this process in the window."""
        return not self._by_kernel and self.lost >= SHARE * self._limit

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        self._timer = loop.call_at(self._started + self._limit, self._due)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _due(self) -> None:
        """End the block, since the step's time is over."""
        loop = asyncio.get_running_loop()
        most = _TURN_SECONDS if self._by_kernel else _GROWTH * self._limit
        length = self._limit + min(self.lost, most)
        if length > self.seconds:
            self.seconds = length
            self._timer = loop.call_at(max(self._started + length, loop.time() + _TURN_SECONDS), self._due)
        else:
            self._timeout.reschedule(loop.time())
