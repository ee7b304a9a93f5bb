"""A CloudFormation change set as edits: the output of `aws cloudformation describe-change-set
--include-property-values`.

The properties of a kind are translated to the attributes of Terraform's provider. The meaning of a resource with these
attributes is defined in `agent.predict.resources` alone.

Source: CloudFormation API Reference, DescribeChangeSet and ResourceChange; CloudFormation Template Reference for the
properties of each resource. An unknown value appears in a context as `{{changeSet:KNOWN_AFTER_APPLY}}`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent.network.written_edits import MalformedError
from agent.predict import resources
from agent.predict.kinds import BY_ATTRIBUTE, CLOUDFORMATION
from agent.predict.plan_values import Found, Plan, PlanError, ResourceChange, Values, address_of, differ
from probes.frozen import dataclass
from probes.vpc.model import Manager
from probes.vpc.parse import stack_name

UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
_REFERENCE: Final = "{{resolve:"
"""The beginning of a dynamic reference, such as `{{resolve:ssm:/network/account}}`."""
_TEXTS: Final = ("policy", "service_name")
"""Attributes whose value may be any text."""
_TAGS: Final = frozenset({"Tags", "HostedZoneTags"})
"""Properties that only name or describe a resource."""
_DATA: Final = "LaunchTemplateData"
"""The property of a launch template that contains its settings."""
_STACK: Final = "AWS::CloudFormation::Stack"
"""A nested stack. Its resources may change although its own properties stay."""
_NO_CHANGES: Final = ("The submitted information didn't contain changes.", "No updates are to be performed")
"""The reasons of a failed change set that has no changes (source: `deploy` of the AWS CLI)."""
_HINT: Final = "write all pages with aws cloudformation describe-change-set --include-property-values"


_CONTEXTS: Final = {
    "Add": ("AfterContext",),
    "Modify": ("BeforeContext", "AfterContext"),
    "Remove": ("BeforeContext",),
}
"""The contexts that a change must have, by its action."""


def _one(value: Any) -> Any:
    """A list with this value, since Terraform has a list where CloudFormation has a single value."""
    return [value]


def _document(value: Any) -> Any:
    """A policy as text. A change set has it as text or as an object."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of CloudFormation resource, and how it translates to Terraform's provider."""

    terraform: str
    places: Mapping[str, Any]
    """The translation of each property: an attribute; an attribute with a function that converts the value; an
    attribute that is a list of blocks, with the translations inside a block; or the translations inside an object. None
    means that a resource with this property cannot be followed, because the property has the name of a group instead of
    its id, as in EC2-Classic."""
    defaults: tuple[tuple[str, Any], ...] = ()
    """Values of attributes whose property is not set."""


_PEERS: Final = {
    "CidrIp": ("cidr_blocks", _one),
    "CidrIpv6": ("ipv6_cidr_blocks", _one),
    "FromPort": "from_port",
    "ToPort": "to_port",
    "IpProtocol": "protocol",
}
_PERMISSION: Final = {
    "CidrIp": "cidr_ipv4",
    "CidrIpv6": "cidr_ipv6",
    "FromPort": "from_port",
    "GroupId": "security_group_id",
    "IpProtocol": "ip_protocol",
    "ToPort": "to_port",
}
KINDS: Final[Mapping[str, Kind]] = {
    "AWS::EC2::SecurityGroup": Kind(
        terraform="aws_security_group",
        places={
            "SecurityGroupIngress": (
                "ingress",
                {
                    **_PEERS,
                    "SourcePrefixListId": ("prefix_list_ids", _one),
                    "SourceSecurityGroupId": ("security_groups", _one),
                    "SourceSecurityGroupName": None,
                },
            ),
            "SecurityGroupEgress": (
                "egress",
                {
                    **_PEERS,
                    "DestinationPrefixListId": ("prefix_list_ids", _one),
                    "DestinationSecurityGroupId": ("security_groups", _one),
                },
            ),
        },
        defaults=(("egress", [{"protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]),),
    ),
    "AWS::EC2::SecurityGroupIngress": Kind(
        terraform="aws_vpc_security_group_ingress_rule",
        places={
            **_PERMISSION,
            "SourcePrefixListId": "prefix_list_id",
            "SourceSecurityGroupId": "referenced_security_group_id",
            "GroupName": None,
            "SourceSecurityGroupName": None,
        },
    ),
    "AWS::EC2::SecurityGroupEgress": Kind(
        terraform="aws_vpc_security_group_egress_rule",
        places={
            **_PERMISSION,
            "DestinationPrefixListId": "prefix_list_id",
            "DestinationSecurityGroupId": "referenced_security_group_id",
        },
    ),
    "AWS::EC2::NetworkAcl": Kind(terraform="aws_network_acl", places={}),
    "AWS::EC2::NetworkAclEntry": Kind(
        terraform="aws_network_acl_rule",
        places={
            "CidrBlock": "cidr_block",
            "Egress": "egress",
            "Ipv6CidrBlock": "ipv6_cidr_block",
            "NetworkAclId": "network_acl_id",
            "PortRange": {"From": "from_port", "To": "to_port"},
            "Protocol": "protocol",
            "RuleAction": "rule_action",
            "RuleNumber": "rule_number",
        },
    ),
    "AWS::EC2::SubnetNetworkAclAssociation": Kind(
        terraform="aws_network_acl_association",
        places={"NetworkAclId": "network_acl_id", "SubnetId": "subnet_id"},
    ),
    "AWS::EC2::RouteTable": Kind(terraform="aws_route_table", places={}),
    "AWS::EC2::Route": Kind(
        terraform="aws_route",
        places={
            "CarrierGatewayId": "carrier_gateway_id",
            "CoreNetworkArn": "core_network_arn",
            "DestinationCidrBlock": "destination_cidr_block",
            "DestinationIpv6CidrBlock": "destination_ipv6_cidr_block",
            "DestinationPrefixListId": "destination_prefix_list_id",
            "EgressOnlyInternetGatewayId": "egress_only_gateway_id",
            "GatewayId": "gateway_id",
            "InstanceId": "instance_id",
            "LocalGatewayId": "local_gateway_id",
            "NatGatewayId": "nat_gateway_id",
            "NetworkInterfaceId": "network_interface_id",
            "OdbNetworkArn": "odb_network_arn",
            "RouteTableId": "route_table_id",
            "TransitGatewayId": "transit_gateway_id",
            "VpcEndpointId": "vpc_endpoint_id",
            "VpcPeeringConnectionId": "vpc_peering_connection_id",
        },
    ),
    "AWS::EC2::SubnetRouteTableAssociation": Kind(
        terraform="aws_route_table_association",
        places={"RouteTableId": "route_table_id", "SubnetId": "subnet_id"},
    ),
    "AWS::EC2::VPCEndpoint": Kind(
        terraform="aws_vpc_endpoint",
        places={
            "DnsOptions": "dns_options",
            "IpAddressType": "ip_address_type",
            "PolicyDocument": ("policy", _document),
            "PrivateDnsEnabled": "private_dns_enabled",
            "RouteTableIds": "route_table_ids",
            "SecurityGroupIds": "security_group_ids",
            "ServiceName": "service_name",
            "ServiceRegion": "service_region",
            "SubnetIds": "subnet_ids",
            "VpcEndpointType": "vpc_endpoint_type",
            "VpcId": "vpc_id",
        },
        defaults=(("policy", ""), ("private_dns_enabled", False)),
    ),
    "Custom::VpcRestrictDefaultSG": Kind(
        terraform=resources.RESTRICTED_GROUP, places={"DefaultSecurityGroupId": "security_group_id"}
    ),
    "AWS::EC2::VPC": Kind(
        terraform="aws_vpc",
        places={
            "CidrBlock": "cidr_block",
            "EnableDnsHostnames": "enable_dns_hostnames",
            "EnableDnsSupport": "enable_dns_support",
        },
        defaults=(("enable_dns_support", True), ("enable_dns_hostnames", False)),
    ),
}
"""The kinds that are followed. Source: CloudFormation Template Reference for properties and defaults."""


_HOSTS: Final = {
    "AWS::EC2::Instance": Kind(
        terraform="aws_instance",
        places={
            "NetworkInterfaces": "network_interface",
            "SecurityGroupIds": "vpc_security_group_ids",
            "SubnetId": "subnet_id",
        },
    )
}
"""The kinds of hosts that are followed if the change set certainly replaces them."""


def _values(properties: Any, kind: Kind, own_id: str | None) -> Values:
    """The properties of a resource as attributes of Terraform's provider. Raises MalformedError."""
    values, unknown = _block(properties, kind.places)
    for name, default in kind.defaults:
        if name not in unknown:
            values.setdefault(name, default)
    if own_id is not None and kind.places:  # a kind without translations only contains other resources
        values["id"] = own_id
    return Values(values, unknown)


def _translated(properties: Mapping[str, Any], places: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes for these properties, and a second mapping that marks their unknown values. Raises
    MalformedError."""
    values: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, place in places.items():
        value = properties.get(name)
        if value is None:
            continue
        if place is None:
            raise MalformedError
        if isinstance(place, Mapping):
            inner, not_known = ({}, dict.fromkeys(place.values(), True)) if _is_unknown(value) else _block(value, place)
            values |= inner
            unknown |= not_known
            continue
        attribute, form = place if isinstance(place, tuple) else (place, None)
        if _is_unknown(value) or (callable(form) and _holds_unknown(value)):
            unknown[attribute] = True
        elif isinstance(form, Mapping):
            values[attribute], unknown[attribute] = _blocks(value, form)
        elif isinstance(value, list):
            values[attribute] = [None if _is_unknown(item) else item for item in value]
            unknown[attribute] = [_holds_unknown(item) for item in value]
        else:
            values[attribute] = value if form is None else form(value)
            unknown[attribute] = _holds_unknown(value)
    return values, {name: held for name, held in unknown.items() if held}


def _blocks(rows: Any, places: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    if not isinstance(rows, list):
        raise MalformedError
    pairs = [(None, True) if _is_unknown(row) else _block(row, places) for row in rows]
    return [values for values, _ in pairs], [unknown for _, unknown in pairs]


def _block(row: Any, places: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(row, Mapping):
        raise MalformedError
    return _translated(row, places)


def _is_unknown(value: Any) -> bool:
    return isinstance(value, str) and UNKNOWN in value


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(_holds_unknown, value))
    return _is_unknown(value)


def is_change_set(document: Mapping[str, Any]) -> bool:
    """Whether a document describes a change set of CloudFormation."""
    return "Changes" in document and ("ChangeSetId" in document or "ChangeSetName" in document)


def plan_of(document: Mapping[str, Any], name: str) -> Plan:
    """The changes in a document. Errors call the document `name`. Raises PlanError."""
    if document.get("NextToken"):
        raise PlanError(f"{name}: it is one page of several; {_HINT}")
    rows = document["Changes"]
    is_empty = rows == [] and str(document.get("StatusReason")).startswith(_NO_CHANGES)
    if document.get("Status", "CREATE_COMPLETE") != "CREATE_COMPLETE" and not is_empty:
        raise PlanError(f"{name}: its change set was not created as a whole")
    if not isinstance(rows, list):
        raise PlanError(f"{name}: its `Changes` is not a list")
    changes: list[ResourceChange] = []
    found = Found(CLOUDFORMATION)
    inner = (row.get("ResourceChange") for row in rows if isinstance(row, Mapping))
    shown = [change for change in inner if isinstance(change, Mapping)]
    groups, owners = _NewGroups(shown), _Owners(shown)
    for number, row in enumerate(rows):
        change = row.get("ResourceChange") if isinstance(row, Mapping) else None
        kind = change.get("ResourceType") if isinstance(change, Mapping) else None
        if not isinstance(change, Mapping) or not isinstance(kind, str):
            raise PlanError(f"{name}: Changes[{number}] is not a change of a resource")
        action, address = change.get("Action"), change.get("LogicalResourceId")
        if action in ("Import", "SyncWithActual") or (action == "Remove" and _stays(change)):
            continue  # no existing resource changes
        if kind in KINDS and "BeforeContext" not in change and "AfterContext" not in change:
            raise PlanError(f"{name}: it has no values of properties; {_HINT}")
        try:
            made = _followed(kind, change, found, groups, owners)
        except MalformedError:
            found.cannot_follow(kind, address)
        else:
            changes += () if made is None else (made,)
    return Plan(
        name=name,
        changes=tuple(changes),
        unjudged=tuple(found.unjudged),
        left_out=found.left_out,
        others=frozenset(found.others),
        manager=Manager(tool="CloudFormation", stack=stack_name(document.get("StackName"))),
        managed=frozenset(_ids(shown)),
    )


def _stays(change: Mapping[str, Any]) -> bool:
    """Whether a resource stays in the account if its stack loses or replaces it."""
    return change.get("PolicyAction") in ("Retain", "ReplaceAndRetain")


def _ids(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The ids of the resources that exist before these changes."""
    for change in changes:
        own_id = change.get("PhysicalResourceId")
        if isinstance(own_id, str):
            yield own_id


class _Owners:
    """The resources that a change set deletes or replaces, by id, and the kinds of those that it creates, in the words
    of Terraform's provider. A resource whose owner is unknown may belong to them."""

    def __init__(self, changes: list[Mapping[str, Any]]) -> None:
        deleted = (one for one in changes if one.get("Action") == "Remove" or one.get("Replacement") == "True")
        deleted = (one for one in deleted if not _stays(one))
        created = {str(one.get("ResourceType")) for one in changes if one.get("Action") == "Add"}
        self.gone = frozenset(_ids(deleted))
        self.made = frozenset(_OWNERS.get(kind) or KINDS[kind].terraform for kind in created & {*KINDS, *_OWNERS})


_GROUP: Final = "AWS::EC2::SecurityGroup"
_ENDPOINT: Final = "AWS::EC2::VPCEndpoint"
_OF_GROUPS: Final = {
    "security_group_ids": ("SecurityGroupIds",),
    "security_group_id": ("GroupId",),
    "referenced_security_group_id": ("SourceSecurityGroupId", "DestinationSecurityGroupId"),
}
"""Attributes that contain ids of security groups, each with the properties for it."""
_OWNERS: Final = {"AWS::EC2::Subnet": "aws_subnet"}
"""Kinds that are not followed and to which a followed resource belongs, in the words of Terraform's provider."""
_WITHOUT_GROUPS: Final = (
    *(kind for kind in KINDS if kind.startswith("AWS::") and kind not in (_GROUP, "AWS::EC2::VPC")),
    *("AWS::EC2::Subnet", "AWS::EC2::FlowLog", "AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::CDK::Metadata"),
    *("AWS::Backup::", "AWS::IAM::", "AWS::KMS::", "AWS::Logs::", "AWS::S3::"),
)
"""Prefixes of kinds without an attribute that is the id of a security group."""


class _NewGroups:
    """The security groups that a change set adds for endpoints, by their made-up ids. If a property's value is an
    unknown group, the resource that causes the change shows which group it is. Without such a cause, it is the only new
    group, unless another resource in the change set could provide an id."""

    def __init__(self, changes: list[Mapping[str, Any]]) -> None:
        kinds = [str(change.get("ResourceType")) for change in changes]
        is_used = any(
            kind == _ENDPOINT and UNKNOWN in str(change.get("AfterContext"))
            for kind, change in zip(kinds, changes, strict=True)
        )
        added = [
            str(change.get("LogicalResourceId"))
            for kind, change in zip(kinds, changes, strict=True)
            if is_used and kind == _GROUP and change.get("Action") == "Add"
        ]
        self._ids = {name: f"sg-new-{number}" for number, name in enumerate(dict.fromkeys(added), 1)}
        others = [kind for kind in kinds if not kind.startswith(_WITHOUT_GROUPS)]
        self._only = next(iter(self._ids.values())) if len(self._ids) == 1 and others == [_GROUP] else None

    def completed(self, change: Mapping[str, Any], values: Values) -> Values:
        """The values after a change, with the made-up ids filled in."""
        name = str(change.get("LogicalResourceId"))
        if change.get("ResourceType") == _GROUP and change.get("Action") == "Add" and name in self._ids:
            shown = address_of(name) or self._ids[name]
            return Values({**values.attributes, "id": self._ids[name], resources.NEW: shown}, values.unknown)
        more: dict[str, Any] = {}
        for attribute, properties in _OF_GROUPS.items():
            held, unknown = values.attributes.get(attribute), values.unknown.get(attribute)
            count = sum(unknown) if isinstance(unknown, list) else int(unknown is True)
            ids = self._meant(change, properties)
            if count and len(ids) == count and (isinstance(unknown, list) is attribute.endswith("_ids")):
                known = [item for item in held if item is not None] if isinstance(held, list) else []
                more[attribute] = [*known, *ids] if attribute.endswith("_ids") else ids[0]
        return Values({**values.attributes, **more}, {**values.unknown, **dict.fromkeys(more, False)})

    def _meant(self, change: Mapping[str, Any], properties: tuple[str, ...]) -> list[str]:
        """The groups to which a property refers; empty if they are unknown."""
        details = change.get("Details")
        causes = {
            str(detail["CausingEntity"]).partition(".")[0]
            for detail in (details if isinstance(details, list) else ())
            if isinstance(detail, Mapping) and detail.get("CausingEntity")
            if isinstance(target := detail.get("Target"), Mapping) and target.get("Name") in properties
        }
        if causes:
            return [self._ids[name] for name in sorted(causes)] if causes <= self._ids.keys() else []
        return [] if self._only is None else [self._only]


def _followed(
    kind: str, change: Mapping[str, Any], found: Found, groups: _NewGroups, owners: _Owners
) -> ResourceChange | None:
    """The change of a resource; None if its kind is not followed. Raises MalformedError."""
    action, address = change.get("Action"), change.get("LogicalResourceId")
    before, after = _contexts(change)
    if kind in KINDS and any(change.get(context) is None for context in _CONTEXTS.get(str(action), ())):
        raise MalformedError  # the values before or after the change are not shown
    is_other = change.get("Replacement") == "True"
    if kind not in KINDS:
        if is_other and kind in _HOSTS and (of_host := _replaced_host(kind, change, after)) is not None:
            return of_host
        is_same, differs = False, action not in ("Add", "Remove")
        if before is not None and after is not None:
            is_same = kind != _STACK and _is_same(before, after)
            differs = (is_other and kind in _HOSTS) or differ(before, after, BY_ATTRIBUTE.get(kind, ()))
        found.add(kind, address, is_created=action == "Add", differs=differs, is_same=is_same)
        return None
    is_certain = action in ("Add", "Modify", "Remove") and change.get("Replacement") != "Conditional"
    if not is_certain or resources.lacks(KINDS[kind].terraform, before, after, is_other=is_other):
        found.cannot_follow(kind, address)
    if not is_certain or (before is not None and after is not None and not is_other and _is_same(before, after)):
        return None
    if after is not None:
        after = _resolved(before, groups.completed(change, after))
        after = Values({**after.attributes, resources.MAKES_VPC: "aws_vpc" in owners.made}, after.unknown)
    after = resources.with_owner(KINDS[kind].terraform, before, after, gone=owners.gone, made=owners.made)
    return resources.change_of(KINDS[kind].terraform, before, after, is_other=is_other)


def _replaced_host(kind: str, change: Mapping[str, Any], after: Values | None) -> ResourceChange | None:
    """The replacement of a host; None if the new host's groups or subnet are unknown. Raises MalformedError."""
    if after is None:
        return None
    had = Values({"id": change.get("PhysicalResourceId")})
    gets = _values(after.attributes, _HOSTS[kind], None)
    return resources.change_of_host(_HOSTS[kind].terraform, had, gets, is_other=True)


def _resolved(before: Values | None, after: Values) -> Values:
    """The values after a change. A changed text with a dynamic reference is unknown, because a change set does not
    resolve it (CloudFormation User Guide, Get values stored in other services using dynamic references). In place of
    an id or a number, such a reference has an unusual form."""
    texts = {name: after.attributes.get(name) for name in _TEXTS}
    late = [name for name, text in texts.items() if isinstance(text, str) and _REFERENCE in text]
    late = [name for name in late if before is None or before.attributes.get(name) != texts[name]]
    return Values({**after.attributes, **dict.fromkeys(late)}, {**after.unknown, **dict.fromkeys(late, True)})


def _is_same(before: Values, after: Values) -> bool:
    """Whether nothing changes, apart from tags."""
    names = {*before.attributes, *after.attributes} - _TAGS
    return not after.is_unknown(*after.unknown) and all(
        before.attributes.get(name) == after.attributes.get(name) for name in names
    )


def _contexts(change: Mapping[str, Any]) -> tuple[Values | None, Values | None]:
    """The properties before and after. A followed resource that stays when it is replaced has no properties before, as
    if the other one were only added. Raises MalformedError."""
    own_id = change.get("PhysicalResourceId")
    if own_id is not None and not isinstance(own_id, str):
        raise MalformedError
    kind, action = change["ResourceType"], change.get("Action")
    is_other = change.get("Replacement") == "True"
    is_added = action == "Add" or (is_other and kind in KINDS and _stays(change))
    before = None if is_added else _properties(kind, change.get("BeforeContext"), own_id)
    after = None if action == "Remove" else _properties(kind, change.get("AfterContext"), None if is_other else own_id)
    return before, after


def _properties(kind: str, context: Any, own_id: str | None) -> Values | None:
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
    properties = decoded.get("Properties", {})
    if kind in KINDS:
        return _values(properties, KINDS[kind], own_id)
    if not isinstance(properties, Mapping):
        raise MalformedError
    if isinstance(inner := properties.get(_DATA), Mapping):
        properties = {**properties, _DATA: None, **inner}
    return Values(properties, {name: True for name in properties if _holds_unknown(properties[name])})
