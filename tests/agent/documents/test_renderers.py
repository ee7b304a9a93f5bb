"""Every renderer with every kind of block. Text from outside stays text, commands say what they do, and nothing is
lost.
"""

import re
import shlex
from collections.abc import Callable
from typing import Final
from xml.etree.ElementTree import Element

import pytest

from agent.catalog.findings import CODES
from agent.documents import html, markdown, text
from agent.documents.blocks import (
    MUTED,
    Action,
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Embedded,
    Entries,
    Entry,
    Figure,
    Link,
    Many,
    Medium,
    Mono,
    Most,
    Only,
    Section,
    Table,
    Text,
    ToDo,
    in_lines,
    on_pages,
)
from agent.documents.canvas import PAD, Canvas, framed
from agent.documents.render import NAMES, render
from agent.report.escape import visible
from agent.report.words import DETAIL_CHARACTERS
from tests.formats import html_page
from tests.formats.markdown_page import PARSER, QUIET, is_ours
from tests.support.runs import too_long
from tests.support.untrusted import HOSTILE

RENDERERS: Final[dict[str, Callable[[Document], str]]] = {
    "text": text.render,
    "markdown": markdown.render,
    "html": html.render,
}
OURS: Final = "https://docs.aws.amazon.com/"


def document(*blocks: Block, summary: str = "summary") -> Document:
    return Document(kind="warning", word="WARNING", summary=summary, blocks=blocks)


def drawn(width: int, name: str, said: str) -> Element:
    canvas = Canvas(width)
    canvas.line(said, PAD, "small")
    canvas.words.append(said)
    return framed(canvas, said, name, stands_alone=False)


def everywhere(said: str) -> Document:
    """A document with every kind of block. Every text in it is `said`."""
    actions = (
        Action(argv=("aws", said, said), changes=True, undo=said, alternative="a", is_checked=False),
        Action(argv=(), changes=True, undo=said, file=said, lines=(said, said)),
    )
    inner = (
        Text(said),
        Text((said, Mono(said), Link(said, "#here")), MUTED),
        Text(said, strong=True),
        Bullets((said, (Mono(said), said))),
        Table(caption=said, heads=(said, said, said), rows=((said, Cell(said, "ok"), said),)),
        Table(caption=f"{said} 2", heads=(said, said), rows=((said, said), (said, said)), merged=1, headless=True),
        Entries((Entry((Text(said), Text(said, "critical")), "critical"),)),
        Code((said, said)),
        ToDo(said, actions),
        Figure(said, lambda width, name: drawn(width, name, said)),
        Section(title=said, blocks=(Text(said),), is_folded=True, anchor="here"),
    )
    return Document(
        kind="warning",
        word="WARNING",
        summary=said,
        lines=(said,),
        blocks=(
            Section(
                title=(said, Mono(said)), blocks=inner, number="1", code="TCP002", aside=f"is {said}", kind="critical"
            ),
            Text(said),
        ),
        embedded=Embedded(page_id="held", make=lambda: {"said": said}),
    )


@pytest.mark.parametrize("said", HOSTILE)
def test_a_page_makes_nothing_of_what_others_wrote(said: str) -> None:
    elements = html_page.read(html.render(everywhere(said)))
    assert html_page.structure(elements) == html_page.structure(html_page.read(html.render(everywhere("x"))))
    assert html_page.data(elements) == {"said": said}
    ours = {found.url for found in CODES["TCP002"].documents} | {"#here"}
    assert {part.attributes["href"] for part in elements if part.name == "a"} == ours
    shown = visible(said)
    assert shown in html_page.texts(elements, "p")
    assert shown in html_page.texts(elements, "td")
    assert f"Table 1: {shown}" in html_page.texts(elements, "caption")
    assert f"Figure 1: {shown}" in html_page.texts(elements, "figcaption")
    assert shlex.join(["aws", shown, shown]) in html_page.texts(elements, "pre")


@pytest.mark.parametrize("said", HOSTILE)
def test_markdown_makes_nothing_of_what_others_wrote(said: str) -> None:
    source = markdown.render(everywhere(said))
    assert source.isascii()
    assert source.replace("\n", "").isprintable()
    parsed = [part for token in PARSER.parse(source) for part in (token, *(token.children or ()))]
    assert {token.type for token in parsed} <= QUIET
    assert all(is_ours(token.attrGet("href")) for token in parsed if token.type == "link_open")
    assert not any(re.search(r"\bwww\.", token.content, re.IGNORECASE) for token in parsed if token.type == "text")
    words = "".join(token.content if token.type.startswith("text") else "\0" for token in parsed)
    assert not re.search(r"(?<![\w/])@\w", words)
    kinds = "".join({"tr_open": "|", "th_open": "+", "td_open": "-"}.get(token.type, "") for token in parsed)
    assert kinds == "|+++|---|++|--|--"


@pytest.mark.parametrize("said", HOSTILE)
def test_text_makes_nothing_of_what_others_wrote(said: str) -> None:
    written = text.render(everywhere(said))
    assert written.isascii()
    assert written.replace("\n", "").isprintable()
    assert too_long(written) == []


@pytest.mark.parametrize("wanted", RENDERERS)
def test_a_command_says_what_it_does(wanted: str) -> None:
    """If several commands in a row have the same effect, it is stated only once."""
    reads = Action(argv=("aws", "describe"), changes=False, undo=None)
    changes = Action(argv=("aws", "modify"), changes=True, undo="modify it again", is_checked=False)
    either = Action(argv=("aws", "one"), changes=True, undo=None, alternative="a")
    other = Action(argv=("aws", "other"), changes=True, undo=None, alternative="b")
    lines = Action(argv=(), changes=True, undo="remove the line", file="/etc/chrony.conf", lines=("server x",))
    to_do = ToDo("Do it.", (reads, reads, changes, either, other, lines))
    written = " ".join(
        re.sub(
            r"`|</?[a-z]+( class=\"[a-z ]+\")?>|\bsh\b", " ", RENDERERS[wanted](document(to_do)).replace("\\", "")
        ).split()
    )
    places = [
        written.index(words)
        for words in (
            "[reads] aws describe aws describe",
            "[changes] Unchecked: the configuration does not tell whether it opens the path. To undo: modify it again",
            "aws modify",
            "(a) [changes] It cannot be undone. aws one",
            "(b) [changes] It cannot be undone. aws other",
            "[changes] Write to /etc/chrony.conf. To undo: remove the line server x",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("wanted", RENDERERS)
def test_what_is_left_out_is_counted(wanted: str) -> None:
    most = Most(text=2, markdown=2, page=2)
    five = tuple(f"row {number}" for number in range(5))
    sections = tuple(Section(title=words, blocks=()) for words in five)
    for blocks in (
        Bullets(five, "more change", most),
        Table(caption="c", heads=("h",), rows=tuple((one,) for one in five), what="more change", most=most),
        Entries(tuple(Entry((Text(one),)) for one in five), "more change", most),
        Many(sections, "more change", most),
    ):
        written = html_page.unspanned(RENDERERS[wanted](document(blocks)))
        assert "row 1" in written
        assert "row 2" not in written
        assert "And 3 more changes: --format json has all." in written
    assert "And " not in RENDERERS[wanted](document(Bullets(five[:2], "more change", most)))


@pytest.mark.parametrize("wanted", RENDERERS)
def test_a_medium_writes_what_is_for_it(wanted: str) -> None:
    """If a block is only for some formats, the others do not show it."""
    made: list[str] = []

    def make(words: str) -> list[Block]:
        made.append(words)
        return [Text(words)]

    both = Only(frozenset({Medium.MARKDOWN, Medium.PAGE}), lambda: make("tickets"))
    written = RENDERERS[wanted](document(on_pages(lambda: make("pages")), in_lines(lambda: make("lines")), both))
    expected = {"text": ["lines"], "markdown": ["tickets"], "html": ["pages", "tickets"]}[wanted]
    assert made == expected
    assert all(words in written for words in expected)


@pytest.mark.parametrize("wanted", RENDERERS)
def test_long_words_of_others_are_cut(wanted: str) -> None:
    long = "x" * (10 * DETAIL_CHARACTERS)
    written = RENDERERS[wanted](document(Text(long), Bullets((long,)), ToDo(long)))
    assert len(re.sub(r"<style>.*</style>|\s", "", written, flags=re.DOTALL)) < 4 * DETAIL_CHARACTERS
    assert "--format json has the rest" in " ".join(html_page.unspanned(written).split())


@pytest.mark.parametrize("wanted", RENDERERS)
def test_a_finding_leads_to_its_page(wanted: str) -> None:
    known, unknown = (Section(title="T", blocks=(), code=code) for code in ("TCP002", "TCP999"))
    written = RENDERERS[wanted](document(known, unknown))
    assert "TCP999" in written
    assert "explain TCP999" not in written
    if wanted == "text":
        assert "See: backuplink explain TCP002" in written
    else:
        assert all(found.url in written for found in CODES["TCP002"].documents)


def test_what_is_not_for_paper_has_its_class() -> None:
    """The style of pages hides sections of this class in print."""
    sections = (Section(title=title, blocks=(), is_printed=title == "Kept") for title in ("Kept", "Left out"))
    page = html_page.read(RENDERERS["html"](document(*sections)))
    assert html_page.texts(page, "h2") == ["Kept", "Left out"]
    made = [row.attributes.get("class") for row in page if row.name == "section"]
    assert made == [None, "unprinted"]


def test_every_medium_has_a_renderer() -> None:
    assert set(RENDERERS) == NAMES
    for name, renderer in RENDERERS.items():
        assert render(everywhere("x"), name) == renderer(everywhere("x"))


def test_regions_and_pictures_of_a_page_have_names_of_their_own() -> None:
    """Tables and figures with the same caption have different numbers, which a screen reader's list shows, too."""
    table = Table(caption="Alike", heads=("a",), rows=(("1",),))
    figure = Figure("Alike", lambda width, name: drawn(width, name, "Alike"))
    elements = html_page.read(html.render(document(table, table, figure, figure)))
    assert html_page.texts(elements, "caption") == ["Table 1: Alike", "Table 2: Alike"]
    assert html_page.texts(elements, "figcaption") == ["Figure 1: Alike", "Figure 2: Alike"]


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        pytest.param(
            Table(caption="c", heads=("a", "b"), rows=(("x", "1"), ("x", "2"), ("y", "2")), merged=1),
            ["  a  b", "  x  1", "     2", "  y  2"],
            id="merged",
        ),
        pytest.param(
            Table(caption="c", heads=("a", "b"), rows=(("x", "word " * 20),), headless=True),
            [f"  x  {'word ' * 15}".rstrip(), f"     {'word ' * 5}".rstrip()],
            id="the last cell is broken",
        ),
        pytest.param(
            Table(caption="c", heads=("a", "b", "c"), rows=(("x" * 70, "1", "2" * 10),)),
            ["    b  c", f"  {'x' * 70}", f"    1  {'2' * 10}"],
            id="the first cell has its own line",
        ),
        pytest.param(
            Table(caption="c", heads=("a", "b", "c"), rows=(("x" * 60, "1" * 60, "2" * 20),)),
            [f"  {'x' * 60}", f"    b: {'1' * 60}; c:", f"      {'2' * 20}"],
            id="each behind its head",
        ),
    ],
)
def test_a_table_in_columns(table: Table, lines: list[str]) -> None:
    assert text.render(document(table)).splitlines()[2:] == lines


def test_the_state_of_a_section_ends_its_line() -> None:
    short = text.render(document(Section(title="backup", aside="ok, path private", blocks=())))
    assert short.splitlines()[2] == f"backup{'ok, path private':>74}"
    long = text.render(document(Section(title="b" * 70, aside="ok, path private", blocks=())))
    assert long.splitlines()[2:] == ["b" * 70, "  ok, path private"]


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        pytest.param(Text("WARNING"), "WARNING", id="a word of a sentence"),
        pytest.param(Text("it said  TIMEOUT twice"), "it said  TIMEOUT twice", id="a failure in a sentence"),
        pytest.param(
            Section(title="CRITICAL backup", blocks=(), number="1"),
            "1. \x1b[31mCRITICAL\x1b[0m backup",
            id="of a finding",
        ),
        pytest.param(
            Section(title="WARNING backup", blocks=(), number="2"), "2. \x1b[33mWARNING\x1b[0m backup", id="a warning"
        ),
        pytest.param(
            Table(caption="c", rows=(("a", "TIMEOUT"),), heads=("x", "y")), "a  \x1b[31mTIMEOUT\x1b[0m", id="failed"
        ),
        pytest.param(
            Table(caption="c", rows=(("a", "(TIMEOUT)"),), heads=("x", "y")), "a  (TIMEOUT)", id="not counted"
        ),
        pytest.param(
            ToDo("do it", (Action(argv=("true",), changes=True, undo=None),)),
            "\x1b[33m[changes]\x1b[0m",
            id="what changes something",
        ),
    ],
)
def test_what_is_coloured(block: Block, shown: str) -> None:
    tree = document(block)
    coloured = text.render(tree, colour=True)
    assert coloured.startswith("\x1b[1;")
    assert shown in coloured.partition("\n")[2]
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text.render(tree)
