"""The steps are cancelled at every single await, over sockets of this machine and in a simulated world: no socket,
thread or task is left.

Each wait of a climb is cancelled in two ways: when it begins, before the result has come; and when it ends, after the
result has come but before the climb has seen it. At this moment, it is easiest to lose a connection without closing it.
The peers run in a separate process, which runs this module as a program, so that every open file in this process
belongs to the climb. Nothing here depends on time: if the program waits for a silent peer, the test waits until it
gives up.
"""

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest

from agent.simulated.certificates import root_pem, server_context
from agent.simulated.scenario import CredentialsPart
from agent.simulated.world import simulated
from probes.background import NAME
from probes.facts import HostFacts, LookupFacts, ProxyConnectFacts, TcpFacts
from probes.model import Address, Addressing, Draft, Observation, Role, Target
from probes.observe import Log
from probes.ports import HTTPS
from probes.seams import Keys, Machine, Net, Stream, Trust
from probes.steps import dns, host, http, proxy
from probes.steps.ladder import ProbeContext
from probes.system.machine import SystemMachine
from probes.system.net import SystemNet
from probes.system.sdk import SystemSdk
from probes.tls_context import verifying_contexts
from tests.support import scenarios
from tests.support.extent import everything
from tests.support.fakes import ADDRESS, GUARD_SECONDS, HOST, open_files
from tests.support.ladders import climb, rungs
from tests.support.repository import ROOT

LOOPBACK: Final = ip_address("127.0.0.1")
LIMIT: Final = 3.0
SHORT_LIMIT: Final = 0.2
"""The time limit for a step that only the limit ends. How far the climb gets within this time does not matter."""
KEYS: Final = CredentialsPart().keys()
TARGET: Final = Target(
    id="backup",
    service="backup",
    region="eu-west-1",
    partition="aws",
    service_name=None,
    host=HOST,
    addressing=Addressing.DEFAULT,
    role=Role.REQUIRED,
    ports=(HTTPS,),
)
WARM: Final = 200
"""The number of runs after which everything exists that a process creates only once."""


# --- Peers: a process of their own -----------------------------------------------------------------------------------

TWICE: Final = b"twice"
MANNERS: Final = ("aws", "closing", "corporate", "stalling", "mute", "rude", "refusing", "proxy", "echo")


async def _serve(manner: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer like AWS, in the given manner, until the client disconnects."""
    with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
        if manner == "rude":
            return
        if manner == "mute":
            await reader.read()
            return
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or b"0"))
            if manner == "stalling":
                continue
            body = b"" if manner == "proxy" else b'{"BackupVaultList": []}'
            status = b"200 OK" if manner == "proxy" or b"\r\nauthorization: " in head else b"403 Forbidden"
            ends = b"Connection: close\r\n" if manner == "closing" else b""
            writer.write(
                b"HTTP/1.1 %b\r\nx-amzn-RequestId: 1\r\n%bContent-Length: %d\r\n\r\n%b"
                % (status, ends, len(body), body)
            )
            await writer.drain()
            if ends:
                return


class _Echo(asyncio.DatagramProtocol):
    """Sends each datagram back. If a datagram begins with TWICE, its first arrival is ignored, and its second is
    answered first with a wrong and then with the right answer.
    """

    def __init__(self) -> None:
        self._came = set[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(TWICE) and data not in self._came:
            self._came.add(data)
            return
        for answer in (b"another", data) if data.startswith(TWICE) else (data,):
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined] # its class lacks it in Python 3.11


async def _peers() -> None:
    """Print a port for each of MANNERS, and serve it in this manner, until stdin ends."""
    ports = {}
    for manner in MANNERS[:-1]:
        tls = manner not in ("mute", "rude", "refusing", "proxy")
        context = server_context("corporate" if manner == "corporate" else "amazon", (HOST,)) if tls else None
        serve = partial(_serve, manner)
        server = await asyncio.start_server(  # noqa: TID251 - a peer on loopback
            serve, str(LOOPBACK), 0, ssl=context, start_serving=manner != "refusing"
        )
        ports[manner] = server.sockets[0].getsockname()[1]
    echo, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Echo, local_addr=(str(LOOPBACK), 0))
    ports["echo"] = echo.get_extra_info("sockname")[1]
    print(json.dumps(ports), flush=True)  # noqa: T201 - whoever has started this waits for it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Yield the port of each manner."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.probes.steps.test_cancelled"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the peers complain about clients that leave in the middle of a handshake
        text=True,
    ) as peers:
        assert peers.stdin is not None
        assert peers.stdout is not None
        yield json.loads(peers.stdout.readline())
        peers.stdin.close()
        peers.wait(GUARD_SECONDS)


# --- Cutting ---------------------------------------------------------------------------------------------------------


class Cut:
    """Runs `work` in a task and cancels it at the wait number `at`: when the wait begins or, with `late`, when it ends.
    Waits in tasks that the work starts are counted too.
    """

    def __init__(self, work: Coroutine[Any, Any, object], at: int, *, late: bool) -> None:
        self._at = at
        self._late = late
        self._waits = 0
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._make)
        self.task = loop.create_task(work)

    @property
    def reached(self) -> bool:
        return self._waits >= self._at

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
        if "simulated" in work.cr_code.co_filename:  # a simulated peer
            return asyncio.Task(work, loop=loop, **how)
        task = asyncio.Task(_awaiting(_Counted(work, self._wait)), loop=loop, **how)
        task.add_done_callback(lambda _: work.close())  # if the task was cancelled before it began
        return task

    def _wait(self, awaited: asyncio.Future[Any] | None) -> None:
        self._waits += 1
        if self._waits != self._at:
            return
        if self._late and awaited is not None:
            awaited.add_done_callback(lambda _: self.task.cancel())  # called before the task's callback
        else:
            self.task.cancel()


class _Counted:
    """An awaitable that awaits `work` and calls `before_wait` before each of its waits."""

    def __init__(self, work: Awaitable[object], before_wait: Callable[[asyncio.Future[Any] | None], None]) -> None:
        self._work = work
        self._before_wait = before_wait

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        step: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                awaited = step()
            except StopIteration as end:
                return end.value
            self._before_wait(awaited)
            try:
                given = yield awaited
            except BaseException as error:  # noqa: BLE001 - whatever comes is the work's to see
                step = partial(steps.throw, error)
            else:
                step = partial(steps.send, given)


async def _awaiting(work: Awaitable[object]) -> object:
    return await work


def held() -> tuple[int, Counter[str]]:
    """The number of threads of the probes, and the open files of this process."""
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join(GUARD_SECONDS)  # no probe waits for this thread any more
    threads = sum(thread.name == NAME for thread in threading.enumerate())
    return threads, open_files()


def left(before: tuple[int, Counter[str]]) -> tuple[int, list[str]]:
    """The number of new threads, and the new open files. Files that were closed meanwhile do not matter: they may
    belong to servers of other tests.
    """
    threads, files = held()
    return max(threads - before[0], 0), sorted((files - before[1]).elements())


NOTHING: Final = (0, list[str]())


async def at_every_wait(go: Callable[[int, bool], Awaitable[bool]], *, at_least: int) -> None:
    """Run `go` for one wait after the other, until it returns that the wait was not reached."""
    for late in (False, True):
        at = 1
        while True:
            before = held()
            reached = await go(at, late)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await asyncio.sleep(0)  # a transport closes its socket in the next turn of the loop
            assert left(before) == NOTHING, f"left after wait {at}"
            if not reached:
                break
            at += 1
        assert at > at_least


async def cut(work: Coroutine[Any, Any, object], at: int, *, late: bool) -> bool:
    """Run `work`, and cancel it at a wait. Returns whether the wait was reached. Asserts that the work does not swallow
    the cancellation.
    """
    cutting = Cut(work, at, late=late)
    await asyncio.wait([cutting.task])
    asyncio.get_running_loop().set_task_factory(None)
    assert cutting.task.cancelled() is cutting.reached, "a cancellation was swallowed"
    assert cutting.reached or cutting.task.exception() is None
    return cutting.reached


# --- A climb that knows what it opened -------------------------------------------------------------------------------


class Watched:
    """A connection that records whether it was closed."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.closed = False

    async def send(self, data: bytes) -> None:
        assert not self.closed
        await self._stream.send(data)

    async def receive(self, limit: int) -> bytes:
        assert not self.closed
        return await self._stream.receive(limit)

    def close(self) -> None:
        self.closed = True
        self._stream.close()


@dataclass
class Watching:
    """A net that records the streams that it returns. If `port` is given, it connects to this port instead of any
    other.
    """

    net: Net
    port: int | None = None
    opened: list[Watched] = field(default_factory=list)

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        stream = Watched(await self.net.connect(address, self.port or port, draft))
        self.opened.append(stream)
        return stream

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        raise AssertionError("a ladder asks nobody for a name")

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        raise AssertionError("a ladder asks nobody for a name")

    def datagram_error(self, address: Address, port: int) -> int | None:
        return self.net.datagram_error(address, self.port or port)


class Ascent:
    """One climb, with everything that the climbs of a run share."""

    def __init__(self, net: Watching, machine: Machine, trust: Trust, *, limit: float, slow: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.net = net
        self.emitted: list[Observation[Any]] = []
        self.log = Log(now=machine.now, emit=self.emitted.append)
        self._trust: asyncio.Future[Trust] = loop.create_future()
        self._keys: asyncio.Future[Keys | str] = loop.create_future()
        # At first, other climbs use all permitted connections.
        self._places = asyncio.Semaphore(0), asyncio.Semaphore(0)
        connects, handshakes = self._places
        self.context = ProbeContext(
            net=net,
            machine=machine,
            log=self.log,
            trust=self._trust,
            limit=limit,
            agent=http.user_agent("1"),
            keys=self._keys,
            connects=connects,
            handshakes=handshakes,
        )
        gates: tuple[Callable[[], object], ...] = (
            connects.release,
            partial(self._trust.set_result, trust),
            handshakes.release,
            partial(self._keys.set_result, KEYS),
        )
        self._gates = [(loop.call_later(number, gate), gate) for number, gate in enumerate(gates, 1)]
        if not slow:
            self._open_gates()

    def _open_gates(self) -> None:
        now = asyncio.get_running_loop().time()
        for timer, gate in self._gates:
            if timer.when() > now:
                timer.cancel()
                gate()
        self._gates = []

    async def go(self, address: Address) -> None:
        """Climb all steps of the ladder."""
        subjects = rungs(TARGET, address, HTTPS, None)
        self.log.plan(*subjects)
        await climb(self.context, TARGET, subjects)

    def end(self, address: Address) -> None:
        """Assert what must be true wherever the climb was cancelled."""
        self._open_gates()
        assert all(stream.closed for stream in self.net.opened)
        assert not any(place.locked() for place in self._places)
        assert not self._trust.cancelled()  # other ladders wait for these, too
        assert not self._keys.cancelled()
        self.log.close("interrupted by a test", "SIGTERM")
        seen = [observation.id for observation in self.emitted]
        assert len(seen) == len({*seen}) == self.log.planned
        assert {*seen} >= {rung.id for rung in rungs(TARGET, address, HTTPS, None)}


def trusting(issuer: str) -> Trust:
    named, chain_only = verifying_contexts(cadata=root_pem(issuer))
    return Trust(source="a test", named=named, chain_only=chain_only)


def ascent_here(port: int, *, limit: float = LIMIT) -> Ascent:
    """A climb to the peer at a port of this machine."""
    return Ascent(Watching(SystemNet(), port), SystemMachine(), trusting("amazon"), limit=limit)


# --- The ladder ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manner", "limit", "at_least"),
    [
        pytest.param("aws", GUARD_SECONDS, 7, id="to the top"),
        pytest.param("closing", GUARD_SECONDS, 11, id="a connection for each call"),
        pytest.param("corporate", GUARD_SECONDS, 5, id="with a second look"),
        pytest.param("stalling", SHORT_LIMIT, 0, id="no answer"),
        pytest.param("mute", SHORT_LIMIT, 0, id="no handshake"),
        pytest.param("rude", GUARD_SECONDS, 2, id="closed in the handshake"),
        pytest.param("refusing", GUARD_SECONDS, 0, id="refused"),
    ],
)
async def test_a_climb_over_real_sockets(manner: str, limit: float, at_least: int, ports: dict[str, int]) -> None:
    async def go(at: int, late: bool) -> bool:
        ascent = ascent_here(ports[manner], limit=limit)
        cut_off = await cut(ascent.go(LOOPBACK), at, late=late)
        ascent.end(LOOPBACK)
        if not cut_off and manner == "aws":
            assert [observation.ok for observation in ascent.emitted] == [True] * 5, ascent.emitted
        return cut_off

    await at_every_wait(go, at_least=at_least)


def row(words: str = "", ports: str = "443") -> str:
    return f'[[tcp]]\naddresses = ["{ADDRESS}"]\nports = [{ports}]\n{words}\n'


@pytest.mark.virtual_clock
@pytest.mark.parametrize("slow", [pytest.param(False, id="all is there"), pytest.param(True, id="all is waited for")])
@pytest.mark.parametrize(
    ("rows", "at_least"),
    [
        pytest.param(row(), 7, id="to the top"),
        pytest.param(row("keep_alive = false"), 11, id="a connection for each call"),
        pytest.param(row('issuer = "corporate"'), 5, id="with a second look"),
        pytest.param(row('speaks = "nothing"'), 3, id="no handshake"),
        pytest.param(row('speaks = "reset"'), 3, id="reset in the handshake"),
        pytest.param(row('answer = "silence"'), 1, id="silence"),
        pytest.param(row('answer = "refuse"'), 1, id="refused"),
        pytest.param(row('http = "stall"'), 4, id="no answer"),
        pytest.param(row('large = "lost"'), 7, id="large packets are lost"),
    ],
)
async def test_a_climb_in_a_simulated_world(rows: str, at_least: int, slow: bool) -> None:
    scenario = scenarios.parse(
        "climb",
        f'summary = "one address"\n[[dns]]\nresolvers = ["10.0.0.2"]\nname = "{HOST}"\na = ["{ADDRESS}"]\n{rows}'
        '[expect]\nstatus = "ok"\npath = "private"\nfindings = []\n',
    )

    async def go(at: int, late: bool) -> bool:
        async with simulated(scenario) as world:
            trust = await world.machine.trust(None)
            ascent = Ascent(Watching(world.net), world.machine, trust, limit=LIMIT, slow=slow)
            cut_off = await cut(ascent.go(ADDRESS), at, late=late)
            ascent.end(ADDRESS)
        return cut_off

    await at_every_wait(go, at_least=at_least)


# --- What else waits for a socket ------------------------------------------------------------------------------------


async def test_a_datagram(ports: dict[str, int]) -> None:
    """The query is sent twice, and the first answer is to a different query."""

    async def go(at: int, late: bool) -> bool:
        asked = TWICE + f" {at}, late: {late}".encode("ascii")
        work = SystemNet().exchange(LOOPBACK, ports["echo"], asked, accept=asked.__eq__, retry_after=0.01)
        return await cut(work, at, late=late)

    await at_every_wait(go, at_least=4)


async def test_a_proxy(ports: dict[str, int]) -> None:
    async def go(at: int, late: bool) -> bool:
        net = Watching(SystemNet())
        url = f"http://{LOOPBACK}:{ports['proxy']}"
        cut_off = await cut(proxy.probe(net, url, HOST, 443, Draft[ProxyConnectFacts]()), at, late=late)
        assert all(stream.closed for stream in net.opened)
        return cut_off

    await at_every_wait(go, at_least=2)


# --- Often, to the end -----------------------------------------------------------------------------------------------


def blocks() -> int:
    """The number of memory blocks that Python has allocated."""
    gc.collect()
    return sys.getallocatedblocks()


async def leaves_nothing(once: Callable[[], Awaitable[None]], *, times: int) -> None:
    """Run `once` many times, and assert that it leaves nothing open, and less than one memory block for each run. If a
    thread of an earlier test ends meanwhile, the number of blocks changes, too, but only once.
    """
    grown = []
    for _ in range(3):
        before, size = held(), blocks()
        for _ in range(times):
            await once()
        assert left(before) == NOTHING
        grown.append(blocks() - size)
        if grown[-1] < times:
            return
    raise AssertionError(f"{grown} pieces of memory are left of {times} each")


async def test_hundreds_of_climbs_over_real_sockets_leave_nothing(ports: dict[str, int]) -> None:
    async def once() -> None:
        ascent = ascent_here(ports["aws"])
        await ascent.go(LOOPBACK)
        assert [observation.ok for observation in ascent.emitted] == [True] * 5, ascent.emitted
        ascent.end(LOOPBACK)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    for _ in range(WARM):
        await once()
    await leaves_nothing(once, times=500 if everything() else 100)


async def test_hundreds_of_looks_at_this_host_leave_nothing(ports: dict[str, int], tmp_path: Path) -> None:
    """Names and roots are looked up in threads, and the run does not wait until these threads end."""
    bundle = tmp_path / "roots.pem"
    bundle.write_text(root_pem("amazon"), "ascii")
    net, machine = SystemNet(), SystemMachine()

    async def once() -> None:
        await dns.lookup(net, str(LOOPBACK), Draft[LookupFacts]())
        await host.probe(machine, ("amazonaws.com",), (), Draft[HostFacts]())
        await machine.trust(str(bundle))
        await net.exchange(LOOPBACK, ports["echo"], b"abc", accept=lambda _: True, retry_after=LIMIT)
        way = machine.way(LOOPBACK)
        assert way is None or machine.neighbour(way) in (None, "noarp")
        machine.allowances()
        net.datagram_error(LOOPBACK, ports["echo"])

    for _ in range(WARM):
        await once()
    await leaves_nothing(once, times=500 if everything() else 100)


@pytest.mark.tells_secrets(reason="the SDK, in this process, reads it from what it is told to run")
async def test_a_source_of_credentials_leaves_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = json.dumps({"Version": 1, "AccessKeyId": KEYS.access_key_id, "SecretAccessKey": KEYS.secret_key})
    (tmp_path / "said").write_text(given, "utf-8")
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'said'}\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    sdk = SystemSdk()
    await sdk.credentials(None)
    await sdk.settings(None, ("backup",))
    before, started = held(), children()
    for _ in range(10):
        _, facts = await sdk.credentials(None)
        assert facts.source == "custom-process"
        await sdk.settings(None, ("backup",))
    assert (left(before), children()) == (NOTHING, started)


def children() -> list[str]:
    """The child processes of this process that still exist."""
    paths = Path("/proc/self/task").glob("*/children")
    return sorted(word for path in paths for word in path.read_text("ascii").split())


if __name__ == "__main__":
    asyncio.run(_peers())
