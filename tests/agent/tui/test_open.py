"""Enter leads from a failed step to its finding, then to the measurement, and then to the steps. Esc leads back."""

from dataclasses import replace

import pytest

from agent.tui.actions import (
    CursorMoved,
    DetailOpened,
    FilterChanged,
    FindingsToggled,
    ItemSelected,
    LogOpened,
    Pane,
    PaneChanged,
    RunFinished,
    WentBack,
)
from agent.tui.detail import detail, title
from agent.tui.lines import ASCII
from agent.tui.network_path import THIS_HOST
from agent.tui.state import (
    State,
    checks_of,
    cursor,
    finding_under_cursor,
    marked,
    saved,
    target_under_cursor,
    under_cursor,
)
from tests.agent.tui.replays import after, words
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.many_services import ALL
from tests.support.many_services import report_of as many_services
from tests.support.runs import report_of

STEP = "tcp/backup/10.0.2.17/443"
FINDING = "finding/TCP002@backup"
MEASURED = "measured/TCP002@backup"


def at(name: str, key: str, pane: Pane = Pane.PATH) -> State:
    return after(saved("kept", report_of(name)), ItemSelected(pane, key))


def shown(state: State) -> str:
    """The text of the detail."""
    return "\n".join(words(list(detail(state, 100, ASCII))))


def test_enter_goes_from_a_failed_step_to_its_finding_to_what_was_measured_to_the_step_and_round_again() -> None:
    state = after(at("one-zone-silent", STEP), DetailOpened())
    assert (state.is_whole, under_cursor(state), title(state)) == (True, FINDING, "Finding TCP002@backup")

    state = after(state, DetailOpened())
    assert (state.is_whole, under_cursor(state)) == (True, MEASURED)
    assert title(state) == "What was measured for TCP002@backup"
    assert "tcp/backup/10.0.2.17/443  failed timeout" in shown(state)
    assert "10.0.1.17" not in shown(state)

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


def test_esc_goes_back_one_page_at_a_time() -> None:
    lane = "lane/backup/10.0.2.17/443"
    state = after(at("one-zone-silent", lane), DetailOpened(), DetailOpened(), DetailOpened())
    for key in (MEASURED, FINDING, lane):
        assert (state.is_whole, under_cursor(state)) == (True, key)
        state = after(state, WentBack())
    assert (state.is_whole, state.pane, under_cursor(state)) == (False, Pane.PATH, lane)


def test_esc_goes_back_to_the_page_in_which_the_log_was_opened_however_often() -> None:
    state = after(at("one-zone-silent", STEP), DetailOpened(), LogOpened(), LogOpened(), WentBack())
    assert (state.is_whole, under_cursor(state)) == (True, FINDING)
    state = after(state, WentBack())
    assert (state.is_whole, under_cursor(state)) == (False, STEP)


def test_of_the_causes_enter_opens_the_page_what_was_measured_and_then_the_first_step_that_failed() -> None:
    state = after(saved("kept", report_of("gateway-ports-missing")), DetailOpened())
    assert under_cursor(state) == "finding/TCP003@backup-gateway"

    state = after(state, DetailOpened())
    assert under_cursor(state) == "measured/TCP003@backup-gateway"
    assert "tcp/backup-gateway/10.0.1.27/1026  failed" in shown(state)

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
    text = shown(state)
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
    state = after(state, FilterChanged("10.0.1.17"), DetailOpened(), DetailOpened())
    assert (cursor(state), state.filter, state.findings_only) == (STEP, "", False)


def test_a_finding_that_rests_on_no_step_of_the_path_says_so() -> None:
    report = report_of("one-zone-silent")
    bare = replace(report, findings=tuple(replace(finding, evidence=()) for finding in report.findings))
    state = after(saved("kept", bare), DetailOpened(), DetailOpened())
    assert "measured nothing that shows this finding" in shown(state)
    state = after(state, DetailOpened())
    assert (state.is_whole, state.message) == (True, "no step of the path shows TCP002@backup")


def test_in_a_folded_service_the_step_is_unfolded() -> None:
    report = many_services(ALL, ("ssm",))
    state = after(saved("kept", report), DetailOpened(), DetailOpened(), DetailOpened())
    assert not state.is_whole
    assert any(cursor(state) in row for row in state.rows)
    assert cursor(state) != THIS_HOST


def test_a_page_whose_finding_is_gone_says_so() -> None:
    state = after(at("one-zone-silent", STEP), DetailOpened(), RunFinished(report_of("healthy")))
    assert "does not have this finding any more" in shown(state)
    assert finding_under_cursor(state) is None

    state = after(at("one-zone-silent", STEP), DetailOpened(), DetailOpened(), RunFinished(report_of("healthy")))
    assert "measured nothing that shows this finding" in shown(state)
    assert finding_under_cursor(state) is None


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_each_finding_leads_to_its_page_to_what_was_measured_and_to_a_step_and_esc_leads_back(name: str) -> None:
    report = report_of(name)
    state = after(saved("kept", report), FindingsToggled())
    known = {seen.id for seen in report.observations}
    for finding in report.findings:
        key = f"finding/{finding.id}"
        if key not in {entry.key for entry in state.entries}:
            continue
        page = after(state, ItemSelected(Pane.CAUSES, key), DetailOpened())
        assert (page.is_whole, under_cursor(page)) == (True, key)

        measured = after(page, DetailOpened())
        assert (measured.is_whole, under_cursor(measured)) == (True, f"measured/{finding.id}")
        assert finding_under_cursor(measured) == finding
        seen = [step for step in finding.evidence if step in known]
        unwrapped = "".join(shown(measured).split())  # a long id goes on in the next line
        assert all(step in unwrapped for step in seen)
        assert ("measured nothing that shows this finding" in shown(measured)) is (not seen)

        back = after(measured, WentBack())
        assert (back.is_whole, under_cursor(back)) == (True, key)
        left = after(back, WentBack())
        assert (left.is_whole, left.pane, under_cursor(left)) == (False, Pane.CAUSES, key)

        there = after(measured, DetailOpened())
        if there.is_whole:
            assert there.message == f"no step of the path shows {finding.id}"
            continue
        assert finding_under_cursor(there) is not None
        assert there.pane is Pane.PATH
        assert cursor(there) in {key for row in there.rows for key in row}
        assert checks_of(there, cursor(there)) & marked(there)
