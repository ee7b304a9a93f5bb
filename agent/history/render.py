"""A history as it is shown, and its formats for programs and as a picture."""

from collections.abc import Mapping
from dataclasses import field

from agent.history.model import HistoryDocument
from agent.report.model import Report
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownHistory:
    """A history, and what of it is shown."""

    document: HistoryDocument
    chart: bool = False
    """Whether the text is the chart, and not the list of changes."""
    reports: Mapping[int, tuple[int, Report]] = field(default_factory=dict)
    """The report that shows each failure, and that report's cycle, by the cycle of the failure."""


def as_json(shown: ShownHistory) -> str:
    """The document as JSON text."""
    from agent.report.codec import dumps
    from agent.report.serialization import to_json

    return dumps(to_json(shown.document))


def as_svg(shown: ShownHistory) -> str:
    """The chart as a picture."""
    from agent.history import chart

    return chart.as_svg(shown.document)
