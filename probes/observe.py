"""Making observations: every step of a run is planned, limited, timed, classified and handed on exactly once.

A probe body is a coroutine that takes a `Draft`, stores in it what it sees, and simply raises. `Log.observe` turns what
happens into one `Observation`. A run that ends early closes its log: a step that had started becomes a failure of kind
`deadline`, a step that was only planned is skipped with the reason. So nothing disappears.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from probes.failure import classify
from probes.model import NOT_BEGUN, Draft, Failed, Failure, FailureKind, Observation, Ok, Outcome, Skipped, Subject

F = TypeVar("F")
T = TypeVar("T")


class Log:
    """The observations of one run, by id. Each is handed to `emit` once, when it is made; `planned` is called with a
    step when the run first knows of it, `started` when it starts."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        emit: Callable[[Observation[Any]], None],
        planned: Callable[[Subject], None] = lambda _: None,
        started: Callable[[Subject], None] = lambda _: None,
    ) -> None:
        self._now = now
        self._emit = emit
        self._on_planned = planned
        self._on_started = started
        self._planned: dict[str, Subject] = {}
        self._started: dict[str, tuple[datetime, float, Draft[Any]]] = {}
        self._made: dict[str, Observation[Any]] = {}

    @property
    def made(self) -> tuple[Observation[Any], ...]:
        """The observations so far, in the order in which they were made."""
        return tuple(self._made.values())

    @property
    def planned(self) -> int:
        """How many steps are known so far, observed or not."""
        return len(self._planned)

    def find(self, subject_id: str) -> Observation[Any] | None:
        """The observation of an id; None until it is made."""
        return self._made.get(subject_id)

    def plan(self, *subjects: Subject) -> None:
        """Add these steps to the run. Whatever happens, each will have its observation."""
        for subject in subjects:
            if subject.id not in self._planned:
                self._planned[subject.id] = subject
                self._on_planned(subject)

    async def observe(
        self, subject: Subject, body: Callable[[Draft[F]], Awaitable[T]], *, limit: float
    ) -> tuple[Observation[F], T | None]:
        """Run `body` for at most `limit` seconds; give its observation and, where it succeeded, what it returned.

        Never raises for what `body` raises, a crash included. Cancellation passes through and leaves the observation
        to `close`.
        """
        self.plan(subject)
        draft: Draft[F] = Draft()
        started_at = self._now()
        clock = asyncio.get_running_loop().time
        started = clock()
        self._started[subject.id] = (started_at, started, draft)
        self._on_started(subject)
        value: T | None = None
        outcome: Outcome[F]
        window = asyncio.timeout(limit)
        try:
            async with window:
                value = await body(draft)
            if draft.facts is None:
                raise TypeError(f"the probe of {subject.id} returned without facts")
            outcome = Ok(draft.facts)
        except Exception as error:  # noqa: BLE001 - the one broad catch: a crash in a probe is an observation too
            expired_after = limit if window.expired() else None
            outcome, value = Failed(classify(error, expired_after=expired_after), draft.facts), None
        return self._make(subject, outcome, started_at, clock() - started), value

    def skip(self, subject: Subject, reason: str) -> None:
        """Record that a step was not made, and why."""
        self.plan(subject)
        self._make(subject, Skipped(reason), None, None)

    def keep(self, observation: Observation[Any]) -> None:
        """Add an observation that was made elsewhere, or earlier."""
        self.plan(observation.subject)
        self._keep(observation)

    def close(self, reason: str, code: str | None) -> None:
        """End the run: give every step that is still open its observation."""
        clock = asyncio.get_running_loop().time
        for subject_id, subject in self._planned.items():
            if subject_id in self._made:
                continue
            if subject_id in self._started:
                started_at, started, draft = self._started[subject_id]
                failure = Failure(kind=FailureKind.DEADLINE, message=f"cut short: {reason}", code=code)
                self._make(subject, Failed(failure, draft.facts), started_at, clock() - started)
            else:
                self._make(subject, Skipped(f"{NOT_BEGUN}: {reason}"), None, None)

    def _make(
        self, subject: Subject, outcome: Outcome[F], started_at: datetime | None, seconds: float | None
    ) -> Observation[F]:
        observation = Observation(subject=subject, outcome=outcome, started_at=started_at, seconds=seconds)
        self._keep(observation)
        return observation

    def _keep(self, observation: Observation[Any]) -> None:
        if observation.id in self._made:
            raise ValueError(f"{observation.id} was observed twice in one run")
        self._made[observation.id] = observation
        self._emit(observation)
