"""The interface's memory of its runs: their verdicts, the reports of runs that changed something, the times of each
lane, and a log. Pure.

Only whole runs are remembered: a run that was narrowed to a service or cancelled does not describe this host.
Everything here is bounded, however long a watch lasts.
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
"""Number of remembered runs, and of times for each step of a lane."""
REPORTS: Final = 100
OBSERVATIONS: Final = 50_000
"""Maximum number of reports kept in full, and of observations in all of them."""
LOGGED: Final = 500
"""Number of lines in the log."""
ABSENT: Final = 60
"""Number of runs without a lane after which its times are dropped: public addresses rotate."""
SAMPLED: Final = (Step.TCP, Step.TLS, Step.HTTP, Step.API, Step.DNS)
"""Steps whose times are kept. The times of DNS are those of this host's own lookups; their lane is the name of the
target."""

FAILURES: Final = {weight: "o" if weight is Weight.NOT_COUNTED else "x" for weight in Weight}
"""The character in place of the time of a failed step, by how the failure counts."""
FLAPPING: Final = "FLAPPING"
"""The word for a verdict that comes and goes."""
_WORST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)

Sample = float | Weight | None
"""Result of a step in one run. A number is the step's time in seconds, a Weight says how its failure counts, and None
means that it was not made."""
Samples = Mapping[str, tuple[tuple[Sample, ...], ...]]
"""The samples of each of SAMPLED, by the key of a lane. The latest run's sample comes last. A step that the lane does
not have has no samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A run that is over."""

    number: int
    """The run's number, starting at 1."""
    started_at: datetime
    finished_at: datetime
    status: Status
    shown_by: int
    """Number of the run whose report also stands for this run. It is the first of the consecutive runs with the same
    result."""
    report: Report | None = None
    """The report; None if another run's report shows this run, or if it is no longer kept."""
    slowest: float = 0.0
    """Total seconds of all SAMPLED steps of the slowest lane."""
    in_history: int | None = None
    """The cycle in the history file whose report shows this run, if it was read from there."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A change in a run."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The changes of a run: state changes by the rules of a watch, and differences to the run before."""

    number: int
    """The number of the run."""
    at: datetime
    """The time at which the run ended."""
    status: Status
    states: tuple[LogLine, ...]
    """State changes as `watch` reports them: raised, cleared, flapping."""
    steps: tuple[LogLine, ...]
    """Differences to the run before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The state after a run, by the rules of a watch: a state counts only after it has lasted for some runs."""

    word: str
    """The state in a word, such as `CRITICAL` or `FLAPPING`."""
    kind: Status
    """Severity of the state."""
    flapping_since: datetime | None = None
    """Start of the verdict's flapping; None if it is not flapping, or if the start is unknown."""
    changes: tuple[LogLine, ...] = ()
    """The state changes that this run caused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The memory of past runs."""

    runs: tuple[Remembered, ...] = ()
    """The runs, the latest at the end."""
    log: tuple[Logged, ...] = ()
    """The log, the last run first."""
    samples: Samples = field(default_factory=dict)
    followed: Followed | None = None
    """The state by the rules of a watch; None until a run has finished."""
    last: Report | None = None
    """The report of the last run."""

    @property
    def count(self) -> int:
        """Number of the last run."""
        return self.runs[-1].number if self.runs else 0


def remembered(
    memory: Memory, report: Report, followed: Followed | None, steps: tuple[LogLine, ...], *, is_alike: bool
) -> Memory:
    """Return the memory with one more run. `steps` are its changes since the run before. If `is_alike`, both runs have
    the same result, so that the report of the run before stands for the new run as well."""
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
    """Return the latest entries that fit into LOGGED lines."""
    lines = 0
    for place, entry in enumerate(log):
        lines += len(entry.states) + len(entry.steps)
        if lines > LOGGED:
            return log[: max(place, 1)]
    return log


def _last(runs: tuple[Remembered, ...]) -> tuple[Remembered, ...]:
    """Return the last RUNS runs. If an older run's report still stands for some of them, the first of these gets it."""
    kept = runs[-RUNS:]
    gone = {run.number: run.report for run in runs[: len(runs) - len(kept)]}
    report = gone.get(kept[0].shown_by)
    if report is None:
        return kept
    old, new = kept[0].shown_by, kept[0].number
    passed = (replace(run, shown_by=new) if run.shown_by == old else run for run in kept[1:])
    return (replace(kept[0], shown_by=new, report=report), *passed)


def _bounded(runs: tuple[Remembered, ...]) -> tuple[Remembered, ...]:
    """Return the runs without the oldest reports if there are too many. The report of the last failed run is kept."""
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
    """Whether a verdict says that a required target does not work."""
    return status is Status.CRITICAL


def is_worse(one: Status, other: Status) -> bool:
    """Whether the verdict `one` is worse than the verdict `other`."""
    return _WORST.index(one) < _WORST.index(other)


def last_failed(runs: Sequence[Remembered]) -> Remembered | None:
    """The last run that failed; None if none did."""
    return next((run for run in reversed(runs) if has_failed(run.status)), None)


def run_of(memory: Memory, number: int) -> Remembered | None:
    """The run of a number; None if it is not remembered."""
    place = number - memory.runs[0].number if memory.runs else -1
    return memory.runs[place] if 0 <= place < len(memory.runs) else None


def report_of(memory: Memory, run: Remembered) -> Report | None:
    """The report that shows a run; None if it is not in memory."""
    if memory.last is not None and run.number == memory.count:
        return memory.last
    shown_by = run_of(memory, run.shown_by)
    return None if shown_by is None else shown_by.report


def failures(memory: Memory) -> str:
    """The number of failed runs in words: `failed 8 of 15 runs`; empty if none failed."""
    count = sum(has_failed(run.status) for run in memory.runs)
    unknown = sum(run.status is Status.UNKNOWN for run in memory.runs)
    return failed_of(count, unknown, len(memory.runs), "run")


def clock(at: datetime, now: datetime) -> str:
    """A time of day in UTC: `02:41`; with its date if that differs from the date of `now`."""
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"


# --- Times -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneTimes:
    """Summary of the times of a lane."""

    runs: int
    """Number of runs that tried the lane."""
    failed: int
    """Number of these runs in which a step failed, whether that counts or not."""
    mean: float | None
    worst: float | None
    """Longest time of a success in seconds; None if there is none."""

    @property
    def loss(self) -> str:
        """The share of failed runs in percent, never rounded to 0 or to 100."""
        if not self.failed or not self.runs:
            return "0%"
        return f"{min(max(round(100 * self.failed / self.runs), 1), 99 if self.failed < self.runs else 100)}%"


def samples_in(report: Report) -> dict[str, tuple[Sample, ...]]:
    """Return the samples of a report by lane, with one sample for each step of SAMPLED."""
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
    """Total seconds of all steps of the slowest lane in a run."""
    return max((sum(s for s in stack if isinstance(s, float)) for stack in now.values()), default=0.0)


def extended(before: Samples, now: Mapping[str, Sequence[Sample]]) -> Samples:
    """Return the samples by lane, with those of one more run. For a lane that this run did not try, None is added."""
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
    """Key of the lane for an observation of an address and port."""
    subject = observation.subject
    return f"lane/{subject.target}/{subject.address}/{subject.port}"


def names_of(target: str | None) -> str:
    """Key of the lane for a target's name. It has this host's own lookups."""
    return f"names/{target}"


def times_of(samples: Sequence[Sequence[Sample]]) -> LaneTimes:
    """Return the summary of a lane's connect times (for a name, its lookup times), and the number of runs in which a
    step failed."""
    # No step is made after a failed step, so each failed run has one failure.
    failed = sum(isinstance(sample, Weight) for times in samples for sample in times)
    connects, lookups = samples[SAMPLED.index(Step.TCP)], samples[SAMPLED.index(Step.DNS)]
    return replace(step_times_of(connects or lookups), failed=failed)


def runs_since_failure(samples: Sequence[Sequence[Sample]]) -> int | None:
    """Return the number of runs since a failure in a lane last counted. It is 0 if this was in the latest run, and None
    if no failure counted."""
    since = (
        count
        for times in samples
        for count, sample in enumerate(reversed(times))
        if isinstance(sample, Weight) and sample is not Weight.NOT_COUNTED
    )
    return min(since, default=None)


def step_times_of(times: Sequence[Sample]) -> LaneTimes:
    """Return the summary of the times of one step of a lane."""
    seconds = [sample for sample in times if isinstance(sample, float)]
    failed = sum(isinstance(sample, Weight) for sample in times)
    return LaneTimes(
        runs=len(seconds) + failed,
        failed=failed,
        mean=sum(seconds) / len(seconds) if seconds else None,
        worst=max(seconds, default=None),
    )


def tops(samples: Samples, most: int) -> dict[Step, float]:
    """Return the longest of the last `most` times of each step over all lanes, without steps that have none."""
    found: dict[Step, float] = {}
    for lane in samples.values():
        for step, times in zip(SAMPLED, lane, strict=True):
            longest = max((sample for sample in times[-most:] if isinstance(sample, float)), default=0.0)
            if longest > found.get(step, 0.0):
                found[step] = longest
    return found


def stacks(samples: Sequence[Sequence[Sample]], most: int) -> list[tuple[Sample, ...]]:
    """Return the last `most` runs of a lane, each with a sample for each of SAMPLED."""
    length = min(max(map(len, samples), default=0), most)
    last = [(None,) * (length - len(times)) + tuple(times[-length:] if length else ()) for times in samples]
    return list(zip(*last, strict=True))


def weight_of(stack: Sequence[Sample]) -> Weight | None:
    """How the failure of a run counts; None if no step failed."""
    return heaviest(sample for sample in stack if isinstance(sample, Weight))
