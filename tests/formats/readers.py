"""A reader for each format: it validates a document, reads its status, and checks that untrusted text is nothing but
text.

`test_every_format.py` uses the readers to check the promises of every format, for each row of the registry.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from agent.formats.registry import Format, render
from agent.report import codec
from agent.report.escape import visible
from tests.formats import (
    aws_requests,
    emf_events,
    host_record,
    html_page,
    junit_report,
    junit_results,
    markdown_page,
    plugin_output,
    plugin_report,
    prometheus_samples,
    svg_picture,
)
from tests.formats.monitors import STATUS_IN
from tests.support.untrusted import spoken
from tests.support.validator import VALIDATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The functions and data with which the tests read one format."""

    holds: Callable[[str], object]
    """Raises if a document is invalid."""
    status: Callable[[str], str]
    """The status of the run, according to the document."""
    check: Callable[[str], None]
    """Raises if a report in which every value from outside is the given text shows it as anything but text."""
    alphabet: str
    """Characters that have a meaning in the format."""
    more_hostile: tuple[str, ...] = ()
    """Texts that are dangerous only in this format."""
    libraries: frozenset[str] = frozenset()
    """Modules that only this format loads."""
    examples: int = 100
    """The number of random texts to try."""
    every: int = 8
    """CI reads one scenario out of this many. The number is higher if other tests of the format read scenarios too, or
    if reading is slow.
    """


def reader_of(row: Format) -> Reader:
    """The reader of a format. A format without a reader fails the test, with instructions to write one."""
    if row.name not in READERS:
        pytest.fail(f"the format {row.name} has no reader: add one to READERS in tests/formats/readers.py")
    return READERS[row.name]


# --- Text ------------------------------------------------------------------------------------------------------------


def _text_holds(document: str) -> None:
    assert document.endswith("\n")
    assert not document.endswith("\n\n")
    assert document.isascii()
    assert document.replace("\n", "").isprintable()
    assert re.match(r"(OK|WARNING|CRITICAL|UNKNOWN)(  |\n)", document)


def _text_status(document: str) -> str:
    return document.split(maxsplit=1)[0].lower()


def _text_check(text: str) -> None:
    document, plain = render(spoken(text), "text"), render(spoken("x"), "text")
    _text_holds(document)
    # A word that is longer than a line is broken inside, so spaces and line breaks are not compared.
    escaped, flat = "".join(visible(text).split()), "".join(document.split())
    assert flat.startswith(f"WARNING{escaped}")
    assert f"Whattodo:{escaped}" in flat
    assert f"notproven:{escaped}" in flat
    headings = [re.findall(r"^ *(?:\d+\. WARNING|What to do:|See: backuplink)", one, re.M) for one in (document, plain)]
    assert len(headings[0]) >= len(headings[1])


# --- JSON ------------------------------------------------------------------------------------------------------------


def _json_holds(document: str) -> dict[str, Any]:
    assert document.isascii()
    assert document.replace("\n", "").isprintable()
    loaded: dict[str, Any] = json.loads(document)
    VALIDATOR.validate(loaded)
    return loaded


def _json_status(document: str) -> str:
    return str(_json_holds(document)["verdict"]["status"])


def _json_check(text: str) -> None:
    report = spoken(text)
    assert _json_holds(render(report, "json")) == codec.encode(report)


def _ndjson_holds(document: str) -> dict[str, Any]:
    assert document.endswith("\n")
    assert document.isascii()
    assert document.replace("\n", "").isprintable()
    *_, last = (json.loads(line) for line in document.removesuffix("\n").split("\n"))
    assert last.pop("type") == "report"
    VALIDATOR.validate(last)
    loaded: dict[str, Any] = last
    return loaded


def _ndjson_status(document: str) -> str:
    return str(_ndjson_holds(document)["verdict"]["status"])


def _ndjson_check(text: str) -> None:
    report = spoken(text)
    document = render(report, "ndjson")
    assert _ndjson_holds(document) == codec.encode(report)
    assert document.count("\n") == 2 + len(report.observations) + len(report.findings)


# --- JUnit -----------------------------------------------------------------------------------------------------------


def _junit_status(document: str) -> str:
    status = STATUS_IN["junit"](document)
    assert junit_results.is_red(document) is (status != "ok")
    if status != "failure":
        return status
    root = ElementTree.fromstring(document)  # noqa: S314 - our own document
    (failure,) = root.iterfind(".//testcase[@name='verdict']/failure")
    return failure.get("type", "")


# --- Markdown --------------------------------------------------------------------------------------------------------


def _markdown_holds(document: str) -> None:
    assert document.endswith("\n")
    assert document.isascii()
    assert document.replace("\n", "").isprintable()
    for token in markdown_page.PARSER.parse(document):
        assert {part.type for part in (token, *(token.children or ()))} <= markdown_page.QUIET


READERS: Final[dict[str, Reader]] = {
    "text": Reader(holds=_text_holds, status=_text_status, check=_text_check, alphabet="\x1b[0m\n\t \r\x9b1a"),
    "json": Reader(holds=_json_holds, status=_json_status, check=_json_check, alphabet='\\"{}[],:\n\x00 u1a', every=16),
    "ndjson": Reader(
        holds=_ndjson_holds, status=_ndjson_status, check=_ndjson_check, alphabet='\\"{}[],:\n\r\u2028 1a', every=16
    ),
    "nagios": Reader(
        holds=plugin_output.read,
        status=STATUS_IN["nagios"],
        check=plugin_report.check,
        alphabet="|'=;: \n\\\x00a1",
        more_hostile=("a|b", "'", "x=1", "|x=1", "\n|x=1", "]]>", "a" * 100_000),
        every=16,
    ),
    "prometheus": Reader(
        holds=prometheus_samples.holds,
        status=STATUS_IN["prometheus"],
        check=prometheus_samples.check,
        alphabet='\\"{}=,#\n\r\t 1a_',
        libraries=frozenset({"prometheus_client"}),
    ),
    "emf": Reader(
        holds=emf_events.holds,
        status=STATUS_IN["emf"],
        check=emf_events.check,
        alphabet='\\"{}[],:\n\r\t 1a',
        more_hostile=("\\" * 100_000, "\U0001f469" * 100_000),
        every=16,
    ),
    "asff": Reader(
        holds=aws_requests.findings,
        status=STATUS_IN["asff"],
        check=aws_requests.check_findings,
        alphabet='\\"{}[],:\n\r\t 1a',
        more_hostile=("\\" * 10_000, "\U0001f469" * 10_000),
        examples=50,
        every=32,
    ),
    "opsitem": Reader(
        holds=aws_requests.ops_item,
        status=STATUS_IN["opsitem"],
        check=aws_requests.check_ops_item,
        alphabet='\\"{}[],:\n\r\t 1a',
        more_hostile=("\\" * 10_000, "\U0001f469" * 10_000),
        examples=50,
        every=32,
    ),
    "junit": Reader(
        holds=junit_results.read,
        status=_junit_status,
        check=junit_report.check,
        alphabet="<>&\"']![CDAT-\n\x00\x0b\ufffe",
        more_hostile=("]]>", "<![CDATA[x]]>", "&lt;", "\x01\x02\ufffe", "\ud83d"),
        libraries=frozenset({"junitparser", "xml.dom"}),
        examples=50,
        every=16,
    ),
    "host": Reader(
        holds=host_record.read,
        status=STATUS_IN["host"],
        check=host_record.check,
        alphabet='\\"{}[],:\n\r\u2028|<%= 1a',
        more_hostile=("a|b=c|d", " < ", "%7C", "x" * 100_000, "\\" * 100_000, "|" * 1_000, "\U0001f469" * 10_000),
        examples=50,
        every=16,
    ),
    "html": Reader(
        holds=html_page.read,
        status=STATUS_IN["html"],
        check=html_page.check,
        alphabet="<>&\"'=/!-;#xa \n]",
        more_hostile=("</script><script>alert(1)</script>", "--></script>", "<![CDATA[x]]>", "<!--<script>"),
        libraries=frozenset({"agent.documents.page", "markdown_it"}),
        examples=50,
        every=16,
    ),
    "svg": Reader(
        holds=svg_picture.read,
        status=STATUS_IN["svg"],
        check=svg_picture.check,
        alphabet="<>&\"'=/!-;#xa \n]",
        more_hostile=("]]>", "<![CDATA[x]]>", "\ufffe", "x" * 1_000),
        examples=50,
        every=16,
    ),
    "markdown": Reader(
        holds=_markdown_holds,
        status=STATUS_IN["markdown"],
        check=markdown_page.check,
        alphabet="\\`*_[]()<>#+-.!|~&@:/w$ \n\t1a",
        more_hostile=("\\@0",),
        every=16,
    ),
}
