"""What the interface shows: runs of its own, or a saved report.

The modules that measure and judge are imported after the first screen is shown.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from agent.history.model import History
from agent.report.model import Measurement, Report
from agent.run.measuring import Measure
from agent.settings import DEFAULT_CLEAR_AFTER, DEFAULT_INTERVAL, DEFAULT_RAISE_AFTER, Settings, Watching
from probes.frozen import dataclass

if TYPE_CHECKING:
    pass

WATCHING: Final = Watching(
    interval=DEFAULT_INTERVAL, cycles=None, raise_after=DEFAULT_RAISE_AFTER, clear_after=DEFAULT_CLEAR_AFTER
)
"""A watch by the defaults."""


def judged(measurement: Measurement) -> Report:
    """The report of a run, with nothing suppressed."""
    from agent.judge.verdict import judge

    return judge(measurement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Runs that are made on demand."""

    title: str
    settings: Settings
    measure: Measure
    judge: Callable[[Measurement], Report] = judged
    """Gives the report of a run, with the operator's suppressions."""
    is_simulated: bool = False
    """Whether the runs are made in a simulated VPC."""
    watching: Watching = WATCHING
    """How runs are repeated, and by which rules their states count."""
    is_watch: bool = False
    """Whether they are repeated from the start on."""
    history: History | None = None
    """The file that takes the runs, and has those of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A saved report; nothing is measured."""

    title: str
    report: Report
    opened_at: datetime
    """When it was read (UTC), for its age."""


Source = Live | Saved
