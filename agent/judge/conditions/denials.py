"""The policy that denied a signed call, by the words of AWS's access-denied texts.

The form is *User: PRINCIPAL is not authorized to perform: ACTION [on resource: RESOURCE] REASON* (IAM User Guide,
Troubleshoot access denied error messages). This form is searched for anywhere in a text: there are sentences before and
after it, white space varies, and new words may appear at known places.

Other people choose the names of sessions and resources, and may quote a reason in them. So a reason counts only if it
follows action and resource in the same sentence, and if it is the only one. A text that cannot be parsed is not guessed
at: it becomes IAM009, which quotes the text.
"""

import re
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Final

from probes.frozen import dataclass


class PrincipalKind(StrEnum):
    """The kind of the caller."""

    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    USER = "user"
    ROLE = "role"
    ROOT = "root"
    SERVICE = "service"
    ACCOUNT = "account"
    """An account, given only by its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """The content of an access-denied text. A field is None if the text does not mention it."""

    policy: str | None
    """The kind of policy that denied the call, as KINDS names it."""
    explicit: bool | None
    action: str | None
    resource: str | None
    """The resource. It is often an ARN, but may be any word."""
    principal: str | None
    principal_kind: PrincipalKind | None
    policy_arn: str | None
    via_service_control: bool
    """Whether an endpoint policy denied on behalf of a service control policy."""


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """A kind of policy: the pattern of its name in AWS's texts, its name here, and the codes of the findings for its
    implicit and explicit denials."""

    id: str
    words: str
    name: str
    implicit: str
    explicit: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a reason. `{name}` stands for the words of the kind."""

    explicit: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class PrincipalForm:
    """The spelling of a kind of principal, and its name for people."""

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
"""Words that change the meaning of a sentence. They are therefore never skipped as extra words."""
NAMING: Final = (
    *("vpc", "endpoint", "identity", "identity-based", "service", "control", "resource", "resource-based"),
    *("permission", "permissions", "session", "sessions", "role", "trust"),
)
"""Words that occur in the names of kinds of policies. If one of these words precedes the name of another kind, the two
together are the name of an unknown kind."""
SENTENCE: Final = (
    r"(?:\bUser:\s*(?P<principal>\S{1,2048})\s+is\s+)?not\s+authorized\s+to\s+perform:\s*(?P<action>\S*[^\s.])"
    r"(?:\s+on\s+(?:[\w-]+\s+){0,2}?resources?:\s*"
    r"(?:\"(?P<quoted>[^\"]{1,2048})\"|(?!because\s|with\s)(?P<resource>\S{0,2047}[^\s.])))?"
)
"""The subject, action and resource of a denial. Amazon S3 puts the resource in quotation marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The patterns that parse texts. Each part is a field, so that a test can leave it out and show that it is
    needed."""

    kinds: tuple[PolicyKind, ...] = KINDS
    forms: tuple[Form, ...] = FORMS
    principals: tuple[PrincipalForm, ...] = PRINCIPALS
    joining: tuple[str, ...] = JOINING
    naming: tuple[str, ...] = NAMING
    sentence: str = SENTENCE
    not_joined: str = r"(?![\w-])(?!\s*,?\s*(?:and|or|nor)\b)"
    """Text that must not follow the name of a kind: the rest of a longer word, or the name of a second kind."""
    between: str = r"\.?\s*|(?:[\s,;]+{word})*[\s,;]*"
    """Text that may precede the reason: a full stop, or words that continue the sentence."""
    most_sentences: int = 1
    """Maximum number of denials in a text. If there are more, a name in the text quotes a denial, and it is unknown
    which of them is real."""
    most_reasons: int = 1
    """Maximum number of different reasons in a text. If there are more, a name in the text quotes a reason, and it is
    unknown which of them is real."""


GRAMMAR: Final = Grammar()
_ACTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_*]{1,128}")
_AFTER: Final = ".,;"
"""Characters that separate a name from the next sentence. Names may contain these characters, too."""
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
        tuple((principal.kind, _compiled(principal.pattern)) for principal in grammar.principals),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def read_denial(text: str, grammar: Grammar = GRAMMAR) -> Denial:
    """The content of an access-denied text. Accepts any text."""
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
        (policy, explicit, reason)
        for policy, explicit, pattern in patterns.reasons
        for reason in pattern.finditer(text, sentence.end())
    ]
    if not 1 <= len({(policy, explicit) for policy, explicit, _ in reasons}) <= grammar.most_reasons:
        return denial
    policy, explicit, reason = min(reasons, key=lambda match: match[2].start())
    if patterns.between.fullmatch(text, sentence.end(), reason.start()) is None:
        return denial
    groups = reason.groupdict()
    arn = (groups.get("arn") or "").rstrip(_AFTER) or None
    via = groups.get("via") is not None
    return replace(denial, policy=policy, explicit=explicit, policy_arn=arn, via_service_control=via)


_ARN: Final = re.compile(r"arn:aws[\w-]*:[^\s,;)'\"]{1,512}")
"""The form of ARNs that `redact` masks completely. Names may contain commas, and text after a comma would stay
visible."""


def is_masked_whole(arn: str | None) -> bool:
    """Whether a text is an ARN that masking replaces completely, so that a finding may show it."""
    return arn is not None and _ARN.fullmatch(arn) is not None


def accounts_of(denial: Denial) -> tuple[str, ...]:
    """The accounts of the caller and of the resource, if a finding names them."""
    arns = (arn for arn in (denial.principal, denial.resource) if is_masked_whole(arn))
    of_caller = denial.principal if denial.principal_kind is PrincipalKind.ACCOUNT else None
    return tuple(filter(None, (of_caller, *(str(arn).split(":")[4] for arn in arns))))


def role_of(denial: Denial) -> list[str]:
    """The role that the caller has assumed: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` (IAM User Guide, IAM
    identifiers)."""
    resource = str(denial.principal).split(":")[-1].split("/") if is_masked_whole(denial.principal) else []
    return resource[1:2] if resource[:1] == ["assumed-role"] else []
