"""A plan of Terraform or OpenTofu as edits: the JSON that `terraform show -json PLAN` writes.

Source: Terraform documentation, JSON Output Format, Plan Representation and Change Representation; documentation of the
AWS provider for the attributes of each resource.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from agent.network.edits import (
    DnsAttribute,
    Edit,
    Endpoint,
    EndpointGroup,
    EndpointSubnet,
    Gateway,
    GatewayTable,
    NewAcl,
    NewEndpoint,
    NewTable,
    Policy,
    PrivateDns,
    SubnetAcl,
    SubnetTable,
    UnknownGroups,
)
from agent.network.pending import Aspect
from agent.network.written_edits import (
    MalformedError,
    entry_of,
    route_of,
    rules_of,
    unsettled,
    unsettled_group,
    unsettled_rules,
)
from agent.predict.plan_values import Plan, PlanError, ResourceChange, Values, differ

_MAJOR: Final = ("0", "1")
"""Versions of the format that are known, before the first dot."""
_ACTIONS: Final = frozenset({"no-op", "create", "read", "update", "delete", "forget"})
_TARGETS: Final = (
    *("gateway_id", "nat_gateway_id", "transit_gateway_id", "vpc_peering_connection_id", "network_interface_id"),
    *("vpc_endpoint_id", "egress_only_gateway_id", "carrier_gateway_id", "local_gateway_id", "core_network_arn"),
)
_BLOCKS: Final = (
    *("cidr_block", "destination_cidr_block", "ipv6_cidr_block", "destination_ipv6_cidr_block"),
    "destination_prefix_list_id",
)
_NAMES_OF_RULES: Final = (
    *("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "source_security_group_id", "self"),
    *("from_port", "to_port", "protocol"),
)
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
_NOT_FOLLOWED: Final = {
    "aws_vpc_endpoint": ("ip_address_type", "dns_options", "subnet_configuration"),
    "aws_vpc": ("cidr_block", "ipv6_cidr_block", "assign_generated_ipv6_cidr_block"),
    "aws_route_table": ("propagating_vgws",),
    "aws_default_route_table": ("propagating_vgws",),
}
"""Of kinds that are followed: attributes that may matter and are not."""
_TAGS: Final = frozenset({"tags", "tags_all", "timeouts"})


class _Values(Values):
    """The attributes of a resource after the plan, without what is not known yet."""

    def __init__(self, attributes: Any, unknown: Any = None) -> None:
        super().__init__(attributes)
        self.unknown: Mapping[str, Any] = unknown if isinstance(unknown, Mapping) else {}
        """What of them is known only later: true in the place of each such value."""

    def is_unknown(self, *names: str) -> bool:
        return any(_holds_true(self.unknown.get(name)) for name in names)


def _holds_true(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_true, value.values()))
    if isinstance(value, list):
        return any(map(_holds_true, value))
    return value is True


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
            edits = _EDITS.get(kind)
            if edits is None:
                if _may_matter(kind, actions, before, after):
                    unjudged[kind] += 1
                else:
                    left_out += 1
                continue
        except MalformedError:
            raise PlanError(f"{name}: resource_changes[{number}] is no change of a resource") from None
        if before is not None and after is not None and differ(before, after, _NOT_FOLLOWED.get(kind, ())):
            unjudged[kind] += 1
        try:
            changes.append(_change(kind, edits, actions, before, after))
        except MalformedError:
            unjudged[kind] += 1
    return Plan(name=name, changes=tuple(changes), unjudged=dict(unjudged), left_out=left_out)


def _row(row: Any) -> tuple[str, frozenset[str], _Values | None, _Values | None]:
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
        None if before is None else _Values(before),
        None if after is None else _Values(after, change.get("after_unknown")),
    )


def _is_change(actions: frozenset[str], before: _Values | None, after: _Values | None) -> bool:
    """Whether anything but tags and the like changes."""
    if actions.isdisjoint({"create", "update", "delete"}):
        return False
    if before is None or after is None or "update" not in actions:
        return True
    return differ(before, after, {*before.attributes, *after.attributes, *after.unknown} - _TAGS)


def _may_matter(kind: str, actions: frozenset[str], before: _Values | None, after: _Values | None) -> bool:
    names = _ATTRIBUTES.get(kind)
    if names is not None:
        if before is None or after is None or "update" not in actions:
            return False
        return differ(before, after, names)
    if kind.startswith(_MAY_MATTER):
        return True
    return kind.startswith(_MAY_MATTER_ONCE_THERE) and actions != {"create"}


def _change(
    kind: str,
    edits: Callable[[_Values], Iterable[Edit]],
    actions: frozenset[str],
    before: _Values | None,
    after: _Values | None,
) -> ResourceChange:
    """Raises MalformedError."""
    had, gets = before is not None and actions != {"create"}, after is not None and actions != {"delete"}
    first = list(edits(before)) if before is not None and had else []
    last = list(edits(after)) if after is not None and gets else []
    if before is not None and had and "update" not in actions and kind in _WHOLE:
        first, more = _WHOLE[kind](before)
        last += more
    return ResourceChange(kind=kind, before=tuple(first), after=tuple(last))


# --- Security groups -------------------------------------------------------------------------------------------------


def _group(values: _Values) -> Iterator[Edit]:
    group_id = values.id_of("id", "sg")
    if group_id is None:
        return  # one that the plan creates: nothing that is there has it
    for name, egress in (("ingress", False), ("egress", True)):
        if values.is_unknown(name):
            yield unsettled_rules(group_id, egress=egress)
        for block in values.blocks(name):
            yield from rules_of(
                group_id,
                egress=egress,
                protocol=block.text("protocol"),
                ports=(block.number("from_port"), block.number("to_port")),
                cidrs=(*block.texts("cidr_blocks"), *block.texts("ipv6_cidr_blocks")),
                lists=block.texts("prefix_list_ids"),
                groups=(*block.texts("security_groups"), *([group_id] if block.flag("self") else [])),
            )


def _group_itself(values: _Values) -> tuple[list[Edit], list[Edit]]:
    group_id = values.id_of("id", "sg")
    return list(_group(values)), [] if group_id is None else list(unsettled_group(group_id))


def _group_rule(values: _Values) -> Iterator[Edit]:
    """A rule of aws_security_group_rule, which may stand for several."""
    group_id = values.id_of("security_group_id", "sg")
    if group_id is None:
        return
    way = values.text("type")
    if way not in ("ingress", "egress"):
        raise MalformedError
    egress = way == "egress"
    if values.is_unknown(*_NAMES_OF_RULES):
        yield unsettled_rules(group_id, egress=egress)
    if values.is_unknown("from_port", "to_port", "protocol"):
        return
    other = values.text("source_security_group_id")
    yield from rules_of(
        group_id,
        egress=egress,
        protocol=values.text("protocol"),
        ports=(values.number("from_port"), values.number("to_port")),
        cidrs=(*values.texts("cidr_blocks"), *values.texts("ipv6_cidr_blocks")),
        lists=values.texts("prefix_list_ids"),
        groups=(*([] if other is None else [other]), *([group_id] if values.flag("self") else [])),
    )


def _one_rule(values: _Values, *, egress: bool) -> Iterator[Edit]:
    group_id = values.id_of("security_group_id", "sg")
    if group_id is None:
        return
    peers = ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
    if values.is_unknown(*peers, "from_port", "to_port", "ip_protocol"):
        yield unsettled_rules(group_id, egress=egress)
        return
    four, six, list_id, other = (values.text(name) for name in peers)
    yield from rules_of(
        group_id,
        egress=egress,
        protocol=values.text("ip_protocol"),
        ports=(values.number("from_port"), values.number("to_port")),
        cidrs=filter(None, (four, six)),
        lists=filter(None, (list_id,)),
        groups=filter(None, (other,)),
    )


def _ingress_rule(values: _Values) -> Iterator[Edit]:
    return _one_rule(values, egress=False)


def _egress_rule(values: _Values) -> Iterator[Edit]:
    return _one_rule(values, egress=True)


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _acl(values: _Values) -> Iterator[Edit]:
    acl_id = values.id_of("id", "acl")
    for subnet_id in values.ids_of("subnet_ids", "subnet"):
        yield NewAcl(subnet_id) if acl_id is None else SubnetAcl(subnet_id, acl_id)
    if acl_id is None:
        return
    for name, egress in (("ingress", False), ("egress", True)):
        if values.is_unknown(name):
            yield unsettled_rules(acl_id, egress=egress)
        for block in values.blocks(name):
            yield entry_of(
                acl_id,
                egress=egress,
                number=block.number("rule_no"),
                action=block.text("action"),
                protocol=block.text("protocol"),
                cidr=block.text("cidr_block") or block.text("ipv6_cidr_block"),
                ports=(block.number("from_port"), block.number("to_port")),
            )


def _acl_rule(values: _Values) -> Iterator[Edit]:
    acl_id = values.id_of("network_acl_id", "acl")
    if acl_id is None:
        return
    egress = values.flag("egress") is True
    names = ("rule_number", "rule_action", "protocol", "cidr_block", "ipv6_cidr_block", "from_port", "to_port")
    if values.is_unknown(*names):
        yield unsettled_rules(acl_id, egress=egress)
        return
    yield entry_of(
        acl_id,
        egress=egress,
        number=values.number("rule_number"),
        action=values.text("rule_action"),
        protocol=values.text("protocol"),
        cidr=values.text("cidr_block") or values.text("ipv6_cidr_block"),
        ports=(values.number("from_port"), values.number("to_port")),
    )


def _acl_association(values: _Values) -> Iterator[Edit]:
    acl_id, subnet_id = values.id_of("network_acl_id", "acl"), values.id_of("subnet_id", "subnet")
    if subnet_id is not None:
        yield NewAcl(subnet_id) if acl_id is None else SubnetAcl(subnet_id, acl_id)


# --- Route tables ----------------------------------------------------------------------------------------------------


def _route(values: _Values, table_id: str) -> Edit:
    if values.is_unknown(*_BLOCKS):
        return unsettled(table_id, Aspect.ROUTES, "a route")
    four, other_four, six, other_six, list_id = (values.text(name) for name in _BLOCKS)
    target = next(filter(None, map(values.text, _TARGETS)), None)
    return route_of(table_id, block=four or other_four or six or other_six, list_id=list_id, target=target)


def _table(values: _Values) -> Iterator[Edit]:
    table_id = values.id_of("id", "rtb")
    if table_id is None:
        return
    if values.is_unknown("route"):
        yield unsettled(table_id, Aspect.ROUTES, "a route")
    for block in values.blocks("route"):
        yield _route(_Values(block.attributes), table_id)


def _one_route(values: _Values) -> Iterator[Edit]:
    table_id = values.id_of("route_table_id", "rtb")
    if table_id is not None:
        yield _route(values, table_id)


def _table_association(values: _Values) -> Iterator[Edit]:
    table_id, subnet_id = values.id_of("route_table_id", "rtb"), values.id_of("subnet_id", "subnet")
    if subnet_id is not None:
        yield NewTable(subnet_id) if table_id is None else SubnetTable(subnet_id, table_id)


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _endpoint(values: _Values) -> Iterator[Edit]:
    endpoint_id, kind = values.id_of("id", "vpce"), values.text("vpc_endpoint_type") or "Gateway"
    if endpoint_id is None:
        yield _new_endpoint(values, kind)
        return
    if values.is_unknown("policy"):
        yield unsettled(endpoint_id, Aspect.POLICY, "the policy")
    elif (policy := values.text("policy")) is not None:
        yield Policy(endpoint_id, policy)
    if kind == "Gateway":
        if values.is_unknown("route_table_ids"):
            raise MalformedError
        for table_id in values.ids_of("route_table_ids", "rtb"):
            yield GatewayTable(endpoint_id, table_id)
        return
    if values.is_unknown("private_dns_enabled"):
        yield unsettled(endpoint_id, Aspect.NAME, "private DNS")
    elif (is_on := values.flag("private_dns_enabled")) is not None:
        yield PrivateDns(endpoint_id, is_on)
    for group_id in values.ids_of("security_group_ids", "sg"):
        yield EndpointGroup(endpoint_id, group_id)
    for subnet_id in values.ids_of("subnet_ids", "subnet"):
        yield EndpointSubnet(endpoint_id, subnet_id)
    if values.is_unknown("security_group_ids"):
        yield UnknownGroups(endpoint_id)
    if values.is_unknown("subnet_ids"):
        yield unsettled(endpoint_id, Aspect.ADDRESSES, "an address")


def _new_endpoint(values: _Values, kind: str) -> Edit:
    service_name, vpc_id = values.text("service_name"), values.id_of("vpc_id", "vpc")
    if kind != "Interface" or service_name is None or vpc_id is None:
        raise MalformedError  # whose routes, or what for, is not known
    private_dns = None if values.is_unknown("private_dns_enabled") else values.flag("private_dns_enabled") is True
    policy = values.text("policy")
    return NewEndpoint(service_name, vpc_id, private_dns, policy, not values.is_unknown("policy"))


def _endpoint_itself(values: _Values) -> tuple[list[Edit], list[Edit]]:
    endpoint_id = values.id_of("id", "vpce")
    if endpoint_id is None:
        return [], []
    is_gateway = (values.text("vpc_endpoint_type") or "Gateway") == "Gateway"
    return [Gateway(endpoint_id) if is_gateway else Endpoint(endpoint_id)], []


def _endpoint_policy(values: _Values) -> Iterator[Edit]:
    endpoint_id = values.id_of("vpc_endpoint_id", "vpce")
    if endpoint_id is None:
        return
    if values.is_unknown("policy"):
        yield unsettled(endpoint_id, Aspect.POLICY, "the policy")
    else:
        yield Policy(endpoint_id, values.text("policy"))


def _endpoint_group(values: _Values) -> Iterator[Edit]:
    endpoint_id, group_id = values.id_of("vpc_endpoint_id", "vpce"), values.id_of("security_group_id", "sg")
    if endpoint_id is not None:
        yield UnknownGroups(endpoint_id) if group_id is None else EndpointGroup(endpoint_id, group_id)


def _endpoint_subnet(values: _Values) -> Iterator[Edit]:
    endpoint_id, subnet_id = values.id_of("vpc_endpoint_id", "vpce"), values.id_of("subnet_id", "subnet")
    if endpoint_id is None:
        return
    if subnet_id is None:
        yield unsettled(endpoint_id, Aspect.ADDRESSES, "an address")
    else:
        yield EndpointSubnet(endpoint_id, subnet_id)


def _endpoint_table(values: _Values) -> Iterator[Edit]:
    endpoint_id, table_id = values.id_of("vpc_endpoint_id", "vpce"), values.id_of("route_table_id", "rtb")
    if endpoint_id is not None and table_id is not None:
        yield GatewayTable(endpoint_id, table_id)
    elif table_id is not None:
        yield unsettled(table_id, Aspect.ROUTES, "a route")


def _vpc(values: _Values) -> Iterator[Edit]:
    vpc_id = values.id_of("id", "vpc")
    if vpc_id is None:
        return
    for name, attribute in (("support", "enable_dns_support"), ("hostnames", "enable_dns_hostnames")):
        if values.is_unknown(attribute):
            yield unsettled(vpc_id, Aspect.NAME, attribute)
        elif (is_on := values.flag(attribute)) is not None:
            yield DnsAttribute(vpc_id, name, is_on)


_EDITS: Final[Mapping[str, Callable[[_Values], Iterable[Edit]]]] = {
    "aws_security_group": _group,
    "aws_default_security_group": _group,
    "aws_security_group_rule": _group_rule,
    "aws_vpc_security_group_ingress_rule": _ingress_rule,
    "aws_vpc_security_group_egress_rule": _egress_rule,
    "aws_network_acl": _acl,
    "aws_default_network_acl": _acl,
    "aws_network_acl_rule": _acl_rule,
    "aws_network_acl_association": _acl_association,
    "aws_route": _one_route,
    "aws_route_table": _table,
    "aws_default_route_table": _table,
    "aws_route_table_association": _table_association,
    "aws_vpc_endpoint": _endpoint,
    "aws_vpc_endpoint_policy": _endpoint_policy,
    "aws_vpc_endpoint_security_group_association": _endpoint_group,
    "aws_vpc_endpoint_subnet_association": _endpoint_subnet,
    "aws_vpc_endpoint_route_table_association": _endpoint_table,
    "aws_vpc": _vpc,
}
"""By kind, what a resource with these values says."""
_WHOLE: Final[Mapping[str, Callable[[_Values], tuple[list[Edit], list[Edit]]]]] = {
    "aws_security_group": _group_itself,
    "aws_vpc_endpoint": _endpoint_itself,
    "aws_vpc": lambda _: ([], []),
}
"""What is taken out where a resource of the kind is deleted, or replaced by another one, and what is put in then."""
KINDS: Final = tuple(_EDITS)
