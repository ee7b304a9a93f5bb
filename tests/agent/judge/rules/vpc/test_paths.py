"""VPC rules for paths: a fault that was measured, and its cause in the configuration."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.report.model import Finding
from agent.settings import Expect
from probes.model import Addressing, Observation, Target
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    NETWORK_ACLS,
    OWN_INTERFACES,
    PREFIX_LISTS,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    TRANSIT,
    AclEntry,
    GroupRule,
    InterfacesFacts,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    PrefixList,
    PrefixListsFacts,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    TransitAttachment,
    TransitFacts,
    TransitRoute,
    TransitTable,
    VpcEndpoint,
)
from tests.support.build import (
    BACKUP,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    climbed,
    evidence,
    findings_of,
    here,
    host,
    imds,
    lookup,
    optional,
    proxy,
    rule_of,
    run,
    sdk,
    target,
    tcp,
)
from tests.support.configured import (
    ACCOUNT,
    ANOTHER_ACCOUNT,
    ANOTHER_VPC_ID,
    ENDPOINT_GROUP_ID,
    ENDPOINT_ID,
    ENDPOINT_INTERFACE_IDS,
    ENDPOINT_SUBNET_IDS,
    OWN_GROUP_ID,
    OWN_SUBNET_ID,
    VPC_ID,
    configured,
    endpoint,
    endpoint_interfaces,
    endpoints_facts,
    groups,
    interface,
    main_table,
    network_acl,
    own_interface,
    read,
    shared_vpc,
)

A, B = PRIVATE
GATEWAY_PORTS = (1026, 1027, 1028, 1031)
SILENT: Observations = [*here("backup", A, B), tcp(A, failed="timeout"), tcp(B, failed="timeout")]
"""A run in which port 443 times out at both addresses."""
_ANYWHERE = ip_network("0.0.0.0/0")


def rule_findings(code: str, observations: Iterable[Observation[Any]], *targets: Target) -> list[RuleFinding]:
    """The findings of a single rule."""
    return findings_of(rule_of(RULES, code), evidence(observations, targets=targets or (BACKUP,), of=run()))


def seen(observations: Iterable[Observation[Any]], *targets: Target, expect: Expect = Expect.PRIVATE) -> Evidence:
    """A run that reads EC2."""
    return evidence(observations, targets=targets or (BACKUP,), of=run(ec2_reads=True, expect=expect))


def judged(observations: Iterable[Observation[Any]], *targets: Target) -> dict[str, Finding]:
    """The findings of all rules, by their ids."""
    return {finding.id: finding for finding in diagnose(seen(observations, *targets), RULES).findings}


def with_groups(*changed: SecurityGroup) -> Observation[Any]:
    by_id = {group.group_id: group for group in (*groups(), *changed)}
    return read(SECURITY_GROUPS, SecurityGroupsFacts(groups=tuple(by_id.values())))


def admitting(*blocks: str, port: int = 443, group_id: str = ENDPOINT_GROUP_ID) -> SecurityGroup:
    rules = (GroupRule(from_port=port, to_port=port, cidr=ip_network(block)) for block in blocks)
    return SecurityGroup(group_id=group_id, rules=tuple(rules))


def letting_out(*blocks: str, port: int = 443) -> SecurityGroup:
    rules = (GroupRule(egress=True, from_port=port, to_port=port, cidr=ip_network(block)) for block in blocks)
    return SecurityGroup(group_id=OWN_GROUP_ID, rules=tuple(rules))


def acls(*entries: AclEntry, subnet_id: str = OWN_SUBNET_ID, acl_id: str = "acl-0b1b2c3d") -> Observation[Any]:
    """The default ACL for all subnets except one, which has an ACL with these entries."""
    usual = network_acl()
    other = NetworkAcl(
        acl_id=acl_id,
        vpc_id=usual.vpc_id,
        default=False,
        subnet_ids=(subnet_id,),
        entries=(*entries, *(AclEntry(number=32767, egress=e, allow=False, cidr=_ANYWHERE) for e in (True, False))),
    )
    rest = tuple(other_id for other_id in usual.subnet_ids if other_id != subnet_id)
    return read(NETWORK_ACLS, NetworkAclsFacts(acls=(replace(usual, subnet_ids=rest), other)))


def entry(
    number: int, low: int, high: int, *, egress: bool = False, allow: bool = True, cidr: str = "0.0.0.0/0"
) -> AclEntry:
    return AclEntry(
        number=number,
        egress=egress,
        allow=allow,
        cidr=ip_network(cidr),
        protocol="6",
        from_port=low,
        to_port=high,
    )


def tables(*routes: Route, also: Iterable[RouteTable] = ()) -> Observation[Any]:
    return read(ROUTE_TABLES, RouteTablesFacts(tables=(main_table(*routes), *also)))


def with_endpoints(*endpoints: VpcEndpoint) -> Observation[Any]:
    return read(ENDPOINTS, endpoints_facts(*endpoints))


def with_interfaces(*interfaces: NetworkInterface) -> Observation[Any]:
    return read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=interfaces))


SHUT = with_groups(admitting("10.0.9.0/24"))
"""A configuration in which the endpoint's group allows only another subnet."""


# --- VPC005 security-group-blocks ------------------------------------------------------------------------------------


def test_vpc005_is_of_the_target_and_the_addresses_that_are_silent() -> None:
    (one,) = rule_findings("VPC005", [*SILENT, *configured(SHUT)])
    assert (one.target, one.addresses, one.is_stale) == ("backup", frozenset(map(ip_address, PRIVATE)), False)


def gateway(*closed: int) -> Observations:
    """Observations of Backup gateway's endpoint at one address. The ports in `closed` do not answer. In the healthy
    configuration, this is the address of AWS Backup's endpoint.
    """
    observations = [*here("backup-gateway", A), *climbed(A, of="backup-gateway", but=closed)]
    return [*observations, *(tcp(A, port, of="backup-gateway", failed="timeout") for port in closed)]


OF_GATEWAY = with_endpoints(endpoint(service="backup-gateway"))


OTHERS = ip_network("10.0.9.0/24")
ALSO_ADMITTED = {
    "a range from another subnet": (GroupRule(from_port=1026, to_port=1031, cidr=OTHERS),),
    "some of them from another subnet": (GroupRule(from_port=1026, to_port=1028, cidr=OTHERS),),
    "members of a group": tuple(
        GroupRule(from_port=port, to_port=port, referenced_group_id="sg-0f1b2c3d") for port in (1026, 1031)
    ),
    "a list of networks": (GroupRule(protocol="-1", prefix_list_id="pl-0a1b2c3d"),),
    "nobody on these ports by this family": (
        GroupRule(protocol="udp", from_port=1026, to_port=1031, cidr=OTHERS),
        GroupRule(from_port=22, to_port=22, cidr=OTHERS),
        GroupRule(from_port=1026, to_port=1031, cidr=ip_network("fd00::/8")),
        GroupRule(from_port=0, to_port=0, cidr=OTHERS),
        GroupRule(egress=True, protocol="-1", cidr=OTHERS),
    ),
}
"""Further rules of the group of a gateway's endpoint."""


def admitting_also(*rules: GroupRule) -> Observations:
    """A gateway whose ports 1026 and 1031 do not answer. The endpoint's group has these further rules."""
    changed = with_groups(SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=(*admitting("10.0.0.0/16").rules, *rules)))
    lists = PrefixListsFacts(lists=(PrefixList(prefix_list_id="pl-0a1b2c3d", cidrs=(ip_network("10.0.9.0/24"),)),))
    return [*gateway(1026, 1031), *configured(OF_GATEWAY, changed, read(PREFIX_LISTS, lists))]


def test_vpc005_leaves_the_support_channel_shut_beside_ports_that_are_needed() -> None:
    for closed, opened in (((1031, 2222), "1031"), ((2222,), "2222")):
        (one,) = rule_findings("VPC005", [*gateway(*closed), *configured(OF_GATEWAY)], GATEWAY)
        assert [command.argv[10] for command in one.fix.commands] == [opened]


SIX, OWN_SIX = "2600:1f18:0:1::17", "2600:1f18:0:3::5"


def by_ipv6(
    *changed: Observation[Any], of: str = "backup", silent: int = 443, also: Sequence[int] = ()
) -> Observations:
    """A host and an endpoint with IPv6 addresses. One port of the endpoint does not answer, and all others connect."""
    tried = (
        tcp(SIX, port, of=of, source=OWN_SIX, failed="timeout" if port == silent else None) for port in (silent, *also)
    )
    return [
        *(host("10.0.3.5/24", f"{OWN_SIX}/64"), imds(vpc=("10.0.0.0/16", "2600:1f18::/56")), lookup(SIX, of=of)),
        *tried,
        *configured(
            read(OWN_INTERFACES, InterfacesFacts(interfaces=(own_interface("10.0.3.5", OWN_SIX),))),
            with_interfaces(interface(ENDPOINT_INTERFACE_IDS[0], SIX, subnet_id=ENDPOINT_SUBNET_IDS[0])),
            *changed,
        ),
    ]


ALL_IPV6_OUT = SecurityGroup(
    group_id=OWN_GROUP_ID, rules=(GroupRule(egress=True, protocol="-1", cidr=ip_network("::/0")),)
)


def of_groups(*changed: SecurityGroup, interfaces: Iterable[str]) -> tuple[Observation[Any], Observation[Any]]:
    """The read of the endpoint's interfaces, which have these groups, and the read of the groups."""
    group_ids = tuple(interfaces)
    return (
        with_interfaces(*(replace(one, group_ids=group_ids) for one in endpoint_interfaces())),
        with_groups(*changed),
    )


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*SILENT, *configured()], id="the group admits this host"),
        pytest.param([*here("backup", A, B), *climbed(A, B), *configured(SHUT)], id="it connects"),
        pytest.param(
            [*here("backup", A), tcp(A, failed="refused", seconds=0.01), *configured(SHUT)],
            id="a group refuses nothing: it drops",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout", datagram_error="EPERM"), *configured(SHUT)],
            id="this host's own firewall",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout", neighbour="incomplete"), *configured(SHUT)],
            id="nobody on the own subnet",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="deadline"), *configured(SHUT)], id="an attempt that a deadline cut"
        ),
        pytest.param(
            [*SILENT, *configured(read(SECURITY_GROUPS, failed="not-permitted"))], id="the groups were not read"
        ),
        pytest.param(
            [*SILENT, *configured(read(SECURITY_GROUPS, SecurityGroupsFacts(groups=groups()[:1])))],
            id="the endpoint's group is not among those that were read",
        ),
        pytest.param(
            [*SILENT, *configured(read(ENDPOINT_INTERFACES, failed="timeout"))], id="the interfaces were not read"
        ),
        pytest.param(SILENT, id="nothing was read"),
    ],
)
def test_vpc005_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC005", observations) == []


def test_vpc005_holds_in_a_shared_vpc_where_the_group_can_be_read() -> None:
    assert rule_findings("VPC005", [*SILENT, *configured(SHUT, *shared_vpc())])


@pytest.mark.parametrize(
    ("changed", "is_owners"),
    [
        pytest.param((with_interfaces(), *shared_vpc()), True, id="in a shared VPC, whose endpoint is not seen"),
        pytest.param(shared_vpc(), False, id="in a shared VPC, with an endpoint of this account"),
        pytest.param((with_interfaces(),), False, id="in this account's VPC"),
    ],
)
def test_only_the_owner_of_a_shared_vpc_can_admit_this_host(changed: Observations, is_owners: bool) -> None:
    fix = judged([*SILENT, imds(account=ACCOUNT), *configured(SHUT, *changed)])["TCP001@backup"].fix
    assert fix is not None
    assert (ANOTHER_ACCOUNT in fix.summary) is is_owners
    assert any("authorize-security-group-ingress" in command.argv for command in fix.commands) is not is_owners


@pytest.mark.parametrize(
    ("changed", "is_owners"),
    [
        pytest.param((with_interfaces(), *shared_vpc()), True, id="in a shared VPC, whose endpoint is not seen"),
        pytest.param((with_interfaces(),), False, id="in this account's VPC"),
    ],
)
def test_only_the_owner_of_a_shared_vpc_can_admit_a_gateway(changed: Observations, is_owners: bool) -> None:
    closed: Observations = [tcp(A, of="backup-gateway"), tcp(A, port=1026, of="backup-gateway", failed="timeout")]
    seen: Observations = [host(), imds(account=ACCOUNT), lookup(A, of="backup-gateway"), *closed]
    fix = judged([*seen, *configured(*changed)], GATEWAY)["TCP003@backup-gateway"].fix
    assert any("authorize-security-group-ingress" in command.argv for command in fix.commands) is not is_owners


def test_two_causes_of_one_fault_are_both_named() -> None:
    findings = judged([*SILENT, *configured(with_groups(admitting("10.0.9.0/24"), letting_out("10.0.9.0/24")))])
    assert {"VPC005@backup", "VPC012@backup"} <= findings.keys()
    assert findings["TCP001@backup"].explained_by in ("VPC005@backup", "VPC012@backup")


def test_causes_at_some_of_the_addresses_are_named_beside_one_at_all() -> None:
    findings = judged([*SILENT, *configured(SHUT, acls(subnet_id=ENDPOINT_SUBNET_IDS[1]))])
    assert {"VPC005@backup", "VPC006@backup"} <= findings.keys()
    assert findings["TCP001@backup"].explained_by == "VPC005@backup"


PRIVATE_NAT = "nat-0d1b2c3d"
CENTRAL = "10.40.1.17"
IN_ANOTHER_VPC = with_interfaces(
    interface(ENDPOINT_INTERFACE_IDS[0], CENTRAL, subnet_id=ENDPOINT_SUBNET_IDS[0], vpc_id=ANOTHER_VPC_ID)
)


def by_way_of(through: str, *changed: Observation[Any]) -> Observations:
    """An endpoint in another VPC that does not answer. A route leads to it through `through`."""
    route = Route(destination=ip_network("10.40.0.0/16"), target=through)
    reads = configured(with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)), IN_ANOTHER_VPC, tables(route), *changed)
    return [*here("backup", CENTRAL), tcp(CENTRAL, failed="timeout"), *reads]


@pytest.mark.parametrize(
    ("through", "source"),
    [
        pytest.param(PRIVATE_NAT, "<NAT_ADDRESS>/32", id="a NAT gateway sends from its own"),
        pytest.param("eni-0d1b2c3d", "<MIDDLEBOX_ADDRESS>/32", id="another middlebox may"),
        pytest.param("vpce-0d1b2c3d", "10.0.3.5/32", id="a Gateway Load Balancer endpoint keeps this host's"),
        pytest.param("pcx-0d1b2c3d", "10.0.3.5/32", id="peering is not a detour"),
    ],
)
def test_vpc005_admits_the_address_that_the_endpoint_sees(through: str, source: str) -> None:
    nobody = with_groups(SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=()))
    (one,) = rule_findings("VPC005", by_way_of(through, nobody))
    assert [command.argv[-1] for command in one.fix.commands] == [source]


# --- VPC012 egress-blocked -------------------------------------------------------------------------------------------

CLOSED = with_groups(letting_out("0.0.0.0/0", port=80))
"""A configuration in which this host's group allows outbound traffic only to port 80."""


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*SILENT, *configured()], id="the group lets everything out"),
        pytest.param([*here("backup", A, B), *climbed(A, B), *configured(CLOSED)], id="it connects"),
        pytest.param(
            [*SILENT, *configured(read(SECURITY_GROUPS, SecurityGroupsFacts(groups=groups()[1:])))],
            id="the own group was not read",
        ),
        pytest.param([*SILENT, *configured(with_groups(letting_out("10.0.0.0/16")))], id="443 to the VPC is let out"),
    ],
)
def test_vpc012_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC012", observations) == []


# --- VPC006 network-acl-blocks ---------------------------------------------------------------------------------------

NO_ANSWERS = acls(entry(100, 0, 65535, egress=True), entry(100, 443, 443))
"""An ACL of the host's subnet that lets no answers in, since it blocks the ports to which they are sent."""


def numbers(observations: Observations, *targets: Target) -> list[tuple[str, str, str]]:
    """The direction, rule number and ports of each command."""
    (one,) = rule_findings("VPC006", observations, *targets)
    words = [command.argv for command in one.fix.commands]
    return [(word[7], word[word.index("--rule-number") + 1], word[word.index("--port-range") + 1]) for word in words]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param((entry(90, 443, 443, egress=True, allow=False),), "10", id="nothing before the deny"),
        pytest.param(
            (entry(80, 22, 22, egress=True), entry(90, 443, 443, egress=True, allow=False)), "85", id="between two"
        ),
        pytest.param(
            (entry(89, 22, 22, egress=True), entry(90, 443, 443, egress=True, allow=False)), "88", id="no room between"
        ),
        pytest.param(
            (
                entry(50, 1, 500, egress=True, allow=False),
                entry(90, 443, 443, egress=True, allow=False),
            ),
            "10",
            id="before the first of two that deny",
        ),
        pytest.param((entry(200, 22, 22, egress=True),), "210", id="the last entry denies"),
        pytest.param((entry(200, 22, 22), entry(7, 22, 22, egress=True)), "17", id="inbound numbers are others'"),
    ],
)
def test_vpc006_finds_a_number_in_front_of_the_deny(entries: tuple[AclEntry, ...], expected: str) -> None:
    answers_pass = entry(300, 1024, 65535)
    observations = [*here("backup", A), tcp(A, failed="timeout"), *configured(acls(*entries, answers_pass))]
    assert numbers(observations) == [("--egress", expected, "From=443,To=443")]


def test_vpc006_sees_all_four_passages() -> None:
    first = ENDPOINT_SUBNET_IDS[0]
    into_endpoint = acls(entry(100, 80, 80), entry(100, 0, 65535, egress=True), subnet_id=first)
    assert numbers([*here("backup", A), tcp(A, failed="timeout"), *configured(into_endpoint)]) == [
        ("--ingress", "110", "From=443,To=443")
    ]
    out_of_endpoint = acls(entry(100, 443, 443), entry(100, 443, 443, egress=True), subnet_id=first)
    assert numbers([*here("backup", A), tcp(A, failed="timeout"), *configured(out_of_endpoint)]) == [
        ("--egress", "110", "From=32768,To=60999")
    ]


INTO_443_ALONE = acls(
    entry(100, 443, 443),
    entry(110, 32768, 65535),
    entry(100, 0, 65535, egress=True),
    subnet_id=ENDPOINT_SUBNET_IDS[0],
)
"""An ACL that blocks incoming traffic to the ports of Backup gateway, since it only allows 443 and high ports."""
ALL_INTO_ENDPOINT = with_groups(
    SecurityGroup(
        group_id=ENDPOINT_GROUP_ID, rules=(GroupRule(from_port=0, to_port=65535, cidr=ip_network("10.0.0.0/16")),)
    )
)
SHUT_TO_GATEWAY = [*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY, INTO_443_ALONE, ALL_INTO_ENDPOINT)]


def test_vpc005_is_silent_where_the_network_acl_alone_shuts_the_ports_of_a_gateway() -> None:
    assert rule_findings("VPC005", SHUT_TO_GATEWAY, GATEWAY) == []


ANSWERS_IN_PART = acls(entry(100, 0, 65535, egress=True), entry(100, 40000, 65535))


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*SILENT, *configured()], id="the default ACL"),
        pytest.param([*here("backup", A, B), *climbed(A, B), *configured(NO_ANSWERS)], id="it connects"),
        pytest.param([*SILENT, *configured(read(NETWORK_ACLS, failed="not-permitted"))], id="ACLs were not read"),
        pytest.param(
            [
                *here("backup", "10.0.3.17"),
                tcp("10.0.3.17", failed="timeout"),
                *configured(
                    NO_ANSWERS,
                    with_interfaces(interface(ENDPOINT_INTERFACE_IDS[0], "10.0.3.17", subnet_id=OWN_SUBNET_ID)),
                ),
            ],
            id="inside one subnet no ACL is asked",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(ANSWERS_IN_PART, SHUT)],
            id="answers that pass in part, where something else blocks",
        ),
    ],
)
def test_vpc006_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC006", observations) == []


# --- VPC007 route-blocks ---------------------------------------------------------------------------------------------

BLACKHOLE = Route(destination=ip_network("10.0.1.0/24"), target="eni-0d1b2c3d", state="blackhole")


OUT = Route(destination=ip_network("10.40.0.0/16"), target="pcx-0a1b2c3d")
FAR_TABLE = RouteTable(
    table_id="rtb-0b1b2c3d",
    vpc_id=ANOTHER_VPC_ID,
    main=True,
    subnet_ids=(),
    routes=(
        Route(destination=ip_network("10.40.0.0/16")),
        Route(destination=ip_network("10.9.0.0/16"), target="pcx-0a1b2c3d"),
    ),
)


CENTRAL_IS_SILENT: Observations = [*here("backup", CENTRAL), tcp(CENTRAL, failed="timeout")]
THROUGH_FIREWALL = tables(Route(destination=ip_network("10.0.1.0/24"), target="vpce-0d1b2c3d"))


# --- VPC007 and VPC006, over a transit gateway -----------------------------------------------------------------------

TO_GATEWAY = Route(destination=ip_network("10.40.0.0/16"), target="tgw-0a1b2c3d")
BACK_TABLE = replace(
    FAR_TABLE,
    routes=(FAR_TABLE.routes[0], Route(destination=ip_network("10.0.0.0/16"), target="tgw-0a1b2c3d")),
)
HERE_ATTACHED = TransitAttachment(
    attachment_id="tgw-attach-0a1b2c3d",
    gateway_id="tgw-0a1b2c3d",
    kind="vpc",
    resource_id=VPC_ID,
    state="available",
    table_id="tgw-rtb-0a1b2c3d",
    subnet_ids=(ENDPOINT_SUBNET_IDS[0],),
)
THERE_ATTACHED = replace(
    HERE_ATTACHED,
    attachment_id="tgw-attach-0b1b2c3d",
    resource_id=ANOTHER_VPC_ID,
    table_id="tgw-rtb-0b1b2c3d",
    subnet_ids=("subnet-0f1b2c3d",),
)
TO_THE_OTHER = TransitRoute(
    destination=ip_network("10.40.0.0/16"),
    attachment_ids=("tgw-attach-0b1b2c3d",),
    kind="vpc",
    resource_ids=(ANOTHER_VPC_ID,),
)
TO_THIS = replace(
    TO_THE_OTHER,
    destination=ip_network("10.0.0.0/16"),
    attachment_ids=("tgw-attach-0a1b2c3d",),
    resource_ids=(VPC_ID,),
)


def over_transit(
    there: tuple[TransitRoute, ...] = (TO_THE_OTHER,),
    home: tuple[TransitRoute, ...] = (TO_THIS,),
    *changed: Any,
    near: TransitAttachment = HERE_ATTACHED,
) -> Observations:
    """A connect to an endpoint in another VPC that gets no answer. A transit gateway is on the path."""
    tables_of_gateway = (
        TransitTable(table_id="tgw-rtb-0a1b2c3d", routes=there),
        TransitTable(table_id="tgw-rtb-0b1b2c3d", routes=home),
    )
    transit = TransitFacts(attachments=(near, THERE_ATTACHED), tables=tables_of_gateway)
    reads = (
        with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)),
        IN_ANOTHER_VPC,
        tables(TO_GATEWAY, also=(BACK_TABLE,)),
        read(TRANSIT, transit),
    )
    return [*here("backup", CENTRAL), tcp(CENTRAL, failed="timeout"), *configured(*reads, *changed)]


SHUT_WHERE_ATTACHED = NetworkAcl(
    acl_id="acl-0d1b2c3d",
    vpc_id=VPC_ID,
    default=False,
    subnet_ids=(ENDPOINT_SUBNET_IDS[0],),
    entries=tuple(AclEntry(number=100, egress=egress, allow=egress, cidr=_ANYWHERE) for egress in (True, False)),
)
OTHER_SUBNETS = replace(
    network_acl(),
    subnet_ids=(
        *(name for name in network_acl().subnet_ids if name not in SHUT_WHERE_ATTACHED.subnet_ids),
        *THERE_ATTACHED.subnet_ids,
    ),
)
BY_ACL_OF_ATTACHMENT = over_transit(
    (TO_THE_OTHER,), (TO_THIS,), read(NETWORK_ACLS, NetworkAclsFacts(acls=(OTHER_SUBNETS, SHUT_WHERE_ATTACHED)))
)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(over_transit(), id="a transit gateway with a way there and back"),
        pytest.param(BY_ACL_OF_ATTACHMENT, id="a transit gateway, and a network ACL before it"),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(THROUGH_FIREWALL, SHUT)],
            id="a firewall on the way, where something else blocks",
        ),
        pytest.param([*SILENT, *configured()], id="the local route"),
        pytest.param([*here("backup", A), *climbed(A), *configured(tables(BLACKHOLE))], id="it connects"),
        pytest.param(
            [*here("backup", B), tcp(B, failed="timeout"), *configured(tables(BLACKHOLE))], id="another address"
        ),
        pytest.param(
            [
                *here("backup", A),
                tcp(A, failed="unreachable", route_error="ENETUNREACH", at_once=True),
                *configured(tables(BLACKHOLE)),
            ],
            id="this host itself has no route",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(read(ROUTE_TABLES, failed="timeout"))],
            id="tables were not read",
        ),
        pytest.param(
            [
                *here("backup", CENTRAL),
                tcp(CENTRAL, failed="timeout"),
                *configured(
                    with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)),
                    IN_ANOTHER_VPC,
                    tables(Route(destination=ip_network("10.40.0.0/16"), target="tgw-0a1b2c3d")),
                ),
            ],
            id="what a transit gateway does cannot be seen",
        ),
    ],
)
def test_vpc007_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC007", observations) == []


# --- VPC004 endpoint-not-available -----------------------------------------------------------------------------------

FAILED = replace(
    endpoint(state="failed"),
    error_code="InsufficientFreeAddressesInSubnet",
    error_message="The subnet has no free addresses.",
)


@pytest.mark.parametrize(
    "state", ["pendingacceptance", "rejected", "failed", "expired", "deleting", "partial", "unheard-of"]
)
def test_vpc004_in_every_state_but_three(state: str) -> None:
    (one,) = rule_findings("VPC004", [*SILENT, *configured(with_endpoints(endpoint(state=state)))])
    assert f"{ENDPOINT_ID} has the state {state}." in one.detail
    assert judged([*SILENT, *configured(with_endpoints(endpoint(state=state)))])["VPC004@backup"].severity is (
        Severity.CRITICAL
    )


ANOTHER_ID = "vpce-0b1b2c3d"


def another(*, vpc_id: str = VPC_ID, state: str = AVAILABLE) -> VpcEndpoint:
    """An endpoint without private DNS, whose interfaces have none of the addresses in use."""
    return endpoint(ANOTHER_ID, private_dns=False, interface_ids=(), vpc_id=vpc_id, state=state)


@pytest.mark.parametrize(
    ("other", "serves"),
    [
        pytest.param(another(), True, id="private DNS is off"),
        pytest.param(another(vpc_id=ANOTHER_VPC_ID), False, id="in another VPC"),
        pytest.param(another(state="deleted"), False, id="deleted as well"),
    ],
)
def test_vpc004_names_an_available_endpoint_that_lacks_private_dns(other: VpcEndpoint, serves: bool) -> None:
    endpoints = with_endpoints(endpoint(state="deleting"), other)
    (one,) = rule_findings("VPC004", [*SILENT, *configured(endpoints)])
    assert (ANOTHER_ID in one.fix.summary) is serves
    assert (ANOTHER_ID in [subject.id for subject in one.subjects]) is serves


PUBLIC_ANSWER: Observations = [host(), imds(), lookup("52.95.111.30"), answer("52.95.111.30"), tcp("52.95.111.30")]


PENDING_ENDPOINT = endpoint(state="pending")


def test_vpc004_of_a_pending_endpoint_warns_where_everything_works() -> None:
    works = [*here("backup", A), *climbed(A)]
    (one,) = rule_findings("VPC004", [*works, *configured(with_endpoints(PENDING_ENDPOINT))])
    assert (one.severity, one.addresses) == (Severity.WARNING, frozenset())
    assert rule_findings("VPC004", [*works, *configured(with_endpoints(FAILED))]) == []


def test_vpc004_of_a_pending_endpoint_beside_one_that_failed_is_as_bad_as_that() -> None:
    both = with_endpoints(FAILED, endpoint("vpce-0b1b2c3d", state="pending"))
    observations = [*SILENT, *configured(both, with_interfaces())]
    assert judged(observations)["VPC004@backup"].severity is Severity.CRITICAL


def test_vpc004_of_a_pending_endpoint_is_no_warning_for_a_host_that_does_not_use_it() -> None:
    reads = configured(with_endpoints(PENDING_ENDPOINT))
    assert "VPC004@backup" not in public_run([*PUBLIC_ANSWER, *reads])
    broken = [observation for observation in PUBLIC_ANSWER if observation.id != f"tcp/backup/{PUBLIC}/443"]
    findings = public_run([*broken, tcp(PUBLIC, failed="timeout"), *reads])
    assert findings["VPC004@backup"].severity is Severity.INFO


def test_vpc004_of_a_pending_endpoint_does_not_explain_why_the_name_is_public() -> None:
    findings = judged([*PUBLIC_ANSWER, *configured(with_endpoints(PENDING_ENDPOINT))])
    assert findings["DNS001@backup"].explained_by is None
    assert findings["VPC004@backup"].severity is Severity.WARNING


def test_vpc004_stands_beside_private_dns_that_is_off_as_well() -> None:
    observations = [*PUBLIC_ANSWER, *configured(with_endpoints(endpoint(state="pending", private_dns=False)))]
    findings = judged(observations)
    assert findings["DNS001@backup"].explained_by == "VPC002@backup"
    assert findings["VPC004@backup"].explained_by is None
    assert findings["VPC004@backup"].severity is Severity.WARNING


def public_run(observations: Observations) -> dict[str, Finding]:
    return {finding.id: finding for finding in diagnose(seen(observations, expect=Expect.PUBLIC), RULES).findings}


def test_vpc004_is_silent_where_the_name_is_public_as_it_should_be() -> None:
    reads = configured(with_endpoints(endpoint(state="rejected", private_dns=False)))
    assert "VPC004@backup" not in public_run([*PUBLIC_ANSWER, *reads])
    broken = [observation for observation in PUBLIC_ANSWER if observation.id != f"tcp/backup/{PUBLIC}/443"]
    findings = public_run([*broken, tcp(PUBLIC, failed="timeout"), *reads])
    assert findings["VPC004@backup"].severity is Severity.INFO
    assert findings["TCP001@backup"].explained_by is None


def test_vpc004_blames_no_address_that_is_somebody_else_s() -> None:
    elsewhere = "10.9.1.5"
    observations = [*here("backup", elsewhere), tcp(elsewhere, failed="timeout")]
    reads = configured(with_endpoints(replace(FAILED, private_dns=False)))
    (one,) = rule_findings("VPC004", [*observations, *reads])
    assert one.addresses == frozenset()
    findings = judged([*observations, *reads])
    assert findings["VPC004@backup"].severity is Severity.INFO
    assert findings["TCP001@backup"].explained_by != "VPC004@backup"
    mixed = [*here("backup", A, elsewhere), tcp(A, failed="timeout"), tcp(elsewhere, failed="timeout")]
    (other,) = rule_findings("VPC004", [*mixed, *reads])
    assert other.addresses == frozenset({ip_address(A)})


def test_vpc004_blames_no_address_that_connects() -> None:
    observations = [*here("backup", A, B), *climbed(A), tcp(B, failed="timeout")]
    (one,) = rule_findings("VPC004", [*observations, *configured(with_endpoints(FAILED))])
    assert one.addresses == frozenset({ip_address(B)})
    assert one.evidence == (f"tcp/backup/{B}/443", "ec2/endpoints")


def test_vpc004_blames_an_address_of_this_vpc_that_nobody_is_known_to_have() -> None:
    (one,) = rule_findings("VPC004", [*SILENT, *configured(with_endpoints(FAILED), with_interfaces())])
    assert one.addresses == frozenset(map(ip_address, PRIVATE))


def test_vpc004_explains_silence_and_nothing_else() -> None:
    reads = configured(with_endpoints(FAILED))
    refused = judged([*here("backup", A, B), *(tcp(address, failed="reset") for address in PRIVATE), *reads])
    assert refused["TCP004@backup"].explained_by is None
    assert refused["VPC004@backup"].severity is Severity.CRITICAL
    stuck = judged(
        [*here("backup", A, B), *(tcp(e, failed="unreachable", route_error="ENETUNREACH") for e in PRIVATE), *reads]
    )
    assert stuck["TCP006@backup"].explained_by is None
    assert stuck["VPC004@backup"].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        pytest.param({"neighbour": "failed"}, "VPC004@backup", id="nobody on this subnet has the address"),
        pytest.param({"neighbour": "failed", "next_hop": "10.0.1.1"}, None, id="the router does not answer"),
        pytest.param({"route_error": "ENETUNREACH"}, None, id="this host has no route"),
        pytest.param({"icmp": ("10.0.1.1", 1)}, None, id="a router has no way"),
    ],
)
def test_vpc004_explains_that_nobody_has_the_address(how: dict[str, Any], cause: str | None) -> None:
    observations = [*here("backup", A), tcp(A, failed="unreachable", seconds=3.0, **how)]
    findings = judged([*observations, *configured(with_endpoints(FAILED))])
    assert findings["TCP006@backup"].explained_by == cause


OF_ANOTHER_REGION = replace(BACKUP, region="us-east-1", host="backup.us-east-1.amazonaws.com")
CUSTOM = target(host="backup.corp.example.com", addressing=Addressing.CUSTOM)
BARE = target(host="vpce-0f1b2c3d", addressing=Addressing.VPCE)


@pytest.mark.parametrize(
    ("host_of_it", "at"),
    [
        pytest.param(OF_ANOTHER_REGION, "10.77.0.5", id="another Region's"),
        pytest.param(OF_ANOTHER_REGION, A, id="another Region's, at an address of this VPC"),
        pytest.param(CUSTOM, "10.9.0.5", id="a name of one's own that leads elsewhere"),
        pytest.param(BARE, None, id="an id that EC2 does not list"),
    ],
)
def test_vpc004_says_nothing_of_a_target_that_the_endpoint_is_not_for(host_of_it: Target, at: str | None) -> None:
    observations: Observations = [host(), imds()]
    if at is not None:
        observations = [*here(host_of_it.id, at), tcp(at, of=host_of_it.id, failed="timeout")]
    assert rule_findings("VPC004", [*observations, *configured(with_endpoints(FAILED))], host_of_it) == []


def test_vpc004_of_a_name_of_one_s_own_that_leads_to_the_endpoint() -> None:
    observations = [*here(CUSTOM.id, A), tcp(A, of=CUSTOM.id, failed="timeout"), *configured(with_endpoints(FAILED))]
    (one,) = rule_findings("VPC004", observations, CUSTOM)
    assert one.addresses == frozenset({ip_address(A)})


@pytest.mark.parametrize("state", ["failed", "deleted", "rejected"])
def test_vpc004_is_why_an_endpoint_s_own_name_is_gone(state: str) -> None:
    own = target(host=f"{ENDPOINT_ID}-abcd1234.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE)
    observations: Observations = [host(), sdk(), imds(), proxy(of=own.id), lookup(of=own.id, failed="nxdomain")]
    observations += [answer(of=own.id, failed="nxdomain", by=address) for address in (RESOLVER, VPC_RESOLVER)]
    findings = judged([*observations, *configured(with_endpoints(endpoint(state=state)))], own)
    assert findings[f"DNS003@{own.id}"].explained_by == f"VPC004@{own.id}"
    assert findings[f"VPC004@{own.id}"].severity is Severity.CRITICAL


def test_vpc004_is_not_why_the_name_of_the_service_is_gone() -> None:
    observations: Observations = [host(), sdk(), imds(), proxy(), lookup(failed="nxdomain")]
    observations += [answer(failed="nxdomain", by=address) for address in (RESOLVER, VPC_RESOLVER)]
    findings = judged([*observations, *configured(with_endpoints(FAILED))])
    assert findings["DNS003@backup"].explained_by is None
    assert findings["VPC004@backup"].severity is Severity.INFO


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*SILENT, *configured()], id="it is available"),
        pytest.param(
            [*SILENT, *configured(with_endpoints(replace(FAILED, interface_ids=()), endpoint("vpce-0b1b2c3d")))],
            id="one that is available has the addresses",
        ),
        pytest.param(
            [*SILENT, *configured(with_endpoints(FAILED, endpoint("vpce-0b1b2c3d")), with_interfaces())],
            id="one that is available may have the addresses",
        ),
        pytest.param(
            [*SILENT, *configured(with_endpoints(endpoint(state="deleted")))], id="a deleted endpoint does not count"
        ),
        pytest.param([*SILENT, *configured(with_endpoints())], id="there is none"),
        pytest.param(
            [*PUBLIC_ANSWER, *configured(with_endpoints(replace(FAILED, vpc_id=ANOTHER_VPC_ID)))],
            id="it is in another VPC",
        ),
        pytest.param(
            [*here("backup", A, B), *climbed(A, B), *configured(with_endpoints(FAILED))],
            id="every address connects: another endpoint serves",
        ),
        pytest.param([*SILENT, *configured(read(ENDPOINTS, failed="timeout"))], id="endpoints were not read"),
        pytest.param(
            [*SILENT, *configured(with_endpoints(endpoint(service="backup-gateway", state="failed")))],
            id="another service's",
        ),
    ],
)
def test_vpc004_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC004", observations) == []


# --- What the findings say -------------------------------------------------------------------------------------------

A_IS_SILENT: Observations = [*here("backup", A), tcp(A, failed="timeout")]
FIRST, SECOND = "sg-0f1b2c3d", "sg-0f2b2c3d"
BOTH = (ENDPOINT_GROUP_ID, FIRST)


def aged(reads: Observations, days: float) -> Observations:
    """The reads as a facts file has them that is this many days old."""
    return [replace(observation, started_at=configured(days_old=days)[0].started_at) for observation in reads]


FINDINGS: Final = {
    "VPC005 another subnet alone": seen([*SILENT, *configured(SHUT)]),
    "VPC005 an optional target": seen([*SILENT, *configured(SHUT)], optional(BACKUP)),
    "VPC005 old facts": seen([*SILENT, *aged(configured(SHUT), 7)]),
    "VPC005 the ports of a gateway": seen([*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY)], GATEWAY),
    **{
        f"VPC005 a gateway whose group admits {who}": seen(admitting_also(*rules), GATEWAY)
        for who, rules in ALSO_ADMITTED.items()
    },
    "VPC005 a gateway, and a group that the endpoint has not": seen(
        [
            *gateway(1031),
            *configured(OF_GATEWAY, with_groups(admitting("10.0.9.0/24", port=1031, group_id=FIRST))),
        ],
        GATEWAY,
    ),
    "VPC005 a gateway whose endpoint has two groups alike": seen(
        [
            *gateway(1031),
            *configured(
                OF_GATEWAY,
                *of_groups(
                    *(admitting("10.0.9.0/24", port=1031, group_id=group_id) for group_id in BOTH), interfaces=BOTH
                ),
            ),
        ],
        GATEWAY,
    ),
    "VPC005 by IPv6": seen(by_ipv6(with_groups(ALL_IPV6_OUT))),
    "VPC005 a gateway by IPv6": seen(
        by_ipv6(OF_GATEWAY, with_groups(ALL_IPV6_OUT), of="backup-gateway", silent=1031, also=[443]), GATEWAY
    ),
    "VPC005 two groups, one with such rules": seen(
        [
            *SILENT,
            *configured(
                *of_groups(
                    admitting("10.0.9.0/24", port=22, group_id=FIRST),
                    admitting("10.0.9.0/24", group_id=SECOND),
                    interfaces=(FIRST, SECOND),
                )
            ),
        ]
    ),
    "VPC005 two groups, none with such rules": seen(
        [
            *SILENT,
            *configured(
                *of_groups(
                    *(admitting("10.0.9.0/24", port=22, group_id=group_id) for group_id in (FIRST, SECOND)),
                    interfaces=(FIRST, SECOND),
                )
            ),
        ]
    ),
    "VPC005 an id that has not the form of one": seen(
        [
            *SILENT,
            *configured(*of_groups(admitting("10.0.9.0/24", group_id="sg-; reboot"), interfaces=["sg-; reboot"])),
        ]
    ),
    "VPC005 the support channel, beside a port that is needed": seen(
        [*gateway(1031, 2222), *configured(OF_GATEWAY)], GATEWAY
    ),
    "VPC012 80 alone is let out": seen([*SILENT, *configured(CLOSED)]),
    "VPC012 the ports of a gateway": seen(
        [*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY, with_groups(letting_out("10.0.0.0/16")))], GATEWAY
    ),
    "VPC012 443 and the ports of a gateway": seen(
        [*gateway(443, *GATEWAY_PORTS), *configured(OF_GATEWAY, with_groups(letting_out("10.0.9.0/24")))], GATEWAY
    ),
    "VPC012 by IPv6": seen(by_ipv6(with_groups(admitting("2600:1f18::/56")))),
    "VPC006 no answers": seen([*SILENT, *configured(NO_ANSWERS)]),
    "VPC006 the last entries of both families": seen(
        by_ipv6(
            acls(
                entry(100, 0, 65535, egress=True),
                entry(200, 1024, 65535, cidr="::/0"),
                AclEntry(number=32768, egress=True, allow=False, cidr=ip_network("::/0")),
            )
        )
    ),
    "VPC006 no number is free": seen(
        [
            *A_IS_SILENT,
            *configured(
                acls(
                    *(entry(number, 22, 22, egress=True) for number in range(1, 4)),
                    entry(4, 443, 443, egress=True, allow=False),
                    entry(9, 1024, 65535),
                )
            ),
        ]
    ),
    "VPC006 the ports of a gateway": seen(SHUT_TO_GATEWAY, GATEWAY),
    "VPC006 the ports of a gateway, from this host's subnet": seen(
        [
            *gateway(*GATEWAY_PORTS),
            *configured(OF_GATEWAY, acls(entry(100, 443, 443, egress=True), entry(100, 1024, 65535))),
        ],
        GATEWAY,
    ),
    "VPC006 443 and the ports of a gateway": seen(
        [
            *gateway(443, *GATEWAY_PORTS),
            *configured(
                OF_GATEWAY,
                acls(entry(100, 80, 80), entry(100, 0, 65535, egress=True), subnet_id=ENDPOINT_SUBNET_IDS[0]),
            ),
        ],
        GATEWAY,
    ),
    "VPC006 by way of a NAT gateway": seen(by_way_of(PRIVATE_NAT, acls(subnet_id=ENDPOINT_SUBNET_IDS[0]))),
    "VPC006 a part of the answers": seen([*A_IS_SILENT, *configured(ANSWERS_IN_PART)]),
    "VPC006 the subnet in which the VPC is attached": seen(BY_ACL_OF_ATTACHMENT),
    "VPC007 a blackhole": seen([*A_IS_SILENT, *configured(tables(BLACKHOLE))]),
    "VPC007 no way back": seen(
        [
            *CENTRAL_IS_SILENT,
            *configured(
                with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)), IN_ANOTHER_VPC, tables(OUT, also=(FAR_TABLE,))
            ),
        ]
    ),
    "VPC007 no way to a central endpoint": seen(
        [*CENTRAL_IS_SILENT, *configured(with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)), IN_ANOTHER_VPC)]
    ),
    "VPC007 a firewall on the way": seen([*A_IS_SILENT, *configured(THROUGH_FIREWALL)]),
    "VPC007 a transit gateway without a way there": seen(over_transit(())),
    "VPC007 a transit gateway without a way back": seen(over_transit(home=())),
    "VPC007 an attachment that goes": seen(over_transit(near=replace(HERE_ATTACHED, state="deleting"))),
    "VPC004 failed": seen([*SILENT, *configured(with_endpoints(FAILED))]),
    "VPC004 pending": seen([*SILENT, *configured(with_endpoints(PENDING_ENDPOINT))]),
    "VPC004 failed, and the name is public": seen([*PUBLIC_ANSWER, *configured(with_endpoints(FAILED))]),
    "VPC004 the addresses in use, beside one that is available": seen(
        [*SILENT, *configured(with_endpoints(FAILED, endpoint("vpce-0b1b2c3d", interface_ids=())))]
    ),
    "VPC004 old facts": seen([*SILENT, *aged(configured(with_endpoints(FAILED)), 2)]),
}
