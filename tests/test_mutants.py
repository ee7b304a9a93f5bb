"""`./dev mutants`: the mistakes that it makes, its messages, and the tables that it reads."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import tests.support
from tests.mutants import __main__ as command
from tests.mutants.mutant import equivalents
from tests.mutants.rows import rows
from tests.support.repository import ROOT, tracked
from tests.support.rooms import COMMANDS


@pytest.mark.parametrize(
    ("source", "without"),
    [
        ("A = {'a': 1, 'b': 2}", {"'a'": "A = {'b': 2}", "'b'": "A = {'a': 1}"}),
        ("A: Final = (1,)", {"1": "A: Final = ()"}),
        ("A = [1, 2]", {"1": "A = [2]", "2": "A = [1]"}),
        ("A = frozenset({1})", {"1": "A = frozenset({*()})"}),
        (
            "A = {**B, 'ü': f(x=(1,))}",
            {"B": "A = {'ü': f(x=(1,))}", "'ü'": "A = {**B}", "1": "A = {**B, 'ü': f(x=())}"},
        ),
        ("A = 'a b'.split()", {"a": "A = 'b'.split()", "b": "A = 'a'.split()"}),
        ("A = _words('p', 'a b')", {"a": "A = _words('p', 'b')", "b": "A = _words('p', 'a')"}),
    ],
)
def test_each_row_of_a_table_is_taken_out(source: str, without: dict[str, str]) -> None:
    assert {row.name: row.source for row in rows(source)} == without


@pytest.mark.parametrize(
    "source", ["def f():\n    return (1, 2)", "A: Final[tuple[int, str]] = B", "A = lambda: (1, 2)", "__all__ = ['a']"]
)
def test_what_is_not_a_table_has_no_rows(source: str) -> None:
    assert list(rows(source)) == []


def test_a_row_of_several_lines_leaves_the_others_on_their_lines() -> None:
    source = "A = {\n    'a': (\n        1,\n    ),\n    'b': 2,\n}\n\n\ndef f(): ...\n"
    for row in rows(source):
        (function,) = (node for node in ast.parse(row.source).body if isinstance(node, ast.FunctionDef))
        assert function.lineno == 9
    assert [(row.line, row.name) for row in rows(source)] == [(2, "'a'"), (5, "'b'"), (3, "1")]


TRIAL: Final = """
import sys
from pathlib import Path
from tests.mutants import run
from tests.mutants.mutant import Mutant
run._LEAST = 2
tree = Path(sys.argv[1])
mutants = [Mutant("agent/m.py", 1, source, source + "\\n") for source in sys.argv[2:]]
for mutant, outcome in run.outcomes(run.Room(("tests/test_m.py",)), mutants, [tree]):
    print(mutant.words, outcome.value, sep=": ")
assert (tree / "agent/m.py").read_text() == "def f(): return 1\\n"
"""


def trial(tree: Path, *sources: str, test: str) -> subprocess.CompletedProcess[str]:
    files = {
        "agent/m.py": "def f(): return 1",
        "agent/__init__.py": "",
        "tests/__init__.py": "",
        "tests/test_m.py": test,
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"{text}\n", "utf-8")
    (tree / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return subprocess.run(
        [sys.executable, "-c", TRIAL, str(tree), *sources],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_what_became_of_a_mutant(tmp_path: Path) -> None:
    """The parameters of a test may come from the mutated table itself. If such a test disappears, it has not noticed
    the mistake.
    """
    told = {
        "def f(): return 2": "killed",
        "def f(): return 1 ": "survived",
        "import nothing_that_is_there": "killed",
        "def f():\n while True: pass": "timed out",
    }
    test = "import pytest\nfrom agent.m import f\n@pytest.mark.parametrize('n', [f()])\ndef test_f(n): assert n == 1"
    done = trial(tmp_path / "tree", *told, test=test)
    assert done.stdout == "".join(f"{source}: {outcome}\n" for source, outcome in told.items()), done.stderr


def test_tests_that_fail_without_a_mistake_end_it(tmp_path: Path) -> None:
    done = trial(tmp_path / "tree", "def f(): return 2", test="def test_f(): assert False")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the tests of this room fail without a mistake" in done.stderr


def test_an_equivalent_mutant_is_at_a_line_that_is_there_and_has_a_reason() -> None:
    for row in equivalents():
        assert set(row) == {"file", "text", "words", "reason"}
        assert row["text"] in [line.strip() for line in (ROOT / row["file"]).read_text("utf-8").splitlines()]
        assert len(row["reason"].split()) > 3


def test_every_room_has_the_command_that_proves_it() -> None:
    there = {
        path.split("/")[1]
        for path in tracked(ROOT)
        if path.startswith("agent/") and path.count("/") == 2 and path.endswith("/__init__.py")
    }
    assert {room for room in COMMANDS if not room.startswith("probes/")} == there
    assert set(command.SAMPLED) | set(command.TABLES) <= set(COMMANDS)
    for words in COMMANDS.values():
        paths = [word for word in words if word.startswith("tests/")]
        assert paths
        assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_place_of_tables_is_there() -> None:
    assert [place for places in command.TABLES.values() for place in places if not (ROOT / place).exists()] == []


def test_the_map_of_what_tests_share_has_every_module() -> None:
    page = tests.support.__doc__ or ""
    named = [line[3:].partition("`")[0] for line in page.splitlines() if line.startswith("- `")]
    there = {path.stem for path in (ROOT / "tests" / "support").glob("*.py")} - {"__init__"}
    assert sorted(named) == sorted(there)
