"""The prediction as a document for people: the verdict, the effects of the assumed changes, everything blocked with its
fix, then names, calls, paths and sources."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from agent.catalog.wording import counted
from agent.documents.blocks import (
    ALL,
    CAUSES,
    MUTED,
    ROWS,
    WAYS,
    Block,
    Bullets,
    Cell,
    Document,
    Embedded,
    Entries,
    Entry,
    Figure,
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
from agent.documents.walk import first
from agent.network.answers import PredictedCall, PredictedName, SourceClass
from agent.predict import phrases, places
from agent.predict.model import PredictedChange, PredictedFault, PredictedIntent, PredictionDocument
from agent.report.hops import Reachability
from agent.report.serialization import to_json

PAGE_ID: Final = "backuplink-prediction"
_AT_A_GLANCE: Final = 3
"""Maximum number of services whose table is above the faults on a page."""
_KINDS: Final = {
    Reachability.OPEN: "ok",
    Reachability.BLOCKED: "critical",
    Reachability.DOUBTFUL: "warning",
    Reachability.CANNOT_TELL: "unknown",
}


def document(prediction: PredictionDocument) -> Document:
    """The blocks of a prediction."""
    verdict = prediction.verdict
    return Document(
        kind=verdict.status.value,
        word=verdict.status.upper(),
        summary=verdict.summary,
        lines=(phrases.basis(prediction),),
        blocks=tuple(_blocks(prediction)),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: to_json(prediction)),
    )


def _blocks(prediction: PredictionDocument) -> Iterator[Block]:
    if prediction.intents:
        entries = Entries(tuple(map(_intent, prediction.intents)), "more intent", ALL)
        yield Section(title="Whether the intents hold", blocks=(entries,))
    if prediction.assumed or prediction.unjudged or prediction.ignored:
        yield Section(title="What the assumed changes do", blocks=tuple(_changes(prediction)))
    yield on_pages(lambda: _at_a_glance(prediction))
    faults = enumerate(prediction.faults, 1)
    yield Many(tuple(_fault(number, fault, prediction) for number, fault in faults), "more fault", CAUSES)
    yield Section(title="What the VPC's resolver answers", blocks=(_names(prediction),))
    if prediction.calls:
        yield Section(title="What the endpoints' policies say", blocks=(_calls(prediction.calls),))
    if prediction.services:
        yield Section(title="What sources reach", blocks=tuple(_reached(prediction)))
    yield _sources(prediction)
    if prediction.not_read:
        yield Section(title="Not read", blocks=(Bullets(prediction.not_read, most=ALL),))
    yield on_pages(lambda: _runbooks(prediction))


def _intent(intent: PredictedIntent) -> Entry:
    return Entry(tuple(map(Text, (phrases.intent_of(intent), *map(phrases.failure_of, intent.failures)))))


def _changes(prediction: PredictionDocument) -> Iterator[Block]:
    yield Bullets(prediction.assumed, "more change")
    for title, sentences in (("Not judged", prediction.unjudged), ("Ignored", prediction.ignored)):
        if sentences:
            yield Section(title=title, blocks=(Bullets(sentences, "more change"),))
    if prediction.changes:
        entries = Entries(tuple(_change(change, prediction) for change in prediction.changes), "more effect", CAUSES)
        yield Section(title="What opens and what closes", blocks=(entries,))
    yield Text("Everything below assumes these changes.", MUTED)


def _change(change: PredictedChange, prediction: PredictionDocument) -> Entry:
    said = phrases.effect_of(change), phrases.decides(change), phrases.stands_for(change, prediction)
    return Entry(tuple(map(Text, said)))


def _fault(number: int, fault: PredictedFault, prediction: PredictionDocument) -> Section:
    return Section(
        number=str(number),
        title=phrases.head(fault),
        code=fault.code,
        kind=_KINDS[Reachability.CANNOT_TELL] if fault.outcome is Reachability.CANNOT_TELL else fault.severity.value,
        blocks=(
            Text(fault.detail),
            Text(phrases.stands_for(fault, prediction)),
            *(() if fault.fix is None else (to_do(fault.fix),)),
            on_pages(lambda: _to_runbook(fault, prediction)),
        ),
        anchor=_anchor(number),
    )


def _anchor(number: int) -> str:
    """The id of a fault's section on a page."""
    return f"fault-{number}"


def _to_runbook(fault: PredictedFault, prediction: PredictionDocument) -> Iterator[Block]:
    from agent.documents.anchors import to_runbook

    if way := to_runbook(fault.code, _pages(prediction)):
        yield Text(way, WAYS)


def _pages(prediction: PredictionDocument) -> list[str]:
    from agent.documents.anchors import with_pages

    return with_pages(fault.code for fault in prediction.faults)


def _runbooks(prediction: PredictionDocument) -> Iterator[Block]:
    """The runbook pages of the faults, each with a link back to the faults."""
    from agent.documents.anchors import in_a_row
    from agent.documents.report import runbook_pages

    links: dict[str, list[Link]] = {}
    for number, fault in enumerate(prediction.faults, 1):
        if fault.code is not None:
            links.setdefault(fault.code, []).append(Link(f"{number}. {fault.code}", f"#{_anchor(number)}"))
    back = {code: tuple(in_a_row(every)) for code, every in links.items()}
    if pages := _pages(prediction):
        sections = tuple(runbook_pages(pages, prediction.region, back))
        yield Section(title="Runbook pages", blocks=sections, is_printed=False)


def _names(prediction: PredictionDocument) -> Table:
    return Table(
        caption="What the name of each service resolves to",
        heads=("name", "answer"),
        rows=tuple((name.host, _answer(name, prediction)) for name in prediction.names),
        most=ALL,
        headless=True,
    )


def _answer(name: PredictedName, prediction: PredictionDocument) -> str:
    crossing = phrases.crossing(name, prediction)
    return phrases.answer_of(name) + ("" if crossing is None else f"; {crossing}")


def _calls(calls: tuple[PredictedCall, ...]) -> Table:
    return Table(
        caption="What the policy of each endpoint says of the call",
        heads=("call", "policy", "why"),
        rows=tuple(
            (
                f"{call.action} at {call.endpoint_id}",
                Cell(phrases.CALLS[call.outcome], _KINDS[call.outcome]),
                f"{call.words}{'' if call.counts else ' (not counted)'}",
            )
            for call in calls
        ),
        most=ALL,
        headless=True,
    )


def _reached(prediction: PredictionDocument) -> Iterator[Block]:
    from agent.predict.picture import picture  # the text format has no pictures

    if prediction.paths:
        # This picture is not printed, because a dozen paths would be too small to read. The table by port is printed
        # instead.
        yield Figure("What sources reach", lambda width, name: picture(prediction, width, name), is_printed=False)
    yield Only(
        frozenset({Medium.TEXT, Medium.MARKDOWN}), lambda: map(partial(_by_port, prediction), prediction.services)
    )
    others = [service for service in prediction.services if service not in _faulty(prediction)]
    yield on_pages(lambda: map(partial(_by_port, prediction), others))


def _at_a_glance(prediction: PredictionDocument) -> Iterator[Block]:
    """A table for the services with faults, with the outcome for each source. Each outcome is a link to its fault."""
    return map(partial(_by_port, prediction), _faulty(prediction))


def _faulty(prediction: PredictionDocument) -> list[str]:
    """The first few services with faults."""
    services = dict.fromkeys(fault.service for fault in prediction.faults)
    return [service for service in services if service in prediction.services][:_AT_A_GLANCE]


def _by_port(prediction: PredictionDocument, service: str) -> Section:
    return Section(title=f"{service}: what sources reach, by port", blocks=tuple(_matrix(service, prediction)))


def _matrix(service: str, prediction: PredictionDocument) -> Iterator[Block]:
    columns, rows = phrases.matrix(prediction, service)
    if not columns:
        yield Text("This VPC has no endpoint that could be reached.")
        return
    made = list[tuple[str | Cell, ...]]()
    for row in rows:
        kinds = [_kind(column, outcome) for column, outcome in zip(columns, row.outcomes, strict=True)]
        urls = [_to_fault(service, column, row, prediction) for column in columns]
        cells = map(Cell, phrases.cells(row), kinds, urls)
        where = places.where([source.id for source in row.sources], prediction.sources)
        made.append((where, f"{row.interface_count:,}", *cells))
    heads = [f"{column.port}{'' if column.counts else ' *'}" for column in columns]
    yield Table(
        caption=f"What sources reach of {service}, by port",
        heads=("sources", "interfaces", *heads),
        rows=tuple(made),
        most=ALL,
    )
    if not all(column.counts for column in columns):
        yield Text("* not counted: the service can do without this port", MUTED)


def _kind(column: phrases.Column, outcome: Reachability | None) -> str | None:
    """The colour of an outcome. An outcome that is not open has no colour if it does not count."""
    if outcome is None or not (column.counts or outcome is Reachability.OPEN):
        return None
    return _KINDS[outcome]


def _to_fault(service: str, column: phrases.Column, row: phrases.Row, prediction: PredictionDocument) -> str | None:
    """The link to the fault that closes a port for any of these sources. None if there is no such fault."""
    sources = {source.id for source in row.sources}
    for number, fault in enumerate(prediction.faults[: CAUSES.page], 1):
        if fault.service == service and column.port in fault.ports and not sources.isdisjoint(fault.sources):
            return f"#{_anchor(number)}"
    return None


def _sources(prediction: PredictionDocument) -> Section:
    left_out = phrases.left_out(prediction)
    return Section(
        title=f"Sources: {counted(prediction.interface_count, 'interface')} by subnet and groups",
        blocks=(
            in_lines(lambda: _in_lines(prediction.sources)),
            on_pages(lambda: [_all_sources(prediction)]),
            *(() if left_out is None else (Text(left_out, MUTED),)),
        ),
    )


def _all_sources(prediction: PredictionDocument) -> Section:
    title = f"All {counted(len(prediction.sources), 'place')} and how each is judged"
    return Section(title=title, blocks=(_classes(prediction),), is_folded=True)


def _in_lines(sources: Sequence[SourceClass]) -> Iterator[Block]:
    """The first sources, in words. A large VPC may have a thousand sources."""
    shown, left = first(sources, ROWS, Medium.TEXT, "more source")
    yield Bullets(tuple(map(phrases.words_of, shown)))
    if left:
        yield Text(left, MUTED)


def _classes(prediction: PredictionDocument) -> Table:
    return Table(
        caption="The sources; a row has all sources that the configuration treats alike",
        heads=("subnet", "zone", "groups", "interfaces", "judged as", "route table", "network ACL"),
        rows=tuple(map(_source, prediction.sources)),
    )


def _source(source: SourceClass) -> tuple[str, ...]:
    return (
        source.subnet_id or "-",
        source.availability_zone or "-",
        ", ".join(source.group_ids) or "not known",
        f"{source.interface_count:,}",
        ", ".join(map(str, source.addresses)),
        source.route_table_id or "-",
        source.acl_id or "-",
    )
