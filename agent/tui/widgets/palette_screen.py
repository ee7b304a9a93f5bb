"""The palette: an input line, and the matches below it."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from agent.tui.lines import Glyphs, Line, Span, Tone, wrapped
from agent.tui.palette import Row, matching
from agent.tui.widgets.pane import TonedScreen
from agent.tui.widgets.screens import Page
from agent.tui.widgets.typed import quiet_input


class PaletteScreen(TonedScreen[Row | None]):
    """Actions, findings, services and addresses, searched by name. Returns the chosen row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
    ]

    def __init__(self, glyphs: Glyphs, rows: Sequence[Row]) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._rows = rows
        self._matching = tuple(rows)

    def compose(self) -> ComposeResult:
        yield quiet_input("", "an action, a finding, a service or an address", id="wanted")
        yield Page(self._glyphs, "Go to", self._lines, len(self._matching))

    def on_mount(self) -> None:
        self.query_one(Page).can_focus = False

    @on(Input.Changed)
    def narrow(self, changed: Input.Changed) -> None:
        self._matching = matching(self._rows, changed.value)
        page = self.query_one(Page)
        page.choices = len(self._matching)
        page.at = 0
        page.show()

    @on(Input.Submitted)
    def choose(self) -> None:
        place = self.query_one(Page).at
        self.dismiss(self._matching[place] if place < len(self._matching) else None)

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, Page) and event.widget.key_at(event.x, event.y) is not None:
            self.choose()

    def action_move(self, by: int) -> None:
        self.query_one(Page).action_move(by)

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = []
        for number, row in enumerate(self._matching):
            start = f" {row.word:<9} "
            for place, (span,) in enumerate(wrapped(row.text, width - 1, first=start, later=" " * len(start))):
                head = Span(span.text[: len(start)], row.tone if place == 0 else Tone.PLAIN, str(number))
                lines.append((head, Span(span.text[len(start) :], Tone.PLAIN, str(number))))
        return lines or [(Span(" nothing has these letters", Tone.FAINT),)]
