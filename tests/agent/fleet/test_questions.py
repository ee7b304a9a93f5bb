"""The ten questions of docs/examples/fleet-questions.sql. The parser of each engine accepts them. DuckDB answers them
from files of hosts and of `fleet`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import sqlglot
from sqlglot import exp

from agent.cli.main import dispatch
from agent.fleet import athena, model
from agent.fleet.athena import Lake
from agent.fleet.model import FleetDocument, NamedBy
from agent.fleet.put import place_of
from agent.report.host_record import HostRecord, line
from tests.support.estates import TODAY, rolling
from tests.support.repository import ROOT

PAGE: Final = (ROOT / "docs/fleet-join.md").read_text("utf-8")
(VIEWS,) = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ASKED: Final = (ROOT / "docs/examples/fleet-questions.sql").read_text("utf-8")
QUESTIONS: Final[tuple[str, ...]] = tuple(re.findall(r"^-- .+\?\n([^;]+);$", ASKED, re.MULTILINE))
(CAUSES, HOSTS, IN_COMMON, ACCOUNTS, NEW, DAYS, SILENT, OWN, WELL, RECORDS) = QUESTIONS
DIALECTS: Final = ("athena", "trino", "spark", "duckdb")
LAST: Final = datetime(2026, 1, 15, tzinfo=UTC)
"""The last day in the questions."""
SWEEPS: Final = 5
OLD: Final = "1.5.0"

Rows = list[tuple[Any, ...]]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_engine_reads_one_meaning(question: str) -> None:
    meanings = {
        sqlglot.parse_one(question, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE).sql() for dialect in DIALECTS
    }
    assert len(meanings) == 1


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_answer_depends_on_the_engine(question: str) -> None:
    """The questions avoid operations that differ between engines, such as division, unnesting and joining texts."""
    parsed = sqlglot.parse_one(question, dialect="trino")
    of_one_engine = (exp.Div, exp.Array, exp.Unnest, exp.Concat, exp.DPipe, exp.Limit, exp.Anonymous)
    assert parsed.find(*of_one_engine) is None


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_names_its_days(question: str) -> None:
    """If a question had no days, Athena would read the files of all days, which costs money."""
    assert re.search(r"WHERE (\w\.)?dt (=|BETWEEN) '2026-01-1", question)


# --- The answers over files ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """DuckDB with a folder in place of a bucket, and the document of `fleet` for each day."""

    connection: Any
    documents: list[FleetDocument]

    def rows(self, question: str, key: str | None = None) -> Rows:
        text = question if key is None else re.sub(r"cause_key = '[^']+'", f"cause_key = '{key}'", question)
        rows: Rows = self.connection.execute(text).fetchall()
        return rows


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Five days of 600 hosts. On each of the last three days, a fault spreads to two more subnets. A different fault
    ends on the third day. On the last day, the hosts with one version of backuplink have a warning.
    """
    import duckdb  # noqa: TID251 - as a user's own DuckDB reads the files, not as `fleet` does

    folder = tmp_path_factory.mktemp("bucket")
    for read in rolling(2).reads:
        record = _moved(read.record)
        place = folder / place_of(json.loads(line(record)), "s3://any").removeprefix("s3://any/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(line(record), "utf-8")
    documents = []
    for ago in reversed(range(SWEEPS)):
        day = f"{LAST - timedelta(days=ago):%Y-%m-%d}"
        (folder / f"fleet/answers/dt={day}").mkdir(parents=True)
        answers, document = folder / f"fleet/answers/dt={day}/answers.parquet", folder / f"{day}.json"
        for wanted, output in (("parquet", answers), ("json", document)):
            words = ["fleet", str(folder / "host.v1"), "--sweep", day, "--format", wanted, "--output", str(output)]
            assert dispatch([*words, "--fail-on", "never"], []) in (0, 3)  # 3 if too many hosts are silent
        documents.append(model.decode(json.loads(document.read_text("utf-8"))))
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{folder}'")
        connection.execute(VIEWS)
        yield Asked(connection, documents)


def _moved(record: HostRecord) -> HostRecord:
    """The record, moved in time so that the last sweep is on LAST. From that day on, hosts with an old version of
    backuplink have a fault.
    """
    when = datetime.fromisoformat(record.taken_at) + (LAST - TODAY)
    moved = replace(record, taken_at=when.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    if when < LAST or record.tool != OLD or record.causes:
        return moved
    return replace(moved, status="warning", causes=("warning|RUN002|",))


def test_there_are_ten() -> None:
    assert len(QUESTIONS) == len(set(QUESTIONS)) == 10


@pytest.mark.parametrize("question", [one for one in QUESTIONS if one is not HOSTS])
def test_a_question_has_rows(asked: Asked, question: str) -> None:
    assert asked.rows(question)


def test_the_views_have_the_columns_of_the_tables(asked: Asked) -> None:
    lake = Lake(bucket="b-1", prefix="", accounts=(), regions=("eu-west-1",), since=LAST.date(), is_packed=False)
    kinds = {"VARCHAR": "string", "BOOLEAN": "boolean", "BIGINT": "bigint", "VARCHAR[]": "array<string>"}
    for name, statement in zip(("record", "answer"), athena.statements(lake)[1:], strict=True):
        there = {column: kinds.get(kind) for column, kind, *_ in asked.rows(f"DESCRIBE {name}")}
        columns = dict(re.findall(r"^  (\w+) (string|boolean|bigint|array<string>)", statement, re.MULTILINE))
        for column, kind in columns.items():
            # DuckDB infers the type from the values. It cannot do so from an empty list or from NULL.
            assert there[column] in (kind, None), (name, column)


def test_the_causes_are_those_of_the_document(asked: Asked) -> None:
    told = asked.documents[-1]
    assert [
        (key, severity, title, hosts, exposed, since)
        for key, severity, title, hosts, exposed, since in asked.rows(CAUSES)
    ] == [
        (
            cause.key,
            cause.severity.value,
            cause.title,
            cause.host_count,
            cause.exposed_count,
            None if cause.since is None else f"{cause.since:%Y-%m-%dT%H:%M:%SZ}",
        )
        for cause in sorted(told.causes, key=lambda cause: (-cause.host_count, cause.key))
        if cause.host_count
    ]


def test_the_hosts_of_a_cause(asked: Asked) -> None:
    cause = asked.documents[-1].causes[0]
    rows = asked.rows(HOSTS, cause.key)
    assert len(rows) == cause.host_count + cause.also_count
    assert {host for host, *_ in rows} >= set(cause.hosts)
    assert all(None not in row for row in rows)


def test_what_hosts_have_in_common(asked: Asked) -> None:
    (cause,) = (cause for cause in asked.documents[-1].causes if cause.named_by is NamedBy.SHARED)
    hosts = cause.host_count + cause.also_count
    assert asked.rows(IN_COMMON) == [(cause.key, f"tool={OLD}", hosts)]


def test_the_hosts_of_each_account(asked: Asked) -> None:
    totals = asked.documents[-1].totals
    rows = asked.rows(ACCOUNTS)
    assert len(rows) == 3
    assert (sum(hosts for _, hosts, _ in rows), sum(well for *_, well in rows)) == (totals.hosts, totals.ok)


def test_what_is_new(asked: Asked) -> None:
    before, told = ({cause.key for cause in document.causes} for document in asked.documents[-2:])
    assert {key for key, *_ in asked.rows(NEW)} == told - before


def test_the_hosts_of_each_day(asked: Asked) -> None:
    told = {
        (f"{document.sweep.started_at:%Y-%m-%d}", cause.key): cause.host_count + cause.also_count
        for document in asked.documents
        for cause in document.causes
        if document.sweep is not None
    }
    assert {(day, key): hosts for day, key, hosts in asked.rows(DAYS)} == told
    days = Counter(day for day, _ in told)
    assert len(days) == SWEEPS


def test_who_was_not_heard_from(asked: Asked) -> None:
    silent = asked.documents[-1].not_heard_from
    assert silent is not None
    rows = asked.rows(SILENT)
    assert len(rows) == silent.host_count
    assert [host for host, *_ in rows][: len(silent.hosts)] == list(silent.hosts)
    assert {taken_at[:10] for _, taken_at, *_ in rows} == {"2026-01-14"}


def test_the_faults_of_single_hosts(asked: Asked) -> None:
    assert {code: hosts for code, _, _, hosts in asked.rows(OWN)} == {
        fault.code: fault.host_count for fault in asked.documents[-1].own_faults
    }


def test_how_much_was_well(asked: Asked) -> None:
    totals = [document.totals for document in asked.documents]
    ((well,),) = asked.rows(WELL)
    assert well == pytest.approx(sum(one.ok for one in totals) / sum(one.hosts for one in totals), abs=0.0001)


def test_what_the_hosts_with_a_cause_say(asked: Asked) -> None:
    rows = asked.rows(RECORDS)
    told = {cause.key: cause.host_count for cause in asked.documents[-1].causes if cause.host_count}
    counted: Counter[str] = Counter()
    for key, _, _, hosts in rows:
        counted[key] += hosts
    assert counted == told
    assert {reads for _, _, reads, _ in rows} == {True, False}
