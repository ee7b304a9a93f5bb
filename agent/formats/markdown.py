"""The report in Markdown, for a ticket or a pull request: the verdict, causes with their fix, the targets, the rest.

It is pasted into pages that turn text into links, pictures and markup. So all text from outside is escaped, for
CommonMark and for the tables and links that GitHub and GitLab add to it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from agent.catalog.findings import CODES
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.escape import visible
from agent.report.model import Finding, Report, TargetReport
from agent.report.words import (
    FOLDED,
    STEPS,
    UNUSED_ANSWER,
    below_summary,
    bounded,
    causes,
    cell,
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

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>#|~&$]|(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
"""Characters that are markup anywhere in a line, and the parts of `https://` and `www.` that make a link."""
_LINE_START: Final = re.compile(r"^(\d*)([-+.)])(?=[ -]|$)")
"""What turns a line into a list item or a rule, at its start."""
_MENTION: Final = re.compile(r"(?<!\w)@(?=\w)")
"""What would mention a user on the page where this is pasted; a backslash does not prevent that."""
_FENCE: Final = "```"


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One document of Markdown."""
    word = report.verdict.status.value.upper()
    parts = [f"# {word}: {escaped(report.verdict.summary)}"]
    if report.observations:  # a call that was refused made no run, so there is nothing to describe
        parts += map(escaped, below_summary(report))
    for number, finding in enumerate(causes(report), 1):
        parts += _cause(number, finding, report)
    for target in unfolded(report):
        parts += _target(target, report)
    parts += _folded(report)
    parts += _unseen(report)
    if report.observations:
        parts.append(escaped(f"{vantage(report)} The path as a picture: --format svg"))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """`text` on one line, escaped so that it is shown as it is."""
    return _LINE_START.sub(r"\1\\\2", inside(text))


def inside(text: str) -> str:
    """The same for a place inside a line."""
    line = _MENTION.sub(r"\\x40", " ".join(visible(text).split()))
    return _MARKUP.sub(r"\\\g<0>", line)


def _cause(number: int, finding: Finding, report: Report) -> Iterator[str]:
    yield f"## {number}. {escaped(head(finding))} ({escaped(finding.code)})"
    yield escaped(bounded(finding.detail))
    yield f"**What to do:** {escaped(finding.fix.summary)}"
    if finding.fix.commands:
        yield fenced(shell(command) for command in finding.fix.commands)
    if undo := undoing(finding.fix):
        yield "\n".join(f"* {escaped(line)}" for line in undo)
    if consequences := follows(finding, report):
        yield f"It also causes: {escaped(', '.join(consequences))}"
    # The links in a saved report may come from somewhere else; those of the catalogue are ours.
    if finding.code in CODES and CODES[finding.code].documents:
        yield "\n".join(f"* [{escaped(document.title)}]({document.url})" for document in CODES[finding.code].documents)


def fenced(lines: Iterable[str]) -> str:
    """Commands as they are typed, in a fence longer than any run of backticks in them."""
    block = "\n".join(lines)
    longest = max((len(run) for run in re.findall("`+", block)), default=0)
    fence = "`" * max(len(_FENCE), longest + 1)
    return f"{fence}sh\n{block}\n{fence}"


def _code(text: str) -> str:
    """`text` as it is, inside a line."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _target(target: TargetReport, report: Report) -> Iterator[str]:
    yield f"## {escaped(target.service)} at {_code(visible(target.host))}"
    yield escaped(state(target))
    if target.unproven:
        yield "\n".join(f"* not proven: {escaped(words)}" for words in target.unproven)
    if answers := names(target, report):
        yield table(("asked", "answer"), answers.items())
    rows = [
        (starred(row.address), zone(row.address), str(row.port), *map(cell, row.steps))
        for row in matrix(target, report)
    ]
    if rows:
        yield table(("address", "zone", "port", *STEPS), rows)


def _folded(report: Report) -> Iterator[str]:
    rows = [folded_row(target, report) for target in folded(report)]
    if rows:
        yield "## Services that answer"
        yield table(FOLDED, rows)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *(tuple(map(inside, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _unseen(report: Report) -> Iterator[str]:
    reasons = [f"* {escaped(what)}: {escaped(why)}" for why, what in unseen(report).items()]
    if has_unused_answer(report):
        reasons.append(f"* {escaped('*')}: {UNUSED_ANSWER}")
    if reasons:
        yield "## Not checked"
        yield "\n".join(reasons)
