"""The prediction for a VPC: classes of sources, the matrix, which is compared with the predictor and with a slow second
predictor, the words for each kind of obstacle, and which obstacles count.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.network.answers import PredictedPath
from agent.network.names import KnownVpc
from agent.network.paths import Blocks, Predictor, SourceError, sources_of
from agent.predict import phrases
from agent.predict.model import PredictionDocument
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import OF_ANY_SYSTEM, Reachability, Stage, is_detour
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from probes.model import Address
from probes.vpc.model import (
    AMAZON_DNS,
    Configuration,
    DhcpOptionsFacts,
    NetworkInterface,
    ProfilesFacts,
    VpcDnsFacts,
)
from tests.agent.network.networks import (
    BESIDE,
    ENDPOINT,
    GATEWAY_PORTS,
    INTERFACE,
    LOCAL_ROUTES,
    OWN,
    THERE,
    THERE6,
    configuration,
    entry,
    open_entries,
    out,
    route,
    rule,
)
from tests.agent.network.slow_predict import slow_predict, worst
from tests.agent.network.test_predictor import configurations
from tests.support import extent
from tests.support.aws_commands import complaint

OPEN, BLOCKED, DOUBTFUL, CANNOT_TELL = (
    Reachability.OPEN,
    Reachability.BLOCKED,
    Reachability.DOUBTFUL,
    Reachability.CANNOT_TELL,
)
SERVICE: Final = "backup-gateway"
TAKEN_AT: Final = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
HOST_NAME: Final = "backup-gateway.eu-west-1.amazonaws.com"
WITH_NAMES: Final[dict[str, Any]] = {
    "dns": VpcDnsFacts(support=True, hostnames=True),
    "dhcp_options": DhcpOptionsFacts(options_id="dopt-1", name_servers=(AMAZON_DNS,)),
    "resolver_rules": (),
    "zones": (),
    "firewall": (),
    "profiles": ProfilesFacts(profile_ids=(), resources=()),
}
"""Settings of name resolution that are all correct."""
NAMED: Final = replace(ENDPOINT, dns_names=(HOST_NAME,), owner_id="111122223333", interface_ids=("eni-there",))
ALL_PORTS: Final = (rule("", "10.0.0.0/16"), rule("", "fd00:a::/48"))


def host(number: int = 5, **changes: Any) -> NetworkInterface:
    """An instance's interface in the host's subnet."""
    blank = replace(
        OWN,
        interface_id=f"eni-{number:08x}",
        instance_id=f"i-{number:08x}",
        addresses=(ip_address(f"10.0.0.{number}"),),
        owner_id="111122223333",
    )
    return replace(blank, **changes)


def healthy(*hosts: NetworkInterface, **changes: Any) -> Configuration:
    """A configuration in which the gateway's endpoint and its name are open to `hosts` on every port. `changes` are
    arguments of `configuration`.
    """
    more = {
        "there_rules": ALL_PORTS,
        "endpoints": (NAMED,),
        "endpoint_interfaces": (INTERFACE,),
        "interfaces": (*(hosts or (host(),)), replace(INTERFACE, owner_id="111122223333")),
        **WITH_NAMES,
    }
    return configuration(**(more | changes))


def document(
    what: Configuration, *sources: Any, services: dict[str, bool] | None = None, ports: tuple[int, ...] = ()
) -> PredictionDocument:
    known = KnownVpc(vpc_id="vpc-a", region="eu-west-1", configuration=what, dropped=frozenset())
    wanted = {SERVICE: True} if services is None else services
    asked = Asked(sources=sources or (EVERY_SOURCE,), services=wanted, ports=ports)
    return predicted(Facts(known=known, taken_at=TAKEN_AT, not_read=()), asked)


def outcome_of(result: PredictionDocument, port: int = 443, address: Address = THERE) -> Reachability:
    (path,) = [path for path in result.paths if path.port == port and address in path.addresses]
    return path.outcome


# --- Sources ---------------------------------------------------------------------------------------------------------


def classes(what: Configuration, *wanted: Any) -> list[list[str]]:
    """The interfaces of each class, by the last two characters of their ids. If a class has no interfaces, its address
    is given.
    """
    found = sources_of(what, "vpc-a", wanted or (EVERY_SOURCE,), Blocks.of_sources(what))
    return [
        [interface.interface_id[-2:] for interface in source.interfaces] or [str(source.addresses[0])]
        for source in found
    ]


def test_interfaces_of_one_subnet_with_the_same_groups_are_one_class() -> None:
    hosts = [host(5), host(6), host(7, group_ids=("sg-more",)), host(8, subnet_id="subnet-there")]
    assert classes(healthy(*hosts)) == [["05", "06"], ["07"], ["08"]]


def test_the_order_of_groups_makes_no_class() -> None:
    hosts = [host(5, group_ids=("sg-a", "sg-b")), host(6, group_ids=("sg-b", "sg-a"))]
    assert classes(healthy(*hosts)) == [["05", "06"]]


@pytest.mark.parametrize(
    ("changes", "split"),
    [
        pytest.param({"there_rules": [rule("443", "10.0.0.5/32")]}, True, id="a rule of the endpoint's group"),
        pytest.param({"there_entries": [entry(10, "deny", "10.0.0.5/32"), *open_entries()]}, True, id="an ACL entry"),
        pytest.param({"there_routes": [*LOCAL_ROUTES, route("10.0.0.5/32", "eni-1")]}, True, id="a route back"),
        pytest.param({"host_rules": [out("", "10.0.0.5/32")]}, False, id="a rule about whom hosts send to"),
        pytest.param({"there_rules": [rule("443", "10.0.0.4/30")]}, False, id="a rule that holds both"),
    ],
)
def test_what_tells_addresses_apart_makes_classes(changes: dict[str, Any], split: bool) -> None:
    what = healthy(host(5), host(6), **changes)
    assert classes(what) == ([["05"], ["06"]] if split else [["05", "06"]])


def test_what_can_be_named() -> None:
    what = healthy(host(5), host(6), host(40, subnet_id="subnet-there", instance_id=None))
    assert classes(what, "eni-00000006") == [["06"]]
    assert classes(what, "i-00000005") == [["05"]]
    assert classes(what, "i-00000005", "eni-00000005", "eni-00000006") == [["05", "06"]]
    assert classes(what, "subnet-host") == [["05", "06"]]
    assert classes(what, ip_network("10.0.0.6/31")) == [["06"]]
    assert classes(what) == [["05", "06"]], "what no instance has is not a source by itself"
    assert classes(what, "eni-00000028") == [["28"]], "but can be asked for"


def test_a_block_without_hosts_is_judged_in_each_of_its_parts() -> None:
    what = healthy(host(5), there_rules=[rule("443", "10.0.0.64/26")])
    parts = classes(what, ip_network("10.0.0.32/27"))
    assert parts == [["10.0.0.36"]]
    parts = classes(what, ip_network("10.0.0.32/27"), ip_network("10.0.0.64/27"))
    assert parts == [["10.0.0.36"], ["10.0.0.68"]]
    whole = document(what, ip_network("192.168.0.0/24"))
    assert [source.subnet_id for source in whole.sources] == [None]
    assert outcome_of(whole) is BLOCKED, "the endpoint's group is known, whoever sends"


def test_a_subnet_without_hosts_has_groups_that_are_not_known() -> None:
    result = document(healthy(host(5, subnet_id="subnet-there")), "subnet-host")
    assert {source.group_ids for source in result.sources} == {()}
    assert outcome_of(result) is CANNOT_TELL
    assert result.verdict.status is Status.UNKNOWN
    assert "of the source" in " ".join(fault.detail for fault in result.faults)


def test_where_no_interface_was_read_every_subnet_is_a_source() -> None:
    result = document(healthy(interfaces=None))
    assert [source.subnet_id for source in result.sources] == ["subnet-host", "subnet-host"], "one a family"
    assert result.verdict.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("word", "changes", "message"),
    [
        ("eni-0badbadb", {}, "eni-0badbadb is not in vpc-a"),
        ("i-0badbadb", {}, "i-0badbadb is not in vpc-a"),
        ("subnet-0badbadb", {}, "subnet-0badbadb is not in vpc-a"),
        ("subnet-0badbadb", {"subnets": None}, "the subnets of vpc-a were not read"),
        ("eni-00000005", {"interfaces": None}, "the interfaces of vpc-a were not read; name a subnet or a block"),
        (EVERY_SOURCE, {"interfaces": None, "subnets": None}, "neither interfaces nor subnets of vpc-a were read"),
    ],
)
def test_what_is_not_there_is_an_error(word: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        document(healthy(**changes), word)


# --- The matrix against the predictor, and against a slow second predictor -------------------------------------------

ADDRESSES: Final = tuple(
    tuple(map(ip_address, pair))
    for pair in (
        ("10.0.0.4",),
        ("10.0.0.5",),
        ("10.0.0.6", "fd00:a::5"),
        ("10.0.0.7", "fd00:a::6"),
        ("10.0.0.8",),
        ("fd00:a::7",),
        ("192.168.0.9",),
    )
)


@st.composite
def hosts(draw: st.DrawFn) -> tuple[NetworkInterface, ...]:
    made = []
    for number, addresses in enumerate(draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=6, unique=True))):
        made.append(
            host(
                number + 1,
                addresses=addresses,
                subnet_id=draw(st.sampled_from(("subnet-host", "subnet-twin", "subnet-there", "subnet-third"))),
                group_ids=draw(st.sampled_from((("sg-host",), ("sg-host", "sg-more"), ("sg-more", "sg-host"), ()))),
            )
        )
    return tuple(made)


def with_twins(what: Configuration) -> Configuration:
    """The configuration with near copies of its parts: a second subnet with the host's route table and network ACL, an
    endpoint interface in this subnet, and an endpoint interface beside the one outside the host's subnet.
    """

    def widened(items: Any) -> Any:
        return (
            None
            if items is None
            else tuple(
                replace(item, subnet_ids=(*item.subnet_ids, "subnet-twin"))
                if "subnet-host" in item.subnet_ids
                else item
                for item in items
            )
        )

    twins = (
        replace(INTERFACE, interface_id="eni-twin", subnet_id="subnet-twin", addresses=(ip_address("10.0.0.18"),)),
        replace(INTERFACE, interface_id="eni-next", addresses=(ip_address("10.0.1.18"),)),
    )
    interfaces = what.endpoint_interfaces
    return replace(
        what,
        acls=widened(what.acls),
        route_tables=widened(what.route_tables),
        endpoint_interfaces=None if interfaces is None else (*interfaces, *twins),
        endpoints=None
        if what.endpoints is None
        else tuple(
            replace(end, interface_ids=(*end.interface_ids, "eni-twin", "eni-next")) if end.vpc_id == "vpc-a" else end
            for end in what.endpoints
        ),
    )


modest = settings(max_examples=extent.examples(160), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@modest
@given(configurations(), hosts())
def test_what_is_said_of_a_class_holds_for_each_of_its_members(
    what: Configuration, members: tuple[NetworkInterface, ...]
) -> None:
    what = with_twins(replace(what, interfaces=members, **WITH_NAMES))
    result = document(what, ports=(443, 1026))
    by_id = {interface.interface_id: interface for interface in members}
    sources = {source.id: source for source in result.sources}
    seen: set[tuple[str, Address, int]] = set()
    for path in result.paths:
        for interface, address in _pairs(path, sources, by_id):
            where = interface.interface_id, address, path.port
            assert where not in seen
            seen.add(where)
            own = next((mine for mine in interface.addresses if mine.version == address.version), None)
            if own is None:
                assert path.outcome is BLOCKED
                assert path.decided_at is None
                continue
            of: dict[str, Any] = {"source": own, "own": interface, "address": address, "port": path.port}
            alone = Predictor(what, vpc_id="vpc-a", answers=OF_ANY_SYSTEM).predict(**of)
            slow = worst(slow_predict(what, **of, last_port=OF_ANY_SYSTEM[1]).values())
            assert alone.outcome is slow
            if alone.outcome is OPEN and alone.unseen:
                assert path.outcome is CANNOT_TELL
                continue
            if slow is OPEN:
                assert path.outcome is OPEN
            else:
                deciding = min((hop for hop in alone.hops if hop.outcome is slow), key=is_detour)
                assert path.outcome is (CANNOT_TELL if is_detour(deciding) else slow)
                assert (path.decided_at, path.rule) == (deciding.stage, deciding.rule)
                assert set(path.decided_by) == set(deciding.resources)
    there = [
        (interface, address)
        for interface in what.endpoint_interfaces or ()
        if interface.vpc_id == "vpc-a" and what.endpoints is not None
        for address in interface.addresses
    ]
    families = {address.version for _, address in there}
    for member in members:
        own_families = {address.version for address in member.addresses}
        for _, address in there:
            is_asked = address.version in own_families or own_families.isdisjoint(families)
            assert ((member.interface_id, address, 443) in seen) is is_asked


def _pairs(
    path: PredictedPath, sources: dict[str, Any], by_id: dict[str, NetworkInterface]
) -> Iterator[tuple[NetworkInterface, Address]]:
    for source in path.sources:
        for interface_id in sources[source].interface_ids:
            for address in path.addresses:
                yield by_id[interface_id], address


@modest
@given(configurations(), hosts(), st.randoms(use_true_random=False))
def test_the_order_of_the_configuration_makes_no_difference(
    what: Configuration, members: tuple[NetworkInterface, ...], chance: Any
) -> None:
    what = replace(what, interfaces=members, **WITH_NAMES)
    shuffled = replace(
        what,
        interfaces=tuple(chance.sample(members, len(members))),
        endpoints=None if what.endpoints is None else tuple(chance.sample(what.endpoints, len(what.endpoints))),
    )
    assert document(shuffled) == document(what)


# --- What stops the sources ------------------------------------------------------------------------------------------


def test_a_healthy_vpc_is_open() -> None:
    result = document(healthy(host(5), host(6)))
    assert result.verdict.status is Status.OK
    assert result.verdict.summary == "backup-gateway: open from every source (2 interfaces)"
    assert result.faults == ()
    assert {path.outcome for path in result.paths} == {OPEN}
    assert {path.port for path in result.paths} == set(GATEWAY_PORTS)
    assert [hop.rule for hop in result.paths[0].hops if hop.stage is Stage.ROUTE] == ["10.0.0.0/16 to local"]


STOPPED: Final = [
    pytest.param(
        *({"there_rules": [rule("443", "10.0.0.0/16"), rule("1026-1030", "10.0.0.0/16")]}, (1031,), "VPC005"),
        *(BLOCKED, ("sg-there",), None),
        ("aws", "ec2", "authorize-security-group-ingress"),
        id="a port that the endpoint's group forgets",
    ),
    pytest.param(
        *({"host_rules": [out("443", "10.0.0.0/16")]}, (1026, 1028, 1031), "VPC012", BLOCKED, ("sg-host",), None),
        ("aws", "ec2", "authorize-security-group-egress"),
        id="a group of the host",
    ),
    pytest.param(
        *({"host_entries": [entry(90, "deny", "10.0.1.0/24", "443", egress=True), *open_entries()]}, (443,), "VPC006"),
        *(BLOCKED, ("acl-host",), "90 outbound"),
        ("aws", "ec2", "create-network-acl-entry"),
        id="an ACL on the way out",
    ),
    pytest.param(
        *({"there_entries": [entry(80, "deny", "10.0.0.0/24", "1031"), *open_entries()]}, (1031,), "VPC006", BLOCKED),
        *(("acl-there",), "80 inbound"),
        ("aws", "ec2", "create-network-acl-entry"),
        id="an ACL on the way in",
    ),
    pytest.param(
        *({"there_entries": [e for e in open_entries() if not (e.egress and e.allow)]}, (443, 1026, 1028, 1031)),
        *("VPC006", BLOCKED, ("acl-there",), "* outbound"),
        ("aws", "ec2", "create-network-acl-entry"),
        id="an ACL for answers",
    ),
    pytest.param(
        *({"host_entries": [e for e in open_entries() if e.egress or not e.allow]}, (443, 1026, 1028, 1031), "VPC006"),
        *(BLOCKED, ("acl-host",), "* inbound"),
        ("aws", "ec2", "create-network-acl-entry"),
        id="an ACL that lets no answers in",
    ),
    pytest.param(
        *({"host_routes": []}, (443, 1026, 1028, 1031), "VPC007", BLOCKED, ("rtb-host",), None),
        ("aws", "ec2", "describe-route-tables"),
        id="no route",
    ),
    pytest.param(
        *({"host_routes": [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-1")]}, (443, 1026, 1028, 1031), None),
        *(CANNOT_TELL, ("rtb-host",), "10.0.1.0/24 to eni-1"),
        (),
        id="an appliance on the way",
    ),
    pytest.param(
        *({"endpoints": (replace(NAMED, state="failed"),)}, (443, 1026, 1028, 1031), "VPC004", BLOCKED),
        *(("eni-there", "vpce-1"), "state failed"),
        ("aws", "ec2", "describe-vpc-endpoints"),
        id="an endpoint that failed",
    ),
    pytest.param(
        *({"groups": None}, (443, 1026, 1028, 1031), None, CANNOT_TELL, ("sg-host",), None, ()),
        id="groups that were not read",
    ),
    pytest.param(
        *({"acls": None}, (443, 1026, 1028, 1031), None, CANNOT_TELL, (), None, ()), id="ACLs that were not read"
    ),
    pytest.param(
        *({"route_tables": None}, (443, 1026, 1028, 1031), None, CANNOT_TELL, (), None, ()),
        id="route tables that were not read",
    ),
]


@pytest.mark.parametrize(("changes", "ports", "code", "outcome", "by", "rule_name", "command"), STOPPED)
def test_what_stops_a_connect_is_named(
    changes: dict[str, Any],
    ports: tuple[int, ...],
    code: str | None,
    outcome: Reachability,
    by: tuple[str, ...],
    rule_name: str | None,
    command: tuple[str, ...],
) -> None:
    result = document(healthy(host(5), host(6), **changes))
    faults = [fault for fault in result.faults if fault.ports]
    (fault,) = faults
    assert (fault.code, fault.ports, fault.outcome, fault.decided_by) == (code, ports, outcome, by)
    assert (fault.rule, fault.interface_count, fault.measured) == (rule_name, 2, False)
    assert "this host" not in fault.detail + fault.title
    assert result.verdict.status is (Status.CRITICAL if outcome is BLOCKED else Status.UNKNOWN)
    given = () if fault.fix is None else fault.fix.commands
    assert {argv[: len(command)] for argv in (one.argv for one in given)} == ({command} if command else set())
    assert not any("<VALUE>" in word for one in given for word in one.argv)
    assert [complaint(one.argv) for one in given if one.argv[0] == "aws"] == [None] * len(given)


def test_inside_the_endpoint_s_own_subnet_no_acl_is_asked() -> None:
    """Another subnet with the same network ACL and the same route table is blocked."""
    beside = replace(INTERFACE, subnet_id="subnet-host", addresses=(BESIDE,))
    shut = [entry(90, "deny", "10.0.0.0/16", egress=True), *open_entries()]
    what = healthy(host(5), host(6, subnet_id="subnet-twin"), endpoint_interfaces=(beside,), host_entries=shut)
    result = document(with_twins(replace(what, endpoints=(NAMED,))))
    found = {path.outcome: path.sources for path in result.paths if path.port == 443 and BESIDE in path.addresses}
    assert found == {OPEN: ("source-1",), BLOCKED: ("source-2",)}


def test_only_the_sources_that_are_stopped_are_named() -> None:
    """Only the host whose group has no rules is blocked. The other host is not mentioned."""
    hosts_there = (host(5), host(6, group_ids=("sg-more",)))
    what = healthy(*hosts_there)
    what = replace(what, groups=(*(what.groups or ()), replace((what.groups or ())[0], group_id="sg-more", rules=())))
    result = document(what)
    (fault,) = result.faults
    assert [source.interface_ids for source in result.sources if source.id in fault.sources] == [("eni-00000006",)]
    assert {path.outcome for path in result.paths} == {OPEN, BLOCKED}


def test_a_fault_holds_for_each_of_its_sources_on_each_of_its_ports() -> None:
    """A fault only has ports that are closed to all its sources. A port that is closed to only one of these sources is
    a separate fault.
    """
    hosts_there = (host(5), host(200, subnet_id="subnet-there", addresses=(ip_address("10.0.1.200"),)))
    allowed = [rule("443", "10.0.0.0/16"), rule("1026", "10.0.1.0/24"), rule("1028", "10.0.0.0/16")]
    what = healthy(*hosts_there, there_rules=allowed)
    found = {fault.ports: fault.sources for fault in document(what).faults}
    assert found == {(1031,): ("source-1", "source-2"), (1026,): ("source-1",)}


def test_what_is_let_pass_instead_is_said_of_no_other_port() -> None:
    """A fault has several ports. The text says what the group allows instead only for the port to which this
    applies.
    """
    what = healthy(there_rules=[rule("443", "10.9.0.0/16"), rule("1026", "10.8.0.0/16")])
    (fault,) = document(what).faults
    assert fault.ports == (443, 1026, 1028, 1031)
    asked, instead = fault.detail.split("; ")
    assert "tcp 443, 1026, 1028 and 1031 from " in asked
    assert instead == "it allows tcp 443 from 10.9.0.0/16, among others."


def test_what_the_service_can_do_without_does_not_count() -> None:
    result = document(healthy(there_rules=[rule("443", "10.0.0.0/16"), rule("1026-1031", "10.0.0.0/16")]))
    assert outcome_of(result, 2222) is BLOCKED
    assert result.verdict.status is Status.OK


def test_an_optional_service_does_not_count() -> None:
    what = healthy(there_rules=[])
    result = document(what, services={SERVICE: False})
    assert outcome_of(result) is BLOCKED
    assert result.faults == ()
    assert result.verdict.status is Status.UNKNOWN, "nothing required is proven either"


def test_ports_that_are_asked_for_count() -> None:
    result = document(healthy(there_rules=[rule("443", "10.0.0.0/16")]), ports=(2222,))
    assert {path.port for path in result.paths} == {2222}
    assert result.verdict.status is Status.CRITICAL


def test_an_endpoint_that_the_name_does_not_lead_to_does_not_count() -> None:
    """Private DNS is on for one endpoint. The other endpoint is only used by its own name."""
    second = replace(NAMED, endpoint_id="vpce-9", private_dns=False, dns_names=(), interface_ids=("eni-second",))
    shut = replace(INTERFACE, interface_id="eni-second", addresses=(ip_address("10.0.1.99"),), group_ids=("sg-host",))
    what = healthy(endpoints=(NAMED, second), endpoint_interfaces=(INTERFACE, shut))
    result = document(what)
    assert outcome_of(result, 443, ip_address("10.0.1.99")) is BLOCKED
    assert result.verdict.status is Status.OK
    without = replace(what, endpoints=(replace(NAMED, private_dns=False, dns_names=()), second))
    assert {fault.ports for fault in document(without).faults} == {(), (443, 1026, 1028, 1031)}


def test_a_source_without_an_address_of_the_endpoint_s_family_is_blocked() -> None:
    only_six = host(5, addresses=(ip_address("fd00:a::5"),))
    four = replace(INTERFACE, addresses=(THERE,))
    result = document(healthy(only_six, endpoint_interfaces=(four,)))
    (fault,) = result.faults
    assert fault.outcome is BLOCKED
    assert fault.detail == "The source has no IPv4 address."
    both = document(healthy(only_six))
    assert both.verdict.status is Status.OK
    assert all(address.version == 6 for path in both.paths for address in path.addresses)


def test_a_family_that_the_endpoint_s_names_do_not_give_does_not_count() -> None:
    """The endpoint has IPv6 addresses, but its names only have A records, and its group only allows IPv4."""
    two_families = host(5, addresses=(ip_address("10.0.0.5"), ip_address("fd00:a::5")))
    named = replace(NAMED, dns_record_type="ipv4")
    four_alone = healthy(two_families, there_rules=[rule("", "10.0.0.0/16")], endpoints=(named,))
    result = document(four_alone)
    assert outcome_of(result, 443, THERE6) is BLOCKED
    assert [address.version for name in result.names for address in name.addresses] == [4]
    assert result.verdict.status is Status.OK
    both = replace(four_alone, endpoints=(replace(NAMED, dns_record_type="dualstack"),))
    assert document(both).verdict.status is Status.CRITICAL
    only_six = replace(four_alone, interfaces=(host(5, addresses=(ip_address("fd00:a::5"),)),))
    assert document(only_six).verdict.status is Status.CRITICAL, "it has no address of the family that the name gives"


def test_interfaces_of_an_endpoint_that_were_not_read_leave_it_open() -> None:
    result = document(healthy(endpoint_interfaces=()))
    assert result.verdict.status is Status.UNKNOWN
    assert "the addresses of eni-there of vpce-1 were not read" in result.paths[0].words


def test_no_source_and_no_endpoint_prove_nothing() -> None:
    assert document(healthy(endpoints=())).verdict.status is Status.CRITICAL, "the name is public"
    assert document(healthy(), services={}).verdict.status is Status.UNKNOWN


def test_blocked_comes_before_what_cannot_be_told() -> None:
    result = document(
        healthy(host(5), host(6, group_ids=("sg-unread",)), there_rules=[rule("", "sg-host"), rule("1", "10.0.0.0/8")])
    )
    outcomes = [fault.outcome for fault in result.faults]
    assert outcomes == sorted(outcomes, key=[BLOCKED, DOUBTFUL, CANNOT_TELL].index)
    assert result.verdict.status is Status.CRITICAL


@pytest.mark.parametrize(
    ("first", "last", "outcome"),
    [(32768, 65535, OPEN), (32768, 60999, DOUBTFUL), (49152, 65535, DOUBTFUL), (1024, 32000, BLOCKED)],
)
def test_answers_are_judged_for_the_ports_of_any_system(first: int, last: int, outcome: Reachability) -> None:
    """Answers to Windows arrive at the ports 49152 to 65535, and answers to Linux at 32768 to 60999."""
    entries = [entry(100, "allow", "0.0.0.0/0", f"{first}-{last}"), entry(100, "allow", "0.0.0.0/0", egress=True)]
    what = healthy(host(5), host_entries=entries)
    paths = [path for path in document(what).paths if path.addresses and path.addresses[0].version == 4]
    assert {path.outcome for path in paths} == {outcome}
    if outcome is DOUBTFUL:
        assert all("lets" in path.words and "and not" in path.words for path in paths)


def test_hosts_in_a_zone_without_an_interface_of_the_endpoint_cross_zones() -> None:
    beside = replace(host(6, subnet_id="subnet-twin"), availability_zone="eu-west-1b")
    there = replace(INTERFACE, availability_zone="eu-west-1a")
    result = document(healthy(replace(host(5), availability_zone="eu-west-1a"), beside, endpoint_interfaces=(there,)))
    (name,) = result.names
    assert name.zones == ("eu-west-1a",)
    assert phrases.crossing(name, result) == (
        "1 interface in eu-west-1b reach it across zones, which AWS charges for: it is in eu-west-1a"
    )
    same = document(healthy(replace(host(5), availability_zone="eu-west-1a"), endpoint_interfaces=(there,)))
    assert phrases.crossing(same.names[0], same) is None
