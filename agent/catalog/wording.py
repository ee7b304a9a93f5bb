"""Texts for people that all packages use: lists, durations, and how long observations took."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from probes.model import Observation

_GZIP: Final = b"\x1f\x8b"
"""The first bytes of a file that gzip compressed (RFC 1952)."""
SOME: Final = 6
"""Maximum number of names in a sentence."""


def listed(items: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`; `none` if there is nothing."""
    words = [str(item) for item in items]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


def either(items: Iterable[object]) -> str:
    """`a`, `a or b`, `a, b or c`; empty if there is nothing."""
    words = [str(item) for item in items]
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def listed_briefly(items: Sequence[object]) -> str:
    """`a, b, c, d, e and f` for up to SOME names; otherwise the first few and a count: `a, b, c, d, e and 7 more`."""
    if len(items) <= SOME:
        return listed(items)
    return f"{', '.join(map(str, items[: SOME - 1]))} and {len(items) - SOME + 1} more"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 gap`, `2 gaps`, `1,440 cycles`; `plural` is needed only if the plural is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def why_no_text(data: bytes, wanted: str) -> str:
    """The reason, in words, why bytes that are not UTF-8 cannot be the `wanted` document, such as `a report`."""
    if data.startswith(_GZIP):
        return "is compressed by gzip; unpack it first"
    return f"is not UTF-8 text, and so not {wanted}"


def why_no_json(error: ValueError | RecursionError) -> str:
    """Why `json` cannot parse a text, in words: `is not JSON: Expecting value: line 1 column 1 (char 0)`."""
    if isinstance(error, RecursionError):
        return "is nested too deep"
    if isinstance(error, UnicodeError):
        return "is not UTF-8 text"
    text = getattr(error, "doc", None)
    if text is None:  # not a JSONDecodeError: Python refuses a number with more than 4,300 digits
        return "has a number with too many digits"
    return f"is not JSON: {error}" if text.strip() else "is empty"


def after(observations: Sequence[Observation[Any]]) -> str:
    """How long observations took, in words: `after 3.0 s`, or a range if they differ."""
    seconds = sorted(observation.seconds for observation in observations if observation.seconds is not None)
    if not seconds:
        return "at once"
    low, high = duration(seconds[0]), duration(seconds[-1])
    return f"after {low}" if low == high else f"after {low} to {high}"


def duration(seconds: float) -> str:
    """`3.0 s`, `12 ms`, `0.2 ms`."""
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def failed_of(failed: int, unknown: int, every: int, noun: str) -> str:
    """The share of runs that failed: `failed 8 of 15 runs, 1 unknown`; empty if all runs were ok."""
    parts = [f"failed {failed:,} of {counted(every, noun)}"] if failed else []
    parts += [f"{unknown:,} unknown"] if unknown else []
    return ", ".join(parts)


def time_of(at: datetime) -> str:
    """A moment in UTC: `2026-01-15 03:00:00`."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def lasted(seconds: float) -> str:
    """A duration of seconds to days: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
