"""Boxes of a picture side by side, such as the hops of a path. Each shows its result by a shape, a colour and words."""

import math
from collections.abc import Sequence
from typing import Final

from agent.documents.canvas import CHARACTER, ICON, PAD, SMALL, Canvas, coordinate, cut
from agent.documents.elements import element
from agent.report.escape import visible
from agent.report.words import bounded
from probes.frozen import dataclass

GAP: Final = 10
"""Width between two boxes, where their connection is drawn."""
INSET: Final = 6
"""Width between the edge of a box and its texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box of a flow, with one to three lines."""

    kind: str
    label: str
    texts: tuple[str, ...] = ()
    """The result in several forms. The full form comes first, and then shorter and shorter ones."""
    more: str = ""
    """A third line of text."""
    title: str = ""
    """The tooltip of the box, if it says more than the box."""
    width: int | None = None
    """The width of the box; None for the width of its texts."""
    is_end: bool = False
    """Whether the chain ends at this box, so that the boxes after it were not reached."""

    @property
    def rows(self) -> int:
        return 1 + bool(self.texts) + bool(self.more)

    @property
    def character(self) -> float:
        """The width of a character of the result. If the box has three lines, the result is an id in small type."""
        return SMALL if self.more else CHARACTER

    def natural_width(self) -> int:
        """The width of the box if there is enough room."""
        if self.width is not None:
            return self.width
        longest = max(
            len(visible(self.label)) * SMALL + (0 if self.texts else ICON),
            max((len(visible(text)) for text in self.texts[:1]), default=0) * self.character + ICON,
            len(visible(self.more)) * SMALL,
        )
        return math.ceil(longest) + 2 * INSET + 1


class Flow(Canvas):
    """A canvas that draws boxes."""

    def box(self, x: float, width: float, height: int, box: Box) -> None:
        room = int((width - 2 * INSET) / SMALL)
        short = int((width - 2 * INSET - ICON) / box.character)
        group = element("g", {"class": box.kind})
        outer, self.parts = self.parts, []
        rect: dict[str, str | int] = {
            "class": "box",
            "x": coordinate(x),
            "y": self.y,
            "width": coordinate(width),
            "height": height,
            "rx": 4,
        }
        self.parts.append(element("rect", rect))
        if box.texts:
            self.text(x + INSET, self.y + 12, cut(box.label, room), "small muted")
            self.mark(x + INSET, self.y + 17, box.kind)
            self.text(
                x + INSET + ICON, self.y + 26, _fitting(box.texts, short), f"{'small ' if box.more else ''}result"
            )
        else:
            self.mark(x + INSET, self.y + 6, box.kind)
            self.text(x + INSET + ICON, self.y + 14, cut(box.label, room - 2), "small")
        if box.more:
            self.text(x + INSET, self.y + 39, cut(box.more, room), "small")
        if box.title:
            group.append(element("title", None, bounded(visible(box.title))))
        group.extend(self.parts)
        self.parts = [*outer, group]

    def flow(self, boxes: Sequence[Box], x: float, *, is_chain: bool) -> None:
        """Draw boxes side by side, on as many lines as they need. If they are a chain, a line connects each box with
        the box before it. The line is broken after a failure."""
        room = self.width - x - PAD
        height = {1: 20, 2: 34, 3: 46}[max((box.rows for box in boxes), default=1)]
        at, is_cut = x, False
        for number, box in enumerate(boxes):
            width = min(box.natural_width(), room)
            step = GAP if number else 0
            if at > x and at + step + width > x + room + 0.5:
                self.y += height + 6
                at = x
            if number:
                if is_chain:
                    middle = self.y + height / 2
                    line = f"M{coordinate(at)} {middle:g}h{GAP - 2}m-3.5 -3l3.5 3-3.5 3"
                    self.parts.append(element("path", {"class": f"link{' cut' if is_cut else ''}", "d": line}))
                at += GAP
            width = min(width, x + room - at)
            self.box(at, width, height, box)
            at += width
            is_cut = is_cut or box.is_end
        self.y += height


def _fitting(texts: Sequence[str], room: int) -> str:
    """Return the first text that fits."""
    return next((text for text in map(visible, texts) if len(text) <= room), cut(texts[-1], room))
