"""A line of alternatives, of which one or several are taken."""

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive

from agent.tui.lines import Glyphs, Line, Span, Tone
from agent.tui.widgets.pane import TextLines


class Choice(TextLines, can_focus=True):
    """`(x) json ( ) html`: arrows move, the space bar takes."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("space", "take", show=False),
    ]

    class Taken(Message):
        """Something else is taken now."""

        def __init__(self, taken: frozenset[str]) -> None:
            self.taken = taken
            super().__init__()

    at: reactive[int] = reactive(0, repaint=False)
    taken: reactive[frozenset[str]] = reactive(frozenset(), repaint=False)

    def __init__(
        self,
        glyphs: Glyphs,
        options: tuple[str, ...],
        taken: frozenset[str],
        *,
        is_single: bool,
        id: str | None = None,  # noqa: A002 - as Textual has it
    ) -> None:
        super().__init__(glyphs, id=id)
        self.options = options
        self._is_single = is_single
        self.set_reactive(Choice.taken, taken)
        self.set_reactive(Choice.at, next((n for n, each in enumerate(options) if each in taken), 0))

    def action_move(self, by: int) -> None:
        self.at = (self.at + by) % len(self.options)
        if self._is_single:
            self.taken = frozenset({self.options[self.at]})

    def action_take(self) -> None:
        here = frozenset({self.options[self.at]})
        self.taken = here if self._is_single else self.taken ^ here

    def watch_at(self) -> None:
        self._show()

    def watch_taken(self) -> None:
        self._show()
        self.post_message(self.Taken(self.taken))

    def on_resize(self) -> None:
        self._show()

    def on_focus(self) -> None:
        self._show()

    def on_blur(self) -> None:
        self._show()

    def on_click(self, event: events.Click) -> None:
        key = self.key_at(event.x, event.y)
        if key is not None:
            self.at = self.options.index(key)
            self.action_take()

    def _show(self) -> None:
        left, right = ("(", ")") if self._is_single else ("[", "]")
        line: Line = ()
        for each in self.options:
            sign = "x" if each in self.taken else " "
            line += (Span(f"{left}{sign}{right} {each}", Tone.PLAIN, each), Span("  "))
        self.draw((line,), self.options[self.at] if self.has_focus else None)
