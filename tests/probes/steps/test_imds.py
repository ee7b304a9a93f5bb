"""The probe of the metadata service, or of any other server at its address."""

import asyncio
import errno
import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.facts import ImdsFacts, RoleFacts
from probes.failure import classify
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import Stream
from probes.steps.imds import (
    IPV4,
    IPV6,
    MAX_VALUE_CHARACTERS,
    container_endpoint,
    disabled,
    endpoint,
    probe,
    probe_role,
)
from tests.support.fakes import DOCUMENTED, FakeMachine, FakeNet, ScriptedStream, in_bytes, os_error, raised_by

pytestmark = pytest.mark.virtual_clock

TOKEN = "AQAEAtoken=="  # noqa: S105 - the token of a service that does not exist
MAC = "0a:1b:2c:3d:4e:5f"
INTERFACE = f"network/interfaces/macs/{MAC}"
VALUES: Mapping[str, str] = {
    "placement/region": "eu-west-1",
    "services/partition": "aws",
    "placement/availability-zone": "eu-west-1a",
    "placement/availability-zone-id": "euw1-az1",
    "instance-id": "i-0a1b2c3d4e5f67890",
    "mac": MAC,
    f"{INTERFACE}/vpc-id": "vpc-1",
    f"{INTERFACE}/owner-id": "111122223333",
    f"{INTERFACE}/subnet-id": "subnet-1",
    f"{INTERFACE}/subnet-ipv4-cidr-block": "10.0.1.0/24",
    f"{INTERFACE}/subnet-ipv6-cidr-blocks": "2001:db8:1::/64",
    f"{INTERFACE}/vpc-ipv4-cidr-block": "10.0.0.0/16",
    f"{INTERFACE}/vpc-ipv4-cidr-blocks": "10.1.0.0/16\n10.0.0.0/16",
    f"{INTERFACE}/vpc-ipv6-cidr-blocks": "2001:db8::/56",
    f"{INTERFACE}/security-group-ids": "sg-1\nsg-2",
    f"{INTERFACE}/interface-id": "eni-1",
    f"{INTERFACE}/local-ipv4s": "10.0.1.5\n10.0.1.6",
    f"{INTERFACE}/ipv6s": "2001:db8:1::5",
    "services/domain": "amazonaws.com",
    "instance-type": "u-6tb1.112xlarge",
    "ami-id": "ami-0a1b2c3d4e5f67890",
    "iam/security-credentials/": "Backup.Agent+1",
}
WHOLE = ImdsFacts(
    token=True,
    region="eu-west-1",
    partition="aws",
    availability_zone="eu-west-1a",
    availability_zone_id="euw1-az1",
    instance_id="i-0a1b2c3d4e5f67890",
    instance_type="u-6tb1.112xlarge",
    image_id="ami-0a1b2c3d4e5f67890",
    vpc_id="vpc-1",
    subnet_id="subnet-1",
    subnet_cidrs=(ip_network("10.0.1.0/24"), ip_network("2001:db8:1::/64")),
    vpc_cidrs=(ip_network("10.0.0.0/16"), ip_network("10.1.0.0/16"), ip_network("2001:db8::/56")),
    security_group_ids=("sg-1", "sg-2"),
    interface_id="eni-1",
    interface_addresses=(ip_address("10.0.1.5"), ip_address("10.0.1.6"), ip_address("2001:db8:1::5")),
    account_id="111122223333",
    dns_suffix="amazonaws.com",
    role="Backup.Agent+1",
)

Answer = tuple[int, bytes]


class Service:
    """A metadata service that answers on every connection. `closes` takes the number of requests so far, and
    returns how the connection ends after the answer, such as `never` or `announced`.
    """

    def __init__(
        self,
        values: Mapping[str, str | bytes | Answer] = VALUES,
        *,
        token: Answer = (200, b"AQAEAtoken=="),
        closes: Callable[[int], str] = lambda answered: "never",
        how: Callable[[bytes], list[bytes]] = lambda data: [data],
    ) -> None:
        self._values, self._token, self._closes, self._how = values, token, closes, how
        self.requests: list[str] = []
        self.heads: list[str] = []
        self.streams: list[ScriptedStream] = []
        self.sent_in_vain = 0
        """The number of requests over a connection that the service had already closed."""

    def net(self) -> FakeNet:
        service = self

        class Net(FakeNet):
            async def connect(self, address: Address, port: int, draft: object, *, mss: int | None = None) -> Stream:
                self.connected.append((address, port))
                service.streams.append(Connection(service))
                return service.streams[-1]

        return Net()

    def respond(self, head: str) -> tuple[list[bytes], bool]:
        """The pieces of an answer, and whether the connection ends after them."""
        method, path, _ = head.split(" ", 2)
        self.requests.append(f"{method} {path}")
        self.heads.append(head)
        end = self._closes(len(self.requests))
        if method == "PUT":
            status, body = self._token
        elif f"X-aws-ec2-metadata-token: {TOKEN}\r\n" not in head:
            status, body = 401, b""
        else:
            value = self._values.get(path.removeprefix("/latest/meta-data/"), (404, b"<html>not found</html>"))
            if isinstance(value, str):
                value = value.encode()
            status, body = value if isinstance(value, tuple) else (200, value)
        extra = "Connection: close\r\n" if end == "announced" else ""
        length = "" if end == "by the end" else f"Content-Length: {len(body)}\r\n"
        return self._how(f"HTTP/1.1 {status} Any\r\n{extra}{length}\r\n".encode() + body), end != "never"


class Connection(ScriptedStream):
    """One connection to the service."""

    def __init__(self, service: Service) -> None:
        super().__init__(silent=True)
        self._service = service
        self._over = False

    async def send(self, data: bytes) -> None:
        await super().send(data)
        if self._over:
            self._service.sent_in_vain += 1
            self._script = iter([b""])
            return
        pieces, self._over = self._service.respond(data.decode("ascii"))
        self._script = iter([*pieces, b""] if self._over else pieces)


async def probed(
    service: Service, environment: Mapping[str, str] | None = None
) -> tuple[ImdsFacts | None, Exception | None]:
    """The facts and the error of a probe."""
    draft: Draft[ImdsFacts] = Draft()
    error = None
    try:
        assert (
            await probe(service.net(), FakeMachine(environment=environment or {}), "backuplink/1", draft) == draft.facts
        )
    except Exception as caught:  # noqa: BLE001 - whatever it is, the test looks at it
        error = caught
    assert all(stream.closed for stream in service.streams)
    return draft.facts, error


# --- Where to look ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("True", True, id="True"),
        pytest.param("1", False, id="one"),
        pytest.param("", False, id="empty"),
        pytest.param("false", False, id="false"),
    ],
)
def test_disabled(value: str, expected: bool) -> None:
    assert disabled({"AWS_EC2_METADATA_DISABLED": value}) is expected


def test_not_disabled_by_default() -> None:
    assert not disabled({})


@pytest.mark.parametrize(
    ("url", "mode", "expected"),
    [
        pytest.param("", "", (IPV4, 80), id="default"),
        pytest.param("", "ipv6", (IPV6, 80), id="IPv6"),
        pytest.param("", "IPv6", (IPV6, 80), id="IPv6 in capitals"),
        pytest.param("", "ipv4", (IPV4, 80), id="IPv4"),
        pytest.param("http://127.0.0.1:1338/", "ipv6", (ip_address("127.0.0.1"), 1338), id="URL wins"),
        pytest.param("http://[fd00:ec2::254]", "", (IPV6, 80), id="IPv6 URL"),
        pytest.param("http://10.0.0.1:0", "", (ip_address("10.0.0.1"), 80), id="port 0"),
    ],
)
def test_endpoint(url: str, mode: str, expected: tuple[Address, int]) -> None:
    environment = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": mode}
    assert endpoint(environment) == expected


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://metadata.example/", id="a name"),
        pytest.param("169.254.169.254", id="no scheme"),
        pytest.param("http://[fd00:ec2::254", id="open bracket"),
        pytest.param("http://10.0.0.1:99999", id="port too large"),
        pytest.param("http://10.0.0.1:x", id="port of letters"),
        pytest.param("http://", id="no host"),
        pytest.param(" ", id="blank"),
    ],
)
def test_endpoint_that_names_no_address(url: str) -> None:
    raised_by(lambda: endpoint({"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}), FailureKind.MALFORMED)


@given(st.text(max_size=30) | st.text(max_size=20).map("http://{}".format))
def test_any_url(url: str) -> None:
    try:
        _, port = endpoint({"AWS_EC2_METADATA_SERVICE_ENDPOINT": url})
    except ProbeError:
        return
    assert 0 < port < 65536


@given(st.text(max_size=30) | st.text(max_size=20).map("http://{}".format))
def test_any_container_url(url: str) -> None:
    place = container_endpoint({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
    assert place is None or 0 < place[1] < 65536


# --- The service -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [pytest.param(lambda data: [data], id="whole"), pytest.param(in_bytes, id="in bytes")])
async def test_everything(how: Callable[[bytes], list[bytes]]) -> None:
    service = Service(how=how)
    assert await probed(service) == (WHOLE, None)
    assert service.requests[0] == "PUT /latest/api/token"
    assert len(service.streams) == 1
    assert "X-aws-ec2-metadata-token-ttl-seconds: 300\r\n" in service.heads[0]
    assert TOKEN not in service.heads[0]
    assert all("Host: 169.254.169.254\r\n" in head for head in service.heads)


async def test_host_of_an_ipv6_service_stands_in_brackets() -> None:
    service = Service()
    await probed(service, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv6"})
    assert "Host: [fd00:ec2::254]\r\n" in service.heads[0]


class OverIpv6(FakeNet):
    """A host without a route to IPv4 addresses."""

    def __init__(self, service: Service, number: int = errno.ENETUNREACH) -> None:
        super().__init__()
        self._there = service.net()
        self._number = number

    async def connect(self, address: Address, port: int, draft: object, *, mss: int | None = None) -> Stream:
        self.connected.append((address, port))
        if address.version == 4:
            raise os_error(self._number)
        return await self._there.connect(address, port, Draft())


async def test_host_without_ipv4_asks_over_ipv6() -> None:
    service, draft = Service(), Draft[ImdsFacts]()
    net = OverIpv6(service)
    assert await probe(net, FakeMachine(), "backuplink/1", draft) == WHOLE
    assert net.connected == [(IPV4, 80), (IPV6, 80)]
    assert all("Host: [fd00:ec2::254]\r\n" in head for head in service.heads)


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        pytest.param({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv4"}, errno.ENETUNREACH, id="a mode is set"),
        pytest.param(
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://169.254.169.254"}, errno.ENETUNREACH, id="a URL is set"
        ),
        pytest.param({}, errno.EACCES, id="a firewall of this host"),
        pytest.param({}, errno.ECONNREFUSED, id="refused"),
    ],
)
async def test_ipv4_that_is_chosen_or_stopped_is_asked_alone(environment: dict[str, str], number: int) -> None:
    net = OverIpv6(Service(), number)
    with pytest.raises(OSError, match=rf"Errno {number}\b"):
        await probe(net, FakeMachine(environment=environment), "backuplink/1", Draft())
    assert net.connected == [(IPV4, 80)]


async def test_host_without_any_way_says_so() -> None:
    net = FakeNet(streams=[os_error(errno.ENETUNREACH), os_error(errno.ENETUNREACH)])
    with pytest.raises(OSError, match=rf"Errno {errno.ENETUNREACH}\b"):
        await probe(net, FakeMachine(), "backuplink/1", Draft())
    assert net.connected == [(IPV4, 80), (IPV6, 80)]


@pytest.mark.parametrize(
    ("closes", "connections", "in_vain"),
    [
        pytest.param(lambda answered: "announced", len(VALUES) + 1, 0, id="after each answer"),
        pytest.param(lambda answered: "by the end", len(VALUES) + 1, 0, id="as the end of each answer"),
        pytest.param(lambda answered: "announced" if answered == 1 else "never", 2, 0, id="after the token"),
        pytest.param(lambda answered: "silently" if answered == 3 else "never", 2, 1, id="not announced"),
    ],
)
async def test_connection_that_the_service_closes_is_made_anew(
    closes: Callable[[int], str], connections: int, in_vain: int
) -> None:
    service = Service(closes=closes)
    assert await probed(service) == (WHOLE, None)
    assert (len(service.streams), service.sent_in_vain) == (connections, in_vain)


async def test_instance_without_ipv6_and_without_an_interface() -> None:
    values = {path: value for path, value in VALUES.items() if "ipv6" not in path}
    facts, error = await probed(Service(values))
    assert error is None
    assert facts is not None
    assert facts.subnet_cidrs == (ip_network("10.0.1.0/24"),)
    assert facts.vpc_cidrs == (ip_network("10.0.0.0/16"), ip_network("10.1.0.0/16"))
    assert facts.interface_addresses == (ip_address("10.0.1.5"), ip_address("10.0.1.6"))
    facts, error = await probed(Service({path: value for path, value in VALUES.items() if "mac" not in path}))
    assert error is None
    assert facts is not None
    assert (facts.region, facts.vpc_id, facts.vpc_cidrs) == ("eu-west-1", None, ())


async def test_an_interface_with_as_many_addresses_as_it_can_have() -> None:
    addresses = [f"2a05:d018:1111:2222:3333:4444:5555:{number:x}" for number in range(0x6600, 0x6600 + 50)]
    facts, error = await probed(Service({**VALUES, f"{INTERFACE}/ipv6s": "\n".join(addresses)}))
    assert error is None
    assert facts is not None
    assert facts.interface_addresses[2:] == tuple(map(ip_address, addresses))


async def test_nothing_but_a_token() -> None:
    assert await probed(Service({})) == (ImdsFacts(token=True), None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, FailureKind.NOT_PERMITTED) for status in (401, 403, 404)),
        *((status, FailureKind.MALFORMED) for status in (204, 302, 400, 405, 429, 500, 503)),
    ],
)
async def test_token_refused(status: int, kind: FailureKind) -> None:
    facts, error = await probed(Service(token=(status, b"")))
    assert isinstance(error, ProbeError)
    assert (error.kind, error.code) == (kind, str(status))
    assert facts == ImdsFacts(token=False)


async def test_value_refused_keeps_what_came_before() -> None:
    facts, error = await probed(Service({**VALUES, "mac": (401, b"")}))
    assert isinstance(error, ProbeError)
    assert (error.kind, error.code) == (FailureKind.NOT_PERMITTED, "401")
    assert facts is not None
    assert (facts.region, facts.instance_id, facts.vpc_id) == ("eu-west-1", "i-0a1b2c3d4e5f67890", None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("placement/region", b"", id="empty"),
        pytest.param("placement/region", b"eu-west-1\neu-west-2", id="two values"),
        pytest.param("placement/region", b"EU-WEST-1", id="capitals"),
        pytest.param("placement/region", b"\x1b[2J", id="control characters"),
        pytest.param("placement/region", b"eu\xffwest", id="no ASCII"),
        pytest.param("placement/region", b"a" * 65, id="a long word"),
        pytest.param("placement/region", b" " * (MAX_VALUE_CHARACTERS + 1), id="long, and blank"),
        pytest.param("placement/region", b"<html>", id="a page"),
        pytest.param("mac", b"../../api", id="a path for an address"),
        pytest.param("mac", b"0a:1b:2c:3d:4e:5f:6a", id="seven bytes of an address"),
        pytest.param(f"{INTERFACE}/vpc-ipv4-cidr-block", b"10.0.0.1/16", id="bits behind the prefix"),
        pytest.param(f"{INTERFACE}/vpc-ipv4-cidr-block", b"10.0.0.0/33", id="prefix of 33"),
        pytest.param(f"{INTERFACE}/vpc-ipv4-cidr-blocks", b"10.0.0.0/16 x", id="one word that is not a block"),
        pytest.param(f"{INTERFACE}/subnet-ipv6-cidr-blocks", b"fe80::%eth0/64", id="block with a scope"),
        pytest.param(f"{INTERFACE}/security-group-ids", b"sg-1\nsg_2", id="one word that is not an id"),
        pytest.param(f"{INTERFACE}/security-group-ids", b"sg-1\n" * 500, id="a long list"),
        pytest.param(f"{INTERFACE}/interface-id", b"eni-1 eni-2", id="two interfaces"),
        pytest.param(f"{INTERFACE}/local-ipv4s", b"10.0.1.5\n10.0.1.256", id="one word that is not an address"),
        pytest.param(f"{INTERFACE}/ipv6s", b"2001:db8::1/64", id="a block for an address"),
        pytest.param(f"{INTERFACE}/ipv6s", b"fe80::1%eth0", id="address with a scope"),
    ],
)
async def test_value_that_does_not_belong_there(path: str, value: bytes) -> None:
    facts, error = await probed(Service({**VALUES, path: value}))
    assert isinstance(error, ProbeError)
    assert error.kind is FailureKind.MALFORMED
    assert path in error.message
    assert facts is not None
    assert facts.token


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a b", id="two words"),
        pytest.param(b"a\r\nX-Injected:1", id="line break"),
        pytest.param(b"a" * 513, id="too long"),
        pytest.param(b"\xff", id="no ASCII"),
        pytest.param(b"<html>", id="a page"),
    ],
)
async def test_token_that_is_none(token: bytes) -> None:
    service = Service(token=(200, token))
    facts, error = await probed(service)
    assert isinstance(error, ProbeError)
    assert error.kind is FailureKind.MALFORMED
    assert facts == ImdsFacts(token=False)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("streams", "kind"),
    [
        pytest.param([os_error(errno.EHOSTUNREACH)], FailureKind.UNREACHABLE, id="unreachable"),
        pytest.param([ScriptedStream()], FailureKind.CLOSED, id="closed"),
        pytest.param([ScriptedStream(os_error(errno.ECONNRESET))], FailureKind.RESET, id="reset"),
        pytest.param([ScriptedStream(b"SSH-2.0-x\r\n")], FailureKind.MALFORMED, id="another protocol"),
        pytest.param(
            [ScriptedStream(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 70_000)], FailureKind.TOO_LARGE, id="too much"
        ),
    ],
)
async def test_no_service_there(streams: list[ScriptedStream | Exception], kind: FailureKind) -> None:
    net = FakeNet(streams=streams)
    draft: Draft[ImdsFacts] = Draft()
    with pytest.raises(DOCUMENTED) as caught:
        await probe(net, FakeMachine(), "backuplink/1", draft)
    assert isinstance(caught.value, Exception)
    assert classify(caught.value).kind is kind
    assert draft.facts == ImdsFacts(token=False)
    assert net.connected == [(IPV4, 80)]
    assert all(stream.closed for stream in streams if isinstance(stream, ScriptedStream))


async def test_cancelled_leaves_no_connection() -> None:
    async def cancelled_after(steps: int) -> bool:
        service = Service(closes=lambda answered: "announced" if answered % 3 == 0 else "never")
        probing = asyncio.create_task(probe(service.net(), FakeMachine(), "backuplink/1", Draft()))
        for _ in range(steps):
            await asyncio.sleep(0)
        probing.cancel()
        await asyncio.wait([probing])
        assert all(stream.closed for stream in service.streams)
        return probing.cancelled()

    steps = 0
    while await cancelled_after(steps):
        steps += 1
    assert steps > 2 * len(VALUES)


@settings(deadline=None)
@given(st.sampled_from(sorted(VALUES)), st.binary(max_size=80) | st.text("0123456789abcdef.:/-\n", max_size=40))
async def test_any_value(path: str, value: bytes | str) -> None:
    facts, error = await probed(Service({**VALUES, path: value}))
    assert facts is not None
    assert error is None or (isinstance(error, ProbeError) and error.kind is FailureKind.MALFORMED)


@settings(deadline=None)
@given(st.binary(max_size=80))
async def test_any_token(token: bytes) -> None:
    _, error = await probed(Service(token=(200, token)))
    assert error is None or isinstance(error, ProbeError)


# --- The role --------------------------------------------------------------------------------------------------------

DOCUMENT = "iam/security-credentials/Backup.Agent+1"
KEPT = "of/this/nothing/else"
GIVEN = b'{"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "of/this/nothing/else"}'


async def role_probed(service: Service) -> tuple[RoleFacts | None, Exception | None]:
    draft: Draft[RoleFacts] = Draft()
    error = None
    try:
        await probe_role(service.net(), FakeMachine(), "backuplink/1", "Backup.Agent+1", draft)
    except Exception as caught:  # noqa: BLE001 - whatever it is, the test looks at it
        error = caught
    assert all(stream.closed for stream in service.streams)
    return draft.facts, error


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=20).map(lambda text: json.dumps({"Code": text}).encode()))
async def test_any_document_of_a_role(body: bytes) -> None:
    facts, error = await role_probed(Service({DOCUMENT: body}))
    assert isinstance(error, ProbeError) is (facts is None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(GIVEN, "Success", id="with credentials"),
        pytest.param(
            b'{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"}',
            "AssumeRoleUnauthorizedAccess",
            id="without",
        ),
    ],
)
async def test_the_code_alone_is_taken_of_a_role(body: bytes, code: str) -> None:
    service = Service({DOCUMENT: body})
    assert await role_probed(service) == (RoleFacts(code=code), None)
    assert service.requests == ["PUT /latest/api/token", f"GET /latest/meta-data/{DOCUMENT}"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(GIVEN[:-1], id="cut"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'["of/this/nothing/else"]', id="a list"),
        pytest.param(b'{"SecretAccessKey": "of/this/nothing/else"}', id="without a code"),
        pytest.param(b'{"Code": "of/this/nothing/else"}', id="a code of another form"),
        pytest.param(b'{"Code": ["of-this-nothing"]}', id="a code that is not text"),
        pytest.param(b'{"Code": "\xff"}', id="no text at all"),
    ],
)
async def test_a_document_of_another_form_gives_nothing_away(body: bytes) -> None:
    facts, error = await role_probed(Service({DOCUMENT: body}))
    assert facts is None
    assert isinstance(error, ProbeError)
    assert error.kind is FailureKind.MALFORMED
    assert KEPT not in error.message
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        pytest.param((404, b""), FailureKind.MALFORMED, "404", id="gone meanwhile"),
        pytest.param((403, b""), FailureKind.NOT_PERMITTED, "403", id="forbidden"),
        pytest.param((500, b""), FailureKind.MALFORMED, "500", id="broken"),
    ],
)
async def test_a_role_that_the_service_refuses(answer: Answer, kind: FailureKind, code: str) -> None:
    facts, error = await role_probed(Service({DOCUMENT: answer}))
    assert facts is None
    assert isinstance(error, ProbeError)
    assert (error.kind, error.code) == (kind, code)
