"""How much the tests cover: what every change needs or, with `--everything`, every case.

`tests/conftest.py` calls `choose` before any test module is imported. What is left out without the option is always a
part of many alike cases, which another, whole test proves from another side.
"""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

_everything = False
_seed: int | None = None


def choose(*, everything: bool, seed: int | None = None) -> None:
    """Set the extent of this session. Comes before `one_in`, `examples`, `everything` and `seed` are asked."""
    global _everything, _seed
    _everything, _seed = everything, seed


def seed() -> int | None:
    """The one seed whose generated cases this session runs (`tests/hostile/fuzz`, `tests/netns/test_predictions.py`);
    None for all of its extent."""
    return _seed


def everything() -> bool:
    """Whether this session runs every case."""
    return _everything


def one_in(step: int, cases: Iterable[T]) -> tuple[T, ...]:
    """Every `step`-th of the cases, the first included; all of them with `--everything`."""
    chosen = tuple(cases)
    return chosen if _everything else chosen[::step]


def examples(most: int) -> int:
    """How many examples hypothesis makes up: `most` with `--everything`, otherwise a quarter, but at least 20."""
    return most if _everything else min(most, max(20, most // 4))
