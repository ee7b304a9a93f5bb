"""The record is the same whether a report is read partly or completely."""

import json
from typing import Any

import pytest

from agent.fleet.reports import record_of_document
from agent.report import codec
from agent.report.host_record import record_of
from agent.report.redact import redact
from agent.report.serialization import DecodeError
from tests.agent.fleet.files import report
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of


@pytest.mark.parametrize("name", one_in(16, sorted(scenarios.names())))
def test_as_that_of_the_whole_report(name: str) -> None:
    whole = report_of(name)
    assert record_of_document(json.loads(codec.dumps(codec.encode(whole)))) == record_of(whole)


def test_of_a_redacted_report() -> None:
    whole = redact(report_of("one-zone-silent"))
    record = record_of_document(codec.encode(whole))
    assert record.redacted
    assert record == record_of(whole)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        *(("vantage", key) for key in ("managed_node_id", "host_name", "account_id", "instance_type", "image_id")),
        ("run", "redacted"),
        ("findings", "counts"),
        ("findings", "subjects"),
    ],
)
def test_a_report_that_lacks_a_key_is_refused(part: str, key: str) -> None:
    document = report(scenario="one-zone-silent")
    del (document[part][0] if part == "findings" else document[part])[key]
    with pytest.raises(DecodeError, match=f"^{key}: "):
        record_of_document(document)


def test_what_the_record_does_not_need_may_be_anything() -> None:
    document = report(scenario="one-zone-silent")
    whole = record_of_document(document)
    document |= {"paths": 7, "not_evaluated": None, "later": {}}
    document["run"]["seconds"] = "long"
    document["findings"][0]["detail"] = []
    assert record_of_document(document) == whole


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "backuplink.report.v2"),
        (("run",), None),
        (("run", "finished_at"), "yesterday"),
        (("run", "complete"), 1),
        (("verdict", "status"), "fine"),
        (("vantage", "resolvers"), ["10.0.0.300"]),
        (("vantage", "vpc_cidrs"), "10.0.0.0/16"),
        (("vantage", "instance_id"), 7),
        (("targets",), {}),
        (("targets", 0, "required"), "yes"),
        (("observations",), [1]),
        (("findings", 0, "severity"), "bad"),
        (("findings", 0, "fix"), None),
        (("findings", 0, "subjects"), [{"kind": "moon", "id": "x"}]),
        (("findings",), [{}] * 3_000),
    ],
)
def test_what_the_record_needs_has_to_be_what_it_is(path: tuple[str | int, ...], value: Any) -> None:
    document: Any = report(scenario="one-zone-silent")
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(DecodeError):
        record_of_document(document)


def test_findings_that_explain_each_other_take_no_long_time() -> None:
    """A thousand findings form a chain. If each finding were followed to the end of the chain, this would take
    minutes.
    """
    document = report(scenario="one-zone-silent")
    pattern = document["findings"][0]
    document["findings"] = [
        {**pattern, "id": str(number), "explained_by": str((number + 1) % 1_000)} for number in range(1_000)
    ]
    assert record_of_document(document).causes
