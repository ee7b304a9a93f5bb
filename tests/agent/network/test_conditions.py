"""The keys and operators of Condition, as tables. Each row is used, and each row is correct."""

from dataclasses import replace
from typing import Any

import pytest

from agent.network.endpoint_policy.judgement import Decision
from tests.agent.network.policy_documents import LIST, allow, when
from tests.agent.network.test_endpoint_policy import judged

KEY = "aws:SourceVpcTag/Name"
NO_WILDCARDS = "AWS takes no wildcards with keys that hold its ids"


def decision(operator: str, key: str, wanted: Any, value: str | None = None) -> Decision:
    call = LIST if value is None else replace(LIST, context={key.lower(): value})
    return judged(allow(Condition=when(operator, key, wanted)), call=call).decision


@pytest.mark.parametrize(
    ("key", "value"),
    [("aws:SecureTransport", "true"), ("aws:ViaAWSService", "false"), ("aws:PrincipalIsAWSService", "false")],
)
def test_every_call_that_a_host_signs_has_these_values(key: str, value: str) -> None:
    other = "false" if value == "true" else "true"
    assert decision("Bool", key, value) is Decision.ALLOW
    assert decision("Bool", key, other) is Decision.NO_ALLOW


def test_no_call_through_an_endpoint_has_a_source_address() -> None:
    assert decision("IpAddress", "aws:SourceIp", "10.0.0.0/8") is Decision.NO_ALLOW
    assert decision("Null", "aws:SourceIp", "true") is Decision.ALLOW


@pytest.mark.parametrize(
    ("key", "holds_an_id"),
    [
        *(
            (f"aws:{name}", True)
            for name in (
                *("PrincipalAccount", "PrincipalOrgID", "PrincipalOrgPaths", "ResourceAccount", "ResourceOrgID"),
                *("ResourceOrgPaths", "SourceAccount", "SourceOrgID", "SourceVpc", "SourceVpce", "UserId"),
            )
        ),
        ("aws:PrincipalTag/Team", False),
        ("aws:RequestedRegion", False),
    ],
)
def test_keys_that_hold_ids_of_aws_take_no_wildcards(key: str, holds_an_id: bool) -> None:
    judgement = judged(allow(Condition=when("StringLike", key, "abcdef*")))
    assert (NO_WILDCARDS in judgement.words) is holds_an_id


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "one", "one", True),
        ("StringEquals", "ONE", "one", False),
        ("StringNotEquals", "one", "one", False),
        ("StringNotEquals", "two", "one", True),
        ("StringEqualsIgnoreCase", "ONE", "one", True),
        ("StringEqualsIgnoreCase", "two", "one", False),
        ("StringNotEqualsIgnoreCase", "ONE", "one", False),
        ("StringNotEqualsIgnoreCase", "two", "one", True),
        ("StringLike", "something*", "something else", True),
        ("StringLike", "something*", "one", False),
        ("StringNotLike", "something*", "something else", False),
        ("StringNotLike", "something*", "one", True),
        ("ArnEquals", "arn:aws:ec2:*:1:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", True),
        ("ArnEquals", "arn:aws:ec2:*:2:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", False),
        ("ArnNotEquals", "arn:aws:ec2:*:1:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", False),
        ("ArnNotEquals", "arn:aws:ec2:*:2:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", True),
        ("ArnLike", "arn:aws:ec2:*:1:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", True),
        ("ArnLike", "arn:aws:ec2:*:2:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", False),
        ("ArnNotLike", "arn:aws:ec2:*:1:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", False),
        ("ArnNotLike", "arn:aws:ec2:*:2:vpc/v", "arn:aws:ec2:eu-west-1:1:vpc/v", True),
        ("Bool", "true", "true", True),
        ("Bool", "false", "true", False),
        ("IpAddress", "10.0.0.0/16", "10.0.1.2", True),
        ("IpAddress", "10.1.0.0/16", "10.0.1.2", False),
        ("NotIpAddress", "10.0.0.0/16", "10.0.1.2", False),
        ("NotIpAddress", "10.1.0.0/16", "10.0.1.2", True),
    ],
)
def test_what_an_operator_compares(operator: str, wanted: str, value: str, holds: bool) -> None:
    assert decision(operator, KEY, wanted, value) is (Decision.ALLOW if holds else Decision.NO_ALLOW)


@pytest.mark.parametrize("operator", ["NumericEquals", "DateLessThan", "BinaryEquals", "StringMatches", "Equals"])
def test_any_other_operator_is_not_judged(operator: str) -> None:
    assert decision(operator, KEY, "1", "1") is Decision.CANNOT_TELL
