"""The report as a document for people: the verdict, the faults with their fixes, then everything that was checked.

A page also has folded parts, which few readers need: the runbook pages of the findings, and all observations. In
addition, it contains the report itself, which `diagnose`, `diff` and `tui` can read from the page
(`agent.report.saved`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from agent.catalog.findings import CODES
from agent.catalog.wording import duration, listed
from agent.documents.anchors import Anchors, paged, runbook_anchor
from agent.documents.blocks import (
    ALL,
    MUTED,
    WAYS,
    Block,
    Bullets,
    Cell,
    Document,
    Embedded,
    Figure,
    Inline,
    Medium,
    Mono,
    Only,
    Section,
    Table,
    Text,
    in_lines,
    on_pages,
)
from agent.documents.configured_path import (
    AT_THE_END,
    MEASURED,
    OUTCOMES,
    STAGES,
    decides,
    ended,
    is_inside_subnet,
    is_well,
    likeness,
    port_ranges,
    read_at,
    specific,
    way,
)
from agent.documents.to_do import changed, to_do
from agent.report.codec import encode
from agent.report.counting import Standing, Weight, standings
from agent.report.hops import Reachability, Stage
from agent.report.model import ConfiguredPath, Finding, Fix, Report, Status, TargetReport
from agent.report.saved import PAGE_ID
from agent.report.words import (
    STEPS,
    UNUSED_ANSWER,
    below_summary,
    causes,
    cell,
    folded,
    folded_row,
    follows,
    has_unused_answer,
    head,
    matrix,
    names,
    seen_from,
    starred,
    state,
    unfolded,
    unseen,
    vantage,
    zone,
)
from probes.model import Address, Observation, Skipped

_KINDS: Final = {
    Weight.CRITICAL: "critical",
    Weight.WARNING: "warning",
    Weight.UNPROVEN: "unknown",
}
_WHAT_DEPENDS: Final = (
    "Backups that use private endpoints: HANA by Backint, Windows VSS (Systems Manager), gateway "
    "appliances and calls of the API. EBS, RDS, EFS, S3 and others never need them."
)
"""The text below the verdict ok. It says which backups depend on this path. Otherwise, readers could believe that all
backups are healthy."""


def verdict(report: Report) -> Document:
    """Return the verdict as a document without blocks."""
    return Document(
        kind=report.verdict.status.value,
        word=report.verdict.status.upper(),
        summary=report.verdict.summary,
        # If a call was refused, there was no run, so there is nothing to describe.
        lines=below_summary(report) if report.observations else (),
        where=seen_from(report) if report.observations else (),
    )


def document(report: Report) -> Document:
    """The blocks of a report."""
    folded_parts = (on_pages(lambda: [_more(report)]),) if report.observations else ()
    return replace(
        verdict(report),
        blocks=(*blocks(report), *folded_parts),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: encode(report)),
    )


def blocks(report: Report, anchors: Anchors | None = None) -> tuple[Block, ...]:
    """Return everything below the verdict, without the folded parts of a page. On a page with several reports, each
    report has its own anchors."""
    return tuple(_blocks(report, Anchors(report) if anchors is None else anchors))


def _blocks(report: Report, anchors: Anchors) -> Iterator[Block]:
    if report.verdict.status is Status.OK and report.observations:
        yield in_lines(lambda: [Text(_WHAT_DEPENDS)])
    if report.observations:
        yield on_pages(lambda: [_in_short(report)])
    for number, finding in enumerate(causes(report), 1):
        yield cause(finding, report, str(number), anchors)
    if report.observations:
        yield on_pages(lambda: [_picture(report, anchors)])
        standing = standings(report)
        yield from (_target(target, report, standing, anchors) for target in unfolded(report))
        yield from _well(report)
    yield from _unseen(report)
    if report.observations:
        yield from _vantage(report)


# --- Causes ----------------------------------------------------------------------------------------------------------


def cause(finding: Finding, report: Report, number: str = "", anchors: Anchors | None = None) -> Section:
    """Return the section of a cause: the finding, its fix, its consequences, and links to its evidence."""
    section = with_consequences(finding, follows(finding, report), number)
    if anchors is None or not report.observations:
        return section
    further = on_pages(lambda: anchors.from_cause(finding))
    return replace(section, blocks=(*section.blocks, further), anchor=anchors.of_cause(number))


def with_consequences(finding: Finding, consequences: Sequence[str], number: str) -> Section:
    """Return the section of a finding: its description, its fix, and the ids of its consequences."""
    return Section(
        kind=finding.severity.value if finding.counts else MUTED,
        number=number,
        title=head(finding),
        code=finding.code,
        blocks=(
            Text(finding.detail),
            Only(frozenset({Medium.TEXT}), lambda: _changes(finding.fix)),
            to_do(finding.fix),
            *((Text(f"It also causes: {', '.join(consequences)}"),) if consequences else ()),
        ),
    )


def _changes(fix: Fix) -> Iterator[Block]:
    """Yield what the fix changes. This is shown before the fix, whose commands may be far below."""
    if places := changed(fix):
        yield Text(f"The fix changes {places}.")


# --- Targets ---------------------------------------------------------------------------------------------------------


def _in_short(report: Report) -> Figure:
    from agent.documents.picture import in_short, told_in_short

    where = told_in_short(report)
    to = "" if where is None else f" to {where.id}"
    return Figure(f"The path{to} in short", lambda width, name: in_short(report, width, name), is_printed=False)


def _picture(report: Report, anchors: Anchors) -> Section:
    from agent.documents.picture import picture

    figure = Figure(("The path", *anchors.from_picture()), lambda width, name: picture(report, width, name))
    return Section(title="The path", blocks=(figure,), anchor=anchors.path)


def _target(target: TargetReport, report: Report, standing: Mapping[str, Standing], anchors: Anchors) -> Section:
    answers = names(target, report)
    return Section(
        title=(target.service, "  ", Mono(target.host)),
        aside=state(target),
        blocks=(
            Bullets(tuple(f"not proven: {words}" for words in target.unproven), most=ALL),
            Table(
                caption=f"Who gave which addresses for {target.id}",
                heads=("asked", "answer"),
                rows=tuple(answers.items()),
                most=ALL,
                headless=True,
            ),
            *_steps(target, report, standing, anchors),
            Only(frozenset({Medium.TEXT, Medium.MARKDOWN}), lambda: _configured(target, report)),
        ),
    )


def _steps(target: TargetReport, report: Report, standing: Mapping[str, Standing], anchors: Anchors) -> Iterator[Block]:
    """Yield a table of results by zone, address, port and step. A success is shown by its time, a failure in capitals.
    A failure that does not count is in brackets. A failure is a link to its cause."""
    rows = list(matrix(target, report))
    yield Table(
        caption=f"Which steps succeed at each address of {target.id}",
        heads=("address", "zone", "port", *STEPS),
        rows=tuple(
            (
                starred(row.address),
                zone(row.address),
                str(row.port),
                *(_step(step, standing, anchors) for step in row.steps),
            )
            for row in rows
        ),
        most=ALL,
        merged=2,
    )
    failed = (standing[step.id] for row in rows for step in row.steps if step is not None and step.failure)
    aside = dict.fromkeys(known.why for known in failed if known.weight is Weight.NOT_COUNTED)
    if aside:
        yield Text(f"In brackets: failed, and not counted: {'; '.join(aside)}", MUTED)


def _step(step: Observation[Any] | None, standing: Mapping[str, Standing], anchors: Anchors) -> Cell:
    known = None if step is None else standing.get(step.id)
    url = None if step is None or known is None else anchors.to_why(step.id)
    return replace(_result(cell(step), known), url=url)


def _result(words: str, known: Standing | None) -> Cell:
    if known is None:
        return Cell(words, None)
    return Cell(f"({words})", None) if known.weight is Weight.NOT_COUNTED else Cell(words, _KINDS[known.weight])


def _well(report: Report) -> Iterator[Section]:
    """Yield one line for each healthy target, below what these targets have in common."""
    by_state: dict[str, list[TargetReport]] = {}
    for target in folded(report):
        by_state.setdefault(state(target), []).append(target)
    for words, targets in by_state.items():
        what = "1 service" if len(targets) == 1 else f"{len(targets)} services, each"
        table = Table(
            caption=f"One line for each service that is {words}",
            heads=("service", "IPs", "connect", "host"),
            rows=tuple(_line(target, report) for target in targets),
            most=ALL,
        )
        yield Section(title=f"{words}: {what} with its slowest connect", blocks=(table,))


def _line(target: TargetReport, report: Report) -> tuple[str, ...]:
    service, host, _, count, slowest = folded_row(target, report)
    return service, count, slowest, host


# --- Configuration and measurement -----------------------------------------------------------------------------------


def _configured(target: TargetReport, report: Report) -> Iterator[Section]:
    """Yield the configured path to each address beside the measurement. It takes one line if all is well. If the path
    is blocked or doubtful, or differs from the measurement, each hop is shown."""
    short: dict[tuple[str, str, str], list[int]] = {}
    whole: dict[tuple[object, ...], list[ConfiguredPath]] = {}
    paths = [path for path in report.paths if path.target == target.id]
    if not paths:
        return
    for path in paths:
        if is_well(path):
            short.setdefault((str(path.address), ended(path), way(path)), []).append(path.port)
        else:
            whole.setdefault(likeness(path), []).append(path)
    table = Table(
        caption=f"Paths to {target.id} that the configuration lets pass",
        heads=("address", "ports", "result", "way"),
        rows=tuple((address, port_ranges(ports, target), *words) for (address, *words), ports in short.items()),
        most=ALL,
        headless=True,
    )
    is_untold = any(path.predicted is Reachability.CANNOT_TELL and is_well(path) for path in paths)
    aside = "?: connects, but the configuration that was read does not show why"
    yield Section(
        title=f"{target.service} by configuration, {read_at(paths, report)}",
        blocks=(
            table,
            *((Text(aside, MUTED),) if is_untold else ()),
            *(_alike(block, target) for block in whole.values()),
        ),
    )


def _alike(block: Sequence[ConfiguredPath], target: TargetReport) -> Section:
    """Return a section for paths that are shown as one. It has each hop, with its effect and the resource that
    decides."""
    by_ports: dict[str, list[ConfiguredPath]] = {}
    by_address: dict[Address, list[ConfiguredPath]] = {}
    for path in block:
        by_address.setdefault(path.address, []).append(path)
    for paths in by_address.values():
        by_ports.setdefault(port_ranges((path.port for path in paths), target), []).append(paths[0])
    places = (f"{listed([path.address for path in paths])} on {ports}" for ports, paths in by_ports.items())
    return Section(
        title=f"{'; '.join(places)}: {ended(block[0])}",
        blocks=(
            Table(
                caption=f"Hops to {target.id}",
                heads=("outcome", "hop", "what decides"),
                rows=tuple(_hops(block)),
                most=ALL,
                headless=True,
            ),
        ),
    )


def _hops(block: Sequence[ConfiguredPath]) -> Iterator[tuple[str, str, str]]:
    path = block[0]
    start = "this host" if path.source is None else str(path.source)
    yield "from", "", f"{start} in {path.source_subnet_id}" if path.source_subnet_id else start
    interfaces = list(dict.fromkeys(drawn.interface_id for drawn in block if drawn.interface_id is not None))
    if interfaces:
        yield "to", "", listed(interfaces)
    there = listed(dict.fromkeys(drawn.subnet_id for drawn in block if drawn.subnet_id is not None))
    arrival = next((hop for hop in path.hops if hop.stage in AT_THE_END), None)
    for place, hop in enumerate(path.hops):
        rules = dict.fromkeys(specific(drawn.hops[place].rule, block) for drawn in block)
        if hop is arrival and path.subnet_id is not None and not is_inside_subnet(path):
            yield "into", "", there
        yield OUTCOMES[hop.outcome], STAGES[hop.stage], decides(hop, path, rules)
        if hop.outcome is not Reachability.OPEN:
            yield "", "", specific(hop.words, block)
        if hop.stage is path.parted_at:
            yield "", "", f"<-- here measurement and configuration differ: {MEASURED[path.measured]}"
        if hop.stage is Stage.HOST_GROUPS and is_inside_subnet(path):
            yield "", "same subnet", "no ACL and no route is on this path"
    yield from (("unseen", "", specific(words, block)) for words in path.unseen)
    if path.agrees is False and path.parted_at is None:
        measured = MEASURED[path.measured]
        yield "differs", "", f"every hop lets it pass, yet it is {measured}; it is not known where it stops"


# --- The rest --------------------------------------------------------------------------------------------------------


def _unseen(report: Report) -> Iterator[Section]:
    """Yield what was not checked, grouped by reason."""
    reasons = [f"{what}: {why}" for why, what in unseen(report).items()]
    if has_unused_answer(report):
        reasons.append(f"*: {UNUSED_ANSWER}")
    if reasons:
        yield Section(title="Not checked", blocks=(Bullets(tuple(reasons), most=ALL),))


def _vantage(report: Report) -> Iterator[Block]:
    words = vantage(report)
    yield in_lines(lambda: [Text(f"{words} For JSON: --format json")])
    yield Only(frozenset({Medium.MARKDOWN}), lambda: [Text(f"{words} The path as a picture: --format svg")])
    yield on_pages(lambda: [Text(words, MUTED)])


# --- What a page folds -----------------------------------------------------------------------------------------------


def _more(report: Report) -> Section:
    anchors = Anchors(report)
    note = ("This file also contains the report as JSON: ", Mono("backuplink diagnose FILE"), " judges it again.")
    wrong = ("A wrong verdict? ", Mono('backuplink bundle FILE --wrong "what is true"'), " makes an archive to send.")
    return Section(
        title="More",
        blocks=(
            *runbooks([report], anchors.to_causes()),
            observations(report, anchors),
            Text(note, MUTED),
            Text(wrong, MUTED),
        ),
        is_printed=False,
    )


def runbooks(
    reports: Iterable[Report], back: Mapping[str, tuple[Inline, ...]] = MappingProxyType({})
) -> Iterator[Section]:
    """Yield the runbook pages for the findings of reports, folded. If all reports have the same Region, the pages have
    its domains. `back` has the links from each page back to the findings."""
    every = list(reports)
    regions = {report.run.region for report in every}
    yield from runbook_pages(paged(every), regions.pop() if len(regions) == 1 else None, back)


def runbook_pages(
    codes: Iterable[str], region: str | None, back: Mapping[str, tuple[Inline, ...]]
) -> Iterator[Section]:
    """Yield the runbook page of each code, folded. `back` has the links from each page back to the findings."""
    from agent.documents.explain import sections

    for code in codes:
        ways = (Text(("Back to ", *back[code]), WAYS),) if code in back else ()
        yield Section(
            title=f"Runbook: {code} {CODES[code].title}",
            blocks=(*ways, *sections(code, region)),
            is_folded=True,
            anchor=runbook_anchor(code),
        )


def observations(report: Report, anchors: Anchors) -> Section:
    """Return a folded section with everything that was checked. An observation that shows a fault is a link to its
    cause."""
    standing = standings(report)
    table = Table(
        caption="Everything that was checked",
        heads=("observation", "result", "time", "why"),
        rows=tuple(_observed(one, standing.get(one.id), anchors) for one in report.observations),
        most=ALL,
        anchor=anchors.rows,
    )
    return Section(title=f"All {len(table.rows)} observations", blocks=(table,), is_folded=True)


def _observed(observation: Observation[Any], known: Standing | None, anchors: Anchors) -> tuple[str | Cell, ...]:
    failure, outcome = observation.failure, observation.outcome
    if failure is not None:
        result, why = failure.kind.upper(), failure.message
    elif isinstance(outcome, Skipped):
        result, why = "skipped", outcome.reason
    elif known is not None:
        result, why = f"{len(known.wrong)} {known.fault}", ""
    else:
        result, why = "ok", ""
    if known is not None and known.weight is Weight.NOT_COUNTED:
        why = f"{why} (not counted: {known.why})"
    took = "-" if observation.seconds is None else duration(observation.seconds)
    return Cell(observation.id, None, anchors.to_cause(observation.id)), _result(result, known), took, why
