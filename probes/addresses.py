"""Addresses: their order, their IP version, their scope, and the addresses of the VPC's resolver."""

import re
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from probes.facts import HostFacts
from probes.model import Address

Network = IPv4Network | IPv6Network
VPC_RESOLVER: Final = ip_address("169.254.169.253")
VPC_RESOLVER_IPV6: Final = ip_address("fd00:ec2::253")
"""Address of Route 53 Resolver on every instance (Amazon VPC User Guide, Understanding Amazon DNS)."""
_PRIVATE: Final = tuple(
    ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Private networks of RFC 1918, RFC 6598 and RFC 4193."""
_NAT64: Final = ip_network("64:ff9b::/96")
"""Prefix of DNS64 (RFC 6052); the last four bytes are the IPv4 address."""
_GLOBAL_IPV6: Final = ip_network("2000::/3")
"""The global unicast space of IANA. Versions of Python treat some other addresses differently: IPv4-mapped addresses,
NAT64 for local use (RFC 8215), the retired site-local block."""
_UNUSED_IPV6: Final = tuple(ip_network(block) for block in ("2002::/16", "3fff::/20"))
"""Blocks that some versions of Python do not know: 6to4 (retired by RFC 7526) and documentation (RFC 9637)."""

BRIDGE: Final = re.compile(r"docker|br-[0-9a-f]{12}$|cni|cbr|flannel|cali|virbr|lxcbr|lxdbr|podman|veth")
"""Interfaces that lead to containers and machines on this host."""


class AddressScope(StrEnum):
    """The network of an address, seen from this host."""

    VPC = "vpc"
    PRIVATE = "private"
    GATEWAY_ENDPOINT = "gateway-endpoint"
    """A public address to which a route of this subnet leads through a gateway endpoint."""
    PUBLIC = "public"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    NAT64 = "nat64"
    UNKNOWN = "unknown"
    OTHER = "other"


def is_nat64(address: Address) -> bool:
    """Whether DNS64 made an address from an IPv4 address (RFC 6052)."""
    return address in _NAT64


def scope_of(address: Address, *, vpc_cidrs: Iterable[Network], ipv6_known: bool) -> AddressScope:
    """Return the scope of an address. `vpc_cidrs` has the blocks of this VPC. `ipv6_known` says whether it has all IPv6
    blocks of the VPC. If it does not, the scope of a global IPv6 address is unknown."""
    if any(address in block for block in vpc_cidrs if block.version == address.version):
        return AddressScope.VPC
    if is_nat64(address):
        return AddressScope.NAT64
    if any(address in block for block in _PRIVATE):
        return AddressScope.PRIVATE
    if address.version == 6 and address.ipv4_mapped is not None:
        return AddressScope.OTHER
    if address.is_loopback:
        return AddressScope.LOOPBACK
    if address.is_link_local:
        return AddressScope.LINK_LOCAL
    if not address.is_global or address.is_multicast:
        return AddressScope.OTHER
    if address.version == 4:
        return AddressScope.PUBLIC
    if address not in _GLOBAL_IPV6 or any(address in block for block in _UNUSED_IPV6):
        return AddressScope.OTHER
    return AddressScope.PUBLIC if ipv6_known else AddressScope.UNKNOWN


def ordered(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Return the addresses without duplicates, IPv4 first, sorted by number."""
    return tuple(sorted(set(addresses), key=sort_key))


def usable_families(host: HostFacts | None) -> frozenset[int]:
    """Return the IP versions in which this host has an address that others can reach. If this is unknown, return both.

    The address of a bridge for containers is the host's own only in the network of the containers. Docker gives its
    bridge an IPv4 address on every host, also in a subnet that has only IPv6.
    """
    if host is None or host.interfaces is None:
        return frozenset({4, 6})
    own = [
        one
        for one in host.interfaces
        if not (one.address.is_loopback or one.address.is_link_local or one.address.is_unspecified)
    ]
    outward = [one for one in own if not BRIDGE.match(one.name)]
    return frozenset(one.address.version for one in outward or own)


def vpc_resolvers(host: HostFacts | None, vpc_cidrs: tuple[IPv4Network | IPv6Network, ...]) -> tuple[Address, ...]:
    """Return the addresses of the VPC's own resolver: its link-local addresses and, if the VPC's primary block is
    known, the second address of this block."""
    resolvers: list[Address] = [VPC_RESOLVER]
    if host is not None and 6 in usable_families(host):
        resolvers.append(VPC_RESOLVER_IPV6)
    primary = next((block for block in vpc_cidrs if block.version == 4), None)
    if primary is not None and primary.num_addresses > 2:
        resolvers.append(primary.network_address + 2)
    return tuple(resolvers)


def sort_key(address: Address) -> tuple[object, ...]:
    """Return a key that sorts IPv4 first, then by number, then by interface."""
    # Link-local addresses of two interfaces may have the same number.
    return (address.version, int(address), "" if address.version == 4 else address.scope_id or "")
