"""All reports in this folder are judged, and faults in a report are found."""

import json
import shutil
from pathlib import Path

import pytest

from tests.live.judging import AWS, FOLDER, RECORD, SIMULATION, faults_of, faults_of_record, folders, reports_in

SIMULATED = FOLDER / "simulated"


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_folder_says_where_its_reports_come_from(folder: Path) -> None:
    assert [*faults_of_record(folder)] == []
    assert reports_in(folder)
    made_by = json.loads((folder / RECORD).read_text("utf-8"))["made_by"]
    assert (made_by == SIMULATION) == (folder == SIMULATED)


@pytest.mark.parametrize(
    "path",
    [path for folder in folders() for path in reports_in(folder)],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_a_report_is_as_its_case_expects(path: Path) -> None:
    assert [*faults_of(path)] == []


def spoilt(folder: Path, name: str, old: str = "", new: str = "", to: str | None = None) -> list[str]:
    """The faults that are found in a copy of a report in which one text is replaced."""
    text = (SIMULATED / f"{name}.json").read_text("utf-8")
    assert old in text
    path = folder / f"{to or name}.json"
    path.write_text(text.replace(old, new) if old else text, "utf-8")
    return [*faults_of(path)]


def test_what_is_wrong_with_a_report_is_found(tmp_path: Path) -> None:
    assert spoilt(tmp_path, "s3-without-route") == []
    (words,) = spoilt(tmp_path, "s3-without-route", to="elsewhere")
    assert words == "elsewhere is not a case of packaging/acceptance"
    first, second = spoilt(tmp_path, "s3-without-route", to="dead-proxy")
    assert first.startswith("critical, path public, and not critical, path unknown")
    assert second == f"judged again: {first}"
    (words,) = spoilt(tmp_path, "s3-without-route", '"code": "VPC019"', '"code": "VPC020"')
    assert "and not VPC019 first" in words, "today's rules say what they should, and the report does not"
    (words,) = spoilt(tmp_path, "clock-ahead", '"access_key_id_suffix": "', '"access_key_id_suffix": "Q7')
    assert words == "it says that it is masked, and masking it again changes it"
    (words,) = spoilt(tmp_path, "clock-ahead", '"targets"', '"goals"')
    assert "is not a report" in words


def test_what_is_wrong_with_a_record_is_found(tmp_path: Path) -> None:
    shutil.copytree(SIMULATED, tmp_path / "run")
    file = tmp_path / "run" / RECORD
    record = json.loads(file.read_text("utf-8"))
    for change, words in (
        ({"made_by": AWS}, []),
        ({"made_by": "somebody"}, ["run.json is made by somebody"]),
        ({"taken_at": "yesterday"}, ["run.json was taken at yesterday"]),
        ({"more": 1}, ["run.json has other keys: made_by, more, region, taken_at, version"]),
    ):
        file.write_text(json.dumps(record | change), "utf-8")
        assert [*faults_of_record(tmp_path / "run")] == words
    file.unlink()
    assert len([*faults_of_record(tmp_path / "run")]) == 1
