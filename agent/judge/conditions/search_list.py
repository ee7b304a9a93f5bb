"""Lookups that a search domain answers in place of the name itself: the addresses that programs then get, and the
addresses that the name itself has."""

from typing import Any

from agent.catalog.wording import listed
from agent.judge.evidence import Evidence, kept
from agent.judge.observations import NOT_THERE, addresses_in, kind_of
from probes.addresses import ordered, usable_families
from probes.facts import LookupFacts
from probes.frozen import dataclass
from probes.model import Address, Observation, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDomainAnswer:
    """Programs on this host get the answer for the name with a search domain appended, instead of the answer for the
    name itself."""

    target: Target
    lookup: Observation[LookupFacts]
    itself: Observation[LookupFacts]
    """The lookup of the name itself, without the search list."""
    completed: tuple[Observation[LookupFacts], ...]
    """The lookups of names with a search domain appended. They gave addresses, or failed in the same way as the lookup
    by programs."""
    domains: tuple[str, ...]
    """The search domains in these names."""
    addresses: frozenset[Address]
    """Addresses that programs get and that the name itself does not have; empty if the lookup by programs failed."""
    own: tuple[Address, ...]
    """The addresses of the name itself."""
    is_first: bool
    """Whether this host tries its search domains first. Otherwise it tries them after the lookup of the name itself has
    failed."""


@kept
def search_domain_answers(evidence: Evidence) -> tuple[SearchDomainAnswer, ...]:
    """The targets for which a search domain decides. There are two cases. Either the search domain gives addresses that
    the name itself does not have, this host gets some of these, and AWS has not answered at them. Or this host's lookup
    fails in the same way as the lookup with the search domain, and the lookup of the name itself does not. Addresses
    that a cache gives for the name itself do not come from a search domain. Names without a dot are left out, because
    completing them is intended."""
    host = evidence.host
    answers = []
    for target in evidence.targets:
        lookup, itself = evidence.own_lookup(target), evidence.lookup_without_search(target)
        if host is None or lookup is None or itself is None or not itself.made or "." not in target.host:
            continue
        asked = evidence.answers(target, evidence.configured_resolvers)
        own = {*_addresses_of(itself), *(address for answer in asked for address in addresses_in(answer))}
        strange = frozenset(
            address
            for address in evidence.own_addresses(target)
            if address not in own and not evidence.answered_by_aws(target, address)
        )
        is_failed = kind_of(lookup) not in (None, *NOT_THERE, kind_of(itself))
        completed = [
            (domain, observation)
            for domain, observation in evidence.search_domain_lookups(target)
            if (not own.issuperset(_addresses_of(observation)) if strange else kind_of(observation) is kind_of(lookup))
        ]
        if completed and lookup.made and (strange or is_failed):
            answers.append(
                SearchDomainAnswer(
                    target=target,
                    lookup=lookup,
                    itself=itself,
                    completed=tuple(observation for _, observation in completed),
                    domains=tuple(domain for domain, _ in completed),
                    addresses=strange,
                    own=ordered(own),
                    is_first=host.is_searched_first(target.host),
                )
            )
    return tuple(answers)


@kept
def lookup_of_name(evidence: Evidence, target: Target) -> Observation[LookupFacts] | None:
    """The lookup of the target's name itself: the host's own lookup or, if a search domain answered it, the lookup
    without the search list."""
    answers = (answer.itself for answer in search_domain_answers(evidence) if answer.target == target)
    return next(answers, evidence.own_lookup(target))


def in_its_place(evidence: Evidence, target: Target) -> str:
    """A sentence, to follow another one, on the answer that programs get if a search domain answers in place of a name
    that fails. Otherwise empty."""
    answers = [answer for answer in search_domain_answers(evidence) if answer.target == target]
    return "".join(
        f" A search domain ({listed(answer.domains)}) answers in its place, and programs on this host get "
        f"{listed(ordered(answer.addresses)) if answer.addresses else 'nothing that they can use'}."
        for answer in answers
    )


def answer_of_name(evidence: Evidence, target: Target) -> tuple[Address, ...]:
    """The addresses that `lookup_of_name` gave, sorted."""
    return ordered(_addresses_of(lookup_of_name(evidence, target)))


def addresses_of_name(evidence: Evidence, target: Target) -> tuple[Address, ...]:
    """The addresses that `lookup_of_name` gave in the families of this host, sorted."""
    families = usable_families(evidence.host)
    return tuple(address for address in answer_of_name(evidence, target) if address.version in families)


def _addresses_of(lookup: Observation[Any] | None) -> tuple[Address, ...]:
    return () if lookup is None or not isinstance(lookup.facts, LookupFacts) else lookup.facts.addresses
