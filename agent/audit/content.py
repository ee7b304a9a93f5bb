"""The audit as a document for people: the verdict, all VPCs in a table, then each with its faults, names and
endpoints."""

from collections.abc import Iterator
from typing import Final

from agent.audit import phrases
from agent.audit.model import AuditDocument, AuditedVpc, AuditFault
from agent.catalog.wording import counted, listed
from agent.documents.blocks import (
    ALL,
    CAUSES,
    MUTED,
    Block,
    Bullets,
    Cell,
    Document,
    Embedded,
    Many,
    Medium,
    Only,
    Section,
    Table,
    Text,
    in_lines,
)
from agent.documents.to_do import to_do
from agent.report.model import Status
from agent.report.serialization import to_json

PAGE_ID: Final = "backuplink-audit"


def document(audit: AuditDocument) -> Document:
    """The blocks of an audit."""
    hours = phrases.unresolved_words(audit.unresolved_hours)
    return Document(
        kind=audit.verdict.status.value,
        word=audit.verdict.status.upper(),
        summary=audit.verdict.summary,
        lines=(phrases.basis(audit), *filter(None, (hours,))),
        blocks=tuple(_blocks(audit)),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: to_json(audit)),
    )


def _blocks(audit: AuditDocument) -> Iterator[Block]:
    yield _not_in_lines(audit)
    shown = [(number, vpc) for number, vpc in enumerate(audit.vpcs, 1) if vpc.status is not Status.NOT_IN_USE]
    yield Many(tuple(_vpc(number, vpc) for number, vpc in shown), "more VPC", ALL)
    yield in_lines(lambda: _not_in_use(audit))
    if audit.unanswered:
        sentences = tuple(map(phrases.unanswered_words, audit.unanswered))
        yield Section(title="No answer", blocks=(Bullets(sentences, most=ALL),))


def _not_in_lines(audit: AuditDocument) -> Block:
    """The table of all VPCs, which is too wide for a text."""
    return Only(frozenset({Medium.MARKDOWN, Medium.PAGE}), lambda: [Section(title="VPCs", blocks=(_overview(audit),))])


def _overview(audit: AuditDocument) -> Table:
    return Table(
        caption="Every VPC; * is not counted. Hours are of endpoints that no name leads to",
        heads=("VPC", "Region", "account", "status", "workloads", "result", "hours a month"),
        rows=tuple(
            (
                vpc.vpc_id,
                vpc.region,
                vpc.account_id or "-",
                Cell(phrases.status_word(vpc.status) + ("" if vpc.counts else " *"), _kind(vpc.status)),
                listed([one.workload.value for one in vpc.workloads if one.by is not None]),
                vpc.summary,
                f"{vpc.unresolved_hours:,}" if vpc.unresolved_hours else "-",
            )
            for vpc in audit.vpcs
        ),
        most=ALL,
    )


def _kind(status: Status) -> str | None:
    return None if status is Status.NOT_IN_USE else status.value


def _vpc(number: int, vpc: AuditedVpc) -> Section:
    counts = "" if vpc.counts else " (not counted)"
    return Section(
        number=str(number),
        title=f"{phrases.status_word(vpc.status)}: {phrases.place(vpc)}{counts}",
        blocks=tuple(_of_vpc(number, vpc)),
        is_part=True,
    )


def _of_vpc(number: int, vpc: AuditedVpc) -> Iterator[Block]:
    yield Text(f"{vpc.summary[:1].upper()}{vpc.summary[1:]}.")
    yield Bullets(tuple(map(phrases.workload_words, vpc.workloads)), most=ALL)
    faults = tuple(_fault(f"{number}.{place}", fault) for place, fault in enumerate(vpc.faults, 1))
    yield Many(faults, f"more fault of {vpc.vpc_id}", CAUSES)
    if vpc.services:
        yield Section(title="Names", blocks=(_names(vpc),))
    if vpc.endpoints:
        yield Section(title="Endpoints", blocks=tuple(_endpoints(vpc)))
    if vpc.central:
        sentences = tuple(map(phrases.central_words, vpc.central))
        yield Section(title="Central endpoints", blocks=(Bullets(sentences, most=ALL),))
    for title, unread in (("Not readable", vpc.not_readable), ("Not read", vpc.not_read)):
        if unread:
            count = f"{title}: {counted(len(unread), 'part')}"
            yield Section(title=count, blocks=(Bullets(unread, most=ALL),), is_folded=True)


def _fault(number: str, fault: AuditFault) -> Section:
    aside = phrases.aside(fault)
    return Section(
        number=number,
        title=phrases.head(fault),
        code=fault.code,
        blocks=(
            *((Text(f"{aside[:1].upper()}{aside[1:]}.", MUTED),) if aside else ()),
            Text(fault.detail),
            *(() if fault.fix is None else (to_do(fault.fix),)),
        ),
    )


def _names(vpc: AuditedVpc) -> Table:
    return Table(
        caption=f"What the name of each service resolves to: {phrases.place(vpc)}",
        heads=("name", "answer"),
        rows=tuple((one.host, phrases.answer_words(one)) for one in vpc.services),
        most=ALL,
        headless=True,
    )


def _endpoints(vpc: AuditedVpc) -> Iterator[Block]:
    yield Table(
        caption=f"The endpoints of {phrases.place(vpc)}",
        heads=("endpoint", *phrases.ENDPOINT_HEADS),
        rows=tuple((one.endpoint_id, *phrases.endpoint_cells(one)) for one in vpc.endpoints),
        most=ALL,
    )
    if (words := phrases.unresolved_words(vpc.unresolved_hours)) is not None:
        yield Text(words, MUTED)


def _not_in_use(audit: AuditDocument) -> Iterator[Block]:
    places = tuple(phrases.place(vpc) for vpc in audit.vpcs if vpc.status is Status.NOT_IN_USE)
    if places:
        title = "Not in use: they have no endpoint of a workload, and nobody asked for one"
        yield Section(title=title, blocks=(Bullets(places, most=ALL),))
