"""Small questions about a few observations. They do not depend on the rest of the run."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent.catalog.wording import listed
from agent.fixes.commands import interfaces_at
from agent.judge.evidence import Evidence
from agent.report.model import Command
from probes.addresses import ordered
from probes.facts import DnsFacts
from probes.model import Address, FailureKind, Observation, Target


def ids(observations: Iterable[Observation[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(observation.id for observation in observations))


def places(observations: Iterable[Observation[Any]]) -> frozenset[Address]:
    return frozenset(
        observation.subject.address for observation in observations if observation.subject.address is not None
    )


def servers_of(answers: Iterable[Observation[Any]]) -> str:
    """The name servers that gave these answers, in words."""
    return listed(dict.fromkeys(answer.subject.resolver for answer in answers))


def verb_ending(answers: Iterable[Observation[Any]]) -> str:
    """`s` if a single name server is the subject, otherwise an empty text."""
    return "s" if len({answer.subject.resolver for answer in answers}) == 1 else ""


NOT_THERE: Final = frozenset({FailureKind.NXDOMAIN, FailureKind.NODATA})
"""Answers of DNS that say that a name has no address."""


def addresses_in(answer: Observation[Any]) -> tuple[Address, ...]:
    """The addresses that a name server gave; empty if it gave no answer, or a negative one."""
    return answer.facts.addresses if isinstance(answer.facts, DnsFacts) else ()


NO_REASON: Final = frozenset({FailureKind.SERVFAIL, FailureKind.TIMEOUT})
"""Kinds of failures of a lookup that give no specific reason: the C library reports SERVFAIL, REFUSED and silence with
the same error (getaddrinfo(3), EAI_AGAIN)."""
_UNCONNECTED: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
        FailureKind.NO_SOURCE_PORT,
    }
)
"""The kinds of failures of a connect."""


def is_cut(answer: Observation[Any]) -> bool:
    """Whether a name server's answer was truncated and the whole answer could not be fetched by TCP."""
    return isinstance(answer.facts, DnsFacts) and answer.facts.transport == "tcp" and kind_of(answer) in _UNCONNECTED


def has_answered(answer: Observation[Any]) -> bool:
    """Whether a name server's answer was read, whatever it says."""
    return answer.facts is not None and not is_cut(answer)


def kind_of(observation: Observation[Any]) -> FailureKind | None:
    """The kind of a step's failure; None if it did not fail."""
    return None if observation.failure is None else observation.failure.kind


def private_in(evidence: Evidence, answers: Iterable[Observation[Any]]) -> tuple[Address, ...]:
    """The private addresses that name servers gave."""
    return ordered(address for answer in answers for address in addresses_in(answer) if evidence.is_private(address))


def whose_address(evidence: Evidence, target: Target, seen: Sequence[Observation[Any]]) -> tuple[Command, ...]:
    """Commands that show which interfaces have these addresses. Public addresses are left out, because no interface of
    an endpoint has a public address."""
    return interfaces_at(target.region, [address for address in places(seen) if not evidence.is_public(address)])


def by_place(pairs: Iterable[tuple[Address, int]]) -> list[tuple[tuple[Address, ...], tuple[int, ...]]]:
    """The addresses with their ports. Addresses that have the same ports are in the same row."""
    ports_at: dict[Address, dict[int, None]] = {}
    for address, port in pairs:
        ports_at.setdefault(address, {})[port] = None
    rows: dict[tuple[int, ...], list[Address]] = {}
    for address, ports in ports_at.items():
        rows.setdefault(tuple(ports), []).append(address)
    return [(tuple(where), ports) for ports, where in rows.items()]
