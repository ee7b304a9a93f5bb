"""Parquet files by somebody else: what they can cost, and which rows are read."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from agent.fleet import parquet
from agent.fleet.connection import Connection, connect
from agent.fleet.database import WHOLE, Database
from agent.fleet.parquet import COLUMNS, ParquetReader
from agent.fleet.store import Piece, Read, Source
from agent.report.host_record import record_of
from tests.agent.fleet.files import hosts, lines, read_anew, record
from tests.support.runs import report_of

FOLDER: Final = "host.v1.parquet/account=111122223333/region=eu-west-1/dt=2026-01-15"
SOUND: Final = {
    "tool": "'1.0'",
    "run": "'r'",
    "taken_at": "'2026-01-15T03:00:00.000Z'",
    "redacted": "false",
    "host": "'i-0a1b2c3d4e5f67890'",
    "status": "'ok'",
    "path": "'private'",
    "access": "'allowed'",
    "complete": "true",
    "ec2": "false",
    "summary": "'all is well'",
    **dict.fromkeys(("vpc", "subnet", "zone", "image", "instance_type", "title", "fix"), "NULL::VARCHAR"),
    **{name: "[]::VARCHAR[]" for name, kind in COLUMNS.items() if kind == "VARCHAR[]"},
}
"""The columns of a record, as expressions of SQL."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Connection]:
    with connect(tmp_path) as opened:
        yield opened


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[ParquetReader]:
    opened = ParquetReader(tmp_path / "own")
    yield opened
    opened.close()


def written(engine: Connection, base: Path, rows: str = "range(1)", name: str = "x.parquet", **changed: str) -> Path:
    """A packed file, whose rows are numbered by `range`."""
    place = base / FOLDER / name
    place.parent.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(f"{value} AS {name}" for name, value in {**SOUND, **changed}.items() if value)
    engine.execute(f"COPY (SELECT {columns} FROM {rows}) TO '{place}' (FORMAT parquet, COMPRESSION zstd)")
    return place


def found(reader: ParquetReader, place: Path) -> list[Piece]:
    return list(reader.pieces(Source(str(place), "tag", "2026-01-15", place.stat().st_size), None))


def whys(pieces: list[Piece]) -> list[str | None]:
    return [piece.why for piece in pieces]


def test_a_record(engine: Connection, reader: ParquetReader, tmp_path: Path) -> None:
    (piece,) = found(reader, written(engine, tmp_path))
    assert (piece.why, piece.last, piece.sweep, piece.tag) == (None, True, "2026-01-15", "tag")
    told = json.loads(piece.line or "")
    assert (told["host"], told["account"], told["region"]) == ("i-0a1b2c3d4e5f67890", "111122223333", "eu-west-1")


def test_columns_of_others_are_not_read(engine: Connection, reader: ParquetReader, tmp_path: Path) -> None:
    """A column for the sweep is not read either, since the folder determines the sweep."""
    other = {
        "sweep": "repeat('9', 1000000)",
        "why": "'no'",
        "account": "'999999999999'",
        "years": "to_years(178000000)",
    }
    (piece,) = found(reader, written(engine, tmp_path, **other))
    assert (piece.why, piece.sweep) == (None, "2026-01-15")
    assert json.loads(piece.line or "")["account"] == "111122223333"


@pytest.mark.parametrize(
    "changed",
    [
        {"host": "to_years(178000000)"},
        {"host": "MAP {'a': repeat('x', 9)}"},
        {"host": "1"},
        {"host": ""},
        {"causes": "'VPC005'"},
        {"causes": "[1]"},
        {"causes": "MAP {'a': 'b'}"},
        {"causes": "[['a']]"},
        {"ec2": "'yes'"},
        {"taken_at": "now()"},
    ],
    ids=lambda changed: "-".join(map(str, *changed.items())),
)
def test_every_column_has_its_type(
    engine: Connection, reader: ParquetReader, tmp_path: Path, changed: dict[str, str]
) -> None:
    (piece,) = found(reader, written(engine, tmp_path, **changed))
    assert piece.why == (
        f"is not a file of packed records: its column {next(iter(changed))} is not of the type "
        f"{COLUMNS[next(iter(changed))]}"
    )


@pytest.mark.parametrize(
    ("changed", "rows"),
    [
        ({"host": "repeat('x', 1 << 20)"}, 2_500),
        ({"host": "repeat('x', 1 << 26)"}, 50),
        ({"causes": "[repeat('x', 1 << 20)]"}, 2_500),
        ({"causes": "list_resize([]::VARCHAR[], 100000, 'critical|A1|b')"}, 200),
        ({"cut": "list_resize([]::VARCHAR[], 100000, 'fix')"}, 200),
    ],
    ids=["texts", "long texts", "texts in lists", "lists", "cut"],
)
def test_what_is_too_long_is_counted_by_the_engine(
    engine: Connection, reader: ParquetReader, tmp_path: Path, changed: dict[str, str], rows: int
) -> None:
    engine.execute("SET memory_limit = '2GB'")
    sound = written(engine, tmp_path, name="a.parquet")
    place = written(engine, tmp_path, f"range({rows})", **changed)
    (piece,) = found(reader, place)
    assert piece.line is None
    assert (piece.times, piece.why) in (
        (rows, f"{rows:,} of its rows cannot be read; the last one: a text of at most 2,000 characters belongs here"),
        (1, piece.why),
    )
    assert whys(found(reader, sound)) == [None]


def test_so_are_rows_that_are_no_records(
    engine: Connection, reader: ParquetReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = written(engine, tmp_path, "range(3000000)", status="'odd'")
    began = time.process_time()
    pieces = found(reader, place)
    assert time.process_time() - began < 5
    assert len(pieces) == 9
    assert all(piece.line is None for piece in pieces)
    assert (pieces[-1].why or "").endswith("; the rest was not read")
    assert pieces[-1].times > 9_000


def test_sound_rows_among_them_are_read(engine: Connection, reader: ParquetReader, tmp_path: Path) -> None:
    status = "CASE WHEN range % 2 = 0 THEN 'ok' ELSE repeat('x', 9000) END"
    pieces = found(reader, written(engine, tmp_path, "range(20)", status=status))
    assert [piece.line is not None for piece in pieces] == [True] * 10 + [False]
    assert pieces[-1].times == 10


def test_it_takes_no_longer_than_its_time(
    engine: Connection, reader: ParquetReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = written(engine, tmp_path, name="a.parquet")
    assert whys(found(reader, sound)) == [None]
    monkeypatch.setattr(parquet, "MAX_SECONDS", 0.5)
    place = written(engine, tmp_path, "range(2000000)")
    pieces = list(reader.pieces(Source(str(place), None, None, 0), None))
    assert pieces[-1].why == "is not read within 0.5 s"
    monkeypatch.setattr(parquet, "MAX_SECONDS", 60.0)
    assert whys(found(reader, sound)) == [None]


def test_the_memory_of_its_process_is_limited(reader: ParquetReader, tmp_path: Path, engine: Connection) -> None:
    found(reader, written(engine, tmp_path))
    assert reader._process is not None
    limits = Path(f"/proc/{reader._process.pid}/limits").read_text("ascii")
    (of_memory,) = (line for line in limits.splitlines() if line.startswith("Max address space"))
    assert str(parquet.MAX_MEMORY) in of_memory


def test_where_its_process_is_lost(reader: ParquetReader, tmp_path: Path, engine: Connection) -> None:
    place = written(engine, tmp_path)
    found(reader, place)
    assert reader._process is not None
    reader._process.kill()
    (piece,) = found(reader, place)
    assert (piece.why or "").startswith("needs more than the 2 GiB of memory")
    assert whys(found(reader, place)) == [None]


def test_without_a_process_it_is_not_read(
    reader: ParquetReader, tmp_path: Path, engine: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    (piece,) = found(reader, written(engine, tmp_path))
    assert (piece.why or "").startswith("no process can be started to read it")


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("", "holds no answer of fleet; records in Parquet are read only below host.v1.parquet/"),
        (FOLDER.replace(".parquet", ""), "is Parquet, which is read only below host.v1.parquet/"),
    ],
    ids=["anywhere", "where hosts write"],
)
def test_records_are_read_where_hosts_cannot_write(
    engine: Connection, reader: ParquetReader, tmp_path: Path, folder: str, why: str
) -> None:
    data = written(engine, tmp_path).read_bytes()
    place = tmp_path / "elsewhere" / folder / "y.parquet"
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    assert whys(found(reader, place)) == [why]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1 and no more", b"\0" * 1_000])
def test_what_is_no_parquet(reader: ParquetReader, tmp_path: Path, data: bytes) -> None:
    place = tmp_path / FOLDER / "x.parquet"
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    (piece,) = found(reader, place)
    assert piece.why
    assert "\n" not in piece.why


def test_one_bad_file_takes_no_other_with_it(engine: Connection, tmp_path: Path) -> None:
    written(engine, tmp_path, name="a.parquet", host="to_years(178000000)")
    written(engine, tmp_path, name="b.parquet")
    (tmp_path / "c.json").write_text(lines(record(1)))
    with read_anew(tmp_path) as (tables, result):
        assert sorted(hosts(tables)) == ["i-00000000000000001", "i-0a1b2c3d4e5f67890"]
        assert [Path(each.place).name for each in result.unreadable] == ["a.parquet"]


def test_a_file_is_what_pack_writes(tmp_path: Path, reader: ParquetReader) -> None:
    reports = [Read(sweep="s", place="p", record=record_of(report_of(name))) for name in ("healthy", "three-faults")]
    with Database(whole=True) as database:
        database.insert(reports)
        data = database.write_parquet(f"SELECT {', '.join(COLUMNS)} FROM {WHOLE}")
    pieces: list[Any] = list(reader.pieces(Source(f"s3://b/{FOLDER}/x.parquet", None, None, 0), data))
    assert [json.loads(piece.line)["causes"] for piece in pieces] == [list(read.record.causes) for read in reports]
