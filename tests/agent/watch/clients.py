"""Clients of a listener. Some of them misbehave. They use real sockets, and a test moves the clock forward."""

import asyncio
import contextlib
import io
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPMessage, HTTPResponse
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.process.output import Writer
from agent.report.codec import dumps, encode
from agent.report.model import Measurement
from agent.run.measuring import Emit
from agent.settings import Settings, Watching
from agent.simulated.settings import EPOCH, settings_of
from agent.watch.config import WatchConfig, WatchEnvironment
from agent.watch.listen import Listener, Pages
from agent.watch.schedule import Watch
from agent.watch.systemd import Manager as Notified
from probes.model import Address
from tests.support import scenarios
from tests.support.command import SECONDS
from tests.support.fakes import open_files

LOOPBACK: Final = IPv4Address("127.0.0.1")


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock runs as usual, except that `leap` moves it forward. The loop keeps the exceptions that are
    reported to it.
    """

    _ahead = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.set_exception_handler(lambda _, context: self.faults.append(repr(context)))

    def time(self) -> float:
        return super().time() + self._ahead

    def leap(self, seconds: float) -> None:
        """Advance the clock by this time."""
        self._ahead += seconds


def leap(seconds: float) -> None:
    """Advance the clock of the running loop by this time."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)
    loop.leap(seconds)


def played(go: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a LeapingLoop. Fails if an exception is reported to the loop, or if a file stays open."""
    before = open_files()
    loop = LeapingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(go)
    assert loop.faults == []
    assert open_files() - before == Counter()


async def turns(number: int = 20) -> None:
    """Give the loop this many turns, which is enough for all steps that only need the loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def _no_run() -> str | None:
    raise AssertionError("nobody asked for a run")


PAGES: Final = Pages(
    metrics=lambda: "up 1\n", alive=lambda: (True, "cycles finished: 1"), report=lambda: "{}\n", probe=_no_run
)


@contextlib.asynccontextmanager
async def listening(address: str = "127.0.0.1", port: int = 0, **pages: Any) -> AsyncIterator[Listener]:
    """A listener with these pages, and minimal pages otherwise. The kernel chooses the port unless one is given."""
    listener = Listener(ip_address(address), port, replace(PAGES, **pages))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.close()
        await turns()


@dataclass(frozen=True, slots=True)
class Got:
    """An answer, as read by the standard library's client."""

    status: int
    headers: HTTPMessage
    body: str
    rest: bytes
    """The bytes after the answer."""


class _Given(io.BytesIO):
    """Bytes with the methods of a socket, for HTTPResponse. It closes the socket's file as soon as it has the body."""

    def makefile(self, *_: Any) -> io.BytesIO:
        return self

    def close(self) -> None:
        pass


def answer_in(data: bytes, method: str = "GET") -> Got:
    """The answer in these bytes. Raises HTTPException if they are not a complete answer."""
    given: Any = _Given(data)
    answer = HTTPResponse(given, method=method)
    answer.begin()
    body = answer.read().decode()
    return Got(answer.status, answer.headers, body, given.read())


class Client:
    """A client with one connection."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel

    async def send(self, data: bytes) -> None:
        """Send all bytes to the kernel."""
        await asyncio.get_running_loop().sock_sendall(self.channel, data)

    async def read(self, most: int = 1 << 16) -> bytes:
        """The bytes that have arrived; empty at the end. Raises OSError."""
        async with asyncio.timeout(SECONDS):
            return await asyncio.get_running_loop().sock_recv(self.channel, most)

    async def rest(self) -> bytes:
        """All bytes until the connection ends. Raises OSError."""
        content = b""
        while piece := await self.read():
            content += piece
        return content

    def finish(self) -> None:
        """Close the sending direction."""
        self.channel.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection at once, by an RST."""
        self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.channel.close()


async def connected(listener: Listener, address: str | None = None, *, receive: int | None = None) -> Client:
    """A connection to a listener. `receive` limits the bytes that wait on this side."""
    where: Address = listener.address if address is None else ip_address(address)
    channel = socket.socket(socket.AF_INET if where.version == 4 else socket.AF_INET6)
    channel.setblocking(False)
    if receive is not None:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    try:
        await asyncio.get_running_loop().sock_connect(channel, (str(where), listener.port))
    except BaseException:
        channel.close()
        raise
    return Client(channel)


@contextlib.asynccontextmanager
async def connection(
    listener: Listener, address: str | None = None, *, receive: int | None = None
) -> AsyncIterator[Client]:
    """A connection that is closed at the end of the block."""
    client = await connected(listener, address, receive=receive)
    try:
        yield client
    finally:
        client.channel.close()


async def exchanged(listener: Listener, request: bytes, address: str | None = None) -> bytes:
    """The bytes that answer a request, until the listener closes the connection."""
    async with connection(listener, address) as client:
        await client.send(request)
        return await client.rest()


def request_for(
    path: str, *, host: str = "127.0.0.1", method: str = "GET", more: str = "", version: str = "1.1"
) -> bytes:
    """A request as an ordinary client makes it; `more` are lines of its head."""
    return f"{method} {path} HTTP/{version}\r\nHost: {host}\r\n{more}\r\n".encode("latin-1")


async def got(listener: Listener, path: str, *, address: str | None = None, **how: str) -> Got:
    """The answer for a path."""
    data = await exchanged(listener, request_for(path, **how), address)
    return answer_in(data, how.get("method", "GET"))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds` returns True. The listener's clock does not leap in the meantime."""
    end = time.monotonic() + 60  # time of this host: a leap does not count as waiting
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.001)


# --- A watch with a listener -----------------------------------------------------------------------------------------


def free_port(address: str = "127.0.0.1") -> int:
    """A port on which nothing listens."""
    with socket.socket() as held:
        held.bind((address, 0))
        port: int = held.getsockname()[1]
        return port


class Manager:
    """The service manager's end of a notification socket."""

    def __init__(self, name: str, *, room: int | None = None) -> None:
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if room is not None:
            self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.channel.setblocking(False)
        self.channel.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        self.environment = {"NOTIFY_SOCKET": name}

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def messages(self) -> list[str]:
        """The messages received since the last call, each from one datagram."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self.channel.recv(1 << 16).decode())
        return messages


class Runs:
    """The measurements of a watch. Each measurement waits until a test releases it."""

    def __init__(self, evidence: Measurement, *, through: bool = False) -> None:
        self.started = 0
        self.broken = False
        """Whether the next measurements end with an exception."""
        self._evidence = evidence
        self.gate = asyncio.Event()
        if through:
            self.gate.set()

    async def measure(self, settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        """Make one of these measurements."""
        self.started += 1
        await self.gate.wait()
        if self.broken:
            raise ZeroDivisionError("a fault of the test's own")
        return self._evidence


def job_of(
    runs: Runs, *, scenario: str = "healthy", redact: bool = False, deadline: float = 20, **given: Any
) -> WatchConfig:
    """The job of a watch that makes these runs. Settings that are not given are the command's defaults."""
    defaults: dict[str, Any] = {"interval": 60.0, "cycles": None, "raise_after": 2, "clear_after": 2}
    return WatchConfig(
        settings=replace(settings_of(scenarios.load(scenario)), deadline=deadline),
        watching=Watching(**(defaults | given)),
        measure=runs.measure,
        judge=judge,
        format="text",
        output=None,
        render=lambda report: dumps(encode(report)),
        redact=redact,
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch that is running."""

    watch: Watch
    stop: CancelToken
    lines: list[str]
    """The lines that it has written so far."""
    over: asyncio.Task[None]

    @property
    def listener(self) -> Listener:
        """The current listener of the watch."""
        listener = self.watch._listener.listener
        assert listener is not None
        return listener


@contextlib.asynccontextmanager
async def watching(
    job: WatchConfig, *, environment: Mapping[str, str] | None = None, reread: Callable[[], WatchConfig] | None = None
) -> AsyncIterator[Watched]:
    """A watch that runs during the block. At its end, the watch is ended as by SIGTERM."""
    lines: list[str] = []
    stop, writer = CancelToken(), Writer(lines.append)
    around = WatchEnvironment(
        now=lambda: EPOCH,
        chance=random.Random(1),
        manager=Notified(environment or {}, process_id=1),
        lines=writer,
        documents=writer,
        journal=False,
    )
    watch = Watch(job, around, stop, reread)
    over = asyncio.create_task(watch.run())
    try:
        yield Watched(watch, stop, lines, over)
        stop.cancel("SIGTERM")
        await over
    finally:
        over.cancel()
        await asyncio.wait({over})
        writer.end()
    await turns()


class Held:
    """A place at which a thread waits until a test releases it, as on a hanging disk."""

    def __init__(self) -> None:
        self.waiting = False
        self._free = threading.Event()

    def wait(self) -> None:
        """Wait, in a thread other than the loop's."""
        self.waiting = True
        assert self._free.wait(SECONDS)

    def release(self) -> None:
        """Release the waiting thread."""
        self._free.set()
