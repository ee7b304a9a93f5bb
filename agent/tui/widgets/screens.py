"""Further screens: a text to read, a form to fill in, a list to choose from."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widgets import Input, Static

from agent.catalog.services import checkable
from agent.formats.registry import FORMATS
from agent.settings import Settings
from agent.tui import form
from agent.tui.drawing import position, rule
from agent.tui.hints import hints
from agent.tui.lines import Glyphs, Line, Span, Tone, wrapped
from agent.tui.state import State
from agent.tui.widgets.choice import Choice
from agent.tui.widgets.pane import WHEEL, TextLines, TonedScreen
from agent.tui.widgets.typed import quiet_input

_SUFFIXES: Final = {row.name: row.suffix for row in FORMATS}


class Page(TextLines, can_focus=True):
    """Lines to scroll through or, with `choices`, to choose from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
    ]

    at: reactive[int] = reactive(0, repaint=False)
    """The chosen line, or the first visible line if there is nothing to choose."""

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
        if key is not None and not self.has_selection:
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
        right = position(self._top, self._page, len(lines), self.glyphs)
        head = rule(self._heading, self.size.width, self.glyphs, is_active=True, right=right)
        self.draw((head, *lines[self._top : self._top + self._page]), key)


class TextScreen(TonedScreen[None]):
    """A text to read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", show=False),
        Binding("question_mark", "dismiss", show=False, id="help"),  # the key that shows the help, whatever it is
    ]

    def __init__(self, glyphs: Glyphs, heading: str, make: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._page = (glyphs, heading, make)

    def compose(self) -> ComposeResult:
        yield Page(*self._page)


def help_lines(width: int, state: State) -> Sequence[Line]:
    """Return the keys that are useful at the cursor's position; then all keys, and further help."""
    here = ", ".join(f"{key.first} {words}" for key, words in hints(state))
    lines: list[Line] = [*wrapped(f"Here: {here}", width - 1, first=" ", later="   "), ()]
    for key in state.key_table:
        if key.runs and state.settings is None:
            continue
        start = f" {key.shown:<11} "
        words = f"{key.description} [{key.name}]"
        for place, (span,) in enumerate(wrapped(words, width - 1, first=start, later=" " * len(start))):
            head = Span(span.text[: len(start)], Tone.STRONG if place == 0 else Tone.PLAIN)
            lines.append((head, Span(span.text[len(start) :])))
    lines.append(())
    for words in (
        "A hop is waiting, running, ok, failed or skipped. A failed hop shows the kind of failure, in capitals where "
        "there is little room. A failure in brackets does not count; its detail says why. An address with a * is "
        "another resolver's answer, which this host does not use.",
        "In a watch, the strip over the path has a mark for each run: a low line for ok, ! warning, x critical, ? "
        "unknown. Below a lane are its loss, its average and its worst time to connect, and its last times, where x is "
        f"a failure and o a failure that does not count. {state.key('open')} on an address opens its chart.",
        f"Colours: {state.key('theme')} shows the next theme, until the interface ends. For every start set --theme, "
        'BACKUPLINK_THEME or, in the configuration file, theme = "light"; or "contrast", or "terminal".',
        "The names in [brackets] are for --key, and for the list `key` of the configuration file: key = "
        '["save=ctrl+s"] there is --key save=ctrl+s. Forms and lists keep their keys.',
        "A click selects, a second click opens, the wheel scrolls. A drag selects text, which ctrl+c copies; with "
        "Shift held the terminal selects. --no-mouse leaves the mouse to the terminal. The mouse is never needed.",
        "For a screen reader or a program: backuplink check writes the same as plain text, line by line, and "
        "backuplink check --format json as data. backuplink explain CODE writes the page of a finding.",
        "The exit code is the verdict of the last whole run: 0 ok, 1 warning, 2 critical, 3 unknown. Without a "
        "finished run it is 3, or 2 if something critical was proven.",
    ):
        lines += [*wrapped(words, width - 1, first=" "), ()]
    return lines


class Form(TonedScreen[object]):
    """Fields with labels and error messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),  # `q` closes the form unless a text is being typed
        Binding("enter", "submit", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def row(self, label: str, name: str, widget: Input | Choice) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Static(label, classes="label", markup=False)
            yield widget
        yield Static("", classes="error", id=f"{name}-error", markup=False)

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Show the error messages, and focus the first field that has a message."""
        for place in self.query(".error"):
            place.remove_class("-shown")
        for name, text in errors.items():
            place = self.query_one(f"#{name}-error", Static)
            place.update(text)
            place.add_class("-shown")
        if errors:
            self.query_one(f"#{next(iter(errors))}").focus()

    @on(Input.Submitted)
    def entered(self) -> None:
        self.action_submit()

    def action_submit(self) -> None:
        raise NotImplementedError


class ServiceNames(Suggester):
    """Completes the name of a service."""

    def __init__(self) -> None:
        super().__init__(case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return form.completed(value)


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
            line = quiet_input(texts[field.name], field.hint, id=field.name)
            if field.name == form.SERVICE_FIELD:
                line.suggester = ServiceNames()
            yield from self.row(field.label, field.name, line)
        yield Static(
            f"Services: {' '.join(checkable())}. The right arrow completes the name as shown. If no service is "
            "named, backup must be reachable, and backup-gateway is checked too. Tab moves, enter applies, esc "
            "discards.",
            classes="note",
            markup=False,
        )

    def action_submit(self) -> None:
        given = {field.name: self.query_one(f"#{field.name}", Input).value for field in form.FIELDS}
        result = form.read(self._settings, given)
        if isinstance(result, dict):
            self.show_errors(result)
        else:
            self.dismiss(result)


def _suffix_of(place: str) -> str | None:
    """The suffix of a format in a file name; None if there is none."""
    ending = place.lower()
    found = (suffix for suffix in _SUFFIXES.values() if ending.endswith(suffix))
    return max(found, key=len, default=None)


class SaveScreen(Form):
    """The form for a report's file and format."""

    AUTO_FOCUS = "#place"

    def __init__(
        self,
        glyphs: Glyphs,
        name: str,
        formats: tuple[str, ...],
        save: Callable[[str, str, str], None],
        *,
        runs: tuple[str, ...] = (),
        has_log: bool = False,
    ) -> None:
        """`save` starts to write the report to a file in a format. If there are several `runs`, a person chooses the
        report of one of them. The first one is preselected. `show_result` must be called with the result."""
        super().__init__()
        self._runs = runs
        self._has_log = has_log
        self._glyphs = glyphs
        self._place = name
        self._formats = formats
        self._save = save
        self._is_saving = False

    def compose(self) -> ComposeResult:
        yield Static("Save the report", classes="title", markup=False)
        if len(self._runs) > 1:
            yield from self.row("run", "run", Choice(self._glyphs, self._runs, frozenset(self._runs[:1]), id="run"))
        first = frozenset(self._formats[:1])
        yield from self.row("format", "format", Choice(self._glyphs, self._formats, first, id="format"))
        yield from self.row(
            "file", "place", quiet_input(f"{self._place}{_SUFFIXES[self._formats[0]]}", "file name", id="place")
        )
        note = "An existing file is never replaced. Tab moves, left and right choose, enter saves, esc goes back."
        if self._has_log:
            note += " The log is saved beside the report, in a file that ends in .log."
        yield Static(note, classes="note", markup=False)

    @on(Choice.Changed, "#format")
    def suffix(self, changed: Choice.Changed) -> None:
        """Replace the suffix of a format at the end of the name by the suffix of the chosen format."""
        line = self.query_one("#place", Input)
        before, after = _suffix_of(line.value), _SUFFIXES[next(iter(changed.selected))]
        if before is not None and before != after:
            line.value = f"{line.value.removesuffix(before)}{after}"

    @on(Input.Changed, "#place")
    def format_of_name(self, changed: Input.Changed) -> None:
        """Choose the format that the name's suffix shows."""
        suffix = _suffix_of(changed.value)
        named = next((name for name in self._formats if _SUFFIXES[name] == suffix), None)
        choice = self.query_one("#format", Choice)
        if named is not None and choice.selected != {named}:
            choice.select(named)

    def action_submit(self) -> None:
        place = self.query_one("#place", Input).value
        chosen = next(iter(self.query_one("#format", Choice).selected))
        suffix = _suffix_of(place)
        if suffix not in (None, _SUFFIXES[chosen]):
            self.show_errors({"place": f"a report is not saved as {suffix} here; use {_SUFFIXES[chosen]} for {chosen}"})
        elif not self._is_saving:
            self._is_saving = True
            self.show_errors({"place": f"saving {place}"})
            runs = self.query_one("#run", Choice).selected if len(self._runs) > 1 else self._runs
            self._save(place, chosen, next(iter(runs), ""))

    def show_result(self, error: str | None) -> None:
        """Close the form, or show why nothing was saved."""
        self._is_saving = False
        if error is None:
            self.dismiss(None)
        else:
            self.show_errors({"place": error})
