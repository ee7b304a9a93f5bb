"""The audit as one HTML file: the verdict, all VPCs in a table, then each with its faults, names and endpoints. The
audit itself is in the file, too."""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from agent.audit import phrases as content
from agent.audit.model import AuditDocument, AuditedVpc, AuditFault
from agent.catalog.findings import CODES
from agent.catalog.wording import listed
from agent.documents.elements import data, element, lines, raw
from agent.documents.page import bullets, cell, page, row_head, section, table, verdict
from agent.documents.page import folded as fold
from agent.report.escape import visible
from agent.report.model import Status
from agent.report.serialization import to_json
from agent.report.words import bounded, shell, undoing

PAGE_ID: Final = "backuplink-audit"
_COLOURED: Final = frozenset({Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN})


def render(document: AuditDocument) -> str:
    """One HTML document."""
    word = document.verdict.status.value
    parts = [verdict(word, document.verdict.summary, content.basis(document))]
    if document.unresolved_hours:
        hours = f"Endpoints that no name leads to: {document.unresolved_hours:,} interface-hours a month."
        parts.append(section(element("p", None, hours)))
    parts.append(section(element("h2", None, "VPCs"), _overview(document)))
    for number, vpc in enumerate(document.vpcs, 1):
        if vpc.status is not Status.NOT_IN_USE:
            parts.append(section(*_vpc(number, vpc)))
    if document.unanswered:
        words = map(content.unanswered_words, document.unanswered)
        parts.append(section(element("h2", None, "No answer"), *bullets(words)))
    return page(f"{word.upper()}: {document.verdict.summary}", parts, data(to_json(document), {"id": PAGE_ID}))


def _overview(document: AuditDocument) -> Element:
    heads = ("VPC", "Region", "account", "status", "judged for", "what is so", "hours a month")
    rows = [
        (
            row_head(vpc.vpc_id),
            cell(vpc.region),
            cell(vpc.account_id or "-"),
            cell(content.status_word(vpc.status) + ("" if vpc.counts else " *"), _kind(vpc.status)),
            cell(listed([one.workload.value for one in vpc.workloads if one.by is not None])),
            cell(vpc.summary),
            cell(f"{vpc.unresolved_hours:,}" if vpc.unresolved_hours else "-"),
        )
        for vpc in document.vpcs
    ]
    return table("Every VPC; * is not counted. Hours are of endpoints that no name leads to", heads, rows, "vpcs")


def _kind(status: Status) -> str | None:
    return status.value if status in _COLOURED else None


def _vpc(number: int, vpc: AuditedVpc) -> Iterator[Element]:
    yield element("h2", None, f"{number}. {content.status_word(vpc.status)}: {content.place(vpc)}")
    yield element("p", None, f"{vpc.summary[:1].upper()}{vpc.summary[1:]}.")
    yield from bullets(map(content.workload_words, vpc.workloads))
    for place, fault in enumerate(vpc.faults, 1):
        yield from _fault(f"{number}.{place}", fault)
    if vpc.services:
        rows = [(row_head(one.host), cell(content.answer_words(one))) for one in vpc.services]
        yield element("h3", None, "Names")
        caption = f"What the name of each service resolves to: {content.place(vpc)}"
        yield table(caption, ("name", "answer"), rows, f"names-{number}")
    if vpc.endpoints:
        made = [
            (row_head(one.endpoint_id), *(cell(words) for words in content.endpoint_cells(one)))
            for one in vpc.endpoints
        ]
        yield element("h3", None, "Endpoints")
        heads = ("endpoint", *content.ENDPOINT_HEADS)
        yield table(f"The endpoints of {content.place(vpc)}", heads, made, f"endpoints-{number}")
    if vpc.central:
        yield element("h3", None, "Central endpoints")
        yield from bullets(bounded(content.central_words(one)) for one in vpc.central)
    unread = (*vpc.not_readable, *vpc.not_read)
    if unread:
        yield fold(f"{len(unread)} parts were not read", *bullets(unread))


def _fault(number: str, fault: AuditFault) -> Iterator[Element]:
    code = f" ({fault.code})" if fault.code is not None else ""
    yield element("h3", None, f"{number} {content.head(fault)}{code}")
    if aside := content.aside(fault):
        yield element("p", {"class": "muted"}, f"{aside[:1].upper()}{aside[1:]}.")
    yield element("p", None, bounded(visible(fault.detail)))
    if fault.fix is not None:
        todo = element("div", {"class": "do"})
        todo.append(element("p", None, element("strong", None, "What to do:"), f" {fault.fix.summary}"))
        if fault.fix.commands:
            todo.append(element("pre", None, raw("code", None, lines([shell(one) for one in fault.fix.commands]))))
        todo.extend(bullets(undoing(fault.fix)))
        yield todo
    # The links in a saved document may come from somewhere else; those of the catalogue are ours.
    documents = CODES[fault.code].documents if fault.code in CODES else ()
    links = [element("a", {"href": document.url}, document.title) for document in documents]
    yield from (element("div", {"class": "unprinted"}, made) for made in bullets(links))
