"""The changes of a fleet as events: the tests check their content and their size, and that EventBridge accepts them."""

import json
from dataclasses import replace
from typing import Any, Final

import boto3
import jsonschema_rs
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from agent.catalog.findings import CODES
from agent.fleet import events
from agent.fleet.model import FleetChange, FleetDocument, Turn, refusal
from agent.fleet.redact import FleetRedactor
from agent.report.model import Fix
from agent.report.serialization import from_json
from tests.support import fleets

VALIDATOR: Final = jsonschema_rs.Draft202012Validator(events.schema(), validate_formats=True)
MOST_BYTES: Final = 256 * 1024
"""The maximum bytes of a request (PutEvents, Amazon EventBridge API Reference)."""


def requests_of(document: FleetDocument) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events.render(document).splitlines()]


def details(document: FleetDocument) -> list[dict[str, Any]]:
    """The details of all entries, each checked against the schema."""
    found = [json.loads(entry["Detail"]) for request in requests_of(document) for entry in request["Entries"]]
    for detail in found:
        VALIDATOR.validate(detail)
    return found


def changed(*turns: Turn, key: str = fleets.KEY) -> FleetDocument:
    """A document whose first cause has these changes."""
    change = FleetChange(
        turn=Turn.NEW,
        key=key,
        ticket=key,
        title="x",
        severity=fleets.document().causes[0].severity,
        before=2,
        after=9,
        came=8,
        went=1,
    )
    return replace(fleets.document(), changes=tuple(replace(change, turn=turn) for turn in turns))


def test_an_event_says_what_became_of_a_cause_and_what_to_do() -> None:
    document = changed(Turn.GROWN)
    cause = document.causes[0]
    (detail,) = details(document)
    assert (detail["turn"], detail["code"], detail["name"]) == ("grown", "VPC005", CODES["VPC005"].name)
    assert (detail["host_count_before"], detail["host_count"], detail["came"], detail["went"]) == (2, 9, 8, 1)
    assert {"kind": "group", "id": fleets.GROUP} in detail["subjects"]
    assert detail["since"] == "2026-01-13T03:00:00.000Z"
    assert detail["fix"]["commands"][0]["argv"] == list(cause.fix.commands[0].argv)
    assert detail["sweep"]["id"] == fleets.SWEEPS[-1].id
    assert detail["against"]["id"] == fleets.SWEEPS[-2].id
    assert from_json(events.FleetEvent, detail) == next(events.events(document))


def test_a_cause_that_healed_has_its_subjects_and_no_fix() -> None:
    (detail,) = details(changed(Turn.HEALED, key="VPC002|endpoint=vpce-0d1b2c3d4e5f67890"))
    assert (detail["turn"], detail["code"]) == ("healed", "VPC002")
    assert detail["subjects"] == [{"kind": "endpoint", "id": "vpce-0d1b2c3d4e5f67890"}]
    assert (detail["fix"], detail["since"], detail["hosts"]) == (None, None, [])


def test_a_code_of_a_later_version_is_an_event_too() -> None:
    (detail,) = details(changed(Turn.NEW, key="TCP099|vpc=vpc-1"))
    assert (detail["code"], detail["name"]) == ("TCP099", "TCP099")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(replace(fleets.document(), changes=()), id="nothing changed"),
        pytest.param(replace(fleets.document(), against=None), id="nothing to compare with"),
        pytest.param(refusal("nothing to read"), id="a refusal"),
    ],
)
def test_there_is_no_event_of(document: FleetDocument) -> None:
    assert fleets.document().changes
    assert events.render(document) == ""


def test_ten_entries_are_a_request() -> None:
    document = changed(*[Turn.NEW] * 21)
    assert [len(request["Entries"]) for request in requests_of(document)] == [10, 10, 1]
    assert len(details(document)) == 21


@pytest.mark.parametrize("commands", [1, 2_000], ids=["a long text", "many commands"])
def test_what_is_too_large_is_cut_and_stays_an_event(commands: int) -> None:
    (command,) = fleets.document().causes[0].fix.commands
    fix = Fix(summary="x" * (300_000 if commands == 1 else 10), commands=(command,) * commands)
    document = changed(Turn.NEW)
    document = replace(document, causes=(replace(document.causes[0], fix=fix),))
    (detail,) = details(document)
    assert detail["key"] == fleets.KEY
    assert detail["fix"] == (None if commands == 1 else {"summary": "x" * 10, "commands": [], "lines": []})


def test_the_entries_of_a_request_are_not_too_large_together() -> None:
    document = changed(*[Turn.NEW] * 8)
    fix = Fix(summary="x" * 100_000)
    document = replace(document, causes=(replace(document.causes[0], fix=fix),))
    sizes = [
        sum(
            14 + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
            for entry in each["Entries"]
        )
        for each in requests_of(document)
    ]
    assert len(sizes) == 4
    assert max(sizes) < MOST_BYTES
    assert all(detail["fix"]["summary"] == "x" * 100_000 for detail in details(document))


def test_masks_are_those_of_the_document() -> None:
    masked = FleetRedactor(changed(Turn.NEW)).document()
    (detail,) = details(masked)
    assert detail["redacted"] is True
    assert detail["key"] == masked.causes[0].key
    assert fleets.GROUP not in json.dumps(detail)


def test_eventbridge_takes_a_request() -> None:
    """The SDK's model of the service refuses unknown keys, wrong types and texts out of bounds."""
    client = boto3.client(
        "events",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    most = client.meta.service_model.shape_for("PutEventsRequestEntryList").metadata["max"]
    for request in requests_of(changed(*[Turn.NEW] * 12)):
        assert len(request["Entries"]) <= most
        with Stubber(client) as stubber:
            stubber.add_response("put_events", {}, request)
            client.put_events(**request)


def test_what_is_no_event_does_not_fit() -> None:
    (detail,) = details(changed(Turn.NEW))
    for spoilt in ({"turn": "worse"}, {"schema": "x"}, {"host_count": "9"}):
        assert not VALIDATOR.is_valid({**detail, **spoilt})
