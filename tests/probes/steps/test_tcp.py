"""The facts from the kernel about a failed connection. The search for them never hides the failure itself."""

import asyncio
import errno
from ipaddress import ip_address

import pytest

from probes.facts import IcmpError, TcpFacts
from probes.model import Draft
from probes.seams import LocalRoute
from probes.steps import tcp
from tests.support.fakes import ADDRESS, FakeMachine, FakeNet, ScriptedStream, os_error

pytestmark = pytest.mark.virtual_clock

ROUTER = ip_address("10.0.1.1")
OWN = ip_address("10.0.1.10")
OTHER_OWN = ip_address("10.0.1.11")
WAY = LocalRoute(interface="eth0", source=OTHER_OWN, next_hop=ROUTER)
SEEN = TcpFacts(source=OWN, retransmits=1, icmp=IcmpError(sender=ROUTER, type=3, code=13))


async def failing(net: FakeNet, machine: FakeMachine) -> tuple[TcpFacts | None, BaseException | None]:
    """The facts and the error of a connection attempt. It is cancelled if it does not end by itself."""

    draft: Draft[TcpFacts] = Draft()
    connecting = asyncio.create_task(tcp.connect(net, machine, ADDRESS, 443, draft))
    await asyncio.sleep(1)
    connecting.cancel()
    await asyncio.wait([connecting])
    return draft.facts, asyncio.CancelledError() if connecting.cancelled() else connecting.exception()


async def test_success_asks_the_kernel_for_nothing_more() -> None:
    stream = ScriptedStream()
    net = FakeNet(streams=[stream], facts=SEEN)
    draft: Draft[TcpFacts] = Draft()
    assert await tcp.connect(net, FakeMachine(route=WAY, state="reachable"), ADDRESS, 443, draft) is stream
    assert draft.facts == SEEN
    assert net.connected == [(ADDRESS, 443)]
    assert net.datagrams_tried == []
    assert not stream.closed


async def test_failure_adds_the_way() -> None:
    net = FakeNet(streams=[os_error(errno.ECONNREFUSED)], facts=SEEN)
    facts, error = await failing(net, FakeMachine(route=WAY, state="stale"))
    assert isinstance(error, ConnectionRefusedError)
    assert facts == TcpFacts(
        source=OWN, retransmits=1, icmp=SEEN.icmp, interface="eth0", next_hop=ROUTER, neighbour="stale"
    )
    assert net.datagrams_tried == []  # after the kernel's answer, there is nothing left to find out


async def test_source_of_the_way_stands_in_for_one_the_socket_does_not_know() -> None:
    net = FakeNet(streams=[os_error(errno.ENETUNREACH)], facts=TcpFacts(at_once=True))
    facts, _ = await failing(net, FakeMachine(route=WAY))
    assert facts is not None
    assert (facts.source, facts.at_once, facts.neighbour) == (OTHER_OWN, True, None)


async def test_failure_before_anything_was_seen() -> None:
    facts, error = await failing(FakeNet(streams=[os_error(errno.ENETUNREACH)]), FakeMachine())
    assert isinstance(error, OSError)
    assert facts == TcpFacts()


async def test_no_way_is_named() -> None:
    net = FakeNet(streams=[os_error(errno.ENETUNREACH)], facts=SEEN)
    facts, error = await failing(net, FakeMachine(route=os_error(errno.EHOSTUNREACH)))
    assert isinstance(error, OSError)
    assert error.errno == errno.ENETUNREACH  # the failure of the connection, not of the search for its route
    assert facts is not None
    assert (facts.route_error, facts.next_hop) == ("EHOSTUNREACH", None)


@pytest.mark.parametrize(
    ("met", "name"),
    [
        pytest.param(errno.EPERM, "EPERM", id="a filter on this host"),
        pytest.param(None, None, id="the datagram left"),
    ],
)
async def test_silence_is_followed_by_a_datagram(met: int | None, name: str | None) -> None:
    net = FakeNet(facts=SEEN, datagram=met)
    facts, error = await failing(net, FakeMachine(route=WAY, state="incomplete"))
    assert isinstance(error, asyncio.CancelledError)
    assert net.datagrams_tried == [(ADDRESS, 443)]
    assert facts is not None
    assert (facts.datagram_error, facts.neighbour, facts.next_hop) == (name, "incomplete", ROUTER)


async def test_silence_without_a_way_sends_no_datagram() -> None:
    net = FakeNet(datagram=errno.EPERM)
    facts, error = await failing(net, FakeMachine(route=os_error(errno.EACCES)))
    assert isinstance(error, asyncio.CancelledError)
    assert net.datagrams_tried == []
    assert facts is not None
    assert (facts.route_error, facts.datagram_error) == ("EACCES", None)


async def test_where_the_system_does_not_say_the_facts_stay() -> None:
    facts, _ = await failing(FakeNet(facts=SEEN), FakeMachine(route=None, state="reachable"))
    assert facts == SEEN
