"""Requests of hostile clients to the listener of a watch on loopback."""

import re
from random import Random
from typing import Final

from agent.watch.listen import MAX_HEAD_BYTES
from tests.agent.watch.clients import PAGES, connection, listening, played
from tests.hostile.fuzz.command import Command
from tests.hostile.fuzz.mutation import BYTES, spoilt_bytes

_BODIES: Final = (PAGES.metrics().encode(), b"cycles finished: 1\n", b"{}\n", b"found 1\n")
"""The contents of the listener's pages. An answer without a page contains none of these texts."""
_STATUSES: Final = frozenset({200, 400, 404, 405, 421, 431, 501, 503, 505})
_OWN: Final = re.compile(
    rb"(?i:127\.0\.0\.1|localhost\.?|ip6-localhost\.?|\[::ffff:(?:127\.0\.0\.1|7f00:1)\])(?::[0-9]*)?"
)
_ASKS: Final = re.compile(
    rb"(?:\r?\n)*(?P<method>GET|HEAD) (?:(?i:http)://(?P<authority>[^/?# ]*))?"
    rb"/(?:metrics|healthz|report\.json|probe) HTTP/1\.[0-9]\r?\n(?P<fields>(?:[^\r\n]*\r?\n)*?)\r?\n"
)
"""The only form of a request that gets a page: a request in HTTP/1.x for a listed page, without a query."""
_HOST_FIELD: Final = re.compile(rb"(?im)^host:[ \t]*([^\r\n]*?)[ \t]*\r?$")

_METHODS: Final = (b"GET", b"GET", b"GET", b"HEAD", b"POST", b"CONNECT", b"OPTIONS", b"PRI", b"get", b"")
_TARGETS: Final = (
    *(b"/metrics", b"/healthz", b"/report.json", b"/probe", b"/metrics", b"/", b"*", b"//metrics", b"/%6Detrics"),
    *(b"http://127.0.0.1/metrics", b"http://evil.example/metrics", b"HTTP://localhost:1/probe", b"http:///metrics"),
    *(
        b"http://127.0.0.1@evil.example/metrics",
        b"/metrics?x",
        b"/metrics#x",
        b"http://[::1",
        b"http://[::ffff:7f00:1]/probe",
    ),
)
_VERSIONS: Final = (
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"HTTP/11.1",
    b"",
    b"ICY",
)
_HOSTS: Final = (
    *(b"127.0.0.1", b"127.0.0.1", b"localhost:9842", b"evil.example", b"127.0.0.1.evil.example", b"[::ffff:127.0.0.1]"),
    *(
        b"0x7f000001",
        b"127.1",
        b"127.0.0.1:x",
        b"[::1]",
        b"",
        b"127.0.0.1, evil.example",
        b"127.0.0.2",
        b"localhost\xb7",
    ),
)
_FIELDS: Final = (
    *(
        b"Content-Length: 4",
        b"Content-Length: 0",
        b"Content-Length: -1",
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue",
    ),
    *(b"Content-Length: 99999999999999999999", b"Connection: upgrade", b"X: " + b"a" * MAX_HEAD_BYTES, b"x", b": y"),
    *(
        b"X-Prometheus-Scrape-Timeout-Seconds: nan",
        b"X-Prometheus-Scrape-Timeout-Seconds: 1e-300",
        b"\tfolded",
        b"X:\x00",
    ),
    *(
        b"X-Prometheus-Scrape-Timeout-Seconds: " + b"9" * 400,
        b"Accept-Encoding: gzip",
        b"Host: evil.example",
        b"Host : a",
    ),
)
_ENDS: Final = (b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r")
_PIECES: Final = (
    *BYTES,
    b"Host: evil.example\r\n",
    b" HTTP/1.1\r\n",
    b"\r\n\r\n",
    b"GET /report.json HTTP/1.1\r\n",
    b"http://",
)


def request(chance: Random) -> bytes:
    """A request, valid or nearly so."""
    end = chance.choice(_ENDS)
    first = b" ".join((chance.choice(_METHODS), chance.choice(_TARGETS), chance.choice(_VERSIONS)))
    fields = [b"Host: " + chance.choice(_HOSTS), *chance.sample(_FIELDS, chance.choice((0, 0, 1, 2)))]
    chance.shuffle(fields)
    data = end.join((first, *fields, b"", b""))
    data += chance.choice((b"", b"", b"body", data))
    return spoilt_bytes(chance, data, _PIECES) if chance.randrange(3) == 0 else data


def check_requests(chance: Random, _: Command) -> None:
    """A request gets one of the listed answers, or no answer. It gets a page only if it has the one valid form and is
    addressed to this host.
    """
    sent = request(chance)
    sizes = [chance.choice((1, 7, 64, 1 << 16)) for _ in range(4)]
    answer = b""

    async def probe() -> str:
        return "found 1\n"

    async def go() -> None:
        nonlocal answer
        async with listening(probe=probe) as listener, connection(listener) as client:
            rest = sent
            for size in sizes:
                await client.send(rest[:size])
                rest = rest[size:]
            await client.send(rest)
            client.finish()
            answer = await client.rest()

    played(go())
    assert_answer(sent, answer)


def assert_answer(sent: bytes, answer: bytes) -> None:
    """Assert that a request may get this answer."""
    if not answer:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("ascii").split("\r\n")
    status = int(first.split(" ")[1])
    assert first.startswith("HTTP/1.1 ")
    assert status in _STATUSES
    given = {name: value for name, _, value in (line.partition(": ") for line in fields)}
    assert len(given) == len(fields)
    assert (given["Connection"], given["Cache-Control"]) == ("close", "no-store")
    # If several requests arrive, only the first is answered. The answer to a HEAD request has no body.
    assert len(body) == int(given["Content-Length"]) or not body
    assert (body in _BODIES) is (status == 200 and body != b"")
    if status != 200:
        return
    asked = _ASKS.match(sent)
    assert asked is not None
    assert bool(body) is (asked["method"] == b"GET")
    hosts = _HOST_FIELD.findall(asked["fields"])
    assert len(hosts) == 1
    assert _OWN.fullmatch(hosts[0] if asked["authority"] is None else asked["authority"])
