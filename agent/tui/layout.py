"""The division of the main screen's body by its content. Pure.

The path takes the rows that it needs, but leaves enough for the first cause with its fix and first command. The causes
and the detail stand beside the path only if the path shows all the same words there; only the times of a watch may be
shortened to the room left.
"""

import re
from collections.abc import Iterable
from typing import Final

from agent.report.model import Status
from agent.tui import detail
from agent.tui.drawing import causes, path, path_parts
from agent.tui.lines import ASCII, Glyphs, Line
from agent.tui.state import State, without_times
from probes.frozen import dataclass

_SIDE: Final = 60
"""Columns that the causes and the detail need beside the path."""
_SIDE_SHARE: Final = 0.36
"""The share of the columns for the causes and the detail on a wider screen."""
_GUESS: Final = 200
"""Number of columns from which the path is assumed to fit beside the rest while its words are not known yet."""
_DETAIL: Final = 6
"""Minimum number of rows of the detail: its title, the fix, a command."""
_CAUSES: Final = 5
"""Rows that the path leaves free for the causes: a title, and two causes with two lines each."""
_LEAST: Final = 6
"""Rows of the causes and the detail before there is a report, and if nothing counts. If a third of all rows is fewer,
they get a third."""
_TITLED: Final = 4
"""Rows of the causes and the detail together if each has one line."""
_PATH: Final = 4
"""Minimum number of rows of the path, with its title and the line about the rows below."""
_BLANK: Final = re.compile(r"[\s|+>─│├└-]+")
"""Separators of words on a line of the path."""


@dataclass(frozen=True, slots=True)
class Division:
    """A division of the body."""

    is_beside: bool
    """Whether the causes and the detail are beside the path. Otherwise they are below it."""
    path: int
    """If the causes and the detail are beside the path, the columns of the path. Otherwise its rows, including its
    title."""
    most: int
    """The most columns or rows for the path that leave enough for the causes and the detail."""


def divided(state: State, columns: int, rows: int, glyphs: Glyphs = ASCII) -> Division:
    """Return the division of a body with this number of columns and rows, for the last report, or for the first run if
    there is none yet. With the `glyphs` of the screen, the path need not be drawn again."""
    side = max(_SIDE, round(columns * _SIDE_SHARE))
    beside = Division(True, columns - 1 - side, columns - 1 - side)
    if state.report is None:
        return beside if columns >= _GUESS else _below(rows, rows, _least(rows))
    is_full = 2 * len(path(state, columns, glyphs)) >= rows  # a shorter path leaves most of its column empty
    if is_full and beside.path > side and _is_same(without_times(state), beside.path, columns, glyphs):
        return beside
    lines = path(state, columns, glyphs)
    if state.report.verdict.status is Status.OK:
        has_room = not state.watching or 1 + len(lines) + _least(rows) <= rows
        return _below(1 + len(lines), rows, _least(rows) if has_room else _TITLED)  # its lanes have times
    rest = min(1 + len(causes(state, columns)), _CAUSES) + max(1 + _to_first_command(state, columns), _DETAIL)
    return _below(1 + len(lines), rows, rest)


def _least(rows: int) -> int:
    return max(min(_LEAST, rows // 3), _TITLED)


def _below(wanted: int, rows: int, rest: int) -> Division:
    """Return the division for a path that needs `wanted` rows. Below it is the rest, which needs `rest` rows."""
    most = max(_PATH, rows - rest)
    return Division(False, max(min(wanted, most), 1), most)


def _to_first_command(state: State, columns: int) -> int:
    """Number of rows of the first cause's detail up to its first command."""
    report = state.report
    first = next(iter(state.all_entries), None)
    for finding in () if report is None else report.findings:
        if report is not None and first is not None and first.key == f"finding/{finding.id}":
            return len(detail.until_command(finding, report, columns))
    return 0


def _is_same(state: State, one: int, other: int, glyphs: Glyphs) -> bool:
    """Whether the path has the same words at both widths. The first lane that is shortened decides."""
    parts = zip(path_parts(state, one, glyphs), path_parts(state, other, glyphs), strict=True)
    return all(_words(narrow) == _words(wide) for narrow, wide in parts)


def _words(lines: Iterable[Line]) -> str:
    """The words of lines without their separators."""
    return _BLANK.sub("", "".join(span.text for line in lines for span in line))
