"""A second predictor, which is slow and simple, and has neither indexes nor messages.

It follows the same pages of AWS as `agent.network` and shares no code with it. It loops over groups, judges separately
each port at which answers can arrive, and sorts all routes before it takes the first.
"""

from collections.abc import Iterable
from ipaddress import ip_network

from agent.report.hops import Reachability, Stage
from probes.model import Address
from probes.vpc.model import (
    AclEntry,
    Configuration,
    GroupRule,
    Network,
    NetworkInterface,
    Route,
    RouteTable,
    VpcEndpoint,
)

OPEN, BLOCKED, DOUBTFUL, CANNOT_TELL = (
    Reachability.OPEN,
    Reachability.BLOCKED,
    Reachability.DOUBTFUL,
    Reachability.CANNOT_TELL,
)
FIRST_PORT, LAST_PORT = 32768, 60999

Decision = tuple[Reachability, str | None]
"""The outcome of a route, and the first target to which it sends traffic."""


def slow_predict(
    configuration: Configuration,
    *,
    source: Address | None,
    own: NetworkInterface | None,
    address: Address,
    port: int,
    last_port: int = LAST_PORT,
) -> dict[Stage, Reachability]:
    """The outcome of each hop. If it is unknown, every hop says so, even if the reason is the same."""
    if own is not None and (source is None or source.version != address.version):
        mine = [own_address for own_address in own.addresses if own_address.version == address.version]
        source = mine[0] if mine else None
    if source is not None and source.version != address.version:
        source = None
    interface = _interface(configuration, own, address)
    endpoint = _endpoint(configuration, interface)
    far_groups: tuple[str, ...] = ()
    if interface is not None:
        far_groups = interface.group_ids
        if not far_groups and endpoint is not None:
            far_groups = endpoint.group_ids
    near_groups = own.group_ids if own is not None else ()
    one_subnet = _one_subnet(configuration, own, interface, address)
    hops: dict[Stage, Reachability] = {}

    detour: str | None = None
    if own is not None and one_subnet is not True:
        hops[Stage.ROUTE], detour = _forward(configuration, own, interface, address)
    seen = source
    if detour is not None and not detour.startswith("vpce-"):
        seen = None

    names_count = own is not None and interface is not None and own.vpc_id == interface.vpc_id and detour is None
    hops[Stage.HOST_GROUPS] = _groups(
        configuration,
        near_groups,
        True,
        port,
        address,
        address.version,
        set(far_groups),
        interface is None,
        names_count,
    )
    if interface is not None:
        hops[Stage.ENDPOINT_GROUPS] = _groups(
            configuration,
            far_groups,
            False,
            port,
            seen,
            address.version,
            set(near_groups),
            not near_groups,
            names_count,
        )

    hops[Stage.ENDPOINT] = CANNOT_TELL
    if endpoint is not None:
        hops[Stage.ENDPOINT] = {"available": OPEN, "partial": DOUBTFUL, "pending": DOUBTFUL}.get(
            endpoint.state, BLOCKED
        )

    if one_subnet is not True:
        version = address.version
        if own is not None:
            hops[Stage.HOST_ACL_OUT] = _acl(configuration, own.subnet_id, True, address, version, port, port)
            hops[Stage.HOST_ACL_IN] = _acl(configuration, own.subnet_id, False, address, version, FIRST_PORT, last_port)
        if interface is not None:
            there = interface.subnet_id
            hops[Stage.ENDPOINT_ACL_IN] = _acl(configuration, there, False, seen, version, port, port)
            hops[Stage.ENDPOINT_ACL_OUT] = _acl(configuration, there, True, seen, version, FIRST_PORT, last_port)
        if own is not None and interface is not None and seen is not None:
            back = _back(configuration, own, interface, seen)
            if back is not None:
                hops[Stage.RETURN_ROUTE] = back

    if one_subnet is None:
        for stage in hops:
            if stage not in (Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS, Stage.ENDPOINT) and hops[stage] is not OPEN:
                hops[stage] = CANNOT_TELL
    return hops


def worst(outcomes: Iterable[Reachability]) -> Reachability:
    return sorted(outcomes, key=[BLOCKED, DOUBTFUL, CANNOT_TELL, OPEN].index)[0]


# --- Interfaces and endpoints ----------------------------------------------------------------------------------------


def _interface(configuration: Configuration, own: NetworkInterface | None, address: Address) -> NetworkInterface | None:
    here = None
    if configuration.vpc is not None:
        here = configuration.vpc.vpc_id
    if own is not None:
        here = own.vpc_id
    everywhere = [
        endpoint_interface
        for endpoint_interface in configuration.endpoint_interfaces or ()
        if address in endpoint_interface.addresses
    ]
    in_own = [subnet for subnet in everywhere if subnet.vpc_id == here]
    if len(in_own) == 1:
        return in_own[0]
    vpc = configuration.vpc
    is_own = vpc is not None and vpc.vpc_id == here and any(address in cidr for cidr in vpc.cidrs)
    if not in_own and len(everywhere) == 1 and not is_own:
        return everywhere[0]
    return None


def _endpoint(configuration: Configuration, interface: NetworkInterface | None) -> VpcEndpoint | None:
    if interface is None:
        return None
    for endpoint in configuration.endpoints or ():
        if interface.interface_id in endpoint.interface_ids:
            return endpoint
    alike = []
    for other in configuration.endpoints or ():
        same_place = other.vpc_id == interface.vpc_id and interface.subnet_id in other.subnet_ids
        if other.interface_ids == () and same_place and sorted(other.group_ids) == sorted(interface.group_ids):
            alike.append(other)
    return alike[0] if len(alike) == 1 else None


def _one_subnet(
    configuration: Configuration, own: NetworkInterface | None, interface: NetworkInterface | None, address: Address
) -> bool | None:
    if own is None:
        return None
    if interface is not None:
        return own.subnet_id == interface.subnet_id
    for subnet in configuration.subnets or ():
        if subnet.subnet_id == own.subnet_id:
            return any(address in cidr for cidr in subnet.cidrs)
    vpc = configuration.vpc
    if vpc is not None and vpc.vpc_id == own.vpc_id and all(address not in cidr for cidr in vpc.cidrs):
        return False
    return None


# --- Security groups -------------------------------------------------------------------------------------------------


def _groups(
    configuration: Configuration,
    group_ids: tuple[str, ...],
    egress: bool,
    port: int,
    peer: Address | None,
    version: int,
    peer_groups: set[str],
    peer_groups_unknown: bool,
    names_count: bool,
) -> Reachability:
    if configuration.groups is None or not group_ids:
        return CANNOT_TELL
    answers = []
    for group_id in group_ids:
        held = [group for group in configuration.groups if group.group_id == group_id]
        if not held:
            answers.append(CANNOT_TELL)
        for group in held:
            for rule in group.rules:
                if rule.egress == egress and _is_tcp(rule) and _covers(rule, port):
                    answers.append(
                        _rule(configuration, rule, peer, version, peer_groups, peer_groups_unknown, names_count)
                    )
    if OPEN in answers:
        return OPEN
    return CANNOT_TELL if CANNOT_TELL in answers else BLOCKED


def _rule(
    configuration: Configuration,
    rule: GroupRule,
    peer: Address | None,
    version: int,
    peer_groups: set[str],
    peer_groups_unknown: bool,
    names_count: bool,
) -> Reachability:
    if rule.referenced_group_id is not None:
        if peer_groups_unknown or not peer_groups:
            return CANNOT_TELL
        if rule.referenced_group_id not in peer_groups:
            return BLOCKED
        return OPEN if names_count else CANNOT_TELL
    if rule.prefix_list_id is not None:
        cidrs = _prefix_list(configuration, rule.prefix_list_id)
        if cidrs is None or peer is None:
            return CANNOT_TELL
        return OPEN if any(peer in cidr for cidr in cidrs) else BLOCKED
    assert rule.cidr is not None
    if rule.cidr.version != version:
        return BLOCKED
    if peer is None:
        return OPEN if str(rule.cidr) in ("0.0.0.0/0", "::/0") else CANNOT_TELL
    return OPEN if peer in rule.cidr else BLOCKED


def _prefix_list(configuration: Configuration, list_id: str) -> tuple[Network, ...] | None:
    for prefix_list in configuration.prefix_lists or ():
        if prefix_list.prefix_list_id == list_id:
            return prefix_list.cidrs
    return None


def _is_tcp(rule: GroupRule | AclEntry) -> bool:
    return rule.protocol in ("tcp", "6", "-1")


def _covers(rule: GroupRule | AclEntry, port: int) -> bool:
    if rule.protocol == "-1" or rule.from_port is None or rule.to_port is None:
        return True
    return port in range(rule.from_port, rule.to_port + 1)


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _acl(
    configuration: Configuration,
    subnet_id: str,
    egress: bool,
    remote: Address | None,
    version: int,
    first: int,
    last: int,
) -> Reachability:
    acls = [acl for acl in configuration.acls or () if subnet_id in acl.subnet_ids]
    if not acls:
        return CANNOT_TELL
    entries = [entry for entry in acls[0].entries if entry.egress == egress and _is_tcp(entry)]
    entries = [entry for entry in entries if entry.cidr.version == version]
    if remote is not None:
        entries = [entry for entry in entries if remote in entry.cidr]
    entries.sort(key=lambda entry: entry.number)
    answers = set()
    for port in range(first, last + 1):
        for entry in entries:
            if _covers(entry, port):
                if remote is None and str(entry.cidr) not in ("0.0.0.0/0", "::/0"):
                    return CANNOT_TELL
                answers.add(entry.allow)
                break
        else:
            answers.add(False)
    if answers == {True}:
        return OPEN
    return BLOCKED if answers == {False} else DOUBTFUL


# --- Routes ----------------------------------------------------------------------------------------------------------


def _table(configuration: Configuration, interface: NetworkInterface) -> RouteTable | None:
    for table in configuration.route_tables or ():
        if interface.subnet_id in table.subnet_ids:
            return table
    for table in configuration.route_tables or ():
        if table.main and table.vpc_id == interface.vpc_id:
            return table
    return None


def _taken(configuration: Configuration, table: RouteTable, to: Address) -> tuple[list[Route], int]:
    """The routes that may apply, and their prefix length. If several routes have the same outcome, only one of them is
    returned.
    """
    fitting: list[tuple[int, int, Route]] = []
    for route in table.routes:
        if route.destination is not None:
            cidrs: tuple[Network, ...] = (route.destination,)
        else:
            assert route.prefix_list_id is not None
            cidrs = _prefix_list(configuration, route.prefix_list_id) or ()
        for cidr in cidrs:
            if to in cidr:
                static = route.destination is not None and route.target[:4] != "vgw-"
                fitting.append((cidr.prefixlen, 1 if static else 0, route))
    if any(route.target == "local" for _, _, route in fitting):
        fitting = [candidate for candidate in fitting if candidate[2].target[:4] != "vgw-"]
    if not fitting:
        return [], 0
    fitting.sort(key=lambda candidate: candidate[:2], reverse=True)
    best = [route for length, rank, route in fitting if (length, rank) == fitting[0][:2]]
    alike: list[Route] = []
    for route in best:
        if all((other.target, other.state) != (route.target, route.state) for other in alike):
            alike.append(route)
    return alike, fitting[0][0]


def _forward(
    configuration: Configuration, own: NetworkInterface, interface: NetworkInterface | None, address: Address
) -> Decision:
    table = _table(configuration, own)
    if table is None:
        return CANNOT_TELL, None
    routes, length = _taken(configuration, table, address)
    other = None
    if interface is not None:
        inside = interface.vpc_id == own.vpc_id
        if not inside:
            other = interface.vpc_id
    else:
        vpc = configuration.vpc
        inside = vpc is not None and vpc.vpc_id == own.vpc_id and any(address in cidr for cidr in vpc.cidrs)
    known = interface is not None
    return _judged(configuration, table, routes, length, address, inside, other, known, Reachability.CANNOT_TELL)


def _back(
    configuration: Configuration, own: NetworkInterface, interface: NetworkInterface, source: Address
) -> Reachability | None:
    table = _table(configuration, interface)
    if table is None:
        return None
    routes, length = _taken(configuration, table, source)
    inside = interface.vpc_id == own.vpc_id
    other = None if inside else own.vpc_id
    outcome, _ = _judged(configuration, table, routes, length, source, inside, other, True, Reachability.OPEN)
    if inside and outcome is OPEN:
        return None
    return outcome


def _judged(
    configuration: Configuration,
    table: RouteTable,
    routes: list[Route],
    length: int,
    to: Address,
    inside: bool,
    other: str | None,
    known: bool,
    elsewhere: Reachability,
) -> Decision:
    outcome, detour = BLOCKED, None
    if len(routes) > 1:
        outcome = CANNOT_TELL
    elif routes:
        outcome = _one(configuration, routes[0], to, inside, other, known, elsewhere)
        if outcome is DOUBTFUL:
            detour = routes[0].target
    for route in table.routes:
        if route.prefix_list_id is not None and _prefix_list(configuration, route.prefix_list_id) is None:
            whole = 32 if to.version == 4 else 128
            if length != whole:
                outcome = CANNOT_TELL
    return outcome, detour


def _one(
    configuration: Configuration,
    route: Route,
    to: Address,
    inside: bool,
    other: str | None,
    known: bool,
    elsewhere: Reachability,
) -> Reachability:
    if route.state != "active":
        return BLOCKED if route.state == "blackhole" else CANNOT_TELL
    if route.target == "local":
        return OPEN if other is None else BLOCKED
    kind = route.target.split("-")[0]
    ranges = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
    private = any(to in ip_network(block) for block in ranges)
    if kind in ("igw", "eigw", "nat") and not known and not private:
        return OPEN
    if kind in ("eni", "vpce", "nat", "i"):
        return DOUBTFUL
    if inside:
        return DOUBTFUL
    if kind in ("igw", "eigw"):
        return BLOCKED if private else CANNOT_TELL
    if kind == "pcx" and other is not None:
        for table in configuration.route_tables or ():
            if table.vpc_id == other and any(other.target == route.target for other in table.routes):
                return OPEN
    return elsewhere
