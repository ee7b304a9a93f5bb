"""Messages of the kernel as bytes: real messages, which were captured on Linux 6.18 (little-endian), and arbitrary
bytes.
"""

import errno
import socket
import struct
import sys
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.facts import Interface
from probes.system.netlink import (
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_NEWADDR,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    Neighbour,
    Route,
    addresses_request,
    error_number,
    interface_of,
    messages,
    neighbour_of,
    neighbour_state,
    neighbours_request,
    route_line,
    route_of,
    route_request,
    routes_request,
    rule_line,
    rules_request,
)

NAMES = {1: "lo", 4: "eth0"}

ADDRESSES = bytes.fromhex(
    "4c0000001400020001000000785f0000020880fe01000000080001007f000001080002007f000001070003006c6f00000800080080000000"
    "14000600ffffffffffffffff1400000014000000580000001400020001000000785f0000021880000400000008000100c000020208000200"
    "c000020208000400c00002ff090003006574683000000000080008008000000014000600ffffffffffffffff140000001400000050000000"
    "1400020001000000785f00000a8080fe01000000140001000000000000000000000000000000000114000600ffffffffffffffff14000000"
    "14000000080008008000000005000b0003000000480000001400020001000000785f00000a4082000400000014000100fd00000000000000"
    "000000000000000214000600ffffffffffffffff14000000140000000800080082000000500000001400020001000000785f00000a4080fd"
    "0400000014000100fe8000000000000000fc00fffe00000114000600ffffffffffffffff1400000014000000080008008000000005000b00"
    "03000000"
)
ROUTE = bytes.fromhex(
    "700000001800000001000000c661000002200000fe0000010002000008000f00fe00000008000100c6336401080004000400000008000700"
    "c000020208000500c0000201080019000000000024000c000200000051820600000000000000000000000000000000000000000000000000"
)
LOCAL_ROUTE = bytes.fromhex(
    "680000001800000001000000785f000002200000fe0000020002008008000f00fe000000080001007f000001080004000100000008000700"
    "7f000001080019000000000024000c00020000001e540600000000000000000000000000000000000000000000000000"
)
ROUTE_IPV6 = bytes.fromhex(
    "b00000001800000001000000c66100000a808000fe0300010000000008000f00fe0000001400010020010db8000000000000000000000001"
    "140002000000000000000000000000000000000014000700fd000000000000000000000000000002080006000004000014000500fd000000"
    "000000000000000000000001080004000400000024000c0002000000fa810600000000000000000000000000000000000000000000000000"
    "0500140000000000"
)
NEIGHBOURS = bytes.fromhex(
    "4c0000001c00020001000000785f000002000000010000004000000308000100000000000a00020000000000000000000800040000000000"
    "140003006b540600b4540600b4540600000000004c0000001c00020001000000785f000002000000040000000400000108000100c0000201"
    "0a00020002fc0000000500000800040001000000140003007ee601007ee601004bda010000000000140000000300020001000000785f0000"
    "00000000"
)

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the captured bytes are little-endian")


def payloads(data: bytes, wanted: int) -> list[bytes]:
    return [payload for kind, payload in messages(data) if kind == wanted]


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def address_message(prefix: int, *attributes: bytes, index: int = 4) -> bytes:
    return struct.pack("=BBBBI", 2, prefix, 0, 0, index) + b"".join(attributes)


def route_message(*attributes: bytes) -> bytes:
    return bytes(12) + b"".join(attributes)


def neighbour_message(address: bytes, state: int, *, index: int = 4) -> bytes:
    return struct.pack("=BxxxiHBB", 2, index, state, 0, 1) + attribute(1, address)


# --- What is asked ---------------------------------------------------------------------------------------------------


@little_endian
def test_requests() -> None:
    assert addresses_request().hex() == "18000000160001030100000000000000" + "00" * 8
    assert neighbours_request(socket.AF_INET).hex() == "1c0000001e0001030100000000000000" + "02" + "00" * 11
    assert route_request(socket.AF_INET, ip_address("10.0.1.17")).hex() == (
        "240000001a0001000100000000000000" + "0220" + "00" * 10 + "080001000a000111"
    )
    assert route_request(socket.AF_INET6, ip_address("fd00::1")).hex() == (
        "300000001a0001000100000000000000" + "0a80" + "00" * 10 + "14000100fd" + "00" * 14 + "01"
    )


# --- What the kernel says --------------------------------------------------------------------------------------------


@little_endian
def test_addresses() -> None:
    interfaces = [interface_of(payload, NAMES) for payload in payloads(ADDRESSES, RTM_NEWADDR)]
    assert interfaces == [
        Interface(name="lo", address=ip_interface("127.0.0.1/8")),
        Interface(name="eth0", address=ip_interface("192.0.2.2/24")),
        Interface(name="lo", address=ip_interface("::1/128")),
        Interface(name="eth0", address=ip_interface("fd00::2/64")),
        Interface(name="eth0", address=ip_interface("fe80::fc:ff:fe00:1/64")),
    ]


def test_own_address_of_a_point_to_point_link() -> None:
    message = address_message(32, attribute(1, b"\x0a\0\0\2"), attribute(2, b"\x0a\0\0\1"))
    assert interface_of(message, NAMES) == Interface(name="eth0", address=ip_interface("10.0.0.1/32"))


def test_attributes_are_padded_and_their_numbers_carry_flags() -> None:
    message = address_message(24, attribute(3, b"lo\0"), attribute(2 | 0x8000, b"\x0a\0\0\1"))
    assert interface_of(message, NAMES) == Interface(name="eth0", address=ip_interface("10.0.0.1/24"))


def test_interface_without_a_name_has_its_number() -> None:
    interface = interface_of(address_message(24, attribute(2, b"\x0a\0\0\1"), index=7), NAMES)
    assert interface == Interface(name="7", address=ip_interface("10.0.0.1/24"))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(7), id="cut in the fixed part"),
        pytest.param(address_message(24), id="no address"),
        pytest.param(address_message(24, attribute(2, b"\x0a\0\0")), id="three bytes"),
        pytest.param(address_message(24, attribute(2, bytes(6))), id="six bytes"),
        pytest.param(address_message(33, attribute(2, bytes(4))), id="prefix of 33"),
        pytest.param(address_message(129, attribute(1, bytes(16))), id="prefix of 129"),
    ],
)
def test_no_address(message: bytes) -> None:
    assert interface_of(message, NAMES) is None


@little_endian
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            ROUTE,
            Route(interface_index=4, source=ip_address("192.0.2.2"), gateway=ip_address("192.0.2.1")),
            id="by a router",
        ),
        pytest.param(
            LOCAL_ROUTE, Route(interface_index=1, source=ip_address("127.0.0.1"), gateway=None), id="on this host"
        ),
        pytest.param(
            ROUTE_IPV6,
            Route(interface_index=4, source=ip_address("fd00::2"), gateway=ip_address("fd00::1")),
            id="IPv6",
        ),
    ],
)
def test_route(data: bytes, expected: Route) -> None:
    (payload,) = payloads(data, RTM_NEWROUTE)
    assert route_of(payload) == expected


def test_route_by_a_router_of_the_other_family() -> None:
    via = struct.pack("=H", socket.AF_INET6) + ip_address("fe80::1").packed
    assert route_of(route_message(attribute(18, via))).gateway == ip_address("fe80::1")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(route_message(), id="no attributes"),
        pytest.param(route_message(attribute(5, b"\x0a\0\0"), attribute(7, bytes(5))), id="too short addresses"),
        pytest.param(route_message(attribute(18, b"\n")), id="half a family"),
        pytest.param(route_message(struct.pack("=HH", 3, 5)), id="an attribute shorter than its head"),
        pytest.param(route_message(struct.pack("=HH", 8, 5)), id="an attribute that is cut"),
    ],
)
def test_route_that_says_nothing(message: bytes) -> None:
    assert route_of(message) == Route(interface_index=None, source=None, gateway=None)


@little_endian
def test_neighbours() -> None:
    neighbours = [neighbour_of(payload) for payload in payloads(NEIGHBOURS, RTM_NEWNEIGH)]
    assert neighbours == [
        Neighbour(address=ip_address("0.0.0.0"), interface_index=1, state="noarp"),  # noqa: S104 - nothing is bound
        Neighbour(address=ip_address("192.0.2.1"), interface_index=4, state="stale"),
    ]
    assert [kind for kind, _ in messages(NEIGHBOURS)] == [RTM_NEWNEIGH, RTM_NEWNEIGH, NLMSG_DONE]


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (0x01, "incomplete"),
        (0x02, "reachable"),
        (0x04, "stale"),
        (0x08, "delay"),
        (0x10, "probe"),
        (0x20, "failed"),
        (0x40, "noarp"),
        (0x80, "permanent"),
        (0x00, "0x0"),
        (0x101, "0x101"),
    ],
)
def test_neighbour_state_by_name(number: int, state: str) -> None:
    neighbour = neighbour_of(neighbour_message(b"\x0a\0\1\1", number))
    assert neighbour == Neighbour(address=ip_address("10.0.1.1"), interface_index=4, state=state)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(11), id="cut in the fixed part"),
        pytest.param(bytes(12), id="no address"),
        pytest.param(neighbour_message(b"\x0a", 2), id="one byte"),
    ],
)
def test_no_neighbour(message: bytes) -> None:
    assert neighbour_of(message) is None


ROUTER = ip_address("10.0.1.1")
TWO_INTERFACES = [
    neighbour_message(b"\x0a\0\1\2", 0x02, index=4),
    neighbour_message(b"\x0a\0\1\1", 0x20, index=4),
    b"",
    neighbour_message(b"\x0a\0\1\1", 0x02, index=5),
]


@pytest.mark.parametrize(
    ("index", "state"),
    [
        pytest.param(4, "failed", id="on the first"),
        pytest.param(5, "reachable", id="on the second"),
        pytest.param(6, None, id="on a third"),
        pytest.param(None, "failed", id="on any"),
    ],
)
def test_state_of_a_router_that_two_interfaces_share(index: int | None, state: str | None) -> None:
    assert neighbour_state(TWO_INTERFACES, ROUTER, index) == state


@pytest.mark.parametrize(
    ("payload", "number"),
    [
        pytest.param(struct.pack("=i", -errno.ENETUNREACH) + bytes(16), errno.ENETUNREACH, id="no route"),
        pytest.param(struct.pack("=i", 0), 0, id="an acknowledgement"),
        pytest.param(b"\xff\xff", errno.EBADMSG, id="cut"),
    ],
)
def test_error(payload: bytes, number: int) -> None:
    assert error_number(payload) == number
    head = struct.pack("=IHHII", 16 + len(payload), NLMSG_ERROR, 0, 1, 0)
    assert list(messages(head + payload)) == [(NLMSG_ERROR, payload)]


# --- Lines for people -----------------------------------------------------------------------------------------------


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def table_message(
    *attributes: tuple[int, bytes], family: int = socket.AF_INET, to: int = 0, table: int = 254, kind: int = 1
) -> bytes:
    """A message with a route or a rule, whose headers rtmsg and fib_rule_hdr have the same size."""
    head = struct.pack("=BBBBBBBBI", family, to, 0, 0, table, 3, 0, kind, 0)
    return head + b"".join(attribute(key, data) for key, data in attributes)


METRICS = attribute(2, number(9001)) + attribute(8, number(1460)) + attribute(3, number(1))


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        pytest.param(
            table_message((5, b"\x0a\0\1\1"), (4, number(4)), (7, b"\x0a\0\1\x0a"), (6, number(100))),
            "default via 10.0.1.1 dev eth0 src 10.0.1.10 table 254 metric 100",
            id="the default route",
        ),
        pytest.param(
            table_message((1, b"\x0a\0\1\0"), (4, number(9)), (8, METRICS), to=24),
            "10.0.1.0/24 dev 9 table 254 mtu 9001 advmss 1460",
            id="with an MTU, on an interface that is gone",
        ),
        pytest.param(
            table_message((1, b"\x0a\0\1\x11"), (15, number(1_000)), to=32, kind=6),
            "blackhole 10.0.1.17 table 1000",
            id="a route that drops, in a table of a large number",
        ),
        pytest.param(table_message(kind=99), "type 99 default table 254", id="of a kind that is not known"),
        pytest.param(ROUTE_IPV6[16:], "2001:db8::1 via fd00::1 dev 4 src fd00::2 table 254 metric 1024", id="captured"),
        pytest.param(bytes(11), None, id="cut"),
    ],
)
def test_line_of_a_route(payload: bytes, line: str | None) -> None:
    assert route_line(payload, {4: "eth0"} if line is None or "dev 4" not in line else {}) == line


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        pytest.param(table_message((6, number(32_766))), "32766: from all lookup 254", id="of every host"),
        pytest.param(table_message(table=255), "0: from all lookup 255", id="the first, which has no priority"),
        pytest.param(
            table_message(
                (1, b"\x0a\0\2\0"), (6, number(9)), (10, number(0x10)), (3, b"eth1\0"), (17, b"e\n2"), to=24, kind=7
            ),
            "9: from all to 10.0.2.0/24 fwmark 0x10 iif eth1 oif e\\n2 unreachable",
            id="with all that it can have",
        ),
        pytest.param(bytes(11), None, id="cut"),
    ],
)
def test_line_of_a_rule(payload: bytes, line: str | None) -> None:
    assert rule_line(payload) == line


def test_requests_for_whole_tables() -> None:
    for request, kind in ((routes_request, 26), (rules_request, 34)):
        length, asked, flags = struct.unpack_from("=IHH", request(socket.AF_INET6))
        assert (length, asked, flags) == (28, kind, 0x301)


# --- Any bytes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 15, 21, 0xFFFFFFFF])
def test_message_of_a_length_that_is_none_ends_the_reading(length: int) -> None:
    whole = struct.pack("=IHHII", 20, RTM_NEWADDR, 0, 1, 0) + b"abcd"
    odd = struct.pack("=IHHII", length, RTM_NEWADDR, 0, 1, 0) + b"efgh"
    assert list(messages(whole + odd)) == [(RTM_NEWADDR, b"abcd")]


@given(st.binary(max_size=120))
def test_any_datagram(data: bytes) -> None:
    assert sum(16 + len(payload) for _, payload in messages(data)) <= len(data)


@given(
    st.binary(max_size=100)
    | st.builds(
        lambda head, attributes: head + b"".join(attribute(kind, data) for kind, data in attributes),
        st.binary(min_size=8, max_size=12),
        st.lists(st.tuples(st.integers(0, 20), st.binary(max_size=18)), max_size=4),
    )
)
def test_any_payload(payload: bytes) -> None:
    interface_of(payload, NAMES)
    route_of(payload)
    neighbour_of(payload)
    error_number(payload)
    neighbour_state([payload], ROUTER, None)
    assert "\n" not in (route_line(payload, NAMES) or "")
    rule_line(payload)
