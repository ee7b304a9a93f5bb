"""What EC2, Route 53 Resolver and Route 53 say of this host's network, read within a fixed number of requests.

The reads of `probes.vpc.model.READS` are made in rounds, those of a round at the same time, since later ones ask
for what earlier ones name; what concerns names alone waits for nobody. Each read has requests of its own, so that the
last is not starved by the pages of the first, and what nobody has reserved goes to who comes first. A read that would
need more fails: no list is cut in silence. What was refused keeps back only what cannot do without it.

What comes is foreign: ids and names are held against their grammar, texts are bounded, and an answer that lacks what
the API always gives is malformed.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

from probes.model import Address, Draft, Failure, FailureKind, Ok, ProbeError, Step, Subject
from probes.observe import Log
from probes.seams import Reader
from probes.vpc.model import (
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    MAX_POLICY_CHARACTERS,
    NETWORK_ACLS,
    OWN_INTERFACES,
    PREFIX_LISTS,
    PRIVATE_ZONES,
    READS,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC,
    VPC_DNS,
    AclEntry,
    Configuration,
    ConfigurationFacts,
    DhcpOptionsFacts,
    DnsFirewallFacts,
    EndpointsFacts,
    FirewallRule,
    GroupRule,
    InterfacesFacts,
    Network,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    PrefixList,
    PrefixListsFacts,
    PrivateZone,
    PrivateZonesFacts,
    ResolverRule,
    ResolverRulesFacts,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    Subnet,
    SubnetsFacts,
    Vpc,
    VpcDnsFacts,
    VpcEndpoint,
    VpcFacts,
    configuration_of,
)

MAX_REQUESTS: Final = 30
"""Of a run, second tries among them (which only the reader sees)."""
MAX_ROWS: Final = 2_000
MAX_RULES: Final = 20_000
"""Of all security groups together."""
MAX_DOMAINS: Final = 1_000
"""Of one domain list of DNS Firewall."""
MAX_PREFIX_LISTS: Final = 5
MAX_RULE_GROUPS: Final = 3
MAX_DOMAIN_LISTS: Final = 4
MAX_TEXT_CHARACTERS: Final = 1_024
MAX_FILTER_VALUES: Final = 200
"""Of one filter (Amazon EC2 User Guide, List and filter using the CLI and API)."""

EC2: Final = "ec2"
RESOLVER: Final = "route53resolver"
ROUTE_53: Final = "route53"

_NAME_READS: Final = (RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL)
_ROUNDS: Final = (
    (ENDPOINTS, OWN_INTERFACES, VPC, VPC_DNS),
    (ENDPOINT_INTERFACES, SUBNETS, ROUTE_TABLES, NETWORK_ACLS, SECURITY_GROUPS, DHCP_OPTIONS),
    (PREFIX_LISTS,),
)
_RESERVED: Final = {**dict.fromkeys(READS, 1), VPC_DNS: 2, RESOLVER_RULES: 2, SECURITY_GROUPS: 2, PREFIX_LISTS: 3}
"""Requests that each read has whatever the others take. 200 groups with 60 rules each, 13 requests, fit into these and
what is left over, or all of DNS Firewall does."""
_INTERNET_RESOLVER: Final = "rslvr-autodefined-rr-internet-resolver"
"""The rule for `.` that Resolver makes in every VPC (Route 53 Developer Guide, Autodefined rules)."""
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
"""Failures in which EC2 has answered, or is not what failed."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRequest:
    """Whose network it is."""

    vpc_id: str
    instance_id: str | None
    region: str
    services: tuple[str, ...]
    """Names of the services whose endpoints are looked for: the last parts of their PrivateLink names, whose first
    parts differ by partition and age."""
    group_ids: tuple[str, ...]
    """Security groups of this host, as metadata has them."""
    whole: bool = False
    """Every security group of the VPCs and no instance: for a file that another host will use."""


async def inspect(reader: Reader, log: Log, wanted: ConfigurationRequest, *, limit: float) -> Configuration:
    """Read the network, each read for at most `limit` seconds; give what came of it.

    Each read becomes one observation in `log`, skipped with the reason where what it asks for is not known. EC2 that
    does not answer at all costs one `limit`. Raises nothing but cancellation.
    """
    log.plan(*(_subject(read) for read in READS))
    inspection = _Inspection(reader, log, wanted, limit)
    await reader.prepare((EC2, RESOLVER, ROUTE_53))
    async with asyncio.TaskGroup() as group:
        group.create_task(inspection.rounds())
        for read in _NAME_READS:
            group.create_task(inspection.look(read))
    return configuration_of(inspection.facts)


def _subject(read: str) -> Subject:
    return Subject(step=Step.EC2, operation=read)


class _Inspection:
    """What is known while the reads are made."""

    def __init__(self, reader: Reader, log: Log, wanted: ConfigurationRequest, limit: float) -> None:
        self.facts: dict[str, ConfigurationFacts] = {}
        self._failures: dict[str, Failure] = {}
        self._reader = reader
        self._log = log
        self._wanted = wanted
        self._limit = limit
        self._reserved = dict(_RESERVED)
        self._spare = MAX_REQUESTS - sum(_RESERVED.values())
        self._bodies: Mapping[str, Callable[[], Awaitable[ConfigurationFacts]]] = {
            ENDPOINTS: self._endpoints,
            OWN_INTERFACES: self._own_interfaces,
            ENDPOINT_INTERFACES: self._endpoint_interfaces,
            VPC: self._vpc,
            VPC_DNS: self._vpc_dns,
            DHCP_OPTIONS: self._dhcp_options,
            SUBNETS: self._subnets,
            ROUTE_TABLES: self._route_tables,
            NETWORK_ACLS: self._network_acls,
            SECURITY_GROUPS: self._security_groups,
            PREFIX_LISTS: self._prefix_lists,
            RESOLVER_RULES: self._resolver_rules,
            PRIVATE_ZONES: self._private_zones,
            DNS_FIREWALL: self._dns_firewall,
        }

    async def rounds(self) -> None:
        """Make the reads of EC2 itself."""
        first, *later = _ROUNDS
        await self._round(first)
        if (reason := self._silence(first)) is not None:
            for read in (read for each in later for read in each):
                self._log.skip(_subject(read), reason)
            return
        for each in later:
            await self._round(each)

    async def _round(self, reads: Iterable[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for read in reads:
                group.create_task(self.look(read))

    async def look(self, read: str) -> None:
        """Make one read, or say why not."""
        if (reason := self._why_not(read)) is not None:
            self._log.skip(_subject(read), reason)
            return

        async def body(draft: Draft[ConfigurationFacts]) -> None:
            draft.facts = await self._bodies[read]()

        observation, _ = await self._log.observe(_subject(read), body, limit=self._limit)
        if isinstance(observation.outcome, Ok):
            self.facts[read] = observation.outcome.facts
        elif observation.failure is not None:
            self._failures[read] = observation.failure

    def _silence(self, reads: Iterable[str]) -> str | None:
        """Why it is no use to ask EC2 again; None where it has answered any of `reads`."""
        failures = [self._failures[read] for read in reads if read in self._failures]
        if any(read in self.facts for read in reads) or any(each.kind in _OF_ONE_READ for each in failures):
            return None
        return f"EC2 does not answer: {failures[0].message}"

    def _why_not(self, read: str) -> str | None:
        """Why a read cannot be made; None where it can."""
        wanted = self._wanted
        if read == OWN_INTERFACES and wanted.whole:
            return "a file for every host of the VPC holds no one host's interfaces"
        if read == OWN_INTERFACES and wanted.instance_id is None:
            return "the id of this instance is not known"
        if read == ENDPOINT_INTERFACES and ENDPOINTS not in self.facts:
            return self._needs(ENDPOINTS)
        if read == DHCP_OPTIONS and VPC not in self.facts:
            return self._needs(VPC)
        if read == DHCP_OPTIONS and self._options_id() is None:
            return "the VPC does not say which DHCP options it has"
        if read == SECURITY_GROUPS and not wanted.whole and not self._group_ids():
            return "no security group of this host or of an endpoint is known"
        if read == PREFIX_LISTS and SECURITY_GROUPS not in self.facts and ROUTE_TABLES not in self.facts:
            return self._needs(SECURITY_GROUPS)
        return None

    def _needs(self, read: str) -> str:
        failure = self._failures.get(read)
        return f"needs {READS[read].words}, not read" + ("" if failure is None else f": {failure.message}")

    # --- Requests ----------------------------------------------------------------------------------------------------

    async def _ask(self, read: str, service: str, operation: str, parameters: Row) -> Row:
        """One request, out of what `read` has or of what is left over. Raises ProbeError of kind `too-large` where
        nothing is, and what the reader raises."""
        if self._reserved[read]:
            self._reserved[read] -= 1
        elif self._spare:
            self._spare -= 1
        else:
            message = f"more than can be read with the {MAX_REQUESTS} requests of a run"
            raise ProbeError(FailureKind.TOO_LARGE, message)
        return await self._reader.read(service, operation, parameters)

    async def _all(
        self, read: str, service: str, operation: str, parameters: Row, key: str, *, most: int = MAX_ROWS
    ) -> list[Row]:
        """The rows of all pages. Raises as `_ask` does, and ProbeError of kind `too-large` for more than `most`."""
        rows: list[Row] = []
        token: str | None = None
        while True:
            page = await self._ask(
                read, service, operation, parameters if token is None else {**parameters, "NextToken": token}
            )
            rows += _rows(page, key, needed=True)
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
        """EC2's rows whose `name` is among `values`; none where there are no values."""
        wanted = tuple(dict.fromkeys(values))
        rows: list[Row] = []
        for start in range(0, len(wanted), MAX_FILTER_VALUES):
            filters = [{"Name": name, "Values": list(wanted[start : start + MAX_FILTER_VALUES])}, *also]
            parameters = {"Filters": filters, "MaxResults": page}
            rows += await self._all(read, EC2, operation, parameters, key, most=most - len(rows))
        return rows

    # --- What is known -----------------------------------------------------------------------------------------------

    def _known_endpoints(self) -> tuple[VpcEndpoint, ...]:
        found = self.facts.get(ENDPOINTS)
        return found.endpoints if isinstance(found, EndpointsFacts) else ()

    def _vpc_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self._wanted.vpc_id, *(each.vpc_id for each in self._known_endpoints()))))

    def _group_ids(self) -> tuple[str, ...]:
        own = self.facts.get(OWN_INTERFACES)
        interfaces = own.interfaces if isinstance(own, InterfacesFacts) else ()
        of_host = (group for each in interfaces for group in each.group_ids)
        of_endpoints = (group for each in self._known_endpoints() for group in each.group_ids)
        return tuple(dict.fromkeys((*self._wanted.group_ids, *of_host, *of_endpoints)))

    def _options_id(self) -> str | None:
        found = self.facts.get(VPC)
        return found.vpc.dhcp_options_id if isinstance(found, VpcFacts) else None

    # --- The reads ---------------------------------------------------------------------------------------------------

    async def _endpoints(self) -> EndpointsFacts:
        kind = {"Name": "vpc-endpoint-type", "Values": ["Interface"]}
        rows = await self._filtered(
            ENDPOINTS,
            "DescribeVpcEndpoints",
            "VpcEndpoints",
            "service-name",
            tuple(f"*.{self._wanted.region}.{service}" for service in self._wanted.services),
            also=(kind,),
        )
        return EndpointsFacts(endpoints=tuple(map(_endpoint, rows)))

    async def _own_interfaces(self) -> InterfacesFacts:
        return await self._interfaces(OWN_INTERFACES, "attachment.instance-id", (self._wanted.instance_id or "",))

    async def _endpoint_interfaces(self) -> InterfacesFacts:
        ids = (interface for each in self._known_endpoints() for interface in each.interface_ids)
        return await self._interfaces(ENDPOINT_INTERFACES, "network-interface-id", ids)

    async def _interfaces(self, read: str, name: str, values: Iterable[str]) -> InterfacesFacts:
        rows = await self._filtered(read, "DescribeNetworkInterfaces", "NetworkInterfaces", name, values)
        return InterfacesFacts(interfaces=tuple(map(_interface, rows)))

    async def _vpc(self) -> VpcFacts:
        rows = await self._all(VPC, EC2, "DescribeVpcs", {"VpcIds": [self._wanted.vpc_id]}, "Vpcs")
        return VpcFacts(vpc=_vpc(_only(rows, "VPC")))

    async def _vpc_dns(self) -> VpcDnsFacts:
        values = []
        for name in ("enableDnsSupport", "enableDnsHostnames"):  # one attribute a request
            parameters = {"VpcId": self._wanted.vpc_id, "Attribute": name}
            answer = await self._ask(VPC_DNS, EC2, "DescribeVpcAttribute", parameters)
            values.append(_flag(_row(answer, f"E{name[1:]}"), "Value"))
        return VpcDnsFacts(support=values[0], hostnames=values[1])

    async def _dhcp_options(self) -> DhcpOptionsFacts:
        options_id = self._options_id()
        if options_id == _NO_OPTIONS:
            return DhcpOptionsFacts(options_id=_NO_OPTIONS, name_servers=())
        parameters = {"DhcpOptionsIds": [options_id]}
        rows = await self._all(DHCP_OPTIONS, EC2, "DescribeDhcpOptions", parameters, "DhcpOptions")
        return _dhcp_options(_only(rows, "set of DHCP options"))

    async def _subnets(self) -> SubnetsFacts:
        rows = await self._filtered(SUBNETS, "DescribeSubnets", "Subnets", "vpc-id", self._vpc_ids())
        return SubnetsFacts(subnets=tuple(map(_subnet, rows)))

    async def _route_tables(self) -> RouteTablesFacts:
        rows = await self._filtered(
            ROUTE_TABLES, "DescribeRouteTables", "RouteTables", "vpc-id", self._vpc_ids(), page=100
        )
        return RouteTablesFacts(tables=tuple(map(_route_table, rows)))

    async def _network_acls(self) -> NetworkAclsFacts:
        rows = await self._filtered(NETWORK_ACLS, "DescribeNetworkAcls", "NetworkAcls", "vpc-id", self._vpc_ids())
        return NetworkAclsFacts(acls=tuple(map(_network_acl, rows)))

    async def _security_groups(self) -> SecurityGroupsFacts:
        """Rules can be asked for by group alone, and one without rules gives none, like one that does not exist or is
        another account's: whether it is there is asked where none came."""
        there: set[str] = set()
        wanted = self._group_ids()
        if self._wanted.whole:
            wanted = await self._existing_groups("vpc-id", self._vpc_ids())
            there = set(wanted)
        rules: dict[str, list[GroupRule]] = {each: [] for each in wanted}
        for row in await self._filtered(
            SECURITY_GROUPS,
            "DescribeSecurityGroupRules",
            "SecurityGroupRules",
            "group-id",
            wanted,
            most=MAX_RULES,
        ):
            rules.setdefault(_word(row, "GroupId", _GROUP), []).append(_group_rule(row))
        if unknown := [each for each, found in rules.items() if not found and each not in there]:
            there = set(await self._existing_groups("group-id", unknown))
        return SecurityGroupsFacts(
            groups=tuple(
                SecurityGroup(group_id=each, rules=tuple(found))
                for each, found in rules.items()
                if found or each in there
            )
        )

    async def _existing_groups(self, name: str, values: Iterable[str]) -> tuple[str, ...]:
        rows = await self._filtered(SECURITY_GROUPS, "DescribeSecurityGroups", "SecurityGroups", name, values)
        return tuple(_word(each, "GroupId", _GROUP) for each in rows)

    async def _prefix_lists(self) -> PrefixListsFacts:
        """The lists that can be read: one that is not there, or too long, or one too many, is left out, and so not
        known."""
        groups, tables = self.facts.get(SECURITY_GROUPS), self.facts.get(ROUTE_TABLES)
        of_groups = groups.groups if isinstance(groups, SecurityGroupsFacts) else ()
        of_tables = tables.tables if isinstance(tables, RouteTablesFacts) else ()
        named = (
            *(rule.prefix_list_id for each in of_groups for rule in each.rules),
            *(route.prefix_list_id for each in of_tables for route in each.routes),
        )
        lists = []
        for each in list(dict.fromkeys(name for name in named if name is not None))[:MAX_PREFIX_LISTS]:
            parameters = {"PrefixListId": each, "MaxResults": 100}
            try:
                rows = await self._all(PREFIX_LISTS, EC2, "GetManagedPrefixListEntries", parameters, "Entries")
            except ProbeError as error:
                if error.kind in _OF_ONE_LIST:
                    continue
                raise
            lists.append(PrefixList(prefix_list_id=each, cidrs=tuple(_network(row, "Cidr") for row in rows)))
        return PrefixListsFacts(lists=tuple(lists))

    async def _resolver_rules(self) -> ResolverRulesFacts:
        of_vpc = {"Filters": [{"Name": "VPCId", "Values": [self._wanted.vpc_id]}], "MaxResults": 100}
        associations = await self._all(
            RESOLVER_RULES, RESOLVER, "ListResolverRuleAssociations", of_vpc, "ResolverRuleAssociations"
        )
        held = [
            _word(each, "ResolverRuleId", _RESOLVER_ID)
            for each in associations
            if _said(each, "Status", _WORD) in (None, "COMPLETE")
        ]
        rows = await self._all(RESOLVER_RULES, RESOLVER, "ListResolverRules", {"MaxResults": 100}, "ResolverRules")
        rules = {_word(each, "Id", _RESOLVER_ID): each for each in rows}
        found = []
        for each in dict.fromkeys(held):
            if each in rules:
                found.append(_resolver_rule(rules[each]))
            elif each == _INTERNET_RESOLVER:
                found.append(ResolverRule(rule_id=each, name=None, domain="", kind="RECURSIVE", targets=()))
            else:
                raise ProbeError(FailureKind.MALFORMED, f"{each} holds for the VPC, and the list of rules lacks it")
        return ResolverRulesFacts(rules=tuple(found))

    async def _private_zones(self) -> PrivateZonesFacts:
        parameters = {"VPCId": self._wanted.vpc_id, "VPCRegion": self._wanted.region, "MaxItems": "100"}
        rows = await self._all(PRIVATE_ZONES, ROUTE_53, "ListHostedZonesByVPC", parameters, "HostedZoneSummaries")
        return PrivateZonesFacts(zones=tuple(map(_private_zone, rows)))

    async def _dns_firewall(self) -> DnsFirewallFacts:
        of_vpc = {"VpcId": self._wanted.vpc_id, "MaxResults": 100}
        associations = await self._all(
            DNS_FIREWALL,
            RESOLVER,
            "ListFirewallRuleGroupAssociations",
            of_vpc,
            "FirewallRuleGroupAssociations",
        )
        held = [each for each in associations if _said(each, "Status", _WORD) != "DELETING"]
        if len(held) > MAX_RULE_GROUPS:
            message = f"{len(held)} rule groups of DNS Firewall, and no more than {MAX_RULE_GROUPS} are read"
            raise ProbeError(FailureKind.TOO_LARGE, message)
        rules = []
        for each in held:
            group_id = _word(each, "FirewallRuleGroupId", _RESOLVER_ID)
            of_group = {"FirewallRuleGroupId": group_id, "MaxResults": 100}
            rows = await self._all(DNS_FIREWALL, RESOLVER, "ListFirewallRules", of_group, "FirewallRules")
            rules += [((_number(each, "Priority"), _number(row, "Priority")), group_id, row) for row in rows]
        rules.sort(key=lambda rule: rule[:2])
        lists: dict[str, tuple[str, ...] | None] = {}
        for _, _, row in rules:
            list_id = _said(row, "FirewallDomainListId", _RESOLVER_ID)
            if list_id is not None and list_id not in lists:
                lists[list_id] = await self._domains(list_id) if len(lists) < MAX_DOMAIN_LISTS else None
        return DnsFirewallFacts(
            rules=tuple(_firewall_rule(row, priority, group_id, lists) for priority, group_id, row in rules)
        )

    async def _domains(self, list_id: str) -> tuple[str, ...] | None:
        """The domains of a list; None where AWS does not show them (its own lists), or where there are too many."""
        parameters = {"FirewallDomainListId": list_id, "MaxResults": MAX_DOMAINS}
        try:
            page = await self._ask(DNS_FIREWALL, RESOLVER, "ListFirewallDomains", parameters)
        except ProbeError as error:
            if error.kind in (*_OF_ONE_LIST, FailureKind.NOT_PERMITTED):
                return None
            raise
        return None if page.get("NextToken") else _words(page, "Domains", _NAME, _plain, needed=True)


def _only(rows: list[Row], what: str) -> Row:
    if len(rows) != 1:
        raise ProbeError(FailureKind.MALFORMED, f"{len(rows)} answers where one {what} was asked for")
    return rows[0]


# --- Resources -------------------------------------------------------------------------------------------------------


def _pattern_of_id(prefix: str) -> re.Pattern[str]:
    """Amazon EC2 User Guide, Resource IDs: 8 or 17 hexadecimal digits."""
    return re.compile(rf"{prefix}-(?:[0-9a-f]{{8}}|[0-9a-f]{{17}})")


_ENDPOINT: Final = _pattern_of_id("vpce")
_INTERFACE: Final = _pattern_of_id("eni")
_SUBNET: Final = _pattern_of_id("subnet")
_VPC: Final = _pattern_of_id("vpc")
_TABLE: Final = _pattern_of_id("rtb")
_ACL: Final = _pattern_of_id("acl")
_GROUP: Final = _pattern_of_id("sg")
_RULE: Final = _pattern_of_id("sgr")
_PREFIX_LIST: Final = _pattern_of_id("pl")
_NO_OPTIONS: Final = "default"
_OPTIONS: Final = re.compile(rf"{_NO_OPTIONS}|{_pattern_of_id('dopt').pattern}")
"""`default` is a VPC without any (EC2 API Reference, AssociateDhcpOptions)."""
_RESOLVER_ID: Final = re.compile(r"rslvr-[0-9a-z-]{1,58}")
_ZONE: Final = re.compile(r"(?:/hostedzone/)?([A-Z0-9]{1,32})")
_ACCOUNT: Final = re.compile(r"\d{12}")
_AVAILABILITY_ZONE: Final = re.compile(r"[a-z0-9-]{1,64}")
_SERVICE: Final = re.compile(r"[a-z0-9.-]{1,255}")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Words of the API: states, types, actions."""
_QUERY_TYPE: Final = re.compile(r"[A-Z0-9]{1,16}")
_PROTOCOL: Final = re.compile(r"-1|[a-z0-9]{1,16}")
_TARGET: Final = re.compile(r"[A-Za-z0-9:/._-]{1,256}")
_SERVER: Final = re.compile(r"[A-Za-z0-9.:]{1,64}")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f.:/]{1,64}")
"""No IPv6 scope, which could be any text."""
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_.*-]|\\[0-7]{3}){0,1024}")
"""A domain name as Route 53 gives it, characters of no host name as their octal codes (Route 53 Developer Guide, DNS
domain name format)."""
_ICMP: Final = frozenset({"icmp", "icmpv6", "1", "58"})
_OF_ONE_LIST: Final = (FailureKind.MALFORMED, FailureKind.TOO_LARGE)
"""What is wrong with one list, and not with asking."""
ROUTE_TARGETS: Final = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",  # before the instance, which the API names beside it
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "IpAddress",
)
"""Members of a Route that say where it leads (botocore 1.44.8)."""


def _endpoint(row: Row) -> VpcEndpoint:
    last = _row(row, "LastError")
    dns = _row(row, "DnsOptions")
    policy = row.get("PolicyDocument")
    if policy is not None and not isinstance(policy, str):
        raise _misplaced("PolicyDocument")
    if policy is not None and len(policy) > MAX_POLICY_CHARACTERS:
        message = f"an endpoint policy of over {MAX_POLICY_CHARACTERS} characters"
        raise ProbeError(FailureKind.TOO_LARGE, message)
    return VpcEndpoint(
        endpoint_id=_word(row, "VpcEndpointId", _ENDPOINT),
        service_name=_word(row, "ServiceName", _SERVICE),
        vpc_id=_word(row, "VpcId", _VPC),
        state=_word(row, "State", _WORD).lower(),
        private_dns=_flag(row, "PrivateDnsEnabled"),
        ip_address_type=_lowered(row, "IpAddressType"),
        dns_record_type=_lowered(dns, "DnsRecordIpType"),
        dns_names=tuple(_plain(_word(each, "DnsName", _NAME)) for each in _rows(row, "DnsEntries")),
        subnet_ids=_words(row, "SubnetIds", _SUBNET),
        interface_ids=_words(row, "NetworkInterfaceIds", _INTERFACE),
        group_ids=tuple(_word(each, "GroupId", _GROUP) for each in _rows(row, "Groups")),
        policy=policy or None,
        owner_id=_said(row, "OwnerId", _ACCOUNT),
        error_code=_prose(last, "Code"),
        error_message=_prose(last, "Message") or _prose(row, "FailureReason"),
    )


def _interface(row: Row) -> NetworkInterface:
    four = sorted(_rows(row, "PrivateIpAddresses"), key=lambda each: each.get("Primary") is not True)
    six = sorted(_rows(row, "Ipv6Addresses"), key=lambda each: each.get("IsPrimaryIpv6") is not True)
    return NetworkInterface(
        interface_id=_word(row, "NetworkInterfaceId", _INTERFACE),
        vpc_id=_word(row, "VpcId", _VPC),
        subnet_id=_word(row, "SubnetId", _SUBNET),
        addresses=(
            *(_address(each, "PrivateIpAddress") for each in four),
            *(_address(each, "Ipv6Address") for each in six),
        ),
        group_ids=tuple(_word(each, "GroupId", _GROUP) for each in _rows(row, "Groups")),
        kind=_said(row, "InterfaceType", _WORD),
        status=_lowered(row, "Status"),
        availability_zone=_said(row, "AvailabilityZone", _AVAILABILITY_ZONE),
    )


def _subnet(row: Row) -> Subnet:
    own = (_network(row, "CidrBlock"),) if row.get("CidrBlock") else ()  # IPv6-only subnets have none
    return Subnet(
        subnet_id=_word(row, "SubnetId", _SUBNET),
        vpc_id=_word(row, "VpcId", _VPC),
        cidrs=(*own, *_associated(row, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock")),
        availability_zone=_said(row, "AvailabilityZone", _AVAILABILITY_ZONE),
        availability_zone_id=_said(row, "AvailabilityZoneId", _AVAILABILITY_ZONE),
        owner_id=_said(row, "OwnerId", _ACCOUNT),
    )


def _vpc(row: Row) -> Vpc:
    primary = (_network(row, "CidrBlock"),) if row.get("CidrBlock") else ()
    others = (
        *_associated(row, "CidrBlockAssociationSet", "CidrBlock"),
        *_associated(row, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock"),
    )
    return Vpc(
        vpc_id=_word(row, "VpcId", _VPC),
        owner_id=_said(row, "OwnerId", _ACCOUNT),
        cidrs=tuple(dict.fromkeys((*primary, *others))),
        dhcp_options_id=_said(row, "DhcpOptionsId", _OPTIONS),
    )


def _associated(row: Row, key: str, name: str) -> tuple[Network, ...]:
    """The blocks that are associated; the state stands in a member named after the block's."""
    return tuple(
        _network(each, name)
        for each in _rows(row, key)
        if _said(_row(each, f"{name}State"), "State", _WORD) == "associated"
    )


def _dhcp_options(row: Row) -> DhcpOptionsFacts:
    servers = [
        _word(value, "Value", _SERVER)
        for each in _rows(row, "DhcpConfigurations")
        if each.get("Key") == "domain-name-servers"
        for value in _rows(each, "Values")
    ]
    return DhcpOptionsFacts(options_id=_word(row, "DhcpOptionsId", _OPTIONS), name_servers=tuple(servers))


def _route_table(row: Row) -> RouteTable:
    held = [
        each
        for each in _rows(row, "Associations")
        if _said(_row(each, "AssociationState"), "State", _WORD) in (None, "associated")
    ]
    of_subnets = (_said(each, "SubnetId", _SUBNET) for each in held)  # gateways have associations as well
    return RouteTable(
        table_id=_word(row, "RouteTableId", _TABLE),
        vpc_id=_word(row, "VpcId", _VPC),
        main=any(each.get("Main") is True for each in held),
        subnet_ids=tuple(each for each in of_subnets if each is not None),
        routes=tuple(map(_route, _rows(row, "Routes"))),
    )


def _route(row: Row) -> Route:
    targets = (_said(row, name, _TARGET) for name in ROUTE_TARGETS)
    prefix_list_id = _said(row, "DestinationPrefixListId", _PREFIX_LIST)
    return Route(
        destination=_block(row, "DestinationCidrBlock", "DestinationIpv6CidrBlock") if not prefix_list_id else None,
        prefix_list_id=prefix_list_id,
        target=next((each for each in targets if each is not None), "unknown"),
        state=_word(row, "State", _WORD).lower(),
    )


def _network_acl(row: Row) -> NetworkAcl:
    return NetworkAcl(
        acl_id=_word(row, "NetworkAclId", _ACL),
        vpc_id=_word(row, "VpcId", _VPC),
        default=_flag(row, "IsDefault"),
        subnet_ids=tuple(_word(each, "SubnetId", _SUBNET) for each in _rows(row, "Associations")),
        entries=tuple(map(_acl_entry, _rows(row, "Entries"))),
    )


def _acl_entry(row: Row) -> AclEntry:
    ports = {} if row.get("IcmpTypeCode") else _row(row, "PortRange")
    action = _word(row, "RuleAction", _WORD).lower()
    if action not in ("allow", "deny"):
        raise _misplaced("RuleAction")
    return AclEntry(
        number=_number(row, "RuleNumber"),
        egress=_flag(row, "Egress"),
        allow=action == "allow",
        cidr=_block(row, "CidrBlock", "Ipv6CidrBlock"),
        protocol=_word(row, "Protocol", _PROTOCOL),
        from_port=_port(ports, "From"),
        to_port=_port(ports, "To"),
    )


def _group_rule(row: Row) -> GroupRule:
    protocol = _word(row, "IpProtocol", _PROTOCOL)
    ports = {} if protocol in _ICMP else row  # of ICMP they are type and code
    prefix_list_id = _said(row, "PrefixListId", _PREFIX_LIST)
    group_id = _said(_row(row, "ReferencedGroupInfo"), "GroupId", _GROUP)
    return GroupRule(
        rule_id=_said(row, "SecurityGroupRuleId", _RULE),
        egress=_flag(row, "IsEgress"),
        protocol=protocol,
        from_port=_port(ports, "FromPort"),
        to_port=_port(ports, "ToPort"),
        cidr=_block(row, "CidrIpv4", "CidrIpv6") if not prefix_list_id and not group_id else None,
        prefix_list_id=prefix_list_id,
        referenced_group_id=group_id,
    )


def _resolver_rule(row: Row) -> ResolverRule:
    targets = tuple(_address(each, "Ip" if each.get("Ip") else "Ipv6") for each in _rows(row, "TargetIps"))
    return ResolverRule(
        rule_id=_word(row, "Id", _RESOLVER_ID),
        name=_prose(row, "Name"),
        domain=_plain(_word(row, "DomainName", _NAME)),
        kind=_word(row, "RuleType", _WORD),
        targets=targets,
        owner_id=_prose(row, "OwnerId"),  # AWS's own rules have a name there
    )


def _private_zone(row: Row) -> PrivateZone:
    owner = _row(row, "Owner")
    service = _said(owner, "OwningService", _SERVICE)
    zone = _ZONE.fullmatch(_word(row, "HostedZoneId", _ZONE))
    return PrivateZone(
        zone_id=zone[1] if zone is not None else "",
        name=_plain(_word(row, "Name", _NAME)),
        owner=service or _said(owner, "OwningAccount", _ACCOUNT),
        of_service=service is not None,
    )


def _firewall_rule(
    row: Row, priority: tuple[int, ...], group_id: str, lists: Mapping[str, tuple[str, ...] | None]
) -> FirewallRule:
    list_id = _said(row, "FirewallDomainListId", _RESOLVER_ID)
    override = _said(row, "BlockOverrideDomain", _NAME)
    return FirewallRule(
        group_id=group_id,
        domain_list_id=list_id,
        action=_word(row, "Action", _WORD),
        block_response=_said(row, "BlockResponse", _WORD),
        override=None if override is None else _plain(override),
        priority=priority,
        query_type=_said(row, "Qtype", _QUERY_TYPE),
        domains=None if list_id is None else lists[list_id],
    )


# --- Members ---------------------------------------------------------------------------------------------------------


def _misplaced(name: str) -> ProbeError:
    return ProbeError(FailureKind.MALFORMED, f"what stands in {name} does not belong there")


def _said(row: Row, name: str, pattern: re.Pattern[str]) -> str | None:
    """A text of a grammar; None where there is none, or an empty one."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _misplaced(name)
    return value


def _word(row: Row, name: str, pattern: re.Pattern[str]) -> str:
    value = _said(row, name, pattern)
    if value is None:
        raise ProbeError(FailureKind.MALFORMED, f"an answer without {name}")
    return value


def _lowered(row: Row, name: str) -> str | None:
    value = _said(row, name, _WORD)
    return None if value is None else value.lower()


def _prose(row: Row, name: str) -> str | None:
    """A text that people read: on one line and cut; None where there is none."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise _misplaced(name)
    return " ".join((value or "").split())[:MAX_TEXT_CHARACTERS] or None


def _plain(name: str) -> str:
    """A domain name in lower case and without final dots, its wildcards as such."""
    return name.replace(r"\052", "*").lower().rstrip(".")


def _words(
    row: Row,
    name: str,
    pattern: re.Pattern[str],
    form: Callable[[str], str] = str,
    *,
    needed: bool = False,
) -> tuple[str, ...]:
    values = row.get(name)
    if not isinstance(values, list):
        if values is None and not needed:
            return ()
        raise _misplaced(name)
    if not all(isinstance(each, str) and pattern.fullmatch(each) for each in values):
        raise _misplaced(name)
    return tuple(form(each) for each in values)


def _rows(row: Row, name: str, *, needed: bool = False) -> list[Row]:
    values = row.get(name)
    if values is None and not needed:
        return []
    if not isinstance(values, list) or not all(isinstance(each, Mapping) for each in values):
        raise _misplaced(name)
    return values


def _row(row: Row, name: str) -> Row:
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _misplaced(name)
    return value


def _flag(row: Row, name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise _misplaced(name)
    return value


def _number(row: Row, name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misplaced(name)
    return value


def _port(row: Row, name: str) -> int | None:
    """A port; None for all, which EC2 says by leaving it out or by -1."""
    value = _number(row, name) if row.get(name) is not None else -1
    if not -1 <= value <= 65_535:
        raise _misplaced(name)
    return None if value == -1 else value


def _address(row: Row, name: str) -> Address:
    try:
        return ip_address(_word(row, name, _ADDRESS))
    except ValueError as error:
        raise _misplaced(name) from error


def _network(row: Row, name: str) -> Network:
    try:
        return ip_network(_word(row, name, _ADDRESS))
    except ValueError as error:
        raise _misplaced(name) from error


def _block(row: Row, four: str, six: str) -> Network:
    """The block of whichever family an answer has."""
    return _network(row, four if row.get(four) else six)
