"""The palette finds actions, findings, services and addresses by some of their letters, in order."""

import pytest
from textual.pilot import Pilot

from agent.tui.actions import FilterChanged, FindingsToggled, Pane
from agent.tui.app import BackuplinkApp
from agent.tui.palette import MOST, Row, matching, rows
from agent.tui.source import Saved
from agent.tui.state import cursor, saved, under_cursor
from agent.tui.widgets.palette_screen import PaletteScreen
from tests.agent.tui.replays import OPENED, app_of, drive, folded, report_of, saved_app, screen_of
from tests.support.many_services import ALL
from tests.support.many_services import report_of as many_services

SAVED = saved("kept", report_of("one-zone-silent"))


def found(wanted: str) -> tuple[Row, ...]:
    return matching(rows(SAVED), wanted)


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("tcp002", "finding/TCP002@backup"),
        ("is silent on", "finding/TCP002@backup"),
        ("10.0.2.17", "lane/backup/10.0.2.17/443"),
        ("addr 2.17 failed", "lane/backup/10.0.2.17/443"),
        ("service backup", "target/backup"),
    ],
)
def test_what_is_shown_is_found(wanted: str, key: str) -> None:
    assert found(wanted)[0].key == key


@pytest.mark.parametrize("wanted", ["findings only", "fndngs only", "FINDINGS", "follows from"])
def test_letters_may_be_left_out(wanted: str) -> None:
    assert found(wanted)[0].action == "findings"


@pytest.mark.parametrize("wanted", ["zzz", "tcp002 10.0.1.17", "nofindingatall", "fs"])
def test_what_is_not_there_is_not_found(wanted: str) -> None:
    assert not [row for row in found(wanted) if row.key == "finding/TCP002@backup"]


def test_without_words_all_is_listed_actions_first() -> None:
    assert found("") == rows(SAVED)
    kinds = [row.action is None for row in found("")]
    assert kinds == sorted(kinds)


def test_no_run_is_offered_of_a_saved_report() -> None:
    assert not [row for row in found("") if row.action in ("run", "run_only", "watch", "settings")]
    assert [row for row in rows(folded("one-zone-silent")) if row.action == "run"]


def test_of_hundreds_the_best_are_listed() -> None:
    many = tuple(Row("address", f"10.0.{n // 200}.{n % 200} 443", rows(SAVED)[0].tone, None) for n in range(400))
    assert len(matching(many, "10.0")) == MOST
    assert matching(many, "10.0.1.199")[0].text.startswith("10.0.1.199 ")


async def go(pilot: Pilot[int], wanted: str) -> None:
    await pilot.press("colon")
    assert isinstance(pilot.app.screen, PaletteScreen)
    await pilot.press(*wanted, "enter")
    await pilot.pause()


async def test_an_address_puts_the_cursor_there_and_a_finding_opens() -> None:
    app = saved_app("one-zone-silent")

    async def act(pilot: Pilot[int]) -> None:
        await go(pilot, "10.0.2.17")
        assert app.state is not None
        assert (app.state.pane, cursor(app.state)) == (Pane.PATH, "lane/backup/10.0.2.17/443")
        await go(pilot, "tcp002")
        assert app.state.is_whole
        assert under_cursor(app.state) == "finding/TCP002@backup"
        assert "[TCP002]" in "\n".join(screen_of(pilot))

    await drive(app, act)


async def test_what_is_hidden_is_shown() -> None:
    report = many_services(ALL[:10], ("ssm",))
    app: BackuplinkApp = app_of(Saved(title="many", report=report, opened_at=OPENED))

    async def act(pilot: Pilot[int]) -> None:
        assert app.state is not None
        address = next(str(lane.address) for band in app.state.whole_picture.bands for lane in band.lanes)
        app.act(FilterChanged("nothing has this"))
        app.act(FindingsToggled())
        await go(pilot, address)
        assert (app.state.filter, app.state.findings_only) == ("", False)
        assert f"/{address}/" in cursor(app.state)

    await drive(app, act)


@pytest.mark.parametrize(
    ("wanted", "action"),
    [
        ("html", "save"),
        ("export", "copy"),
        ("markdown", "save"),
        ("json", "save"),
        ("clipboard", "copy"),
        ("search", "filter"),
        ("exit", "quit_or_back"),
        ("rerun", "run"),
        ("close", "close"),
    ],
)
def test_other_words_find_an_action(wanted: str, action: str) -> None:
    assert matching(rows(folded("one-zone-silent")), wanted)[0].action == action
