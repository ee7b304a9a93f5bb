"""Every word, id, number and command that the writers before the blocks wrote is in what the blocks write."""

import html as unescaping
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from typing import Final

import pytest

from agent.app import demo_fleet
from agent.documents.render import render
from agent.fleet import content as fleet_content
from agent.fleet import markdown as fleet_markdown
from agent.fleet import page as fleet_page
from agent.fleet import text as fleet_text
from agent.fleet.model import FleetDocument, HostsOfValue
from tests.support import fleets

_GONE: Final = frozenset("take back each these --- - code which".split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.skip = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skip += tag in ("script", "style", "svg")

    def handle_endtag(self, tag: str) -> None:
        self.skip -= tag in ("script", "style", "svg")
        self.words += " "

    def handle_data(self, data: str) -> None:
        self.words += "" if self.skip else data


def words(text: str) -> set[str]:
    if text.startswith("<!DOCTYPE"):
        reader = _Reader()
        reader.feed(text)
        text = reader.words
    text = re.sub(r"\\\n *", "", text)
    text = unescaping.unescape(re.sub(r"\\(?=[^\w\s])", "", text))
    return {word.strip("(),.:;[]*'\"|").lower() for word in re.split(r"[\s\\]+", text)} - _GONE


def compared(old: str, new: str) -> None:
    assert words(old) - words(new) == set()


def _fleets() -> dict[str, Callable[[], FleetDocument]]:
    def by() -> FleetDocument:
        document = fleets.document()
        (cause, *others) = document.causes
        values = tuple(HostsOfValue(value=value, sick=9, exposed=10) for value in ("sg-1", None))
        return replace(document, causes=(replace(cause, breakdown=values), *others))

    def many() -> FleetDocument:
        document = fleets.document()
        return replace(document, causes=document.causes * 30, own_faults=document.own_faults * 20)

    return {
        "by hand": fleets.document,
        "by value": by,
        "many": many,
        **{f"estate of {size}": partial(demo_fleet.document_of, size) for size in (7, 40, 900, 5_000)},
    }


@pytest.mark.parametrize("wanted", ["text", "markdown", "html"])
@pytest.mark.parametrize("name", _fleets())
def test_fleets(name: str, wanted: str) -> None:
    document = _fleets()[name]()
    old = {"text": fleet_text.render, "markdown": fleet_markdown.render, "html": fleet_page.render}[wanted](document)
    compared(old, render(fleet_content.document(document), wanted))
