"""TCP rules for causes on this host that keep a connect from leaving: its firewall, routes, interfaces and source
ports."""

import re
from collections.abc import Iterator
from typing import Any, Final

from agent.catalog.wording import after, listed
from agent.fixes.commands import describe_endpoint, read_only
from agent.judge.conditions.connects import (
    NOTHING,
    UNRESOLVED,
    Nature,
    failed_connects,
    has_no_way,
    is_from_here,
    reaches_nothing,
    speaks_for_all,
    version_of,
)
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, kind_of, places
from agent.judge.requirements import judged_ports
from agent.judge.rules.rule import Rule, RuleFinding, ports_at
from agent.report.model import CommandScope, Fix
from probes.addresses import BRIDGE, ordered
from probes.facts import TcpFacts
from probes.model import FailureKind, Observation, Step
from probes.ports import HTTPS

_TUNNEL: Final = re.compile(
    r"tun|tap|wg|ppp|ipsec|xfrm|(ip6?_)?vti|gre|erspan|sit|ip6(tnl|gre)|tailscale|zt|nebula|cscotun|gpd|CloudflareWARP"
)
"""Interfaces that the kernel makes for tunnels, by their usual names, and interfaces of VPN clients."""
_NO_CABLE: Final = ("lo", "dummy")
"""Interfaces that have addresses but lead nowhere."""


def blocked_on_this_host(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP005: this host's own kernel refuses: connect() fails at once, an own address sends the ICMP error, or UDP to
    the same address is forbidden."""
    for target in evidence.targets:
        local = failed_connects(evidence, target, Nature.LOCAL, judged_ports(target))
        if not local:
            continue
        why = sorted({_local_reason(attempt) for attempt in local})
        yield RuleFinding(
            code="TCP005",
            target=target.id,
            detail=f"This host itself stops connections to {ports_at(local)}: {listed(why)}.",
            evidence=ids(local),
            addresses=places(local),
            shared=frozenset(map(_local_cause, local)),
            fix=Fix(
                summary="Look for an output rule in this host's firewall, a prohibit route, or a security module, and "
                "allow the endpoint's addresses and ports there.",
                commands=(
                    read_only("nft", "list", "ruleset"),
                    read_only("ip", "route", "get", str(local[0].subject.address)),
                ),
            ),
        )


def no_route(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP006: no connect reaches the address: there is no route, a router reports that there is none, a neighbour does
    not answer, or the name has no address of a family that this host has."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        answer = evidence.own_answer(target)
        if lookup is not None and answer and not evidence.own_addresses(target):
            families = list(dict.fromkeys(f"IPv{address.version}" for address in answer))
            yield RuleFinding(
                code="TCP006",
                target=target.id,
                detail=f"{target.host} resolves only to {listed(answer)}, and this host has "
                f"{listed(f'no {family}' for family in families)} address of its own.",
                evidence=ids([lookup]),
                addresses=frozenset(answer),
                shared=frozenset(families),
                fix=Fix(
                    summary=f"Give this host an {' or '.join(families)} address, or let the endpoint answer in a "
                    "family that it has (the endpoint's IP address type and DNS record type).",
                    commands=(describe_endpoint(target),),
                ),
            )
            continue
        stuck = failed_connects(evidence, target, Nature.NO_WAY, judged_ports(target))
        if not stuck:
            continue
        is_all = speaks_for_all(evidence, target, Nature.NO_WAY) and not any(
            speaks_for_all(evidence, other, Nature.SILENT) for other in evidence.targets
        )
        own = frozenset[object](evidence.own_addresses_of_host)
        here = () if evidence.imds is None else evidence.imds.vpc_cidrs
        why = sorted({_way_reason(connect, own) for connect in stuck})
        yield RuleFinding(
            code="TCP006",
            target=target.id,
            detail=f"There is no way to {ports_at(stuck)}: {listed(why)}."
            + (
                " There is no way to anything else either: the cause is this host or its subnet, not an endpoint."
                * is_all
            ),
            evidence=ids(stuck),
            addresses=places(stuck),
            stops_everything=is_all,
            of_this_host=any(has_no_way(attempt, here) for attempt in stuck),
            shared=NOTHING if reaches_nothing(evidence) else _ways_of(stuck),
            fix=Fix(
                summary="Give this host a route to the endpoint's subnets. If the finding names a router, check its "
                "routes; if it names a neighbour, check whether anything has that address at all.",
                commands=(
                    read_only("ip", "route", "get", str(stuck[0].subject.address)),
                    read_only(
                        *("aws", "ec2", "describe-route-tables", "--region", target.region),
                        *("--filters", "Name=association.subnet-id,Values=<SUBNET_ID>"),
                        scope=CommandScope.SUBNET,
                    ),
                ),
            ),
        )


def _local_reason(attempt: Observation[TcpFacts]) -> str:
    facts = attempt.facts or TcpFacts()
    if facts.icmp is not None:
        return f"an ICMP error from its own address {facts.icmp.sender} {after([attempt])}"
    if facts.datagram_error is not None:
        return f"TCP is dropped silently, and a UDP datagram to the same address failed with {facts.datagram_error}"
    code = attempt.failure.code if attempt.failure else None
    return f"connect() returned {code}" if code else "connect() was not permitted"


def _local_cause(attempt: Observation[TcpFacts]) -> str:
    """The sign that this host itself stops a connect, whatever the address."""
    facts = attempt.facts or TcpFacts()
    if facts.icmp is not None:
        return "an ICMP error"
    return facts.datagram_error or (attempt.failure.code if attempt.failure else None) or "connect()"


def _way_reason(attempt: Observation[TcpFacts], own_addresses: frozenset[object]) -> str:
    facts = attempt.facts or TcpFacts()
    code = (attempt.failure.code if attempt.failure else None) or "an error"
    if facts.neighbour in UNRESOLVED:
        return f"{facts.next_hop or 'the next hop'} does not answer on this host's subnet (ARP or neighbour discovery)"
    if facts.icmp is not None and not is_from_here(facts, own_addresses):
        return f"the router {facts.icmp.sender} says that the address is unreachable"
    if facts.icmp is not None:
        return f"nothing answers for the address on this host's subnet ({code} {after([attempt])})"
    if facts.route_error is not None or facts.at_once:
        return f"the route lookup finds no route ({facts.route_error or code})"
    return f"connect() failed with {code} {after([attempt])}, and nothing shows who sent that error"


def _ways_of(stuck: list[Observation[TcpFacts]]) -> frozenset[str]:
    """The missing routes in the evidence. Empty if the evidence only shows that nothing has an address."""
    ways = []
    for attempt in stuck:
        facts = attempt.facts or TcpFacts()
        code = attempt.failure.code if attempt.failure else None
        if facts.neighbour in UNRESOLVED and facts.next_hop not in (None, attempt.subject.address):
            ways.append(f"next hop {facts.next_hop}")
        elif facts.route_error is not None or facts.at_once:
            ways.append(f"route {facts.route_error or code}")
        else:
            return frozenset()
    return frozenset(ways)


def no_source_port(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP011: this host has no free source port left, or no IPv6 address to connect from."""
    for target in evidence.targets:
        # Later steps may need another connection.
        later = (evidence.handshakes(target), evidence.answers_to_http(target), evidence.calls(target))
        connects: list[Observation[Any]] = [
            attempt for port in judged_ports(target) for attempt in evidence.connects(target, port)
        ]
        connects += [attempt for attempts in later for attempt in attempts]
        starved = [attempt for attempt in connects if kind_of(attempt) is FailureKind.NO_SOURCE_PORT]
        if not starved:
            continue
        # Linux also says EADDRNOTAVAIL if every IPv6 address is tentative or has failed duplicate address detection.
        by_ipv6 = any(version_of(attempt) == 6 for attempt in starved)
        or_address = ", or no IPv6 address that can be used (tentative, dadfailed)" if by_ipv6 else ""
        show_addresses = (read_only("ip", "-6", "address", "show"),) if by_ipv6 else ()
        yield RuleFinding(
            code="TCP011",
            target=target.id,
            detail=f"This host has no free source port left for {listed(ordered(places(starved)))}{or_address}.",
            evidence=ids(starved),
            addresses=places(starved),
            shared=frozenset(f"IPv{version_of(attempt)}" for attempt in starved),
            fix=Fix(
                summary="Find the process that holds thousands of connections, and let it reuse them."
                + (" If no process does, give this host an IPv6 address that is not tentative or dadfailed." * by_ipv6),
                commands=(read_only("ss", "-s"), read_only("sysctl", "net.ipv4.ip_local_port_range"), *show_addresses),
            ),
        )


def wrong_interface(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP010: failed connects would leave through a bridge of containers, through a tunnel, or through another
    interface than the one in the address's own subnet."""
    for target in evidence.targets:
        astray: dict[str, list[Observation[TcpFacts]]] = {}
        # If anything connects from the same address of this host, its interface is right.
        connected = [
            attempt for attempt in evidence.connects(target, HTTPS) if attempt.ok and attempt.facts is not None
        ]
        right = {attempt.facts.source for attempt in connected if attempt.facts is not None}
        up = places(connected)
        for port in judged_ports(target):
            for attempt in evidence.connects(target, port):
                if (
                    not attempt.ok
                    and attempt.subject.address not in up
                    and (why := _astray(attempt, evidence)) is not None
                ):
                    if attempt.facts is not None and attempt.facts.source in right:
                        continue
                    astray.setdefault(why, []).append(attempt)
        if not astray:
            continue
        attempts = [attempt for misrouted in astray.values() for attempt in misrouted]
        sentences = [f"{listed(ordered(places(misrouted)))} {why}" for why, misrouted in astray.items()]
        yield RuleFinding(
            code="TCP010",
            target=target.id,
            headline={"interface": next(attempt.facts.interface for attempt in attempts if attempt.facts is not None)},
            detail=f"This host sends to {'; to '.join(sentences)}.",
            evidence=ids(attempts),
            addresses=places(attempts),
            shared=frozenset(str(attempt.facts.interface) for attempt in attempts if attempt.facts is not None),
            fix=Fix(
                summary="Give the bridge or tunnel another network, or this host a more specific route to the "
                "endpoint's subnet by the right interface; with several interfaces, a routing rule for each source.",
                commands=(
                    read_only("ip", "route", "get", str(attempts[0].subject.address)),
                    read_only("ip", "rule", "show"),
                ),
            ),
        )


def _astray(attempt: Observation[TcpFacts], evidence: Evidence) -> str | None:
    """Why a packet to the address would leave by the wrong interface; None if the interface is right, or if this host
    has no other."""
    facts, address = attempt.facts, attempt.subject.address
    if facts is None or address is None or facts.interface is None:
        return None
    interfaces = [
        interface
        for interface in (evidence.host.interfaces if evidence.host is not None else None) or ()
        if not (
            interface.address.is_loopback or interface.address.is_link_local or interface.name.startswith(_NO_CABLE)
        )
    ]
    if not any(interface.name != facts.interface for interface in interfaces):
        return None
    if BRIDGE.match(facts.interface):
        return f"by {facts.interface}, a bridge of containers"
    here = evidence.imds.vpc_cidrs if evidence.imds is not None else ()
    if _TUNNEL.match(facts.interface) and any(address in block for block in here):
        return f"by {facts.interface}, a tunnel, though the address is in this VPC"
    near = [interface.name for interface in interfaces if address in interface.address.network]
    if near and facts.interface not in near:
        return f"by {facts.interface}, though {near[0]} is in the address's own subnet"
    holders = [
        interface.name for interface in interfaces if facts.source is not None and interface.address.ip == facts.source
    ]
    if holders and facts.interface not in holders:
        return f"by {facts.interface}, with {facts.source} of {holders[0]} as its source"
    return None


RULES: Final = (
    Rule("TCP005", needs=(Step.TCP,), check=blocked_on_this_host),
    Rule("TCP006", needs=(Step.DNS,), check=no_route),
    Rule("TCP010", needs=(Step.TCP,), check=wrong_interface),
    Rule("TCP011", needs=(Step.TCP,), check=no_source_port),
)
