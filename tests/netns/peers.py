"""A scenario's peers behind real sockets, in a process and a namespace of their own.

They are the peers of `agent.simulated.peers` and of `tests.hostile`, so both worlds send the same bytes. Their
addresses must exist already. With `here`, the process serves the loopback addresses, such as a local cache of names.
Without `here`, it serves all other addresses, including those of EC2, Route 53, its Resolver and its Profiles if the
run reads them (`tests.netns.ec2_server`).

It writes events to a file: a line `ready` once everything listens, then `tcp ADDRESS PORT` for each connection, `udp
ADDRESS PORT` for each datagram, `asked NAME` for each name that a datagram asks for, and `decrypted ADDRESS PORT` for
data that a client has sent inside TLS. It uses a file because a pipe that nobody reads would block the peers.

Each process is forked from a process that has already imported this module (`multiprocessing`, start method
`forkserver`), since starting an interpreter with these imports takes as long as a run of the program.
"""

import asyncio
import ctypes
import os
import socket
import struct
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import dns.exception
import dns.message

from agent.simulated import peers
from agent.simulated.scenario import Scenario, parse
from probes.model import Address
from probes.steps.dns import DNS_PORT, readable
from probes.system.net import SocketStream
from tests.hostile import peers as hostile
from tests.netns import ec2_server

READY: Final = "ready"
DECRYPTED: Final = "decrypted"
ASKED: Final = "asked"
_DATAGRAM_BYTES: Final = 65_535
_CLONE_NEWNET: Final = 0x40000000
"""The flag for a network namespace in setns(2), from linux/sched.h."""
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""A struct linger of socket(7), with which closing a socket sends a reset."""

Place = tuple[Address, int]


def places(scenario: Scenario, *, here: bool = False) -> tuple[Place, ...]:
    """Every address and TCP port in the scenario, each once. With `here`, these are the ones on the host itself,
    otherwise all others.
    """
    services = [(address, port) for row in scenario.tcp for address in row.addresses for port in row.ports]
    resolvers = [(address, DNS_PORT) for address in peers.resolvers_of(scenario)]
    metadata = [(address, peers.METADATA_PORT) for address in peers.metadata_addresses(scenario)]
    all_places = dict.fromkeys([*metadata, *resolvers, *services])
    return tuple(place for place in all_places if place[0].is_loopback is here)


def accepting(scenario: Scenario, *, here: bool = False) -> dict[Place, peers.Peer]:
    """The peers that accept connections, by address and port."""
    pairs = (
        (place, peers.peer_at(scenario, *place, _now, partial(_say, DECRYPTED, *place)))
        for place in places(scenario, here=here)
    )
    return {place: peer for place, peer in pairs if peer is not None}


def refusing(scenario: Scenario) -> tuple[Place, ...]:
    """The addresses and ports at which connections are refused."""
    there = accepting(scenario)
    rows = ((place, scenario.behind(*place)) for place in places(scenario) if place not in there)
    return tuple(place for place, row in rows if row is not None and row.answer == "refuse")


def serve_in(
    namespace: str,
    name: str,
    toml: str,
    *,
    here: bool,
    ahead: bool,
    lines: Path,
    errors: Connection,
    parent: Connection,
) -> None:
    """Serve the scenario `toml` in a network namespace, for the rest of this process.

    It writes events to `lines`, and tracebacks to the descriptor `errors`. It ends when the other end of `parent` is
    closed, so that it cannot outlive the process that started it. With `ahead`, the process has priority over all
    others (sched(7)).
    """
    os.dup2(os.open(lines, os.O_WRONLY | os.O_APPEND), 1)
    os.dup2(errors.fileno(), 2)
    _enter(namespace)
    if ahead:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    peers.register_hostile(hostile)
    asyncio.run(_serve_until(parent, parse(name, toml), here=here))


def _enter(namespace: str) -> None:
    """Enter a namespace of `ip netns`, without `os.setns`, which needs Python 3.12."""
    entry = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(entry, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns to the namespace {namespace}")
    os.close(entry)


async def _serve_until(parent: Connection, scenario: Scenario, *, here: bool) -> None:
    """Serve the scenario until `parent` is closed. Raises the exception of a peer, unless the cause is a client that
    disconnected.
    """
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(parent.fileno(), over.set)
    with ExitStack() as stack:
        if not here and ec2_server.is_served(scenario):
            context = ec2_server.tls_of(scenario)
            stack.enter_context(ec2_server.served(scenario, ec2_server.ADDRESS, ec2_server.PORT, context))
        await _serve(ec2_server.named(scenario), over, here=here)


async def _serve(scenario: Scenario, over: asyncio.Event, *, here: bool) -> None:
    """Serve all peers in the event loop until `over` is set."""
    async with asyncio.TaskGroup() as group:
        # All sockets are bound before anything runs, so that after `ready` no connection is refused.
        works = [
            *(
                _accept(_bound(place, socket.SOCK_STREAM), place, peer)
                for place, peer in accepting(scenario, here=here).items()
            ),
            *(
                _answer(_bound((resolver, DNS_PORT), socket.SOCK_DGRAM), scenario, resolver)
                for resolver in peers.resolvers_of(scenario)
                if resolver.is_loopback is here and not peers.is_closed_resolver(scenario, resolver)
            ),
        ]
        tasks = [group.create_task(work) for work in works]
        _say(READY)
        await over.wait()
        for task in tasks:
            task.cancel()


def _bound(place: Place, kind: socket.SocketKind) -> socket.socket:
    address, port = place
    bound = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, kind)
    bound.setblocking(False)
    bound.bind((str(address), port))
    if kind is socket.SOCK_STREAM:
        bound.listen()
    return bound


async def _accept(listener: socket.socket, place: Place, peer: peers.Peer) -> None:
    loop = asyncio.get_running_loop()
    with listener:
        async with asyncio.TaskGroup() as group:
            while True:
                connection, _ = await loop.sock_accept(listener)
                _say("tcp", *place)
                group.create_task(_attend(connection, peer))


async def _attend(connection: socket.socket, peer: peers.Peer) -> None:
    with connection:
        try:
            end = await peer(SocketStream(connection))
        except OSError:
            end = peers.End.CLOSE  # the client has disconnected
        if end is peers.End.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


async def _answer(channel: socket.socket, scenario: Scenario, resolver: Address) -> None:
    loop = asyncio.get_running_loop()
    with channel:
        while True:
            packet, client = await loop.sock_recvfrom(channel, _DATAGRAM_BYTES)
            _say("udp", resolver, DNS_PORT)
            _say(ASKED, _name_in(packet))
            for answer in peers.datagrams(scenario, resolver, packet):
                await loop.sock_sendto(channel, answer, client)


def _name_in(packet: bytes) -> str:
    """The name that a query asks for, or an empty text if the packet is not a query."""
    try:
        return "".join(readable(question.name) for question in dns.message.from_wire(packet).question)
    except dns.exception.DNSException:
        return ""


def _say(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode("ascii"))  # written at once, since the test waits for the line


def _now() -> datetime:
    return datetime.now(UTC)
