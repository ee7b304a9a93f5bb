"""The extent of the tests: the share of the cases that every change needs or, with `--everything`, all cases.

`tests/conftest.py` calls `choose` before any test module is imported. Cases omitted without the option always resemble
many that run, and another complete test covers the same behaviour.
"""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

_everything = False
_seed: int | None = None


def choose(*, everything: bool, seed: int | None = None) -> None:
    """Set the extent of this session. Call it before `one_in`, `examples`, `everything` and `seed`."""
    global _everything, _seed
    _everything, _seed = everything, seed


def seed() -> int | None:
    """The only seed whose generated cases this session runs (`tests/hostile/fuzz`, `tests/netns/test_predictions.py`),
    or None if it runs all seeds of its extent.
    """
    return _seed


def everything() -> bool:
    """Whether this session runs every case."""
    return _everything


def one_in(step: int, cases: Iterable[T]) -> tuple[T, ...]:
    """Every `step`-th of the cases, the first included; all of them with `--everything`."""
    chosen = tuple(cases)
    return chosen if _everything else chosen[::step]


def examples(most: int) -> int:
    """The number of examples that hypothesis generates: `most` with `--everything`, otherwise a quarter, but at least
    20.
    """
    return most if _everything else min(most, max(20, most // 4))
