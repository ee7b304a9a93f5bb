"""Puts secrets into documents: a line with a secret replaces each text that the schema does not restrict."""

import json
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from tests.support.secret_kinds import KINDS

Path = tuple[str | int, ...]


def planted(document: Any, accepts: Callable[[Any], bool], *, alike: Callable[[Any, Path], object]) -> Any:
    """The JSON document, in which lines of KINDS replace all texts that `accepts` allows to be replaced. The lines are
    used in their order. `alike` groups texts: `accepts` is called only once for all texts for which `alike` returns the
    same value.
    """
    lines = cycle(line for line, _ in KINDS.values())
    made = json.loads(json.dumps(document))
    answers: dict[object, bool] = {}
    for path in list(_texts(made)):
        key = alike(made, path)
        if answers.get(key) is False:
            continue
        before = _put(made, path, next(lines))
        if not answers.setdefault(key, accepts(made)):
            _put(made, path, before)
    return made


def names_of(path: Path) -> tuple[str, ...]:
    """The names of members in a path, without the indexes of elements."""
    return tuple("*" if isinstance(part, int) else part for part in path)


def _texts(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))


def _put(document: Any, path: Path, text: str) -> str:
    """Replace a text in the document. Returns the old text."""
    for part in path[:-1]:
        document = document[part]
    before: str = document[path[-1]]
    document[path[-1]] = text
    return before
