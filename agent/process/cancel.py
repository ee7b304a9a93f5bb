"""How a run is ended from outside: light, since whoever catches signals needs it before anything else is loaded."""

import asyncio


class Stop:
    """The way to end a run from outside: by names of signals, in `pulled` before the run begins and by `pull` then."""

    def __init__(self, pulled: list[str] | None = None) -> None:
        self._pulled = [] if pulled is None else pulled
        self._window: asyncio.Timeout | None = None

    @property
    def reason(self) -> str | None:
        """The first signal; None where none has come."""
        return self._pulled[0] if self._pulled else None

    def pull(self, reason: str) -> None:
        """End the run now."""
        self.name(reason)
        self.close()

    def name(self, reason: str) -> None:
        """Note a signal without ending the run: all that its handler may do, since it comes between any two steps."""
        self._pulled.append(reason)

    def close(self) -> None:
        """End the run for the signal that has been noted."""
        if self._window is not None and not self._window.expired():
            self._window.reschedule(asyncio.get_running_loop().time())

    def watch(self, window: asyncio.Timeout) -> None:
        """From now on, pulling ends `window`."""
        self._window = window
        if self._pulled:
            self.close()

    def release(self) -> None:
        """The window is over: pulling only leaves its name from now on."""
        self._window = None
