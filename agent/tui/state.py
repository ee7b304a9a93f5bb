"""The state of the interface, and the only function that changes it.

`reduce(state, action)` gives the state after an action: an event of the runner, the report of a finished run, a tick of
the clock, or a key press. It is pure: it uses no clock, no file and no terminal. The widgets show functions of the
state alone, which are here and in `drawing` and `detail`; so a saved report, a run and a replayed run look the same.

A run starts with the checks of the last run that resolved the same names, each waiting in its place, so that nothing
moves under the cursor. Findings are those of the last finished run: a result in the first half of a run may look like a
fault that the second half explains.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final, assert_never

from agent.catalog.findings import Severity
from agent.report import exits
from agent.report.counting import Standing, Weight, counts, standings
from agent.report.diff import ChangeKind, Difference, NotComparableError, StepState, difference
from agent.report.model import Finding, Report, Status, TargetReport
from agent.report.path import Cell, Check, Lane, Picture, Progress, check_of, checks_in, picture
from agent.report.words import before_target, is_uneventful
from agent.run.events import ObservationMade, RunStarted, StepPlanned, StepStarted, TargetsKnown
from agent.settings import DEFAULT_INTERVAL, Settings
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
from agent.tui.keys import KEYS, Key
from agent.tui.lines import Glyphs, Line, Tone
from agent.tui.network_path import THIS_HOST, filtered, folded, has_many_services, keys, lane_count
from agent.tui.search import Searched, finding_texts, has_words, lane_texts
from agent.tui.watching import (
    LaneTimes,
    LogLine,
    Memory,
    Remembered,
    has_failed,
    remembered,
    run_of,
    runs_since_failure,
    times_of,
    tops,
)
from probes.frozen import dataclass
from probes.model import Step, Target

LOG: Final = "log"
"""Key of the page of the log."""
MEASURED: Final = "measured/"
"""Prefix of the key of the page with a finding's evidence; the finding's id follows."""
CHANGED: Final = "changed"
"""Key of the entry with the changes since the last run."""


class Phase(StrEnum):
    """Whether a run is in progress."""

    IDLE = "idle"
    """No run has started yet."""
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The progress of a run."""

    started: float
    now: float
    """Two times in seconds by the clock of the ticks: the start, and the present time."""
    settings: Settings
    only: str | None
    """Id of the target, if the run requires only one target. None for a whole run."""
    deadline: float | None = None
    """The run's time limit in seconds; None until the runner has started."""
    finished: int = 0
    planned: int = 0
    failed: int = 0
    """Numbers of finished, planned and failed checks."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that the screen depends on."""

    title: str
    settings: Settings | None
    """The settings of the next run; None for a saved report, which cannot be run."""
    key_table: tuple[Key, ...] = KEYS
    """The keys, including those that a person chose; the last line, the help and messages show them."""
    is_simulated: bool = False
    """Whether runs are made in a simulated VPC."""
    opened_at: datetime | None = None
    """The time at which a saved report was read (UTC)."""
    phase: Phase = Phase.IDLE
    run: RunView | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    """The checks, by their ids."""
    targets: tuple[Target | TargetReport, ...] = ()
    report: Report | None = None
    """The report of the last finished run."""
    difference: Difference | None = None
    """Difference between this report and the report before it."""
    incomparable: str | None = None
    """Why the reports cannot be compared."""
    whole: Report | None = None
    """The report of the last whole run that was not interrupted."""
    watching: bool = False
    interval: float = DEFAULT_INTERVAL
    """Seconds between the starts of two runs of a watch."""
    next_at: datetime | None = None
    """Time of the next run of a watch."""
    memory: Memory = field(default_factory=Memory)
    """The memory of past runs."""
    live: "State | None" = None
    """While a past run is shown, the state of the current runs."""
    past: int | None = None
    """Number of the shown run if it is a past run; None if it is the latest run."""
    pane: Pane = Pane.PATH
    source: Pane = Pane.PATH
    """The pane whose selected item the detail shows."""
    cursor: str | None = None
    """The item on which a person has put the cursor of the path. None until a person moves it."""
    home: str = THIS_HOST
    """The item on which the cursor is until a person moves it: what failed."""
    column: int = 0
    """The column of the cursor. A row that is shorter than this puts the cursor on its last item."""
    reading: str | None = None
    """Id of the page that is being read, which receives what a person types. It stays open when the cursor moves or the
    filter changes. None while another pane receives what is typed."""
    above: tuple[str, ...] = ()
    """Keys of the pages from which a person opened this page, in order."""
    traced: str | None = None
    """Key of the finding whose steps are marked. They stay marked after the finding has led the cursor to them."""
    entry: str | None = None
    """Key of the selected cause."""
    scrolled: int = 0
    """Number of lines of the detail above the first visible line."""
    is_whole: bool = False
    """Whether the detail fills the screen."""
    search: str = ""
    """Words to search for on the open page."""
    places: int = 0
    """Number of places with these words."""
    place: int = 0
    """Index of the place that the page shows."""
    findings_only: bool = False
    left: Pane = Pane.PATH
    """The pane to which the cursor returns when everything is shown again."""
    unfolded: bool = False
    """Whether the healthy services among many are shown in full."""
    filter: str = ""
    message: str = ""
    """Answer to the last key."""
    touched: bool = False
    """Whether a person has moved the cursor."""

    def key(self, name: str) -> str:
        """The first key of the named action, as the help writes it."""
        return next(key.first for key in self.key_table if key.name == name)

    @cached_property
    def whole_picture(self) -> Picture:
        """The path without a filter."""
        return picture(self.checks, self.targets, self.report, is_judged=self.phase is Phase.FINISHED)

    @cached_property
    def picture(self) -> Picture:
        """The path with the lanes that pass the filter. Without a filter, the healthy services among many are folded
        unless they are unfolded."""
        if self.filter.split():
            found = {key for key, asked in self.lane_texts.items() if has_words(asked, self.filter)}
            return filtered(self.whole_picture, found)
        whole = self.whole_picture
        return whole if self.unfolded or not has_many_services(whole) else folded(whole, self.uneventful)

    @cached_property
    def drawn_paths(self) -> dict[tuple[int, Glyphs], tuple[Line, ...]]:
        """Cache of the drawn path by width: drawing hundreds of lanes takes longer than anything else."""
        return {}

    @cached_property
    def drawn_times(self) -> dict[tuple[object, ...], Line]:
        """Cache of the drawn times of lanes, which are the same whichever run is shown."""
        return {}

    @cached_property
    def longest_address(self) -> int:
        """Length of the longest address of a lane, with its mark if it has one; 0 without lanes."""
        lanes = {(lane.address, lane.own) for band in self.whole_picture.bands for lane in band.lanes}
        return max((len(str(address)) + (not own) for address, own in lanes), default=0)

    @cached_property
    def lane_texts(self) -> Mapping[str, Searched]:
        """The text of each lane that the filter searches, by key."""
        return lane_texts(self.whole_picture, self.checks, self.targets, self.report)

    @cached_property
    def finding_texts(self) -> Mapping[str, str]:
        """The text of each finding that the filter searches, by key."""
        texts = {} if self.report is None else finding_texts(self.report)
        return {f"finding/{name}": text for name, text in texts.items()}

    def prepare_filter(self) -> None:
        """Prepare the searched texts before the first letter of a filter is typed, which would otherwise wait for
        them."""
        _ = self.lane_texts, self.finding_texts

    @cached_property
    def uneventful(self) -> frozenset[str] | None:
        """Ids of the targets whose whole result in the last report fits on one line; None without a report."""
        report = self.report
        if report is None:
            return None
        return frozenset(
            target.id
            for target in report.targets
            if target.status is Status.NOT_IN_USE or is_uneventful(target, report)
        )

    @cached_property
    def standing(self) -> Mapping[str, Standing]:
        """How each failed step and wrong answer of the last report counts, by the id of its observation."""
        return {} if self.report is None else standings(self.report)

    @cached_property
    def lane_times(self) -> Mapping[str, LaneTimes]:
        """Summary of the times of each lane, by key."""
        return {lane: times_of(samples) for lane, samples in self.memory.samples.items()}

    def tops(self, width: int) -> Mapping[Step, float]:
        """The seconds for which a mark has full height, by step: the longest of the last `width` times. All lanes share
        this scale, so that they can be compared."""
        known = self.known_tops
        if width not in known:
            known[width] = tops(self.memory.samples, width)
        return known[width]

    @cached_property
    def known_tops(self) -> dict[int, Mapping[Step, float]]:
        """Cache of the results of `tops`."""
        return {}

    @property
    def hidden_lanes(self) -> int:
        """Number of lanes that the filter hides."""
        return lane_count(self.whole_picture) - lane_count(self.picture)

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Positions of the path's cursor."""
        return keys(self.picture)

    @cached_property
    def all_entries(self) -> "tuple[Entry, ...]":
        """The list of causes without a filter."""
        return _entries(self)

    @cached_property
    def entries(self) -> "tuple[Entry, ...]":
        """The list of causes."""
        if not self.filter.split():
            return self.all_entries
        texts = self.finding_texts
        return tuple(
            entry
            for entry in self.all_entries
            if has_words(Searched(f"{entry.word} {entry.text}", texts.get(entry.key, "")), self.filter)
        )

    @property
    def hidden_causes(self) -> int:
        """Number of findings that the filter hides."""
        return sum(map(_is_finding, self.all_entries)) - sum(map(_is_finding, self.entries))


def saved(title: str, report: Report, opened_at: datetime | None = None, key_table: tuple[Key, ...] = KEYS) -> State:
    """Return the state for a saved report that was read at this time (UTC)."""
    state = State(title=title, settings=None, opened_at=opened_at, key_table=key_table)
    return _judged(state, RunFinished(report))


def reduce(state: State, action: Action) -> State:
    """Return the state after an action."""
    if state.live is not None and isinstance(action, _OF_RUNS):
        live = reduce(state.live, action)
        # These belong to the current runs, whichever run is shown.
        ongoing = {name: getattr(live, name) for name in ("watching", "interval", "next_at", "settings", "memory")}
        return _carried(state, replace(state, live=live, **ongoing))
    return _carried(state, _reduced(state, action))


_OF_RUNS: Final = (
    *(RunStarted, TargetsKnown, StepPlanned, StepStarted, ObservationMade),
    *(RunRequested, RunFinished, ClockTicked, WatchToggled, RunScheduled, SettingsChanged, HistoryRead),
)
"""Actions that change the current runs, whichever run is shown."""


def _carried(before: State, after: State) -> State:
    """Return the new state with the derived values of the earlier state that are still valid. So moving the cursor does
    not draw hundreds of lanes again."""
    for name, sources in _DERIVED.items():
        if name in vars(before) and all(getattr(before, source) is getattr(after, source) for source in sources):
            vars(after).setdefault(name, vars(before)[name])
    return after


def without_times(state: State) -> State:
    """Return the state without the times of past runs on its lanes."""
    if not state.watching:
        return state
    _ = state.rows, state.longest_address  # computed here, so that the copy gets both from the cache
    return _carried(state, replace(state, watching=False))


def _quiet(state: State) -> State:
    """Return the state without its message."""
    return _carried(state, replace(state, message="")) if state.message else state


_PICTURED: Final = ("checks", "targets", "report", "phase")
_LISTED: Final = ("report", "difference", "incomparable", "findings_only")
_DERIVED: Final = {
    "whole_picture": _PICTURED,
    "longest_address": _PICTURED,
    "lane_texts": _PICTURED,
    "finding_texts": ("report",),
    "uneventful": ("report",),
    "standing": ("report",),
    "lane_times": ("memory",),
    "picture": (*_PICTURED, "filter", "unfolded"),
    "rows": (*_PICTURED, "filter", "unfolded"),
    "drawn_times": ("memory",),
    "known_tops": ("memory",),
    "drawn_paths": (*_PICTURED, "filter", "unfolded", "watching", "memory"),
    "all_entries": _LISTED,
    "entries": (*_LISTED, "filter"),
}
"""The cached properties of a state, with the fields that they depend on."""


def _reduced(state: State, action: Action) -> State:
    match action:
        case RunStarted():
            return state if state.run is None else replace(state, run=replace(state.run, deadline=action.deadline))
        case TargetsKnown():
            return replace(state, targets=action.targets)
        case StepPlanned():
            return _announced(state, Check(action.subject))
        case StepStarted():
            return _announced(state, Check(action.subject, Progress.RUNNING))
        case ObservationMade():
            return _observed(state, action)
        case RunRequested():
            return _requested(state, action)
        case RunFinished():
            return _judged(state, action)
        case ClockTicked():
            return state if state.run is None else replace(state, run=replace(state.run, now=action.now))
        case CursorMoved():
            return _moved(_quiet(state), action)
        case PaneChanged():
            return _pane_changed(_quiet(state), action.by)
        case ItemSelected():
            return _selected(_quiet(state), action)
        case DetailOpened():
            return _opened(_quiet(state))
        case WentBack():
            return _gone_back(_quiet(state))
        case FilterChanged():
            return replace(state, message="", filter=action.text, scrolled=0)
        case PageSearched():
            return _searched(_quiet(state), action)
        case FindingsToggled():
            return _findings_toggled(_quiet(state))
        case ServicesUnfolded():
            return replace(state, message="", unfolded=not state.unfolded, touched=True)
        case WatchToggled():
            return replace(state, watching=action.on, next_at=None)
        case RunScheduled():
            return replace(state, next_at=action.at)
        case SettingsChanged():
            return replace(state, settings=action.settings, interval=action.interval)
        case HistoryRead():
            return replace(state, memory=action.memory)
        case PastShown():
            return _past(_quiet(state), action)
        case LiveShown():
            return _at_live(_quiet(state))
        case LogOpened():
            return _reading(_quiet(state), LOG)
        case TimelineOpened():
            return _timeline(_quiet(state))
        case MessageShown():
            return replace(state, message=action.message)
    assert_never(action)


# --- A run -----------------------------------------------------------------------------------------------------------


def _announced(state: State, check: Check) -> State:
    """Return the state with a planned or running check. The result of the last run stays until there is a new
    result."""
    before = state.checks.get(check.subject.id)
    return state if before is not None and before.is_old else _with_check(state, check)


def _with_check(state: State, check: Check) -> State:
    return replace(state, checks={**state.checks, check.subject.id: check})


def _observed(state: State, event: ObservationMade) -> State:
    check = check_of(event.observation)
    state = _with_check(state, check)
    if state.run is None:
        return state
    failed = state.run.failed + (check.progress is Progress.FAILED)
    run = replace(state.run, finished=state.run.finished + 1, planned=event.planned, failed=failed)
    return replace(state, run=run)


def _requested(state: State, request: RunRequested) -> State:
    is_same = state.run is not None and _names(state.run.settings) == _names(request.settings)
    # The names are the same as in the last run, so its checks will likely come again.
    waiting = {key: replace(check, is_old=True) for key, check in state.checks.items()} if is_same else {}
    return replace(
        state,
        phase=Phase.RUNNING,
        run=RunView(started=request.at, now=request.at, settings=request.settings, only=request.only),
        checks=waiting,
        next_at=None,
    )


def _names(settings: Settings) -> tuple[object, ...]:
    """The settings that decide which names a run resolves."""
    return settings.region, settings.endpoints, settings.fips, settings.dual_stack, settings.profile


def _judged(state: State, finished: RunFinished) -> State:
    report, before = finished.report, state.report
    changed, reason = _difference(before, report)
    only = None if state.run is None else state.run.only
    is_whole = only is None and not report.run.interrupted
    state = replace(
        state,
        phase=Phase.FINISHED,
        checks=checks_in(report.observations),
        targets=report.targets,
        report=report,
        difference=changed,
        incomparable=reason,
        whole=report if is_whole else state.whole,
        memory=_with_run(state.memory, finished, before, changed, reason) if is_whole else state.memory,
    )
    return _at_cause(_with_home(state))


def _at_cause(state: State) -> State:
    """Return the state with the cursor on the first cause or, if nothing counts, on the path. If a person has moved the
    cursor, it stays."""
    if state.touched:
        return state
    report = state.report
    is_fault = report is not None and report.verdict.status is not Status.OK and causes(report)
    pane = Pane.CAUSES if is_fault else Pane.PATH
    if state.reading is not None:
        return replace(state, source=pane, entry=None)
    return replace(state, pane=pane, source=pane, entry=None, scrolled=0)


def _difference(before: Report | None, report: Report) -> tuple[Difference | None, str | None]:
    """Return the changes, or the reason why they are unknown. Without an earlier run, both are None."""
    if before is None:
        return None, None
    try:
        return difference(before, report), None
    except NotComparableError as error:
        return None, str(error)


def _with_run(
    memory: Memory, finished: RunFinished, before: Report | None, changed: Difference | None, reason: str | None
) -> Memory:
    """Return the memory with one more whole run. `changed` and `reason` compare it with the report `before`, which may
    not be the last remembered report."""
    report = finished.report
    if memory.last is not before:
        changed, reason = _difference(memory.last, report)
    lines: tuple[LogLine, ...] = ()
    if reason is not None:
        lines = (LogLine(f"not comparable with the run before: {reason}", Tone.PLAIN),)
    elif changed is not None:
        lines = _log_lines(changed, report)
    is_alike = changed is not None and not (changed.findings or changed.targets or changed.steps)
    return remembered(memory, report, finished.followed, lines, is_alike=is_alike)


def _log_lines(changed: Difference, report: Report) -> tuple[LogLine, ...]:
    """Return log lines for the changes since the run before: findings, targets, then steps that both runs made. A
    change for the worse has the colour of its present weight."""
    findings = {finding.id: finding for finding in report.findings}
    targets = {target.id: target for target in report.targets}
    lines: list[LogLine] = []
    for finding in changed.findings:
        if finding.change is ChangeKind.WENT:
            lines.append(LogLine(f"{finding.id} is gone: {finding.finding.headline}", Tone.OK))
        elif finding.change is ChangeKind.CAME and finding.counts.new:
            lines.append(
                LogLine(f"{finding.id} is new: {finding.finding.headline}", tone_of(findings[finding.id], report))
            )
    for target in changed.targets:
        if target.change is ChangeKind.CHANGED and target.status.old is not target.status.new:
            known = targets.get(target.id)
            tone = STATUS_TONES[known.status] if known is not None and known.required else Tone.PLAIN
            is_ok = target.status.new is Status.OK
            text = f"{target.id}: {target.status.old} -> {target.status.new}"
            lines.append(LogLine(text, Tone.OK if is_ok else tone))
    steps = _changed_steps(changed)
    weights = standings(report) if steps else {}
    for name, old, new in steps:
        weighed = WEIGHT_TONES[weights[name].weight] if name in weights else Tone.PLAIN
        lines.append(LogLine(f"{name}: {_result(old)} -> {_result(new)}", Tone.OK if new.status == "ok" else weighed))
    return tuple(lines)


def _changed_steps(changed: Difference) -> list[tuple[str, StepState, StepState]]:
    """Return the steps that both runs made with different results. Steps that only one of them skipped are left out,
    since they only follow from other steps."""
    both = [(step.id, step.old, step.new) for step in changed.steps if step.old is not None and step.new is not None]
    return [(name, old, new) for name, old, new in both if "skipped" not in (old.status, new.status)]


def _result(state: StepState) -> str:
    return state.kind or state.status


def final_report(state: State) -> Report | None:
    """Return the report for the exit code: the report of the last whole finished run, or of an interrupted run if there
    is no finished run or the interrupted run has proven something critical."""
    report = state.report
    if state.whole is None or (report is not None and report.run.interrupted and _is_critical(report)):
        return report
    return state.whole


def exit_code(state: State, fail_on: str) -> int:
    """Return the exit code of `final_report`; unknown if no run finished and nothing critical was proven."""
    report = final_report(state)
    if report is None or (report.run.interrupted and not _is_critical(report)):
        return exits.UNKNOWN
    return exits.of_verdict(report.verdict.status, fail_on)


def _is_critical(report: Report) -> bool:
    return report.verdict.status is Status.CRITICAL


# --- Runs that are over ----------------------------------------------------------------------------------------------

_OF_PERSON: Final = (
    *(
        "pane",
        "source",
        "cursor",
        "column",
        "reading",
        "above",
        "traced",
        "entry",
        "scrolled",
        "is_whole",
        "search",
        "places",
    ),
    *("place", "findings_only", "left", "unfolded", "filter", "message", "touched"),
)
"""Fields for a person's position on the screen, which stay when another run is shown."""


def _past(state: State, shown: PastShown) -> State:
    """Return the state that shows another run. The current runs are kept aside."""
    report = shown.report
    state = replace(
        state,
        live=state if state.live is None else state.live,
        past=shown.run.number,
        phase=Phase.FINISHED,
        run=None,
        checks=checks_in(report.observations),
        targets=report.targets,
        report=report,
        difference=None,
        incomparable=None,
    )
    return _at_cause(_with_home(state))


def _at_live(state: State) -> State:
    live = state.live
    if live is None:
        return state
    return _carried(live, _at_cause(replace(live, **{name: getattr(state, name) for name in _OF_PERSON})))


def ongoing(state: State) -> State:
    """Return the state of the current runs, whichever run is shown."""
    return state if state.live is None else state.live


def run_beside(state: State, by: int) -> Remembered | None:
    """Return the run that is `by` places from the shown run; None for the last or current run. Raises LookupError if
    there is no such run."""
    memory = state.memory
    last = memory.count + (ongoing(state).phase is Phase.RUNNING)
    first = memory.runs[0].number if memory.runs else last
    here = last if state.past is None else state.past
    wanted = max(here + by, first)
    if (by < 0 and here <= first) or (by > 0 and state.past is None):
        raise LookupError
    return None if wanted >= last else run_of(memory, wanted)


def failed_beside(state: State, by: int) -> Remembered | None:
    """Return the nearest failed run before (-1) or after (1) the shown run; None if that is the last run. Raises
    LookupError if there is no such run."""
    memory = state.memory
    is_running = ongoing(state).phase is Phase.RUNNING
    here = memory.count + is_running if state.past is None else state.past
    failed = [run for run in memory.runs if has_failed(run.status) and (run.number - here) * by > 0]
    if not failed:
        raise LookupError
    wanted = failed[-1] if by < 0 else failed[0]
    return None if wanted.number == memory.count and not is_running else wanted


def lane_under_cursor(state: State) -> Lane | None:
    """The lane of the path's cursor."""
    key = cursor(state)
    lanes = (lane for band in state.whole_picture.bands for lane in band.lanes)
    return next((lane for lane in lanes if key == lane.key or any(cell.key == key for cell in cells_of(lane))), None)


def _timeline(state: State) -> State:
    found = lane_under_cursor(state)
    if found is None:
        return replace(state, message="no address is under the cursor of the path: move it to one")
    return _reading(state, found.key)


def cells_of(lane: Lane) -> tuple[Cell, ...]:
    """The visible steps of a lane."""
    return tuple(cell for cell in (*lane.cells, *lane.extras) if cell is not None)


# --- Where the cursor is ---------------------------------------------------------------------------------------------


def cursor(state: State) -> str:
    """Key of the item under the path's cursor: where a person put it, or else what failed; the first row while that
    item is hidden."""
    wanted = (key for key in (state.cursor, state.home) if key is not None)
    return next((key for key in wanted if any(key in row for row in state.rows)), THIS_HOST)


def _with_home(state: State) -> State:
    """Return the state with the cursor at what failed in the last run, unless a person has moved the cursor: on the
    first step that failed and counts or, if there is none in a watch, on the lane that failed most recently."""
    counted = (cell.key for cell in _cells(state.whole_picture) if cell.weight not in (None, Weight.NOT_COUNTED))
    home = next(counted, None) or _failed_last(state) or THIS_HOST
    return _carried(state, replace(state, home=home))


def _failed_last(state: State) -> str | None:
    """Key of the lane that failed most recently in a watch, or the first of several such lanes; None if no lane
    failed."""
    known = state.memory.samples if state.watching else {}
    lanes = [lane.key for band in state.whole_picture.bands for lane in band.lanes if lane.key in known]
    passed = {lane: runs_since_failure(known[lane]) for lane in lanes if state.lane_times[lane].failed}
    since = {lane: count for lane, count in passed.items() if count is not None}
    return min(since, key=since.__getitem__, default=None)


def selected_entry(state: State) -> str | None:
    """Key of the selected cause, or of the first cause if no cause was selected or the selected cause is gone."""
    known = [entry.key for entry in state.entries]
    return state.entry if state.entry in known else next(iter(known), None)


def under_cursor(state: State) -> str | None:
    """Key of the item that the detail shows."""
    if state.reading is not None:
        return state.reading
    return selected_entry(state) if state.source is Pane.CAUSES else cursor(state)


def _opened(state: State) -> State:
    """Return the state after opening the item under the cursor. A failed step or a cause leads to the finding's page,
    this page to the evidence, and the evidence to the steps on the path. Any other item leads to its own page."""
    key = under_cursor(state)
    if key is None:
        return replace(state, message="there is nothing to open")
    if key == LOG:
        back, before, after = map(state.key, ("back", "previous-run", "next-run"))
        return replace(state, message=f"{back} goes back; {before} and {after} step through the runs")
    finding = finding_under_cursor(state)
    if key.startswith("finding/"):
        is_page = state.is_whole and finding is not None
        return _reading(state, f"{MEASURED}{finding.id}") if is_page and finding is not None else _reading(state, key)
    if key.startswith(MEASURED) and finding is not None:
        return _at_steps(state, finding)
    if finding is not None and (state.is_whole or (state.pane is Pane.PATH and is_failed(state, key))):
        return _reading(state, f"finding/{finding.id}")
    return replace(state, message="no finding rests on it") if state.is_whole else _reading(state, key)


def _reading(state: State, key: str) -> State:
    touched = state.touched or key != LOG  # the log can be read wherever the cursor is
    above: tuple[str, ...] = ()
    if state.is_whole and state.reading is not None:
        above = state.above if state.reading == key else (*state.above, state.reading)
    page = replace(state, touched=touched, reading=key, above=above, is_whole=True)
    return replace(page, pane=Pane.DETAIL, scrolled=0, search="")


def _searched(state: State, searched: PageSearched) -> State:
    rows = searched.rows
    if not searched.text.strip() or not rows:
        return replace(state, search=searched.text, places=0, place=0)
    if searched.by:
        place = (state.place + searched.by) % len(rows)
    else:
        place = next((index for index, row in enumerate(rows) if row >= state.scrolled), 0)
    row, top = rows[place], state.scrolled
    if not top <= row < top + searched.page:
        top = max(min(row - searched.page // 3, searched.most), 0)
    return replace(state, search=searched.text, places=len(rows), place=place, scrolled=top)


def is_failed(state: State, key: str) -> bool:
    """Whether a key belongs to a failed step or a wrong answer."""
    return any(cell.key == key and is_bad(cell) for cell in _cells(state.whole_picture))


def is_bad(cell: Cell) -> bool:
    """Whether a step failed or its answer is wrong."""
    return cell.progress is Progress.FAILED or cell.weight is not None


def _at_steps(state: State, finding: Finding) -> State:
    """Return the state with the cursor on the first step that shows a finding, if possible a step that failed or whose
    answer is wrong."""
    evidence = frozenset(finding.evidence)
    showing = [cell for cell in _cells(state.whole_picture) if evidence.intersection(cell.checks)]
    first = min(showing, key=lambda cell: not is_bad(cell), default=None)
    if first is None:
        return replace(state, message=f"no step of the path shows {finding.id}")
    state = replace(
        state, touched=True, is_whole=False, findings_only=False, traced=f"finding/{finding.id}", scrolled=0
    )
    for change in ({}, {"filter": ""}, {"filter": "", "unfolded": True}):
        shown = replace(state, **change)
        row = next((row for row in shown.rows if first.key in row), None)
        if row is not None:
            return replace(_at_pane(shown, Pane.PATH), cursor=first.key, column=row.index(first.key))
    return replace(state, message=f"no step of the path shows {finding.id}")


def _cells(drawn: Picture) -> Iterator[Cell]:
    """All cells, in the order of the path."""
    yield from drawn.host
    for band in drawn.bands:
        yield from band.names
        for lane in band.lanes:
            yield from (cell for cell in (*lane.cells, *lane.extras) if cell is not None)


def _moved(state: State, moved: CursorMoved) -> State:
    if state.pane is Pane.DETAIL:
        return replace(state, scrolled=min(max(state.scrolled + moved.rows, 0), max(moved.most, 0)))
    state = _carried(state, replace(state, touched=True, scrolled=0))
    if state.pane is Pane.CAUSES:
        known = [entry.key for entry in state.entries]
        if not known:
            return state
        index = known.index(selected_entry(state) or known[0]) + moved.rows
        return replace(state, entry=known[min(max(index, 0), len(known) - 1)])
    rows = state.rows
    here = cursor(state)
    row = next(index for index, keys_of_row in enumerate(rows) if here in keys_of_row)
    column = rows[row].index(here)
    if moved.columns:
        column = min(max(column + moved.columns, 0), len(rows[row]) - 1)
        return replace(state, cursor=rows[row][column], column=column)
    row = min(max(row + moved.rows, 0), len(rows) - 1)
    return replace(state, cursor=rows[row][min(state.column, len(rows[row]) - 1)])


def _pane_changed(state: State, by: int) -> State:
    panes = [pane for pane in PANES if not (state.findings_only and pane is Pane.PATH)]
    pane = panes[(panes.index(state.pane) + by) % len(panes)] if state.pane in panes else panes[0]
    return _at_pane(replace(state, touched=True, is_whole=False), pane)


def _at_pane(state: State, pane: Pane) -> State:
    source = state.source if pane is Pane.DETAIL else pane
    scrolled = state.scrolled if source is state.source else 0
    reading = under_cursor(state) if pane is Pane.DETAIL else None
    search = state.search if reading is not None else ""
    return replace(state, pane=pane, source=source, reading=reading, above=(), search=search, scrolled=scrolled)


def _selected(state: State, selected: ItemSelected) -> State:
    state = _carried(state, _at_pane(replace(state, touched=True), selected.pane))
    if selected.pane is Pane.CAUSES:
        return replace(state, entry=selected.key, scrolled=0)
    if selected.pane is Pane.PATH:
        row = next((row for row in state.rows if selected.key in row), None)
        column = state.column if row is None else row.index(selected.key)
        return replace(state, cursor=selected.key, column=column, scrolled=0)
    return state


def _gone_back(state: State) -> State:
    if state.is_whole and state.above:
        *above, page = state.above
        return replace(state, reading=page, above=tuple(above), scrolled=0, search="")
    if state.is_whole:
        return _at_pane(replace(state, is_whole=False, scrolled=0), state.source)
    if state.pane is Pane.DETAIL:
        return _at_pane(state, state.source)
    if state.live is not None:
        return _at_live(state)
    if state.traced is not None:
        return replace(state, traced=None)
    if state.filter:
        return replace(state, filter="")
    return _findings_toggled(state) if state.findings_only else state


def _findings_toggled(state: State) -> State:
    """Return the state that shows only findings, or everything again with the cursor where it was before."""
    only = not state.findings_only
    left = state.source if only else state.left
    shown = replace(state, findings_only=only, left=left, is_whole=False, touched=True)
    return _at_pane(shown, Pane.CAUSES if only else left)


# --- Causes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the list of causes."""

    key: str
    word: str
    tone: Tone
    text: str
    depth: int = 0


_SEVERITY_TONES: Final = {Severity.CRITICAL: Tone.FAILED, Severity.WARNING: Tone.WARNING, Severity.INFO: Tone.FAINT}
STATUS_TONES: Final = {
    Status.OK: Tone.OK,
    Status.WARNING: Tone.WARNING,
    Status.CRITICAL: Tone.FAILED,
    Status.UNKNOWN: Tone.UNKNOWN,
    Status.NOT_IN_USE: Tone.FAINT,
}
WEIGHT_TONES: Final = {
    Weight.CRITICAL: Tone.FAILED,
    Weight.WARNING: Tone.WARNING,
    Weight.UNPROVEN: Tone.UNKNOWN,
    Weight.NOT_COUNTED: Tone.FAINT,
    None: Tone.UNKNOWN,
}
"""Tones of failed steps by weight; None for a step of a run that is not judged yet."""


def tone_of(finding: Finding, report: Report) -> Tone:
    """The tone of a finding: its severity if it counts."""
    by_id = {other.id: other for other in report.findings}
    return _SEVERITY_TONES[finding.severity] if counts(finding, by_id) else Tone.FAINT


def causes(report: Report) -> tuple[Finding, ...]:
    """Return the findings that no other finding explains. An `explained_by` without a matching finding, or one that
    leads back to the finding itself, explains nothing."""
    by_id = {finding.id: finding for finding in report.findings}

    def is_cause(finding: Finding) -> bool:
        visited: set[str] = set()
        above = by_id.get(finding.explained_by or "")
        while above is not None and above.id not in visited:
            if above.id == finding.id:
                return True
            visited.add(above.id)
            above = by_id.get(above.explained_by or "")
        return finding.explained_by not in by_id

    return tuple(filter(is_cause, report.findings))


def _entries(state: State) -> tuple[Entry, ...]:
    """Return the causes, with their consequences if only findings are shown; then the changes of the last run."""
    entries: list[Entry] = []
    report = state.report
    if report is not None:
        first = causes(report)
        rest = [finding for finding in report.findings if finding not in first]
        for cause in first:
            entries.append(_entry(cause, report, 0))
            if state.findings_only:
                entries += _symptoms(rest, cause, report, 1)
    if state.difference is not None or state.incomparable is not None:
        entries.append(Entry(CHANGED, "changed", Tone.RUNNING, changed_text(state)))
    return tuple(entries)


def _is_finding(entry: Entry) -> bool:
    return entry.key.startswith("finding/")


def _symptoms(findings: Sequence[Finding], cause: Finding, report: Report, depth: int) -> list[Entry]:
    entries = []
    for finding in findings:
        if finding.explained_by == cause.id:
            entries += [_entry(finding, report, depth), *_symptoms(findings, finding, report, depth + 1)]
    return entries


def _entry(finding: Finding, report: Report, depth: int) -> Entry:
    suffix = " (suppressed)" if finding.suppressed else "" if finding.counts else " (not counted)"
    return Entry(
        key=f"finding/{finding.id}",
        word=finding.severity.upper(),
        tone=tone_of(finding, report),
        text=f"{before_target(finding)} [{finding.code}]{suffix}",
        depth=depth,
    )


def changed_text(state: State) -> str:
    """The changes of the last run in one line."""
    if state.incomparable is not None:
        return f"not comparable with the run before: {state.incomparable}"
    changed = state.difference
    if changed is None:
        return ""
    counts = [
        (sum(finding.change is ChangeKind.CAME for finding in changed.findings), "new"),
        (sum(finding.change is ChangeKind.WENT for finding in changed.findings), "gone"),
    ]
    parts = [f"{count} finding{'' if count == 1 else 's'} {word}" for count, word in counts if count]
    steps = len(_changed_steps(changed))
    parts += [f"{steps} step{'' if steps == 1 else 's'} changed"] if steps else []
    status = f"{changed.old.status} -> {changed.new.status}" if changed.old.status != changed.new.status else ""
    return f"since {changed.old.started_at:%H:%M:%S} UTC: {', '.join(filter(None, (status, *parts))) or 'nothing'}"


def finding_under_cursor(state: State) -> Finding | None:
    """The finding under the cursor, or the finding whose evidence is shown."""
    report, key = state.report, under_cursor(state)
    if report is None or key is None:
        return None
    by_key = {f"finding/{finding.id}": finding for finding in report.findings}
    if (known := by_key.get(key.replace(MEASURED, "finding/", 1))) is not None:
        return known
    checks = checks_of(state, key)
    citing = [finding for finding in report.findings if checks.intersection(finding.evidence)]
    by_id = {finding.id: finding for finding in report.findings}

    def place(finding: Finding) -> tuple[bool, bool, int]:
        return not counts(finding, by_id), finding.explained_by is not None, finding.severity.rank

    return min(citing, key=place, default=None)


def checks_of(state: State, key: str) -> frozenset[str]:
    """Ids of the checks for a key of the path."""
    drawn = state.whole_picture
    lanes = [lane for band in drawn.bands for lane in band.lanes if key in (lane.key, band.key)]
    cells = [cell for lane in lanes for cell in (*lane.cells, *lane.extras) if cell is not None]
    cells += [cell for cell in _cells(drawn) if cell.key == key]
    return frozenset(check for cell in cells for check in cell.checks)


def marked(state: State) -> frozenset[str]:
    """Ids of the checks that show the selected cause, or the cause from which the cursor came."""
    key = selected_entry(state) if state.source is Pane.CAUSES else state.traced
    if key is None or state.report is None:
        return frozenset()
    evidence = (frozenset(finding.evidence) for finding in state.report.findings if f"finding/{finding.id}" == key)
    return next(evidence, frozenset())


def shown_by(state: State) -> tuple[str, ...]:
    """Return the places on the path that show the selected cause, or the cause from which the cursor came: the keys of
    its first failed lane, of its first step, and of its service."""
    evidence = marked(state)
    first = next((cell.key for cell in _cells(state.picture) if evidence.intersection(cell.checks)), None)
    key = selected_entry(state) if state.source is Pane.CAUSES else state.traced
    finding = (
        None
        if state.report is None
        else next((finding for finding in state.report.findings if f"finding/{finding.id}" == key), None)
    )
    band = next((band for band in state.picture.bands if finding is not None and band.target == finding.target), None)
    if band is None:
        return () if first is None else (first,)
    failed = [lane for lane in band.lanes if lane.weight not in (None, Weight.NOT_COUNTED)]
    showing = [lane for lane in failed if any(evidence.intersection(cell.checks) for cell in cells_of(lane))]
    lanes = [lane.key for lane in (*showing, *failed)[:1]]
    return (*lanes, *([] if first is None else [first]), band.key)


def target_under_cursor(state: State) -> Target | TargetReport | None:
    """The target that contains the cursor."""
    key = under_cursor(state) or ""
    is_finding = state.source is Pane.CAUSES or key.startswith("finding/")
    finding = finding_under_cursor(state) if is_finding else None
    for target in state.targets:
        if finding is not None and finding.target == target.id:
            return target
        if not is_finding and _is_of(state, key, target.id):
            return target
    return None


def _is_of(state: State, key: str, target: str) -> bool:
    if key in (f"target/{target}", f"names/{target}") or key.startswith(f"lane/{target}/"):
        return True
    return any(state.checks[check].subject.target == target for check in checks_of(state, key) if check in state.checks)
