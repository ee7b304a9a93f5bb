"""The state as lines of a given width: the verdict, the path, the causes and the last line of the screen. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from agent.catalog.wording import duration, lasted, listed_briefly
from agent.report.counting import Weight, heaviest
from agent.report.escape import visible
from agent.report.model import Report, Status
from agent.report.path import STEPS, Band, Cell, Lane, Progress
from agent.report.words import UNUSED_ANSWER
from agent.tui.actions import Pane
from agent.tui.hints import Hint, hints
from agent.tui.lines import CUT, Glyphs, Line, Span, Tone, cut, cut_words, width_of, wrapped
from agent.tui.network_path import THIS_HOST
from agent.tui.state import STATUS_TONES, WEIGHT_TONES, Phase, RunView, State
from agent.tui.watching import (
    FAILURES,
    FLAPPING,
    SAMPLED,
    LaneTimes,
    Sample,
    clock,
    failures,
    has_failed,
    is_worse,
    last_failed,
    report_of,
    run_of,
)
from probes.facts import ImdsFacts
from probes.frozen import dataclass
from probes.model import Address, Role, Step

LONGEST: Final = 14
"""Maximum length of an address on the line of its lane. On a narrow screen a longer address has a line of its own."""
LONG_ADDRESSES: Final = 110
"""Number of columns from which every address, even an IPv6 address, fits on the line of its lane."""
VERDICT: Final = 3
"""Maximum number of lines of the verdict, with the facts of the run."""
_MEDIUM: Final = 10
_LONG: Final = 18
_SHORT: Final = 8
"""Columns for the result of a check that is not a hop, such as `ok 19 ms`. `_MEDIUM` has room for `ok 3 found`, and
`_LONG` also for the time."""
_WIDTHS: Final = 4
"""Number of widths for which the drawn path is cached."""
_BAR: Final = 20
"""Columns of the progress bar."""
_TITLE: Final = 8
"""Minimum width of a pane's title."""
_WORD: Final = len("CRITICAL")
"""Columns for a severity."""
_SAME: Final = timedelta(milliseconds=2)
"""The tolerance for two times of one run to count as equal. A history only keeps milliseconds."""
_REASON: Final = re.compile("[:,] ")
"""The characters between a note and its reason."""
_NAMED: Final = 16
"""Number of characters of the filter on the last line of the screen."""
_TONES: Final = {
    Progress.WAITING: Tone.FAINT,
    Progress.RUNNING: Tone.RUNNING,
    Progress.OK: Tone.OK,
    Progress.SKIPPED: Tone.FAINT,
}
_NOT_COUNTED: Final = "(x)"
"""The text for a failure that does not count, if there is no room for its kind."""


# --- The header ------------------------------------------------------------------------------------------------------


def header(state: State, width: int, height: int) -> tuple[Line, ...]:
    """Return the header in `height` lines. It says whether the run is live, saved, simulated or redacted, and its time.
    Then come the host, its addresses and its VPC, and then the required services and what requires them. If this is too
    much, the last line is cut."""
    parts: list[Line] = [(Span(word, Tone.RUNNING), Span(more)) for word, more in _sources(state)]
    parts += [(Span(visible(name)),) for name in _host_names(state)]
    lines: list[Line] = [(Span(" "),)]
    for part in parts:
        if width_of(lines[-1]) + width_of(part) > width and len(lines) < height:
            lines.append((Span(" "),))
        lines[-1] += (*part, Span("  "))
    if len(lines) < height and width_of(lines[-1]) + len(_required(state, width - 1)) > width:
        lines.append((Span(" "),))
    lines[-1] += (Span(_required(state, width - width_of(lines[-1]))),)
    return tuple(cut(line, width) for line in lines)


def _sources(state: State) -> list[tuple[str, str]]:
    """Return the sources of the shown report, each as a word and the text after it."""
    report = state.report
    if state.past is not None and report is not None:
        sources = [("PAST", _past(state))]
    elif state.settings is None and report is not None:
        age = ""
        if state.opened_at is not None and state.opened_at >= report.run.finished_at:
            age = f", {lasted((state.opened_at - report.run.finished_at).total_seconds())} old"
        sources = [("SAVED", f" {report.run.finished_at:%Y-%m-%d %H:%M:%S} UTC{age}")]
    else:
        when = "no run has finished" if report is None else f"last run {report.run.started_at:%Y-%m-%d %H:%M:%S} UTC"
        sources = [("LIVE", f" {when}")]
    if state.is_simulated:
        sources.append(("SIMULATED", ""))
    if report is not None and report.run.redacted:
        sources.append(("REDACTED", " stand-ins"))
    return sources


def _past(state: State) -> str:
    """Return which run is shown. If the report is from another run with the same result, also return which run this
    is."""
    run = run_of(state.memory, state.past or 0)
    report = state.report
    if report is None:
        return ""
    own = report.run.started_at
    if run is None:  # the run is no longer in the memory
        return f" run {state.past}, {own:%Y-%m-%d %H:%M:%S} UTC"
    shown = f" run {run.number} of {state.memory.count}, {run.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if abs(own - run.started_at) < _SAME:
        return shown
    day = "" if own.date() == run.started_at.date() else f"{own:%Y-%m-%d} "
    return f"{shown}, same as the run of {day}{own:%H:%M:%S}"


def _host_names(state: State) -> list[str]:
    """The host, its addresses and its VPC, as far as they are known."""
    if state.report is not None:
        seen = state.report.vantage
        return [*filter(None, (seen.instance_id or "this host", *map(str, seen.source_addresses), seen.vpc_id))]
    check = state.checks.get("imds")
    facts = None if check is None or check.observation is None else check.observation.facts
    if not isinstance(facts, ImdsFacts):
        return ["this host"]
    return [*filter(None, (facts.instance_id or "this host", *map(str, facts.interface_addresses), facts.vpc_id))]


def _required(state: State, room: int) -> str:
    """Return the required services and what requires them, as fully as there is room."""
    required = [target for target in state.targets if target.role is Role.REQUIRED]
    if not required:
        return "nothing is required" if state.report is not None else ""
    reasons = dict.fromkeys(reason for target in required for reason in target.required_by)
    by = f" ({', '.join(reasons)})" if reasons else ""
    each = (f"{t.id} ({', '.join(t.required_by)})" if t.required_by else t.id for t in required)
    texts = [
        f"requires {', '.join(each)}" if len(reasons) > 1 else "",
        f"requires {', '.join(target.id for target in required)}{by}",
        f"requires {_counted(len(required), 'service')}{by}",
        f"requires {_counted(len(required), 'service')}",
    ]
    shown = [visible(text) for text in texts if text]
    return next((text for text in shown if len(text) <= room), shown[-1])


# --- The verdict -----------------------------------------------------------------------------------------------------


def verdict_height(state: State, width: int) -> int:
    """Number of lines that the verdict needs, VERDICT at most."""
    return min(1 + len(_headline_lines(state, width)[1]), VERDICT)


def _headline_lines(state: State, width: int) -> tuple[str, list[Line]]:
    """Return the start of the headline's first line, and the headline on as many lines as it needs."""
    word, tone, text = _headline(state)
    start = f" {word}  "
    return start, wrapped(text, width - 1, first=start, later=" " * len(start)) or [(Span(start, tone),)]


def verdict(state: State, width: int, height: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The verdict, or the progress of the run, in `height` lines: the text comes first, then the facts of the run."""
    tone = _headline(state)[1]
    start, all_lines = _headline_lines(state, width)
    lines = all_lines[: max(height - 1, 1)]
    if len(lines) < len(all_lines):
        last = lines[-1][0].text
        lines[-1] = (Span(f"{last[: width - 1 - len(CUT)].rstrip()}{CUT}"),)
    first = lines[0][0].text
    lines[0] = (Span(first[: len(start)], tone), Span(first[len(start) :], Tone.STRONG))
    indent = " " * len(start)
    notes = [line for note in _notes(state) for line in wrapped(note, width - 1, first=indent, later=indent)]
    has_room = len(lines) + 1 + len(notes) <= height
    facts = f"{indent}{_facts(state, width - 1 - len(start), glyphs, noted=not has_room)}"
    title = visible(state.title)
    room = width - len(facts) - len(title) - 1
    tail = (Span(" " * room), Span(title, Tone.FAINT)) if room > 1 else ()
    lines.append((Span(facts), *tail))
    return tuple(cut(line, width) for line in (*lines, *(notes if has_room else ())))


def _notes(state: State) -> tuple[str, ...]:
    """Return notes on the summary of the run that is shown."""
    return () if state.report is None or state.phase is Phase.RUNNING else state.report.verdict.notes


def _headline(state: State) -> tuple[str, Tone, str]:
    report, run = state.report, state.run
    if report is not None and state.watching and state.past is None and (watched := _watched(state, report)):
        return watched
    if state.phase is Phase.RUNNING and run is not None:
        where = listed_briefly([*dict.fromkeys(target.service for target in state.targets)] or ["this host"])
        again = "" if report is None else f" again; the last run: {report.verdict.status.upper()}"
        only = f", only {run.only}" if run.only else ""
        return "RUNNING", Tone.RUNNING, f"checking {where}{again}{only}"
    if report is None:
        return "RUNNING", Tone.RUNNING, "starting the run"
    status, summary = report.verdict.status, report.verdict.summary
    if run is not None and run.only:
        summary = f"only {run.only}: {summary.removeprefix(f'{run.only}: ')}"
    return status.upper(), STATUS_TONES[status], summary


def _watched(state: State, report: Report) -> tuple[str, Tone, str] | None:
    """Return the state over all runs of a watch; None before the second run, and after a run of a single service."""
    memory, run = state.memory, state.run
    followed = memory.followed
    if followed is None or len(memory.runs) < 2 or memory.last is not report or (run is not None and run.only):
        return None
    now, status = report.run.finished_at, report.verdict.status
    since = "" if followed.flapping_since is None else f" since {clock(followed.flapping_since, now)} UTC"
    if followed.word == FLAPPING:
        parts = [failures(memory), f"flapping{since}", f"the last run: {status.upper()}"]
    elif followed.kind is not status and is_worse(followed.kind, status):
        parts = [failures(memory), f"the last run: {status.upper()}, not yet confirmed"]
    else:
        return status.upper(), STATUS_TONES[status], "; ".join(filter(None, (failures(memory), report.verdict.summary)))
    words = ", ".join(filter(None, parts))
    return followed.word, STATUS_TONES[followed.kind], f"{words}; {_what_failed(state, report)}"


def _what_failed(state: State, report: Report) -> str:
    """Return the summary of the last failed run if the shown run did not fail and the failed run's report is still
    kept."""
    failed = last_failed(state.memory.runs)
    shown = None if failed is None or has_failed(report.verdict.status) else report_of(state.memory, failed)
    return report.verdict.summary if shown is None else f"the last failure: {shown.verdict.summary}"


def _facts(state: State, width: int, glyphs: Glyphs, *, noted: bool) -> str:
    """Return the progress of the run, or the facts of the run. There are as many facts as there is room for, the most
    important first. If `noted`, short notes on the run follow."""
    if state.phase is Phase.RUNNING and state.run is not None:
        return _progress(state.run, width, glyphs)
    report = state.report
    if report is None:
        return ""
    access = {"not-tried": "signed calls not tried", "unknown": "access unknown"}.get(
        report.verdict.access, f"access {report.verdict.access}"
    )
    parts = [
        *([] if report.run.complete else ["ended early"]),
        visible(report.run.region or "no Region"),
        f"path {report.verdict.path}",
        access,
        *(map(_in_brief, _notes(state)) if noted else ()),
        f"{report.run.seconds:.1f} s",
    ]
    if state.past is not None:
        parts.insert(0, "a past run")
    elif state.watching and state.next_at is not None:
        parts.insert(0, f"watching, next at {state.next_at:%H:%M:%S} UTC")
    shown = parts[:1]
    for part in parts[1:]:
        if len(", ".join([*shown, part])) <= width:
            shown.append(part)
    return ", ".join(shown)


def _in_brief(note: str) -> str:
    """Return the part of a note before its reason, for use within a line: `judged as caller`."""
    words = visible(_REASON.split(note, maxsplit=1)[0].removesuffix("."))
    return words if words[1:2].isupper() else f"{words[:1].lower()}{words[1:]}"


def _progress(run: RunView, width: int, glyphs: Glyphs) -> str:
    """Return the number of finished checks with a bar, the number of failures, and the remaining time."""
    text = f"{run.finished} of {run.planned} checks" if run.planned else "no check planned yet"
    if run.failed:
        text += f", {run.failed} failed"
    if run.deadline is not None:
        left = min(max(run.deadline - (run.now - run.started), 0.0), run.deadline)
        text += f", at most {left:.1f} s left"
    full = round(_BAR * run.finished / run.planned) if run.planned else 0
    bar = f"{glyphs.full * full}{glyphs.empty * (_BAR - full)} "
    return f"{bar}{text}" if len(text) + len(bar) <= width else text  # a bar that is cut would mislead


# --- The path --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the parts of a lane. They depend only on the width and the longest address, so that nothing moves while
    steps finish."""

    address: int
    zone: int
    port: int
    cell: int

    @property
    def start(self) -> int:
        """Column of the first hop."""
        return 3 + self.address + self.zone + self.port


def columns(width: int, longest: int = LONGEST) -> Columns:
    """Return the widths for a path with this number of columns and this length of its longest address. The address
    stands on the line of its lane if there is room."""
    address = (max(longest, LONGEST) if width >= LONG_ADDRESSES else LONGEST) + 1
    # `az1`, `euw1-az1`, `apse2-az1`, each with a gap.
    zone = 4 if width < 76 else 9 if width < 100 else 10
    room = width - (3 + address + zone + 5)
    # Some room is kept for the text after the hops, but a wider screen must never show less of the hops themselves.
    cell = max(min(room // 4, 13), (room - 7) // 4)
    return Columns(address=address, zone=zone, port=5, cell=max(min(cell, 24), 8))


def caption(
    width: int,
    glyphs: Glyphs,
    *,
    is_active: bool,
    right: str = "",
    longest: int = LONGEST,
    tops: Mapping[Step, float] = MappingProxyType({}),
) -> Line:
    """Return the line over the path: the position in it and the names of the columns. If times are drawn below, each
    name is followed by the time for which a mark has full height."""
    wide = columns(width, longest)
    zone = "zone" if wide.zone > 4 else "az"
    title = f"Path {right}".rstrip()
    title = title if len(title) < wide.address else right
    head = f"{'>' if is_active else glyphs.across}  {title:<{wide.address}}{zone:<{wide.zone}}{'port':<{wide.port}}"
    head += "".join(f"{_scaled(step, tops, wide.cell - 1):<{wide.cell}}" for step in STEPS)
    words = re.sub(r" {3,}", lambda gap: f" {glyphs.across * (len(gap[0]) - 2)} ", head.rstrip())
    return (Span(_filled(words, "", width, glyphs), _title_tone(is_active)),)


def tops_of(state: State, width: int) -> Mapping[Step, float]:
    """Return the value of the highest mark in each column; empty if no times are drawn."""
    return state.tops(columns(width, state.longest_address).cell - 1) if state.watching else {}


def _scaled(step: Step, tops: Mapping[Step, float], room: int) -> str:
    """A column's name with the value of its highest mark: `TCP to 2.0 ms`."""
    if step not in tops:
        return step.upper()
    top = duration(tops[step])
    texts = f"{step.upper()} to {top}", f"{step.upper()} {top.replace(' ', '')}"
    return next((text for text in texts if len(text) <= room), step.upper())


def _filled(words: str, right: str, width: int, glyphs: Glyphs) -> str:
    """A rule with text at its left and, if both fit, at its right."""
    tail = f" {right} {glyphs.across}" if right else ""
    if len(tail) + _TITLE > width:
        tail = ""
    words = cut_words(words, width - len(tail) - 1)
    return f"{words} {glyphs.across * max(width - len(words) - len(tail) - 1, 0)}{tail}"[:width]


def _title_tone(is_active: bool) -> Tone:
    return Tone.STRONG if is_active else Tone.FAINT


def path(state: State, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return the path row by row: this host, then for every target its name servers and its lanes."""
    drawn = state.drawn_paths
    if (width, glyphs) not in drawn:
        if len(drawn) >= _WIDTHS:
            drawn.clear()
        drawn[width, glyphs] = tuple(line for part in path_parts(state, width, glyphs) for line in part)
    return drawn[width, glyphs]


def path_parts(state: State, width: int, glyphs: Glyphs) -> Iterator[list[Line]]:
    """Yield the lines of `path` part by part; each lane is a part. The parts are the same at every width."""
    return ([cut(line, width) for line in part] for part in _parts(state, width, glyphs))


def _parts(state: State, width: int, glyphs: Glyphs) -> Iterator[list[Line]]:
    yield _host(state, width)
    above_is_folded = False
    for band in state.picture.bands:
        if not (band.is_folded and above_is_folded):
            yield [()]
        if band.is_folded:
            yield _folded(band, state, width)
        else:
            yield from _band(band, state, width, glyphs)
        above_is_folded = band.is_folded
    if count := sum(band.is_folded for band in state.picture.bands):
        folded = f" {_counted(count, 'service')} in one line each; {state.key('unfold')} shows all in full"
        yield [(), (Span(folded, Tone.FAINT),)]
    if state.hidden_lanes:
        yield [(), (Span(f" hidden by the filter: {_counted(state.hidden_lanes, 'lane')}", Tone.FAINT),)]


def _host(state: State, width: int) -> list[Line]:
    check = state.checks.get("imds")
    facts = None if check is None or check.observation is None else check.observation.facts
    known = (facts.instance_id, facts.availability_zone_id, facts.region) if isinstance(facts, ImdsFacts) else ()
    head = (Span(" THIS HOST", Tone.STRONG, THIS_HOST), Span(f"  {visible('  '.join(filter(None, known)))}"))
    room, gap = (_SHORT, 1) if width < 110 else (_LONG, 2)
    return [head, *_flow(state.picture.host, width, room, "   ", gap=gap), *_reasons(state.picture.host, width)]


def _folded(band: Band, state: State, width: int) -> list[Line]:
    """Return the line for a folded service, which is healthy or has had no failure so far."""
    known = [state.checks[name] for lane in band.lanes for cell in lane.cells if cell for name in cell.checks]
    if band.status is None and band.lanes:
        waiting = (Progress.WAITING, Progress.RUNNING)
        done = sum(check.progress not in waiting and not check.is_old for check in known)
        facts = f"{done} of {len(known)}"
    else:
        connects = [check for check in known if check.subject.step is Step.TCP and check.progress is Progress.OK]
        count = len({check.subject.address for check in connects})
        seconds = [check.observation.seconds or 0.0 for check in connects if check.observation is not None]
        facts = f"{count} IP{'' if count == 1 else 's'}, {duration(max(seconds))}" if seconds else ""
    text = "  ".join(filter(None, (facts, visible(band.text))))
    return [_band_head(band, text, width)]


def below(state: State, lines: Sequence[Line]) -> Line:
    """Return a summary of the lines of the path below the last visible line."""
    if not lines:
        return ()
    keys = {span.key for line in lines for span in line}
    bands = [band for band in state.picture.bands if band.key in keys]
    lanes = [(band, lane) for band in state.picture.bands for lane in band.lanes if lane.key in keys]
    sick = sum(band.counts and band.status not in (None, Status.OK, Status.NOT_IN_USE) for band in bands)
    failed = [lane.weight for _, lane in lanes if lane.progress is Progress.FAILED]
    counted = sum(weight is not Weight.NOT_COUNTED for weight in failed)
    parts: list[tuple[str, str]] = []
    if bands:
        parts.append((_more(len(bands), "service"), f", {sick} not ok" if sick else ""))
    if lanes and not all(band.is_folded for band, _ in lanes):
        parts.append((_more(len(lanes), "lane"), f", {counted} failed" if counted else ""))
    if not parts:
        parts.append((_more(len(lines), "line"), ""))
    tone = WEIGHT_TONES[heaviest(weight for weight in failed if weight is not None)] if counted else Tone.WARNING
    line: list[Span] = []
    for place, (words, bad) in enumerate(parts):
        line += [Span(f"{', ' if place else ' '}{words}", Tone.FAINT), Span(bad, tone)]
    return tuple(span for span in line if span.text)


def more_causes(state: State, lines: Sequence[Line]) -> Line:
    """Return a summary of the causes below the last visible line."""
    if not lines:
        return ()
    keys = {span.key for line in lines for span in line}
    hidden = [entry for entry in state.entries if entry.key in keys]
    words = Counter(entry.word for entry in hidden if entry.tone in (Tone.FAILED, Tone.WARNING))
    line: Line = (Span(f" {len(hidden)} more", Tone.FAINT),)
    for entry in hidden:
        if count := words.pop(entry.word, 0):
            line = (*line, Span(f", {count} {entry.word.lower()}", entry.tone))
    return line


def _more(count: int, name: str) -> str:
    return f"{count} more {name}{'' if count == 1 else 's'}"


def _band_head(band: Band, text: str, width: int) -> Line:
    tone = Tone.PLAIN if band.status is None else STATUS_TONES[band.status]
    if not band.counts and band.status is not Status.OK:
        tone = Tone.FAINT
    name, host = f" {visible(band.service.upper())}", f"  {visible(band.host)}"
    room = width - 1 - len(name) - len(text) - 2
    host = cut_words(host, room) if room > 2 + len(CUT) else ""
    gap = max(room - len(host), 0) + 2
    return (Span(name, Tone.STRONG, band.key), Span(host), Span(" " * gap), Span(text, tone))


def _band(band: Band, state: State, width: int, glyphs: Glyphs) -> Iterator[list[Line]]:
    lines = [_band_head(band, visible(band.text), width)]
    if band.names:
        room = _MEDIUM if width < 100 else _LONG
        key = f"names/{band.target}"
        lines += _flow(band.names, width, room, f" {glyphs.branch} DNS ", f" {glyphs.down}     ", key=key)
        if state.watching and band.counts and key in state.memory.samples:
            lines.append(_lookups(state, key, width, glyphs))
    if band.unchecked is not None:
        lines += wrapped(band.unchecked, width, first=f" {glyphs.last} ", later="   ", tone=Tone.FAINT)
    yield lines
    yield from _lanes(band.lanes, state, width, glyphs)
    if not all(lane.own for lane in band.lanes):
        yield wrapped(f"(*: {UNUSED_ANSWER})", width, first="   ", later="    ", tone=Tone.FAINT)
    if band.counts:  # the heading of any other band says that it does not count
        hops = [cell for lane in band.lanes for cell in (*lane.cells, *lane.extras) if cell is not None]
        yield _reasons((*band.names, *hops), width)


def _reasons(cells: Iterable[Cell], width: int) -> list[Line]:
    """Return why failures in brackets do not count. Each reason appears once."""
    reasons = dict.fromkeys(cell.why for cell in cells if cell.weight is Weight.NOT_COUNTED)
    if not reasons:
        return []
    return wrapped(f"(not counted: {'; '.join(reasons)})", width, first="   ", later="    ", tone=Tone.FAINT)


def tone_of(step: Cell | Lane) -> Tone:
    """Return the tone of a step. The tone of a failure or a wrong answer shows how it counts. A result of the last run
    is faint until this run has a result."""
    if step.is_old:
        return Tone.FAINT
    is_bad = step.progress is Progress.FAILED or step.weight is not None
    return WEIGHT_TONES[step.weight] if is_bad else _TONES[step.progress]


def _flow(
    cells: Sequence[Cell],
    width: int,
    room: int,
    prefix: str,
    later: str | None = None,
    *,
    key: str | None = None,
    gap: int = 2,
) -> list[Line]:
    """Return cells side by side, with `room` columns for the text of each. The position of a cell depends on the labels
    alone, so that nothing moves when a check finishes."""
    lines: list[list[Span]] = []
    at = width
    for cell in cells:
        label = visible(cell.label)
        if at + len(label) + 1 + min(room, _SHORT) > width:
            lines.append([Span(later if lines and later is not None else prefix, Tone.FAINT, None if lines else key)])
            at = len(prefix)
        words = visible(_fitting(cell, min(room, max(width - at - len(label) - 1, 0))))
        lines[-1] += [
            Span(f"{label} ", Tone.FAINT, cell.key),
            Span(words, Tone.PLAIN if cell.is_neutral else tone_of(cell), cell.key),
            Span(" " * (max(room - len(words), 0) + gap)),
        ]
        at += len(label) + 1 + max(room, len(words)) + gap
    return [tuple(line) for line in lines]


def _fitting(cell: Cell, room: int) -> str:
    """Return the longest text of a cell that fits, or otherwise the shortest one. A failure that does not count is in
    brackets."""
    texts = cell.texts
    if cell.weight is Weight.NOT_COUNTED:
        texts = (*(f"({text})" for text in texts), _NOT_COUNTED)
    for text in texts:
        if len(text) <= room:
            return text
    return texts[-1]


def _lanes(lanes: Sequence[Lane], state: State, width: int, glyphs: Glyphs) -> Iterator[list[Line]]:
    wide = columns(width, state.longest_address)
    before: Address | None = None
    last = lanes[-1].address if lanes else None
    for lane in lanes:
        tree = glyphs.down
        if lane.address != before:
            tree = glyphs.last if lane.address == last else glyphs.branch
        elif lane.address == last:
            tree = " "
        lines = _lane(lane, wide, width, glyphs, f" {tree} ", is_first=lane.address != before)
        rest = " " if lane.address == last else glyphs.down
        if lane.extras:
            lines += _flow(lane.extras, width, _MEDIUM, f" {rest}   also: ")
        if state.watching and lane.key in state.memory.samples:
            drawn, place = state.drawn_times, (lane.key, wide, glyphs, rest)
            if place not in drawn:
                if len(drawn) >= _WIDTHS * len(state.memory.samples):
                    drawn.clear()
                times = state.lane_times[lane.key]
                tops = state.tops(wide.cell - 1)
                drawn[place] = _times(state.memory.samples[lane.key], times, wide, glyphs, f" {rest} ", tops)
            lines.append(drawn[place])
        before = lane.address
        yield lines


def _lane(lane: Lane, wide: Columns, width: int, glyphs: Glyphs, tree: str, *, is_first: bool) -> list[Line]:
    lines: list[Line] = []
    shown = zone = ""
    if is_first:
        shown = f"{visible(str(lane.address))}{'' if lane.own else '*'}"
        where = visible(lane.where or "")
        zone = where if len(where) < wide.zone else where.rpartition("-")[2][: wide.zone - 1]
        if len(shown) >= wide.address:
            lines.append((Span(tree, Tone.FAINT), Span(shown, Tone.PLAIN, lane.key), Span(f"  {where}", Tone.FAINT)))
            tree, shown, zone = (f" {' ' if tree[1] in (glyphs.last, ' ') else glyphs.down} ", "", "")
    result = tone_of(lane) if lane.is_old or lane.progress is Progress.FAILED else Tone.PLAIN
    tone = result if lane.own else Tone.FAINT
    line = [
        Span(tree, Tone.FAINT),
        Span(f"{shown:<{wide.address}}", tone, lane.key),
        Span(f"{zone:<{wide.zone}}", Tone.FAINT, lane.key),
        Span(f"{lane.port:<{wide.port - 1}}", tone, lane.key),
        Span(" "),
    ]
    hops = [cell for cell in lane.cells if cell is not None]
    for cell, following in zip_longest(hops, hops[1:]):
        line += _hop(cell, following, wide.cell, glyphs)
    arrival = _arrival(lane, glyphs)
    end = wide.start + len(STEPS) * wide.cell
    if arrival and end + len(arrival) <= width:  # all lanes end in the same column
        line.append(Span(" " * (end - width_of(line))))
    if arrival and width_of(line) + len(arrival) <= width:
        line.append(Span(arrival, tone_of(lane) if lane.own else Tone.FAINT))
    return [*lines, tuple(line)]


def _hop(cell: Cell, following: Cell | None, wide: int, glyphs: Glyphs) -> list[Span]:
    """Return the text of a hop, with a line to the next hop if it is ok."""
    words = visible(_fitting(cell, wide - 1))
    room = wide - len(words)
    leads = cell.progress is Progress.OK and following is not None and room >= 3
    rest = f" {glyphs.across * (room - 2)} " if leads else " " * room
    return [Span(words, tone_of(cell), cell.key), Span(rest, Tone.OK if leads else Tone.FAINT)]


def _arrival(lane: Lane, glyphs: Glyphs) -> str:
    """Return the purpose of the port, and whether the lane reaches it."""
    lead = {Progress.OK: f"{glyphs.across}> ", Progress.FAILED: "x  "}.get(lane.progress, "   ")
    return f"{lead}{lane.purpose}" if lane.purpose else ""


def _lookups(state: State, key: str, width: int, glyphs: Glyphs) -> Line:
    """Return the times of this host's own lookups of a name, drawn like the times of a lane."""
    wide = columns(width, state.longest_address)
    tree, times = f" {glyphs.down}     ", state.lane_times[key]
    words = lost(times, wide.start - len(tree) - 1)
    head = Span(f"{words:<{wide.start - len(tree)}}", Tone.PLAIN if times.failed else Tone.FAINT)
    room = wide.cell - 1
    top = state.tops(room).get(Step.DNS)
    drawn = sparkline(state.memory.samples[key][SAMPLED.index(Step.DNS)], room, glyphs, top)
    scale = () if top is None else (Span(f" to {duration(top)}", Tone.FAINT),)
    return cut((Span(tree, Tone.FAINT), head, *drawn, *scale), width)


def _times(
    samples: Sequence[Sequence[Sample]],
    times: LaneTimes,
    wide: Columns,
    glyphs: Glyphs,
    tree: str,
    tops: Mapping[Step, float],
) -> Line:
    """Return the loss, the average and the worst time to connect. After them come the times of past runs, below their
    hops, with the latest run last."""
    by_step = dict(zip(SAMPLED, samples, strict=True))
    words = lost(times, wide.start - len(tree) - 1)
    line = [
        Span(tree, Tone.FAINT),
        Span(f"{words:<{wide.start - len(tree)}}", Tone.PLAIN if times.failed else Tone.FAINT),
    ]
    for step in STEPS:
        drawn = sparkline(by_step[step], wide.cell - 1, glyphs, tops.get(step))
        line += [*drawn, Span(" " * (wide.cell - width_of(drawn)))]
    return tuple(line)


def lost(times: LaneTimes, room: int) -> str:
    """The loss, the average and the worst time to connect. They are abbreviated if there is not enough room."""
    loss = times.loss
    if times.mean is None or times.worst is None:
        return f"loss {loss}"
    mean, worst = duration(times.mean), duration(times.worst)
    number, _, unit = mean.partition(" ")
    short = number if worst.endswith(f" {unit}") else mean
    texts = (
        f"loss {loss}, average {mean}, worst {worst}",
        f"loss {loss} avg {mean} max {worst}",
        f"loss {loss} avg {short} max {worst}",
        f"{loss} avg {short} max {worst}",
    )
    return next((text for text in texts if len(text) <= room), f"loss {loss}")


def sparkline(times: Sequence[Sample], width: int, glyphs: Glyphs, most: float | None = None) -> Line:
    """Return the latest times as heights from 0 to `most`, or to the slowest of them if `most` is None. `x` is a
    failure, `o` a failure that does not count, and a gap a step that was not made."""
    latest = times[-width:]
    if most is None:
        most = max((sample for sample in latest if isinstance(sample, float)), default=0.0)
    top = len(glyphs.levels) - 1
    line: list[Span] = []
    drawn = ""
    for sample in latest:
        if isinstance(sample, float):
            drawn += glyphs.levels[round(top * sample / most) if most else 0]
        elif sample is None:
            drawn += " "
        else:
            line += [Span(drawn, Tone.RUNNING)] if drawn else []
            line.append(Span(FAILURES[sample], WEIGHT_TONES[sample]))
            drawn = ""
    return (*line, Span(drawn, Tone.RUNNING)) if drawn else tuple(line)


# --- The causes ------------------------------------------------------------------------------------------------------


def causes(state: State, width: int) -> tuple[Line, ...]:
    """Return the causes with their severities, then the changes since the last run."""
    lines: list[Line] = []
    for entry in state.entries:
        start = f" {'  ' * entry.depth}{entry.word:<{_WORD}} "
        for place, (span,) in enumerate(wrapped(entry.text, width - 1, first=start, later=" " * len(start))):
            text = span.text[len(start) :]
            head = Span(start if place == 0 else " " * len(start), entry.tone, entry.key)
            lines.append((head, Span(text, Tone.PLAIN, entry.key)))
    return tuple(cut(line, width) for line in lines) or _nothing(state, width)


def _nothing(state: State, width: int) -> tuple[Line, ...]:
    if state.filter:
        text = "nothing matches the filter"
    elif state.report is not None:
        text = "none"
    else:
        text = "shown after the run: later checks may explain a fault that is seen now"
    return tuple(wrapped(text, width - 1, first=" ", tone=Tone.FAINT))


# --- The last line ---------------------------------------------------------------------------------------------------


def footer(state: State, width: int) -> Line:
    """Return the last line. It has the message or, if there is none, what was found or hidden, and the keys that this
    state needs. A click on a span does the action in the span's `key`."""
    if state.message:
        return cut((Span(f" {visible(state.message)}", Tone.STRONG),), width)
    filtered = "" if state.is_whole else _filter(state)  # it hides nothing on a page
    line: list[Span] = [Span(f" {_search(state)}{filtered}", Tone.WARNING)]
    # The last two hints are help and the way back.
    for key, words in _within(hints(state), width - width_of(line)):
        line += [Span(key.first, Tone.STRONG, key.action), Span(f" {words}  ", Tone.FAINT, key.action)]
    return cut(tuple(line), width)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _search(state: State) -> str:
    """Return the searched words and the number of the shown place."""
    if not state.search.strip():
        return ""
    following = f"{state.key('next-place')} next"
    place = f"{state.place + 1} of {state.places}, {following}" if state.places else "not on this page"
    return f'"{cut_words(visible(state.search.strip()), _NAMED)}": {place}  '


def _filter(state: State) -> str:
    """Return the filter and the number of items it hides."""
    if not state.filter.strip():
        return ""
    kind = "finding" if state.findings_only else "cause"
    counts = ((state.hidden_causes, kind), (state.hidden_lanes, "lane"))
    hidden = " and ".join(_counted(count, name) for count, name in counts if count)
    return f'filter "{cut_words(visible(state.filter.strip()), _NAMED)}" hides {hidden or "nothing"}  '


def _within(hints: Sequence[Hint], width: int) -> Iterable[Hint]:
    """Return the hints for which there is room. The last two are always among them."""
    first, last = list(hints[:-2]), list(hints[-2:])
    while first and sum(len(key.first) + len(words) + 3 for key, words in (*first, *last)) > width:
        first.pop()
    return (*first, *last)


def rule(title: str, width: int, glyphs: Glyphs, *, is_active: bool, right: str = "") -> Line:
    """Return the line over a pane. The pane with the focus is marked by a sign, not only by a colour."""
    words = f"{'>' if is_active else glyphs.across} {visible(title)}"
    return (Span(_filled(words, right, width, glyphs), _title_tone(is_active)),)


def position(top: int, shown: int, count: int, glyphs: Glyphs) -> str:
    """`1-9/23 ▼`, with a sign for each direction in which the pane scrolls; empty if everything is shown."""
    if count <= shown and top == 0:
        return ""
    signs = f"{glyphs.above if top else ''}{glyphs.below if top + shown < count else ''}"
    return f"{top + 1}-{min(top + shown, count)}/{count} {signs}"


def title_of(state: State, pane: Pane) -> str:
    """The title of a pane."""
    match pane:
        case Pane.CAUSES:
            is_ok = state.report is not None and state.report.verdict.status is Status.OK
            words = "Findings" if state.findings_only else "Notes" if is_ok else "Causes"
            if state.hidden_causes:
                words += f", {state.hidden_causes} hidden by the filter"
            last = state.phase is Phase.RUNNING and state.report is not None
            return f"{words} of the last run" if last else words
        case _:
            return str(pane).capitalize()
