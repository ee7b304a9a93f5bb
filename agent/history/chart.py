"""Draw the chart of a history as SVG: availability by day, latency by lane and step and, for pages, latency over time.
The chart has a given width, and is drawn only from the document.

In the row of a day, the height and the colour of a mark mean the same: a mark for failed is the highest, and time
without a watch is a dotted line.
"""

import itertools
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.wording import counted, lasted, time_of
from agent.documents.canvas import CHARACTER, LINE, PAD, SMALL, WIDE, Canvas, coordinate, cut, framed
from agent.documents.elements import element, to_svg
from agent.history.model import Day, HistoryDocument, Latency, Series
from agent.history.phrases import DECADES, milliseconds, nothing, place
from agent.history.standing import standing, worst
from agent.history.summary import CELLS, NOT_WATCHED, of_most_cycles, share, watched_for

MAX_SERIES: Final = 6
MAX_DAYS: Final = 35
MAX_LANES: Final = 12
"""The maximum numbers of series, of days and of lanes that are drawn. They are the first series, the latest days, and
the lanes with the most cycles."""
_DAY: Final = 84
"""Width of the column of days in a wide picture."""
_SHARE: Final = 22
"""Length of `99.99 % of 23 h 59 min`."""
_DAY_LABEL: Final = len("2026-01-15")
_STEP: Final = 15
"""Length of a step's name."""
_NUMBERS: Final = (("p50", "p95", "p99"), 8)
"""The columns of numbers, and the length of each."""
_HOURS: Final = 6
"""Hours between two marks on the axis of a day."""
_HEIGHT: Final = 14
"""Height of the highest mark of a day."""
_MARKS: Final = {"#": ("ok", "bar", 5), "?": ("unknown", "box", 10), "x": ("critical", "bar", _HEIGHT)}
"""Kind, shape and height of the mark for each cell of a day."""
_LEGEND: Final = (("#", "available"), ("x", "failed"), ("?", "unknown"), (NOT_WATCHED, "not watched"))


def availability(series: Series, width: int, name: str) -> Element:
    """Return the availability by day in an `svg` element of this width; `name` is a prefix of its ids."""
    drawing = _Chart(width)
    drawing.availability(series.days or ())
    return framed(drawing, "Availability by day", name, stands_alone=False)


def latency(series: Series, width: int, name: str) -> Element:
    """Return the latency by lane and step in an `svg` element of this width; `name` is a prefix of its ids."""
    drawing = _Chart(width)
    drawing.latency(series.latency or ())
    return framed(drawing, "Latency by address and step", name, stands_alone=False)


def over_time(series: Series, width: int, name: str) -> Element:
    """Return the latency over time, from left to right, in an `svg` element of this width; `name` is a prefix of its
    ids."""
    drawing = _Chart(width)
    drawing.over_time(series)
    return framed(drawing, "Latency over time", name, stands_alone=False)


def as_svg(document: HistoryDocument) -> str:
    """Return one SVG document that loads no other file."""
    drawing = _Chart(WIDE)
    first = worst(document)
    title = f"UNKNOWN: {nothing(document)}" if first is None else f"{first[1].word}: {first[1].summary}"
    if first is None:
        drawing.y += 4
        drawing.line(title, PAD, "strong", "unknown")
    for series in document.series[:MAX_SERIES]:
        drawing.head(series, document)
        drawing.availability(series.days or ())
        drawing.y += LINE
        drawing.latency(series.latency or ())
        drawing.y += LINE
    if left := len(document.series[MAX_SERIES:]):
        drawing.line(f"and {left} more series", PAD, "muted")
    return to_svg(framed(drawing, title, "history", stands_alone=True))


class _Chart(Canvas):
    def head(self, series: Series, document: HistoryDocument) -> None:
        """Draw the state of a series, for a picture that is not part of a page."""
        now = standing(series, document)
        self.y += 4
        self.line(f"{now.word}: {now.summary}", PAD, "strong", now.kind)
        for words in now.lines:
            self.line(words, PAD)
        self.line(series.name, PAD, "muted")
        self.words.append(f"{series.name}. {' '.join(now.lines)}")
        self.y += 8

    # --- Availability ---

    def availability(self, days: Sequence[Day]) -> None:
        """Draw a row for each day, with a mark for each half hour, and the watched share of the day."""
        self.line("Availability by day (UTC)", PAD, "strong")
        shown = days[-MAX_DAYS:]
        if left := len(days) - len(shown):
            self.line(f"the last {len(shown)} days; {left} earlier ones are not drawn", PAD, "small muted")
        self.line("a mark is half an hour, the worst in it; a share is of what was watched", PAD, "small muted")
        self.legend()
        start = _DAY + PAD if self.is_wide else PAD
        end = self.width - PAD - (_SHARE * SMALL + PAD if self.is_wide else 0)
        cell = (end - start) / CELLS
        for hour in range(0, 25, _HOURS):
            words = f"{hour:02}"
            at = start + hour * 2 * cell - len(words) * SMALL / 2
            self.text(min(at, self.width - len(words) * SMALL - 2), self.y + 10, words, "small muted")
        self.y += LINE
        top = self.y
        grid = len(self.parts)
        for day in shown:
            self.day(day, start, cell)
        lines = [self.grid(start + hour * 2 * cell, top, self.y) for hour in range(0, 25, _HOURS)]
        self.parts[grid:grid] = lines  # inserted first, so that the lines are drawn behind the marks

    def legend(self) -> None:
        at: float = PAD
        for mark, words in _LEGEND:
            self.strip(mark * 2, at, self.y, 6)
            self.text(at + 18, self.y + 11, words, "small")
            at += 18 + (len(words) + 2) * SMALL
        self.y += _HEIGHT + 4

    def day(self, day: Day, start: float, cell: float) -> None:
        total = day.available + day.failed
        words = "not watched"
        if total:
            words = f"{share(day.available, total)} of {lasted(watched_for(day).total_seconds())}"
        elif day.unknown:
            words = "unknown"
        self.words.append(f"{day.day}: {words}{' available' if total else ''}.")
        if self.is_wide:
            self.text(PAD, self.y + 12, cut(day.day, _DAY_LABEL))
            self.text(self.width - PAD - len(words) * SMALL, self.y + 12, words, "small")
        else:
            self.text(PAD, self.y + 11, cut(day.day, _DAY_LABEL))
            self.text(self.width - PAD - len(words) * SMALL, self.y + 11, words, "small")
            self.y += LINE
        self.strip(day.cells, start, self.y, cell)
        self.y += _HEIGHT + 4

    def strip(self, cells: str, start: float, top: float, cell: float) -> None:
        """Draw marks side by side. Neighbouring marks of the same kind become one shape."""
        at = start
        for mark, run in itertools.groupby(cells):
            width = len(list(run)) * cell
            if mark in _MARKS:
                kind, shape, height = _MARKS[mark]
                edge = 0.5 if shape == "box" else 0  # half of the line's width lies outside of the shape
                rect = {
                    "class": shape,
                    "x": coordinate(at + edge),
                    "y": coordinate(top + _HEIGHT - height + edge),
                    "width": coordinate(max(width - 2 * edge, 1)),
                    "height": coordinate(height - 2 * edge),
                }
                self.parts.append(element("g", {"class": kind}, element("rect", rect)))
            else:
                line = f"M{coordinate(at)} {coordinate(top + _HEIGHT - 1)}h{coordinate(width)}"
                self.parts.append(element("path", {"class": "link cut", "d": line}))
            at += width

    # --- Latency ---

    def latency(self, rows: Sequence[Latency]) -> None:
        """Draw a row for each step of a lane on a logarithmic axis, with its percentiles."""
        self.line("Latency of successful steps, in ms", PAD, "strong")
        if not rows:
            self.line("no step was timed", PAD, "muted")
            self.words.append("No step was timed.")
            return
        self.line("bar: p50 to p95; tick: p99; line: to the longest", PAD, "small muted")
        names, characters = _NUMBERS
        numbers = len(names) * characters * SMALL
        start = PAD + _STEP * SMALL + PAD if self.is_wide else PAD
        width = self.width - PAD - start - (numbers + PAD if self.is_wide else 0)
        shown = of_most_cycles(rows, MAX_LANES)
        self.axis(start, width)
        for lane, found in shown.items():
            self.y += 4
            self.line(cut(lane, int((self.width - 2 * PAD) / CHARACTER)), PAD)
            self.words.append(f"{lane}:")
            grid, top = len(self.parts), self.y
            for row in found:
                self.step(row, start, width)
            decades = DECADES[1] - DECADES[0]
            lines = [self.grid(start + width * step / decades, top, self.y) for step in range(decades + 1)]
            self.parts[grid:grid] = lines
        if left := len({row.lane for row in rows}) - len(shown):
            self.line(f"and {counted(left, 'more lane')} with fewer cycles", PAD, "small muted")

    def axis(self, start: float, width: float) -> None:
        low, high = DECADES
        for step, power in enumerate(range(low, high + 1)):
            words = f"{1000 * 10.0**power:g}"
            at = start + width * step / (high - low) - len(words) * SMALL / 2
            self.text(min(max(at, 0), self.width - len(words) * SMALL - 2), self.y + 10, words, "small muted")
        if self.is_wide:
            self.numbers(_NUMBERS[0], self.y + 10, "small muted")
        self.y += LINE

    def numbers(self, words: Sequence[str], y: float, classes: str) -> None:
        """Draw texts in the columns at the right, aligned to the right."""
        characters = _NUMBERS[1]
        for column, text in enumerate(reversed(words)):
            at = self.width - PAD - column * characters * SMALL - len(text) * SMALL
            self.text(at, y, text, classes)

    def step(self, row: Latency, start: float, width: float) -> None:
        values = [milliseconds(value) for value in (row.p50, row.p95, row.p99)]
        self.words.append(f"{row.step} p50 {values[0]}, p95 {values[1]}, p99 {values[2]} ms.")
        self.text(PAD, self.y + 11, cut(row.step, _STEP), "small")
        self.numbers(values, self.y + 11, "small")
        if not self.is_wide:
            self.y += LINE
        p50, p95, p99, longest = (start + width * place(value) for value in (row.p50, row.p95, row.p99, row.max))
        middle = self.y + 7
        line = f"M{coordinate(p50)} {middle}H{coordinate(longest)}"
        tick = f"M{coordinate(p99)} {middle - 5}v10"
        self.parts.append(element("path", {"class": "mark", "d": line}))
        self.parts.append(element("path", {"class": "mark", "d": tick}))
        bar = {"x": coordinate(p50 - 1), "y": f"{middle - 4}", "width": coordinate(p95 - p50 + 3), "height": "8"}
        self.parts.append(element("rect", {"class": "bar", **bar}))
        self.y += LINE + 2

    # --- Latency over time ---

    def over_time(self, series: Series) -> None:
        """Draw a row for each step of a lane. It has the medians from left to right, scaled so that the highest one
        fills the row."""
        self.line("Latency over time (UTC), in ms", PAD, "strong")
        rows = series.latency or ()
        if not rows:
            self.line("no step was timed", PAD, "muted")
            return
        explained = "from left to right, the medians of slices of one length; at the right, the highest of them"
        self.line(f"{explained}; where there is no line, the step never succeeded", PAD, "small muted")
        start = PAD + _STEP * SMALL + PAD if self.is_wide else PAD
        end = self.width - PAD - (_NUMBERS[1] * SMALL + PAD if self.is_wide else 0)
        begin, last = time_of(series.first_at), time_of(series.last_at)
        self.text(start, self.y + 10, begin, "small muted")
        self.text(end - len(last) * SMALL, self.y + 10, last, "small muted")
        self.y += LINE
        shown = of_most_cycles(rows, MAX_LANES)
        for lane, found in shown.items():
            self.line(cut(lane, int((self.width - 2 * PAD) / CHARACTER)), PAD)
            self.words.append(f"{lane}:")
            for row in found:
                self.medians(row, start, end)
        if left := len({row.lane for row in rows}) - len(shown):
            self.line(f"and {counted(left, 'more lane')} with fewer cycles", PAD, "small muted")

    def medians(self, row: Latency, start: float, end: float) -> None:
        """Draw the medians of a step. Each is a line as wide as its slice of time, and is joined to its neighbours."""
        known = [value for value in row.medians if value is not None]
        if not known:
            return
        highest = max(known)
        words = milliseconds(highest)
        self.words.append(f"{row.step} from {milliseconds(known[0])} to {milliseconds(known[-1])}, at most {words} ms.")
        self.text(PAD, self.y + 11, cut(row.step, _STEP), "small")
        self.text(self.width - PAD - len(words) * SMALL, self.y + 11, words, "small")
        if not self.is_wide:
            self.y += LINE
        bottom, slice_width = self.y + _HEIGHT, (end - start) / len(row.medians)
        path, is_joined = [], False
        for number, value in enumerate(row.medians):
            if value is not None:
                level = coordinate(bottom - (_HEIGHT - 2) * (value / highest if highest else 0))
                at = coordinate(start + number * slice_width)
                path.append(f"{'L' if is_joined else 'M'}{at} {level}H{coordinate(start + (number + 1) * slice_width)}")
            is_joined = value is not None
        self.parts.append(element("path", {"class": "link", "d": "".join(path)}))
        self.y = bottom + 4

    def grid(self, x: float, top: float, bottom: float) -> Element:
        line = f"M{coordinate(x)} {coordinate(top)}V{coordinate(bottom)}"
        return element("path", {"class": "grid", "d": line})
