"""A finding while it is compared with the findings of other rules."""

from dataclasses import field

from agent.catalog.findings import CODES, Code, Severity
from agent.judge.rules.rule import RuleFinding
from probes.frozen import dataclass
from probes.model import Target


@dataclass(slots=True, eq=False)  # causes and symptoms refer to each other
class Candidate:
    """A finding whose severity, cause and symptoms are still open."""

    finding: RuleFinding
    severity: Severity
    target: Target | None
    about: frozenset[str] = frozenset()
    """Ids of the targets that the finding is about: its own target or, if it has no target, the targets of its
    evidence."""
    cause: "Candidate | None" = None
    symptoms: "list[Candidate]" = field(default_factory=list)
    suppressed: bool = False
    counts: bool = True
    """Whether the finding may make the verdict worse. A fault of a target that nobody asked for may not."""

    @property
    def code(self) -> Code:
        return CODES[self.finding.code]

    @property
    def own_severity(self) -> Severity:
        """The severity of the finding itself, without the severity of the findings that it explains."""
        return self.finding.severity or self.code.severity

    @property
    def is_of_this_host(self) -> bool:
        """Whether it is a fault of this host itself, and not of anything at the addresses."""
        return self.code.of_this_host or self.finding.of_this_host

    @property
    def id(self) -> str:
        return self.finding.code if self.finding.target is None else f"{self.finding.code}@{self.finding.target}"

    @property
    def limit(self) -> Severity | None:
        """The highest severity that it may have: its own limit or, if it has no limit, its cause's. None without a
        limit."""
        if self.finding.at_most is not None or self.cause is None:
            return self.finding.at_most
        return self.cause.limit

    @property
    def root(self) -> "Candidate":
        """The end of the chain of causes: the cause that nothing explains. If the candidate has no cause, the candidate
        itself."""
        root = self
        while root.cause is not None:
            root = root.cause
        return root


def worst_of(candidate: Candidate) -> Severity:
    """The worst severity of a candidate and everything that it explains, within its limit. Suppressed symptoms are
    ignored. If the candidate counts, symptoms that do not count are ignored, too."""
    counted = (
        symptom for symptom in candidate.symptoms if not symptom.suppressed and (symptom.counts or not candidate.counts)
    )
    worst = min((candidate.severity, *(worst_of(symptom) for symptom in counted)), key=lambda severity: severity.rank)
    limit = candidate.limit
    return worst if limit is None else max(worst, limit, key=lambda severity: severity.rank)
