"""From a failed step to its finding and back, by enter."""

from dataclasses import replace

import pytest

from agent.tui.actions import (
    CursorMoved,
    DetailOpened,
    FilterChanged,
    FindingsToggled,
    ItemSelected,
    Pane,
    PaneChanged,
    RunFinished,
    WentBack,
)
from agent.tui.detail import detail, title
from agent.tui.lines import ASCII
from agent.tui.network_path import THIS_HOST
from agent.tui.state import State, cursor, finding_under_cursor, marked, saved, target_under_cursor, under_cursor
from tests.agent.tui.replays import after, words
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.many_services import ALL
from tests.support.many_services import report_of as many_services
from tests.support.runs import report_of

STEP = "tcp/backup/10.0.2.17/443"
FINDING = "finding/TCP002@backup"


def at(name: str, key: str, pane: Pane = Pane.PATH) -> State:
    return after(saved("kept", report_of(name)), ItemSelected(pane, key))


def test_enter_goes_from_a_failed_step_to_its_finding_to_the_step_and_round_again() -> None:
    state = after(at("one-zone-silent", STEP), DetailOpened())
    assert (state.is_whole, under_cursor(state), title(state)) == (True, FINDING, "Finding TCP002@backup")

    state = after(state, DetailOpened())
    assert (state.is_whole, state.pane, cursor(state), under_cursor(state)) == (False, Pane.PATH, STEP, STEP)
    assert marked(state) == {STEP}

    state = after(state, CursorMoved(1))
    assert marked(state) == {STEP}
    assert marked(after(state, WentBack())) == frozenset()
    assert under_cursor(after(state, CursorMoved(-1), DetailOpened())) == FINDING


def test_esc_goes_back_to_where_enter_was_pressed() -> None:
    state = after(at("one-zone-silent", STEP), DetailOpened(), WentBack())
    assert (state.is_whole, state.pane, under_cursor(state)) == (False, Pane.PATH, STEP)

    state = after(at("one-zone-silent", FINDING, Pane.CAUSES), DetailOpened(), WentBack())
    assert (state.is_whole, state.pane, under_cursor(state)) == (False, Pane.CAUSES, FINDING)


def test_of_the_causes_enter_opens_the_page_and_then_the_first_step_that_failed() -> None:
    state = after(saved("kept", report_of("gateway-ports-missing")), DetailOpened())
    assert under_cursor(state) == "finding/TCP003@backup-gateway"

    state = after(state, DetailOpened())
    assert cursor(state) == "tcp/backup-gateway/10.0.1.27/1026"
    target = target_under_cursor(state)
    assert target is not None
    assert target.id == "backup-gateway"


def test_a_step_that_did_not_fail_opens_as_itself() -> None:
    state = after(at("one-zone-silent", "tcp/backup/10.0.1.17/443"), DetailOpened())
    assert (state.is_whole, under_cursor(state)) == (True, "tcp/backup/10.0.1.17/443")
    again = after(state, DetailOpened())
    assert (again.is_whole, again.message) == (True, "no finding rests on it")


def test_a_failed_step_that_no_finding_names_opens_as_itself_and_says_why() -> None:
    state = after(at("dual-stack-healthy", "dns/backup/fd00:ec2::253"), DetailOpened())
    text = "\n".join(words(list(detail(state, 100, ASCII))))
    assert text.index("No answer to the query in 3.0 s") < text.index("not counted: no IPv6 resolver here")
    assert text.index("not counted") < text.index("dns/backup/fd00:ec2::253/A  failed timeout")


def test_of_a_whole_lane_enter_opens_its_finding() -> None:
    state = after(at("one-zone-silent", "lane/backup/10.0.2.17/443"), DetailOpened())
    assert under_cursor(state) == "lane/backup/10.0.2.17/443"
    assert under_cursor(after(state, DetailOpened())) == FINDING


def test_in_the_detail_pane_enter_shows_all_of_the_step() -> None:
    state = after(at("one-zone-silent", STEP), PaneChanged(-1), DetailOpened())
    assert (state.is_whole, under_cursor(state)) == (True, STEP)


def test_a_finding_whose_steps_are_hidden_shows_them() -> None:
    state = after(at("one-zone-silent", FINDING, Pane.CAUSES), FindingsToggled(), DetailOpened())
    state = after(state, FilterChanged("10.0.1.17"), DetailOpened())
    assert (cursor(state), state.filter, state.findings_only) == (STEP, "", False)


def test_a_finding_that_rests_on_no_step_of_the_path_says_so() -> None:
    report = report_of("one-zone-silent")
    bare = replace(report, findings=tuple(replace(finding, evidence=()) for finding in report.findings))
    state = after(saved("kept", bare), DetailOpened(), DetailOpened())
    assert (state.is_whole, state.message) == (True, "no step of the path shows TCP002@backup")


def test_in_a_folded_service_the_step_is_unfolded() -> None:
    report = many_services(ALL, ("ssm",))
    state = after(saved("kept", report), DetailOpened(), DetailOpened())
    assert any(cursor(state) in row for row in state.rows)
    assert cursor(state) != THIS_HOST


def test_a_page_whose_finding_is_gone_says_so() -> None:
    state = after(at("one-zone-silent", STEP), DetailOpened(), RunFinished(report_of("healthy")))
    assert "does not have this finding any more" in "\n".join(words(list(detail(state, 100, ASCII))))
    assert finding_under_cursor(state) is None


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_each_finding_leads_to_a_step_that_leads_back_to_a_finding(name: str) -> None:
    state = after(saved("kept", report_of(name)), FindingsToggled())
    for entry in (entry for entry in state.entries if entry.key.startswith("finding/")):
        there = after(state, ItemSelected(Pane.CAUSES, entry.key), DetailOpened(), DetailOpened())
        if there.is_whole:
            assert there.message.startswith("no step of the path shows")
            continue
        finding = finding_under_cursor(there)
        assert finding is not None
        assert cursor(there) in {key for row in there.rows for key in row}
