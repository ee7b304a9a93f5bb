"""Makes the program's unusual requests to the kernel, all except the common calls on sockets, and shows whether the
kernel answers them. The Python of an artifact runs this file with the program's modules, also in an emulator in user
mode, which must support each of these requests. It writes one JSON object to stdout, with `answered` or the error for
each request.
"""

import errno
import json
import socket
import sys
from collections.abc import Callable
from ipaddress import IPv4Address

from probes.system import ethtool, netlink
from probes.system.machine import _ethtool, ask_kernel
from probes.system.net import _IP_RECVERR, _TCP_INFO

HERE = IPv4Address("127.0.0.1")


def addresses() -> bool:
    return bool(ask_kernel(netlink.addresses_request(), netlink.RTM_NEWADDR))


def route() -> bool:
    return bool(ask_kernel(netlink.route_request(socket.AF_INET, HERE), netlink.RTM_NEWROUTE, is_dump=False))


def rules() -> bool:
    return bool(ask_kernel(netlink.rules_request(socket.AF_INET), netlink.RTM_NEWRULE))


def neighbours() -> bool:
    return ask_kernel(netlink.neighbours_request(socket.AF_INET), netlink.RTM_NEWNEIGH) is not None


def driver() -> bool:
    """Whether the kernel supports the request for a driver's statistics. It then says that the loopback device has
    none.
    """
    try:
        ethtool.statistics(_ethtool, "lo")
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
    return True


def connection_facts() -> bool:
    with socket.create_server((str(HERE), 0)) as server, socket.create_connection(server.getsockname()) as made:
        return len(made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)) == _TCP_INFO.size


def segment_size() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    return True


def senders_of_errors() -> bool:
    """Send a datagram to a closed port of this host: the error queue must show the address that refused it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        channel.connect((str(HERE), 1))
        channel.send(b"\0")
        _data, ancillary, _flags, _peer = channel.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    return any(len(data) >= 24 and data[20:24] == HERE.packed for _, _, data in ancillary)


REQUESTS: dict[str, Callable[[], bool]] = {
    "rtnetlink: addresses": addresses,
    "rtnetlink: one route": route,
    "rtnetlink: rules": rules,
    "rtnetlink: neighbours": neighbours,
    "SIOCETHTOOL": driver,
    "TCP_INFO": connection_facts,
    "TCP_MAXSEG": segment_size,
    "MSG_ERRQUEUE": senders_of_errors,
}


def answer(request: Callable[[], bool]) -> str:
    try:
        return "answered" if request() else "nothing"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)


def main() -> None:
    json.dump({name: answer(request) for name, request in REQUESTS.items()}, sys.stdout)


if __name__ == "__main__":
    main()
