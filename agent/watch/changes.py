"""What changed, and not what a moment was like: findings and the verdict of many cycles as a state.

A finding is raised when it was there in so many cycles one after another, and cleared when it was gone in so many. One
that comes and goes is flapping: it is said once, and again when it has settled. A cycle that could not look again says
nothing: it neither raises nor clears. Pure: no clock, no input or output; time is what the reports say.
"""

import uuid
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.codes import Severity
from agent.report import Finding, Report, Status
from probes.model import Skipped

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
class Change:
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
class _Known:
    """A finding of one id, over the cycles."""

    finding: Finding
    since: datetime
    """Since when it has been there, or has been raised."""
    seen: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    present: int = 0
    absent: int = 0
    """Cycles in a row."""
    raised: bool = False
    flapping: bool = False


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
        self._other: Status | None = None
        """What the verdict has been instead for the last `_other_cycles`."""
        self._other_cycles = 0

    @property
    def raised(self) -> tuple[Finding, ...]:
        """The findings that stand raised, as they were seen last, by id."""
        return tuple(known.finding for _, known in sorted(self._known.items()) if known.raised)

    @property
    def flapping(self) -> tuple[Finding, ...]:
        """The findings that come and go, by id."""
        return tuple(known.finding for _, known in sorted(self._known.items()) if known.flapping)

    def fold(self, report: Report) -> tuple[Change, ...]:
        """Take in one complete cycle, and give what it changed, the verdict first."""
        self.cycles += 1
        changes = (*self._verdict(report), *self._findings(report))
        self.told.update(change.kind for change in changes)
        return changes

    def _verdict(self, report: Report) -> Iterator[Change]:
        now, at = report.verdict.status, report.run.finished_at
        if self.status is None:
            self.status, self.status_since = now, at
            yield self._change(Kind.VERDICT, report, since=report.run.started_at)
            return
        if now is self.status:
            self._other, self._other_cycles = None, 0
            return
        self._other_cycles = self._other_cycles + 1 if now is self._other else 1
        self._other = now
        if self._other_cycles >= (self.clear_after if now is Status.OK else self.raise_after):
            before, since = self.status, self.status_since
            self.status, self.status_since = now, at
            self._other, self._other_cycles = None, 0
            yield self._change(Kind.VERDICT, report, since=since or at, before=before)

    def _findings(self, report: Report) -> Iterator[Change]:
        there = {finding.id: finding for finding in report.findings if not finding.suppressed}
        causes = {each.id: each for each in there.values() if each.explained_by is None and each.severity in _COUNTS}
        for key in sorted({*self._known, *causes}):
            if key not in self._known:
                self._known[key] = _Known(finding=causes[key], since=report.run.started_at)
                self._known[key].seen.extend([False] * (self.cycles > 1))  # the cycle before had none of it
            known = self._known[key]
            if key in causes:
                yield from self._present(known, causes[key], report)
            elif key in there:
                yield from self._no_cause(known, there[key], report)
            elif _looked_again(known.finding, report):
                yield from self._absent(known, report)
            if not known.raised and not any(known.seen):
                del self._known[key]

    def _present(self, known: _Known, finding: Finding, report: Report) -> Iterator[Change]:
        if known.present == 0 and not known.raised:
            known.since = report.run.started_at
        known.present, known.absent = known.present + 1, 0
        known.seen.append(True)
        severity, known.finding = known.finding.severity, finding
        was, known.raised = known.raised, known.raised or known.present >= self.raise_after
        yield from self._flaps(known, report)
        if known.flapping:
            return
        if known.raised and not was:
            yield self._change(Kind.RAISED, report, known)
        elif was and finding.severity is not severity:
            kind = Kind.WORSE if finding.severity is Severity.CRITICAL else Kind.BETTER
            yield self._change(kind, report, known)

    def _no_cause(self, known: _Known, finding: Finding, report: Report) -> Iterator[Change]:
        """It is there, and something else explains it, or it is information by now: it stands for nothing itself."""
        known.seen.append(False)
        known.present = known.absent = 0
        was, known.raised = known.raised, False
        known.finding = finding
        yield from self._flaps(known, report)
        if was and not known.flapping:
            yield self._change(Kind.EXPLAINED if finding.explained_by else Kind.BETTER, report, known)

    def _absent(self, known: _Known, report: Report) -> Iterator[Change]:
        known.present, known.absent = 0, known.absent + 1
        known.seen.append(False)
        was, known.raised = known.raised, known.raised and known.absent < self.clear_after
        yield from self._flaps(known, report)
        if was and not known.raised and not known.flapping:
            yield self._change(Kind.CLEARED, report, known)

    def _flaps(self, known: _Known, report: Report) -> Iterator[Change]:
        share = share_of_changes(known.seen)
        if not known.flapping and share >= FLAPS_FROM:
            known.flapping = True
            yield self._change(Kind.FLAPPING, report, known)
        elif known.flapping and share < SETTLES_BELOW:
            known.flapping = False
            yield self._change(Kind.SETTLED, report, known)

    def _change(
        self,
        kind: Kind,
        report: Report,
        known: _Known | None = None,
        *,
        since: datetime | None = None,
        before: Status | None = None,
    ) -> Change:
        at = report.run.finished_at
        begun = since or (known.since if known is not None else at)
        finding = None if known is None else known.finding
        about = "verdict" if finding is None else finding.id
        return Change(
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


def share_of_changes(seen: deque[bool]) -> float:
    """Percent of the window in which what was seen differs from the cycle before, newer changes weighing more."""
    states = list(seen)
    oldest, newest = _WEIGHTS
    step = (newest - oldest) / (WINDOW - 2)
    first = WINDOW - len(states)  # a window that is not full yet lacks its oldest places
    weighed = sum(
        oldest + (first + place - 1) * step for place in range(1, len(states)) if states[place] is not states[place - 1]
    )
    return 100.0 * weighed / (WINDOW - 1)


def _looked_again(finding: Finding, report: Report) -> bool:
    """Whether a run without a finding says that it is gone: one of the looks that showed it was made again, or none of
    them is there any more, as where the name has other addresses."""
    if not report.run.complete:
        return False
    again = {each.id: each for each in report.observations}
    looks = [again[each] for each in finding.evidence if each in again]
    return not looks or any(not isinstance(each.outcome, Skipped) for each in looks)
