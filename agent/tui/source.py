"""What the interface shows: runs that it makes, or a report that was saved.

What measures and what judges is imported when it is wanted, after the first picture is on the screen.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.report.model import Measurement, Report
from agent.run.events import Event
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.process.cancel import CancelToken

Measure = Callable[[Settings, Callable[[Event], None], "CancelToken"], Awaitable[Measurement]]
"""Makes one run with these settings, hands on its events, and ends early when `CancelToken` is cancelled."""


def judged(measurement: Measurement) -> Report:
    """The report of a run of which nothing is suppressed."""
    from agent.judge.verdict import judge

    return judge(measurement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Runs, made as they are asked for."""

    title: str
    settings: Settings
    measure: Measure
    judge: Callable[[Measurement], Report] = judged
    """Gives the report of a run, with what the operator wants suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A report that somebody saved; nothing is measured."""

    title: str
    report: Report


Source = Live | Saved
