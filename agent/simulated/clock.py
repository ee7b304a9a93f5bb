"""An event loop whose time leaps to the next timer, so that a timeout of three seconds costs nothing.

`asyncio.timeout` and `asyncio.sleep` read `loop.time()`, so the clock is the loop. When nothing is ready, the selector
does not wait for the next timer: it says that the time has come.
"""

import asyncio
import selectors
from typing import Any


class _Leaping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[Any] = super().select(0)  # signals still arrive
        if not ready and timeout is None:
            raise RuntimeError("the simulated world stands still: nothing is due and nothing will be")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time that begins at 0."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)
        self._clock_resolution = 1e-6  # must exceed the spacing of floats around `now`

    def time(self) -> float:
        return self._leaping.now

    def leap(self, seconds: float) -> None:
        """Let time pass in which nothing here runs."""
        self._leaping.now += seconds
