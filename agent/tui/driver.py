"""The input from a terminal: keys, other sequences, and the terminal's size.

Textual's own thread ends the interface with a traceback at a byte that is not UTF-8 (a terminal in another locale, a
pasted binary file), and at an escape sequence that its parser cannot read. Its handler for SIGWINCH reads the size and
then posts it. If a second signal comes in between, the older size is posted last, and stays.
"""

import asyncio
import codecs
import os
import re
import selectors
import signal
from typing import Final

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message
from textual.messages import InBandWindowResize

_TICK_SECONDS: Final = 0.1
"""Seconds without more input after which an escape is the Esc key."""
_READ_BYTES: Final = 4_096
_RESET: Final = "\x1b[0m"
_DEFAULT: Final = re.compile(r"\x1b\[39;49m([^\x1b]*)\x1b\[0m")
"""A text in the default colours (ECMA-48, section 8.3.117), and the reset after it."""


def slim(drawn: str) -> str:
    """Remove codes that change nothing from the output. Textual sets the default colours before every text that has
    them, and resets them after every text. These codes are a fifth of its output."""
    return _DEFAULT.sub(r"\1", drawn)


class Driver(LinuxDriver):
    """The driver of the terminal. It drops input that it does not understand, and gets the size from the kernel, never
    from the input."""

    def write(self, data: str) -> None:
        super().write(slim(data))

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual does not type this one
        super().write(_RESET)  # earlier output may have left a colour
        loop = asyncio.get_running_loop()
        # The loop reads the size once for each signal, so the last size read is the current one.
        signal.signal(signal.SIGWINCH, lambda *_: loop.call_soon_threadsafe(self._post_size))

    def _get_terminal_size(self) -> tuple[int, int]:
        # Not COLUMNS and LINES, which Textual prefers: exported variables stay the same when the window changes.
        try:
            columns, lines = os.get_terminal_size(self.fileno)
        except OSError:  # the terminal was closed
            columns = lines = 0
        return (columns, lines) if columns and lines else super()._get_terminal_size()

    def _post_size(self) -> None:
        size = Size(*self._get_terminal_size())
        self.send_message(events.Resize(size, size))

    def run_input_thread(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        parser = XTermParser(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                data = b""
                if selector.select(_TICK_SECONDS):
                    data = os.read(self.fileno, _READ_BYTES)
                    if not data:  # the end of the input, which stays readable
                        self.exit_event.wait(_TICK_SECONDS)
                parser = self._fed(parser, decoder.decode(data))

    def _fed(self, parser: XTermParser, text: str) -> XTermParser:
        """Parse a text and post its events. Returns the parser for the next text."""
        try:
            for event in parser.feed(text) if text else ():
                self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
        except Exception:  # noqa: BLE001 - whatever fails at a sequence, the next key is read again
            return XTermParser(self._debug)
        return parser

    def process_message(self, message: Message) -> None:
        # The input can report a size of a thousand million columns. SIGWINCH and the kernel tell the true size.
        if not isinstance(message, InBandWindowResize | events.Resize):
            super().process_message(message)
