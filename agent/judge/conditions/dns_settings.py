"""Settings in the configuration that decide how a name resolves (`agent.network.names`), compared with the measurement.

If AWS's documentation leaves open which of two settings wins, a rule reports only what the measurement shows.
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
"""The kinds of names that an SDK builds. Private DNS may cover some of them."""
_ADDRESS_TYPES: Final = frozenset({"A", "AAAA"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleAnswer(NameFault):
    """Addresses in this VPC that no endpoint interface has, and at which AWS does not answer."""

    stale: tuple[Address, ...]


@kept
def stale_answers(evidence: Evidence) -> tuple[StaleAnswer, ...]:
    """The targets for which a name server gives addresses in this VPC that no endpoint interface has, and at which AWS
    does not answer. Empty if the VPC's endpoints were not all read.

    Addresses outside the VPC may belong to a central endpoint that cannot be seen from here. The VPC's owner sees every
    interface endpoint in it, since an account with which the VPC shares subnets cannot create endpoints (Amazon VPC
    User Guide, Share your VPC subnets with other accounts).
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
            or evidence.dropped(ENDPOINTS)  # the address may belong to an endpoint that was left out
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
            and by[address]  # addresses that no name server gave come from the hosts file or a cache
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
    """Addresses from the VPC's resolver that belong to no endpoint."""

    is_stale: bool
    """Whether some of the addresses are in this VPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowedName(WrongAnswer):
    """Addresses that belong to no endpoint, from a private hosted zone that answers in the endpoint's place."""

    zone: PrivateZone


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedName(WrongAnswer):
    """Addresses that belong to no endpoint, from the servers to which a Resolver rule forwards the name."""

    rule: ResolverRule


@kept
def shadowed_names(evidence: Evidence) -> tuple[ShadowedName, ...]:
    """The targets for which the VPC's resolver gives addresses from a private hosted zone, although no endpoint has
    these addresses.

    If the VPC has no endpoint, a zone of exactly this name may be right, since it may point to a central endpoint in
    another VPC. A zone of a parent domain hides the right answer, and so does any zone if the VPC has an endpoint.
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
    """Public addresses from a private hosted zone of exactly this name."""

    zone: PrivateZone


@kept
def pinned_names(evidence: Evidence) -> tuple[PinnedName, ...]:
    """The targets for which the VPC's resolver gives public addresses from a private hosted zone of exactly the name.

    Names in such a zone never reach public DNS, and private DNS cannot be turned on beside it. Zones of a parent domain
    are left out, because private DNS takes precedence over them if it is on. If the VPC's DNS attributes may be off,
    all zones are left out, because then no private zone answers.
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
    """The targets for which the VPC's resolver gives addresses from the servers of a Resolver rule, although no
    endpoint has these addresses.

    In a VPC without an endpoint, servers that give addresses outside the VPC may be right, as in a network with a
    central endpoint.
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
    """The addresses that the VPC's resolver gives for a target and that no endpoint has. Addresses outside the VPC's
    blocks count only if they replace the right answer, since a central endpoint may have such addresses."""

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
    """Whether an address belongs to no endpoint. Its path then need not be judged. Such an address comes from a private
    hosted zone, from the servers of a Resolver rule, from a search domain, from a CNAME, or from another source that
    replaces the private DNS of this VPC's endpoint."""
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
    """Whether another setting is known to take precedence over the zone: the more specific zone of private DNS, a
    forwarding rule that is at least as specific, or a DNS Firewall rule."""
    hidden = zone.name != target.host and any(
        endpoint.private_dns and endpoint.state == AVAILABLE and target.host in endpoint.dns_names
        for endpoint in endpoints_here(evidence, target)
    )
    rule = resolver_rule_for(evidence.configuration, target.host)
    forwarded = rule is not None and len(rule.domain) >= len(zone.name)
    blocked = any(blocking_rule(evidence, target.host, answer) is not None for answer in denials)
    return hidden or forwarded or blocked


def answering_rule(evidence: Evidence, target: Target, answers: Iterable[Observation[Any]] = ()) -> ResolverRule | None:
    """The forwarding rule whose servers gave the VPC's resolver its answers for a target. None if there is no such
    rule, or if the answers may come from something else: a more specific private hosted zone, a zone that an answer
    names, or a DNS Firewall rule with the same answer.

    The more specific zone of private DNS probably wins over a rule, but this is not documented. That zone contains only
    the endpoint's addresses, so any other answer did not come from it.
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
    """The DNS Firewall rule that blocks a question, if the measured answer is the one that this rule gives."""
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
    """Whether the target is a name that an SDK builds for the Region of this VPC."""
    region = None if evidence.imds is None else evidence.imds.region
    return target.addressing in _OF_SDK and target.region == region


def endpoints_here(evidence: Evidence, target: Target) -> tuple[VpcEndpoint, ...]:
    """The endpoints of the target's service in this VPC that are not deleted. Empty if an SDK does not build the
    target's name for this VPC's Region, because the endpoints are then irrelevant to the name."""
    if evidence.vpc_id is None or not is_of_this_vpc(evidence, target):
        return ()
    listed_here = evidence.endpoints(target, vpc_id=evidence.vpc_id) or ()
    return tuple(endpoint for endpoint in listed_here if endpoint.state != DELETED)


def endpoints_of_profiles(evidence: Evidence, target: Target) -> tuple[VpcEndpoint, ...]:
    """The endpoints of the target's service in other VPCs of this account that Profiles bring to this VPC."""
    listed_anywhere = evidence.endpoints(target) or ()
    return tuple(
        endpoint
        for endpoint in listed_anywhere
        if endpoint.state != DELETED
        and endpoint.vpc_id != evidence.vpc_id
        and profile_of(evidence.configuration, endpoint.endpoint_id) is not None
    )


def denials_of(evidence: Evidence, target: Target, kind: FailureKind) -> list[Observation[Any]]:
    """The answers of the VPC's resolver to questions for addresses that deny the name in this way: it does not exist,
    or it has no address."""
    asked = evidence.answers(target, evidence.vpc_resolvers)
    return [answer for answer in asked if answer.subject.operation in _ADDRESS_TYPES and _is_denial(answer, kind)]


def _is_denial(answer: Observation[Any], kind: FailureKind) -> bool:
    if kind is FailureKind.NODATA and answer.ok:
        return not addresses_in(answer)  # the question itself succeeded
    return answer.failure is not None and answer.failure.kind is kind


def zones_named(denials: Iterable[Observation[Any]]) -> frozenset[str]:
    """The zones that the SOA records of negative answers name."""
    facts = (answer.facts for answer in denials)
    return frozenset(_plain(fact.authority) for fact in facts if isinstance(fact, DnsFacts) and fact.authority)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def unanswered(evidence: Evidence, target: Target) -> list[Observation[Any]]:
    """The unanswered questions to the VPC's resolver. Empty if the resolver is not one of this host's name servers, or
    if this host resolves the name anyway, for example by its hosts file."""
    lookup = evidence.own_lookup(target)
    if lookup is not None and lookup.ok:
        return []
    own = set(evidence.configured_resolvers).intersection(evidence.vpc_resolvers)
    asked = evidence.answers(target, own)
    return [answer for answer in asked if answer.failure is not None and answer.failure.kind is FailureKind.TIMEOUT]
