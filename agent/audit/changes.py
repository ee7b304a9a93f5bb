"""Changes between two audits: for each VPC and code, the faults that are new, gone or different.

A VPC that was not read this time has no changes, and a fault may still exist if a part of its VPC was not read. The
faults of a VPC that did not answer are kept, so that they are not new when it answers again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.audit.model import (
    AuditChange,
    AuditChanges,
    AuditDocument,
    AuditedVpc,
    AuditFault,
    AuditTurn,
    Known,
    UnreadVpc,
)
from agent.audit.overview import order
from agent.catalog.findings import Severity
from agent.catalog.wording import listed, listed_briefly
from agent.catalog.workloads import SIGNS
from agent.report.model import Status

_TURNS: Final = tuple(AuditTurn)
_MAY_BE_THERE: Final = "it may still be there: parts of the VPC were not read, or are not known"
Place = tuple[str | None, str, str]
"""Account, Region and id of a VPC. The account is part of the key, because the owner and the participants of a shared
VPC see different data."""


def changes_since(before: AuditDocument, now: AuditDocument) -> AuditChanges:
    """The changes since an earlier audit of the same accounts. `before` has VPCs that are `comparable`."""
    then = {_place(vpc): vpc for vpc in comparable(before)}
    today = {_place(vpc): vpc for vpc in now.vpcs}
    found = [change for place, vpc in today.items() for change in _of_vpc(then.get(place), vpc)]
    found.sort(key=_order)
    asked = [(one.workloads, one.asked_services, one.review) for one in (before, now)]
    return AuditChanges(
        taken_at=max(vpc.taken_at for vpc in before.vpcs or then.values()),
        alike=asked[0] == asked[1],
        changes=tuple(found),
        unread=tuple(_unread(vpc, now) for place, vpc in then.items() if place not in today),
        first_read=tuple(vpc.vpc_id for place, vpc in today.items() if place not in then),
    )


def comparable(audit: AuditDocument) -> tuple[AuditedVpc, ...]:
    """The VPCs with which a later audit is compared: also those that did not answer, as they were when they last
    answered."""
    kept = () if audit.changes is None else (one.last for one in audit.changes.unread if one.last is not None)
    return (*kept, *audit.vpcs)


def _order(change: AuditChange) -> tuple[object, ...]:
    ranks = [severity.rank for severity in (change.severity, change.severity_before) if severity is not None]
    return _TURNS.index(change.turn), not change.counts, ranks[0]


def _place(vpc: AuditedVpc) -> Place:
    return vpc.account_id, vpc.region, vpc.vpc_id


def _unread(vpc: AuditedVpc, now: AuditDocument) -> UnreadVpc:
    """A VPC that the earlier audit has and this audit does not, and the reason."""
    reasons = [
        one.reason
        for one in now.unanswered
        if one.account_id in (None, vpc.account_id)
        and one.region in (None, vpc.region)
        and one.vpc_id in (None, vpc.vpc_id)
    ]
    return UnreadVpc(
        region=vpc.region,
        account_id=vpc.account_id,
        vpc_id=vpc.vpc_id,
        reason=reasons[0] if reasons else "it is not among the VPCs that were read",
        last=vpc if reasons else None,
    )


def _of_vpc(before: AuditedVpc | None, now: AuditedVpc) -> Iterator[AuditChange]:
    then, today = _by_code(() if before is None else before.faults), _by_code(now.faults)
    known = _by_code(now.faults, suppressed=True)
    if before is not None:
        yield from _no_longer_judged(before, now)
    untold = {service for fault in now.faults if not fault.certain for service in fault.services}
    for key in dict.fromkeys((*today, *then)):
        old, new = then.get(key, []), today.get(key, [])
        if not old:
            yield _change(AuditTurn.NEW, now, new, new, old, "")
        elif not new:
            if known.get(key):
                continue  # it is still there, but it is suppressed now
            is_unseen = bool(now.not_read) or not untold.isdisjoint(_all(fault.services for fault in old))
            turn = AuditTurn.UNSEEN if is_unseen else AuditTurn.GONE
            yield _change(turn, now, old, new, old, _MAY_BE_THERE if is_unseen else "")
        elif words := "; ".join(_differences(old, new)):
            yield _change(AuditTurn.CHANGED, now, new, new, old, words)


def _no_longer_judged(before: AuditedVpc, now: AuditedVpc) -> Iterator[AuditChange]:
    """A change for each workload whose signs are gone. Without it, nothing would be said of a VPC in which somebody
    deletes the endpoint of a workload, since such a VPC has no faults."""
    there = {endpoint.service for endpoint in now.endpoints}
    today = {workload.workload: workload for workload in now.workloads}
    for workload in before.workloads:
        went = [one for one in before.endpoints if one.service in SIGNS[workload.workload] - there]
        present = today.get(workload.workload)
        if workload.by is None or not went or present is None or present.by is not None:
            continue
        if present.private is Known.YES:  # it uses an endpoint of another VPC instead
            continue
        is_unseen = bool(now.not_read) and not now.endpoints
        services = _all((one.service,) for one in went)
        yield AuditChange(
            turn=AuditTurn.UNSEEN if is_unseen else AuditTurn.NEW,
            region=now.region,
            account_id=now.account_id,
            vpc_id=now.vpc_id,
            code=None,
            title=f"No endpoint of {listed(services)} was found, so the VPC is no longer judged for "
            f"{workload.workload}",
            severity=Severity.WARNING if present.private is Known.NO else Severity.INFO,
            severity_before=None,
            counts=True,
            services=services,
            subjects=_all((one.endpoint_id,) for one in went),
            words=_MAY_BE_THERE if is_unseen else "",
        )


def _by_code(faults: Iterable[AuditFault], *, suppressed: bool = False) -> Mapping[str, list[AuditFault]]:
    """The faults that are not suppressed, or only those that are, by their code, or by their title if they have no
    code."""
    found: dict[str, list[AuditFault]] = {}
    for fault in sorted(faults, key=order):
        if fault.suppressed is suppressed:
            found.setdefault(fault.code or fault.title, []).append(fault)
    return found


def _change(
    turn: AuditTurn,
    vpc: AuditedVpc,
    told: Sequence[AuditFault],
    new: Sequence[AuditFault],
    old: Sequence[AuditFault],
    words: str,
) -> AuditChange:
    first = told[0]
    return AuditChange(
        turn=turn,
        region=vpc.region,
        account_id=vpc.account_id,
        vpc_id=vpc.vpc_id,
        code=first.code,
        title=first.title,
        severity=new[0].severity if new else None,
        severity_before=old[0].severity if old else None,
        counts=first.counts,
        services=_all(fault.services for fault in told),
        subjects=_all(fault.subjects for fault in told),
        words=words,
    )


def _all(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for part in parts for one in part))


def _differences(old: Sequence[AuditFault], new: Sequence[AuditFault]) -> Iterator[str]:
    """The differences between the faults of one code, in words."""
    then, today = _worst(old), _worst(new)
    if then != today:
        yield f"now {today}, before {then}"
    if old[0].counts is not new[0].counts:
        yield "it counts now" if new[0].counts else "it does not count any more"
    for what, before, now in (
        ("service", _all(one.services for one in old), _all(one.services for one in new)),
        ("port", _ports(old), _ports(new)),
        ("subject", _all(one.subjects for one in old), _all(one.subjects for one in new)),
    ):
        came = [one for one in now if one not in before]
        went = [one for one in before if one not in now]
        name = "" if what == "subject" else f"{what} "
        if came:
            yield f"also {name}{listed_briefly(came)}"
        if went:
            yield f"no longer {name}{listed_briefly(went)}"


def _worst(faults: Sequence[AuditFault]) -> str:
    first = faults[0]
    return first.severity.value if first.certain or first.severity is not Severity.CRITICAL else Status.UNKNOWN.value


def _ports(faults: Sequence[AuditFault]) -> tuple[str, ...]:
    return _all(map(str, fault.ports) for fault in faults)
