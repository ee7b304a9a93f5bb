"""IAM: who denied a signed call, by the words of AWS's access-denied texts.

The form is *User: PRINCIPAL is not authorized to perform: ACTION [on resource: RESOURCE] REASON* (IAM User Guide,
Troubleshoot access denied error messages). It is searched for, never anchored: sentences stand before and after it,
white space varies, and new words may come at known places.

Names of sessions and resources are chosen by others and may quote a reason. So a reason counts only where it follows
action and resource in the same sentence, and alone. What cannot be read is IAM009 with the text, never a guess.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from typing import Final

from agent.catalog.wording import listed
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Found, Rule, describe_endpoint, ids, places, read_only
from agent.report.model import Command, CommandScope, Fix
from probes.facts import ApiFacts
from probes.model import FailureKind, Observation, Step, Target


class PrincipalKind(StrEnum):
    """What the caller is."""

    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    USER = "user"
    ROLE = "role"
    ROOT = "root"
    SERVICE = "service"
    ACCOUNT = "account"
    """An account by its number alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """What an access-denied text says; None where it does not say."""

    policy: str | None
    """The kind of policy that denied, as KINDS names it."""
    explicit: bool | None
    action: str | None
    resource: str | None
    """Often an ARN, but any word may stand there."""
    principal: str | None
    principal_kind: PrincipalKind | None
    policy_arn: str | None
    via_service_control: bool
    """Denied by an endpoint policy on behalf of a service control policy."""


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """A kind of policy: its words in AWS's texts, its name in ours, and the findings that its denials are."""

    id: str
    words: str
    name: str
    implicit: str
    explicit: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a reason, with `{name}` where the kind's words stand."""

    explicit: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class PrincipalForm:
    """How a kind of principal is written, and what a person calls it."""

    kind: PrincipalKind
    name: str
    pattern: str


KINDS: Final = (
    PolicyKind("vpc-endpoint", r"VPC\s+endpoint\s+polic(?:y|ies)", "VPC endpoint policy", "IAM001", "IAM002"),
    PolicyKind("identity", r"identity(?:-based)?\s+polic(?:y|ies)", "identity-based policy", "IAM003", "IAM003"),
    PolicyKind("service-control", r"service\s+control\s+polic(?:y|ies)", "service control policy", "IAM004", "IAM004"),
    PolicyKind(
        "resource-control", r"resource\s+control\s+polic(?:y|ies)", "resource control policy", "IAM005", "IAM005"
    ),
    PolicyKind("permissions-boundary", r"permissions?\s+boundar(?:y|ies)", "permissions boundary", "IAM006", "IAM006"),
    PolicyKind("session", r"sessions?\s+polic(?:y|ies)", "session policy", "IAM007", "IAM007"),
    PolicyKind("resource-based", r"resource(?:-based)?\s+polic(?:y|ies)", "resource-based policy", "IAM008", "IAM008"),
    # It stops credentials, not a call, so it has no code of its own here.
    PolicyKind("role-trust", r"role\s+trust\s+polic(?:y|ies)", "role trust policy", "IAM009", "IAM009"),
)
FORMS: Final = (
    Form(False, r"\bbecause\s+no\s+(?:{adjective}\s+){{0,3}}?{name}\s+(?:{word}\s+){{0,5}}?allows?\b"),
    Form(
        True,
        r"\bwith\s+an\s+explicit\s+deny\s+(?:{word}\s+){{0,3}}?in\s+(?:{adjective}\s+){{0,4}}?{name}"
        r"(?::\s*(?P<arn>arn:\S+))?(?P<via>\s+transitively\s+through\s+(?:{word}\s+){{0,3}}?service\s+control\s+polic)?",
    ),
)
PRINCIPALS: Final = (
    # AWS's own sample has one colon and `assumedRole`.
    PrincipalForm(PrincipalKind.ASSUMED_ROLE, "assumed role", r"arn:[\w-]+:sts::?\d{12}:assumed-?role/.+"),
    PrincipalForm(PrincipalKind.FEDERATED_USER, "federated user", r"arn:[\w-]+:sts::\d{12}:federated-user/.+"),
    PrincipalForm(PrincipalKind.USER, "user", r"arn:[\w-]+:iam::\d{12}:user/.+"),
    PrincipalForm(PrincipalKind.ROLE, "role", r"arn:[\w-]+:iam::\d{12}:role/.+"),
    PrincipalForm(PrincipalKind.ROOT, "root user", r"arn:[\w-]+:iam::\d{12}:root"),
    PrincipalForm(PrincipalKind.SERVICE, "service", r"[a-z][a-z0-9.-]*\.amazonaws\.com(?:\.cn)?"),
    PrincipalForm(PrincipalKind.ACCOUNT, "account", r"\d{12}"),
)
JOINING: Final = (
    *("and", "or", "nor", "not", "neither", "but", "unless", "except", "without"),
    *("because", "with", "deny", "denies", "allow", "allows", "policy", "policies", "boundary", "boundaries"),
)
"""Words that change what a sentence says: none of them is an extra word."""
NAMING: Final = (
    *("vpc", "endpoint", "identity", "identity-based", "service", "control", "resource", "resource-based"),
    *("permission", "permissions", "session", "sessions", "role", "trust"),
)
"""Words of the names of kinds: before another kind's name they make a kind that is not known here."""
SENTENCE: Final = (
    r"(?:\bUser:\s*(?P<principal>\S{1,2048})\s+is\s+)?not\s+authorized\s+to\s+perform:\s*(?P<action>\S*[^\s.])"
    r"(?:\s+on\s+(?:[\w-]+\s+){0,2}?resources?:\s*"
    r"(?:\"(?P<quoted>[^\"]{1,2048})\"|(?!because\s|with\s)(?P<resource>\S{0,2047}[^\s.])))?"
)
"""Who may not do what, and with what; Amazon S3 quotes the resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What texts are read by, part by part, so that a test can leave out each and see that it is needed."""

    kinds: tuple[PolicyKind, ...] = KINDS
    forms: tuple[Form, ...] = FORMS
    principals: tuple[PrincipalForm, ...] = PRINCIPALS
    joining: tuple[str, ...] = JOINING
    naming: tuple[str, ...] = NAMING
    sentence: str = SENTENCE
    not_joined: str = r"(?![\w-])(?!\s*,?\s*(?:and|or|nor)\b)"
    """What may not follow the name of a kind: the rest of a longer word, or a second kind."""
    between: str = r"\.?\s*|(?:[\s,;]+{word})*[\s,;]*"
    """What may stand before the reason: a full stop, or words that go on."""
    most_sentences: int = 1
    """In a text with more, one is quoted in a name, and nothing tells which."""
    most_reasons: int = 1
    """The same of reasons that differ."""


GRAMMAR: Final = Grammar()

_ACTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_*]{1,128}")
_AFTER: Final = ".,;"
"""What may stand between a name and the next sentence, though names may hold it too."""
_NOTHING: Final = Denial(
    policy=None,
    explicit=None,
    action=None,
    resource=None,
    principal=None,
    principal_kind=None,
    policy_arn=None,
    via_service_control=False,
)


@dataclass(frozen=True, slots=True)
class _Patterns:
    sentence: re.Pattern[str]
    reasons: tuple[tuple[str, bool, re.Pattern[str]], ...]
    between: re.Pattern[str]
    principals: tuple[tuple[PrincipalKind, re.Pattern[str]], ...]


@cache
def _patterns(grammar: Grammar) -> _Patterns:
    word = rf"(?!(?:{'|'.join(grammar.joining)})(?![\w-]))[\w:/-]+"
    adjective = rf"(?!(?:{'|'.join(grammar.joining + grammar.naming)})(?![\w-]))[\w-]+"
    return _Patterns(
        _compiled(grammar.sentence),
        tuple(
            (
                kind.id,
                form.explicit,
                _compiled(form.pattern.format(name=kind.words + grammar.not_joined, word=word, adjective=adjective)),
            )
            for kind in grammar.kinds
            for form in grammar.forms
        ),
        _compiled(grammar.between.format(word=word)),
        tuple((each.kind, _compiled(each.pattern)) for each in grammar.principals),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def read_denial(text: str, grammar: Grammar = GRAMMAR) -> Denial:
    """What an access-denied text says, whatever the text."""
    patterns = _patterns(grammar)
    sentences = list(patterns.sentence.finditer(text))
    if not 1 <= len(sentences) <= grammar.most_sentences:
        return _NOTHING
    sentence = sentences[0]
    action = _ACTION.match(sentence["action"])
    principal = sentence["principal"]
    denial = replace(
        _NOTHING,
        action=None if action is None else action[0],
        resource=sentence["quoted"] or (sentence["resource"] or "").rstrip(_AFTER) or None,
        principal=principal,
        principal_kind=next((kind for kind, form in patterns.principals if form.fullmatch(principal or "")), None),
    )
    reasons = [
        (policy, explicit, found)
        for policy, explicit, pattern in patterns.reasons
        for found in pattern.finditer(text, sentence.end())
    ]
    if not 1 <= len({(policy, explicit) for policy, explicit, _ in reasons}) <= grammar.most_reasons:
        return denial
    policy, explicit, found = min(reasons, key=lambda each: each[2].start())
    if patterns.between.fullmatch(text, sentence.end(), found.start()) is None:
        return denial
    said = found.groupdict()
    arn = (said.get("arn") or "").rstrip(_AFTER) or None
    via = said.get("via") is not None
    return replace(denial, policy=policy, explicit=explicit, policy_arn=arn, via_service_control=via)


def code_of(denial: Denial, grammar: Grammar = GRAMMAR) -> str:
    """The finding that a denial is."""
    kind = next((each for each in grammar.kinds if each.id == denial.policy), None)
    if kind is None:
        return "IAM009"
    return kind.explicit if denial.explicit else kind.implicit


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
    name = _NAMES.get(denial.policy or "")
    where = listed(each.subject.address for each in calls)
    if code == "IAM009" or name is None:
        which = "does not say which policy" if name is None else f"names a {name}, which stops no call of this kind"
        said = f"AWS denies {action} at {where} and {which}" + (f": {text}" if text else ".")
    else:
        if denial.explicit:
            by = f"An explicit deny in a{'n' if name[0] in 'aeiou' else ''} {name}"
            by += f" ({denial.policy_arn})" if _is_masked_whole(denial.policy_arn) else ""
            by += ", on behalf of a service control policy," if denial.via_service_control else ""
            said = f"{by} forbids {action}; seen at {where}."
        else:
            said = f"No {name} allows {action}; seen at {where}."
        said += _who_and_what(denial)
    if denial.policy == "vpc-endpoint":
        said += " A denial by an endpoint policy is proof that the call went through an endpoint: the path works."
    return Found(
        code=code,
        target=target.id,
        detail=said,
        evidence=ids(calls),
        addresses=places(calls),
        fix=_fix(code, target, action, denial),
    )


_NAMES: Final = {kind.id: kind.name for kind in KINDS}
_CALLERS: Final = {each.kind: each.name for each in PRINCIPALS}
_ARN: Final = re.compile(r"arn:aws[\w-]*:[^\s,;)'\"]{1,512}")
"""ARNs that masking (`redact`) takes whole. Names may hold commas, and what stood behind one would stay."""


def _is_masked_whole(arn: str | None) -> bool:
    return arn is not None and _ARN.fullmatch(arn) is not None


def _who_and_what(denial: Denial) -> str:
    """` Caller: …; resource: ….`, as far as both are known and can be masked."""
    parts = []
    if denial.principal_kind is not None:
        tells = _is_masked_whole(denial.principal) or denial.principal_kind is PrincipalKind.ACCOUNT
        parts.append(f"caller: {_CALLERS[denial.principal_kind]}" + (f" {denial.principal}" if tells else ""))
    if _is_masked_whole(denial.resource):
        parts.append(f"resource: {denial.resource}")
    said = "; ".join(parts)
    return f" {said[0].upper()}{said[1:]}." if said else ""


def _fix(code: str, target: Target, action: str, denial: Denial) -> Fix:
    if code in ("IAM001", "IAM002"):
        return _endpoint_fix(code, target, action, denial)
    what = {
        "IAM003": "Narrow that Deny in the policies of this role or user; one unless aws:SourceVpce or aws:SourceVpc "
        "fits says that the call came another way."
        if denial.explicit
        else "Grant it in an identity-based policy of this role or user; conditions on aws:SourceIp never hold "
        "through an endpoint (aws:VpcSourceIp, aws:SourceVpce do).",
        "IAM004": "Ask whoever owns the organisation's service control policies; often one denies by Region.",
        "IAM005": "Ask whoever owns the resource control policies of the organisation that the resource is in.",
        "IAM006": f"The permissions boundary of this role or user caps all grants: take {action} out of its Deny."
        if denial.explicit
        else f"The permissions boundary of this role or user caps all grants: add {action} to its Allow.",
        "IAM007": "The session was opened with a policy of its own: open it without, or with one that allows the call.",
        "IAM008": "Edit the resource's own policy, such as the access policy of the backup vault.",
        "IAM009": "Look at all kinds of policies in turn: endpoint, identity, organisation, boundary, session.",
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
            "A policy of Deny statements alone denies everybody."
        )
        if action.lower().startswith("backup-gateway:"):
            summary += " backup:* does not cover backup-gateway: actions."
    elif denial.via_service_control:
        summary = (
            f"The Deny is a service control policy's: ask its owner to except {action} or this principal. Then see "
            f"that the policy of the {target.service} endpoint has an Allow for it."
        )
    else:
        summary = (
            f"Edit the policy of the {target.service} endpoint: no Deny may fit {action} and this principal, and an "
            "Allow must."
        )
    return Fix(
        summary=f"{summary} Changes take some minutes. CloudTrail may lack the denial where the endpoint is another "
        "account's.",
        commands=(
            describe_endpoint(target),
            *((_list_policies("SERVICE_CONTROL_POLICY"),) if denial.via_service_control else ()),
        ),
    )


def _list_policies(kind: str) -> Command:
    """Show the organisation's policies of a kind on one account."""
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
