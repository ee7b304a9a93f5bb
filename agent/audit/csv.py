"""The audit as a table for spreadsheets: one row for each VPC and fault, and one for a VPC without any.

A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV Injection).
"""

import csv
import io
from collections.abc import Iterator
from typing import Final

from agent.audit import content
from agent.audit.model import AuditDocument, AuditedVpc, AuditFault
from agent.formats.report_text import shell
from agent.report.escape import visible

COLUMNS: Final = (
    *("account", "region", "vpc", "vpc_status", "vpc_counts", "workloads", "code", "severity", "certain", "counts"),
    *("suppressed", "services", "ports", "subjects", "detail", "fix", "commands", "unresolved_hours"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def render(document: AuditDocument) -> str:
    """The table, with a head, its lines ended as RFC 4180 has it."""
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    for vpc in document.vpcs:
        for row in _rows(vpc):
            writer.writerow(map(safe, row))
    for one in document.unanswered:
        place = (one.account_id or "", one.region or "", one.vpc_id or "", "unknown", "no")
        row = (*place, *[""] * 9, f"no answer: {one.reason}", "", "", "")
        writer.writerow(map(safe, row))
    return held.getvalue()


def _rows(vpc: AuditedVpc) -> Iterator[tuple[str, ...]]:
    judged = " ".join(workload.workload.value for workload in vpc.workloads if workload.by is not None)
    counts = "yes" if vpc.counts else "no"
    place = (vpc.account_id or "", vpc.region, vpc.vpc_id, vpc.status.value, counts, judged)
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
        f"{content.head(fault)}. {fault.detail}",
        "" if fix is None else fix.summary,
        "" if fix is None else "; ".join(map(shell, fix.commands)),
    )


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula, without control characters."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(_FORMULA) or text.startswith(_FORMULA) else shown
