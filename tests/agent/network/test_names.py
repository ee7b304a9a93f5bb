"""What the VPC's resolver answers for a name. Each setting that decides is tested together with settings that must not
decide.
"""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from agent.network.answers import Answer, PredictedName
from agent.network.names import KnownVpc, predicted_name
from agent.network.predictor import Predictor
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import Reachability
from agent.report.model import Status
from probes.vpc.model import (
    DNS_FIREWALL,
    ENDPOINTS,
    FIREWALL_RULE_GROUP,
    HOSTED_ZONE,
    PRIVATE_ZONES,
    PROFILES,
    RESOLVER_RULES,
    VPC_ENDPOINT,
    DhcpOptionsFacts,
    FirewallRule,
    GatewayEndpoint,
    PrefixList,
    PrivateZone,
    ProfileResource,
    ProfileResourcesFacts,
    ProfilesFacts,
    ResolverRule,
    RouteTable,
    VpcDnsFacts,
)
from tests.agent.network.networks import ABROAD, FAR_ENDPOINT, INTERFACE, LOCAL_ROUTES, entry, open_entries, route, rule
from tests.agent.predict.test_prediction import HOST_NAME, NAMED, SERVICE, TAKEN_AT, document, healthy, host
from tests.support.aws_commands import complaint

ACCOUNT: Final = "111122223333"
PRIVATE, PUBLIC, NOTHING, CANNOT_TELL = Answer.PRIVATE, Answer.PUBLIC, Answer.NOTHING, Answer.CANNOT_TELL
OFF: Final = replace(NAMED, private_dns=False, dns_names=())
CANNOT_TELL_PATH: Final = Reachability.CANNOT_TELL
ELSEWHERE: Final = replace(FAR_ENDPOINT, dns_names=(HOST_NAME,), owner_id=ACCOUNT)


def forward(domain: str, kind: str = "FORWARD") -> ResolverRule:
    return ResolverRule(
        rule_id="rslvr-rr-1",
        name="corp",
        domain=domain,
        kind=kind,
        targets=(ip_address("10.9.0.53"),),
        owner_id=ACCOUNT,
    )


def zone(name: str, *, of_service: bool = False) -> PrivateZone:
    owner = "vpce.amazonaws.com" if of_service else ACCOUNT
    return PrivateZone(zone_id="Z1D633PJN98FT9", name=name, owner=owner, of_service=of_service)


def block(*domains: str, action: str = "BLOCK", response: str = "NXDOMAIN", **more: Any) -> FirewallRule:
    return FirewallRule(
        group_id="rslvr-frg-1",
        domain_list_id="rslvr-fdl-1",
        action=action,
        block_response=response,
        override=None,
        priority=(101, 1),
        **({"query_type": None, "domains": domains} | more),
    )


def brings(kind: str, resource_id: str, *, owner: str = ACCOUNT, unread: bool = False, **read: Any) -> dict[str, Any]:
    resource = ProfileResource(profile_id="rp-1", kind=kind, resource_id=resource_id, owner_id=owner, priority=1)
    facts: dict[str, Any] = {"zones": (), "rules": (), "firewall": ()}
    return {
        "profiles": ProfilesFacts(profile_ids=("rp-1",), resources=(resource,)),
        "brought": ProfileResourcesFacts(**(facts | read), unread=(resource_id,) if unread else ()),
    }


def answer(dropped: frozenset[str] = frozenset(), service: str = SERVICE, **changes: Any) -> PredictedName:
    what = healthy(**changes)
    known = KnownVpc(vpc_id="vpc-a", region="eu-west-1", configuration=what, dropped=dropped)
    return predicted_name(known, Predictor(what, vpc_id="vpc-a"), service, counts=True)


NAMES: Final = {
    # Private answers, beside settings that must not decide.
    "private DNS": answer(),
    "another rule": answer(resolver_rules=(forward("corp.example"),)),
    "a rule for a wider name": answer(resolver_rules=(forward(""),)),
    "SYSTEM": answer(resolver_rules=(forward(HOST_NAME, "SYSTEM"),)),
    "a wider zone": answer(zones=(zone("amazonaws.com"),)),
    "AWS's own zone": answer(zones=(zone(HOST_NAME, of_service=True),)),
    "another blocked name": answer(firewall=(block("corp.example"),)),
    "an alert": answer(firewall=(block(HOST_NAME, action="ALERT"),)),
    "allowed before it is blocked": answer(firewall=(block(HOST_NAME, action="ALLOW"), block("*.amazonaws.com"))),
    "blocked for mail alone": answer(firewall=(block(HOST_NAME, query_type="MX"),)),
    "the VPC's resolver by its addresses": answer(
        dhcp_options=DhcpOptionsFacts(options_id="dopt-1", name_servers=("169.254.169.253", "10.0.0.2"))
    ),
    "a Profile's wider zone": answer(
        **brings(HOSTED_ZONE, "Z0PROFILE", zones=(replace(zone("amazonaws.com"), zone_id="Z0PROFILE"),))
    ),
    # Public answers.
    "private DNS off": answer(endpoints=(OFF,)),
    "private DNS for other names": answer(endpoints=(replace(NAMED, dns_names=("other.amazonaws.com",)),)),
    "no endpoint": answer(endpoints=()),
    "one in another VPC": answer(endpoints=(ELSEWHERE,)),
    "host names off": answer(dns=VpcDnsFacts(support=True, hostnames=False)),
    # No addresses.
    "DNS off": answer(dns=VpcDnsFacts(support=False, hostnames=True)),
    "blocked by a wildcard": answer(firewall=(block("*.amazonaws.com"),)),
    "blocked for addresses of one family": answer(firewall=(block(HOST_NAME, response="NODATA", query_type="A"),)),
    "blocked for addresses": answer(
        firewall=tuple(block(HOST_NAME, response="NODATA", query_type=record) for record in ("A", "AAAA"))
    ),
    "blocked by a Profile's group": answer(
        **brings(*(FIREWALL_RULE_GROUP, "rslvr-frg-9"), firewall=(replace(block(HOST_NAME), group_id="rslvr-frg-9"),))
    ),
    # Answers that are not known.
    "a rule for the very name": answer(resolver_rules=(forward(HOST_NAME),)),
    "a wider rule without private DNS": answer(resolver_rules=(forward("amazonaws.com"),), endpoints=(OFF,)),
    "a zone of the very name": answer(zones=(zone(HOST_NAME),)),
    "a wider zone without private DNS": answer(zones=(zone("amazonaws.com"),), endpoints=(OFF,)),
    "a zone before a wider rule": answer(zones=(zone(HOST_NAME),), resolver_rules=(forward("com"),)),
    "the more specific one of a zone and a rule": answer(
        zones=(zone("eu-west-1.amazonaws.com"),), resolver_rules=(forward("com"),), endpoints=(OFF,)
    ),
    "another name in its place": answer(firewall=(block(HOST_NAME, response="OVERRIDE"),)),
    "a list that was not read": answer(firewall=(block(domains=None),)),
    "a rule without a list": answer(firewall=(replace(block(domains=None), domain_list_id=None),)),
    "name servers of one's own": answer(
        dhcp_options=DhcpOptionsFacts(options_id="dopt-1", name_servers=("10.9.0.53",))
    ),
    "name servers of one's own next to Amazon's": answer(
        dhcp_options=DhcpOptionsFacts(options_id="dopt-1", name_servers=("AmazonProvidedDNS", "10.9.0.53"))
    ),
    "no name server": answer(dhcp_options=DhcpOptionsFacts(options_id="dopt-1", name_servers=())),
    "no DHCP options": answer(dhcp_options=None),
    "no attributes": answer(dns=None),
    "no rules read": answer(resolver_rules=None),
    "no zones read": answer(zones=None),
    "no firewall read": answer(firewall=None),
    "no Profiles read": answer(profiles=None),
    "no endpoints read": answer(endpoints=None),
    "a pending endpoint": answer(endpoints=(replace(NAMED, state="pending"),)),
    "a Profile's zone of another account": answer(
        **brings(HOSTED_ZONE, "Z0PROFILE", unread=True, owner="444455556666")
    ),
    "a Profile's endpoint of another account": answer(
        endpoints=(OFF,), **brings(VPC_ENDPOINT, "vpce-0badbad", owner="444455556666")
    ),
}
"""The predicted answer of the resolver, by the name of the case."""


@pytest.mark.parametrize("name", NAMES)
def test_a_private_answer_alone_has_addresses(name: str) -> None:
    assert bool(NAMES[name].addresses) is (NAMES[name].answer is PRIVATE)


@pytest.mark.parametrize("read", [DNS_FIREWALL, PROFILES, RESOLVER_RULES, PRIVATE_ZONES])
def test_where_rows_were_left_out_nothing_is_proven(read: str) -> None:
    assert answer(frozenset({read})).answer is CANNOT_TELL
    assert answer(frozenset({ENDPOINTS})).answer is PRIVATE, "the endpoint that has the name was read"
    assert answer(frozenset({ENDPOINTS}), endpoints=()).answer is CANNOT_TELL


def test_a_profile_brings_an_endpoint_of_another_vpc() -> None:
    seen = answer(endpoints=(ELSEWHERE,), **brings(VPC_ENDPOINT, "vpce-2"))
    assert (seen.answer, seen.endpoint_ids) == (PRIVATE, ("vpce-2",))
    assert "which a Route 53 Profile brings" in seen.words


def test_what_lies_between_two_vpcs_cannot_be_seen() -> None:
    """The route leads over a peering, and everything that was read is open. The peering itself was not read."""
    abroad = replace(INTERFACE, interface_id="eni-abroad", vpc_id="vpc-b", subnet_id="subnet-abroad")
    what = healthy(
        endpoints=(ELSEWHERE,),
        host_routes=(*LOCAL_ROUTES, route("10.1.0.0/16", "pcx-1")),
        endpoint_interfaces=(replace(abroad, addresses=(ABROAD,)),),
        **brings(VPC_ENDPOINT, "vpce-2"),
    )
    result = document(what)
    assert {path.outcome for path in result.paths} == {CANNOT_TELL_PATH}
    assert result.paths[0].words.startswith("what cannot be seen: what lies between vpc-a and vpc-b")
    assert result.verdict.status is Status.UNKNOWN


def test_who_owns_the_vpc_decides_whether_all_endpoints_are_seen() -> None:
    """An account that uses shared subnets sees its own interfaces, but not the owner's endpoints."""
    own = host()
    shared = replace(own, owner_id="444455556666")
    assert answer(endpoints=(), interfaces=(own,)).answer is PUBLIC
    seen = answer(endpoints=(), interfaces=(shared,))
    assert (seen.answer, seen.words) == (
        CANNOT_TELL,
        "vpc-a belongs to another account, and only that account sees the endpoints",
    )
    assert answer(endpoints=(), interfaces=None).answer is CANNOT_TELL, "whose it is is not known"
    assert answer(endpoints=(), interfaces=(own, shared)).answer is PUBLIC, "its owner sees all interfaces"


def test_an_aaaa_record_counts_where_the_endpoint_has_ipv6_addresses() -> None:
    six = block(HOST_NAME, query_type="AAAA")
    left = answer(firewall=(six,))
    assert left.answer is PRIVATE
    assert {address.version for address in left.addresses} == {4}
    four_alone = replace(INTERFACE, addresses=INTERFACE.addresses[:1])
    assert answer(firewall=(six,), endpoint_interfaces=(four_alone,)).answer is PRIVATE


def test_paths_to_addresses_that_dns_firewall_withholds_do_not_count() -> None:
    both = replace(host(5), addresses=(*host(5).addresses, ip_address("fd00:a:0:1::5")))
    result = document(healthy(both, firewall=(block(HOST_NAME, query_type="AAAA"),)))
    counting = {address.version for path in result.paths if path.counts for address in path.addresses}
    shown = {address.version for path in result.paths for address in path.addresses}
    assert (counting, shown) == ({4}, {4, 6})


# --- What follows from an answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "command"),
    [
        ({}, Status.OK, None),
        ({"endpoints": ()}, Status.CRITICAL, "describe-vpc-endpoints"),
        ({"dns": VpcDnsFacts(support=False, hostnames=True)}, Status.CRITICAL, "modify-vpc-attribute"),
        ({"firewall": (block(HOST_NAME),)}, Status.CRITICAL, "list-firewall-rules"),
        ({"resolver_rules": (forward(HOST_NAME),)}, Status.UNKNOWN, "get-resolver-rule"),
        ({"zones": (zone(HOST_NAME),)}, Status.UNKNOWN, "list-resource-record-sets"),
        ({"endpoints": (OFF,)}, Status.CRITICAL, "describe-vpc-endpoints"),
        (
            {"dhcp_options": DhcpOptionsFacts(options_id="dopt-1", name_servers=("10.9.0.53",))},
            *(Status.UNKNOWN, "describe-dhcp-options"),
        ),
    ],
)
def test_a_name_counts_as_a_path_does(changes: dict[str, Any], status: Status, command: str | None) -> None:
    result = document(healthy(**changes))
    assert result.verdict.status is status
    of_names = [fault for fault in result.faults if not fault.ports]
    commands = [word for fault in of_names if fault.fix for one in fault.fix.commands for word in one.argv]
    assert (command in commands) if command else not of_names
    assert not any(fault.measured for fault in of_names)
    of_fixes = [one.argv for fault in of_names if fault.fix for one in fault.fix.commands]
    given = [argv for argv in of_fixes if argv[0] == "aws"]
    assert [complaint(argv) for argv in given] == [None] * len(given)


def test_private_dns_can_be_turned_on_but_for_an_appliance() -> None:
    backup = replace(OFF, service_name="com.amazonaws.eu-west-1.backup")
    result = document(healthy(endpoints=(backup,)), services={"backup": True})
    (fault,) = (fault for fault in result.faults if fault.code == "VPC002")
    assert fault.fix is not None
    assert [command.argv[2] for command in fault.fix.commands if command.changes] == ["modify-vpc-endpoint"]
    assert "route53:AssociateVPCWithHostedZone" in fault.fix.summary


# --- Gateway endpoints -----------------------------------------------------------------------------------------------

S3: Final = GatewayEndpoint(
    endpoint_id="vpce-3",
    service_name="com.amazonaws.eu-west-1.s3",
    vpc_id="vpc-a",
    state="available",
    route_table_ids=("rtb-host",),
    owner_id=ACCOUNT,
)
LIST: Final = PrefixList(prefix_list_id="pl-1", cidrs=(ip_network("198.51.100.0/24"),))


def s3(
    *routes: Any, lists: tuple[PrefixList, ...] = (LIST,), tables: tuple[str, ...] = ("rtb-host",), **changes: Any
) -> Any:
    table = RouteTable(
        table_id="rtb-host", vpc_id="vpc-a", main=True, subnet_ids=("subnet-host",), routes=(*LOCAL_ROUTES, *routes)
    )
    what = healthy(
        gateway_endpoints=(replace(S3, route_table_ids=tables),),
        endpoint_services=("s3", "backup-gateway"),
        prefix_lists=lists,
        route_tables=(table,),
        **({"host_entries": open_entries()} | changes),
    )
    known = KnownVpc(vpc_id="vpc-a", region="eu-west-1", configuration=what, dropped=frozenset())
    facts = Facts(known=known, taken_at=TAKEN_AT, not_read=())
    return predicted(facts, Asked(sources=("all",), services={"s3": True}, ports=()))


def test_public_addresses_behind_a_gateway_endpoint_are_the_private_path() -> None:
    result = s3(route("pl-1", "vpce-3"))
    assert result.verdict.status is Status.OK
    assert [(name.answer, name.code) for name in result.names] == [(PUBLIC, None)]


@pytest.mark.parametrize(
    ("routes", "more", "status", "code"),
    [
        pytest.param((), {"tables": ()}, Status.CRITICAL, "VPC019", id="a table without its route"),
        pytest.param(
            (route("pl-1", "vpce-3"), route("198.51.100.0/25", "nat-1")),
            *({}, Status.CRITICAL, "VPC019"),
            id="a closer route elsewhere",
        ),
        pytest.param((route("pl-1", "vpce-3"),), {"lists": ()}, Status.UNKNOWN, None, id="a list that was not read"),
    ],
)
def test_a_way_past_the_gateway_endpoint_is_no_private_path(
    routes: tuple[Any, ...], more: dict[str, Any], status: Status, code: str | None
) -> None:
    result = s3(*routes, **more)
    assert result.verdict.status is status
    assert {fault.code for fault in result.faults} == {code}


TWO_BLOCKS: Final = replace(LIST, cidrs=(*LIST.cidrs, ip_network("203.0.113.0/25")))


def commands_of(result: Any, code: str) -> list[str]:
    (fault,) = (fault for fault in result.faults if fault.code == code)
    assert fault.fix is not None
    assert [complaint(command.argv) for command in fault.fix.commands] == [None] * len(fault.fix.commands)
    return [" ".join(command.argv) for command in fault.fix.commands]


def test_an_acl_before_a_gateway_endpoint_lets_the_blocks_of_the_list_pass_and_no_single_address() -> None:
    entries = (entry(100, "allow", "198.51.100.0/24", "443", egress=True), entry(100, "allow", "0.0.0.0/0"))
    result = s3(route("pl-1", "vpce-3"), lists=(TWO_BLOCKS,), host_entries=entries)
    assert result.verdict.status is Status.CRITICAL
    shown, *made = commands_of(result, "VPC006")
    assert "describe-prefix-lists" in shown
    assert "Values=com.amazonaws.eu-west-1.s3" in shown
    assert [command.partition("--cidr-block ")[2] for command in made] == ["203.0.113.0/25 --rule-action allow"]


def test_a_group_before_a_gateway_endpoint_lets_traffic_out_to_the_prefix_list() -> None:
    result = s3(route("pl-1", "vpce-3"), host_rules=(rule("443", "10.0.0.0/16", egress=True),))
    assert result.verdict.status is Status.CRITICAL
    (command,) = commands_of(result, "VPC012")
    assert command.endswith("PrefixListIds=[{PrefixListId=<PREFIX_LIST_ID>}]")
