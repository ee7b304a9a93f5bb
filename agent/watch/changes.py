"""What changed, and not what a moment was like: findings and the verdict of many cycles as a state.

A finding is raised when it was there in so many cycles one after another, and cleared when it was gone in so many; its
severity and the verdict follow in the same way. What comes and goes is flapping: it is said once, and again when it has
settled. A cycle that could not look again says nothing: it neither raises nor clears. Pure: no clock, no input or
output; time is what the reports say.
"""

import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.catalog.findings import Scope, Severity
from agent.report.model import Finding, Report, Status
from probes.model import ELSEWHERE, Failed, Observation, Ok, Skipped, Step

WINDOW: Final = 21
"""Cycles that are looked back on."""
FLAPS_FROM: Final = 20.0
SETTLES_BELOW: Final = 5.0
"""Percent of the window in which the state changed. Window, weights and both bounds are those that Nagios has for
services (Nagios Core documentation, Detection and Handling of State Flapping)."""
_WEIGHTS: Final = (0.75, 1.25)
"""Of the oldest and of the newest change."""
_NAMESPACE: Final = uuid.UUID("7f0f9a0e-6f0e-5d53-9b9e-0d5a5f0a3c11")
_COUNTS: Final = frozenset({Severity.CRITICAL, Severity.WARNING})
_READS: Final = frozenset({Step.EC2, Step.HOST, Step.IMDS})
"""Steps that read what is set: one that fails shows nothing of it, whereas a failed connect shows the path."""
_SIGNED: Final = frozenset({Step.CREDENTIALS, Step.API})
_ORDER: Final = (Step.EC2, *(each for each in Step if each is not Step.EC2))
"""Of steps, by which a later one proves more of the path; what EC2 says proves nothing of it."""


class Kind(StrEnum):
    """What happened to a finding, or to the verdict."""

    RAISED = "raised"
    CLEARED = "cleared"
    EXPLAINED = "explained"
    """Its cause is known now, and stands for it."""
    WORSE = "worse"
    BETTER = "better"
    """A raised finding has another severity."""
    FLAPPING = "flapping"
    SETTLED = "settled"
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One change of state, with the run that proves it."""

    id: str
    """The same for the same change, however often it is told."""
    kind: Kind
    at: datetime
    """End of the run that proves it."""
    run_id: str
    since: datetime
    """Begin of the state that it is about: of the fault that is raised or has been cleared, of the verdict before."""
    seconds: float
    """From then until `at`."""
    cycles: int
    """How many there have been so far."""
    status: Status
    """The verdict of the run."""
    before: Status | None
    """Of a change of the verdict: what it was; None for the first."""
    finding: Finding | None
    """None for a change of the verdict. Of one that is gone, as it was seen last."""
    stands: bool
    """Whether the finding stands raised from now on."""
    summary: str
    """The verdict of the run in one sentence."""


@dataclass(slots=True)
class _Seen:
    """What was seen in each cycle of the window, None for nothing, and whether that comes and goes."""

    states: deque[Severity | Status | None] = field(default_factory=lambda: deque(maxlen=WINDOW))
    flapping: bool = False

    def turn(self, state: Severity | Status | None) -> Kind | None:
        """Add one, and give what that began or ended."""
        self.states.append(state)
        share = share_of_changes(self.states)
        if not self.flapping and share >= FLAPS_FROM:
            self.flapping = True
            return Kind.FLAPPING
        if self.flapping and share < SETTLES_BELOW:
            self.flapping = False
            return Kind.SETTLED
        return None


@dataclass(slots=True)
class _Known:
    """A finding of one id, over the cycles."""

    finding: Finding
    severity: Severity
    """The one that stands."""
    since: datetime
    """Since when it has been there, or has been raised."""
    seen: _Seen = field(default_factory=_Seen)
    present: int = 0
    absent: int = 0
    other: int = 0
    """Cycles in a row; the last of them with another severity than the one that stands."""
    raised: bool = False
    looks: tuple[Observation[object], ...] = ()
    """Those that showed it last."""


class Tracker:
    """The state over the cycles of one watch."""

    def __init__(self, *, raise_after: int, clear_after: int) -> None:
        self.raise_after = raise_after
        self.clear_after = clear_after
        self.cycles = 0
        self.status: Status | None = None
        """The verdict that stands; None before the first cycle."""
        self.status_since: datetime | None = None
        self.told: Counter[Kind] = Counter()
        """How many changes of each kind there were."""
        self._known: dict[str, _Known] = {}
        self._statuses = _Seen()
        self._other: Status | None = None
        """What the verdict was instead, the last time; `_other_cycles` in a row it was ok, or in a row a fault."""
        self._other_cycles = 0

    @property
    def raised(self) -> tuple[Finding, ...]:
        """The findings that stand raised, as they were seen last, by id."""
        return tuple(known.finding for _, known in sorted(self._known.items()) if known.raised)

    @property
    def flapping(self) -> tuple[Finding, ...]:
        """The findings that come and go, by id."""
        return tuple(known.finding for _, known in sorted(self._known.items()) if known.seen.flapping)

    @property
    def is_verdict_flapping(self) -> bool:
        """Whether the verdict changes again and again."""
        return self._statuses.flapping

    def fold(self, report: Report) -> tuple[StateChange, ...]:
        """Take in one complete cycle, and give what it changed, the verdict first."""
        self.cycles += 1
        changes = (*self._verdict(report), *self._findings(report))
        self.told.update(change.kind for change in changes)
        return changes

    def _verdict(self, report: Report) -> Iterator[StateChange]:
        now, at = report.verdict.status, report.run.finished_at
        turned = self._statuses.turn(now)
        before, since = self.status, self.status_since
        if before is None or since is None:
            self.status, self.status_since = now, at
            yield self._change(Kind.VERDICT, report, since=report.run.started_at)
            return
        if now is before:
            self._other, self._other_cycles = None, 0
        else:
            # One fault in place of another is still none of what stands.
            same = self._other is not None and (now is Status.OK) is (self._other is Status.OK)
            self._other, self._other_cycles = now, self._other_cycles + 1 if same else 1
        moved = self._other_cycles >= (self.clear_after if now is Status.OK else self.raise_after)
        if moved:
            self.status, self.status_since = now, at
            self._other, self._other_cycles = None, 0
        if turned is not None or (moved and not self._statuses.flapping):
            yield self._change(turned or Kind.VERDICT, report, since=since, before=before)

    def _findings(self, report: Report) -> Iterator[StateChange]:
        there = {finding.id: finding for finding in report.findings if not finding.suppressed}
        causes = {each.id: each for each in there.values() if each.explained_by is None and each.severity in _COUNTS}
        again = {each.id: each for each in report.observations}
        for key in sorted({*self._known, *causes}):
            if key not in self._known:
                cause = causes[key]
                known = self._known[key] = _Known(cause, cause.severity, report.run.started_at)
                known.seen.states.extend([None] * (self.cycles > 1))  # the cycle before had none of it
            known = self._known[key]
            if key in causes:
                known.looks = tuple(again[each] for each in causes[key].evidence if each in again)
                yield from self._present(known, causes[key], report)
            elif key in there and there[key].explained_by is not None:
                known.finding = there[key]
                yield from self._explained(known, report)
            elif key in there:  # it is information by now, and stands for nothing
                known.finding = there[key]
                yield from self._absent(known, Kind.BETTER, report)
            elif _looked_again(known, report):
                yield from self._absent(known, Kind.CLEARED, report)
            if not known.raised and not any(known.seen.states):
                del self._known[key]

    def _present(self, known: _Known, finding: Finding, report: Report) -> Iterator[StateChange]:
        if known.present == 0 and not known.raised:
            known.since = report.run.started_at
        known.present, known.absent = known.present + 1, 0
        known.finding = finding
        kind: Kind | None = None
        if not known.raised:
            known.other = 0
            if known.present >= self.raise_after:
                kind, known.raised, known.severity = Kind.RAISED, True, finding.severity
        elif finding.severity is known.severity:
            known.other = 0
        else:
            known.other += 1
            worse = finding.severity is Severity.CRITICAL
            if known.other >= (self.raise_after if worse else self.clear_after):
                kind, known.severity, known.other = Kind.WORSE if worse else Kind.BETTER, finding.severity, 0
        yield from self._said(known, kind, finding.severity, report)

    def _explained(self, known: _Known, report: Report) -> Iterator[StateChange]:
        """It is there, and something else stands for it."""
        known.present = known.absent = known.other = 0
        kind = Kind.EXPLAINED if known.raised else None
        known.raised = False
        yield from self._said(known, kind, None, report)

    def _absent(self, known: _Known, kind: Kind, report: Report) -> Iterator[StateChange]:
        known.present, known.absent, known.other = 0, known.absent + 1, 0
        gone = known.raised and known.absent >= self.clear_after
        known.raised = known.raised and not gone
        yield from self._said(known, kind if gone else None, None, report)

    def _said(self, known: _Known, kind: Kind | None, state: Severity | None, report: Report) -> Iterator[StateChange]:
        """The change that a cycle made of a finding, unless it comes and goes: then that is said, once."""
        turned = known.seen.turn(state)
        if turned is not None:
            yield self._change(turned, report, known)
        elif kind is not None and not known.seen.flapping:
            yield self._change(kind, report, known)

    def _change(
        self,
        kind: Kind,
        report: Report,
        known: _Known | None = None,
        *,
        since: datetime | None = None,
        before: Status | None = None,
    ) -> StateChange:
        at = report.run.finished_at
        begun = since or (known.since if known is not None else at)
        finding = None if known is None else known.finding
        about = "verdict" if finding is None else finding.id
        return StateChange(
            id=str(uuid.uuid5(_NAMESPACE, f"{report.run.id}/{at.isoformat()}/{kind}/{about}")),
            kind=kind,
            at=at,
            run_id=report.run.id,
            since=begun,
            seconds=max((at - begun).total_seconds(), 0.0),
            cycles=self.cycles,
            status=report.verdict.status,
            before=before,
            finding=finding,
            stands=known is not None and known.raised,
            summary=report.verdict.summary,
        )


def share_of_changes(seen: Sequence[object]) -> float:
    """Percent of the window in which what was seen differs from the cycle before, newer changes weighing more."""
    states = list(seen)
    oldest, newest = _WEIGHTS
    step = (newest - oldest) / (WINDOW - 2)
    first = WINDOW - len(states)  # a window that is not full yet lacks its oldest places
    weighed = sum(
        oldest + (first + place - 1) * step for place in range(1, len(states)) if states[place] is not states[place - 1]
    )
    return 100.0 * weighed / (WINDOW - 1)


def _looked_again(known: _Known, report: Report) -> bool:
    """Whether a run without a finding says that it is gone: what showed it was looked at again, or need not be."""
    if not report.run.complete:
        return False
    if not known.looks:  # it was about the run itself
        return True
    again = {each.id: each for each in report.observations}
    # What leads to a look is no proof without it: a name that resolves says nothing of ports that are not tried.
    deepest = max((each.subject.step for each in known.looks), key=_ORDER.index)
    if deepest in _SIGNED and not report.run.signed_calls:  # the settings are others by now
        return True
    before = [each for each in known.looks if each.subject.step is deepest]
    looks = [(each, again[each.id]) for each in before if each.id in again]
    if any(_made(was, now) for was, now in looks):
        return True
    if any(isinstance(now.outcome, Skipped) and now.outcome.reason == ELSEWHERE for _, now in looks):
        return False  # its turn comes in another cycle
    if _is_well(known.finding, report):
        return True
    if looks:
        return False
    # The name may have other addresses now, which were looked at in the same way.
    about = {(each.subject.step, each.subject.target) for each in before}
    return any(
        (each.subject.step, each.subject.target) in about and _made(before[0], each) for each in report.observations
    )


def _made(was: Observation[object], now: Observation[object]) -> bool:
    """Whether a look was made again, so that it could have shown what it showed before."""
    if now.subject.step in _READS and isinstance(was.outcome, Ok):
        return isinstance(now.outcome, Ok)
    return isinstance(now.outcome, Ok | Failed)


def _is_well(finding: Finding, report: Report) -> bool:
    """Whether what a finding is about is proven to be well, or is not used at all any more: then nobody looks again. So
    the configuration is not read while nothing is wrong."""
    if finding.scope is Scope.TARGET:
        status = next((each.status for each in report.targets if each.id == finding.target), Status.NOT_IN_USE)
        return status in (Status.OK, Status.NOT_IN_USE)
    return not report.run.ec2_reads and report.verdict.status is Status.OK
