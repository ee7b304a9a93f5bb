"""Reads a picture with the standard library's XML parser, and checks that no part of it is cut off."""

import re
from functools import cache
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from agent.documents.canvas import STYLE
from agent.formats import svg
from agent.report.escape import visible
from tests.support.untrusted import spoken

_NAMESPACE: Final = "{http://www.w3.org/2000/svg}"
ATTRIBUTES: Final[dict[str, set[str]]] = {
    "svg": {"class", "role", "aria-labelledby", "width", "height", "viewbox", "preserveaspectratio"},
    "title": {"id"},
    "desc": {"id"},
    "style": set(),
    "g": {"class"},
    "rect": {"class", "x", "y", "width", "height", "rx"},
    "path": {"class", "d", "transform"},
    "text": {"class", "x", "y"},
}
"""All elements and attributes that a picture may have. The parser for HTML converts the names of attributes to lower
case.
"""
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_SIZES: Final = {True: 10 * 0.6, False: 11 * 0.6}
"""The width of a character in pixels; the key says whether the text is small."""


def read(document: str) -> Element:
    """The picture in a document. Raises if it is not a picture, if it contains anything other than shapes and texts, or
    if a shape or text is not wholly within the frame.
    """
    assert document.isascii()
    assert document.replace("\n", "").isprintable()
    root = ElementTree.fromstring(document)  # noqa: S314 - our own document
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert root.attrib["viewBox"] == f"0 0 {width:g} {height:g}"
    for part in root.iter():
        name = part.tag.removeprefix(_NAMESPACE)
        assert {attribute.lower() for attribute in part.attrib} <= ATTRIBUTES[name]
        for attribute in ("x", "y", "width", "height", "rx"):
            assert _NUMBER.fullmatch(part.get(attribute, "0"))
        if name == "rect":
            assert 0 <= float(part.get("x", 0)) <= float(part.get("x", 0)) + float(part.attrib["width"]) <= width
            assert 0 <= float(part.get("y", 0)) <= float(part.get("y", 0)) + float(part.attrib["height"]) <= height
        if name == "text":
            end = float(part.attrib["x"]) + len(part.text or "") * _SIZES["small" in part.get("class", "").split()]
            assert end <= width, part.text
            assert 0 < float(part.attrib["y"]) < height
        if name == "style":
            assert part.text == STYLE
    return root


def in_page(page: str) -> list[Element]:
    """The pictures in an HTML page, in which they have no namespace: the parser of a browser adds it."""
    found = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    return [read(text.replace("<svg ", f'<svg xmlns="{_NAMESPACE.strip("{}")}" ', 1)) for text in found]


def boxes(root: Element) -> list[tuple[str, ...]]:
    """The boxes of the picture in order: each box has its kind and then its texts."""
    return [
        (group.attrib["class"], *(text.text or "" for text in group.findall(f"{_NAMESPACE}text")))
        for group in root.iter(f"{_NAMESPACE}g")
        if group.find(f"{_NAMESPACE}rect") is not None
    ]


def lines(root: Element) -> list[str]:
    """Every text of the picture, in order."""
    return [text.text or "" for text in root.iter(f"{_NAMESPACE}text")]


def title(root: Element) -> str:
    """The title of the picture for screen readers."""
    return root.findtext(f"{_NAMESPACE}title") or ""


def description(root: Element) -> str:
    """The description of the picture for screen readers."""
    return root.findtext(f"{_NAMESPACE}desc") or ""


def status(document: str) -> str:
    """The status of the run, as the picture shows it."""
    return title(read(document)).partition(":")[0].lower()


@cache
def _plain() -> Element:
    return read(svg.render(spoken("x")))


def check(text: str) -> None:
    """Assert that the picture shows `text` and creates no element from it, if every value from outside is `text`."""
    root = read(svg.render(spoken(text)))
    assert title(root) == f"WARNING: {visible(text)}"
    flat = "".join("".join(lines(root)).split())
    assert flat.startswith("".join(f"WARNING:{visible(text)}".split()))
    plain = _plain()
    assert [box[0] for box in boxes(root)] == [box[0] for box in boxes(plain)]
    assert {part.tag for part in root.iter()} == {part.tag for part in plain.iter()}
