"""A terminal for one process: a pseudo-terminal that the process controls, the keys that a test presses, and the output
of the process.
"""

import fcntl
import os
import pty
import re
import selectors
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.command import SECONDS
from tests.support.repository import ROOT

QUIET_SECONDS: Final = 2.0
"""If there is no output for this many seconds, it has ended. A process that draws continuously never pauses for so
long.
"""
DRAWN_LINES: Final = 15
"""The lowest number of consecutive lines of the same width that counts as a whole screen."""
_ESCAPE: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
"""Escape sequences: CSI, OSC, DCS and the short ones (ECMA-48, section 5)."""
_MODE: Final = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
_END: Final = b"\x00 the end \x00"
"""Bytes that no process writes."""
_DEFAULTS: Final = {7: True, 25: True}
"""The modes that are on in a fresh terminal: lines wrap, and the cursor is visible."""


class Session:
    """A process on its own terminal."""

    def __init__(self, process: subprocess.Popen[bytes], outer: int, inner: int, settings: list[Any]) -> None:
        self.process = process
        self.output = b""
        self._outer = outer
        self._inner = inner
        self._seen = 0
        self._settings = settings

    def until(self, words: str | bytes) -> None:
        """Read until these words appear in the output that arrived since the last call. If `words` is text, escape
        codes are ignored.
        """
        limit = time.monotonic() + SECONDS
        while True:
            new = self.output[self._seen :]
            wanted = words.encode() if isinstance(words, str) else words
            if wanted in (plain(new) if isinstance(words, str) else new):
                self._seen = len(self.output)
                return
            assert self.process.poll() is None or self._is_waiting(), (words, self.process.poll(), self.text()[-2_000:])
            assert time.monotonic() < limit, (words, self.text()[-2_000:])
            self._read(0.1)

    def until_drawn(self, columns: int) -> None:
        """Read until the whole screen is redrawn with this width. Only a complete drawing is written line by line, with
        each line filled to the width; later changes are written at their positions.
        """
        limit = time.monotonic() + SECONDS
        while True:
            lines = plain(self.output[self._seen :]).decode("utf-8", "replace").replace("\r", "").split("\n")
            if sum(len(line) == columns for line in lines) >= DRAWN_LINES:
                self._seen = len(self.output)
                return
            assert self.process.poll() is None or self._is_waiting(), (columns, self.process.poll())
            assert time.monotonic() < limit, (columns, self.text()[-2_000:])
            self._read(0.1)

    def until_quiet(self) -> None:
        """Read until there is no output for QUIET_SECONDS."""
        limit = time.monotonic() + SECONDS
        before, since = len(self.output), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            assert time.monotonic() < limit, ("never quiet", self.text()[-2_000:])
            self._read(0.1)
            if len(self.output) != before:
                before, since = len(self.output), time.monotonic()

    def read(self, seconds: float = 0.1) -> None:
        """Read the output that arrives within this time."""
        self._read(seconds)

    def press(self, *keys: str) -> None:
        """Type these keys, one after another."""
        self.send("".join(keys).encode())

    def send(self, data: bytes) -> None:
        """Send arbitrary bytes as a terminal does."""
        os.write(self._outer, data)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal a different size; the kernel notifies the process (SIGWINCH)."""
        _set_size(self._inner, columns, lines)

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to the process, and to no other process on the terminal."""
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """Let the terminal stop accepting output, as after ctrl-s, or on a stalled line."""
        termios.tcflow(self._inner, termios.TCOOFF)

    def hang_up(self) -> None:
        """Close the terminal's other end, like a broken connection."""
        os.close(self._outer)
        self._outer = -1

    def ended(self) -> int:
        """Read until the process has ended; returns its exit code."""
        limit = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < limit, ("does not end", self.text()[-2_000:])
            if self._outer < 0:
                time.sleep(0.01)
            else:
                self._read(0.05)
        if self._outer >= 0:
            self._read_all(limit)
        return self.process.returncode

    def _read_all(self, limit: float) -> None:
        """Read all output of a process that has ended. The kernel delivers the output in order, but not at once: on a
        busy machine, a read may find nothing although more output follows. This method therefore writes a mark after
        the output, and reads until the mark.
        """
        termios.tcflow(self._inner, termios.TCOON)
        os.write(self._inner, _END)
        while not self.output.endswith(_END):
            assert time.monotonic() < limit, ("does not come", self.text()[-2_000:])
            self._read(0.05)
        self.output = self.output.removesuffix(_END)

    def text(self) -> str:
        """The output without escape codes."""
        return plain(self.output).decode("utf-8", "replace").replace("\r\n", "\n")

    def modes(self) -> dict[int, bool]:
        """The private modes (DECSET) that differ from those of a fresh terminal."""
        modes: dict[int, bool] = {}
        for numbers, letter in _MODE.findall(self.output):
            for number in numbers.split(b";"):
                modes[int(number)] = letter == b"h"
        return {number: state for number, state in modes.items() if state != _DEFAULTS.get(number, False)}

    def key_modes(self) -> int:
        """The number of keyboard modes (kitty's protocol) that the process has set and not yet reset."""
        return len(re.findall(rb"\x1b\[>\d+u", self.output)) - len(re.findall(rb"\x1b\[<u", self.output))

    def settings_are_back(self) -> bool:
        """Whether the terminal has its original settings for lines, echo and signals."""
        return termios.tcgetattr(self._inner) == self._settings

    def is_sane(self) -> bool:
        """Whether the terminal is again as it was before the process."""
        return self.settings_are_back() and self.modes() == {} and self.key_modes() == 0

    def _read(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._outer, selectors.EVENT_READ)
            if selector.select(seconds):
                self.output += os.read(self._outer, 65_536)

    def _waiting(self) -> int:
        return int.from_bytes(fcntl.ioctl(self._outer, termios.FIONREAD, bytes(4)), "little")

    def _is_waiting(self) -> bool:
        return self._waiting() > 0

    def close(self) -> None:
        for handle in (self._outer, self._inner):
            if handle >= 0:
                os.close(handle)


def plain(output: bytes) -> bytes:
    """The output without its escape codes."""
    return _ESCAPE.sub(b"", output)


def _set_size(handle: int, columns: int, lines: int) -> None:
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def on_terminal(
    words: Sequence[str],
    *,
    columns: int = 80,
    lines: int = 24,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[Session]:
    """Run a command in `folder` on its own terminal. The locale is UTF-8 unless `environment` sets another one."""
    outer, inner = pty.openpty()
    _set_size(inner, columns, lines)
    settings = termios.tcgetattr(inner)
    left_out = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "LANG", "LC_ALL", "LC_CTYPE", "TEXTUAL", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    # When the leader of a session opens a terminal, it takes control of the terminal (tty_ioctl(4)).
    with subprocess.Popen(
        ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(inner), *words],  # noqa: S607 - any sh will do
        cwd=folder,
        env={**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(environment or {})},
        start_new_session=True,
    ) as process:
        session = Session(process, outer, inner, settings)
        try:
            yield session
        finally:
            process.kill()
            process.wait()
            session.close()
