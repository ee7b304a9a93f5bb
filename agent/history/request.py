"""What a history is asked for, and what becomes of the answer."""

from datetime import datetime

from agent.settings import Output
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """Which cycles are told, and how."""

    place: str
    """Path of the history."""
    since: datetime | float | None
    """An instant, or seconds before now."""
    chart: bool
    """Whether a text is the chart, and not the list of changes."""
    output: Output
