"""The report as one HTML file: for a browser, a mail, an archive. It needs no other file and runs no script.

The verdict, what is wrong and what to do come first, then the path as a picture and the steps at each address. What few
readers need is folded: the runbook pages of the findings, and every observation. The report itself is in the file, too:
`diagnose`, `diff` and `tui` read it from there (`agent.report.saved`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.findings import CODES
from agent.catalog.wording import duration
from agent.documents.canvas import NARROW, WIDE
from agent.documents.elements import data, element, lines, raw
from agent.documents.page import bullets, cell, page, row_head, section, table, verdict
from agent.documents.page import folded as fold
from agent.documents.picture import WEIGHTS, picture
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.runbook_page import runbook
from agent.report.codec import encode
from agent.report.counting import Standing, Weight, standings
from agent.report.escape import visible
from agent.report.model import Finding, Report, TargetReport
from agent.report.saved import PAGE_ID
from agent.report.words import (
    FOLDED,
    STEPS,
    UNUSED_ANSWER,
    below_summary,
    bounded,
    causes,
    folded,
    folded_row,
    follows,
    has_unused_answer,
    head,
    matrix,
    names,
    shell,
    starred,
    state,
    undoing,
    unfolded,
    unseen,
    vantage,
    zone,
)
from agent.report.words import cell as words_of
from probes.model import Skipped

_MAX_RUNBOOKS: Final = 12
"""Pages of findings in a file; `backuplink explain` has all of them."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One HTML document."""
    title = f"{report.verdict.status.upper()}: {report.verdict.summary}"
    return page(title, [*content(report), *_more(report)], data(encode(report), {"id": PAGE_ID}))


def content(report: Report) -> list[Element]:
    """The page but for what is folded. Its first heading is on the first level."""
    word, summary = report.verdict.status.value, report.verdict.summary
    if not report.observations:  # a call that was refused made no run, so there is nothing to describe
        return [verdict(word, summary), *_causes(report), *_unseen(report)]
    standing = standings(report)
    steps = [section(*_target(number, target, report, standing)) for number, target in enumerate(unfolded(report), 1)]
    return [
        verdict(word, summary, *below_summary(report)),
        *_causes(report),
        _picture(report),
        *([section(element("h2", None, "Steps at each address"), *steps)] if steps else []),
        *_folded(report),
        *_unseen(report),
        element("p", {"class": "muted"}, vantage(report)),
    ]


def _causes(report: Report) -> Iterator[Element]:
    for number, finding in enumerate(causes(report), 1):
        yield section(*_cause(number, finding, report))


def _cause(number: int, finding: Finding, report: Report) -> Iterator[Element]:
    yield element("h2", None, f"{number}. {head(finding)} ({finding.code})")
    yield element("p", None, bounded(visible(finding.detail)))
    todo = element("div", {"class": "do"})
    todo.append(element("p", None, element("strong", None, "What to do:"), f" {finding.fix.summary}"))
    if finding.fix.commands:
        commands = lines([shell(command) for command in finding.fix.commands])
        todo.append(element("pre", None, raw("code", None, commands)))
    todo.extend(bullets(undoing(finding.fix)))
    yield todo
    if consequences := follows(finding, report):
        yield element("p", None, f"It also causes: {', '.join(consequences)}")
    # The links in a saved report may come from somewhere else; those of the catalogue are ours.
    documents = CODES[finding.code].documents if finding.code in CODES else ()
    links = [element("a", {"href": document.url}, document.title) for document in documents]
    yield from (element("div", {"class": "unprinted"}, made) for made in bullets(links))


def _picture(report: Report) -> Element:
    """The path, drawn once for a wide page and once for a narrow one, of which a browser shows one."""
    drawn = (
        element("div", {"class": kind}, picture(report, width, kind))
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return section(element("h2", None, "The path"), element("figure", None, *drawn))


def _kind(known: Standing | None) -> str | None:
    """The class of a failed step that counts."""
    return None if known is None or known.weight is Weight.NOT_COUNTED else WEIGHTS[known.weight]


def _result(words: str, known: Standing | None) -> str:
    """A failure in brackets where it does not count."""
    return f"({words})" if known is not None and known.weight is Weight.NOT_COUNTED else words


def _target(number: int, target: TargetReport, report: Report, standing: Mapping[str, Standing]) -> Iterator[Element]:
    yield element("h3", None, f"{target.service} at ", element("code", None, target.host))
    yield element("p", None, state(target))
    yield from bullets(f"not proven: {words}" for words in target.unproven)
    rows = []
    for row in matrix(target, report):
        cells = [row_head(starred(row.address)), cell(zone(row.address)), cell(str(row.port))]
        for step in row.steps:
            known = None if step is None else standing.get(step.id)
            cells.append(cell(_result(words_of(step), known), _kind(known)))
        rows.append(cells)
    if rows:
        columns = ("address", "zone", "port", *STEPS)
        yield table(f"Which steps succeed at each address of {target.id}", columns, rows, f"steps-{number}")
        steps = [standing[step.id] for row in matrix(target, report) for step in row.steps if step and step.failure]
        aside = dict.fromkeys(known.why for known in steps if known.weight is Weight.NOT_COUNTED)
        if aside:
            yield element("p", {"class": "muted"}, f"In brackets: failed, and not counted: {'; '.join(aside)}")
    if answers := names(target, report):
        pairs = [(row_head(who), cell(given)) for who, given in answers.items()]
        yield table(f"Who gave which addresses for {target.id}", ("asked", "answer"), pairs, f"names-{number}")


def _folded(report: Report) -> Iterator[Element]:
    rows = [
        (row_head(service), *(cell(words) for words in rest))
        for service, *rest in (folded_row(target, report) for target in folded(report))
    ]
    if rows:
        made = table("One line for each service that is ok", FOLDED, rows, "services")
        yield section(element("h2", None, "Services that answer"), made)


def _unseen(report: Report) -> Iterator[Element]:
    reasons = [f"{what}: {why}" for why, what in unseen(report).items()]
    if has_unused_answer(report):
        reasons.append(f"*: {UNUSED_ANSWER}")
    if reasons:
        yield section(element("h2", None, "Not checked"), *bullets(reasons))


def _more(report: Report) -> list[Element]:
    """What is folded."""
    if not report.observations:
        return []
    words = (
        "This file also holds the report as JSON: ",
        element("code", None, "backuplink diagnose FILE"),
        " judges it again.",
    )
    heading = element("h2", {"class": "unprinted"}, "More")
    note = element("p", {"class": "muted unprinted"}, *words)
    return [section(heading, *runbooks([report]), observations(report), note)]


def runbooks(reports: Sequence[Report]) -> list[Element]:
    """The runbook pages of the findings of reports, each folded, with the domains of the Region where it is one."""
    codes = dict.fromkeys(finding.code for report in reports for finding in report.findings if finding.code in CODES)
    regions = {report.run.region for report in reports}
    region = regions.pop() if len(regions) == 1 else None
    return [
        fold(f"Runbook: {code} {CODES[code].title}", *runbook(code, region)) for code in list(codes)[:_MAX_RUNBOOKS]
    ]


def observations(report: Report) -> Element:
    """Everything that was checked, folded."""
    standing = standings(report)
    rows = []
    for observation in report.observations:
        failure, outcome = observation.failure, observation.outcome
        if failure is not None:
            result, why = failure.kind.upper(), failure.message
        elif isinstance(outcome, Skipped):
            result, why = "skipped", outcome.reason
        else:
            result, why = "ok", ""
        took = "-" if observation.seconds is None else duration(observation.seconds)
        known = standing.get(observation.id)
        if known is not None and known.weight is Weight.NOT_COUNTED:
            why = f"{why} (not counted: {known.why})"
        words = (cell(_result(result, known), _kind(known)), cell(took), cell(bounded(visible(why))))
        rows.append((row_head(observation.id), *words))
    columns = ("observation", "result", "time", "why")
    return fold(f"All {len(rows)} observations", table("Everything that was checked", columns, rows, "observations"))
