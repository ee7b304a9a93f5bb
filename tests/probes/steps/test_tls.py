"""Handshakes with every kind of peer, over pipes in memory, with real TLS bytes and in virtual time."""

import asyncio
import contextlib
import errno
import itertools
import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.simulated.certificates import NOT_AFTER, NOT_BEFORE, authority, key, loaded, root_pem, server_context
from agent.simulated.world import MemoryStream, _pipe
from probes.facts import TlsFacts
from probes.failure import PeerClosedError, classify
from probes.model import Draft, FailureKind, ProbeError
from probes.seams import Stream
from probes.steps.tls import (
    MAX_CERTIFICATES,
    MAX_HANDSHAKE_BYTES,
    RECEIVE_BYTES,
    TlsStream,
    _readable,
    handshake,
    read_certificate,
)
from probes.tls_context import client_context, verifying_contexts
from tests.support import extent
from tests.support.fakes import (
    DOCUMENTED,
    HOST,
    ScriptedStream,
    a_leaf,
    forever,
    in_bytes,
    os_error,
    raised_by,
    value_or,
)

pytestmark = pytest.mark.virtual_clock

NAMED, CHAIN_ONLY = verifying_contexts(cadata=root_pem("amazon"))
LIMIT = 3.0
SECOND_LOOK = 1.5
DELAY = 0.001

Peer = Callable[[Stream], Awaitable[None]]


# --- Peers -----------------------------------------------------------------------------------------------------------


def tls_peer(issuer: str = "amazon", name: str = HOST, heard: list[bytes] | None = None) -> Peer:
    """A TLS server. It adds the data that it receives inside TLS to `heard`, until the client ends the connection."""

    async def serve(stream: Stream) -> None:
        secured = TlsStream(stream, server_context(issuer, (name,)), server_side=True)
        await secured.handshake()
        while data := await secured.receive(RECEIVE_BYTES):
            if heard is not None:
                heard.append(data)

    return serve


def saying(*lines: bytes, then: str = "close") -> Peer:
    """A peer that waits for the ClientHello, sends these lines, and then closes the connection, resets it or falls
    silent.
    """

    async def serve(stream: Stream) -> None:
        assert isinstance(stream, MemoryStream)
        await stream.receive(RECEIVE_BYTES)
        for line in lines:
            await stream.send(line)
        if then == "silence":
            await forever()
        if then == "reset":
            await asyncio.sleep(DELAY)  # after the lines, not at the same moment
            stream.reset()
        stream.close()

    return serve


class Filtered:
    """A stream that changes the data that is sent over it."""

    def __init__(self, stream: Stream, change: Callable[[bytes, int], bytes]) -> None:
        self._stream = stream
        self._change = change
        self._sent = 0

    async def send(self, data: bytes) -> None:
        changed = self._change(data, self._sent)
        self._sent += len(data)
        if changed:
            await self._stream.send(changed)

    async def receive(self, limit: int) -> bytes:
        return await self._stream.receive(limit)

    def close(self) -> None:
        self._stream.close()


def cut_after(size: int, *, then: str, issuer: str = "amazon") -> Peer:
    """A server that can send at most `size` bytes of its handshake."""

    async def serve(stream: Stream) -> None:
        assert isinstance(stream, MemoryStream)
        filtered = Filtered(stream, lambda data, sent: data[: max(0, size - sent)])
        secured = TlsStream(filtered, server_context(issuer, (HOST,)), server_side=True)
        hello = asyncio.create_task(secured.handshake())
        await asyncio.sleep(10 * DELAY)
        if then == "silence":
            await forever()
        hello.cancel()
        if then == "reset":
            stream.reset()
        stream.close()

    return serve


class Tapped:
    """The client's end of a connection. It records the data that is sent, and whether it was closed. After a number of
    sends, sending fails.
    """

    def __init__(self, stream: Stream, *, sends: int | None = None) -> None:
        self._stream = stream
        self._sends = sends
        self.sent: list[bytes] = []
        self.closed = False

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        if self._sends is not None and len(self.sent) > self._sends:
            raise os_error(errno.ECONNRESET)
        await self._stream.send(data)

    async def receive(self, limit: int) -> bytes:
        return await self._stream.receive(limit)

    def close(self) -> None:
        self.closed = True
        self._stream.close()


@dataclass
class Met:
    """The result of a handshake."""

    facts: TlsFacts | None = None
    error: Exception | None = None
    seconds: float = 0.0
    connections: list[Tapped] = field(default_factory=list)

    @property
    def kind(self) -> FailureKind | None:
        return None if self.error is None else classify(self.error).kind


async def meet(
    *servers: Peer,
    context: ssl.SSLContext = NAMED,
    name: str = HOST,
    window: float = LIMIT,
    sends: int | None = None,
    refused: Exception | None = None,
    then: Callable[[TlsStream], Awaitable[None]] | None = None,
) -> Met:
    """Make a handshake with the first of `servers`. If the client connects again, the next server answers."""
    met = Met()
    waiting = iter(servers)

    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.TaskGroup() as group:
        serving = []

        async def serve(server: Peer, stream: Stream) -> None:
            try:
                await server(stream)
            except DOCUMENTED:  # the client rejected the server
                stream.close()

        async def connection() -> Stream:
            if met.connections and refused is not None:
                raise refused
            client, server = _pipe(DELAY)
            serving.append(group.create_task(serve(next(waiting), server)))
            met.connections.append(Tapped(client, sends=sends if not met.connections else None))
            return met.connections[-1]

        draft: Draft[TlsFacts] = Draft()
        try:
            async with asyncio.timeout(window):
                shaken = await handshake(
                    await connection(),
                    context,
                    name,
                    "a test",
                    connection,
                    draft,
                    second_look_seconds=SECOND_LOOK,
                )
                if then is not None:
                    await then(shaken)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            met.error = error
        met.facts, met.seconds = draft.facts, loop.time() - started
        met.connections[0].close()
        await asyncio.sleep(1)  # so that the server sees the end
        for task in serving:
            task.cancel()
    return met


# --- A good end ------------------------------------------------------------------------------------------------------


async def test_verified() -> None:
    heard: list[bytes] = []
    met = await meet(tls_peer(heard=heard))
    assert met.error is None
    facts = met.facts
    assert facts is not None
    assert (facts.server_name, facts.name_checked, facts.trust) == (HOST, True, "a test")
    assert (facts.version, facts.cipher, facts.alpn) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "http/1.1")
    assert (facts.second_look, facts.bytes_received, facts.first_bytes) == (None, None, None)
    (leaf,) = facts.certificates
    assert leaf.names == (HOST,)
    assert leaf.subject == f"CN={HOST}"
    assert leaf.issuer == "CN=Amazon ECDSA (simulated),O=Amazon"
    assert leaf.issuer_organization == "Amazon"
    assert (leaf.not_before, leaf.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert len(met.connections) == 1
    assert heard == []


async def test_client_hello_names_host_and_protocol() -> None:
    hello = (await meet(tls_peer())).connections[0].sent[0]
    assert HOST.encode() in hello
    assert b"\x08http/1.1" in hello


async def test_bytes_both_ways() -> None:
    async def echo(stream: Stream) -> None:
        secured = TlsStream(stream, server_context("amazon", (HOST,)), server_side=True)
        await secured.handshake()
        while data := await secured.receive(RECEIVE_BYTES):
            for piece in in_bytes(data[:3]):
                await secured.send(piece)
            await secured.send(data[3:] * 2)

    async def speak(shaken: TlsStream) -> None:
        await shaken.send(b"abcdef")
        got = b""
        while len(got) < 9:
            piece = await shaken.receive(2)
            assert 0 < len(piece) <= 2
            got += piece
        assert got == b"abcdefdef"

    assert (await meet(echo, then=speak)).error is None


@pytest.mark.parametrize("notify", [pytest.param(True, id="with close_notify"), pytest.param(False, id="by FIN alone")])
async def test_end_of_the_peer_is_the_end(notify: bool) -> None:
    async def part(stream: Stream) -> None:
        secured = TlsStream(stream, server_context("amazon", (HOST,)), server_side=True)
        await secured.handshake()
        await secured.send(b"last words")
        if notify:
            with pytest.raises(ssl.SSLWantReadError):
                secured.tls.unwrap()
            await secured._flush()
        secured.close()

    async def listen(shaken: TlsStream) -> None:
        assert await shaken.receive(100) == b"last words"
        assert await shaken.receive(100) == b""
        assert await shaken.receive(100) == b""

    assert (await meet(part, then=listen)).error is None


async def test_noise_inside_an_open_connection() -> None:
    async def noise(stream: Stream) -> None:
        secured = TlsStream(stream, server_context("amazon", (HOST,)), server_side=True)
        await secured.handshake()
        await stream.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        await forever()

    async def listen(shaken: TlsStream) -> None:
        while await shaken.receive(100):
            pass

    met = await meet(noise, then=listen)
    assert isinstance(met.error, ssl.SSLError)
    assert met.kind is FailureKind.MALFORMED


async def test_chain_alone_takes_another_name() -> None:
    met = await meet(tls_peer(name=f"client-cp.{HOST}"), context=CHAIN_ONLY)
    assert met.error is None
    assert met.facts is not None
    assert not met.facts.name_checked
    assert met.facts.certificates[0].names == (f"client-cp.{HOST}",)


async def test_no_more_certificates_than_the_limit(tmp_path: Path) -> None:
    """The server sends its intermediate certificate twelve times."""
    signer = authority("amazon")
    file = tmp_path / "server.pem"
    file.write_bytes(
        signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + a_leaf().public_bytes(Encoding.PEM)
        + signer.intermediate.public_bytes(Encoding.PEM) * 12
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def serve(stream: Stream) -> None:
        await TlsStream(stream, context, server_side=True).handshake()
        await forever()

    met = await meet(serve, serve, context=verifying_contexts(cadata=root_pem("corporate"))[0])
    assert met.kind is FailureKind.TLS_UNTRUSTED
    assert met.facts is not None
    assert len(met.facts.certificates) == MAX_CERTIFICATES


# --- A certificate that does not verify ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "name", "kind", "organization"),
    [
        pytest.param("amazon", "sqs.eu-west-1.amazonaws.com", FailureKind.TLS_HOSTNAME, "Amazon", id="another name"),
        pytest.param("corporate", HOST, FailureKind.TLS_UNTRUSTED, "Example Corp", id="another issuer"),
    ],
)
async def test_second_look_reads_who_it_is(issuer: str, name: str, kind: FailureKind, organization: str) -> None:
    heard: list[bytes] = []
    met = await meet(tls_peer(issuer, name), tls_peer(issuer, name, heard))
    assert isinstance(met.error, ssl.SSLCertVerificationError)
    assert met.kind is kind
    assert met.facts is not None
    assert met.facts.certificates[0].names == (name,)
    assert met.facts.certificates[0].issuer_organization == organization
    assert met.facts.second_look is None
    assert (met.facts.version, met.facts.bytes_received) == (None, None)
    first, second = met.connections
    assert len(first.sent) == 2  # the ClientHello, and an alert with the reason
    assert HOST.encode() in second.sent[0]
    assert len(second.sent) == 2  # the ClientHello, and the end of the handshake
    assert heard == []
    assert second.closed


async def test_peer_that_has_gone_does_not_hide_why_the_certificate_was_refused() -> None:
    met = await meet(tls_peer("corporate"), tls_peer("corporate"), sends=1)
    assert met.kind is FailureKind.TLS_UNTRUSTED
    assert met.facts is not None
    assert met.facts.certificates


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        pytest.param(saying(), "the peer closed the connection", id="closed"),
        pytest.param(saying(then="reset"), "Connection reset by peer", id="reset"),
        pytest.param(saying(b"HTTP/1.1 400 Bad Request\r\n"), "what came back is not a TLS record", id="not TLS"),
        pytest.param(saying(then="silence"), "timed out", id="silence"),
        pytest.param(cut_after(500, then="silence"), "timed out", id="half a handshake"),
        pytest.param(saying(b"\x15\x03\x03\x00\x02\x02\x28"), "sslv3 alert handshake failure", id="alert"),
    ],
)
async def test_second_look_that_sees_nothing_leaves_the_first_verdict(peer: Peer, why: str) -> None:
    met = await meet(tls_peer("corporate"), peer)
    assert met.kind is FailureKind.TLS_UNTRUSTED
    assert met.facts is not None
    assert (met.facts.certificates, met.facts.second_look) == ((), why)
    assert met.connections[1].closed
    assert met.seconds < LIMIT


async def test_second_look_refused() -> None:
    met = await meet(tls_peer("corporate"), refused=os_error(errno.ECONNREFUSED))
    assert met.kind is FailureKind.TLS_UNTRUSTED
    assert met.facts is not None
    assert met.facts.second_look == "Connection refused"


async def test_window_that_ends_in_the_second_look_leaves_what_came_before() -> None:
    met = await meet(tls_peer("corporate"), saying(then="silence"), window=SECOND_LOOK / 2)
    assert met.kind is FailureKind.TIMEOUT
    assert met.facts is not None
    assert met.facts.bytes_received  # so that no rule says that nothing came back
    assert met.connections[1].closed


# --- A handshake without an end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "kind", "received", "first"),
    [
        pytest.param(saying(then="silence"), FailureKind.TIMEOUT, 0, None, id="silence"),
        pytest.param(cut_after(700, then="silence"), FailureKind.TIMEOUT, 700, None, id="half, then silence"),
        pytest.param(cut_after(1, then="silence"), FailureKind.TIMEOUT, 1, None, id="one byte, then silence"),
        pytest.param(saying(), FailureKind.CLOSED, 0, None, id="closed at once"),
        pytest.param(cut_after(700, then="close"), FailureKind.CLOSED, 700, None, id="closed in the middle"),
        pytest.param(saying(then="reset"), FailureKind.RESET, 0, None, id="reset at once"),
        pytest.param(saying(b"\x16\x03\x03", then="reset"), FailureKind.RESET, 3, None, id="reset after a header"),
        pytest.param(
            saying(b"HTTP/1.1 400 Bad Request\r\n\r\n", then="silence"),
            FailureKind.TLS_NOT_TLS,
            28,
            b"HTTP/1.1 400 Bad",
            id="plain HTTP",
        ),
        pytest.param(
            saying(*in_bytes(b"SSH-2.0"), then="silence"), FailureKind.TLS_NOT_TLS, None, b"S", id="SSH, byte by byte"
        ),
        pytest.param(saying(b"\0" * 40), FailureKind.TLS_NOT_TLS, 40, b"\0" * 16, id="zeros"),
        pytest.param(
            saying(b"\x13\x03\x03\0"), FailureKind.TLS_NOT_TLS, 4, b"\x13\x03", id="an unknown type of record"
        ),
        pytest.param(saying(b"\x16\x02\0"), FailureKind.TLS_NOT_TLS, 3, b"\x16\x02\0", id="major version 2"),
        pytest.param(
            saying(*in_bytes(b"\x16\x04"), then="silence"),
            FailureKind.TLS_NOT_TLS,
            2,
            b"\x16\x04",
            id="major version 4, byte by byte",
        ),
        pytest.param(saying(b"\x16\x03\x01\0\x04abcd", then="silence"), FailureKind.MALFORMED, 9, None, id="like TLS"),
        pytest.param(saying(b"\x17\x03\x03\0\x04abcd"), FailureKind.MALFORMED, 9, None, id="data before a handshake"),
        pytest.param(saying(b"\x16\x03\x03\xff\xff"), FailureKind.MALFORMED, 5, None, id="a record of 65535"),
        pytest.param(saying(b"\x15\x03\x03\0\x02\x02\x28"), FailureKind.TLS_ALERT, 7, None, id="alert with a name"),
        pytest.param(saying(b"\x15\x03\x03\0\x02\x02\x70"), FailureKind.TLS_ALERT, 7, None, id="unrecognized_name"),
        pytest.param(
            saying(b"\x15\x03\x03\0\x02\x02\x78"), FailureKind.TLS_ALERT, 7, None, id="no_application_protocol"
        ),
        pytest.param(
            saying(*in_bytes(b"\x15\x03\x03\0\x02\x02\x78")), FailureKind.TLS_ALERT, 7, None, id="alert byte by byte"
        ),
        pytest.param(saying(b"\x15\x03\x03\0\x02\x01\x70"), FailureKind.CLOSED, 7, None, id="a warning, then closed"),
        pytest.param(
            saying(b"\x15\x03\x03\0\x02\x01\x70" + b"\x15\x03\x03\0\x02\x02\x7a"),
            FailureKind.MALFORMED,
            14,
            None,
            id="a warning, and then an alert without a name",
        ),
        pytest.param(saying(b"\x15\x03\x03\0\x01\x02"), FailureKind.MALFORMED, 6, None, id="half an alert"),
    ],
)
async def test_no_end(peer: Peer, kind: FailureKind, received: int | None, first: bytes | None) -> None:
    met = await meet(peer)
    assert met.kind is kind, met.error
    facts = met.facts
    assert facts is not None
    assert facts.bytes_received == received or received is None
    assert facts.first_bytes is None if first is None else bytes.fromhex(facts.first_bytes or "").startswith(first)
    assert (facts.version, facts.certificates) == (None, ())
    assert len(met.connections) == 1  # only a failure of the certificate causes a second handshake


async def test_alert_that_python_has_no_name_for_keeps_its_number() -> None:
    met = await meet(saying(b"\x15\x03\x03\0\x02\x02\x7a"))
    assert met.error is not None
    failure = classify(met.error)
    assert (failure.kind, failure.code) == (FailureKind.TLS_ALERT, "122")


async def test_handshake_that_drips_without_end() -> None:
    """The server sends a ServerHello of 65,000 bytes, with one byte in each record."""
    drop = b"\x16\x03\x03\0\x01\0"
    stream = ScriptedStream(b"\x16\x03\x03\0\x04\x02\0\xfd\xe8", endless=itertools.repeat(drop * 100))
    draft: Draft[TlsFacts] = Draft()

    async def again() -> Stream:
        raise AssertionError("nothing to look at again")

    with pytest.raises(ProbeError) as caught:
        await handshake(stream, NAMED, HOST, "a test", again, draft, second_look_seconds=SECOND_LOOK)
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert MAX_HANDSHAKE_BYTES < stream.given <= MAX_HANDSHAKE_BYTES + RECEIVE_BYTES
    assert draft.facts is not None
    assert draft.facts.bytes_received == stream.given
    assert draft.facts.first_bytes is None  # the first bytes are only kept if the peer does not speak TLS


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param(".amazonaws.com", id="begins with a dot"),
        pytest.param("a" * 64, id="long label"),
        pytest.param("a..b", id="empty label"),
        pytest.param("a\0b", id="zero byte"),
    ],
)
async def test_name_that_tls_cannot_carry(name: str) -> None:
    met = await meet(saying(then="silence"), name=name)
    assert isinstance(met.error, ProbeError)
    assert met.kind is FailureKind.MALFORMED
    assert met.connections[0].sent == []


async def shaken_with(pieces: Iterable[bytes]) -> FailureKind | None:
    """The failure of a handshake with a peer that sends these pieces and then closes the connection."""

    async def again() -> Stream:
        raise os_error(errno.ECONNREFUSED)

    stream, draft = ScriptedStream(*pieces), Draft[TlsFacts]()
    try:
        await handshake(stream, NAMED, HOST, "a test", again, draft, second_look_seconds=SECOND_LOOK)
    except DOCUMENTED as error:
        return classify(error).kind
    return None


@settings(deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\x16\x03\x03", b"\x16\x03\x03\0\x20\x02\0\0\x1c\x03\x03", b"\x15\x03\x03\0\x02"]),
)
@example(b"", b"")
async def test_any_bytes_end_a_handshake(data: bytes, start: bytes) -> None:
    kinds = {await shaken_with([start + data]), await shaken_with(in_bytes(start + data))}
    assert kinds <= {
        FailureKind.CLOSED,
        FailureKind.MALFORMED,
        FailureKind.TLS_ALERT,
        FailureKind.TLS_NOT_TLS,
    }


@settings(deadline=None, max_examples=extent.examples(60))
@given(st.integers(0, 1500), st.integers(1, 255))
async def test_any_change_to_a_good_handshake(place: int, by: int) -> None:
    def change(data: bytes, sent: int) -> bytes:
        changed = bytearray(data)
        if sent <= place < sent + len(data):
            changed[place - sent] ^= by
        return bytes(changed)

    async def serve(stream: Stream) -> None:
        secured = TlsStream(Filtered(stream, change), server_context("amazon", (HOST,)), server_side=True)
        await secured.handshake()
        await secured.receive(RECEIVE_BYTES)

    met = await meet(serve, serve)
    assert met.kind is not FailureKind.BUG, met.error
    assert met.kind in {
        None,  # the change is after the handshake, or in a session ticket
        FailureKind.TIMEOUT,  # the changed length promises more bytes
        FailureKind.MALFORMED,
        FailureKind.TLS_ALERT,
        FailureKind.TLS_NOT_TLS,
        FailureKind.CLOSED,
        FailureKind.TLS_UNTRUSTED,
    }


# --- Certificates ----------------------------------------------------------------------------------------------------

ROOT = authority("amazon").root.public_bytes(Encoding.DER)
INTERMEDIATE = authority("corporate").intermediate.public_bytes(Encoding.DER)
VERSION_3 = b"\xa0\x03\x02\x01\x02"


def replaced(der: bytes, old: bytes, new: bytes) -> bytes:
    assert old in der
    assert len(old) == len(new)
    return der.replace(old, new, 1)


def test_certificate() -> None:
    certificate = read_certificate(INTERMEDIATE)
    assert certificate.subject == "CN=Example Corp TLS Inspection,O=Example Corp"
    assert certificate.issuer == "CN=Example Corp Root CA,O=Example Corp"
    assert certificate.issuer_organization == "Example Corp"
    assert certificate.names == ()
    assert (certificate.not_before, certificate.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert certificate.sha256 == authority("corporate").intermediate.fingerprint(SHA256()).hex()


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(ROOT[:-1], id="cut"),
        pytest.param(ROOT + b"\0", id="bytes left over"),
        pytest.param(root_pem("amazon").encode(), id="PEM"),
        pytest.param(replaced(ROOT, VERSION_3, VERSION_3[:-1] + b"\5"), id="version 6"),
        pytest.param(replaced(ROOT, b"\x0c\x06Amazon", b"\x03\x06\0mazon"), id="bits for a name"),
        pytest.param(replaced(ROOT, b"\x0c\x06Amazon", b"\x0c\x06\xff\xff\xff\xff\xff\xff"), id="no UTF-8"),
    ],
)
def test_certificate_that_cannot_be_read(der: bytes) -> None:
    raised_by(lambda: read_certificate(der), FailureKind.MALFORMED)


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(',+"\\<>;#= '), min_size=1, max_size=12
)
ATTRIBUTES = st.lists(
    st.tuples(
        st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME]), TEXTS
    ),
    max_size=4,
)


def shaken(certificate: x509.Certificate, own: ec.EllipticCurvePrivateKey) -> ssl.SSLObject:
    """The client's end after a handshake with a server that shows `certificate`. The client trusts this certificate."""
    client = client_context()
    client.load_verify_locations(cadata=certificate.public_bytes(Encoding.PEM).decode("ascii"))
    client.verify_mode = ssl.CERT_REQUIRED
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=HOST)
    answering = loaded(own, [certificate]).wrap_bio(to_server, to_client, server_side=True)
    for end in (asking, answering, asking, answering):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return asking


@settings(max_examples=extent.examples(60), deadline=None)
@given(ATTRIBUTES, st.lists(st.from_regex(r"[a-z*][a-z0-9.-]{0,30}", fullmatch=True), max_size=20))
def test_a_verified_certificate_reads_the_same_by_both_readers(
    attributes: list[tuple[x509.ObjectIdentifier, str]], names: list[str]
) -> None:
    owner = x509.Name([x509.NameAttribute(kind, value[:64]) for kind, value in attributes])
    own = key("both readers")
    builder = x509.CertificateBuilder(owner, owner, own.public_key(), 1, NOT_BEFORE, NOT_AFTER)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    certificate = builder.sign(own, SHA256())
    assert _readable(shaken(certificate, own)) == (read_certificate(certificate.public_bytes(Encoding.DER)),)


def test_serial_number_below_one_is_no_reason_to_warn() -> None:
    """Old roots of companies have such serial numbers. A warning of the library must not appear between the lines of a
    report.
    """
    serial = authority("corporate").intermediate.serial_number.to_bytes(16, "big")
    positive, negative = b"\x02\x10" + serial, b"\x02\x10" + bytes([serial[0] | 0x80]) + serial[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certificate = read_certificate(replaced(INTERMEDIATE, positive, negative))
    assert certificate.issuer_organization == "Example Corp"


@given(st.binary(max_size=60))
def test_any_bytes_as_a_certificate(der: bytes) -> None:
    value_or(lambda: read_certificate(der), FailureKind.MALFORMED)


@settings(max_examples=extent.examples(300))
@given(
    st.sampled_from([ROOT, INTERMEDIATE]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 2),
)
def test_any_change_to_a_certificate(der: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    changed = bytearray(der)
    for place, value in changes:
        changed[place % len(changed)] = value
    value_or(lambda: read_certificate(bytes(changed[: len(changed) - cut])), FailureKind.MALFORMED)


async def test_peer_closed_is_what_a_stream_says() -> None:
    with pytest.raises(PeerClosedError):
        await TlsStream(ScriptedStream(), NAMED, server_name=HOST).handshake()
