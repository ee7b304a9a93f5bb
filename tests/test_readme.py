"""The README shows the program's actual output."""

from pathlib import Path

from agent.formats import text
from tests.support.runs import report_of

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_opens_with_the_two_commands() -> None:
    lines = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("./dev")]
    assert lines[:2] == ["./dev demo", "./dev test"]
    assert README.index("./dev demo") < 80


def test_its_example_is_the_program_s_own_words() -> None:
    block = README.split("$ backuplink check --region eu-west-1\n")[1].split("```")[0]
    shown = [line for line in block.splitlines() if line.strip() not in ("", "...")]
    printed = text.render(report_of("one-zone-silent")).splitlines()
    assert len(shown) > 10
    assert [line for line in shown if line not in printed] == []


def test_every_document_it_points_to_is_there() -> None:
    root = Path(__file__).parents[1]
    for link in README.split("](")[1:]:
        target = link.split(")")[0]
        if "://" not in target:
            assert (root / target).is_file(), target
