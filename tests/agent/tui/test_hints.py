"""The last line shows the keys that are useful in the current state, also on a narrow screen."""

import pytest

from agent.tui.actions import (
    DetailOpened,
    FilterChanged,
    FindingsToggled,
    ItemSelected,
    LogOpened,
    PageSearched,
    Pane,
    PaneChanged,
    PastShown,
    RunFinished,
    RunRequested,
    WatchToggled,
)
from agent.tui.drawing import footer
from agent.tui.hints import hints
from agent.tui.state import State, saved
from tests.agent.tui.replays import after, folded, ready, report_of, settings, words
from tests.support.extent import one_in

STEP = ItemSelected(Pane.PATH, "tcp/backup/10.0.2.17/443")
TWO_RUNS = after(
    folded("one-zone-silent"), RunRequested(0.0, settings()), RunFinished(report_of("healthy")), WatchToggled(True)
)
PAST = after(TWO_RUNS, PastShown(TWO_RUNS.memory.runs[0], report_of("one-zone-silent")))
STATES = {
    "a cause": saved("kept", report_of("one-zone-silent")),
    "a failed step": after(saved("kept", report_of("one-zone-silent")), STEP),
    "a lane": after(saved("kept", report_of("healthy")), ItemSelected(Pane.PATH, "lane/backup/10.0.1.17/443")),
    "the detail": after(saved("kept", report_of("one-zone-silent")), PaneChanged(1)),
    "a page": after(saved("kept", report_of("one-zone-silent")), DetailOpened()),
    "places on a page": after(
        saved("kept", report_of("one-zone-silent")),
        DetailOpened(),
        PageSearched(text="the", rows=(1, 2, 3), page=9, most=9),
    ),
    "a filter": after(saved("kept", report_of("one-zone-silent")), FilterChanged("10.0.2.17")),
    "findings only": after(saved("kept", report_of("one-zone-silent")), FindingsToggled()),
    "before a run": ready(),
    "a first run": after(ready(), RunRequested(0.0, settings())),
    "a run again": after(folded("one-zone-silent"), RunRequested(0.0, settings())),
    "after a run": folded("one-zone-silent"),
    "a watch": after(folded("one-zone-silent"), WatchToggled(True)),
    "a watch of two runs": TWO_RUNS,
    "an address of two runs": after(TWO_RUNS, STEP),
    "the log": after(TWO_RUNS, LogOpened()),
    "a past run": PAST,
    "a past run's detail": after(PAST, PaneChanged(1)),
    "a page of a past run": after(PAST, DetailOpened()),
}


def shown(state: State, width: int = 200) -> str:
    return words([footer(state, width)])[0].strip()


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a cause", "enter page  y copy  / filter  tab pane"),
        ("a failed step", "enter cause  y copy  / filter  tab pane"),
        ("a lane", "enter details  y copy  / filter  tab pane"),
        ("the detail", "enter page  y copy  esc back  / find  tab pane"),
        ("a page", "enter measured  y copy  / find  ? help  q back"),
        ("places on a page", '"the": 1 of 3, n next  enter measured  y copy  / find  ? help  q back'),
        ("findings only", "enter page  y copy  / filter  tab pane  f everything"),
        ("a first run", "/ filter  tab pane"),
        ("a run again", "enter page  y copy  / filter  tab pane"),
        ("after a run", "enter page  y copy  / filter  tab pane  r run again"),
        ("an address of two runs", "enter details  y copy  { failed run  p times  / filter  tab pane  r run again"),
        ("the log", "y copy  / find  [ run before  ] next run  ? help  q back"),
        ("a past run", "esc live  [ run before  ] next run  enter"),
    ],
)
def test_what_is_needed_comes_first(name: str, start: str) -> None:
    assert shown(STATES[name]).startswith(start)


def test_a_filter_can_be_taken_away() -> None:
    assert "esc show all" in shown(STATES["a filter"], 80)


def test_a_watch_can_be_stopped() -> None:
    assert "w stop watching" in shown(STATES["a watch"])
    assert "w watch" in shown(STATES["after a run"])


def test_runs_that_are_over_can_be_shown_where_there_are_any() -> None:
    keys = {name: {key.first for key, _ in hints(state)} for name, state in STATES.items()}
    assert {"[", "L"} <= keys["a watch of two runs"]
    assert "p" not in keys["a watch of two runs"]
    assert not {"[", "]", "L", "p"} & keys["a watch"]
    assert "esc back" in shown(STATES["a past run's detail"])


@pytest.mark.parametrize("name", ["a cause", "a failed step", "the detail", "a page"])
def test_no_run_is_offered_of_a_saved_report(name: str) -> None:
    assert not {"r", "R", "w", "t"} & {key.first for key, _ in hints(STATES[name])}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("width", one_in(2, [60, 80, 120, 200]))
def test_help_and_the_way_back_are_there_at_every_width(name: str, width: int) -> None:
    text = words([footer(STATES[name], width)])[0]
    state = STATES[name]
    assert text.endswith("? help  q back" if state.is_whole or state.live is not None else "? help  q quit")
    assert len(text) <= width


def test_at_60_columns_the_keys_that_one_needs_are_there() -> None:
    assert shown(STATES["a cause"], 60) == "enter page  y copy  / filter  tab pane  ? help  q quit"


@pytest.mark.parametrize("name", STATES)
def test_each_key_is_named_once(name: str) -> None:
    keys = [key.first for key, _ in hints(STATES[name])]
    assert len(set(keys)) == len(keys)
