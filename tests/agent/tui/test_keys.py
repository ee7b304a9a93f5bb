"""Every key has the effect that the help describes, on a simulated terminal."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input

from agent.process import phases
from agent.process.phases import Phase
from agent.tui import app as tui
from agent.tui.actions import Pane
from agent.tui.app import BackuplinkApp, MainScreen
from agent.tui.keys import KEYS
from agent.tui.network_path import THIS_HOST
from agent.tui.state import State, cursor, selected_entry, under_cursor
from agent.tui.widgets.choice import Choice
from agent.tui.widgets.palette_screen import PaletteScreen
from agent.tui.widgets.pane import DetailPane, PathPane
from agent.tui.widgets.screens import SaveScreen, TextScreen
from tests.agent.tui.replays import LIMIT, drive, saved_app, screen_of, until
from tests.hostile.fuzz import typed
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.support.extent import examples, one_in


def state_of(pilot: Pilot[int]) -> State:
    app = pilot.app
    assert isinstance(app, BackuplinkApp)
    assert app.state is not None
    return app.state


def text_of(pilot: Pilot[int]) -> str:
    return " ".join(" ".join(screen_of(pilot)).split())


async def shows(pilot: Pilot[int], words: str) -> None:
    """Wait until these words are on the screen."""
    async with asyncio.timeout(LIMIT):
        while words not in text_of(pilot):
            await pilot.pause(0.01)


def is_main(pilot: Pilot[int]) -> bool:
    return isinstance(pilot.app.screen, MainScreen)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        pytest.param("j", "settings", id="j"),
        pytest.param("down", "settings", id="down"),
        pytest.param("j j", "target/backup", id="two down"),
        pytest.param("j j k", "settings", id="k"),
        pytest.param("down up", THIS_HOST, id="up"),
        pytest.param("j l", "imds", id="l"),
        pytest.param("j right h", "settings", id="h"),
        pytest.param("j right left", "settings", id="left"),
        pytest.param("G", "names/backup-gateway", id="G"),
        pytest.param("end home", THIS_HOST, id="end, home"),
        pytest.param("G g", THIS_HOST, id="g"),
        pytest.param("pagedown", "names/backup-gateway", id="page down"),
        pytest.param("G pageup", THIS_HOST, id="page up"),
    ],
)
async def test_moving_in_the_path(keys: str, place: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g", *keys.split())
        assert state_of(pilot).pane is Pane.PATH
        assert cursor(state_of(pilot)) == place

    await drive(saved_app("one-zone-silent"), act)


async def test_tab_and_shift_tab_go_round() -> None:
    async def act(pilot: Pilot[int]) -> None:
        panes = []
        for key in ("tab", "tab", "tab", "shift+tab"):
            await pilot.press(key)
            panes.append(state_of(pilot).pane)
        assert panes == [Pane.DETAIL, Pane.PATH, Pane.CAUSES, Pane.PATH]
        assert any(line.startswith(">  Path") for line in screen_of(pilot))

    await drive(saved_app("one-zone-silent"), act)


async def test_enter_opens_and_esc_goes_back() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("enter")
        assert state_of(pilot).is_whole
        lines = screen_of(pilot)
        assert not any("Path" in line for line in lines)
        assert "aws ec2 describe-network-interfaces" in "\n".join(lines)
        await pilot.press("j", "j")
        assert screen_of(pilot)[6] != lines[6]
        await pilot.press("escape")
        assert not state_of(pilot).is_whole
        assert any("Path" in line for line in screen_of(pilot))

    await drive(saved_app("one-zone-silent"), act)


async def test_the_detail_can_be_read_to_its_end() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("enter", "G")
        part = pilot.app.screen.query_one(DetailPane)
        assert state_of(pilot).scrolled == part.most > 0
        assert "bundle --wrong" in "".join(screen_of(pilot)[-4:])
        await pilot.press("pageup")
        assert state_of(pilot).scrolled == part.most - part.page + 1
        await pilot.press("g")
        assert state_of(pilot).scrolled == 0

    await drive(saved_app("one-zone-silent"), act)


async def test_slash_filters_while_one_types() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("slash", *"TIMEOUT")
        assert state_of(pilot).filter == "TIMEOUT"
        assert not any("10.0.1.17" in line for line in screen_of(pilot)[:14])
        await pilot.press("enter")
        assert state_of(pilot).filter == "TIMEOUT"
        await pilot.press("shift+tab", "j")
        assert state_of(pilot).pane is Pane.PATH
        await pilot.press("escape")
        assert state_of(pilot).filter == ""

    await drive(saved_app("one-zone-silent"), act)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 45)])
async def test_a_filter_that_is_kept_says_what_it_hides(size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("slash", *" clock", "enter")
        state = state_of(pilot)
        assert (state.hidden_causes, state.hidden_lanes) == (1, 3)
        for key in ("shift+tab", "j", "enter"):
            await pilot.press(key)
            is_page = key == "enter"  # the filter hides nothing on the page of a finding
            assert screen_of(pilot)[-1].startswith(' filter "clock" hides 1 cause and 3 lanes') is not is_page
            assert screen_of(pilot)[-1].endswith("q back" if is_page else "q quit")
        await pilot.press("escape")
        assert any("Causes, 1 hidden by the filter" in line for line in screen_of(pilot))

    await drive(saved_app("one-zone-silent"), act, size)


async def test_esc_in_the_line_of_the_filter_shows_all() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("slash", *"q?", "escape")
        assert state_of(pilot).filter == ""
        assert not pilot.app.screen.query_one("#filter").display
        assert is_main(pilot)
        await pilot.press("j")

    await drive(saved_app("one-zone-silent"), act)


async def test_f_leaves_findings_alone_and_gives_all_back() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("f")
        assert state_of(pilot).findings_only
        assert not pilot.app.screen.query_one(PathPane).display
        assert any("> Findings" in line for line in screen_of(pilot))
        await pilot.press("f")
        assert pilot.app.screen.query_one(PathPane).display

    await drive(saved_app("two-faults-metadata-and-interception"), act)


async def test_j_chooses_the_next_cause() -> None:
    async def act(pilot: Pilot[int]) -> None:
        first = selected_entry(state_of(pilot))
        await pilot.press("j")
        second = selected_entry(state_of(pilot))
        assert first != second
        assert under_cursor(state_of(pilot)) == second
        await pilot.press("k")
        assert selected_entry(state_of(pilot)) == first

    await drive(saved_app("two-faults-zone-and-policy"), act)


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("healthy", "r", "this is a saved report: nothing is measured"),
        ("healthy", "R", "no service is under the cursor"),
        ("healthy", "j j R", "this is a saved report: nothing is measured"),
        ("healthy", "w", "this is a saved report: nothing is measured"),
        ("healthy", "t", "this is a saved report: nothing is measured"),
    ],
)
async def test_what_cannot_be_done_is_said(name: str, keys: str, message: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press(*keys.split())
        assert message in screen_of(pilot)[-1]
        await pilot.press("j")
        assert message not in screen_of(pilot)[-1]

    await drive(saved_app(name), act)


async def test_e_saves_under_a_name_and_in_a_format(tmp_path: Path) -> None:
    taken = tmp_path / "taken.json"
    taken.write_text("mine")
    place = tmp_path / "new.md"

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        screen = pilot.app.screen
        assert isinstance(screen, SaveScreen)
        line = screen.query_one("#place", Input)
        assert line.value == "backuplink-simulated-one-zone-silent.json"
        line.value = str(taken)
        await pilot.press("enter")
        await shows(pilot, "exists already")
        line.value = str(tmp_path / "nowhere" / "new.md")
        await pilot.press("enter")
        await shows(pilot, "cannot be written: No such file or directory")
        line.value = str(place.with_suffix(".json"))
        await pilot.press("shift+tab", "right", "right")
        assert line.value == str(place)
        assert screen.query_one("#format", Choice).selected == {"markdown"}
        await pilot.press("enter")
        await shows(pilot, " saved as ")
        assert is_main(pilot)

    await drive(saved_app("one-zone-silent"), act)

    assert taken.read_text() == "mine"
    assert place.read_text().startswith("#")


class HungDisk:
    """A file system that hangs at the first write, until a test releases it."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.attempts = 0

    def announced(self, phase: str) -> None:
        if phase == Phase.FILE_OPENING:
            self.attempts += 1
            self.answers.wait(LIMIT)


@pytest.fixture
def hung() -> Iterator[HungDisk]:
    disk = HungDisk()
    phases.subscribe(disk.announced)
    yield disk
    disk.answers.set()
    phases.subscribe(None)


async def test_a_file_system_that_hangs_holds_up_no_key_and_the_result_is_told(tmp_path: Path, hung: HungDisk) -> None:
    place = tmp_path / "new.json"

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = str(place)
        await pilot.press("enter")
        await shows(pilot, f"saving {place}")
        await pilot.press("enter", "end", "x")  # the first attempt goes on, and there is no second
        assert pilot.app.screen.query_one("#place", Input).value == f"{place}x"
        await pilot.press("escape")
        assert is_main(pilot)
        await pilot.press("j")
        hung.answers.set()
        await shows(pilot, " saved as ")

    await drive(saved_app("one-zone-silent"), act, (200, 24))

    assert hung.attempts == 1
    assert os.listdir(tmp_path) == [place.name]  # noqa: PTH208 - the test's own folder


async def test_a_file_that_is_not_saved_in_time_is_told(
    tmp_path: Path, hung: HungDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tui, "SAVE_SECONDS", 0.01)

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = str(tmp_path / "new.json")
        await pilot.press("enter")
        await shows(pilot, "the file system has not answered for 0.01 s; the file may still appear")
        assert not is_main(pilot)

    await drive(saved_app("one-zone-silent"), act, (200, 24))


async def test_an_error_that_comes_when_the_form_is_closed_is_told(tmp_path: Path, hung: HungDisk) -> None:
    place = tmp_path / "new.json"

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = str(place)
        await pilot.press("enter", "escape")
        place.write_text("another's")
        hung.answers.set()
        await shows(pilot, f"{place} exists already")
        assert is_main(pilot)

    await drive(saved_app("one-zone-silent"), act, (200, 24))


async def test_esc_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e", "escape")
        assert is_main(pilot)

    await drive(saved_app("one-zone-silent"), act)

    assert not os.listdir(tmp_path)  # noqa: PTH208 - nothing was written


async def test_the_help_names_every_key_and_the_command_for_screen_readers() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, TextScreen)
        text = "\n".join(screen_of(pilot))
        for _ in range(4):
            await pilot.press("pagedown")
            text += "\n".join(screen_of(pilot))
        assert "backuplink check" in text
        assert "screen reader" in text
        for key in KEYS:
            if not key.runs:
                assert f" {key.shown} " in text
        await pilot.press("escape")
        assert is_main(pilot)

    await drive(saved_app("healthy"), act)


@pytest.mark.parametrize("key", ["ctrl+p", "colon"])
async def test_the_palette_has_it_all_by_name(key: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press(key)
        assert isinstance(pilot.app.screen, PaletteScreen)
        await pilot.press(*"what follows")
        await pilot.press("down", "up", "enter")
        assert state_of(pilot).findings_only
        await pilot.press(key, *"no such thing", "enter")
        assert is_main(pilot)
        await pilot.press(key, "escape")
        assert is_main(pilot)

    await drive(saved_app("one-zone-silent"), act)


@pytest.mark.parametrize(
    ("name", "code"), [("healthy", 0), ("interception-trusted", 1), ("one-zone-silent", 2), ("region-unknown", 3)]
)
@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_q_leaves_with_the_code_of_the_verdict(name: str, code: int, key: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press(key)

    assert (await drive(saved_app(name), act)).return_value == code


async def test_q_goes_back_from_a_page() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("enter", "q")
        assert not state_of(pilot).is_whole
        await pilot.press("question_mark", "q")
        assert is_main(pilot)
        await pilot.press("q")

    assert (await drive(saved_app("one-zone-silent"), act)).return_value == 2


async def test_a_message_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui, "MESSAGE_SECONDS", 0.05)

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("r")
        await until(pilot, lambda state: not state.message)
        await pilot.pause()
        assert screen_of(pilot)[-1].endswith("q quit")

    await drive(saved_app("one-zone-silent"), act)


async def test_a_message_stays_for_a_while() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("r")
        await pilot.pause(0.1)
        assert "nothing is measured" in screen_of(pilot)[-1]

    await drive(saved_app("one-zone-silent"), act)


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [("x.html", "html"), ("x.md", "markdown"), ("X.JSON", "json"), ("x.txt", "json"), ("x", "json")],
)
async def test_the_format_follows_the_suffix_of_the_name(typed: str, chosen: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = typed
        await pilot.pause()
        assert pilot.app.screen.query_one("#format", Choice).selected == {chosen}
        assert pilot.app.screen.query_one("#place", Input).value == typed

    await drive(saved_app("one-zone-silent"), act)


async def test_the_suffix_of_the_name_follows_the_format() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = "x.html"
        await pilot.press("shift+tab", "right")
        await pilot.pause()
        assert pilot.app.screen.query_one("#place", Input).value == "x.md"
        assert pilot.app.screen.query_one("#format", Choice).selected == {"markdown"}

    await drive(saved_app("one-zone-silent"), act)


async def test_a_report_is_not_saved_with_the_suffix_of_another_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e")
        pilot.app.screen.query_one("#place", Input).value = "x.prom"
        await pilot.press("enter")
        await shows(pilot, "a report is not saved as .prom here; use .json for json")

    await drive(saved_app("one-zone-silent"), act)
    assert not os.listdir(tmp_path)  # noqa: PTH208 - nothing was written


async def test_ctrl_q_leaves_from_anywhere() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e", "ctrl+q")

    assert (await drive(saved_app("one-zone-silent"), act)).return_value == 2


@pytest.mark.parametrize(
    "key",
    one_in(4, (key for key in KEYS if key.action not in ("leave", "quit_or_back", "suspend_process"))),
    ids=lambda key: key.shown,
)
async def test_no_key_breaks_anything_whatever_is_shown(key: object) -> None:
    name = getattr(key, "keys", "").partition(",")[0]

    async def act(pilot: Pilot[int]) -> None:
        for before in ("shift+tab", "tab", "f"):
            await pilot.press(before, name, "escape", "escape", "escape")
        assert is_main(pilot)

    await drive(saved_app("two-faults"), act)


# --- The mouse -------------------------------------------------------------------------------------------------------


async def test_the_mouse_points_and_opens() -> None:
    async def act(pilot: Pilot[int]) -> None:
        row = next(place for place, line in enumerate(screen_of(pilot)) if "TIMEOUT" in line)
        column = screen_of(pilot)[row].index("TIMEOUT")
        await pilot.click(offset=(column, row))
        assert under_cursor(state_of(pilot)) == "tcp/backup/10.0.2.17/443"
        assert state_of(pilot).pane is Pane.PATH
        await pilot.click(offset=(column, row), times=2)
        assert state_of(pilot).is_whole

    await drive(saved_app("one-zone-silent"), act)


async def test_the_mouse_gives_keys_to_a_part() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.click(DetailPane, offset=(40, 0))
        assert state_of(pilot).pane is Pane.DETAIL
        assert state_of(pilot).source is Pane.CAUSES

    await drive(saved_app("one-zone-silent"), act)


async def test_a_click_on_a_key_of_the_last_line_does_what_the_key_does() -> None:
    async def act(pilot: Pilot[int]) -> None:
        for words in ("enter page", "q back", "f findings"):
            line = screen_of(pilot)[-1]
            await pilot.click(offset=(line.index(words) + len(words) - 1, 23))
            await pilot.pause()
            assert state_of(pilot).is_whole is (words == "enter page")
        assert state_of(pilot).findings_only
        await pilot.click(offset=(79, 23))  # a click beside the hints has no effect
        assert state_of(pilot).findings_only
        await pilot.click(offset=(screen_of(pilot)[-1].index("? help"), 23))
        assert isinstance(pilot.app.screen, TextScreen)

    await drive(saved_app("one-zone-silent"), act)


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(min_size=1, max_size=60) | by_hypothesis(typed.typed), st.integers(0, 60))
def test_any_bytes_are_keys_or_dropped(data: bytes, middle: int) -> None:
    typed.assert_taken(data[:middle], data[middle:])
