"""The proof that a target is ok, and the missing parts of that proof that no finding accounts for.

A missing part is either covered by a finding or reported as unproven. A failed step of a required target that no
finding covers becomes RUN003.
"""

from collections.abc import Container, Sequence

from agent.catalog.findings import Severity
from agent.catalog.headline import Forms
from agent.catalog.wording import listed
from agent.judge.candidate import Candidate
from agent.judge.causality import Explains, blames_addresses
from agent.judge.evidence import Evidence, skipped_because
from agent.judge.requirements import required_steps
from agent.judge.rules.rule import RuleFinding
from agent.judge.rules.run import REPORT_IT
from agent.report.in_words import id_in_words, step_in_words
from agent.report.model import Fix
from probes.frozen import dataclass
from probes.model import Address, Observation, Role, Step, Subject, Target


@dataclass(frozen=True, slots=True)
class Missing:
    """What a target lacks for `ok`."""

    unproven: tuple[str, ...]
    """Missing parts that no finding covers, in words."""
    unnamed: list[str]
    """Ids of a required target's failed steps that no finding covers."""


def missing_proof(
    target: Target, evidence: Evidence, candidates: list[Candidate], explains: Sequence[Explains]
) -> Missing:
    """The parts that the target lacks for `ok` and that no finding covers."""
    # A finding of severity INFO does not account for a failure.
    naming = [
        candidate
        for candidate in candidates
        if candidate.own_severity is not Severity.INFO and candidate.code.accounts_for_failure
    ]
    accepted = [candidate for candidate in candidates if candidate.finding.is_no_fault]
    named = {observation_id for candidate in (*naming, *accepted) for observation_id in candidate.finding.evidence}
    blamed = {
        address
        for candidate in naming
        if candidate.severity is not Severity.INFO
        # A warning, such as a URL that is set, does not account for a failure: the failure would then count as a mere
        # warning.
        and candidate.own_severity is Severity.CRITICAL
        and candidate.finding.target == target.id
        and any(blames_addresses(row, candidate) for row in explains)
        for address in candidate.finding.addresses
    }
    words, unnamed = _missing_steps(target, evidence, named, blamed)
    lookup = evidence.own_lookup(target)
    if lookup is not None and lookup.ok and not evidence.own_addresses(target) and lookup.id not in named:
        words.append(f"{target.host} gave no address that this host can use")
    if (url := evidence.url_aside(target)) is not None:
        words.append(f"calls go to {url}, and only HTTPS on port 443 was measured")
    if (proxy := evidence.proxy(target)) is not None:
        words.append(f"calls to {target.host} go through the proxy {proxy}, and only the direct way was measured")
    words += _unexpected_addresses(target, evidence, naming)
    return Missing(tuple(dict.fromkeys(words)), unnamed)


def _missing_steps(
    target: Target, evidence: Evidence, named: Container[str], blamed: Container[Address | None]
) -> tuple[list[str], list[str]]:
    """The required steps that did not succeed and that nothing accounts for. The first list has the ids of failed steps
    of a required target. The second list has all other steps, in words."""
    words: list[str] = []
    unnamed: list[str] = []
    required = required_steps(evidence, target)
    for step in required:
        observation = evidence.find(step)
        if observation is None:
            words.append(f"{id_in_words(step)} was not made")
            continue
        if observation.ok:
            continue
        chain = [
            observation,
            *(
                ancestor
                for ancestor in evidence.ancestors(observation)
                if not ancestor.ok and (ancestor.id in required or ancestor.subject.step is Step.CREDENTIALS)
            ),
        ]
        if any(link.id in named for link in chain):
            continue
        # A setting of this host that cannot be read is not a fault of the path.
        faults = [link for link in chain if link.failure and link.made and link.subject.step is not Step.HOST]
        lost = [link for link in chain if link.failure and link not in faults]
        # Only the lowest step that did not succeed is named.
        if faults and observation.subject.address in blamed:
            continue
        if faults and target.role is Role.REQUIRED:
            unnamed.append(faults[-1].id)
        elif faults:
            words.append(f"{step_in_words(faults[-1].subject)} failed: {reason_of(faults[-1])}")
        elif lost:
            words.append(f"{step_in_words(lost[-1].subject)}: {reason_of(lost[-1])}")
        elif observation.subject.step is Step.HOST:
            words.append(str(skipped_because(observation)))
        else:
            words.append(f"{step_in_words(observation.subject)} was skipped: {skipped_because(observation)}")
    return words, unnamed


def _unexpected_addresses(target: Target, evidence: Evidence, naming: list[Candidate]) -> list[str]:
    """The addresses in use that are not on the expected path and that no finding covers."""
    # If a cause is suppressed, neither the cause nor its symptoms account for their addresses any more.
    of_target = [candidate for candidate in naming if candidate.finding.target == target.id]
    orphaned = [candidate for candidate in of_target if not candidate.suppressed and candidate.root.suppressed]
    accused = {
        address for candidate in of_target if candidate not in orphaned for address in candidate.finding.addresses
    }
    accused -= {address for candidate in orphaned for address in candidate.finding.addresses}
    unexpected = [
        address
        for address in evidence.own_addresses(target)
        if not evidence.is_expected(address, target) and address not in accused
    ]
    unsettled: dict[str, list[Address]] = {}
    for address in unexpected:
        if evidence.may_have_gateway(address) and (why := evidence.gateway_at(address).why_unknown) is not None:
            unsettled.setdefault(why, []).append(address)
    return [
        *(
            f"whether a gateway endpoint leads to {listed(addresses)} is not known: {why}"
            for why, addresses in unsettled.items()
        ),
        *(
            f"{address} is {evidence.judged_scope(address)}, where {evidence.expected_path(target)} was expected"
            for address in unexpected
            if not any(address in addresses for addresses in unsettled.values())
        ),
    ]


def left_unnamed(
    evidence: Evidence, candidates: list[Candidate], not_in_use: Container[str]
) -> dict[str, tuple[str, ...]]:
    """The failures of each target that only a symptom of a suppressed cause covers. The cause is known and accepted,
    but its effect on such a step is not. The step is therefore not proven."""
    by_target: dict[str, tuple[str, ...]] = {}
    for target in evidence.targets:
        if target.id in not_in_use:
            continue
        steps = frozenset(required_steps(evidence, target))
        hidden = [
            observation
            for candidate in candidates
            if candidate.cause is not None and not candidate.suppressed and candidate.root.suppressed
            for step in candidate.finding.evidence
            if step in steps and (observation := evidence.find(step)) is not None and not observation.ok
        ]
        by_target[target.id] = tuple(
            f"{step_in_words(subject)} failed, and its cause is suppressed"
            for subject in dict.fromkeys(observation.subject for observation in hidden)
        )
    return by_target


def unexplained(evidence: Evidence, failed: list[str]) -> RuleFinding:
    """RUN003: these steps failed, and no rule says why."""
    steps = [observation for step in failed if (observation := evidence.find(step)) is not None]
    failures = [f"{step.id} ({step.failure.message})" for step in steps if step.failure is not None]
    addresses: frozenset[Address] = frozenset(step.subject.address for step in steps if step.subject.address)
    return RuleFinding(
        code="RUN003",
        target=None,
        headline={"step": _in_short(steps[0].subject), "more": str(len(steps) - 1) if len(steps) > 1 else None},
        detail=f"These steps failed, and no rule says why: {listed(failures)}.",
        evidence=tuple(failed),
        addresses=addresses,
        fix=Fix(
            summary="Look at the failed steps: they were measured, so something is wrong there. " + REPORT_IT.summary,
            commands=REPORT_IT.commands,
        ),
    )


def _in_short(subject: Subject) -> Forms:
    """A step in words, in a long and in a short form. A headline uses the one that fits."""
    at = f" at {subject.address}" if subject.address is not None else ""
    return step_in_words(subject), f"{subject.step.upper()}{at}"


def reason_of(observation: Observation[object]) -> str | None:
    """Why a step has no result: its failure's message, or why it was skipped."""
    return skipped_because(observation) if observation.failure is None else observation.failure.message
