"""The HTTP listener. It serves metrics and liveness and, on loopback only, the last report and a run on demand.

It answers one request on each connection, with the results of the last cycle; only `/probe` waits for a run. Clients
are not trusted: the bytes and the time of a request are limited, and so is the time in which a client must read the
answer. When too many clients are connected, the oldest connection is closed in favour of the newest, so that a scrape
always gets through. The `Host` of a request must be the address to which the client connected, or a name of loopback.
This stops DNS rebinding: a page in a browser on this host may use a name that resolves to this listener, but the
browser then sends that name as the `Host`.
"""

import asyncio
import contextlib
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import h11

from probes.frozen import dataclass

MAX_CONNECTIONS: Final = 128
MAX_HEAD_BYTES: Final = 16_384
HEAD_SECONDS: Final = 5.0
"""Time limit for a request to arrive."""
BODY_SECONDS: Final = 10.0
"""Time limit for an answer to be read."""
LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 1 << 18
"""Maximum bytes and time for reading further after an answer was sent: closing with unread bytes would reset the
connection, and the client would lose the answer (RFC 9112, section 9.6)."""
SCRAPE_SECONDS: Final = 10.0
"""Prometheus' own default timeout, for requests that do not give a timeout."""
SCRAPE_MARGIN: Final = 0.5
"""Seconds of the timeout that are kept free so that the answer can arrive, as with blackbox_exporter's
--timeout-offset."""
_SCRAPE_TIMEOUT: Final = "x-prometheus-scrape-timeout-seconds"
_READ: Final = 4_096
_LOOPBACK_NAMES: Final = frozenset({"localhost", "ip6-localhost"})
_HOST: Final = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?")
"""`Host = uri-host [ ":" port ]` (RFC 9110, section 7.2)."""
_ABSOLUTE: Final = re.compile(r"(?i:http)://(?P<host>[^/?#]*)(?P<rest>[/?].*)?")
"""A target in absolute form (RFC 9112, section 3.2.2)."""
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: HTTPStatus
    body: str
    kind: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The functions that make the content of the pages. They must not block."""

    metrics: Callable[[], str]
    alive: Callable[[], tuple[bool, str]]
    """Returns whether cycles finish in time, and a line that says so."""
    report: Callable[[], str | None]
    """Returns the last report as JSON; None before the first report."""
    probe: Callable[[], Awaitable[str | None]]
    """Returns the metrics of the current run, or of a new one; None if the watch ends first."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a client."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    has_body: bool
    version: str
    """The version of HTTP, such as `1.1`."""


class RefusedError(Exception):
    """A request is refused with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


class Listener:
    """A server on one address and port."""

    def __init__(self, address: Address, port: int, pages: Pages) -> None:
        self.address = address
        self.port = port
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._closed = False
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        """Connections being served, oldest first."""

    @property
    def url(self) -> str:
        """Its address as a URL without a path."""
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError if the address does not belong to this host, or the port is in use. For port 0 the
        kernel chooses a port, and `port` becomes that port."""
        self._server = await asyncio.start_server(self._accept, str(self.address), self.port, limit=MAX_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and abort every connection. A closed listener cannot be started again."""
        self._closed = True
        if self._server is not None:
            self._server.close()
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in its own task. This is not a coroutine, since asyncio before Python 3.12.2 would then
        log a traceback for every cancelled connection (cpython gh-113538)."""
        if self._closed:  # the connection was accepted while the listener closed
            writer.transport.abort()
            return
        while len(self._open) >= MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            self._open.pop(oldest).transport.abort()
            oldest.cancel()
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._release)

    def _release(self, task: asyncio.Task[None]) -> None:
        if (writer := self._open.pop(task, None)) is not None:
            writer.transport.abort()  # the kernel already has the answer, or nobody waits for it

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):  # the client has closed the connection or does not read
            await self._exchange(reader, writer)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it, and wait for the other end to close. Raises OSError and TimeoutError."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                request = await _read_head(connection, reader)
        except TimeoutError:
            request = None
        except RefusedError as refused:
            await _write(connection, writer, refused.answer, head_only=False)
            await _linger(reader)
            return
        if request is None:  # no complete request came, so there is nothing to answer
            return
        try:
            answer = await self._answer(request, local=ip_address(writer.get_extra_info("sockname")[0]))
        except RefusedError as refused:
            answer = refused.answer
        await _write(connection, writer, answer, head_only=request.method == "HEAD")
        await _linger(reader)

    async def _answer(self, request: Request, *, local: Address) -> Answer:
        if not request.version.startswith("1."):
            status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
            raise RefusedError(Answer(status, f"{status.phrase}.\n"))
        _check_host(request.headers.get("host"), local)
        pages: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/metrics": self._metrics,
            "/healthz": self._healthz,
        }
        local_pages = {"/report.json": self._report, "/probe": self._probe}
        if request.path in local_pages and not self.address.is_loopback:
            raise RefusedError(Answer(HTTPStatus.NOT_FOUND, f"{request.path} is served on loopback addresses only.\n"))
        page = {**pages, **local_pages}.get(request.path)
        if page is None:
            known = " ".join([*pages, *(local_pages if self.address.is_loopback else ())])
            raise RefusedError(Answer(HTTPStatus.NOT_FOUND, f"Not found. Pages: {known}\n"))
        if request.method not in ("GET", "HEAD"):
            allow = (("Allow", "GET, HEAD"),)
            raise RefusedError(Answer(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD.\n", headers=allow))
        if request.has_body:
            raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, "A request must have no body.\n"))
        if request.query:
            raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, f"{request.path} takes no parameters.\n"))
        return await page(request)

    async def _metrics(self, _: Request) -> Answer:
        return Answer(HTTPStatus.OK, self._pages.metrics(), METRICS)

    async def _healthz(self, _: Request) -> Answer:
        alive, words = self._pages.alive()
        return Answer(HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE, f"{words}\n")

    async def _report(self, _: Request) -> Answer:
        report = self._pages.report()
        if report is None:
            raise RefusedError(Answer(HTTPStatus.SERVICE_UNAVAILABLE, "No cycle has finished yet.\n"))
        return Answer(HTTPStatus.OK, report, JSON)

    async def _probe(self, request: Request) -> Answer:
        # A page cannot read the answer of another origin, but its request would start a run. Browsers state in headers
        # where a request comes from (W3C, Fetch Metadata Request Headers; RFC 6454, The Web Origin Concept). No page
        # can remove these headers, but a browser may send only one of them.
        site, origin = request.headers.get("sec-fetch-site", "none"), request.headers.get("origin")
        own = f"http://{request.headers.get('host')}"
        if site not in ("none", "same-origin") or origin not in (None, own):
            raise RefusedError(Answer(HTTPStatus.FORBIDDEN, "A page of another site cannot start a run.\n"))
        limit = _probe_limit(request.headers.get(_SCRAPE_TIMEOUT))
        try:
            async with asyncio.timeout(limit):
                text = await self._pages.probe()
        except TimeoutError:
            words = f"The run did not finish within {limit:g} s; it continues, and /metrics will show its results.\n"
            raise RefusedError(Answer(HTTPStatus.SERVICE_UNAVAILABLE, words)) from None
        if text is None:
            raise RefusedError(Answer(HTTPStatus.SERVICE_UNAVAILABLE, "The watch is ending.\n"))
        return Answer(HTTPStatus.OK, text, METRICS)


async def _read_head(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """Return the next request without its body; None if the client closed the connection before the request was
    complete. Raises RefusedError if it is not HTTP."""
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ))
    except h11.RemoteProtocolError as error:
        status = HTTPStatus(error.error_status_hint)
        raise RefusedError(Answer(status, f"{status.phrase}.\n")) from error
    if not isinstance(event, h11.Request):
        return None
    # h11 refuses a second `Host`; if another header is repeated, the last value counts.
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
    target = event.target.decode("latin-1")
    if (absolute := _ABSOLUTE.fullmatch(target)) is not None:
        # The host in the target counts, not the header `Host` (RFC 9112, section 3.2.2).
        headers["host"], target = absolute["host"], absolute["rest"] or "/"
    path, _, query = target.partition("?")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    version = event.http_version.decode("latin-1")
    return Request(event.method.decode("latin-1"), path, query, headers, has_body, version)


def _check_host(host: str | None, local: Address) -> None:
    """Raise RefusedError unless `host`, which comes from the request, is the address to which the client connected, or
    a name of loopback."""
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
    if named is None or _on_the_wire(named) != _on_the_wire(local):
        words = "The Host must be the address of the listener, or localhost.\n"
        raise RefusedError(Answer(HTTPStatus.MISDIRECTED_REQUEST, words))


def _on_the_wire(address: Address) -> Address:
    """Return an address in the form that clients use: as IPv4 if it is an IPv4-mapped IPv6 address, and without the
    zone index of a link-local address, which clients leave out (RFC 6874)."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


def _probe_limit(text: str | None) -> float:
    """Return the seconds that a scrape may wait for its answer. Raises RefusedError if the value is not a positive
    number."""
    if text is None:
        return SCRAPE_SECONDS - SCRAPE_MARGIN
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        words = "X-Prometheus-Scrape-Timeout-Seconds must be a number of seconds.\n"
        raise RefusedError(Answer(HTTPStatus.BAD_REQUEST, words))
    return max(seconds - SCRAPE_MARGIN, seconds / 2)


async def _write(connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, *, head_only: bool) -> None:
    """Send an answer and the end of the stream. Raises OSError, and TimeoutError after BODY_SECONDS."""
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
    writer.transport.set_write_buffer_limits(0)  # so that `drain` waits until the kernel has the whole answer
    async with asyncio.timeout(BODY_SECONDS):
        writer.write(sent)
        writer.write_eof()
        await writer.drain()


async def _linger(reader: asyncio.StreamReader) -> None:
    """Read the rest of the client's data, up to LINGER_BYTES and LINGER_SECONDS, so that the answer arrives."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(LINGER_SECONDS):
            count = 0
            while count < LINGER_BYTES and (data := await reader.read(_READ)):
                count += len(data)
