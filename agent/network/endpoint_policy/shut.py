"""Finds out whether an endpoint policy allows nobody to do anything with a service."""

import re
from collections.abc import Mapping
from typing import Any, Final

from agent.network.endpoint_policy.call import Call
from agent.network.endpoint_policy.conditions import condition_part
from agent.network.endpoint_policy.document import Statement, statements_of
from agent.network.endpoint_policy.matching import Fit, texts

_OF_A_SERVICE: Final = re.compile(r"(?P<prefix>[A-Za-z0-9-]{1,64}):[A-Za-z0-9*?]{1,128}")


def why_shut(policy: str | None, prefix: str, context: Mapping[str, str] | None = None) -> str | None:
    """Why a policy allows no action of the service whose actions begin with `prefix`, in words without a full stop;
    None if it may allow one. `context` has the condition keys of every call through the endpoint, such as
    `aws:sourcevpc`.

    A blank or missing policy allows everything. Raises RefusedError for a document that AWS would not accept.
    """
    if policy is None or not policy.strip():
        return None
    statements = statements_of(policy)
    allows = [statement for statement in statements if statement.allows]
    if not allows:
        return "its only statements are Deny, and without an Allow nothing is allowed"
    always = Call(action=f"{prefix}:*", resource="*", context=context or {})
    denying = next((one for one in statements if not one.allows and _fits_everything(one, prefix, always)), None)
    if denying is not None:
        return f"{denying.name} denies every action of the service to everybody"
    if not any(_may_be_for(statement, prefix) for statement in allows):
        return f"no Allow in it is for {prefix}: actions"
    return None


def _fits_everything(statement: Statement, prefix: str, always: Call) -> bool:
    elements = statement.elements
    actions = {str(action).lower() for action in texts(elements.get("Action", []))}
    is_all = not actions.isdisjoint({"*", f"{prefix}:*"}) and "*" in texts(elements.get("Resource", []))
    return is_all and statement.is_for_everybody and _holds(elements.get("Condition"), always)


def _holds(block: Any, always: Call) -> bool:
    """Whether the condition of a Deny is true for every call through the endpoint."""
    return block is None or condition_part(block, always, allows=False).fit is Fit.YES


def _may_be_for(statement: Statement, prefix: str) -> bool:
    """Whether a statement may be about an action of the service. It may be if the action is in a form that AWS does not
    document."""
    if "NotAction" in statement.elements:
        return True
    forms = (_OF_A_SERVICE.fullmatch(str(action)) for action in texts(statement.elements["Action"]))
    return any(form is None or form["prefix"].lower() == prefix for form in forms)
