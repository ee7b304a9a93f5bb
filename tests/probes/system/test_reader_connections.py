"""The connections of the reads: where they go, through which proxy, and how they are shared. After the end of a read,
boto3's thread neither sends nor waits.
"""

import asyncio
import gc
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest

from agent.simulated.certificates import root_pem, server_context
from probes import background
from probes.model import Address, FailureKind, ProbeError
from probes.system import reader as boto
from probes.system.net import SystemNet
from tests.support import moto_server
from tests.support.command import SECONDS
from tests.support.moto_server import EMPTY, REGION, Behaviour, Call, Reply, Told, of_resolver, reader, refusal

told = moto_server.told

USER: Final = "me:p%40ss%3Aw"
"""A user and a password, as they are written in a URL."""
PROBES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "ec2": ("DescribeVpcs", {}),
    "route53resolver": ("ListResolverRules", {}),
    "route53": ("ListHostedZonesByVPC", {"VPCId": "vpc-0a1b2c3d4e5f67890", "VPCRegion": REGION}),
    "route53profiles": ("ListProfileAssociations", {"ResourceId": "vpc-0a1b2c3d4e5f67890"}),
}
"""One request to each service, in the protocol of the service."""
EC2: Final = ("ec2", *PROBES["ec2"])


# --- A server that keeps what it is sent -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    line: str
    headers: Mapping[str, str]
    """The headers, by their names in lower case."""

    @classmethod
    def by(cls, handler: BaseHTTPRequestHandler) -> "Received":
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        return cls(handler.requestline, {name.lower(): value for name, value in handler.headers.items()})


class Keeping(ThreadingHTTPServer):
    """A server that answers each of PROBES with an empty result. It refuses tunnels with `refusal`, or connects them to
    `onward`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refusal: int | None = None
        self.onward: int | None = None
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Keeping
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def do_POST(self) -> None:
        self.server.received.append(received := Received.by(self))
        authorization = received.headers["authorization"]
        (service,) = (name for name in PROBES if f"/{name}/aws4_request" in authorization)
        reply = EMPTY[PROBES[service][0]]
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def do_GET(self) -> None:
        self.do_POST()

    def do_CONNECT(self) -> None:
        self.server.received.append(Received.by(self))
        self.close_connection = True
        if self.server.refusal is not None:
            self.send_response(self.server.refusal)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        with socket.create_connection(("127.0.0.1", self.server.onward or 0)) as onward:  # noqa: TID251 - a proxy's
            back = threading.Thread(target=_pump, args=(onward.recv, self.connection.sendall), daemon=True)
            back.start()
            _pump(self.connection.recv, onward.sendall)
            onward.shutdown(socket.SHUT_WR)
            back.join()

    def log_message(self, *_: Any) -> None:
        """Log nothing, since only the requests matter."""


def _pump(receive: Callable[[int], bytes], send: Callable[[bytes], object]) -> None:
    with suppress(OSError):  # one side has gone, and the other will notice it
        while data := receive(1 << 16):
            send(data)


@pytest.fixture
def keeping() -> Iterator[Keeping]:
    with Keeping() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def asked(monkeypatch: pytest.MonkeyPatch, keeping: Keeping, variables: Mapping[str, str]) -> list[Received]:
    """The requests to each service if these variables are set."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    own = reader()
    for service, (operation, parameters) in PROBES.items():
        await own.read(service, operation, parameters)
    assert len(keeping.received) == len(PROBES)
    return keeping.received


# --- Where they go ---------------------------------------------------------------------------------------------------


async def test_every_protocol_goes_to_the_url_that_is_set(monkeypatch: pytest.MonkeyPatch, keeping: Keeping) -> None:
    url = f"http://{USER}@127.0.0.1:{keeping.port}/x"
    received = await asked(monkeypatch, keeping, {"AWS_ENDPOINT_URL": url})
    assert [request.line.split()[0] for request in received] == ["POST", "POST", "GET", "GET"]
    assert all(request.line.split()[1].startswith("/x") for request in received)
    assert {request.headers["accept-encoding"] for request in received} == {"identity"}
    assert {request.headers["host"] for request in received} == {f"127.0.0.1:{keeping.port}"}
    assert all("p@ss" not in str(request) and "p%40ss" not in str(request) for request in received)


async def test_a_proxy_without_tls_is_given_the_whole_url(monkeypatch: pytest.MonkeyPatch, keeping: Keeping) -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://aws.example",
        "HTTP_PROXY": f"http://{USER}@127.0.0.1:{keeping.port}",
    }
    received = await asked(monkeypatch, keeping, variables)
    assert all(request.line.split()[1].startswith("http://aws.example/") for request in received)
    assert {request.headers["proxy-authorization"] for request in received} == {"Basic bWU6cEBzczp3"}


async def test_no_proxy_counts(monkeypatch: pytest.MonkeyPatch, keeping: Keeping) -> None:
    variables = {
        "AWS_ENDPOINT_URL": f"http://localhost:{keeping.port}",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "example.com,localhost",
    }
    received = await asked(monkeypatch, keeping, variables)
    assert all(request.line.split()[1].startswith("/") for request in received)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("https://aws.example", "aws.example", 443, "aws.example"),
        ("https://aws.example:443/x", "aws.example", 443, "aws.example"),
        ("http://aws.example:8080", "aws.example", 8080, "aws.example:8080"),
        ("https://[::1]:8443", "::1", 8443, "[::1]:8443"),
        ("http://[::1]", "::1", 80, "[::1]"),
    ],
)
def test_a_url_says_where_to_connect_and_what_to_name(url: str, host: str, port: int, authority: str) -> None:
    origin = boto._origin_of(url)
    assert (origin.host, origin.port, origin.authority) == (host, port, authority)


@pytest.mark.parametrize("url", ["ftp://aws.example/", "https:///", "gopher://me:p%40ss@aws.example"])
def test_a_url_of_another_protocol_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(ProbeError) as caught:
        boto._origin_of(url)
    assert caught.value.kind is FailureKind.MALFORMED
    assert "aws.example" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(407, FailureKind.PROXY_AUTH), (403, FailureKind.PROXY_REFUSED), (502, FailureKind.PROXY_REFUSED)],
)
async def test_a_tunnel_that_a_proxy_refuses(
    monkeypatch: pytest.MonkeyPatch, keeping: Keeping, status: int, kind: FailureKind
) -> None:
    keeping.refusal = status
    monkeypatch.setenv("HTTPS_PROXY", f"{USER}@127.0.0.1:{keeping.port}")
    with pytest.raises(ProbeError) as caught:
        await reader().read(*EC2)
    assert (caught.value.kind, caught.value.code) == (kind, str(status))
    assert caught.value.message == f"ec2.eu-west-1.amazonaws.com: the proxy answers CONNECT with {status}"
    assert [request.line.split()[1] for request in keeping.received] == ["ec2.eu-west-1.amazonaws.com:443"] * 2
    assert {request.headers["proxy-authorization"] for request in keeping.received} == {"Basic bWU6cEBzczp3"}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_tunnel_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keeping: Keeping, told: Told, scheme: str
) -> None:
    context = server_context("amazon", ("localhost",))
    told.server.socket = context.wrap_socket(told.server.socket, server_side=True)
    if scheme == "https":
        keeping.socket = context.wrap_socket(keeping.socket, server_side=True)
    keeping.onward = told.port
    roots = tmp_path / "roots.pem"
    roots.write_text(root_pem("amazon"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost")
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://localhost:{keeping.port}")
    own = reader(ca_bundle=str(roots))
    for _ in range(2):
        assert (await own.read(*EC2))["Vpcs"] == []
    assert [request.line.split()[:2] for request in keeping.received] == [["CONNECT", "localhost:443"]]
    assert told.operations == ["DescribeVpcs"] * 2


# --- Other attempts --------------------------------------------------------------------------------------------------


def throttled(**headers: str) -> Reply:
    answer = refusal("RequestLimitExceeded", "slowly", 503)
    return Reply(body=answer.body, status=503, headers={**answer.headers, **headers})


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    handler.close_connection = True


ATTEMPTS: Final[Mapping[str, tuple[Reply | Behaviour, int]]] = {
    "denied": (refusal("UnauthorizedOperation", "no"), 1),
    "bad parameter": (refusal("InvalidParameterValue", "no", 400), 1),
    "throttled": (throttled(), 2),
    "throttled with 400": (refusal("Throttling", "slowly", 400), 2),
    "throttled by name": (refusal("EC2ThrottledException", "slowly", 400), 2),
    "internal error": (refusal("InternalError", "oh", 500), 2),
    "a gateway's page": (Reply(body=b"<html/>", status=502), 2),
    "not implemented": (Reply(body=b"<html/>", status=501), 1),
    "redirect": (Reply(body=b"", status=302, headers={"Location": "http://127.0.0.1:9/"}), 1),
    "closed": (Behaviour(close), 2),
    "closed in the middle": (Behaviour(reset), 2),
}
"""Answers of a service, each with the total number of attempts of the SDK, which in its mode `standard` makes at most
two.
"""


@pytest.mark.parametrize("outcome", ATTEMPTS)
async def test_the_right_failures_are_tried_again(told: Told, outcome: str) -> None:
    told.answers["DescribeVpcs"], attempts = ATTEMPTS[outcome]
    with pytest.raises(ProbeError):
        await reader().read(*EC2)
    made = [re.search(r"attempt=(\d)", call.headers["amz-sdk-request"]) for call in told.calls]
    assert [match and match[1] for match in made] == ["1", "2"][:attempts]
    assert len({call.headers["amz-sdk-invocation-id"] for call in told.calls}) == 1


async def test_roots_that_cannot_be_read_are_not_tried_again(
    told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counted = _Counted(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{told.port}")
    with pytest.raises(ProbeError) as caught:
        await reader(ca_bundle=str(tmp_path / "none.pem")).read(*EC2)
    assert caught.value.kind is FailureKind.TLS_NO_TRUST_STORE
    assert len(counted.made) == 1


async def test_the_error_of_another_protocol_is_tried_again(told: Told) -> None:
    told.answers["ListResolverRules"] = of_resolver({"__type": "ThrottlingException", "Message": "Says so."}, 400)
    with pytest.raises(ProbeError):
        await reader().read("route53resolver", "ListResolverRules", {})
    assert len(told.calls) == 2


async def test_a_second_attempt_is_answered(told: Told) -> None:
    replies = [refusal("InternalError", "oh", 500), EMPTY["DescribeVpcs"]]
    told.answers["DescribeVpcs"] = lambda _: replies.pop(0)
    assert (await reader().read(*EC2))["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize(
    ("seconds", "headers"),
    [
        pytest.param(5.9, {"X-Amz-Retry-After": "90000"}, id="the service asks for longer than is left"),
        pytest.param(0.9, {}, id="the SDK may wait for longer than is left"),
        pytest.param(0.9, {"X-Amz-Retry-After": "soon"}, id="the service says nothing that is a time"),
    ],
)
async def test_where_no_time_is_left_for_a_second_attempt_the_first_ones_reason_stands(
    told: Told, seconds: float, headers: dict[str, str]
) -> None:
    told.answers["DescribeVpcs"] = throttled(**headers)
    own = reader(timeout=seconds)
    await own.prepare(["ec2"])
    with pytest.raises(ProbeError) as caught:
        await own.read(*EC2)
    assert (caught.value.kind, caught.value.code) == (FailureKind.THROTTLED, "RequestLimitExceeded")
    assert len(told.calls) == 1


# --- The end of a read -----------------------------------------------------------------------------------------------


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == background.NAME]


def wait_for_no_thread() -> None:
    """Wait until the threads of all reads have ended. Fails if they do not end."""
    for thread in reading_threads():
        thread.join(SECONDS)
    assert reading_threads() == []


async def test_who_gives_up_on_a_throttled_service_sends_nothing_more(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore waits in its thread before a second attempt, and without this rule would make it although the run has
    ended.
    """
    waiting, given_up = threading.Event(), threading.Event()

    def wait(_: float) -> None:
        waiting.set()
        assert given_up.wait(SECONDS)

    monkeypatch.setattr("botocore.endpoint.time.sleep", wait)
    told.answers["DescribeVpcs"] = throttled()
    reads = asyncio.create_task(reader().read(*EC2))
    assert await asyncio.to_thread(waiting.wait, SECONDS)  # noqa: TID251 - the test's own wait
    reads.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reads
    given_up.set()
    wait_for_no_thread()
    assert len(told.calls) == 1


async def test_a_silent_service_keeps_no_thread(told: Told) -> None:
    """However many calls there are, as in a watch, no thread is left."""

    def stay_silent(_: BaseHTTPRequestHandler) -> None:
        told.ending.wait()

    told.answers["DescribeVpcs"] = Behaviour(stay_silent)
    own = reader(timeout=0.05, most=100)
    await own.prepare(["ec2"])
    for _ in range(30):
        with pytest.raises(ProbeError) as caught:
            await own.read(*EC2)
        assert caught.value.kind is FailureKind.TIMEOUT
    wait_for_no_thread()
    assert [stream for kept in own._idle.values() for stream in kept] == []


def test_a_loop_that_ends_leaves_no_thread_behind(told: Told) -> None:
    async def go() -> None:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()

        def wait(_: BaseHTTPRequestHandler) -> None:
            loop.call_soon_threadsafe(arrived.set)
            told.ending.wait()

        told.answers["DescribeVpcs"] = Behaviour(wait)
        reads = asyncio.create_task(reader().read(*EC2))
        await arrived.wait()
        assert not reads.done()

    asyncio.run(go())
    wait_for_no_thread()


# --- Connections -----------------------------------------------------------------------------------------------------


class _Counted:
    """Records the connections that a reader makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Any] = []
        connect = SystemNet.connect

        async def connecting(net: SystemNet, *args: Any) -> Any:
            stream = await connect(net, *args)
            self.made.append(stream)
            return stream

        monkeypatch.setattr(SystemNet, "connect", connecting)


def all_at_once(count: int) -> Callable[[Call], Reply]:
    """A behaviour that answers once this many requests have come, so that each needs its own connection."""
    together = threading.Barrier(count)

    def answer(_: Call) -> Reply:
        together.wait(SECONDS)
        return EMPTY["DescribeVpcs"]

    return answer


async def test_a_connection_serves_one_request_after_the_other(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = _Counted(monkeypatch)
    own = reader()
    for _ in range(3):
        await own.read(*EC2)
    assert len(counted.made) == 1
    told.answers["DescribeVpcs"] = all_at_once(3)
    await asyncio.gather(*(own.read(*EC2) for _ in range(3)))
    assert len(counted.made) == 3
    await own.read("route53resolver", "ListResolverRules", {})
    assert len(counted.made) == 3  # the other service has the same URL, so its read shares a connection


async def test_a_connection_that_the_peer_closed_meanwhile_is_replaced(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3)

    def answer_and_close(handler: BaseHTTPRequestHandler) -> None:
        if len(counted.made) <= 3:
            together.wait(SECONDS)
        reply = EMPTY["DescribeVpcs"]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)
        handler.close_connection = True

    counted = _Counted(monkeypatch)
    told.answers["DescribeVpcs"] = Behaviour(answer_and_close)
    own = reader()
    await asyncio.gather(*(own.read(*EC2) for _ in range(3)))
    assert len(counted.made) == 3
    assert (await own.read(*EC2))["Vpcs"] == []  # the second attempt uses none of those three
    assert len(counted.made) == 4


async def test_the_next_address_is_tried(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def look_up(_: SystemNet, host: str) -> tuple[Address, ...]:
        asked.append(host)
        return ip_address("127.0.0.2"), ip_address("127.0.0.1")

    monkeypatch.setattr(SystemNet, "getaddrinfo", look_up)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://aws.example:{told.port}")
    own = reader()
    await asyncio.gather(*(own.read(*EC2) for _ in range(3)))
    assert asked == ["aws.example"]
    assert len(told.calls) == 3


async def test_a_lookup_that_failed_is_made_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Exception | tuple[Address, ...]] = [
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        (ip_address("127.0.0.1"),),
    ]

    async def look_up(_: SystemNet, host: str) -> tuple[Address, ...]:
        result = found.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(SystemNet, "getaddrinfo", look_up)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://aws.example:{told.port}")
    assert (await reader().read(*EC2))["Vpcs"] == []
    assert found == []


async def test_no_connection_outlives_the_reader(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = _Counted(monkeypatch)
    told.answers["DescribeVpcs"] = all_at_once(3)
    own = reader()
    await asyncio.gather(*(own.read(*EC2) for _ in range(3)))
    del own
    gc.collect()
    assert [stream._connection.fileno() for stream in counted.made] == [-1, -1, -1]
