"""The prediction as one HTML file: the verdict, what is blocked and what would open it, names, the paths as a picture,
the matrix of each service and the sources. The prediction itself is in the file, too."""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.findings import CODES
from agent.documents.canvas import NARROW, WIDE
from agent.documents.elements import data, element, lines, raw
from agent.documents.page import bullets, cell, page, row_head, section, table, verdict
from agent.documents.page import folded as fold
from agent.network.answers import SourceClass
from agent.predict import phrases as content
from agent.predict.model import PredictedFault, PredictionDocument
from agent.predict.picture import picture
from agent.report.escape import visible
from agent.report.hops import Reachability
from agent.report.serialization import to_json
from agent.report.words import bounded, shell, undoing

PAGE_ID: Final = "backuplink-prediction"
_KINDS: Final = {
    Reachability.OPEN: "ok",
    Reachability.BLOCKED: "critical",
    Reachability.DOUBTFUL: "warning",
    Reachability.CANNOT_TELL: "unknown",
}


def render(document: PredictionDocument) -> str:
    """One HTML document."""
    word = document.verdict.status.value
    parts = [verdict(word, document.verdict.summary, content.basis(document))]
    if document.assumed or document.unjudged or document.ignored:
        parts.append(section(*_changes(document)))
    parts += [section(*_fault(number, fault, document)) for number, fault in enumerate(document.faults, 1)]
    parts.append(section(element("h2", None, "What the VPC's resolver answers"), _names(document)))
    if document.calls:
        parts.append(section(element("h2", None, "What the endpoints' policies say"), _calls(document)))
    matrices = [
        made for number, service in enumerate(document.services, 1) for made in _matrix(number, service, document)
    ]
    if matrices:
        parts.append(section(element("h2", None, "What sources reach"), *_picture(document), *matrices))
    parts.append(section(*_sources(document)))
    if document.not_read:
        parts.append(section(element("h2", None, "Not read"), *bullets(document.not_read)))
    return page(f"{word.upper()}: {document.verdict.summary}", parts, data(to_json(document), {"id": PAGE_ID}))


def _picture(document: PredictionDocument) -> Iterator[Element]:
    """The paths, drawn once for a wide page and once for a narrow one, of which a browser shows one."""
    drawn = [
        element("div", {"class": kind}, svg)
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
        if (svg := picture(document, width, kind)) is not None
    ]
    if drawn:
        yield element("figure", None, *drawn)


def _changes(document: PredictionDocument) -> Iterator[Element]:
    yield element("h2", None, "What the assumed changes do")
    yield from bullets(document.assumed)
    if document.unjudged:
        yield element("h3", None, "Not judged")
        yield from bullets(document.unjudged)
    if document.ignored:
        yield element("h3", None, "Left aside")
        yield from bullets(document.ignored)
    rows = [
        (row_head(content.effect_of(change)), cell(content.stands_for(change, document)), cell(content.decides(change)))
        for change in document.changes
    ]
    if rows:
        yield table("What opens and what closes", ("effect", "for", "why"), rows, "changes")
    yield element("p", {"class": "muted"}, "All that follows is how it would be with them.")


def _fault(number: int, fault: PredictedFault, document: PredictionDocument) -> Iterator[Element]:
    code = f" ({fault.code})" if fault.code is not None else ""
    yield element("h2", None, f"{number}. {content.head(fault)}{code}")
    yield element("p", None, bounded(visible(fault.detail)))
    yield element("p", None, content.stands_for(fault, document))
    if fault.fix is not None:
        todo = element("div", {"class": "do"})
        todo.append(element("p", None, element("strong", None, "What to do:"), f" {fault.fix.summary}"))
        if fault.fix.commands:
            commands = lines([shell(command) for command in fault.fix.commands])
            todo.append(element("pre", None, raw("code", None, commands)))
        todo.extend(bullets(undoing(fault.fix)))
        yield todo
    # The links in a saved document may come from somewhere else; those of the catalogue are ours.
    documents = CODES[fault.code].documents if fault.code in CODES else ()
    links = [element("a", {"href": document.url}, document.title) for document in documents]
    yield from (element("div", {"class": "unprinted"}, made) for made in bullets(links))


def _names(document: PredictionDocument) -> Element:
    rows = [(row_head(name.host), cell(content.answer_of(name))) for name in document.names]
    return table("What the name of each service resolves to", ("name", "answer"), rows, "names")


def _calls(document: PredictionDocument) -> Element:
    rows = [
        (
            row_head(f"{call.action} at {call.endpoint_id}"),
            cell(content.CALLS[call.outcome], _KINDS[call.outcome]),
            cell(f"{call.words}{'' if call.counts else ' (not counted)'}"),
        )
        for call in document.calls
    ]
    return table("What the policy of each endpoint says of the call", ("call", "policy", "why"), rows, "calls")


def _matrix(number: int, service: str, document: PredictionDocument) -> Iterator[Element]:
    columns, rows = content.matrix(document, service)
    yield element("h3", None, service)
    if not columns:
        yield element("p", None, "This VPC has no endpoint that could be reached.")
        return
    made = []
    for row in rows:
        whom = content.numbers([source.id for source in row.sources])
        kinds = [None if outcome is None else _KINDS[outcome] for outcome in row.outcomes]
        words = [cell(word, kind) for word, kind in zip(content.cells(row), kinds, strict=True)]
        made.append([row_head(whom), cell(f"{row.interface_count:,}"), *words])
    heads = [f"{column.port}{'' if column.counts else ' *'}" for column in columns]
    yield table(f"What sources reach of {service}, by port", ("sources", "hosts", *heads), made, f"matrix-{number}")
    if not all(column.counts for column in columns):
        yield element("p", {"class": "muted"}, "* not counted: the service can do without")


def _sources(document: PredictionDocument) -> Iterator[Element]:
    yield element("h2", None, "Sources")
    columns = ("source", "subnet", "zone", "groups", "interfaces", "judged as", "route table", "network ACL")
    rows = [_source(source) for source in document.sources]
    yield fold(f"All {len(rows)} classes of sources", table("The classes of sources", columns, rows, "sources"))
    if (words := content.left_out(document)) is not None:
        yield element("p", {"class": "muted"}, words)


def _source(source: SourceClass) -> tuple[Element, ...]:
    return (
        row_head(source.id.rpartition("-")[2]),
        cell(source.subnet_id or "-"),
        cell(source.availability_zone or "-"),
        cell(", ".join(source.group_ids) or "not known"),
        cell(f"{source.interface_count:,}"),
        cell(", ".join(map(str, source.addresses))),
        cell(source.route_table_id or "-"),
        cell(source.acl_id or "-"),
    )
