"""The audit as a table for spreadsheets: one row for each VPC and fault, and one for a VPC without any.

A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV Injection).
"""

from collections.abc import Iterator
from typing import Final

from agent.audit import phrases
from agent.audit.model import AuditDocument, AuditedVpc, AuditFault
from agent.report.escape import spreadsheet_line
from agent.report.words import shell

COLUMNS: Final = (
    *("vpc", "vpc_status", "vpc_cause", "vpc_to_do", "region", "account", "vpc_counts", "workloads"),
    *("code", "severity", "certain", "counts"),
    *("suppressed", "services", "ports", "subjects", "detail", "fix", "commands", "unresolved_hours"),
)


def render(document: AuditDocument) -> str:
    """The table, with a head, its lines ended as RFC 4180 has it."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    for vpc in document.vpcs:
        rows += _rows(vpc)
    for one in document.unanswered:
        reason = f"no answer: {one.reason}"
        rows.append(_alone(one.vpc_id or "", "unknown", reason, one.region or "", one.account_id or ""))
    if not document.vpcs and not document.unanswered:  # nothing could be audited
        rows.append(_alone("", document.verdict.status.value, document.verdict.summary))
    return "".join(spreadsheet_line(row, "\r\n") for row in rows)


def _alone(vpc_id: str, status: str, cause: str, region: str = "", account: str = "") -> tuple[str, ...]:
    """A row about what could not be read."""
    told = (vpc_id, status, cause, "", region, account, "no")
    return (*told, *[""] * (len(COLUMNS) - len(told)))


def _rows(vpc: AuditedVpc) -> Iterator[tuple[str, ...]]:
    judged = " ".join(workload.workload.value for workload in vpc.workloads if workload.by is not None)
    counts = "yes" if vpc.counts else "no"
    answer = (vpc.vpc_id, vpc.status.value, vpc.cause, vpc.to_do or "")
    place = (*answer, vpc.region, vpc.account_id or "", counts, judged)
    hours = str(vpc.unresolved_hours)
    if not vpc.faults:
        yield (*place, *[""] * (len(COLUMNS) - len(place) - 1), hours)
    for fault in vpc.faults:
        yield (*place, *_cells(fault), hours)


def _cells(fault: AuditFault) -> tuple[str, ...]:
    fix = fault.fix
    return (
        fault.code or "",
        fault.severity.value,
        "yes" if fault.certain else "no",
        "yes" if fault.counts else "no",
        "yes" if fault.suppressed else "no",
        " ".join(fault.services),
        " ".join(map(str, fault.ports)),
        " ".join(fault.subjects),
        f"{phrases.head(fault)}. {fault.detail}",
        "" if fix is None else fix.summary,
        "" if fix is None else "; ".join(map(shell, fix.commands)),
    )
