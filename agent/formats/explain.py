"""The runbook page of a finding. Imports nothing heavy, so that a page appears at once on a small host."""

from typing import TYPE_CHECKING

from agent.catalog.runbooks import LEGENDS, page

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = "backuplink.explain.v1"
_WIDTH = 80
_INDENT = "  "


def as_text(markdown: str, *, bold: bool = False) -> str:
    """Return a page for a terminal: headings stand out, commands are indented. `bold` says that the terminal can show
    bold text. The end of the page explains the placeholders for domains, which depend on the partition."""
    lines = []
    block: list[str] | None = None
    for line in markdown.splitlines():
        if line.startswith("```"):
            if block is not None:
                lines += _indented(block)
            block = [] if block is None else None
        elif block is not None:
            block.append(line)
        elif line.startswith("#"):
            words = line.lstrip("# ")
            lines.append(f"\x1b[1m{words}\x1b[0m" if bold else words if line.startswith("# ") else words.upper())
        else:
            lines.append(line)
    legends = [f"- {words}" for name, words in LEGENDS.items() if name in markdown]
    lines += ["", *legends] if legends else []
    return "\n".join(lines) + "\n"


def _indented(block: list[str]) -> list[str]:
    """Commands, indented unless the indentation would break a line that otherwise fits."""
    widest = max(map(len, block), default=0)
    indent = "" if _WIDTH - len(_INDENT) < widest <= _WIDTH else _INDENT
    return [f"{indent}{line}".rstrip() for line in block]


def sections(markdown: str) -> dict[str, str]:
    """Return the parts of a page by heading, in order."""
    by_heading: dict[str, str] = {}
    for part in markdown.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        by_heading[heading] = body.strip()
    return by_heading


def catalogue_as_text(codes: "Iterable[str]") -> str:
    """Return these codes with their severities and titles."""
    import textwrap

    indent = " " * 19
    return "".join(
        textwrap.fill(f"{row['code']:<8} {row['severity']:<9} {row['title']}", 80, subsequent_indent=indent) + "\n"
        for row in map(_row, codes)
    )


def catalogue_as_json(codes: "Iterable[str]") -> str:
    """Return these codes as one JSON object."""
    from agent.report.codec import dumps

    return dumps({"schema": SCHEMA, "codes": [_row(code) for code in codes]})


def page_as_text(code: str, *, bold: bool = False) -> str:
    """Return the page of a code for a terminal in the form of `as_text`."""
    return as_text(page(code), bold=bold)


def page_as_json(code: str) -> str:
    """Return the page of a code as one JSON object with the page's parts by heading."""
    from agent.catalog.findings import CODES
    from agent.report.codec import dumps

    documents = [{"title": document.title, "url": document.url} for document in CODES[code].documents]
    return dumps({"schema": SCHEMA, **_row(code), "sections": sections(page(code)), "documents": documents})


def _row(code: str) -> dict[str, str]:
    from agent.catalog.findings import CODES

    finding = CODES[code]
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "scope": finding.scope,
        "radius": finding.radius,
        "title": finding.title,
    }
