"""What changed between two reports: target by target, step by step, findings that came and went. Pure.

The reports may be of two runs on one host, or of two hosts: what they have in common is compared, the rest has come or
gone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from agent.catalog.findings import Severity
from agent.report.hops import Reachability
from agent.report.model import Access, ConfiguredPath, Finding, Path, Report, Status, TargetReport
from probes.model import Address, Failed, Observation, Role, Skipped

SCHEMA: Final = "backuplink.diff.v1"
T = TypeVar("T")


class ChangeKind(StrEnum):
    """What became of a thing."""

    CAME = "came"
    WENT = "went"
    CHANGED = "changed"


class NotComparableError(Exception):
    """Two reports of which the one says nothing about what the other is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two reports."""

    run_id: str
    started_at: datetime
    instance_id: str | None
    status: Status
    path: Path
    access: Access
    summary: str


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """A value in the old report and in the new one; None where it is not there."""

    old: T | None
    new: T | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChange:
    """A target that is not what it was."""

    id: str
    change: ChangeKind
    role: Pair[Role]
    status: Pair[Status]
    path: Pair[Path]
    access: Pair[Access]
    addresses_came: tuple[Address, ...]
    addresses_went: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """How a look ended."""

    status: str
    """`ok`, `failed` or `skipped`."""
    kind: str | None
    """Of a failure."""
    message: str | None
    """Of a failure, or why the look was not made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """A look that ended otherwise, or that only one of the runs has."""

    id: str
    change: ChangeKind
    target: str | None
    address: Address | None
    old: StepState | None
    new: StepState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """A finding that came, went, is no longer as bad as it was, or counts otherwise."""

    id: str
    change: ChangeKind
    title: str
    severity: Pair[Severity]
    counts: Pair[bool]
    """Whether it is a cause that may raise the verdict and is not suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """A port of an address of which the configuration says something else than it did, or fits the measurement
    otherwise. Only those that both reports have: what came and went is among the targets."""

    id: str
    target: str
    address: Address
    port: int
    predicted: Pair[Reachability]
    decided_by: Pair[str]
    """The hop that decides and its ids; None where all let it pass, and so no single one does."""
    agrees: Pair[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that changed."""

    schema: str
    old: Side
    new: Side
    worse: Status
    """How bad the worst of what is new is: `ok` where nothing got worse."""
    targets: tuple[TargetChange, ...]
    steps: tuple[StepChange, ...]
    findings: tuple[FindingChange, ...]
    paths: tuple[PathChange, ...]


def difference(old: Report, new: Report) -> Difference:
    """What changed from `old` to `new`. Raises NotComparableError where no target is in both, and of a redacted one."""
    for word, report in (("old", old), ("new", new)):
        if report.run.redacted:
            # The same mask stands for one thing here and for another there.
            raise NotComparableError(
                f"the {word} report was redacted: its addresses and names are stand-ins, "
                "so that it can be compared with no other"
            )
    if not {each.id for each in old.targets} & {each.id for each in new.targets}:
        raise NotComparableError(
            f"the reports have no target in common: {_listed(old)} in the old one, {_listed(new)} in the new one"
        )
    findings = _changes(old.findings, new.findings, _finding)
    targets = _changes(old.targets, new.targets, _target)
    return Difference(
        schema=SCHEMA,
        old=_side(old),
        new=_side(new),
        worse=_worse(targets, findings),
        targets=targets,
        steps=_changes(old.observations, new.observations, _step),
        findings=findings,
        paths=_paths(old, new),
    )


def _listed(report: Report) -> str:
    return ", ".join(sorted(each.id for each in report.targets)) or "none"


def _side(report: Report) -> Side:
    return Side(
        run_id=report.run.id,
        started_at=report.run.started_at,
        instance_id=report.vantage.instance_id,
        status=report.verdict.status,
        path=report.verdict.path,
        access=report.verdict.access,
        summary=report.verdict.summary,
    )


def _changes(
    old: Iterable[Any], new: Iterable[Any], compare: Callable[[str, ChangeKind, Any, Any], Any]
) -> tuple[Any, ...]:
    """A row for each id of which the two differ, by id; `compare` gives None where they do not."""
    before, after = {each.id: each for each in old}, {each.id: each for each in new}
    rows = []
    for name in sorted({*before, *after}):
        change = ChangeKind.CAME if name not in before else ChangeKind.WENT if name not in after else ChangeKind.CHANGED
        row = compare(name, change, before.get(name), after.get(name))
        if row is not None:
            rows.append(row)
    return tuple(rows)


def _target(name: str, change: ChangeKind, old: TargetReport | None, new: TargetReport | None) -> TargetChange | None:
    before, after = (frozenset(one.address for one in each.addresses) if each else frozenset() for each in (old, new))
    row = TargetChange(
        id=name,
        change=change,
        role=Pair(old.role if old else None, new.role if new else None),
        status=Pair(old.status if old else None, new.status if new else None),
        path=Pair(old.path if old else None, new.path if new else None),
        access=Pair(old.access if old else None, new.access if new else None),
        addresses_came=_ordered(after - before),
        addresses_went=_ordered(before - after),
    )
    same = before == after and all(pair.old == pair.new for pair in (row.role, row.status, row.path, row.access))
    return None if same else row


def _ordered(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(addresses, key=lambda each: (each.version, int(each), str(each))))


def _step(
    name: str, change: ChangeKind, old: Observation[Any] | None, new: Observation[Any] | None
) -> StepChange | None:
    there = new or old
    before, after = _state(old), _state(new)
    same = before is not None and after is not None and (before.status, before.kind) == (after.status, after.kind)
    if there is None or same:
        return None
    about = there.subject
    return StepChange(id=name, change=change, target=about.target, address=about.address, old=before, new=after)


def _state(observation: Observation[Any] | None) -> StepState | None:
    if observation is None:
        return None
    match observation.outcome:
        case Failed(failure=failure):
            return StepState(status="failed", kind=failure.kind, message=failure.message)
        case Skipped(reason=reason):
            return StepState(status="skipped", kind=None, message=reason)
    return StepState(status="ok", kind=None, message=None)


def _finding(name: str, change: ChangeKind, old: Finding | None, new: Finding | None) -> FindingChange | None:
    there = new or old
    severity = Pair(old.severity if old else None, new.severity if new else None)
    counts = Pair(_counts(old) if old else None, _counts(new) if new else None)
    if there is None or (severity.old is severity.new and counts.old is counts.new):
        return None
    return FindingChange(id=name, change=change, title=there.title, severity=severity, counts=counts)


def _paths(old: Report, new: Report) -> tuple[PathChange, ...]:
    before, after = ({(each.target, each.address, each.port): each for each in one.paths} for one in (old, new))
    rows = []
    for key, then in before.items():
        now = after.get(key)
        if now is None:
            continue
        row = PathChange(
            id=f"{then.target}/{then.address}/{then.port}",
            target=then.target,
            address=then.address,
            port=then.port,
            predicted=Pair(then.predicted, now.predicted),
            decided_by=Pair(_decider(then), _decider(now)),
            agrees=Pair(then.agrees, now.agrees),
        )
        if any(pair.old != pair.new for pair in (row.predicted, row.decided_by, row.agrees)):
            rows.append(row)
    return tuple(sorted(rows, key=lambda each: (each.target, each.address.version, int(each.address), each.port)))


def _decider(path: ConfiguredPath) -> str | None:
    """The first hop that does to the packet what becomes of it, where that is not to pass."""
    if path.predicted is Reachability.OPEN:
        return None
    hop = next((each for each in path.hops if each.outcome is path.predicted), None)
    if hop is None:  # a report that somebody has written may say anything
        return None
    ids = " ".join((hop.stage, *hop.resources))
    return f"{ids} ({hop.rule})" if hop.rule is not None else ids


def _counts(finding: Finding) -> bool:
    return finding.counts and finding.explained_by is None and not finding.suppressed


_RANK: Final = {Status.OK: 0, Status.NOT_IN_USE: 0, Status.WARNING: 1, Status.UNKNOWN: 2, Status.CRITICAL: 3}
_OF_SEVERITY: Final = {
    Severity.CRITICAL: Status.CRITICAL,
    Severity.WARNING: Status.WARNING,
    Severity.INFO: Status.OK,
}


def _worse(targets: Iterable[TargetChange], findings: Iterable[FindingChange]) -> Status:
    """How bad the worst new cause is, or one that got worse; a required target that fell without one is a warning."""
    found = [_OF_SEVERITY[each.severity.new] for each in findings if each.severity.new and _got_worse(each)]
    found += [Status.WARNING for each in targets if each.role.new is Role.REQUIRED and _fell(each.status)]
    return max(found, key=_RANK.__getitem__, default=Status.OK)


def _got_worse(row: FindingChange) -> bool:
    """Whether a cause is new, one that was only a symptom or suppressed included, or worse than it was."""
    old, new = row.severity.old, row.severity.new
    if not row.counts.new or new is None:
        return False
    return not row.counts.old or old is None or new.rank < old.rank


def _fell(status: Pair[Status]) -> bool:
    return status.new is not None and _RANK[status.new] > _RANK[status.old or Status.OK]
