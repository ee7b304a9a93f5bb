"""A CONNECT request to a proxy, whatever the proxy answers. The proxy's user and password are only sent to
the proxy.
"""

import base64
import errno
import itertools
import socket
from ipaddress import ip_address
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.facts import ProxyConnectFacts
from probes.failure import classify
from probes.model import Draft, Failure, FailureKind
from probes.steps.http import MAX_HEAD_BYTES
from probes.steps.proxy import RECEIVE_BYTES, probe
from tests.support import extent
from tests.support.fakes import DOCUMENTED, HOST, FakeNet, ScriptedStream, in_bytes, os_error

pytestmark = pytest.mark.virtual_clock

PROXY: Final = "http://10.0.0.9:3128"
TUNNEL: Final = b"HTTP/1.1 200 Connection established\r\nServer: squid\r\n\r\n"


async def asked(
    *replies: bytes | Exception, proxy: str = PROXY, net: FakeNet | None = None, host: str = HOST
) -> tuple[FakeNet, ScriptedStream, ProxyConnectFacts | None, Failure | None]:
    """The net, its stream, the facts, and the failure."""
    stream, draft = ScriptedStream(*replies), Draft[ProxyConnectFacts]()
    net = net or FakeNet(streams=[stream])
    failure: Failure | None = None
    try:
        await probe(net, proxy, host, 443, draft)
    except DOCUMENTED as error:
        failure = classify(error)
    assert all(isinstance(stream, ScriptedStream) and stream.closed for stream in net.handed_out), (
        "the tunnel stays open"
    )
    return net, stream, draft.facts, failure


def answer(status: int) -> bytes:
    return f"HTTP/1.1 {status} Simulated\r\nContent-Length: 0\r\n\r\n".encode()


# --- Answers ---------------------------------------------------------------------------------------------------------


async def test_a_tunnel() -> None:
    net, stream, facts, failure = await asked(TUNNEL)
    assert failure is None
    assert facts == ProxyConnectFacts(proxy=PROXY, status=200, server="squid")
    assert net.connected == [(ip_address("10.0.0.9"), 3128)]
    assert stream.sent == f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode()


async def test_a_tunnel_to_an_address_of_ipv6() -> None:
    _, stream, _, failure = await asked(TUNNEL, host="2001:db8::1")
    assert failure is None
    assert stream.sent == b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"


async def test_a_tunnel_byte_by_byte() -> None:
    _, _, facts, failure = await asked(*in_bytes(TUNNEL))
    assert failure is None
    assert facts == ProxyConnectFacts(proxy=PROXY, status=200, server="squid")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(403, FailureKind.PROXY_REFUSED, id="forbidden"),
        pytest.param(407, FailureKind.PROXY_AUTH, id="wants credentials"),
        pytest.param(503, FailureKind.PROXY_REFUSED, id="cannot reach the host"),
        pytest.param(302, FailureKind.PROXY_REFUSED, id="sends elsewhere"),
    ],
)
async def test_a_refusal(status: int, kind: FailureKind) -> None:
    _, _, facts, failure = await asked(answer(status))
    assert failure == Failure(kind=kind, message=f"the proxy answers CONNECT with {status}", code=str(status))
    assert facts == ProxyConnectFacts(proxy=PROXY, status=status, server=None)


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        pytest.param([], FailureKind.CLOSED, id="closes"),
        pytest.param([b"HTTP/1.1 200"], FailureKind.CLOSED, id="closes in the middle"),
        pytest.param([b"SSH-2.0-OpenSSH_9.6\r\n"], FailureKind.MALFORMED, id="no HTTP"),
        pytest.param([b"\x16\x03\x01\x00\x05hello"] * 3 + [b"\r\n\r\n"], FailureKind.MALFORMED, id="TLS"),
        pytest.param([b"HTTP/1.1 abc No\r\n\r\n"], FailureKind.MALFORMED, id="no status"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n"], FailureKind.MALFORMED, id="not the end of it"),
        pytest.param([os_error(errno.ECONNRESET)], FailureKind.RESET, id="resets"),
    ],
)
async def test_no_answer(replies: list[bytes | Exception], kind: FailureKind) -> None:
    _, _, facts, failure = await asked(*replies)
    assert failure is not None
    assert failure.kind is kind
    assert facts == ProxyConnectFacts(proxy=PROXY, status=None, server=None)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"x" * 1000, id="one line without end"),
        pytest.param(b"X-A: y\r\n" * 100, id="headers without end"),
    ],
)
async def test_a_head_without_end(piece: bytes) -> None:
    stream = ScriptedStream(b"HTTP/1.1 200 OK\r\n", endless=itertools.repeat(piece))
    draft = Draft[ProxyConnectFacts]()
    with pytest.raises(DOCUMENTED) as caught:
        await probe(FakeNet(streams=[stream]), PROXY, HOST, 443, draft)
    assert isinstance(caught.value, Exception)
    assert classify(caught.value).kind is FailureKind.MALFORMED
    assert stream.given <= MAX_HEAD_BYTES + 2 * RECEIVE_BYTES
    assert stream.closed


@settings(max_examples=extent.examples(200), deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda noise: b"HTTP/1.1 200 OK\r\n" + noise))
@example(b"HTTP/1.1 200 OK\r\nServer: \xff\r\n\r\n")
async def test_any_bytes_end_in_a_documented_way(data: bytes) -> None:
    _, _, facts, failure = await asked(data)
    assert facts is not None
    assert failure is None or failure.kind is not FailureKind.BUG


# --- Where it is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxy", "where"),
    [
        pytest.param("http://10.0.0.9:3128", ("10.0.0.9", 3128), id="a URL"),
        pytest.param("http://10.0.0.9:3128/", ("10.0.0.9", 3128), id="with a path"),
        pytest.param("http://10.0.0.9", ("10.0.0.9", 80), id="without a port"),
        pytest.param("10.0.0.9:3128", ("10.0.0.9", 3128), id="a bare address"),
        pytest.param("//10.0.0.9:3128", ("10.0.0.9", 3128), id="without a scheme"),
        pytest.param("me:secret@10.0.0.9:3128", ("10.0.0.9", 3128), id="bare, with a user"),
        pytest.param("http://[fd00::9]:3128", ("fd00::9", 3128), id="IPv6"),
        pytest.param("http://proxy.example:3128", ("10.0.0.8", 3128), id="a name"),
        pytest.param("proxy.example:3128", ("10.0.0.8", 3128), id="a bare name"),
    ],
)
async def test_where(proxy: str, where: tuple[str, int]) -> None:
    stream = ScriptedStream(TUNNEL)
    net = FakeNet(streams=[stream], lookup=(ip_address("10.0.0.8"),))
    _, _, _, failure = await asked(proxy=proxy, net=net)
    assert failure is None
    assert net.connected == [(ip_address(where[0]), where[1])]
    assert stream.closed


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param("https://me:secret@10.0.0.9:3128", id="behind TLS"),
        pytest.param("http://", id="no host"),
        pytest.param("http://me:secret@", id="a user of nobody"),
        pytest.param("http://[10.0.0.9", id="no URL"),
        pytest.param("http://10.0.0.9:port", id="a port that is not a number"),
        pytest.param("http://10.0.0.9:99999", id="a port out of range"),
        pytest.param("http://me:sec#ret@10.0.0.9:3128", id="a password that ends a host"),
        pytest.param("secret:a://b@10.0.0.9", id="a password like a URL"),
        pytest.param("http://me:secret%C3%9F@10.0.0.9:3128", id="a password beyond ASCII, which the SDK cannot send"),
        pytest.param("http://me%C3%9F:secret@10.0.0.9:3128", id="a user beyond ASCII"),
    ],
)
async def test_what_is_no_proxy_of_ours_is_not_asked(proxy: str) -> None:
    net, _, facts, failure = await asked(proxy=proxy)
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED
    assert net.connected == []
    assert facts is not None
    for text in (failure.message, repr(facts)):
        assert "secret" not in text
        assert "sec#ret" not in text


@pytest.mark.parametrize(
    ("net", "kind"),
    [
        pytest.param(FakeNet(streams=[os_error(errno.ECONNREFUSED)]), FailureKind.REFUSED, id="nobody listens"),
        pytest.param(FakeNet(lookup=socket.gaierror(socket.EAI_NONAME, "no")), FailureKind.NXDOMAIN, id="no such name"),
        pytest.param(FakeNet(lookup=()), FailureKind.NXDOMAIN, id="a name without an address"),
    ],
)
async def test_a_proxy_that_cannot_be_reached(net: FakeNet, kind: FailureKind) -> None:
    proxy = PROXY if net.lookup == () and net.streams else "http://proxy.example"
    _, _, facts, failure = await asked(proxy=proxy, net=net)
    assert failure is not None
    assert failure.kind is kind
    assert facts == ProxyConnectFacts(proxy=proxy, status=None, server=None)


async def test_a_host_that_http_cannot_carry() -> None:
    _, stream, _, failure = await asked(host="bücher.example")
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED
    assert stream.sent == b""


# --- User and password -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxy", "credentials"),
    [
        pytest.param("http://me:secret@10.0.0.9:3128", "me:secret", id="as they are"),
        pytest.param("me:secret@10.0.0.9:3128", "me:secret", id="of a bare host"),
        pytest.param("http://me%40example:s%3Aec%2Fret@10.0.0.9:3128", "me@example:s:ec/ret", id="escaped"),
    ],
)
async def test_user_and_password_are_told_to_the_proxy_alone(proxy: str, credentials: str) -> None:
    for reply in (TUNNEL, answer(407), b"nonsense\r\n\r\n"):
        _, stream, facts, failure = await asked(reply, proxy=proxy)
        secret = base64.b64encode(credentials.encode()).decode()
        assert f"\r\nProxy-Authorization: Basic {secret}\r\n".encode() in stream.sent
        assert facts is not None
        assert facts.proxy.endswith("***@10.0.0.9:3128")
        for text in (repr(facts), repr(failure)):
            assert "secret" not in text
            assert secret not in text


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param("http://10.0.0.9:3128", id="none"),
        pytest.param("http://me@10.0.0.9:3128", id="a user alone: the SDK tells nothing either"),
        pytest.param("http://:secret@10.0.0.9:3128", id="a password alone"),
        pytest.param("http://@10.0.0.9:3128", id="empty"),
    ],
)
async def test_half_of_it_is_not_told(proxy: str) -> None:
    _, stream, _, failure = await asked(TUNNEL, proxy=proxy)
    assert failure is None
    assert b"Proxy-Authorization" not in stream.sent


async def test_a_proxy_that_says_back_what_it_was_told() -> None:
    secret = base64.b64encode(b"me:secret")
    reply = b"HTTP/1.1 200 OK\r\nProxy-Authorization Basic " + secret + b"\r\n\r\n"
    _, _, facts, failure = await asked(reply, proxy="http://me:secret@10.0.0.9:3128")
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED
    assert secret.decode() not in failure.message + repr(facts)


@settings(max_examples=extent.examples(200), deadline=None)
@given(
    st.sampled_from(["", "http://", "https://", "//", "http:"]),
    st.text(max_size=20) | st.text("0123456789.:@[]/%#?", max_size=12),
)
@example("http://", "[::1%eth0]:3128")
@example("", "\u2100")
async def test_any_variable_ends_in_a_documented_way(scheme: str, rest: str) -> None:
    net = FakeNet(streams=[ScriptedStream(TUNNEL)], lookup=(ip_address("10.0.0.8"),))
    _, _, facts, failure = await asked(proxy=scheme + rest, net=net)
    assert facts is not None
    assert failure is None or failure.kind is FailureKind.MALFORMED
