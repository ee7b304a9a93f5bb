"""Reads the formats for monitoring systems, with a parser of the system itself or as its documentation prescribes."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from agent.simulated.settings import EPOCH
from agent.watch import metrics
from agent.watch.changes import Tracker
from agent.watch.notices import Channel, Delivery
from tests.formats import host_record, html_page, junit_results, plugin_output, svg_picture
from tests.support.runs import report_of

REQUIRED: Final = "BACKUPLINK_REQUIRE_PROMTOOL"
_IS_REQUIRED: Final = os.environ.get(REQUIRED) == "1"
"""This constant is read at import, since the environment of the tests hides the variable later."""
Labels = frozenset[tuple[str, str]]


def promtool() -> str:
    """The path of promtool, Prometheus' own checker. If promtool is not installed, the test is skipped, or fails if
    REQUIRED is 1.
    """
    path = shutil.which("promtool")
    if path is not None:
        return path
    reason = "there is no promtool here (Debian and Ubuntu: apt-get install prometheus)"
    if _IS_REQUIRED:
        pytest.fail(f"{REQUIRED} is set, and {reason}")
    pytest.skip(reason)


def families_in(text: str) -> list[Metric]:
    """The metrics of a document in the text format of Prometheus."""
    return list(text_string_to_metric_families(text))


def samples_in(text: str) -> dict[tuple[str, Labels], float]:
    """The value of each sample in a document of Prometheus, by the sample's name and labels. Two samples must not have
    the same name and labels, since a scrape with duplicates fails.
    """
    samples: dict[tuple[str, Labels], float] = {}
    for family in families_in(text):
        for sample in family.samples:
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in samples, series
            samples[series] = sample.value
    return samples


def watch_families(fault: str) -> list[Metric]:
    """The metrics of a watch itself, without those of its latest run. In the cycles before, the scenario `fault`
    repeatedly began and ended, so its findings are raised and flap.
    """
    tracker = Tracker(raise_after=1, clear_after=1)
    for name in ("healthy", fault) * 5:
        tracker.fold(report_of(name))
    counts = metrics.Counts(cycles=10, finished_at=EPOCH)
    notices = Counter({(way, outcome): 0 for way in Channel for outcome in Delivery})
    return list(
        metrics.families(counts=counts, tracker=tracker, notices=notices, interval=60.0, started_at=EPOCH, redact=False)
    )


def _prometheus_status(text: str) -> str:
    (status,) = (
        dict(labels)["status"]
        for (name, labels), value in samples_in(text).items()
        if name == "backuplink_verdict_status" and value == 1
    )
    return status


@dataclass(frozen=True, slots=True)
class Extracted:
    """A metric that CloudWatch reads from an event."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    values: tuple[float, ...]


def events_in(text: str) -> list[dict[str, Any]]:
    """The log events in a document: one JSON object per line."""
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def extracted(event: dict[str, Any]) -> list[Extracted]:
    """The metrics that CloudWatch reads from an event: each metric of each directive, once for each set of
    dimensions.
    """
    samples = []
    for directive in event["_aws"]["CloudWatchMetrics"]:
        for keys in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                target = event[metric["Name"]]
                samples.append(
                    Extracted(
                        namespace=directive["Namespace"],
                        name=metric["Name"],
                        dimensions=tuple((key, event[key]) for key in keys),
                        unit=metric.get("Unit", "None"),
                        values=tuple(target) if isinstance(target, list) else (target,),
                    )
                )
    return samples


def _emf_status(text: str) -> str:
    (run,) = (event for event in events_in(text) if event["type"] == "run")
    (status,) = (
        metric.name.lower()
        for metric in extracted(run)
        if metric.name in ("Ok", "Warning", "Critical", "Unknown") and metric.values == (1,)
    )
    return status


def _nagios_status(text: str) -> str:
    return plugin_output.read(text).word.lower()


def _junit_status(text: str) -> str:
    (verdict,) = (case for case in junit_results.read(text) if case.name == "verdict")
    return {"passed": "ok", "error": "unknown"}.get(verdict.result, verdict.result)


def _markdown_status(text: str) -> str:
    (heading,) = (line for line in text.splitlines() if line.startswith("# "))
    return heading.removeprefix("# ").partition(":")[0].lower()


def _asff_status(text: str) -> str:
    (finding,) = json.loads(text)
    return str(finding["Severity"]["Original"])


def _ops_item_status(text: str) -> str:
    return str(json.loads(text)["OperationalData"]["status"]["Value"])


STATUS_IN: Final[dict[str, Callable[[str], str]]] = {
    "prometheus": _prometheus_status,
    "emf": _emf_status,
    "asff": _asff_status,
    "opsitem": _ops_item_status,
    "host": host_record.status,
    "nagios": _nagios_status,
    "junit": _junit_status,
    "html": html_page.status,
    "svg": svg_picture.status,
    "markdown": _markdown_status,
}
"""For each format, how to find the status of the run in a document."""
