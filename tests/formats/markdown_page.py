"""Reads a page with a parser for CommonMark and GitHub's additions."""

import re
import shlex
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.catalog.findings import CODES
from agent.formats import markdown
from agent.report.escape import visible
from agent.report.model import Report
from tests.support.runs import report_of
from tests.support.untrusted import HEADLINE, SPOKEN_OF, spoken

PARSER: Final = MarkdownIt("gfm-like", {"html": True}).disable("text_join")
"""CommonMark with GitHub's tables, strikethrough and links, and with HTML allowed. An escaped character stays a
separate token, because GitHub, too, looks for links before it joins such tokens to the text around them.
"""


assert PARSER.linkify is not None


# On GitHub, a link begins with a scheme, or with `www.`. The code below searches for the latter.
PARSER.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})


QUIET: Final = {
    *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "fence"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    *("table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close"),
    *("th_open", "th_close", "td_open", "td_close"),
    *("text", "text_special", "code_inline", "link_open", "link_close", "strong_open", "strong_close"),
}
"""All kinds of tokens that a report may have."""


def tokens(report: Report) -> list[Token]:
    """The tokens of a report, including those inside each line."""
    result: list[Token] = []
    for token in PARSER.parse(markdown.render(report)):
        result += (token, *(token.children or ()))
    return result


def visible_blocks(report: Report) -> list[str]:
    """The visible text, block by block."""
    blocks = []
    for token in PARSER.parse(markdown.render(report)):
        if token.type == "inline":
            blocks.append("".join(child.content for child in token.children or ()))
        elif token.type == "fence":
            blocks += token.content.removesuffix("\n").split("\n")
    return blocks


def is_ours(url: object) -> bool:
    return any(url == document.url for code in CODES.values() for document in code.documents)


def check(text: str) -> None:
    """Assert that the page shows `text` as text and creates no markup from it, where every value from outside is
    `text`.
    """
    report = spoken(text)
    source = markdown.render(report)
    assert source.replace("\n", "").isprintable()
    assert source.isascii()
    parsed = tokens(report)
    assert {token.type for token in parsed} <= QUIET
    assert all(is_ours(token.attrGet("href")) for token in parsed if token.type == "link_open")
    assert not any(re.search(r"\bwww\.", token.content, re.IGNORECASE) for token in parsed if token.type == "text")
    words = "".join(token.content if token.type.startswith("text") else "\0" for token in parsed)
    assert not re.search(r"(?<![\w/])@\w", words)
    blocks = visible_blocks(report)
    for line in (
        f"WARNING: {text}",
        f"1. WARNING {text}: {HEADLINE} ({report.findings[0].code})",
        text,
        f"What to do: {text}",
        f"not proven: {text}",
        f"[changes] To undo: {text}",
        f"tls: {text}",
    ):
        assert read(line) in blocks
    assert shlex.join(["aws", visible(text), visible(text)]) in blocks
    assert cells(parsed) == cells(tokens(report_of(SPOKEN_OF)))


def read(text: str) -> str:
    """Return a foreign text as the page shows it: on one line, and without mentions of users."""
    return re.sub(r"(?<!\w)@(?=\w)", r"\\x40", " ".join(visible(text).split()))


def cells(parsed: list[Token]) -> list[int]:
    """The number of cells in each row."""
    kinds = "".join({"tr_open": "|", "th_open": "+", "td_open": "-"}.get(token.type, "") for token in parsed)
    return [len(row) for row in kinds.split("|")]
