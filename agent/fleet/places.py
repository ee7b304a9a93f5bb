"""Find records in files, folders and name patterns, and the sweep that follows from a path."""

import errno
import glob
import os
import re
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from agent.catalog.partitions import is_region
from agent.fleet.store import Piece, Source, escaped
from agent.report.model import SCHEMA as REPORT
from probes.frozen import dataclass

S3: Final = "s3://"
BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
"""A valid bucket name, as in the SDK (botocore.handlers.VALID_BUCKET)."""
PARQUET: Final = ".parquet"
SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".gz", PARQUET)
"""Endings of files that are read from a folder. A file that the user names is read even if its name ends
differently."""
_ID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NODE: Final = r"m?i-[0-9a-f]{8,17}"
_STEP: Final = r"/(?:aws:?runShellScript|[^/]{1,100})/(?:report|host)/stdout"
_RUN: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}\.[0-9]{3}Z"
"""Time at which an association started a run, by the clock of the agent on the host. The time therefore differs from
host to host."""
_OUTPUT: Final = re.compile(rf"(?:^|/)(?:({_NODE})/{_ID}/{_RUN}|({_ID})/({_NODE})){_STEP}(?:\.gz)?$")
"""Paths of the outputs that Systems Manager writes into a bucket (docs/fleet.md), for associations and for commands.

Sources: agent/association/parser/parser.go and agent/times/times.go of aws/amazon-ssm-agent."""
_REPORT: Final = "/report/stdout"
_RECORD: Final = "/host/stdout"
"""Names of the steps that print a record and a report."""
_RAW: Final = "host.v1"
_FOLDERS: Final = frozenset({_RAW, "host.v1.parquet"})
"""Folders for the records that hosts write, and for packed files (`agent.fleet.athena`)."""
_LAKE: Final = re.compile(
    r"host\.v1(?P<packed>\.parquet)?/account=(?P<account>[0-9]{12})/region=(?P<region>[^/]+)/dt=(?P<day>[^/]+)/[^/]+"
)
"""The layout of paths below the prefix of a bucket. A path with this layout is trusted, since an account can write only
below its own folder. A path that only looks similar is not trusted."""
_SHAPE: Final = "host.v1/account=ACCOUNT/region=REGION/dt=YYYY-MM-DD/NAME"
_DAY: Final = re.compile(r"(?:^|/)dt=([^/]*)/")
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMMAND: Final = re.compile(rf"({_ID})/({_NODE})")
"""Places of records that Run Command keeps (`agent.fleet.run_command`)."""
_LINE: Final = re.compile(r":\d+$")
LINK: Final = "is a link; links are followed only if they are named themselves"
_BEGINNING: Final = 4_096
"""The number of bytes at the beginning of a file in which its schema must be."""


def command_of(place: str) -> tuple[str, str] | None:
    """The command and the node that printed a record; None for a record from a file."""
    found = _COMMAND.fullmatch(place)
    return None if found is None else (found[1], found[2])


def holds_report(place: str) -> bool:
    """Whether there is a whole report at a place. The step that wrote it, its folder, or the beginning of the file
    decides. If all of these are unknown, an S3 object counts as a report."""
    if (output := _OUTPUT.search(place)) is not None:
        return _REPORT in output[0]
    if command_of(place) or "/account=" in place or _LINE.search(place) or place.lower().endswith(PARQUET):
        return False
    if place.startswith(S3):
        return True
    try:
        with open(place, "rb") as file:
            return REPORT.encode() in file.read(_BEGINNING)
    except (OSError, ValueError):
        return False


def record_beside(place: str) -> str | None:
    """The place of the record that belongs to a whole report from Systems Manager. None if there is no such report at
    the place."""
    output = _OUTPUT.search(place)
    if output is None or _REPORT not in output[0]:
        return None
    before, _, after = place.rpartition(_REPORT)
    return f"{before}{_RECORD}{after}"


def report_beside(place: str) -> str | None:
    """The place of the whole report that belongs to a record: the inverse of `record_beside`."""
    output = _OUTPUT.search(place)
    if output is None or _RECORD not in output[0]:
        return None
    before, _, after = place.rpartition(_RECORD)
    return f"{before}{_REPORT}{after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of a lake, whose path has the account, Region and day of its records."""

    account: str
    region: str
    day: str
    """The day in UTC, such as `2026-03-01`."""
    is_packed: bool


def folder_of(path: str) -> Folder | None:
    """Return the folder of a lake for a file; None outside a lake. Raises ValueError if the path begins like the path
    of a lake but has another form. Otherwise, an account could write a path that seems to belong to another account."""
    parts = path.split("/")
    heads = (part.strip().lower() for part in parts[:-1])
    first = next((place for place, head in enumerate(heads) if head in _FOLDERS or head.startswith("account=")), None)
    if first is None:
        _check_day(day_of(path))
        return None
    found = _LAKE.fullmatch("/".join(parts[first:]))
    if found is None or not is_region(found["region"]):
        raise ValueError(f"does not lie in a folder {_SHAPE}")
    _check_day(found["day"])
    return Folder(
        account=found["account"], region=found["region"], day=found["day"], is_packed=found["packed"] is not None
    )


def _check_day(day: str | None) -> None:
    if day is not None and not is_day(day):
        raise ValueError(f"lies in a folder dt={day[:40]!a}, which is not a day")


def is_day(text: str) -> bool:
    """Whether a text is a day in the form that folders use."""
    try:
        return _ISO_DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def node_of(path: str) -> str | None:
    """The Systems Manager node that printed the output at a path."""
    output = _OUTPUT.search(path)
    return None if output is None else output[1] or output[3]


def is_taken(path: str) -> bool:
    """Whether a file in a folder is read. Its name decides."""
    name = path.rpartition("/")[2]
    if name.startswith("."):
        return False
    return name.lower().endswith(SUFFIXES) or (name.startswith("stdout") and _OUTPUT.search(path) is not None)


def sweep_of(path: str, written: date | None = None) -> str | None:
    """Return the sweep that follows from a path: the id of the command that wrote the file, or a day. The path of an
    association's output has a time that differs from host to host. No sweep follows from it, and gaps in time separate
    the sweeps. The day on which an object was `written` overrides the day of its folder, since a host with a wrong
    clock chooses a wrong folder. This does not apply to a packed file, which is always written after its day."""
    output = _OUTPUT.search(path)
    if output is not None:
        return output[2]
    day = day_of(path)
    if day is None or written is None or not is_day(day):
        return day
    late = (written - date.fromisoformat(day)).days
    is_raw = f"/{_RAW}/" in f"/{path}"
    return written.isoformat() if late < -1 or (late > 1 and is_raw) else day


def day_of(path: str) -> str | None:
    """The day in the folder of a file, such as `2026-03-01`. It is the day of the file's records in UTC. `folder_of`
    checks that the text is a day."""
    days: list[str] = _DAY.findall(path)
    return days[-1] if days else None


def sources_of(place: str) -> Iterator[Source | Piece]:
    """Yield the files at a place, which is a file, a folder or a pattern such as `reports/*.json`. Also yields a piece
    for each place that cannot be read. Folders are read in the order of names, and links to folders are not
    followed."""
    try:
        path = os.path.abspath(place)  # noqa: PTH100 - Path.resolve() would replace links, which reports keep
        if Path(path).is_dir():
            yield from _in_folder(path)
        elif os.path.lexists(path) or not glob.has_magic(place):
            yield _found(path, Path(path).stat(), is_named=True)
        else:
            yield from _matching(place, path)
    except (OSError, ValueError) as error:  # ValueError: the path contains a NUL
        yield unread(place, why_not(error))


def unread(place: str, why: str) -> Piece:
    """The piece that stands for a place which cannot be read."""
    place = escaped(place)
    return Piece(place, None, 0, place, None, None, why, 1, last=True)


def why_not(error: Exception) -> str:
    """The reason for an error, in one line."""
    if isinstance(error, OSError):
        return LINK if error.errno == errno.ELOOP else error.strerror or str(error)
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    return f"cannot be read: {first[:200]}" if first else f"cannot be read: {type(error).__name__}"


def _matching(place: str, pattern: str) -> Iterator[Source | Piece]:
    found: set[tuple[int, int]] = set()
    for path in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207 - Path.glob() refuses an absolute pattern
        try:
            status = Path(path).lstat()
        except OSError as error:
            yield unread(path, why_not(error))
            continue
        if (file := (status.st_dev, status.st_ino)) in found:
            continue  # `**` follows links to folders, even in circles
        found.add(file)
        if not stat.S_ISDIR(status.st_mode):
            yield _found(path, status)
        elif not pattern.endswith("**"):  # this also finds files inside the folders
            yield from _in_folder(path.rstrip("/"))
    if not found:
        yield unread(place, "no file has such a name")


def _in_folder(folder: str) -> Iterator[Source | Piece]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield unread(current, why_not(error))
            continue
        below = []
        for entry in ordered:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        below.append(entry.path)
                elif is_taken(entry.path) and (entry.is_symlink() or entry.is_file()):
                    yield _found(entry.path, entry.stat(follow_symlinks=False))
            except OSError as error:
                yield unread(entry.path, why_not(error))
        waiting += reversed(below)


def _found(path: str, status: os.stat_result, *, is_named: bool = False) -> Source | Piece:
    if stat.S_ISLNK(status.st_mode):
        return unread(path, LINK)
    if not stat.S_ISREG(status.st_mode):
        return unread(path, "is not a plain file")
    return Source(path, f"{status.st_size}:{status.st_mtime_ns}", sweep_of(path), status.st_size, is_named)
