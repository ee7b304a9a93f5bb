"""Screens beside the one that shows a run: a text to read, a form to fill in, a list to choose from."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widgets import Input, Static

from agent.catalog.services import SERVICES
from agent.formats.registry import FORMATS
from agent.settings import Settings
from agent.tui import form
from agent.tui.drawing import position, rule
from agent.tui.keys import KEYS, Key
from agent.tui.lines import Glyphs, Line, Span, Tone, wrapped
from agent.tui.widgets.choice import Choice
from agent.tui.widgets.pane import WHEEL, TextLines, TonedScreen
from agent.tui.widgets.typed import quiet_input

_SUFFIXES: Final = {row.name: row.suffix for row in FORMATS}


class Page(TextLines, can_focus=True):
    """Lines that can be read from the first to the last, and one that is chosen where there is something to choose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
    ]

    at: reactive[int] = reactive(0, repaint=False)
    """The chosen one, or the line at the top where nothing is to be chosen."""

    def __init__(self, glyphs: Glyphs, heading: str, make: Callable[[int], Sequence[Line]], choices: int = 0) -> None:
        super().__init__(glyphs)
        self._heading = heading
        self._make = make
        self.choices = choices
        self._top = 0

    def action_move(self, by: int) -> None:
        most = self.choices - 1 if self.choices else len(self._make(self.size.width)) - self._page
        self.at = min(max(self.at + by, 0), max(most, 0))

    def action_page(self, by: int) -> None:
        self.action_move(by * (1 if self.choices else self._page))

    def action_end(self, by: int) -> None:
        self.action_move(by * len(self._make(self.size.width)))

    def on_mouse_scroll_down(self) -> None:
        self.action_move(1 if self.choices else WHEEL)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-1 if self.choices else -WHEEL)

    def on_click(self, event: events.Click) -> None:
        key = self.key_at(event.x, event.y)
        if key is not None:
            self.at = int(key)

    def watch_at(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    @property
    def _page(self) -> int:
        return max(self.size.height - 1, 1)

    def show(self) -> None:
        if not self.size:
            return
        lines = self._make(self.size.width)
        key = str(self.at) if self.choices else None
        if key is None:
            self._top = min(self.at, max(len(lines) - self._page, 0))
        else:
            rows = [row for row, line in enumerate(lines) if any(span.key == key for span in line)] or [0]
            self._top = max(min(self._top, rows[0]), rows[-1] - self._page + 1, 0)
        right = position(self._top, self._page, len(lines))
        head = rule(self._heading, self.size.width, self.glyphs, is_active=True, right=right)
        self.draw((head, *lines[self._top : self._top + self._page]), key)


class TextScreen(TonedScreen[None]):
    """A text to read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark", "dismiss", show=False)]

    def __init__(self, glyphs: Glyphs, heading: str, make: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._made = (glyphs, heading, make)

    def compose(self) -> ComposeResult:
        yield Page(*self._made)


class CopyScreen(TonedScreen[None]):
    """The commands that mend something: each in full, and one of them copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("c,enter", "copy", show=False),
    ]

    def __init__(self, glyphs: Glyphs, heading: str, commands: Sequence[str], copy: Callable[[str], None]) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._heading = heading
        self._commands = commands
        self._copy = copy
        self._copied = 0

    def compose(self) -> ComposeResult:
        yield Page(self._glyphs, self._heading, self._lines, len(self._commands))

    def on_mount(self) -> None:
        self.action_copy()

    def action_copy(self) -> None:
        """Give the chosen command to the terminal (OSC 52), which tells nobody whether it took it."""
        page = self.query_one(Page)
        self._copied = page.at
        self._copy(self._commands[page.at])
        page.show()

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = []
        for number, command in enumerate(self._commands):
            words = f"{number + 1}. sent to the terminal's clipboard" if number == self._copied else f"{number + 1}."
            lines.append((Span(f" {words}", Tone.OK if number == self._copied else Tone.FAINT, str(number)),))
            # On lines of its own from the first column on, so that the mouse takes it as it is.
            lines += [
                (Span(command[start : start + width], Tone.STRONG),) for start in range(0, len(command), width)
            ] or [()]
            lines.append(())
        said = (
            "Up and down choose, c copies, esc goes back. A terminal that knows no OSC 52 has not copied it: take it "
        )
        lines += wrapped(f"{said}from here. Words in <ANGLE BRACKETS> are not known here.", width, tone=Tone.FAINT)
        return lines


def help_lines(width: int, *, can_run: bool) -> Sequence[Line]:
    """What the keys do, and how else to get at all this."""
    lines: list[Line] = []
    for key in KEYS:
        if key.runs and not can_run:
            continue
        start = f" {key.shown:<11} "
        for place, (span,) in enumerate(wrapped(key.words, width - 1, first=start, later=" " * len(start))):
            head = Span(span.text[: len(start)], Tone.STRONG if place == 0 else Tone.PLAIN)
            lines.append((head, Span(span.text[len(start) :])))
    lines.append(())
    for words in (
        "A hop is waiting, running, ok, failed or skipped. One that failed says how it did, in capitals where there is "
        "little room. An address with a * is another resolver's answer, which this host does not use.",
        "The mouse points, a second click opens, the wheel scrolls. It is never needed.",
        "With a screen reader, or for a program: backuplink check writes the same as plain text, line by line, and "
        "backuplink check --format json as data. backuplink explain CODE writes the page of a finding.",
        "Exit code: as the verdict of the last whole run: 0 ok, 1 warning, 2 critical, 3 unknown; left in the middle "
        "3, or 2 where something critical was proven.",
    ):
        lines += [*wrapped(words, width - 1, first=" "), ()]
    return lines


class PaletteScreen(TonedScreen[str | None]):
    """Everything that can be done, by name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
    ]

    def __init__(self, glyphs: Glyphs, *, can_run: bool) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._keys = [key for key in KEYS if key.listed and (can_run or not key.runs)]
        self._found: list[Key] = self._keys

    def compose(self) -> ComposeResult:
        yield quiet_input("", "what to do", id="wanted")
        yield Page(self._glyphs, "Commands", self._lines, len(self._found))

    def on_mount(self) -> None:
        self.query_one(Page).can_focus = False

    @on(Input.Changed)
    def narrow(self, changed: Input.Changed) -> None:
        wanted = changed.value.lower().split()
        self._found = [key for key in self._keys if all(word in f"{key.hint} {key.words}".lower() for word in wanted)]
        page = self.query_one(Page)
        page.choices = len(self._found)
        page.at = 0
        page.show()

    @on(Input.Submitted)
    def choose(self) -> None:
        place = self.query_one(Page).at
        self.dismiss(self._found[place].action if place < len(self._found) else None)

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, Page) and event.widget.key_at(event.x, event.y) is not None:
            self.choose()

    def action_move(self, by: int) -> None:
        self.query_one(Page).action_move(by)

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = []
        for number, key in enumerate(self._found):
            start = f" {key.shown.split()[0]:<9} "
            wide = wrapped(key.words, width - 1, first=start, later=" " * len(start))
            lines += [tuple(Span(span.text, span.tone, str(number)) for span in line) for line in wide]
        return lines or [(Span(" nothing of that name", Tone.FAINT),)]


class Form(TonedScreen[object]):
    """Fields, each with its label and what is wrong with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("enter", "submit", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def row(self, label: str, name: str, widget: Input | Choice) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(label, classes="label", markup=False)
            yield widget
        yield Static("", classes="error", id=f"{name}-error", markup=False)

    def refuse(self, wrong: Mapping[str, str]) -> None:
        """Say what is wrong, and put the cursor there."""
        for place in self.query(".error"):
            place.remove_class("-shown")
        for name, words in wrong.items():
            place = self.query_one(f"#{name}-error", Static)
            place.update(words)
            place.add_class("-shown")
        if wrong:
            self.query_one(f"#{next(iter(wrong))}").focus()

    @on(Input.Submitted)
    def entered(self) -> None:
        self.action_submit()

    def action_submit(self) -> None:
        raise NotImplementedError


class SettingsScreen(Form):
    """Settings of the next run."""

    def __init__(self, glyphs: Glyphs, settings: Settings, interval: float) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._settings = settings
        self._interval = interval

    def compose(self) -> ComposeResult:
        yield Static("Settings of the next run", classes="title", markup=False)
        texts = form.texts(self._settings, self._interval)
        for field in form.FIELDS:
            yield from self.row(field.label, field.name, quiet_input(texts[field.name], field.hint, id=field.name))
            if field.name == "region":
                taken = frozenset(self._settings.services)
                services = Choice(self._glyphs, tuple(SERVICES), taken, is_single=False, id=form.SERVICE_FIELD)
                yield from self.row("must be reachable", form.SERVICE_FIELD, services)
        note = "With no service taken backup must be reachable, and backup-gateway is looked at. "
        yield Static(
            f"{note}Tab moves, space takes, enter keeps, esc leaves all as it was.", classes="note", markup=False
        )

    def action_submit(self) -> None:
        given = {field.name: self.query_one(f"#{field.name}", Input).value for field in form.FIELDS}
        services = self.query_one(f"#{form.SERVICE_FIELD}", Choice).taken
        found = form.read(self._settings, given, services)
        if isinstance(found, dict):
            self.refuse(found)
        else:
            self.dismiss(found)


class SaveScreen(Form):
    """Where the report is to be saved, and as what."""

    AUTO_FOCUS = "#place"

    def __init__(
        self, glyphs: Glyphs, name: str, formats: tuple[str, ...], save: Callable[[str, str], str | None]
    ) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._place = name
        self._formats = formats
        self._save = save

    def compose(self) -> ComposeResult:
        yield Static("Save the report", classes="title", markup=False)
        first = frozenset(self._formats[:1])
        yield from self.row("format", "format", Choice(self._glyphs, self._formats, first, is_single=True, id="format"))
        yield from self.row(
            "file", "place", quiet_input(f"{self._place}{_SUFFIXES[self._formats[0]]}", "name of a file", id="place")
        )
        note = "Nothing is ever written over. Tab moves, left and right choose, enter saves, esc leaves it."
        yield Static(note, classes="note", markup=False)

    @on(Choice.Taken)
    def suffix(self, taken: Choice.Taken) -> None:
        """Let the name end as the format wants it, unless it has an ending of its own."""
        line = self.query_one("#place", Input)
        name, dot, ending = line.value.rpartition(".")
        if f"{dot}{ending}" in _SUFFIXES.values():
            line.value = f"{name}{_SUFFIXES[next(iter(taken.taken))]}"

    def action_submit(self) -> None:
        place = self.query_one("#place", Input).value
        chosen = next(iter(self.query_one("#format", Choice).taken))
        wrong = self._save(place, chosen)
        if wrong is None:
            self.dismiss(place)
        else:
            self.refuse({"place": wrong})
