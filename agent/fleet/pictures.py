"""The pictures of a fleet: hosts by verdict, hosts of a cause by VPC and zone, a map of all causes, and a timeline.

They are SVG of a given width, and are drawn only from the document. Everything that a colour shows is also shown by a
number or a shape.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.wording import counted
from agent.documents.canvas import CHARACTER, LINE, PAD, SMALL, Canvas, coordinate, cut, framed
from agent.documents.elements import element
from agent.fleet import phrases
from agent.fleet.model import FleetCause, FleetDocument, Place

MAX_BARS: Final = 12
"""Maximum number of a cause's zones that are drawn, those with most hosts first."""
MAX_VPCS: Final = 24
MAX_ZONES: Final = 6
"""Maximum number of VPCs on the map, and of zones in each VPC."""
MAX_CAUSES: Final = 12
"""Maximum number of causes in the timeline."""
MAX_SWEEPS: Final = 60
"""Maximum number of sweeps in the timeline, which shows the last sweeps."""
_LABEL: Final = 34
"""Maximum length of a place's name in a wide picture."""
_NUMBERS: Final = 15
"""Length of `1,000 of 1,000`."""
_BAR: Final = 10
"""Height of a bar."""
_CELL: Final = 30
"""Height of a cell of the map."""


def verdicts(document: FleetDocument, width: int, name: str) -> Element:
    """All hosts in one bar, by verdict."""
    drawing = _Picture(width)
    drawing.verdicts(document)
    return framed(drawing, "Hosts by verdict", name, stands_alone=False)


def places(cause: FleetCause, width: int, name: str) -> Element:
    """The hosts of a cause by VPC and zone. A bar is the share of these hosts among the hosts that could have the
    cause.
    """
    drawing = _Picture(width)
    drawing.bars(cause)
    return framed(drawing, f"Hosts with {cause.code} by VPC and zone", name, stands_alone=False)


def zones(document: FleetDocument, width: int, name: str) -> Element:
    """A map with a row for each VPC and a column for each zone. Each cell shows the hosts with a shared cause."""
    drawing = _Picture(width)
    drawing.zones(document)
    return framed(drawing, "Hosts with a shared cause by VPC and zone", name, stands_alone=False)


def since(document: FleetDocument, width: int, name: str) -> Element:
    """A timeline. For each cause, it shows the sweeps in which the cause was there."""
    drawing = _Picture(width)
    drawing.since(document)
    return framed(drawing, "Since when", name, stands_alone=False)


class _Picture(Canvas):
    def rect(self, shape: str, x: float, y: float, width: float, height: float, kind: str | None = None) -> None:
        """Draw a rectangle that is at least one unit wide and high. `kind` decides its colour."""
        edge = 0.5 if shape != "bar" else 0  # half of a line's width lies outside
        place = {
            "class": shape,
            "x": coordinate(x + edge),
            "y": coordinate(y + edge),
            "width": coordinate(max(width - 2 * edge, 1)),
            "height": coordinate(max(height - 2 * edge, 1)),
        }
        made = element("rect", place)
        self.parts.append(made if kind is None else element("g", {"class": kind}, made))

    # --- Verdicts ---

    def verdicts(self, document: FleetDocument) -> None:
        count = document.totals
        rows = (
            ("critical", "bar", count.critical, "critical"),
            ("unknown", "box", count.unknown, "unknown"),
            ("warning", "bar", count.warning, "warning"),
            ("ok", "box", count.ok, "ok"),
            (None, "box", count.not_heard_from, "not heard from"),
        )
        total = max(sum(number for _, _, number, _ in rows), 1)
        self.y += 2
        at, room = float(PAD), self.width - 2 * PAD
        for kind, shape, number, _ in rows:
            if number:
                self.rect(shape, at, self.y, room * number / total, 2 * _BAR, kind)
                at += room * number / total
        self.y += 2 * _BAR + 4
        at = PAD
        for kind, shape, number, word in rows:
            if not number:
                continue
            words = f"{number:,} {word}"
            if at + _BAR + 4 + len(words) * CHARACTER > self.width - PAD:
                at = PAD
                self.y += LINE
            self.rect(shape, at, self.y + 3, _BAR, _BAR, kind)
            self.text(at + _BAR + 4, self.y + 12, words)
            self.words.append(f"{words}.")
            at += _BAR + 4 + (len(words) + 2) * CHARACTER
        self.y += LINE + 4

    # --- The places of one cause ---

    def bars(self, cause: FleetCause) -> None:
        rows = phrases.places(cause)
        kind = _kind(cause)
        most = max((max(row.exposed, row.sick) for row in rows), default=1)
        start = PAD + _LABEL * SMALL + PAD if self.is_wide else PAD
        room = self.width - PAD - start - _NUMBERS * SMALL - PAD
        for row in rows[:MAX_BARS]:
            name, words = phrases.place(row), f"{row.sick:,} of {max(row.exposed, row.sick):,}"
            self.words.append(f"{name}: {words}.")
            if self.is_wide:
                self.text(PAD, self.y + 11, cut(name, _LABEL), "small")
            else:
                self.text(PAD, self.y + 11, cut(name, int((self.width - 2 * PAD) / SMALL)), "small")
                self.y += LINE
            self.rect("box", start, self.y + 2, room * max(row.exposed, row.sick) / most, _BAR)
            if row.sick:
                self.rect("bar", start, self.y + 2, room * row.sick / most, _BAR, kind)
            self.text(self.width - PAD - len(words) * SMALL, self.y + 11, words, "small")
            self.y += LINE + 2
        if (left := len(rows) - MAX_BARS) > 0:
            self.line(f"and {counted(left, 'more zone')}", PAD, "small muted")

    # --- The map ---

    def zones(self, document: FleetDocument) -> None:
        rows = [row for cause in document.causes for row in cause.places]
        vpcs = _by_hosts(rows, [row.vpc for row in rows])
        columns = sorted({row.zone for row in rows}, key=lambda zone: (zone is None, zone or ""))
        shown = columns[:MAX_ZONES]
        start = PAD + (24 * SMALL if self.is_wide else 0) + PAD
        room = (self.width - PAD - start) / max(len(shown), 1)
        for number, zone in enumerate(shown):
            self.text(start + number * room + 4, self.y + 10, cut(zone or "not known", int(room / SMALL) - 1), "small")
        self.y += LINE
        for vpc in vpcs[:MAX_VPCS]:
            name = vpc or "no VPC"
            if self.is_wide:
                self.text(PAD, self.y + 18, cut(name, 24), "small")
            else:
                self.text(PAD, self.y + 11, cut(name, int((self.width - 2 * PAD) / SMALL)), "small")
                self.y += LINE
            for number, zone in enumerate(shown):
                self.cell(
                    [row for row in rows if (row.vpc, row.zone) == (vpc, zone)],
                    f"{name} {zone or 'zone not known'}",
                    start + number * room,
                    room - 4,
                    document,
                )
            self.y += _CELL + 4
        for left, what in ((len(vpcs) - MAX_VPCS, "more VPC"), (len(columns) - MAX_ZONES, "more zone")):
            if left > 0:
                self.line(f"and {counted(left, what)}", PAD, "small muted")

    def cell(self, rows: Sequence[Place], name: str, x: float, width: float, document: FleetDocument) -> None:
        """Draw a cell of the map. It is filled from below, up to the share of hosts with a fault."""
        sick = sum(row.sick for row in rows)
        if not rows:
            self.parts.append(element("path", {"class": "link cut", "d": _line(x + 4, self.y + _CELL / 2, width - 8)}))
            return
        exposed = max(*(row.exposed for row in rows), sick)
        self.words.append(f"{name}: {sick:,} of {exposed:,}.")
        kind = _worst(document, name) if sick else "ok"
        self.rect("box", x, self.y, width, _CELL, kind)
        if sick:
            height = _BAR * sick / max(exposed, 1)
            self.rect("bar", x + 2, self.y + _CELL - 2 - height, width - 4, height, kind)
        words = f"{sick:,} of {exposed:,}"
        if len(words) * SMALL > width - 8:
            words = f"{sick:,}"
        self.text(x + 4, self.y + 13, cut(words, max(int((width - 6) / SMALL), 1)), "small")

    # --- Since when ---

    def since(self, document: FleetDocument) -> None:
        sweeps = document.sweeps[-MAX_SWEEPS:]
        label = 32 if self.is_wide else 0
        start = PAD + label * SMALL + (PAD if label else 0)
        room = (self.width - PAD - start) / max(len(sweeps), 1)
        most = max((sweep.sick_count for sweep in sweeps), default=0) or 1
        self.line("hosts that are not ok, by sweep", PAD, "small muted")
        for number, sweep in enumerate(sweeps):
            height = 2 * _BAR * sweep.sick_count / most
            self.rect("bar", start + number * room, self.y + 2 * _BAR - height, room - 1, height)
            self.words.append(f"{phrases.minute(sweep.started_at)}: {sweep.sick_count:,} of {sweep.host_count:,}.")
        self.y += 2 * _BAR + 2
        if sweeps:
            first, last = (phrases.minute(sweep.started_at) for sweep in (sweeps[0], sweeps[-1]))
            self.text(start, self.y + 10, first, "small muted")
            if len(sweeps) > 1:
                self.text(self.width - PAD - len(last) * SMALL, self.y + 10, last, "small muted")
        self.y += LINE + 4
        for place, cause in enumerate(document.causes[:MAX_CAUSES], 1):
            self.strip(place, cause, document, start, room, label)
        if (left := len(document.causes) - MAX_CAUSES) > 0:
            self.line(f"and {counted(left, 'more cause')}", PAD, "small muted")

    def strip(
        self, place: int, cause: FleetCause, document: FleetDocument, start: float, room: float, label: int
    ) -> None:
        """Draw a line from the sweep in which a cause began. The line is dashed if this sweep is unknown."""
        sweeps = document.sweeps[-MAX_SWEEPS:]
        name = f"{place}. {cause.code} {counted(cause.host_count, 'host')}"
        self.words.append(f"{name}: {phrases.since(cause, document)}")
        if label:
            self.text(PAD, self.y + 11, cut(name, label), "small")
        else:
            self.text(PAD, self.y + 11, cut(name, int((self.width - 2 * PAD) / SMALL)), "small")
            self.y += LINE
        end = start + len(sweeps) * room - 1
        if cause.since is None:
            self.parts.append(element("path", {"class": "link cut", "d": _line(start, self.y + 7, end - start)}))
        else:
            first = next(
                (number for number, sweep in enumerate(sweeps) if sweep.started_at >= cause.since), len(sweeps) - 1
            )
            at = start + max(first, 0) * room
            if at > start:
                line = element("path", {"class": "grid", "d": _line(start, self.y + 7, at - start)})
                self.parts.append(line)
            self.rect("box" if cause.flapping else "bar", at, self.y + 2, end - at, _BAR, _kind(cause))
        self.y += LINE + 2


def _by_hosts(rows: Sequence[Place], names: Sequence[str | None]) -> list[str | None]:
    """Return each name once. A name with more hosts comes before a name with fewer hosts."""
    hosts = dict.fromkeys(names, 0)
    for row, name in zip(rows, names, strict=True):
        hosts[name] += row.sick
    return sorted(hosts, key=lambda name: (-hosts[name], name or ""))


def _kind(cause: FleetCause) -> str:
    return cause.severity.value if cause.severity.value in ("critical", "warning") else "unknown"


def _worst(document: FleetDocument, name: str) -> str:
    """The kind of the worst cause at a place."""
    there = (cause for cause in document.causes if any(phrases.place(row) == name and row.sick for row in cause.places))
    return min((_kind(cause) for cause in there), key=("critical", "warning", "unknown").index, default="unknown")


def _line(x: float, y: float, width: float) -> str:
    return f"M{coordinate(x)} {coordinate(y)}h{coordinate(max(width, 1))}"
