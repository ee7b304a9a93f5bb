"""The AWS CLI and the program call the same endpoints, with moto's server as AWS. The CLI gets an answer from a service
exactly if the program's report says that the service can be called.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from agent.report.model import Access
from tests.peers.aws import (
    ADDRESS,
    EVERYTHING,
    KEY_ID,
    OTHER_SECRET_KEY,
    PLACE,
    SECRET_KEY,
    UNKNOWN_KEY_ID,
    cli,
    names_at,
    policy_of,
    start_account,
)
from tests.peers.setups import InVpc, scenario
from tests.peers.world import World, world

pytestmark = pytest.mark.peers

_CALLS: Final = {
    "backup": ("backup", "list-backup-vaults", "--max-results", "1"),
    "sts": ("sts", "get-caller-identity"),
    "ec2": ("ec2", "describe-regions"),
    "kms": ("kms", "list-aliases", "--limit", "1"),
    "logs": ("logs", "describe-log-groups", "--limit", "1"),
}
"""For each service, the call that the program signs, as a command of the AWS CLI. Calls of operations that moto lacks
are omitted.
"""
_NAMES: Final = tuple(f"{service}.eu-west-1.amazonaws.com" for service in _CALLS)


@dataclass(frozen=True, kw_only=True)
class BesideCli(InVpc):
    """A VPC with moto as AWS, and the AWS CLI on the host."""

    services: tuple[str, ...]
    allowed: frozenset[str]
    """Services that both programs may call."""


def beside_cli(
    name: str,
    verdict: tuple[str, str],
    *findings: str,
    services: tuple[str, ...] = ("backup",),
    allowed: tuple[str, ...] = (),
    denies: str = "",
    issuer: str = "amazon",
    secret_key: str = SECRET_KEY,
    key_id: str = KEY_ID,
    names: str = ADDRESS,
    more: str = "",
) -> BesideCli:
    """A set-up. `denies` is an action that the user's policy denies. `names` is the address that the VPC's resolver
    returns for the services' names.
    """
    keys = f'[credentials]\naccess_key_id = "{key_id}"\nsecret_key = "{secret_key}"\n'
    vpc = keys + (names_at(_NAMES, names) if names else "") + more
    toml = scenario(name, vpc, verdict, findings, run=f"services = {json.dumps(services)}", timeout=5.0)
    denied = [{"Effect": "Deny", "Action": denies, "Resource": "*"}] if denies else []

    def start(built: World) -> None:
        start_account(built, names=_NAMES, policy=policy_of(EVERYTHING, *denied), issuer=issuer)

    return BesideCli(
        package="awscli",
        name=name,
        toml=toml,
        start=start,
        places=(PLACE,),
        services=services,
        allowed=frozenset(allowed),
    )


HEALTHY: Final = ("ok", "private")
BROKEN: Final = ("critical", "private")
SETUPS: Final = (
    beside_cli("a user who may call AWS Backup", HEALTHY, allowed=("backup",)),
    beside_cli(
        "a user who may call STS, EC2, KMS and CloudWatch Logs, too",
        HEALTHY,
        services=tuple(_CALLS),
        allowed=tuple(_CALLS),
    ),
    beside_cli(
        "a user who may not call EC2, which nobody needs here",
        HEALTHY,
        services=("backup", "sts"),
        allowed=("backup", "sts"),
        denies="ec2:*",
    ),
    beside_cli(
        "a user who may not call AWS Backup",
        ("warning", "private"),
        "IAM009@backup",
        services=("backup", "sts"),
        allowed=("sts",),
        denies="backup:*",
    ),
    beside_cli(
        "a key that AWS does not know",
        BROKEN,
        "API003",
        services=("backup", "sts", "ec2"),
        key_id=UNKNOWN_KEY_ID,
    ),
    beside_cli(
        "another secret key",
        BROKEN,
        *("API004@backup", "API004@sts"),
        services=("backup", "sts"),
        secret_key=OTHER_SECRET_KEY,
    ),
    beside_cli(
        "TLS inspection by an authority that the host does not trust",
        BROKEN,
        "TLS001@backup",
        issuer="corporate",
    ),
    beside_cli(
        "names that lead to an address that does not answer",
        ("critical", "unreachable"),
        "TCP001@backup",
        names="10.0.2.17",
    ),
    beside_cli(
        "no private DNS, and no way to the internet",
        ("critical", "public"),
        *("DNS001@backup", "TCP001@backup"),
        names="52.95.112.41",
    ),
)


def called(built: World, service: str) -> bool:
    """Whether the AWS CLI gets an answer from the service."""
    said = cli(built, *_CALLS[service])
    if said is not None:
        json.loads(said)
    return said is not None


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_cli_gets_an_answer_where_the_report_has_access(setup: BesideCli, tmp_path: Path) -> None:
    with world(setup.name, setup.toml, tmp_path, places=setup.places) as built:
        setup.start(built)
        ended = built.check()
        assert (f"{ended.report.verdict.status}, {ended.report.verdict.path}", *ended.findings) == setup.expected
        allowed = {target.service for target in ended.report.targets if target.access is Access.ALLOWED}
        assert allowed == setup.allowed
        assert {service for service in setup.services if called(built, service)} == allowed
