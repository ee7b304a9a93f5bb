"""The rows of the tables that are written for given records."""

import re
from collections.abc import Iterator

import pytest

from agent.fleet.database import BATCH, Database
from agent.fleet.model import Attribute
from agent.fleet.statements import statement
from agent.fleet.store import Read
from agent.report.host_record import field_names, record_of
from tests.support.runs import report_of

SCENARIOS = ("healthy", "one-zone-silent", "three-faults", "private-dns-off")


@pytest.fixture
def engine() -> Iterator[Database]:
    with Database() as opened:
        opened.insert(Read(sweep=None, place=name, record=record_of(report_of(name))) for name in SCENARIOS)
        yield opened


def test_one_row_a_record(engine: Database) -> None:
    rows = engine.query("SELECT id, place, status, redacted, complete FROM record ORDER BY id")
    assert rows == [(number, name, report_of(name).verdict.status.value, 0, 1) for number, name in enumerate(SCENARIOS)]


def test_causes_keep_their_order_and_lose_their_target(engine: Database) -> None:
    causes = [cause.split("|") for cause in record_of(report_of("three-faults")).causes]
    assert len(causes) > 1
    assert engine.query("SELECT rank, severity, code, target, cause_key FROM cause WHERE record = 2 ORDER BY rank") == [
        (rank, severity, code, target, "|".join((code, *ids)))
        for rank, (severity, code, target, *ids) in enumerate(causes)
    ]


def test_a_symptom_names_a_cause_of_its_host(engine: Database) -> None:
    symptoms = engine.query("SELECT record, cause_key FROM symptom ORDER BY record, cause_key")
    assert symptoms
    assert set(symptoms) <= set(engine.query("SELECT record, cause_key FROM cause"))


def test_values_are_rows(engine: Database) -> None:
    assert engine.query(
        "SELECT attribute, value FROM record_value WHERE record = 0 AND nearness IN (0, 3) ORDER BY nearness"
    ) == [("group", "sg-0a1b2c3d4e5f67890"), ("resolver", "amazon")]
    assert engine.query("SELECT services FROM record WHERE id = 0") == [(["backup"],)]


def test_the_attributes_are_those_of_the_document_from_the_nearest_to_a_fix() -> None:
    with Database() as engine:
        known = {name.value: number for number, name in enumerate(Attribute)}
        found = engine.query("SELECT sql FROM duckdb_views() WHERE view_name = 'record_value'")[0][0]
        assert [known[name] for name in re.findall(r"'([a-z-]+)'", found)] == list(range(len(known)))


def test_the_tables_have_every_field_of_a_record() -> None:
    with Database(whole=True) as engine:
        fields = [name for name in field_names() if name != "schema"]
        assert list(engine.columns("whole")) == [*fields, "day"]
        assert list(engine.columns("incoming"))[-len(fields) :] == fields
        assert re.findall(r'"(\w+)": ', statement("arrive")) == fields
        every = re.findall(r"[a-z_0-9]+", statement("sound").partition("SELECT")[2].partition("FROM")[0])
        no_names = {"sum", "len", "array_to_string"}
        assert [name for name in every if name not in no_names] == list(engine.columns("incoming"))[1:]


def test_more_records_than_a_batch() -> None:
    read = Read(sweep="s", place="p", record=record_of(report_of("healthy")))
    with Database() as engine:
        engine.insert([read] * (BATCH + 1))
        engine.insert([read])
        assert engine.query("SELECT count(*), min(id), max(id) FROM record") == [(BATCH + 2, 0, BATCH + 1)]


@pytest.mark.parametrize(("order", "expected"), [("", [None, 1, 2]), (" DESC", [2, 1, None])])
def test_what_is_null_has_one_place_in_the_order(order: str, expected: list[int | None]) -> None:
    with Database() as engine:
        engine.execute("CREATE TABLE t (a BIGINT)")
        engine.fill("t", [(2,), (None,), (1,)])
        assert [a for (a,) in engine.query(f"SELECT a FROM t ORDER BY a{order}")] == expected
