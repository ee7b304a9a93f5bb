"""Policies that certainly allow no action of a service, and policies of which this is not certain."""

import json
from typing import Any, Final

import pytest

from agent.audit.faults import prefix_of
from agent.catalog.services import SERVICES
from agent.network.calls import RefusedError, why_shut

DENY_ALL: Final = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
ALLOW_ALL: Final = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def why(*statements: dict[str, Any], prefix: str = "backup") -> str | None:
    return why_shut(json.dumps({"Statement": list(statements)}), prefix)


@pytest.mark.parametrize("policy", [None, "", " \n"])
def test_no_policy_allows_everything(policy: str | None) -> None:
    assert why_shut(policy, "backup") is None


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ([DENY_ALL], "without an Allow"),
        ([{**DENY_ALL, "Principal": {"AWS": "444455556666"}}], "without an Allow"),
        ([ALLOW_ALL, DENY_ALL], "denies every action"),
        ([ALLOW_ALL, {**DENY_ALL, "Action": ["sts:*", "Backup:*"]}], "denies every action"),
        ([ALLOW_ALL, {**DENY_ALL, "Principal": {"AWS": ["*"]}, "Resource": ["*"]}], "denies every action"),
        ([{**ALLOW_ALL, "Action": "s3:*"}], "no Allow in it is for backup"),
        ([{**ALLOW_ALL, "Action": ["s3:Get*", "backup-gateway:*"]}], "no Allow in it is for backup"),
    ],
)
def test_a_policy_that_allows_nothing_is_told(statements: list[dict[str, Any]], words: str) -> None:
    said = why(*statements)
    assert said is not None
    assert words in said


@pytest.mark.parametrize(
    "statements",
    [
        [ALLOW_ALL],
        [ALLOW_ALL, {**DENY_ALL, "Principal": {"AWS": "444455556666"}}],
        [ALLOW_ALL, {**DENY_ALL, "Action": "backup:DeleteBackupVault"}],
        [ALLOW_ALL, {**DENY_ALL, "Resource": "arn:aws:backup:*:*:backup-vault:x"}],
        [ALLOW_ALL, {**DENY_ALL, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
        [{"Effect": "Allow", "Principal": "*", "NotAction": "s3:*", "Resource": "*"}],
        [{**ALLOW_ALL, "Action": "backup:List*"}],
        [{**ALLOW_ALL, "Action": "BACKUP:ListBackupVaults"}],
        [{**ALLOW_ALL, "Action": "of another form"}],
        [ALLOW_ALL, {"Effect": "Deny", "NotPrincipal": {"AWS": "1"}, "Action": "*", "Resource": "*"}],
        [ALLOW_ALL, {"Effect": "Deny", "Principal": "*", "NotAction": "backup:List*", "Resource": "*"}],
    ],
)
def test_a_policy_that_may_allow_something_is_not(statements: list[dict[str, Any]]) -> None:
    assert why(*statements) is None


@pytest.mark.parametrize("policy", ["{", "[]", '{"Statement": []}', '{"Statement": [{"Effect": "Maybe"}]}'])
def test_what_is_no_policy_is_refused(policy: str) -> None:
    with pytest.raises(RefusedError):
        why_shut(policy, "backup")


def test_every_service_has_the_prefix_of_its_own_call() -> None:
    for name, service in SERVICES.items():
        if service.permission is not None:
            assert why({**ALLOW_ALL, "Action": service.permission.action}, prefix=prefix_of(name)) is None
