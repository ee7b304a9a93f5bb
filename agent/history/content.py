"""A history as a document for people: the present state and when it began, then the chart, flapping states, and every
change and gap.

A text has either the chart or the list of changes. On a page each failure has a link to its kept report, which is
folded at the end of the page. Omitted items are counted, next to the command that shows them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from agent.catalog.wording import counted, lasted, time_of
from agent.documents.blocks import (
    ALL,
    MUTED,
    Block,
    Code,
    Document,
    Embedded,
    Entries,
    Entry,
    Figure,
    Inline,
    Link,
    Medium,
    Mono,
    Most,
    Only,
    Section,
    Table,
    Text,
    on_pages,
)
from agent.history import phrases
from agent.history.model import ChangeRow, Gap, HistoryDocument, Series
from agent.history.phrases import milliseconds
from agent.history.render import ShownHistory
from agent.history.standing import standing, worst
from agent.history.summary import merged, of_most_cycles, share
from agent.report.model import Report, Status
from agent.report.serialization import to_json

PAGE_ID: Final = "backuplink-history"
MAX_REPORTS: Final = 20
"""Maximum number of reports of failures in a page. They are the latest reports. Each takes about 50 kB."""
MAX_OBSERVATIONS: Final = 5_000
"""Maximum number of observations in all these reports. A single report on a thousand addresses has this many."""
MAX_ROWS: Final = 300
"""Maximum number of rows of a table: the last changes or days, or the first steps."""
MAX_LANES: Final = 40
"""Maximum number of lanes with bars for one series: the lanes with most cycles. A service with public addresses has
hundreds of lanes."""
_DAY: Final = 86_400
_FAILURES: Final = frozenset({"raised", "worse", "flapping"})
"""Kinds of changes that report a failure; a change of the verdict does, too, unless the new verdict is ok."""
_ORDER: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING)
BAD: Final = frozenset(_ORDER)
"""Verdicts that are failures, the worst first."""
_LISTED: Final = frozenset({Medium.MARKDOWN, Medium.PAGE})
"""The formats that have both the chart and the changes, whatever was requested."""

Reports = Mapping[int, tuple[int, Report]]
Event = ChangeRow | tuple[str, Gap]


def failures(history: HistoryDocument) -> list[ChangeRow]:
    """Return the changes that report a failure, the latest first."""
    return [row for row in reversed(history.changes) if _is_failure(row)]


def _is_failure(row: ChangeRow) -> bool:
    return row.kind in _FAILURES or (row.kind == "verdict" and row.status in BAD)


def document(shown: ShownHistory) -> Document:
    """The blocks of a history."""
    history = shown.document
    embedded = Embedded(page_id=PAGE_ID, make=lambda: to_json(history))
    now = worst(history)
    if now is None:
        return Document(kind="unknown", word="UNKNOWN", summary=phrases.nothing(history), embedded=embedded)
    first, said = now
    return Document(
        kind=said.kind.value,
        word=said.word,
        summary=said.summary,
        lines=(*said.lines, *([first.name] if len(history.series) > 1 else [])),
        blocks=tuple(_blocks(shown)),
        title=f"history, {said.word}: {said.summary}",
        embedded=embedded,
    )


def _blocks(shown: ShownHistory) -> Iterator[Block]:
    history = shown.document
    if len(history.series) > 1:
        every = Entries(tuple(_standing(series, history) for series in history.series), most=ALL)
        yield Section(title="What was watched", blocks=(every,))
    for series in history.series:
        yield Section(title=series.name, blocks=tuple(_series(series, chart=shown.chart)))
    if not shown.chart:
        yield Only(frozenset({Medium.TEXT}), lambda: [_list(history)])
    yield Only(_LISTED, lambda: [_changes(history, shown.reports)])
    yield on_pages(lambda: _reports(history, shown.reports))
    yield on_pages(lambda: [_note()])


def _note() -> Text:
    words = "This file also holds the history as JSON. The report of every other cycle: "
    show, compare = Mono("backuplink history FILE --show ID"), Mono("--compare A B")
    return Text((words, show, ". What differs between two: ", compare, "."), MUTED)


def _standing(series: Series, history: HistoryDocument) -> Entry:
    now = standing(series, history)
    said = Text(f"{now.word}: {now.summary}", now.kind)
    return Entry((Text(series.name, MUTED), said, *map(Text, now.lines)), now.kind)


# --- The chart -------------------------------------------------------------------------------------------------------


def _series(series: Series, *, chart: bool) -> Iterator[Block]:
    yield from map(Text, phrases.watched(series))
    media = _LISTED | {Medium.TEXT} if chart else _LISTED
    yield Only(
        media,
        lambda: [
            Section(title="Availability", blocks=tuple(_availability(series))),
            Section(title="Latency", blocks=tuple(_latency(series))),
            Section(title="Flapping", blocks=tuple(_flapping(series))),
        ],
    )


def _in_lines(*blocks: Block) -> Only:
    return Only(frozenset({Medium.TEXT, Medium.MARKDOWN}), lambda: blocks)


def _availability(series: Series) -> Iterator[Block]:
    from agent.history import chart

    days = series.days or ()
    available, failed = sum(day.available for day in days), sum(day.failed for day in days)
    if total := available + failed:
        yield Text(f"{share(available, total)} of the {lasted(total)} that were watched with a verdict.")
    else:
        yield Text("Nothing was watched with a verdict.")
    marks = "By day, each mark half an hour (UTC): # available, x failed, ? unknown, . not watched."
    yield _in_lines(Text(f"{marks} The share is of the time that was watched."), Code(tuple(map(phrases.strip, days))))
    yield Figure("Availability by day", lambda width, name: chart.availability(series, width, name))
    note = "Ok and warning count as available, critical as failed; unknown, and what nobody watched, as neither."
    yield Text(note, MUTED)
    yield on_pages(lambda: [_days(series)])


def _days(series: Series) -> Section:
    days = series.days or ()
    rows = []
    for day in days[-MAX_ROWS:]:
        watched = day.available + day.failed
        part = share(day.available, watched) if watched else "-"
        missed = max(_DAY - watched - day.unknown, 0)
        rows.append((day.day, part, *map(lasted, (day.available, day.failed, day.unknown, missed))))
    table = Table(
        caption=f"Availability by day: {series.name}",
        heads=("day", "available", "time available", "failed", "unknown", "not watched"),
        rows=tuple(rows),
        most=ALL,
        numbers=True,
    )
    left = _left(len(days) - len(rows), "earlier day", "--format json")
    return Section(title=f"Numbers of {counted(len(rows), 'day')}", blocks=(table, *left), is_folded=True)


def _latency(series: Series) -> Iterator[Block]:
    from agent.history import chart

    if not series.latency:
        yield Text("No step was timed.")
        return
    yield _in_lines(*_bars(series))
    yield Figure("Latency over time", lambda width, name: chart.over_time(series, width, name))
    yield Figure("Latency by address and step", lambda width, name: chart.latency(series, width, name))
    yield on_pages(lambda: [_steps(series)])


def _bars(series: Series) -> Iterator[Block]:
    every = series.latency or ()
    shown = of_most_cycles(every, MAX_LANES)
    yield Text(
        "Of successful steps, in ms. The bar is logarithmic, 0.1 ms to 10 s: - up to p50, = up to p95, . up to p99, "
        "| the longest."
    )
    yield Table(
        caption=f"Latency of successful steps, in ms: {series.name}",
        heads=("address", "step", "cycles", "p50", "p95", "p99", ""),
        rows=tuple(
            (row.lane, row.step, f"{row.count:,}", *map(milliseconds, (row.p50, row.p95, row.p99)), phrases.bar(row))
            for rows in shown.values()
            for row in rows
        ),
        most=ALL,
        merged=1,
    )
    if left := len({row.lane for row in every}) - len(shown):
        yield Text(f"And {counted(left, 'more lane')}: --format json has all.", MUTED)


def _steps(series: Series) -> Section:
    every = series.latency or ()
    shown = every[:MAX_ROWS]
    table = Table(
        caption=f"Latency of successful steps, in ms: {series.name}",
        heads=("address", "step", "cycles", "p50", "p95", "p99", "longest"),
        rows=tuple(
            (row.lane, row.step, f"{row.count:,}", *map(milliseconds, (row.p50, row.p95, row.p99, row.max)))
            for row in shown
        ),
        most=ALL,
        numbers=True,
    )
    left = _left(len(every) - len(shown), "more row", "--format json")
    return Section(title=f"Numbers of {counted(len(shown), 'step')}", blocks=(table, *left), is_folded=True)


def _flapping(series: Series) -> Iterator[Block]:
    every = series.flapping
    if not every:
        yield Text("Nothing came and went.")
        return
    rows = []
    for row in every[-MAX_ROWS:]:
        until = "not settled" if row.until is None else time_of(row.until)
        took = "-" if row.until is None else lasted((row.until - row.since).total_seconds())
        failed = f"{row.failed:,} of {row.cycles:,}{f', {row.unknown:,} unknown' if row.unknown else ''}"
        rows.append((row.about, time_of(row.since), until, took, failed))
    yield Table(
        caption=f"What came and went: {series.name}",
        heads=("what", "from (UTC)", "to (UTC)", "lasted", "failed cycles"),
        rows=tuple(rows),
        most=ALL,
        numbers=True,
    )
    yield from _left(len(every) - len(rows), "earlier row", "--format json")


def _left(count: int, what: str, option: str, several: str | None = None) -> tuple[Text, ...]:
    """Return how much is left out, and how to see it."""
    command = Mono(f"backuplink history FILE {option}")
    return (Text((f"And {counted(count, what, several)}: ", command), MUTED),) if count else ()


# --- Changes and gaps ------------------------------------------------------------------------------------------------


def _rows(history: HistoryDocument) -> list[Event]:
    return list(merged(history.changes, {series.name: series.gaps for series in history.series}))


def _list(history: HistoryDocument) -> Table:
    """Return all changes and gaps, the oldest first."""
    names = [series.name for series in history.series]
    return Table(
        caption="Changes and gaps",
        heads=("cycle", "UTC", "change"),
        rows=tuple(_line(row, names) for row in _rows(history)),
        most=ALL,
    )


def _line(row: Event, names: Sequence[str]) -> tuple[str, str, str]:
    number = str(row.cycle) if isinstance(row, ChangeRow) else ""
    series, words = _said(row)
    if len(names) > 1:
        words = f"[{names.index(series) + 1 if series in names else '?'}] {words}"
    return number, time_of(_at(row)), words


def _said(row: Event) -> tuple[str, str]:
    """Return the name of the series, and the change in words, which begin with its time."""
    if isinstance(row, ChangeRow):
        return row.series, row.text.partition(" ")[2]
    return row[0], f"not watched for {lasted(row[1].seconds)}"


def _at(row: Event) -> datetime:
    return row.at if isinstance(row, ChangeRow) else row[1].since


def _changes(history: HistoryDocument, reports: Reports) -> Section:
    """Return all changes and gaps, the latest first. The changes of a cycle are together."""
    title = "Changes and gaps"
    events = [list(event) for _, event in groupby(_rows(history), key=_event)]
    if not events:
        return Section(title=title, blocks=(Text("Nothing changed, and nothing was missed."),))
    is_one = len(history.series) == 1
    entries = tuple(_entry(event, reports, is_one=is_one) for event in reversed(events))
    most = Most(markdown=30, page=MAX_ROWS, elsewhere="backuplink history FILE")
    return Section(title=title, blocks=(Text("The last first.", MUTED), Entries(entries, "earlier one", most)))


def _event(row: Event) -> tuple[int, bool]:
    return (row.cycle, True) if isinstance(row, ChangeRow) else (row[1].cycle, False)


def _entry(event: Sequence[Event], reports: Reports, *, is_one: bool) -> Entry:
    """Return the changes of a cycle, or a gap."""
    first = event[0]
    head: list[Inline] = [f"{time_of(_at(first))} UTC"]
    if isinstance(first, ChangeRow):
        head.append(f", cycle {first.cycle}")
        if first.cycle in reports:
            own = reports[first.cycle][0]
            words = "its report" if own == first.cycle else f"report of cycle {own}"
            head += [": ", Link(words, f"#cycle-{own}")]
    if not is_one:
        head.append(f", {_said(first)[0]}")
    kinds = [_kind(row) for row in event]
    lines = (Text(_said(row)[1], kind) for row, kind in zip(event, kinds, strict=True))
    return Entry((Text(tuple(head), MUTED), *lines), min(filter(None, kinds), key=_ORDER.index, default=None))


def _kind(row: Event) -> Status | None:
    """Return the severity of a change; None for a gap, and for a change that is not a failure."""
    if not isinstance(row, ChangeRow) or not _is_failure(row):
        return None
    kind = row.status if row.about == "verdict" else row.severity
    return Status(kind) if kind in BAD else Status.WARNING


# --- Reports ---------------------------------------------------------------------------------------------------------


def _reports(history: HistoryDocument, reports: Reports) -> Iterator[Block]:
    """Yield the reports of failures, folded, the latest first."""
    from agent.documents.anchors import paged
    from agent.documents.report import runbooks

    own = dict(reports.values())
    if not own:
        return
    left = len({row.cycle for row in failures(history)} - reports.keys())
    more = _left(left, "earlier cycle with a failure", "--show ID", "earlier cycles with a failure")
    pages = paged(own.values())
    folded = (_report(cycle, report, pages) for cycle, report in own.items())
    yield Section(title="Reports of the failures", blocks=(*folded, *more), is_printed=False)
    if pages:
        yield Section(title="Runbook pages", blocks=tuple(runbooks(own.values())), is_printed=False)


def _report(cycle: int, report: Report, pages: Sequence[str]) -> Section:
    from agent.documents.anchors import Anchors
    from agent.documents.report import blocks, observations, verdict

    anchors = Anchors(report, f"cycle-{cycle}-", pages)
    said = verdict(report)
    return Section(
        title=f"Cycle {cycle}, {time_of(report.run.started_at)} UTC, {report.verdict.status}: {said.summary}",
        blocks=(
            Text(f"{said.word}: {said.summary}", said.kind),
            *map(Text, said.lines),
            *blocks(report, anchors),
            observations(report, anchors),
        ),
        is_folded=True,
        anchor=f"cycle-{cycle}",
    )
