"""Saved reports: read them back, and extract the evidence that rules need.

A report that lacks a key, or has one that is not known here, is refused rather than half understood.
"""

import json
from collections import Counter
from typing import Any, Final

from agent.catalog.partitions import is_region
from agent.catalog.placeholders import HOST, SERVICE_NAME
from agent.catalog.services import SERVICES
from agent.catalog.wording import why_no_json, why_no_text
from agent.report.codec import decode
from agent.report.model import Measurement, Report, TargetReport
from agent.report.serialization import DecodeError, quoted
from probes.model import Target

PAGE_ID: Final = "backuplink-report"
"""Id of the element that contains the report in a page of `--format html`."""
_IN_PAGE: Final = f'<script type="application/json" id="{PAGE_ID}">'
_AFTER: Final = "</script>"


class SavedReportError(Exception):
    """The file does not contain a report; its text tells the operator the reason."""


def parse_report(data: bytes, name: str) -> Report:
    """Return the report in a document of `--format json`, `ndjson` or `html`; errors call it `name`. Raises
    SavedReportError."""
    try:
        text = data.decode("utf-8")
    except ValueError as error:
        raise SavedReportError(f"{name}: {why_no_text(data, 'a report')}") from error
    if _is_page(text):
        text, found, _ = text.partition(_IN_PAGE)[2].partition(_AFTER)
        if not found:
            raise SavedReportError(f"{name}: is a web page without a report of `--format html`, or was cut off")
    try:
        report = decode(_document(text))
    except RecursionError as error:
        raise SavedReportError(f"{name}: is nested too deep for a report") from error
    except DecodeError as error:
        raise SavedReportError(
            f"{name}: is not a report of `--format json` that this version understands: {error}"
        ) from error
    except ValueError as error:  # a JSON error, or a number with more digits than Python reads
        raise SavedReportError(f"{name}: {why_no_json(error)}") from error
    if (twice := _twice(report)) is not None:
        raise SavedReportError(f"{name}: {twice}")
    return report


def measurement_of(report: Report) -> Measurement:
    """Return the measurement in a report, without its judgement. Raises SavedReportError for a redacted report, whose
    addresses are stand-ins, and for one that no run can have made."""
    if report.run.redacted:
        raise SavedReportError(
            "the report was redacted: its addresses and names are stand-ins, so it cannot be judged again"
        )
    for target in report.targets:
        if target.service not in SERVICES:
            raise SavedReportError(f"the report is about {quoted(target.service)}, a service that is not known here")
        # These values are used in commands.
        if not is_region(target.region):
            raise SavedReportError(f"the report is about {quoted(target.region)}, which is not the name of a Region")
        if HOST.fullmatch(target.host) is None:
            raise SavedReportError(f"the report is about {quoted(target.host)}, which is not a host's name")
        if target.service_name is not None and SERVICE_NAME.fullmatch(target.service_name) is None:
            raise SavedReportError(f"the report is about {quoted(target.service_name)}, which is not a service's name")
    if report.run.region is not None and not is_region(report.run.region):
        raise SavedReportError(f"the report is of {quoted(report.run.region)}, which is not the name of a Region")
    if (twice := _twice(report)) is not None:
        raise SavedReportError(f"the report {twice}")
    targets = tuple(_target(target_report) for target_report in report.targets)
    return Measurement(run=report.run, targets=targets, observations=report.observations)


def _is_page(text: str) -> bool:
    return text[:64].lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype html", "<html"))


def _document(text: str) -> Any:
    """Return the report of a JSON document, or of the last line of an ndjson stream. Raises ValueError."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        lines = text.strip().split("\n")
        if not _is_line_of_stream(lines[0]):
            raise
        if not _is_line_of_stream(lines[-1]):
            raise DecodeError("the last line", "it is cut off, and the report with it") from None
        document = json.loads(lines[-1])
    if not _is_of_stream(document):
        return document
    if document.pop("type") != "report":
        raise DecodeError("the last line", "the report belongs here; the run did not finish") from None
    return document


def _is_line_of_stream(line: str) -> bool:
    try:
        document = json.loads(line)
    except json.JSONDecodeError:
        return False
    return _is_of_stream(document)


def _is_of_stream(document: Any) -> bool:
    return isinstance(document, dict) and document.get("type") in ("run", "observation", "finding", "report")


def _twice(report: Report) -> str | None:
    """Return an id that occurs twice in a report, which no run can have made; None if there is none."""
    for what, ids in (("target", report.targets), ("observation", report.observations), ("finding", report.findings)):
        twice = [name for name, count in Counter(identified.id for identified in ids).items() if count > 1]
        if twice:
            return f"holds the {what} {quoted(twice[0])} twice"
    return None


def _target(report: TargetReport) -> Target:
    return Target(
        id=report.id,
        service=report.service,
        region=report.region,
        partition=report.partition,
        service_name=report.service_name,
        host=report.host,
        addressing=report.addressing,
        role=report.role,
        ports=report.ports,
        required_by=report.required_by,
        bucket=report.bucket,
        counts_with=report.counts_with,
        by_any_path=report.by_any_path,
    )
