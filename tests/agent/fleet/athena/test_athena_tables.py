"""The tables for Athena: what the statements say, and that nothing else gets into them."""

import re
from dataclasses import fields
from datetime import date

import pytest
import sqlglot

from agent.fleet.athena import tables
from agent.fleet.athena.tables import AthenaError, Lake
from agent.report.host_record import HostRecord

LAKE = Lake(
    bucket="fleet-reports",
    prefix="backuplink",
    accounts=("111122223333", "444455556666"),
    regions=("eu-west-1", "us-east-1"),
    since=date(2026, 1, 12),
)


def properties(statement: str) -> dict[str, str]:
    return dict(re.findall(r"^  '([^']+)' = '([^']*)'", statement, re.MULTILINE))


def test_database_then_both_tables() -> None:
    heads = [statement.partition(" (")[0] for statement in tables.statements(LAKE)]
    assert heads == [
        "CREATE DATABASE IF NOT EXISTS backuplink",
        "CREATE EXTERNAL TABLE IF NOT EXISTS backuplink.record_line",
        "CREATE EXTERNAL TABLE IF NOT EXISTS backuplink.record",
    ]


@pytest.mark.parametrize("statement", tables.statements(LAKE))
def test_athena_reads_it(statement: str) -> None:
    parsed = sqlglot.parse_one(statement, dialect="athena", error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(parsed, sqlglot.exp.Create)


@pytest.mark.parametrize("statement", tables.statements(LAKE)[1:])
def test_a_table_has_what_a_record_has(statement: str) -> None:
    columns = re.findall(r"^  (\w+) (string|boolean|array<string>)", statement, re.MULTILINE)
    assert [name for name, _ in columns] == [
        field.name for field in fields(HostRecord) if field.name not in ("schema", "account", "region")
    ]
    assert dict(columns)["causes"] == "array<string>"
    assert "PARTITIONED BY (account string, region string, dt string)" in statement


@pytest.mark.parametrize(("number", "folder"), [(1, "host.v1"), (2, "host.v1.parquet")])
def test_partitions_are_projected_from_the_paths(number: int, folder: str) -> None:
    statement = tables.statements(LAKE)[number]
    place = f"s3://fleet-reports/backuplink/{folder}/"
    assert f"LOCATION '{place}'" in statement
    assert ("JsonSerDe" in statement) == ("'ignore.malformed.json' = 'true'" in statement) == (number == 1)
    assert properties(statement) == {
        "projection.enabled": "true",
        "projection.account.type": "enum",
        "projection.account.values": "111122223333,444455556666",
        "projection.region.type": "enum",
        "projection.region.values": "eu-west-1,us-east-1",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2026-01-12,NOW",
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
        "storage.location.template": f"{place}account=${{account}}/region=${{region}}/dt=${{dt}}/",
    }


def test_without_accounts_a_query_names_one() -> None:
    lake = Lake(bucket="fleet-reports", prefix="", accounts=(), regions=("eu-west-1",), since=date(2026, 1, 12))
    projected = properties(tables.statements(lake)[2])
    assert projected["projection.account.type"] == "injected"
    assert "projection.account.values" not in projected
    assert projected["storage.location.template"].startswith("s3://fleet-reports/host.v1.parquet/account=")


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
def test_what_no_statement_may_hold_is_refused(given: dict[str, object], words: str) -> None:
    plain = {"bucket": "fleet", "prefix": "", "accounts": (), "regions": ("eu-west-1",), "since": date(2026, 1, 12)}
    with pytest.raises(AthenaError, match=words):
        tables.statements(Lake(**{**plain, **given}))  # type: ignore[arg-type] # one of them is wrong on purpose
