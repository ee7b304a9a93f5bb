"""Saves a report from the interface to a new file, in a format that a person chooses."""

import errno
from pathlib import Path
from typing import Final

from agent.formats.registry import FORMATS, render
from agent.process.write_file import to_new_file
from agent.report.model import Report

LOG_SUFFIX: Final = ".log"


def formats() -> tuple[str, ...]:
    """Return the names of the formats in which a report can be saved, the default first."""
    return tuple(row.name for row in FORMATS if row.can_be_saved)


def save(report: Report, place: str, format_name: str) -> Path:
    """Write the report to a new file that only its owner can read, complete or not at all. Returns the file's path.

    `~` at the start of `place` is a home directory. Raises FileExistsError if the path exists, KeyError for a format
    that is not among `formats`, and OSError if the file cannot be written.
    """
    if format_name not in formats():
        raise KeyError(format_name)
    document = render(report, format_name)
    path = _path(place)
    to_new_file(document, path)
    return path


def save_log(log: str, report: Path) -> str:
    """Write the log to a new file beside the file of a report. Returns the result as a part of a sentence about the
    report, also if the file exists already. Raises OSError for other failures."""
    path = report.with_suffix(LOG_SUFFIX)
    try:
        to_new_file(log, path)
    except FileExistsError:
        return f", but the log is not saved: {path} exists already"
    return f", and the log as {path.name}"


def _path(place: str) -> Path:
    if not place or "\0" in place:
        raise OSError(errno.EINVAL, "this is not a file name", place)
    try:
        return Path(place).expanduser().absolute()
    except RuntimeError as error:
        raise FileNotFoundError(errno.ENOENT, "this user has no home directory here", place) from error
