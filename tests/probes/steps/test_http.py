"""One HTTP exchange with any kind of answer: in pieces, without end, cut off, or not HTTP at all."""

import asyncio
import base64
import errno
import itertools
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.facts import HttpFacts
from probes.failure import PeerClosedError, classify
from probes.model import AnswerForm, Draft, FailureKind, ProbeError
from probes.steps.http import (
    MAX_BODY_BYTES,
    MAX_EXCHANGE_BYTES,
    MAX_HEAD_BYTES,
    MAX_INFORMATIONAL,
    RECEIVE_BYTES,
    Response,
    clock_against,
    exchange,
    probe,
    probe_websocket,
    request_id_of,
    user_agent,
)
from tests.support.fakes import DOCUMENTED, HOST, NOW, FakeMachine, ScriptedStream, in_bytes, os_error

pytestmark = pytest.mark.virtual_clock

REQUEST_ID = "20317174-17ec-464f-8ae7-f40a19aafb78"
AWS = (
    b"HTTP/1.1 403 Forbidden\r\nx-amzn-RequestId: 20317174-17ec-464f-8ae7-f40a19aafb78\r\n"
    b"Date: Thu, 15 Jan 2026 03:00:05 GMT\r\nContent-Type: application/xml\r\nContent-Length: 6\r\n\r\n<no/>\n"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nTrailer: t\r\n\r\n"
UNFRAMED = b"HTTP/1.1 200 OK\r\nServer: old\r\n\r\nuntil the end"


async def exchanged(
    *lines: bytes, endless: Iterable[bytes] = (), silent: bool = False
) -> tuple[ScriptedStream, Response]:
    """The stream after one exchange, and the answer."""
    stream = ScriptedStream(*lines, endless=endless, silent=silent)
    return stream, await exchange(stream, "GET", "/", (("Host", HOST),))


async def failed(*lines: bytes, endless: Iterable[bytes] = ()) -> tuple[ScriptedStream, FailureKind]:
    """The stream after an exchange that fails, and the kind of the failure."""
    stream = ScriptedStream(*lines, endless=endless)
    with pytest.raises(DOCUMENTED) as caught:
        await exchange(stream, "GET", "/", (("Host", HOST),))
    assert isinstance(caught.value, Exception)
    return stream, classify(caught.value).kind


# --- The request -----------------------------------------------------------------------------------------------------


async def test_request_on_the_wire() -> None:
    stream, _ = await exchanged(AWS)
    assert stream.sent == f"GET / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_request_with_a_body() -> None:
    stream = ScriptedStream(AWS)
    await exchange(stream, "POST", "/x", (("Host", HOST),), body=b"{}")
    assert stream.sent.endswith(b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("path", "host"),
    [
        pytest.param("/", "bücher.example", id="letters beyond ASCII"),
        pytest.param("/", "a\r\nX-Injected: 1", id="line break in a header"),
        pytest.param("/", "a\0b", id="zero byte in a header"),
        pytest.param("/ HTTP/1.1\r\nX: y\r\n", HOST, id="line break in the path"),
        pytest.param("/ü", HOST, id="path beyond ASCII"),
    ],
)
async def test_request_that_http_cannot_carry(path: str, host: str) -> None:
    stream = ScriptedStream(AWS)
    with pytest.raises(ProbeError) as caught:
        await exchange(stream, "GET", path, (("Host", host),))
    assert caught.value.kind is FailureKind.MALFORMED
    assert stream.sent == b""


# --- Answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [pytest.param(lambda data: [data], id="whole"), pytest.param(in_bytes, id="in bytes")])
@pytest.mark.parametrize(
    ("data", "status", "body", "keep_alive"),
    [
        pytest.param(AWS, 403, b"<no/>\n", True, id="with a length"),
        pytest.param(CHUNKED, 200, b"body", True, id="in chunks"),
        pytest.param(UNFRAMED, 200, b"until the end", False, id="to the end of the connection"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False, id="HTTP/1.0"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False, id="last answer"
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True, id="no body"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", True, id="length of no body"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b"", True, id="no reason"),
        pytest.param(b"HTTP/1.1 999 \xfc\r\nContent-Length: 0\r\n\r\n", 999, b"", True, id="status 999"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok", True, id="bare line feeds"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + AWS,
            403,
            b"<no/>\n",
            True,
            id="after informational answers",
        ),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_INFORMATIONAL + AWS, 403, b"<no/>\n", True, id="after eight of them"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\0",
            200,
            b"\x1f\x8b\x08\0",
            True,
            id="gzip is left alone",
        ),
    ],
)
async def test_answer(
    how: Callable[[bytes], list[bytes]], data: bytes, status: int, body: bytes, keep_alive: bool
) -> None:
    _, response = await exchanged(*how(data))
    assert (response.status, response.body, response.keep_alive) == (status, body, keep_alive)


@pytest.mark.parametrize("data", [pytest.param(AWS, id="with a length"), pytest.param(CHUNKED, id="in chunks")])
async def test_answer_ends_by_itself(data: bytes) -> None:
    """The client reads such an answer without waiting until the peer closes the connection."""
    _, response = await exchanged(data, silent=True)
    assert response.keep_alive


@pytest.mark.parametrize("data", [pytest.param(AWS, id="with a length"), pytest.param(CHUNKED, id="in chunks")])
async def test_bytes_left_over_end_the_use_of_the_connection(data: bytes) -> None:
    _, response = await exchanged(data + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert response.status in (403, 200)
    assert not response.keep_alive  # any later bytes were not requested


async def test_headers_come_in_order_and_in_lower_case() -> None:
    _, response = await exchanged(
        b"HTTP/1.1 200 OK\r\nX-Two: 2\r\nX-ONE: first\r\nx-one: \xfc\x1b[2J\r\nContent-Length: 0\r\n\r\n"
    )
    assert response.headers == (("x-two", "2"), ("x-one", "first"), ("x-one", "ü\x1b[2J"), ("content-length", "0"))
    assert response.header("x-one") == "first"
    assert response.header("x-three") is None


async def test_redirect_is_not_followed() -> None:
    stream, response = await exchanged(
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"
    )
    assert response.status == 302
    assert stream.sent.count(b"HTTP/1.1") == 1


async def test_largest_body() -> None:
    body = bytes(MAX_BODY_BYTES)
    _, response = await exchanged(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert len(response.body) == MAX_BODY_BYTES


# --- No answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [pytest.param(lambda data: [data], id="whole"), pytest.param(in_bytes, id="in bytes")])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="before anything"),
        pytest.param(b"HT", id="in the first word"),
        pytest.param(b"HTTP/1.1 200 OK", id="in the first line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nServer: x\r\n", id="in the head"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="after an informational answer"),
        pytest.param(AWS[:-6], id="before the body"),
        pytest.param(AWS[:-1], id="in the body"),
        pytest.param(CHUNKED[:-20], id="in a chunk"),
        pytest.param(CHUNKED[:-2], id="in the trailer"),
    ],
)
async def test_closed_before_the_end_is_a_failure(how: Callable[[bytes], list[bytes]], data: bytes) -> None:
    _, kind = await failed(*how(data))
    assert kind is FailureKind.CLOSED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="SSH"),
        pytest.param(b"\x15\x03\x03\0\x02\x02\x50", id="TLS"),
        pytest.param(b"<html>", id="HTML alone"),
        pytest.param(b"HTTP/2 200\r\n\r\n", id="HTTP/2 in text"),
        pytest.param(b"http/1.1 200 OK\r\n\r\n", id="in lower case"),
        pytest.param(b"\r\n" + AWS, id="an empty line first"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", id="a status of four digits"),
        pytest.param(b"HTTP/1.1 099 Low\r\n\r\n", id="a status below 100"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", id="a switch nobody asked for"),
        pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", id="a line without a colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", id="a zero byte"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", id="a length of 5000 digits"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two lengths that differ"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", id="a coding nobody asked for"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="a chunk of no size"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", id="a chunk beyond its size"),
    ],
)
async def test_not_http(data: bytes) -> None:
    assert (await failed(data))[1] is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="SSH"),
        pytest.param(b"HELO mail", id="the first letter fits"),
        pytest.param(b"HTTPS", id="four letters fit"),
    ],
)
async def test_not_http_is_known_at_the_first_byte_that_says_so(data: bytes) -> None:
    stream = ScriptedStream(*in_bytes(data), silent=True)
    with pytest.raises(ProbeError) as caught:
        async with asyncio.timeout(3):
            await exchange(stream, "GET", "/", (("Host", HOST),))
    assert caught.value.kind is FailureKind.MALFORMED
    assert stream.given <= 5


@pytest.mark.parametrize(
    ("data", "endless", "limit"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", MAX_HEAD_BYTES, id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 100, MAX_HEAD_BYTES, id="one header"),
        pytest.param(b"HTTP/1.1 200 ", b"y" * 100, MAX_HEAD_BYTES, id="first line"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 26 * MAX_INFORMATIONAL, id="informational answers"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 100, MAX_BODY_BYTES, id="body up to the end"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"y" * 100, MAX_BODY_BYTES, id="body of 100 GB"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\ny\r\n",
            MAX_EXCHANGE_BYTES,
            id="small chunks",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"y" * 100, MAX_HEAD_BYTES, id="chunk extension"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1;" + b"y" * 1000 + b"\r\nz\r\n",
            MAX_EXCHANGE_BYTES,
            id="chunk extensions",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", MAX_HEAD_BYTES, id="trailers"
        ),
    ],
)
@pytest.mark.parametrize("pieces", [pytest.param(1, id="small"), pytest.param(400, id="large")])
async def test_without_end(data: bytes, endless: bytes, limit: int, pieces: int) -> None:
    stream, kind = await failed(*([data] if data else []), endless=itertools.repeat(endless * pieces))
    assert kind is FailureKind.TOO_LARGE
    assert stream.given <= limit + 2 * RECEIVE_BYTES


async def test_message_does_not_carry_the_whole_of_what_came() -> None:
    with pytest.raises(ProbeError) as caught:
        await exchanged(b"HTTP/1.1 200 OK\r\n" + b"no colon " * 3000 + b"\r\n\r\n")
    assert len(caught.value.message) < 200


async def test_error_of_the_stream_passes() -> None:
    stream = ScriptedStream(b"HTTP/1.1 200 OK\r\n", os_error(errno.ECONNRESET))
    with pytest.raises(ConnectionResetError):
        await exchange(stream, "GET", "/", (("Host", HOST),))


async def test_peer_closed_says_where() -> None:
    with pytest.raises(PeerClosedError) as caught:
        await exchanged(AWS[:-1])
    assert classify(caught.value).message == "the peer closed the connection (in the middle of its answer)"


async def any_answer(data: bytes, size: int) -> None:
    """Assert that any bytes give an answer or one of the documented errors, and never a bug."""
    pieces = [data[place : place + size] for place in range(0, len(data), size)]
    stream = ScriptedStream(*pieces)
    try:
        response = await exchange(stream, "GET", "/", (("Host", HOST),))
    except DOCUMENTED as error:
        assert classify(error).kind in (FailureKind.MALFORMED, FailureKind.TOO_LARGE, FailureKind.CLOSED)  # noqa: PT017
        return
    assert 200 <= response.status <= 999


@settings(deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", CHUNKED[:47]]),
    st.integers(1, 9),
)
async def test_any_bytes(data: bytes, start: bytes, size: int) -> None:
    await any_answer(start + data, size)


@settings(deadline=None)
@given(
    st.sampled_from([AWS, CHUNKED, UNFRAMED]),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4),
    st.integers(0, 200),
    st.integers(1, 50),
)
async def test_any_change_to_an_answer(whole: bytes, changes: list[tuple[int, int]], cut: int, size: int) -> None:
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    await any_answer(bytes(data[: len(data) - cut]), size)


# --- Whether AWS answers ---------------------------------------------------------------------------------------------


def head(status: int, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Any\r\n{lines}Content-Length: 2\r\n\r\nok".encode("latin-1")


async def probed(data: bytes, at: datetime = NOW) -> tuple[HttpFacts, ProbeError | Response]:
    """The facts of a probe, and its result or error."""
    draft: Draft[HttpFacts] = Draft()
    outcome: ProbeError | Response
    try:
        outcome = await probe(ScriptedStream(data), FakeMachine(at=at), HOST, user_agent("1.2"), draft)
    except ProbeError as error:
        outcome = error
    assert draft.facts is not None
    return draft.facts, outcome


async def test_aws_front_end() -> None:
    draft: Draft[HttpFacts] = Draft()
    stream = ScriptedStream(AWS)
    response = await probe(stream, FakeMachine(), HOST, user_agent("1.2"), draft)
    assert response.status == 403
    assert draft.facts == HttpFacts(
        status=403,
        request_id=REQUEST_ID,
        date=NOW + timedelta(seconds=5),
        clock_offset_seconds=-5.0,
        server=None,
        content_type="application/xml",
        location=None,
        body_bytes=6,
        clock_uncertainty_seconds=0.0,
    )
    assert b"\r\nUser-Agent: backuplink/1.2\r\n" in stream.sent
    assert f"\r\nHost: {HOST}\r\n".encode() in stream.sent


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(head(403, x_amzn_requestid="1"), None, id="forbidden, by AWS"),
        pytest.param(head(200, x_amzn_requestid="1"), None, id="ok, by AWS"),
        pytest.param(head(404, x_amzn_requestid="1"), None, id="not found, by AWS"),
        pytest.param(head(499, x_amzn_requestid="1"), None, id="below 500"),
        pytest.param(head(500, x_amzn_requestid="1"), FailureKind.SERVICE_ERROR, id="trouble at AWS"),
        pytest.param(head(503, x_amzn_requestid="1"), FailureKind.SERVICE_ERROR, id="overload at AWS"),
        pytest.param(head(200), FailureKind.NOT_AWS, id="a page of somebody else"),
        pytest.param(head(503), FailureKind.NOT_AWS, id="trouble of somebody else"),
        pytest.param(head(302, location="http://portal/"), FailureKind.REDIRECT, id="a portal"),
        pytest.param(head(301, x_amzn_requestid="1"), FailureKind.REDIRECT, id="redirect by AWS"),
        pytest.param(head(399), FailureKind.REDIRECT, id="the last redirect"),
        pytest.param(head(400), FailureKind.NOT_AWS, id="just above"),
    ],
)
async def test_who_answers(data: bytes, kind: FailureKind | None) -> None:
    facts, outcome = await probed(data)
    if kind is None:
        assert isinstance(outcome, Response)
    else:
        assert isinstance(outcome, ProbeError)
        assert (outcome.kind, outcome.code) == (kind, data[9:12].decode())
    assert (facts.status, facts.body_bytes) == (int(data[9:12]), 2)


@pytest.mark.parametrize(
    ("data", "whose"),
    [
        pytest.param(b"x-amzn-RequestId: " + REQUEST_ID.encode() + b"\r\n\r\n", REQUEST_ID, id="AWS"),
        pytest.param(b"Server: squid\r\n\r\n", None, id="somebody else"),
    ],
)
async def test_head_of_an_answer_without_end_is_kept(data: bytes, whose: str | None) -> None:
    draft: Draft[HttpFacts] = Draft()
    stream = ScriptedStream(b"HTTP/1.1 200 OK\r\n" + data, endless=itertools.repeat(b"a" * RECEIVE_BYTES))
    with pytest.raises(ProbeError) as caught:
        await probe(stream, FakeMachine(), HOST, user_agent("1.2"), draft)
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert draft.facts is not None
    assert (draft.facts.status, draft.facts.request_id, draft.facts.body_bytes) == (200, whose, 0)


STS_ERROR = (
    b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    b"<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message></Error>"
    b"<RequestId>5f5b0d1c-8cbd-4a3e</RequestId></ErrorResponse>"
)
EC2_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>MissingParameter</Code>'
    b"<Message>no</Message></Error></Errors><RequestID>5f5b0d1c-8cbd-4a3e</RequestID></Response>"
)
IN_HEADER = (("x-amzn-requestid", REQUEST_ID),)
OF_S3 = (("x-amz-request-id", "4442587FB7D0A2F9"), ("x-amz-id-2", "abc="))


@pytest.mark.parametrize(
    ("answers", "headers", "body", "expected"),
    [
        pytest.param(AnswerForm.JSON, IN_HEADER, b"", REQUEST_ID, id="JSON, header"),
        pytest.param(AnswerForm.JSON, (), STS_ERROR, None, id="JSON, and an error of another protocol"),
        pytest.param(AnswerForm.JSON, OF_S3, b"", None, id="JSON, and the headers of S3"),
        pytest.param(AnswerForm.XML, IN_HEADER, b"", REQUEST_ID, id="XML, header"),
        pytest.param(AnswerForm.XML, (), STS_ERROR, "5f5b0d1c-8cbd-4a3e", id="XML, error of Query"),
        pytest.param(AnswerForm.XML, (), EC2_ERROR, "5f5b0d1c-8cbd-4a3e", id="XML, error of EC2"),
        pytest.param(AnswerForm.XML, OF_S3, b"", None, id="XML, and the headers of S3"),
        pytest.param(AnswerForm.XML, (), b"", None, id="XML, no body"),
        pytest.param(AnswerForm.XML, (), STS_ERROR.replace(b"ErrorResponse", b"html"), None, id="XML, another root"),
        pytest.param(AnswerForm.XML, (), STS_ERROR.replace(b"Code>", b"Kode>"), None, id="XML, without a code"),
        pytest.param(AnswerForm.XML, (), STS_ERROR.replace(b"RequestId", b"Other"), None, id="XML, without an id"),
        pytest.param(AnswerForm.XML, (), b"<!DOCTYPE x>" + STS_ERROR, None, id="XML, a document type"),
        pytest.param(
            *(AnswerForm.XML, (), b"<Response><a><RequestID>1</RequestID></a><Code>x</Code></Response>", None),
            id="XML, an id that is not in the root",
        ),
        pytest.param(AnswerForm.S3, OF_S3, b"", "4442587FB7D0A2F9", id="S3"),
        pytest.param(AnswerForm.S3, OF_S3[:1], b"", None, id="S3, one header alone"),
        pytest.param(AnswerForm.S3, IN_HEADER, b"", None, id="S3, and the header of others"),
    ],
)
def test_where_the_request_id_is(
    answers: AnswerForm, headers: tuple[tuple[str, str], ...], body: bytes, expected: str | None
) -> None:
    answer = Response(status=403, headers=headers, body=body, keep_alive=True)
    assert request_id_of(answer, answers) == expected


async def test_what_is_asked_is_the_service_s_own() -> None:
    data = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(STS_ERROR), STS_ERROR)
    stream, draft = ScriptedStream(data), Draft[HttpFacts]()
    path = "/?Action=GetCallerIdentity&Version=2011-06-15"
    await probe(stream, FakeMachine(), HOST, "backuplink/1", draft, path=path, answers=AnswerForm.XML)
    assert stream.sent.startswith(f"GET {path} HTTP/1.1\r\n".encode())
    assert draft.facts is not None
    assert draft.facts.request_id == "5f5b0d1c-8cbd-4a3e"


async def test_facts_of_somebody_else() -> None:
    facts, _ = await probed(head(302, location="http://portal/\x1b[2J", server="nginx", content_type="text/html"))
    assert (facts.location, facts.server, facts.content_type) == ("http://portal/\x1b[2J", "nginx", "text/html")
    assert (facts.request_id, facts.date, facts.clock_offset_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Thu, 15 Jan 2026 03:00:05 GMT", datetime(2026, 1, 15, 3, 0, 5, tzinfo=UTC), id="as it should be"),
        pytest.param("Thu, 1 Jan 2026 03:00:05 GMT", datetime(2026, 1, 1, 3, 0, 5, tzinfo=UTC), id="one-digit day"),
        pytest.param("Thursday, 15-Jan-26 03:00:05 GMT", datetime(2026, 1, 15, 3, 0, 5, tzinfo=UTC), id="RFC 850"),
        pytest.param("Thu Jan  1 03:00:05 2026", datetime(2026, 1, 1, 3, 0, 5, tzinfo=UTC), id="asctime"),
        pytest.param("Thu, 15 Jan 2026 04:00:05 +0100", datetime(2026, 1, 15, 3, 0, 5, tzinfo=UTC), id="another zone"),
        pytest.param("Thu, 15 Jan 2026 03:00:05 -0000", datetime(2026, 1, 15, 3, 0, 5, tzinfo=UTC), id="UTC, unsaid"),
        pytest.param("", None, id="empty"),
        pytest.param("yesterday", None, id="a word"),
        pytest.param("1768446005", None, id="seconds"),
        pytest.param("2026-01-15T03:00:05Z", None, id="ISO 8601"),
        pytest.param("Thu, 32 Jan 2026 03:00:05 GMT", None, id="no such day"),
        pytest.param("Thu, 15 Jan 99999999999999999999 03:00:05 GMT", None, id="a year of twenty digits"),
        pytest.param("Thu, 15 Jan " + "9" * 5000 + " 03:00:05 GMT", None, id="a year of 5000 digits"),
        pytest.param("Thu, 15 Jan 2026 03:00:05 +99999999999999999999", None, id="an offset of twenty digits"),
        pytest.param("Thu, 15 Jan 2026 03:00:05 +2400", None, id="an offset of a day"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 -0100", None, id="beyond the last instant"),
        pytest.param("\xb2\xb2 Jan \xb2", None, id="digits that are not ASCII"),
    ],
)
async def test_date(text: str, expected: datetime | None) -> None:
    facts, _ = await probed(head(403, date=text, x_amzn_requestid="1"))
    assert facts.date == expected
    assert facts.date is None or facts.date.tzinfo is UTC
    offset = None if expected is None else (NOW - expected).total_seconds()
    assert facts.clock_offset_seconds == offset


def test_the_clock_is_read_halfway_between_request_and_answer() -> None:
    sent = NOW + timedelta(seconds=10)
    assert clock_against(NOW, sent, sent + timedelta(seconds=3)) == (11.5, 1.5)
    assert clock_against(NOW, sent, sent) == (10.0, 0.0)
    assert clock_against(None, sent, sent) == (None, None)


def test_a_clock_that_was_set_back_meanwhile_is_as_uncertain_as_far() -> None:
    assert clock_against(NOW, NOW, NOW - timedelta(seconds=4)) == (-2.0, 2.0)


async def test_clock_offset_is_in_milliseconds() -> None:
    facts, _ = await probed(AWS, at=NOW + timedelta(seconds=65.0006))
    assert facts.clock_offset_seconds == 60.001


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60))
@example("0 ")
async def test_any_date(text: str) -> None:
    facts, _ = await probed(head(403, date=text.strip(), x_amzn_requestid="1"))
    assert facts.date is None or facts.date.tzinfo is UTC


# --- WebSocket -------------------------------------------------------------------------------------------------------

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def asked_for_a_websocket(*lines: bytes) -> tuple[ScriptedStream, HttpFacts | None, FailureKind | None]:
    """The stream, the facts of the answer, and the failure."""
    stream, draft = ScriptedStream(*lines), Draft[HttpFacts]()
    try:
        await probe_websocket(stream, FakeMachine(), HOST, "backuplink/1", "/v1/x?y=z", draft)
    except (OSError, PeerClosedError, ProbeError) as error:
        return stream, draft.facts, classify(error).kind
    return stream, draft.facts, None


async def test_request_for_a_websocket_on_the_wire() -> None:
    stream, _, _ = await asked_for_a_websocket(AWS)
    assert stream.sent.startswith(b"GET /v1/x?y=z HTTP/1.1\r\n")
    for line in (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"):
        assert line in stream.sent
    (key,) = re.findall(rb"Sec-WebSocket-Key: (\S+)", stream.sent)
    assert len(base64.b64decode(key)) == 16
    assert b"uthorization" not in stream.sent


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        pytest.param(AWS, 403, None, id="refused by AWS"),
        pytest.param(SWITCHED, 101, None, id="opened"),
        pytest.param(SWITCHED + b"\x82\x00", 101, None, id="opened, and a frame behind it"),
        pytest.param(head(400), 400, None, id="refused without a request id"),
        pytest.param(head(403, content_type="text/html; charset=utf-8"), 403, FailureKind.NOT_AWS, id="a page"),
        pytest.param(head(407), 407, FailureKind.NOT_AWS, id="a proxy wants credentials"),
        pytest.param(head(502), 502, FailureKind.NOT_AWS, id="a gateway's fault"),
        pytest.param(head(503, x_amzn_requestid=REQUEST_ID), 503, None, id="a fault of AWS"),
        pytest.param(head(302, location="https://portal.example"), 302, FailureKind.REDIRECT, id="a redirect"),
        pytest.param(b"", None, FailureKind.CLOSED, id="closed"),
        pytest.param(b"SSH-2.0-x\r\n", None, FailureKind.MALFORMED, id="no HTTP"),
    ],
)
async def test_answer_to_a_request_for_a_websocket(data: bytes, status: int | None, kind: FailureKind | None) -> None:
    _, facts, failed_as = await asked_for_a_websocket(data)
    assert (None if facts is None else facts.status, failed_as) == (status, kind)


async def test_nobody_who_was_asked_for_no_websocket_switches_to_it() -> None:
    stream, kind = await failed(SWITCHED)
    assert kind is FailureKind.MALFORMED
    assert b"Upgrade" not in stream.sent


@pytest.mark.parametrize(
    ("answers", "headers", "is_aws"),
    [
        pytest.param(AnswerForm.S3, (*OF_S3, ("x-amz-bucket-region", "eu-central-1")), True, id="S3, of a bucket"),
        pytest.param(AnswerForm.S3, OF_S3, False, id="S3, and no bucket"),
        pytest.param(AnswerForm.S3, (("x-amz-bucket-region", "eu-central-1"),), False, id="somebody else"),
        pytest.param(AnswerForm.JSON, (*OF_S3, ("x-amz-bucket-region", "x")), False, id="another service"),
    ],
)
async def test_s3_itself_sends_on_who_asks_in_another_region(
    answers: AnswerForm, headers: tuple[tuple[str, str], ...], is_aws: bool
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    stream = ScriptedStream(f"HTTP/1.1 301 Moved\r\n{lines}Content-Length: 0\r\n\r\n".encode())
    asked = probe(stream, FakeMachine(), HOST, "backuplink/1", Draft[HttpFacts](), path="/-", answers=answers)
    if is_aws:
        assert (await asked).status == 301
        return
    with pytest.raises(ProbeError) as caught:
        await asked
    assert caught.value.kind is FailureKind.REDIRECT
