"""Findings about Backup also occur for every other service. In these scenarios, another service, whose answers have a
different form, replaces Backup.
"""

import re
from dataclasses import replace
from functools import cache

import pytest

from agent.catalog.findings import CODES, Scope, Severity
from agent.catalog.hosts import endpoints
from agent.catalog.partitions import partition_of
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, checkable, is_name_documented, may_not_exist, service_name_of
from agent.catalog.workload_calls import calls_of
from agent.catalog.workloads import NEEDS
from agent.formats import endpoints as endpoints_format
from agent.judge.verdict import judge
from agent.report.model import Access, Finding, Path, Report, Status
from agent.settings import Workload
from agent.simulated.scenario import Scenario
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.many_services import world_of
from tests.support.runs import measured, report_of

ANOTHER = ("ssm", "sts")
"""Two services: one answers in JSON, and one in XML."""
OF_BACKUP_ALONE = re.compile(r"backup-vault|vault|GetSupportedResourceTypes|s3 = |bucket = |us-moon")
"""Texts that can only be about Backup in the policies of endpoints: its own resources, and further actions."""


def renamed(text: str, service: str) -> str:
    """The text, in which the name of another service replaces that of Backup."""
    return re.sub(r"(?<![\w-])(?<!/home/)backup(?![\w-])", service, text)


def told_of(name: str, service: str) -> Scenario:
    """A scenario in which another service replaces Backup."""
    record, text = SERVICES[service], scenarios.text(name)
    text = text.replace('ENDPOINT_URL_BACKUP"', f'ENDPOINT_URL_{service.upper()}"')
    text = re.sub(r"ENDPOINT_URL_BACKUP\b(?!_)", f"ENDPOINT_URL_{service.upper()}", text)
    text = renamed(text, service)
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
    """The first scenario that expects a finding with this code about the required service, a name server or the run."""
    for name in scenarios.names():
        text = scenarios.text(name)
        expected = text.partition("[expect]")[2].partition("silent")[0]
        if re.search(rf'"{code}(@backup|@[\d.]+)?"', expected) and not OF_BACKUP_ALONE.search(text):
            return name
    return None


SERVICE_WORDS = re.compile(
    r"AWS Backup|Backup gateway|Storage Gateway|\b[Bb]ackups?\b(?!-)"
    rf"|(?<![\w./@:-])(?:{'|'.join(sorted(map(re.escape, SERVICES), key=len, reverse=True))})(?![\w-]|\.\w)"
)
"""Names of services in prose and in the catalogue that are not part of a host name, an ARN or the id of a step."""
OF_BACKUP_S_API = re.compile(r"(?<![\w/-])(?<!hana:)backup(?![\w-])|_BACKUP\b|ListBackup")
"""Parts of commands that only exist for AWS Backup."""
OF_PRIVATE_DNS = "route53:AssociateVPCWithHostedZone"
"""The permission that private DNS of any service requires."""
OTHERS_THAT_MAY_BE_NAMED = {
    "API007": r"let monitoring run less often",  # an ordinary word, not the service
    "ENV016": r"reach AWS Backup through|while no backup runs",  # the Backint agent only uses one service
    "ENV017": r"--workload hana:backup",  # a value of the option
    "TCP012": r"as long as a backup lasts|If backups or restores",  # what the software on the host does
}
"""For some codes, texts that look like the name of another service, or that are about the agent of the finding."""


def named_elsewhere(report: Report) -> list[str]:
    """The texts of findings that name a service that the run does not check."""
    checked = {target.service for target in report.targets}
    hosts = re.compile("|".join(re.escape(target.host) for target in report.targets) or "$^")
    texts = []
    for finding in report.findings:
        for text in (finding.title, finding.detail, finding.fix.summary):
            allowed = OTHERS_THAT_MAY_BE_NAMED.get(finding.code, "$^")
            rest = text.replace("/home/backup", "").replace(OF_PRIVATE_DNS, "")
            rest = re.sub(allowed, "", hosts.sub("", rest))
            if any(match[0] not in checked for match in SERVICE_WORDS.finditer(rest)):
                texts.append(f"{finding.code}: {text}")
        commands = (" ".join(command.argv) for command in finding.fix.commands)
        texts += [command for command in commands if "backup" not in checked and OF_BACKUP_S_API.search(command)]
    return texts


OF_THE_ROLE = frozenset({"IAM003", "IAM006", "IAM007", "IAM009"})
"""Findings whose severity is info if the workload does not make the call itself."""
OF_BACKUP = frozenset({"JOB001", "JOB002"})
"""Findings from calls that only AWS Backup offers."""
SHOWN = [code for code in CODES if code not in OF_BACKUP and first_with(code) is not None]
NOT_SHOWN = {
    "API012": "ListGateways of Backup gateway alone says when AWS last heard of a gateway",
    "DNS014": "of the services with appliances: shown of storagegateway",
    "ENV004": "of a service in a Region without it: shown of ssm-sap",
    "JOB001": "AWS Backup alone lists its jobs",
    "JOB002": "AWS Backup alone lists its jobs",
    "TCP003": "of the services with appliances: shown of storagegateway",
    "TCP007": "of the services with appliances: shown of storagegateway",
    "VPC019": "of the services with gateway endpoints: S3 is a third one itself",
    **dict.fromkeys(("VPC020", "VPC021", "VPC022"), "only an audit raises it"),
}
"""Findings that no scenario can show for another service instead of Backup, each with the reason."""


def findings_in(report: Report) -> list[tuple[str, str, bool, str]]:
    """Return the findings of a report without their service: the code, the severity and the cause's code of each. The
    service is left out because the order of the catalogue decides which of two services with the same cause is named.
    """
    return sorted(
        (finding.code, finding.severity, finding.counts, (finding.explained_by or "").partition("@")[0])
        for finding in report.findings
    )


def of(report: Report, code: str) -> list[Finding]:
    """The findings in a report with this code."""
    return [finding for finding in report.findings if finding.code == code]


@pytest.fixture
def of_backup(code: str) -> Report:
    """A report about Backup that has a finding with this code."""
    name = first_with(code)
    assert name is not None
    return report_of(name)


@pytest.fixture
def as_required(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, of_backup: Report) -> str:
    """Make runs that name no service check this service instead of Backup, after the report about Backup was made."""
    service: str = request.param
    caller = Workload.CALLER, None
    monkeypatch.setitem(NEEDS, caller, {service: "a test", "backup-gateway": None})
    return service


def is_own(service: str) -> bool:
    """Whether the programs that use a service make the same call as backuplink does."""
    permission = SERVICES[service].permission
    is_of_agent = permission is not None and permission.action in calls_of(tuple(Workload), service)
    return SERVICES[service].call_is_own or is_of_agent


@pytest.mark.parametrize("as_required", ANOTHER, indirect=True)
@pytest.mark.parametrize("code", one_in(8, SHOWN))
def test_a_finding_of_backup_is_one_of_every_service(code: str, as_required: str, of_backup: Report) -> None:
    name = first_with(code)
    assert name is not None
    told = told_of(name, as_required)
    report = judge(measured(told)[0])
    assert named_elsewhere(report) == []
    # The order is that of the catalogue, in which the other service may follow backup-gateway.
    assert sorted(finding.id for finding in report.findings) == sorted(told.expect.findings)
    if CODES[code].scope is Scope.TARGET:
        assert as_required in {finding.target.partition("@")[0] for finding in of(report, code) if finding.target}
    if code in OF_THE_ROLE and not is_own(as_required):
        assert {finding.severity for finding in of(report, code)} == {Severity.INFO}
        return
    assert (report.verdict.status, report.verdict.path) == (told.expect.status, told.expect.path)
    assert findings_in(report) == findings_in(of_backup)


@pytest.mark.parametrize("code", ["TCP003", "TCP007", "DNS014"])
def test_a_finding_of_backup_gateway_is_one_of_storage_gateway(code: str) -> None:
    name = next(name for name in scenarios.names() if f'findings = ["{code}@backup-gateway"]' in scenarios.text(name))
    text = scenarios.text(name).replace("backup-gateway", "storagegateway")
    report = judge(measured(scenarios.parse(name, text))[0])
    assert [finding.id for finding in report.findings] == [f"{code}@storagegateway"]
    assert named_elsewhere(report) == []


def test_every_finding_is_shown_so_or_has_a_reason() -> None:
    assert {*CODES} - {*SHOWN} == {*NOT_SHOWN}


def test_a_service_that_a_region_does_not_have_is_named_whichever_it_is() -> None:
    text = scenarios.text("service-not-offered").replace("backup-gateway", "ssm-sap").replace("cn-north-1", "ap-east-2")
    report = judge(
        measured(scenarios.parse("not-offered", text.replace("aws-cn", "aws").replace(".com.cn", ".com")))[0]
    )
    assert [finding.id for finding in report.findings] == ["ENV004@ssm-sap", "DNS003@ssm-sap"]
    assert named_elsewhere(report) == []


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
@pytest.mark.parametrize("service", ["secretsmanager", "ssm", "sts", "backup"])
def test_who_denies_a_call_that_the_workload_does_not_make(
    service: str, api: str, code: str, severity: Severity
) -> None:
    text = scenarios.text("ssm-call-not-granted").replace("ssm", service).replace("identity-policy", api)
    report = judge(measured(scenarios.parse("denied", text))[0])
    if severity is Severity.INFO and is_own(service):
        severity = CODES[code].severity
    (finding,) = report.findings
    assert (finding.code, finding.severity) == (code, severity)
    expected = {Severity.INFO: Status.OK, Severity.WARNING: Status.WARNING, Severity.CRITICAL: Status.CRITICAL}
    assert report.verdict.status is expected[severity]
    assert report.verdict.access is Access.DENIED


def every_service(ports: str) -> Scenario:
    """A VPC with an endpoint for each service for which AWS offers one. The endpoints answer on these ports."""
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
    """The finding of a scenario that has this code."""
    report = judge(measured(scenarios.load(name))[0])
    return next(finding for finding in report.findings if finding.code == code)


def test_a_name_that_aws_does_not_document_is_looked_up_first() -> None:
    name = "backup-storage-endpoint-missing-in-china"
    assert "is not known" not in finding_of(name, "VPC001").detail, "EC2 lists the endpoint service"
    text = scenarios.text(name).replace("[ec2]", '[ec2]\ndenied = ["endpoint-services"]')
    (finding,) = (
        finding for finding in judge(measured(scenarios.parse("unread", text))[0]).findings if finding.code == "VPC001"
    )
    assert "com.amazonaws.cn-north-1.backup-storage is not known" in finding.detail
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
    assert "is not known" not in documented.detail
    assert not any("describe-vpc-endpoint-services" in command.argv for command in documented.fix.commands)


def test_a_host_that_may_not_exist_is_no_critical_fault() -> None:
    finding = finding_of("backup-storage-name-not-there", "DNS003")
    assert finding.severity is Severity.WARNING
    assert "Whether AWS has that name in eu-west-1 is not known" in finding.detail
    assert finding_of("name-does-not-exist", "DNS003").severity is Severity.CRITICAL


def world_in(region: str, service: str, rest: str) -> Scenario:
    """An instance in a Region, with a run that requires one service."""
    return scenarios.parse(
        "inferred",
        f"""
summary = "a service of which the catalogue infers something"
[run]
region = "{region}"
services = ["{service}"]
ec2 = "always"
[metadata]
region = "{region}"
partition = "{partition_of(region).id}"
availability_zone = "{region}a"
{rest}
[expect]
status = "ok"
path = "private"
findings = []
""",
    )


MAY_NOT_EXIST = [(service, region) for service in SERVICES for region in REGIONS if may_not_exist(service, region)]
NOT_CONFIRMED = [
    (service, region)
    for service in SERVICES
    for region in REGIONS
    if service_name_of(service, region) is not None and not is_name_documented(service, region)
]


@pytest.mark.parametrize(("service", "region"), one_in(40, MAY_NOT_EXIST))
def test_a_host_that_is_inferred_is_marked_so_and_no_critical_finding_alone(service: str, region: str) -> None:
    [row] = endpoints(region=region, services=[service])
    assert row.offered is None
    assert ", not known whether offered\n" in endpoints_format.as_text((row,))
    told = world_in(
        region,
        service,
        f'[[dns]]\nresolvers = ["10.0.0.2", "169.254.169.253"]\nname = "{row.host}"\nrcode = "NXDOMAIN"',
    )
    report = judge(measured(told)[0])
    assert {finding.severity for finding in of(report, "DNS003")} == {Severity.WARNING}
    assert report.verdict.status is Status.WARNING


@pytest.mark.parametrize(("service", "region"), one_in(40, NOT_CONFIRMED))
def test_an_endpoint_service_that_is_inferred_is_marked_so_and_no_critical_finding_alone(
    service: str, region: str
) -> None:
    """EC2 does not list an endpoint service with the inferred name, but the service's host has private addresses that
    answer.
    """
    [row] = endpoints(region=region, services=[service])
    assert f"{row.service_name}  (not confirmed)\n" in endpoints_format.as_text((row,))
    ports = [port.number for port in SERVICES[service].ports]
    told = world_in(
        region,
        service,
        f'[[dns]]\nresolvers = ["10.0.0.2", "169.254.169.253"]\nname = "{row.host}"\na = ["10.0.1.17"]\n'
        f'[[tcp]]\naddresses = ["10.0.1.17"]\nports = {ports}\n[ec2]\nendpoints = []',
    )
    report = judge(measured(told)[0])
    assert report.run.ec2_reads
    assert report.verdict.status is Status.OK, [finding.id for finding in report.findings]


def test_a_service_without_an_endpoint_service_gets_no_word_of_making_one() -> None:
    fix = finding_of("search-without-endpoint-service", "DNS001").fix
    assert "AWS lists no endpoint service of backup-search" in fix.summary
    assert [command.argv[:2] for command in fix.commands] == [("backuplink", "endpoints")]
