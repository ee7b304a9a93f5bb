"""The report as a finding of Security Hub: the list that `aws securityhub batch-import-findings --findings` takes.

Each host has one finding with the verdict and its causes. The next run replaces the finding, so nobody has to close it.
If the verdict is ok, the finding has the status PASSED and is archived. The first cause gives the title and the remedy.

Sources: AWS Security Finding Format (ASFF) and BatchImportFindings, in the AWS Security Hub User Guide and API
Reference.
"""

import json
from typing import Any, Final

from agent.catalog.findings import CODES, Severity
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.tickets import SEVERITIES, account, arn, counted, cut, description, host, host_arn, region
from agent.report.escape import visible
from agent.report.model import Finding, Report, Status, SubjectKind
from agent.report.serialization import to_json

MAX_TITLE: Final = 256
MAX_DESCRIPTION: Final = 1_024
MAX_REMEDY: Final = 512
MAX_FIELDS: Final = 50
MAX_FIELD: Final = 2_048
MAX_RESOURCES: Final = 32
_TYPE: Final = "Software and Configuration Checks/AWS Security Best Practices/Network Reachability"
_LABELS: Final = {Severity.CRITICAL: "HIGH", Severity.WARNING: "MEDIUM", Severity.INFO: "INFORMATIONAL"}
"""The severity labels. CRITICAL is not among them. It is meant for resources under attack, and a failed backup is not
an attack.
"""
_COMPLIANCE: Final = {
    Status.OK: "PASSED",
    Status.WARNING: "WARNING",
    Status.CRITICAL: "FAILED",
    Status.UNKNOWN: "NOT_AVAILABLE",
}
_RESOURCES: Final = {
    SubjectKind.GROUP: ("AwsEc2SecurityGroup", "security-group"),
    SubjectKind.ACL: ("AwsEc2NetworkAcl", "network-acl"),
    SubjectKind.ROUTE_TABLE: ("AwsEc2RouteTable", "route-table"),
    SubjectKind.SUBNET: ("AwsEc2Subnet", "subnet"),
    SubjectKind.VPC: ("AwsEc2Vpc", "vpc"),
    SubjectKind.INTERFACE: ("AwsEc2NetworkInterface", "network-interface"),
    SubjectKind.ENDPOINT: ("Other", "vpc-endpoint"),
}
"""Type of a resource in the format and in its ARN, by kind of subject."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """A JSON list of one finding."""
    return json.dumps([_finding(report)], indent=2, allow_nan=False) + "\n"


def _finding(report: Report) -> dict[str, Any]:
    causes, ended = counted(report), str(to_json(report.run.finished_at))
    severity = {"Label": _LABELS[SEVERITIES[report.verdict.status]], "Original": report.verdict.status.value}
    document = {
        "SchemaVersion": "2018-10-08",
        "Id": f"backuplink/{region(report)}/{account(report)}/{cut(host(report), MAX_TITLE)}",
        "ProductArn": arn(report, "securityhub", f"product/{account(report)}/default"),
        "GeneratorId": "backuplink",
        "AwsAccountId": account(report),
        "Region": region(report),
        "Types": [_TYPE],
        "CreatedAt": ended,
        "UpdatedAt": ended,
        "Severity": severity,
        "Title": cut(visible(f"backuplink: {report.verdict.summary}"), MAX_TITLE),
        "Description": description(report, MAX_DESCRIPTION),
        "ProductFields": _fields(report, causes),
        "Resources": _resources(report, causes),
        "Compliance": {"Status": _COMPLIANCE[report.verdict.status]},
        "RecordState": "ARCHIVED" if report.verdict.status is Status.OK else "ACTIVE",
    }
    if causes:
        document["Remediation"] = {"Recommendation": _remedy(causes[0])}
    return document


def _remedy(cause: Finding) -> dict[str, str]:
    remedy = {"Text": cut(visible(cause.fix.summary).strip() or "See the description.", MAX_REMEDY)}
    # The links are those of the catalogue, since a saved report may contain foreign links.
    if cause.code in CODES and CODES[cause.code].documents:
        remedy["Url"] = CODES[cause.code].documents[0].url
    return remedy


def _fields(report: Report, causes: list[Finding]) -> dict[str, str]:
    """Return the fields that filters and insights use. A field must not be empty."""
    fields = {
        "backuplink/status": report.verdict.status.value,
        "backuplink/path": report.verdict.path.value,
        "backuplink/access": report.verdict.access.value,
        "backuplink/run": visible(report.run.id),
        "backuplink/version": visible(report.tool.version),
        "backuplink/codes": ",".join(dict.fromkeys(visible(cause.code) for cause in causes)),
    }
    fields |= {f"backuplink/cause/{number}": visible(cause.id) for number, cause in enumerate(causes, 1)}
    return {name: cut(words, MAX_FIELD) for name, words in list(fields.items())[:MAX_FIELDS] if words.strip()}


def _resources(report: Report, causes: list[Finding]) -> list[dict[str, str]]:
    """Return the host and the subjects of the causes."""
    instance = host_arn(report)
    first = ("Other", host(report)) if instance is None else ("AwsEc2Instance", instance)
    about = [subject for cause in causes for subject in cause.subjects if subject.kind in _RESOURCES and subject.id]
    named = [
        (_RESOURCES[subject.kind][0], arn(report, "ec2", f"{_RESOURCES[subject.kind][1]}/{visible(subject.id)}"))
        for subject in about
    ]
    each = list(dict.fromkeys((first, *(named if instance is not None else ()))))
    return [{"Type": kind, "Id": cut(id_, MAX_TITLE), "Region": region(report)} for kind, id_ in each[:MAX_RESOURCES]]
