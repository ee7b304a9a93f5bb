"""Which sweep a record is of, and which of a host's records counts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet.database import Database
from agent.fleet.store import Read
from agent.fleet.sweeps import SweepsRead, _minute_of, find_sweeps, sweeps_of
from tests.support.estates import TODAY, hosts_of, record
from tests.support.extent import examples

HOSTS = hosts_of(1, 20)


@pytest.fixture
def engine() -> Iterator[Database]:
    with Database() as opened:
        yield opened


def read(number: int, ended: datetime, sweep: str | None = None, **changes: object) -> Read:
    of_host = record(HOSTS[number], taken_at=ended)
    return Read(sweep=sweep, place=f"{number} {ended}", record=replace(of_host, **changes))  # type: ignore[arg-type]


def found(engine: Database, *reads: Read, since: datetime | None = None) -> SweepsRead:
    engine.insert(reads)
    return find_sweeps(engine, since=since, today=TODAY.date())


def hosts_by_sweep(engine: Database) -> list[tuple[str, int]]:
    return [(sweep.id, sweep.host_count) for sweep in sweeps_of(engine)]


def daily(days: int, *, spread: int = 60) -> list[Read]:
    """Twenty hosts once a day, over as many minutes."""
    return [
        read(number, TODAY - timedelta(days=days - 1 - day) + timedelta(minutes=number * spread // 20))
        for day in range(days)
        for number in range(20)
    ]


def test_the_place_says_it(engine: Database) -> None:
    found(engine, read(0, TODAY, "b"), read(1, TODAY, "b"), read(0, TODAY - timedelta(hours=1), "a"))
    assert hosts_by_sweep(engine) == [("a", 1), ("b", 2)]


def test_gaps_in_time_say_it(engine: Database) -> None:
    found(engine, *daily(3))
    assert hosts_by_sweep(engine) == [(f"2026-11-{day}T00:00Z", 20) for day in (18, 19, 20)]
    last = sweeps_of(engine)[-1]
    assert (last.started_at, last.ended_at) == (TODAY, TODAY + timedelta(minutes=57))


def test_without_gaps_the_usual_time_between_runs_does(engine: Database) -> None:
    """Runs spread evenly over the day."""
    found(engine, *daily(3, spread=24 * 60))
    assert hosts_by_sweep(engine) == [(f"2026-11-{day}T00:00Z", 20) for day in (18, 19, 20)]


def test_hosts_that_ran_once_are_one_sweep_however_long_it_took(engine: Database) -> None:
    found(engine, *(read(number, TODAY + timedelta(hours=number)) for number in range(20)))
    assert hosts_by_sweep(engine) == [("2026-11-20T00:00Z", 20)]


def test_one_host_that_runs_every_minute_makes_no_sweeps(engine: Database) -> None:
    again = [read(0, TODAY + timedelta(minutes=number)) for number in range(9)]
    result = found(engine, *daily(1), *again)
    assert hosts_by_sweep(engine) == [("2026-11-20T00:00Z", 20)]
    assert result.superseded == {"2026-11-20T00:00Z": 9}


def test_the_newest_counts(engine: Database) -> None:
    found(engine, read(0, TODAY + timedelta(hours=1), "a"), read(0, TODAY, "a"), read(1, TODAY, "a"))
    assert engine.query("SELECT record FROM heard ORDER BY record") == [(0,), (2,)]


def test_the_newest_in_whatever_time_zone(engine: Database) -> None:
    late = read(0, TODAY, "a", taken_at="2026-11-20T06:00:00+05:00")  # 01:00 in UTC
    found(engine, late, read(0, TODAY + timedelta(hours=2), "a"))
    assert engine.query("SELECT record FROM heard ORDER BY record") == [(1,)]


def test_the_same_file_twice_is_one_host(engine: Database) -> None:
    result = found(engine, read(0, TODAY, "a"), read(0, TODAY, "a"))
    assert hosts_by_sweep(engine) == [("a", 1)]
    assert result.superseded == {"a": 1}


def test_what_a_host_redacted_supersedes_nothing(engine: Database) -> None:
    masked = [read(0, TODAY, "a", redacted=True, host="i-1", run=f"run-{number}") for number in range(3)]
    found(engine, *masked)
    assert hosts_by_sweep(engine) == [("a", 3)]


def test_a_time_yet_to_come_is_of_the_last_sweep_and_noted(engine: Database) -> None:
    result = found(engine, *daily(2), read(19, datetime(2099, 1, 1, tzinfo=UTC)))
    assert hosts_by_sweep(engine) == [("2026-11-19T00:00Z", 20), ("2026-11-20T00:00Z", 20)]
    assert len(result.notes) == 1
    assert result.notes[0].startswith("1 record has a time that is yet to come")


def test_tomorrow_is_no_time_yet_to_come(engine: Database) -> None:
    assert found(engine, *daily(2), read(0, TODAY + timedelta(days=1))).notes == ()


def test_a_time_that_cannot_be_read_is_noted_and_older_than_all(engine: Database) -> None:
    result = found(engine, *daily(2), read(0, TODAY, taken_at="yesterday"))
    assert hosts_by_sweep(engine)[-1] == ("2026-11-20T00:00Z", 20)
    assert result.superseded == {"2026-11-20T00:00Z": 1}
    assert "time that can be read" in result.notes[0]


def test_a_wrong_clock_moves_no_begin(engine: Database) -> None:
    found(engine, *(replace(one, sweep="a") for one in daily(1)[1:]), read(0, datetime(1999, 1, 1, tzinfo=UTC), "a"))
    assert sweeps_of(engine)[0].started_at == TODAY + timedelta(minutes=3)


def test_since(engine: Database) -> None:
    result = found(engine, *daily(3), since=TODAY - timedelta(days=1))
    assert [id_ for id_, _ in hosts_by_sweep(engine)] == ["2026-11-19T00:00Z", "2026-11-20T00:00Z"]
    assert result.superseded == {}


def test_nothing_read(engine: Database) -> None:
    assert found(engine).notes == ()
    assert sweeps_of(engine) == ()


@settings(max_examples=examples(200), deadline=None)
@given(
    st.text(max_size=40)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat())
)
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert -1 <= _minute_of(text) < 10_000 * 366 * 24 * 60
