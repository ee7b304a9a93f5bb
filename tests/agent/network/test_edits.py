"""Edits: protocols and ports in the spellings of plans, groups and network ACLs."""

from ipaddress import ip_network

import pytest

from agent.network.edits import ATTRIBUTES, Change, Listed, Member, NewHolder, Settable, Setting
from agent.network.pending import Aspect
from agent.network.written_edits import MalformedError, block_of, entry_of, rules_of
from probes.vpc.model import AclEntry, GroupRule, VpcDnsFacts
from tests.agent.network.networks import entry, rule
from tests.agent.predict.test_assume import acl_of, known, table_of


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("6", "tcp 443"),
        ("17", "udp 443"),
        ("-1", "all all"),
        ("1", "1 443"),
        ("tcp", "tcp 443"),
        ("udp", "udp 443"),
    ],
)
def test_a_protocol_is_named_as_options_take_it(protocol: str, words: str) -> None:
    of_acl = Member(Listed.ACL_ENTRY, "acl-1", entry(100, "allow", "10.0.0.0/16", "443", protocol=protocol))
    of_group = Member(Listed.GROUP_RULE, "sg-1", rule("443", "10.0.0.0/16", protocol=protocol))
    assert f" {words} " in of_acl.putting
    assert f" {words} " in of_group.putting


@pytest.mark.parametrize(
    ("written", "of_group", "of_acl", "has_ports"),
    [
        ("tcp", "tcp", "6", True),
        ("TCP", "tcp", "6", True),
        ("6", "tcp", "6", True),
        ("udp", "udp", "17", True),
        ("17", "udp", "17", True),
        ("icmp", "icmp", "1", False),
        ("1", "icmp", "1", False),
        ("icmpv6", "icmpv6", "58", False),
        ("58", "icmpv6", "58", False),
        ("all", "-1", "-1", False),
        ("-1", "-1", "-1", False),
        ("50", "50", "50", False),
    ],
)
def test_a_protocol_is_written_as_each_list_has_it(written: str, of_group: str, of_acl: str, has_ports: bool) -> None:
    ports = (443, 450) if has_ports else (None, None)
    (made,) = rules_of("sg-0123abcd", egress=True, protocol=written, ports=(443, 450), cidrs=("10.0.0.0/16",))
    assert made.item == GroupRule(
        egress=True, protocol=of_group, from_port=ports[0], to_port=ports[1], cidr=ip_network("10.0.0.0/16")
    )
    edit = entry_of(
        "acl-0123abcd", egress=True, number=7, action="ALLOW", protocol=written, cidr="10.0.0.0/16", ports=(443, 450)
    )
    assert edit.item == AclEntry(
        number=7,
        egress=True,
        allow=True,
        cidr=ip_network("10.0.0.0/16"),
        protocol=of_acl,
        from_port=ports[0],
        to_port=ports[1],
    )


@pytest.mark.parametrize(
    ("attribute", "dns"),
    [
        (Settable.DNS_SUPPORT, VpcDnsFacts(support=False, hostnames=True)),
        (Settable.DNS_HOSTNAMES, VpcDnsFacts(support=True, hostnames=False)),
    ],
)
def test_an_attribute_is_what_the_dns_of_the_vpc_has(attribute: Settable, dns: VpcDnsFacts) -> None:
    assert attribute in ATTRIBUTES
    of = known(dns=VpcDnsFacts(support=True, hostnames=True))
    assert Change(Setting(attribute, "vpc-a", False)).made(of).configuration.dns == dns


@pytest.mark.parametrize(
    ("listed", "new_id", "aspects"),
    [
        (Listed.SUBNET_ACL, "acl-new-1", {Aspect.INBOUND, Aspect.OUTBOUND}),
        (Listed.SUBNET_TABLE, "rtb-new-1", {Aspect.ROUTES}),
    ],
)
def test_a_subnet_gets_what_is_not_known_yet(listed: Listed, new_id: str, aspects: set[Aspect]) -> None:
    made = Change(NewHolder(listed, "subnet-host")).made(known())
    what = made.configuration
    assert new_id in {acl_of(what, "subnet-host").acl_id, table_of(what, "subnet-host").table_id}
    assert {(pending.resource_id, pending.aspect) for pending in made.pending} == {(new_id, one) for one in aspects}


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.x", "fe80::1%eth0", "fe80::1%\x1b[2J/128"])
def test_a_block_is_one_of_addresses_without_a_zone(text: str) -> None:
    assert str(block_of("10.0.0.1/16")) == "10.0.0.0/16"
    with pytest.raises(MalformedError):
        block_of(text)
