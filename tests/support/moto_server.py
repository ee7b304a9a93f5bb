"""Two stand-ins for AWS on this machine, from which reads are made over real sockets: moto, and a scripted server with
the protocols of EC2 (query), Route 53 (REST with XML), its Resolver (JSON 1.1) and its Profiles (REST with JSON).

To use a fixture, a test module assigns it to a variable with the fixture's name: `told = moto_server.told`.
"""

import json
import logging
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import boto3.session
import pytest

from probes.seams import Keys
from probes.system.net import SystemNet
from probes.system.reader import SystemReader
from tests.support.planted import SECRETS

REGION: Final = "eu-west-1"
REQUEST_ID: Final = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE"
KEYS: Final = {
    "access_key_id": SECRETS["access key id"],
    "secret_key": SECRETS["secret key"],
    "token": SECRETS["session token"],
}
SECONDS: Final = 25.0
"""The limit in seconds for a request to a server that answers. Such a request takes far less time, so no test depends
on this limit.
"""
_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_SETS: Final = {
    "DescribeVpcEndpoints": "vpcEndpointSet",
    "DescribeVpcEndpointServices": "serviceDetailSet",
    "DescribeNetworkInterfaces": "networkInterfaceSet",
    "DescribeVpcs": "vpcSet",
    "DescribeDhcpOptions": "dhcpOptionsSet",
    "DescribeSubnets": "subnetSet",
    "DescribeRouteTables": "routeTableSet",
    "DescribeNetworkAcls": "networkAclSet",
    "DescribeSecurityGroups": "securityGroupInfo",
    "DescribeSecurityGroupRules": "securityGroupRuleSet",
    "GetManagedPrefixListEntries": "entrySet",
    "DescribeVpcPeeringConnections": "vpcPeeringConnectionSet",
    "DescribeTransitGatewayAttachments": "transitGatewayAttachments",
    "DescribeTransitGatewayVpcAttachments": "transitGatewayVpcAttachments",
    "SearchTransitGatewayRoutes": "routeSet",
}
"""For each operation, the element of the answer that contains the rows (botocore 1.44.8, service model of EC2)."""


def reader(*, timeout: float = SECONDS, most: int = 40, **given: Any) -> SystemReader:
    """The reader of a run in REGION. Its keys must not be in any output."""
    plain = {"region": REGION, "profile": None, "ca_bundle": None}
    return SystemReader(SystemNet(), Keys(**KEYS), timeout=timeout, most=most, **{**plain, **given})


# --- Answers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that the server received."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    """The parameters of the request: from the query or the path, or the members of a JSON body."""
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the server does instead of answering. `act` gets the handler of the request."""

    act: Callable[[BaseHTTPRequestHandler], None]


def of_ec2(operation: str, rows: str = "", token: str | None = None) -> Reply:
    """A successful answer of EC2. `rows` is XML: the items of the set that the answer contains."""
    name = _SETS[operation]
    more = "" if token is None else f"<nextToken>{token}</nextToken>"
    return of_ec2_with(operation, f"<{name}>{rows}</{name}>{more}")


def of_ec2_with(operation: str, members: str) -> Reply:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation}Response '
        f'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">\n<requestId>{REQUEST_ID}</requestId>{members}'
        f"</{operation}Response>"
    )
    return Reply(body=body.encode(), headers={"Content-Type": "text/xml;charset=UTF-8"})


def of_resolver(document: Mapping[str, Any], status: int = 200) -> Reply:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": REQUEST_ID}
    return Reply(body=json.dumps(document).encode(), status=status, headers=headers)


def of_route_53(zones: str = "", token: str | None = None) -> Reply:
    more = "" if token is None else f"<NextToken>{token}</NextToken>"
    body = (
        '<?xml version="1.0"?>\n<ListHostedZonesByVPCResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
        f"<HostedZoneSummaries>{zones}</HostedZoneSummaries><MaxItems>100</MaxItems>{more}"
        "</ListHostedZonesByVPCResponse>"
    )
    return Reply(body=body.encode(), headers={"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID})


def of_hosted_zone(zone_id: str, name: str, more: str = "") -> Reply:
    """A successful answer to GetHostedZone. `more` is XML: further members of the zone."""
    body = (
        '<?xml version="1.0"?>\n<GetHostedZoneResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
        f"<HostedZone><Id>/hostedzone/{zone_id}</Id><Name>{name}</Name><CallerReference>x</CallerReference>{more}"
        "</HostedZone></GetHostedZoneResponse>"
    )
    return Reply(body=body.encode(), headers={"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID})


def of_profiles(document: Mapping[str, Any], status: int = 200) -> Reply:
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": REQUEST_ID}
    return Reply(body=json.dumps(document).encode(), status=status, headers=headers)


def refusal(code: str, message: str, status: int = 403) -> Reply:
    """An error answer of EC2."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    )
    return Reply(body=body.encode(), status=status, headers={"Content-Type": "text/xml;charset=UTF-8"})


EMPTY: Final[Mapping[str, Reply]] = {
    **{operation: of_ec2(operation) for operation in _SETS},
    "ListResolverRuleAssociations": of_resolver({"ResolverRuleAssociations": []}),
    "ListResolverRules": of_resolver({"ResolverRules": []}),
    "ListFirewallRuleGroupAssociations": of_resolver({"FirewallRuleGroupAssociations": []}),
    "ListFirewallRules": of_resolver({"FirewallRules": []}),
    "ListFirewallDomains": of_resolver({"Domains": []}),
    "ListHostedZonesByVPC": of_route_53(),
    "ListProfileAssociations": of_profiles({"ProfileAssociations": []}),
    "ListProfileResourceAssociations": of_profiles({"ProfileResourceAssociations": []}),
}
_PATHS: Final = {
    re.compile("/2013-04-01/hostedzonesbyvpc"): "ListHostedZonesByVPC",
    re.compile("/2013-04-01/hostedzone/(?P<Id>[^/]+)"): "GetHostedZone",
    re.compile("/profileassociations"): "ListProfileAssociations",
    re.compile("/profileresourceassociations/profileid/(?P<ProfileId>[^/]+)"): "ListProfileResourceAssociations",
}
"""The operation of each path of a REST API."""


# --- The scripted server --------------------------------------------------------------------------------------------


class Told:
    """A server that gives the answer that a test set for an operation. For other operations, its answer is an empty
    result.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Reply | Behaviour | Callable[[Call], Reply]] = {}
        self.calls: list[Call] = []
        self.ending = threading.Event()
        """An event that the test sets at its end. It ends the handlers that do not answer."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": self}))
        self.server.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]


class _Handler(BaseHTTPRequestHandler):
    told: Told
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # sends head and body together, without waiting for a delayed ACK

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        found = next((match, operation) for form, operation in _PATHS.items() if (match := form.fullmatch(url.path)))
        self._answer(
            Call(
                service=self._service(),
                operation=found[1],
                parameters={**dict(parse_qsl(url.query)), **found[0].groupdict()},
                headers=dict(self.headers),
            )
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target")
        if target is not None:
            operation, parameters = target.partition(".")[2], json.loads(body)
        else:
            parameters = dict(parse_qsl(body.decode()))
            operation = parameters["Action"]
        self._answer(
            Call(service=self._service(), operation=operation, parameters=parameters, headers=dict(self.headers))
        )

    def _service(self) -> str:
        match = _SCOPE.search(self.headers.get("Authorization", ""))
        return "" if match is None else match[1]

    def _answer(self, call: Call) -> None:
        self.told.calls.append(call)
        answer = self.told.answers.get(call.operation, EMPTY.get(call.operation))
        if isinstance(answer, Behaviour):
            answer.act(self)
            return
        reply = answer(call) if callable(answer) else answer
        assert isinstance(reply, Reply), f"nobody said what {call.operation} answers"
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        """Print nothing, since tests read the recorded calls."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A server to which the SDK sends the requests for all AWS services. A test sets its answers."""
    server = Told()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    yield server
    server.ending.set()
    server.server.shutdown()
    thread.join()
    server.server.server_close()


# --- moto ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # imported here, since all test processes import this module

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # instead of a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
    """A session for an empty account of moto, in which a test creates resources. The SDK sends all requests to moto
    instead of AWS.
    """
    urllib.request.urlopen(urllib.request.Request(f"{moto_url}/moto-api/reset", method="POST")).close()  # noqa: S310
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    return boto3.session.Session(KEYS["access_key_id"], KEYS["secret_key"], region_name=REGION)
