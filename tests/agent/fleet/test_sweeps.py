"""Which sweep each record belongs to, and which of a host's records counts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet.database import Database
from agent.fleet.store import Read
from agent.fleet.sweeps import SweepsRead, _minute_of, find_sweeps, note_of_contested, sweeps_of
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
    """Twenty hosts, each with one run a day. The runs are spread over twenty minutes."""
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
    """If runs are spread evenly over the day, the time that usually passes between two runs of a host separates the
    sweeps.
    """
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
    assert result.notes[0].startswith("1 record has a time in the future")


def test_no_sweep_begins_tomorrow(engine: Database) -> None:
    result = found(engine, *daily(2), read(0, TODAY + timedelta(days=1)))
    assert [id_ for id_, _ in hosts_by_sweep(engine)] == ["2026-11-19T00:00Z", "2026-11-20T00:00Z"]
    assert result.notes[0].startswith("1 record has a time in the future")


def test_nor_where_every_clock_is_ahead(engine: Database) -> None:
    found(engine, read(0, datetime(2099, 1, 1, tzinfo=UTC)), read(1, datetime(2098, 1, 1, tzinfo=UTC)))
    assert [id_ for id_, _ in hosts_by_sweep(engine)] == ["2026-11-20T00:00Z"]


@pytest.mark.parametrize(("others", "sweep"), [(["2026-11-18", "2026-11-19"], "2026-11-19"), ([], "2026-11-20")])
def test_a_folder_of_a_day_yet_to_come_is_the_last_one(engine: Database, others: list[str], sweep: str) -> None:
    of_days = [read(2, datetime.fromisoformat(f"{day}T03:00:00+00:00"), day) for day in others]
    result = found(engine, *of_days, read(0, datetime(2099, 1, 1, tzinfo=UTC), "2099-01-01"))
    assert hosts_by_sweep(engine)[-1] == (sweep, 1 + (sweep in others))
    assert engine.query("SELECT minute FROM placed WHERE name = ?", [HOSTS[0].id]) == [
        (int(datetime.fromisoformat(f"{sweep}T00:00:00+00:00").timestamp()) // 60,)
    ]
    (note,) = result.notes
    assert note.startswith(f"The clock of 1 host is off by more than a day, such as {HOSTS[0].id}. The day of")


@pytest.mark.parametrize("hours", [-25, 49])
def test_the_day_of_a_folder_holds_against_the_clock(engine: Database, hours: int) -> None:
    """A record whose time comes from a wrong clock counts as older than the host's other record."""
    off = read(0, TODAY + timedelta(hours=hours), "2026-11-20")
    result = found(engine, off, read(0, TODAY + timedelta(minutes=5), "2026-11-20"))
    assert hosts_by_sweep(engine) == [("2026-11-20", 1)]
    assert engine.query("SELECT record FROM heard") == [(1,)]
    assert result.notes[0].startswith("The clock of 1 host is off")


@pytest.mark.parametrize("hours", [-24, 0, 47])
def test_a_clock_within_a_day_of_its_folder_is_right(engine: Database, hours: int) -> None:
    assert found(engine, read(0, TODAY + timedelta(hours=hours), "2026-11-20")).notes == ()


# --- A host is an id in an account -----------------------------------------------------------------------------------

OTHER = "999999999999"


def test_an_id_in_two_accounts_is_two_hosts(engine: Database) -> None:
    result = found(engine, read(0, TODAY, "a"), read(0, TODAY + timedelta(hours=1), "a", account=OTHER))
    assert hosts_by_sweep(engine) == [("a", 2)]
    assert result.superseded == {}
    (note,) = note_of_contested(engine, "a")
    owners = ", ".join(sorted((HOSTS[0].account, OTHER)))
    assert f"1 host has the name of a host of another account, such as {HOSTS[0].id} ({owners})." in note


def test_ids_of_one_account_are_not_noted(engine: Database) -> None:
    found(engine, read(0, TODAY, "a"), read(0, TODAY - timedelta(days=1), "b", account=OTHER), read(1, TODAY, "a"))
    assert list(note_of_contested(engine, "a")) == []


def test_a_name_that_was_chosen_is_counted_and_not_told(engine: Database) -> None:
    """Masks recognise ids by their form, so they would miss a name that somebody chose."""
    both = {"host": "db-17"}
    found(engine, read(0, TODAY, "a", **both), read(0, TODAY, "a", **both, account=OTHER))
    (note,) = note_of_contested(engine, "a")
    assert "db-17" not in note


def test_a_record_without_an_account_is_of_the_one_that_has_its_id(engine: Database) -> None:
    found(engine, read(0, TODAY, "b", account=None), read(0, TODAY - timedelta(days=1), "a"))
    assert engine.query("SELECT count(DISTINCT host) FROM heard") == [(1,)]


@pytest.mark.parametrize("sweep", ["a", "b"])
def test_unless_two_have_it_or_that_has_a_record_of_its_own(engine: Database, sweep: str) -> None:
    other = read(0, TODAY, "c", account=OTHER)
    known = read(0, TODAY, "a")
    found(engine, read(0, TODAY, sweep, account=None), known, *([other] if sweep == "b" else []))
    assert engine.query("SELECT count(DISTINCT host) FROM heard") == [(3 if sweep == "b" else 2,)]


def test_runs_of_two_accounts_that_say_no_host_are_two(engine: Database) -> None:
    nobody = {"host": None, "run": "r"}
    found(engine, read(0, TODAY, "a", **nobody), read(1, TODAY, "a", **nobody, account=OTHER))
    assert hosts_by_sweep(engine) == [("a", 2)]


def test_a_time_that_cannot_be_read_is_noted_and_older_than_all(engine: Database) -> None:
    result = found(engine, *daily(2), read(0, TODAY, taken_at="yesterday"))
    assert hosts_by_sweep(engine)[-1] == ("2026-11-20T00:00Z", 20)
    assert result.superseded == {"2026-11-20T00:00Z": 1}
    assert "without a readable time" in result.notes[0]


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


def commands(*ran: tuple[str, float, Iterable[int]], **changes: object) -> list[Read]:
    """Records of commands. Each has its id, its hour, and the numbers of its hosts."""
    return [
        read(number, TODAY + timedelta(hours=hour, minutes=number), command, run=f"{command} {number}", **changes)
        for command, hour, numbers in ran
        for number in numbers
    ]


@pytest.mark.parametrize(
    ("ran", "sweeps"),
    [
        ([("a", 0, range(10)), ("b", 1, range(10, 20))], [("a", 20)]),
        ([("a", 0, range(10)), ("b", 13, range(10, 20))], [("a", 10), ("b", 10)]),
        ([("a", 0, range(10)), ("by-hand", 1, [3]), ("b", 2, range(10, 20))], [("a", 20), ("by-hand", 1)]),
        ([("by-hand", 0, [13]), ("a", 1, range(10)), ("b", 2, range(10, 20))], [("by-hand", 20)]),
        ([("canary", 0, [3]), ("all", 1, range(20))], [("canary", 1), ("all", 20)]),
        ([("canary", 0, [3]), ("rest", 1, [0, 1, 2, *range(4, 20)])], [("canary", 20)]),
        ([("all", 0, range(17)), ("failed", 1, range(17, 20))], [("all", 20)]),
        ([("all", 0, range(20)), ("other", 1, range(20))], [("all", 20), ("other", 20)]),
        ([("a-0", 0, range(10)), ("a-1", 1, range(10)), ("b-1", 2, range(10, 20))], [("a-0", 10), ("a-1", 20)]),
        (
            [("a-0", 0, range(10)), ("b-0", 0.5, range(10, 20)), ("b-1", 1, range(10, 20)), ("a-1", 1.5, range(10))],
            [("a-0", 20), ("b-1", 20)],
        ),
        (
            [(f"all-{hour}", hour, range(20)) for hour in range(4)],
            [(f"all-{hour}", 20) for hour in range(4)],
        ),
    ],
)
def test_commands_on_different_hosts_are_one_sweep(
    engine: Database, ran: list[tuple[str, float, Iterable[int]]], sweeps: list[tuple[str, int]]
) -> None:
    found(engine, *commands(*ran))
    assert hosts_by_sweep(engine) == sweeps


def test_commands_on_hosts_with_masked_names_are_not_one_sweep(engine: Database) -> None:
    """Each masked name may stand for any host, so these may be two runs of the same hosts."""
    found(engine, *commands(("a", 0, range(20)), ("b", 1, range(20)), redacted=True, host="i-1"))
    assert hosts_by_sweep(engine) == [("a", 20), ("b", 20)]
