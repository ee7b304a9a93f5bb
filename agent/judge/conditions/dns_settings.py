"""What in the configuration decides over a name (`agent.network.names`), next to what was measured.

Where AWS's documentation leaves open which of two settings wins, a rule reports only where the measurement decides.
"""

from collections.abc import Iterable
from typing import Any, Final

from agent.judge.conditions.names import NameFault, bogus_answers, outside_answers, public_answers, redirected_answers
from agent.judge.conditions.search_list import SearchDomainAnswer, search_domain_answers
from agent.judge.evidence import AT_ADDRESSES, Evidence, kept
from agent.judge.observations import addresses_in, ids
from agent.network.names import firewall_rule_for, private_zone_for, profile_of, resolver_rule_for
from probes.facts import DnsFacts
from probes.frozen import dataclass
from probes.model import Address, Addressing, FailureKind, Observation, Target
from probes.vpc.model import (
    AVAILABLE,
    DELETED,
    ENDPOINTS,
    FirewallRule,
    PrivateZone,
    ResolverRule,
    VpcEndpoint,
)

_OF_SDK: Final = frozenset({Addressing.DEFAULT, Addressing.DUALSTACK, Addressing.FIPS, Addressing.FIPS_DUALSTACK})
"""The names that an SDK builds, of which private DNS may cover some."""
_ADDRESS_TYPES: Final = frozenset({"A", "AAAA"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleAnswer(NameFault):
    """Addresses in this VPC that no interface of an endpoint has, and where nothing of AWS answers."""

    stale: tuple[Address, ...]


@kept
def stale_answers(evidence: Evidence) -> tuple[StaleAnswer, ...]:
    """The targets for which a name server gives addresses in this VPC that no interface of an endpoint has, and where
    nothing of AWS answers. None where the endpoints of the VPC were not all read.

    Addresses outside the VPC may be a central endpoint's, which cannot be seen from here. Inside, the owner of the VPC
    sees every interface endpoint: an account that shares its subnets cannot create any (Amazon VPC User Guide, Share
    your VPC subnets with other accounts).
    """
    interfaces = evidence.configuration.endpoint_interfaces
    vpc = evidence.configuration.vpc
    if interfaces is None or evidence.vpc_id is None or evidence.is_vpc_shared is not False:
        return ()
    blocks = (*(evidence.imds.vpc_cidrs if evidence.imds is not None else ()), *(vpc.cidrs if vpc is not None else ()))
    read = {interface.interface_id for interface in interfaces}
    redirected = {answer.target.id: answer.addresses for answer in redirected_answers(evidence)}
    answers = []
    for target in evidence.targets:
        if (
            evidence.endpoints(target) is None
            or evidence.dropped(ENDPOINTS)  # an address may be that of one that was left out
            or not is_of_this_vpc(evidence, target)
            or any(not read.issuperset(endpoint.interface_ids) for endpoint in endpoints_here(evidence, target))
        ):
            continue
        by = evidence.addresses(target)
        strange = [
            address
            for address in evidence.own_addresses(target)
            if any(address in block for block in blocks if block.version == address.version)
            and evidence.interface_at(address) is None
            and by[address]  # what no name server gave is the hosts file's, or a cache's
            and address not in redirected.get(target.id, ())
            and not evidence.answered_by_aws(target, address)
        ]
        failed = [
            observation
            for observation in evidence.observations
            if observation.subject.step in AT_ADDRESSES
            and observation.subject.target == target.id
            and observation.subject.address in strange
            and observation.made
            and not observation.ok
        ]
        stale = tuple(address for address in strange if any(attempt.subject.address == address for attempt in failed))
        lookup = evidence.own_lookup(target)
        if not stale or lookup is None:
            continue
        resolvers = {resolver for address in stale for resolver in by[address]}
        gave = [answer for answer in evidence.answers(target, resolvers) if set(stale) & set(addresses_in(answer))]
        answers.append(
            StaleAnswer(
                target=target,
                evidence=ids([lookup, *gave, *(attempt for attempt in failed if attempt.subject.address in stale)]),
                addresses=frozenset(stale),
                stale=stale,
            )
        )
    return tuple(answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongAnswer(NameFault):
    """Addresses that belong to no endpoint, which the VPC's resolver gives."""

    is_stale: bool
    """Whether some are addresses in this VPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowedName(WrongAnswer):
    """Addresses that belong to no endpoint, from a private hosted zone that answers in its place."""

    zone: PrivateZone


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedName(WrongAnswer):
    """Addresses that belong to no endpoint, from the servers that a Resolver rule sends the name to."""

    rule: ResolverRule


@kept
def shadowed_names(evidence: Evidence) -> tuple[ShadowedName, ...]:
    """The targets for which the VPC's resolver gives what a private hosted zone has, and no endpoint has that.

    A zone of the very name that points out of a VPC without an endpoint may be right: a central endpoint has its alias
    there. One above the name, or beside an endpoint of this VPC, answers in place of what should.
    """
    shadowed = []
    for target in evidence.targets:
        zone = private_zone_for(evidence.configuration, target.host)
        if zone is None or is_answered_before(evidence, target, zone):
            continue
        is_instead = zone.name != target.host or _has_available_endpoint(evidence, target)
        wrong = _wrong_answer(evidence, target, is_instead=is_instead)
        if wrong is not None:
            shadowed.append(
                ShadowedName(
                    target=target,
                    evidence=wrong.evidence,
                    addresses=wrong.addresses,
                    is_stale=wrong.is_stale,
                    zone=zone,
                )
            )
    return tuple(shadowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedName(NameFault):
    """Public addresses from a private hosted zone of the very name."""

    zone: PrivateZone


@kept
def pinned_names(evidence: Evidence) -> tuple[PinnedName, ...]:
    """The targets for which the VPC's resolver gives public addresses that a private hosted zone of the very name has.

    Nothing asks public DNS for a name of such a zone, and private DNS is refused beside it. A zone above the name is
    left out: private DNS comes before it, once it is on. So are all where the VPC's DNS attributes may be off, without
    which no private zone answers.
    """
    dns = evidence.configuration.dns
    if dns is None or not (dns.support and dns.hostnames):
        return ()
    pinned = []
    for public in public_answers(evidence):
        target = public.target
        zone = private_zone_for(evidence.configuration, target.host, exact=True)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        given = {address for answer in answers for address in addresses_in(answer)}
        if zone is None or not public.addresses <= given or is_answered_before(evidence, target, zone, answers):
            continue
        pinned.append(PinnedName(target=target, evidence=public.evidence, addresses=public.addresses, zone=zone))
    return tuple(pinned)


@kept
def forwarded_names(evidence: Evidence) -> tuple[ForwardedName, ...]:
    """The targets for which the VPC's resolver gives what the servers of a Resolver rule have, and no endpoint has
    that.

    Servers that lead out of a VPC without an endpoint may be right: those of a network with a central endpoint do.
    """
    forwarded = []
    for target in evidence.targets:
        rule = answering_rule(evidence, target)
        if rule is None:
            continue
        wrong = _wrong_answer(evidence, target, is_instead=_has_available_endpoint(evidence, target))
        if wrong is not None:
            forwarded.append(
                ForwardedName(
                    target=target,
                    evidence=wrong.evidence,
                    addresses=wrong.addresses,
                    is_stale=wrong.is_stale,
                    rule=rule,
                )
            )
    return tuple(forwarded)


def _has_available_endpoint(evidence: Evidence, target: Target) -> bool:
    return any(endpoint.state == AVAILABLE for endpoint in endpoints_here(evidence, target))


def _wrong_answer(evidence: Evidence, target: Target, *, is_instead: bool) -> WrongAnswer | None:
    """The addresses that the VPC's resolver gives for a target and that no endpoint has. Those beyond the VPC's blocks
    count alone only where they stand in place of what should answer, since a central endpoint has such addresses."""

    def of_target(faults: Iterable[NameFault]) -> list[NameFault]:
        return [fault for fault in faults if fault.target == target]

    stale = of_target(stale_answers(evidence))
    measured = [*stale, *of_target(bogus_answers(evidence))]
    if measured or is_instead:
        measured += of_target(outside_answers(evidence))
    redirected = {address for fault in of_target(redirected_answers(evidence)) for address in fault.addresses}
    addresses = frozenset(
        address
        for fault in measured
        for address in fault.addresses
        if evidence.interface_at(address) is None and address not in redirected
    )
    answers = evidence.answers(target, evidence.vpc_resolvers)
    given = {address for answer in answers for address in addresses_in(answer)}
    if not addresses or not addresses <= given:
        return None
    return WrongAnswer(
        target=target,
        evidence=tuple(dict.fromkeys(step for fault in measured for step in fault.evidence)),
        addresses=addresses,
        is_stale=bool(stale),
    )


def is_wrong_answer(evidence: Evidence, target: Target, address: Address) -> bool:
    """Whether an address is one that no endpoint has, so that no way to it is missing: it comes from a private hosted
    zone, from the servers of a Resolver rule, from a search domain or by a CNAME that answers instead, or in place of
    the private DNS of this VPC's endpoint."""
    if evidence.interface_at(address) is not None or evidence.gateway_at(address).endpoint is not None:
        return False
    faults: tuple[NameFault | SearchDomainAnswer, ...] = (
        *shadowed_names(evidence),
        *forwarded_names(evidence),
        *redirected_answers(evidence),
        *search_domain_answers(evidence),
        *stale_answers(evidence),
    )
    is_named = any(fault.target == target and address in fault.addresses for fault in faults)
    interfaces = {interface.interface_id for interface in evidence.configuration.endpoint_interfaces or ()}
    is_instead = any(
        endpoint.state == AVAILABLE
        and endpoint.private_dns
        and target.host in endpoint.dns_names
        and interfaces.issuperset(endpoint.interface_ids)
        for endpoint in endpoints_here(evidence, target)
    )
    return is_named or is_instead


def is_answered_before(
    evidence: Evidence, target: Target, zone: PrivateZone, denials: Iterable[Observation[Any]] = ()
) -> bool:
    """Whether something comes before the zone, as far as it is known: the more specific zone of private DNS, a
    forwarding rule that is at least as specific, a DNS Firewall rule."""
    hidden = zone.name != target.host and any(
        endpoint.private_dns and endpoint.state == AVAILABLE and target.host in endpoint.dns_names
        for endpoint in endpoints_here(evidence, target)
    )
    rule = resolver_rule_for(evidence.configuration, target.host)
    forwarded = rule is not None and len(rule.domain) >= len(zone.name)
    blocked = any(blocking_rule(evidence, target.host, answer) is not None for answer in denials)
    return hidden or forwarded or blocked


def answering_rule(evidence: Evidence, target: Target, answers: Iterable[Observation[Any]] = ()) -> ResolverRule | None:
    """The forwarding rule whose servers gave the answers of the VPC's resolver for a target; None where there is none,
    or where something comes before it: a private hosted zone that is more specific or that an answer names, or a DNS
    Firewall rule that has such an answer.

    That the more specific zone of private DNS wins over a rule is likely and not documented. It holds addresses of the
    endpoint, so that any other answer is not its own.
    """
    answers = tuple(answers)
    rule = resolver_rule_for(evidence.configuration, target.host)
    zone = private_zone_for(evidence.configuration, target.host)
    if rule is None or any(blocking_rule(evidence, target.host, answer) is not None for answer in answers):
        return None
    if zone is not None and (len(zone.name) > len(rule.domain) or zone.name in zones_named(answers)):
        return None
    return rule


def blocking_rule(evidence: Evidence, host: str, answer: Observation[Any]) -> FirewallRule | None:
    """The rule that blocks a question, where the answer to it is what the rule has for it."""
    rule = firewall_rule_for(evidence.configuration, host, answer.subject.operation or "")
    return rule if rule is not None and rule.action == "BLOCK" and _is_response(rule, answer) else None


def _is_response(rule: FirewallRule, answer: Observation[Any]) -> bool:
    match rule.block_response:
        case "NXDOMAIN" | "NODATA" as kind:
            return _is_denial(answer, FailureKind(kind.lower()))
        case "OVERRIDE":
            name = answer.facts.canonical_name if isinstance(answer.facts, DnsFacts) else None
            return name is not None and rule.override is not None and _plain(name) == _plain(rule.override)
    return False


def is_of_this_vpc(evidence: Evidence, target: Target) -> bool:
    """Whether the target is a name that an SDK builds for the Region that this VPC is in."""
    region = None if evidence.imds is None else evidence.imds.region
    return target.addressing in _OF_SDK and target.region == region


def endpoints_here(evidence: Evidence, target: Target) -> tuple[VpcEndpoint, ...]:
    """The endpoints of the target's service in this VPC that are not gone; none where that says nothing of the name."""
    if evidence.vpc_id is None or not is_of_this_vpc(evidence, target):
        return ()
    listed_here = evidence.endpoints(target, vpc_id=evidence.vpc_id) or ()
    return tuple(endpoint for endpoint in listed_here if endpoint.state != DELETED)


def endpoints_of_profiles(evidence: Evidence, target: Target) -> tuple[VpcEndpoint, ...]:
    """The endpoints of the target's service in other VPCs of this account that Profiles bring to this one."""
    listed_anywhere = evidence.endpoints(target) or ()
    return tuple(
        endpoint
        for endpoint in listed_anywhere
        if endpoint.state != DELETED
        and endpoint.vpc_id != evidence.vpc_id
        and profile_of(evidence.configuration, endpoint.endpoint_id) is not None
    )


def denials_of(evidence: Evidence, target: Target, kind: FailureKind) -> list[Observation[Any]]:
    """The answers of the VPC's resolver, for addresses, that say that there is no such name, or no address."""
    asked = evidence.answers(target, evidence.vpc_resolvers)
    return [answer for answer in asked if answer.subject.operation in _ADDRESS_TYPES and _is_denial(answer, kind)]


def _is_denial(answer: Observation[Any], kind: FailureKind) -> bool:
    if kind is FailureKind.NODATA and answer.ok:
        return not addresses_in(answer)  # nothing went wrong in asking
    return answer.failure is not None and answer.failure.kind is kind


def zones_named(denials: Iterable[Observation[Any]]) -> frozenset[str]:
    """The zones that the SOA records of negative answers name."""
    facts = (answer.facts for answer in denials)
    return frozenset(_plain(fact.authority) for fact in facts if isinstance(fact, DnsFacts) and fact.authority)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def unanswered(evidence: Evidence, target: Target) -> list[Observation[Any]]:
    """The questions to those of this host's name servers that are the VPC's resolver, that got no answer; none
    where this host resolves the name all the same, as by its hosts file."""
    lookup = evidence.own_lookup(target)
    if lookup is not None and lookup.ok:
        return []
    own = set(evidence.configured_resolvers).intersection(evidence.vpc_resolvers)
    asked = evidence.answers(target, own)
    return [answer for answer in asked if answer.failure is not None and answer.failure.kind is FailureKind.TIMEOUT]
