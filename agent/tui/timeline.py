"""The times of a lane as a chart: milliseconds upwards, runs to the right, all steps of a run on top of each other.

Pure. All lanes have the same scale, so that two charts can be compared. Each step has its own sign, so that the chart
can be read without colours. A failure has no height, since its duration is only the time waited.
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
"""Number of lines between the axis and the top of the chart."""
MOST: Final = 240
"""Maximum number of runs in a chart."""
_WIDEST: Final = 4
"""Maximum number of columns of a run with its gap, used if there are few runs."""
_AXIS: Final = 10
"""Columns for the labels of the milliseconds axis, and the axis itself."""
_TONES: Final = (Tone.RUNNING, Tone.PLAIN, Tone.STRONG, Tone.OK, Tone.RUNNING)
"""Tones of the steps in SAMPLED."""
_MINUTE: Final = timedelta(minutes=1)
_NICE: Final = (1.0, 2.0, 5.0)
"""Factors for the end of the axis, which is a factor times a power of ten."""


def chart(memory: Memory, lane: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the chart of a lane in this number of columns, with its legend. Empty for a lane without times."""
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
    """Return the seconds at the top of every chart: enough for the slowest lane of the runs that a chart can show."""
    longest = max((run.slowest for run in memory.runs[-MOST:]), default=0.0)
    if longest <= 0:
        return 0.001
    power = 10.0 ** math.floor(math.log10(longest))
    return next((nice * power for nice in _NICE if nice * power >= longest), 10 * power)


def _mark(row: int, top: float) -> str:
    """Return the label of a row of the axis: the time at its upper end, for the top and the middle row only."""
    return duration(top * row / ROWS) if row in (ROWS, ROWS // 2) else ""


def _row(row: int, runs: Sequence[Sequence[Sample]], top: float, glyphs: Glyphs, mark: str, wide: int) -> Line:
    """Return a line of the chart with this number of columns for each run; the lowest line has number 1."""
    bar, gap = max(wide - 1, 1), " " if wide > 1 else ""
    spans = [Span(f"{mark:>{_AXIS - 2}} {glyphs.tick if mark else glyphs.down}", Tone.FAINT)]
    for run in runs:
        weight = weight_of(run)
        if weight is not None:
            # The failure fills a whole column with signs, so that it is visible between high columns.
            spans.append(Span(FAILURES[weight] * bar + gap, WEIGHT_TONES[weight]))
            continue
        step = _step_at(row, run, top)
        spans.append(Span(" " * wide) if step is None else Span(glyphs.steps[step] * bar + gap, _TONES[step]))
    return _merged(spans)


def _step_at(row: int, run: Sequence[Sample], top: float) -> int | None:
    """Return the index of the step that the middle of a row shows; None above all steps. Every step that was made shows
    at least in the lowest row."""
    seconds = [sample if isinstance(sample, float) else 0.0 for sample in run]
    middle = top * (row - 0.5) / ROWS
    reached = 0.0
    for step, part in enumerate(seconds):
        reached += part
        if part and middle < reached:
            return step
    return max(range(len(seconds)), key=seconds.__getitem__) if row == 1 and any(seconds) else None


def _merged(spans: Sequence[Span]) -> Line:
    """Return the spans, with adjacent spans of the same tone merged."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].tone is span.tone:
            merged[-1] = Span(merged[-1].text + span.text, span.tone)
        else:
            merged.append(span)
    return tuple(merged)


def _hours(times: Sequence[datetime], columns: int) -> str:
    """Return the times (UTC) of the first and last runs under their columns, and of the middle run if its time fits.
    Seconds are shown if the runs are less than a minute apart."""
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
    """Return the meaning of each sign, and the numbers of each step."""
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
        "Each column is a run, the latest on the right. All lanes share this scale.", width, first="  ", tone=Tone.FAINT
    )
    return lines
