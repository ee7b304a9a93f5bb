"""IAM rules: the policy that denied a signed call."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.services import is_own_call, permission_of
from agent.catalog.wording import listed
from agent.fixes.commands import describe_endpoint, read_only
from agent.judge.conditions.denials import (
    GRAMMAR,
    KINDS,
    PRINCIPALS,
    Denial,
    Grammar,
    PrincipalKind,
    accounts_of,
    is_masked_whole,
    read_denial,
    role_of,
)
from agent.judge.conditions.endpoint_denials import NOTHING_TO_FIX, OtherCalls, Verdict, other_calls
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, CommandScope, Fix, SubjectKind
from agent.report.subjects import about, resources
from probes.facts import ApiFacts
from probes.model import FailureKind, Observation, Step, Target


def code_of(denial: Denial, grammar: Grammar = GRAMMAR) -> str:
    """The code of the finding for a denial."""
    kind = next((known for known in grammar.kinds if known.id == denial.policy), None)
    if kind is None:
        return "IAM009"
    return kind.explicit if denial.explicit else kind.implicit


def denied(code: str, evidence: Evidence) -> Iterator[RuleFinding]:
    """IAM001 to IAM009: signed calls of a target that a policy of this kind denied."""
    for target in evidence.targets:
        calls = [
            call
            for call in evidence.calls(target)
            if evidence.meaning(call) is FailureKind.ACCESS_DENIED and code_of(read_denial(_text(call))) == code
        ]
        if calls:
            others = other_calls(evidence, target) if code == "IAM001" else None
            yield _finding_of(code, target, calls, others)


def _finding_of(
    code: str, target: Target, calls: list[Observation[ApiFacts]], others: OtherCalls | None
) -> RuleFinding:
    text = _text(calls[0])
    denial = read_denial(text)
    permission = permission_of(target)
    action = denial.action or ("the call" if permission is None else permission.action)
    name = _NAMES.get(denial.policy or "")
    where = listed(call.subject.address for call in calls)
    if code == "IAM009" or name is None:
        which = "does not say by which policy" if name is None else f"names a {name}, which stops no call of this kind"
        detail = f"AWS denies {action} at {where} and {which}" + (f": {text}" if text else ".")
    else:
        if denial.explicit:
            by = f"An explicit deny in a{'n' if name[0] in 'aeiou' else ''} {name}"
            by += f" ({denial.policy_arn})" if is_masked_whole(denial.policy_arn) else ""
            by += ", on behalf of a service control policy," if denial.via_service_control else ""
            detail = f"{by} forbids {action}; seen at {where}."
        else:
            detail = f"No {name} allows {action}; seen at {where}."
        detail += _who_and_what(denial)
    if denial.policy == "vpc-endpoint":
        detail += " A denial by an endpoint policy is proof that the call went through an endpoint: the path works."
    if target.bucket is not None:
        detail += (
            " S3 gives no reason for such a denial: the cause may be a policy, an access key that AWS does not know, "
            "or the time of the signature."
        )
    severity = None if others is None else others.severity
    is_no_fault = severity is Severity.INFO
    if others is not None:
        detail += others.sentence
    if code in _OF_THE_CALLER and not is_own_call(target):
        severity, is_no_fault = Severity.INFO, True
        detail += (
            f" The path is proven: the service itself refused. Programs that use {target.service} do not make this "
            "call, so this role may be right without the permission for it."
        )
    return RuleFinding(
        code=code,
        target=target.id,
        headline={"action": action, ("denying" if denial.explicit else "silent"): name},
        severity=severity,
        is_no_fault=is_no_fault,
        detail=detail,
        evidence=ids(calls),
        subjects=(*resources(*accounts_of(denial)), *about(SubjectKind.ROLE, role_of(denial))),
        addresses=places(calls),
        shared=frozenset(arn for call in calls if (arn := read_denial(_text(call)).policy_arn) is not None),
        may_need_path=denial.explicit is True,
        fix=_fix(code, target, action, denial, others),
    )


_OF_THE_CALLER: Final = frozenset({"IAM003", "IAM006", "IAM007", "IAM009"})
"""Denials because of the caller's own permissions, or for an unknown reason. If no other program makes the call, such a
denial is not a fault."""
_NAMES: Final = {kind.id: kind.name for kind in KINDS}
_CALLERS: Final = {principal.kind: principal.name for principal in PRINCIPALS}


def _who_and_what(denial: Denial) -> str:
    """` Caller: …; resource: ….`, with the parts that are known and can be masked."""
    parts = []
    if denial.principal_kind is not None:
        tells = is_masked_whole(denial.principal) or denial.principal_kind is PrincipalKind.ACCOUNT
        parts.append(f"caller: {_CALLERS[denial.principal_kind]}" + (f" {denial.principal}" if tells else ""))
    if is_masked_whole(denial.resource):
        parts.append(f"resource: {denial.resource}")
    sentence = "; ".join(parts)
    return f" {sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _fix(code: str, target: Target, action: str, denial: Denial, others: OtherCalls | None) -> Fix:
    if others is not None and others.verdict is Verdict.ALLOWED:
        return Fix(summary=NOTHING_TO_FIX, commands=(describe_endpoint(target),))
    if code in ("IAM001", "IAM002"):
        return _endpoint_fix(code, target, action if others is None else listed(others.actions), denial)
    what = {
        "IAM003": "Narrow the Deny in the policies of this role or user. If the Deny exempts calls from some "
        "aws:SourceVpce or aws:SourceVpc, this call came another way."
        if denial.explicit
        else "Grant it in an identity-based policy of this role or user. Through an endpoint, conditions on "
        "aws:SourceIp never match; conditions on aws:VpcSourceIp and aws:SourceVpce do.",
        "IAM004": "Ask the owner of the organisation's service control policies; often such a policy denies by Region.",
        "IAM005": "Ask the owner of the resource control policies of the organisation that the resource is in.",
        "IAM006": f"The permissions boundary of this role or user caps all grants: remove {action} from its Deny."
        if denial.explicit
        else f"The permissions boundary of this role or user caps all grants: add {action} to its Allow.",
        "IAM007": "The session was opened with a session policy: open it without one, or with one that allows the "
        "call.",
        "IAM008": "Edit the policy of the resource itself, such as a vault, a key or a bucket.",
        "IAM009": "Check all kinds of policies in turn: endpoint, identity, organisation, boundary, session.",
    }[code]
    who = read_only("aws", "sts", "get-caller-identity", "--region", target.region, scope=CommandScope.ACCOUNT)
    kind = {"IAM004": "SERVICE_CONTROL_POLICY", "IAM005": "RESOURCE_CONTROL_POLICY"}.get(code)
    return Fix(
        summary=f"AWS was reached; the caller may not call {action}. {what}",
        commands=(who,) if kind is None else (who, _list_policies(kind)),
    )


def _endpoint_fix(code: str, target: Target, action: str, denial: Denial) -> Fix:
    if code == "IAM001":
        summary = (
            f"Edit the policy of the {target.service} endpoint: it needs an Allow for {action} and this principal. "
            "A policy that has only Deny statements denies everybody."
        )
        if action.lower().startswith("backup-gateway:"):
            summary += " backup:* does not cover backup-gateway: actions."
    elif denial.via_service_control:
        summary = (
            f"The Deny is in a service control policy: ask its owner to except {action} or this principal. Then see "
            f"that the policy of the {target.service} endpoint has an Allow for it."
        )
    else:
        summary = (
            f"Edit the policy of the {target.service} endpoint: no Deny may match {action} and this principal, and an "
            "Allow must match them."
        )
    return Fix(
        summary=f"{summary} Changes take some minutes. CloudTrail may lack the denial if the endpoint belongs to "
        "another account.",
        commands=(
            describe_endpoint(target),
            *((_list_policies("SERVICE_CONTROL_POLICY"),) if denial.via_service_control else ()),
        ),
    )


def _list_policies(kind: str) -> Command:
    """The command that shows the organisation's policies of a kind that apply to one account."""
    return read_only(
        *("aws", "organizations", "list-policies-for-target", "--target-id", "<ACCOUNT_ID>", "--filter", kind),
        scope=CommandScope.ACCOUNT,
    )


def _text(call: Observation[ApiFacts]) -> str:
    return (call.facts.error_message if call.facts else None) or ""


RULES: Final = tuple(
    Rule(code, (Step.API,), partial(denied, code))
    for code in ("IAM001", "IAM002", "IAM003", "IAM004", "IAM005", "IAM006", "IAM007", "IAM008", "IAM009")
)
