"""Outcomes predicted from the configuration. Every hop is compared word for word, and with a slow second predictor."""

import random
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from agent.network.predictor import Predictor, own_interface
from agent.report.hops import EPHEMERAL, THIS_HOST, WORST, Reachability, Stage
from probes.facts import ImdsFacts
from probes.model import Address
from probes.vpc.model import (
    AclEntry,
    Configuration,
    GroupRule,
    Network,
    NetworkInterface,
    PrefixList,
    Route,
    SecurityGroup,
)
from tests.agent.network.networks import (
    ABROAD,
    BESIDE,
    ENDPOINT,
    FAR_ENDPOINT,
    GATEWAY_PORTS,
    HOST,
    HOST6,
    INTERFACE,
    LOCAL_ROUTES,
    OWN,
    THERE,
    THERE6,
    ask,
    configuration,
    entry,
    hop,
    large_configuration,
    open_entries,
    out,
    route,
    rule,
    stages,
    two_groups,
)
from tests.agent.network.slow_predict import slow_predict, worst
from tests.support import extent

OPEN, BLOCKED, DOUBTFUL, CANNOT_TELL = (
    Reachability.OPEN,
    Reachability.BLOCKED,
    Reachability.DOUBTFUL,
    Reachability.CANNOT_TELL,
)


# --- The whole path --------------------------------------------------------------------------------------------------


def test_inside_one_subnet_neither_acls_nor_routes_are_asked() -> None:
    shut = configuration(host_entries=(), host_routes=())
    predicted = ask(shut, BESIDE)
    assert stages(predicted) == [Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS, Stage.ENDPOINT]
    assert predicted.outcome is OPEN
    assert predicted.interface_id == "eni-beside"


ONE_FAMILY = replace(OWN, addresses=(HOST,))


def test_source_not_known_is_the_interface_s_own_of_that_family() -> None:
    assert ask(configuration(), source=None).source == HOST
    assert ask(configuration(), THERE6, source=HOST).source == HOST6
    assert ask(configuration(), THERE6, source=None, own=ONE_FAMILY).source is None


def test_the_worst_hop_decides() -> None:
    few_shut = [entry(90, "deny", "0.0.0.0/0", "40000-40009", egress=True), *open_entries()]
    assert ask(configuration()).outcome is OPEN
    assert ask(configuration(endpoints=None)).outcome is CANNOT_TELL
    assert ask(configuration(endpoints=None, there_entries=few_shut)).outcome is DOUBTFUL
    assert ask(configuration(endpoints=None, there_entries=few_shut, there_rules=())).outcome is BLOCKED


# --- Security groups of this host ------------------------------------------------------------------------------------


HOST_RULES: Final = {
    "port and network": [out("443", "10.0.0.0/16", rule_id="sgr-1")],
    "range and number of the protocol": [out("400-500", "10.0.1.17/32", protocol="6")],
    "all ports": [out("", "10.0.0.0/8")],
    "members": [out("443", "sg-there")],
    "prefix list": [out("443", "pl-1", rule_id="sgr-2")],
    "no rule at all": [],
    "the other direction and protocol": [rule("443", "0.0.0.0/0"), out("443", "0.0.0.0/0", protocol="udp")],
    "ports beside it": [out("442", "10.0.0.0/16"), out("444-500", "10.0.0.0/16")],
    "the port before the network": [out("443", "10.9.0.0/16"), out("80", "10.0.0.0/16"), out("22", "10.8.0.0/16")],
    "the network before any": [out("80", "10.0.0.0/16", rule_id="sgr-1"), out("22", "10.8.0.0/16")],
    "a few of any": [out("80", f"10.{number}.0.0/16") for number in (4, 3, 2, 1)],
    "a prefix list that was not read": [out("443", "sg-other"), out("443", "pl-2", rule_id="sgr-2")],
    "such a list for another port": [out("80", "pl-2")],
    "members of a group that the endpoint is not in": [out("443", "sg-other")],
}
GROUP_OF_HOST_AND_ONE_UNREAD = replace(OWN, group_ids=("sg-host", "sg-gone"))


# --- Security groups of the endpoint ---------------------------------------------------------------------------------


ENDPOINT_RULES: Final = {
    "by network": [rule("443", "10.0.0.0/24")],
    "by the narrowest network": [rule("443", block) for block in ("0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/16")],
    "another network": [rule("443", "10.4.0.0/16")],
    "its own members alone, as the default group does": [rule("", "sg-there", protocol="-1")],
    "nobody": [],
    "a prefix list that was not read": [rule("443", "pl-1")],
}


NO_GROUPS = replace(INTERFACE, group_ids=())
PEERED = [*LOCAL_ROUTES, route("10.1.0.0/16", "pcx-1")]


# --- Network ACLs ----------------------------------------------------------------------------------------------------


HOST_ENTRIES: Final = {
    "allowed": [entry(100, "allow", "10.0.1.0/24", "443", egress=True)],
    "denied by the lower number": [
        entry(110, "allow", "0.0.0.0/0", egress=True),
        entry(90, "deny", "10.0.1.0/24", "400-500", egress=True),
    ],
    "the higher number comes too late": [
        entry(110, "allow", "0.0.0.0/0", egress=True),
        entry(120, "deny", "10.0.1.0/24", egress=True),
    ],
    "the last entry": [
        entry(100, "allow", "0.0.0.0/0", "80", egress=True),
        entry(32767, "deny", "0.0.0.0/0", egress=True),
    ],
    "no entry": [],
    "another family, direction, protocol": [
        entry(10, "allow", "::/0", egress=True),
        entry(20, "allow", "0.0.0.0/0", "443", egress=False),
        entry(30, "allow", "0.0.0.0/0", "443", egress=True, protocol="17"),
    ],
}


ANSWERS: Final = {
    "all of them": [entry(100, "allow", "10.0.0.0/16", "1024-65535", egress=True)],
    "by two entries": [
        entry(100, "allow", "10.0.0.0/16", "1024-40000", egress=True),
        entry(90, "allow", "10.0.0.0/16", "40001-65535", egress=True),
    ],
    "none": [entry(100, "allow", "10.0.0.0/16", "443", egress=True)],
    "denied by number": [entry(90, "deny", "10.0.0.0/16", "1024-65535", egress=True), *open_entries()],
    "denied by number and by the last": [entry(90, "deny", "10.0.0.0/16", "1024-40000", egress=True)],
    "the upper part, as Windows uses it": [entry(100, "allow", "10.0.0.0/16", "49152-65535", egress=True)],
    "with holes": [
        entry(80, "deny", "10.0.0.0/16", "40000", egress=True),
        entry(90, "deny", "10.0.0.0/16", "50000-50009", egress=True),
        *open_entries(),
    ],
}
"""Outgoing entries for a network ACL of the endpoint's subnet. The keys say what the entries do with answers. One more
entry allows incoming connections.
"""
ACLS = configuration().acls or ()


SUBNETS_UNKNOWN: Final = configuration(endpoint_interfaces=None, subnets=None, host_entries=())


def test_acl_of_an_unknown_subnet_may_not_be_asked() -> None:
    assert ask(replace(SUBNETS_UNKNOWN, endpoint_interfaces=())).outcome is CANNOT_TELL
    interface_unknown = configuration(endpoint_interfaces=None, host_entries=())
    assert hop(ask(interface_unknown), Stage.HOST_ACL_OUT).outcome is BLOCKED
    assert stages(ask(interface_unknown, BESIDE)) == [Stage.HOST_GROUPS, Stage.ENDPOINT]
    assert hop(ask(SUBNETS_UNKNOWN, ABROAD), Stage.HOST_ACL_OUT).outcome is BLOCKED


def test_groups_and_states_hold_in_one_subnet_as_well() -> None:
    nowhere: dict[str, Any] = {"endpoint_interfaces": None, "subnets": None}
    assert hop(ask(configuration(**nowhere, host_rules=())), Stage.HOST_GROUPS).outcome is BLOCKED
    assert hop(ask(configuration(there_rules=()), own=None), Stage.ENDPOINT_GROUPS).outcome is BLOCKED
    failed = configuration(endpoints=(replace(ENDPOINT, state="failed"),))
    assert hop(ask(failed, own=None), Stage.ENDPOINT).outcome is BLOCKED


# --- Routes ----------------------------------------------------------------------------------------------------------


HOST_ROUTES: Final = {
    "the longest prefix": [route("0.0.0.0/0", "igw-1"), *LOCAL_ROUTES],
    "through an appliance": [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-9")],
    "an appliance for another subnet": [*LOCAL_ROUTES, route("10.0.2.0/24", "eni-9")],
    "an appliance that is gone": [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-9", "blackhole")],
    "a state without documentation": [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-9", "filtered")],
    "local comes before what is propagated": [*LOCAL_ROUTES, route("10.0.1.0/24", "vgw-1")],
    "out of the VPC that it is in": [*LOCAL_ROUTES, route("10.0.1.0/24", "tgw-1")],
    "by a prefix list": [*LOCAL_ROUTES, route("pl-1", "eni-9")],
    "a static route before a prefix list of the same length": [
        *LOCAL_ROUTES,
        route("pl-1", "eni-9"),
        route("10.0.1.0/24", "vpce-9"),
    ],
    "two prefix lists of the same length": [*LOCAL_ROUTES, route("pl-1", "eni-9"), route("pl-2", "eni-8")],
    "a prefix list that was not read": [*LOCAL_ROUTES, route("pl-3", "vpce-3")],
    "nothing fits closer": [route("10.0.1.17/32", "eni-9"), route("pl-3", "vpce-3")],
    "none": [],
    "none that was read": [route("pl-4", "eni-9"), route("pl-3", "vpce-3")],
}
TWO_LISTS: Final = tuple(
    PrefixList(prefix_list_id=list_id, cidrs=(ip_network("10.0.1.0/24"),)) for list_id in ("pl-1", "pl-2")
)


TO_ANOTHER_VPC: Final = {
    "tgw-1": "transit gateway",
    "vgw-1": "VPN",
    "pcx-1": "peering that joins both",
    "pcx-2": "another peering",
    "igw-1": "internet gateway",
    "eigw-1": "egress-only internet gateway",
    "nat-1": "NAT gateway, which can send on to other VPCs",
    "local": "a CIDR of both VPCs",
}
PUBLIC: Final = ip_address("198.51.100.7")


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        pytest.param("10.255.255.255", BLOCKED, id="RFC 1918"),
        pytest.param("172.31.0.1", BLOCKED, id="RFC 1918, the second block"),
        pytest.param("172.32.0.1", OPEN, id="behind it"),
        pytest.param("192.168.0.1", BLOCKED, id="RFC 1918, the third block"),
        pytest.param("100.127.0.1", BLOCKED, id="RFC 6598"),
        pytest.param("100.128.0.1", OPEN, id="behind that"),
        pytest.param("fd12::1", BLOCKED, id="RFC 4193"),
        pytest.param("2600:1f18::1", OPEN, id="global IPv6"),
    ],
)
def test_what_the_internet_knows(address: str, outcome: Reachability) -> None:
    way = [*LOCAL_ROUTES, route("0.0.0.0/0", "igw-1"), route("::/0", "eigw-1")]
    assert hop(ask(configuration(host_routes=way, vpc=None), ip_address(address)), Stage.ROUTE).outcome is outcome


def test_the_longest_prefix_of_a_list_counts() -> None:
    nested = PrefixList(prefix_list_id="pl-1", cidrs=tuple(map(ip_network, ("10.0.0.0/8", "10.0.1.0/24", "0.0.0.0/0"))))
    what = configuration(host_routes=[*LOCAL_ROUTES, route("pl-1", "eni-9")], prefix_lists=(nested,))
    assert hop(ask(what), Stage.ROUTE).rule == "pl-1 to eni-9"
    assert hop(ask(what, ip_address("10.0.2.17")), Stage.ROUTE).rule == "10.0.0.0/16 to local"


GLOBAL, OWN_GLOBAL = ip_address("2600:1f18::17"), ip_address("2600:1f18:1::5")


def with_global_address(*, way_back: Route | None = None) -> Configuration:
    """The configuration with the other VPC's endpoint at a global address. This host reaches it through the
    internet.
    """
    base = configuration(host_routes=[*LOCAL_ROUTES, route("::/0", "eigw-1")])
    assert base.endpoint_interfaces is not None
    assert base.route_tables is not None
    near, main, far = base.route_tables
    return replace(
        base,
        endpoint_interfaces=(replace(base.endpoint_interfaces[2], addresses=(GLOBAL,)),),
        route_tables=(near, main, replace(far, routes=(way_back,)) if way_back else far),
    )


def test_main_table_serves_subnets_that_no_table_names() -> None:
    elsewhere = replace(OWN, subnet_id="subnet-other")
    assert hop(ask(configuration(), own=elsewhere), Stage.ROUTE).resources == ("rtb-main",)


# --- Through an appliance --------------------------------------------------------------------------------------------


THROUGH_NAT = [*LOCAL_ROUTES, route("10.0.1.0/24", "nat-9")]
THROUGH_FIREWALL = [*LOCAL_ROUTES, route("10.0.1.0/24", "vpce-9")]


# --- The way back ----------------------------------------------------------------------------------------------------


ROUTES_ABROAD: Final = {
    "none, the commonest fault": route("10.1.0.0/16"),
    "to what is gone": route("10.0.0.0/16", "tgw-1", "blackhole"),
    "transit gateway": route("10.0.0.0/8", "tgw-1"),
    "the same peering": route("10.0.0.0/16", "pcx-1"),
    "to the internet": route("0.0.0.0/0", "igw-1"),
    "kept there": route("10.0.0.0/8"),
    "through a firewall": route("10.0.0.0/16", "vpce-9"),
}
TABLES = configuration(host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", "tgw-1")]).route_tables or ()


# --- The endpoint ----------------------------------------------------------------------------------------------------


STATES_OF_ENDPOINT: Final[dict[str, dict[str, Any]]] = {
    "not accepted yet": {"state": "pendingacceptance"},
    "failed, with its error": {
        "state": "failed",
        "error_code": "InsufficientCapacity",
        "error_message": "No  room\nleft.",
    },
    "failed, with a long error": {"state": "failed", "error_message": "word " * 60},
    "without documentation": {"state": "partial"},
    "while somebody changes it": {"state": "pending"},
}


def test_endpoint_at() -> None:
    base = configuration()
    assert Predictor(base).endpoint_at(THERE) == (ENDPOINT, INTERFACE)
    assert Predictor(base).endpoint_at(ip_address("10.0.1.18")) == (None, None)
    twin = replace(INTERFACE, interface_id="eni-twin", vpc_id="vpc-b")
    assert Predictor(replace(base, endpoint_interfaces=(twin, INTERFACE))).endpoint_at(THERE) == (ENDPOINT, INTERFACE)
    assert Predictor(replace(base, endpoint_interfaces=(twin, INTERFACE), vpc=None)).endpoint_at(THERE) == (None, None)
    nameless = replace(ENDPOINT, interface_ids=())
    assert Predictor(replace(base, endpoints=(nameless,))).endpoint_at(THERE) == (nameless, INTERFACE)
    assert Predictor(replace(base, endpoints=(nameless, nameless))).endpoint_at(THERE) == (None, INTERFACE)
    for change in ({"vpc_id": "vpc-b"}, {"subnet_ids": ()}, {"group_ids": ("sg-host",)}):
        other = replace(nameless, **change)
        assert Predictor(replace(base, endpoints=(other,))).endpoint_at(THERE) == (None, INTERFACE)


TWIN = replace(INTERFACE, interface_id="eni-twin", vpc_id="vpc-b")
TWINS_ABROAD = tuple(
    replace(INTERFACE, interface_id=f"eni-{vpc_id}", vpc_id=vpc_id, addresses=(ABROAD,))
    for vpc_id in ("vpc-b", "vpc-c")
)


def test_an_address_of_the_own_vpc_is_no_interface_of_another() -> None:
    twin = TWIN
    overlapping = configuration(endpoint_interfaces=(twin,))
    assert Predictor(overlapping).endpoint_at(THERE) == (None, None)
    elsewhere = ip_network("10.7.0.0/16")
    base_vpc = overlapping.vpc
    assert base_vpc is not None
    apart = replace(overlapping, vpc=replace(base_vpc, cidrs=(elsewhere,)))
    assert Predictor(apart).endpoint_at(THERE) == (None, twin)
    assert Predictor(apart, vpc_id="vpc-a", vpc_cidrs=[ip_network("10.0.0.0/16")]).endpoint_at(THERE) == (None, None)
    assert Predictor(apart, vpc_id="vpc-b", vpc_cidrs=[ip_network("10.0.0.0/16")]).endpoint_at(THERE) == (None, twin)


def test_of_two_interfaces_in_other_vpcs_none_is_picked() -> None:
    assert Predictor(configuration(endpoint_interfaces=TWINS_ABROAD)).endpoint_at(ABROAD) == (None, None)


# --- The interface of this host --------------------------------------------------------------------------------------


METADATA: Final = ImdsFacts(
    token=True,
    vpc_id="vpc-a",
    subnet_id="subnet-host",
    subnet_cidrs=(ip_network("10.0.0.0/24"), ip_network("fd00:a::/64")),
    interface_id="eni-host",
    interface_addresses=(HOST, HOST6),
    security_group_ids=("sg-host",),
)
SECOND: Final = ip_address("10.0.0.6")
"""An address in the subnet of this host's primary interface. It belongs to another interface."""


def test_own_interface_from_ec2() -> None:
    second = replace(OWN, interface_id="eni-second", addresses=(ip_address("10.0.3.5"),))
    both = configuration(own_interfaces=(OWN, second))
    assert own_interface(both, HOST, METADATA) == OWN
    assert own_interface(both, ip_address("10.0.3.5"), METADATA) == second
    assert own_interface(both, SECOND, METADATA) is None
    assert own_interface(both, ip_address("172.17.0.2"), METADATA) is None
    assert own_interface(both, None, METADATA) is None
    assert own_interface(configuration(), None, METADATA) == OWN


def test_own_interface_from_metadata() -> None:
    unread = configuration(own_interfaces=None)
    assert own_interface(unread, HOST, METADATA) == OWN
    assert own_interface(unread, HOST6, METADATA) == OWN
    assert own_interface(unread, HOST, replace(METADATA, subnet_cidrs=())) == OWN
    assert own_interface(unread, HOST, replace(METADATA, interface_id=None)) == replace(OWN, interface_id=THIS_HOST)
    for unknown in (None, replace(METADATA, subnet_id=None), replace(METADATA, vpc_id=None)):
        assert own_interface(unread, HOST, unknown) is None
    for elsewhere in (None, ip_address("10.0.9.5"), ip_address("172.17.0.2")):
        assert own_interface(unread, elsewhere, METADATA) is None
    assert ask(unread, own=own_interface(unread, HOST, METADATA)).outcome is OPEN


WITHOUT_GROUPS: Final = NetworkInterface(
    interface_id=THIS_HOST, vpc_id="vpc-a", subnet_id="subnet-host", addresses=(SECOND,), group_ids=()
)
"""What is known about an interface if its groups are not known."""


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(METADATA, id="the address of another interface"),
        pytest.param(replace(METADATA, interface_id=None, interface_addresses=()), id="addresses were not read"),
    ],
)
def test_the_groups_of_another_interface_in_the_subnet_are_not_known(metadata: ImdsFacts) -> None:
    assert own_interface(configuration(own_interfaces=None), SECOND, metadata) == WITHOUT_GROUPS


# --- What the predictor says -----------------------------------------------------------------------------------------

WAYS: Final = {
    "the open way": ask(configuration()),
    "IPv6": ask(configuration(), THERE6, source=HOST6),
    "IPv6, and a group that allows IPv4 alone": ask(
        configuration(there_rules=(rule("443", "0.0.0.0/0"),)), THERE6, source=HOST6
    ),
    "IPv6, and a host whose IPv6 address is not known": ask(configuration(), THERE6, source=None, own=ONE_FAMILY),
    "IPv6, and a network ACL for some sources": ask(
        configuration(there_entries=(entry(100, "allow", "fd00:a::/48"),)), THERE6, source=None, own=ONE_FAMILY
    ),
    **{
        f"host groups: {name}": ask(
            configuration(
                host_rules=rules,
                prefix_lists=(
                    PrefixList(prefix_list_id="pl-1", cidrs=(ip_network("10.5.0.0/16"), ip_network("10.0.1.0/24"))),
                ),
            )
        )
        for name, rules in HOST_RULES.items()
    },
    "host groups: prefix lists were not read": ask(configuration(host_rules=HOST_RULES["prefix list"])),
    "host groups: not read": ask(configuration(groups=None)),
    "host groups: not known": ask(configuration(), own=replace(OWN, group_ids=())),
    "host groups: no interface": ask(configuration(), own=None),
    "host groups: one not read": ask(configuration(host_rules=()), own=GROUP_OF_HOST_AND_ONE_UNREAD),
    "host groups: one not read, and another allows": ask(configuration(), own=GROUP_OF_HOST_AND_ONE_UNREAD),
    "host groups: members of which nothing is known": ask(
        configuration(host_rules=HOST_RULES["members"], endpoint_interfaces=None)
    ),
    **{f"endpoint groups: {name}": ask(configuration(there_rules=rules)) for name, rules in ENDPOINT_RULES.items()},
    "endpoint groups: by membership": ask(configuration(there_rules=[rule("", "sg-host", protocol="-1")]), port=1027),
    "endpoint groups: 443 alone": ask(configuration(there_rules=[rule("443", "10.0.0.0/16")]), port=1027),
    "endpoint groups: the second of two": ask(two_groups([rule("80", "10.0.0.0/16")], [rule("443", "10.0.0.0/16")])),
    "endpoint groups: neither of two": ask(two_groups([rule("80", "10.0.0.0/16")], [rule("80", "10.0.0.0/16")])),
    "endpoint groups: two without rules": ask(two_groups([], [])),
    "endpoint groups: the endpoint's, where its interface has none": ask(
        configuration(endpoint_interfaces=(NO_GROUPS,))
    ),
    "endpoint groups: not known": ask(configuration(endpoint_interfaces=(NO_GROUPS,), endpoints=None)),
    "endpoint groups: members, and a host whose groups are not known": ask(
        configuration(there_rules=[rule("443", "sg-host")]), own=None
    ),
    "endpoint groups: members of a group of another VPC": ask(
        configuration(abroad_rules=[rule("443", "sg-host")], host_routes=PEERED), ABROAD
    ),
    "endpoint groups: others of another VPC": ask(
        configuration(abroad_rules=[rule("443", "sg-other")], host_routes=[route("10.1.0.0/16", "pcx-1")]), ABROAD
    ),
    **{f"network ACL: {name}": ask(configuration(host_entries=entries)) for name, entries in HOST_ENTRIES.items()},
    **{
        f"answers: {name}": ask(configuration(there_entries=[*entries, entry(100, "allow", "0.0.0.0/0")]))
        for name, entries in ANSWERS.items()
    },
    "network ACL: none lets in at the endpoint": ask(
        configuration(there_entries=[entry(100, "allow", "10.0.0.0/16", "32768-65535")])
    ),
    "answers: none let in at the host": ask(
        configuration(host_entries=[entry(100, "allow", "0.0.0.0/0", egress=True)])
    ),
    "network ACL: not read": ask(configuration(acls=None)),
    "network ACL: the endpoint's not read": ask(configuration(acls=ACLS[:1])),
    "network ACL: subnets are not known": ask(SUBNETS_UNKNOWN),
    **{
        f"route: {name}": ask(configuration(host_routes=routes, prefix_lists=TWO_LISTS))
        for name, routes in HOST_ROUTES.items()
    },
    **{
        f"route to another VPC: {name}": ask(
            configuration(host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", target)]), ABROAD
        )
        for target, name in TO_ANOTHER_VPC.items()
    },
    **{
        f"route to a public address: {target}": ask(
            configuration(host_routes=[*LOCAL_ROUTES, route("0.0.0.0/0", target)]), PUBLIC
        )
        for target in ("igw-1", "nat-1")
    },
    "route to a global address of another VPC": ask(with_global_address(), GLOBAL, source=HOST6),
    "return route to a global address": ask(
        with_global_address(way_back=route("::/0", "igw-2")),
        GLOBAL,
        source=OWN_GLOBAL,
        own=replace(OWN, addresses=(OWN_GLOBAL,)),
    ),
    "route: tables were not read": ask(configuration(route_tables=None)),
    "route: no table": ask(configuration(route_tables=())),
    "appliance: a NAT gateway": ask(configuration(host_routes=THROUGH_NAT)),
    "appliance: a NAT gateway, and a port that nobody may use": ask(configuration(host_routes=THROUGH_NAT), port=1027),
    "appliance: a NAT gateway, and everybody may": ask(
        configuration(host_routes=THROUGH_NAT, there_rules=[rule("443", "0.0.0.0/0")])
    ),
    "appliance: a firewall": ask(configuration(host_routes=THROUGH_FIREWALL)),
    "appliance: a firewall, and members": ask(
        configuration(host_routes=THROUGH_FIREWALL, there_rules=[rule("443", "sg-host")])
    ),
    **{
        f"return route: {name}": ask(configuration(host_routes=PEERED, abroad_routes=[way_back]), ABROAD)
        for name, way_back in ROUTES_ABROAD.items()
    },
    "return route: over a peering": ask(configuration(host_routes=PEERED), ABROAD),
    "return route: not read": ask(configuration(route_tables=TABLES[:2]), ABROAD),
    "return route: within the VPC, through a firewall": ask(
        configuration(there_routes=[*LOCAL_ROUTES, route("10.0.0.0/24", "vpce-9")])
    ),
    "return route: within the VPC, through what is gone": ask(
        configuration(there_routes=[*LOCAL_ROUTES, route("10.0.0.0/24", "vpce-9", "blackhole")])
    ),
    **{
        f"endpoint: {name}": ask(configuration(endpoints=(replace(ENDPOINT, **changes),)))
        for name, changes in STATES_OF_ENDPOINT.items()
    },
    "endpoint: nobody has the address": ask(configuration(endpoint_interfaces=())),
    "endpoint: interfaces were not read": ask(configuration(endpoint_interfaces=None)),
    "endpoint: several elsewhere have the address": ask(
        configuration(
            endpoint_interfaces=tuple(
                replace(INTERFACE, interface_id=f"eni-{letter}", vpc_id=letter) for letter in "zy"
            )
        )
    ),
    "endpoint: none names the interface": ask(configuration(endpoints=())),
    "endpoint: not read": ask(configuration(endpoints=None)),
    "endpoint: another VPC has the address": ask(configuration(endpoint_interfaces=(TWIN,))),
    "endpoint: two other VPCs have the address": ask(configuration(endpoint_interfaces=TWINS_ABROAD), ABROAD),
    "host: an interface of which the subnet alone is known": ask(
        configuration(own_interfaces=None, there_rules=[rule("443", "sg-host")]), source=SECOND, own=WITHOUT_GROUPS
    ),
}


# --- Against a second implementation ---------------------------------------------------------------------------------

CIDRS: Final = (
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.0.0/24",
    "10.0.0.5/32",
    "10.0.0.4/31",
    "10.0.1.0/24",
    "10.0.1.17/32",
    "10.1.0.0/16",
    "192.168.0.0/16",
    "::/0",
    "fd00:a::/48",
    "fd00:a::/64",
    "fd00:a::5/128",
    "fd00:a:0:1::/64",
)
GROUPS: Final = ("sg-host", "sg-more", "sg-there", "sg-abroad")
LISTS: Final = ("pl-1", "pl-2", "pl-3")
"""Ids of prefix lists; the last one is never read."""
EDGES: Final = (0, 80, 442, 443, 444, 1024, 1026, 1027, 32767, 32768, 40000, 40001, 60999, 61000, 65535)
STATES: Final = ("active", "active", "active", "blackhole", "filtered")
TARGETS: Final = (
    "local local eni-1 eni-2 vpce-8 nat-1 i-1 igw-1 eigw-1 tgw-1 tgw-1 pcx-1 pcx-2 vgw-1 arn:aws:networkmanager:core"
).split()

networks = st.sampled_from(CIDRS).map(ip_network)
port_ranges = st.one_of(
    st.just((None, None)),
    st.tuples(st.sampled_from(EDGES), st.sampled_from(EDGES)).map(lambda ends: tuple(sorted(ends))),
)
whom = st.one_of(st.sampled_from(CIDRS), st.sampled_from(CIDRS), st.sampled_from(GROUPS), st.sampled_from(LISTS))


@st.composite
def group_rules(draw: st.DrawFn) -> GroupRule:
    low, high = draw(port_ranges)
    blank = rule("", draw(whom), egress=draw(st.booleans()), protocol=draw(st.sampled_from(("tcp", "6", "-1", "udp"))))
    return replace(blank, from_port=low, to_port=high)


@st.composite
def acl_entries(draw: st.DrawFn) -> tuple[AclEntry, ...]:
    """Entries whose numbers are unique in each direction, as in EC2."""
    keys = draw(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=8, unique=True))
    entries = []
    for number, egress in keys:
        low, high = draw(port_ranges)
        entries.append(
            AclEntry(
                number=number * 10,
                egress=egress,
                allow=draw(st.booleans()),
                cidr=draw(networks),
                protocol=draw(st.sampled_from(("6", "6", "-1", "17"))),
                from_port=low,
                to_port=high,
            )
        )
    tail = open_entries() if draw(st.booleans()) else ()
    return (*entries, *(replace(acl_entry, number=acl_entry.number + 200) for acl_entry in tail))


routes = st.builds(
    route,
    st.one_of(st.sampled_from(CIDRS), st.sampled_from(CIDRS), st.sampled_from(LISTS)),
    st.sampled_from(TARGETS),
    st.sampled_from(STATES),
)
route_lists = st.builds(
    lambda local, more: (*local, *more), st.sampled_from((LOCAL_ROUTES, LOCAL_ROUTES, ())), st.lists(routes, max_size=6)
)


def sometimes_missing(present: Any, missing: Any = None) -> st.SearchStrategy[Any]:
    return st.sampled_from((present, present, present, present, missing))


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    base = configuration(
        host_rules=draw(st.lists(group_rules(), max_size=6)),
        there_rules=draw(st.lists(group_rules(), max_size=6)),
        abroad_rules=draw(st.lists(group_rules(), max_size=6)),
        host_entries=draw(acl_entries()),
        there_entries=draw(acl_entries()),
        host_routes=draw(route_lists),
        there_routes=draw(route_lists),
        abroad_routes=draw(route_lists),
    )
    assert base.groups is not None
    more = SecurityGroup(group_id="sg-more", rules=tuple(draw(st.lists(group_rules(), max_size=4))))
    lists = tuple(
        PrefixList(prefix_list_id=list_id, cidrs=tuple(draw(st.lists(networks, max_size=4)))) for list_id in LISTS[:2]
    )
    state = draw(st.sampled_from(("available", "available", "pending", "partial")))
    groups_read = draw(st.sampled_from(((*base.groups, more), (*base.groups, more), base.groups, None)))
    return replace(
        base,
        endpoints=draw(sometimes_missing((replace(ENDPOINT, state=state), FAR_ENDPOINT))),
        endpoint_interfaces=draw(sometimes_missing(base.endpoint_interfaces)),
        subnets=draw(sometimes_missing(base.subnets)),
        vpc=draw(sometimes_missing(base.vpc)),
        route_tables=draw(sometimes_missing(base.route_tables)),
        acls=draw(sometimes_missing(base.acls)),
        groups=groups_read,
        prefix_lists=draw(sometimes_missing(lists)),
    )


owns = st.sampled_from(
    (
        OWN,
        OWN,
        replace(OWN, group_ids=("sg-host", "sg-more")),
        replace(OWN, group_ids=("sg-more", "sg-there")),
        replace(OWN, group_ids=()),
        replace(OWN, addresses=(HOST,)),
        None,
    )
)
ends = st.fixed_dictionaries(
    {
        "source": st.sampled_from((HOST, HOST, HOST6, None)),
        "own": owns,
        "address": st.sampled_from((THERE, THERE, THERE6, BESIDE, ABROAD, ip_address("198.51.100.7"))),
        "port": st.sampled_from(GATEWAY_PORTS),
    }
)
modest = settings(max_examples=extent.examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@modest
@given(configurations(), ends)
def test_a_slow_implementation_agrees(what: Configuration, of: dict[str, Any]) -> None:
    predicted = Predictor(what).predict(**of)
    slow = slow_predict(what, **of)
    fast = {hop.stage: hop.outcome for hop in predicted.hops}
    assert len(fast) == len(predicted.hops)
    assert list(fast) == [stage for stage in Stage if stage in fast]
    left_out = {stage: outcome for stage, outcome in slow.items() if stage not in fast}
    assert set(left_out.values()) <= {CANNOT_TELL}  # an earlier hop said the same, in the same words
    assert fast == {stage: outcome for stage, outcome in slow.items() if stage in fast}
    assert predicted.outcome is worst(slow.values())
    for predicted_hop in predicted.hops:
        assert predicted_hop.words
        assert not predicted_hop.words.endswith(".")


@modest
@given(acl_entries(), st.sampled_from((HOST, THERE, ABROAD)))
def test_answers_port_by_port(entries: tuple[AclEntry, ...], source: Address) -> None:
    what = configuration(there_entries=entries)
    own = replace(OWN, addresses=(source,))
    of: dict[str, Any] = {"source": source, "own": own, "address": THERE, "port": 443}
    result = hop(Predictor(what).predict(**of), Stage.ENDPOINT_ACL_OUT)
    assert result.outcome is slow_predict(what, **of)[Stage.ENDPOINT_ACL_OUT]


@modest
@given(configurations(), ends, st.randoms(use_true_random=False))
def test_order_makes_no_difference(what: Configuration, of: dict[str, Any], chance: random.Random) -> None:
    def mixed(items: Any) -> Any:
        return None if items is None else tuple(chance.sample(items, len(items)))

    def inside(items: Any, field: str) -> Any:
        return None if items is None else tuple(replace(item, **{field: mixed(getattr(item, field))}) for item in items)

    shuffled = replace(
        what,
        endpoints=mixed(what.endpoints),
        endpoint_interfaces=mixed(what.endpoint_interfaces),
        route_tables=mixed(inside(what.route_tables, "routes")),
        acls=mixed(inside(what.acls, "entries")),
        groups=mixed(inside(what.groups, "rules")),
        prefix_lists=mixed(inside(what.prefix_lists, "cidrs")),
    )
    assert Predictor(shuffled).predict(**of) == Predictor(what).predict(**of)


@modest
@given(configurations(), ends)
def test_one_predictor_says_what_a_fresh_one_says(what: Configuration, of: dict[str, Any]) -> None:
    predictor = Predictor(what)
    for port in (*GATEWAY_PORTS, of["port"]):
        for address in (THERE, THERE6, BESIDE, ABROAD):
            predictor.predict(**of | {"port": port, "address": address})
    assert predictor.predict(**of) == Predictor(what).predict(**of)


@modest
@given(configurations(), ends, group_rules(), st.sampled_from(GROUPS))
def test_another_rule_of_a_group_blocks_nothing(
    what: Configuration, of: dict[str, Any], more: GroupRule, group_id: str
) -> None:
    assume(what.groups is not None)
    assert what.groups is not None
    wider = replace(
        what,
        groups=tuple(
            replace(group, rules=(*group.rules, more)) if group.group_id == group_id else group for group in what.groups
        ),
    )
    before = {hop.stage: hop.outcome for hop in Predictor(what).predict(**of).hops}
    after = {hop.stage: hop.outcome for hop in Predictor(wider).predict(**of).hops}
    for stage in (Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS):
        if before.get(stage) is OPEN:
            assert after[stage] is OPEN
        if after.get(stage) is BLOCKED:
            assert before[stage] is BLOCKED


RANKS: Final = {OPEN: 0, DOUBTFUL: 1, BLOCKED: 2}


@modest
@given(acl_entries(), port_ranges, networks, st.booleans(), st.booleans())
def test_a_denial_in_front_opens_nothing(
    entries: tuple[AclEntry, ...], ports: tuple[int | None, int | None], cidr: Network, egress: bool, theirs: bool
) -> None:
    first = AclEntry(
        number=1, egress=egress, allow=False, cidr=cidr, protocol="6", from_port=ports[0], to_port=ports[1]
    )
    changed = "there_entries" if theirs else "host_entries"
    plain: dict[str, Any] = {changed: entries}
    denied: dict[str, Any] = {changed: (*entries, first)}
    before = {hop.stage: hop.outcome for hop in ask(configuration(**plain)).hops}
    after = {hop.stage: hop.outcome for hop in ask(configuration(**denied)).hops}
    assert before.keys() == after.keys()
    for stage in before:
        assert RANKS[after[stage]] >= RANKS[before[stage]]


def test_outcomes_have_one_order() -> None:
    assert sorted(WORST) == sorted(Reachability)
    assert EPHEMERAL == (32768, 60999)


# --- A large configuration -------------------------------------------------------------------------------------------


def test_large_configuration_is_judged_as_the_slow_one_judges_it() -> None:
    what, ask_all = large_configuration()
    predicted = ask_all()
    assert len(predicted) == 360
    assert {path.outcome for path in predicted} == {DOUBTFUL, BLOCKED}
    assert what.own_interfaces is not None
    for path in predicted[::7]:
        slow = slow_predict(what, source=HOST, own=what.own_interfaces[0], address=path.address, port=path.port)
        assert {predicted_hop.stage: predicted_hop.outcome for predicted_hop in path.hops} == slow
