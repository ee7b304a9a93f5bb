"""The content of the interface depends only on the actions, and not on a terminal, a clock or a network."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from agent.report import exits
from agent.report.counting import Weight
from agent.report.path import Progress
from agent.run.events import ObservationMade, RunStarted, StepPlanned, StepStarted, TargetsKnown
from agent.tui.actions import (
    Action,
    ClockTicked,
    CursorMoved,
    DetailOpened,
    FilterChanged,
    FindingsToggled,
    HistoryRead,
    ItemSelected,
    LiveShown,
    MessageShown,
    Pane,
    PaneChanged,
    PastShown,
    RunFinished,
    RunRequested,
    RunScheduled,
    SettingsChanged,
    WatchToggled,
    WentBack,
)
from agent.tui.drawing import caption, causes, path, verdict
from agent.tui.lines import ASCII, UNICODE, Tone
from agent.tui.network_path import THIS_HOST
from agent.tui.state import (
    CHANGED,
    Phase,
    State,
    cursor,
    exit_code,
    final_report,
    finding_under_cursor,
    marked,
    saved,
    selected_entry,
    target_under_cursor,
    under_cursor,
)
from probes.model import Step
from tests.agent.tui.replays import after, at, folded, lanes, ready, recorded, report_of, settings, watched, words
from tests.support import scenarios
from tests.support.extent import one_in


@pytest.mark.parametrize(
    ("name", "status", "shown", "codes"),
    [
        pytest.param("healthy", "OK", "10.0.1.17 euw1-az1 443 ok 2.0 ms ok 2.0 ms ok 2.0 ms", (), id="healthy"),
        pytest.param(
            "one-zone-silent",
            "CRITICAL",
            "10.0.2.17 443 TIMEOUT 3.0 s skipped skipped skipped",
            ("TCP002",),
            id="one silent zone",
        ),
        pytest.param(
            "gateway-ports-missing",
            "CRITICAL",
            "1031 TIMEOUT 3.0 s skipped x data plane",
            ("TCP003",),
            id="ports missing",
        ),
        pytest.param("port-refused", "CRITICAL", "REFUSED", ("TCP004",), id="refused"),
        pytest.param("tls-intercepted", "CRITICAL", "ok 2.0 ms UNTRUSTED", ("TLS001",), id="interception"),
        pytest.param(
            "endpoint-policy-denies", "CRITICAL", "ok 2.0 ms ACCESS-DENIED x API", ("IAM002",), id="policy denied"
        ),
        pytest.param(
            "mtu-black-hole",
            "CRITICAL",
            "ok 2.0 ms TIMEOUT 3.0 s skipped skipped x API",
            ("TLS004",),
            id="large packets are lost",
        ),
        pytest.param("ipv6-broken", "WARNING", "2600:1f18:0:1::17", ("TCP008",), id="IPv6"),
    ],
)
def test_a_run_ends_in_lanes_a_verdict_and_causes(name: str, status: str, shown: str, codes: tuple[str, ...]) -> None:
    state = folded(name)

    flat = [" ".join(line.replace("─", " ").replace(">", " ").split()) for line in lanes(state, 110)]
    assert any(shown in line for line in flat), flat
    assert words(list(verdict(state, 100, 3, UNICODE)))[0].split()[0] == status
    assert tuple(entry.key.split("/")[1].split("@")[0] for entry in state.entries) == codes


@pytest.mark.parametrize(
    "name",
    [
        "name-does-not-exist",
        "resolver-silent",
        "proxy-captures",
        "no-credentials",
        "region-unknown",
        "deadline-too-short",
    ],
)
def test_a_report_that_was_saved_is_shown_as_the_run_was(name: str) -> None:
    live, kept = folded(name), saved("kept", report_of(name))

    assert kept.picture == live.picture
    assert kept.entries == live.entries
    assert kept.settings is None


def test_hops_fill_in_as_they_are_measured() -> None:
    state = after(ready(), RunRequested(0.0, settings()))
    seen: list[Progress] = []
    for event in recorded("one-zone-silent")[1]:
        state = after(state, event)
        check = state.checks.get("tcp/backup/10.0.2.17/443")
        if check is not None and (not seen or seen[-1] is not check.progress):
            seen.append(check.progress)

    assert seen == [Progress.WAITING, Progress.RUNNING, Progress.FAILED]
    assert state.entries == ()
    assert state.phase is Phase.RUNNING


def test_the_order_of_events_makes_no_difference_to_the_picture() -> None:
    events = recorded("gateway-ports-missing")[1]
    ahead = [event for event in events if isinstance(event, RunStarted | TargetsKnown)]
    observed = [event for event in events if isinstance(event, ObservationMade)]
    started = after(ready(), RunRequested(0.0, settings()), *ahead)

    assert after(started, *observed).picture == after(started, *reversed(observed)).picture


def test_rows_that_are_shown_keep_their_order_while_a_run_lasts() -> None:
    state = after(ready(), RunRequested(0.0, settings()))
    before: list[str] = []
    for event in recorded("gateway-ports-missing")[1]:
        state = after(state, event)
        rows = [row[0] for row in state.rows]
        assert [row for row in before if row in rows] == [row for row in rows if row in before]
        before = rows


def test_progress_counts_checks_and_the_deadline() -> None:
    events = recorded("one-zone-silent")[1]
    places = [place for place, event in enumerate(events) if isinstance(event, ObservationMade)]
    state = after(folded("one-zone-silent", places[11] + 1), ClockTicked(3.14))

    lines = words(list(verdict(state, 80, 3, UNICODE)))
    assert lines[0] == " RUNNING  checking backup and backup-gateway"
    assert lines[1].startswith("          █████░░░░░░░░░░░░░░░ 12 of 47 checks, at most 16.9 s left")


def test_the_progress_of_a_run_that_is_late_stays_within_its_deadline() -> None:
    state = after(folded("healthy", 3), ClockTicked(99.0))

    assert "at most 0.0 s left" in words(list(verdict(state, 80, 3, UNICODE)))[1]


def test_what_was_announced_and_begun_is_said() -> None:
    events = recorded("healthy")[1]
    announced = next(event for event in events if isinstance(event, StepPlanned))
    started = next(event for event in events if isinstance(event, StepStarted))
    state = after(ready(), RunRequested(0.0, settings()), announced, started)

    assert [cell.progress for cell in state.picture.host] == [Progress.RUNNING]


@pytest.mark.parametrize("name", one_in(6, scenarios.names()))
def test_nothing_is_shown_as_ok_that_is_not(name: str) -> None:
    state = replace(folded(name), unfolded=True)

    shown = state.picture
    drawn = list(path(replace(state, filter=""), 200, ASCII))
    for band in shown.bands:
        for lane in band.lanes:
            hops = [cell for cell in lane.cells if cell is not None]
            assert (lane.progress is Progress.OK) == all(cell.progress is Progress.OK for cell in hops)
            row = next(line for line in drawn if any(s.key == hops[0].key for s in line))
            if any(cell.progress is not Progress.OK for cell in hops):
                assert not any("->" in span.text for span in row)
    lanes = [lane for band in shown.bands for lane in band.lanes]
    cells = [*shown.host, *(cell for band in shown.bands for cell in band.names)]
    cells += [cell for lane in lanes for cell in (*lane.cells, *lane.extras) if cell is not None]
    for cell in cells:
        results = {state.checks[check].progress for check in cell.checks}
        assert (cell.progress is Progress.OK) == (results == {Progress.OK})
        assert cell.progress is Progress.OK or not any(words.startswith("ok") for words in cell.texts)


def test_a_proxy_is_in_use_which_is_neither_good_nor_bad() -> None:
    state = folded("proxy-captures")
    text = " ".join(words(list(path(state, 80, ASCII))))
    spans = [span for line in path(state, 80, ASCII) for span in line if span.text.startswith("in use")]

    assert "proxy in use  " in text
    assert spans
    assert {span.tone for span in spans} == {Tone.PLAIN}


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("name", ["proxy-captures", "two-faults", "gateway-ports-missing", "credentials-search-stalls"])
def test_cells_side_by_side_stand_apart(name: str, width: int) -> None:
    for line in path(folded(name), width, ASCII):
        for span, following in pairwise(line):
            if span.key is not None and following.key is not None and span.key != following.key:
                assert span.text.endswith(" ") or following.text.startswith(" "), words([line])


def test_a_public_address_says_so_where_its_zone_would_be() -> None:
    state = folded("public-path-works")
    places = {lane.where for band in state.picture.bands for lane in band.lanes}

    assert places == {"public"}
    assert any(" public " in line for line in lanes(state, 80))


# --- Several runs ----------------------------------------------------------------------------------------------------


def again(*names: str) -> State:
    """The state after runs of these scenarios with the same settings."""
    state = ready()
    for name in names:
        state = after(state, RunRequested(0.0, settings()), *recorded(name)[1], RunFinished(report_of(name)))
    return state


def test_a_second_run_waits_in_the_places_of_the_first() -> None:
    first = again("one-zone-silent")
    second = after(first, RunRequested(0.0, settings()))

    assert second.rows == first.rows
    assert all(check.is_old for check in second.checks.values())
    assert second.entries == first.entries


def test_the_last_result_of_a_step_is_faint_until_there_is_a_new_one() -> None:
    events = recorded("healthy")[1]
    name = "tcp/backup/10.0.2.17/443"
    upto = next(
        n for n, event in enumerate(events) if isinstance(event, ObservationMade) and event.observation.id == name
    )
    running = after(again("one-zone-silent"), RunRequested(0.0, settings()), *events[:upto])

    def drawn(state: State) -> tuple[str, Tone]:
        return next((s.text.strip(), s.tone) for line in path(state, 120, UNICODE) for s in line if s.key == name)

    assert drawn(again("one-zone-silent")) == ("TIMEOUT 3.0 s", Tone.FAILED)
    assert drawn(running) == ("TIMEOUT 3.0 s", Tone.FAINT)
    assert drawn(after(running, events[upto])) == ("ok 2.0 ms", Tone.OK)
    assert any(isinstance(event, StepStarted) and event.subject.id == name for event in events[:upto])


@pytest.mark.parametrize(
    "changed", [{"region": "eu-central-1"}, {"fips": True}, {"dual_stack": True}, {"profile": "other"}]
)
def test_a_run_of_other_names_begins_with_nothing(changed: dict[str, object]) -> None:
    state = after(again("healthy"), RunRequested(0.0, replace(settings(), **changed)))  # type: ignore[arg-type]

    assert state.checks == {}


def test_a_second_run_says_what_it_changed() -> None:
    state = again("one-zone-silent", "healthy")

    entry = next(entry for entry in state.entries if entry.key == CHANGED)
    assert entry.text == "since 03:00:00 UTC: critical -> ok, 1 finding gone, 1 step changed"
    (logged,) = state.memory.log
    assert [line.text for line in logged.steps] == [
        "TCP002@backup is gone: 1 of 3 addresses is silent on 443: 10.0.2.17",
        "backup: critical -> ok",
        "tcp/backup/10.0.2.17/443: timeout -> ok",
    ]
    assert {line.tone for line in logged.steps} == {Tone.OK}


def test_the_log_has_the_latest_run_first_each_with_its_time() -> None:
    state = again("healthy", "one-zone-silent", "healthy")

    assert [(logged.number, f"{logged.at:%H:%M:%S}") for logged in state.memory.log] == [
        (3, "03:00:00"),
        (2, "03:00:03"),
    ]
    assert {line.tone for line in state.memory.log[1].steps} == {Tone.FAILED}


def test_two_runs_alike_change_nothing() -> None:
    state = again("healthy", "healthy")

    assert [entry.text for entry in state.entries] == ["since 03:00:00 UTC: nothing"]
    assert state.memory.log == ()


def test_runs_without_a_target_in_common_are_not_compared() -> None:
    state = again("healthy", "region-unknown")

    assert state.difference is None
    entry = next(entry for entry in state.entries if entry.key == CHANGED)
    assert entry.text.startswith("not comparable with the run before: the reports have no target in common")


def test_each_run_leaves_its_times() -> None:
    state = again("healthy", "one-zone-silent", "healthy")

    failed, skipped = (0.002, Weight.CRITICAL, 0.002), (0.002, None, 0.002)
    assert state.memory.samples["lane/backup/10.0.2.17/443"] == (failed, skipped, skipped, skipped, ())
    assert state.memory.samples["lane/backup/10.0.1.17/443"] == (*((0.002, 0.002, 0.002),) * 4, ())
    assert state.memory.samples["names/backup"] == ((), (), (), (), (0.002, 0.002, 0.002))


def test_a_wrong_answer_is_a_failure_among_the_times_of_lookups() -> None:
    state = after(again("healthy", "private-dns-off", "healthy"), WatchToggled(True))

    assert state.memory.samples["names/backup"][-1] == (0.002, Weight.CRITICAL, 0.002)
    (below,) = [line for line in words(list(path(state, 100, UNICODE))) if "█x█" in line and "10.0." not in line]
    assert " ".join(below.split()) == "│ 33% avg 2.0 max 2.0 ms █x█ to 2.0 ms"


def test_one_scale_holds_for_the_times_of_a_column() -> None:
    state = after(again("healthy", "healthy"), WatchToggled(True))
    slow = {"lane/backup/10.0.1.17/443": ((0.001, 0.008), (0.002,), (), (0.3,), ())}
    state = replace(state, memory=replace(state.memory, samples={**state.memory.samples, **slow}))

    assert dict(state.tops(1)) == {Step.TCP: 0.008, Step.TLS: 0.002, Step.HTTP: 0.002, Step.API: 0.3, Step.DNS: 0.002}
    lines = words(list(path(state, 120, UNICODE)))
    (slower,) = [line for line in lines if "▂█" in line]  # 1 ms, then 8 ms
    assert slower.count("▂▂") == 0
    assert [line.split()[-4] for line in lines if "▃▃" in line] == ["▃▃"] * 2  # 2 ms for the other lanes
    head = words([caption(120, UNICODE, is_active=True, tops=state.tops(1))])[0]
    assert [step for step in ("TCP to 8.0 ms", "TLS to 2.0 ms", "API to 300 ms") if step not in head] == []
    narrow = words([caption(80, UNICODE, is_active=True, tops=state.tops(1))])[0]
    assert "TCP 8.0ms" in narrow
    assert "to " not in words([caption(120, UNICODE, is_active=True)])[0]


def test_a_step_that_a_port_does_not_have_leaves_no_times() -> None:
    state = again("gateway-healthy", "gateway-healthy")

    lane = next(
        lane
        for band in state.picture.bands
        for lane in band.lanes
        if lane.cells[-1] is None and lane.cells[0] is not None
    )
    assert [len(times) for times in state.memory.samples[lane.key]] == [2, 2 if lane.cells[1] else 0, 0, 0, 0]


def test_a_watch_says_when_it_runs_again() -> None:
    at = datetime(2026, 1, 15, 3, 1, tzinfo=UTC)
    state = after(again("healthy"), WatchToggled(True), RunScheduled(at))

    for width in (60, 80, 100):
        assert "watching, next at 03:01:00 UTC" in words(list(verdict(state, width, 2, UNICODE)))[-1]
    assert after(state, WatchToggled(False)).next_at is None


def test_a_watch_draws_the_times_below_each_lane() -> None:
    state = after(again("healthy", "one-zone-silent", "healthy"), WatchToggled(True))

    below = [" ".join(line.split()) for line in words(list(path(state, 100, UNICODE))) if "█x█" in line]
    assert below == ["│ loss 33% avg 2.0 max 2.0 ms █x█ █ █ █ █ █ █"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hana-without-storage-endpoint", "vpc-0a1b2c3d4e5f67890 has no endpoint of backup-storage [VPC001]"),
        ("one-zone-silent", "1 of 3 addresses is silent on 443: 10.0.2.17 (backup) [TCP002]"),
    ],
)
def test_a_cause_names_its_target_once(name: str, text: str) -> None:
    assert saved("kept", report_of(name)).entries[0].text == text


# --- The cursor ------------------------------------------------------------------------------------------------------


def test_the_cursor_goes_through_rows_and_hops_and_stops_at_the_ends() -> None:
    state = after(saved("kept", report_of("one-zone-silent")), ItemSelected(Pane.PATH, THIS_HOST))

    assert cursor(after(state, CursorMoved(1))) == "settings"
    down = after(state, CursorMoved(2))
    assert cursor(down) == "target/backup"
    lane = after(down, CursorMoved(3))
    assert cursor(lane) == "lane/backup/10.0.2.17/443"
    hop = after(lane, CursorMoved(0, 1))
    assert cursor(hop) == "tcp/backup/10.0.2.17/443"
    assert cursor(after(hop, CursorMoved(0, 2))) == "http/backup/10.0.2.17/443"
    assert cursor(after(hop, CursorMoved(0, 99))) == "api/backup/10.0.2.17/443"
    assert cursor(after(hop, CursorMoved(0, -99))) == "lane/backup/10.0.2.17/443"
    assert cursor(after(hop, CursorMoved(-99))) == THIS_HOST
    assert cursor(after(hop, CursorMoved(-4))) == "imds"
    assert cursor(after(state, CursorMoved(-1))) == THIS_HOST
    assert cursor(after(state, CursorMoved(999))) == state.rows[-1][0]


def test_the_cursor_keeps_its_column_over_rows_that_are_shorter() -> None:
    state = after(saved("kept", report_of("one-zone-silent")), ItemSelected(Pane.PATH, "api/backup/10.0.1.17/443"))

    assert cursor(after(state, CursorMoved(-2))) == "target/backup"
    assert cursor(after(state, CursorMoved(-2), CursorMoved(2))) == "api/backup/10.0.1.17/443"


def test_the_cursor_stays_on_what_it_is_on_while_rows_come() -> None:
    state = after(ready(), RunRequested(0.0, settings()))
    chosen = "lane/backup/10.0.3.17/443"
    seen = 0
    for event in recorded("one-zone-silent")[1]:
        state = after(state, event)
        if seen == 0 and any(chosen in row for row in state.rows):
            state = after(state, ItemSelected(Pane.PATH, chosen))
        if state.touched:
            seen += 1
            assert cursor(state) == chosen
    assert seen > 10
    assert cursor(after(state, RunFinished(report_of("one-zone-silent")))) == chosen


def test_a_cursor_whose_row_is_gone_is_at_the_top_until_it_is_back() -> None:
    state = after(again("one-zone-silent"), ItemSelected(Pane.PATH, "lane/backup/10.0.2.17/443"))

    gone = after(state, FilterChanged("10.0.1.17"))
    assert cursor(gone) == THIS_HOST
    assert cursor(after(gone, FilterChanged(""))) == "lane/backup/10.0.2.17/443"


def test_who_has_touched_nothing_is_shown_the_first_cause() -> None:
    state = again("one-zone-silent")

    assert state.pane is Pane.CAUSES
    assert under_cursor(state) == "finding/TCP002@backup"
    assert marked(state) == {"tcp/backup/10.0.2.17/443"}


def test_whoever_has_moved_stays_where_they_are() -> None:
    state = after(ready(), RunRequested(0.0, settings()), *recorded("one-zone-silent")[1], CursorMoved(1))

    ended = after(state, RunFinished(report_of("one-zone-silent")))
    assert (ended.pane, cursor(ended)) == (Pane.PATH, cursor(state))
    assert marked(ended) == frozenset()


def test_tab_goes_round_the_parts() -> None:
    state = saved("kept", report_of("healthy"))

    assert [after(state, *[PaneChanged(1)] * n).pane for n in range(4)] == [*Pane, Pane.PATH]
    assert after(state, PaneChanged(-1)).pane is Pane.DETAIL
    assert after(state, FindingsToggled(), PaneChanged(1), PaneChanged(1)).pane is Pane.CAUSES


def test_the_detail_is_about_the_part_that_keys_went_to_last() -> None:
    state = again("one-zone-silent")

    assert after(state, PaneChanged(1)).source is Pane.CAUSES
    assert after(state, PaneChanged(-1), PaneChanged(-1)).source is Pane.PATH


def test_the_detail_scrolls_within_its_lines() -> None:
    state = after(again("one-zone-silent"), PaneChanged(1))

    assert after(state, CursorMoved(5, most=3)).scrolled == 3
    assert after(state, CursorMoved(5, most=30), CursorMoved(-9, most=30)).scrolled == 0
    assert after(state, CursorMoved(5, most=30), ItemSelected(Pane.CAUSES, "finding/TCP002@backup")).scrolled == 0


def test_enter_opens_and_esc_goes_back_step_by_step() -> None:
    state = after(again("one-zone-silent"), FindingsToggled(), FilterChanged("tcp"), DetailOpened())

    assert state.is_whole
    steps = [after(state, *[WentBack()] * n) for n in range(1, 5)]
    assert [(step.is_whole, step.filter, step.findings_only) for step in steps] == [
        (False, "tcp", True),
        (False, "", True),
        (False, "", False),
        (False, "", False),
    ]


# --- Filter, findings, words -----------------------------------------------------------------------------------------


def test_the_filter_leaves_lanes_and_causes_that_have_the_words() -> None:
    state = after(again("two-faults-zone-and-policy"), FilterChanged("TimeOut"))

    assert [lane.key for band in state.picture.bands for lane in band.lanes] == ["lane/backup/10.0.2.17/443"]
    assert state.hidden_lanes > 0
    assert state.entries == ()


@pytest.mark.parametrize("wanted", ["443 timeout", "  timeout   443 ", "backup timeout 10.0.2.17"])
def test_the_filter_takes_all_words_in_any_order(wanted: str) -> None:
    state = after(again("one-zone-silent"), FilterChanged(wanted))

    assert [lane.key for band in state.picture.bands for lane in band.lanes] == ["lane/backup/10.0.2.17/443"]


def test_the_filter_takes_all_words_of_a_cause() -> None:
    state = again("one-zone-silent")

    assert after(state, FilterChanged("answer CRITICAL")).entries == state.entries
    assert after(state, FilterChanged("   ")).entries == state.entries
    assert after(state, FilterChanged("answer nowhere")).entries == ()
    assert after(state, FilterChanged("answer nowhere")).hidden_causes == 1


def test_the_filter_takes_a_target_as_a_whole() -> None:
    state = after(again("gateway-ports-missing"), FilterChanged("backup-gateway."))

    assert [len(band.lanes) for band in state.picture.bands] == [12]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param((), id="not moved"),
        pytest.param((ItemSelected(Pane.PATH, "tcp/backup/10.0.2.17/443"),), id="on a step"),
        pytest.param((ItemSelected(Pane.CAUSES, "finding/TCP002@backup"),), id="on a cause"),
        pytest.param((ItemSelected(Pane.PATH, "lane/backup/10.0.3.17/443"), PaneChanged(2)), id="in the detail"),
    ],
)
@pytest.mark.parametrize("back", [FindingsToggled(), WentBack()])
def test_the_cursor_is_where_it_was_when_everything_is_shown_again(before: tuple[Action, ...], back: Action) -> None:
    state = after(saved("kept", report_of("one-zone-silent")), *before)
    again = after(state, FindingsToggled(), back)
    assert (again.findings_only, again.pane, again.source) == (False, state.source, state.source)
    assert (cursor(again), under_cursor(again)) == (cursor(state), under_cursor(state))


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("name", ["healthy", "one-zone-silent"])
def test_the_facts_and_the_note_of_a_verdict_are_whole(name: str, width: int) -> None:
    state = saved("kept", report_of(name))
    brief = words(list(verdict(state, width, 2, ASCII)))[1]
    assert "..." not in brief
    assert brief.split(", ")[:2] == [brief.split(", ")[0], "path private"]
    assert (", judged as caller" in brief) is (width >= 80)
    *_, facts, note = words(list(verdict(state, width, 4, ASCII)))
    if width >= 80:
        assert "judged" not in facts
        assert note.strip() == "Judged as caller: no workload found or named (see --workload)."


def test_findings_only_show_what_follows_from_them() -> None:
    name = next(
        candidate
        for candidate in ("two-faults-metadata-and-interception", "metadata-silent", "tls-intercepted")
        if any(finding.explained_by for finding in report_of(candidate).findings)
    )
    state = after(again(name), FindingsToggled())

    report = report_of(name)
    assert len(state.entries) == len(report.findings)
    assert any(entry.depth for entry in state.entries)
    assert len(again(name).entries) < len(report.findings)


def test_findings_that_nothing_explains_after_all_are_causes() -> None:
    report = report_of("one-zone-silent")
    ids = {"a": "b", "b": "a", "c": "a", "d": "nobody", "e": "d", "f": "f", "g": None}
    odd = replace(
        report,
        findings=tuple(replace(report.findings[0], id=name, explained_by=above) for name, above in ids.items()),
    )
    state = saved("odd", odd)

    assert [entry.key for entry in state.entries] == [f"finding/{name}" for name in "abdfg"]
    every = after(state, FindingsToggled()).entries
    assert [(entry.key[-1], entry.depth) for entry in every] == [
        ("a", 0), ("c", 1), ("b", 0), ("d", 0), ("e", 1), ("f", 0), ("g", 0),
    ]  # fmt: skip


def test_what_is_said_is_said_until_the_next_key() -> None:
    state = after(ready(), MessageShown("saved"))

    assert state.message == "saved"
    assert after(state, ClockTicked(1.0)).message == "saved"
    assert after(state, CursorMoved(1)).message == ""


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        ("tcp/backup/10.0.2.17/443", "TCP002@backup"),
        ("lane/backup/10.0.2.17/443", "TCP002@backup"),
        ("target/backup", "TCP002@backup"),
        ("tcp/backup/10.0.1.17/443", None),
        (THIS_HOST, None),
    ],
)
def test_what_the_cursor_is_on_has_its_finding(key: str, finding: str | None) -> None:
    under_cursor = finding_under_cursor(after(again("one-zone-silent"), ItemSelected(Pane.PATH, key)))

    assert (None if under_cursor is None else under_cursor.id) == finding


@pytest.mark.parametrize(
    ("pane", "key", "target"),
    [
        (Pane.PATH, "lane/backup-gateway/10.0.1.27/1026", "backup-gateway"),
        (Pane.PATH, "names/backup-gateway", "backup-gateway"),
        (Pane.PATH, "dns/backup-gateway/10.0.0.2", "backup-gateway"),
        (Pane.PATH, THIS_HOST, None),
        (Pane.CAUSES, "finding/TCP003@backup-gateway", "backup-gateway"),
    ],
)
def test_what_the_cursor_is_on_has_its_target(pane: Pane, key: str, target: str | None) -> None:
    under_cursor = target_under_cursor(after(again("gateway-ports-missing"), ItemSelected(pane, key)))

    assert (None if under_cursor is None else under_cursor.id) == target


def test_a_chosen_cause_that_has_gone_gives_way_to_the_first() -> None:
    state = after(again("one-zone-silent"), ItemSelected(Pane.CAUSES, "finding/TCP002@backup"))

    assert selected_entry(after(state, RunRequested(0.0, settings()), RunFinished(report_of("healthy")))) == CHANGED


def test_no_cause_is_named_before_a_run_has_ended() -> None:
    state = folded("one-zone-silent", len(recorded("one-zone-silent")[1]))

    assert "shown after the run" in " ".join(words(list(causes(state, 80))))


def test_settings_are_those_of_the_next_run() -> None:
    other = replace(settings(), timeout=1.0)
    state = after(again("healthy"), SettingsChanged(other, 30.0))

    assert (state.settings, state.interval) == (other, 30.0)
    assert state.phase is Phase.FINISHED


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        (CursorMoved(1), {"picture", "rows", "entries"}),
        (PaneChanged(1), {"picture", "rows", "entries"}),
        (ClockTicked(1.0), {"picture", "rows", "entries"}),
        (FindingsToggled(), {"picture", "rows"}),
        (FilterChanged("x"), set()),
        (RunRequested(0.0, settings()), {"entries"}),
        (RunFinished(report_of("healthy")), set()),
        (recorded("healthy")[1][-1], {"entries"}),
    ],
    ids=lambda action: type(action).__name__,
)
def test_what_is_derived_is_kept_only_as_long_as_it_holds(action: Action, kept: set[str]) -> None:
    names = ("picture", "rows", "entries")
    state = again("one-zone-silent")
    path(state, 80, UNICODE)
    before = {name: getattr(state, name) for name in names}
    reduced = after(state, action)

    assert {name for name in names if getattr(reduced, name) is before[name]} == kept
    fresh = replace(reduced)
    assert [getattr(reduced, name) for name in names] == [getattr(fresh, name) for name in names]
    assert path(reduced, 80, UNICODE) == path(fresh, 80, UNICODE)


async def test_a_past_run_is_drawn_as_if_nothing_had_been_drawn_before() -> None:
    state = await watched("one-zone-silent", "healthy", "one-zone-silent")
    drawn = path(state, 80, UNICODE)
    past = after(state, PastShown(state.memory.runs[1], at("healthy", 1)))
    assert path(past, 80, UNICODE) == path(replace(past), 80, UNICODE) != drawn
    assert past.drawn_times is state.drawn_times
    assert path(after(past, LiveShown()), 80, UNICODE) == drawn
    more = await watched("healthy", state=state)
    assert path(more, 80, UNICODE) == path(replace(more), 80, UNICODE)
    assert path(more, 60, UNICODE) == path(replace(more), 60, UNICODE)
    assert path(after(more, WatchToggled(False)), 80, UNICODE) == path(replace(more, watching=False), 80, UNICODE)


def test_back_from_a_past_run_the_cursor_is_on_the_path_while_the_first_run_goes_on() -> None:
    """With a history, there are runs that are older than the first run of this interface."""
    memory = again("one-zone-silent").memory
    running = after(ready(), HistoryRead(memory), RunRequested(0.0, settings()))
    past = after(running, PastShown(memory.runs[0], report_of("one-zone-silent")))
    assert (past.pane, past.source) == (Pane.CAUSES, Pane.CAUSES)
    assert (after(past, LiveShown()).pane, after(past, LiveShown()).source) == (Pane.PATH, Pane.PATH)


def test_drawn_paths_are_kept_for_a_few_widths() -> None:
    state = again("one-zone-silent")
    for width in range(60, 90):
        path(state, width, UNICODE)
    assert path(state, 89, UNICODE) is path(after(state, CursorMoved(1)), 89, UNICODE)
    assert len(state.drawn_paths) < 8


# --- Leaving the interface -------------------------------------------------------------------------------------------


def interrupted(name: str) -> State:
    report = report_of(name)
    cut = replace(report, run=replace(report.run, complete=False, interrupted=True))
    return after(ready(), RunRequested(0.0, settings()), RunFinished(cut))


@pytest.mark.parametrize(
    ("state", "fail_on", "code"),
    [
        pytest.param(ready(), "warning", exits.UNKNOWN, id="nothing checked yet"),
        pytest.param(again("healthy"), "warning", exits.OK, id="ok"),
        pytest.param(again("interception-trusted"), "warning", exits.WARNING, id="warning"),
        pytest.param(again("interception-trusted"), "critical", exits.OK, id="a warning that does not count"),
        pytest.param(again("one-zone-silent"), "warning", exits.CRITICAL, id="critical"),
        pytest.param(again("region-unknown"), "warning", exits.UNKNOWN, id="unknown"),
        pytest.param(again("one-zone-silent", "healthy"), "warning", exits.OK, id="fixed"),
        pytest.param(interrupted("one-zone-silent"), "warning", exits.CRITICAL, id="left with something proven"),
        pytest.param(interrupted("healthy"), "warning", exits.UNKNOWN, id="left in the middle"),
        pytest.param(folded("healthy", 40), "warning", exits.UNKNOWN, id="left at once"),
    ],
)
def test_the_exit_code_is_that_of_the_last_whole_run(state: State, fail_on: str, code: int) -> None:
    assert exit_code(state, fail_on) == code


def test_a_run_that_requires_less_says_nothing_of_the_whole() -> None:
    state = after(again("one-zone-silent"), RunRequested(0.0, settings(), "backup"), RunFinished(report_of("healthy")))

    assert state.whole == report_of("one-zone-silent")
    assert final_report(state) is state.whole
    assert exit_code(state, "warning") == exits.CRITICAL
    assert "only backup: backup answers" in words(list(verdict(state, 100, 3, UNICODE)))[0]
