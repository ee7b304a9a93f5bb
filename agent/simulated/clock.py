"""An event loop whose time jumps to the next timer, so that a timeout of three seconds costs nothing.

`asyncio.timeout` and `asyncio.sleep` read `loop.time()`, so the loop is the clock. When nothing is ready, the selector
does not wait for the next timer, but moves the time to it.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable
from typing import Any, Final

from probes.background import NAME

_POLL_SECONDS: Final = 0.01
"""Seconds of real time between two looks at whether a thread is still running."""


class _Leaping(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[Any] = super().select(0)  # signals still arrive
        if not ready and timeout is None:
            raise RuntimeError("the simulated world stands still: no timer is set, and nothing else can happen")
        if not ready and timeout:
            self.now += timeout
        return ready


class _Patient(_Leaping):
    def __init__(self, is_waiting: Callable[[], bool]) -> None:
        super().__init__()
        self._is_waiting = is_waiting

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        while timeout != 0 and (self._is_waiting() or any(thread.name == NAME for thread in threading.enumerate())):
            if ready := selectors.DefaultSelector.select(self, _POLL_SECONDS):
                return ready
        return super().select(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time, which begins at 0."""

    def __init__(self, selector: _Leaping | None = None) -> None:
        self._leaping = _Leaping() if selector is None else selector
        super().__init__(self._leaping)
        self._clock_resolution = 1e-6  # must be larger than the rounding error of floats near `now`

    def time(self) -> float:
        return self._leaping.now

    def leap(self, seconds: float) -> None:
        """Move the time forward without running anything in this loop."""
        self._leaping.now += seconds


class PatientLoop(VirtualLoop):
    """A loop whose virtual time stands still while a thread of `in_background` runs, for example on a file, and while
    `is_waiting` returns True because the loop waits for something else that is real, such as an answer on a socket."""

    def __init__(self, is_waiting: Callable[[], bool] = lambda: False) -> None:
        super().__init__(_Patient(is_waiting))
