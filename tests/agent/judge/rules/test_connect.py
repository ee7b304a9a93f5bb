"""TCP rules: why an attempt failed, and which rule reports it. The rows come from answers of real kernels."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final

import pytest

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
    replaced,
    rule_of,
    run,
    target,
    tcp,
)
from tests.support.cases import (
    GATEWAY_PORTS,
    PRIVATE_6,
    Case,
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
    """The codes reported for AWS Backup, with their addresses."""
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
    # An ICMP error may also come from the source address of the attempt.
    attempt = tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001, source=OWN)
    assert nature_of(attempt, frozenset()) is Nature.LOCAL


# --- TCP001 port-blocked --------------------------------------------------------------------------------------------


CASES_THAT_FIRE = [
    fires("TCP001", "all", [*HERE, *SILENT]),
    fires(
        "TCP001",
        "not after the same time",
        [*HERE, tcp(A, failed="timeout", seconds=2.9), tcp(B, failed="timeout", seconds=3.1)],
    ),
    fires("TCP001", "the other refuses", [*HERE, tcp(A, failed="timeout"), tcp(B, failed="refused")]),
    fires(
        "TCP001",
        "the other is blocked on this host",
        [*HERE, tcp(A, failed="timeout"), tcp(B, failed="timeout", datagram_error="EPERM")],
    ),
    fires("TCP001", "the other was cut short", [*HERE, tcp(A, failed="timeout"), tcp(B, failed="deadline")]),
    fires("TCP001", "the other was never tried", [*HERE, tcp(A, failed="timeout")]),
]


CASES_OF_SILENCE = [
    silent("TCP001", "all connect", [*HERE, tcp(A), tcp(B)]),
    silent("TCP001", "one connects", [*HERE, tcp(A, failed="timeout"), tcp(B)]),
    silent("TCP001", "all refuse", [*HERE, tcp(A, failed="refused"), tcp(B, failed="refused")]),
    silent("TCP001", "dropped on this host", [*HERE, tcp(A, failed="timeout", datagram_error="EPERM")]),
    silent("TCP001", "nobody on the own subnet", [*HERE, tcp(A, failed="timeout", neighbour="failed")]),
    silent("TCP001", "cut short", [*HERE, tcp(A, failed="deadline"), tcp(B, failed="deadline")]),
    silent("TCP001", "crashed", [*HERE, tcp(A, failed="bug")]),
    silent("TCP001", "not made", [*HERE, tcp(A, skipped="not started")]),
    silent("TCP001", "another port", [*HERE, tcp(A, 1026, failed="timeout")]),
    silent("TCP001", "an address that this host does not use", [*HERE, tcp(C, failed="timeout")]),
    silent("TCP001", "never tried", [*HERE]),
]


CASES_THAT_FIRE += [
    fires(
        "TCP001",
        "all ports of a gateway, but AWS Support's channel, which is not needed",
        [
            *GATE,
            *(gate(address, port, "timeout") for address in (A, B) for port in (443, 1026, 1027, 1028, 1031, 2222)),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "TCP001",
        "a port of an address that fails otherwise",
        [*GATE, gate(A, 443, "timeout"), gate(B, 443, "refused"), gate(B, 1026, "timeout")],
        targets=[GATEWAY],
    ),
    # The short form of the command that admits a source accepts only IPv4.
    fires(
        "TCP001",
        "both families",
        [*DUAL, tcp(A, failed="timeout"), tcp("fd00::17", failed="timeout", source="fd00::5")],
    ),
    fires("TCP001", "the source is not known", [*HERE, tcp(A, failed="timeout", source=None)]),
    fires(
        "TCP001",
        "a public path",
        [host(), imds(), lookup(PUBLIC), tcp(PUBLIC, failed="timeout")],
        of=run(expect=Expect.PUBLIC),
    ),
]


def in_subnet(*blocks: str) -> Observation[ImdsFacts]:
    """Metadata of a host in a subnet with these blocks."""
    seen = imds()
    assert isinstance(seen.outcome, Ok)
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, subnet_cidrs=tuple(map(ip_network, blocks)))))


def all_silent(seen: Observation[ImdsFacts], *silent: str, source: str | None = OWN) -> Observations:
    return [host(), seen, lookup(*silent), *(tcp(address, failed="timeout", source=source) for address in silent)]


NEAR = "10.0.3.17"
"""An address in this host's own subnet."""


CASES_THAT_FIRE += [
    fires("TCP001", "all are in this host's subnet", all_silent(in_subnet("10.0.3.0/24"), NEAR)),
    fires("TCP001", "one is in this host's subnet", all_silent(in_subnet("10.0.3.0/24"), A, NEAR)),
    fires("TCP001", "none is in this host's subnet", all_silent(in_subnet("10.0.3.0/24"), A)),
    fires(
        "TCP001",
        "in this host's subnet, from where is not known",
        all_silent(in_subnet("10.0.3.0/24"), NEAR, source=None),
    ),
    fires("TCP001", "from another subnet's interface", all_silent(in_subnet("10.0.3.0/24"), NEAR, source="10.0.9.5")),
    fires("TCP001", "the subnet is not known", all_silent(in_subnet(), NEAR)),
    fires("TCP001", "metadata is silent", all_silent(imds(failed="timeout"), NEAR)),
]


# --- TCP002 zone-silent ---------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("TCP002", "one is silent", [*HERE, tcp(A, failed="timeout"), tcp(B)]),
    fires("TCP002", "one refuses", [*HERE, tcp(A, failed="refused"), tcp(B)]),
    fires(
        "TCP002",
        "one is silent, one refuses",
        [*HERE, lookup(A, B, C), tcp(A, failed="timeout"), tcp(B, failed="refused"), tcp(C)],
    ),
    fires("TCP002", "two connect", [*HERE, lookup(A, B, C), tcp(A, failed="timeout"), tcp(B), tcp(C)]),
    fires(
        "TCP002",
        "what was cut short is not counted",
        [*HERE, lookup(A, B, C), tcp(A, failed="timeout"), tcp(B), tcp(C, failed="deadline")],
    ),
]
CASES_OF_SILENCE += [
    silent("TCP002", "all connect", [*HERE, tcp(A), tcp(B)]),
    silent("TCP002", "none connects", [*HERE, *SILENT]),
    silent("TCP002", "dropped on this host", [*HERE, tcp(A, failed="timeout", datagram_error="EPERM"), tcp(B)]),
    silent("TCP002", "no way to the other", [*HERE, tcp(A, failed="unreachable", icmp=(ROUTER, 1)), tcp(B)]),
    silent("TCP002", "cut short", [*HERE, tcp(A, failed="deadline"), tcp(B)]),
    silent("TCP002", "only an address that this host does not use connects", [*HERE, tcp(A, failed="timeout"), tcp(C)]),
    silent("TCP002", "another port connects", [*HERE, tcp(A, failed="timeout"), tcp(B, 1026)]),
    silent("TCP002", "the other was never tried", [*HERE, tcp(B)]),
]


CASES_THAT_FIRE += [
    fires(
        "TCP002",
        "the other ports of a gateway",
        [
            *(*GATE, gate(A, 443, "timeout"), gate(A, 1026, "timeout"), gate(A, 1031, "refused")),
            *(gate(B), gate(B, 1026)),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "TCP002",
        "one of IPv4 and all of IPv6",
        [
            *(host("10.0.3.5/24", "fd00::5/64"), imds(), lookup(A, B, "fd00::17"), tcp(A)),
            *(tcp(B, failed="timeout"), tcp("fd00::17", failed="timeout")),
        ],
    ),
    # The filter for private addresses accepts only IPv4.
    fires(
        "TCP002",
        "both families",
        [
            *(*DUAL, lookup(A, B, "fd00::17", "fd00::18"), tcp(B), tcp("fd00::18")),
            *(tcp(A, failed="timeout"), tcp("fd00::17", failed="refused")),
        ],
    ),
]


# --- TCP003 gateway-ports-blocked -----------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("TCP003", "one port", [*GATE, gate(A), gate(A, 1026, "timeout")], targets=[GATEWAY]),
    fires(
        "TCP003",
        "all ports at both addresses",
        [
            *GATE,
            gate(A),
            gate(B),
            *(gate(where, port, "timeout") for where in (A, B) for port in (1026, 1027, 1028, 1031)),
        ],
        targets=[GATEWAY],
    ),
    fires(
        "TCP003",
        "another port at each address",
        [*GATE, gate(A), gate(B), gate(A, 1026, "timeout"), gate(B, 1031, "timeout"), gate(B, 1026), gate(A, 1031)],
        targets=[GATEWAY],
    ),
    fires(
        "TCP003",
        "silent and refused",
        [*GATE, gate(A), gate(A, 1026, "timeout"), gate(A, 1027, "refused"), gate(A, 1028, "refused")],
        targets=[GATEWAY],
    ),
    fires(
        "TCP003",
        "an address whose 443 is silent, too, is another fault",
        [*GATE, gate(A), gate(B, 443, "timeout"), gate(A, 1026, "refused"), gate(B, 1026, "timeout")],
        targets=[GATEWAY],
    ),
]
CASES_OF_SILENCE += [
    silent(
        "TCP003",
        "all connect",
        [*GATE, gate(A), *(gate(A, port) for port in (1026, 1027, 1028, 1031))],
        targets=[GATEWAY],
    ),
    silent("TCP003", "AWS Support's channel alone", [*GATE, gate(A), gate(A, 2222, "timeout")], targets=[GATEWAY]),
    silent(
        "TCP003", "443 is silent, too", [*GATE, gate(A, 443, "timeout"), gate(A, 1026, "timeout")], targets=[GATEWAY]
    ),
    silent(
        "TCP003",
        "443 connects elsewhere",
        [*GATE, gate(B), gate(A, 443, "timeout"), gate(A, 1026, "timeout")],
        targets=[GATEWAY],
    ),
    silent(
        "TCP003",
        "dropped on this host",
        [*GATE, gate(A), gate(A, 1026, "timeout", datagram_error="EPERM")],
        targets=[GATEWAY],
    ),
    silent("TCP003", "cut short", [*GATE, gate(A), gate(A, 1026, "deadline")], targets=[GATEWAY]),
    silent(
        "TCP003", "443 was cut short", [*GATE, gate(A, 443, "deadline"), gate(A, 1026, "timeout")], targets=[GATEWAY]
    ),
    silent("TCP003", "no source port", [*GATE, gate(A), gate(A, 1026, "no-source-port")], targets=[GATEWAY]),
    silent("TCP003", "the ports were never tried", [*GATE, gate(A)], targets=[GATEWAY]),
]


CASES_THAT_FIRE += [
    fires(
        "TCP003",
        f"{name} is closed",
        [
            *(*GATE, gate(A)),
            *(gate(A, port, "timeout" if port in closed else None) for port in (1026, 1027, 1028, 1031)),
        ],
        targets=[GATEWAY],
    )
    for name, closed in (
        ("the port of activation", (1027,)),
        ("another port", (1026,)),
        ("the port of activation and another", (1027, 1031)),
    )
]


ZONAL: Final = target("backup", host="vpce-0a1b2c3d4e5f67890-lj2wisx3-eu-west-1a.backup.eu-west-1.vpce.amazonaws.com")


@pytest.mark.parametrize(
    ("seen", "is_compared"),
    [
        pytest.param([answer(A, B), tcp(B)], True, id="in the answer for this name"),
        pytest.param([answer(A, B, of=ZONAL.id), tcp(B, of=ZONAL.id)], True, id="for another name of the service"),
        pytest.param([answer(A, B), tcp(B, failed="timeout")], False, id="it does not connect either"),
        pytest.param([answer(B), tcp(B)], False, id="in an answer of its own"),
        pytest.param([answer(A, "fd00::17"), tcp("fd00::17")], False, id="of the other family"),
    ],
)
def test_tcp001_opens_no_group_that_admits_this_host_at_another_address(
    seen: list[Observation[Any]], *, is_compared: bool
) -> None:
    """For example, the hosts file or a zonal name leads to the one zone that does not answer."""
    observations: Observations = [host(), imds(), lookup(A), tcp(A, failed="timeout"), *seen]
    finding, *_ = findings_of(TCP001, evidence(observations, targets=[BACKUP, ZONAL]))
    assert finding.fix.summary.startswith("Compare the network ACL") is is_compared
    assert ("which a name server gives in the same answer" in finding.detail) is is_compared
    assert any(command.changes for command in finding.fix.commands) is not is_compared


@pytest.mark.parametrize(
    ("attempts", "summary", "opened"),
    [
        pytest.param([(A, 1026, "timeout"), (B, 1026, "timeout")], "Allow 1026 in ", ["1026"], id="at both addresses"),
        pytest.param([(A, 1026, "timeout"), (B, 1026, None)], "Compare the network ACL", [], id="at one"),
        pytest.param([(A, 1026, "refused"), (B, 1026, "refused")], "Something answers for", [], id="refused"),
        pytest.param(
            [(A, 1026, "timeout"), (B, 1026, None), (A, 1028, "timeout"), (B, 1028, "timeout")],
            "Allow 1028 in ",
            ["1028"],
            id="one port at one address, another at both",
        ),
    ],
)
def test_tcp003_opens_no_group_for_a_port_that_the_group_passes(
    attempts: list[tuple[str, int, str | None]], summary: str, opened: list[str]
) -> None:
    """An endpoint's groups act on all of its interfaces alike, and drop what they do not allow."""
    tried = [gate(A), gate(B), *(gate(address, port, failed) for address, port, failed in attempts)]
    [finding] = findings_of(TCP003, evidence([*GATE, lookup(A, B, of="backup-gateway"), *tried], targets=[GATEWAY]))
    assert finding.fix.summary.startswith(summary)
    changes = [command.argv for command in finding.fix.commands if command.changes]
    assert [argv[argv.index("--port") + 1] for argv in changes] == opened


def test_tcp002_compares_no_network_acl_with_a_refusal() -> None:
    """Security groups and network ACLs drop packets, and refuse none."""
    [finding] = findings_of(TCP002, evidence([*HERE, tcp(A, failed="refused"), tcp(B)]))
    assert finding.fix.summary.startswith("Something answers for this address and refuses the connection")
    [finding] = findings_of(TCP002, evidence([*HERE, tcp(A, failed="timeout"), tcp(B)]))
    assert "refuses" not in finding.fix.summary


def test_tcp003_is_about_the_gateway_alone() -> None:
    observations = [*HERE, tcp(A), tcp(A, 1026, failed="timeout")]
    assert findings_of(TCP003, evidence(observations)) == []


# --- TCP004 refused-by-peer -----------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("TCP004", "resets", [*HERE, tcp(A, failed="refused"), tcp(B, failed="refused")]),
    fires(
        "TCP004",
        "resets that are quicker than any network",
        [*HERE, tcp(A, failed="refused", seconds=0.0001), tcp(B, failed="refused", seconds=0.0001)],
    ),
    fires(
        "TCP004",
        "a router's word",
        [*HERE, tcp(A, failed="unreachable", icmp=(ROUTER, 13)), tcp(B, failed="unreachable", icmp=(ROUTER, 10))],
    ),
    fires(
        "TCP004",
        "one reset, one router's word",
        [*HERE, tcp(A, failed="refused"), tcp(B, failed="unreachable", icmp=(ROUTER, 13), seconds=0.0001)],
    ),
    fires("TCP004", "the other is silent", [*HERE, tcp(A, failed="refused"), tcp(B, failed="timeout")]),
]
CASES_OF_SILENCE += [
    silent("TCP004", "another address connects", [*HERE, tcp(A, failed="refused"), tcp(B)]),
    silent("TCP004", "silence", [*HERE, *SILENT]),
    silent("TCP004", "rejected on this host", [*HERE, tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001)]),
    silent("TCP004", "a router knows no way", [*HERE, tcp(A, failed="unreachable", icmp=(ROUTER, 1))]),
    silent("TCP004", "another port", [*HERE, tcp(A, 1026, failed="refused")]),
    silent("TCP004", "an address that this host does not use", [*HERE, tcp(C, failed="refused")]),
    silent("TCP004", "cut short", [*HERE, tcp(A, failed="deadline")]),
    silent("TCP004", "never tried", [*HERE]),
]


def without_times(observation: Observation[TcpFacts]) -> Observation[TcpFacts]:
    return replace(observation, started_at=None, seconds=None)


CASES_THAT_FIRE += [
    fires(
        "TCP004",
        "the other ports of a gateway",
        [*GATE, gate(A, 443, "refused"), gate(A, 1026, "timeout"), gate(A, 1027, "refused")],
        targets=[GATEWAY],
    ),
    fires("TCP004", "a report without times", [*HERE, without_times(tcp(A, failed="refused"))]),
]


# --- TCP005 blocked-on-this-host ------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "TCP005",
        "dropped",
        [*HERE, tcp(A, failed="timeout", datagram_error="EPERM"), tcp(B, failed="timeout", datagram_error="EPERM")],
    ),
    fires(
        "TCP005",
        "rejected, while another address connects",
        [*HERE, tcp(A, failed="refused", icmp=(OWN, 3), seconds=0.0001), tcp(B)],
    ),
    fires("TCP005", "a prohibit route", [*HERE, tcp(A, failed="prohibited", code="EACCES", at_once=True)]),
    fires("TCP005", "without a name for the error", [*HERE, tcp(A, failed="prohibited", code=None)]),
]
CASES_OF_SILENCE += [
    silent("TCP005", "all connect", [*HERE, tcp(A), tcp(B)]),
    silent("TCP005", "silence, and this host says nothing", [*HERE, *SILENT]),
    silent("TCP005", "a quick reset proves nothing", [*HERE, tcp(A, failed="refused", seconds=0.0001)]),
    silent("TCP005", "a router's word", [*HERE, tcp(A, failed="unreachable", icmp=(ROUTER, 13))]),
    silent("TCP005", "a router's word that says EACCES", [*HERE, tcp(A, failed="prohibited", icmp=(ROUTER, 13))]),
    silent("TCP005", "nobody answers ARP", [*HERE, tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=3.055)]),
    silent("TCP005", "an address that this host does not use", [*HERE, tcp(C, failed="prohibited")]),
    silent("TCP005", "never tried", [*HERE]),
]


CASES_THAT_FIRE += [
    fires(
        "TCP005",
        "each address on its own ports",
        [
            *(*GATE, gate(A, 443, "timeout", datagram_error="EPERM"), gate(A, 1026, "timeout", datagram_error="EPERM")),
            *(gate(B), gate(B, 1031, "timeout", datagram_error="EPERM")),
        ],
        targets=[GATEWAY],
    ),
]


# --- TCP006 no-route ------------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "TCP006",
        "no route",
        [
            *HERE,
            tcp(A, failed="unreachable", code="ENETUNREACH", route_error="ENETUNREACH", at_once=True, source=None),
            tcp(B, failed="unreachable", code="ENETUNREACH", route_error="ENETUNREACH", at_once=True, source=None),
        ],
    ),
    fires(
        "TCP006",
        "a blackhole route, while another address connects",
        [*HERE, tcp(A, failed="unreachable", code="EINVAL", at_once=True), tcp(B)],
    ),
    fires("TCP006", "a router's word", [*HERE, tcp(A, failed="unreachable", code="EHOSTUNREACH", icmp=(ROUTER, 1))]),
    fires(
        "TCP006",
        "this host gave up asking by ARP",
        [*HERE, tcp(A, failed="unreachable", code="EHOSTUNREACH", icmp=(OWN, 1), seconds=3.055, source=None)],
    ),
    fires(
        "TCP006",
        "this host is still asking by ARP",
        [*HERE, tcp(A, failed="timeout", neighbour="incomplete", next_hop=A)],
    ),
    fires("TCP006", "the next hop is not known", [*HERE, tcp(A, failed="timeout", neighbour="failed")]),
    fires("TCP006", "the kernel names nobody", [*HERE, tcp(A, failed="unreachable", code="EHOSTUNREACH")]),
]


CASES_THAT_FIRE += [
    fires("TCP006", "IPv6 alone, on an IPv4 host", [host(), lookup("fd00::17")]),
    fires("TCP006", "IPv4 alone, on an IPv6 host", [host("fd00::5/64"), lookup(A, B)]),
    fires("TCP006", "a host with loopback alone", [host("127.0.0.1/8"), lookup(A, "fd00::17")]),
]


CASES_OF_SILENCE += [
    *(silent(code, "all connect", [*HERE, tcp(A), tcp(B)]) for code in ("TCP009", "TCP011")),
    silent("TCP006", "all connect", [*HERE, tcp(A), tcp(B)]),
    silent("TCP006", "silence behind a router", [*HERE, *SILENT]),
    silent("TCP006", "a filter's word", [*HERE, tcp(A, failed="unreachable", icmp=(ROUTER, 13))]),
    silent("TCP006", "rejected on this host", [*HERE, tcp(A, failed="unreachable", icmp=(OWN, 1), seconds=0.0001)]),
    silent("TCP006", "cut short", [*HERE, tcp(A, failed="deadline", neighbour="incomplete")]),
    silent("TCP006", "an address that this host does not use", [*HERE, tcp(C, failed="unreachable")]),
    silent("TCP006", "never tried", [*HERE]),
]


def test_tcp006_is_silent_where_one_family_of_two_can_be_used() -> None:
    assert findings_of(TCP006, evidence([host(), lookup(A, "fd00::17"), tcp(A)])) == []
    assert findings_of(TCP006, evidence([host(unknown=True), lookup("fd00::17")])) == []
    assert findings_of(TCP006, evidence([host(), lookup(failed="nxdomain")])) == []


@pytest.mark.parametrize("kind", ["prohibited", "unreachable"])
def test_a_port_that_is_not_needed_is_no_fault(kind: str) -> None:
    observations = [*GATE, gate(A), gate(A, 2222, kind)]
    assert [finding for rule in CORE for finding in findings_of(rule, evidence(observations, targets=[GATEWAY]))] == []


# --- TCP009 lossy-path, TCP011 no-source-port ------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("TCP011", f"at {address}", [*DUAL, tcp(address, failed="no-source-port")]) for address in (A, "fd00::17")
]


# --- Several rules together -----------------------------------------------------------------------------------------


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


# --- Findings beside the configuration ------------------------------------------------------------------------------


def gateway_configured(*changed: Observation[Any], days_old: float = 0.0) -> Observations:
    """The healthy configuration, changed so that the endpoint belongs to Backup gateway and its group allows every
    port.
    """
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
    # If the group is closed, unread, or read too long ago, the advice about the path stays.
    shut = configured.read(SECURITY_GROUPS, SecurityGroupsFacts(groups=(configured.groups()[0],)))
    old = gateway_configured(days_old=2) if of is GATEWAY else configured.configured(days_old=2)
    for reads in ([], [*read, shut], old):
        [as_ever] = findings_of(rule, evidence([*healthy(of), *reads, *observations], targets=[of]))
        assert as_ever.fix != beside.fix
        assert any("aws" in command.argv for command in as_ever.fix.commands)


# --- Cases of single rules --------------------------------------------------------------------------------------------

CASES_THAT_FIRE += [
    fires("TCP007", "in silence", ports(2222), targets=[GATEWAY]),
    fires("TCP007", "refused", ports(2222, failed="refused"), targets=[GATEWAY]),
    fires("TCP008", "IPv6", [*gave(A, B, PRIVATE_6), tcp(A), tcp(B), tcp(PRIVATE_6, failed="timeout")]),
    fires("TCP008", "IPv4", [*gave(A, PRIVATE_6), tcp(A, failed="refused"), tcp(PRIVATE_6)]),
]
CASES_OF_SILENCE += [
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


CASES_THAT_FIRE += [
    fires(
        "TCP001",
        f"the VPC's resolver gives another address: {name}",
        [
            *(host(resolvers=[server]), imds(), lookup(A), answer(A, by=server), answer(B, by=VPC_RESOLVER)),
            *(tcp(A, failed="timeout"), tcp(B, failed=failed)),
        ],
    )
    for name, server, failed in (
        ("another server's old record", CORPORATE, None),
        ("neither connects", CORPORATE, "timeout"),
        ("answers that rotate", VPC_RESOLVER, None),
    )
]


# --- A host that reaches nothing, a route that some addresses lack, a path that is slow -------------------------------

NO_METADATA: Final = imds(failed="timeout")
GATEWAY_SILENT: Final = gate(C, failed="timeout")
CUT_OFF: Final[Observations] = [
    *(host(), NO_METADATA, lookup(A, B), lookup(C, of="backup-gateway")),
    *(tcp(A, failed="timeout"), tcp(B, failed="timeout", neighbour="incomplete"), GATEWAY_SILENT),
]
"""A run in which the metadata service and two services of AWS are silent."""


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


def sent_again(at: str, round_trip: float | None, seconds: float = 1.5) -> Observation[TcpFacts]:
    """A connect that had to send its first packet again."""
    facts = TcpFacts(retransmits=1, round_trip_seconds=round_trip)
    return replace(tcp(at), outcome=Ok(facts), seconds=seconds)


CASES_THAT_FIRE += [
    fires("TCP009", "at one of two, which gives a third packet its time", [*HERE, sent_again(A, None, 1.01), tcp(B)]),
    *(
        fires("TCP009", f"round trips {name}", [*HERE, sent_again(A, first), sent_again(B, second)])
        for name, first, second in (
            ("below the timer", 0.002, 0.9),
            ("above it", 1.0, 2.5),
            ("below and above it", 1.2, 0.002),
            ("that were not measured", None, None),
        )
    ),
]


@pytest.mark.parametrize(
    ("attempts", "how"),
    [
        pytest.param([tcp(A, failed="timeout"), tcp(B), tcp(C)], "silent", id="silent"),
        pytest.param([tcp(A, failed="refused"), tcp(B), tcp(C)], "closed", id="refused"),
        pytest.param([tcp(A, failed="timeout"), tcp(B, failed="refused"), tcp(C)], "silent or closed", id="both"),
    ],
)
def test_tcp002_names_a_refusal_in_its_headline(attempts: Observations, how: str) -> None:
    seen: Observations = [host(), imds(), lookup(A, B, C), *attempts]
    [line] = [one.headline for one in diagnose(evidence(seen)).findings if one.code == "TCP002"]
    assert f" {how} on 443" in line
