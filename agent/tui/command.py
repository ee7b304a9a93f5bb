"""The interface on the terminal of this process: whether it can be shown there, and how the terminal is left.

Textual reads stdin and draws on stderr; stdout is for the document that comes afterwards. Nothing here loads Textual
but `app`, so that whoever asks whether it can be shown pays nothing for that.
"""

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from agent.process.cancel import CancelToken

if TYPE_CHECKING:
    from agent.tui.app import BackuplinkApp
    from agent.tui.source import Source

_STREAMS: Final = ("stdin", "stdout", "stderr")
_IN: Final = 0
_DRAWN: Final = 2
"""File descriptors of the terminal, where keys come from and where Textual draws."""
_TAKEN: Final = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
"""Signals that Textual takes and does not give back."""
_COERCED: Final = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""What Python itself puts into LC_CTYPE where it finds the locale C (PEP 538), and so says nothing of the terminal."""
_SANE: Final = (
    b"\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l"  # draw at once, paste as typed, wrap lines, tell no sizes
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l"  # tell nothing of mouse and focus
    b"\x1b[<u\x1b[?1049l\x1b[0m\x1b[?25h"  # keys as ever, the screen as it was, no colour, the cursor
)
"""Takes back all that Textual asks of a terminal."""


def why_not(environment: Mapping[str, str]) -> str | None:
    """Why no interface can be shown where this process runs; None where it can."""
    for name in _STREAMS:
        stream = getattr(sys, name)
        if stream is None or not stream.isatty():
            return f"{name} is no terminal"
    term = environment.get("TERM")
    return f"TERM is {term!r}, a terminal of which nothing is known" if term in (None, "", "dumb", "unknown") else None


def is_ascii_only(environment: Mapping[str, str]) -> bool:
    """Whether nothing says that the terminal draws more than ASCII: its locale is not one of UTF-8 (locale(7))."""
    of_characters = environment.get("LC_CTYPE", "")
    if of_characters in _COERCED:
        of_characters = ""
    locale = environment.get("LC_ALL") or of_characters or environment.get("LANG") or "C"
    return not locale.partition("@")[0].lower().replace("-", "").endswith("utf8")


def app(source: "Source", fail_on: str, environment: Mapping[str, str]) -> "BackuplinkApp":
    """The interface over `source`, as this terminal can show it. Raises ImportError where Textual cannot be loaded."""
    from agent.tui.app import BackuplinkApp

    class Shown(BackuplinkApp):
        def _fatal_error(self) -> None:
            # Textual's own shows the values of all variables on the way, credentials among them.
            self._close_messages_no_wait()

    # Textual takes the variable for set where it is empty, too (no-color.org).
    colours = not environment.get("NO_COLOR")
    return Shown(source, ascii_only=is_ascii_only(environment), colours=colours, fail_on=fail_on)


def fault(app: "BackuplinkApp") -> BaseException | None:
    """The fault of ours that ended the interface, if one did."""
    error = app._exception
    return getattr(error, "error", error)  # a worker's is wrapped


class Leave(CancelToken):
    """Ends the interface as a `CancelToken` ends a run: a signal calls `start_grace_timer`, and as soon as the loop
    turns `leave` with its name."""

    def __init__(
        self, received_signals: list[str], *, start_grace_timer: Callable[[], None], leave: Callable[[str], None]
    ) -> None:
        super().__init__(received_signals)
        self._start_grace_timer = start_grace_timer
        self._leave = leave

    def note(self, reason: str) -> None:
        super().note(reason)
        self._start_grace_timer()  # a terminal that takes nothing any more holds whatever draws on it

    def expire(self) -> None:
        if self.reason is not None:
            self._leave(self.reason)


class Terminal:
    """The terminal of this process as it is found."""

    def __init__(self) -> None:
        self._settings = termios.tcgetattr(_IN)
        self._handlers = {number: signal.getsignal(number) for number in _TAKEN}

    def put_back(self) -> None:
        """Make it what it was, whatever draws on it: the last thing that a process does which ends without Textual's
        own way out. May be called from a signal handler, and waits for nothing."""
        with contextlib.suppress(OSError):
            # Opened anew: whether it waits is a matter of this opening alone, and the shell's own stays as it is.
            handle = os.open(os.ttyname(_DRAWN), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.write(handle, _SANE)
            os.close(handle)
        self._set_back()

    def release(self) -> None:
        """Take back what Textual leaves behind where it has come to its own end."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._set_back()

    def _set_back(self) -> None:
        with contextlib.suppress(termios.error):  # it has gone
            termios.tcsetattr(_IN, termios.TCSANOW, self._settings)
