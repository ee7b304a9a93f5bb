"""Runs from the interface. They are shown live, repeated, limited to some services, watched, and quit in the middle."""

import asyncio
import gc
import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from agent.process.cancel import CancelToken
from agent.report import exits
from agent.report.model import Measurement
from agent.run.events import Event
from agent.run.runner import measure
from agent.settings import NamedEndpoint, Settings
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated
from agent.tui import drawing
from agent.tui.app import BackuplinkApp, narrowed
from agent.tui.source import Live
from agent.tui.state import CHANGED, Phase
from agent.tui.widgets.screens import SettingsScreen
from tests.agent.tui.replays import Replay, app_of, drive, recorded, report_of, screen_of, settings, until, words
from tests.support import scenarios

ENDED = Phase.FINISHED


def shown(pilot: Pilot[int]) -> str:
    return "\n".join(screen_of(pilot))


def causes_of(pilot: Pilot[int]) -> str:
    """The text of the list of causes, without its line breaks."""
    assert isinstance(pilot.app, BackuplinkApp)
    assert pilot.app.state is not None
    return " ".join(" ".join(words(list(drawing.causes(pilot.app.state, 60)))).split())


async def test_a_run_begins_by_itself_and_ends_in_its_verdict() -> None:
    replay = Replay("one-zone-silent")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        assert screen_of(pilot)[2] == " CRITICAL  backup: 1 of 3 addresses is silent on 443: 10.0.2.17"
        await pilot.press("q")

    app = await drive(app_of(replay.live()), act)
    assert app.return_value == exits.CRITICAL
    assert app.report is not None
    assert app.report.run == report_of("one-zone-silent").run


async def test_while_it_lasts_hops_are_shown_as_they_are() -> None:
    events = recorded("one-zone-silent")[1]
    failed = next(
        place
        for place, event in enumerate(events)
        if getattr(getattr(event, "observation", None), "id", "") == "tcp/backup/10.0.2.17/443"
    )

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.run is not None and state.run.finished > 0)
        await pilot.pause(0.1)
        text = shown(pilot)
        assert " RUNNING  checking backup and backup-gateway" in text
        assert "10.0.2.17               443  running     waiting     waiting     waiting" in text
        assert "shown after the run" in text

    await drive(app_of(Replay("one-zone-silent", upto=failed).live()), act)


async def test_r_runs_again_and_says_what_changed() -> None:
    replay = Replay("one-zone-silent", "healthy")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("r")
        state = await until(pilot, lambda state: state.difference is not None)
        assert state.entries[0].key == CHANGED
        assert "critical -> ok, 1 finding gone, 1 step changed" in causes_of(pilot)
        await pilot.press("q")

    assert (await drive(app_of(replay.live()), act, (140, 45))).return_value == exits.OK
    assert replay.asked == [settings(), settings()]


async def test_r_while_a_run_lasts_begins_no_other() -> None:
    replay = Replay("healthy", upto=10)

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.run is not None and state.run.finished > 0)
        await pilot.press("r")
        assert "a run is in progress" in shown(pilot)

    await drive(app_of(replay.live()), act)
    assert len(replay.asked) == 1


async def test_big_r_checks_only_what_is_under_the_cursor() -> None:
    replay = Replay("gateway-healthy", "healthy")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("j", "j", "R")
        await until(pilot, lambda state: state.run is not None and state.run.only is not None)
        state = await until(pilot, lambda state: state.phase is ENDED)
        assert state.run is not None
        assert "only backup: " in shown(pilot)

    await drive(app_of(replay.live()), act)
    assert [requested.services for requested in replay.asked] == [(), ("backup",)]


VPCE = "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com"


def test_a_narrowed_run_keeps_of_the_endpoints_the_one_that_is_meant() -> None:
    mine = NamedEndpoint(service="backup", host=VPCE)
    other = NamedEndpoint(service="backup-gateway", host=VPCE.replace(".backup.", ".backup-gateway."))
    asked = replace(settings(), endpoints=(mine, other), services=("backup", "backup-gateway"))
    target = replace(report_of("healthy").targets[0], host=VPCE, id=f"backup@{VPCE}")

    result = narrowed(asked, target)
    assert (result.services, result.endpoints) == (("backup",), (mine,))
    assert replace(result, services=asked.services, endpoints=asked.endpoints) == asked


async def test_w_watches_and_w_ends_it() -> None:
    replay = Replay("healthy", "one-zone-silent")
    app = app_of(replay.live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("w")
        state = await until(pilot, lambda state: state.next_at is not None)
        assert state.watching
        assert "watching, next at 03:01:00 UTC" in shown(pilot)
        await pilot.press("L")
        assert "TCP002@backup is new" in shown(pilot)
        await pilot.press("escape")
        await pilot.press("w")
        assert app.state is not None
        assert (app.state.watching, app.state.next_at) == (False, None)

    await drive(app, act, (140, 45))
    assert len(replay.asked) == 2


async def test_a_watch_runs_again_by_itself() -> None:
    replay = Replay("healthy")
    app = app_of(replay.live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        app._folded = replace(app._folded, interval=0.05)
        await pilot.press("w")
        await until(pilot, lambda _: len(replay.asked) > 3)

    await drive(app, act)


async def test_t_changes_the_settings_of_the_next_run() -> None:
    replay = Replay("healthy")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("t")
        assert isinstance(pilot.app.screen, SettingsScreen)
        await pilot.press("tab", *"backup", "tab", "tab", *"10.0.0.9", "tab", *"1.5", "enter")
        await pilot.pause()
        assert "kept for the next run" in shown(pilot)
        await pilot.press("r")
        await until(pilot, lambda _: len(replay.asked) == 2)

    await drive(app_of(replay.live()), act)
    asked = replay.asked[1]
    assert (asked.services, list(map(str, asked.resolvers)), asked.timeout) == (("backup",), ["10.0.0.9"], 1.5)


async def test_settings_that_are_wrong_are_refused_with_their_field() -> None:
    replay = Replay("healthy")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("t", *"Ireland", "enter")
        assert isinstance(pilot.app.screen, SettingsScreen)
        assert "'Ireland' is not the name of a Region, such as eu-west-1." in " ".join(shown(pilot).split())
        await pilot.press("escape", "r")
        await until(pilot, lambda _: len(replay.asked) == 2)

    await drive(app_of(replay.live()), act)
    assert replay.asked[1] == settings()


# --- Leaving the interface -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("upto", "name", "code"),
    [
        pytest.param(8, "healthy", exits.UNKNOWN, id="left at once"),
        pytest.param(-3, "port-blocked", exits.CRITICAL, id="left with something proven"),
    ],
)
async def test_q_in_the_middle_ends_the_run_and_keeps_what_was_seen(upto: int, name: str, code: int) -> None:
    app = app_of(Replay(name, upto=upto).live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.run is not None and state.run.finished > 0)
        await pilot.press("q")

    assert (await drive(app, act)).return_value == code
    assert app.report is not None
    assert app.report.run.interrupted


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_before_a_watch_is_lost_it_is_asked_once(key: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("w")
        await until(pilot, lambda state: state.next_at is not None)
        await pilot.press("question_mark", "escape" if key == "q" else "j", key)
        assert "quitting ends the watch" in screen_of(pilot)[-1]
        await pilot.press("j")
        assert "quitting ends the watch" not in screen_of(pilot)[-1]
        await pilot.press(key)
        assert pilot.app.return_value is None
        await pilot.press(key)

    assert (await drive(app_of(Replay("healthy").live()), act)).return_value == exits.OK


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_a_signal_ends_a_watch_without_a_question(name: str) -> None:
    app = app_of(Replay("healthy").live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("w")
        await until(pilot, lambda state: state.next_at is not None)
        app.leave(name)

    assert (await drive(app, act)).return_value == exits.OK


async def test_leaving_a_later_run_gives_the_report_and_the_code_of_the_last_whole_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    replay = Replay("healthy", "one-zone-silent")
    app = app_of(replay.live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        replay._upto = 8
        await pilot.press("r")
        await until(
            pilot, lambda state: state.phase is Phase.RUNNING and state.run is not None and state.run.finished > 0
        )
        await pilot.press("q")

    assert (await drive(app, act)).return_value == exits.OK
    assert app.report is not None
    assert app.report.run == report_of("healthy").run
    assert "The last run was cancelled" in capsys.readouterr().err


async def test_leaving_a_later_run_that_has_proven_something_gives_its_own_report_and_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    replay = Replay("healthy", "port-blocked")
    app = app_of(replay.live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        replay._upto = -3
        await pilot.press("r")
        await until(
            pilot, lambda state: state.phase is Phase.RUNNING and state.run is not None and state.run.finished > 9
        )
        await pilot.press("q")

    assert (await drive(app, act)).return_value == exits.CRITICAL
    assert app.report is not None
    assert app.report.run.interrupted
    assert "The last run was cancelled" not in capsys.readouterr().err


async def test_leaving_after_a_narrowed_run_gives_the_report_of_the_last_whole_one() -> None:
    app = app_of(Replay("gateway-ports-missing", "healthy").live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("shift+tab", "g", "j", "j", "R")
        await until(pilot, lambda state: state.run is not None and state.run.only is not None)
        await until(pilot, lambda state: state.phase is ENDED)
        await pilot.press("q")

    assert (await drive(app, act)).return_value == exits.CRITICAL
    assert app.report is not None
    assert app.report.run == report_of("gateway-ports-missing").run


async def test_a_real_run_is_left_at_once_with_a_whole_report() -> None:
    chosen = scenarios.load("one-zone-silent")
    app: BackuplinkApp
    left: list[str | None] = []

    async def real(asked: Settings, emit: Callable[[Event], None], stop: CancelToken) -> Measurement:
        async with simulated(chosen) as world:
            evidence = await measure(asked, world, emit=emit, stop=stop)
        left.append(stop.reason)
        return evidence

    app = app_of(Live(title="demo", settings=settings_of(chosen), measure=real))

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.run is not None and state.run.finished > 20)
        app.leave("SIGTERM")
        await until(pilot, lambda _: app.return_value is not None)

    await drive(app, act)
    assert left == ["SIGTERM"]
    assert app.report is not None
    assert (app.report.run.interrupted, app.report.run.complete) == (True, False)
    assert {observation.subject.target for observation in app.report.observations} >= {"backup"}


async def test_a_measure_that_does_not_stop_is_left_by_a_second_q() -> None:
    async def deaf(asked: Settings, emit: Callable[[Event], None], stop: CancelToken) -> Measurement:
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is Phase.RUNNING)
        await pilot.press("q")
        assert "ending the run" in shown(pilot)
        await pilot.press("q")

    app = app_of(Live(title="demo", settings=settings(), measure=deaf))
    assert (await drive(app, act)).return_value == exits.UNKNOWN


async def test_a_run_that_never_started_leaves_nothing_behind() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is ENDED)
        app = pilot.app
        assert isinstance(app, BackuplinkApp)
        app._run()
        app.workers.cancel_all()  # as if the interface ended before the worker has begun
        await pilot.pause()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await drive(app_of(Replay("healthy").live()), act)
        gc.collect()
    assert [str(warning.message) for warning in caught if "never awaited" in str(warning.message)] == []
