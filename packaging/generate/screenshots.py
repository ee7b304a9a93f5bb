"""Draw the pictures in the documents, of the interface, of paths and of a history, from scenarios: `./dev docs` writes
them, and `./dev check` compares them.

The same scenario gives the same picture, byte for byte, on every machine. Its run is made under a simulated clock, and
is then played back to the interface, whose own clock stands still.
"""

import asyncio
import io
import itertools
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from agent.app import demo_fleet
from agent.documents import text
from agent.fleet import content
from agent.formats import svg
from agent.history import chart
from agent.process.cancel import CancelToken
from agent.report.model import Measurement
from agent.report.words import WIDTH
from agent.run.events import Event
from agent.settings import Settings
from agent.simulated.settings import settings_of
from tests.support import histories, scenarios
from tests.support.runs import measured, report_of

_FONTS: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""The fonts that a viewer would fetch from elsewhere. They are removed. The picture also names fonts that most machines
have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the interface after the run of a scenario has ended and some keys were pressed."""

    scenario: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    """The scenarios of a watch's runs, which are a minute apart. Empty for a single run of `scenario`."""


PICTURES: Final = {
    "one-zone-silent": Picture(scenario="one-zone-silent", size=(120, 34)),
    "gateway-ports-missing": Picture(scenario="gateway-ports-missing", size=(120, 44)),
    "watch": Picture(
        scenario="one-zone-flaps",
        size=(120, 34),
        runs=(*("healthy",) * 12, *("one-zone-flaps", "healthy") * 7, "one-zone-flaps"),
    ),
}
"""The screenshots, by the name of the file."""
FLEET_HOSTS: Final = 5_000
FLEET_LINES: Final = 60
"""Number of lines of a fleet's text that are drawn."""
PATHS: Final = ("gateway-group-for-the-appliance", "hana-without-storage-endpoint")
"""Scenarios whose path is drawn as `--format svg` draws it."""


def pages() -> dict[str, str]:
    """Every picture as SVG, by its path from the root."""
    for name in list(os.environ):
        if name in ("NO_COLOR", "FORCE_COLOR") or name.startswith("TEXTUAL"):
            del os.environ[name]  # the user's own theme must not change the pictures
    paths = {f"docs/screenshots/path-{name}.svg": svg.render(report_of(name)) for name in PATHS}
    drawn = {f"docs/screenshots/{name}.svg": _svg(picture) for name, picture in PICTURES.items()}
    return paths | drawn | {"docs/screenshots/history.svg": _history(), "docs/screenshots/fleet.svg": _fleet()}


def _fleet() -> str:
    """The text of a fleet report in a terminal: its first two causes, and the lines about other causes."""
    from rich.console import Console
    from rich.text import Text

    shown = text.render(content.document(demo_fleet.document_of(FLEET_HOSTS))).splitlines()
    console = Console(record=True, width=WIDTH, file=io.StringIO(), legacy_windows=False, force_terminal=False)
    console.print(Text("\n".join(shown[:FLEET_LINES])))
    title = f"backuplink demo --fleet {FLEET_HOSTS}"
    drawn = _FONTS.sub("", console.export_svg(title=title, unique_id="fleet"))
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def _history() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "week.db"
        histories.week(path)
        return chart.as_svg(histories.read(path))


def _svg(picture: Picture) -> str:
    chosen = scenarios.load(picture.scenario)
    runs = [measured(scenarios.load(name)) for name in picture.runs or (picture.scenario,)]
    made = itertools.count()

    async def play(_: Settings, emit: Callable[[Event], None], __: CancelToken) -> Measurement:
        number = next(made)
        evidence, events = runs[number]
        for event in events:
            emit(event)
        run, later = evidence.run, timedelta(minutes=number)
        return replace(
            evidence, run=replace(run, started_at=run.started_at + later, finished_at=run.finished_at + later)
        )

    async def draw() -> str:
        from agent.tui.app import BackuplinkApp
        from agent.tui.source import Live

        live = Live(
            title=f"simulated VPC: {chosen.name}",
            settings=settings_of(chosen),
            measure=play,
            is_simulated=bool(picture.runs),
            is_watch=bool(picture.runs),
        )
        app = BackuplinkApp(live, clock=lambda: 0.0)
        async with app.run_test(size=picture.size) as pilot:
            for number in range(len(runs)):
                if number:
                    await pilot.press("r")
                while app.state is None or app.state.memory.count <= number:
                    await pilot.pause()
                await app.workers.wait_for_complete()
            await pilot.press(*picture.keys)
            await pilot.pause()
            return app.export_screenshot(title=f"backuplink demo --tui {chosen.name}{' --watch' * live.is_watch}")

    drawn = _FONTS.sub("", asyncio.run(draw()))
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"
