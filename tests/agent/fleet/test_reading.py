"""The records that are read into the tables, the processes that read them, and what happens with unreadable sources."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.fleet import places, readers, reading, records
from agent.fleet.connection import Error
from agent.fleet.database import Database
from agent.fleet.join import joined
from agent.fleet.model import MAX_EXAMPLES
from agent.fleet.readers import OwnReader, ProcessReader, ReaderError
from agent.fleet.reading import FleetReadError, read_into
from agent.fleet.store import Source
from tests.agent.fleet.files import COMMAND, SICK, dump, hosts, lines, read, read_anew, record, report, request
from tests.agent.fleet.test_estates import question

I = "i-{:017x}".format  # noqa: E741 - the id of a host


def _layout(folder: Path, count: int = 12) -> Path:
    """A folder with files as Systems Manager writes them, with every form of content."""
    for number in range(count):
        output = folder / COMMAND / f"i-{number:017x}" / "awsrunShellScript"
        step = output / ("report", "host")[number % 2]
        step.mkdir(parents=True)
        document = report(number, SICK) if number % 2 == 0 else record(number)
        (step / "stdout").write_text(json.dumps(document, indent=(None, 2)[number % 3 == 0]) + "\n")
        (output / "check").mkdir()
        (output / "check" / "stdout").write_text("ok\n")
        (step / "stderr").write_text("{")
    return folder


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make other processes read the files, however few there are."""
    monkeypatch.setattr(reading, "FEW_SOURCES", 0)


def test_what_systems_manager_writes(tmp_path: Path) -> None:
    with read_anew(_layout(tmp_path)) as (engine, result):
        assert (result.read, result.unreadable_count, result.unreadable, result.notes) == (12, 0, (), ())
        assert hosts(engine) == [I(number) for number in range(12)]
        assert engine.query("SELECT DISTINCT sweep FROM record") == [(COMMAND,)]
        assert engine.query("SELECT count(*) FROM record WHERE status = 'critical'") == [(6,)]
        (place,) = engine.query("SELECT place FROM record WHERE host = ?", [I(3)])[0]
        assert place == f"{tmp_path}/{COMMAND}/{I(3)}/awsrunShellScript/host/stdout"


def test_what_an_association_printed_is_one_sweep(tmp_path: Path) -> None:
    """The SSM Agent writes each output to a folder with a time of the host as its name. The times in the records decide
    the sweep.
    """
    association = "0a1b2c3d-0000-4000-8000-00000000000b"
    for number in range(60):
        run = f"2026-11-30T03-00-{number:02}.345Z"
        step = tmp_path / I(number) / association / run / "awsrunShellScript" / "report"
        step.mkdir(parents=True)
        (step / "stdout").write_text(json.dumps(report(number, SICK)))
    with read_anew(tmp_path) as (engine, result):
        assert (result.read, result.unreadable_count) == (60, 0)
        assert engine.query("SELECT DISTINCT sweep FROM record") == [(None,)]
        document = joined(engine, question(read=result))
    assert [sweep.host_count for sweep in document.sweeps] == [60]


def test_of_a_report_and_a_record_of_one_run_the_record_is_read(tmp_path: Path) -> None:
    """The report is not opened. If it were, the test would fail, since the report is unreadable. If the record is
    empty, the report is read instead.
    """
    place = f"{tmp_path}/{COMMAND}/{{}}/awsrunShellScript/{{}}/stdout"
    for number, (whole, line) in enumerate((("{", lines(record(0))), (json.dumps(report(1)), ""))):
        for step, content in (("report", whole), ("host", line)):
            file = Path(place.format(I(number), step))
            file.parent.mkdir(parents=True)
            file.write_text(content, "utf-8")
    with read_anew(tmp_path) as (engine, result):
        assert hosts(engine) == [I(0), I(1)]
        assert [row for (row,) in engine.query("SELECT place FROM record ORDER BY host")] == [
            place.format(I(0), "host"),
            place.format(I(1), "report"),
        ]
        assert [one.place for one in result.unreadable] == [place.format(I(1), "host")]
    assert result.reports == {place.format(I(0), "report")}


@pytest.mark.usefixtures("many")
def test_processes_read_what_this_one_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _layout(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "many.ndjson.gz").write_bytes(gzip.compress(lines(*(record(n) for n in range(100, 1_000))).encode()))
    with read_anew(tmp_path) as (elsewhere, result):
        assert result.read == 912
        assert result.notes == ()
        monkeypatch.setattr(reading, "FEW_SOURCES", 100)
        with read_anew(tmp_path) as (here, _):
            assert dump(here) == dump(elsewhere)


def test_what_cannot_be_read_is_counted_and_the_first_are_named(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.json").write_text("{")
    (tmp_path / "good.json").write_text(lines(record(1)))
    (tmp_path / "many.ndjson").write_text(lines(record(2)) + "{}\n" * 50)
    missing = tmp_path / "missing"
    with read_anew(missing, tmp_path) as (_, result):
        assert result.read == 2
        assert result.unreadable_count == 61
        assert len(result.unreadable) == MAX_EXAMPLES
        assert result.unreadable[0].place == str(missing)
        assert result.unreadable[0].why == "No such file or directory"
        assert result.unreadable[1].place == f"{tmp_path}/0.json:1"


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(lines(record(1)))
    with read_anew(tmp_path, tmp_path / "a.json", tmp_path / "*.json") as (engine, _):
        assert hosts(engine) == [I(1)]


@pytest.mark.parametrize("content", [None, "{", ""])
def test_where_nothing_can_be_read(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with Database() as engine, pytest.raises(FleetReadError, match="no report and no record"):
        read(engine, tmp_path)
    with Database() as engine, pytest.raises(FleetReadError, match="nothing to read"):
        read(engine)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(lines(record(1)))
    (tmp_path / "b.json").write_text(lines(record(2)))
    (tmp_path / "b.json").chmod(0)
    with read_anew(tmp_path) as (_, result):
        assert [(each.place, each.why) for each in result.unreadable] == [(f"{tmp_path}/b.json", "Permission denied")]


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.json").write_text(lines(record(1)))
    with read_anew(tmp_path, tmp_path / "pipe") as (_, result):
        assert [each.why for each in result.unreadable] == ["is not a plain file"]


@pytest.mark.parametrize("raised", [OverflowError("date value out of range"), RecursionError(), AttributeError("x\ny")])
def test_one_bad_source_is_one_whatever_it_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    def pieces_of(source: Source, stream: Any) -> Any:
        if source.name.endswith("bad.json"):
            raise raised
        yield from records.pieces_of(source, stream)

    monkeypatch.setattr(readers, "pieces_of", pieces_of)
    for name in ("a.json", "bad.json", "c.json"):
        (tmp_path / name).write_text(lines(record(1)))
    with read_anew(tmp_path) as (_, result):
        assert result.read == 2
        ((place, why),) = ((each.place, each.why) for each in result.unreadable)
        assert place == f"{tmp_path}/bad.json"
        assert why.startswith("cannot be read: ")
        assert "\n" not in why


@pytest.mark.parametrize("how", ["folder", "pattern"])
def test_a_link_is_followed_only_where_it_is_named_itself(tmp_path: Path, how: str) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(lines(record(7)))
    folder = tmp_path / "lake"
    folder.mkdir()
    (folder / "a.json").write_text(lines(record(1)))
    (folder / "link.json").symlink_to(secret)
    (folder / "nowhere.json").symlink_to(tmp_path / "not there")
    with read_anew(folder if how == "folder" else folder / "*.json") as (engine, result):
        assert hosts(engine) == [I(1)]
        assert {(Path(each.place).name, each.why) for each in result.unreadable} == {
            ("link.json", places.LINK),
            ("nowhere.json", places.LINK),
        }
    with read_anew(folder / "link.json") as (engine, _):
        assert hosts(engine) == [I(7)]


def test_a_file_that_becomes_a_link_meanwhile_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(lines(record(7)))
    (tmp_path / "a.json").symlink_to(tmp_path / "secret")
    listed = Source(str(tmp_path / "a.json"), None, None, 0)
    (((piece,), _),) = OwnReader().read([listed], [None])
    assert (piece.line, piece.why) == (None, places.LINK)
    (((piece,), _),) = OwnReader().read([listed._replace(is_named=True)], [None])
    assert piece.line is not None


# --- Progress, and how reading ends ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("few", [0, 1_000])
def test_progress_comes_to_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(reading, "FEW_SOURCES", few)
    told: list[tuple[int, int | None]] = []
    with Database() as engine:
        read_into(
            engine,
            request(_layout(tmp_path)),
            progress=lambda done, total: told.append((done, total)),
            cancelled=lambda: False,
        )
    assert told[0] == (0, 12)
    assert told[-1] == (12, 12)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.usefixtures("many")
def test_reading_that_is_cancelled_ends_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK", 2)
    made: list[ProcessReader] = []
    real = ProcessReader.__init__

    def noted(self: ProcessReader, *given: str) -> None:
        real(self, *given)
        made.append(self)

    monkeypatch.setattr(ProcessReader, "__init__", noted)
    done: list[int] = []
    with Database() as engine:
        result = read_into(
            engine,
            request(_layout(tmp_path, 60)),
            progress=lambda count, _: done.append(count),
            cancelled=lambda: bool(done) and done[-1] >= 4,
        )
    assert 0 < result.read < 60
    assert result.notes == ("Reading was interrupted: this is not the whole fleet.",)
    assert made
    assert all(reader._process.poll() is not None for reader in made)


def test_a_name_that_is_no_utf_8_is_told_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / os.fsdecode(b"a\xff.json")).write_text(lines(record(1)))
    (folder / os.fsdecode(b"b\xfe.json")).write_text("no record")
    for _ in range(2):  # the second time from the cache
        with read_anew(folder, cache=tmp_path / "cache") as (tables, result):
            assert tables.query("SELECT host, place FROM record") == [(I(1), f"{folder}/a\\udcff.json")]
            assert [each.place for each in result.unreadable] == [f"{folder}/b\\udcfe.json:1"]


# --- Processes -------------------------------------------------------------------------------------------------------


def _sources(folder: Path) -> list[Source]:
    return [Source(str(path), None, None, 0) for path in sorted(folder.glob("*.json"))]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.json").write_text(lines(record(number)))
    return tmp_path


def test_a_reader_is_this_python_without_its_surroundings(three: Path) -> None:
    reader = ProcessReader()
    try:
        reader.wait()
        sources = _sources(three)
        contents: Sequence[bytes | None] = [None, lines(record(7)).encode(), None]
        answers = list(reader.read(sources, contents))
        assert answers == list(OwnReader().read(sources, contents))
        ((pieces, ended),) = answers
        assert ended == 3
        assert [json.loads(piece.line or "")["host"] for piece in pieces] == [I(0), I(7), I(2)]
    finally:
        reader.close()


def test_a_source_with_more_than_an_answer_holds_is_told_alone(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "ANSWER", 2)
    (three / "1.json").write_text(lines(record(1), record(11), record(12)))
    answers = OwnReader().read(_sources(three), [None] * 3)
    assert [([json.loads(piece.line or "")["host"] for piece in pieces], ended) for pieces, ended in answers] == [
        ([I(0)], 1),
        ([I(1), I(11)], 0),
        ([I(12), I(2)], 2),
    ]


def test_a_reader_ends_with_its_input() -> None:
    reader = ProcessReader()
    reader.wait()
    assert reader._process.stdin is not None
    reader._process.stdin.close()
    assert reader._process.wait() == 0
    reader.close()


def test_a_reader_that_was_killed_says_so(three: Path) -> None:
    reader = ProcessReader()
    reader.wait()
    reader._process.send_signal(signal.SIGKILL)
    reader._process.wait()
    with pytest.raises(ReaderError):
        list(reader.read(_sources(three), [None] * 3))
    reader.close()


class _Dying(OwnReader):
    """A reader whose process dies when it reaches the file `at`."""

    def __init__(self, at: str) -> None:
        self._at = at

    def read(self, sources: Sequence[Source], contents: Sequence[bytes | None]) -> Any:
        for source, content in zip(sources, contents, strict=True):
            for pieces, ended in super().read([source], [content]):
                if source.name.endswith(self._at):
                    yield pieces[:1], 0
                    raise ReaderError
                yield pieces, ended


@pytest.mark.usefixtures("many")
def test_what_a_lost_reader_had_is_read_again_and_once(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (three / "1.json").write_text(lines(record(1), record(11)))
    monkeypatch.setattr(reading, "started", lambda *_: [_Dying("1.json")])
    monkeypatch.setattr(reading, "ProcessReader", OwnReader)
    monkeypatch.setattr(OwnReader, "wait", lambda _: None, raising=False)
    with read_anew(three) as (engine, result):
        assert sorted(hosts(engine)) == sorted([I(0), I(1), I(11), I(2)])
        assert result.unreadable == ()


@pytest.mark.usefixtures("many")
def test_a_file_that_ends_its_reader_takes_no_other_with_it(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "started", lambda *_: [_Dying("1.json")])
    monkeypatch.setattr(reading, "ProcessReader", lambda: _Dying("1.json"))
    monkeypatch.setattr(_Dying, "wait", lambda _: None, raising=False)
    with read_anew(three) as (engine, result):
        assert {I(0), I(2)} <= set(hosts(engine))
        assert [each.why for each in result.unreadable] == [
            "the process that read it was ended, perhaps for want of memory"
        ]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("program", ["", "/nothing/here", "/bin/false"])
def test_without_processes_this_one_reads(three: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with read_anew(three) as (engine, result):
        assert hosts(engine) == [I(0), I(1), I(2)]
        assert len(result.notes) == 1
        assert result.notes[0].startswith("No process could be started to read")


def test_a_reader_is_light() -> None:
    """The process of a reader imports neither click nor the SDK, the interface or the database."""
    heavy = ("click", "botocore", "textual", "duckdb", "sqlite3", "dns", "httpx")
    code = f"import sys; import agent.fleet.readers; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- DuckDB reaches no other files and no network --------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
        "COPY (SELECT 1) TO '/tmp/backuplink-test.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        "SET autoinstall_known_extensions = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_duckdb_opens_nothing_but_its_own_folder(statement: str) -> None:
    with Database() as engine, pytest.raises(Error):
        engine.execute(statement)


def test_duckdb_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Database() as engine:
        (own,) = tmp_path.iterdir()
        assert own.stat().st_mode & 0o777 == 0o700
        engine.write_parquet("SELECT 1 AS one")
    assert list(tmp_path.iterdir()) == []


def test_rows_are_filled_in() -> None:
    with Database() as engine:
        engine.execute("CREATE TABLE t (a BIGINT, b TEXT, c DOUBLE)")
        engine.fill("t", [])
        engine.fill("t", ((number, None if number % 2 else "x", number / 2) for number in range(25_000)))
        assert engine.query("SELECT count(*), sum(a), count(b), sum(c) FROM t") == [
            (25_000, 312_487_500, 12_500, 156_243_750.0)
        ]
