"""A configuration that is being changed. The lists that edits change are indexed once, and the configuration is rebuilt
once."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from agent.network.names import KnownVpc
from agent.network.pending import Aspect, Pending

PARTS: Final = {
    "groups": ("security groups", "group_id"),
    "acls": ("network ACLs", "acl_id"),
    "route_tables": ("route tables", "table_id"),
    "endpoints": ("endpoints", "endpoint_id"),
    "gateway_endpoints": ("gateway endpoints", "endpoint_id"),
    "endpoint_interfaces": ("interfaces of the endpoints", "interface_id"),
    "interfaces": ("network interfaces", "interface_id"),
    "prefix_lists": ("prefix lists", "prefix_list_id"),
    "peerings": ("peerings", "peering_id"),
}
"""The parts of a configuration that edits change: the words for each, and the attribute that identifies a row."""


class AssumptionError(Exception):
    """A change cannot be made or cannot be parsed. The message is for the operator."""


class NotReadError(AssumptionError):
    """The changed resource is not in the configuration that was read."""


class PartNotReadError(NotReadError):
    """A whole part of the configuration was not read, so it is unknown whether the changed resource is in this VPC."""


class AlreadyError(AssumptionError):
    """The change would have no effect, since the configuration already is as it asks."""


class Part:
    """The rows of one part of a configuration, and the lists of these rows that edits change."""

    def __init__(self, name: str, rows: Iterable[Any]) -> None:
        self._own_id = PARTS[name][1]
        self.rows: list[Any] = list(rows)
        """The rows; a removed row leaves None in its place."""
        self._places: dict[str, list[int]] = {}
        for place, row in enumerate(self.rows):
            self._places.setdefault(getattr(row, self._own_id), []).append(place)
        self.lists: dict[tuple[str, str], dict[Hashable, list[Any]]] = {}
        """The items of each list by their keys. A list is found by its name and the id of its owner."""

    def __iter__(self) -> Iterator[Any]:
        """The rows, without the changes of their lists."""
        return (row for row in self.rows if row is not None)

    def one(self, own_id: str) -> Any:
        """The row with that id, without the changes of its lists. Raises NotReadError."""
        places = self._places.get(own_id)
        if not places:
            raise NotReadError("it is not in the configuration that was read")
        return self.rows[places[0]]

    def set(self, own_id: str, **values: Any) -> None:
        """Give the row with that id other values. Raises NotReadError."""
        self.rows[self._places[own_id][0]] = replace(self.one(own_id), **values)

    def add(self, row: Any) -> None:
        self._places[getattr(row, self._own_id)] = [len(self.rows)]
        self.rows.append(row)

    def remove(self, own_ids: Iterable[str]) -> None:
        """Remove the rows with these ids. Unknown ids are ignored."""
        for own_id in own_ids:
            for place in self._places.pop(own_id, ()):
                self.rows[place] = None

    def items(self, own_id: str, name: str, key: Callable[[Any], Hashable]) -> dict[Hashable, list[Any]]:
        """A list of a row: its items by their keys. The caller may change it in place. Raises NotReadError."""
        found = self.lists.get((name, own_id))
        if found is None:
            found = self.lists[name, own_id] = {}
            for item in getattr(self.one(own_id), name):
                found.setdefault(key(item), []).append(item)
        return found

    def built(self) -> tuple[Any, ...]:
        """The rows with all changes of their lists."""
        for (name, own_id), items in self.lists.items():
            if own_id in self._places:
                self.set(own_id, **{name: tuple(item for alike in items.values() for item in alike)})
        return tuple(self)


class Draft:
    """A configuration that edits change. An edit takes no longer if the lists are long."""

    def __init__(self, known: KnownVpc) -> None:
        self.known = known
        """The configuration before the edits."""
        self._parts: dict[str, Part] = {}
        self._pending = dict.fromkeys(known.pending)
        self._dns = known.configuration.dns
        self._holders: dict[tuple[str, str], dict[str, str]] = {}
        self._made = Counter[str]()
        self._ids = set(ids_in(known))
        self.new_hosts = list(known.new_hosts)
        self.unplaced = set(known.unplaced)
        """Pairs of an endpoint and a subnet. The endpoint gets a new interface in the subnet, whose address must still
        be chosen."""

    def part(self, name: str) -> Part:
        """A part to change. Raises NotReadError if it was not read."""
        if name not in self._parts:
            rows = getattr(self.known.configuration, name)
            if rows is None:
                raise PartNotReadError(f"the {PARTS[name][0]} were not read, so no change of them can be judged")
            self._parts[name] = Part(name, rows)
        return self._parts[name]

    def holders(self, part: str, name: str) -> dict[str, str]:
        """The id of the resource that has each item of a list. This is for lists whose items can each be in only one
        resource. Raises NotReadError."""
        if (part, name) not in self._holders:
            own_id = PARTS[part][1]
            self._holders[part, name] = {
                item: getattr(owner, own_id) for owner in self.part(part) for item in getattr(owner, name)
            }
        return self._holders[part, name]

    def has(self, own_ids: Iterable[str]) -> bool:
        """Whether any of these ids belongs to something that was read."""
        return not self._ids.isdisjoint(own_ids)

    def know(self, own_id: str) -> None:
        """Treat an id as one that was read."""
        self._ids.add(own_id)

    def new_id(self, kind: str) -> str:
        """A made-up id for a resource that does not exist yet."""
        while True:
            self._made[kind] += 1
            made = f"{kind}-new-{self._made[kind]}"
            if made not in self._ids:
                self._ids.add(made)
                return made

    def pend(self, resource_id: str, aspect: Aspect, words: str) -> None:
        """Record that an aspect of a resource is known only after apply."""
        self._pending[Pending(resource_id, aspect, words)] = None

    def set_dns(self, **values: bool) -> None:
        """Set DNS attributes of the VPC. Raises NotReadError."""
        self._dns = replace(self.dns, **values)

    @property
    def dns(self) -> Any:
        """The DNS attributes. Raises NotReadError."""
        if self._dns is None:
            raise PartNotReadError("the DNS attributes were not read, so no change of them can be judged")
        return self._dns

    @cached_property
    def vpc_of(self) -> Mapping[str, str]:
        """The VPC of each subnet by the subnet's id."""
        configuration = self.known.configuration
        places = (configuration.subnets, configuration.interfaces, configuration.endpoint_interfaces)
        return {place.subnet_id: place.vpc_id for some in places for place in some or ()}

    def built(self) -> KnownVpc:
        """The configuration with all edits."""
        self._share_groups()
        parts: dict[str, Any] = {name: part.built() for name, part in self._parts.items()}
        configuration = replace(self.known.configuration, dns=self._dns, **parts)
        pending, unplaced = tuple(self._pending), frozenset(self.unplaced)
        return replace(
            self.known,
            configuration=configuration,
            pending=pending,
            unplaced=unplaced,
            new_hosts=tuple(self.new_hosts),
        )

    def _share_groups(self) -> None:
        """Give the interfaces of each endpoint the security groups of the endpoint."""
        endpoints = self._parts.get("endpoints")
        if endpoints is None or self.known.configuration.endpoint_interfaces is None:
            return
        groups_of: dict[str, tuple[str, ...]] = {}
        for row in endpoints:
            items = endpoints.lists.get(("group_ids", row.endpoint_id))
            if items is not None and tuple(items) != row.group_ids:
                groups_of |= dict.fromkeys(row.interface_ids, tuple(map(str, items)))
        interfaces = self.part("endpoint_interfaces")
        interfaces.rows = [
            replace(one, group_ids=groups_of[one.interface_id])
            if one is not None and one.interface_id in groups_of
            else one
            for one in interfaces.rows
        ]


def ids_in(known: KnownVpc) -> frozenset[str]:
    """The ids of all resources that can be edited."""
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
            *(interface.interface_id for interface in configuration.interfaces or ()),
            *(prefix_list.prefix_list_id for prefix_list in configuration.prefix_lists or ()),
            *(peering.peering_id for peering in configuration.peerings or ()),
        )
    )
