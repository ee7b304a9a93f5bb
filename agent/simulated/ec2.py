"""The answers of EC2, Route 53, its Resolver and its Profiles in a simulated world, in boto3's form. They include
members that the program does not read.

Texts and codes of refusals are those that AWS documents (EC2 API Reference, Error codes; Route 53 Resolver API
Reference and Route 53 API Reference, Common errors).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from agent.simulated.network import actions_of, configuration_of, denial_of, hexadecimal, part_of, region_of, zone_id_of
from agent.simulated.scenario import Scenario
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import (
    FIREWALL_RULE_GROUP,
    HOSTED_ZONE,
    RESOLVER_RULE,
    TRANSIT_VPC,
    VPC_ENDPOINT,
    Configuration,
    FirewallRule,
    Manager,
    Network,
    PeeredVpc,
    ResolverRule,
    Route,
    Tag,
    TransitAttachment,
    TransitRoute,
)

Item = dict[str, Any]

CREATED_AT: Final = datetime(2025, 11, 3, 9, 15, tzinfo=UTC)
_STATES: Final = {
    name.lower(): name
    for name in (
        "PendingAcceptance",
        "Pending",
        "Available",
        "Deleting",
        "Deleted",
        "Rejected",
        "Failed",
        "Expired",
        "Partial",
    )
}
"""The API's spelling of each state, by the state's spelling in `Endpoint` (botocore 1.44.8)."""
_ROUTE_TARGETS: Final = {
    "nat-": "NatGatewayId",
    "tgw-": "TransitGatewayId",
    "pcx-": "VpcPeeringConnectionId",
    "eni-": "NetworkInterfaceId",
    "eigw-": "EgressOnlyInternetGatewayId",
    "lgw-": "LocalGatewayId",
    "cagw-": "CarrierGatewayId",
    "arn:": "CoreNetworkArn",
}
"""The member of a Route that contains the target, by the prefix of the target's id. Other targets are in GatewayId."""


class RefusedError(Exception):
    """AWS answers with a refusal."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


# --- Requests and answers --------------------------------------------------------------------------------------------


def answer(scenario: Scenario, service: str, operation: str, parameters: Mapping[str, Any]) -> Item | None:
    """The answer of a service to a request; None if it does not answer at all. `service` and `parameters` are in
    boto3's form. Raises RefusedError."""
    part, action = part_of(scenario), f"{service}:{operation}"
    if part.answer == "silence" or action in actions_of(part.silent):
        return None
    if part.answer == "denied" or action in actions_of(part.denied):
        raise _denied(service, operation)
    if part.answer == "throttled":
        raise RefusedError(*_THROTTLED[service])
    if part.answer == "clock-skew":
        raise RefusedError(*_SKEWED[service])
    if part.answer == "expired":
        raise RefusedError(*_EXPIRED[service])
    if action not in _ANSWERS:
        raise RefusedError("InvalidAction", f"The action {operation} is not valid for this web service.", 400)
    return _ANSWERS[action](scenario, configuration_of(scenario), parameters)


def is_found(scenario: Scenario) -> bool:
    """Whether the host finds the addresses of the services in time. It asks its resolvers like the C library, which
    waits for a silent resolver longer than a read may take."""
    for resolver in scenario.host.resolvers:
        rows = [row for row in scenario.dns if resolver in row.resolvers]
        if not rows or rows[0].answer != "closed":
            return knows_names(scenario, resolver)
    return False


def knows_names(scenario: Scenario, resolver: Address) -> bool:
    """Whether a resolver answers for names that the scenario does not mention, such as the names of these services."""
    rows = [row for row in scenario.dns if resolver in row.resolvers]
    general = next((row for row in rows if row.name == "*"), None)
    return bool(rows) and all(row.answer == "answer" for row in (rows[0], general) if row is not None)


def _denied(service: str, operation: str) -> RefusedError:
    code, text = denial_of(service, operation)
    if service == "ec2":
        encoded = hashlib.sha512(operation.encode()).hexdigest() * 3
        text += f" Encoded authorization failure message: {encoded}"
    return RefusedError(code, text, 400 if service == "route53resolver" else 403)


_THROTTLED: Final = {
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "route53resolver": ("ThrottlingException", "Rate exceeded", 400),
    "route53": ("Throttling", "Rate exceeded", 400),
    "route53profiles": ("ThrottlingException", "Rate exceeded", 429),
}
_SIGNATURE_EXPIRED: Final = (
    "Signature expired: 20260115T030000Z is now earlier than 20260115T035500Z (20260115T040000Z - 5 min.)"
)
_SKEWED: Final = {
    "ec2": ("RequestExpired", "Request has expired.", 400),
    "route53resolver": ("InvalidSignatureException", _SIGNATURE_EXPIRED, 400),
    "route53": ("SignatureDoesNotMatch", _SIGNATURE_EXPIRED, 403),
    "route53profiles": ("InvalidSignatureException", _SIGNATURE_EXPIRED, 403),
}

_SESSION_IS_OVER: Final = "The security token included in the request is expired"
_EXPIRED: Final = {
    "ec2": ("RequestExpired", "Request has expired.", 400),
    "route53resolver": ("ExpiredTokenException", _SESSION_IS_OVER, 400),
    "route53": ("ExpiredToken", _SESSION_IS_OVER, 403),
    "route53profiles": ("ExpiredTokenException", _SESSION_IS_OVER, 403),
}
"""The error code for an expired session token. EC2 uses the same code for a signature with a wrong time."""


def _page(items: Iterable[Any], parameters: Mapping[str, Any], member: str, most: str = "MaxResults") -> Item:
    """The page of `items` that the request asks for, under `member`, with a token if there are more."""
    rows, begin = list(items), int(parameters.get("NextToken") or 0)
    end = begin + int(parameters.get(most) or 1000)
    return {member: rows[begin:end]} | ({"NextToken": str(end)} if end < len(rows) else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Describe:
    """A Describe action of EC2: the items that it lists, and its filters."""

    member: str
    items: Callable[[Scenario, Configuration], Iterable[Item]]
    ids: tuple[str, str, str]
    """The parameter for ids, the member with an item's id, and the error code for an unknown id."""
    filters: Mapping[str, str]
    """The member to which each filter applies, by the name of the filter. A dot leads to a member of a member or, in a
    list, to a member of each item."""

    def __call__(self, scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
        items = list(self.items(scenario, network))
        parameter, member, code = self.ids
        if wanted := parameters.get(parameter):
            if absent := [value for value in wanted if value not in {item[member] for item in items}]:
                raise RefusedError(code, f"The {parameter} '{', '.join(absent)}' does not exist", 400)
            items = [item for item in items if item[member] in wanted]
        for condition in parameters.get("Filters", ()):
            if condition["Name"] not in self.filters:
                raise RefusedError("InvalidParameterValue", f"The filter '{condition['Name']}' is invalid", 400)
            path = self.filters[condition["Name"]].split(".")
            items = [item for item in items if _fits(_values(item, path), condition["Values"])]
        return _page(items, parameters, self.member)


def _values(item: Any, path: list[str]) -> list[str]:
    """All values at the end of a path, spelled as in filters."""
    if isinstance(item, list):
        return [value for entry in item for value in _values(entry, path)]
    if not path:
        return [str(item).lower() if isinstance(item, bool) else str(item)]
    return _values(item[path[0]], path[1:]) if path[0] in item else []


def _fits(values: Iterable[str], wanted: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern) for value in values for pattern in wanted)


def _endpoint_items(_scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for endpoint in network.endpoints or ():
        failed = (
            {}
            if endpoint.error_code is None
            else {"LastError": _known(Code=endpoint.error_code, Message=endpoint.error_message)}
        )
        yield {
            "VpcEndpointId": endpoint.endpoint_id,
            "VpcEndpointType": "Interface",
            "VpcId": endpoint.vpc_id,
            "ServiceName": endpoint.service_name,
            "State": _STATES.get(endpoint.state, endpoint.state),
            "PolicyDocument": endpoint.policy,
            "RouteTableIds": [],
            "SubnetIds": list(endpoint.subnet_ids),
            "Groups": [{"GroupId": group, "GroupName": f"name-of-{group}"} for group in endpoint.group_ids],
            "IpAddressType": endpoint.ip_address_type,
            "DnsOptions": {"DnsRecordIpType": endpoint.dns_record_type},
            "PrivateDnsEnabled": endpoint.private_dns,
            "RequesterManaged": False,
            "NetworkInterfaceIds": list(endpoint.interface_ids),
            "DnsEntries": [{"DnsName": name, "HostedZoneId": zone_id_of(name)} for name in endpoint.dns_names],
            "CreationTimestamp": CREATED_AT,
            "Tags": _tag_items(endpoint.tags),
            "OwnerId": endpoint.owner_id,
            **failed,
            **({} if endpoint.error_code else _known(FailureReason=endpoint.error_message)),
        }

    for gateway in network.gateway_endpoints or ():
        yield {
            "VpcEndpointId": gateway.endpoint_id,
            "VpcEndpointType": "Gateway",
            "VpcId": gateway.vpc_id,
            "ServiceName": gateway.service_name,
            "State": _STATES.get(gateway.state, gateway.state),
            "PolicyDocument": gateway.policy,
            "RouteTableIds": list(gateway.route_table_ids),
            "SubnetIds": [],
            "Groups": [],
            "PrivateDnsEnabled": False,
            "RequesterManaged": False,
            "NetworkInterfaceIds": [],
            "DnsEntries": [],
            "CreationTimestamp": CREATED_AT,
            "Tags": _tag_items(gateway.tags),
            "OwnerId": gateway.owner_id,
        }


def _tag_items(tags: Iterable[Tag]) -> list[Item]:
    return [{"Key": tag.key, "Value": tag.value} for tag in tags]


def _tags(manager: Manager | None) -> list[Item]:
    """The tags of a resource that name the tool that manages it."""
    if manager is None:
        return []
    if manager.stack is not None:
        return [{"Key": "aws:cloudformation:stack-name", "Value": manager.stack}]
    return [{"Key": "ManagedBy", "Value": manager.tool}]


def _service_items(_scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for service in () if network.offered is None else network.offered.services:
        names = [{"PrivateDnsName": name} for name in service.private_names]
        yield {
            "ServiceName": service.service_name,
            "ServiceId": f"vpce-svc-0{hexadecimal(service.service_name, 16)}",
            "ServiceType": [{"ServiceType": kind} for kind in service.kinds],
            "AvailabilityZones": list(service.availability_zones),
            "Owner": "amazon",
            "BaseEndpointDnsNames": [".".join(reversed(service.service_name.split(".")))],
            **({"PrivateDnsName": names[0]["PrivateDnsName"], "PrivateDnsNames": names} if names else {}),
            "VpcEndpointPolicySupported": True,
            "AcceptanceRequired": False,
            "ManagesVpcEndpoints": False,
            "Tags": [],
            "PrivateDnsNameVerificationState": "verified",
            "SupportedIpAddressTypes": list(service.ip_address_types),
        }


def _interface_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for interface in (*(network.own_interfaces or ()), *(network.endpoint_interfaces or ())):
        own = interface.kind != "vpc_endpoint"
        four = [str(address) for address in interface.addresses if address.version == 4]
        attached = {"InstanceId": scenario.metadata.instance_id, "InstanceOwnerId": scenario.metadata.account_id}
        yield {
            "NetworkInterfaceId": interface.interface_id,
            "Attachment": {
                "AttachmentId": f"eni-attach-{interface.interface_id.removeprefix('eni-')}",
                "AttachTime": CREATED_AT,
                "DeleteOnTermination": own,
                "DeviceIndex": 0 if own else 1,
                "Status": "attached",
                **(attached if own else {"InstanceOwnerId": "amazon-aws"}),
            },
            **_known(
                AvailabilityZone=interface.availability_zone, InterfaceType=interface.kind, Status=interface.status
            ),
            "Description": "" if own else "VPC Endpoint Interface",
            "Groups": [{"GroupId": group, "GroupName": f"name-of-{group}"} for group in interface.group_ids],
            "Ipv6Addresses": [{"Ipv6Address": str(address)} for address in interface.addresses if address.version == 6],
            "MacAddress": "0a:1b:2c:3d:4e:5f",
            **({"PrivateIpAddress": four[0]} if four else {}),
            "PrivateIpAddresses": [
                {"Primary": place == 0, "PrivateIpAddress": address} for place, address in enumerate(four)
            ],
            "OwnerId": scenario.metadata.account_id,
            "RequesterManaged": not own,
            "SourceDestCheck": True,
            "SubnetId": interface.subnet_id,
            "TagSet": [],
            "VpcId": interface.vpc_id,
        }


def _vpc_items(_scenario: Scenario, network: Configuration) -> Iterable[Item]:
    vpc = network.vpc
    if vpc is not None:
        four, six = _blocks(vpc.cidrs, "vpc-cidr-assoc")
        yield {
            "VpcId": vpc.vpc_id,
            **({"CidrBlock": four[0]["CidrBlock"]} if four else {}),
            "CidrBlockAssociationSet": four,
            **({"Ipv6CidrBlockAssociationSet": six} if six else {}),
            **_known(DhcpOptionsId=vpc.dhcp_options_id, OwnerId=vpc.owner_id),
            "State": "available",
            "InstanceTenancy": "default",
            "IsDefault": False,
            "Tags": _tag_items(vpc.tags),
        }


def _subnet_items(_scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for subnet in network.subnets or ():
        four, six = _blocks(subnet.cidrs, "subnet-cidr-assoc")
        yield {
            "SubnetId": subnet.subnet_id,
            "VpcId": subnet.vpc_id,
            **_known(
                AvailabilityZone=subnet.availability_zone,
                AvailabilityZoneId=subnet.availability_zone_id,
                OwnerId=subnet.owner_id,
            ),
            **({"CidrBlock": four[0]["CidrBlock"]} if four else {}),
            "Ipv6CidrBlockAssociationSet": six,
            "AvailableIpAddressCount": 240,
            "MapPublicIpOnLaunch": False,
            "State": "available",
            "Tags": [],
        }


def _blocks(cidrs: Iterable[Network], prefix: str) -> tuple[list[Item], list[Item]]:
    """The blocks of IPv4 and of IPv6, as associations."""
    four: list[Item] = []
    six: list[Item] = []
    for block in cidrs:
        family = "" if block.version == 4 else "Ipv6"
        blocks = {
            f"{family}CidrBlock": str(block),
            f"{family}CidrBlockState": {"State": "associated"},
            "AssociationId": f"{prefix}-0{hexadecimal(str(block), 16)}",
        }
        (four if block.version == 4 else six).append(blocks)
    return four, six


def _dhcp_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    if network.dhcp_options is not None:
        yield {
            "DhcpOptionsId": network.dhcp_options.options_id,
            "DhcpConfigurations": [
                {"Key": "domain-name", "Values": [{"Value": f"{region_of(scenario)}.compute.internal"}]},
                {
                    "Key": "domain-name-servers",
                    "Values": [{"Value": server} for server in network.dhcp_options.name_servers],
                },
            ],
            "OwnerId": scenario.metadata.account_id,
            "Tags": [],
        }


def _table_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for table in network.route_tables or ():
        main: list[Item] = [{"Main": True}] if table.main else []
        named: list[Item] = [{"Main": False, "SubnetId": subnet_id} for subnet_id in table.subnet_ids]
        yield {
            "RouteTableId": table.table_id,
            "VpcId": table.vpc_id,
            "Associations": [
                {
                    **association,
                    "RouteTableId": table.table_id,
                    "RouteTableAssociationId": f"rtbassoc-0{hexadecimal(f'{table.table_id} {place}', 16)}",
                    "AssociationState": {"State": "associated"},
                }
                for place, association in enumerate((*main, *named))
            ],
            "Routes": [_route_item(route) for route in table.routes],
            "PropagatingVgws": [],
            "OwnerId": scenario.metadata.account_id,
            "Tags": _tags(table.manager),
        }


def _route_item(route: Route) -> Item:
    block = route.destination
    family = "DestinationCidrBlock" if block is None or block.version == 4 else "DestinationIpv6CidrBlock"
    member = next((name for start, name in _ROUTE_TARGETS.items() if route.target.startswith(start)), "GatewayId")
    return {
        **({"DestinationPrefixListId": route.prefix_list_id} if block is None else {family: str(block)}),
        member: route.target,
        "Origin": "CreateRouteTable" if route.target == "local" else "CreateRoute",
        "State": route.state,
    }


def _acl_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for acl in network.acls or ():
        yield {
            "NetworkAclId": acl.acl_id,
            "VpcId": acl.vpc_id,
            "IsDefault": acl.default,
            "Associations": [
                {
                    "NetworkAclAssociationId": f"aclassoc-0{hexadecimal(subnet_id, 16)}",
                    "NetworkAclId": acl.acl_id,
                    "SubnetId": subnet_id,
                }
                for subnet_id in acl.subnet_ids
            ],
            "Entries": [
                {
                    "CidrBlock" if entry.cidr.version == 4 else "Ipv6CidrBlock": str(entry.cidr),
                    "Egress": entry.egress,
                    "Protocol": entry.protocol,
                    **(
                        {}
                        if entry.from_port is None or entry.to_port is None
                        else {"PortRange": {"From": entry.from_port, "To": entry.to_port}}
                    ),
                    "RuleAction": "allow" if entry.allow else "deny",
                    "RuleNumber": entry.number,
                }
                for entry in acl.entries
            ],
            "OwnerId": scenario.metadata.account_id,
            "Tags": _tags(acl.manager),
        }


def _rule_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for group in network.groups or ():
        for rule in group.rules:
            family = "CidrIpv4" if rule.cidr is None or rule.cidr.version == 4 else "CidrIpv6"
            referenced = rule.referenced_group_id
            yield {
                "GroupId": group.group_id,
                "GroupOwnerId": scenario.metadata.account_id,
                "IsEgress": rule.egress,
                "IpProtocol": rule.protocol,
                "FromPort": -1 if rule.from_port is None else rule.from_port,
                "ToPort": -1 if rule.to_port is None else rule.to_port,
                **_known(SecurityGroupRuleId=rule.rule_id, PrefixListId=rule.prefix_list_id),
                **({} if rule.cidr is None else {family: str(rule.cidr)}),
                **(
                    {}
                    if referenced is None
                    else {"ReferencedGroupInfo": {"GroupId": referenced, "UserId": scenario.metadata.account_id}}
                ),
                "Tags": _tags(group.manager),
            }


def _group_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    holders = (*(network.own_interfaces or ()), *(network.endpoint_interfaces or ()))
    for group in network.groups or ():
        vpcs = (holder.vpc_id for holder in holders if group.group_id in holder.group_ids)
        yield {
            "GroupId": group.group_id,
            "GroupName": "default" if group.default else f"name-of-{group.group_id}",
            "Description": "backup & restore",
            "OwnerId": scenario.metadata.account_id,
            "VpcId": next(vpcs, scenario.metadata.vpc_id),
            "Tags": _tags(group.manager),
        }


def _peering_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for peering in network.peerings or ():
        requester, accepter = peering.sides
        yield {
            "VpcPeeringConnectionId": peering.peering_id,
            "RequesterVpcInfo": _peered_item(scenario, requester),
            "AccepterVpcInfo": _peered_item(scenario, accepter),
            "Status": {"Code": peering.state, "Message": peering.state.capitalize()},
            "Tags": [],
        }


def _peered_item(scenario: Scenario, side: PeeredVpc) -> Item:
    four = [str(block) for block in side.cidrs if block.version == 4]
    six = [str(block) for block in side.cidrs if block.version == 6]
    return {
        "VpcId": side.vpc_id,
        "OwnerId": side.owner_id or scenario.metadata.account_id,
        "Region": region_of(scenario),
        **({"CidrBlock": four[0], "CidrBlockSet": [{"CidrBlock": block} for block in four]} if four else {}),
        **({"Ipv6CidrBlockSet": [{"Ipv6CidrBlock": block} for block in six]} if six else {}),
    }


def _attachments(network: Configuration) -> tuple[TransitAttachment, ...]:
    return () if network.transit is None else network.transit.attachments


_ATTACHMENT_STATES: Final = {"pendingacceptance": "pendingAcceptance", "rollingback": "rollingBack"}
"""The API's spelling of attachment states that it does not write in lower case (botocore 1.44.8)."""


def _attachment_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for attachment in _attachments(network):
        associated = {"TransitGatewayRouteTableId": attachment.table_id, "State": "associated"}
        yield {
            "TransitGatewayAttachmentId": attachment.attachment_id,
            "TransitGatewayId": attachment.gateway_id,
            "TransitGatewayOwnerId": scenario.metadata.account_id,
            "ResourceOwnerId": attachment.owner_id or scenario.metadata.account_id,
            "ResourceType": attachment.kind,
            **_known(ResourceId=attachment.resource_id),
            "State": _ATTACHMENT_STATES.get(attachment.state, attachment.state),
            **({} if attachment.table_id is None else {"Association": associated}),
            "CreationTime": CREATED_AT,
            "Tags": [],
        }


def _vpc_attachment_items(scenario: Scenario, network: Configuration) -> Iterable[Item]:
    for attachment in _attachments(network):
        if attachment.kind == TRANSIT_VPC and attachment.subnet_ids:
            yield {
                "TransitGatewayAttachmentId": attachment.attachment_id,
                "TransitGatewayId": attachment.gateway_id,
                "VpcId": attachment.resource_id,
                "VpcOwnerId": attachment.owner_id or scenario.metadata.account_id,
                "State": _ATTACHMENT_STATES.get(attachment.state, attachment.state),
                "SubnetIds": list(attachment.subnet_ids),
                "CreationTime": CREATED_AT,
                "Options": {
                    "DnsSupport": "enable",
                    "SecurityGroupReferencingSupport": "disable",
                    "Ipv6Support": "enable" if attachment.ipv6 else "disable",
                    "ApplianceModeSupport": "enable" if attachment.appliance_mode else "disable",
                },
                "Tags": [],
            }


def _transit_routes(_scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    wanted, transit = parameters["TransitGatewayRouteTableId"], network.transit
    if transit is not None and wanted in transit.unread:
        raise _denied("ec2", "SearchTransitGatewayRoutes")
    tables = () if transit is None else transit.tables
    table = next((table for table in tables if table.table_id == wanted), None)
    if table is None:
        message = f"Transit Gateway Route Table {wanted} was deleted or does not exist."
        raise RefusedError("InvalidRouteTableID.NotFound", message, 400)
    filters = {condition["Name"]: condition["Values"] for condition in parameters["Filters"]}
    routes = [route for route in table.routes if route.state in filters.get("state", (route.state,))]
    return {**_page(map(_transit_route_item, routes), parameters, "Routes"), "AdditionalRoutesAvailable": False}


def _transit_route_item(route: TransitRoute) -> Item:
    resources = route.resource_ids or (None,) * len(route.attachment_ids)
    return {
        "DestinationCidrBlock": str(route.destination),
        "TransitGatewayAttachments": [
            _known(TransitGatewayAttachmentId=attachment_id, ResourceId=resource_id, ResourceType=route.kind)
            for attachment_id, resource_id in zip(route.attachment_ids, resources, strict=True)
        ],
        "Type": "propagated" if route.propagated else "static",
        "State": route.state,
    }


def _known(**members: str | None) -> Item:
    """The members whose value is not None."""
    return {name: value for name, value in members.items() if value is not None}


# --- Requests with a special form -------------------------------------------------------------------------------------


def _vpc_attribute(_scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    name, dns, vpc = parameters["Attribute"], network.dns, network.vpc
    if vpc is None or dns is None or parameters["VpcId"] != vpc.vpc_id:
        raise RefusedError("InvalidVpcID.NotFound", f"The vpc ID '{parameters['VpcId']}' does not exist", 400)
    values = {"enableDnsSupport": dns.support, "enableDnsHostnames": dns.hostnames}
    if name not in values:
        raise RefusedError("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.", 400)
    return {"VpcId": vpc.vpc_id, f"{name[0].upper()}{name[1:]}": {"Value": values[name]}}


def _prefix_list_entries(_scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    wanted = parameters["PrefixListId"]
    entries = next(
        (prefix_list for prefix_list in network.prefix_lists or () if prefix_list.prefix_list_id == wanted), None
    )
    if entries is None:
        raise RefusedError("InvalidPrefixListID.NotFound", f"The prefix list ID '{wanted}' does not exist", 400)
    return _page(({"Cidr": str(cidr), "Description": ""} for cidr in entries.cidrs), parameters, "Entries")


def _rule_associations(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    filters = {condition["Name"]: condition["Values"] for condition in parameters.get("Filters", ())}
    associations = [
        {
            "Id": f"rslvr-rrassoc-{hexadecimal(rule.rule_id, 17)}",
            "ResolverRuleId": rule.rule_id,
            "Name": rule.name or "",
            "VPCId": scenario.metadata.vpc_id,
            "Status": "COMPLETE",
            "StatusMessage": "",
        }
        for rule in network.resolver_rules or ()
    ]
    return _page((row for row in associations if _is_wanted(row, filters)), parameters, "ResolverRuleAssociations")


def _resolver_rules(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    filters = {condition["Name"]: condition["Values"] for condition in parameters.get("Filters", ())}
    rules = (_resolver_rule_item(scenario, rule) for rule in network.resolver_rules or ())
    return _page((row for row in rules if _is_wanted(row, filters)), parameters, "ResolverRules")


def _resolver_rule(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    wanted = parameters["ResolverRuleId"]
    rules = (*(network.resolver_rules or ()), *(() if network.brought is None else network.brought.rules))
    rule = next((rule for rule in rules if rule.rule_id == wanted), None)
    if rule is None:  # a rule of another account gives the same answer
        raise RefusedError(
            "ResourceNotFoundException", f"[RSLVR-00703] Resolver rule with ID '{wanted}' does not exist.", 400
        )
    return {"ResolverRule": _resolver_rule_item(scenario, rule)}


def _resolver_rule_item(scenario: Scenario, rule: ResolverRule) -> Item:
    account = scenario.metadata.account_id
    return {
        "Id": rule.rule_id,
        "Arn": f"arn:aws:route53resolver:{region_of(scenario)}:{rule.owner_id}:resolver-rule/{rule.rule_id}",
        "CreatorRequestId": "",
        "DomainName": f"{rule.domain}.",
        "Status": "COMPLETE",
        "StatusMessage": "",
        "RuleType": rule.kind,
        **_known(Name=rule.name),
        **({"TargetIps": [_target_item(target) for target in rule.targets]} if rule.targets else {}),
        "OwnerId": rule.owner_id or account,
        "ShareStatus": "NOT_SHARED" if rule.owner_id in (None, account) else "SHARED_WITH_ME",
    }


def _target_item(address: Address) -> Item:
    return {"Ip" if address.version == 4 else "Ipv6": str(address), "Port": 53, "Protocol": "Do53"}


def _is_wanted(item: Item, filters: Mapping[str, list[str]]) -> bool:
    """Whether an item passes Resolver's filters. Each filter has the name of a member of the item."""
    if absent := [name for name in filters if name not in item]:
        raise RefusedError("InvalidParameterException", f"[RSLVR-00001] Unknown filter: {absent[0]}", 400)
    return all(item[name] in values for name, values in filters.items())


def _private_zones(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    there = parameters["VPCId"] == scenario.metadata.vpc_id and parameters["VPCRegion"] == region_of(scenario)
    zones = [
        {
            "HostedZoneId": zone.zone_id,
            "Name": f"{zone.name}.",
            "Owner": _known(**{"OwningService" if zone.of_service else "OwningAccount": zone.owner}),
        }
        for zone in (network.zones or () if there else ())
    ]
    most = parameters.get("MaxItems", "100")
    return _page(zones, parameters, "HostedZoneSummaries", "MaxItems") | {"MaxItems": most}


def _hosted_zone(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    wanted = parameters["Id"]
    zones = (*(network.zones or ()), *(() if network.brought is None else network.brought.zones))
    zone = next((zone for zone in zones if zone.zone_id == wanted), None)
    if zone is None and network.brought is not None and wanted in network.brought.unread:
        raise _denied("route53", "GetHostedZone")
    if zone is None:
        raise RefusedError("NoSuchHostedZone", f"No hosted zone found with ID: {wanted}", 404)
    return {
        "HostedZone": {
            "Id": f"/hostedzone/{zone.zone_id}",
            "Name": f"{zone.name}.",
            "CallerReference": "once",
            "Config": {"PrivateZone": True},
            "ResourceRecordSetCount": 3,
        },
        "VPCs": [{"VPCRegion": region_of(scenario), "VPCId": "vpc-0c1b2c3d4e5f67890"}],
    }


def _profile_associations(scenario: Scenario, _network: Configuration, parameters: Mapping[str, Any]) -> Item:
    vpc_id = scenario.metadata.vpc_id
    associations = [
        {
            "Id": f"rpassoc-{hexadecimal(profile.id, 16)}",
            "Name": f"name-of-{profile.id}",
            "OwnerId": scenario.metadata.account_id,
            "ProfileId": profile.id,
            "ResourceId": vpc_id,
            "Status": "COMPLETE",
            "StatusMessage": "",
            "CreationTime": CREATED_AT,
            "ModificationTime": CREATED_AT,
            **({} if profile.priority is None else {"Priority": profile.priority}),
        }
        for profile in part_of(scenario).profiles
        if parameters.get("ResourceId", vpc_id) == vpc_id
    ]
    return _page(associations, parameters, "ProfileAssociations")


_RESOURCE_ARNS: Final = {
    HOSTED_ZONE: "arn:aws:route53:::hostedzone/{id}",
    RESOLVER_RULE: "arn:aws:route53resolver:{region}:{owner}:resolver-rule/{id}",
    FIREWALL_RULE_GROUP: "arn:aws:route53resolver:{region}:{owner}:firewall-rule-group/{id}",
    VPC_ENDPOINT: "arn:aws:ec2:{region}:{owner}:vpc-endpoint/{id}",
}
_RESOURCE_TYPES: Final = {
    HOSTED_ZONE: "PRIVATE_HOSTED_ZONE",
    RESOLVER_RULE: "RESOLVER_RULE",
    FIREWALL_RULE_GROUP: "FIREWALL_RULE_GROUP",
    VPC_ENDPOINT: "VPC_ENDPOINT",
}


def _profile_resources(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    wanted, region = parameters["ProfileId"], region_of(scenario)
    if network.profiles is None or wanted not in network.profiles.profile_ids:
        raise RefusedError("ResourceNotFoundException", f"[RSLVR-06004] No Profile has the id {wanted}.", 404)
    associations = [
        {
            "Id": f"rpr-{hexadecimal(resource.resource_id, 16)}",
            "Name": f"name-of-{resource.resource_id}",
            "OwnerId": resource.owner_id,
            "ProfileId": wanted,
            "ResourceArn": _RESOURCE_ARNS[resource.kind].format(
                region=region, owner=resource.owner_id, id=resource.resource_id
            ),
            "ResourceType": _RESOURCE_TYPES[resource.kind],
            **({} if resource.priority is None else {"ResourceProperties": f'{{"priority":{resource.priority}}}'}),
            "Status": "COMPLETE",
            "StatusMessage": "Completed creation of Profile to resource association",
            "CreationTime": CREATED_AT,
            "ModificationTime": CREATED_AT,
        }
        for resource in network.profiles.resources
        if resource.profile_id == wanted
    ]
    logs = f"arn:aws:route53resolver:{region}:444455556666:resolver-query-log-config/rslvr-qlc-0a1b2c3d4e5f6789"
    associations.append(
        {
            "Id": "rpr-0a1b2c3d4e5f6789",
            "Name": "logs",
            "OwnerId": "444455556666",
            "ProfileId": wanted,
            "ResourceArn": logs,
            "ResourceType": "RESOLVER_QUERY_LOG_CONFIG",
            "Status": "COMPLETE",
        }
    )
    return _page(associations, parameters, "ProfileResourceAssociations")


def _firewall_associations(scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    groups = {rule.group_id: rule.priority[0] for rule in network.firewall or ()}
    associations = [
        {
            "Id": f"rslvr-frgassoc-{hexadecimal(group, 17)}",
            "Arn": f"arn:aws:route53resolver:{region_of(scenario)}:{scenario.metadata.account_id}:"
            f"firewall-rule-group-association/rslvr-frgassoc-{hexadecimal(group, 17)}",
            "FirewallRuleGroupId": group,
            "VpcId": scenario.metadata.vpc_id,
            "Name": f"name-of-{group}",
            "Priority": priority,
            "MutationProtection": "DISABLED",
            "Status": "COMPLETE",
            "StatusMessage": "",
        }
        for group, priority in groups.items()
    ]
    wanted = [
        association
        for association in associations
        if parameters.get("VpcId", association["VpcId"]) == association["VpcId"]
    ]
    return _page(wanted, parameters, "FirewallRuleGroupAssociations")


def _all_firewall_rules(network: Configuration) -> tuple[FirewallRule, ...]:
    """The rules of DNS Firewall of the VPC and of its Profiles."""
    return (*(network.firewall or ()), *(() if network.brought is None else network.brought.firewall))


def _firewall_rules(_scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    rules = [rule for rule in _all_firewall_rules(network) if rule.group_id == parameters["FirewallRuleGroupId"]]
    if not rules:
        raise _no_such_firewall_resource(parameters["FirewallRuleGroupId"])
    return _page(map(_firewall_rule_item, rules), parameters, "FirewallRules")


def _firewall_rule_item(rule: FirewallRule) -> Item:
    return {
        "FirewallRuleGroupId": rule.group_id,
        **_known(
            FirewallDomainListId=rule.domain_list_id,
            BlockResponse=rule.block_response,
            BlockOverrideDomain=rule.override,
            Qtype=rule.query_type,
        ),
        **({} if rule.override is None else {"BlockOverrideDnsType": "CNAME", "BlockOverrideTtl": 60}),
        "Name": f"rule-{rule.priority[-1]}",
        "Priority": rule.priority[-1],
        "Action": rule.action,
        "FirewallDomainRedirectionAction": "INSPECT_REDIRECTION_DOMAIN",
    }


def _firewall_domains(_scenario: Scenario, network: Configuration, parameters: Mapping[str, Any]) -> Item:
    wanted = parameters["FirewallDomainListId"]
    rule_of_list = next((rule for rule in _all_firewall_rules(network) if rule.domain_list_id == wanted), None)
    if rule_of_list is None:
        raise _no_such_firewall_resource(wanted)
    if rule_of_list.domains is None:  # AWS hides the domains of its own lists (Managed Domain Lists)
        raise _denied("route53resolver", "ListFirewallDomains")
    return _page((f"{domain}." for domain in rule_of_list.domains), parameters, "Domains")


def _no_such_firewall_resource(resource: str) -> RefusedError:
    return RefusedError("ResourceNotFoundException", f"[RSLVR-02025] Can't find the resource with ID {resource}.", 400)


_ANSWERS: Final[Mapping[str, Callable[[Scenario, Configuration, Mapping[str, Any]], Item]]] = {
    "ec2:DescribeVpcEndpoints": _Describe(
        member="VpcEndpoints",
        items=_endpoint_items,
        ids=("VpcEndpointIds", "VpcEndpointId", "InvalidVpcEndpointId.NotFound"),
        filters={
            "vpc-id": "VpcId",
            "service-name": "ServiceName",
            "vpc-endpoint-id": "VpcEndpointId",
            "vpc-endpoint-state": "State",
            "vpc-endpoint-type": "VpcEndpointType",
        },
    ),
    "ec2:DescribeVpcEndpointServices": _Describe(
        member="ServiceDetails",
        items=_service_items,
        ids=("ServiceNames", "ServiceName", "InvalidServiceName"),
        filters={"service-name": "ServiceName", "service-type": "ServiceType.ServiceType", "owner": "Owner"},
    ),
    "ec2:DescribeNetworkInterfaces": _Describe(
        member="NetworkInterfaces",
        items=_interface_items,
        ids=("NetworkInterfaceIds", "NetworkInterfaceId", "InvalidNetworkInterfaceID.NotFound"),
        filters={
            "vpc-id": "VpcId",
            "subnet-id": "SubnetId",
            "group-id": "Groups.GroupId",
            "interface-type": "InterfaceType",
            "network-interface-id": "NetworkInterfaceId",
            "attachment.instance-id": "Attachment.InstanceId",
            "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
            "ipv6-addresses.ipv6-address": "Ipv6Addresses.Ipv6Address",
        },
    ),
    "ec2:DescribeVpcs": _Describe(
        member="Vpcs",
        items=_vpc_items,
        ids=("VpcIds", "VpcId", "InvalidVpcID.NotFound"),
        filters={"vpc-id": "VpcId", "owner-id": "OwnerId"},
    ),
    "ec2:DescribeVpcAttribute": _vpc_attribute,
    "ec2:DescribeDhcpOptions": _Describe(
        member="DhcpOptions",
        items=_dhcp_items,
        ids=("DhcpOptionsIds", "DhcpOptionsId", "InvalidDhcpOptionID.NotFound"),
        filters={"dhcp-options-id": "DhcpOptionsId"},
    ),
    "ec2:DescribeSubnets": _Describe(
        member="Subnets",
        items=_subnet_items,
        ids=("SubnetIds", "SubnetId", "InvalidSubnetID.NotFound"),
        filters={"vpc-id": "VpcId", "subnet-id": "SubnetId"},
    ),
    "ec2:DescribeRouteTables": _Describe(
        member="RouteTables",
        items=_table_items,
        ids=("RouteTableIds", "RouteTableId", "InvalidRouteTableID.NotFound"),
        filters={
            "vpc-id": "VpcId",
            "route-table-id": "RouteTableId",
            "association.subnet-id": "Associations.SubnetId",
            "association.main": "Associations.Main",
        },
    ),
    "ec2:DescribeNetworkAcls": _Describe(
        member="NetworkAcls",
        items=_acl_items,
        ids=("NetworkAclIds", "NetworkAclId", "InvalidNetworkAclID.NotFound"),
        filters={
            "vpc-id": "VpcId",
            "default": "IsDefault",
            "network-acl-id": "NetworkAclId",
            "association.subnet-id": "Associations.SubnetId",
        },
    ),
    "ec2:DescribeSecurityGroupRules": _Describe(
        member="SecurityGroupRules",
        items=_rule_items,
        ids=("SecurityGroupRuleIds", "SecurityGroupRuleId", "InvalidSecurityGroupRuleId.NotFound"),
        filters={"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId"},
    ),
    "ec2:DescribeSecurityGroups": _Describe(
        member="SecurityGroups",
        items=_group_items,
        ids=("GroupIds", "GroupId", "InvalidGroup.NotFound"),
        filters={"vpc-id": "VpcId", "group-id": "GroupId"},
    ),
    "ec2:DescribeVpcPeeringConnections": _Describe(
        member="VpcPeeringConnections",
        items=_peering_items,
        ids=("VpcPeeringConnectionIds", "VpcPeeringConnectionId", "InvalidVpcPeeringConnectionID.NotFound"),
        filters={"vpc-peering-connection-id": "VpcPeeringConnectionId", "status-code": "Status.Code"},
    ),
    "ec2:DescribeTransitGatewayAttachments": _Describe(
        member="TransitGatewayAttachments",
        items=_attachment_items,
        ids=("TransitGatewayAttachmentIds", "TransitGatewayAttachmentId", "InvalidTransitGatewayAttachmentID.NotFound"),
        filters={
            "transit-gateway-id": "TransitGatewayId",
            "resource-id": "ResourceId",
            "resource-type": "ResourceType",
            "state": "State",
        },
    ),
    "ec2:DescribeTransitGatewayVpcAttachments": _Describe(
        member="TransitGatewayVpcAttachments",
        items=_vpc_attachment_items,
        ids=("TransitGatewayAttachmentIds", "TransitGatewayAttachmentId", "InvalidTransitGatewayAttachmentID.NotFound"),
        filters={"transit-gateway-id": "TransitGatewayId", "vpc-id": "VpcId", "state": "State"},
    ),
    "ec2:SearchTransitGatewayRoutes": _transit_routes,
    "ec2:GetManagedPrefixListEntries": _prefix_list_entries,
    "route53resolver:ListResolverRuleAssociations": _rule_associations,
    "route53resolver:ListResolverRules": _resolver_rules,
    "route53resolver:ListFirewallRuleGroupAssociations": _firewall_associations,
    "route53resolver:ListFirewallRules": _firewall_rules,
    "route53resolver:ListFirewallDomains": _firewall_domains,
    "route53resolver:GetResolverRule": _resolver_rule,
    "route53:ListHostedZonesByVPC": _private_zones,
    "route53:GetHostedZone": _hosted_zone,
    "route53profiles:ListProfileAssociations": _profile_associations,
    "route53profiles:ListProfileResourceAssociations": _profile_resources,
}
"""The function that makes the answer to each action. Every action of READS has one."""
