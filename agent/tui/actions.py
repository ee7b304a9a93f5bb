"""The actions that change the state: events of a run, starts and ends of runs, ticks of the clock, and key presses."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.report.model import Report
from agent.run.events import Event
from agent.settings import Settings
from agent.tui.watching import Followed, Memory, Remembered
from probes.frozen import dataclass


class Pane(StrEnum):
    """A part of the screen that can have the focus."""

    PATH = "path"
    CAUSES = "causes"
    DETAIL = "detail"


PANES: Final = tuple(Pane)


@dataclass(frozen=True, slots=True)
class RunRequested:
    """A run is about to start."""

    at: float
    """Time in seconds by the clock of the ticks."""
    settings: Settings
    only: str | None = None
    """Id of the target, if the run requires only one target. None for a whole run."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has finished, and this is its report."""

    report: Report
    followed: Followed | None = None
    """The state by the rules of a watch; None if the run is not a cycle of a watch."""


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """Some time has passed."""

    now: float
    """Time in seconds by the same clock as `RunRequested.at`."""


@dataclass(frozen=True, slots=True)
class CursorMoved:
    """Move the cursor by a number of rows and columns, or scroll the detail. `most` is the last scroll position."""

    rows: int = 0
    columns: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class PaneChanged:
    """Move the focus on by this number of panes."""

    by: int


@dataclass(frozen=True, slots=True)
class ItemSelected:
    """Put the cursor of a pane on the item with this key."""

    pane: Pane
    key: str


@dataclass(frozen=True, slots=True)
class DetailOpened:
    """Open the item under the cursor. A failed step or a cause opens its page, the page opens the evidence, and the
    evidence leads to the steps."""


@dataclass(frozen=True, slots=True)
class WentBack:
    """Go back one step: leave the page that fills the screen, the detail, the filter, or the view of findings only."""


@dataclass(frozen=True, slots=True)
class FilterChanged:
    """Show only items that have these words. If a `!` is in front of a word, hide the items that have this word."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSearched:
    """Search the open page for these words, and go `by` places further from the current place."""

    text: str
    rows: tuple[int, ...]
    """The lines of the page that have these words."""
    page: int
    """Number of lines that are visible at once."""
    most: int
    """The largest scroll position."""
    by: int = 0


@dataclass(frozen=True, slots=True)
class FindingsToggled:
    """Show findings only, or everything again."""


@dataclass(frozen=True, slots=True)
class ServicesUnfolded:
    """If there are many services, show the healthy ones in full, or show them again in one line each."""


@dataclass(frozen=True, slots=True)
class WatchToggled:
    """Start or stop repeated runs."""

    on: bool


@dataclass(frozen=True, slots=True)
class RunScheduled:
    """The time of the next run of a watch (UTC); None if it is unknown."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Use these settings for the next run, and this interval in seconds for a watch."""

    settings: Settings
    interval: float


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """The runs before this interface was started have been read from the history file."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class PastShown:
    """Show a past run. The report is its own, or that of an earlier run with the same result."""

    run: Remembered
    report: Report


@dataclass(frozen=True, slots=True)
class LiveShown:
    """Show the run in progress again, or the latest run if no run is in progress."""


@dataclass(frozen=True, slots=True)
class LogOpened:
    """Open the log to read it."""


@dataclass(frozen=True, slots=True)
class TimelineOpened:
    """Open the page of the lane under the cursor. The page begins with the lane's times."""


@dataclass(frozen=True, slots=True)
class MessageShown:
    """Show a message in the last line of the screen."""

    message: str


Action = (
    Event
    | RunRequested
    | RunFinished
    | ClockTicked
    | CursorMoved
    | PaneChanged
    | ItemSelected
    | DetailOpened
    | WentBack
    | FilterChanged
    | PageSearched
    | FindingsToggled
    | ServicesUnfolded
    | WatchToggled
    | RunScheduled
    | SettingsChanged
    | HistoryRead
    | PastShown
    | LiveShown
    | LogOpened
    | TimelineOpened
    | MessageShown
)
