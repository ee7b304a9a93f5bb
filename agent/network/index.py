"""The rules, routes and lists of a configuration, indexed by the addresses that they apply to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from heapq import nsmallest
from typing import Final, Generic, TypeVar

from agent.report.hops import Ports
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import ANY_PROTOCOL, AclEntry, Configuration, GroupRule, Network, Route, RouteTable

T = TypeVar("T")
Held = tuple[Ports, str, GroupRule]
"""A rule with its ports and the id of the group that holds it."""
LOCAL: Final = "local"
PROPAGATED: Final = "vgw-"
"""Targets of routes that can be propagated. Propagated routes rank after `local` even if they are more specific, and
after static routes to the same destination (AWS Site-to-Site VPN User Guide, Route tables and VPN route priority)."""
_SHOWN: Final = 3
"""Maximum number of a group's rules to name if none of them matches."""
TCP_PROTOCOLS: Final = frozenset({"tcp", "6", ANY_PROTOCOL})
"""The protocol names in rules and entries that apply to TCP."""


class Networks(Generic[T]):
    """Values by network, looked up by an address inside the network."""

    def __init__(self, pairs: Iterable[tuple[Network, T]]) -> None:
        levels: dict[int, dict[int, dict[int, list[T]]]] = {4: {}, 6: {}}
        for network, value in pairs:
            free = network.max_prefixlen - network.prefixlen
            level = levels[network.version].setdefault(network.prefixlen, {})
            level.setdefault(int(network.network_address) >> free, []).append(value)
        self._levels = {version: sorted(by_network.items(), reverse=True) for version, by_network in levels.items()}

    def holding(self, address: Address) -> Iterator[tuple[int, list[T]]]:
        """Yield prefix lengths, the longest first, each with the values of the networks of that length that contain the
        address."""
        number, bits = int(address), address.max_prefixlen
        for length, level in self._levels[address.version]:
            values = level.get(number >> (bits - length))
            if values is not None:
                yield length, values

    def of_all(self, version: int) -> list[T]:
        """The values of the network that contains every address of a family."""
        return next((level[0] for length, level in self._levels[version] if length == 0), [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """The other end of a connect, as a network ACL or a security group sees it."""

    name: str
    """A name such as `10.0.1.17`, `this host` or `nat-1`. Lookups use the name as a key, which is far faster than using
    the address."""
    address: Address | None = field(compare=False)
    """The address; None if unknown."""
    version: int
    """The family of the addresses at both ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer(Remote):
    """The other end of a connect, with its security groups. Rules whose peer is a group depend on them."""

    group_ids: frozenset[str] | None
    """Its groups; None if unknown."""
    has_more: bool = False
    """Whether it may have further groups."""
    doubt: str | None
    """Why a rule whose peer is one of these groups may not apply. None if it does apply."""


class Rules:
    """The TCP rules of some groups in one direction, indexed by the peers that they allow."""

    def __init__(self, rules: Sequence[Held], unread: tuple[str, ...], lists: "PrefixLists") -> None:
        self.rules = rules
        self.unread = unread
        """The groups whose rules were not read."""
        self._lists = lists
        self._networks = Networks((held[2].cidr, held) for held in rules if held[2].cidr is not None)
        self._by_group: defaultdict[str, list[Held]] = defaultdict(list)
        self._by_list: defaultdict[str, list[Held]] = defaultdict(list)
        for held in rules:
            rule = held[2]
            if rule.referenced_group_id is not None:
                self._by_group[rule.referenced_group_id].append(held)
            elif rule.prefix_list_id is not None:
                self._by_list[rule.prefix_list_id].append(held)
        self._first: dict[int | None, list[Held]] = {}

    def allowing(self, port: int, peer: Peer) -> Held | None:
        """The rule that certainly allows `peer`. The choice among several does not depend on the order of the rules."""
        for held in self.fitting(peer):
            matching = on_port(port, held)
            if matching:
                return min(matching, key=order_of)
        return None

    def possible(self, port: int, peer: Peer) -> tuple[Held, str] | None:
        """A rule that may allow `peer`, and the reason for the uncertainty."""
        for group_id in sorted(self._by_group):
            matching = on_port(port, self._by_group[group_id])
            is_open = peer.group_ids is None or (peer.has_more and group_id not in peer.group_ids)
            if matching and is_open:
                return min(matching, key=order_of), f"whether {peer.name} is a member of {group_id} is not known"
            if matching and peer.group_ids is not None and group_id in peer.group_ids and peer.doubt is not None:
                return min(matching, key=order_of), f"the rule for members of {group_id} {peer.doubt}"
        for list_id in sorted(self._by_list):
            matching = on_port(port, self._by_list[list_id])
            if matching and not self._lists.was_read(list_id):
                return min(matching, key=order_of), f"{list_id} was not read"
        if peer.address is None:
            by_address = [held for held in on_port(port, self.rules) if is_by_address(held[2], peer.version)]
            if by_address:
                return min(by_address, key=order_of), f"the address of {peer.name} is not known"
        return None

    def nearest(self, port: int, peer: Peer) -> list[Held]:
        """A few rules to show if no rule matches: rules for the port, otherwise rules for the peer, otherwise any
        rules."""
        for_peer = (held for some in self.fitting(peer) for held in some)
        return self._first_on(port) or nsmallest(_SHOWN, for_peer, key=order_of) or self._first_on(None)

    def _first_on(self, port: int | None) -> list[Held]:
        """The first few rules for a port, or of all rules if `port` is None."""
        if port not in self._first:
            rules = self.rules if port is None else on_port(port, self.rules)
            self._first[port] = nsmallest(_SHOWN, rules, key=order_of)
        return self._first[port]

    def fitting(self, peer: Peer) -> Iterator[list[Held]]:
        """The rules that certainly allow `peer` on some port. Rules by address come first, the narrowest at the
        beginning. Rules by prefix list and rules by group follow."""
        if peer.address is None:
            yield self._networks.of_all(peer.version)
        else:
            for _, held in self._networks.holding(peer.address):
                yield held
            for list_id in sorted(self._by_list):
                if self._lists.length(list_id, peer.address) is not None:
                    yield self._by_list[list_id]
        if peer.doubt is None and peer.group_ids is not None:
            for group_id in sorted(peer.group_ids.intersection(self._by_group)):
                yield self._by_group[group_id]


class PrefixLists:
    """The prefix lists that were read."""

    def __init__(self, configuration: Configuration) -> None:
        self._cidrs = {
            prefix_list.prefix_list_id: prefix_list.cidrs for prefix_list in configuration.prefix_lists or ()
        }
        self._networks: dict[str, Networks[None]] = {}

    def was_read(self, list_id: str) -> bool:
        return list_id in self._cidrs

    def cidrs_of(self, list_id: str) -> tuple[Network, ...]:
        """The blocks of a list; empty if it was not read."""
        return self._cidrs.get(list_id, ())

    def length(self, list_id: str, address: Address) -> int | None:
        """The length of the longest prefix that holds `address`; None if no prefix holds it, or if the list was not
        read."""
        if list_id not in self._networks:
            self._networks[list_id] = Networks((block, None) for block in self._cidrs.get(list_id, ()))
        return next((length for length, _ in self._networks[list_id].holding(address)), None)


class Routes:
    """The routes of one table."""

    def __init__(self, table: RouteTable, lists: PrefixLists) -> None:
        self._networks = Networks((route.destination, route) for route in table.routes if route.destination is not None)
        by_list = [(route.prefix_list_id, route) for route in table.routes if route.prefix_list_id is not None]
        self._by_list = [(list_id, route) for list_id, route in by_list if lists.was_read(list_id)]
        self.unread = sorted({list_id for list_id, _ in by_list if not lists.was_read(list_id)})
        """Prefix lists that are in routes of the table and that were not read."""
        self._lists = lists
        self.networks = (
            *(route.destination for route in table.routes if route.destination is not None),
            *(cidr for list_id, _ in self._by_list for cidr in lists.cidrs_of(list_id)),
        )
        """The networks of all routes. Two addresses have the same route if they are in the same networks of this
        list."""

    def to(self, address: Address) -> tuple[int, list[Route]]:
        """The routes that apply to an address, and their prefix length. There are several routes only if it is
        uncertain which of them applies."""
        fitting = [(length, route) for length, routes in self._networks.holding(address) for route in routes]
        for list_id, route in self._by_list:
            length = self._lists.length(list_id, address)
            if length is not None:
                fitting.append((length, route))
        if any(route.target == LOCAL for _, route in fitting):
            fitting = [(length, route) for length, route in fitting if not route.target.startswith(PROPAGATED)]
        longest = max((length for length, _ in fitting), default=0)
        taken = [route for length, route in fitting if length == longest]
        # Among routes of equal length: static routes, then those for prefix lists, then propagated ones (How route
        # priority works).
        static = [route for route in taken if route.destination is not None and not route.target.startswith(PROPAGATED)]
        distinct = {(route.target, route.state): route for route in sorted(static or taken, key=route_text)}
        return longest, list(distinct.values())


def on_port(port: int, rules: Iterable[Held]) -> list[Held]:
    """The rules for a port."""
    return [held for held in rules if held[0][0] <= port <= held[0][1]]


def is_by_address(rule: GroupRule, version: int) -> bool:
    """Whether the rule depends on the sender's address, in a given family."""
    return rule.prefix_list_id is not None or (rule.cidr is not None and rule.cidr.version == version)


def ports_of(rule: GroupRule | AclEntry) -> Ports:
    """The ports that a TCP rule allows."""
    if rule.protocol == ANY_PROTOCOL or rule.from_port is None or rule.to_port is None:
        return 0, 65535
    return rule.from_port, rule.to_port


def order_of(held: Held) -> tuple[object, ...]:
    """A sort key for rules that does not depend on the order in EC2's answer: first by peer, then by port."""
    ports, group_id, rule = held
    cidr = (rule.cidr.version, int(rule.cidr.network_address), rule.cidr.prefixlen) if rule.cidr is not None else (9,)
    named = rule.referenced_group_id or rule.prefix_list_id or ""
    return cidr, named, ports, rule.protocol, group_id, rule.rule_id or ""


def rule_id_of(rule: GroupRule) -> str:
    return rule.rule_id or rule_text(rule)


def rule_text(rule: GroupRule) -> str:
    """`tcp 443 to 10.0.0.0/16`, `everything from members of sg-1`."""
    low, high = ports_of(rule)
    if rule.protocol == ANY_PROTOCOL:
        what = "everything"
    elif (low, high) == (0, 65535):
        what = "tcp on all ports"
    else:
        what = f"tcp {range_text(low, high)}"
    whom = f"members of {rule.referenced_group_id}" if rule.referenced_group_id else rule.prefix_list_id or rule.cidr
    return f"{what} {'to' if rule.egress else 'from'} {whom}"


def route_text(route: Route) -> str:
    what = route.destination if route.destination is not None else route.prefix_list_id
    return f"{what} to {route.target}"


def ranges_of(ports: Iterable[Ports]) -> list[str]:
    """Ranges of ports in ascending order. Adjacent ranges are joined."""
    merged: list[Ports] = []
    for low, high in ports:
        if merged and merged[-1][1] == low - 1:
            low = merged.pop()[0]
        merged.append((low, high))
    return [range_text(low, high) for low, high in merged]


def range_text(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
