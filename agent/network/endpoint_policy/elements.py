"""The elements of a statement for who may do what: Action, Resource and Principal, and their opposites.

Action and NotAction hold names in any case, after the prefix of a service, which must not contain a wildcard.

Resource and NotResource hold `*`, or case-sensitive ARNs with wildcards. AWS's page says that wildcards match inside
the parts between colons, and that a `*` at a part's end can match beyond the part; it does not say when. So a pattern
fits if it matches part by part, and may fit if it has to match across a colon in the middle.

Principal and NotPrincipal: the caller is always a principal of IAM, a user or a session of a role.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agent.network.endpoint_policy.call import PRINCIPAL, Call, account_of
from agent.network.endpoint_policy.matching import VARIABLE, Fit, Part, best, covers, matches, texts

_ACTION: Final = re.compile(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}")


def action_part(elements: Mapping[str, Any], call: Call) -> Part:
    name = "Action" if "Action" in elements else "NotAction"
    patterns = texts(elements[name])
    fit = best(_action_fit(pattern, call.action) for pattern in patterns)
    if name == "NotAction":
        return Part(name, fit.turned(), f"its NotAction excepts {quoted(call.action)}, or may except it")
    if fit is Fit.MAYBE:
        return Part(name, fit, "its Action does not have the form that AWS takes, a service, a colon and a name")
    why = f"its Action, {_listed(patterns)}, does not cover it"
    if call.action.lower().startswith("backup-gateway:") and any(
        pattern.lower().startswith("backup:") for pattern in patterns
    ):
        why += "; backup: actions are another service's than backup-gateway: ones"
    return Part(name, fit, why)


def _action_fit(pattern: str, action: str) -> Fit:
    if pattern == "*":
        return Fit.YES
    if not _ACTION.fullmatch(pattern):
        return Fit.MAYBE
    return Fit.YES if matches(pattern.lower(), action.lower()) else Fit.NO


def quoted(name: str) -> str:
    """An action in the form in which messages may quote it."""
    return name if name == "*" or _ACTION.fullmatch(name) else "this action"


def _listed(patterns: list[str]) -> str:
    most = 3
    shown = ", ".join(quoted(pattern) for pattern in patterns[:most])
    return shown if len(patterns) <= most else f"{shown} and {len(patterns) - most} more"


ARN_PARTS: Final = 6


def resource_part(elements: Mapping[str, Any], call: Call) -> Part:
    name = "Resource" if "Resource" in elements else "NotResource"
    fit = best(_resource_fit(pattern, call.resource) for pattern in texts(elements[name]))
    if name == "NotResource":
        return Part(name, fit.turned(), f"its NotResource excepts what {quoted(call.action)} acts on, or may except it")
    if fit is Fit.MAYBE:
        why = f"its Resource may or may not cover what {quoted(call.action)} acts on"
        if call.resource == "*":
            why += (
                ", which is not a resource of its own: AWS lists no resource type for it, so only * is sure to cover it"
            )
        return Part(name, fit, why)
    why = f"its Resource does not cover what {quoted(call.action)} acts on"
    if call.resource == "*":
        why += ", which is not a resource of its own: it needs *"
    elif call.resource is not None and call.resource.endswith("*"):
        why += ", which is all resources of a kind: it needs * there, not a single name"
    return Part(name, fit, why)


def _resource_fit(pattern: str, resource: str | None) -> Fit:
    if pattern == "*":
        return Fit.YES
    if not pattern.startswith("arn:") or VARIABLE in pattern or resource is None:
        return Fit.MAYBE
    parts, of_call = pattern.split(":", ARN_PARTS - 1), resource.split(":", ARN_PARTS - 1)
    if resource == "*":
        # AWS asks for `*` here, but some services accept an ARN that covers all their resources, or all of one kind.
        rest = parts[-1] if len(parts) == ARN_PARTS else parts[-1][-1:]
        return Fit.MAYBE if _ALL_OF_A_KIND.fullmatch(rest) else Fit.NO
    # The `*` in the ARN of a call on all resources of a kind is compared literally, since no single resource's ARN fits
    # it.
    if not matches(pattern, resource):
        return Fit.NO
    if len(parts) < len(of_call) and parts[-1].endswith("*"):
        last = len(parts) - 1
        of_call = [*of_call[:last], ":".join(of_call[last:])]
    # The part with the service's name takes no wildcard, and no page explains one there.
    plain_service = len(parts) > 2 and not re.search(r"[*?]", parts[2])
    apart = len(parts) == len(of_call) and all(map(covers, parts, of_call))
    return Fit.YES if plain_service and apart else Fit.MAYBE


_ALL_OF_A_KIND: Final = re.compile(r"(?:[A-Za-z0-9*?-]+[:/])?\*+")
"""The last part of an ARN that covers all resources of a service, or all of one kind."""
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)


def principal_part(elements: Mapping[str, Any], call: Call, *, allows: bool) -> Part:
    if "Principal" in elements:
        fit = _who(elements["Principal"], call)
        if fit is Fit.NO:
            why = "its Principal does not name this caller"
            if call.is_by_gateway:
                why += "; on a gateway endpoint an account stands only for its root user"
            return Part("Principal", fit, why)
        why = "its Principal may or may not cover this caller"
        if call.principal_arn is not None and ":assumed-role/" in call.principal_arn:
            why += ", which is a session of a role: no AWS page says that the ARN of a role covers its sessions here"
        return Part("Principal", fit, why)
    if allows:
        return Part("NotPrincipal", Fit.MAYBE, "AWS does not support NotPrincipal with Allow")
    # A caller with a permissions boundary is denied even if it is excepted, and for an excepted role the account must
    # be excepted too. So if an exception may apply to this caller, the result is unknown.
    excepted = _who(elements["NotPrincipal"], call)
    fit = Fit.YES if excepted is Fit.NO else Fit.MAYBE
    return Part("NotPrincipal", fit, "its NotPrincipal may or may not except this caller")


def _who(principal: str | dict[str, Any], call: Call) -> Fit:
    if isinstance(principal, str):
        return Fit.YES if principal == "*" else Fit.MAYBE
    return best(
        Fit.NO if kind == "Service" else _named(pattern, call) if kind == "AWS" else Fit.MAYBE
        for kind, names in principal.items()
        for pattern in texts(names) or [""]
    )


def _named(entry: str, call: Call) -> Fit:
    """Whether an entry under `AWS` is the caller or the caller's account. On interface endpoints, an account number
    means everybody in the account (PrivateLink Guide).
    """
    if entry == "*":
        return Fit.YES
    caller = PRINCIPAL.fullmatch(call.principal_arn or "")
    account = account_of(call)
    if call.is_by_gateway:
        return _named_on_gateway(entry, caller, account)
    if _ACCOUNT.fullmatch(entry):
        return Fit.MAYBE if account is None else Fit.YES if entry == account else Fit.NO
    named = PRINCIPAL.fullmatch(entry)
    if named is None:  # such as wildcards in an ARN, and the ids that AWS writes in place of deleted principals
        return Fit.MAYBE
    if account is not None and named["account"] != account:
        return Fit.NO
    if account is None or (caller is not None and named["partition"] != caller["partition"]):
        return Fit.MAYBE
    if (named["kind"] == "root") != (named["name"] is None):
        return Fit.MAYBE
    if named["kind"] == "root" or (entry == call.principal_arn and named["kind"] != "role"):
        return Fit.YES
    if caller is None:
        return Fit.MAYBE
    return Fit.MAYBE if _may_be(named, caller) else Fit.NO


def _named_on_gateway(entry: str, caller: re.Match[str] | None, account: str | None) -> Fit:
    """Whether an entry of Principal fits, if the policy belongs to a gateway endpoint. No page explains the ARN of a
    single principal there."""
    named = PRINCIPAL.fullmatch(entry)
    is_account = _ACCOUNT.fullmatch(entry) is not None or (named is not None and named["kind"] == "root")
    of = entry if named is None else named["account"]
    if not is_account or account is None or caller is None:
        is_other = account is not None and _ACCOUNT.fullmatch(of) is not None and of != account
        return Fit.NO if is_other else Fit.MAYBE
    return Fit.YES if caller["kind"] == "root" and of == account else Fit.NO


def _may_be(named: re.Match[str], caller: re.Match[str]) -> bool:
    """Whether a principal of the caller's account may be the caller, although it is written in a different form."""
    kinds = (named["kind"], caller["kind"])
    if kinds == ("user", "assumed-role"):
        return False
    if caller["kind"] == "user" and named["kind"] in ("role", "assumed-role", "federated-user"):
        return False
    names = (named["name"].lower(), (caller["name"] or "").lower())
    if kinds == ("role", "assumed-role"):  # the ARN of a role has the role's path, the ARN of a session does not
        return names[0].rsplit("/", 1)[-1] == names[1].split("/", 1)[0]
    if kinds == ("assumed-role", "assumed-role"):  # no page explains an ARN without its session
        return names[0] in (names[1], names[1].split("/", 1)[0])
    return kinds != ("user", "user") or names[0] == names[1]
