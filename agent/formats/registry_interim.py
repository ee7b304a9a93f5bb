"""The formats of a report, by name: where each is written, and what holds for it."""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent.report.model import Report

FORMATS: Final = ("text", "json", "ndjson", "nagios", "prometheus", "emf", "junit", "markdown")
STREAMS: Final = ("text", "ndjson", "emf")
"""Formats that can go on for ever; the others are one document, which a watch writes to a file."""
HTML: Final = "html"
"""The name of a format that the interface alone writes."""
DEADLINES: Final = {"nagios": 9.0}
"""Seconds for a run, by format, where it allows less than the default: check_nrpe gives a plugin up after ten seconds,
and with it the document."""
_RENDERERS: Final = {
    "text": "agent.formats.text",
    "json": "agent.formats.json",
    "ndjson": "agent.formats.ndjson",
    "nagios": "agent.formats.nagios",
    "junit": "agent.formats.junit",
    "markdown": "agent.formats.markdown",
    "prometheus": "agent.formats.prometheus",
    "emf": "agent.formats.emf",
}
"""Where each of FORMATS is written: a module is loaded when its format is asked for, and what it needs with it."""


def rendered(report: "Report", wanted: str, *, code: int, brief: bool = False, colour: bool = False) -> str:
    """The report as one document of a format, whole; `code` is the exit code that goes with it."""
    module = importlib.import_module(_RENDERERS[wanted])
    document: str
    match wanted:
        case "text":
            document = module.brief(report) if brief else module.render(report, colour=colour)
        case "nagios":
            document = module.render(report, code=code)
        case _:
            document = module.render(report)
    return document
