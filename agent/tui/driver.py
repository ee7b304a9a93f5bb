"""What a terminal sends to the interface: keys, whatever else comes on its line, and its size.

Textual's own thread ends the interface with a traceback at a byte that is not UTF-8 (a terminal in another locale, a
paste of a binary file), and where its parser stumbles over an escape sequence. Its handler for SIGWINCH reads the size
and posts it: where a second signal comes in between, the older size is posted last and stays.
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
"""After this time without more input, an escape is the key of this name."""
_READ_BYTES: Final = 4_096
_RESET: Final = "\x1b[0m"
_DEFAULT: Final = re.compile(r"\x1b\[39;49m([^\x1b]*)\x1b\[0m")
"""A text in the default colours (ECMA-48, section 8.3.117), and the reset after it."""


def slim(drawn: str) -> str:
    """What is drawn, without codes that change nothing: Textual sets the default colours before every text that has
    them, and resets them after it, as it does after every other text. That is a fifth of all that it writes."""
    return _DEFAULT.sub(r"\1", drawn)


class Driver(LinuxDriver):
    """The terminal. Input that is not understood is dropped; the size is the kernel's, never the input's."""

    def write(self, data: str) -> None:
        super().write(slim(data))

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual does not type this one
        super().write(_RESET)  # whatever wrote here before may have left a colour
        loop = asyncio.get_running_loop()
        # The size is read in the loop, once for each signal: the last one to be read is the last one there is.
        signal.signal(signal.SIGWINCH, lambda *_: loop.call_soon_threadsafe(self._post_size))

    def _get_terminal_size(self) -> tuple[int, int]:
        # Not COLUMNS and LINES, which Textual reads first: where they are exported, they stay as the window changes.
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
                    if not data:  # the end of the input: it stays readable
                        self.exit_event.wait(_TICK_SECONDS)
                parser = self._fed(parser, decoder.decode(data))

    def _fed(self, parser: XTermParser, text: str) -> XTermParser:
        """Pass on what a text means. Returns the parser for what follows."""
        try:
            for event in parser.feed(text) if text else ():
                self.process_message(event)
            for event in parser.tick():
                self.process_message(event)
        except Exception:  # noqa: BLE001 - whatever stumbled over a sequence, the next key counts again
            return XTermParser(self._debug)
        return parser

    def process_message(self, message: Message) -> None:
        # Anybody can type a size of a thousand million columns. SIGWINCH and the kernel give the true one.
        if not isinstance(message, InBandWindowResize | events.Resize):
            super().process_message(message)
