"""The interface over a watch of hundreds of lanes, with different times in each run: `r` makes the next run at once,
and `[` and `]` step through the runs.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from agent.process.cancel import CancelToken
from agent.report.model import Measurement, Report
from agent.run.events import Event
from agent.settings import InterfaceOptions, Settings
from agent.simulated.settings import settings_of
from agent.tui import command
from agent.tui.source import WATCHING, Live
from tests.support import scenarios
from tests.support.many_lanes import many

HOUR = 3_600.0


def runs(count: int) -> Live:
    """A watch whose runs all have the report of `many(count)`, at different times."""
    first = many(count)
    numbers = itertools.count()
    last = first

    async def measure(_: Settings, __: Callable[[Event], None], ___: CancelToken) -> Measurement:
        nonlocal last
        last = _later(first, next(numbers))
        return Measurement(run=last.run, targets=(), observations=last.observations)

    return Live(
        title="many",
        settings=settings_of(scenarios.load("gateway-healthy")),
        measure=measure,
        judge=lambda _: last,
        watching=replace(WATCHING, interval=HOUR),
        is_watch=True,
    )


def _later(report: Report, number: int) -> Report:
    """Return a copy of the report, `number` minutes later. If `number` is odd, the steps in the copy are slower, and
    one step is missing.
    """
    late = timedelta(minutes=number)
    run = replace(report.run, started_at=report.run.started_at + late, finished_at=report.run.finished_at + late)
    if number % 2 == 0:
        return replace(report, run=run)
    slower = (
        replace(seen, seconds=seen.seconds and 2 * seen.seconds) for seen in report.observations if seen.subject.address
    )
    here = (seen for seen in report.observations if not seen.subject.address)
    return replace(report, run=run, observations=(*here, *tuple(slower)[1:]))


if __name__ == "__main__":
    shown = command.app(runs(int(sys.argv[1])), "warning", InterfaceOptions(), os.environ)
    asyncio.run(shown.run_async())
