"""The form of a rule, and the few words in which rules speak."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.codes import Severity
from agent.evidence import Evidence, ordered
from agent.report import Command, CommandScope, Fix
from probes.facts import DnsFacts, TcpFacts
from probes.model import Address, FailureKind, Observation, Step, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule says: a fault, and what shows it."""

    code: str
    target: str | None
    """A target's id, a resolver's address, or None, by the scope of the code."""
    detail: str
    evidence: tuple[str, ...]
    fix: Fix
    addresses: frozenset[Address] = frozenset()
    """Where the fault shows; what it explains by address lies at these."""
    severity: Severity | None = None
    """None for the code's own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of RULES."""

    code: str
    needs: tuple[Step, ...]
    """Steps without which the rule cannot be asked."""
    check: Callable[[Evidence], Iterable[Found]]


def ids(observations: Iterable[Observation[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.id for each in observations))


def places(observations: Iterable[Observation[Any]]) -> frozenset[Address]:
    return frozenset(each.subject.address for each in observations if each.subject.address is not None)


def listed(items: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    words = [str(item) for item in items]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


def after(observations: Sequence[Observation[Any]]) -> str:
    """How long it took, in words: `after 3.0 s`; a range where it differs."""
    seconds = sorted(each.seconds for each in observations if each.seconds is not None)
    if not seconds:
        return "at once"
    low, high = duration(seconds[0]), duration(seconds[-1])
    return f"after {low}" if low == high else f"after {low} to {high}"


def duration(seconds: float) -> str:
    """`3.0 s`, `12 ms`, `0.2 ms`."""
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def look(*argv: str, scope: CommandScope = CommandScope.HOST) -> Command:
    """A command that shows something and changes nothing."""
    return Command(argv=argv, scope=scope, reversible=True, undo=None)


def describe_endpoint(target: Target) -> Command:
    """Show the target's interface endpoints."""
    service_name = target.service_name or "<SERVICE_NAME>"
    return look(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--filters", f"Name=service-name,Values={service_name}"),
        scope=CommandScope.ENDPOINT,
    )


def admit(target: Target, port: int, source: str) -> Command:
    """Let `source` in on a port of the endpoint's security group."""
    if ":" in source:  # --cidr takes IPv4 alone
        what: tuple[str, ...] = (
            "--ip-permissions",
            f"IpProtocol=tcp,FromPort={port},ToPort={port},Ipv6Ranges=[{{CidrIpv6={source}}}]",
        )
    else:
        what = ("--protocol", "tcp", "--port", str(port), "--cidr", source)
    group = ("--group-id", "<ENDPOINT_SECURITY_GROUP_ID>")
    return Command(
        argv=("aws", "ec2", "authorize-security-group-ingress", "--region", target.region, *group, *what),
        scope=CommandScope.ENDPOINT,
        reversible=True,
        undo="remove the same rule from the group: aws ec2 revoke-security-group-ingress with the same arguments",
    )


def this_host(attempts: Iterable[Observation[TcpFacts]]) -> tuple[str, ...]:
    """The CIDRs of this host's own addresses towards the endpoint, a placeholder where none is known."""
    sources = ordered(
        each.facts.source for each in attempts if each.facts is not None and each.facts.source is not None
    )
    return tuple(f"{source}/{source.max_prefixlen}" for source in sources) or ("<ADDRESS_OF_THIS_HOST>/32",)


NOT_THERE: Final = frozenset({FailureKind.NXDOMAIN, FailureKind.NODATA})
"""Answers of DNS that say that a name has no address."""


def addresses_in(answer: Observation[Any]) -> tuple[Address, ...]:
    """What a name server gave; nothing where it gave no answer, or a negative one."""
    return answer.facts.addresses if isinstance(answer.facts, DnsFacts) else ()


def private_in(evidence: Evidence, answers: Iterable[Observation[Any]]) -> tuple[Address, ...]:
    """The private addresses that name servers gave."""
    return ordered(address for each in answers for address in addresses_in(each) if evidence.is_private(address))


def servers_of(answers: Iterable[Observation[Any]]) -> str:
    """The name servers that gave these answers, in words."""
    return listed(dict.fromkeys(each.subject.resolver for each in answers))


def verb_ending(answers: Iterable[Observation[Any]]) -> str:
    """`s` where one name server alone is the subject."""
    return "s" if len({each.subject.resolver for each in answers}) == 1 else ""
