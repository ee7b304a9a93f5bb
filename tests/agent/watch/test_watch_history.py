"""A watch with a history continues where the last watch ended. It loses only the cycles that it could not write."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.history.model import Entry, HistoryError, NotPrunedError
from agent.history.read import HistoryReader
from agent.process.cancel import CancelToken
from agent.report.model import Measurement, Report
from agent.run.measuring import Emit
from agent.settings import Settings
from agent.simulated.clock import PatientLoop
from agent.watch.changes import StateChange, Tracker
from tests.agent.history.entries import writer
from tests.agent.watch.cycles import lettered
from tests.formats.monitors import samples_in
from tests.support import extent
from tests.support.runs import measurement_of, report_of
from tests.support.virtual import Watched, job, watched

LETTERS = st.lists(st.tuples(st.sampled_from("CCC...W-ies!"), st.integers(1, 6)), min_size=2, max_size=25).map(
    lambda runs: "".join(letter * times for letter, times in runs)
)


def _folded(tracker: Tracker, reports: Iterable[Report]) -> list[StateChange]:
    return [change for report in reports for change in tracker.fold(report)]


@settings(max_examples=extent.examples(200), deadline=None)
@given(cycles=LETTERS, share=st.floats(0, 1), raise_after=st.integers(1, 4), clear_after=st.integers(1, 4))
def test_states_survive_a_restart_at_any_cycle(cycles: str, share: float, raise_after: int, clear_after: int) -> None:
    reports = list(lettered(cycles))
    at = round(share * len(reports))
    whole = Tracker(raise_after=raise_after, clear_after=clear_after)
    first, second = (Tracker(raise_after=raise_after, clear_after=clear_after) for _ in range(2))
    before = _folded(first, reports[:at])
    assert second.restore(json.loads(json.dumps(first.saved(redact=False))))
    assert [*before, *_folded(second, reports[at:])] == _folded(whole, reports)
    for name in ("cycles", "status", "status_since", "reported", "raised", "flapping", "is_verdict_flapping"):
        assert getattr(second, name) == getattr(whole, name)
    assert second.saved(redact=False) == whole.saved(redact=False)


def test_a_report_with_facts_of_every_step_survives_it() -> None:
    first, second = (Tracker(raise_after=1, clear_after=1) for _ in range(2))
    first.fold(report_of("gateway-group-for-the-appliance"))
    assert first.raised
    assert second.restore(json.loads(json.dumps(first.saved(redact=False))))
    assert second.raised == first.raised
    assert second._known.keys() == first._known.keys()
    assert second.fold(report_of("gateway-group-for-the-appliance")) == ()  # the finding is raised already


@pytest.mark.parametrize(
    "spoil",
    [
        lambda saved: None,
        lambda saved: [],
        lambda saved: {},
        lambda saved: {**saved, "version": 2},
        lambda saved: {**saved, "status": "fine"},
        lambda saved: {**saved, "status_since": "yesterday"},
        lambda saved: {**saved, "cycles": "3"},
        lambda saved: {**saved, "statuses": None},
        lambda saved: {**saved, "reported": {"seen": 1}},
        lambda saved: {**saved, "known": {"TCP001@backup": {}}},
        lambda saved: {**saved, "services": {"backup": {}}},
        lambda saved: {**saved, "signs": [1]},
        lambda saved: {**saved, "known": {key: {**known, "finding": 1} for key, known in saved["known"].items()}},
        lambda saved: {
            **saved,
            "known": {key: {**known, "observations": [1]} for key, known in saved["known"].items()},
        },
    ],
)
def test_a_state_that_cannot_be_read_changes_nothing(spoil: Callable[[Any], Any]) -> None:
    first, second = (Tracker(raise_after=1, clear_after=1) for _ in range(2))
    _folded(first, lettered("CC"))
    before = second.saved(redact=False)
    assert not second.restore(spoil(json.loads(json.dumps(first.saved(redact=False)))))
    assert second.saved(redact=False) == before


def test_a_redacted_state_names_nothing() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(report_of("one-zone-silent"))
    assert tracker.saved(redact=False)["known"]
    saved = tracker.saved(redact=True)
    assert (saved["known"], saved["status"]) == ({}, "critical")
    assert "10.0." not in json.dumps(saved)


# --- The watch -------------------------------------------------------------------------------------------------------

pytest_virtual = pytest.mark.virtual_clock(loop=PatientLoop)


@pytest.fixture(scope="module", autouse=True)
def _kept() -> None:
    """Make the measurements before the loop of a test runs, since each measurement uses its own loop."""
    for name in ("healthy", "one-zone-silent"):
        measurement_of(name)
        report_of(name)


async def _measured(_: Settings, __: Emit, ___: CancelToken) -> Measurement:
    """Return a measurement that was made earlier, without waiting."""
    return measurement_of("healthy")


async def _watched(reports: Iterator[Report], cycles: int, path: Path | None, **how: Any) -> Watched:
    history = None if path is None else writer(path)
    return await watched(
        job(_measured, judge=lambda _: next(reports), cycles=cycles, history=history, **how),
    )


@pytest_virtual
@pytest.mark.parametrize("cycles", ["..CCCC....", "C.C.C.C.C.", "CCWWWe--.."])
async def test_two_watches_say_what_one_says(tmp_path: Path, cycles: str) -> None:
    uninterrupted = await _watched(lettered(cycles), len(cycles), None)
    reports = lettered(cycles)
    said: list[str] = []
    for number in (3, 1, len(cycles) - 4):
        said += (await _watched(reports, number, tmp_path / "h.db")).lines
    assert said == uninterrupted.lines
    assert said
    assert [path.name for path in tmp_path.iterdir()] == ["h.db"]  # the history is closed, so it is one file
    with HistoryReader(tmp_path / "h.db") as history:
        kept = list(history.changes(None))
        assert [f"{change.text}\n" for change in kept] == said
        assert [row.run_id for row in history.cycles(None)] == [f"run-{n}" for n in range(1, len(cycles) + 1)]
        for change in kept:
            assert history.report(change.cycle)[1] == change.cycle


class _Full:
    """A history on a disk that is full for some cycles."""

    path = Path("/var/lib/backuplink/h.db")

    def __init__(self, *fails: bool) -> None:
        self._fails = iter(fails)
        self.entries: list[Entry] = []

    def state(self, _: str) -> Any:
        raise HistoryError("No space left on device")

    def append(self, entry: Entry) -> None:
        if next(self._fails):
            raise HistoryError("No space left on device")
        self.entries.append(entry)

    def close(self) -> None:
        raise HistoryError("No space left on device")


@pytest_virtual
@pytest.mark.parametrize("format_", ["text", "ndjson"])
async def test_a_full_disk_is_said_once_counted_and_holds_nothing_up(format_: str) -> None:
    full = _Full(False, True, True, False, True)
    reports = itertools.repeat(report_of("healthy"))
    done = await watched(
        job(_measured, judge=lambda _: next(reports), cycles=5, history=full, format=format_),
    )
    errors = [line for line in done.lines if "history" in line or "without the states" in line]
    assert errors == [
        "this watch starts without the states of the watch before it: "
        "/var/lib/backuplink/h.db: No space left on device\n",
        "this cycle is not in the history: /var/lib/backuplink/h.db: No space left on device\n",
        "the history /var/lib/backuplink/h.db is written again\n",
        "this cycle is not in the history: /var/lib/backuplink/h.db: No space left on device\n",
    ]
    assert [entry.lost for entry in full.entries] == [0, 2]
    samples = samples_in(done.watch._metrics())
    assert samples["backuplink_watch_history_lost_cycles_total", frozenset()] == 3
    assert samples["backuplink_watch_cycles_total", frozenset()] == 5
    lost = [json.loads(line) for text in done.documents for line in text.splitlines() if '"history"' in line]
    assert [line["lost_cycles"] for line in lost] == ([1, 2, 3] if format_ == "ndjson" else [])
    for line in lost:
        assert line["reason"] == "/var/lib/backuplink/h.db: No space left on device"
        assert line["run"]["id"] == report_of("healthy").run.id


@pytest_virtual
async def test_old_cycles_that_stay_are_said_and_nothing_is_lost() -> None:
    class Unpruned(_Full):
        def append(self, entry: Entry) -> None:
            self.entries.append(entry)
            if len(self.entries) == 1:
                raise NotPrunedError("disk I/O error")

    history = Unpruned()
    done = await watched(job(_measured, cycles=3, history=history))
    errors = [line for line in done.lines if "old cycles" in line or "is not in the history" in line]
    where = "/var/lib/backuplink/h.db: disk I/O error"
    assert errors == [f"old cycles could not be removed from the history: {where}\n"]
    assert [entry.lost for entry in history.entries] == [0, 0, 0]
    assert samples_in(done.watch._metrics())["backuplink_watch_history_lost_cycles_total", frozenset()] == 0


@pytest_virtual
async def test_a_masked_watch_keeps_no_address(tmp_path: Path) -> None:
    reports = itertools.repeat(report_of("one-zone-silent"))
    done = await _watched(reports, 3, tmp_path / "h.db", redact=True)
    assert done.lines
    for data in (path.read_bytes() for path in tmp_path.iterdir()):
        for secret in (b"10.0.2.17", b"10.0.3.5", b"i-0", b"vpc-0"):
            assert secret not in data
    with HistoryReader(tmp_path / "h.db") as history:
        report, _ = history.report(1)
        steps = [step for row in history.cycles(None) for step in row.outline.steps]
    assert report.run.redacted
    assert not {"10.0.1.17", "10.0.2.17"} & {step.address for step in steps}
    # Without masks, the history has both addresses, so the assertions above would find them.
    await _watched(itertools.repeat(report_of("one-zone-silent")), 1, tmp_path / "open.db")
    assert b"10.0.2.17" in (tmp_path / "open.db").read_bytes()
