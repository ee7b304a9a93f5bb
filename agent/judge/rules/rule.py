"""The form of a rule, and the few words in which rules report."""

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
    """A fault that a rule reports, and what shows it."""

    code: str
    target: str | None
    """A target's id, a resolver's address, or None, by the scope of the code."""
    detail: str
    evidence: tuple[str, ...]
    fix: Fix
    headline: dict[str, Forms | None] = field(default_factory=dict)
    """Values of its headline that neither its subjects nor its addresses tell: see `agent.judge.headlines`."""
    subjects: tuple[FindingSubject, ...] = ()
    """What it is about besides what its target, addresses and evidence tell: see `agent.judge.subjects`."""
    addresses: frozenset[Address] = frozenset()
    """Where the fault shows; what it explains by address lies at these."""
    severity: Severity | None = None
    """None for the code's own."""
    at_most: Severity | None = None
    """How bad it and what it explains may be, where it rests on what AWS does not say; None without a limit."""
    of_this_host: bool = False
    """Whether it is a fault of this host's own where its code leaves that open."""
    is_no_fault: bool = False
    """Whether what it shows proves the path, so that a target is ok without the steps of its evidence."""
    may_need_path: bool = False
    """Whether it is a denial by a policy that may ask for the private path: an explicit deny, whose condition is not
    known."""
    shared: frozenset[str] = frozenset()
    """What is at fault, where two targets can meet the same thing: a group, an ACL, a route, a proxy. Where the finding
    of one has all of another's, it is the cause of it."""
    needs_path_of: frozenset[str] = frozenset()
    """Ids of the targets whose path what it shows needs, so that a fault of one of these paths can be its cause."""
    stops_everything: bool = False
    """Whether it says that nothing that leaves this host is answered."""
    explains_nothing: bool = False
    """Whether it proves no fault, although its code names one: what was measured stands beside it, and does not change
    how bad it is."""
    is_stale: bool = False
    """Whether it rests on a configuration that is too old to name a cause: it is then listed next to what it would
    explain."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of RULES."""

    code: str
    needs: tuple[Step, ...]
    """Steps without which the rule cannot be asked."""
    check: Callable[[Evidence], Iterable[RuleFinding]]
    reads: tuple[str, ...] = ()
    """Reads of the configuration without which it cannot be asked."""
    why_not: Callable[[Evidence], str | None] | None = None
    """Why it cannot be asked for another reason; None, or an answer of None, where nothing else keeps it."""
    unseen: Callable[[Evidence], str | None] | None = None
    """Why it may have more to report than it could see, and how to see that; None where nothing was hidden."""


def says(evidence: Evidence, source: str, *operations: str) -> str:
    """`EC2 says`; with the time at which it said so, where these reads are older than the run."""
    reads = [read for operation in operations if (read := evidence.read(operation)) is not None]
    oldest = min((read.started_at for read in reads if read.started_at is not None), default=None)
    if oldest is None or oldest >= evidence.run.started_at:
        return f"{source} says"
    return f"{source} said on {oldest:%Y-%m-%d} at {oldest:%H:%M} UTC"


def resting_on(evidence: Evidence, finding: RuleFinding, *operations: str) -> RuleFinding:
    """The finding as one that rests on these reads. Where the configuration is too old to name a cause, its fix begins
    with reading it again."""
    finding = replace(finding, evidence=tuple(dict.fromkeys((*finding.evidence, *ids(evidence.reads(*operations))))))
    if evidence.is_configuration_fresh or evidence.configured_at is None:
        return finding
    again = read_only(
        *("backuplink", "facts", "--region", evidence.run.region or "<REGION>"),
        *("--vpc", "<VPC_ID>", "--output", "<FACTS_FILE>"),
    )
    summary = (
        f"Read the facts again, where EC2 is reachable: they are of {evidence.configured_at:%Y-%m-%d}, and what has "
        f"changed since is not in them. Then: {finding.fix.summary}"
    )
    return replace(finding, is_stale=True, fix=Fix(summary=summary, commands=(again, *finding.fix.commands)))


def grouped_by_place(attempts: list[Observation[TcpFacts]]) -> list[tuple[tuple[Address, ...], list[int]]]:
    """Addresses and ports of attempts, such that every attempt is in one row and every row is all attempts."""
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
