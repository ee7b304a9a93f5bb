"""Connect, and add what this host's kernel knows about a failed connect."""

import asyncio
from dataclasses import replace

from probes.facts import TcpFacts
from probes.failure import errno_name
from probes.model import Address, Draft
from probes.seams import Machine, Net, Stream


async def connect(net: Net, machine: Machine, address: Address, port: int, draft: Draft[TcpFacts]) -> Stream:
    """Connect to `address` and return the stream. Raises OSError.

    After a failure, `draft` also has the kernel's route and the state of the next hop. If no answer came, it also has
    the result of sending a UDP datagram to the same address and port. A firewall on this host that silently drops TCP
    refuses the datagram with EPERM.
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
