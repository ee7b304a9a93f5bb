"""Runs a watch in virtual time, with simulated networks or invented cycles, but with real files."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from agent.formats.registry import RenderOptions
from agent.formats.registry import render as render_report
from agent.history.model import History
from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.process.output import Writer
from agent.report import exits
from agent.report.model import Measurement, Report
from agent.run.measuring import Emit, Measure
from agent.run.runner import measure
from agent.settings import Settings, Watching
from agent.simulated.scenario import Scenario
from agent.simulated.settings import EPOCH, settings_of
from agent.simulated.world import simulated
from agent.watch.config import WatchConfig, WatchEnvironment
from agent.watch.schedule import Watch
from agent.watch.systemd import Manager
from tests.support import scenarios

INTERVAL: Final = 60.0
DEADLINE: Final = 20.0


def loaded(*names: str) -> list[Scenario]:
    """Load scenarios that come with the program."""
    return [scenarios.load(name) for name in names]


def networks(turns: Iterable[Scenario]) -> Measure:
    """A function that measures these scenarios in their order, one in each cycle. When the loop's time is 0, the wall
    clock shows EPOCH.
    """
    left = iter(turns)

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        async with simulated(next(left), 0.0) as world:
            return await measure(settings, world, emit=emit, stop=stop)

    return go


def job(
    measure: Measure,
    *,
    scenario: str = "healthy",
    format: str = "text",  # noqa: A002 - the option's name
    output: Path | None = None,
    redact: bool = False,
    judge: Callable[[Measurement], Report] = judge,
    history: History | None = None,
    **watching: Any,
) -> WatchConfig:
    """The job of a watch. Values that are not given are the command's defaults. Its settings come from `scenario`."""
    given: dict[str, Any] = {"interval": INTERVAL, "cycles": None, "raise_after": 2, "clear_after": 2}
    return WatchConfig(
        settings=replace(settings_of(scenarios.load(scenario)), deadline=DEADLINE),
        watching=Watching(**(given | watching)),
        measure=measure,
        judge=judge,
        format=format,
        output=output,
        render=lambda report: render_report(
            report, format, RenderOptions(exit_code=exits.of_status(report.verdict.status))
        ),
        redact=redact,
        history=history,
        series="watch",
    )


@dataclass(slots=True)
class Watched:
    """The result of a watch that has ended, and the files that it wrote."""

    watch: Watch
    lines: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)


async def watched(
    first: WatchConfig | Callable[[CancelToken], WatchConfig],
    *,
    meanwhile: Callable[[Watch, CancelToken], Any] | None = None,
    reread: Callable[[], WatchConfig] | None = None,
    environment: dict[str, str] | None = None,
    documents: Callable[[str], None] | None = None,
    lines: Callable[[str], None] | None = None,
    tidy: Callable[[object], None] = lambda _: None,
) -> Watched:
    """Run a watch to its end in virtual time. `meanwhile` is a coroutine function that acts on the watch
    while it runs.
    """
    lines_written: list[str] = []
    written: list[str] = []
    stop = CancelToken()
    loop = asyncio.get_running_loop()
    to_person = Writer(lines_written.append if lines is None else lines)
    to_reader = Writer(written.append if documents is None else documents)
    around = WatchEnvironment(
        now=lambda: EPOCH + timedelta(seconds=loop.time()),
        chance=random.Random(1),
        manager=Manager(environment or {}, process_id=1),
        lines=to_person,
        documents=to_reader,
        journal=False,
        tidy=tidy,
    )
    try:
        watch = Watch(first if isinstance(first, WatchConfig) else first(stop), around, stop, reread)
        other = None if meanwhile is None else asyncio.create_task(meanwhile(watch, stop))
        await watch.run()
        if other is not None and not other.cancel():
            await other  # raises the exception of `meanwhile`, if any
    finally:
        to_person.end()
        to_reader.end()
    return Watched(watch, lines_written, written)
