"""Simulates AWS in a VPC with moto, and runs the AWS CLI on the host beside the program."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.netns import program
from tests.netns.vpc import COMMAND_SECONDS, command_in
from tests.peers.software import listed
from tests.peers.world import World
from tests.support.repository import ROOT

ACCOUNT_ID: Final = "123456789012"
"""The account that moto simulates."""
_ACCOUNT: Final = Path(__file__).with_name("account.py")
REGION: Final = "eu-west-1"
ADDRESS: Final = "10.0.1.17"
"""The address of the interface endpoints of all AWS services."""
PLACE: Final = f"{ADDRESS} 443"
KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
UNKNOWN_KEY_ID: Final = "AKIAI44QH8DHBEXAMPLE"
OTHER_SECRET_KEY: Final = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"  # noqa: S105 - AWS's own example
EVERYTHING: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_FAILURES: Final = (1, 253, 254, 255)
"""Exit codes of the AWS CLI for four failures: an S3 command that failed, wrong settings, an error from the service,
and any other failure (AWS CLI User Guide, "Command line return codes").
"""


def names_at(names: Iterable[str], address: str) -> str:
    """Rows of a scenario that make the VPC's resolver return this address for these names."""
    return "".join(
        f"""
        [[dns]]
        resolvers = ["10.0.0.2", "169.254.169.253"]
        name = "{name}"
        a = ["{address}"]
        """
        for name in names
    )


def policy_of(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """An IAM policy with these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def start_account(
    built: World,
    *,
    names: Iterable[str],
    policy: Mapping[str, Any],
    issuer: str = "amazon",
    **more: Any,
) -> None:
    """Start moto at ADDRESS for these names, and wait until it listens. `more` contains further fields of
    `account.Account`.
    """
    account = {
        "address": ADDRESS,
        "issuer": issuer,
        "names": list(names),
        "key_id": KEY_ID,
        "secret_key": SECRET_KEY,
        "policy": policy,
        "buckets": {},
        "objects": {},
        "instances": [],
        **more,
    }
    file = built.write("account.json", json.dumps(account))
    command = command_in(built.namespace("network"), sys.executable, str(_ACCOUNT), str(file))
    moto = built.run("moto", command, environment={"PYTHONPATH": str(ROOT), "HOME": str(built.folder)})
    built.wait_for(moto, "tcp", ADDRESS, "443")


def backuplink(built: World, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program on the host, and wait until it ends."""
    command, environment = built.backuplink(*words)
    return subprocess.run(
        command,
        env=environment,
        cwd=built.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def own_policy(built: World, *parts: str) -> dict[str, Any]:
    """The policy that `backuplink permissions` prints for these parts."""
    printed = json.loads(backuplink(built, "permissions", "--region", REGION, "--format", "json").stdout)
    policies = {each["part"]: each["policy"] for each in printed["parts"]}
    return policy_of(*(statement for part in parts for statement in policies[part]["Statement"]))


def cli(built: World, *words: str) -> str | None:
    """The output of the AWS CLI on the host with the host's credentials, or None if it fails."""
    folder = built.folder / "cli"
    folder.mkdir(exist_ok=True)
    environment = program.environment(built.vpc, folder) | {"AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}
    del environment["PATH"]
    more = () if "--region" in words else ("--region", REGION)
    done = built.output_of(
        listed()["awscli"].path(), *words, *more, "--cli-connect-timeout", "10", environment=environment
    )
    if done.returncode:
        assert done.returncode in _FAILURES, done.stderr
        sys.stdout.write(f"aws {' '.join(words)}: {done.stderr}")
        return None
    return done.stdout
