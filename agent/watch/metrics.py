"""The metrics of a watch about itself, next to the metrics of its last run."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import datetime
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from agent.formats.prometheus import VERDICTS
from agent.report.escape import visible
from agent.report.model import Finding
from agent.watch.change_text import target_of
from agent.watch.changes import Kind, Tracker
from agent.watch.notices import Channel, Delivery
from probes.frozen import dataclass


@dataclass(slots=True)
class Counts:
    """Counters of a watch since its start."""

    cycles: int = 0
    """Number of cycles that finished."""
    late: int = 0
    """Number of cycles that started late, because the cycle before took longer than the interval."""
    errors: int = 0
    """Number of cycles that an internal error ended."""
    dropped_documents: int = 0
    """Number of cycles whose documents were not written, because the reader of stdout had not yet read the documents of
    earlier cycles."""
    reloads: Counter[bool] = field(default_factory=Counter)
    """Number of reloads of the settings, by whether the new settings were applied."""
    failed_writes: int = 0
    """Number of failed writes of files."""
    lost_cycles: int = 0
    """Number of cycles that could not be written to the history."""
    finished_at: datetime | None = None
    """Time at which the last cycle finished."""


STARTED: Final = "backuplink_watch_start_timestamp_seconds"
CYCLES: Final = "backuplink_watch_cycles"
LAST_CYCLE: Final = "backuplink_watch_last_cycle_timestamp_seconds"


def families(
    *,
    counts: Counts,
    tracker: Tracker,
    notices: Counter[tuple[Channel, Delivery]],
    interval: float,
    started_at: datetime,
    redact: bool,
) -> Iterator[Metric]:
    """Yield the metrics of a watch itself; the metrics of its last run come from the report.

    `interval` is in seconds; with `redact` hosts and addresses in labels are masked.
    """
    yield _gauge(STARTED, "When the watch started (Unix time).", started_at.timestamp())
    yield _gauge("backuplink_watch_interval_seconds", "Seconds between the starts of two cycles.", interval)
    if counts.finished_at is not None:
        text = "When the last cycle finished (Unix time). A result older than a few intervals proves nothing."
        yield _gauge(LAST_CYCLE, text, counts.finished_at.timestamp())
    yield _counter(CYCLES, "Cycles that finished.", counts.cycles)
    text = "Cycles that started late, because the cycle before took longer than the interval."
    yield _counter("backuplink_watch_late_cycles", text, counts.late)
    yield _counter("backuplink_watch_cycle_errors", "Cycles that an internal error ended.", counts.errors)
    text = "Cycles whose documents were not written to stdout, because its reader was too slow."
    yield _counter("backuplink_watch_dropped_documents", text, counts.dropped_documents)
    text = "How often a file could not be written."
    yield _counter("backuplink_watch_file_write_errors", text, counts.failed_writes)
    text = "Cycles that could not be written to the history."
    yield _counter("backuplink_watch_history_lost_cycles", text, counts.lost_cycles)
    reloads = CounterMetricFamily(
        "backuplink_watch_reloads",
        "How often the settings were read again, by whether they were applied.",
        labels=("result",),
    )
    for is_applied, result in ((True, "applied"), (False, "rejected")):
        reloads.add_metric((result,), counts.reloads[is_applied])
    yield reloads
    verdict = GaugeMetricFamily(
        "backuplink_watch_verdict",
        "The verdict after --raise-after and --clear-after cycles: 1 for its status, 0 for every other status.",
        labels=("status",),
    )
    for status in VERDICTS:
        verdict.add_metric((status,), status is tracker.status)
    yield verdict
    text = "1 while the verdict keeps changing; backuplink_watch_verdict then keeps its last value."
    yield _gauge("backuplink_watch_verdict_flapping", text, tracker.is_verdict_flapping)
    text = "1 for each finding that is raised."
    yield _findings("backuplink_watch_finding_raised", text, tracker.raised, redact)
    text = "Since when each finding that is raised has been there (Unix time)."
    yield _since("backuplink_watch_finding_since_timestamp_seconds", text, tracker.raised_since, redact)
    text = "1 for each finding that comes and goes."
    yield _findings("backuplink_watch_finding_flapping", text, tracker.flapping, redact)
    changes = CounterMetricFamily("backuplink_watch_changes", "Changes of state that were reported.", labels=("kind",))
    for kind in Kind:
        changes.add_metric((kind,), tracker.reported[kind])
    yield changes
    sent = CounterMetricFamily(
        "backuplink_watch_notices",
        "Changes for a program or a URL, by whether they were sent.",
        labels=("channel", "result"),
    )
    for (channel, delivery), count in sorted(notices.items()):
        sent.add_metric((channel, delivery), count)
    if sent.samples:
        yield sent


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _since(name: str, text: str, findings: Iterable[tuple[Finding, datetime]], redact: bool) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("code", "severity", "target"))
    first: dict[tuple[str, str, str], float] = {}
    for finding, since in findings:
        labels = (finding.code, finding.severity.value, visible(target_of(finding, redact=redact)))
        first[labels] = min(since.timestamp(), first.get(labels, math.inf))
    for labels, since_seconds in first.items():
        family.add_metric(labels, since_seconds)
    return family


def _findings(name: str, text: str, findings: Iterable[Finding], redact: bool) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("code", "severity", "target"))
    # With masks two findings may have equal labels, and Prometheus rejects a scrape that contains a series twice.
    series = {
        (finding.code, finding.severity, visible(target_of(finding, redact=redact))): None for finding in findings
    }
    for labels in series:
        family.add_metric(labels, 1)
    return family
