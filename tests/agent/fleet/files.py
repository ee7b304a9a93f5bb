"""Input of a fleet for tests: records and reports of scenarios, with the ids of other hosts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from agent.fleet.database import Database
from agent.fleet.reading import ReadRequest, ReadResult, read_into
from agent.report import codec
from agent.report.host_record import line, record_of
from tests.support.runs import report_of

COMMAND: Final = "0a1b2c3d-0000-4000-8000-00000000000a"
SICK: Final = "private-dns-off"


@cache
def _line(scenario: str) -> str:
    return line(record_of(report_of(scenario)))


def record(number: int = 0, scenario: str = "healthy", **changed: Any) -> dict[str, Any]:
    """The record of a host in JSON's types."""
    plain: dict[str, Any] = json.loads(_line(scenario))
    return {**plain, "host": f"i-{number:017x}", "run": f"{number:032x}", **changed}


def report(number: int = 0, scenario: str = "healthy") -> dict[str, Any]:
    """The report of a host."""
    document = codec.encode(report_of(scenario))
    document["vantage"]["instance_id"] = f"i-{number:017x}"
    document["run"]["id"] = f"{number:032x}"
    return document


def lines(*records: dict[str, Any]) -> str:
    """Lines with one record each."""
    return "".join(f"{json.dumps(each)}\n" for each in records)


def request(*places: Path | str, **given: Any) -> ReadRequest:
    """A request to read these places without a cache."""
    plain: dict[str, Any] = {"command_ids": (), "cache": None, "region": None, "profile": None}
    return ReadRequest(places=tuple(map(str, places)), **{**plain, **given})


def read(engine: Database, *places: Path | str, **given: Any) -> ReadResult:
    """Read these places into an engine."""
    return read_into(engine, request(*places, **given), progress=lambda done, total: None, cancelled=lambda: False)


@contextmanager
def read_anew(*places: Path | str, **given: Any) -> Iterator[tuple[Database, ReadResult]]:
    """A new engine that has read the records of these places, and the result of reading them."""
    with Database() as engine:
        yield engine, read(engine, *places, **given)


def hosts(engine: Database) -> list[str]:
    """The host of each record, in the order of the records."""
    return [host for (host,) in engine.query("SELECT host FROM record ORDER BY id")]


def dump(engine: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, with the names of hosts in place of their ids."""
    columns = "host, sweep, place, tool, run, taken_at, redacted, vpc, status, path, complete, ec2, summary, title, fix"
    return {
        "record": engine.query(f"SELECT {columns} FROM record ORDER BY host, place"),
        "cause": engine.query(
            "SELECT host, rank, severity, code, target, cause_key FROM cause JOIN record ON record = id "
            "ORDER BY host, place, rank"
        ),
        "symptom": engine.query(
            "SELECT host, code, symptom_key, cause_key FROM symptom JOIN record ON record = id ORDER BY 1, 2, 3, 4"
        ),
        "attribute": engine.query(
            "SELECT host, attribute, value FROM record_value JOIN record ON record = id ORDER BY 1, 2, 3"
        ),
        "unreadable": engine.query("SELECT place, why, times FROM unreadable ORDER BY place, why"),
    }
