"""The meaning of resources: the edits that describe each resource, by the kinds and attributes of Terraform's AWS
provider.

Terraform plans have these attributes. CloudFormation change sets have properties, which the tables of
`agent.predict.cloudformation` translate to these attributes.

Source: documentation of the AWS provider for the attributes of each resource.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from agent.catalog.services import SERVICES
from agent.network.edits import (
    Edit,
    Emptied,
    Endpoint,
    Listed,
    Member,
    NewEndpoint,
    NewGroup,
    NewHolder,
    Replaced,
    Settable,
    Setting,
    UnsettledOfNew,
)
from agent.network.names import NewHost
from agent.network.pending import Aspect
from agent.network.written_edits import (
    MalformedError,
    block_of,
    entry_of,
    route_of,
    rules_of,
    unknown_groups,
    unsettled,
    unsettled_group,
    unsettled_rules,
)
from agent.predict.kinds import BY_ATTRIBUTE
from agent.predict.plan_values import ResourceChange, Values, differ

TARGETS: Final = (
    *("gateway_id", "nat_gateway_id", "transit_gateway_id", "vpc_peering_connection_id", "network_interface_id"),
    *("vpc_endpoint_id", "egress_only_gateway_id", "carrier_gateway_id", "local_gateway_id", "core_network_arn"),
    *("odb_network_arn", "instance_id"),
)
"""The attributes that contain a route's target. `instance_id` only exists in CloudFormation."""
BLOCKS: Final = (
    *("cidr_block", "destination_cidr_block", "ipv6_cidr_block", "destination_ipv6_cidr_block"),
    "destination_prefix_list_id",
)
_NAMES_OF_RULES: Final = (
    *("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "source_security_group_id", "self"),
    *("from_port", "to_port", "protocol"),
)
NOT_FOLLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "aws_vpc_endpoint": ("ip_address_type", "dns_options", "subnet_configuration", "service_region"),
    "aws_vpc": ("cidr_block", "ipv6_cidr_block", "assign_generated_ipv6_cidr_block"),
    "aws_route_table": ("propagating_vgws",),
    "aws_default_route_table": ("propagating_vgws",),
}
"""Attributes of followed kinds that may matter, but are not followed."""


DEFAULT_GROUP: Final = "default_security_group_id"
"""The attribute for the default security group of a resource's VPC, if the plan shows it."""
MAKES_VPC: Final = "is in a plan that makes a VPC"
NEW: Final = "is made by the plan"
"""The attribute with the name of a security group that the plan creates. The group has a made-up id in place of its
real one."""
RESTRICTED_GROUP: Final = "restricted default security group"
"""The name here for CDK's custom resource: a default security group without the two rules that EC2 gives it."""


_WITH_GATEWAYS: Final = frozenset(service for service in SERVICES if SERVICES[service].has_gateway_endpoint)
"""The services that have gateway endpoints and are predicted."""
_OWNERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "aws_security_group_rule": ("security_group_id", ()),
    "aws_vpc_security_group_ingress_rule": ("security_group_id", ()),
    "aws_vpc_security_group_egress_rule": ("security_group_id", ()),
    "aws_network_acl_rule": ("network_acl_id", ("aws_network_acl", "aws_default_network_acl", "aws_vpc")),
    "aws_route": ("route_table_id", ("aws_route_table", "aws_default_route_table", "aws_vpc")),
    "aws_network_acl_association": ("subnet_id", ("aws_subnet", "aws_default_subnet")),
    "aws_route_table_association": ("subnet_id", ("aws_subnet", "aws_default_subnet")),
    "aws_vpc_endpoint_policy": ("vpc_endpoint_id", ("aws_vpc_endpoint",)),
    "aws_vpc_endpoint_private_dns": ("vpc_endpoint_id", ("aws_vpc_endpoint",)),
    "aws_vpc_endpoint_security_group_association": ("vpc_endpoint_id", ("aws_vpc_endpoint",)),
    "aws_vpc_endpoint_subnet_association": ("vpc_endpoint_id", ("aws_vpc_endpoint",)),
    "aws_ec2_managed_prefix_list_entry": ("prefix_list_id", ()),
}
"""The attribute for the resource to which a resource belongs, by kind, and the kinds of resources that a plan creates
with such an id. There are no such kinds if a new resource of the kind closes nothing."""


def owner_of(kind: str) -> tuple[str, tuple[str, ...]]:
    """The attribute for the owner of a resource, and the kinds of owners that a plan creates. An empty text if a
    resource of the kind has no owner."""
    return _OWNERS.get(kind, ("", ()))


def with_owner(
    kind: str, before: Values | None, after: Values | None, *, gone: frozenset[str], made: frozenset[str]
) -> Values | None:
    """The values after a change. An unknown owner may exist if the present owner is not among those that are `gone`,
    or if the plan creates the resource, and `made` has no kind of owner. Data that Terraform reads late have this
    effect. A rule may then stay in its present security group. Raises MalformedError for other kinds."""
    owner, kinds = owner_of(kind)
    if after is None or not after.is_unknown(owner):
        return after
    if before is None:
        if kinds and made.isdisjoint(kinds):
            raise MalformedError
        return after
    if (present := before.text(owner)) in gone:
        return after
    if kinds:
        raise MalformedError
    left_open = dict.fromkeys(("from_port", "cidr"), True)
    return Values({**after.attributes, owner: present}, {**after.unknown, owner: False, **left_open})


def is_followed(kind: str) -> bool:
    """Whether a prediction follows the changes of this kind of resource."""
    return kind in _EDITS


def lacks(kind: str, before: Values | None, after: Values | None, *, is_other: bool) -> bool:
    """Whether a resource of a followed kind changes in something that a prediction does not follow. With `is_other`,
    another resource replaces it; a new endpoint is judged by itself."""
    if before is None or after is None or (is_other and kind == "aws_vpc_endpoint"):
        return False
    return differ(before, after, NOT_FOLLOWED.get(kind, ()))


_GROUPS_OF_HOST: Final = {
    "aws_instance": ("primary_network_interface_id", "vpc_security_group_ids"),
    "aws_network_interface": ("id", "security_groups"),
}
"""The attributes with the id of a host's interface and with its security groups, by the kind of host."""


def change_of_host(kind: str, before: Values | None, after: Values | None, *, is_other: bool) -> ResourceChange | None:
    """A change that only affects a host's security groups, or the replacement of an instance. None for any other
    change, and if the host's groups or subnet are unknown. Raises MalformedError."""
    if kind not in _GROUPS_OF_HOST or before is None or after is None:
        return None
    interface, groups = _GROUPS_OF_HOST[kind]
    if after.is_unknown(groups) or not after.texts(groups):
        return None
    if is_other:
        own_id, subnet_id = before.id_of("id", "i"), after.id_of("subnet_id", "subnet")
        if kind != "aws_instance" or own_id is None or subnet_id is None or after.attributes.get("network_interface"):
            return None
        host = NewHost(instance_id=own_id, subnet_id=subnet_id, group_ids=tuple(after.ids_of(groups, "sg")))
        return ResourceChange(kind=kind, before=(), after=(Replaced(host),))
    interface_id = before.id_of(interface, "eni")
    if interface_id is None or differ(before, after, {*BY_ATTRIBUTE[kind]} - {groups}):
        return None
    had, has = (
        tuple(Member(Listed.INTERFACE_GROUP, interface_id, group_id) for group_id in values.ids_of(groups, "sg"))
        for values in (before, after)
    )
    return ResourceChange(kind=kind, before=had, after=has)


def change_of(kind: str, before: Values | None, after: Values | None, *, is_other: bool) -> ResourceChange:
    """A change of a resource of a followed kind. With `is_other`, another resource replaces it. Raises
    MalformedError."""
    edits = _EDITS[kind]
    if kind == RESTRICTED_GROUP and before is not None and after is not None:
        is_other = is_other or before.text("security_group_id") != after.text("security_group_id")
    first = [] if before is None else list(edits(before))
    last = [] if after is None else list(edits(after))
    adopted: list[Edit] = []
    if after is not None and kind in _ADOPTED and (before is None or is_other or kind in _EXCLUSIVE):
        adopted, last = _ADOPTED[kind](after)
    if before is not None and (after is None or is_other):
        if kind in _WHOLE:
            first, more = _WHOLE[kind](before)
            last = [*last, *more]
        elif kind in _FORGOTTEN:
            first = []
    first = [*first, *adopted]
    return ResourceChange(kind=kind, before=tuple(first), after=tuple(last))


# --- Security groups -------------------------------------------------------------------------------------------------


def _group(values: Values) -> Iterator[Edit]:
    group_id = values.id_of("id", "sg")
    if group_id is None:
        return  # the plan creates the group, so nothing that exists has it
    if (name := values.text(NEW)) is not None:
        yield NewGroup(group_id, name)
    for name, egress in (("ingress", False), ("egress", True)):
        if values.is_unknown(name):
            yield unsettled_rules(group_id, egress=egress)
        for block in values.blocks(name):
            if block.is_unknown("from_port", "to_port", "protocol"):
                continue
            yield from rules_of(
                group_id,
                egress=egress,
                protocol=block.word("protocol"),
                ports=(block.number("from_port"), block.number("to_port")),
                cidrs=(*block.texts("cidr_blocks"), *block.texts("ipv6_cidr_blocks")),
                lists=block.texts("prefix_list_ids"),
                groups=(*block.texts("security_groups"), *([group_id] if block.flag("self") else [])),
            )


def _group_itself(values: Values) -> tuple[list[Edit], list[Edit]]:
    group_id = values.id_of("id", "sg")
    return list(_group(values)), [] if group_id is None else list(unsettled_group(group_id))


def _group_rule(values: Values) -> Iterator[Edit]:
    """The rules of one aws_security_group_rule. It can contain several rules."""
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
        protocol=values.word("protocol"),
        ports=(values.number("from_port"), values.number("to_port")),
        cidrs=(*values.texts("cidr_blocks"), *values.texts("ipv6_cidr_blocks")),
        lists=values.texts("prefix_list_ids"),
        groups=(*([] if other is None else [other]), *([group_id] if values.flag("self") else [])),
    )


def _one_rule(values: Values, *, egress: bool) -> Iterator[Edit]:
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
        protocol=values.word("ip_protocol"),
        ports=(values.number("from_port"), values.number("to_port")),
        cidrs=filter(None, (four, six)),
        lists=filter(None, (list_id,)),
        groups=filter(None, (other,)),
    )


def _ingress_rule(values: Values) -> Iterator[Edit]:
    return _one_rule(values, egress=False)


def _egress_rule(values: Values) -> Iterator[Edit]:
    return _one_rule(values, egress=True)


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _acl(values: Values) -> Iterator[Edit]:
    acl_id = values.id_of("id", "acl")
    of_new_vpc = values.is_unknown("vpc_id") and values.flag(MAKES_VPC) is True
    if values.unknown.get("subnet_ids") is True and not of_new_vpc:
        raise MalformedError  # these may be subnets that exist
    for subnet_id in values.ids_of("subnet_ids", "subnet"):
        yield (
            NewHolder(Listed.SUBNET_ACL, subnet_id) if acl_id is None else Member(Listed.SUBNET_ACL, subnet_id, acl_id)
        )
    if acl_id is None:
        return
    for name, egress in (("ingress", False), ("egress", True)):
        if values.is_unknown(name):
            yield unsettled_rules(acl_id, egress=egress)
            continue
        for block in values.blocks(name):
            yield entry_of(
                acl_id,
                egress=egress,
                number=block.number("rule_no"),
                action=block.text("action"),
                protocol=block.word("protocol"),
                cidr=block.text("cidr_block") or block.text("ipv6_cidr_block"),
                ports=(block.number("from_port"), block.number("to_port")),
            )


def _acl_rule(values: Values) -> Iterator[Edit]:
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
        protocol=values.word("protocol"),
        cidr=values.text("cidr_block") or values.text("ipv6_cidr_block"),
        ports=(values.number("from_port"), values.number("to_port")),
    )


def _acl_association(values: Values) -> Iterator[Edit]:
    acl_id, subnet_id = values.id_of("network_acl_id", "acl"), values.id_of("subnet_id", "subnet")
    if subnet_id is not None:
        yield (
            NewHolder(Listed.SUBNET_ACL, subnet_id) if acl_id is None else Member(Listed.SUBNET_ACL, subnet_id, acl_id)
        )


# --- Route tables ----------------------------------------------------------------------------------------------------


def _route(values: Values, table_id: str) -> Edit:
    if values.is_unknown(*BLOCKS):
        return unsettled(table_id, Aspect.ROUTES, "a route")
    four, other_four, six, other_six, list_id = (values.text(name) for name in BLOCKS)
    target = next(filter(None, map(values.text, TARGETS)), None)
    return route_of(table_id, block=four or other_four or six or other_six, list_id=list_id, target=target)


def _table(values: Values) -> Iterator[Edit]:
    table_id = values.id_of("id", "rtb")
    if table_id is None:
        return
    if not values.is_whole("route"):
        yield unsettled(table_id, Aspect.ROUTES, "a route")
    for block in values.blocks("route"):
        yield _route(block, table_id)


def _one_route(values: Values) -> Iterator[Edit]:
    table_id = values.id_of("route_table_id", "rtb")
    if table_id is not None:
        yield _route(values, table_id)


def _table_association(values: Values) -> Iterator[Edit]:
    table_id, subnet_id = values.id_of("route_table_id", "rtb"), values.id_of("subnet_id", "subnet")
    if subnet_id is not None:
        yield (
            NewHolder(Listed.SUBNET_TABLE, subnet_id)
            if table_id is None
            else Member(Listed.SUBNET_TABLE, subnet_id, table_id)
        )


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _endpoint(values: Values) -> Iterator[Edit]:
    endpoint_id, kind = values.id_of("id", "vpce"), values.text("vpc_endpoint_type") or "Gateway"
    if values.is_unknown("vpc_endpoint_type"):
        raise MalformedError
    if endpoint_id is None:
        yield from _new_endpoint(values, kind)
        return
    if values.is_unknown("policy"):
        yield unsettled(endpoint_id, Aspect.POLICY, "the policy")
    elif values.attributes.get("policy") is not None:
        yield Setting(Settable.POLICY, endpoint_id, values.text("policy"))
    if kind == "Gateway":
        if values.is_unknown("route_table_ids"):
            raise MalformedError
        for table_id in values.ids_of("route_table_ids", "rtb"):
            yield Member(Listed.GATEWAY_TABLE, endpoint_id, table_id)
        return
    if values.is_unknown("private_dns_enabled"):
        yield unsettled(endpoint_id, Aspect.NAME, "private DNS")
    elif (is_on := values.flag("private_dns_enabled")) is not None:
        yield Setting(Settable.PRIVATE_DNS, endpoint_id, is_on)
    for group_id in values.ids_of("security_group_ids", "sg"):
        yield Member(Listed.ENDPOINT_GROUP, endpoint_id, group_id)
    for subnet_id in values.ids_of("subnet_ids", "subnet"):
        yield Member(Listed.ENDPOINT_SUBNET, endpoint_id, subnet_id)
    if values.is_unknown("security_group_ids"):
        yield unknown_groups(endpoint_id)
    if values.is_unknown("subnet_ids"):
        yield unsettled(endpoint_id, Aspect.ADDRESSES, "an address")


def _new_endpoint(values: Values, kind: str) -> Iterator[Edit]:
    of_new_vpc = values.is_unknown("vpc_id") and values.flag(MAKES_VPC) is True
    if of_new_vpc or kind == "GatewayLoadBalancer":
        return  # its VPC is new, too, or packets reach it only by routes
    service_name, vpc_id = values.text("service_name"), values.id_of("vpc_id", "vpc")
    if kind == "Gateway" and service_name is not None:
        of_others = service_name.rpartition(".")[2] not in _WITH_GATEWAYS
        if of_others or not (values.texts("route_table_ids") or values.unknown.get("route_table_ids") is True):
            return  # its service is not one that is predicted, or no existing table has the route
    if kind != "Interface" or service_name is None or vpc_id is None:
        raise MalformedError  # its routes, or the service, are unknown
    groups, subnets = values.ids_of("security_group_ids", "sg"), values.ids_of("subnet_ids", "subnet")
    is_plain = values.text("ip_address_type") in (None, "ipv4") and not values.attributes.get("subnet_configuration")
    yield NewEndpoint(
        service_name=service_name,
        vpc_id=vpc_id,
        private_dns=None if values.is_unknown("private_dns_enabled") else values.flag("private_dns_enabled") is True,
        policy=values.text("policy"),
        is_policy_known=not values.is_unknown("policy"),
        subnet_ids=tuple(subnets),
        group_ids=tuple(groups),
        has_all_groups=bool(groups) and not values.is_unknown("security_group_ids"),
        is_placed=is_plain and bool(subnets) and not values.is_unknown("subnet_ids"),
    )


def _endpoint_itself(values: Values) -> tuple[list[Edit], list[Edit]]:
    endpoint_id = values.id_of("id", "vpce")
    if endpoint_id is None:
        return [], []
    is_gateway = (values.text("vpc_endpoint_type") or "Gateway") == "Gateway"
    return [Endpoint(endpoint_id, is_gateway)], []


def _of_new_endpoint(aspect: Aspect, what: str, *, replaces_groups: bool = False) -> Edit:
    """The edit for a part of an endpoint that a plan creates, if the plan shows the part as a resource of its own."""
    words = f"{what} of a new endpoint is in a resource of its own, and which endpoint it is for is not known"
    return UnsettledOfNew(aspect, words, replaces_groups)


def _endpoint_policy(values: Values) -> Iterator[Edit]:
    endpoint_id = values.id_of("vpc_endpoint_id", "vpce")
    if endpoint_id is None:
        yield _of_new_endpoint(Aspect.POLICY, "the policy")
        return
    if values.is_unknown("policy"):
        yield unsettled(endpoint_id, Aspect.POLICY, "the policy")
    else:
        yield Setting(Settable.POLICY, endpoint_id, values.text("policy"))


def _endpoint_group(values: Values) -> Iterator[Edit]:
    endpoint_id, group_id = values.id_of("vpc_endpoint_id", "vpce"), values.id_of("security_group_id", "sg")
    if endpoint_id is None:
        yield _of_new_endpoint(Aspect.GROUPS, "a security group")
    else:
        yield unknown_groups(endpoint_id) if group_id is None else Member(Listed.ENDPOINT_GROUP, endpoint_id, group_id)


def _endpoint_subnet(values: Values) -> Iterator[Edit]:
    endpoint_id, subnet_id = values.id_of("vpc_endpoint_id", "vpce"), values.id_of("subnet_id", "subnet")
    if endpoint_id is None:
        yield _of_new_endpoint(Aspect.ADDRESSES, "an address")
    elif subnet_id is None:
        yield unsettled(endpoint_id, Aspect.ADDRESSES, "an address")
    else:
        yield Member(Listed.ENDPOINT_SUBNET, endpoint_id, subnet_id)


def _endpoint_table(values: Values) -> Iterator[Edit]:
    endpoint_id, table_id = values.id_of("vpc_endpoint_id", "vpce"), values.id_of("route_table_id", "rtb")
    if endpoint_id is not None and table_id is not None:
        yield Member(Listed.GATEWAY_TABLE, endpoint_id, table_id)
    elif table_id is not None:
        yield unsettled(table_id, Aspect.ROUTES, "a route")


def _vpc(values: Values) -> Iterator[Edit]:
    vpc_id = values.id_of("id", "vpc")
    if vpc_id is None:
        return
    settings = ("enable_dns_support", Settable.DNS_SUPPORT), ("enable_dns_hostnames", Settable.DNS_HOSTNAMES)
    for attribute, setting in settings:
        if values.is_unknown(attribute):
            yield unsettled(vpc_id, Aspect.NAME, attribute)
        elif (is_on := values.flag(attribute)) is not None:
            yield Setting(setting, vpc_id, is_on)


def _private_dns(values: Values) -> Iterator[Edit]:
    endpoint_id = values.id_of("vpc_endpoint_id", "vpce")
    if endpoint_id is None:
        yield _of_new_endpoint(Aspect.NAME, "private DNS")
    elif values.is_unknown("private_dns_enabled"):
        yield unsettled(endpoint_id, Aspect.NAME, "private DNS")
    else:
        yield Setting(Settable.PRIVATE_DNS, endpoint_id, values.flag("private_dns_enabled") is True)


# --- Prefix lists, peerings, interfaces ------------------------------------------------------------------------------


def _prefix_list(values: Values) -> Iterator[Edit]:
    list_id = values.id_of("id", "pl")
    if list_id is None:
        return
    if values.is_unknown("entry"):
        raise MalformedError
    for block in values.blocks("entry"):
        if (cidr := block.text("cidr")) is None:
            raise MalformedError
        yield Member(Listed.LIST_ENTRY, list_id, block_of(cidr))


def _prefix_list_entry(values: Values) -> Iterator[Edit]:
    list_id, cidr = values.id_of("prefix_list_id", "pl"), values.text("cidr")
    if list_id is None:
        return
    if cidr is None:
        raise MalformedError
    yield Member(Listed.LIST_ENTRY, list_id, block_of(cidr))


def _accepted_peering(values: Values) -> Iterator[Edit]:
    peering_id = values.id_of("vpc_peering_connection_id", "pcx")
    if peering_id is not None and values.flag("auto_accept") is True:
        yield Setting(Settable.PEERING, peering_id, "active")


def _interface_group(values: Values) -> Iterator[Edit]:
    interface_id, group_id = values.id_of("network_interface_id", "eni"), values.id_of("security_group_id", "sg")
    if interface_id is None:
        return
    if group_id is None:
        raise MalformedError
    yield Member(Listed.INTERFACE_GROUP, interface_id, group_id)


# --- Resources that take over existing ones ---------------------------------------------------------------------------


def _nothing(_: Values) -> Iterator[Edit]:
    return iter(())


def _adopted(listed: Listed, name: str, prefix: str) -> Callable[[Values], tuple[list[Edit], list[Edit]]]:
    """The edits of a default resource that Terraform takes over. The resource loses everything that is not configured.
    `name` is the attribute with its id, since the attribute `id` is known only after apply."""

    def adopt(values: Values) -> tuple[list[Edit], list[Edit]]:
        own_id = values.id_of(name, prefix)
        if own_id is None:
            if values.flag(MAKES_VPC) and values.is_unknown("vpc_id", name):
                return [], []
            raise MalformedError
        own = Values({**values.attributes, "id": own_id}, {**values.unknown, "id": False})
        last = list(_EDITS[_DEFAULT_OF[listed]](own))
        kept = frozenset(edit.item for edit in last if isinstance(edit, Member) and edit.listed is listed)
        return [Emptied(listed, own_id, kept)], last

    return adopt


_DEFAULT_OF: Final = {
    Listed.GROUP_RULE: "aws_default_security_group",
    Listed.ACL_ENTRY: "aws_default_network_acl",
    Listed.ROUTE: "aws_default_route_table",
}


def _exclusive(values: Values) -> tuple[list[Edit], list[Edit]]:
    """The edits of a resource that lists all rules of a group. The group loses its other rules."""
    group_id = values.id_of("security_group_id", "sg")
    if group_id is None:
        return [], []
    if True in (values.unknown.get("ingress_rule_ids"), values.unknown.get("egress_rule_ids")):
        raise MalformedError
    kept = frozenset((*values.texts("ingress_rule_ids"), *values.texts("egress_rule_ids")))
    return [Emptied(Listed.GROUP_RULE, group_id, kept_ids=kept)], []


def _in_place_of_default(values: Values) -> tuple[list[Edit], list[Edit]]:
    """The edits that add a group to an endpoint. If the resource says so, the group replaces the VPC's default
    group."""
    last = list(_endpoint_group(values))
    if values.flag("replace_default_association") is not True:
        return [], last
    if (endpoint_id := values.id_of("vpc_endpoint_id", "vpce")) is None:
        return [], [_of_new_endpoint(Aspect.GROUPS, "a security group", replaces_groups=True)]
    default_id = values.id_of(DEFAULT_GROUP, "sg")
    if default_id is None:
        raise MalformedError
    return [Member(Listed.ENDPOINT_GROUP, endpoint_id, default_id)], last


def _adopted_vpc(values: Values) -> tuple[list[Edit], list[Edit]]:
    """The edits of a default VPC. A plan shows the id of such a VPC only after apply."""
    if values.id_of("id", "vpc") is None:
        raise MalformedError
    return [], list(_vpc(values))


def _default_rules(values: Values) -> list[Edit]:
    """The rules that EC2 gives a default security group."""
    group_id = values.id_of("security_group_id", "sg")
    if group_id is None:
        return []
    everything: tuple[int | None, int | None] = (None, None)
    return [
        *rules_of(group_id, egress=False, protocol="-1", ports=everything, groups=(group_id,)),
        *rules_of(group_id, egress=True, protocol="-1", ports=everything, cidrs=("0.0.0.0/0",)),
    ]


_EDITS: Final[Mapping[str, Callable[[Values], Iterable[Edit]]]] = {
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
    "aws_vpc_endpoint_private_dns": _private_dns,
    "aws_vpc": _vpc,
    "aws_default_vpc": _vpc,
    "aws_vpc_security_group_rules_exclusive": _nothing,
    "aws_ec2_managed_prefix_list": _prefix_list,
    "aws_ec2_managed_prefix_list_entry": _prefix_list_entry,
    "aws_vpc_peering_connection_accepter": _accepted_peering,
    "aws_network_interface_sg_attachment": _interface_group,
    RESTRICTED_GROUP: _nothing,
}
"""The function that gives the edits of a resource, by its kind."""
_WHOLE: Final[Mapping[str, Callable[[Values], tuple[list[Edit], list[Edit]]]]] = {
    "aws_security_group": _group_itself,
    "aws_vpc_endpoint": _endpoint_itself,
    "aws_vpc": lambda _: ([], []),
    RESTRICTED_GROUP: lambda values: ([], _default_rules(values)),
}
"""The edits to remove and the edits to add if a resource of the kind is deleted or replaced."""
_FORGOTTEN: Final = frozenset(
    {
        *("aws_default_security_group", "aws_default_network_acl", "aws_default_route_table", "aws_default_vpc"),
        *("aws_vpc_endpoint_private_dns", "aws_vpc_peering_connection_accepter"),
    }
)
"""Kinds that Terraform only forgets if they are deleted from its configuration."""
_EXCLUSIVE: Final = frozenset({"aws_vpc_security_group_rules_exclusive"})
"""Kinds that take over an existing resource at each change, and not only when they are created."""
_ADOPTED: Final[Mapping[str, Callable[[Values], tuple[list[Edit], list[Edit]]]]] = {
    "aws_default_security_group": _adopted(Listed.GROUP_RULE, DEFAULT_GROUP, "sg"),
    "aws_default_network_acl": _adopted(Listed.ACL_ENTRY, "default_network_acl_id", "acl"),
    "aws_default_route_table": _adopted(Listed.ROUTE, "default_route_table_id", "rtb"),
    "aws_default_vpc": _adopted_vpc,
    "aws_vpc_security_group_rules_exclusive": _exclusive,
    "aws_vpc_endpoint_security_group_association": _in_place_of_default,
    RESTRICTED_GROUP: lambda values: (_default_rules(values), []),
}
"""For each kind that takes over an existing resource when it is created: the edits to remove and the edits to add."""
KINDS: Final = tuple(_EDITS)
