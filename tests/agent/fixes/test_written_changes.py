"""Changes written as commands: parsing a command gives the same change."""

from ipaddress import ip_network
from typing import Final

import pytest

from agent.fixes.changes import Admission, Attached, DnsAttributeOn, Entry, PrivateDnsOn, Written, changes_of
from agent.network.edits import Change, Listed, Member, Settable, Setting
from probes.vpc.model import AclEntry, GroupRule
from tests.support.aws_commands import complaint

SG: Final = "sg-0a1b2c3d4e5f67890"
OTHER: Final = "sg-0b1b2c3d4e5f67890"
ACL: Final = "acl-0a1b2c3d4e5f67890"
VPCE: Final = "vpce-0a1b2c3d4e5f67890"
VPC: Final = "vpc-0a1b2c3d4e5f67890"


def rule(*, egress: bool = False, ports: tuple[int, int] = (443, 443), **peer: object) -> Change:
    made = GroupRule(egress=egress, protocol="tcp", from_port=ports[0], to_port=ports[1], **peer)  # type: ignore[arg-type]  # one of its peers
    return Change(Member(Listed.GROUP_RULE, SG, made))


def entry(cidr: str, *, egress: bool) -> Change:
    made = AclEntry(
        number=90, egress=egress, allow=True, cidr=ip_network(cidr), protocol="6", from_port=1026, to_port=1031
    )
    return Change(Member(Listed.ACL_ENTRY, ACL, made))


WRITTEN: Final[list[tuple[Written, list[Change]]]] = [
    (Admission(SG, (443, 443), "10.0.1.0/24"), [rule(cidr=ip_network("10.0.1.0/24"))]),
    (Admission(SG, (1026, 1031), "10.0.1.0/24"), [rule(ports=(1026, 1031), cidr=ip_network("10.0.1.0/24"))]),
    (Admission(SG, (443, 443), "2001:db8::/64"), [rule(cidr=ip_network("2001:db8::/64"))]),
    (Admission(SG, (443, 443), OTHER), [rule(referenced_group_id=OTHER)]),
    (Admission(SG, (443, 443), OTHER, True), [rule(egress=True, referenced_group_id=OTHER)]),
    (Admission(SG, (443, 443), "pl-6da54004", True), [rule(egress=True, prefix_list_id="pl-6da54004")]),
    (
        Entry(acl=ACL, number=90, block="10.0.1.0/24", ports=(1026, 1031), egress=True),
        [entry("10.0.1.0/24", egress=True)],
    ),
    (
        Entry(acl=ACL, number=90, block="2001:db8::/64", ports=(1026, 1031), egress=False, version=6),
        [entry("2001:db8::/64", egress=False)],
    ),
    (PrivateDnsOn(VPCE), [Change(Setting(Settable.PRIVATE_DNS, VPCE, True))]),
    (
        Attached(VPCE, tables=("rtb-0a1b2c3d", "rtb-0c1b2c3d")),
        [Change(Member(Listed.GATEWAY_TABLE, VPCE, name)) for name in ("rtb-0a1b2c3d", "rtb-0c1b2c3d")],
    ),
    (Attached(VPCE, subnets=("subnet-0a1b2c3d",)), [Change(Member(Listed.ENDPOINT_SUBNET, VPCE, "subnet-0a1b2c3d"))]),
    (DnsAttributeOn("support", VPC), [Change(Setting(Settable.DNS_SUPPORT, VPC, True))]),
    (DnsAttributeOn("hostnames", VPC), [Change(Setting(Settable.DNS_HOSTNAMES, VPC, True))]),
]


@pytest.mark.parametrize(("change", "edits"), WRITTEN)
def test_what_is_written_is_read_back(change: Written, edits: list[Change]) -> None:
    command = change.command("eu-west-1")
    assert complaint(command.argv) is None
    assert command.changes
    assert command.undo is not None
    assert list(changes_of(command) or ()) == edits


@pytest.mark.parametrize(
    "change",
    [
        Admission("<ENDPOINT_SECURITY_GROUP_ID>", (443, 443), "10.0.1.0/24"),
        Admission(SG, (443, 443), "<APPLIANCE_SUBNET_CIDR>"),
        Admission(SG, (443, 443), "<APPLIANCE_SUBNET_CIDR>", version=6),
        Admission(SG, (443, 443), "<PREFIX_LIST_ID>", True),
        Admission(SG, (443, 443), "<ENDPOINT_SECURITY_GROUP_ID>", True),
        Entry(acl=ACL, number=90, block="<PREFIX_LIST_BLOCK>", ports=(443, 443), egress=False),
        PrivateDnsOn("<VPC_ENDPOINT_ID>"),
        DnsAttributeOn("support"),
    ],
)
def test_what_holds_a_placeholder_is_written_and_not_read(change: Written) -> None:
    command = change.command("eu-west-1")
    assert complaint(command.argv) is None
    assert changes_of(command) is None
