"""A watch over simulated VPCs. The tests check which clock it uses, and that a fast clock loses no document."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from agent.app.demo import SimulatedTurns, config_of_turns, load_scenario
from agent.app.errors import RequestError
from agent.cli import entry as command
from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.process.output import Writer
from agent.settings import Calls, Notify, ReportOptions, Watching
from agent.simulated.clock import PatientLoop
from agent.simulated.settings import settings_of
from agent.tui.source import Live
from probes.background import in_background

OPTIONS = ReportOptions(format="text", brief=False, output=None, redact=False, suppressions=(), fail_on="warning")
TWICE = Watching(interval=60.0, cycles=2, raise_after=2, clear_after=2)


@pytest.mark.parametrize(
    ("given", "is_virtual"),
    [
        ({}, True),
        ({"cycles": None}, False),
        ({"listen": (ip_address("127.0.0.1"), 1)}, False),
        ({"on_change": ("true",)}, False),
        ({"notify": Notify(url="http://127.0.0.1/", template=None)}, False),
    ],
)
def test_which_clock_a_watch_runs_on(given: dict[str, Any], is_virtual: bool) -> None:
    turns = SimulatedTurns(load_scenario("healthy"))
    config_of_turns(turns, replace(TWICE, **given), OPTIONS)
    assert turns.is_virtual is is_virtual
    assert turns.loop_factory is (PatientLoop if is_virtual else None)


def test_settings_that_are_read_again_do_not_change_the_clock() -> None:
    virtual, other = (SimulatedTurns(load_scenario("healthy")) for _ in range(2))
    config_of_turns(virtual, TWICE, OPTIONS)
    with pytest.raises(RequestError) as caught:
        config_of_turns(virtual, replace(TWICE, on_change=("true",)), OPTIONS)
    assert caught.value.why == (
        "This watch runs in simulated time, but --on-change needs the time of this host; start the watch again for this"
    )
    with pytest.raises(RequestError, match="without --cycles"):
        config_of_turns(virtual, replace(TWICE, cycles=None), OPTIONS)
    config_of_turns(other, replace(TWICE, cycles=None), OPTIONS)
    config_of_turns(other, TWICE, OPTIONS)
    assert (virtual.is_virtual, other.is_virtual) == (True, False)


@pytest.mark.virtual_clock(loop=PatientLoop)
async def test_virtual_time_stands_still_while_a_thread_works() -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(0.001):
        await in_background(lambda: time.sleep(0.05))
    assert loop.time() == 0
    await asyncio.sleep(60)
    assert loop.time() == 60


def test_a_slow_reader_gets_every_document_of_a_watch_in_virtual_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a real clock, a slow reader could catch up between two cycles."""
    monkeypatch.setattr("agent.watch.sinks.MAX_BACKLOG", 0)
    taken = Writer._work

    def slow(writer: Writer) -> None:
        time.sleep(0.2)
        taken(writer)

    monkeypatch.setattr(Writer, "_work", slow)
    assert command.run(["demo", "--watch", "--cycles", "3", "--format", "ndjson"]) == 0
    assert capsys.readouterr().out.count('"type": "report"') == 3


@pytest.mark.virtual_clock
async def test_each_run_meets_the_next_turn_and_the_clock_goes_on() -> None:
    turns = SimulatedTurns(load_scenario("one-zone-flaps"))
    asked = settings_of(turns.scenario)
    reports = []
    for _ in range(3):
        reports.append(judge(await turns.measure(asked, lambda _: None, CancelToken())))
        await asyncio.sleep(60)
    assert [report.verdict.status for report in reports] == ["critical", "ok", "critical"]
    first, second, third = (report.run.started_at for report in reports)
    assert timedelta(seconds=60) <= second - first < timedelta(seconds=70)
    assert second < third


def screens(monkeypatch: pytest.MonkeyPatch) -> list[Live]:
    """Collect the screens that would be shown on a terminal."""
    shown: list[Live] = []

    def show(source: Live, *_: object) -> int:
        shown.append(source)
        return 0

    monkeypatch.setattr("agent.app.show.show", show)
    return shown


@pytest.mark.parametrize(
    ("given", "is_watch", "interval", "is_kept"),
    [
        ((), False, 60.0, False),
        (("--watch",), True, 60.0, False),
        (("--watch", "--interval", "10", "--history", "kept.db"), True, 10.0, True),
    ],
)
def test_what_a_demo_on_the_screen_is_given(
    given: tuple[str, ...],
    is_watch: bool,
    interval: float,
    is_kept: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKUPLINK_KEEP", "3d")  # a variable that is meant for other commands
    if is_watch and not is_kept:
        monkeypatch.delenv("BACKUPLINK_KEEP")
    shown = screens(monkeypatch)
    assert command.run(["demo", "--tui", "one-zone-flaps", *given]) == 0
    (source,) = shown
    assert (source.is_watch, source.watching.interval, source.is_simulated) == (is_watch, interval, True)
    assert (source.history is not None) is is_kept
    assert isinstance(getattr(source.measure, "__self__", None), SimulatedTurns)


@pytest.mark.parametrize("option", ["--cycles", "--listen", "--textfile"])
def test_what_the_screen_has_no_use_for_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["demo", "--tui", "--watch", option, "1"]) == 3
    assert f"{option} applies to a watch without --tui." in capsys.readouterr().err


def test_the_interval_of_the_interface_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screens(monkeypatch)
    monkeypatch.setenv("BACKUPLINK_INTERVAL", "15")
    assert command.run(["tui", "--no-api"]) == 0
    assert command.run(["tui", "--watch", "--interval", "20"]) == 0
    assert [(source.watching.interval, source.is_watch) for source in shown] == [(15.0, False), (20.0, True)]
    assert shown[1].settings.calls is Calls.EACH  # as many calls as `check` makes: one person watches, not a fleet
