"""The extent of the tests: the share of the cases that run for every change or, with `--everything`, all cases.

`tests/conftest.py` calls `choose` before any test module is imported. Without `--everything`, a case may only be
omitted if many similar cases still run, and if another test covers the same behaviour completely.
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
    """The seed given by `--seed`, or None. If there is one, generated cases (`tests/hostile/fuzz`,
    `tests/netns/test_predictions.py`) run only for this seed.
    """
    return _seed


def everything() -> bool:
    """Whether this session runs every case."""
    return _everything


def one_in(step: int, cases: Iterable[T]) -> tuple[T, ...]:
    """The first case and every `step`-th case after it, or all cases with `--everything`."""
    chosen = tuple(cases)
    return chosen if _everything else chosen[::step]


def examples(most: int) -> int:
    """The number of examples that hypothesis generates: with `--everything` `most`, otherwise a quarter of `most`, but
    at least 20.
    """
    return most if _everything else min(most, max(20, most // 4))
