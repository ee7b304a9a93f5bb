"""How files of other programs are read, including names that no longer lead to plain files."""

import errno
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from probes.system.host_files import HostFiles
from tests.support.fakes import open_files

MB = 1_000_000
NOBODY = 65_534


@pytest.fixture
def files(tmp_path: Path) -> HostFiles:
    return HostFiles(str(tmp_path))


def test_start_and_end(files: HostFiles, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"0123456789")
    assert files.start("/log", 10) == (b"0123456789", True)
    assert files.start("/log", 9) == (b"012345678", False)
    assert files.end("/log", 10) == (b"0123456789", True)
    assert files.end("/log", 4) == (b"6789", False)


def test_what_the_kernel_makes_up_is_read_although_it_has_no_size() -> None:
    content, whole = HostFiles().start("/proc/self/status", 1 << 20)
    assert content.startswith(b"Name:")
    assert whole


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a device", "link to a pipe"])
@pytest.mark.parametrize("part", ["start", "end"])
def test_what_is_no_plain_file_is_not_opened(kind: str, part: str, files: HostFiles, tmp_path: Path) -> None:
    place = tmp_path / "log"
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "folder":
            place.mkdir()
        case "link to a device":
            place.symlink_to("/dev/zero")
        case "link to a pipe":
            os.mkfifo(tmp_path / "pipe")
            place.symlink_to("pipe")
    before = open_files()
    with pytest.raises(OSError, match="not a plain file") as caught:
        getattr(files, part)("/log", 10)
    assert caught.value.errno == errno.EINVAL
    assert open_files() - before == {}


def test_a_link_in_place_of_a_log_is_not_followed(files: HostFiles, tmp_path: Path) -> None:
    """Otherwise, a user who may write to the folder of the log could choose which file root reads."""
    (tmp_path / "secret").write_text("secret", "utf-8")
    (tmp_path / "log").symlink_to("secret")
    with pytest.raises(OSError, match="not a plain file"):
        files.end("/log", 10)
    assert files.start("/log", 10) == (b"secret", True)  # a link is allowed: with systemd-resolved, resolv.conf is one


def test_a_link_that_is_put_there_meanwhile_is_not_followed(
    files: HostFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("secret", "utf-8")
    log = tmp_path / "log"
    log.write_text("log", "utf-8")
    stat = os.stat

    def exchanging(*words: Any, **options: Any) -> os.stat_result:
        status = stat(*words, **options)
        if words == ("log",):
            log.unlink()
            log.symlink_to("secret")
        return status

    monkeypatch.setattr(os, "stat", exchanging)
    with pytest.raises(OSError, match="Too many levels") as caught:
        files.end("/log", 10)
    assert caught.value.errno == errno.ELOOP


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user takes root")
@pytest.mark.parametrize("target", ["{root}/elsewhere", "elsewhere", "../{name}/elsewhere"])
def test_a_link_of_another_user_above_a_log_is_not_followed(target: str, tmp_path: Path, files: HostFiles) -> None:
    """The owner of a folder of traces can plant such a link. Root would then read any file to which the link leads."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "backup.log").write_text("secret", "utf-8")
    link = tmp_path / "trace"
    link.symlink_to(target.format(root=tmp_path, name=tmp_path.name))
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(OSError, match="a link of another user"):
        files.end("/trace/backup.log", 10)
    with pytest.raises(OSError, match="a link of another user"):
        HostFiles().end(f"{tmp_path}/trace/backup.log", 10)


@pytest.mark.parametrize("target", ["/elsewhere", "elsewhere", "./elsewhere"])
def test_a_link_of_this_user_above_a_log_is_followed(target: str, tmp_path: Path, files: HostFiles) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "backup.log").write_text("log", "utf-8")
    (tmp_path / "trace").symlink_to(target)
    before = open_files()
    assert files.end("/trace/backup.log", 10) == (b"log", True)
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="Too many levels"):
        files.end("/circle/backup.log", 10)
    with pytest.raises(FileNotFoundError):
        files.end("/nowhere/backup.log", 10)
    assert open_files() - before == {}


def test_a_large_file_takes_no_memory(files: HostFiles, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as stream:
        stream.truncate(10_000 * MB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(files.start("/log", MB)[0]) == len(files.end("/log", MB)[0]) == MB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_a_log_that_shrinks_meanwhile_gives_what_is_left(
    files: HostFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_bytes(b"0123456789")
    before = os.stat_result((0o100600, 0, 0, 1, 0, 0, 1_000, 0, 0, 0))
    monkeypatch.setattr(os, "stat", lambda *_, **__: before)
    assert files.end("/log", 10) == (b"", False)


def test_links_and_folders(files: HostFiles, tmp_path: Path) -> None:
    for name in "cab":
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("../elsewhere")
    assert files.link_target("/link") == "../elsewhere"
    assert files.entries("/", 10) == ("a", "b", "c", "link")
    assert len(files.entries("/", 2)) == 2
    with pytest.raises(FileNotFoundError):
        files.entries("/nowhere", 2)
