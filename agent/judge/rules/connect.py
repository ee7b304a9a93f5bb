"""TCP: who answered a connect, how, and from where.

Every attempt that failed has exactly one nature, and each rule names those of one nature. Which one it is follows from
the errno, the sender of an ICMP error, the time it took and what the kernel knows of the next hop, all measured on
Linux; where the kernel names no sender, none is claimed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, Final

from agent.catalog.services import HTTPS
from agent.catalog.wording import after, duration, listed
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Found, Rule, admit, describe_endpoint, ids, places, ranges, read_only, this_host
from agent.report.hops import Reachability
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import Network, ordered
from probes.facts import TcpFacts
from probes.model import Address, FailureKind, Observation, Step, Target

SUPPORT_CHANNEL: Final = 2222
FILTER_CHARACTERS: Final = 72
"""Of a word that cannot be broken, on a line of 80 columns with its indent."""
QUICK_SECONDS: Final = 0.0002
"""A reset sooner than this can come from a filter on this host (measured: under 0.2 ms)."""
LOCAL_SECONDS: Final = 0.5
"""An ICMP error from an own address sooner than this is a filter's; later it is a neighbour that never answered, which
takes about 3 s."""
_BRIDGE: Final = re.compile(r"docker|br-[0-9a-f]{12}$|cni|cbr|flannel|cali|virbr|lxcbr|lxdbr|podman|veth")
"""Interfaces that lead to containers and machines on this host."""
_TUNNEL: Final = re.compile(r"tun|tap|wg|ppp|ipsec")
_NO_CABLE: Final = ("lo", "dummy")
"""Interfaces that hold addresses and lead nowhere."""
UNRESOLVED: Final = frozenset({"incomplete", "failed"})
_ROUTERS_SAY_UNREACHABLE: Final = {4: frozenset({0, 1, 5, 6, 7, 11, 12}), 6: frozenset({0, 3})}
"""ICMP type 3 codes for network and host (RFC 1812, section 5.2.7.1); ICMPv6 type 1: no route, address (RFC 4443)."""


class Nature(Enum):
    """What stopped an attempt."""

    SILENT = auto()
    REFUSED = auto()
    LOCAL = auto()
    NO_WAY = auto()
    OTHER = auto()


def nature_of(attempt: Observation[TcpFacts], own_addresses: frozenset[object]) -> Nature:
    """What stopped a failed attempt."""
    failure, facts = attempt.failure, attempt.facts or TcpFacts()
    if failure is None:
        return Nature.OTHER
    icmp = facts.icmp
    from_here = _from_here(facts, own_addresses)
    match failure.kind:
        case FailureKind.TIMEOUT:
            if facts.datagram_error in ("EPERM", "EACCES"):
                return Nature.LOCAL
            if facts.route_error is not None or facts.neighbour in UNRESOLVED:
                return Nature.NO_WAY
            return Nature.SILENT
        case FailureKind.PROHIBITED:
            return Nature.REFUSED if icmp is not None and not from_here else Nature.LOCAL
        case FailureKind.REFUSED | FailureKind.UNREACHABLE if from_here:
            return Nature.LOCAL if (attempt.seconds or 0.0) < LOCAL_SECONDS else Nature.NO_WAY
        case FailureKind.REFUSED | FailureKind.RESET:
            return Nature.REFUSED
        case FailureKind.UNREACHABLE if icmp is not None:
            unreachable = icmp.code in _ROUTERS_SAY_UNREACHABLE[icmp.sender.version]
            return Nature.NO_WAY if unreachable else Nature.REFUSED
        case FailureKind.UNREACHABLE:
            return Nature.NO_WAY
    return Nature.OTHER


def _from_here(facts: TcpFacts, own_addresses: frozenset[object]) -> bool:
    """Whether an ICMP error came from this host itself: the address that the attempt was made from is its own, too."""
    return facts.icmp is not None and (facts.icmp.sender in own_addresses or facts.icmp.sender == facts.source)


def is_without_way(attempt: Observation[TcpFacts], vpc_cidrs: Iterable[Network]) -> bool:
    """Whether this host has no way to an address of its own VPC, whoever may have that: its route look-up finds none,
    or its router does not answer."""
    facts, address = attempt.facts, attempt.subject.address
    if attempt.failure is None or facts is None or address is None or not any(address in each for each in vpc_cidrs):
        return False
    router_is_silent = facts.neighbour in UNRESOLVED and facts.next_hop not in (None, address)
    return facts.route_error is not None or facts.at_once or router_is_silent


def _failed(evidence: Evidence, target: Target, nature: Nature, ports: tuple[int, ...]) -> list[Observation[TcpFacts]]:
    """Attempts of one nature, but for those of a family that fails as a whole: that is TCP008, whatever stops it."""
    own = frozenset[object](evidence.own_addresses_of_host)
    down = _family_down(evidence.connects(target, HTTPS))
    return [
        attempt
        for port in ports
        for attempt in evidence.connects(target, port)
        if not attempt.ok and nature_of(attempt, own) is nature and _version(attempt) != down
    ]


def _beside(evidence: Evidence, target: Target, attempts: list[Observation[TcpFacts]]) -> tuple[str, ...]:
    """The attempts themselves, and what failed the same way on the other required ports of the same addresses: it is
    the same fault."""
    ports = tuple(port for port in evidence.required_ports(target) if port != HTTPS)
    more = [
        each
        for nature in (Nature.SILENT, Nature.REFUSED)
        for each in _failed(evidence, target, nature, ports)
        if each.subject.address in places(attempts)
    ]
    return ids([*attempts, *more])


def port_blocked(evidence: Evidence) -> Iterator[Found]:
    """TCP001: 443 connects nowhere, and is silent where nothing else stopped it."""
    for target in evidence.targets:
        tried = evidence.connects(target, HTTPS)
        silent = _failed(evidence, target, Nature.SILENT, (HTTPS,))
        if not silent or any(attempt.ok for attempt in tried):
            continue
        where = listed(attempt.subject.address for attempt in silent)
        unseen = [address for address in evidence.own_addresses(target) if address not in places(tried)]
        rest = f"{listed(unseen)} {_was(unseen)} not measured" if unseen else "no address connects"
        near = [attempt for attempt in silent if _is_in_own_subnet(evidence, attempt)]
        device = "a security group does" if len(near) == len(silent) else "a security group or a network ACL does"
        beside = f" {_beside_this_host(near)}" if near else ""
        yield Found(
            code="TCP001",
            target=target.id,
            detail=f"443 timed out on {where}{_share(evidence, target, silent)}{', each' if len(silent) > 1 else ''} "
            f"{after(silent)}; {rest}. Dropped without a word, as {device}; a filter on this host that drops TCP alone "
            f"looks the same.{beside}",
            evidence=_beside(evidence, target, silent),
            addresses=places(silent),
            fix=_let_out(silent)
            if all(evidence.is_public(address) for address in places(silent))
            else _let_in(target, silent, near)
            if not _is_let_pass(evidence, target, silent)
            else _LOOK_BESIDE,
        )


def _is_let_pass(evidence: Evidence, target: Target, attempts: Sequence[Observation[TcpFacts]]) -> bool:
    """Whether groups, network ACLs and routes let all of these pass, as EC2 has just said: nothing is to be opened
    there."""
    tried = {(each.subject.address, each.subject.port) for each in attempts}
    paths = [path for path in evidence.configured_paths(target) if (path.address, path.port) in tried]
    known = evidence.is_configuration_fresh and len(paths) == len(tried)
    return known and all(path.predicted is Reachability.OPEN for path in paths)


_LOOK_BESIDE: Final = Fix(
    summary="EC2 says that groups, network ACLs and routes let this pass, so there is nothing to open in them. Look at "
    "this host's own firewall, for TCP rules on what leaves it, and at firewalls between the subnets.",
    commands=(read_only("nft", "list", "ruleset"),),
)


def _is_in_own_subnet(evidence: Evidence, attempt: Observation[TcpFacts]) -> bool:
    """Whether this host's own subnet holds both ends, as metadata has it: network ACLs act at the edge of a subnet, and
    not inside (Amazon VPC User Guide)."""
    address = attempt.subject.address
    source = attempt.facts.source if attempt.facts is not None else None
    blocks = evidence.imds.subnet_cidrs if evidence.imds is not None else ()
    return any(address in block and (source is None or source in block) for block in blocks)


def _beside_this_host(near: list[Observation[TcpFacts]]) -> str:
    one = len(near) == 1
    return (
        f"{listed(attempt.subject.address for attempt in near)} {'is' if one else 'are'} in this host's own subnet, "
        "inside which no network ACL acts."
    )


def _let_in(target: Target, silent: list[Observation[TcpFacts]], near: list[Observation[TcpFacts]]) -> Fix:
    """What to do where an endpoint is silent; no ACL is in the way to those `near`."""
    parts = ["Admit this host on 443 in the endpoint's security group, and let 443 out in this host's own group."]
    if len(near) < len(silent):
        parts.append("Both subnets' network ACLs must pass 443 there and ports 1024-65535 back.")
    return Fix(
        summary=" ".join(parts),
        commands=(
            describe_endpoint(target),
            read_only(
                *("aws", "ec2", "describe-security-group-rules", "--region", target.region),
                *("--filters", "Name=group-id,Values=<INSTANCE_SECURITY_GROUP_ID>"),
                scope=CommandScope.VPC,
            ),
            *(admit(target, HTTPS, source) for source in this_host(silent)),
        ),
    )


def zone_silent(evidence: Evidence) -> Iterator[Found]:
    """TCP002: some addresses of the name are silent or refuse on 443 while others connect."""
    for target in evidence.targets:
        tried = evidence.connects(target, HTTPS)
        connected = [attempt for attempt in tried if attempt.ok]
        silent = _failed(evidence, target, Nature.SILENT, (HTTPS,))
        refused = _failed(evidence, target, Nature.REFUSED, (HTTPS,))
        if not connected or not (silent or refused):
            continue
        said = [
            f"{verb} on {listed(attempt.subject.address for attempt in attempts)} {after(attempts)}"
            for verb, attempts in (("timed out", silent), ("was refused", refused))
            if attempts
        ]
        yield Found(
            code="TCP002",
            target=target.id,
            detail=f"443 {listed(said)}, while {listed(attempt.subject.address for attempt in connected)} "
            f"connect{'s' if len(connected) == 1 else ''}. Calls fail or stall whenever the name resolves to the "
            "others.",
            evidence=_beside(evidence, target, [*silent, *refused]),
            addresses=places([*silent, *refused]),
            fix=_LOOK_BESIDE
            if _is_let_pass(evidence, target, [*silent, *refused])
            else Fix(
                summary="Compare the subnet of the failing address with the others: its network ACL, its routes. An "
                "endpoint's security groups act on all of its interfaces alike.",
                commands=(*whose_address(evidence, target, [*silent, *refused]), describe_endpoint(target)),
            ),
        )


def whose_address(evidence: Evidence, target: Target, seen: Sequence[Observation[Any]]) -> tuple[Command, ...]:
    """Show which interfaces have these addresses, or the first of them, a command for each family; none for public
    ones, which no interface of an endpoint has."""
    addresses = [address for address in ordered(places(seen)) if not evidence.is_public(address)]
    return tuple(
        read_only(
            *("aws", "ec2", "describe-network-interfaces", "--region", target.region),
            *("--filters", _filter(name, found)),
            scope=CommandScope.SUBNET,
        )
        for version, name in ((4, "addresses.private-ip-address"), (6, "ipv6-addresses.ipv6-address"))
        if (found := [str(address) for address in addresses if address.version == version])
    )


def _filter(name: str, values: list[str]) -> str:
    """A filter of the AWS CLI, which is one word: as many of the values as a line has room for, one at least."""
    word = f"Name={name},Values={values[0]}"
    for value in values[1:]:
        if len(word) + 1 + len(value) > FILTER_CHARACTERS:
            break
        word += f",{value}"
    return word


def gateway_ports_blocked(evidence: Evidence) -> Iterator[Found]:
    """TCP003: 443 connects and, at the same addresses, ports that a Backup gateway cannot do without do not."""
    for target in evidence.targets:
        up = places(attempt for attempt in evidence.connects(target, HTTPS) if attempt.ok)
        ports = tuple(port for port in evidence.required_ports(target) if port != HTTPS)
        silent, refused = (
            [each for each in _failed(evidence, target, nature, ports) if each.subject.address in up]
            for nature in (Nature.SILENT, Nature.REFUSED)
        )
        blocked = [*silent, *refused]
        if not blocked:
            continue
        closed = sorted({attempt.subject.port for attempt in blocked if attempt.subject.port is not None})
        said = []
        for verb, kept in (("timed out", silent), ("refused", refused)):
            for where, at in _by_place(kept):
                be = f"{_was(at)} " if verb == "refused" else ""
                there = [each for each in kept if each.subject.address in where and each.subject.port in at]
                said.append(f"{listed(at)} {be}{verb} on {listed(where)} {after(there)}")
        yield Found(
            code="TCP003",
            target=target.id,
            detail=f"443 connects, but {'; '.join(said)}. A gateway needs these ports to be activated, controlled and "
            "to move data.",
            evidence=ids(blocked),
            addresses=places(blocked),
            fix=_LOOK_BESIDE
            if _is_let_pass(evidence, target, blocked)
            else Fix(
                summary="Admit the gateway appliance's subnet on these ports in the endpoint's security group. This "
                "host is not the appliance: test from its subnet as well.",
                commands=tuple(
                    admit(target, first, "<APPLIANCE_SUBNET_CIDR>", last=last) for first, last in ranges(closed)
                ),
            ),
        )


def refused_by_peer(evidence: Evidence) -> Iterator[Found]:
    """TCP004: 443 connects nowhere, and a reset or another host's ICMP error refuses it."""
    for target in evidence.targets:
        refused = _failed(evidence, target, Nature.REFUSED, (HTTPS,))
        if not refused or any(attempt.ok for attempt in evidence.connects(target, HTTPS)):
            continue
        resets = [each for each in refused if each.facts is None or each.facts.icmp is None]
        errors = [each for each in refused if each not in resets]
        senders = ordered(each.facts.icmp.sender for each in errors if each.facts is not None and each.facts.icmp)
        share = _share(evidence, target, refused)
        said = [
            f"on {listed(each.subject.address for each in attempts)}{share} by {who} {after(attempts)}"
            for who, attempts in (("a reset", resets), (f"an ICMP error from {listed(senders)}", errors))
            if attempts
        ]
        quick = any(each.seconds is not None and each.seconds < QUICK_SECONDS for each in resets)
        yield Found(
            code="TCP004",
            target=target.id,
            detail=f"443 was refused {listed(said)}."
            + (f" A reset quicker than {duration(QUICK_SECONDS)} can come from a filter on this host, too." * quick),
            evidence=_beside(evidence, target, refused),
            addresses=places(refused),
            fix=Fix(
                summary="Somebody answers for this address and does not want the connection: make sure that it is the "
                "endpoint's, and look for a firewall or a proxy on the way that rejects 443.",
                commands=(describe_endpoint(target),),
            ),
        )


def blocked_on_this_host(evidence: Evidence) -> Iterator[Found]:
    """TCP005: this host's own kernel refuses: connect() says so, an own address sends the ICMP error, or UDP to the
    same place is forbidden."""
    for target in evidence.targets:
        local = _failed(evidence, target, Nature.LOCAL, evidence.required_ports(target))
        if not local:
            continue
        why = sorted({_local_reason(each) for each in local})
        yield Found(
            code="TCP005",
            target=target.id,
            detail=f"This host itself stops connections to {_ports_at(local)}: {listed(why)}.",
            evidence=ids(local),
            addresses=places(local),
            fix=Fix(
                summary="Look for an output rule in this host's firewall, a prohibit route, or a security module, and "
                "allow the endpoint's addresses and ports there.",
                commands=(
                    read_only("nft", "list", "ruleset"),
                    read_only("ip", "route", "get", str(local[0].subject.address)),
                ),
            ),
        )


def no_route(evidence: Evidence) -> Iterator[Found]:
    """TCP006: there is no way to the address: no route, a router that says so, a neighbour that does not answer, or
    no address of any family that the name has."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        answer = evidence.own_answer(target)
        if lookup is not None and answer and not evidence.own_addresses(target):
            families = list(dict.fromkeys(f"IPv{address.version}" for address in answer))
            yield Found(
                code="TCP006",
                target=target.id,
                detail=f"{target.host} resolves to {listed(answer)} alone, and this host has "
                f"{listed(f'no {family}' for family in families)} address of its own.",
                evidence=ids([lookup]),
                addresses=frozenset(answer),
                fix=Fix(
                    summary=f"Give this host an {' or '.join(families)} address, or let the endpoint answer in a "
                    "family that it has (the endpoint's IP address type and DNS record type).",
                    commands=(describe_endpoint(target),),
                ),
            )
            continue
        stuck = _failed(evidence, target, Nature.NO_WAY, evidence.required_ports(target))
        if not stuck:
            continue
        own = frozenset[object](evidence.own_addresses_of_host)
        why = sorted({_way_reason(each, own) for each in stuck})
        yield Found(
            code="TCP006",
            target=target.id,
            detail=f"There is no way to {_ports_at(stuck)}: {listed(why)}.",
            evidence=ids(stuck),
            addresses=places(stuck),
            fix=Fix(
                summary="Give this host a route to the endpoint's subnets. Where a router or a neighbour is named, "
                "look there: its route, or whether anything has that address at all.",
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


def _let_out(attempts: list[Observation[TcpFacts]]) -> Fix:
    """What to do where the silent addresses are public: no endpoint is on that way."""
    return Fix(
        summary="Look for what drops 443 on the way out: the security group and network ACL of this host, its route to "
        "a NAT or internet gateway, a firewall.",
        commands=(read_only("ip", "route", "get", str(attempts[0].subject.address)),),
    )


def _share(evidence: Evidence, target: Target, attempts: list[Observation[TcpFacts]]) -> str:
    """How many of the addresses in use that is, where it is not all."""
    count = len(evidence.own_addresses(target))
    return "" if len(attempts) == count else f" ({len(attempts)} of {count} addresses)"


def _was(items: list[Address] | list[int]) -> str:
    return "was" if len(items) == 1 else "were"


def _by_place(attempts: list[Observation[TcpFacts]]) -> list[tuple[tuple[Address, ...], list[int]]]:
    """Addresses and ports of attempts, such that every attempt is in one row and every row is all attempts."""
    addresses_of: dict[int, tuple[Address, ...]] = {}
    for port in sorted({each.subject.port for each in attempts if each.subject.port is not None}):
        addresses_of[port] = ordered(places(each for each in attempts if each.subject.port == port))
    rows: dict[tuple[Address, ...], list[int]] = {}
    for port, where in addresses_of.items():
        rows.setdefault(where, []).append(port)
    return list(rows.items())


def _ports_at(attempts: list[Observation[TcpFacts]]) -> str:
    return "; ".join(f"{listed(where)} on {listed(ports)}" for where, ports in _by_place(attempts))


def _local_reason(attempt: Observation[TcpFacts]) -> str:
    facts = attempt.facts or TcpFacts()
    if facts.icmp is not None:
        return f"an ICMP error from its own address {facts.icmp.sender} {after([attempt])}"
    if facts.datagram_error is not None:
        return f"TCP is dropped in silence and a UDP datagram to the same place met {facts.datagram_error}"
    code = attempt.failure.code if attempt.failure else None
    return f"connect() returned {code}" if code else "connect() was not permitted"


def _way_reason(attempt: Observation[TcpFacts], own_addresses: frozenset[object]) -> str:
    facts = attempt.facts or TcpFacts()
    code = (attempt.failure.code if attempt.failure else None) or "an error"
    if facts.neighbour in UNRESOLVED:
        return f"{facts.next_hop or 'the next hop'} does not answer on the own subnet (ARP or neighbour discovery)"
    if facts.icmp is not None and not _from_here(facts, own_addresses):
        return f"the router {facts.icmp.sender} says that it is unreachable"
    if facts.icmp is not None:
        return f"nobody answers for it on the own subnet ({code} {after([attempt])})"
    if facts.route_error is not None or facts.at_once:
        return f"the route look-up finds none ({facts.route_error or code})"
    return f"connect() met {code} {after([attempt])}, and nothing says who sent it"


def support_port_blocked(evidence: Evidence) -> Iterator[Found]:
    """TCP007: of a gateway's ports only the one of AWS Support's channel is closed."""
    own = evidence.own_addresses_of_host
    for target in evidence.targets:
        closed = [
            each
            for each in evidence.connects(target, SUPPORT_CHANNEL)
            if not each.ok and nature_of(each, own) in (Nature.SILENT, Nature.REFUSED)
        ]
        at = places(closed)
        ports = evidence.required_ports(target)
        others = [evidence.at(Step.TCP, target, address, port) for address in at for port in ports]
        if not others or not all(each is not None and each.ok for each in others):
            continue
        yield Found(
            code="TCP007",
            target=target.id,
            detail=f"Port {SUPPORT_CHANNEL} does not connect at {listed(ordered(at))}, all others do. It serves AWS "
            "Support's channel alone; backups do not need it.",
            evidence=ids(closed),
            addresses=at,
            fix=Fix(
                summary="Open it while AWS Support works on the gateway.",
                commands=(admit(target, SUPPORT_CHANNEL, "<APPLIANCE_SUBNET_CIDR>"),),
            ),
        )


def ipv6_path_broken(evidence: Evidence) -> Iterator[Found]:
    """TCP008: on 443 one address family fails at every address while the other connects."""
    for target in evidence.targets:
        tried = evidence.connects(target, HTTPS)
        broken = _family_down(tried)
        if broken is None:
            continue
        working = 10 - broken
        failed = [each for each in tried if _version(each) == broken]
        beside = [
            each
            for port in evidence.required_ports(target)
            for each in evidence.connects(target, port)
            if not each.ok and _version(each) == broken
        ]
        yield Found(
            code="TCP008",
            target=target.id,
            detail=f"443 fails at every IPv{broken} address ({listed(each.subject.address for each in failed)}) "
            f"and connects at every IPv{working} one. Clients that prefer IPv{broken} lose a timeout on each call.",
            evidence=ids(beside),
            addresses=places(failed),
            fix=Fix(
                summary=f"Mend the IPv{broken} way (security group and network ACL rules are per family, and so are "
                f"routes), or let the endpoint answer in IPv{working} alone.",
                commands=(describe_endpoint(target),),
            ),
        )


def no_source_port(evidence: Evidence) -> Iterator[Found]:
    """TCP011: this host has no free source port left, or no IPv6 address to connect from."""
    for target in evidence.targets:
        starved = [
            each
            for port in evidence.required_ports(target)
            for each in evidence.connects(target, port)
            if each.failure is not None and each.failure.kind is FailureKind.NO_SOURCE_PORT
        ]
        if not starved:
            continue
        # Linux says EADDRNOTAVAIL as well where every IPv6 address is tentative or has failed detection of duplicates.
        by_ipv6 = any(_version(each) == 6 for each in starved)
        or_address = ", or no IPv6 address that can be used (tentative, dadfailed)" if by_ipv6 else ""
        show_addresses = (read_only("ip", "-6", "address", "show"),) if by_ipv6 else ()
        yield Found(
            code="TCP011",
            target=target.id,
            detail=f"This host has no free source port left for {listed(ordered(places(starved)))}{or_address}.",
            evidence=ids(starved),
            addresses=places(starved),
            fix=Fix(
                summary="Find the process that holds thousands of connections, and let it reuse them."
                + (" If none does, give this host an IPv6 address that is not tentative or dadfailed." * by_ipv6),
                commands=(read_only("ss", "-s"), read_only("sysctl", "net.ipv4.ip_local_port_range"), *show_addresses),
            ),
        )


def lossy_path(evidence: Evidence) -> Iterator[Found]:
    """TCP009: connects that succeeded, and needed more than one SYN for it."""
    for target in evidence.targets:
        slow = [
            each
            for port in evidence.required_ports(target)
            for each in evidence.connects(target, port)
            if each.ok and each.facts is not None and each.facts.retransmits
        ]
        if not slow:
            continue
        tried = sum(len(evidence.connects(target, port)) for port in evidence.required_ports(target))
        yield Found(
            code="TCP009",
            target=target.id,
            detail=f"{len(slow)} of {tried} connects needed more than one try, {after(slow)}: {_ports_at(slow)}. A "
            "first packet, or the answer to it, was lost.",
            evidence=ids(slow),
            addresses=places(slow),
            fix=Fix(
                summary="Run again with more time for a step: a packet may be lost once. Where it stays so, look at "
                "the allowance counters of this instance's interface (conntrack_allowance_exceeded), and at tunnels "
                "and firewalls on the way.",
                commands=(
                    read_only("ethtool", "-S", "<INTERFACE>"),
                    # SYNs go out after 0, 1, 3 and 7 s (RFC 6298): the third may not fit in a step of 3 s.
                    read_only("backuplink", "check", "--region", target.region, "--timeout", "10"),
                ),
            ),
        )


def wrong_interface(evidence: Evidence) -> Iterator[Found]:
    """TCP010: what fails to connect would leave through a bridge of containers, a tunnel, or another interface than
    the one in the address's own subnet."""
    for target in evidence.targets:
        astray: dict[str, list[Observation[TcpFacts]]] = {}
        # What connects anywhere from the same address of this host leaves by an interface that is right.
        connected = [each for each in evidence.connects(target, HTTPS) if each.ok and each.facts is not None]
        right = {each.facts.source for each in connected if each.facts is not None}
        up = places(connected)
        for port in evidence.required_ports(target):
            for each in evidence.connects(target, port):
                if not each.ok and each.subject.address not in up and (why := _astray(each, evidence)) is not None:
                    if each.facts is not None and each.facts.source in right:
                        continue
                    astray.setdefault(why, []).append(each)
        if not astray:
            continue
        attempts = [each for found in astray.values() for each in found]
        said = [f"{listed(ordered(places(found)))}: {why}" for why, found in astray.items()]
        yield Found(
            code="TCP010",
            target=target.id,
            detail=f"This host sends to {'; to '.join(said)}.",
            evidence=ids(attempts),
            addresses=places(attempts),
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
    """Why the interface that a packet would leave by is not the one for its address; None where it is, or where there
    is no other."""
    facts, address = attempt.facts, attempt.subject.address
    if facts is None or address is None or facts.interface is None:
        return None
    interfaces = [
        each
        for each in (evidence.host.interfaces if evidence.host is not None else None) or ()
        if not (each.address.is_loopback or each.address.is_link_local or each.name.startswith(_NO_CABLE))
    ]
    if not any(each.name != facts.interface for each in interfaces):
        return None
    if _BRIDGE.match(facts.interface):
        return f"by {facts.interface}, a bridge of containers"
    here = evidence.imds.vpc_cidrs if evidence.imds is not None else ()
    if _TUNNEL.match(facts.interface) and any(address in block for block in here):
        return f"by {facts.interface}, a tunnel, though it is in this VPC"
    near = [each.name for each in interfaces if address in each.address.network]
    if near and facts.interface not in near:
        return f"by {facts.interface}, though {near[0]} is in the address's own subnet"
    holders = [each.name for each in interfaces if facts.source is not None and each.address.ip == facts.source]
    if holders and facts.interface not in holders:
        return f"by {facts.interface}, with {facts.source} of {holders[0]} as its source"
    return None


def _family_down(tried: tuple[Observation[TcpFacts], ...]) -> int | None:
    """The IP version of which no attempt connects while every one of the other does; None where there is none."""
    for broken, working in ((6, 4), (4, 6)):
        failed = [each for each in tried if _version(each) == broken]
        others = [each for each in tried if _version(each) == working]
        if failed and others and not any(each.ok for each in failed) and all(each.ok for each in others):
            return broken
    return None


def _version(attempt: Observation[TcpFacts]) -> int | None:
    return attempt.subject.address.version if attempt.subject.address is not None else None


RULES: Final = (
    Rule("TCP001", needs=(Step.TCP,), check=port_blocked),
    Rule("TCP002", needs=(Step.TCP,), check=zone_silent),
    Rule("TCP003", needs=(Step.TCP,), check=gateway_ports_blocked),
    Rule("TCP004", needs=(Step.TCP,), check=refused_by_peer),
    Rule("TCP005", needs=(Step.TCP,), check=blocked_on_this_host),
    Rule("TCP006", needs=(Step.DNS,), check=no_route),
    Rule("TCP007", needs=(Step.TCP,), check=support_port_blocked),
    Rule("TCP008", needs=(Step.TCP,), check=ipv6_path_broken),
    Rule("TCP009", needs=(Step.TCP,), check=lossy_path),
    Rule("TCP010", needs=(Step.TCP,), check=wrong_interface),
    Rule("TCP011", needs=(Step.TCP,), check=no_source_port),
)
