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
    """A part of the screen that keys can go to."""

    PATH = "path"
    CAUSES = "causes"
    DETAIL = "detail"


PANES: Final = tuple(Pane)


@dataclass(frozen=True, slots=True)
class RunRequested:
    """A run is about to start."""

    at: float
    """Seconds by the clock of the ticks."""
    settings: Settings
    only: str | None = None
    """Id of the one target that it requires; None for a whole run."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has finished, and this is its report."""

    report: Report
    followed: Followed | None = None
    """How things are by the rules of a watch; None if the run is not one of its cycles."""


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """Some time has passed."""

    now: float
    """Seconds by the same clock as `RunRequested.at`."""


@dataclass(frozen=True, slots=True)
class CursorMoved:
    """Move the cursor by so many rows and columns, or scroll the detail, whose last position is `most`."""

    rows: int = 0
    columns: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class PaneChanged:
    """Give the keys to the pane so many places further on."""

    by: int


@dataclass(frozen=True, slots=True)
class ItemSelected:
    """Put the cursor of a pane on this key."""

    pane: Pane
    key: str


@dataclass(frozen=True, slots=True)
class DetailOpened:
    """Open what is under the cursor: of a failed step its finding, of a finding its page, of its page the steps."""


@dataclass(frozen=True, slots=True)
class WentBack:
    """Go back one step: from the whole screen, from the detail, from the filter, from findings only."""


@dataclass(frozen=True, slots=True)
class FilterChanged:
    """Show only what holds these words, and shows none that follows a `!`."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSearched:
    """Go to these words on the page that is read: to the first place from here on, or `by` places further."""

    text: str
    rows: tuple[int, ...]
    """The lines of the page where they stand."""
    page: int
    """Lines that are visible at once."""
    most: int
    """The largest scroll position."""
    by: int = 0


@dataclass(frozen=True, slots=True)
class FindingsToggled:
    """Show findings only, or everything again."""


@dataclass(frozen=True, slots=True)
class ServicesUnfolded:
    """Show healthy ones of many services in full, or in one line each again."""


@dataclass(frozen=True, slots=True)
class WatchToggled:
    """Start or stop to run again and again."""

    on: bool


@dataclass(frozen=True, slots=True)
class RunScheduled:
    """A watch runs again at this time (UTC); None where that is unknown."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Use these settings for the next run, and this interval in seconds for a watch."""

    settings: Settings
    interval: float


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """What the file of the history remembers of the runs before this interface."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class PastShown:
    """Show a run that is over, by the report that shows it."""

    run: Remembered
    report: Report


@dataclass(frozen=True, slots=True)
class LiveShown:
    """Show the last run again, or the one in progress."""


@dataclass(frozen=True, slots=True)
class LogOpened:
    """Open the log to read it."""


@dataclass(frozen=True, slots=True)
class TimelineOpened:
    """Read the page of the lane under the cursor, which begins with its times."""


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
