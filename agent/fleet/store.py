"""Records as they are read, piece by piece."""

from pathlib import Path
from typing import NamedTuple

from agent.report.host_record import HostRecord
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A record as it was read."""

    sweep: str | None
    """The sweep that follows from the place of the record: the id of a command, or the day of a folder. None if no
    sweep follows from it. Gaps in time then decide."""
    place: str
    """The place of the record: a path, an address of S3, or a command and an instance."""
    record: HostRecord


class Source(NamedTuple):
    """A file or an object that may hold records."""

    name: str
    """The path of the file, or the address of the object in S3."""
    tag: str | None
    """A value that changes with the content: size and time of a file, or the ETag of an object. None if there is no
    such value."""
    sweep: str | None
    size: int
    """Size in bytes; 0 if it is not known."""
    is_named: bool = False
    """Whether a user named the file itself, and not only its folder or a pattern. A file that a user named may be a
    link."""

    @property
    def escaped_name(self) -> str:
        """The name in the form of tables and documents."""
        return escaped(self.name)


def escaped(name: str) -> str:
    """The name of a file with its non-UTF-8 bytes escaped. Python uses surrogates for such bytes (PEP 383), which no
    table accepts."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


class Piece(NamedTuple):
    """One piece of a source: a record, or the reason why there is none."""

    source: str
    tag: str | None
    """The tag of the source; None for a piece that no cache keeps."""
    position: int
    """The index among the pieces of the source."""
    place: str
    sweep: str | None
    line: str | None
    """The record as a checked line of JSON (`agent.fleet.records`); None if there is none."""
    why: str | None
    times: int
    """The number of places to which `why` applies. It is 1 for a record."""
    last: bool
    """Whether this is the last piece of the source. If a cache does not have the last piece, it has only a part of the
    source."""


class CacheError(Exception):
    """A cache cannot be used. The message tells the operator why."""


class TemporaryFileError(Exception):
    """The folder for temporary files is full, or its disk fails. The message tells the operator why."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"temporary files cannot be written in {folder.parent}: {why}; set TMPDIR to a folder with more space"
        )
