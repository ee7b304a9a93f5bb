"""The header says what the screen shows, at every size and on every page."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from textual.pilot import Pilot

from agent.report.model import Report
from agent.report.redact import redact
from agent.tui.actions import RunFinished, RunRequested
from agent.tui.drawing import header
from agent.tui.source import Saved
from agent.tui.state import State, saved
from tests.agent.tui.replays import (
    OPENED,
    Replay,
    after,
    app_of,
    drive,
    folded,
    ready,
    saved_app,
    screen_of,
    settings,
    until,
    words,
)
from tests.support.extent import one_in
from tests.support.many_services import ALL
from tests.support.many_services import report_of as many_services
from tests.support.runs import report_of


def shown(state: State, width: int = 80, height: int = 2) -> list[str]:
    return words(list(header(state, width, height)))


def of(report: Report, opened_at: datetime | None = OPENED) -> State:
    return saved("kept", report, opened_at)


def test_a_saved_report_has_its_date_its_age_its_host_and_what_it_requires() -> None:
    assert shown(of(report_of("one-zone-silent"))) == [
        " SAVED 2026-01-15 03:00:03 UTC, 2 d 4 h old  i-0a1b2c3d4e5f67890  10.0.1.10",
        " vpc-0a1b2c3d4e5f67890  requires backup (caller)",
    ]


def test_a_report_of_the_future_has_no_age() -> None:
    report = report_of("one-zone-silent")
    state = of(report, report.run.finished_at - timedelta(days=1))

    assert shown(state)[0].startswith(" SAVED 2026-01-15 03:00:03 UTC  i-")


def test_a_redacted_report_says_so() -> None:
    assert "  REDACTED stand-ins  " in shown(of(redact(report_of("one-zone-silent"))), 120)[0]
    assert "REDACTED" not in shown(of(report_of("one-zone-silent")), 120)[0]


def test_a_run_is_live_and_has_the_time_of_the_last_one() -> None:
    assert shown(ready()) == [" LIVE no run has finished  this host"]
    assert shown(folded("healthy"))[0].startswith(" LIVE last run 2026-01-15 03:00:00 UTC  i-")
    again = after(folded("healthy"), RunRequested(0.0, settings()))
    assert shown(again) == shown(folded("healthy"))


def test_a_simulated_run_says_so() -> None:
    state = after(replace(ready(), is_simulated=True), RunFinished(report_of("healthy")))
    assert shown(state)[0].startswith(" LIVE last run 2026-01-15 03:00:00 UTC  SIMULATED  i-")


def test_before_the_first_run_has_finished_the_host_is_known_from_its_metadata() -> None:
    head = " ".join(shown(folded("one-zone-silent", 400), 200))
    assert (
        head
        == " LIVE no run has finished  i-0a1b2c3d4e5f67890  10.0.1.10  vpc-0a1b2c3d4e5f67890  requires backup (caller)"
    )


@pytest.mark.parametrize(
    ("width", "required"),
    [
        (43, "requires backup (caller, hana), ssm (hana)"),
        (40, "requires backup, ssm (caller, hana)"),
        (35, "requires 2 services (caller, hana)"),
        (30, "requires 2 services"),
    ],
)
def test_what_is_required_is_said_as_fully_as_there_is_room(width: int, required: str) -> None:
    report = report_of("one-zone-silent")
    backup = replace(report.targets[0], required_by=("caller", "hana"))
    state = of(replace(report, targets=(backup, replace(backup, id="ssm", required_by=("hana",)))))

    assert shown(state, width, 9)[-1] == f" {required}"


def test_where_nothing_is_required_it_says_so() -> None:
    report = report_of("one-zone-silent")
    assert "nothing is required" in shown(of(replace(report, targets=())))[-1]


@pytest.mark.parametrize(
    ("size", "keys"),
    one_in(2, product([(60, 20), (80, 24), (140, 45)], ["", "enter", "f", "tab", "slash"])),
)
async def test_the_header_is_never_dropped(size: tuple[int, int], keys: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        if keys:
            await pilot.press(keys)
            await pilot.pause()
        head = " ".join(screen_of(pilot)[: 3 if size[0] < 80 else 2])
        for part in (
            "SAVED 2026-01-15 03:00:03 UTC, 2 d 4 h old",
            "i-0a1b2c3d4e5f67890  10.0.1.10",
            "vpc-0a1b2c3d4e5f67890",
            "requires backup (caller)",
        ):
            assert part in head

    await drive(saved_app("one-zone-silent"), act, size)


async def test_of_many_services_the_header_has_their_number() -> None:
    async def act(pilot: Pilot[int]) -> None:
        assert f"requires {len(ALL)} services" in " ".join(screen_of(pilot)[:2])

    await drive(app_of(Saved(title="many", report=many_services(ALL, ()), opened_at=OPENED)), act)


async def test_a_live_run_has_its_header_before_it_has_finished() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.report is not None)
        assert screen_of(pilot)[0].startswith(" LIVE last run 2026-01-15 03:00:00 UTC  i-")

    await drive(app_of(Replay("healthy").live()), act)
