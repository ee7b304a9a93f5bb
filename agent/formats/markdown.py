"""The report in Markdown, for a ticket or a pull request."""

from agent.documents import markdown
from agent.documents.report import document
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One document of Markdown."""
    return markdown.render(document(report))
