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
    """Ids of the targets that the finding is about. These are its own target or, if it has no target, the targets of
    its evidence."""
    cause: "Candidate | None" = None
    symptoms: "list[Candidate]" = field(default_factory=list)
    suppressed: bool = False
    counts: bool = True
    """Whether the finding may make the verdict worse. It may not if it is a fault of a target that nobody asked for."""

    @property
    def code(self) -> Code:
        return CODES[self.finding.code]

    @property
    def own_severity(self) -> Severity:
        """The severity of the finding itself, without the severity of the findings that it explains."""
        return self.finding.severity or self.code.severity

    @property
    def is_of_this_host(self) -> bool:
        """Whether the fault is on this host itself, and not at the addresses."""
        return self.code.of_this_host or self.finding.of_this_host

    @property
    def id(self) -> str:
        return self.finding.code if self.finding.target is None else f"{self.finding.code}@{self.finding.target}"

    @property
    def limit(self) -> Severity | None:
        """The highest severity that the finding may have. It is its own limit or, if it has none, the limit of its
        cause. None means that there is no limit."""
        if self.finding.at_most is not None or self.cause is None:
            return self.finding.at_most
        return self.cause.limit

    @property
    def root(self) -> "Candidate":
        """The last cause in the chain of causes, which nothing explains. If the candidate has no cause, it is the
        candidate itself."""
        root = self
        while root.cause is not None:
            root = root.cause
        return root


def worst_of(candidate: Candidate) -> Severity:
    """The worst severity of a candidate and everything that it explains, within its limit. Suppressed symptoms have no
    effect. If the candidate counts, symptoms that do not count have no effect either."""
    counted = (
        symptom for symptom in candidate.symptoms if not symptom.suppressed and (symptom.counts or not candidate.counts)
    )
    worst = min((candidate.severity, *(worst_of(symptom) for symptom in counted)), key=lambda severity: severity.rank)
    limit = candidate.limit
    return worst if limit is None else max(worst, limit, key=lambda severity: severity.rank)
