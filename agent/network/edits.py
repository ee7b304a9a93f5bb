"""Edits of a VPC's configuration: what can be put into it, and taken out of it.

One class for each thing that a change consists of. A change that is typed, a plan and the command of a fix all come
down to these. What EC2 would refuse raises AssumptionError, in words for the operator.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any, Final, Protocol, TypeVar

from agent.catalog.services import SERVICES, host_of, service_name_of
from agent.network.index import LOCAL, ports_of, range_text
from agent.network.names import KnownVpc
from agent.network.pending import Aspect, Pending
from agent.network.predictor import UNKNOWN_TARGET
from probes.frozen import dataclass
from probes.vpc.model import (
    ANY_PROTOCOL,
    AVAILABLE,
    AclEntry,
    GatewayEndpoint,
    GroupRule,
    NetworkAcl,
    NetworkInterface,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    VpcDnsFacts,
    VpcEndpoint,
)

LAST_ENTRY: Final = 32_766
"""The highest number that an entry of a network ACL can be given (EC2 API, CreateNetworkAclEntry)."""
_WORDS_OF: Final = {"6": "tcp", "17": "udp", ANY_PROTOCOL: "all"}
_DEFAULT_POLICY: Final = "the default one, which allows everything"
R = TypeVar("R")


class AssumptionError(Exception):
    """A change that cannot be made or be read, in words for the operator."""


class NotReadError(AssumptionError):
    """A change of something that is not in the configuration that was read."""


class AlreadyError(AssumptionError):
    """A change after which everything is as it was."""


class Edit(Protocol):
    """Something that a configuration has or has not."""

    def put(self, known: KnownVpc) -> KnownVpc:
        """The configuration with it. Raises AssumptionError."""

    def take(self, known: KnownVpc) -> KnownVpc:
        """The configuration without it. Raises AssumptionError."""

    @property
    def putting(self) -> str:
        """What `put` does, in words."""

    @property
    def taking(self) -> str:
        """What `take` does, in words."""


@dataclass(frozen=True, slots=True)
class Change:
    """An edit, and whether it is put in or taken out."""

    edit: Edit
    is_in: bool = True

    @property
    def words(self) -> str:
        """What it does."""
        return self.edit.putting if self.is_in else self.edit.taking

    def made(self, known: KnownVpc) -> KnownVpc:
        """The configuration with it. Raises AssumptionError."""
        return self.edit.put(known) if self.is_in else self.edit.take(known)


# --- Security groups -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfGroup:
    """A rule of a security group."""

    group_id: str
    rule: GroupRule

    def put(self, known: KnownVpc) -> KnownVpc:
        groups, group = self._found(known)
        if any(_is_same(one, self.rule) for one in group.rules):
            raise AlreadyError(f"{self.group_id} has this {_way(self.rule.egress)} rule already")
        changed = replace(group, rules=(*group.rules, self.rule))
        return with_parts(known, groups=replaced(groups, group, changed))

    def take(self, known: KnownVpc) -> KnownVpc:
        groups, group = self._found(known)
        left = tuple(one for one in group.rules if not _is_same(one, self.rule))
        if len(left) == len(group.rules):
            raise AlreadyError(f"{self.group_id} has no such {_way(self.rule.egress)} rule")
        return with_parts(known, groups=replaced(groups, group, replace(group, rules=left)))

    @property
    def putting(self) -> str:
        return f"{self.group_id}: put in {self._words}"

    @property
    def taking(self) -> str:
        return f"{self.group_id}: take out {self._words}"

    @property
    def _words(self) -> str:
        rule = self.rule
        peer = rule.cidr or rule.prefix_list_id or rule.referenced_group_id
        return f"{_way(rule.egress)} {_traffic(rule)} {'to' if rule.egress else 'from'} {peer}"

    def _found(self, known: KnownVpc) -> tuple[tuple[SecurityGroup, ...], SecurityGroup]:
        groups = read(known.configuration.groups, "security groups")
        return groups, one_of(groups, self.group_id, lambda group: group.group_id)


def _is_same(one: GroupRule, other: GroupRule) -> bool:
    """Whether two rules permit the same, whatever their ids and however all ports are written."""
    return (
        one.egress is other.egress
        and one.protocol == other.protocol
        and ports_of(one) == ports_of(other)
        and (one.cidr, one.prefix_list_id, one.referenced_group_id)
        == (other.cidr, other.prefix_list_id, other.referenced_group_id)
    )


# --- Network ACLs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfAcl:
    """An entry of a network ACL. It is known by its number and direction."""

    acl_id: str
    entry: AclEntry

    def put(self, known: KnownVpc) -> KnownVpc:
        acls, acl = self._found(known)
        if any(self._has_number(one) for one in acl.entries):
            way = _way(self.entry.egress)
            message = f"{self.acl_id} has an {way} entry {self.entry.number} already; take it out first"
            raise AlreadyError(message) if self.entry in acl.entries else AssumptionError(message)
        changed = replace(acl, entries=(*acl.entries, self.entry))
        return with_parts(known, acls=replaced(acls, acl, changed))

    def take(self, known: KnownVpc) -> KnownVpc:
        acls, acl = self._found(known)
        left = tuple(one for one in acl.entries if not self._has_number(one))
        if len(left) == len(acl.entries):
            raise AlreadyError(f"{self.acl_id} has no {_way(self.entry.egress)} entry {self.entry.number}")
        return with_parts(known, acls=replaced(acls, acl, replace(acl, entries=left)))

    @property
    def putting(self) -> str:
        entry = self.entry
        act = "allow" if entry.allow else "deny"
        number = f"{_way(entry.egress)} entry {entry.number}"
        return f"{self.acl_id}: put in {number}: {act} {_traffic(entry)} {entry.cidr}"

    @property
    def taking(self) -> str:
        return f"{self.acl_id}: take out {_way(self.entry.egress)} entry {self.entry.number}"

    def _has_number(self, other: AclEntry) -> bool:
        return (other.number, other.egress) == (self.entry.number, self.entry.egress)

    def _found(self, known: KnownVpc) -> tuple[tuple[NetworkAcl, ...], NetworkAcl]:
        acls = read(known.configuration.acls, "network ACLs")
        return acls, one_of(acls, self.acl_id, lambda acl: acl.acl_id)


@dataclass(frozen=True, slots=True)
class SubnetAcl:
    """That a subnet has a network ACL. Without it, it has the default one of its VPC."""

    subnet_id: str
    acl_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        acls = read(known.configuration.acls, "network ACLs")
        acl = one_of(acls, self.acl_id, lambda acl: acl.acl_id)
        if self.subnet_id in acl.subnet_ids:
            raise AlreadyError(f"{self.subnet_id} has {self.acl_id} already")
        return with_parts(known, acls=tuple(_in_subnet(one, self.subnet_id, to=one is acl) for one in acls))

    def take(self, known: KnownVpc) -> KnownVpc:
        acls = read(known.configuration.acls, "network ACLs")
        acl = one_of(acls, self.acl_id, lambda acl: acl.acl_id)
        if self.subnet_id not in acl.subnet_ids:
            raise AlreadyError(f"{self.subnet_id} does not have {self.acl_id}")
        default = next((one for one in acls if one.default and one.vpc_id == acl.vpc_id), None)
        if default is acl:
            raise AlreadyError(f"{self.acl_id} is the default one")
        return with_parts(known, acls=tuple(_in_subnet(one, self.subnet_id, to=one is default) for one in acls))

    @property
    def putting(self) -> str:
        return f"{self.subnet_id}: put it under {self.acl_id}"

    @property
    def taking(self) -> str:
        return f"{self.subnet_id}: put it under the default network ACL in place of {self.acl_id}"


def _in_subnet(acl: NetworkAcl, subnet_id: str, *, to: bool) -> NetworkAcl:
    left = tuple(one for one in acl.subnet_ids if one != subnet_id)
    return replace(acl, subnet_ids=(*left, subnet_id) if to else left)


# --- Route tables ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfTable:
    """A route. It is known by what it is for."""

    table_id: str
    route: Route

    def put(self, known: KnownVpc) -> KnownVpc:
        tables, table = self._found(known)
        there = [one for one in table.routes if self._is_for_same(one)]
        if there:
            words = f"{self.table_id} has a route to {self._place} already, to {there[0].target}; take it out first"
            is_same = there[0].target == self.route.target
            raise AlreadyError(words) if is_same else AssumptionError(words)
        changed = replace(table, routes=(*table.routes, self.route))
        return with_parts(known, route_tables=replaced(tables, table, changed))

    def take(self, known: KnownVpc) -> KnownVpc:
        tables, table = self._found(known)
        there = [one for one in table.routes if self._is_for_same(one)]
        if not there:
            raise AlreadyError(f"{self.table_id} has no route to {self._place}")
        if there[0].target == LOCAL:
            message = f"the route to {self._place} is that of the VPC itself, which cannot be taken out"
            raise AssumptionError(message)
        left = tuple(one for one in table.routes if one not in there)
        return with_parts(known, route_tables=replaced(tables, table, replace(table, routes=left)))

    @property
    def putting(self) -> str:
        by = "what is not known yet" if self.route.target == UNKNOWN_TARGET else self.route.target
        return f"{self.table_id}: put in a route to {self._place} by {by}"

    @property
    def taking(self) -> str:
        return f"{self.table_id}: take out the route to {self._place}"

    @property
    def _place(self) -> object:
        return self.route.destination or self.route.prefix_list_id

    def _is_for_same(self, other: Route) -> bool:
        return (other.destination or other.prefix_list_id) == self._place

    def _found(self, known: KnownVpc) -> tuple[tuple[RouteTable, ...], RouteTable]:
        tables = read(known.configuration.route_tables, "route tables")
        return tables, one_of(tables, self.table_id, lambda table: table.table_id)


@dataclass(frozen=True, slots=True)
class SubnetTable:
    """That a subnet has a route table. Without it, it has the main one of its VPC."""

    subnet_id: str
    table_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        tables = read(known.configuration.route_tables, "route tables")
        table = one_of(tables, self.table_id, lambda table: table.table_id)
        if self.subnet_id in table.subnet_ids:
            raise AlreadyError(f"{self.subnet_id} has {self.table_id} already")
        return with_parts(known, route_tables=tuple(self._moved(one, to=one is table) for one in tables))

    def take(self, known: KnownVpc) -> KnownVpc:
        tables = read(known.configuration.route_tables, "route tables")
        table = one_of(tables, self.table_id, lambda table: table.table_id)
        if self.subnet_id not in table.subnet_ids:
            raise AlreadyError(f"{self.subnet_id} does not have {self.table_id}")
        return with_parts(known, route_tables=replaced(tables, table, self._moved(table, to=False)))

    @property
    def putting(self) -> str:
        return f"{self.subnet_id}: give it {self.table_id}"

    @property
    def taking(self) -> str:
        return f"{self.subnet_id}: give it the main route table in place of {self.table_id}"

    def _moved(self, table: RouteTable, *, to: bool) -> RouteTable:
        left = tuple(one for one in table.subnet_ids if one != self.subnet_id)
        return replace(table, subnet_ids=(*left, self.subnet_id) if to else left)


# --- Endpoints -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PrivateDns:
    """Private DNS of an endpoint, on or off."""

    endpoint_id: str
    is_on: bool

    def put(self, known: KnownVpc) -> KnownVpc:
        endpoints, endpoint = _endpoint(known, self.endpoint_id)
        if endpoint.private_dns is self.is_on:
            raise AlreadyError(f"private DNS of {self.endpoint_id} is {_on(self.is_on)} already")
        names = endpoint.dns_names
        if self.is_on:
            for other in endpoints:
                if (other.vpc_id, other.service_name) == (endpoint.vpc_id, endpoint.service_name) and other.private_dns:
                    message = f"{other.endpoint_id} has private DNS for the same names; turn that off first"
                    raise AssumptionError(message)
            names = tuple(dict.fromkeys((*names, *private_names(known, endpoint.service_name))))
        changed = replace(endpoint, private_dns=self.is_on, dns_names=names)
        return with_parts(known, endpoints=replaced(endpoints, endpoint, changed))

    def take(self, known: KnownVpc) -> KnownVpc:
        return PrivateDns(self.endpoint_id, not self.is_on).put(known)

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: turn private DNS {_on(self.is_on)}"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: turn private DNS {_on(not self.is_on)}"


def private_names(known: KnownVpc, service_name: str) -> tuple[str, ...]:
    """The hosts that private DNS of an endpoint would answer for: as EC2 says of its service, or its default host."""
    offered = known.configuration.offered
    for service in () if offered is None else offered.services:
        if service.service_name == service_name and service.private_names:
            return service.private_names
    return tuple(
        host_of(service, known.region, fips=False, dual_stack=False)
        for service in SERVICES
        if service_name_of(service, known.region) == service_name
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of an endpoint, of either kind."""

    endpoint_id: str
    document: str | None
    """JSON text; None for that which allows everything."""

    def put(self, known: KnownVpc) -> KnownVpc:
        gateways = known.configuration.gateway_endpoints or ()
        gateway = next((one for one in gateways if one.endpoint_id == self.endpoint_id), None)
        if gateway is not None:
            changed = replace(gateway, policy=self.document)
            return with_parts(known, gateway_endpoints=replaced(gateways, gateway, changed))
        endpoints, endpoint = _endpoint(known, self.endpoint_id)
        return with_parts(known, endpoints=replaced(endpoints, endpoint, replace(endpoint, policy=self.document)))

    def take(self, known: KnownVpc) -> KnownVpc:
        return Policy(self.endpoint_id, None).put(known)

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: replace its policy by {'another one' if self.document else _DEFAULT_POLICY}"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: replace its policy by {_DEFAULT_POLICY}"


@dataclass(frozen=True, slots=True)
class EndpointGroup:
    """That an interface endpoint has a security group."""

    endpoint_id: str
    group_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        _, endpoint = _endpoint(known, self.endpoint_id)
        if self.group_id in endpoint.group_ids:
            raise AlreadyError(f"{self.endpoint_id} has {self.group_id} already")
        return with_groups(known, endpoint, (*endpoint.group_ids, self.group_id))

    def take(self, known: KnownVpc) -> KnownVpc:
        _, endpoint = _endpoint(known, self.endpoint_id)
        if self.group_id not in endpoint.group_ids:
            raise AlreadyError(f"{self.endpoint_id} does not have {self.group_id}")
        return with_groups(known, endpoint, tuple(one for one in endpoint.group_ids if one != self.group_id))

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: add the security group {self.group_id}"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: remove the security group {self.group_id}"


def with_groups(known: KnownVpc, endpoint: VpcEndpoint, group_ids: tuple[str, ...]) -> KnownVpc:
    """The endpoint and its interfaces with these security groups; none is that they are not known."""
    interfaces = known.configuration.endpoint_interfaces
    of_endpoint = set(endpoint.interface_ids)
    return with_parts(
        known,
        endpoints=replaced(known.configuration.endpoints or (), endpoint, replace(endpoint, group_ids=group_ids)),
        endpoint_interfaces=None
        if interfaces is None
        else tuple(replace(one, group_ids=group_ids) if one.interface_id in of_endpoint else one for one in interfaces),
    )


@dataclass(frozen=True, slots=True)
class EndpointSubnet:
    """That an interface endpoint has an interface in a subnet. Only taking it out is known beforehand: the address of
    a new one is not."""

    endpoint_id: str
    subnet_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        endpoints, endpoint = _endpoint(known, self.endpoint_id)
        if self.subnet_id in endpoint.subnet_ids:
            raise AlreadyError(f"{self.endpoint_id} is in {self.subnet_id} already")
        changed = replace(endpoint, subnet_ids=(*endpoint.subnet_ids, self.subnet_id))
        words = f"the address of {self.endpoint_id} in {self.subnet_id} is known only once it is made"
        return with_pending(
            with_parts(known, endpoints=replaced(endpoints, endpoint, changed)),
            Pending(self.endpoint_id, Aspect.ADDRESSES, words),
        )

    def take(self, known: KnownVpc) -> KnownVpc:
        endpoints, endpoint = _endpoint(known, self.endpoint_id)
        if self.subnet_id not in endpoint.subnet_ids:
            raise AlreadyError(f"{self.endpoint_id} is not in {self.subnet_id}")
        interfaces = read(known.configuration.endpoint_interfaces, "interfaces of the endpoints")
        gone = {
            one.interface_id
            for one in interfaces
            if one.subnet_id == self.subnet_id and one.interface_id in endpoint.interface_ids
        }
        changed = replace(
            endpoint,
            subnet_ids=tuple(one for one in endpoint.subnet_ids if one != self.subnet_id),
            interface_ids=tuple(one for one in endpoint.interface_ids if one not in gone),
        )
        return _without(with_parts(known, endpoints=replaced(endpoints, endpoint, changed)), gone)

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: add an interface in {self.subnet_id}"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: remove the interface in {self.subnet_id}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An interface endpoint that is there. Only deleting it is known beforehand."""

    endpoint_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        _endpoint(known, self.endpoint_id)
        raise AlreadyError(f"{self.endpoint_id} is there already")

    def take(self, known: KnownVpc) -> KnownVpc:
        endpoints, endpoint = _endpoint(known, self.endpoint_id)
        left = tuple(one for one in endpoints if one is not endpoint)
        return _without(with_parts(known, endpoints=left), set(endpoint.interface_ids))

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: create the endpoint"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: delete the endpoint"


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An interface endpoint that is not there yet. Its addresses are not known, nor what its name leads to with private
    DNS."""

    service_name: str
    vpc_id: str
    private_dns: bool | None
    """None where it is not known."""
    policy: str | None
    is_policy_known: bool

    def put(self, known: KnownVpc) -> KnownVpc:
        endpoints = read(known.configuration.endpoints, "endpoints")
        if self.vpc_id not in {known.vpc_id, *(one.vpc_id for one in endpoints)}:
            raise NotReadError("its VPC is not in the configuration that was read")
        endpoint_id = new_id(known, "vpce")
        made = VpcEndpoint(
            endpoint_id=endpoint_id,
            service_name=self.service_name,
            vpc_id=self.vpc_id,
            state=AVAILABLE,
            private_dns=self.private_dns is True,
            policy=self.policy,
            owner_id=known.account,
        )
        words = f"the addresses of {endpoint_id}, a new endpoint, are known only once it is made"
        pending = [Pending(endpoint_id, Aspect.ADDRESSES, words)]
        if self.private_dns is not False:
            pending.append(Pending(endpoint_id, Aspect.NAME, words))
        if not self.is_policy_known:
            policy = f"the policy of {endpoint_id}, a new endpoint, is known only once it is made"
            pending.append(Pending(endpoint_id, Aspect.POLICY, policy))
        return with_pending(with_parts(known, endpoints=(*endpoints, made)), *pending)

    def take(self, known: KnownVpc) -> KnownVpc:
        raise AlreadyError("it is not made yet")

    @property
    def putting(self) -> str:
        dns = {True: "with private DNS", False: "without private DNS", None: "with or without private DNS"}
        return f"create an endpoint of {self.service_name} in {self.vpc_id}, {dns[self.private_dns]}"

    @property
    def taking(self) -> str:
        return f"do not create an endpoint of {self.service_name}"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway endpoint itself. Only deleting it is known beforehand."""

    endpoint_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        gateway_of(known, self.endpoint_id)
        raise AlreadyError(f"{self.endpoint_id} is there already")

    def take(self, known: KnownVpc) -> KnownVpc:
        gateways, gateway = gateway_of(known, self.endpoint_id)
        tables = known.configuration.route_tables
        return with_parts(
            known,
            gateway_endpoints=tuple(one for one in gateways if one is not gateway),
            route_tables=None
            if tables is None
            else tuple(
                replace(table, routes=tuple(one for one in table.routes if one.target != self.endpoint_id))
                for table in tables
            ),
        )

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: create the gateway endpoint"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: delete the gateway endpoint"


@dataclass(frozen=True, slots=True)
class GatewayTable:
    """That a route table has the route of a gateway endpoint."""

    endpoint_id: str
    table_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        gateways, gateway = gateway_of(known, self.endpoint_id)
        if self.table_id in gateway.route_table_ids:
            raise AlreadyError(f"{self.table_id} has the route to {self.endpoint_id} already")
        list_id = _list_of(known, gateway)
        if list_id is None:
            raise NotReadError(f"the prefix list of {self.endpoint_id} was not read")
        changed = replace(gateway, route_table_ids=(*gateway.route_table_ids, self.table_id))
        with_route = OfTable(self.table_id, Route(prefix_list_id=list_id, target=self.endpoint_id)).put(known)
        return with_parts(with_route, gateway_endpoints=replaced(gateways, gateway, changed))

    def take(self, known: KnownVpc) -> KnownVpc:
        gateways, gateway = gateway_of(known, self.endpoint_id)
        if self.table_id not in gateway.route_table_ids:
            raise AlreadyError(f"{self.table_id} has no route to {self.endpoint_id}")
        left = tuple(one for one in gateway.route_table_ids if one != self.table_id)
        tables = read(known.configuration.route_tables, "route tables")
        table = one_of(tables, self.table_id, lambda table: table.table_id)
        routes = tuple(one for one in table.routes if one.target != self.endpoint_id)
        return with_parts(
            known,
            gateway_endpoints=replaced(gateways, gateway, replace(gateway, route_table_ids=left)),
            route_tables=replaced(tables, table, replace(table, routes=routes)),
        )

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: put its route into {self.table_id}"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: take its route out of {self.table_id}"


def _list_of(known: KnownVpc, gateway: GatewayEndpoint) -> str | None:
    """The prefix list of a gateway endpoint, which its routes name, or those of another one of its service."""
    alike = {
        one.endpoint_id
        for one in known.configuration.gateway_endpoints or ()
        if one.service_name == gateway.service_name
    }
    for table in known.configuration.route_tables or ():
        for route in table.routes:
            if route.target in alike and route.prefix_list_id is not None:
                return route.prefix_list_id
    return None


def gateway_of(known: KnownVpc, endpoint_id: str) -> tuple[tuple[GatewayEndpoint, ...], GatewayEndpoint]:
    """The gateway endpoints, and the one of that id. Raises AssumptionError."""
    gateways = read(known.configuration.gateway_endpoints, "gateway endpoints")
    return gateways, one_of(gateways, endpoint_id, lambda gateway: gateway.endpoint_id)


def _endpoint(known: KnownVpc, endpoint_id: str) -> tuple[tuple[VpcEndpoint, ...], VpcEndpoint]:
    endpoints = read(known.configuration.endpoints, "endpoints")
    return endpoints, one_of(endpoints, endpoint_id, lambda endpoint: endpoint.endpoint_id)


def _without(known: KnownVpc, interface_ids: set[str]) -> KnownVpc:
    """The configuration without some interfaces of endpoints."""
    parts = {
        name: tuple(one for one in interfaces if one.interface_id not in interface_ids)
        for name in ("endpoint_interfaces", "interfaces")
        if (interfaces := getattr(known.configuration, name)) is not None
    }
    return with_parts(known, **parts)


# --- DNS attributes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DnsAttribute:
    """One of the DNS attributes of the VPC, on or off."""

    vpc_id: str
    name: str
    """`support` or `hostnames`."""
    is_on: bool

    def put(self, known: KnownVpc) -> KnownVpc:
        if self.vpc_id != known.vpc_id:
            raise NotReadError("it is not in the configuration that was read")
        dns = known.configuration.dns
        if dns is None:
            raise NotReadError("the DNS attributes were not read, so no change of them can be judged")
        if getattr(dns, self.name) is self.is_on:
            raise AlreadyError(f"{self._words} of {self.vpc_id} is {str(self.is_on).lower()} already")
        changed: VpcDnsFacts = replace(dns, **{self.name: self.is_on})
        return with_parts(known, dns=changed)

    def take(self, known: KnownVpc) -> KnownVpc:
        return DnsAttribute(self.vpc_id, self.name, not self.is_on).put(known)

    @property
    def putting(self) -> str:
        return f"{self.vpc_id}: set {self._words} to {str(self.is_on).lower()}"

    @property
    def taking(self) -> str:
        return f"{self.vpc_id}: set {self._words} to {str(not self.is_on).lower()}"

    @property
    def _words(self) -> str:
        return {"support": "enableDnsSupport", "hostnames": "enableDnsHostnames"}[self.name]


# --- What is not known yet -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Something of a resource that is known only once a plan is applied."""

    resource_id: str
    aspect: Aspect
    words: str

    def put(self, known: KnownVpc) -> KnownVpc:
        if self.resource_id not in ids_in(known):
            raise NotReadError("it is not in the configuration that was read")
        return with_pending(known, Pending(self.resource_id, self.aspect, self.words))

    def take(self, known: KnownVpc) -> KnownVpc:
        raise AlreadyError(f"nothing of {self.resource_id} is left open")

    @property
    def putting(self) -> str:
        return self.words

    @property
    def taking(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class UnknownGroups:
    """That the security groups of an interface endpoint are not known yet."""

    endpoint_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        return with_groups(known, _endpoint(known, self.endpoint_id)[1], ())

    def take(self, known: KnownVpc) -> KnownVpc:
        raise AlreadyError(f"the security groups of {self.endpoint_id} are known")

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: its security groups are known only once the plan is applied"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: its security groups are known"


@dataclass(frozen=True, slots=True)
class NewTable:
    """That a subnet gets a route table that is not known yet, such as one that the plan makes."""

    subnet_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        tables = read(known.configuration.route_tables, "route tables")
        vpc_id = _vpc_of(known, self.subnet_id)
        table_id = new_id(known, "rtb")
        made = RouteTable(table_id=table_id, vpc_id=vpc_id, main=False, subnet_ids=(self.subnet_id,), routes=())
        moved = tuple(
            replace(one, subnet_ids=tuple(each for each in one.subnet_ids if each != self.subnet_id)) for one in tables
        )
        words = f"the routes of {table_id}, which {self.subnet_id} gets, are known only once the plan is applied"
        return with_pending(with_parts(known, route_tables=(*moved, made)), Pending(table_id, Aspect.ROUTES, words))

    def take(self, known: KnownVpc) -> KnownVpc:
        raise AlreadyError(f"the route table of {self.subnet_id} is known")

    @property
    def putting(self) -> str:
        return f"{self.subnet_id}: give it a route table that is known only once the plan is applied"

    @property
    def taking(self) -> str:
        return f"{self.subnet_id}: give it a route table that is known"


@dataclass(frozen=True, slots=True)
class NewAcl:
    """That a subnet gets a network ACL that is not known yet, such as one that the plan makes."""

    subnet_id: str

    def put(self, known: KnownVpc) -> KnownVpc:
        acls = read(known.configuration.acls, "network ACLs")
        vpc_id = _vpc_of(known, self.subnet_id)
        acl_id = new_id(known, "acl")
        made = NetworkAcl(acl_id=acl_id, vpc_id=vpc_id, default=False, subnet_ids=(self.subnet_id,), entries=())
        moved = tuple(_in_subnet(one, self.subnet_id, to=False) for one in acls)
        words = f"the entries of {acl_id}, which {self.subnet_id} gets, are known only once the plan is applied"
        pending = (Pending(acl_id, aspect, words) for aspect in (Aspect.INBOUND, Aspect.OUTBOUND))
        return with_pending(with_parts(known, acls=(*moved, made)), *pending)

    def take(self, known: KnownVpc) -> KnownVpc:
        raise AlreadyError(f"the network ACL of {self.subnet_id} is known")

    @property
    def putting(self) -> str:
        return f"{self.subnet_id}: put it under a network ACL that is known only once the plan is applied"

    @property
    def taking(self) -> str:
        return f"{self.subnet_id}: put it under a network ACL that is known"


def _vpc_of(known: KnownVpc, subnet_id: str) -> str:
    """The VPC of a subnet. Raises NotReadError."""
    configuration = known.configuration
    places: tuple[Subnet | NetworkInterface, ...] = (
        *(configuration.subnets or ()),
        *(configuration.interfaces or ()),
        *(configuration.endpoint_interfaces or ()),
    )
    return one_of(places, subnet_id, lambda place: place.subnet_id).vpc_id


def new_id(known: KnownVpc, kind: str) -> str:
    """What stands for the id of a resource that is not made yet."""
    taken = ids_in(known)
    return next(name for number in count(1) if (name := f"{kind}-new-{number}") not in taken)


def with_pending(known: KnownVpc, *pending: Pending) -> KnownVpc:
    """The same with more that is not known yet."""
    return replace(known, pending=(*known.pending, *pending))


def ids_in(known: KnownVpc) -> frozenset[str]:
    """The ids of what can be edited."""
    configuration = known.configuration
    return frozenset(
        (
            known.vpc_id,
            *(group.group_id for group in configuration.groups or ()),
            *(acl.acl_id for acl in configuration.acls or ()),
            *(table.table_id for table in configuration.route_tables or ()),
            *(subnet.subnet_id for subnet in configuration.subnets or ()),
            *(interface.subnet_id for interface in configuration.interfaces or ()),
            *(interface.subnet_id for interface in configuration.endpoint_interfaces or ()),
            *(endpoint.endpoint_id for endpoint in configuration.endpoints or ()),
            *(gateway.endpoint_id for gateway in configuration.gateway_endpoints or ()),
        )
    )


# --- What all of them need -------------------------------------------------------------------------------------------


def _way(egress: bool) -> str:
    return "outbound" if egress else "inbound"


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _traffic(rule: GroupRule | AclEntry) -> str:
    """`tcp 1026-1031`, `all all`."""
    is_all = rule.from_port is None or rule.to_port is None or rule.protocol == ANY_PROTOCOL
    return f"{_WORDS_OF.get(rule.protocol, rule.protocol)} {'all' if is_all else range_text(*ports_of(rule))}"


def read(found: tuple[R, ...] | None, what: str) -> tuple[R, ...]:
    """A part of the configuration. Raises NotReadError where it was not read."""
    if found is None:
        raise NotReadError(f"the {what} were not read, so no change of them can be judged")
    return found


def one_of(found: Iterable[R], wanted: str, id_of: Callable[[R], str]) -> R:
    """The one of that id. Raises NotReadError."""
    for one in found:
        if id_of(one) == wanted:
            return one
    raise NotReadError("it is not in the configuration that was read")


def replaced(found: Iterable[R], old: R, new: R) -> tuple[R, ...]:
    """The same with one of them in place of another."""
    return tuple(new if one is old else one for one in found)


def with_parts(known: KnownVpc, **parts: Any) -> KnownVpc:
    """The same with these parts of the configuration, by their names."""
    return replace(known, configuration=replace(known.configuration, **parts))
