"""Which commands of a saved report may be shown as commands: those that this version gives itself."""

import shlex
from dataclasses import replace
from typing import Final

from agent.report import saved
from agent.report.model import Command, Finding, Report

MAX_CHARACTERS: Final = 600
"""Of the commands of one finding that are quoted as text."""


def with_own_commands(report: Report) -> Report:
    """A saved report in which the commands of a finding are those that the rules of this version give for the same
    finding from what the report measured. What else its file has as a command becomes text of the finding's detail:
    whoever wrote the file chose its words."""
    own = _own_commands(report)
    return replace(report, findings=tuple(_only(finding, own.get(finding.id, ())) for finding in report.findings))


def _own_commands(report: Report) -> dict[str, tuple[Command, ...]]:
    """By id of a finding; empty where the report cannot be judged again, as where it is masked."""
    if not any(finding.fix.commands for finding in report.findings):
        return {}
    from agent.judge.verdict import judge

    try:
        again = judge(saved.measurement_of(report))
    except saved.SavedReportError:
        return {}
    return {finding.id: finding.fix.commands for finding in again.findings}


def _only(finding: Finding, own: tuple[Command, ...]) -> Finding:
    given = finding.fix.commands
    kept = tuple(command for command in own if command in given)
    others = [command for command in given if command not in own]
    if not others:
        return replace(finding, fix=replace(finding.fix, commands=kept))
    words = "; ".join(shlex.join(command.argv) for command in others)
    quoted = words if len(words) <= MAX_CHARACTERS else f"{words[:MAX_CHARACTERS]} ..."
    detail = (
        f"{finding.detail} The file names commands that this version does not give, so they are only text: {quoted}"
    )
    return replace(finding, detail=detail, fix=replace(finding.fix, commands=kept))
