"""A watch over simulated VPCs: on which clock it runs, and that nothing is lost where that clock does not wait."""

import asyncio
import time
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from agent.app.demo import SimulatedTurns, config_of_turns, load_scenario
from agent.app.errors import RequestError
from agent.cli import entry as command
from agent.process.output import Writer
from agent.settings import Notify, ReportOptions, Watching
from agent.simulated.clock import PatientLoop
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
        "This watch runs in simulated time, and --on-change needs the time of this host; start it again"
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
    """On the clock of the host a reader has the time between two cycles."""
    monkeypatch.setattr("agent.watch.sinks.MAX_BACKLOG", 0)
    taken = Writer._work

    def slow(writer: Writer) -> None:
        time.sleep(0.2)
        taken(writer)

    monkeypatch.setattr(Writer, "_work", slow)
    assert command.run(["demo", "--watch", "--cycles", "3", "--format", "ndjson"]) == 0
    assert capsys.readouterr().out.count('"type": "report"') == 3
