"""Turn answers of EC2, Route 53, its Resolver and its Profiles in boto3's form into the classes of `probes.vpc.model`.

Answers are not trusted: ids and names must match their grammar, texts have a maximum length, and an answer that lacks a
member which the API always sends is malformed. `kept` leaves out a row with an id of an unknown form. All other
functions raise ProbeError of kind `malformed` or `too-large` if an answer does not fit.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final, TypeVar

from probes.ids import read_form
from probes.model import Address, FailureKind, ProbeError
from probes.vpc.model import (
    FIREWALL_RULE_GROUP,
    HOSTED_ZONE,
    MAX_POLICY_CHARACTERS,
    RESOLVER_RULE,
    VPC_ENDPOINT,
    AclEntry,
    DhcpOptionsFacts,
    EndpointService,
    FirewallRule,
    GatewayEndpoint,
    GroupRule,
    Manager,
    Network,
    NetworkAcl,
    NetworkInterface,
    PeeredVpc,
    Peering,
    PrivateZone,
    ProfileResource,
    ResolverRule,
    Route,
    RouteTable,
    Subnet,
    Tag,
    TransitAttachment,
    TransitRoute,
    Vpc,
    VpcEndpoint,
)

R = TypeVar("R")

MAX_TEXT_CHARACTERS: Final = 1_024

Row = Mapping[str, Any]


class ForeignIdError(ProbeError):
    """An id does not have the form of its kind. Its row is left out, and the other rows stay."""


# --- Resources -------------------------------------------------------------------------------------------------------


_ENDPOINT_ID: Final = read_form("vpce")
_INTERFACE_ID: Final = read_form("eni")
_SUBNET_ID: Final = read_form("subnet")
_INSTANCE_ID: Final = read_form("i")
VPC_ID: Final = read_form("vpc")
_TABLE_ID: Final = read_form("rtb")
_ACL_ID: Final = read_form("acl")
GROUP_ID: Final = read_form("sg")
_RULE_ID: Final = read_form("sgr")
_PREFIX_LIST_ID: Final = read_form("pl")
_PEERING_ID: Final = read_form("pcx")
_GATEWAY_ID: Final = read_form("tgw")
_ATTACHMENT_ID: Final = read_form("tgw-attach")
TRANSIT_TABLE_ID: Final = read_form("tgw-rtb")
_ATTACHED_ID: Final = re.compile(r"[a-z]{1,16}-[0-9a-z-]{4,60}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of a VPC, a VPN connection or a transit gateway. Direct Connect gateways have UUIDs."""
NO_DHCP_OPTIONS: Final = "default"
_DHCP_OPTIONS_ID: Final = re.compile(rf"{NO_DHCP_OPTIONS}|{read_form('dopt').pattern}")
"""The id of DHCP options; `default` stands for a VPC without DHCP options (EC2 API Reference, AssociateDhcpOptions)."""
RESOLVER_ID: Final = read_form("rslvr")
PROFILE_ID: Final = read_form("rp")
_ZONE_ID: Final = re.compile(r"(?:/hostedzone/)?([A-Z0-9]{1,32})")
_RESOURCE_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:[a-z0-9]{1,32}:[a-z0-9-]{0,32}:([0-9]{12})?:"
    rf"({HOSTED_ZONE}|{RESOLVER_RULE}|{FIREWALL_RULE_GROUP}|{VPC_ENDPOINT}|resolver-query-log-config)/([A-Za-z0-9-]{{1,64}})"
)
"""The ARN of a resource that a Profile can have (Route 53 API Reference, AssociateResourceToProfile)."""
_RESOURCE_IDS: Final = {
    HOSTED_ZONE: re.compile(r"[A-Z0-9]{1,32}"),
    RESOLVER_RULE: RESOLVER_ID,
    FIREWALL_RULE_GROUP: RESOLVER_ID,
    VPC_ENDPOINT: _ENDPOINT_ID,
}
"""The ids of resources that concern names, by kind."""
_PRIORITY: Final = re.compile(r'"priority"\s*:\s*([0-9]{1,5})\b')
_ID_FORMS: Final = frozenset(
    {
        *(_ENDPOINT_ID, _INTERFACE_ID, _SUBNET_ID, VPC_ID, _TABLE_ID, _ACL_ID, GROUP_ID, _RULE_ID, _PREFIX_LIST_ID),
        *(_PEERING_ID, _GATEWAY_ID, _ATTACHMENT_ID, TRANSIT_TABLE_ID, _ATTACHED_ID),
        *(_DHCP_OPTIONS_ID, RESOLVER_ID, _ZONE_ID, PROFILE_ID, _RESOURCE_ARN, _INSTANCE_ID),
    }
)
_ACCOUNT: Final = re.compile(r"\d{12}")
_AVAILABILITY_ZONE: Final = re.compile(r"[a-z0-9-]{1,64}")
_SERVICE: Final = re.compile(r"[a-z0-9.-]{1,255}")
WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Words of the API: states, types, actions."""
_QUERY_TYPE: Final = re.compile(r"[A-Z0-9]{1,16}")
_PROTOCOL: Final = re.compile(r"-1|[a-z0-9]{1,16}")
_TARGET: Final = re.compile(r"[A-Za-z0-9:/._-]{1,256}")
_SERVER: Final = re.compile(r"[A-Za-z0-9.:]{1,64}")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f.:/]{1,64}")
"""An address. An IPv6 scope is not allowed, since it could be any text."""
NAME: Final = re.compile(r"(?:[A-Za-z0-9_.*-]|\\[0-7]{3}){0,1024}")
"""A domain name in the form of Route 53: characters that are not allowed in host names are written as octal codes
(Route 53 Developer Guide, DNS domain name format)."""
_TAG: Final = re.compile(r".{1,256}", re.DOTALL)
"""The key or the value of a tag: at most 128 or 256 characters of any kind (Amazon EC2 User Guide, Tag
restrictions)."""
_ICMP: Final = frozenset({"icmp", "icmpv6", "1", "58"})
ROUTE_TARGETS: Final = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",  # before the instance, since the API gives both together
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "IpAddress",
)
"""Members of a Route that may contain its target (botocore 1.44.8)."""

_STACK_TAG: Final = "aws:cloudformation:stack-name"
_STACK: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_WORD_OF_TAG: Final = re.compile(r"[a-z]+")
_TOOLS: Final = {
    "cdk": "CloudFormation",
    "cloudformation": "CloudFormation",
    "opentofu": "OpenTofu",
    "pulumi": "Pulumi",
    "terraform": "Terraform",
    "terragrunt": "Terraform",
    "tofu": "OpenTofu",
}
"""Names of tools in tags."""
_MANAGED_BY: Final = frozenset({"iac", "managedby", "managedwith", "provisionedby", "provisioner"})
"""Keys of tags whose value is the name of a tool. A key here has only letters, in lower case: `managedby` stands for
`managed_by`, `ManagedBy` and `managed-by`."""
_NOT: Final = frozenset({"0", "false", "no", "none", "off"})
"""Values of a tag whose key is the name of a tool. They mean that the tool does not manage the resource."""


def endpoint(row: Row) -> VpcEndpoint:
    """Parse a row of DescribeVpcEndpoints."""
    last = member(row, "LastError")
    dns = member(row, "DnsOptions")
    return VpcEndpoint(
        endpoint_id=text(row, "VpcEndpointId", _ENDPOINT_ID),
        service_name=text(row, "ServiceName", _SERVICE),
        vpc_id=text(row, "VpcId", VPC_ID),
        state=text(row, "State", WORD).lower(),
        private_dns=flag(row, "PrivateDnsEnabled"),
        ip_address_type=_lowered(row, "IpAddressType"),
        dns_record_type=_lowered(dns, "DnsRecordIpType"),
        dns_names=tuple(domain_name(text(entry, "DnsName", NAME)) for entry in rows(row, "DnsEntries")),
        subnet_ids=texts(row, "SubnetIds", _SUBNET_ID),
        interface_ids=texts(row, "NetworkInterfaceIds", _INTERFACE_ID),
        group_ids=tuple(text(group, "GroupId", GROUP_ID) for group in rows(row, "Groups")),
        policy=_policy(row),
        owner_id=optional_text(row, "OwnerId", _ACCOUNT),
        error_code=_prose(last, "Code"),
        error_message=_prose(last, "Message") or _prose(row, "FailureReason"),
        tags=_tags(row),
    )


def endpoint_service(row: Row) -> EndpointService:
    """Parse a row of DescribeVpcEndpointServices."""
    names = [text(name, "PrivateDnsName", NAME) for name in rows(row, "PrivateDnsNames")]
    first = optional_text(row, "PrivateDnsName", NAME)  # if there are several names, it is one of them
    return EndpointService(
        service_name=text(row, "ServiceName", _SERVICE),
        kinds=tuple(text(kind, "ServiceType", WORD) for kind in rows(row, "ServiceType")),
        availability_zones=texts(row, "AvailabilityZones", _AVAILABILITY_ZONE),
        private_names=tuple(dict.fromkeys(map(domain_name, ([] if first is None else [first]) + names))),
        ip_address_types=texts(row, "SupportedIpAddressTypes", WORD, str.lower),
    )


def is_gateway(row: Row) -> bool:
    """Whether a row of DescribeVpcEndpoints is a gateway endpoint."""
    return optional_text(row, "VpcEndpointType", WORD) == "Gateway"


def gateway_endpoint(row: Row) -> GatewayEndpoint:
    """Parse a row of DescribeVpcEndpoints that is a gateway endpoint."""
    return GatewayEndpoint(
        endpoint_id=text(row, "VpcEndpointId", _ENDPOINT_ID),
        service_name=text(row, "ServiceName", _SERVICE),
        vpc_id=text(row, "VpcId", VPC_ID),
        state=text(row, "State", WORD).lower(),
        route_table_ids=texts(row, "RouteTableIds", _TABLE_ID),
        policy=_policy(row),
        owner_id=optional_text(row, "OwnerId", _ACCOUNT),
        tags=_tags(row),
    )


def _tags(row: Row) -> tuple[Tag, ...]:
    """The tags of a resource."""
    return tuple(
        Tag(key=text(tag, "Key", _TAG), value=optional_text(tag, "Value", _TAG) or "") for tag in rows(row, "Tags")
    )


def manager(row: Row) -> Manager | None:
    """Return the manager of a resource from its tags."""
    return manager_of(_tags(row))


def manager_of(tags: Iterable[Tag]) -> Manager | None:
    """Return the tool that manages a resource with these tags. CloudFormation's own tags, which nobody else can set
    (AWS CloudFormation User Guide, Resource tags), take precedence over tags by which people mark the resources of a
    tool. None if no tag shows a tool."""
    values = {tag.key: tag.value for tag in tags if tag.value}
    stack = values.get(_STACK_TAG)
    if stack is not None:
        return Manager(tool="CloudFormation", stack=stack_name(stack))
    for key, value in values.items():
        words = _WORD_OF_TAG.findall(value.lower())
        name = "".join(_WORD_OF_TAG.findall(key.lower()))
        if name in _TOOLS and value.lower() not in _NOT:
            return Manager(tool=_TOOLS[name])
        tool = next((_TOOLS[word] for word in words if word in _TOOLS), None)
        if name in _MANAGED_BY and tool is not None:
            return Manager(tool=tool)
    return None


def stack_name(value: Any) -> str | None:
    """The name of a stack; None for anything else."""
    return value if isinstance(value, str) and _STACK.fullmatch(value) else None


def _policy(row: Row) -> str | None:
    policy = row.get("PolicyDocument")
    if policy is not None and not isinstance(policy, str):
        raise _misplaced("PolicyDocument")
    if policy is not None and len(policy) > MAX_POLICY_CHARACTERS:
        message = f"an endpoint policy of over {MAX_POLICY_CHARACTERS} characters"
        raise ProbeError(FailureKind.TOO_LARGE, message)
    return policy or None


def interface(row: Row) -> NetworkInterface:
    """Parse a row of DescribeNetworkInterfaces."""
    four = sorted(rows(row, "PrivateIpAddresses"), key=lambda address: address.get("Primary") is not True)
    six = sorted(rows(row, "Ipv6Addresses"), key=lambda address: address.get("IsPrimaryIpv6") is not True)
    return NetworkInterface(
        interface_id=text(row, "NetworkInterfaceId", _INTERFACE_ID),
        vpc_id=text(row, "VpcId", VPC_ID),
        subnet_id=text(row, "SubnetId", _SUBNET_ID),
        addresses=(
            *(_address(address, "PrivateIpAddress") for address in four),
            *(_address(address, "Ipv6Address") for address in six),
        ),
        group_ids=tuple(text(group, "GroupId", GROUP_ID) for group in rows(row, "Groups")),
        kind=optional_text(row, "InterfaceType", WORD),
        status=_lowered(row, "Status"),
        availability_zone=optional_text(row, "AvailabilityZone", _AVAILABILITY_ZONE),
        instance_id=optional_text(member(row, "Attachment"), "InstanceId", _INSTANCE_ID),
        owner_id=optional_text(row, "OwnerId", _ACCOUNT),
    )


def subnet(row: Row) -> Subnet:
    """Parse a row of DescribeSubnets."""
    own = (network(row, "CidrBlock"),) if row.get("CidrBlock") else ()  # IPv6-only subnets have no such block
    return Subnet(
        subnet_id=text(row, "SubnetId", _SUBNET_ID),
        vpc_id=text(row, "VpcId", VPC_ID),
        cidrs=(*own, *_associated(row, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock")),
        availability_zone=optional_text(row, "AvailabilityZone", _AVAILABILITY_ZONE),
        availability_zone_id=optional_text(row, "AvailabilityZoneId", _AVAILABILITY_ZONE),
        owner_id=optional_text(row, "OwnerId", _ACCOUNT),
    )


def vpc(row: Row) -> Vpc:
    """Parse a row of DescribeVpcs."""
    primary = (network(row, "CidrBlock"),) if row.get("CidrBlock") else ()
    others = (
        *_associated(row, "CidrBlockAssociationSet", "CidrBlock"),
        *_associated(row, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock"),
    )
    return Vpc(
        vpc_id=text(row, "VpcId", VPC_ID),
        owner_id=optional_text(row, "OwnerId", _ACCOUNT),
        cidrs=tuple(dict.fromkeys((*primary, *others))),
        dhcp_options_id=optional_text(row, "DhcpOptionsId", _DHCP_OPTIONS_ID),
        tags=_tags(row),
    )


def _associated(row: Row, key: str, name: str) -> tuple[Network, ...]:
    """Return the associated blocks. The member with the state of a block has the block's name plus `State`."""
    return tuple(
        network(association, name)
        for association in rows(row, key)
        if optional_text(member(association, f"{name}State"), "State", WORD) == "associated"
    )


def dhcp_options(row: Row) -> DhcpOptionsFacts:
    """Parse a row of DescribeDhcpOptions."""
    servers = [
        text(value, "Value", _SERVER)
        for option in rows(row, "DhcpConfigurations")
        if option.get("Key") == "domain-name-servers"
        for value in rows(option, "Values")
    ]
    return DhcpOptionsFacts(options_id=text(row, "DhcpOptionsId", _DHCP_OPTIONS_ID), name_servers=tuple(servers))


def route_table(row: Row) -> RouteTable:
    """Parse a row of DescribeRouteTables."""
    held = [
        association
        for association in rows(row, "Associations")
        if optional_text(member(association, "AssociationState"), "State", WORD) in (None, "associated")
    ]
    # Gateways have associations as well.
    of_subnets = (optional_text(association, "SubnetId", _SUBNET_ID) for association in held)
    return RouteTable(
        table_id=text(row, "RouteTableId", _TABLE_ID),
        vpc_id=text(row, "VpcId", VPC_ID),
        main=any(association.get("Main") is True for association in held),
        subnet_ids=tuple(subnet_id for subnet_id in of_subnets if subnet_id is not None),
        routes=tuple(map(_route, rows(row, "Routes"))),
        manager=manager(row),
    )


def _route(row: Row) -> Route:
    targets = (optional_text(row, name, _TARGET) for name in ROUTE_TARGETS)
    prefix_list_id = optional_text(row, "DestinationPrefixListId", _PREFIX_LIST_ID)
    return Route(
        destination=_block(row, "DestinationCidrBlock", "DestinationIpv6CidrBlock") if not prefix_list_id else None,
        prefix_list_id=prefix_list_id,
        target=next((target for target in targets if target is not None), "unknown"),
        state=text(row, "State", WORD).lower(),
    )


def network_acl(row: Row) -> NetworkAcl:
    """Parse a row of DescribeNetworkAcls."""
    return NetworkAcl(
        acl_id=text(row, "NetworkAclId", _ACL_ID),
        vpc_id=text(row, "VpcId", VPC_ID),
        default=flag(row, "IsDefault"),
        subnet_ids=tuple(text(association, "SubnetId", _SUBNET_ID) for association in rows(row, "Associations")),
        entries=tuple(map(_acl_entry, rows(row, "Entries"))),
        manager=manager(row),
    )


def _acl_entry(row: Row) -> AclEntry:
    ports = {} if row.get("IcmpTypeCode") else member(row, "PortRange")
    action = text(row, "RuleAction", WORD).lower()
    if action not in ("allow", "deny"):
        raise _misplaced("RuleAction")
    return AclEntry(
        number=number(row, "RuleNumber"),
        egress=flag(row, "Egress"),
        allow=action == "allow",
        cidr=_block(row, "CidrBlock", "Ipv6CidrBlock"),
        protocol=text(row, "Protocol", _PROTOCOL),
        from_port=_port(ports, "From"),
        to_port=_port(ports, "To"),
    )


def group_rule(row: Row) -> GroupRule:
    """Parse a row of DescribeSecurityGroupRules."""
    protocol = text(row, "IpProtocol", _PROTOCOL)
    ports = {} if protocol in _ICMP else row  # for ICMP these members are type and code
    prefix_list_id = optional_text(row, "PrefixListId", _PREFIX_LIST_ID)
    group_id = optional_text(member(row, "ReferencedGroupInfo"), "GroupId", GROUP_ID)
    return GroupRule(
        rule_id=optional_text(row, "SecurityGroupRuleId", _RULE_ID),
        egress=flag(row, "IsEgress"),
        protocol=protocol,
        from_port=_port(ports, "FromPort"),
        to_port=_port(ports, "ToPort"),
        cidr=_block(row, "CidrIpv4", "CidrIpv6") if not prefix_list_id and not group_id else None,
        prefix_list_id=prefix_list_id,
        referenced_group_id=group_id,
    )


def peering(row: Row) -> Peering:
    """Parse a row of DescribeVpcPeeringConnections."""
    return Peering(
        peering_id=text(row, "VpcPeeringConnectionId", _PEERING_ID),
        state=text(member(row, "Status"), "Code", WORD).lower(),
        sides=tuple(_peered_vpc(member(row, side)) for side in ("RequesterVpcInfo", "AccepterVpcInfo")),
    )


def _peered_vpc(row: Row) -> PeeredVpc:
    primary = (network(row, "CidrBlock"),) if row.get("CidrBlock") else ()
    four = (network(block, "CidrBlock") for block in rows(row, "CidrBlockSet"))
    six = (network(block, "Ipv6CidrBlock") for block in rows(row, "Ipv6CidrBlockSet"))
    return PeeredVpc(
        vpc_id=text(row, "VpcId", VPC_ID),
        owner_id=optional_text(row, "OwnerId", _ACCOUNT),
        cidrs=tuple(dict.fromkeys((*primary, *four, *six))),
    )


def transit_attachment(row: Row) -> TransitAttachment:
    """Parse a row of DescribeTransitGatewayAttachments."""
    association = member(row, "Association")
    is_associated = optional_text(association, "State", WORD) == "associated"
    return TransitAttachment(
        attachment_id=text(row, "TransitGatewayAttachmentId", _ATTACHMENT_ID),
        gateway_id=text(row, "TransitGatewayId", _GATEWAY_ID),
        kind=text(row, "ResourceType", WORD).lower(),
        resource_id=optional_text(row, "ResourceId", _ATTACHED_ID),
        state=text(row, "State", WORD).lower(),
        owner_id=optional_text(row, "ResourceOwnerId", _ACCOUNT),
        table_id=optional_text(association, "TransitGatewayRouteTableId", TRANSIT_TABLE_ID) if is_associated else None,
    )


def in_subnets(row: Row) -> tuple[str, tuple[str, ...], bool, bool]:
    """Parse a row of DescribeTransitGatewayVpcAttachments: the attachment's id, its subnets, whether IPv6 passes, and
    whether it is in appliance mode."""
    options = member(row, "Options")
    return (
        text(row, "TransitGatewayAttachmentId", _ATTACHMENT_ID),
        texts(row, "SubnetIds", _SUBNET_ID),
        optional_text(options, "Ipv6Support", WORD) == "enable",
        optional_text(options, "ApplianceModeSupport", WORD) == "enable",
    )


def transit_route(row: Row) -> TransitRoute:
    """Parse a row of SearchTransitGatewayRoutes."""
    attachments = rows(row, "TransitGatewayAttachments")
    kinds = [optional_text(attachment, "ResourceType", WORD) for attachment in attachments]
    resources = (optional_text(attachment, "ResourceId", _ATTACHED_ID) for attachment in attachments)
    return TransitRoute(
        destination=network(row, "DestinationCidrBlock"),
        state=text(row, "State", WORD).lower(),
        propagated=text(row, "Type", WORD).lower() != "static",
        attachment_ids=tuple(
            text(attachment, "TransitGatewayAttachmentId", _ATTACHMENT_ID) for attachment in attachments
        ),
        kind=(kinds[0] or "").lower() or None if kinds else None,
        resource_ids=tuple(resource for resource in resources if resource is not None),
    )


def resolver_rule(row: Row) -> ResolverRule:
    """Parse a row of ListResolverRules."""
    targets = tuple(_address(target, "Ip" if target.get("Ip") else "Ipv6") for target in rows(row, "TargetIps"))
    return ResolverRule(
        rule_id=text(row, "Id", RESOLVER_ID),
        name=_prose(row, "Name"),
        domain=domain_name(text(row, "DomainName", NAME)),
        kind=text(row, "RuleType", WORD),
        targets=targets,
        owner_id=_prose(row, "OwnerId"),  # for AWS' own rules it is a name
    )


def private_zone(row: Row) -> PrivateZone:
    """Parse a row of ListHostedZonesByVPC."""
    owner = member(row, "Owner")
    service = optional_text(owner, "OwningService", _SERVICE)
    zone = _ZONE_ID.fullmatch(text(row, "HostedZoneId", _ZONE_ID))
    return PrivateZone(
        zone_id=zone[1] if zone is not None else "",
        name=domain_name(text(row, "Name", NAME)),
        owner=service or optional_text(owner, "OwningAccount", _ACCOUNT),
        of_service=service is not None,
    )


def hosted_zone(row: Row, owner: str | None) -> PrivateZone:
    """Parse the zone in an answer of GetHostedZone. The answer does not contain the owner."""
    zone = _ZONE_ID.fullmatch(text(row, "Id", _ZONE_ID))
    service = optional_text(member(row, "LinkedService"), "ServicePrincipal", _SERVICE)
    return PrivateZone(
        zone_id=zone[1] if zone is not None else "",
        name=domain_name(text(row, "Name", NAME)),
        owner=service or owner,
        of_service=service is not None,
    )


def profile_resource(row: Row) -> ProfileResource | None:
    """Parse a row of ListProfileResourceAssociations; None for a resource that does not concern names."""
    arn = _RESOURCE_ARN.fullmatch(text(row, "ResourceArn", _RESOURCE_ARN))
    account, kind, resource_id = arn.groups() if arn is not None else (None, "", "")
    if kind not in _RESOURCE_IDS:
        return None
    if not _RESOURCE_IDS[kind].fullmatch(resource_id):
        raise _misplaced("ResourceArn", _RESOURCE_ARN)
    properties = row.get("ResourceProperties")
    priority = _PRIORITY.search(properties[:MAX_TEXT_CHARACTERS]) if isinstance(properties, str) else None
    return ProfileResource(
        profile_id=text(row, "ProfileId", PROFILE_ID),
        kind=kind,
        resource_id=resource_id,
        owner_id=account or optional_text(row, "OwnerId", _ACCOUNT),
        priority=None if priority is None else int(priority[1]),
    )


def firewall_rule(
    row: Row, priority: tuple[int, ...], group_id: str, lists: Mapping[str, tuple[str, ...] | None]
) -> FirewallRule:
    """Parse a row of ListFirewallRules. `lists` has the domains of every list; None for a list that AWS does not
    show."""
    list_id = optional_text(row, "FirewallDomainListId", RESOLVER_ID)
    override = optional_text(row, "BlockOverrideDomain", NAME)
    return FirewallRule(
        group_id=group_id,
        domain_list_id=list_id,
        action=text(row, "Action", WORD),
        block_response=optional_text(row, "BlockResponse", WORD),
        override=None if override is None else domain_name(override),
        priority=priority,
        query_type=optional_text(row, "Qtype", _QUERY_TYPE),
        domains=None if list_id is None else lists[list_id],
    )


# --- Members ---------------------------------------------------------------------------------------------------------


def _misplaced(name: str, pattern: re.Pattern[str] | None = None) -> ProbeError:
    kind = ForeignIdError if pattern in _ID_FORMS else ProbeError
    return kind(FailureKind.MALFORMED, f"the value of {name} does not belong there")


def kept(rows: Iterable[Row], form: Callable[[Row], R]) -> tuple[tuple[R, ...], int]:
    """Return the rows in `form`, and the number of rows that were left out because an id in them has an unknown
    form."""
    resources = []
    dropped = 0
    for row in rows:
        try:
            resources.append(form(row))
        except ForeignIdError:
            dropped += 1
    return tuple(resources), dropped


def optional_text(row: Row, name: str, pattern: re.Pattern[str]) -> str | None:
    """Return a text that matches a grammar; None if the member is missing or empty."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _misplaced(name)
    if not pattern.fullmatch(value):
        raise _misplaced(name, pattern)
    return value


def text(row: Row, name: str, pattern: re.Pattern[str]) -> str:
    """Return a required text that matches a grammar."""
    value = optional_text(row, name, pattern)
    if value is None:
        raise ProbeError(FailureKind.MALFORMED, f"an answer without {name}")
    return value


def _lowered(row: Row, name: str) -> str | None:
    value = optional_text(row, name, WORD)
    return None if value is None else value.lower()


def _prose(row: Row, name: str) -> str | None:
    """Return the start of a free text, on one line; None if the member is missing or empty."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise _misplaced(name)
    return " ".join((value or "").split())[:MAX_TEXT_CHARACTERS] or None


def domain_name(name: str) -> str:
    """Return a domain name in lower case without final dots, with its wildcards."""
    return name.replace(r"\052", "*").lower().rstrip(".")


def texts(
    row: Row,
    name: str,
    pattern: re.Pattern[str],
    form: Callable[[str], str] = str,
    *,
    needed: bool = False,
) -> tuple[str, ...]:
    """Return a list of texts that all match a grammar, in `form`; empty if the member is missing and not `needed`."""
    values = row.get(name)
    if not isinstance(values, list):
        if values is None and not needed:
            return ()
        raise _misplaced(name)
    if not all(isinstance(value, str) for value in values):
        raise _misplaced(name)
    if not all(map(pattern.fullmatch, values)):
        raise _misplaced(name, pattern)
    return tuple(form(value) for value in values)


def rows(row: Row, name: str, *, needed: bool = False) -> list[Row]:
    """Return a list of structures; empty if the member is missing and not `needed`."""
    values = row.get(name)
    if values is None and not needed:
        return []
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        raise _misplaced(name)
    return values


def member(row: Row, name: str) -> Row:
    """Return a structure; empty if the member is missing."""
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _misplaced(name)
    return value


def flag(row: Row, name: str) -> bool:
    """Return a required boolean."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise _misplaced(name)
    return value


def number(row: Row, name: str) -> int:
    """Return a required integer."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misplaced(name)
    return value


def _port(row: Row, name: str) -> int | None:
    """Return a port. None for all ports, for which EC2 leaves out the member or sends -1."""
    value = number(row, name) if row.get(name) is not None else -1
    if not -1 <= value <= 65_535:
        raise _misplaced(name)
    return None if value == -1 else value


def _address(row: Row, name: str) -> Address:
    try:
        return ip_address(text(row, name, _ADDRESS))
    except ValueError as error:
        raise _misplaced(name) from error


def network(row: Row, name: str) -> Network:
    """Return a required CIDR block."""
    try:
        return ip_network(text(row, name, _ADDRESS))
    except ValueError as error:
        raise _misplaced(name) from error


def _block(row: Row, four: str, six: str) -> Network:
    """Return the block of the IP version that the answer has."""
    return network(row, four if row.get(four) else six)
