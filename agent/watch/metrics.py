"""What a watch says of itself, as metrics beside those of its last run."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from agent.formats.prometheus import VERDICTS
from agent.formats.report_text import visible
from agent.report.model import Finding
from agent.watch.change_text import target_of
from agent.watch.changes import Kind, Tracker
from agent.watch.notices import Channel, Delivery


@dataclass(slots=True)
class Counts:
    """What a watch has counted since it began."""

    cycles: int = 0
    late: int = 0
    """Cycles that began after their time, since the one before took longer than its interval."""
    broken: int = 0
    """Cycles that a fault of this program ended."""
    left_out: int = 0
    """Documents that stdout was not given, since its reader had not taken those before."""
    reloads: Counter[bool] = field(default_factory=Counter)
    """Of the settings, by whether they were taken."""
    unwritten: int = 0
    """Files that could not be written."""
    finished_at: datetime | None = None
    """When the last cycle came to its end."""


BEGUN: Final = "backuplink_watch_start_timestamp_seconds"
CYCLES: Final = "backuplink_watch_cycles"
LAST_CYCLE: Final = "backuplink_watch_last_cycle_timestamp_seconds"


def families(
    *,
    counts: Counts,
    tracker: Tracker,
    notices: Counter[tuple[Channel, Delivery]],
    interval: float,
    begun_at: datetime,
    redact: bool,
) -> Iterator[Metric]:
    """The metrics of a watch; those of its last run are the report's."""
    yield _gauge(BEGUN, "When the watch began (Unix time).", begun_at.timestamp())
    yield _gauge(
        "backuplink_watch_interval_seconds", "Seconds from the begin of a cycle to that of the next.", interval
    )
    if counts.finished_at is not None:
        said = "When the last cycle came to its end (Unix time). What is older than a few intervals proves nothing."
        yield _gauge(LAST_CYCLE, said, counts.finished_at.timestamp())
    yield _counter(CYCLES, "Cycles that came to their end.", counts.cycles)
    late = "Cycles that began late, since the one before took longer than the interval."
    yield _counter("backuplink_watch_late_cycles", late, counts.late)
    yield _counter("backuplink_watch_broken_cycles", "Cycles that a fault of this program ended.", counts.broken)
    left_out = "Documents left out, since the reader of stdout had not taken those before."
    yield _counter("backuplink_watch_documents_left_out", left_out, counts.left_out)
    yield _counter("backuplink_watch_unwritten_files", "Files that could not be written.", counts.unwritten)
    reloads = CounterMetricFamily(
        "backuplink_watch_reloads",
        "Times the settings were read again, by whether they were taken.",
        labels=("result",),
    )
    for taken, word in ((True, "taken"), (False, "refused")):
        reloads.add_metric((word,), counts.reloads[taken])
    yield reloads
    verdict = GaugeMetricFamily(
        "backuplink_watch_verdict",
        "The verdict that stands after --raise-after and --clear-after cycles: 1 for the one that does.",
        labels=("status",),
    )
    for status in VERDICTS:
        verdict.add_metric((status,), status is tracker.status)
    yield verdict
    said = "1 while the verdict changes again and again; the one that stands is then the last before."
    yield _gauge("backuplink_watch_verdict_flapping", said, tracker.is_verdict_flapping)
    raised, flapping = "1 for each finding that stands raised.", "1 for each finding that comes and goes."
    yield _findings("backuplink_watch_finding_raised", raised, tracker.raised, redact)
    yield _findings("backuplink_watch_finding_flapping", flapping, tracker.flapping, redact)
    changes = CounterMetricFamily("backuplink_watch_changes", "Changes of state that were told.", labels=("kind",))
    for kind in Kind:
        changes.add_metric((kind,), tracker.told[kind])
    yield changes
    told = CounterMetricFamily(
        "backuplink_watch_notices",
        "Changes told to a program or a URL, by what became of it.",
        labels=("channel", "result"),
    )
    for (way, outcome), number in sorted(notices.items()):
        told.add_metric((way, outcome), number)
    if told.samples:
        yield told


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value=value)


def _findings(name: str, words: str, findings: Iterable[Finding], redact: bool) -> Metric:
    family = GaugeMetricFamily(name, words, labels=("code", "severity", "target"))
    # Masks may make two of them one, which would be refused with all the rest.
    for labels in {(each.code, each.severity, visible(target_of(each, redact=redact))): None for each in findings}:
        family.add_metric(labels, 1)
    return family
