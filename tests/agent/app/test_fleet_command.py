"""`backuplink fleet` and `demo --fleet`: their inputs and outputs, exit codes, and refusals."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import jsonschema_rs
import pytest

from agent.app.demo_fleet import document_of
from agent.app.publish import FLEET
from agent.cli import entry
from agent.fleet import model, table
from agent.fleet.model import FleetDocument
from agent.formats import host
from agent.formats import json as json_format
from agent.process import signals
from agent.report import codec
from agent.report.escape import spreadsheet_line
from agent.simulated.estate import Estate
from tests.agent.fleet import files
from tests.formats import html_page
from tests.support.command import SECONDS, agent
from tests.support.extent import one_in
from tests.support.runs import report_of, too_long

VALIDATOR: Final = jsonschema_rs.Draft202012Validator(model.schema())
SIZE: Final = 600
FEW: Final = 100
"""The number of hosts in the estate whose files are read."""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small estate."""
    folder = tmp_path_factory.mktemp("estate") / "files"
    done = agent("demo", "--fleet", str(FEW), "--keep", str(folder), "--format", "json")
    assert done.returncode == 2, done.stderr
    (folder / "document.json").write_text(done.stdout, "utf-8")
    return folder


def read(text: str) -> FleetDocument:
    """A JSON document as an object of its class, validated against its schema."""
    document = json.loads(text)
    VALIDATOR.validate(document)
    return model.decode(document)


@cache
def host_files() -> dict[str, str]:
    """Reports and records of a few hosts, by file name."""
    made = {}
    for number, name in enumerate(("healthy", "healthy", "one-zone-silent", "allowance-exceeded")):
        report = report_of(name)
        report = replace(report, vantage=replace(report.vantage, instance_id=f"i-{number:017x}"))
        made[f"{name}-{number}.json"] = json_format.render(report) if number else host.render(report)
    return made


def written(folder: Path, *names: str) -> Path:
    """Write the files whose names begin with one of `names`. Returns the folder."""
    for file, text in host_files().items():
        if file.startswith(names):
            (folder / file).write_text(text, "utf-8")
    return folder


# --- The estate ------------------------------------------------------------------------------------------------------


def test_the_demo_names_each_fault_with_its_hosts() -> None:
    document, estate = document_of(SIZE), Estate(SIZE)
    assert document.verdict.status.value == "critical"
    assert document.totals.hosts == SIZE - len(estate.silent())
    assert document.totals.not_heard_from == len(estate.silent())
    assert sorted(cause.host_count for cause in document.causes) == sorted(
        len(hosts) for hosts in estate.truth().values() if hosts
    )
    assert all(set(cause.hosts) <= frozenset().union(*estate.truth().values()) for cause in document.causes)
    turns = {change.turn.value for change in document.changes}
    assert {"new", "healed"} <= turns


def test_the_files_of_the_demo_say_what_the_demo_said(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = entry.run(
        [
            *("fleet", str(estate / "reports"), "--against", "previous", "--format", "json"),
            *("--inventory", str(estate / "inventory.csv")),
        ]
    )
    assert code == 2
    joined, said = read(capsys.readouterr().out), read((estate / "document.json").read_text("utf-8"))
    assert joined.causes == said.causes
    assert joined.own_faults == said.own_faults
    assert joined.changes == said.changes
    assert joined.totals == said.totals


def test_the_files_of_the_demo_are_their_owners_alone(estate: Path) -> None:
    for path in [estate, *list(estate.rglob("*"))[:50]]:
        if path.name != "document.json":
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077


def test_the_demo_is_the_same_each_time(estate: Path) -> None:
    done = agent("demo", "--fleet", str(FEW), "--format", "json")
    assert done.stdout == (estate / "document.json").read_text("utf-8")


@pytest.mark.parametrize("name", one_in(2, FLEET.formats))
def test_the_demo_writes_every_format_to_a_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "out"
    place.write_text("old", "utf-8")
    place.chmod(0o644)
    assert entry.run(["demo", "--fleet", "40", "--format", name, "--output", str(place)]) in (0, 1, 2)
    assert capsys.readouterr().out == ""
    assert stat.S_IMODE(place.stat().st_mode) == (0o644 if FLEET.forms[name].is_shared else 0o600)
    data = place.read_bytes()
    if name == "parquet":
        assert data[:4] == data[-4:] == b"PAR1"
    elif name == "json":
        read(data.decode())
    elif name == "html":
        html_page.read(data.decode())
    elif name == "text":
        assert too_long(data.decode()) == []
    elif name == "csv":
        assert data.decode().splitlines()[0] == spreadsheet_line(table.COLUMNS, "")
        assert len(data.decode().splitlines()) > 40


# --- What is read, and the exit code ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "more", "code", "status"),
    [
        pytest.param(("healthy",), (), 0, "ok", id="ok"),
        pytest.param(("healthy", "allowance"), (), 1, "warning", id="warning"),
        pytest.param(("healthy", "one-zone"), (), 2, "critical", id="critical"),
        pytest.param(("healthy", "allowance"), ("--fail-on", "critical"), 0, "warning", id="fails on critical"),
        pytest.param(("healthy", "one-zone"), ("--fail-on", "never"), 0, "critical", id="never fails"),
        pytest.param(("healthy", "one-zone"), ("--suppress", "TCP002"), 0, "ok", id="suppressed"),
        pytest.param(("healthy", "one-zone"), ("--suppress", "TCP002@2020-01-01"), 2, "critical", id="no longer"),
    ],
)
def test_the_exit_code_is_that_of_the_worst_host(
    names: tuple[str, ...],
    more: tuple[str, ...],
    code: int,
    status: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert entry.run(["fleet", str(written(tmp_path, *names)), "--format", "json", *more]) == code
    document = read(capsys.readouterr().out)
    assert document.verdict.status.value == status
    assert document.totals.hosts == len([name for name in host_files() if name.startswith(names)])


@pytest.mark.parametrize(("end", "code"), [("2999-12-31", 0), ("2020-01-01", 2)])
def test_known_faults_come_from_a_file(end: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, "healthy", "one-zone")
    known = tmp_path / "known.csv"
    known.write_text(f"suppress,owner,reason,end\nTCP002,net-team,a new firewall,{end}\n", "utf-8")
    words = ["fleet", str(folder), "--suppressions", str(known)]
    assert entry.run([*words, "--format", "json"]) == code
    (fault,) = read(capsys.readouterr().out).suppressed
    assert (fault.what, fault.until, fault.expired) == ("TCP002", end, code != 0)
    assert (fault.owner, fault.reason) == ("net-team", "a new firewall")
    assert entry.run([*words, "--format", "json", "--redact"]) == code
    (fault,) = read(capsys.readouterr().out).suppressed
    assert (fault.what, fault.owner, fault.reason) == ("TCP002", "owner-1", None)


def test_an_inventory_with_owners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    sick = [files.record(number, files.SICK) for number in range(9)]
    (folder / "hosts.ndjson").write_text(files.lines(*sick), "utf-8")
    listed = tmp_path / "hosts.csv"
    hosts = [record["host"] for record in sick]
    listed.write_text("InstanceId,Owner\n" + "".join(f"{host},team-{place % 2}\n" for place, host in enumerate(hosts)))
    assert entry.run(["fleet", str(folder), "--inventory", str(listed), "--format", "json"]) == 2
    (cause,) = read(capsys.readouterr().out).causes
    owned = {one.owner: one.hosts for one in cause.owners}
    assert owned == {f"team-{place}": tuple(hosts[place::2]) for place in (0, 1)}
    assert sum(one.host_count for one in cause.owners) == cause.host_count == len(hosts)


@pytest.mark.parametrize(("percent", "code"), [("0", 3), ("60", 0)])
def test_silent_hosts_beyond_what_is_tolerated_are_unknown(
    percent: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path, "healthy")
    listed = tmp_path / "hosts.txt"
    listed.write_text("\n".join(f"i-{number:017x}" for number in range(4)), "utf-8")
    words = ["fleet", *map(str, folder.glob("*.json")), "--inventory", str(listed), "--tolerate", percent]
    assert entry.run([*words, "--format", "json"]) == code
    document = read(capsys.readouterr().out)
    assert document.totals.not_heard_from == 2


@pytest.mark.parametrize(("percent", "code"), [("0", 3), ("60", 0)])
def test_unreadable_files_beyond_what_is_tolerated_are_unknown(
    percent: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path, "healthy")
    (folder / "torn.json").write_text('{"schema": "backuplink.host.v1", "tool', "utf-8")
    assert entry.run(["fleet", str(folder), "--format", "json", "--tolerate", percent]) == code
    document = read(capsys.readouterr().out)
    assert document.totals.unreadable == 1
    assert "/torn.json" in document.unreadable[0].place


def test_where_takes_some_of_the_hosts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, "healthy", "one-zone")
    assert entry.run(["fleet", str(folder), "--format", "json", "--where", "vpc=vpc-00000000"]) == 3
    assert read(capsys.readouterr().out).totals.hosts == 0


def test_a_host_is_read_where_its_report_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If a command asks for both, Systems Manager writes the record of a run to a folder beside its report."""
    command, node = "0a1b2c3d-0000-4000-8000-00000000000a", f"i-{2:017x}"
    folder = tmp_path / command / node / "awsrunShellScript"
    report = report_of("one-zone-silent")
    report = replace(report, vantage=replace(report.vantage, instance_id=node))
    for step, text in (("host", host.render(report)), ("report", json_format.render(report))):
        (folder / step).mkdir(parents=True)
        (folder / step / "stdout").write_text(text, "utf-8")
    assert entry.run(["fleet", str(tmp_path), "--format", "json"]) == 2
    (file,) = read(capsys.readouterr().out).files
    assert (file.place, file.is_report) == (str(folder / "report" / "stdout"), True)
    (folder / "report" / "stdout").unlink()
    assert entry.run(["fleet", str(tmp_path), "--format", "json"]) == 2
    (file,) = read(capsys.readouterr().out).files
    assert (file.is_report, file.region) == (False, "eu-west-1")


def test_the_report_beside_a_record_is_where_to_read_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = host_files()["one-zone-silent-2.json"]
    folder = tmp_path / "0a1b2c3d-0000-4000-8000-00000000000a" / f"i-{2:017x}" / "awsrunShellScript"
    for step, content in (("report", made), ("host", host.render(codec.decode(json.loads(made))))):
        (folder / step).mkdir(parents=True)
        (folder / step / "stdout").write_text(content, "utf-8")
    entry.run(["fleet", str(tmp_path), "--format", "json"])
    document = read(capsys.readouterr().out)
    assert (document.totals.hosts, document.totals.superseded) == (1, 0)
    assert [(one.place, one.is_report) for one in document.files] == [(str(folder / "report" / "stdout"), True)]


# --- What is refused -------------------------------------------------------------------------------------------------

REFUSED: Final = (
    ((), "There is nothing to read: name a file, a folder or s3://"),
    (("nowhere/at/all",), "nowhere/at/all"),
    (("x.json", "--inventory", "nowhere.json"), "--inventory: nowhere.json: cannot be read"),
    (("x.json", "--suppressions", "nowhere.csv"), "--suppressions: nowhere.csv: cannot be read"),
    (("x.json", "--ec2-facts", "nowhere.json"), "--ec2-facts: nowhere.json: cannot be read"),
    (("x.json", "--where", "colour=red"), "'colour' is not one of group, endpoint"),
    (("x.json", "--where", "vpc"), "'vpc' has no value after a '='"),
    (("x.json", "--least", "1"), "a whole number from 2 to"),
    (("x.json", "--tolerate", "101"), "a number from 0 to 100"),
    (("x.json", "--tolerate", "nan"), "a number from 0 to 100"),
    (("--command-id", "x"), "the id of a command"),
    (("x.json", "--by", "colour"), "'colour' is not one of 'group'"),
    (("x.json", "--suppress", "VPC005@2026-02-30"), "'2026-02-30' is not a day"),
    (("x.json", "--since", "yesterday"), "a duration such as 7d or 12h, or a time"),
    (("x.json", "--no-such-option"), "No such option"),
    (("x.json", "--output", "x", "--inventory", "x"), "--output x is what --inventory names"),
    (("x.json", "--output", "x", "--suppressions", "x"), "--output x is what --suppressions names"),
)


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_a_refusal_is_a_document_on_stdout_and_words_on_stderr(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text(host_files()["healthy-1.json"], "utf-8")
    assert entry.run(["fleet", *words, "--format", "json"]) == 3
    out, err = capsys.readouterr()
    document = read(out)
    assert document.verdict.status.value == "unknown"
    assert message in document.verdict.summary
    assert message in err
    assert document.totals.hosts == 0


@pytest.mark.parametrize("name", FLEET.formats)
def test_a_refusal_is_in_the_format_that_was_wanted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["fleet", "--least=0", f"--format={name}", "--output=x"]) == 3
    assert_refused(name, capsys.readouterr().out)


def assert_refused(name: str, out: str) -> None:
    """Assert that the format gives a complete document, and that the document says that nothing is known."""
    match name:
        case "json" | "parquet":
            assert read(out).verdict.status.value == "unknown"
        case "html":
            assert html_page.status(out) == "unknown"
        case "csv":
            assert out == spreadsheet_line(table.COLUMNS)
        case "prometheus":
            assert 'backuplink_fleet_verdict{status="unknown"} 1.0' in out
        case "markdown":
            assert out.startswith("# UNKNOWN: ")
        case "eventbridge":  # without known changes there is no event
            assert out == ""
        case _:
            assert out.startswith("UNKNOWN  ")


@pytest.mark.parametrize("words", [("demo", "--fleet", "40", "--tui"), ("demo", "--fleet=40", "healthy")])
def test_a_demo_of_many_hosts_refuses_what_is_for_one(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry.run([*words, "--format", "json"]) == 3
    assert "is for one host, and --fleet makes many" in read(capsys.readouterr().out).verdict.summary


def test_what_is_for_many_hosts_needs_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["demo", "--format", "csv"]) == 3
    assert "add --fleet HOSTS" in capsys.readouterr().err


def test_what_is_kept_of_one_host_is_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["demo", "--keep", str(tmp_path / "estate")]) == 3
    assert "is not a duration such as 30d, 12h or 90m" in capsys.readouterr().err


def test_how_long_a_history_keeps_a_run_names_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """BACKUPLINK_KEEP is set for watches of this host. It must not name the folder of `demo --fleet --keep`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKUPLINK_KEEP", "12h")
    assert entry.run(["demo", "--fleet", "20", "--fail-on", "never"]) == 0
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("BACKUPLINK_KEEP", "estate")
    assert entry.run(["demo", "--fleet", "20", "--fail-on", "never"]) == 3
    assert "is not a duration such as 30d, 12h or 90m" in capsys.readouterr().err


def test_files_of_a_demo_replace_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["demo", "--fleet", "20", "--keep", str(tmp_path)]) == 3
    assert "File exists" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_parquet_needs_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["fleet", "x.json", "--format", "parquet"]) == 3
    assert "--format parquet is not text: add --output FILE." in capsys.readouterr().err


# --- Without the extra -----------------------------------------------------------------------------------------------

HOW: Final = "with its extra, as pip install '.[fleet]' does, or use the container image."


@pytest.fixture
def _no_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide DuckDB as if it were not installed: no module that imports it can be imported."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in [name for name in sys.modules if name.startswith(("agent.fleet.", "agent.app.demo_fleet"))]:
        # A new import sets the attribute of the package again.
        monkeypatch.delattr(name)
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("_no_duckdb")
@pytest.mark.parametrize("words", [("fleet", "FOLDER"), ("demo", "--fleet", "20")])
@pytest.mark.parametrize("name", FLEET.formats)
def test_without_the_extra_every_format_says_how_to_get_it(
    name: str, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, place = written(tmp_path, "healthy"), tmp_path / "out"
    given = [str(folder) if word == "FOLDER" else word for word in words]
    assert entry.run([*given, "--format", name, "--output", str(place)]) == 3
    out, err = capsys.readouterr()
    assert HOW in err
    assert len(err.splitlines()) == 1
    assert not place.exists()
    if name in ("json", "parquet"):
        assert HOW in read(out).verdict.summary
    assert_refused(name, out)


@pytest.mark.usefixtures("_no_duckdb")
def test_without_the_extra_nothing_is_packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["fleet", "pack", str(written(tmp_path, "healthy")), str(tmp_path / "lake")]) == 3
    assert HOW in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


@pytest.mark.usefixtures("_no_duckdb")
def test_without_the_extra_the_tables_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["fleet", "athena", "ddl"]) == 0
    assert "CREATE EXTERNAL TABLE" in capsys.readouterr().out


# --- Files that cannot be written ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(2, FLEET.formats))
def test_a_file_that_cannot_be_written_leaves_the_document_on_stdout(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path, "healthy")
    place = tmp_path / "nowhere" / "out"
    assert entry.run(["fleet", str(folder), "--format", name, "--output", str(place)]) == 3
    out, err = capsys.readouterr()
    assert "cannot be written: No such file or directory; the document is" in err
    if name == "parquet":
        assert read(out).totals.hosts == 2
    else:
        assert bool(out) == (name != "eventbridge")  # without changes there is no event


def test_a_masked_row_says_what_the_plain_one_does(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In masked output, a shared cause stays one row. The row has the beginning of the cause, and the number of hosts
    that could have it.
    """
    said = []
    for more in ((), ("--redact",)):
        entry.run(["fleet", str(estate / "reports"), "--format", "csv", *more])
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        said.append(sorted((row["code"], row["shared"], row["exposed"], row["since"], row["title"]) for row in rows))
    plain, masked = said
    assert masked == plain
    assert {row[1] for row in plain} == {"", "true", "false"}


def test_redaction_is_of_the_whole_output(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in one_in(2, ("csv", "json", "text")):
        entry.run(["fleet", str(estate / "reports"), "--redact", "--format", name])
        out = capsys.readouterr().out
        assert not any(host.id in out for host in Estate(FEW).hosts)
        assert str(estate) not in out


# --- Signals, pipes and terminals ------------------------------------------------------------------------------------


def test_a_closed_pipe_is_no_error_of_ours(estate: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "fleet", str(estate / "reports"), "--format", "csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(SECONDS) == 3
    assert b"Traceback" not in said


def test_a_signal_ends_it_with_a_document(tmp_path: Path) -> None:
    pipe = tmp_path / "never.json"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "fleet", "--ec2-facts", str(pipe), "x.json", "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with open(pipe, "w", encoding="ascii"):  # the program waits for the facts once this has opened
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 143
    assert read(out).verdict.summary == "interrupted by SIGTERM"


def test_the_schema_is_written_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["schema", "fleet"]) == 0
    assert json.loads(capsys.readouterr().out) == model.schema()
