"""The report as text, in full or as the short version that Run Command shows completely."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from agent.documents import text
from agent.documents.blocks import Block, Text
from agent.documents.report import cause, document, verdict
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.model import Finding, Report, Status
from agent.report.words import causes, has_many_services, in_use

BRIEF_CHARACTERS: Final = 2_430
"""Maximum length of a short report. Run Command of Systems Manager shows 2,500 characters of a command's output, and
its agent adds some 60 characters to the output of a failed command."""
_TAIL_CHARACTERS: Final = 100
_SUMMARY_CHARACTERS: Final = 600
"""Maximum length of the verdict in a short report. The verdict may quote a long text of a peer."""
_NAMES_CHARACTERS: Final = 500
"""Maximum length of the list of services that are not ok in a short report: enough for all names in the catalogue."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Return the text report, with colours if `options` say so. A short report has at most BRIEF_CHARACTERS."""
    return brief(report) if options.brief else text.render(document(report), colour=options.colour)


def finding_text(finding: Finding, report: Report) -> str:
    """Return one finding as the report writes it: its head, its detail, its fix, its consequences."""
    return text.whole(text.parts([cause(finding, report)]))


def brief(report: Report) -> str:
    """Return the text report within BRIEF_CHARACTERS: the verdict, then as many whole causes as fit."""
    parts = [_verdict(report)]
    if has_many_services(report):
        parts.append(_written([Text(_which(report))]))
    start = len(parts)
    shown = causes(report)
    room = BRIEF_CHARACTERS - sum(len(part) + 2 for part in parts) - _TAIL_CHARACTERS
    for number, finding in enumerate(shown, 1):
        part = _written([cause(finding, report, str(number))])
        if len(part) + 2 > room:  # without its commands the part may still fit
            short = replace(finding, fix=replace(finding.fix, commands=(), lines=()))
            part = _written([cause(short, report, str(number))])
        if len(part) + 2 > room:
            break
        parts.append(part)
        room -= len(part) + 2
    left = len(shown) - (len(parts) - start)
    more = f"{left} more cause{'s' if left > 1 else ''} left out. " if left else ""
    return text.whole([*parts, f"{more}The whole report: without --brief, or --format json."])


def _verdict(report: Report) -> str:
    said = verdict(report)
    summary = text.cut(said.summary, _SUMMARY_CHARACTERS)
    return text.verdict(replace(said, summary=summary))


def _written(blocks: Iterable[Block]) -> str:
    return "\n\n".join(text.parts(blocks))


def _which(report: Report) -> str:
    """Return the names and the number of the services that are not ok; a service has its endpoint beside it only if
    there is room."""
    sick = [target for target in in_use(report) if target.status is not Status.OK]
    well = len(in_use(report)) - len(sick)
    if not sick:
        return f"Ok: all {well} targets."
    named = [target.id for target in sick]
    if text.length(", ".join(named)) > _NAMES_CHARACTERS:
        named = list(dict.fromkeys(target.service for target in sick))
    kept = list(named)
    while text.length(", ".join(kept)) > _NAMES_CHARACTERS:  # only a saved report can have so many services
        kept.pop()
    rest = f" and {len(named) - len(kept)} more" if len(kept) < len(named) else ""
    return f"Not ok: {', '.join(kept)}{rest}. Ok: {well} other{'' if well == 1 else 's'}."
