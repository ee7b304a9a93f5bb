"""A fleet as one HTML file, by the same parts as the page of a report: totals, a card a cause, maps, then the rest.

It runs no script and asks nobody for anything. The document itself is in the file as JSON, and every picture says in
words what it shows.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.findings import CODES
from agent.catalog.wording import counted
from agent.documents.canvas import NARROW, WIDE
from agent.documents.elements import data, element, lines, raw
from agent.documents.page import bullets, cell, folded, page, row_head, section, table, verdict
from agent.fleet import phrases, pictures
from agent.fleet.model import FleetCause, FleetChange, FleetDocument, FleetVerdict, OwnFault, Turn
from agent.report.escape import visible
from agent.report.serialization import to_json
from agent.report.words import bounded, shell

PAGE_ID: Final = "backuplink-fleet"
MAX_CARDS: Final = 50
MAX_ROWS: Final = 300
"""Of a table. The JSON in the file has all."""
_KINDS: Final = ("ok", "warning", "critical", "unknown")


def render(document: FleetDocument) -> str:
    """One HTML document."""
    parts = [_verdict(document.verdict, document)]
    if document.sweep is not None:
        parts.append(_figure(lambda width, name: pictures.verdicts(document, width, name), "verdicts"))
    parts += _causes(document)
    if document.causes:
        parts += _maps(document)
    parts += [*_own(document), *_silent(document), *_changes(document), *_rest(document)]
    title = f"{document.verdict.status.upper()}: {document.verdict.summary}"
    return page(title, parts, data(to_json(document), {"id": PAGE_ID}))


def _verdict(said: FleetVerdict, document: FleetDocument) -> Element:
    known = [] if document.sweep is None else [phrases.totals(document), phrases.basis(document)]
    status = said.status.value if said.status.value in _KINDS else "unknown"
    return verdict(status, said.summary, *known)


def _figure(draw: Callable[[int, str], Element], name: str) -> Element:
    """A picture, drawn once for a wide page and once for a narrow one, of which a browser shows one."""
    drawn = (
        element("div", {"class": kind}, draw(width, f"{kind}-{name}"))
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return element("figure", None, *drawn)


# --- Causes ----------------------------------------------------------------------------------------------------------


def _causes(document: FleetDocument) -> Iterator[Element]:
    for number, cause in enumerate(document.causes[:MAX_CARDS], 1):
        yield _card(number, cause, document)
    yield from _left(len(document.causes) - MAX_CARDS, "more cause")


def _card(number: int, cause: FleetCause, document: FleetDocument) -> Element:
    kind = cause.severity.value if cause.severity.value in _KINDS else "unknown"
    heading = element("h2", None, f"{number}. {phrases.head(cause)} ({cause.code})")
    made = element("section", {"class": f"card {kind}"}, heading)
    if words := phrases.about(cause):
        made.append(element("p", None, element("strong", None, bounded(visible(words)))))
    made.extend(element("p", None, bounded(visible(words))) for words in phrases.whom(cause))
    made.append(element("p", None, phrases.since(cause, document)))
    if cause.note is not None:
        made.append(element("p", None, bounded(visible(cause.note))))
    made.append(_todo(cause))
    if cause.places:
        made.append(_figure(lambda width, name: pictures.places(cause, width, name), f"places-{number}"))
    made.extend(bullets(bounded(visible(words)) for words in phrases.breakdown(cause)))
    made.append(_hosts(number, cause, document))
    # The links in a saved document may come from somewhere else; those of the catalogue are ours.
    documents = CODES[cause.code].documents if cause.code in CODES else ()
    links = [element("a", {"href": document.url}, document.title) for document in documents]
    made.extend(element("div", {"class": "unprinted"}, found) for found in bullets(links))
    return made


def _todo(cause: FleetCause) -> Element:
    todo = element("div", {"class": "do"})
    summary = bounded(visible(cause.fix.summary))
    todo.append(element("p", None, element("strong", None, "What to do:"), f" {summary}"))
    if cause.fix.commands:
        commands = lines([shell(command) for command in cause.fix.commands])
        todo.append(element("pre", None, raw("code", None, commands)))
    todo.extend(bullets(phrases.taking_back(cause.fix)))
    return todo


def _hosts(number: int, cause: FleetCause, document: FleetDocument) -> Element:
    """Examples of its hosts, what is known of them, and the numbers behind the picture."""
    files = {file.host: file.place for file in document.files}
    rows = [(row_head(host), cell(files.get(host, "-"))) for host in cause.hosts]
    parts = (
        [table(f"Some hosts of cause {number}", ("host", "its record"), rows, f"hosts-{number}", "numbers")]
        if rows
        else []
    )
    if (shown := phrases.reading(cause.hosts, document)) is not None:
        parts.append(element("p", None, f"{shown[0]}: ", element("code", None, " ".join(shown[1]))))
    places = [
        (row_head(row.vpc or "-"), cell(row.zone or "-"), cell(f"{row.sick:,}"), cell(f"{row.exposed:,}"))
        for row in phrases.places(cause)[:MAX_ROWS]
    ]
    if places:
        columns = ("VPC", "zone", "have it", "could")
        parts.append(table(f"Hosts of cause {number} by VPC and zone", columns, places, f"by-zone-{number}", "numbers"))
    parts.append(element("p", {"class": "muted"}, "Key: ", element("code", None, cause.key)))
    left = cause.host_count - len(cause.hosts)
    what = f"{counted(len(cause.hosts), 'host')} of {cause.host_count:,}" if left > 0 else "The hosts"
    return folded(f"{what}, and the numbers", *parts)


# --- Maps ------------------------------------------------------------------------------------------------------------


def _maps(document: FleetDocument) -> Iterator[Element]:
    if any(cause.places for cause in document.causes):
        heading = element("h2", None, "Where: VPC by zone")
        note = element("p", {"class": "muted"}, "Hosts that have a shared cause, of those there that could have one.")
        drawn = _figure(lambda width, name: pictures.zones(document, width, name), "zones")
        yield section(heading, note, drawn)
    heading = element("h2", None, "Since when")
    yield section(heading, _figure(lambda width, name: pictures.since(document, width, name), "since"))


# --- The rest --------------------------------------------------------------------------------------------------------


def _own(document: FleetDocument) -> Iterator[Element]:
    if not document.own_faults:
        return
    count = sum(fault.host_count for fault in document.own_faults)
    heading = element("h2", None, f"{counted(count, 'host')} with a fault of {'its' if count == 1 else 'their'} own")
    rows = [_own_fault(fault) for fault in document.own_faults[:MAX_ROWS]]
    left = _left(len(document.own_faults) - len(rows), "more code")
    yield section(heading, element("ul", {"class": "events"}, *rows), *left)


def _own_fault(fault: OwnFault) -> Element:
    kind = fault.severity.value if fault.severity.value in _KINDS else "unknown"
    said = element("p", {"class": kind}, f"{fault.code} ({fault.severity.value}) {phrases.own(fault)}")
    made = element("li", {"class": kind}, said)
    if fault.note is not None:
        made.append(element("p", None, bounded(visible(fault.note))))
    made.append(element("p", {"class": "muted"}, phrases.examples(fault.hosts, fault.host_count)))
    return made


def _silent(document: FleetDocument) -> Iterator[Element]:
    row = document.not_heard_from
    if row is None or not row.host_count:
        return
    first, *others = phrases.silent(row)
    parts = [element("p", None, bounded(visible(words))) for words in (first, *others)]
    if row.hosts:
        parts.append(element("p", None, phrases.examples(row.hosts, row.host_count, len(row.hosts))))
    yield section(element("h2", None, "Not heard from"), *parts)


def _changes(document: FleetDocument) -> Iterator[Element]:
    if document.against is None:
        return
    heading = element("h2", None, f"Changes since {phrases.minute(document.against.started_at)} UTC")
    if not document.changes:
        yield section(heading, element("p", None, "None."))
        return
    rows = [_change(row) for row in document.changes[:MAX_ROWS]]
    left = _left(len(document.changes) - len(rows), "more change")
    yield section(heading, element("ul", {"class": "events"}, *rows), *left)


def _change(row: FleetChange) -> Element:
    kind = row.severity.value if row.severity.value in _KINDS else "unknown"
    words = element("p", None, bounded(visible(phrases.change(row))))
    return element("li", {"class": "ok" if row.turn is Turn.HEALED else kind}, words)


def _rest(document: FleetDocument) -> Iterator[Element]:
    yield from _listed("Suppressed", document.suppressed)
    unused = list(phrases.unused(document))
    if unused:
        rows = [(row_head(row.place), cell(bounded(visible(row.why)))) for row in document.unreadable]
        made = [table("The first that could not be read", ("file", "why"), rows, "unreadable")] if rows else []
        yield section(element("h2", None, "Not used"), *bullets(unused), *made)
    yield from _listed("Notes", document.notes)
    words = f"backuplink {document.tool.version}. This file also holds the document as JSON."
    yield element("p", {"class": "muted unprinted"}, words)


def _listed(head: str, items: Sequence[str]) -> Iterator[Element]:
    if items:
        yield section(element("h2", None, head), *bullets(bounded(visible(words)) for words in items))


def _left(count: int, what: str) -> Iterator[Element]:
    if count > 0:
        yield element("p", {"class": "muted"}, f"And {counted(count, what)}: --format json has all.")
