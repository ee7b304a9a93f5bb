"""Compare two reports: target by target, step by step, and the findings that came and went. Pure.

The reports may be of two runs on one host, or of two hosts. What is in both reports is compared; what is in only one of
them is listed as new or gone.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from agent.catalog.findings import Scope, Severity
from agent.report.hops import Reachability
from agent.report.model import Access, ConfiguredPath, Finding, Path, Report, Status, TargetReport
from probes.frozen import dataclass
from probes.model import Address, Failed, Observation, Role, Skipped, Step
from probes.operations import JOBS

SCHEMA: Final = "backuplink.diff.v1"
T = TypeVar("T")


class ChangeKind(StrEnum):
    """How something differs between the reports: it is only in the new one, only in the old one, or different in
    both."""

    CAME = "came"
    WENT = "went"
    CHANGED = "changed"


class Effect(StrEnum):
    """The effect of a finding's change on the path."""

    WORSE = "worse"
    """It counts, and it is new or worse than before."""
    FIXED = "fixed"
    """It counted and is gone, and the new report proved or disproved its target."""
    NONE = "none"


class NotComparableError(Exception):
    """The two reports have no target in common, or one of them was redacted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two reports."""

    name: str
    """The file, or the cycle of a history, from which the report was read."""
    run_id: str
    started_at: datetime
    instance_id: str | None
    status: Status
    path: Path
    access: Access
    summary: str


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """A value in the old report and in the new one; None if a report lacks it."""

    old: T | None
    new: T | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChange:
    """A target that differs between the reports."""

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
    """How a step ended."""

    status: str
    """`ok`, `failed` or `skipped`."""
    kind: str | None
    """The kind of the failure."""
    message: str | None
    """The message of the failure, or the reason for which the step was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """A step that ended differently, or that only one of the runs made."""

    id: str
    change: ChangeKind
    target: str | None
    address: Address | None
    old: StepState | None
    new: StepState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """A finding that came, went, changed its severity, or changed whether it counts."""

    id: str
    change: ChangeKind
    effect: Effect
    finding: Finding
    """The finding of the new report, or of the old one if the new one lacks it."""
    severity: Pair[Severity]
    counts: Pair[bool]
    """Whether it is a cause that may raise the verdict and is not suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """A port of an address for which the prediction changed, or whether it agrees with the measurement. Both reports
    have the address; addresses that came or went are listed with their targets."""

    id: str
    target: str
    address: Address
    port: int
    predicted: Pair[Reachability]
    decided_by: Pair[str]
    """The hop that decides, with its ids; None if all hops let the packet pass."""
    agrees: Pair[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All changes between two reports."""

    schema: str
    old: Side
    new: Side
    worse: Status
    """The severity of the worst change; `ok` if nothing got worse."""
    targets: tuple[TargetChange, ...]
    steps: tuple[StepChange, ...]
    findings: tuple[FindingChange, ...]
    paths: tuple[PathChange, ...]


def dumps(changes: Difference) -> str:
    """A difference as JSON text."""
    from agent.report.codec import dumps as dumps_json
    from agent.report.serialization import to_json

    return dumps_json(to_json(changes))


def schema() -> dict[str, Any]:
    """The JSON Schema of a difference (draft 2020-12)."""
    from agent.report.codec import schema_of
    from agent.report.refusal import with_refusal

    return with_refusal(schema_of(Difference, SCHEMA))


def difference(old: Report, new: Report, names: tuple[str, str] = ("old", "new")) -> Difference:
    """Return what changed from `old` to `new`; `names` are the names of the two. Raises NotComparableError if the
    reports have no target in common, or one of them was redacted."""
    for word, report in (("old", old), ("new", new)):
        if report.run.redacted:
            # The same mask stands for different values in the two reports.
            raise NotComparableError(
                f"the {word} report was redacted: its addresses and names are stand-ins, "
                "so it cannot be compared with another report"
            )
    if not {target.id for target in old.targets} & {target.id for target in new.targets}:
        raise NotComparableError(
            f"the reports have no target in common: {_listed(old)} in the old one, {_listed(new)} in the new one"
        )
    readings = _Readings(old, new)
    findings = _changes(old.findings, new.findings, readings.finding)
    targets = _changes(old.targets, new.targets, _target)
    return Difference(
        schema=SCHEMA,
        old=_side(names[0], old),
        new=_side(names[1], new),
        worse=_worse(targets, findings),
        targets=targets,
        steps=_changes(old.observations, new.observations, _step),
        findings=findings,
        paths=_paths(old, new),
    )


def _listed(report: Report) -> str:
    return ", ".join(sorted(target.id for target in report.targets)) or "none"


def _side(name: str, report: Report) -> Side:
    return Side(
        name=name,
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
    """Return a row for each id whose items differ between the two reports, sorted by id. `compare` returns None if the
    items are equal."""
    before, after = {entry.id: entry for entry in old}, {entry.id: entry for entry in new}
    rows = []
    for name in sorted({*before, *after}):
        change = ChangeKind.CAME if name not in before else ChangeKind.WENT if name not in after else ChangeKind.CHANGED
        row = compare(name, change, before.get(name), after.get(name))
        if row is not None:
            rows.append(row)
    return tuple(rows)


class _Readings:
    """Tell which parts of the configuration and of the jobs each of two runs read. A part that only one run read does
    not count as a change, since a run reads it only on request or if something is wrong."""

    def __init__(self, old: Report, new: Report) -> None:
        self._old, self._new = old, new
        self._read = {
            id(report): {observation.id for observation in report.observations if observation.made}
            for report in (old, new)
        }

    def finding(self, name: str, change: ChangeKind, old: Finding | None, new: Finding | None) -> FindingChange | None:
        """Return the row of a finding; None if it is equal, or differs only because one report read less."""
        there = new or old
        if there is None or (old is None and self._is_unread(there, self._old)):
            return None
        if new is None and self._is_unread(there, self._new):
            return None
        severity = Pair(old.severity if old else None, new.severity if new else None)
        counts = Pair(
            self._counts(old, self._old, self._new) if old else None,
            self._counts(new, self._new, self._old) if new else None,
        )
        if severity.old is severity.new and counts.old is counts.new:
            return None
        if _got_worse(severity, counts):
            effect = Effect.WORSE
        else:
            effect = Effect.FIXED if new is None and counts.old and self._is_settled(there) else Effect.NONE
        return FindingChange(id=name, change=change, effect=effect, finding=there, severity=severity, counts=counts)

    def _is_settled(self, finding: Finding) -> bool:
        """Whether the new report examined the subject of the finding. Otherwise a missing finding does not mean that it
        is fixed."""
        if finding.scope is not Scope.TARGET:
            return self._new.verdict.status is not Status.UNKNOWN
        statuses = [target.status for target in self._new.targets if target.id == finding.target]
        return bool(statuses) and statuses[0] not in (Status.UNKNOWN, Status.NOT_IN_USE)

    def _is_unread(self, finding: Finding, other: Report) -> bool:
        """Return whether `other` may lack a finding only because its run did not read the finding's evidence. This is
        false, and the finding is really gone, if the target is well in `other` or, for a finding about jobs, if `other`
        could evaluate the rule."""
        if any(step.endswith(f"/{JOBS}") for step in finding.evidence):
            return any(row.code == finding.code for row in other.not_evaluated) or not other.run.jobs
        reads = {step for step in finding.evidence if step.startswith(f"{Step.EC2}/")}
        if not reads or reads <= self._read[id(other)]:
            return False
        if finding.severity is Severity.INFO:
            return True
        statuses = [target.status for target in other.targets if target.id == finding.target]
        status = statuses[0] if statuses else other.verdict.status
        return status not in (Status.OK, Status.NOT_IN_USE)

    def _counts(self, finding: Finding, own: Report, other: Report) -> bool:
        """Return whether a finding is a cause that counts. A finding whose cause the other run may not have read is
        also treated as a cause."""
        by_id = {cause.id: cause for cause in own.findings}
        cause = None if finding.explained_by is None else by_id.get(finding.explained_by)
        known = cause is None or cause.id in {named.id for named in other.findings}
        is_cause = finding.explained_by is None or (cause is not None and not known and self._is_unread(cause, other))
        return finding.counts and not finding.suppressed and is_cause


def _target(name: str, change: ChangeKind, old: TargetReport | None, new: TargetReport | None) -> TargetChange | None:
    before, after = (frozenset(one.address for one in side.addresses) if side else frozenset() for side in (old, new))
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
    return tuple(sorted(addresses, key=lambda address: (address.version, int(address), str(address))))


def _step(
    name: str, change: ChangeKind, old: Observation[Any] | None, new: Observation[Any] | None
) -> StepChange | None:
    there = new or old
    before, after = _state(old), _state(new)
    same = before is not None and after is not None and (before.status, before.kind) == (after.status, after.kind)
    if there is None or same:
        return None
    about = there.subject
    # Jobs are listed at only one address: the first at which the earlier steps succeed.
    is_choice = about.step is Step.EC2 or about.operation == JOBS
    if is_choice and not (old is not None and old.made and new is not None and new.made):
        return None
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


def _paths(old: Report, new: Report) -> tuple[PathChange, ...]:
    before, after = ({(path.target, path.address, path.port): path for path in one.paths} for one in (old, new))
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
    return tuple(sorted(rows, key=lambda path: (path.target, path.address.version, int(path.address), path.port)))


def _decider(path: ConfiguredPath) -> str | None:
    """Return the first hop that has the outcome of the whole path; None if all hops let the packet pass."""
    if path.predicted is Reachability.OPEN:
        return None
    hop = next((hop for hop in path.hops if hop.outcome is path.predicted), None)
    if hop is None:  # a report that was edited by hand may contain anything
        return None
    ids = " ".join((hop.stage, *hop.resources))
    return f"{ids} ({hop.rule})" if hop.rule is not None else ids


_RANK: Final = {Status.OK: 0, Status.NOT_IN_USE: 0, Status.WARNING: 1, Status.UNKNOWN: 2, Status.CRITICAL: 3}
_OF_SEVERITY: Final = {
    Severity.CRITICAL: Status.CRITICAL,
    Severity.WARNING: Status.WARNING,
    Severity.INFO: Status.OK,
}


def _worse(targets: Iterable[TargetChange], findings: Iterable[FindingChange]) -> Status:
    """Return the severity of the worst cause that is new or got worse. A required target whose status got worse without
    a cause counts as a warning."""
    statuses = [_OF_SEVERITY[change.finding.severity] for change in findings if change.effect is Effect.WORSE]
    statuses += [Status.WARNING for change in targets if change.role.new is Role.REQUIRED and _fell(change.status)]
    return max(statuses, key=_RANK.__getitem__, default=Status.OK)


def _got_worse(severity: Pair[Severity], counts: Pair[bool]) -> bool:
    """Return whether a cause is worse than before or new. A cause that was only a symptom or suppressed before is also
    new."""
    if not counts.new or severity.new in (None, Severity.INFO):
        return False
    return not counts.old or severity.old is None or severity.new.rank < severity.old.rank


def _fell(status: Pair[Status]) -> bool:
    return status.new is not None and _RANK[status.new] > _RANK[status.old or Status.OK]
