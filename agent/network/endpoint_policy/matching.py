"""Comparison of parts of a statement with a call, and of texts with wildcards.

In the compared text, a `*` stands for an unknown part.
"""

import re
from collections.abc import Iterable
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from probes.frozen import dataclass


class Fit(IntEnum):
    """How well something fits a call. If several parts must all fit, the minimum decides. If one of several parts must
    fit, the maximum decides."""

    NO = 0
    MAYBE = 1
    YES = 2

    def turned(self) -> "Fit":
        return Fit(Fit.YES - self)


@dataclass(frozen=True, slots=True)
class Part:
    """How well an element fits the call, and the reason if it does not fit for certain."""

    element: str
    fit: Fit
    why: str = ""


def texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def best(fits: Iterable[Fit]) -> Fit:
    """The best of these parts. An empty list may fit, because no page explains empty lists."""
    return max(fits, default=Fit.MAYBE)


VARIABLE: Final = "${"
"""Policy variables, and the escapes `${*}`, `${?}` and `${$}`, whose values are unknown here."""


def matches(pattern: str, text: str, *, one: str = "?") -> bool:
    """Whether a pattern with `*` and `?` matches the whole text, case-sensitively."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", one))


def covers(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text whatever a `*` in the text stands for. Only a `*` of the pattern matches such a
    `*`."""
    return matches(pattern, text, one="[!*]")


def _can_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches the text for at least one value of each `*` in the text."""
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
