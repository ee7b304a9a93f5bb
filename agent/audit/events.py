"""New faults since an earlier audit, as events of Amazon EventBridge.

An event reports a fault that counts and that is new in a VPC, or worse than before. Information makes no event, so a
rule can page somebody for each event. A repeated event has the same `id`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from agent.audit.model import AuditChange, AuditDocument, AuditTurn
from agent.catalog.findings import Severity
from agent.report import put_events
from agent.report.codec import schema_of
from agent.report.model import Tool
from probes.frozen import dataclass
from probes.masks import Plain, Sentence

SCHEMA: Final = "backuplink.audit-change.v1"
DETAIL_TYPE: Final = "Backuplink Audit Change"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """The detail of an event: a fault that is new in a VPC, or worse than before."""

    schema: Plain
    tool: Tool
    redacted: bool
    id: Sentence
    """Identifies this event. Comparing the same two audits again gives the same id."""
    change: AuditChange
    to_do: Sentence | None
    """The first thing to do in the VPC, which is about its worst fault."""
    taken_at: datetime
    """When the facts of the VPC were taken."""
    against: datetime
    """When the youngest facts of the earlier audit were taken."""


def schema() -> dict[str, Any]:
    """The JSON Schema of the detail of an event (draft 2020-12)."""
    return schema_of(AuditEvent, SCHEMA)


def render(document: AuditDocument) -> str:
    """The requests, one per line; empty if nothing is new."""
    return put_events.lines(map(_entry, events(document)))


def _entry(event: AuditEvent) -> dict[str, str]:
    shorter = replace(event, change=replace(event.change, subjects=(), words=""))
    return put_events.entry_of(DETAIL_TYPE, event.taken_at, (event, shorter))


def events(document: AuditDocument) -> Iterator[AuditEvent]:
    """The events of a document, in the order of its changes."""
    changes = document.changes
    if changes is None:
        return
    vpcs = {(vpc.account_id, vpc.region, vpc.vpc_id): vpc for vpc in document.vpcs}
    for change in filter(_is_told, changes.changes):
        vpc = vpcs.get((change.account_id, change.region, change.vpc_id))
        if vpc is None:  # somebody has edited the document
            continue
        yield AuditEvent(
            schema=SCHEMA,
            tool=document.tool,
            redacted=document.redacted,
            id=f"{change.turn} {change.vpc_id} {change.code or change.title} {vpc.taken_at.isoformat()}",
            change=change,
            to_do=vpc.to_do,
            taken_at=vpc.taken_at,
            against=changes.taken_at,
        )


def _is_told(change: AuditChange) -> bool:
    if not change.counts or change.severity in (None, Severity.INFO):
        return False
    if change.turn is AuditTurn.NEW:
        return True
    before = change.severity_before
    return change.turn is AuditTurn.CHANGED and before is not None and change.severity.rank < before.rank
