"""Reads a JUnit XML document with the standard library's parser and with junitparser, and validates it by a schema."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import junitparser
import xmlschema

SCHEMA: Final = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
RESULTS: Final = ("failure", "error", "skipped")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case as a reader shows it."""

    suite: str
    name: str
    classname: str
    seconds: float | None
    result: str
    """`failure`, `error`, `skipped`, or `passed`."""
    message: str
    text: str


def read(document: str) -> list[Case]:
    """The cases of a document. Raises AssertionError, or the exception of a parser, if a parser cannot read the
    document, or counts other numbers than the document states.
    """
    assert document.endswith("\n")
    assert document.isascii()
    assert document.translate({ord("\n"): "", ord("\t"): ""}).isprintable()
    root = ElementTree.fromstring(document)  # noqa: S314 - our own document
    SCHEMA.validate(root)
    cases = [_case(suite, case) for suite in root for case in suite.iter("testcase")]
    for element, held in [
        (root, cases),
        *((suite, [case for case in cases if case.suite == suite.get("name")]) for suite in root),
    ]:
        counts = {"tests": len(held)} | {f"{kind}s": _count(held, kind) for kind in ("failure", "error")}
        assert {name: int(element.get(name, "-1")) for name in counts} == counts
    assert _by_library(document) == [(case.suite, case.name, case.result, case.message) for case in cases]
    return cases


def is_red(document: str) -> bool:
    """Whether a page of results shows any of a document's cases as failed."""
    return any(case.result in ("failure", "error") for case in read(document))


def _case(suite: ElementTree.Element, case: ElementTree.Element) -> Case:
    seconds = case.get("time")
    outcome = next((element for element in case if element.tag in RESULTS), None)
    return Case(
        suite=suite.get("name", ""),
        name=case.get("name", ""),
        classname=case.get("classname", ""),
        seconds=None if seconds is None else float(seconds),
        result="passed" if outcome is None else outcome.tag,
        message="" if outcome is None else outcome.get("message", ""),
        text="".join(case.itertext()).strip(),
    )


def _count(cases: list[Case], kind: str) -> int:
    return sum(case.result == kind for case in cases)


def _by_library(document: str) -> list[tuple[str, str, str, str]]:
    results = []
    for suite in junitparser.JUnitXml.fromstring(document.encode()):
        for case in suite:
            kinds = [(type(outcome).__name__.lower(), outcome.message or "") for outcome in case.result] or [
                ("passed", "")
            ]
            results += [(suite.name or "", case.name or "", kind, message) for kind, message in kinds]
    return results
