"""A plan of Terraform or OpenTofu as edits: the JSON that `terraform show -json PLAN` writes.

Source: Terraform documentation, JSON Output Format, Plan Representation and Change Representation.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from agent.network.written_edits import MalformedError
from agent.predict import resources
from agent.predict.plan_values import Plan, PlanError, ResourceChange, Values, differ

_MAJOR: Final = ("0", "1")
"""Versions of the format that are known, before the first dot."""
_ACTIONS: Final = frozenset({"no-op", "create", "read", "update", "delete", "forget"})
_MAY_MATTER: Final = (
    *("aws_route53_", "aws_route53profiles_", "aws_vpc_dhcp_options", "aws_networkfirewall_", "aws_vpc_ipv4_cidr"),
    *("aws_vpc_ipv6_cidr", "aws_main_route_table_association", "aws_ec2_transit_gateway_route"),
    *("aws_vpn_gateway_route_propagation", "aws_vpc_security_group_vpc_association"),
    "aws_vpc_endpoint_private_dns",
)
"""How kinds begin of which any change may have a part in a path or a name, and which are not followed."""
_MAY_MATTER_ONCE_THERE: Final = (
    *("aws_ec2_managed_prefix_list", "aws_ec2_transit_gateway", "aws_vpc_peering_connection", "aws_nat_gateway"),
    *("aws_internet_gateway", "aws_egress_only_internet_gateway", "aws_subnet", "aws_vpn_", "aws_network_interface"),
)
"""The same of what is changed or deleted: one that is created is used by nothing that is there."""
_ATTRIBUTES: Final = {
    "aws_instance": ("vpc_security_group_ids", "security_groups", "subnet_id", "private_ip", "ipv6_addresses"),
    "aws_network_interface": ("security_groups", "subnet_id", "private_ips", "ipv6_addresses", "attachment"),
}
"""Of kinds whose other attributes have no part: those that have."""
_TAGS: Final = frozenset({"tags", "tags_all", "timeouts"})


def is_plan(document: Mapping[str, Any]) -> bool:
    """Whether a document is a plan of Terraform."""
    return "resource_changes" in document or ("format_version" in document and "planned_values" in document)


def plan_of(document: Mapping[str, Any], name: str) -> Plan:
    """The plan in a document; `name` is what errors call it. Raises PlanError."""
    version = document.get("format_version")
    if not isinstance(version, str) or version.partition(".")[0] not in _MAJOR:
        raise PlanError(f"{name}: its format_version is none that this version understands")
    if document.get("errored") is True:
        raise PlanError(f"{name}: it is of a plan that ended with an error, so it is not whole")
    rows = document.get("resource_changes", [])
    if not isinstance(rows, list):
        raise PlanError(f"{name}: its resource_changes are no list")
    changes: list[ResourceChange] = []
    unjudged: Counter[str] = Counter()
    left_out = 0
    if document.get("complete") is False:
        unjudged["resources that the plan defers"] += 1
    for number, row in enumerate(rows):
        try:
            kind, actions, before, after = _row(row)
            if not _is_change(actions, before, after):
                continue
            if not resources.is_followed(kind):
                if _may_matter(kind, actions, before, after):
                    unjudged[kind] += 1
                else:
                    left_out += 1
                continue
        except MalformedError:
            raise PlanError(f"{name}: resource_changes[{number}] is no change of a resource") from None
        if resources.lacks(kind, before, after):
            unjudged[kind] += 1
        try:
            changes.append(_change(kind, actions, before, after))
        except MalformedError:
            unjudged[kind] += 1
    return Plan(name=name, changes=tuple(changes), unjudged=dict(unjudged), left_out=left_out)


def _row(row: Any) -> tuple[str, frozenset[str], Values | None, Values | None]:
    """Kind, actions, and the values before and after. Raises MalformedError."""
    change = row.get("change") if isinstance(row, Mapping) else None
    kind = row.get("type") if isinstance(row, Mapping) else None
    if not isinstance(change, Mapping) or not isinstance(kind, str):
        raise MalformedError
    actions = change.get("actions")
    if not isinstance(actions, list) or not actions or not all(isinstance(action, str) for action in actions):
        raise MalformedError
    if not _ACTIONS.issuperset(actions):
        raise MalformedError
    if row.get("mode", "managed") != "managed":
        actions = ["read"]  # of a data source
    before, after = change.get("before"), change.get("after")
    return (
        kind,
        frozenset(actions),
        None if before is None else Values(before),
        None if after is None else Values(after, change.get("after_unknown")),
    )


def _is_change(actions: frozenset[str], before: Values | None, after: Values | None) -> bool:
    """Whether anything but tags and the like changes."""
    if actions.isdisjoint({"create", "update", "delete"}):
        return False
    if before is None or after is None or "update" not in actions:
        return True
    return differ(before, after, {*before.attributes, *after.attributes, *after.unknown} - _TAGS)


def _may_matter(kind: str, actions: frozenset[str], before: Values | None, after: Values | None) -> bool:
    names = _ATTRIBUTES.get(kind)
    if names is not None:
        if before is None or after is None or "update" not in actions:
            return False
        return differ(before, after, names)
    if kind.startswith(_MAY_MATTER):
        return True
    return kind.startswith(_MAY_MATTER_ONCE_THERE) and actions != {"create"}


def _change(kind: str, actions: frozenset[str], before: Values | None, after: Values | None) -> ResourceChange:
    """Raises MalformedError."""
    had = None if actions == {"create"} else before
    gets = None if actions == {"delete"} else after
    return resources.change_of(kind, had, gets, is_other="update" not in actions)
