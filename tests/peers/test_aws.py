"""The AWS CLI beside the program, at the same endpoints, where moto's server is AWS: the CLI gets an answer exactly of
the services that the report says may be called."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from agent.report.model import Access
from tests.netns import program
from tests.netns.vpc import command_in
from tests.peers.setups import InVpc
from tests.peers.software import listed
from tests.peers.world import World, world
from tests.support.repository import ROOT

pytestmark = pytest.mark.peers

_ACCOUNT: Final = Path(__file__).with_name("account.py")
_ADDRESS: Final = "10.0.1.17"
_KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"
_SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
_CALLS: Final = {
    "backup": ("backup", "list-backup-vaults", "--max-results", "1"),
    "sts": ("sts", "get-caller-identity"),
    "ec2": ("ec2", "describe-regions"),
    "kms": ("kms", "list-aliases", "--limit", "1"),
    "logs": ("logs", "describe-log-groups", "--limit", "1"),
}
"""The calls that the program signs, as the AWS CLI makes them, by service: those of which moto has the operation."""
_NAMES: Final = tuple(f"{service}.eu-west-1.amazonaws.com" for service in _CALLS)
_ALLOWS: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass(frozen=True, kw_only=True)
class BesideCli(InVpc):
    """A VPC with moto for AWS, and the AWS CLI on the host."""

    services: tuple[str, ...]
    allowed: frozenset[str]
    """Services at which both may call."""


def beside_cli(
    name: str,
    verdict: tuple[str, str],
    *findings: str,
    services: tuple[str, ...] = ("backup",),
    allowed: tuple[str, ...] = (),
    denies: str = "",
    issuer: str = "amazon",
    secret_key: str = _SECRET_KEY,
    key_id: str = _KEY_ID,
    names: str = _ADDRESS,
    more: str = "",
) -> BesideCli:
    """A set-up. `denies` is an action that the user's policy denies, and `names` the address that the VPC's resolver
    has for the services' names."""
    status, path = verdict
    rows = "".join(
        f"""
        [[dns]]
        resolvers = ["10.0.0.2", "169.254.169.253"]
        name = "{of_service}"
        a = ["{names}"]
        """
        for of_service in (_NAMES if names else ())
    )
    toml = f"""
        summary = "{name}"
        [run]
        services = {json.dumps(services)}
        timeout = 5.0
        [credentials]
        access_key_id = "{key_id}"
        secret_key = "{secret_key}"
        {rows}
        {more}
        [expect]
        status = "{status}"
        path = "{path}"
        findings = {json.dumps(findings)}
    """
    statements = [_ALLOWS, *([{"Effect": "Deny", "Action": denies, "Resource": "*"}] if denies else [])]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})

    def start(built: World) -> None:
        words = (sys.executable, str(_ACCOUNT), _ADDRESS, issuer, _KEY_ID, _SECRET_KEY, policy, *_NAMES)
        command = command_in(built.namespace("network"), *words)
        moto = built.run("moto", command, environment={"PYTHONPATH": str(ROOT), "HOME": str(built.folder)})
        built.wait_for(moto, "tcp", _ADDRESS, "443")

    return BesideCli(
        package="awscli",
        name=name,
        toml=toml,
        start=start,
        places=(f"{_ADDRESS} 443",),
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
        key_id="AKIAI44QH8DHBEXAMPLE",
    ),
    beside_cli(
        "another secret key",
        BROKEN,
        *("API004@backup", "API004@sts"),
        services=("backup", "sts"),
        secret_key="je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",  # noqa: S106 - AWS's own example
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
    """Whether the AWS CLI gets an answer of the service."""
    folder = built.folder / "run"
    words = (*_CALLS[service], "--region", "eu-west-1", "--cli-connect-timeout", "3")
    environment = program.environment(built.vpc, folder) | {"AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}
    del environment["PATH"]
    done = built.output_of(listed()["awscli"].path(), *words, environment=environment)
    if done.returncode == 0:
        json.loads(done.stdout)
    else:
        assert done.returncode in (253, 254, 255), done.stderr  # of the settings, of the service, of all else
        sys.stdout.write(f"{service}: {done.stderr}")
    return done.returncode == 0


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_cli_gets_an_answer_where_the_report_has_access(setup: BesideCli, tmp_path: Path) -> None:
    with world(setup.name, setup.toml, tmp_path, places=setup.places) as built:
        setup.start(built)
        ended = built.check()
        assert (f"{ended.report.verdict.status}, {ended.report.verdict.path}", *ended.findings) == setup.expected
        allowed = {target.service for target in ended.report.targets if target.access is Access.ALLOWED}
        assert allowed == setup.allowed
        assert {service for service in setup.services if called(built, service)} == allowed
