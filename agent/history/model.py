"""The input and output of a history. This module does not load SQLite; only its neighbours do."""

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
"""Number of slices into which the time of a series is divided, to show its latency over time."""


class HistoryError(Exception):
    """The file is not a history, or cannot be read or written; its text tells the operator the reason."""


class NotPrunedError(HistoryError):
    """The cycle was kept, but old or surplus cycles could not be removed. The text says why."""


class DiskError(HistoryError):
    """The disk is full or fails. It may be possible to write the history later."""


class DamagedError(HistoryError):
    """The history contains data that no version of backuplink writes."""

    def __init__(self) -> None:
        super().__init__("the history is damaged: it contains data that no version writes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cycle to keep."""

    series: str
    """The name of the series, which says what was checked, and by which command (`series_of`). One file may have
    several series."""
    report: Report
    """The report. It is masked if no unmasked data may leave the process."""
    changes: tuple[Mapping[str, Any], ...]
    """The changes of the cycle, each as the document of a change."""
    state: Any
    """JSON values from which the next process of this series continues."""
    stands: float | None
    """For how many seconds, from its start, the cycle describes the state. None if the time of the next cycle is
    unknown."""
    lost: int
    """Number of cycles that could not be kept since the last cycle that was kept."""


class History(Protocol):
    """A file that keeps cycles."""

    @property
    def path(self) -> Path:
        """The path of the file."""

    def state(self, series: str) -> Any:
        """Return the state in the last entry of a series; None without one. Raises HistoryError."""

    def append(self, entry: Entry) -> None:
        """Keep one cycle, completely or not at all. Raises HistoryError if the cycle is lost, and NotPrunedError if it
        is kept."""

    def close(self) -> None:
        """Close the file. The next call of another method opens it again."""


def series_of(kind: str, settings: Settings, *, redact: bool) -> str:
    """Return the name of a series: `watch` or `check`, with the options that decide what is checked. With `redact`,
    names of hosts, ids and profiles are masked."""
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
    """The name or number of the underlying error."""

    @property
    def lane(self) -> str:
        """The place of the step: `backup 10.0.1.17:443`."""
        place = self.address or ""
        if place and self.port is not None:
            place = f"[{place}]:{self.port}" if ":" in place else f"{place}:{self.port}"
        asked = None if self.resolver is None else f"at {self.resolver}"
        return " ".join(filter(None, (self.target or "this host", place, asked)))

    @property
    def name(self) -> str:
        """The step with its operation, if it has one: `dns A`."""
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
    """Everything that is equal in several cycles. Times are not part of it."""

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
    """Number of cycles just before it that could not be written."""
    report: int
    """The cycle whose kept report has the same result. If this cycle has its own report, it is this cycle."""
    outline: Outline
    seconds: tuple[float | None, ...]
    """Duration of each step; None for a step that was not made in this cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A change of state."""

    cycle: int
    series: str
    kind: str
    """One of the kinds in `agent.watch.changes`."""
    at: datetime
    since: datetime
    """Start of the state that changed."""
    seconds: float
    about: str
    """The id of a finding, or `verdict`."""
    status: str
    """The verdict of the run."""
    severity: str | None
    text: str
    """The change in one line, which begins with the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without a cycle that describes the state."""

    since: datetime
    until: datetime
    seconds: float
    cycle: int
    """The first cycle after the gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day in UTC; its times are in seconds."""

    day: str
    """The date, such as `2026-01-15`."""
    available: float
    """Seconds with verdict ok or warning: the path works."""
    failed: float
    """Seconds with verdict critical."""
    unknown: float
    """Seconds with the verdict unknown. The rest of the day was not watched."""
    cells: str
    """The day as 48 half hours. Each is shown by its worst state: `x` failed, `?` unknown, `#` available, `.` not
    watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Durations of the successful steps of a lane in seconds."""

    lane: str
    step: str
    count: int
    p50: float
    p95: float
    p99: float
    max: float
    medians: tuple[float | None, ...]
    """The median of each slice of time, from the first cycle of the series to the last one, in at most SLICES equal
    slices; None for a slice in which the step never succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """A period in which a finding, or the verdict, came and went."""

    about: str
    since: datetime
    until: datetime | None
    """The end of the period. None while it lasts."""
    cycles: int
    """Number of cycles in the period, as far as they were read."""
    failed: int
    unknown: int
    """Numbers of these cycles with the verdict critical, and with the verdict unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """All data of one series."""

    name: str
    cycles: int
    first_at: datetime
    last_at: datetime
    """Start of the first cycle, and start of the last cycle."""
    status: str
    """The status of the last cycle."""
    status_since: datetime
    """Start of the first cycle from which on every cycle has this status. Gaps between the cycles do not matter."""
    summary: str
    """The summary of the last cycle's verdict."""
    last_failure: str | None
    """The verdict in words of the last critical cycle; None if no cycle was critical."""
    stands_until: datetime
    """The time until which the last cycle describes the state."""
    lost: int
    """Number of cycles that could not be written."""
    gaps: tuple[Gap, ...]
    days: tuple[Day, ...] | None
    """The days, and the latencies; None if no chart is requested."""
    latency: tuple[Latency, ...] | None
    flapping: tuple[Flapping, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDocument:
    """A history, or the part of a history since a moment."""

    schema: str
    read_at: datetime
    """Time at which the history was read."""
    since: datetime | None
    last_at: datetime | None
    """Start of the last cycle in the file, even if it is before `since`; None if the file has no cycles."""
    series: tuple[Series, ...]
    changes: tuple[ChangeRow, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    from agent.report.codec import schema_of  # imported here, since a watch needs no schema
    from agent.report.refusal import with_refusal

    return with_refusal(schema_of(HistoryDocument, SCHEMA))
