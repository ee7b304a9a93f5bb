"""`./dev` on machines that lack something: it prints one plain line with the remedy, and exits with 3."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT

TOOLS = ("sh", "dirname", "cmp", "cp", "rm", "tail", "cat")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that `./dev` needs. Its environment does not exist yet."""
    shutil.copy(ROOT / "dev", tmp_path)
    shutil.copytree(ROOT / "packaging", tmp_path / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in TOOLS:
        path = shutil.which(name)
        assert path is not None
        (tools / name).symlink_to(path)
    return tmp_path


def dev(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return subprocess.run(
        [str(checkout / "dev"), *arguments],
        env={**kept, "PATH": str(checkout / "bin"), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def fake_python(checkout: Path, script: str) -> None:
    file = checkout / "bin" / "python3"
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 3
    lines = [line for line in result.stderr.splitlines() if "(once)" not in line]
    assert len(lines) == 1
    return lines[0]


def test_no_python(checkout: Path) -> None:
    assert "needs Python 3.11 or newer and found none" in only_line(dev(checkout, "demo"))


def test_python_too_old(checkout: Path) -> None:
    fake_python(checkout, "exit 1  # what the version test of an old Python gives")
    assert "needs Python 3.11 or newer and found none" in only_line(dev(checkout, "demo"))


def test_python_of_a_shim_for_a_version_that_is_not_there_and_no_network(checkout: Path) -> None:
    """`./dev` chooses a Python that works. The test knows this because `./dev` gets as far as pip, which finds no
    network.
    """
    fake_python(checkout, "echo 'command not found' >&2; exit 127")
    (checkout / "bin" / "python3.12").symlink_to(sys.executable)
    # Nothing listens on port 9 of this machine, and no other address is contacted.
    result = dev(checkout, "demo", PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="0")
    line = only_line(result)
    assert "pip could not install" in line
    assert "is there a network" in line
    assert ".venv/pip.log" in line


def test_named_python_is_not_one(checkout: Path) -> None:
    assert "PYTHON=/bin/false is not Python 3.11 or newer" in only_line(dev(checkout, "demo", PYTHON="/bin/false"))


def test_no_venv_module(checkout: Path) -> None:
    fake_python(checkout, 'case "$*" in *ensurepip*) exit 1 ;; esac')
    line = only_line(dev(checkout, "demo"))
    assert "has no venv module" in line
    assert "apt-get install python3-venv" in line


def test_unknown_verb(checkout: Path) -> None:
    result = dev(checkout, "tset")
    assert result.returncode == 3
    assert "./dev test" in result.stderr


def test_requirements_are_hashed_and_name_no_index() -> None:
    for path in (ROOT / "packaging").glob("requirements*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        assert "--index" not in text
        wanted = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
        assert wanted
        assert text.count("--hash=sha256:") >= len(wanted)


def test_what_locks_comes_by_its_hash(checkout: Path) -> None:
    place = checkout / ".venv" / "bin" / "python"
    place.parent.mkdir(parents=True)
    place.write_text(
        '#!/bin/sh\n[ "$1" = -c ] && exit 0\nprintf "%s\\n" "$*" >called\ncat .venv/uv.txt >given\nexit 1\n', "utf-8"
    )
    place.chmod(0o755)
    (checkout / "bin" / "awk").symlink_to(shutil.which("awk") or "/usr/bin/awk")
    assert dev(checkout, "lock").returncode == 3
    assert "--require-hashes" in (checkout / "called").read_text("utf-8").split()
    name, *hashes = (checkout / "given").read_text("utf-8").splitlines()
    assert name.startswith("uv==")
    assert hashes
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)


def test_pip_installs_nothing_without_a_hash() -> None:
    for script in (ROOT / "dev", ROOT / "packaging" / "environment.sh"):
        calls = [line.strip() for line in script.read_text("utf-8").splitlines() if line.strip().startswith("pip ")]
        assert calls
        assert [call for call in calls if "--require-hashes" not in call and "--no-index" not in call] == []
