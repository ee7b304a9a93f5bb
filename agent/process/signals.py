"""Signals while a command runs: what ends a run, what is left for its document, and what a hangup means to a watch.

Python's handlers come between any two steps, so they do no more than note the name and wake the loop.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from agent.process.cancel import CancelToken
from agent.process.phases import Phase, announce

GRACE_SECONDS: Final = 2.0
"""For writing a document once a signal has come."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _nothing() -> None:
    """Is done where nothing else is wanted."""


@contextlib.contextmanager
def cancel_on_signals(
    stop: CancelToken, *, at_once: Callable[[], None] = _nothing, on_hangup: Callable[[], None] | None = None
) -> Iterator[None]:
    """While the block lasts, SIGINT, SIGTERM and SIGHUP cancel `stop`, after `at_once` was called in the handler. With
    `on_hangup`, SIGHUP has the loop call that instead."""
    loop = asyncio.get_running_loop()

    def heard(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP and on_hangup is not None:
            loop.call_soon_threadsafe(on_hangup)
            return
        at_once()
        stop.note(signal.Signals(number).name)
        loop.call_soon_threadsafe(stop.expire)  # wakes the loop, too

    # Not the loop's own handlers: it forgets what comes after its last turn, and its way out restores the default,
    # which would end the process before its document is written.
    with _handled(heard):
        yield


@contextlib.contextmanager
def exit_on_signals(
    received_signals: list[str], at_last: Callable[[], None] = _nothing, code: int | None = None
) -> Iterator[None]:
    """While the block lasts, a signal leaves GRACE_SECONDS for the document, and then calls `at_last` and ends the
    process even where it waits for a reader of stdout who never reads, with `code`, otherwise with the signal's.
    `cancel_on_signals` has its own meaning for signals meanwhile."""

    def end(_: int, __: FrameType | None) -> None:
        at_last()
        os._exit(128 + signal.Signals[received_signals[0]] if code is None else code)

    def heard(number: int, _: FrameType | None) -> None:
        received_signals.append(signal.Signals(number).name)
        start_grace_timer()

    before = signal.signal(signal.SIGALRM, end)
    try:
        with _handled(heard):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def start_grace_timer() -> None:
    """From now on there are GRACE_SECONDS left, unless they run already."""
    if not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """`handler` is called for SIGNALS while the block lasts, but for those that are ignored (nohup(1), a shell's
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
