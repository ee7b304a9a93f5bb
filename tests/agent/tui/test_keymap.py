"""Keys that a user chooses: how a key is written, which actions can have a chosen key, and that two actions never have
the same key.
"""

from dataclasses import replace

import pytest
from textual.keys import _character_to_key
from textual.pilot import Pilot

from agent.settings import InterfaceOptions
from agent.tui.actions import DetailOpened, LogOpened, PageSearched
from agent.tui.app import BackuplinkApp
from agent.tui.drawing import footer, path
from agent.tui.keymap import FIXED, keys_with, read, textual_name
from agent.tui.keys import KEYS
from agent.tui.lines import ASCII
from agent.tui.source import Saved, Source
from agent.tui.state import Phase, State, saved
from agent.tui.widgets.screens import help_lines
from tests.agent.tui.replays import OPENED, Replay, after, drive, report_of, screen_of, until, words
from tests.support.many_services import ALL
from tests.support.many_services import report_of as many_services


def test_every_action_has_a_name_of_its_own() -> None:
    names = [key.name for key in KEYS]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)
    assert set(FIXED) < set(names)


@pytest.mark.parametrize(
    ("text", "name", "keys"),
    [
        ("save=ctrl+s", "save", ("ctrl+s",)),
        ("copy=y,c,y", "copy", ("y", "c")),
        ("help=f1", "help", ("f1",)),
        ("up==", "up", ("=",)),
        ("next-pane=space", "next-pane", ("space",)),
    ],
)
def test_a_choice(text: str, name: str, keys: tuple[str, ...]) -> None:
    assert read(text) == (name, keys)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sav=s", "'sav' is not an action whose keys can be chosen; did you mean save?"),
        ("zzz=s", "the actions are up, down"),
        ("leave=x", "'leave' is not an action whose keys can be chosen"),
        ("suspend-process=x", "not an action"),
        ("save", "'' is not a key; save takes a character"),
        ("save=", "'' is not a key"),
        ("save=ctrl+S", "'ctrl+S' is not a key"),
        ("save=s,", "'' is not a key"),
        ("save= ", "' ' is not a key"),
        ("save=é", "is not a key"),
        ("save=\x1b", "is not a key"),
        ("save=ctrl+i", "ctrl+i cannot be a key: a terminal sends the same for it as for tab."),
    ],
)
def test_what_is_no_choice_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its words are looked at
        read(text)
    assert words in str(caught.value)


def test_a_character_has_the_name_that_textual_has_for_it() -> None:
    for character in map(chr, range(0x21, 0x7F)):
        assert textual_name(character) == _character_to_key(character)


def test_the_table_has_what_was_chosen() -> None:
    table = {key.name: key for key in keys_with({"save": ("ctrl+s", "/"), "filter": ("f3",)})}
    assert (table["save"].keys, table["save"].shown) == ("ctrl+s,slash", "ctrl+s /")
    assert table["filter"].keys == "f3"
    assert table["copy"] in KEYS


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (
            {"save": ("y",)},
            "y would be the key of both copy and save; choose another for one of them, such as save=f2.",
        ),
        ({"help": ("f5",), "save": ("f5",)}, "f5 would be the key of both"),
        ({"save": ("ctrl+c",)}, "ctrl+c would be the key of both"),
        ({"save": ("ctrl+z",)}, "ctrl+z would be the key of both"),
        ({"save": ("?",)}, "question_mark would be the key of both"),
    ],
)
def test_a_key_of_two_actions_is_refused(chosen: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its words are looked at
        keys_with(chosen)
    assert words in str(caught.value)


def test_keys_can_be_swapped() -> None:
    table = {key.name: key.keys for key in keys_with({"save": ("y",), "copy": ("e",)})}
    assert (table["save"], table["copy"]) == ("y", "e")


async def test_what_was_chosen_is_what_works_and_what_is_shown() -> None:
    interface = InterfaceOptions(keys={"findings": ("F",), "copy": ("f",), "help": ("f1",)})
    app = BackuplinkApp(Saved(title="kept", report=report_of("one-zone-silent"), opened_at=OPENED), interface=interface)

    async def act(pilot: Pilot[int]) -> None:
        assert "f copy" in screen_of(pilot)[-1]
        assert "f1 help" in screen_of(pilot)[-1]
        await pilot.press("f")
        assert any("Copy" in line for line in screen_of(pilot))
        await pilot.press("escape", "question_mark")
        assert any("Path" in line for line in screen_of(pilot))
        await pilot.press("F")
        assert app.state is not None
        assert app.state.findings_only
        await pilot.press("f1")
        assert " f1 " in "\n".join(screen_of(pilot)) or await _scrolled(pilot, " f1 ")
        await pilot.press("f1")
        assert any("Findings" in line for line in screen_of(pilot))

    await drive(app, act)


async def _scrolled(pilot: Pilot[int], wanted: str) -> bool:
    for _ in range(6):
        await pilot.press("pagedown")
        if wanted in "\n".join(screen_of(pilot)):
            return True
    return False


def test_the_last_line_is_of_the_table_that_is_given() -> None:
    state = saved("kept", report_of("one-zone-silent"), None, keys_with({"open": ("o",), "quit": ("x",)}))
    text = words([footer(state, 80)])[0]
    assert text.startswith(" o page  ")
    assert text.endswith("x quit")


CHOSEN = {
    "back": ("f2",),
    "open": ("f3",),
    "filter": ("f4",),
    "next-place": ("f5",),
    "previous-place": ("f6",),
    "previous-run": ("f7",),
    "next-run": ("f8",),
    "log": ("f9",),
    "run": ("f10",),
    "quit": ("f11",),
    "unfold": ("f12",),
    "theme": ("ctrl+t",),
}


def app_over(source: Source) -> BackuplinkApp:
    return BackuplinkApp(source, interface=InterfaceOptions(keys=CHOSEN), clock=lambda: 0.0)


def kept(name: str = "one-zone-silent") -> State:
    return saved("kept", report_of(name), None, keys_with(CHOSEN))


def test_texts_name_the_keys_that_were_chosen() -> None:
    found = after(kept(), DetailOpened(), PageSearched(text="the", rows=(1, 2, 3), page=9, most=9))
    assert words([footer(found, 80)])[0].startswith(' "the": 1 of 3, f5 next  f3 measured  ')
    assert after(kept(), LogOpened(), DetailOpened()).message == "f2 goes back; f7 and f8 step through the runs"
    many = saved("many", many_services(ALL[:10], ("ssm",)), None, keys_with(CHOSEN))
    assert words(path(many, 80, ASCII))[-1] == " 9 services in one line each; f12 shows all in full"
    text = " ".join(" ".join(words(list(help_lines(80, kept())))).split())
    assert text.startswith("Here: f3 page, y copy, f4 filter, ")
    assert "f3 on an address opens its chart" in text
    assert "ctrl+t shows the next theme" in text
    assert 'in the configuration file, theme = "light"' in text


async def test_messages_name_the_keys_that_were_chosen() -> None:
    app = app_over(Saved(title="kept", report=report_of("one-zone-silent"), opened_at=OPENED))

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("f5")
        assert screen_of(pilot)[-1] == " f3 opens a page; there f4 finds words, f5 goes to the next place"
        await pilot.press("f3", "f5")
        assert screen_of(pilot)[-1] == " f4 finds words on this page"
        await pilot.press("f4")
        assert "words on this page; enter keeps, f5 next, f6 previous, esc ends" in screen_of(pilot)[-1]

    await drive(app, act)


async def test_messages_of_runs_name_the_keys_that_were_chosen() -> None:
    app = app_over(Replay("healthy", "one-zone-silent", "healthy").live())

    async def act(pilot: Pilot[int]) -> None:
        for count in (1, 2):
            await until(pilot, lambda state, runs=count: state.memory.count == runs)  # type: ignore[misc]
            await pilot.press("t", "enter")
            await until(pilot, lambda state: state.message == "kept for the next run; f10 runs")
            await pilot.press("f10")
        state = await until(pilot, lambda state: state.memory.count == 3)
        memory = state.memory
        app._folded = replace(
            state, memory=replace(memory, runs=tuple(replace(run, report=None) for run in memory.runs))
        )
        await pilot.press("f7")
        assert app.state is not None
        assert app.state.message == "the report of run 2 is not kept any more; its changes are in the log (f9)"

    await drive(app, act)


async def test_a_message_while_a_run_lasts_names_the_key_that_was_chosen() -> None:
    app = app_over(Replay("healthy", upto=10).live())

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is Phase.RUNNING and state.checks != {})
        await pilot.press("f10")
        assert screen_of(pilot)[-1] == " a run is in progress; f11 ends it and quits"

    await drive(app, act)
