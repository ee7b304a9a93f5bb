"""Bytes that a user can type or paste, or that a terminal can send, given to the interface's decoder of keys."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Event
from typing import Any, Final

from textual import events
from textual.message import Message
from textual.messages import InBandWindowResize

from agent.tui.driver import Driver
from tests.hostile.fuzz.command import Command

_SIGNALS: Final = (signal.SIGTSTP, signal.SIGCONT)
_STARTS: Final = (
    *(b"\x1b[", b"\x1b[<", b"\x1b[?", b"\x1b[>", b"\x1b]", b"\x1bO", b"\x1bP", b"\x1b_", b"\x1b", b"\x1b\x1b", b"\x9b"),
    *(b"\x1b[200~", b"\x1b]52;c;", b"\x1b[48;", b"\x1b[?2048;"),
)
_PARTS: Final = (
    *(
        b"0",
        b"1",
        b";",
        b":",
        b";;",
        b"65535",
        b"99999999999999999999",
        b"-1",
        b"1114112",
        b"55296",
        b"x",
        b"$",
        b"=",
        b" ",
    ),
    *(
        b"\xff",
        b"\xc3(",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x92\xa5",
        b"\0",
        b"\x7f",
        b"q",
        b"abc",
        b"\r\n",
        b"\x03",
    ),
)
_FORMS: Final = (
    *(b"\x1b[48;#;#;#;#t", b"\x1b[8;#;#t", b"\x1b[<#;#;#M", b"\x1b[<#;#;#m", b"\x1b[#;#;#M", b"\x1b[#;#u", b"\x1b[#u"),
    *(
        b"\x1b[?#;#$y",
        b"\x1b[#;#R",
        b"\x1b[#~",
        b"\x1b[#;#~",
        b"\x1b[#;#A",
        b"\x1b[?#u",
        b"\x1b[#:#:#;#:#u",
        b"\x1b[?#c",
    ),
)
"""Escape sequences that terminals send about sizes, the mouse, keys and modes. Each `#` stands for a number."""
_NUMBERS: Final = (
    b"",
    b"0",
    b"1",
    b"3",
    b"-1",
    b"35",
    b"2048",
    b"55296",
    b"1114112",
    b"1000000000",
    b"9" * 25,
    b"x",
    b"\xff",
)
_ENDS: Final = (
    b"M",
    b"m",
    b"u",
    b"t",
    b"R",
    b"$y",
    b"I",
    b"O",
    b"~",
    b"A",
    b"c",
    b"\x07",
    b"\x1b\\",
    b"\x1b[201~",
    b"",
    b" ",
)
_END_OF_PASTE: Final = b"\x1b[201~"
_KEY: Final = "q"
_PRESSED: Final = 80
"""More keys than the decoder reads as part of a sequence without an end."""


def _sequence(chance: Random) -> bytes:
    """An escape sequence: a real one with any numbers, or one that is composed of parts of real sequences."""
    if chance.randrange(2):
        form = chance.choice(_FORMS)
        for _ in range(form.count(b"#")):
            form = form.replace(b"#", chance.choice(_NUMBERS), 1)
        return form
    parts = chance.choices(_PARTS, k=chance.choice((0, 1, 3, 6, 60)))
    return b"".join((chance.choice(_STARTS), *parts, chance.choice(_ENDS)))


def typed(chance: Random) -> bytes:
    """Escape sequences, keys, and bytes that are neither."""
    data = b"".join(_sequence(chance) for _ in range(chance.randint(1, 8)))
    return data + (chance.randbytes(chance.randrange(40)) if chance.randrange(3) == 0 else b"q")


class _AtEnd(Event):
    """An event that tells the driver's loop that the input has ended."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


class Typed(Driver):
    """A driver that keeps its messages."""

    def __init__(self, fileno: int) -> None:
        app: Any = None
        super().__init__(app)
        self.fileno = fileno
        self.exit_event = _AtEnd()
        self.messages: list[Message] = []

    def send_message(self, message: Message) -> None:
        self.messages.append(message)


@contextmanager
def _kept_signals() -> Iterator[None]:
    """Restore the handlers of signals, which the driver sets, after the test."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def messages_of(*pieces: bytes) -> list[Message]:
    """The interface's messages for bytes that arrive in these pieces, read by the driver's own loop."""
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # so that each read returns one piece

    async def go() -> list[Message]:
        driver = Typed(reading.fileno())
        for piece in pieces:
            writing.send(piece)
        writing.close()
        driver.run_input_thread()
        return driver.messages

    with reading, writing, _kept_signals():
        return asyncio.run(go())


def check_typed(chance: Random, _: Command) -> None:
    """Whatever bytes arrive, `assert_taken` must succeed."""
    data = typed(chance)
    middle = chance.randrange(1, len(data))
    assert_taken(data[:middle], data[middle:])


def assert_taken(*pieces: bytes) -> None:
    """Assert that these pieces do not stop the reader, that they cause no change of size and no more messages than
    bytes, and that keys after them are recognised.
    """
    messages = messages_of(*filter(None, pieces), _END_OF_PASTE, _KEY.encode() * _PRESSED)
    assert not any(isinstance(message, InBandWindowResize | events.Resize) for message in messages)
    assert len(messages) <= 2 * (sum(map(len, pieces)) + _PRESSED + len(_END_OF_PASTE))
    assert isinstance(messages[-1], events.Key)
    assert messages[-1].key == _KEY
