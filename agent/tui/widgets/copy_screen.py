"""The list of items that can be copied, and the form for missing values of a command."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from agent.tui import tmux
from agent.tui.clipboard import ADVICE, OTHERWISE, SENT, TAKEN, Multiplexer
from agent.tui.copying import Item, filled, flaw_of
from agent.tui.lines import Glyphs, Line, Span, Tone, wrapped
from agent.tui.widgets.pane import TonedScreen
from agent.tui.widgets.screens import Form, Page
from agent.tui.widgets.typed import quiet_input


class CopyScreen(TonedScreen[None]):
    """The list of items that can be copied. The chosen item is sent to the terminal's clipboard."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("y,enter", "copy", show=False),
        *(Binding(str(number), f"copy({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(
        self, glyphs: Glyphs, items: Sequence[Item], copy: Callable[[str], None], multiplexer: Multiplexer
    ) -> None:
        """`copy` sends a text to the terminal's clipboard."""
        super().__init__()
        self._glyphs = glyphs
        self._items = list(items)
        self._copy = copy
        self._multiplexer = multiplexer
        self._sent: int | None = None
        self._is_taken = False
        """Whether the sent text is known to have arrived."""

    def compose(self) -> ComposeResult:
        yield Page(self._glyphs, "Copy", self._lines, len(self._items))

    def action_copy(self, number: int | None = None) -> None:
        """Copy the chosen item, or the item with this number, after asking for missing values of its commands."""
        page = self.query_one(Page)
        if number is not None and number <= len(self._items):
            page.at = number - 1
        item = self._items[page.at]
        if item.placeholders:
            self.app.push_screen(FillScreen(self._glyphs, item), self._send)
        else:
            self._send(item)

    def _send(self, item: object) -> None:
        if not isinstance(item, Item):  # no value was typed
            return
        page = self.query_one(Page)
        self._sent = page.at
        self._items[page.at] = item
        self._is_taken = False
        self._copy(item.text)
        page.show()
        if self._multiplexer is Multiplexer.TMUX:
            self.run_worker(self._confirm(item.text), exclusive=True)

    async def _confirm(self, text: str) -> None:
        if await tmux.has_taken(text):
            self._is_taken = True
            self.query_one(Page).show()

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = wrapped(
            f"Up and down choose, y or a number copies, esc goes back. {ADVICE[self._multiplexer]} {OTHERWISE}",
            width,
            tone=Tone.FAINT,
        )
        lines.append(())
        for number, item in enumerate(self._items):
            is_sent = number == self._sent
            said = TAKEN if self._is_taken else SENT[self._multiplexer]
            words = f"{number + 1}. {item.label}{f': {said}' if is_sent else ''}"
            tone = Tone.PLAIN if not is_sent else Tone.OK if self._is_taken else Tone.WARNING
            lines += [
                (Span(span.text, tone, str(number)),) for (span,) in wrapped(words, width - 1, first=" ", later="    ")
            ]
            if item.is_short or is_sent:
                lines += _in_full(item.text, width)
            if item.note:
                lines += wrapped(item.note, width - 1, first="    ", tone=Tone.FAINT)
            lines.append(())
        return lines


def _in_full(text: str, width: int) -> list[Line]:
    """Return a text from the first column on, so that the mouse selects exactly the text."""
    lines: list[Line] = []
    for line in text.splitlines():
        lines += [(Span(line[start : start + width], Tone.STRONG),) for start in range(0, len(line), width)] or [()]
    return lines


class FillScreen(Form):
    """Asks for unknown values in commands. Returns the item with the typed values. A placeholder for which no value was
    typed stays."""

    def __init__(self, glyphs: Glyphs, item: Item) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._item = item

    def compose(self) -> ComposeResult:
        yield Static("Unknown values in the command", classes="title", markup=False)
        for place, name in enumerate(self._item.placeholders):
            label = name.strip("<>").lower().replace("_", " ")
            yield from self.row(label, f"value-{place}", quiet_input("", name, id=f"value-{place}"))
        note = "An empty field leaves its placeholder. Enter copies, esc goes back."
        yield Static(note, classes="note", markup=False)

    def action_submit(self) -> None:
        values: dict[str, str] = {}
        errors: dict[str, str] = {}
        for place, name in enumerate(self._item.placeholders):
            value = self.query_one(f"#value-{place}", Input).value.strip()
            flaw = flaw_of(name, value) if value else None
            if flaw is not None:
                errors[f"value-{place}"] = flaw
            elif value:
                values[name] = value
        if errors:
            self.show_errors(errors)
        else:
            self.dismiss(filled(self._item, values))
