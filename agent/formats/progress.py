"""A line of progress on the terminal."""

import contextlib
import os
from collections.abc import Callable
from typing import Final, TextIO

from agent.run.events import Event, ObservationMade, RunStarted

WIDTH: Final = 60
"""Maximum length of the line."""
BAR: Final = 20
"""Length of a bar."""
_SECONDS: Final = 0.1
"""Minimum seconds between two updates of a bar."""


class StatusLine:
    """A line that is replaced at each update, and cleared at the end. Nothing is written if `stream` is not a terminal.
    It is None if it was closed before the process started."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._shown = stream is not None and stream.isatty()

    def end(self) -> None:
        """Clear the line of progress."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._stream is None or not self._shown:
            return
        with contextlib.suppress(OSError):  # a terminal that was closed does not end the run
            wide = self._columns()  # a longer line would begin a new line at each write
            self._stream.write(f"\r{text[:wide]:<{wide}}" if text else f"\r{'':<{wide}}\r")
            self._stream.flush()

    def _columns(self) -> int:
        """Return the largest width of the line: WIDTH, or one column less than the terminal."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns if self._stream is not None else 0
        except (OSError, ValueError):  # no longer a terminal, or not a file
            columns = 0
        return min(WIDTH, columns - 1) if columns > 1 else WIDTH


class ReadingProgress(StatusLine):
    """Shows how many files of a fleet are read."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float]) -> None:
        super().__init__(stream)
        self._clock = clock
        self._next = 0.0

    def __call__(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` files are read. `total` is None while the files are being counted."""
        now = self._clock()
        if now < self._next and done != total:
            return
        self._next = now + _SECONDS
        if not total:
            self._write(f"{done:,} files read")
            return
        full = BAR * min(done, total) // total
        self._write(f"[{'#' * full}{'-' * (BAR - full)}] {done:,} of {total:,} files read")


class AuditProgress(StatusLine):
    """Shows how many VPCs of an audit are read."""

    def __call__(self, done: int, known: int, region: str) -> None:
        bar = "#" * (BAR * done // max(known, 1))
        self._write(f"[{bar:<{BAR}}] {done} of {known} VPCs, {region}")


class Progress(StatusLine):
    """Shows the progress of a run."""

    def __init__(self, stream: TextIO | None, clock: Callable[[], float]) -> None:
        super().__init__(stream)
        self._clock = clock
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
