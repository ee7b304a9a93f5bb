"""The configuration of a network from EC2, Route 53, its Resolver and its Profiles: one frozen class for each kind of
resource, and one for each read.

Field names follow the EC2 API. If an answer leaves a value out, the field is None; its docstring says whether this
means unknown or not set. `Configuration` has everything that a run read. A part that was not read, or could not be
read, is None and not an empty list.
"""

from __future__ import annotations  # evaluated on use and not at start-up, which saves 4 ms

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Final, TypeVar

from probes.frozen import dataclass
from probes.masks import (
    AddressType,
    AttachmentKind,
    AttachmentState,
    AvailabilityZone,
    AvailabilityZoneId,
    BlockResponse,
    EndpointErrorCode,
    EndpointState,
    FirewallAction,
    InterfaceKind,
    InterfaceStatus,
    ManagingTool,
    Mask,
    Owner,
    PeeringState,
    ProfileResourceId,
    ProfileResourceKind,
    Protocol,
    RecordType,
    ResolverId,
    ResourceId,
    RouteState,
    RouteTarget,
    RuleKind,
    ServiceLabel,
    ServiceName,
    ZoneId,
)
from probes.model import Address

F = TypeVar("F")
Network = IPv4Network | IPv6Network

AVAILABLE: Final = "available"
"""The state of a working endpoint."""
PENDING: Final = "pending"
"""The state of an endpoint that is being made or changed. An endpoint has it again whenever somebody modifies it (AWS
PrivateLink Guide, Endpoint states)."""
DELETED: Final = "deleted"
"""The state of a deleted endpoint, which is still listed for a while. Rejected and failed endpoints, in contrast, still
exist."""
MAX_POLICY_CHARACTERS: Final = 20_480
"""Maximum length of an endpoint policy, including white space (AWS PrivateLink Guide, Quotas)."""
INTERFACE: Final = "Interface"
"""The kind of an endpoint service for interface endpoints."""
AMAZON_DNS: Final = "AmazonProvidedDNS"
"""The name of the VPC's own resolver in DHCP options."""
ANY_PROTOCOL: Final = "-1"


# --- Resources -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag of a resource (EC2 API, Tag)."""

    key: Annotated[str, Mask("text")]
    value: Annotated[str, Mask("text")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """The tool that manages a resource, from the tags of the resource. Such a tool undoes changes that others make."""

    tool: ManagingTool
    stack: Annotated[str, Mask("stack")] | None = None
    """The name of the CloudFormation stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """An interface endpoint (EC2 API, Endpoint)."""

    endpoint_id: ResourceId
    service_name: ServiceName
    vpc_id: ResourceId
    state: EndpointState
    """The state in lower case. The API answers in camel case, and its documentation uses both."""
    private_dns: bool
    """PrivateDnsEnabled in EC2's answer."""
    ip_address_type: AddressType | None = None
    """`ipv4`, `ipv6` or `dualstack`."""
    dns_record_type: AddressType | None = None
    """DnsOptions.DnsRecordIpType in EC2's answer."""
    dns_names: tuple[Annotated[str, Mask("host")], ...] = ()
    """DnsEntries in their order: the regional name, the zonal names, the private names."""
    subnet_ids: tuple[ResourceId, ...] = ()
    interface_ids: tuple[ResourceId, ...] = ()
    group_ids: tuple[ResourceId, ...] = ()
    policy: Annotated[str, Mask("policy")] | None = None
    """The policy document unchanged, as JSON text."""
    owner_id: Owner | None = None
    error_code: EndpointErrorCode | None = None
    error_message: Annotated[str, Mask("text")] | None = None
    """The message of LastError or, if there is none, FailureReason."""
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointService:
    """An endpoint service of AWS for which endpoints can be made (EC2 API, ServiceDetail)."""

    service_name: ServiceName
    kinds: tuple[InterfaceKind, ...]
    """The values of ServiceType: `Interface`, `Gateway`."""
    availability_zones: tuple[AvailabilityZone, ...] = ()
    """The zones of the service, by their names in this account."""
    private_names: tuple[Annotated[str, Mask("host")], ...] = ()
    """The hosts for which private DNS of an endpoint answers; `*.` at the start stands for all names below the rest."""
    ip_address_types: tuple[AddressType, ...] = ()
    """The IP versions that an endpoint can have: `ipv4`, `ipv6`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEndpoint:
    """A gateway endpoint (EC2 API, Endpoint): a route to a service's public addresses in some route tables."""

    endpoint_id: ResourceId
    service_name: ServiceName
    vpc_id: ResourceId
    state: EndpointState
    """The state in lower case, as in `VpcEndpoint`."""
    route_table_ids: tuple[ResourceId, ...] = ()
    """The route tables that have a route to the endpoint."""
    policy: Annotated[str, Mask("policy")] | None = None
    """The policy document unchanged, as JSON text."""
    owner_id: Owner | None = None
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """A network interface (EC2 API, NetworkInterface)."""

    interface_id: ResourceId
    vpc_id: ResourceId
    subnet_id: ResourceId
    addresses: tuple[Address, ...]
    """Private IPv4 and IPv6 addresses; the primary address is first."""
    group_ids: tuple[ResourceId, ...]
    kind: InterfaceKind | None = None
    """InterfaceType: `interface`, `vpc_endpoint`, …"""
    status: InterfaceStatus | None = None
    availability_zone: AvailabilityZone | None = None
    instance_id: ResourceId | None = None
    """The instance to which it is attached."""
    owner_id: Owner | None = None
    """The account that owns the interface. In a shared VPC, participants own their interfaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet (EC2 API, Subnet)."""

    subnet_id: ResourceId
    vpc_id: ResourceId
    cidrs: tuple[Network, ...]
    availability_zone: AvailabilityZone | None = None
    availability_zone_id: AvailabilityZoneId | None = None
    owner_id: Owner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpc:
    """A VPC (EC2 API, Vpc)."""

    vpc_id: ResourceId
    owner_id: Owner | None
    cidrs: tuple[Network, ...]
    dhcp_options_id: ResourceId | None
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route (EC2 API, Route). Exactly one of `destination` and `prefix_list_id` is set."""

    destination: Network | None = None
    prefix_list_id: ResourceId | None = None
    target: RouteTarget = "local"
    """Id of the target: `local`, `igw-…`, `nat-…`, `tgw-…`, `pcx-…`, `eni-…`, `vpce-…`, …"""
    state: RouteState = "active"
    """`active`, `blackhole` or `filtered`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """A route table (EC2 API, RouteTable)."""

    table_id: ResourceId
    vpc_id: ResourceId
    main: bool
    """Whether it applies to all subnets of its VPC that have no explicit table."""
    subnet_ids: tuple[ResourceId, ...]
    routes: tuple[Route, ...]
    manager: Manager | None = None
    """The tool that manages the resource. None if no tag shows one. This applies to all classes of resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AclEntry:
    """An entry of a network ACL (EC2 API, NetworkAclEntry)."""

    number: int
    """The number of the entry. The matching entry with the lowest number decides. The entry `*`, which denies the rest,
    has the number 32767 or, for IPv6, 32768."""
    egress: bool
    allow: bool
    cidr: Network
    protocol: Protocol = ANY_PROTOCOL
    """An IANA number, `6` for TCP; `-1` for all."""
    from_port: int | None = None
    to_port: int | None = None
    """The last port; None if the entry is for all ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAcl:
    """A network ACL (EC2 API, NetworkAcl)."""

    acl_id: ResourceId
    vpc_id: ResourceId
    default: bool
    """Whether it is the VPC's default ACL. In answers, every subnet is associated with an ACL, even if this is the
    default ACL."""
    subnet_ids: tuple[ResourceId, ...]
    entries: tuple[AclEntry, ...]
    manager: Manager | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """A rule of a security group (EC2 API, SecurityGroupRule). Exactly one of `cidr`, `prefix_list_id` and
    `referenced_group_id` is set: it is the allowed source of an inbound rule, or the allowed destination of an outbound
    rule."""

    rule_id: ResourceId | None = None
    egress: bool = False
    protocol: Protocol = "tcp"
    """`tcp`, `udp`, `icmp`, `icmpv6`, or an IANA number; `-1` for all."""
    from_port: int | None = None
    to_port: int | None = None
    """The last port; None if the rule is for all ports."""
    cidr: Network | None = None
    prefix_list_id: ResourceId | None = None
    referenced_group_id: ResourceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup:
    """A security group with its rules."""

    group_id: ResourceId
    rules: tuple[GroupRule, ...]
    default: bool = False
    """Whether it is known to be the default group of its VPC. Only the default group can have the name `default` (EC2
    API, CreateSecurityGroup)."""
    manager: Manager | None = None
    """The manager from the tags of the group or, if these were not read, from the tags of its rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixList:
    """A prefix list with its entries (EC2 API, GetManagedPrefixListEntries)."""

    prefix_list_id: ResourceId
    cidrs: tuple[Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverRule:
    """A rule of Route 53 Resolver that applies to the VPC (Route 53 Resolver API, ResolverRule)."""

    rule_id: ResolverId
    name: Annotated[str, Mask("rule")] | None
    domain: Annotated[str, Mask("domain")]
    """The domain in lower case without its final dot; empty for the root."""
    kind: RuleKind
    """RuleType: `FORWARD` sends queries to other servers, `SYSTEM` excludes a name from a wider rule, `RECURSIVE` is
    AWS' own."""
    targets: tuple[Address, ...]
    owner_id: Owner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateZone:
    """A private hosted zone of the VPC (Route 53 API, HostedZoneSummary)."""

    zone_id: ZoneId
    name: Annotated[str, Mask("domain")]
    """The name in lower case without its final dot."""
    owner: Owner | None
    """The owning account or, for a zone that AWS itself made, the service: `vpce.amazonaws.com`."""
    of_service: bool
    """Whether `owner` is a service of AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """A rule in a group of DNS Firewall rules that is associated with the VPC (Route 53 Resolver API, FirewallRule)."""

    group_id: ResolverId
    domain_list_id: ResolverId | None
    action: FirewallAction
    """`ALLOW`, `BLOCK` or `ALERT`."""
    block_response: BlockResponse | None
    """The response of BLOCK: `NODATA`, `NXDOMAIN` or `OVERRIDE`."""
    override: Annotated[str, Mask("host")] | None
    """The CNAME in the answer of OVERRIDE."""
    priority: tuple[int, ...]
    """The priority of the group's association, and the priority of the rule in the group. Rules with lower numbers are
    evaluated first."""
    query_type: RecordType | None
    """The record type to which the rule applies; None for all types."""
    domains: tuple[Annotated[str, Mask("domain")], ...] | None
    """The domains in lower case without their final dots; `*.` at the start stands for all names below the rest. None
    if the domains were not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeredVpc:
    """One side of a VPC peering connection (EC2 API, VpcPeeringConnectionVpcInfo)."""

    vpc_id: ResourceId
    owner_id: Owner | None = None
    cidrs: tuple[Network, ...] = ()
    """The blocks of the VPC; empty if they are unknown, since an answer has them only for active connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """A VPC peering connection (EC2 API, VpcPeeringConnection)."""

    peering_id: ResourceId
    state: PeeringState
    """The state; `active` for a working connection."""
    sides: tuple[PeeredVpc, ...]
    """The requester and the accepter."""


TRANSIT_VPC: Final = "vpc"
"""The kind of an attachment of a VPC to a transit gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitAttachment:
    """An attachment to a transit gateway (EC2 API, TransitGatewayAttachment and TransitGatewayVpcAttachment)."""

    attachment_id: ResourceId
    gateway_id: ResourceId
    kind: AttachmentKind
    """ResourceType: `vpc`, `vpn`, `peering`, `network-function`, …"""
    resource_id: ResourceId | None
    """The id of the attached VPC or other resource."""
    state: AttachmentState
    """The state in lower case."""
    owner_id: Owner | None = None
    table_id: ResourceId | None = None
    """The transit gateway's route table for packets from this attachment; None if the answer shows no table."""
    subnet_ids: tuple[ResourceId, ...] = ()
    """The subnets that attach the VPC; empty if they were not read, and for attachments of other kinds."""
    ipv6: bool | None = None
    """Whether the attachment lets IPv6 pass; None if that was not read."""
    appliance_mode: bool | None = None
    """Whether appliance mode is on. With it, a connection may use any zone. Without it, a connection stays in the zone
    from which its packets come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitRoute:
    """A route of a transit gateway (EC2 API, TransitGatewayRoute)."""

    destination: Network
    state: RouteState = "active"
    """Either `active` or `blackhole`."""
    propagated: bool = False
    """Whether an attachment propagated this route. A static route to the same destination takes precedence."""
    attachment_ids: tuple[ResourceId, ...] = ()
    kind: AttachmentKind | None = None
    """The kind of the attachments, as in `TransitAttachment`; None if the route has no attachments."""
    resource_ids: tuple[ResourceId, ...] = ()
    """For each attachment, the attached VPC or other resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitTable:
    """A route table of a transit gateway with its routes (EC2 API, SearchTransitGatewayRoutes)."""

    table_id: ResourceId
    routes: tuple[TransitRoute, ...]


HOSTED_ZONE: Final = "hostedzone"
RESOLVER_RULE: Final = "resolver-rule"
FIREWALL_RULE_GROUP: Final = "firewall-rule-group"
VPC_ENDPOINT: Final = "vpc-endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResource:
    """A resource that a Route 53 Profile applies to its VPCs (Route 53 Profiles API, ProfileResourceAssociation)."""

    profile_id: ResourceId
    kind: ProfileResourceKind
    """HOSTED_ZONE, RESOLVER_RULE, FIREWALL_RULE_GROUP or VPC_ENDPOINT, as in ARNs."""
    resource_id: ProfileResourceId
    owner_id: Owner | None = None
    """The account in its ARN. The ARN of a hosted zone has no account. For a zone, this is the account that added it to
    the Profile."""
    priority: int | None = None
    """The priority of a group of DNS Firewall rules among the groups of its Profile."""


# --- Reads -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsFacts:
    """The endpoints of the services, in every VPC of the account and Region."""

    endpoints: tuple[VpcEndpoint, ...]
    dropped: int = 0
    """Number of rows in the answer that were left out, because an id in them does not have the form of its kind."""
    asked: tuple[ServiceLabel, ...]
    """The requested services by the last parts of their PrivateLink names."""
    gateways: tuple[GatewayEndpoint, ...] | None
    """The gateway endpoints of the services that can have gateway endpoints; None if they were not requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointServicesFacts:
    """The endpoint services that AWS offers in the Region for the requested services."""

    services: tuple[EndpointService, ...]
    asked: tuple[ServiceLabel, ...]
    """The requested services by the last parts of their PrivateLink names."""
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfacesFacts:
    """Network interfaces: those of the instance, those of the endpoints, or all interfaces of the VPC."""

    interfaces: tuple[NetworkInterface, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcFacts:
    """The VPC of this host."""

    vpc: Vpc


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcDnsFacts:
    """The DNS attributes of this host's VPC (Amazon VPC User Guide, DNS attributes for your VPC)."""

    support: bool
    """The VPC's attribute enableDnsSupport."""
    hostnames: bool
    """The VPC's attribute enableDnsHostnames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpOptionsFacts:
    """The DHCP options of this host's VPC."""

    options_id: ResourceId
    name_servers: tuple[Annotated[str, Mask("host")], ...]
    """`domain-name-servers`: addresses, or AMAZON_DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetsFacts:
    """The subnets of this host's VPC, and of the VPCs of the endpoints."""

    subnets: tuple[Subnet, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTablesFacts:
    """The route tables of this host's VPC, and of the VPCs of the endpoints."""

    tables: tuple[RouteTable, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAclsFacts:
    """The network ACLs of this host's VPC, and of the VPCs of the endpoints."""

    acls: tuple[NetworkAcl, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupsFacts:
    """The security groups of the host and of the endpoints."""

    groups: tuple[SecurityGroup, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListsFacts:
    """The prefix lists that the security groups and the route tables refer to."""

    lists: tuple[PrefixList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverRulesFacts:
    """The Resolver rules that apply to the VPC."""

    rules: tuple[ResolverRule, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateZonesFacts:
    """The private hosted zones of the VPC."""

    zones: tuple[PrivateZone, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsFirewallFacts:
    """The DNS Firewall rules that apply to the VPC, in the order in which they are evaluated."""

    rules: tuple[FirewallRule, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesFacts:
    """The Route 53 Profiles of the VPC, and their resources."""

    profile_ids: tuple[ResourceId, ...]
    """The Profiles in the order in which Resolver follows them."""
    resources: tuple[ProfileResource, ...]
    """The resources in the same order. Resources that do not concern names, such as configurations of query logs, are
    left out."""
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResourcesFacts:
    """Details of the zones, rules and groups in the VPC's Profiles, in the order of the Profiles."""

    zones: tuple[PrivateZone, ...]
    rules: tuple[ResolverRule, ...]
    firewall: tuple[FirewallRule, ...]
    """The rules in the order in which they are evaluated; `priority` has the priority of the group in its Profile, and
    the priority of the rule."""
    unread: tuple[ProfileResourceId, ...] = ()
    """Resources that could not be read, such as the zones of another account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeringsFacts:
    """The VPC peering connections that are targets of the route tables."""

    peerings: tuple[Peering, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitFacts:
    """The transit gateways that are targets of the route tables, as far as they can be read."""

    attachments: tuple[TransitAttachment, ...]
    """Attachments of the VPCs whose route tables were read."""
    tables: tuple[TransitTable, ...]
    """The transit gateways' route tables for packets from these attachments."""
    unread: tuple[ResourceId, ...] = ()
    """Ids of these tables that could not be read, such as tables of another account."""
    dropped: int = 0


ConfigurationFacts = (
    EndpointsFacts
    | EndpointServicesFacts
    | InterfacesFacts
    | VpcFacts
    | VpcDnsFacts
    | DhcpOptionsFacts
    | SubnetsFacts
    | RouteTablesFacts
    | NetworkAclsFacts
    | SecurityGroupsFacts
    | PrefixListsFacts
    | ResolverRulesFacts
    | PrivateZonesFacts
    | DnsFirewallFacts
    | ProfilesFacts
    | ProfileResourcesFacts
    | PeeringsFacts
    | TransitFacts
)

ENDPOINTS: Final = "endpoints"
ENDPOINT_SERVICES: Final = "endpoint-services"
OWN_INTERFACES: Final = "own-interfaces"
ENDPOINT_INTERFACES: Final = "endpoint-interfaces"
VPC: Final = "vpc"
VPC_DNS: Final = "vpc-dns"
DHCP_OPTIONS: Final = "dhcp-options"
SUBNETS: Final = "subnets"
ROUTE_TABLES: Final = "route-tables"
NETWORK_ACLS: Final = "network-acls"
SECURITY_GROUPS: Final = "security-groups"
PREFIX_LISTS: Final = "prefix-lists"
PEERINGS: Final = "peerings"
TRANSIT: Final = "transit-gateways"
RESOLVER_RULES: Final = "resolver-rules"
PRIVATE_ZONES: Final = "private-zones"
DNS_FIREWALL: Final = "dns-firewall"
PROFILES: Final = "profiles"
PROFILE_RESOURCES: Final = "profile-resources"
INTERFACES: Final = "interfaces"
NAME_READS: Final = (RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL, PROFILES, PROFILE_RESOURCES)
"""The reads that are only about names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read: its name in observations, the IAM actions that it needs, and the form of its result."""

    operation: str
    words: str
    actions: tuple[str, ...]
    facts: type


READS: Final = {
    read.operation: read
    for read in (
        Read(
            operation=ENDPOINTS,
            words="the interface endpoints",
            actions=("ec2:DescribeVpcEndpoints",),
            facts=EndpointsFacts,
        ),
        Read(
            operation=ENDPOINT_SERVICES,
            words="the endpoint services of AWS",
            actions=("ec2:DescribeVpcEndpointServices",),
            facts=EndpointServicesFacts,
        ),
        Read(
            operation=OWN_INTERFACES,
            words="this instance's network interfaces",
            actions=("ec2:DescribeNetworkInterfaces",),
            facts=InterfacesFacts,
        ),
        Read(
            operation=ENDPOINT_INTERFACES,
            words="the endpoints' network interfaces",
            actions=("ec2:DescribeNetworkInterfaces",),
            facts=InterfacesFacts,
        ),
        Read(operation=VPC, words="the VPC", actions=("ec2:DescribeVpcs",), facts=VpcFacts),
        Read(
            operation=VPC_DNS,
            words="the VPC's DNS attributes",
            actions=("ec2:DescribeVpcAttribute",),
            facts=VpcDnsFacts,
        ),
        Read(
            operation=DHCP_OPTIONS,
            words="the DHCP options",
            actions=("ec2:DescribeDhcpOptions",),
            facts=DhcpOptionsFacts,
        ),
        Read(operation=SUBNETS, words="the subnets", actions=("ec2:DescribeSubnets",), facts=SubnetsFacts),
        Read(
            operation=ROUTE_TABLES,
            words="the route tables",
            actions=("ec2:DescribeRouteTables",),
            facts=RouteTablesFacts,
        ),
        Read(
            operation=NETWORK_ACLS,
            words="the network ACLs",
            actions=("ec2:DescribeNetworkAcls",),
            facts=NetworkAclsFacts,
        ),
        Read(
            operation=SECURITY_GROUPS,
            words="the security groups' rules",
            actions=("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"),
            facts=SecurityGroupsFacts,
        ),
        Read(
            operation=PREFIX_LISTS,
            words="the prefix lists",
            actions=("ec2:GetManagedPrefixListEntries",),
            facts=PrefixListsFacts,
        ),
        Read(
            operation=PEERINGS,
            words="the VPC peering connections",
            actions=("ec2:DescribeVpcPeeringConnections",),
            facts=PeeringsFacts,
        ),
        Read(
            operation=TRANSIT,
            words="the transit gateways",
            actions=(
                "ec2:DescribeTransitGatewayAttachments",
                "ec2:DescribeTransitGatewayVpcAttachments",
                "ec2:SearchTransitGatewayRoutes",
            ),
            facts=TransitFacts,
        ),
        Read(
            operation=RESOLVER_RULES,
            words="the Resolver rules",
            actions=("route53resolver:ListResolverRuleAssociations", "route53resolver:ListResolverRules"),
            facts=ResolverRulesFacts,
        ),
        Read(
            operation=PRIVATE_ZONES,
            words="the private hosted zones",
            actions=("route53:ListHostedZonesByVPC",),
            facts=PrivateZonesFacts,
        ),
        Read(
            operation=DNS_FIREWALL,
            words="the DNS Firewall rules",
            actions=(
                "route53resolver:ListFirewallRuleGroupAssociations",
                "route53resolver:ListFirewallRules",
                "route53resolver:ListFirewallDomains",
            ),
            facts=DnsFirewallFacts,
        ),
        Read(
            operation=PROFILES,
            words="the Route 53 Profiles",
            actions=("route53profiles:ListProfileAssociations", "route53profiles:ListProfileResourceAssociations"),
            facts=ProfilesFacts,
        ),
        Read(
            operation=PROFILE_RESOURCES,
            words="what the Route 53 Profiles bring",
            actions=(
                "route53:GetHostedZone",
                "route53resolver:GetResolverRule",
                "route53resolver:ListFirewallRules",
                "route53resolver:ListFirewallDomains",
            ),
            facts=ProfileResourcesFacts,
        ),
    )
}
"""The reads by operation, in an order in which each builds on earlier reads. `probes.vpc.reads` makes the requests."""
WHOLE_READS: Final = {
    **READS,
    INTERFACES: Read(
        operation=INTERFACES,
        words="the VPC's network interfaces",
        actions=("ec2:DescribeNetworkInterfaces",),
        facts=InterfacesFacts,
    ),
}
"""The reads for a facts file. Every host of the VPC can use such a file. A run is about a single host, so it only makes
READS."""


# --- All of it -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The configuration that one run read; a part that it did not read is None."""

    endpoints: tuple[VpcEndpoint, ...] | None = None
    endpoint_services: tuple[str, ...] | None = None
    """The services of the endpoints, by the last parts of their PrivateLink names."""
    offered: EndpointServicesFacts | None = None
    """The services for which endpoints can be made."""
    gateway_endpoints: tuple[GatewayEndpoint, ...] | None = None
    own_interfaces: tuple[NetworkInterface, ...] | None = None
    endpoint_interfaces: tuple[NetworkInterface, ...] | None = None
    interfaces: tuple[NetworkInterface, ...] | None = None
    """All interfaces of the VPC, including those of the endpoints; only in a facts file."""
    vpc: Vpc | None = None
    dns: VpcDnsFacts | None = None
    dhcp_options: DhcpOptionsFacts | None = None
    subnets: tuple[Subnet, ...] | None = None
    route_tables: tuple[RouteTable, ...] | None = None
    acls: tuple[NetworkAcl, ...] | None = None
    groups: tuple[SecurityGroup, ...] | None = None
    prefix_lists: tuple[PrefixList, ...] | None = None
    peerings: tuple[Peering, ...] | None = None
    transit: TransitFacts | None = None
    """The transit gateways, as far as they could be read."""
    resolver_rules: tuple[ResolverRule, ...] | None = None
    zones: tuple[PrivateZone, ...] | None = None
    firewall: tuple[FirewallRule, ...] | None = None
    profiles: ProfilesFacts | None = None
    brought: ProfileResourcesFacts | None = None
    """The resources of the Profiles, as far as they could be read."""


def configuration_of(facts: Mapping[str, ConfigurationFacts]) -> Configuration:
    """Return the configuration from the facts of complete reads, by operation. Raises TypeError if an operation has
    facts of another read."""

    def of(operation: str, form: type[F]) -> F | None:
        known = facts.get(operation)
        if known is None or isinstance(known, form):
            return known
        raise TypeError(f"{type(known).__name__} are not the facts of {operation}")

    endpoints = of(ENDPOINTS, EndpointsFacts)
    own_interfaces = of(OWN_INTERFACES, InterfacesFacts)
    endpoint_interfaces = of(ENDPOINT_INTERFACES, InterfacesFacts)
    interfaces = of(INTERFACES, InterfacesFacts)
    vpc = of(VPC, VpcFacts)
    subnets = of(SUBNETS, SubnetsFacts)
    route_tables = of(ROUTE_TABLES, RouteTablesFacts)
    acls = of(NETWORK_ACLS, NetworkAclsFacts)
    groups = of(SECURITY_GROUPS, SecurityGroupsFacts)
    prefix_lists = of(PREFIX_LISTS, PrefixListsFacts)
    peerings = of(PEERINGS, PeeringsFacts)
    resolver_rules = of(RESOLVER_RULES, ResolverRulesFacts)
    zones = of(PRIVATE_ZONES, PrivateZonesFacts)
    firewall = of(DNS_FIREWALL, DnsFirewallFacts)
    return Configuration(
        endpoints=None if endpoints is None else endpoints.endpoints,
        endpoint_services=None if endpoints is None else endpoints.asked,
        offered=of(ENDPOINT_SERVICES, EndpointServicesFacts),
        gateway_endpoints=None if endpoints is None else endpoints.gateways,
        own_interfaces=None if own_interfaces is None else own_interfaces.interfaces,
        endpoint_interfaces=None if endpoint_interfaces is None else endpoint_interfaces.interfaces,
        interfaces=None if interfaces is None else interfaces.interfaces,
        vpc=None if vpc is None else vpc.vpc,
        dns=of(VPC_DNS, VpcDnsFacts),
        dhcp_options=of(DHCP_OPTIONS, DhcpOptionsFacts),
        subnets=None if subnets is None else subnets.subnets,
        route_tables=None if route_tables is None else route_tables.tables,
        acls=None if acls is None else acls.acls,
        groups=None if groups is None else groups.groups,
        prefix_lists=None if prefix_lists is None else prefix_lists.lists,
        peerings=None if peerings is None else peerings.peerings,
        transit=of(TRANSIT, TransitFacts),
        resolver_rules=None if resolver_rules is None else resolver_rules.rules,
        zones=None if zones is None else zones.zones,
        firewall=None if firewall is None else firewall.rules,
        profiles=of(PROFILES, ProfilesFacts),
        brought=of(PROFILE_RESOURCES, ProfileResourcesFacts),
    )
