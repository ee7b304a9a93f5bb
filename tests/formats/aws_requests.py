"""Checks requests against the SDK's own model of an AWS service: required members, types, lengths, patterns."""

import json
import re
from functools import cache
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.session import Session

from agent.formats import asff, opsitem
from agent.report.escape import visible
from tests.support.untrusted import spoken

_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "double": (int, float),
    "timestamp": str,
}


@cache
def request_shape(service: str, operation: str) -> Shape:
    """The input shape of an operation."""
    shape = Session().get_service_model(service).operation_model(operation).input_shape
    assert shape is not None
    return shape


def validate(shape: Shape, given: Any, place: str = "$") -> None:
    """Assert that a value has the required members, types, lengths and patterns of the shape. `place` is its path in
    the request.
    """
    assert isinstance(given, _TYPES[shape.type_name]), (place, given)
    value: Any = given
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if hasattr(value, "__len__"):
        assert least is None or len(value) >= least, (place, value)
        assert most is None or len(value) <= most, (place, len(value))
    if isinstance(shape, StructureShape):
        assert set(shape.required_members) <= set(value) <= set(shape.members), (place, sorted(value))
        for name, inner in value.items():
            validate(shape.members[name], inner, f"{place}.{name}")
    elif isinstance(shape, ListShape):
        for number, inner in enumerate(value):
            validate(shape.member, inner, f"{place}[{number}]")
    elif isinstance(shape, MapShape):
        for name, inner in value.items():
            validate(shape.key, name, f"{place}.{name}")
            validate(shape.value, inner, f"{place}.{name}")
    elif isinstance(shape, StringShape):
        assert not shape.enum or value in shape.enum, (place, value)
        pattern = shape.metadata.get("pattern")
        assert pattern is None or re.search(pattern, value), (place, value)


def findings(text: str) -> list[dict[str, Any]]:
    """The findings in a document, which BatchImportFindings must accept: one for each host."""
    _is_plain(text)
    document: list[dict[str, Any]] = json.loads(text)
    validate(request_shape("securityhub", "BatchImportFindings"), {"Findings": document})
    (finding,) = document
    # These limits are not in the model, but on AWS's page about the format.
    assert len(finding["Title"]) <= 256
    assert len(finding["Description"]) <= 1_024
    assert len(finding["Id"]) <= 512
    assert len(finding["Resources"]) <= 32
    assert all(len(resource["Id"]) <= 512 for resource in finding["Resources"])
    assert len(finding["ProductFields"]) <= 50
    assert all(len(name) <= 128 and len(value) <= 2_048 for name, value in finding["ProductFields"].items())
    assert len(finding.get("Remediation", {}).get("Recommendation", {}).get("Text", "")) <= 512
    assert re.fullmatch(r"arn:aws[\w-]*:securityhub:[\w-]+:(\d{12}):product/\1/default", finding["ProductArn"])
    assert re.fullmatch(r"\d{12}", finding["AwsAccountId"])
    assert finding["AwsAccountId"] == finding["ProductArn"].split(":")[4]
    assert (finding["RecordState"] == "ARCHIVED") == (finding["Compliance"]["Status"] == "PASSED")
    return document


def ops_item(text: str) -> dict[str, Any]:
    """The request in a document, which CreateOpsItem must accept."""
    _is_plain(text)
    document: dict[str, Any] = json.loads(text)
    validate(request_shape("ssm", "CreateOpsItem"), document)
    data = document["OperationalData"]
    assert not any(key.lower().startswith(("amazon", "ssm")) for key in data)  # the API refuses these
    assert {key for key in data if key.startswith("/aws/")} <= {"/aws/dedup", "/aws/resources"}
    assert list(json.loads(data["/aws/dedup"]["Value"])) == ["dedupString"]
    assert all(
        entry["arn"].startswith("arn:") for entry in json.loads(data.get("/aws/resources", {"Value": "[]"})["Value"])
    )
    assert len(json.dumps(data)) <= 20_000
    return document


def _is_plain(text: str) -> None:
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def check_findings(text: str) -> None:
    """Assert that a foreign text appears escaped, and whole or cut off after its beginning."""
    (finding,), (plain,) = findings(asff.render(spoken(text))), findings(asff.render(spoken("x")))
    assert finding.keys() == plain.keys()
    assert len(finding["Resources"]) == len(plain["Resources"])
    _begins(finding["Title"].removeprefix("backuplink: "), visible(text))
    _begins(finding["Description"], visible(text))


def check_ops_item(text: str) -> None:
    """Assert that a foreign text appears escaped, and whole or cut off after its beginning."""
    document, plain = ops_item(opsitem.render(spoken(text))), ops_item(opsitem.render(spoken("x")))
    assert document.keys() == plain.keys()
    assert set(document["OperationalData"]) <= set(plain["OperationalData"])
    _begins(document["Description"], visible(text))


def _begins(shown: str, said: str) -> None:
    """Assert that `shown` begins with `said`, or is the beginning of `said` with three dots."""
    assert shown.startswith(said) or (shown.endswith("...") and said.startswith(shown[:-3]))
