"""The common part of the formats for AWS' own boards and tickets: this host's ARN, and texts within their limits."""

from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.partitions import is_region, partition_of
from agent.documents.text import typed
from agent.documents.to_do import to_do
from agent.report.escape import visible
from agent.report.model import Finding, Report, Status
from agent.report.standing import Standing, standings
from agent.report.words import head

UNKNOWN_ACCOUNT: Final = "0" * 12
"""The account in ARNs if the host's account is unknown or masked. No account has this number, and AWS refuses it."""
UNKNOWN_REGION: Final = "us-east-1"
"""The Region in ARNs, together with UNKNOWN_ACCOUNT, if the Region is unknown. AWS accepts no ARN without a Region."""
SEVERITIES: Final = {
    Status.CRITICAL: Severity.CRITICAL,
    Status.WARNING: Severity.WARNING,
    Status.UNKNOWN: Severity.WARNING,
    Status.OK: Severity.INFO,
}
"""The severity for each verdict. An unknown verdict has the same severity as a warning, since somebody must look at
both."""


def region(report: Report) -> str:
    """Return the Region of the host, else that of the run."""
    known = report.vantage.region or report.run.region
    return known if known is not None and is_region(known) else UNKNOWN_REGION


def account(report: Report) -> str:
    """Return the account of the host; UNKNOWN_ACCOUNT if it is unknown."""
    known = report.vantage.account_id or ""
    return known if len(known) == len(UNKNOWN_ACCOUNT) and known.isascii() and known.isdigit() else UNKNOWN_ACCOUNT


def arn(report: Report, service: str, resource: str) -> str:
    """Return the ARN of a resource in the host's account and Region."""
    return f"arn:{partition_of(region(report)).id}:{service}:{region(report)}:{account(report)}:{resource}"


def host(report: Report) -> str:
    """Return the name of the host: its instance id, else its managed node's id, else its own name."""
    seen = report.vantage
    return visible(seen.instance_id or seen.managed_node_id or seen.host_name or "this host")


def host_arn(report: Report) -> str | None:
    """The ARN of the host; None if it is not an EC2 instance, or if its id is masked."""
    id_ = report.vantage.instance_id
    if id_ is None or account(report) == UNKNOWN_ACCOUNT:
        return None
    return arn(report, "ec2", f"instance/{visible(id_)}")


def counted(report: Report) -> list[Finding]:
    """Return the causes that decide the verdict, in the order of the report."""
    return [
        finding
        for finding, standing in standings(report)
        if standing is Standing.CAUSE and finding.severity is not Severity.INFO
    ]


def description(report: Report, most: int) -> str:
    """Return the verdict and each cause with its fix in at most `most` characters. If this is too much, whole causes
    are left out and counted. The text is cut only if it is too long without any cause."""
    causes = counted(report)
    parts = [visible(report.verdict.summary), *(_cause(finding) for finding in causes)]
    for kept in range(len(parts), 0, -1):
        left = len(parts) - kept
        text = "\n\n".join([*parts[:kept], *([f"{left} more causes: --format text has them."] if left else [])])
        if len(text) <= most:
            return text
    return cut(parts[0], most)


def _cause(finding: Finding) -> str:
    lines = (f"{head(finding)} ({finding.code})", finding.detail, f"What to do: {finding.fix.summary}")
    return "\n".join([*map(visible, lines), *typed(to_do(finding.fix))])


def cut(text: str, most: int) -> str:
    """Return `text`, or its start and three full stops if it is longer than `most`."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
