"""The times of a lane as a chart: milliseconds upwards, runs to the right, all steps of a run on top of each other.

Pure. All lanes have the same scale, so that two charts can be compared. A step has a sign of its own, so that the chart
reads without colours; a failure has no height, since how long it took says only how long was waited.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from agent.catalog.wording import duration
from agent.report.counting import Weight
from agent.tui.lines import Glyphs, Line, Span, Tone, cut, wrapped
from agent.tui.state import WEIGHT_TONES
from agent.tui.watching import FAILURES, SAMPLED, Memory, Sample, clock, stacks, step_times_of, weight_of

ROWS: Final = 10
"""Lines of the chart between its axis and its top."""
MOST: Final = 240
"""Runs in a chart at most."""
_WIDEST: Final = 4
"""Columns of a run, with a gap, where there are few."""
_AXIS: Final = 10
"""Columns of the names on the axis of milliseconds, with the axis."""
_TONES: Final = (Tone.RUNNING, Tone.PLAIN, Tone.STRONG, Tone.OK, Tone.RUNNING)
"""Tones of the steps in SAMPLED."""
_MINUTE: Final = timedelta(minutes=1)
_NICE: Final = (1.0, 2.0, 5.0)
"""The end of the axis is one of these times a power of ten."""


def chart(memory: Memory, lane: str, width: int, glyphs: Glyphs) -> list[Line]:
    """The chart of a lane in so many columns, with its legend. Empty for a lane without times."""
    samples, room = memory.samples.get(lane), width - _AXIS
    runs = stacks(samples, min(room, MOST)) if samples is not None else []
    if samples is None or not runs:
        return []
    wide = max(min(room // len(runs), _WIDEST), 1)
    times = [run.started_at for run in memory.runs[-len(runs) :]]
    top = scale(memory)
    lines = [_row(row, runs, top, glyphs, _mark(row, top), wide) for row in range(ROWS, 0, -1)]
    lines.append((Span(f"{'':>{_AXIS - 1}}{glyphs.last}{glyphs.across * wide * len(runs)}", Tone.FAINT),))
    lines.append((Span(_hours(times, wide * len(runs)), Tone.FAINT),))
    return [cut(line, width) for line in (*lines, *_legend(samples, width, glyphs))]


def scale(memory: Memory) -> float:
    """The seconds at the top of every chart: enough for the slowest lane of the runs that a chart can show."""
    longest = max((run.slowest for run in memory.runs[-MOST:]), default=0.0)
    if longest <= 0:
        return 0.001
    power = 10.0 ** math.floor(math.log10(longest))
    return next((nice * power for nice in _NICE if nice * power >= longest), 10 * power)


def _mark(row: int, top: float) -> str:
    """What stands on the axis at a row: its upper end in words, at the top and in the middle."""
    return duration(top * row / ROWS) if row in (ROWS, ROWS // 2) else ""


def _row(row: int, runs: Sequence[Sequence[Sample]], top: float, glyphs: Glyphs, mark: str, wide: int) -> Line:
    """One line of the chart, with so many columns for a run; the lowest has number 1."""
    bar, gap = max(wide - 1, 1), " " if wide > 1 else ""
    spans = [Span(f"{mark:>{_AXIS - 2}} {glyphs.tick if mark else glyphs.down}", Tone.FAINT)]
    for run in runs:
        weight = weight_of(run)
        if weight is not None:
            # A column of signs, so that it is seen between high ones, too.
            spans.append(Span(FAILURES[weight] * bar + gap, WEIGHT_TONES[weight]))
            continue
        step = _step_at(row, run, top)
        spans.append(Span(" " * wide) if step is None else Span(glyphs.steps[step] * bar + gap, _TONES[step]))
    return _merged(spans)


def _step_at(row: int, run: Sequence[Sample], top: float) -> int | None:
    """The index of the step that is in the middle of a line; None above all. What was made at all is in the lowest."""
    seconds = [sample if isinstance(sample, float) else 0.0 for sample in run]
    middle = top * (row - 0.5) / ROWS
    reached = 0.0
    for step, part in enumerate(seconds):
        reached += part
        if part and middle < reached:
            return step
    return max(range(len(seconds)), key=seconds.__getitem__) if row == 1 and any(seconds) else None


def _merged(spans: Sequence[Span]) -> Line:
    """The spans, with neighbours of one tone as one."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].tone is span.tone:
            merged[-1] = Span(merged[-1].text + span.text, span.tone)
        else:
            merged.append(span)
    return tuple(merged)


def _hours(times: Sequence[datetime], columns: int) -> str:
    """The times of the first and the last run under their columns, and of the middle one where there is room (UTC).
    They have seconds where the runs are less than a minute apart."""
    is_close = len(times) > 1 and times[-1] - times[0] < (len(times) - 1) * _MINUTE
    named = (times[0], times[len(times) // 2], times[-1])
    first, middle, last = (clock(at, times[-1]) + at.strftime(":%S" if is_close else "") for at in named)
    line = f"{'UTC':>{_AXIS - 2}}  {first}"
    end = _AXIS + columns - len(last)
    if end - len(line) > len(middle) + 3:
        start = max(_AXIS + columns // 2 - len(middle) // 2, len(line) + 1)
        line = f"{line:<{start}}{middle}"
    return f"{line:<{end}}{last}" if end > len(line) else line


def _legend(samples: Sequence[Sequence[Sample]], width: int, glyphs: Glyphs) -> list[Line]:
    """What each sign means, and the numbers of each step."""
    lines: list[Line] = []
    for place, (step, times) in enumerate(zip(SAMPLED, samples, strict=True)):
        if not any(sample is not None for sample in times):
            continue
        known = step_times_of(times)
        parts = [f"{known.runs} runs" if known.runs != 1 else "1 run", f"loss {known.loss}"]
        if known.mean is not None and known.worst is not None:
            parts += [f"average {duration(known.mean)}", f"worst {duration(known.worst)}"]
        lines.append((Span(f"  {glyphs.steps[place]} ", _TONES[place]), Span(f"{step.upper():<4} {', '.join(parts)}")))
    failed = {sample for times in samples for sample in times if isinstance(sample, Weight)}
    for weight in (weight for weight in Weight if weight in failed):
        words = {Weight.NOT_COUNTED: "failed, not counted", Weight.UNPROVEN: "failed, not proven"}
        lines.append(
            (Span(f"  {FAILURES[weight]} ", WEIGHT_TONES[weight]), Span(words.get(weight, f"failed, {weight}")))
        )
    lines += wrapped(
        "A column is a run, the last one on the right. All lanes have this scale.", width, first="  ", tone=Tone.FAINT
    )
    return lines
