"""The real seams (net and machine), only on loopback and on this machine."""

import asyncio
import contextlib
import errno
import gc
import os
import resource
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_interface
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.simulated.certificates import AUTHORITIES, root_pem
from agent.simulated.world import SimulatedMachine
from probes.background import in_background
from probes.facts import Interface, TcpFacts
from probes.model import Address, Draft, FailureKind
from probes.seams import MAX_FILE_BYTES, MAX_OUTPUT_BYTES, LocalRoute, Stream
from probes.system import machine as machine_module
from probes.system.machine import SystemMachine
from probes.system.net import SystemNet
from probes.system.sdk import SystemSdk, load_credentials, load_sdk_settings
from probes.system.trust import load_trust
from probes.tls_context import client_context, verifying_contexts
from tests.support import scenarios
from tests.support.fakes import a_leaf, forever, open_files, raised_by
from tests.support.repository import ROOT

IPV4 = ip_address("127.0.0.1")
IPV6 = ip_address("::1")
BROADCAST = ip_address("127.255.255.255")
"""An address to which the kernel itself refuses to connect, at once."""
SILENCE = 0.3
"""The seconds after which a test considers a peer silent. A connection over loopback takes a thousandth of this time,
and a lost SYN is only repeated after a whole second.
"""
PATIENCE = 60.0
"""The seconds of silence before a datagram is repeated, in tests that do not wait for the repetition."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says so")
with_ipv6 = pytest.mark.skipif(
    sys.platform == "linux" and "lo" not in Path("/proc/net/if_inet6").read_text("ascii"),
    reason="this machine has no IPv6",
)
both_families = pytest.mark.parametrize(
    "address", [pytest.param(IPV4, id="IPv4"), pytest.param(IPV6, id="IPv6", marks=with_ipv6)]
)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


# --- Peers on loopback -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(handler: Handler, address: Address = IPV4) -> AsyncIterator[int]:
    """Run a TCP server while the block lasts; yields its port."""
    async with asyncio.TaskGroup() as group:
        serving = []
        over = False

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                await handler(reader, writer)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if over:  # the client was faster than the server
                writer.close()
            else:
                serving.append(group.create_task(serve(reader, writer)))

        server = await asyncio.start_server(accept, str(address), 0)  # noqa: TID251 - a real peer on loopback
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            over = True
            server.close()
            for task in serving:
                task.cancel()


async def closed_port(address: Address) -> int:
    """A TCP port on which nobody listens any more."""

    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("somebody came")

    async with listening(nobody, address) as port:
        return port


class Datagrams(asyncio.DatagramProtocol):
    """A UDP peer that answers each datagram with the result of `answer`."""

    def __init__(self, answer: Callable[[int, bytes], list[bytes]]) -> None:
        self._answer = answer
        self.received: list[bytes] = []
        self.asked = asyncio.Event()
        self.senders: list[tuple[str, int]] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # in Python 3.11, its class does not declare this

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        self.received.append(data)
        self.senders.append(addr)
        self.asked.set()
        for datagram in self._answer(len(self.received), data):
            self.transport.sendto(datagram, addr)


@asynccontextmanager
async def answering(
    answer: Callable[[int, bytes], list[bytes]], address: Address = IPV4
) -> AsyncIterator[tuple[int, Datagrams]]:
    """Run a UDP peer while the block lasts; yields the peer and its port."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(answer), local_addr=(str(address), 0))
    try:
        yield transport.get_extra_info("sockname")[1], protocol
    finally:
        transport.close()
        await asyncio.sleep(0)  # the socket itself is closed one turn later


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Check that a test leaves no file open."""
    before = open_files()
    yield
    assert open_files() - before == Counter()


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Prevent the opening of files and sockets while the block lasts, as in a sandbox without netlink."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- TCP -------------------------------------------------------------------------------------------------------------


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


@both_families
async def test_connect_and_talk(address: Address) -> None:
    async with listening(echo, address) as port:
        draft: Draft[TcpFacts] = Draft()
        stream = await SystemNet().connect(address, port, draft)
        await stream.send(b"hello")
        data = b""
        while len(data) < 5:
            piece = await stream.receive(3)
            assert 0 < len(piece) <= 3
            data += piece
        assert data == b"hello"
        stream.close()
        stream.close()
        facts = draft.facts
        assert facts is not None
        assert (facts.source, facts.at_once, facts.icmp) == (address, False, None)


@linux
@both_families
async def test_what_the_kernel_measured(address: Address) -> None:
    async with listening(echo, address) as port:
        draft: Draft[TcpFacts] = Draft()
        stream = await SystemNet().connect(address, port, draft)
        stream.close()
        facts = draft.facts
        assert facts is not None
        assert facts.retransmits == 0
        assert facts.round_trip_seconds is not None
        assert 0 < facts.round_trip_seconds < 1  # less than the time after which a SYN is repeated
        assert facts.mss is not None
        assert 536 <= facts.mss <= 65_535
        assert facts.mss != 536  # 536 is the kernel's default before the handshake


@both_families
async def test_refused(address: Address) -> None:
    draft: Draft[TcpFacts] = Draft()
    with pytest.raises(ConnectionRefusedError) as caught:
        await SystemNet().connect(address, await closed_port(address), draft)
    assert caught.value.errno == errno.ECONNREFUSED
    assert caught.value.strerror == os.strerror(errno.ECONNREFUSED)
    facts = draft.facts
    assert facts is not None
    assert (facts.at_once, facts.icmp) == (False, None)
    assert facts.source == address


@linux
async def test_refused_by_connect_itself() -> None:
    draft: Draft[TcpFacts] = Draft()
    with pytest.raises(OSError, match="unreachable") as caught:
        await SystemNet().connect(BROADCAST, 9, draft)
    assert caught.value.errno == errno.ENETUNREACH
    assert draft.facts is not None
    assert (draft.facts.at_once, draft.facts.source) == (True, None)


@linux
async def test_cancelled_in_silence() -> None:
    """If the queue of a listener is full, it drops SYNs silently."""

    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        streams: list[Stream] = []
        while True:
            draft: Draft[TcpFacts] = Draft()
            before = open_files()
            connecting = asyncio.create_task(SystemNet().connect(IPV4, port, draft))
            await asyncio.wait([connecting], timeout=SILENCE)
            if not connecting.done():
                break
            streams.append(connecting.result())
        assert draft.facts == TcpFacts(at_once=False)
        opened = open_files() - before
        assert opened.total() == 1
        connecting.cancel()
        await asyncio.wait([connecting])
        assert connecting.cancelled()
        assert open_files() & opened == Counter()
        assert draft.facts.source == IPV4
        assert (draft.facts.retransmits, draft.facts.round_trip_seconds) == (0, None)
        for stream in streams:
            stream.close()
    # The descriptors of the closed sockets are used again, and the loop must have forgotten them.
    async with listening(echo) as other:
        again = [await SystemNet().connect(IPV4, other, Draft()) for _ in range(len(streams) + 2)]
        for stream in again:
            stream.close()


async def test_end_of_the_peer() -> None:
    async def say_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    async with listening(say_and_go) as port:
        stream = await SystemNet().connect(IPV4, port, Draft())
        assert await stream.receive(100) == b"bye"
        assert await stream.receive(100) == b""
        stream.close()


async def test_reset_by_the_peer() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        # With an SO_LINGER of zero seconds, closing the socket sends RST.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with listening(reset) as port:
        stream = await SystemNet().connect(IPV4, port, Draft())
        await stream.send(b"x")
        with pytest.raises(ConnectionResetError):
            await stream.receive(100)
        stream.close()


async def test_more_than_the_kernel_takes_at_once() -> None:
    async with listening(echo) as port:
        stream = await SystemNet().connect(IPV4, port, Draft())
        sent = bytes(range(256)) * 40_000
        sending = asyncio.create_task(stream.send(sent))
        received = bytearray()
        while len(received) < len(sent):
            received += await stream.receive(1 << 16)
        await sending
        assert received == sent
        stream.close()


async def test_cancelled_while_receiving() -> None:
    async with listening(echo) as port:
        stream = await SystemNet().connect(IPV4, port, Draft())
        receiving = asyncio.create_task(stream.receive(100))
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.wait([receiving])
        await stream.send(b"still there")  # the connection is still open, since the caller must close it
        assert await stream.receive(100) == b"still there"
        stream.close()


@contextmanager
def counting_turns() -> Iterator[Callable[[], int]]:
    """Yield a function that returns the number of turns of the loop since the block began."""
    turns = 0
    handle: asyncio.Handle | None = None

    def turn() -> None:
        nonlocal turns, handle
        turns += 1
        handle = asyncio.get_running_loop().call_soon(turn)

    turn()
    try:
        yield lambda: turns
    finally:
        if handle is not None:
            handle.cancel()


async def test_a_peer_that_floods_does_not_hold_the_loop() -> None:
    """Data that is available is read without waiting, but timers must run in between."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(1000))
        await forever()

    async with listening(flood) as port:
        stream = await SystemNet().connect(IPV4, port, Draft())
        await stream.receive(1)
        with counting_turns() as turns:
            for _ in range(100):
                await stream.receive(1)
            assert turns() >= 100
        stream.close()


# --- UDP -------------------------------------------------------------------------------------------------------------


@both_families
async def test_exchange(address: Address) -> None:
    async with answering(lambda _, data: [data[::-1]], address) as (port, peer):
        answer = await SystemNet().exchange(address, port, b"abc", accept=lambda _: True, retry_after=PATIENCE)
        assert answer == (b"cba", 1)
        assert peer.received == [b"abc"]


async def test_exchange_ignores_what_is_not_accepted() -> None:
    async with answering(lambda _, data: [b"", b"other", b"wanted"]) as (port, _):
        answer = await SystemNet().exchange(
            IPV4, port, b"abc", accept=lambda data: data == b"wanted", retry_after=PATIENCE
        )
        assert answer == (b"wanted", 1)


async def test_exchange_asks_once_more() -> None:
    async with answering(lambda number, _: [] if number == 1 else [b"late"]) as (port, peer):
        answer = await SystemNet().exchange(IPV4, port, b"abc", accept=lambda _: True, retry_after=0.01)
        assert answer == (b"late", 2)
        assert peer.received == [b"abc", b"abc"]


async def test_exchange_takes_a_late_answer_to_the_first_datagram() -> None:
    async with answering(lambda number, _: [b"odd"] if number == 1 else [b"late", b"later"]) as (port, _):
        answer = await SystemNet().exchange(
            IPV4, port, b"abc", accept=lambda data: data.startswith(b"late"), retry_after=0.01
        )
        assert answer == (b"late", 2)


@both_families
async def test_exchange_with_a_closed_port(address: Address) -> None:
    async with answering(lambda _, data: [], address) as (port, _):
        pass
    with pytest.raises(ConnectionRefusedError):
        await SystemNet().exchange(address, port, b"abc", accept=lambda _: True, retry_after=PATIENCE)


async def test_exchange_hears_no_stranger() -> None:
    async with answering(lambda *_: []) as (_, stranger):

        def answer(number: int, data: bytes) -> list[bytes]:
            assert stranger.transport is not None
            stranger.transport.sendto(b"from a stranger", peer.senders[-1])
            return [b"from the peer"]

        async with answering(answer) as (port, peer):
            reply = await SystemNet().exchange(IPV4, port, b"abc", accept=lambda _: True, retry_after=PATIENCE)
        assert reply == (b"from the peer", 1)


async def test_exchange_cancelled() -> None:
    async with answering(lambda *_: []) as (port, peer):
        before = open_files()
        exchanging = asyncio.create_task(
            SystemNet().exchange(IPV4, port, b"abc", accept=lambda _: True, retry_after=PATIENCE)
        )
        await peer.asked.wait()
        opened = open_files() - before
        assert opened.total() == 1
        exchanging.cancel()
        await asyncio.wait([exchanging])
        assert exchanging.cancelled()
        assert open_files() & opened == Counter()


async def test_a_resolver_that_floods_does_not_hold_the_loop() -> None:
    seen: list[int] = []
    async with answering(lambda *_: [b"no"] * 20 + [b"yes"]) as (port, _):
        with counting_turns() as turns:

            def accept(data: bytes) -> bool:
                seen.append(turns())
                return data == b"yes"

            await SystemNet().exchange(IPV4, port, b"abc", accept=accept, retry_after=PATIENCE)
    assert len(seen) == len(set(seen)) == 21


@linux
async def test_datagram_error() -> None:
    async with answering(lambda *_: []) as (port, peer):
        assert SystemNet().datagram_error(IPV4, port) is None
        await peer.asked.wait()
    assert SystemNet().datagram_error(BROADCAST, 9) == errno.EACCES


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param("nope0", id="an interface that is gone"),
        pytest.param("²", id="a digit that is not a number"),
        pytest.param("9" * 5000, id="a long number"),
        pytest.param("a\0b", id="a zero byte"),
    ],
)
async def test_scope_that_names_no_interface(scope: str) -> None:
    """resolv.conf may contain `fe80::1%eth0` when eth0 no longer exists."""

    address = ip_address(f"::1%{scope}")
    net = SystemNet()
    with pytest.raises(OSError, match="device") as caught:
        await net.exchange(address, 53, b"abc", accept=lambda _: True, retry_after=PATIENCE)
    assert caught.value.errno == errno.ENODEV
    with pytest.raises(OSError, match="device") as caught:
        await net.connect(address, 53, Draft())
    assert caught.value.errno == errno.ENODEV
    assert net.datagram_error(address, 53) == errno.ENODEV


@with_ipv6
@pytest.mark.parametrize("scope", ["0", "1", "lo"])
async def test_scope_that_names_one(scope: str) -> None:
    async with answering(lambda _, data: [data], IPV6) as (port, _):
        answer = await SystemNet().exchange(
            ip_address(f"::1%{scope}"), port, b"abc", accept=lambda _: True, retry_after=PATIENCE
        )
        assert answer == (b"abc", 1)


# --- Names -----------------------------------------------------------------------------------------------------------


async def test_getaddrinfo() -> None:
    addresses = await SystemNet().getaddrinfo("localhost")
    assert addresses
    assert len(addresses) == len(set(addresses))
    assert all(address.is_loopback for address in addresses)


async def test_getaddrinfo_of_an_address() -> None:
    assert await SystemNet().getaddrinfo("127.0.0.1") == (IPV4,)


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("a..b", id="empty label"),
        pytest.param(".a", id="begins with a dot"),
        pytest.param("a" * 64, id="long label"),
        pytest.param("ü" * 70, id="long label beyond ASCII"),
        pytest.param("\ud800", id="no text at all"),
        pytest.param("a b", id="a blank"),
    ],
)
async def test_getaddrinfo_of_what_is_no_name(host: str) -> None:
    with pytest.raises(socket.gaierror) as caught:
        await SystemNet().getaddrinfo(f"{host}.invalid")
    assert caught.value.errno == socket.EAI_NONAME


# --- Threads ---------------------------------------------------------------------------------------------------------


async def test_in_background_gives_what_the_work_gives() -> None:
    assert await in_background(lambda: 42) == 42


async def test_in_background_raises_what_the_work_raises() -> None:
    def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        await in_background(work)


@pytest.mark.parametrize("ends", ["with a value", "with an error", "after the loop"])
def test_work_that_hangs_does_not_hold_the_caller(ends: str) -> None:
    started, go_on = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []
    complaints: list[dict[str, object]] = []

    def work() -> None:
        threads.append(threading.current_thread())
        started.set()
        assert go_on.wait(PATIENCE)
        if ends == "with an error":
            raise KeyError("nobody listens")

    async def go() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        waiting = in_background(work)
        assert started.wait(PATIENCE)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert threads[0].daemon
        if ends != "after the loop":
            go_on.set()
            threads[0].join(PATIENCE)
            await asyncio.sleep(0)  # for what the thread still asks of the loop

    asyncio.run(go())  # the loop is closed before the thread ends
    go_on.set()
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()
    assert complaints == []


def test_work_that_hangs_does_not_hold_the_process() -> None:
    program = (
        "import asyncio, contextlib, time\n"
        "from probes.background import in_background\n"
        "async def go():\n"
        "    with contextlib.suppress(TimeoutError):\n"
        "        async with asyncio.timeout(0.01):\n"
        f"            await in_background(lambda: time.sleep({PATIENCE * 10}))\n"
        "    print('gave up')\n"
        "asyncio.run(go())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("gave up\n", "")


# --- The host --------------------------------------------------------------------------------------------------------


def test_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    assert SystemMachine().read(str(file)) == b"x" * MAX_FILE_BYTES


@pytest.mark.parametrize("place", ["none", "."])
def test_file_that_cannot_be_read(tmp_path: Path, place: str) -> None:
    with pytest.raises(OSError, match=r"directory|plain file"):
        SystemMachine().read(str(tmp_path / place))


async def test_a_folder_is_listed_up_to_a_number_and_a_link_is_not_followed(tmp_path: Path) -> None:
    for name in "cab":
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("../gone")
    machine = SystemMachine()
    assert await machine.entries(str(tmp_path), 9) == ("a", "b", "c", "link")
    assert len(await machine.entries(str(tmp_path), 2)) == 2
    assert await machine.link_target(str(tmp_path / "link")) == "../gone"
    for place, number in (("a", errno.EINVAL), ("gone", errno.ENOENT)):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is compared
            await machine.link_target(str(tmp_path / place))
        assert caught.value.errno == number
    with pytest.raises(FileNotFoundError):
        await machine.entries(str(tmp_path / "gone"), 9)


async def test_a_file_system_that_does_not_answer_takes_one_thread_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"/hana/a": threading.Event(), "/hana/b": threading.Event()}
    made: list[str] = []

    def read(self: SystemMachine, path: str) -> bytes:
        made.append(path)
        answers[path].wait()
        if path == "/hana/b":
            raise OSError(errno.EIO, "gone")
        return str(len(made)).encode()

    monkeypatch.setattr(SystemMachine, "read", read)
    unseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    machine = SystemMachine()
    for path in ("/hana/a", "/hana/a", "/hana/b", "/hana/a"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await machine.read_of_user(path)
    assert Counter(made) == {"/hana/a": 1, "/hana/b": 1}
    waiting = [asyncio.create_task(machine.read_of_user(path)) for path in answers]
    await asyncio.sleep(0)
    for answer in answers.values():
        answer.set()
    first, error = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(error, OSError)
    assert (first, len(made)) == (b"2", 2)
    assert await machine.read_of_user("/hana/a") == b"3"  # the file is read again as soon as the first read has ended
    answers["/hana/b"].clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await machine.read_of_user("/hana/b")
    left = [*machine._calls._pending.values()]
    answers["/hana/b"].set()
    await asyncio.wait(left)
    assert machine._calls._pending == {}
    del left
    gc.collect()
    assert unseen == []  # an error that comes when no task waits is dropped


async def test_an_agent_is_run_without_variables_and_for_a_short_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("probes.system.machine.AGENT_SECONDS", 0.2)
    program = tmp_path / "agent"

    async def output_of(script: str) -> str:
        program.write_text(f"#!/bin/sh\n{script}\n", "ascii")
        program.chmod(0o755)
        return await SystemMachine().output_of(str(program), "-v")

    assert (
        await output_of('echo "$1 in $PWD: ${AWS_SECRET_ACCESS_KEY-nothing}"; echo not this >&2')
        == "-v in /: nothing\n"
    )
    assert len(await output_of("yes")) == MAX_OUTPUT_BYTES
    assert await output_of("echo 2.1.5; sleep 600") == "2.1.5\n"
    program.chmod(0o644)
    with pytest.raises(PermissionError):
        await SystemMachine().output_of(str(program), "-v")


def test_wall_time_and_identifiers() -> None:
    machine = SystemMachine()
    assert machine.now().utcoffset() == timedelta(0)
    assert machine.now().tzinfo is UTC
    assert machine.identifier() != machine.identifier()


@linux
def test_own_addresses() -> None:
    interfaces = SystemMachine().interfaces()
    assert interfaces is not None
    assert Interface(name="lo", address=ip_interface("127.0.0.1/8")) in interfaces


@linux
@both_families
def test_way_to_this_host(address: Address) -> None:
    way = SystemMachine().way(address)
    assert way == LocalRoute(interface="lo", source=address, next_hop=address)
    assert SystemMachine().neighbour(way) in (None, "noarp")


@linux
def test_what_cannot_be_asked_is_unknown() -> None:
    machine = SystemMachine()
    way = LocalRoute(interface="lo", source=IPV4, next_hop=IPV4)
    with no_descriptors_left():
        results = machine.interfaces(), machine.way(IPV4), machine.neighbour(way)
    assert results == (None, None, None)


# --- Trust -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A file with the simulated root of Amazon."""
    file = tmp_path / "roots.pem"
    file.write_text(root_pem("amazon"), "ascii")
    return file


def test_verifying_contexts() -> None:
    named, chain_only = verifying_contexts(cadata=root_pem("amazon"))
    assert (named.verify_mode, chain_only.verify_mode) == (ssl.CERT_REQUIRED, ssl.CERT_REQUIRED)
    assert (named.check_hostname, chain_only.check_hostname) == (True, False)
    for context in (named, chain_only):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert len(context.get_ca_certs()) == 1


def test_context_that_verifies_nothing_trusts_nobody() -> None:
    context = client_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
    assert context.get_ca_certs() == []


def test_trust_of_a_file(bundle: Path) -> None:
    trust = load_trust(str(bundle))
    assert (trust.source, trust.folder) == (str(bundle), False)
    assert (trust.named.check_hostname, trust.chain_only.check_hostname) == (True, False)
    assert len(trust.named.get_ca_certs()) == len(trust.chain_only.get_ca_certs()) == 1


def test_trust_of_a_folder(bundle: Path) -> None:
    trust = load_trust(str(bundle.parent))
    assert (trust.source, trust.folder) == (str(bundle.parent), True)
    assert trust.named.verify_mode is ssl.CERT_REQUIRED


async def test_trust_of_the_environment(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's variable applies, and the variables of OpenSSL do not."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle.parent / "none"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert (await SystemMachine().trust(None)).source == str(bundle)


async def test_named_file_outranks_the_environment(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle.parent / "none"))
    assert (await SystemMachine().trust(str(bundle))).source == str(bundle)


def test_all_authorities_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_text("# words between\n".join(map(root_pem, AUTHORITIES)), "ascii")
    assert len(load_trust(str(file)).named.get_ca_certs()) == len(AUTHORITIES)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(None, "ENOENT", id="not there"),
        pytest.param(b"", "NO_CERTIFICATE_OR_CRL_FOUND", id="empty"),
        pytest.param(b"words", "NO_CERTIFICATE_OR_CRL_FOUND", id="no PEM"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "SSL_ERROR", id="no certificate in it"
        ),
    ],
)
def test_trust_that_cannot_be_loaded(tmp_path: Path, content: bytes | None, code: str) -> None:
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_bytes(content)
    error = raised_by(lambda: load_trust(str(file)), FailureKind.TLS_NO_TRUST_STORE)
    assert error.code == code
    assert str(file) in error.message


@pytest.mark.parametrize("bundle", ["", " "])
def test_trust_of_a_setting_that_names_nothing(bundle: str) -> None:
    error = raised_by(lambda: load_trust(bundle), FailureKind.TLS_NO_TRUST_STORE)
    assert error.message == "the CA bundle is set to an empty text, and must name a file"


def test_trust_without_an_authority(tmp_path: Path) -> None:
    """The file contains the server's own certificate, which a user may give by mistake."""
    file = tmp_path / "leaf.pem"
    file.write_bytes(a_leaf().public_bytes(Encoding.PEM))
    error = raised_by(lambda: load_trust(str(file)), FailureKind.TLS_NO_TRUST_STORE)
    assert error.message == f"{file} contains no certificate authority"


# --- The SDK ---------------------------------------------------------------------------------------------------------

SERVICES = ("backup", "backup-gateway")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that writes the SDK's config file. No other settings exist."""
    file = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))

    def write(text: str) -> None:
        file.write_text(text, "utf-8")

    return write


async def test_sdk_without_settings() -> None:
    facts = await SystemSdk().settings(None, SERVICES)
    assert facts.version.startswith("botocore ")
    assert (facts.profile, facts.region, facts.fips, facts.dual_stack) == (None, None, False, False)
    assert facts.endpoint_urls == {}


def test_sdk_settings(config: Callable[[str], None]) -> None:
    config(
        "[default]\nregion = eu-west-1\n"
        "[profile backup]\nregion = eu-central-1\nca_bundle = /etc/roots.pem\nuse_fips_endpoint = true\n"
        "use_dualstack_endpoint = true\nservices = ours\nendpoint_url = http://everything.example\n"
        "[services ours]\nbackup =\n  endpoint_url = https://vpce-1.example\n"
    )
    facts = load_sdk_settings("backup", SERVICES)
    assert (facts.profile, facts.region, facts.ca_bundle) == ("backup", "eu-central-1", "/etc/roots.pem")
    assert (facts.fips, facts.dual_stack) == (True, True)
    assert facts.endpoint_urls == {"backup": "https://vpce-1.example", "backup-gateway": "http://everything.example"}
    assert load_sdk_settings(None, SERVICES).region == "eu-west-1"


def test_sdk_settings_of_the_environment(config: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    config("[default]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BACKUP", "https://one.example")
    facts = load_sdk_settings(None, SERVICES)
    assert facts.region == "us-east-1"
    assert facts.endpoint_urls == {"backup": "https://one.example"}


def test_sdk_that_ignores_endpoint_urls(config: Callable[[str], None]) -> None:
    config("[default]\nendpoint_url = https://one.example\nignore_configured_endpoint_urls = true\n")
    assert load_sdk_settings(None, SERVICES).endpoint_urls == {}


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        pytest.param("", "nobody", "ProfileNotFound", id="no such profile"),
        pytest.param("words\n", None, "ConfigParseError", id="no sections"),
        pytest.param("[a]\nb =\n  c\n", None, "ConfigParseError", id="odd nesting"),
        pytest.param("[default]\nservices = none\n", None, "InvalidConfigError", id="no such services"),
        pytest.param(
            "[default]\nservices = a\n[services a]\nbackup = 1\n", None, "AttributeError", id="a flat service"
        ),
        pytest.param("[default]\nservices =\n  a = b\n", None, "TypeError", id="services nested"),
        pytest.param("[default]\nregion =\n  a = b\n", None, "region", id="Region nested"),
        pytest.param("[default]\nendpoint_url =\n  a = b\n", None, "endpoint_url", id="URL nested"),
    ],
)
def test_sdk_settings_that_cannot_be_read(
    config: Callable[[str], None], text: str, profile: str | None, code: str
) -> None:
    config(text)
    error = raised_by(lambda: load_sdk_settings(profile, SERVICES), FailureKind.MALFORMED)
    assert error.code == code


KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n"


async def test_credentials(config: Callable[[str], None]) -> None:
    config(f"[default]\n{KEYS}[profile other]\n{KEYS.replace('EXAMPLE', 'OTHER')}aws_session_token = t\n")
    keys, facts = await SystemSdk().credentials(None)
    assert (keys.access_key_id, keys.secret_key, keys.token) == ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", None)
    assert (facts.source, facts.access_key_id_suffix, facts.temporary) == ("config-file", "MPLE", False)
    assert facts.expires_at is None
    assert "wJalr" not in f"{keys} {facts}"
    assert "AKIA" not in f"{keys} {facts}"
    keys, facts = load_credentials("other")
    assert (keys.token, facts.access_key_id_suffix, facts.temporary) == ("t", "THER", True)


def process(output: str) -> str:
    return f"[default]\ncredential_process = echo '{output}'\n"


def test_credentials_of_a_process(config: Callable[[str], None]) -> None:
    config(
        process(
            '{"Version": 1, "AccessKeyId": "AKIAX", "SecretAccessKey": "s", "SessionToken": "t", '
            '"Expiration": "2099-01-01T00:00:00Z"}'
        )
    )
    _, facts = load_credentials(None)
    assert (facts.source, facts.temporary) == ("custom-process", True)
    assert facts.expires_at == datetime(2099, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "environment", "code"),
    [
        pytest.param("", {}, None, id="none anywhere"),
        pytest.param("", {"AWS_PROFILE": "nobody"}, "ProfileNotFound", id="no such profile"),
        pytest.param("words\n", {}, "ConfigParseError", id="a file that cannot be read"),
        pytest.param("[default]\naws_access_key_id = x\n", {}, "PartialCredentialsError", id="half a pair"),
        pytest.param(f"[default]\n{KEYS}".replace(" AKIA", "\n  a = "), {}, "TypeError", id="a nested key"),
        pytest.param(
            "[default]\ncredential_process = /none/at/all\n", {}, "FileNotFoundError", id="a process that is not there"
        ),
        pytest.param("[default]\ncredential_process = '\n", {}, "ValueError", id="an open quotation mark"),
        pytest.param("[default]\ncredential_process = false\n", {}, "CredentialRetrievalError", id="it fails"),
        pytest.param(process("words"), {}, "JSONDecodeError", id="it says no JSON"),
        pytest.param(process("[]"), {}, "AttributeError", id="it says a list"),
        pytest.param(process('{"Version": 1}'), {}, "CredentialRetrievalError", id="it says too little"),
        pytest.param(
            process('{"Version": 1, "AccessKeyId": 1, "SecretAccessKey": 2}'), {}, "TypeError", id="it says numbers"
        ),
        pytest.param(
            process(
                '{"Version": 1, "AccessKeyId": "x", "SecretAccessKey": "s", "SessionToken": "t", '
                '"Expiration": "2020-01-01T00:00:00Z"}'
            ),
            {},
            "RuntimeError",
            id="it says what has expired",
        ),
        pytest.param(
            "",
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/none", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_REGION": "x"},
            "FileNotFoundError",
            id="no token file",
        ),
        pytest.param(
            "", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://a.example/"}, "ValueError", id="another container"
        ),
    ],
)
def test_credentials_that_cannot_be_had(
    config: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    environment: dict[str, str],
    code: str | None,
) -> None:
    config(text)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    error = raised_by(lambda: load_credentials(None), FailureKind.NO_CREDENTIALS)
    assert error.code == code
    assert 'SecretAccessKey": 2' not in error.message


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"HTTPS_PROXY": "http://user:secret@p:3128"}, "http://user:secret@p:3128", id="for https"),
        pytest.param({"https_proxy": "http://p:3128", "HTTPS_PROXY": "http://q:1"}, "http://p:3128", id="lower case"),
        pytest.param({"HTTP_PROXY": "http://p:3128"}, None, id="for http alone"),
        pytest.param({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": ".amazonaws.com"}, None, id="not for AWS"),
        pytest.param({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "*"}, None, id="for nobody"),
        pytest.param({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": ".example"}, "http://p:3128", id="not for others"),
    ],
)
def test_proxy(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str | None) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert SystemSdk().proxy("backup.eu-west-1.amazonaws.com") == expected


# --- Lateness --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["system", "simulated"])
async def test_what_holds_up_this_process_is_its_lateness(kind: str) -> None:
    """Any delay counts; here, the loop itself is blocked. The simulated machine in real time measures delays as the
    real machine does.
    """
    simulated = SimulatedMachine(scenarios.load("healthy"), lambda: datetime.now(UTC))
    machine = SystemMachine() if kind == "system" else simulated
    watching = asyncio.create_task(machine.watch_lateness())
    await asyncio.sleep(0.1)
    before = machine.lateness()
    time.sleep(0.6)  # noqa: ASYNC251 - nothing may run
    seen_at_once = machine.lateness() - before
    assert seen_at_once >= 0.5
    await asyncio.sleep(0.2)
    assert machine.lateness() - before >= seen_at_once
    watching.cancel()
    await asyncio.wait([watching])
    at_the_end = machine.lateness()
    await asyncio.sleep(0.1)
    assert machine.lateness() == at_the_end  # the lateness is no longer measured


def test_how_long_this_process_waited_for_a_processor_only_grows() -> None:
    machine = SystemMachine()
    first, second = machine.run_delay(), machine.run_delay()
    if not Path("/proc/self/schedstat").exists():
        assert first is None
    else:
        assert first is not None
        assert second is not None
        assert 0 <= first <= second


def test_how_long_it_waited_is_read_anew_when_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    reads = iter([0.25, None, 0.5])
    monkeypatch.setattr(machine_module, "LINUX", True)
    monkeypatch.setattr(machine_module, "_read_run_delay", lambda: next(reads))
    monkeypatch.setattr(machine_module, "time", SimpleNamespace(monotonic=lambda: now))
    machine = SystemMachine()
    seen = []
    for passed in (0.0, machine_module._RUN_DELAY_SECONDS / 2, machine_module._RUN_DELAY_SECONDS, 1.0):
        now += passed
        seen.append(machine.run_delay())
    assert seen == [0.25, 0.25, None, 0.5]
