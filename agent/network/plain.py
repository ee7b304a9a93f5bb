"""Fast outcomes of many connects within one VPC, without reasons in words. All parts that decide must have been read.

If nothing on the path is unknown, and if routes keep a packet within the VPC, groups and network ACLs alone decide. The
groups that allow a connect are found once for each end and port, and not once for each pair of ends. Other connects are
left to the predictor (`agent.network.predictor`), which follows one connect and gives its reasons. A test proves that
both agree.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final

from agent.network.index import LOCAL, TCP_PROTOCOLS, Held, Peer, Remote, Rules, ports_of
from agent.network.predictor import Predictor, decided
from agent.network.sources import Source
from agent.report.hops import Ports
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import AVAILABLE, Configuration, Network, NetworkAcl, NetworkInterface, RouteTable, VpcEndpoint

_ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True)
class End:
    """One end of connects: a class of sources, or an address of an endpoint."""

    address: Address
    vpc_id: str
    subnet_id: str
    group_ids: frozenset[str]
    acl: NetworkAcl
    table: RouteTable
    is_certain: bool
    """Whether traffic that its groups do not allow is certainly blocked."""


class Fate(Enum):
    """The outcome of a plain connect."""

    OPEN = auto()
    BLOCKED_BY_OWN_GROUPS = auto()
    BLOCKED_BY_THEIR_GROUPS = auto()


class Plain:
    """The plain connects of some sources to the endpoints of one configuration."""

    def __init__(
        self, predictor: Predictor, configuration: Configuration, pending: Iterable[str], sources: Sequence[Source]
    ) -> None:
        """`pending` are the ids of resources with aspects that are known only later."""
        self._predictor = predictor
        self._pending = frozenset(pending)
        self._sources = sources
        parts = (configuration.endpoints, configuration.groups, configuration.acls, configuration.route_tables)
        self._was_read = all(part is not None for part in parts)
        self._groups = {group.group_id: group.rules for group in configuration.groups or ()}
        self._acl_of = {subnet: acl for acl in configuration.acls or () for subnet in acl.subnet_ids}
        self._letting = {egress: self._rules(egress) for egress in (False, True)}
        self._unclear = {egress: self._by_unread_lists(egress) for egress in (False, True)}
        self._acls: dict[tuple[str, bool, Ports], _Cells] = {}
        self._tables: dict[str, _Cells] = {}
        self._ends: dict[int, list[End | None]] = {}
        self._held: dict[int, list[list[Held]]] = {}
        self._admitting: dict[tuple[int, int], list[frozenset[str]]] = {}
        self._passing: dict[tuple[str, str, int, int], list[bool]] = {}

    def place(self, address: Address, interface: NetworkInterface, endpoint: VpcEndpoint) -> End | None:
        """Return the end of connects at an endpoint's address; None if these connects are not plain."""
        is_plain = (
            endpoint.state == AVAILABLE
            and endpoint.endpoint_id not in self._pending
            and self._predictor.interface_at(address, interface.vpc_id) is interface
        )
        groups = interface.group_ids or endpoint.group_ids
        return self._end(interface, address, groups, egress=False) if is_plain else None

    def fates(self, place: End, port: int) -> Iterator[Fate | None]:
        """The outcomes of each source's connects to a port; None for connects that are not plain."""
        version = place.address.version
        ends = self._ends_of(version)
        letting = _on(port, self._held_for(place, egress=True))
        admitting = self._admitting_of(version, port)
        passing = self._passing_at(place, port)
        leaving: dict[tuple[str, str], bool] = {}
        for number, end in enumerate(ends):
            if end is None or end.vpc_id != place.vpc_id:
                yield None
                continue
            if end.subnet_id != place.subnet_id:
                key = end.acl.acl_id, end.table.table_id
                if key not in leaving:
                    leaving[key] = self._passes(end, place, port, egress=True)
                if not (leaving[key] and passing[number]):
                    yield None
                    continue
            if end.group_ids.isdisjoint(letting):
                yield Fate.BLOCKED_BY_OWN_GROUPS if end.is_certain else None
            elif place.group_ids.isdisjoint(admitting[number]):
                yield Fate.BLOCKED_BY_THEIR_GROUPS if place.is_certain else None
            else:
                yield Fate.OPEN

    def _ends_of(self, version: int) -> list[End | None]:
        """An end for each source; None if the source is not plain in this address family."""
        if version not in self._ends:
            self._ends[version] = [self._end_of(source, version) for source in self._sources]
        return self._ends[version]

    def _end_of(self, source: Source, version: int) -> End | None:
        own = source.own
        address = next((mine for mine in source.addresses if mine.version == version), None)
        return None if own is None or address is None else self._end(own, address, own.group_ids, egress=True)

    def _admitting_of(self, version: int, port: int) -> list[frozenset[str]]:
        """For each source, the groups with a rule that certainly allows the source on the port."""
        if version not in self._held:
            ends = self._ends_of(version)
            self._held[version] = [[] if end is None else self._held_for(end, egress=False) for end in ends]
        if (version, port) not in self._admitting:
            self._admitting[version, port] = [_on(port, held) for held in self._held[version]]
        return self._admitting[version, port]

    def _passing_at(self, place: End, port: int) -> list[bool]:
        """For each source, whether the network ACL and the routes at the endpoint let the connect of this source in and
        the answer out."""
        version = place.address.version
        key = place.acl.acl_id, place.table.table_id, version, port
        if key not in self._passing:
            self._passing[key] = [
                end is not None and self._passes(place, end, port, egress=False) for end in self._ends_of(version)
            ]
        return self._passing[key]

    def _end(
        self, interface: NetworkInterface, address: Address, group_ids: Sequence[str], *, egress: bool
    ) -> End | None:
        acl, table = self._acl_of.get(interface.subnet_id), self._predictor.table_of(interface)
        if not self._was_read or acl is None or table is None or not group_ids:
            return None
        if not self._pending.isdisjoint((*group_ids, acl.acl_id, table.table_id)):
            return None
        return End(
            address=address,
            vpc_id=interface.vpc_id,
            subnet_id=interface.subnet_id,
            group_ids=frozenset(group_ids),
            acl=acl,
            table=table,
            is_certain=all(one in self._groups for one in group_ids) and self._unclear[egress].isdisjoint(group_ids),
        )

    def _held_for(self, end: End, *, egress: bool) -> list[Held]:
        """The rules of all groups that certainly allow traffic to an end or, without `egress`, from it."""
        peer = Peer(name="", address=end.address, version=end.address.version, group_ids=end.group_ids, doubt=None)
        return [held for some in self._letting[egress].fitting(peer) for held in some]

    def _passes(self, near: End, far: End, port: int, *, egress: bool) -> bool:
        """Whether a connect to or from the other end, and its answer, certainly pass the network ACL and the route
        table at one end."""
        number, answers = int(far.address), self._predictor.answers
        out, back = ((port, port), answers) if egress else (answers, (port, port))
        return (
            self._cells_of(near.acl, True, out).at(number, far.address)
            and self._cells_of(near.acl, False, back).at(number, far.address)
            and self._routes_of(near.table).at(number, far.address)
        )

    def _cells_of(self, acl: NetworkAcl, egress: bool, ports: Ports) -> "_Cells":
        key = acl.acl_id, egress, ports
        if key not in self._acls:
            entries = self._predictor.entries_of(acl, egress)

            def is_open(address: Address) -> bool:
                what = decided(entries, Remote(name="", address=address, version=address.version), ports)
                return what is not None and all(entry is not None and entry.allow for _, entry in what)

            self._acls[key] = _Cells((entry.cidr for _, entry in entries), is_open)
        return self._acls[key]

    def _routes_of(self, table: RouteTable) -> "_Cells":
        if table.table_id not in self._tables:
            routes = self._predictor.routes_of(table)

            def is_local(address: Address) -> bool:
                _, taken = routes.to(address)
                return not routes.unread and [(one.target, one.state) for one in taken] == [(LOCAL, _ACTIVE)]

            self._tables[table.table_id] = _Cells(routes.networks, is_local)
        return self._tables[table.table_id]

    def _rules(self, egress: bool) -> Rules:
        held = [
            (ports_of(rule), group_id, rule)
            for group_id, rules in self._groups.items()
            for rule in rules
            if rule.egress is egress and rule.protocol in TCP_PROTOCOLS
        ]
        return Rules(held, (), self._predictor.lists)

    def _by_unread_lists(self, egress: bool) -> frozenset[str]:
        """The groups that may allow more traffic than is known, because a prefix list was not read."""
        was_read = self._predictor.lists.was_read
        return frozenset(
            group_id
            for _, group_id, rule in self._letting[egress].rules
            if rule.prefix_list_id is not None and not was_read(rule.prefix_list_id)
        )


class _Cells:
    """A property of addresses. It depends only on the networks that contain an address, and is computed once for all
    addresses in the same networks."""

    def __init__(self, networks: Iterable[Network], holds: Callable[[Address], bool]) -> None:
        self._holds = holds
        levels: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            if network.prefixlen:
                levels[network.version].setdefault(shift, set()).add(int(network.network_address) >> shift)
        self._levels = {version: tuple(of.items()) for version, of in levels.items()}
        self._known: dict[tuple[int, ...], bool] = {}

    def at(self, number: int, address: Address) -> bool:
        """The property of an address. `number` is the address as an integer, which callers compute once for many
        questions."""
        version = address.version
        cell: list[int] = [version]
        for shift, numbers in self._levels[version]:
            prefix = number >> shift
            if prefix in numbers:
                cell += (shift, prefix)
        key = tuple(cell)
        held = self._known.get(key)
        if held is None:
            held = self._known[key] = self._holds(address)
        return held


def _on(port: int, held: Iterable[Held]) -> frozenset[str]:
    """The groups to which the rules for a port belong."""
    return frozenset(group_id for (low, high), group_id, _ in held if low <= port <= high)
