"""The form of a rule, and the few words in which rules speak."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.placeholders import FORMS
from agent.catalog.wording import listed
from agent.judge.evidence import Evidence
from agent.report.hops import Ports
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import ordered
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
    is_stale: bool = False
    """Whether it rests on a configuration that is too old to name a cause: it stands beside what it would explain."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of RULES."""

    code: str
    needs: tuple[Step, ...]
    """Steps without which the rule cannot be asked."""
    check: Callable[[Evidence], Iterable[Found]]
    reads: tuple[str, ...] = ()
    """Reads of the configuration without which it cannot be asked."""


def ids(observations: Iterable[Observation[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.id for each in observations))


def places(observations: Iterable[Observation[Any]]) -> frozenset[Address]:
    return frozenset(each.subject.address for each in observations if each.subject.address is not None)


def read_only(*argv: str, scope: CommandScope = CommandScope.HOST) -> Command:
    """A command that shows something and changes nothing."""
    return Command(argv=argv, scope=scope, reversible=True, undo=None)


def switch_on(target: Target, operation: str, option: str, value: str, switch: str) -> Command:
    """Turn something on that every host of the VPC feels."""
    return Command(
        argv=("aws", "ec2", operation, "--region", target.region, option, value, switch),
        scope=CommandScope.VPC,
        reversible=True,
        undo=f"the same command with --no-{switch.removeprefix('--')}",
    )


def describe_endpoint(target: Target) -> Command:
    """Show the target's interface endpoints."""
    service_name = target.service_name or "<SERVICE_NAME>"
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--filters", f"Name=service-name,Values={service_name}"),
        scope=CommandScope.ENDPOINT,
    )


def ranges(ports: Iterable[int]) -> list[Ports]:
    """Ports in their order, those that follow one another as one range."""
    found: list[Ports] = []
    for port in sorted(set(ports)):
        first = found.pop()[0] if found and found[-1][1] == port - 1 else port
        found.append((first, port))
    return found


def admit(
    target: Target,
    port: int,
    source: str,
    group_id: str = "<ENDPOINT_SECURITY_GROUP_ID>",
    *,
    last: int | None = None,
    version: int = 4,
) -> Command:
    """Let `source` in on a port of the endpoint's security group, or on all from `port` to `last`; `version` is that of
    a source that is a placeholder."""
    return Command(
        argv=(
            *("aws", "ec2", "authorize-security-group-ingress", "--region", target.region),
            *("--group-id", group_id, *permission((port, port if last is None else last), source, version)),
        ),
        scope=CommandScope.ENDPOINT,
        reversible=True,
        undo="remove the same rule from the group: aws ec2 revoke-security-group-ingress with the same arguments",
    )


def permission(ports: Ports, block: str, version: int) -> tuple[str, ...]:
    """What a rule of a security group permits, as the AWS CLI takes it; `version` is that of a block that is a
    placeholder."""
    low, high = ports
    if ":" in block or version == 6:  # --cidr takes IPv4 alone
        what = f"IpProtocol=tcp,FromPort={low},ToPort={high},Ipv6Ranges=[{{CidrIpv6={block}}}]"
        return ("--ip-permissions", what)
    return ("--protocol", "tcp", "--port", str(low) if low == high else f"{low}-{high}", "--cidr", block)


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


# --- The configuration -----------------------------------------------------------------------------------------------


def known_id(value: str | None, placeholder: str) -> str:
    """An id for a command, or the placeholder where it is not known or has not the strict form of its kind."""
    return value if value is not None and FORMS[placeholder].fullmatch(value) else placeholder


def says(evidence: Evidence, who: str, *operations: str) -> str:
    """`EC2 says`; with the time at which it said so, where these reads are older than the run."""
    reads = [read for operation in operations if (read := evidence.read(operation)) is not None]
    oldest = min((each.started_at for each in reads if each.started_at is not None), default=None)
    if oldest is None or oldest >= evidence.run.started_at:
        return f"{who} says"
    return f"{who} said on {oldest:%Y-%m-%d} at {oldest:%H:%M} UTC"


def resting_on(evidence: Evidence, found: Found, *operations: str) -> Found:
    """The finding as one that rests on these reads. Where the configuration is too old to name a cause, its fix begins
    with reading it again."""
    reads = [read for operation in operations if (read := evidence.read(operation)) is not None and read.ok]
    found = replace(found, evidence=tuple(dict.fromkeys((*found.evidence, *ids(reads)))))
    if evidence.is_configuration_fresh or evidence.configured_at is None:
        return found
    again = read_only(
        *("backuplink", "facts", "--region", evidence.run.region or "<REGION>"),
        *("--vpc", "<VPC_ID>", "--output", "<FACTS_FILE>"),
    )
    summary = (
        f"Read the facts again, where EC2 is reachable: they are of {evidence.configured_at:%Y-%m-%d}, and what has "
        f"changed since is not in them. Then: {found.fix.summary}"
    )
    return replace(found, is_stale=True, fix=Fix(summary=summary, commands=(again, *found.fix.commands)))
