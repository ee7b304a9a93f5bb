"""Histories that were changed, or damaged by a disk: they are read in every way, and continued."""

import io
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from agent.history.model import HistoryError
from agent.process.exit_codes import OK, UNKNOWN
from tests.agent.history.entries import change, entry, ill, well, writer
from tests.hostile.fuzz.command import Command, assert_reason
from tests.hostile.fuzz.mutation import HOSTILE, TEXTS
from tests.support.runs import report_of

_PAGE: Final = 4_096
_COLUMNS: Final = (
    *("series.name", "series.state", "series.conclusion", "step.content", "outcome.content", "outline.outcome"),
    *("outline.steps", "cycle.series", "cycle.run_id", "cycle.started_at", "cycle.finished_at"),
    *("cycle.stands", "cycle.complete", "cycle.lost", "cycle.outline", "cycle.report", "cycle.seconds"),
    *("report.series", "report.content", "change.cycle", "change.document"),
)
_WAYS: Final = (
    *((), ("--format", "json"), ("--plot",), ("--plot", "--format", "json"), ("--show", "2"), ("--show", "5")),
    *(
        ("--compare", "1", "5"),
        ("--format", "html"),
        ("--format", "svg"),
        ("--export", "csv"),
        ("--export", "ndjson"),
        ("--since", "2026-03-01"),
    ),
)
_SMALL: Final = (None, True, 0, -1, 3, 1 << 62, -(1 << 62), 1e300, "", "x", "\x1b[2J=1+1", b"", b"\0", b"\xff" * 9)


@cache
def _sound() -> bytes:
    """A history of six cycles."""
    with tempfile.TemporaryDirectory() as folder:
        history = writer(Path(folder) / "h.db")
        for number in range(1, 5):
            history.append(entry((ill, well)[number % 2](number), change(number), state={"a": number}))
        history.append(entry(report_of("one-zone-silent"), series="check", stands=None))
        history.append(entry(well(6), lost=2))
        history.close()
        return history.path.read_bytes()


def torn(chance: Random) -> bytes:
    """A history that is damaged as by a disk: its pages are torn, misplaced, empty or missing, or single bytes are
    changed.
    """
    data = bytearray(_sound())
    for _ in range(chance.randint(1, 4)):
        page = chance.randrange(len(data) // _PAGE + 1) * _PAGE
        start = chance.choice((page, page + 8, chance.randrange(len(data) + 1)))
        match chance.randrange(5):
            case 0:
                data[start : start + _PAGE // 2] = bytes(len(data[start : start + _PAGE // 2]))
            case 1:
                other = chance.randrange(len(data) // _PAGE + 1) * _PAGE
                data[page : page + _PAGE] = data[other : other + _PAGE]
            case 2:
                del data[start:]
            case _:
                for place in range(start, min(start + chance.choice((1, 4, 40)), len(data))):
                    data[place] = chance.randrange(256)
    return bytes(data)


def spoilt(chance: Random) -> bytes:
    """A history whose file is sound, with values that no version of the program writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h.db"
        path.write_bytes(_sound())
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = DELETE")
        for _ in range(chance.randint(1, 3)):
            table, column = chance.choice(_COLUMNS).split(".")
            value: Any = chance.choice((*_SMALL, *TEXTS, *(each for each in HOSTILE if isinstance(each, str))))
            value = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            where = "1" if chance.randrange(3) else f"id = {chance.randint(1, 6)}"
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value,))  # noqa: S608 - our words
            except sqlite3.IntegrityError:  # the value breaks NOT NULL or UNIQUE
                continue
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        return path.read_bytes()


def content(chance: Random) -> bytes:
    """The bytes of a history."""
    return (torn if chance.randrange(2) else spoilt)(chance)


def check_history(chance: Random, command: Command) -> None:
    """The readable part of a history is shown, or the history is refused in one line."""
    place = command.file("h.db", content(chance))
    way = chance.choice(_WAYS)
    done = command("history", place, *way)
    assert done.code in (OK, UNKNOWN)
    shown = io.StringIO(done.err).read().removeprefix("Cycle 5 had the same result as cycle ")
    if done.code == UNKNOWN or not shown.endswith("whose report was kept and is shown.\n"):
        assert_reason(done)
    assert all(char.isprintable() or char in "\n\t" for char in done.out)


def write_on(data: bytes, path: Path) -> None:
    """Continue this history at a path that is not in use. Raises only HistoryError."""
    path.write_bytes(data)
    history = writer(path)
    try:
        history.open()
        history.state("watch")
        for number in range(7, 9):
            history.append(entry((ill, well)[number % 2](number), change(number)))
    except HistoryError:
        return
    finally:
        history._drop()
