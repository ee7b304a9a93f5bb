"""Known faults of a fleet, from a file. Each has an owner, a reason and a last day."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agent.fleet.csv_rows import MAX_CELL, bounded, rows
from agent.process.files import TooLargeError, read_within
from agent.report.suppression import read
from agent.settings import Suppression

COLUMNS: Final = ("suppress", "owner", "reason", "end")
"""The columns that a file must have, in any order; further columns are allowed."""
MAX_BYTES: Final = 2**20
MAX_ROWS: Final = 1_000
_SECONDS: Final = 60.0
"""Time limit in seconds for reading a file. If it is a named pipe, nobody may write to it."""
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class SuppressionsError(Exception):
    """A file is not a list of suppressions. The message tells the operator why."""


def read_suppressions(path: Path, received_signals: Sequence[str] = ()) -> tuple[Suppression, ...]:
    """Return the suppressions in a CSV file. Raises SuppressionsError if it cannot be read or a row is wrong, and
    InterruptedBySignalError after a signal."""
    try:
        data = read_within(path, most=MAX_BYTES, seconds=_SECONDS, received_signals=received_signals)
    except TooLargeError as error:
        raise SuppressionsError(f"{path}: is larger than {MAX_BYTES // 2**20} MiB") from error
    except (OSError, ValueError) as error:  # the path contains a NUL
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise SuppressionsError(f"{path}: cannot be read: {why}") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> tuple[Suppression, ...]:
    """Return the suppressions in a CSV text; errors call it `name`. Raises SuppressionsError."""
    try:
        found = tuple(_suppressions(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise SuppressionsError(f"{name}: is not UTF-8 text") from error
    except ValueError as error:
        raise SuppressionsError(f"{name}: {error}") from error
    return found


def _suppressions(text: str) -> Iterator[Suppression]:
    every = rows(text)
    _, head = next(every, (0, []))
    heads = [cell.lower() for cell in head]
    if missing := [column for column in COLUMNS if column not in heads]:
        raise ValueError(f"its first row has no column {missing[0]}; it needs {', '.join(COLUMNS)}")
    places = [heads.index(column) for column in COLUMNS]
    for count, (line, row) in enumerate(every, 1):
        if count > MAX_ROWS:
            raise ValueError(f"has more than {MAX_ROWS:,} rows")
        cells = [row[place] if place < len(row) else "" for place in places]
        try:
            yield _suppression(*cells)
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from error


def _suppression(what: str, owner: str, reason: str, end: str) -> Suppression:
    for column, cell in zip(COLUMNS, (what, owner, reason, end), strict=True):
        if not cell:
            raise ValueError(f"has no {column}")
    if len(what) > MAX_CELL:
        raise ValueError(f"its {COLUMNS[0]} has more than {MAX_CELL} characters")
    if _DAY.fullmatch(end) is None:
        raise ValueError(f"its end is {end[:40]!a}, which is not a day such as 2026-12-31")
    if "@" in what and _DAY.fullmatch(what.rpartition("@")[2]):
        raise ValueError("has an end not only in its column end but also in its column suppress")
    found = read(f"{what}@{end}")
    return Suppression(
        code=found.code,
        target=found.target,
        subject=found.subject,
        until=found.until,
        owner=bounded(owner),
        reason=bounded(reason),
    )
