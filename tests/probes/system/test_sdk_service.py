"""The reads on the wire beside botocore's own client: the same bytes to the same place, through the same proxies, and
another attempt where that makes one."""

import asyncio
import gc
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from agent.simulated.certificates import root_pem, server_context
from probes.model import Address, FailureKind, ProbeError
from probes.seams import Keys
from probes.steps.http import Response
from probes.system.net import SystemNet
from probes.system.sdk_service import SdkCall, SdkServices
from tests.probes.system.test_service_models import PROBES, whole_client, without_features
from tests.support import moto_server
from tests.support.moto_server import EMPTY, KEYS, REGION, Behaviour, Reply, Told, of_resolver, reader, refusal

told = moto_server.told

USER: Final = "me:p%40ss%3Aw"
"""With a password, as a URL has them."""
DIFFERENT: Final = frozenset({"x-amz-date", "amz-sdk-invocation-id"})
EC2: Final = ("ec2", *PROBES["ec2"])


# --- A server that keeps what it is sent -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, without what differs from one to the next."""

    line: str
    headers: frozenset[tuple[str, str]]
    body: bytes

    @classmethod
    def by(cls, handler: BaseHTTPRequestHandler) -> "Received":
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        if "authorization" in headers:
            headers["authorization"] = re.sub(r"/\d{8}/|, Signature=.*", "/", headers["authorization"])
        if "user-agent" in headers:
            headers["user-agent"] = without_features(headers["user-agent"])
        if not body:
            headers.pop("content-length", None)  # that there is none goes without saying, and may be said
        kept = frozenset((name, value) for name, value in headers.items() if name not in DIFFERENT)
        return cls(handler.requestline, kept, body)

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class Keeping(ThreadingHTTPServer):
    """Answers each of PROBES with an empty result, and refuses tunnels with `refusal` or opens them to `onward`."""

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
        authorization = received.header("authorization") or ""
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
        """Say nothing: what matters is received."""


def _pump(receive: Callable[[int], bytes], send: Callable[[bytes], object]) -> None:
    with suppress(OSError):  # one side is gone, and the other will notice
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


async def asked_by_both(monkeypatch: pytest.MonkeyPatch, keeping: Keeping, variables: Mapping[str, str]) -> None:
    """Ask each service both ways, with these variables; each must arrive in the same bytes."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    own = reader()
    for service, (operation, parameters) in PROBES.items():
        await own.read(service, operation, parameters)
        whole_client(service)._make_api_call(operation, dict(parameters))
        ours, theirs = keeping.received[-2:]
        assert ours == theirs


# --- Where they go, in which bytes -----------------------------------------------------------------------------------


async def test_every_protocol_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch, keeping: Keeping) -> None:
    await asked_by_both(monkeypatch, keeping, {"AWS_ENDPOINT_URL": f"http://{USER}@127.0.0.1:{keeping.port}/x"})
    assert [request.line.split()[0] for request in keeping.received[::2]] == ["POST", "POST", "GET", "GET"]
    assert all(request.line.split()[1].startswith("/x") for request in keeping.received)
    assert {request.header("accept-encoding") for request in keeping.received} == {"identity"}


async def test_a_proxy_without_tls_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch, keeping: Keeping) -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://aws.example",
        "HTTP_PROXY": f"http://{USER}@127.0.0.1:{keeping.port}",
    }
    await asked_by_both(monkeypatch, keeping, variables)
    assert all(request.line.split()[1].startswith("http://aws.example/") for request in keeping.received)
    assert {request.header("proxy-authorization") for request in keeping.received} == {"Basic bWU6cEBzczp3"}


async def test_no_proxy_counts(monkeypatch: pytest.MonkeyPatch, keeping: Keeping) -> None:
    variables = {
        "AWS_ENDPOINT_URL": f"http://localhost:{keeping.port}",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "example.com,localhost",
    }
    await asked_by_both(monkeypatch, keeping, variables)
    assert all(request.line.split()[1].startswith("/") for request in keeping.received)


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
def test_a_url_says_where_to_connect_and_what_to_name(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str, port: int, authority: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    known = SdkServices(Keys(**KEYS), region=REGION, profile=None).service("ec2")
    assert (known.host, known.port, known.authority) == (host, port, authority)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(407, FailureKind.PROXY_AUTH), (403, FailureKind.PROXY_REFUSED), (502, FailureKind.PROXY_REFUSED)],
)
async def test_a_tunnel_is_asked_for_alike(
    monkeypatch: pytest.MonkeyPatch, keeping: Keeping, status: int, kind: FailureKind
) -> None:
    keeping.refusal = status
    monkeypatch.setenv("HTTPS_PROXY", f"{USER}@127.0.0.1:{keeping.port}")
    with pytest.raises(ProbeError) as caught:
        await reader().read(*EC2)
    assert (caught.value.kind, caught.value.code) == (kind, str(status))
    assert caught.value.message == f"ec2.eu-west-1.amazonaws.com: the proxy answers CONNECT with {status}"
    asked = len(keeping.received)
    with suppress(BotoCoreError):  # not pytest.raises: what botocore raises holds the planted secrets
        whole_client("ec2").describe_vpcs()
    ours, theirs = keeping.received[:asked], keeping.received[asked:]
    assert [request.line.split()[1] for request in ours] == ["ec2.eu-west-1.amazonaws.com:443"] * 2
    for name in ("line", "proxy-authorization"):
        both = [[request.line.split()[1] if name == "line" else request.header(name) for request in side]
                for side in (ours, theirs)]  # fmt: skip
        assert both[0] == both[1]


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


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited in between, without the waiting."""
    delays: list[float] = []
    sleep = asyncio.sleep

    async def sleep_no_longer(delay: float) -> None:
        if delay:
            delays.append(delay)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", sleep_no_longer)
    monkeypatch.setattr(time, "sleep", delays.append)
    return delays


def throttled_resolver(code: str, status: int) -> Reply:
    return of_resolver({"__type": code, "Message": "Says so."}, status)


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


OUTCOMES: Final[Mapping[str, Reply | Behaviour]] = {
    "denied": refusal("UnauthorizedOperation", "no"),
    "bad parameter": refusal("InvalidParameterValue", "no", 400),
    "throttled": refusal("RequestLimitExceeded", "slowly", 503),
    "throttled with 400": refusal("Throttling", "slowly", 400),
    "throttled by name": refusal("EC2ThrottledException", "slowly", 400),
    "internal error": refusal("InternalError", "oh", 500),
    "a gateway's page": Reply(body=b"<html/>", status=502),
    "not implemented": Reply(body=b"<html/>", status=501),
    "too many requests": Reply(body=b"", status=429),
    "request timeout": refusal("RequestTimeout", "late", 400),
    "expired": refusal("RequestExpired", "late", 400),
    "redirect": Reply(body=b"", status=302, headers={"Location": "http://127.0.0.1:9/"}),
    "closed": Behaviour(close),
}


@pytest.mark.usefixtures("waited")
@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_another_attempt_is_made_where_the_sdk_makes_one(told: Told, outcome: str) -> None:
    told.answers["DescribeVpcs"] = OUTCOMES[outcome]
    with pytest.raises(ProbeError):
        await reader().read(*EC2)
    ours = len(told.calls)
    with suppress(ClientError, BotoCoreError, ResponseParserError):
        whole_client("ec2").describe_vpcs()
    assert ours == len(told.calls) - ours
    assert [call.headers["amz-sdk-request"].split("; ")[-2:] for call in told.calls[:ours]] == [
        [f"attempt={attempt}", "max=2"] for attempt in range(1, ours + 1)
    ]
    assert len({call.headers["amz-sdk-invocation-id"] for call in told.calls[:ours]}) == 1


@pytest.mark.usefixtures("waited")
@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("InternalServiceErrorException", 500), ("LimitExceeded", 400)]
)
async def test_what_a_model_says_of_an_error_counts(told: Told, code: str, status: int) -> None:
    told.answers["ListResolverRules"] = throttled_resolver(code, status)
    with pytest.raises(ProbeError):
        await reader().read("route53resolver", "ListResolverRules", {})
    ours = len(told.calls)
    with suppress(ClientError):
        whole_client("route53resolver").list_resolver_rules()
    assert ours == len(told.calls) - ours


@pytest.mark.parametrize(
    ("header", "seconds"), [("1500", (1.5, 1.5)), ("90000", (5.0, 6.0)), ("soon", (0.0, 1.0)), (None, (0.0, 1.0))]
)
async def test_the_time_to_wait_is_the_sdks(
    told: Told, waited: list[float], header: str | None, seconds: tuple[float, float]
) -> None:
    throttling = refusal("RequestLimitExceeded", "slowly", 503)
    headers = dict(throttling.headers) if header is None else {**throttling.headers, "X-Amz-Retry-After": header}
    told.answers["DescribeVpcs"] = Reply(body=throttling.body, status=503, headers=headers)
    with pytest.raises(ProbeError):
        await reader().read(*EC2)
    with suppress(ClientError):
        whole_client("ec2").describe_vpcs()
    assert len(waited) == 2
    assert all(seconds[0] <= delay <= seconds[1] for delay in waited)


def test_a_throttled_service_is_given_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    call = SdkServices(Keys(**KEYS), region=REGION, profile=None).service("ec2").call(*PROBES["ec2"])
    call.next_request()

    def longest(code: str) -> float:
        body = refusal(code, "slowly", 503).body
        response = Response(status=503, headers=(), body=body, keep_alive=True)
        return max(call.delay_after(response, call.parsed(response)) or 0.0 for _ in range(50))

    assert longest("InternalError") <= 0.05 < longest("RequestLimitExceeded") <= 1.0


async def test_a_second_attempt_is_answered(told: Told) -> None:
    replies = [refusal("InternalError", "oh", 500), EMPTY["DescribeVpcs"]]
    told.answers["DescribeVpcs"] = lambda _: replies.pop(0)
    assert (await reader().read(*EC2))["ResponseMetadata"]["RetryAttempts"] == 1


async def test_an_attempt_for_which_no_time_is_left_is_not_waited_for(told: Told) -> None:
    throttling = refusal("RequestLimitExceeded", "slowly", 503)
    headers = {**throttling.headers, "X-Amz-Retry-After": "90000"}
    told.answers["DescribeVpcs"] = Reply(body=throttling.body, status=503, headers=headers)
    with pytest.raises(ProbeError) as caught:
        await reader(timeout=4.9).read(*EC2)
    assert (caught.value.kind, caught.value.code) == (FailureKind.THROTTLED, "RequestLimitExceeded")
    assert len(told.calls) == 1


# --- Connections -----------------------------------------------------------------------------------------------------


class _Counted:
    """The connections that a reader makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Any] = []
        connect = SystemNet.connect

        async def connecting(net: SystemNet, *args: Any) -> Any:
            stream = await connect(net, *args)
            self.made.append(stream)
            return stream

        monkeypatch.setattr(SystemNet, "connect", connecting)


async def test_a_connection_serves_one_request_after_the_other(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = _Counted(monkeypatch)
    own = reader()
    for _ in range(3):
        await own.read(*EC2)
    assert len(counted.made) == 1
    await asyncio.gather(*(own.read(*EC2) for _ in range(3)))
    assert len(counted.made) == 3
    await own.read("route53resolver", "ListResolverRules", {})
    assert len(counted.made) == 4  # none of another service's


async def test_a_connection_that_the_peer_closed_meanwhile_is_replaced(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_and_close(handler: BaseHTTPRequestHandler) -> None:
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
    assert (await own.read(*EC2))["Vpcs"] == []  # by its second attempt, which takes none of those three
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
    own = reader()
    await asyncio.gather(*(own.read(*EC2) for _ in range(3)))
    del own
    gc.collect()
    assert [stream._connection.fileno() for stream in counted.made] == [-1, -1, -1]


async def test_a_large_answer_is_taken_apart_off_the_loop(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []
    parsed = SdkCall.parsed

    def parsing(call: SdkCall, response: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return parsed(call, response)

    monkeypatch.setattr(SdkCall, "parsed", parsing)
    own = reader()
    for rows in (1, 2_000):
        row = "<item><vpcId>vpc-0a1b2c3d4e5f67890</vpcId></item>"
        told.answers["DescribeVpcs"] = moto_server.of_ec2("DescribeVpcs", row * rows)
        assert len((await own.read(*EC2))["Vpcs"]) == rows
    assert threads == [True, False]
