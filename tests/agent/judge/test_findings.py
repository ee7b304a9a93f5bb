"""The text of every finding equals the golden files, and the AWS CLI would accept the commands."""

from pathlib import Path
from typing import Final

import pytest

from tests.agent.judge.findings import Row, findings_of, golden_files, said
from tests.support.aws_commands import complaint
from tests.support.cases import Case
from tests.support.sections import STALE, kept

FILES: Final = golden_files()
each_row = pytest.mark.parametrize(
    ("file", "name", "row"),
    [
        pytest.param(file, name, row, id=f"{file.stem} {name}")
        for file, rows in FILES.items()
        for name, row in rows.items()
    ],
)


@each_row
def test_a_finding_says_what_it_said(file: Path, name: str, row: Row) -> None:
    assert said(name, row) == kept(file).get(name), STALE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_case_is_left_that_is_gone(file: Path) -> None:
    assert list(kept(file)) == sorted(FILES[file]), STALE


def test_every_file_belongs_to_a_module() -> None:
    assert {*FILES} == {*Path(__file__).with_name("rules").rglob("test_*.txt")}


@each_row
def test_a_finding_rests_on_what_was_seen(file: Path, name: str, row: Row) -> None:
    found = findings_of(name, row)
    assert {finding.code for finding in found} == {name.split()[0]}
    assert len(found) == 1 or not isinstance(row, Case)
    seen = row.observations
    assert {step for finding in found for step in finding.evidence} <= {observation.id for observation in seen}


@each_row
def test_a_fix_has_commands_that_the_aws_cli_takes_and_that_take_nothing_away(file: Path, name: str, row: Row) -> None:
    commands = [command.argv for finding in findings_of(name, row) for command in finding.fix.commands]
    assert [why for argv in commands if argv[0] == "aws" and (why := complaint(argv)) is not None] == []
    words = {part for argv in commands for word in argv for part in word.split("-")}
    assert words.isdisjoint({"delete", "revoke", "disassociate", "remove", "detach"})
