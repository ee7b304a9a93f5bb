"""The phases of a process, announced as it enters them.

In ordinary use nobody listens, and an announcement costs a comparison. A test subscribes in a separate process to
interrupt that process at a phase: the name of a phase stays when functions are renamed, split or moved. A run also
announces each of its events by the name of its class (`agent.run.events`).
"""

from collections.abc import Callable
from enum import StrEnum


class Phase(StrEnum):
    """Something that begins, or has just been done."""

    COMMAND = "command"
    """Signals are caught, and the command is loaded."""
    MEASURING = "measuring"
    MEASURED = "measured"
    JUDGING = "judging"
    JUDGED = "judged"
    RENDERING = "rendering"
    """The document is being made or, if lines are written as they come, its end."""
    WRITING = "writing"
    """A thread writes to stdout."""
    WRITTEN = "written"
    ENDED = "ended"
    """The exit code is decided."""

    SCREEN_LOADING = "screen-loading"
    SCREEN_LOADED = "screen-loaded"
    SCREEN_STARTING = "screen-starting"
    """The interface takes the terminal."""
    SCREEN_MOUNTED = "screen-mounted"
    SCREEN_ENDED = "screen-ended"
    """The interface has left the terminal, which is not released yet."""
    SCREEN_RELEASED = "screen-released"

    HANDLER = "handler"
    """A signal's handler was set or restored."""

    FILE_OPENING = "file-opening"
    """A file is about to be written: first as a new file beside it, which then takes its name."""
    FILE_OPENED = "file-opened"
    FILE_COMPLETE = "file-complete"
    """All content is in the new file, but perhaps not on the disk yet."""
    FILE_REPLACING = "file-replacing"
    FILE_REPLACED = "file-replaced"


_listener: Callable[[str], None] | None = None


def announce(phase: str) -> None:
    """Say that a phase, or an event of this name, begins. Any thread may call it."""
    if _listener is not None:
        _listener(phase)


def subscribe(listener: Callable[[str], None] | None) -> None:
    """From now on, call only `listener` at each announcement; None calls nobody."""
    global _listener
    _listener = listener
