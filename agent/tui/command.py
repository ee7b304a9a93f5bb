"""The interface on the terminal of this process: whether it can be shown, and how the terminal is restored.

Textual reads stdin and draws on stderr; stdout is for the document that is written afterwards. Only `app` loads
Textual, so the check of the terminal costs nothing.
"""

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from agent.process.cancel import CancelToken
from agent.settings import InterfaceOptions

if TYPE_CHECKING:
    from agent.tui.app import BackuplinkApp
    from agent.tui.source import Source

_STREAMS: Final = ("stdin", "stderr")
"""The streams that must be a terminal for the interface."""
_IN: Final = 0
_DRAWN: Final = 2
"""File descriptors of the terminal. Keys are read from the first one. Textual draws on the second one."""
_LOCAL: Final = 3
"""Index of the local modes in the settings of a terminal (termios(3))."""
_TAKEN: Final = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
"""Signals whose handlers Textual replaces and does not restore."""
_COERCED: Final = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""Values of LC_CTYPE that Python itself sets for the locale C (PEP 538); they say nothing about the terminal."""
_SANE: Final = (
    b"\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l"  # draw at once, paste as typed, wrap lines, report no sizes
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l"  # report no mouse and no focus
    b"\x1b[<u\x1b[?1049l\x1b[0m\x1b[?25h"  # normal keys, the screen as before, no colour, the cursor
)
"""Control sequences that undo every mode that Textual sets on a terminal."""
_EMPTY_LINE: Final = b"\r\x1b[K"


def why_not(environment: Mapping[str, str], *, is_asked_for: bool = True) -> str | None:
    """Return why the interface cannot be shown on this terminal; None if it can. If nobody explicitly asked for the
    interface, a redirected stdout means that only the document is wanted."""
    for name in _STREAMS if is_asked_for else (*_STREAMS, "stdout"):
        stream = getattr(sys, name)
        if stream is None or not stream.isatty():
            return f"{name} is not a terminal"
    term = environment.get("TERM")
    return f"TERM is {term!r}, which is not a known terminal" if term in (None, "", "dumb", "unknown") else None


def is_ascii_only(environment: Mapping[str, str]) -> bool:
    """Whether the terminal may only draw ASCII: its locale does not use UTF-8 (locale(7))."""
    characters = environment.get("LC_CTYPE", "")
    if characters in _COERCED:
        characters = ""
    locale = environment.get("LC_ALL") or characters or environment.get("LANG") or "C"
    return not locale.partition("@")[0].lower().replace("-", "").endswith("utf8")


def app(source: "Source", fail_on: str, interface: InterfaceOptions, environment: Mapping[str, str]) -> "BackuplinkApp":
    """Return the interface over `source` for this terminal. Raises ImportError if Textual cannot be loaded."""
    from agent.tui.app import BackuplinkApp
    from agent.tui.clipboard import multiplexer_in
    from agent.tui.driver import Driver

    class Shown(BackuplinkApp):
        def get_driver_class(self) -> type[Driver]:
            return Driver

        def _fatal_error(self) -> None:
            # Textual's own handler shows the values of all local variables, which may contain credentials.
            self._close_messages_no_wait()

    # Textual counts an empty variable as set, unlike no-color.org.
    colours = not environment.get("NO_COLOR")
    return Shown(
        source,
        ascii_only=is_ascii_only(environment),
        colours=colours,
        fail_on=fail_on,
        interface=interface,
        multiplexer=multiplexer_in(environment),
    )


def fault(app: "BackuplinkApp") -> BaseException | None:
    """The internal error that ended the interface; None if there was none."""
    error = app._exception
    return getattr(error, "error", error)  # a worker's error is wrapped


class Leave(CancelToken):
    """Ends the interface in the way a `CancelToken` ends a run. A signal calls `start_grace_timer` at once. As soon as
    the loop runs, it also calls `leave` with the signal's name."""

    def __init__(
        self, received_signals: list[str], *, start_grace_timer: Callable[[], None], leave: Callable[[str], None]
    ) -> None:
        super().__init__(received_signals)
        self._start_grace_timer = start_grace_timer
        self._leave = leave

    def note(self, reason: str) -> None:
        super().note(reason)
        self._start_grace_timer()  # a terminal that does not read blocks every write to it

    def expire(self) -> None:
        if self.reason is not None:
            self._leave(self.reason)


class Terminal:
    """The terminal of this process, with the settings that it had when this object was made."""

    def __init__(self) -> None:
        self._settings = termios.tcgetattr(_IN)
        self._handlers = {number: signal.getsignal(number) for number in _TAKEN}

    def silence(self) -> None:
        """Turn off the echo of keys until the screen is drawn. Keys are read from then on. A key that was typed while
        Python started is already on the current line, so the line is cleared for the document."""
        settings = termios.tcgetattr(_IN)
        settings[_LOCAL] &= ~termios.ECHO
        termios.tcsetattr(_IN, termios.TCSANOW, settings)
        self._draw(_EMPTY_LINE)

    def put_back(self) -> None:
        """Restore the terminal, although something may still draw on it. This is the last step of a process that ends
        without Textual's own exit. Does not block, so that a signal handler may call it."""
        self._draw(_SANE)
        self._set_back()

    def release(self) -> None:
        """Restore settings that Textual's own exit leaves changed."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._set_back()

    def _draw(self, text: bytes) -> None:
        with contextlib.suppress(OSError):
            # A separate open file: O_NONBLOCK applies to it alone, and the shell's descriptor stays as it is.
            handle = os.open(os.ttyname(_DRAWN), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.write(handle, text)
            os.close(handle)

    def _set_back(self) -> None:
        with contextlib.suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(_IN, termios.TCSANOW, self._settings)
