"""A watch in the interface. It begins by itself and repeats its runs. Keys step through the runs, and save one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from agent.settings import CYCLE_SHARE
from agent.tui.app import BackuplinkApp
from agent.tui.source import WATCHING
from agent.tui.state import Phase, State
from agent.tui.widgets.choice import Choice
from agent.tui.widgets.screens import SaveScreen
from agent.tui.widgets.strip import RunStrip
from tests.agent.tui.replays import Replay, app_of, drive, screen_of, settings, until

BAD, GOOD = "one-zone-silent", "healthy"


def watching(replay: Replay, **how: object) -> BackuplinkApp:
    return app_of(replace(replay.live(), is_watch=True, **how))  # type: ignore[arg-type]


def past_of(app: BackuplinkApp) -> int | None:
    """The number of the past run on the screen, or None if the current run is shown."""
    assert app.state is not None
    return app.state.past


async def finished(pilot: Pilot[int], runs: int) -> State:
    return await until(pilot, lambda state: state.memory.count >= runs and state.phase is Phase.FINISHED)


async def again(pilot: Pilot[int], runs: int) -> State:
    """The state after this many runs. Each of them is started with `r`, without waiting."""
    for run in range(1, runs):
        await finished(pilot, run)
        await pilot.press("r")
    return await finished(pilot, runs)


async def test_it_begins_by_itself() -> None:
    replay = Replay(GOOD)

    async def act(pilot: Pilot[int]) -> None:
        state = await until(pilot, lambda state: state.next_at is not None)
        assert (state.watching, state.interval) == (True, 30.0)
        assert "watching, next at 03:00:30 UTC" in "\n".join(screen_of(pilot))

    await drive(watching(replay, watching=replace(WATCHING, interval=30.0)), act)


async def test_it_repeats_and_a_run_ends_before_the_next_is_due() -> None:
    replay = Replay(GOOD)

    async def act(pilot: Pilot[int]) -> None:
        await finished(pilot, 3)

    await drive(watching(replay, watching=replace(WATCHING, interval=0.05)), act)
    assert {asked.deadline for asked in replay.asked} == {CYCLE_SHARE * 0.05}


async def test_runs_by_hand_have_the_whole_deadline() -> None:
    replay = Replay(GOOD)

    async def act(pilot: Pilot[int]) -> None:
        await finished(pilot, 1)

    await drive(app_of(replay.live()), act)
    assert [asked.deadline for asked in replay.asked] == [settings().deadline]


async def test_the_next_run_starts_an_interval_after_the_start_of_the_last() -> None:
    now = [0.0]
    replay = Replay(GOOD)
    app = BackuplinkApp(replace(replay.live(), is_watch=True), clock=lambda: now[0])
    now[0] = 100.0
    app._folded = replace(app._folded)

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.next_at is not None)
        assert app._next is not None
        assert app._next._interval == 60.0
        state = app._folded
        assert state.run is not None
        now[0] = 112.0
        app._schedule()
        assert app._next._interval == 48.0
        now[0] = 500.0
        app._schedule()
        assert app._next._interval < 1.0
        app._unschedule()  # otherwise a run would begin while the interface ends

    await drive(app, act)


async def test_brackets_step_through_the_runs() -> None:
    app = watching(Replay(GOOD, BAD, GOOD))

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 3)
        await pilot.press("left_square_bracket")
        assert screen_of(pilot)[0].startswith(" PAST run 2 of 3, ")
        assert any("TIMEOUT 3.0 s" in line for line in screen_of(pilot))
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert screen_of(pilot)[0].startswith(" PAST run 1 of 3, ")
        assert "no run before this one is remembered" in screen_of(pilot)[-1]
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert screen_of(pilot)[0].startswith(" LIVE last run ")
        await pilot.press("right_square_bracket")
        assert "this is the last run" in screen_of(pilot)[-1]

    await drive(app, act, (120, 36))


async def test_braces_step_through_the_runs_that_failed() -> None:
    app = watching(Replay(BAD, GOOD, BAD, GOOD, GOOD))

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 5)
        assert "{ failed run" in screen_of(pilot)[-1]
        for key, run in (("left", 3), ("left", 1), ("left", 1), ("right", 3), ("right", 3)):
            await pilot.press(f"{key}_curly_bracket")
            assert past_of(app) == run
        assert "no run after this one failed" in screen_of(pilot)[-1]
        await pilot.press("escape")
        assert past_of(app) is None

    await drive(app, act, (120, 36))


async def test_the_last_run_that_failed_is_shown_as_it_is_now() -> None:
    app = watching(Replay(BAD, GOOD, BAD))

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 3)
        await pilot.press("left_curly_bracket")
        assert past_of(app) == 1
        await pilot.press("right_curly_bracket")
        assert past_of(app) is None
        await pilot.press("right_curly_bracket")
        assert "no run after this one failed" in screen_of(pilot)[-1]

    await drive(app, act, (120, 36))


async def test_until_the_cursor_is_moved_a_past_run_is_shown_with_its_cause() -> None:
    app = watching(Replay(GOOD, BAD, GOOD))

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 3)
        await pilot.press("left_square_bracket")
        assert any("TIMEOUT 3.0 s" in line or "TIMEOUT" in line for line in screen_of(pilot))
        assert any(line.startswith("  reads: aws ec2 ") for line in screen_of(pilot))
        await pilot.press("left_square_bracket")
        assert any(line.startswith("> ") and " port " in line for line in screen_of(pilot))
        await pilot.press("right_square_bracket", "shift+tab", "g", "left_square_bracket", "right_square_bracket")
        assert past_of(app) == 2
        assert not any(line.startswith("  reads: aws ec2 ") for line in screen_of(pilot))

    await drive(app, act, (80, 24))


@pytest.mark.parametrize("key", ["escape", "q", "r"])
async def test_keys_that_go_back_to_the_last_run(key: str) -> None:
    replay = Replay(GOOD, BAD)
    app = watching(replay)

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 2)
        await pilot.press("left_square_bracket")
        assert past_of(app) == 1
        await pilot.press(key)
        assert past_of(app) is None
        assert app.return_value is None
        if key == "r":
            await finished(pilot, 3)

    await drive(app, act)
    assert len(replay.asked) == (3 if key == "r" else 2)


async def test_a_click_on_the_strip_shows_a_run() -> None:
    app = watching(Replay(GOOD, BAD, GOOD))

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 3)
        widget = app.screen.query_one(RunStrip)
        row = widget.region.y
        column = screen_of(pilot)[row].rindex("x")
        await pilot.click(offset=(column, row))
        assert past_of(app) == 2
        await pilot.click(offset=(column + 1, row))
        assert past_of(app) is None

    await drive(app, act)


async def test_the_strip_appears_with_the_second_run() -> None:
    app = watching(Replay(GOOD, BAD))

    async def act(pilot: Pilot[int]) -> None:
        await finished(pilot, 1)
        await pilot.pause()
        assert not app.screen.query_one(RunStrip).display
        await again(pilot, 2)
        await pilot.pause()
        assert any("2 runs since 03:00 UTC  ▁x" in line for line in screen_of(pilot))

    await drive(app, act)


async def test_e_saves_the_last_run_that_failed_with_the_log(tmp_path: Path) -> None:
    place = tmp_path / "night.json"

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 3)
        await pilot.press("e")
        screen = pilot.app.screen
        assert isinstance(screen, SaveScreen)
        assert screen.query_one("#run", Choice).selected == {"the last failed run (03:00 UTC)"}
        line = screen.query_one("#place", Input)
        assert line.value == "backuplink-simulated-one-zone-silent.json"
        line.value = str(place)
        await pilot.press("enter")
        await until(pilot, lambda state: "saved as" in state.message)
        assert f"saved as {place}, and the log as night.log" in screen_of(pilot)[-1]
        await pilot.press("e")
        screen = pilot.app.screen
        screen.query_one("#place", Input).value = str(place.with_name("own.json"))
        screen.query_one("#run", Choice).focus()
        await pilot.press("right", "enter")
        await until(pilot, lambda state: "own.json" in state.message)

    await drive(watching(Replay(GOOD, BAD, GOOD)), act, (200, 36))
    assert json.loads(place.read_text())["verdict"]["status"] == "critical"
    assert json.loads(place.with_name("own.json").read_text())["verdict"]["status"] == "ok"
    log = place.with_suffix(".log").read_text()
    assert "run 2: critical" in log
    assert "TCP002@backup is new" in log
    assert place.with_suffix(".log").stat().st_mode & 0o777 == 0o600


async def test_a_log_that_exists_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "night.json"
    place.with_suffix(".log").write_text("mine")

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 2)
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = str(place)
        await pilot.press("enter")
        await until(pilot, lambda state: "but the log is not saved" in state.message)

    await drive(watching(Replay(GOOD, BAD)), act, (200, 36))
    assert place.exists()
    assert place.with_suffix(".log").read_text() == "mine"


async def test_keys_of_the_log_and_of_a_timeline() -> None:
    app = watching(Replay(GOOD, BAD, GOOD))

    async def act(pilot: Pilot[int]) -> None:
        await finished(pilot, 1)
        await pilot.press("L")
        assert any("> Log of 1 run " in line for line in screen_of(pilot))
        await pilot.press("escape")
        await again(pilot, 3)
        await pilot.press("L")
        assert any("> Log of 3 runs" in line for line in screen_of(pilot))
        await pilot.press("slash", *"is gone", "enter")
        assert any('"is gone": 1 of 1' in line for line in screen_of(pilot))
        await pilot.press("escape")
        row = next(place for place, line in enumerate(screen_of(pilot)) if "10.0.2.17" in line)
        await pilot.click(offset=(5, row))
        await pilot.press("enter")
        assert any("> Lane backup/10.0.2.17/443" in line for line in screen_of(pilot))
        assert any("ms ┤" in line for line in screen_of(pilot))
        await pilot.press("escape", "l", "p")
        assert any("ms ┤" in line for line in screen_of(pilot))

    await drive(app, act, (120, 36))


async def test_w_in_a_past_run_ends_the_watch() -> None:
    app = watching(Replay(GOOD, BAD))

    async def act(pilot: Pilot[int]) -> None:
        await again(pilot, 2)
        await until(pilot, lambda state: state.next_at is not None)
        await pilot.press("left_square_bracket", "w")
        assert app.state is not None
        assert (app.state.past, app.state.watching) == (1, False)
        assert app._next is None

    await drive(app, act)
