"""The overview of an audit: the status of each VPC, the reason and the first step, and the faults of several VPCs."""

from collections.abc import Iterable, Sequence
from typing import Final

from agent.audit.model import AuditedVpc, AuditFault, RepeatedFault, RepeatedIn
from agent.catalog.findings import Severity
from agent.catalog.wording import listed, listed_briefly
from agent.fixes.in_brief import in_brief
from agent.report.model import Status

_WORST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK, Status.NOT_IN_USE)
"""All statuses, the worst first. A run orders statuses in the same way."""
_STATUS_OF: Final = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING, Severity.INFO: Status.OK}
_OF_SERVICE: Final = frozenset({None, "VPC001"})
"""Codes for which two faults are only alike if they are of the same service."""


def status_of(faults: Iterable[AuditFault]) -> Status:
    """The status that results from these faults. An uncertain critical fault gives `unknown`. All other faults count as
    if they were certain."""
    return worst(_status_of(fault) for fault in faults if fault.counts and not fault.suppressed)


def _status_of(fault: AuditFault | RepeatedFault) -> Status:
    is_untold = fault.severity is Severity.CRITICAL and not fault.certain
    return Status.UNKNOWN if is_untold else _STATUS_OF[fault.severity]


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of some statuses; `ok` if there are none."""
    seen = set(statuses)
    return next((status for status in _WORST if status in seen), Status.OK)


def order(fault: AuditFault | RepeatedFault) -> tuple[object, ...]:
    """The sort key of a fault. Faults that count come first, the worst at the top."""
    return not fault.counts, fault.suppressed, _WORST.index(_status_of(fault)), fault.severity.rank


def worst_first(vpcs: Iterable[AuditedVpc]) -> tuple[AuditedVpc, ...]:
    """The VPCs in the order in which a document has them."""
    return tuple(
        sorted(
            vpcs,
            key=lambda vpc: (
                *(not vpc.counts, _WORST.index(vpc.status)),
                *(vpc.account_id or "", vpc.region, vpc.vpc_id),
            ),
        )
    )


def decisive(faults: Iterable[AuditFault]) -> list[AuditFault]:
    """The faults that make a VPC worse than `ok`."""
    return [fault for fault in faults if fault.counts and not fault.suppressed and fault.severity is not Severity.INFO]


def answer_of(
    status: Status, faults: Sequence[AuditFault], why_untold: str | None, how_to_read: str
) -> tuple[str, str | None]:
    """The reason for the status of a VPC, and the first thing to do about it.

    `faults` are in the order of a document. `why_untold` says why nothing is known about the VPC, or is None.
    `how_to_read` says how to learn more, or is empty.
    """
    if status is Status.NOT_IN_USE:
        return "no endpoint of a workload", None
    if why_untold is not None:
        return why_untold, how_to_read or None
    found = decisive(faults)
    if not found:
        told = [fault.code for fault in faults if fault.counts and not fault.suppressed and fault.code is not None]
        also = f"; for information: {listed_briefly([*dict.fromkeys(told)])}" if told else ""
        return f"nothing is wrong{also}", None
    first, others = found[0], len(found) - 1
    code = "" if first.code is None else f"{first.code} "
    ports = f" {listed(first.ports)}" if first.ports else ""
    more = f"; and {others} more" if others else ""
    to_do = in_brief(first.code, first.services, first.ports, first.subjects, certain=first.certain)
    if how_to_read and not first.certain:
        to_do = how_to_read
    return f"{code}{listed_briefly(first.services)}{ports}: {first.title}{more}", to_do


def repeated(vpcs: Iterable[AuditedVpc]) -> tuple[RepeatedFault, ...]:
    """Faults that several VPCs have."""
    found: dict[object, list[tuple[AuditedVpc, AuditFault]]] = {}
    for vpc in vpcs:
        for fault in vpc.faults:
            found.setdefault(alike(fault), []).append((vpc, fault))
    several = [_repeated(rows) for rows in found.values() if len({id(vpc) for vpc, _ in rows}) > 1]
    return tuple(sorted(several, key=order))


def alike(fault: AuditFault | RepeatedFault) -> object:
    """A key that two faults share if they are reported as one."""
    services = (fault.services if isinstance(fault, AuditFault) else fault.vpcs[0].services,)
    ids = (fault.code, fault.title, fault.severity, fault.certain, fault.counts, fault.suppressed, fault.ports)
    return (*ids, *(services if fault.code in _OF_SERVICE else ()))


def _repeated(rows: Sequence[tuple[AuditedVpc, AuditFault]]) -> RepeatedFault:
    _, first = rows[0]
    return RepeatedFault(
        code=first.code,
        name=first.name,
        title=first.title,
        severity=first.severity,
        certain=first.certain,
        counts=first.counts,
        suppressed=first.suppressed,
        ports=first.ports,
        vpcs=tuple(
            RepeatedIn(
                region=vpc.region,
                account_id=vpc.account_id,
                vpc_id=vpc.vpc_id,
                services=fault.services,
                subjects=fault.subjects,
                detail=fault.detail,
            )
            for vpc, fault in rows
        ),
        fix=first.fix,
    )
