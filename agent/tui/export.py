"""Saving a report from the interface: in a format that is asked for by name, and never over anything."""

import errno
from pathlib import Path

from agent.formats.registry import FORMATS, render
from agent.process.write_file import to_new_file
from agent.report.model import Report


def formats() -> tuple[str, ...]:
    """The names of the formats that a report can be saved in."""
    return tuple(row.name for row in FORMATS if row.can_be_saved)


def save(report: Report, place: str, wanted: str) -> Path:
    """Write the report to a file that only its owner can read, whole or not at all, and give the file's path.

    `~` in `place` is a home. Raises FileExistsError where anything is there already, KeyError for a format that is not
    among `formats`, and OSError where the file cannot be written.
    """
    if wanted not in formats():
        raise KeyError(wanted)
    document = render(report, wanted)
    path = _path(place)
    to_new_file(document, path)
    return path


def _path(place: str) -> Path:
    if not place or "\0" in place:
        raise OSError(errno.EINVAL, "this is no name of a file", place)
    try:
        return Path(place).expanduser().absolute()
    except RuntimeError as error:
        raise FileNotFoundError(errno.ENOENT, "nobody of this name has a home here", place) from error
