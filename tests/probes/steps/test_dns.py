"""The lookup of a name by one resolver, whatever its answer is."""

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.facts import DnsFacts, LookupFacts
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.steps.dns import MAX_RECORDS, _seen_before, ask, facts_of, lookup, read_answer, readable
from tests.support.fakes import HOST, FakeNet, ScriptedStream, in_bytes, os_error, raised_by, value_or

pytestmark = pytest.mark.virtual_clock

RESOLVER = ip_address("10.0.0.2")
NAME = f"{HOST}."
QUERY = dns.message.make_query(HOST, "A", use_edns=0, payload=1232, id=0x1234)
QUERY_AAAA = dns.message.make_query(HOST, "AAAA", use_edns=0, payload=1232, id=0x1234)
SOA = ("amazonaws.com.", 900, "IN", "SOA", "ns.amazonaws.com. root.amazonaws.com. 1 7200 900 1209600 86400")

Row = tuple[str, int, str, str, str]
A_ROW: Row = (NAME, 60, "IN", "A", "10.0.1.17")


def answer(
    *answers: Row,
    authority: tuple[Row, ...] = (),
    rcode: str = "NOERROR",
    truncated: bool = False,
    question: bool = True,
    query: dns.message.QueryMessage = QUERY,
) -> bytes:
    """The bytes of an answer to the query."""
    message = dns.message.make_response(query, recursion_available=True)
    message.set_rcode(dns.rcode.from_text(rcode))
    if truncated:
        message.flags |= dns.flags.TC
    if not question:
        message.question = []
    for section, rows in ((message.answer, answers), (message.authority, authority)):
        for name, ttl, of, kind, *values in rows:
            section.append(dns.rrset.from_text(name, ttl, of, kind, *values))
    return message.to_wire(want_shuffle=False)


def packet(
    *records: tuple[int, bytes],
    flags: int = 0x8180,
    questions: int = 1,
    counts: tuple[int, int, int] | None = None,
    tail: bytes = b"",
    of: int = 1,
) -> bytes:
    """The bytes of an answer that is built here from the type and the data of each record. All records are for the
    queried name.
    """
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, of, 60, len(data)) + data for kind, data in records)
    asked = QUERY.question[0].name.to_wire() or b""
    question = (asked + struct.pack("!HH", 1, 1)) * questions
    return (
        struct.pack("!HHHHHH", QUERY.id, flags, questions, *(counts or (len(records), 0, 0))) + question + body + tail
    )


def facts(of: bytes, query: dns.message.QueryMessage = QUERY) -> DnsFacts:
    return facts_of(read_answer(of, query), query, transport="udp", queries=1)


async def asked(
    net: FakeNet, record: str = "A", *, by_tcp: bool = False
) -> tuple[Draft[DnsFacts], tuple[Address, ...] | Exception]:
    """The draft of the facts, and the result of a query over `net`."""
    draft: Draft[DnsFacts] = Draft()

    try:
        return draft, await ask(net, RESOLVER, HOST, record, draft, retry_after=1.0, by_tcp=by_tcp)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return draft, error


# --- As programs look a name up --------------------------------------------------------------------------------------


async def test_lookup() -> None:
    addresses = (ip_address("10.0.1.17"), ip_address("fd00::17"))
    draft: Draft[LookupFacts] = Draft()
    assert await lookup(FakeNet(lookup=addresses), HOST, draft) == addresses
    assert draft.facts == LookupFacts(addresses=addresses)


async def test_lookup_without_an_address() -> None:
    draft: Draft[LookupFacts] = Draft()
    with pytest.raises(ProbeError) as caught:
        await lookup(FakeNet(), HOST, draft)
    assert caught.value.kind is FailureKind.NODATA
    assert draft.facts == LookupFacts(addresses=())


async def test_lookup_passes_the_error_of_the_c_library_on() -> None:
    net = FakeNet(lookup=socket.gaierror(socket.EAI_AGAIN, "again"))
    with pytest.raises(socket.gaierror):
        await lookup(net, HOST, Draft())


# --- One question ----------------------------------------------------------------------------------------------------


async def test_query_on_the_wire() -> None:
    net = FakeNet(datagrams=[answer(A_ROW)])
    await asked(net, "AAAA")
    (query,) = map(dns.message.from_wire, net.asked)
    assert query.question[0].name.to_text() == NAME
    assert query.question[0].rdtype == dns.rdatatype.AAAA
    assert query.flags & dns.flags.RD
    assert (query.edns, query.payload) == (0, 1232)


async def test_address_with_its_chain() -> None:
    rows: tuple[Row, ...] = (
        (NAME, 300, "IN", "CNAME", "VPCE-1.Example."),
        ("vpce-1.example.", 60, "IN", "CNAME", "b.example."),
        ("b.example.", 120, "IN", "A", "10.0.1.17"),
        ("b.example.", 120, "IN", "A", "10.0.2.17"),
    )
    addresses = (ip_address("10.0.1.17"), ip_address("10.0.2.17"))
    draft, given_back = await asked(FakeNet(datagrams=[answer(*rows)]))
    assert given_back == addresses
    assert draft.facts == DnsFacts(
        rcode="NOERROR",
        addresses=addresses,
        canonical_name="b.example",
        authority=None,
        ttl=60,
        transport="udp",
        queries=1,
    )


async def test_another_case_of_the_name_asked_for_is_no_alias() -> None:
    draft, _ = await asked(FakeNet(datagrams=[answer((NAME.upper(), 60, "IN", "A", "10.0.1.17"))]))
    assert draft.facts is not None
    assert draft.facts.canonical_name is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param("fd00::17", 6, id="unique local"),
        pytest.param("::ffff:10.0.1.17", 6, id="IPv4 inside IPv6"),
        pytest.param("::10.0.1.17", 6, id="IPv4 at the end"),
        pytest.param("::", 6, id="unspecified"),
        pytest.param("fe80::1", 6, id="link-local, and no scope"),
    ],
)
async def test_ipv6_address_stays_what_it_is(text: str, version: int) -> None:
    wire = answer((NAME, 60, "IN", "AAAA", text), query=QUERY_AAAA)
    _, given_back = await asked(FakeNet(datagrams=[wire]), "AAAA")
    assert given_back == (ip_address(text),)
    assert facts(wire, QUERY_AAAA).addresses[0].version == version


async def test_name_without_the_record_is_no_failure() -> None:
    draft, given_back = await asked(FakeNet(datagrams=[answer(authority=(SOA,))]))
    assert given_back == ()
    assert draft.facts == DnsFacts(
        rcode="NOERROR",
        addresses=(),
        canonical_name=None,
        authority="amazonaws.com",
        ttl=None,
        transport="udp",
        queries=1,
    )


async def test_record_of_the_other_family_is_no_address() -> None:
    _, given_back = await asked(FakeNet(datagrams=[answer((NAME, 60, "IN", "AAAA", "fd00::17"))]))
    assert given_back == ()


@pytest.mark.parametrize("question", [pytest.param(True, id="whole"), pytest.param(False, id="without the question")])
@pytest.mark.parametrize(
    ("rcode", "kind"),
    [
        pytest.param("SERVFAIL", FailureKind.SERVFAIL, id="trouble"),
        pytest.param("REFUSED", FailureKind.DNS_REFUSED, id="not for you"),
        pytest.param("NOTIMP", FailureKind.DNS_REFUSED, id="not here"),
        pytest.param("FORMERR", FailureKind.DNS_MALFORMED, id="not understood"),
    ],
)
async def test_negative_rcode(rcode: str, kind: FailureKind, question: bool) -> None:
    draft, error = await asked(FakeNet(datagrams=[answer(rcode=rcode, question=question)]))
    assert isinstance(error, ProbeError)
    assert (error.kind, error.code) == (kind, rcode)
    assert draft.facts is not None
    assert (draft.facts.rcode, draft.facts.addresses, draft.facts.canonical_name) == (rcode, (), None)


@pytest.mark.parametrize(
    ("rcode", "kind"),
    [
        pytest.param("NXDOMAIN", FailureKind.NXDOMAIN, id="no such name"),
        pytest.param("YXDOMAIN", FailureKind.DNS_MALFORMED, id="an rcode of updates"),
        pytest.param("BADVERS", FailureKind.DNS_MALFORMED, id="an extended rcode"),
        pytest.param("3000", FailureKind.DNS_MALFORMED, id="an rcode nobody has given out"),
    ],
)
async def test_rcode_that_needs_its_question(rcode: str, kind: FailureKind) -> None:
    draft, error = await asked(FakeNet(datagrams=[answer(authority=(SOA,), rcode=rcode)]))
    assert isinstance(error, ProbeError)
    assert (error.kind, error.code) == (kind, rcode)
    assert draft.facts is not None
    assert (draft.facts.rcode, draft.facts.authority) == (rcode, "amazonaws.com")


async def test_name_that_an_alias_leads_to_does_not_exist() -> None:
    wire = answer((NAME, 60, "IN", "CNAME", "gone.example."), authority=(SOA,), rcode="NXDOMAIN")
    draft, error = await asked(FakeNet(datagrams=[wire]))
    assert isinstance(error, ProbeError)
    assert error.kind is FailureKind.NXDOMAIN
    assert draft.facts is not None
    assert draft.facts.canonical_name == "gone.example"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(os_error(errno.ECONNREFUSED), id="closed port"),
        pytest.param(os_error(errno.EPERM), id="filter on this host"),
    ],
)
async def test_error_of_the_socket_passes(error: OSError) -> None:
    draft, given_back = await asked(FakeNet(datagrams=[error]))
    assert given_back is error
    assert draft.facts is None


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("backup..amazonaws.com", id="empty label"),
        pytest.param(".amazonaws.com", id="begins with a dot"),
        pytest.param("a" * 64, id="long label"),
        pytest.param("abc." * 70, id="long name"),
        pytest.param("a\\", id="open escape"),
        pytest.param("ü" * 70, id="long label beyond ASCII"),
        pytest.param("\ud800", id="no text at all"),
    ],
)
async def test_name_that_cannot_be_asked_for(host: str) -> None:
    """An endpoint URL in the SDK's settings may contain any text."""
    net = FakeNet(datagrams=[answer(A_ROW)])
    with pytest.raises(ProbeError) as caught:
        await ask(net, RESOLVER, host, "A", Draft(), retry_after=1.0)
    assert caught.value.kind is FailureKind.MALFORMED
    assert net.asked == []


async def test_accepts_its_own_id_alone() -> None:
    class Net(FakeNet):
        async def exchange(
            self,
            address: Address,
            port: int,
            payload: bytes,
            *,
            accept: Callable[[bytes], bool],
            retry_after: float,
        ) -> tuple[bytes, int]:
            assert (address, port, retry_after) == (RESOLVER, 53, 1.5)
            other = bytes((payload[0] ^ 1, payload[1]))
            assert not any(map(accept, (b"", payload[:1], other, other + payload[2:])))
            assert accept(payload[:2])
            return payload[:2] + answer(A_ROW)[2:], 2

    draft: Draft[DnsFacts] = Draft()
    await ask(Net(), RESOLVER, HOST, "A", draft, retry_after=1.5)
    assert draft.facts is not None
    assert draft.facts.queries == 2


# --- The answer that comes by TCP ------------------------------------------------------------------------------------


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


class Answering(ScriptedStream):
    """Sends its script, with the id of the query that it received."""

    def __init__(self, wire: bytes, how: Callable[[bytes], list[bytes]], *, silent: bool = False) -> None:
        super().__init__(silent=silent)
        self._wire, self._how = wire, how

    async def send(self, data: bytes) -> None:
        await super().send(data)
        assert int.from_bytes(data[:2], "big") == len(data) - 2
        self._script = iter(self._how(framed(data[2:4] + self._wire[2:])))


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(lambda data: [data], id="whole"),
        pytest.param(in_bytes, id="byte by byte"),
        pytest.param(lambda data: [data[:1], data[1:]], id="length in two pieces"),
        pytest.param(lambda data: [data + b"more"], id="bytes left over"),
    ],
)
@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(answer(truncated=True), id="empty"),
        pytest.param(answer(A_ROW, truncated=True), id="with the start of it"),
        pytest.param(answer(A_ROW, truncated=True)[:-13], id="in the middle of a record"),
        pytest.param(packet(flags=0x8380, counts=(4000, 0, 0)), id="many records"),
    ],
)
async def test_cut_answer_is_asked_for_by_tcp(how: Callable[[bytes], list[bytes]], cut: bytes) -> None:
    stream = Answering(answer(A_ROW), how)
    net = FakeNet(datagrams=[cut], streams=[stream])
    draft, given_back = await asked(net)
    assert given_back == (ip_address("10.0.1.17"),)
    assert net.connected == [(RESOLVER, 53)]
    assert stream.sent[2:] == net.asked[0]
    assert stream.closed
    assert draft.facts is not None
    assert draft.facts.transport == "tcp"


async def test_by_tcp_alone_udp_gives_nothing() -> None:
    net = FakeNet(datagrams=[answer()], streams=[Answering(answer(A_ROW), lambda data: [data])])
    draft, given_back = await asked(net, by_tcp=True)
    assert given_back == (ip_address("10.0.1.17"),)
    assert draft.facts is not None
    assert draft.facts.transport == "tcp"


@pytest.mark.parametrize(
    ("datagrams", "is_there"),
    [
        pytest.param([answer(A_ROW)], True, id="it answers by UDP"),
        pytest.param([ConnectionRefusedError()], False, id="it refuses UDP as well"),
        pytest.param([], False, id="it is silent by UDP"),
    ],
)
@pytest.mark.parametrize("is_silent", [True, False])
@pytest.mark.virtual_clock
async def test_by_tcp_alone_udp_tells_whether_the_server_is_there(
    datagrams: list[bytes | Exception], *, is_there: bool, is_silent: bool
) -> None:
    net = FakeNet(datagrams=datagrams, streams=[] if is_silent else [ConnectionRefusedError()])
    draft: Draft[DnsFacts] = Draft()
    with pytest.raises(TimeoutError if is_silent else ConnectionRefusedError):
        async with asyncio.timeout(3):
            await ask(net, RESOLVER, HOST, "A", draft, retry_after=1.0, by_tcp=True)
    assert (draft.facts is not None) is is_there
    assert draft.facts is None or (draft.facts.transport, draft.facts.addresses) == ("tcp", ())


async def test_by_tcp_alone_what_a_connection_does_not_answer_is_no_answer_by_udp() -> None:
    net = FakeNet(datagrams=[answer(A_ROW)], streams=[Answering(b"", lambda data: [])])
    draft, error = await asked(net, by_tcp=True)
    assert isinstance(error, ProbeError)
    assert error.kind is FailureKind.CLOSED
    assert draft.facts is None


@pytest.mark.parametrize(
    ("wire", "how", "kind"),
    [
        pytest.param(answer(A_ROW), lambda data: [], FailureKind.CLOSED, id="closed at once"),
        pytest.param(answer(A_ROW), lambda data: [data[:1]], FailureKind.CLOSED, id="closed in the length"),
        pytest.param(answer(A_ROW), lambda data: [data[:-1]], FailureKind.CLOSED, id="closed in the answer"),
        pytest.param(b"", lambda data: [b"\0\0"], FailureKind.DNS_MALFORMED, id="empty"),
        pytest.param(b"\xff" * 12, lambda data: [data], FailureKind.DNS_MALFORMED, id="noise"),
        pytest.param(answer(A_ROW), lambda data: [b"\0\0" + data], FailureKind.DNS_MALFORMED, id="shifted"),
        pytest.param(
            answer(A_ROW, truncated=True), lambda data: [data], FailureKind.DNS_MALFORMED, id="cut by TCP as well"
        ),
    ],
)
async def test_what_tcp_brings_instead(wire: bytes, how: Callable[[bytes], list[bytes]], kind: FailureKind) -> None:
    stream = Answering(wire, how)
    _, error = await asked(FakeNet(datagrams=[answer(truncated=True)], streams=[stream]))
    assert isinstance(error, ProbeError)
    assert error.kind is kind
    assert stream.closed


async def test_tcp_refused() -> None:
    _, error = await asked(FakeNet(datagrams=[answer(truncated=True)], streams=[os_error(errno.ECONNREFUSED)]))
    assert isinstance(error, ConnectionRefusedError)


async def test_cancelled_over_tcp_leaves_no_connection() -> None:
    async def cancelled_after(steps: int) -> bool:
        stream = Answering(answer(A_ROW), in_bytes)
        net = FakeNet(datagrams=[answer(truncated=True)], streams=[stream])
        asking = asyncio.create_task(ask(net, RESOLVER, HOST, "A", Draft(), retry_after=1.0))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        assert stream.closed or not net.handed_out
        return asking.cancelled()

    steps = 0
    while await cancelled_after(steps):
        steps += 1
    assert steps > len(answer(A_ROW))  # at least one step for each byte


# --- Foreign bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(answer(A_ROW)[:11], id="eleven bytes"),
        pytest.param(answer(A_ROW)[:20], id="cut in the question"),
        pytest.param(answer(A_ROW)[:-14], id="cut in a record"),
        pytest.param(b"\0\0" + answer(A_ROW)[2:], id="another id"),
        pytest.param(packet((1, b"\n\0\1\x11"), flags=0x0100), id="a query"),
        pytest.param(packet(flags=0x8180 | 5 << 11), id="answer to an update"),
        pytest.param(packet(flags=0x8180 | 4 << 11), id="answer to a notify"),
        pytest.param(packet(flags=0x8180 | 15 << 11), id="an opcode nobody has given out"),
        pytest.param(packet(questions=0), id="no question"),
        pytest.param(packet(questions=2), id="two questions"),
        pytest.param(answer(A_ROW, query=QUERY_AAAA), id="another type asked for"),
        pytest.param(packet((1, b"\n\0\1"), flags=0x8180), id="address of three bytes"),
        pytest.param(packet((1, b"\n\0\1\x11\0")), id="address of five bytes"),
        pytest.param(packet((28, bytes(4))), id="IPv6 address of four bytes"),
        pytest.param(packet((5, b"\xc0\xff")), id="pointer beyond the end"),
        pytest.param(packet((5, b"\xc0\x0c\xc0")), id="bytes after a name"),
        pytest.param(packet((41, b"")), id="EDNS among the answers"),
        pytest.param(packet((250, bytes(20))), id="a signature without a key"),
        pytest.param(packet(counts=(1, 0, 0)), id="a record that is not there"),
        pytest.param(packet(counts=(MAX_RECORDS + 1, 0, 0)), id="too many answers"),
        pytest.param(packet(counts=(1, MAX_RECORDS - 1, 1)), id="too many in all"),
        pytest.param(
            packet(*((1, bytes(2) + place.to_bytes(2, "big")) for place in range(MAX_RECORDS + 1))), id="65 addresses"
        ),
        pytest.param(answer((NAME, 60, "IN", "CNAME", NAME)), id="alias of itself"),
        pytest.param(
            answer((NAME, 60, "IN", "CNAME", "b.example."), ("b.example.", 60, "IN", "CNAME", NAME)), id="a circle"
        ),
        pytest.param(
            answer(
                (NAME, 60, "IN", "CNAME", "h0.example."),
                *((f"h{n}.example.", 60, "IN", "CNAME", f"h{n + 1}.example.") for n in range(20)),
            ),
            id="a chain of 21",
        ),
        pytest.param(answer(A_ROW, rcode="NXDOMAIN"), id="an address of no name"),
    ],
)
def test_malformed(data: bytes) -> None:
    raised_by(lambda: facts(data), FailureKind.DNS_MALFORMED)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(answer(A_ROW) + b"\0" * 8, id="bytes left over"),
        pytest.param(packet((1, b"\n\0\1\x11"), (16, b"\x04text"), (65280, b"any")), id="other types beside it"),
        pytest.param(packet((1, b"\n\0\1\x11"), (1, b"\n\0\1\x11")), id="said twice"),
        pytest.param(packet(*((1, b"\n\0\1\x11") for _ in range(MAX_RECORDS))), id="64 records"),
        pytest.param(packet((1, b"\n\0\1\x11"), flags=0x8000), id="not recursive"),
    ],
)
def test_odd_and_well(data: bytes) -> None:
    assert facts(data).addresses == (ip_address("10.0.1.17"),)


def test_address_of_another_class_is_none() -> None:
    assert facts(packet((1, b"\n\0\1\x11"), of=4)).addresses == ()


def test_bytes_in_a_name_are_escaped() -> None:
    alias = b"\x04\x1b[2J\x03A.b\0"
    canonical = facts(packet((5, alias))).canonical_name
    assert canonical == "\\027[2j.a\\.b"


def test_root_is_a_dot() -> None:
    assert readable(dns.name.root) == "."


def either(data: bytes) -> None:
    """Assert that parsing gives facts, or fails with the one documented error."""
    result = value_or(lambda: facts(data), FailureKind.DNS_MALFORMED)
    if result is not None:
        assert len(result.addresses) <= MAX_RECORDS
        assert result.canonical_name is None or result.canonical_name.isprintable()


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    either(data)


@settings(deadline=None)
@given(
    flags=st.integers(0, 0xFFFF).map(lambda flags: flags | 0x8000) | st.sampled_from([0x8180, 0x8183, 0x8185]),
    questions=st.sampled_from([0, 1, 1, 1]),
    records=st.lists(
        st.tuples(
            st.sampled_from([int(kind) for kind in dns.rdatatype.RdataType]) | st.integers(0, 0xFFFF),
            st.binary(max_size=40),
        ),
        max_size=4,
    ),
    of=st.sampled_from([1, 1, 1, 3, 254, 255]),
    split=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    tail=st.binary(max_size=4),
)
def test_any_records(
    flags: int, questions: int, records: list[tuple[int, bytes]], of: int, split: tuple[int, int], tail: bytes
) -> None:
    first = min(split[0], len(records))
    second = min(split[1], len(records) - first)
    counts = (first, second, len(records) - first - second)
    either(packet(*records, flags=flags, questions=questions, counts=counts, tail=tail, of=of))


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 20), st.data()
)
def test_any_change_to_a_good_answer(changes: list[tuple[int, int]], cut: int, data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                answer(A_ROW, authority=(SOA,)),
                answer((NAME, 60, "IN", "CNAME", "b.example."), ("b.example.", 60, "IN", "A", "10.0.1.17")),
                answer(authority=(SOA,), rcode="REFUSED", question=False),
            ]
        )
    )
    changed = bytearray(whole)
    for place, value in changes:
        changed[2 + place % (len(changed) - 2)] = value
    either(bytes(changed[: len(changed) - cut]))


async def test_silence_ends_with_the_caller() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await ask(FakeNet(), RESOLVER, HOST, "A", Draft(), retry_after=1.0)
    assert asyncio.get_running_loop().time() == pytest.approx(3)


# --- Answers that come again ----------------------------------------------------------------------------------------


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The answers that are decoded during the test."""
    seen: list[bytes] = []
    real = dns.message.from_wire

    def from_wire(wire: bytes, **how: Any) -> dns.message.Message:
        seen.append(wire)
        return real(wire, **how)

    monkeypatch.setattr("probes.steps.dns.dns.message.from_wire", from_wire)
    _seen_before.cache_clear()
    return seen


async def test_the_same_answer_is_decoded_once(decoded: list[bytes]) -> None:
    """The three answers are equal except for their ids."""
    outcomes = [await asked(FakeNet(datagrams=[answer(A_ROW)])) for _ in range(3)]
    assert outcomes == outcomes[:1] * 3
    assert outcomes[0][1] == (ip_address("10.0.1.17"),)
    assert len(decoded) == 1


async def test_a_negative_answer_fails_again(decoded: list[bytes]) -> None:
    outcomes = [await asked(FakeNet(datagrams=[answer(authority=(SOA,), rcode="NXDOMAIN")])) for _ in range(2)]
    assert [error.kind for _, error in outcomes if isinstance(error, ProbeError)] == [FailureKind.NXDOMAIN] * 2
    assert outcomes[0][0] == outcomes[1][0]
    assert len(decoded) == 1


async def test_what_is_no_answer_is_refused_again(decoded: list[bytes]) -> None:
    other = dns.message.make_query("other.example.", "A", use_edns=0, payload=1232, id=0x1234)
    for wrong in (answer(A_ROW, query=other), answer(A_ROW)[:11], answer(A_ROW)[:-1]):
        for _ in range(2):
            _, error = await asked(FakeNet(datagrams=[wrong]))
            assert isinstance(error, ProbeError)
            assert error.kind is FailureKind.DNS_MALFORMED


@pytest.mark.parametrize(
    "other", [answer((NAME, 59, "IN", "A", "10.0.1.17")), answer((NAME, 60, "IN", "A", "10.0.1.18")), answer()]
)
async def test_another_answer_is_another(decoded: list[bytes], other: bytes) -> None:
    first, second = [await asked(FakeNet(datagrams=[of])) for of in (answer(A_ROW), other)]
    _seen_before.cache_clear()
    assert second == await asked(FakeNet(datagrams=[other])) != first


async def test_the_same_answer_for_another_name_is_none(decoded: list[bytes]) -> None:
    await asked(FakeNet(datagrams=[answer(A_ROW)]))
    with pytest.raises(ProbeError, match="the answer belongs to another question"):
        await ask(FakeNet(datagrams=[answer(A_ROW)]), RESOLVER, "other.example", "A", Draft(), retry_after=1.0)
    _, error = await asked(FakeNet(datagrams=[answer(A_ROW)]), "AAAA")
    assert isinstance(error, ProbeError)


async def test_how_an_answer_came_is_its_own(decoded: list[bytes]) -> None:
    whole = answer(A_ROW)
    by_tcp = FakeNet(datagrams=[answer(truncated=True)], streams=[Answering(whole, in_bytes)])
    seen = [await asked(net) for net in (FakeNet(datagrams=[whole]), by_tcp, FakeNet(datagrams=[whole]))]
    assert [draft.facts.transport for draft, _ in seen if draft.facts is not None] == ["udp", "tcp", "udp"]


async def test_an_answer_to_another_id_is_refused_though_it_was_seen(decoded: list[bytes]) -> None:
    """A datagram with a different id is not even parsed."""
    assert (await asked(FakeNet(datagrams=[answer(A_ROW)])))[1] == (ip_address("10.0.1.17"),)
    stream = Answering(answer(A_ROW), lambda data: [data[:2] + bytes((data[2] ^ 1,)) + data[3:]])
    _, error = await asked(FakeNet(datagrams=[answer(truncated=True)], streams=[stream]))
    assert isinstance(error, ProbeError)
    assert error.message == "the answer belongs to another question"
