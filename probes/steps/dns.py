"""Resolve names in two ways: as programs on this host do, and by asking one resolver."""

import asyncio
import contextlib
import copy
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import dns.entropy
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probes.facts import DnsFacts, LookupFacts, TcpFacts
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import Net, Stream

DNS_PORT: Final = 53
UDP_PAYLOAD_BYTES: Final = 1232
"""The EDNS buffer size for which no path needs fragments (DNS Flag Day 2020)."""
MAX_RECORDS: Final = 64
"""Maximum number of records in an answer. 65 kB can contain thousands of records, for which dnspython would need
seconds. No answer about a host has that many."""
MAX_ADDRESSES: Final = 24
"""Maximum number of addresses that are kept for one host, since every address is measured. An endpoint has one address
for each zone and IP version, and a public name has about ten."""

_RCODE_KINDS: Final = {
    dns.rcode.NXDOMAIN: FailureKind.NXDOMAIN,
    dns.rcode.SERVFAIL: FailureKind.SERVFAIL,
    dns.rcode.REFUSED: FailureKind.DNS_REFUSED,
    dns.rcode.NOTIMP: FailureKind.DNS_REFUSED,
}


async def lookup(net: Net, host: str, draft: Draft[LookupFacts]) -> tuple[Address, ...]:
    """Resolve `host` by getaddrinfo. Raises socket.gaierror, and ProbeError: kind `nodata` for an empty answer,
    `too-large` for more than MAX_ADDRESSES addresses."""
    addresses = await net.getaddrinfo(host)
    if len(addresses) > MAX_ADDRESSES:
        raise ProbeError(FailureKind.TOO_LARGE, f"getaddrinfo gave over {MAX_ADDRESSES} addresses")
    draft.facts = LookupFacts(addresses=addresses)
    if not addresses:
        raise ProbeError(FailureKind.NODATA, "getaddrinfo gave no address")
    return addresses


async def ask(
    net: Net,
    resolver: Address,
    host: str,
    record: str,
    draft: Draft[DnsFacts],
    *,
    retry_after: float,
    bounded: bool = True,
    by_tcp: bool = False,
) -> tuple[Address, ...]:
    """Ask `resolver` for the `record` (`A` or `AAAA`) of `host`, by UDP and, if the answer is truncated, by TCP. With
    `by_tcp` ask by TCP at once; a query by UDP in parallel shows whether there is a server at all.

    Returns the addresses; empty if the name exists without such a record, which is not a failure. If not `bounded`, an
    answer may have any number of addresses, as in the C library. Raises OSError, and ProbeError for a negative rcode,
    for an unreadable answer, and of kind `malformed` for a name that DNS cannot carry.
    """
    try:
        query, wire = _query(host, record)
    except (dns.exception.DNSException, ValueError) as error:
        raise ProbeError(FailureKind.MALFORMED, f"DNS cannot carry this name: {type(error).__name__}") from error
    if by_tcp:
        packet, queries, transport = await _ask_by_tcp(net, resolver, wire, draft, retry_after), 1, "tcp"
    else:
        packet, queries = await _exchange(net, resolver, wire, retry_after)
        transport = "udp"
    if transport == "udp" and _is_cut(packet):  # its rest need not make sense (RFC 2181, section 9)
        transport = "tcp"
        draft.facts = _cut(packet, queries)  # these facts remain if the connection by TCP fails
        stream = await net.connect(resolver, DNS_PORT, Draft[TcpFacts]())
        draft.facts = None
        packet = await _told(stream, wire)
    if packet[:2] == wire[:2] and len(packet) <= UDP_PAYLOAD_BYTES:
        facts, rcode = _seen_before(packet[2:], host, record, transport, queries, bounded)
    else:
        facts, rcode = _read(packet, query, transport, queries, bounded)
    draft.facts = facts
    if rcode != dns.rcode.NOERROR:
        kind = _RCODE_KINDS.get(rcode, FailureKind.DNS_MALFORMED)
        raise ProbeError(kind, f"the resolver answered {facts.rcode}", code=facts.rcode)
    return facts.addresses


async def _exchange(net: Net, resolver: Address, wire: bytes, retry_after: float) -> tuple[bytes, int]:
    return await net.exchange(
        resolver, DNS_PORT, wire, accept=lambda data: data[:2] == wire[:2], retry_after=retry_after
    )


async def _told(stream: Stream, wire: bytes) -> bytes:
    """Return the answer to a query on a connection. The connection is closed afterwards."""
    try:
        await stream.send(len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(await _exactly(stream, 2), "big")
        packet = await _exactly(stream, size)
    finally:
        stream.close()
    if _is_cut(packet):
        raise ProbeError(FailureKind.DNS_MALFORMED, "the answer by TCP is cut as well")
    return packet


async def _ask_by_tcp(net: Net, resolver: Address, wire: bytes, draft: Draft[DnsFacts], retry_after: float) -> bytes:
    """Return the answer by TCP. If the connection fails and there was an answer by UDP, the draft gets the facts in the
    header of this answer."""

    async def hear() -> None:
        with contextlib.suppress(OSError):  # if UDP fails too, only the failure of TCP is reported
            draft.facts = _cut(*await _exchange(net, resolver, wire, retry_after))

    heard = asyncio.create_task(hear())
    try:
        stream = await net.connect(resolver, DNS_PORT, Draft[TcpFacts]())
    except OSError:
        await asyncio.wait((heard,), timeout=retry_after)
        raise
    finally:
        heard.cancel()
    draft.facts = None
    return await _told(stream, wire)


def _query(host: str, record: str) -> tuple[dns.message.Message, bytes]:
    """Return a question and its wire form, with an id that cannot be guessed (RFC 5452, section 4.3)."""
    question, wire = _question(host, record)
    query = copy.copy(question)
    query.id = dns.entropy.random_16()
    return query, query.id.to_bytes(2, "big") + wire[2:]


@lru_cache(maxsize=64)
def _question(host: str, record: str) -> tuple[dns.message.Message, bytes]:
    """Return a question. It is built only once, since it is the same for every resolver and in every cycle of a
    watch."""
    question = dns.message.make_query(host, record, use_edns=0, payload=UDP_PAYLOAD_BYTES)
    return question, question.to_wire()


def _read(
    packet: bytes, query: dns.message.Message, transport: str, queries: int, bounded: bool
) -> tuple[DnsFacts, dns.rcode.Rcode]:
    """Return the facts in an answer, and its rcode. Raises like `read_answer` and `facts_of`."""
    answer = read_answer(packet, query, bounded=bounded)
    return facts_of(answer, query, transport=transport, queries=queries, bounded=bounded), answer.rcode()


@lru_cache(maxsize=512)
def _seen_before(
    after_id: bytes, host: str, record: str, transport: str, queries: int, bounded: bool
) -> tuple[DnsFacts, dns.rcode.Rcode]:
    """Read an answer as `_read` does, but keep the results in a cache. `after_id` is the answer without its id. Name
    servers often send the same bytes again with another id, and decoding takes most of the time for an answer."""
    question = copy.copy(_question(host, record)[0])
    question.id = 0
    return _read(b"\0\0" + after_id, question, transport, queries, bounded)


def read_answer(packet: bytes, query: dns.message.Message, *, bounded: bool = True) -> dns.message.Message:
    """Decode the answer to `query` (RFC 1035, section 4.1). Raises only ProbeError of kind `dns-malformed`, whatever
    the bytes are."""
    if len(packet) < 12:
        raise ProbeError(FailureKind.DNS_MALFORMED, f"an answer of {len(packet)} bytes is shorter than a DNS header")
    questions, *records = (int.from_bytes(packet[place : place + 2], "big") for place in range(4, 12, 2))
    if questions > 1 or (bounded and sum(records) > MAX_RECORDS):
        raise ProbeError(FailureKind.DNS_MALFORMED, f"an answer with {questions} questions and {sum(records)} records")
    try:
        answer = dns.message.from_wire(packet, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError) as error:
        raise ProbeError(FailureKind.DNS_MALFORMED, f"the answer cannot be read: {type(error).__name__}") from error
    if not query.is_response(answer):
        raise ProbeError(FailureKind.DNS_MALFORMED, "the answer belongs to another question")
    if not answer.question:  # a server that refuses may leave the question out
        answer.question = query.question
    return answer


def facts_of(
    answer: dns.message.Message, query: dns.message.Message, *, transport: str, queries: int, bounded: bool = True
) -> DnsFacts:
    """Return the facts in an answer about the requested name. Raises ProbeError of kind `dns-malformed` for a circle of
    CNAMEs and, if `bounded`, for more than MAX_ADDRESSES."""
    question = query.question[0]
    try:
        chain = answer.resolve_chaining() if isinstance(answer, dns.message.QueryMessage) else None
    except dns.message.NotQueryResponse as error:
        raise ProbeError(FailureKind.DNS_MALFORMED, "the answer does not answer the query") from error
    except (dns.message.ChainTooLong, dns.message.AnswerForNXDOMAIN) as error:
        raise ProbeError(
            FailureKind.DNS_MALFORMED, f"the CNAME records make no chain: {type(error).__name__}"
        ) from error
    if chain is None:
        raise ProbeError(FailureKind.DNS_MALFORMED, "the answer does not answer the query")
    rows: dns.rrset.RRset | tuple[()] = chain.answer if chain.answer is not None else ()
    addresses = tuple(ip_address(row.to_text()) for row in rows)
    if bounded and len(addresses) > MAX_ADDRESSES:
        raise ProbeError(FailureKind.DNS_MALFORMED, f"an answer of over {MAX_ADDRESSES} addresses")
    canonical = chain.canonical_name
    zones = (row.name for row in answer.authority if row.rdtype == dns.rdatatype.SOA)
    zone = next(zones, None)
    return DnsFacts(
        rcode=dns.rcode.to_text(answer.rcode()),
        addresses=addresses,
        canonical_name=None if canonical == question.name else readable(canonical),
        authority=None if zone is None else readable(zone),
        ttl=chain.minimum_ttl if addresses else None,
        transport=transport,
        queries=queries,
    )


def readable(name: dns.name.Name) -> str:
    """Return a name in lower case without the final dot, with escapes for unusual bytes (RFC 1035, section 5.1)."""
    return name.to_text(omit_final_dot=True).lower()


def _cut(packet: bytes, queries: int) -> DnsFacts:
    """Return the facts in the header of a truncated answer."""
    return DnsFacts(
        rcode=dns.rcode.to_text(dns.rcode.Rcode(packet[3] & 0xF)),
        addresses=(),
        canonical_name=None,
        authority=None,
        ttl=None,
        transport="tcp",
        queries=queries,
    )


def _is_cut(packet: bytes) -> bool:
    return bool(int.from_bytes(packet[2:4], "big") & dns.flags.TC)


async def _exactly(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await stream.receive(size - len(data))
        if not piece:
            raise ProbeError(
                FailureKind.CLOSED, f"the resolver closed the TCP connection after {len(data)} of {size} bytes"
            )
        data += piece
    return data
