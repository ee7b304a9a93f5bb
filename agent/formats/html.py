"""The report as one HTML file: for a browser, a mail, an archive. It needs no other file and runs no script.

All text from outside is escaped, and no attribute contains any. Should that ever fail, the page's Content Security
Policy still forbids everything but its own style: no script, no picture, no form, no other address.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from agent.catalog.findings import CODES
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.report_text import (
    FOLDED,
    STEPS,
    UNUSED_ANSWER,
    bounded,
    causes,
    cell,
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
from agent.report.model import Finding, Report, TargetReport

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.25; overflow-wrap: anywhere; }
pre { padding: .75rem; border: 1px solid #8888; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: .25rem .75rem; text-align: left; }
.failed { font-weight: bold; color: light-dark(#a40000, #ff8080); }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One HTML document."""
    title = f"{report.verdict.status.value.upper()}: {report.verdict.summary}"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        _element("title", f"backuplink: {title}"),
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        _element("h1", title),
    ]
    if report.observations:  # a call that was refused made no run, so there is nothing to describe
        lines.append(_element("p", facts(report)))
    for number, finding in enumerate(causes(report), 1):
        lines += _section(_cause(number, finding, report))
    for target in unfolded(report):
        lines += _section(_target(target, report))
    lines += _section(_folded(report))
    lines += _section(_unseen(report))
    if report.observations:
        lines.append(_element("p", vantage(report)))
    lines += ["</body>", "</html>"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return escape(visible(text))


def _element(name: str, text: str, attributes: str = "") -> str:
    """An element that holds nothing but text; `attributes` are ours."""
    return f"<{name}{attributes}>{_escaped(text)}</{name}>"


def _section(lines: Iterable[str]) -> list[str]:
    held = list(lines)
    return ["<section>", *held, "</section>"] if held else []


def _list(lines: Iterable[str]) -> Iterator[str]:
    """A list whose items are HTML already; nothing where there are no items."""
    items = [f"<li>{line}</li>" for line in lines]
    if items:
        yield from ("<ul>", *items, "</ul>")


def _cause(number: int, finding: Finding, report: Report) -> Iterator[str]:
    yield _element("h2", f"{number}. {head(finding)} ({finding.code})")
    yield _element("p", bounded(finding.detail))
    yield f"<p><strong>What to do:</strong> {_escaped(finding.fix.summary)}</p>"
    if finding.fix.commands:
        commands = "\n".join(map(_escaped, map(shell, finding.fix.commands)))
        yield f"<pre><code>{commands}</code></pre>"
    yield from _list(map(_escaped, undoing(finding)))
    if consequences := follows(finding, report):
        yield _element("p", f"From it follows: {', '.join(consequences)}")
    # The links in a saved report may come from somewhere else; those of the catalogue are ours.
    documents = CODES[finding.code].documents if finding.code in CODES else ()
    yield from _list(_element("a", document.title, f' href="{escape(document.url)}"') for document in documents)


def _target(target: TargetReport, report: Report) -> Iterator[str]:
    yield f"<h2>{_escaped(target.service)} at <code>{_escaped(target.host)}</code></h2>"
    yield _element("p", state(target))
    yield from _list(_escaped(f"not proven: {words}") for words in target.unproven)
    if answers := names(target, report):
        yield from _table(
            "Who gave which addresses",
            ("asked", "answer"),
            [(_element("th", who, ' scope="row"'), _element("td", given)) for who, given in answers.items()],
        )
    rows = []
    for row in matrix(target, report):
        cells = [_element("th", starred(row.address), ' scope="row"')]
        cells += [_element("td", words) for words in (zone(row.address), str(row.port))]
        for observation in row.steps:
            failed = observation is not None and observation.failure is not None
            cells.append(_element("td", cell(observation), ' class="failed"' if failed else ""))
        rows.append(tuple(cells))
    if rows:
        yield from _table("Which steps succeed at each address", ("address", "zone", "port", *STEPS), rows)


def _folded(report: Report) -> Iterator[str]:
    rows = [
        (_element("th", service, ' scope="row"'), *(_element("td", words) for words in rest))
        for service, *rest in (folded_row(target, report) for target in folded(report))
    ]
    if rows:
        yield _element("h2", "Services that answer")
        yield from _table("One line for each service that is ok", FOLDED, rows)


def _table(caption: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table whose rows are HTML already."""
    yield "<table>"
    yield _element("caption", caption)
    yield "<thead>"
    heads = [_element("th", heading, ' scope="col"') for heading in header]
    yield f"<tr>{''.join(heads)}</tr>"
    yield "</thead>"
    yield "<tbody>"
    for row in rows:
        yield f"<tr>{''.join(row)}</tr>"
    yield "</tbody>"
    yield "</table>"


def _unseen(report: Report) -> Iterator[str]:
    reasons = [f"{what}: {why}" for why, what in unseen(report).items()]
    if has_unused_answer(report):
        reasons.append(f"*: {UNUSED_ANSWER}")
    if reasons:
        yield _element("h2", "Not checked")
        yield from _list(map(_escaped, reasons))
