"""The layout depends on the content. A wider screen never shows less than a narrower one."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from textual.pilot import Pilot

from agent.tui.actions import RunFinished, RunRequested
from agent.tui.app import BackuplinkApp
from agent.tui.drawing import below, causes, columns, more_causes, path
from agent.tui.layout import divided
from agent.tui.lines import ASCII, UNICODE, Line
from agent.tui.source import Saved
from agent.tui.state import Phase, State, saved, without_times
from agent.tui.widgets.pane import CausesPane, DetailPane, PathPane
from tests.agent.tui.replays import OPENED, Replay, after, app_of, drive, screen_of, settings, until, watched, words
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.many_services import ALL
from tests.support.many_services import report_of as many_services
from tests.support.runs import report_of

SIZES = [(60, 20), (80, 24), (120, 36), (129, 40), (130, 40), (160, 45), (200, 60)]
NAMES = (
    "healthy",
    "one-zone-silent",
    "gateway-ports-missing",
    "tls-intercepted",
    "endpoint-policy-denies",
    "three-faults",
    "healthy-china",
    "ipv6-broken",
)


def shown(name: str) -> State:
    return saved("kept", report_of(name))


def app_over(name: str) -> BackuplinkApp:
    return app_of(Saved(title="kept", report=report_of(name), opened_at=OPENED))


def seen_of_path(state: State, width: int, rows: int) -> set[str]:
    """The words of the path that are visible when it is scrolled to the top."""
    division = divided(state, width, rows)
    columns_of_path, rows_of_path = (division.path, rows) if division.is_beside else (width, division.path)
    lines = words(path(state, columns_of_path, ASCII))[: rows_of_path - 1]
    return {word for line in lines for word in re.split(r"[\s|+>-]{2,}", line) if word.strip("|+-> ")}


@pytest.mark.parametrize("name", one_in(3, NAMES))
@pytest.mark.parametrize("rows", [18, 34, 54])
def test_a_wider_screen_shows_no_less_of_the_path(name: str, rows: int) -> None:
    state = shown(name)
    kept = [seen_of_path(state, width, rows) for width in (129, 130, 160, 200, 240)]
    for narrow, wide in pairwise(kept):
        lost = {word for word in narrow - wide if not any(word in other or other in word for other in wide)}
        # A longer form may stand in place of a shorter one.
        assert not {word for word in lost if word.split()[0].lower() not in " ".join(wide).lower()}, lost


@pytest.mark.parametrize("name", one_in(3, NAMES))
def test_the_rest_stands_beside_the_path_only_where_that_loses_nothing(name: str) -> None:
    state = shown(name)
    rows = len(path(state, 300, ASCII)) + 4
    beside = [width for width in range(100, 301, 10) if divided(state, width, rows).is_beside]
    assert 300 in beside
    assert min(beside) > 130
    for width in beside:
        flat = [
            re.sub(r"[\s|+>-]+", "", "".join(words(path(state, room, ASCII))))
            for room in (width, divided(state, width, rows).path)
        ]
        assert flat[0] == flat[1], width
    assert not divided(state, 300, 3 * rows).is_beside  # most of the column of the path would be empty


@pytest.mark.parametrize("size", SIZES)
async def test_the_path_has_the_rows_that_it_needs(size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[int]) -> None:
        state = pilot.app.state  # type: ignore[attr-defined]
        part, detail = pilot.app.screen.query_one(PathPane), pilot.app.screen.query_one(DetailPane)
        wanted = 1 + len(path(state, part.size.width, UNICODE))
        body = pilot.app.screen.query_one("#body").size
        assert divided(state, body.width, body.height).path == (
            part.size.width if part.size.height == body.height else part.size.height
        )
        assert part.size.height <= wanted or part.size.height == body.height
        if part.size.height < min(wanted, body.height):
            assert part.size.height >= 4
            assert detail.size.height <= max(10, body.height // 2)

    await drive(app_over("gateway-ports-missing"), act, size)


@pytest.mark.parametrize("name", one_in(32, scenarios.names()))
async def test_the_first_command_is_on_the_first_screen_of_80_columns(name: str) -> None:
    state = shown(name)
    commands = (
        [command for finding in state.report.findings[:1] for command in finding.fix.commands] if state.report else []
    )

    async def act(pilot: Pilot[int]) -> None:
        if commands and pilot.app.state.source == "causes":  # type: ignore[attr-defined]
            text = "\n".join(screen_of(pilot))
            assert re.search(r"^ +(\([a-z]\) )?(reads|changes)(, [^:]+)?: ", text, re.MULTILINE), text

    await drive(app_over(name), act, (80, 24))


def test_severities_are_of_one_width_and_the_headline_stands_before_the_target() -> None:
    lines = words(causes(shown("three-faults"), 120))
    heads = [line for line in lines if re.match(r" (CRITICAL|WARNING|INFO)", line)]
    assert len({len(re.match(r" +\S+ +", line)[0]) for line in heads}) == 1  # type: ignore[index]
    assert " CRITICAL 1 of 3 addresses is silent on 443: 10.0.2.17 (backup) [TCP002]" in words(
        causes(shown("one-zone-silent"), 120)
    )


@pytest.mark.parametrize("width", [110, 120, 200])
def test_an_ipv6_address_is_on_the_line_of_its_lane_from_110_columns_on(width: int) -> None:
    lines = words(path(shown("ipv6-broken"), width, ASCII))
    lanes = [line for line in lines if "2600:1f18:" in line]
    assert lanes
    assert all(" 443 " in line for line in lanes)


def test_on_a_narrow_screen_it_has_a_line_of_its_own() -> None:
    lines = words(path(shown("ipv6-broken"), 109, ASCII))
    assert not [line for line in lines if "2600:1f18:" in line and " 443 " in line]


def test_without_ipv6_the_columns_are_those_of_ipv4() -> None:
    state = shown("healthy")
    assert state.longest_address == len("10.0.1.17")
    assert columns(140, state.longest_address) == columns(140)
    assert columns(140, 39).address == 40
    assert columns(109, 39) == columns(109)


@pytest.mark.parametrize("longest", [9, 39])
def test_on_a_wider_screen_a_hop_has_no_less_room(longest: int) -> None:
    for first, last in ((60, 75), (76, 99), (100, 109), (110, 300)):  # the address or the zone between them gets more
        cells = [columns(width, longest).cell for width in range(first, last + 1)]
        assert cells == sorted(cells)


async def test_the_last_row_says_what_is_below_it() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g")
        await pilot.pause()
        text = "\n".join(screen_of(pilot))
        match = re.search(r"^ (?:1 more service(?:, 1 not ok)?, )?(\d+) more lanes?, (\d+) failed$", text, re.MULTILINE)
        assert match, text
        hidden = {span.key for line in below_of(pilot) for span in line if (span.key or "").startswith("lane/")}
        assert int(match[1]) == len(hidden)
        await pilot.press("G")
        await pilot.pause()
        assert " more lane" not in "\n".join(screen_of(pilot))

    def below_of(pilot: Pilot[int]) -> list[Line]:
        part = pilot.app.screen.query_one(PathPane)
        return list(path(pilot.app.state, part.size.width, UNICODE)[part._top + part.page :])  # type: ignore[attr-defined]

    await drive(app_over("gateway-ports-missing"), act)


def test_what_does_not_count_has_not_failed() -> None:
    state = shown("healthy-china")
    assert "failed" not in "".join(span.text for span in below(state, path(state, 80, ASCII)))


def test_causes_below_are_counted_by_severity() -> None:
    state = saved("many", many_services(ALL, ("ssm", "ec2", "kms")))
    lines = causes(state, 80)
    text = "".join(span.text for span in more_causes(state, lines))
    criticals = sum(entry.word == "CRITICAL" for entry in state.entries)
    assert text == f" {len(state.entries)} more, {criticals} critical"
    assert more_causes(state, []) == ()


async def test_causes_that_do_not_fit_say_so() -> None:
    async def act(pilot: Pilot[int]) -> None:
        part = pilot.app.screen.query_one(CausesPane)
        rows = [row for row in screen_of(pilot)[part.region.y : part.region.bottom] if " more, " in row]
        assert len(rows) == 1
        assert screen_of(pilot)[part.region.bottom - 1] == rows[0]

    report = many_services(ALL, ALL[:9])
    await drive(app_of(Saved(title="many", report=report, opened_at=OPENED)), act)


async def test_from_run_to_run_the_path_gets_no_smaller() -> None:
    replay = Replay("gateway-ports-missing", "healthy", "gateway-ports-missing")
    app = app_of(replay.live())

    async def act(pilot: Pilot[int]) -> None:
        heights = []
        for run in range(3):
            await until(pilot, lambda state, runs=run + 1: str(state.phase) == "finished" and len(replay.asked) == runs)  # type: ignore[misc]
            await pilot.pause()
            heights.append(pilot.app.screen.query_one(PathPane).size.height)
            await pilot.press("r")
        assert heights == [heights[0]] * 3

    await drive(app, act, (120, 45))


async def test_after_runs_that_were_ok_the_first_command_is_on_the_first_screen() -> None:
    replay = Replay("healthy", "healthy", "gateway-ports-missing")

    async def act(pilot: Pilot[int]) -> None:
        for run in range(1, 4):
            await until(pilot, lambda state, runs=run: state.memory.count == runs and state.phase is Phase.FINISHED)  # type: ignore[misc]
            await pilot.pause()
            if run < 3:
                await pilot.press("r")
        text = "\n".join(screen_of(pilot))
        assert re.search(r"^ +(\([a-z]\) )?(reads|changes)(, [^:]+)?: ", text, re.MULTILINE), text

    await drive(app_of(replace(replay.live(), is_watch=True)), act, (80, 24))


@pytest.mark.parametrize(
    ("names", "size", "height"),
    [
        pytest.param(("one-zone-silent",), (80, 24), 2, id="one line"),
        pytest.param(("one-zone-silent",), (80, 30), 3, id="there is room"),
        pytest.param(("one-zone-silent", "healthy"), (80, 24), 3, id="two lines"),
    ],
)
async def test_a_verdict_of_one_line_leaves_a_row_to_the_path(
    names: tuple[str, ...], size: tuple[int, int], height: int
) -> None:
    replay = Replay(*names)

    async def act(pilot: Pilot[int]) -> None:
        for run in range(1, len(names) + 1):
            state = await until(pilot, lambda state, runs=run: state.memory.count == runs)  # type: ignore[misc]
            await until(pilot, lambda state: state.next_at is not None)
            if run < len(names):
                await pilot.press("r")
        await pilot.pause()
        assert pilot.app.screen.query_one("#verdict").size.height == height
        body, part = pilot.app.screen.query_one("#body").size, pilot.app.screen.query_one(PathPane)
        assert divided(state, body.width, body.height).path == part.size.height

    await drive(app_of(replace(replay.live(), is_watch=True)), act, size)


async def test_the_strip_of_runs_takes_its_row_from_the_body() -> None:
    replay = Replay("gateway-ports-missing", "gateway-ports-missing")
    app = app_of(replay.live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.memory.count == 1)
        await pilot.press("r")
        state = await until(pilot, lambda state: state.memory.count == 2)
        await pilot.pause()
        body, part = pilot.app.screen.query_one("#body").size, pilot.app.screen.query_one(PathPane)
        assert pilot.app.screen.query_one("#runs").display
        assert divided(state, body.width, body.height).path == part.size.height

    await drive(app, act, (120, 36))


async def test_the_times_of_a_watch_do_not_decide_what_stands_beside_the_path() -> None:
    state = await watched("one-zone-silent", "one-zone-silent")
    beside = [width for width in range(150, 301, 10) if divided(state, width, 40).is_beside]
    assert beside == [width for width in range(150, 301, 10) if divided(shown("one-zone-silent"), width, 40).is_beside]
    assert divided(state, 100, 40).path > divided(without_times(state), 100, 40).path


def test_before_the_first_report_the_path_has_all_but_what_a_cause_needs() -> None:
    state = after(State(title="x", settings=settings()), RunRequested(0.0, settings()))
    assert divided(state, 80, 18).path == 12
    assert divided(state, 120, 30).path == 24
    assert divided(state, 60, 14).path == 10
    assert divided(after(state, RunFinished(report_of("healthy"))), 120, 40).path < 30
    assert divided(after(state, RunFinished(report_of("healthy"))), 60, 11).path == 7


def test_the_progress_bar_shows_the_checks_not_the_time() -> None:
    from agent.tui.drawing import verdict
    from tests.agent.tui.replays import folded

    state = folded("one-zone-silent", 60)
    assert state.run is not None
    line = words(list(verdict(state, 100, 3, ASCII)))[1]
    bar = re.search(r"[#.]{20}", line)
    assert bar is not None
    assert bar[0].count("#") == round(20 * state.run.finished / state.run.planned)
    assert f"{state.run.finished} of {state.run.planned} checks" in line


def test_before_a_run_starts_nothing_flashes() -> None:
    from agent.tui.drawing import verdict

    state = State(title="x", settings=settings())
    assert words(list(verdict(state, 80, 3, ASCII)))[0] == " RUNNING  starting the run"
