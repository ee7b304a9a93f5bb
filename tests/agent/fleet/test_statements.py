"""Each statement is one question. DuckDB's shell runs it unchanged, after its variables are set."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from agent.app.fleet import write
from agent.fleet import statements
from agent.fleet.connection import Connection, connect
from agent.fleet.database import Database
from agent.fleet.inventory import OWNER, Expected, Label
from agent.fleet.join import joined
from agent.fleet.model import Attribute, SharedValue
from agent.fleet.pack import pack
from agent.fleet.reading import ReadRequest, read_into
from agent.fleet.statements import statement
from agent.report.host_record import line
from agent.settings import Output, Suppression
from tests.agent.fleet.test_central_facts import facts
from tests.agent.fleet.test_estates import question
from tests.support.estates import TODAY, estate, eventful, rolling

FOLDER: Final = Path(statements.__file__).parent
DAY: Final = timedelta(days=1)
NAMES: Final = sorted(file.stem for file in FOLDER.glob("*.sql"))


class Recorded(Database):
    """A database that records its questions and answers, in order."""

    def __init__(self, *, whole: bool = False) -> None:
        self.asked: list[tuple[str, dict[str, Any], list[tuple[Any, ...]]]] = []
        super().__init__(whole=whole)

    def ask(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        rows = super().ask(name, **given)
        self.asked.append((name, given, rows))
        return rows

    def each(self, name: str, **given: Any) -> Iterator[tuple[Any, ...]]:
        yield from self.ask(name, **given)

    def fill(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        every = [tuple(row) for row in rows]
        super().fill(table, every)
        self.asked.append(("", {"table": table}, every))

    def write_parquet(self, text: str, *, note: tuple[str, str] | None = None) -> bytes:
        for name in ("cached", "packed_row"):
            if text == statement(name):
                self.ask(name)
        return super().write_parquet(text, note=note)

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> None:
        super().execute(text, parameters)
        if text.startswith(("DELETE", "DROP")):
            self.asked.append(("", {"text": text}, []))


def used(tmp_path: Path) -> Iterator[Recorded]:
    """Fleets that together use every statement. They have a rolling change, by zone and with facts, a suppression and a
    filter, a fault that spreads, and no records at all. Records are also read, cached, read from the cache, and packed
    twice.
    """
    known = rolling(1).reads
    silent = {read.record.host for read in known[:9]}
    last = max(read.place.partition("/")[0] for read in known)
    heard = [read for read in known if read.record.host not in silent or not read.place.startswith(last)]
    gone = {"since": None, "by": Attribute.ZONE, "facts": (facts(),)}
    shared = estate("two-under-one-code", 1).reads
    label = Label(account=None, host=shared[0].record.host or "", name=OWNER, value="team")
    owned = Expected(hosts=frozenset({"i-1"}), by="a list", labels=(label,))
    zone = SharedValue(attribute=Attribute.ZONE, value="euw1-az1")
    suppressed = (Suppression(code="TCP005", target=None, subject=None, until=None),)
    for reads, given in (
        (heard, gone),
        (shared, {"where": (zone,), "expected": owned}),
        ([replace(read, sweep=f"{number % 2}") for number, read in enumerate(shared)], {"suppress": suppressed}),
        (heard, {"suppress": (Suppression(code="VPC005", target=None, subject=None, until=TODAY.date() - DAY),)}),
        ([read for sweep in eventful(3, sweeps=5).sweeps for read in sweep], {}),
        ([], {}),
    ):
        with Recorded() as database:
            database.insert(reads)
            document = joined(database, question(**given))
            output = Output(format="csv", output=str(tmp_path / "x.csv"), fail_on="never")
            write(document, database, output)
            yield database
    yield from recalled_and_packed(tmp_path)


def recalled_and_packed(tmp_path: Path) -> Iterator[Recorded]:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    source = tmp_path / "a.ndjson"
    known = [read.record for read in estate("group", 1).reads[:40]]
    for count, asked in ((20, ((str(source),),)), (40, ((), (str(source),)))):
        source.write_text("".join(f"{line(record)}\n" for record in known[:count]), "ascii")
        with Recorded(whole=True) as database:
            for places in asked:
                request = ReadRequest(places=places, command_ids=(), cache=cache, region=None, profile=None)
                read_into(database, request, progress=lambda done, all_of: None, cancelled=bool)
            place, today = str(tmp_path / "lake"), TODAY.date()
            pack(database, place, lambda: None, today=today, progress=lambda done, all_of: None, cancelled=bool)
            output = Output(format="parquet", output=str(tmp_path / "x.parquet"), fail_on="never")
            write(joined(database, question()), database, output)
            yield database


def literal(value: Any) -> str:
    """The value in SQL notation."""
    match value:
        case None:
            return "NULL"
        case bool() | int() | float():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
    return "'" + str(value).replace("'", "''") + "'"


def run(shell: Connection, name: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that is run as DuckDB's shell runs it, only from its text."""
    for variable, value in given.items():
        shell.execute(f"SET VARIABLE {variable} = {literal(value)}")
    return shell.execute(statement(name)).fetchall()


def test_each_statement_runs_in_the_shell_and_gives_the_same(tmp_path: Path) -> None:
    seen: set[str] = set()
    for number, database in enumerate(used(tmp_path)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with connect(folder) as shell:
            shell.execute("SET default_null_order = 'nulls_first_on_asc_last_on_desc'")
            for name, given, rows in database.asked:
                if "text" in given:
                    shell.execute(given["text"])
                    continue
                if not name:
                    for row in rows:
                        shell.execute(f"INSERT INTO {given['table']} VALUES ({', '.join(map(literal, row))})")
                    continue
                assert sorted(map(repr, run(shell, name, given))) == sorted(map(repr, rows)), name
                seen.add(name)
    assert sorted(seen) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_says_what_it_asks(name: str) -> None:
    text = statement(name)
    assert text.startswith("-- ")
    assert not re.search(r"\?|\{[a-z_]*\}", text)
