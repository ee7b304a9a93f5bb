"""Hostile peers, as bytes: what they send over a stream, as a name server, and in a certificate.

Each of them breaks its protocol at some point. A speech is what a peer sends, piece by piece, once it has received
something. Some speeches never end. Scenarios name these peers by their kinds, which all begin with `hostile-`. Once
`register_hostile` has added them to `agent.simulated.peers`, they work like every other peer, in memory and behind real
sockets. `tests.hostile.cases` calls that function.
"""

import hashlib
import json
import re
import ssl
import struct
import warnings
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from itertools import count, repeat
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rrset
from cryptography import x509
from cryptography.x509.oid import NameOID

from agent.simulated.certificates import authority, key, loaded, sign, subject
from agent.simulated.peers import Speech

DRIP_SECONDS: Final = 1.0
RECORD_BYTES: Final = 16_384
"""The maximum size of one TLS record (RFC 8446, section 5.1)."""
REQUEST_ID: Final = "20317174-17ec-464f-8ae7-f40a19aafb78"
ESCAPES: Final = (
    "\x1b[2J\x1b]0;owned\x07\x1b[31m\r\nVERDICT OK\r\n\x00\x7f\x9b2J\u202egnp.exe\u2066\u200b"
    "<script>alert(1)</script>$(reboot)`reboot`'\";|\u5b8c\u5168\u0301\ud7ff\U0001f600"
)
"""A text that clears a terminal, sets the title of its window, begins new lines, reverses text, and has characters of
double width.
"""
_DNS_TTL: Final = 60
_FLOOD: Final = 2_000


# --- HTTP ------------------------------------------------------------------------------------------------------------

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_ID: Final = f"x-amzn-RequestId: {REQUEST_ID}\r\n".encode()


def _answer(status: int, body: bytes, *lines: bytes) -> bytes:
    """A complete answer; `lines` are headers in the form in which they are sent, even invalid ones."""
    first = f"HTTP/1.1 {status} Hostile\r\nContent-Length: {len(body)}\r\n".encode()
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def _dripped(data: bytes) -> Speech:
    for byte in data:
        yield bytes([byte])
        yield DRIP_SECONDS


def _endless_headers() -> Speech:
    yield _OK
    for number in count():
        yield f"X-{number}: {'a' * 1000}\r\n".encode()


def _endless_line() -> Speech:
    yield b"HTTP/1.1 200 "
    yield from repeat(b"a" * RECORD_BYTES)


def _endless_informational() -> Speech:
    yield from repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </>; rel=preload\r\n\r\n" * 64)


def _endless_extension() -> Speech:
    yield _OK + _ID + b"Transfer-Encoding: chunked\r\n\r\n1;"
    yield from repeat(b"a" * RECORD_BYTES)


def _tiny_chunks() -> Speech:
    yield _OK + _ID + b"Transfer-Encoding: chunked\r\n\r\n"
    yield from repeat(b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n" * 256)


def _endless_trailers() -> Speech:
    yield _OK + _ID + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    yield from repeat(b"X-Trailer: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 256)


def _endless_body() -> Speech:
    yield _OK + _ID + b"\r\n"
    yield from repeat(b"a" * RECORD_BYTES)


def _huge_length() -> Speech:
    yield _OK + _ID + b"Content-Length: 999999999999999999\r\n\r\n"
    yield from repeat(b"a" * RECORD_BYTES)


def _dripped_head() -> Speech:
    yield from _dripped(_OK + _ID + b"X: " + b"a" * 1000)


def _dripped_body() -> Speech:
    yield _OK + _ID + b"Content-Length: 1000\r\n\r\n"
    yield from _dripped(b"a" * 1000)


@cache
def _bomb() -> bytes:
    """A compressed body of 16 MB of zeros. The zeros are never in memory all at once."""
    packer = zlib.compressobj(wbits=31)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(16)), packer.flush()])


def _gzip_bomb() -> Speech:
    yield _answer(200, _bomb(), _ID.rstrip(), b"Content-Type: application/json", b"Content-Encoding: gzip")


def _error() -> Speech:
    # A header can contain these characters.
    text = ESCAPES.encode("latin-1", "replace").translate(None, bytes(range(32)) + b"\x7f")
    body = json.dumps({"__type": ESCAPES * 100, "message": ESCAPES * 100}).encode()
    lines = (
        b"x-amzn-RequestId: " + text * 50,
        b"Server: " + text * 50,
        b"Content-Type: " + text * 50,
        b"Date: " + b"(" * 4000,
    )
    yield _answer(403, body, *lines)


def _xml_error() -> Speech:
    harmless = "".join(char for char in ESCAPES if char.isprintable() and char not in "<&")
    text = f"{harmless}&#x9b;2J&#x7f;&#13;&#x202e;" * 200
    xml = f"<Error><Code>AccessDenied{text}</Code><Message>{text}</Message></Error>"
    yield _answer(403, xml.encode(), _ID.rstrip(), b"x-amzn-ErrorType: \x9b31m")


def _megabyte_error() -> Speech:
    body = json.dumps({"__type": "AccessDeniedException", "message": "a" * (1 << 20)}).encode()
    yield _answer(403, body, _ID.rstrip())


def _redirect() -> Speech:
    yield _answer(302, b"", b"Location: http://portal.example.com/\x9b2J" + b"a" * 20_000)


def _portal() -> Speech:
    page = b"<!doctype html><title>Sign in</title><p>BackupVaultList"
    yield _answer(200, page, _ID.rstrip(), b"Content-Type: text/html")


def _deep_json() -> Speech:
    yield _answer(403, b"[" * 60_000, _ID.rstrip())


def _deep_xml() -> Speech:
    yield _answer(403, b"<a>" * 20_000, _ID.rstrip())


def _entities() -> Speech:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    xml = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{levels}]><Error><Code>&e9;</Code></Error>'
    yield _answer(403, xml.encode(), _ID.rstrip())


def _big_numbers() -> Speech:
    yield _answer(200, b'{"BackupVaultList": ' + b"9" * 60_000 + b"}", _ID.rstrip())


def _line(data: bytes) -> Callable[[], Speech]:
    return lambda: iter((data,))


_HTTP2_SETTINGS: Final = bytes.fromhex("000000040000000000")
_HTTP: Final[dict[str, Callable[[], Speech]]] = {
    "hostile-endless-headers": _endless_headers,
    "hostile-endless-line": _endless_line,
    "hostile-endless-informational": _endless_informational,
    "hostile-endless-extension": _endless_extension,
    "hostile-tiny-chunks": _tiny_chunks,
    "hostile-endless-trailers": _endless_trailers,
    "hostile-endless-body": _endless_body,
    "hostile-huge-length": _huge_length,
    "hostile-dripped-head": _dripped_head,
    "hostile-dripped-body": _dripped_body,
    "hostile-gzip-bomb": _gzip_bomb,
    "hostile-error": _error,
    "hostile-xml-error": _xml_error,
    "hostile-megabyte-error": _megabyte_error,
    "hostile-redirect": _redirect,
    "hostile-portal": _portal,
    "hostile-deep-json": _deep_json,
    "hostile-deep-xml": _deep_xml,
    "hostile-entities": _entities,
    "hostile-big-numbers": _big_numbers,
    "hostile-noise": lambda: _noise(),
    "hostile-http2": _line(_HTTP2_SETTINGS * 100),
    "hostile-http-0.9": _line(b"<html>\x1b[2J</html>"),
    "hostile-bad-status": _line(b"HTTP/1.1 99999999 \x1b[2J\r\n\r\n"),
    "hostile-two-lengths": _line(_OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"),
    "hostile-bad-chunk": _line(_OK + _ID + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
    "hostile-split-header": _line(_OK + b"X: a\rX-Injected: b\x00\r\n\r\n"),
}


def _list_of_gateways(request: bytes) -> Speech:
    """A page of a list of gateways that never ends. It has a token for another page, and its gateways were last seen in
    2025; one of them is on each page. The time of the answer is that of the request.
    """
    [stamp] = re.findall(rb"(?i)x-amz-date: *([0-9]{8}T[0-9]{6}Z)", request)
    date = format_datetime(datetime.strptime(stamp.decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), usegmt=True)
    token = hashlib.sha256(request).hexdigest()
    gateways = [
        {
            "GatewayArn": f"arn:aws:backup-gateway:eu-west-1:111122223333:gateway/bgw-{name}",
            "LastSeenTime": 1_735_689_600,
        }
        for name in ("12A3456B", *(f"{token[:6].upper()}{number:02}" for number in range(40)))
    ]
    body = json.dumps({"Gateways": gateways, "NextToken": token}).encode()
    yield _answer(200, body, _ID.rstrip(), f"Date: {date}".encode())


def _list_of_vaults(_: bytes) -> Speech:
    yield _answer(200, b'{"BackupVaultList": []}', _ID.rstrip())


def _list_of_jobs(request: bytes) -> Speech:
    """A page of a list of jobs that never ends: it has more jobs than requested, each with a long reason for its
    failure, and a token for another page.
    """
    token = hashlib.sha256(request).hexdigest()
    jobs = [
        {
            "BackupJobId": f"{token[:8]}-{number}",
            "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890",
            "ResourceType": "EC2" if number else {"\x1b[2J": 1e308},
            "State": "FAILED",
            "StatusMessage": f"{number}: " + "\x1b[2J" * 400,
        }
        for number in range(24)
    ]
    yield _answer(200, json.dumps({"BackupJobs": jobs, "NextToken": token}).encode(), _ID.rstrip())


_CALLS: Final[dict[str, Callable[[], Speech]]] = {
    "hostile-call-silent": lambda: iter(()),
    "hostile-call-reset": lambda: iter((None,)),
    "hostile-call-drip": _dripped_body,
    "hostile-call-endless": _endless_body,
    "hostile-call-noise": lambda: _noise(),
}
"""For each kind of peer, the answer to a signed call. An unsigned request gets AWS's usual answer."""


def http(kind: str, request: bytes) -> Speech:
    """The answer to each piece of a request."""
    if kind not in (*_CALLS, "hostile-list-endless"):
        return _HTTP[kind]()
    signed = b"authorization:" in request.lower()
    if signed and kind == "hostile-list-endless":
        lists = {b"GET /backup-jobs/": _list_of_jobs, b"GET /backup-vaults/": _list_of_vaults}
        return next((speak for start, speak in lists.items() if request.startswith(start)), _list_of_gateways)(request)
    return _CALLS[kind]() if signed else iter((_answer(403, b"", _ID.rstrip()),))


# --- In place of TLS -------------------------------------------------------------------------------------------------

_HANDSHAKE: Final = b"\x16\x03\x03"


def _noise() -> Speech:
    for number in count():
        yield hashlib.sha512(str(number).encode()).digest() * 64


def _hello_requests() -> Speech:
    """Yield HelloRequest messages without end. A client skips each of them while it waits for a ServerHello (RFC 5246,
    section 7.4.1.1).
    """
    yield from repeat(_HANDSHAKE + RECORD_BYTES.to_bytes(2, "big") + bytes(RECORD_BYTES))


def _large_records() -> Speech:
    """One handshake message of 16 MB, in records of the maximum size."""
    head = b"\x0b\xff\xff\xff"
    yield _HANDSHAKE + RECORD_BYTES.to_bytes(2, "big") + head + bytes(RECORD_BYTES - len(head))
    yield from _hello_requests()


_RAW: Final[dict[str, Callable[[], Speech]]] = {
    "hostile-noise": _noise,
    "hostile-zeros": lambda: repeat(bytes(RECORD_BYTES)),
    "hostile-tls-drip": lambda: _dripped(_HANDSHAKE + b"\x40\x00\x02\x00\x3f\xfc" + bytes(1000)),
    "hostile-tls-endless": _hello_requests,
    "hostile-tls-large": _large_records,
    "hostile-tls-half-record": _line(_HANDSHAKE + b"\x40\x00" + b"\x02"),
    "hostile-tls-oversized": _line(_HANDSHAKE + b"\xff\xff" + bytes(70_000)),
    "hostile-tls-empty-records": lambda: repeat((_HANDSHAKE + b"\0\0") * 1000),
    "hostile-tls-warnings": lambda: repeat(b"\x15\x03\x03\x00\x02\x01\x5a" * 1000),
    "hostile-tls-noise": _line(_HANDSHAKE + b"\x10\x00" + bytes(range(256)) * 16),
}


def raw(kind: str) -> Speech:
    """What a peer of this kind sends instead of TLS."""
    return _RAW[kind]()


# --- Certificates ----------------------------------------------------------------------------------------------------

TICKETS: Final = 4_000


@cache
def server_context(kind: str, issuer: str, names: tuple[str, ...]) -> ssl.SSLContext:
    """The context of a TLS server that shows a certificate for `names`, with the properties of its kind."""
    signer = authority(issuer)
    own = key(f"hostile {kind} {names[0]}")
    chain = [signer.intermediate]
    match kind:
        case "hostile-chain":
            chain *= 100  # OpenSSL accepts up to 100 kB
        case "hostile-long-chain":
            chain *= 400
        case "hostile-names":
            names += tuple(f"name-{number}.{'a' * 60}.example.com" for number in range(800))
        case "hostile-many-names":
            names += tuple(f"name-{number}.example.com" for number in range(10_000))
    if kind == "hostile-texts":
        with warnings.catch_warnings():  # about the length of the certificate, which is intended
            warnings.simplefilter("ignore")
            text = x509.Name(
                [
                    x509.NameAttribute(oid, ESCAPES * 100, _validate=False)
                    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
                ]
            )
        names += ("\x1b[2J\x7f\r\nVERDICT OK", "a" * 5_000)
        chain = [sign(text, own, text, own, names=names)]
    else:
        chain.insert(0, sign(subject(names[0]), own, signer.intermediate.subject, signer.key, names=names))
    context = loaded(own, chain)
    if kind == "hostile-tickets":
        context.num_tickets = TICKETS  # a client has to read each ticket before it can read an answer
    return context


# --- DNS -------------------------------------------------------------------------------------------------------------

_Message = dns.message.QueryMessage


def datagrams(kind: str, packet: bytes) -> tuple[bytes, ...]:
    """A name server's answer to a query by UDP."""
    number, question = packet[:2], _question(packet)
    if question is None:
        return ()
    match kind:
        case "hostile-spoofed":
            return (_renumbered(_good(question)),)
        case "hostile-spoofed-first":
            return (_renumbered(_good(question)), _good(question))
        case "hostile-flood":
            return (_renumbered(_good(question)),) * _FLOOD
        case "hostile-empty":
            return (b"", number, number + bytes(3))
        case "hostile-garbage":
            return (number + hashlib.sha512(packet[2:]).digest(),)
        case "hostile-other-question":
            return (_good(dns.message.make_query("other.example.com", "A", id=question.id)),)
        case "hostile-query":
            return (packet,)
        case "hostile-pointer-loop":
            return (
                _head(number, answers=1) + _asked(packet) + b"\xc0" + bytes([12 + len(_asked(packet))]) + bytes(10),
            )
        case "hostile-counts":
            return (_head(number, answers=0xFFFF) + _asked(packet),)
        case "hostile-cname-circle":
            return (_chain(question, ["a.example.com", "b.example.com", "a.example.com"], address=False),)
        case "hostile-cname-chain":
            return (_chain(question, [f"{place}.example.com" for place in range(60)], address=True),)
        case "hostile-control-names":
            return (_control_names(question),)
        case "hostile-edns":
            good = _good(question)
            rubbish = b"\0\0\x29\xff\xff\xff\xff\xff\xff\0\x06\xff\xff\xff\xff\xff\xff"
            return (good[:10] + b"\0\2" + good[12:] + rubbish * 2,)
        case "hostile-addresses":
            return (_addresses(question, 60),)
    return (_cut(question),)


def segments(kind: str, packet: bytes) -> Speech:
    """A name server's answer to a query by TCP."""
    question = _question(packet)
    if question is None:
        return
    match kind:
        case "hostile-thousands":
            yield _framed(_thousands(question))
        case "hostile-cut-twice":
            yield _framed(_cut(question))
        case "hostile-tcp-silent":
            return
        case "hostile-tcp-reset":
            yield None
        case "hostile-tcp-drip":
            yield from _dripped(_framed(_good(question)))
        case "hostile-tcp-short":
            yield b"\xff\xff" + _good(question)
        case "hostile-tcp-garbage":
            yield _framed(packet[:2] + hashlib.sha512(packet[2:]).digest() * 1000)
        case _:
            for datagram in datagrams(kind, packet):
                yield _framed(datagram)


def _question(packet: bytes) -> _Message | None:
    try:
        message = dns.message.from_wire(packet)
    except dns.exception.DNSException:
        return None
    return message if isinstance(message, _Message) else None


def _asked(packet: bytes) -> bytes:
    """The question section of a query, without the OPT record that follows it."""
    end = packet.index(b"\0", 12) + 5
    return packet[12:end]


def _head(number: bytes, *, answers: int) -> bytes:
    return number + struct.pack(">5H", 0x8180, 1, answers, 0, 0)


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def _renumbered(message: bytes) -> bytes:
    return bytes([message[0] ^ 0xFF, message[1]]) + message[2:]


def _reply(query: dns.message.Message) -> dns.message.Message:
    return dns.message.make_response(query, recursion_available=True)


def _wire(message: dns.message.Message) -> bytes:
    return message.to_wire(max_size=65_535, want_shuffle=False)


def _good(query: dns.message.Message) -> bytes:
    """An answer with one address to a query for A records, and without addresses to any other query."""
    reply = _reply(query)
    if dns.rdatatype.to_text(query.question[0].rdtype) == "A":
        reply.answer.append(dns.rrset.from_text(query.question[0].name, _DNS_TTL, "IN", "A", "10.0.1.17"))
    return _wire(reply)


def _cut(query: dns.message.Message) -> bytes:
    reply = _reply(query)
    reply.flags |= dns.flags.TC
    return _wire(reply)


def _chain(query: dns.message.Message, names: list[str], *, address: bool) -> bytes:
    reply = _reply(query)
    owner = query.question[0].name
    for name in names:
        reply.answer.append(dns.rrset.from_text(owner, _DNS_TTL, "IN", "CNAME", f"{name}."))
        owner = dns.name.from_text(name)
    if address:
        reply.answer.append(dns.rrset.from_text(owner, _DNS_TTL, "IN", "A", "10.0.1.17"))
    return _wire(reply)


def _control_names(query: dns.message.Message) -> bytes:
    """An alias, or a zone, whose labels contain every kind of control character."""
    reply = _reply(query)
    odd = dns.name.Name((b"\x1b[2J\x9b31m\r\n", b"\x00\x7f\xff.$(reboot)", b"A" * 63, b"\xe2\x80\xae", b""))
    if dns.rdatatype.to_text(query.question[0].rdtype) == "A":
        alias = dns.rrset.from_text(query.question[0].name, _DNS_TTL, "IN", "CNAME", odd.to_text())
        reply.answer += [alias, dns.rrset.from_text(odd, _DNS_TTL, "IN", "A", "10.0.1.17")]
    else:
        reply.authority.append(
            dns.rrset.from_text(odd, _DNS_TTL, "IN", "SOA", f"{odd.to_text()} {odd.to_text()} 1 2 3 4 5")
        )
    return _wire(reply)


def _addresses(query: dns.message.Message, how_many: int) -> bytes:
    reply = _reply(query)
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    prefix = {"A": "10.0.7.", "AAAA": "fd00::"}[kind]
    texts = [f"{prefix}{number}" for number in range(1, how_many + 1)]
    reply.answer.append(dns.rrset.from_text(query.question[0].name, _DNS_TTL, "IN", kind, *texts))
    return _wire(reply)


def _thousands(query: dns.message.Message) -> bytes:
    """Return an answer with as many A records as fit in 65 kB. The bytes are written here, since the library would need
    seconds to build them.
    """
    wire = query.to_wire()
    head = _asked(wire)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4"
    rows = [record + (0x0A000000 + number).to_bytes(4, "big") for number in range((65_000 - len(head)) // 16)]
    return _head(wire[:2], answers=len(rows)) + head + b"".join(rows)


# --- Metadata --------------------------------------------------------------------------------------------------------


_LATER: Final = "hostile-after-token-"
_TOKEN: Final = b"AQAAAhostile=="


def metadata(kind: str, request: bytes) -> Speech:
    """The answer to each piece of a request for metadata. Some peers behave well until the client has used
    their token.
    """
    if kind.startswith(_LATER):
        if request.startswith(b"PUT /latest/api/token "):
            yield _answer(200, _TOKEN)
            return
        kind = kind.replace(_LATER, "hostile-", 1)
    match kind:
        case "hostile-endless":
            yield _OK + b"\r\n"
            yield from repeat(b"a" * RECORD_BYTES)
        case "hostile-drip":
            yield from _dripped_body()
        case "hostile-megabytes":
            yield _answer(200, b"a" * (4 << 20))
        case "hostile-controls":
            yield _answer(200, ESCAPES.encode())  # short enough to be read
        case "hostile-long":
            yield _answer(200, b"a" * 60_000)
        case "hostile-reset":
            yield None
        case "hostile-nothing":
            return
