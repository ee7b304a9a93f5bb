"""Turn evidence into findings: ask every rule, put causes before symptoms, and report every failure as a finding.

Each rule reports its own findings. Then `causality` finds their causes, `proof` finds the steps that a target needs for
`ok` and that are missing, and `fixes` completes the commands. This module treats no code of a finding specially: the
differences between kinds of findings are fields of their rows in `agent.catalog.findings`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.catalog.findings import CODES, Layer, Scope
from agent.fixes.placeholders import filled
from agent.judge.candidate import Candidate, worst_of
from agent.judge.causality import EXPLAINS, Explains, explain, explained_by, supported
from agent.judge.evidence import AT_ADDRESSES, Evidence, skipped_because
from agent.judge.headlines import headline_of
from agent.judge.known_ids import known_ids
from agent.judge.proof import left_unnamed, missing_proof, reason_of, unexplained
from agent.judge.requirements import judged_steps, why_not_in_use
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.run import crashed
from agent.judge.subjects import subjects_of
from agent.report.model import Finding, NotEvaluated
from agent.settings import Suppression
from probes.frozen import dataclass
from probes.model import Role, Target
from probes.operations import WORKLOADS
from probes.vpc.model import READS

NO_EC2: Final = "the configuration was not asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The conclusions from a run's evidence."""

    findings: tuple[Finding, ...]
    """The findings, in this order: suppressed findings come last, causes come before symptoms, and findings that count
    come before others. After that, severity and code decide."""
    not_evaluated: tuple[NotEvaluated, ...]
    unproven: dict[str, tuple[str, ...]]
    """The missing parts of the proof for `ok` that no finding accounts for, by the target's id."""
    harmless: frozenset[str]
    """Ids of failed steps that a finding calls harmless, such as a denied call that the workload does not make."""


def diagnose(
    evidence: Evidence,
    rules: Sequence[Rule] = RULES,
    explains: Sequence[Explains] = EXPLAINS,
    suppress: Sequence[Suppression] = (),
) -> Diagnosis:
    """Ask every rule, and order their findings. If a rule raises an error, the error becomes the finding RUN002."""
    targets = {target.id: target for target in evidence.targets}
    not_in_use = {target.id: reason for target in evidence.targets if (reason := why_not_in_use(evidence, target))}
    reported = _merged(
        finding for rule in rules for finding in _ask(rule, evidence) if finding.target not in not_in_use
    )
    with_finding = {(finding.code, finding.target) for finding in reported}
    not_evaluated = [
        missing
        for rule in rules
        for missing in _not_evaluated(rule, evidence, not_in_use)
        if (missing.code, missing.target) not in with_finding  # a rule that reports has seen enough
    ]
    not_evaluated += [
        NotEvaluated(code=rule.code, target=None, reason=reason)
        for rule in rules
        if rule.unseen is not None and (reason := rule.unseen(evidence)) is not None
    ]
    candidates = [_candidate(finding, targets, suppress, evidence) for finding in reported]
    _count_causes(candidates, explains)
    candidates = supported(candidates, explains)
    explain(candidates, explains)

    unproven: dict[str, tuple[str, ...]] = {}
    unnamed: dict[str, None] = {}
    for target in evidence.targets:
        if target.id not in not_in_use:
            lacking = missing_proof(target, evidence, candidates, explains)
            unproven[target.id] = lacking.unproven
            unnamed |= dict.fromkeys(lacking.unnamed)
    if unnamed:
        candidates.append(_candidate(unexplained(evidence, list(unnamed)), targets, suppress, evidence))

    for candidate in candidates:
        candidate.severity = worst_of(candidate)
    for target_id, steps in left_unnamed(evidence, candidates, not_in_use).items():
        unproven[target_id] += steps
    candidates.sort(key=_order)
    return Diagnosis(
        findings=tuple(_finding(candidate, evidence) for candidate in candidates),
        not_evaluated=tuple(not_evaluated),
        unproven=unproven,
        harmless=frozenset(step for one in candidates if one.finding.is_no_fault for step in one.finding.evidence),
    )


def _candidate(
    finding: RuleFinding, targets: Mapping[str, Target], suppress: Sequence[Suppression], evidence: Evidence
) -> Candidate:
    target = targets.get(finding.target or "")
    steps = [observation for step in finding.evidence if (observation := evidence.find(step)) is not None]
    # The search for software on this host does not show what a finding affects; the finding's other observations do.
    of = [step.subject.target for step in steps if step.subject.operation != WORKLOADS]
    return Candidate(
        finding,
        finding.severity or CODES[finding.code].severity,
        target,
        about=frozenset(filter(None, of)) if target is None else frozenset({target.id}),
        counts=target.role is Role.REQUIRED if target is not None else _is_about_required(of, targets),
        suppressed=any(_suppresses(suppression, finding, target, evidence) for suppression in suppress),
    )


def _suppresses(suppression: Suppression, finding: RuleFinding, target: Target | None, evidence: Evidence) -> bool:
    if suppression.code != finding.code or suppression.target not in (None, finding.target):
        return False
    if not suppression.applies_on(evidence.run.started_at.date()):
        return False
    if suppression.subject is None:
        return True
    subjects = subjects_of(finding, target, evidence, known_ids(finding, target, evidence))
    return suppression.subject in {f"{subject.kind}:{subject.id}" for subject in subjects}


def _is_about_required(of: Sequence[str | None], targets: Mapping[str, Target]) -> bool:
    """Whether a finding of the run or of a resolver rests on an observation of a required target or of the run itself.
    True if it rests on no observation. `of` contains the target of each observation, or None if it belongs to the
    run."""
    about = [targets.get(target_id or "") for target_id in of]
    return not about or any(target is None or target.role is Role.REQUIRED for target in about)


def _count_causes(candidates: Sequence[Candidate], explains: Sequence[Explains]) -> None:
    """Let a finding without a target that needs a symptom count only if one of its symptoms counts."""
    for candidate in candidates:
        if candidate.target is None and candidate.code.needs_symptom:
            symptoms = explained_by(candidate, candidates, explains)
            candidate.counts = not symptoms or any(symptom.counts for symptom in symptoms)


def _ask(rule: Rule, evidence: Evidence) -> list[RuleFinding]:
    try:
        return list(rule.check(evidence))
    except Exception as error:  # noqa: BLE001 - a rule that crashes is a finding too, and the others still report
        return [crashed(rule.code, error)]


def _merged(reported: Iterable[RuleFinding]) -> list[RuleFinding]:
    """One finding for each code and target, so that its id is unique."""
    merged: dict[tuple[str, str | None], RuleFinding] = {}
    for finding in reported:
        key = (finding.code, finding.target)
        first = merged.get(key)
        if first is None:
            merged[key] = finding
            continue
        severities = [part.severity or CODES[part.code].severity for part in (first, finding)]
        merged[key] = replace(
            first,
            detail=" ".join(dict.fromkeys((first.detail, finding.detail))),
            evidence=tuple(dict.fromkeys((*first.evidence, *finding.evidence))),
            subjects=tuple(dict.fromkeys((*first.subjects, *finding.subjects))),
            addresses=first.addresses | finding.addresses,
            severity=min(severities, key=lambda severity: severity.rank),
            of_this_host=first.of_this_host or finding.of_this_host,
            shared=first.shared | finding.shared,
            may_need_path=first.may_need_path and finding.may_need_path,
        )
    return list(merged.values())


def _not_evaluated(rule: Rule, evidence: Evidence, not_in_use: Mapping[str, str]) -> Iterable[NotEvaluated]:
    """The rules that could not be applied, and the reasons."""
    if CODES[rule.code].scope is Scope.RUN:
        if reason := _lack(rule, evidence, None):
            yield NotEvaluated(code=rule.code, target=None, reason=reason)
        return
    if not evidence.targets:
        unknown = evidence.run.region is None
        reason = (
            "no Region is known, so no host can be checked" if unknown else "the run ended before it knew what to check"
        )
        yield NotEvaluated(code=rule.code, target=None, reason=reason)
    for target in evidence.targets:
        if reason := not_in_use.get(target.id) or _lack(rule, evidence, target):
            yield NotEvaluated(code=rule.code, target=target.id, reason=reason)


def _lack(rule: Rule, evidence: Evidence, target: Target | None) -> str | None:
    """Why one of a rule's required steps or reads has no result. None if all of them have one."""
    if rule.reads and not evidence.run.ec2_reads:
        return NO_EC2
    if rule.why_not is not None and (reason := rule.why_not(evidence)) is not None:
        return reason
    for step in rule.needs:
        # Metadata, credentials and the host's settings except its proxies belong to the run and not to a target.
        judged = judged_steps(evidence, step, target) or [
            observation for observation in evidence.of(step) if observation.subject.target is None
        ]
        if any(observation.made for observation in judged):
            continue
        tried = (*judged, *evidence.of(step, target))
        reasons = [reason for observation in tried if not observation.made and (reason := reason_of(observation))]
        nothing = "no address is known to try" if step in AT_ADDRESSES else f"no {step} step was made"
        return reasons[0] if reasons else nothing
    for operation in rule.reads:
        read = evidence.read(operation)
        if read is None or not read.ok:
            how = "were not read" if read is not None and skipped_because(read) else "could not be read"
            return f"{READS[operation].words} {how}{'' if read is None else f': {reason_of(read)}'}"
    return None


def _order(candidate: Candidate) -> tuple[object, ...]:
    return (
        candidate.suppressed,
        candidate.cause is not None,
        not candidate.counts,
        candidate.severity.rank,
        tuple(CODES).index(candidate.finding.code),
        candidate.id,
    )


def _finding(candidate: Candidate, evidence: Evidence) -> Finding:
    code = candidate.code
    known = known_ids(candidate.finding, candidate.target, evidence)
    fix = filled(candidate.finding.fix, known)
    if code.layer is Layer.CONFIGURATION:
        from agent.judge.checked_in_run import checked_in_run  # few runs need this module

        fix = checked_in_run(evidence, candidate.finding, candidate.target, fix)
    subjects = subjects_of(candidate.finding, candidate.target, evidence, known)
    return Finding(
        id=candidate.id,
        code=code.code,
        name=code.name,
        severity=candidate.severity,
        scope=code.scope,
        target=candidate.finding.target,
        title=code.title,
        headline=headline_of(candidate.finding, candidate.target, evidence, subjects),
        detail=candidate.finding.detail,
        evidence=candidate.finding.evidence,
        subjects=subjects,
        explained_by=None if candidate.cause is None else candidate.cause.id,
        counts=candidate.counts,
        suppressed=candidate.suppressed,
        fix=fix,
        documents=code.documents,
    )
