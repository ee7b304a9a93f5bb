"""HTML and SVG as a tree of elements. The standard library writes the tree, so no text and no attribute can become
markup.

A text passes `visible` on its way into the tree, so the document is ASCII and contains no control character.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from agent.report.escape import visible

_BLOCKS: Final = frozenset(
    "body div details figcaption figure footer h1 h2 h3 h4 head header li link main meta ol p pre script section style "
    "summary svg table tbody thead title tr ul".split()
)
"""Elements around which a line break makes no difference."""


def element(name: str, attributes: Mapping[str, str | int] | None = None, *content: Element | str) -> Element:
    """Return an element with texts and elements in it. Names and attribute values must come from this program. Only
    `content` may come from outside."""
    made = Element(name, {key: str(value) for key, value in (attributes or {}).items()})
    made.tail = "\n" if name in _BLOCKS else None
    for part in content:
        append(made, part)
    return made


def append(parent: Element, part: Element | str) -> None:
    """Append a text or an element to the content of `parent`."""
    if isinstance(part, Element):
        parent.append(part)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + visible(part)
    else:
        parent.text = (parent.text or "") + visible(part)


_LONGEST: Final = 26
"""Maximum length of an unbroken word; a telephone has room for some 36 characters."""
_LONG: Final = 64
"""Maximum length of an unbroken word in a table, and on a wide page."""


def unbroken(words: str, *, is_cell: bool = False) -> list[Element | str]:
    """Return words as parts of which ids, options and arrows stay on one line, since a browser would break them after a
    hyphen. In a cell these may be longer, because a table scrolls."""
    longest = _LONG if is_cell else _LONGEST
    parts: list[Element | str] = []
    text = ""
    for place, word in enumerate(words.split(" ")):
        text += " " if place else ""
        if "-" in word and len(word) <= longest:
            parts += [text, whole(word)]
            text = ""
        else:
            text += word
    return [part for part in (*parts, text) if part != ""]


def whole(words: str) -> Element:
    """Return an element whose words stay on one line."""
    return element("span", {"class": "whole"}, words)


def commands(lines: Iterable[Sequence[str]]) -> Element:
    """Return literal commands, each given as its words. A browser breaks a command between words if it can."""
    made = element("code")
    for words in lines:
        line = element("span", {"class": "typed"})
        for place, word in enumerate(words):
            append(line, " " if place else "")
            if len(word) <= _LONG:
                append(line, element("span", {"class": "whole" if len(word) <= _LONGEST else "long"}, word))
            else:
                append(line, word)
        if len(made):
            made[-1].tail = "\n"
        made.append(line)
    return made


def lines(parts: list[str]) -> str:
    """Return texts on separate lines, for `raw`. `visible` would escape their line feeds."""
    return "\n".join(map(visible, parts))


def raw(name: str, attributes: Mapping[str, str | int] | None, text: str) -> Element:
    """Return an element around a text of this program, with its line feeds: a style sheet, data, or the result of
    `lines`."""
    made = element(name, attributes)
    made.text = text
    return made


def data(document: Any, attributes: Mapping[str, str]) -> Element:
    """JSON inside a page, in an element that a browser neither runs nor shows. It contains no `<`, `>` and `&`, so
    nothing in it can end the element (HTML, section 4.12.1.3)."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for char in "<>&\x7f":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return raw("script", {"type": "application/json", **attributes}, text)


def to_html(root: Element) -> str:
    """A whole HTML document."""
    return f"<!DOCTYPE html>\n{ElementTree.tostring(root, encoding='unicode', method='html').strip()}\n"


def to_svg(root: Element) -> str:
    """A whole SVG document."""
    root.set("xmlns", "http://www.w3.org/2000/svg")
    return f"{ElementTree.tostring(root, encoding='unicode').strip()}\n"
