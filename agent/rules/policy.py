"""IAM: who denied a signed call, by the words of AWS's access-denied texts.

The form is *User: … is not authorized to perform: ACTION [on resource: R] REASON* (IAM User Guide, Troubleshoot access
denied error messages). The reason is searched for, never anchored: sentences stand before and after it, white space
varies, and new words may come at known places. What cannot be read is IAM009 with the text, never a guess.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from agent.evidence import Evidence
from agent.report import CommandScope, Fix
from agent.rules.rule import Found, Rule, describe_endpoint, ids, listed, look, places
from probes.facts import ApiFacts
from probes.model import FailureKind, Observation, Step, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """What an access-denied text says."""

    policy: str | None
    """The kind of policy that denied, as POLICIES names it; None where the text does not say."""
    explicit: bool | None
    action: str | None
    resource: str | None
    policy_arn: str | None
    via_service_control: bool
    """Denied by an endpoint policy on behalf of a service control policy."""


_WORDS: Final = (
    ("vpc-endpoint", r"VPC\s+endpoint\s+polic(?:y|ies)"),
    ("service-control", r"service\s+control\s+polic(?:y|ies)"),
    ("resource-control", r"resource\s+control\s+polic(?:y|ies)"),
    ("permissions-boundary", r"permissions?\s+boundar(?:y|ies)"),
    ("session", r"sessions?\s+polic(?:y|ies)"),
    ("role-trust", r"role\s+trust\s+polic(?:y|ies)"),
    ("resource-based", r"resource(?:-based)?\s+polic(?:y|ies)"),
    ("identity", r"identity(?:-based)?\s+polic(?:y|ies)"),
)
_ARN: Final = r"(?::\s*(?P<arn>arn:\S+))?"
_AFTER: Final = ".,;"
"""What may stand between a name and the next sentence, though names may hold it too."""
_REASONS: Final = tuple(
    (name, explicit, re.compile(form, re.IGNORECASE))
    for name, words in _WORDS
    for explicit, form in (
        (False, rf"because\s+no\s+(?:applicable\s+)?{words}\s+allows?\b"),
        (True, rf"with\s+an\s+explicit\s+deny\s+in\s+(?:an?|the)\s+{words}{_ARN}"),
    )
)
_ACTION: Final = re.compile(r"not\s+authorized\s+to\s+perform:\s*(?P<action>[\w-]{1,64}:[\w*]{1,128})", re.IGNORECASE)
_RESOURCE: Final = re.compile(r"\son\s+resource:\s*(?P<resource>\S{1,512})", re.IGNORECASE)
_VIA: Final = re.compile(r"transitively\s+through\s+an?\s+service\s+control\s+policy", re.IGNORECASE)

CODES_OF: Final = {
    ("vpc-endpoint", False): "IAM001",
    ("vpc-endpoint", True): "IAM002",
    ("identity", False): "IAM003",
    ("identity", True): "IAM003",
    ("service-control", False): "IAM004",
    ("service-control", True): "IAM004",
    ("resource-control", False): "IAM005",
    ("resource-control", True): "IAM005",
    ("permissions-boundary", False): "IAM006",
    ("permissions-boundary", True): "IAM006",
    ("session", False): "IAM007",
    ("session", True): "IAM007",
    ("resource-based", False): "IAM008",
    ("resource-based", True): "IAM008",
}
"""A trust policy stops credentials, not the call, so it has no code of its own here."""

_NAMES: Final = {
    "vpc-endpoint": "VPC endpoint policy",
    "identity": "identity-based policy",
    "service-control": "service control policy",
    "resource-control": "resource control policy",
    "permissions-boundary": "permissions boundary",
    "session": "session policy",
    "resource-based": "resource-based policy",
}


def read_denial(text: str) -> Denial:
    """What an access-denied text says, whatever the text."""
    action = found["action"] if (found := _ACTION.search(text)) else None
    resource = found["resource"].rstrip(_AFTER) if (found := _RESOURCE.search(text)) else None
    for name, explicit, pattern in _REASONS:
        if (found := pattern.search(text)) is not None:
            return Denial(
                policy=name,
                explicit=explicit,
                action=action,
                resource=resource,
                policy_arn=found["arn"].rstrip(_AFTER) if explicit and found["arn"] else None,
                via_service_control=_VIA.search(text) is not None,
            )
    return Denial(
        policy=None,
        explicit=None,
        action=action,
        resource=resource,
        policy_arn=None,
        via_service_control=False,
    )


def code_of(denial: Denial) -> str:
    """The finding that a denial is."""
    if denial.policy is None or denial.explicit is None:
        return "IAM009"
    return CODES_OF.get((denial.policy, denial.explicit), "IAM009")


def denied(code: str, evidence: Evidence) -> Iterator[Found]:
    """IAM001 to IAM009: signed calls of a target that a policy of this kind denied."""
    for target in evidence.targets:
        calls = [
            each
            for each in evidence.calls(target)
            if each.failure is not None
            and each.failure.kind is FailureKind.ACCESS_DENIED
            and code_of(read_denial(_text(each))) == code
        ]
        if calls:
            yield _found(code, target, calls)


def _found(code: str, target: Target, calls: list[Observation[ApiFacts]]) -> Found:
    text = _text(calls[0])
    denial = read_denial(text)
    action = denial.action or f"{target.service}:{calls[0].facts.operation if calls[0].facts else 'the call'}"
    where = listed(each.subject.address for each in calls)
    if denial.policy is None or code == "IAM009":
        said = f"AWS denies {action} at {where} and does not say which policy: {text}"
    elif denial.explicit:
        article = "an" if denial.policy == "identity" else "a"
        by = f"an explicit deny in {article} {_NAMES[denial.policy]}"
        by += f" ({denial.policy_arn})" if denial.policy_arn else ""
        by += ", on behalf of a service control policy" if denial.via_service_control else ""
        said = f"{by[0].upper()}{by[1:]} forbids {action}; seen at {where}."
    else:
        said = f"No {_NAMES[denial.policy]} allows {action}; seen at {where}."
    proof = ""
    if denial.policy == "vpc-endpoint":
        proof = " A denial by an endpoint policy is proof that the call went through an endpoint: the path works."
    return Found(
        code=code,
        target=target.id,
        detail=said + proof,
        evidence=ids(calls),
        addresses=places(calls),
        fix=_fix(code, target, action),
    )


def _fix(code: str, target: Target, action: str) -> Fix:
    if code in ("IAM001", "IAM002"):
        return Fix(
            summary=f"Edit the policy of the {target.service} endpoint: it needs an Allow for {action} and this "
            "principal, and no Deny that fits. A policy without any Allow denies everybody; changes take some minutes.",
            commands=(describe_endpoint(target),),
        )
    where = {
        "IAM003": "Grant it in an identity-based policy of this role or user; conditions on aws:SourceIp never hold "
        "through an endpoint (aws:VpcSourceIp, aws:SourceVpce do).",
        "IAM004": "Ask whoever owns the organisation's service control policies; often one denies by Region.",
        "IAM005": "Ask whoever owns the organisation's resource control policies.",
        "IAM006": "Widen the permissions boundary of this role or user, or use another.",
        "IAM007": "The session was opened with a policy of its own: open it without, or with one that allows the call.",
        "IAM008": "Edit the resource's own policy, such as the access policy of the backup vault.",
        "IAM009": "Look at all kinds of policies in turn: endpoint, identity, organisation, boundary, session.",
    }[code]
    return Fix(
        summary=f"The path is proven; the caller may not call {action}. {where}",
        commands=(look("aws", "sts", "get-caller-identity", "--region", target.region, scope=CommandScope.ACCOUNT),),
    )


def _text(call: Observation[ApiFacts]) -> str:
    return (call.facts.error_message if call.facts else None) or ""


RULES: Final = tuple(
    Rule(code, (Step.API,), partial(denied, code))
    for code in ("IAM001", "IAM002", "IAM003", "IAM004", "IAM005", "IAM006", "IAM007", "IAM008", "IAM009")
)
