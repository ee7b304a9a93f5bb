"""The app, which owns the state, starts runs, and decides what a key does.

It applies every event of a run to the state at once, but shows the state at most every FRAME seconds. So a run with
many events sends little to the terminal. A key has its effect at once. While nothing runs, there is no timer, and
nothing is sent.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
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
from agent.process.signals import has_shell
from agent.report.model import Report, TargetReport
from agent.run.events import Event
from agent.settings import CYCLE_SHARE, InterfaceOptions, Settings
from agent.tui.actions import (
    PANES,
    Action,
    ClockTicked,
    CursorMoved,
    DetailOpened,
    FilterChanged,
    FindingsToggled,
    HistoryRead,
    ItemSelected,
    LiveShown,
    LogOpened,
    MessageShown,
    PageSearched,
    Pane,
    PaneChanged,
    PastShown,
    RunFinished,
    RunRequested,
    RunScheduled,
    ServicesUnfolded,
    SettingsChanged,
    TimelineOpened,
    WatchToggled,
    WentBack,
)
from agent.tui.clipboard import SENT, Multiplexer, sequence
from agent.tui.drawing import VERDICT, verdict_height
from agent.tui.keymap import keys_with
from agent.tui.keys import KEYS
from agent.tui.layout import Division, divided
from agent.tui.lines import ASCII, UNICODE, Glyphs, Line
from agent.tui.source import Live, Saved, Source
from agent.tui.state import (
    Phase,
    State,
    exit_code,
    failed_beside,
    final_report,
    ongoing,
    reduce,
    run_beside,
    saved,
    target_under_cursor,
)
from agent.tui.themes import NAMES, OWN_THEMES, TERMINAL
from agent.tui.watch_drawing import log_text
from agent.tui.watching import Remembered, clock, has_failed, last_failed, report_of, run_of
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
from agent.tui.widgets.strip import RunStrip
from agent.tui.widgets.typed import quiet_input
from probes.background import in_background
from probes.model import Target

if TYPE_CHECKING:
    from agent.process.cancel import CancelToken
    from agent.tui.following import Follower
    from agent.tui.widgets.screens import SaveScreen

FRAME: Final = 0.05
"""The longest time in seconds until an event is on the screen."""
TICK: Final = 0.2
"""Seconds between two ticks of the clock during a run."""
SAVE_SECONDS: Final = 10.0
"""Seconds after which a slow save shows an error; the attempt itself continues."""
DEFAULT_INTERFACE: Final = InterfaceOptions()
ROOMY: Final = 30
"""The number of lines of the screen from which the verdict always has its full height."""
_DIVIDING: Final = ("report", "unfolded", "watching", "memory")
"""Fields of the state that decide how the body is divided."""
NARROW: Final = 80
"""With fewer columns, the header needs another line."""
LOW: Final = 12
"""With fewer lines the header has a single line."""
SMALLEST: Final = Size(60, 20)
"""With this size or a larger one, nothing important is cut off."""
MESSAGE_SECONDS: Final = 10.0
"""Number of seconds that a message stays on the last line."""
_ASKED: Final = "quitting ends the watch and loses its times and changes; press again to quit"
_SOON: Final = 0.001
"""Seconds to the next run if it is late."""
OPERATOR: Final = "the operator"
"""The reason that a run has if `q` ends it."""


_FILTER_HINT: Final = "all of these words, and no !word; enter keeps, esc shows all"
_SEARCH_HINT: Final = "words on this page; enter keeps, {next} next, {previous} previous, esc ends"


class MainScreen(TonedScreen[None]):
    """The screen that shows the run."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, f"app.{key.action}", show=False, id=key.name) for key in KEYS
    ]

    state: reactive[State | None] = reactive(None, repaint=False)
    focused = reactive(None, repaint=False)  # the focused widget draws itself; Textual would repaint the whole screen

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._division: Division | None = None

    def compose(self) -> ComposeResult:
        yield Header(self._glyphs, id="header").data_bind(MainScreen.state)
        yield VerdictLine(self._glyphs, id="verdict").data_bind(MainScreen.state)
        yield RunStrip(self._glyphs, id="runs").data_bind(MainScreen.state)
        with Container(id="body"):
            path = PathPane(self._glyphs, id="path")
            self._give_share(path)
            yield path.data_bind(MainScreen.state)
            with Container(id="side"):
                yield CausesPane(self._glyphs, id="causes").data_bind(MainScreen.state)
                yield DetailPane(self._glyphs, id="detail").data_bind(MainScreen.state)
        yield quiet_input("", _FILTER_HINT, id="filter")
        yield Footer(self._glyphs, id="footer").data_bind(MainScreen.state)

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
        """`multiplexer` is the terminal multiplexer around this process. `clock` gives seconds for the progress of a
        run; the default is the loop's clock. Raises ValueError if two actions would have the same key."""
        self._colours = colours
        super().__init__(ansi_color=True)
        for theme in OWN_THEMES:
            self.register_theme(theme)
        self.theme = NAMES[interface.theme]
        key_table = keys_with(interface.keys)
        self.set_keymap({key.name: key.keys for key in key_table if key.name in interface.keys})
        self._multiplexer = multiplexer
        self.no_color = not colours
        self.source = source
        self.report: Report | None = source.report if isinstance(source, Saved) else None
        """The report that the exit code belongs to."""
        self._fail_on = fail_on
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._glyphs = ASCII if ascii_only else UNICODE
        self._folded = (
            saved(source.title, source.report, source.opened_at, key_table)
            if isinstance(source, Saved)
            else State(
                title=source.title,
                settings=source.settings,
                key_table=key_table,
                is_simulated=source.is_simulated,
                watching=source.is_watch,
                interval=source.watching.interval,
            )
        )
        self._main = MainScreen(self._glyphs)
        self._stop: CancelToken | None = None
        """Cancels the run in progress."""
        self._is_leaving = False
        self._due = False
        """Whether a timer will soon show the state, since `_fold` has changed it."""
        self._follower: Follower | None = None
        """Loaded with the first run."""
        self._is_kept = isinstance(source, Live) and source.history is not None
        """Whether the history file has all runs so far."""
        self._loading: int | None = None
        """Number of the run whose report is being read from the history for display."""
        self._next: Timer | None = None
        self._expiry: Timer | None = None
        """The timer that clears the message."""
        self._is_search = False
        """Whether the words in the filter line are searched for on the open page."""
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
        # Other programs wrote on the screen while the app was suspended.
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        if isinstance(self.source, Live):
            # Measuring is imported after the first screen is shown.
            self.call_after_refresh(self._run if self.source.history is None else self._go_on)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return TERMINAL

    def on_resize(self, event: events.Resize) -> None:
        self._main.set_class(event.size.width < NARROW, "-narrow")
        self._main.set_class(event.size.height < LOW, "-low")
        self._shown_size = event.size
        self._divide()
        if event.size.width < SMALLEST.width or event.size.height < SMALLEST.height:
            small = f"{event.size.width}x{event.size.height} is small: more is seen from "
            self.act(MessageShown(f"{small}{SMALLEST.width}x{SMALLEST.height} on"))

    def _divide(self, *, is_again: bool = False) -> None:
        """Divide the body between the path and the other panes. If the person still looks at the same item
        (`is_again`), the path shrinks only if the other panes need rows. So nothing else moves."""
        columns, rows = self._shown_size.width, self._shown_size.height
        header = 1 if rows < LOW else 3 if columns < NARROW else 2
        strip = rows >= LOW and _has_strip(self._folded)
        verdict = VERDICT if rows >= ROOMY else verdict_height(self._folded, columns)
        self._main.set_class(verdict < VERDICT, "-brief")
        division = divided(self._folded, columns, max(rows - header - strip - verdict - 1, 1), self._glyphs)
        before = self._division
        if is_again and before is not None and before.is_beside == division.is_beside:
            division = replace(division, path=max(division.path, min(before.path, division.most)))
        if division == before:
            return
        self._division = division
        self._main.divide(division)

    # --- State -------------------------------------------------------------------------------------------------------

    def act(self, action: Action) -> None:
        """Apply an action, and show the state at once."""
        before = self._folded
        after = self._folded = reduce(before, action)
        if any(getattr(after, name) is not getattr(before, name) for name in _DIVIDING):
            is_same = before.report is not None and after.past == before.past and after.unfolded == before.unfolded
            with self.batch_update():  # otherwise the changed lines would be sent both before and after they move
                self._divide(is_again=is_same)
                self._show()
        if after.message and (after.message != before.message or isinstance(action, MessageShown)):
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
        """Apply an event of the run; the screen shows it together with the events of the next FRAME seconds."""
        self._folded = reduce(self._folded, event)
        if not self._due:
            self._due = True
            self.set_timer(FRAME, self._show)

    def _show(self) -> None:
        self._due = False
        state = self.state = self._folded
        self._main.set_class(state.findings_only, "-findings")
        self._main.set_class(state.is_whole, "-whole")
        self._main.set_class(_has_strip(state), "-runs")

    # --- Runs --------------------------------------------------------------------------------------------------------

    def _run(self, settings: Settings | None = None, only: str | None = None) -> None:
        """Start a run, unless a run is in progress."""
        from agent.process.cancel import CancelToken

        state = ongoing(self._folded)
        if not isinstance(self.source, Live) or state.settings is None:
            self.act(MessageShown("this is a saved report: nothing is measured"))
        elif state.phase is Phase.RUNNING:
            self.act(MessageShown(f"a run is in progress; {state.key('quit')} ends it and quits"))
        else:
            self._unschedule()
            self._stop = CancelToken()
            wanted = settings or state.settings
            if state.watching:
                wanted = replace(wanted, deadline=min(wanted.deadline, CYCLE_SHARE * state.interval))
            self.act(RunRequested(self._clock(), wanted, only))
            self._begin(partial(self._measure, self.source, wanted, self._stop))

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Start a task that takes a while; its errors end the interface. The coroutine is made in the worker: if the
        interface ended before the worker starts, Python would complain on stderr about a coroutine that was never
        started."""
        self.run_worker(work)

    async def _measure(self, source: Live, settings: Settings, stop: "CancelToken") -> None:
        ticking = self.set_interval(TICK, lambda: self.act(ClockTicked(self._clock())))
        try:
            measurement = await source.measure(settings, self._fold, stop)
        finally:
            ticking.stop()
            self._stop = None
        report = source.judge(measurement)
        run = ongoing(self._folded).run
        is_cycle = not report.run.interrupted and (run is None or run.only is None)
        follower = self._follower_of(source)
        followed = await follower.follow(report, settings) if is_cycle else None
        self.act(RunFinished(report, followed))
        state = ongoing(self._folded)
        self.report = final_report(state)
        if is_cycle:
            await self._keep(follower, report, settings)
        if self._is_leaving:
            self._end()
        elif ongoing(self._folded).watching and ongoing(self._folded).phase is not Phase.RUNNING:
            self._schedule()

    def _follower_of(self, source: Live) -> "Follower":
        if self._follower is None:
            from agent.tui.following import Follower

            self._follower = Follower(source.watching, source.history)
        return self._follower

    def _go_on(self) -> None:
        self._begin(self._recall)

    async def _recall(self) -> None:
        """Read the memory from the history, then run."""
        from agent.history.model import HistoryError

        source = self.source
        if not isinstance(source, Live):
            return
        try:
            self.act(HistoryRead(await self._follower_of(source).recall(source.settings)))
        except HistoryError as error:
            self._is_kept = False
            self.act(MessageShown(f"the history is not read: {error}"))
        if not self._is_leaving:
            self._run()

    async def _keep(self, follower: "Follower", report: Report, settings: Settings) -> None:
        """Add a run to the history. If runs cannot be added, this is reported once. The next run that can be added also
        has the number of lost runs."""
        from agent.history.model import HistoryError, NotPrunedError

        state = ongoing(self._folded)
        try:
            await follower.keep(report, settings, state.interval if state.watching else None)
        except NotPrunedError as error:
            self.act(MessageShown(f"old runs could not be removed from the history: {error}"))
        except HistoryError as error:
            if self._is_kept:
                self.act(MessageShown(f"this run is not in the history: {error}"))
            self._is_kept = False

    def close(self) -> None:
        """Close the history, when the interface has ended. Blocks. Raises HistoryError."""
        if self._follower is not None:
            self._follower.close()
        elif isinstance(self.source, Live) and self.source.history is not None:
            self.source.history.close()

    def _schedule(self) -> None:
        """Schedule the next run of a watch at one interval after the start of the last run."""
        self._unschedule()
        state = ongoing(self._folded)
        run, report = state.run, state.report
        passed = 0.0 if run is None else self._clock() - run.started
        left = max(state.interval - passed, 0.0)
        self._next = self.set_timer(max(left, _SOON), self._run)
        at = None if report is None else report.run.started_at + timedelta(seconds=passed + left)
        self.act(RunScheduled(at))

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
        """End the interface. Messages on stderr say which file is still being saved, and whether the report is from
        another run than the cancelled one."""
        state = ongoing(self._folded)
        is_other = state.phase is Phase.RUNNING or state.report is not self.report
        messages = [
            f"The report may not be saved: writing {one_line(place)} had not finished." for place in self._unsaved
        ]
        if self._is_leaving and self.report is not None and is_other:
            messages.append("The last run was cancelled; the report and the exit code are those of the last whole run.")
        self.exit(exit_code(state, self._fail_on), message=Text("\n".join(messages)) if messages else None)

    # --- Keys --------------------------------------------------------------------------------------------------------

    def action_quit_or_back(self) -> None:
        if self._folded.is_whole or self._folded.live is not None:
            self.act(WentBack())
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Quit. If a watch would end, ask once before."""
        state = self._folded
        is_lost = state.watching and ongoing(state).report is not None and not self._is_kept
        if is_lost and not self._is_leaving and state.message != _ASKED:
            if self.screen is not self._main:
                self.pop_screen()  # the question is on the main screen
            self.act(MessageShown(_ASKED))
        else:
            self.leave(OPERATOR)

    async def action_copy_selection_or_leave(self) -> None:
        """Copy the selection, here or in an input line; without a selection, quit."""
        line = self.focused
        typed = line.selected_text if isinstance(line, Input) else ""
        if text := self.screen.get_selected_text() or typed:
            self.copy_to_clipboard(text)
            self.screen.clear_selection()
            self.act(MessageShown(SENT[self._multiplexer]))
        else:
            self.action_leave()

    def copy_to_clipboard(self, text: str) -> None:
        """Send a text to the terminal's clipboard (OSC 52). The terminal does not confirm it."""
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(sequence(text, self._multiplexer))

    def action_suspend_process(self) -> None:
        """Suspend the process if a shell can continue it."""
        if has_shell():
            super().action_suspend_process()
        else:
            self.act(MessageShown("not suspended: no shell could continue it"))

    def action_theme(self) -> None:
        """Switch to the next theme."""
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
        self.act(LiveShown())
        self._run()

    def action_run_only(self) -> None:
        target = target_under_cursor(self._folded)
        self.act(LiveShown())
        if target is None:
            self.act(MessageShown("no service is under the cursor: move it to a service or to a finding of one"))
        elif self._folded.settings is not None:
            self._run(narrowed(self._folded.settings, target), target.id)
        else:
            self._run()

    def action_watch(self) -> None:
        state = ongoing(self._folded)
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

    def action_past(self, by: int) -> None:
        state = self._folded if self._loading is None else replace(self._folded, past=self._loading)
        try:
            run = run_beside(state, by)
        except LookupError:
            self.act(MessageShown("no run before this one is remembered" if by < 0 else "this is the last run"))
        else:
            self._show_run(run)

    def action_failed(self, by: int) -> None:
        state = self._folded if self._loading is None else replace(self._folded, past=self._loading)
        try:
            run = failed_beside(state, by)
        except LookupError:
            self.act(MessageShown(f"no run {'before' if by < 0 else 'after'} this one failed"))
        else:
            self._show_run(run)

    def _show_run(self, run: Remembered | None) -> None:
        """Show a past run. None stands for the latest run."""
        report = None if run is None else report_of(self._folded.memory, run)
        self._loading = None
        if run is None:
            self.act(LiveShown())
        elif report is not None:
            self.act(PastShown(run, report))
        elif run.in_history is not None and self._follower is not None:
            self._loading = run.number
            self._begin(partial(self._show_kept, self._follower, run, run.in_history))
        else:
            self.act(
                MessageShown(
                    f"the report of run {run.number} is not kept any more; its changes are in the log "
                    f"({self._folded.key('log')})"
                )
            )

    async def _show_kept(self, follower: "Follower", run: Remembered, cycle: int) -> None:
        """Show a run whose report is in the history file."""
        from agent.history.model import HistoryError

        report = error = None
        try:
            report = await follower.report(cycle)
        except HistoryError as failure:
            error = failure
        if self._loading != run.number:  # another run was chosen meanwhile
            return
        self._loading = None
        if report is None:
            self.act(MessageShown(f"the report of run {run.number} cannot be read: {error}"))
        else:
            self.act(PastShown(run, report))

    def action_log(self) -> None:
        self.act(LogOpened())

    def action_timeline(self) -> None:
        self.act(TimelineOpened())

    def action_filter(self) -> None:
        state, line = self._folded, self._filter_line
        state.prepare_filter()
        self._is_search = state.reading is not None
        line.placeholder = (
            _SEARCH_HINT.format(next=state.key("next-place"), previous=state.key("previous-place"))
            if self._is_search
            else _FILTER_HINT
        )
        line.value = state.search if self._is_search else state.filter
        self._show_filter(True)
        line.focus()

    def action_find(self, by: int) -> None:
        state = self._folded
        if state.reading is None:
            opens, finds, following = map(state.key, ("open", "filter", "next-place"))
            self.act(
                MessageShown(f"{opens} opens a page; there {finds} finds words, {following} goes to the next place")
            )
        elif not state.search:
            self.act(MessageShown(f"{state.key('filter')} finds words on this page"))
        else:
            self._search(state.search, by)

    def _search(self, words: str, by: int = 0) -> None:
        """Find words on the open page."""
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
                self.act(MessageShown(f"kept for the next run; {self._folded.key('run')} runs"))

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

        state = self._folded
        report = state.report
        if report is None:
            self.act(MessageShown("there is no report before a run has finished"))
            return
        reports = self._reports_to_save(report)
        log = log_text(state.memory.log) if len(state.memory.runs) > 1 else ""

        def save(place: str, format_name: str, run: str) -> None:
            self._begin(partial(self._save, screen, reports[run], place, format_name, log))

        first = next(iter(reports.values()))
        name = f"backuplink-{re.sub(r'[^A-Za-z0-9-]+', '-', first.run.id)[:60]}"
        screen = SaveScreen(self._glyphs, name, export.formats(), save, runs=tuple(reports), has_log=bool(log))
        self.push_screen(screen)

    def _reports_to_save(self, shown: Report) -> dict[str, Report]:
        """Reports that can be saved, by name. If the shown run did not fail, the last failed run comes first."""
        memory = self._folded.memory
        failed = last_failed(memory.runs)
        report = None if failed is None else report_of(memory, failed)
        own = f"the run shown ({shown.verdict.status})"
        if failed is None or report is None or has_failed(shown.verdict.status):
            return {own: shown}
        at = clock(failed.started_at, shown.run.started_at)
        return {f"the last failed run ({at} UTC)": report, own: shown}

    async def _save(self, screen: "SaveScreen", report: Report, place: str, format_name: str, log: str) -> None:
        """Save in a thread, since a file system may hang. An error appears in the form or, if the form is closed, in
        the footer."""
        from agent.tui import export

        def work() -> str:
            path = export.save(report, place, format_name)
            return f"{path}{export.save_log(log, path) if log else ''}"

        saved_as = error = None
        self._unsaved.append(place)
        try:
            async with asyncio.timeout(SAVE_SECONDS) as window:
                saved_as = await in_background(work)
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
            self.act(MessageShown(error or f"saved as {saved_as}"))

    def action_help(self) -> None:
        from agent.tui.widgets.screens import TextScreen, help_lines

        state = self._folded

        def lines(width: int) -> Sequence[Line]:
            return help_lines(width, state)

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

        self.push_screen(PaletteScreen(self._glyphs, rows(self._folded)), go)

    def _go_to(self, pane: Pane, key: str) -> None:
        """Put the cursor on an item, even if the item is hidden. If it is a finding, open its page."""
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
        """The pane that has the focus."""
        return self._main.query_one(f"#{self._folded.pane}", PaneWidget)

    # --- Messages ----------------------------------------------------------------------------------------------------

    def on_pane_widget_picked(self, picked: PaneWidget.Picked) -> None:
        if picked.key is None:
            self._give_keys(picked.pane)
        else:
            self.act(ItemSelected(picked.pane, picked.key))
        if picked.is_double:
            self.act(DetailOpened())

    async def on_footer_picked(self, picked: Footer.Picked) -> None:
        await self.run_action(picked.action)

    def on_run_strip_picked(self, picked: RunStrip.Picked) -> None:
        state = self._folded
        is_last = picked.number == state.memory.count and ongoing(state).phase is not Phase.RUNNING
        run = None if is_last else run_of(state.memory, picked.number)
        if is_last or run is not None:
            self._show_run(run)

    def on_pane_widget_wheeled(self, wheeled: PaneWidget.Wheeled) -> None:
        self._give_keys(wheeled.pane)
        self.act(CursorMoved(wheeled.rows, 0, self._pane().most))

    def _give_keys(self, pane: Pane) -> None:
        """Move the focus to a pane."""
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
        """Esc in the filter line clears the filter, or ends the search."""
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
        # A class on the screen would repaint all of it.
        self._filter_line.display = is_shown
        self._main.query_one("#footer", Footer).display = not is_shown

    @property
    def _filter_line(self) -> Input:
        return self._main.query_one("#filter", Input)


def _has_strip(state: State) -> bool:
    """Whether the strip of runs is shown and needs room."""
    return len(state.memory.runs) > 1


def narrowed(settings: Settings, target: Target | TargetReport) -> Settings:
    """Return settings for a run that only checks and requires this target's service."""
    named = tuple(
        endpoint
        for endpoint in settings.endpoints
        if endpoint.service == target.service and endpoint.host == target.host
    )
    return replace(settings, services=(target.service,), endpoints=named)
