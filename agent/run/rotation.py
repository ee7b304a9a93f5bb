"""Rotation of the signed call: which address of a target makes the single call of a run."""

import asyncio

from probes.model import Address


class Rotation:
    """Decides which address of a target makes the single signed call of a run.

    The addresses that this host uses take turns in their order. The call is made at the address with the index `place`
    modulo their number or, if a step before the call fails there, at the next address without such a failure.
    """

    def __init__(self, place: int) -> None:
        self._place = place
        self._known = asyncio.Event()
        self._order: tuple[Address, ...] = ()
        self._taken: dict[Address, bool] = {}
        """Whether an address makes the call, for each decided address."""
        self._changed = asyncio.Event()

    def start(self, own: tuple[Address, ...], first: Address | None = None) -> None:
        """Set the order. `own` are the addresses that this host uses; empty if its lookup failed. If `own` contains
        `first`, the order starts with it, whatever `place` is."""
        start = own.index(first) if first in own else self._place % len(own) if own else 0
        self._order = (*own[start:], *own[:start])
        self._known.set()

    def leave(self, address: Address) -> None:
        """Let the next address proceed: this address makes no call, unless it has already taken its turn."""
        self._settle(address, False)

    async def take(self, address: Address) -> bool:
        """Whether this address makes the call. Waits until every address before it has taken or left its turn."""
        await self._known.wait()
        if not self._order:  # only direct queries gave addresses: the first address that asks makes the call
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
