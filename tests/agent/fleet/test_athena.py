"""The tables for Athena. The tests check the statements, and that no text from outside gets into them."""

import re
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
import sqlglot

from agent.cli.main import dispatch
from agent.fleet import athena, table
from agent.fleet.athena import AthenaError, Lake
from agent.report.host_record import HostRecord

LAKE = Lake(
    bucket="fleet-reports",
    prefix="backuplink",
    accounts=("111122223333", "444455556666"),
    regions=("eu-west-1", "us-east-1"),
    since=date(2026, 1, 12),
    is_packed=False,
)
PACKED = replace(LAKE, is_packed=True)


def properties(statement: str) -> dict[str, str]:
    return dict(re.findall(r"^  '([^']+)' = '([^']*)'", statement, re.MULTILINE))


def test_database_then_both_tables() -> None:
    heads = [statement.partition(" (")[0] for statement in athena.statements(LAKE)]
    assert heads == [
        "CREATE DATABASE IF NOT EXISTS backuplink",
        "CREATE EXTERNAL TABLE IF NOT EXISTS backuplink.record",
        "CREATE EXTERNAL TABLE IF NOT EXISTS backuplink.answer",
    ]


@pytest.mark.parametrize("statement", [*athena.statements(LAKE), athena.statements(PACKED)[1]])
def test_athena_reads_it(statement: str) -> None:
    parsed = sqlglot.parse_one(statement, dialect="athena", error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(parsed, sqlglot.exp.Create)


def columns_in(statement: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+) (string|boolean|bigint|array<string>)", statement, re.MULTILINE))


@pytest.mark.parametrize("lake", [LAKE, PACKED])
def test_the_records_have_what_a_record_has(lake: Lake) -> None:
    statement = athena.statements(lake)[1]
    columns = columns_in(statement)
    assert list(columns) == [
        field.name for field in fields(HostRecord) if field.name not in ("schema", "account", "region")
    ]
    assert columns["causes"] == "array<string>"
    assert "PARTITIONED BY (account string, region string, dt string)" in statement


def test_the_answers_have_the_columns_of_the_table() -> None:
    statement = athena.statements(LAKE)[2]
    columns = columns_in(statement)
    assert tuple(columns) == table.COLUMNS
    assert {name for name, type_ in columns.items() if type_ == "boolean"} == table.FLAGS
    assert {name for name, type_ in columns.items() if type_ == "bigint"} == table.NUMBERS
    assert "PARTITIONED BY (dt string)" in statement


DAYS = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2026-01-12,NOW",
    "projection.dt.interval": "1",
    "projection.dt.interval.unit": "DAYS",
}


@pytest.mark.parametrize(("lake", "folder"), [(LAKE, "host.v1"), (PACKED, "host.v1.parquet")])
def test_partitions_of_records_are_projected_from_the_paths(lake: Lake, folder: str) -> None:
    statement = athena.statements(lake)[1]
    place = f"s3://fleet-reports/backuplink/{folder}/"
    assert f"LOCATION '{place}'" in statement
    assert ("JsonSerDe" in statement) == ("'ignore.malformed.json' = 'true'" in statement) == (lake is LAKE)
    assert ("STORED AS PARQUET" in statement) == (lake is PACKED)
    assert properties(statement) == DAYS | {
        "projection.account.type": "enum",
        "projection.account.values": "111122223333,444455556666",
        "projection.region.type": "enum",
        "projection.region.values": "eu-west-1,us-east-1",
        "storage.location.template": f"{place}account=${{account}}/region=${{region}}/dt=${{dt}}/",
    }


def test_partitions_of_answers_are_days() -> None:
    statement = athena.statements(LAKE)[2]
    place = "s3://fleet-reports/backuplink/fleet/answers/"
    assert f"LOCATION '{place}'" in statement
    assert "STORED AS PARQUET" in statement
    assert properties(statement) == DAYS | {"storage.location.template": f"{place}dt=${{dt}}/"}


def test_without_accounts_a_query_names_one() -> None:
    projected = properties(athena.statements(replace(LAKE, prefix="", accounts=()))[1])
    assert projected["projection.account.type"] == "injected"
    assert "projection.account.values" not in projected
    assert projected["storage.location.template"].startswith("s3://fleet-reports/host.v1/account=")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"bucket": "b' --"}, "bucket", id="quote in a bucket"),
        pytest.param({"bucket": "B"}, "bucket", id="capitals"),
        pytest.param({"prefix": "a'b"}, "prefix", id="quote in a prefix"),
        pytest.param({"prefix": "/a"}, "prefix", id="slash at the start"),
        pytest.param({"prefix": "a\n"}, "prefix", id="newline"),
        pytest.param({"accounts": ("1111",)}, "account", id="short account"),
        pytest.param({"regions": ("eu-west-1'",)}, "Region", id="quote in a Region"),
        pytest.param({"regions": ()}, "at least one Region", id="no Region"),
        pytest.param({"database": "a; DROP"}, "database", id="words in a database"),
    ],
)
def test_what_no_statement_may_hold_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(AthenaError, match=words):
        athena.statements(replace(LAKE, **given))


def test_the_command_writes_the_statements(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "athena", "ddl"], []) == 0
    lines = capsys.readouterr().out
    assert lines.count("CREATE EXTERNAL TABLE") == 2
    assert "s3://amzn-s3-demo-bucket/host.v1/" in lines
    assert "eu-west-1" in lines
    assert dispatch(["fleet", "athena", "ddl", "--packed"], []) == 0
    assert "s3://amzn-s3-demo-bucket/host.v1.parquet/" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["run"], "'run' is not one of 'ddl'", id="another action"),
        pytest.param(["ddl", "--bucket", "b'"], "is not a valid bucket", id="quote in a bucket"),
        pytest.param(["ddl", "--first-day", "today"], "is not a day", id="no day"),
    ],
)
def test_what_the_command_refuses(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "athena", *words], []) == 3
    assert why in capsys.readouterr().err
