"""Hostile bytes: answers of name servers, endpoints, proxies, the metadata service and EC2; certificates; and those
files of the host that the SDK and the C library read.

Each parser gets its bytes directly; the peers in `tests/hostile/*.toml` are for whole runs. A parser must return facts
of its own type, or raise its one documented error. No failure may be a bug of this program (`FailureKind.BUG`).
"""

import asyncio
import json
from collections.abc import Coroutine, Mapping
from functools import cache
from random import Random
from typing import Any, Final
from unittest.mock import patch

import dns.flags
import dns.message
import dns.rrset
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.catalog.services import SERVICES
from agent.network.calls import Decision
from agent.network.calls import judge as judge_policy
from agent.simulated.certificates import authority, root_pem
from agent.simulated.world import SimulatedReader
from probes.facts import MAX_NAMES, ApiFacts, HttpFacts, ImdsFacts, JobsFacts, ProxyConnectFacts, RoleFacts
from probes.failure import classify
from probes.model import Address, AnswerForm, Draft, FailureKind, Observation, ProbeError, SignedCall
from probes.observe import Log
from probes.seams import Stream
from probes.steps import api, host, http, imds, jobs, proxy, workload
from probes.steps.dns import MAX_RECORDS, facts_of, read_answer
from probes.steps.tls import MAX_NAME_CHARACTERS, TlsStream, read_certificate
from probes.system.reader import MAX_MESSAGE_CHARACTERS, SystemReader
from probes.system.sdk import has_profile, load_sdk_settings
from probes.tls_context import verifying_contexts
from probes.vpc.model import READS
from probes.vpc.reads import ConfigurationRequest, inspect
from tests.agent.network.policy_documents import DEFAULT, LIST, SAMPLES
from tests.hostile.fuzz.command import Command
from tests.hostile.fuzz.mutation import BYTES, DEEP, spoilt_bytes, spoilt_document
from tests.support import moto_server, scenarios
from tests.support.fakes import DOCUMENTED, HOST, NOW, FakeMachine, FakeNet, ScriptedStream, value_or
from tests.support.ladders import CALLS
from tests.support.planted import leaked
from tests.support.runs import in_virtual_time

# --- Name servers ----------------------------------------------------------------------------------------------------

_QUERY: Final = dns.message.make_query(HOST, "A", use_edns=0, payload=1232, id=0x1234)
_Row = tuple[str, int, str, str, str]
_ROWS: Final[tuple[_Row, ...]] = (
    (f"{HOST}.", 60, "IN", "A", "10.0.1.17"),
    (f"{HOST}.", 60, "IN", "CNAME", "b.example."),
    ("b.example.", 60, "IN", "CNAME", f"{HOST}."),
    ("b.example.", 60, "IN", "A", "10.0.1.18"),
    (f"{HOST}.", 60, "IN", "AAAA", "fd00::17"),
    (f"{HOST}.", 60, "IN", "TXT", '"\\027[2J"'),
    ("amazonaws.com.", 900, "IN", "SOA", "ns.amazonaws.com. root.amazonaws.com. 1 7200 900 1209600 86400"),
)
_WIRE: Final = (*BYTES, b"\xc0\x0c", b"\xc0\xff", b"\x00\x29", b"\x00\x01\x00\x01", b"\xff\xff", b"\x3f" + b"a" * 63)


def answer_of_a_name_server(chance: Random) -> bytes:
    """A message with spoilt bytes after its id."""
    message = dns.message.make_response(_QUERY, recursion_available=True)
    for section in (message.answer, message.authority):
        for name, ttl, of, kind, value in chance.sample(_ROWS, chance.choice((0, 1, 2, 4))):
            section.append(dns.rrset.from_text(name, ttl, of, kind, value))
    if chance.randrange(6) == 0:
        message.flags |= dns.flags.TC
    wire = message.to_wire(want_shuffle=False)
    return wire[:2] + spoilt_bytes(chance, wire[2:], _WIRE)


def check_dns(chance: Random, _: Command) -> None:
    """The parser returns facts with a limited number of addresses, or fails as `dns-malformed`."""
    packet = answer_of_a_name_server(chance)
    result = value_or(
        lambda: facts_of(read_answer(packet, _QUERY), _QUERY, transport="udp", queries=1), FailureKind.DNS_MALFORMED
    )
    if result is not None:
        assert len(result.addresses) <= MAX_RECORDS
        assert result.canonical_name is None or result.canonical_name.isprintable()


# --- HTTP ------------------------------------------------------------------------------------------------------------

_ID: Final = b"x-amzn-RequestId: 20317174-17ec-464f-8ae7-f40a19aafb78\r\n"
_HTTP: Final = (
    b"HTTP/1.1 403 Forbidden\r\n" + _ID + b"Date: Thu, 15 Jan 2026 03:00:05 GMT\r\nContent-Length: 6\r\n\r\n<no/>\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nTrailer: t\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nServer: old\r\n\r\nuntil the end",
    b"HTTP/1.1 302 Found\r\nLocation: https://portal.example/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 Connection established\r\nProxy-agent: squid\r\n\r\n",
    b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
)
_LINES: Final = (
    *(
        *BYTES,
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"Content-Length: 9\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n x",
    ),
    *(
        b"ffffffffffffffff\r\n",
        b"Date: Mon, 01 Jan 0001 00:00:00 +2359\r\n",
        b"X: " + b"a" * 40_000,
        b"HTTP/2.0 200\r\n",
    ),
)


def answer_of_http(chance: Random) -> bytes:
    """A spoilt answer of an HTTP server."""
    return spoilt_bytes(chance, chance.choice(_HTTP), _LINES)


def _pieces(chance: Random, data: bytes) -> list[bytes]:
    size = chance.choice((1, 7, 64, 4_096))
    return [data[start : start + size] for start in range(0, len(data), size)]


def _kind_of(work: Coroutine[Any, Any, object]) -> FailureKind | None:
    """The kind of the failure of `work`, or None if it succeeded. The kind must be documented, and must not be a bug of
    this program.
    """
    kind: FailureKind | None = None
    try:
        in_virtual_time(lambda: work)
    except DOCUMENTED as error:
        kind = classify(error).kind
    assert kind is not FailureKind.BUG
    return kind


def check_http(chance: Random, _: Command) -> None:
    """An unsigned request gets an answer from AWS, or fails in a documented way."""
    draft = Draft[HttpFacts]()
    stream = ScriptedStream(*_pieces(chance, answer_of_http(chance)))
    form = chance.choice(tuple(AnswerForm))
    kind = _kind_of(http.probe(stream, FakeMachine(), HOST, "backuplink/1", draft, answers=form))
    assert kind is not None or (draft.facts is not None and draft.facts.request_id)
    assert stream.given <= http.MAX_EXCHANGE_BYTES + http.MAX_HEAD_BYTES


def check_proxy(chance: Random, _: Command) -> None:
    """A proxy opens a tunnel, or the request fails in a documented way. No text contains the password in the proxy's
    URL.
    """
    draft = Draft[ProxyConnectFacts]()
    stream = ScriptedStream(*_pieces(chance, answer_of_http(chance)))
    net = FakeNet(streams=[stream])
    kind = _kind_of(proxy.probe(net, "http://me:hunter2@10.0.0.9:3128", HOST, 443, draft))
    assert draft.facts is not None
    assert kind is not None or 200 <= (draft.facts.status or 0) < 300
    assert "hunter2" not in repr(draft.facts)
    assert stream.closed


# --- Signed calls ----------------------------------------------------------------------------------------------------

_BODIES: Final = (
    b'{"BackupVaultList": []}',
    b'{"Gateways": [{"GatewayArn": "arn:aws:backup-gateway:eu-west-1:111122223333:gateway/g", "LastSeenTime": 1.5}]}',
    b'{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no VPC endpoint policy allows it"}',
    b'{"message": "Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20210502T174643Z - 5 m)"}',
    b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>x</Message></Error></ErrorResponse>",
    b"<UnknownOperationException/>",
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn/></GetCallerIdentityResult></GetCallerIdentityResponse>",
    b"<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors><RequestID>1-2</RequestID></Response>",
    b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
)
_MARKUP: Final = (
    *BYTES,
    *DEEP,
    b"&amp;",
    b"&#x1b;",
    b"<![CDATA[",
    b"]]>",
    b"<a" * 400,
    b"null",
    b"NaN",
    b"1e999",
    b"\\ud800",
    b"#:#",
)


def check_api(chance: Random, _: Command) -> None:
    """The answer to a signed call is accepted only with status 200, a request id and the expected key."""
    service = chance.choice(sorted(CALLS))
    body = chance.choice(_BODIES)
    if chance.randrange(6):
        body = spoilt_bytes(chance, body, _MARKUP)
    names = ("x-amzn-requestid", "x-amzn-errortype", "date", "content-type")
    headers = tuple((name, chance.choice(("a", "", "#:#", "\x1b[2J", "0"))) for name in names if chance.randrange(2))
    response = http.Response(
        status=chance.choice((200, 403, 400, 500, 302)), headers=headers, body=body, keep_alive=True
    )
    form = SERVICES[service].answers
    facts: ApiFacts = api.read_answer(CALLS[service], response, NOW, NOW, new_connection=True, answers=form)
    assert len(facts.error_message or "") <= api.MAX_MESSAGE_CHARACTERS
    assert facts.error_code is None or 0 < len(facts.error_code) <= 128
    assert isinstance(api.kind_of(facts), FailureKind)
    if facts.expected_key and form is AnswerForm.JSON:
        document = json.loads(body)
        assert CALLS[service].key in document or (CALLS[service].may_be_empty and document == {})
    elif facts.expected_key:
        assert f"{CALLS[service].name}Response" in body.decode("utf-8", "replace")


_JOB: Final = {
    "BackupJobId": "1F2E3D4C",
    "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890",
    "ResourceType": "EC2",
    "State": "FAILED",
    "MessageCategory": "AccessDenied",
    "StatusMessage": "Access Denied trying to call AWS Backup service",
}


def check_jobs(chance: Random, _: Command) -> None:
    """Reading a list of jobs takes a limited number of calls. It gives facts of limited size, or fails in a documented
    way.
    """
    draft = Draft[JobsFacts]()

    async def send(call: SignedCall, seen: Draft[ApiFacts]) -> http.Response:
        listed = {"BackupJobs": [_JOB] * chance.choice((0, 1, 20, 200)), "NextToken": chance.choice(("", "x", "y"))}
        document = spoilt_document(chance, listed) if chance.randrange(2) else listed
        body = json.dumps(document).encode()
        body = spoilt_bytes(chance, body, _MARKUP) if chance.randrange(4) == 0 else body
        response = http.Response(status=200, headers=(("x-amzn-requestid", "a"),), body=body, keep_alive=True)
        seen.facts = api.read_answer(call, response, NOW, NOW, new_connection=False)
        return response

    _kind_of(jobs.read(send, jobs.JobsRequest(created_after=NOW, resource_arn=None), draft))
    facts = draft.facts
    assert facts is not None
    assert facts.calls <= jobs.MAX_CALLS
    assert sum(row.jobs for row in facts.failed) <= facts.listed <= jobs.MAX_CALLS * jobs.MAX_RESULTS
    for row in facts.failed:
        assert len(row.message or "") <= jobs.MAX_MESSAGE_CHARACTERS
        assert all(text is None or text.isprintable() for text in (row.resource_type, row.category, row.job_id))


# --- Metadata --------------------------------------------------------------------------------------------------------

_MAC: Final = "0a:1b:2c:3d:4e:5f"
_OF_INTERFACE: Final = f"network/interfaces/macs/{_MAC}"
_METADATA: Final = {
    "placement/region": "eu-west-1",
    "services/partition": "aws",
    "placement/availability-zone-id": "euw1-az1",
    "instance-id": "i-0a1b2c3d4e5f67890",
    "mac": _MAC,
    f"{_OF_INTERFACE}/vpc-id": "vpc-0a1b2c3d4e5f67890",
    f"{_OF_INTERFACE}/vpc-ipv4-cidr-blocks": "10.1.0.0/16\n10.0.0.0/16",
    f"{_OF_INTERFACE}/security-group-ids": "sg-1\nsg-2",
    f"{_OF_INTERFACE}/local-ipv4s": "10.0.1.5\n10.0.1.6",
    "iam/security-credentials/": "Backup.Agent+1",
    "iam/security-credentials/Backup.Agent+1": '{"Code": "Success", "SecretAccessKey": "hunter2"}',
}


class _Metadata(ScriptedStream):
    """A metadata service that returns a token and values, some of which are spoilt."""

    def __init__(self, chance: Random, values: Mapping[str, bytes]) -> None:
        super().__init__()
        self._chance, self._values, self._waiting = chance, values, b""

    async def send(self, data: bytes) -> None:
        path = data.split(b" ")[1].decode().removeprefix("/latest/meta-data/")
        body = b"AQAEAtoken==" if data.startswith(b"PUT") else self._values.get(path)
        head = b"HTTP/1.1 404 No\r\n" if body is None else b"HTTP/1.1 200 OK\r\n"
        answer = head + f"Content-Length: {len(body or b'')}\r\n\r\n".encode() + (body or b"")
        self._waiting += spoilt_bytes(self._chance, answer, _LINES) if self._chance.randrange(12) == 0 else answer

    async def receive(self, limit: int) -> bytes:
        data, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return data


def check_metadata(chance: Random, _: Command) -> None:
    """A value is accepted only if it has the form of its kind. Otherwise, the probe fails in a documented way. No
    credentials are kept.
    """
    values = {
        path: spoilt_bytes(chance, value.encode()) if chance.randrange(3) == 0 else value.encode()
        for path, value in _METADATA.items()
    }

    class Net(FakeNet):
        async def connect(self, address: Address, port: int, draft: object, *, mss: int | None = None) -> Stream:
            return _Metadata(chance, values)

    draft, role = Draft[ImdsFacts](), Draft[RoleFacts]()
    _kind_of(imds.probe(Net(), FakeMachine(), "backuplink/1", draft))
    _kind_of(imds.probe_role(Net(), FakeMachine(), "backuplink/1", "Backup.Agent+1", role))
    assert draft.facts is not None
    for name in ("instance_id", "vpc_id", "region", "role"):
        value = getattr(draft.facts, name)
        assert value is None or (value.isascii() and value.isprintable() and len(value) <= imds.MAX_VALUE_CHARACTERS)
    assert "hunter2" not in f"{draft.facts}{role.facts}"
    assert role.facts is None or (role.facts.code.isascii() and role.facts.code.isalnum())


# --- EC2, Route 53, its Resolver and its Profiles --------------------------------------------------------------------

_OF_VPC: Final = "vpc-0a1b2c3d4e5f67890"
_WANTED: Final = ConfigurationRequest(
    vpc_id=_OF_VPC,
    instance_id="i-0a1b2c3d4e5f67890",
    region="eu-west-1",
    services=("backup", "backup-gateway"),
    group_ids=("sg-0a1b2c3d4e5f67890",),
)
_READ_SECONDS: Final = 5.0
_SOUND: Final = "route-53-profile-rule-forwards-to-public"
"""A scenario whose configuration can be read and includes a Route 53 Profile."""
_REPLIES: Final = {
    "DescribeVpcEndpoints": moto_server.of_ec2(
        "DescribeVpcEndpoints",
        "<item><vpcEndpointId>vpce-0a1b2c3d4e5f67890</vpcEndpointId><vpcEndpointType>Interface</vpcEndpointType>"
        f"<vpcId>{_OF_VPC}</vpcId><serviceName>com.amazonaws.eu-west-1.backup</serviceName><state>available</state>"
        "<policyDocument>{&quot;Statement&quot;: []}</policyDocument><privateDnsEnabled>true</privateDnsEnabled>"
        "<subnetIdSet><item>subnet-0a1b2c3d4e5f67890</item></subnetIdSet></item>",
    ),
    "DescribeVpcEndpointServices": moto_server.of_ec2(
        "DescribeVpcEndpointServices",
        "<item><serviceName>com.amazonaws.eu-west-1.backup</serviceName><serviceType><item>"
        "<serviceType>Interface</serviceType></item></serviceType><availabilityZoneSet><item>eu-west-1a</item>"
        "</availabilityZoneSet><privateDnsName>backup.eu-west-1.amazonaws.com</privateDnsName></item>",
    ),
    "DescribeVpcs": moto_server.of_ec2(
        "DescribeVpcs",
        f"<item><vpcId>{_OF_VPC}</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><dhcpOptionsId>default</dhcpOptionsId></item>",
    ),
    "DescribeSecurityGroupRules": moto_server.of_ec2(
        "DescribeSecurityGroupRules",
        "<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-0a1b2c3d4e5f67890</groupId>"
        "<isEgress>true</isEgress><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort>"
        "<cidrIpv4>0.0.0.0/0</cidrIpv4></item>",
    ),
    "ListResolverRules": moto_server.of_resolver({"ResolverRules": [{"Id": "rslvr-rr-1", "DomainName": "x."}]}),
    "ListHostedZonesByVPC": moto_server.of_route_53(
        "<HostedZoneSummary><HostedZoneId>Z1</HostedZoneId></HostedZoneSummary>"
    ),
    "ListProfileResourceAssociations": moto_server.of_profiles(
        {
            "ProfileResourceAssociations": [
                {
                    "ProfileId": "rp-0a1b2c3d4e5f6789",
                    "ResourceArn": "arn:aws:route53resolver:eu-west-1:111122223333:firewall-rule-group/rslvr-frg-1",
                    "ResourceProperties": '{"priority":102}',
                }
            ]
        }
    ),
    "DescribeSubnets": moto_server.refusal("UnauthorizedOperation", "You are not authorized to perform: x"),
}
"""At least one answer and one refusal for each protocol."""
_SERVICE: Final = {
    "ListResolverRules": "route53resolver",
    "ListHostedZonesByVPC": "route53",
    "ListProfileResourceAssociations": "route53profiles",
}
_PARAMETERS: Final = {
    "ListHostedZonesByVPC": {"VPCId": _OF_VPC, "VPCRegion": "eu-west-1"},
    "ListProfileResourceAssociations": {"ProfileId": "rp-0a1b2c3d4e5f6789"},
}


OPERATIONS: Final = tuple(sorted(_REPLIES))


def answer_of_aws(chance: Random, operation: str) -> bytes:
    """The spoilt body of an answer to this operation."""
    return spoilt_bytes(chance, _REPLIES[operation].body, _MARKUP)


@cache
def _reader() -> SystemReader:
    """A reader with the SDK's clients, which take long to create."""
    return moto_server.reader(most=1_000_000)


def parsed(operation: str, body: bytes) -> Mapping[str, Any] | ProbeError:
    """What the reader returns, through the SDK, when AWS answers with this body."""
    reply = _REPLIES[operation]
    headers = tuple((name.lower(), value) for name, value in reply.headers.items())

    async def answered(*_: object) -> http.Response:
        return http.Response(status=reply.status, headers=headers, body=body, keep_alive=False)

    asked = _reader().read(_SERVICE.get(operation, "ec2"), operation, _PARAMETERS.get(operation, {}))
    with patch.object(SystemReader, "_exchange", answered):
        try:
            return asyncio.run(asked)
        except ProbeError as error:
            return error


class _Configured(SimulatedReader):
    """A reader of a sound configuration. Some of its answers are spoilt, and one operation has a given answer."""

    def __init__(self, chance: Random, operation: str, answer: Mapping[str, Any] | ProbeError) -> None:
        super().__init__(scenarios.load(_SOUND), most=40)
        self._chance, self._operation, self._answer = chance, operation, answer

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await super().read(service, operation, parameters)
        if operation == self._operation:
            if isinstance(self._answer, ProbeError):
                raise self._answer
            return self._answer
        return spoilt_document(self._chance, dict(answer)) if self._chance.randrange(4) == 0 else answer


def check_ec2(chance: Random, _: Command) -> None:
    """Each read returns facts of its own type, or fails in a documented way. The message is short and contains no
    secret.
    """
    operation = chance.choice(OPERATIONS)
    answer = parsed(operation, answer_of_aws(chance, operation))
    if isinstance(answer, ProbeError):
        assert answer.kind is not FailureKind.BUG
        assert len(answer.message) <= MAX_MESSAGE_CHARACTERS
        assert not leaked(f"{answer.message} {answer.code}")
    seen: list[Observation[Any]] = []
    reader = _Configured(chance, operation, answer)
    in_virtual_time(lambda: inspect(reader, Log(now=lambda: NOW, emit=seen.append), _WANTED, limit=_READ_SECONDS))
    assert len(seen) == len(READS)
    for observation in seen:
        assert observation.failure is None or observation.failure.kind is not FailureKind.BUG, observation.failure
        assert observation.facts is None or isinstance(
            observation.facts, READS[str(observation.subject.operation)].facts
        )


# --- Certificates and TLS --------------------------------------------------------------------------------------------

_CERTIFICATES: Final = (
    authority("amazon").root.public_bytes(Encoding.DER),
    authority("corporate").intermediate.public_bytes(Encoding.DER),
)
_TRUSTING: Final = verifying_contexts(cadata=root_pem("amazon"))[0]
_RECORDS: Final = (
    *(b"", b"\x16\x03\x03", b"\x16\x03\x03\0\x20\x02\0\0\x1c\x03\x03" + bytes(28), b"\x15\x03\x03\0\x02\x02\x28"),
    *(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x17\x03\x03\x40\x00" + bytes(100)),
)


def check_certificates(chance: Random, _: Command) -> None:
    """The parser returns a certificate with texts of limited length, or fails as `malformed`."""
    der = spoilt_bytes(chance, chance.choice(_CERTIFICATES), (*BYTES, b"\x0c\x06\xff\xff\xff\xff\xff\xff", b"\x30\x84"))
    certificate = value_or(lambda: read_certificate(der), FailureKind.MALFORMED)
    if certificate is not None:
        assert (
            max(len(text) for text in (certificate.subject, certificate.issuer, *certificate.names))
            <= MAX_NAME_CHARACTERS
        )
        assert len(certificate.names) <= MAX_NAMES


def check_handshakes(chance: Random, _: Command) -> None:
    """Whatever a peer without a private key sends, the TLS handshake does not succeed."""
    data = chance.choice(_RECORDS)
    data = data + chance.randbytes(chance.randrange(60)) if chance.randrange(2) else spoilt_bytes(chance, data)
    kind = _kind_of(TlsStream(ScriptedStream(*_pieces(chance, data)), _TRUSTING, server_name=HOST).handshake())
    assert kind in (FailureKind.CLOSED, FailureKind.MALFORMED, FailureKind.TLS_ALERT, FailureKind.TLS_NOT_TLS)


# --- Policies, and files of the host ---------------------------------------------------------------------------------


def check_policies(chance: Random, _: Command) -> None:
    """The judgement of a policy is one plain line. A policy that is not JSON neither allows nor denies a call."""
    text = chance.choice((DEFAULT, *(sample.text for sample in SAMPLES if sample.text)))
    text = spoilt_bytes(chance, text.encode(), _MARKUP).decode("utf-8", "replace")
    judgement = judge_policy(text, LIST)
    assert judgement.words.isascii()
    assert judgement.words.isprintable()
    if text.strip() and not _is_json(text):
        assert judgement.decision is Decision.CANNOT_TELL


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


_HOST_FILES: Final = (
    b"nameserver 10.0.0.2\nsearch a.example b.example\noptions timeout:1 ndots:5\nnameserver fe80::1%eth0\n",
    b'{"ManagedInstanceID":"mi-0a1b2c3d4e5f67890","Region":"eu-west-1"}',
    b"127.0.0.1 localhost\n10.0.1.17 backup.eu-west-1.amazonaws.com # pinned\n::1 ip6-localhost\n",
)


def check_host_files(chance: Random, _: Command) -> None:
    """Whatever resolv.conf and the hosts file contain, the result is a bounded number of addresses. The registration
    file of a managed node yields an id or nothing.
    """
    text = spoilt_bytes(
        chance, chance.choice(_HOST_FILES), (*BYTES, b"nameserver ", b"10.0.0.2 ", b"%", b"#", b"\x85", b"\x1c")
    )
    decoded = text.decode("utf-8", "replace")
    servers, *_rest = host.parse_resolv_conf(decoded)
    assert 1 <= len(servers) <= host.MAX_NAME_SERVERS
    assert len(host.parse_hosts(decoded, ("amazonaws.com",))) <= host.MAX_HOSTS_ENTRIES
    node_id = host.managed_node_id(decoded)
    assert node_id is None or (node_id.startswith("mi-") and len(node_id) <= 20)


_WORKLOAD_FILES: Final = (
    b'{"Ssm": {"Endpoint": "https://me:hunter2@ssm.example"}, "Mgs": {"Endpoint": ""}, "Kms": null}',
    b"---\nS3BucketName: \"a-bucket\" # ours\nAwsRegion: eu-west-1\nS3BucketOwnerAccountID: '111122223333'\nLogFile:\n",
    b'[Service]\nEnvironment="https_proxy=http://me:hunter2@10.0.9.9:3128" no_proxy=a\nEnvironmentFile=-/etc/a\n',
    b"#!/bin/sh\nexport https_proxy=http://me:hunter2@10.0.9.9:3128\nno_proxy='169.254.169.254'\nexec a \"$@\"\n",
)


def check_workload_files(chance: Random, _: Command) -> None:
    """Whatever the settings of backup agents contain, the results are short printable values without the password of a
    proxy.
    """
    text = spoilt_bytes(
        chance, chance.choice(_WORKLOAD_FILES), (*BYTES, b'"', b"'", b"\\", b": ", b"export ", b"[" * 99)
    )
    decoded = text.decode("utf-8", "replace")
    parsed = [parse(decoded) for parse in (workload.ssm_settings, workload.yaml_values, workload.launcher_proxies)]
    parsed.append(workload.proxies(workload.unit_environment([decoded])[0]))
    for values in (settings.values() for settings in parsed):
        assert all(value.isascii() and len(value) <= workload.MAX_CHARACTERS for value in values)
        assert all(value.isprintable() for value in values)


_SHARED_FILE: Final = (
    b"[default]\nregion = eu-west-1\nca_bundle = /etc/x.pem\nendpoint_url = https://me:hunter2@a.example\n"
    b"use_fips_endpoint = true\nservices = s\n[services s]\nbackup =\n  endpoint_url = https://b.example\n"
    b"[profile p]\nregion = eu-west-2\n"
)
_SETTINGS: Final = (
    *BYTES,
    b"[",
    b"]",
    b"[profile ",
    b"[services ",
    b" = ",
    b"\n  a = b",
    b"\n  ",
    b"default",
    b"%",
    b"#",
    b";",
)


def check_shared_files(chance: Random, command: Command) -> None:
    """The SDK reads its shared file, or fails as `malformed`. In both cases, the result does not contain the password
    of a URL.
    """
    place = command.file("config", spoilt_bytes(chance, _SHARED_FILE, _SETTINGS))
    profile = chance.choice((None, "p", "nope"))
    with pytest.MonkeyPatch.context() as inside:
        inside.setenv("AWS_CONFIG_FILE", place)
        seen = value_or(lambda: load_sdk_settings(profile, ("backup", "backup-gateway")), FailureKind.MALFORMED)
        assert isinstance(has_profile(profile or "default"), bool)
    assert seen is None or "hunter2" not in repr(seen.endpoint_urls)
