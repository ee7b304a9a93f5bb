"""Keep cycles in the file of a history, each in one short transaction, so that several processes may share a file.

Between two cycles, only the connection is kept, since another process may remove rows that this process has seen, or
the whole file. An error closes the connection, and the next cycle opens a new one.
"""

import hashlib
import json
import math
import sqlite3
import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.history.file import in_words, opened_for_writing, transaction
from agent.history.model import DamagedError, Entry, HistoryError, NotPrunedError
from agent.report.codec import encode
from agent.report.model import Report
from agent.settings import Keeping
from probes.model import Failed, Observation, Ok, Skipped

REPORT_AGE: Final = timedelta(days=1)
"""Time after which a result gets a new report. If two results alternate from cycle to cycle, each therefore gets one
report a day."""
PRUNE_CYCLES: Final = 64
"""Number of cycles between two removals of cycles that are too old."""
CLEAN_CYCLES: Final = 4_096
"""Number of cycles between two removals of shared data that no cycle refers to any longer."""
MOST_REMOVED: Final = 5_000
"""Maximum number of cycles that are removed in one transaction, while other writers wait."""
_SHARE: Final = 16
"""If a file is too large, its oldest cycles are removed until it is small enough. Each time, one part in this number is
removed."""
MAX_STEPS: Final = 100_000
"""Maximum number of steps of one cycle: a thousand addresses have some five thousand steps."""
MAX_SECONDS: Final = 60_000.0
"""Maximum kept duration of a step in seconds. The largest number of a binary16 is 65,504."""
_DIGEST_BYTES: Final = 16


class HistoryWriter:
    """A history that this process writes. Every method raises HistoryError if it fails."""

    def __init__(self, keeping: Keeping) -> None:
        self.keeping = keeping
        """The limits of the file; may be replaced by other limits for the same file."""
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode of the open file."""
        self._has_pruned = False
        """Whether this process has already removed old cycles. A command that keeps a single run does so in that
        run."""

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.keeping.path

    def open(self) -> None:
        """Open the file, or create it. Raises HistoryError if the file is not a history, and leaves it unchanged."""
        self._opened()

    def close(self) -> None:
        """Close the file; its write-ahead log is moved to the file itself."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with in_words():
                connection.close()

    def state(self, series: str) -> Any:
        """Return the state in the last entry of a series; None without an entry, or if it cannot be read."""
        with in_words():
            row = self._opened().execute("SELECT state FROM series WHERE name = ?", (series,)).fetchone()
        if row is None or row[0] is None:
            return None
        try:
            return json.loads(row[0])
        except (ValueError, TypeError, RecursionError):
            return None

    def append(self, entry: Entry) -> None:
        """Keep one cycle, completely or not at all. If NotPrunedError is raised, the cycle was kept."""
        try:
            with in_words():
                connection = self._opened()
                with transaction(connection):
                    number = _add(connection, entry)
        except HistoryError:
            self._drop()
            raise
        if not self._has_pruned or number % PRUNE_CYCLES == 0:
            self._has_pruned = True
            try:
                with in_words():
                    prune(connection, self.keeping, entry.report.run.started_at, clean=number % CLEAN_CYCLES == 0)
            except HistoryError as error:  # old cycles stay until they are next pruned
                self._drop()
                raise NotPrunedError(str(error)) from error

    def _opened(self) -> sqlite3.Connection:
        """Return the connection; a new one if the file was removed or replaced."""
        if self._connection is not None and _identity(self.path) != self._file:
            self._drop()
        if self._connection is None:
            self._connection = opened_for_writing(self.path)
            self._file = _identity(self.path)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                return  # closing repeats the error for which the connection is dropped


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


# --- One cycle -------------------------------------------------------------------------------------------------------


def milliseconds(at: datetime) -> int:
    """Return the milliseconds from the start of 1970 to a time."""
    return round(at.timestamp() * 1000)


def _add(connection: sqlite3.Connection, entry: Entry) -> int:
    """Add a cycle. Returns its id."""
    report, run = entry.report, entry.report.run
    started = milliseconds(run.started_at)
    observations = sorted(report.observations, key=lambda observation: observation.id)
    conclusion = _digest(_conclusion(report))
    connection.execute("INSERT OR IGNORE INTO series (name) VALUES (?)", (entry.series,))
    series, before = connection.execute("SELECT id, conclusion FROM series WHERE name = ?", (entry.series,)).fetchone()
    outline = _outline(connection, report, observations)
    number = 1 + (connection.execute("SELECT max(id) FROM cycle").fetchone()[0] or 0)
    kept = connection.execute(
        "SELECT id, started_at FROM report WHERE series = ? AND conclusion = ? ORDER BY id DESC LIMIT 1",
        (series, conclusion),
    ).fetchone()
    if kept is not None and type(kept[1]) is not int:
        raise DamagedError
    is_old = kept is None or (before != conclusion and started - kept[1] >= REPORT_AGE.total_seconds() * 1000)
    has_own = bool(entry.changes) or is_old
    connection.execute(
        "INSERT INTO cycle VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            series,
            run.id,
            started,
            milliseconds(run.finished_at),
            None if entry.stands is None else round(entry.stands * 1000),
            run.complete,
            entry.lost,
            outline,
            number if has_own else kept[0],
            _seconds(report, observations),
        ),
    )
    if has_own:
        content = zlib.compress(_json(encode(report)).encode(), 9)
        connection.execute("INSERT INTO report VALUES (?, ?, ?, ?, ?)", (number, series, conclusion, started, content))
    for change in entry.changes:
        connection.execute("INSERT INTO change (cycle, document) VALUES (?, ?)", (number, _json(change)))
    state = None if entry.state is None else _json(entry.state)
    connection.execute("UPDATE series SET state = ?, conclusion = ? WHERE id = ?", (state, conclusion, series))
    return number


def _conclusion(report: Report) -> list[Any]:
    """Return the result of a run without any times or numbers."""
    verdict = report.verdict
    return [
        *(verdict.status, verdict.path, verdict.access),
        [[target.id, target.status, target.path] for target in report.targets],
        _findings(report),
    ]


def _findings(report: Report) -> list[list[Any]]:
    return [
        [finding.id, finding.severity, finding.explained_by, finding.counts, finding.suppressed]
        for finding in report.findings
    ]


def _outline(connection: sqlite3.Connection, report: Report, observations: list[Observation[Any]]) -> int:
    """Return the id of the outline of a cycle; the outline is added if it is new."""
    verdict = report.verdict
    outcome = _json([verdict.status, verdict.path, verdict.access, verdict.summary, _findings(report)])
    steps = [_step(observation) for observation in observations]
    digest = _digest([outcome, steps])
    row = connection.execute("SELECT id FROM outline WHERE digest = ?", (digest,)).fetchone()
    if row is not None:
        return int(row[0])
    ids = [_id_of(connection, "step", step) for step in steps]
    added = connection.execute(
        "INSERT INTO outline (digest, outcome, steps) VALUES (?, ?, ?)",
        (digest, _id_of(connection, "outcome", outcome), zlib.compress(struct.pack(f"<{len(ids)}I", *ids), 9)),
    )
    return int(added.lastrowid or 0)


def _id_of(connection: sqlite3.Connection, table: str, content: str) -> int:
    """Return the id of a content; the content is added if it is new."""
    find = f"SELECT id FROM {table} WHERE content = ?"  # noqa: S608 - the names of tables come from this module
    row = connection.execute(find, (content,)).fetchone()
    if row is None:
        add = f"INSERT INTO {table} (content) VALUES (?)"  # noqa: S608 - as above
        return int(connection.execute(add, (content,)).lastrowid or 0)
    return int(row[0])


def ids_of(packed: Any) -> tuple[int, ...]:
    """Return the steps of an outline. Raises HistoryError."""
    ids = ids_in(packed)
    return struct.unpack(f"<{len(ids) // 4}I", ids)


def ids_in(packed: Any) -> bytes:
    """Return the steps of an outline with four bytes each, the lowest first. Raises HistoryError."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, MAX_STEPS * 4)
    except (zlib.error, TypeError) as error:
        raise DamagedError from error
    if len(data) % 4 or not unpacking.eof:
        raise DamagedError
    return data


def _step(observation: Observation[Any]) -> str:
    subject, failure = observation.subject, observation.failure
    status = {Ok: "ok", Failed: "failed", Skipped: "skipped"}[type(observation.outcome)]
    address = None if subject.address is None else str(subject.address)
    resolver = None if subject.resolver is None else str(subject.resolver)
    where = (subject.step, subject.target, address, subject.port, resolver, subject.operation)
    why = (None, None) if failure is None else (failure.kind, None if failure.code is None else str(failure.code))
    return _json((*where, status, *why))


def _seconds(report: Report, observations: list[Observation[Any]]) -> bytes:
    """Return the times of the steps. If a step was made in an earlier cycle, and its answer still counts, it has no
    time."""
    since = report.run.started_at
    values = (
        min(observation.seconds, MAX_SECONDS)
        if observation.seconds is not None and (observation.started_at is None or observation.started_at >= since)
        else math.nan
        for observation in observations
    )
    return struct.pack(f"<{len(observations)}e", *values)


def _digest(values: Any) -> bytes:
    return hashlib.sha256(_json(values).encode()).digest()[:_DIGEST_BYTES]


def _json(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False)


# --- Bounds ----------------------------------------------------------------------------------------------------------


def prune(connection: sqlite3.Connection, keeping: Keeping, now: datetime, *, clean: bool = False) -> None:
    """Remove cycles that are too old, and the oldest cycles if the file is too large; the last cycle stays. With
    `clean`, also remove shared data that no cycle refers to any longer."""
    horizon = milliseconds(now - timedelta(seconds=keeping.seconds))
    with transaction(connection):
        row = connection.execute(
            "SELECT id FROM cycle WHERE started_at >= ? ORDER BY id LIMIT 1", (horizon,)
        ).fetchone()
        _remove_before(connection, row[0] if row else connection.execute("SELECT max(id) FROM cycle").fetchone()[0])
        if clean:
            _remove_shared(connection)
    while _size(connection) > keeping.size:
        with transaction(connection):
            low, high = connection.execute("SELECT min(id), max(id) FROM cycle").fetchone()
            if low == high:
                return
            _remove_before(connection, min(low + 1 + (high - low) // _SHARE, high))
            _remove_shared(connection)
    _release(connection)


def _remove_before(connection: sqlite3.Connection, first: int | None) -> None:
    """Remove the cycles before `first`, at most MOST_REMOVED."""
    oldest = connection.execute("SELECT min(id) FROM cycle").fetchone()[0]
    if first is None or oldest is None or oldest >= first:
        return
    first = min(first, oldest + MOST_REMOVED)
    connection.execute("DELETE FROM cycle WHERE id < ?", (first,))
    connection.execute("DELETE FROM change WHERE cycle < ?", (first,))
    connection.execute(
        "DELETE FROM report WHERE id < ? AND NOT EXISTS (SELECT 1 FROM cycle WHERE cycle.report = report.id)", (first,)
    )


def _remove_shared(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM outline WHERE id NOT IN (SELECT outline FROM cycle)")
    connection.execute("DELETE FROM outcome WHERE id NOT IN (SELECT outcome FROM outline)")
    used: set[int] = set()
    for (packed,) in connection.execute("SELECT steps FROM outline"):
        used.update(ids_of(packed))
    gone = [row for row in connection.execute("SELECT id FROM step") if row[0] not in used]
    connection.executemany("DELETE FROM step WHERE id = ?", gone)


def _size(connection: sqlite3.Connection) -> int:
    """Return the number of bytes that the file uses."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _release(connection: sqlite3.Connection) -> None:
    """Give free pages back to the file system."""
    if connection.execute("PRAGMA freelist_count").fetchone()[0]:
        connection.execute("PRAGMA incremental_vacuum").fetchall()
