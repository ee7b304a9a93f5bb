"""Where records lie: files, folders, patterns of names, and what their paths say of the sweep."""

import glob
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.fleet.store import Piece, Source, escaped
from agent.report.model import SCHEMA as REPORT

S3: Final = "s3://"
BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
"""The name of a bucket, as the SDK takes it (botocore.handlers.VALID_BUCKET)."""
PARQUET: Final = ".parquet"
SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".gz", PARQUET)
"""Of the files that are taken from a folder; a file that is named is read whatever it is called."""
_ID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NODE: Final = r"m?i-[0-9a-f]{8,17}"
_STEP: Final = r"/(?:aws:?runShellScript|[^/]{1,100})/(?:report|host)/stdout"
_OUTPUT: Final = re.compile(rf"(?:^|/)(?:({_NODE})/{_ID}/({_ID})|({_ID})/({_NODE})){_STEP}(?:\.gz)?$")
"""What Systems Manager writes into a bucket (docs/fleet.md): of a command, or of an execution of an association."""
_REPORT: Final = "/report/stdout"
_RECORD: Final = "/host/stdout"
"""What the steps are called that print the one and the other."""
_DAY: Final = re.compile(r"(?:^|/)dt=(\d{4}-\d\d-\d\d)/")
"""In `host.v1/account=A/region=R/dt=D/`, to which hosts write their records themselves."""


_PARTITION: Final = re.compile(r"(?:^|/)account=(\d{12})/region=([a-z0-9-]{1,63})/")
"""The same layout, and that of packed records, which do not repeat what is in their path."""


_COMMAND: Final = re.compile(rf"({_ID})/({_NODE})")
"""How the records are called that Run Command keeps (`agent.fleet.run_command`)."""
_LINE: Final = re.compile(r":\d+$")
_BEGINNING: Final = 4_096
"""Bytes of a file in which its schema stands."""


def command_of(place: str) -> tuple[str, str] | None:
    """The command and the node whose output a record was taken from; None for one that lay in a file."""
    found = _COMMAND.fullmatch(place)
    return None if found is None else (found[1], found[2])


def holds_report(place: str) -> bool:
    """Whether a whole report lies at the place of a record: by the step that wrote it, by its folder, or by how the
    file begins. An object of S3 of which none of that is known is taken for one."""
    if (output := _OUTPUT.search(place)) is not None:
        return _REPORT in output[0]
    if command_of(place) or _PARTITION.search(place) or _LINE.search(place) or place.lower().endswith(PARQUET):
        return False
    if place.startswith(S3):
        return True
    try:
        with open(place, "rb") as file:
            return REPORT.encode() in file.read(_BEGINNING)
    except (OSError, ValueError):
        return False


def record_beside(place: str) -> str | None:
    """Where the record lies of the run whose whole report is at a place that Systems Manager wrote; None for any other
    place."""
    output = _OUTPUT.search(place)
    if output is None or _REPORT not in output[0]:
        return None
    before, _, after = place.rpartition(_REPORT)
    return f"{before}{_RECORD}{after}"


def report_beside(place: str) -> str | None:
    """Where the whole report of a record would lie; the other way round."""
    output = _OUTPUT.search(place)
    if output is None or _RECORD not in output[0]:
        return None
    before, _, after = place.rpartition(_RECORD)
    return f"{before}{_REPORT}{after}"


def partition_of(path: str) -> dict[str, str]:
    """The fields of a record that its path gives."""
    partition, output = _PARTITION.search(path), _OUTPUT.search(path)
    fields = {} if partition is None else {"account": partition[1], "region": partition[2]}
    return fields if output is None else {**fields, "host": output[1] or output[4]}


def is_taken(path: str) -> bool:
    """Whether a file of a folder is one that may hold records, by its name."""
    name = path.rpartition("/")[2]
    if name.startswith("."):
        return False
    return name.lower().endswith(SUFFIXES) or (name.startswith("stdout") and _OUTPUT.search(path) is not None)


def sweep_of(path: str) -> str | None:
    """What a path says of the sweep: the id of the command or of the execution that wrote it, or a day."""
    output = _OUTPUT.search(path)
    if output is not None:
        return output[2] or output[3]
    return day_of(path)


def day_of(path: str) -> str | None:
    """The day of the folder in which a file lies, `2026-03-01`, which is that of its records in UTC."""
    day = _DAY.search(path)
    return None if day is None else day[1]


def sources_of(place: str) -> Iterator[Source | Piece]:
    """The files at a place, which is a file, a folder or a pattern such as `reports/*.json`; a piece for what cannot be
    read. Folders are walked in the order of their names, and links to folders are not followed."""
    try:
        path = os.path.abspath(place)  # noqa: PTH100 - Path.resolve() follows links, which a report names as they were given
        if Path(path).is_dir():
            yield from _in_folder(path)
        elif os.path.lexists(path) or not glob.has_magic(place):
            yield _found(path, Path(path).stat())
        else:
            yield from _matching(place, path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        yield unread(place, why_not(error))


def unread(place: str, why: str) -> Piece:
    """What is said of a place that cannot be read."""
    place = escaped(place)
    return Piece(place, None, 0, place, None, None, why, 1, last=True)


def why_not(error: Exception) -> str:
    """The reason of an error of the operating system."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _matching(place: str, pattern: str) -> Iterator[Source | Piece]:
    found: set[tuple[int, int]] = set()
    for path in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207 - Path.glob() refuses an absolute pattern
        try:
            status = Path(path).stat()
        except OSError as error:
            yield unread(path, why_not(error))
            continue
        if (file := (status.st_dev, status.st_ino)) in found:
            continue  # `**` follows links to folders, in circles, too
        found.add(file)
        if not stat.S_ISDIR(status.st_mode):
            yield _found(path, status)
        elif not pattern.endswith("**"):  # which finds what is in the folders, too
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
                elif is_taken(entry.path) and entry.is_file():
                    yield _found(entry.path, entry.stat())
            except OSError as error:
                yield unread(entry.path, why_not(error))
        waiting += reversed(below)


def _found(path: str, status: os.stat_result) -> Source | Piece:
    if not stat.S_ISREG(status.st_mode):
        return unread(path, "is no plain file")
    return Source(path, f"{status.st_size}:{status.st_mtime_ns}", sweep_of(path), status.st_size)
