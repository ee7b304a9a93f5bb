"""Interfaces of endpoints that do not exist yet, one in each new subnet. AWS picks their addresses, and may pick any
address of a subnet. Rules, entries and routes divide a subnet into parts, and treat the addresses in a part alike. The
interface therefore gets one address in each part, which stands for the whole part.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from agent.network.names import KnownVpc
from agent.network.sources import Blocks
from probes.model import Address
from probes.vpc.model import Configuration, Network, NetworkInterface, VpcEndpoint

_MOST_TRIED: Final = 64
"""Maximum number of addresses that are tried in a part until a free one is found. If all of them are taken, the part is
left out."""


def placed(known: KnownVpc) -> KnownVpc:
    """The configuration, with an interface added for each endpoint and subnet in `unplaced`. The interface has the
    addresses that AWS may give it."""
    configuration = known.configuration
    if not known.unplaced or configuration.endpoints is None or configuration.subnets is None:
        return known
    blocks = _all_blocks(configuration)
    interfaces = (*(configuration.endpoint_interfaces or ()), *(configuration.interfaces or ()))
    taken = {address for interface in interfaces for address in interface.addresses}
    endpoints, made = [], []
    for endpoint in configuration.endpoints:
        subnet_ids = {subnet_id for endpoint_id, subnet_id in known.unplaced if endpoint_id == endpoint.endpoint_id}
        own = list(_interfaces(endpoint, subnet_ids, configuration, blocks, taken))
        ids = (*endpoint.interface_ids, *(interface.interface_id for interface in own))
        endpoints.append(replace(endpoint, interface_ids=ids))
        made += own
    there = (*(configuration.endpoint_interfaces or ()), *made)
    with_them = replace(configuration, endpoints=tuple(endpoints), endpoint_interfaces=there)
    return replace(known, configuration=with_them)


def _all_blocks(configuration: Configuration) -> Blocks:
    both = (Blocks.of_sources(configuration), Blocks.of_destinations(configuration))
    return Blocks(network for blocks in both for network in blocks.networks)


def _interfaces(
    endpoint: VpcEndpoint,
    subnet_ids: Collection[str],
    configuration: Configuration,
    blocks: Blocks,
    taken: set[Address],
) -> Iterator[NetworkInterface]:
    for subnet in configuration.subnets or ():
        if subnet.subnet_id not in subnet_ids:
            continue
        addresses = []
        for block in subnet.cidrs:
            if block.version == ip_address("0.0.0.0").version:  # noqa: S104 - not an address to bind
                addresses += [free for part in blocks.cells(block) if (free := _free(part, block, blocks, taken))]
        taken |= set(addresses)
        yield NetworkInterface(
            interface_id=f"eni-of-{endpoint.endpoint_id}-in-{subnet.subnet_id}",
            vpc_id=endpoint.vpc_id,
            subnet_id=subnet.subnet_id,
            addresses=tuple(addresses),
            group_ids=endpoint.group_ids,
            availability_zone=subnet.availability_zone,
        )


def _free(first: Address, block: Network, blocks: Blocks, taken: set[Address]) -> Address | None:
    """A free address in the part of `block` that contains `first`."""
    signature = blocks.signature(first)
    for number in range(int(first), min(int(first) + _MOST_TRIED, int(block.broadcast_address) + 1)):
        address = type(first)(number)
        if address not in taken and blocks.signature(address) == signature:
            return address
    return None
