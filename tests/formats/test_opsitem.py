"""The OpsItem, which describes the work to be done on a host. Runs with the same causes share one item."""

import json
from typing import Any

import pytest

from agent.formats import opsitem
from agent.judge.verdict import refusal
from agent.report.redact import redact
from tests.formats.aws_requests import ops_item
from tests.support.runs import report_of


def item_of(name: str) -> dict[str, Any]:
    return ops_item(opsitem.render(report_of(name)))


@pytest.mark.parametrize(
    ("name", "severity"),
    [("healthy", "4"), ("gateway-activation-port-blocked", "3"), ("one-zone-silent", "2"), ("region-unknown", "3")],
)
def test_a_verdict(name: str, severity: str) -> None:
    assert item_of(name)["Severity"] == severity


def test_the_first_cause_gives_the_title() -> None:
    report = report_of("one-zone-silent")
    item = item_of("one-zone-silent")
    assert item["Title"] == f"backuplink on i-0a1b2c3d4e5f67890: {report.verdict.summary}"
    assert report.findings[0].fix.summary in item["Description"]
    assert item["OperationalData"]["codes"] == {"Value": "TCP002", "Type": "SearchableString"}


def key_of(item: dict[str, Any]) -> str:
    return str(json.loads(item["OperationalData"]["/aws/dedup"]["Value"])["dedupString"])


def test_the_same_causes_are_the_same_item_and_others_another() -> None:
    report = report_of("one-zone-silent")
    assert key_of(item_of("one-zone-silent")) == key_of(ops_item(opsitem.render(report)))
    assert key_of(item_of("one-zone-silent")) != key_of(item_of("three-faults"))
    assert "i-0a1b2c3d4e5f67890" in key_of(item_of("one-zone-silent"))


def test_the_instance_is_its_resource() -> None:
    resources = json.loads(item_of("one-zone-silent")["OperationalData"]["/aws/resources"]["Value"])
    assert resources == [{"arn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890"}]


def test_a_masked_report_has_no_resource() -> None:
    assert "/aws/resources" not in ops_item(opsitem.render(redact(report_of("one-zone-silent"))))["OperationalData"]


def test_a_call_that_was_refused() -> None:
    item = ops_item(opsitem.render(refusal("--timeout: it is not a number")))
    assert item["Title"].startswith("backuplink on this host: ")
