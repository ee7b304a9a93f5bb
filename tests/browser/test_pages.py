"""The pages in a real browser: at three widths, in dark and in light colours, on the screen, for screen readers, and on
paper. A page must not request any other resource.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from agent.app.history import _reports
from agent.app.read_saved import read_all_facts, read_facts
from agent.audit import content as audit_content
from agent.audit.audit import audit
from agent.audit.request import AuditRequest
from agent.documents import difference as difference_blocks
from agent.documents import html as documents
from agent.fleet import content as fleet_content
from agent.formats import html, svg
from agent.history import chart
from agent.history import content as history_content
from agent.history.model import HistoryDocument
from agent.history.read import HistoryReader
from agent.history.render import ShownHistory
from agent.network.names import known_vpc
from agent.predict import content as prediction_content
from agent.predict.model import PredictionDocument
from agent.predict.prediction import Asked, Facts, facts_of, predicted
from agent.report.diff import difference
from agent.report.model import Report
from agent.settings import EVERY_SOURCE, Workload
from tests.support import fleets, histories
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.untrusted import HOSTILE, everywhere

NAMES: Final = ("three-faults", "healthy", "hana-without-storage-endpoint", "gateway-group-for-the-appliance")
WIDTHS: Final = (360, 768, 1280)
KINDS: Final = ("diff", "history", "audit", "fleet", "prediction")
SCHEMES: Final = ("light", "dark")
TEXT_PIXELS: Final = 10
"""The smallest text size of a picture on a screen."""
TARGET_PIXELS: Final = 24
"""The smallest size of clickable elements (WCAG 2.2, 2.5.8)."""
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_CUT_BEHIND_STEPS: Final = """() => {
    const last = document.querySelector('#table-2').closest('.scroll');
    const behind = part => last.compareDocumentPosition(part) & Node.DOCUMENT_POSITION_FOLLOWING;
    [...document.querySelectorAll('main *')].filter(part => behind(part) && !last.contains(part)).forEach(
        part => part.remove());
}"""
"""A script that removes everything after the first table of steps."""
Show = Callable[..., Any]


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Show]:
    """Open a document. The test fails at its end if the document requested anything besides its own file or ran a
    script, or if an error occurred.
    """
    heard: list[str] = []
    contexts = []

    def opened(document: str, suffix: str = "html", width: int = 768, height: int = 800, scheme: str = "light") -> Any:
        path = tmp_path / f"page.{suffix}"
        path.write_text(document, "utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: heard.append(request.url))
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: heard.append(dialog.message))
        page.goto(path.as_uri())
        assert heard.pop(0) == path.as_uri()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert heard == []


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[HistoryDocument, dict[int, tuple[int, Report]]]:
    """The document of a history, and the reports of the failures in it."""
    path = tmp_path_factory.mktemp("history") / "week.db"
    histories.week(path)
    document = histories.read(path)
    with HistoryReader(path) as history:
        return document, _reports(history, document)


Week = tuple[HistoryDocument, dict[int, tuple[int, Report]]]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_it_suits_every_screen(name: str, width: int, scheme: str, show: Show) -> None:
    page = show(html.render(report_of(name)), width=width, scheme=scheme)
    drawn = _suits(page, width, scheme)
    assert drawn == 2


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_history_suits_every_screen(width: int, scheme: str, week: Week, show: Show) -> None:
    page = show(_history(*week), width=width, scheme=scheme)
    assert _suits(page, width, scheme) == 3
    for selector in ("h1", "h2", "svg.drawing"):
        assert next(part for part in page.query_selector_all(selector) if part.is_visible()).bounding_box()["y"] < 800
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_an_audit_suits_every_screen(width: int, scheme: str, show: Show) -> None:
    page = show(_audit(), width=width, scheme=scheme)
    assert _suits(page, width, scheme) == 0
    for selector in ("h1", "h2"):
        assert page.query_selector(selector).bounding_box()["y"] < 800


def _history(document: HistoryDocument, reports: dict[int, tuple[int, Report]]) -> str:
    return documents.render(history_content.document(ShownHistory(document=document, reports=reports)))


def _audit() -> str:
    """The page of the example audit, including the faults that concern only the workload `caller`."""
    read = read_all_facts(str(ROOT / "docs/examples/account.json"))
    facts = [Facts(known=known_vpc(one), taken_at=one.taken_at, not_read=("the VPC: not permitted",)) for one in read]
    return documents.render(
        audit_content.document(audit(facts, AuditRequest(workloads=(Workload.CALLER,), services=())))
    )


def _prediction() -> PredictionDocument:
    """The prediction of the example for a gateway."""
    facts = read_facts(str(ROOT / "docs/examples/estate.json"))
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup-gateway": True}, ports=())
    return predicted(facts_of(facts, ()), asked)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_prediction_suits_every_screen(width: int, scheme: str, show: Show) -> None:
    page = show(documents.render(prediction_content.document(_prediction())), width=width, scheme=scheme)
    assert _suits(page, width, scheme) == 1
    for selector in ("h1", "h2", "td.critical"):
        assert page.query_selector(selector).bounding_box()["y"] < 800
    page.click("td.critical a")
    assert page.query_selector("section:target h2").is_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_fleet_suits_every_screen(width: int, scheme: str, show: Show) -> None:
    page = show(documents.render(fleet_content.document(fleets.document())), width=width, scheme=scheme)
    assert _suits(page, width, scheme) == 6
    for selector in ("h1", "h2", "svg.drawing"):
        assert next(part for part in page.query_selector_all(selector) if part.is_visible()).bounding_box()["y"] < 800
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


_HEAD_LINES: Final = """() => [...document.querySelectorAll('th')].filter(head => head.offsetParent).map(head => {
    const range = document.createRange();
    const split = (head.textContent.match(/\\S+/g) || []).filter(word => {
        const node = document.createTreeWalker(head, NodeFilter.SHOW_TEXT).nextNode();
        const at = node === null ? -1 : node.data.indexOf(word);
        if (at < 0) return false;
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        return range.getClientRects().length > 1;
    });
    return split;
}).flat()"""
"""A script that returns the words in the heads of tables that are broken over several lines."""
_BROKEN: Final = """() => [...document.querySelectorAll('.whole')].filter(
    part => part.offsetParent && part.getClientRects().length > 1).map(part => part.textContent)"""
"""A script that returns the ids and options that are broken over several lines."""


@pytest.mark.parametrize("name", [*NAMES, *KINDS])
def test_no_word_of_a_head_of_a_table_and_no_id_is_split_at_any_width(name: str, week: Week, show: Show) -> None:
    page = show(_page(name, week))
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for width in range(320, 1400, 45):
        page.set_viewport_size({"width": width, "height": 800})
        assert (width, page.evaluate(_HEAD_LINES)) == (width, [])
        assert page.evaluate(_BROKEN) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, WIDTHS[-1]])
def test_the_first_screen_says_where_and_when_and_shows_the_path(width: int, show: Show) -> None:
    page = show(html.render(report_of("three-faults")), width=width)
    words = page.query_selector(".verdict .where").inner_text()
    for known in ("i-0a1b2c3d4e5f67890", "eu-west-1", "vpc-0a1b2c3d4e5f67890", "2026-01-15 03:00:00 UTC", "backuplink"):
        assert known in words
    strip = next(part for part in page.query_selector_all("svg.drawing") if part.is_visible()).bounding_box()
    assert strip["y"] + strip["height"] < 800


def _page(name: str, week: Week) -> str:
    """The page of the scenario with this name, or of another kind of document."""
    match name:
        case "history":
            return _history(*week)
        case "audit":
            return _audit()
        case "fleet":
            return documents.render(fleet_content.document(fleets.document()))
        case "prediction":
            return documents.render(prediction_content.document(_prediction()))
        case "diff":
            changed = difference(report_of("healthy"), report_of("three-faults"))
            return documents.render(difference_blocks.document(changed))
    return html.render(report_of(name))


def _suits(page: Any, width: int, scheme: str) -> int:
    """Assert that the page fits the screen, has the colours of the scheme, and has readable texts. Returns the number
    of visible pictures.
    """
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 3 * 64) is (scheme == "dark")
    drawn = [found for found in page.query_selector_all("svg.drawing") if found.is_visible()]
    for picture in drawn:
        units = picture.evaluate("drawing => drawing.viewBox.baseVal.width")
        assert picture.bounding_box()["width"] / units * 10 >= TEXT_PIXELS * 0.95
    for summary in page.query_selector_all("summary"):
        if summary.is_visible():
            assert summary.bounding_box()["height"] >= TARGET_PIXELS
    return len(drawn)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["three-faults", "hana-without-storage-endpoint", "gateway-group-for-the-appliance"])
def test_the_first_screen_says_what_is_wrong_and_what_to_do(name: str, width: int, show: Show) -> None:
    page = show(html.render(report_of(name)), width=width)
    for selector in ("h1", "h2", ".do p"):
        assert page.query_selector(selector).bounding_box()["y"] < 800


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
@pytest.mark.parametrize("name", [*NAMES, "gateway-optional-ports", *KINDS])
def test_axe_finds_nothing(name: str, width: int, scheme: str, week: Week, show: Show) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = show(_page(name, week), width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": list(TAGS)}).response["violations"]
    assert [(row["id"], [node["html"] for node in row["nodes"][:3]]) for row in found] == []


def test_what_is_folded_opens_by_the_keyboard(show: Show) -> None:
    page = show(html.render(report_of("three-faults")))
    page.focus("summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details').open")
    assert page.query_selector("details h3").is_visible()


def test_a_failure_leads_to_its_report(week: Week, show: Show) -> None:
    page = show(_history(*week))
    page.click("text=its report")
    assert page.evaluate("location.hash") == "#cycle-316"
    assert page.evaluate("document.querySelector('#cycle-316').closest('details').open")
    part = page.query_selector("summary:has(+ #cycle-316)")
    assert 0 <= part.bounding_box()["y"] < 800
    assert page.query_selector("#cycle-316 h3").is_visible()


def test_a_failed_step_leads_to_its_cause_that_to_its_page_and_to_what_was_measured_and_back(show: Show) -> None:
    """A folded section opens if the user follows a link to its content."""
    page = show(html.render(report_of("three-faults")))

    def seen() -> bool:
        box = page.query_selector(":target").bounding_box()
        return bool(box and 0 <= box["y"] < 800)

    page.click("td.critical a:text-is('TIMEOUT')")
    assert page.evaluate("location.hash") == "#cause-1"
    assert seen()
    page.click("#cause-1 .ways a")
    assert page.evaluate("location.hash") == "#runbook-TCP002"
    assert seen()
    page.click("#runbook-TCP002 .ways a")
    page.click("#cause-1 .ways a:nth-of-type(2)")
    assert page.evaluate("document.querySelector(':target').textContent").startswith("tcp/backup/10.0.2.17/443")
    assert seen()
    page.click(":target th a")
    assert page.evaluate("location.hash") == "#cause-1"
    assert seen()


@pytest.mark.parametrize("name", NAMES)
def test_verdict_causes_picture_and_steps_are_on_two_printed_pages(name: str, show: Show) -> None:
    page = show(html.render(report_of(name)))
    page.evaluate(_CUT_BEHIND_STEPS)
    assert len(re.findall(rb"/Type /Page\b", page.pdf(format="A4"))) <= 2


def test_what_is_folded_is_not_printed(show: Show) -> None:
    page = show(html.render(report_of("three-faults")))
    page.emulate_media(media="print")
    assert not any(part.is_visible() for part in page.query_selector_all("details"))
    page.evaluate("document.querySelector('details').open = true")
    assert [part.is_visible() for part in page.query_selector_all("details")].count(True) == 1
    assert len([drawn for drawn in page.query_selector_all("svg.drawing") if drawn.is_visible()]) == 1


@pytest.mark.parametrize("text", [*HOSTILE, "</script><script>alert(1)</script>", "<!--<script>"])
def test_nothing_that_a_report_says_runs_or_loads(text: str, show: Show) -> None:
    page = show(html.render(everywhere(report_of("gateway-group-for-the-appliance"), text)))
    assert page.evaluate("[...document.scripts].map(script => script.type)") == ["application/json"]
    assert (
        page.evaluate("document.images.length + document.forms.length + document.querySelectorAll('iframe').length")
        == 0
    )


@pytest.mark.parametrize("text", [*HOSTILE, "</script><script>alert(1)</script>", "<!--<script>"])
def test_nothing_that_a_history_says_runs_or_loads(text: str, week: Week, show: Show) -> None:
    document, reports = week
    filled = {cycle: (own, everywhere(report, text)) for cycle, (own, report) in reports.items()}
    page = show(_history(histories.filled(document, text), filled))
    assert page.evaluate("[...document.scripts].map(script => script.type)") == ["application/json"]
    assert page.evaluate("document.querySelectorAll('img, form, iframe, object, link').length") == 0


@pytest.mark.parametrize("text", [*HOSTILE, "</script><script>alert(1)</script>", "<!--<script>"])
def test_nothing_that_a_fleet_says_runs_or_loads(text: str, show: Show) -> None:
    page = show(documents.render(fleet_content.document(fleets.filled(fleets.document(), text))))
    assert page.evaluate("[...document.scripts].map(script => script.type)") == ["application/json"]
    assert page.evaluate("document.querySelectorAll('img, form, iframe, object, link').length") == 0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["path", "history"])
def test_the_picture_alone(name: str, scheme: str, week: Week, show: Show) -> None:
    document = svg.render(report_of("three-faults")) if name == "path" else chart.as_svg(week[0])
    page = show(document, suffix="svg", scheme=scheme)
    box = page.query_selector("svg").bounding_box()
    assert box["width"] >= 700
    fill = page.evaluate("getComputedStyle(document.querySelector('.paper')).fill")
    assert (fill == "rgb(255, 255, 255)") is (scheme == "light")
