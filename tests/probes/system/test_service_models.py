"""The reads against botocore's own client, as it comes: the same requests to the same hosts, the same answers from the
same bytes, the same further attempts, and no file that `./dev docs` does not write."""

import io
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader
from botocore.model import ServiceModel
from urllib3.response import HTTPResponse

import service_models
from agent.catalog.partitions import PARTITIONS
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES
from agent.simulated import ec2 as simulated
from agent.simulated.aws import REQUEST_ID
from agent.simulated.certificates import root_pem, server_context
from agent.simulated.scenario import Scenario
from probes.model import ProbeError
from probes.observe import Log
from probes.steps.http import Response
from probes.system import reader as boto
from probes.system.sdk_service import SdkService
from probes.system.service_models import FOLDER, ReadsLoader
from probes.vpc import reads
from probes.vpc.accounts import ACTIONS
from probes.vpc.model import READS
from tests.netns import ec2_server
from tests.support import moto_server, scenarios
from tests.support.extent import one_in
from tests.support.joined import JOINED
from tests.support.moto_server import KEYS, REGION, SECONDS, Told, reader
from tests.support.repository import ROOT

told = moto_server.told

SCENARIO: Final = scenarios.parse(
    "everything",
    f"""
summary = "every operation of the reads is needed"

[ec2]

[[ec2.endpoints]]

[[ec2.groups]]
group_id = "sg-0a1b2c3d4e5f67890"
rules = [
  {{ egress = true, protocol = "tcp", from_port = 443, to_port = 443, prefix_list_id = "pl-0b1b2c3d4e5f67890" }},
]

[[ec2.groups]]
group_id = "sg-0f1b2c3d4e5f67890"
rules = []

[[ec2.prefix_lists]]
prefix_list_id = "pl-0b1b2c3d4e5f67890"
cidrs = ["10.0.0.0/16", "2600:1f18::/56"]

[[ec2.resolver_rules]]
rule_id = "rslvr-rr-0a1b2c3d4e5f67890"
name = "to the data centre"
domain = "amazonaws.com"
kind = "FORWARD"
targets = ["10.9.0.53", "2600:1f18::53"]

[[ec2.zones]]
zone_id = "Z0123456789ABCDEFGHI"
name = "amazonaws.com"
owner = "111122223333"
of_service = false

[[ec2.firewall]]
group_id = "rslvr-frg-0a1b2c3d4e5f67890"
domain_list_id = "rslvr-fdl-0a1b2c3d4e5f67890"
action = "BLOCK"
block_response = "OVERRIDE"
override = "portal.example.com"
priority = [101, 2]
domains = ["*.amazonaws.com", "example.com"]

[[ec2.profiles]]

[[ec2.profiles.zones]]
zone_id = "Z1123456789ABCDEFGHI"
name = "example.com"
owner = "111122223333"
of_service = false

[[ec2.profiles.resolver_rules]]
rule_id = "rslvr-rr-0b1b2c3d4e5f67890"
name = "to the data centre"
domain = "example.net"
kind = "FORWARD"
targets = ["10.9.0.53"]

[[ec2.profiles.firewall]]
group_id = "rslvr-frg-0b1b2c3d4e5f67890"
domain_list_id = "rslvr-fdl-0b1b2c3d4e5f67890"
action = "ALLOW"
priority = [101, 1]
domains = ["example.org"]
{JOINED}
[[dns]]
resolvers = ["10.0.0.2"]
name = "example.com"
a = ["10.0.1.80"]

[expect]
status = "ok"
path = "private"
findings = []
""",
)
OPERATIONS: Final = tuple(
    dict.fromkeys(
        tuple(action.split(":"))
        for action in (*(action for read in READS.values() for action in read.actions), *ACTIONS)
    )
)
"""Each service with an operation that is read from it."""
WITHOUT_RULES: Final = "sg-0f1b2c3d4e5f67890"
"""A group of the scenario, for which a run asks whether it exists."""
ALWAYS_DIFFERENT: Final = ("X-Amz-Date", "amz-sdk-invocation-id")
PROBES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "ec2": ("DescribeVpcs", {}),
    "route53resolver": ("ListResolverRules", {}),
    "route53": ("ListHostedZonesByVPC", {"VPCId": "vpc-0a1b2c3d4e5f67890", "VPCRegion": REGION}),
    "route53profiles": ("ListProfileAssociations", {"ResourceId": "vpc-0a1b2c3d4e5f67890"}),
}
"""A request to each service."""
OF_ACCOUNTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "sts": ("AssumeRole", {"RoleArn": "arn:aws:iam::111122223333:role/audit", "RoleSessionName": "backuplink-audit"}),
    "organizations": ("ListAccounts", {"MaxResults": 20}),
}
"""The same for services that an audit asks for accounts."""


# --- Both clients ----------------------------------------------------------------------------------------------------


@cache
def _whole_data() -> Loader:
    """botocore's own data, whole; kept, for the model of EC2 takes long to read."""
    return Loader()


@pytest.fixture(autouse=True, scope="module")
def _forget() -> Iterator[None]:
    yield
    _whole_data.cache_clear()


def whole_client(service: str, region: str = REGION) -> Any:
    """botocore's client as it comes, with the settings of the reads."""
    session = botocore.session.Session()
    session.register_component("data_loader", _whole_data())
    session.set_credentials(KEYS["access_key_id"], KEYS["secret_key"], KEYS["token"])
    config = Config(
        connect_timeout=SECONDS,
        read_timeout=SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
        user_agent_extra="backuplink",
        defaults_mode="legacy",
    )
    return session.create_client(service, region_name=region, config=config)


def whole_answer(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = whole_client(service)._make_api_call(operation, dict(parameters))
    return answer


Answering = Callable[[Any], tuple[int, Mapping[str, str], bytes]]


@dataclass(frozen=True, slots=True)
class Sent:
    """What is the same in both clients' requests."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, request: Any) -> "Sent":
        headers = {name: _text(value) for name, value in request.headers.items() if name not in ALWAYS_DIFFERENT}
        headers["User-Agent"] = without_features(headers["User-Agent"])
        if "Authorization" in headers:
            signed, _, _ = headers["Authorization"].partition(", Signature=")
            headers["Authorization"] = re.sub(r"/\d{8}/", "/", signed, count=1)  # the day may end between the two
        body = request.body or b""
        return cls(request.method, request.url, headers, body.encode() if isinstance(body, str) else bytes(body))


def without_features(agent: str) -> str:
    """A User-Agent without the features of its client that botocore counts."""
    return re.sub(r" m/[A-Za-z0-9,]+", "", agent)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _answered_by_simulation(scenario: Scenario) -> Answering:
    def answer(request: Any) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(request.url)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        reply = ec2_server.reply(scenario, path, headers, Sent.of(request).body)
        assert reply is not None
        return reply

    return answer


def always(reply: moto_server.Reply) -> Answering:
    return lambda _: (reply.status, reply.headers, reply.body)


def answered(monkeypatch: pytest.MonkeyPatch, answer: Answering) -> list[Sent]:
    """Have `answer` stand in for the network of both; gives what is sent from then on."""
    sent: list[Sent] = []

    def send(_: Any, request: Any) -> AWSResponse:
        sent.append(Sent.of(request))
        status, headers, body = answer(request)
        raw = HTTPResponse(io.BytesIO(body), status=status, headers=headers, preload_content=False)
        return AWSResponse(request.url, status, raw.headers, raw)

    async def exchange(_reader: boto.SystemReader, _service: SdkService, request: Any) -> Response:
        sent.append(Sent.of(request))
        status, headers, body = answer(request)
        lower = tuple((name.lower(), value) for name, value in headers.items())
        return Response(status=status, headers=lower, body=body, keep_alive=False)

    monkeypatch.setattr(URLLib3Session, "send", send)
    monkeypatch.setattr(boto.SystemReader, "_exchange", exchange)
    return sent


# --- Requests and answers --------------------------------------------------------------------------------------------


class _Recording:
    """A reader in memory that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    async def prepare(self, _: object) -> None:
        """Nothing is needed here."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((service, operation, parameters))
        answer = simulated.answer(SCENARIO, service, operation, parameters)
        assert answer is not None
        return answer | {"ResponseMetadata": {"RequestId": REQUEST_ID}}


async def asked_by_a_run() -> list[tuple[str, str, Mapping[str, Any]]]:
    """Every request of a run that needs all operations, and the next page of each that has pages."""
    recording = _Recording()
    wanted = reads.ConfigurationRequest(
        vpc_id=SCENARIO.metadata.vpc_id,
        instance_id=SCENARIO.metadata.instance_id,
        region=REGION,
        services=tuple(SERVICES),
        group_ids=(*SCENARIO.metadata.security_group_ids, WITHOUT_RULES),
    )
    await reads.inspect(recording, Log(now=lambda: datetime.now(UTC), emit=lambda _: None), wanted, limit=SECONDS)
    pages = [
        (service, operation, {**parameters, "NextToken": "1"})
        for service, operation, parameters in recording.asked
        if {"MaxResults", "MaxItems"} & parameters.keys()
    ]
    return recording.asked + pages


async def test_every_request_and_its_answer_are_those_of_botocores_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = await asked_by_a_run()
    of_reads = {tuple(action.split(":")) for read in READS.values() for action in read.actions}
    assert {(service, operation) for service, operation, _ in asked} == of_reads
    sent = answered(monkeypatch, _answered_by_simulation(SCENARIO))
    own = reader(most=len(asked))
    for service, operation, parameters in asked:
        answer = await own.read(service, operation, parameters)
        assert answer == whole_answer(service, operation, parameters)
        pruned, whole = sent[-2:]
        assert pruned == whole
        assert {"User-Agent", "Authorization", "X-Amz-Security-Token"} <= pruned.headers.keys()
    assert len(sent) == 2 * len(asked)


MORE: Final = {
    "ec2": moto_server.of_ec2("DescribeVpcs", "", "the next"),
    "route53resolver": moto_server.of_resolver({"ResolverRules": [], "MaxResults": 1, "NextToken": "the next"}),
    "route53": moto_server.of_route_53("", "the next"),
    "route53profiles": moto_server.of_profiles({"ProfileAssociations": [], "NextToken": "the next"}),
}


async def test_a_page_with_more_behind_it_is_read_as_by_botocores_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    own = reader(most=len(MORE))
    for service, reply in MORE.items():
        answered(monkeypatch, always(reply))
        answer = await own.read(service, *PROBES[service])
        assert answer["NextToken"] == "the next"
        assert answer == whole_answer(service, *PROBES[service])


@pytest.mark.parametrize("fault", ["denied", "expired", "clock-skew"])
async def test_every_refusal_is_read_as_by_botocores_own_client(monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    assert SCENARIO.ec2 is not None
    refusing = replace(SCENARIO, ec2=replace(SCENARIO.ec2, answer=fault))
    answered(monkeypatch, _answered_by_simulation(refusing))
    own = reader(most=len(PROBES))
    for service, (operation, parameters) in PROBES.items():
        with pytest.raises(ClientError) as whole:
            whole_answer(service, operation, parameters)
        with pytest.raises(ProbeError) as pruned:
            await own.read(service, operation, parameters)
        expected = boto.refusal_of(whole.value.response)
        assert (pruned.value.kind, pruned.value.code, pruned.value.message) == (
            expected.kind,
            expected.code,
            expected.message,
        )


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_the_shapes_are_botocores(service: str, operation: str) -> None:
    """So that bytes which no example here has are read alike."""
    whole, pruned = (
        ServiceModel(loader.load_service_model(service, "service-2"), service).operation_model(operation)
        for loader in (_whole_data(), ReadsLoader(None))
    )
    assert pruned.http == whole.http
    assert pruned.metadata == whole.metadata
    for name in ("input_shape", "output_shape"):
        assert dict(described(getattr(pruned, name))) == dict(described(getattr(whole, name)))
    assert [dict(described(error)) for error in pruned.error_shapes] == [
        dict(described(error)) for error in whole.error_shapes
    ]


def described(shape: Any, path: str = "", seen: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """All that a serialiser or a parser takes from a shape and from those that it reaches, by path."""
    yield path, (shape.name, shape.type_name, shape.serialization, shape.metadata)
    if shape.name in seen:
        return
    inner = {**getattr(shape, "members", {})}
    inner |= {part: getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)}
    for name, member in inner.items():
        yield from described(member, f"{path}.{name}", (*seen, shape.name))


# --- Where they go ---------------------------------------------------------------------------------------------------

PLACES: Final = one_in(
    7, product([*sorted(REGIONS), "eu-new-9", "us-east-1-fips"], ("", "FIPS", "DUALSTACK", "FIPS DUALSTACK"))
)


def answer_with_nothing(request: Any) -> tuple[int, Mapping[str, str], bytes]:
    """An answer without rows, for the service that the request is signed for."""
    (service,) = (name for name in PROBES if f"/{name}/aws4_request" in _text(request.headers["Authorization"]))
    return always(moto_server.EMPTY[PROBES[service][0]])(request)


async def requests_of_both(own: boto.SystemReader, region: str, service: str, sent: list[Sent]) -> list[Sent]:
    """What each client sends; nothing where the SDK's settings allow no request, which both must say alike."""
    before, refusals = len(sent), []
    operation, parameters = {**PROBES, **OF_ACCOUNTS}[service]
    try:
        await own.read(service, operation, parameters)
    except ProbeError as error:
        refusals.append(error.code)
    try:
        whole_client(service, region)._make_api_call(operation, dict(parameters))
    except BotoCoreError as error:
        refusals.append(type(error).__name__)
    assert len(refusals) in (0, 2)
    assert len(set(refusals)) < 2
    return sent[before:]


@pytest.mark.parametrize(("region", "variants"), PLACES)
async def test_a_host_and_its_signing_region_are_those_of_botocores_own_client(
    monkeypatch: pytest.MonkeyPatch, region: str, variants: str
) -> None:
    for variant in variants.split():
        monkeypatch.setenv(f"AWS_USE_{variant}_ENDPOINT", "true")
    sent = answered(monkeypatch, answer_with_nothing)
    own = reader(region=region)
    for service in PROBES:
        both = await requests_of_both(own, region, service, sent)
        assert both in ([], both[:1] * 2)


@pytest.mark.parametrize(("region", "variants"), one_in(5, PLACES))
async def test_accounts_are_asked_where_botocores_own_client_asks(
    monkeypatch: pytest.MonkeyPatch, region: str, variants: str
) -> None:
    for variant in variants.split():
        monkeypatch.setenv(f"AWS_USE_{variant}_ENDPOINT", "true")
    accounts = moto_server.of_resolver({"Accounts": []})
    session = moto_server.Reply(
        body=b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult/>'
        b"<ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></AssumeRoleResponse>",
        headers={"Content-Type": "text/xml"},
    )
    own = reader(region=region)
    for service, reply in (("organizations", accounts), ("sts", session)):
        sent = answered(monkeypatch, always(reply))
        both = await requests_of_both(own, region, service, sent)
        assert both in ([], both[:1] * 2)


def test_every_partition_is_among_the_places() -> None:
    assert {REGIONS[region].partition for region, _ in PLACES if region in REGIONS} == {
        partition.id for partition in PARTITIONS
    }


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("endpoint_url = https://all.example", id="for all"),
        pytest.param(
            "services = own\n[services own]\nec2 =\n  endpoint_url = https://ec2.example:8443/x", id="for one"
        ),
        pytest.param("use_fips_endpoint = true\nuse_dualstack_endpoint = true", id="variants"),
        pytest.param("ignore_configured_endpoint_urls = true\nendpoint_url = https://all.example", id="ignored"),
        pytest.param("sigv4a_signing_region_set = *\nsdk_ua_app_id = shop", id="what a request says"),
    ],
)
async def test_a_profile_counts_as_in_botocores_own_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\n{lines}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    sent = answered(monkeypatch, answer_with_nothing)
    own = reader()
    for service in PROBES:
        pruned, whole = await requests_of_both(own, REGION, service, sent)
        assert pruned == whole


async def test_data_of_the_users_own_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a partition whose Regions botocore does not know (AWS_DATA_PATH)."""
    (tmp_path / "endpoints.json").write_text(
        """{"version": 3, "partitions": [{
            "partition": "own", "partitionName": "own", "dnsSuffix": "own.example", "regionRegex": "^own-.*$",
            "regions": {"own-1": {}}, "services": {"ec2": {"endpoints": {"own-1": {}}}},
            "defaults": {"hostname": "{service}.{region}.{dnsSuffix}", "protocols": ["https"]}
        }]}"""
    )
    monkeypatch.setenv("AWS_DATA_PATH", f"~nobody-of-that-name/data:{tmp_path}")
    sent = answered(monkeypatch, answer_with_nothing)
    await reader(region="own-1").read("ec2", "DescribeVpcs", {})
    assert [request.url for request in sent] == ["https://ec2.own-1.own.example/"]


# --- What they cost --------------------------------------------------------------------------------------------------


async def test_no_large_file_of_botocore_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = Loader.FILE_LOADER_CLASS.load_file

    def load_file(self: Any, file_path: str) -> Any:
        data = load(self, file_path)
        if data is not None:
            loaded.append(file_path)
        return data

    monkeypatch.setattr(Loader.FILE_LOADER_CLASS, "load_file", load_file)
    await reader().prepare(PROBES)
    of_botocore = {path.removeprefix(Loader.BUILTIN_DATA_PATH) for path in loaded if not path.startswith(str(FOLDER))}
    assert {Path(path).name for path in of_botocore} == {"endpoint-rule-set-1", "partitions"}
    assert len(loaded) == 2 * len(PROBES) + 2


async def test_roots_are_loaded_once_for_all_connections(
    told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told.server.socket = server_context("amazon", ("localhost",)).wrap_socket(told.server.socket, server_side=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{told.port}")
    roots = tmp_path / "roots.pem"
    roots.write_text(root_pem("amazon"))
    loads: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def load_verify_locations(self: ssl.SSLContext, *files: Any) -> None:
        loads.append(files)
        load(self, *files)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load_verify_locations)
    own = reader(ca_bundle=str(roots))
    for service, (operation, parameters) in PROBES.items():
        await own.read(service, operation, parameters)
    assert len(told.calls) == len(PROBES)
    assert len(loads) == 2  # into the two contexts of the one store


def test_no_file_is_left_of_an_older_botocore() -> None:
    written = {ROOT / path for path in service_models.files()}
    assert {path for path in FOLDER.rglob("*") if path.is_file() and path.suffix == ".json"} == written
