"""The remembered runs as lines: the strip of verdicts over the path, and the log. Pure."""

from collections.abc import Sequence
from typing import Final

from agent.report.escape import visible
from agent.report.model import Status
from agent.tui.lines import Glyphs, Line, Span, Tone, cut, width_of, wrapped
from agent.tui.state import STATUS_TONES, State
from agent.tui.watching import Logged, Remembered, clock

_MARKS: Final = {Status.WARNING: "!", Status.CRITICAL: "x", Status.UNKNOWN: "?"}
"""The marks of failed runs, as in the chart of a history. A run that works has a low line here instead of a mark."""
_LEAST: Final = 10
"""Minimum number of marks in the strip next to its words."""


def key_of(run: Remembered) -> str:
    """The key of a run in the strip."""
    return f"run/{run.number}"


def number_in(key: str) -> int | None:
    """The number of the run with this key in the strip; None for another key."""
    kind, _, number = key.partition("/")
    return int(number) if kind == "run" and number.isdecimal() else None


def strip(state: State, width: int, glyphs: Glyphs) -> Line:
    """Return the verdicts of the runs, the latest on the right: `_` ok, `!` warning, `x` critical, `?` unknown. The
    shown run stays visible."""
    runs = state.memory.runs
    if len(runs) < 2:
        return ()
    words = f" {len(runs)} runs since {clock(runs[0].started_at, runs[-1].started_at)} UTC "
    if width - len(words) < _LEAST:
        words = f" {len(runs)} runs "
    room = max(width - len(words) - 3, 1)
    shown = runs[-room:]
    past = next((place for place, run in enumerate(runs) if run.number == state.past), None)
    if past is not None and past < len(runs) - room:  # the shown run stays visible
        shown = runs[past : past + room]
    spans = [Span(words, Tone.FAINT), Span("[" if shown[0] is not runs[0] else " ", Tone.FAINT)]
    for run in shown:
        mark = _MARKS.get(run.status, glyphs.levels[0])
        text = Span(mark, STATUS_TONES[run.status], key_of(run))
        spans.append(text)
    spans.append(Span("]" if shown[-1] is not runs[-1] else " ", Tone.FAINT))
    return cut(tuple(spans), width)


def log(entries: Sequence[Logged], width: int) -> list[Line]:
    """Return the log, the last run first: the changes of each run, with its date."""
    lines: list[Line] = []
    for entry in entries:
        head = f" {entry.at:%Y-%m-%d %H:%M:%S} UTC  run {entry.number}  "
        lines.append((Span(head, Tone.STRONG), Span(entry.status.upper(), STATUS_TONES[entry.status])))
        for mark, rows in (("* ", entry.states), ("  ", entry.steps)):
            for row in rows:
                lines += _wrapped(row.text, width, f"   {mark}", row.tone)
        lines.append(())
    if not lines:
        return wrapped("No run has changed anything yet.", width - 1, first=" ", tone=Tone.FAINT)
    note = (
        "* by the rules of `backuplink watch`: what lasts for two runs, or comes and goes. Other lines are for one run."
    )
    return [*wrapped(note, width - 1, first=" ", tone=Tone.FAINT), (), *lines]


def _wrapped(text: str, width: int, start: str, tone: Tone) -> list[Line]:
    """Return the text on as many lines as it needs. Most texts need a single line, and a log has hundreds of texts."""
    line: Line = (Span(f"{start}{visible(text)}", tone),)
    if width_of(line) < width:
        return [line]
    return wrapped(text, width - 1, first=start, later=" " * len(start), tone=tone)


def log_text(entries: Sequence[Logged]) -> str:
    """Return the log for a file, the first run first."""
    lines = []
    for entry in reversed(entries):
        lines.append(f"{entry.at:%Y-%m-%dT%H:%M:%SZ} run {entry.number}: {entry.status}")
        lines += [f"  * {visible(row.text)}" for row in entry.states]
        lines += [f"    {visible(row.text)}" for row in entry.steps]
    return "".join(f"{line}\n" for line in lines)
