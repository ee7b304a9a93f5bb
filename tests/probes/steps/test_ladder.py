"""The climb on one connection: its steps have the right order, and nothing stays open wherever it is cancelled."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pytest

from agent.simulated.scenario import Scenario
from agent.simulated.world import simulated
from probes.facts import ApiFacts, TcpFacts, TlsFacts
from probes.model import Address, Addressing, Draft, FailureKind, Observation, ProbeError, Role, Skipped, Step, Target
from probes.observe import Log
from probes.operations import OTHER_NAME, SMALL_SEGMENTS
from probes.ports import HTTPS, SUPPORT_CHANNEL
from probes.seams import Keys, Net, Stream, Trust, World
from probes.steps.ladder import ProbeContext
from tests.support import scenarios
from tests.support.fakes import ADDRESS, HOST, forever, os_error
from tests.support.ladders import SteppingLoop, climb, rungs

pytestmark = pytest.mark.virtual_clock(loop=SteppingLoop)

LIMIT = 3.0
GATEWAY_PORT = 1026
OTHER_PORT = 1027
NO_KEYS = "nobody signs here"
TARGET = Target(
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


def a_scenario(behind: str = "") -> Scenario:
    """A scenario with one address. `behind` is rows of `tcp` for it, as TOML. Without rows, AWS answers on
    every port.
    """
    rows = behind or f'[[tcp]]\naddresses = ["{ADDRESS}"]\nports = [{HTTPS}, {GATEWAY_PORT}, {SUPPORT_CHANNEL}]'
    return scenarios.parse(
        "ladder",
        f'summary = "one address"\n[[dns]]\nresolvers = ["10.0.0.2"]\nname = "{HOST}"\na = ["{ADDRESS}"]\n{rows}\n'
        '[expect]\nstatus = "ok"\npath = "private"\nfindings = []\n',
    )


def behind(**row: str) -> str:
    """A row of `tcp` for the address."""
    words = "".join(f"{key} = {value}\n" for key, value in row.items())
    return f'[[tcp]]\naddresses = ["{ADDRESS}"]\nports = [{HTTPS}]\n{words}'


class CountedStream:
    """A stream that records whether it was closed, and the bytes that were sent. Its peer is gone after
    `sends` sends.
    """

    def __init__(self, stream: Stream, sends: int | None, *, by_reset: bool) -> None:
        self._stream = stream
        self._sends = sends
        self._by_reset = by_reset
        self.sent: list[bytes] = []
        self.closed = False

    @property
    def _gone(self) -> bool:
        return self._sends is not None and len(self.sent) > self._sends

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        if self._gone and self._by_reset:
            raise os_error(errno.ECONNRESET)
        if not self._gone:
            await self._stream.send(data)

    async def receive(self, limit: int) -> bytes:
        return b"" if self._gone else await self._stream.receive(limit)

    def close(self) -> None:
        self.closed = True
        self._stream.close()


class CountingNet:
    """A net that records the connections that it returns."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self.streams: list[CountedStream] = []
        self.silent_after: int | None = None
        """The number of connections that can be made, or None for any number."""
        self.first_sends: int | None = None
        """The number of sends on the first connection, or None for as many as the peer allows."""
        self.by_reset = False

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        if self.silent_after is not None and len(self.streams) >= self.silent_after:
            await forever()
        sends = None if self.streams else self.first_sends
        stream = CountedStream(await self._net.connect(address, port, draft), sends, by_reset=self.by_reset)
        self.streams.append(stream)
        return stream

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        raise AssertionError("a ladder asks nobody for a name")

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        raise AssertionError("a ladder asks nobody for a name")

    def datagram_error(self, address: Address, port: int) -> int | None:
        return self._net.datagram_error(address, port)


@dataclass
class Climb:
    """The context of one climb in a simulated world, and its result."""

    context: ProbeContext
    net: CountingNet
    emitted: list[Observation[Any]] = field(default_factory=list)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The outcome of each step, in the order of the steps: `ok`, the kind of a failure, or the reason of a skip."""
        return tuple(_word(observation) for observation in self.emitted)

    def facts(self, step: Step) -> Any:
        return next(observation.facts for observation in self.emitted if observation.subject.step is step)


def _word(observation: Observation[Any]) -> str:
    if isinstance(observation.outcome, Skipped):
        return observation.outcome.reason
    return "ok" if observation.failure is None else str(observation.failure.kind)


async def geared(world: World, *, keys: Keys | str = NO_KEYS, connects: int = 9, handshakes: int = 9) -> Climb:
    """A ProbeContext in a world, with roots that are loaded and credentials that are known."""
    loop = asyncio.get_running_loop()
    trust: asyncio.Future[Trust] = loop.create_future()
    trust.set_result(await world.machine.trust(None))
    future: asyncio.Future[Keys | str] = loop.create_future()
    future.set_result(keys)
    net = CountingNet(world.net)
    emitted: list[Observation[Any]] = []
    context = ProbeContext(
        net=net,
        machine=world.machine,
        log=Log(now=world.machine.now, emit=emitted.append),
        trust=trust,
        limit=LIMIT,
        agent="backuplink/1",
        keys=future,
        connects=asyncio.Semaphore(connects),
        handshakes=asyncio.Semaphore(handshakes),
    )
    return Climb(context=context, net=net, emitted=emitted)


async def climbed(scenario: Scenario, *, port: int = HTTPS, signed: bool = False) -> Climb:
    """Climb all steps of the ladder."""

    async with simulated(scenario) as world:
        keys = scenario.credentials.keys() if signed else NO_KEYS
        climbing = await geared(world, keys=keys)
        subjects = rungs(TARGET, ADDRESS, port, "dns/backup")
        climbing.context.log.plan(*subjects)
        await climb(climbing.context, TARGET, subjects)
        closer = (SMALL_SEGMENTS, OTHER_NAME)  # operations of steps that are only made after a stall
        assert [
            observation.subject for observation in climbing.emitted if observation.subject.operation not in closer
        ] == list(subjects)
        assert all(stream.closed for stream in climbing.net.streams)
        return climbing


# --- The rungs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "ids"),
    [
        pytest.param(
            HTTPS,
            (
                "tcp/backup/10.0.1.17/443",
                "tls/backup/10.0.1.17/443",
                "http/backup/10.0.1.17/443",
                "api/backup/10.0.1.17/443",
                "http/backup/10.0.1.17/443/padded",
            ),
            id="https climbs the whole ladder",
        ),
        pytest.param(GATEWAY_PORT, ("tcp/backup/10.0.1.17/1026", "tls/backup/10.0.1.17/1026"), id="a gateway port"),
        pytest.param(SUPPORT_CHANNEL, ("tcp/backup/10.0.1.17/2222",), id="the support channel speaks no TLS"),
    ],
)
def test_rungs(port: int, ids: tuple[str, ...]) -> None:
    subjects = rungs(TARGET, ADDRESS, port, "dns/backup/10.0.0.2/A")
    assert tuple(subject.id for subject in subjects) == ids
    assert tuple(subject.after for subject in subjects) == ("dns/backup/10.0.0.2/A", *ids[:-1])


# --- What follows from what ------------------------------------------------------------------------------------------


def after(step: str, kind: str, skipped: int) -> tuple[str, ...]:
    return (kind, *(f"{step} failed: {kind}",) * skipped)


@pytest.mark.parametrize(
    ("rows", "outcomes"),
    [
        pytest.param("", ("ok", "ok", "ok", NO_KEYS, "ok"), id="all is well"),
        pytest.param(behind(answer='"refuse"'), after("tcp", "refused", 4), id="refused"),
        pytest.param(behind(answer='"silence"'), after("tcp", "timeout", 4), id="silence"),
        pytest.param(behind(answer='"crash"'), after("tcp", "bug", 4), id="a fault of ours"),
        pytest.param(
            behind(speaks='"nothing"'),
            ("ok", "timeout", "timeout", "timeout", *after("tls", "timeout", 3)[1:]),
            id="no handshake, nor with small packets, nor for another name",
        ),
        pytest.param(behind(speaks='"close"'), ("ok", *after("tls", "closed", 3)), id="closed in the handshake"),
        pytest.param(behind(speaks='"reset"'), ("ok", *after("tls", "reset", 3)), id="reset in the handshake"),
        pytest.param(behind(speaks='"plain"'), ("ok", *after("tls", "tls-not-tls", 3)), id="plain HTTP"),
        pytest.param(behind(issuer='"corporate"'), ("ok", *after("tls", "tls-untrusted", 3)), id="somebody opens TLS"),
        pytest.param(behind(names='["x.example"]'), ("ok", *after("tls", "tls-hostname", 3)), id="another name"),
        pytest.param(behind(http='"redirect"'), ("ok", "ok", *after("http", "redirect", 2)), id="a portal"),
        pytest.param(behind(http='"portal"'), ("ok", "ok", "not-aws", NO_KEYS, "ok"), id="somebody else's page"),
        pytest.param(behind(http='"stall"'), ("ok", "ok", *after("http", "timeout", 2)), id="no answer"),
        pytest.param(behind(keep_alive="false"), ("ok", "ok", "ok", NO_KEYS, "ok"), id="one answer a connection"),
        pytest.param(behind(large='"lost"'), ("ok", "ok", "ok", NO_KEYS, "timeout"), id="large packets are lost"),
    ],
)
async def test_outcomes(rows: str, outcomes: tuple[str, ...]) -> None:
    assert (await climbed(a_scenario(rows))).outcomes == outcomes


@pytest.mark.parametrize(
    ("rows", "connections", "new"),
    [
        pytest.param("", 1, False, id="on one connection"),
        pytest.param(behind(keep_alive="false"), 3, True, id="a connection each after the first answer"),
    ],
)
async def test_signed(rows: str, connections: int, new: bool) -> None:
    climbing = await climbed(a_scenario(rows), signed=True)
    assert climbing.outcomes == ("ok",) * 5
    assert len(climbing.net.streams) == connections
    api = climbing.facts(Step.API)
    assert isinstance(api, ApiFacts)
    assert api.new_connection is new


@pytest.mark.parametrize(
    ("port", "outcomes"),
    [
        pytest.param(GATEWAY_PORT, ("ok", "ok"), id="a gateway port"),
        pytest.param(SUPPORT_CHANNEL, ("ok",), id="the support channel"),
    ],
)
async def test_other_ports(port: int, outcomes: tuple[str, ...]) -> None:
    assert (await climbed(a_scenario(), port=port)).outcomes == outcomes


async def test_gateway_port_holds_no_name_against_its_certificate() -> None:
    climbing = await climbed(a_scenario(), port=GATEWAY_PORT)
    facts = climbing.facts(Step.TLS)
    assert isinstance(facts, TlsFacts)
    assert not facts.name_checked
    assert facts.certificates[0].names == (f"client-cp.{HOST}",)


async def test_nothing_but_a_handshake_goes_over_the_second_look() -> None:
    climbing = await climbed(a_scenario(behind(issuer='"corporate"')))
    first, second = climbing.net.streams
    assert first.sent
    assert second.sent
    facts = climbing.facts(Step.TLS)
    assert isinstance(facts, TlsFacts)
    assert facts.certificates[0].issuer_organization == "Example Corp"


async def test_silence_of_the_second_look_is_no_silence_of_the_first() -> None:
    async with in_world(a_scenario(behind(issuer='"corporate"'))) as climbing:
        climbing.net.silent_after = 1
        await climb(climbing.context, TARGET, rungs(TARGET, ADDRESS, HTTPS, None))
        assert climbing.outcomes == ("ok", *after("tls", "tls-untrusted", 3))
        facts = climbing.facts(Step.TLS)
        assert isinstance(facts, TlsFacts)
        assert facts.second_look == "timed out"


async def test_each_step_has_its_own_time() -> None:
    climbing = await climbed(a_scenario(behind(speaks='"nothing"')))
    tcp, tls = climbing.emitted[:2]
    assert tcp.seconds == pytest.approx(0.002)
    assert tls.seconds == pytest.approx(LIMIT)
    assert isinstance(tls.facts, TlsFacts)
    assert tls.facts.bytes_received == 0


# --- What is shared --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def in_world(scenario: Scenario, **context: Any) -> AsyncIterator[Climb]:
    """Yield what a climb needs. When the block ends, all connections of the climb must be closed."""
    async with simulated(scenario) as world:
        climbing = await geared(world, **context)
        yield climbing
        assert all(stream.closed for stream in climbing.net.streams)


async def test_no_trust_store_is_every_handshake_s_failure() -> None:
    async with in_world(a_scenario()) as climbing:
        loop = asyncio.get_running_loop()
        trust: asyncio.Future[Trust] = loop.create_future()
        trust.set_exception(ProbeError(FailureKind.TLS_NO_TRUST_STORE, "none"))
        context = replace(climbing.context, trust=trust)
        await climb(context, TARGET, rungs(TARGET, ADDRESS, HTTPS, None))
        assert climbing.outcomes == ("ok", *after("tls", "tls-no-trust-store", 3))
        assert [stream.sent for stream in climbing.net.streams] == [[]]


async def test_loading_the_roots_is_no_part_of_a_handshake() -> None:
    async with in_world(a_scenario()) as climbing:
        loop = asyncio.get_running_loop()
        trust: asyncio.Future[Trust] = loop.create_future()
        loop.call_later(2 * LIMIT, trust.set_result, climbing.context.trust.result())
        context = replace(climbing.context, trust=trust)
        await climb(context, TARGET, rungs(TARGET, ADDRESS, HTTPS, None))
        assert climbing.outcomes[:2] == ("ok", "ok")
        assert (climbing.emitted[1].seconds or LIMIT) < LIMIT
        assert loop.time() > 2 * LIMIT


async def test_finding_the_credentials_is_no_part_of_a_call() -> None:
    async with in_world(a_scenario()) as climbing:
        loop = asyncio.get_running_loop()
        keys: asyncio.Future[Keys | str] = loop.create_future()
        loop.call_later(2 * LIMIT, keys.set_result, a_scenario().credentials.keys())
        await climb(replace(climbing.context, keys=keys), TARGET, rungs(TARGET, ADDRESS, HTTPS, None))
        assert climbing.outcomes == ("ok",) * 5
        assert (climbing.emitted[3].seconds or LIMIT) < LIMIT


@pytest.mark.parametrize(
    ("connects", "seconds"),
    [pytest.param(1, 2 * LIMIT, id="one after the other"), pytest.param(2, LIMIT, id="at once")],
)
async def test_connects_are_bounded(connects: int, seconds: float) -> None:
    async with in_world(a_scenario(behind(answer='"silence"')), connects=connects) as climbing:
        async with asyncio.TaskGroup() as group:
            for address in (ADDRESS, ip_address("10.0.2.17")):
                group.create_task(climb(climbing.context, TARGET, rungs(TARGET, address, HTTPS, None)))
        assert asyncio.get_running_loop().time() == pytest.approx(seconds)
        assert climbing.outcomes.count("timeout") == 2


@pytest.mark.parametrize(
    ("handshakes", "seconds"),
    [pytest.param(1, 2 * LIMIT, id="one after the other"), pytest.param(2, LIMIT, id="at once")],
)
async def test_handshakes_are_bounded(handshakes: int, seconds: float) -> None:
    rows = behind(speaks='"nothing"').replace(f"[{HTTPS}]", f"[{GATEWAY_PORT}, {OTHER_PORT}]")
    async with in_world(a_scenario(rows), handshakes=handshakes) as climbing:
        async with asyncio.TaskGroup() as group:
            for port in (
                GATEWAY_PORT,
                OTHER_PORT,
            ):  # not 443, where a stall is examined further, which takes more time
                group.create_task(climb(climbing.context, TARGET, rungs(TARGET, ADDRESS, port, None)))
        assert asyncio.get_running_loop().time() == pytest.approx(seconds, abs=0.1)
        assert climbing.outcomes.count("timeout") == 2


@pytest.mark.parametrize("by_reset", [pytest.param(True, id="by a reset"), pytest.param(False, id="by FIN")])
async def test_kept_connection_that_has_been_closed_is_opened_anew_for_the_call(by_reset: bool) -> None:
    async with in_world(a_scenario(), keys=a_scenario().credentials.keys()) as climbing:
        climbing.net.first_sends = 3  # ClientHello, the end of the handshake, the unsigned request
        climbing.net.by_reset = by_reset
        await climb(climbing.context, TARGET, rungs(TARGET, ADDRESS, HTTPS, None))
        assert climbing.outcomes == ("ok",) * 5
        assert len(climbing.net.streams) == 2
        assert climbing.facts(Step.API).new_connection is True


async def test_padded_request_fills_more_than_four_segments() -> None:
    async with in_world(a_scenario()) as climbing:
        await climb(climbing.context, TARGET, rungs(TARGET, ADDRESS, HTTPS, None))
        mss = climbing.facts(Step.TCP).mss
        assert mss > 1460
        assert 4 * mss < len(climbing.net.streams[0].sent[-1]) < 6 * mss


async def test_subjects_without_an_address_are_an_error() -> None:
    async with in_world(a_scenario()) as climbing:
        (subject, *_) = rungs(TARGET, ADDRESS, HTTPS, None)
        nowhere = type(subject)(step=Step.TCP, target="backup")
        with pytest.raises(ValueError, match="names no address"):
            await climb(climbing.context, TARGET, (nowhere,))


# --- Cut anywhere ----------------------------------------------------------------------------------------------------


async def cancelled_at(turn: int, scenario: Scenario, port: int) -> bool:
    """Cancel a climb before its `turn`-th turn. Returns whether it was still running."""

    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    async with simulated(scenario) as world:
        climbing = await geared(world, keys=scenario.credentials.keys())
        subjects = rungs(TARGET, ADDRESS, port, None)
        climbing.context.log.plan(*subjects)
        task = asyncio.create_task(climb(climbing.context, TARGET, subjects))
        left = turn
        cut = False

        def count() -> None:
            nonlocal left, cut
            left -= 1
            if left == 0:
                cut = task.cancel()

        loop.before_turn = count
        await asyncio.wait([task])
        loop.before_turn = None

        assert task.cancelled() is cut, "a cancellation was swallowed"
        assert task.cancelled() or task.exception() is None
        assert all(stream.closed for stream in climbing.net.streams)
        climbing.context.log.close("interrupted by a test", "SIGTERM")
        closer = {f"tls/backup/{ADDRESS}/{HTTPS}/{operation}" for operation in (SMALL_SEGMENTS, OTHER_NAME)}
        assert sorted(observation.id for observation in climbing.emitted if observation.id not in closer) == sorted(
            subject.id for subject in subjects
        )
        return cut


@pytest.mark.parametrize(
    ("rows", "port", "at_least"),
    [
        pytest.param("", HTTPS, 20, id="all is well"),
        pytest.param(behind(keep_alive="false"), HTTPS, 40, id="a connection for each call"),
        pytest.param(behind(issuer='"corporate"'), HTTPS, 15, id="with a second look"),
        pytest.param(behind(speaks='"nothing"'), HTTPS, 6, id="no handshake"),
        pytest.param(behind(speaks='"reset"'), HTTPS, 6, id="reset in the handshake"),
        pytest.param(behind(answer='"silence"'), HTTPS, 3, id="silence"),
        pytest.param(behind(http='"stall"'), HTTPS, 10, id="no answer"),
        pytest.param(behind(large='"lost"'), HTTPS, 20, id="large packets are lost"),
        pytest.param("", GATEWAY_PORT, 8, id="a gateway port"),
        pytest.param("", SUPPORT_CHANNEL, 3, id="the support channel"),
    ],
)
async def test_cancelled_at_every_turn(rows: str, port: int, at_least: int) -> None:
    scenario = a_scenario(rows)
    turn = 1
    while await cancelled_at(turn, scenario, port):
        turn += 1
    assert turn > at_least
