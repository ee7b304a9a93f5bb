"""The audit as a table for spreadsheets: one row for each VPC and fault, and one row for a VPC without faults.

A cell that a spreadsheet would treat as a formula gets an apostrophe in front (OWASP, CSV Injection).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from agent.audit import phrases
from agent.audit.model import AuditChange, AuditDocument, AuditedVpc, AuditFault
from agent.report.escape import spreadsheet_line
from agent.report.words import shell

COLUMNS: Final = (
    *("vpc", "vpc_status", "vpc_cause", "vpc_to_do", "region", "account", "vpc_counts", "workloads"),
    *("code", "change", "severity", "certain", "counts"),
    *("suppressed", "services", "ports", "subjects", "detail", "fix", "commands", "unresolved_hours"),
)


def render(document: AuditDocument) -> str:
    """The table with a header row and the line ends of RFC 4180."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    changes = () if document.changes is None else document.changes.changes
    for vpc in document.vpcs:
        here = [one for one in changes if (one.vpc_id, one.account_id) == (vpc.vpc_id, vpc.account_id)]
        rows += _rows(vpc, here)
    for one in document.unanswered:
        reason = f"no answer: {one.reason}"
        rows.append(_alone(one.vpc_id or "", "unknown", reason, one.region or "", one.account_id or ""))
    if not document.vpcs and not document.unanswered:  # nothing could be audited
        rows.append(_alone("", document.verdict.status.value, document.verdict.summary))
    return "".join(spreadsheet_line(row, "\r\n") for row in rows)


def _alone(vpc_id: str, status: str, cause: str, region: str = "", account: str = "") -> tuple[str, ...]:
    """A row about something that could not be read."""
    told = (vpc_id, status, cause, "", region, account, "no")
    return (*told, *[""] * (len(COLUMNS) - len(told)))


def _rows(vpc: AuditedVpc, changes: Sequence[AuditChange]) -> Iterator[tuple[str, ...]]:
    judged = " ".join(workload.workload.value for workload in vpc.workloads if workload.by is not None)
    counts = "yes" if vpc.counts else "no"
    answer = (vpc.vpc_id, vpc.status.value, vpc.cause, vpc.to_do or "")
    place = (*answer, vpc.region, vpc.account_id or "", counts, judged)
    hours = str(vpc.unresolved_hours)
    told = {fault.code or fault.title for fault in vpc.faults if not fault.suppressed}
    alone = [change for change in changes if (change.code or change.title) not in told]
    if not vpc.faults and not alone:
        yield (*place, *[""] * (len(COLUMNS) - len(place) - 1), hours)
    turns = {change.code or change.title: change.turn.value for change in changes}
    for fault in vpc.faults:
        turn = "" if fault.suppressed else turns.get(fault.code or fault.title, "")
        yield (*place, *_cells(fault, turn), hours)
    for change in alone:
        severity = change.severity_before or change.severity or ""
        what = (change.code or "", change.turn.value, severity, "", "yes" if change.counts else "no", "no")
        about = (" ".join(change.services), "", " ".join(change.subjects), f"{change.title}. {change.words}", "", "")
        yield (*place, *what, *about, hours)


def _cells(fault: AuditFault, turn: str) -> tuple[str, ...]:
    fix = fault.fix
    return (
        fault.code or "",
        turn,
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
