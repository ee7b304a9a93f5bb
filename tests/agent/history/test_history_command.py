"""`backuplink history`, `check --history` and `demo --watch --history`: their inputs, outputs and exit codes."""

import csv
import io
import json
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import jsonschema_rs
import pytest

from agent.app import keep
from agent.app.check import check, check_host
from agent.app.demo import Simulation, load_scenario
from agent.app.errors import RequestError
from agent.app.history import last_changes, last_failed_report
from agent.app.tables import json_schema
from agent.cli import entry as command
from agent.formats.registry import OPTION_NAMES
from agent.history.model import History, HistoryError, series_of
from agent.history.read import HistoryReader
from agent.history.write import HistoryWriter
from agent.process.cancel import CancelToken
from agent.report.codec import encode
from agent.report.model import Measurement
from agent.run.measuring import Emit
from agent.settings import Keeping, ReportOptions, Settings
from agent.simulated.clock import VirtualLoop
from agent.simulated.settings import EPOCH
from tests.agent.history.entries import DAY, MB, change, entry, ill, later, well, writer
from tests.agent.watch.cycles import INTERVAL
from tests.formats import html_page, svg_picture
from tests.formats.readers import READERS
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

OPTIONS = ReportOptions(format="json", brief=False, output=None, redact=False, suppressions=(), fail_on="warning")


SCHEMA = jsonschema_rs.Draft202012Validator(json.loads(json_schema("history")))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A history with three cycles of a watch, the second of which has a change. They are followed by a gap and another
    cycle. The history also has the reports of two checks.
    """
    history = writer(tmp_path / "h.db")
    for number, report in enumerate((well(1), ill(2), ill(3), well(9)), 1):
        history.append(entry(report, *([change(2)] if number == 2 else [])))
    history.append(entry(report_of("healthy"), series="check"))
    history.append(entry(report_of("one-zone-silent"), series="check", lost=2))
    history.close()
    return history.path


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = command.run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_list_of_changes(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, err = _run(capsys, "history", file)
    assert (code, err) == (0, "")
    assert "watch\n  4 cycles from 2026-03-01 12:00:00 to 2026-03-01 12:08:00 UTC; the last verdict\n  is ok.\n" in out
    assert "  1 gap in which nothing was checked, 4 min in all.\n" in out
    assert "  2      2026-03-01 12:01:02  [1] raised TCP001@backup (critical): it is so;\n" in out
    assert "         2026-03-01 12:03:26  [1] not watched for 4 min\n" in out
    assert "  2 cycles lost: the file could not be written.\n" in out


def test_since(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, _ = _run(capsys, "history", file, "--since", "2026-03-01T13:02+01:00")
    assert code == 0
    assert "watch\n  2 cycles from 2026-03-01 12:02:00" in out
    assert "raised" not in out
    words = " ".join(_run(capsys, "history", file, "--since", "1m")[1].split())
    assert words.startswith("UNKNOWN no cycles since ")
    assert words.endswith(" UTC; the last one was at 2026-03-01 12:08:00 UTC")
    document = json.loads(_run(capsys, "history", file, "--since", "1m", "--format", "json")[1])
    assert (document["series"], document["last_at"]) == ([], "2026-03-01T12:08:00.000Z")


@pytest.mark.parametrize("chart", [(), ("--plot",)])
def test_as_json(capsys: pytest.CaptureFixture[str], file: Path, chart: tuple[str, ...]) -> None:
    code, out, _ = _run(capsys, "history", file, "--format", "json", *chart)
    document = json.loads(out)
    assert (code, document["schema"], document["since"]) == (0, "backuplink.history.v1", None)
    watch, checks = document["series"]
    assert (watch["name"], watch["cycles"], watch["status"], len(watch["gaps"])) == ("watch", 4, "ok", 1)
    assert (checks["name"], checks["lost"], checks["status"]) == ("check", 2, "critical")
    assert (watch["days"] is not None) is (watch["latency"] is not None) is bool(chart)
    assert [row["about"] for row in document["changes"]] == ["TCP001@backup"]
    assert [row["status_since"] for row in (watch, checks)] == ["2026-03-01T12:08:00.000Z", "2026-01-15T03:00:00.000Z"]
    assert (watch["summary"], watch["stands_until"]) == ("backup answers", "2026-03-01T12:09:26.000Z")
    SCHEMA.validate(document)
    for broken in ({**document, "more": 1}, {**document, "series": [{**watch, "gaps": None}]}, {"schema": "x"}):
        assert not SCHEMA.is_valid(broken)
    if chart:
        assert watch["days"][0]["failed"] > 0
        assert {"lane": "backup 10.0.1.17:443", "step": "tcp"}.items() <= watch["latency"][0].items()


def test_the_chart_is_80_columns(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, _ = _run(capsys, "history", file, "--plot")
    assert code == 0
    assert out.isascii()
    assert max(map(len, out.splitlines())) <= 80
    assert "2026-03-01 ........................x" in out
    assert "  backup 10.0.1.17:443\n    tcp " in out
    assert "Flapping\n  Nothing came and went.\n" in out


def test_the_last_that_failed(file: Path, tmp_path: Path) -> None:
    report, cycle = last_failed_report(str(file))
    assert (cycle, report.run.id) == (6, "simulated-one-zone-silent")
    assert report.findings == report_of("one-zone-silent").findings
    history = writer(tmp_path / "h2.db")
    for number, kept in enumerate((well(1), ill(2), ill(3), well(9)), 1):
        history.append(entry(kept, *([change(2)] if number == 2 else [])))
    history.close()
    report, cycle = last_failed_report(str(history.path))
    assert (cycle, report.run.id) == (2, "run-2")  # cycle 3 had the same result, and so has no report
    assert [made.about for made in last_changes(str(history.path), 1).changes] == ["TCP001@backup"]
    assert last_changes(str(history.path), 0).changes == ()


def test_no_cycle_that_failed(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    history.close()
    with pytest.raises(RequestError, match="no cycle in it failed"):
        last_failed_report(str(history.path))


def test_a_page_and_a_picture(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    code, out, err = _run(capsys, "history", file, "--format", "html")
    elements = html_page.read(out)
    assert (code, err) == (0, "")
    assert html_page.texts(elements, "h1")[0].startswith("UNKNOWN: not watched since ")  # these cycles are long past
    assert SCHEMA.is_valid(html_page.data(elements))
    assert html_page.data(elements)["series"][0]["days"] is not None
    assert any(element.attributes.get("id") == "cycle-2" for element in elements)
    code, out, _ = _run(capsys, "history", file, "--format", "svg")
    assert svg_picture.title(svg_picture.read(out)).startswith("UNKNOWN: not watched since ")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--plot",),
        ("--format", "json"),
        ("--format", "html"),
        ("--format", "svg"),
        ("--compare", "5", "6"),
        ("--compare", "5", "6", "--format", "html"),
    ],
)
def test_a_document_goes_to_a_file(
    capsys: pytest.CaptureFixture[str],
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setattr("probes.system.machine.SystemMachine.now", lambda _: EPOCH)
    place = tmp_path / "document"
    expected = _run(capsys, "history", file, *words)[1]
    assert _run(capsys, "history", file, *words, "--output", place) == (0, "", "")
    assert place.read_text("utf-8") == expected
    code, out, err = _run(capsys, "history", file, *words, "--output", tmp_path)
    assert (code, out) == (3, expected)
    assert err == f"Error: {tmp_path} cannot be written: Is a directory; the document is on stdout.\n"


def test_a_comparison_as_a_page(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, _ = _run(capsys, "history", file, "--compare", 5, 6, "--format", "html")
    assert code == 0
    assert html_page.texts(html_page.read(out), "h1") == [
        "WORSE (critical): TCP002 of backup is new: 1 of 3 addresses is silent on 443: 10.0.2.17; ok -> critical"
    ]


@pytest.mark.parametrize("wanted", OPTION_NAMES)
def test_a_report_in_every_format(capsys: pytest.CaptureFixture[str], file: Path, wanted: str) -> None:
    code, out, err = _run(capsys, "history", file, "--show", 6, "--format", wanted)
    assert (code, err) == (0, "")
    READERS[wanted].holds(out)
    assert READERS[wanted].status(out) == "critical"
    if wanted == "json":
        assert VALIDATOR.is_valid(json.loads(out))
        assert json.loads(out)["findings"] == encode(report_of("one-zone-silent"))["findings"]


def test_a_report_can_be_masked_and_written_to_a_file(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    place = tmp_path / "report.txt"
    assert _run(capsys, "history", file, "--show", 6, "--redact", "--output", place) == (0, "", "")
    assert "10.0.2.17" not in place.read_text("utf-8")
    code, out, err = _run(capsys, "history", file, "--show", 6, "--output", tmp_path)
    assert code == 3
    assert "cannot be written" in err
    assert "10.0.2.17" in out


def test_a_cycle_without_a_report_of_its_own_says_whose_is_shown(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    code, out, err = _run(capsys, "history", file, "--show", 3, "--format", "json")
    assert (code, json.loads(out)["run"]["id"]) == (0, "run-2")
    assert err == "Cycle 3 had the same result as cycle 2, whose report was kept and is shown.\n"


def test_a_report_does_not_replace_the_history_it_is_from(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    before = file.read_bytes()
    link = file.with_name("link.db")
    link.symlink_to(file)
    for place in (file, link, file.parent / "." / ".." / file.parent.name / "h.db"):
        code, _, err = _run(capsys, "history", file, "--show", 6, "--output", place)
        assert code == 3
        assert f"--output {place} is the history" in err
    assert file.read_bytes() == before


def test_two_cycles_are_compared(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, _ = _run(capsys, "history", file, "--compare", 5, 6)
    assert code == 0  # the document tells the result, and the exit code does not
    assert out.startswith("WORSE (critical)  TCP002 of backup is new: ")
    document = json.loads(_run(capsys, "history", file, "--compare", 5, 6, "--format", "json")[1])
    assert document["schema"] == "backuplink.diff.v1"
    assert [document[side]["name"] for side in ("old", "new")] == ["cycle 5", "cycle 6"]
    assert "  cycle 5: 2026-01-15 03:00:00 UTC" in out


def test_a_comparison_says_whose_reports_it_compares(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, err = _run(capsys, "history", file, "--compare", 4, 3)
    assert code == 0
    assert "  cycle 4, by the report of cycle 1: " in out
    assert "  cycle 3, by the report of cycle 2: " in out
    assert err == (
        "Cycle 4 had the same result as cycle 1, whose report was kept and is compared.\n"
        "Cycle 3 had the same result as cycle 2, whose report was kept and is compared.\n"
    )
    assert _run(capsys, "history", file, "--compare", 5, 6)[2] == ""


def test_exports(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, _ = _run(capsys, "history", file, "--export", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["cycle"], row["status"], row["report"]) for row in rows] == [
        ("1", "ok", "1"),
        ("2", "critical", "2"),
        ("3", "critical", "2"),
        ("4", "ok", "1"),
        ("5", "ok", "5"),
        ("6", "critical", "6"),
    ]
    lines = [json.loads(line) for line in _run(capsys, "history", file, "--export", "ndjson")[1].splitlines()]
    assert [line["type"] for line in lines] == ["cycle", "cycle", "change", "cycle", "cycle", "cycle", "cycle"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{file}", "--show", "7"), "{file}: has no cycle 7; it has 1 to 6."),
        (("{file}", "--compare", "1", "77"), "{file}: has no cycle 77; it has 1 to 6."),
        (("{file}", "--compare", "1"), "requires 2 arguments"),
        (("{file}", "--show", "x"), "'x' is not a whole number from 1 to 999999999999"),
        (("{file}", "--show", "1", "--plot"), "--show and --plot exclude each other"),
        (("{file}", "--plot", "--export", "csv"), "--plot and --export exclude each other"),
        (("{file}", "--show", "1", "--since", "1d"), "--since limits the list"),
        (("{file}", "--compare", "1", "2", "--since", "1d"), "--compare takes any two cycles"),
        (("{file}", "--show", "1", "--brief", "--format", "json"), "--brief shortens the text report"),
        (("{file}", "--redact"), "--redact is for the report that --show writes"),
        (
            ("{file}", "--format", "nagios"),
            "--format nagios is for the report that --show writes; use text, json, html,",
        ),
        (("{file}", "--compare", "1", "2", "--format", "svg"), "--show writes; use text, json, html or markdown"),
        (("{file}", "--export", "csv", "--output", "x"), "--export writes line by line to stdout; redirect it"),
        (("{file}", "--output", "{file}"), "--output {file} is the history"),
        (("{file}", "--compare", "1", "2", "--output", "{file}"), "--output {file} is the history"),
        (("{file}", "--export", "csv", "--format", "json"), "--export names its own format"),
        (("a\0b", "--show", "1", "--output", "x"), "embedded null"),
        (("{file}", "--since", "yesterday"), "'yesterday' is not a duration such as 7d"),
        (("{file}", "--since", "0001-01-01T00:00+14:00"), "is not a duration such as 7d"),
        (("{file}", "--since", "999999w"), "--since reaches back beyond the year 1"),
        (("{folder}",), "{folder}: Is a directory."),
        (("{folder}/nowhere",), "{folder}/nowhere: No such file or directory."),
        (("{folder}/report.json",), "{folder}/report.json: is not a history of backuplink"),
    ],
)
def test_what_is_refused(capsys: pytest.CaptureFixture[str], file: Path, arguments: tuple[str, ...], says: str) -> None:
    (file.parent / "report.json").write_text("{}" * 100)
    words = [word.format(file=file, folder=file.parent) for word in arguments]
    code, out, err = _run(capsys, "history", *words)
    assert code == 3
    assert says.format(file=file, folder=file.parent) in err
    assert out.startswith(("UNKNOWN", "{", "<svg "))


def test_reports_that_are_masked_cannot_be_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from agent.report.redact import redact

    history = writer(tmp_path / "h.db")
    for name in ("healthy", "one-zone-silent"):
        history.append(entry(redact(report_of(name))))
    history.close()
    code, _, err = _run(capsys, "history", history.path, "--compare", 1, 2)
    assert (code, "redacted" in err) == (3, True)


def test_an_export_that_breaks_off_ends_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.history.read.BATCH", 100)
    history = writer(tmp_path / "h.db")
    for number in range(1, 301):
        history.append(entry(well(number)))
    history.close()
    connection = sqlite3.connect(history.path)
    connection.execute("UPDATE cycle SET seconds = 'x' WHERE id = 299")
    connection.commit()
    connection.close()
    code, out, err = _run(capsys, "history", history.path, "--export", "csv")
    assert code == 3
    assert out.count("\n") == 200
    assert (
        err == f"Error: {history.path}: the history is damaged: it contains data that no version writes; "
        "the export ends here.\n"
    )


# --- Commands that write a history -----------------------------------------------------------------------------------


def test_a_watch_of_a_demo(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    code, _, _ = _run(capsys, "demo", "--watch", "one-zone-silent", "--cycles", "1", "--history", path)
    assert code == 2
    with HistoryReader(path) as history:
        (row,) = history.cycles(None)
        assert [made.kind for made in history.changes(None)] == ["verdict"]
    assert (row.series, row.outline.status) == ("watch --region eu-west-1 --workload auto", "critical")


def test_a_watch_of_a_demo_passes_time_without_waiting(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In real time, this would take an hour."""
    path = tmp_path / "h.db"
    words = ("--cycles", "7", "--interval", "600", "--raise-after", "1", "--clear-after", "1")
    code, out, _ = _run(capsys, "demo", "--watch", "one-zone-flaps", *words, "--history", path)
    assert code == 2
    assert out.startswith("2026-01-15T03:00:03Z verdict critical: ")
    with HistoryReader(path) as history:
        rows = list(history.cycles(None))
    assert [row.outline.status for row in rows] == ["critical", "ok"] * 3 + ["critical"]
    assert rows[0].started_at == EPOCH
    for before, after in pairwise(rows):
        assert 540 <= (after.started_at - before.started_at).total_seconds() <= 660


def test_a_path_that_flaps_is_flapping_in_every_format(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    assert _run(capsys, "demo", "--watch", "one-zone-flaps", "--cycles", "30", "--history", path)[0] == 0
    document = json.loads(_run(capsys, "history", path, "--format", "json")[1])
    (flaps,) = (row for row in document["series"][0]["flapping"] if row["about"] == "verdict")
    assert (flaps["until"], flaps["cycles"], flaps["failed"]) == (None, 26, 13)
    picture = svg_picture.read(_run(capsys, "history", path, "--format", "svg")[1])
    first = svg_picture.title(picture)
    assert first.startswith("FLAPPING: failed 13 of 26 cycles, flapping since 2026-01-15 03:0")
    assert " UTC, the last cycle: OK; not watched since 2026-01-15 03:3" in first
    for chart in ((), ("--plot",)):
        shown = " ".join(_run(capsys, "history", path, *chart)[1].split())
        assert shown.startswith(first.replace("FLAPPING:", "FLAPPING"))
    assert f"# {first}\n" in _run(capsys, "history", path, "--format", "markdown")[1]
    page = html_page.read(_run(capsys, "history", path, "--format", "html")[1])
    assert html_page.texts(page, "h1") == [first]
    assert any(line.startswith("The last failure: backup: ") for line in html_page.texts(page, "p"))
    # Findings that began before the first cycle that is read are known nevertheless.
    later_on = " ".join(
        _run(capsys, "history", path, "--since", "2026-01-15T03:20Z")[1].partition("\nwatch")[0].split()
    )
    assert later_on.startswith("FLAPPING failed ")
    assert "flapping since 2026-01-15 03:0" in later_on
    assert "of 26 cycles" not in later_on


def _check(path: Path, scenario: str, *, redact: bool = False) -> int:
    """Check a simulated VPC with a history; returns the exit code."""
    simulation = Simulation(load_scenario(scenario))
    options = replace(OPTIONS, redact=redact)
    history = keep.opened_history(Keeping(path=path, seconds=30 * DAY, size=100 * MB))
    kept = partial(_kept, history, simulation, options)
    try:
        return check(simulation.settings, simulation.measure, options, [], VirtualLoop, keep=kept)
    finally:
        keep.close_history(history)


def _kept(history: History, simulation: Simulation, options: ReportOptions, report: object) -> None:
    keep.keep_run(history, simulation.settings, options, report, ())  # type: ignore[arg-type]


def test_checks_go_on_from_each_other(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    codes = [_check(path, name) for name in ("healthy", "one-zone-silent", "one-zone-silent", "healthy")]
    assert codes == [0, 2, 2, 0]
    assert '"status": "critical"' in capsys.readouterr().out
    assert [name.name for name in tmp_path.iterdir()] == ["h.db"]
    with HistoryReader(path) as history:
        changes = [(made.cycle, made.kind, made.about) for made in history.changes(None)]
    assert changes == [
        (1, "verdict", "verdict"),
        (2, "verdict", "verdict"),
        (2, "raised", "TCP002@backup"),
        (4, "verdict", "verdict"),
        (4, "cleared", "TCP002@backup"),
    ]


def test_a_file_is_opened_once_in_a_process(tmp_path: Path) -> None:
    """If a process opened the file twice, SQLite's locks on it would be lost. Another process could then remove the log
    to which this process writes.
    """
    first = keep.opened_history(Keeping(path=tmp_path / "h.db", seconds=DAY, size=MB))
    first.append(entry(well(1)))
    (tmp_path / "link.db").symlink_to(tmp_path / "h.db")
    wanted = Keeping(path=tmp_path / "link.db", seconds=2 * DAY, size=MB)
    assert keep.opened_history(wanted) is first
    assert isinstance(first, HistoryWriter)
    assert first.keeping == wanted
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM cycle').fetchall(); c.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "h.db")], check=True)
    assert (tmp_path / "h.db-wal").stat().st_size > 0  # the other process saw that the file is in use
    first.close()


def test_a_masked_check_keeps_no_address(tmp_path: Path) -> None:
    for _ in range(2):
        _check(tmp_path / "h.db", "one-zone-silent", redact=True)
    assert b"10.0.2.17" not in (tmp_path / "h.db").read_bytes()


def test_a_run_that_cannot_be_kept_stands(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise HistoryError("No space left on device")

    monkeypatch.setattr("agent.history.write.HistoryWriter.append", full)
    assert _check(tmp_path / "h.db", "one-zone-silent") == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verdict"]["status"] == "critical"
    assert captured.err.endswith(f"Error: this run is not in the history: {tmp_path}/h.db: No space left on device.\n")


def test_old_runs_that_stay_are_said_and_the_run_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("agent.history.write.prune", full)
    assert _check(tmp_path / "h.db", "one-zone-silent") == 2
    why = f"old runs could not be removed from the history: {tmp_path}/h.db: disk I/O error."
    assert capsys.readouterr().err.endswith(f"Error: {why}\n")
    with HistoryReader(tmp_path / "h.db") as history:
        assert len(list(history.cycles(None))) == 1


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_nothing_but_the_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_interrupted: bool) -> None:
    simulation = Simulation(load_scenario("healthy"))
    received: list[str] = []

    async def measured(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if is_interrupted:
            received.append("SIGTERM")
        return await simulation.measure(settings, emit, stop)

    monkeypatch.setattr("agent.app.world.measuring_here", lambda: measured)
    keeping = Keeping(path=tmp_path / "h.db", seconds=DAY, size=MB)
    assert check_host(simulation.settings, OPTIONS, received, keeping) == (143 if is_interrupted else 0)
    assert [found.name for found in tmp_path.iterdir()] == ["h.db"]
    with HistoryReader(tmp_path / "h.db") as history:
        assert len(list(history.cycles(None))) == (0 if is_interrupted else 1)


def test_nor_of_reading(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    before = file.read_bytes()
    for words in ((), ("--format", "html"), ("--show", "6"), ("--export", "csv")):
        assert _run(capsys, "history", file, *words)[0] == 0
        assert [found.name for found in file.parent.iterdir()] == ["h.db"]
    assert file.read_bytes() == before
    link = file.with_name("link.db")
    link.symlink_to(file)
    assert _run(capsys, "history", link)[0] == 0
    assert sorted(found.name for found in file.parent.iterdir()) == ["h.db", "link.db"]


def test_reading_takes_nothing_from_a_writer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    shared = sorted(found.name for found in tmp_path.iterdir())
    assert shared == ["h.db", "h.db-shm", "h.db-wal"]
    code = "import sys; from agent.cli.entry import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, "history", str(tmp_path / "h.db")], cwd=ROOT, check=True)
    assert done.returncode == 0
    assert sorted(found.name for found in tmp_path.iterdir()) == shared
    history.append(entry(well(2)))
    history.close()
    assert "2 cycles" in _run(capsys, "history", tmp_path / "h.db")[1]


def test_nor_of_a_watch_that_cannot_listen(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = _run(capsys, "demo", "--watch", "--history", tmp_path / "h.db", "--listen", port)
    assert (code, "cannot listen" in err) == (3, True)
    assert [found.name for found in tmp_path.iterdir()] == ["h.db"]


@pytest.mark.parametrize("called", [("check",), ("watch",), ("demo", "--watch")])
def test_a_history_that_is_none_is_refused_before_anything_is_checked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, called: tuple[str, ...]
) -> None:
    place = tmp_path / "notes.txt"
    place.write_text("mine\n" * 100)
    code, out, err = _run(capsys, *called, "--history", place)
    assert code == 3
    assert f"{place}: is not a history of backuplink; it is left as it is.\n" in err
    assert out.startswith("UNKNOWN")
    assert place.read_text() == "mine\n" * 100


@pytest.mark.parametrize("called", [("check",), ("watch",), ("demo", "--watch", "--cycles", "1")])
@pytest.mark.parametrize("words", [("--keep", "30d"), ("--keep-size", "100")])
def test_a_bound_of_no_history_is_refused(
    capsys: pytest.CaptureFixture[str], called: tuple[str, ...], words: tuple[str, ...]
) -> None:
    code, out, err = _run(capsys, *called, *words)
    assert code == 3
    assert f"{words[0]} limits a history, but no file keeps one: add --history FILE." in err
    assert out.startswith("UNKNOWN")


@pytest.mark.parametrize(
    ("called", "option"),
    [
        (("check",), "--output"),
        (("watch", "--cycles", "1"), "--output"),
        (("watch", "--cycles", "1"), "--textfile"),
        (("demo", "--watch", "--cycles", "1"), "--output"),
    ],
)
def test_nothing_else_is_written_to_the_history(
    capsys: pytest.CaptureFixture[str], file: Path, called: tuple[str, ...], option: str
) -> None:
    """A report would replace the history, and the next run would be refused."""
    before = file.read_bytes()
    code, out, err = _run(capsys, *called, "--history", file, option, file)
    assert code == 3
    assert f"{option} {file} is the history" in err
    assert out.startswith("UNKNOWN")
    assert file.read_bytes() == before
    new = file.with_name("new.db")
    assert _run(capsys, *called, "--history", new, option, new)[0] == 3
    assert not new.exists()


def test_the_name_of_a_series_says_what_is_checked() -> None:
    settings = Simulation(load_scenario("endpoint-names-only")).settings
    open_, masked = (series_of("watch", settings, redact=redact) for redact in (False, True))
    assert open_.startswith("watch --region eu-west-1 ")
    assert "vpce-" in open_
    assert "vpce-" not in masked
    assert "=***" in masked


def test_times_are_those_of_the_runs(file: Path) -> None:
    with HistoryReader(file) as history:
        rows = list(history.cycles(later(minutes=1)))
    assert [row.started_at - later() for row in rows if row.series == "watch"] == [INTERVAL, 2 * INTERVAL, 8 * INTERVAL]
