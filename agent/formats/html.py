"""The report as one HTML file: for a browser, a mail, an archive. It needs no other file and runs no script."""

from agent.documents import html
from agent.documents.report import document
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The report as one HTML document."""
    return html.render(document(report))
