"""Checks the refusal of each kind of document."""

import json
from functools import cache
from typing import Any, Final

import jsonschema_rs

from agent.app.publish import AUDIT, FLEET, KINDS, PREDICTION, Kind
from tests.formats import html_page

_EMPTY: Final = {
    AUDIT.name: ("vpcs", "unanswered"),
    FLEET.name: ("causes", "own_faults"),
    PREDICTION.name: ("names", "paths", "calls", "faults"),
}
"""The kinds whose refusal is a complete document, each with the fields that are empty in a refusal."""


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator | None:
    """The validator of a kind's schema, or None for a kind without a schema."""
    schema = KINDS[name].json_schema
    return None if schema is None else jsonschema_rs.Draft202012Validator(schema())


def validate(kind: Kind, document: Any) -> None:
    """Check a document of a kind against its schema."""
    known = validator(kind.name)
    if known is not None:
        known.validate(document)


def reason_in(kind: Kind, out: str, wanted: str = "json") -> str:
    """The reason that a refusal gives. The refusal is JSON or a page."""
    refusal = html_page.data(html_page.read(out)) if wanted == "html" else json.loads(out)
    validate(kind, refusal)
    assert refusal["schema"] == kind.schema
    assert refusal["verdict"]["status"] == "unknown"
    assert not any(refusal[name] for name in _EMPTY.get(kind.name, ()))
    return str(refusal["verdict"]["summary"])
