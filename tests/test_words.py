"""The tests of `python -m tests.words`: texts that each of its rules refuses, and similar texts that it allows."""

from pathlib import Path

import pytest

from tests import words
from tests.support.repository import git
from tests.words import Fault, faults

FEW = "a docstring of fewer than 4 words"
IS_NOT = "say 'is not', or 'there is no'"


def leaning(opening: str) -> str:
    return f"a docstring that begins with '{opening}' leans on another text"


def whys(path: str, content: str) -> list[str]:
    return [fault.why for fault in faults(path, content)]


@pytest.mark.parametrize(
    ("docstring", "why"),
    [
        ("Of SAMPLED.", FEW),
        ("Seconds it takes.", FEW),
        ("How bad that is.", None),
        ("The same of what is changed or deleted.", leaning("The same")),
        ("The hosts that share a cause.", None),
        ("Of the groups, those that open a port.", leaning("Of")),
        ("Often a name leads to several addresses.", None),
        ("Those that a run did not check.", leaning("Those")),
        ("That of the second resolver alone.", leaning("That")),
        ("Thatched roofs are not a topic here.", None),
        ("So many seconds a connect may take.", leaning("So")),
        ("Sockets that a listener keeps open.", None),
        ("And whether the port is open.", leaning("And")),
        ("As above, for the second name.", leaning("As")),
        ("Assumes a role and reads its account.", None),
        ("By id, the state of an endpoint.", leaning("By")),
        ("Bytes of one file that are read.", None),
        ("\n    Of several lines, the second one.\n", leaning("Of")),
    ],
)
def test_docstrings(docstring: str, why: str | None) -> None:
    expected = [] if why is None else [why]
    assert whys("a.py", f'"""{docstring}"""\n') == expected
    assert whys("a.py", f'class A:\n    def f(self) -> None:\n        """{docstring}"""\n') == expected
    assert whys("a.py", f'class A:\n    field: int\n    """{docstring}"""\n') == expected
    assert whys("a.py", f'A = """{docstring}"""\n') == []  # the text is then not a docstring
    assert whys("a.md", docstring) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("it is no JSON", IS_NOT),
        ("the changes are no list", IS_NOT),
        ("it was no 'word'", IS_NOT),
        ("there is no JSON", None),
        ("There are no changes", None),
        ("it is no longer there", None),
        ("it is not JSON", None),
        ("it is noise", None),
        ("the others are none", IS_NOT),
        ("where there is none", None),
        ("the value is None", None),
        ("print what is so", "say what it is"),
        ("print what is sound", None),
        ("dropped without a word", "say 'silently'"),
        ("dropped without a wording", None),
        ("a change puts in a rule", "say 'add' or 'insert'"),
        ("a change puts the rule in place", None),
        ("it is put in place of the other", None),
        ("a route put into the table", None),
        ("take out the rule", "say 'remove'"),
        ("rules were taken out", "say 'remove'"),
        ("a loan is taken outside", None),
    ],
)
def test_phrases(text: str, why: str | None) -> None:
    expected = [] if why is None else [why]
    assert whys("docs/a.md", text) == expected
    assert whys("a.toml", f'summary = "{text}"\n') == expected
    assert whys("a.py", f'"""A docstring in which {text}."""\n') == expected
    assert whys("a.py", f'A = "{text}"\n') == expected
    assert whys("a.py", f"A = 1  # {text}\n") == expected


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("a.py", 'A = 1\nB = f"{A} is no {A}"\n', 2),
        ("a.py", 'A = (\n    "it is "\n    "no JSON"\n)\n', 2),
        ("a.py", 'def f() -> None:\n    """Whether it\n    is\n    no JSON."""\n', 3),
        ("a.py", "# one\n\n# whether it is\n# no JSON\n", 3),
        ("a.sh", "#!/bin/sh\n# whether it is\n# no JSON\n", 2),
        ("a.sql", "-- whether it is\n-- no JSON\nSELECT 1\n", 1),
        ("a.md", "> whether it is\n> no JSON\n", 1),
    ],
)
def test_a_phrase_over_two_lines_is_found_with_its_line(path: str, content: str, line: int) -> None:
    assert [(fault.line, fault.why) for fault in faults(path, content)] == [(line, IS_NOT)]


def test_what_only_looks_like_a_phrase_on_two_lines_is_not_one() -> None:
    assert faults("a.py", "# what that is\n\n# no JSON\n") == []
    assert faults("a.py", "A = 1 if 2 is None else f'{3}none'\n") == []


def test_each_fault_is_counted_once() -> None:
    found = faults("a.py", 'A = f"it is no {1:x} and {2!r} is none"\n"""Of A."""\n')
    assert [(fault.line, fault.why) for fault in found] == [(1, IS_NOT), (1, IS_NOT), (2, FEW)]
    assert str(found[2]) == f"a.py:2: {FEW}: Of A."


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that the check reads instead of this one."""
    monkeypatch.setattr(words, "ROOT", tmp_path)
    git(tmp_path, "init", "--quiet")
    for path, text in {
        ".gitattributes": "made.md linguist-generated\n",
        "made.md": "it is no JSON\n",
        "read.md": "it is no JSON\n",
        "good.py": '"""A module without any fault."""\n',
    }.items():
        (tmp_path / path).write_text(text, "utf-8")
    git(tmp_path, "add", ".")
    return tmp_path


def test_the_command_names_every_fault_of_a_file_and_fails(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words.main() == 1
    assert capsys.readouterr().err == f"{Fault('read.md', 1, IS_NOT, 'it is no JSON')}\n"
    (tree / "read.md").write_text("it is not JSON\n", "utf-8")
    assert words.main() == 0
    assert capsys.readouterr().err == ""
