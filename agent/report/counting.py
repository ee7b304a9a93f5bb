"""Find which failed steps count: a step counts if a finding that counts rests on it. For the others, find why they do
not count. A lookup with a wrong answer is treated like a failed step. Pure.

Every drawing of a step takes its colour from here, so that colours have the same meaning everywhere: red means that the
failure counts, green that all is well.
"""

from collections.abc import Container, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.services import SERVICES
from agent.report.in_words import step_in_words
from agent.report.model import Finding, Report, Status, TargetReport
from probes.addresses import AddressScope
from probes.facts import DnsFacts, LookupFacts
from probes.frozen import dataclass
from probes.model import Address, FailureKind, Observation, Role, Step
from probes.operations import GETADDRINFO


class Weight(StrEnum):
    """The effect of a failed step, or of a wrong answer, on the verdict."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNPROVEN = "unproven"
    """No finding rests on it, and its required target is not proven."""
    NOT_COUNTED = "not-counted"


_WORST_FIRST: Final = tuple(Weight)
_WEIGHTS: Final = {Severity.CRITICAL: Weight.CRITICAL, Severity.WARNING: Weight.WARNING}
_NO_ANSWER: Final = frozenset({FailureKind.TIMEOUT, FailureKind.UNREACHABLE})
_PUBLIC: Final = (AddressScope.PUBLIC, AddressScope.NAT64)
_WRONG_ANSWERS: Final = {
    "DNS001": _PUBLIC,
    "DNS002": _PUBLIC,
    "DNS007": (),
    "DNS008": _PUBLIC,
    "DNS010": (),
    "DNS011": _PUBLIC,
    "DNS012": (AddressScope.NAT64,),
    "DNS015": _PUBLIC,
    "DNS018": _PUBLIC,
    "DNS020": (AddressScope.VPC, AddressScope.PRIVATE),
}
"""The codes of findings that call an answer wrong, each with the scopes that a wrong address has; empty if right
addresses have the same scopes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a failed step or a wrong answer counts."""

    weight: Weight
    findings: tuple[str, ...]
    """Ids of the findings that rest on it, the deciding one first."""
    why: str
    """Why it does not count, in words: `no IPv6 resolver here`; empty if it counts."""
    wrong: tuple[Address, ...] = ()
    """The wrong addresses of an answer. A failed step has none."""
    fault: str = ""
    """What is wrong with the addresses: `public` or `wrong`."""


def standings(report: Report) -> dict[str, Standing]:
    """Return how each failed step and each wrong answer of a report counts, by the id of its observation."""
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
    failed = {
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
    return failed | _wrong_answers(report, targets, by_id)


def addresses_of(observation: Observation[Any]) -> tuple[Address, ...]:
    """The addresses in an answer; empty if there is no answer."""
    return observation.facts.addresses if isinstance(observation.facts, DnsFacts | LookupFacts) else ()


def _wrong_answers(
    report: Report, targets: Mapping[str, TargetReport], by_id: Mapping[str, Finding]
) -> dict[str, Standing]:
    """Return how each wrong answer counts, by the id of its observation. A finding says that the answer is wrong; if
    several do, the worst of them decides."""
    named = [
        finding
        for finding in report.findings
        if finding.code in _WRONG_ANSWERS and finding.severity is not Severity.INFO
    ]
    named.sort(key=lambda finding: (not counts(finding, by_id), finding.severity.rank))
    found: dict[str, Standing] = {}
    for finding in named:
        target = targets.get(finding.target or "")
        evidence = frozenset(finding.evidence)
        answers = [seen for seen in report.observations if seen.id in evidence and seen.ok and addresses_of(seen)]
        if target is None or not answers:
            continue
        weight, why = _WEIGHTS[finding.severity], ""
        if not counts(finding, by_id):
            weight, why = Weight.NOT_COUNTED, _why(answers[0], [finding], by_id, targets, frozenset(), report) or ""
        bad, fault = _wrong_in(finding.code, answers, target)
        for seen in report.observations:  # other answers with the same addresses are wrong, too
            wrong = tuple(address for address in addresses_of(seen) if address in bad)
            is_of_name = seen.subject.resolver is not None or seen.subject.operation == GETADDRINFO
            if wrong and seen.ok and is_of_name and seen.subject.target == finding.target:
                found.setdefault(seen.id, Standing(weight, (finding.id,), why, wrong, fault))
    return found


def _wrong_in(code: str, answers: list[Observation[Any]], target: TargetReport) -> tuple[frozenset[Address], str]:
    """Return the wrong addresses in these answers, and a word for what is wrong with them. Where possible the scopes of
    the addresses tell which are wrong. Otherwise the wrong addresses are those that this host's own lookup gave and the
    differing answers did not give."""
    given = {address for answer in answers for address in addresses_of(answer)}
    for scope in _WRONG_ANSWERS[code]:
        bad = frozenset(known.address for known in target.addresses if known.scope is scope and known.address in given)
        if bad:
            return bad, "private" if scope is AddressScope.VPC else str(scope)
    own = {address for seen in answers if seen.subject.operation == GETADDRINFO for address in addresses_of(seen)}
    others = {address for seen in answers if not own <= {*addresses_of(seen)} for address in addresses_of(seen)}
    return frozenset(own - others or own), "wrong"


@dataclass(frozen=True, slots=True)
class Blame:
    """The report's judgement of a failed step."""

    counts: bool
    """Whether the failure itself raises a status. It does not if it is only the symptom of another fault."""
    cause: str | None
    """The id of the finding that explains the failure. This is the finding that cites the failure as evidence or, if
    that finding is a symptom, the cause of that finding. None if no finding cites the failure."""


def blames(report: Report) -> dict[str, Blame]:
    """Return the judgement of each failed step, by the id of its observation."""
    by_id = {finding.id: finding for finding in report.findings}
    return {name: _blame(known, by_id) for name, known in standings(report).items() if not known.wrong}


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
        visited.add(above.id)  # a saved report may contain a circle of causes
        finding = above
    return finding


def heaviest(weights: Iterable[Weight]) -> Weight | None:
    """Return the worst of the weights; None without any."""
    return min(weights, key=_WORST_FIRST.index, default=None)


def counts(finding: Finding, by_id: Mapping[str, Finding]) -> bool:
    """Whether a finding raises a verdict. The consequence of a suppressed finding does not."""
    return finding.counts and finding.severity is not Severity.INFO and not _suppressed_by(finding, by_id)


def _suppressed_by(finding: Finding, by_id: Mapping[str, Finding]) -> str | None:
    """Return the id of the finding if it is suppressed, else the id of the suppressed finding that explains it; None if
    neither is suppressed."""
    above: Finding | None = finding
    visited: set[str] = set()
    while above is not None and above.id not in visited:  # in a saved report the causes may form a circle
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
    """Return why a failed step does not count; None if no reason is known."""
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
