"""Reports of the version that knew no workloads are judged, compared and shown as they were.

The files are what `backuplink demo NAME --format json` wrote in the last commit before workloads; they are not written
again.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from agent.cli import entry
from agent.formats.registry import FORMATS, render
from agent.report import codec
from agent.report.diff import difference
from agent.report.model import Report
from agent.report.saved import parse_report
from agent.settings import Workload
from tests.formats.monitors import STATUS_IN
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

FOLDER: Final = Path(__file__).parent / "before_workloads"
NAMES: Final = ("healthy", "endpoint-group-shut")

every_file = pytest.mark.parametrize("name", NAMES)


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def old_report(name: str) -> Report:
    return parse_report(path_of(name).read_bytes(), name)


def judged(name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The document of `backuplink diagnose`."""
    entry.run(["diagnose", str(path_of(name)), "--format", "json"])
    out, err = capsys.readouterr()
    assert err == ""
    document: dict[str, Any] = json.loads(out)
    return document


def found_in(document: dict[str, Any]) -> dict[str, Any]:
    """What was found, without words that may be written better by now."""
    return {
        "verdict": {key: document["verdict"][key] for key in ("status", "path", "access")},
        "targets": [
            {key: target[key] for key in ("id", "role", "required", "status", "path", "access")}
            for target in document["targets"]
        ],
        "findings": [
            {key: finding[key] for key in ("id", "severity", "explained_by", "counts", "evidence")}
            for finding in document["findings"]
        ],
    }


def test_every_file_is_tried_and_knows_no_workload() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*NAMES}
    for name in NAMES:
        document = json.loads(path_of(name).read_text("ascii"))
        today = codec.encode(report_of(name))
        assert today["run"].keys() - document["run"].keys() >= {"workloads", "jobs"}
        came = {"workloads", "account_id", "instance_type", "image_id", "managed_node_id", "host_name"}
        assert today["vantage"].keys() - document["vantage"].keys() == came
        assert all("subjects" not in finding for finding in document["findings"])
        assert today["targets"][0].keys() - document["targets"][0].keys() == {"required_by", "bucket"}
        assert "host/workloads" not in {observation["id"] for observation in document["observations"]}


@every_file
def test_it_is_judged_as_it_was(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = judged(name, capsys)
    VALIDATOR.validate(document)
    assert found_in(document) == found_in(json.loads(path_of(name).read_text("ascii")))
    assert document["vantage"]["workloads"] == []
    assert {"ENV016", "ENV017", "TCP012"}.isdisjoint(finding["code"] for finding in document["findings"])


@every_file
def test_it_is_compared_with_a_run_of_today(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    today = tmp_path / "today.json"
    today.write_text(codec.dumps(codec.encode(report_of(name))), "ascii")
    for old, new in ((path_of(name), today), (today, path_of(name))):
        assert entry.run(["diff", str(old), str(new)]) == 0
        assert "Findings\n  the same\n\nTargets\n  the same\n" in capsys.readouterr().out


def test_what_is_required_by_now_is_a_change() -> None:
    changes = difference(old_report("healthy"), report_of("hana-healthy"))
    assert {row.id for row in changes.targets if row.role.new == "required"} == {
        *("backup-storage", "ssm", "ssmmessages", "ssm-sap", "secretsmanager")
    }
    assert changes.worse == "ok"


@every_file
@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_it_is_shown_in_every_format(name: str, row: Any) -> None:
    document = render(old_report(name), row.name)
    assert document.endswith("\n")
    if row.name in STATUS_IN:
        read = STATUS_IN[row.name]
        assert read(document) == read(render(report_of(name), row.name))
    assert "backuplink_workload_info" not in document
    assert "backuplink_target_required_by" not in document
    assert f"--workload {Workload.AUTO}" not in document
