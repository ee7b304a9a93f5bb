"""A report without secrets. A run writes no secrets into its report, but a saved report may come from anybody."""

import os
from collections.abc import Callable
from typing import Any

from agent.app.errors import RequestError
from agent.report.codec import decode, encode
from agent.report.model import Report
from agent.report.secrets import known_secrets, without_secrets
from agent.report.serialization import DecodeError


def discreet(report: Report, hide: Callable[[str], str]) -> Report:
    """Return the report with `hide` applied to each of its texts. Raises RequestError if the result is not a report."""
    document = encode(report)
    cleaned = _cleaned(document, hide)
    if cleaned == document:
        return report
    try:
        return decode(cleaned)
    except DecodeError as error:
        raise RequestError(f"the report has a secret in a place that cannot have one: {error}") from error


def discreet_here(report: Report) -> Report:
    """Return the report without possible secrets, found by their form, their name, or the variables of this process.
    Raises like `discreet`."""
    known = known_secrets(os.environ)
    return discreet(report, lambda text: without_secrets(text, known))


def _cleaned(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {key: _cleaned(item, hide) for key, item in value.items()}
    return [_cleaned(item, hide) for item in value] if isinstance(value, list | tuple) else value
