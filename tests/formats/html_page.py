"""What a browser makes of a page, read by the standard library's parser."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from agent.catalog.findings import CODES
from agent.formats import html
from agent.formats.report_text import visible
from tests.support.untrusted import spoken

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
        self.elements: list[Element] = []
        self.loose = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        element = Element(tag, dict(attrs))
        self.elements.append(element)
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
    for element in reader.elements:
        assert element.name in ELEMENTS
        assert set(element.attributes) <= ATTRIBUTES.get(element.name, set())
    return reader.elements


def texts(elements: list[Element], name: str) -> list[str]:
    return [element.text for element in elements if element.name == name]


def links(elements: list[Element]) -> list[str | None]:
    return [element.attributes["href"] for element in elements if element.name == "a"]


def check(text: str) -> None:
    """Everything that is said of `text` in a report is `text`, and nothing else is made of it."""
    report = spoken(text)
    elements = read(html.render(report))
    plain = read(html.render(spoken("x")))
    assert [(element.name, element.children) for element in elements] == [
        (element.name, element.children) for element in plain
    ]
    known = {document.url for code in CODES.values() for document in code.documents}
    assert set(links(elements)) <= known
    shown = visible(text)
    assert texts(elements, "h1") == [f"WARNING: {shown}"]
    assert texts(elements, "h2")[0] == f"1. WARNING {shown}: {shown} ({report.findings[0].code})"
    assert shown in texts(elements, "p")
    assert f"What to do: {shown}" in texts(elements, "p")
    for line in (f"not proven: {shown}", f"To take command 1 back: {shown}", f"tls: {shown}"):
        assert line in texts(elements, "li")
    assert shown in texts(elements, "td")
    command = shlex.join(["aws", shown, shown])
    assert texts(elements, "pre")[0] == f"{command}\n{command}"
