"""The screen as a picture. `pytest tests/agent/tui/test_snapshots.py --snapshot-update` draws the pictures again; check
each of them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from textual.pilot import Pilot

from agent.run.events import ObservationMade
from agent.tui.source import Saved
from agent.tui.state import Phase
from tests.agent.tui.replays import OPENED, Replay, app_of, recorded, saved_app, until
from tests.support.extent import one_in
from tests.support.many_services import ALL, report_of

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 36), id="120x36")]
NAMES = (
    *("healthy", "one-zone-silent", "gateway-ports-missing", "tls-intercepted", "endpoint-policy-denies"),
    *("three-faults", "healthy-china", "ipv6-broken"),
)
"""Scenarios that are each drawn at three sizes. CI draws every second picture."""
Compare = Callable[..., bool]


@pytest.fixture(params=SIZES)
def same(request: pytest.FixtureRequest, snap_compare: Compare) -> Compare:
    """Whether an app is drawn as before, at one of two sizes."""

    def compare(app: Any, run_before: Callable[[Pilot[int]], Awaitable[None]] | None = None) -> bool:
        return snap_compare(app, terminal_size=request.param, run_before=run_before)

    return compare


@pytest.mark.parametrize(("size", "name"), one_in(2, product(("80x24", "120x36", "200x60"), NAMES)))
def test_a_report(name: str, size: str, snap_compare: Compare) -> None:
    columns, _, rows = size.partition("x")
    assert snap_compare(saved_app(name), terminal_size=(int(columns), int(rows)))


@pytest.mark.parametrize("services", [ALL[:10], ALL], ids=["10", "24"])
def test_many_services(services: tuple[str, ...], same: Compare) -> None:
    assert same(app_of(Saved(title="demo many-services", report=report_of(services, ("ssm", "ec2")), opened_at=OPENED)))


def test_a_hop_under_the_cursor(same: Compare) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g", *"jjjj", "l", "l")

    assert same(saved_app("interception-trusted"), act)


def test_running(same: Compare) -> None:
    events = recorded("one-zone-silent")[1]
    failed = next(
        n for n, event in enumerate(events) if isinstance(event, ObservationMade) and event.observation.failure
    )
    finished = sum(isinstance(event, ObservationMade) for event in events[:failed])

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.run is not None and state.run.finished == finished)
        await pilot.pause()

    assert same(app_of(Replay("one-zone-silent", upto=failed).live()), act)


def test_watching(same: Compare) -> None:
    replay = Replay("healthy", "one-zone-silent", "slow-link", "healthy")

    async def act(pilot: Pilot[int]) -> None:
        for run in range(3):
            await until(pilot, lambda state, runs=run + 1: state.phase is Phase.FINISHED and len(replay.asked) == runs)  # type: ignore[misc]
            await pilot.press("r")
        await until(pilot, lambda state: state.phase is Phase.FINISHED and len(replay.asked) == 4)
        await pilot.press("w")
        await until(pilot, lambda state: state.next_at is not None)
        await pilot.pause()

    assert same(app_of(replay.live()), act)


WATCH_SIZES = [(80, 24), (120, 36), (200, 60)]
LOOKS = {
    "flapping": (),
    "past": ("left_square_bracket", "left_square_bracket"),
    "log": ("L",),
    "timeline": ("g", *"jjjjj", "p"),
}


@pytest.mark.parametrize(
    ("look", "size"),
    one_in(
        3,
        [pytest.param(look, size, id=f"{look}-{size[0]}x{size[1]}") for size in WATCH_SIZES for look in LOOKS],
    ),
)
def test_a_watch(look: str, size: tuple[int, int], snap_compare: Compare) -> None:
    replay = Replay(*("one-zone-silent", "healthy") * 3, "one-zone-silent", "slow-link", "healthy")

    async def act(pilot: Pilot[int]) -> None:
        for run in range(1, 10):
            await until(pilot, lambda state, runs=run: state.phase is Phase.FINISHED and state.memory.count == runs)  # type: ignore[misc]
            if run < 9:
                await pilot.press("r")
        await until(pilot, lambda state: state.next_at is not None)
        await pilot.press(*LOOKS[look])
        await pilot.pause()

    assert snap_compare(app_of(replace(replay.live(), is_watch=True)), terminal_size=size, run_before=act)


@pytest.mark.parametrize("key", ["t", "question_mark"], ids=["settings", "help"])
def test_another_screen(key: str, same: Compare) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is Phase.FINISHED)
        await pilot.press(key)
        await pilot.pause()

    assert same(app_of(Replay("healthy").live()), act)


@pytest.mark.parametrize("key", ["e", "y", "f", "colon"], ids=["save", "copy", "findings", "palette"])
def test_more_of_a_report(key: str, same: Compare) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press(key)
        await pilot.pause()

    assert same(saved_app("one-zone-silent"), act)
