"""The record of one host, from which a fleet is joined: one line."""

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.host_record import line, record_of
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The record as one line."""
    return line(record_of(report))
