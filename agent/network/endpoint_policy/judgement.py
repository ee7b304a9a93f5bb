"""The decision of an interface endpoint's policy on a call, if it is certain.

This is not an IAM engine. Each element of a statement fits the call, does not fit it, or may fit it. The element that
fits worst decides about the statement. A Deny that fits denies the call. If no Allow may fit, nothing allows the call.
An Allow that fits allows the call only if no Deny may fit. In all other cases the result is unknown. It is also unknown
for a document that AWS would refuse, since this module may misread it.

The call is one that this host signs and sends itself, over TLS, through the endpoint that has the policy.

Sources: IAM User Guide, IAM JSON policy elements reference, Grammar of the IAM JSON policy language, Policy evaluation
logic, AWS global condition context keys; AWS PrivateLink Guide, Control access to VPC endpoints using endpoint
policies; Service Authorization Reference, AWS Backup, AWS Backup Gateway.
"""

from enum import StrEnum

from agent.network.endpoint_policy.call import Call
from agent.network.endpoint_policy.conditions import condition_part
from agent.network.endpoint_policy.document import RefusedError, Statement, statements_of
from agent.network.endpoint_policy.elements import action_part, principal_part, quoted, resource_part
from agent.network.endpoint_policy.matching import Fit, Part
from probes.frozen import dataclass


class Decision(StrEnum):
    """The decision of a policy on a call."""

    ALLOW = "allow"
    DENY = "deny"
    """A Deny statement fits: AWS speaks of an explicit deny."""
    NO_ALLOW = "no-allow"
    """No Allow statement fits. AWS then says that no VPC endpoint policy allows the action. If a Deny also fits, AWS
    mentions the Deny instead. The call is denied in both cases."""
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The decision of a policy on a call, with the part of the policy that decides."""

    decision: Decision
    statement: str | None
    """The Sid of the statement that decides, or a number such as `statement 2`. For `no-allow`, it is the Allow that is
    nearest to fitting. For `cannot-tell`, it is the statement in doubt. None if no statement decides."""
    element: str | None
    """The element that does not fit or is in doubt: `Action`, `NotAction`, `Principal`, …, `Condition`."""
    words: str
    """The reason, one sentence without its full stop."""
    is_of_allow: bool
    """Whether that statement is an Allow."""
    only_denies: bool
    """Whether the document has no Allow statement at all, so that it denies everybody."""

    @property
    def denies(self) -> bool:
        """Whether the call is denied for certain."""
        return self.decision in (Decision.DENY, Decision.NO_ALLOW)

    @property
    def allows_some(self) -> bool:
        """Whether an Allow fits the call except for the resource, which is unknown, and which the Allow may include."""
        return self.is_in_doubt and self.is_of_allow and self.element in ("Resource", "NotResource")

    @property
    def is_in_doubt(self) -> bool:
        """Whether the decision is unknown."""
        return self.decision is Decision.CANNOT_TELL


def judge(policy: str | None, call: Call) -> Judgement:
    """The document's decision on the call. `policy` may be any text. None, or a blank text, means that no policy is
    attached. Everything is then allowed."""
    if policy is None or not policy.strip():
        return _judgement(Decision.ALLOW, "no policy is attached, which allows everything")
    try:
        statements = [_fitted(statement, call) for statement in statements_of(policy)]
    except RefusedError as error:
        return _judgement(Decision.CANNOT_TELL, f"the policy cannot be judged: {error}")
    allows = [statement for statement in statements if statement.allows]
    denies = [statement for statement in statements if not statement.allows]
    denying = max(denies, key=lambda statement: statement.fit, default=None)
    allowing = max(allows, key=lambda statement: statement.fit, default=None)
    if denying is not None and denying.fit is Fit.YES:
        words = f"{denying.name} denies {quoted(call.action)} to this caller"
        return _judgement(Decision.DENY, words, denying, only_denies=not allows)
    if allowing is None:
        words = (
            "the policy denies everybody: its only statements are Deny, and without an Allow nothing is allowed "
            "(AWS's own example that denies one account has this form)"
        )
        return _judgement(Decision.NO_ALLOW, words, only_denies=True)
    if allowing.fit is Fit.NO:
        nearest = max(allows, key=lambda statement: sum(part.fit is not Fit.NO for part in statement.parts))
        words = f"no statement allows {quoted(call.action)}; the nearest is {nearest.name}, but {nearest.deciding.why}"
        return _judgement(Decision.NO_ALLOW, words, nearest)
    if denying is not None and denying.fit is Fit.MAYBE:
        words = f"whether {denying.name} denies {quoted(call.action)} is not known: {denying.deciding.why}"
        return _judgement(Decision.CANNOT_TELL, words, denying)
    if allowing.fit is Fit.MAYBE:
        words = f"whether {allowing.name} allows {quoted(call.action)} is not known: {allowing.deciding.why}"
        return _judgement(Decision.CANNOT_TELL, words, allowing)
    words = f"{allowing.name} allows {quoted(call.action)}, and no statement denies it"
    return _judgement(Decision.ALLOW, words, allowing)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A statement compared with the call."""

    name: str
    allows: bool
    parts: tuple[Part, ...]

    @property
    def deciding(self) -> Part:
        """The element that fits worst; the first one if several fit equally badly."""
        return min(self.parts, key=lambda part: part.fit)

    @property
    def fit(self) -> Fit:
        return self.deciding.fit


def _judgement(
    decision: Decision, words: str, decided: _Fitted | None = None, *, only_denies: bool = False
) -> Judgement:
    doubted = None if decided is None or decided.fit is Fit.YES else decided.deciding.element
    return Judgement(
        decision=decision,
        statement=None if decided is None else decided.name,
        element=doubted,
        words=words,
        is_of_allow=decided is not None and decided.allows,
        only_denies=only_denies,
    )


def _fitted(statement: Statement, call: Call) -> _Fitted:
    elements = statement.elements
    parts = [
        action_part(elements, call),
        principal_part(elements, call, allows=statement.allows),
        resource_part(elements, call),
    ]
    if "Condition" in elements:
        parts.append(condition_part(elements["Condition"], call, allows=statement.allows))
    return _Fitted(statement.name, statement.allows, tuple(parts))
