"""The source of the interface: its own runs, or a saved report.

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
"""A watch with the defaults."""


def judged(measurement: Measurement) -> Report:
    """The report of a run, with nothing suppressed."""
    from agent.judge.verdict import judge

    return judge(measurement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Runs made on demand."""

    title: str
    settings: Settings
    measure: Measure
    judge: Callable[[Measurement], Report] = judged
    """Turns measurements into the report of a run, with the operator's suppressions."""
    is_simulated: bool = False
    """Whether the runs are made in a simulated VPC."""
    watching: Watching = WATCHING
    """How runs are repeated, and the rules by which their states count."""
    is_watch: bool = False
    """Whether runs are repeated from the start."""
    history: History | None = None
    """The history file, which has earlier runs, and to which the new runs are added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A saved report; nothing is measured."""

    title: str
    report: Report
    opened_at: datetime
    """The time at which it was read (UTC), for its age."""


Source = Live | Saved
