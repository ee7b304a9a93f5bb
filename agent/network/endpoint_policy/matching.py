"""Whether something in a statement fits a call, and wildcards.

A `*` in what is matched stands for a part that is not known.
"""

import re
from collections.abc import Iterable
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from probes.frozen import dataclass


class Fit(IntEnum):
    """Whether something fits the call. The least of several is what all of them do, the greatest what one does."""

    NO = 0
    MAYBE = 1
    YES = 2

    def turned(self) -> "Fit":
        return Fit(Fit.YES - self)


@dataclass(frozen=True, slots=True)
class Part:
    """Whether an element fits the call, and why it does not, or may not."""

    element: str
    fit: Fit
    why: str = ""


def texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def best(fits: Iterable[Fit]) -> Fit:
    """What the best of them does. A list without entries is nothing that a page explains, so it may do anything."""
    return max(fits, default=Fit.MAYBE)


VARIABLE: Final = "${"
"""Policy variables, and the escapes `${*}`, `${?}` and `${$}`: what they become is not known here."""


def matches(pattern: str, text: str, *, one: str = "?") -> bool:
    """Whether a pattern with `*` and `?` is true of the whole text, upper and lower case apart."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", one))


def covers(pattern: str, text: str) -> bool:
    """Whether a pattern is true of a text, whatever a `*` in the text stands for. Only a `*` of the pattern matches
    such a `*`."""
    return matches(pattern, text, one="[!*]")


def _can_match(pattern: str, text: str) -> bool:
    """Whether the pattern can be true of the text, for something that a `*` in the text stands for."""
    if "*" not in text:
        return matches(pattern, text)
    literal = re.split(r"[*?]", pattern)
    if len(literal) == 1:
        return matches(text, pattern)
    head, *_, tail = text.split("*")
    starts = literal[0].startswith(head) or head.startswith(literal[0])
    return starts and (literal[-1].endswith(tail) or tail.endswith(literal[-1]))


def like(pattern: str, text: str) -> Fit:
    if covers(pattern, text):
        return Fit.YES
    return Fit.MAYBE if _can_match(pattern, text) else Fit.NO
