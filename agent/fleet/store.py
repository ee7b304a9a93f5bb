"""What is read, piece by piece."""

from pathlib import Path
from typing import NamedTuple

from agent.report.host_record import HostRecord
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A record as it was read."""

    sweep: str | None
    """What its place says of the sweep: the id of the command that made it, or the day of the folder; None where it
    says nothing, and the gaps in time decide."""
    place: str
    """Where it lay: a path, an address of S3, or a command and an instance."""
    record: HostRecord


class Source(NamedTuple):
    """A file or an object that may hold records."""

    name: str
    """Its path, or its address in S3."""
    tag: str | None
    """What is other where its content is: size and time of a file, the ETag of an object; None where nothing tells."""
    sweep: str | None
    size: int
    """In bytes; 0 where it is not known."""
    is_named: bool = False
    """Whether a user named it itself, and not only a folder or a pattern: then it may be a link."""

    @property
    def escaped_name(self) -> str:
        """Its name as tables and documents have it."""
        return escaped(self.name)


def escaped(name: str) -> str:
    """The name of a file, in which bytes that are not UTF-8 are escaped: no table takes what Python makes of them
    (PEP 383)."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


class Piece(NamedTuple):
    """What was found at one place of a source: a record, or why there is none."""

    source: str
    tag: str | None
    """The tag of the source; None for what no cache keeps."""
    position: int
    """Among the pieces of the source."""
    place: str
    sweep: str | None
    line: str | None
    """The record as a line of JSON, checked (`agent.fleet.records`); None where there is none."""
    why: str | None
    times: int
    """How many there are for which `why` holds; 1 for a record."""
    last: bool
    """Whether the source has no more of them: a cache that lacks it lacks a part of the source."""


class CacheError(Exception):
    """A cache that cannot be used, in words for the operator."""


class TemporaryFileError(Exception):
    """The folder for temporary files, which is full or fails: in words for the operator."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"temporary files cannot be written in {folder.parent}: {why}; TMPDIR names a folder with more room"
        )
