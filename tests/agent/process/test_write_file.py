"""Documents are written safely, whatever another user of the host plants in their folder: modes, links, pipes,
leftovers.
"""

import ast
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import agent
import probes
from agent.cli.entry import run
from agent.process import phases
from agent.process.phases import Phase
from agent.process.write_file import own_private_folder, to_file, to_new_file, to_private_file
from tests.support.repository import ROOT

NEW = "the new document\n"
OLD = "the old document\n"
NOBODY = 65_534
SECONDS = 60.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own files as somebody else")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder like /tmp. Every user can write there, but only the owner of a file can remove it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@pytest.fixture(autouse=True)
def _mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@as_root
@pytest.mark.parametrize("mode", [0o6777, 0o4755, 0o666, 0o600])
def test_a_planted_file_gives_its_mode_to_nothing(mode: int, shared: Path) -> None:
    planted = shared / "report.json"
    planted.write_text(OLD, "utf-8")
    os.chown(planted, NOBODY, NOBODY)
    planted.chmod(mode)
    to_file(NEW, planted)
    assert planted.read_text("utf-8") == NEW
    assert mode_of(planted) == 0o644
    assert planted.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("mode", [0o6755, 0o7644])
def test_special_bits_of_an_own_file_are_not_kept(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(OLD, "utf-8")
    path.chmod(mode)
    to_file(NEW, path)
    assert mode_of(path) == mode & 0o777


@as_root
def test_a_link_of_another_user_is_refused(shared: Path, tmp_path: Path) -> None:
    victim = tmp_path / "passwd"
    victim.write_text(OLD, "utf-8")
    link = shared / "report.json"
    link.symlink_to(victim)
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(OSError, match="link of another user") as caught:
        to_file(NEW, link)
    assert caught.value.errno == errno.ELOOP
    assert victim.read_text("utf-8") == OLD
    assert link.is_symlink()


@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o722])
def test_a_link_in_a_folder_that_others_can_write_is_refused_whoever_owns_it(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    victim = tmp_path / "victim"
    victim.write_text(OLD, "utf-8")
    (folder / "report.json").symlink_to(victim)
    with pytest.raises(OSError, match="folder that others can write"):
        to_file(NEW, folder / "report.json")
    assert victim.read_text("utf-8") == OLD


@as_root
def test_a_link_in_the_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    victim = tmp_path / "victim"
    (folder / "report.json").symlink_to(victim)
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(OSError, match="folder that others can write"):
        to_file(NEW, folder / "report.json")
    assert not victim.exists()


def test_a_planted_folder_on_the_way_is_refused(shared: Path, tmp_path: Path) -> None:
    target = tmp_path / "etc"
    target.mkdir()
    (shared / "reports").symlink_to(target)
    with pytest.raises(OSError, match="folder that others can write"):
        to_file(NEW, shared / "reports" / "report.json")
    assert list(target.iterdir()) == []


def test_a_link_that_only_this_user_can_place_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "way").symlink_to("there")
    (tmp_path / "there" / "link").symlink_to("../there/report.json")
    to_file(NEW, tmp_path / "way" / ".." / "way" / "link")
    assert (tmp_path / "there" / "report.json").read_text("utf-8") == NEW
    assert (tmp_path / "there" / "link").is_symlink()


@as_root
def test_a_user_without_rights_may_write_into_a_shared_folder(shared: Path) -> None:
    """The protections must still allow the common case, a new file in /tmp."""
    shared.parent.chmod(0o755)
    for folder in shared.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from agent.process.write_file import to_file\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "to_file('one\\n', Path(sys.argv[1])); to_file('two\\n', Path(sys.argv[1]))\n"
    )
    path = shared / "report.json"
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True, timeout=SECONDS)
    assert (path.read_text("utf-8"), path.stat().st_uid) == ("two\n", NOBODY)


def test_the_document_goes_to_stdout_where_a_link_is_refused(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    link = shared / "report.txt"
    link.symlink_to(victim)
    assert run(["demo", "--output", str(link)]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("OK")
    assert f"{link} cannot be written: report.txt on this path is a link in a folder that others can write" in err
    assert not victim.exists()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"])
def test_an_open_descriptor_is_written_to_and_never_replaced(name: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(OLD, "utf-8")
    before = path.stat().st_ino
    with path.open("ab") as stream:
        code = (
            "import sys; from pathlib import Path; from agent.process.write_file import to_file; "
            f"to_file({NEW!r}, Path({name!r}))"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=stream, check=True, timeout=SECONDS)
    assert path.read_text("utf-8") == OLD + NEW
    assert path.stat().st_ino == before


def test_a_descriptor_of_another_process_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(OLD, "utf-8")
    with (
        path.open("ab") as stream,
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=stream) as other,
    ):
        try:
            to_file(NEW, Path(f"/proc/{other.pid}/fd/1"))
        finally:
            other.kill()
    assert path.read_text("utf-8") == OLD + NEW


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = (
        "import os, sys; from pathlib import Path; from agent.process import write_file\n"
        "write_file.os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        "write_file.to_file('x' * 100_000, Path(sys.argv[1]))\n"
    )
    path = tmp_path / "report.json"
    path.write_text(OLD, "utf-8")
    for _ in range(3):
        subprocess.run([sys.executable, "-c", killed, str(path)], cwd=ROOT, check=False, timeout=SECONDS)
    assert path.read_text("utf-8") == OLD
    assert len(list(tmp_path.glob(".backuplink-*.new"))) == 1  # each process removes the leftover of the one before it
    to_file(NEW, path)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_what_a_living_writer_holds_is_left_alone(tmp_path: Path) -> None:
    import fcntl

    held = tmp_path / ".backuplink-0123456789abcdef.new"
    with held.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        to_file(NEW, tmp_path / "report.json")
    assert held.exists()
    to_file(NEW, tmp_path / "report.json")
    assert not held.exists()


def test_a_file_without_its_lock_is_made_again_where_another_writer_removes_it(tmp_path: Path) -> None:
    """Two documents are written to one folder at the same time, as by a watch."""
    first = True

    def write_another(phase: str) -> None:
        nonlocal first
        if phase == Phase.FILE_OPENED and first:
            first = False
            to_file(OLD, tmp_path / "watch.prom")

    phases.subscribe(write_another)
    try:
        to_file(NEW, tmp_path / "report.json")
    finally:
        phases.subscribe(None)
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "report.json": NEW,
        "watch.prom": OLD,
    }


@as_root
def test_a_leftover_of_another_user_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / ".backuplink-0123456789abcdef.new"
    other.write_text("", "utf-8")
    os.chown(other, NOBODY, NOBODY)
    to_file(NEW, tmp_path / "report.json")
    assert other.exists()


def test_a_folder_that_is_exchanged_on_the_way_is_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the check of a name and its use, a link replaces the folder of this name."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "victim").mkdir()
    opened = os.open
    exchanged = False

    def exchanging(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        nonlocal exchanged
        if name == "folder" and not exchanged:
            exchanged = True
            (tmp_path / "folder").rmdir()
            (tmp_path / "folder").symlink_to("victim")
        return opened(name, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", exchanging)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - ENOTDIR or ELOOP, by the kernel
        to_file(NEW, tmp_path / "folder" / "report.json")
    assert caught.value.errno in (errno.ENOTDIR, errno.ELOOP)
    assert exchanged
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.parametrize("there", ["file", "link", "dangling"])
def test_a_new_file_is_never_over_another(there: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    if there == "file":
        path.write_text(OLD, "utf-8")
    else:
        path.symlink_to(__file__ if there == "link" else "nowhere")
    with pytest.raises(FileExistsError):
        to_new_file(NEW, path)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_a_new_file_is_for_its_owner_alone(shared: Path) -> None:
    path = shared / "report.json"
    to_new_file(NEW, path)
    assert (path.read_text("utf-8"), mode_of(path)) == (NEW, 0o600)
    assert [file.name for file in shared.iterdir()] == ["report.json"]


def test_a_private_file_is_for_its_owner_alone_whoever_could_read_the_old_one(shared: Path) -> None:
    path = shared / "case.tar.gz"
    for before in (None, 0o644):
        if before is not None:
            path.chmod(before)
        assert to_private_file(b"\x1f\x8b\0", path)
        assert (path.read_bytes(), mode_of(path)) == (b"\x1f\x8b\0", 0o600)
    assert [file.name for file in shared.iterdir()] == ["case.tar.gz"]


def test_a_private_file_that_goes_to_an_open_descriptor_has_no_name(tmp_path: Path) -> None:
    with (tmp_path / "taken").open("wb") as stream:
        assert not to_private_file(b"\xff\0", Path(f"/dev/fd/{stream.fileno()}"))
    assert (tmp_path / "taken").read_bytes() == b"\xff\0"


def test_a_new_file_may_hold_any_bytes(tmp_path: Path) -> None:
    to_new_file(b"\xff\0", tmp_path / "case.tar.gz")
    assert (tmp_path / "case.tar.gz").read_bytes() == b"\xff\0"


CREATING: Final = frozenset(
    "open mkdir makedirs touch write_text write_bytes symlink symlink_to hardlink_to rename renames unlink rmdir "
    "rmtree copyfile copytree mkstemp mkdtemp NamedTemporaryFile TemporaryFile TemporaryDirectory mkfifo mknod".split()
)
"""Functions and methods of the standard library that can create, replace or remove files in a folder."""
ELSEWHERE: Final = {
    ("agent/fleet/pack.py", "mkdir"): "the folders of a day, for only its owner",
    ("agent/fleet/parquet.py", "mkdir"): "the folder of its reader, below the one in which DuckDB works",
    ("agent/fleet/parquet.py", "open"): "a copy there of what the reader is given",
    ("agent/fleet/parquet.py", "unlink"): "that copy",
    ("agent/fleet/places.py", "open"): "reads",
    ("agent/fleet/readers.py", "open"): "reads",
    ("agent/fleet/temporary.py", "mkdtemp"): "the folder in which DuckDB works, which it removes",
    ("agent/fleet/temporary.py", "open"): "a folder, for its lock",
    ("agent/fleet/temporary.py", "rmtree"): "such a folder of a process that was killed",
    ("agent/history/file.py", "open"): "reads; SQLite writes the file of a history, which own_private_file creates",
    ("agent/process/files.py", "open"): "reads",
    ("agent/process/output.py", "open"): "the null device, in the place of a stream",
    ("agent/process/streams.py", "open"): "the null device, in the place of a stream",
    ("agent/report/archive.py", "open"): "in memory",
    (
        "agent/simulated/certificates.py",
        "NamedTemporaryFile",
    ): "a simulated key, in memory, if there is a place",
    ("agent/tui/command.py", "open"): "the terminal",
    ("probes/system/host_files.py", "open"): "reads",
    ("probes/system/kept.py", "open"): "reads",
    ("probes/system/machine.py", "open"): "reads",
}
"""Calls with such a name in other modules, each with its purpose."""


# --- A private folder of this user ------------------------------------------------------------------------------------


def test_a_folder_is_made_for_its_owner_alone(shared: Path) -> None:
    assert own_private_folder(shared / "a" / "b") == shared / "a" / "b"
    assert mode_of(shared / "a") == mode_of(shared / "a" / "b") == 0o700
    (shared / "a" / "link").symlink_to("b")
    assert own_private_folder(shared / "a" / "link") == shared / "a" / "b"
    (shared / "file").touch()
    with pytest.raises(NotADirectoryError):
        own_private_folder(shared / "file")


@as_root
def test_a_link_of_another_user_to_a_private_folder_is_refused(shared: Path, tmp_path: Path) -> None:
    """Otherwise, another user could choose where records are written."""
    (tmp_path / "private").mkdir(mode=0o700)
    link = shared / "cache"
    link.symlink_to(tmp_path / "private")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    for place in (link, link / "below"):
        with pytest.raises(OSError, match="is a link of another user"):
            own_private_folder(place)
    assert list((tmp_path / "private").iterdir()) == []


@as_root
@pytest.mark.parametrize("way", ["owner", "mode"])
def test_a_folder_that_another_user_can_replace_is_refused(way: str, tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    if way == "owner":
        os.chown(above, NOBODY, NOBODY)
    else:
        above.chmod(0o777)  # unlike in /tmp, every user may rename files in it
    with pytest.raises(PermissionError, match="other users can replace"):
        own_private_folder(above / "cache")
    assert list(above.iterdir()) == []


def test_no_other_module_creates_a_file() -> None:
    """Modules are checked by the names of the functions that they call. The SDK writes its cache itself
    (SECURITY.md).
    """
    creating = set()
    for package in (agent, probes):
        folder = Path(package.__path__[0])
        for module in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
                if name in CREATING:
                    creating.add((f"{folder.name}/{module.relative_to(folder)}", name))
    assert {call for call in creating if call[0] != "agent/process/write_file.py"} == set(ELSEWHERE)
