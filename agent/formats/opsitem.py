"""The report as an OpsItem, in the form of `aws ssm create-ops-item --cli-input-json`.

Its key is made of the host and the causes. While an OpsItem with the same key is open, Systems Manager refuses a second
OpsItem (`OpsItemAlreadyExistsException`), so every run may request one. There is also a document for the verdict ok,
although nobody needs an OpsItem for it.

Source: CreateOpsItem, in the AWS Systems Manager API Reference, and Reducing duplicate OpsItems, in its User Guide.
"""

import json
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.tickets import SEVERITIES, counted, cut, description, host, host_arn, region
from agent.report.escape import visible
from agent.report.model import Finding, Report

MAX_TITLE: Final = 1_024
MAX_DESCRIPTION: Final = 2_048
MAX_VALUE: Final = 1_024
"""Maximum length of an entry of the operational data, which may have 20 KB in total."""
MAX_KEY: Final = 256
"""Maximum length of the key. Two OpsItems with the same key count as equal."""
_SEVERITIES: Final = {Severity.CRITICAL: "2", Severity.WARNING: "3", Severity.INFO: "4"}
"""The severity for each verdict. Severity 1 is not used, since it is meant for an outage that affects everybody."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The OpsItem as a JSON object."""
    return json.dumps(_ops_item(report), indent=2, allow_nan=False) + "\n"


def _ops_item(report: Report) -> dict[str, Any]:
    causes = counted(report)
    return {
        "Title": cut(f"backuplink on {host(report)}: {visible(report.verdict.summary)}", MAX_TITLE),
        "Description": description(report, MAX_DESCRIPTION),
        "Source": "backuplink",
        "Severity": _SEVERITIES[SEVERITIES[report.verdict.status]],
        "Category": "Availability",
        "OperationalData": _data(report, causes),
    }


def _data(report: Report, causes: list[Finding]) -> dict[str, dict[str, str]]:
    """Return the operational data. Keys that begin with `/aws` are Systems Manager's own."""
    codes = ",".join(sorted({visible(cause.code) for cause in causes})) or report.verdict.status.value
    same = {"dedupString": cut(f"backuplink {region(report)} {host(report)} {codes}", MAX_KEY)}
    data = {
        "/aws/dedup": json.dumps(same),
        "status": report.verdict.status.value,
        "path": report.verdict.path.value,
        "access": report.verdict.access.value,
        "codes": codes,
        "run": visible(report.run.id),
        "version": visible(report.tool.version),
    }
    instance = host_arn(report)
    if instance is not None:
        data["/aws/resources"] = json.dumps([{"arn": cut(instance, MAX_KEY)}])
    searched = {"/aws/dedup", "/aws/resources", "status", "codes"}
    return {
        key: {
            "Value": words if key.startswith("/aws/") else cut(words, MAX_VALUE),
            "Type": "SearchableString" if key in searched else "String",
        }
        for key, words in data.items()
        if words.strip()
    }
