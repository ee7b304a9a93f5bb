"""A change set of CloudFormation as edits: what `aws cloudformation describe-change-set --include-property-values`
answers.

Source: CloudFormation API Reference, DescribeChangeSet and ResourceChange; CloudFormation Template Reference for the
properties of each resource. What is not known yet stands in a context as `{{changeSet:KNOWN_AFTER_APPLY}}`.
"""

import json
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
    an_id,
    entry_of,
    route_of,
    rules_of,
    unsettled,
    unsettled_group,
    unsettled_rules,
)
from agent.predict.plan_values import Plan, PlanError, ResourceChange, Values, differ

UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
_HINT: Final = "write it by aws cloudformation describe-change-set with --include-property-values, all pages of it"
_TARGETS: Final = (
    *("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "InstanceId"),
    *("VpcEndpointId", "EgressOnlyInternetGatewayId", "CarrierGatewayId", "LocalGatewayId", "CoreNetworkArn"),
)
_BLOCKS: Final = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
_MAY_MATTER: Final = (
    *("AWS::CloudFormation::Stack", "AWS::Route53", "AWS::EC2::DHCPOptions", "AWS::EC2::VPCDHCPOptions"),
    *("AWS::NetworkFirewall::", "AWS::EC2::VPCCidrBlock", "AWS::EC2::TransitGatewayRoute", "AWS::EC2::VPNGatewayRoute"),
    *("AWS::CloudFormation::Macro", "AWS::EC2::SecurityGroupVpcAssociation"),
)
"""How kinds begin of which any change may have a part in a path or a name, and which are not followed; the changes of a
nested stack stand in a change set of its own."""
_MAY_MATTER_ONCE_THERE: Final = (
    *("AWS::EC2::PrefixList", "AWS::EC2::TransitGateway", "AWS::EC2::VPCPeeringConnection", "AWS::EC2::NatGateway"),
    *("AWS::EC2::InternetGateway", "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::Subnet", "AWS::EC2::VPN"),
    *("AWS::EC2::NetworkInterface", "AWS::EC2::VPCGatewayAttachment"),
)
"""The same of what is changed or deleted: one that is created is used by nothing that is there."""
_PROPERTIES: Final = {
    "AWS::EC2::Instance": ("SecurityGroupIds", "SecurityGroups", "SubnetId", "PrivateIpAddress", "NetworkInterfaces"),
    "AWS::EC2::NetworkInterface": ("GroupSet", "SubnetId", "PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses"),
}
"""Of kinds whose other properties have no part: those that have."""


_NOT_FOLLOWED: Final = {
    "AWS::EC2::VPCEndpoint": ("IpAddressType", "DnsOptions"),
    "AWS::EC2::VPC": ("CidrBlock",),
}
"""Of kinds that are followed: properties that may matter and are not."""


class _Values(Values):
    """The properties of a resource, without what is not known yet."""

    def __init__(self, attributes: Any, own_id: str | None = None) -> None:
        super().__init__(attributes)
        self.own_id = own_id
        """The physical id; None of a resource that is not made yet."""

    def is_unknown(self, *names: str) -> bool:
        return any(_holds_unknown(self.attributes.get(name)) for name in names)

    def own(self, prefix: str) -> str | None:
        return None if self.own_id is None else an_id(self.own_id, prefix)


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(_holds_unknown, value))
    return isinstance(value, str) and UNKNOWN in value


def is_change_set(document: Mapping[str, Any]) -> bool:
    """Whether a document describes a change set of CloudFormation."""
    return "Changes" in document and ("ChangeSetId" in document or "ChangeSetName" in document)


def plan_of(document: Mapping[str, Any], name: str) -> Plan:
    """The changes in a document; `name` is what errors call it. Raises PlanError."""
    if document.get("NextToken"):
        raise PlanError(f"{name}: it is one page of several; {_HINT}")
    if document.get("Status", "CREATE_COMPLETE") != "CREATE_COMPLETE":
        raise PlanError(f"{name}: its change set was not created as a whole")
    rows = document["Changes"]
    if not isinstance(rows, list):
        raise PlanError(f"{name}: its Changes are no list")
    changes: list[ResourceChange] = []
    unjudged: Counter[str] = Counter()
    left_out = 0
    for number, row in enumerate(rows):
        change = row.get("ResourceChange") if isinstance(row, Mapping) else None
        kind = change.get("ResourceType") if isinstance(change, Mapping) else None
        if not isinstance(change, Mapping) or not isinstance(kind, str):
            raise PlanError(f"{name}: Changes[{number}] is no change of a resource")
        action = change.get("Action")
        if action in ("Import", "SyncWithActual") or (action == "Remove" and change.get("PolicyAction") == "Retain"):
            continue  # nothing that is there changes
        edits = _EDITS.get(kind)
        if edits is not None and "BeforeContext" not in change and "AfterContext" not in change:
            raise PlanError(f"{name}: it has no values of properties; {_HINT}")
        try:
            before, after = _contexts(change)
            if edits is None:
                if _may_matter(kind, action, before, after):
                    unjudged[kind] += 1
                else:
                    left_out += 1
                continue
            if before is not None and after is not None and differ(before, after, _NOT_FOLLOWED.get(kind, ())):
                unjudged[kind] += 1
            if action in ("Add", "Modify", "Remove") and change.get("Replacement") != "Conditional":
                made = _change(kind, edits, before, after, is_replaced=change.get("Replacement") == "True")
                changes.append(made)
            else:
                unjudged[kind] += 1
        except MalformedError:
            unjudged[kind] += 1
    return Plan(name=name, changes=tuple(changes), unjudged=dict(unjudged), left_out=left_out)


def _contexts(change: Mapping[str, Any]) -> tuple[_Values | None, _Values | None]:
    """The properties before and after. Raises MalformedError."""
    own_id = change.get("PhysicalResourceId")
    if own_id is not None and not isinstance(own_id, str):
        raise MalformedError
    action = change.get("Action")
    before = None if action == "Add" else _properties(change.get("BeforeContext"), own_id)
    is_other = change.get("Replacement") == "True"
    after = None if action == "Remove" else _properties(change.get("AfterContext"), None if is_other else own_id)
    return before, after


def _properties(context: Any, own_id: str | None) -> _Values | None:
    """The properties in an encoded context. Raises MalformedError."""
    if context is None:
        return None
    if not isinstance(context, str):
        raise MalformedError
    try:
        decoded = json.loads(context)
    except (ValueError, RecursionError):
        raise MalformedError from None
    if not isinstance(decoded, Mapping):
        raise MalformedError
    return _Values(decoded.get("Properties", {}), own_id)


def _may_matter(kind: str, action: Any, before: _Values | None, after: _Values | None) -> bool:
    names = _PROPERTIES.get(kind)
    if names is not None:
        if before is None or after is None:
            return action not in ("Add", "Remove")
        return differ(before, after, names)
    if kind.startswith(_MAY_MATTER):
        return True
    if before is not None and after is not None:
        others = {*before.attributes, *after.attributes} - {"Tags"}
        if all(before.attributes.get(name) == after.attributes.get(name) for name in others):
            return False
    return kind.startswith(_MAY_MATTER_ONCE_THERE) and action != "Add"


def _change(
    kind: str,
    edits: Callable[[_Values], Iterable[Edit]],
    before: _Values | None,
    after: _Values | None,
    *,
    is_replaced: bool,
) -> ResourceChange:
    """Raises MalformedError."""
    first = [] if before is None else list(edits(before))
    last = [] if after is None else list(edits(after))
    if before is not None and (after is None or is_replaced) and kind in _WHOLE:
        first, more = _WHOLE[kind](before)
        last += more
    return ResourceChange(kind=kind, before=tuple(first), after=tuple(last))


# --- Security groups -------------------------------------------------------------------------------------------------


def _rule(values: Values, group_id: str, *, egress: bool) -> Iterator[Edit]:
    side = "Destination" if egress else "Source"
    names = ("CidrIp", "CidrIpv6", f"{side}PrefixListId", f"{side}SecurityGroupId")
    if values.is_unknown(*names, "FromPort", "ToPort", "IpProtocol"):
        yield unsettled_rules(group_id, egress=egress)
        return
    four, six, list_id, other = (values.text(name) for name in names)
    if four is six is list_id is other is None:
        raise MalformedError  # a group by its name, such as EC2-Classic had
    yield from rules_of(
        group_id,
        egress=egress,
        protocol=str(values.attributes.get("IpProtocol")),
        ports=(values.number("FromPort"), values.number("ToPort")),
        cidrs=filter(None, (four, six)),
        lists=filter(None, (list_id,)),
        groups=filter(None, (other,)),
    )


def _group(values: _Values) -> Iterator[Edit]:
    group_id = values.own("sg")
    if group_id is None:
        return  # one that is created: nothing that is there has it
    for name, egress in (("SecurityGroupIngress", False), ("SecurityGroupEgress", True)):
        if isinstance(values.attributes.get(name), str) and values.is_unknown(name):
            yield unsettled_rules(group_id, egress=egress)
            continue
        rows = values.attributes.get(name)
        if rows is not None and not isinstance(rows, list):
            raise MalformedError
        for row in rows or ():
            yield from _rule(_Values(row), group_id, egress=egress)
        if egress and rows is None:  # then it lets everything out
            everything: tuple[int | None, int | None] = (None, None)
            yield from rules_of(group_id, egress=True, protocol="-1", ports=everything, cidrs=("0.0.0.0/0",))


def _group_itself(values: _Values) -> tuple[list[Edit], list[Edit]]:
    group_id = values.own("sg")
    return list(_group(values)), [] if group_id is None else list(unsettled_group(group_id))


def _group_ingress(values: _Values) -> Iterator[Edit]:
    group_id = values.id_of("GroupId", "sg")
    return iter(()) if group_id is None else _rule(values, group_id, egress=False)


def _group_egress(values: _Values) -> Iterator[Edit]:
    group_id = values.id_of("GroupId", "sg")
    return iter(()) if group_id is None else _rule(values, group_id, egress=True)


# --- Network ACLs and route tables -----------------------------------------------------------------------------------


def _entry(values: _Values) -> Iterator[Edit]:
    acl_id = values.id_of("NetworkAclId", "acl")
    if acl_id is None:
        return
    egress = values.flag("Egress") is True
    names = ("RuleNumber", "RuleAction", "Protocol", "CidrBlock", "Ipv6CidrBlock", "PortRange")
    if values.is_unknown(*names):
        yield unsettled_rules(acl_id, egress=egress)
        return
    ports = _Values(values.attributes.get("PortRange") or {})
    yield entry_of(
        acl_id,
        egress=egress,
        number=values.number("RuleNumber"),
        action=values.text("RuleAction"),
        protocol=str(values.attributes.get("Protocol")),
        cidr=values.text("CidrBlock") or values.text("Ipv6CidrBlock"),
        ports=(ports.number("From"), ports.number("To")),
    )


def _acl_association(values: _Values) -> Iterator[Edit]:
    acl_id, subnet_id = values.id_of("NetworkAclId", "acl"), values.id_of("SubnetId", "subnet")
    if subnet_id is not None:
        yield NewAcl(subnet_id) if acl_id is None else SubnetAcl(subnet_id, acl_id)


def _route(values: _Values) -> Iterator[Edit]:
    table_id = values.id_of("RouteTableId", "rtb")
    if table_id is None:
        return
    if values.is_unknown(*_BLOCKS):
        yield unsettled(table_id, Aspect.ROUTES, "a route")
        return
    four, six, list_id = (values.text(name) for name in _BLOCKS)
    target = next(filter(None, map(values.text, _TARGETS)), None)
    yield route_of(table_id, block=four or six, list_id=list_id, target=target)


def _table_association(values: _Values) -> Iterator[Edit]:
    table_id, subnet_id = values.id_of("RouteTableId", "rtb"), values.id_of("SubnetId", "subnet")
    if subnet_id is not None:
        yield NewTable(subnet_id) if table_id is None else SubnetTable(subnet_id, table_id)


def _nothing(_: _Values) -> Iterator[Edit]:
    """A container of what has resources of its own."""
    return iter(())


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _kind_of(values: _Values) -> str:
    return values.text("VpcEndpointType") or "Gateway"


def _policy(values: _Values) -> str | None:
    document = values.attributes.get("PolicyDocument")
    return document if document is None or isinstance(document, str) else json.dumps(document)


def _endpoint(values: _Values) -> Iterator[Edit]:
    endpoint_id = values.own("vpce")
    if endpoint_id is None:
        yield _new_endpoint(values)
        return
    if values.is_unknown("PolicyDocument"):
        yield unsettled(endpoint_id, Aspect.POLICY, "the policy")
    else:
        yield Policy(endpoint_id, _policy(values))
    if _kind_of(values) == "Gateway":
        if values.is_unknown("RouteTableIds"):
            raise MalformedError
        for table_id in values.ids_of("RouteTableIds", "rtb"):
            yield GatewayTable(endpoint_id, table_id)
        return
    if values.is_unknown("PrivateDnsEnabled"):
        yield unsettled(endpoint_id, Aspect.NAME, "private DNS")
    else:
        yield PrivateDns(endpoint_id, values.flag("PrivateDnsEnabled") is True)
    for group_id in values.ids_of("SecurityGroupIds", "sg"):
        yield EndpointGroup(endpoint_id, group_id)
    for subnet_id in values.ids_of("SubnetIds", "subnet"):
        yield EndpointSubnet(endpoint_id, subnet_id)
    if values.is_unknown("SecurityGroupIds"):
        yield UnknownGroups(endpoint_id)
    if values.is_unknown("SubnetIds"):
        yield unsettled(endpoint_id, Aspect.ADDRESSES, "an address")


def _new_endpoint(values: _Values) -> Edit:
    service_name, vpc_id = values.text("ServiceName"), values.id_of("VpcId", "vpc")
    if _kind_of(values) != "Interface" or service_name is None or vpc_id is None:
        raise MalformedError  # whose routes, or what for, is not known
    private_dns = None if values.is_unknown("PrivateDnsEnabled") else values.flag("PrivateDnsEnabled") is True
    policy = None if values.is_unknown("PolicyDocument") else _policy(values)
    return NewEndpoint(service_name, vpc_id, private_dns, policy, not values.is_unknown("PolicyDocument"))


def _endpoint_itself(values: _Values) -> tuple[list[Edit], list[Edit]]:
    endpoint_id = values.own("vpce")
    if endpoint_id is None:
        return [], []
    return [Gateway(endpoint_id) if _kind_of(values) == "Gateway" else Endpoint(endpoint_id)], []


def _vpc(values: _Values) -> Iterator[Edit]:
    vpc_id = values.own("vpc")
    if vpc_id is None:
        return
    # As CloudFormation has them where they are not set.
    for name, key, default in (("support", "EnableDnsSupport", True), ("hostnames", "EnableDnsHostnames", False)):
        if values.is_unknown(key):
            yield unsettled(vpc_id, Aspect.NAME, key)
        else:
            is_on = values.flag(key)
            yield DnsAttribute(vpc_id, name, default if is_on is None else is_on)


_EDITS: Final[Mapping[str, Callable[[_Values], Iterable[Edit]]]] = {
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupIngress": _group_ingress,
    "AWS::EC2::SecurityGroupEgress": _group_egress,
    "AWS::EC2::NetworkAcl": _nothing,
    "AWS::EC2::NetworkAclEntry": _entry,
    "AWS::EC2::SubnetNetworkAclAssociation": _acl_association,
    "AWS::EC2::RouteTable": _nothing,
    "AWS::EC2::Route": _route,
    "AWS::EC2::SubnetRouteTableAssociation": _table_association,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::EC2::VPC": _vpc,
}
"""By kind, what a resource with these properties says."""
_WHOLE: Final[Mapping[str, Callable[[_Values], tuple[list[Edit], list[Edit]]]]] = {
    "AWS::EC2::SecurityGroup": _group_itself,
    "AWS::EC2::VPCEndpoint": _endpoint_itself,
    "AWS::EC2::VPC": lambda _: ([], []),
}
"""What is taken out where a resource of the kind is deleted, or replaced by another one, and what is put in then."""
KINDS: Final = tuple(_EDITS)
