"""The state of the interface, and the one function that changes it.

`reduce` folds into a `State` what happened: an event of the runner, the report of a run that has ended, a tick of the
clock, or what a person did. It is pure: it asks no clock, no file and no terminal. What widgets show is a function of
the state alone, here and in `drawing` and `detail`, so that a saved report, a run and a replayed one look the same.

A run begins with every look that is known from the last run of the same names, waiting in its place, so that nothing
jumps under the cursor when it is made again. Findings are those of the last run that has ended: what half a run has
seen may look like a fault that the other half explains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final, assert_never

from agent.catalog.findings import Severity
from agent.report import exits
from agent.report.diff import ChangeKind, Difference, NotComparableError, StepState, difference
from agent.report.model import Finding, Report, Status, TargetReport
from agent.run.events import ObservationMade, RunStarted, StepPlanned, StepStarted, TargetsKnown
from agent.settings import DEFAULT_INTERVAL, Settings
from agent.tui.actions import (
    PANES,
    Chosen,
    Closed,
    Filtered,
    FindingsSwitched,
    Happened,
    Moved,
    Opened,
    Pane,
    PaneChanged,
    Planned,
    RunBegan,
    RunEnded,
    Said,
    SettingsChanged,
    Ticked,
    WatchSwitched,
)
from agent.tui.lines import Tone
from agent.tui.network_path import THIS_HOST, Cell, Look, Picture, Progress, has_words, keys, observed, picture
from probes.model import Observation, Step, Target

SAMPLES: Final = 60
"""Times that a lane remembers for each step."""
CHANGES: Final = 500
"""Changes that a watch remembers."""
SAMPLED: Final = (Step.TCP, Step.TLS, Step.API)
"""Steps whose times are remembered."""
CHANGED: Final = "changed"
"""Key of the entry that says what changed since the last run."""


class Phase(StrEnum):
    """What is going on."""

    IDLE = "idle"
    """No run has been made yet."""
    RUNNING = "running"
    ENDED = "ended"


class Missing(StrEnum):
    """Why a step of a run has no time."""

    FAILED = "failed"
    NOT_MADE = "not made"


Sample = float | Missing
"""How a step of one run went: its seconds, or why there are none."""
Samples = Mapping[str, tuple[tuple[Sample, ...], ...]]


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that became otherwise from one run to the next."""

    number: int
    at: datetime
    words: str
    tone: Tone
    about: str
    """Key of what became otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run while it lasts, and how far it came."""

    began: float
    now: float
    """By the clock of whoever sends ticks."""
    settings: Settings
    only: str | None
    """The one service or host that it requires; None for a whole run."""
    deadline: float | None = None
    made: int = 0
    planned: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that is shown, and everything that decides how."""

    title: str
    settings: Settings | None
    """Of the next run; None where no run can be made."""
    phase: Phase = Phase.IDLE
    run: RunView | None = None
    looks: Mapping[str, Look] = field(default_factory=dict)
    targets: tuple[Target | TargetReport, ...] = ()
    report: Report | None = None
    """Of the last run that has ended."""
    difference: Difference | None = None
    """What it changed against the one before."""
    incomparable: str | None = None
    """Why there is no difference."""
    whole: Report | None = None
    """Of the last whole run that came to its own end."""
    watching: bool = False
    interval: float = DEFAULT_INTERVAL
    next_at: datetime | None = None
    """When a watch runs again."""
    samples: Samples = field(default_factory=dict)
    """By lane, for each of SAMPLED how past runs went; nothing for a step that the lane does not have."""
    turns: tuple[Turn, ...] = ()
    """The latest run's first."""
    pane: Pane = Pane.PATH
    source: Pane = Pane.PATH
    """Whose cursor the detail is about."""
    cursor: str = THIS_HOST
    column: int = 0
    """Where the cursor would stand in a row that is long enough."""
    entry: str | None = None
    """Key of the chosen cause."""
    scrolled: int = 0
    """Lines of the detail that are above what is shown."""
    is_whole: bool = False
    """Whether the detail has the whole screen."""
    findings_only: bool = False
    filter: str = ""
    message: str = ""
    """What is to be said about the last key."""
    touched: bool = False
    """Whether a person has moved the cursor."""

    @cached_property
    def picture(self) -> Picture:
        """The path, as far as the filter lets it be seen."""
        is_judged = self.phase is Phase.ENDED
        return picture(self.looks, self.targets, self.report, is_judged=is_judged, wanted=self.filter)

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Where the cursor of the path can stand."""
        return keys(self.picture)

    @cached_property
    def listed(self) -> "tuple[Entry, ...]":
        """What the list of causes holds without a filter."""
        return _entries(self)

    @cached_property
    def entries(self) -> "tuple[Entry, ...]":
        """What the list of causes holds."""
        return tuple(each for each in self.listed if has_words(f"{each.word} {each.text}", self.filter))

    @property
    def hidden_causes(self) -> int:
        """Findings that the filter leaves out of it."""
        return sum(_is_finding(each) for each in self.listed) - sum(_is_finding(each) for each in self.entries)


def saved(title: str, report: Report) -> State:
    """The state that shows a report that was saved."""
    return _judged(State(title=title, settings=None), report)


def reduce(state: State, happened: Happened) -> State:
    """The state after something happened."""
    after = _reduced(state, happened)
    for name, sources in _DERIVED.items():  # a key that only moves the cursor need not draw hundreds of lanes anew
        if name in vars(state) and all(getattr(state, each) is getattr(after, each) for each in sources):
            vars(after)[name] = vars(state)[name]
    return after


_PICTURED: Final = ("looks", "targets", "report", "phase", "filter")
_LISTED: Final = ("report", "difference", "incomparable", "turns", "findings_only")
_DERIVED: Final = {
    "picture": _PICTURED,
    "rows": _PICTURED,
    "listed": _LISTED,
    "entries": (*_LISTED, "filter"),
}
"""What is derived from the state, by what it is derived from."""


def _reduced(state: State, happened: Happened) -> State:
    match happened:
        case RunStarted():
            return _running(state, deadline=happened.deadline)
        case TargetsKnown():
            return replace(state, targets=happened.targets)
        case StepPlanned():
            return _with_look(state, Look(happened.subject))
        case StepStarted():
            return _with_look(state, Look(happened.subject, Progress.RUNNING))
        case ObservationMade():
            return _made(state, happened)
        case RunBegan():
            return _started(state, happened)
        case RunEnded():
            return _judged(state, happened.report)
        case Ticked():
            return _running(state, now=happened.now)
        case Moved():
            return _moved(replace(state, message=""), happened)
        case PaneChanged():
            return _pane_changed(replace(state, message=""), happened.by)
        case Chosen():
            return _chosen(replace(state, message=""), happened)
        case Opened():
            return replace(state, message="", is_whole=True, pane=Pane.DETAIL, scrolled=0, touched=True)
        case Closed():
            return _closed(replace(state, message=""))
        case Filtered():
            return replace(state, message="", filter=happened.text, scrolled=0)
        case FindingsSwitched():
            return _findings_switched(replace(state, message=""))
        case WatchSwitched():
            return replace(state, watching=happened.on, next_at=None)
        case Planned():
            return replace(state, next_at=happened.at)
        case SettingsChanged():
            return replace(state, settings=happened.settings, interval=happened.interval)
        case Said():
            return replace(state, message=happened.message)
    assert_never(happened)


# --- A run -----------------------------------------------------------------------------------------------------------


def _running(state: State, **changes: float) -> State:
    return state if state.run is None else replace(state, run=replace(state.run, **changes))  # type: ignore[arg-type]


def _with_look(state: State, look: Look) -> State:
    return replace(state, looks={**state.looks, look.subject.id: look})


def _made(state: State, event: ObservationMade) -> State:
    look = observed(event.observation)
    state = _with_look(state, look)
    if state.run is None:
        return state
    failed = state.run.failed + (look.progress is Progress.FAILED)
    return replace(state, run=replace(state.run, made=state.run.made + 1, planned=event.planned, failed=failed))


def _started(state: State, begun: RunBegan) -> State:
    waiting = {key: Look(look.subject) for key, look in state.looks.items()} if _is_same_again(state, begun) else {}
    return replace(
        state,
        phase=Phase.RUNNING,
        run=RunView(began=begun.at, now=begun.at, settings=begun.settings, only=begun.only),
        looks=waiting,
        next_at=None,
    )


def _is_same_again(state: State, begun: RunBegan) -> bool:
    """Whether the names that are asked for are those of the last run, so that what it looked at is likely there."""
    return state.run is not None and _names(state.run.settings) == _names(begun.settings)


def _names(settings: Settings) -> tuple[object, ...]:
    return settings.region, settings.endpoints, settings.fips, settings.dual_stack, settings.profile


def _judged(state: State, report: Report) -> State:
    before = state.report
    changed, why = None, None
    if before is not None:
        try:
            changed = difference(before, report)
        except NotComparableError as error:
            why = str(error)
    only = None if state.run is None else state.run.only
    state = replace(
        state,
        phase=Phase.ENDED,
        looks={each.id: observed(each) for each in report.observations},
        targets=report.targets,
        report=report,
        difference=changed,
        incomparable=why,
        whole=report if only is None and not report.run.interrupted else state.whole,
        samples=_sampled(state.samples, report),
        turns=_turned(state.turns, changed, report),
    )
    if not state.touched and causes(report):
        state = replace(state, pane=Pane.CAUSES, source=Pane.CAUSES, entry=None, scrolled=0)
    return state


def _sampled(before: Samples, report: Report) -> Samples:
    found = dict(before)
    by_lane: dict[str, dict[Step, Observation[object]]] = {}
    for each in report.observations:
        subject = each.subject
        if subject.port is not None and subject.operation is None:
            by_lane.setdefault(lane_of(each), {})[subject.step] = each
    for lane, made in by_lane.items():
        past = found.get(lane, ((),) * len(SAMPLED))
        found[lane] = tuple(
            (*times, _time(made.get(step)))[-SAMPLES:] if times or step in made else ()
            for step, times in zip(SAMPLED, past, strict=True)
        )
    return found


def _time(seen: Observation[object] | None) -> Sample:
    if seen is None or (seen.ok and seen.seconds is None):
        return Missing.NOT_MADE
    if seen.ok and seen.seconds is not None:
        return round(seen.seconds, 6)
    return Missing.FAILED if seen.failure is not None else Missing.NOT_MADE


def lane_of(observation: Observation[object]) -> str:
    subject = observation.subject
    return f"lane/{subject.target}/{subject.address}/{subject.port}"


def _turned(before: tuple[Turn, ...], changed: Difference | None, report: Report) -> tuple[Turn, ...]:
    """What became otherwise, the latest run first: findings, targets, then looks that both runs made."""
    if changed is None:
        return before
    said: list[tuple[str, Tone, str]] = []
    for finding in changed.findings:
        if finding.change is ChangeKind.WENT:
            said.append((f"{finding.id} is gone: {finding.title}", Tone.OK, CHANGED))
        elif finding.change is ChangeKind.CAME and finding.counts.new:
            said.append((f"{finding.id} is new: {finding.title}", Tone.FAILED, f"finding/{finding.id}"))
    for target in changed.targets:
        if target.change is ChangeKind.CHANGED and target.status.old is not target.status.new:
            tone = Tone.OK if target.status.new is Status.OK else Tone.FAILED
            said.append((f"{target.id}: {target.status.old} -> {target.status.new}", tone, f"target/{target.id}"))
    for name, old, new in _otherwise(changed):
        tone = Tone.OK if new.status == "ok" else Tone.FAILED
        said.append((f"{name}: {_word(old)} -> {_word(new)}", tone, name))
    number = max((turn.number for turn in before), default=-1) + 1
    turns = [Turn(number + place, report.run.finished_at, *each) for place, each in enumerate(said)]
    return (*turns, *before)[:CHANGES]


def _otherwise(changed: Difference) -> list[tuple[str, StepState, StepState]]:
    """Looks that both runs made and that ended otherwise. What is skipped, or no longer so, only follows from them."""
    both = [(each.id, each.old, each.new) for each in changed.steps if each.old is not None and each.new is not None]
    return [each for each in both if "skipped" not in (each[1].status, each[2].status)]


def _word(state: StepState) -> str:
    return state.kind or state.status


def left_with(state: State) -> Report | None:
    """The report that the exit code belongs to: that of the last whole run that came to its end, or of one that was
    left in the middle where there is no other, or where it has proven something critical."""
    report = state.report
    if state.whole is None or (report is not None and report.run.interrupted and _is_critical(report)):
        return report
    return state.whole


def exit_code(state: State, fail_on: str) -> int:
    """As `left_with` says; unknown where there is no run that came to its end, and nothing critical was proven."""
    report = left_with(state)
    if report is None or (report.run.interrupted and not _is_critical(report)):
        return exits.UNKNOWN
    return exits.of_verdict(report.verdict.status, fail_on)


def _is_critical(report: Report) -> bool:
    return report.verdict.status is Status.CRITICAL


# --- Where the cursor is ---------------------------------------------------------------------------------------------


def cursor(state: State) -> str:
    """Key of what the cursor of the path stands on: what it was put on, or the top while that is not there."""
    return state.cursor if any(state.cursor in row for row in state.rows) else THIS_HOST


def chosen_entry(state: State) -> str | None:
    """Key of the chosen cause: the first where none was chosen, or that one has gone."""
    known = [entry.key for entry in state.entries]
    return state.entry if state.entry in known else next(iter(known), None)


def under_cursor(state: State) -> str | None:
    """Key of what the detail is about."""
    return chosen_entry(state) if state.source is Pane.CAUSES else cursor(state)


def _moved(state: State, moved: Moved) -> State:
    if state.pane is Pane.DETAIL:
        return replace(state, scrolled=min(max(state.scrolled + moved.rows, 0), max(moved.most, 0)))
    state = replace(state, touched=True, scrolled=0)
    if state.pane is Pane.CAUSES:
        known = [entry.key for entry in state.entries]
        if not known:
            return state
        place = known.index(chosen_entry(state) or known[0]) + moved.rows
        return replace(state, entry=known[min(max(place, 0), len(known) - 1)])
    rows = state.rows
    here = cursor(state)
    row = next(place for place, each in enumerate(rows) if here in each)
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
    return replace(state, pane=pane, source=source, scrolled=state.scrolled if source is state.source else 0)


def _chosen(state: State, chosen: Chosen) -> State:
    state = _at_pane(replace(state, touched=True), chosen.pane)
    if chosen.pane is Pane.CAUSES:
        return replace(state, entry=chosen.key, scrolled=0)
    if chosen.pane is Pane.PATH:
        row = next((row for row in state.rows if chosen.key in row), None)
        column = state.column if row is None else row.index(chosen.key)
        return replace(state, cursor=chosen.key, column=column, scrolled=0)
    return state


def _closed(state: State) -> State:
    if state.is_whole:
        return _at_pane(replace(state, is_whole=False, scrolled=0), state.source)
    if state.pane is Pane.DETAIL:
        return _at_pane(state, state.source)
    if state.filter:
        return replace(state, filter="")
    return _findings_switched(state) if state.findings_only else state


def _findings_switched(state: State) -> State:
    only = not state.findings_only
    return _at_pane(
        replace(state, findings_only=only, is_whole=False, touched=True), Pane.CAUSES if only else Pane.PATH
    )


# --- Causes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of causes."""

    key: str
    word: str
    tone: Tone
    text: str
    depth: int = 0


TONES: Final = {Severity.CRITICAL: Tone.FAILED, Severity.WARNING: Tone.WARNING, Severity.INFO: Tone.FAINT}


def causes(report: Report) -> tuple[Finding, ...]:
    """Findings that no other explains; those that name none that is there, or go in a circle, explain nothing."""
    by_id = {each.id: each for each in report.findings}

    def is_cause(finding: Finding) -> bool:
        passed: set[str] = set()
        above = by_id.get(finding.explained_by or "")
        while above is not None and above.id not in passed:
            if above.id == finding.id:
                return True
            passed.add(above.id)
            above = by_id.get(above.explained_by or "")
        return finding.explained_by not in by_id

    return tuple(filter(is_cause, report.findings))


def _entries(state: State) -> tuple[Entry, ...]:
    """Causes, with `findings only` their symptoms too, and what changed."""
    found: list[Entry] = []
    report = state.report
    if report is not None:
        first = causes(report)
        follows = [each for each in report.findings if each not in first]
        for cause in first:
            found.append(_entry(cause, 0))
            if state.findings_only:
                found += _symptoms(follows, cause, 1)
    if state.difference is not None or state.incomparable is not None:
        found.append(Entry(CHANGED, "changed", Tone.RUNNING, changed_words(state)))
    found += [Entry(f"turn/{each.number}", f"{each.at:%H:%M:%S}", each.tone, each.words) for each in state.turns]
    return tuple(found)


def _is_finding(entry: Entry) -> bool:
    return entry.key.startswith("finding/")


def _symptoms(follows: Sequence[Finding], cause: Finding, depth: int) -> list[Entry]:
    found = []
    for each in follows:
        if each.explained_by == cause.id:
            found += [_entry(each, depth), *_symptoms(follows, each, depth + 1)]
    return found


def _entry(finding: Finding, depth: int) -> Entry:
    where = f"{finding.target}: " if finding.target is not None else ""
    aside = " (suppressed)" if finding.suppressed else ""
    return Entry(
        key=f"finding/{finding.id}",
        word=finding.severity.upper(),
        tone=TONES[finding.severity],
        text=f"{where}{finding.title} [{finding.code}]{aside}",
        depth=depth,
    )


def changed_words(state: State) -> str:
    """What the last run changed, in one line."""
    if state.incomparable is not None:
        return f"not to be compared with the run before: {state.incomparable}"
    changed = state.difference
    if changed is None:
        return ""
    counts = [
        (sum(each.change is ChangeKind.CAME for each in changed.findings), "came"),
        (sum(each.change is ChangeKind.WENT for each in changed.findings), "went"),
    ]
    said = [f"{count} finding{'' if count == 1 else 's'} {word}" for count, word in counts if count]
    steps = len(_otherwise(changed))
    said += [f"{steps} step{'' if steps == 1 else 's'} otherwise"] if steps else []
    status = f"{changed.old.status} -> {changed.new.status}" if changed.old.status != changed.new.status else ""
    return f"since {changed.old.started_at:%H:%M:%S} UTC: {', '.join(filter(None, (status, *said))) or 'nothing'}"


def finding_under_cursor(state: State) -> Finding | None:
    """The finding that the cursor is on, or that rests on what it is on."""
    report, key = state.report, under_cursor(state)
    if report is None or key is None:
        return None
    by_key = {f"finding/{each.id}": each for each in report.findings}
    if key in by_key:
        return by_key[key]
    looks = looks_of(state, key)
    resting = [each for each in report.findings if looks.intersection(each.evidence)]
    return min(resting, key=lambda each: (each.explained_by is not None, each.severity.rank), default=None)


def looks_of(state: State, key: str) -> frozenset[str]:
    """Ids of the looks that a key of the path stands for."""
    found = state.picture
    cells = [*found.host, *(cell for band in found.bands for cell in band.names)]
    wanted: list[Cell] = []
    for band in found.bands:
        for lane in band.lanes:
            own = [cell for cell in (*lane.cells, *lane.extras) if cell is not None]
            cells += own
            if key in (lane.key, band.key):
                wanted += own
    return frozenset(look for cell in (*wanted, *cells) if cell in wanted or cell.key == key for look in cell.looks)


def marked(state: State) -> frozenset[str]:
    """Ids of the looks that show the chosen cause."""
    if state.source is not Pane.CAUSES or state.report is None:
        return frozenset()
    key = chosen_entry(state)
    return next(
        (frozenset(each.evidence) for each in state.report.findings if f"finding/{each.id}" == key), frozenset()
    )


def target_under_cursor(state: State) -> Target | TargetReport | None:
    """The target that the cursor is in."""
    key = under_cursor(state) or ""
    finding = finding_under_cursor(state) if state.source is Pane.CAUSES else None
    for target in state.targets:
        if finding is not None and finding.target == target.id:
            return target
        if state.source is Pane.PATH and _is_of(state, key, target.id):
            return target
    return None


def _is_of(state: State, key: str, target: str) -> bool:
    if key in (f"target/{target}", f"names/{target}") or key.startswith(f"lane/{target}/"):
        return True
    return any(state.looks[look].subject.target == target for look in looks_of(state, key) if look in state.looks)
