"""VPC rules for endpoint policies: the statement that denies a call."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import Severity
from agent.catalog.headline import Forms
from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.bucket_policies import bucket_denials
from agent.judge.conditions.denials import Denial
from agent.judge.conditions.endpoint_denials import (
    NOTHING_TO_FIX,
    OtherCalls,
    Verdict,
    asked_of,
    endpoint_at,
    endpoint_denial,
    other_calls,
)
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places
from agent.judge.rules.rule import Rule, RuleFinding, resting_on, says
from agent.report.model import Fix
from agent.report.subjects import resources
from probes.facts import ApiFacts
from probes.model import Observation, Step, Target
from probes.vpc.model import ENDPOINT_INTERFACES, ENDPOINTS, VpcEndpoint

if TYPE_CHECKING:
    from agent.network.calls import Call, Judgement


def endpoint_policy_would_deny(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC008: an endpoint policy denies a call, according to AWS, and the document of this policy shows why."""
    for target in evidence.targets:
        shut: dict[tuple[VpcEndpoint, str], list[Observation[ApiFacts]]] = {}
        judgements: dict[tuple[VpcEndpoint, str], tuple[str, Judgement]] = {}
        for call in evidence.calls(target):
            denial, endpoint = endpoint_denial(call), endpoint_at(evidence, call)
            if denial is None or endpoint is None:
                continue
            asked = asked_of(evidence, target, call, denial, endpoint)
            if (judgement := _agreeing(endpoint, asked, denial)) is not None:
                shut.setdefault((endpoint, judgement.words), []).append(call)
                judgements[endpoint, judgement.words] = asked.action, judgement
        for denied_bucket in bucket_denials(evidence, target):
            if isinstance(denied_bucket.endpoint, VpcEndpoint) and denied_bucket.is_of_policy:
                key = (denied_bucket.endpoint, denied_bucket.judgement.words)
                shut.setdefault(key, []).append(denied_bucket.call)
                judgements[key] = denied_bucket.action, denied_bucket.judgement
        if not shut:
            continue
        calls = [call for denied in shut.values() for call in denied]
        sentences = [
            f"AWS denies {judgements[key][0]} at {listed(denied_call.subject.address for denied_call in denied)}. "
            f"{says(evidence, 'EC2', ENDPOINTS)} of the policy of {key[0].endpoint_id}: {key[1]}."
            for key, denied in shut.items()
        ]
        others = other_calls(evidence, target)
        finding = RuleFinding(
            code="VPC008",
            target=target.id,
            headline=_first_shut(judgements),
            severity=(None if others is None else others.severity) if target.bucket is None else Severity.CRITICAL,
            detail=" ".join(sentences) + ("" if others is None else others.sentence),
            evidence=ids(calls),
            subjects=resources(*(endpoint.endpoint_id for endpoint, _ in shut)),
            addresses=places(calls),
            fix=_repair(target, judgements, others),
        )
        yield resting_on(evidence, finding, ENDPOINTS, ENDPOINT_INTERFACES)


def _first_shut(judgements: "dict[tuple[VpcEndpoint, str], tuple[str, Judgement]]") -> dict[str, Forms | None]:
    (endpoint, _), (action, _) = next(iter(judgements.items()))
    return {"endpoint": endpoint.endpoint_id, "action": action}


def _agreeing(endpoint: VpcEndpoint, asked: "Call", denial: Denial) -> "Judgement | None":
    """The decision of the endpoint's policy about a call. None if AWS's own text contradicts the decision."""
    from agent.network.calls import Decision, judge  # only imported after a denial

    judgement = judge(endpoint.policy, asked)
    return judgement if judgement.decision is (Decision.DENY if denial.explicit else Decision.NO_ALLOW) else None


def _repair(
    target: Target, judgements: "dict[tuple[VpcEndpoint, str], tuple[str, Judgement]]", others: OtherCalls | None
) -> Fix:
    from agent.network.calls import Decision

    is_fine = others is not None and others.verdict is Verdict.ALLOWED
    statements = [judged.statement for _, judged in judgements.values() if judged.decision is Decision.DENY]
    actions = [action for action, _ in judgements.values()] if others is None or statements else others.actions
    fault = Fault(
        target=target,
        ids=tuple(endpoint.endpoint_id for endpoint, _ in judgements),
        first=(NOTHING_TO_FIX,) if is_fine else (),
        actions=() if is_fine else tuple(dict.fromkeys(actions)),
        statement=listed(dict.fromkeys(statements)) if statements else None,
        caller="this caller" if statements else "this caller's role or account",
    )
    return fix_of("VPC008", fault)


RULES: Final = (
    Rule("VPC008", needs=(Step.API,), check=endpoint_policy_would_deny, reads=(ENDPOINTS, ENDPOINT_INTERFACES)),
)
