"""Keys that a person chose for actions: their notation, and the table of keys with them. Pure.

A person can choose the keys of the main screen, except those of the actions in FIXED. Forms and lists keep their keys.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from agent.tui.keys import KEYS, Key

FIXED: Final = ("leave", "suspend-process")
"""Actions with fixed keys: `leave` always ends the interface, and `suspend-process` has the terminal's own key."""
_NAMED: Final = frozenset(
    (
        *("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "enter", "escape"),
        *("space", "backspace", "delete", "insert", *(f"f{number}" for number in range(1, 13))),
    )
)
_WITH_CTRL: Final = re.compile(r"ctrl\+[a-z]")
_SENT_BY_OTHERS: Final = {"ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+j": "enter", "ctrl+m": "enter"}
"""Pairs of keys for which a terminal sends the same byte (ECMA-48)."""
_OTHER_NAMES: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Textual's shorter names of characters, by their Unicode names."""
FORM: Final = "a character, ctrl+ and a letter, or one of up, down, tab, enter, space, f1 and the like"

Chosen = Mapping[str, tuple[str, ...]]
"""The keys of each action as written, by the name of the action."""


def read(text: str) -> tuple[str, tuple[str, ...]]:
    """The name of an action and its keys, from `save=ctrl+s` or `copy=y,c`. Raises ValueError, with words for the
    operator."""
    name, _, rest = text.partition("=")
    names = [key.name for key in KEYS if key.name not in FIXED]
    if name not in names:
        import difflib

        near = difflib.get_close_matches(name, names, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"the actions are {', '.join(names)}."
        raise ValueError(f"{name!r} is not an action whose keys can be chosen; {hint}")
    wanted = tuple(dict.fromkeys(rest.split(",")))
    for key in wanted:
        if key in _SENT_BY_OTHERS:
            raise ValueError(f"{key} cannot be a key: a terminal sends the same for it as for {_SENT_BY_OTHERS[key]}.")
        if not _is_key(key):
            raise ValueError(f"{key!r} is not a key; {name} takes {FORM}, with commas between several.")
    return name, wanted


def _is_key(text: str) -> bool:
    if len(text) == 1:
        return text.isascii() and text.isprintable() and text not in " ,"
    return text in _NAMED or _WITH_CTRL.fullmatch(text) is not None


def textual_name(key: str) -> str:
    """Return Textual's name of a key: `/` is `slash`."""
    if len(key) != 1 or key.isalnum():
        return key
    name = unicodedata.name(key).lower().replace("-", "_").replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


def keys_with(chosen: Chosen) -> tuple[Key, ...]:
    """Return the table of keys with the chosen keys in place of the defaults. Raises ValueError if two actions would
    have the same key."""
    table = tuple(_with(key, chosen[key.name]) if key.name in chosen else key for key in KEYS)
    for one, name, other in _shared(table):
        raise ValueError(
            f"{one} would be the key of both {name} and {other}; choose another for one of them, such as "
            f"{other if other in chosen else name}=f2."
        )
    return table


def _with(key: Key, wanted: Iterable[str]) -> Key:
    return replace(key, keys=",".join(map(textual_name, wanted)), shown=" ".join(wanted))


def _shared(table: Iterable[Key]) -> Iterable[tuple[str, str, str]]:
    """Yield the keys that two actions share, with the names of both."""
    owners: dict[str, str] = {}
    for key in table:
        for one in key.keys.split(","):
            if one in owners:
                yield one, owners[one], key.name
            owners[one] = key.name
