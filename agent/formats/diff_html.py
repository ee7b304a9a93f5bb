"""What changed between two reports, as one HTML file like that of a report."""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.documents.elements import data, element
from agent.documents.page import cell, page, row_head, section, table, verdict
from agent.formats.diff import HEAD, Row, sections, side_facts
from agent.report.diff import Difference, Side
from agent.report.serialization import to_json

PAGE_ID: Final = "backuplink-diff"


def as_html(changes: Difference) -> str:
    """One HTML document."""
    words = f"{changes.old.status} -> {changes.new.status}"
    content = [verdict(changes.worse, HEAD[changes.worse], words)]
    sides = [_side(word, side) for word, side in (("old", changes.old), ("new", changes.new))]
    content.append(table("The two reports", ("report", "made", "status", "verdict"), sides, "sides"))
    content += [_section(title, rows, number) for number, (title, rows) in enumerate(sections(changes), 1)]
    return page(f"{HEAD[changes.worse]}: {words}", content, data(to_json(changes), {"id": PAGE_ID}))


def _side(word: str, side: Side) -> Sequence[Element]:
    return row_head(word), cell(side_facts(side)), cell(side.status, side.status), cell(side.summary)


def _section(title: str, rows: Sequence[Row], number: int) -> Element:
    heading = element("h2", None, title)
    if not rows:
        return section(heading, element("p", None, "the same"))
    cells = [(row_head(change), cell(words)) for change, words in rows]
    return section(heading, table(f"{title}: what came, went and changed", ("change", "what"), cells, f"part-{number}"))
