"""The fleet as a document for people. It has the totals, then each cause with its fix, its places and its start, and
then the rest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.wording import counted
from agent.documents.blocks import (
    ALL,
    MUTED,
    WAYS,
    Action,
    Block,
    Bullets,
    Document,
    Embedded,
    Entries,
    Entry,
    Figure,
    Link,
    Many,
    Medium,
    Mono,
    Most,
    Only,
    Section,
    Table,
    Text,
    ToDo,
    on_pages,
)
from agent.documents.to_do import to_do
from agent.fleet import phrases
from agent.fleet.model import FleetCause, FleetDocument, OwnFault, Turn
from agent.report.serialization import to_json

PAGE_ID: Final = "backuplink-fleet"
_CAUSES: Final = Most(text=12, markdown=20, page=50)
_OWN: Final = Most(text=20, markdown=30, page=300)
_CHANGES: Final = Most(text=12, markdown=30, page=300)
_PLACES: Final = Most(text=4, markdown=6, page=300)
_OWNERS: Final = Most(text=6, markdown=20, page=32)
_MOST_LINKS: Final = 12
"""The maximum number of causes to which a line of a page links."""


def document(fleet: FleetDocument) -> Document:
    """The blocks of a fleet."""
    verdict = fleet.verdict
    return Document(
        kind=verdict.status.value,
        word=verdict.status.upper(),
        summary=verdict.summary,
        lines=() if fleet.sweep is None else (f"{phrases.totals(fleet)}.", phrases.basis(fleet.sweep, fleet)),
        blocks=tuple(_blocks(fleet)),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: to_json(fleet)),
    )


def _counted_at(fleet: FleetDocument) -> list[FleetCause]:
    """The causes at which hosts are counted. Each of them has a section."""
    return [cause for cause in fleet.causes if cause.host_count]


def _links(fleet: FleetDocument) -> dict[str, Link]:
    """The link to each cause that a page shows, by its key."""
    shown = enumerate(_counted_at(fleet)[: _CAUSES.page], 1)
    return {cause.key: Link(f"{number}. {cause.code}", f"#{_anchor(number)}") for number, cause in shown}


def _anchor(number: int) -> str:
    """The id of the section of a cause on a page."""
    return f"cause-{number}"


def _to_causes(keys: Iterable[str], links: Mapping[str, Link]) -> Iterator[Block]:
    """A line with links to the first causes that have these keys."""
    from agent.documents.anchors import in_a_row

    if found := [links[key] for key in keys if key in links][:_MOST_LINKS]:
        yield Text(("To the causes: ", *in_a_row(found)), WAYS)


def _blocks(fleet: FleetDocument) -> Iterator[Block]:
    if fleet.sweep is not None:
        yield on_pages(lambda: [_verdicts(fleet)])
    if fleet.causes:
        yield on_pages(lambda: _maps(fleet))
    if fleet.groups:
        groups = Bullets(tuple(map(phrases.group, fleet.groups)), most=ALL)
        keys = dict.fromkeys(key for row in fleet.groups for key in row.keys)
        ways = on_pages(lambda: _to_causes(keys, _links(fleet)))
        yield Section(title="Causes that may have one origin", blocks=(groups, ways))
    causes = (_cause(number, cause, fleet) for number, cause in enumerate(_counted_at(fleet), 1))
    yield Many(tuple(causes), "more cause", _CAUSES)
    if beside := [phrases.beside(cause) for cause in fleet.causes if not cause.host_count]:
        yield Section(
            title="Other causes, on hosts that count at the causes above", blocks=(Bullets(tuple(beside), most=ALL),)
        )
    if fleet.own_faults:
        yield _own(fleet)
    yield from _silent(fleet)
    if fleet.against is not None:
        yield Section(title=f"Changes since {phrases.minute(fleet.against.started_at)} UTC", blocks=_changes(fleet))
    if fleet.suppressed:
        yield Section(title="Suppressed", blocks=(Bullets(tuple(map(phrases.suppressed, fleet.suppressed)), most=ALL),))
    yield from _unused(fleet)
    if fleet.notes:
        yield Section(title="Notes", blocks=(Bullets(fleet.notes, most=ALL),))
    version = f"backuplink {fleet.tool.version}."
    yield Only(frozenset({Medium.MARKDOWN}), lambda: [Text(f"{version} This document as a page: --format html")])
    yield on_pages(lambda: [Text(f"{version} This file also holds the document as JSON.", MUTED)])


def _kind(severity: Severity) -> str:
    return "unknown" if severity is Severity.INFO else severity.value


# --- Causes ----------------------------------------------------------------------------------------------------------


def _cause(number: int, cause: FleetCause, fleet: FleetDocument) -> Section:
    return Section(
        number=str(number),
        title=phrases.head(cause),
        code=cause.code,
        kind=_kind(cause.severity),
        anchor=_anchor(number),
        # Blocks are made only when they are written: a fleet may have thousands of causes, and no format shows all of
        # them.
        blocks=(Only(frozenset(Medium), lambda: _of_cause(number, cause, fleet)),),
    )


def _of_cause(number: int, cause: FleetCause, fleet: FleetDocument) -> Iterator[Block]:
    if words := phrases.about(cause):
        yield Text(words, strong=True)
    yield from map(Text, phrases.whom(cause))
    yield Bullets(phrases.breakdown(cause), most=ALL)
    yield Only(frozenset({Medium.TEXT, Medium.MARKDOWN}), lambda: [_places(number, cause)])
    if cause.owners:
        yield _owners(number, cause)
    yield Text(phrases.since(cause, fleet))
    if cause.note is not None:
        yield Text(cause.note)
    yield to_do(cause.fix)
    yield Only(frozenset({Medium.TEXT, Medium.MARKDOWN}), lambda: _hosts(cause, fleet))
    yield on_pages(lambda: _on_a_page(number, cause, fleet))


def _places(number: int, cause: FleetCause) -> Table:
    rows = (
        (row.vpc or "no VPC", row.zone or "not known", f"{row.sick:,}", f"{row.exposed:,}")
        for row in phrases.places(cause)
    )
    return Table(
        caption=f"Hosts of cause {number} by VPC and zone",
        heads=("VPC", "zone", "have it", "could"),
        rows=tuple(rows),
        what="more zone",
        most=_PLACES,
        numbers=True,
    )


def _owners(number: int, cause: FleetCause) -> Table:
    rows = (
        (row.owner or "not known", f"{row.host_count:,}", phrases.examples(row.hosts, row.host_count))
        for row in cause.owners
    )
    return Table(
        caption=f"Hosts of cause {number} by owner",
        heads=("owner", "hosts", "which"),
        rows=tuple(rows),
        what="more owner",
        most=_OWNERS,
    )


def _hosts(cause: FleetCause, fleet: FleetDocument) -> Iterator[Block]:
    yield Text(f"Hosts: {phrases.examples(cause.hosts, cause.host_count)}")
    yield from _reading(cause.hosts, fleet)


def _reading(hosts: Sequence[str], fleet: FleetDocument) -> Iterator[ToDo]:
    """Yield the steps that show more about one of these hosts."""
    if (found := phrases.reading(hosts, fleet)) is not None:
        summary, argv = found
        yield ToDo(summary, (Action(argv=argv, changes=False, undo=None),), head="To know more")


def _on_a_page(number: int, cause: FleetCause, fleet: FleetDocument) -> Iterator[Block]:
    from agent.fleet import pictures  # the text format has no pictures

    if cause.places:
        caption = f"Hosts with {cause.code} by VPC and zone"
        yield Figure(caption, lambda width, name: pictures.places(cause, width, name))
    left = cause.host_count - len(cause.hosts)
    what = f"{counted(len(cause.hosts), 'host')} of {cause.host_count:,}" if left > 0 else "The hosts"
    yield Section(title=f"{what}, and the numbers", blocks=tuple(_numbers(number, cause, fleet)), is_folded=True)


def _numbers(number: int, cause: FleetCause, fleet: FleetDocument) -> Iterator[Block]:
    """Yield examples of the hosts of a cause, what is known about them, and the numbers that its picture shows."""
    files = {file.host: file.place for file in fleet.files}
    yield Table(
        caption=f"Some hosts of cause {number}",
        heads=("host", "its record"),
        rows=tuple((host, files.get(host, "-")) for host in cause.hosts),
        most=ALL,
        numbers=True,
    )
    yield from _reading(cause.hosts, fleet)
    yield _places(number, cause)
    yield Text(("Key: ", Mono(cause.key)), MUTED)


# --- Pictures --------------------------------------------------------------------------------------------------------


def _verdicts(fleet: FleetDocument) -> Figure:
    from agent.fleet import pictures

    return Figure("Hosts by verdict", lambda width, name: pictures.verdicts(fleet, width, name))


def _maps(fleet: FleetDocument) -> Iterator[Block]:
    from agent.fleet import pictures

    if any(cause.places for cause in fleet.causes):
        zones = Figure("Hosts by VPC and zone", lambda width, name: pictures.zones(fleet, width, name))
        note = Text("Hosts that have a shared cause, out of all hosts that could have a shared cause.", MUTED)
        placed = [cause.key for cause in fleet.causes if cause.places]
        yield Section(title="Where: VPC by zone", blocks=(note, zones, *_to_causes(placed, _links(fleet))))
    since = Figure("Sweeps, and when each cause began", lambda width, name: pictures.since(fleet, width, name))
    ways = _to_causes([cause.key for cause in fleet.causes], _links(fleet))
    yield Section(title="Since when", blocks=(since, *ways))


# --- The rest --------------------------------------------------------------------------------------------------------


def _own(fleet: FleetDocument) -> Section:
    count = sum(fault.host_count for fault in fleet.own_faults)
    faults = Entries(tuple(map(_own_fault, fleet.own_faults)), "more code", _OWN)
    return Section(
        title=f"{counted(count, 'host')} with a fault of {'its' if count == 1 else 'their'} own", blocks=(faults,)
    )


def _own_fault(fault: OwnFault) -> Entry:
    kind = _kind(fault.severity)
    hosts = counted(fault.host_count, "host")
    said = Text(f"{fault.code} ({fault.severity.value}) {hosts}: {fault.title}", kind)
    note = () if fault.note is None else (Text(fault.note),)
    return Entry((said, *note, Text(phrases.examples(fault.hosts, fault.host_count), MUTED)), kind)


def _silent(fleet: FleetDocument) -> Iterator[Section]:
    row = fleet.not_heard_from
    if row is None or not row.host_count:
        return
    named = phrases.examples(row.hosts, row.host_count, len(row.hosts))
    blocks = map(Text, filter(None, (*phrases.silent(row), named)))
    yield Section(title="Not heard from", blocks=tuple(blocks))


def _changes(fleet: FleetDocument) -> tuple[Block, ...]:
    if not fleet.changes:
        return (Text("None."),)
    rows = (
        Entry((Text(phrases.change(row)),), "ok" if row.turn is Turn.HEALED else _kind(row.severity))
        for row in fleet.changes
    )
    ways = on_pages(lambda: _to_causes([row.key for row in fleet.changes], _links(fleet)))
    return (Entries(tuple(rows), "more change", _CHANGES), ways)


def _unused(fleet: FleetDocument) -> Iterator[Section]:
    sentences = tuple(phrases.unused(fleet))
    if not sentences:
        return
    unread = Table(
        caption="The first files that could not be read",
        heads=("file", "why"),
        rows=tuple((row.place, row.why) for row in fleet.unreadable),
        most=ALL,
        headless=True,
    )
    left = fleet.totals.unreadable - len(fleet.unreadable)
    more = (Text(f"And {left:,} more."),) if fleet.unreadable and left > 0 else ()
    yield Section(title="Not used", blocks=(Bullets(sentences, most=ALL), unread, *more))
