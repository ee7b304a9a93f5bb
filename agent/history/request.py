"""The request for a history, and the use of the answer."""

from datetime import datetime

from agent.settings import Output
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """Which cycles to show, and how."""

    place: str
    """Path of the history."""
    since: datetime | float | None
    """An instant, or seconds before now."""
    chart: bool
    """Whether a text shows the chart instead of the list of changes."""
    output: Output
