"""Runs for the interface, which replay one run of each scenario, and functions that use the interface without a
terminal.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from textual.pilot import Pilot

from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report.model import Measurement, Report
from agent.run.events import Event
from agent.settings import Settings
from agent.simulated.settings import settings_of
from agent.tui.actions import Action, RunFinished, RunRequested, WatchToggled
from agent.tui.app import BackuplinkApp
from agent.tui.drawing import path
from agent.tui.following import Follower
from agent.tui.lines import UNICODE, Line
from agent.tui.source import WATCHING, Live, Saved
from agent.tui.state import State, reduce
from tests.support import scenarios
from tests.support.runs import measured

Act = Callable[[Pilot[int]], Awaitable[None]]
OPENED = datetime(2026, 1, 17, 7, 5, tzinfo=UTC)
"""The time at which saved reports are opened."""
LIMIT = 10.0
"""The time in seconds for which a test waits for a state."""


@cache
def recorded(name: str) -> tuple[Measurement, tuple[Event, ...]]:
    return measured(scenarios.load(name))


def report_of(name: str) -> Report:
    return judge(recorded(name)[0])


def settings(name: str = "healthy") -> Settings:
    return settings_of(scenarios.load(name))


def folded(name: str, upto: int | None = None) -> State:
    """The state after a scenario's run. With `upto`, the state after this many of its events."""
    state = reduce(ready(name), RunRequested(0.0, settings(name)))
    for event in recorded(name)[1][:upto]:
        state = reduce(state, event)
    return state if upto is not None else reduce(state, RunFinished(report_of(name)))


def ready(name: str = "healthy") -> State:
    return State(title=f"demo {name}", settings=settings(name))


def after(state: State, *actions: Action) -> State:
    for action in actions:
        state = reduce(state, action)
    return state


def words(lines: "tuple[Line, ...] | list[Line]") -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in lines]


def lanes(state: State, width: int = 120) -> list[str]:
    """The rows of the path that show a lane."""
    keyed = [line for line in path(state, width, UNICODE) if any((span.key or "").startswith("lane/") for span in line)]
    return words(keyed)


class Replay:
    """Makes runs by replaying the run of one scenario after the other. The last one is repeated."""

    def __init__(self, *names: str, upto: int | None = None) -> None:
        self._runs = [recorded(name) for name in names]
        self._upto = upto
        self.asked: list[Settings] = []
        """The settings of each run so far."""

    def live(self, title: str = "demo") -> Live:
        return Live(title=title, settings=settings(), measure=self.measure)

    async def measure(self, asked: Settings, emit: Callable[[Event], None], stop: CancelToken) -> Measurement:
        self.asked.append(asked)
        evidence, events = self._runs[min(len(self.asked), len(self._runs)) - 1]
        for event in events[: self._upto]:
            emit(event)
        if self._upto is None:
            return evidence
        window = asyncio.timeout(None)  # the rest of the run would come later
        try:
            async with window:
                stop.watch(window)
                await asyncio.Event().wait()
        except TimeoutError:
            stop.release()
        seen = {event.observation.id for event in events[: self._upto] if hasattr(event, "observation")}
        return Measurement(
            run=replace(evidence.run, complete=False, interrupted=True),
            targets=evidence.targets,
            observations=tuple(observation for observation in evidence.observations if observation.id in seen),
        )


def app_of(source: Live | Saved, **how: bool) -> BackuplinkApp:
    return BackuplinkApp(source, clock=lambda: 0.0, **how)  # type: ignore[arg-type]


def saved_app(name: str, **how: bool) -> BackuplinkApp:
    return app_of(Saved(title=f"demo {name}", report=report_of(name), opened_at=OPENED), **how)


async def drive(app: BackuplinkApp, act: Act, size: tuple[int, int] = (80, 24)) -> BackuplinkApp:
    """Show the app on a simulated terminal, and run `act` on it. Returns the app: tests assert its state."""
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await act(pilot)
    return app


async def until(pilot: Pilot[int], holds: Callable[[State], bool]) -> State:
    """Wait until `holds` is true of the state."""
    app = pilot.app
    assert isinstance(app, BackuplinkApp)
    async with asyncio.timeout(LIMIT):
        while app.state is None or not holds(app.state):
            await pilot.pause(0.01)
    return app.state


def screen_of(pilot: Pilot[int]) -> list[str]:
    """The lines of the current screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def at(name: str, minutes: int, **changed: object) -> Report:
    """The report of a scenario, changed as if its run was this many minutes later."""
    report = report_of(name)
    late = timedelta(minutes=minutes)
    run = replace(
        report.run,
        id=f"{report.run.id}-{minutes}",
        started_at=report.run.started_at + late,
        finished_at=report.run.finished_at + late,
        **changed,  # type: ignore[arg-type]
    )
    return replace(report, run=run)


async def watched(*names: str, state: State | None = None, follower: Follower | None = None) -> State:
    """The state of a watch after these scenarios. There is one minute between two runs."""
    follower = Follower(WATCHING, None) if follower is None else follower
    state = after(ready(), WatchToggled(True)) if state is None else state
    for name in names:
        report = at(name, state.memory.count)
        followed = await follower.follow(report, settings())
        state = after(state, RunRequested(0.0, settings()), RunFinished(report, followed))
    return state
