"""Signals while a command runs: they end a run, limit the time for its document, and reload a watch (SIGHUP).

Python may run a handler between any two bytecodes of the main thread, so handlers only record the name and wake the
loop. A signal in another thread, or just before the loop waits, would not be handled until the loop wakes for another
reason. While a loop runs, every signal therefore writes to a socket that the loop reads (signal.set_wakeup_fd).
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from agent.process.cancel import CancelToken
from agent.process.phases import Phase, announce

GRACE_SECONDS: Final = 2.0
"""Time limit for writing the document after a signal."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    """The default of callbacks."""


@contextlib.contextmanager
def cancel_on_signals(
    stop: CancelToken, *, at_once: Callable[[], None] = _nothing, on_hangup: Callable[[], None] | None = None
) -> Iterator[None]:
    """While the block lasts, SIGINT, SIGTERM and SIGHUP cancel `stop`; the handler first calls `at_once`. If
    `on_hangup` is given, SIGHUP makes the loop call it instead and cancels nothing."""
    loop = asyncio.get_running_loop()

    def received(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP and on_hangup is not None:
            loop.call_soon_threadsafe(on_hangup)
            return
        at_once()
        stop.note(signal.Signals(number).name)
        loop.call_soon_threadsafe(stop.expire)  # this wakes the loop as well

    # The loop's own handlers are not used: the loop loses a signal that comes after its last iteration. When it closes,
    # it restores the default handler, which would end the process before its document is written.
    with _waking(loop), _handled(received):
        yield


@contextlib.contextmanager
def exit_on_signals(
    received_signals: list[str], at_last: Callable[[], None] = _nothing, code: int | None = None
) -> Iterator[None]:
    """While the block lasts, the process ends GRACE_SECONDS after a signal, even if it waits for a reader of stdout
    that never reads. `at_last` is called before the end, and may take as much time again. The exit code is `code`; None
    stands for the code of the signal. Inside the block, `cancel_on_signals` replaces these handlers for a time."""
    ending = False

    def end(_: int, __: FrameType | None) -> None:
        nonlocal ending
        try:
            if not ending:
                ending = True
                start_grace_timer()
                at_last()
        finally:
            os._exit(128 + signal.Signals[received_signals[0]] if code is None else code)

    def received(number: int, _: FrameType | None) -> None:
        received_signals.append(signal.Signals(number).name)
        start_grace_timer()

    before = signal.signal(signal.SIGALRM, end)
    try:
        with _handled(received):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def start_grace_timer() -> None:
    """Start the timer of GRACE_SECONDS unless it already runs."""
    if not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)


@contextlib.contextmanager
def _waking(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """While the block lasts, every signal with a Python handler wakes `loop`, so that the handler runs at once: our
    handlers, and those of a library (Textual's for SIGWINCH)."""
    read, written = socket.socketpair()
    with read, written:
        read.setblocking(False)
        written.setblocking(False)

        def drain() -> None:
            with contextlib.suppress(BlockingIOError):
                read.recv(4_096)

        loop.add_reader(read, drain)
        # A full buffer wakes the loop as well, so Python need not warn on stderr.
        before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(read)


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """While the block lasts, `handler` is called for SIGNALS, except those that are ignored (nohup(1), a shell's
    background job)."""
    before = {number: old for number in SIGNALS if (old := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
        announce(Phase.HANDLER)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
            announce(Phase.HANDLER)


def has_shell() -> bool:
    """Whether a shell waits for this process: its parent is in the same session, in another process group. Nobody else
    would continue a stopped process (POSIX.1-2024, 3.265, "Orphaned Process Group")."""
    try:
        parent = os.getppid()
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:  # the parent has ended
        return False
