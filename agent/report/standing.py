"""The effect of each finding of a report on its verdict."""

from collections.abc import Mapping
from enum import StrEnum

from agent.report.model import Finding, Report


class Standing(StrEnum):
    """The effect of a finding on the verdict."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    NOT_COUNTED = "not-counted"
    """A cause at a target that nobody requested, or its consequence: it raises no verdict."""
    SUPPRESSED = "suppressed"
    """A suppressed finding, or one that only a suppressed finding explains: it has no effect on the verdict."""


def standings(report: Report) -> list[tuple[Finding, Standing]]:
    """Return the findings in the order of the report, each with its effect."""
    by_id = {finding.id: finding for finding in report.findings}
    return [(finding, _standing(finding, by_id)) for finding in report.findings]


def _standing(finding: Finding, by_id: Mapping[str, Finding]) -> Standing:
    chain, seen = [finding], {finding.id}
    while (above := by_id.get(chain[-1].explained_by or "")) is not None and above.id not in seen:
        chain.append(above)
        seen.add(above.id)
    if any(link.suppressed for link in chain):
        return Standing.SUPPRESSED
    if not chain[-1].counts:
        return Standing.NOT_COUNTED
    # In a saved report two findings may explain each other; then neither is a symptom.
    return Standing.CAUSE if len(chain) == 1 or above is finding else Standing.SYMPTOM
