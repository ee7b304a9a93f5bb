"""The form of fixes: reading and changing commands, commands that exclude each other, and lines for a file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from agent.report.codec import decode, encode
from agent.report.model import Fix, Line
from agent.report.redact import redact
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of


def fixes_of(name: str) -> Iterator[Fix]:
    return (finding.fix for finding in report_of(name).findings)


@pytest.mark.parametrize("name", one_in(6, scenarios.names()))
def test_commands_that_only_read_have_nothing_to_take_back(name: str) -> None:
    for fix in fixes_of(name):
        for command in fix.commands:
            assert command.changes is (command.undo is not None or not command.reversible), command
        assert all(line.changes is (line.undo is not None) for line in fix.lines)


@pytest.mark.parametrize("name", one_in(6, scenarios.names()))
def test_alternatives_are_lettered_from_a_on(name: str) -> None:
    for fix in fixes_of(name):
        letters = [command.alternative for command in fix.commands if command.alternative is not None]
        assert list(dict.fromkeys(letters)) == list("abcdef"[: len(set(letters))])
        assert len(set(letters)) != 1, "a single form excludes nothing"
        assert letters == sorted(letters), "those of one letter stand together"
        assert all(f"({letter})" in fix.summary for letter in letters), "the summary says what each is"


def the_fix(name: str, code: str) -> Fix:
    return next(finding.fix for finding in report_of(name).findings if finding.code == code)


def test_ways_around_a_public_answer_exclude_one_another() -> None:
    fix = the_fix("private-dns-off", "DNS001")
    assert [(command.argv[2], command.alternative, command.changes) for command in fix.commands] == [
        ("describe-vpc-endpoints", None, False),
        ("--region", "a", False),
        ("modify-vpc-attribute", "b", True),
        ("modify-vpc-attribute", "b", True),
        ("modify-vpc-endpoint", "b", True),
        ("create-vpc-endpoint", "c", True),
    ]


CLOCK: Final = "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"


@pytest.mark.parametrize(("name", "code"), [("clock-off", "ENV010"), ("ec2-refuses-the-clock", "API005")])
def test_a_wrong_clock_gets_a_line_and_a_step(name: str, code: str) -> None:
    fix = the_fix(name, code)
    assert [(line.file, line.line) for line in fix.lines] == [("/etc/chrony.conf", CLOCK)]
    assert [command.argv for command in fix.commands if command.changes] == [
        ("systemctl", "restart", "chronyd"),
        ("chronyc", "makestep"),
    ]


def test_a_proxy_gets_the_lines_that_name_its_exceptions() -> None:
    fix = the_fix("proxy-captures-gateway", "ENV007")
    assert [line.line for line in fix.lines] == [
        f"{name}=<PRESENT_EXCEPTIONS>,backup-gateway.eu-west-1.amazonaws.com,169.254.169.254"
        for name in ("no_proxy", "NO_PROXY")
    ]


def test_lines_are_read_back_and_masked() -> None:
    report = report_of("proxy-captures-gateway")
    assert decode(encode(report)).findings == report.findings
    line = Line(file="/etc/resolv.conf", line="nameserver 10.0.0.2", changes=True, undo="remove the line")
    findings = tuple(replace(one, fix=replace(one.fix, lines=(*one.fix.lines, line))) for one in report.findings)
    masked = redact(replace(report, findings=findings))
    assert {one.fix.lines[-1].line for one in masked.findings} == {"nameserver <ADDRESS>"}
    assert masked.findings[0].fix.lines[0].line.endswith(",169.254.169.254"), "the same on every host"
