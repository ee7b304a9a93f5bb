"""The runbook page of a finding, and the list of all findings, as blocks. The pages use only a small part of
Markdown."""

from collections.abc import Iterable, Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from agent.catalog.findings import CODES
from agent.catalog.partitions import is_region
from agent.catalog.runbooks import LEGENDS, for_region, page
from agent.catalog.wording import counted
from agent.documents.blocks import (
    ALL,
    MUTED,
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Inline,
    Link,
    Mono,
    Section,
    Table,
    Text,
    Words,
)

_PARSER: Final = MarkdownIt("commonmark", {"html": False})


def document(code: str) -> Document:
    """Return the page of a code, with an explanation of its placeholders for domains."""
    known, text = CODES[code], page(code)
    legends = tuple(words for name, words in LEGENDS.items() if name in text)
    return Document(
        kind=known.severity.value,
        word=code,
        summary=known.title,
        lines=(f"{known.severity.value}: {known.name}",),
        blocks=(*sections(code, None), Bullets(legends, most=ALL)),
    )


def catalogue(codes: Iterable[str]) -> Document:
    """Return a list of these codes with their severities and titles."""
    rows = tuple(
        (known.code, Cell(known.severity.value, known.severity.value), known.title)
        for known in map(CODES.__getitem__, codes)
    )
    table = Table(caption="Finding codes", heads=("code", "severity", "title"), rows=rows, most=ALL)
    summary = f"{counted(len(rows), 'finding')}; backuplink explain CODE shows the page of a finding"
    return Document(kind="ok", word="CODES", summary=summary, blocks=(table,))


def sections(code: str, region: str | None) -> tuple[Block, ...]:
    """Return the parts of the page of a code, with the domains of the Region if it is known. Raises KeyError if there
    is no page."""
    text = page(code)
    if region is not None and is_region(region):
        text = for_region(text, region)
    _, *parts = _split(list(SyntaxTreeNode(_PARSER.parse(text)).children))
    return tuple(
        Section(title=_words(head), blocks=tuple(block for node in inner for block in _blocks(node)))
        for head, inner in parts
    )


def _split(nodes: list[SyntaxTreeNode]) -> Iterator[tuple[SyntaxTreeNode, list[SyntaxTreeNode]]]:
    """Yield each heading, and the content between it and the next heading."""
    starts = [place for place, node in enumerate(nodes) if node.type == "heading"]
    for start, end in zip(starts, [*starts[1:], len(nodes)], strict=True):
        yield nodes[start], nodes[start + 1 : end]


def _blocks(node: SyntaxTreeNode) -> Iterator[Block]:
    match node.type:
        case "paragraph":
            yield Text(_words(node))
        case "fence":
            yield Code(tuple(node.content.splitlines()))
        case "blockquote":
            yield from (Text(_words(inner), MUTED) for inner in node.children)
        case "bullet_list" | "ordered_list":
            yield Bullets(tuple(map(_words, node.children)), most=ALL, numbered=node.type == "ordered_list")
        case _:
            raise ValueError(f"a page has {node.type}, which is not a block")


def _words(node: SyntaxTreeNode) -> Words:
    """The words in a heading, a paragraph or an item of a list."""
    found: list[Inline] = []
    for inner in node.walk():
        match inner.type:
            case "code_inline":
                found.append(Mono(inner.content))
            case "softbreak":
                found.append(" ")
            case "text" if inner.content.startswith("https://") and " " not in inner.content:
                found.append(Link(inner.content, inner.content))
            case "text":
                found.append(inner.content)
            case "paragraph" if found:  # a paragraph of a nested list
                found.append(" ")
    return tuple(found)
