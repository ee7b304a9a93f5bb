"""The real network. Only this module of the project opens sockets to other hosts.

Facts that only Linux can tell (ICMP senders, TCP_INFO) are read on Linux; elsewhere they are unknown.
"""

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from probes.background import in_background
from probes.facts import IcmpError, TcpFacts
from probes.model import Address, Draft
from probes.seams import Stream
from probes.system.netlink import LINUX, family_of

_IP_RECVERR: Final = 11


_IPV6_RECVERR: Final = 25


_SO_EE_ORIGIN_ICMP: Final = 2


_SO_EE_ORIGIN_ICMP6: Final = 3


_TCP_INFO: Final = struct.Struct("=8B24I")


_STATE, _SND_MSS, _RTT, _TOTAL_RETRANS = 0, 10, 23, 31
"""Positions of members in struct tcp_info of linux/tcp.h, as `_TCP_INFO` unpacks it."""


_UNCONNECTED: Final = (2, 7)
"""TCP_SYN_SENT and TCP_CLOSE of linux/tcp_states.h."""


class SocketStream:
    """A connected TCP socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def receive(self, limit: int) -> bytes:
        await asyncio.sleep(
            0
        )  # available bytes are read without waiting: without this, a flood would delay every deadline
        return await asyncio.get_running_loop().sock_recv(self._connection, limit)

    def close(self) -> None:
        self._connection.close()


class SystemNet:
    """`Net` with real packets."""

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        connection = socket.socket(family_of(address), socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            if mss is not None:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
            _report_icmp(connection, address, wanted=True)
            number = connection.connect_ex(_endpoint(address, port))
            draft.facts = TcpFacts(at_once=number not in (0, errno.EINPROGRESS))
            try:
                if number == errno.EINPROGRESS:
                    await _writable(connection)
                    number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            finally:  # the kernel's facts are kept even if the window runs out in the middle
                draft.facts = _seen_by_kernel(connection, address, draft.facts)
            if number:
                raise OSError(number, os.strerror(number))
            # After this, an ICMP error no longer ends the connection.
            _report_icmp(connection, address, wanted=False)
        except BaseException:
            connection.close()
            raise
        return SocketStream(connection)

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        loop = asyncio.get_running_loop()
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            # The socket is connected, so that a closed port gives ECONNREFUSED, and datagrams of other hosts are
            # ignored.
            channel.connect(_endpoint(address, port))

            async def answer() -> bytes:
                while True:
                    await asyncio.sleep(0)  # as in SocketStream.receive
                    if accept(datagram := await loop.sock_recv(channel, 65_535)):
                        return datagram

            channel.send(payload)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry_after):
                    return await answer(), 1
            channel.send(payload)
            return await answer(), 2

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        def look_up() -> tuple[Address, ...]:
            try:
                rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except UnicodeError as error:  # a label is empty, too long or not text
                raise socket.gaierror(socket.EAI_NONAME, "no name that can be looked up") from error
            addresses = (ip_address(row[4][0]) for row in rows if row[0] in (socket.AF_INET, socket.AF_INET6))
            return tuple(dict.fromkeys(addresses))

        return await in_background(look_up)

    def datagram_error(self, address: Address, port: int) -> int | None:
        try:
            with socket.socket(family_of(address), socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.connect(_endpoint(address, port))
                channel.send(b"\0")
        except OSError as error:
            return error.errno
        return None


def _endpoint(address: Address, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if address.version == 4:
        return str(address), port
    scope = address.scope_id
    try:
        index = 0 if scope is None else int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
    except (OSError, ValueError) as error:  # Python sets no errno for a missing interface
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from error
    return str(address).partition("%")[0], port, 0, index


async def _writable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = connection.fileno()

    def settle() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(descriptor, settle)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _report_icmp(connection: socket.socket, address: Address, *, wanted: bool) -> None:
    if not LINUX:
        return
    if address.version == 4:
        connection.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, wanted)
    else:
        connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, wanted)


def _seen_by_kernel(connection: socket.socket, address: Address, facts: TcpFacts) -> TcpFacts:
    if not LINUX:
        return facts
    seen: dict[str, Any] = {}
    with contextlib.suppress(OSError):  # an unbound socket has no name
        host = ip_address(connection.getsockname()[0])
        seen["source"] = None if host.is_unspecified else host
    with contextlib.suppress(OSError, struct.error):  # an older kernel returns a shorter struct
        info = _TCP_INFO.unpack_from(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        seen["round_trip_seconds"] = info[_RTT] / 1e6 or None
        seen["retransmits"] = info[_TOTAL_RETRANS]
        # Until the socket is connected, the kernel returns a default of 536.
        seen["mss"] = None if info[_STATE] in _UNCONNECTED else info[_SND_MSS] or None
    return replace(facts, **seen, icmp=_icmp_error(connection, address))


def _icmp_error(connection: socket.socket, address: Address) -> IcmpError | None:
    """Return the ICMP error that ended a connect, from the socket's error queue; None if the queue is empty."""
    try:
        _data, ancillary, _flags, _peer = connection.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _level, _type, data in ancillary:
        _number, origin, kind, code = struct.unpack_from("=IBBB", data)
        if origin == _SO_EE_ORIGIN_ICMP and len(data) >= 24:
            return IcmpError(sender=IPv4Address(data[20:24]), type=kind, code=code)
        if origin == _SO_EE_ORIGIN_ICMP6 and len(data) >= 40:
            return IcmpError(sender=IPv6Address(data[24:40]), type=kind, code=code)
    return None
