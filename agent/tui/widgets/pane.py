"""Widgets that draw lines. They draw only visible lines that changed, because every character counts over a slow
connection."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from agent.tui import detail, drawing
from agent.tui.actions import Pane
from agent.tui.lines import Glyphs, Line, Tone, width_of
from agent.tui.search import places
from agent.tui.state import State, cursor, marked, selected_entry, shown_by

T = TypeVar("T")
WHEEL = 3
"""Number of lines by which a step of the mouse wheel scrolls."""
TAILED = 4
"""Number of rows from which a pane uses its last row for a summary of what is below it."""
NEAR = 2
"""Maximum distance from the visible lines, in lines, at which the pane scrolls line by line."""


class TonedScreen(Screen[T]):
    """A screen with the style of every tone, for all lines on it."""

    COMPONENT_CLASSES = {f"lines--{tone}" for tone in Tone} | {"lines--cursor", "lines--marked"}

    _select_state = reactive(None, repaint=False)  # what is selected draws itself; Textual would repaint the screen
    virtual_size = reactive(Size(0, 0), repaint=False)  # nothing scrolls; Textual would lay out and paint all again


class TextLines(Widget):
    """Lines of text from the top. Their screen is a TonedScreen."""

    virtual_size = reactive(Size(0, 0), repaint=False)  # a new size does not repaint, as in TonedScreen

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual names it - as Textual has it
        super().__init__(id=id)
        self.glyphs = glyphs
        self._drawn: tuple[tuple[Line, str | None, frozenset[str]], ...] = ()
        self._drawn_for = Size(0, 0)
        """The size for which the lines were drawn."""
        self._is_rendering = False

    def draw(
        self, lines: Sequence[Line], under_cursor: str | None = None, highlighted: frozenset[str] = frozenset()
    ) -> None:
        """Show as many of these lines as fit. Only lines that changed are painted."""
        drawn = tuple(
            (
                line,
                under_cursor if any(span.key == under_cursor for span in line) else None,
                highlighted & {span.key for span in line if span.key is not None},
            )
            for line in lines[: self.size.height]
        )
        before, self._drawn = self._drawn, drawn
        self._drawn_for = self.size
        if self._is_rendering:
            return
        rows = [
            row
            for row in range(max(len(before), len(drawn)))
            if row >= len(before) or row >= len(drawn) or before[row] != drawn[row]
        ]
        if rows and (selection := self.text_selection) is not None and any(map(selection.get_span, rows)):
            self.screen.clear_selection()  # the selected lines have other words now
        if rows:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in rows))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if y >= len(self._drawn):
            return Strip.blank(width, base)
        line, under_cursor, highlighted = self._drawn[y]
        style_of = self.screen.get_component_rich_style
        segments = []
        for span in line:
            style = base + style_of(f"lines--{span.tone}", partial=True)
            if span.key is not None and span.key in highlighted:
                style += style_of("lines--marked", partial=True)
            if span.key is not None and span.key == under_cursor:
                style += style_of("lines--cursor", partial=True)
            segments.append(Segment(span.text, style))
        strip = Strip(segments, width_of(line)).adjust_cell_length(width, base)
        selection = self.text_selection
        return self._selected(strip, None if selection is None else selection.get_span(y)).apply_offsets(0, y)

    def _selected(self, strip: Strip, columns: tuple[int, int] | None) -> Strip:
        """Return the strip with the selection shown in these columns. A column of -1 stands for the end of the line."""
        if columns is None:
            return strip
        start, end = columns
        end = strip.cell_length if end < 0 else end
        middle = strip.crop(start, end).apply_style(self.screen.get_component_rich_style("lines--cursor", partial=True))
        return Strip.join([strip.crop(0, start), middle, strip.crop(end)])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that a drag has selected, without the blanks at the ends of lines."""
        rows: list[str] = []
        for y, (line, _, _) in enumerate(self._drawn):
            if (columns := selection.get_span(y)) is not None:
                start, end = columns
                rows.append("".join(span.text for span in line)[start : None if end < 0 else end].rstrip())
        return "\n".join(rows), "\n"

    @property
    def has_selection(self) -> bool:
        """Whether a drag has selected text. The click at the end of the drag must keep the selection."""
        return bool(self.screen.selections)

    def key_at(self, column: int, row: int) -> str | None:
        """Key of the span under the mouse."""
        line: Line = self._drawn[row][0] if 0 <= row < len(self._drawn) else ()
        for span in line:
            if column < len(span.text):
                return span.key
            column -= len(span.text)
        return None


class StateLines(TextLines):
    """Lines that depend only on the state."""

    state: reactive[State | None] = reactive(None, repaint=False)

    def lines(self, state: State) -> Sequence[Line]:
        raise NotImplementedError

    def watch_state(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != self.size:  # the event about the new size has not come yet
            self._is_rendering = True
            try:
                self.show()
            finally:
                self._is_rendering = False
        return super().render_line(y)

    def show(self) -> None:
        if self.state is not None and self.size:
            self.draw(self.lines(self.state))


class Header(StateLines):
    """The header: a run or a saved report, its host, its time and its subject."""

    def lines(self, state: State) -> Sequence[Line]:
        return drawing.header(state, self.size.width, self.size.height)


class VerdictLine(StateLines):
    """The verdict, or the progress of the run."""

    def lines(self, state: State) -> Sequence[Line]:
        return drawing.verdict(state, self.size.width, self.size.height, self.glyphs)


class Footer(StateLines):
    """The message, or the keys. A click on a key has the same effect as the key."""

    class Picked(Message):
        """A click on a key in the line."""

        def __init__(self, action: str) -> None:
            self.action = action
            super().__init__()

    def lines(self, state: State) -> Sequence[Line]:
        return (drawing.footer(state, self.size.width),)

    def on_click(self, event: events.Click) -> None:
        action = self.key_at(event.x, event.y)
        if action is not None and not self.has_selection:
            self.post_message(self.Picked(action))


class PaneWidget(StateLines):
    """A pane that can have the focus: a title line with the content below."""

    pane: Pane
    says_below: ClassVar[bool] = False
    """Whether its last row summarizes what is below it, if there is not enough room."""

    class Picked(Message):
        """A click on a pane, with the `key` of the item that was hit."""

        def __init__(self, pane: Pane, key: str | None, *, is_double: bool) -> None:
            self.pane = pane
            self.key = key
            self.is_double = is_double
            """Whether it was a double click, which opens the item."""
            super().__init__()

    class Wheeled(Message):
        """The wheel was turned over a pane."""

        def __init__(self, pane: Pane, rows: int) -> None:
            self.pane = pane
            self.rows = rows
            super().__init__()

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual names it - as Textual has it
        super().__init__(glyphs, id=id)
        self._top = 0
        self._at: tuple[tuple[str, ...], int] = ((), 0)
        """The keys that stay visible and their first line, as last drawn."""
        self._count = 0
        """Number of lines of the content, as last drawn."""

    @property
    def page(self) -> int:
        """Number of visible lines."""
        return max(self.size.height - 1 - self._has_tail, 1)

    @property
    def most(self) -> int:
        """The largest scroll position."""
        return max(self._count - self.page, 0)

    def content(self, state: State) -> Sequence[Line]:
        raise NotImplementedError

    def title(self, state: State) -> str:
        return drawing.title_of(state, self.pane)

    def heading(self, state: State, count: int) -> Line:
        """The line of the title."""
        return drawing.rule(
            self.title(state),
            self.size.width,
            self.glyphs,
            is_active=state.pane is self.pane,
            right=drawing.position(self._top, self.page, count, self.glyphs),
        )

    _has_tail = False
    """Whether the last row summarizes what is below it."""

    def below(self, state: State, lines: Sequence[Line]) -> Line:
        """A summary of the lines below the last visible line."""
        return ()

    def under_cursor(self, state: State) -> str | None:
        return None

    def followed(self, state: State, content: Sequence[Line]) -> tuple[str, ...]:
        """Keys that must stay visible, the most important first in case there is no room for all."""
        key = self.under_cursor(state)
        return () if key is None else (key,)

    def show(self) -> None:
        state = self.state
        if state is None or not self.size:
            return
        content = self.content(state)
        self._count = len(content)
        self._has_tail = self.says_below and len(content) > self.size.height - 1 >= TAILED
        key = self.under_cursor(state)
        self._scroll(state, content, self.followed(state, content))
        highlighted = marked(state) if self.pane is Pane.PATH else frozenset[str]()
        end = self._top + self.page
        tail = (self.below(state, content[end:]),) if self._has_tail else ()
        lines = (self.heading(state, len(content)), *content[self._top : end], *tail)
        self.draw(lines, key if state.source is self.pane else None, highlighted)

    def _scroll(self, state: State, content: Sequence[Line], keys: tuple[str, ...]) -> None:
        """Keep the item under the cursor on its line of the screen while lines above it appear and disappear. When the
        cursor moves, scroll no further than needed."""
        rows: list[int] = []
        for key in keys:
            wanted = [*rows, *(row for row, line in enumerate(content) for span in line if span.key == key)]
            rows = rows if rows and max(wanted) - min(wanted) >= self.page else sorted(wanted)
        if not rows:
            self._top = min(self._top, max(len(content) - self.page, 0))
            return
        before, row = self._at
        self._at = keys, rows[0]
        if before == keys:
            self._top += rows[0] - row
        else:
            if not self._top - NEAR <= rows[0] < self._top + self.page + NEAR:
                self._top = rows[0] - self.page // 3  # far away: show some lines around it
            self._top = min(self._top, len(content) - self.page)
        self._top = min(self._top, len(content) - self.page)  # no empty rows while lines above are hidden
        self._top = max(min(self._top, rows[0]), rows[-1] - self.page + 1, 0)

    def on_click(self, event: events.Click) -> None:
        if self.has_selection:
            return
        key = self.key_at(event.x, event.y)
        self.post_message(self.Picked(self.pane, key, is_double=event.chain > 1))

    def on_mouse_scroll_down(self) -> None:
        self.post_message(self.Wheeled(self.pane, WHEEL))

    def on_mouse_scroll_up(self) -> None:
        self.post_message(self.Wheeled(self.pane, -WHEEL))


class PathPane(PaneWidget):
    """The path as a picture."""

    pane = Pane.PATH
    says_below = True

    def below(self, state: State, lines: Sequence[Line]) -> Line:
        return drawing.below(state, lines)

    def content(self, state: State) -> Sequence[Line]:
        return drawing.path(state, self.size.width, self.glyphs)

    def heading(self, state: State, count: int) -> Line:
        return drawing.caption(
            self.size.width,
            self.glyphs,
            is_active=state.pane is Pane.PATH,
            right=drawing.position(self._top, self.page, count, self.glyphs),
            longest=state.longest_address,
            tops=drawing.tops_of(state, self.size.width),
        )

    def under_cursor(self, state: State) -> str | None:
        return cursor(state)

    def followed(self, state: State, content: Sequence[Line]) -> tuple[str, ...]:
        """The keys of the selected cause's steps, which must be visible while the cursor is in the causes."""
        return shown_by(state) or (cursor(state),)


class CausesPane(PaneWidget):
    """The causes, worst first."""

    pane = Pane.CAUSES
    says_below = True
    _wanted = 0
    """The height that was last given to the pane."""

    def below(self, state: State, lines: Sequence[Line]) -> Line:
        return drawing.more_causes(state, lines)

    def content(self, state: State) -> Sequence[Line]:
        return drawing.causes(state, self.size.width)

    def under_cursor(self, state: State) -> str | None:
        return selected_entry(state)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line for each cause; the detail gets the rest."""
        self._wanted = self._rows(width)
        return self._wanted

    def _rows(self, width: int) -> int:
        return 2 if self.state is None else 1 + len(drawing.causes(self.state, width))

    def show(self) -> None:
        if self.size.width and self._rows(self.size.width) != self._wanted:
            self.refresh(layout=True)
        super().show()


class DetailPane(PaneWidget):
    """The item under the cursor in full."""

    pane = Pane.DETAIL

    def content(self, state: State) -> Sequence[Line]:
        return detail.detail(state, self.size.width, self.glyphs)

    def title(self, state: State) -> str:
        return detail.title(state)

    def rows_with(self, words: str) -> tuple[int, ...]:
        """Return the lines of the page that have these words; for each place its first line."""
        if self.state is None:
            return ()
        return tuple(place[0][0] for place in places(self.content(self.state), words))

    def _scroll(self, state: State, content: Sequence[Line], keys: tuple[str, ...]) -> None:
        self._top = min(state.scrolled, max(len(content) - self.page, 0))
