"""The kernel's routing as lines for people: routes of all tables, the rules that choose a table, and neighbours."""

import socket
from collections.abc import Callable
from typing import Final, TypeVar

from probes.system import netlink
from probes.system.machine import ask_kernel
from probes.system.netlink import LINUX

T = TypeVar("T")
MAX_LINES: Final = 10_000
"""Maximum number of lines of one kind, since a router may have hundreds of thousands of routes."""
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)


def routes() -> list[str]:
    """Return every route of every table, such as `default via 10.0.1.1 dev eth0 table 254 metric 100`. Raises
    OSError."""
    names = _interface_names()
    return _lines(netlink.routes_request, netlink.RTM_NEWROUTE, lambda payload: netlink.route_line(payload, names))


def rules() -> list[str]:
    """Return every rule of policy routing, such as `32766: from all lookup 254`. Raises OSError."""
    return _lines(netlink.rules_request, netlink.RTM_NEWRULE, netlink.rule_line)


def neighbours() -> list[str]:
    """Return every neighbour entry, such as `10.0.1.1 dev eth0 reachable`, without link-layer addresses. Raises
    OSError."""
    names = _interface_names()

    def line(payload: bytes) -> str | None:
        entry = netlink.neighbour_of(payload)
        if entry is None:
            return None
        return f"{entry.address} dev {names.get(entry.interface_index, entry.interface_index)} {entry.state}"

    return _lines(netlink.neighbours_request, netlink.RTM_NEWNEIGH, line)


def _lines(request: Callable[[int], bytes], wanted: int, line: Callable[[bytes], str | None]) -> list[str]:
    found: list[str] = []
    for family in _FAMILIES:
        answers = ask_kernel(request(family), wanted, most=MAX_LINES) if LINUX else None
        if answers is None:
            raise OSError("this system does not say")
        found += filter(None, map(line, answers))
    return found[:MAX_LINES]


def _interface_names() -> dict[int, str]:
    return dict(socket.if_nameindex())
