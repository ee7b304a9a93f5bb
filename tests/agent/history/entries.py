"""Entries of a history that contain only what a test needs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.history.model import Entry
from agent.history.write import HistoryWriter
from agent.report.model import Report, Status
from agent.settings import Keeping
from tests.agent.watch.cycles import FAILED_CONNECT, INTERVAL, LASTS, WELL, cycle, fault
from tests.support import build

DAY: Final = 86_400.0
MB: Final = 1_000_000
CHANGE: Final[Mapping[str, Any]] = {
    "kind": "raised",
    "at": "2026-03-01T12:00:02.000Z",
    "since": "2026-03-01T12:00:00.000Z",
    "seconds": 2.0,
    "about": "TCP001@backup",
    "status": "critical",
    "severity": "critical",
    "text": "2026-03-01T12:00:02Z raised TCP001@backup (critical): it is so; present for 2 s",
    "run_id": "run-1",
}


def writer(path: Path, *, seconds: float = 30 * DAY, size: int = 100 * MB) -> HistoryWriter:
    return HistoryWriter(Keeping(path=path, seconds=seconds, size=size))


def well(number: int) -> Report:
    """The report of the healthy cycle with this number."""
    return cycle(number, status=Status.OK, backup=Status.OK, observations=(WELL,), summary="backup answers")


def ill(number: int) -> Report:
    """The report of a cycle with a fault."""
    return cycle(number, fault(), observations=(FAILED_CONNECT,))


def at(report: Report, moment: datetime) -> Report:
    """The report, moved to another time."""
    return replace(report, run=replace(report.run, started_at=moment, finished_at=moment + LASTS))


def entry(
    report: Report,
    *changes: Mapping[str, Any],
    series: str = "watch",
    state: Any = None,
    stands: float | None = 86.0,
    lost: int = 0,
) -> Entry:
    return Entry(series=series, report=report, changes=changes, state=state, stands=stands, lost=lost)


def change(number: int, **values: Any) -> Mapping[str, Any]:
    """A change in the cycle with this number."""
    moment = build.NOW + (number - 1) * INTERVAL + LASTS
    words = f"{moment:%Y-%m-%dT%H:%M:%SZ} {CHANGE['text'].partition(' ')[2]}"
    return {**CHANGE, "at": f"{moment:%Y-%m-%dT%H:%M:%S.000Z}", "text": words, **values}


def later(**how: float) -> datetime:
    """A time that is this much later than the first cycle."""
    return build.NOW + timedelta(**how)
