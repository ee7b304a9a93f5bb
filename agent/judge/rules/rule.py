"""The types of rules and of their findings, and words that many findings use."""

from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.headline import Forms
from agent.catalog.wording import listed
from agent.fixes.commands import read_only
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places
from agent.report.model import FindingSubject, Fix
from probes.addresses import ordered
from probes.facts import TcpFacts
from probes.frozen import dataclass
from probes.model import Address, Observation, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFinding:
    """A fault that a rule reports, with its evidence."""

    code: str
    target: str | None
    """A target's id, a resolver's address, or None, depending on the scope of the code."""
    detail: str
    evidence: tuple[str, ...]
    fix: Fix
    headline: dict[str, Forms | None] = field(default_factory=dict)
    """Values of the headline that do not follow from the finding's subjects or addresses (see
    `agent.judge.headlines`)."""
    subjects: tuple[FindingSubject, ...] = ()
    """Subjects besides the ones that follow from the finding's target, addresses and evidence (see
    `agent.judge.subjects`)."""
    addresses: frozenset[Address] = frozenset()
    """The addresses with the fault. The finding can explain other findings at these addresses."""
    severity: Severity | None = None
    """The severity of the finding; None for the severity of its code."""
    at_most: Severity | None = None
    """The highest severity that the finding and its symptoms may have. There is a limit if the finding rests on
    undocumented behaviour of AWS. None without a limit."""
    of_this_host: bool = False
    """Whether the fault is on this host itself. This is only set if the code leaves it open."""
    is_no_fault: bool = False
    """Whether the evidence proves that the path works. A target is then ok although the steps in the evidence
    failed."""
    may_need_path: bool = False
    """Whether a policy that may require the private path denied the call: it was an explicit deny with an unknown
    condition."""
    shared: frozenset[str] = frozenset()
    """The parts at fault that several targets can have in common: a group, an ACL, a route, a proxy. If the parts of
    one target's finding include all parts of another target's, the first finding is the cause of the second."""
    needs_path_of: frozenset[str] = frozenset()
    """Ids of the targets on whose paths the evidence depends. A fault of such a path can be the cause of the
    finding."""
    stops_everything: bool = False
    """Whether the finding says that this host gets no answer to anything that it sends."""
    explains_nothing: bool = False
    """Whether the finding proves no fault, although its code is that of a fault. It is then listed beside the measured
    findings, and does not change their severity."""
    is_stale: bool = False
    """Whether the finding rests on a configuration that is too old to prove a cause. It is then listed beside the
    findings that it might explain."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of RULES."""

    code: str
    needs: tuple[Step, ...]
    """Steps that the rule requires."""
    check: Callable[[Evidence], Iterable[RuleFinding]]
    reads: tuple[str, ...] = ()
    """Reads of the configuration that the rule requires."""
    why_not: Callable[[Evidence], str | None] | None = None
    """A function that returns why the rule cannot be applied although its steps and reads have results, or None if it
    can. None if there is no such reason."""
    unseen: Callable[[Evidence], str | None] | None = None
    """A function that returns what the rule may have missed and how to see it, or None if it missed nothing. If the
    rule never misses anything, there is no such function."""


def says(evidence: Evidence, source: str, *operations: str) -> str:
    """`EC2 says` or, if these reads are older than the run, `EC2 said on` with the time of the oldest."""
    reads = [read for operation in operations if (read := evidence.read(operation)) is not None]
    oldest = min((read.started_at for read in reads if read.started_at is not None), default=None)
    if oldest is None or oldest >= evidence.run.started_at:
        return f"{source} says"
    return f"{source} said on {oldest:%Y-%m-%d} at {oldest:%H:%M} UTC"


def resting_on(evidence: Evidence, finding: RuleFinding, *operations: str) -> RuleFinding:
    """The finding, with these reads added to its evidence. If the configuration is too old to name a cause, the
    finding's fix begins with reading the configuration again."""
    finding = replace(finding, evidence=tuple(dict.fromkeys((*finding.evidence, *ids(evidence.reads(*operations))))))
    if evidence.is_configuration_fresh or evidence.configured_at is None:
        return finding
    again = read_only(
        *("backuplink", "facts", "--region", evidence.run.region or "<REGION>"),
        *("--vpc", "<VPC_ID>", "--output", "<FACTS_FILE>"),
    )
    summary = (
        f"The facts are from {evidence.configured_at:%Y-%m-%d} and lack all later changes. Read them again where EC2 "
        f"is reachable. Then: {finding.fix.summary}"
    )
    return replace(finding, is_stale=True, fix=Fix(summary=summary, commands=(again, *finding.fix.commands)))


def grouped_by_place(attempts: list[Observation[TcpFacts]]) -> list[tuple[tuple[Address, ...], list[int]]]:
    """The addresses and ports of attempts, in rows. Each port of a row was tried at each address of the row. Every
    attempt is in exactly one row."""
    addresses_of: dict[int, tuple[Address, ...]] = {}
    for port in sorted({attempt.subject.port for attempt in attempts if attempt.subject.port is not None}):
        addresses_of[port] = ordered(places(attempt for attempt in attempts if attempt.subject.port == port))
    rows: dict[tuple[Address, ...], list[int]] = {}
    for port, where in addresses_of.items():
        rows.setdefault(where, []).append(port)
    return list(rows.items())


def ports_at(attempts: list[Observation[TcpFacts]]) -> str:
    return "; ".join(f"{listed(where)} on {listed(ports)}" for where, ports in grouped_by_place(attempts))


EC2: Final = "EC2"
ROUTE_53: Final = "Route 53"
RESOLVER: Final = "Route 53 Resolver"
