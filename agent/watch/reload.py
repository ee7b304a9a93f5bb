"""Read the settings of a watch again, and move its listener if the settings give another address."""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Final

from agent.process.cancel import CancelToken
from agent.watch.config import WatchConfig
from agent.watch.listen import Address, Listener, Pages
from probes.background import in_background

READ_SECONDS: Final = 10.0
"""Time limit for reading the settings: the disk of a configuration file may hang."""

ListenAddress = tuple[Address, int]


class CannotListenError(Exception):
    """The address to listen on does not belong to this host, or is in use."""


async def read_again(reread: Callable[[], WatchConfig], cancel: CancelToken) -> WatchConfig:
    """Return the present settings. Raises ValueError if they are invalid, if reading them takes longer than
    READ_SECONDS, or if the watch is cancelled first."""
    try:
        async with asyncio.timeout(READ_SECONDS) as window:
            cancel.watch(window)
            return await in_background(reread)
    except TimeoutError as error:
        limit = f"within {READ_SECONDS:g} s" if cancel.reason is None else "before the watch ended"
        raise ValueError(f"they could not be read {limit}") from error
    finally:
        cancel.release()


class CurrentListener:
    """The listener of a watch, which a reload may open, move or close."""

    def __init__(self, pages: Pages, log: Callable[[str], None]) -> None:
        self._pages = pages
        self._log = log
        self._listener: Listener | None = None
        self._configured: ListenAddress | None = None
        """The address that `_listener` was asked to listen on; the port of `_listener` differs if port 0 was
        requested."""

    @property
    def listener(self) -> Listener | None:
        """The open listener, if there is one."""
        return self._listener

    async def move(self, address: ListenAddress | None) -> None:
        """Listen on `address`, then close the earlier listener; None stops listening. If that fails, CannotListenError
        is raised and the earlier listener stays."""
        before = self._listener
        try:
            self._listener = await self._open(address)
        except CannotListenError as error:
            in_use = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
            if before is None or address is None or not in_use or address[1] != before.port:
                raise
            # This process itself listens on the port, on an address that includes the new address or is included in it,
            # as 0.0.0.0 includes 127.0.0.1. The kernel allows only one of the two, so for a moment nothing listens.
            self._listener = None
            await before.close()
            try:
                self._listener = await self._open(address)
            except CannotListenError:
                self._listener = await self._open(self._configured)
                raise
        self._configured = address
        if before is not None:
            await before.close()

    async def close(self) -> None:
        """Close the listener, if there is one."""
        if self._listener is not None:
            await self._listener.close()

    async def _open(self, address: ListenAddress | None) -> Listener | None:
        if address is None:
            return None
        listener = Listener(*address, self._pages)
        try:
            await listener.start()
        except OSError as error:
            reason = str(error) if error.errno is None else os.strerror(error.errno)  # without asyncio's own prefix
            raise CannotListenError(f"cannot listen on {address[0]} port {address[1]}: {reason}") from error
        self._log(f"listening on {listener.url}")
        return listener
