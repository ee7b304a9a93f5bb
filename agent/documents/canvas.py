"""The common parts of pictures: a drawing of a given width, its colours on light and dark pages, and the `svg` element
around it.

All characters count as equally wide, so that the same data gives the same picture everywhere. Words and shapes show
everything that colours show.
"""

import textwrap
from typing import Final
from xml.etree.ElementTree import Element

from agent.documents.elements import element
from agent.report.escape import visible
from agent.report.words import bounded

WIDE: Final = 720
"""Width in units, which are pixels on a page of this width."""
NARROW: Final = 328
"""Width in units for the page of a telephone."""
CHARACTER: Final = 6.62
"""Width of a character at font size 11: 0.6 em, and a little for wider fonts."""
SMALL: Final = 6.02
"""Width of a character at font size 10."""
LINE: Final = 14
PAD: Final = 8
ICON: Final = 11
_LIGHT: Final = {
    "paper": "#ffffff",
    "panel": "#f6f8fa",
    "ink": "#1b1f24",
    "muted": "#57606a",
    "line": "#7d8590",
    "rule": "#d0d7de",
    "ok": "#0a5c2b",
    "warning": "#7a4b00",
    "critical": "#a40e26",
    "unknown": "#5b3a94",
    "ok-back": "#eaf6ee",
    "warning-back": "#fff4d9",
    "critical-back": "#fdebed",
    "unknown-back": "#f2edfb",
    "link": "#0a53a8",
}
_DARK: Final = {
    "paper": "#14171b",
    "panel": "#1d2126",
    "ink": "#e6e9ed",
    "muted": "#a8b1bb",
    "line": "#78828c",
    "rule": "#343b43",
    "ok": "#7fd79c",
    "warning": "#f2c261",
    "critical": "#ff9da6",
    "unknown": "#cdb6f7",
    "ok-back": "#15291c",
    "warning-back": "#30270f",
    "critical-back": "#3a1a1f",
    "unknown-back": "#272038",
    "link": "#8fc1ff",
}
PALETTES: Final = {"light": _LIGHT, "dark": _DARK}
"""Colours by name. The contrast with the background is at least 4.5:1 for text and 3:1 for lines (WCAG 2.2, 1.4.3 and
1.4.11)."""
_KINDS: Final = ("ok", "warning", "critical", "unknown")


def _rules(colours: dict[str, str]) -> str:
    kinds = "".join(
        f".drawing .{kind} .box{{stroke:{colours[kind]};fill:{colours[f'{kind}-back']}}}"
        f".drawing .{kind} .mark{{stroke:{colours[kind]}}}"
        f".drawing .{kind} .bar{{fill:{colours[kind]}}}"
        f".drawing text.{kind},.drawing .{kind} .result{{fill:{colours[kind]}}}\n"
        for kind in _KINDS
    )
    return (
        f".drawing text{{fill:{colours['ink']}}}"
        f".drawing .paper{{fill:{colours['paper']}}}"
        f".drawing .panel{{fill:{colours['panel']};stroke:{colours['line']}}}"
        f".drawing .box{{fill:{colours['paper']};stroke:{colours['line']}}}"
        f".drawing .mark{{stroke:{colours['muted']}}}"
        f".drawing .link,.drawing .grid{{stroke:{colours['line']}}}"
        f".drawing .bar{{fill:{colours['link']}}}"
        f".drawing text.muted,.drawing .muted{{fill:{colours['muted']}}}\n{kinds}"
    )


STYLE: Final = (
    ".drawing text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}"
    ".drawing text.small{font-size:10px}.drawing text.strong{font-weight:bold}"
    ".drawing .grid{fill:none;stroke-width:.6}"
    ".drawing .mark,.drawing .link{fill:none;stroke-width:1.6}.drawing .cut{stroke-dasharray:2 3}"
    ".drawing .skipped .box{stroke-dasharray:3 3;fill:none}.drawing .critical .box{stroke-width:2}\n"
    f"{_rules(_LIGHT)}@media screen and (prefers-color-scheme:dark){{{_rules(_DARK)}}}\n"
)
"""The style rules of a picture, for the page or document around it. Printed pictures are light."""
MARKS: Final = {
    "ok": "M0 4.5l3 3 5-7",
    "critical": "M0.5 0.5l7 7M7.5 0.5l-7 7",
    "warning": "M4 0l4.5 8h-9zM4 3v2.5",
    "unknown": "M1 2.5a3 2.5 0 1 1 3 3v1M4 8v.5",
    "skipped": "M0 4h8",
    "uncounted": "M0.5 0.5l7 7M7.5 0.5l-7 7",
}
"""The shape of each kind, in a square of eight units. A failure that does not count has the shape of a failure, but not
the colour."""


class Canvas:
    """Draws a picture from top to bottom, and records the texts in it."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.is_wide = width >= WIDE
        self.y = 0
        self.parts: list[Element] = []
        self.words: list[str] = []

    def text(self, x: float, y: float, words: str, classes: str = "") -> None:
        attributes = {"x": coordinate(x), "y": coordinate(y)}
        self.parts.append(element("text", attributes | ({"class": classes} if classes else {}), words))

    def line(self, words: str, x: float = 0, classes: str = "", kind: str | None = None) -> None:
        """Draw the mark of a kind and then a text, which may take several lines of the available width."""
        start = x + (ICON if kind else 0)
        room = int((self.width - x - start) / (SMALL if "small" in classes else CHARACTER))
        for number, part in enumerate(_wrapped(words, max(room, 12))):
            if kind and not number:
                self.mark(x, self.y + 3, kind)
            self.text(start, self.y + 11, part, " ".join(filter(None, (classes, kind or ""))))
            self.y += LINE

    def mark(self, x: float, y: float, kind: str) -> None:
        path = element("path", {"class": "mark", "d": MARKS[kind], "transform": f"translate({coordinate(x)} {y:g})"})
        self.parts.append(path if kind == "skipped" else element("g", {"class": kind}, path))

    def panel(self, begin: int, drawn: list[Element]) -> None:
        """Draw a frame from the height `begin` to the current height. `drawn` is everything that was drawn above it."""
        frame = {"x": "0.5", "y": str(begin + 0.5), "width": str(self.width - 1), "height": str(self.y - begin - 1)}
        self.parts = [*drawn, element("rect", {"class": "panel", **frame, "rx": "6"}), *self.parts]


def framed(canvas: Canvas, title: str, name: str, *, stands_alone: bool) -> Element:
    """Return the drawing in an `svg` element. `name` is the prefix of all ids in it, so that a page can have several
    pictures. A picture that stands alone contains its own style."""
    width, height = canvas.width, canvas.y + 1
    svg = element(
        "svg",
        {
            "class": "drawing",
            "viewBox": f"0 0 {width} {height}",
            "preserveAspectRatio": "xMinYMin meet",
            "width": width,
            "height": height,
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
        },
        element("title", {"id": f"{name}-title"}, bounded(title)),
        element("desc", {"id": f"{name}-desc"}, " ".join(canvas.words)),
    )
    if stands_alone:
        style = element("style")
        style.text = STYLE
        svg.append(style)
        svg.append(element("rect", {"class": "paper", "width": width, "height": height}))
    svg.extend(canvas.parts)
    return svg


def coordinate(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _wrapped(words: str, width: int) -> list[str]:
    return textwrap.wrap(visible(words), width, break_on_hyphens=False) or [""]


def cut(words: str, room: int) -> str:
    shown = visible(words)
    return shown if len(shown) <= room else f"{shown[: max(room - 2, 1)]}.."
