"""The Condition of a statement.

All operators and all their keys must hold. A key holds if one of its values matches or, under a negating operator, if
none matches. An absent key does not match, so it satisfies negating operators and `…IfExists`.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import Any, Final

from agent.network.endpoint_policy.call import PRINCIPAL, Call, account_of
from agent.network.endpoint_policy.elements import ARN_PARTS
from agent.network.endpoint_policy.matching import VARIABLE, Fit, Part, like, matches, texts

_ABSENT: Final = frozenset({"aws:sourceip"})
"""Condition keys that no call through an endpoint has."""
_ALWAYS: Final = {"aws:securetransport": "true", "aws:viaawsservice": "false", "aws:principalisawsservice": "false"}
"""Condition keys, with their values, of every call that a host signs and sends itself over TLS."""
_SYSTEM: Final = frozenset(
    "aws:principalaccount aws:principalorgid aws:principalorgpaths aws:resourceaccount aws:resourceorgid "
    "aws:resourceorgpaths aws:sourceaccount aws:sourceorgid aws:sourcevpc aws:sourcevpce aws:userid".split()
)
"""Keys whose values are ids made by AWS: endpoint policies accept no wildcards with them."""
_SOMETIMES: Final = frozenset({"aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths", "aws:sourcevpcarn"})
"""Keys of the endpoint that AWS adds to calls of certain services only. It is not known here which services these are
(IAM User Guide, AWS global condition context keys)."""
_NEXT_TO_A_WILDCARD: Final = 6
"""The number of characters that must be together before or after each wildcard, under String operators of an endpoint
policy."""
_OPERATOR: Final = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>[A-Za-z]{1,64}?)(?P<exists>IfExists)?")
_BLOCK: Final = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?")
_KEY: Final = re.compile(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9/_.-]{1,64}")


def _values(call: Call, key: str) -> tuple[str, ...] | None:
    """The possible values of a condition key; empty if it is absent, None if it is unknown."""
    key = key.lower()
    if key in _ABSENT:
        return ()
    known = {**_ALWAYS, **{name.lower(): value for name, value in call.context.items()}}
    if key in known:
        return (known[key],)
    account = account_of(call)
    if key == "aws:principalaccount":
        return None if account is None else (account,)
    caller = PRINCIPAL.fullmatch(call.principal_arn or "")
    if key != "aws:principalarn" or caller is None or call.principal_arn is None:
        return None
    if caller["kind"] in ("user", "root"):
        return (call.principal_arn,)
    if caller["kind"] != "assumed-role" or caller["name"] is None:
        return None
    # The key has the role's ARN. The ARN of a session does not show the path in it, which is empty or ends in a slash.
    role = f"arn:{caller['partition']}:iam::{caller['account']}:role/"
    name = caller["name"].split("/", 1)[0]
    return (f"{role}{name}", f"{role}*/{name}")


def condition_part(block: Mapping[str, Mapping[str, Any]], call: Call, *, allows: bool) -> Part:
    parts = [
        _condition(operator, key, texts(wanted), call, allows=allows)
        for operator, keys in block.items()
        for key, wanted in keys.items()
    ]
    worst = min(parts, key=lambda item: item.fit, default=Part("Condition", Fit.MAYBE, "its Condition is empty"))
    # No page explains an operator without keys, or with one key in two spellings.
    strange = any(len({key.lower() for key in keys}) != len(keys) or not keys for keys in block.values())
    if worst.fit is Fit.YES and strange:
        return Part("Condition", Fit.MAYBE, "its Condition has an operator without keys, or with one key twice")
    return worst


def _condition(operator: str, key: str, wanted: list[Any], call: Call, *, allows: bool) -> Part:
    test = f"{operator} {key}" if _OPERATOR.fullmatch(operator) and _KEY.fullmatch(key) else "one of its tests"
    values = _values(call, key)
    fit = _condition_fit(operator, key, wanted, values)
    if fit is Fit.NO and values == ():
        why = "never holds: no call through an endpoint has aws:SourceIp, only aws:VpcSourceIp"
        return Part("Condition", fit, f"its Condition, {test}, {why}")
    why = f"its Condition, {test}, " + ("does not hold" if fit is Fit.NO else "cannot be judged here")
    if fit is Fit.MAYBE and key.lower() in _SOMETIMES:
        why += _where_absent(operator, wanted, allows=allows)
    if any(isinstance(value, str) and re.search(r"[*?]", value) for value in wanted):
        if re.search(r"String(?:Not)?Equals", operator):
            why += "; the * or ? in it is compared literally"
        elif any(isinstance(value, str) and _is_doubtful(value, key) for value in wanted) and "String" in operator:
            why += (
                "; AWS takes no wildcards with keys that hold its ids, and elsewhere only wildcards next to six other "
                "characters"
            )
    return Part("Condition", fit, why)


def _where_absent(operator: str, wanted: list[Any], *, allows: bool) -> str:
    """The result of a test of a key for a service whose calls do not have the key."""
    why = ": AWS sends this key only to some services"
    parsed = _OPERATOR.fullmatch(operator)
    if parsed is None:
        return why
    absent = _condition_fit(operator, "", wanted, ())
    if absent is Fit.YES and not allows:
        return f"{why}, and this Deny denies every call without it"
    if absent is Fit.NO and allows:
        return f"{why}, and this Allow allows nothing without it"
    return why


def _condition_fit(operator: str, key: str, wanted: list[Any], values: tuple[str, ...] | None) -> Fit:
    parsed = _OPERATOR.fullmatch(operator)
    name = parsed["name"] if parsed else ""
    negates = name in _NEGATED
    compare = _COMPARISONS.get(_NEGATED.get(name, name))
    if operator == "Null":
        return _null(wanted, values)
    if parsed is None or compare is None or values is None or not wanted:
        return Fit.MAYBE
    # No page explains set operators that negate, or that end in IfExists.
    if parsed["set"] and (negates or parsed["exists"]):
        return Fit.MAYBE
    if not values:
        if compare is _in_block and not all(isinstance(pattern, str) and _network(pattern) for pattern in wanted):
            return Fit.MAYBE
        holds = negates or parsed["exists"] is not None or parsed["set"] == "ForAllValues"
        return Fit.YES if holds else Fit.NO
    fits = {max(_compared(compare, pattern, value, key) for pattern in wanted) for value in values}
    fit = fits.pop() if len(fits) == 1 else Fit.MAYBE
    return fit.turned() if negates else fit


def _null(wanted: list[Any], values: tuple[str, ...] | None) -> Fit:
    asked = {str(value).lower() for value in wanted}
    if values is None or asked not in ({"true"}, {"false"}):
        return Fit.MAYBE
    return Fit.YES if (asked == {"true"}) == (not values) else Fit.NO


def _compared(compare: Callable[[str, str], Fit], wanted: Any, value: str, key: str) -> Fit:
    if compare is _bool and isinstance(wanted, bool):
        wanted = str(wanted).lower()
    if not isinstance(wanted, str) or VARIABLE in wanted:
        return Fit.MAYBE
    fit = compare(wanted, value)
    return min(fit, Fit.MAYBE) if compare is like and _is_doubtful(wanted, key) else fit


def _is_doubtful(pattern: str, key: str) -> bool:
    """Whether a pattern has wildcards that endpoint policies do not accept. AWS does not say how it reads them."""
    if not re.search(r"[*?]", pattern):
        return False
    long = [len(part) >= _NEXT_TO_A_WILDCARD for part in re.split(r"[*?]", pattern)]
    return key.lower() in _SYSTEM or not all(before or after for before, after in pairwise(long))


def _equal(wanted: str, value: str) -> Fit:
    if "*" not in value:
        return Fit.YES if wanted == value else Fit.NO
    return Fit.MAYBE if matches(value, wanted) else Fit.NO


def _equal_in_any_case(wanted: str, value: str) -> Fit:
    return _equal(wanted.lower(), value.lower())


def _arn(pattern: str, value: str) -> Fit:
    parts, of_value = pattern.split(":", ARN_PARTS - 1), value.split(":", ARN_PARTS - 1)
    if not len(parts) == len(of_value) == ARN_PARTS:
        return Fit.MAYBE
    return min(map(like, parts, of_value))


def _bool(wanted: str, value: str) -> Fit:
    if {wanted, value} - {"true", "false"}:
        return Fit.MAYBE
    return Fit.YES if wanted == value else Fit.NO


def _in_block(wanted: str, value: str) -> Fit:
    network = _network(wanted)
    try:
        address = ip_address(value)
    except ValueError:
        return Fit.MAYBE
    if network is None:
        return Fit.MAYBE
    if address not in network:
        return Fit.NO
    # No page explains a block whose host bits are set.
    return Fit.YES if ip_address(wanted.split("/")[0]) == network.network_address else Fit.MAYBE


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """A block or a single address; None for any other text, including a block with a mask instead of a prefix
    length."""
    try:
        return ip_network(text, strict=False) if _BLOCK.fullmatch(text) else None
    except ValueError:
        return None


_COMPARISONS: Final[Mapping[str, Callable[[str, str], Fit]]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_in_any_case,
    "StringLike": like,
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
