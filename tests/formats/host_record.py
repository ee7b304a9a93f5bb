"""Reads the record of a host, and checks it by its published schema and the grammar of its keys."""

import json
import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

import jsonschema_rs

from agent.catalog.findings import CODES
from agent.formats.host import render
from agent.report import host_record
from agent.report.model import SubjectKind
from tests.support.untrusted import spoken

VALIDATOR: Final = jsonschema_rs.Draft202012Validator(host_record.schema())
_PART: Final = r"(?:[^%|<\x00-\x1f\x7f-\U0010ffff]|%[0-9A-F]{2})*"
_KEY: Final = rf"[A-Z]+\d{{3}}\|{_PART}(?:\|(?:{'|'.join(SubjectKind)})={_PART})*"
_CAUSE: Final = re.compile(rf"(?:critical|warning)\|{_KEY}")
_SYMPTOM: Final = re.compile(rf"{_KEY} < {_KEY}")


def read(document: str) -> dict[str, Any]:
    """The record in a document, which must be a single line within the maximum size."""
    assert document.endswith("\n")
    assert document.isascii()
    assert document[:-1].isprintable()
    assert len(document) <= host_record.MAX_BYTES
    record: dict[str, Any] = json.loads(document)
    VALIDATOR.validate(record)
    # An SQL table only has columns for these fields.
    for value in record.values():
        assert value is None or isinstance(value, str | bool) or all(isinstance(part, str) for part in value)
    assert set(record["cut"]) <= set(record)
    assert all(_CAUSE.fullmatch(cause) for cause in record["causes"]), record["causes"]
    assert all(_SYMPTOM.fullmatch(symptom) for symptom in record["symptoms"]), record["symptoms"]
    assert {cause.split("|")[1] for cause in record["causes"]} <= set(CODES)
    return record


def status(document: str) -> str:
    """The status of the run."""
    return str(read(document)["status"])


def check(text: str) -> None:
    """Assert that a foreign text appears unchanged, or cut off after its beginning if the record says so."""
    report = spoken(text)
    subject = replace(report.findings[0].subjects[0], id=text)
    findings = (replace(report.findings[0], subjects=(subject,)), *report.findings[1:])
    record = read(render(replace(report, findings=findings)))
    plain = read(render(spoken("x")))
    assert record.keys() == plain.keys()
    assert len(record["causes"]) == len(plain["causes"]) == 1
    if text:  # an empty id does not count as an id
        for name in ("tool", "run", "host", "vpc", "zone", "summary", "title", "fix"):
            if name not in record["cut"]:
                assert record[name] == text
            elif record[name] is not None:
                assert text.startswith(record[name])
    _, code, target, *anchors = record["causes"][0].split("|")
    assert code == report.findings[0].code
    # Half of a surrogate pair is not valid text, so the record has a question mark in its place.
    whole = text.encode("utf-8", "replace").decode()
    assert whole.startswith(unquote(target).rstrip("\ufffd"))
    assert len(anchors) <= 1
