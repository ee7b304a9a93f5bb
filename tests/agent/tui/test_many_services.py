"""The interface over runs of many services."""

import re

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from agent.report.path import Progress
from agent.settings import Settings
from agent.simulated.settings import settings_of
from agent.tui.actions import FilterChanged, RunFinished, RunRequested, ServicesUnfolded
from agent.tui.app import BackuplinkApp
from agent.tui.drawing import path
from agent.tui.lines import ASCII, UNICODE
from agent.tui.network_path import THIS_HOST
from agent.tui.source import Saved
from agent.tui.state import Phase, State, checks_of, cursor, reduce, saved, selected_entry, under_cursor
from agent.tui.widgets.pane import PathPane
from agent.tui.widgets.screens import SettingsScreen
from tests.agent.tui.replays import OPENED, Replay, after, app_of, drive, screen_of, until, words
from tests.support.many_services import ALL, report_of, world_of
from tests.support.runs import measured

TEN, SICK = ALL[:10], ("ssm", "ec2")


def folded_of(state: State) -> list[str]:
    return [band.target for band in state.picture.bands if band.is_folded]


def app_over(services: tuple[str, ...], sick: tuple[str, ...] = ()) -> BackuplinkApp:
    return app_of(Saved(title="many", report=report_of(services, sick), opened_at=OPENED))


def test_two_services_are_shown_in_full() -> None:
    assert folded_of(saved("two", report_of(ALL[:2]))) == []
    assert folded_of(saved("three", report_of(ALL[:3]))) == list(ALL[:3])


def test_the_healthy_have_one_line_each_and_the_sick_their_lanes() -> None:
    state = saved("many", report_of(TEN, SICK))
    assert folded_of(state) == [name for name in TEN if name not in SICK]
    lines = words(path(state, 80, ASCII))
    assert sum(bool(re.search(r" 3 IPs, 2\.0 ms  OK, path private$", line)) for line in lines) == 8
    assert [line.split()[0] for line in lines if line.endswith("CRITICAL, path private")] == ["SSM", "EC2"]
    assert sum("TIMEOUT" in line for line in lines) == 2
    assert lines[-1] == " 8 services in one line each; space shows all in full"


def test_space_shows_all_in_full_and_again_one_line_each() -> None:
    state = saved("many", report_of(TEN, SICK))
    unfolded = after(state, ServicesUnfolded())
    assert folded_of(unfolded) == []
    assert len(unfolded.rows) > 3 * len(state.rows)
    assert after(unfolded, ServicesUnfolded()).rows == state.rows


def test_a_filter_finds_what_is_folded() -> None:
    state = after(saved("many", report_of(TEN)), FilterChanged("10.0.2.104"))
    assert any("10.0.2.104" in line for line in words(path(state, 80, ASCII)))


def test_a_folded_service_stands_for_all_of_its_checks() -> None:
    report = report_of(TEN)
    state = saved("many", report)
    at_sts = {
        observation.id
        for observation in report.observations
        if observation.subject.target == "sts" and observation.subject.address and not observation.subject.operation
    }
    assert checks_of(state, "target/sts") == at_sts


def test_the_cursor_starts_at_the_first_cause() -> None:
    state = saved("many", report_of(TEN, SICK))
    assert under_cursor(state) == selected_entry(state) == f"finding/{report_of(TEN, SICK).findings[0].id}"


def test_while_a_run_lasts_a_service_unfolds_when_something_fails() -> None:
    evidence, events = measured(world_of(TEN, silent=SICK))
    settings = settings_of(world_of(TEN))
    state = reduce(State(title="many", settings=settings), RunRequested(0.0, settings))
    seen = set()
    for event in events:
        state = reduce(state, event)
        for band in state.picture.bands:
            cells = [cell for lane in band.lanes for cell in lane.cells if cell is not None]
            failed = any(cell.progress is Progress.FAILED for cell in cells)
            if band.lanes:
                assert band.is_folded is not failed
                seen.add((band.target, failed))
    assert {target for target, failed in seen if failed} == {*SICK}
    assert any(" of 12" in line for line in words(path(state, 80, ASCII)))

    ended = reduce(state, RunFinished(report_of(TEN, SICK)))
    again = reduce(ended, RunRequested(1.0, settings))
    assert folded_of(again) == folded_of(ended)  # the start of a run moves nothing
    assert evidence.run.complete


@pytest.mark.parametrize("services", [TEN, ALL], ids=["10", "24"])
async def test_what_is_below_is_told(services: tuple[str, ...]) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g")
        await pilot.pause()
        below = next(line for line in screen_of(pilot) if " more service" in line)
        words_of = re.fullmatch(r" (\d+) more services, (\d) not ok(, (\d+) more lanes, (\d) failed)?", below)
        assert words_of is not None, below
        lines = path(pilot.app.state, 80, UNICODE)  # type: ignore[attr-defined]
        part = pilot.app.screen.query_one(PathPane)
        keys = {span.key for line in lines[part.page :] for span in line if span.key}
        assert int(words_of[1]) == sum(key.startswith("target/") for key in keys)
        assert int(words_of[2]) == 2
        assert words_of[5] == "2"
        await pilot.press("G")
        await pilot.pause()
        assert not [line for line in screen_of(pilot) if " more service" in line]
        assert f"/{services[-1]}" in pilot.app.state.rows[-1][0]  # type: ignore[attr-defined]
        assert any(services[-1] in line.lower() for line in screen_of(pilot))

    await drive(app_over(services, SICK), act)


async def test_every_line_can_be_scrolled_to() -> None:
    seen: set[str] = set()

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g")
        for _ in range(len(ALL) + 16):
            seen.update(line.split()[0] for line in screen_of(pilot) if "path private" in line and line.strip())
            await pilot.press("j")

    await drive(app_over(ALL, SICK), act)
    assert {name.upper() for name in ALL} <= seen


async def test_space_is_a_key() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("space")
        assert not folded_of(pilot.app.state)  # type: ignore[attr-defined]
        await pilot.press("space")
        assert folded_of(pilot.app.state) == list(TEN)  # type: ignore[attr-defined]

    app = await drive(app_over(TEN), act)
    assert app.state is not None
    assert cursor(app.state) == THIS_HOST


async def test_settings_name_any_service_with_the_help_of_completion() -> None:
    replay = Replay("healthy")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is Phase.FINISHED)
        await pilot.press("t", "tab", *"secr")
        screen = pilot.app.screen
        assert isinstance(screen, SettingsScreen)
        line = screen.query_one("#services", Input)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("right")
        assert line.value == "secretsmanager"
        await pilot.press("space", *"kms", "enter")
        await pilot.pause()
        assert pilot.app.state.settings.services == ("kms", "secretsmanager")  # type: ignore[attr-defined]
        await pilot.press("t")
        text = "\n".join(screen_of(pilot))
        assert all(name in text for name in ALL)
        assert pilot.app.screen.query_one("#services", Input).value == "kms secretsmanager"

    await drive(app_of(replay.live()), act)


def test_settings_of_a_run_of_every_service_fit_the_form() -> None:
    settings: Settings = settings_of(world_of(ALL))
    assert settings.services == ALL
