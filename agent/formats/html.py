"""The report as one HTML file: for a browser, a mail, an archive. It needs no other file and runs no script.

The verdict, what is wrong and what to do come first, then the path as a picture and the steps at each address. What few
readers need is folded: the runbook pages of the findings, and every observation. The report itself is in the file, too:
`diagnose`, `diff` and `tui` read it from there (`agent.report.saved`).
"""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.findings import CODES
from agent.catalog.wording import duration
from agent.formats.elements import data, element, lines, raw
from agent.formats.page import bullets, cell, page, row_head, section, table, verdict
from agent.formats.page import folded as fold
from agent.formats.picture import NARROW, WEIGHTS, WIDE, picture
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.report_text import (
    FOLDED,
    STEPS,
    UNUSED_ANSWER,
    bounded,
    causes,
    facts,
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
    visible,
    zone,
)
from agent.formats.report_text import cell as words_of
from agent.formats.runbook_page import runbook
from agent.report.codec import encode
from agent.report.counting import Standing, Weight, standings
from agent.report.model import Finding, Report, TargetReport
from agent.report.saved import PAGE_ID
from probes.model import Skipped

_MAX_RUNBOOKS: Final = 12
"""Pages of findings in a file; `backuplink explain` has all of them."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One HTML document."""
    word = report.verdict.status.value
    content: list[Element] = []
    standing = standings(report)
    if report.observations:
        content.append(verdict(word, report.verdict.summary, facts(report)))
    else:  # a call that was refused made no run, so there is nothing to describe
        content.append(verdict(word, report.verdict.summary))
    for number, finding in enumerate(causes(report), 1):
        content.append(section(*_cause(number, finding, report)))
    if report.observations:
        content.append(_picture(report))
    parts = [section(*_target(number, target, report, standing)) for number, target in enumerate(unfolded(report), 1)]
    if parts:
        content.append(section(element("h2", None, "Steps at each address"), *parts))
    content += _folded(report)
    content += _unseen(report)
    if report.observations:
        content.append(element("p", {"class": "muted"}, vantage(report)))
        content.append(section(*_more(report, standing)))
    return page(f"{word.upper()}: {report.verdict.summary}", content, data(encode(report), {"id": PAGE_ID}))


def _cause(number: int, finding: Finding, report: Report) -> Iterator[Element]:
    yield element("h2", None, f"{number}. {head(finding)} ({finding.code})")
    yield element("p", None, bounded(visible(finding.detail)))
    todo = element("div", {"class": "do"})
    todo.append(element("p", None, element("strong", None, "What to do:"), f" {finding.fix.summary}"))
    if finding.fix.commands:
        commands = lines([shell(command) for command in finding.fix.commands])
        todo.append(element("pre", None, raw("code", None, commands)))
    todo.extend(bullets(undoing(finding)))
    yield todo
    if consequences := follows(finding, report):
        yield element("p", None, f"From it follows: {', '.join(consequences)}")
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


def _more(report: Report, standing: Mapping[str, Standing]) -> Iterator[Element]:
    """What is folded."""
    yield element("h2", {"class": "unprinted"}, "More")
    codes = [code for code in dict.fromkeys(finding.code for finding in report.findings) if code in CODES]
    for code in codes[:_MAX_RUNBOOKS]:
        yield fold(f"Runbook: {code} {CODES[code].title}", *runbook(code, report.run.region))
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
    yield fold(f"All {len(rows)} observations", table("Everything that was checked", columns, rows, "observations"))
    yield element(
        "p",
        {"class": "muted unprinted"},
        "This file also holds the report as JSON: ",
        element("code", None, "backuplink diagnose FILE"),
        " judges it again.",
    )
