"""The report in Markdown, for a ticket or a pull request: the verdict, causes with their fix, the targets, the rest.

It is read by people who do not have the program, on pages that make links, pictures and markup of what they are given.
So whatever the program did not say itself is escaped until a reader of CommonMark, and of the tables and links that
GitHub and GitLab add to it, finds nothing but text in it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from agent.catalog.findings import CODES
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.report_text import (
    STEPS,
    UNUSED_ANSWER,
    bounded,
    causes,
    cell,
    facts,
    follows,
    has_unused_answer,
    head,
    in_use,
    matrix,
    names,
    shell,
    starred,
    state,
    undoing,
    unseen,
    vantage,
    visible,
    zone,
)
from agent.report.model import Finding, Report, TargetReport

_SPEAKS: Final = re.compile(r"[\\`*_{}\[\]<>#|~&$]|(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
"""What can begin or end something anywhere in a line; in `https://` and `www.` what makes a link of them."""
_BEGINS: Final = re.compile(r"^(\d*)([-+.)])(?=[ -]|$)")
"""What makes a list or a rule of a line, at its beginning."""
_CALLS: Final = re.compile(r"(?<![\w\\])@(?=\w)")
"""What would call somebody on the page where this is pasted, which no backslash prevents."""
_FENCE: Final = "```"


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One document of Markdown."""
    word = report.verdict.status.value.upper()
    parts = [f"# {word}: {escaped(report.verdict.summary)}"]
    if report.observations:  # a call that was refused made no run of which anything could be said
        parts.append(escaped(facts(report)))
    for number, finding in enumerate(causes(report), 1):
        parts += _cause(number, finding, report)
    for target in in_use(report):
        parts += _target(target, report)
    parts += _unseen(report)
    if report.observations:
        parts.append(escaped(vantage(report)))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """`text` on one line, so that it is shown as it is and does nothing wherever it stands."""
    return _BEGINS.sub(r"\1\\\2", _inside(text))


def _inside(text: str) -> str:
    """The same for a place that no line begins with."""
    line = _CALLS.sub(r"\\x40", " ".join(visible(text).split()))
    return _SPEAKS.sub(r"\\\g<0>", line)


def _cause(number: int, finding: Finding, report: Report) -> Iterator[str]:
    yield f"## {number}. {escaped(head(finding))} ({escaped(finding.code)})"
    yield escaped(bounded(finding.detail))
    yield f"**What to do:** {escaped(finding.fix.summary)}"
    if finding.fix.commands:
        yield _fenced(shell(command) for command in finding.fix.commands)
    if undo := undoing(finding):
        yield "\n".join(f"* {escaped(line)}" for line in undo)
    if consequences := follows(finding, report):
        yield f"From it follows: {escaped(', '.join(consequences))}"
    # Of a saved report the links, too, may be another's; those of the code are ours.
    if finding.code in CODES and CODES[finding.code].documents:
        yield "\n".join(f"* [{escaped(each.title)}]({each.url})" for each in CODES[finding.code].documents)


def _fenced(lines: Iterable[str]) -> str:
    """Commands as they are typed. None begins with the fence: a word that does so is quoted, or a program of that
    name."""
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
        yield _table(("asked", "answer"), answers.items())
    rows = [
        (starred(row.address), zone(row.address), str(row.port), *map(cell, row.steps))
        for row in matrix(target, report)
    ]
    if rows:
        yield _table(("address", "zone", "port", *STEPS), rows)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *(tuple(map(_inside, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _unseen(report: Report) -> Iterator[str]:
    reasons = [f"* {escaped(what)}: {escaped(why)}" for why, what in unseen(report).items()]
    if has_unused_answer(report):
        reasons.append(f"* {escaped('*')}: {UNUSED_ANSWER}")
    if reasons:
        yield "## Not looked at"
        yield "\n".join(reasons)
