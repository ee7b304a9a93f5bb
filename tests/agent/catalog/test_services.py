"""A new service needs only one record. An invented service is measured, judged and written like all others."""

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

import botocore.serialize
import botocore.session
import pytest
from botocore.args import LEGACY_GLOBAL_STS_REGIONS

from agent.app.permissions import as_text, permissions
from agent.catalog.hosts import endpoints
from agent.catalog.placeholders import SERVICE_NAME
from agent.catalog.regions import REGIONS
from agent.catalog.service import CallPermission, Port, PrivateLink, Service
from agent.catalog.services import (
    SERVICES,
    gateway_labels,
    gateway_service_name_of,
    host_of,
    is_name_documented,
    is_offered,
    may_not_exist,
    service_name_of,
    service_names_of,
    service_region_of,
    signing_region_of,
)
from agent.catalog.vpce import named_endpoint
from agent.formats.json import render
from agent.judge.verdict import judge
from agent.network.calls import resource_of
from agent.report.model import Access, Status
from agent.run.plan import targets
from agent.simulated.aws import REQUEST_ID, reply
from agent.simulated.scenario import CredentialsPart, TcpPart
from agent.simulated.settings import settings_of
from probes.facts import WorkloadFacts
from probes.masks import ServiceLabel, ServiceName
from probes.model import AnswerForm, PortProtocol, Role, SignedCall, Skipped, Step
from probes.ports import HTTPS
from probes.steps.api import read_answer
from probes.steps.http import Response, request_id_of
from probes.steps.ladder import NO_CALL
from probes.steps.sigv4 import signed_headers
from tests.support import scenarios
from tests.support.aws_commands import complaint
from tests.support.fakes import NOW
from tests.support.runs import measured

REGION = "eu-west-1"
MADE_UP = Service(
    name="made-up",
    sdk_id="Made Up",
    signing_name="madeup",
    host_label="made-up-api",
    private_links=(
        PrivateLink(label="made-up-api", prefixes={"aws-cn": "cn.com.amazonaws"}),
        PrivateLink(label="made-up-data", prefixes={"aws": "aws.api", "aws-cn": "com.amazonaws"}),
    ),
    ports=(
        Port(number=HTTPS, role="API", required=True, protocol=PortProtocol.HTTPS),
        Port(number=2049, role="data", required=True, protocol=PortProtocol.TCP),
    ),
    call=SignedCall(name="ListThings", method="GET", path="/things", key="Things"),
    permission=CallPermission(action="madeup:ListThings", resource="arn:{partition}:madeup:{region}:{account}:thing/*"),
)
WORLD = """
summary = "a service of its own"
[run]
services = ["made-up"]
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "made-up-api.eu-west-1.amazonaws.com"
a = ["10.0.1.17"]
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "*"
a = ["52.95.112.40"]
[[tcp]]
addresses = ["10.0.1.17"]
ports = [443]
[[tcp]]
addresses = ["10.0.1.17"]
ports = [2049]
speaks = "ssh"
[expect]
status = "ok"
path = "private"
findings = []
"""


@pytest.fixture
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Service:
    made_up = replace(MADE_UP, **getattr(request, "param", {}))
    monkeypatch.setitem(SERVICES, made_up.name, made_up)
    for region in (REGION, "cn-north-1"):
        known = REGIONS[region]
        monkeypatch.setitem(REGIONS, region, replace(known, services=(*known.services, made_up.name)))
    return made_up


def report_of_made_up() -> Any:
    return judge(measured(scenarios.parse("made-up", WORLD))[0])


def test_a_made_up_service_is_proven_like_any_other(service: Service) -> None:
    report = report_of_made_up()
    (target,) = (target for target in report.targets if target.service == service.name)
    assert (target.role, target.status, target.access) == (Role.REQUIRED, Status.OK, Access.ALLOWED)
    assert target.host == "made-up-api.eu-west-1.amazonaws.com"
    steps = [f"{seen.subject.step} {seen.subject.port}" for seen in report.observations if seen.subject.port]
    assert [step for step in steps if step.endswith(" 2049")] == ["tcp 2049"]
    assert report.findings == ()
    assert '"ListThings"' in render(report)


@pytest.mark.parametrize("service", [{"call": None, "permission": None}], indirect=True)
def test_a_service_without_a_harmless_call_is_measured_up_to_http(service: Service) -> None:
    report = report_of_made_up()
    (call,) = (
        seen for seen in report.observations if seen.subject.step is Step.API and seen.subject.target == "made-up"
    )
    assert call.outcome == Skipped(NO_CALL)
    (target,) = (target for target in report.targets if target.service == service.name)
    assert (target.status, target.access) == (Status.OK, Access.NOT_TRIED)
    assert report.findings == ()
    assert "madeup:" not in as_text(permissions(endpoints(region=REGION, services=[service.name]), region=REGION))


def test_permissions_and_policies_are_of_the_record(service: Service) -> None:
    assert "arn:aws:madeup:eu-west-1:*:thing/*" in as_text(
        permissions(endpoints(region=REGION, services=[service.name]), region=REGION)
    )
    action = "MadeUp:listthings"
    assert resource_of(action, partition="aws", region=REGION, account="1") == "arn:aws:madeup:eu-west-1:1:thing/*"


def test_names_may_differ_by_partition_and_be_several(service: Service) -> None:
    assert service_names_of("made-up", REGION) == (
        "com.amazonaws.eu-west-1.made-up-api",
        "aws.api.eu-west-1.made-up-data",
    )
    assert service_names_of("made-up", "cn-north-1") == (
        "cn.com.amazonaws.cn-north-1.made-up-api",
        "com.amazonaws.cn-north-1.made-up-data",
    )


@pytest.mark.parametrize("label", ["made-up-api", "made-up-data"])
def test_an_endpoint_s_own_name_tells_the_service_by_each_of_its_labels(service: Service, label: str) -> None:
    host = f"vpce-0a1b2c3d4e5f60718-lj2wisx3.{label}.{REGION}.vpce.amazonaws.com"
    endpoint = named_endpoint(host)
    assert (endpoint.service, endpoint.host) == ("made-up", host)
    settings = replace(settings_of(scenarios.load("healthy")), endpoints=(endpoint,))
    (target, _) = targets(settings, REGION, None, WorkloadFacts())
    assert (target.service, target.host) == ("made-up", host)


# --- Services against the SDK's own models ---------------------------------------------------------------------------

OF_THE_SDK = [service.name for service in SERVICES.values() if service.client_name is not None]
CALLED = [service.name for service in SERVICES.values() if service.call is not None]


@cache
def model_of(service: str) -> Any:
    return botocore.session.Session().get_service_model(SERVICES[service].client_name)


@pytest.mark.parametrize("name", OF_THE_SDK)
def test_a_record_agrees_with_the_sdk_s_model(name: str) -> None:
    service, model = SERVICES[name], model_of(name)
    assert service.sdk_id == model.service_id
    assert service.signing_name == model.signing_name


def sent_by_botocore(name: str, operation: str, parameters: dict[str, Any], protocol: str) -> dict[str, Any]:
    """The request of a botocore client for the operation."""
    serializer = botocore.serialize.create_serializer(protocol)
    made: dict[str, Any] = serializer.serialize_to_request(parameters, model_of(name).operation_model(operation))
    return made


def parameters_of(call: SignedCall, model: Any) -> dict[str, Any]:
    """The parameters with which a client makes this call."""
    text = call.body.decode()
    if text.startswith("Action="):
        fields = parse_qsl(text)[2:]
    elif text:
        whole: dict[str, Any] = json.loads(text)
        return whole
    else:
        members = {} if model.input_shape is None else model.input_shape.members
        names = {shape.serialization.get("name"): member for member, shape in members.items()}
        fields = [(names[name], value) for name, value in parse_qsl(urlsplit(call.path).query)]
    return {name: int(value) for name, value in fields}


@pytest.mark.parametrize("name", CALLED)
def test_a_signed_call_is_what_a_client_of_botocore_sends(name: str) -> None:
    service = SERVICES[name]
    call = service.call
    assert call is not None
    model, is_xml = model_of(name), service.answers is AnswerForm.XML
    spoken = [own for own in model.metadata["protocols"] if own != "smithy-rpc-v2-cbor"]
    protocol = next(own for own in spoken if (own in ("query", "ec2", "rest-xml")) is is_xml)
    theirs = sent_by_botocore(name, call.name, parameters_of(call, model.operation_model(call.name)), protocol)

    query = theirs["query_string"]
    assert call.method == theirs["method"]
    assert call.path == theirs["url_path"] + (f"?{urlencode(query)}" if query else "")
    wanted = {key: value for key, value in theirs["headers"].items() if key in ("Content-Type", "X-Amz-Target")}
    assert dict(call.headers) == wanted
    if isinstance(theirs["body"], dict):
        assert parse_qsl(call.body.decode()) == [(key, str(value)) for key, value in theirs["body"].items()]
    elif theirs["body"]:
        assert json.loads(call.body) == json.loads(theirs["body"])
    else:
        assert call.body == b""

    output = model.operation_model(call.name).output_shape
    names = {member: shape.serialization.get("name", member) for member, shape in output.members.items()}
    assert call.key in names.values()


@pytest.mark.parametrize("name", CALLED)
def test_a_good_answer_of_the_call_is_known_and_another_is_not(name: str) -> None:
    """botocore's own parser also reads the good answer without an error."""
    service = SERVICES[name]
    call = service.call
    assert call is not None
    status, headers, body = reply(TcpPart(addresses=(), ports=()), *signed_by(service))
    lines = tuple((key.lower(), value) for key, value in headers.items())
    answer = Response(status=status, headers=lines, body=body, keep_alive=True)
    facts = read_answer(call, answer, NOW, NOW, new_connection=True, answers=service.answers)
    assert (facts.status, facts.request_id, facts.expected_key) == (200, REQUEST_ID, True)
    page = replace(answer, body=b"<html><body>Sign in</body></html>")
    assert not read_answer(call, page, NOW, NOW, new_connection=True, answers=service.answers).expected_key
    empty = replace(answer, body=b"{}")
    seen = read_answer(call, empty, NOW, NOW, new_connection=True, answers=service.answers)
    assert seen.expected_key is call.may_be_empty


def signed_by(service: Service) -> tuple[Any, ...]:
    """The arguments with which the simulated AWS answers the service's own call, correctly signed."""
    call, credentials = service.call, CredentialsPart()
    assert call is not None
    host = host_of(service.name, REGION, fips=False, dual_stack=False)
    signed = signed_headers(
        credentials.keys(),
        service=service.signing_name,
        region=signing_region_of(service.name, REGION) or REGION,
        at=NOW,
        method=call.method,
        url=f"https://{host}{call.path}",
        headers=call.headers,
        body=call.body,
    )
    headers = {key.lower(): value for key, value in (("Host", host), *call.headers, *signed)}
    return credentials, NOW, call.method, call.path, headers, call.body


@pytest.mark.parametrize("name", SERVICES)
def test_an_unsigned_request_is_refused_by_the_service_itself(name: str) -> None:
    service = SERVICES[name]
    host = host_of(name, REGION, fips=False, dual_stack=False)
    row = TcpPart(addresses=(), ports=())
    status, headers, body = reply(row, CredentialsPart(), NOW, "GET", service.unsigned_path, {"host": host}, b"")
    lines = tuple((key.lower(), value) for key, value in headers.items())
    assert 400 <= status < 500
    answer = Response(status=status, headers=lines, body=body, keep_alive=True)
    assert request_id_of(answer, service.answers) is not None


@pytest.mark.parametrize("name", SERVICES)
def test_the_aws_cli_takes_the_call_of_a_service(name: str) -> None:
    words = SERVICES[name].cli_words
    assert (words is None) is (SERVICES[name].call is None)
    assert words is None or complaint(["aws", *words, "--region", REGION]) is None


# --- What is not known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "region", "offered", "unsure"),
    [
        pytest.param("ssm", "eu-west-1", True, False, id="offered"),
        pytest.param("backup-gateway", "ap-southeast-3", False, False, id="not in this Region"),
        pytest.param("backup-gateway", "cn-north-1", False, False, id="not in this partition, as AWS documents"),
        pytest.param("ssm-sap", "us-gov-west-1", None, True, id="nowhere in this partition, which says nothing"),
        pytest.param("backup-storage", "eu-west-1", None, True, id="nowhere at all"),
        pytest.param("iam", "eu-west-1", True, False, id="global"),
        pytest.param("iam", "eusc-de-east-1", None, True, id="global, and not in this partition"),
        pytest.param("ssm", "xx-nowhere-1", None, False, id="a Region that nobody knows"),
    ],
)
def test_what_the_table_does_not_know_is_not_denied(
    service: str, region: str, offered: bool | None, unsure: bool
) -> None:
    assert is_offered(service, region) is offered
    assert may_not_exist(service, region) is unsure


@pytest.mark.parametrize(
    ("service", "region", "name", "documented"),
    [
        pytest.param("backup-storage", "eu-west-1", "com.amazonaws.eu-west-1.backup-storage", True, id="documented"),
        pytest.param("backup-storage", "cn-north-1", "com.amazonaws.cn-north-1.backup-storage", False, id="inferred"),
        pytest.param("ssm", "cn-north-1", "com.amazonaws.cn-north-1.ssm", False, id="reported for China"),
        pytest.param("sts", "cn-north-1", "cn.com.amazonaws.cn-north-1.sts", False, id="another prefix in China"),
        pytest.param(
            "ebs", "us-isob-east-1", "gov.sgov.sc2s.us-isob-east-1.ebs", False, id="a Region of its own prefix"
        ),
        pytest.param("ebs", "us-isob-west-1", "com.amazonaws.us-isob-west-1.ebs", False, id="its neighbour"),
        pytest.param("iam", "eu-west-1", "com.amazonaws.iam", True, id="without a Region"),
        pytest.param("route53", "cn-north-1", None, False, id="no endpoint service in the partition"),
        pytest.param("backup-search", "eu-west-1", None, False, id="no endpoint service at all"),
    ],
)
def test_private_link_names(service: str, region: str, name: str | None, documented: bool) -> None:
    assert service_name_of(service, region) == name
    assert is_name_documented(service, region) is documented


def test_fips_hosts_may_have_an_endpoint_service_of_their_own() -> None:
    assert service_name_of("kms", REGION, fips=True) == f"com.amazonaws.{REGION}.kms-fips"
    assert service_names_of("kms", REGION) == (f"com.amazonaws.{REGION}.kms",)
    assert service_name_of("monitoring", REGION, fips=True) == f"com.amazonaws.{REGION}.monitoring"


def test_every_name_has_the_form_that_reports_and_masks_know() -> None:
    whole, label = (get_args(kind)[1].unless for kind in (ServiceName, ServiceLabel))
    for region in REGIONS:
        for service in SERVICES:
            for name in (*service_names_of(service, region), *service_names_of(service, region, fips=True)):
                assert SERVICE_NAME.fullmatch(name), name
                assert re.fullmatch(whole, name), name
                assert re.fullmatch(label, name.rpartition(".")[2]), name


def test_a_global_service_has_its_endpoint_service_in_one_region() -> None:
    assert service_region_of("iam", "eu-west-1") == "us-east-1"
    assert service_region_of("iam", "cn-north-1") is None
    assert service_region_of("ssm", "eu-west-1") is None


def test_gateway_endpoints_have_one_form_of_name_everywhere() -> None:
    with_one = [name for name, service in SERVICES.items() if service.has_gateway_endpoint]
    assert with_one == ["s3"]
    assert gateway_labels(SERVICES) == ("s3",)
    assert gateway_service_name_of("s3", "eu-west-1") == "com.amazonaws.eu-west-1.s3"
    assert gateway_service_name_of("s3", "cn-north-1") == "com.amazonaws.cn-north-1.s3"
    assert service_name_of("s3", "cn-north-1") == "cn.com.amazonaws.cn-north-1.s3"
    assert gateway_service_name_of("backup", "eu-west-1") is None


def test_the_global_host_of_sts_is_called_for_the_regions_of_botocore() -> None:
    with_one = {name: service.global_host for name, service in SERVICES.items() if service.global_host is not None}
    assert set(with_one) == {"sts", "s3"}
    assert with_one["s3"].regions == {"us-east-1"}
    assert {name: whole.variable for name, whole in with_one.items()} == {
        "sts": "AWS_STS_REGIONAL_ENDPOINTS",
        "s3": "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
    }
    assert named_endpoint("my-bucket.s3.amazonaws.com").service == "s3"
    assert with_one["sts"].regions | {"aws-global"} == set(LEGACY_GLOBAL_STS_REGIONS)
    assert signing_region_of("sts", "eu-west-1", is_global=True) == "us-east-1"
    assert signing_region_of("sts", "eu-west-1") is None
    assert named_endpoint(with_one["sts"].host).service == "sts"


def test_no_name_host_label_or_private_link_is_of_two_services() -> None:
    labels = [link.label for service in SERVICES.values() for link in service.private_links]
    assert len(labels) == len(set(labels))
    hosts = [service.host_label for service in SERVICES.values()]
    assert len(hosts) == len(set(hosts))
    assert all(name == service.name for name, service in SERVICES.items())
    assert all((service.call is None) == (service.permission is None) for service in SERVICES.values())
