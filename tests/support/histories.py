"""A history of a week, as a watch writes it: healthy except for a silent zone of two hours, a day that flaps, some
hours in which the host was off, and an unknown verdict.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.app import history as history_command
from agent.history.model import Entry, HistoryDocument
from agent.history.write import HistoryWriter
from agent.report.model import Report
from agent.settings import Keeping
from agent.watch.change_text import document
from agent.watch.changes import Tracker
from probes.model import Observation
from tests.support.runs import report_of

INTERVAL: Final = timedelta(minutes=20)
CYCLES: Final = 7 * 72
NAME: Final = "watch --region eu-west-1 --workload auto"


def week(path: Path) -> None:
    """Write the history of the week. Its last state is flapping."""
    history = HistoryWriter(Keeping(path=path, seconds=365 * 86_400.0, size=1_000_000_000))
    tracker = Tracker(raise_after=2, clear_after=2)
    for report in _reports(random.Random(19)):
        history.append(
            Entry(
                series=NAME,
                report=report,
                changes=tuple(document(change, report, redact=False) for change in tracker.fold(report)),
                state=None,
                stands=1.1 * INTERVAL.total_seconds() + 20,
                lost=0,
            )
        )
    history.close()


def _reports(chance: random.Random) -> Iterator[Report]:
    for number in range(CYCLES):
        day, at = divmod(number, 72)
        if day == 3 and 20 <= at < 44:
            continue  # no watch ran
        name = "healthy"
        if day == 1 and 30 <= at < 37:
            name = "three-faults"
        if day == 4 and 50 <= at < 53:
            name = "region-unknown"
        if day == 6 and at >= 36 and number % 2:
            name = "one-zone-silent"
        report = report_of(name)
        moved = number * INTERVAL
        started = report.run.started_at + moved
        run = replace(report.run, id=f"run-{number}", started_at=started, finished_at=report.run.finished_at + moved)
        rows = tuple(_later(row, moved, chance) for row in report.observations)
        yield replace(report, run=run, observations=rows)


def _later(row: Observation[Any], by: timedelta, chance: random.Random) -> Observation[Any]:
    if row.seconds is None or row.started_at is None:
        return row
    slower = chance.choice((1.0, 1.0, 1.0, 1.5, 2.0, 8.0)) * chance.uniform(0.7, 1.3)
    return replace(row, started_at=row.started_at + by, seconds=row.seconds * slower)


def read(path: Path, at: datetime | None = None) -> HistoryDocument:
    """The document of a history with its chart, as the command makes it at the time `at`, or by default just after the
    last cycle.
    """
    found = history_command._read(str(path), lambda reader: history_command._document(reader, None, chart=True), ())
    moment = max(series.last_at for series in found.series) + timedelta(minutes=1) if at is None else at
    return replace(found, read_at=moment)


def filled(document: HistoryDocument, text: str) -> HistoryDocument:
    """The document with `text` in place of every text from outside."""
    series = tuple(
        replace(
            row,
            name=text,
            status=text,
            summary=text,
            last_failure=text,
            days=tuple(replace(day, day=text, cells=text) for day in row.days or ()),
            latency=tuple(replace(line, lane=text, step=text) for line in row.latency or ()),
            flapping=tuple(replace(flap, about=text) for flap in row.flapping),
        )
        for row in document.series
    )
    changes = tuple(
        replace(row, series=text, about=text, status=text, severity=text, text=f"x {text}") for row in document.changes
    )
    return replace(document, series=series, changes=changes)
