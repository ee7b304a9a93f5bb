"""The files that are read, and the sweeps that follow from their paths."""

import os
from datetime import date
from pathlib import Path

import pytest

from agent.fleet.places import (
    Folder,
    command_of,
    folder_of,
    holds_report,
    is_taken,
    record_beside,
    report_beside,
    sources_of,
    sweep_of,
)
from agent.fleet.store import Piece, Source

COMMAND = "0a1b2c3d-0000-4000-8000-00000000000a"
ASSOCIATION = "0a1b2c3d-0000-4000-8000-00000000000b"
RUN = "2026-11-30T03-00-12.345Z"
"""A time in the notation of the SSM Agent."""
NODE = "i-0a1b2c3d4e5f67890"


@pytest.mark.parametrize(
    ("path", "sweep"),
    [
        (f"/x/backuplink/{COMMAND}/{NODE}/awsrunShellScript/report/stdout", COMMAND),
        (f"{COMMAND}/{NODE}/awsrunShellScript/host/stdout", COMMAND),
        (f"backuplink/{COMMAND}/mi-0a1b2c3d4e5f67890/awsrunShellScript/host/stdout", COMMAND),
        (f"backuplink/{NODE}/{ASSOCIATION}/{RUN}/awsrunShellScript/report/stdout", None),
        ("/x/host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01/i-1.json", "2026-03-01"),
        (f"/x/{COMMAND}/{NODE}/report.json", None),
        ("/x/reports/i-1.json", None),
    ],
)
def test_what_a_path_says_of_the_sweep(path: str, sweep: str | None) -> None:
    assert sweep_of(path) == sweep


@pytest.mark.parametrize(
    ("folder", "written", "sweep"),
    [
        ("host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01", "2026-03-01", "2026-03-01"),
        ("host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01", "2026-03-02", "2026-03-01"),
        ("host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01", "2026-02-28", "2026-03-01"),
        ("host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01", "2026-03-03", "2026-03-03"),
        ("host.v1/account=111122223333/region=eu-west-1/dt=2099-01-01", "2026-03-03", "2026-03-03"),
        ("host.v1.parquet/account=111122223333/region=eu-west-1/dt=2026-03-01", "2026-06-01", "2026-03-01"),
        ("host.v1.parquet/account=111122223333/region=eu-west-1/dt=2099-01-01", "2026-03-01", "2026-03-01"),
        ("reports/dt=2026-03-01", "2026-06-01", "2026-03-01"),
        ("reports", "2026-03-01", None),
    ],
)
def test_when_an_object_was_written_counts(folder: str, written: str, sweep: str | None) -> None:
    assert sweep_of(f"s3://b/p/{folder}/x.json", date.fromisoformat(written)) == sweep


@pytest.mark.parametrize("prefix", ["", "/x/", "s3://b/", "s3://b/host.v2/region=x/"])
@pytest.mark.parametrize(("name", "is_packed"), [("host.v1", False), ("host.v1.parquet", True)])
def test_what_a_folder_of_a_lake_says(prefix: str, name: str, is_packed: bool) -> None:
    path = f"{prefix}{name}/account=111122223333/region=eu-west-1/dt=2026-03-01/i-1.json"
    assert folder_of(path) == Folder(account="111122223333", region="eu-west-1", day="2026-03-01", is_packed=is_packed)


@pytest.mark.parametrize("path", ["a.json", "/x/reports/a.json", "/x/region=R/a.json", "/x/dt=2026-03-01/a.json"])
def test_what_lies_elsewhere_has_no_folder(path: str) -> None:
    assert folder_of(path) is None


@pytest.mark.parametrize("path", ["/x/dt=yesterday/a.json", "/x/dt=2026-02-30/a.json", "dt=/a.json"])
def test_a_day_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="which is not a day"):
        folder_of(path)


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        *((f"/x/a{suffix}", True) for suffix in (".json", ".ndjson", ".JSON", ".json.gz", ".gz", ".parquet", ".jsonl")),
        *((f"/x/{name}", False) for name in ("a.txt", "stdout", ".a.json", "json", "a.html", "a.jsonx")),
        (f"/x/{COMMAND}/{NODE}/awsrunShellScript/report/stdout", True),
        (f"/x/{COMMAND}/{NODE}/awsrunShellScript/host/stdout", True),
        (f"/x/{NODE}/{ASSOCIATION}/{RUN}/awsrunShellScript/report/stdout", True),
        (f"/x/{NODE}/{ASSOCIATION}/{RUN}/awsrunShellScript/check/stdout", False),
        (f"/x/{NODE}/{ASSOCIATION}/{COMMAND}/awsrunShellScript/report/stdout", False),
        (f"/x/{COMMAND}/{NODE}/awsrunShellScript/check/stdout", False),
        (f"/x/{COMMAND}/{NODE}/awsrunShellScript/report/stderr", False),
    ],
)
def test_which_files_of_a_folder_are_taken(path: str, taken: bool) -> None:
    assert is_taken(path) is taken


@pytest.mark.parametrize(
    ("place", "is_one"),
    [
        (f"/x/{COMMAND}/{NODE}/awsrunShellScript/report/stdout", True),
        (f"/x/{COMMAND}/{NODE}/awsrunShellScript/host/stdout", False),
        (f"s3://b/{COMMAND}/{NODE}/awsrunShellScript/report/stdout", True),
        (f"s3://b/{NODE}/{ASSOCIATION}/{RUN}/awsrunShellScript/host/stdout", False),
        ("s3://b/host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01/i-1.json", False),
        ("s3://b/host.v1.parquet/account=111122223333/region=eu-west-1/dt=2026-03-01/records.parquet:3", False),
        ("s3://b/reports/i-1.json", True),
        ("s3://b/records.ndjson:12", False),
        (f"{COMMAND}/{NODE}", False),
        ("/nowhere/at/all.json", False),
        ("\0", False),
    ],
)
def test_where_a_whole_report_lies(place: str, is_one: bool) -> None:
    assert holds_report(place) is is_one


def test_a_file_that_begins_as_a_report_does_is_one(tmp_path: Path) -> None:
    for name, schema, is_one in (("a", "backuplink.report.v1", True), ("b", "backuplink.host.v1", False)):
        (tmp_path / f"{name}.json").write_text(f'{{\n  "schema": "{schema}", "tool": {{}}\n}}')
        assert holds_report(str(tmp_path / f"{name}.json")) is is_one


@pytest.mark.parametrize("folder", [f"/x/{COMMAND}/{NODE}", f"s3://b/report/stdout/{NODE}/{ASSOCIATION}/{RUN}"])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_report_and_a_record_of_one_run_lie_side_by_side(folder: str, end: str) -> None:
    report, record = (f"{folder}/awsrunShellScript/{step}/stdout{end}" for step in ("report", "host"))
    assert record_beside(report) == record
    assert report_beside(record) == report
    assert record_beside(record) is report_beside(report) is None


@pytest.mark.parametrize(
    "place", ["/x/report/stdout", "/x/host/stdout", f"{COMMAND}/{NODE}", "s3://b/reports/i-1.json"]
)
def test_nothing_is_beside_what_somebody_else_wrote(place: str) -> None:
    assert record_beside(place) is report_beside(place) is None


def test_the_command_and_the_node_of_an_output() -> None:
    assert command_of(f"{COMMAND}/{NODE}") == (COMMAND, NODE)
    assert command_of(f"/x/{COMMAND}/{NODE}") is None
    assert command_of(f"{COMMAND}/{NODE}/x") is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b/2.json", "b/1.json", "a/deep/er/3.ndjson", "a/notes.txt", "0.json", ".git/4.json", "[x].json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.json")
    return tmp_path


def _names(folder: Path, place: Path | str) -> list[str]:
    found = list(sources_of(str(place)))
    assert all(isinstance(each, Source) for each in found)
    return [Path(each[0]).relative_to(folder).as_posix() for each in found]


def test_a_folder_is_walked_in_the_order_of_its_names(folder: Path) -> None:
    assert _names(folder, folder) == ["0.json", "[x].json", "a/deep/er/3.ndjson", "b/1.json", "b/2.json"]


def test_a_file_that_is_named_is_read_whatever_it_is_called(folder: Path) -> None:
    assert _names(folder, folder / "a/notes.txt") == ["a/notes.txt"]
    assert _names(folder, folder / "[x].json") == ["[x].json"]


def test_patterns(folder: Path) -> None:
    assert _names(folder, folder / "b/*.json") == ["b/1.json", "b/2.json"]
    assert _names(folder, folder / "**/*.ndjson") == ["a/deep/er/3.ndjson"]
    assert _names(folder, folder / "a*") == ["a/deep/er/3.ndjson"]


def test_a_path_is_the_same_from_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "b")
    assert _names(folder, "1.json") == ["b/1.json"]
    assert _names(folder, "../b/*.json") == ["b/1.json", "b/2.json"]


@pytest.mark.parametrize("place", ["nothing.json", "nothing/*.json", "\0", "x" * 5_000])
def test_what_is_not_there(folder: Path, place: str) -> None:
    (piece,) = sources_of(str(folder / place) if "\0" not in place else place)
    assert isinstance(piece, Piece)
    assert piece.line is None
    assert piece.why


def test_a_file_with_another_content_has_another_tag(folder: Path) -> None:
    (before,) = sources_of(str(folder / "0.json"))
    (folder / "0.json").write_text("{ }")
    (after,) = sources_of(str(folder / "0.json"))
    assert isinstance(before, Source)
    assert isinstance(after, Source)
    assert before.tag != after.tag
