"""Finds faults in a folder of reports of an acceptance run."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from acceptance_cases import CASES, complaint
from agent.judge.verdict import judge
from agent.report import codec
from agent.report.model import Report
from agent.report.redact import redact
from agent.report.saved import SavedReportError, measurement_of, parse_report
from tests.support.validator import VALIDATOR

FOLDER: Final = Path(__file__).parent
RECORD: Final = "run.json"
AWS, SIMULATION = "aws", "simulation"
_TAKEN_AT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z")


def folders() -> list[Path]:
    """The folders of reports, by name."""
    return sorted(path for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))


def reports_in(folder: Path) -> list[Path]:
    """The reports in a folder."""
    return sorted(path for path in folder.glob("*.json") if path.name != RECORD)


def faults_of_record(folder: Path) -> Iterator[str]:
    """The faults in the file that describes a run."""
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError) as error:
        yield f"{RECORD}: {error}"
        return
    if {*record} != {"made_by", "region", "version", "taken_at"}:
        yield f"{RECORD} has other keys: {', '.join(sorted(record))}"
        return
    if record["made_by"] not in (AWS, SIMULATION):
        yield f"{RECORD} is made by {record['made_by']}"
    if _TAKEN_AT.fullmatch(record["taken_at"]) is None:
        yield f"{RECORD} was taken at {record['taken_at']}"


def faults_of(path: Path) -> Iterator[str]:
    """The faults of a report: it does not follow the schema, it does not show what its case expects, today's rules
    judge it differently, or it is not masked completely. A masked report is not judged again, since this is not
    possible.
    """
    try:
        case = next(case for case in CASES if case.name == path.stem)
    except StopIteration:
        yield f"{path.stem} is not a case of packaging/acceptance"
        return
    content = path.read_bytes()
    try:
        report = parse_report(content, path.name)
    except SavedReportError as error:
        yield str(error)
        return
    VALIDATOR.validate(codec.encode(report))
    if (words := complaint(case, report)) is not None:
        yield words
    if report.run.redacted:
        if unlike(redact(report), report):
            yield "it says that it is masked, and masking it again changes it"
    elif (words := complaint(case, judge(measurement_of(report)))) is not None:
        yield f"judged again: {words}"


def unlike(one: Report, other: Report) -> bool:
    return codec.encode(one) != codec.encode(other)
