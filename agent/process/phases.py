"""The phases of a process, announced as it enters them.

Nobody listens in ordinary use, and an announcement then costs a comparison. Tests subscribe in a process of their own,
to interrupt it at a phase: a phase keeps its name where functions are renamed, split or moved. Next to these, a run
announces each of its events by the name of its class (`agent.run.events`).
"""

from collections.abc import Callable
from enum import StrEnum


class Phase(StrEnum):
    """What begins, or has just been done."""

    COMMAND = "command"
    """Signals are caught, and the command is loaded."""
    MEASURING = "measuring"
    MEASURED = "measured"
    JUDGING = "judging"
    JUDGED = "judged"
    RENDERING = "rendering"
    """The document is made, or where lines go out as they come, its end."""
    WRITING = "writing"
    """Something is written to stdout, by whichever thread."""
    WRITTEN = "written"
    ENDED = "ended"
    """The exit code is decided."""

    SCREEN_LOADING = "screen-loading"
    SCREEN_LOADED = "screen-loaded"
    SCREEN_STARTING = "screen-starting"
    """The interface takes the terminal."""
    SCREEN_MOUNTED = "screen-mounted"
    SCREEN_ENDED = "screen-ended"
    """The interface has given the terminal back, which is not released yet."""
    SCREEN_RELEASED = "screen-released"

    HANDLER = "handler"
    """A handler of one signal was set or restored."""

    FILE_OPENING = "file-opening"
    """A file is written: first a new one next to it, which then takes its name."""
    FILE_OPENED = "file-opened"
    FILE_COMPLETE = "file-complete"
    """All is in the new file, and perhaps not on the disk."""
    FILE_REPLACING = "file-replacing"
    FILE_REPLACED = "file-replaced"


_listener: Callable[[str], None] | None = None


def announce(phase: str) -> None:
    """Say that a phase, or an event of this name, begins; from whichever thread."""
    if _listener is not None:
        _listener(phase)


def subscribe(listener: Callable[[str], None] | None) -> None:
    """Have `listener` called at each announcement from now on, in place of the one before; None for nobody."""
    global _listener
    _listener = listener
