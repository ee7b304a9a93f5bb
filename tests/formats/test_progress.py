"""The line that shows progress on a terminal while VPCs are read."""

import fcntl
import io
import os
import pty
import struct
import termios

import pytest

from agent.formats.progress import AuditProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_says_how_far_it_is_and_is_cleared() -> None:
    terminal = Terminal()
    progress = AuditProgress(terminal)
    progress(3, 12, "eu-west-1")
    assert terminal.getvalue().rstrip() == "\r[#####               ] 3 of 12 VPCs, eu-west-1"
    progress.end()
    assert terminal.getvalue().endswith(f"\r{' ' * 60}\r")


def test_the_line_stays_one_on_a_narrow_terminal() -> None:
    mine, its = pty.openpty()
    try:
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        with open(its, "w", encoding="ascii", closefd=False) as terminal:
            progress = AuditProgress(terminal)
            progress(3, 12, "eu-west-1")
            assert os.read(mine, 1_000) == b"\r[#####               ] 3 of 12 VPCs, eu"
            progress.end()
            assert os.read(mine, 1_000) == b"\r" + b" " * 39 + b"\r"
    finally:
        os.close(mine)
        os.close(its)


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    progress = AuditProgress(file)
    progress(0, 0, "eu-west-1")
    progress.end()
    assert file.getvalue() == ""
    AuditProgress(None)(1, 2, "eu-west-1")


def test_a_terminal_that_was_closed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()

    def refuse(_: str) -> int:
        raise OSError

    monkeypatch.setattr(terminal, "write", refuse)
    AuditProgress(terminal)(1, 2, "eu-west-1")
