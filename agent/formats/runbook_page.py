"""The runbook page of a finding as HTML. The pages are ours, and use a small part of Markdown."""

from typing import Final
from xml.etree.ElementTree import Element

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.catalog.partitions import is_region
from agent.documents.elements import append, element, raw
from agent.formats.explain import for_region, page

_PARSER: Final = MarkdownIt("commonmark", {"html": False})
_SHIFT: Final = 1
"""How many levels lower the headings stand: a page is a part of a section."""


def runbook(code: str, region: str | None) -> list[Element]:
    """The page of a code below its own heading, with the domains of the Region where that is known. Raises KeyError
    where there is no page."""
    text = page(code)
    if region is not None and is_region(region):
        text = for_region(text, region)
    holder = element("div")
    _build(holder, _PARSER.parse(text))
    return [part for part in holder if part.tag != "h2"]


def _build(parent: Element, tokens: list[Token]) -> None:
    """Turn Markdown's tokens into elements. Any token that is not known here is shown as its text."""
    stack = [parent]
    for token in tokens:
        if token.hidden:  # the paragraphs of a list whose items stand close together
            continue
        if token.nesting > 0:
            stack.append(element(_tag(token)))
            append(stack[-2], stack[-1])
        elif token.nesting < 0:
            stack.pop()
        elif token.type == "inline":
            _build(stack[-1], token.children or [])
        elif token.type == "fence":
            append(stack[-1], element("pre", None, raw("code", None, token.content)))
        elif token.type == "code_inline":
            append(stack[-1], element("code", None, token.content))
        elif token.type == "text" and token.content.startswith("https://") and " " not in token.content:
            append(stack[-1], element("a", {"href": token.content}, token.content))
        elif token.type == "softbreak":
            append(stack[-1], " ")
        else:
            append(stack[-1], token.content)


def _tag(token: Token) -> str:
    return f"h{int(token.tag[1]) + _SHIFT}" if token.type == "heading_open" else token.tag
