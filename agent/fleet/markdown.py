"""A fleet in Markdown, for a ticket: the totals, the causes with their fix, then the rest. All text from outside is
escaped, as in the Markdown of a report."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.findings import CODES
from agent.catalog.wording import counted
from agent.documents.markdown import escaped, fenced, table
from agent.fleet import phrases
from agent.fleet.model import FleetCause, FleetDocument
from agent.report.words import bounded, shell

MOST_CAUSES: Final = 20
MOST_ROWS: Final = 30
"""Of a list or a table: a ticket of GitHub or GitLab holds 65,536 characters. JSON has all."""
MOST_PLACES: Final = 6


def render(document: FleetDocument) -> str:
    """One document of Markdown."""
    word = document.verdict.status.value.upper()
    parts = [f"# {word}: {escaped(document.verdict.summary)}"]
    if document.sweep is not None:
        parts += [escaped(f"{phrases.totals(document)}."), escaped(phrases.basis(document))]
    for number, cause in enumerate(document.causes[:MOST_CAUSES], 1):
        parts += _cause(number, cause, document)
    parts += _left(len(document.causes) - MOST_CAUSES, "more cause")
    parts += [*_own(document), *_silent(document), *_changes(document), *_rest(document)]
    return "\n\n".join(parts) + "\n"


def _cause(number: int, cause: FleetCause, document: FleetDocument) -> Iterator[str]:
    yield f"## {number}. {escaped(phrases.head(cause))} ({escaped(cause.code)})"
    if words := phrases.about(cause):
        yield f"**{escaped(bounded(words))}**"
    yield escaped(bounded(" ".join((*phrases.whom(cause), phrases.since(cause, document)))))
    if cause.note is not None:
        yield escaped(bounded(cause.note))
    yield f"**What to do:** {escaped(bounded(cause.fix.summary))}"
    if cause.fix.commands:
        yield fenced(shell(command) for command in cause.fix.commands)
    if undo := phrases.taking_back(cause.fix):
        yield _list(undo)
    if by := phrases.breakdown(cause):
        yield _list(by)
    places = phrases.places(cause)
    if places:
        rows = [(row.vpc or "-", row.zone or "-", f"{row.sick:,}", f"{row.exposed:,}") for row in places[:MOST_PLACES]]
        yield table(("VPC", "zone", "have it", "could"), rows)
        yield from _left(len(places) - MOST_PLACES, "more zone")
    yield escaped(f"Hosts: {phrases.examples(cause.hosts, cause.host_count)}")
    if (shown := phrases.reading(cause.hosts, document)) is not None:
        yield f"{shown[0]}:"
        yield fenced([" ".join(shown[1])])
    # The links in a saved document may come from somewhere else; those of the catalogue are ours.
    if cause.code in CODES and CODES[cause.code].documents:
        yield "\n".join(f"* [{escaped(document.title)}]({document.url})" for document in CODES[cause.code].documents)


def _own(document: FleetDocument) -> Iterator[str]:
    if not document.own_faults:
        return
    count = sum(fault.host_count for fault in document.own_faults)
    yield f"## {counted(count, 'host')} with a fault of {'its' if count == 1 else 'their'} own"
    rows = [
        (
            fault.code,
            f"{fault.host_count:,}",
            bounded(fault.title if fault.note is None else f"{fault.title}. {fault.note}"),
            phrases.examples(fault.hosts, fault.host_count),
        )
        for fault in document.own_faults[:MOST_ROWS]
    ]
    yield table(("code", "hosts", "fault", "which"), rows)
    yield from _left(len(document.own_faults) - MOST_ROWS, "more code")


def _silent(document: FleetDocument) -> Iterator[str]:
    row = document.not_heard_from
    if row is None or not row.host_count:
        return
    yield "## Not heard from"
    yield escaped(bounded(" ".join(phrases.silent(row))))
    if row.hosts:
        yield escaped(phrases.examples(row.hosts, row.host_count, len(row.hosts)))


def _changes(document: FleetDocument) -> Iterator[str]:
    if document.against is None:
        return
    yield f"## Changes since {phrases.minute(document.against.started_at)} UTC"
    yield _list([bounded(phrases.change(row)) for row in document.changes[:MOST_ROWS]]) if document.changes else "None."
    yield from _left(len(document.changes) - MOST_ROWS, "more change")


def _rest(document: FleetDocument) -> Iterator[str]:
    if document.suppressed:
        yield "## Suppressed"
        yield _list(document.suppressed)
    unused = list(phrases.unused(document))
    if unused:
        yield "## Not used"
        yield _list([*unused, *(bounded(f"{row.place}: {row.why}") for row in document.unreadable)])
    if document.notes:
        yield "## Notes"
        yield _list(document.notes)
    yield escaped(f"backuplink {document.tool.version}. The same as a page: --format html")


def _list(items: "tuple[str, ...] | list[str]") -> str:
    return "\n".join(f"* {escaped(bounded(words))}" for words in items)


def _left(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield escaped(f"And {counted(count, what)}: --format json has all.")
