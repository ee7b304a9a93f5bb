"""What is found of Backup is found of every other service: scenarios, told of a third one that answers in another
form."""

import re
from dataclasses import replace
from functools import cache

import pytest

from agent.catalog.findings import CODES, Severity
from agent.catalog.services import SERVICES, checkable
from agent.judge.verdict import judge
from agent.report.model import Access, Finding, Path, Report, Status
from agent.simulated import scenario as scenarios
from agent.simulated.scenario import Scenario
from probes.model import Role
from tests.support.extent import one_in
from tests.support.many_services import world_of
from tests.support.runs import measured

ANOTHER = ("ssm", "sts")
"""Of which one answers in JSON and one in XML."""
OF_BACKUP_ALONE = re.compile(r"backup-vault|vault|GetSupportedResourceTypes|s3 = |us-moon")
"""What only Backup has: resources of its own, and further actions, in policies of endpoints."""


def told_of(name: str, service: str) -> Scenario:
    """A scenario with another service in the place of Backup."""
    record, text = SERVICES[service], scenarios.text(name)
    text = text.replace('ENDPOINT_URL_BACKUP"', f'ENDPOINT_URL_{service.upper()}"')
    text = re.sub(r"ENDPOINT_URL_BACKUP\b(?!_)", f"ENDPOINT_URL_{service.upper()}", text)
    text = re.sub(r"(?<![\w-])(?<!/home/)backup(?![\w-])", service, text)
    assert record.permission is not None
    told = scenarios.parse(name, text.replace(f"{service}:ListBackupVaults", record.permission.action))
    if told.ec2 is None:
        return told
    endpoints = tuple(
        replace(endpoint, service=service) if endpoint.service == "backup" else endpoint
        for endpoint in told.ec2.endpoints
    )
    return replace(told, ec2=replace(told.ec2, endpoints=endpoints))


@cache
def first_with(code: str) -> str | None:
    """The first scenario that expects the finding of the required service, or of no service."""
    for name in scenarios.names():
        text = scenarios.text(name)
        expected = text.partition("[expect]")[2].partition("silent")[0]
        if re.search(rf'"{code}(@backup)?"', expected) and not OF_BACKUP_ALONE.search(text):
            return name
    return None


SERVICE_WORDS = re.compile(
    r"AWS Backup|Backup gateway|Storage Gateway|\b[Bb]ackups?\b(?!-)"
    rf"|(?<![\w./@:-])(?:{'|'.join(sorted(map(re.escape, SERVICES), key=len, reverse=True))})(?![\w-]|\.\w)"
)
"""Names of services, for people and of the catalogue, that are no part of a host, an ARN or the id of a step."""
OTHERS_THAT_MAY_BE_NAMED = {
    "API007": r"let monitoring run less often",  # a word, not the service
}
"""What looks like the name of a service, by code, and is none."""


def named_elsewhere(report: Report) -> list[str]:
    """Texts of findings that name a service which the run does not have."""
    checked = {target.service for target in report.targets}
    hosts = re.compile("|".join(re.escape(target.host) for target in report.targets) or "$^")
    texts = []
    for finding in report.findings:
        for text in (finding.title, finding.detail, finding.fix.summary):
            allowed = OTHERS_THAT_MAY_BE_NAMED.get(finding.code, "$^")
            rest = re.sub(allowed, "", hosts.sub("", text.replace("/home/backup", "")))
            if any(match[0] not in checked for match in SERVICE_WORDS.finditer(rest)):
                texts.append(f"{finding.code}: {text}")
    return texts


OF_BACKUP = frozenset({"JOB001", "JOB002"})
"""Findings of what AWS Backup alone can be asked."""
SHOWN = [code for code in CODES if code not in OF_BACKUP and first_with(code) is not None]


@pytest.fixture
def as_required(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that names no service checks this one, and Backup not."""
    service: str = request.param
    monkeypatch.setitem(SERVICES, service, replace(SERVICES[service], default_role=Role.REQUIRED))
    monkeypatch.setitem(SERVICES, "backup", replace(SERVICES["backup"], default_role=None))
    return service


@pytest.mark.parametrize("as_required", ANOTHER, indirect=True)
@pytest.mark.parametrize("code", one_in(8, SHOWN))
def test_a_finding_of_backup_is_one_of_every_service(code: str, as_required: str) -> None:
    name = first_with(code)
    assert name is not None
    told = told_of(name, as_required)
    report = judge(measured(told)[0])
    # In the order of the catalogue, where the other service may come after backup-gateway.
    assert sorted(finding.id for finding in report.findings) == sorted(told.expect.findings)
    if code in ("IAM003", "IAM006", "IAM007", "IAM009") and not SERVICES[as_required].call_is_own:
        assert {finding.severity for finding in report.findings if finding.code == code} == {Severity.INFO}
        return
    assert (report.verdict.status, report.verdict.path) == (told.expect.status, told.expect.path)
    assert named_elsewhere(report) == []


@pytest.mark.parametrize("code", ["TCP003", "TCP007", "DNS014"])
def test_a_finding_of_backup_gateway_is_one_of_storage_gateway(code: str) -> None:
    name = next(name for name in scenarios.names() if f'findings = ["{code}@backup-gateway"]' in scenarios.text(name))
    text = scenarios.text(name).replace("backup-gateway", "storagegateway")
    report = judge(measured(scenarios.parse(name, text))[0])
    assert [finding.id for finding in report.findings] == [f"{code}@storagegateway"]
    assert named_elsewhere(report) == []


def test_nearly_every_finding_is_shown_so() -> None:
    assert len(SHOWN) > 80


@pytest.mark.parametrize(
    ("api", "code", "severity"),
    [
        pytest.param("identity-policy", "IAM003", Severity.INFO, id="identity"),
        pytest.param("permissions-boundary", "IAM006", Severity.INFO, id="boundary"),
        pytest.param("session-policy", "IAM007", Severity.INFO, id="session"),
        pytest.param("denied-without-reason", "IAM009", Severity.INFO, id="without a reason"),
        pytest.param("endpoint-policy-silent", "IAM001", Severity.CRITICAL, id="endpoint, silent"),
        pytest.param("endpoint-policy-denies", "IAM002", Severity.CRITICAL, id="endpoint, explicit"),
        pytest.param("service-control-policy", "IAM004", Severity.WARNING, id="organisation"),
    ],
)
@pytest.mark.parametrize("service", ["ssm", "sts", "backup"])
def test_who_denies_a_call_that_the_workload_does_not_make(
    service: str, api: str, code: str, severity: Severity
) -> None:
    text = scenarios.text("ssm-call-not-granted").replace("ssm", service).replace("identity-policy", api)
    report = judge(measured(scenarios.parse("denied", text))[0])
    if severity is Severity.INFO and SERVICES[service].call_is_own:
        severity = CODES[code].severity
    (finding,) = report.findings
    assert (finding.code, finding.severity) == (code, severity)
    expected = {Severity.INFO: Status.OK, Severity.WARNING: Status.WARNING, Severity.CRITICAL: Status.CRITICAL}
    assert report.verdict.status is expected[severity]
    assert report.verdict.access is Access.DENIED


def every_service(ports: str) -> Scenario:
    """A VPC with an endpoint for each service that has one, on whose ports something answers."""
    return world_of([name for name in checkable() if SERVICES[name].private_links], ports=ports)


def test_every_service_is_proven_by_what_it_answers_itself() -> None:
    report = judge(measured(every_service("[443, 1026, 1027, 1028, 1031, 2222]"))[0])
    assert report.verdict.status is Status.OK
    assert {target.service: (target.status, target.path, target.access) for target in report.targets} == {
        name: (Status.OK, Path.PRIVATE, Access.NOT_TRIED if SERVICES[name].call is None else Access.ALLOWED)
        for name in checkable()
        if SERVICES[name].private_links
    }


def test_all_ports_of_all_services_dead_take_one_step_s_time() -> None:
    told = every_service("[22]")
    report = judge(measured(told)[0])
    assert report.verdict.status is Status.CRITICAL
    assert report.run.complete
    assert report.run.seconds < told.run.timeout + 0.5


def finding_of(name: str, code: str) -> Finding:
    """The finding of a scenario."""
    report = judge(measured(scenarios.load(name))[0])
    return next(finding for finding in report.findings if finding.code == code)


def test_a_name_that_aws_does_not_document_is_looked_up_first() -> None:
    finding = finding_of("backup-storage-endpoint-missing-in-china", "VPC001")
    assert "com.amazonaws.cn-north-1.backup-storage cannot be told" in finding.detail
    looked_up, made = finding.fix.commands[0].argv, finding.fix.commands[-1].argv
    assert looked_up[:3] == ("aws", "ec2", "describe-vpc-endpoint-services")
    assert made[:3] == ("aws", "ec2", "create-vpc-endpoint")
    text = (
        scenarios.text("ssm-private-dns-off")
        .partition("[[ec2.endpoints]]")[0]
        .replace("[ec2]", "[ec2]\nendpoints = []")
    )
    told = scenarios.parse("documented", f'{text}\n[expect]\nstatus = "critical"\npath = "public"\nfindings = []\n')
    (documented,) = (finding for finding in judge(measured(told)[0]).findings if finding.code == "VPC001")
    assert "cannot be told" not in documented.detail
    assert not any("describe-vpc-endpoint-services" in command.argv for command in documented.fix.commands)


def test_a_host_that_may_not_exist_is_no_critical_fault() -> None:
    finding = finding_of("backup-storage-name-not-there", "DNS003")
    assert finding.severity is Severity.WARNING
    assert "Whether AWS has it in eu-west-1 is not known" in finding.detail
    assert finding_of("name-does-not-exist", "DNS003").severity is Severity.CRITICAL


def test_a_service_without_an_endpoint_service_gets_no_word_of_making_one() -> None:
    fix = finding_of("search-without-endpoint-service", "DNS001").fix
    assert "AWS lists no endpoint service of backup-search" in fix.summary
    assert [command.argv[:2] for command in fix.commands] == [("backuplink", "endpoints")]
