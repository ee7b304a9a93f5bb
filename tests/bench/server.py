"""`python -m tests.bench.server`: an AWS endpoint and a name server at every address, with as little work as possible
in Python.

The server itself is not measured, but a measured program must not wait for it longer than needed. It accepts every
signature; tests check whether signatures are right. It prints `ready` once it listens, and ends when its stdin is
closed.
"""

import asyncio
import re
import resource
import socket
import sys
from email.utils import formatdate
from ipaddress import ip_address
from typing import Final, cast

from agent.simulated import peers
from agent.simulated.certificates import server_context
from agent.simulated.scenario import parse
from probes.ports import HTTPS
from probes.steps.dns import DNS_PORT

READY: Final = "ready"
HOST: Final = "backup.eu-west-1.amazonaws.com"
ISSUER: Final = "amazon"
RESOLVER: Final = ip_address("127.0.0.1")
_WORLD: Final = f"""
summary = "a name"
dns = [{{ resolvers = ["{RESOLVER}"], name = "{HOST}", a = ["127.0.1.1", "127.0.1.2", "127.0.1.3"] }}]
expect = {{ status = "ok", path = "private", findings = [] }}
"""
_BACKLOG: Final = 4096
_FILES: Final = 16_384
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_SIGNED: Final = re.compile(rb"(?i)\r\nauthorization: *AWS4")


def _response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nx-amzn-RequestId: 20317174-17ec-464f-8ae7-f40a19aafb78\r\nDate: "
    return head.encode() + b"%s\r\nContent-Length: %d\r\n\r\n%s" % (b"%s", len(body), body)


_UNSIGNED: Final = _response("403 Forbidden", b'{"message": "Missing Authentication Token"}')
_GOOD: Final = _response("200 OK", b'{"BackupVaultList": []}')


class Https(asyncio.Protocol):
    """Answers each request of one client once the request is complete."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < whole:
                return
            self._data = self._data[whole:]
            if self._transport is not None:
                self._transport.write((_GOOD if _SIGNED.search(head) else _UNSIGNED) % _now())


class Names(asyncio.DatagramProtocol):
    """Answers queries for names."""

    def __init__(self) -> None:
        self._world = parse("lab", _WORLD)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12, asyncio's own class is not a DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        answer = peers.dns_answer(self._world, RESOLVER, data, tcp=False)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _now() -> bytes:
    return formatdate(usegmt=True).encode("ascii")


async def serve() -> None:
    """Serve until stdin is closed."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)
    context = server_context(ISSUER, (HOST,))
    https = await loop.create_server(
        Https, None, HTTPS, ssl=context, family=socket.AF_INET, backlog=_BACKLOG, reuse_address=True
    )
    names, _ = await loop.create_datagram_endpoint(Names, local_addr=(str(RESOLVER), DNS_PORT))
    async with https:
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await over.wait()
        names.close()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    asyncio.run(serve())
