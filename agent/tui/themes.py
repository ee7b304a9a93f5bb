"""The colours of each theme. A colour only repeats what words and signs say.

The first theme has the terminal's own sixteen colours and background. The others have a background of their own, with a
contrast of at least 7:1 for text (WCAG 2.2, 1.4.6).
"""

from typing import Final

from textual.theme import Theme

from agent import settings

TERMINAL: Final = {
    "ground": "ansi_default",
    "ink": "ansi_default",
    "tone-ok": "ansi_green",
    "tone-failed": "ansi_red",
    "tone-warning": "ansi_yellow",
    "tone-running": "ansi_cyan",
    "tone-unknown": "ansi_magenta",
    "tone-faint": "ansi_default",
    "faint-style": "dim",
}
"""Values for the variables in theme.tcss."""
CONTRAST: Final = {
    "ground": "#000000",
    "ink": "#ffffff",
    "tone-ok": "#5fff87",
    "tone-failed": "#ff8787",
    "tone-warning": "#ffd700",
    "tone-running": "#5fd7ff",
    "tone-unknown": "#ff87ff",
    "tone-faint": "#d0d0d0",
    "faint-style": "none",
}
LIGHT: Final = {
    "ground": "#ffffff",
    "ink": "#000000",
    "tone-ok": "#005f00",
    "tone-failed": "#a00000",
    "tone-warning": "#6b4700",
    "tone-running": "#00507a",
    "tone-unknown": "#7a0087",
    "tone-faint": "#505050",
    "faint-style": "none",
}


def _theme(name: str, variables: dict[str, str], *, dark: bool) -> Theme:
    return Theme(
        name=f"backuplink-{name}",
        primary=variables["tone-running"],
        background=variables["ground"],
        foreground=variables["ink"],
        dark=dark,
        variables=variables,
    )


OWN_THEMES: Final = (_theme("contrast", CONTRAST, dark=True), _theme("light", LIGHT, dark=False))
NAMES: Final = dict(zip(settings.THEMES, ("ansi-dark", *(theme.name for theme in OWN_THEMES)), strict=True))
"""Textual's names of the themes, by their names in options."""
