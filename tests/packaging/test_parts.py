"""`packaging/build` and `packaging/test` run every part in their arguments, and report each part that cannot run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A tree with the two commands, but without parts. The commands need no programs of the system."""
    (tmp_path / "packaging").mkdir()
    for name in ("build", "test", "parts.sh", "needs.sh", "environment.sh"):
        shutil.copy(ROOT / "packaging" / name, tmp_path / "packaging" / name)
    (tmp_path / "packaging" / "needs.txt").touch()
    return tmp_path


def part(tree: Path, name: str, script: str, verb: str = "build") -> None:
    file = tree / "packaging" / name / verb
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)


def run(tree: Path, *arguments: str, verb: str = "build") -> subprocess.CompletedProcess[str]:
    command = [str(tree / "packaging" / verb), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def names(tree: Path) -> list[str]:
    """The parts in the order of the help."""
    shown = run(tree, "--help").stdout.split("\n\n")[1]
    return [line.split()[0] for line in shown.splitlines()]


@pytest.mark.parametrize("verb", ["build", "test"])
def test_all_runs_every_part_in_order(parts: Path, verb: str) -> None:
    for name in names(parts):
        part(parts, name, f"echo {name}", verb)
    result = run(parts, "all", verb=verb)
    assert result.returncode == 0
    assert result.stdout.split() == names(parts)
    assert names(parts)[:4] == ["python", "onefile", "packages", "image"]


def test_a_part_that_is_not_there_is_named_and_fails(parts: Path) -> None:
    for name in names(parts):
        if name != "fleet":
            part(parts, name, "true")
    result = run(parts, "all")
    assert result.returncode == 1
    assert "fleet: not there (packaging/fleet/build is missing" in result.stderr
    assert result.stderr.splitlines()[-1] == "packaging/build: not done: fleet"


def test_the_others_run_after_one_that_failed(parts: Path) -> None:
    part(parts, "python", "exit 3")
    part(parts, "trust", "echo trust")
    result = run(parts, "python", "trust")
    assert result.returncode == 1
    assert result.stdout == "trust\n"
    assert "python: failed with exit code 3" in result.stderr


def test_a_part_runs_from_the_root(parts: Path) -> None:
    part(parts, "python", "pwd")
    assert run(parts, "python").stdout.strip() == str(parts.resolve())


def test_mistakes_run_nothing(parts: Path) -> None:
    part(parts, "python", "echo ran")
    for arguments in ((), ("python", "pyhton"), ("all", "python")):
        result = run(parts, *arguments)
        assert result.returncode == 3, arguments
        assert "ran\n" not in result.stdout
    assert "there is no part 'pyhton'" in run(parts, "python", "pyhton").stderr
