"""A plan of Terraform or OpenTofu as edits: the JSON that `terraform show -json PLAN` writes.

Source: Terraform documentation, JSON Output Format, Plan Representation and Change Representation.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent.network.written_edits import MalformedError
from agent.predict import resources
from agent.predict.kinds import BY_ATTRIBUTE, TERRAFORM
from agent.predict.plan_values import Found, Plan, PlanError, ResourceChange, Values, address_of, differ
from agent.predict.references import References, actions_of
from probes.vpc.model import Manager

_MAJOR: Final = ("0", "1")
"""Known versions of the format, up to the first dot."""
_ACTIONS: Final = frozenset({"no-op", "create", "read", "update", "delete", "forget"})
_NEW_VPC: Final = "new"
_EMPTY_IF_UNSET: Final = (("aws_network_acl", "subnet_ids"), ("aws_vpc_endpoint", "route_table_ids"))
"""Lists that a new resource has empty if the configuration does not set them, although Terraform calls them unknown."""
_OF_VPC: Final = ("vpc_id", "vpc_endpoint_id")
_OWN_VPC: Final = ("aws_vpc", "aws_vpc_endpoint")
"""The attributes that show the VPC of a resource, and the kinds of resources with such ids."""
_TAGS: Final = frozenset({"tags", "tags_all", "timeouts"})


def is_plan(document: Mapping[str, Any]) -> bool:
    """Whether a document is a plan of Terraform."""
    return "resource_changes" in document or ("format_version" in document and "planned_values" in document)


def plan_of(document: Mapping[str, Any], name: str) -> Plan:
    """The plan in a document. Errors call the document `name`. Raises PlanError."""
    version = document.get("format_version")
    if not isinstance(version, str) or version.partition(".")[0] not in _MAJOR:
        raise PlanError(f"{name}: its format_version is not one that this version understands")
    if document.get("errored") is True:
        raise PlanError(f"{name}: it comes from a plan that ended with an error, so it is incomplete")
    rows = document.get("resource_changes", [])
    if not isinstance(rows, list):
        raise PlanError(f"{name}: its `resource_changes` is not a list")
    changes: list[ResourceChange] = []
    found = Found(TERRAFORM)
    for kind, address in _left_open(document):
        found.cannot_follow(kind, address)
    default_groups, references = _default_groups(rows), References(document, rows)
    gone, made = frozenset(_managed(rows, "delete")), _made(rows)
    for number, row in enumerate(rows):
        try:
            kind, actions, before, after = _row(row)
        except MalformedError:
            raise PlanError(f"{name}: resource_changes[{number}] is not a change of a resource") from None
        if not _is_change(actions, before, after):
            continue
        address = row.get("address")
        if not resources.is_followed(kind):
            if (of_host := _change_of_host(kind, actions, before, after)) is not None:
                changes.append(of_host)
                continue
            differs = before is not None and after is not None and differ(before, after, BY_ATTRIBUTE.get(kind, ()))
            found.add(kind, address, is_created=actions == {"create"}, differs=differs)
            continue
        if resources.lacks(kind, before, after, is_other="update" not in actions):
            found.cannot_follow(kind, address)
        try:
            completed = _completed(row, after, default_groups, references)
            owner, kinds = resources.owner_of(kind)
            its_own = frozenset[str]() if _is_read_late(row, references, (owner,), kinds) else made
            completed = resources.with_owner(kind, before, completed, gone=gone, made=its_own)
            changes.append(_change(kind, actions, before, completed))
        except MalformedError:
            found.cannot_follow(kind, address)
    return Plan(
        name=name,
        changes=tuple(changes),
        unjudged=tuple(found.unjudged),
        left_out=found.left_out,
        others=frozenset(found.others),
        manager=Manager(tool="Terraform"),
        managed=frozenset(_managed(rows)),
    )


def _left_open(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Parts that a plan leaves open: resources that it defers, and actions that it calls. Each comes with its kind and
    its address (Terraform documentation, JSON Output Format)."""
    deferred = document.get("deferred_changes")
    rows = deferred if isinstance(deferred, list) else []
    if document.get("complete") is False or rows:
        changes = [row.get("resource_change") for row in rows if isinstance(row, Mapping)]
        addresses = [change.get("address") for change in changes if isinstance(change, Mapping)]
        yield from (("resources that the plan defers", address) for address in addresses or [None])
    for name in ("action_invocations", "deferred_action_invocations"):
        invoked = document.get(name)
        for row in invoked if isinstance(invoked, list) else ():
            inner = row.get("action_invocation", row) if isinstance(row, Mapping) else None
            if isinstance(inner, Mapping) and str(inner.get("type")).startswith(TERRAFORM.of_aws):
                yield str(inner["type"]), inner.get("address")


def _managed(rows: Iterable[Any], action: str | None = None) -> Iterator[str]:
    """The ids of all resources of a plan, including unchanged ones, or of those with an action."""
    for row in rows:
        if isinstance(row, Mapping) and row.get("mode", "managed") == "managed":
            change = row.get("change")
            values = change.get("before") if isinstance(change, Mapping) else None
            own_id = values.get("id") if isinstance(values, Mapping) else None
            if isinstance(own_id, str) and (action is None or action in actions_of(row)):
                yield own_id


def _made(rows: Iterable[Any]) -> frozenset[str]:
    """The kinds of resources that a plan creates."""
    return frozenset(str(row.get("type")) for row in rows if isinstance(row, Mapping) and "create" in actions_of(row))


def _default_groups(rows: Iterable[Any]) -> Mapping[str, str]:
    """The default security group of each VPC and endpoint that the plan shows. A plan also has the present values of
    unchanged resources. If the plan creates a VPC, one of the keys is _NEW_VPC."""
    groups: dict[str, str] = {}
    endpoints: dict[str, str] = {}
    for row in rows:
        change = row.get("change") if isinstance(row, Mapping) else None
        values = change.get("before") if isinstance(change, Mapping) else None
        if not isinstance(values, Mapping):
            if isinstance(change, Mapping) and row.get("type") == "aws_vpc" and change.get("actions") == ["create"]:
                groups[_NEW_VPC] = ""
            continue
        own_id, vpc_id, group_id = (values.get(name) for name in ("id", "vpc_id", "default_security_group_id"))
        if isinstance(own_id, str) and isinstance(group_id, str):
            groups[own_id] = group_id
        elif isinstance(own_id, str) and isinstance(vpc_id, str) and row.get("type") == "aws_vpc_endpoint":
            endpoints[own_id] = vpc_id
    return groups | {own_id: groups[vpc_id] for own_id, vpc_id in endpoints.items() if vpc_id in groups}


def _row(row: Any) -> tuple[str, frozenset[str], Values | None, Values | None]:
    """Kind, actions, and the values before and after. Raises MalformedError."""
    change = row.get("change") if isinstance(row, Mapping) else None
    kind = row.get("type") if isinstance(row, Mapping) else None
    if not isinstance(change, Mapping) or not isinstance(kind, str):
        raise MalformedError
    is_managed = row.get("mode", "managed") == "managed"
    # An unmanaged row is a data source, or a resource that lives for one run.
    actions = change.get("actions") if is_managed else ["read"]
    if not isinstance(actions, list) or not actions or not all(isinstance(action, str) for action in actions):
        raise MalformedError
    if not _ACTIONS.issuperset(actions):
        raise MalformedError
    before, after = change.get("before"), change.get("after")
    if (before is None and not {"update", "delete"}.isdisjoint(actions)) or (
        after is None and not {"create", "update"}.isdisjoint(actions)
    ):
        raise MalformedError
    return (
        kind,
        frozenset(actions),
        None if before is None else Values(before),
        None if after is None else Values(after, change.get("after_unknown")),
    )


def _is_change(actions: frozenset[str], before: Values | None, after: Values | None) -> bool:
    """Whether anything changes, apart from tags and the like."""
    if actions.isdisjoint({"create", "update", "delete"}):
        return False
    if before is None or after is None or "update" not in actions:
        return True
    return differ(before, after, {*before.attributes, *after.attributes, *after.unknown} - _TAGS)


def _change_of_host(
    kind: str, actions: frozenset[str], before: Values | None, after: Values | None
) -> ResourceChange | None:
    """A change of a host, if it is followed. None for other changes."""
    if actions not in ({"update"}, {"create", "delete"}):
        return None
    try:
        return resources.change_of_host(kind, before, after, is_other="update" not in actions)
    except MalformedError:
        return None


def _change(kind: str, actions: frozenset[str], before: Values | None, after: Values | None) -> ResourceChange:
    """Decode a change of a resource. Raises MalformedError."""
    had = None if actions <= {"create", "forget"} else before  # a forgotten resource stays
    gets = None if actions == {"delete"} else after
    return resources.change_of(kind, had, gets, is_other="update" not in actions)


def _is_read_late(row: Mapping[str, Any], references: References, names: Iterable[str], kinds: Iterable[str]) -> bool:
    """Whether a data source finds the owner of a resource, whose id is in one of these attributes. Terraform reads a
    data source late if it depends on something that the plan changes, so the id is unknown although the owner exists.
    False if the id may come from a resource of these kinds."""
    origins = frozenset[str]().union(*(references.origins(row, name) for name in names))
    return "data" in origins and origins.isdisjoint({*kinds, "local"})


def _completed(
    row: Mapping[str, Any], values: Values | None, default_groups: Mapping[str, str], references: References
) -> Values | None:
    """The values, with some of them filled in from other resources of the plan. Raises MalformedError."""
    if values is None:
        return None
    owner = values.text("vpc_endpoint_id") or values.text("vpc_id")
    default_id = default_groups.get(owner or "")
    more = {
        resources.DEFAULT_GROUP: default_id,
        resources.MAKES_VPC: _NEW_VPC in default_groups and not _is_read_late(row, references, _OF_VPC, _OWN_VPC),
        **references.resolved(row, values.attributes, values.unknown),
    }
    if (group_id := references.id_of(row)) is not None and values.is_unknown("id"):
        address = address_of(row.get("address"))
        more |= {"id": group_id, resources.NEW: address or group_id}
    is_new = row.get("type") == "aws_vpc_endpoint" and values.is_unknown("id") and values.is_unknown("policy")
    if is_new and not references.is_set(row, "policy"):
        more["policy"] = None  # EC2's default policy, which allows everything
    if default_id is not None and not references.is_set(row, "security_group_ids"):
        more["security_group_ids"] = [default_id]  # EC2's own choice
    for kind, name in _EMPTY_IF_UNSET:
        if row.get("type") == kind and values.is_unknown("id") and not references.is_set(row, name):
            more[name] = []
    return Values({**values.attributes, **more}, {**values.unknown, **dict.fromkeys(more, False)})
