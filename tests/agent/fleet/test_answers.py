"""Joined answers of `fleet`. The answers for ten lakes, joined, give the same result as one `fleet` over all their
records.
"""

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.main import dispatch
from agent.fleet import answers, model
from agent.fleet.database import Database
from agent.fleet.model import FleetDocument, Turn
from agent.report.host_record import HostRecord, line
from tests.support import fleets
from tests.support.estates import TODAY, rolling

LAKES: Final = 10
DAYS: Final = 4
HOSTS: Final = 240
LAST: Final = f"{TODAY:%Y-%m-%d}"
OLD: Final = "1.5.0"


def of_version(record: HostRecord, day: str) -> HostRecord:
    """The record of a host. If the host has the old version of backuplink, its record for the last two days has a
    fault. All lakes have such hosts.
    """
    if day < f"{TODAY - timedelta(days=1):%Y-%m-%d}" or record.tool != OLD or record.causes:
        return record
    return replace(record, status="warning", causes=("warning|RUN002|",))


def records(lake: int) -> Iterable[tuple[str, HostRecord]]:
    """The records of a lake, each with its day."""
    for read in rolling(lake, sweeps=DAYS, count=HOSTS).reads:
        day = f"{datetime.fromisoformat(read.record.taken_at):%Y-%m-%d}"
        yield day, of_version(read.record, day)


def asked(*words: str, code: tuple[int, ...] = (0, 1, 2, 3)) -> None:
    assert dispatch(["fleet", *words], []) in code


def read(place: Path) -> FleetDocument:
    return model.decode(json.loads(place.read_text("utf-8")))


@dataclass(frozen=True)
class Both:
    """The result of `fleet` over ten answers (`joined`), and over all records (`whole`)."""

    folder: Path
    joined: FleetDocument
    whole: FleetDocument


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("lakes")
    (folder / "answers" / f"dt={LAST}").mkdir(parents=True)
    for lake in range(LAKES):
        lines: dict[str, list[str]] = {}
        for day, record in records(lake):
            lines.setdefault(day, []).append(line(record) + "\n")
        for day, of_day in lines.items():
            place = folder / "records" / str(lake) / f"dt={day}" / "hosts.ndjson"
            place.parent.mkdir(parents=True)
            place.write_text("".join(of_day), "utf-8")
        place = folder / "answers" / f"dt={LAST}" / f"{lake}.parquet"
        asked(str(folder / "records" / str(lake)), "--format", "parquet", "--output", str(place))
    joined, whole = folder / "joined.json", folder / "whole.json"
    asked(str(folder / "answers"), "--format", "json", "--output", str(joined))
    asked(str(folder / "records"), "--format", "json", "--output", str(whole))
    return Both(folder, read(joined), read(whole))


def test_every_host_is_counted(both: Both) -> None:
    assert both.joined.totals == both.whole.totals
    assert both.joined.totals.hosts > LAKES * HOSTS * 0.95
    assert both.joined.sweep == both.whole.sweep
    assert both.joined.sweeps == both.whole.sweeps
    assert both.joined.verdict == both.whole.verdict


def test_the_causes_are_the_same(both: Both) -> None:
    said = [
        [
            (cause.key, cause.severity, cause.named_by, cause.host_count, cause.also_count, cause.joined_count)
            for cause in document.causes
        ]
        for document in (both.joined, both.whole)
    ]
    assert said[0] == said[1]
    assert len(said[0]) > LAKES


def test_since_when_and_what_fixes_them_are_the_same(both: Both) -> None:
    for cause, other in zip(both.joined.causes, both.whole.causes, strict=True):
        assert (cause.since, cause.flapping, cause.fix) == (other.since, other.flapping, other.fix)
        assert (cause.exposed_count, cause.places) == (other.exposed_count, other.places)


def test_a_fault_of_all_lakes_is_one_cause(both: Both) -> None:
    (cause,) = (cause for cause in both.joined.causes if cause.code == "RUN002")
    (other,) = (cause for cause in both.whole.causes if cause.code == "RUN002")
    assert cause.shared is not None
    assert other.shared is not None
    assert cause.shared.values == other.shared.values
    assert (cause.shared.sick, cause.shared.well) == (other.shared.sick, other.shared.well)
    assert (cause.shared.coverage, cause.shared.precision) == (other.shared.coverage, other.shared.precision)
    assert cause.shared.lift == pytest.approx(other.shared.lift, rel=0.1)
    assert cause.host_count > LAKES * 5


def test_faults_of_single_hosts_add_up(both: Both) -> None:
    said = [
        Counter({own.code: own.host_count for own in document.own_faults}) for document in (both.joined, both.whole)
    ]
    assert said[0] == said[1]


def test_what_changed_is_the_same(both: Both) -> None:
    """If a cause did not change in a lake, its hosts count as unchanged there, although a few of them may be silent.
    The numbers may therefore differ slightly.
    """
    said = [
        {one.key: (one.turn, one.before, one.after, one.came, one.went) for one in document.changes}
        for document in (both.joined, both.whole)
    ]
    key = f"RUN002|tool={OLD}"
    (joined, whole) = (one.pop(key) for one in said)
    assert said[0] == said[1]
    assert {turn for turn, *_ in said[0].values()} >= {Turn.GROWN}
    assert joined[0] is whole[0]
    assert joined[1:3] == pytest.approx(whole[1:3], rel=0.02)


def test_who_was_not_heard_from_adds_up(both: Both) -> None:
    joined, whole = both.joined.not_heard_from, both.whole.not_heard_from
    assert joined is not None
    assert whole is not None
    assert (joined.host_count, joined.hosts, joined.expected_by) == (whole.host_count, whole.hosts, whole.expected_by)


# --- What is not joined ----------------------------------------------------------------------------------------------


def answer(engine: Database, **changed: Any) -> bytes:
    """A file of answers without rows."""
    document = replace(fleets.document(), **changed)
    engine.execute("CREATE OR REPLACE TABLE nothing (host TEXT)")
    return engine.write_parquet("SELECT * FROM nothing", note=(answers.KEY, answers.packed(document)))


@pytest.fixture
def engine() -> Any:
    with Database() as database:
        yield database


def with_coverage(coverage: float) -> str:
    """An answer whose causes have this coverage, even if this is impossible."""
    told = fleets.document()
    causes = [
        replace(cause, shared=None if cause.shared is None else replace(cause.shared, coverage=coverage))
        for cause in told.causes
    ]
    return answers.packed(replace(told, causes=tuple(causes)))


@pytest.mark.parametrize(
    ("note", "why"),
    [
        pytest.param("no base64'", "cannot be read", id="no base64"),
        pytest.param("bm8gemxpYg==", "cannot be read", id="no zlib"),
        pytest.param(answers.packed(fleets.document())[:400], "is cut off", id="cut off"),
        pytest.param(answers.packed(replace(fleets.document(), redacted=True)), "redacted", id="redacted"),
        pytest.param(
            answers.packed(replace(fleets.document(), schema="other")),
            "holds no backuplink.fleet.v1",
            id="another schema",
        ),
    ],
)
def test_what_is_no_answer_is_counted_and_stops_nothing(
    note: str, why: str, engine: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.parquet").write_bytes(answer(engine))
    engine.execute("CREATE OR REPLACE TABLE nothing (host TEXT)")
    (tmp_path / "b.parquet").write_bytes(engine.write_parquet("SELECT * FROM nothing", note=(answers.KEY, note)))
    asked(str(tmp_path), "--format", "json")
    told = model.decode(json.loads(capsys.readouterr().out))
    assert told.totals.hosts == fleets.document().totals.hosts
    (unreadable,) = (one for one in told.unreadable if one.place.endswith("b.parquet"))
    assert why in unreadable.why


@given(st.one_of(st.text(), st.binary().map(lambda data: base64.b64encode(zlib.compress(data)).decode())))
def test_any_text_is_an_answer_or_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="holds"):
        answers.unpacked(text)


def test_an_answer_beside_records_is_not_joined(
    both: Both, engine: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.parquet").write_bytes(answer(engine))
    asked(str(tmp_path), str(both.folder / "records" / "0"), "--format", "json")
    told = model.decode(json.loads(capsys.readouterr().out))
    assert told.totals.hosts < 2 * HOSTS
    assert [one.why for one in told.unreadable] == ["is an answer of fleet, which is joined only with other answers"]


def test_of_several_days_the_last_one_is_joined(
    engine: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in ("2026-01-14", "2026-01-15"):
        (tmp_path / f"dt={day}").mkdir()
        (tmp_path / f"dt={day}" / "a.parquet").write_bytes(answer(engine))
    asked(str(tmp_path), "--format", "json")
    told = model.decode(json.loads(capsys.readouterr().out))
    assert told.totals.hosts == fleets.document().totals.hosts
    assert "Left out 1 answer of earlier days: only the answers of 2026-01-15 are joined." in told.notes


@pytest.mark.parametrize(
    "words",
    [
        ("--sweep", "x"),
        ("--since", "3d"),
        ("--by", "zone"),
        ("--where", "vpc=vpc-1"),
        ("--suppress", "TCP001"),
        ("--format", "csv"),
    ],
)
def test_what_needs_the_records_is_refused(
    words: tuple[str, ...], engine: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.parquet").write_bytes(answer(engine))
    asked(str(tmp_path), *words, code=(3,))
    assert "needs records of hosts, but these are answers of fleet" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["text", "html", "markdown", "prometheus", "eventbridge"])
def test_every_format_tells_them(both: Both, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked(str(both.folder / "answers"), "--format", name)
    assert both.joined.causes[0].code in capsys.readouterr().out


def test_one_answer_says_again_what_it_said(both: Both, tmp_path: Path) -> None:
    """A scheduled task can read the records once, and write every other format from the answer."""
    records = str(both.folder / "records" / "0")
    asked(records, "--format", "parquet", "--output", str(tmp_path / "answers.parquet"))
    for wanted in ("json", "text", "html", "eventbridge"):
        asked(records, "--format", wanted, "--output", str(tmp_path / "once"))
        asked(str(tmp_path / "answers.parquet"), "--format", wanted, "--output", str(tmp_path / "again"))
        assert (tmp_path / "again").read_text("utf-8") == (tmp_path / "once").read_text("utf-8"), wanted
        assert (tmp_path / "once").stat().st_size > 1_000
