"""Reports that were saved: read back, and taken apart into the evidence that rules ask.

A report of an older minor version lacks keys that came later; each of those has a default. A report of a newer one may
hold what is not known here, and is refused rather than half understood.
"""

import errno
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from agent.catalog.services import SERVICES
from agent.codec import decode
from agent.evidence import Evidence
from agent.files import TooLargeError, read_within
from agent.report import Report, TargetReport
from agent.shapes import ShapeError
from probes.model import Target

MAX_REPORT_BYTES: Final = 64 << 20
"""Some thirty times the report of a run over a thousand addresses."""
READ_SECONDS: Final = 60.0
"""How long a report may take to be read: a named pipe may have no writer."""
STDIN_SECONDS: Final = 3600.0
"""The same of stdin, where a run may still be under way on the other side."""
STDIN: Final = "-"


class SavedReportError(Exception):
    """A file that holds no report, in words for the operator."""


def read_report(place: str) -> Report:
    """The report in a file, or on stdin where `place` is `-`. Raises SavedReportError."""
    name, seconds = ("stdin", STDIN_SECONDS) if place == STDIN else (place, READ_SECONDS)
    try:
        text = read_within(_source(place), most=MAX_REPORT_BYTES, seconds=seconds).decode("utf-8")
    except TooLargeError as error:
        raise SavedReportError(f"{name}: a report of over {MAX_REPORT_BYTES >> 20} MiB is none") from error
    except OSError as error:
        raise SavedReportError(f"{name}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SavedReportError(f"{name}: is no UTF-8 text, and so no report") from error
    try:
        report = decode(_document(text))
    except RecursionError as error:
        raise SavedReportError(f"{name}: is nested too deep for a report") from error
    except ShapeError as error:
        raise SavedReportError(
            f"{name}: is no report of `--format json` that this version understands: {error}"
        ) from error
    except ValueError as error:  # of JSON, and of a number with more digits than Python reads
        raise SavedReportError(f"{name}: is no JSON: {error}") from error
    if (twice := _twice(report)) is not None:
        raise SavedReportError(f"{name}: {twice}")
    return report


def evidence_of(report: Report) -> Evidence:
    """What the run of a report saw, without what was then made of it. Raises SavedReportError for a redacted report,
    whose addresses are stand-ins, and for one that no run can have made."""
    if report.run.redacted:
        raise SavedReportError(
            "the report was redacted: its addresses and names are stand-ins, so it cannot be judged again"
        )
    for target in report.targets:
        if target.service not in SERVICES:
            raise SavedReportError(f"the report is about {target.service!r}, a service that is not known here")
    if (twice := _twice(report)) is not None:
        raise SavedReportError(f"the report {twice}")
    targets = tuple(_target(each) for each in report.targets)
    return Evidence(run=report.run, targets=targets, observations=report.observations)


def _source(place: str) -> Path | int:
    """What to read. Stdin is read where it is already open: /dev/stdin would open it anew, which whoever may read it
    need not have leave for, and which a socket does not allow."""
    if place != STDIN:
        return Path(place)
    if sys.stdin is None:  # closed before the process began; its number may be another file's by now
        raise OSError(errno.EBADF, "it is closed")
    return 0


def _document(text: str) -> Any:
    """The report of a JSON document, or of the last line of an ndjson stream. Raises ValueError."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        lines = text.strip().split("\n")
        if not _is_line_of_stream(lines[0]):
            raise
        if not _is_line_of_stream(lines[-1]):
            raise ShapeError("the last line", "it is cut off, and the report with it") from None
        found = json.loads(lines[-1])
    if not _is_of_stream(found):
        return found
    if found.pop("type") != "report":
        raise ShapeError("the last line", "the report belongs here; the run did not come to its end") from None
    return found


def _is_line_of_stream(line: str) -> bool:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return False
    return _is_of_stream(found)


def _is_of_stream(found: Any) -> bool:
    return isinstance(found, dict) and found.get("type") in ("run", "observation", "finding", "report")


def _twice(report: Report) -> str | None:
    """What a report holds twice, which no run can have made: its ids are given once."""
    for what, ids in (("target", report.targets), ("observation", report.observations), ("finding", report.findings)):
        twice = [name for name, count in Counter(each.id for each in ids).items() if count > 1]
        if twice:
            return f"holds the {what} {twice[0]!r} twice"
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
    )
