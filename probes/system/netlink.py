"""The few messages of rtnetlink(7) that a diagnosis needs: addresses, routes, rules, neighbours. They are bytes here,
since this module opens no socket.

A message is a 16-byte header, a fixed part by type, and attributes padded to four bytes (netlink(7)). Everything is in
the byte order of the machine.
"""

import errno
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_interface
from typing import Final

from probes.facts import Interface
from probes.frozen import dataclass
from probes.model import Address

LINUX: Final = sys.platform == "linux"
"""Whether this is Linux. Linux has netlink and, for sockets, an error queue and TCP_INFO."""

RTM_NEWADDR: Final = 20
RTM_GETADDR: Final = 22
RTM_NEWROUTE: Final = 24
RTM_GETROUTE: Final = 26
RTM_NEWNEIGH: Final = 28
RTM_GETNEIGH: Final = 30
RTM_NEWRULE: Final = 32
RTM_GETRULE: Final = 34
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x001
NLM_F_DUMP: Final = 0x300

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_IFADDRMSG: Final = struct.Struct("=BBBBI")
_RTMSG: Final = struct.Struct("=BBBBBBBBI")
_NDMSG: Final = struct.Struct("=BxxxiHBB")

_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_NDA_DST: Final = 1
_RTA_DST: Final = 1
_RTA_OIF: Final = 4
_RTA_GATEWAY: Final = 5
_RTA_PRIORITY: Final = 6
_RTA_PREFSRC: Final = 7
_RTA_METRICS: Final = 8
_RTA_TABLE: Final = 15
_RTA_VIA: Final = 18
_RTAX: Final = {2: "mtu", 8: "advmss"}
"""The numbers RTAX_MTU and RTAX_ADVMSS, with the names of these metrics of a route."""
_FRA_DST: Final = 1
_FRA_SRC: Final = 2
_FRA_IIFNAME: Final = 3
_FRA_PRIORITY: Final = 6
_FRA_FWMARK: Final = 10
_FRA_TABLE: Final = 15
_FRA_OIFNAME: Final = 17

_TYPES: Final = {1: "", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable"} | {
    8: "prohibit",
    9: "throw",
}
"""Names for RTN_* of linux/rtnetlink.h; `ip route` shows no name for a route to a host or a network."""
_ACTIONS: Final = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
"""Names for FR_ACT_* of linux/fib_rules.h."""

_STATES: Final = {
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}
"""Names for NUD_* of linux/neighbour.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The kernel's route to an address."""

    interface_index: int | None
    source: Address | None
    gateway: Address | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A link-layer entry: a neighbour in the same subnet that is known, or is being resolved."""

    address: Address
    interface_index: int
    state: str


def addresses_request() -> bytes:
    """Return a request for every address of every interface."""
    return _message(RTM_GETADDR, NLM_F_DUMP, _IFADDRMSG.pack(0, 0, 0, 0, 0))


def neighbours_request(family: int) -> bytes:
    """Return a request for the whole neighbour table of an address family."""
    return _message(RTM_GETNEIGH, NLM_F_DUMP, _NDMSG.pack(family, 0, 0, 0, 0))


def route_request(family: int, address: Address) -> bytes:
    """Return a request for the kernel's route to `address`."""
    packed = address.packed
    head = _RTMSG.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    return _message(RTM_GETROUTE, 0, head + _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _RTA_DST) + packed)


def routes_request(family: int) -> bytes:
    """Return a request for all routes of all tables of an address family."""
    return _message(RTM_GETROUTE, NLM_F_DUMP, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))


def rules_request(family: int) -> bytes:
    """Return a request for all rules of an address family."""
    return _message(RTM_GETRULE, NLM_F_DUMP, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the payload of every message in a datagram. If a message is cut short, nothing more is
    yielded.
    """
    while len(data) >= _HEADER.size:
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data)
        if length < _HEADER.size or length > len(data):
            return
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def error_number(payload: bytes) -> int:
    """Return the errno of an NLMSG_ERROR payload; 0 for an acknowledgement, and EBADMSG if the payload is truncated."""
    return -int.from_bytes(payload[:4], sys.byteorder, signed=True) if len(payload) >= 4 else errno.EBADMSG


def interface_of(payload: bytes, name_of: dict[int, str]) -> Interface | None:
    """Return the address in an RTM_NEWADDR payload; None if the payload has no address."""
    if len(payload) < _IFADDRMSG.size:
        return None
    _family, prefix, _flags, _scope, index = _IFADDRMSG.unpack_from(payload)
    attributes = _attributes(payload[_IFADDRMSG.size :])
    # On a point-to-point link, IFA_ADDRESS is the peer's address and IFA_LOCAL this host's; IPv6 has only IFA_ADDRESS.
    address = _address(attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS)))
    if address is None or prefix > address.max_prefixlen:
        return None
    return Interface(name=name_of.get(index, str(index)), address=ip_interface(f"{address}/{prefix}"))


def route_of(payload: bytes) -> Route:
    """Return the route in an RTM_NEWROUTE payload, with None for missing parts."""
    attributes = _attributes(payload[_RTMSG.size :])
    index = attributes.get(_RTA_OIF)
    gateway = attributes.get(_RTA_GATEWAY)
    if (
        gateway is None and _RTA_VIA in attributes
    ):  # a gateway of the other IP version: two bytes for its family, then its address
        gateway = attributes[_RTA_VIA][2:]
    return Route(
        interface_index=None if index is None else int.from_bytes(index, sys.byteorder),
        source=_address(attributes.get(_RTA_PREFSRC)),
        gateway=_address(gateway),
    )


def route_line(payload: bytes, name_of: dict[int, str]) -> str | None:
    """Return the route in an RTM_NEWROUTE payload in the words of ip-route(8); None if it is truncated."""
    if len(payload) < _RTMSG.size:
        return None
    _family, length, _source, _tos, table, _protocol, _scope, kind, _flags = _RTMSG.unpack_from(payload)
    attributes = _attributes(payload[_RTMSG.size :])
    route = route_of(payload)
    destination = _prefix(attributes.get(_RTA_DST), length, "default")
    words = [_TYPES.get(kind, f"type {kind}"), destination]
    if route.gateway is not None:
        words.append(f"via {route.gateway}")
    if route.interface_index is not None:
        words.append(f"dev {name_of.get(route.interface_index, route.interface_index)}")
    if route.source is not None:
        words.append(f"src {route.source}")
    words.append(f"table {_number(attributes.get(_RTA_TABLE), table)}")
    if _RTA_PRIORITY in attributes:
        words.append(f"metric {_number(attributes[_RTA_PRIORITY])}")
    metrics = _attributes(attributes.get(_RTA_METRICS, b""))
    words += [f"{word} {_number(metrics[key])}" for key, word in _RTAX.items() if key in metrics]
    return " ".join(filter(None, words))


def rule_line(payload: bytes) -> str | None:
    """Return the rule in an RTM_NEWRULE payload in the words of ip-rule(8); None if it is truncated."""
    if len(payload) < _RTMSG.size:
        return None
    _family, to_length, from_length, _tos, table, _one, _two, action, _flags = _RTMSG.unpack_from(payload)
    attributes = _attributes(payload[_RTMSG.size :])
    words = [
        f"{_number(attributes.get(_FRA_PRIORITY))}:",
        f"from {_prefix(attributes.get(_FRA_SRC), from_length, 'all')}",
    ]
    if _FRA_DST in attributes:
        words.append(f"to {_prefix(attributes[_FRA_DST], to_length, 'all')}")
    if _FRA_FWMARK in attributes:
        words.append(f"fwmark {_number(attributes[_FRA_FWMARK]):#x}")
    for key, word in ((_FRA_IIFNAME, "iif"), (_FRA_OIFNAME, "oif")):
        if key in attributes:
            name = attributes[key].rstrip(bytes(1)).decode("ascii", "backslashreplace")
            words.append(f"{word} {ascii(name)[1:-1]}")
    words.append(_ACTIONS.get(action, f"action {action}"))
    if action == 1:
        words.append(str(_number(attributes.get(_FRA_TABLE), table)))
    return " ".join(words)


def _prefix(packed: bytes | None, length: int, without: str) -> str:
    address = _address(packed)
    if address is None:
        return without
    return str(address) if length == address.max_prefixlen else f"{address}/{length}"


def _number(packed: bytes | None, without: int = 0) -> int:
    return without if packed is None else int.from_bytes(packed, sys.byteorder)


def neighbour_of(payload: bytes) -> Neighbour | None:
    """Return the entry in an RTM_NEWNEIGH payload; None if the payload has no address."""
    if len(payload) < _NDMSG.size:
        return None
    _family, index, state, _flags, _type = _NDMSG.unpack_from(payload)
    address = _address(_attributes(payload[_NDMSG.size :]).get(_NDA_DST))
    if address is None:
        return None
    return Neighbour(address=address, interface_index=index, state=_STATES.get(state, f"{state:#x}"))


def neighbour_state(payloads: Iterable[bytes], address: Address, interface_index: int | None) -> str | None:
    """Return the state of `address` on one interface, or on any interface if `interface_index` is None. None if no
    payload has an entry for it.

    The interface matters, since two interfaces in one subnet have the same router, but separate entries for it.
    """
    for payload in payloads:
        neighbour = neighbour_of(payload)
        if neighbour is None or neighbour.address != address:
            continue
        if interface_index is None or neighbour.interface_index == interface_index:
            return neighbour.state
    return None


def _address(packed: bytes | None) -> Address | None:
    return None if packed is None or len(packed) not in (4, 16) else ip_address(packed)


def _attributes(data: bytes) -> dict[int, bytes]:
    attributes: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size or length > len(data):
            break
        attributes[kind & 0x3FFF] = data[_ATTRIBUTE.size : length]  # the two high bits are flags
        data = data[_aligned(length) :]
    return attributes


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def family_of(address: Address) -> int:
    """Return the socket family of an address."""
    return socket.AF_INET if address.version == 4 else socket.AF_INET6
