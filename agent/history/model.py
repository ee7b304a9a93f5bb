"""What a history is given, and what it gives back. Without SQLite, which only the modules next to this one load."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from agent.report.model import Report
from agent.settings import Settings
from probes.frozen import dataclass

SCHEMA: Final = "backuplink.history.v1"
MASK: Final = "***"
SLICES: Final = 48
"""Into how many slices the time of a series is cut, to show its latency over time."""


class HistoryError(Exception):
    """A file that is not a history, or that cannot be read or written: why, in words for the operator."""


class NotPrunedError(HistoryError):
    """The cycle is kept, but what is older than is kept, or too much, could not be removed: why."""


class DiskError(HistoryError):
    """A disk that is full or fails: a history may be written there again later."""


class DamagedError(HistoryError):
    """A history in which something stands that no version writes."""

    def __init__(self) -> None:
        super().__init__("the history is damaged: it holds what no version writes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cycle, to be kept."""

    series: str
    """What was checked, and by what (`series_of`): one file may hold several."""
    report: Report
    """Masked where nothing may leave the process unmasked."""
    changes: tuple[Mapping[str, Any], ...]
    """What the cycle changed, each as the document of a change."""
    state: Any
    """JSON values from which the next process of this series goes on."""
    stands: float | None
    """Seconds from its start for which the cycle says how things are; None where nobody knows when the next comes."""
    lost: int
    """Cycles since the last one that was kept that could not be."""


class History(Protocol):
    """A file that takes cycles."""

    @property
    def path(self) -> Path:
        """The path of the file."""

    def state(self, series: str) -> Any:
        """What the last entry of a series had as its state; None without one. Raises HistoryError."""

    def append(self, entry: Entry) -> None:
        """Keep one cycle, whole or not at all. Raises HistoryError, and the cycle is lost, unless it is a
        NotPrunedError."""

    def close(self) -> None:
        """Close the file; the next call opens it again."""


def series_of(kind: str, settings: Settings, *, redact: bool) -> str:
    """The name of a series: `watch` or `check`, with the options that say what is checked. Names of hosts, ids and
    profiles are masked with `redact`."""
    words = [kind]
    if settings.region is not None and settings.region_source == "--region":
        words.append(f"--region {settings.region}")
    words += [f"--workload {workload.value}" for workload in settings.asked_workloads]
    words += [f"--service {service}" for service in settings.services]
    words += [f"--endpoint {endpoint.service}={MASK if redact else endpoint.host}" for endpoint in settings.endpoints]
    if settings.expect is not None:
        words.append(f"--expect {settings.expect.value}")
    if settings.profile is not None:
        words.append(f"--profile {MASK if redact else settings.profile}")
    words += [f"--{name}" for name, wanted in (("fips", settings.fips), ("dual-stack", settings.dual_stack)) if wanted]
    return " ".join(words)


# --- What is read ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """How a step ended in a cycle."""

    step: str
    target: str | None
    address: str | None
    port: int | None
    resolver: str | None
    operation: str | None
    status: str
    """`ok`, `failed` or `skipped`."""
    kind: str | None
    """The kind of a failure; None if the step did not fail."""
    code: str | None
    """The name or number underneath a failure."""

    @property
    def lane(self) -> str:
        """Where it was made: `backup 10.0.1.17:443`."""
        place = self.address or ""
        if place and self.port is not None:
            place = f"[{place}]:{self.port}" if ":" in place else f"{place}:{self.port}"
        asked = None if self.resolver is None else f"at {self.resolver}"
        return " ".join(filter(None, (self.target or "this host", place, asked)))

    @property
    def name(self) -> str:
        """The step, with its operation where it has one: `dns A`."""
        return self.step if self.operation is None else f"{self.step} {self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """A finding of a cycle."""

    id: str
    severity: str
    explained_by: str | None
    counts: bool
    suppressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What cycles had in common: everything but their times."""

    status: str
    path: str
    access: str
    summary: str
    findings: tuple[FindingRow, ...]
    steps: tuple[StepRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRow:
    """The row of one cycle."""

    id: int
    series: str
    run_id: str
    started_at: datetime
    finished_at: datetime
    complete: bool
    lost: int
    """Cycles before it that could not be written."""
    report: int
    """The cycle whose report is kept and came to the same: itself where it has one of its own."""
    outline: Outline
    seconds: tuple[float | None, ...]
    """Duration of each step; None for a step that was not made in this cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A change of state."""

    cycle: int
    series: str
    kind: str
    """A kind of `agent.watch.changes`."""
    at: datetime
    since: datetime
    """Start of the state that it is about."""
    seconds: float
    about: str
    """The id of a finding, or `verdict`."""
    status: str
    """The verdict of the run."""
    severity: str | None
    text: str
    """The change in one line, with the time in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which no cycle says how things were."""

    since: datetime
    until: datetime
    seconds: float
    cycle: int
    """The first cycle after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day in UTC, in seconds."""

    day: str
    """The date, such as `2026-01-15`."""
    available: float
    """Seconds with verdict ok or warning: the path works."""
    failed: float
    """Seconds with verdict critical."""
    unknown: float
    """Verdict unknown. What is left of the day was not watched."""
    cells: str
    """The day in 48 half hours: the worst of each, `x` failed, `?` unknown, `#` available, `.` not watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long the successful steps of a lane took, in seconds."""

    lane: str
    step: str
    count: int
    p50: float
    p95: float
    p99: float
    max: float
    medians: tuple[float | None, ...]
    """The median of each slice of time, from the first cycle of the series to the last one, in at most SLICES slices of
    one length; None for a slice in which the step never succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """A time in which a finding, or the verdict, came and went."""

    about: str
    since: datetime
    until: datetime | None
    """None while it lasts."""
    cycles: int
    """How many of the cycles that are read began in this time."""
    failed: int
    unknown: int
    """How many of these had the verdict critical, and unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Everything of one series."""

    name: str
    cycles: int
    first_at: datetime
    last_at: datetime
    """Starts of the first and of the last cycle."""
    status: str
    """The status of the last cycle."""
    status_since: datetime
    """Start of the first of the last cycles that all came to this status, whatever gaps lie between them."""
    summary: str
    """The summary of the last cycle's verdict."""
    last_failure: str | None
    """The verdict in words of the last cycle that was critical; None where no cycle was."""
    stands_until: datetime
    """Until when the last cycle says how things are."""
    lost: int
    """Cycles that could not be written."""
    gaps: tuple[Gap, ...]
    days: tuple[Day, ...] | None
    """None where no chart is wanted; so is the next one."""
    latency: tuple[Latency, ...] | None
    flapping: tuple[Flapping, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDocument:
    """A history, or what it has since a moment."""

    schema: str
    read_at: datetime
    """When the history was read."""
    since: datetime | None
    last_at: datetime | None
    """Start of the last cycle in the file, also where it is before `since`; None where the file has no cycle."""
    series: tuple[Series, ...]
    changes: tuple[ChangeRow, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    from agent.report.codec import schema_of  # a watch has no use for it
    from agent.report.refusal import with_refusal

    return with_refusal(schema_of(HistoryDocument, SCHEMA))
