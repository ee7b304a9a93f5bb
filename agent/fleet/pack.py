"""Pack many small records into one Parquet file for each account, Region and day, which Athena reads fast.

A file for which there are new records is rewritten with its old and new records. All other files stay unchanged.
Packing can therefore be repeated, also after an interruption. If records are duplicates, one of them is kept.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from agent.fleet import s3
from agent.fleet.athena import PACKED_PREFIX, PARTITIONED_BY
from agent.fleet.aws import AwsError
from agent.fleet.database import WHOLE, Database
from agent.fleet.parquet import ParquetReader
from agent.fleet.places import S3
from agent.fleet.statements import statement
from agent.fleet.store import Source
from agent.process.write_file import to_private_file
from probes.frozen import dataclass

NAME: Final = "records.parquet"


class PackError(Exception):
    """A packed file cannot be written, or an existing packed file cannot be read; the message tells the operator
    why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The result of packing."""

    records: int
    """Number of records in the files that were written, including the records that were there before."""
    written: tuple[str, ...]
    """The places of the files that were written."""
    unchanged: int
    """Number of files that already had all of their records."""
    left_out: int
    """Number of records that were not packed. These records lack the account, Region or day that their place needs, or
    are of a future day, or were redacted by their host."""


def pack(
    engine: Database,
    destination: str,
    client: Callable[[], Any],
    *,
    today: date,
    progress: Callable[[int, int | None], None],
    cancelled: Callable[[], bool],
) -> Packed:
    """Write the table WHOLE of an engine into files below a folder, or below `s3://BUCKET/PREFIX`; `client` returns a
    client of S3. Raises PackError; files that were already written are complete."""
    engine.run("packable", today=today.isoformat())
    left_out = engine.count(WHOLE) - engine.count("packable")
    days = engine.ask("packed_day")
    written: list[str] = []
    records = unchanged = 0
    for number, day in enumerate(days):
        if cancelled():
            break
        progress(number, len(days))
        place = _place(destination, day)
        try:
            count = _day(engine, place, day, client)
        except (OSError, ValueError, AwsError) as error:
            raise PackError(f"{place}: {_why(error)}") from error
        if count is None:
            unchanged += 1
        else:
            written.append(place)
            records += count
    progress(len(days), len(days))
    return Packed(records=records, written=tuple(written), unchanged=unchanged, left_out=left_out)


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _place(destination: str, day: tuple[str, ...]) -> str:
    parts = (f"{name}={value}" for name, value in zip(PARTITIONED_BY, day, strict=True))
    return "/".join((destination.rstrip("/"), PACKED_PREFIX, *parts, NAME))


def _day(engine: Database, place: str, day: tuple[str, ...], client: Callable[[], Any]) -> int | None:
    """Write the file of a day. Returns the number of its records, or None if the file already had all of them. Raises
    OSError, AwsError, and ValueError for a file of another kind."""
    held, tag = _held(place, client)
    before = list(_rows(engine, place, held)) if held is not None else []
    engine.run("packed_before")
    engine.fill("packed_before", before)
    given = dict(zip(("account", "region", "day"), day, strict=True))
    if not engine.ask("packed_new", **given)[0][0]:
        return None
    engine.run("packed", **given)
    _write(place, engine.write_parquet(statement("packed_row")), tag, client)
    return engine.count("packed")


def _rows(engine: Database, place: str, data: bytes) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a file in the form of the table WHOLE. Raises ValueError."""
    columns = [name for name in engine.columns(WHOLE) if name != "day"]
    reader = ParquetReader(engine.folder / "read")
    try:
        for piece in reader.pieces(Source(place, None, None, len(data)), data):
            if piece.line is None:
                raise ValueError(piece.why)
            row = json.loads(piece.line)
            yield (*(row[name] for name in columns), None)
    finally:
        reader.close()


def _held(place: str, client: Callable[[], Any]) -> tuple[bytes | None, str | None]:
    """Return the content at a place, and its tag in S3. Raises OSError and AwsError."""
    if place.startswith(S3):
        return s3.held(client(), place)
    try:
        return Path(place).read_bytes(), None
    except FileNotFoundError:
        return None, None


def _write(place: str, data: bytes, tag: str | None, client: Callable[[], Any]) -> None:
    if place.startswith(S3):
        s3.put(client(), place, data, tag)
        return
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    to_private_file(data, path)
