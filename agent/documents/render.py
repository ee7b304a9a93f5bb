"""Write a document in one of the formats for people. A renderer is imported when its format is used."""

from typing import Final

from agent.documents.blocks import Document, Medium

NAMES: Final = frozenset(medium.value for medium in Medium)
"""The formats for people. `--format` uses the same names."""


def render(document: Document, wanted: str, *, colour: bool = False) -> str:
    """Return the document as `text`, `markdown` or `html`. With `colour`, a text has colours."""
    match Medium(wanted):
        case Medium.PAGE:
            from agent.documents import html

            return html.render(document)
        case Medium.MARKDOWN:
            from agent.documents import markdown

            return markdown.render(document)
        case Medium.TEXT:
            from agent.documents import text

            return text.render(document, colour=colour)
