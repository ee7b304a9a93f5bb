"""Which failed steps count: those that a finding which counts rests on. Of the others, why they do not. Pure.

Everything that draws a failed step takes its colour from here, so that red means the same everywhere: it counts.
"""

from collections.abc import Container, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.services import SERVICES
from agent.report.in_words import step_in_words
from agent.report.model import Finding, Report, Status, TargetReport
from probes.frozen import dataclass
from probes.model import Address, FailureKind, Observation, Role, Step
from probes.operations import GETADDRINFO


class Weight(StrEnum):
    """What a failed step does to the verdict."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNPROVEN = "unproven"
    """No finding names it, and something that is required is not proven."""
    NOT_COUNTED = "not-counted"


_WORST_FIRST: Final = tuple(Weight)
_WEIGHTS: Final = {Severity.CRITICAL: Weight.CRITICAL, Severity.WARNING: Weight.WARNING}
_NO_ANSWER: Final = frozenset({FailureKind.TIMEOUT, FailureKind.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a failed step counts."""

    weight: Weight
    findings: tuple[str, ...]
    """Ids of the findings that rest on it, the one that decides first."""
    why: str
    """Why it does not count, in words: `no IPv6 resolver here`; empty where it counts."""


def standings(report: Report) -> dict[str, Standing]:
    """How each failed step of a report counts, by the id of its observation."""
    by_id = {finding.id: finding for finding in report.findings}
    citing: dict[str, list[Finding]] = {}
    for finding in report.findings:
        for name in finding.evidence:
            citing.setdefault(name, []).append(finding)
    targets = {target.id: target for target in report.targets}
    unused = frozenset(
        (target.id, address.address)
        for target in report.targets
        for address in target.addresses
        if not address.from_own_lookup
    )
    unproven = {words.partition(": ")[0] for target in report.targets if target.required for words in target.unproven}
    return {
        observation.id: _standing(
            observation,
            citing.get(observation.id, []),
            by_id,
            targets,
            unused,
            report,
            is_unproven=step_in_words(observation.subject) in unproven,
        )
        for observation in report.observations
        if observation.failure is not None
    }


@dataclass(frozen=True, slots=True)
class Blame:
    """What a report makes of a failed step."""

    counts: bool
    """Whether the failure sets a status by itself: a symptom of another fault does not."""
    cause: str | None
    """Id of the finding that explains it: the one that rests on it, or the cause of that; None where none does."""


def blames(report: Report) -> dict[str, Blame]:
    """What a report makes of each failed step, by the id of its observation."""
    by_id = {finding.id: finding for finding in report.findings}
    return {name: _blame(known, by_id) for name, known in standings(report).items()}


def _blame(known: Standing, by_id: Mapping[str, Finding]) -> Blame:
    if known.weight is Weight.UNPROVEN or not known.findings:
        return Blame(known.weight is Weight.UNPROVEN, None)
    cited = [by_id[name] for name in known.findings]
    causes = [finding for finding in cited if finding.explained_by is None and counts(finding, by_id)]
    if known.weight is not Weight.NOT_COUNTED and causes:
        return Blame(True, causes[0].id)
    return Blame(False, _cause(cited[0], by_id).id)


def _cause(finding: Finding, by_id: Mapping[str, Finding]) -> Finding:
    visited = {finding.id}
    while (above := by_id.get(finding.explained_by or "")) is not None and above.id not in visited:
        visited.add(above.id)  # a saved report may lead in a circle
        finding = above
    return finding


def heaviest(weights: Iterable[Weight]) -> Weight | None:
    """The worst of them; None where there is none."""
    return min(weights, key=_WORST_FIRST.index, default=None)


def counts(finding: Finding, by_id: Mapping[str, Finding]) -> bool:
    """Whether a finding raises a verdict: one that follows from a suppressed one does not."""
    return finding.counts and finding.severity is not Severity.INFO and not _suppressed_by(finding, by_id)


def _suppressed_by(finding: Finding, by_id: Mapping[str, Finding]) -> str | None:
    """Id of the suppressed finding that it is, or follows from; None where there is none."""
    above: Finding | None = finding
    visited: set[str] = set()
    while above is not None and above.id not in visited:  # a saved report may lead in a circle
        if above.suppressed:
            return above.id
        visited.add(above.id)
        above = by_id.get(above.explained_by or "")
    return None


def _standing(
    observation: Observation[Any],
    citing: list[Finding],
    by_id: Mapping[str, Finding],
    targets: Mapping[str, TargetReport],
    unused: Container[tuple[str | None, Address | None]],
    report: Report,
    *,
    is_unproven: bool,
) -> Standing:
    counting = sorted((f for f in citing if counts(f, by_id)), key=lambda finding: finding.severity.rank)
    ids = tuple(dict.fromkeys(finding.id for finding in (*counting, *citing)))
    if counting:
        return Standing(_WEIGHTS[counting[0].severity], ids, "")
    if is_unproven:
        return Standing(Weight.UNPROVEN, ids, "")
    why = _why(observation, citing, by_id, targets, unused, report)
    if why is None and report.verdict.status is not Status.OK:
        return Standing(Weight.UNPROVEN, ids, "no finding rests on it")
    return Standing(Weight.NOT_COUNTED, ids, why or "no finding rests on it")


def _why(
    observation: Observation[Any],
    citing: list[Finding],
    by_id: Mapping[str, Finding],
    targets: Mapping[str, TargetReport],
    unused: Container[tuple[str | None, Address | None]],
    report: Report,
) -> str | None:
    """Why a failed step does not count; None where nothing says it."""
    subject = observation.subject
    for finding in citing:
        if (suppressed := _suppressed_by(finding, by_id)) is not None:
            return f"{suppressed} is suppressed"
    target = targets.get(subject.target or "")
    if target is not None and target.role is Role.OPTIONAL:
        return f"{target.id} was not asked for"
    if target is not None and target.role is Role.CONTEXT:
        return f"{target.id} is for comparison"
    if (subject.target, subject.address) in unused:
        return "this host does not use the address"
    if subject.resolver is not None and subject.resolver not in report.vantage.resolvers:
        version = subject.resolver.version
        others = any(resolver.version == version for resolver in report.vantage.resolvers)
        kind = None if observation.failure is None else observation.failure.kind
        return (
            "this host does not use this name server"
            if others or kind not in _NO_ANSWER
            else f"no IPv{version} resolver here"
        )
    if subject.step is Step.DNS and subject.resolver is None and subject.operation not in (None, GETADDRINFO):
        return "a lookup of another name, for comparison"
    if citing:
        return f"{citing[0].code} is information only"
    if target is not None and subject.step is Step.TCP and _is_needless(target, subject.port):
        return f"{target.service} does not need port {subject.port}"
    return None


def _is_needless(target: TargetReport, port: int | None) -> bool:
    service = SERVICES.get(target.service)
    return service is not None and any(known.number == port and not known.required for known in service.ports)
