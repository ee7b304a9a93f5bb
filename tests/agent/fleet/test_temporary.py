"""The folder for temporary files. The folder of a process that is alive is never removed."""

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agent.fleet.temporary import PREFIX, OwnFolder
from tests.support.command import SECONDS
from tests.support.repository import ROOT


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Python's folder for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_it_is_its_owners_alone_and_gone_at_the_end(place: Path) -> None:
    own = OwnFolder()
    assert own.path.parent == place
    assert own.path.stat().st_mode & 0o777 == 0o700
    (own.path / "records").write_text("x", "utf-8")
    own.remove()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(place: Path) -> None:
    killed = (
        "import os, signal\n"
        "from agent.fleet.temporary import OwnFolder\n"
        "(OwnFolder().path / 'records').write_text('x')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "TMPDIR": str(place)}
    subprocess.run([sys.executable, "-c", killed], cwd=ROOT, env=environment, timeout=SECONDS, check=False)
    (left,) = place.iterdir()
    own = OwnFolder()
    assert not left.exists()
    own.remove()


def test_another_that_lives_stays(place: Path) -> None:
    first, second = OwnFolder(), OwnFolder()
    assert first.path.exists()
    for each in (first, second):
        each.remove()


def test_what_is_no_such_folder_stays(place: Path) -> None:
    """Links, files, and folders that others can read are not touched. backuplink does not make such things."""
    (place / "elsewhere").mkdir(mode=0o700)
    (place / "elsewhere" / "kept").write_text("x", "utf-8")
    (place / f"{PREFIX}link").symlink_to(place / "elsewhere")
    (place / f"{PREFIX}file").write_text("x", "utf-8")
    (place / f"{PREFIX}open").mkdir(mode=0o755)
    before = sorted(place.rglob("*"))
    OwnFolder().remove()
    assert sorted(place.rglob("*")) == before


def test_one_that_is_removed_before_its_lock_is_made_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock
    taken: list[Path] = []

    def take(handle: int, how: int) -> None:
        if not taken:
            taken.append(next(place.iterdir()))
            taken[0].rmdir()
        flock(handle, how)

    monkeypatch.setattr("fcntl.flock", take)
    own = OwnFolder()
    assert own.path != taken[0]
    assert own.path.exists()
    own.remove()
    assert list(place.iterdir()) == []


def test_one_that_is_removed_before_it_is_opened_is_made_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes begin at the same time. One looks for leftovers before the other has its lock."""
    make = tempfile.mkdtemp
    made: list[str] = []

    def removed_at_once(prefix: str) -> str:
        made.append(make(prefix=prefix))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr("tempfile.mkdtemp", removed_at_once)
    own = OwnFolder()
    assert [str(own.path)] == made[1:]
    own.remove()
    assert list(place.iterdir()) == []
