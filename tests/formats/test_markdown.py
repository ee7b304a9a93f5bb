"""The report in Markdown, read back by a parser of CommonMark: no text from outside
becomes markup."""

import shlex
from dataclasses import replace

import pytest

from agent.documents.markdown import escaped
from agent.formats import markdown
from agent.judge.verdict import refusal
from agent.report.words import DETAIL_CHARACTERS, unfolded
from tests.formats.markdown_page import QUIET, read, tokens, visible_blocks
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of


def test_of_a_run() -> None:
    report = report_of("one-zone-silent")
    lines = markdown.render(report).splitlines()
    assert lines[0] == "# CRITICAL: backup: 1 of 3 addresses is silent on 443: 10.0.2.17"
    assert lines[2:5] == [
        "eu-west-1, path private, access allowed, 3.0 s; failed at 10.0.2.17",
        "",
        *map(escaped, report.verdict.notes),
    ]
    assert "## 1. CRITICAL backup: 1 of 3 addresses is silent on 443: 10.0.2.17 (TCP002)" in lines
    assert "| 10.0.2.17 | - | 443 | TIMEOUT | - | - | - |" in lines
    assert "## backup `backup.eu-west-1.amazonaws.com`" in lines
    assert "## Not checked" in lines
    assert all(shlex.join(command.argv) in lines for command in report.findings[0].fix.commands)


@pytest.mark.parametrize("name", one_in(24, scenarios.names()))
def test_of_every_scenario(name: str) -> None:
    report = report_of(name)
    parsed = tokens(report)
    assert {token.type for token in parsed} <= QUIET
    blocks = visible_blocks(report)
    for finding in report.findings:
        if finding.explained_by is None:
            assert read(finding.detail) in blocks
            assert f"What to do: {read(finding.fix.summary)}" in blocks
            for command in finding.fix.commands:
                assert shlex.join(command.argv) in blocks
    for target in unfolded(report):
        if target.status != "not-in-use":
            assert f"{target.service} {target.host}" in blocks


def test_of_a_call_that_was_refused() -> None:
    assert markdown.render(refusal("no such option: --frmat.")) == "# UNKNOWN: no such option: --frmat.\n"


def test_a_long_detail_is_cut() -> None:
    report = report_of("one-zone-silent")
    long = replace(report, findings=(replace(report.findings[0], detail="a word " * DETAIL_CHARACTERS),))
    assert len(markdown.render(long)) < len(markdown.render(report)) + DETAIL_CHARACTERS
    assert "... (--format json has the rest)" in markdown.render(long)


def test_links_of_a_saved_report_are_not_taken() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    documents = tuple(replace(document, url="javascript:alert(1)") for document in finding.documents)
    assert documents
    assert markdown.render(replace(report, findings=(replace(finding, documents=documents),))) == markdown.render(
        replace(report, findings=(finding,))
    )
    unknown = replace(finding, code="XYZ999")
    assert "](" not in markdown.render(replace(report, findings=(unknown,)))
