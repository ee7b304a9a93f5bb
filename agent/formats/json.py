"""The report as JSON: the contract's own form."""

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.codec import dumps, encode
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One JSON object, keys in the order of the contract."""
    return dumps(encode(report))
