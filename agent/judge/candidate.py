"""A finding while it is compared with the findings of other rules."""

from dataclasses import field

from agent.catalog.findings import CODES, Code, Severity
from agent.judge.rules.rule import RuleFinding
from probes.frozen import dataclass
from probes.model import Target


@dataclass(slots=True, eq=False)  # causes and symptoms hold each other
class Candidate:
    """A finding whose severity, cause and symptoms are still open."""

    finding: RuleFinding
    severity: Severity
    target: Target | None
    about: frozenset[str] = frozenset()
    """Ids of the targets that it is about: its own target or, without one, the targets of its evidence."""
    cause: "Candidate | None" = None
    symptoms: "list[Candidate]" = field(default_factory=list)
    suppressed: bool = False
    counts: bool = True
    """Whether it may raise the verdict. Faults of a target that nobody asked for may not."""

    @property
    def code(self) -> Code:
        return CODES[self.finding.code]

    @property
    def own_severity(self) -> Severity:
        """The severity of the finding by itself, whatever it explains."""
        return self.finding.severity or self.code.severity

    @property
    def is_of_this_host(self) -> bool:
        """Whether it is a fault of this host itself, whatever is at its addresses."""
        return self.code.of_this_host or self.finding.of_this_host

    @property
    def id(self) -> str:
        return self.finding.code if self.finding.target is None else f"{self.finding.code}@{self.finding.target}"

    @property
    def limit(self) -> Severity | None:
        """Its highest possible severity: its own limit, or its cause's."""
        if self.finding.at_most is not None or self.cause is None:
            return self.finding.at_most
        return self.cause.limit

    @property
    def root(self) -> "Candidate":
        """The cause of its cause, and so on; the candidate itself if it has no cause."""
        root = self
        while root.cause is not None:
            root = root.cause
        return root


def worst_of(candidate: Candidate) -> Severity:
    """The worst severity of a candidate and everything that it explains, within its limit. Suppressed symptoms do not
    count. If the candidate may raise the verdict, symptoms that may not do not count either."""
    counted = (
        symptom for symptom in candidate.symptoms if not symptom.suppressed and (symptom.counts or not candidate.counts)
    )
    worst = min((candidate.severity, *(worst_of(symptom) for symptom in counted)), key=lambda severity: severity.rank)
    limit = candidate.limit
    return worst if limit is None else max(worst, limit, key=lambda severity: severity.rank)
