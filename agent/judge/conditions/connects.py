"""Reasons why connects failed.

Every failed attempt has exactly one nature. It follows from the errno, the sender of an ICMP error, the time that the
attempt took, and what the kernel knows about the next hop, all measured on Linux. If the kernel does not report the
sender of an error, the nature says nothing about the sender.
"""

from collections.abc import Collection, Iterable
from enum import Enum, auto
from typing import Final

from agent.catalog.wording import listed
from agent.judge.evidence import Evidence, kept
from agent.judge.observations import addresses_in, kind_of, places
from probes.addresses import Network, is_nat64, ordered
from probes.facts import TcpFacts
from probes.model import Address, FailureKind, Observation, Role, Step, Target
from probes.ports import HTTPS

LOCAL_SECONDS: Final = 0.5
"""A limit in seconds for an ICMP error from one of this host's own addresses. If the error comes faster, a filter sent
it. If it comes after about 3 s, a neighbour never answered."""
NOTHING: Final = frozenset({"all that leaves this host"})
"""The part at fault if a host reaches nothing at all. All findings then have this part in common."""
UNRESOLVED: Final = frozenset({"incomplete", "failed"})
_ROUTERS_SAY_UNREACHABLE: Final = {4: frozenset({0, 1, 5, 6, 7, 11, 12}), 6: frozenset({0, 3})}
"""The codes with which a router says that a network or host is unreachable, by IP version: codes of ICMP type 3 (RFC
1812, section 5.2.7.1), and of ICMPv6 type 1 for "no route" and "address" (RFC 4443)."""


class Nature(Enum):
    """The reason why an attempt failed."""

    SILENT = auto()
    REFUSED = auto()
    LOCAL = auto()
    NO_WAY = auto()
    OTHER = auto()


def nature_of(attempt: Observation[TcpFacts], own_addresses: frozenset[object]) -> Nature:
    """The nature of a failed attempt."""
    failure, facts = attempt.failure, attempt.facts or TcpFacts()
    if failure is None:
        return Nature.OTHER
    icmp = facts.icmp
    from_here = is_from_here(facts, own_addresses)
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


def is_from_here(facts: TcpFacts, own_addresses: frozenset[object]) -> bool:
    """Whether an ICMP error came from this host itself: from one of its known addresses, or from the source address of
    the attempt."""
    return facts.icmp is not None and (facts.icmp.sender in own_addresses or facts.icmp.sender == facts.source)


def has_no_way(attempt: Observation[TcpFacts], vpc_cidrs: Iterable[Network]) -> bool:
    """Whether an attempt failed because this host has no path to an address of its own VPC: the route lookup finds no
    route, or the router does not answer. Whether anything has that address does not matter."""
    facts, address = attempt.facts, attempt.subject.address
    if attempt.failure is None or facts is None or address is None or not any(address in block for block in vpc_cidrs):
        return False
    router_is_silent = facts.neighbour in UNRESOLVED and facts.next_hop not in (None, address)
    return facts.route_error is not None or facts.at_once or router_is_silent


def failed_connects(
    evidence: Evidence, target: Target, nature: Nature, ports: tuple[int, ...]
) -> list[Observation[TcpFacts]]:
    """Failed attempts of one nature. Attempts that another finding reports are left out: attempts of a family that
    fails as a whole (TCP008, whatever stops it), attempts to IPv6 addresses without a route while other attempts
    connect (also TCP008), and attempts through a NAT64 gateway while other attempts work (DNS012)."""
    own = frozenset[object](evidence.own_addresses_of_host)
    down = family_down(evidence.connects(target, HTTPS))
    aside = places((*nat64_down(evidence, target), *unrouted_ipv6(evidence, target)))
    return [
        attempt
        for port in ports
        for attempt in evidence.connects(target, port)
        if not attempt.ok
        and nature_of(attempt, own) is nature
        and version_of(attempt) != down
        and attempt.subject.address not in aside
    ]


def family_down(tried: tuple[Observation[TcpFacts], ...]) -> int | None:
    """The IP version in which every attempt fails while every attempt in the other version connects; None if there is
    no such version. Attempts to addresses that DNS64 made do not count."""
    tried = tuple(attempt for attempt in tried if not is_translated(attempt))
    for broken, working in ((6, 4), (4, 6)):
        failed = [attempt for attempt in tried if version_of(attempt) == broken]
        others = [attempt for attempt in tried if version_of(attempt) == working]
        if failed and others and not any(connect.ok for connect in failed) and all(connect.ok for connect in others):
            return broken
    return None


@kept
def nat64_down(evidence: Evidence, target: Target) -> tuple[Observation[TcpFacts], ...]:
    """The attempts through a NAT64 gateway. Empty unless all of them fail while an attempt to another address
    connects."""
    tried = evidence.connects(target, HTTPS)
    translated = tuple(attempt for attempt in tried if is_translated(attempt))
    others = [attempt for attempt in tried if not is_translated(attempt)]
    is_down = not any(attempt.ok for attempt in translated) and any(attempt.ok for attempt in others)
    return translated if is_down else ()


@kept
def unrouted_ipv6(evidence: Evidence, target: Target) -> tuple[Observation[TcpFacts], ...]:
    """The attempts to IPv6 addresses without a route. Empty unless an attempt to another address connects. Clients skip
    addresses without a route, and lose no time."""
    tried = evidence.connects(target, HTTPS)
    if not any(attempt.ok for attempt in tried):
        return ()
    return tuple(
        attempt
        for attempt in tried
        if version_of(attempt) == 6 and not is_translated(attempt) and _has_no_route(attempt)
    )


def _has_no_route(attempt: Observation[TcpFacts]) -> bool:
    facts = attempt.facts or TcpFacts()
    return not attempt.ok and (facts.route_error is not None or (facts.at_once and _is_unreachable(attempt)))


def _is_unreachable(attempt: Observation[TcpFacts]) -> bool:
    return attempt.failure is not None and attempt.failure.kind is FailureKind.UNREACHABLE


@kept
def reaches_nothing(evidence: Evidence) -> bool:
    """Whether this host reaches nothing: instance metadata, EC2 and every service are silent. More than one service
    must be silent, because the endpoint of a single service may be closed. False outside AWS, where there is no
    metadata service."""
    metadata = [request for request in evidence.metadata if request.made]
    connects = [attempt for attempt in evidence.of(Step.TCP) if attempt.made]
    own = frozenset[object](evidence.own_addresses_of_host)
    return (
        evidence.in_aws
        and bool(metadata)
        and all(kind_of(request) is FailureKind.TIMEOUT for request in metadata)
        and not any(read.ok for read in evidence.of(Step.EC2))
        and len({attempt.subject.target for attempt in connects}) > 1
        and all(_is_unanswered(attempt, own) for attempt in connects)
    )


def _is_unanswered(attempt: Observation[TcpFacts], own_addresses: frozenset[object]) -> bool:
    """Whether a packet was sent and nothing came back, not even from the next hop."""
    facts = attempt.facts or TcpFacts()
    if attempt.ok or facts.route_error is not None or facts.at_once:
        return False
    nature = nature_of(attempt, own_addresses)
    is_from_afar = facts.icmp is not None and not is_from_here(facts, own_addresses)
    return nature is Nature.SILENT or (nature is Nature.NO_WAY and not is_from_afar)


def speaks_for_all(evidence: Evidence, target: Target, nature: Nature) -> bool:
    """Whether this host reaches nothing, and this target is the first required one with attempts of this nature on 443.
    The finding of that target then covers all targets."""
    if not reaches_nothing(evidence):
        return False
    required = (other for other in evidence.targets if other.role is Role.REQUIRED)
    first = next((other for other in required if failed_connects(evidence, other, nature, (HTTPS,))), None)
    return first == target


def is_translated(attempt: Observation[TcpFacts]) -> bool:
    """Whether an attempt is to an address that DNS64 made (RFC 6052)."""
    return attempt.subject.address is not None and is_nat64(attempt.subject.address)


def version_of(attempt: Observation[TcpFacts]) -> int | None:
    return attempt.subject.address.version if attempt.subject.address is not None else None


def also_silent(evidence: Evidence, target: Target, addresses: Iterable[Address]) -> str:
    """A sentence about addresses that programs would get if the name were repaired, and at which port 443 fails, too.
    Empty unless it fails at all of them."""
    tried = ordered(addresses)
    if not tried or not all(evidence.is_unconnected(target, address) for address in tried):
        return ""
    return f" 443 does not connect at {listed(tried)} from this host either: that is another fault."


def connects_elsewhere(evidence: Evidence, target: Target) -> tuple[Address, ...]:
    """The private addresses that connect and that the VPC's resolver gives, but this host's own lookup does not. Empty
    if this host asks the VPC's resolver itself, since answers of the resolver rotate."""
    if not set(evidence.configured_resolvers).isdisjoint(evidence.vpc_resolvers):
        return ()
    given = {
        address
        for answer in evidence.answers(target, evidence.vpc_resolvers)
        for address in addresses_in(answer)
        if evidence.is_private(address)
    }
    own = evidence.own_answer(target)
    return ordered(address for address in given.difference(own) if evidence.is_connected(target, address))


def connects_beside(evidence: Evidence, target: Target, addresses: Collection[Address]) -> tuple[Address, ...]:
    """The private addresses that connect, and that a name server gives in one answer with all of `addresses`, for a
    name of the target's service. They are of the same family, since groups and network ACLs have rules per family."""
    versions = {address.version for address in addresses}
    return ordered(
        address
        for other in evidence.targets
        if other.service == target.service
        for answer in evidence.of(Step.DNS, other)
        if set(addresses).issubset(given := addresses_in(answer))
        for address in given
        if evidence.is_private(address) and {address.version} == versions and evidence.is_connected(other, address)
    )
