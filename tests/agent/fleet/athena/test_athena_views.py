"""The views for Athena, run by DuckDB over a fleet with known faults, and read by parsers of each dialect."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from agent.fleet.athena import tables, views
from agent.fleet.connection import Connection
from tests.agent.fleet.athena.lake import DAYS, GROUP, PORT, RESOLVER, cause, database, fleet, row, symptom

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    return database(tmp_path_factory.mktemp("lake"), fleet())


def rows(lake: Connection, query: str, *parameters: str) -> Rows:
    return lake.execute(query, list(parameters)).fetchall()


@pytest.mark.parametrize("name", views.VIEWS)
def test_a_view_has_rows(lake: Connection, name: str) -> None:
    assert rows(lake, f"SELECT * FROM {name} LIMIT 1")


@pytest.mark.parametrize("dialect", ["athena", "trino", "presto", "duckdb", "spark"])
@pytest.mark.parametrize("name", views.VIEWS)
def test_a_view_is_read_in_each_dialect(name: str, dialect: str) -> None:
    (statement,) = (text for text in views.statements() if f" {name} AS" in text.partition("\n")[0])
    parsed = sqlglot.parse_one(statement, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(parsed, sqlglot.exp.Create)


def test_what_is_written_for_athena_is_what_trino_takes() -> None:
    for statement in views.statements():
        assert sqlglot.transpile(statement, read="athena", write="athena") == sqlglot.transpile(
            statement, read="trino", write="trino"
        )


def test_the_last_record_of_a_day_counts(lake: Connection) -> None:
    assert rows(lake, "SELECT run, status FROM newest WHERE dt = ? AND host = 'i-04'", DAYS[2]) == [
        (f"run-{DAYS[2]}-4", "critical")
    ]


def test_hosts_without_a_name_are_not_one(tmp_path: Path) -> None:
    lake = database(tmp_path, (row(DAYS[0], number, host=None) for number in range(3)))
    assert rows(lake, "SELECT count(*) FROM newest") == [(3,)]


def test_one_cause_at_two_services_is_one(lake: Connection) -> None:
    assert rows(lake, "SELECT DISTINCT target, cause_key FROM host_cause WHERE node = 'i-08' ORDER BY target") == [
        ("backup", RESOLVER),
        ("backup-gateway", RESOLVER),
    ]
    assert rows(lake, "SELECT count(*) FROM host_fault WHERE node = 'i-08' AND dt = ?", DAYS[0]) == [(1,)]


def test_a_key_without_ids_is_its_code(lake: Connection) -> None:
    assert rows(lake, "SELECT DISTINCT cause_key FROM host_cause WHERE node = 'i-07'") == [("TCP009",)]


def test_a_host_that_read_nothing_joins_the_cause_of_the_others(lake: Connection) -> None:
    assert rows(lake, "SELECT DISTINCT symptom_key, cause_key FROM explained") == [(PORT, GROUP)]
    assert rows(
        lake, "SELECT node, fault, joined FROM host_fault WHERE dt = ? AND node >= 'i-05' ORDER BY node", DAYS[1]
    )[:2] == [("i-05", GROUP, 1), ("i-06", GROUP, 1)]


def test_most_hosts_say_what_explains_a_symptom(tmp_path: Path) -> None:
    other = "VPC006|acl=acl-0b"
    says = [GROUP, GROUP, other]
    lake = database(
        tmp_path,
        (row(DAYS[0], number, causes=(cause(key),), symptoms=(symptom(PORT, key),)) for number, key in enumerate(says)),
    )
    assert rows(lake, "SELECT symptom_key, cause_key FROM explained") == [(PORT, GROUP)]


def test_masks_are_no_ids(tmp_path: Path) -> None:
    """Two hosts with the same mask have nothing in common by it, and explain nothing to others."""
    lake = database(
        tmp_path,
        (
            row(DAYS[0], number, redacted=True, causes=(cause("VPC005|group=sg-1"),), symptoms=(symptom(PORT, GROUP),))
            for number in range(2)
        ),
    )
    assert rows(lake, "SELECT DISTINCT fault FROM host_fault") == [("VPC005|redacted",)]
    assert rows(lake, "SELECT * FROM explained") == []


def test_each_host_counts_once_at_its_worst_cause(tmp_path: Path) -> None:
    lake = database(
        tmp_path,
        (
            row(
                DAYS[0],
                number,
                causes=(cause("TCP009", "warning"), cause(GROUP), cause(RESOLVER)) if number else (cause(RESOLVER),),
            )
            for number in range(3)
        ),
    )
    assert rows(lake, "SELECT node, fault FROM counted_fault ORDER BY node") == [
        ("i-00", RESOLVER),
        ("i-01", RESOLVER),
        ("i-02", RESOLVER),
    ]
    assert rows(lake, "SELECT fault, severity, hosts FROM cause_day") == [(RESOLVER, "critical", 3)]


def test_the_causes_of_a_day(lake: Connection) -> None:
    assert rows(
        lake,
        "SELECT fault, code, severity, hosts, joined_hosts, accounts FROM cause_day WHERE dt = ? ORDER BY hosts DESC",
        DAYS[2],
    ) == [
        (GROUP, "VPC005", "critical", 7, 2, 2),
        (RESOLVER, "DNS002", "critical", 3, 0, 2),
        ("TCP009", "TCP009", "warning", 1, 0, 1),
    ]


def test_every_host_has_a_verdict(lake: Connection) -> None:
    counted = Counter[tuple[str, str]]()
    for day, status, hosts in rows(lake, "SELECT dt, status, hosts FROM verdict_day"):
        counted[day, status] += hosts
    assert [counted[DAYS[2], status] for status in ("ok", "warning", "critical")] == [0, 1, 10]
    assert sum(counted[DAYS[0], status] for status in ("ok", "warning", "critical")) == 12


def test_since_when_without_a_break(lake: Connection) -> None:
    """The resolver's fault has too few hosts, and the group's is there since the second day."""
    assert rows(lake, "SELECT fault, since, days FROM cause_since") == [(GROUP, DAYS[1], 2)]


def test_a_break_begins_anew(tmp_path: Path) -> None:
    lake = database(
        tmp_path,
        (row(day, number, causes=(cause(GROUP),) if day != DAYS[1] else ()) for day in DAYS for number in range(5)),
    )
    assert rows(lake, "SELECT fault, since, days FROM cause_since") == [(GROUP, DAYS[2], 1)]


def test_what_is_healed_is_not_told(tmp_path: Path) -> None:
    lake = database(
        tmp_path,
        (row(day, number, causes=(cause(GROUP),) if day != DAYS[2] else ()) for day in DAYS for number in range(5)),
    )
    assert rows(lake, "SELECT * FROM cause_since") == []


def test_how_many_with_a_value_have_a_fault(lake: Connection) -> None:
    assert rows(
        lake,
        "SELECT attribute, held, sick, hosts FROM cause_value WHERE dt = ? AND fault = ? AND attribute IN ('resolver', "
        "'vpc') ORDER BY attribute",
        DAYS[0],
        RESOLVER,
    ) == [("resolver", "10.0.0.53", 4, 4), ("vpc", "vpc-1", 4, 12)]


def test_who_was_not_heard_from(lake: Connection) -> None:
    assert rows(lake, "SELECT node FROM not_heard_from") == [("i-11",)]


def test_the_table_has_the_fields_of_a_record() -> None:
    assert {"host", "causes", "symptoms", "redacted", "cut"} <= set(tables.columns())
    assert not set(tables.columns()) & {*tables.PARTITIONED_BY, "schema"}
