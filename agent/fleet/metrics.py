"""A fleet as metrics of Prometheus for node_exporter's textfile collector: numbers of hosts by verdict and by cause.

The number of series is bounded, since only the worst and largest causes and codes have their own series.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from agent.fleet.model import FleetDocument
from agent.formats.prometheus import VERDICTS, Sample, expose
from agent.report.escape import visible
from probes.frozen import dataclass

MAX_CAUSES: Final = 100


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. All its samples have labels with the same names."""

    name: str
    labels: tuple[str, ...]
    help: str
    samples: Callable[[FleetDocument], Iterable[Sample]]


def render(document: FleetDocument) -> str:
    """Return the document in the text format of Prometheus."""
    return expose(_families(document))


def _families(document: FleetDocument) -> Iterator[Metric]:
    for family in FAMILIES:
        # Prometheus refuses a file in which two samples have the same labels.
        samples = {tuple(map(visible, labels)): value for labels, value in family.samples(document)}
        if samples:
            metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, value in samples.items():
                metric.add_metric(labels, value)
            yield metric


def _verdict(document: FleetDocument) -> Iterator[Sample]:
    for status in VERDICTS:
        yield (status.value,), status is document.verdict.status


def _hosts(document: FleetDocument) -> Iterator[Sample]:
    if document.sweep is not None:
        count = document.totals
        counts = (count.ok, count.warning, count.critical, count.unknown)
        yield from (((status.value,), number) for status, number in zip(VERDICTS, counts, strict=True))


def _sweep(document: FleetDocument) -> Iterator[Sample]:
    if document.sweep is not None:
        yield (), document.sweep.started_at.timestamp()


def _silent(document: FleetDocument) -> Iterator[Sample]:
    if document.sweep is not None:
        yield (), document.totals.not_heard_from


def _unreadable(document: FleetDocument) -> Iterator[Sample]:
    yield (), document.totals.unreadable


def _redacted(document: FleetDocument) -> Iterator[Sample]:
    yield (), document.totals.redacted


def _causes(document: FleetDocument) -> Iterator[tuple[tuple[str, str, str], int, int, float | None]]:
    """Yield the causes by ticket. An alert then stays the same even if the key of a cause changes."""
    for cause in document.causes[:MAX_CAUSES]:
        at = None if cause.since is None else cause.since.timestamp()
        code, _, subject = (cause.ticket or cause.key).partition("|")
        yield (code, subject, cause.severity.value), cause.host_count, cause.exposed_count, at


def _cause_hosts(document: FleetDocument) -> Iterator[Sample]:
    yield from ((labels, hosts) for labels, hosts, _, _ in _causes(document))


def _cause_exposed(document: FleetDocument) -> Iterator[Sample]:
    yield from ((labels, exposed) for labels, _, exposed, _ in _causes(document))


def _cause_since(document: FleetDocument) -> Iterator[Sample]:
    yield from ((labels, at) for labels, _, _, at in _causes(document) if at is not None)


def _own(document: FleetDocument) -> Iterator[Sample]:
    for fault in document.own_faults[:MAX_CAUSES]:
        yield (fault.code,), fault.host_count


_CAUSE: Final = ("code", "subject", "severity")

FAMILIES: Final = (
    Family(
        "backuplink_fleet_verdict",
        ("status",),
        "1 for the verdict, which is the worst of all hosts, and 0 for the other verdicts.",
        _verdict,
    ),
    Family("backuplink_fleet_hosts", ("status",), "Hosts of this sweep, by their verdict.", _hosts),
    Family(
        "backuplink_fleet_hosts_not_heard_from",
        (),
        "Hosts that were expected and have no record in this sweep.",
        _silent,
    ),
    Family("backuplink_fleet_sweep_timestamp_seconds", (), "When the sweep started, as Unix time.", _sweep),
    Family("backuplink_fleet_files_unreadable", (), "Files that are neither a report nor a record.", _unreadable),
    Family(
        "backuplink_fleet_records_redacted",
        (),
        "Records that their host redacted. No id joins them with other records.",
        _redacted,
    ),
    Family(
        "backuplink_fleet_cause_hosts",
        _CAUSE,
        "Hosts that count at a cause; each host counts at only one cause. The labels code and subject come from the "
        "ticket of the cause, and stay the same as long as the cause exists. The label severity is critical or "
        "warning.",
        _cause_hosts,
    ),
    Family(
        "backuplink_fleet_cause_exposed_hosts",
        _CAUSE,
        "Hosts that could have the cause.",
        _cause_exposed,
    ),
    Family(
        "backuplink_fleet_cause_since_timestamp_seconds",
        _CAUSE,
        "Start of the sweep since which enough hosts have had the cause, as Unix time. There is no sample if it is "
        "unknown.",
        _cause_since,
    ),
    Family(
        "backuplink_fleet_own_fault_hosts",
        ("code",),
        "Hosts with a fault that they share with no other host, by its code.",
        _own,
    ),
)
"""The metrics in the order of the output."""
