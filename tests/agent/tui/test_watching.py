"""The runs that the interface remembers, how it summarises them, and how it shows a past run."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.report.counting import Weight
from agent.report.model import Status
from agent.run.events import ObservationMade
from agent.tui import watching
from agent.tui.actions import (
    CursorMoved,
    ItemSelected,
    LiveShown,
    LogOpened,
    Pane,
    PastShown,
    RunFinished,
    RunRequested,
    WatchToggled,
    WentBack,
)
from agent.tui.drawing import footer, header, lost, path, sparkline, verdict
from agent.tui.lines import ASCII, UNICODE, Tone
from agent.tui.network_path import THIS_HOST
from agent.tui.state import LOG, Phase, State, cursor, exit_code, final_report, ongoing, run_beside, under_cursor
from agent.tui.watch_drawing import key_of, log, log_text, number_in, strip
from agent.tui.watching import LaneTimes, Memory, last_failed, report_of, run_of, times_of
from tests.agent.tui.replays import after, at, ready, recorded, settings, watched, words

BAD, GOOD = "one-zone-silent", "healthy"


def headline(state: State) -> str:
    return " ".join(" ".join(words(list(verdict(state, 300, 2, UNICODE)))[:-1]).split())


def tone_of_word(state: State) -> Tone:
    return verdict(state, 300, 3, UNICODE)[0][0].tone


def stepped(state: State, by: int) -> State:
    run = run_beside(state, by)
    if run is None:
        return after(state, LiveShown())
    report = report_of(state.memory, run)
    assert report is not None
    return after(state, PastShown(run, report))


# --- What the runs say together --------------------------------------------------------------------------------------


async def test_what_comes_and_goes_is_said_with_its_count_and_since_when() -> None:
    state = await watched(*(BAD, GOOD) * 7, BAD)
    assert headline(state).startswith(
        "FLAPPING failed 8 of 15 runs, flapping since 03:04 UTC, the last run: CRITICAL; backup: "
    )
    assert tone_of_word(state) is Tone.FAILED
    ok = await watched(*(BAD, GOOD) * 7)
    assert headline(ok) == (
        "FLAPPING failed 7 of 14 runs, flapping since 03:04 UTC, the last run: OK; "
        "the last failure: backup: 1 of 3 addresses is silent on 443: 10.0.2.17"
    )
    assert tone_of_word(ok) is Tone.WARNING


async def test_one_run_that_is_ok_does_not_clear_a_fault() -> None:
    state = await watched(BAD, BAD, GOOD)
    assert headline(state) == (
        "CRITICAL failed 2 of 3 runs, the last run: OK, not yet confirmed; "
        "the last failure: backup: 1 of 3 addresses is silent on 443: 10.0.2.17"
    )
    assert tone_of_word(state) is Tone.FAILED


async def test_two_runs_that_are_ok_clear_it_and_the_failures_stay_said() -> None:
    state = await watched(BAD, BAD, GOOD, GOOD)
    assert headline(state).startswith("OK failed 2 of 4 runs; ")
    assert tone_of_word(state) is Tone.OK


async def test_the_first_run_that_fails_is_said_at_once() -> None:
    state = await watched(GOOD, GOOD, BAD)
    assert headline(state).startswith("CRITICAL failed 1 of 3 runs; backup: 1 of 3 addresses is silent")


async def test_where_nothing_failed_nothing_is_added() -> None:
    assert headline(await watched(GOOD, GOOD)) == headline(after(ready(), RunFinished(at(GOOD, 0))))


async def test_runs_by_hand_are_judged_one_by_one() -> None:
    state = after(await watched(BAD, BAD, GOOD), WatchToggled(False))
    assert headline(state) == headline(after(ready(), RunFinished(at(GOOD, 0))))


async def test_the_verdict_stands_while_the_next_run_goes_on() -> None:
    state = await watched(BAD, BAD)
    running = after(state, RunRequested(0.0, settings()), *recorded(BAD)[1][:9])
    assert headline(running) == headline(state)
    assert "checks" in words(list(verdict(running, 300, 3, UNICODE)))[-1]


async def test_a_narrowed_or_cancelled_run_is_none_of_the_watch() -> None:
    state = await watched(GOOD, GOOD)
    narrowed = after(state, RunRequested(0.0, settings(), only="backup"), RunFinished(at(BAD, 9)))
    cancelled = after(state, RunRequested(0.0, settings()), RunFinished(at(BAD, 9, interrupted=True)))
    for other in (narrowed, cancelled):
        assert other.memory is state.memory
        assert other.report is not state.report
    assert headline(narrowed).startswith("CRITICAL only backup: ")
    # The next run is compared with the last run that is remembered.
    again = after(narrowed, RunRequested(0.0, settings()), RunFinished(at(GOOD, 10)))
    assert again.memory.log == state.memory.log
    assert again.memory.count == 3


# --- How much is remembered ------------------------------------------------------------------------------------------


async def test_runs_alike_share_a_report() -> None:
    state = await watched(GOOD, GOOD, BAD, BAD, BAD, GOOD)
    assert [run.shown_by for run in state.memory.runs] == [1, 1, 3, 3, 3, 6]
    assert [run.report is not None for run in state.memory.runs] == [True, False, True, False, False, True]
    fifth = run_of(state.memory, 5)
    assert fifth is not None
    shown = report_of(state.memory, fifth)
    assert shown is not None
    assert shown.run.id.endswith("-2")


async def test_so_many_runs_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "RUNS", 5)
    state = await watched(*(BAD, GOOD) * 4)
    assert [run.number for run in state.memory.runs] == [4, 5, 6, 7, 8]
    assert {len(times) for samples in state.memory.samples.values() for times in samples} <= {0, 5}
    assert run_of(state.memory, 3) is None
    assert run_of(state.memory, 9) is None


async def test_a_report_is_kept_as_long_as_it_shows_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "RUNS", 3)
    state = await watched(BAD, *(GOOD,) * 8)
    assert [run.number for run in state.memory.runs] == [7, 8, 9]
    for run in state.memory.runs:
        report = report_of(state.memory, run)
        assert report is not None
        assert report.verdict.status is run.status
    first = report_of(state.memory, state.memory.runs[0])
    assert first is not None
    assert first.run.id.endswith("-1")
    assert sum(run.report is not None for run in state.memory.runs) == 1


@pytest.mark.parametrize(("name", "most"), [("REPORTS", 3), ("OBSERVATIONS", 150)])
async def test_so_many_reports_are_kept_and_always_that_of_the_last_failure(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, name, most)
    state = await watched(BAD, *("two-faults", GOOD) * 2, *(GOOD, "slow-link") * 3)
    kept = [run for run in state.memory.runs if run.report is not None]
    failed = last_failed(state.memory.runs)
    assert failed is not None
    assert len(kept) < len({run.shown_by for run in state.memory.runs})
    assert report_of(state.memory, failed) is not None
    assert kept[-1] is state.memory.runs[-1]
    assert report_of(state.memory, state.memory.runs[0]) is None


async def test_the_log_has_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOGGED", 10)
    state = await watched(*(BAD, GOOD) * 8)
    assert 0 < sum(len(entry.states) + len(entry.steps) for entry in state.memory.log) <= 10
    assert state.memory.log[0].number == 16


async def test_a_lane_that_is_gone_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "ABSENT", 3)
    state = await watched("public-path-works", GOOD, GOOD)
    gone = [lane for lane, samples in state.memory.samples.items() if samples[0] and samples[0][-1] is None]
    assert gone
    assert all(len(state.memory.samples[lane][0]) == 3 for lane in gone)
    later = await watched("public-path-works", *(GOOD,) * 4)
    assert not later.memory.samples.keys() & set(gone)


# --- Times -----------------------------------------------------------------------------------------------------------


def test_loss_average_and_worst() -> None:
    failed, uncounted = Weight.CRITICAL, Weight.NOT_COUNTED
    times = times_of(((0.002, failed, 0.004, uncounted), (0.1, None, failed, None), (), (), ()))
    assert times == LaneTimes(runs=4, failed=3, mean=0.003, worst=0.004)
    assert times.loss == "75%"
    assert lost(times, 40) == "loss 75%, average 3.0 ms, worst 4.0 ms"
    assert lost(times, 30) == "loss 75% avg 3.0 ms max 4.0 ms"
    assert lost(times, 28) == "loss 75% avg 3.0 max 4.0 ms"
    assert lost(times, 22) == "75% avg 3.0 max 4.0 ms"
    assert lost(times, 12) == "loss 75%"
    assert lost(replace(times, worst=3.0), 28) == "75% avg 3.0 ms max 3.0 s"
    assert lost(replace(times, mean=None, worst=None), 28) == "loss 75%"


@pytest.mark.parametrize(
    ("runs", "failed", "shown"), [(500, 0, "0%"), (500, 1, "1%"), (500, 499, "99%"), (3, 3, "100%"), (0, 0, "0%")]
)
def test_a_loss_is_never_rounded_to_none_or_all(runs: int, failed: int, shown: str) -> None:
    assert LaneTimes(runs=runs, failed=failed, mean=None, worst=None).loss == shown


def test_a_failure_that_does_not_count_has_a_sign_of_its_own() -> None:
    line = sparkline((0.001, Weight.CRITICAL, Weight.NOT_COUNTED, None, 0.002), 10, ASCII)
    assert "".join(span.text for span in line) == "+xo #"
    assert [span.tone for span in line if span.text in "xo"] == [Tone.FAILED, Tone.FAINT]


# --- The strip and the log -------------------------------------------------------------------------------------------


async def test_the_strip_has_a_mark_for_each_run() -> None:
    state = await watched(GOOD, BAD, "interception-trusted", "region-unknown", GOOD)
    line = strip(state, 80, ASCII)
    assert "".join(span.text for span in line).strip() == "5 runs since 03:00 UTC  _x!?_"
    assert [span.tone for span in line if span.key is not None] == [
        Tone.OK, Tone.FAILED, Tone.WARNING, Tone.UNKNOWN, Tone.OK,
    ]  # fmt: skip
    assert [number_in(span.key) for span in line if span.key is not None] == [1, 2, 3, 4, 5]
    assert strip(await watched(GOOD), 80, ASCII) == ()


async def test_the_strip_keeps_the_run_that_is_shown_in_sight() -> None:
    state = await watched(*(GOOD,) * 70)
    first = stepped(state, -500)
    assert first.past == 1
    run = run_of(first.memory, 1)
    assert run is not None
    for width in (30, 60, 80):
        for shown, has_more in ((state, "["), (first, "]")):
            line = strip(shown, width, ASCII)
            assert sum(len(span.text) for span in line) <= width
            assert has_more in "".join(span.text for span in line)
        assert any(span.key == key_of(run) for span in strip(first, width, ASCII))


async def test_the_log_says_what_watch_would_report_and_what_changed() -> None:
    state = await watched(GOOD, BAD, BAD)
    text = words(log(state.memory.log, 120))
    third = text.index(" 2026-01-15 03:02:03 UTC  run 3  CRITICAL")
    second = text.index(" 2026-01-15 03:01:03 UTC  run 2  CRITICAL")
    assert third < second
    assert any(line.startswith("   * raised TCP002@backup (critical)") for line in text[third:second])
    assert "     backup: ok -> critical" in text[second:]
    assert text[-2].startswith("   * verdict ok")
    lines = log_text(state.memory.log).splitlines()
    assert lines[0] == "2026-01-15T03:00:00Z run 1: ok"
    assert lines[1].startswith("  * verdict ok")
    assert "    tcp/backup/10.0.2.17/443: ok -> timeout" in lines


async def test_the_log_is_a_page() -> None:
    state = after(await watched(GOOD, BAD), LogOpened())
    assert (under_cursor(state), state.is_whole, state.pane) == (LOG, True, Pane.DETAIL)
    assert not after(state, WentBack()).is_whole


# --- Past runs -------------------------------------------------------------------------------------------------------


async def test_a_past_run_is_shown_as_it_was_with_its_time() -> None:
    state = await watched(GOOD, BAD, GOOD)
    past = stepped(state, -1)
    assert past.past == 2
    shown = words(list(header(past, 120, 2)))[0]
    assert shown.startswith(" PAST run 2 of 3, 2026-01-15 03:01:00 UTC")
    assert "LIVE" not in shown
    alone = after(ready(), RunRequested(0.0, settings()), RunFinished(at(BAD, 1)))
    assert path(replace(past, watching=False), 100, UNICODE) == path(alone, 100, UNICODE)
    assert headline(past) == headline(alone)
    assert past.entries == alone.entries
    assert "a past run, " in words(list(verdict(past, 80, 2, UNICODE)))[-1]
    assert words([footer(past, 80)])[0].startswith(" esc live  [ run before  ] next run  ")


async def test_a_run_that_shares_a_report_says_whose_it_is() -> None:
    state = stepped(await watched(BAD, BAD, GOOD), -1)
    assert words(list(header(state, 200, 2)))[0].startswith(
        " PAST run 2 of 3, 2026-01-15 03:01:00 UTC, same as the run of 03:00:00"
    )


async def test_a_run_of_another_day_says_its_date() -> None:
    state = await watched(BAD)
    later = after(state, RunFinished(at(BAD, 60 * 24)), RunFinished(at(GOOD, 60 * 24 + 1)))
    past = stepped(later, -1)
    assert words(list(header(past, 200, 2)))[0].startswith(
        " PAST run 2 of 3, 2026-01-16 03:00:00 UTC, same as the run of 2026-01-15 03:00:00"
    )


async def test_a_run_of_a_history_which_keeps_milliseconds_is_the_same_run() -> None:
    state = await watched(GOOD, BAD)
    first = state.memory.runs[0]
    cut = replace(first, started_at=first.started_at - timedelta(microseconds=700))
    past = after(
        replace(state, memory=replace(state.memory, runs=(cut, *state.memory.runs[1:]))), PastShown(cut, at(GOOD, 0))
    )
    assert "same as" not in words(list(header(past, 200, 2)))[0]


async def test_runs_go_on_while_a_past_one_is_shown() -> None:
    state = await watched(GOOD, BAD)
    past = stepped(state, -1)
    events = recorded(BAD)[1]
    running = after(past, RunRequested(0.0, settings()), *events)
    assert (running.report, running.checks, running.phase) == (past.report, past.checks, Phase.FINISHED)
    assert ongoing(running).phase is Phase.RUNNING
    assert any(isinstance(event, ObservationMade) for event in events)
    ended = after(running, RunFinished(at(BAD, 2)))
    assert ended.report is past.report
    assert ended.memory.count == 3
    assert len(strip(ended, 80, ASCII)) > len(strip(past, 80, ASCII))
    live = after(ended, LiveShown())
    assert (live.past, live.live) == (None, None)
    assert live.report is not None
    assert live.report.run.id.endswith("-2")
    assert after(ended, WatchToggled(False)).watching is False
    assert ongoing(after(ended, WatchToggled(False))).watching is False


async def test_the_exit_code_is_that_of_the_runs_whatever_is_shown() -> None:
    past = stepped(await watched(GOOD, BAD), -1)
    assert past.report is not None
    assert past.report.verdict.status is Status.OK
    assert exit_code(ongoing(past), "warning") == 2
    assert final_report(ongoing(past)) is ongoing(past).report


async def test_until_a_person_moves_it_the_cursor_is_at_what_failed() -> None:
    assert cursor(await watched(GOOD, GOOD)) == THIS_HOST
    assert cursor(await watched(GOOD, BAD)) == "tcp/backup/10.0.2.17/443"
    mended = await watched(BAD, GOOD, GOOD)
    assert (mended.pane, cursor(mended)) == (Pane.PATH, "lane/backup/10.0.2.17/443")
    assert cursor(after(mended, CursorMoved(-1, 0))) == "lane/backup/10.0.1.17/443"
    assert cursor(after(mended, CursorMoved(-1, 0), RunFinished(at(BAD, 3)))) == "lane/backup/10.0.1.17/443"


async def test_going_back_keeps_the_cursor() -> None:
    state = await watched(GOOD, BAD)
    past = after(stepped(state, -1), ItemSelected(Pane.PATH, "tcp/backup/10.0.2.17/443"), CursorMoved(1, 0))
    back = after(past, WentBack())
    assert back.live is None
    assert (back.cursor, back.pane) == (past.cursor, Pane.PATH)
    assert back.report is ongoing(past).report


async def test_esc_leaves_a_page_of_a_past_run_before_the_run() -> None:
    past = after(stepped(await watched(GOOD, BAD, GOOD), -1), LogOpened())
    once = after(past, WentBack())
    assert (once.is_whole, once.past) == (False, 2)
    assert after(once, WentBack()).past is None


async def test_steps_end_at_the_first_run_and_at_the_last() -> None:
    state = await watched(GOOD, BAD, GOOD)
    first = stepped(stepped(state, -1), -1)
    assert first.past == 1
    with pytest.raises(LookupError):
        run_beside(first, -1)
    with pytest.raises(LookupError):
        run_beside(state, 1)
    with pytest.raises(LookupError):
        run_beside(ready(), -1)
    assert stepped(stepped(first, 1), 1).past is None


async def test_while_a_run_goes_on_the_last_one_is_past() -> None:
    state = after(await watched(GOOD, BAD), RunRequested(0.0, settings()))
    assert stepped(state, -1).past == 2
    assert stepped(stepped(state, -1), 1).past is None


async def test_a_run_that_is_forgotten_meanwhile_stays_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "RUNS", 2)
    past = stepped(await watched(GOOD, BAD), -1)
    later = after(past, RunFinished(at(GOOD, 2)), RunFinished(at(BAD, 3)))
    assert later.report is past.report
    assert words(list(header(later, 120, 2)))[0].startswith(" PAST run 1, 2026-01-15 03:00:00 UTC")
    assert stepped(later, 1).past == 3
    with pytest.raises(LookupError):
        run_beside(later, -1)


def test_nothing_is_remembered_at_first() -> None:
    assert Memory().count == 0
    assert last_failed(()) is None
    assert run_of(Memory(), 1) is None
