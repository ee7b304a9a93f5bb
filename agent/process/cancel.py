"""Cancel a run from outside. This module loads little, since signal handlers need it before everything else."""

import asyncio


class CancelToken:
    """Cancels a run: at its start if a signal was received before, and by `cancel` while it goes on."""

    def __init__(self, received_signals: list[str] | None = None) -> None:
        self._received = [] if received_signals is None else received_signals
        self._window: asyncio.Timeout | None = None

    @property
    def reason(self) -> str | None:
        """The name of the first signal; None if there was no signal."""
        return self._received[0] if self._received else None

    def cancel(self, reason: str) -> None:
        """End the run now."""
        self.note(reason)
        self.expire()

    def note(self, reason: str) -> None:
        """Record a signal without ending the run. A signal handler must not do more, since it may run between any two
        bytecodes."""
        self._received.append(reason)

    def expire(self) -> None:
        """End the run for the signal that was recorded."""
        if self._window is not None and not self._window.expired():
            self._window.reschedule(asyncio.get_running_loop().time())

    def watch(self, window: asyncio.Timeout) -> None:
        """From now on, cancelling ends `window`. If a signal was already received, the window ends at once."""
        self._window = window
        if self._received:
            self.expire()

    def release(self) -> None:
        """From now on, cancelling only records its reason, since the window has ended."""
        self._window = None
