"""The rows, words and order that all formats of an audit share. Texts are not escaped here."""

from typing import Final

from agent.audit.model import (
    AuditChange,
    AuditChanges,
    AuditDocument,
    AuditedEndpoint,
    AuditedService,
    AuditedVpc,
    AuditedWorkload,
    AuditFault,
    AuditTurn,
    CentralEndpoint,
    CentralRole,
    Known,
    RepeatedFault,
    RepeatedIn,
    Unanswered,
)
from agent.catalog.wording import counted, listed, listed_briefly
from agent.documents.blocks import MUTED
from agent.network.answers import Answer
from agent.report.model import Status

KNOWN: Final = {Known.YES: "yes", Known.NO: "no", Known.CANNOT_TELL: "cannot tell"}
ANSWERS: Final = {
    Answer.PRIVATE: "private",
    Answer.PUBLIC: "public",
    Answer.NOTHING: "nothing",
    Answer.CANNOT_TELL: "cannot tell",
}


def where(vpc: AuditedVpc | RepeatedIn) -> str:
    """The place of a VPC: `eu-west-1, account 111122223333`."""
    return vpc.region + (f", account {vpc.account_id}" if vpc.account_id is not None else "")


def place(vpc: AuditedVpc) -> str:
    """`vpc-1, eu-west-1, account 111122223333`."""
    shared = f", shared by {vpc.owner_id}" if vpc.shared else ""
    return f"{vpc.vpc_id}, {where(vpc)}{shared}"


def basis(document: AuditDocument) -> str:
    """The data on which the audit is based."""
    if not document.vpcs:
        return "nothing was measured"
    times = sorted(f"{vpc.taken_at:%Y-%m-%d %H:%M}" for vpc in document.vpcs)
    when = f"on {times[0]} UTC" if times[0] == times[-1] else f"from {times[0]} to {times[-1]} UTC"
    return f"{counted(len(document.vpcs), 'VPC')}, as configured {when}; nothing was measured"


def word(fault: AuditFault | RepeatedFault) -> str:
    """The severity of a fault in a word."""
    return fault.severity.upper() if fault.certain else "UNKNOWN"


def kind(fault: AuditFault | RepeatedFault) -> str:
    """The colour of a fault. A fault that does not affect the status is muted."""
    if aside(fault):
        return MUTED
    return fault.severity.value if fault.certain else "unknown"


def head(fault: AuditFault | RepeatedFault) -> str:
    """`CRITICAL backup-gateway 1031: No rule of the endpoint's security groups admits this host`."""
    ports = f" {listed(fault.ports)}" if fault.ports else ""
    services = fault.services if isinstance(fault, AuditFault) else _services_of(fault)
    return f"{word(fault)} {listed_briefly(services)}{ports}: {fault.title}"


def _services_of(fault: RepeatedFault) -> tuple[str, ...]:
    return tuple(dict.fromkeys(service for one in fault.vpcs for service in one.services))


def aside(fault: AuditFault | RepeatedFault) -> str:
    """Why a fault does not affect the status. Empty if it may affect it."""
    if fault.suppressed:
        return "suppressed"
    return "" if fault.counts else "not counted: no workload here needs it"


def workload_words(workload: AuditedWorkload) -> str:
    """`caller: critical; there is no private path to backup; judged because of an endpoint of backup`."""
    private = {
        Known.YES: "it can run privately",
        Known.NO: f"there is no private path to {listed(workload.lacks)}",
        Known.CANNOT_TELL: f"whether there is a private path to {listed(workload.lacks)} is not known",
    }[workload.private]
    if workload.by is None:
        return f"{workload.workload.value}: not in use; {private}"
    return f"{workload.workload.value}: {workload.status.value}; {private}; judged because of {workload.by}"


def answer_words(service: AuditedService) -> str:
    """`private: private DNS of vpce-1`."""
    return f"{ANSWERS[service.answer]}: {service.words}"


def endpoint_cells(endpoint: AuditedEndpoint) -> tuple[str, ...]:
    """The cells of an endpoint: its service and kind, its state, private DNS, its number of interfaces, whether a name
    or a route leads to it, and its interface-hours in a month."""
    dns = "-" if endpoint.private_dns is None else "on" if endpoint.private_dns else "off"
    return (
        endpoint.service + ("" if endpoint.kind == "interface" else f" ({endpoint.kind})"),
        endpoint.state,
        dns,
        str(endpoint.interface_count) if endpoint.kind == "interface" else "-",
        KNOWN[endpoint.resolved],
        f"{endpoint.interface_hours:,}" if endpoint.interface_hours else "-",
    )


ENDPOINT_HEADS: Final = ("service", "state", "private DNS", "interfaces", "in use", "hours")
"""The column `in use` says whether a name or a route leads to the endpoint. The column `hours` has the hours of all its
interfaces in a month."""


def central_words(central: CentralEndpoint) -> str:
    """A sentence about the role of a VPC for a central endpoint."""
    others, ends = listed(central.vpc_ids), listed(central.endpoint_ids)
    may = central.named is Known.CANNOT_TELL
    if central.role is CentralRole.HUB:
        use = "may use" if may else "uses" if len(central.vpc_ids) == 1 else "use"
        what = f"{others} {use} {ends} of this VPC"
    else:
        what = f"this VPC {'may use' if may else 'uses'} {ends} of {others}"
    by = f" by {listed(central.by)}" if central.by else ""
    complete = {
        Known.YES: "complete",
        Known.NO: "incomplete",
        Known.CANNOT_TELL: "whether it is complete is not known",
    }
    missing = f": {'; '.join(central.missing)}" if central.missing else ""
    return f"{central.service}: {what}{by}; {complete[central.complete]}{missing}"


def since(changes: AuditChanges) -> str:
    """`What changed since the audit of 2026-01-15 03:00 UTC`."""
    return f"What changed since the audit of {changes.taken_at:%Y-%m-%d %H:%M} UTC"


def changes_words(changes: AuditChanges | None) -> str | None:
    """The numbers of changes since an earlier audit, in words. None if no earlier audit was given."""
    if changes is None:
        return None
    turns = [change.turn for change in changes.changes]
    counts = [f"{turns.count(turn)} {turn}" for turn in AuditTurn if turn in turns]
    unread = [f"{counted(len(changes.unread), 'VPC')} not read this time"] if changes.unread else []
    return f"since the audit of {changes.taken_at:%Y-%m-%d %H:%M} UTC: {', '.join([*counts, *unread]) or 'no change'}"


def change_words(change: AuditChange) -> str:
    """`new: VPC005 in vpc-1: The endpoint's security groups do not allow the source, of sg-1 (critical)`."""
    code = "" if change.code is None else f"{change.code} "
    severity = change.severity or change.severity_before
    about = f", of {listed_briefly(change.subjects)}" if change.subjects else ""
    aside = "" if change.counts else ", not counted"
    more = f": {change.words}" if change.words else ""
    return f"{change.turn}: {code}in {change.vpc_id}: {change.title}{about} ({severity}{aside}){more}"


def unresolved_words(hours: int) -> str | None:
    """The cost of endpoints to which no name leads; None if there are none."""
    return f"Endpoints that no name leads to: {hours:,} interface-hours a month." if hours else None


def unanswered_words(one: Unanswered) -> str:
    """`account 111122223333, eu-west-3: UnauthorizedOperation`."""
    account = None if one.account_id is None else f"account {one.account_id}"
    there = ", ".join(filter(None, (account, one.region, one.vpc_id)))
    return f"{there}: {one.reason}" if there else one.reason


def status_word(status: Status) -> str:
    """A status in the spelling of text output."""
    return "NOT IN USE" if status is Status.NOT_IN_USE else status.upper()
