"""A test that reveals a secret in any way must fail. The search in `tests/conftest.py` is run on tests that leak."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.support.command import SECONDS
from tests.support.repository import ROOT

OPTIONS: Final = (
    "-m",
    "pytest",
    "-p",
    "tests.conftest",
    "-p",
    "no:cacheprovider",
    "--strict-markers",
    "-c",
    os.devnull,
)
HEAD: Final = """
import logging
import subprocess
import sys
from subprocess import DEVNULL, PIPE, STDOUT

import pytest

from tests.support.planted import SECRETS

SECRET = SECRETS["secret key"]
SAYS = [sys.executable, "-c", "import sys; print(sys.argv[1]); print(sys.argv[1], file=sys.stderr)", SECRET]
HANGS = [sys.executable, "-c", "import sys, time; print(sys.argv[1], flush=True); time.sleep(60)", SECRET]
tells_secrets = pytest.mark.tells_secrets


class Told(Exception):
    def __init__(self, said):
        super().__init__("no word")
        self.said = said


@pytest.fixture
def before():
    print(SECRET)


@pytest.fixture
def after():
    yield
    print(SECRET)

"""
LEAKS: Final = {
    "output": "def test_it(): print(SECRET)",
    "output of a fixture before": "def test_it(before): pass",
    "output of a fixture after": "def test_it(after): pass",
    "log": "def test_it(): logging.getLogger('x').warning('%s', SECRET)",
    "exception": "def test_it(): raise ValueError(SECRET)",
    "failed assertion": "def test_it(): assert SECRET == ''",
    "captured stdout": "def test_it(capsys): print(SECRET); assert capsys.readouterr().out",
    "captured stderr": "def test_it(capsys): print(SECRET, file=sys.stderr); assert capsys.readouterr().err",
    "captured bytes": "def test_it(capsysbinary): print(SECRET); assert capsysbinary.readouterr().out",
    "captured descriptor": "def test_it(capfd): print(SECRET, flush=True); assert capfd.readouterr().out",
    "run, stdout": "def test_it(): assert subprocess.run(SAYS, stdout=PIPE, stderr=DEVNULL, check=True).stdout",
    "run, stderr": "def test_it(): assert subprocess.run(SAYS, stdout=DEVNULL, stderr=PIPE, text=True).stderr",
    "run, both": "def test_it(): assert subprocess.run(SAYS, capture_output=True, text=True, check=True)",
    "check_output": "def test_it(): assert subprocess.check_output(SAYS, stderr=STDOUT)",
    "communicate": """
        def test_it():
            with subprocess.Popen(SAYS, stdout=PIPE, stderr=DEVNULL) as process:
                assert process.communicate()[0]
    """,
    "process that hangs": """
        def test_it():
            with subprocess.Popen(HANGS, stdout=PIPE) as process:
                while True:
                    try:
                        process.communicate(timeout=0.2)
                    except subprocess.TimeoutExpired as error:
                        if error.output:
                            process.kill()
                            break
    """,
    "expected exception": """
        def test_it():
            with pytest.raises(ValueError):
                raise ValueError(SECRET)
    """,
    "cause of an expected exception": """
        def test_it():
            with pytest.raises(ValueError):
                try:
                    raise KeyError(SECRET)
                except KeyError as error:
                    raise ValueError("no word") from error
    """,
    "note of an expected exception": """
        def test_it():
            with pytest.raises(ValueError):
                error = ValueError("no word")
                error.add_note(SECRET)
                raise error
    """,
    "attribute of an expected exception": """
        def test_it():
            with pytest.raises(Told):
                raise Told(SECRET)
    """,
    "expected exception of a call": """
        def test_it():
            pytest.raises(KeyError, {}.__getitem__, SECRET)
    """,
    "expected group of exceptions": """
        def test_it():
            with pytest.RaisesGroup(ValueError):
                raise ExceptionGroup("no word", [ValueError(SECRET)])
    """,
    "mark that says no reason": """
        @tells_secrets
        def test_it(capsys): print(SECRET); assert capsys.readouterr().out
    """,
    "mark on one that tells none": """
        @tells_secrets(reason="none")
        def test_it(): pass
    """,
    "mark on one that shows it": """
        @tells_secrets(reason="none")
        def test_it(capsys): print(SECRET); capsys.readouterr(); print(SECRET)
    """,
}
"""Tests that must fail, by the way in which they leak."""
SILENT: Final = {
    "silence": "def test_it(capsys): print('no word'); assert capsys.readouterr().out",
    "after one that leaks": "def test_it(): pass",
    "mark with its reason": """
        @tells_secrets(reason="this is about the mark")
        def test_it(capsys): print(SECRET); assert capsys.readouterr().out
    """,
    "mark on one that is skipped": """
        @tells_secrets(reason="this is about the mark")
        def test_it(): pytest.skip("no reason")
    """,
    "own failure": """
        @pytest.mark.xfail(strict=True, reason="to show that nothing else fails it")
        def test_it(): assert SECRET is None, "no word"
    """,
}
"""Tests that must pass."""


@cache
def failed() -> frozenset[str]:
    """The tests above that fail in a separate run, which uses the search, but nothing else in this folder."""
    named = [*LEAKS.items(), *SILENT.items()]
    with TemporaryDirectory() as text:
        folder = Path(text)
        for number, (_, test) in enumerate(named):
            (folder / f"test_{number:02}.py").write_text(HEAD + _unindented(test), "utf-8")
        done = subprocess.run(
            [sys.executable, *OPTIONS, "--rootdir", text, "--junit-xml", str(folder / "all.xml"), text],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == pytest.ExitCode.TESTS_FAILED
        failures: dict[int, bool] = {}
        for case in ElementTree.parse(folder / "all.xml").getroot().iter("testcase"):  # noqa: S314 - written just now
            number = int(case.attrib["classname"].rpartition("_")[2])
            failures[number] = failures.get(number, False) or any(part.tag in ("failure", "error") for part in case)
    assert set(failures) == set(range(len(named)))
    return frozenset(name for number, (name, _) in enumerate(named) if failures[number])


def _unindented(test: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in test.splitlines()) + "\n"


@pytest.mark.parametrize("name", LEAKS)
def test_a_test_that_tells_a_secret_fails(name: str) -> None:
    assert name in failed()


@pytest.mark.parametrize("name", SILENT)
def test_a_test_that_tells_none_does_not(name: str) -> None:
    assert name not in failed()
