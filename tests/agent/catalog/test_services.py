"""One record is all that a new service takes: a made-up one is measured, judged and written like those that exist."""

from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from agent.app.permissions import as_text, permissions
from agent.catalog.hosts import endpoints
from agent.catalog.regions import REGIONS
from agent.catalog.services import (
    SERVICES,
    CallPermission,
    Port,
    PrivateLink,
    Service,
    required_by_default,
    service_names_of,
)
from agent.catalog.vpce import named_endpoint
from agent.formats.json import render
from agent.judge.endpoint_policy.call import resource_of
from agent.judge.verdict import judge
from agent.report.model import Access, Status
from agent.run.plan import targets
from agent.simulated import scenario as scenarios
from agent.simulated.settings import settings_of
from probes.model import PortProtocol, Role, SignedCall, Skipped, Step
from probes.ports import HTTPS
from probes.steps.ladder import NO_CALL
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
    default_role=Role.OPTIONAL,
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
    assert target.access is Access.UNKNOWN
    assert "madeup:" not in as_text(permissions(endpoints(region=REGION), region=REGION))


def test_permissions_and_policies_are_of_the_record(service: Service) -> None:
    assert "arn:aws:madeup:eu-west-1:*:thing/*" in as_text(permissions(endpoints(region=REGION), region=REGION))
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
    (target, _) = targets(settings, REGION, None)
    assert (target.service, target.host) == ("made-up", host)


def test_who_is_required_by_default() -> None:
    assert required_by_default() == {"backup"}


def test_records_agree_with_the_sdk_s_models() -> None:
    session = botocore.session.Session()
    for service in SERVICES.values():
        model = session.get_service_model(service.name)
        assert service.sdk_id == model.service_id
        assert service.signing_name == model.signing_name
        if service.call is not None:
            operation = model.operation_model(service.call.name)
            assert operation.http["method"] == service.call.method
            assert service.call.path.partition("?")[0] == operation.http["requestUri"]
            assert service.call.key in operation.output_shape.members


def test_no_name_host_label_or_private_link_is_of_two_services() -> None:
    labels = [link.label for service in SERVICES.values() for link in service.private_links]
    assert len(labels) == len(set(labels))
    hosts = [service.host_label for service in SERVICES.values()]
    assert len(hosts) == len(set(hosts))
    assert all(name == service.name for name, service in SERVICES.items())
    assert all((service.call is None) == (service.permission is None) for service in SERVICES.values())
