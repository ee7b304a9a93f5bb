"""The promises, their measurement, and the resulting rows."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.bench.rivals import Rival

LOG: Final = logging.getLogger("bench")
INSTALL: Final = "./dev bench --rivals"


class UnmeasuredError(Exception):
    """A figure that could not be measured. The message is shown in the row of the figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A row of the table before anything is measured."""

    what: str
    against: str
    limit: float | None
    """The limit, in `unit`, or None for a figure that is shown without a promise."""
    at_least: bool = False
    """Whether the figure must reach the limit. If not, the figure must not exceed it."""
    unit: str = ""
    """Empty for a ratio."""

    @property
    def goal(self) -> str:
        return "none" if self.limit is None else f"{'≥' if self.at_least else '≤'} {self._shown(self.limit)}"

    def shown(self, value: float) -> str:
        """The figure as text: with two digits after the point, or one digit from ten on. It has more digits if rounding
        would move it across the limit.
        """
        digits = 1 if value >= 10 else 2
        while self.met(round(value, digits)) != self.met(value):
            digits += 1
        return self._shown(round(value, digits))

    def met(self, value: float) -> bool | None:
        """Whether the measured figure, before rounding, keeps the promise; None if there is no promise."""
        if self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit

    def _shown(self, value: float) -> str:
        return f"{value:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Figure:
    """The measurement for one promise."""

    value: float
    note: str = ""
    """Further information for the reader: the reference, and differences from the promised conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Promises whose figures come from the same runs, in the order in which `measure` returns them."""

    promises: tuple[Promise, ...]
    measure: Callable[[], tuple[Figure, ...]]
    """Measures the figures. Raises UnmeasuredError if that is not possible here."""
    needs: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One promise and its result."""

    what: str
    against: str
    goal: str
    figure: str | None
    """The figure as text; None if nothing was measured, and `note` then says why."""
    met: bool | None
    note: str


def rows_of(benchmark: Benchmark, wanted: Callable[[Promise], bool]) -> Iterator[Row]:
    """Measure, and yield the rows of the promises in `wanted`. Never raises: a failure becomes the row's note."""
    figures: tuple[Figure, ...] = ()
    note = ""
    missing = [rival.name for rival in benchmark.needs if not rival.is_there()]
    try:
        if missing:
            raise UnmeasuredError(f"{', '.join(missing)} is not installed here: {INSTALL}")
        figures = benchmark.measure()
    except UnmeasuredError as error:
        note = f"not measured: {error}"
    except Exception as error:
        LOG.exception("%s", benchmark.promises[0].what)
        note = f"not measured: {type(error).__name__}: {error}"
    for place, promise in enumerate(benchmark.promises):
        if not wanted(promise):
            continue
        row = Row(what=promise.what, against=promise.against, goal=promise.goal, figure=None, met=None, note=note)
        if figures:
            figure = figures[place]
            shown, met = promise.shown(figure.value), promise.met(figure.value)
            row = Row(
                what=row.what, against=row.against, goal=row.goal, figure=shown, met=met, note=figure.note or row.note
            )
        yield row
