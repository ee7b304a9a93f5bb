"""What a fleet says to do about a cause of a service whose addresses change."""

import pytest

from agent.fleet.causes import NamedCause
from agent.fleet.fixes import advice_for
from agent.fleet.model import NamedBy
from tests.support.aws_commands import complaint


def commands(code: str, key: str, service: str) -> list[str]:
    cause = NamedCause(
        number=1,
        key=key,
        code=code,
        severity=0,
        named_by=NamedBy.CONFIGURATION,
        shared=None,
        services=(service,),
        raw_keys=(key,),
        values=(),
        member_count=0,
        exposed_count=0,
    )
    fix = advice_for(cause, ["eu-west-1"], [], None).fix
    assert [complaint(command.argv) for command in fix.commands] == [None] * len(fix.commands)
    return [" ".join(command.argv) for command in fix.commands]


@pytest.mark.parametrize(
    ("service", "operations"),
    [("s3", ["describe-prefix-lists", "describe-network-acls"]), ("backup", ["describe-network-acls"])],
)
def test_the_blocks_of_s3_are_shown_before_the_acl_that_lacks_them(service: str, operations: list[str]) -> None:
    shown = commands("VPC006", "VPC006|acl=acl-0a1b2c3d|port=443", service)
    assert [command.split()[2] for command in shown] == operations


def test_a_group_names_the_prefix_list_of_s3_and_the_group_of_an_interface_endpoint() -> None:
    (to_list,) = commands("VPC012", "VPC012|group=sg-0a1b2c3d|prefix-list=pl-6da54004|port=443", "s3")
    assert to_list.endswith("PrefixListIds=[{PrefixListId=pl-6da54004}]")
    (to_group,) = commands("VPC012", "VPC012|group=sg-0a1b2c3d|port=443", "backup")
    assert to_group.endswith("--source-group <ENDPOINT_SECURITY_GROUP_ID>")
