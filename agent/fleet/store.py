"""What is read, piece by piece, and the tables in which it is joined."""

from typing import Final, NamedTuple

from agent.report.host_record import HostRecord
from probes.frozen import dataclass

RECORD_COLUMNS: Final = (
    *("sweep", "place", "tool", "run", "taken_at", "redacted", "host", "region", "account", "vpc", "subnet", "zone"),
    *("image", "instance_type", "status", "path", "access", "complete", "ec2", "summary", "title", "fix"),
)
TABLES: Final = (
    # One row a record that was read. `sweep` is what its place says of it, which may be nothing; `place` is where it
    # lay. `redacted`, `complete` and `ec2` are 0 or 1. `causes_cut`: whether its host had more causes than it lists.
    "CREATE TABLE record (id BIGINT, sweep TEXT, place TEXT, tool TEXT, run TEXT, taken_at TEXT, redacted INTEGER, "
    "host TEXT, region TEXT, account TEXT, vpc TEXT, subnet TEXT, zone TEXT, image TEXT, instance_type TEXT, "
    "status TEXT, path TEXT, access TEXT, complete INTEGER, ec2 INTEGER, summary TEXT, title TEXT, fix TEXT, "
    "security_groups TEXT[], endpoints TEXT[], resolvers TEXT[], services TEXT[], causes_cut INTEGER)",
    # The causes of a record in its order, `rank` from 0. `cause_key` is code and ids, without the target: one cause at
    # two services is one.
    "CREATE TABLE cause (record BIGINT, rank INTEGER, severity TEXT, code TEXT, target TEXT, cause_key TEXT)",
    # A symptom, and the key of its cause on the same host.
    "CREATE TABLE symptom (record BIGINT, code TEXT, symptom_key TEXT, cause_key TEXT)",
    # What could not be read: `times` in one place, such as lines of a file.
    "CREATE TABLE unreadable (id BIGINT, place TEXT, why TEXT, times BIGINT)",
)


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

    @property
    def escaped_name(self) -> str:
        """Its name as tables and documents have it."""
        return escaped(self.name)


def escaped(name: str) -> str:
    """The name of a file, where the bytes that are no UTF-8 are escaped: no table takes what Python makes of them
    (PEP 383)."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


class Piece(NamedTuple):
    """What was found at one place of a source: a record, or why there is none."""

    source: str
    tag: str | None
    """As of the source; None for what no cache keeps."""
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
