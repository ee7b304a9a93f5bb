"""Configurations of the networks of `tests.netns.networks`, generated from seeds: groups, network ACLs, route tables,
prefix lists and states. Each of these is mostly open, so that different ones decide.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from random import Random
from typing import Final

from probes.vpc.model import (
    TRANSIT_VPC,
    AclEntry,
    Configuration,
    GroupRule,
    Network,
    NetworkAcl,
    PeeredVpc,
    Peering,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    TransitAttachment,
    TransitFacts,
    TransitRoute,
    TransitTable,
    VpcEndpoint,
)
from tests.netns.networks import ACCOUNT, ENDS, HOSTS, PORTS, SOURCE_PORTS, SUBNETS, VPCS, A, B, Connect, vpc_of

_HOST_GROUPS: Final = ("sg-host1", "sg-host2", "sg-host3")
_END_GROUPS: Final = ("sg-end1", "sg-end2", "sg-end3")
_LISTS: Final = ("pl-1", "pl-2")
_LENGTHS: Final = {4: (0, 8, 15, 16, 23, 24, 25, 28, 32), 6: (0, 16, 47, 48, 63, 64, 96, 124, 128)}
_PORT_RANGES: Final = ((None, None), (0, 65535), (443, 443), (443, 443), (1024, 2300), (1026, 1028), (1031, 2222))
_ANSWER_RANGES: Final = (
    (1024, 65535),
    (32768, 60999),
    *((first, last) for first, last in SOURCE_PORTS),
    (SOURCE_PORTS[0][0], SOURCE_PORTS[1][1]),
    (SOURCE_PORTS[1][0], 65535),
)
_PEERING: Final = "pcx-1"
_GATEWAY: Final = "tgw-1"


def configuration(seed: int) -> Configuration:
    """The configuration that this seed generates, as if every read had succeeded."""
    draw = Random(seed)
    endpoints = tuple(_endpoints(draw))
    of_end = {interface_id: endpoint for endpoint in endpoints for interface_id in endpoint.interface_ids}
    return Configuration(
        endpoints=endpoints,
        own_interfaces=tuple(place.interface(*_some(draw, _HOST_GROUPS), is_host=True) for place in HOSTS),
        endpoint_interfaces=tuple(
            place.interface(*of_end[place.interface_id].group_ids, is_host=False) for place in ENDS
        ),
        vpc=vpc_of(A),
        subnets=SUBNETS,
        route_tables=tuple(_tables(draw)),
        acls=tuple(_acls(draw)),
        groups=tuple(_groups(draw)),
        peerings=(_peering(draw),),
        transit=_transit(draw),
        prefix_lists=tuple(PrefixList(prefix_list_id=name, cidrs=_blocks(draw, 3)) for name in _LISTS),
    )


def connects(seed: int) -> tuple[Connect, ...]:
    """Connection attempts from every host to every address of an endpoint, each to one or two ports."""
    ports = Random(seed).sample(PORTS, 2) if seed % 3 == 0 else [Random(seed).choice(PORTS)]
    return tuple(
        Connect(host.address(version), end.address(version), port)
        for host in HOSTS
        for end in ENDS
        for version in (4, 6)
        for port in ports
    )


def _some(draw: Random, items: Sequence[str]) -> list[str]:
    return draw.sample(items, draw.choice((1, 1, 2)))


def _block(draw: Random) -> Network:
    """A block of any size around an address of these networks."""
    address = draw.choice(draw.choice((*HOSTS, *ENDS)).addresses)
    return ip_network((int(address), draw.choice(_LENGTHS[address.version])), strict=False)


def _blocks(draw: Random, most: int) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(_block(draw) for _ in range(draw.randrange(most + 1))))


# --- Endpoints and groups --------------------------------------------------------------------------------------------


def _endpoints(draw: Random) -> Iterator[VpcEndpoint]:
    """Yield one endpoint in each VPC, for the VPC's interfaces. A further endpoint has the last interface of the first
    VPC.
    """
    by_endpoint = {"vpce-1": ENDS[:3], "vpce-2": ENDS[3:4], "vpce-3": ENDS[4:]}
    for endpoint_id, places in by_endpoint.items():
        yield VpcEndpoint(
            endpoint_id=endpoint_id,
            service_name="com.amazonaws.eu-west-1.backup-gateway",
            vpc_id=B if endpoint_id == "vpce-3" else A,
            state=draw.choice(("available",) * 12 + ("pending", "deleting")),
            private_dns=True,
            subnet_ids=tuple(place.subnet_id for place in places),
            interface_ids=tuple(place.interface_id for place in places),
            group_ids=tuple(_some(draw, _END_GROUPS)),
            owner_id=ACCOUNT,
        )


def _groups(draw: Random) -> Iterator[SecurityGroup]:
    for group_id in (*_HOST_GROUPS, *_END_GROUPS):
        rules = [_rule(draw, egress=draw.random() < 0.5) for _ in range(draw.randrange(7))]
        if draw.random() < 0.7:
            is_out = group_id in _HOST_GROUPS
            blocks = (
                ("0.0.0.0/0", "::/0") if is_out else draw.choice((("0.0.0.0/0", "::/0"), ("10.0.0.0/8", "fd00::/16")))
            )
            rules += [GroupRule(egress=is_out, protocol="-1", cidr=ip_network(block)) for block in blocks]
        yield SecurityGroup(group_id=group_id, rules=tuple(rules))


def _rule(draw: Random, *, egress: bool) -> GroupRule:
    first, last = draw.choice(_PORT_RANGES)
    protocol = draw.choice(("tcp", "tcp", "tcp", "6", "udp", "-1"))
    who = draw.randrange(4)
    return GroupRule(
        egress=egress,
        protocol=protocol,
        from_port=None if protocol == "-1" else first,
        to_port=None if protocol == "-1" else last,
        cidr=_block(draw) if who < 2 else None,
        prefix_list_id=draw.choice(_LISTS) if who == 2 else None,
        referenced_group_id=draw.choice((*_HOST_GROUPS, *_END_GROUPS)) if who == 3 else None,
    )


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _acls(draw: Random) -> Iterator[NetworkAcl]:
    """Yield two or three ACLs for each VPC. Each subnet has one of them."""
    for vpc_id in VPCS:
        subnets = [subnet.subnet_id for subnet in SUBNETS if subnet.vpc_id == vpc_id]
        number_of = {subnet_id: draw.randrange(3) for subnet_id in subnets}
        for number in range(3):
            yield NetworkAcl(
                acl_id=f"acl-{vpc_id[-1]}{number}",
                vpc_id=vpc_id,
                default=number == 0,
                subnet_ids=tuple(subnet_id for subnet_id in subnets if number_of[subnet_id] == number),
                entries=tuple(_entries(draw)),
            )


def _entries(draw: Random) -> Iterator[AclEntry]:
    for egress in (True, False):
        numbers = draw.sample(range(1, 32766), 4)
        for number in numbers[: draw.choice((0, 0, 1, 2, 4))]:
            protocol = draw.choice(("6", "6", "17", "-1"))
            first, last = draw.choice((*_PORT_RANGES, *_ANSWER_RANGES))
            yield AclEntry(
                number=number,
                egress=egress,
                allow=draw.random() < 0.5,
                cidr=_block(draw),
                protocol=protocol,
                from_port=None if protocol == "-1" else first,
                to_port=None if protocol == "-1" else last,
            )
        is_open = draw.random() < 0.85
        for place, block in enumerate(("0.0.0.0/0", "::/0")):
            if is_open:
                yield AclEntry(number=32700 + place, egress=egress, allow=True, cidr=ip_network(block))
            yield AclEntry(number=32767 + place, egress=egress, allow=False, cidr=ip_network(block))


# --- Routes ----------------------------------------------------------------------------------------------------------


def _tables(draw: Random) -> Iterator[RouteTable]:
    """Yield a main route table for each VPC, and two more that are associated with some of its subnets."""
    for vpc_id, own_blocks in VPCS.items():
        subnets = [subnet.subnet_id for subnet in SUBNETS if subnet.vpc_id == vpc_id]
        number_of = {subnet_id: draw.randrange(3) for subnet_id in subnets}
        for number in range(3):
            routes = [Route(destination=block) for block in own_blocks]
            yield RouteTable(
                table_id=f"rtb-{vpc_id[-1]}{number}",
                vpc_id=vpc_id,
                main=number == 0,
                subnet_ids=tuple(subnet_id for subnet_id in subnets if number and number_of[subnet_id] == number),
                routes=(*routes, *_more_routes(draw, vpc_id)),
            )


def _more_routes(draw: Random, vpc_id: str) -> Iterator[Route]:
    """Yield routes to the other VPC or elsewhere, each for a different block. Some routes lead nowhere, including
    routes to blocks of the VPC itself.
    """
    taken = set(VPCS[vpc_id])
    (other,) = (blocks for name, blocks in VPCS.items() if name != vpc_id)
    for block in other:
        if draw.random() < 0.85:
            taken.add(block)
            state = draw.choice(("active",) * 9 + ("blackhole",))
            yield Route(destination=block, target=_between(draw), state=state)
    for _ in range(draw.randrange(4)):
        block, target = _block(draw), draw.choice((_between(draw), "igw-1", "vgw-1"))
        if block in taken or (target != "vgw-1" and any(_overlap(block, own) for own in VPCS[vpc_id])):
            continue
        taken.add(block)
        yield Route(destination=block, target=target, state=draw.choice(("active",) * 4 + ("blackhole",)))
    if draw.random() < 0.1:  # a route through a deleted appliance
        subnet = draw.choice([subnet for subnet in SUBNETS if subnet.vpc_id == vpc_id])
        for block in subnet.cidrs:
            if block not in taken:
                taken.add(block)
                yield Route(destination=block, target="eni-1", state="blackhole")
    if draw.random() < 0.2:
        yield Route(
            prefix_list_id=draw.choice(_LISTS), target=_between(draw), state=draw.choice(("active", "blackhole"))
        )


def _between(draw: Random) -> str:
    """A target through which packets reach the other VPC: a peering or a transit gateway."""
    return draw.choice((_PEERING, _GATEWAY, _GATEWAY))


def _peering(draw: Random) -> Peering:
    state = draw.choice(("active",) * 14 + ("deleted",))
    return Peering(
        peering_id=_PEERING,
        state=state,
        sides=tuple(PeeredVpc(vpc_id=vpc_id, owner_id=ACCOUNT, cidrs=cidrs) for vpc_id, cidrs in VPCS.items()),
    )


def _transit(draw: Random) -> TransitFacts:
    """Attach each VPC to the transit gateway, in one zone or two. Each attachment has its own route table."""
    attachments = []
    for vpc_id in VPCS:
        gates = []
        for zone in draw.choice(("ab", "ab", "ab", "a", "b")):
            here = [
                subnet
                for subnet in SUBNETS
                if subnet.vpc_id == vpc_id and subnet.availability_zone == f"eu-west-1{zone}"
            ]
            gates.append(draw.choice(here).subnet_id)
        attachments.append(
            TransitAttachment(
                attachment_id=f"tgw-attach-{vpc_id[-1]}",
                gateway_id=_GATEWAY,
                kind=TRANSIT_VPC,
                resource_id=vpc_id,
                state=draw.choice(("available",) * 14 + ("deleted",)),
                owner_id=ACCOUNT,
                table_id=f"tgw-rtb-{vpc_id[-1]}",
                subnet_ids=tuple(gates),
                ipv6=draw.random() < 0.85,
                appliance_mode=draw.random() < 0.15,
            )
        )
    tables = tuple(
        TransitTable(table_id=attachment.table_id or "", routes=tuple(_transit_routes(draw)))
        for attachment in attachments
    )
    return TransitFacts(attachments=tuple(attachments), tables=tables)


def _transit_routes(draw: Random) -> Iterator[TransitRoute]:
    """The routes that the VPCs propagate, and static routes, some of which lead nowhere."""
    for vpc_id, blocks in VPCS.items():
        for block in blocks if draw.random() < 0.9 else ():
            yield _transit_route(block, vpc_id, propagated=True)
    taken = set()
    for _ in range(draw.choice((0, 0, 1, 2))):
        block = _block(draw)
        if block not in taken:
            taken.add(block)
            if draw.random() < 0.5:
                yield TransitRoute(destination=block, state="blackhole")
            else:
                own = [vpc_id for vpc_id, blocks in VPCS.items() if any(_overlap(block, one) for one in blocks)]
                yield _transit_route(block, draw.choice(own or [A, B]), propagated=False)


def _transit_route(block: Network, vpc_id: str, *, propagated: bool) -> TransitRoute:
    return TransitRoute(
        destination=block,
        propagated=propagated,
        attachment_ids=(f"tgw-attach-{vpc_id[-1]}",),
        kind=TRANSIT_VPC,
        resource_ids=(vpc_id,),
    )


def _overlap(one: Network, other: Network) -> bool:
    """Whether `one` lies within `other`."""
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]
