"""The text in a support archive that says that a verdict was wrong, and what is true instead."""

from typing import Final

from agent.documents.text import wrapped
from agent.report.model import Finding, Report
from agent.report.words import below_summary, bounded, causes, vantage

MOST: Final = 12
"""Maximum number of listed causes; the report in the archive has all."""
_INDENT: Final = "  "


def render(report: Report, true: str, folder: str) -> str:
    """Return the text that is beside the report in the archive's folder: what is true, then what the report says."""
    every = causes(report)
    more = f"and {len(every) - MOST} more" if len(every) > MOST else None
    lines = [
        wrapped(f"A verdict of backuplink {report.tool.version} was wrong.", ""),
        "",
        "What is true:",
        *(f"{_INDENT}{_printable(line)}".rstrip() for line in true.strip().splitlines()),
        "",
        "What it said:",
        wrapped(f"{report.verdict.status.upper()}: {report.verdict.summary}", _INDENT),
        *(wrapped(line, _INDENT) for line in below_summary(report)),
        *(_said(finding, report.verdict.summary) for finding in every[:MOST]),
        *([f"{_INDENT}* {more}"] if more is not None else []),
        "",
        wrapped(vantage(report), ""),
        wrapped(f"The archive with the folder {folder} belongs to this text: its report.json has every step.", ""),
    ]
    return "".join(f"{line}\n" for line in lines)


def _said(finding: Finding, summary: str) -> str:
    """Return a finding by its id, with its headline unless the summary contains the headline."""
    aside = "" if finding.counts else ", not counted"
    found = "" if finding.headline in summary else f": {finding.headline}"
    return wrapped(f"* {bounded(finding.id)} ({finding.severity}{aside}){found}", _INDENT, f"{_INDENT}  ")


def _printable(line: str) -> str:
    """The user's own words. Letters of any alphabet are kept."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in line)
