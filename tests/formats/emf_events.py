"""Reads a document in the embedded metric format as CloudWatch does."""

import re
from dataclasses import replace
from typing import Any, Final

import jsonschema_rs
from botocore.session import Session

from agent.formats import emf
from agent.report.escape import visible
from tests.formats.monitors import events_in
from tests.support.untrusted import spoken

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 255}


SCHEMA: Final = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {**_TEXT, "pattern": "^[0-9A-Za-z._/#-][0-9A-Za-z._/#:-]*$"},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 30, "uniqueItems": True, "items": _TEXT},
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": _TEXT,
                                        "Unit": {"type": "string"},
                                        "StorageResolution": {"enum": [1, 60]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


VALIDATOR: Final = jsonschema_rs.Draft202012Validator(SCHEMA)


UNITS: Final = frozenset(Session().get_service_model("cloudwatch").shape_for("StandardUnit").enum)
"""The units in the SDK's own model of CloudWatch."""


MAX_EVENT_BYTES: Final = 256 * 1024
"""The size of the largest event that all log forwarders accept. CloudWatch Logs itself accepts 1 MB."""


def holds(text: str) -> list[dict[str, Any]]:
    """Return the events in a document. Asserts that CloudWatch accepts each of them."""
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert all(len(line) <= MAX_EVENT_BYTES for line in text.splitlines())
    events = events_in(text)
    for event in events:
        VALIDATOR.validate(event)
        for directive in event["_aws"]["CloudWatchMetrics"]:
            for keys in directive["Dimensions"]:
                for key in keys:
                    value = event[key]
                    assert isinstance(value, str)
                    assert re.fullmatch(r"[\x20-\x7e]{1,1024}", value)
                    assert value.strip()
            names = [metric["Name"] for metric in directive["Metrics"]]
            assert len(set(names)) == len(names)
            for metric in directive["Metrics"]:
                assert metric["Unit"] in UNITS
                values = event[metric["Name"]]
                assert isinstance(values, float) or 1 <= len(values) <= 100
                for value in values if isinstance(values, list) else [values]:
                    assert isinstance(value, float)
                    assert abs(value) <= 2.0**360
    return events


def check(text: str) -> None:
    """Assert that a dimension shows the foreign text escaped and cut to the length that CloudWatch accepts, and that
    each event is one line.
    """
    report = spoken(text)
    report = replace(
        report,
        targets=tuple(
            replace(target, id=f"{text}{number}", region=text) for number, target in enumerate(report.targets)
        ),
    )
    events = holds(emf.render(report))
    assert len(events) == 1 + len(report.targets)
    escaped = visible(text)
    shown = escaped if escaped.strip() else "unknown"
    assert [event["Region"] for event in events[1:]] == [shown[:1024]] * len(report.targets)
    assert events[0]["summary"] == (escaped if len(escaped) <= emf.MAX_TEXT else f"{escaped[: emf.MAX_TEXT]} ...")
