"""The hosts for which a prediction is made. Hosts that the configuration treats alike are in one class."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from agent.network.index import Networks
from agent.network.predictor import PRIVATE_NETWORKS
from agent.report.hops import THIS_HOST
from agent.settings import EVERY_SOURCE
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import Configuration, Network, NetworkInterface, Subnet

Signature = tuple[int, ...]
_NO_ADDRESS_OF: Final = -1
_RESERVED: Final = 4
"""The number of addresses at the start of a subnet that no host can have (Amazon VPC User Guide, Subnet CIDR
blocks)."""


class SourceError(Exception):
    """A requested source is not in the configuration. The message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A class of hosts: an interface or an address that represents it, and all its interfaces."""

    own: NetworkInterface | None
    """The subnet; None for an address outside the subnets that were read."""
    addresses: tuple[Address, ...]
    """The first address of each family."""
    interfaces: tuple[NetworkInterface, ...]
    """Its interfaces; empty for a subnet or a block in which no interface is known."""


class Blocks:
    """The blocks for which a configuration may treat addresses differently. The addresses are those of sources or of
    destinations."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self.networks = tuple(dict.fromkeys(networks))
        self._index = Networks((network, number) for number, network in enumerate(self.networks))

    @classmethod
    def of_sources(cls, configuration: Configuration) -> "Blocks":
        """The blocks in the endpoints' groups, the network ACLs and the route tables."""
        groups = {group for end in configuration.endpoints or () for group in end.group_ids}
        groups |= {group for interface in configuration.endpoint_interfaces or () for group in interface.group_ids}
        return cls((*_named(configuration), *_of_groups(configuration, groups, egress=False)))

    @classmethod
    def of_destinations(cls, configuration: Configuration) -> "Blocks":
        """The blocks in the hosts' groups, the network ACLs and the route tables."""
        return cls((*_named(configuration), *_of_groups(configuration, None, egress=True)))

    def signature(self, address: Address | None) -> Signature:
        """The blocks that contain an address. No rule, entry or route treats two addresses with the same signature
        differently."""
        if address is None:
            return (_NO_ADDRESS_OF,)
        return tuple(numbers[0] for _, numbers in self._index.holding(address))

    def cells(self, block: Network) -> Iterator[Address]:
        """One address of `block` for each signature that occurs in it."""
        begins = {int(block.network_address)}
        last = int(block.broadcast_address)
        for network in self.networks:
            if network.version == block.version:
                begins |= {int(network.network_address), int(network.broadcast_address) + 1}
        seen: set[Signature] = set()
        for number in sorted(begin for begin in begins if int(block.network_address) <= begin <= last):
            address = type(block.network_address)(number)
            signature = self.signature(address)
            if signature not in seen:
                seen.add(signature)
                host = type(address)(min(number + _RESERVED, last))
                yield host if self.signature(host) == signature else address


def _of_groups(configuration: Configuration, group_ids: Collection[str] | None, *, egress: bool) -> Iterator[Network]:
    for group in configuration.groups or ():
        if group_ids is None or group.group_id in group_ids:
            yield from (rule.cidr for rule in group.rules if rule.cidr is not None and rule.egress is egress)


def _named(configuration: Configuration) -> Iterator[Network]:
    yield from PRIVATE_NETWORKS
    if configuration.vpc is not None:
        yield from configuration.vpc.cidrs
    for acl in configuration.acls or ():
        yield from (entry.cidr for entry in acl.entries)
    for table in configuration.route_tables or ():
        yield from (route.destination for route in table.routes if route.destination is not None)
    for prefix_list in configuration.prefix_lists or ():
        yield from prefix_list.cidrs
    for peering in configuration.peerings or ():
        yield from (cidr for side in peering.sides for cidr in side.cidrs)
    for transit_table in () if configuration.transit is None else configuration.transit.tables:
        yield from (transit_route.destination for transit_route in transit_table.routes)


def hosts_of(configuration: Configuration, vpc_id: str) -> tuple[NetworkInterface, ...] | None:
    """The interfaces of instances in a VPC; None if they were not read."""
    if configuration.interfaces is None:
        return None
    return tuple(
        interface
        for interface in configuration.interfaces
        if interface.vpc_id == vpc_id and interface.instance_id is not None
    )


def sources_of(
    configuration: Configuration,
    vpc_id: str,
    wanted: Sequence[str | Network],
    blocks: Blocks,
    others: Configuration | None = None,
) -> tuple[Source, ...]:
    """The classes of sources that `wanted` names: EVERY_SOURCE, ids of subnets, interfaces and instances, and blocks.
    Their order does not depend on the order of the configuration. `others` is the configuration at another time;
    interfaces that it tells apart are in different classes, too. Raises SourceError if something is not in the VPC."""
    then = () if others is None else others.interfaces or ()
    other_groups = {interface.interface_id: frozenset(interface.group_ids) for interface in then}
    interfaces: dict[str, NetworkInterface] = {}
    bare: dict[tuple[str | None, Address], Source] = {}
    for word in dict.fromkeys(wanted):
        held, without = _chosen(configuration, vpc_id, word, blocks)
        interfaces |= {interface.interface_id: interface for interface in held}
        bare |= {(source.own.subnet_id if source.own else None, source.addresses[0]): source for source in without}
    classes: defaultdict[tuple[object, ...], list[NetworkInterface]] = defaultdict(list)
    for interface in sorted(interfaces.values(), key=_order):
        four, six = _first(interface.addresses, 4), _first(interface.addresses, 6)
        groups = frozenset(interface.group_ids), other_groups.get(interface.interface_id)
        key = interface.subnet_id, *groups, *map(blocks.signature, (four, six))
        classes[key].append(interface)
    sources = [
        Source(own=alike[0], addresses=_firsts(alike[0].addresses), interfaces=tuple(alike))
        for alike in classes.values()
    ]
    return (*sources, *(bare[key] for key in sorted(bare, key=lambda key: (key[0] or "", key[1].version, int(key[1])))))


def _chosen(
    configuration: Configuration, vpc_id: str, word: str | Network, blocks: Blocks
) -> tuple[tuple[NetworkInterface, ...], tuple[Source, ...]]:
    """The interfaces that a word names or, if none of them is known, addresses that stand for the hosts there."""
    hosts = hosts_of(configuration, vpc_id)
    subnets = [subnet for subnet in configuration.subnets or () if subnet.vpc_id == vpc_id]
    if not isinstance(word, str):
        held = [host for host in hosts or () if any(address in word for address in host.addresses)]
        return tuple(held), () if held else tuple(_of_block(word, subnets, vpc_id, blocks))
    if word == EVERY_SOURCE:
        if hosts:
            return hosts, ()
        if not subnets:
            raise SourceError(f"neither interfaces nor subnets of {vpc_id} were read, so no host there is known")
        return (), tuple(source for subnet in subnets for source in _of_subnet(subnet, blocks))
    kind = word.partition("-")[0]
    if kind == "subnet":
        return _in_subnet(configuration, vpc_id, word, hosts, subnets, blocks)
    if configuration.interfaces is None:
        raise SourceError(f"{word}: the interfaces of {vpc_id} were not read; name a subnet or a block instead")
    of_vpc = [interface for interface in configuration.interfaces if interface.vpc_id == vpc_id]
    if kind == "eni":
        found = [interface for interface in of_vpc if interface.interface_id == word]
    else:
        found = [interface for interface in of_vpc if interface.instance_id == word]
    if not found:
        raise SourceError(f"{word} is not in {vpc_id}")
    return tuple(found), ()


def anywhere_in(subnet: Subnet, group_ids: tuple[str, ...], blocks: Blocks) -> tuple[Source, ...]:
    """The possible sources of a host with these groups that may get any address of a subnet."""
    return tuple(
        replace(source, own=replace(source.own, interface_id=f"eni-in-{subnet.subnet_id}", group_ids=group_ids))
        for source in _of_subnet(subnet, blocks)
        if source.own is not None
    )


def _in_subnet(
    configuration: Configuration,
    vpc_id: str,
    subnet_id: str,
    hosts: tuple[NetworkInterface, ...] | None,
    subnets: Sequence[Subnet],
    blocks: Blocks,
) -> tuple[tuple[NetworkInterface, ...], tuple[Source, ...]]:
    held = tuple(host for host in hosts or () if host.subnet_id == subnet_id)
    subnet = next((subnet for subnet in subnets if subnet.subnet_id == subnet_id), None)
    if held or subnet is not None:
        return held, () if held or subnet is None else tuple(_of_subnet(subnet, blocks))
    if configuration.subnets is None:
        raise SourceError(f"{subnet_id}: the subnets of {vpc_id} were not read, and no host in it is known")
    raise SourceError(f"{subnet_id} is not in {vpc_id}")


def _of_subnet(subnet: Subnet, blocks: Blocks) -> Iterator[Source]:
    for block in subnet.cidrs:
        for address in blocks.cells(block):
            yield _somewhere(subnet, address)


def _of_block(block: Network, subnets: Iterable[Subnet], vpc_id: str, blocks: Blocks) -> Iterator[Source]:
    placed = [(subnet, cidr) for subnet in subnets for cidr in subnet.cidrs if cidr.version == block.version]
    for address in blocks.cells(block):
        subnet = next((subnet for subnet, cidr in placed if address in cidr), None)
        yield Source(own=None, addresses=(address,), interfaces=()) if subnet is None else _somewhere(subnet, address)


def _somewhere(subnet: Subnet, address: Address) -> Source:
    """A source for an address in a subnet, whose interface is unknown."""
    own = NetworkInterface(
        interface_id=THIS_HOST,
        vpc_id=subnet.vpc_id,
        subnet_id=subnet.subnet_id,
        addresses=(address,),
        group_ids=(),
        availability_zone=subnet.availability_zone,
    )
    return Source(own=own, addresses=(address,), interfaces=())


def _first(addresses: Iterable[Address], version: int) -> Address | None:
    return next((address for address in addresses if address.version == version), None)


def _firsts(addresses: Iterable[Address]) -> tuple[Address, ...]:
    addresses = tuple(addresses)
    return tuple(address for version in (4, 6) if (address := _first(addresses, version)) is not None)


def _order(interface: NetworkInterface) -> tuple[object, ...]:
    first = _firsts(interface.addresses) or (ip_address("0.0.0.0"),)  # noqa: S104 - not an address to bind
    return interface.subnet_id, first[0].version, int(first[0]), interface.interface_id
