"""Measured faults of the name servers that this host uses."""

from collections.abc import Iterator
from typing import Any, Final

from agent.judge.conditions.names import NameFault, family_answers, has_unanswered_family, is_kept_back
from agent.judge.conditions.search_list import addresses_of_name, answer_of_name, lookup_of_name
from agent.judge.evidence import Evidence, kept
from agent.judge.observations import NO_REASON, NOT_THERE, has_answered, ids, is_cut, kind_of, private_in
from agent.settings import Expect
from probes.addresses import usable_families
from probes.facts import DnsFacts, LookupFacts
from probes.frozen import dataclass
from probes.model import Address, FailureKind, Observation, Step, Target

_NO_ANSWER: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
        FailureKind.NO_SOURCE_PORT,
    }
)
"""Failures without any DNS message in reply."""
_SILENCE: Final = frozenset({FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.CLOSED})
"""The failures in which a server leaves one name without an answer although it answers for other names, by UDP or by
TCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateElsewhere(NameFault):
    """The VPC's resolver gives private addresses, while this host gets public addresses or none."""

    lookup: Observation[LookupFacts]
    theirs: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentResolvers:
    """None of this host's name servers answers any question, and this host's own lookups fail."""

    asked: tuple[Observation[Any], ...]
    servers: tuple[Address, ...]
    """The name servers that were asked."""
    unasked: tuple[Address, ...]
    """The name servers that this host cannot ask, because it has no address of their family."""
    evidence: tuple[str, ...]
    """Ids of the observations that are the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAnswers:
    """Truncated answers of this host's name servers that cannot be fetched by TCP either."""

    answers: tuple[Observation[Any], ...]
    servers: tuple[Address, ...]
    hosts: tuple[str, ...]
    """The names in the questions."""
    evidence: tuple[str, ...]
    """Ids of the observations that are the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledLookup(NameFault):
    """This host's own lookup timed out, because its name servers answered only some of the questions for the name."""

    lost: tuple[Observation[Any], ...]
    """The questions without an answer, and the questions that were answered only at the second attempt."""
    answered: tuple[Observation[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingResolver(NameFault):
    """This host's lookup fails, and name servers give no usable answer."""

    answers: tuple[Observation[Any], ...]


@kept
def private_elsewhere(evidence: Evidence) -> tuple[PrivateElsewhere, ...]:
    """The targets for which the VPC's resolver gives private addresses and this host gets public addresses of the same
    family, or no address at all. It is not a fault if this host gets no address of one family and private addresses of
    the other. Another finding reports public IPv6 next to private IPv4.

    If a public path is acceptable, only a lookup without addresses is a fault.
    """
    elsewhere = []
    for target in evidence.targets:
        if evidence.expected_path(target) is Expect.PUBLIC:
            continue
        lookup = lookup_of_name(evidence, target)
        if lookup is None or not lookup.made or has_run_out(evidence, target):
            continue
        own = addresses_of_name(evidence, target)
        families = family_answers(evidence, target)
        is_ipv4_private = any(family.private for family in families if family.version == 4)
        astray = [
            family
            for family in families
            if family.leaves
            and is_kept_back(family, families)
            and not (family.version == 6 and is_ipv4_private)
            and evidence.expected_path(target) is Expect.PRIVATE
        ]
        every = tuple(address for family in families for address in family.theirs)
        theirs = tuple(address for family in astray for address in family.theirs) or every
        if theirs and (astray or not own):
            answers = evidence.answers(target, evidence.vpc_resolvers)
            elsewhere.append(
                PrivateElsewhere(
                    target=target,
                    evidence=ids([lookup, *filter(has_answered, answers)]),
                    addresses=frozenset(address for family in astray for address in family.public)
                    or frozenset(() if own else answer_of_name(evidence, target)),
                    lookup=lookup,
                    theirs=theirs,
                )
            )
    return tuple(elsewhere)


def has_run_out(evidence: Evidence, target: Target) -> bool:
    """Whether this host's own lookup ran out of time: it ended without an answer although this host's name servers give
    private addresses. Such a lookup is not a sign that name servers disagree."""
    lookup = lookup_of_name(evidence, target)
    answers = evidence.answers(target, evidence.configured_resolvers)
    return lookup is not None and kind_of(lookup) in NO_REASON and bool(private_in(evidence, answers))


@kept
def stalled_lookups(evidence: Evidence) -> tuple[StalledLookup, ...]:
    """The targets whose own lookup ended without an answer while this host's name servers answered only some questions
    for the name. They may, for example, have lost all questions for one record type."""
    stalled = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if lookup is None or kind_of(lookup) not in NO_REASON:
            continue
        asked = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
        lost = [answer for answer in asked if not is_cut(answer) and (is_silence(answer) or _is_late(answer))]
        answered = [answer for answer in asked if answer.ok or kind_of(answer) in NOT_THERE]
        if lost and answered and len(asked) == len({answer.id for answer in (*lost, *answered)}):
            stalled.append(
                StalledLookup(target=target, evidence=ids([lookup, *asked]), lost=tuple(lost), answered=tuple(answered))
            )
    return tuple(stalled)


def _is_late(answer: Observation[Any]) -> bool:
    """Whether a question was answered only at its second attempt."""
    return isinstance(answer.facts, DnsFacts) and answer.facts.queries > 1 and not is_cut(answer)


@kept
def silent_resolvers(evidence: Evidence) -> SilentResolvers | None:
    """The unanswered questions, if none of this host's name servers answers anything. None if a name server answers, or
    if a name server that was not asked might have answered."""
    servers = evidence.configured_resolvers
    asked = tuple(answer for target in evidence.targets for answer in evidence.answers(target, servers) if answer.made)
    lookups = [
        lookup
        for target in evidence.targets
        if (lookup := evidence.own_lookup(target)) is not None
        and lookup.made
        and not is_of_hosts_file(evidence, target)  # an answer from the hosts file needs no name server
    ]
    if not asked or not lookups or any(lookup.ok for lookup in lookups):
        return None
    if other_names_answered(evidence):
        return None
    if not all(answer.failure is not None and answer.failure.kind in _NO_ANSWER for answer in asked):
        return None
    if any(map(is_cut, asked)):
        return None  # a truncated answer is an answer
    silent = tuple(server for server in servers if any(answer.subject.resolver == server for answer in asked))
    others = tuple(server for server in servers if server not in silent)
    if any(server.version in usable_families(evidence.host) for server in others):
        return None  # a question that was cut short or never asked might have been answered
    return SilentResolvers(asked=asked, servers=silent, unasked=others, evidence=ids([*lookups, *asked]))


@kept
def other_names_answered(evidence: Evidence) -> tuple[Observation[Any], ...]:
    """Lookups of other names for which DNS replied that there is no address, while the lookup of a target's name ended
    without an answer. These lookups are made in the same way as lookups by programs on this host. They prove that a
    name server answers but drops queries for some names."""
    own = [lookup for target in evidence.targets if (lookup := evidence.own_lookup(target)) is not None]
    if not any(lookup.failure is not None and lookup.failure.kind in NO_REASON for lookup in own):
        return ()  # without DNS, every lookup ends like one of a nonexistent name
    others = [
        lookup
        for target in evidence.targets
        for lookup in (
            evidence.dual_stack_lookup(target),
            *(lookup for _, lookup in evidence.appliance_lookups(target)),
        )
        if lookup is not None
    ]
    return tuple(lookup for lookup in others if lookup.failure is not None and lookup.failure.kind in NOT_THERE)


def is_of_hosts_file(evidence: Evidence, target: Target) -> bool:
    """Whether this host's own lookup gave exactly the addresses that the hosts file has for the name."""
    entries = evidence.host.hosts_entries if evidence.host is not None else ()
    own = evidence.own_answer(target)
    return bool(own) and {entry.address for entry in entries if target.host in entry.names}.issuperset(own)


@kept
def failing_resolvers(evidence: Evidence) -> tuple[FailingResolver, ...]:
    """The targets whose own lookup fails because a name server of this host answers SERVFAIL, sends unreadable data, or
    stays silent for this name although it answers for other names. If it is unknown which name server answered for
    other names, any of them may have done so. A server that never answers does not count."""
    unusable = (FailureKind.SERVFAIL, FailureKind.DNS_MALFORMED, FailureKind.MALFORMED, FailureKind.TOO_LARGE)
    kinds = frozenset({*unusable, *_SILENCE})
    speaking = {
        answer.subject.resolver
        for answer in evidence.of(Step.DNS)
        if answer.ok
        or (answer.failure is not None and answer.failure.kind in {*NOT_THERE, *unusable, FailureKind.DNS_REFUSED})
    }
    others = other_names_answered(evidence)
    if others:
        speaking.update(evidence.configured_resolvers)
    stalled = {lookup.target.id for lookup in stalled_lookups(evidence)}
    failing = []
    for target, lookup, spoilt in spoilt_lookups(evidence, kinds):
        if target.id in stalled:
            continue
        answers = tuple(
            answer
            for answer in spoilt
            if not is_cut(answer) and (not is_silence(answer) or answer.subject.resolver in speaking)
        )
        if answers:
            failing.append(FailingResolver(target=target, evidence=ids([lookup, *answers, *others]), answers=answers))
    return tuple(failing)


@kept
def refused_lookups(evidence: Evidence) -> tuple[FailingResolver, ...]:
    """The targets whose own lookup fails because a name server of this host refuses to answer."""
    return tuple(
        FailingResolver(target=target, evidence=ids([lookup, *answers]), answers=tuple(answers))
        for target, lookup, answers in spoilt_lookups(evidence, frozenset({FailureKind.DNS_REFUSED}))
    )


@kept
def cut_answers(evidence: Evidence) -> CutAnswers | None:
    """The truncated answers of this host's name servers that cannot be fetched by TCP, if the host's own lookups of the
    same names fail; None if there are none."""
    answers: list[Observation[Any]] = []
    lookups: list[Observation[Any]] = []
    hosts: list[str] = []
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if lookup is None or lookup.failure is None or lookup.failure.kind not in NO_REASON:
            continue
        if cut := [answer for answer in evidence.answers(target, evidence.configured_resolvers) if is_cut(answer)]:
            answers += cut
            lookups.append(lookup)
            hosts.append(target.host)
    if not answers:
        return None
    servers = dict.fromkeys(answer.subject.resolver for answer in answers)
    return CutAnswers(
        answers=tuple(answers),
        servers=tuple(server for server in servers if server is not None),
        hosts=tuple(hosts),
        evidence=ids([*lookups, *answers]),
    )


def spoilt_lookups(
    evidence: Evidence, kinds: frozenset[FailureKind]
) -> Iterator[tuple[Target, Observation[Any], list[Observation[Any]]]]:
    """Each target whose own lookup failed and for which name servers gave answers of these kinds, with the lookup and
    the answers. The lookup failed without a specific reason, found no address while name servers fail for one family,
    or ended with an NXDOMAIN that no name server confirms. Since the C library has one error for many reasons, the name
    servers' answers to direct questions decide."""
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if lookup is None or lookup.failure is None:
            continue
        asked = evidence.answers(target, evidence.configured_resolvers)
        is_empty = lookup.failure.kind is FailureKind.NODATA and has_unanswered_family(evidence, target)
        # The C library reports some unreadable answers in the same way.
        is_unproven = lookup.failure.kind is FailureKind.NXDOMAIN and not any(
            answer.ok or kind_of(answer) in NOT_THERE for answer in asked
        )
        if lookup.failure.kind not in NO_REASON and not is_empty and not is_unproven:
            continue
        answers = [answer for answer in asked if answer.failure is not None and answer.failure.kind in kinds]
        if answers:
            yield target, lookup, answers


def is_silence(answer: Observation[Any]) -> bool:
    """Whether nothing came back for this question, by UDP or by TCP."""
    return answer.failure is not None and answer.failure.kind in _SILENCE
