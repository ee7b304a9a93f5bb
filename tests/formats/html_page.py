"""Reads a page with the standard library's parser, as a browser does."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final

from agent.catalog.findings import CODES
from agent.formats import html
from agent.report import codec
from agent.report.escape import visible
from tests.formats import svg_picture
from tests.support.untrusted import HEADLINE, spoken

VOID: Final = {"meta"}
"""Elements of a page that end where they begin (HTML, section 13.1.2)."""
_REGION: Final = {"class", "role", "tabindex", "aria-labelledby"}
ATTRIBUTES: Final = {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "script": {"type", "id"},
    "th": {"scope", "class"},
    "td": {"class"},
    "table": {"class"},
    "ul": {"class"},
    "li": {"class"},
    "section": {"class", "id"},
    "tr": {"id"},
    "figure": {"id", "class"},
    "summary": {"id"},
    "a": {"href"},
    "caption": {"id"},
    "div": _REGION | {"id"},
    "h1": {"class"},
    "h2": {"class"},
    "h3": {"class"},
    "span": {"class"},
    "p": {"class"},
    **svg_picture.ATTRIBUTES,
}
"""The attributes that each element may have. No attribute here runs, loads or sends anything, and only `href` is an
address.
"""
ELEMENTS: Final = frozenset(
    "html head meta title style body main section div h1 h2 h3 h4 h5 p strong span ul ol li pre code blockquote a "
    "table caption thead tbody tr th td figure figcaption details summary script".split()
) | set(svg_picture.ATTRIBUTES)
"""All elements that a page may have."""
FOLDED: Final = frozenset({"svg", "details"})
"""Elements whose texts are read separately: pictures, and sections that open on a click."""
_LINES: Final = ("whole", "long")
"""Classes of spans that only affect line breaks."""
_CLASSES: Final = re.compile(r"[a-z]+(?: [a-z]+)*")


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list[str] = field(default_factory=list)
    inside: frozenset[str] = frozenset()
    """The names of the elements around this element."""


class Reader(HTMLParser):
    """Collects every element of a page, with the text inside it. Fails if tags are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Element] = []
        self.elements: list[Element] = []
        self.loose = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        element = Element(tag, dict(attrs), inside=frozenset(outer.name for outer in self.open))
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
    """The elements of a page, which must be complete without other files."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.loose.strip() == ""
    assert page.startswith("<!DOCTYPE html>\n<html ")
    assert page.endswith("</html>\n")
    assert page.isascii()
    assert page.replace("\n", "").isprintable()
    ids = [element.attributes["id"] for element in reader.elements if "id" in element.attributes]
    assert len(set(ids)) == len(ids)
    for element in reader.elements:
        assert element.name in ELEMENTS
        assert set(element.attributes) <= ATTRIBUTES.get(element.name, set())
        assert _CLASSES.fullmatch(element.attributes.get("class") or "x")
        assert set((element.attributes.get("aria-labelledby") or "").split()) <= set(ids)
        if element.name == "script":
            assert element.attributes["type"] == "application/json"
        if element.name == "a":
            href = element.attributes["href"] or ""
            assert href.startswith("https://") or href.removeprefix("#") in ids
    # In a screen reader's list of landmarks, two regions differ only in their names.
    by_id = {element.attributes["id"]: element.text for element in reader.elements if "id" in element.attributes}
    regions = [element for element in reader.elements if element.attributes.get("role") == "region"]
    names = [tuple(map(by_id.get, (region.attributes["aria-labelledby"] or "").split())) for region in regions]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    svg_picture.in_page(page)
    return reader.elements


def texts(elements: list[Element], name: str) -> list[str]:
    """The text of each element of this name, except drawn or folded ones."""
    return [element.text for element in elements if element.name == name and not element.inside & FOLDED]


def links(elements: list[Element]) -> list[str]:
    """The links from the page to other documents, without the links in folded sections."""
    every = (str(one.attributes["href"]) for one in elements if one.name == "a" and not one.inside & FOLDED)
    return [url for url in every if not url.startswith("#")]


def ways(elements: list[Element]) -> list[tuple[str, str]]:
    """The links within the page, also in folded sections, each with its target."""
    every = ((one.text, str(one.attributes["href"])) for one in elements if one.name == "a")
    return [(text, url.removeprefix("#")) for text, url in every if url.startswith("#")]


def unspanned(page: str) -> str:
    """The page without spans that only affect line breaks."""
    return re.sub(r'<span class="(?:whole|long|typed)">([^<]*)</span>', r"\1", page)


def status(document: str) -> str:
    """The status of the run, as the page shows it."""
    (heading,) = texts(read(document), "h1")
    return heading.partition(":")[0].lower()


def data(elements: list[Element]) -> Any:
    """The data for programs that is embedded in the page."""
    (script,) = (element for element in elements if element.name == "script")
    return json.loads(script.text)


def without_data(page: str) -> str:
    """The page without its data for programs."""
    return re.sub(r"<script .*?</script>", "", page, flags=re.DOTALL)


def structure(elements: list[Element]) -> list[tuple[str, list[str]]]:
    """The elements with their children. Spans that only affect line breaks are left out, and so are pictures, whose
    number of lines depends on the words in them.
    """
    return [
        (element.name, [child for child in element.children if child != "span"])
        for element in elements
        if "svg" not in {element.name, *element.inside} and element.attributes.get("class") not in _LINES
    ]


@cache
def _plain_structure() -> list[tuple[str, list[str]]]:
    return structure(read(html.render(spoken("x"))))


def check(text: str) -> None:
    """Assert that the page shows `text` as text and creates no element from it, where every value from outside is
    `text`.
    """
    report = spoken(text)
    elements = read(html.render(report))
    assert structure(elements) == _plain_structure()
    assert data(elements) == codec.encode(report)
    known = {document.url for code in CODES.values() for document in code.documents}
    assert set(links(elements)) <= known
    shown = visible(text)
    assert texts(elements, "h1") == [f"WARNING: {shown}"]
    assert texts(elements, "h2")[0] == f"1. WARNING {shown}: {HEADLINE} ({report.findings[0].code})"
    assert shown in texts(elements, "p")
    assert f"What to do: {shown}" in texts(elements, "p")
    assert f"[changes] To undo: {shown}" in texts(elements, "p")
    for line in (f"not proven: {shown}", f"tls: {shown}"):
        assert line in texts(elements, "li")
    assert shown in texts(elements, "td")
    command = shlex.join(["aws", shown, shown])
    assert {shown, f"{command}\n{command}"} <= set(texts(elements, "pre"))
