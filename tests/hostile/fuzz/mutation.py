"""Ways to spoil sound input, for every kind: bytes, texts and documents of JSON."""

import copy
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

HOSTILE: Final[tuple[Any, ...]] = (
    *("", "a" * 200, "a b" * 100, "\x1b[2J", "\ud800", "\u202e\n\r", "backup", "10.0.0.1", "::1", "fe80::1%\x1b[2J"),
    *("ok", "failed", "skipped", "critical", "2026-03-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *(None, True, False, 0, -1, 10**30, 1e300, [], {}),
)
"""Values that are valid only at few places of a document."""
TEXTS: Final = (
    *("", " ", "-", "--", "-x", "--help", "=", "0", "-1", "1e999", "nan", "9" * 400, "\u0663", "10.0.0.0/8", "::1"),
    *("\x1b[2J\x1b]0;x\x07", "a\r\nError: b", "\u202etxt\u2066", "\udcff\udcfe", "\x7f\x9b2J", "\U0001f4a5"),
    *("../../etc/passwd", "$(reboot)", ";reboot", "<script>", "[/]", "%00", "'\"", "x" * 5_000),
)
"""Texts that have a meaning for a terminal, a shell, a parser or a format. Each can be an argument of a process."""
BYTES: Final = (
    *(
        b"\0",
        b"\xff",
        b"\xc3(",
        b"\xed\xa0\x80",
        b"\r\n",
        b"\n\n",
        b"\x1b[2J",
        b"9" * 30,
        b"-1",
        b"[" * 300,
        b"{" * 300,
    ),
    *(b'"', b"<", b"&", b"=", b":", b"a" * 300, b"\xef\xbb\xbf"),
)
DEEP: Final = (b"[" * 30_000, b'{"a":' * 30_000)
"""Beginnings of JSON that are nested too deeply for a recursive parser."""


def spoilt_bytes(chance: Random, data: bytes, pieces: Sequence[bytes] = BYTES) -> bytes:
    """The data with a few pieces changed, removed or doubled, or with its end cut off."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((1, 1, 2, 8, 60)))
        match chance.randrange(6):
            case 0:
                data = data[:start] + bytes([chance.randrange(256)]) + data[end:]
            case 1 | 2:
                data = data[:start] + chance.choice(pieces) + data[start:]
            case 3:
                data = data[:start] + data[end:]
            case 4:
                data = data[:end] + data[start:]
            case _:
                data = data[: max(start, 1)]
    return data


def spoilt_text(chance: Random, text: str) -> str:
    """A hostile text instead of the given one, or the given text with a hostile one inserted. The result can be an
    argument of a process.
    """
    other = chance.choice(TEXTS)
    place = chance.randrange(len(text) + 1)
    return chance.choice(
        (other, text + other, other + text, text[:place] + other + text[place:], text[:place], text * 2)
    )


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of all values in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key)
        yield from places(child, (*path, key))


def at(document: Any, path: Sequence[str | int]) -> Any:
    """The value at a path."""
    for key in path:
        document = document[key]
    return document


def spoilt_document(chance: Random, sound: dict[str, Any]) -> dict[str, Any]:
    """A report or a facts file in which a few values are replaced: by hostile values, or by values from elsewhere in
    the document, so that many values are still sound. The ids of observations are rewritten to agree with the changed
    document.
    """
    document: dict[str, Any] = copy.deepcopy(sound)
    for _ in range(chance.randint(1, 4)):
        paths = list(places(document))
        if not paths:
            break
        path = chance.choice(paths)
        parent: Any = at(document, path[:-1])
        key: Any = path[-1]
        match chance.randrange(4):
            case 0:
                parent[key] = copy.deepcopy(chance.choice(HOSTILE))
            case 1 if isinstance(parent, list):
                del parent[key]
            case _:
                alike = [other for other in paths if other[-1] == key and isinstance(key, str)] or [path]
                parent[key] = copy.deepcopy(at(document, chance.choice(alike)))
    observations = document.get("observations")
    for observation in observations if isinstance(observations, list) else ():
        if isinstance(observation, dict):
            parts = [observation.get(name) for name in ("step", "target", "address", "port", "resolver", "operation")]
            observation["id"] = "/".join(str(part) for part in parts if part is not None)
    return document


def by_hypothesis(generate: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """The cases of a generator as a strategy, in which hypothesis makes the random choices instead of a seed."""
    return st.randoms(use_true_random=False).map(generate)
