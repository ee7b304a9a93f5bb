"""Small stand-ins for the seams in `probes.seams`, for all tests."""

import asyncio
import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from agent.simulated.certificates import NOT_AFTER, NOT_BEFORE, authority
from probes.facts import Interface, TcpFacts
from probes.failure import PeerClosedError
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import LocalRoute, Stream, Trust

T = TypeVar("T")

NOW = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
ADDRESS = ip_address("10.0.1.17")
HOST = "backup.eu-west-1.amazonaws.com"
GUARD_SECONDS = 30.0
"""The longest time in seconds, in real time, that a test waits for an event. Events come far sooner, so no test depends
on this limit.
"""


def raised_by(work: Callable[[], object], kind: FailureKind) -> ProbeError:
    """The ProbeError that `work` raises. Asserts that `work` raises a ProbeError of this kind."""
    with pytest.raises(ProbeError) as caught:
        work()
    assert caught.value.kind is kind, caught.value
    return caught.value


def value_or(work: Callable[[], T], kind: FailureKind) -> T | None:
    """The result of `work`, or None if it raises a ProbeError of `kind`. Any other error passes."""
    try:
        return work()
    except ProbeError as error:
        if error.kind is not kind:
            raise
        return None


async def forever() -> None:
    """Wait for something that never happens."""
    await asyncio.get_running_loop().create_future()


def os_error(number: int) -> OSError:
    """The exception that Python raises for the error number `number` of the kernel."""
    return OSError(number, os.strerror(number))


def open_files() -> Counter[str]:
    """The open files of this process, by the names that the kernel gives them (`socket:[…]`, a path).

    A test looks for new files (`open_files() - before`) instead of counting files, because the garbage collector may
    close an earlier test's sockets at any time.
    """
    links = (str(path) for path in Path("/proc/self/fd").iterdir())
    # The list also contains the descriptor of the folder itself, which is closed by now.
    return Counter(os.readlink(link) for link in links if os.path.islink(link))  # noqa: PTH114, PTH115


def a_leaf() -> x509.Certificate:
    """A certificate for HOST, issued by the simulated authority of Amazon. Its key is the authority's own key."""
    signer = authority("amazon")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    return (
        x509.CertificateBuilder(signer.intermediate.subject, name, signer.key.public_key(), 1, NOT_BEFORE, NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(signer.key, SHA256())
    )


class ScriptedStream:
    """The stream of a peer that sends its script, whatever it receives. After the script, the peer closes the
    connection or falls silent.
    """

    def __init__(self, *script: bytes | Exception, endless: Iterable[bytes] = (), silent: bool = False) -> None:
        self._script: Iterator[bytes | Exception] = iter([*script])
        self._endless = iter(endless)
        self._rest = b""
        self._silent = silent
        self.sent = b""
        self.given = 0
        self.closed = False

    async def send(self, data: bytes) -> None:
        assert not self.closed, "sent on a closed stream"
        await asyncio.sleep(0)
        self.sent += data

    async def receive(self, limit: int) -> bytes:
        assert limit > 0
        assert not self.closed, "received from a closed stream"
        await asyncio.sleep(0)
        if not self._rest:
            line = next(self._script, None)
            if line is None:
                line = next(self._endless, None)
            if isinstance(line, Exception):
                raise line
            if line is None and self._silent:
                await forever()
            self._rest = line or b""
        data, self._rest = self._rest[:limit], self._rest[limit:]
        self.given += len(data)
        return data

    def close(self) -> None:
        self.closed = True


def in_bytes(data: bytes) -> list[bytes]:
    """Split the bytes into pieces of one byte."""
    return [data[place : place + 1] for place in range(len(data))]


@dataclass
class FakeNet:
    """A net that follows a script. The script contains the answers by UDP, and the peer of each connection."""

    datagrams: Iterable[bytes | Exception] = ()
    streams: Iterable[Stream | Exception] = ()
    lookup: tuple[Address, ...] | Exception = ()
    datagram: int | None = None
    """The errno with which sending a datagram fails on this host, or None if it succeeds."""
    facts: TcpFacts | None = None
    """The kernel's facts about a connection attempt, or None if the attempt fails before there are facts."""
    asked: list[bytes] = field(default_factory=list)
    connected: list[tuple[Address, int]] = field(default_factory=list)
    handed_out: list[Stream] = field(default_factory=list)
    datagrams_tried: list[tuple[Address, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._datagrams = iter(self.datagrams)
        self._streams = iter(self.streams)

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        self.connected.append((address, port))
        draft.facts = self.facts
        await asyncio.sleep(0)
        stream = next(self._streams, None)
        if isinstance(stream, Exception):
            raise stream
        if stream is None:
            await forever()
            raise AssertionError("forever has ended")
        self.handed_out.append(stream)
        return stream

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        self.asked.append(payload)
        await asyncio.sleep(0)
        for datagram in self._datagrams:
            if isinstance(datagram, Exception):
                raise datagram
            packet = payload[:2] + datagram[2:]  # with the query's id, which a script cannot know
            if accept(packet):
                return packet, 1
        await forever()
        raise AssertionError("forever has ended")

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        await asyncio.sleep(0)
        if isinstance(self.lookup, Exception):
            raise self.lookup
        return self.lookup

    def datagram_error(self, address: Address, port: int) -> int | None:
        self.datagrams_tried.append((address, port))
        return self.datagram


@dataclass
class FakeMachine:
    """A host whose state is set by these fields. If a file, a link, a route or a neighbour is an exception, reading it
    raises this exception.
    """

    files: Mapping[str, bytes | Exception] = field(default_factory=dict)
    links: Mapping[str, str | Exception] = field(default_factory=dict)
    programs: Mapping[str, str | Exception] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    at: datetime = NOW
    route: LocalRoute | Exception | None = None
    state: str | None = None
    addresses: tuple[Interface, ...] | None = ()

    @property
    def is_root(self) -> bool:
        return False

    def now(self) -> datetime:
        return self.at

    def identifier(self) -> str:
        return "one"

    def read(self, path: str) -> bytes:
        content = self.files.get(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path))
        if isinstance(content, Exception):
            raise content
        return content

    async def read_of_user(self, path: str) -> bytes:
        return self.read(path)

    async def entries(self, path: str, most: int) -> tuple[str, ...]:
        if isinstance(error := self.files.get(path), Exception):
            raise error
        below = (name for name in (*self.files, *self.links) if name.startswith(f"{path}/"))
        names = sorted({name.removeprefix(f"{path}/").partition("/")[0] for name in below})
        if not names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return tuple(names[:most])

    async def link_target(self, path: str) -> str:
        target = self.links.get(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path))
        if isinstance(target, Exception):
            raise target
        return target

    async def output_of(self, program: str, option: str) -> str:
        given = self.programs.get(f"{program} {option}", FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        if isinstance(given, Exception):
            raise given
        return given

    def interfaces(self) -> tuple[Interface, ...] | None:
        return self.addresses

    def way(self, address: Address) -> LocalRoute | None:
        if isinstance(self.route, Exception):
            raise self.route
        return self.route

    def neighbour(self, way: LocalRoute) -> str | None:
        return self.state

    def allowances(self) -> dict[str, int]:
        return {}

    async def watch_lateness(self) -> None:
        await forever()

    def lateness(self) -> float:
        return 0.0

    def run_delay(self) -> float | None:
        return None

    async def trust(self, ca_bundle: str | None) -> Trust:
        raise NotImplementedError


DOCUMENTED = (OSError, PeerClosedError, ProbeError)
"""The exceptions that a probe may raise if the network fails."""
