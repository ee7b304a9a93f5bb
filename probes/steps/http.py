"""Make one bounded HTTP/1.1 exchange over any stream. Redirects are not followed, and content is not decompressed.

It uses h11, the engine of httpx, directly. The clients that are built on h11 let a peer send informational answers and
chunk extensions without end. Here, every byte of an exchange is counted, and the connection is closed at the limit.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from xml.etree import ElementTree

import h11

from probes.facts import HttpFacts
from probes.failure import PeerClosedError
from probes.frozen import dataclass
from probes.model import AnswerForm, Draft, FailureKind, ProbeError
from probes.seams import Machine, Stream

MAX_BODY_BYTES: Final = 64 * 1024
MAX_EXCHANGE_BYTES: Final = MAX_BODY_BYTES + MAX_BODY_BYTES // 2
"""Maximum bytes of a whole answer. The head, the framing and everything else besides the body may have half as many
bytes as the body."""
MAX_HEAD_BYTES: Final = 32 * 1024
MAX_INFORMATIONAL: Final = 8
RECEIVE_BYTES: Final = 16_384
MAX_HEADER_CHARACTERS: Final = 256
"""Maximum length that is kept of a header's value. A request id has 36 characters. If a Location is longer, its start
is enough."""
MAX_ERROR_CHARACTERS: Final = 120
"""Maximum length of the text of an error. It is needed because h11 quotes the whole line that it cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer of an HTTP server."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Headers with names in lower case, in their order."""
    body: bytes
    keep_alive: bool
    """Whether another request may follow on the connection."""

    def header(self, name: str) -> str | None:
        """The beginning of the first header with that lower-case name."""
        return next((value[:MAX_HEADER_CHARACTERS] for key, value in self.headers if key == name), None)


async def exchange(
    stream: Stream,
    method: str,
    path: str,
    headers: tuple[tuple[str, str], ...],
    *,
    body: bytes = b"",
    on_head: Callable[[Response], None] | None = None,
    most: int = MAX_BODY_BYTES,
) -> Response:
    """Send one request and read its whole answer, whose body may have at most `most` bytes. `on_head` is called as soon
    as the head is complete, and gets the head. The head identifies the server even if the body never ends.

    Raises OSError, PeerClosedError if the connection ends without a whole answer, and ProbeError of kind `malformed` or
    `too-large`. `malformed` is also the kind for a request that HTTP cannot carry, such as a request to a host that is
    not ASCII.
    """
    engine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    try:
        request = h11.Request(method=method, target=path, headers=[*headers, ("Content-Length", str(len(body)))])
    except (h11.LocalProtocolError, UnicodeError) as error:
        name = type(error).__name__
        raise ProbeError(FailureKind.MALFORMED, f"HTTP cannot carry this request: {name}", code=name) from error
    data = engine.send(request)
    if body:
        data = (data or b"") + (engine.send(h11.Data(data=body)) or b"")
    await stream.send((data or b"") + (engine.send(h11.EndOfMessage()) or b""))
    try:
        return await _read(stream, engine, on_head, most)
    except h11.RemoteProtocolError as error:
        kind = FailureKind.TOO_LARGE if error.error_status_hint == 431 else FailureKind.MALFORMED
        raise ProbeError(kind, f"the answer is not HTTP: {str(error)[:MAX_ERROR_CHARACTERS]}") from error


async def _read(
    stream: Stream, engine: h11.Connection, on_head: Callable[[Response], None] | None, most: int
) -> Response:
    received = informational = 0
    start = b""
    ended = False
    head: h11.Response | None = None
    body = bytearray()
    most_received = most + most // 2
    while True:
        try:
            event = engine.next_event()
        except h11.RemoteProtocolError as error:
            if not ended:
                raise
            closed = PeerClosedError()  # what came before the end was HTTP
            closed.add_note("in the middle of its answer")
            raise closed from error
        match event:
            case h11.NEED_DATA:
                data = await stream.receive(RECEIVE_BYTES)
                received += len(data)
                if received > most_received:
                    raise ProbeError(FailureKind.TOO_LARGE, f"an answer of over {most_received} bytes")
                start = (start + data)[:5]
                if not start:
                    raise PeerClosedError
                if not b"HTTP/".startswith(start):
                    raise ProbeError(FailureKind.MALFORMED, "what came back does not begin like HTTP")
                ended = not data
                engine.receive_data(data)
            case h11.InformationalResponse(status_code=101):
                return _response(
                    event, b"", keep_alive=False
                )  # the status is accepted only if an upgrade was requested
            case h11.InformationalResponse():
                informational += 1
                if informational > MAX_INFORMATIONAL:
                    raise ProbeError(FailureKind.TOO_LARGE, f"over {MAX_INFORMATIONAL} informational answers")
            case h11.Response():
                head = event
                if on_head is not None:
                    on_head(_response(head, b"", keep_alive=False))
            case h11.Data():
                body += event.data
                if len(body) > most:
                    raise ProbeError(FailureKind.TOO_LARGE, f"a body of over {most} bytes")
            case h11.EndOfMessage() if head is not None:
                # The connection is not kept after bytes that belong to no request, nor if the end of the body is the
                # end of the connection.
                keep_alive = engine.their_state is h11.DONE and engine.trailing_data == (b"", False)
                return _response(head, bytes(body), keep_alive=keep_alive)
            case _:
                raise PeerClosedError


def _response(head: h11.Response | h11.InformationalResponse, body: bytes, *, keep_alive: bool) -> Response:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
    return Response(status=head.status_code, headers=headers, body=body, keep_alive=keep_alive)


def user_agent(version: str) -> str:
    """The User-Agent of requests."""
    return f"backuplink/{version}"


_S3_ID: Final = "x-amz-id-2"
_BUCKET_REGION: Final = "x-amz-bucket-region"
_ERROR_ROOTS: Final = frozenset({"ErrorResponse", "Response"})
"""Roots of error documents of the query protocols (botocore.parsers.QueryParser, EC2QueryParser)."""


def request_id_of(response: Response, answers: AnswerForm) -> str | None:
    """Return the request id of an AWS answer. None if there is no id in the place that the service uses for it."""
    if answers is AnswerForm.S3:
        return None if response.header(_S3_ID) is None else response.header("x-amz-request-id")
    in_header = response.header("x-amzn-requestid")
    if in_header is not None or answers is not AnswerForm.XML or (root := xml_of(response.body)) is None:
        return in_header
    if local_name(root) not in _ERROR_ROOTS or "Code" not in map(local_name, root.iter()):
        return None
    # Errors of the query protocols have the request id in their root; EC2 calls it RequestID.
    named = (child.text for child in root if local_name(child) in ("RequestId", "RequestID"))
    return next((text.strip()[:MAX_HEADER_CHARACTERS] for text in named if text and text.strip()), None)


def xml_of(body: bytes) -> ElementTree.Element | None:
    """Return the root of a small XML body. A document type is refused, since AWS' answers never declare entities."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    try:
        return ElementTree.fromstring(body.decode("utf-8", "replace"))  # noqa: S314 - no document type gets here
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None


def local_name(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


async def probe(
    stream: Stream,
    machine: Machine,
    host: str,
    agent: str,
    draft: Draft[HttpFacts],
    *,
    path: str = "/",
    answers: AnswerForm = AnswerForm.JSON,
) -> Response:
    """Send an unsigned request for `path` to an AWS endpoint. A peer that answers with a request id in the form of
    `answers` is an AWS front end.

    Raises the errors of `exchange`, and ProbeError of kind `redirect`, `not-aws` or `service-error`; any other status
    is a good answer to an unsigned request. The facts keep the head even of an endless answer.
    """
    sent = machine.now()

    def on_head(head: Response) -> None:
        draft.facts = _facts(head, sent, machine.now(), answers)

    response = await exchange(stream, "GET", path, _headers(host, agent), on_head=on_head)
    facts = draft.facts = _facts(response, sent, machine.now(), answers)
    # S3 itself redirects requests for a bucket in another Region; the signed call tells which Region.
    is_of_bucket = facts.request_id is not None and response.header(_BUCKET_REGION) is not None
    if 300 <= facts.status < 400 and not is_of_bucket:
        raise ProbeError(
            FailureKind.REDIRECT, f"status {facts.status} sends the client elsewhere", code=str(facts.status)
        )
    if facts.request_id is None:
        raise ProbeError(
            FailureKind.NOT_AWS, f"status {facts.status} without an AWS request id", code=str(facts.status)
        )
    if facts.status >= 500:
        raise ProbeError(FailureKind.SERVICE_ERROR, f"status {facts.status} from AWS", code=str(facts.status))
    return response


async def probe_padded(
    stream: Stream,
    machine: Machine,
    host: str,
    agent: str,
    padding: bytes,
    draft: Draft[HttpFacts],
    *,
    answers: AnswerForm = AnswerForm.JSON,
) -> Response:
    """Send an unsigned request with `padding` as its body: any complete answer shows that large packets get through.

    Raises the errors of `exchange`.
    """
    sent = machine.now()
    response = await exchange(stream, "POST", "/", _headers(host, agent), body=padding)
    draft.facts = _facts(response, sent, machine.now(), answers)
    return response


async def probe_websocket(
    stream: Stream,
    machine: Machine,
    host: str,
    agent: str,
    path: str,
    draft: Draft[HttpFacts],
    *,
    answers: AnswerForm = AnswerForm.JSON,
) -> Response:
    """Send an unsigned request to open a WebSocket at `path`: an answer shows that the path lets such a request pass.

    AWS does not document how services answer. A refusal without a request id therefore counts as an answer of the
    service, unless it is a redirect, a fault, a page for people, or a request for a proxy's credentials. Raises the
    errors of `exchange`, and ProbeError of kind `redirect` or `not-aws`.
    """
    sent = machine.now()
    upgrade = (
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", _WEBSOCKET_KEY),
    )
    response = await exchange(stream, "GET", path, (*_headers(host, agent), *upgrade))
    facts = draft.facts = _facts(response, sent, machine.now(), answers)
    code = str(facts.status)
    if 300 <= facts.status < 400:
        raise ProbeError(FailureKind.REDIRECT, f"status {code} sends the client elsewhere", code=code)
    is_page = (facts.content_type or "").lower().startswith("text/html")
    if facts.request_id is None and (is_page or facts.status == _PROXY_AUTHENTICATION or facts.status >= 500):
        raise ProbeError(FailureKind.NOT_AWS, f"status {code} without an AWS request id", code=code)
    return response


_WEBSOCKET_KEY: Final = base64.b64encode(b"backuplink-probe").decode()
"""Sixteen bytes of the form that the protocol needs. Nothing depends on their value, since no WebSocket is used."""
_PROXY_AUTHENTICATION: Final = 407


def _headers(host: str, agent: str) -> tuple[tuple[str, str], ...]:
    return (("Host", host), ("User-Agent", agent), ("Accept", "*/*"))


def clock_against(theirs: datetime | None, sent: datetime, received: datetime) -> tuple[float | None, float | None]:
    """Return the offset of this host's clock from the server's, and its uncertainty of half the round trip, both in
    seconds; None if the time of the server is unknown. `sent` and `received` are times by this host's clock."""
    if theirs is None:
        return None, None
    half = (received - sent).total_seconds() / 2
    return round((sent - theirs).total_seconds() + half, 3), round(abs(half), 3)


def _facts(response: Response, sent: datetime, received: datetime, answers: AnswerForm) -> HttpFacts:
    date = instant_of(response.header("date"))
    offset, uncertainty = clock_against(date, sent, received)
    return HttpFacts(
        status=response.status,
        request_id=request_id_of(response, answers),
        date=date,
        clock_offset_seconds=offset,
        clock_uncertainty_seconds=uncertainty,
        server=response.header("server"),
        content_type=response.header("content-type"),
        location=response.header("location"),
        body_bytes=len(response.body),
    )


@lru_cache(maxsize=64)
def instant_of(text: str | None) -> datetime | None:
    """Return the time in a Date header in UTC, for any of its forms (RFC 9110, section 5.6.7) including one-digit days;
    None if it is not a date."""
    if text is None:
        return None
    try:
        instant = parsedate_to_datetime(text)
        # The form of asctime has no zone and means GMT.
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
