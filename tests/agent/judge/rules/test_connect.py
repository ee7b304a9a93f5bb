"""TCP rules: what stopped an attempt, and which rule names it. The rows are what kernels really answer."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.conditions.connects import Nature, nature_of
from agent.judge.diagnose import diagnose
from agent.judge.rules import connect, local
from agent.settings import Expect
from probes.facts import ImdsFacts, TcpFacts
from probes.model import Observation, Ok
from probes.vpc.model import ENDPOINTS, SECURITY_GROUPS, SecurityGroupsFacts
from tests.support import configured
from tests.support.build import (
    BACKUP,
    CORE,
    CORPORATE,
    GATEWAY,
    OWN,
    PUBLIC,
    VPC_RESOLVER,
    Observations,
    addresses,
    answer,
    evidence,
    findings_of,
    healthy,
    here,
    host,
    imds,
    lookup,
    only_finding,
    replaced,
    rule_of,
    run,
    tcp,
)
from tests.support.cases import (
    GATEWAY_PORTS,
    PRIVATE_6,
    Case,
    assert_fires,
    assert_silent,
    codes_of,
    fires,
    gave,
    ports,
    silent,
)

RULES = (*connect.RULES, *local.RULES)
TCP001, TCP002, TCP003, TCP004, TCP005, TCP006 = (rule_of(RULES, f"TCP00{number}") for number in range(1, 7))
A, B, C = "10.0.1.17", "10.0.2.17", "10.0.3.17"
ROUTER = "10.0.3.1"
HERE: Observations = [host(), imds(), lookup(A, B)]
GATE: Observations = [host(), imds(), lookup(A, B, of="backup-gateway")]
DUAL: Observations = [host("10.0.3.5/24", "fd00::5/64"), imds(), lookup(A, "fd00::17")]
SILENT: Observations = [tcp(A, failed="timeout"), tcp(B, failed="timeout")]


def gate(address: str, port: int = 443, failed: str | None = None, **more: str | None) -> Observation[TcpFacts]:
    return tcp(address, port, of="backup-gateway", failed=failed, datagram_error=more.get("datagram_error"))


def firing(observations: Observations) -> dict[str, frozenset[object]]:
    """The codes that fire for AWS Backup, and where."""
    seen = evidence(observations)
    return {finding.code: frozenset(finding.addresses) for rule in CORE for finding in findings_of(rule, seen)}


# --- The nature of a failure ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "nature"),
    [
        pytest.param(tcp(A, failed="timeout"), Nature.SILENT, id="silence"),
        pytest.param(
            tcp(A, failed="timeout", datagram_error="EPERM"), Nature.LOCAL, id="silence, and UDP is forbidden here"
        ),
        pytest.param(
            tcp(A, failed="timeout", datagram_error="ECONNREFUSED"), Nature.SILENT, id="silence, and UDP met the peer"
        ),
        pytest.param(tcp(A, failed="timeout", neighbour="incomplete"), Nature.NO_WAY, id="silence on the own subnet"),
        pytest.param(tcp(A, failed="timeout", neighbour="reachable"), Nature.SILENT, id="silence behind a router"),
        pytest.param(tcp(A, failed="timeout", route_error="ENETUNREACH"), Nature.NO_WAY, id="the route went away"),
        pytest.param(
            tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001), Nature.LOCAL, id="nftables reject on this host"
        ),
        pytest.param(
            tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=0.0001), Nature.LOCAL, id="reject with host-unreachable"
        ),
        pytest.param(
            tcp(A, failed="unreachable", icmp=(OWN, 13), seconds=0.4999), Nature.LOCAL, id="just under half a second"
        ),
        pytest.param(
            tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=0.5), Nature.NO_WAY, id="half a second: no filter"
        ),
        pytest.param(
            tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=3.055), Nature.NO_WAY, id="nobody answers ARP"
        ),
        pytest.param(tcp(A, failed="refused", seconds=0.0001), Nature.REFUSED, id="a reset, however quick"),
        pytest.param(tcp(A, failed="reset"), Nature.REFUSED, id="a reset"),
        pytest.param(tcp(A, failed="refused", icmp=(A, 3)), Nature.REFUSED, id="port unreachable, from the peer"),
        pytest.param(tcp(A, failed="unreachable", icmp=(ROUTER, 13)), Nature.REFUSED, id="prohibited, from a router"),
        pytest.param(
            tcp(A, failed="unreachable", icmp=(ROUTER, 1)), Nature.NO_WAY, id="host unreachable, from a router"
        ),
        pytest.param(
            tcp(A, failed="unreachable", icmp=(ROUTER, 0)), Nature.NO_WAY, id="net unreachable, from a router"
        ),
        pytest.param(
            tcp("fd00::17", failed="unreachable", icmp=("fd00::1", 0)),
            Nature.NO_WAY,
            id="IPv6: no route, from a router",
        ),
        pytest.param(
            tcp("fd00::17", failed="unreachable", icmp=("fd00::1", 3)), Nature.NO_WAY, id="IPv6: address unreachable"
        ),
        pytest.param(
            tcp("fd00::17", failed="prohibited", code="EACCES", icmp=("fd00::1", 1)),
            Nature.REFUSED,
            id="IPv6: prohibited, from a router",
        ),
        pytest.param(
            tcp("fd00::17", failed="prohibited", code="EACCES", icmp=("fd00::5", 1)),
            Nature.LOCAL,
            id="IPv6: prohibited, from this host",
        ),
        pytest.param(tcp(A, failed="prohibited", code="EACCES", at_once=True), Nature.LOCAL, id="a prohibit route"),
        pytest.param(tcp(A, failed="prohibited", code="EPERM", at_once=True), Nature.LOCAL, id="a security module"),
        pytest.param(
            tcp(A, failed="unreachable", code="ENETUNREACH", route_error="ENETUNREACH", at_once=True),
            Nature.NO_WAY,
            id="no route",
        ),
        pytest.param(
            tcp(A, failed="unreachable", code="EINVAL", route_error="EINVAL", at_once=True),
            Nature.NO_WAY,
            id="a blackhole route",
        ),
        pytest.param(tcp(A, failed="no-source-port"), Nature.OTHER, id="no source port is not a rule's yet"),
        pytest.param(tcp(A, failed="bug"), Nature.OTHER, id="a fault of this program"),
        pytest.param(tcp(A), Nature.OTHER, id="it connects"),
    ],
)
def test_nature_of_an_attempt(attempt: Observation[TcpFacts], nature: Nature) -> None:
    assert nature_of(attempt, frozenset(addresses("127.0.0.1", OWN, "fd00::5"))) is nature


def test_nature_where_the_interfaces_are_not_known() -> None:
    # The address that the attempt was made from is this host's own, too.
    attempt = tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001, source=OWN)
    assert nature_of(attempt, frozenset()) is Nature.LOCAL


# --- TCP001 port-blocked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            SILENT, {A, B}, "443 timed out on 10.0.1.17 and 10.0.2.17, each after 3.0 s; no address connects.", id="all"
        ),
        pytest.param(
            [tcp(A, failed="timeout", seconds=2.9), tcp(B, failed="timeout", seconds=3.1)],
            {A, B},
            "each after 2.9 s to 3.1 s;",
            id="not after the same time",
        ),
        pytest.param(
            [tcp(A, failed="timeout"), tcp(B, failed="refused")],
            {A},
            "443 timed out on 10.0.1.17 (1 of 2 addresses) after 3.0 s; no address connects.",
            id="the other refuses",
        ),
        pytest.param(
            [tcp(A, failed="timeout"), tcp(B, failed="timeout", datagram_error="EPERM")],
            {A},
            "(1 of 2 addresses)",
            id="the other is blocked on this host",
        ),
        pytest.param(
            [tcp(A, failed="timeout"), tcp(B, failed="deadline")],
            {A},
            "443 timed out on 10.0.1.17 (1 of 2 addresses) after 3.0 s; 10.0.2.17 was not measured.",
            id="the other was cut short",
        ),
        pytest.param([tcp(A, failed="timeout")], {A}, "10.0.2.17 was not measured.", id="the other was never tried"),
    ],
)
def test_tcp001_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TCP001, [*HERE, *observations], where)
    assert detail in finding.detail
    assert set(finding.evidence) == {f"tcp/backup/{address}/443" for address in where}


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tcp(A), tcp(B)], id="all connect"),
        pytest.param([tcp(A, failed="timeout"), tcp(B)], id="one connects"),
        pytest.param([tcp(A, failed="refused"), tcp(B, failed="refused")], id="all refuse"),
        pytest.param([tcp(A, failed="timeout", datagram_error="EPERM")], id="dropped on this host"),
        pytest.param([tcp(A, failed="timeout", neighbour="failed")], id="nobody on the own subnet"),
        pytest.param([tcp(A, failed="deadline"), tcp(B, failed="deadline")], id="cut short"),
        pytest.param([tcp(A, failed="bug")], id="crashed"),
        pytest.param([tcp(A, skipped="not started")], id="not made"),
        pytest.param([tcp(A, 1026, failed="timeout")], id="another port"),
        pytest.param([tcp(C, failed="timeout")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tcp001_stays_silent(observations: Observations) -> None:
    assert findings_of(TCP001, evidence([*HERE, *observations])) == []


def test_tcp001_takes_the_gateways_other_ports_with_it() -> None:
    observations = [
        *GATE,
        *(gate(address, port, "timeout") for address in (A, B) for port in (443, 1026, 1027, 1028, 1031, 2222)),
    ]
    [finding] = findings_of(TCP001, evidence(observations, targets=[GATEWAY]))
    assert len(finding.evidence) == 10
    assert not any(step_id.endswith("/2222") for step_id in finding.evidence), "AWS Support's channel is not needed"


def test_tcp001_takes_no_port_of_an_address_that_fails_otherwise() -> None:
    observations = [*GATE, gate(A, 443, "timeout"), gate(B, 443, "refused"), gate(B, 1026, "timeout")]
    [finding] = findings_of(TCP001, evidence(observations, targets=[GATEWAY]))
    assert finding.evidence == ("tcp/backup-gateway/10.0.1.17/443",)


def test_tcp001_admits_this_host_in_each_family() -> None:
    observations = [*DUAL, tcp(A, failed="timeout"), tcp("fd00::17", failed="timeout", source="fd00::5")]
    [finding] = findings_of(TCP001, evidence(observations))
    commands = [command.argv for command in finding.fix.commands if "authorize-security-group-ingress" in command.argv]
    assert len(commands) == 2
    assert commands[0][-2:] == ("--cidr", "10.0.3.5/32")
    # The simple form of this command takes IPv4 alone.
    assert commands[1][-2:] == (
        "--ip-permissions",
        "IpProtocol=tcp,FromPort=443,ToPort=443,Ipv6Ranges=[{CidrIpv6=fd00::5/128}]",
    )


def test_tcp001_names_no_source_that_it_does_not_know() -> None:
    [finding] = findings_of(TCP001, evidence([*HERE, tcp(A, failed="timeout", source=None)]))
    assert finding.fix.commands[-1].argv[-1] == "<ADDRESS_OF_THIS_HOST>/32"


def test_tcp001_does_not_send_a_public_path_to_the_endpoint() -> None:
    observations: Observations = [host(), imds(), lookup(PUBLIC), tcp(PUBLIC, failed="timeout")]
    [finding] = findings_of(TCP001, evidence(observations, of=run(expect=Expect.PUBLIC)))
    assert "endpoint" not in finding.fix.summary
    assert not any("authorize-security-group-ingress" in command.argv for command in finding.fix.commands)


def in_subnet(*blocks: str) -> Observation[ImdsFacts]:
    """Metadata of a host in a subnet with these blocks."""
    seen = imds()
    assert isinstance(seen.outcome, Ok)
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, subnet_cidrs=tuple(map(ip_network, blocks)))))


NEAR = "10.0.3.17"
"""An address in the subnet of this host's own."""


@pytest.mark.parametrize(
    ("seen", "silent", "source", "beside", "acls"),
    [
        pytest.param(
            in_subnet("10.0.3.0/24"), [NEAR], OWN, " 10.0.3.17 is in this host's own subnet,", False, id="all are near"
        ),
        pytest.param(
            in_subnet("10.0.3.0/24"), [A, NEAR], OWN, " 10.0.3.17 is in this host's own subnet,", True, id="one is"
        ),
        pytest.param(in_subnet("10.0.3.0/24"), [A], OWN, None, True, id="none is"),
        pytest.param(in_subnet("10.0.3.0/24"), [NEAR], None, " 10.0.3.17 is in", False, id="the source is not known"),
        pytest.param(in_subnet("10.0.3.0/24"), [NEAR], "10.0.9.5", None, True, id="from another subnet's interface"),
        pytest.param(in_subnet(), [NEAR], OWN, None, True, id="the subnet is not known"),
        pytest.param(imds(failed="timeout"), [NEAR], OWN, None, True, id="metadata is silent"),
    ],
)
def test_tcp001_blames_no_network_acl_inside_a_subnet(
    seen: Observation[ImdsFacts], silent: Sequence[str], source: str | None, beside: str | None, acls: bool
) -> None:
    observations: Observations = [
        host(),
        seen,
        lookup(*silent),
        *(tcp(address, failed="timeout", source=source) for address in silent),
    ]
    [finding] = findings_of(TCP001, evidence(observations))
    assert ("own subnet" in finding.detail) is (beside is not None)
    assert beside is None or beside in finding.detail
    assert ("as a security group or a network ACL does" in finding.detail) is acls
    assert ("network ACLs must pass" in finding.fix.summary) is acls


def test_tcp001_names_this_host_s_own_group_as_well() -> None:
    [finding] = findings_of(TCP001, evidence([*HERE, *SILENT]))
    assert "let 443 out in this host's own group" in finding.fix.summary
    assert any("Values=<INSTANCE_SECURITY_GROUP_ID>" in command.argv[-1] for command in finding.fix.commands)


# --- TCP002 zone-silent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [tcp(A, failed="timeout"), tcp(B)],
            {A},
            "443 timed out on 10.0.1.17 after 3.0 s, while 10.0.2.17 connects.",
            id="one is silent",
        ),
        pytest.param(
            [tcp(A, failed="refused"), tcp(B)],
            {A},
            "443 was refused on 10.0.1.17 after 12 ms, while 10.0.2.17 connects.",
            id="one refuses",
        ),
        pytest.param(
            [lookup(A, B, C), tcp(A, failed="timeout"), tcp(B, failed="refused"), tcp(C)],
            {A, B},
            "443 timed out on 10.0.1.17 after 3.0 s and was refused on 10.0.2.17 after 12 ms, while 10.0.3.17 "
            "connects.",
            id="one is silent, one refuses",
        ),
        pytest.param(
            [lookup(A, B, C), tcp(A, failed="timeout"), tcp(B), tcp(C)],
            {A},
            "while 10.0.2.17 and 10.0.3.17 connect.",
            id="two connect",
        ),
        pytest.param(
            [lookup(A, B, C), tcp(A, failed="timeout"), tcp(B), tcp(C, failed="deadline")],
            {A},
            "while 10.0.2.17 connects.",
            id="what was cut short is not counted",
        ),
    ],
)
def test_tcp002_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TCP002, [*HERE, *observations], where)
    assert detail in finding.detail


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tcp(A), tcp(B)], id="all connect"),
        pytest.param(SILENT, id="none connects"),
        pytest.param([tcp(A, failed="timeout", datagram_error="EPERM"), tcp(B)], id="dropped on this host"),
        pytest.param([tcp(A, failed="unreachable", icmp=(ROUTER, 1)), tcp(B)], id="no way to the other"),
        pytest.param([tcp(A, failed="deadline"), tcp(B)], id="cut short"),
        pytest.param([tcp(A, failed="timeout"), tcp(C)], id="only an address that this host does not use connects"),
        pytest.param([tcp(A, failed="timeout"), tcp(B, 1026)], id="another port connects"),
        pytest.param([tcp(B)], id="the other was never tried"),
    ],
)
def test_tcp002_stays_silent(observations: Observations) -> None:
    assert findings_of(TCP002, evidence([*HERE, *observations])) == []


def test_tcp002_takes_the_gateways_other_ports_with_it() -> None:
    observations = [
        *GATE,
        gate(A, 443, "timeout"),
        gate(A, 1026, "timeout"),
        gate(A, 1031, "refused"),
        gate(B),
        gate(B, 1026),
    ]
    [finding] = findings_of(TCP002, evidence(observations, targets=[GATEWAY]))
    assert finding.evidence == tuple(f"tcp/backup-gateway/10.0.1.17/{port}" for port in (443, 1026, 1031))


def test_tcp002_asks_for_interfaces_by_family() -> None:
    observations = [*DUAL, lookup(A, B, "fd00::17", "fd00::18"), tcp(B), tcp("fd00::18")]
    [finding] = findings_of(
        TCP002, evidence([*observations, tcp(A, failed="timeout"), tcp("fd00::17", failed="refused")])
    )
    asked = [command.argv[-1] for command in finding.fix.commands if "describe-network-interfaces" in command.argv]
    # The filter for private addresses knows IPv4 alone.
    assert asked == [
        "Name=addresses.private-ip-address,Values=10.0.1.17",
        "Name=ipv6-addresses.ipv6-address,Values=fd00::17",
    ]


def test_tcp002_blames_no_group_of_one_interface() -> None:
    [finding] = findings_of(TCP002, evidence([*HERE, tcp(A, failed="timeout"), tcp(B)]))
    assert finding.fix.summary.endswith("An endpoint's security groups act on all of its interfaces alike.")


# --- TCP003 gateway-ports-blocked -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "detail"),
    [
        pytest.param(
            [gate(A), gate(A, 1026, "timeout")],
            "443 connects, but 1026 timed out on 10.0.1.17 after 3.0 s.",
            id="one port",
        ),
        pytest.param(
            [
                gate(A),
                gate(B),
                *(gate(where, port, "timeout") for where in (A, B) for port in (1026, 1027, 1028, 1031)),
            ],
            "443 connects, but 1026, 1027, 1028 and 1031 timed out on 10.0.1.17 and 10.0.2.17 after 3.0 s.",
            id="all ports at both addresses",
        ),
        pytest.param(
            [gate(A), gate(B), gate(A, 1026, "timeout"), gate(B, 1031, "timeout"), gate(B, 1026), gate(A, 1031)],
            "443 connects, but 1026 timed out on 10.0.1.17 after 3.0 s; 1031 timed out on 10.0.2.17 after 3.0 s.",
            id="another port at each address",
        ),
        pytest.param(
            [gate(A), gate(A, 1026, "timeout"), gate(A, 1027, "refused"), gate(A, 1028, "refused")],
            "but 1026 timed out on 10.0.1.17 after 3.0 s; 1027 and 1028 were refused on 10.0.1.17 after 12 ms.",
            id="silent and refused",
        ),
        pytest.param(
            [gate(A), gate(B, 443, "timeout"), gate(A, 1026, "refused"), gate(B, 1026, "timeout")],
            "but 1026 was refused on 10.0.1.17 after 12 ms.",
            id="an address whose 443 is silent, too, is another fault",
        ),
    ],
)
def test_tcp003_fires(observations: Observations, detail: str) -> None:
    [finding] = findings_of(TCP003, evidence([*GATE, *observations], targets=[GATEWAY]))
    assert finding.target == "backup-gateway"
    assert detail in finding.detail
    blocked = {
        observation.id
        for observation in observations
        if observation.failure is not None and observation.subject.address in finding.addresses
    }
    assert set(finding.evidence) == blocked
    assert all("<APPLIANCE_SUBNET_CIDR>" in command.argv for command in finding.fix.commands)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([gate(A), *(gate(A, port) for port in (1026, 1027, 1028, 1031))], id="all connect"),
        pytest.param([gate(A), gate(A, 2222, "timeout")], id="AWS Support's channel alone"),
        pytest.param([gate(A, 443, "timeout"), gate(A, 1026, "timeout")], id="443 is silent, too"),
        pytest.param([gate(B), gate(A, 443, "timeout"), gate(A, 1026, "timeout")], id="443 connects elsewhere"),
        pytest.param([gate(A), gate(A, 1026, "timeout", datagram_error="EPERM")], id="dropped on this host"),
        pytest.param([gate(A), gate(A, 1026, "deadline")], id="cut short"),
        pytest.param([gate(A, 443, "deadline"), gate(A, 1026, "timeout")], id="443 was cut short"),
        pytest.param([gate(A), gate(A, 1026, "no-source-port")], id="no source port"),
        pytest.param([gate(A)], id="the ports were never tried"),
    ],
)
def test_tcp003_stays_silent(observations: Observations) -> None:
    assert findings_of(TCP003, evidence([*GATE, *observations], targets=[GATEWAY])) == []


@pytest.mark.parametrize(
    ("closed", "severity"),
    [
        pytest.param((1027,), Severity.WARNING, id="activation alone"),
        pytest.param((1026,), None, id="another alone"),
        pytest.param((1027, 1031), None, id="activation and another"),
    ],
)
def test_tcp003_is_a_warning_where_the_port_of_activation_alone_is_closed(
    closed: tuple[int, ...], severity: Severity | None
) -> None:
    observations = [
        gate(A),
        *(gate(A, port, "timeout" if port in closed else None) for port in (1026, 1027, 1028, 1031)),
    ]
    [finding] = findings_of(TCP003, evidence([*GATE, *observations], targets=[GATEWAY]))
    assert finding.severity is severity
    assert ("A new gateway cannot be activated" in finding.detail) is (severity is Severity.WARNING)


def test_tcp003_is_about_the_gateway_alone() -> None:
    observations = [*HERE, tcp(A), tcp(A, 1026, failed="timeout")]
    assert findings_of(TCP003, evidence(observations)) == []


# --- TCP004 refused-by-peer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [tcp(A, failed="refused"), tcp(B, failed="refused")],
            {A, B},
            "443 was refused on 10.0.1.17 and 10.0.2.17 by a reset after 12 ms.",
            id="resets",
        ),
        pytest.param(
            [tcp(A, failed="refused", seconds=0.0001), tcp(B, failed="refused", seconds=0.0001)],
            {A, B},
            "by a reset after 0.1 ms. A reset quicker than 0.2 ms can come from a filter on this host, too.",
            id="resets that are quicker than any network",
        ),
        pytest.param(
            [tcp(A, failed="unreachable", icmp=(ROUTER, 13)), tcp(B, failed="unreachable", icmp=(ROUTER, 10))],
            {A, B},
            "443 was refused on 10.0.1.17 and 10.0.2.17 by an ICMP error from 10.0.3.1 after 12 ms.",
            id="a router's word",
        ),
        pytest.param(
            [tcp(A, failed="refused"), tcp(B, failed="unreachable", icmp=(ROUTER, 13), seconds=0.0001)],
            {A, B},
            "443 was refused on 10.0.1.17 by a reset after 12 ms and on 10.0.2.17 by an ICMP error from 10.0.3.1 after "
            "0.1 ms.",
            id="one reset, one router's word",
        ),
        pytest.param(
            [tcp(A, failed="refused"), tcp(B, failed="timeout")],
            {A},
            "443 was refused on 10.0.1.17 (1 of 2 addresses) by a reset after 12 ms.",
            id="the other is silent",
        ),
    ],
)
def test_tcp004_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TCP004, [*HERE, *observations], where)
    assert finding.detail.endswith(detail)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tcp(A, failed="refused"), tcp(B)], id="another address connects"),
        pytest.param(SILENT, id="silence"),
        pytest.param([tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001)], id="rejected on this host"),
        pytest.param([tcp(A, failed="unreachable", icmp=(ROUTER, 1))], id="a router knows no way"),
        pytest.param([tcp(A, 1026, failed="refused")], id="another port"),
        pytest.param([tcp(C, failed="refused")], id="an address that this host does not use"),
        pytest.param([tcp(A, failed="deadline")], id="cut short"),
        pytest.param([], id="never tried"),
    ],
)
def test_tcp004_stays_silent(observations: Observations) -> None:
    assert findings_of(TCP004, evidence([*HERE, *observations])) == []


def test_tcp004_takes_the_gateways_other_ports_with_it() -> None:
    observations = [*GATE, gate(A, 443, "refused"), gate(A, 1026, "timeout"), gate(A, 1027, "refused")]
    [finding] = findings_of(TCP004, evidence(observations, targets=[GATEWAY]))
    assert set(finding.evidence) == {f"tcp/backup-gateway/10.0.1.17/{port}" for port in (443, 1026, 1027)}


def test_tcp004_says_quick_only_of_what_was_timed() -> None:
    attempt = tcp(A, failed="refused")
    timeless = Observation(subject=attempt.subject, outcome=attempt.outcome, started_at=None, seconds=None)
    [finding] = findings_of(TCP004, evidence([*HERE, timeless]))
    assert "quicker" not in finding.detail


# --- TCP005 blocked-on-this-host ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [tcp(A, failed="timeout", datagram_error="EPERM"), tcp(B, failed="timeout", datagram_error="EPERM")],
            {A, B},
            "This host itself stops connections to 10.0.1.17 and 10.0.2.17 on 443: TCP is dropped in silence and a UDP "
            "datagram to the same place met EPERM.",
            id="dropped",
        ),
        pytest.param(
            [tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001), tcp(B)],
            {A},
            "stops connections to 10.0.1.17 on 443: an ICMP error from its own address 10.0.3.5 after 0.1 ms.",
            id="rejected, while another address connects",
        ),
        pytest.param(
            [tcp(A, failed="prohibited", code="EACCES", at_once=True)],
            {A},
            "connect() returned EACCES.",
            id="a prohibit route",
        ),
        pytest.param(
            [tcp(A, failed="prohibited", code=None)],
            {A},
            "connect() was not permitted.",
            id="without a name for the error",
        ),
    ],
)
def test_tcp005_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TCP005, [*HERE, *observations], where)
    assert detail in finding.detail
    assert set(finding.evidence) == {f"tcp/backup/{address}/443" for address in where}


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tcp(A), tcp(B)], id="all connect"),
        pytest.param(SILENT, id="silence, and this host says nothing"),
        pytest.param([tcp(A, failed="refused", seconds=0.0001)], id="a quick reset proves nothing"),
        pytest.param([tcp(A, failed="unreachable", icmp=(ROUTER, 13))], id="a router's word"),
        pytest.param([tcp(A, failed="prohibited", icmp=(ROUTER, 13))], id="a router's word that says EACCES"),
        pytest.param([tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=3.055)], id="nobody answers ARP"),
        pytest.param([tcp(C, failed="prohibited")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tcp005_stays_silent(observations: Observations) -> None:
    assert findings_of(TCP005, evidence([*HERE, *observations])) == []


def test_tcp005_names_each_address_with_its_own_ports() -> None:
    observations = [
        *GATE,
        gate(A, 443, "timeout", datagram_error="EPERM"),
        gate(A, 1026, "timeout", datagram_error="EPERM"),
        gate(B),
        gate(B, 1031, "timeout", datagram_error="EPERM"),
    ]
    [finding] = findings_of(TCP005, evidence(observations, targets=[GATEWAY]))
    assert "10.0.1.17 on 443 and 1026; 10.0.2.17 on 1031:" in finding.detail


# --- TCP006 no-route ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [
                tcp(A, failed="unreachable", code="ENETUNREACH", route_error="ENETUNREACH", at_once=True, source=None),
                tcp(B, failed="unreachable", code="ENETUNREACH", route_error="ENETUNREACH", at_once=True, source=None),
            ],
            {A, B},
            "There is no way to 10.0.1.17 and 10.0.2.17 on 443: the route lookup finds no route (ENETUNREACH).",
            id="no route",
        ),
        pytest.param(
            [tcp(A, failed="unreachable", code="EINVAL", at_once=True), tcp(B)],
            {A},
            "the route lookup finds no route (EINVAL).",
            id="a blackhole route, while another address connects",
        ),
        pytest.param(
            [tcp(A, failed="unreachable", code="EHOSTUNREACH", icmp=(ROUTER, 1))],
            {A},
            "the router 10.0.3.1 says that it is unreachable.",
            id="a router's word",
        ),
        pytest.param(
            [tcp(A, failed="unreachable", code="EHOSTUNREACH", icmp=(OWN, 1), seconds=3.055, source=None)],
            {A},
            "nothing answers for it on this host's subnet (EHOSTUNREACH after 3.1 s).",
            id="this host gave up asking by ARP",
        ),
        pytest.param(
            [tcp(A, failed="timeout", neighbour="incomplete", next_hop=A)],
            {A},
            "10.0.1.17 does not answer on the own subnet (ARP or neighbour discovery).",
            id="this host is still asking by ARP",
        ),
        pytest.param(
            [tcp(A, failed="timeout", neighbour="failed")],
            {A},
            "the next hop does not answer on the own subnet (ARP or neighbour discovery).",
            id="the next hop is not known",
        ),
        pytest.param(
            [tcp(A, failed="unreachable", code="EHOSTUNREACH")],
            {A},
            "connect() met EHOSTUNREACH after 12 ms, and nothing says who sent it.",
            id="the kernel names nobody",
        ),
    ],
)
def test_tcp006_fires(observations: Observations, where: set[str], detail: str) -> None:
    finding = only_finding(TCP006, [*HERE, *observations], where)
    assert detail in finding.detail


@pytest.mark.parametrize(
    ("observations", "detail"),
    [
        pytest.param(
            [host(), lookup("fd00::17")],
            "backup.eu-west-1.amazonaws.com resolves to fd00::17 alone, and this host has no IPv6 address of its own.",
            id="IPv6 alone, on an IPv4 host",
        ),
        pytest.param(
            [host("fd00::5/64"), lookup(A, B)],
            "this host has no IPv4 address of its own.",
            id="IPv4 alone, on an IPv6 host",
        ),
        pytest.param(
            [host("127.0.0.1/8"), lookup(A, "fd00::17")],
            "this host has no IPv4 and no IPv6 address of its own.",
            id="a host with loopback alone",
        ),
    ],
)
def test_tcp006_where_the_host_lacks_the_family(observations: Observations, detail: str) -> None:
    [finding] = findings_of(TCP006, evidence(observations))
    assert detail in finding.detail
    assert finding.evidence == ("dns/backup/getaddrinfo",)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([tcp(A), tcp(B)], id="all connect"),
        pytest.param(SILENT, id="silence behind a router"),
        pytest.param([tcp(A, failed="unreachable", icmp=(ROUTER, 13))], id="a filter's word"),
        pytest.param([tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=0.0001)], id="rejected on this host"),
        pytest.param([tcp(A, failed="deadline", neighbour="incomplete")], id="cut short"),
        pytest.param([tcp(C, failed="unreachable")], id="an address that this host does not use"),
        pytest.param([], id="never tried"),
    ],
)
def test_tcp006_stays_silent(observations: Observations) -> None:
    assert findings_of(TCP006, evidence([*HERE, *observations])) == []


def test_tcp006_is_silent_where_one_family_of_two_can_be_used() -> None:
    assert findings_of(TCP006, evidence([host(), lookup(A, "fd00::17"), tcp(A)])) == []
    assert findings_of(TCP006, evidence([host(unknown=True), lookup("fd00::17")])) == []
    assert findings_of(TCP006, evidence([host(), lookup(failed="nxdomain")])) == []


@pytest.mark.parametrize("kind", ["prohibited", "unreachable"])
def test_a_port_that_is_not_needed_is_no_fault(kind: str) -> None:
    observations = [*GATE, gate(A), gate(A, 2222, kind)]
    assert [finding for rule in CORE for finding in findings_of(rule, evidence(observations, targets=[GATEWAY]))] == []


# --- TCP009 lossy-path, TCP011 no-source-port ------------------------------------------------------------------------


def test_tcp009_gives_a_third_packet_its_time() -> None:
    lossy = tcp(A, seconds=1.01)
    assert isinstance(lossy.outcome, Ok)
    lossy = replace(lossy, outcome=Ok(replace(lossy.outcome.facts, retransmits=1)))
    [finding] = findings_of(rule_of(RULES, "TCP009"), evidence([*HERE, lossy, tcp(B)]))
    again = ("backuplink", "check", "--region", "eu-west-1", "--timeout", "10")
    assert again in [command.argv for command in finding.fix.commands]


@pytest.mark.parametrize(
    ("address", "by_ipv6"), [pytest.param(A, False, id="IPv4"), pytest.param("fd00::17", True, id="IPv6")]
)
def test_tcp011_says_of_ipv6_that_the_address_may_be_missing(address: str, by_ipv6: bool) -> None:
    [finding] = findings_of(rule_of(RULES, "TCP011"), evidence([*DUAL, tcp(address, failed="no-source-port")]))
    assert f"no free source port left for {address}" in finding.detail
    assert ("or no IPv6 address that can be used (tentative, dadfailed)" in finding.detail) is by_ipv6
    assert (("ip", "-6", "address", "show") in [command.argv for command in finding.fix.commands]) is by_ipv6
    assert ("tentative" in finding.fix.summary) is by_ipv6


# --- Together -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        pytest.param([tcp(A), tcp(B)], {}, id="well"),
        pytest.param(
            [tcp(A, failed="timeout"), tcp(B, failed="refused")],
            {"TCP001": {A}, "TCP004": {B}},
            id="one zone silent and another refused",
        ),
        pytest.param(
            [tcp(A, failed="timeout", datagram_error="EPERM"), tcp(B)],
            {"TCP005": {A}},
            id="one blocked on this host while the other connects",
        ),
        pytest.param(
            [tcp(A, failed="timeout"), tcp(B, failed="unreachable", icmp=(ROUTER, 1))],
            {"TCP001": {A}, "TCP006": {B}},
            id="one silent, no way to the other",
        ),
        pytest.param(
            [lookup(A, B, C), tcp(A, failed="timeout"), tcp(B, failed="prohibited"), tcp(C)],
            {"TCP002": {A}, "TCP005": {B}},
            id="one silent, one blocked here, one well",
        ),
        pytest.param([tcp(A, failed="no-source-port"), tcp(B)], {}, id="nobody's yet"),
    ],
)
def test_every_failure_is_named_once(observations: Observations, expected: dict[str, set[str]]) -> None:
    wanted = {code: frozenset(addresses(*where)) for code, where in expected.items()}
    assert firing([*HERE, *observations]) == wanted


@pytest.mark.parametrize("code", ["TCP001", "TCP002", "TCP003", "TCP004", "TCP005"])
def test_rules_need_an_attempt(code: str) -> None:
    def reasons(*observations: Observation[TcpFacts]) -> list[tuple[str | None, str]]:
        seen = evidence([*HERE, *observations])
        return [
            (missing.target, missing.reason) for missing in diagnose(seen, RULES).not_evaluated if missing.code == code
        ]

    assert reasons() == [("backup", "no address is known to try")]
    assert reasons(tcp(A, skipped="dns failed")) == [("backup", "dns failed")]
    assert reasons(tcp(A, failed="deadline")) == [("backup", "it said deadline")]
    assert reasons(tcp(C)) == [("backup", "no address is known to try")], "this host does not use that address"
    assert reasons(tcp(A, failed="timeout")) == []


def test_no_route_needs_names_alone() -> None:
    rules = [rule for rule in CORE if rule in RULES]
    missing = {missing.code for missing in diagnose(evidence([host()]), rules).not_evaluated}
    assert missing == {"TCP001", "TCP002", "TCP003", "TCP004", "TCP005", "TCP006"}
    missing = {missing.code for missing in diagnose(evidence(HERE), rules).not_evaluated}
    assert missing == {"TCP001", "TCP002", "TCP003", "TCP004", "TCP005"}


# --- Beside the configuration ---------------------------------------------------------------------------------------


def gateway_configured(*changed: Observation[Any], days_old: float = 0.0) -> Observations:
    """The healthy configuration, in which the endpoint is the gateway's and its group allows every port."""
    own, endpoints = configured.groups()
    (rule,) = endpoints.rules
    wide = replace(endpoints, rules=(replace(rule, from_port=None, to_port=None),))
    return configured.configured(
        configured.read(ENDPOINTS, configured.endpoints_facts(configured.endpoint(service="backup-gateway"))),
        configured.read(SECURITY_GROUPS, SecurityGroupsFacts(groups=(own, wide))),
        *changed,
        days_old=days_old,
    )


@pytest.mark.parametrize(
    ("code", "observations"),
    [
        pytest.param("TCP001", [tcp(A, failed="timeout"), tcp(B, failed="timeout")], id="443 everywhere"),
        pytest.param("TCP002", [tcp(A, failed="timeout")], id="443 in one zone"),
        pytest.param("TCP003", [tcp(A, 1027, of="backup-gateway", failed="timeout")], id="a gateway port"),
    ],
)
def test_nothing_is_to_be_opened_where_ec2_says_that_all_is_open(code: str, observations: Observations) -> None:
    of = GATEWAY if code == "TCP003" else BACKUP
    read = gateway_configured() if of is GATEWAY else configured.configured()
    rule = rule_of(RULES, code)
    [beside] = findings_of(rule, evidence([*healthy(of), *read, *observations], targets=[of]))
    assert [" ".join(command.argv) for command in beside.fix.commands] == ["nft list ruleset"]
    # Where it is closed, not read, or known of long ago, the way is as it was.
    shut = configured.read(SECURITY_GROUPS, SecurityGroupsFacts(groups=(configured.groups()[0],)))
    old = gateway_configured(days_old=2) if of is GATEWAY else configured.configured(days_old=2)
    for reads in ([], [*read, shut], old):
        [as_ever] = findings_of(rule, evidence([*healthy(of), *reads, *observations], targets=[of]))
        assert as_ever.fix != beside.fix
        assert any("aws" in command.argv for command in as_ever.fix.commands)


# --- Cases of single rules --------------------------------------------------------------------------------------------

CASES_THAT_FIRE = [
    fires(
        "TCP007",
        "in silence",
        ports(2222),
        targets=[GATEWAY],
        about="backup-gateway",
        at=[A],
        detail="Port 2222 does not connect at 10.0.1.17, all others do.",
        shows=["tcp/backup-gateway/10.0.1.17/2222"],
    ),
    fires("TCP007", "refused", ports(2222, failed="refused"), targets=[GATEWAY], about="backup-gateway"),
    fires(
        "TCP008",
        "IPv6",
        [*gave(A, B, PRIVATE_6), tcp(A), tcp(B), tcp(PRIVATE_6, failed="timeout")],
        at=[PRIVATE_6],
        detail="443 fails at every IPv6 address (fd00::17) and connects at every IPv4 one.",
        shows=["tcp/backup/fd00::17/443"],
    ),
    fires(
        "TCP008",
        "IPv4",
        [*gave(A, PRIVATE_6), tcp(A, failed="refused"), tcp(PRIVATE_6)],
        at=[A],
        detail="Clients that prefer IPv4",
    ),
]
CASES_OF_SILENCE = [
    silent("TCP007", "open", ports(), targets=[GATEWAY]),
    silent("TCP007", "another is closed, too", ports(2222, 1031), targets=[GATEWAY]),
    silent("TCP007", "all are", ports(2222, *GATEWAY_PORTS), targets=[GATEWAY]),
    silent("TCP007", "this host stops it", ports(2222, failed="prohibited"), targets=[GATEWAY]),
    silent("TCP007", "cut short", ports(2222, failed="deadline"), targets=[GATEWAY]),
    silent(
        "TCP007",
        "the others were not measured",
        [*here("backup-gateway", A), tcp(A, 2222, of="backup-gateway", failed="timeout")],
        targets=[GATEWAY],
    ),
    silent(
        "TCP007",
        "one of the others was not measured",
        [*ports(2222), tcp(A, 1031, of="backup-gateway", failed="deadline")],
        targets=[GATEWAY],
    ),
    silent("TCP008", "both connect", [*gave(A, PRIVATE_6), tcp(A), tcp(PRIVATE_6)]),
    silent("TCP008", "both fail", [*gave(A, PRIVATE_6), tcp(A, failed="timeout"), tcp(PRIVATE_6, failed="timeout")]),
    silent(
        "TCP008",
        "one of two of a family fails",
        [*gave(A, B, PRIVATE_6), tcp(A), tcp(B, failed="timeout"), tcp(PRIVATE_6)],
    ),
    silent("TCP008", "one family alone", [*gave(A, B), tcp(A), tcp(B, failed="timeout")]),
    silent(
        "TCP008",
        "the other was not measured",
        [*gave(A, PRIVATE_6), tcp(A, skipped="x"), tcp(PRIVATE_6, failed="timeout")],
    ),
]


@pytest.mark.parametrize("case", CASES_THAT_FIRE)
def test_fires(case: Case) -> None:
    assert_fires(case)


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)


@pytest.mark.parametrize(
    ("sender", "is_one"), [pytest.param("10.0.9.1", True, id="one firewall"), pytest.param("10.0.9.2", False, id="two")]
)
def test_a_firewall_that_refuses_two_services_is_one_cause(sender: str, is_one: bool) -> None:
    seen = [
        *here("backup", A),
        tcp(A, failed="unreachable", icmp=("10.0.9.1", 13), seconds=0.01),
        *here("backup-gateway", A),
        tcp(A, of="backup-gateway", failed="unreachable", icmp=(sender, 13), seconds=0.01),
    ]
    found = diagnose(evidence(seen, targets=[BACKUP, GATEWAY])).findings
    cause_of = {finding.id: finding.explained_by for finding in found if finding.code == "TCP004"}
    assert cause_of == {"TCP004@backup": None, "TCP004@backup-gateway": "TCP004@backup" if is_one else None}


@pytest.mark.parametrize(
    ("servers", "connects", "is_said"),
    [
        pytest.param([CORPORATE], True, True, id="another server's old record"),
        pytest.param([CORPORATE], False, False, id="neither connects"),
        pytest.param([VPC_RESOLVER], True, False, id="answers that rotate"),
    ],
)
def test_silence_where_the_vpc_s_resolver_gives_addresses_that_connect(
    servers: list[str], connects: bool, is_said: bool
) -> None:
    other = tcp(B) if connects else tcp(B, failed="timeout")
    seen: Observations = [host(resolvers=servers), imds(), lookup(A)]
    seen += [answer(A, by=servers[0]), answer(B, by=VPC_RESOLVER)]
    (one,) = findings_of(rule_of(connect.RULES, "TCP001"), evidence([*seen, tcp(A, failed="timeout"), other]))
    assert (f"{B}, which the VPC's resolver gives, connects: this host's own name servers" in one.detail) is is_said
    assert ("no address that this host gets connects" in one.detail) is is_said
    assert one.fix.summary.startswith("First compare what this host's name servers have") is is_said
    assert (one.fix.commands[0].argv[0] == "getent") is is_said


# --- A host that reaches nothing, a route that some addresses lack, a path that is slow -------------------------------

NO_METADATA: Final = imds(failed="timeout")
GATEWAY_SILENT: Final = gate(C, failed="timeout")
CUT_OFF: Final[Observations] = [
    *(host(), NO_METADATA, lookup(A, B), lookup(C, of="backup-gateway")),
    *(tcp(A, failed="timeout"), tcp(B, failed="timeout", neighbour="incomplete"), GATEWAY_SILENT),
]
"""Metadata and two services are silent."""


def test_a_host_that_reaches_nothing_has_one_finding() -> None:
    report = diagnose(evidence(CUT_OFF, targets=[BACKUP, GATEWAY]))
    causes = {finding.id: finding.explained_by for finding in report.findings}
    assert causes.pop("TCP001@backup") is None
    assert set(causes) == {"TCP006@backup", "TCP001@backup-gateway", "ENV002"}
    assert set(causes.values()) == {"TCP001@backup"}
    [first] = [finding for finding in report.findings if finding.explained_by is None]
    assert "this host or its subnet" in first.detail
    assert ("ip", "route", "show") in [command.argv for command in first.fix.commands]


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param([imds()], id="metadata answers"),
        pytest.param([imds(failed="not-permitted")], id="metadata says no"),
        pytest.param([imds(failed="deadline")], id="metadata was cut short"),
        pytest.param([gate(C)], id="one service connects"),
        pytest.param([gate(C, failed="refused")], id="one service refuses"),
        pytest.param([tcp(A, failed="unreachable", icmp=(ROUTER, 1))], id="a router answers"),
        pytest.param([tcp(A, failed="unreachable", at_once=True)], id="there is no route to one address"),
        pytest.param([tcp(A, failed="timeout", datagram_error="EPERM")], id="a filter on this host says so"),
        pytest.param([host(ec2=False)], id="this host is not in AWS"),
        pytest.param([gate(C, skipped="not started")], id="one service alone was tried"),
    ],
)
def test_a_host_that_reaches_something_has_a_finding_for_each_fault(instead: Observations) -> None:
    observations = replaced(CUT_OFF, *instead)
    report = diagnose(evidence(observations, targets=[BACKUP, GATEWAY]))
    assert not any("this host or its subnet" in finding.detail for finding in report.findings)
    assert all(finding.explained_by is None for finding in report.findings if finding.code in ("ENV002", "TCP006"))


def test_a_host_whose_neighbours_are_all_silent_has_one_finding() -> None:
    stuck: Observations = [tcp(A, failed="timeout", neighbour="failed"), tcp(B, failed="timeout", neighbour="failed")]
    beside = tcp(C, failed="timeout", neighbour="failed", of="backup-gateway")
    metadata: Observations = [host(), NO_METADATA]
    observations = [*metadata, lookup(A, B), lookup(C, of="backup-gateway"), *stuck, beside]
    report = diagnose(evidence(observations, targets=[BACKUP, GATEWAY]))
    assert {finding.id: finding.explained_by for finding in report.findings} == {
        "TCP006@backup": None,
        "TCP006@backup-gateway": "TCP006@backup",
        "ENV002": "TCP006@backup",
    }


def no_route_to(address: str) -> Observation[TcpFacts]:
    return tcp(address, failed="unreachable", code="ENETUNREACH", at_once=True)


@pytest.mark.parametrize(
    ("attempts", "codes"),
    [
        pytest.param([tcp(A), tcp("fd00::17"), no_route_to("fd00::18")], ["TCP008"], id="one of two has no route"),
        pytest.param([tcp(A), no_route_to("fd00::17"), no_route_to("fd00::18")], ["TCP008"], id="none has"),
        pytest.param(
            [tcp(A, failed="timeout"), tcp("fd00::17"), no_route_to("fd00::18")],
            ["TCP002", "TCP008"],
            id="one has no route, and IPv4 is silent",
        ),
        pytest.param(
            [tcp(A), tcp("fd00::17"), tcp("fd00::18", failed="timeout")], ["TCP002"], id="one of two is silent"
        ),
        pytest.param([tcp(A), no_route_to(B), tcp("fd00::17")], ["TCP006"], id="one of IPv4 has no route"),
        pytest.param([tcp(A, failed="timeout"), no_route_to("fd00::18")], ["TCP001", "TCP006"], id="nothing connects"),
    ],
)
def test_tcp008_some_ipv6_addresses_without_a_route(attempts: Observations, codes: list[str]) -> None:
    seen = [attempt.subject.address for attempt in attempts]
    observations: Observations = [host("10.0.3.5/24", "fd00::5/64"), imds(), lookup(*map(str, seen)), *attempts]
    found = {finding.code: finding for rule in RULES for finding in findings_of(rule, evidence(observations))}
    assert sorted(found) == codes
    if "TCP008" in found:
        unrouted = [attempt for attempt in attempts if attempt.subject.address and attempt.subject.address.version == 6]
        assert found["TCP008"].evidence == tuple(attempt.id for attempt in unrouted if not attempt.ok)


@pytest.mark.parametrize(
    ("round_trips", "severity", "words"),
    [
        pytest.param([0.002, 0.9], None, "was lost", id="below the timer"),
        pytest.param([1.0, 2.5], Severity.INFO, "a round trip takes 2.5 s", id="above it"),
        pytest.param([1.2, 0.002], None, "1 of 2 connects", id="one below, one above"),
        pytest.param([None, None], None, "was lost", id="not measured"),
    ],
)
def test_tcp009_a_round_trip_of_over_a_second_is_slow_and_not_lossy(
    round_trips: list[float | None], severity: Severity | None, words: str
) -> None:
    attempts = [
        replace(tcp(at), outcome=Ok(TcpFacts(retransmits=1, round_trip_seconds=seconds)), seconds=1.5)
        for at, seconds in zip((A, B), round_trips, strict=True)
    ]
    [finding] = findings_of(rule_of(RULES, "TCP009"), evidence([*HERE, *attempts]))
    assert finding.severity is severity
    assert words in finding.detail
