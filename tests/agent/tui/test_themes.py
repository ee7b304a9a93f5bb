"""There are two themes besides the terminal's own colours, and their text is readable."""

import pytest
from textual.color import Color
from textual.pilot import Pilot

from agent.settings import THEMES, InterfaceOptions
from agent.tui.app import BackuplinkApp
from agent.tui.source import Saved
from agent.tui.themes import CONTRAST, LIGHT, NAMES, TERMINAL
from tests.agent.tui.replays import OPENED, drive, report_of, screen_of


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [part / 255 for part in Color.parse(colour).rgb]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [CONTRAST, LIGHT], ids=["contrast", "light"])
def test_every_text_can_be_read(theme: dict[str, str]) -> None:
    assert theme.keys() == TERMINAL.keys()
    for name, colour in theme.items():
        if name.startswith("tone-") or name == "ink":
            assert contrast(colour, theme["ground"]) >= 7, (name, contrast(colour, theme["ground"]))


def app_in(theme: str) -> BackuplinkApp:
    source = Saved(title="kept", report=report_of("one-zone-silent"), opened_at=OPENED)
    return BackuplinkApp(source, interface=InterfaceOptions(theme=theme))


@pytest.mark.parametrize("theme", THEMES)
async def test_all_of_the_screen_is_in_the_theme(theme: str) -> None:
    ground = {"terminal": None, "contrast": (0, 0, 0), "light": (255, 255, 255)}[theme]

    async def act(pilot: Pilot[int]) -> None:
        for key in ("", "y", "question_mark", "e", "colon"):
            await pilot.press(*filter(None, [key]))
            await pilot.pause()
            grounds = {
                segment.style.bgcolor.triplet
                for strip in pilot.app.screen._compositor.render_strips()
                for segment in strip
                if segment.style is not None and segment.style.bgcolor is not None
            }
            assert grounds == {ground}, key
            await pilot.press(*["escape"] * bool(key))

    await drive(app_in(theme), act)


async def test_a_key_takes_the_next_theme_and_says_how_it_is_kept() -> None:
    app = app_in("terminal")

    async def act(pilot: Pilot[int]) -> None:
        for name in ("contrast", "light", "terminal"):
            await pilot.press("T")
            assert app.theme == NAMES[name]
            assert f'theme {name}; theme = "{name}" in the configuration file keeps it' in screen_of(pilot)[-1]

    await drive(app, act)
