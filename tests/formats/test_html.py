"""The report as HTML, read back by a parser: closed in itself, and nothing foreign is anything but text there."""

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.findings import CODES
from agent.formats import html
from agent.formats.report_text import DETAIL_CHARACTERS, visible
from agent.judge.verdict import refusal
from agent.simulated import scenario as scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of
from tests.support.untrusted import HOSTILE, spoken

VOID: Final = {"meta"}
"""Elements that a report has and that end where they begin (HTML, section 13.1.2)."""
ATTRIBUTES: Final = {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "th": {"scope"},
    "td": {"class"},
    "a": {"href"},
}
ELEMENTS: Final = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "section",
        "h1",
        "h2",
        "p",
        "strong",
        "ul",
        "li",
        "pre",
        "code",
    ),
    *("a", "table", "caption", "thead", "tbody", "tr", "th", "td"),
}
"""All that a report is made of: nothing runs, loads, or sends."""


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Every element of a page, with the text inside it. Fails where a tag is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Element] = []
        self.found: list[Element] = []
        self.loose = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        element = Element(tag, dict(attrs))
        self.found.append(element)
        if self.open:
            self.open[-1].children.append(tag)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data
        if not self.open:
            self.loose += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")


def read(page: str) -> list[Element]:
    """The elements of a page that is in itself whole."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.loose.strip() == ""
    assert page.startswith("<!DOCTYPE html>\n<html ")
    assert page.endswith("</html>\n")
    assert page.isascii()
    assert page.replace("\n", "").isprintable()
    for element in reader.found:
        assert element.name in ELEMENTS
        assert set(element.attributes) <= ATTRIBUTES.get(element.name, set())
    return reader.found


def texts(found: list[Element], name: str) -> list[str]:
    return [element.text for element in found if element.name == name]


def links(found: list[Element]) -> list[str | None]:
    return [element.attributes["href"] for element in found if element.name == "a"]


def test_of_a_run() -> None:
    report = report_of("one-zone-silent")
    found = read(html.render(report))
    assert texts(found, "h1") == ["CRITICAL: backup: some of the endpoint's addresses do not answer"]
    assert texts(found, "title") == [f"backuplink: {texts(found, 'h1')[0]}"]
    assert texts(found, "h2") == [
        "1. CRITICAL backup: Some of the endpoint's addresses do not answer (TCP002)",
        "backup at backup.eu-west-1.amazonaws.com",
        "Not looked at",
    ]
    assert texts(found, "p")[0] == "eu-west-1, path private, access allowed, 3.0 s"
    assert texts(found, "pre") == ["\n".join(shlex.join(each.argv) for each in report.findings[0].fix.commands)]
    assert "10.0.2.17-443TIMEOUT---" in texts(found, "tr")
    failed = [element.text for element in found if element.attributes.get("class") == "failed"]
    assert failed == ["TIMEOUT"]


@pytest.mark.parametrize("name", one_in(8, scenarios.names()))
def test_of_every_scenario(name: str) -> None:
    report = report_of(name)
    found = read(html.render(report))
    causes = [finding for finding in report.findings if finding.explained_by is None]
    commands = [each for finding in causes for each in finding.fix.commands]
    assert [line for block in texts(found, "pre") for line in block.split("\n")] == [
        shlex.join(each.argv) for each in commands
    ]
    paragraphs = texts(found, "p")
    for finding in causes:
        assert finding.detail in paragraphs
        assert f"What to do: {finding.fix.summary}" in paragraphs
    assert set(links(found)) == {each.url for finding in causes for each in finding.documents}


def test_of_a_call_that_was_refused() -> None:
    found = read(html.render(refusal("no such option: --frmat.")))
    assert texts(found, "body") == ["\nUNKNOWN: no such option: --frmat.\n"]


def test_a_table_can_be_understood_by_ear() -> None:
    found = read(html.render(report_of("gateway-optional-ports")))
    tables = [element for element in found if element.name == "table"]
    assert [table.children for table in tables] == [["caption", "thead", "tbody"]] * len(tables)
    assert tables
    assert {element.attributes["scope"] for element in found if element.name == "th"} == {"col", "row"}


def test_it_forbids_its_reader_everything_but_its_own_style() -> None:
    found = read(html.render(report_of("healthy")))
    policy = next(
        element.attributes["content"]
        for element in found
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = base64.b64encode(hashlib.sha256(texts(found, "style")[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    # A browser obeys it for what comes after it alone (CSP 3, section 3.3).
    assert [element.name for element in found][:4] == ["html", "head", "meta", "meta"]
    assert not re.search(r"url\(|@import|expression", texts(found, "style")[0])


def check(text: str) -> None:
    """Everything that is said of `text` in a report is `text`, and nothing else is made of it."""
    report = spoken(text)
    found = read(html.render(report))
    plain = read(html.render(spoken("x")))
    assert [(element.name, element.children) for element in found] == [
        (element.name, element.children) for element in plain
    ]
    known = {document.url for code in CODES.values() for document in code.documents}
    assert set(links(found)) <= known
    shown = visible(text)
    assert texts(found, "h1") == [f"WARNING: {shown}"]
    assert texts(found, "h2")[0] == f"1. WARNING {shown}: {shown} ({report.findings[0].code})"
    assert shown in texts(found, "p")
    assert f"What to do: {shown}" in texts(found, "p")
    for line in (f"not proven: {shown}", f"To take command 1 back: {shown}", f"tls: {shown}"):
        assert line in texts(found, "li")
    assert shown in texts(found, "td")
    command = shlex.join(["aws", shown, shown])
    assert texts(found, "pre")[0] == f"{command}\n{command}"


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_foreign_is_text(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="<>&\"'=/!-;#xa \n]", max_size=40))
def test_whatever_is_foreign_is_text(text: str) -> None:
    check(text)


def test_a_long_detail_is_cut() -> None:
    report = report_of("one-zone-silent")
    long = replace(report, findings=(replace(report.findings[0], detail="a word " * DETAIL_CHARACTERS),))
    assert len(html.render(long)) < len(html.render(report)) + DETAIL_CHARACTERS
    assert "... (--format json has the rest)" in html.render(long)


def test_links_of_a_saved_report_are_not_taken() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    documents = tuple(replace(each, url="javascript:alert(1)") for each in finding.documents)
    assert documents
    forged = replace(report, findings=(replace(finding, documents=documents),))
    assert html.render(forged) == html.render(report)
    unknown = replace(report, findings=(replace(finding, code="XYZ999"),))
    assert links(read(html.render(unknown))) == []
