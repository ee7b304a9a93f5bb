"""`python bare.py RESOLVER HOST ROOTS REQUEST...`: the least work with which a Python program can check one address.

It makes five round trips with only asyncio and ssl: one each for the name, TCP and TLS 1.3, and one for each of two
REQUESTs. A REQUEST is a complete request; the second one is already signed. It prints the status of each answer.
"""

import asyncio
import ssl
import sys

QUERY_ID = 1
HTTPS = 443


class Asking(asyncio.DatagramProtocol):
    """Treats the first datagram that arrives as the answer."""

    def __init__(self, answer: "asyncio.Future[bytes]") -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answer.done():
            self._answer.set_result(data)


async def look_up(resolver: str, host: str) -> str:
    """Return the address in the last four bytes of the answer to a query for A records (RFC 1035, section 3.4.1)."""
    name = b"".join(bytes([len(label)]) + label for label in host.encode("ascii").split(b"."))
    query = QUERY_ID.to_bytes(2, "big") + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + name + bytes([0, 0, 1, 0, 1])
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: Asking(answer), remote_addr=(resolver, 53))
    transport.sendto(query)
    data = await answer
    transport.close()
    return ".".join(str(byte) for byte in data[-4:])


async def main(resolver: str, host: str, roots: str, *requests: str) -> None:
    """Make the five round trips."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context(cafile=roots)
    address = await look_up(resolver, host)
    reader = asyncio.StreamReader()
    transport, _ = await loop.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), address, HTTPS, ssl=context, server_hostname=host
    )
    for request in requests:
        transport.write(request.encode("ascii"))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        sys.stdout.write(head.split(b" ")[1].decode("ascii") + "\n")
    transport.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
