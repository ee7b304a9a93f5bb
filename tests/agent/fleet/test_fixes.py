"""The fixes of a fleet. They contain only ports of the catalogue. They contain changes only if enough trusted hosts
report the fault.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from agent.catalog.services import SERVICES
from agent.fleet.causes import NamedCause
from agent.fleet.fixes import Trust, advice_for
from agent.fleet.model import NamedBy
from agent.report.model import Command, CommandScope, Fix
from tests.support.aws_commands import complaint

GROUP: Final = "sg-0a1b2c3d"
SERVICE_NAME: Final = "com.amazonaws.eu-west-1.backup"
TRUST: Final = Trust(least=5, places={GROUP: frozenset({("111122223333", "vpc-1")})}, of_endpoints=frozenset())
CHANGING: Final = {
    "VPC002": "VPC002|endpoint=vpce-0a1b2c3d",
    "VPC003": "VPC003|vpc=vpc-0a1b2c3d",
    "VPC005": f"VPC005|group={GROUP}",
    "VPC012": f"VPC012|group={GROUP}",
    "VPC019": "VPC019|route-table=rtb-0a1b2c3d|endpoint=vpce-0a1b2c3d",
}
"""The codes whose command changes something, each with the key of a cause."""


def fix_of(key: str, service: str = "backup", trust: Trust = TRUST, central: Fix | None = None, **changed: Any) -> Fix:
    cause = NamedCause(
        **{
            "number": 1,
            "key": key,
            "code": key.partition("|")[0],
            "severity": 0,
            "named_by": NamedBy.CONFIGURATION,
            "shared": None,
            "services": (service,),
            "raw_keys": (key,),
            "values": (),
            "member_count": 5,
            "exposed_count": 5,
            **changed,
        }
    )
    fix = advice_for(cause, ["eu-west-1"], ["sg-0f1b2c3d"], central, trust).fix
    of_aws = [command.argv for command in fix.commands if command.argv[0] == "aws"]
    assert [complaint(argv) for argv in of_aws] == [None] * len(of_aws)
    return fix


def commands(key: str, service: str = "backup", **given: Any) -> list[str]:
    return [" ".join(command.argv) for command in fix_of(key, service, **given).commands]


def changes(said: Sequence[str]) -> bool:
    """Whether a command among these changes something."""
    words = (command.split() for command in said)
    return any(word[0] == "aws" and not word[2].startswith(("describe-", "get-", "list-")) for word in words)


@pytest.mark.parametrize(
    ("service", "operations"),
    [("s3", ["describe-prefix-lists", "describe-network-acls"]), ("backup", ["describe-network-acls"])],
)
def test_the_blocks_of_s3_are_shown_before_the_acl_that_lacks_them(service: str, operations: list[str]) -> None:
    shown = commands("VPC006|acl=acl-0a1b2c3d|port=443", service)
    assert [command.split()[2] for command in shown] == operations


def test_a_group_names_the_prefix_list_of_s3_and_the_group_of_an_interface_endpoint() -> None:
    (to_list,) = commands(f"VPC012|group={GROUP}|prefix-list=pl-6da54004|port=443", "s3")
    assert to_list.endswith("PrefixListIds=[{PrefixListId=pl-6da54004}]")
    (to_group,) = commands(f"VPC012|group={GROUP}|port=443")
    assert to_group.endswith("--source-group <ENDPOINT_SECURITY_GROUP_ID>")


# --- Ports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["VPC005", "VPC012"])
@pytest.mark.parametrize("service", ["backup", "backup-gateway", "s3"])
def test_a_port_is_one_of_the_service(code: str, service: str) -> None:
    known = {port.number for port in SERVICES[service].ports}
    for port in (22, 443, 1026, 1027, 3306, 3389, 65535):
        said = commands(f"{code}|group={GROUP}|port={port}", service)
        assert changes(said) is (port in known)
        if port not in known:
            assert str(port) not in " ".join(said)


@pytest.mark.parametrize("odd", ["0443", "%EF%BC%94%EF%BC%94%EF%BC%93", "443-65535", "-1", "", "4431"])
def test_what_only_looks_like_one_is_none(odd: str) -> None:
    assert not changes(commands(f"VPC005|group={GROUP}|port={odd}"))


def test_of_several_ports_those_of_the_service_are_opened() -> None:
    said = commands(f"VPC005|group={GROUP}|port=22|port=1027|port=1026", "backup-gateway")
    assert "22" not in " ".join(said).split()
    assert "1026-1027" in " ".join(said)


# --- How many hosts must report a fault ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CHANGING)
def test_enough_hosts_of_one_vpc_change_something(code: str) -> None:
    assert changes(commands(CHANGING[code]))


@pytest.mark.parametrize("code", CHANGING)
def test_fewer_only_read(code: str) -> None:
    fix = fix_of(CHANGING[code], member_count=4)
    said = [" ".join(command.argv) for command in fix.commands]
    assert said
    assert not changes(said)
    assert all(command.undo is None and not command.changes for command in fix.commands)
    assert "only 4 hosts have this fault" in fix.summary


@pytest.mark.parametrize("code", ["VPC005", "VPC012"])
@pytest.mark.parametrize(
    "places",
    [
        {("111122223333", "vpc-1"), ("444455556666", "vpc-1")},
        {("111122223333", "vpc-1"), ("111122223333", "vpc-2")},
        {("111122223333", "vpc-1"), (None, None)},
        {("111122223333", None)},
    ],
    ids=["accounts", "VPCs", "an unknown one", "no VPC"],
)
def test_a_group_that_hosts_elsewhere_name_is_not_opened(code: str, places: set[tuple[str | None, str | None]]) -> None:
    trust = replace(TRUST, places={GROUP: frozenset(places)})
    assert not changes(commands(CHANGING[code], trust=trust))
    of_endpoint = replace(trust, of_endpoints=frozenset({(GROUP, SERVICE_NAME)}))
    assert changes(commands(CHANGING[code], trust=of_endpoint))
    of_another = replace(trust, of_endpoints=frozenset({(GROUP, "com.amazonaws.eu-west-1.ec2")}))
    assert not changes(commands(CHANGING[code], trust=of_another))


def test_what_facts_say_is_said_as_it_is_from_enough_hosts_on() -> None:
    command = Command(
        argv=("aws", "ec2", "modify-vpc-endpoint", "--region", "eu-west-1", "--vpc-endpoint-id", "vpce-0a1b2c3d"),
        scope=CommandScope.ENDPOINT,
        reversible=True,
        undo="it",
        changes=True,
    )
    central = Fix(summary="Change it.", commands=(command,))
    assert fix_of(CHANGING["VPC005"], central=central).summary == "Change it."
    assert not changes(commands(CHANGING["VPC005"], central=central, member_count=4))
