"""A history as one HTML file, by the same parts as that of a report.

How things are now and since when comes first, then the chart, what was flapping, and every change and gap. Each
failure leads to the report that was kept with it, which is folded at the end of the page. What is too much for a page
is counted in it, with the command that shows it. The history itself is in the file as JSON.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.wording import counted, lasted, time_of
from agent.documents.canvas import NARROW, WIDE
from agent.documents.elements import append, data, element, nested
from agent.documents.html import elements
from agent.documents.page import cell, folded, page, row_head, section, table, verdict
from agent.documents.report import blocks, observations, runbooks
from agent.history import chart
from agent.history.model import ChangeRow, Gap, HistoryDocument, Series
from agent.history.standing import standing, worst
from agent.history.summary import merged, share
from agent.history.text import milliseconds
from agent.report.model import Report, Status
from agent.report.serialization import to_json
from agent.report.words import below_summary

PAGE_ID: Final = "backuplink-history"
MAX_REPORTS: Final = 20
"""Of failures, the last ones, that are in a page: each is some 50 kB."""
MAX_OBSERVATIONS: Final = 5_000
"""Of all these reports together: a thousand addresses have as many in one."""
MAX_ROWS: Final = 300
"""Of a table: the last changes or days, or the first steps."""
_DAY: Final = 86_400
_FAILURES: Final = frozenset({"raised", "worse", "flapping"})
"""Kinds of changes that say that something fails; a new verdict says it, too, unless it is ok."""
_ORDER: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING)
BAD: Final = frozenset(_ORDER)
"""Verdicts that are failures, the worst first."""
_EVENTS: Final = {"class": "events"}
_LEVELS: Final = 2
"""How many levels lower the headings of a report stand: it is a part of a section."""


def failures(document: HistoryDocument) -> list[ChangeRow]:
    """The changes that say that something fails, the last first."""
    return [row for row in reversed(document.changes) if _is_failure(row)]


def _is_failure(row: ChangeRow) -> bool:
    return row.kind in _FAILURES or (row.kind == "verdict" and row.status in BAD)


def as_html(document: HistoryDocument, reports: Mapping[int, tuple[int, Report]]) -> str:
    """One HTML document. `reports` has, by the cycle of a failure, the report that shows it, and the cycle that the
    report is of."""
    now = worst(document)
    if now is None:
        return page("no cycles", [verdict("unknown", "no cycles")], data(to_json(document), {"id": PAGE_ID}))
    first, standing_of_first = now
    content = [
        verdict(
            standing_of_first.kind,
            standing_of_first.summary,
            *standing_of_first.lines,
            *([first.name] if len(document.series) > 1 else []),
            word=standing_of_first.word,
        ),
        *_several(document),
    ]
    for number, series in enumerate(document.series, 1):
        content += _series(number, series)
    content.append(_changes(document, reports))
    content += _reports(document, reports)
    content.append(
        element(
            "p",
            {"class": "muted unprinted"},
            "This file also holds the history as JSON. The report of every other cycle: ",
            element("code", None, "backuplink history FILE --show ID"),
            ". What differs between two: ",
            element("code", None, "--compare A B"),
            ".",
        )
    )
    title = f"history, {standing_of_first.word}: {standing_of_first.summary}"
    return page(title, content, data(to_json(document), {"id": PAGE_ID}))


def _several(document: HistoryDocument) -> Iterator[Element]:
    """All series, where there are several."""
    if len(document.series) < 2:
        return
    items = []
    for series in document.series:
        now = standing(series, document)
        said = element("p", {"class": now.kind}, f"{now.word}: {now.summary}")
        lines = (element("p", None, words) for words in now.lines)
        items.append(element("li", {"class": now.kind}, element("p", {"class": "muted"}, series.name), said, *lines))
    yield section(element("h2", None, "What was watched"), element("ul", _EVENTS, *items))


def _series(number: int, series: Series) -> Iterator[Element]:
    """The chart of a series, and what was flapping."""
    words = f"{counted(series.cycles, 'cycle')} from {time_of(series.first_at)} to {time_of(series.last_at)} UTC."
    if series.gaps:
        missed = lasted(sum(gap.seconds for gap in series.gaps))
        words += f" {counted(len(series.gaps), 'gap')} in which nothing watched, {missed} in all."
    if series.lost:
        words += f" {counted(series.lost, 'cycle')} lost: the file could not be written."
    yield section(element("h2", None, series.name), element("p", None, words))
    yield section(element("h3", None, "Availability"), *_availability(number, series))
    yield section(element("h3", None, "Latency"), *_latency(number, series))
    yield section(element("h3", None, "Flapping"), *_flapping(number, series))


def _availability(number: int, series: Series) -> Iterator[Element]:
    days = series.days or ()
    available, failed = sum(day.available for day in days), sum(day.failed for day in days)
    if total := available + failed:
        words = f"{share(available, total)} of the {lasted(total)} that were watched with a verdict."
    else:
        words = "Nothing was watched with a verdict."
    yield element("p", None, words)
    yield _figure(chart.availability, f"days-{number}", series)
    note = "Ok and warning count as available, critical as failed; unknown, and what nobody watched, as neither."
    yield element("p", {"class": "muted"}, note)
    rows = []
    for day in days[-MAX_ROWS:]:
        watched = day.available + day.failed
        part = share(day.available, watched) if watched else "-"
        times = [lasted(seconds) for seconds in (day.available, day.failed, day.unknown)]
        missed = lasted(max(_DAY - watched - day.unknown, 0))
        rows.append((row_head(day.day), cell(part), *map(cell, times), cell(missed)))
    columns = ("day", "available", "time available", "failed", "unknown", "not watched")
    left = _left(len(days) - len(rows), "earlier day", "--format json")
    made = table(f"Availability by day: {series.name}", columns, rows, f"availability-{number}", "numbers")
    yield folded(f"Numbers of {counted(len(rows), 'day')}", made, *left)


def _latency(number: int, series: Series) -> Iterator[Element]:
    every = series.latency or ()
    if not every:
        yield element("p", None, "No step was timed.")
        return
    yield _figure(chart.over_time, f"over-time-{number}", series)
    yield _figure(chart.latency, f"latency-{number}", series)
    rows = [
        (
            row_head(row.lane),
            cell(row.step),
            cell(f"{row.count:,}"),
            *(cell(milliseconds(value)) for value in (row.p50, row.p95, row.p99, row.max)),
        )
        for row in every[:MAX_ROWS]
    ]
    columns = ("address", "step", "cycles", "p50", "p95", "p99", "longest")
    left = _left(len(every) - len(rows), "more row", "--format json")
    caption = f"Latency of successful steps, in ms: {series.name}"
    made = table(caption, columns, rows, f"steps-{number}", "numbers")
    yield folded(f"Numbers of {counted(len(rows), 'step')}", made, *left)


def _flapping(number: int, series: Series) -> Iterator[Element]:
    every = series.flapping
    if not every:
        yield element("p", None, "Nothing came and went.")
        return
    rows = []
    for row in every[-MAX_ROWS:]:
        until = "not settled" if row.until is None else time_of(row.until)
        seconds = None if row.until is None else (row.until - row.since).total_seconds()
        took = "-" if seconds is None else lasted(seconds)
        failed = f"{row.failed:,} of {row.cycles:,}"
        rows.append((row_head(row.about), cell(time_of(row.since)), cell(until), cell(took), cell(failed)))
    columns = ("what", "from (UTC)", "to (UTC)", "lasted", "failed cycles")
    yield table(f"What came and went: {series.name}", columns, rows, f"flapping-{number}", "numbers")
    yield from _left(len(every) - len(rows), "earlier row", "--plot")


def _changes(document: HistoryDocument, reports: Mapping[int, tuple[int, Report]]) -> Element:
    """All changes and gaps, the last one first; the changes of a cycle stand together."""
    heading = element("h2", None, "Changes and gaps")
    rows = list(merged(document.changes, {series.name: series.gaps for series in document.series}))
    if not rows:
        return section(heading, element("p", None, "Nothing changed, and nothing was missed."))
    events = [list(event) for _, event in groupby(rows, key=_event)]
    is_one = len(document.series) == 1
    shown = [_shown(event, reports, is_one=is_one) for event in reversed(events[-MAX_ROWS:])]
    left = _left(len(events) - len(shown), "earlier one", "")
    return section(heading, element("p", {"class": "muted"}, "The last first."), element("ul", _EVENTS, *shown), *left)


def _event(row: ChangeRow | tuple[str, Gap]) -> tuple[int, bool]:
    return (row.cycle, True) if isinstance(row, ChangeRow) else (row[1].cycle, False)


def _shown(
    event: Sequence[ChangeRow | tuple[str, Gap]], reports: Mapping[int, tuple[int, Report]], *, is_one: bool
) -> Element:
    """What changed with a cycle, or a gap."""
    first = event[0]
    series, at = (first.series, first.at) if isinstance(first, ChangeRow) else (first[0], first[1].since)
    head = element("p", {"class": "muted"}, f"{time_of(at)} UTC")
    lines = []
    for row in event:
        if isinstance(row, ChangeRow):
            # The text starts with the same time, to the second.
            kind = _kind(row)
            lines.append(element("p", {"class": kind} if kind else None, row.text.partition(" ")[2]))
        else:
            lines.append(element("p", None, f"not watched for {lasted(row[1].seconds)}"))
    if isinstance(first, ChangeRow):
        append(head, f", cycle {first.cycle}")
        if first.cycle in reports:
            own = reports[first.cycle][0]
            words = "its report" if own == first.cycle else f"report of cycle {own}"
            append(head, ": ")
            append(head, element("a", {"href": f"#cycle-{own}"}, words))
    if not is_one:
        append(head, f", {series}")
    kinds = [kind for kind in (_kind(row) for row in event if isinstance(row, ChangeRow)) if kind]
    worst_kind = min(kinds, key=_ORDER.index, default=None)
    return element("li", {"class": worst_kind} if worst_kind else None, head, *lines)


def _kind(row: ChangeRow) -> str | None:
    """How bad a change is; None for one that is no failure."""
    if not _is_failure(row):
        return None
    kind = row.status if row.about == "verdict" else row.severity
    return kind if kind in BAD else Status.WARNING


def _reports(document: HistoryDocument, reports: Mapping[int, tuple[int, Report]]) -> Iterator[Element]:
    """The reports of failures, folded, the last first."""
    own = dict(reports.values())
    if not own:
        return
    parts = []
    for cycle, report in own.items():
        status, words = report.verdict.status, report.verdict.summary
        head = verdict(status.value, words, *below_summary(report))
        content = (head, *elements((*blocks(report), observations(report))))
        made = folded(
            f"Cycle {cycle}, {time_of(report.run.started_at)} UTC, {status}: {words}",
            *(nested(part, _LEVELS, f"report-{cycle}") for part in content),
        )
        made.set("id", f"cycle-{cycle}")
        made[0].set("id", f"report-{cycle}")
        parts.append(made)
    left = len({row.cycle for row in failures(document)} - reports.keys())
    more = _left(left, "earlier cycle with a failure", "--show ID", "earlier cycles with a failure")
    yield section(element("h2", {"class": "unprinted"}, "Reports of the failures"), *parts, *more)
    if pages := elements(runbooks(list(own.values()))):
        yield section(element("h2", {"class": "unprinted"}, "Runbook pages"), *pages)


def _figure(draw: Callable[[Series, int, str], Element], name: str, series: Series) -> Element:
    """A picture, drawn once for a wide page and once for a narrow one, of which a browser shows one."""
    drawn = (
        element("div", {"class": kind}, draw(series, width, f"{kind}-{name}"))
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return element("figure", None, *drawn)


def _left(count: int, what: str, option: str, several: str | None = None) -> Iterator[Element]:
    """How much is left out, and what shows it."""
    if count:
        command = element("code", None, f"backuplink history FILE {option}".strip())
        yield element("p", {"class": "muted"}, f"And {counted(count, what, several)}: ", command)
