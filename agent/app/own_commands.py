"""Keeps only the commands and lines of a saved report that this version would give itself."""

import shlex
from dataclasses import replace
from typing import Final

from agent.report import saved
from agent.report.model import Finding, Fix, Report
from agent.report.secrets import without_secrets

MAX_CHARACTERS: Final = 600
"""Maximum length of the text in which a finding's other commands are quoted."""
_NOTHING: Final = Fix(summary="")


def with_own_commands(report: Report) -> Report:
    """Return a saved report in which each finding has only the commands and lines that the rules of this version give
    for it, from the report's measurements. Other commands in the file become text in the finding's detail, since
    anybody may have written the file."""
    own = _own_fixes(report)
    return replace(report, findings=tuple(_only(finding, own.get(finding.id, _NOTHING)) for finding in report.findings))


def _own_fixes(report: Report) -> dict[str, Fix]:
    """The fix that this program itself gives for each finding, by the finding's id. Empty if the report cannot be
    judged again, for example because it is masked."""
    if not any(finding.fix.commands or finding.fix.lines for finding in report.findings):
        return {}
    from agent.judge.verdict import judge

    try:
        again = judge(saved.measurement_of(report))
    except saved.SavedReportError:
        return {}
    return {finding.id: finding.fix for finding in again.findings}


def _only(finding: Finding, own: Fix) -> Finding:
    given = finding.fix
    commands = tuple(command for command in own.commands if command in given.commands)
    lines = tuple(line for line in own.lines if line in given.lines)
    finding = replace(finding, fix=replace(given, commands=commands, lines=lines))
    # Secrets are masked before the words are quoted: quotes within quotes would hide them from the masks.
    others = [
        shlex.join(map(without_secrets, command.argv)) for command in given.commands if command not in own.commands
    ]
    others += [f"{line.file}: {line.line}" for line in given.lines if line not in own.lines]
    if not others:
        return finding
    words = "; ".join(others)
    quoted = words if len(words) <= MAX_CHARACTERS else f"{words[:MAX_CHARACTERS]} ..."
    detail = f"{finding.detail} The file has commands that this version does not give, so they are only text: {quoted}"
    return replace(finding, detail=detail)
