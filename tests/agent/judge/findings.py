"""The whole text of the findings in the judge's cases. `./dev golden` writes it to one file for each module, such as
`test_names.txt` for `test_names.py`.

A case is a row of a table in a test module, and its name begins with the code of a finding. A row of `CASES_THAT_FIRE`
is the input of a single rule. A row of `FINDINGS` is the input of all rules.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RuleFinding
from agent.report.model import Finding, FindingSubject, Fix
from tests.support.cases import Case
from tests.support.sections import joined

_RULES: Final = Path(__file__).with_name("rules")
Row = Case | Evidence


def golden_files() -> dict[Path, dict[str, Row]]:
    """The golden files, each with the rows whose findings it contains. Each test module with rows has one golden
    file.
    """
    return {file.with_suffix(".txt"): rows for file in sorted(_RULES.rglob("test_*.py")) if (rows := _rows(file))}


def _rows(file: Path) -> dict[str, Row]:
    package = ".".join(file.relative_to(_RULES).with_suffix("").parts)
    module = import_module(f"tests.agent.judge.rules.{package}")
    cases: dict[str, Row] = {param.id: param.values[0] for param in getattr(module, "CASES_THAT_FIRE", ())}
    assert len(cases) == len(getattr(module, "CASES_THAT_FIRE", ())), "two cases have one name"
    return cases | getattr(module, "FINDINGS", {})


def findings_of(name: str, row: Row) -> list[RuleFinding] | list[Finding]:
    """The findings of a row that have the code at the beginning of the row's name. There is at least one."""
    if isinstance(row, Case):
        return row.findings()
    return [finding for finding in diagnose(row).findings if finding.code == name.split()[0]]


def said(name: str, row: Row) -> str:
    """The whole text of a row's findings."""
    lines = _of_rule(row) if isinstance(row, Case) else _of_report(name, row)
    text = "\n".join(lines)
    assert text
    return text


def written(rows: dict[str, Row]) -> str:
    """The content of a file."""
    return joined({name: said(name, row) for name, row in rows.items()})


def _of_rule(case: Case) -> Iterator[str]:
    for finding in case.findings():
        yield f"{finding.code} of {finding.target}, {finding.severity or 'as its code'}: {finding.detail}"
        if finding.addresses:
            yield f"Addresses: {', '.join(sorted(map(str, finding.addresses)))}"
        yield from _shown(finding.evidence, finding.subjects, finding.fix)


def _of_report(name: str, evidence: Evidence) -> Iterator[str]:
    all_findings = diagnose(evidence).findings
    for finding in all_findings:
        if finding.code != name.split()[0]:
            continue
        counts = "" if finding.counts else ", does not count"
        yield f"{finding.id}, {finding.severity}{counts}: {finding.headline}"
        yield finding.detail
        if finding.explained_by:
            yield f"Explained by: {finding.explained_by}"
        if explained := [other.id for other in all_findings if other.explained_by == finding.id]:
            yield f"Explains: {', '.join(explained)}"
        yield from _shown(finding.evidence, finding.subjects, finding.fix)


def _shown(evidence: Iterable[str], subjects: Iterable[FindingSubject], fix: Fix) -> Iterator[str]:
    yield f"Evidence: {', '.join(evidence)}"
    if about := [f"{subject.kind} {subject.id}" for subject in subjects]:
        yield f"About: {', '.join(about)}"
    yield f"Fix: {fix.summary}"
    for command in fix.commands:
        notes = [
            str(command.scope),
            *([f"one of {command.alternative}"] if command.alternative else []),
            *([] if command.reversible else ["cannot be undone"]),
            *([f"undo: {command.undo}"] if command.undo else []),
        ]
        yield f"{'#' if command.changes else '$'} {' '.join(command.argv)}  ({'; '.join(notes)})"
    for row in fix.lines:
        yield f"{row.file}: {row.line}"
