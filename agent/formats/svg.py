"""The path as a single picture, for a ticket or a wiki. It shows the verdict and the place of the failure. The picture
loads no other file."""

from agent.documents.canvas import WIDE
from agent.documents.elements import to_svg
from agent.documents.picture import picture
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The report as one SVG document."""
    return to_svg(picture(report, WIDE, "path", stands_alone=True))
