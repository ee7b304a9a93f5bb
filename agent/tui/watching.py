"""What the interface remembers of its runs: their verdicts, the reports of those that changed something, the times of
each lane, and a log. Pure.

Whole runs alone are remembered: one that was narrowed to a service or cancelled says nothing of this host. Everything
here is bounded, however long a watch lasts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Final

from agent.catalog.wording import failed_of
from agent.report.counting import Weight, heaviest, standings
from agent.report.model import Report, Status
from agent.tui.lines import Tone
from probes.frozen import dataclass
from probes.model import Observation, Step
from probes.operations import GETADDRINFO

RUNS: Final = 500
"""Runs that are remembered, and times of each step of a lane."""
REPORTS: Final = 100
OBSERVATIONS: Final = 50_000
"""How many reports are kept whole at most, and how many observations they have together."""
LOGGED: Final = 500
"""Lines of the log."""
ABSENT: Final = 60
"""After so many runs without it, the times of a lane are dropped: public addresses rotate."""
SAMPLED: Final = (Step.TCP, Step.TLS, Step.HTTP, Step.API, Step.DNS)
"""Steps whose times are kept. DNS is this host's own lookup, whose lane is the name of the target."""

FAILURES: Final = {weight: "o" if weight is Weight.NOT_COUNTED else "x" for weight in Weight}
"""The sign of a failed step among times."""
FLAPPING: Final = "FLAPPING"
"""The word for a verdict that comes and goes."""
_WORST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)

Sample = float | Weight | None
"""How a step of one run went: its seconds, how its failure counts, or None where it was not made."""
Samples = Mapping[str, tuple[tuple[Sample, ...], ...]]
"""The samples of each of SAMPLED, by the key of a lane. The last run's sample comes last. A step that the lane does not
have has no samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A run that is over."""

    number: int
    """The run's number, from 1 on."""
    started_at: datetime
    finished_at: datetime
    status: Status
    shown_by: int
    """Number of the run whose report shows this one: of the last before it that came to something else, or itself."""
    report: Report | None = None
    """None where the report of another run shows it, and where it is not kept any more."""
    slowest: float = 0.0
    """Seconds of all SAMPLED steps together at its slowest lane."""
    in_history: int | None = None
    """The cycle in the file of the history whose report shows this one, where it was read from there."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something that a run changed."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What a run changed: by the rules of a watch, and since the run before."""

    number: int
    """The number of the run."""
    at: datetime
    """End of the run."""
    status: Status
    states: tuple[LogLine, ...]
    """Changes of state, as `watch` reports them: raised, cleared, flapping."""
    steps: tuple[LogLine, ...]
    """What was otherwise in the run before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How things are by the rules of a watch, after a run: a state counts when it has lasted for some runs."""

    word: str
    """The state in a word, such as `CRITICAL` or `FLAPPING`."""
    kind: Status
    """How bad that is."""
    flapping_since: datetime | None = None
    """Since when the verdict comes and goes; None where it does not, or where that is not known."""
    changes: tuple[LogLine, ...] = ()
    """What this run changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered of past runs."""

    runs: tuple[Remembered, ...] = ()
    """The last one last."""
    log: tuple[Logged, ...] = ()
    """The last one first."""
    samples: Samples = field(default_factory=dict)
    followed: Followed | None = None
    """None until a run has finished."""
    last: Report | None = None
    """The report of the last run."""

    @property
    def count(self) -> int:
        """Number of the last run."""
        return self.runs[-1].number if self.runs else 0


def remembered(
    memory: Memory, report: Report, followed: Followed | None, steps: tuple[LogLine, ...], *, is_alike: bool
) -> Memory:
    """The memory with one more run. `steps` says what it changed since the run before; `is_alike`, that it came to the
    same, so that the report of that one shows it as well."""
    number = memory.count + 1
    now = samples_in(report)
    alike = memory.runs[-1] if is_alike and memory.runs else None
    run = Remembered(
        number=number,
        started_at=report.run.started_at,
        finished_at=report.run.finished_at,
        status=report.verdict.status,
        shown_by=number if alike is None else alike.shown_by,
        report=report if alike is None else None,
        slowest=slowest(now),
    )
    states = () if followed is None else followed.changes
    log = memory.log
    if states or steps:
        entry = Logged(
            number=number, at=run.finished_at, status=run.status, states=states, steps=steps[: LOGGED - len(states)]
        )
        log = _within((entry, *log))
    return Memory(
        runs=_bounded(_last((*memory.runs, run))),
        log=log,
        samples=extended(memory.samples, now),
        followed=followed,
        last=report,
    )


def _within(log: tuple[Logged, ...]) -> tuple[Logged, ...]:
    """The latest entries that have LOGGED lines together."""
    lines = 0
    for place, entry in enumerate(log):
        lines += len(entry.states) + len(entry.steps)
        if lines > LOGGED:
            return log[: max(place, 1)]
    return log


def _last(runs: tuple[Remembered, ...]) -> tuple[Remembered, ...]:
    """The last RUNS of them. A report that still shows some of these passes to the first."""
    kept = runs[-RUNS:]
    gone = {run.number: run.report for run in runs[: len(runs) - len(kept)]}
    report = gone.get(kept[0].shown_by)
    if report is None:
        return kept
    old, new = kept[0].shown_by, kept[0].number
    passed = (replace(run, shown_by=new) if run.shown_by == old else run for run in kept[1:])
    return (replace(kept[0], shown_by=new, report=report), *passed)


def _bounded(runs: tuple[Remembered, ...]) -> tuple[Remembered, ...]:
    """The runs without the oldest of too many reports. That of the last run which failed is kept."""
    with_report = [run for run in runs if run.report is not None]
    size = sum(len(run.report.observations) for run in with_report if run.report is not None)
    if len(with_report) <= REPORTS and size <= OBSERVATIONS:
        return runs
    failed = last_failed(runs)
    spared = {with_report[-1].number, 0 if failed is None else failed.shown_by}
    count, dropped = len(with_report), set()
    for run in with_report:
        if count <= REPORTS and size <= OBSERVATIONS:
            break
        if run.number not in spared and run.report is not None:
            dropped.add(run.number)
            count, size = count - 1, size - len(run.report.observations)
    return tuple(replace(run, report=None) if run.number in dropped else run for run in runs)


# --- Runs ------------------------------------------------------------------------------------------------------------


def has_failed(status: Status) -> bool:
    """Whether a verdict says that something that is required does not work."""
    return status is Status.CRITICAL


def is_worse(one: Status, other: Status) -> bool:
    """Whether a verdict is worse than another."""
    return _WORST.index(one) < _WORST.index(other)


def last_failed(runs: Sequence[Remembered]) -> Remembered | None:
    """The last run that failed; None where none did."""
    return next((run for run in reversed(runs) if has_failed(run.status)), None)


def run_of(memory: Memory, number: int) -> Remembered | None:
    """The run of a number; None where it is not remembered."""
    place = number - memory.runs[0].number if memory.runs else -1
    return memory.runs[place] if 0 <= place < len(memory.runs) else None


def report_of(memory: Memory, run: Remembered) -> Report | None:
    """The report that shows a run; None where it is not in memory."""
    if memory.last is not None and run.number == memory.count:
        return memory.last
    shown_by = run_of(memory, run.shown_by)
    return None if shown_by is None else shown_by.report


def failures(memory: Memory) -> str:
    """How many runs failed: `failed 8 of 15 runs`; empty where none did."""
    count = sum(has_failed(run.status) for run in memory.runs)
    unknown = sum(run.status is Status.UNKNOWN for run in memory.runs)
    return failed_of(count, unknown, len(memory.runs), "run")


def clock(at: datetime, now: datetime) -> str:
    """A time of day in UTC: `02:41`; with its date where that is another than that of `now`."""
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"


# --- Times -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneTimes:
    """The times of a lane together."""

    runs: int
    """Runs in which the lane was tried."""
    failed: int
    """Runs among these in which a step failed, whether that counts or not."""
    mean: float | None
    worst: float | None
    """Seconds of a success; None where there is none."""

    @property
    def loss(self) -> str:
        """The share of runs that failed, in percent, never rounded to none or all."""
        if not self.failed or not self.runs:
            return "0%"
        return f"{min(max(round(100 * self.failed / self.runs), 1), 99 if self.failed < self.runs else 100)}%"


def samples_in(report: Report) -> dict[str, tuple[Sample, ...]]:
    """The samples of a report, by lane, one for each of SAMPLED."""
    by_lane: dict[str, dict[Step, Observation[object]]] = {}
    has_faults = report.verdict.status is not Status.OK  # an answer can be wrong without a failure
    for observation in report.observations:
        subject = observation.subject
        if subject.port is not None and subject.operation is None:
            by_lane.setdefault(lane_of(observation), {})[subject.step] = observation
        elif subject.step is Step.DNS and subject.operation == GETADDRINFO:
            by_lane.setdefault(names_of(subject.target), {})[subject.step] = observation
        has_faults = has_faults or observation.failure is not None
    weights = {name: known.weight for name, known in standings(report).items()} if has_faults else {}
    return {
        lane: tuple(_sample(steps[step], weights) if step in steps else None for step in SAMPLED)
        for lane, steps in by_lane.items()
    }


def slowest(now: Mapping[str, Sequence[Sample]]) -> float:
    """Seconds of all steps together at the slowest lane of a run."""
    return max((sum(s for s in stack if isinstance(s, float)) for stack in now.values()), default=0.0)


def extended(before: Samples, now: Mapping[str, Sequence[Sample]]) -> Samples:
    """The samples with those of one more run, by lane; a lane that was not tried in it has none."""
    none = (None,) * len(SAMPLED)
    samples: dict[str, tuple[tuple[Sample, ...], ...]] = {}
    for lane, past in before.items():
        latest = now.get(lane, none)
        if lane not in now and not any(sample is not None for times in past for sample in times[-ABSENT:]):
            continue
        samples[lane] = tuple(
            (*times, sample)[-RUNS:] if times or sample is not None else ()
            for times, sample in zip(past, latest, strict=True)
        )
    for lane, latest in now.items():
        if lane not in before:
            samples[lane] = tuple(() if sample is None else (sample,) for sample in latest)
    return samples


def _sample(observation: Observation[object], weights: Mapping[str, Weight]) -> Sample:
    if observation.ok and observation.subject.step is Step.DNS and observation.id in weights:  # a wrong answer
        return weights[observation.id]
    if observation.ok:
        return None if observation.seconds is None else round(observation.seconds, 6)
    return None if observation.failure is None else weights.get(observation.id, Weight.UNPROVEN)


def lane_of(observation: Observation[object]) -> str:
    """Key of the lane that an observation of an address and port belongs to."""
    subject = observation.subject
    return f"lane/{subject.target}/{subject.address}/{subject.port}"


def names_of(target: str | None) -> str:
    """Key of the name of a target, which has this host's own lookups."""
    return f"names/{target}"


def times_of(samples: Sequence[Sequence[Sample]]) -> LaneTimes:
    """The times of a lane together: to connect or, of a name, to look it up; and in how many runs a step failed."""
    # A step that fails is the last one that is made, so each failed run has one failure.
    failed = sum(isinstance(sample, Weight) for times in samples for sample in times)
    connects, lookups = samples[SAMPLED.index(Step.TCP)], samples[SAMPLED.index(Step.DNS)]
    return replace(step_times_of(connects or lookups), failed=failed)


def step_times_of(times: Sequence[Sample]) -> LaneTimes:
    """The times of one step of a lane together."""
    seconds = [sample for sample in times if isinstance(sample, float)]
    failed = sum(isinstance(sample, Weight) for sample in times)
    return LaneTimes(
        runs=len(seconds) + failed,
        failed=failed,
        mean=sum(seconds) / len(seconds) if seconds else None,
        worst=max(seconds, default=None),
    )


def tops(samples: Samples, most: int) -> dict[Step, float]:
    """The longest of the last `most` times of each step of all lanes; without steps that have none."""
    found: dict[Step, float] = {}
    for lane in samples.values():
        for step, times in zip(SAMPLED, lane, strict=True):
            longest = max((sample for sample in times[-most:] if isinstance(sample, float)), default=0.0)
            if longest > found.get(step, 0.0):
                found[step] = longest
    return found


def stacks(samples: Sequence[Sequence[Sample]], most: int) -> list[tuple[Sample, ...]]:
    """The last `most` runs of a lane, each with a sample for each of SAMPLED."""
    length = min(max(map(len, samples), default=0), most)
    last = [(None,) * (length - len(times)) + tuple(times[-length:] if length else ()) for times in samples]
    return list(zip(*last, strict=True))


def weight_of(stack: Sequence[Sample]) -> Weight | None:
    """How the failure of a run counts; None where no step failed."""
    return heaviest(sample for sample in stack if isinstance(sample, Weight))
