"""Rotation of the signed call: which address of a target makes the one call of a run."""

import asyncio

from probes.model import Address


class Rotation:
    """Decides which address of a target makes the one signed call of a run.

    It is the address at `place` in the order of those that this host uses, counted round and round, or the next one
    after it whose ladder gets as far as the call.
    """

    def __init__(self, place: int) -> None:
        self._place = place
        self._known = asyncio.Event()
        self._order: tuple[Address, ...] = ()
        self._taken: dict[Address, bool] = {}
        """Whether an address makes the call, for each address that is decided."""
        self._changed = asyncio.Event()

    def start(self, own: tuple[Address, ...], first: Address | None = None) -> None:
        """Set the order: `own` are the addresses that this host uses, empty where its lookup failed. It starts with
        `first`, if that is one of them, whatever its place."""
        start = own.index(first) if first in own else self._place % len(own) if own else 0
        self._order = (*own[start:], *own[:start])
        self._known.set()

    def leave(self, address: Address) -> None:
        """Let the next address go ahead: this one makes no call, unless it was its turn already."""
        self._settle(address, False)

    async def take(self, address: Address) -> bool:
        """Whether this address makes the call. Waits until each address before it has taken or left its place."""
        await self._known.wait()
        if not self._order:  # only resolvers that were asked directly gave addresses: the first to get here calls
            self._settle(address, not any(self._taken.values()))
            return self._taken[address]
        if address not in self._order:
            return False
        before = self._order[: self._order.index(address)]
        while not (any(self._taken.values()) or all(earlier in self._taken for earlier in before)):
            self._changed.clear()
            await self._changed.wait()
        self._settle(address, not any(self._taken.values()))
        return self._taken[address]

    def _settle(self, address: Address, taken: bool) -> None:
        if address not in self._taken:
            self._taken[address] = taken
            self._changed.set()
