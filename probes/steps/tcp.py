"""Connecting, and what this host's kernel can add about a connect that failed."""

import asyncio
from dataclasses import replace

from probes.facts import TcpFacts
from probes.failure import errno_name
from probes.model import Address, Draft
from probes.seams import Machine, Net, Stream


async def connect(net: Net, machine: Machine, address: Address, port: int, draft: Draft[TcpFacts]) -> Stream:
    """Connect to `address` and give the stream. Raises OSError.

    After a failure `draft` also holds the way that the kernel would take and whether the next hop is known at all.
    After silence it holds, too, what a UDP datagram to the same place met on this host: a local firewall that drops
    TCP silently says EPERM to that.
    """
    try:
        return await net.connect(address, port, draft)
    except asyncio.CancelledError:  # the window ran out in silence
        draft.facts = _with_way(machine, address, draft.facts or TcpFacts())
        if draft.facts.route_error is None:
            refused = net.datagram_error(address, port)
            draft.facts = replace(draft.facts, datagram_error=errno_name(refused))
        raise
    except OSError:
        draft.facts = _with_way(machine, address, draft.facts or TcpFacts())
        raise


def _with_way(machine: Machine, address: Address, facts: TcpFacts) -> TcpFacts:
    try:
        way = machine.way(address)
    except OSError as error:
        return replace(facts, route_error=errno_name(error.errno))
    if way is None:
        return facts
    return replace(
        facts,
        source=facts.source or way.source,
        interface=way.interface,
        next_hop=way.next_hop,
        neighbour=machine.neighbour(way),
    )
