"""The reads of the configuration, from servers on this machine: their hosts, how every answer and silence are
understood, and that only reads are sent, within the limits.
"""

import asyncio
import gzip
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ParamValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.simulated.certificates import root_pem, server_context
from probes.model import Address, FailureKind, ProbeError
from probes.system import reader as boto
from probes.system.net import SystemNet
from tests.hostile.fuzz import answers
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.support import moto_server
from tests.support.extent import examples
from tests.support.moto_server import (
    KEYS,
    REQUEST_ID,
    Behaviour,
    Call,
    Reply,
    Told,
    of_ec2,
    of_ec2_with,
    of_resolver,
    reader,
    refusal,
)
from tests.support.planted import SECRETS, leaked

told = moto_server.told

VPC: Final = "vpc-0a1b2c3d4e5f67890"
PRINCIPAL: Final = "arn:aws:sts::111122223333:assumed-role/backup-host/i-0a1b2c3d4e5f67890"
SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/([^/]+/[^/]+)/aws4_request")
SEALED: Final = "Encoded authorization failure message: " + "zq5BkzjG3l8ExampleSealed" * 30


async def vpcs(own: boto.SystemReader) -> Any:
    return (await own.read("ec2", "DescribeVpcs", {"VpcIds": [VPC]}))["Vpcs"]


async def failure_of(work: Coroutine[Any, Any, Any]) -> ProbeError:
    """The failure of a read. Asserts that its text is short and contains no secret; tests/conftest.py checks for
    secrets, too.
    """
    with pytest.raises(ProbeError) as caught:
        await work
    assert len(caught.value.message) <= boto.MAX_MESSAGE_CHARACTERS
    assert not leaked(f"{caught.value.message} {caught.value.code}")
    return caught.value


# --- What is asked, and where ----------------------------------------------------------------------------------------


def test_nothing_of_boto_is_loaded_before_the_first_read() -> None:
    code = (
        "import sys; from probes.seams import Keys; from probes.system.net import SystemNet; "
        "from probes.system.reader import SystemReader; "
        "SystemReader(SystemNet(), Keys(access_key_id='a', secret_key='b', token=None), region='eu-west-1', "
        "profile=None, ca_bundle=None, timeout=1.0, most=1); "
        "sys.exit(any(name.partition('.')[0] in ('boto3', 'botocore', 'urllib3') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("region", "service", "host", "signed_for"),
    [
        ("eu-west-1", "ec2", "ec2.eu-west-1.amazonaws.com", "eu-west-1/ec2"),
        ("eu-west-1", "route53resolver", "route53resolver.eu-west-1.amazonaws.com", "eu-west-1/route53resolver"),
        ("eu-west-1", "route53", "route53.amazonaws.com", "us-east-1/route53"),
        ("cn-north-1", "ec2", "ec2.cn-north-1.amazonaws.com.cn", "cn-north-1/ec2"),
        ("cn-north-1", "route53", "route53.amazonaws.com.cn", "cn-northwest-1/route53"),
        ("us-gov-west-1", "ec2", "ec2.us-gov-west-1.amazonaws.com", "us-gov-west-1/ec2"),
        ("us-gov-east-1", "route53", "route53.us-gov.amazonaws.com", "us-gov-west-1/route53"),
    ],
)
async def test_the_sdk_says_where_a_service_is(region: str, service: str, host: str, signed_for: str) -> None:
    assert await asked_of(region, service) == (host, signed_for)


async def test_what_the_sdk_is_set_to_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert await asked_of("us-east-1", "ec2") == ("ec2-fips.us-east-1.amazonaws.com", "us-east-1/ec2")
    monkeypatch.delenv("AWS_USE_FIPS_ENDPOINT")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert await asked_of("us-east-1", "ec2") == ("ec2.us-east-1.api.aws", "us-east-1/ec2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9/")
    assert await asked_of("us-east-1", "ec2") == ("127.0.0.1", "us-east-1/ec2")


class CaughtError(Exception):
    """An exception that ends a read just before its request is sent."""


async def asked_of(region: str, service: str) -> tuple[str, str]:
    """The host and the scope of a request of the SDK, which is not sent."""
    requests: Any = {
        "ec2": ("DescribeVpcs", {}),
        "route53resolver": ("ListResolverRules", {}),
        "route53": ("ListHostedZonesByVPC", {"VPCId": VPC, "VPCRegion": region}),
    }
    caught: list[tuple[str, str]] = []

    async def catch(_reader: boto.SystemReader, origin: Any, request: Any) -> Any:
        match = SCOPE.search(request.headers["Authorization"].decode())
        assert match is not None
        assert urlsplit(request.url).hostname == origin.host
        caught.append((origin.host, match[1]))
        raise CaughtError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto.SystemReader, "_exchange", catch)
        with pytest.raises(CaughtError):
            await reader(region=region).read(service, *requests[service])
    return caught[0]


async def test_a_request_and_its_answer(told: Told) -> None:
    row = f"<item><vpcId>{VPC}</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item>"
    told.answers["DescribeVpcs"] = of_ec2("DescribeVpcs", row)
    assert await vpcs(reader()) == [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]
    (call,) = told.calls
    assert (call.service, call.operation, call.parameters["VpcId.1"]) == ("ec2", "DescribeVpcs", VPC)
    assert call.headers["User-Agent"].endswith("backuplink")
    assert call.headers["X-Amz-Security-Token"] == KEYS["token"]


async def test_reads_at_once_share_the_clients(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = boto.SystemReader._make

    def making(self: boto.SystemReader, service: str) -> Any:
        made.append(service)
        return make(self, service)

    monkeypatch.setattr(boto.SystemReader, "_make", making)
    own = reader()

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(vpcs(own))
            group.create_task(own.read("route53resolver", "ListResolverRules", {}))
    assert sorted(set(told.operations)) == ["DescribeVpcs", "ListResolverRules"]
    assert (len(told.calls), sorted(made)) == (16, ["ec2", "route53resolver"])


@pytest.mark.parametrize(
    "operation",
    [
        "CreateVpc",
        "ModifyVpcEndpoint",
        "DeleteVpc",
        "AuthorizeSecurityGroupIngress",
        "RunInstances",
        "describe_vpcs",
        "",
    ],
)
async def test_what_is_no_read_is_not_made(told: Told, operation: str) -> None:
    own = reader()
    with pytest.raises(ValueError, match="is not a read"):
        await own.read("ec2", operation, {})
    assert told.calls == []


async def test_a_request_that_the_model_does_not_know_is_a_bug(told: Told) -> None:
    with pytest.raises(ParamValidationError):
        await reader().read("ec2", "DescribeVpcs", {"VpcIdentifiers": [VPC]})
    assert told.calls == []


# --- How many --------------------------------------------------------------------------------------------------------


async def test_no_more_than_allowed_is_sent(told: Told) -> None:
    own = reader(most=3)

    kinds: list[FailureKind | None] = []
    for _ in range(5):
        try:
            await vpcs(own)
        except ProbeError as error:
            kinds.append(error.kind)
        else:
            kinds.append(None)
    assert kinds == [None, None, None, FailureKind.TOO_LARGE, FailureKind.TOO_LARGE]
    assert len(told.calls) == 3


async def test_a_second_try_counts(told: Told) -> None:
    told.answers["DescribeVpcs"] = in_turn(throttled(), of_ec2("DescribeVpcs"))
    own = reader(most=3)
    assert await vpcs(own) == []
    assert told.operations == ["DescribeVpcs"] * 2
    await vpcs(own)
    error = await failure_of(vpcs(own))
    assert (error.kind, error.message) == (FailureKind.TOO_LARGE, "the run has used up its 3 requests")
    assert len(told.calls) == 3


async def test_a_second_try_that_is_one_too_many_is_not_made(told: Told) -> None:
    told.answers["DescribeVpcs"] = throttled()
    assert (await failure_of(vpcs(reader(most=1)))).kind is FailureKind.TOO_LARGE
    assert len(told.calls) == 1


async def test_there_is_no_third_try(told: Told) -> None:
    told.answers["DescribeVpcs"] = throttled()
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.code) == (FailureKind.THROTTLED, "RequestLimitExceeded")
    assert len(told.calls) == 2


def throttled() -> Reply:
    return refusal("RequestLimitExceeded", "Request limit exceeded.", 503)


def in_turn(*replies: Reply) -> Callable[[Call], Reply]:
    """A function that returns one reply after the other, and then always the last one."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


# --- Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("UnauthorizedOperation", 403, FailureKind.NOT_PERMITTED),
        ("Client.UnauthorizedOperation", 403, FailureKind.NOT_PERMITTED),
        ("AccessDenied", 403, FailureKind.NOT_PERMITTED),
        ("SomethingNew", 403, FailureKind.NOT_PERMITTED),
        ("AuthFailure", 401, FailureKind.CREDENTIALS_INVALID),
        ("InvalidClientTokenId", 403, FailureKind.CREDENTIALS_INVALID),
        ("ExpiredToken", 400, FailureKind.CREDENTIALS_EXPIRED),
        ("RequestExpired", 400, FailureKind.CLOCK_SKEW),
        ("SignatureDoesNotMatch", 403, FailureKind.SIGNATURE),
        ("RequestLimitExceeded", 503, FailureKind.THROTTLED),
        ("Throttling", 400, FailureKind.THROTTLED),
        ("OptInRequired", 401, FailureKind.NOT_SUBSCRIBED),
        ("Blocked", 403, FailureKind.NOT_SUBSCRIBED),
        ("PendingVerification", 400, FailureKind.NOT_SUBSCRIBED),
        ("InternalError", 500, FailureKind.SERVICE_ERROR),
        ("Unavailable", 503, FailureKind.SERVICE_ERROR),
        ("InvalidVpcID.NotFound", 400, FailureKind.MALFORMED),
        ("InvalidParameterValue", 400, FailureKind.MALFORMED),
    ],
)
async def test_what_a_code_of_ec2_means(told: Told, code: str, status: int, kind: FailureKind) -> None:
    told.answers["DescribeVpcs"] = refusal(code, "Says so.", status)
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.code, error.message) == (kind, code, "Says so.")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", FailureKind.NOT_PERMITTED),
        ("ExpiredTokenException", FailureKind.CREDENTIALS_EXPIRED),
        ("UnrecognizedClientException", FailureKind.CREDENTIALS_INVALID),
        ("InvalidSignatureException", FailureKind.SIGNATURE),
        ("ThrottlingException", FailureKind.THROTTLED),
        ("InternalServiceErrorException", FailureKind.SERVICE_ERROR),
    ],
)
async def test_what_a_code_of_resolver_means(told: Told, code: str, kind: FailureKind) -> None:
    status = 500 if kind is FailureKind.SERVICE_ERROR else 400
    told.answers["ListResolverRules"] = of_resolver({"__type": f"com.amazon#{code}", "Message": "Says so."}, status)
    error = await failure_of(reader().read("route53resolver", "ListResolverRules", {}))
    assert (error.kind, error.code, error.message) == (kind, code, "Says so.")


async def test_a_denied_action_is_named_and_what_is_sealed_is_left_out(told: Told) -> None:
    reason = "because no identity-based policy allows the ec2:DescribeVpcs action"
    told.answers["DescribeVpcs"] = refusal(
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. User: {PRINCIPAL} is not authorized to perform: "
        f"ec2:DescribeVpcs\n{reason}. {SEALED}",
    )
    error = await failure_of(vpcs(reader()))
    assert error.message == f"is not authorized to perform: ec2:DescribeVpcs {reason}."


@pytest.mark.parametrize(
    "text",
    [
        "Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20210502T174643Z - 15 min.)",
        "Signature not yet\n current: 20220104T000518Z is still later than 20220104T000203Z (… + 5 min.)",
    ],
)
async def test_a_signature_that_only_the_clock_spoils(told: Told, text: str) -> None:
    told.answers["DescribeVpcs"] = refusal("SignatureDoesNotMatch", text)
    assert (await failure_of(vpcs(reader()))).kind is FailureKind.CLOCK_SKEW


async def test_secrets_that_aws_itself_repeats_are_masked(told: Told) -> None:
    told.answers["DescribeVpcs"] = refusal(
        "SignatureDoesNotMatch",
        f"The Canonical String should have been x-amz-security-token:{KEYS['token']} {KEYS['access_key_id']} "
        f"{KEYS['secret_key']}",
    )
    error = await failure_of(vpcs(reader()))
    assert error.message == "The Canonical String should have been x-amz-security-token:*** *** ***"


async def test_a_text_without_end_is_cut(told: Told) -> None:
    told.answers["DescribeVpcs"] = refusal("C" * 1_000, "long " * 1_000, 400)
    error = await failure_of(vpcs(reader()))
    assert (error.code, len(error.message)) == ("C" * boto.MAX_CODE_CHARACTERS, boto.MAX_MESSAGE_CHARACTERS)


# --- What is not an answer of AWS ------------------------------------------------------------------------------------

HTML: Final = b"<html><body>Please accept the terms of use</body></html>"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(Reply(body=HTML), FailureKind.NOT_AWS, id="portal"),
        pytest.param(Reply(body=HTML, status=403), FailureKind.NOT_AWS, id="block page"),
        pytest.param(Reply(body=HTML, status=502), FailureKind.NOT_AWS, id="gateway"),
        pytest.param(
            Reply(body=b"", status=302, headers={"Location": "http://127.0.0.1:9/login"}),
            FailureKind.REDIRECT,
            id="redirect",
        ),
        pytest.param(Reply(body=b"<DescribeVpcsResponse><vpcSet>"), FailureKind.MALFORMED, id="half of it"),
        pytest.param(Reply(body=b"\xff\xfe\x00"), FailureKind.MALFORMED, id="no text"),
        pytest.param(Reply(body=b""), FailureKind.MALFORMED, id="nothing"),
        pytest.param(
            Reply(body=gzip.compress(of_ec2("DescribeSubnets").body), headers={"Content-Encoding": "gzip"}),
            FailureKind.MALFORMED,
            id="compressed, which is not undone",
        ),
        pytest.param(
            of_ec2_with("DescribeSubnets", "<subnetSet><item><availableIpAddressCount>many</availableIpAddressCount>"
                        "</item></subnetSet>"),
            FailureKind.MALFORMED,
            id="a word where a number belongs",
        ),
    ],
)  # fmt: skip
async def test_what_is_not_from_aws_or_not_readable(told: Told, reply: Reply, kind: FailureKind) -> None:
    told.answers["DescribeSubnets"] = reply
    assert (await failure_of(reader().read("ec2", "DescribeSubnets", {}))).kind is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(HTML, FailureKind.NOT_AWS, id="portal"),
        pytest.param(b"[" * 200_000, FailureKind.MALFORMED, id="deep"),
    ],
)
async def test_json_that_is_none(told: Told, body: bytes, kind: FailureKind) -> None:
    told.answers["ListResolverRules"] = Reply(body=body)
    assert (await failure_of(reader().read("route53resolver", "ListResolverRules", {}))).kind is kind


@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from(answers.OPERATIONS), st.data())
def test_any_body_is_an_answer_or_a_known_failure(operation: str, data: st.DataObject) -> None:
    body = data.draw(st.binary(max_size=80) | by_hypothesis(lambda chance: answers.answer_of_aws(chance, operation)))
    result = answers.parsed(operation, body)
    if isinstance(result, ProbeError):
        assert result.kind is not FailureKind.BUG
        assert len(result.message) <= boto.MAX_MESSAGE_CHARACTERS
        assert not leaked(f"{result.message} {result.code}")
    else:
        assert result["ResponseMetadata"]["RequestId"]


async def test_an_answer_without_end_is_not_read_to_its_end(told: Told) -> None:
    sent = []

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("x-amzn-RequestId", REQUEST_ID)
        handler.end_headers()
        handler.close_connection = True
        try:
            while not told.ending.is_set():
                sent.append(handler.wfile.write(b"x" * 65_536))
        except OSError:
            pass  # the client has gone

    told.answers["DescribeVpcs"] = Behaviour(flood)
    error = await failure_of(vpcs(reader(most=1)))
    assert (error.kind, error.message) == (
        FailureKind.TOO_LARGE,
        f"127.0.0.1: a body of over {boto.MAX_ANSWER_BYTES} bytes",
    )


async def test_a_long_answer_is_read_whole(told: Told) -> None:
    row = f"<item><vpcId>{VPC}</vpcId></item>"
    told.answers["DescribeVpcs"] = of_ec2("DescribeVpcs", row * 20_000)
    assert len(await vpcs(reader())) == 20_000


# --- No answer -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as held:  # noqa: TID251 - bound and closed, for its number
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


async def test_a_refused_port(monkeypatch: pytest.MonkeyPatch) -> None:
    user, password = SECRETS["endpoint user"], SECRETS["endpoint password"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{user}:{password}@127.0.0.1:{free_port()}")
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.code) == (FailureKind.REFUSED, "ECONNREFUSED")
    assert error.message == "127.0.0.1: Connection refused"


async def test_a_name_that_nobody_knows_is_told_from_a_refused_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(_: SystemNet, host: str) -> tuple[Address, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(SystemNet, "getaddrinfo", look_up)
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.code) == (FailureKind.NXDOMAIN, "EAI_NONAME")
    assert error.message == "ec2.eu-west-1.amazonaws.com: Name or service not known"


async def test_a_reset_is_told_from_a_close(told: Told) -> None:
    def reset(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.rfile.close()
        handler.connection.close()

    told.answers["DescribeVpcs"] = Behaviour(reset)
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.code) == (FailureKind.RESET, "ECONNRESET")


async def test_what_is_no_http_is_not_quoted(told: Told) -> None:
    def repeat(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(f"HTTP/1.1 {KEYS['token']} {KEYS['secret_key']}\r\n\r\n".encode())

    told.answers["DescribeVpcs"] = Behaviour(repeat)
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.message) == (FailureKind.MALFORMED, "127.0.0.1: the answer cannot be read")


async def test_a_connection_that_is_closed_without_an_answer(told: Told) -> None:
    def close(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    told.answers["DescribeVpcs"] = Behaviour(close)
    error = await failure_of(vpcs(reader()))
    assert error.kind is FailureKind.CLOSED
    assert len(told.calls) == 2


def wait_for(event: threading.Event) -> None:
    event.wait()


async def test_a_silent_server_is_asked_once(told: Told) -> None:
    told.answers["DescribeVpcs"] = Behaviour(lambda _: wait_for(told.ending))
    own = reader(timeout=0.5)
    await own.prepare(["ec2"])
    assert (await failure_of(vpcs(own))).kind is FailureKind.TIMEOUT
    assert len(told.calls) <= 1


async def test_an_answer_that_stops_in_the_middle(told: Told) -> None:
    def stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"<Describe")
        handler.wfile.flush()
        told.ending.wait()

    told.answers["DescribeVpcs"] = Behaviour(stop)
    own = reader(timeout=0.5)
    await own.prepare(["ec2"])
    assert (await failure_of(vpcs(own))).kind is FailureKind.TIMEOUT


async def test_who_gives_up_leaves_nothing_that_others_wait_for(told: Told) -> None:
    asked: list[Callable[[], object]] = []

    def wait(_: BaseHTTPRequestHandler) -> None:
        asked[0]()
        told.ending.wait()

    told.answers["DescribeVpcs"] = Behaviour(wait)
    own = reader()
    arrived = asyncio.Event()
    asked.append(partial(asyncio.get_running_loop().call_soon_threadsafe, arrived.set))
    hanging = asyncio.create_task(vpcs(own))
    await arrived.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert (await own.read("ec2", "DescribeSubnets", {}))["Subnets"] == []


async def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    user, password = SECRETS["proxy user"], SECRETS["proxy password"]
    monkeypatch.setenv("HTTPS_PROXY", f"http://{user}:{password}@127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    error = await failure_of(vpcs(reader()))
    assert (error.kind, error.code) == (FailureKind.PROXY_REFUSED, "ECONNREFUSED")
    assert error.message == "127.0.0.1: the proxy cannot be reached: Connection refused"


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expired", "bundle", "kind"),
    [
        pytest.param(("localhost",), False, True, None, id="trusted"),
        pytest.param(("localhost",), False, False, FailureKind.TLS_UNTRUSTED, id="unknown issuer"),
        pytest.param(("elsewhere.example",), False, True, FailureKind.TLS_HOSTNAME, id="another name"),
        pytest.param(("localhost",), True, True, FailureKind.TLS_EXPIRED, id="expired"),
    ],
)
async def test_a_certificate_is_verified(
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    names: tuple[str, ...],
    expired: bool,
    bundle: bool,
    kind: FailureKind | None,
) -> None:
    speak_tls(told, monkeypatch, server_context("amazon", names, expired=expired))
    roots = tmp_path / "roots.pem"
    roots.write_text(root_pem("amazon"))
    own = reader(ca_bundle=str(roots) if bundle else None)
    if kind is None:
        assert await vpcs(own) == []
    else:
        assert (await failure_of(vpcs(own))).kind is kind


def speak_tls(told: Told, monkeypatch: pytest.MonkeyPatch, context: ssl.SSLContext) -> None:
    told.server.socket = context.wrap_socket(told.server.socket, server_side=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{told.port}")


async def test_the_sdks_own_bundle_counts_where_none_is_given(
    told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    speak_tls(told, monkeypatch, server_context("amazon", ("localhost",)))
    roots = tmp_path / "roots.pem"
    roots.write_text(root_pem("amazon"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(roots))
    assert await vpcs(reader()) == []


async def test_a_bundle_that_is_not_there(told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    speak_tls(told, monkeypatch, server_context("amazon", ("localhost",)))
    error = await failure_of(vpcs(reader(ca_bundle=str(tmp_path / "none.pem"), most=1)))
    assert (error.kind, error.message) == (FailureKind.TLS_NO_TRUST_STORE, "localhost: the CA bundle cannot be read")


async def test_a_port_that_speaks_no_tls(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{told.port}")
    assert (await failure_of(vpcs(reader()))).kind is FailureKind.TLS_NOT_TLS


# --- Settings --------------------------------------------------------------------------------------------------------


async def test_a_profile_is_the_sdks_to_read(told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile elsewhere]\nendpoint_url = http://127.0.0.1:{told.port}\ndefaults_mode = auto\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert await vpcs(reader(profile="elsewhere")) == []
    assert len(told.calls) == 1


@pytest.mark.parametrize(
    ("given", "variables", "code"),
    [
        pytest.param({"profile": "nobody"}, {}, "ProfileNotFound", id="no such profile"),
        pytest.param(
            {}, {"AWS_ENDPOINT_URL": f"ftp:/{SECRETS['endpoint password']}@nowhere"}, "ValueError", id="no URL"
        ),
    ],
)
async def test_settings_that_allow_no_request(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], variables: dict[str, str], code: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    error = await failure_of(vpcs(reader(**given)))
    assert (error.kind, error.code) == (FailureKind.MALFORMED, code)
    assert error.message == "the SDK's settings allow no request to ec2"


@pytest.mark.parametrize("setting", ["ca_bundle", "endpoint_url", "api_versions"])
async def test_a_value_nested_where_a_text_belongs_allows_no_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\n{setting} =\n  ec2 =\n    x = {SECRETS['endpoint password']}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    error = await failure_of(vpcs(reader()))
    assert error.kind is FailureKind.MALFORMED
    assert error.message == "the SDK's settings allow no request to ec2"


async def test_what_is_prepared_is_there_and_nothing_is_sent(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    own = reader()
    await own.prepare(["ec2", "route53resolver"])
    assert told.calls == []

    def make(*_: object) -> Any:
        raise AssertionError("a client is made again")

    monkeypatch.setattr(boto.SystemReader, "_make", make)
    await own.read("ec2", "DescribeVpcs", {})
    await own.read("route53resolver", "ListResolverRules", {})
    assert told.operations == ["DescribeVpcs", "ListResolverRules"]


async def test_settings_that_allow_no_request_are_said_by_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no url")
    own = reader()
    await own.prepare(["ec2"])
    with pytest.raises(ProbeError, match="allow no request to ec2"):
        await own.read("ec2", "DescribeVpcs", {})
