"""The listener alone: what it answers to each kind of client, and how it treats hostile clients."""

import asyncio
import gc
import resource
import socket
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.watch import listen
from agent.watch.listen import (
    BODY_SECONDS,
    HEAD_SECONDS,
    LINGER_BYTES,
    LINGER_SECONDS,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    SCRAPE_MARGIN,
    SCRAPE_SECONDS,
    Listener,
)
from tests.agent.watch.clients import (
    PAGES,
    Client,
    answer_in,
    connected,
    connection,
    exchanged,
    got,
    leap,
    listening,
    played,
    request_for,
    turns,
    until,
)
from tests.hostile.fuzz import requests
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.support.extent import examples
from tests.support.fakes import open_files

PATHS = ("/metrics", "/healthz", "/report.json", "/probe")
HUGE = 8 << 20
"""The size in bytes of an answer that is too large for the kernel's buffers."""


async def _probed() -> str | None:
    return "found 1\n"


# --- What is answered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "up 1\n"),
        ("/healthz", 200, "text/plain; charset=utf-8", "cycles finished: 1\n"),
        ("/report.json", 200, "application/json", "{}\n"),
        ("/probe", 200, "text/plain; version=0.0.4; charset=utf-8", "found 1\n"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_each_page_is_answered_once_and_kept_by_nobody(
    path: str, status: int, kind: str, body: str, method: str
) -> None:
    async def go() -> None:
        async with listening(probe=_probed) as listener:
            answer = await got(listener, path, method=method, more="Connection: keep-alive\r\n")
        assert answer.status == status
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Length"] == str(len(body))
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Connection"] == "close"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Content-Encoding" not in answer.headers
        assert (answer.body, answer.rest) == (body if method == "GET" else "", b"")

    played(go())


@pytest.mark.parametrize("path", ["/report.json", "/probe"])
def test_what_says_more_is_there_on_loopback_alone(path: str) -> None:
    async def go() -> None:
        async with listening("0.0.0.0", probe=_probed) as listener:  # noqa: S104 - for the length of a test
            answer = await got(listener, path, address="127.0.0.1")
            assert (answer.status, answer.body) == (404, f"{path} is served on loopback addresses only.\n")
            assert (await got(listener, "/", address="127.0.0.1")).body == "Not found. Pages: /metrics /healthz\n"
            assert (await got(listener, "/metrics", address="127.0.0.1")).status == 200
        async with listening("127.0.0.2", probe=_probed) as listener:
            assert (await got(listener, path, host="127.0.0.2")).status == 200

    played(go())


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/metrics/",
        "//metrics",
        "/METRICS",
        "/./metrics",
        "/x/../metrics",
        "/%6Detrics",
        "/metrics%00",
        "/metrics;x",
        "/metrics#x",
        "*",
        "metrics",
        "https://127.0.0.1/metrics",
        "http:/metrics",
        "http://127.0.0.1",
        "http://127.0.0.1/",
        "http://127.0.0.1//metrics",
        "127.0.0.1:443",
        "/report.json/../../etc/passwd",
    ],
)
def test_unknown_paths_are_refused_with_those_that_there_are(target: str) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, target)
        assert answer.status == 404
        assert answer.body == "Not found. Pages: /metrics /healthz /report.json /probe\n"

    played(go())


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1/metrics", 200),
        ("HTTP://localhost:9842/metrics", 200),
        ("http://evil.example/metrics", 421),
        ("http://127.0.0.1@evil.example/metrics", 421),
        ("http:///metrics", 400),
        ("http://127.0.0.1:x/metrics", 400),
        ("http://127.0.0.1/metrics?x", 400),
    ],
)
def test_an_absolute_target_names_the_host_itself(target: str, status: int, host: str) -> None:
    async def go() -> None:
        async with listening() as listener:
            assert (await got(listener, target, host=host)).status == status

    played(go())


@pytest.mark.parametrize(
    ("version", "status"), [("1.0", 200), ("1.1", 200), ("1.2", 200), ("0.9", 505), ("2.0", 505), ("3.0", 505)]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_only_http_1_is_spoken(method: str, version: str, status: int) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, "/metrics", method=method, version=version)
            assert answer.status == status
            assert bool(answer.body) is (method == "GET")

    played(go())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "PROPFIND"])
def test_other_methods_are_refused(path: str, method: str) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, path, method=method, more="Content-Length: 0\r\n")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.body == "GET or HEAD.\n"

    played(go())


def test_it_is_no_proxy() -> None:
    async def go() -> None:
        async with listening() as listener:
            tunnel = await exchanged(listener, request_for("127.0.0.1:22", method="CONNECT") + b"SSH-2.0-x\r\n")
            assert (answer_in(tunnel).status, answer_in(tunnel).rest) == (404, b"")
            upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n"
            assert (await got(listener, "/metrics", more=upgrade)).status == 200

    played(go())


@pytest.mark.parametrize("path", PATHS)
def test_no_page_takes_parameters(path: str) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, f"{path}?target=evil.example&module=x")
        assert (answer.status, answer.body) == (400, f"{path} takes no parameters.\n")

    played(go())


def test_liveness_and_a_report_that_is_not_there_yet_have_their_status() -> None:
    async def ending() -> str | None:
        return None

    async def go() -> None:
        async with listening(alive=lambda: (False, "overdue"), report=lambda: None, probe=ending) as listener:
            assert [
                ((answer := await got(listener, path)).status, answer.body)
                for path in ("/healthz", "/report.json", "/probe")
            ] == [(503, "overdue\n"), (503, "No cycle has finished yet.\n"), (503, "The watch is ending.\n")]

    played(go())


# --- The header `Host` -----------------------------------------------------------------------------------------------

OWN = (
    "127.0.0.1",
    "127.0.0.1:9842",
    "127.0.0.1:",
    "127.0.0.1:1",
    "localhost",
    "LOCALHOST:9842",
    "LocalHost.",
    "localhost.:80",
    "ip6-localhost",
    "[::ffff:127.0.0.1]:80",
)
FOREIGN = (
    "evil.example",
    "evil.example:9842",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example.localhost",
    "localhost..",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "0.0.0.0",  # noqa: S104 - to be refused
    "[::1]",
    "[::]",
    "[127.0.0.1]",
    "[localhost]",
    "127.0.0.1@evil.example",
    "evil.example/127.0.0.1",
    "evil.example#localhost",
    "169.254.169.254",
    "127.0.0.1%lo",
    "localhost\xb7",
    ".",
    "*",
)
MALFORMED = (
    "",
    " ",
    "127.0.0.1:x",
    "localhost:80:evil.example",
    "localhost:-1",
    "[::1",
    "::1",
    "[::1]evil.example",
    "[::1].evil.example:80",
    "[[::1]]",
    "evil.example:80@127.0.0.1",
)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((authority, 200) for authority in OWN),
        *((authority, 421) for authority in FOREIGN),
        *((authority, 400) for authority in MALFORMED),
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/probe"])
def test_the_host_must_be_this_one(host: str, status: int, path: str) -> None:
    async def go() -> None:
        async with listening(metrics=lambda: "found 1\n", probe=_probed) as listener:
            answer = await got(listener, path, host=host)
        assert answer.status == status
        assert ("found" in answer.body) is (status == 200)

    played(go())


@pytest.mark.parametrize("path", ["/metrics", "/", "/healthz", "/report.json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_learns_nothing_of_what_there_is(path: str, method: str) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, path, host="evil.example", method=method)
        assert (answer.status, answer.body) == (
            421,
            "The Host must be the address of the listener, or localhost.\n",
        )

    played(go())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "Cross-Site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
        ({"Origin": "https://stranger.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "https://127.0.0.1:9842"}, 403),
        ({"Origin": "https://stranger.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "http://127.0.0.1:9842"}, 200),
    ],
)
def test_a_page_of_another_site_starts_no_run(sent: dict[str, str], status: int) -> None:
    """The request of such a page has the right `Host`, for example if the page contains `<img
    src="http://127.0.0.1:9842/probe">`. Requests that need no run are answered, since somebody may follow a link, and
    the page cannot read the answer.
    """
    began: list[str] = []

    async def probed() -> str:
        began.append("a run")
        return "found 1\n"

    async def go() -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        async with listening(probe=probed) as listener:
            assert (await got(listener, "/probe", host="127.0.0.1:9842", more=more)).status == status
            answer = await got(listener, "/metrics", more=more)
            assert (answer.status, "Access-Control-Allow-Origin" in answer.headers) == (200, False)

    played(go())
    assert began == (["a run"] if status == 200 else [])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("[::1]", 200),
        ("[::1]:9842", 200),
        ("[0:0:0:0:0:0:0:1]", 200),
        ("[::1%25lo]", 200),
        ("[::1%lo]", 200),
        ("localhost", 200),
        ("[::2]", 421),
        ("[::2%lo]", 421),
        ("[v1.x]", 421),
        ("127.0.0.1", 421),
        ("[]", 421),
    ],
)
def test_the_host_over_ipv6(host: str, status: int) -> None:
    async def go() -> None:
        async with listening("::1") as listener:
            assert listener.url == f"http://[::1]:{listener.port}"
            assert (await got(listener, "/report.json", host=host)).status == status

    played(go())


def test_a_link_local_address_is_named_without_its_zone() -> None:
    """Clients leave out the zone (RFC 6874), since it has a meaning only on one host."""
    listen._check_host("[fe80::1]:9842", ip_address("fe80::1%eth0"))
    with pytest.raises(listen.RefusedError):
        listen._check_host("[fe80::2]", ip_address("fe80::1%eth0"))


def test_every_address_that_a_wildcard_stands_for_is_a_host_where_it_was_connected_to() -> None:
    async def go() -> None:
        async with listening("0.0.0.0") as listener:  # noqa: S104 - for the length of a test
            for address, host, status in (
                ("127.0.0.1", "127.0.0.1", 200),
                ("127.0.0.3", "127.0.0.3", 200),
                ("127.0.0.3", "127.0.0.1", 421),
                ("127.0.0.1", "0.0.0.0", 421),  # noqa: S104
            ):
                assert (await got(listener, "/metrics", address=address, host=host)).status == status

    played(go())


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", id="two"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\n\r\n", id="two, own last"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nhOST: 127.0.0.1\r\n\r\n", id="the same twice"),
        pytest.param(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", id="two in 1.0"),
        pytest.param(b"GET /metrics HTTP/1.1\r\n\r\n", id="none"),
        pytest.param(b"GET /metrics HTTP/1.0\r\n\r\n", id="none in 1.0"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", id="a space before the colon"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n evil.example\r\n\r\n", id="folded"),
        pytest.param(b"GET /metrics HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n", id="folded first"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\0\r\n\r\n", id="a zero byte"),
        pytest.param(b"GET http://127.0.0.1/metrics HTTP/1.1\r\n\r\n", id="in the target alone"),
    ],
)
def test_a_host_that_is_not_exactly_one_is_refused(head: bytes) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = answer_in(await exchanged(listener, head))
        assert answer.status in (400, 421)
        assert "up 1" not in answer.body

    played(go())


# --- What is not a request, or more than one -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"\r\n\r\n", 400, id="nothing"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60) + b"\r\n\r\n", 400, id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="HTTP/2"),
        pytest.param(b"GET /metrics\r\n\r\n", 400, id="HTTP/0.9"),
        pytest.param(b"GET /metrics HTTP/11.1\r\nHost: 127.0.0.1\r\n\r\n", 400, id="version"),
        pytest.param(b"GET  /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, id="two spaces"),
        pytest.param(b"GET /met rics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, id="a space in the target"),
        pytest.param(b"GET /metrics\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, id="a zero byte in the target"),
        pytest.param("GET /mëtrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), 400, id="beyond ASCII"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nx\r\n\r\n", 400, id="a header without a colon"),
        pytest.param(b"\x00" * 64 + b"\r\n\r\n", 400, id="zero bytes"),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
            id="two lengths",
        ),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400, id="a negative length"
        ),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +0\r\n\r\n", 400, id="a signed length"
        ),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, id="another coding"
        ),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
            b"Transfer-Encoding: identity\r\n\r\n",
            501,
            id="two codings",
        ),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_what_is_no_request_is_refused(sent: bytes, status: int, piece: int) -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            for start in range(0, len(sent), piece):
                await client.send(sent[start : start + piece])
            client.finish()
            answer = answer_in(await client.rest())
        assert answer.status == status
        assert "up 1" not in answer.body

    played(go())


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param("Content-Length: 4\r\n\r\nbody", id="length"),
        pytest.param("Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", id="chunked"),
        pytest.param("Transfer-Encoding: chunked\r\n\r\n", id="chunked that does not come"),
        pytest.param("Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", id="a chunk without end"),
        pytest.param("Content-Length: 99999999999999999999\r\n\r\n", id="a length without end"),
        pytest.param("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="length and chunked"),
        pytest.param("Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", id="waits to be told to go on"),
    ],
)
def test_a_body_is_refused_without_being_waited_for(behind: str) -> None:
    async def go() -> None:
        request = f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n{behind}".encode()
        smuggled = request_for("/report.json")
        async with listening() as listener:
            answer = answer_in(await exchanged(listener, request + smuggled))
        assert (answer.status, answer.body) == (400, "A request must have no body.\n")
        assert answer.rest == b""

    played(go())


def test_of_several_requests_on_one_connection_the_first_is_answered() -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = answer_in(await exchanged(listener, request_for("/metrics") + request_for("/report.json") * 9))
        assert (answer.status, answer.body, answer.rest) == (200, "up 1\n", b"")

    played(go())


def test_an_expectation_without_a_body_is_no_reason_to_refuse() -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, "/metrics", more="Expect: 100-continue\r\n")
        assert (answer.status, answer.body) == (200, "up 1\n")

    played(go())


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /" + b"x" * 2 * MAX_HEAD_BYTES, id="target"),
        pytest.param(request_for("/metrics")[:-2] + b"X: " + b"x" * 2 * MAX_HEAD_BYTES, id="header"),
        pytest.param(request_for("/metrics")[:-2] + b"X: x\r\n" * MAX_HEAD_BYTES, id="headers"),
        pytest.param(b"x" * 4 * MAX_HEAD_BYTES, id="no end of line"),
    ],
)
def test_a_head_that_is_too_long_is_refused_and_the_answer_arrives(head: bytes) -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            await client.send(head + b"\r\n" * 8)
            answer = answer_in(await client.rest())
        assert (answer.status, answer.body) == (431, "Request Header Fields Too Large.\n")

    played(go())


def test_a_head_just_within_the_bound_is_taken() -> None:
    async def go() -> None:
        async with listening() as listener:
            assert (await got(listener, "/metrics", more=f"X: {'x' * (MAX_HEAD_BYTES - 200)}\r\n")).status == 200

    played(go())


def test_of_what_comes_without_end_a_bounded_part_is_taken() -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            with pytest.raises(ConnectionError):  # at once: the kernel takes a few megabytes
                await client.send(b"POST /metrics HTTP/1.1\r\n" * 20 * LINGER_BYTES)

    played(go())


async def _served(sent: bytes) -> bytes:
    """The listener's answer to these bytes. The client then closes its sending direction."""
    async with listening(probe=_probed) as listener, connection(listener) as client:
        await client.send(sent)
        client.finish()
        return await client.rest()


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=200) | by_hypothesis(requests.request))
def test_any_bytes_are_answered_once_or_not_at_all(sent: bytes) -> None:
    answers: list[bytes] = []

    async def go() -> None:
        answers.append(await _served(sent))

    played(go())
    requests.assert_answer(sent, answers[0])


# --- Slow clients ----------------------------------------------------------------------------------------------------


async def gone(client: Client) -> bool:
    """Whether the listener has closed the connection without an answer."""
    try:
        return await client.rest() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "start", [pytest.param(b"", id="nothing"), pytest.param(request_for("/metrics")[:-1], id="all but a byte")]
)
def test_a_request_has_its_time_to_arrive(start: bytes) -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            await client.send(start)
            await until(lambda: len(listener._open) == 1)
            leap(HEAD_SECONDS - 1)
            await turns()
            assert len(listener._open) == 1
            leap(1)
            assert await gone(client)

    played(go())


def test_a_byte_now_and_then_does_not_buy_time() -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            await until(lambda: len(listener._open) == 1)
            for byte in request_for("/metrics")[:8]:
                await client.send(bytes([byte]))
                await turns()
                assert len(listener._open) == 1
                leap(HEAD_SECONDS / 10)
            leap(HEAD_SECONDS / 5)
            assert await gone(client)

    played(go())


def test_who_reads_nothing_is_let_go_and_who_reads_slowly_is_served() -> None:
    async def go() -> None:
        body = "x" * HUGE
        async with listening(report=lambda: body) as listener:
            async with connection(listener, receive=4096) as client:
                await client.send(request_for("/report.json"))
                await client.read(64)
                leap(BODY_SECONDS - 1)
                await turns()
                assert len(listener._open) == 1
                assert (await got(listener, "/metrics")).status == 200
                await until(lambda: len(listener._open) == 1)
                leap(2)
                await until(lambda: not listener._open)
                assert len(await client.rest()) < HUGE
            async with connection(listener, receive=4096) as client:
                await client.send(request_for("/report.json"))
                data = b""
                while piece := await client.read(1 << 17):
                    data += piece
                assert answer_in(data).body == body

    played(go())


def test_the_end_of_an_answer_is_not_dropped_while_its_reader_pauses() -> None:
    async def go() -> None:
        body = "x" * (1 << 18)
        async with listening(report=lambda: body) as listener, connection(listener, receive=4096) as client:
            await until(lambda: len(listener._open) == 1)
            (writer,) = listener._open.values()
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            await client.send(request_for("/report.json"))
            data = await client.read(1024)
            while (left := writer.transport.get_write_buffer_size()) > 1 << 14:
                data += await client.read(1024)
                await turns(2)
            await turns()
            assert left > 0  # these bytes wait in this process: the kernel takes no more
            leap(2 * LINGER_SECONDS)
            await turns()
            data += await client.rest()
        assert answer_in(data).body == body

    played(go())


@pytest.mark.parametrize(("sent", "status"), [(request_for("/metrics"), 200), (b"no request\r\n\r\n", 400)])
def test_who_does_not_close_after_an_answer_is_let_go(sent: bytes, status: int) -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            await client.send(sent)
            assert answer_in(await client.rest()).status == status
            await turns()
            assert len(listener._open) == 1
            leap(LINGER_SECONDS + 0.1)
            await until(lambda: not listener._open)

    played(go())


def test_who_closes_his_own_side_first_is_answered() -> None:
    async def go() -> None:
        async with listening() as listener, connection(listener) as client:
            await client.send(request_for("/metrics"))
            client.finish()
            assert answer_in(await client.rest()).body == "up 1\n"
            await until(lambda: not listener._open)

    played(go())


@pytest.mark.parametrize("sent", [b"", b"GET", request_for("/metrics"), request_for("/report.json")])
@pytest.mark.parametrize("read", [False, True])
def test_a_reset_at_any_point_ends_that_connection_alone(sent: bytes, read: bool) -> None:
    async def go() -> None:
        async with listening(report=lambda: "x" * HUGE) as listener:
            for _ in range(20):
                client = await connected(listener)
                await client.send(sent)
                if read and sent.endswith(b"\r\n\r\n"):
                    await client.read(16)
                else:
                    await until(lambda: len(listener._open) == 1)
                client.reset()
                await until(lambda: not listener._open)
            assert (await got(listener, "/metrics")).status == 200

    played(go())


# --- A run on demand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "patience"),
    [
        (None, SCRAPE_SECONDS - SCRAPE_MARGIN),
        ("10", 10 - SCRAPE_MARGIN),
        ("30.000000", 30 - SCRAPE_MARGIN),
        ("0.6", 0.3),
        ("0.1", 0.05),
    ],
)
def test_a_probe_waits_as_long_as_the_scrape_does_and_a_little_less(given: str | None, patience: float) -> None:
    cancelled: list[bool] = []

    async def never() -> str | None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return None

    async def go() -> None:
        assert listen._probe_limit(given) == pytest.approx(patience)
        more = "" if given is None else f"X-Prometheus-Scrape-Timeout-Seconds: {given}\r\n"
        async with listening(probe=never) as listener, connection(listener) as client:
            await client.send(request_for("/probe", more=more))
            await until(lambda: len(listener._open) == 1)
            assert (await got(listener, "/metrics")).status == 200  # other clients do not wait
            leap(patience)
            answer = answer_in(await client.rest())
        assert answer.status == 503
        assert answer.body.startswith(f"The run did not finish within {patience:g} s; ")
        assert cancelled == [True]

    played(go())


def test_a_probe_is_not_given_up_before_the_scrape_is() -> None:
    async def go() -> None:
        result: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        async def probe() -> str | None:
            return await result

        async with listening(probe=probe) as listener, connection(listener) as client:
            await client.send(request_for("/probe", more="X-Prometheus-Scrape-Timeout-Seconds: 100\r\n"))
            await until(lambda: len(listener._open) == 1)
            leap(98)
            await turns()
            result.set_result("found 1\n")
            assert answer_in(await client.rest()).body == "found 1\n"

    played(go())


@pytest.mark.parametrize("given", ["", "x", "0", "-1", "nan", "inf", "-inf", "1e999", "1;2", "0x10", "1,2", "\xb2"])
def test_a_probe_limit_that_is_none_is_refused(given: str) -> None:
    async def go() -> None:
        async with listening() as listener:
            answer = await got(listener, "/probe", more=f"X-Prometheus-Scrape-Timeout-Seconds: {given}\r\n")
        assert answer.status == 400
        assert answer.body == "X-Prometheus-Scrape-Timeout-Seconds must be a number of seconds.\n"

    played(go())


# --- Many clients ----------------------------------------------------------------------------------------------------


@pytest.fixture
def many_files() -> Iterator[None]:
    """Raise the limit of open files, so that both ends of a thousand connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("start", [b"", b"GET /metrics HTTP/1.1\r\nHost:"], ids=["idle", "half a request"])
def test_scrapes_are_answered_amid_a_thousand_connections(start: bytes) -> None:
    async def go() -> None:
        async with listening() as listener:
            clients: list[Client] = []
            most = 0
            before = open_files()
            for number in range(1000):
                client = await connected(listener)
                await client.send(start)
                clients.append(client)
                if number % 50 == 0:
                    most = max(most, (open_files() - before).total() - len(clients))
                    assert (await got(listener, "/metrics")).body == "up 1\n"
            assert (await got(listener, "/metrics")).body == "up 1\n"
            assert len(listener._open) <= MAX_CONNECTIONS
            assert most <= MAX_CONNECTIONS + 8
            assert await gone(clients[0])  # the oldest are closed, and the newest are not
            with pytest.raises(BlockingIOError):
                clients[-1].channel.recv(1)
            for client in clients:
                client.channel.close()
            await until(lambda: not listener._open)

    played(go())


@pytest.mark.usefixtures("many_files")
def test_scrapes_are_answered_amid_many_who_do_not_read() -> None:
    async def go() -> None:
        body = "x" * HUGE
        async with listening(report=lambda: body) as listener:
            clients = [await connected(listener, receive=4096) for _ in range(MAX_CONNECTIONS // 4)]
            for client in clients:
                await client.send(request_for("/report.json"))
            for client in clients:
                await client.read(16)
            assert (await got(listener, "/metrics")).body == "up 1\n"
            leap(BODY_SECONDS)
            await until(lambda: not listener._open)
            for client in clients:
                client.channel.close()

    played(go())


def test_the_end_lets_go_of_every_connection_at_once() -> None:
    async def go() -> None:
        async with listening(report=lambda: "x" * HUGE) as listener:
            idle, waiting, reading = [await connected(listener) for _ in range(3)]
            await waiting.send(request_for("/metrics")[:9])
            await reading.send(request_for("/report.json"))
            await reading.read(16)
            await until(lambda: len(listener._open) == 3)
            await listener.close()
            assert await gone(idle)
            assert await gone(waiting)
            with pytest.raises(ConnectionError):
                await connected(listener)
            for client in (idle, waiting, reading):
                client.channel.close()

    played(go())


@pytest.mark.parametrize("steps", range(6))
def test_who_was_on_his_way_in_at_the_end_is_not_served(steps: int) -> None:
    """The loop takes some steps from a connection in the kernel to the task that serves it."""

    async def go() -> None:
        async with listening() as listener:
            clients = [await connected(listener) for _ in range(8)]
            for client in clients:
                await client.send(request_for("/metrics")[:9])
            await turns(steps)
            await listener.close()
            await turns()
            assert listener._open == {}
            for client in clients:
                assert await gone(client)
                client.channel.close()

    played(go())


def test_a_port_that_is_taken_is_an_error() -> None:
    async def go() -> None:
        async with listening() as first:
            second = Listener(first.address, first.port, PAGES)
            with pytest.raises(OSError, match="address already in use"):
                await second.start()
            await second.close()
            assert (await got(first, "/metrics")).status == 200

    played(go())


def test_memory_returns_to_what_it_was() -> None:
    async def hostile(listener: Listener) -> None:
        for sent in (b"", b"GET", b"\xff" * 64, b"x" * 3 * MAX_HEAD_BYTES, request_for("/metrics") * 99):
            client = await connected(listener)
            await client.send(sent)
            client.finish()
            await gone(client)
            client.channel.close()
        client = await connected(listener, receive=4096)
        await client.send(request_for("/report.json"))
        await client.read(16)
        client.reset()
        await until(lambda: not listener._open)

    async def go() -> None:
        async with listening(report=lambda: "x" * (1 << 20)) as listener:
            for _ in range(5):
                await hostile(listener)
            tracemalloc.start()
            try:
                await hostile(listener)
                gc.collect()
                before, files = tracemalloc.get_traced_memory()[0], open_files()
                for _ in range(50):
                    await hostile(listener)
                gc.collect()  # closed connections are in reference cycles
                assert tracemalloc.get_traced_memory()[0] - before < 200_000
                assert open_files() - files == Counter()
            finally:
                tracemalloc.stop()

    played(go())


def test_an_answer_to_who_has_gone_meanwhile_harms_nobody() -> None:
    """The client's RST arrives after its request and before the answer."""

    async def go() -> None:
        result: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        async def probe() -> str | None:
            return await result

        async with listening(probe=probe) as listener:
            client = await connected(listener)
            await client.send(request_for("/probe"))
            await until(lambda: len(listener._open) == 1)
            await turns()
            client.reset()
            await turns()
            result.set_result("found 1\n")
            await until(lambda: not listener._open)
            assert (await got(listener, "/metrics")).status == 200

    played(go())


def test_addresses_of_both_families_are_listened_on() -> None:
    assert socket.has_ipv6
    assert Listener(ip_address("10.0.1.5"), 80, PAGES).url == "http://10.0.1.5:80"
    assert Listener(ip_address("2001:db8::1"), 80, PAGES).url == "http://[2001:db8::1]:80"
