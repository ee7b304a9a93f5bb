"""Faults of how names resolve, as they were measured.

The rules over names report them; rules over the configuration look for what in it brings them about.
"""

from dataclasses import dataclass

from agent.catalog.partitions import SUFFIXES
from agent.catalog.vpce import read_name
from agent.judge.evidence import Evidence, kept
from agent.judge.observations import NO_REASON, addresses_in, has_answered, ids, private_in
from agent.settings import Expect
from probes.addresses import AddressScope
from probes.facts import DnsFacts
from probes.model import Address, Addressing, FailureKind, Observation, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFault:
    """A fault of how a target's name resolves."""

    target: Target
    evidence: tuple[str, ...]
    """Ids of the observations that show it."""
    addresses: frozenset[Address] = frozenset()
    """Where it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAnswer(NameFault):
    """This host gets public addresses, and the VPC's resolver gives none that are private."""

    public: tuple[Address, ...]
    private: tuple[Address, ...]
    """What the same lookup gave next to them."""
    is_resolver_asked: bool
    """Whether the VPC's resolver answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingName(NameFault):
    """The name does not exist for this host."""

    zones: tuple[str, ...]
    """The zones that say so, by their SOA records (RFC 2308)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectedAnswer(NameFault):
    """A CNAME leads outside the names that AWS has for the service."""

    names: tuple[str, ...]
    answers: tuple[Observation[DnsFacts], ...]
    is_aws: bool
    """Whether AWS answers where it leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAnswer(NameFault):
    """The name leads to private addresses beyond this VPC's blocks, where AWS did not answer."""

    outside: tuple[Address, ...]


@kept
def public_answers(evidence: Evidence) -> tuple[PublicAnswer, ...]:
    """The targets with public addresses here and, from the VPC's resolver, none that are private. Public IPv6 next to
    private IPv4 is a lesser fault, and not this one. None where a public path is expected, too."""
    if evidence.run.expect is not Expect.PRIVATE:
        return ()
    found = []
    for target in evidence.targets:
        own = evidence.own_addresses(target)
        private = tuple(address for address in own if evidence.is_private(address))
        families = {4} if any(address.version == 4 for address in private) else {4, 6}
        public = tuple(address for address in own if evidence.is_public(address) and address.version in families)
        asked = evidence.answers(target, evidence.vpc_resolvers)
        versions = {address.version for address in public}
        if not public or any(address.version in versions for address in private_in(evidence, asked)):
            continue
        answered = [answer for answer in asked if has_answered(answer)]
        found.append(
            PublicAnswer(
                target=target,
                evidence=(*ids(filter(None, [evidence.own_lookup(target)])), *ids(answered)),
                addresses=frozenset(public),
                public=public,
                private=private,
                is_resolver_asked=bool(answered),
            )
        )
    return tuple(found)


@kept
def missing_names(evidence: Evidence) -> tuple[MissingName, ...]:
    """The targets whose own lookup ended with NXDOMAIN, unless every name server that answered has the name: then what
    failed is this host's own lookup. One that gave no reason has the reason that all name servers give."""
    found = []
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if lookup is None or lookup.failure is None:
            continue
        asked = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
        denials = [
            answer for answer in asked if answer.failure is not None and answer.failure.kind is FailureKind.NXDOMAIN
        ]
        if lookup.failure.kind is FailureKind.NXDOMAIN:
            if not denials and any(answer.ok for answer in asked):
                continue
        elif lookup.failure.kind not in NO_REASON or not denials or len(denials) < len(asked):
            continue
        zones = sorted({answer.facts.authority for answer in denials if answer.facts and answer.facts.authority})
        found.append(MissingName(target=target, evidence=ids([lookup, *denials]), zones=tuple(zones)))
    return tuple(found)


@kept
def empty_answers(evidence: Evidence) -> tuple[NameFault, ...]:
    """The targets whose name exists for this host and has no address of any family: the own lookup says so, or gives
    another reason or none where all name servers say so."""
    found = []
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if lookup is None or lookup.failure is None:
            continue
        tried = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
        asked = [answer for answer in tried if answer.ok]
        if lookup.failure.kind is not FailureKind.NODATA and not (
            lookup.failure.kind in (FailureKind.NXDOMAIN, *NO_REASON)
            and tried
            and len(asked) == len(tried)
            and not any(map(addresses_in, asked))
        ):
            continue
        found.append(NameFault(target=target, evidence=ids([lookup, *asked])))
    return tuple(found)


@kept
def redirected_answers(evidence: Evidence) -> tuple[RedirectedAnswer, ...]:
    """The targets whose name leads by CNAME outside the service's own names. A host that the operator named is left
    out: its aliases are the operator's as well."""
    found = []
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        aliases = [
            (answer, answer.facts.canonical_name)
            for answer in evidence.answers(target, evidence.configured_resolvers)
            if answer.facts is not None and answer.facts.canonical_name is not None
        ]
        astray = [(answer, name) for answer, name in aliases if not _is_of_service(name, target)]
        if not astray or lookup is None or target.addressing is Addressing.CUSTOM:
            continue
        given = frozenset(address for answer, _ in astray for address in addresses_in(answer))
        led_to = given.intersection(evidence.own_answer(target))
        answers = tuple(answer for answer, _ in astray)
        found.append(
            RedirectedAnswer(
                target=target,
                # A lookup that failed is named by what names the failure, and not by a redirection.
                evidence=ids([*([lookup] if lookup.ok else []), *answers]),
                addresses=led_to,
                names=tuple(sorted({name for _, name in astray})),
                answers=answers,
                is_aws=any(evidence.answered_by_aws(target, address) for address in led_to),
            )
        )
    return tuple(found)


def _is_of_service(name: str, target: Target) -> bool:
    """Whether a name lies below a domain of AWS's, and is not the endpoint name of another service."""
    name = name.rstrip(".").lower()
    own = read_name(name)
    of_aws = name.endswith(tuple(f".{suffix}" for suffix in SUFFIXES))
    return of_aws and (own is None or own.service == target.service)


@kept
def outside_answers(evidence: Evidence) -> tuple[OutsideAnswer, ...]:
    """The targets with private addresses beyond this VPC's blocks, where AWS did not answer."""
    imds = evidence.imds
    if imds is None or not imds.vpc_cidrs:
        return ()
    found = []
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        outside = tuple(
            address
            for address in evidence.own_addresses(target)
            if evidence.scope(address) is AddressScope.PRIVATE
            and any(block.version == address.version for block in imds.vpc_cidrs)
            and not evidence.answered_by_aws(target, address)
        )
        if lookup is not None and outside:
            found.append(
                OutsideAnswer(target=target, evidence=ids([lookup]), addresses=frozenset(outside), outside=outside)
            )
    return tuple(found)
