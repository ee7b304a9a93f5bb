"""The app: it owns the state, starts runs, and decides what a key does.

It folds every event of a run into the state at once, and shows the state at most every FRAME seconds, so that a run
with many events sends little to the terminal. A key is answered at once. While nothing runs there is no timer, and
nothing is sent.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.filter import LineFilter, NoColor
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from agent.process.output import one_line
from agent.process.phases import Phase as ProcessPhase
from agent.process.phases import announce
from agent.report.model import Report, TargetReport
from agent.run.events import Event
from agent.settings import InterfaceOptions, Settings
from agent.tui.actions import (
    PANES,
    Action,
    ClockTicked,
    CursorMoved,
    DetailOpened,
    FilterChanged,
    FindingsToggled,
    ItemSelected,
    MessageShown,
    PageSearched,
    Pane,
    PaneChanged,
    RunFinished,
    RunRequested,
    RunScheduled,
    ServicesUnfolded,
    SettingsChanged,
    WatchToggled,
    WentBack,
)
from agent.tui.clipboard import SENT, Multiplexer, sequence
from agent.tui.command import has_shell
from agent.tui.keymap import keys_with
from agent.tui.keys import KEYS, Key
from agent.tui.layout import Division, divided
from agent.tui.lines import ASCII, UNICODE, Glyphs, Line
from agent.tui.source import Live, Saved, Source
from agent.tui.state import (
    Phase,
    State,
    exit_code,
    final_report,
    reduce,
    saved,
    target_under_cursor,
)
from agent.tui.themes import NAMES, OWN_THEMES, TERMINAL
from agent.tui.widgets.pane import (
    CausesPane,
    DetailPane,
    Footer,
    Header,
    PaneWidget,
    PathPane,
    TonedScreen,
    VerdictLine,
)
from agent.tui.widgets.typed import quiet_input
from probes.background import in_background
from probes.model import Target

if TYPE_CHECKING:
    from agent.process.cancel import CancelToken
    from agent.tui.widgets.screens import SaveScreen

FRAME: Final = 0.05
"""Longest time from an event to the screen that shows it, in seconds."""
TICK: Final = 0.2
"""Seconds between two ticks of the clock during a run."""
SAVE_SECONDS: Final = 10.0
"""How long saving a report may take before an error is shown; the attempt itself continues."""
DEFAULT_INTERFACE: Final = InterfaceOptions()
_AROUND: Final = 4
"""Rows of the verdict and of the last line."""
NARROW: Final = 80
"""Columns below which the header needs a line more."""
LOW: Final = 12
"""Lines below which the header has one line alone."""
MESSAGE_SECONDS: Final = 10.0
"""How long a message stays on the last line."""
_ASKED: Final = "quitting ends the watch, and its times and changes are lost; again to quit"
OPERATOR: Final = "the operator"
"""The reason of a run that is ended with `q`."""


_FILTER_HINT: Final = "all of these words, and no !word; enter keeps, esc shows all"
_SEARCH_HINT: Final = "words on this page; enter keeps, n next, N previous, esc ends"


class MainScreen(TonedScreen[None]):
    """The screen that shows the run."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, f"app.{key.action}", show=False, id=key.name) for key in KEYS
    ]

    state: reactive[State | None] = reactive(None, repaint=False)
    focused = reactive(None, repaint=False)  # the focused widget draws itself; Textual would repaint the whole screen

    def __init__(self, glyphs: Glyphs, keys: Sequence[Key]) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._keys = keys
        self._division: Division | None = None

    def compose(self) -> ComposeResult:
        yield Header(self._glyphs, id="header").data_bind(MainScreen.state)
        yield VerdictLine(self._glyphs, id="verdict").data_bind(MainScreen.state)
        with Container(id="body"):
            path = PathPane(self._glyphs, id="path")
            self._give_share(path)
            yield path.data_bind(MainScreen.state)
            with Container(id="side"):
                yield CausesPane(self._glyphs, id="causes").data_bind(MainScreen.state)
                yield DetailPane(self._glyphs, id="detail").data_bind(MainScreen.state)
        yield quiet_input("", _FILTER_HINT, id="filter")
        yield Footer(self._glyphs, self._keys, id="footer").data_bind(MainScreen.state)

    def divide(self, division: Division) -> None:
        """Give the path its share of the body."""
        self._division = division
        self.set_class(division.is_beside, "-wide")
        for path in self.query(PathPane):
            self._give_share(path)

    def _give_share(self, path: PathPane) -> None:
        if self._division is not None:
            share = self._division.path
            path.styles.width = share if self._division.is_beside else "100%"
            path.styles.height = "100%" if self._division.is_beside else share


class BackuplinkApp(App[int]):
    """The interface over runs or a saved report. `run_async` returns the exit code."""

    CSS = files("agent.tui").joinpath("theme.tcss").read_text("utf-8")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "backuplink"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "copy_selection_or_leave", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
        Binding("ctrl+l", "redraw", show=False, priority=True, id="redraw"),
    ]

    state: reactive[State | None] = reactive(None, repaint=False)

    def __init__(
        self,
        source: Source,
        *,
        ascii_only: bool = False,
        colours: bool = True,
        fail_on: str = "warning",
        interface: InterfaceOptions = DEFAULT_INTERFACE,
        multiplexer: Multiplexer = Multiplexer.NONE,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`multiplexer` is what is between this process and the terminal. `clock` gives seconds for the progress of a
        run; without one it is the loop's. Raises ValueError where one key would be that of two actions."""
        self._colours = colours
        super().__init__(ansi_color=True)
        for theme in OWN_THEMES:
            self.register_theme(theme)
        self.theme = NAMES[interface.theme]
        self._keys = keys_with(interface.keys)
        self.set_keymap({key.name: key.keys for key in self._keys if key.name in interface.keys})
        self._multiplexer = multiplexer
        self.no_color = not colours
        self.source = source
        self.report: Report | None = source.report if isinstance(source, Saved) else None
        """The report that the exit code belongs to."""
        self._fail_on = fail_on
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._glyphs = ASCII if ascii_only else UNICODE
        self._folded = (
            saved(source.title, source.report, source.opened_at)
            if isinstance(source, Saved)
            else State(title=source.title, settings=source.settings, is_simulated=source.is_simulated)
        )
        self._main = MainScreen(self._glyphs, self._keys)
        self._stop: CancelToken | None = None
        """Cancels the run in progress."""
        self._is_leaving = False
        self._due = False
        """Whether a timer will show `_folded`."""
        self._next: Timer | None = None
        self._expiry: Timer | None = None
        """Clears the message."""
        self._is_search = False
        """Whether the filter line is for words on the page that is read."""
        self._shown_size = Size(80, 24)
        self._division: Division | None = None
        self._unsaved: list[str] = []
        """Files that are being saved."""
        self.set_reactive(BackuplinkApp.state, self._folded)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return filters if self._colours else [*filters, NoColor()]

    def get_default_screen(self) -> Screen[None]:
        self._main.data_bind(BackuplinkApp.state)
        return self._main

    def on_mount(self) -> None:
        announce(ProcessPhase.SCREEN_MOUNTED)
        # While the app was suspended other programs wrote on the screen.
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        if isinstance(self.source, Live):
            self.call_after_refresh(self._run)  # measuring is imported after the first screen is shown

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return TERMINAL

    def on_resize(self, event: events.Resize) -> None:
        self._main.set_class(event.size.width < NARROW, "-narrow")
        self._main.set_class(event.size.height < LOW, "-low")
        self._shown_size = event.size
        self._divide()

    def _divide(self, *, is_again: bool = False) -> None:
        """Divide the body between the path and the rest. From one run to the next (`is_again`) the path gets no fewer
        rows, so that nothing moves."""
        columns, rows = self._shown_size.width, self._shown_size.height
        header = 1 if rows < LOW else 3 if columns < NARROW else 2
        division = divided(self._folded, columns, max(rows - header - _AROUND, 1))
        before = self._division
        if is_again and before is not None and before.is_beside == division.is_beside:
            division = replace(division, path=max(division.path, before.path))
        if division == before:
            return
        self._division = division
        self._main.divide(division)

    # --- State -------------------------------------------------------------------------------------------------------

    def act(self, action: Action) -> None:
        """Fold an action, and show the state at once."""
        before = self._folded.message
        was_first = self._folded.report is None
        self._folded = reduce(self._folded, action)
        if isinstance(action, RunFinished | ServicesUnfolded):
            with self.batch_update():  # or what has changed would be sent before and after it has moved
                self._divide(is_again=isinstance(action, RunFinished) and not was_first)
                self._show()
        if self._folded.message and (self._folded.message != before or isinstance(action, MessageShown)):
            self._expire_message()
        self._show()

    def _expire_message(self) -> None:
        """Clear the message after MESSAGE_SECONDS."""
        if self._expiry is not None:
            self._expiry.stop()
        self._expiry = self.set_timer(MESSAGE_SECONDS, self._clear_message)

    def _clear_message(self) -> None:
        if self._folded.message and not self._is_leaving:
            self.act(MessageShown(""))

    def _fold(self, event: Event) -> None:
        """Fold an event of the run; it is shown together with those of the next FRAME seconds."""
        self._folded = reduce(self._folded, event)
        if not self._due:
            self._due = True
            self.set_timer(FRAME, self._show)

    def _show(self) -> None:
        self._due = False
        state = self.state = self._folded
        self._main.set_class(state.findings_only, "-findings")
        self._main.set_class(state.is_whole, "-whole")

    # --- Runs --------------------------------------------------------------------------------------------------------

    def _run(self, settings: Settings | None = None, only: str | None = None) -> None:
        """Start a run, unless one is in progress."""
        from agent.process.cancel import CancelToken

        state = self._folded
        if not isinstance(self.source, Live) or state.settings is None:
            self.act(MessageShown("this is a saved report: nothing is measured"))
        elif state.phase is Phase.RUNNING:
            self.act(MessageShown("a run is in progress; q ends it"))
        else:
            self._unschedule()
            self._stop = CancelToken()
            wanted = settings or state.settings
            self.act(RunRequested(self._clock(), wanted, only))
            self.run_worker(self._measure(self.source, wanted, self._stop), name="run", exit_on_error=True)

    async def _measure(self, source: Live, settings: Settings, stop: "CancelToken") -> None:
        ticking = self.set_interval(TICK, lambda: self.act(ClockTicked(self._clock())))
        try:
            measurement = await source.measure(settings, self._fold, stop)
        finally:
            ticking.stop()
            self._stop = None
        self.act(RunFinished(source.judge(measurement)))
        self.report = final_report(self._folded)
        if self._is_leaving:
            self._end()
        elif self._folded.watching:
            self._schedule()

    def _schedule(self) -> None:
        """Schedule the next run of a watch."""
        interval = self._folded.interval
        self._next = self.set_timer(interval, self._run)
        report = self._folded.report
        self.act(RunScheduled(None if report is None else report.run.finished_at + timedelta(seconds=interval)))

    def _unschedule(self) -> None:
        if self._next is not None:
            self._next.stop()
            self._next = None

    def leave(self, reason: str) -> None:
        """End the interface; a run in progress is cancelled for `reason` first, and its report is kept. A second call
        does not wait."""
        if self._stop is None or self._is_leaving:
            self._end()
        else:
            self._is_leaving = True
            self.act(MessageShown("ending the run ..."))
            self._stop.cancel(reason)

    def _end(self) -> None:
        """End the interface. Messages on stderr name a file that is not saved yet, and say where the report is not that
        of the cancelled run."""
        state = self._folded
        is_other = state.phase is Phase.RUNNING or state.report is not self.report
        messages = [
            f"The report may not be saved: writing {one_line(place)} had not finished." for place in self._unsaved
        ]
        if self._is_leaving and self.report is not None and is_other:
            messages.append("The last run was cancelled; report and exit code are those of the last whole run.")
        self.exit(exit_code(state, self._fail_on), message=Text("\n".join(messages)) if messages else None)

    # --- Keys --------------------------------------------------------------------------------------------------------

    def action_quit_or_back(self) -> None:
        if self._folded.is_whole:
            self.act(WentBack())
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Quit; ask once before a watch is lost."""
        state = self._folded
        if state.watching and state.report is not None and not self._is_leaving and state.message != _ASKED:
            if self.screen is not self._main:
                self.pop_screen()  # the question is on the main screen
            self.act(MessageShown(_ASKED))
        else:
            self.leave(OPERATOR)

    async def action_copy_selection_or_leave(self) -> None:
        """Copy what is selected, here or in a line to type in; without a selection, quit."""
        line = self.focused
        typed = line.selected_text if isinstance(line, Input) else ""
        if text := self.screen.get_selected_text() or typed:
            self.copy_to_clipboard(text)
            self.screen.clear_selection()
            self.act(MessageShown(SENT[self._multiplexer]))
        else:
            self.action_leave()

    def copy_to_clipboard(self, text: str) -> None:
        """Send a text to the terminal's clipboard (OSC 52), which does not confirm it."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(sequence(text, self._multiplexer))

    def action_suspend_process(self) -> None:
        """Suspend, where a shell can continue it."""
        if has_shell():
            super().action_suspend_process()
        else:
            self.act(MessageShown("not suspended: no shell could continue it"))

    def action_theme(self) -> None:
        """Take the next theme."""
        names = list(NAMES)
        at = next(place for place, name in enumerate(names) if NAMES[name] == self.theme)
        name = names[(at + 1) % len(names)]
        self.theme = NAMES[name]
        self.act(MessageShown(f'theme {name}; theme = "{name}" in the configuration file keeps it'))

    def action_redraw(self) -> None:
        self.screen.refresh()

    def action_move(self, rows: int, columns: int) -> None:
        self.act(CursorMoved(rows, columns, self._pane().most))

    def action_page(self, by: int) -> None:
        part = self._pane()
        self.act(CursorMoved(by * max(part.page - 1, 1), 0, part.most))

    def action_end(self, by: int) -> None:
        part = self._pane()
        self.act(CursorMoved(by * (part.most + part.page + len(self._folded.rows)), 0, part.most))

    def action_pane(self, by: int) -> None:
        self.act(PaneChanged(by))

    def action_open(self) -> None:
        self.act(DetailOpened())

    def action_close(self) -> None:
        self.act(WentBack())

    def action_findings(self) -> None:
        self.act(FindingsToggled())

    def action_unfold(self) -> None:
        self.act(ServicesUnfolded())

    def action_run(self) -> None:
        self._run()

    def action_run_only(self) -> None:
        target = target_under_cursor(self._folded)
        if target is None:
            self.act(MessageShown("no service is under the cursor: move it to a service or to a finding of one"))
        elif self._folded.settings is not None:
            self._run(narrowed(self._folded.settings, target), target.id)
        else:
            self._run()

    def action_watch(self) -> None:
        state = self._folded
        if state.settings is None:
            self.act(MessageShown("this is a saved report: nothing is measured"))
        elif state.watching:
            self._unschedule()
            self.act(WatchToggled(False))
            self.act(MessageShown("no longer watching"))
        else:
            self.act(WatchToggled(True))
            if state.phase is not Phase.RUNNING:
                self._run()

    def action_filter(self) -> None:
        line = self._filter_line
        self._folded.prepare_filter()
        self._is_search = self._folded.reading is not None
        line.placeholder = _SEARCH_HINT if self._is_search else _FILTER_HINT
        line.value = self._folded.search if self._is_search else self._folded.filter
        self._show_filter(True)
        line.focus()

    def action_find(self, by: int) -> None:
        state = self._folded
        if state.reading is None:
            self.act(MessageShown("enter opens a page; there / finds words, n goes to the next place"))
        elif not state.search:
            self.act(MessageShown("/ finds words on this page"))
        else:
            self._search(state.search, by)

    def _search(self, words: str, by: int = 0) -> None:
        """Find words on the page that is read."""
        part = self._main.query_one(DetailPane)
        rows = part.rows_with(words)
        self.act(PageSearched(text=words, rows=rows, page=part.page, most=part.most, by=by))

    def action_settings(self) -> None:
        from agent.tui.widgets.screens import SettingsScreen

        settings = self._folded.settings
        if settings is None:
            self.act(MessageShown("this is a saved report: nothing is measured"))
            return

        def apply(result: object) -> None:
            if isinstance(result, tuple):
                self.act(SettingsChanged(*result))
                self.act(MessageShown("kept for the next run; r runs"))

        self.push_screen(SettingsScreen(self._glyphs, settings, self._folded.interval), apply)

    def action_copy(self) -> None:
        from agent.tui.copying import items
        from agent.tui.widgets.copy_screen import CopyScreen

        found = items(self._folded)
        if found:
            self.push_screen(CopyScreen(self._glyphs, found, self.copy_to_clipboard, self._multiplexer))
        else:
            self.act(MessageShown("there is nothing to copy before a run has finished"))

    def action_save(self) -> None:
        from agent.tui import export
        from agent.tui.widgets.screens import SaveScreen

        report = self._folded.report
        if report is None:
            self.act(MessageShown("there is no report before a run has finished"))
            return

        def save(place: str, format_name: str) -> None:
            self.run_worker(self._save(screen, report, place, format_name))

        name = f"backuplink-{re.sub(r'[^A-Za-z0-9-]+', '-', report.run.id)[:60]}"
        screen = SaveScreen(self._glyphs, name, export.formats(), save)
        self.push_screen(screen)

    async def _save(self, screen: "SaveScreen", report: Report, place: str, format_name: str) -> None:
        """Save in a thread, since a file system may hang. The form shows an error while it is open, else the footer."""
        from agent.tui import export

        path = error = None
        self._unsaved.append(place)
        try:
            async with asyncio.timeout(SAVE_SECONDS) as window:
                path = await in_background(lambda: export.save(report, place, format_name))
        except FileExistsError:
            error = f"{place} exists already: choose another name"
        except OSError as failure:
            late = f"the file system has not answered for {SAVE_SECONDS:g} s; the file may still appear"
            error = f"{place}: {late}" if window.expired() else f"{place} cannot be written: {failure.strerror}"
        self._unsaved.remove(place)
        is_open = screen.is_active
        if is_open:
            screen.show_result(error)
        if not is_open or error is None:
            self.act(MessageShown(error or f"saved as {path}"))

    def action_help(self) -> None:
        from agent.tui.widgets.screens import TextScreen, help_lines

        can_run = self._folded.settings is not None

        def lines(width: int) -> Sequence[Line]:
            return help_lines(width, self._keys, can_run=can_run)

        self.push_screen(TextScreen(self._glyphs, "Keys", lines))

    def action_palette(self) -> None:
        from agent.tui.palette import Row, rows
        from agent.tui.widgets.palette_screen import PaletteScreen

        async def go(row: Row | None) -> None:
            if row is None:
                return
            if row.action is not None:
                await self.run_action(row.action)
            elif row.key is not None:
                self._go_to(row.pane, row.key)

        self.push_screen(PaletteScreen(self._glyphs, rows(self._folded, self._keys)), go)

    def _go_to(self, pane: Pane, key: str) -> None:
        """Put the cursor on something, wherever it is hidden; open a finding's page."""
        state = self._folded
        if state.filter:
            self.act(FilterChanged(""))
        if pane is Pane.PATH and state.findings_only:
            self.act(FindingsToggled())
        if pane is Pane.PATH and not any(key in row for row in self._folded.rows):
            self.act(ServicesUnfolded())
        self.act(ItemSelected(pane, key))
        if pane is Pane.CAUSES:
            self.act(DetailOpened())

    def _pane(self) -> PaneWidget:
        """The pane that keys go to."""
        return self._main.query_one(f"#{self._folded.pane}", PaneWidget)

    # --- Messages ----------------------------------------------------------------------------------------------------

    def on_pane_widget_picked(self, picked: PaneWidget.Picked) -> None:
        if picked.key is None:
            self._give_keys(picked.pane)
        else:
            self.act(ItemSelected(picked.pane, picked.key))
        if picked.is_double:
            self.act(DetailOpened())

    def on_pane_widget_wheeled(self, wheeled: PaneWidget.Wheeled) -> None:
        self._give_keys(wheeled.pane)
        self.act(CursorMoved(wheeled.rows, 0, self._pane().most))

    def _give_keys(self, pane: Pane) -> None:
        """Let keys go to a pane."""
        if pane is not self._folded.pane:
            self.act(PaneChanged(PANES.index(pane) - PANES.index(self._folded.pane)))

    def on_input_changed(self, changed: Input.Changed) -> None:
        if changed.input.id != "filter":
            return
        if not self._is_search:
            self.act(FilterChanged(changed.value))
        elif self._folded.reading is not None:
            self._search(changed.value)

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        if submitted.input.id == "filter":
            self._end_filter()

    def on_key(self, event: events.Key) -> None:
        """Esc in the filter line shows everything again, or ends the search."""
        if event.key == "escape" and self.screen is self._main and self._filter_line.display:
            event.stop()
            event.prevent_default()
            with self.batch_update():
                if self._is_search:
                    self._search("")
                else:
                    self.act(FilterChanged(""))
                self._end_filter()

    def _end_filter(self) -> None:
        self._show_filter(False)
        self._main.set_focus(None)

    def _show_filter(self, is_shown: bool) -> None:
        # Not by a class of the screen, which would repaint all of it.
        self._filter_line.display = is_shown
        self._main.query_one("#footer", Footer).display = not is_shown

    @property
    def _filter_line(self) -> Input:
        return self._main.query_one("#filter", Input)


def narrowed(settings: Settings, target: Target | TargetReport) -> Settings:
    """Settings of a run that checks this target's service only, and requires this target."""
    named = tuple(
        endpoint
        for endpoint in settings.endpoints
        if endpoint.service == target.service and endpoint.host == target.host
    )
    return replace(settings, services=(target.service,), endpoints=named)
