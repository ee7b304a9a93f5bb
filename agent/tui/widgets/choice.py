"""A line of options, one of which is selected."""

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive

from agent.tui.lines import Glyphs, Line, Span, Tone
from agent.tui.widgets.pane import TextLines


class Choice(TextLines, can_focus=True):
    """A line such as `(x) json ( ) html`, in which the arrow keys select."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
    ]

    class Changed(Message):
        """The selection has changed."""

        def __init__(self, choice: "Choice", selected: frozenset[str]) -> None:
            self.choice = choice
            self.selected = selected
            super().__init__()

        @property
        def control(self) -> "Choice":
            """The line with the changed selection, for selectors of handlers."""
            return self.choice

    at: reactive[int] = reactive(0, repaint=False)
    selected: reactive[frozenset[str]] = reactive(frozenset(), repaint=False)

    def __init__(
        self,
        glyphs: Glyphs,
        options: tuple[str, ...],
        selected: frozenset[str],
        *,
        id: str | None = None,  # noqa: A002 - as Textual has it
    ) -> None:
        super().__init__(glyphs, id=id)
        self.options = options
        self.set_reactive(Choice.selected, selected)
        self.set_reactive(Choice.at, next((number for number, option in enumerate(options) if option in selected), 0))

    def action_move(self, by: int) -> None:
        self.select(self.options[(self.at + by) % len(self.options)])

    def select(self, option: str) -> None:
        """Select one of the options."""
        self.at = self.options.index(option)
        self.selected = frozenset({option})

    def watch_at(self) -> None:
        self._show()

    def watch_selected(self) -> None:
        self._show()
        self.post_message(self.Changed(self, self.selected))

    def on_resize(self) -> None:
        self._show()

    def on_focus(self) -> None:
        self._show()

    def on_blur(self) -> None:
        self._show()

    def on_click(self, event: events.Click) -> None:
        key = self.key_at(event.x, event.y)
        if key is not None:
            self.select(key)

    def _show(self) -> None:
        line: Line = ()
        for option in self.options:
            sign = "x" if option in self.selected else " "
            line += (Span(f"({sign}) {option}", Tone.PLAIN, option), Span("  "))
        self.draw((line,), self.options[self.at] if self.has_focus else None)
