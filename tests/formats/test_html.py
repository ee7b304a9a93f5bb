"""The report as HTML, read by a parser: it needs no other files, and every text from outside is shown as text."""

import base64
import hashlib
import itertools
import re
import shlex
from dataclasses import replace

import pytest

from agent.catalog.runbooks import page
from agent.documents import difference as documents
from agent.documents import html as pages
from agent.formats import html
from agent.judge.verdict import refusal
from agent.report import codec
from agent.report.diff import difference
from agent.report.model import Status
from agent.report.redact import redact
from agent.report.words import DETAIL_CHARACTERS
from tests.formats import svg_picture
from tests.formats.html_page import FOLDED, Element, data, links, read, texts, unspanned, ways, without_data
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of
from tests.support.untrusted import HOSTILE, everywhere


def test_of_a_run() -> None:
    report = report_of("one-zone-silent")
    elements = read(html.render(report))
    assert texts(elements, "h1") == ["CRITICAL: backup: 1 of 3 addresses is silent on 443: 10.0.2.17"]
    assert texts(elements, "title") == [f"backuplink: {texts(elements, 'h1')[0]}"]
    assert texts(elements, "h2") == [
        "1. CRITICAL backup: 1 of 3 addresses is silent on 443: 10.0.2.17 (TCP002)",
        "The path",
        "backup  backup.eu-west-1.amazonaws.com",
        "Not checked",
        "More",
    ]
    assert texts(elements, "p")[:2] == [
        "eu-west-1, path private, access allowed, 3.0 s; failed at 10.0.2.17",
        *report.verdict.notes,
    ]
    assert texts(elements, "pre") == [
        "\n".join(shlex.join(command.argv) for command in report.findings[0].fix.commands)
    ]
    assert "10.0.2.17-443TIMEOUT---" in texts(elements, "tr")
    failed = [element for element in elements if element.name == "td" and "class" in element.attributes]
    assert [(element.text, element.attributes["class"]) for element in failed if not element.inside & FOLDED] == [
        ("TIMEOUT", "critical")
    ]


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_of_every_scenario(name: str) -> None:
    report = report_of(name)
    elements = read(html.render(report))
    causes = [finding for finding in report.findings if finding.explained_by is None]
    typed = [
        line
        for fix in (finding.fix for finding in causes)
        for line in (*(shlex.join(command.argv) for command in fix.commands), *(line.line for line in fix.lines))
    ]
    assert sorted(line for block in texts(elements, "pre") for line in block.split("\n")) == sorted(typed)
    paragraphs = texts(elements, "p")
    for finding in causes:
        assert finding.detail in paragraphs
        assert f"What to do: {finding.fix.summary}" in paragraphs
    assert set(links(elements)) == {document.url for finding in causes for document in finding.documents}
    levels = [int(element.name[1]) for element in elements if re.fullmatch("h[1-6]", element.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    kinds = {element.attributes.get("class", "") for element in elements if element.name == "td"}
    assert report.verdict.status is Status.CRITICAL or "critical" not in kinds


@pytest.mark.parametrize("name", ["three-faults", "gateway-group-for-the-appliance", "private-dns-off"])
def test_a_failure_leads_to_its_cause_and_that_to_its_page_to_what_was_measured_and_back(name: str) -> None:
    report = report_of(name)
    elements = read(html.render(report))
    by_id = {element.attributes["id"]: element for element in elements if "id" in element.attributes}
    found = set(ways(elements))
    causes = [finding for finding in report.findings if finding.explained_by is None]
    for number, finding in enumerate(causes, 1):
        cause = by_id[f"cause-{number}"]
        assert cause.text.startswith(f"{number}. {finding.severity.upper()}")
        runbook = by_id[f"runbook-{finding.code}"]
        assert (finding.code, f"runbook-{finding.code}") in found
        assert f"Back to {number}. {finding.code}" in runbook.text or f", {number}. {finding.code}" in runbook.text
        assert "details" in runbook.inside
        for place, observation in enumerate(report.observations, 1):
            if observation.id in finding.evidence[:6]:
                assert (observation.id, f"observation-{place}") in found
                assert by_id[f"observation-{place}"].text.startswith(observation.id)
                assert any(words == observation.id and url.startswith("cause-") for words, url in found)
    failed = [element for element in elements if element.name == "td" and element.attributes.get("class") == "critical"]
    led = [element for element in failed if not element.inside & FOLDED]
    assert led
    assert all(element.children == ["a"] for element in led)


def test_a_report_that_explains_in_a_circle_has_a_page() -> None:
    report = report_of("three-faults")
    first, second, *others = report.findings
    circle = (replace(first, explained_by=second.id), replace(second, explained_by=first.id), *others)
    elements = read(html.render(replace(report, findings=circle)))
    assert f"1. {others[0].code}" in [words for words, _ in ways(elements)]


def test_a_failure_that_does_not_count_stands_in_brackets_and_says_why() -> None:
    elements = read(html.render(report_of("gateway-optional-ports")))
    cells = [(element.text, element.attributes.get("class")) for element in elements if element.name == "td"]
    assert ("(TIMEOUT)", None) in cells
    assert not [cell for cell in cells if cell[1] == "critical"]
    assert "In brackets: failed, and not counted: backup-gateway was not asked for" in texts(elements, "p")


def test_of_a_call_that_was_refused() -> None:
    elements = read(html.render(refusal("no such option: --frmat.")))
    assert [text.strip() for text in texts(elements, "main")] == ["UNKNOWN: no such option: --frmat."]
    assert not [element for element in elements if element.name in ("svg", "details")]


def test_a_table_can_be_understood_by_ear() -> None:
    elements = read(html.render(report_of("gateway-optional-ports")))
    tables = [element for element in elements if element.name == "table"]
    assert [table.children for table in tables] == [["caption", "thead", "tbody"]] * len(tables)
    assert tables
    assert {element.attributes["scope"] for element in elements if element.name == "th"} == {"col", "row"}


def test_it_forbids_its_reader_everything_but_its_own_style() -> None:
    elements = read(html.render(report_of("healthy")))
    policy = next(
        element.attributes["content"]
        for element in elements
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = base64.b64encode(hashlib.sha256(texts(elements, "style")[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    # A browser applies a policy only to the content after it (CSP 3, section 3.3).
    assert [element.name for element in elements][:4] == ["html", "head", "meta", "meta"]
    assert [element for element in elements if "style" in element.attributes] == []
    assert not re.search(r"url\(|@import|expression", texts(elements, "style")[0])


def test_a_long_detail_is_cut() -> None:
    report = report_of("one-zone-silent")
    long = replace(report, findings=(replace(report.findings[0], detail="a word " * DETAIL_CHARACTERS),))
    assert len(without_data(html.render(long))) < len(without_data(html.render(report))) + DETAIL_CHARACTERS
    assert "... (--format json has the rest)" in unspanned(html.render(long))


def test_links_of_a_saved_report_are_not_taken() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    documents = tuple(replace(document, url="javascript:alert(1)") for document in finding.documents)
    assert documents
    forged = replace(report, findings=(replace(finding, documents=documents),))
    assert without_data(html.render(forged)) == without_data(html.render(report))
    unknown = replace(report, findings=(replace(finding, code="XYZ999"),))
    assert links(read(html.render(unknown))) == []


# --- What is in the file besides --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["three-faults", "healthy"])
def test_it_holds_the_report(name: str) -> None:
    report = report_of(name)
    for shown in (report, redact(report)):
        assert data(read(html.render(shown))) == codec.encode(shown)


def test_the_page_of_each_finding_is_folded() -> None:
    report = report_of("three-faults")
    elements = read(html.render(report))
    summaries = texts_inside(elements, "summary")
    codes = dict.fromkeys(finding.code for finding in report.findings)
    assert [text.split()[1] for text in summaries if text.startswith("Runbook: ")] == list(codes)
    assert summaries[-1] == f"All {len(report.observations)} observations"
    words = "".join("".join(element.text for element in elements if element.name == "details").split())
    for code in codes:
        for line in re.sub(r"```\w*|`", "", page(code)).splitlines()[1:]:
            shown = line.strip("#>-* 0123456789.")
            assert "<DNS" in shown or "<DUAL" in shown or "".join(shown.split()) in words
    for code in codes:  # commands keep their lines
        for block in re.findall(r"```\w*\n(.*?)```", page(code), re.DOTALL):
            assert "<DNS" in block or block.rstrip("\n") in texts_inside(elements, "code")
    led = {str(element.attributes["href"]) for element in elements if element.name == "a"}
    assert {url for url in led if not url.startswith("#")} <= {
        url for code in codes for url in re.findall(r"https://\S+", page(code))
    } | set(links(elements))


def test_domains_of_a_page_are_those_of_the_region() -> None:
    report = report_of("china-suffix-missing")
    codes = [finding.code for finding in report.findings if "<DNS_SUFFIX>" in page(finding.code)]
    assert codes
    document = html.render(report)
    assert "&lt;DNS_SUFFIX&gt;" not in document
    assert "amazonaws.com.cn" in "".join(texts_inside(read(document), "code"))


def test_every_observation_is_there() -> None:
    report = report_of("gateway-group-for-the-appliance")
    rows = [
        element.text for element in read(html.render(report)) if element.name == "tr" and "details" in element.inside
    ]
    for observation in report.observations:
        row = next(row for row in rows if row.startswith(observation.id))
        if observation.failure is not None:
            assert observation.failure.kind.upper() in row
            assert observation.failure.message in row


def texts_inside(elements: list[Element], name: str) -> list[str]:
    return [element.text for element in elements if element.name == name and "details" in element.inside]


# --- For readers by ear -----------------------------------------------------------------------------------------------


def test_both_pictures_have_a_name_and_say_the_same() -> None:
    document = html.render(report_of("gateway-group-for-the-appliance"))
    drawn = svg_picture.in_page(document)
    assert len(drawn) == 4  # the short path and the full path, each drawn wide and narrow
    for place, (wide, narrow) in enumerate((drawn[:2], drawn[2:])):
        assert wide.attrib["role"] == "img"
        assert float(wide.attrib["width"]) > 2 * float(narrow.attrib["width"])
        assert svg_picture.title(wide) == svg_picture.title(narrow) != ""
        if place:
            assert svg_picture.description(wide) == svg_picture.description(narrow) != ""
            assert len(svg_picture.boxes(wide)) == len(svg_picture.boxes(narrow)) > 0


# --- Whatever is untrusted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gateway-group-for-the-appliance", "three-faults"])
@pytest.mark.parametrize("text", one_in(8, (*HOSTILE, "</script><script>alert(1)</script>", "<!--<script>", "\u2029")))
def test_no_field_makes_more_than_text(text: str, name: str) -> None:
    report = everywhere(report_of(name), text)
    elements = read(html.render(report))
    assert data(elements) == codec.encode(report)
    assert len([element for element in elements if element.name == "script"]) == 1
    assert text.isascii() or text not in html.render(report)


# --- What changed -----------------------------------------------------------------------------------------------------


def test_of_what_changed() -> None:
    elements = read(pages.render(documents.document(difference(report_of("healthy"), report_of("three-faults")))))
    (head,) = texts(elements, "h1")
    assert head.startswith("WORSE (critical): IAM002 of backup is new: ")
    assert head.endswith("; ok -> critical")
    *causes, findings, targets, steps = texts(elements, "h2")
    assert [cause.rpartition(" ")[2] for cause in causes] == ["(IAM002)", "(TCP002)", "(ENV010)"]
    assert [findings, targets, steps] == ["Findings", "Targets", "Steps"]
    assert "cameTCP002@backup  critical: 1 of 3 addresses is silent on 443: 10.0.2.17" in texts(elements, "tr")
    assert "changedtcp/backup/10.0.2.17/443  ok -> failed (timeout)" in texts(elements, "tr")
    assert data(elements)["schema"] == "backuplink.diff.v1"


def test_of_nothing_that_changed() -> None:
    elements = read(pages.render(documents.document(difference(report_of("healthy"), report_of("healthy")))))
    assert texts(elements, "h1") == ["NOTHING WORSE: ok -> ok"]
    assert texts(elements, "p").count("the same") == 3
