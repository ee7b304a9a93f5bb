"""The record of a host as one line. A fleet is joined from such records."""

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.host_record import line, record_of
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The record as one line."""
    return line(record_of(report))
