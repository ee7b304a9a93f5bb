"""A history for display, and its formats for programs and as a picture."""

from collections.abc import Mapping
from dataclasses import field

from agent.history.model import HistoryDocument
from agent.report.model import Report
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownHistory:
    """A history with the choice of what to show."""

    document: HistoryDocument
    chart: bool = False
    """Whether a text shows the chart instead of the list of changes."""
    reports: Mapping[int, tuple[int, Report]] = field(default_factory=dict)
    """For the cycle of each failure, the cycle that kept its report, and the report."""


def as_json(shown: ShownHistory) -> str:
    """Return the document as JSON text."""
    from agent.report.codec import dumps
    from agent.report.serialization import to_json

    return dumps(to_json(shown.document))


def as_svg(shown: ShownHistory) -> str:
    """Return the chart as a picture."""
    from agent.history import chart

    return chart.as_svg(shown.document)
