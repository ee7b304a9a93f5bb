"""Make observations: every step of a run is planned, limited, timed, classified and passed on exactly once.

The body of a probe is a coroutine that stores its facts in a `Draft` and lets errors pass. `Log.observe` turns the
result into one `Observation`. If this host itself delayed a step, the step is made again, or is recorded as not made by
a failure with the code STARVED. A run that ends early closes its log: a started step becomes a failure of kind
`deadline`, and a step that was only planned is skipped with the reason. No step disappears.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from probes.failure import classify
from probes.frozen import dataclass
from probes.model import (
    DECIMALS,
    NOT_STARTED,
    STARVED,
    Draft,
    Failed,
    Failure,
    FailureKind,
    Observation,
    Ok,
    Outcome,
    Skipped,
    Subject,
)
from probes.window import SHARE, Window

_IMPATIENT: Final = frozenset({FailureKind.TIMEOUT, FailureKind.CLOSED, FailureKind.RESET, FailureKind.NO_CREDENTIALS})
"""Failures that may also mean that a peer or a library gave up waiting, because this process did not run."""

F = TypeVar("F")
T = TypeVar("T")


async def _nothing() -> None:
    """Do nothing, since most steps need no preparation before a second attempt."""


@dataclass(frozen=True, slots=True)
class _Started:
    """A step that is being made."""

    started_at: datetime
    started: float
    """Start of the step on the loop's clock."""
    run_delay: float | None
    """The machine's run delay at the start of the step."""
    window: Window
    draft: Draft[Any]


class Log:
    """The observations of one run by id. Each observation is passed to `emit` once, when it is made. `planned` is
    called with a step when the run first knows of it, and `started` when the step starts. `lateness` and `run_delay`
    are the methods of `Machine`."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        emit: Callable[[Observation[Any]], None],
        planned: Callable[[Subject], None] = lambda _: None,
        started: Callable[[Subject], None] = lambda _: None,
        lateness: Callable[[], float] = lambda: 0.0,
        run_delay: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._now = now
        self._lateness = lateness
        self._run_delay = run_delay
        self._emit = emit
        self._on_planned = planned
        self._on_started = started
        self._planned: dict[str, Subject] = {}
        self._started: dict[str, _Started] = {}
        self._first: _Started | None = None
        """The step that started first. The time that this process lost is known from its start on."""
        self._made: dict[str, Observation[Any]] = {}

    @property
    def made(self) -> tuple[Observation[Any], ...]:
        """The observations so far, in the order in which they were made."""
        return tuple(self._made.values())

    @property
    def planned(self) -> int:
        """The number of steps known so far, observed or not."""
        return len(self._planned)

    def find(self, subject_id: str) -> Observation[Any] | None:
        """Return the observation with an id; None until it is made."""
        return self._made.get(subject_id)

    def plan(self, *subjects: Subject) -> None:
        """Add these steps to the run. Each of them will certainly get an observation."""
        for subject in subjects:
            if subject.id not in self._planned:
                self._planned[subject.id] = subject
                self._on_planned(subject)

    def window(self, limit: float, *, by_kernel: bool = False) -> Window:
        """Return a window of `limit` seconds for a step, or for a part of a step."""
        return Window(limit, self._lateness, by_kernel=by_kernel)

    async def observe(
        self,
        subject: Subject,
        body: Callable[[Draft[F]], Awaitable[T]],
        *,
        limit: float,
        by_kernel: bool = False,
        by_library: bool = False,
        before_again: Callable[[], Awaitable[object]] = _nothing,
    ) -> tuple[Observation[F], T | None]:
        """Run `body` in a `Window` of `limit` seconds. Returns its observation and, after a success, its result.

        If this process could not run for a long time, and the step failed as if the peer had given up, `body` is run
        again, after `before_again`. With `by_library`, a library makes the step and waits by the clock, as the C
        library does in a lookup. Such a library gets no more time if this process is stopped, so it may stop waiting
        for a server too early. The step then counts as not made.

        The errors of `body` are never raised, not even a crash. A cancellation is raised; `close` then makes the
        observation.
        """
        self.plan(subject)
        draft: Draft[F] = Draft()
        started_at = self._now()
        clock = asyncio.get_running_loop().time
        window = self.window(limit, by_kernel=by_kernel)
        step = self._started[subject.id] = _Started(started_at, clock(), self._run_delay(), window, draft)
        self._first = self._first or step
        self._on_started(subject)
        value: T | None = None
        outcome: Outcome[F]
        try:
            async with window:
                try:
                    value = await body(draft)
                except Exception as error:
                    if not window.is_late or classify(error).kind not in _IMPATIENT:
                        raise
                    draft.facts = None
                    await before_again()
                    value = await body(draft)
            if draft.facts is None:
                raise TypeError(f"the probe of {subject.id} returned without facts")
            outcome = Ok(draft.facts)
            if by_library and clock() - step.started > limit:
                outcome, value = Failed(self._starved(step), None), None
        except Exception as error:  # noqa: BLE001 - the one broad catch: a crash in a probe is an observation too
            if window.expired and window.is_starved:
                failure = self._starved(step)
            else:
                failure = classify(error, expired_after=window.seconds if window.expired else None)
            outcome, value = Failed(failure, draft.facts), None
        return self._make(subject, outcome, started_at, clock() - step.started), value

    def _starved(self, step: "_Started") -> Failure:
        seconds = asyncio.get_running_loop().time() - step.started
        lost = min(step.window.lost, seconds)
        message = f"this host kept backuplink from running for {lost:.3g} of {seconds:.3g} s"
        if step.run_delay is not None and (delay := self._run_delay()) is not None:
            message += f", {min(delay - step.run_delay, lost):.3g} s of them because no processor was free"
        return Failure(kind=FailureKind.DEADLINE, message=message, code=STARVED)

    def skip(self, subject: Subject, reason: str) -> None:
        """Record that a step was not made, with the reason."""
        self.plan(subject)
        self._make(subject, Skipped(reason), None, None)

    def keep(self, observation: Observation[Any]) -> None:
        """Add an observation that was made elsewhere, or in an earlier run."""
        self.plan(observation.subject)
        self._keep(observation)

    def close(self, reason: str, code: str | None) -> None:
        """End the run and give every open step its observation. `code` is the name of the signal that ended the run, or
        None if the deadline ended it."""
        clock = asyncio.get_running_loop().time
        first = self._first
        is_starved = first is not None and code is None and first.window.lost >= SHARE * (clock() - first.started)
        for subject_id, subject in self._planned.items():
            if subject_id in self._made:
                continue
            if subject_id in self._started:
                step = self._started[subject_id]
                if first is not None and is_starved:
                    failure = self._starved(first)
                else:
                    failure = Failure(kind=FailureKind.DEADLINE, message=f"cut short: {reason}", code=code)
                self._make(subject, Failed(failure, step.draft.facts), step.started_at, clock() - step.started)
            else:
                self._make(subject, Skipped(f"{NOT_STARTED}: {reason}"), None, None)

    def _make(
        self, subject: Subject, outcome: Outcome[F], started_at: datetime | None, seconds: float | None
    ) -> Observation[F]:
        rounded = None if seconds is None else round(seconds, DECIMALS)
        observation = Observation(subject=subject, outcome=outcome, started_at=started_at, seconds=rounded)
        self._keep(observation)
        return observation

    def _keep(self, observation: Observation[Any]) -> None:
        if observation.id in self._made:
            raise ValueError(f"{observation.id} was observed twice in one run")
        self._made[observation.id] = observation
        self._emit(observation)
