"""Read the file of a history, even while other processes write it.

Every value is checked: the file may be damaged, or somebody else may have made it.
"""

import json
import math
import struct
import zlib
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from agent.history.file import in_words, opened_for_reading
from agent.history.model import ChangeRow, CycleRow, DamagedError, HistoryError, Outline, StepRow
from agent.history.write import ids_in, ids_of, milliseconds
from agent.report.model import Report, Status
from agent.report.saved import SavedReportError, parse_report
from agent.report.serialization import DecodeError, from_json
from probes.frozen import dataclass

MAX_REPORT_BYTES: Final = 64 << 20
"""Maximum size of an unpacked report, as for a saved one."""
MAX_STANDS: Final = 7 * 86_400_000
"""Maximum milliseconds for which the result of one cycle counts as the present state. The longest interval of a watch
is a day."""
BATCH: Final = 1_000
"""Number of cycles that are read at once: no lock is held while they are processed, however slowly."""
FAILED: Final = (Status.WARNING, Status.CRITICAL)
NEAR: Final = 100
"""Maximum number of cycles that are searched for a failed one. While a finding flaps, it fails at least once in 21
cycles."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OF_STEP: Final = ("step", "target", "address", "port", "resolver", "operation", "status", "kind", "code")
_OF_FINDING: Final = ("id", "severity", "explained_by", "counts", "suppressed")
"""Fields of a step, and of a finding, in the order in which `agent.history.write` keeps them."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The part of a cycle that shows when the path was watched, and with which result."""

    id: int
    started: int
    """Start of the cycle in milliseconds since 1970."""
    stands: int | None
    """For how many milliseconds the cycle describes the state. None if the time of the next cycle was unknown."""
    lost: int
    outline: int


Durations = dict[StepRow, dict[int, dict[float, int]]]
"""How often each step took each duration in seconds, by slice of the time."""


class HistoryReader:
    """A history that is read. Every method raises HistoryError if the history cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = opened_for_reading(path)
        self._outlines: dict[int, Outline] = {}
        self._outcomes: dict[int, Outline] = {}
        self._steps: dict[int, StepRow] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()

    def interrupt(self) -> None:
        """Interrupt a read in another thread."""
        self._connection.interrupt()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """In the block, all reads see the history at the same moment, whatever others write. The block must be short,
        since the write-ahead log grows with everything that others write in this time."""
        with in_words():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            with in_words():
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def series(self) -> dict[int, str]:
        """The names of the series by number."""
        return {_whole(number): _text(name) for number, name in self._rows("SELECT id, name FROM series ORDER BY id")}

    def marks(self, since: datetime | None) -> dict[int, list[Mark]]:
        """Return all cycles that started at `since` or later, by series, in the order in which they were kept."""
        found: dict[int, list[Mark]] = {}
        rows = self._rows(
            "SELECT id, series, started_at, stands, lost, outline FROM cycle WHERE started_at >= ? ORDER BY id",
            _since(since),
        )
        for number, series, started, stands, lost, outline in rows:
            if not (
                type(number) is type(series) is type(started) is type(lost) is type(outline) is int
                and (stands is None or (type(stands) is int and 0 <= stands <= MAX_STANDS))
            ):
                raise DamagedError
            found.setdefault(series, []).append(Mark(number, started, stands, lost, outline))
        return found

    def last_at(self) -> datetime | None:
        """Return the start of the last cycle in the file; None if the file has no cycles."""
        ((started,),) = self._rows("SELECT max(started_at) FROM cycle")
        return None if started is None else instant(_whole(started))

    def statuses(self) -> dict[int, str]:
        """Return the verdict of each outline."""
        rows = self._rows("SELECT id, outcome FROM outline")
        return {_whole(number): self._outcome(_whole(outcome)).status for number, outcome in rows}

    def summary(self, outline: int) -> str:
        """Return the verdict of an outline in words."""
        return self._outline(outline).summary

    def changes(self, since: datetime | None) -> Iterator[ChangeRow]:
        """Yield the changes of the cycles that started at `since` or later."""
        rows = self._rows(
            "SELECT change.cycle, series.name, change.document FROM change JOIN cycle ON cycle.id = change.cycle "
            "JOIN series ON series.id = cycle.series WHERE cycle.started_at >= ? ORDER BY change.id",
            _since(since),
        )
        for cycle, series, document in rows:
            values = self._json(document)
            if not isinstance(values, dict):
                raise DamagedError
            names = ("kind", "at", "since", "seconds", "about", "status", "severity", "text")
            wanted = {name: values.get(name) for name in names}
            yield self._shaped(ChangeRow, {"cycle": cycle, "series": series, **wanted})

    def cycles(self, since: datetime | None) -> Iterator[CycleRow]:
        """Yield the cycles that started at `since` or later, in the order in which they were kept."""
        last = 0
        while True:
            with self.moment():
                batch = self._batch(last, since)
            yield from batch
            if len(batch) < BATCH:
                return
            last = batch[-1].id

    def _batch(self, last: int, since: datetime | None) -> list[CycleRow]:
        """Return at most BATCH cycles after a given cycle."""
        names = self.series()
        rows = self._rows(
            "SELECT id, series, run_id, started_at, finished_at, complete, lost, outline, report, seconds "
            "FROM cycle WHERE id > ? AND started_at >= ? ORDER BY id LIMIT ?",
            (last, *_since(since), BATCH),
        )
        # These rows are from the batch before; since then, another process may have given their numbers to other rows.
        for known in (self._outlines, self._outcomes, self._steps):
            known.clear()
        return [self._cycle(names, *row) for row in rows]

    def _cycle(
        self,
        names: dict[int, str],
        number: Any,
        series: Any,
        run_id: Any,
        started: Any,
        finished: Any,
        complete: Any,
        lost: Any,
        outline: Any,
        report: Any,
        seconds: Any,
    ) -> CycleRow:
        known = self._outline(_whole(outline))
        return CycleRow(
            id=_whole(number),
            series=names.get(_whole(series), "?"),
            run_id=_text(run_id),
            started_at=instant(_whole(started)),
            finished_at=instant(_whole(finished)),
            complete=bool(_whole(complete)),
            lost=_whole(lost),
            report=_whole(report),
            outline=known,
            seconds=_times(_bytes(seconds), len(known.steps)),
        )

    def durations(self, series: int, since: datetime | None, slices: int) -> Durations:
        """Return how long the steps of a series took in the cycles that started at `since` or later. Steps that were
        not made are left out. The time from the first to the last of these cycles is divided into equal slices."""
        rows = self._rows(
            "SELECT cycle.started_at, cycle.outline, cycle.seconds, outline.steps FROM cycle "
            "LEFT JOIN outline ON outline.id = cycle.outline WHERE cycle.series = ? AND cycle.started_at >= ?",
            (series, *_since(since)),
        )
        starts = [_whole(row[0]) for row in rows]
        first, length = min(starts, default=0), max(starts, default=0) - min(starts, default=0) + 1
        sliced: dict[int, list[tuple[Any, ...]]] = {}
        for start, row in zip(starts, rows, strict=True):
            sliced.setdefault((start - first) * slices // length, []).append(row[1:])
        found: Durations = {}
        for number, own in sorted(sliced.items()):
            for step, times in self._counted(own).items():
                found.setdefault(step, {})[number] = times
        return found

    def _counted(self, rows: list[tuple[Any, ...]]) -> dict[StepRow, dict[float, int]]:
        # A hundred thousand cycles have five million times, and if addresses rotate, no two cycles have the same steps.
        # The standard library therefore counts pairs of a step and a time, each as one number: few of these pairs
        # differ.
        counts: Counter[int] = Counter()
        known: dict[Any, bytes] = {}
        for start in range(0, len(rows), BATCH):
            steps, times = [], []
            for outline, seconds, packed in rows[start : start + BATCH]:
                if (ids := known.get(outline)) is None:
                    ids = known[outline] = ids_in(packed)
                if type(seconds) is not bytes or 2 * len(seconds) != len(ids):
                    raise DamagedError
                steps.append(ids)
                times.append(seconds)
            counts.update(_paired(b"".join(steps), b"".join(times)))
        by_step: dict[int, dict[float, int]] = {}
        for pair, number in counts.items():
            step, half = divmod(pair, 1 << 16)
            if (value := _seconds(half)) is not None:
                by_step.setdefault(step, {})[value] = number
        return {self._step(step): found for step, found in by_step.items()}

    def last_failed(self) -> int | None:
        """Return the last cycle whose verdict was warning or critical; None if there is no such cycle."""
        statuses = self.statuses()
        rows = self._rows("SELECT outline, max(id) FROM cycle GROUP BY outline")
        return max((_whole(last) for outline, last in rows if statuses.get(outline) in FAILED), default=None)

    def last_of(self, series: str, outlines: Container[int], until: int) -> int | None:
        """Return the last cycle of a series with one of these outlines, among the NEAR cycles up to `until`; None if
        there is no such cycle."""
        rows = self._rows(
            "SELECT cycle.id, cycle.outline FROM cycle JOIN series ON series.id = cycle.series "
            "WHERE series.name = ? AND cycle.id <= ? ORDER BY cycle.id DESC LIMIT ?",
            (series, until, NEAR),
        )
        return next((_whole(cycle) for cycle, outline in rows if outline in outlines), None)

    def report(self, cycle: int) -> tuple[Report, int]:
        """Return the report of a cycle, and the id of the cycle that kept it. A cycle without its own report has the
        report of the last cycle before it that has the same result."""
        row = self._row("SELECT report FROM cycle WHERE id = ?", (cycle,))
        own = cycle if row is None else _whole(row[0])
        found = self._row("SELECT content FROM report WHERE id = ?", (own,))
        if found is None:
            if row is not None:
                raise DamagedError
            low, high = self._row("SELECT min(id), max(id) FROM cycle", ()) or (None, None)
            kept = "it has none yet" if low is None else f"it has {low} to {high}"
            raise HistoryError(f"has no cycle {cycle}; {kept}")
        name = f"the report of cycle {own}"
        try:
            unpacking = zlib.decompressobj()
            data = unpacking.decompress(_bytes(found[0]), MAX_REPORT_BYTES)
            if not unpacking.eof:
                raise DamagedError
            return parse_report(data, name), own
        except (zlib.error, SavedReportError) as error:
            raise HistoryError(str(error) if isinstance(error, SavedReportError) else f"{name}: {error}") from error

    def _outline(self, number: int) -> Outline:
        if number not in self._outlines:
            row = self._row("SELECT outcome, steps FROM outline WHERE id = ?", (number,))
            if row is None:
                raise DamagedError
            steps = tuple(self._step(step) for step in ids_of(row[1]))
            self._outlines[number] = replace(self._outcome(_whole(row[0])), steps=steps)
        return self._outlines[number]

    def _outcome(self, number: int) -> Outline:
        """Return an outline. Its steps are left out."""
        if number not in self._outcomes:
            row = self._row("SELECT content FROM outcome WHERE id = ?", (number,))
            if row is None:
                raise DamagedError
            self._outcomes[number] = self._shaped(Outline, _outcome_of(self._json(row[0])))
        return self._outcomes[number]

    def _step(self, number: int) -> StepRow:
        if number not in self._steps:
            row = self._row("SELECT content FROM step WHERE id = ?", (number,))
            if row is None:
                raise DamagedError
            self._steps[number] = self._shaped(StepRow, _named(_OF_STEP, self._json(row[0])))
        return self._steps[number]

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with in_words():
            return self._connection.execute(statement, values).fetchall()

    def _row(self, statement: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with in_words():
            row: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
            return row

    def _json(self, text: Any) -> Any:
        try:
            return json.loads(_text(text))
        except (ValueError, RecursionError) as error:
            raise DamagedError from error

    def _shaped(self, kind: Any, values: Any) -> Any:
        try:
            return from_json(kind, values)
        except DecodeError as error:
            raise DamagedError from error


def instant(at: int) -> datetime:
    """Return a time from milliseconds since 1970. Raises HistoryError if the time does not fit into a calendar."""
    try:
        return _EPOCH + timedelta(milliseconds=at)
    except OverflowError as error:
        raise DamagedError from error


def _since(since: datetime | None) -> tuple[int]:
    return (-(1 << 62) if since is None else milliseconds(since),)


def _outcome_of(values: Any) -> dict[str, Any]:
    named = _named(("status", "path", "access", "summary", "findings"), values)
    findings = named["findings"]
    if not isinstance(findings, list):
        raise DamagedError
    return {**named, "findings": [_named(_OF_FINDING, finding) for finding in findings], "steps": []}


def _paired(steps: bytes, times: bytes) -> tuple[int, ...]:
    """Return one number for each pair of an id of four bytes and a time in binary16, whose sixteen bits are the
    lowest."""
    count = len(times) // 2
    paired = bytearray(8 * count)
    for place in range(2):
        paired[place::8] = times[place::2]
    for place in range(4):
        paired[2 + place :: 8] = steps[place::4]
    return struct.unpack(f"<{count}Q", paired)


@cache
def _seconds(half: int) -> float | None:
    """Return the value of a binary16; None if it is not a number."""
    (value,) = struct.unpack("<e", half.to_bytes(2, "little"))
    return value if math.isfinite(value) else None


def _times(packed: bytes, count: int) -> tuple[float | None, ...]:
    if len(packed) != 2 * count:
        raise DamagedError
    return tuple(value if math.isfinite(value) else None for value in struct.unpack(f"<{count}e", packed))


def _named(names: tuple[str, ...], values: Any) -> dict[str, Any]:
    if not isinstance(values, list) or len(values) != len(names):
        raise DamagedError
    return dict(zip(names, values, strict=True))


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise DamagedError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DamagedError
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise DamagedError
    return value
