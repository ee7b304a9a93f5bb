"""The report as log events from which CloudWatch takes metrics: embedded metric format, one JSON object per line. There
is an event for the run, and an event for each target in use. AWS charges for each combination of a metric's name and
dimensions. The run's metrics therefore have no dimensions, and a target's metrics have the Region and the id. Steps are
summed up, and something that rotates, such as an address, never has its own metric. The details are properties beside
the metrics, for queries in CloudWatch Logs Insights.

Sources: Specification: Embedded metric format, in the Amazon CloudWatch User Guide; MetricDatum and Dimension, in the
Amazon CloudWatch API Reference.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from agent.formats.monitoring import RESULTS, certificate_end, has_run, in_use, is_probed, own_lookup
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.escape import visible
from agent.report.model import Finding, Report, Status, TargetReport
from agent.report.standing import Standing, standings
from agent.report.words import STEPS
from probes.frozen import dataclass
from probes.model import Failed, Failure, Observation, Ok, Step

NAMESPACE: Final = "backuplink"
DIMENSIONS: Final = ("Region", "Target")
"""Dimensions of a target's metrics. A run's metrics have no dimensions. An alarm on them therefore sees every run,
whatever its Region."""
MAX_VALUES: Final = 100
"""Maximum number of values of one metric in one event."""
MAX_DIMENSION: Final = 1_024
"""Maximum length of a dimension's value."""
MAX_MAGNITUDE: Final = 2.0**360
"""Largest magnitude of a value."""
MAX_TEXT: Final = 1_000
"""Maximum length of one property. An event then stays below the 256 KB that forwarders of logs accept, and far below
the 1 MB that CloudWatch Logs accepts."""
MAX_LISTED: Final = 20
"""Maximum number of causes, failures and the like in one event."""

Values = float | Sequence[float] | None
"""The values of a metric in an event. None, or an empty sequence, if no values are known."""


@dataclass(frozen=True, slots=True)
class RunMetric:
    """A metric of the whole run."""

    name: str
    unit: str
    help: str
    values: Callable[[Report], Values]


@dataclass(frozen=True, slots=True)
class TargetMetric:
    """A metric of a target in use."""

    name: str
    unit: str
    help: str
    values: Callable[[TargetReport, Report], Values]


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Return one event per line: the event of the run, then an event for each target in use."""
    events = [_run(report), *(_target(target, report) for target in report.targets if is_probed(target))]
    return "".join(f"{json.dumps(event, allow_nan=False, separators=(',', ':'))}\n" for event in events)


def _run(report: Report) -> dict[str, Any]:
    metrics = [(metric.name, metric.unit, metric.values(report)) for metric in RUN_METRICS]
    seen = report.vantage
    causes = [finding for finding, standing in standings(report) if standing is Standing.CAUSE]
    return _event(
        report,
        dimensions={},
        metrics=metrics,
        properties={
            "type": "run",
            "version": report.tool.version,
            "region": report.run.region,
            "expect": report.run.expect,
            "interrupted": report.run.interrupted,
            "status": report.verdict.status,
            "path": report.verdict.path,
            "access": report.verdict.access,
            "summary": report.verdict.summary,
            "instance_id": seen.instance_id,
            "vpc_id": seen.vpc_id,
            "availability_zone_id": seen.availability_zone_id,
            "clock_uncertainty_seconds": seen.clock_uncertainty_seconds,
            "causes": [_cause(cause) for cause in causes],
            "not_counted": [
                finding.id for finding in report.findings if finding.explained_by is None and not finding.counts
            ],
            "suppressed": [finding.id for finding in report.findings if finding.suppressed],
        },
    )


def _target(target: TargetReport, report: Report) -> dict[str, Any]:
    metrics = [(metric.name, metric.unit, metric.values(target, report)) for metric in TARGET_METRICS]
    failed = [
        _failed(observation, observation.failure)
        for observation in in_use(target, report)
        if observation.failure is not None
    ]
    return _event(
        report,
        dimensions={"Region": target.region, "Target": target.id},
        metrics=metrics,
        properties={
            "type": "target",
            "service": target.service,
            "host": target.host,
            "role": target.role,
            "status": target.status,
            "path": target.path,
            "access": target.access,
            "unproven": list(target.unproven),
            "addresses": dict(Counter(address.scope.value for address in target.addresses if address.from_own_lookup)),
            "causes": [_cause(finding) for finding in _causes(target, report)],
            "failed": failed,
        },
    )


def _event(
    report: Report, dimensions: dict[str, str], metrics: list[tuple[str, str, Values]], properties: dict[str, Any]
) -> dict[str, Any]:
    values = {name: known for name, _, given in metrics if (known := _known(given)) is not None}
    return {
        "_aws": {
            "Timestamp": int(report.run.finished_at.timestamp() * 1_000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": unit} for name, unit, _ in metrics if name in values],
                }
            ],
        },
        **{name: _dimension(value) for name, value in dimensions.items()},
        **values,
        "run_id": _property(report.run.id),
        **{name: _property(value) for name, value in properties.items()},
    }


def _known(values: Values) -> float | list[float] | None:
    """Return values in the form of an event; None if there are none."""
    if not isinstance(values, Sequence):
        return None if values is None or abs(values) > MAX_MAGNITUDE else round(values, 6)
    slowest = sorted((value for value in values if abs(value) <= MAX_MAGNITUDE), reverse=True)[:MAX_VALUES]
    return [round(value, 6) for value in slowest] or None


def _dimension(text: str) -> str:
    """Return a value that CloudWatch accepts: printable ASCII, not only spaces, not too long."""
    shown = visible(text)[:MAX_DIMENSION]
    return shown if shown.strip() else "unknown"


def _property(value: Any) -> Any:
    """Return a value in the form of an event. Texts and lists in it are shortened to their limits."""
    match value:
        case str():
            shown = visible(value)
            return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]} ..."
        case float():
            return round(value, 6)
        case list():
            return [_property(item) for item in value[:MAX_LISTED]]
        case dict():
            return {key: _property(item) for key, item in value.items()}
    return value


def _cause(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "counts": finding.counts,
        "title": finding.title,
        "headline": finding.headline,
        "detail": finding.detail,
        "fix": finding.fix.summary,
    }


def _failed(observation: Observation[Any], failure: Failure) -> dict[str, Any]:
    return {
        "step": observation.subject.step,
        "address": str(observation.subject.address),
        "port": observation.subject.port,
        "kind": failure.kind,
        "code": failure.code,
    }


def _causes(target: TargetReport, report: Report) -> list[Finding]:
    return [
        finding
        for finding, standing in standings(report)
        if finding.target == target.id
        and (standing is Standing.CAUSE or (standing is Standing.NOT_COUNTED and finding.explained_by is None))
    ]


# --- Metrics of a run ------------------------------------------------------------------------------------------------


def _run_is(status: Status) -> Callable[[Report], Values]:
    return lambda report: float(report.verdict.status is status)


def _credentials_left(report: Report) -> Values:
    credentials = report.vantage.credentials
    if credentials is None or credentials.expires_at is None:
        return None
    return (credentials.expires_at - report.run.finished_at).total_seconds()


def _parted(report: Report) -> Values:
    return float(sum(path.agrees is False for path in report.paths)) if report.paths else None


RUN_METRICS: Final = (
    RunMetric("Ok", "Count", "1 if the status of the run is ok, otherwise 0.", _run_is(Status.OK)),
    RunMetric("Warning", "Count", "1 if the status of the run is warning.", _run_is(Status.WARNING)),
    RunMetric("Critical", "Count", "1 if the status of the run is critical.", _run_is(Status.CRITICAL)),
    RunMetric("Unknown", "Count", "1 if the run could not decide, or did not take place.", _run_is(Status.UNKNOWN)),
    RunMetric(
        "Complete",
        "Count",
        "1 if the run was neither interrupted nor cut short by its deadline.",
        lambda report: float(report.run.complete),
    ),
    RunMetric(
        "Causes",
        "Count",
        "Number of findings that count: no other finding explains them, and nobody suppressed them.",
        lambda report: float(sum(standing is Standing.CAUSE for _, standing in standings(report))),
    ),
    RunMetric(
        "RunSeconds",
        "Seconds",
        "Duration of the run; absent if there was none.",
        lambda report: report.run.seconds if has_run(report) else None,
    ),
    RunMetric(
        "ClockOffsetSeconds",
        "Seconds",
        "This host's clock minus the clock of AWS.",
        lambda report: report.vantage.clock_offset_seconds,
    ),
    RunMetric(
        "CredentialsSecondsLeft",
        "Seconds",
        "Time from the end of the run until the credentials in use expire.",
        _credentials_left,
    ),
    RunMetric(
        "PathsOtherwise",
        "Count",
        "Ports of addresses where configuration and measurement differ; absent if EC2 was not read.",
        _parted,
    ),
)


# --- Metrics of a target ---------------------------------------------------------------------------------------------


def _target_is(status: Status) -> Callable[[TargetReport, Report], Values]:
    return lambda target, _: float(target.status is status)


def _lookup_seconds(target: TargetReport, report: Report) -> Values:
    lookup = own_lookup(target, report)
    return lookup.seconds if lookup is not None and lookup.made else None


def _certificate_left(target: TargetReport, report: Report) -> Values:
    end = certificate_end(target, report)
    return None if end is None else end - report.run.finished_at.timestamp()


def _ended(step: Step, outcome: type) -> Callable[[TargetReport, Report], Values]:
    return lambda target, report: float(
        sum(
            observation.subject.step is step and type(observation.outcome) is outcome
            for observation in in_use(target, report)
        )
    )


def _seconds(step: Step) -> Callable[[TargetReport, Report], Values]:
    return lambda target, report: [
        observation.seconds
        for observation in in_use(target, report)
        if observation.subject.step is step and observation.ok and observation.seconds is not None
    ]


def _of_step(step: Step) -> Iterator[TargetMetric]:
    word, name = step.capitalize(), step.upper()
    for outcome in (Ok, Failed):
        result = RESULTS[outcome]
        yield TargetMetric(
            f"{word}{result.capitalize()}",
            "Count",
            f"{name} steps that are {result}, at every address and port in use.",
            _ended(step, outcome),
        )
    yield TargetMetric(
        f"{word}Seconds",
        "Seconds",
        f"Durations of the {name} steps that succeeded; of more than {MAX_VALUES}, only the slowest.",
        _seconds(step),
    )


TARGET_METRICS: Final = (
    TargetMetric("Ok", "Count", "1 if the target is ok, otherwise 0.", _target_is(Status.OK)),
    TargetMetric("Warning", "Count", "1 if the target is warning.", _target_is(Status.WARNING)),
    TargetMetric("Critical", "Count", "1 if the target is critical.", _target_is(Status.CRITICAL)),
    TargetMetric("Unknown", "Count", "1 if the run could not decide.", _target_is(Status.UNKNOWN)),
    TargetMetric(
        "Causes",
        "Count",
        "The target's findings that no other finding explains and that are not suppressed.",
        lambda target, report: float(len(_causes(target, report))),
    ),
    TargetMetric("LookupSeconds", "Seconds", "Duration of this host's own lookup of the name.", _lookup_seconds),
    TargetMetric(
        "CertificateSecondsLeft",
        "Seconds",
        "Seconds until the first certificate expires, over all addresses in use whose handshake on port 443 succeeded.",
        _certificate_left,
    ),
    *(metric for step in STEPS for metric in _of_step(step)),
)
