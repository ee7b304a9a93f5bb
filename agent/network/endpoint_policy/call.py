"""The call that a policy is judged for."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from agent.catalog.services import SERVICES
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A signed call with the properties that are known for certain."""

    action: str
    """The action, such as `backup:ListBackupVaults`."""
    resource: str | None = None
    """The ARN of the resource (`resource_of`), `*` if the action has no resource of its own; None if unknown."""
    principal_arn: str | None = None
    """The caller's ARN, in the form that STS returns. For a role, it is the ARN of a session:
    `arn:aws:sts::111122223333:assumed-role/Name/session`."""
    principal_account: str | None = None
    """The account's twelve digits; if this is None, they come from `principal_arn`."""
    is_by_gateway: bool = False
    """Whether the call goes through a gateway endpoint. There, an account in Principal means only the account's root
    user (AWS PrivateLink Guide, Gateway endpoints, Endpoint policies)."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys in lower case, each with a single value. A key that is missing here is unknown. It does not count
    as absent from the request."""


_OTHER_RESOURCES: Final = {"backup:getsupportedresourcetypes": "*"}
"""Resources of calls that no probe makes, but about which a policy may have to be judged."""


def resource_of(action: str, *, partition: str, region: str, account: str | None) -> str | None:
    """The resource of a call that probes make; None for other calls, and if it contains an unknown account."""
    permissions = (service.permission for service in SERVICES.values() if service.permission is not None)
    resources = {**_OTHER_RESOURCES, **{permission.action.lower(): permission.resource for permission in permissions}}
    form = resources.get(action.lower())
    if form is None or (account is None and "{account}" in form):
        return None
    return form.format(partition=partition, region=region, account=account)


PRINCIPAL: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):(?:iam|sts)::(?P<account>\d{12}):"
    r"(?P<kind>root|user|role|assumed-role|federated-user)(?:/(?P<name>[^*?$]+))?",
    re.ASCII,
)


def account_of(call: Call) -> str | None:
    caller = PRINCIPAL.fullmatch(call.principal_arn or "")
    return call.principal_account or (None if caller is None else caller["account"])
