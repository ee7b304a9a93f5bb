"""The report as JSON: the contract's own form."""

from agent.codec import dumps, encode
from agent.report import Report


def render(report: Report) -> str:
    """One JSON object, keys in the order of the contract."""
    return dumps(encode(report))
