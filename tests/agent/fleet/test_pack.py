"""Packing makes one file for each account, Region and day. No record is lost or in two files, and no file is written
again.
"""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from agent.cli.main import dispatch
from agent.fleet import athena
from agent.fleet.connection import connect
from agent.fleet.database import Database
from agent.fleet.pack import NAME, Packed, PackError, pack
from tests.agent.fleet.files import hosts, lines, read, read_anew, record

DAYS = ("2026-01-14T03:00:00Z", "2026-01-15T03:00:00Z")


def records(*numbers: int, **changed: Any) -> list[dict[str, Any]]:
    return [
        record(number, taken_at=DAYS[number % 2], run=f"{number:032x}", redacted=False, **changed) for number in numbers
    ]


def packed(source: Path | str, destination: Path | str, client: Any = None) -> Packed:
    with Database(whole=True) as engine:
        read(engine, source)
        return pack(
            engine,
            str(destination),
            lambda: client,
            today=date(2026, 11, 20),
            progress=lambda done, total: None,
            cancelled=lambda: False,
        )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five hosts on two days."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.ndjson").write_text(lines(*records(0, 1, 2, 3, 4)), "utf-8")
    return folder


def place(destination: Path, day: str) -> Path:
    return destination / f"host.v1.parquet/account=111122223333/region=eu-west-1/dt={day}" / NAME


def held(tmp_path: Path, day: str) -> list[str]:
    with connect(tmp_path) as connection:
        hosts = f"SELECT host FROM read_parquet('{place(tmp_path / 'lake', day)}') ORDER BY host"
        return [host for (host,) in connection.execute(hosts).fetchall()]


def host(number: int) -> str:
    return f"i-{number:017x}"


def test_a_file_for_each_day(source: Path, tmp_path: Path) -> None:
    done = packed(source, tmp_path / "lake")
    assert done == Packed(
        records=5,
        written=tuple(str(place(tmp_path / "lake", day)) for day in ("2026-01-14", "2026-01-15")),
        unchanged=0,
        left_out=0,
    )
    assert held(tmp_path, "2026-01-14") == [host(0), host(2), host(4)]
    assert held(tmp_path, "2026-01-15") == [host(1), host(3)]


def test_a_file_has_the_columns_that_its_path_has_not(source: Path, tmp_path: Path) -> None:
    packed(source, tmp_path / "lake")
    file = place(tmp_path / "lake", "2026-01-15")
    of_file = f"SELECT * FROM read_parquet('{file}', hive_partitioning = false)"
    with connect(tmp_path) as connection:
        columns = [name for name, *_ in connection.execute(f"DESCRIBE {of_file}").fetchall()]
    assert columns == list(athena.record_columns())


def test_a_file_is_its_owners_alone(source: Path, tmp_path: Path) -> None:
    packed(source, tmp_path / "lake")
    assert place(tmp_path / "lake", "2026-01-15").stat().st_mode & 0o777 == 0o600


def test_again_writes_nothing(source: Path, tmp_path: Path) -> None:
    packed(source, tmp_path / "lake")
    file = place(tmp_path / "lake", "2026-01-15")
    os.utime(file, (1, 1))
    done = packed(source, tmp_path / "lake")
    assert (done.written, done.unchanged) == ((), 2)
    assert file.stat().st_mtime == 1


def test_what_is_new_is_added_to_its_day(source: Path, tmp_path: Path) -> None:
    packed(source, tmp_path / "lake")
    (source / "a.ndjson").write_text(lines(*records(5)), "utf-8")  # the source has lost the records that were packed
    done = packed(source, tmp_path / "lake")
    assert done.written == (str(place(tmp_path / "lake", "2026-01-15")),)
    assert held(tmp_path, "2026-01-15") == [host(1), host(3), host(5)]
    assert held(tmp_path, "2026-01-14") == [host(0), host(2), host(4)]


def test_days_before_are_not_read(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file in the folder of an earlier day is opened. If one were, this would be an error here."""
    for day in ("2026-01-13", "2026-01-14"):
        folder = tmp_path / "raw" / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "a.json").write_text("{" if day.endswith("13") else lines(*records(0)), "utf-8")
    (tmp_path / "raw" / "no-day.json").write_text(lines(*records(1)), "utf-8")
    words = ["fleet", "pack", "--since", "2026-01-14", str(tmp_path / "raw"), str(tmp_path / "lake")]
    assert dispatch(words, []) == 0
    assert capsys.readouterr().out.startswith("2 records read;")


def test_a_record_that_comes_twice_is_there_once(source: Path, tmp_path: Path) -> None:
    (source / "b.ndjson").write_text(lines(*records(0, 1)), "utf-8")
    assert packed(source, tmp_path / "lake").records == 5


def test_a_fleet_reads_what_was_packed(source: Path, tmp_path: Path) -> None:
    packed(source, tmp_path / "lake")
    with read_anew(tmp_path / "lake") as (engine, result), read_anew(source) as (before, _):
        assert result.unreadable_count == 0
        every = "SELECT * EXCLUDE (id, place, sweep) FROM record ORDER BY host"
        assert engine.query(every) == before.query(every)
        assert engine.query("SELECT DISTINCT sweep FROM record ORDER BY sweep") == [("2026-01-14",), ("2026-01-15",)]
        assert sorted(hosts(engine)) == [host(number) for number in range(5)]
        for table in ("cause", "symptom", "record_value"):
            counted = f"SELECT count(*) FROM {table}"
            assert engine.query(counted) == before.query(counted)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"account": None}, id="no account"),
        pytest.param({"account": "account-1"}, id="masked account"),
        pytest.param({"region": None}, id="no Region"),
        pytest.param({"region": "../../etc"}, id="Region that leads away"),
    ],
)
def test_what_has_no_place_is_left_out_and_counted(source: Path, tmp_path: Path, changed: dict[str, Any]) -> None:
    (source / "b.ndjson").write_text(lines(*records(6, **changed)), "utf-8")
    done = packed(source, tmp_path / "lake")
    assert (done.records, done.left_out) == (5, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"source", "lake"}


def test_a_file_that_is_something_else_is_not_replaced(source: Path, tmp_path: Path) -> None:
    file = place(tmp_path / "lake", "2026-01-14")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PAR1 of somebody else")
    with pytest.raises(PackError, match="dt=2026-01-14"):
        packed(source, tmp_path / "lake")
    assert file.read_bytes() == b"PAR1 of somebody else"


def test_a_file_that_lacks_a_column_is_not_replaced(source: Path, tmp_path: Path) -> None:
    packed(source, tmp_path / "lake")
    file = place(tmp_path / "lake", "2026-01-14")
    lacking = tmp_path / "lacking.parquet"
    with connect(tmp_path) as connection:
        rows = f"SELECT * EXCLUDE (causes) FROM read_parquet('{file}', hive_partitioning = false)"
        connection.execute(f"COPY ({rows}) TO '{lacking}' (FORMAT parquet)")
    lacking.replace(file)
    content = file.read_bytes()
    (source / "a.ndjson").write_text(lines(*records(6)), "utf-8")
    with pytest.raises(PackError, match=r"dt=2026-01-14.*: is not a file of packed records"):
        packed(source, tmp_path / "lake")
    assert file.read_bytes() == content


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    address, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{address}:{port}",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="x",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="lake")
    yield client
    server.stop()


def test_the_same_in_a_bucket(
    source: Path, moto: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def keys() -> list[str]:
        return [entry["Key"] for entry in moto.list_objects_v2(Bucket="lake", Prefix="fleet/").get("Contents", ())]

    assert packed(source, "s3://lake/fleet", moto).records == 5
    path = "fleet/host.v1.parquet/account=111122223333/region=eu-west-1"
    assert keys() == [f"{path}/dt={day}/{NAME}" for day in ("2026-01-14", "2026-01-15")]
    assert packed(source, "s3://lake/fleet", moto).unchanged == 2
    monkeypatch.setattr("agent.fleet.aws.client", lambda *_, **__: moto)
    assert dispatch(["fleet", "pack", str(source), "s3://lake/other"], []) == 0
    assert f"  s3://lake/other/{path.partition('/')[2]}/dt=2026-01-14/{NAME}\n" in capsys.readouterr().out
    (source / "a.ndjson").write_text(lines(*records(7)), "utf-8")
    assert packed(source, "s3://lake/fleet", moto).records == 3


# --- The command -----------------------------------------------------------------------------------------------------


def test_the_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "pack", str(source), str(tmp_path / "lake")], []) == 0
    out, err = capsys.readouterr()
    assert out.startswith("5 records read; 2 files written with 5 records; 0 files already had all of their records.\n")
    assert err == ""
    assert dispatch(["fleet", "pack", str(source), str(tmp_path / "lake")], []) == 0
    assert "2 files already had all of their records" in capsys.readouterr().out


def test_too_much_that_cannot_be_read_is_unknown(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "b.json").write_text("{}", "utf-8")
    assert dispatch(["fleet", "pack", str(source), str(tmp_path / "lake")], []) == 3
    out = capsys.readouterr().out
    assert "5 records read; 2 files written" in out
    assert "b.json" in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["nothing-here", "lake"], "no report and no record", id="no source"),
        pytest.param(["only"], "Name what to pack", id="no destination"),
    ],
)
def test_what_cannot_be_packed_is_said(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "pack", *words], []) == 3
    out, err = capsys.readouterr()
    assert why in err
    assert out


def test_a_signal_leaves_whole_files(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "pack", str(source), str(tmp_path / "lake")], ["SIGTERM"]) == 143
    assert not any((tmp_path / "lake").rglob("*.parquet"))
