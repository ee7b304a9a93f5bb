"""The upper steps of the ladder: signed calls over a kept or a new connection, and the large request after them."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Final

import h11
import pytest

from agent.simulated.certificates import server_context
from agent.simulated.scenario import CredentialsPart
from agent.simulated.world import SimulatedMachine
from agent.simulated.world import _pipe as pipe
from probes.facts import ApiFacts, TcpFacts
from probes.failure import PeerClosedError
from probes.model import Address, Addressing, Draft, Observation, Role, Skipped, Step, Target
from probes.observe import Log
from probes.ports import HTTPS
from probes.seams import Keys, Stream, Trust
from probes.steps.ladder import MAX_PADDING_BYTES, ProbeContext
from probes.steps.tls import TlsStream
from tests.support import scenarios
from tests.support.fakes import ADDRESS, HOST, NOW, os_error
from tests.support.ladders import SteppingLoop, climb, rungs

pytestmark = pytest.mark.virtual_clock(loop=SteppingLoop)

KEYS: Final = CredentialsPart().keys()
NO_KEYS: Final = "nobody signs here"
REQUEST_ID: Final = "20317174-17ec-464f-8ae7-f40a19aafb78"
LIMIT: Final = 3.0
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


@dataclass
class Request:
    """A request to a server, and the connection over which it came."""

    connection: int
    method: str
    signed: bool
    body_bytes: int


@dataclass
class Server:
    """A simulated endpoint whose behaviour is set by these fields."""

    announces: bool = False
    """Whether every answer says that it is the last one on its connection."""
    leaves_before: tuple[int, ...] = ()
    """The numbers, counted from one, of the requests at which the server closes the connection instead of answering."""
    strange: tuple[int, ...] = ()
    """The numbers of the requests that are answered without a request id."""
    connections: int | None = None
    """The number of connections that the server accepts before it refuses, or None for any number."""
    mss: int = 1460
    asked: list[Request] = field(default_factory=list)
    opened: list["Watched"] = field(default_factory=list)

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        await asyncio.sleep(0.001)
        if self.connections is not None and len(self.opened) >= self.connections:
            raise os_error(111)
        draft.facts = TcpFacts(mss=self.mss)
        client, server = pipe(0.001)
        stream = Watched(client)
        self.opened.append(stream)
        stream.peer = asyncio.get_running_loop().create_task(self._serve(server, len(self.opened)))
        return stream

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        raise NotImplementedError

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        raise NotImplementedError

    def datagram_error(self, address: Address, port: int) -> int | None:
        return None

    async def _serve(self, raw: Stream, number: int) -> None:
        stream = TlsStream(raw, server_context("amazon", (HOST,), expired=False), server_side=True)
        try:
            await stream.handshake()
            while await self._answer(stream, number):
                pass
        except (OSError, PeerClosedError):
            pass
        finally:
            stream.close()

    async def _answer(self, stream: Stream, number: int) -> bool:
        engine = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        size = 0
        while not isinstance(event := engine.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                data = await stream.receive(16_384)
                if not data:
                    return False
                engine.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                size += len(event.data)
        assert request is not None
        signed = any(name == b"authorization" for name, _ in request.headers)
        self.asked.append(Request(connection=number, method=request.method.decode(), signed=signed, body_bytes=size))
        place = len(self.asked)
        if place in self.leaves_before:
            return False
        lines = [("Date", format_datetime(NOW, usegmt=True))]
        if place not in self.strange:
            lines.append(("x-amzn-RequestId", REQUEST_ID))
        if self.announces:
            lines.append(("Connection", "close"))
        body = json.dumps({"BackupVaultList": []}).encode()
        lines.append(("Content-Length", str(len(body))))
        head = engine.send(h11.Response(status_code=200 if signed else 403, headers=lines)) or b""
        await stream.send(head + (engine.send(h11.Data(data=body)) or b""))
        return not self.announces


class Watched:
    """A connection that records whether it was closed."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.peer: asyncio.Task[None] | None = None
        self.closed = False

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def receive(self, limit: int) -> bytes:
        return await self._stream.receive(limit)

    def close(self) -> None:
        self.closed = True
        self._stream.close()


@dataclass
class Climbed:
    """The result of a climb."""

    server: Server
    emitted: list[Observation[Any]]
    cancelled: bool

    @property
    def words(self) -> list[str]:
        """The outcome of each step: `ok`, the kind of a failure, or the reason of a skip."""
        return [
            observation.outcome.reason
            if isinstance(observation.outcome, Skipped)
            else observation.failure.kind
            if observation.failure
            else "ok"
            for observation in self.emitted
        ]

    @property
    def api(self) -> ApiFacts | None:
        facts = next(observation.facts for observation in self.emitted if observation.subject.step is Step.API)
        assert facts is None or isinstance(facts, ApiFacts)
        return facts


async def climbed(server: Server, *, keys: Keys | str = KEYS, cancel_at: int | None = None) -> Climbed:
    """The result of a climb, which may be cancelled before a turn of the loop. Asserts that nothing stays open."""

    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    machine = SimulatedMachine(scenarios.load("healthy"), lambda: NOW)
    trust: asyncio.Future[Trust] = loop.create_future()
    trust.set_result(await machine.trust(None))
    signer: asyncio.Future[Keys | str] = loop.create_future()
    signer.set_result(keys)
    emitted: list[Observation[Any]] = []
    context = ProbeContext(
        net=server,
        machine=machine,
        log=Log(now=machine.now, emit=emitted.append),
        trust=trust,
        limit=LIMIT,
        agent="backuplink/1",
        keys=signer,
        connects=asyncio.Semaphore(1),
        handshakes=asyncio.Semaphore(1),
    )
    subjects = rungs(TARGET, ADDRESS, HTTPS, "dns/backup/getaddrinfo")
    context.log.plan(*subjects)
    task = loop.create_task(climb(context, TARGET, subjects))
    turn, cut = 0, False

    def count() -> None:
        nonlocal turn, cut
        turn += 1
        if turn == cancel_at:
            cut = task.cancel()

    loop.before_turn = count
    await asyncio.wait([task])
    loop.before_turn = None
    assert task.cancelled() is cut
    assert cut or task.exception() is None
    assert all(stream.closed for stream in server.opened), "a connection stays open"
    context.log.close("the run was interrupted", "SIGTERM")
    assert sorted(observation.id for observation in emitted) == sorted(subject.id for subject in subjects), (
        "each look once"
    )
    peers = [stream.peer for stream in server.opened if stream.peer is not None]
    if peers:
        await asyncio.wait(peers)
    return Climbed(server=server, emitted=emitted, cancelled=cut)


def over(climb: Climbed) -> list[tuple[int, str]]:
    """The requests in their order, each with the number of its connection."""
    names = {(False, "GET"): "unsigned", (True, "GET"): "signed", (False, "POST"): "large"}
    return [(request.connection, names[request.signed, request.method]) for request in climb.server.asked]


# --- Connections -----------------------------------------------------------------------------------------------------


async def test_everything_goes_over_one_connection() -> None:
    seen = await climbed(Server())
    assert seen.words == ["ok"] * 5
    assert over(seen) == [(1, "unsigned"), (1, "signed"), (1, "large")]
    assert seen.api is not None
    assert not seen.api.new_connection


async def test_a_peer_that_announces_its_end_is_met_again() -> None:
    seen = await climbed(Server(announces=True))
    assert seen.words == ["ok"] * 5
    assert over(seen) == [(1, "unsigned"), (2, "signed"), (3, "large")]
    assert seen.api is not None
    assert seen.api.new_connection


async def test_a_peer_that_leaves_in_silence_is_met_again() -> None:
    seen = await climbed(Server(leaves_before=(2,)))
    assert seen.words == ["ok"] * 5
    assert over(seen) == [(1, "unsigned"), (1, "signed"), (2, "signed"), (2, "large")]
    assert seen.api is not None
    assert seen.api.new_connection


async def test_a_call_is_made_again_once_and_no_more() -> None:
    seen = await climbed(Server(leaves_before=(2, 3, 4)))
    assert seen.words == ["ok", "ok", "ok", "closed", "closed"]
    assert over(seen) == [(1, "unsigned"), (1, "signed"), (2, "signed"), (3, "large")]


async def test_on_a_new_connection_a_call_is_made_but_once() -> None:
    seen = await climbed(Server(announces=True, leaves_before=(2,)))
    assert seen.words == ["ok", "ok", "ok", "closed", "ok"]
    assert over(seen) == [(1, "unsigned"), (2, "signed"), (3, "large")]


async def test_no_new_connection_is_the_call_s_failure_and_not_the_large_request_s() -> None:
    # If a large request was never sent, its failure would prove nothing about large packets.
    seen = await climbed(Server(announces=True, connections=1))
    assert seen.words == ["ok", "ok", "ok", "refused", "no new connection: refused"]
    assert over(seen) == [(1, "unsigned")]


async def test_a_stranger_s_answer_does_not_stop_the_signed_call() -> None:
    seen = await climbed(Server(strange=(1,)))
    assert seen.words == ["ok", "ok", "not-aws", "ok", "ok"]
    assert [what for _, what in over(seen)] == ["unsigned", "signed", "large"]
    assert seen.api is not None
    assert seen.api.request_id == REQUEST_ID


async def test_a_stranger_to_both() -> None:
    seen = await climbed(Server(strange=(1, 2)))
    assert seen.words == ["ok", "ok", "not-aws", "not-aws", "ok"]


async def test_without_credentials_the_reason_is_kept_and_the_rest_is_made() -> None:
    seen = await climbed(Server(), keys=NO_KEYS)
    assert seen.words == ["ok", "ok", "ok", NO_KEYS, "ok"]
    assert over(seen) == [(1, "unsigned"), (1, "large")]


# --- The large request -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mss", "size"),
    [
        pytest.param(536, 2_145, id="the least that IPv4 has"),
        pytest.param(1_460, 5_841, id="Ethernet"),
        pytest.param(8_948, 35_793, id="jumbo frames"),
        pytest.param(65_483, MAX_PADDING_BYTES, id="loopback: bounded"),
    ],
)
async def test_a_large_request_fills_more_than_four_segments(mss: int, size: int) -> None:
    seen = await climbed(Server(mss=mss))
    assert seen.words == ["ok"] * 5
    assert seen.server.asked[-1].body_bytes == size


# --- Cut anywhere ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manners", "at_least"),
    [
        pytest.param({}, 20, id="over one connection"),
        pytest.param({"announces": True}, 35, id="over three"),
        pytest.param({"leaves_before": (2,)}, 30, id="left in silence"),
        pytest.param({"leaves_before": (2, 3)}, 30, id="left twice"),
        pytest.param({"strange": (1, 2)}, 30, id="strangers"),
        pytest.param({"announces": True, "connections": 1}, 15, id="no new connection"),
    ],
)
async def test_cancelled_before_every_turn(manners: dict[str, Any], at_least: int) -> None:
    turn = 1
    while (await climbed(Server(**manners), cancel_at=turn)).cancelled:
        turn += 1
    assert turn > at_least
