"""A line on the terminal while a run lasts."""

import contextlib
from collections.abc import Callable
from typing import TextIO

from agent.run.events import Event, ObservationMade, RunStarted


class Progress:
    """Shows how far a run is, on one line that is cleared when it ends. Silent where `stream` is not a terminal, or
    was closed before the process started (None)."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._shown = stream is not None and stream.isatty()
        self._done = 0
        self._began = 0.0
        self._deadline = 0.0

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._began, self._deadline = self._clock(), event.deadline
            case ObservationMade():
                self._done += 1
                self._write(
                    f"{self._done} of {event.planned} checks, "
                    f"{self._clock() - self._began:.1f} of at most {self._deadline:g} s"
                )

    def end(self) -> None:
        """Clear the line."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._stream is None or not self._shown:
            return
        with contextlib.suppress(OSError):  # a terminal that was closed does not end the run
            self._stream.write(f"\r{text:<60}" if text else f"\r{'':<60}\r")
            self._stream.flush()
