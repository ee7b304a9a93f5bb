"""Which data of cycles is kept, and for how long, and what happens with several processes, kill -9 and a full disk."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.history.file import opened_for_reading
from agent.history.model import HistoryError, StepRow
from agent.history.read import HistoryReader
from agent.history.write import CLEAN_CYCLES, MAX_SECONDS, PRUNE_CYCLES, prune
from tests.agent.history.entries import DAY, MB, at, change, entry, ill, later, well, writer
from tests.agent.history.killed import CYCLES
from tests.agent.watch.cycles import WELL
from tests.support import build, histories
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import report_of


def _reports(path: Path) -> list[tuple[int, int]]:
    """Each cycle, and the number of the cycle whose report it uses."""
    with HistoryReader(path) as history:
        return [(cycle.id, cycle.report) for cycle in history.cycles(None)]


def _count(path: Path, table: str) -> int:
    connection = opened_for_reading(path)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of ours
    finally:
        connection.close()


# --- What is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["healthy", "one-zone-silent", "gateway-group-for-the-appliance"])
def test_a_report_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(report := report_of(name)))
    with HistoryReader(history.path) as reading:
        again, own = reading.report(1)
        (row,) = reading.cycles(None)
    assert own == 1
    assert (again.run.id, again.findings) == (report.run.id, report.findings)
    assert (row.run_id, row.complete, row.series) == (report.run.id, report.run.complete, "watch")
    assert (row.outline.status, row.outline.summary) == (report.verdict.status, report.verdict.summary)
    assert [finding.id for finding in row.outline.findings] == [finding.id for finding in report.findings]
    ordered = sorted(report.observations, key=lambda observation: observation.id)
    for step, seconds, observation in zip(row.outline.steps, row.seconds, ordered, strict=True):
        assert (step.step, step.target, step.port) == (
            observation.subject.step,
            observation.subject.target,
            observation.subject.port,
        )
        assert step.kind == (observation.failure and observation.failure.kind)
        if observation.seconds is None:
            assert seconds is None
        else:
            assert seconds == pytest.approx(observation.seconds, rel=1e-3, abs=1e-7)


def test_an_answer_that_still_stands_was_not_timed_in_this_cycle(tmp_path: Path) -> None:
    old = replace(WELL, started_at=build.NOW - timedelta(minutes=5), seconds=0.5)
    long = replace(build.tcp("10.0.2.17"), started_at=build.NOW, seconds=1e9)
    history = writer(tmp_path / "h.db")
    history.append(entry(replace(well(1), observations=(old, long))))
    with HistoryReader(history.path) as reading:
        (row,) = reading.cycles(None)
    seconds = {step.address: value for step, value in zip(row.outline.steps, row.seconds, strict=True)}
    assert seconds == {"10.0.1.17": None, "10.0.2.17": pytest.approx(MAX_SECONDS, rel=1e-3)}


def test_what_cycles_share_is_kept_once(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    for number in range(1, 11):
        history.append(entry(well(number)))
    assert (_count(history.path, "outline"), _count(history.path, "step")) == (1, 1)
    history.append(entry(ill(11)))
    assert (_count(history.path, "outline"), _count(history.path, "step")) == (2, 2)


def test_a_report_is_kept_where_something_changes(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    for number, letter in enumerate("ooxxoox", 1):
        history.append(entry((well if letter == "o" else ill)(number)))
    assert _reports(history.path) == [(1, 1), (2, 1), (3, 3), (4, 3), (5, 1), (6, 1), (7, 3)]
    history.append(entry(well(8), change(8)))  # a reported change gets a report of its own as proof
    assert _reports(history.path)[-1] == (8, 8)
    other = entry(well(9), series="check")
    history.append(other)  # another series shares no report
    assert _reports(history.path)[-1] == (9, 9)


def test_an_outcome_that_comes_back_has_a_report_a_day(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    for number, hours in enumerate((0, 23, 24, 25, 49), 1):
        history.append(entry(at((well, ill)[number % 2](number), later(hours=hours))))
    assert _reports(history.path) == [(1, 1), (2, 2), (3, 3), (4, 2), (5, 5)]
    # While nothing changes, the first report is enough.
    history.append(entry(at(ill(6), later(days=9))))
    assert _reports(history.path)[-1] == (6, 5)


def test_the_state_is_that_of_the_last_entry_of_its_series(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    assert history.state("watch") is None
    history.append(entry(well(1), state={"a": 1}))
    history.append(entry(well(2), state={"b": 2}, series="check"))
    assert (history.state("watch"), history.state("check")) == ({"a": 1}, {"b": 2})
    history.append(entry(well(3), state={"a": [None]}))
    assert writer(history.path).state("watch") == {"a": [None]}


def test_a_cycle_says_how_many_before_it_are_lost(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    history.append(entry(well(5), lost=3))
    with HistoryReader(history.path) as reading:
        assert [cycle.lost for cycle in reading.cycles(None)] == [0, 3]


def test_a_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    for path in tmp_path.iterdir():
        path.unlink()
    history.append(entry(well(2)))
    assert _reports(history.path) == [(1, 1)]


# --- Bounds ----------------------------------------------------------------------------------------------------------


def test_a_command_that_keeps_one_run_removes_what_is_too_old(tmp_path: Path) -> None:
    """Such a command may run once a day, started by a timer."""
    for day in range(1, 5):
        history = writer(tmp_path / "h.db", seconds=2 * DAY)
        history.append(entry(at(well(day), later(hours=24 * day))))
        history.close()
    assert [number for number, _ in _reports(tmp_path / "h.db")] == [2, 3, 4]


def test_what_is_too_old_is_removed(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db", seconds=DAY)
    history.append(entry(ill(1), change(1)))
    history.append(entry(well(2)))
    for number in range(3, PRUNE_CYCLES + 1):
        history.append(entry(at(well(number), later(hours=number))))
    kept = _reports(history.path)
    assert [number for number, _ in kept] == list(range(PRUNE_CYCLES - 24, PRUNE_CYCLES + 1))
    assert {report for _, report in kept} == {2}  # a report stays as long as a cycle refers to it
    assert (_count(history.path, "report"), _count(history.path, "change")) == (1, 0)
    with HistoryReader(history.path) as reading:
        assert reading.report(PRUNE_CYCLES)[1] == 2
        with pytest.raises(HistoryError, match=f"has no cycle 1; it has {PRUNE_CYCLES - 24} to {PRUNE_CYCLES}"):
            reading.report(1)


def test_the_last_cycle_stays_however_old_it_is(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(ill(1)))
    history.append(entry(well(2)))
    connection = history._opened()
    prune(connection, history.keeping, later(days=4_000), clean=True)
    assert _reports(history.path) == [(2, 2)]
    assert (_count(history.path, "outline"), _count(history.path, "step")) == (1, 1)
    assert CLEAN_CYCLES % PRUNE_CYCLES == 0


def test_a_file_that_is_too_large_loses_the_oldest(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db", size=MB // 2)
    report = report_of("one-zone-silent")
    for number in range(1, 4 * PRUNE_CYCLES + 1):  # each cycle has a report of its own
        moved = replace(report.run, id=f"run-{number}", started_at=later(minutes=number))
        history.append(entry(replace(report, run=moved), change(number)))
    history.close()
    assert history.path.stat().st_size <= MB // 2 + PRUNE_CYCLES * 10_000
    numbers = [number for number, _ in _reports(history.path)]
    assert 1 < numbers[0] < numbers[-1] == 4 * PRUNE_CYCLES


# --- Other processes, and faults -------------------------------------------------------------------------------------

_WRITING = """
import sys
from pathlib import Path
from tests.agent.history.entries import entry, ill, well, writer
history = writer(Path(sys.argv[1]))
for number in range(1, 41):
    history.append(entry((ill if number % 7 == 0 else well)(number), series=sys.argv[2]))
"""


def test_two_writers_and_a_reader_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITING, str(path), name], cwd=ROOT) for name in ("watch", "check")
    ]
    seen = [0]
    while any(process.poll() is None for process in writers):
        if path.exists() and path.stat().st_size:
            try:
                with HistoryReader(path) as history:
                    seen.append(sum(1 for _ in history.cycles(None)))
            except HistoryError:  # the file is there, but not its tables
                if seen[-1]:
                    raise
    assert [process.wait(SECONDS) for process in writers] == [0, 0]
    assert seen == sorted(seen)
    with HistoryReader(path) as history:
        rows = list(history.cycles(None))
    assert [row.id for row in rows] == list(range(1, 81))
    for name in ("watch", "check"):
        assert [row.run_id for row in rows if row.series == name] == [f"run-{number}" for number in range(1, 41)]


def test_a_reader_sees_one_moment_while_others_write(tmp_path: Path) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    with HistoryReader(history.path) as reading:
        with reading.moment():
            assert [len(marks) for marks in reading.marks(None).values()] == [1]
            history.append(entry(well(2)))  # reader and writer do not wait for each other
            assert [len(marks) for marks in reading.marks(None).values()] == [1]
        assert [len(marks) for marks in reading.marks(None).values()] == [2]
        assert len(list(reading.cycles(None))) == 2


def test_kill_9_leaves_whole_cycles(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.agent.history.killed", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True)
    points = range(1, int(done.stdout) + 1)
    assert len(points) > 9 * CYCLES  # the points are at each statement of each cycle, and between them
    kept = set()
    for point in points:
        path = tmp_path / f"{point}.db"
        rows = []
        if path.stat().st_size:  # otherwise the writer was killed before the tables existed
            with HistoryReader(path) as history:
                rows = list(history.cycles(None))
                assert [history.report(row.id)[0].run.id for row in rows] == [row.run_id for row in rows]
                assert [row.cycle for row in history.changes(None)] == [row.id for row in rows]
        assert [row.run_id for row in rows] == [f"run-{number}" for number in range(1, len(rows) + 1)]
        kept.add(len(rows))
        again = writer(path)
        assert again.state("watch") == (len(rows) or None)
        again.append(entry(well(9)))
        assert again._opened().execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        again.close()
        assert _reports(path)[-1][0] == len(rows) + 1
    assert kept == set(range(CYCLES))  # a writer that is killed at its last statement loses its last cycle


_FULL = """
import resource, sys
from pathlib import Path
from agent.history.model import HistoryError, StepRow
from tests.agent.history.entries import change, entry, ill, well, writer
path = Path(sys.argv[1])
history = writer(path)
history.append(entry(well(1)))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
biggest = max(p.stat().st_size for p in path.parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (biggest + 4096, hard))
lost = 0
for number in range(2, 40):
    try:
        history.append(entry((ill, well)[number % 2](number), change(number), lost=lost))
        lost = 0
    except HistoryError as error:
        print(error)
        lost += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
history.append(entry(well(40), lost=lost))
print(lost)
"""


def test_a_full_disk_loses_cycles_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    *whys, lost = done.stdout.splitlines()
    assert int(lost) > 0
    assert set(whys) <= {"the disk is full, or it fails (disk I/O error)", "No space left on device"}
    with HistoryReader(path) as history:
        rows = list(history.cycles(None))
    assert rows[-1].run_id == "run-40"
    assert rows[-1].lost == int(lost)
    assert len(rows) + sum(row.lost for row in rows) == 40


_IN_SMALL_TMPFS = """
mount -t tmpfs -o size=600k,mode=700 none "$1" && exec "$2" -c "$3" "$1/h.db"
"""
_ON_TMPFS = """
import os, sys
from pathlib import Path
from agent.history.model import HistoryError, StepRow
from agent.history.read import HistoryReader
from tests.agent.history.entries import change, entry, ill, well, writer
path = Path(sys.argv[1])
history = writer(path)
history.append(entry(well(1)))
filler = path.with_name("filler")
with filler.open("wb", buffering=0) as stream:
    try:
        while stream.write(b"x" * 1024):
            pass
    except OSError:
        pass
why = None
for number in range(2, 60):
    try:
        history.append(entry((ill, well)[number % 2](number), change(number)))
    except HistoryError as error:
        why = str(error)
print(why)
filler.unlink()
history.append(entry(well(60), lost=1))
with HistoryReader(path) as reading:
    print([cycle.run_id for cycle in reading.cycles(None)][-1])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own takes root")
def test_a_full_file_system(tmp_path: Path) -> None:
    command = ["unshare", "-m", "sh", "-c", _IN_SMALL_TMPFS, "sh", str(tmp_path), sys.executable, _ON_TMPFS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    if "permission denied" in done.stderr or "not permitted" in done.stderr:
        pytest.skip("this machine makes no mount namespaces")
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["No space left on device", "run-60"]


def test_a_history_that_another_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.history.file.BUSY_SECONDS", 0.01)
    history, other = writer(tmp_path / "h.db"), writer(tmp_path / "h.db")
    history.append(entry(well(1)))
    other.open()
    holding = other._opened()
    holding.execute("BEGIN IMMEDIATE")
    history.close()
    with pytest.raises(HistoryError, match="another process has locked the history"):
        history.append(entry(well(2)))
    holding.execute("ROLLBACK")
    history.append(entry(well(3)))
    assert len(_reports(history.path)) == 2


def test_durations_are_those_of_all_cycles(tmp_path: Path) -> None:
    histories.week(tmp_path / "h.db")
    with HistoryReader(tmp_path / "h.db") as reading:
        (number,) = reading.series()
        for since in (None, min(row.started_at for row in reading.cycles(None)) + timedelta(days=3)):
            expected: dict[StepRow, dict[int, Counter[float]]] = {}
            cycles = list(reading.cycles(since))
            begin, end = cycles[0].started_at, cycles[-1].started_at
            for cycle in cycles:
                place = int((cycle.started_at - begin) / (end - begin + timedelta(milliseconds=1)) * 7)
                for step, seconds in zip(cycle.outline.steps, cycle.seconds, strict=True):
                    if seconds is not None:
                        expected.setdefault(step, {}).setdefault(place, Counter())[seconds] += 1
            assert reading.durations(number, since, 7) == expected
            assert {place for times in expected.values() for place in times} == set(range(7))
    assert len(expected) > 20
