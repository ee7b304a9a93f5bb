"""The one place that listens: metrics and liveness over HTTP, and on loopback the last report and a look on demand.

It answers one request a connection, from what the cycles have left, and waits for a run only where `/probe` asks for
one. Whoever connects is a stranger: what he sends is bounded in bytes and in time, so is how long he takes to read, and
when too many are there the oldest connection makes room for the newest, so that a scrape always gets through. The
`Host` must be the address that is connected to or a name of loopback: a page in a browser on this host can be led to
any address by its name (DNS rebinding), and gives itself away by that name.
"""

import asyncio
import contextlib
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import h11

MAX_CONNECTIONS: Final = 128
MAX_HEAD_BYTES: Final = 16_384
HEAD_SECONDS: Final = 5.0
"""For a request to arrive."""
BODY_SECONDS: Final = 10.0
"""For an answer to be taken."""
LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 1 << 18
"""Of what still comes after an answer: closing on unread bytes would reset the connection, and the answer with it
(RFC 9112, section 9.6)."""
SCRAPE_SECONDS: Final = 10.0
"""Prometheus' own default, where the request does not name its patience."""
SCRAPE_MARGIN: Final = 0.5
"""Of that, kept for the way back, as blackbox_exporter does (--timeout-offset)."""
_SCRAPE_TIMEOUT: Final = "x-prometheus-scrape-timeout-seconds"
_READ: Final = 4_096
_LOOPBACK_NAMES: Final = frozenset({"localhost", "ip6-localhost"})
_HOST: Final = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?")
"""`Host = uri-host [ ":" port ]` (RFC 9110, section 7.2)."""
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: HTTPStatus
    body: str
    kind: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What is answered, by path. None of these may block."""

    metrics: Callable[[], str]
    alive: Callable[[], tuple[bool, str]]
    """Whether cycles come to their end, and a line about it."""
    report: Callable[[], str | None]
    """The last report as JSON; None before the first."""
    probe: Callable[[], Awaitable[str | None]]
    """The metrics of the run in flight, or of a new one; None where the watch ends meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    has_body: bool


class RefusedError(Exception):
    """A request that gets no more than this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


class Listener:
    """A server while it is open."""

    def __init__(self, address: Address, port: int, pages: Pages) -> None:
        self.address = address
        self.port = port
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._ended = False
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        """Connections being served, oldest first."""

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"http://{host}:{self.port}"

    async def begin(self) -> None:
        """Listen. Raises OSError where the address is not this host's or the port is taken. Where the port is 0 the
        kernel chooses one, and `port` tells it."""
        self._server = await asyncio.start_server(self._accept, str(self.address), self.port, limit=MAX_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        """CancelToken listening, and let go of every connection."""
        self._ended = True  # for good: whoever wants to listen there again opens another one
        if self._server is not None:
            self._server.close()
        left = list(self._open)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task of its own. Not as a coroutine: what asyncio makes of one before Python 3.12.2
        logs a traceback for each connection that is let go (cpython gh-113538)."""
        if self._ended:  # it was on its way in when the listener was closed
            writer.transport.abort()
            return
        while len(self._open) >= MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            self._open.pop(oldest).transport.abort()
            oldest.cancel()
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        if (writer := self._open.pop(task, None)) is not None:
            writer.transport.abort()  # all that it was to give has gone to the kernel, or is not wanted

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):  # it has gone, or takes nothing: nobody is left to tell
            await self._converse(reader, writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it, and wait for the other end to close. Raises OSError and TimeoutError."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                asked = await _read_head(connection, reader)
        except TimeoutError:
            asked = None
        except RefusedError as refused:
            await _write(connection, writer, refused.answer, head_only=False)
            await _linger(reader)
            return
        if asked is None:  # nothing whole came: there is nobody to answer
            return
        try:
            answer = await self._answer(asked, local=ip_address(writer.get_extra_info("sockname")[0]))
        except RefusedError as refused:
            answer = refused.answer
        await _write(connection, writer, answer, head_only=asked.method == "HEAD")
        await _linger(reader)

    async def _answer(self, asked: Asked, *, local: Address) -> Answer:
        _check_host(asked.headers.get("host"), local)
        pages: dict[str, Callable[[Asked], Awaitable[Answer]]] = {"/metrics": self._metrics, "/healthz": self._healthz}
        beside = {"/report.json": self._report, "/probe": self._probe}
        if asked.path in beside and not self.address.is_loopback:
            raise RefusedError(Answer(HTTPStatus.NOT_FOUND, f"{asked.path} is served on a loopback address alone.\n"))
        page = {**pages, **beside}.get(asked.path)
        if page is None:
            known = " ".join([*pages, *(beside if self.address.is_loopback else ())])
            raise RefusedError(Answer(HTTPStatus.NOT_FOUND, f"Not here. There are: {known}\n"))
        if asked.method not in ("GET", "HEAD"):
            allow = (("Allow", "GET, HEAD"),)
            raise RefusedError(Answer(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD.\n", headers=allow))
        if asked.has_body:
            raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, "A request here has no body.\n"))
        if asked.query:
            raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, f"{asked.path} takes no parameters.\n"))
        return await page(asked)

    async def _metrics(self, _: Asked) -> Answer:
        return Answer(HTTPStatus.OK, self._pages.metrics(), METRICS)

    async def _healthz(self, _: Asked) -> Answer:
        alive, words = self._pages.alive()
        return Answer(HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE, f"{words}\n")

    async def _report(self, _: Asked) -> Answer:
        found = self._pages.report()
        if found is None:
            raise RefusedError(Answer(HTTPStatus.SERVICE_UNAVAILABLE, "No cycle has come to its end yet.\n"))
        return Answer(HTTPStatus.OK, found, JSON)

    async def _probe(self, asked: Asked) -> Answer:
        patience = _patience(asked.headers.get(_SCRAPE_TIMEOUT))
        try:
            async with asyncio.timeout(patience):
                found = await self._pages.probe()
        except TimeoutError:
            words = f"The run has not come to its end within {patience:g} s; it goes on, and /metrics will have it.\n"
            raise RefusedError(Answer(HTTPStatus.SERVICE_UNAVAILABLE, words)) from None
        if found is None:
            raise RefusedError(Answer(HTTPStatus.SERVICE_UNAVAILABLE, "The watch is ending.\n"))
        return Answer(HTTPStatus.OK, found, METRICS)


async def _read_head(connection: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    """The next request without its body; None where the other end has gone before it was whole. Raises RefusedError
    for what is no HTTP/1.x."""
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ))
    except h11.RemoteProtocolError as error:
        status = HTTPStatus(error.error_status_hint)
        raise RefusedError(Answer(status, f"{status.phrase}.\n")) from error
    if not isinstance(event, h11.Request):
        return None
    # One `Host` at most gets through h11; of any other header that comes twice the last one counts.
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
    path, _, query = event.target.decode("latin-1").partition("?")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return Asked(event.method.decode("latin-1"), path, query, headers, has_body)


def _check_host(host: str | None, local: Address) -> None:
    """Raises RefusedError unless `host`, as a request names it, is the address that was connected to or a name of
    loopback."""
    if not host:
        raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, "A request must name its Host.\n"))
    if (parts := _HOST.fullmatch(host)) is None:
        raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, "The Host is malformed.\n"))
    name, bracketed = parts["name"], parts["bracketed"]
    if name is not None and name.lower().removesuffix(".") in _LOOPBACK_NAMES:
        return
    try:
        named: Address | None = IPv4Address(name) if name is not None else IPv6Address(bracketed)
    except ValueError:
        named = None
    if named is None or _plain(named) != _plain(local):
        words = "The Host must be the address that is listened on, or localhost.\n"
        raise RefusedError(Answer(HTTPStatus.MISDIRECTED_REQUEST, words))


def _plain(address: Address) -> Address:
    """An address as it goes over the wire: IPv4 where an IPv6 one only wraps it, and without the zone that this host
    knows a link by, which clients leave out (RFC 6874)."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def _patience(given: str | None) -> float:
    """Seconds that a scrape may wait for its answer. Raises RefusedError for what is no number."""
    if given is None:
        return SCRAPE_SECONDS - SCRAPE_MARGIN
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        words = "X-Prometheus-Scrape-Timeout-Seconds must be a number of seconds.\n"
        raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, words))
    return max(seconds - SCRAPE_MARGIN, seconds / 2)


async def _write(connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, *, head_only: bool) -> None:
    """Send an answer and say that nothing follows. Raises OSError and TimeoutError."""
    body = answer.body.encode()
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
        *answer.headers,
    ]
    sent = connection.send(h11.Response(status_code=answer.status, reason=answer.status.phrase, headers=headers))
    sent = (sent or b"") + (b"" if head_only else connection.send(h11.Data(data=body)) or b"")
    sent += connection.send(h11.EndOfMessage()) or b""
    writer.transport.set_write_buffer_limits(0)  # so that `drain` waits until all has gone to the kernel
    async with asyncio.timeout(BODY_SECONDS):
        writer.write(sent)
        writer.write_eof()
        await writer.drain()


async def _linger(reader: asyncio.StreamReader) -> None:
    """Take a little of what still comes, so that the answer arrives."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(LINGER_SECONDS):
            taken = 0
            while taken < LINGER_BYTES and (piece := await reader.read(_READ)):
                taken += len(piece)
