"""Find changes of state over many cycles: of findings, of the verdict, and of the services that are required.

A finding is raised when it was present in `raise_after` successive cycles, and cleared when it was absent in
`clear_after` successive cycles. Its severity, the verdict and the required services change in the same way. A state
that comes and goes is flapping, which is reported once; that it has settled is reported again. A cycle that could not
repeat a check changes nothing. Pure: no clock, no input or output; times come from the reports.
"""

import uuid
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from agent.catalog.findings import CODES, Layer, Scope, Severity
from agent.report.codec import decode_observation, encode_observation
from agent.report.model import Finding, Report, Status
from agent.report.serialization import DecodeError, from_json, to_json
from agent.watch.required import hides_workload, required_services, signs_of
from probes.frozen import dataclass
from probes.model import ELSEWHERE, Failed, Observation, Ok, Skipped, Step

STATE_VERSION: Final = 1
"""Version of the saved state. A state of another version is dropped."""
WINDOW: Final = 21
"""Number of cycles in which changes are counted."""
FLAPS_FROM: Final = 20.0
"""Percentage of changes in the window from which a state counts as flapping."""
SETTLES_BELOW: Final = 5.0
"""Percentage of changes in the window below which a flapping state counts as settled. The window, the weights and both
limits are those that Nagios uses for services (Nagios Core documentation, Detection and Handling of State Flapping)."""
_WEIGHTS: Final = (0.75, 1.25)
"""Weights of the oldest and of the newest change."""
_NAMESPACE: Final = uuid.UUID("7f0f9a0e-6f0e-5d53-9b9e-0d5a5f0a3c11")
_COUNTS: Final = frozenset({Severity.CRITICAL, Severity.WARNING})
_READS: Final = frozenset({Step.EC2, Step.HOST, Step.IMDS})
"""Steps that read configuration. If such a step fails, nothing is known about the configuration, whereas a failed
connect is a result about the path."""
_SIGNED: Final = frozenset({Step.CREDENTIALS, Step.API})
_ORDER: Final = (Step.EC2, *(step for step in Step if step is not Step.EC2))
"""Steps in such an order that each proves more of the path than the steps before it; EC2's answers prove nothing about
the path."""


class Kind(StrEnum):
    """The kind of change of a finding, of the verdict, or of services."""

    RAISED = "raised"
    CLEARED = "cleared"
    EXPLAINED = "explained"
    """The finding now has a cause, which is reported in its place."""
    WORSE = "worse"
    BETTER = "better"
    """A raised finding has another severity."""
    FLAPPING = "flapping"
    SETTLED = "settled"
    VERDICT = "verdict"
    REQUIRED = "required"
    NOT_REQUIRED = "not-required"
    """Services must be reachable from now on, or need not be reachable any longer: a workload or an option came or
    went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One change of state, with values from the run that proves it."""

    id: str
    """Id of the change. It stays the same when the change is sent again."""
    kind: Kind
    at: datetime
    """Time at which the run that proves it ended."""
    run_id: str
    since: datetime
    """Start of the state that changed: when the fault was first present, when the earlier verdict began, or since when
    the first service was required."""
    seconds: float
    """Seconds from `since` to `at`."""
    cycles: int
    """Number of cycles of the watch so far."""
    status: Status
    """The verdict of the run."""
    before: Status | None
    """The earlier verdict, if the verdict changed; None for the first verdict."""
    finding: Finding | None
    """The finding as it was last seen; None for a change of the verdict or of services."""
    stands: bool
    """Whether the finding is raised, or the services are required, from now on."""
    services: tuple[str, ...] = ()
    """The services that became required, or are no longer required; empty for a change of a finding or of the
    verdict."""
    required_by: tuple[str, ...] = ()
    """The workloads and options that require these services, or that last required them."""
    summary: str
    """The verdict of the run in one sentence."""


@dataclass(slots=True)
class _Window:
    """The state in every cycle of the window (None for absent), and whether it is flapping."""

    states: deque[Severity | Status | bool | None] = field(default_factory=lambda: deque(maxlen=WINDOW))
    flapping: bool = False

    def add(self, state: Severity | Status | bool | None) -> Kind | None:
        """Add the state of a cycle. Returns FLAPPING or SETTLED if flapping starts or ends with it."""
        self.states.append(state)
        share = share_of_changes(self.states)
        if not self.flapping and share >= FLAPS_FROM:
            self.flapping = True
            return Kind.FLAPPING
        if self.flapping and share < SETTLES_BELOW:
            self.flapping = False
            return Kind.SETTLED
        return None

    def saved(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"states": list(self.states), "flapping": self.flapping}

    @staticmethod
    def restored(saved: Any, kind: type[Severity] | type[Status] | type[bool]) -> "_Window":
        """Return the state from JSON values. Raises KeyError, TypeError and ValueError."""
        states = [None if state is None else kind(state) for state in saved["states"]]
        return _Window(deque(states, maxlen=WINDOW), from_json(bool, saved["flapping"]))


@dataclass(slots=True)
class _Tracked:
    """A finding with one id over the cycles."""

    finding: Finding
    severity: Severity
    """The severity that was reported last."""
    since: datetime
    """Since when it has been present; a raised finding keeps the time from which it was present when it was raised."""
    window: _Window = field(default_factory=_Window)
    present: int = 0
    absent: int = 0
    other: int = 0
    """Number of successive cycles in which it was present, absent, or present with a severity other than `severity`."""
    raised: bool = False
    observations: tuple[Observation[object], ...] = ()
    """The observations that last showed it."""

    def saved(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "finding": to_json(self.finding),
            "severity": self.severity,
            "since": self.since.isoformat(),
            "window": self.window.saved(),
            "present": self.present,
            "absent": self.absent,
            "other": self.other,
            "raised": self.raised,
            "observations": [encode_observation(observation) for observation in self.observations],
        }

    @staticmethod
    def restored(saved: Any) -> "_Tracked":
        """Return the state from JSON values. Raises DecodeError, KeyError, TypeError and ValueError."""
        return _Tracked(
            finding=from_json(Finding, saved["finding"]),
            severity=Severity(saved["severity"]),
            since=from_json(datetime, saved["since"]),
            window=_Window.restored(saved["window"], Severity),
            present=from_json(int, saved["present"]),
            absent=from_json(int, saved["absent"]),
            other=from_json(int, saved["other"]),
            raised=from_json(bool, saved["raised"]),
            observations=tuple(decode_observation(observation, "") for observation in saved["observations"]),
        )


@dataclass(slots=True)
class _Service:
    """The requirement of a service over the cycles."""

    is_required: bool
    """Whether it was last reported as required."""
    required_by: tuple[str, ...]
    since: datetime
    """Since when the service is required or, if it is no longer required, since when it was required last."""
    window: _Window = field(default_factory=_Window)
    other: int = 0
    """Number of successive cycles in which the requirement differed from `is_required`."""

    def saved(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "is_required": self.is_required,
            "required_by": list(self.required_by),
            "since": self.since.isoformat(),
            "window": self.window.saved(),
            "other": self.other,
        }

    @staticmethod
    def restored(saved: Any) -> "_Service":
        """Return the state from JSON values. Raises DecodeError, KeyError, TypeError and ValueError."""
        return _Service(
            is_required=from_json(bool, saved["is_required"]),
            required_by=from_json(tuple[str, ...], saved["required_by"]),
            since=from_json(datetime, saved["since"]),
            window=_Window.restored(saved["window"], bool),
            other=from_json(int, saved["other"]),
        )


class Tracker:
    """The state over the cycles of one watch."""

    def __init__(self, *, raise_after: int, clear_after: int) -> None:
        self.raise_after = raise_after
        self.clear_after = clear_after
        self.cycles = 0
        self.status: Status | None = None
        """The verdict that was last reported; None before the first cycle."""
        self.status_since: datetime | None = None
        self.reported: Counter[Kind] = Counter()
        """Number of changes of each kind so far."""
        self._known: dict[str, _Tracked] = {}
        self._services: dict[str, _Service] = {}
        self._signs: frozenset[str] | None = None
        """The signs by which workloads were found on this host in the last cycle that had targets; None before that."""
        self._statuses = _Window()
        self._other: Status | None = None
        """The last verdict that differed from `status`. In the last `_other_cycles` cycles the verdict was always ok,
        or never ok."""
        self._other_cycles = 0

    @property
    def raised(self) -> tuple[Finding, ...]:
        """The raised findings as last seen, by id."""
        return tuple(known.finding for _, known in sorted(self._known.items()) if known.raised)

    @property
    def raised_since(self) -> tuple[tuple[Finding, datetime], ...]:
        """The raised findings, each with the start of its presence, by id."""
        return tuple((known.finding, known.since) for _, known in sorted(self._known.items()) if known.raised)

    @property
    def flapping(self) -> tuple[Finding, ...]:
        """The flapping findings, by id."""
        return tuple(known.finding for _, known in sorted(self._known.items()) if known.window.flapping)

    @property
    def is_verdict_flapping(self) -> bool:
        """Whether the verdict is flapping."""
        return self._statuses.flapping

    def fold(self, report: Report) -> tuple[StateChange, ...]:
        """Add one complete cycle. Returns its changes, the verdict first."""
        self.cycles += 1
        is_hidden = hides_workload(report, self._signs or frozenset())
        changes = (
            *self._verdict(report),
            *self._requirements(report, is_hidden=is_hidden),
            *self._findings(report, is_hidden=is_hidden),
        )
        self.reported.update(change.kind for change in changes)
        return changes

    # --- For the next process ----------------------------------------------------------------------------------------

    def saved(self, *, redact: bool) -> dict[str, Any]:
        """Return everything that `restore` needs, as JSON values. With `redact`, return only the verdict, since
        findings contain hosts and addresses, and signs of workloads contain names of files."""
        return {
            "version": STATE_VERSION,
            "cycles": self.cycles,
            "status": self.status,
            "status_since": None if self.status_since is None else self.status_since.isoformat(),
            "reported": {kind.value: count for kind, count in self.reported.items()},
            "statuses": self._statuses.saved(),
            "other": self._other,
            "other_cycles": self._other_cycles,
            "known": {} if redact else {key: known.saved() for key, known in self._known.items()},
            "services": {} if redact else {name: service.saved() for name, service in self._services.items()},
            "signs": None if redact or self._signs is None else sorted(self._signs),
        }

    def restore(self, saved: Any) -> bool:
        """Continue from the saved state of another tracker. Returns False, and changes nothing, if that is
        impossible."""
        try:
            if saved["version"] != STATE_VERSION:
                return False
            since = saved["status_since"] and from_json(datetime, saved["status_since"])
            state: dict[str, Any] = {
                "cycles": from_json(int, saved["cycles"]),
                "status": None if saved["status"] is None else Status(saved["status"]),
                "status_since": since,
                "reported": Counter({Kind(kind): from_json(int, count) for kind, count in saved["reported"].items()}),
                "_statuses": _Window.restored(saved["statuses"], Status),
                "_other": None if saved["other"] is None else Status(saved["other"]),
                "_other_cycles": from_json(int, saved["other_cycles"]),
                "_known": {str(key): _Tracked.restored(known) for key, known in saved["known"].items()},
                "_services": {str(name): _Service.restored(known) for name, known in saved["services"].items()},
                "_signs": None if saved["signs"] is None else frozenset(from_json(tuple[str, ...], saved["signs"])),
            }
        except (DecodeError, KeyError, TypeError, ValueError, AttributeError):
            return False
        for name, value in state.items():
            setattr(self, name, value)
        return True

    def _verdict(self, report: Report) -> Iterator[StateChange]:
        now, at = report.verdict.status, report.run.finished_at
        flapping = self._statuses.add(now)
        before, since = self.status, self.status_since
        if before is None or since is None:
            self.status, self.status_since = now, at
            yield self._change(Kind.VERDICT, report, since=report.run.started_at)
            return
        if now is before:
            self._other, self._other_cycles = None, 0
        else:
            # If one verdict that differs from `status` follows another, the verdict still differs from `status`.
            same = self._other is not None and (now is Status.OK) is (self._other is Status.OK)
            self._other, self._other_cycles = now, self._other_cycles + 1 if same else 1
        changed = self._other_cycles >= (self.clear_after if now is Status.OK else self.raise_after)
        if changed:
            self.status, self.status_since = now, at
            self._other, self._other_cycles = None, 0
        if flapping is not None or (changed and not self._statuses.flapping):
            yield self._change(flapping or Kind.VERDICT, report, since=since, before=before)

    def _requirements(self, report: Report, *, is_hidden: bool) -> Iterator[StateChange]:
        """Yield services that became required, and services that are no longer required, in one change each."""
        if not report.targets:  # without a Region there are no targets
            return
        required, is_first = required_services(report), self._signs is None
        together: dict[tuple[Kind, bool], list[str]] = {}
        for name in dict.fromkeys((*required, *self._services)):
            is_required = name in required
            if not is_required and is_hidden:
                continue
            known = self._services.get(name)
            if known is None:
                known = self._services[name] = _Service(is_first, required[name], report.run.started_at)
                known.window.states.extend([False] * (not is_first))  # it was not required in the cycle before
            kind = self._requirement(known, required.get(name), report)
            if kind is not None:
                together.setdefault((kind, known.is_required), []).append(name)
        for (kind, stands), names in together.items():
            services = [self._services[name] for name in names]
            yield self._change(
                kind,
                report,
                since=min(service.since for service in services),
                services=tuple(names),
                required_by=tuple(dict.fromkeys(reason for service in services for reason in service.required_by)),
                stands=stands,
            )
        self._signs = signs_of(report) | (self._signs if is_hidden and self._signs else frozenset())
        for name, known in [*self._services.items()]:
            if not known.is_required and not any(known.window.states):
                del self._services[name]

    def _requirement(self, known: _Service, required_by: tuple[str, ...] | None, report: Report) -> Kind | None:
        """Return the change of one service in a cycle; None if nothing changed. `required_by` is what requires it in
        this cycle."""
        is_required = required_by is not None
        if required_by is not None:
            known.required_by = required_by
        if is_required is known.is_required:
            known.other = 0
        else:
            if is_required and known.other == 0:
                known.since = report.run.started_at
            known.other += 1
        kind = None
        if known.other >= (self.raise_after if is_required else self.clear_after):
            known.is_required, known.other = is_required, 0
            kind = Kind.REQUIRED if is_required else Kind.NOT_REQUIRED
        flapping = known.window.add(is_required)
        return flapping or (None if known.window.flapping else kind)

    def _findings(self, report: Report, *, is_hidden: bool) -> Iterator[StateChange]:
        present = {finding.id: finding for finding in report.findings if not finding.suppressed}
        causes = {
            finding.id: finding
            for finding in present.values()
            if finding.explained_by is None and finding.counts and finding.severity in _COUNTS
        }
        observations = {observation.id: observation for observation in report.observations}
        for key in sorted({*self._known, *causes}):
            if key not in self._known:
                cause = causes[key]
                known = self._known[key] = _Tracked(cause, cause.severity, report.run.started_at)
                known.window.states.extend([None] * (self.cycles > 1))  # it was absent in the cycle before
            known = self._known[key]
            if key in causes:
                known.observations = tuple(observations[name] for name in causes[key].evidence if name in observations)
                yield from self._present(known, causes[key], report)
            elif key in present and present[key].explained_by is not None:
                known.finding = present[key]
                yield from self._explained(known, report)
            elif key in present:  # its severity is only info now
                known.finding = present[key]
                yield from self._absent(known, Kind.BETTER, report)
            elif _was_checked(known, report, is_hidden=is_hidden):
                yield from self._absent(known, Kind.CLEARED, report)
            if not known.raised and not any(known.window.states):
                del self._known[key]

    def _present(self, known: _Tracked, finding: Finding, report: Report) -> Iterator[StateChange]:
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
        yield from self._reported(known, kind, finding.severity, report)

    def _explained(self, known: _Tracked, report: Report) -> Iterator[StateChange]:
        """Yield the change of a present finding that another finding explains."""
        known.present = known.absent = known.other = 0
        kind = Kind.EXPLAINED if known.raised else None
        known.raised = False
        yield from self._reported(known, kind, None, report)

    def _absent(self, known: _Tracked, kind: Kind, report: Report) -> Iterator[StateChange]:
        known.present, known.absent, known.other = 0, known.absent + 1, 0
        gone = known.raised and known.absent >= self.clear_after
        known.raised = known.raised and not gone
        yield from self._reported(known, kind if gone else None, None, report)

    def _reported(
        self, known: _Tracked, kind: Kind | None, state: Severity | None, report: Report
    ) -> Iterator[StateChange]:
        """Yield the change of a finding in one cycle. While it is flapping nothing is yielded, since flapping is
        reported once."""
        flapping = known.window.add(state)
        if flapping is not None:
            yield self._change(flapping, report, known)
        elif kind is not None and not known.window.flapping:
            yield self._change(kind, report, known)

    def _change(
        self,
        kind: Kind,
        report: Report,
        known: _Tracked | None = None,
        *,
        since: datetime | None = None,
        before: Status | None = None,
        services: tuple[str, ...] = (),
        required_by: tuple[str, ...] = (),
        stands: bool | None = None,
    ) -> StateChange:
        at = report.run.finished_at
        started = since or (known.since if known is not None else at)
        finding = None if known is None else known.finding
        about = finding.id if finding is not None else " ".join(("services", *services)) if services else "verdict"
        return StateChange(
            id=str(uuid.uuid5(_NAMESPACE, f"{report.run.id}/{at.isoformat()}/{kind}/{about}")),
            kind=kind,
            at=at,
            run_id=report.run.id,
            since=started,
            seconds=max((at - started).total_seconds(), 0.0),
            cycles=self.cycles,
            status=report.verdict.status,
            before=before,
            finding=finding,
            stands=stands if stands is not None else known is not None and known.raised,
            services=services,
            required_by=required_by,
            summary=report.verdict.summary,
        )


def share_of_changes(states: Sequence[object]) -> float:
    """Return the percentage of the window in which a state differs from the state before it; newer changes weigh more.
    States are compared by identity, oldest first."""
    oldest, newest = _WEIGHTS
    step = (newest - oldest) / (WINDOW - 2)
    first = WINDOW - len(states)  # the oldest places of an incomplete window are missing
    weighted = sum(
        oldest + (first + place - 1) * step for place in range(1, len(states)) if states[place] is not states[place - 1]
    )
    return 100.0 * weighted / (WINDOW - 1)


def _was_checked(known: _Tracked, report: Report, *, is_hidden: bool) -> bool:
    """Whether a run that lacks a finding proves that the fault is gone. It does if the steps that showed the fault were
    made again, or need not be made again. If the run may have missed a workload (`is_hidden`), or has no targets since
    the Region is unknown, it does not prove this for a target that is missing: the target may still be in use."""
    if not report.run.complete:
        return False
    if (is_hidden or not report.targets) and not _has_target(known.finding, report):
        return False
    if not known.observations:  # the finding was about the run itself
        return True
    now = {observation.id: observation for observation in report.observations}
    # Only the deepest step counts: that a name resolves says nothing about ports that were not tried.
    deepest = max((observation.subject.step for observation in known.observations), key=_ORDER.index)
    if deepest in _SIGNED and not report.run.wants_calls:  # the settings have changed since then
        return True
    before = [observation for observation in known.observations if observation.subject.step is deepest]
    pairs = [(old, now[old.id]) for old in before if old.id in now]
    if any(_is_repeated(old, new) for old, new in pairs) and not _is_unread(known, now):
        return True
    is_elsewhere = any(isinstance(new.outcome, Skipped) and new.outcome.reason == ELSEWHERE for _, new in pairs)
    if is_elsewhere and known.finding.scope is Scope.TARGET:
        return False  # the signed call is made at this address in another cycle
    if _is_healthy(known.finding, report):
        return True
    if pairs:
        return False
    # The name may have other addresses now, at which the same step was made.
    about = {(old.subject.step, old.subject.target) for old in before}
    return any(
        (new.subject.step, new.subject.target) in about and _is_repeated(before[0], new) for new in report.observations
    )


def _is_repeated(old: Observation[object], new: Observation[object]) -> bool:
    """Whether a step was made again in a way that could have shown the same result."""
    if new.subject.step in _READS and isinstance(old.outcome, Ok):
        return isinstance(new.outcome, Ok)
    return isinstance(new.outcome, Ok | Failed)


def _is_unread(known: _Tracked, now: Mapping[str, Observation[object]]) -> bool:
    """Whether a finding is about the configuration, which was not read again, and all that it explains is as before."""
    if CODES[known.finding.code].layer is not Layer.CONFIGURATION:
        return False
    reads = [old for old in known.observations if old.subject.step is Step.EC2]
    if all(old.id in now and now[old.id].ok for old in reads):
        return False
    measured = [(old, now[old.id]) for old in known.observations if old not in reads and old.id in now]
    return not any(new.ok and (not old.ok or old.facts != new.facts) for old, new in measured)


def _has_target(finding: Finding, report: Report) -> bool:
    return finding.scope is not Scope.TARGET or any(target.id == finding.target for target in report.targets)


def _is_healthy(finding: Finding, report: Report) -> bool:
    """Whether the subject of a finding is proven healthy, or is no longer in use. No step needs to check it again then:
    the configuration is not read while nothing is wrong."""
    if finding.scope is Scope.TARGET:
        statuses = (target.status for target in report.targets if target.id == finding.target)
        status = next(statuses, Status.NOT_IN_USE)
        return status in (Status.OK, Status.NOT_IN_USE)
    is_read = any(observation.subject.step is Step.EC2 and observation.made for observation in report.observations)
    return not is_read and report.verdict.status is Status.OK
