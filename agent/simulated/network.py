"""The network of a simulated world: a small VPC, as the part `[ec2]` of a scenario changes it.

The healthy network has three subnets in three zones, one main route table, the default network ACL, the host with its
groups, and the endpoints of the scenario, which have their own group. A row of `[ec2]` replaces the row with the same
id, or is added.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final, TypeVar

from agent.catalog.partitions import partition_of
from agent.catalog.services import (
    SERVICES,
    checkable,
    gateway_service_name_of,
    host_of,
    private_link_labels,
    service_name_of,
    service_names_of,
)
from agent.settings import Ec2Facts
from agent.simulated.aws import PRINCIPAL
from agent.simulated.scenario import Ec2Part, EndpointPart, GatewayEndpointPart, ProfilePart, Scenario
from probes.model import Address, Failed, Failure, FailureKind, Observation, Ok, Outcome, Skipped, Step, Subject
from probes.ports import HTTPS
from probes.vpc.model import (
    ANY_PROTOCOL,
    AVAILABLE,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    FIREWALL_RULE_GROUP,
    HOSTED_ZONE,
    INTERFACE,
    INTERFACES,
    NETWORK_ACLS,
    OWN_INTERFACES,
    PEERINGS,
    PREFIX_LISTS,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    RESOLVER_RULE,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    TRANSIT,
    VPC,
    VPC_DNS,
    VPC_ENDPOINT,
    WHOLE_READS,
    AclEntry,
    Configuration,
    DhcpOptionsFacts,
    DnsFirewallFacts,
    EndpointService,
    EndpointServicesFacts,
    EndpointsFacts,
    GatewayEndpoint,
    GroupRule,
    InterfacesFacts,
    Network,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    PeeringsFacts,
    PrefixList,
    PrefixListsFacts,
    PrivateZone,
    PrivateZonesFacts,
    ProfileResource,
    ProfileResourcesFacts,
    ProfilesFacts,
    ResolverRule,
    ResolverRulesFacts,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    Subnet,
    SubnetsFacts,
    Tag,
    TransitFacts,
    Vpc,
    VpcDnsFacts,
    VpcEndpoint,
    VpcFacts,
)

T = TypeVar("T")

TABLE_ID: Final = "rtb-0a1b2c3d4e5f67890"
ACL_ID: Final = "acl-0a1b2c3d4e5f67890"
DHCP_OPTIONS_ID: Final = "dopt-0a1b2c3d4e5f67890"
ENDPOINT_GROUP_ID: Final = "sg-0e1b2c3d4e5f67890"
"""The group that allows port 443 from the VPC, and nothing else."""
GATEWAY_GROUP_ID: Final = "sg-0f1b2c3d4e5f67890"
"""The group that allows, from the VPC, all ports of services with an appliance."""
SERVICE_OWNER: Final = "vpce.amazonaws.com"
"""The owner of the zone that private DNS attaches to a VPC. It is not certain that this is the owner, so no finding may
depend on it."""
INTERNET_RESOLVER: Final = ResolverRule(
    rule_id="rslvr-autodefined-rr-internet-resolver",
    name="Internet Resolver",
    domain="",
    kind="RECURSIVE",
    targets=(),
    owner_id="Route 53 Resolver",
)
"""The rule that every VPC has from Resolver, for names that no other rule matches (Route 53 Developer Guide, Using
rules to specify how to handle DNS queries)."""
POLICY: Final = (
    '{\n  "Statement": [\n    {\n      "Action": "*", \n      "Effect": "Allow", \n      "Principal": "*", \n'
    '      "Resource": "*"\n    }\n  ]\n}'
)
"""The default endpoint policy (AWS PrivateLink Guide, Control access to VPC endpoints using endpoint policies)."""
_BLOCKS: Final = tuple(ip_network(f"10.0.{number}.0/24") for number in (1, 2, 3))
_SUBNET_IDS: Final = ("subnet-0a1b2c3d4e5f67890", "subnet-0b1b2c3d4e5f67890", "subnet-0c1b2c3d4e5f67890")
_ANOTHER_SUBNET_ID: Final = "subnet-0d1b2c3d4e5f67890"
"""The host's subnet, if the host is in none of `_BLOCKS`."""
_READ_SECONDS: Final = 0.02
"""The duration of a read whose answer is in a file."""
_EVERYWHERE: Final[dict[int, Network]] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


def region_of(scenario: Scenario) -> str:
    """The Region of a scenario's network. It is the Region of the instance, even if the calls go to another Region."""
    return scenario.metadata.region


# --- The network -----------------------------------------------------------------------------------------------------


def configuration_of(scenario: Scenario) -> Configuration:
    """The network of a scenario, regardless of who may read it. Raises ValueError if the scenario names something that
    does not exist."""
    part = part_of(scenario)
    subnets = _merged(_subnets(scenario), part.subnets, lambda subnet: subnet.subnet_id)
    placed = tuple(_endpoint(scenario, endpoint, subnets) for endpoint in part.endpoints)
    interfaces = _merged(
        (*_own_interfaces(scenario), *(interface for _, of_endpoint in placed for interface in of_endpoint)),
        part.interfaces,
        lambda interface: interface.interface_id,
    )
    account, instance_id = scenario.metadata.account_id, scenario.metadata.instance_id
    own = tuple(
        replace(interface, instance_id=instance_id, owner_id=account)
        for interface in interfaces
        if interface.kind != "vpc_endpoint"
    )
    others = tuple(replace(interface, owner_id=account) for interface in interfaces if interface.kind == "vpc_endpoint")
    endpoints = tuple(endpoint for endpoint, _ in placed)
    named = (group for holder in (own, endpoints) for item in holder for group in item.group_ids)
    return Configuration(
        endpoints=endpoints,
        endpoint_services=(*private_link_labels(checkable()), *private_link_labels(checkable(), is_global=True)),
        gateway_endpoints=tuple(_gateway_endpoint(scenario, gateway) for gateway in part.gateways),
        offered=EndpointServicesFacts(services=tuple(_offered(scenario)), asked=private_link_labels(SERVICES)),
        own_interfaces=own,
        endpoint_interfaces=others,
        vpc=Vpc(
            vpc_id=scenario.metadata.vpc_id,
            owner_id=part.owner_id or scenario.metadata.account_id,
            cidrs=scenario.metadata.vpc_cidrs,
            dhcp_options_id=DHCP_OPTIONS_ID,
        ),
        dns=VpcDnsFacts(support=part.dns_support, hostnames=part.dns_hostnames),
        dhcp_options=DhcpOptionsFacts(options_id=DHCP_OPTIONS_ID, name_servers=part.name_servers),
        subnets=subnets,
        route_tables=tuple(
            _with_gateways(table, part.gateways)
            for table in _merged((_main_table(scenario),), part.route_tables, lambda table: table.table_id)
        ),
        acls=_merged((_default_acl(scenario, subnets, part.acls),), part.acls, lambda acl: acl.acl_id),
        groups=tuple(map(_numbered, _groups(scenario, dict.fromkeys(named), part.groups))),
        prefix_lists=_merged(
            (PrefixList(prefix_list_id=gateway.prefix_list_id, cidrs=gateway.prefixes) for gateway in part.gateways),
            part.prefix_lists,
            lambda prefix_list: prefix_list.prefix_list_id,
        ),
        peerings=part.peerings,
        transit=TransitFacts(
            attachments=part.transit_attachments, tables=part.transit_tables, unread=part.transit_unreadable
        ),
        resolver_rules=_merged(
            (INTERNET_RESOLVER,),
            (replace(rule, owner_id=rule.owner_id or scenario.metadata.account_id) for rule in part.resolver_rules),
            lambda rule: rule.rule_id,
        ),
        zones=_merged(_hidden_zones(scenario), part.zones, lambda zone: zone.zone_id),
        firewall=tuple(sorted((rule.rule() for rule in part.firewall), key=lambda rule: rule.priority)),
        profiles=ProfilesFacts(
            profile_ids=tuple(profile.id for profile in profiles_of(scenario)),
            resources=tuple(brought for profile in profiles_of(scenario) for brought in _resources(scenario, profile)),
        ),
        brought=_brought(scenario),
    )


def profiles_of(scenario: Scenario) -> tuple[ProfilePart, ...]:
    """The Profiles of the VPC, in the order in which Resolver applies them."""
    return tuple(sorted(part_of(scenario).profiles, key=lambda profile: (profile.priority or 100, profile.id)))


def _resources(scenario: Scenario, profile: ProfilePart) -> Iterable[ProfileResource]:
    own = {endpoint.id for endpoint in part_of(scenario).endpoints}
    priorities = {rule.group_id: rule.priority[0] for rule in profile.firewall}
    for kind, ids in (
        (HOSTED_ZONE, [zone.zone_id for zone in profile.zones]),
        (RESOLVER_RULE, [rule.rule_id for rule in profile.resolver_rules]),
        (FIREWALL_RULE_GROUP, list(priorities)),
        (VPC_ENDPOINT, profile.endpoints),
    ):
        for resource_id in ids:
            yield ProfileResource(
                profile_id=profile.id,
                kind=kind,
                resource_id=resource_id,
                owner_id=scenario.metadata.account_id if resource_id in own else profile.owner_id,
                priority=priorities.get(resource_id),
            )


def _brought(scenario: Scenario) -> ProfileResourcesFacts:
    """The resources of the Profiles that this account may read."""
    readable = [profile for profile in profiles_of(scenario) if profile.readable]
    return ProfileResourcesFacts(
        zones=tuple(replace(zone, owner=profile.owner_id) for profile in readable for zone in profile.zones),
        rules=tuple(
            replace(rule, owner_id=rule.owner_id or profile.owner_id)
            for profile in readable
            for rule in profile.resolver_rules
        ),
        firewall=tuple(
            rule
            for profile in readable
            for rule in sorted((part.rule() for part in profile.firewall), key=lambda rule: rule.priority)
        ),
        unread=tuple(
            resource.resource_id
            for profile in profiles_of(scenario)
            for resource in _resources(scenario, profile)
            if not profile.readable and resource.kind != VPC_ENDPOINT
        ),
    )


def part_of(scenario: Scenario) -> Ec2Part:
    """The network part of a scenario. Raises ValueError if it has none."""
    if scenario.ec2 is None:
        raise ValueError(f"{scenario.name} has no [ec2]")
    return scenario.ec2


def _merged(healthy: Iterable[T], rows: Iterable[T], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    """The healthy rows: a given row replaces the healthy row with the same key, or is appended."""
    return tuple({key(row): row for row in (*healthy, *rows)}.values())


def _subnets(scenario: Scenario) -> Iterable[Subnet]:
    """The host's own subnet, then a subnet for each other of the three blocks that lies in the VPC."""
    metadata = scenario.metadata
    owner = part_of(scenario).owner_id or metadata.account_id
    wide = [block for block in metadata.vpc_cidrs if block.version == 6]
    six = [address.network for address in scenario.host.addresses if any(address.ip in block for block in wide)]
    yield Subnet(
        subnet_id=metadata.subnet_id,
        vpc_id=metadata.vpc_id,
        cidrs=(metadata.subnet_cidr, *six),
        availability_zone=metadata.availability_zone,
        availability_zone_id=metadata.availability_zone_id,
        owner_id=owner,
    )
    for number, block in enumerate(_BLOCKS):
        if block == metadata.subnet_cidr or not any(block.network_address in cidr for cidr in metadata.vpc_cidrs):
            continue
        taken = _SUBNET_IDS[number] == metadata.subnet_id
        ipv6_blocks = [ip_network((int(network.network_address) + (number << 64), 64)) for network in six]
        yield Subnet(
            subnet_id=_ANOTHER_SUBNET_ID if taken else _SUBNET_IDS[number],
            vpc_id=metadata.vpc_id,
            cidrs=(block, *ipv6_blocks),
            availability_zone=f"{metadata.availability_zone[:-1]}{'abc'[number]}",
            availability_zone_id=f"{metadata.availability_zone_id[:-1]}{number + 1}",
            owner_id=owner,
        )


def _own_interfaces(scenario: Scenario) -> Iterable[NetworkInterface]:
    if scenario.host.ec2:
        yield NetworkInterface(
            interface_id=scenario.metadata.interface_id,
            vpc_id=scenario.metadata.vpc_id,
            subnet_id=scenario.metadata.subnet_id,
            addresses=scenario.primary_addresses,
            group_ids=scenario.metadata.security_group_ids,
            kind="interface",
            status="in-use",
            availability_zone=scenario.metadata.availability_zone,
        )


def _endpoint(
    scenario: Scenario, part: EndpointPart, subnets: tuple[Subnet, ...]
) -> tuple[VpcEndpoint, tuple[NetworkInterface, ...]]:
    """An endpoint, and its interfaces: one in each subnet."""
    region = region_of(scenario)
    vpc_id = part.vpc_id or scenario.metadata.vpc_id
    service_name = service_name_of(part.service, region)
    if part.service not in SERVICES or service_name is None:
        raise ValueError(f"{part.service} has no endpoints in {region}")
    there: dict[str, tuple[Address, ...]] = {}
    for address in part.addresses:
        subnet = next((subnet for subnet in subnets if subnet.vpc_id == vpc_id and _has(subnet.cidrs, address)), None)
        if subnet is None:
            raise ValueError(f"no subnet of {vpc_id} has {address} of {part.id}")
        there[subnet.subnet_id] = (*there.get(subnet.subnet_id, ()), address)
    zones = {subnet.subnet_id: subnet.availability_zone for subnet in subnets}
    interfaces = tuple(
        NetworkInterface(
            interface_id=f"eni-{part.id.removeprefix('vpce-')[:-1]}{number}",
            vpc_id=vpc_id,
            subnet_id=subnet_id,
            addresses=addresses,
            group_ids=part.group_ids,
            kind="vpc_endpoint",
            status="in-use",
            availability_zone=zones[subnet_id],
        )
        for number, (subnet_id, addresses) in enumerate(there.items(), 1)
    )
    label = SERVICES[part.service].private_links[0].label
    domain = f"{label}.{region}.vpce.{partition_of(region).dns_suffix}"
    zonal = (
        f"{part.id}-{part.suffix}-{zone}.{domain}" for subnet_id in there if (zone := zones[subnet_id]) is not None
    )
    private = (_private_name(part.service, region),) if part.private_dns else ()
    family = _family(part.addresses)
    endpoint = VpcEndpoint(
        endpoint_id=part.id,
        tags=(Tag(key="Name", value="backup & restore"),),
        service_name=service_name,
        vpc_id=vpc_id,
        state=part.state,
        private_dns=part.private_dns,
        ip_address_type=family,
        dns_record_type=family,
        dns_names=(f"{part.id}-{part.suffix}.{domain}", *zonal, *private),
        subnet_ids=tuple(there),
        interface_ids=tuple(interface.interface_id for interface in interfaces),
        group_ids=part.group_ids,
        policy=POLICY if part.policy is None else part.policy,
        owner_id=scenario.metadata.account_id,
        error_code=part.error_code,
        error_message=part.error_message,
    )
    return endpoint, interfaces


def _gateway_endpoint(scenario: Scenario, part: GatewayEndpointPart) -> GatewayEndpoint:
    service_name = gateway_service_name_of(part.service, region_of(scenario))
    if service_name is None:
        raise ValueError(f"{part.service} has no gateway endpoints")
    return GatewayEndpoint(
        endpoint_id=part.id,
        service_name=service_name,
        vpc_id=part.vpc_id or scenario.metadata.vpc_id,
        state=part.state,
        route_table_ids=part.route_table_ids,
        policy=POLICY if part.policy is None else part.policy,
        owner_id=scenario.metadata.account_id,
    )


def _offered(scenario: Scenario) -> Iterable[EndpointService]:
    """The endpoint services that AWS offers in the Region: those of the catalogue that the scenario does not remove.
    Their names are from the scenario if it has them, else from the catalogue."""
    part, region = part_of(scenario), region_of(scenario)
    given = {row.service_name.rpartition(".")[2] for row in part.offered}
    yield from part.offered
    for service in (service for service in SERVICES if service not in part.not_offered):
        ordinary = service_names_of(service, region)
        for name in dict.fromkeys((*ordinary, *service_names_of(service, region, fips=True))):
            if name.rpartition(".")[2] not in given and f".{region}." in name:
                yield EndpointService(
                    service_name=name,
                    kinds=(INTERFACE,),
                    availability_zones=tuple(f"{region}{letter}" for letter in "abc"),
                    private_names=(host_of(service, region, fips=name not in ordinary, dual_stack=False),),
                    ip_address_types=("ipv4", "ipv6"),
                )
        if (gateway := gateway_service_name_of(service, region)) is not None:
            yield EndpointService(service_name=gateway, kinds=("Gateway",))


def _with_gateways(table: RouteTable, gateways: Iterable[GatewayEndpointPart]) -> RouteTable:
    """The table with the routes that gateway endpoints add to it."""
    routes = (
        Route(prefix_list_id=gateway.prefix_list_id, target=gateway.id)
        for gateway in gateways
        if table.table_id in gateway.route_table_ids
    )
    return replace(table, routes=(*table.routes, *routes))


def _has(cidrs: Iterable[Network], address: Address) -> bool:
    return any(address in cidr for cidr in cidrs)


def _family(addresses: Iterable[Address]) -> str:
    return {frozenset({6}): "ipv6", frozenset({4, 6}): "dualstack"}.get(
        frozenset(address.version for address in addresses), "ipv4"
    )


def _private_name(service: str, region: str) -> str:
    return host_of(service, region, fips=False, dual_stack=False)


def _main_table(scenario: Scenario) -> RouteTable:
    return RouteTable(
        table_id=TABLE_ID,
        vpc_id=scenario.metadata.vpc_id,
        main=True,
        subnet_ids=(),
        routes=tuple(Route(destination=block) for block in scenario.metadata.vpc_cidrs),
    )


def _default_acl(scenario: Scenario, subnets: Iterable[Subnet], rows: Iterable[NetworkAcl]) -> NetworkAcl:
    """The default ACL of a VPC, for all subnets that have no other ACL. An entry for IPv6 has the number after that of
    the entry for IPv4 (Amazon VPC User Guide, Default network ACL)."""
    elsewhere = {subnet_id for acl in rows for subnet_id in acl.subnet_ids}
    families = sorted({block.version for block in scenario.metadata.vpc_cidrs})
    return NetworkAcl(
        acl_id=ACL_ID,
        vpc_id=scenario.metadata.vpc_id,
        default=True,
        subnet_ids=tuple(
            subnet.subnet_id
            for subnet in subnets
            if subnet.vpc_id == scenario.metadata.vpc_id and subnet.subnet_id not in elsewhere
        ),
        entries=tuple(
            AclEntry(number=number + (family == 6), egress=egress, allow=allow, cidr=_EVERYWHERE[family])
            for egress in (True, False)
            for family in families
            for number, allow in ((100, True), (32767, False))
        ),
    )


def _groups(scenario: Scenario, named: Iterable[str], rows: Iterable[SecurityGroup]) -> tuple[SecurityGroup, ...]:
    """The groups that interfaces and endpoints use, and those of the scenario."""
    given = {group.group_id: group for group in rows}
    healthy = []
    for group_id in named:
        if group_id in given:
            healthy.append(given[group_id])
            continue
        if group_id not in (*scenario.metadata.security_group_ids, ENDPOINT_GROUP_ID, GATEWAY_GROUP_ID):
            raise ValueError(f"the scenario does not define {group_id}")
        healthy.append(SecurityGroup(group_id=group_id, rules=tuple(_healthy_rules(scenario, group_id))))
    return _merged(healthy, given.values(), lambda group: group.group_id)


def _healthy_rules(scenario: Scenario, group_id: str) -> Iterable[GroupRule]:
    blocks = scenario.metadata.vpc_cidrs
    for family in sorted({block.version for block in blocks}):
        yield GroupRule(egress=True, protocol=ANY_PROTOCOL, cidr=_EVERYWHERE[family])
    of_appliances = [port.number for service in SERVICES.values() if service.has_appliance for port in service.ports]
    ports = {ENDPOINT_GROUP_ID: [HTTPS], GATEWAY_GROUP_ID: of_appliances}
    for port in ports.get(group_id, ()):
        for block in blocks:
            yield GroupRule(from_port=port, to_port=port, cidr=block)


def _numbered(group: SecurityGroup) -> SecurityGroup:
    """The group, in which each rule has an id, as in EC2's answers."""
    rules = (
        replace(rule, rule_id=rule.rule_id or f"sgr-0{hexadecimal(f'{group.group_id} {place}', 16)}")
        for place, rule in enumerate(group.rules)
    )
    return replace(group, rules=tuple(rules))


def _hidden_zones(scenario: Scenario) -> Iterable[PrivateZone]:
    """The zones of private DNS. It is not known whether the real ListHostedZonesByVPC shows them."""
    region, own = region_of(scenario), scenario.metadata.vpc_id
    for part in part_of(scenario).endpoints:
        if part.private_dns and part.state == AVAILABLE and part.vpc_id in (None, own):
            name = _private_name(part.service, region)
            yield PrivateZone(zone_id=zone_id_of(name), name=name, owner=SERVICE_OWNER, of_service=True)


def zone_id_of(name: str) -> str:
    """The id of the hosted zone of a name."""
    return f"Z0{hexadecimal(name, 18).upper()}"


def hexadecimal(text: str, length: int) -> str:
    """Digits for an id, determined by the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


# --- As a facts file --------------------------------------------------------------------------------------------------


def facts_of(scenario: Scenario, now: datetime) -> Ec2Facts:
    """The facts file that `backuplink facts` would have written for the scenario's network, `days_old` before `now`. If
    the scenario's file is about another VPC, that VPC is equal apart from its id."""
    part = part_of(scenario)
    if part.file_of is not None:
        scenario = replace(scenario, metadata=replace(scenario.metadata, vpc_id=part.file_of))
    taken_at = now - timedelta(days=part.days_old)
    configuration = configuration_of(scenario)
    facts = {
        ENDPOINTS: EndpointsFacts(
            endpoints=configuration.endpoints or (),
            asked=configuration.endpoint_services or (),
            gateways=configuration.gateway_endpoints,
        ),
        ENDPOINT_SERVICES: configuration.offered,
        ENDPOINT_INTERFACES: InterfacesFacts(interfaces=configuration.endpoint_interfaces or ()),
        VPC: None if configuration.vpc is None else VpcFacts(vpc=configuration.vpc),
        VPC_DNS: configuration.dns,
        DHCP_OPTIONS: configuration.dhcp_options,
        SUBNETS: SubnetsFacts(subnets=configuration.subnets or ()),
        ROUTE_TABLES: RouteTablesFacts(tables=configuration.route_tables or ()),
        NETWORK_ACLS: NetworkAclsFacts(acls=configuration.acls or ()),
        SECURITY_GROUPS: SecurityGroupsFacts(groups=configuration.groups or ()),
        PREFIX_LISTS: PrefixListsFacts(lists=configuration.prefix_lists or ()),
        PEERINGS: PeeringsFacts(peerings=configuration.peerings or ()),
        TRANSIT: configuration.transit,
        RESOLVER_RULES: ResolverRulesFacts(rules=configuration.resolver_rules or ()),
        PRIVATE_ZONES: PrivateZonesFacts(zones=configuration.zones or ()),
        DNS_FIREWALL: DnsFirewallFacts(rules=configuration.firewall or ()),
        PROFILES: configuration.profiles,
        PROFILE_RESOURCES: configuration.brought,
        INTERFACES: InterfacesFacts(
            interfaces=tuple(
                interface
                for interface in (*(configuration.own_interfaces or ()), *(configuration.endpoint_interfaces or ()))
                if interface.vpc_id == scenario.metadata.vpc_id
            )
        ),
    }
    outcomes = {
        OWN_INTERFACES: Skipped("a file for all hosts of a VPC does not have the interfaces of a single host"),
        **{operation: _outcome(part, operation, value) for operation, value in facts.items()},
    }
    return Ec2Facts(
        region=region_of(scenario),
        vpc_id=scenario.metadata.vpc_id,
        taken_at=taken_at,
        observations=tuple(
            Observation(
                subject=Subject(step=Step.EC2, operation=operation),
                outcome=outcomes[operation],
                started_at=None if operation == OWN_INTERFACES else taken_at,
                seconds=None if operation == OWN_INTERFACES else _READ_SECONDS,
            )
            for operation in WHOLE_READS
        ),
    )


def _outcome(part: Ec2Part, operation: str, facts: object) -> Outcome[Any]:
    actions = WHOLE_READS[operation].actions
    if not actions_of(part.denied).isdisjoint(actions):
        code, message = denial_of(*actions[0].split(":"))
        return Failed(Failure(kind=FailureKind.NOT_PERMITTED, message=message, code=code), None)
    if not actions_of(part.silent).isdisjoint(actions):
        return Failed(Failure(kind=FailureKind.TIMEOUT, message="no answer", code=None), None)
    return Ok(facts)


def actions_of(reads: Iterable[str]) -> frozenset[str]:
    """The actions that these reads need, by their names in IAM."""
    return frozenset(action for read in reads for action in WHOLE_READS[read].actions)


def denial_of(service: str, operation: str) -> tuple[str, str]:
    """The code and the message with which a service denies an action (EC2 API Reference, Error codes; Route 53 Resolver
    API Reference and Route 53 API Reference, Common errors)."""
    who = f"User: {PRINCIPAL} is not authorized to perform: {service}:{operation}"
    why = f"because no identity-based policy allows the {service}:{operation} action"
    match service:
        case "ec2":
            return "UnauthorizedOperation", f"You are not authorized to perform this operation. {who} {why}."
        case "route53":
            return "AccessDenied", f"{who} {why}"
    return "AccessDeniedException", f"{who} on resource: * {why}"
