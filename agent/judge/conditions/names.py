"""Measured faults in how names resolve.

Rules about names report these faults. Rules about the configuration look for the causes of these faults in the
configuration.
"""

from collections.abc import Iterable
from typing import Any, Final

from agent.catalog.partitions import SUFFIXES
from agent.catalog.vpce import read_name
from agent.judge.conditions.search_list import addresses_of_name, answer_of_name, lookup_of_name
from agent.judge.evidence import Evidence, kept
from agent.judge.observations import NO_REASON, NOT_THERE, addresses_in, has_answered, ids, kind_of
from agent.settings import Expect
from probes.addresses import AddressScope, ordered, usable_families
from probes.facts import DnsFacts
from probes.frozen import dataclass
from probes.model import Address, Addressing, FailureKind, Observation, Target

RECORD_OF: Final = {4: "A", 6: "AAAA"}
"""The type of the DNS records that hold addresses of an IP version."""
_UNUSABLE: Final = frozenset(
    {
        FailureKind.SERVFAIL,
        FailureKind.DNS_REFUSED,
        FailureKind.DNS_MALFORMED,
        FailureKind.MALFORMED,
        FailureKind.TOO_LARGE,
    }
)
"""Outcomes of a question to a name server that leave open whether there is an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFault:
    """A fault in how a target's name resolves."""

    target: Target
    evidence: tuple[str, ...]
    """Ids of the observations that are its evidence."""
    addresses: frozenset[Address] = frozenset()
    """The addresses with the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAnswer(NameFault):
    """This host gets public addresses of a family, and the VPC's resolver does not keep the name private in this
    family."""

    public: tuple[Address, ...]
    private: tuple[Address, ...]
    """The private addresses that the same lookup gives."""
    is_resolver_asked: bool
    """Whether the VPC's resolver answered."""
    private_elsewhere: tuple[Address, ...]
    """Addresses of the other family that the VPC's resolver gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedAnswer(NameFault):
    """One lookup gives private and public addresses of the same family."""

    lookup: Observation[Any]
    private: tuple[Address, ...]
    public: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedName(NameFault):
    """The name does not exist for this host, or has no address of any family."""

    zones: tuple[str, ...]
    """The zones that deny the name, according to the SOA records (RFC 2308)."""
    servers: tuple[Address, ...]
    """The name servers that deny the name."""

    @property
    def said_by(self) -> frozenset[str]:
        """The zones that deny the name or, if the zones are unknown, the name servers that deny it."""
        return frozenset(self.zones) or frozenset(map(str, self.servers))


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectedAnswer(NameFault):
    """A CNAME points outside the names that AWS uses for the service."""

    names: tuple[str, ...]
    answers: tuple[Observation[DnsFacts], ...]
    is_aws: bool
    """Whether AWS answers at the name in the CNAME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAnswer(NameFault):
    """The name resolves to private addresses outside this VPC's blocks, at which AWS did not answer."""

    outside: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyAnswer:
    """The addresses of one family that this host and the VPC's resolver get for a target."""

    version: int
    private: tuple[Address, ...]
    """The private addresses that the host's own lookup gave."""
    public: tuple[Address, ...]
    """The public addresses that the host's own lookup gave."""
    theirs: tuple[Address, ...]
    """The private addresses that the VPC's resolver gave."""
    is_asked: bool
    """Whether the VPC's resolver answered for this family."""
    is_theirs_empty: bool
    """Whether the VPC's resolver answered and gave no address of this family."""

    @property
    def leaves(self) -> bool:
        """Whether this host gets only public addresses of the family."""
        return bool(self.public) and not self.private


@kept
def family_answers(evidence: Evidence, target: Target) -> tuple[FamilyAnswer, ...]:
    """The answers for a target, one for each address family of this host. A private address of one family proves
    nothing for the other, since programs may use either."""
    own = addresses_of_name(evidence, target)
    asked = [answer for answer in evidence.answers(target, evidence.vpc_resolvers) if has_answered(answer)]
    families = []
    for version in sorted(usable_families(evidence.host)):
        of_family = [address for address in own if address.version == version]
        answered = [answer for answer in asked if answer.subject.operation == RECORD_OF[version]]
        given = [address for answer in asked for address in addresses_in(answer) if address.version == version]
        families.append(
            FamilyAnswer(
                version=version,
                private=tuple(filter(evidence.is_private, of_family)),
                public=tuple(filter(evidence.is_public, of_family)),
                theirs=ordered(filter(evidence.is_private, given)),
                is_asked=bool(answered),
                is_theirs_empty=bool(answered) and not given,
            )
        )
    return tuple(families)


def is_kept_back(family: FamilyAnswer, families: Iterable[FamilyAnswer]) -> bool:
    """Whether the VPC's resolver keeps the name private in this family. It does if it gives private addresses of the
    family, or if it gives no address of the family and private addresses of the other family."""
    return bool(family.theirs) or (family.is_theirs_empty and any(other.theirs for other in families))


@kept
def public_answers(evidence: Evidence) -> tuple[PublicAnswer, ...]:
    """The targets for which this host gets public addresses of a family, and the VPC's resolver does not keep the name
    private in this family. Public IPv6 next to private IPv4 is a lesser fault, which another finding reports. Empty if
    a public path is as good as a private one."""
    results = []
    for target in evidence.targets:
        if evidence.expected_path(target) is not Expect.PRIVATE:
            continue
        families = family_answers(evidence, target)
        private = tuple(address for family in families for address in family.private)
        is_ipv4_private = any(address.version == 4 for address in private)
        astray = [
            family
            for family in families
            if family.public and not is_kept_back(family, families) and not (family.version == 6 and is_ipv4_private)
        ]
        if not astray:
            continue
        public = tuple(address for family in astray for address in family.public)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        answered = [answer for answer in answers if has_answered(answer)]
        results.append(
            PublicAnswer(
                target=target,
                evidence=(*ids(filter(None, [lookup_of_name(evidence, target)])), *ids(answered)),
                addresses=frozenset(public),
                public=public,
                private=private,
                is_resolver_asked=bool(answered),
                private_elsewhere=tuple(
                    address for family in families if family not in astray for address in family.theirs
                ),
            )
        )
    return tuple(results)


@kept
def mixed_answers(evidence: Evidence) -> tuple[MixedAnswer, ...]:
    """The targets whose lookup gives private and public addresses of the same family. Empty if a public path is not a
    fault."""
    mixed = []
    for target in evidence.targets:
        if evidence.expected_path(target) is not Expect.PRIVATE:
            continue
        lookup = lookup_of_name(evidence, target)
        for version in RECORD_OF:
            own = [address for address in addresses_of_name(evidence, target) if address.version == version]
            private, public = tuple(filter(evidence.is_private, own)), tuple(filter(evidence.is_public, own))
            if lookup is not None and private and public:
                answers = evidence.answers(target, evidence.configured_resolvers)
                mixed.append(
                    MixedAnswer(
                        target=target,
                        evidence=ids([lookup, *answers]),
                        addresses=frozenset(public),
                        lookup=lookup,
                        private=private,
                        public=public,
                    )
                )
    return tuple(mixed)


def is_of_vpc_resolver(evidence: Evidence, mixed: MixedAnswer) -> bool:
    """Whether the VPC's resolver itself gives the public addresses of a mixed answer together with private ones."""
    answers = evidence.answers(mixed.target, evidence.vpc_resolvers)
    given = frozenset(address for answer in answers for address in addresses_in(answer))
    return mixed.addresses <= given and not given.isdisjoint(mixed.private)


@kept
def missing_names(evidence: Evidence) -> tuple[DeniedName, ...]:
    """The targets whose name does not exist for this host. There are two cases. Either the lookup ends with NXDOMAIN
    and, if name servers were asked, at least one of them also says NXDOMAIN. Or the lookup gives no reason, and all
    name servers say NXDOMAIN. The system library alone proves nothing, since it also reports NXDOMAIN if every answer
    was unreadable, missing or refused."""
    missing = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if lookup is None or lookup.failure is None:
            continue
        asked = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
        denials = [
            answer for answer in asked if answer.failure is not None and answer.failure.kind is FailureKind.NXDOMAIN
        ]
        if lookup.failure.kind is FailureKind.NXDOMAIN:
            if not denials and asked:
                continue
        elif lookup.failure.kind not in NO_REASON or not denials or len(denials) < len(asked):
            continue
        missing.append(_denied(target, lookup, denials))
    return tuple(missing)


def _denied(target: Target, lookup: Observation[Any], denials: list[Observation[DnsFacts]]) -> DeniedName:
    zones = {answer.facts.authority for answer in denials if answer.facts and answer.facts.authority}
    return DeniedName(
        target=target,
        evidence=ids([lookup, *denials]),
        zones=tuple(sorted(zones)),
        servers=ordered(answer.subject.resolver for answer in denials if answer.subject.resolver is not None),
    )


def has_unanswered_family(evidence: Evidence, target: Target) -> bool:
    """Whether this host's name servers fail on the address records of a family that this host has, and no name server
    answers that question. If one family fails and the other has an answer without addresses, the C library reports
    whichever comes first (measured, glibc 2.41)."""
    asked = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
    for version in usable_families(evidence.host):
        of_family = [answer for answer in asked if answer.subject.operation == RECORD_OF[version]]
        if any(kind_of(answer) in _UNUSABLE for answer in of_family) and not any(
            answer.ok or kind_of(answer) in NOT_THERE for answer in of_family
        ):
            return True
    return False


@kept
def empty_answers(evidence: Evidence) -> tuple[DeniedName, ...]:
    """The targets whose name exists for this host and has no address of any family. There are three cases. The lookup
    says that there is no address, and name servers answer for each family. Or the lookup gives no reason, and all name
    servers say that there is no address. Or the lookup ends with NXDOMAIN although no name server says NXDOMAIN, and at
    least one name server answers without an address."""
    empty = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if lookup is None or lookup.failure is None:
            continue
        tried = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
        asked = [answer for answer in tried if answer.ok]
        denied = any(kind_of(answer) is FailureKind.NXDOMAIN for answer in tried)
        giving = {answer.subject.resolver for answer in asked if addresses_in(answer)}
        is_empty = {
            # C libraries report a name without addresses as nonexistent, too.
            FailureKind.NXDOMAIN: not denied and any(answer.subject.resolver not in giving for answer in asked),
            **dict.fromkeys(NO_REASON, bool(tried) and len(asked) == len(tried) and not giving),
            FailureKind.NODATA: not has_unanswered_family(evidence, target),
        }
        if not is_empty.get(lookup.failure.kind, False):
            continue
        empty.append(_denied(target, lookup, asked))
    return tuple(empty)


@kept
def redirected_answers(evidence: Evidence) -> tuple[RedirectedAnswer, ...]:
    """The targets whose name has a CNAME outside the service's own names. A host that the operator named is left out,
    since the operator also chose the aliases of this host."""
    redirected = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        aliases = [
            (answer, answer.facts.canonical_name)
            for answer in evidence.answers(target, evidence.configured_resolvers)
            if answer.facts is not None and answer.facts.canonical_name is not None
        ]
        astray = [(answer, name) for answer, name in aliases if not _is_of_service(name, target)]
        if not astray or lookup is None or target.addressing is Addressing.CUSTOM:
            continue
        given = frozenset(address for answer, _ in astray for address in addresses_in(answer))
        led_to = given.intersection(answer_of_name(evidence, target))
        answers = tuple(answer for answer, _ in astray)
        redirected.append(
            RedirectedAnswer(
                target=target,
                # A failed lookup is reported by the finding for its failure, and not as a redirection.
                evidence=ids([*([lookup] if lookup.ok else []), *answers]),
                addresses=led_to,
                names=tuple(sorted({name for _, name in astray})),
                answers=answers,
                is_aws=any(evidence.answered_by_aws(target, address) for address in led_to),
            )
        )
    return tuple(redirected)


def _is_of_service(name: str, target: Target) -> bool:
    """Whether a name is in one of AWS's domains and is not the endpoint name of another service."""
    name = name.rstrip(".").lower()
    own = read_name(name)
    of_aws = name.endswith(tuple(f".{suffix}" for suffix in SUFFIXES))
    return of_aws and (own is None or own.service == target.service)


@kept
def outside_answers(evidence: Evidence) -> tuple[OutsideAnswer, ...]:
    """The targets with private addresses outside this VPC's blocks, at which AWS did not answer."""
    imds = evidence.imds
    if imds is None or not imds.vpc_cidrs:
        return ()
    answers = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        outside = tuple(
            address
            for address in addresses_of_name(evidence, target)
            if evidence.scope(address) is AddressScope.PRIVATE
            and any(block.version == address.version for block in imds.vpc_cidrs)
            and not evidence.answered_by_aws(target, address)
        )
        if lookup is not None and outside:
            answers.append(
                OutsideAnswer(target=target, evidence=ids([lookup]), addresses=frozenset(outside), outside=outside)
            )
    return tuple(answers)


_BOGUS: Final = (AddressScope.LOOPBACK, AddressScope.LINK_LOCAL, AddressScope.OTHER)


@kept
def bogus_answers(evidence: Evidence) -> tuple[NameFault, ...]:
    """The targets with addresses that no endpoint can have: loopback, link-local, unspecified, documentation."""
    answers = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        bogus = [address for address in addresses_of_name(evidence, target) if evidence.judged_scope(address) in _BOGUS]
        if lookup is not None and bogus:
            answers.append(NameFault(target=target, evidence=ids([lookup]), addresses=frozenset(bogus)))
    return tuple(answers)
