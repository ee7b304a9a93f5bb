"""Wrong answers of the VPC's resolver, each with the setting that gave it: a Resolver rule, a private hosted zone or a
DNS Firewall rule. The VPC has the setting itself, or a Route 53 Profile brings it (`profile_of`)."""

from collections.abc import Iterator
from typing import Any, Final

from agent.catalog.wording import listed
from agent.judge.conditions.dns_settings import (
    answering_rule,
    blocking_rule,
    denials_of,
    endpoints_here,
    endpoints_of_profiles,
    forwarded_names,
    is_answered_before,
    pinned_names,
    shadowed_names,
    unanswered,
    zones_named,
)
from agent.judge.conditions.names import (
    DeniedName,
    NameFault,
    empty_answers,
    is_of_vpc_resolver,
    missing_names,
    mixed_answers,
    public_answers,
    redirected_answers,
)
from agent.judge.conditions.resolvers import failing_resolvers, refused_lookups, silent_resolvers
from agent.judge.evidence import Evidence, kept
from agent.judge.observations import addresses_in, ids, servers_of, verb_ending
from agent.network.names import is_matched, private_zone_for, resolver_rule_for
from probes.addresses import ordered
from probes.frozen import dataclass
from probes.model import FailureKind, Observation
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    VPC,
    FirewallRule,
    PrivateZone,
    ResolverRule,
    VpcEndpoint,
)

STALE_READS: Final = (ENDPOINTS, ENDPOINT_INTERFACES, VPC)
"""Reads without which a stale answer cannot be recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedAnswer(NameFault):
    """An answer of the servers to which a Resolver rule forwards the name, or their failure to answer."""

    rule: ResolverRule
    measured: str
    """The answer of the VPC's resolver, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowingAnswer(NameFault):
    """An answer of a private hosted zone."""

    zone: PrivateZone
    measured: str
    """The answer for the name, in a sentence."""
    lacks: str = ""
    """What the zone does not have, in words that follow `which answers for the name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingAnswer(NameFault):
    """An answer of DNS Firewall."""

    rule: FirewallRule
    fits: tuple[str, ...]
    """The entries of the domain list that match the name."""
    measured: str
    """The answer, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAnswer(NameFault):
    """Addresses of an endpoint in another VPC that a Profile brings, and at which AWS did not answer."""

    endpoint: VpcEndpoint
    measured: str
    """The answer for the name, in a sentence."""


@kept
def forwarding_answers(evidence: Evidence) -> tuple[ForwardedAnswer, ...]:
    """The wrong answers that come from the servers of Resolver rules: a public address although the endpoint's private
    DNS is in order, a denial of the name or of its addresses, addresses that no endpoint has, private and public
    addresses in one answer, an error, or no answer.

    The more specific zone of private DNS probably takes precedence over a rule, but this is not documented. The
    measured answer therefore decides.
    """
    return tuple(_forwarding_answers(evidence))


def _forwarding_answers(evidence: Evidence) -> Iterator[ForwardedAnswer]:
    dns = evidence.configuration.dns
    for seen in public_answers(evidence):
        target = seen.target
        rule = resolver_rule_for(evidence.configuration, target.host)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        public = [answer for answer in answers if any(map(evidence.is_public, addresses_in(answer)))]
        on = [
            endpoint.endpoint_id
            for endpoint in endpoints_here(evidence, target)
            if endpoint.private_dns and endpoint.state == AVAILABLE and target.host in endpoint.dns_names
        ]
        if rule is None or not public or not on or dns is None or not (dns.support and dns.hostnames):
            continue
        yield ForwardedAnswer(
            target=target,
            evidence=(*seen.evidence, *ids(public)),
            addresses=seen.addresses,
            rule=rule,
            measured=f"{servers_of(public)} resolve{'s' if len(public) == 1 else ''} {target.host} to "
            f"{listed(ordered(seen.addresses))}, though private DNS of {listed(on)} is on.",
        )
    for kind, faults, what in (
        (FailureKind.NXDOMAIN, missing_names(evidence), "that there is no"),
        (FailureKind.NODATA, empty_answers(evidence), "no address for"),
    ):
        for denied in faults:
            target = denied.target
            denials = denials_of(evidence, target, kind)
            rule = answering_rule(evidence, target, denials)
            if rule is not None and denials:
                says_so = "says" if kind is FailureKind.NXDOMAIN else "gives"
                yield ForwardedAnswer(
                    target=target,
                    evidence=(*denied.evidence, *ids(denials)),
                    addresses=denied.addresses,
                    rule=rule,
                    measured=f"The VPC's resolver ({servers_of(denials)}) {says_so} {what} {target.host}.",
                )
    for forwarded in forwarded_names(evidence):
        target = forwarded.target
        gave = [
            answer
            for answer in evidence.answers(target, evidence.vpc_resolvers)
            if forwarded.addresses.intersection(addresses_in(answer))
        ]
        yield ForwardedAnswer(
            target=target,
            evidence=(*forwarded.evidence, *ids(gave)),
            addresses=forwarded.addresses,
            rule=forwarded.rule,
            measured=f"{servers_of(gave)} resolve{'s' if len(gave) == 1 else ''} {target.host} to "
            f"{listed(ordered(forwarded.addresses))}.",
        )
    for mixed in mixed_answers(evidence):
        target = mixed.target
        answers = evidence.answers(target, evidence.vpc_resolvers)
        rule = answering_rule(evidence, target, answers)
        # Neither private DNS nor public DNS gives both kinds of addresses, so they come from the rule's servers,
        # whatever endpoint is here.
        if rule is not None and is_of_vpc_resolver(evidence, mixed):
            gave = [answer for answer in answers if mixed.addresses.intersection(addresses_in(answer))]
            yield ForwardedAnswer(
                target=target,
                evidence=(*mixed.evidence, *ids(gave)),
                addresses=mixed.addresses,
                rule=rule,
                measured=f"{servers_of(gave)} resolve{verb_ending(gave)} {target.host} to private addresses "
                f"({listed(mixed.private)}) and public ones ({listed(mixed.public)}).",
            )
    for failing in (*failing_resolvers(evidence), *refused_lookups(evidence)):
        target = failing.target
        rule = resolver_rule_for(evidence.configuration, target.host)
        failed = [
            answer for answer in evidence.answers(target, evidence.vpc_resolvers) if answer.id in failing.evidence
        ]
        if rule is not None and failed:
            why = listed(sorted({read.failure.message for read in failed if read.failure is not None}))
            yield ForwardedAnswer(
                target=target,
                evidence=(*failing.evidence, *ids(failed)),
                addresses=failing.addresses,
                rule=rule,
                measured=f"The VPC's resolver ({servers_of(failed)}) gives no usable answer for {target.host}: {why}.",
            )
    silent = silent_resolvers(evidence)
    if silent is not None:
        for target in evidence.targets:
            rule = resolver_rule_for(evidence.configuration, target.host)
            asked = unanswered(evidence, target)
            if rule is not None and asked and (dns is None or dns.support):
                yield ForwardedAnswer(
                    target=target,
                    evidence=(*silent.evidence, *ids(asked)),
                    rule=rule,
                    measured=f"The VPC's resolver ({servers_of(asked)}) gives no answer for {target.host}.",
                )


def _denials(evidence: Evidence) -> Iterator[tuple[DeniedName, FailureKind, list[Observation[Any]], str]]:
    """The names that do not exist or have no address, each with the denying answers of the VPC's resolver and a
    sentence that says which of the two is the case."""
    for kind, faults, what in (
        (FailureKind.NXDOMAIN, missing_names(evidence), "does not exist for this host"),
        (FailureKind.NODATA, empty_answers(evidence), "has no address for this host"),
    ):
        for seen in faults:
            yield seen, kind, denials_of(evidence, seen.target, kind), f"{seen.target.host} {what}."


@kept
def shadowing_answers(evidence: Evidence) -> tuple[ShadowingAnswer, ...]:
    """The wrong answers that come from private hosted zones of the name or of a parent domain: the name does not exist,
    it has no address, or it has addresses that no endpoint has, including public ones."""
    return tuple(_shadowing_answers(evidence))


def _shadowing_answers(evidence: Evidence) -> Iterator[ShadowingAnswer]:
    for seen, kind, denials, measured in _denials(evidence):
        target = seen.target
        zone = private_zone_for(evidence.configuration, target.host)
        if zone is None or not denials:
            continue
        named = zones_named(denials)
        if zone.name not in named and (named or is_answered_before(evidence, target, zone, denials)):
            continue
        yield ShadowingAnswer(
            target=target,
            evidence=(*seen.evidence, *ids(denials)),
            addresses=seen.addresses,
            zone=zone,
            measured=measured,
            lacks=f" but has no {'record' if kind is FailureKind.NXDOMAIN else 'address record'} of it"
            + ("; the SOA record of the answer names that zone" if zone.name in named else ""),
        )
    for public in pinned_names(evidence):
        yield ShadowingAnswer(
            target=public.target,
            evidence=public.evidence,
            addresses=public.addresses,
            zone=public.zone,
            measured=f"{public.target.host} resolves to {listed(ordered(public.addresses))}, outside the private path.",
        )
    for mixed in mixed_answers(evidence):
        target = mixed.target
        zone = private_zone_for(evidence.configuration, target.host)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        # Names in such a zone never reach public DNS, so both kinds of addresses come from the zone.
        if (
            zone is not None
            and is_of_vpc_resolver(evidence, mixed)
            and not is_answered_before(evidence, target, zone, answers)
        ):
            yield ShadowingAnswer(
                target=target,
                evidence=mixed.evidence,
                addresses=mixed.addresses,
                zone=zone,
                measured=f"{target.host} resolves to private addresses ({listed(mixed.private)}) and public ones "
                f"({listed(mixed.public)}).",
            )
    for shadowed in shadowed_names(evidence):
        reads = ids(evidence.reads(*STALE_READS)) if shadowed.is_stale else ()
        yield ShadowingAnswer(
            target=shadowed.target,
            evidence=(*shadowed.evidence, *reads),
            addresses=shadowed.addresses,
            zone=shadowed.zone,
            measured=f"{shadowed.target.host} resolves to {listed(ordered(shadowed.addresses))}.",
        )


@kept
def blocking_answers(evidence: Evidence) -> tuple[BlockingAnswer, ...]:
    """The answers of DNS Firewall to blocked names. The first rule that matches a name gives the answer."""
    return tuple(_blocking_answers(evidence))


def _blocking_answers(evidence: Evidence) -> Iterator[BlockingAnswer]:
    for seen, _, denials, measured in _denials(evidence):
        target = seen.target
        zone = private_zone_for(evidence.configuration, target.host)
        rule = next(filter(None, (blocking_rule(evidence, target.host, answer) for answer in denials)), None)
        if rule is None or (zone is not None and zone.name in zones_named(denials)):
            continue
        yield BlockingAnswer(
            target=target,
            evidence=(*seen.evidence, *ids(denials)),
            addresses=seen.addresses,
            rule=rule,
            fits=_fitting(rule, target.host),
            measured=measured,
        )
    for redirected in redirected_answers(evidence):
        target = redirected.target
        for answer in evidence.answers(target, evidence.vpc_resolvers):
            rule = blocking_rule(evidence, target.host, answer)
            if rule is not None and answer.facts is not None:
                yield BlockingAnswer(
                    target=target,
                    evidence=(*redirected.evidence, *ids([answer])),
                    addresses=redirected.addresses,
                    rule=rule,
                    fits=_fitting(rule, target.host),
                    measured=f"{target.host} has a CNAME to {answer.facts.canonical_name}.",
                )
                break


def _fitting(rule: FirewallRule, host: str) -> tuple[str, ...]:
    return tuple(domain for domain in rule.domains or () if is_matched(host, domain))


@kept
def answers_of_endpoints(evidence: Evidence) -> tuple[EndpointAnswer, ...]:
    """The names that a Profile leads to an endpoint of another VPC although an endpoint in this VPC is available. If
    this VPC has no endpoint, the other VPC's endpoint is right, and only the path to it can be at fault."""
    answers = []
    for target in evidence.targets:
        if (
            not any(endpoint.state == AVAILABLE for endpoint in endpoints_here(evidence, target))
            or private_zone_for(evidence.configuration, target.host) is not None
            or resolver_rule_for(evidence.configuration, target.host) is not None
        ):
            continue
        gave = evidence.answers(target, evidence.vpc_resolvers)
        given = {address for answer in gave for address in addresses_in(answer)}
        lookup = evidence.own_lookup(target)
        for endpoint in endpoints_of_profiles(evidence, target):
            led = [
                address
                for address in evidence.own_addresses(target)
                if address in given
                and not evidence.answered_by_aws(target, address)
                and (interface := evidence.interface_at(address)) is not None
                and interface.interface_id in endpoint.interface_ids
            ]
            if led and lookup is not None:
                answers.append(
                    EndpointAnswer(
                        target=target,
                        evidence=ids([lookup, *gave]),
                        addresses=frozenset(led),
                        endpoint=endpoint,
                        measured=f"{target.host} resolves to {listed(ordered(led))}, where AWS does not answer.",
                    )
                )
    return tuple(answers)
