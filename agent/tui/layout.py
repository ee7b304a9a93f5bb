"""How the body of the main screen is divided, by what there is to show. Pure.

The path takes the rows that it needs, but leaves the rest what the first cause needs, with what to do and the first
command. The causes and the detail stand beside the path only where the path shows all the same words there, but for
the times of a watch, which take what room there is.
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
"""The share of the columns that they get on a wider screen."""
_GUESS: Final = 200
"""Columns from which on a path whose words are not known yet fits beside the rest."""
_DETAIL: Final = 6
"""Rows that the detail is given at least: its title, what to do, a command."""
_CAUSES: Final = 5
"""Rows of the causes that the path makes room for: a title, two causes of two lines."""
_LEAST: Final = 6
"""Rows of both before there is a report, and where nothing counts, if that is less than a third."""
_TITLED: Final = 4
"""Rows of both with a line each."""
_PATH: Final = 4
"""Rows that the path always has, with its title and the line that says what is below."""
_BLANK: Final = re.compile(r"[\s|+>─│├└-]+")
"""What separates words on a line of the path."""


@dataclass(frozen=True, slots=True)
class Division:
    """How the body is divided."""

    is_beside: bool
    """Whether the causes and the detail stand beside the path, otherwise below it."""
    path: int
    """Columns of the path if they stand beside it, otherwise its rows with its title."""
    most: int
    """The most that it may have without taking what the rest needs."""


def divided(state: State, columns: int, rows: int, glyphs: Glyphs = ASCII) -> Division:
    """How a body of so many columns and rows is divided for the last report, or for the first run where there is no
    report yet. Drawn with the `glyphs` of the screen the path need not be drawn for it again."""
    side = max(_SIDE, round(columns * _SIDE_SHARE))
    beside = Division(True, columns - 1 - side, columns - 1 - side)
    if state.report is None:
        return beside if columns >= _GUESS else _below(rows, rows, _least(rows))
    is_full = 2 * len(path(state, columns, glyphs)) >= rows  # or most of the screen beside the rest would be empty
    if is_full and beside.path > side and _is_same(without_times(state), beside.path, columns, glyphs):
        return beside
    lines = path(state, columns, glyphs)
    if state.report.verdict.status is Status.OK:
        return _below(1 + len(lines), rows, _least(rows))
    rest = min(1 + len(causes(state, columns)), _CAUSES) + max(1 + _to_first_command(state, columns), _DETAIL)
    return _below(1 + len(lines), rows, rest)


def _least(rows: int) -> int:
    return max(min(_LEAST, rows // 3), _TITLED)


def _below(wanted: int, rows: int, rest: int) -> Division:
    """The path, which wants so many rows, over the rest, which needs some."""
    most = max(_PATH, rows - rest)
    return Division(False, max(min(wanted, most), 1), most)


def _to_first_command(state: State, columns: int) -> int:
    """Rows of the detail of the first cause up to its first command."""
    report = state.report
    first = next(iter(state.all_entries), None)
    for finding in () if report is None else report.findings:
        if report is not None and first is not None and first.key == f"finding/{finding.id}":
            return len(detail.until_command(finding, report, columns))
    return 0


def _is_same(state: State, one: int, other: int, glyphs: Glyphs) -> bool:
    """Whether the path says the same at both widths. The first lane that is shortened decides."""
    parts = zip(path_parts(state, one, glyphs), path_parts(state, other, glyphs), strict=True)
    return all(_words(narrow) == _words(wide) for narrow, wide in parts)


def _words(lines: Iterable[Line]) -> str:
    """All that lines say, without what is between the words."""
    return _BLANK.sub("", "".join(span.text for line in lines for span in line))
