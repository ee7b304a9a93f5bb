"""Read this host's network from EC2, Route 53, its Resolver and its Profiles with a limited number of requests.

The reads of `probes.vpc.model.READS` are made in rounds, since later reads request resources whose ids come from
earlier reads. The reads of a round run in parallel, and reads that concern only names do not wait for other reads. Each
read has reserved requests, so that the first reads cannot use up the requests for the last. The other requests go to
the reads that first need them. A read that needs more requests fails: no list is cut silently. If a read is refused,
the reads that depend on it are skipped, and all others are made.

`probes.vpc.parse` turns the answers into classes.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from probes.frozen import dataclass
from probes.model import Address, Draft, Failure, FailureKind, Ok, ProbeError, Step, Subject
from probes.observe import Log
from probes.seams import Reader
from probes.vpc import parse
from probes.vpc.model import (
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    FIREWALL_RULE_GROUP,
    HOSTED_ZONE,
    INTERFACES,
    NETWORK_ACLS,
    OWN_INTERFACES,
    PEERINGS,
    PREFIX_LISTS,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    READS,
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
    Configuration,
    ConfigurationFacts,
    DhcpOptionsFacts,
    DnsFirewallFacts,
    EndpointServicesFacts,
    EndpointsFacts,
    FirewallRule,
    GatewayEndpoint,
    GroupRule,
    InterfacesFacts,
    Manager,
    NetworkAclsFacts,
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
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    SubnetsFacts,
    TransitFacts,
    TransitTable,
    VpcDnsFacts,
    VpcEndpoint,
    VpcFacts,
    configuration_of,
)
from probes.vpc.parse import Row

MAX_REQUESTS: Final = 40
"""Maximum number of requests in a run, including retries, which only the reader counts."""
MAX_WHOLE_REQUESTS: Final = 60
"""Maximum number of requests for a facts file. It may be larger, since no check waits for a facts file."""
MAX_ROWS: Final = 2_000
MAX_INTERFACES: Final = 10_000
"""Maximum number of interfaces of one VPC that are read."""
MAX_RULES: Final = 20_000
"""Maximum number of rules of all security groups together."""
MAX_DOMAINS: Final = 1_000
"""Maximum number of domains of one DNS Firewall list."""
MAX_PREFIX_LISTS: Final = 30
MAX_RULE_GROUPS: Final = 10
"""Maximum number of rule groups of one VPC; the quota is 5 unless somebody requests more (Route 53 Developer Guide,
Quotas)."""
MAX_DOMAIN_LISTS: Final = 30
MAX_JOINED: Final = 20
"""Maximum number of further VPCs whose network is read, in an audit, together with the network of a VPC."""
MAX_AUDIT_ROWS: Final = 200_000
"""Maximum number of rows of one list in an audit. A list is read once for all VPCs of the Region."""
MAX_AUDIT_REQUESTS: Final = 1_000
"""Maximum number of requests for one VPC of an audit. `probes.vpc.account` answers nearly all of them from earlier
reads."""
MAX_TRANSIT_TABLES: Final = 4
MAX_PROFILE_RESOURCES: Final = 10
"""Maximum number of Profile resources whose details are read."""
MAX_FILTER_VALUES: Final = 200
"""Maximum number of values of one filter (Amazon EC2 User Guide, List and filter using the CLI and API)."""

EC2: Final = "ec2"
RESOLVER: Final = "route53resolver"
ROUTE_53: Final = "route53"
ROUTE_53_PROFILES: Final = "route53profiles"

_NAME_ROUNDS: Final = ((RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL, PROFILES), (PROFILE_RESOURCES,))
_ROUNDS: Final = (
    (ENDPOINTS, OWN_INTERFACES, VPC, VPC_DNS),
    (ENDPOINT_INTERFACES, ENDPOINT_SERVICES, SUBNETS, ROUTE_TABLES, NETWORK_ACLS, SECURITY_GROUPS, DHCP_OPTIONS),
    (PREFIX_LISTS, PEERINGS, TRANSIT),
)
_WHOLE_ROUNDS: Final = (*_ROUNDS, (INTERFACES,))
_RESERVED: Final = {
    **dict.fromkeys(READS, 1),
    PEERINGS: 0,
    TRANSIT: 0,
    VPC_DNS: 2,
    RESOLVER_RULES: 2,
    SECURITY_GROUPS: 2,
    PREFIX_LISTS: 3,
    DNS_FIREWALL: 3,
    PROFILES: 2,
    PROFILE_RESOURCES: 4,
}
"""Requests that are reserved for each read. Together with the requests that are not reserved, they are enough for 200
groups with 60 rules each (13 requests), or for all of DNS Firewall, but not for both. Peerings and transit gateways
have no reserved requests, since few route tables lead to one. These reads use the requests that other reads do not
need."""
_INTERFACE_PAGES: Final = MAX_INTERFACES // 1_000
_SAME_FOR_ALL: Final = frozenset({ENDPOINTS, ENDPOINT_SERVICES, ENDPOINT_INTERFACES})
"""Reads whose request is the same for every VPC of an account and Region."""
_IN_EFFECT: Final = (None, "COMPLETE", "UPDATING")
"""States in which an association applies: that of a Profile with a VPC, or of a resource with a Profile."""
_PROFILE_PRIORITY: Final = 100
"""The priority of an association for which no priority is set (Route 53 Profiles API, ProfileAssociation)."""
_INTERNET_RESOLVER: Final = "rslvr-autodefined-rr-internet-resolver"
"""The rule for `.` that Resolver makes in every VPC (Route 53 Developer Guide, Autodefined rules)."""
_OF_ONE_LIST: Final = (FailureKind.MALFORMED, FailureKind.TOO_LARGE)
_OF_ONE_READ: Final = frozenset(
    {
        FailureKind.NOT_PERMITTED,
        FailureKind.CREDENTIALS_EXPIRED,
        FailureKind.CREDENTIALS_INVALID,
        FailureKind.SIGNATURE,
        FailureKind.CLOCK_SKEW,
        FailureKind.THROTTLED,
        FailureKind.NOT_SUBSCRIBED,
        FailureKind.SERVICE_ERROR,
        FailureKind.MALFORMED,
        FailureKind.TOO_LARGE,
        FailureKind.BUG,
    }
)
"""Failures that say nothing about other reads: either EC2 answered, or something other than EC2 failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRequest:
    """The network to read."""

    vpc_id: str
    instance_id: str | None
    region: str
    services: tuple[str, ...]
    """Services whose endpoints are requested, by the last parts of their PrivateLink names. The first parts depend on
    the partition and on the age of the service."""
    global_services: tuple[str, ...] = ()
    """Requested services whose PrivateLink names have no Region."""
    gateway_services: tuple[str, ...] = ()
    """The members of `services` whose gateway endpoints are also requested."""
    group_ids: tuple[str, ...]
    """The ids of this host's security groups, from metadata."""
    whole: bool = False
    """Whether to read for a file that every host of the VPC can use. This needs every security group of the VPCs and
    every interface of this VPC, but no single instance."""
    joined: frozenset[str] | None = None
    """In an audit, the other VPCs whose network is also read if they have endpoints; None for every VPC with an
    endpoint."""


async def inspect(
    reader: Reader,
    log: Log,
    wanted: ConfigurationRequest,
    *,
    limit: float,
    shared: dict[str, ConfigurationFacts] | None = None,
) -> Configuration:
    """Read the whole network. Each read may take `limit` seconds. Returns what could be read. `shared` keeps results
    that are the same for every VPC of the account and Region."""
    inspection = Inspection(reader, log, wanted, limit=limit, shared=shared)
    async with asyncio.TaskGroup() as group:
        group.create_task(inspection.read_network())
        group.create_task(inspection.read_names())
    return inspection.configuration


def most_requests(*, whole: bool) -> int:
    """The maximum number of requests of a run or, with `whole`, of a facts file."""
    return MAX_WHOLE_REQUESTS if whole else MAX_REQUESTS


def _subject(read: str) -> Subject:
    return Subject(step=Step.EC2, operation=read)


class Inspection:
    """The reads of one network, in two parts that share their requests and can run in parallel.

    Each read becomes one observation in the log. A read whose parameters are unknown is skipped, with the reason. If a
    service does not answer at all, it costs only one `limit`. Only a cancellation is raised.
    """

    def __init__(
        self,
        reader: Reader,
        log: Log,
        wanted: ConfigurationRequest,
        *,
        limit: float,
        shared: dict[str, ConfigurationFacts] | None = None,
    ) -> None:
        """Limit each read to `limit` seconds."""
        self._shared = {} if shared is None else shared
        log.plan(*map(_subject, WHOLE_READS if wanted.whole else READS))
        self.facts: dict[str, ConfigurationFacts] = {}
        self._failures: dict[str, Failure] = {}
        self._reader = reader
        self._log = log
        self._wanted = wanted
        self._limit = limit
        self._most = most_requests(whole=wanted.whole) if wanted.joined is None else MAX_AUDIT_REQUESTS
        self._reserved = dict(_RESERVED)
        if wanted.whole:
            self._reserved[INTERFACES] = _INTERFACE_PAGES
        self._spare = self._most - sum(self._reserved.values())
        self._bodies: Mapping[str, Callable[[], Awaitable[ConfigurationFacts]]] = {
            ENDPOINTS: self._endpoints,
            ENDPOINT_SERVICES: self._endpoint_services,
            OWN_INTERFACES: self._own_interfaces,
            ENDPOINT_INTERFACES: self._endpoint_interfaces,
            INTERFACES: self._all_interfaces,
            VPC: self._vpc,
            VPC_DNS: self._vpc_dns,
            DHCP_OPTIONS: self._dhcp_options,
            SUBNETS: self._subnets,
            ROUTE_TABLES: self._route_tables,
            NETWORK_ACLS: self._network_acls,
            SECURITY_GROUPS: self._security_groups,
            PREFIX_LISTS: self._prefix_lists,
            PEERINGS: self._peerings,
            TRANSIT: self._transit,
            RESOLVER_RULES: self._resolver_rules,
            PRIVATE_ZONES: self._private_zones,
            DNS_FIREWALL: self._dns_firewall,
            PROFILES: self._profiles,
            PROFILE_RESOURCES: self._profile_resources,
        }

    @property
    def configuration(self) -> Configuration:
        """The configuration that was read so far."""
        return configuration_of(self.facts)

    @property
    def endpoint_addresses(self) -> frozenset[Address] | None:
        """The addresses of the endpoints in this VPC; None if they were not read."""
        interfaces = self.configuration.endpoint_interfaces
        if interfaces is None:
            return None
        here = (interface for interface in interfaces if interface.vpc_id == self._wanted.vpc_id)
        return frozenset(address for interface in here for address in interface.addresses)

    @property
    def is_silent(self) -> bool:
        """Whether EC2 was asked and did not answer at all."""
        return self._silence(_ROUNDS[0]) is not None

    async def read_network(self) -> None:
        """Make the reads of EC2 itself."""
        await self._reader.prepare((EC2,))
        first, *later = _WHOLE_ROUNDS if self._wanted.whole else _ROUNDS
        await self._round(first)
        if (reason := self._silence(first)) is not None:
            for read in (read for reads in later for read in reads):
                self._log.skip(_subject(read), reason)
            return
        for reads in later:
            await self._round(reads)

    async def read_names(self) -> None:
        """Make the reads of Route 53, its Resolver and its Profiles, which concern the resolution of names."""
        await self._reader.prepare((RESOLVER, ROUTE_53, ROUTE_53_PROFILES))
        for reads in _NAME_ROUNDS:
            await self._round(reads)

    async def _round(self, reads: Iterable[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for read in reads:
                group.create_task(self._read(read))

    async def _read(self, read: str) -> None:
        """Make one read, or skip it with the reason."""
        if (reason := self._why_not(read)) is not None:
            self._log.skip(_subject(read), reason)
            return

        async def body(draft: Draft[ConfigurationFacts]) -> None:
            if (facts := self._shared.get(read)) is None:
                facts = await self._bodies[read]()
                if read in _SAME_FOR_ALL:
                    self._shared[read] = facts
            draft.facts = facts

        observation, _ = await self._log.observe(_subject(read), body, limit=self._limit)
        if isinstance(observation.outcome, Ok):
            self.facts[read] = observation.outcome.facts
        elif observation.failure is not None:
            self._failures[read] = observation.failure

    def _silence(self, reads: Iterable[str]) -> str | None:
        """Return why the service of `reads` should not be asked again; None if it has answered one of these reads."""
        failures = [self._failures[read] for read in reads if read in self._failures]
        has_answered = any(read in self.facts for read in reads)
        if not failures or has_answered or any(failure.kind in _OF_ONE_READ for failure in failures):
            return None
        return f"EC2 does not answer: {failures[0].message}"

    def _why_not(self, read: str) -> str | None:
        """Return why a read cannot be made; None if it can."""
        wanted = self._wanted
        if read == OWN_INTERFACES and wanted.whole:
            return "a file for all hosts of a VPC does not have the interfaces of a single host"
        if read == OWN_INTERFACES and wanted.instance_id is None:
            return "the id of this instance is not known"
        if read == ENDPOINT_INTERFACES and ENDPOINTS not in self.facts:
            return self._needs(ENDPOINTS)
        if read == DHCP_OPTIONS and VPC not in self.facts:
            return self._needs(VPC)
        if read == DHCP_OPTIONS and self._options_id() is None:
            return "the answer about the VPC does not give its DHCP options"
        if read == SECURITY_GROUPS and not wanted.whole and not self._group_ids():
            return "no security group of this host or of an endpoint is known"
        if read == PROFILE_RESOURCES and PROFILES not in self.facts:
            return self._needs(PROFILES)
        if read == PREFIX_LISTS and SECURITY_GROUPS not in self.facts and ROUTE_TABLES not in self.facts:
            return self._needs(SECURITY_GROUPS)
        if read in (PEERINGS, TRANSIT) and ROUTE_TABLES not in self.facts:
            return self._needs(ROUTE_TABLES)
        return None

    def _needs(self, read: str) -> str:
        failure = self._failures.get(read)
        return f"needs {READS[read].words}, not read" + ("" if failure is None else f": {failure.message}")

    # --- Requests ----------------------------------------------------------------------------------------------------

    async def _ask(self, read: str, service: str, operation: str, parameters: Row) -> Row:
        """Make one request. It counts as one of the requests reserved for `read`, or as one of the others. Raises
        ProbeError of kind `too-large` if no request is left, and the errors of the reader."""
        if self._reserved[read]:
            self._reserved[read] -= 1
        elif self._spare:
            self._spare -= 1
        else:
            of = "a run" if not self._wanted.whole else "a facts file" if self._wanted.joined is None else "an audit"
            message = f"more than can be read with the {self._most} requests of {of}"
            raise ProbeError(FailureKind.TOO_LARGE, message)
        return await self._reader.read(service, operation, parameters)

    async def _all(
        self, read: str, service: str, operation: str, parameters: Row, key: str, *, most: int = MAX_ROWS
    ) -> list[Row]:
        """Return the rows of all pages. Raises the errors of `_ask`, and ProbeError of kind `too-large` for more than
        `most` rows."""
        rows: list[Row] = []
        token: str | None = None
        while True:
            page = await self._ask(
                read, service, operation, parameters if token is None else {**parameters, "NextToken": token}
            )
            rows += parse.rows(page, key, needed=True)
            most = most if self._wanted.joined is None else MAX_AUDIT_ROWS
            if len(rows) > most:
                raise ProbeError(FailureKind.TOO_LARGE, f"{operation} gives more than {most} rows")
            token = page.get("NextToken") or None
            if token is None:
                return rows

    async def _filtered(
        self,
        read: str,
        operation: str,
        key: str,
        name: str,
        values: Iterable[str],
        *,
        most: int = MAX_ROWS,
        page: int = 1_000,
        also: tuple[Row, ...] = (),
    ) -> list[Row]:
        """Return EC2's rows whose `name` is among `values`; empty if there are no values."""
        wanted = tuple(dict.fromkeys(values))
        rows: list[Row] = []
        for start in range(0, len(wanted), MAX_FILTER_VALUES):
            filters = [{"Name": name, "Values": list(wanted[start : start + MAX_FILTER_VALUES])}, *also]
            parameters = {"Filters": filters, "MaxResults": page}
            rows += await self._all(read, EC2, operation, parameters, key, most=most - len(rows))
        return rows

    # --- What is known -----------------------------------------------------------------------------------------------

    def _known_endpoints(self) -> tuple[VpcEndpoint, ...]:
        known = self.facts.get(ENDPOINTS)
        return known.endpoints if isinstance(known, EndpointsFacts) else ()

    def _known_gateways(self) -> tuple[GatewayEndpoint, ...]:
        known = self.facts.get(ENDPOINTS)
        return (known.gateways or ()) if isinstance(known, EndpointsFacts) else ()

    def _vpc_ids(self) -> tuple[str, ...]:
        """Return the id of this VPC, and the ids of the other VPCs that are read because they have endpoints."""
        joined = self._wanted.joined
        others = Counter(
            endpoint.vpc_id for endpoint in self._known_endpoints() if joined is None or endpoint.vpc_id in joined
        )
        # The VPCs with most endpoints come first, since they are the hubs of a network.
        first = others if joined is None else (vpc_id for vpc_id, _ in others.most_common(MAX_JOINED))
        return tuple(dict.fromkeys((self._wanted.vpc_id, *first)))

    def _group_ids(self) -> tuple[str, ...]:
        own = self.facts.get(OWN_INTERFACES)
        interfaces = own.interfaces if isinstance(own, InterfacesFacts) else ()
        of_host = (group for interface in interfaces for group in interface.group_ids)
        vpc_ids = self._vpc_ids()
        there = (endpoint for endpoint in self._known_endpoints() if endpoint.vpc_id in vpc_ids)
        # The groups of this VPC come first.
        endpoints = sorted(there, key=lambda endpoint: endpoint.vpc_id != self._wanted.vpc_id)
        of_endpoints = (group for endpoint in endpoints for group in endpoint.group_ids)
        return tuple(dict.fromkeys((*self._wanted.group_ids, *of_host, *of_endpoints)))

    def _targets(self, prefix: str) -> tuple[str, ...]:
        """Return the targets of the route tables whose ids begin with this prefix."""
        known = self.facts.get(ROUTE_TABLES)
        tables = known.tables if isinstance(known, RouteTablesFacts) else ()
        targets = dict.fromkeys(route.target for table in tables for route in table.routes)
        return tuple(target for target in targets if target.startswith(prefix))

    def _options_id(self) -> str | None:
        known = self.facts.get(VPC)
        return known.vpc.dhcp_options_id if isinstance(known, VpcFacts) else None

    # --- The reads ---------------------------------------------------------------------------------------------------

    async def _endpoints(self) -> EndpointsFacts:
        has_gateways = bool(self._wanted.gateway_services)
        kind = {"Name": "vpc-endpoint-type", "Values": ["Interface", *(["Gateway"] if has_gateways else [])]}
        rows = await self._filtered(
            ENDPOINTS,
            "DescribeVpcEndpoints",
            "VpcEndpoints",
            "service-name",
            (
                *(f"*.{self._wanted.region}.{service}" for service in self._wanted.services),
                *(f"*.{service}" for service in self._wanted.global_services),
            ),
            also=(kind,),
        )
        endpoints, dropped = parse.kept((row for row in rows if not parse.is_gateway(row)), parse.endpoint)
        gateways, foreign = parse.kept(filter(parse.is_gateway, rows), parse.gateway_endpoint)
        return EndpointsFacts(
            endpoints=endpoints,
            dropped=dropped + foreign,
            asked=(*self._wanted.services, *self._wanted.global_services),
            gateways=gateways if has_gateways else None,
        )

    async def _endpoint_services(self) -> EndpointServicesFacts:
        # A filter is used: as an argument, a single unknown name would make AWS refuse the whole request.
        wanted = self._wanted.services
        rows = await self._filtered(
            ENDPOINT_SERVICES,
            "DescribeVpcEndpointServices",
            "ServiceDetails",
            "service-name",
            (f"*.{self._wanted.region}.{service}" for service in wanted),
        )
        services, dropped = parse.kept(rows, parse.endpoint_service)
        return EndpointServicesFacts(services=services, asked=wanted, dropped=dropped)

    async def _own_interfaces(self) -> InterfacesFacts:
        return await self._interfaces(OWN_INTERFACES, "attachment.instance-id", (self._wanted.instance_id or "",))

    async def _endpoint_interfaces(self) -> InterfacesFacts:
        ids = (interface for endpoint in self._known_endpoints() for interface in endpoint.interface_ids)
        return await self._interfaces(ENDPOINT_INTERFACES, "network-interface-id", ids)

    async def _all_interfaces(self) -> InterfacesFacts:
        return await self._interfaces(INTERFACES, "vpc-id", (self._wanted.vpc_id,), most=MAX_INTERFACES)

    async def _interfaces(
        self, read: str, name: str, values: Iterable[str], *, most: int = MAX_ROWS
    ) -> InterfacesFacts:
        rows = await self._filtered(read, "DescribeNetworkInterfaces", "NetworkInterfaces", name, values, most=most)
        interfaces, dropped = parse.kept(rows, parse.interface)
        return InterfacesFacts(interfaces=interfaces, dropped=dropped)

    async def _vpc(self) -> VpcFacts:
        rows = await self._all(VPC, EC2, "DescribeVpcs", {"VpcIds": [self._wanted.vpc_id]}, "Vpcs")
        return VpcFacts(vpc=parse.vpc(_only(rows, "VPC")))

    async def _vpc_dns(self) -> VpcDnsFacts:
        values = []
        for name in ("enableDnsSupport", "enableDnsHostnames"):  # each request can ask for only one attribute
            parameters = {"VpcId": self._wanted.vpc_id, "Attribute": name}
            answer = await self._ask(VPC_DNS, EC2, "DescribeVpcAttribute", parameters)
            values.append(parse.flag(parse.member(answer, f"E{name[1:]}"), "Value"))
        return VpcDnsFacts(support=values[0], hostnames=values[1])

    async def _dhcp_options(self) -> DhcpOptionsFacts:
        options_id = self._options_id()
        if options_id == parse.NO_DHCP_OPTIONS:
            return DhcpOptionsFacts(options_id=parse.NO_DHCP_OPTIONS, name_servers=())
        parameters = {"DhcpOptionsIds": [options_id]}
        rows = await self._all(DHCP_OPTIONS, EC2, "DescribeDhcpOptions", parameters, "DhcpOptions")
        return parse.dhcp_options(_only(rows, "set of DHCP options"))

    async def _subnets(self) -> SubnetsFacts:
        rows = await self._filtered(SUBNETS, "DescribeSubnets", "Subnets", "vpc-id", self._vpc_ids())
        subnets, dropped = parse.kept(rows, parse.subnet)
        return SubnetsFacts(subnets=subnets, dropped=dropped)

    async def _route_tables(self) -> RouteTablesFacts:
        rows = await self._filtered(
            ROUTE_TABLES, "DescribeRouteTables", "RouteTables", "vpc-id", self._vpc_ids(), page=100
        )
        tables, dropped = parse.kept(rows, parse.route_table)
        if dropped:  # the table of a subnet may be left out, so the main table may not apply
            tables = tuple(replace(table, main=False) for table in tables)
        return RouteTablesFacts(tables=tables, dropped=dropped)

    async def _network_acls(self) -> NetworkAclsFacts:
        rows = await self._filtered(NETWORK_ACLS, "DescribeNetworkAcls", "NetworkAcls", "vpc-id", self._vpc_ids())
        acls, dropped = parse.kept(rows, parse.network_acl)
        return NetworkAclsFacts(acls=acls, dropped=dropped)

    async def _security_groups(self) -> SecurityGroupsFacts:
        """Return the groups with their rules. EC2 lists rules by group. It returns no rows for a group without rules,
        nor for a group that does not exist or belongs to another account. If no rows came, another request therefore
        checks whether the group exists."""
        there: dict[str, SecurityGroup] = {}
        wanted = self._group_ids()
        if self._wanted.whole:
            # In other VPCs, only the endpoints' groups decide anything.
            there = await self._existing_groups("vpc-id", (self._wanted.vpc_id,))
            wanted = tuple(dict.fromkeys((*there, *wanted)))
        rules: dict[str, list[GroupRule]] = {group_id: [] for group_id in wanted}
        dropped = 0
        managers: dict[str, Manager] = {}
        unsure: set[str] = set()
        """Groups with a rule that was left out because of its ids. It is unknown what these groups allow."""
        for row in await self._filtered(
            SECURITY_GROUPS,
            "DescribeSecurityGroupRules",
            "SecurityGroupRules",
            "group-id",
            wanted,
            most=MAX_RULES,
        ):
            kept, foreign = parse.kept([row], _rule_of_group)
            dropped += foreign
            for group_id, rule in kept:
                if rule is None:
                    unsure.add(group_id)
                    dropped += 1
                else:
                    rules.setdefault(group_id, []).append(rule)
                if (manager := parse.manager(row)) is not None:
                    managers.setdefault(group_id, manager)
        rules = {group_id: group_rules for group_id, group_rules in rules.items() if group_id not in unsure}
        if unknown := [
            group_id for group_id, group_rules in rules.items() if not group_rules and group_id not in there
        ]:
            there |= await self._existing_groups("group-id", unknown)
        return SecurityGroupsFacts(
            groups=tuple(
                _with_rules(there.get(group_id), group_id, group_rules, managers.get(group_id))
                for group_id, group_rules in rules.items()
                if group_rules or group_id in there
            ),
            dropped=dropped,
        )

    async def _existing_groups(self, name: str, values: Iterable[str]) -> dict[str, SecurityGroup]:
        """Return the groups by id, without their rules."""
        rows = await self._filtered(SECURITY_GROUPS, "DescribeSecurityGroups", "SecurityGroups", name, values)
        return {group.group_id: group for group in parse.kept(rows, _group_of)[0]}

    async def _prefix_lists(self) -> PrefixListsFacts:
        """Return the lists that can be read. A list is left out, and stays unknown, if it does not exist, if it is too
        long, or if there are too many lists."""
        groups, tables = self.facts.get(SECURITY_GROUPS), self.facts.get(ROUTE_TABLES)
        of_groups = groups.groups if isinstance(groups, SecurityGroupsFacts) else ()
        of_tables = tables.tables if isinstance(tables, RouteTablesFacts) else ()
        own = [table for table in of_tables if table.vpc_id == self._wanted.vpc_id]
        routes = [route for table in (*own, *of_tables) for route in table.routes]
        at_endpoints = {group for endpoint in self._known_endpoints() for group in endpoint.group_ids}
        gateways = {gateway.endpoint_id for gateway in self._known_gateways()}
        named = (
            # Lists that decide whether addresses are private come first, since every finding needs them.
            *(route.prefix_list_id for route in routes if route.target in gateways),
            *(rule.prefix_list_id for group in of_groups if group.group_id in at_endpoints for rule in group.rules),
            *(route.prefix_list_id for table in own for route in table.routes),
            *(rule.prefix_list_id for group in of_groups for rule in group.rules),
            *(route.prefix_list_id for route in routes),
        )
        lists = []
        for list_id in list(dict.fromkeys(name for name in named if name is not None))[:MAX_PREFIX_LISTS]:
            parameters = {"PrefixListId": list_id, "MaxResults": 100}
            try:
                rows = await self._all(PREFIX_LISTS, EC2, "GetManagedPrefixListEntries", parameters, "Entries")
            except ProbeError as error:
                if error.kind in _OF_ONE_LIST:
                    continue
                raise
            lists.append(PrefixList(prefix_list_id=list_id, cidrs=tuple(parse.network(row, "Cidr") for row in rows)))
        return PrefixListsFacts(lists=tuple(lists))

    async def _peerings(self) -> PeeringsFacts:
        rows = await self._filtered(
            PEERINGS,
            "DescribeVpcPeeringConnections",
            "VpcPeeringConnections",
            "vpc-peering-connection-id",
            self._targets("pcx-"),
        )
        peerings, dropped = parse.kept(rows, parse.peering)
        return PeeringsFacts(peerings=peerings, dropped=dropped)

    async def _transit(self) -> TransitFacts:
        """Return the attachments of the VPCs to the transit gateways, and the route tables for packets from the
        attachments. A table is left out, and listed as unread, if this account may not read it, or if there are too
        many tables."""
        gateways = self._targets("tgw-")
        of_vpcs = {"Name": "resource-id", "Values": list(self._vpc_ids()[:MAX_FILTER_VALUES])}
        rows = await self._filtered(
            TRANSIT,
            "DescribeTransitGatewayAttachments",
            "TransitGatewayAttachments",
            "transit-gateway-id",
            gateways,
            also=(of_vpcs,),
        )
        attachments, dropped = parse.kept(rows, parse.transit_attachment)
        placed: dict[str, tuple[tuple[str, ...], bool, bool]] = {}
        if attachments:
            of_vpcs = {**of_vpcs, "Name": "vpc-id"}
            operation, key = "DescribeTransitGatewayVpcAttachments", "TransitGatewayVpcAttachments"
            rows = await self._filtered(TRANSIT, operation, key, "transit-gateway-id", gateways, also=(of_vpcs,))
            in_subnets, foreign = parse.kept(rows, parse.in_subnets)
            placed = {attachment_id: where for attachment_id, *where in in_subnets}  # type: ignore[misc] # of 4
            dropped += foreign
        tables, unread = await self._transit_tables(
            dict.fromkeys(attachment.table_id for attachment in attachments if attachment.table_id is not None)
        )
        return TransitFacts(
            attachments=tuple(
                replace(attachment, subnet_ids=subnets, ipv6=ipv6, appliance_mode=appliance_mode)
                for attachment in attachments
                for subnets, ipv6, appliance_mode in (placed.get(attachment.attachment_id, ((), None, None)),)
            ),
            tables=tables,
            unread=unread,
            dropped=dropped,
        )

    async def _transit_tables(self, wanted: Iterable[str]) -> tuple[tuple[TransitTable, ...], tuple[str, ...]]:
        """Return the tables that can be read, and the ids of the other tables."""
        tables, unread = [], []
        for place, table_id in enumerate(wanted):
            if place >= MAX_TRANSIT_TABLES:
                unread.append(table_id)
                continue
            try:
                rows = await self._transit_routes(table_id)
                tables.append(TransitTable(table_id=table_id, routes=tuple(map(parse.transit_route, rows))))
            except ProbeError as error:
                if error.kind not in (*_OF_ONE_LIST, FailureKind.NOT_PERMITTED):
                    raise
                unread.append(table_id)
        return tuple(tables), tuple(unread)

    async def _transit_routes(self, table_id: str) -> list[Row]:
        """Return the routes of a table. Raises ProbeError of kind `too-large` if the answer says that it is
        incomplete."""
        active = {"Name": "state", "Values": ["active", "blackhole"]}
        parameters: Row = {"TransitGatewayRouteTableId": table_id, "Filters": [active], "MaxResults": 1_000}
        rows: list[Row] = []
        token: str | None = None
        while True:
            more = {} if token is None else {"NextToken": token}
            page = await self._ask(TRANSIT, EC2, "SearchTransitGatewayRoutes", {**parameters, **more})
            rows += parse.rows(page, "Routes", needed=True)
            token = page.get("NextToken") or None
            if len(rows) > MAX_ROWS or (token is None and page.get("AdditionalRoutesAvailable") is True):
                raise ProbeError(FailureKind.TOO_LARGE, f"{table_id} has more routes than can be read")
            if token is None:
                return rows

    async def _resolver_rules(self) -> ResolverRulesFacts:
        of_vpc = {"Filters": [{"Name": "VPCId", "Values": [self._wanted.vpc_id]}], "MaxResults": 100}
        associations = await self._all(
            RESOLVER_RULES, RESOLVER, "ListResolverRuleAssociations", of_vpc, "ResolverRuleAssociations"
        )
        complete = [
            association
            for association in associations
            if parse.optional_text(association, "Status", parse.WORD) in (None, "COMPLETE")
        ]
        held, dropped = parse.kept(complete, lambda row: parse.text(row, "ResolverRuleId", parse.RESOLVER_ID))
        rows = await self._all(RESOLVER_RULES, RESOLVER, "ListResolverRules", {"MaxResults": 100}, "ResolverRules")
        listed, _ = parse.kept(rows, lambda row: (parse.text(row, "Id", parse.RESOLVER_ID), row))
        rules = dict(listed)
        resolver_rules = []
        for rule_id in dict.fromkeys(held):
            if rule_id in rules:
                resolver_rules.append(parse.resolver_rule(rules[rule_id]))
            elif rule_id == _INTERNET_RESOLVER:
                resolver_rules.append(ResolverRule(rule_id=rule_id, name=None, domain="", kind="RECURSIVE", targets=()))
            else:
                message = f"{rule_id} applies to the VPC, but is not in the list of rules"
                raise ProbeError(FailureKind.MALFORMED, message)
        return ResolverRulesFacts(rules=tuple(resolver_rules), dropped=dropped)

    async def _private_zones(self) -> PrivateZonesFacts:
        parameters = {"VPCId": self._wanted.vpc_id, "VPCRegion": self._wanted.region, "MaxItems": "100"}
        rows = await self._all(PRIVATE_ZONES, ROUTE_53, "ListHostedZonesByVPC", parameters, "HostedZoneSummaries")
        zones, dropped = parse.kept(rows, parse.private_zone)
        return PrivateZonesFacts(zones=zones, dropped=dropped)

    async def _dns_firewall(self) -> DnsFirewallFacts:
        of_vpc = {"VpcId": self._wanted.vpc_id, "MaxResults": 100}
        associations = await self._all(
            DNS_FIREWALL,
            RESOLVER,
            "ListFirewallRuleGroupAssociations",
            of_vpc,
            "FirewallRuleGroupAssociations",
        )
        held = [row for row in associations if parse.optional_text(row, "Status", parse.WORD) != "DELETING"]
        if len(held) > MAX_RULE_GROUPS:
            message = f"{len(held)} rule groups of DNS Firewall, but at most {MAX_RULE_GROUPS} are read"
            raise ProbeError(FailureKind.TOO_LARGE, message)
        groups, dropped = parse.kept(
            held, lambda row: (parse.text(row, "FirewallRuleGroupId", parse.RESOLVER_ID), parse.number(row, "Priority"))
        )
        rules, foreign = await self._rules_of_groups(DNS_FIREWALL, groups)
        return DnsFirewallFacts(rules=rules, dropped=dropped + foreign)

    async def _rules_of_groups(
        self, read: str, groups: Iterable[tuple[str, int]]
    ) -> tuple[tuple[FirewallRule, ...], int]:
        """Return the rules of DNS Firewall groups in the order in which they are evaluated, each with the priority of
        its association, and the number of rules that were left out."""
        found = []
        for group_id, of_group in groups:
            parameters = {"FirewallRuleGroupId": group_id, "MaxResults": 100}
            rows = await self._all(read, RESOLVER, "ListFirewallRules", parameters, "FirewallRules")
            found += [((of_group, parse.number(row, "Priority")), group_id, row) for row in rows]
        found.sort(key=lambda rule: rule[:2])
        lists: dict[str, tuple[str, ...] | None] = {}
        listed, foreign = parse.kept(
            (row for _, _, row in found),
            lambda row: parse.optional_text(row, "FirewallDomainListId", parse.RESOLVER_ID),
        )
        for list_id in listed:
            if list_id is not None and list_id not in lists:
                lists[list_id] = await self._domains(read, list_id) if len(lists) < MAX_DOMAIN_LISTS else None
        by_group = (
            parse.kept([row], partial(parse.firewall_rule, priority=priority, group_id=group_id, lists=lists))[0]
            for priority, group_id, row in found
        )
        return tuple(rule for row in by_group for rule in row), foreign

    async def _domains(self, read: str, list_id: str) -> tuple[str, ...] | None:
        """Return the domains of a list; None if there are too many, or if AWS does not show them, as with its own
        lists."""
        parameters = {"FirewallDomainListId": list_id, "MaxResults": MAX_DOMAINS}
        try:
            page = await self._ask(read, RESOLVER, "ListFirewallDomains", parameters)
        except ProbeError as error:
            if error.kind in (*_OF_ONE_LIST, FailureKind.NOT_PERMITTED):
                return None
            raise
        if page.get("NextToken"):
            return None
        return parse.texts(page, "Domains", parse.NAME, parse.domain_name, needed=True)

    async def _profiles(self) -> ProfilesFacts:
        of_vpc = {"ResourceId": self._wanted.vpc_id, "MaxResults": 100}
        associations = await self._all(
            PROFILES, ROUTE_53_PROFILES, "ListProfileAssociations", of_vpc, "ProfileAssociations"
        )
        held, dropped = parse.kept(
            filter(_is_in_effect, associations),
            lambda row: (
                parse.number(row, "Priority") if row.get("Priority") is not None else _PROFILE_PRIORITY,
                parse.text(row, "ProfileId", parse.PROFILE_ID),
            ),
        )
        profile_ids = tuple(dict.fromkeys(profile_id for _, profile_id in sorted(held)))
        resources: list[ProfileResource] = []
        for profile_id in profile_ids:
            of_profile = {"ProfileId": profile_id, "MaxResults": 100}
            rows = await self._all(
                *(PROFILES, ROUTE_53_PROFILES, "ListProfileResourceAssociations", of_profile),
                "ProfileResourceAssociations",
            )
            brought, foreign = parse.kept(filter(_is_in_effect, rows), parse.profile_resource)
            resources += (replace(resource, profile_id=profile_id) for resource in brought if resource is not None)
            dropped += foreign
        return ProfilesFacts(profile_ids=profile_ids, resources=tuple(resources), dropped=dropped)

    async def _profile_resources(self) -> ProfileResourcesFacts:
        """Return the Profile resources that can be read. A resource is left out, and listed as unread, in three cases:
        it belongs to another account, there are too many resources, or its service did not answer before and would only
        cost more time."""
        known = self.facts.get(PROFILES)
        resources = known.resources if isinstance(known, ProfilesFacts) else ()
        zones: list[PrivateZone] = []
        rules: list[ResolverRule] = []
        firewall: list[FirewallRule] = []
        unread: list[str] = []
        wanted: dict[str, ProfileResource] = {}
        for resource in resources:
            if resource.kind != VPC_ENDPOINT:
                wanted.setdefault(resource.resource_id, resource)
        for place, resource in enumerate(wanted.values()):
            reads = (PRIVATE_ZONES,) if resource.kind == HOSTED_ZONE else (RESOLVER_RULES, DNS_FIREWALL)
            if place >= MAX_PROFILE_RESOURCES or self._silence(reads) is not None:
                unread.append(resource.resource_id)
                continue
            try:
                if resource.kind == HOSTED_ZONE:
                    zones.append(await self._zone_of_profile(resource))
                elif resource.kind == RESOLVER_RULE:
                    rules.append(await self._rule_of_profile(resource))
                elif resource.kind == FIREWALL_RULE_GROUP:
                    firewall += await self._group_of_profile(resource)
            except ProbeError as error:
                if error.kind not in (*_OF_ONE_LIST, FailureKind.NOT_PERMITTED):
                    raise
                unread.append(resource.resource_id)
        profiles = known.profile_ids if isinstance(known, ProfilesFacts) else ()
        place_of = {resource_id: profiles.index(resource.profile_id) for resource_id, resource in wanted.items()}
        firewall.sort(key=lambda rule: (place_of[rule.group_id], rule.priority))
        return ProfileResourcesFacts(
            zones=tuple(zones), rules=tuple(rules), firewall=tuple(firewall), unread=tuple(unread)
        )

    async def _zone_of_profile(self, resource: ProfileResource) -> PrivateZone:
        answer = await self._ask(PROFILE_RESOURCES, ROUTE_53, "GetHostedZone", {"Id": resource.resource_id})
        return parse.hosted_zone(parse.member(answer, "HostedZone"), resource.owner_id)

    async def _rule_of_profile(self, resource: ProfileResource) -> ResolverRule:
        parameters = {"ResolverRuleId": resource.resource_id}
        answer = await self._ask(PROFILE_RESOURCES, RESOLVER, "GetResolverRule", parameters)
        return parse.resolver_rule(parse.member(answer, "ResolverRule"))

    async def _group_of_profile(self, resource: ProfileResource) -> tuple[FirewallRule, ...]:
        """Return the rules of a Profile's group. Raises ProbeError of kind `malformed` if rules were left out, or their
        priority is unknown."""
        if resource.priority is None:
            raise ProbeError(FailureKind.MALFORMED, f"{resource.resource_id} has no priority in its Profile")
        rules, dropped = await self._rules_of_groups(PROFILE_RESOURCES, [(resource.resource_id, resource.priority)])
        if dropped:
            raise ProbeError(FailureKind.MALFORMED, f"{resource.resource_id} has rules of an unknown form")
        return rules


def _is_in_effect(association: Row) -> bool:
    """Whether an association of a Profile applies."""
    return parse.optional_text(association, "Status", parse.WORD) in _IN_EFFECT


def _id_of_group(row: Row) -> str:
    return parse.text(row, "GroupId", parse.GROUP_ID)


def _group_of(row: Row) -> SecurityGroup:
    return SecurityGroup(
        group_id=_id_of_group(row),
        rules=(),
        default=row.get("GroupName") == "default",
        manager=parse.manager(row),
    )


def _with_rules(
    read: SecurityGroup | None, group_id: str, rules: Iterable[GroupRule], manager: Manager | None
) -> SecurityGroup:
    """Return a group with its rules. `read` is the group without rules, if it was read. `manager` comes from the tags
    of the rules."""
    group = read or SecurityGroup(group_id=group_id, rules=())
    return replace(group, rules=tuple(rules), manager=group.manager or manager)


def _rule_of_group(row: Row) -> tuple[str, GroupRule | None]:
    """Return the id of a group, and the rule; None for a rule that is left out because of its ids."""
    group_id = _id_of_group(row)
    rules, _ = parse.kept([row], parse.group_rule)
    return group_id, rules[0] if rules else None


def _only(rows: list[Row], what: str) -> Row:
    if len(rows) != 1:
        raise ProbeError(FailureKind.MALFORMED, f"{len(rows)} answers to a request for one {what}")
    return rows[0]
