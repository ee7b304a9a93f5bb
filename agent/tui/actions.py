"""What can happen to the interface: events of a run, ends of runs, ticks of the clock, and what a person does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.report.model import Report
from agent.run.events import Event
from agent.settings import Settings


class Pane(StrEnum):
    """Where keys go."""

    PATH = "path"
    CAUSES = "causes"
    DETAIL = "detail"


PANES: Final = tuple(Pane)


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A run is about to be made."""

    at: float
    settings: Settings
    only: str | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is over, and this is its report."""

    report: Report


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has gone on."""

    now: float


@dataclass(frozen=True, slots=True)
class Moved:
    """The cursor is to go this far, or the detail, which scrolls by at most `most` lines."""

    rows: int = 0
    columns: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class PaneChanged:
    """Keys are to go to the next pane, or to the one before."""

    by: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """This is to be under the cursor of a pane."""

    pane: Pane
    key: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What is under the cursor is wanted in full."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Back, one step at a time: from the whole screen, from findings only, from the filter."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """Only what has these words in it is wanted."""

    text: str


@dataclass(frozen=True, slots=True)
class FindingsSwitched:
    """Findings only, or all again."""


@dataclass(frozen=True, slots=True)
class WatchSwitched:
    """Runs are to be made again and again, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A watch runs again at this time."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """The next run is to be made like this."""

    settings: Settings
    interval: float


@dataclass(frozen=True, slots=True)
class Said:
    """Something is to be said to the person at the keys."""

    message: str


Happened = (
    Event
    | RunBegan
    | RunEnded
    | Ticked
    | Moved
    | PaneChanged
    | Chosen
    | Opened
    | Closed
    | Filtered
    | FindingsSwitched
    | WatchSwitched
    | Planned
    | SettingsChanged
    | Said
)
