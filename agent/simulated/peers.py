"""The peers of a simulated world: name servers, metadata, and services behind TLS. They exchange bytes over any stream.

The same peers work behind in-memory pipes here and behind real sockets in the namespace tests, so that both worlds send
the same bytes.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum, auto
from typing import Final, Protocol

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import h11

from agent.catalog.partitions import partition_of
from agent.simulated import aws
from agent.simulated.aws import Reply
from agent.simulated.certificates import server_context
from agent.simulated.scenario import DnsPart, Scenario, TcpPart
from probes.failure import PeerClosedError
from probes.model import Address, ProbeError
from probes.seams import Stream
from probes.steps import imds
from probes.steps.dns import DNS_PORT, readable
from probes.steps.http import MAX_BODY_BYTES
from probes.steps.tls import TlsStream

METADATA_PORT: Final = 80
DNS_TTL: Final = 60
ROLE_LABELS: Final = {1026: "client-cp", 1027: "anon-cp", 1028: "proxy-app", 1031: "dp-1"}
"""The names in the certificates of gateway ports (Storage Gateway User Guide, where the ports have the same roles)."""
_RECEIVE_BYTES: Final = 16_384
LARGE_BYTES: Final = 4096


class End(Enum):
    """The way in which a peer ends a connection."""

    CLOSE = auto()
    RESET = auto()


Peer = Callable[[Stream], Awaitable[End]]
Speech = Iterator[bytes | float | None]
"""The pieces that a peer sends. A number is a pause in seconds, and None resets the connection."""
Now = Callable[[], datetime]
Heard = Callable[[], None]


PAGE_WITH_REQUEST_ID: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 55\r\n"
    + f"x-amzn-RequestId: {aws.REQUEST_ID}\r\nContent-Type: text/html\r\n\r\n".encode()
    + b"<!doctype html><title>Sign in</title><p>BackupVaultList"
)
"""The answer of a portal that copies an AWS request id and a word from AWS's answers."""


class HostilePeers(Protocol):
    """Peers that break their protocols on purpose. Their kinds begin with `hostile-`. Only tests provide them."""

    def http(self, kind: str, request: bytes) -> Speech:
        """The reply to each piece of a request."""

    def raw(self, kind: str) -> Speech:
        """The bytes that the peer sends in place of TLS."""

    def server_context(self, kind: str, issuer: str, names: tuple[str, ...]) -> ssl.SSLContext:
        """The TLS context of a server with a certificate for `names`."""

    def datagrams(self, kind: str, packet: bytes) -> tuple[bytes, ...]:
        """The datagrams of a name server after a query by UDP."""

    def segments(self, kind: str, packet: bytes) -> Speech:
        """The bytes of a name server after a query by TCP."""

    def metadata(self, kind: str, request: bytes) -> Speech:
        """The reply to each piece of a request for metadata."""


_registered: list[HostilePeers] = []


def register_hostile(hostile: HostilePeers) -> None:
    """Let scenarios use hostile peers, which the program itself does not have."""
    _registered[:] = [hostile]


def _hostile() -> HostilePeers:
    if not _registered:
        raise LookupError("the scenario has a hostile peer, but no hostile peers are registered (register_hostile)")
    return _registered[0]


class Overheard:
    """A stream that calls `heard` whenever data arrives."""

    def __init__(self, stream: Stream, heard: Heard) -> None:
        self._stream = stream
        self._heard = heard

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def receive(self, limit: int) -> bytes:
        data = await self._stream.receive(limit)
        if data:
            self._heard()
        return data

    def close(self) -> None:
        self._stream.close()


class _Resumed:
    """A stream whose first bytes were already read."""

    def __init__(self, beginning: bytes, stream: Stream) -> None:
        self._beginning = beginning
        self._stream = stream

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def receive(self, limit: int) -> bytes:
        if self._beginning:
            piece, self._beginning = self._beginning[:limit], self._beginning[limit:]
            return piece
        return await self._stream.receive(limit)

    def close(self) -> None:
        self._stream.close()


def metadata_addresses(scenario: Scenario) -> tuple[Address, ...]:
    """The addresses at which instance metadata is available."""
    return (imds.IPV4, imds.IPV6) if scenario.metadata.ipv6 else (imds.IPV4,)


def peer_at(scenario: Scenario, address: Address, port: int, now: Now, heard: Heard = lambda: None) -> Peer | None:
    """The peer that accepts connections at an address and port; None if there is none. `heard` is called whenever a
    service at the port has decrypted data from a client."""
    if address in metadata_addresses(scenario) and port == METADATA_PORT:
        return None if scenario.metadata.answer == "silence" else _metadata(scenario, now)
    row = scenario.behind(address, port)
    if port == DNS_PORT and (rows := _rows_of(scenario, address)):
        shut = rows[0].answer in ("silence", "closed") or (row is not None and row.answer != "accept")
        return None if shut else _name_server(scenario, address)
    return None if row is None or row.answer != "accept" else _service(scenario, row, address, port, now, heard)


def dns_answer(scenario: Scenario, resolver: Address, packet: bytes, *, tcp: bool) -> bytes | None:
    """The answer of a resolver to a query; None if it sends none (RFC 1035)."""
    try:
        query = dns.message.from_wire(packet)
    except dns.exception.DNSException:
        return None
    question = query.question[0]
    host = readable(question.name)
    row = _row_for(scenario, resolver, host)
    if row is None:
        row = DnsPart(resolvers=(resolver,), name=host, rcode="NXDOMAIN", soa=host.partition(".")[2])
    kind = dns.rdatatype.to_text(question.rdtype)
    if row.answer != "answer" or kind in row.silent_for:
        return None
    answer = dns.message.make_response(query, recursion_available=True)
    if kind in row.fails_for:
        answer.set_rcode(dns.rcode.SERVFAIL)
        return answer.to_wire()
    answer.set_rcode(dns.rcode.from_text(row.rcode))
    if row.truncated and not tcp:
        answer.flags |= dns.flags.TC
        return answer.to_wire(want_shuffle=False)
    owner = question.name
    if row.cname is not None:
        answer.answer.append(dns.rrset.from_text(owner, DNS_TTL, "IN", "CNAME", f"{row.cname}."))
        owner = dns.name.from_text(row.cname)
    addresses = {"A": row.a, "AAAA": row.aaaa}.get(kind, ())
    if addresses and row.rcode == "NOERROR":
        answer.answer.append(dns.rrset.from_text(owner, DNS_TTL, "IN", kind, *map(str, addresses)))
    elif row.rcode in ("NOERROR", "NXDOMAIN"):
        zone = f"{row.soa or host.partition('.')[2] or 'root-servers.net'}."  # for a single label, the root answers
        soa = f"ns.{zone} hostmaster.{zone} 1 7200 900 1209600 60"
        answer.authority.append(dns.rrset.from_text(zone, DNS_TTL, "IN", "SOA", soa))
    return answer.to_wire(max_size=65_535 if tcp else 0, want_shuffle=False)


def datagrams(scenario: Scenario, resolver: Address, packet: bytes) -> tuple[bytes, ...]:
    """All datagrams of a resolver after a query, in order."""
    kind = _hostility(scenario, resolver, packet)
    if kind is not None:
        return _hostile().datagrams(kind, packet)
    answer = dns_answer(scenario, resolver, packet, tcp=False)
    return () if answer is None else (answer,)


def is_closed_resolver(scenario: Scenario, address: Address) -> bool:
    """Whether the address exists and nothing listens on its port 53."""
    rows = _rows_of(scenario, address)
    return bool(rows) and rows[0].answer == "closed"


def resolvers_of(scenario: Scenario) -> tuple[Address, ...]:
    """All addresses that answer DNS queries in the scenario."""
    return tuple(dict.fromkeys(address for row in scenario.dns for address in row.resolvers))


def certificate_names(scenario: Scenario, row: TcpPart, address: Address, port: int) -> tuple[str, ...]:
    """The names in the certificate at an address and port."""
    hosts = row.names or scenario.names_of(address) or (str(address),)
    label = ROLE_LABELS.get(port)
    return hosts if label is None or row.names else tuple(f"{label}.{host}" for host in hosts)


def _rows_of(scenario: Scenario, resolver: Address) -> tuple[DnsPart, ...]:
    return tuple(row for row in scenario.dns if resolver in row.resolvers)


def _row_for(scenario: Scenario, resolver: Address, host: str) -> DnsPart | None:
    return next((row for row in _rows_of(scenario, resolver) if row.name in (host, "*")), None)


def _hostility(scenario: Scenario, resolver: Address, packet: bytes) -> str | None:
    """The kind of hostile answer that a resolver gives; None if it is not hostile."""
    try:
        host = readable(dns.message.from_wire(packet).question[0].name)
    except dns.exception.DNSException:
        return None
    row = _row_for(scenario, resolver, host)
    if row is None or row.answer in ("answer", "silence", "closed"):
        return None
    return row.answer


async def _answer_all(stream: Stream, speech_for: Callable[[bytes], Speech]) -> End:
    """Send the whole speech after every piece that arrives."""
    while piece := await stream.receive(_RECEIVE_BYTES):
        if not await _send_speech(stream, speech_for(piece)):
            return End.RESET
    return End.CLOSE


async def _send_speech(stream: Stream, speech: Speech) -> bool:
    """Send a speech. Returns False if it ends in a reset."""
    for piece in speech:
        if piece is None:
            return False
        if isinstance(piece, bytes):
            await stream.send(piece)
        else:
            await asyncio.sleep(piece)
    return True


def _name_server(scenario: Scenario, resolver: Address) -> Peer:
    async def serve(stream: Stream) -> End:
        data = b""
        while True:  # the C library sends its two queries at once, over one connection (RFC 7766, section 6.2.1.1)
            while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
                piece = await stream.receive(_RECEIVE_BYTES)
                if not piece:
                    return End.CLOSE
                data += piece
            size = 2 + int.from_bytes(data[:2], "big")
            query, data = data[2:size], data[size:]
            kind = _hostility(scenario, resolver, query)
            if kind is not None:
                if not await _send_speech(stream, _hostile().segments(kind, query)):
                    return End.RESET
                continue
            answer = dns_answer(scenario, resolver, query, tcp=True)
            if answer is not None:
                await stream.send(len(answer).to_bytes(2, "big") + answer)

    return serve


def _service(scenario: Scenario, row: TcpPart, address: Address, port: int, now: Now, heard: Heard) -> Peer:
    async def tls(stream: Stream) -> End:
        names = certificate_names(scenario, row, address, port)
        if row.certificate == "ordinary":
            context = server_context(
                row.issuer,
                names,
                expired=row.expired,
                none_in_common=row.ciphers == "none-in-common",
                refuses_name=row.refuses_name,
                leaf_alone=row.leaf_alone,
            )
        else:
            context = _hostile().server_context(row.certificate, row.issuer, names)
        encrypted = TlsStream(stream, context, server_side=True)
        try:
            await encrypted.handshake()
        except (OSError, PeerClosedError, ProbeError):  # the client closed, or does not speak TLS
            return End.CLOSE
        secured = Overheard(encrypted, heard)
        match row.http:
            case "stall":
                return await nothing(secured)
            case "reset" | "close":
                await secured.receive(_RECEIVE_BYTES)
                return End.RESET if row.http == "reset" else End.CLOSE
            case "aws" | "portal" | "redirect" | "fault" | "too-large":
                pass
            case "page-with-request-id":
                return await _answer_all(secured, lambda _: iter((PAGE_WITH_REQUEST_ID,)))
            case kind:
                return await _answer_all(secured, lambda request: _hostile().http(kind, request))

        def server() -> datetime:
            return now() + timedelta(seconds=row.clock_seconds)

        def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
            if row.large == "lost" and len(body) > LARGE_BYTES:
                return None
            if "upgrade" in headers and row.websocket != "answered":
                return None if row.websocket != "page" else (403, {"Content-Type": "text/html"}, b"<h1>Blocked</h1>")
            if row.http == "portal":
                return 200, {"Content-Type": "text/html", "Server": "GuestPortal/7.2"}, b"<h1>Sign in</h1>"
            if row.http == "redirect":
                return 302, {"Location": "http://portal.example.com/login"}, b""
            if row.http == "too-large":
                return 403, {"x-amzn-RequestId": aws.REQUEST_ID}, bytes(2 * MAX_BODY_BYTES)
            return aws.reply(row, scenario.credentials, now(), method, path, headers, body)

        ends = row.websocket == "cut"
        return await _http(secured, answer, server, keep_alive=row.keep_alive, closes_unanswered=ends)

    async def plain(stream: Stream) -> End:
        await stream.receive(_RECEIVE_BYTES)
        await stream.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return End.CLOSE

    async def ssh(stream: Stream) -> End:
        await stream.send(b"SSH-2.0-OpenSSH_9.6\r\n")
        return await nothing(stream)

    async def nothing(stream: Stream) -> End:
        while await stream.receive(_RECEIVE_BYTES):
            pass
        return End.CLOSE

    async def filtered(stream: Stream) -> End:
        """Act as a device on the way that reads the ClientHello, in which names are not encrypted (RFC 6066, section
        3)."""
        asked = await stream.receive(_RECEIVE_BYTES)
        if any(name.encode() in asked for name in row.filtered):
            return await nothing(stream)
        return await tls(_Resumed(asked, stream))

    async def reset(stream: Stream) -> End:
        await stream.receive(_RECEIVE_BYTES)
        return End.RESET

    async def close(stream: Stream) -> End:
        await stream.receive(_RECEIVE_BYTES)
        return End.CLOSE

    async def proxy(stream: Stream) -> End:
        await stream.receive(_RECEIVE_BYTES)
        head = f"HTTP/1.1 {row.connect_status} Simulated\r\nServer: squid\r\nContent-Length: 0\r\n\r\n"
        await stream.send(head.encode() if row.connect_status != 200 else b"HTTP/1.1 200 OK\r\n\r\n")
        return await nothing(stream)

    async def reset_at_once(_stream: Stream) -> End:
        return End.RESET

    async def speech(stream: Stream) -> End:
        if row.speaks == "bare":
            return await _answer_all(stream, lambda request: _hostile().http(row.http, request))
        return await _answer_all(stream, lambda _: _hostile().raw(row.speaks))

    peers: dict[str, Peer] = {
        "aws": tls,
        "filter": filtered,
        "plain": plain,
        "ssh": ssh,
        "nothing": nothing,
        "reset": reset,
        "reset-at-once": reset_at_once,
        "close": close,
        "proxy": proxy,
    }
    return peers.get(row.speaks, speech)


def _metadata(scenario: Scenario, now: Now) -> Peer:
    metadata = scenario.metadata
    match metadata.answer:
        case "metadata" | "silence" | "forbidden" | "garbage":
            pass
        case kind:
            return lambda stream: _answer_all(stream, lambda request: _hostile().metadata(kind, request))
    below = f"network/interfaces/macs/{metadata.mac}"
    values = {
        "placement/region": metadata.region,
        "placement/availability-zone": metadata.availability_zone,
        "placement/availability-zone-id": metadata.availability_zone_id,
        "services/partition": metadata.partition,
        "instance-id": metadata.instance_id,
        "instance-type": metadata.instance_type,
        "ami-id": metadata.image_id,
        "mac": metadata.mac,
        "services/domain": partition_of(metadata.region).dns_suffix,
        f"{below}/owner-id": metadata.account_id,
        f"{below}/vpc-id": metadata.vpc_id,
        f"{below}/subnet-id": metadata.subnet_id,
        f"{below}/subnet-ipv4-cidr-block": str(metadata.subnet_cidr),
        f"{below}/vpc-ipv4-cidr-block": str(metadata.vpc_cidrs[0]),
        f"{below}/vpc-ipv4-cidr-blocks": "\n".join(str(block) for block in metadata.vpc_cidrs if block.version == 4),
        f"{below}/security-group-ids": "\n".join(metadata.security_group_ids),
        f"{below}/interface-id": metadata.interface_id,
    }
    for version, path in ((4, "local-ipv4s"), (6, "ipv6s")):
        if addresses := [str(address) for address in scenario.primary_addresses if address.version == version]:
            values[f"{below}/{path}"] = "\n".join(addresses)
    if metadata.role is not None:
        values["iam/security-credentials/"] = metadata.role
        # The document has no credentials, since no simulated call is signed with those of a role.
        text = f"EC2 cannot assume the role {metadata.role}."
        document = {"Code": metadata.role_code, "Message": text, "LastUpdated": "2026-01-15T03:00:00Z"}
        values[f"iam/security-credentials/{metadata.role}"] = json.dumps(document)
    if blocks := [str(block) for block in metadata.vpc_cidrs if block.version == 6]:
        values[f"{below}/vpc-ipv6-cidr-blocks"] = "\n".join(blocks)
    token = "AQAAAsimulated=="  # noqa: S105 - the token of a service that does not exist

    def answer(method: str, path: str, headers: Mapping[str, str], _body: bytes) -> Reply:
        if metadata.answer == "forbidden":
            return 403, {}, b""
        if metadata.answer == "garbage":
            return 200, {}, b"\x1b[2J<html>" * 20
        if (method, path) == ("PUT", "/latest/api/token"):
            return 200, {}, token.encode()
        if headers.get("x-aws-ec2-metadata-token") != token:
            return 401, {}, b""
        value = values.get(path.removeprefix("/latest/meta-data/"))
        return (404, {}, b"") if value is None else (200, {"Content-Type": "text/plain"}, value.encode())

    def server() -> datetime:
        return now() + timedelta(seconds=metadata.clock_seconds)

    return lambda stream: _http(stream, answer, server)


Answer = Callable[[str, str, Mapping[str, str], bytes], Reply | None]


async def _http(
    stream: Stream, answer: Answer, now: Now, *, keep_alive: bool = True, closes_unanswered: bool = False
) -> End:
    """Serve requests on a connection until the client ends it. If a request has no answer, stay silent or, with
    `closes_unanswered`, close the connection."""
    engine = h11.Connection(h11.SERVER)
    request: h11.Request | None = None
    content = b""
    while True:
        match engine.next_event():
            case h11.NEED_DATA:
                try:
                    engine.receive_data(await stream.receive(_RECEIVE_BYTES))
                except OSError:
                    return End.CLOSE
            case h11.Request() as request:
                content = b""
            case h11.Data() as data:
                content += data.data
            case h11.EndOfMessage() if request is not None:
                given = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
                reply = answer(request.method.decode(), request.target.decode(), given, content)
                if reply is None:
                    while not closes_unanswered and await stream.receive(_RECEIVE_BYTES):
                        pass
                    return End.CLOSE
                status, headers, body = reply
                date = format_datetime(now().astimezone(UTC), usegmt=True)
                lines = [("Date", date), ("Content-Length", str(len(body))), *headers.items()]
                if not keep_alive:
                    lines.append(("Connection", "close"))
                head = engine.send(h11.Response(status_code=status, headers=lines)) or b""
                sent = engine.send(h11.Data(data=body)) or b""
                await stream.send(head + sent + (engine.send(h11.EndOfMessage()) or b""))
                if engine.our_state is not h11.DONE:  # one side ends the connection
                    return End.CLOSE
                engine.start_next_cycle()
            case _:
                return End.CLOSE
