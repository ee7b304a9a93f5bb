"""Saving a report from the interface. The file is complete or absent, never replaces another file, and is readable only
for its owner.
"""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from agent.formats import html, markdown
from agent.formats import json as json_format
from agent.report import codec
from agent.report.model import Report
from agent.tui.export import formats, save
from tests.support.runs import report_of


@pytest.fixture
def report() -> Report:
    return report_of("one-zone-silent")


def test_the_formats_in_their_order() -> None:
    assert formats() == ("json", "html", "markdown")


@pytest.mark.parametrize(
    ("wanted", "render"), [("json", json_format.render), ("html", html.render), ("markdown", markdown.render)]
)
def test_the_file_is_the_format_s_document(wanted: str, render: object, report: Report, tmp_path: Path) -> None:
    assert callable(render)
    path = save(report, str(tmp_path / "report"), wanted)
    assert path == tmp_path / "report"
    assert path.read_text("utf-8") == render(report)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_saved_report_can_be_read_back(report: Report, tmp_path: Path) -> None:
    path = save(report, str(tmp_path / "report.json"), "json")
    assert codec.decode(json.loads(path.read_text("utf-8"))).findings == report.findings


def test_of_no_format_of_this_name(report: Report, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        save(report, str(tmp_path / "report"), "text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link to nothing", "link to a file", "pipe"])
def test_nothing_is_written_over(kind: str, report: Report, tmp_path: Path) -> None:
    place = tmp_path / "there"
    old = tmp_path / "old"
    old.write_text("old", "utf-8")
    match kind:
        case "file":
            place.write_text("old", "utf-8")
        case "folder":
            place.mkdir()
        case "link to nothing":
            place.symlink_to(tmp_path / "nothing")
        case "link to a file":
            place.symlink_to(old)
        case _:
            os.mkfifo(place)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(FileExistsError) as caught:
        save(report, str(place), "json")
    assert caught.value.errno == errno.EEXIST
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert old.read_text("utf-8") == "old"


def test_what_came_while_the_report_was_written_stays(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process creates a file of this name while the report is written, after the interface has checked that no
    such file exists.
    """
    place = tmp_path / "there"
    sync = os.fsync

    def another(handle: int) -> None:
        sync(handle)
        place.write_text("another's", "utf-8")

    monkeypatch.setattr(os, "fsync", another)
    with pytest.raises(FileExistsError):
        save(report, str(place), "html")
    assert place.read_text("utf-8") == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_disk_that_is_full_leaves_nothing(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(report, str(tmp_path / "report"), "json")
    assert list(tmp_path.iterdir()) == []


def test_home_and_the_folder_of_the_process(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert save(report, "~/home.json", "json") == tmp_path / "home.json"
    monkeypatch.chdir(tmp_path)
    assert save(report, "here.json", "json") == tmp_path / "here.json"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.json", "home.json"]


@pytest.mark.parametrize(
    ("place", "number"),
    [
        pytest.param("", errno.EINVAL, id="nothing"),
        pytest.param("a\0b", errno.EINVAL, id="NUL"),
        pytest.param("~nobody-of-this-name/x", errno.ENOENT, id="no such home"),
        pytest.param("no/such/folder/x", errno.ENOENT, id="no such folder"),
        pytest.param("x" * 300, errno.ENAMETOOLONG, id="too long"),
        pytest.param("/dev/null/x", errno.ENOTDIR, id="in what is not a folder"),
        pytest.param("/proc/x", errno.ENOENT, id="where nothing can be made"),
        pytest.param(".", errno.EEXIST, id="here"),
    ],
)
def test_a_place_that_is_none(
    place: str, number: int, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the errno identifies it
        save(report, place, "json")
    assert caught.value.errno == number
    assert caught.value.strerror
    assert list(tmp_path.iterdir()) == []
