"""The policy of an interface endpoint as a document: what it says of one call, where that is certain.

No IAM engine. Each element of a statement fits the call, does not fit it, or may fit it; a statement fits as well as
its worst element. A Deny that fits denies. Where no Allow may fit, nothing allows. An Allow that fits allows only
where no Deny may fit. All else cannot be told, and so can no document that AWS would have refused: what stands in it
is then not what this module takes it for.

What is judged is a call that this host signs and sends itself, over TLS, through the endpoint that has the policy.

Sources: IAM User Guide, IAM JSON policy elements reference, Grammar of the IAM JSON policy language, Policy evaluation
logic, AWS global condition context keys; AWS PrivateLink Guide, Control access to VPC endpoints using endpoint
policies; Service Authorization Reference, AWS Backup, AWS Backup Gateway.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import Any, Final

from agent.catalog.services import SERVICES

MOST_CHARACTERS: Final = 20_480
"""Of an endpoint policy, white space included."""


class Decision(StrEnum):
    """What a policy says of a call."""

    ALLOW = "allow"
    DENY = "deny"
    """A Deny statement fits: AWS speaks of an explicit deny."""
    NO_ALLOW = "no-allow"
    """No Allow statement fits: AWS says that no VPC endpoint policy allows the action. A Deny may fit all the same, and
    then AWS speaks of that; the call is denied either way."""
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A signed call, as far as it is known for certain."""

    action: str
    """`backup:ListBackupVaults`."""
    resource: str | None = None
    """The ARN that it acts on, `*` where it acts on no resource of its own (`resource_of`); None where unknown."""
    principal_arn: str | None = None
    """As STS names the caller, so a session's for a role: `arn:aws:sts::111122223333:assumed-role/Name/session`."""
    principal_account: str | None = None
    """Twelve digits; taken from `principal_arn` where it is None."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys, in lower case, with their one value; a key that is not here is unknown, not absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a policy says of a call, and what in it says so."""

    decision: Decision
    statement: str | None
    """The Sid of the statement that decides, or `statement 2`: for `no-allow` the Allow that comes nearest, for
    `cannot-tell` the one in doubt. None where no statement does."""
    element: str | None
    """The element of it that does not fit or is in doubt: `Action`, `NotAction`, `Principal`, …, `Condition`."""
    words: str
    """Why, one sentence without its full stop."""
    only_denies: bool
    """The document has no Allow statement at all, so it denies everybody."""


_OTHER_RESOURCES: Final = {"backup:getsupportedresourcetypes": "*"}
"""Of calls that a policy can be asked about and no probe makes."""


def resource_of(action: str, *, partition: str, region: str, account: str | None) -> str | None:
    """What a call acts on, for the calls that probes make; None for others, and where it takes an unknown account."""
    permissions = (service.permission for service in SERVICES.values() if service.permission is not None)
    resources = {**_OTHER_RESOURCES, **{each.action.lower(): each.resource for each in permissions}}
    form = resources.get(action.lower())
    if form is None or (account is None and "{account}" in form):
        return None
    return form.format(partition=partition, region=region, account=account)


def judge(policy: str | None, call: Call) -> Judgement:
    """What the document says of the call. `policy` is JSON text, whatever it holds; None or blank where none is
    attached, which allows everything."""
    if policy is None or not policy.strip():
        return _judgement(Decision.ALLOW, "no policy is attached, which allows everything")
    try:
        statements = [_fitted(each, call) for each in _statements(policy)]
    except _RefusedError as error:
        return _judgement(Decision.CANNOT_TELL, f"the policy cannot be judged: {error}")
    allows = [each for each in statements if each.allows]
    denies = [each for each in statements if not each.allows]
    denying = max(denies, key=lambda each: each.fit, default=None)
    allowing = max(allows, key=lambda each: each.fit, default=None)
    if denying is not None and denying.fit is _Fit.YES:
        words = f"{denying.name} denies {_shown(call.action)} to this caller"
        return _judgement(Decision.DENY, words, denying, only_denies=not allows)
    if allowing is None:
        words = (
            "the policy denies everybody: its only statements are Deny, and without an Allow nothing is allowed "
            "(AWS's own example that denies one account has this form)"
        )
        return _judgement(Decision.NO_ALLOW, words, only_denies=True)
    if allowing.fit is _Fit.NO:
        nearest = max(allows, key=lambda each: sum(part.fit is not _Fit.NO for part in each.parts))
        words = f"no statement allows {_shown(call.action)}; the nearest is {nearest.name}, but {nearest.deciding.why}"
        return _judgement(Decision.NO_ALLOW, words, nearest)
    if denying is not None and denying.fit is _Fit.MAYBE:
        words = f"whether {denying.name} denies {_shown(call.action)} cannot be told: {denying.deciding.why}"
        return _judgement(Decision.CANNOT_TELL, words, denying)
    if allowing.fit is _Fit.MAYBE:
        words = f"whether {allowing.name} allows {_shown(call.action)} cannot be told: {allowing.deciding.why}"
        return _judgement(Decision.CANNOT_TELL, words, allowing)
    words = f"{allowing.name} allows {_shown(call.action)}, and no statement denies it"
    return _judgement(Decision.ALLOW, words, allowing)


class _Fit(IntEnum):
    """Whether something fits the call. The least of several is what all of them do, the greatest what one does."""

    NO = 0
    MAYBE = 1
    YES = 2

    def turned(self) -> "_Fit":
        return _Fit(_Fit.YES - self)


@dataclass(frozen=True, slots=True)
class _Part:
    """Whether an element fits the call, and why it does not, or may not."""

    element: str
    fit: _Fit
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement that AWS would have taken, as far as its shape goes."""

    name: str
    allows: bool
    elements: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A statement held against the call."""

    name: str
    allows: bool
    parts: tuple[_Part, ...]

    @property
    def deciding(self) -> _Part:
        """The first of the elements that fit worst."""
        return min(self.parts, key=lambda each: each.fit)

    @property
    def fit(self) -> _Fit:
        return self.deciding.fit


class _RefusedError(Exception):
    """Nothing that AWS would have taken for an endpoint policy; the text says why."""


def _judgement(
    decision: Decision, words: str, decided: _Fitted | None = None, *, only_denies: bool = False
) -> Judgement:
    doubted = None if decided is None or decided.fit is _Fit.YES else decided.deciding.element
    return Judgement(
        decision=decision,
        statement=None if decided is None else decided.name,
        element=doubted,
        words=words,
        only_denies=only_denies,
    )


# The document. Names of elements are taken only in AWS's own spelling: no page says that another is read.

_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_CHOICES: Final = (("Action", "NotAction"), ("Principal", "NotPrincipal"), ("Resource", "NotResource"))
"""Of each, a statement has exactly one."""
_ELEMENTS: Final = frozenset({"Sid", "Effect", "Condition", *(each for choice in _CHOICES for each in choice)})
_SID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")
"""What is shown as it stands; longer or stranger ones are numbered."""


def _statements(policy: str) -> list[_Statement]:
    if len(policy) > MOST_CHARACTERS:
        raise _RefusedError(f"it is longer than the {MOST_CHARACTERS:,} characters that AWS takes")
    try:
        document = json.loads(policy, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise _RefusedError("it is nested too deeply") from None
    except ValueError:
        raise _RefusedError("it is no JSON") from None
    if not isinstance(document, dict):
        raise _RefusedError("it is no JSON object")
    if document.keys() - {"Version", "Id", "Statement"}:
        raise _RefusedError("it has elements that AWS does not know beside Version, Id and Statement")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS or not isinstance(document.get("Id", ""), str):
        raise _RefusedError("its Version or Id is none that AWS takes")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise _RefusedError("it has no statement")
    return [_statement(each, f"statement {number}") for number, each in enumerate(statements, start=1)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _RefusedError("a name stands twice in one of its objects")
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _statement(elements: Any, number: str) -> _Statement:
    if not isinstance(elements, dict):
        raise _RefusedError(f"{number} is no object")
    if elements.keys() - _ELEMENTS:
        raise _RefusedError(f"{number} has elements that AWS does not know")
    effect, sid = elements.get("Effect"), elements.get("Sid", "")
    if effect not in ("Allow", "Deny"):
        raise _RefusedError(f"the Effect of {number} is neither Allow nor Deny")
    if not isinstance(sid, str):
        raise _RefusedError(f"the Sid of {number} is no text")
    for one, other in _CHOICES:
        if (one in elements) == (other in elements):
            words = f"both {one} and {other}" if one in elements else f"neither {one} nor {other}"
            raise _RefusedError(f"{number} has {words}")
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in elements and not _is_texts(elements[name]):
            raise _RefusedError(f"the {name} of {number} is neither a text nor a list of texts")
    for name in ("Principal", "NotPrincipal"):
        who = elements.get(name, "*")
        if not isinstance(who, str) and not (isinstance(who, dict) and all(map(_is_texts, who.values()))):
            raise _RefusedError(f"the {name} of {number} is neither * nor an object of texts")
    conditions = elements.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(each, dict) for each in conditions.values()):
        raise _RefusedError(f"the Condition of {number} is no object of objects")
    return _Statement(sid if _SID.fullmatch(sid) else number, effect == "Allow", elements)


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _fitted(statement: _Statement, call: Call) -> _Fitted:
    elements = statement.elements
    parts = [_action(elements, call), _principal(elements, call, allows=statement.allows), _resource(elements, call)]
    if "Condition" in elements:
        parts.append(_conditions(elements["Condition"], call))
    return _Fitted(statement.name, statement.allows, tuple(parts))


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _best(fits: Iterable[_Fit]) -> _Fit:
    """What the best of them does. A list without entries is nothing that a page explains, so it may do anything."""
    return max(fits, default=_Fit.MAYBE)


# Wildcards. A `*` in what is matched stands for a part that is not known.

_VARIABLE: Final = "${"
"""Policy variables, and the escapes `${*}`, `${?}` and `${$}`: what they become is not known here."""


def _matches(pattern: str, text: str, *, one: str = "?") -> bool:
    """Whether a pattern with `*` and `?` is true of the whole text, upper and lower case apart."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", one))


def _covers(pattern: str, text: str) -> bool:
    """The same whatever a `*` in the text stands for: only a `*` of the pattern is true of it."""
    return _matches(pattern, text, one="[!*]")


def _can_match(pattern: str, text: str) -> bool:
    """Whether the pattern can be true of the text, for something that a `*` in the text stands for."""
    if "*" not in text:
        return _matches(pattern, text)
    literal = re.split(r"[*?]", pattern)
    if len(literal) == 1:
        return _matches(text, pattern)
    head, *_, tail = text.split("*")
    starts = literal[0].startswith(head) or head.startswith(literal[0])
    return starts and (literal[-1].endswith(tail) or tail.endswith(literal[-1]))


def _like(pattern: str, text: str) -> _Fit:
    if _covers(pattern, text):
        return _Fit.YES
    return _Fit.MAYBE if _can_match(pattern, text) else _Fit.NO


# Action and NotAction: names in any case, after the prefix of a service, in which no wildcard may stand.

_ACTION: Final = re.compile(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}")


def _action(elements: Mapping[str, Any], call: Call) -> _Part:
    name = "Action" if "Action" in elements else "NotAction"
    patterns = _texts(elements[name])
    fit = _best(_action_fit(each, call.action) for each in patterns)
    if name == "NotAction":
        return _Part(name, fit.turned(), f"its NotAction excepts {_shown(call.action)}, or may")
    if fit is _Fit.MAYBE:
        return _Part(name, fit, "its Action has another form than AWS takes, a service, a colon and a name")
    why = f"its Action, {_listed(patterns)}, does not cover it"
    if call.action.lower().startswith("backup-gateway:") and any(
        each.lower().startswith("backup:") for each in patterns
    ):
        why += "; backup: actions are another service's than backup-gateway: ones"
    return _Part(name, fit, why)


def _action_fit(pattern: str, action: str) -> _Fit:
    if pattern == "*":
        return _Fit.YES
    if not _ACTION.fullmatch(pattern):
        return _Fit.MAYBE
    return _Fit.YES if _matches(pattern.lower(), action.lower()) else _Fit.NO


def _shown(name: str) -> str:
    """An action as words may quote it."""
    return name if name == "*" or _ACTION.fullmatch(name) else "this action"


def _listed(patterns: list[str]) -> str:
    most = 3
    shown = ", ".join(_shown(each) for each in patterns[:most])
    return shown if len(patterns) <= most else f"{shown} and {len(patterns) - most} more"


# Resource and NotResource: `*`, or ARNs with wildcards, upper and lower case apart. AWS's page promises wildcards
# inside the parts between colons, and that a `*` at a part's end can go beyond; it does not say when. So a pattern
# that takes its parts one by one fits, and one that needs to go beyond a colon elsewhere may fit.

_ARN_PARTS: Final = 6


def _resource(elements: Mapping[str, Any], call: Call) -> _Part:
    name = "Resource" if "Resource" in elements else "NotResource"
    fit = _best(_resource_fit(each, call.resource) for each in _texts(elements[name]))
    if name == "NotResource":
        return _Part(name, fit.turned(), f"its NotResource excepts what {_shown(call.action)} acts on, or may")
    if fit is _Fit.MAYBE:
        return _Part(name, fit, f"its Resource may or may not cover what {_shown(call.action)} acts on")
    why = f"its Resource does not cover what {_shown(call.action)} acts on"
    if call.resource == "*":
        why += ", which is no resource of its own: it needs *"
    elif call.resource is not None and call.resource.endswith("*"):
        why += ", which is all of a kind: it needs * there, no single name"
    return _Part(name, fit, why)


def _resource_fit(pattern: str, resource: str | None) -> _Fit:
    if pattern == "*":
        return _Fit.YES
    if not pattern.startswith("arn:") or _VARIABLE in pattern or resource is None:
        return _Fit.MAYBE
    parts, of_call = pattern.split(":", _ARN_PARTS - 1), resource.split(":", _ARN_PARTS - 1)
    if resource == "*":
        # AWS asks for `*` here; yet services are known that take an ARN in which all resources of theirs are covered.
        rest = parts[-1] if len(parts) == _ARN_PARTS else parts[-1][-1:]
        return _Fit.NO if rest.strip("*") else _Fit.MAYBE
    # The `*` in the ARN of a call that acts on all of a kind is taken as it stands: no single resource's ARN fits it.
    if not _matches(pattern, resource):
        return _Fit.NO
    if len(parts) < len(of_call) and parts[-1].endswith("*"):
        last = len(parts) - 1
        of_call = [*of_call[:last], ":".join(of_call[last:])]
    # The part that names the service takes no wildcard, so one there is nothing that a page explains.
    plain_service = len(parts) > 2 and not re.search(r"[*?]", parts[2])
    apart = len(parts) == len(of_call) and all(map(_covers, parts, of_call))
    return _Fit.YES if plain_service and apart else _Fit.MAYBE


# Principal and NotPrincipal. The caller is always a principal of IAM: a user, or a session of a role.

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_PRINCIPAL: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):(?:iam|sts)::(?P<account>\d{12}):"
    r"(?P<kind>root|user|role|assumed-role|federated-user)(?:/(?P<name>[^*?$]+))?",
    re.ASCII,
)


def _principal(elements: Mapping[str, Any], call: Call, *, allows: bool) -> _Part:
    if "Principal" in elements:
        fit = _who(elements["Principal"], call)
        if fit is _Fit.NO:
            return _Part("Principal", fit, "its Principal does not name this caller")
        why = "its Principal may or may not cover this caller"
        if call.principal_arn is not None and ":assumed-role/" in call.principal_arn:
            why += ", who is a session of a role: no page says that the ARN of a role covers those here"
        return _Part("Principal", fit, why)
    if allows:
        return _Part("NotPrincipal", _Fit.MAYBE, "AWS does not support NotPrincipal with Allow")
    # A caller with a permissions boundary is denied even when excepted, and an excepted role needs its account
    # excepted too; so an exception that may be this caller's leaves the matter open.
    excepted = _who(elements["NotPrincipal"], call)
    fit = _Fit.YES if excepted is _Fit.NO else _Fit.MAYBE
    return _Part("NotPrincipal", fit, "its NotPrincipal may or may not except this caller")


def _who(principal: str | dict[str, Any], call: Call) -> _Fit:
    if isinstance(principal, str):
        return _Fit.YES if principal == "*" else _Fit.MAYBE
    return _best(
        _Fit.NO if kind == "Service" else _named(each, call) if kind == "AWS" else _Fit.MAYBE
        for kind, names in principal.items()
        for each in _texts(names) or [""]
    )


def _named(entry: str, call: Call) -> _Fit:
    """Whether an entry under `AWS` is the caller, or an account that the caller belongs to.

    An account's number stands for all of the account on interface endpoints; for its root user alone it stands on
    gateway endpoints (PrivateLink Guide).
    """
    if entry == "*":
        return _Fit.YES
    caller = _PRINCIPAL.fullmatch(call.principal_arn or "")
    account = _account(call)
    if _ACCOUNT.fullmatch(entry):
        return _Fit.MAYBE if account is None else _Fit.YES if entry == account else _Fit.NO
    named = _PRINCIPAL.fullmatch(entry)
    if named is None:  # wildcards in an ARN, and the ids that AWS puts in the place of deleted principals, among others
        return _Fit.MAYBE
    if account is not None and named["account"] != account:
        return _Fit.NO
    if account is None or (caller is not None and named["partition"] != caller["partition"]):
        return _Fit.MAYBE
    if (named["kind"] == "root") != (named["name"] is None):
        return _Fit.MAYBE
    if named["kind"] == "root" or (entry == call.principal_arn and named["kind"] != "role"):
        return _Fit.YES
    if caller is None:
        return _Fit.MAYBE
    return _Fit.MAYBE if _may_be(named, caller) else _Fit.NO


def _may_be(named: re.Match[str], caller: re.Match[str]) -> bool:
    """Whether a principal of the caller's account that is not named as the caller is may be the caller all the same."""
    kinds = (named["kind"], caller["kind"])
    if kinds == ("user", "assumed-role"):
        return False
    if caller["kind"] == "user" and named["kind"] in ("role", "assumed-role", "federated-user"):
        return False
    names = (named["name"].lower(), (caller["name"] or "").lower())
    if kinds == ("role", "assumed-role"):  # a role's ARN has its path, a session's has none
        return names[0].rsplit("/", 1)[-1] == names[1].split("/", 1)[0]
    if kinds == ("assumed-role", "assumed-role"):  # without its session it is nothing that a page explains
        return names[0] in (names[1], names[1].split("/", 1)[0])
    return kinds != ("user", "user") or names[0] == names[1]


def _account(call: Call) -> str | None:
    caller = _PRINCIPAL.fullmatch(call.principal_arn or "")
    return call.principal_account or (None if caller is None else caller["account"])


# Conditions. All operators and all their keys must hold; of the values of a key one must match, and none for the
# operators that negate. A key that is absent does not match, so it holds for those that negate, and for `…IfExists`.

_ABSENT: Final = frozenset({"aws:sourceip"})
"""Keys that no call through an endpoint has."""
_ALWAYS: Final = {"aws:securetransport": "true", "aws:viaawsservice": "false", "aws:principalisawsservice": "false"}
"""Of every call that a host signs and sends itself, over TLS."""
_SYSTEM: Final = frozenset(
    "aws:principalaccount aws:principalorgid aws:principalorgpaths aws:resourceaccount aws:resourceorgid "
    "aws:resourceorgpaths aws:sourceaccount aws:sourceorgid aws:sourcevpc aws:sourcevpce aws:userid".split()
)
"""Keys that hold ids which AWS makes: an endpoint policy takes no wildcards with them."""
_BESIDE_A_WILDCARD: Final = 6
"""Characters that must stand together before or after each wildcard under String operators of an endpoint policy."""
_OPERATOR: Final = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>[A-Za-z]{1,64}?)(?P<exists>IfExists)?")
_BLOCK: Final = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?")
_KEY: Final = re.compile(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9/_.-]{1,64}")


def _values(call: Call, key: str) -> tuple[str, ...] | None:
    """What a condition key may hold, one of several; none where it is absent, None where it is unknown."""
    key = key.lower()
    if key in _ABSENT:
        return ()
    known = {**_ALWAYS, **{name.lower(): value for name, value in call.context.items()}}
    if key in known:
        return (known[key],)
    account = _account(call)
    if key == "aws:principalaccount":
        return None if account is None else (account,)
    caller = _PRINCIPAL.fullmatch(call.principal_arn or "")
    if key != "aws:principalarn" or caller is None or call.principal_arn is None:
        return None
    if caller["kind"] in ("user", "root"):
        return (call.principal_arn,)
    if caller["kind"] != "assumed-role" or caller["name"] is None:
        return None
    # The key holds the role's ARN; the path in it, which a session's ARN does not tell, is empty or ends in a slash.
    role = f"arn:{caller['partition']}:iam::{caller['account']}:role/"
    name = caller["name"].split("/", 1)[0]
    return (f"{role}{name}", f"{role}*/{name}")


def _conditions(block: Mapping[str, Mapping[str, Any]], call: Call) -> _Part:
    found = [
        _condition(operator, key, _texts(wanted), call)
        for operator, keys in block.items()
        for key, wanted in keys.items()
    ]
    worst = min(found, key=lambda each: each.fit, default=_Part("Condition", _Fit.MAYBE, "its Condition is empty"))
    # An operator without keys, or with one key in two spellings, is nothing that a page explains.
    strange = any(len({key.lower() for key in keys}) != len(keys) or not keys for keys in block.values())
    if worst.fit is _Fit.YES and strange:
        return _Part("Condition", _Fit.MAYBE, "its Condition has an operator without keys, or with one key twice")
    return worst


def _condition(operator: str, key: str, wanted: list[Any], call: Call) -> _Part:
    test = f"{operator} {key}" if _OPERATOR.fullmatch(operator) and _KEY.fullmatch(key) else "one of its tests"
    values = _values(call, key)
    fit = _condition_fit(operator, key, wanted, values)
    if fit is _Fit.NO and values == ():
        why = "never holds: no call through an endpoint has aws:SourceIp, only aws:VpcSourceIp"
        return _Part("Condition", fit, f"its Condition, {test}, {why}")
    why = f"its Condition, {test}, " + ("does not hold" if fit is _Fit.NO else "cannot be judged here")
    if any(isinstance(each, str) and re.search(r"[*?]", each) for each in wanted):
        if re.search(r"String(?:Not)?Equals", operator):
            why += "; the * or ? in it is compared as it stands"
        elif any(isinstance(each, str) and _is_doubtful(each, key) for each in wanted) and "String" in operator:
            why += "; AWS takes no wildcards with keys that hold its ids, and none without six characters beside it"
    return _Part("Condition", fit, why)


def _condition_fit(operator: str, key: str, wanted: list[Any], values: tuple[str, ...] | None) -> _Fit:
    parsed = _OPERATOR.fullmatch(operator)
    name = parsed["name"] if parsed else ""
    negates = name in _NEGATED
    compare = _COMPARISONS.get(_NEGATED.get(name, name))
    if operator == "Null":
        return _null(wanted, values)
    if parsed is None or compare is None or values is None or not wanted:
        return _Fit.MAYBE
    if parsed["set"] and (negates or parsed["exists"]):  # no page says what these say of an absent key, or of one value
        return _Fit.MAYBE
    if not values:
        if compare is _in_block and not all(isinstance(each, str) and _network(each) for each in wanted):
            return _Fit.MAYBE
        holds = negates or parsed["exists"] is not None or parsed["set"] == "ForAllValues"
        return _Fit.YES if holds else _Fit.NO
    fits = {max(_compared(compare, each, value, key) for each in wanted) for value in values}
    fit = fits.pop() if len(fits) == 1 else _Fit.MAYBE
    return fit.turned() if negates else fit


def _null(wanted: list[Any], values: tuple[str, ...] | None) -> _Fit:
    asked = {str(each).lower() for each in wanted}
    if values is None or asked not in ({"true"}, {"false"}):
        return _Fit.MAYBE
    return _Fit.YES if (asked == {"true"}) == (not values) else _Fit.NO


def _compared(compare: Callable[[str, str], _Fit], wanted: Any, value: str, key: str) -> _Fit:
    if compare is _bool and isinstance(wanted, bool):
        wanted = str(wanted).lower()
    if not isinstance(wanted, str) or _VARIABLE in wanted:
        return _Fit.MAYBE
    fit = compare(wanted, value)
    return min(fit, _Fit.MAYBE) if compare is _like and _is_doubtful(wanted, key) else fit


def _is_doubtful(pattern: str, key: str) -> bool:
    """Whether it has wildcards that an endpoint policy does not take: AWS does not say what becomes of them."""
    if not re.search(r"[*?]", pattern):
        return False
    long = [len(each) >= _BESIDE_A_WILDCARD for each in re.split(r"[*?]", pattern)]
    return key.lower() in _SYSTEM or not all(before or after for before, after in pairwise(long))


def _equal(wanted: str, value: str) -> _Fit:
    if "*" not in value:
        return _Fit.YES if wanted == value else _Fit.NO
    return _Fit.MAYBE if _matches(value, wanted) else _Fit.NO


def _equal_in_any_case(wanted: str, value: str) -> _Fit:
    return _equal(wanted.lower(), value.lower())


def _arn(pattern: str, value: str) -> _Fit:
    parts, of_value = pattern.split(":", _ARN_PARTS - 1), value.split(":", _ARN_PARTS - 1)
    if not len(parts) == len(of_value) == _ARN_PARTS:
        return _Fit.MAYBE
    return min(map(_like, parts, of_value))


def _bool(wanted: str, value: str) -> _Fit:
    if {wanted, value} - {"true", "false"}:
        return _Fit.MAYBE
    return _Fit.YES if wanted == value else _Fit.NO


def _in_block(wanted: str, value: str) -> _Fit:
    network = _network(wanted)
    try:
        address = ip_address(value)
    except ValueError:
        return _Fit.MAYBE
    if network is None:
        return _Fit.MAYBE
    if address not in network:
        return _Fit.NO
    # A block whose host bits are set is nothing that a page explains.
    return _Fit.YES if ip_address(wanted.split("/")[0]) == network.network_address else _Fit.MAYBE


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """A block, or one address; None for any other text, a mask in the place of the prefix's length among them."""
    try:
        return ip_network(text, strict=False) if _BLOCK.fullmatch(text) else None
    except ValueError:
        return None


_COMPARISONS: Final[Mapping[str, Callable[[str, str], _Fit]]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_in_any_case,
    "StringLike": _like,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _bool,
    "IpAddress": _in_block,
}
_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
}
