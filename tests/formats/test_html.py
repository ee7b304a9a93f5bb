"""The report as HTML, read back by a parser: closed in itself, and nothing foreign is anything but text there."""

import base64
import hashlib
import re
import shlex
from dataclasses import replace

import pytest

from agent.formats import html
from agent.formats.report_text import DETAIL_CHARACTERS
from agent.judge.verdict import refusal
from agent.simulated import scenario as scenarios
from tests.formats.html_page import links, read, texts
from tests.support.extent import one_in
from tests.support.runs import report_of


def test_of_a_run() -> None:
    report = report_of("one-zone-silent")
    elements = read(html.render(report))
    assert texts(elements, "h1") == ["CRITICAL: backup: some of the endpoint's addresses do not answer"]
    assert texts(elements, "title") == [f"backuplink: {texts(elements, 'h1')[0]}"]
    assert texts(elements, "h2") == [
        "1. CRITICAL backup: Some of the endpoint's addresses do not answer (TCP002)",
        "backup at backup.eu-west-1.amazonaws.com",
        "Not checked",
    ]
    assert texts(elements, "p")[0] == "eu-west-1, path private, access allowed, 3.0 s"
    assert texts(elements, "pre") == [
        "\n".join(shlex.join(command.argv) for command in report.findings[0].fix.commands)
    ]
    assert "10.0.2.17-443TIMEOUT---" in texts(elements, "tr")
    failed = [element.text for element in elements if element.attributes.get("class") == "failed"]
    assert failed == ["TIMEOUT"]


@pytest.mark.parametrize("name", one_in(8, scenarios.names()))
def test_of_every_scenario(name: str) -> None:
    report = report_of(name)
    elements = read(html.render(report))
    causes = [finding for finding in report.findings if finding.explained_by is None]
    commands = [command for finding in causes for command in finding.fix.commands]
    assert [line for block in texts(elements, "pre") for line in block.split("\n")] == [
        shlex.join(command.argv) for command in commands
    ]
    paragraphs = texts(elements, "p")
    for finding in causes:
        assert finding.detail in paragraphs
        assert f"What to do: {finding.fix.summary}" in paragraphs
    assert set(links(elements)) == {document.url for finding in causes for document in finding.documents}


def test_of_a_call_that_was_refused() -> None:
    elements = read(html.render(refusal("no such option: --frmat.")))
    assert texts(elements, "body") == ["\nUNKNOWN: no such option: --frmat.\n"]


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
    # A browser obeys it for what comes after it alone (CSP 3, section 3.3).
    assert [element.name for element in elements][:4] == ["html", "head", "meta", "meta"]
    assert not re.search(r"url\(|@import|expression", texts(elements, "style")[0])


def test_a_long_detail_is_cut() -> None:
    report = report_of("one-zone-silent")
    long = replace(report, findings=(replace(report.findings[0], detail="a word " * DETAIL_CHARACTERS),))
    assert len(html.render(long)) < len(html.render(report)) + DETAIL_CHARACTERS
    assert "... (--format json has the rest)" in html.render(long)


def test_links_of_a_saved_report_are_not_taken() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    documents = tuple(replace(document, url="javascript:alert(1)") for document in finding.documents)
    assert documents
    forged = replace(report, findings=(replace(finding, documents=documents),))
    assert html.render(forged) == html.render(report)
    unknown = replace(report, findings=(replace(finding, code="XYZ999"),))
    assert links(read(html.render(unknown))) == []
