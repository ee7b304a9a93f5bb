"""The outcome of a packet by the configuration: pure functions over the answers of EC2.

A connect from this host to an address and port of an endpoint is followed hop by hop, as AWS's documentation describes:
the host's security groups, the host's subnet's network ACL, the route, the endpoint's subnet's network ACL, the
endpoint's security groups, the endpoint's interface, and the way back through both ACLs and the endpoint's subnet's
route table. Each hop has an outcome and the rule that decides, or the rule that is missing. Parts that cannot be seen
(not read, in other accounts, or behind an appliance) are reported and never guessed.

Inside one subnet, network ACLs and routes play no role: both act on packets that leave the subnet. Security groups are
stateful, so the answer needs no rule. Network ACLs are stateless, so they need entries for this host's own ports. A
peering leads to the other VPC's addresses and no further; `agent.network.transit` follows a transit gateway there and
back.

Sources: Amazon VPC User Guide, Security group rules, Network ACL basics, Ephemeral ports, How route priority works,
Subnet route tables, Gateway route tables, NAT gateways; AWS Site-to-Site VPN User Guide, Route tables and VPN route
priority; AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint; Amazon VPC Peering Guide, How
VPC peering connections work.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from textwrap import shorten
from typing import Final

from agent.network.index import (
    LOCAL,
    TCP_PROTOCOLS,
    Peer,
    PrefixLists,
    Remote,
    Routes,
    Rules,
    ports_of,
    ranges_of,
    route_text,
    rule_id_of,
    rule_text,
)
from agent.network.pending import Aspect, Pending, words_of
from agent.network.transit import TRANSIT_GATEWAY, Arrival, Passage, TransitGateways, Trip
from agent.report.hops import APPLIANCES, EPHEMERAL, REST, THIS_HOST, WORST, Hop, Ports, Prediction, Reachability, Stage
from probes.facts import ImdsFacts
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    NETWORK_ACLS,
    PENDING,
    READS,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    AclEntry,
    Configuration,
    GatewayEndpoint,
    Network,
    NetworkAcl,
    NetworkInterface,
    Peering,
    Route,
    RouteTable,
    VpcEndpoint,
)

_Decided = tuple[Ports, AclEntry | None]
"""Ports of a packet, and the entry of an ACL that decides about them. None stands for the entry `*`."""

INTERNET: Final = ("igw-", "eigw-")
UNKNOWN_TARGET: Final = "unknown"
"""The target of a route if it is unknown."""
_KEEPS_SOURCE: Final = "vpce-"
"""The prefix of the ids of Gateway Load Balancer endpoints, which keep the source address of packets. A NAT gateway
replaces it by its own address, and so may the appliance behind a network interface."""
PEERING: Final = "pcx-"
_PEERING_WORKS: Final = "active"
_PEERING_GONE: Final = frozenset(
    {"initiating-request", "pending-acceptance", "deleted", "rejected", "failed", "expired", "deleting"}
)
"""States in which a peering passes no packets."""
UNCERTAIN_STATES: Final = frozenset({"partial", PENDING})
"""States of an endpoint that do not show whether its interfaces work: the API has `partial` but does not explain it,
and an endpoint returns to `pending` whenever somebody modifies it (AWS PrivateLink Guide, Endpoint states)."""
_LAST_NUMBER: Final = 32766
"""The highest number that people can give an entry. Higher numbers belong to the `*`."""
PRIVATE_NETWORKS: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""Blocks of addresses that no host on the internet has (RFC 1918, RFC 6598 and RFC 4193)."""
_MESSAGE_CHARACTERS: Final = 160


_EDGE: Final = frozenset(Stage) - {Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS, Stage.ENDPOINT}
"""Stages that a packet meets only if it leaves its subnet."""


def own_interface(
    configuration: Configuration, source: Address | None, metadata: ImdsFacts | None
) -> NetworkInterface | None:
    """The interface of this host that sends from `source`, or the only interface if `source` is unknown.

    If EC2 gave no interfaces, the interface is made from the instance metadata of the primary interface. If `source`
    belongs to another interface in the same subnet, such as a second interface of this host or that of a container, the
    subnet is known but the groups are not. If `source` is in another subnet, nothing is known.
    """
    interfaces = configuration.own_interfaces
    if interfaces is not None:
        fitting = [interface for interface in interfaces if source is None or source in interface.addresses]
        return fitting[0] if len(fitting) == 1 else None
    if source is None or metadata is None or metadata.vpc_id is None or metadata.subnet_id is None:
        return None
    is_primary = source in metadata.interface_addresses
    if not is_primary and not _within(source, metadata.subnet_cidrs):
        return None
    return NetworkInterface(
        interface_id=(metadata.interface_id if is_primary else None) or THIS_HOST,
        vpc_id=metadata.vpc_id,
        subnet_id=metadata.subnet_id,
        addresses=metadata.interface_addresses if is_primary else (source,),
        group_ids=metadata.security_group_ids if is_primary else (),
    )


# --- The path ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A connect, and the known facts about its ends."""

    source: Address | None
    own: NetworkInterface | None
    address: Address
    port: int
    interface: NetworkInterface | None
    endpoint: VpcEndpoint | None
    leaves_subnet: bool | None
    """The interface; None if unknown."""

    @property
    def own_groups(self) -> tuple[str, ...]:
        return self.own.group_ids if self.own is not None else ()

    @property
    def endpoint_groups(self) -> tuple[str, ...]:
        if self.interface is None:
            return ()
        return self.interface.group_ids or (self.endpoint.group_ids if self.endpoint is not None else ())

    @property
    def in_one_vpc(self) -> bool:
        return self.own is not None and self.interface is not None and self.own.vpc_id == self.interface.vpc_id

    @property
    def other_vpc(self) -> str | None:
        """The endpoint's VPC if it is known to be another VPC than the host's."""
        apart = self.own is not None and self.interface is not None and self.own.vpc_id != self.interface.vpc_id
        return self.interface.vpc_id if apart and self.interface is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """The route that a table has for an address."""

    table_id: str | None
    route: Route | None
    """The route; None if there is none, or if it is uncertain which one applies."""
    outcome: Reachability
    words: str
    detour: str | None = None
    """The appliance or gateway to which the route sends packets first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Whether a subnet reaches an address through a gateway endpoint, and through which one."""

    endpoint: GatewayEndpoint | None = None
    """The endpoint; None if there is none, or if it is unknown."""
    why_unknown: str | None = None
    """Why it is unknown; None if it is known."""
    table_id: str | None = None
    """The subnet's route table; None if unknown."""
    prefix_list_id: str | None = None
    """The prefix list whose route leads to `endpoint`."""


class Predictor:
    """Predictions for one configuration, which is indexed once."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        vpc_id: str | None = None,
        vpc_cidrs: Iterable[Network] = (),
        answers: Ports = EPHEMERAL,
        pending: Iterable[Pending] = (),
    ) -> None:
        """`vpc_id` and `vpc_cidrs` add what is known of this host's VPC from elsewhere, `answers` are the ports at
        which this host receives answers, and `pending` are the aspects that are known only later."""
        self._configuration = configuration
        self.answers = answers
        self._pending = words_of(pending)
        vpc = configuration.vpc
        self._vpc_id = vpc_id if vpc_id is not None or vpc is None else vpc.vpc_id
        self._blocks_of: defaultdict[str | None, tuple[Network, ...]] = defaultdict(tuple)
        self._blocks_of[self._vpc_id] += tuple(vpc_cidrs)
        if vpc is not None:
            self._blocks_of[vpc.vpc_id] += vpc.cidrs
        self.lists = PrefixLists(configuration)
        self._interfaces: defaultdict[Address, list[NetworkInterface]] = defaultdict(list)
        for interface in configuration.endpoint_interfaces or ():
            for address in interface.addresses:
                self._interfaces[address].append(interface)
        self._endpoint_of = {
            interface_id: endpoint
            for endpoint in configuration.endpoints or ()
            for interface_id in endpoint.interface_ids
        }
        self._gateways = {gateway.endpoint_id: gateway for gateway in configuration.gateway_endpoints or ()}
        self._rules_of = {group.group_id: group.rules for group in configuration.groups or ()}
        self._acl_of = {subnet_id: acl for acl in configuration.acls or () for subnet_id in acl.subnet_ids}
        tables = configuration.route_tables or ()
        self._table_of = {subnet_id: table for table in tables for subnet_id in table.subnet_ids}
        self._main_table_of = {table.vpc_id: table for table in tables if table.main}
        self._peerings_of: defaultdict[str, set[str]] = defaultdict(set)
        for table in tables:
            self._peerings_of[table.vpc_id].update(route.target for route in table.routes)
        self._cidrs_of = {subnet.subnet_id: subnet.cidrs for subnet in configuration.subnets or ()}
        self._peerings = {peering.peering_id: peering for peering in configuration.peerings or ()}
        self.transit = TransitGateways(
            configuration.transit,
            {subnet.subnet_id: subnet.availability_zone for subnet in configuration.subnets or ()},
            acl=self._acl_at,
            arrival=self._arrival,
        )
        self._names: dict[tuple[int, int], str] = {}
        self._rules: dict[tuple[tuple[str, ...], bool], Rules] = {}
        self._entries: dict[tuple[str, bool], list[tuple[Ports, AclEntry]]] = {}
        self._routes: dict[str, Routes] = {}
        # Most of many connects meet the same hops, so each hop is judged once.
        self._group_hops: dict[tuple[Stage, tuple[str, ...], int, Peer], Hop] = {}
        self._acl_hops: dict[tuple[Stage, str, bool, Remote, Ports], Hop] = {}
        self._legs: dict[tuple[str, str, bool, str | None, bool, bool], _Leg] = {}

    def endpoint_at(
        self, address: Address, vpc_id: str | None = None
    ) -> tuple[VpcEndpoint | None, NetworkInterface | None]:
        """The endpoint and the interface with `address`, seen from a host in `vpc_id` or in this host's VPC."""
        interface = self.interface_at(address, vpc_id)
        return self.endpoint_of(interface), interface

    def interface_at(self, address: Address, vpc_id: str | None = None) -> NetworkInterface | None:
        """The endpoint's interface with `address`, seen from a host in `vpc_id` or in this host's VPC.

        Several VPCs can use the same address. If it is in one of the host's VPC's own blocks, only an interface in that
        VPC can have it. Otherwise an interface in that VPC comes first. Without one, an interface in another VPC is
        returned if it is the only one with the address.
        """
        vpc_id = vpc_id if vpc_id is not None else self._vpc_id
        having = self._interfaces.get(address, [])
        near = [interface for interface in having if interface.vpc_id == vpc_id]
        if not near and not self._is_in(vpc_id, address):
            near = having
        return near[0] if len(near) == 1 else None

    def _is_in(self, vpc_id: str | None, address: Address) -> bool:
        """Whether an address is in one of a VPC's own blocks, if these are known."""
        return _within(address, self._blocks_of.get(vpc_id, ()))

    def endpoint_of(self, interface: NetworkInterface | None) -> VpcEndpoint | None:
        """The endpoint that names an interface. If no endpoint names it, this is the only endpoint that names no
        interfaces and has the subnet and the groups of the interface."""
        if interface is None:
            return None
        named = self._endpoint_of.get(interface.interface_id)
        if named is not None:
            return named
        fitting = [
            endpoint
            for endpoint in self._configuration.endpoints or ()
            if not endpoint.interface_ids
            and endpoint.vpc_id == interface.vpc_id
            and interface.subnet_id in endpoint.subnet_ids
            and set(endpoint.group_ids) == set(interface.group_ids)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def gateway_at(self, address: Address, own: NetworkInterface | None) -> Gateway:
        """The gateway endpoint through which the subnet of this host's interface reaches a public address."""
        configuration = self._configuration
        if configuration.gateway_endpoints is None or configuration.route_tables is None:
            return Gateway(why_unknown="the gateway endpoints and route tables were not read")
        if own is None:
            return Gateway(why_unknown="it is not known from which subnet this host sends")
        table = self.table_of(own)
        if table is None:
            return Gateway(why_unknown=f"the route table of {own.subnet_id} was not read")
        routes = self.routes_of(table)
        length, taken = routes.to(address)
        endpoint, why, list_id = None, None, None
        if unsettled := self._unsettled((table.table_id,), Aspect.ROUTES):
            why = unsettled
        elif routes.unread and length < address.max_prefixlen:
            why = f"{table.table_id} has routes for {_and(routes.unread)}, not read"
        elif len(taken) > 1:
            why = f"which route of {table.table_id} is taken is not known"
        elif taken and taken[0].target in self._gateways:
            endpoint = self._gateways[taken[0].target] if taken[0].state == "active" else None
            list_id = taken[0].prefix_list_id
        elif taken and taken[0].prefix_list_id is not None and taken[0].target.startswith(_KEEPS_SOURCE):
            # In a shared VPC, only its owner sees the endpoints; this may also be an endpoint of a Gateway Load
            # Balancer.
            why = f"{table.table_id} sends {address} to {taken[0].target}, which EC2 does not show to this account"
        return Gateway(endpoint=endpoint, why_unknown=why, table_id=table.table_id, prefix_list_id=list_id)

    def predict(
        self, *, source: Address | None, own: NetworkInterface | None, address: Address, port: int
    ) -> Prediction:
        """The predicted outcome of a TCP connect from `source`, an address of the interface `own`, to `port` of
        `address`."""
        way = self._way(source, own, address, port)
        forward = self._forward(way)
        there = Remote(name=self._name_of(address), address=address, version=address.version)
        sent = self._sender(way, None)
        onward = self._passage(Stage.TRANSIT, forward, way.own, way.interface, sent, there, (port, port))
        detour = next((leg.detour for leg in (forward, onward) if leg is not None and leg.detour is not None), None)
        doubt = _doubt(way, detour, by_peering=self._is_by_peering(forward))
        here = self._sender(way, detour)
        back = self._backward(way, here.address)
        homeward = self._passage(Stage.RETURN_TRANSIT, back, way.interface, way.own, there, here, self.answers)
        gateway = None if way.interface is not None else self.gateway_at(address, own).endpoint
        paths = (
            self._host_groups(way, doubt),
            self._acl(Stage.HOST_ACL_OUT, way, way.own, there, (port, port)),
            _route_hop(Stage.ROUTE, forward),
            _passage_hop(onward),
            _if_asked(onward, self._acl(Stage.ENDPOINT_ACL_IN, way, way.interface, here, (port, port))),
            self._endpoint_groups(way, doubt, here),
            self._endpoint(way) if gateway is None else _gateway_hop(gateway),
            self._acl(Stage.ENDPOINT_ACL_OUT, way, way.interface, here, self.answers),
            _route_hop(Stage.RETURN_ROUTE, back),
            _passage_hop(homeward),
            _if_asked(homeward, self._acl(Stage.HOST_ACL_IN, way, way.own, there, self.answers)),
        )
        hops = tuple(_without_repeats(_at_edge(hop, way.leaves_subnet) for hop in paths if hop is not None))
        outcomes = {hop.outcome for hop in hops}
        return Prediction(
            source=way.source,
            address=address,
            port=port,
            endpoint_id=next((known.endpoint_id for known in (way.endpoint, gateway) if known is not None), None),
            interface_id=way.interface.interface_id if way.interface is not None else None,
            outcome=next(reachability for reachability in WORST if reachability in outcomes),
            hops=hops,
            unseen=tuple(self._unseen(way, forward, detour, back)),
        )

    def _way(self, source: Address | None, own: NetworkInterface | None, address: Address, port: int) -> _Way:
        endpoint, interface = self.endpoint_at(address, own.vpc_id if own is not None else None)
        if source is None or source.version != address.version:
            addresses = own.addresses if own is not None else ()
            source = next((own_address for own_address in addresses if own_address.version == address.version), None)
        return _Way(
            source=source,
            own=own,
            address=address,
            port=port,
            interface=interface,
            endpoint=endpoint,
            leaves_subnet=self._leaves_subnet(own, interface, address),
        )

    def _leaves_subnet(
        self, own: NetworkInterface | None, interface: NetworkInterface | None, address: Address
    ) -> bool | None:
        if own is None:
            return None
        if interface is not None:
            return own.subnet_id != interface.subnet_id
        if own.subnet_id in self._cidrs_of:
            return not _within(address, self._cidrs_of[own.subnet_id])
        vpc = self._configuration.vpc
        if vpc is not None and vpc.vpc_id == own.vpc_id and not _within(address, vpc.cidrs):
            return True
        return None

    def _name_of(self, address: Address) -> str:
        """An address as text. It is cached, since hashing the address itself takes longer."""
        key = address.version, int(address)
        if key not in self._names:
            self._names[key] = str(address)
        return self._names[key]

    def _sender(self, way: _Way, detour: str | None) -> Remote:
        """The sender that the endpoint's side sees. An appliance may have sent the packet on from its own address."""
        source, version = way.source, way.address.version
        if detour is not None and not detour.startswith(_KEEPS_SOURCE):
            return Remote(name=detour, address=None, version=version)
        name = "this host" if source is None else self._name_of(source)
        return Remote(name=name, address=source, version=version)

    # Security groups

    def _host_groups(self, way: _Way, doubt: str | None) -> Hop:
        if way.own is None or (way.own.interface_id == THIS_HOST and not way.own_groups):
            return _cannot_tell(Stage.HOST_GROUPS, "which interface of this host sends is not known")
        peer = Peer(
            name=self._name_of(way.address),
            address=way.address,
            version=way.address.version,
            group_ids=frozenset(way.endpoint_groups) or None,
            has_more=self._unsettled_groups(way) is not None,
            doubt=doubt,
        )
        return self._groups(Stage.HOST_GROUPS, way.own_groups, way.port, peer)

    def _endpoint_groups(self, way: _Way, doubt: str | None, here: Remote) -> Hop | None:
        if way.interface is None:
            return None
        peer = Peer(
            name=here.name,
            address=here.address,
            version=here.version,
            group_ids=frozenset(way.own_groups) or None,
            doubt=doubt,
        )
        hop = self._groups(Stage.ENDPOINT_GROUPS, way.endpoint_groups, way.port, peer)
        unsettled = self._unsettled_groups(way)
        if unsettled is None or hop.outcome is Reachability.OPEN:
            return hop  # traffic that one group admits needs no other group
        return _cannot_tell(Stage.ENDPOINT_GROUPS, unsettled, *hop.resources)

    def _is_by_peering(self, leg: _Leg | None) -> bool:
        """Whether a route leads to a working peering."""
        return (
            leg is not None
            and leg.route is not None
            and leg.outcome is Reachability.OPEN
            and (leg.route.target in self._peerings)
        )

    def _unsettled_groups(self, way: _Way) -> str | None:
        """Why it is unknown whether the endpoint has further groups; None if all of them are known."""
        return None if way.endpoint is None else self._unsettled((way.endpoint.endpoint_id,), Aspect.GROUPS)

    def _groups(self, stage: Stage, group_ids: tuple[str, ...], port: int, peer: Peer) -> Hop:
        """The hop at the security groups of one end, for packets to or from `peer`."""
        key = stage, group_ids, port, peer
        if key not in self._group_hops:
            self._group_hops[key] = self._judged_groups(stage, group_ids, port, peer)
        return self._group_hops[key]

    def _judged_groups(self, stage: Stage, group_ids: tuple[str, ...], port: int, peer: Peer) -> Hop:
        if self._configuration.groups is None:
            return _cannot_tell(stage, _not_read(SECURITY_GROUPS), *group_ids)
        if not group_ids:
            whose = "this host" if stage is Stage.HOST_GROUPS else "the endpoint"
            return _cannot_tell(stage, f"the security groups of {whose} are not known")
        egress = stage is Stage.HOST_GROUPS
        rules = self._rules_for(group_ids, egress)
        held = rules.allowing(port, peer)
        possible = rules.possible(port, peer) if held is None else None
        traffic = f"tcp {port} {'to' if egress else 'from'} {peer.name}"
        groups, count = _and(group_ids), len(group_ids)
        if held is not None:
            outcome, rule = Reachability.OPEN, held[2]
            words = f"{held[1]} {_lets(egress, 1)} {rule_text(rule)}"
        elif possible is not None:
            outcome, rule = Reachability.CANNOT_TELL, possible[0][2]
            words = f"whether {groups} {_lets(egress, count)} {traffic} is not known: {possible[1]}"
        elif unsettled := self._unsettled(group_ids, Aspect.OUTBOUND if egress else Aspect.INBOUND):
            outcome, rule = Reachability.CANNOT_TELL, None
            words = f"whether {groups} {_lets(egress, count)} {traffic} is not known: {unsettled}"
        elif rules.unread:
            outcome, rule = Reachability.CANNOT_TELL, None
            words = f"whether {groups} {_lets(egress, count)} {traffic} is not known: the rules of "
            words += f"{_and(rules.unread)} were not read"
        else:
            outcome, rule = Reachability.BLOCKED, None
            words = f"no rule of {groups} {_lets(egress, 1)} {traffic}; {_instead(rules, port, peer, egress, count)}"
        name = rule_id_of(rule) if rule is not None else None
        return Hop(stage=stage, resources=group_ids, outcome=outcome, rule=name, words=words)

    def _unsettled(self, resource_ids: Iterable[str], aspect: Aspect) -> str | None:
        """The words about this aspect, if it is unknown for one of these resources until a plan is applied. None if it
        is known for all of them."""
        if not self._pending:
            return None
        return next((words for one in resource_ids if (words := self._pending.get((one, aspect)))), None)

    def _rules_for(self, group_ids: tuple[str, ...], egress: bool) -> Rules:
        key = group_ids, egress
        if key not in self._rules:
            rules = [
                (ports_of(rule), group_id, rule)
                for group_id in group_ids
                for rule in self._rules_of.get(group_id, ())
                if rule.egress is egress and rule.protocol in TCP_PROTOCOLS
            ]
            unread = tuple(group_id for group_id in group_ids if group_id not in self._rules_of)
            self._rules[key] = Rules(rules, unread, self.lists)
        return self._rules[key]

    # Network ACLs

    def _acl(self, stage: Stage, way: _Way, end: NetworkInterface | None, remote: Remote, ports: Ports) -> Hop | None:
        """The hop at the network ACL of the subnet of `end`, for packets to or from `remote`."""
        if end is None or way.leaves_subnet is False:
            return None
        egress = stage in (Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT)
        return self._acl_at(stage, end.subnet_id, egress, remote, ports)

    def _acl_at(self, stage: Stage, subnet_id: str, egress: bool, remote: Remote, ports: Ports) -> Hop:
        """The hop at the network ACL of a subnet, for packets to or from `remote`."""
        if self._configuration.acls is None:
            return _cannot_tell(stage, _not_read(NETWORK_ACLS))
        acl = self._acl_of.get(subnet_id)
        if acl is None:
            return _cannot_tell(stage, f"the network ACL of {subnet_id} was not read")
        key = stage, acl.acl_id, egress, remote, ports
        if key not in self._acl_hops:
            self._acl_hops[key] = self._judged_acl(stage, acl, egress, remote, ports)
        return self._acl_hops[key]

    def _judged_acl(self, stage: Stage, acl: NetworkAcl, egress: bool, remote: Remote, ports: Ports) -> Hop:
        if unsettled := self._unsettled((acl.acl_id,), Aspect.OUTBOUND if egress else Aspect.INBOUND):
            return _cannot_tell(stage, unsettled, acl.acl_id)
        what = decided(self.entries_of(acl, egress), remote, ports)
        if what is None:
            words = f"what {acl.acl_id} does is not known: the address of {remote.name} is not known"
            return _cannot_tell(stage, words, acl.acl_id)
        whom = f"{'to' if egress else 'from'} {remote.name}"
        return _acl_hop(stage, acl.acl_id, egress, whom, what)

    def entries_of(self, acl: NetworkAcl, egress: bool) -> list[tuple[Ports, AclEntry]]:
        """The entries of one direction that apply to TCP, with their ports, in the order of evaluation."""
        key = acl.acl_id, egress
        if key not in self._entries:
            fitting = [entry for entry in acl.entries if entry.egress is egress and entry.protocol in TCP_PROTOCOLS]
            fitting.sort(key=lambda entry: (entry.number, entry.allow))
            self._entries[key] = [(ports_of(entry), entry) for entry in fitting]
        return self._entries[key]

    # Routes

    def _forward(self, way: _Way) -> _Leg | None:
        """The route of this host's subnet for the packet; None if no route is needed."""
        if way.own is None or way.leaves_subnet is False:
            return None
        if self._configuration.route_tables is None:
            return _Leg(table_id=None, route=None, outcome=Reachability.CANNOT_TELL, words=_not_read(ROUTE_TABLES))
        table = self.table_of(way.own)
        if table is None:
            words = f"the route table of {way.own.subnet_id} was not read"
            return _Leg(table_id=None, route=None, outcome=Reachability.CANNOT_TELL, words=words)
        vpc = self._configuration.vpc
        in_cidrs = vpc is not None and vpc.vpc_id == way.own.vpc_id and _within(way.address, vpc.cidrs)
        inside = way.in_one_vpc if way.interface is not None else in_cidrs
        return self._leg(table, way.address, inside=inside, other=way.other_vpc, known=way.interface is not None)

    def _backward(self, way: _Way, seen: Address | None) -> _Leg | None:
        """The route of the endpoint's subnet for the answer; None if no route is needed, if it is unknown, or if it is
        the VPC's local route."""
        if way.own is None or way.interface is None or way.leaves_subnet is False or seen is None:
            return None
        table = self.table_of(way.interface)
        if table is None:
            return None
        inside = way.in_one_vpc
        other = None if inside else way.own.vpc_id
        leg = self._leg(table, seen, inside=inside, other=other, known=True, back=True)
        return None if inside and leg.outcome is Reachability.OPEN else leg

    def _passage(
        self,
        stage: Stage,
        leg: _Leg | None,
        sender: NetworkInterface | None,
        receiver: NetworkInterface | None,
        source: Remote,
        destination: Remote,
        ports: Ports,
    ) -> Passage | None:
        """The passage of packets that a route sends to a transit gateway; None for other routes, or if the gateway was
        not read."""
        if leg is None or leg.route is None or leg.outcome is not Reachability.OPEN or sender is None:
            return None
        if destination.address is None or not self._is_followed(leg.route):
            return None
        return self.transit.pass_on(
            Trip(
                stage=stage,
                gateway_id=leg.route.target,
                sender=sender,
                receiver=receiver,
                source=source,
                destination=destination,
                to=destination.address,
                ports=ports,
            )
        )

    def _is_followed(self, route: Route) -> bool:
        """Whether a route leads to a transit gateway that was read."""
        return self.transit.was_read and route.target.startswith(TRANSIT_GATEWAY)

    def _arrival(self, subnet_id: str, vpc_id: str, to: Address) -> Arrival | None:
        """The effect of a subnet's route table on packets that leave a gateway there for an address of its VPC; None if
        the table was not read."""
        table = self._table_of.get(subnet_id) or self._main_table_of.get(vpc_id)
        if table is None:
            return None
        leg = self._leg(table, to, inside=True, other=None, known=True)
        return Arrival(
            table_id=table.table_id,
            outcome=leg.outcome,
            words=leg.words,
            rule=route_text(leg.route) if leg.route is not None else None,
            detour=leg.detour,
        )

    def table_of(self, interface: NetworkInterface) -> RouteTable | None:
        """The route table of an interface's subnet, its own or the main one; None if it was not read."""
        return self._table_of.get(interface.subnet_id) or self._main_table_of.get(interface.vpc_id)

    def routes_of(self, table: RouteTable) -> Routes:
        """The routes of a table, indexed."""
        if table.table_id not in self._routes:
            self._routes[table.table_id] = Routes(table, self.lists)
        return self._routes[table.table_id]

    def _leg(
        self, table: RouteTable, to: Address, *, inside: bool, other: str | None, known: bool, back: bool = False
    ) -> _Leg:
        """The route in `table` for `to`, which is in the table's own VPC (`inside`), in `other`, or in an unknown
        place.

        `known` is whether the owner of the address is known, `back` whether the answer is sent.
        """
        key = table.table_id, self._name_of(to), inside, other, known, back
        if key not in self._legs:
            self._legs[key] = self._judged_leg(table, to, inside=inside, other=other, known=known, back=back)
        return self._legs[key]

    def _judged_leg(
        self, table: RouteTable, to: Address, *, inside: bool, other: str | None, known: bool, back: bool
    ) -> _Leg:
        routes = self.routes_of(table)
        length, taken = routes.to(to)
        route = taken[0] if len(taken) == 1 else None
        if route is not None:
            outcome, words = self._sent(table, route, to, inside=inside, other=other, known=known, back=back)
        elif taken:
            outcome = Reachability.CANNOT_TELL
            words = (
                f"{table.table_id} has routes to {_and(sorted(route.target for route in taken))} that fit {to} alike"
            )
        else:
            outcome, words = Reachability.BLOCKED, f"{table.table_id} has no route to {to}"
        detour = route.target if route is not None and outcome is Reachability.DOUBTFUL else None
        if routes.unread and length < to.max_prefixlen:
            outcome = Reachability.CANNOT_TELL
            one = len(routes.unread) == 1
            words += f", unless {_and(routes.unread)}, which {'was' if one else 'were'} not read, "
            words += "fits closer" if one else "fit closer"
        if unsettled := self._unsettled((table.table_id,), Aspect.ROUTES):
            outcome, words, detour = Reachability.CANNOT_TELL, unsettled, None
        return _Leg(table_id=table.table_id, route=route, outcome=outcome, words=words, detour=detour)

    def _sent(
        self, table: RouteTable, route: Route, to: Address, *, inside: bool, other: str | None, known: bool, back: bool
    ) -> tuple[Reachability, str]:
        """The leg that results from a route."""
        target = route.target
        what = route.destination if route.destination is not None else route.prefix_list_id
        sends = f"{table.table_id} sends {what} to {target}"
        to_internet = target.startswith(INTERNET)
        if route.state == "blackhole":
            return Reachability.BLOCKED, f"{sends}, which is not there any more (its state is blackhole)"
        if route.state != "active":
            return Reachability.CANNOT_TELL, f"{sends} in the state {route.state}, and what that does is not documented"
        if target == UNKNOWN_TARGET:
            return Reachability.CANNOT_TELL, f"{table.table_id} has a route for {what}, and where it leads is not known"
        if target in self._gateways:
            return Reachability.OPEN, f"{sends}, a gateway endpoint"
        if target == LOCAL:
            keeps = f"{table.table_id} keeps {what} within {table.vpc_id}"
            if other is not None:
                return Reachability.BLOCKED, f"{keeps}, and {to} is in {other}"
            return Reachability.OPEN, keeps
        if not known and not _is_private(to) and (to_internet or target.startswith("nat-")):
            return Reachability.OPEN, f"{sends}, towards the internet"
        if target.startswith(APPLIANCES):
            aside = ""
            if target.startswith(_KEEPS_SOURCE):
                aside = ", an endpoint of AWS Network Firewall or of a Gateway Load Balancer,"
            return Reachability.DOUBTFUL, f"{sends}{aside} first, and nothing shows what that does with it"
        if inside:
            return Reachability.DOUBTFUL, f"{sends}, though {to} is in {table.vpc_id} itself"
        if to_internet and _is_private(to):
            return Reachability.BLOCKED, f"{sends}, which goes to the internet, where no host has a private address"
        if target in self._peerings:
            return self._peered(self._peerings[target], table.vpc_id, sends, to, other)
        if other is not None and target.startswith(PEERING) and target in self._peerings_of[other]:
            return Reachability.OPEN, f"{sends}, which goes to {other}"
        if self._is_followed(route):
            return Reachability.OPEN, sends
        if back and not to_internet:
            return Reachability.OPEN, sends
        return Reachability.CANNOT_TELL, f"{sends}, and nothing shows what lies behind that"

    def _peered(
        self, peering: Peering, vpc_id: str, sends: str, to: Address, other: str | None
    ) -> tuple[Reachability, str]:
        """The leg that results from a route to a peering, which leads to addresses of the VPC at its other end, and no
        further."""
        if peering.state in _PEERING_GONE:
            return Reachability.BLOCKED, f"{sends}, whose state is {peering.state}"
        there = [side for side in peering.sides if side.vpc_id != vpc_id]
        if peering.state != _PEERING_WORKS or len(there) != 1:
            words = f"{sends}, in the state {peering.state} between {_and(side.vpc_id for side in peering.sides)}"
            return Reachability.CANNOT_TELL, f"{words}, and what that does is not known"
        leads = f"{sends}, which goes to {there[0].vpc_id}"
        if other is not None and other != there[0].vpc_id:
            return Reachability.BLOCKED, f"{leads} and no further, and {to} is in {other}"
        if other is not None:
            return Reachability.OPEN, leads
        if there[0].cidrs and not _within(to, there[0].cidrs):
            return Reachability.BLOCKED, f"{leads} ({_and(there[0].cidrs)}) and no further, and {to} is not there"
        return Reachability.CANNOT_TELL, f"{leads}, and what has {to} there was not read"

    # The endpoint

    def _nobody(self, way: _Way) -> str:
        """Why it is unknown which interface has the destination address."""
        if self._configuration.endpoint_interfaces is None:
            return _not_read(ENDPOINT_INTERFACES)
        having = sorted(self._interfaces.get(way.address, ()), key=lambda interface: interface.interface_id)
        if not having:
            return "no interface that was read has this address"
        ids = _and(interface.interface_id for interface in having)
        vpc_id = way.own.vpc_id if way.own is not None else self._vpc_id
        if any(interface.vpc_id == vpc_id for interface in having) or not self._is_in(vpc_id, way.address):
            return f"{ids} have this address, and it is not known which of them is meant"
        there = _and(sorted({interface.vpc_id for interface in having}))
        has = "has" if len(having) == 1 else "have"
        return f"{ids} {has} this address in {there}, and no interface that was read has it in {vpc_id}"

    def _endpoint(self, way: _Way) -> Hop:
        stage = Stage.ENDPOINT
        if way.interface is None:
            return _cannot_tell(stage, self._nobody(way))
        interface_id = way.interface.interface_id
        if self._configuration.endpoints is None:
            return _cannot_tell(stage, _not_read(ENDPOINTS), interface_id)
        if way.endpoint is None:
            words = f"{interface_id} has this address, and no endpoint that was read names it"
            return _cannot_tell(stage, words, interface_id)
        endpoint = way.endpoint
        words = f"{endpoint.endpoint_id} has the state {endpoint.state}"
        if endpoint.state == AVAILABLE:
            outcome = Reachability.OPEN
            words = f"{endpoint.endpoint_id} is available, with {interface_id} in {way.interface.subnet_id}"
        elif endpoint.state in UNCERTAIN_STATES:
            outcome = Reachability.DOUBTFUL
        else:
            outcome = Reachability.BLOCKED
        if outcome is not Reachability.OPEN:
            words = ": ".join(filter(None, (words, endpoint.error_code, _short(endpoint.error_message))))
        return Hop(
            stage=stage,
            resources=(endpoint.endpoint_id, interface_id),
            outcome=outcome,
            rule=f"state {endpoint.state}",
            words=words,
        )

    # Open questions

    def _unseen(self, way: _Way, forward: _Leg | None, detour: str | None, back: _Leg | None) -> Iterator[str]:
        if detour is not None:
            sends_on = "" if detour.startswith(_KEEPS_SOURCE) else ", and from which address it sends it on"
            yield f"what {detour} does with the packet{sends_on}"
        if back is not None and back.detour is not None:
            yield f"what {back.detour} does with the answer"
        if way.other_vpc is not None and way.own is not None and way.interface is not None:
            if not (self._is_seen(forward) and self._is_seen(back)):
                yield f"what lies between {way.own.vpc_id} and {way.other_vpc}, and what filters there"
            if self.table_of(way.interface) is None:
                yield f"the way back from {way.other_vpc}, whose route tables were not read"
        configuration = self._configuration
        needed: tuple[tuple[str, object], ...] = (
            (ENDPOINTS, configuration.endpoints),
            (ENDPOINT_INTERFACES, configuration.endpoint_interfaces),
            (SECURITY_GROUPS, configuration.groups),
        )
        if way.leaves_subnet is not False:
            needed += ((ROUTE_TABLES, configuration.route_tables), (NETWORK_ACLS, configuration.acls))
        for operation, read in needed:
            if read is None:
                yield f"{READS[operation].words}, which were not read"

    def _is_seen(self, leg: _Leg | None) -> bool:
        """Whether the target of a route was read: a peering, which filters nothing, or a transit gateway."""
        route = leg.route if leg is not None else None
        return route is not None and (route.target in self._peerings or self._is_followed(route))


# --- Deciding --------------------------------------------------------------------------------------------------------


def _is_private(address: Address) -> bool:
    return any(address in network for network in PRIVATE_NETWORKS)


def _within(address: Address, cidrs: Iterable[Network]) -> bool:
    return any(address in block for block in cidrs)


def decided(entries: Iterable[tuple[Ports, AclEntry]], remote: Remote, ports: Ports) -> list[_Decided] | None:
    """The deciding entry for each range of `ports`, in the order of the ports; an entry of None is the entry `*`, which
    denies the rest.

    `entries` are in the order of their numbers. The whole result is None if it depends on the address of `remote` and
    that is unknown.
    """
    rest = [ports]
    found: list[_Decided] = []
    for (low, high), entry in entries:
        fits = entry.cidr.version == remote.version if remote.address is None else remote.address in entry.cidr
        touched = [(first, last) for first, last in rest if first <= high and low <= last] if fits else []
        if touched and remote.address is None and entry.cidr.prefixlen > 0:
            return None
        for first, last in touched:
            rest.remove((first, last))
            rest += [(first, low - 1)] if first < low else []
            rest += [(high + 1, last)] if high < last else []
            found.append(((max(first, low), min(last, high)), entry))
        if not rest:
            break
    return sorted([*found, *((ports, None) for ports in rest)], key=lambda ports: ports[0])


def _acl_hop(stage: Stage, acl_id: str, egress: bool, whom: str, decided: Sequence[_Decided]) -> Hop:
    allowed = [(ports, entry) for ports, entry in decided if entry is not None and entry.allow]
    denied = [(ports, entry) for ports, entry in decided if entry is None or not entry.allow]
    numbers = _numbers(entry for _, entry in denied or allowed)
    is_answer = stage in (Stage.ENDPOINT_ACL_OUT, Stage.RETURN_TRANSIT, Stage.HOST_ACL_IN)
    ports = _and(ranges_of(ports for ports, _ in decided))
    traffic = f"the answers {whom} (tcp {ports})" if is_answer else f"tcp {ports} {whom}"
    one = len(numbers) == 1
    entries = f"{'entry' if one else 'entries'} {_and(numbers)} of {acl_id}"
    if not denied:
        outcome = Reachability.OPEN
        words = f"{entries} {'lets' if one else 'let'} {traffic} {'out' if egress else 'in'}"
    elif allowed:
        outcome = Reachability.DOUBTFUL
        words = (
            f"of the ports that answers come back to, {acl_id} lets {_and(ranges_of(ports for ports, _ in allowed))} "
        )
        words += f"{'out' if egress else 'in'} {whom}, and not {_and(ranges_of(ports for ports, _ in denied))}"
    else:
        outcome = Reachability.BLOCKED
        words = f"{entries} {'denies' if one else 'deny'} {traffic}"
        if numbers == [REST]:
            words = f"no {_direction(egress)} entry of {acl_id} allows {traffic}"
    rule = f"{', '.join(numbers)} {_direction(egress)}"
    return Hop(stage=stage, resources=(acl_id,), outcome=outcome, rule=rule, words=words)


def _route_hop(stage: Stage, leg: _Leg | None) -> Hop | None:
    if leg is None:
        return None
    return Hop(
        stage=stage,
        resources=(leg.table_id,) if leg.table_id is not None else (),
        outcome=leg.outcome,
        rule=route_text(leg.route) if leg.route is not None else None,
        words=leg.words,
    )


def _passage_hop(passage: Passage | None) -> Hop | None:
    return passage.hop if passage is not None else None


def _if_asked(passage: Passage | None, acl: Hop | None) -> Hop | None:
    """The hop at a network ACL that a transit gateway bypasses in some zones or in all (Amazon VPC Transit Gateways,
    Network ACLs for transit gateways)."""
    if passage is None or acl is None or passage.meets_acl is True:
        return acl
    if passage.meets_acl is False:
        return None
    if acl.outcome in (Reachability.OPEN, Reachability.CANNOT_TELL):
        return acl
    return replace(
        acl, outcome=Reachability.CANNOT_TELL, words=f"{acl.words}, unless the gateway is in the same subnet"
    )


def _gateway_hop(gateway: GatewayEndpoint) -> Hop:
    is_there = gateway.state == AVAILABLE
    return Hop(
        stage=Stage.ENDPOINT,
        resources=(gateway.endpoint_id,),
        outcome=Reachability.OPEN if is_there else Reachability.CANNOT_TELL,
        rule=f"state {gateway.state}",
        words=f"{gateway.endpoint_id} is a gateway endpoint, in the state {gateway.state}",
    )


def _doubt(way: _Way, detour: str | None, *, by_peering: bool) -> str | None:
    """Why a rule that names the other end's group may not apply. It does not apply to traffic through a middlebox
    appliance (Amazon VPC User Guide, Security group rules). Between VPCs, it applies over a peering in one Region, and
    interfaces are read in one Region only (Amazon VPC Peering Guide, Update your security groups to reference peer
    security groups). Over other connections, it depends on their kind."""
    if detour is not None:
        return f"may not count for what goes through {detour}"
    if way.other_vpc is not None and not by_peering:
        return "may not count from one VPC to another"
    return None


def _at_edge(hop: Hop, leaves_subnet: bool | None) -> Hop:
    """A hop, made uncertain if it blocks and it is unknown whether the packet leaves its subnet."""
    if (
        leaves_subnet is not None
        or hop.stage not in _EDGE
        or hop.outcome in (Reachability.OPEN, Reachability.CANNOT_TELL)
    ):
        return hop
    return replace(hop, outcome=Reachability.CANNOT_TELL, words=f"{hop.words}, unless both ends are in one subnet")


def _without_repeats(hops: Iterable[Hop]) -> Iterator[Hop]:
    """The hops without repetitions. If several unknown hops have the same words, only the first one is kept."""
    seen: set[str] = set()
    for hop in hops:
        if hop.outcome is not Reachability.CANNOT_TELL or hop.words not in seen:
            yield hop
        seen.add(hop.words)


def _cannot_tell(stage: Stage, words: str, *resources: str) -> Hop:
    return Hop(stage=stage, resources=resources, outcome=Reachability.CANNOT_TELL, rule=None, words=words)


# --- Words -----------------------------------------------------------------------------------------------------------


def _instead(rules: Rules, port: int, peer: Peer, egress: bool, count: int) -> str:
    """The traffic that the groups allow instead, for the message if no rule matches."""
    it = "it" if count == 1 else "they"
    if not rules.rules:
        return f"{it} {'has' if count == 1 else 'have'} no {_direction(egress)} rule for tcp"
    shown = rules.nearest(port, peer)
    texts = list(dict.fromkeys(rule_text(held[2]) for held in shown))
    rest = " only" if len(shown) == len(rules.rules) else ", among others"
    return f"{it} {_lets(egress, count)} {_and(texts)}{rest}"


def _lets(egress: bool, count: int) -> str:
    if egress:
        return "lets out" if count == 1 else "let out"
    return "allows" if count == 1 else "allow"


def _numbers(entries: Iterable[AclEntry | None]) -> list[str]:
    names = (str(entry.number) if entry is not None and entry.number <= _LAST_NUMBER else REST for entry in entries)
    return list(dict.fromkeys(names))


def _direction(egress: bool) -> str:
    return "outbound" if egress else "inbound"


def _not_read(operation: str) -> str:
    return f"{READS[operation].words} were not read"


def _short(message: str | None) -> str | None:
    return shorten(message, _MESSAGE_CHARACTERS, placeholder=" …").rstrip(".") if message is not None else None


def _and(items: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    words = [str(item) for item in items]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
