"""Translates a scenario's configuration into a packet filter of the kernel.

The filter is made only from the facts, without `agent.network`. Security groups become stateful rules. Network ACLs
check every packet in both directions, in the order of their numbers, but no packet within a subnet. Routes become
routes of ip(8), and the kernel itself chooses the route with the longest prefix. The rules are in the namespace behind
the gateway, and apply to TCP between the host and the interfaces of endpoints. No rule filters the answers of the VPC's
resolver and of the instance metadata service. Sources: Amazon VPC User Guide, "Network ACL basics" and "Security group
basics".
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agent.simulated.network import configuration_of
from agent.simulated.scenario import Scenario
from probes.model import Address
from probes.vpc.model import (
    ANY_PROTOCOL,
    AVAILABLE,
    AclEntry,
    Configuration,
    GroupRule,
    Network,
    NetworkAcl,
    NetworkInterface,
    Route,
)
from tests.netns.vpc import Family

_TCP: Final = "6"
_WAY_PREFERENCE: Final = 100
_LOCAL_PREFERENCE: Final = 200
"""The preferences of two routing rules. The rules for routes to endpoints come before the rule for the kernel's own
addresses. Otherwise the kernel would apply its own addresses first, and let every packet in.
"""
_FIRST_TABLE: Final = 1000
_LAST_METRIC: Final = 4096
"""The metric of the route for packets that match no other route. A default route in the configuration has priority over
it.
"""
_PASSING: Final = ("local", "pcx-", "tgw-")
"""The targets of routes through which a packet reaches the VPC of an endpoint. Filters behind peerings and transit
gateways are not built.
"""
ELSEWHERE: Final = ("igw-", "nat-", "eigw-", "vgw-")
"""The targets of routes through which a packet for a private address never reaches the VPC of an endpoint."""


def filtering(scenario: Scenario) -> str:
    """A table of nft(8) for the namespace behind the gateway."""
    facts = configuration_of(scenario)
    pairs = tuple(_pairs(facts))
    chains = {
        **{_chain("sent", own): group_chain(facts, own, egress=True) for own, _ in pairs},
        **{_chain("admitted", other): admitting(facts, other) for _, other in pairs},
        **{_chain(way, acl): acl_chain(acl, way) for acl in facts.acls or () for way in ("out", "in")},
    }
    arriving = [
        f"{_between(here, there)} jump {chain}"
        for own, other in pairs
        for here, there in _addresses(own, other)
        for chain in (
            _chain("sent", own),
            *_acl_chains(facts, own, other),
            _chain("admitted", other),
        )
    ]
    answering = [
        f"{_between(there, here)} jump {chain}"
        for own, other in pairs
        for here, there in _addresses(own, other)
        for chain in _acl_chains(facts, other, own)
    ]
    bodies = [f"chain {name} {{\n{_lines(lines)}\n}}" for name, lines in chains.items()]
    return f"""
        table inet configuration {{
            {_lines(bodies)}
            chain arriving {{
                type filter hook input priority 10; policy accept;
                {_lines(arriving)}
            }}
            chain answering {{
                type filter hook output priority 10; policy accept;
                {_lines(answering)}
            }}
        }}
    """


def routing(scenario: Scenario) -> dict[Family, tuple[str, ...]]:
    """Lines for ip(8) in that namespace, by family. With them, each packet from the host to an endpoint follows the
    routes of the host's subnet, and each answer follows the routes of the endpoint's subnet.
    """
    facts = configuration_of(scenario)
    return {"-4": tuple(_routing(facts, 4)), "-6": tuple(_routing(facts, 6))}


def _routing(facts: Configuration, version: int) -> Iterator[str]:
    yield f"rule add pref {_LOCAL_PREFERENCE} lookup local"
    yield "rule del pref 0"
    for number, (own, other) in enumerate(_pairs(facts)):
        there, back = (_FIRST_TABLE + 2 * number + which for which in range(2))
        for here, far in _addresses(own, other):
            if here.version == version:
                yield f"rule add pref {_WAY_PREFERENCE} iif vpc0 from {here} to {far} lookup {there}"
                yield f"rule add pref {_WAY_PREFERENCE} from {far} to {here} lookup {back}"
        for table, interface in ((there, own), (back, other)):
            for block, passes in _routes(facts, interface):
                if block.version == version:
                    yield f"route add {'throw' if passes else 'blackhole'} {block} table {table}"
            yield f"route add blackhole default table {table} metric {_LAST_METRIC}"


def _pairs(facts: Configuration) -> Iterator[tuple[NetworkInterface, NetworkInterface]]:
    """Every pair of an interface of the host and an interface of an endpoint."""
    for own in facts.own_interfaces or ():
        for other in facts.endpoint_interfaces or ():
            yield own, other


def _addresses(own: NetworkInterface, other: NetworkInterface) -> Iterator[tuple[Address, Address]]:
    for here in own.addresses:
        for there in other.addresses:
            if here.version == there.version:
                yield here, there


def _between(source: Address, destination: Address) -> str:
    family = "ip" if source.version == 4 else "ip6"
    return f"{family} saddr {source} {family} daddr {destination} meta l4proto tcp"


def _chain(word: str, what: NetworkInterface | NetworkAcl) -> str:
    identifier = what.acl_id if isinstance(what, NetworkAcl) else what.interface_id
    return f"{word}-{identifier}"


def _lines(rules: Iterable[str]) -> str:
    return "\n".join(rules)


# --- Security groups -------------------------------------------------------------------------------------------------


def group_chain(facts: Configuration, interface: NetworkInterface, *, egress: bool) -> list[str]:
    """The chain for the groups of an interface. It accepts packets that a rule of any group allows, and all later
    packets of an accepted connection.
    """
    groups = {group.group_id: group.rules for group in facts.groups or ()}
    rules = [rule for group in interface.group_ids for rule in groups[group] if rule.egress is egress]
    admitted = [
        f"{_block_match('daddr' if egress else 'saddr', block)} {ports} return"
        for rule in rules
        if (ports := _group_ports(rule)) is not None
        for block in _others(facts, rule)
    ]
    return ["ct state established,related return", *admitted, "drop"]


def admitting(facts: Configuration, interface: NetworkInterface) -> list[str]:
    """The chain of an endpoint's interface for incoming packets. It accepts packets only if the endpoint is
    available.
    """
    endpoint = next(endpoint for endpoint in facts.endpoints or () if interface.interface_id in endpoint.interface_ids)
    return group_chain(facts, interface, egress=False) if endpoint.state == AVAILABLE else ["drop"]


def _group_ports(rule: GroupRule) -> str | None:
    """The ports of a rule, or None if the rule is not for TCP."""
    if rule.protocol not in ("tcp", _TCP, ANY_PROTOCOL):
        return None
    return "" if rule.protocol == ANY_PROTOCOL else _ports(rule.from_port, rule.to_port)


def _others(facts: Configuration, rule: GroupRule) -> Sequence[Network | Address]:
    """The addresses that a rule is about: a block, the blocks of a prefix list, or the addresses of the interfaces that
    have a group.
    """
    if rule.cidr is not None:
        return (rule.cidr,)
    if rule.prefix_list_id is not None:
        return _listed(facts, rule.prefix_list_id)
    interfaces = (*(facts.own_interfaces or ()), *(facts.endpoint_interfaces or ()))
    return [
        address
        for interface in interfaces
        if rule.referenced_group_id in interface.group_ids
        for address in interface.addresses
    ]


def _listed(facts: Configuration, prefix_list_id: str) -> Sequence[Network]:
    return next(
        prefix_list.cidrs for prefix_list in facts.prefix_lists or () if prefix_list.prefix_list_id == prefix_list_id
    )


def _block_match(which: str, block: Network | Address) -> str:
    return f"{'ip' if block.version == 4 else 'ip6'} {which} {block}"


def _ports(first: int | None, last: int | None) -> str:
    return "" if first is None or last is None else f"tcp dport {first}-{last}"


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _acl_chains(facts: Configuration, sender: NetworkInterface, receiver: NetworkInterface) -> tuple[str, ...]:
    """The ACLs on a packet's path: first the ACL of the subnet that it leaves, then the ACL of the subnet that it
    enters.
    """
    if sender.subnet_id == receiver.subnet_id:
        return ()
    return _chain("out", _acl_of(facts, sender)), _chain("in", _acl_of(facts, receiver))


def _acl_of(facts: Configuration, interface: NetworkInterface) -> NetworkAcl:
    return next(acl for acl in facts.acls or () if interface.subnet_id in acl.subnet_ids)


def acl_chain(acl: NetworkAcl, way: str) -> list[str]:
    entries = sorted((entry for entry in acl.entries if entry.egress is (way == "out")), key=lambda entry: entry.number)
    lines = (_acl_line(entry, "daddr" if way == "out" else "saddr") for entry in entries)
    return [*(line for line in lines if line is not None), "drop"]


def _acl_line(entry: AclEntry, which: str) -> str | None:
    """The line of nft(8) for an entry, or None if the entry is not for TCP."""
    if entry.protocol not in (_TCP, ANY_PROTOCOL):
        return None
    ports = "" if entry.protocol == ANY_PROTOCOL else _ports(entry.from_port, entry.to_port)
    return f"{_block_match(which, entry.cidr)} {ports} {'return' if entry.allow else 'drop'}"


# --- Routes ----------------------------------------------------------------------------------------------------------


def _routes(facts: Configuration, interface: NetworkInterface) -> Iterator[tuple[Network, bool]]:
    """The routes of an interface's subnet: each block, and whether packets to it arrive. Raises ValueError for a route
    through a target that cannot be built here.
    """
    tables = [route_table for route_table in facts.route_tables or () if route_table.vpc_id == interface.vpc_id]
    own = [table for table in tables if interface.subnet_id in table.subnet_ids] or [
        table for table in tables if table.main
    ]
    for route in own[0].routes:
        for block in blocks_of(facts, route):
            yield block, _passes(route)


def blocks_of(facts: Configuration, route: Route) -> Sequence[Network]:
    """The destinations of a route: its block, or the blocks of its prefix list."""
    return _listed(facts, route.prefix_list_id or "") if route.destination is None else (route.destination,)


def _passes(route: Route) -> bool:
    if route.state == "blackhole" or route.target.startswith(ELSEWHERE):
        return False
    if route.target.startswith(_PASSING):
        return True
    raise ValueError(f"nothing like {route.target} is built here")
