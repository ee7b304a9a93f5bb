"""VPC rules about paths: a fault that was measured, and what in the configuration brings it about."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.judge.rules.vpc import acls as acl_rules
from agent.judge.rules.vpc import endpoint_state, routes
from agent.judge.rules.vpc import groups as group_rules
from agent.report.model import Command, Finding, SubjectKind
from agent.settings import Expect
from probes.model import Addressing, Observation, Target
from probes.vpc.model import (
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
from tests.support.aws_commands import complaint
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
    ACL_ID,
    ANOTHER_VPC_ID,
    ENDPOINT_GROUP_ID,
    ENDPOINT_ID,
    ENDPOINT_INTERFACE_IDS,
    ENDPOINT_SUBNET_IDS,
    OWN_GROUP_ID,
    OWN_SUBNET_ID,
    TABLE_ID,
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
"""443 times out at both addresses."""
_ANYWHERE = ip_network("0.0.0.0/0")


def rule_findings(code: str, observations: Iterable[Observation[Any]], *targets: Target) -> list[RuleFinding]:
    """What the rule alone says."""
    return findings_of(rule_of(RULES, code), evidence(observations, targets=targets or (BACKUP,), of=run()))


def judged(observations: Iterable[Observation[Any]], *targets: Target) -> dict[str, Finding]:
    """The findings of all rules, by their ids."""
    seen = evidence(observations, targets=targets or (BACKUP,), of=run(ec2_reads=True))
    return {finding.id: finding for finding in diagnose(seen, RULES).findings}


def lines(commands: Iterable[Command]) -> list[str]:
    return [" ".join(command.argv) for command in commands]


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
    """The default ACL, but for one subnet, which has one with these entries."""
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
"""The endpoint's group allows another subnet."""


# --- VPC005 security-group-blocks ------------------------------------------------------------------------------------


def test_vpc005_names_group_port_source_and_addresses() -> None:
    (one,) = rule_findings("VPC005", [*SILENT, *configured(SHUT)])
    assert one.target == "backup"
    assert one.detail == (
        f"443 timed out on {A} and {B}. EC2 says: no rule of {ENDPOINT_GROUP_ID} allows tcp 443 from 10.0.3.5; it "
        "allows tcp 443 from 10.0.9.0/24 only."
    )
    assert one.addresses == frozenset(map(ip_address, PRIVATE))
    assert one.evidence == (
        *(f"tcp/backup/{address}/443" for address in PRIVATE),
        *(f"ec2/{name}" for name in ("endpoints", "endpoint-interfaces", "own-interfaces", "security-groups")),
    )
    assert not one.is_stale
    assert one.fix.summary == f"Allow 443 in {ENDPOINT_GROUP_ID} from this host."
    assert lines(one.fix.commands) == [
        f"aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id {ENDPOINT_GROUP_ID} "
        "--protocol tcp --port 443 --cidr 10.0.3.5/32"
    ]
    assert one.fix.commands[0].reversible
    assert one.fix.commands[0].undo is not None
    assert complaint(one.fix.commands[0].argv) is None


def gateway(*closed: int) -> Observations:
    """A gateway's endpoint at one address, with these ports silent; the healthy reads name it in place of Backup's."""
    observations = [*here("backup-gateway", A), *climbed(A, of="backup-gateway", but=closed)]
    return [*observations, *(tcp(A, port, of="backup-gateway", failed="timeout") for port in closed)]


OF_GATEWAY = with_endpoints(endpoint(service="backup-gateway"))


def test_vpc005_admits_the_appliance_and_not_this_host_on_the_ports_of_a_gateway() -> None:
    (one,) = rule_findings("VPC005", [*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY)], GATEWAY)
    assert one.detail == (
        f"1026, 1027, 1028 and 1031 timed out on {A}. EC2 says: no rule of {ENDPOINT_GROUP_ID} allows tcp 1026, 1027, "
        "1028 and 1031 from 10.0.3.5; it allows tcp 443 from 10.0.0.0/16 only."
    )
    assert "This host is not the appliance" in one.fix.summary
    assert lines(one.fix.commands) == [
        f"aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id {ENDPOINT_GROUP_ID} "
        f"--protocol tcp --port {ports} --cidr <APPLIANCE_SUBNET_CIDR>"
        for ports in ("1026-1028", "1031")  # no service uses 1029 and 1030 here
    ]
    assert [why for command in one.fix.commands if (why := complaint(command.argv)) is not None] == []


ALLOW_APPLIANCE = f"llow 1026 and 1031 in {ENDPOINT_GROUP_ID} from the gateway appliance's subnet."


@pytest.mark.parametrize(
    ("rules", "first"),
    [
        pytest.param(
            [GroupRule(from_port=1026, to_port=1031, cidr=ip_network("10.0.9.0/24"))],
            f"{ENDPOINT_GROUP_ID} allows 1026 and 1031 from 10.0.9.0/24: if that is the appliance's subnet, nothing is "
            f"missing. Otherwise a{ALLOW_APPLIANCE}",
            id="a range from another subnet",
        ),
        pytest.param(
            [GroupRule(from_port=1026, to_port=1028, cidr=ip_network("10.0.9.0/24"))],
            f"{ENDPOINT_GROUP_ID} allows 1026 from 10.0.9.0/24: if that is the appliance's subnet, only 1031 is "
            f"missing. Otherwise a{ALLOW_APPLIANCE}",
            id="some of them",
        ),
        pytest.param(
            [GroupRule(from_port=port, to_port=port, referenced_group_id="sg-0f1b2c3d") for port in (1026, 1031)],
            f"{ENDPOINT_GROUP_ID} allows 1026 and 1031 from members of sg-0f1b2c3d: if the appliance has that group, "
            f"nothing is missing. Otherwise a{ALLOW_APPLIANCE}",
            id="members of a group",
        ),
        pytest.param(
            [GroupRule(protocol="-1", prefix_list_id="pl-0a1b2c3d")],
            f"{ENDPOINT_GROUP_ID} allows 1026 and 1031 from pl-0a1b2c3d: if the appliance's subnet is in that list, "
            f"nothing is missing. Otherwise a{ALLOW_APPLIANCE}",
            id="a list of networks",
        ),
        pytest.param(
            [
                GroupRule(protocol="udp", from_port=1026, to_port=1031, cidr=ip_network("10.0.9.0/24")),
                GroupRule(from_port=22, to_port=22, cidr=ip_network("10.0.9.0/24")),
                GroupRule(from_port=1026, to_port=1031, cidr=ip_network("fd00::/8")),
                GroupRule(from_port=0, to_port=0, cidr=ip_network("10.0.9.0/24")),
                GroupRule(egress=True, protocol="-1", cidr=ip_network("10.0.9.0/24")),
            ],
            f"A{ALLOW_APPLIANCE}",
            id="nobody on these ports by this family",
        ),
    ],
)
def test_vpc005_says_first_whom_the_group_admits_on_the_ports_of_a_gateway(rules: list[GroupRule], first: str) -> None:
    rules = [*admitting("10.0.0.0/16").rules, *rules]
    changed = with_groups(SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=tuple(rules)))
    lists = PrefixListsFacts(lists=(PrefixList(prefix_list_id="pl-0a1b2c3d", cidrs=(ip_network("10.0.9.0/24"),)),))
    reads = configured(OF_GATEWAY, changed, read(PREFIX_LISTS, lists))
    (one,) = rule_findings("VPC005", [*gateway(1026, 1031), *reads], GATEWAY)
    assert one.fix.summary == f"{first} This host is not the appliance: test from its subnet as well."
    assert [command.argv[10] for command in one.fix.commands] == ["1026", "1031"]


def test_vpc005_says_of_no_other_group_whom_it_admits() -> None:
    other = admitting("10.0.9.0/24", port=1031, group_id="sg-0f1b2c3d")
    (one,) = rule_findings("VPC005", [*gateway(1031), *configured(OF_GATEWAY, with_groups(other))], GATEWAY)
    assert one.fix.summary.startswith("Allow 1031 in")


def test_vpc005_says_once_what_two_groups_of_the_endpoint_admit_alike() -> None:
    both = (ENDPOINT_GROUP_ID, "sg-0f1b2c3d")
    ones = with_interfaces(
        *(replace(endpoint_interface, group_ids=both) for endpoint_interface in endpoint_interfaces())
    )
    changed = with_groups(*(admitting("10.0.9.0/24", port=1031, group_id=group_id) for group_id in both))
    (one,) = rule_findings("VPC005", [*gateway(1031), *configured(OF_GATEWAY, ones, changed)], GATEWAY)
    assert one.fix.summary.startswith(f"{both[0]} and {both[1]} allow 1031 from 10.0.9.0/24: if that is the appliance")


def test_vpc005_of_443_does_not_take_others_that_are_admitted_for_the_appliance() -> None:
    (one,) = rule_findings("VPC005", [*SILENT, *configured(SHUT)])
    assert "appliance" not in one.fix.summary


def test_vpc005_leaves_the_support_channel_shut_beside_ports_that_are_needed() -> None:
    (one,) = rule_findings("VPC005", [*gateway(1031, 2222), *configured(OF_GATEWAY)], GATEWAY)
    assert "1031 and 2222 timed out" in one.detail
    assert [command.argv[10] for command in one.fix.commands] == ["1031"]
    (alone,) = rule_findings("VPC005", [*gateway(2222), *configured(OF_GATEWAY)], GATEWAY)
    assert [command.argv[10] for command in alone.fix.commands] == ["2222"]


def test_vpc005_admits_ipv6_by_permissions() -> None:
    six, source = "2600:1f18::17", "2600:1f18::5"
    observations: Observations = [
        host("10.0.3.5/24", f"{source}/64"),
        imds(vpc=("10.0.0.0/16", "2600:1f18::/56")),
        lookup(A, six),
    ]
    observations += [tcp(A), tcp(six, failed="timeout", source=source)]
    reads = configured(
        read(OWN_INTERFACES, InterfacesFacts(interfaces=(own_interface("10.0.3.5", source),))),
        with_interfaces(interface(ENDPOINT_INTERFACE_IDS[0], A, six, subnet_id=ENDPOINT_SUBNET_IDS[0])),
        with_groups(
            SecurityGroup(
                group_id=OWN_GROUP_ID,
                rules=tuple(
                    GroupRule(egress=True, protocol="-1", cidr=ip_network(block)) for block in ("0.0.0.0/0", "::/0")
                ),
            )
        ),
    )
    (one,) = rule_findings("VPC005", [*observations, *reads])
    assert one.addresses == frozenset({ip_address(six)})
    assert lines(one.fix.commands) == [
        f"aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id {ENDPOINT_GROUP_ID} --ip-permissions "
        f"IpProtocol=tcp,FromPort=443,ToPort=443,Ipv6Ranges=[{{CidrIpv6={source}/128}}]"
    ]
    assert complaint(one.fix.commands[0].argv) is None


def test_vpc005_admits_an_appliance_by_ipv6_where_that_is_what_is_shut() -> None:
    six = "2600:1f18::17"
    observations: Observations = [host("10.0.3.5/24", "2600:1f18::5/64"), imds(vpc=("10.0.0.0/16", "2600:1f18::/56"))]
    observations += [lookup(six, of="backup-gateway"), tcp(six, of="backup-gateway", source="2600:1f18::5")]
    observations += [tcp(six, 1031, of="backup-gateway", source="2600:1f18::5", failed="timeout")]
    reads = configured(
        OF_GATEWAY,
        read(OWN_INTERFACES, InterfacesFacts(interfaces=(own_interface("10.0.3.5", "2600:1f18::5"),))),
        with_interfaces(interface(ENDPOINT_INTERFACE_IDS[0], six, subnet_id=ENDPOINT_SUBNET_IDS[0])),
        with_groups(
            SecurityGroup(
                group_id=OWN_GROUP_ID, rules=(GroupRule(egress=True, protocol="-1", cidr=ip_network("::/0")),)
            )
        ),
    )
    (one,) = rule_findings("VPC005", [*observations, *reads], GATEWAY)
    assert one.fix.commands[0].argv[-1] == (
        "IpProtocol=tcp,FromPort=1031,ToPort=1031,Ipv6Ranges=[{CidrIpv6=<APPLIANCE_SUBNET_CIDR>}]"
    )


def test_vpc005_changes_the_group_that_has_such_rules_already() -> None:
    first, second = "sg-0f1b2c3d", "sg-0f2b2c3d"
    ones = tuple(replace(endpoint_interface, group_ids=(first, second)) for endpoint_interface in endpoint_interfaces())
    changed = with_groups(admitting("10.0.9.0/24", port=22, group_id=first), admitting("10.0.9.0/24", group_id=second))
    (one,) = rule_findings("VPC005", [*SILENT, *configured(with_interfaces(*ones), changed)])
    assert f"no rule of {first} and {second} allows tcp 443" in one.detail
    assert [command.argv[6] for command in one.fix.commands] == [second]
    neither = with_groups(*(admitting("10.0.9.0/24", port=22, group_id=group_id) for group_id in (first, second)))
    (other,) = rule_findings("VPC005", [*SILENT, *configured(with_interfaces(*ones), neither)])
    assert [command.argv[6] for command in other.fix.commands] == [first]


def test_vpc005_writes_no_id_into_a_command_that_has_not_the_form_of_one() -> None:
    strange = "sg-; reboot"
    ones = tuple(replace(endpoint_interface, group_ids=(strange,)) for endpoint_interface in endpoint_interfaces())
    changed = with_groups(admitting("10.0.9.0/24", group_id=strange))
    (one,) = rule_findings("VPC005", [*SILENT, *configured(with_interfaces(*ones), changed)])
    assert [command.argv[6] for command in one.fix.commands] == ["<ENDPOINT_SECURITY_GROUP_ID>"]


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


def test_vpc005_is_the_cause_of_what_was_measured() -> None:
    findings = judged([*SILENT, *configured(SHUT)])
    assert findings["VPC005@backup"].severity is Severity.CRITICAL
    assert findings["TCP001@backup"].explained_by == "VPC005@backup"


def test_vpc005_of_an_optional_target_does_not_count() -> None:
    findings = judged([*SILENT, *configured(SHUT)], optional(BACKUP))
    assert findings["VPC005@backup"].severity is Severity.CRITICAL
    assert not findings["VPC005@backup"].counts


def test_vpc005_of_old_facts_names_no_cause() -> None:
    reads = [replace(observation, started_at=configured(days_old=7)[0].started_at) for observation in configured(SHUT)]
    (one,) = rule_findings("VPC005", [*SILENT, *reads])
    assert one.is_stale
    assert "EC2 said on 2026-02-22 at 12:00 UTC: no rule of" in one.detail
    assert lines(one.fix.commands)[0].startswith("backuplink facts ")
    findings = judged([*SILENT, *reads])
    assert findings["VPC005@backup"].severity is Severity.WARNING
    assert findings["TCP001@backup"].explained_by is None


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
    """A silent endpoint in another VPC, and a route to it that leads through something first."""
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
"""This host's group lets out 80 alone."""


def test_vpc012_names_own_group_and_lets_out_to_the_addresses_alone() -> None:
    (one,) = rule_findings("VPC012", [*SILENT, *configured(CLOSED)])
    assert one.detail == (
        f"443 timed out on {A} and {B}. EC2 says: no rule of {OWN_GROUP_ID} lets out tcp 443 to {A} and {B}; it lets "
        "out tcp 80 to 0.0.0.0/0 only."
    )
    assert lines(one.fix.commands) == [
        f"aws ec2 authorize-security-group-egress --region eu-west-1 --group-id {OWN_GROUP_ID} --protocol tcp "
        f"--port 443 --cidr {address}/32"
        for address in PRIVATE
    ]
    assert all(complaint(command.argv) is None for command in one.fix.commands)
    assert (
        one.fix.summary == f"In {OWN_GROUP_ID}, let 443 out to the endpoint; that holds for every host with the group."
    )


def test_vpc012_writes_ports_in_a_row_as_one_range() -> None:
    only = with_groups(letting_out("10.0.0.0/16"))
    (one,) = rule_findings("VPC012", [*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY, only)], GATEWAY)
    assert [command.argv[command.argv.index("--port") + 1] for command in one.fix.commands] == ["1026-1028", "1031"]


def test_vpc012_opens_the_ports_of_a_gateway_to_the_appliance_and_not_to_this_host() -> None:
    only = with_groups(letting_out("10.0.9.0/24"))
    (one,) = rule_findings("VPC012", [*gateway(443, *GATEWAY_PORTS), *configured(OF_GATEWAY, only)], GATEWAY)
    assert [(command.argv[6], command.argv[command.argv.index("--port") + 1]) for command in one.fix.commands] == [
        (OWN_GROUP_ID, "443"),
        ("<APPLIANCE_SECURITY_GROUP_ID>", "1026-1028"),
        ("<APPLIANCE_SECURITY_GROUP_ID>", "1031"),
    ]
    assert one.fix.summary == (
        f"In {OWN_GROUP_ID}, let 443 out to the endpoint; that holds for every host with the group. In the gateway "
        "appliance's own group, let 1026, 1027, 1028 and 1031 out to the endpoint, where it does not yet. This host is "
        "not the appliance: test from its subnet as well."
    )
    assert all(complaint(command.argv) is None for command in one.fix.commands)
    (alone,) = rule_findings("VPC012", [*SILENT, *configured(only)])
    assert "appliance" not in alone.fix.summary


def test_vpc012_lets_ipv6_out_by_permissions() -> None:
    six, source = "2600:1f18::17", "2600:1f18::5"
    observations: Observations = [
        host("10.0.3.5/24", f"{source}/64"),
        imds(vpc=("10.0.0.0/16", "2600:1f18::/56")),
        lookup(six),
    ]
    reads = configured(
        read(OWN_INTERFACES, InterfacesFacts(interfaces=(own_interface("10.0.3.5", source),))),
        with_interfaces(interface(ENDPOINT_INTERFACE_IDS[0], six, subnet_id=ENDPOINT_SUBNET_IDS[0])),
        with_groups(admitting("2600:1f18::/56")),
    )
    (one,) = rule_findings("VPC012", [*observations, tcp(six, failed="timeout", source=source), *reads])
    assert one.fix.commands[0].argv[-2:] == (
        "--ip-permissions",
        f"IpProtocol=tcp,FromPort=443,ToPort=443,Ipv6Ranges=[{{CidrIpv6={six}/128}}]",
    )
    assert complaint(one.fix.commands[0].argv) is None


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
"""An ACL of the host's subnet that lets no answers in: it admits no port that they come back to."""


def test_vpc006_names_acl_entry_direction_and_the_answers() -> None:
    (one,) = rule_findings("VPC006", [*SILENT, *configured(NO_ANSWERS)])
    assert one.detail == (
        f"443 timed out on {A} and {B}. EC2 says: no inbound entry of acl-0b1b2c3d allows the answers from {A} and {B} "
        "(tcp 32768-60999)."
    )
    assert lines(one.fix.commands) == [
        "aws ec2 create-network-acl-entry --region eu-west-1 --network-acl-id acl-0b1b2c3d --ingress --rule-number "
        f"{number} --protocol 6 --port-range From=32768,To=60999 --cidr-block {address}/32 --rule-action allow"
        for number, address in ((110, A), (120, B))
    ]
    assert all(complaint(command.argv) is None for command in one.fix.commands)


def numbers(observations: Observations, *targets: Target) -> list[tuple[str, str, str]]:
    """Direction, rule number and ports of the commands."""
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


def test_vpc006_counts_the_last_entries_of_both_families_as_one() -> None:
    six, source = "2600:1f18:0:1::17", "2600:1f18:0:3::5"
    observations: Observations = [
        host("10.0.3.5/24", f"{source}/64"),
        imds(vpc=("10.0.0.0/16", "2600:1f18::/56")),
        lookup(six),
    ]
    last = AclEntry(number=32768, egress=True, allow=False, cidr=ip_network("::/0"))
    reads = configured(
        read(OWN_INTERFACES, InterfacesFacts(interfaces=(own_interface("10.0.3.5", source),))),
        with_interfaces(interface(ENDPOINT_INTERFACE_IDS[0], six, subnet_id=ENDPOINT_SUBNET_IDS[0])),
        acls(entry(100, 0, 65535, egress=True), entry(200, 1024, 65535, cidr="::/0"), last),
    )
    observations = [*observations, tcp(six, failed="timeout", source=source), *reads]
    assert ("--egress", "110", "From=443,To=443") in numbers(observations)
    (one,) = rule_findings("VPC006", observations)
    assert ("--ipv6-cidr-block", f"{six}/128") in zip(
        one.fix.commands[0].argv, one.fix.commands[0].argv[1:], strict=False
    )


def test_vpc006_shows_the_acl_where_no_number_is_free() -> None:
    full = [entry(number, 22, 22, egress=True) for number in range(1, 4)]
    changed = acls(*full, entry(4, 443, 443, egress=True, allow=False), entry(9, 1024, 65535))
    (one,) = rule_findings("VPC006", [*here("backup", A), tcp(A, failed="timeout"), *configured(changed)])
    assert lines(one.fix.commands) == [
        "aws ec2 describe-network-acls --region eu-west-1 --network-acl-ids acl-0b1b2c3d"
    ]
    assert complaint(one.fix.commands[0].argv) is None


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


def test_vpc006_ports_of_a_gateway_lie_outside_443_and_the_high_ports() -> None:
    changed = acls(
        entry(100, 443, 443),
        entry(110, 32768, 65535),
        entry(100, 0, 65535, egress=True),
        subnet_id=ENDPOINT_SUBNET_IDS[0],
    )
    allows = with_groups(
        SecurityGroup(
            group_id=ENDPOINT_GROUP_ID, rules=(GroupRule(from_port=0, to_port=65535, cidr=ip_network("10.0.0.0/16")),)
        )
    )
    observations = [*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY, changed, allows)]
    assert numbers(observations, GATEWAY) == [
        ("--ingress", "120", "From=1026,To=1028"),
        ("--ingress", "130", "From=1031,To=1031"),
    ]
    (one,) = rule_findings("VPC006", observations, GATEWAY)
    assert {command.argv[command.argv.index("--cidr-block") + 1] for command in one.fix.commands} == {
        "<APPLIANCE_SUBNET_CIDR>"
    }
    assert "This host is not the appliance" in one.fix.summary
    assert all(complaint(command.argv) is None for command in one.fix.commands)
    assert rule_findings("VPC005", observations, GATEWAY) == []


def test_vpc006_leaves_this_host_s_acl_shut_to_the_ports_of_a_gateway() -> None:
    changed = acls(entry(100, 443, 443, egress=True), entry(100, 1024, 65535))
    (one,) = rule_findings("VPC006", [*gateway(*GATEWAY_PORTS), *configured(OF_GATEWAY, changed)], GATEWAY)
    assert lines(one.fix.commands) == [
        "aws ec2 describe-network-acls --region eu-west-1 --filters "
        "Name=association.subnet-id,Values=<APPLIANCE_SUBNET_ID>"
    ]
    assert "This host is not the appliance" in one.fix.summary
    assert complaint(one.fix.commands[0].argv) is None


def test_vpc006_repairs_443_for_this_host_and_the_rest_for_the_appliance() -> None:
    changed = acls(entry(100, 80, 80), entry(100, 0, 65535, egress=True), subnet_id=ENDPOINT_SUBNET_IDS[0])
    (one,) = rule_findings("VPC006", [*gateway(443, *GATEWAY_PORTS), *configured(OF_GATEWAY, changed)], GATEWAY)
    words = [command.argv for command in one.fix.commands]
    assert [(word[word.index("--port-range") + 1], word[word.index("--cidr-block") + 1]) for word in words] == [
        ("From=443,To=443", "10.0.3.5/32"),
        ("From=1026,To=1028", "<APPLIANCE_SUBNET_CIDR>"),
        ("From=1031,To=1031", "<APPLIANCE_SUBNET_CIDR>"),
    ]
    assert len({word[word.index("--rule-number") + 1] for word in words}) == 3


def test_vpc006_lets_in_the_address_that_the_endpoint_sees() -> None:
    far = acls(subnet_id=ENDPOINT_SUBNET_IDS[0])
    (one,) = rule_findings("VPC006", by_way_of(PRIVATE_NAT, far))
    assert {command.argv[command.argv.index("--cidr-block") + 1] for command in one.fix.commands} == {
        "<NAT_ADDRESS>/32"
    }


def test_vpc006_doubts_where_a_part_of_the_answers_passes_and_nothing_else_blocks() -> None:
    part = acls(entry(100, 0, 65535, egress=True), entry(100, 40000, 65535))
    (one,) = rule_findings("VPC006", [*here("backup", A), tcp(A, failed="timeout"), *configured(part)])
    assert "of the ports that answers come back to, acl-0b1b2c3d lets 40000-60999 in" in one.detail
    assert rule_findings("VPC006", [*here("backup", A), tcp(A, failed="timeout"), *configured(part, SHUT)]) == []


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
    ],
)
def test_vpc006_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC006", observations) == []


# --- VPC007 route-blocks ---------------------------------------------------------------------------------------------

BLACKHOLE = Route(destination=ip_network("10.0.1.0/24"), target="eni-0d1b2c3d", state="blackhole")


def test_vpc007_names_table_route_target_and_state() -> None:
    (one,) = rule_findings("VPC007", [*here("backup", A), tcp(A, failed="timeout"), *configured(tables(BLACKHOLE))])
    assert one.detail == (
        f"443 timed out on {A}. EC2 says: {TABLE_ID} sends 10.0.1.0/24 to eni-0d1b2c3d, which is not there any more "
        "(its state is blackhole)."
    )
    assert lines(one.fix.commands) == [f"aws ec2 describe-route-tables --region eu-west-1 --route-table-ids {TABLE_ID}"]
    assert complaint(one.fix.commands[0].argv) is None


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


def test_vpc007_a_way_there_and_none_back() -> None:
    reads = configured(with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)), IN_ANOTHER_VPC, tables(OUT, also=(FAR_TABLE,)))
    (one,) = rule_findings("VPC007", [*here("backup", CENTRAL), tcp(CENTRAL, failed="timeout"), *reads])
    assert one.detail == f"443 timed out on {CENTRAL}. EC2 says: rtb-0b1b2c3d has no route to 10.0.3.5."


def test_vpc007_no_way_to_a_central_endpoint() -> None:
    reads = configured(with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)), IN_ANOTHER_VPC)
    (one,) = rule_findings("VPC007", [*here("backup", CENTRAL), tcp(CENTRAL, failed="timeout"), *reads])
    assert f"{TABLE_ID} has no route to {CENTRAL}" in one.detail


def test_vpc007_doubts_an_appliance_where_nothing_else_blocks() -> None:
    through = Route(destination=ip_network("10.0.1.0/24"), target="vpce-0d1b2c3d")
    observations = [*here("backup", A), tcp(A, failed="timeout")]
    (one,) = rule_findings("VPC007", [*observations, *configured(tables(through))])
    firewall = "an endpoint of AWS Network Firewall or of a Gateway Load Balancer"
    assert f"{TABLE_ID} sends 10.0.1.0/24 to vpce-0d1b2c3d, {firewall}, first" in one.detail
    assert one.fix.summary.startswith("See what the route in")
    assert rule_findings("VPC007", [*observations, *configured(tables(through), SHUT)]) == []


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
    """A connect to the endpoint of another VPC that gets no answer, with a transit gateway on the way."""
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


def test_vpc007_names_the_table_of_a_transit_gateway() -> None:
    (one,) = rule_findings("VPC007", over_transit(()))
    assert one.detail == (
        f"443 timed out on {CENTRAL}. EC2 says: tgw-rtb-0a1b2c3d, a route table of tgw-0a1b2c3d, has no route to "
        f"{CENTRAL}."
    )
    assert {(subject.kind, subject.id) for subject in one.subjects} == {
        (SubjectKind.ROUTE_TABLE, "tgw-rtb-0a1b2c3d"),
        (SubjectKind.GATEWAY, "tgw-0a1b2c3d"),
    }
    assert lines(one.fix.commands) == [
        "aws ec2 search-transit-gateway-routes --region eu-west-1 --transit-gateway-route-table-id tgw-rtb-0a1b2c3d "
        "--filters Name=state,Values=active,blackhole"
    ]
    assert complaint(one.fix.commands[0].argv) is None


def test_vpc007_no_way_back_over_a_transit_gateway() -> None:
    (one,) = rule_findings("VPC007", over_transit(home=()))
    assert "tgw-rtb-0b1b2c3d, a route table of tgw-0a1b2c3d, has no route to 10.0.3.5." in one.detail


def test_vpc007_shows_an_attachment_that_passes_nothing() -> None:
    (one,) = rule_findings("VPC007", over_transit(near=replace(HERE_ATTACHED, state="deleting")))
    assert one.fix.summary.startswith("See the state, the zones and the options of tgw-attach-0a1b2c3d")
    assert lines(one.fix.commands) == [
        "aws ec2 describe-transit-gateway-vpc-attachments --region eu-west-1 --transit-gateway-attachment-ids "
        "tgw-attach-0a1b2c3d"
    ]
    assert complaint(one.fix.commands[0].argv) is None


def test_vpc006_names_the_network_acl_of_the_subnet_in_which_the_vpc_is_attached() -> None:
    shut = NetworkAcl(
        acl_id="acl-0d1b2c3d",
        vpc_id=VPC_ID,
        default=False,
        subnet_ids=(ENDPOINT_SUBNET_IDS[0],),
        entries=tuple(
            AclEntry(number=100, egress=egress, allow=egress, cidr=ip_network("0.0.0.0/0")) for egress in (True, False)
        ),
    )
    default = network_acl()
    rest = replace(
        default, subnet_ids=(*(name for name in default.subnet_ids if name not in shut.subnet_ids), "subnet-0f1b2c3d")
    )
    observations = over_transit((TO_THE_OTHER,), (TO_THIS,), read(NETWORK_ACLS, NetworkAclsFacts(acls=(rest, shut))))
    assert rule_findings("VPC007", observations) == []
    (one,) = rule_findings("VPC006", observations)
    assert "entry 100 of acl-0d1b2c3d denies tcp 443 from 10.0.3.5" in one.detail
    command = lines(one.fix.commands)[0]
    assert "--network-acl-id acl-0d1b2c3d --ingress" in command
    assert "10.0.3.5/32" in command


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(over_transit(), id="a transit gateway with a way there and back"),
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


def test_vpc004_names_state_and_last_error() -> None:
    (one,) = rule_findings("VPC004", [*SILENT, *configured(with_endpoints(FAILED))])
    assert one.detail == (
        f"No endpoint of backup is available. EC2 says: {ENDPOINT_ID} has the state failed "
        "(InsufficientFreeAddressesInSubnet: The subnet has no free addresses)."
    )
    assert one.severity is None
    assert one.addresses == frozenset(map(ip_address, PRIVATE))
    assert lines(one.fix.commands) == [
        f"aws ec2 describe-vpc-endpoints --region eu-west-1 --vpc-endpoint-ids {ENDPOINT_ID} --query "
        "VpcEndpoints[].[VpcEndpointId,State,LastError] --output text"
    ]
    assert complaint(one.fix.commands[0].argv) is None


@pytest.mark.parametrize(
    "state", ["pendingacceptance", "rejected", "failed", "expired", "deleting", "partial", "unheard-of"]
)
def test_vpc004_in_every_state_but_three(state: str) -> None:
    (one,) = rule_findings("VPC004", [*SILENT, *configured(with_endpoints(endpoint(state=state)))])
    assert f"{ENDPOINT_ID} has the state {state}." in one.detail
    assert judged([*SILENT, *configured(with_endpoints(endpoint(state=state)))])["VPC004@backup"].severity is (
        Severity.CRITICAL
    )


PUBLIC_ANSWER: Observations = [host(), imds(), lookup("52.95.111.30"), answer("52.95.111.30"), tcp("52.95.111.30")]


PENDING_ENDPOINT = endpoint(state="pending")


def test_vpc004_of_a_pending_endpoint_warns_and_leaves_the_silence_to_what_was_measured() -> None:
    findings = judged([*SILENT, *configured(with_endpoints(PENDING_ENDPOINT))])
    assert findings["VPC004@backup"].severity is Severity.WARNING
    assert findings["TCP001@backup"].severity is Severity.CRITICAL
    assert findings["TCP001@backup"].explained_by is None


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


def test_vpc004_is_why_the_name_is_public() -> None:
    findings = judged([*PUBLIC_ANSWER, *configured(with_endpoints(FAILED))])
    assert findings["DNS001@backup"].explained_by == "VPC004@backup"


def test_vpc004_stands_beside_private_dns_that_is_off_as_well() -> None:
    observations = [*PUBLIC_ANSWER, *configured(with_endpoints(endpoint(state="pending", private_dns=False)))]
    findings = judged(observations)
    assert findings["DNS001@backup"].explained_by == "VPC002@backup"
    assert findings["VPC004@backup"].explained_by is None
    assert findings["VPC004@backup"].severity is Severity.WARNING


def public_run(observations: Observations) -> dict[str, Finding]:
    seen = evidence(observations, targets=(BACKUP,), of=run(ec2_reads=True, expect=Expect.PUBLIC))
    return {finding.id: finding for finding in diagnose(seen, RULES).findings}


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


def test_vpc004_of_the_addresses_in_use_beside_an_endpoint_that_is_available() -> None:
    successor = endpoint("vpce-0b1b2c3d", interface_ids=())
    findings = judged([*SILENT, *configured(with_endpoints(FAILED, successor))])
    assert "No endpoint of backup that has the addresses in use is" in findings["VPC004@backup"].detail
    assert "vpce-0b1b2c3d" not in findings["VPC004@backup"].detail
    assert findings["TCP001@backup"].explained_by == "VPC004@backup"


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


def test_vpc004_of_old_facts_is_a_warning() -> None:
    reads = [
        replace(observation, started_at=configured(days_old=2)[0].started_at)
        for observation in configured(with_endpoints(FAILED))
    ]
    (one,) = rule_findings("VPC004", [*SILENT, *reads])
    assert one.is_stale
    assert one.severity is Severity.WARNING
    assert judged([*SILENT, *reads])["TCP001@backup"].explained_by is None


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


def test_every_command_is_one_that_the_aws_cli_takes() -> None:
    """The commands are those of the cases above that name the default ACL, table and groups."""
    everything = configured(
        with_groups(admitting("10.0.9.0/24"), letting_out("10.0.9.0/24")), NO_ANSWERS, tables(BLACKHOLE)
    )
    commands = [
        command
        for rule in (*endpoint_state.RULES, *group_rules.RULES, *acl_rules.RULES, *routes.RULES)
        for one in findings_of(rule, evidence([*SILENT, *everything]))
        for command in one.fix.commands
    ]
    assert len(commands) > 4
    assert [why for command in commands if (why := complaint(command.argv)) is not None] == []
    assert not any(word.startswith(("delete-", "revoke-")) for command in commands for word in command.argv)
    assert ACL_ID not in " ".join(word for command in commands for word in command.argv)
