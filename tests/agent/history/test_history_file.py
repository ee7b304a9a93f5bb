"""The file of a history: its permissions, which other files are refused and stay unchanged, and older versions of the
tables.
"""

import hashlib
import os
import sqlite3
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.history.file import opened_for_reading, opened_for_writing
from agent.history.model import HistoryError
from agent.history.read import HistoryReader
from agent.history.tables import APPLICATION_ID, VERSIONS
from tests.agent.history.entries import entry, well, writer
from tests.support.command import SECONDS
from tests.support.repository import ROOT

NEWER = (*VERSIONS, ("ALTER TABLE cycle ADD COLUMN note TEXT", "UPDATE cycle SET note = 'old'"))
"""A future version of the tables."""
_WITH_UMASK = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[2], 8))
from tests.agent.history.entries import entry, well, writer
history = writer(Path(sys.argv[1]))
history.append(entry(well(1)))
for name in sorted(os.listdir(os.path.dirname(sys.argv[1]))):
    print(name, oct(os.stat(os.path.join(os.path.dirname(sys.argv[1]), name)).st_mode & 0o777))
"""


@pytest.mark.parametrize("umask", ["000", "022", "777"])
def test_its_owner_alone_can_read_it_whatever_the_umask(tmp_path: Path, umask: str) -> None:
    command = [sys.executable, "-c", _WITH_UMASK, str(tmp_path / "h.db"), umask]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stdout.split("\n")[:-1] == ["h.db 0o600", "h.db-shm 0o600", "h.db-wal 0o600"]


def test_a_closed_history_is_one_file(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    history.close()
    assert [path.name for path in tmp_path.iterdir()] == ["h.db"]


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()


def _newer(path: Path) -> None:
    opened_for_writing(path, NEWER).close()


def _with_trigger(path: Path) -> None:
    connection = opened_for_writing(path)
    connection.execute("CREATE TRIGGER evil AFTER INSERT ON cycle BEGIN DELETE FROM report; END")
    connection.close()


def _claims(path: Path) -> None:
    """Write a file with only the header of a history."""
    header = bytearray(100)
    header[:16] = b"SQLite format 3\0"
    header[68:72] = struct.pack(">I", APPLICATION_ID)
    path.write_bytes(bytes(header))


def _torn(path: Path) -> None:
    history = writer(path)
    for number in range(1, 20):
        history.append(entry(well(number)))
    history.close()
    data = path.read_bytes()
    path.write_bytes(data[:4_096] + b"\xa5" * (len(data) - 4_096))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (lambda path: path.write_text("notes of mine\n" * 100), "is not a history of backuplink"),
    "a short text": (lambda path: path.write_text("x"), "is not a history of backuplink"),
    "a folder": (Path.mkdir, "Is a directory"),
    "another program's database": (_foreign, "is not a history of backuplink"),
    "a newer version's": (_newer, "was written by a newer version of backuplink"),
    "one with a trigger": (_with_trigger, "does not have the tables of a history"),
    "a header alone": (_claims, "the history is damaged"),
    "a torn file": (_torn, "the history is damaged"),
    "a pipe": (os.mkfifo, "is not a"),
}


@pytest.mark.parametrize("opened", [opened_for_writing, opened_for_reading])
@pytest.mark.parametrize("what", BAD)
def test_what_is_no_history_is_refused_and_left_as_it_is(
    tmp_path: Path, what: str, opened: Callable[[Path], sqlite3.Connection]
) -> None:
    make, says = BAD[what]
    path = tmp_path / "h.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(HistoryError, match=says):
        opened(path).close()
    assert (path.read_bytes() if path.is_file() else None) == before


def test_what_is_not_there_is_made_by_a_writer_alone(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="No such file or directory"):
        opened_for_reading(tmp_path / "h.db")
    assert not list(tmp_path.iterdir())
    with pytest.raises(HistoryError, match="No such file or directory"):
        opened_for_writing(tmp_path / "nowhere" / "h.db")


def test_an_empty_file_becomes_a_history(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    path.touch()
    writer(path).open()
    with HistoryReader(path) as history:
        assert history.series() == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's link and file take root")
def test_what_another_user_placed_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    link = tmp_path / "h.db"
    link.symlink_to(victim)
    os.lchown(link, 12_345, 12_345)
    with pytest.raises(HistoryError, match="is a link of another user"):
        opened_for_writing(link)
    assert not victim.exists()
    link.unlink()
    for name in ("h.db", "h.db-wal", "h.db-shm", "h.db-journal"):
        planted = tmp_path / name
        planted.touch()
        os.chown(planted, 12_345, 12_345)
        with pytest.raises(HistoryError, match=f"{name} belongs to another user"):
            opened_for_writing(tmp_path / "h.db")
        planted.unlink()
    (tmp_path / "h.db-wal").symlink_to(victim)
    with pytest.raises(HistoryError, match="is not a plain file"):
        opened_for_writing(tmp_path / "h.db")
    assert not victim.exists()


def test_an_own_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "h.db")
    history = writer(tmp_path / "link.db")
    history.append(entry(well(1)))
    history.close()
    assert stat.S_IMODE((tmp_path / "h.db").stat().st_mode) == 0o600


# --- Versions --------------------------------------------------------------------------------------------------------


def test_an_older_version_becomes_the_new_one_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    history = writer(path)
    history.append(entry(well(1)))
    history.close()
    before = path.read_bytes()
    reading = opened_for_reading(path, NEWER)
    assert reading.execute("SELECT id, note FROM cycle").fetchall() == [(1, "old")]
    reading.close()
    assert path.read_bytes() == before  # it was read like a new file, and did not change
    opened_for_writing(path, NEWER).close()
    writing = opened_for_writing(path, NEWER)  # a converted file is not converted again
    assert writing.execute("SELECT id, note FROM cycle").fetchall() == [(1, "old")]
    assert writing.execute("PRAGMA user_version").fetchone() == (len(NEWER),)
    writing.close()
    with pytest.raises(HistoryError, match="newer version"):
        opened_for_writing(path)


def test_a_migration_that_fails_leaves_the_old_version(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    opened_for_writing(path).close()
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="syntax error"):
        opened_for_writing(path, (*VERSIONS, ("ALTER TABLE cycle ADD COLUMN note TEXT", "no SQL")))
    assert path.read_bytes() == before
    opened_for_writing(path).close()


def test_a_released_version_stays_as_it_is() -> None:
    """Users have files of this version. A change of the tables must therefore be a new row of VERSIONS."""
    digests = [hashlib.sha256("\n".join(version).encode()).hexdigest()[:16] for version in VERSIONS]
    assert digests == ["2d912d46617edb10"]


# --- Reading ---------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_has_no_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    history.close()
    monkeypatch.setattr("os.access", lambda *_: False)
    with HistoryReader(tmp_path / "h.db") as reading:
        assert len(list(reading.cycles(None))) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["h.db"]
    history.append(entry(well(2)))  # now there is a write-ahead log, and its content counts
    with HistoryReader(tmp_path / "h.db") as reading:
        assert len(list(reading.cycles(None))) == 2


@pytest.mark.parametrize("name", ["a b.db", "a?b.db", "a#b.db", "a%41.db", "\u00e9.db", ":memory:", "file:x"])
def test_any_name_of_a_file(tmp_path: Path, name: str) -> None:
    history = writer(tmp_path / name)
    history.append(entry(well(1)))
    history.close()
    with HistoryReader(tmp_path / name) as reading:
        assert len(list(reading.cycles(None))) == 1
    assert (tmp_path / name).stat().st_size > 0
