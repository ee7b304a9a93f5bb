"""The audit as a document for people: the verdict, a table of all VPCs, the faults of several VPCs, then each VPC with
its faults, names and endpoints."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from agent.audit import phrases
from agent.audit.model import AuditChanges, AuditDocument, AuditedVpc, AuditFault, RepeatedFault, RepeatedIn
from agent.audit.overview import alike
from agent.catalog.wording import counted, listed, listed_briefly
from agent.documents.blocks import (
    ALL,
    CAUSES,
    MUTED,
    WAYS,
    Block,
    Bullets,
    Cell,
    Document,
    Embedded,
    Link,
    Many,
    Medium,
    Only,
    Section,
    Table,
    Text,
    in_lines,
    on_pages,
)
from agent.documents.to_do import to_do
from agent.report.model import Status
from agent.report.serialization import to_json

PAGE_ID: Final = "backuplink-audit"
_OVERVIEW: Final = "vpcs"
"""The id of the table of all VPCs on a page."""


def document(audit: AuditDocument) -> Document:
    """The blocks of an audit."""
    hours = phrases.unresolved_words(audit.unresolved_hours)
    return Document(
        kind=audit.verdict.status.value,
        word=audit.verdict.status.upper(),
        summary=audit.verdict.summary,
        lines=(phrases.basis(audit), *filter(None, (hours, phrases.changes_words(audit.changes)))),
        blocks=tuple(_blocks(audit)),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: to_json(audit)),
    )


def _blocks(audit: AuditDocument) -> Iterator[Block]:
    if audit.vpcs:
        yield Section(title="VPCs, the worst first", blocks=tuple(_overview(audit)), anchor=_OVERVIEW)
    if audit.changes is not None:
        yield Section(title=phrases.since(audit.changes), blocks=tuple(_changes(audit.changes)))
    pages = _pages(audit)
    letters = {alike(fault): f"A{number}" for number, fault in enumerate(audit.repeated, 1)}
    if audit.repeated:
        yield Many(
            tuple(_repeated(letters[alike(fault)], fault, audit, pages) for fault in audit.repeated),
            "more fault of several VPCs",
            CAUSES,
        )
    shown = [(number, vpc) for number, vpc in enumerate(audit.vpcs, 1) if vpc.status is not Status.NOT_IN_USE]
    yield Many(tuple(_vpc(number, vpc, letters, pages) for number, vpc in shown), "more VPC", ALL)
    if audit.unanswered:
        sentences = tuple(map(phrases.unanswered_words, audit.unanswered))
        yield Section(title="No answer", blocks=(Bullets(sentences, most=ALL),))
    yield on_pages(lambda: _runbooks(audit, pages))


def _pages(audit: AuditDocument) -> list[str]:
    """The codes whose runbook pages are included in the page."""
    from agent.documents.anchors import with_pages

    return with_pages(fault.code for vpc in audit.vpcs for fault in vpc.faults)


def _overview(audit: AuditDocument) -> Iterator[Block]:
    """The table of all VPCs. A text has room for only three columns."""
    yield Only(frozenset({Medium.MARKDOWN, Medium.PAGE}), lambda: [_wide(audit)])
    yield in_lines(lambda: [_narrow(audit)])


def _wide(audit: AuditDocument) -> Table:
    """The table of all VPCs, without columns that have the same value in all rows."""
    places = {phrases.where(vpc) for vpc in audit.vpcs}
    others = len(places) > 1
    hours = bool(audit.unresolved_hours)
    where = "" if others else f" of {next(iter(places))}"
    return Table(
        caption=f"Every VPC{where}; * is not counted"
        + (". Hours are interface-hours of endpoints that no name leads to" * hours),
        heads=(
            *("VPC", "status", "cause", "what to do"),
            *(("Region", "account") if others else ()),
            *("workloads", *(("hours a month",) if hours else ())),
        ),
        rows=tuple(
            (
                Cell(vpc.vpc_id, None, None if vpc.status is Status.NOT_IN_USE else f"#{_anchor(number)}"),
                _status(vpc),
                _sentence(vpc.cause),
                "-" if vpc.to_do is None else _sentence(vpc.to_do),
                *((vpc.region, vpc.account_id or "-") if others else ()),
                listed([one.workload.value for one in vpc.workloads if one.by is not None]),
                *((f"{vpc.unresolved_hours:,}" if vpc.unresolved_hours else "-",) if hours else ()),
            )
            for number, vpc in enumerate(audit.vpcs, 1)
        ),
        most=ALL,
    )


def _narrow(audit: AuditDocument) -> Table:
    places = {(vpc.region, vpc.account_id) for vpc in audit.vpcs}
    return Table(
        caption="",
        heads=("VPC", "status", "cause, and what to do"),
        rows=tuple(
            (
                vpc.vpc_id,
                _status(vpc),
                " ".join(
                    (
                        *((f"{phrases.where(vpc)}:",) if len(places) > 1 else ()),
                        _sentence(vpc.cause),
                        *(() if vpc.to_do is None else (f"To do: {_sentence(vpc.to_do)}",)),
                    )
                ),
            )
            for vpc in audit.vpcs
        ),
        most=ALL,
    )


def _status(vpc: AuditedVpc) -> Cell:
    kind = None if vpc.status is Status.NOT_IN_USE else vpc.status.value
    return Cell(phrases.status_word(vpc.status) + ("" if vpc.counts else " *"), kind)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


# --- What changed ----------------------------------------------------------------------------------------------------


def _changes(changes: AuditChanges) -> Iterator[Block]:
    if not changes.alike:
        yield Text("The earlier audit was asked for other workloads or services, or not for the same review.", MUTED)
    yield Bullets(tuple(map(phrases.change_words, changes.changes)), "more change")
    if not changes.changes:
        yield Text("Nothing changed in the VPCs that both audits have.")
    yield Bullets(tuple(f"Not read this time: {one.vpc_id}: {one.reason}" for one in changes.unread), "more VPC")
    if changes.first_read:
        yield Text(f"Not in the earlier audit: {listed_briefly(changes.first_read)}")


# --- Faults of several VPCs ------------------------------------------------------------------------------------------


def _repeated(letter: str, fault: RepeatedFault, audit: AuditDocument, pages: Collection[str]) -> Section:
    """A fault of several VPCs, with its details in each, and the fix of the first."""
    aside = phrases.aside(fault)
    several = {(vpc.region, vpc.account_id) for vpc in audit.vpcs}
    rows = tuple(f"{_place(one, is_whole=len(several) > 1)}: {one.detail}" for one in fault.vpcs)
    count = len({(one.account_id, one.region, one.vpc_id) for one in fault.vpcs})
    first = fault.vpcs[0].vpc_id
    return Section(
        number=letter,
        title=f"{phrases.head(fault)}, in {counted(count, 'VPC')}",
        code=fault.code,
        kind=phrases.kind(fault),
        blocks=(
            *((Text(_sentence(aside), MUTED),) if aside else ()),
            Bullets(rows, "more VPC"),
            *(() if fault.fix is None else (to_do(fault.fix, head=f"What to do, with the ids of {first}"),)),
            on_pages(lambda: _to_runbook(fault, pages)),
        ),
        anchor=letter,
    )


def _place(one: RepeatedIn, *, is_whole: bool) -> str:
    return f"{one.vpc_id} ({phrases.where(one)})" if is_whole else one.vpc_id


# --- One VPC ---------------------------------------------------------------------------------------------------------


def _vpc(number: int, vpc: AuditedVpc, letters: Mapping[object, str], pages: Collection[str]) -> Section:
    counts = "" if vpc.counts else " (not counted)"
    return Section(
        number=str(number),
        title=f"{phrases.status_word(vpc.status)}: {phrases.place(vpc)}{counts}",
        blocks=(
            *_of_vpc(number, vpc, letters, pages),
            on_pages(lambda: [Text((Link("All VPCs", f"#{_OVERVIEW}"),), WAYS)]),
        ),
        is_part=True,
        anchor=_anchor(number),
    )


def _anchor(number: int) -> str:
    """The id of the section of a VPC on a page."""
    return f"vpc-{number}"


def _of_vpc(number: int, vpc: AuditedVpc, letters: Mapping[object, str], pages: Collection[str]) -> Iterator[Block]:
    yield Text(_sentence(vpc.summary))
    yield Bullets(tuple(map(phrases.workload_words, vpc.workloads)), most=ALL)
    told = {letters[alike(fault)]: fault for fault in vpc.faults if alike(fault) in letters}
    own = [fault for fault in vpc.faults if alike(fault) not in letters]
    if told:
        above = tuple((Link(letter, f"#{letter}"), f": {phrases.head(fault)}") for letter, fault in told.items())
        yield Section(title="Faults of several VPCs, shown above", blocks=(Bullets(above, most=ALL),))
    faults = tuple(_fault(f"{number}.{place}", fault, pages) for place, fault in enumerate(own, 1))
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


def _fault(number: str, fault: AuditFault, pages: Collection[str]) -> Section:
    aside = phrases.aside(fault)
    return Section(
        number=number,
        title=phrases.head(fault),
        code=fault.code,
        kind=phrases.kind(fault),
        blocks=(
            *((Text(_sentence(aside), MUTED),) if aside else ()),
            Text(fault.detail),
            *(() if fault.fix is None else (to_do(fault.fix),)),
            on_pages(lambda: _to_runbook(fault, pages)),
        ),
        anchor=f"fault-{number}",
    )


def _to_runbook(fault: AuditFault | RepeatedFault, pages: Collection[str]) -> Iterator[Block]:
    from agent.documents.anchors import to_runbook

    if way := to_runbook(fault.code, pages):
        yield Text(way, WAYS)


def _runbooks(audit: AuditDocument, pages: Collection[str]) -> Iterator[Block]:
    """The runbook pages of the faults, each with a link back to the VPCs."""
    from agent.documents.report import runbook_pages

    regions = {vpc.region for vpc in audit.vpcs}
    back = dict.fromkeys(pages, (Link("All VPCs", f"#{_OVERVIEW}"),))
    if pages:
        sections = tuple(runbook_pages(pages, regions.pop() if len(regions) == 1 else None, back))
        yield Section(title="Runbook pages", blocks=sections, is_printed=False)


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
        caption=f"The endpoints of {phrases.place(vpc)}. An endpoint is in use if a name or a route leads to it; hours "
        "are the hours of all its interfaces in a month",
        heads=("endpoint", *phrases.ENDPOINT_HEADS),
        rows=tuple((one.endpoint_id, *phrases.endpoint_cells(one)) for one in vpc.endpoints),
        most=ALL,
    )
    if (words := phrases.unresolved_words(vpc.unresolved_hours)) is not None:
        yield Text(words, MUTED)
