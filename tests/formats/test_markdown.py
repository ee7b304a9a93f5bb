"""The report in Markdown, read back by a parser of CommonMark: nothing foreign is anything but text there."""

import re
import shlex
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.catalog.findings import CODES
from agent.formats import markdown
from agent.formats.report_text import DETAIL_CHARACTERS, visible
from agent.judge.verdict import refusal
from agent.report.model import Report
from agent.simulated import scenario as scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of
from tests.support.untrusted import HOSTILE, spoken

PARSER: Final = MarkdownIt("gfm-like", {"html": True}).disable("text_join")
"""CommonMark with the tables, the struck words and the links of GitHub, and HTML let through. What a backslash stood
before stays a token of its own, since GitHub, too, looks for links before it joins them."""
assert PARSER.linkify is not None
# There a link begins with a scheme, or with `www.`, which is looked for below.
PARSER.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
QUIET: Final = {
    *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "fence"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    *("table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close"),
    *("th_open", "th_close", "td_open", "td_close"),
    *("text", "text_special", "code_inline", "link_open", "link_close", "strong_open", "strong_close"),
}
"""All that a report is made of."""


def tokens(report: Report) -> list[Token]:
    """What a reader of Markdown makes of a report, the tokens of each line among them."""
    found: list[Token] = []
    for token in PARSER.parse(markdown.render(report)):
        found += (token, *(token.children or ()))
    return found


def said(report: Report) -> list[str]:
    """What a reader sees, block by block."""
    blocks = []
    for token in PARSER.parse(markdown.render(report)):
        if token.type == "inline":
            blocks.append("".join(child.content for child in token.children or ()))
        elif token.type == "fence":
            blocks += token.content.removesuffix("\n").split("\n")
    return blocks


def test_of_a_run() -> None:
    report = report_of("one-zone-silent")
    lines = markdown.render(report).splitlines()
    assert lines[0] == "# CRITICAL: backup: some of the endpoint's addresses do not answer"
    assert lines[2] == "eu-west-1, path private, access allowed, 3.0 s"
    assert "## 1. CRITICAL backup: Some of the endpoint's addresses do not answer (TCP002)" in lines
    assert "| 10.0.2.17 | - | 443 | TIMEOUT | - | - | - |" in lines
    assert "## backup at `backup.eu-west-1.amazonaws.com`" in lines
    assert "## Not looked at" in lines
    start = lines.index("```sh") + 1
    assert lines[start : lines.index("```", start)] == [
        shlex.join(command.argv) for command in report.findings[0].fix.commands
    ]


@pytest.mark.parametrize("name", one_in(8, scenarios.names()))
def test_of_every_scenario(name: str) -> None:
    report = report_of(name)
    found = tokens(report)
    assert {token.type for token in found} <= QUIET
    blocks = said(report)
    for finding in report.findings:
        if finding.explained_by is None:
            assert read(finding.detail) in blocks
            assert f"What to do: {read(finding.fix.summary)}" in blocks
            for command in finding.fix.commands:
                assert shlex.join(command.argv) in blocks
    for target in report.targets:
        if target.status != "not-in-use":
            assert f"{target.service} at {target.host}" in blocks


def test_of_a_call_that_was_refused() -> None:
    assert markdown.render(refusal("no such option: --frmat.")) == "# UNKNOWN: no such option: --frmat.\n"


def is_ours(url: object) -> bool:
    return any(url == document.url for code in CODES.values() for document in code.documents)


def check(text: str) -> None:
    """Everything that is said of `text` in a report is `text`, and nothing else is made of it."""
    report = spoken(text)
    source = markdown.render(report)
    assert source.replace("\n", "").isprintable()
    assert source.isascii()
    found = tokens(report)
    assert {token.type for token in found} <= QUIET
    assert all(is_ours(token.attrGet("href")) for token in found if token.type == "link_open")
    assert not any(re.search(r"\bwww\.", token.content, re.IGNORECASE) for token in found if token.type == "text")
    words = "".join(token.content if token.type.startswith("text") else "\0" for token in found)
    assert not re.search(r"(?<![\w/])@\w", words)
    blocks = said(report)
    for line in (
        f"WARNING: {text}",
        f"1. WARNING {text}: {text} ({report.findings[0].code})",
        text,
        f"What to do: {text}",
        f"not proven: {text}",
        f"To take command 1 back: {text}",
        f"tls: {text}",
    ):
        assert read(line) in blocks
    assert shlex.join(["aws", visible(text), visible(text)]) in blocks
    assert cells(found) == cells(tokens(report_of("gateway-optional-ports")))


def read(text: str) -> str:
    """What is to be read where `text` was said: one line, and nobody called by name."""
    return re.sub(r"(?<!\w)@(?=\w)", r"\\x40", " ".join(visible(text).split()))


def cells(found: list[Token]) -> list[int]:
    """How many cells each row has."""
    kinds = "".join({"tr_open": "|", "th_open": "+", "td_open": "-"}.get(token.type, "") for token in found)
    return [len(row) for row in kinds.split("|")]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_foreign_is_text(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="\\`*_[]()<>#+-.!|~&@:/w$ \n\t1a", max_size=40))
def test_whatever_is_foreign_is_text(text: str) -> None:
    check(text)


def test_a_long_detail_is_cut() -> None:
    report = report_of("one-zone-silent")
    long = replace(report, findings=(replace(report.findings[0], detail="a word " * DETAIL_CHARACTERS),))
    assert len(markdown.render(long)) < len(markdown.render(report)) + DETAIL_CHARACTERS
    assert "... (--format json has the rest)" in markdown.render(long)


def test_links_of_a_saved_report_are_not_taken() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    documents = tuple(replace(each, url="javascript:alert(1)") for each in finding.documents)
    assert documents
    assert markdown.render(replace(report, findings=(replace(finding, documents=documents),))) == markdown.render(
        replace(report, findings=(finding,))
    )
    unknown = replace(finding, code="XYZ999")
    assert "](" not in markdown.render(replace(report, findings=(unknown,)))
