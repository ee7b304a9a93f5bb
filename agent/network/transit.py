"""The effect of a transit gateway on a packet, judged by the parts that were read.

The packet enters by the VPC's attachment in the zone that it comes from. The route table associated with that
attachment applies, and the packet leaves by the attachment that the longest prefix names, into a subnet of the other
VPC. The route table of this subnet leads to the destination. The network ACL of the first attachment's subnet is
checked for incoming packets, and the network ACL of the second attachment's subnet for outgoing packets. Between the
gateway and an interface in the gateway's own subnet, no ACL is checked.

Sources: Amazon VPC Transit Gateways, How transit gateways work (route evaluation order), Transit gateway attachments to
a VPC, Transit gateway appliance scenario (zones), Network ACLs for transit gateways.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.network.index import Networks, Remote
from agent.report.hops import WORST, Hop, Ports, Reachability, Stage
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import (
    AVAILABLE,
    TRANSIT_VPC,
    NetworkInterface,
    TransitAttachment,
    TransitFacts,
    TransitRoute,
    TransitTable,
)

TRANSIT_GATEWAY: Final = "tgw-"
_WORKS: Final = frozenset({AVAILABLE, "modifying"})
_GONE: Final = frozenset({"deleting", "deleted", "failed", "failing", "rejected", "rejecting", "pendingacceptance"})
"""States in which an attachment passes no packets."""
_FIREWALL: Final = "network-function"
"""The attachment type of an AWS Network Firewall that is attached to a transit gateway itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One direction of a connection over a transit gateway."""

    stage: Stage
    gateway_id: str
    sender: NetworkInterface
    receiver: NetworkInterface | None
    """The receiving interface; None if it is unknown which one has the address."""
    source: Remote
    destination: Remote
    to: Address
    """The address of the `destination`."""
    ports: Ports
    """The packet's own destination ports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The outcome of a trip."""

    hop: Hop
    detour: str | None = None
    """The appliance on the way that may send packets on from another address."""
    meets_acl: bool | None = True
    """Whether the network ACL of the receiver's subnet is checked; None if that depends on the zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The effect of a subnet's route table on a packet that leaves the gateway there."""

    table_id: str
    outcome: Reachability
    words: str
    rule: str | None
    detour: str | None


class TransitGateways:
    """The transit gateways of one configuration."""

    def __init__(
        self,
        facts: TransitFacts | None,
        zones: Mapping[str, str | None],
        *,
        acl: Callable[[Stage, str, bool, Remote, Ports], Hop],
        arrival: Callable[[str, str, Address], Arrival | None],
    ) -> None:
        """`zones` are the zones of the subnets that were read. `acl` judges packets to or from the other end by a
        subnet's network ACL, in either direction. `arrival` judges packets to an address of the subnet's own VPC by the
        subnet's route table."""
        self.was_read = facts is not None
        self._zones = zones
        self._acl = acl
        self._arrival = arrival
        self._attachments: dict[str, TransitAttachment] = {}
        self._of_vpc: defaultdict[tuple[str, str | None], list[TransitAttachment]] = defaultdict(list)
        for attachment in () if facts is None else facts.attachments:
            self._attachments[attachment.attachment_id] = attachment
            if attachment.kind == TRANSIT_VPC:
                self._of_vpc[attachment.gateway_id, attachment.resource_id].append(attachment)
        self._tables = {} if facts is None else {table.table_id: table for table in facts.tables}
        self._routes: dict[str, Networks[TransitRoute]] = {}
        self.subnets = frozenset(subnet for one in self._attachments.values() for subnet in one.subnet_ids)
        """The subnets in which a VPC is attached."""

    def pass_on(self, trip: Trip) -> Passage:
        """The outcome of a trip. The worst hop decides; of several that are equally bad, the first one decides."""
        met: list[Passage] = []
        for passage in self._passages(trip):
            met.append(passage)
            if passage.hop.outcome is Reachability.BLOCKED:
                break
        decides = min(met, key=lambda passage: WORST.index(passage.hop.outcome))
        if decides.hop.outcome is Reachability.OPEN:
            decides = next(passage for passage in met if passage.hop.resources[0] in self._tables)
        return replace(decides, meets_acl=met[-1].meets_acl)

    def _passages(self, trip: Trip) -> Iterator[Passage]:
        """The passages in their order. The last passage tells whether the receiver's network ACL is checked."""
        near = self._attachment_of(trip.gateway_id, trip.sender.vpc_id)
        if near is None:
            words = f"no attachment of {trip.sender.vpc_id} to {trip.gateway_id} was read"
            yield _passage(trip, Reachability.CANNOT_TELL, words, trip.gateway_id)
            return
        yield from self._state(trip, near)
        yield from self._entry(trip, near)
        if near.table_id is None or near.table_id not in self._tables:
            which = near.table_id or "which one that is"
            words = f"the route table of {trip.gateway_id} for {near.attachment_id} was not read"
            yield _passage(trip, Reachability.CANNOT_TELL, f"{words}: {which}", near.attachment_id)
            return
        table = self._tables[near.table_id]
        routed, far = self._routed(trip, table)
        yield routed
        if far is None or trip.receiver is None:
            return
        yield from self._state(trip, far)
        yield self._exit(trip, far, trip.receiver)

    def _attachment_of(self, gateway_id: str, vpc_id: str) -> TransitAttachment | None:
        """The working attachment, otherwise one that has ended: attachments stay listed for a while after their end."""
        having = self._of_vpc.get((gateway_id, vpc_id), [])
        return next((one for one in having if one.state in _WORKS), having[0] if having else None)

    def _state(self, trip: Trip, attachment: TransitAttachment) -> Iterator[Passage]:
        name = attachment.attachment_id
        if attachment.state not in _WORKS:
            outcome = Reachability.BLOCKED if attachment.state in _GONE else Reachability.CANNOT_TELL
            words = f"{name} of {attachment.resource_id} has the state {attachment.state}"
            yield _passage(trip, outcome, words, name)
        elif trip.destination.version == 6 and attachment.ipv6 is False:
            words = f"{name} of {attachment.resource_id} passes no IPv6"
            yield _passage(trip, Reachability.BLOCKED, words, name)

    def _entry(self, trip: Trip, near: TransitAttachment) -> Iterator[Passage]:
        """The entry into the gateway, by the subnet in the packet's zone."""
        name, vpc_id = near.attachment_id, trip.sender.vpc_id
        if not near.subnet_ids:
            yield _passage(trip, Reachability.CANNOT_TELL, f"the subnets of {name} in {vpc_id} were not read", name)
            return
        zone = self._zone_of(trip.sender)
        zones = {subnet_id: self._zones.get(subnet_id) for subnet_id in near.subnet_ids}
        gates = [subnet_id for subnet_id, there in zones.items() if zone is None or there in (None, zone)]
        if not gates:
            words = f"{name} has no subnet in {zone}, the zone of {trip.sender.subnet_id}, so nothing there reaches it"
            yield _passage(trip, Reachability.BLOCKED, words, name)
            return
        yield _all_of(
            trip,
            [Passage(hop=self._acl(trip.stage, gate, False, trip.source, trip.ports)) for gate in gates],
            f"it is not known through which subnet of {name} the packet leaves {vpc_id}",
        )

    def _routed(self, trip: Trip, table: TransitTable) -> tuple[Passage, TransitAttachment | None]:
        """The hop at the gateway's route table, and the attachment by which the packet leaves, if it was read."""
        route = self._route_to(table, trip.to)
        if route is None:
            words = f"{table.table_id}, a route table of {trip.gateway_id}, has no route to {trip.destination.name}"
            return _passage(trip, Reachability.BLOCKED, words, table.table_id), None
        rule = f"{route.destination} to {', '.join(route.attachment_ids) or route.state}"
        sends = f"{table.table_id}, a route table of {trip.gateway_id}, sends {route.destination} to"

        def said(outcome: Reachability, words: str, detour: str | None = None) -> Passage:
            return _passage(trip, outcome, words, table.table_id, rule=rule, detour=detour)

        if route.state == "blackhole":
            return said(Reachability.BLOCKED, f"{sends} nowhere (its state is blackhole)"), None
        if route.state != "active" or len(set(route.attachment_ids)) != 1:
            where = " or ".join(route.attachment_ids) or route.state
            return said(Reachability.CANNOT_TELL, f"{sends} {where}; it is not known which of these is used"), None
        attachment_id = route.attachment_ids[0]
        resource = next(iter(route.resource_ids), None)
        where = f"{attachment_id} of {resource}" if resource is not None else attachment_id
        receiver = trip.receiver
        if route.kind == _FIREWALL or (route.kind == TRANSIT_VPC and receiver and resource != receiver.vpc_id):
            whose = "the firewall" if route.kind == _FIREWALL else resource
            words = f"{sends} {where} first, and nothing shows what {whose} does with it"
            return said(Reachability.DOUBTFUL, words, resource or attachment_id), None
        if route.kind != TRANSIT_VPC or receiver is None:
            return said(Reachability.CANNOT_TELL, f"{sends} {where}, and nothing shows what lies behind that"), None
        far = self._attachments.get(attachment_id)
        if far is None or not far.subnet_ids:
            words = f"{sends} {where}, whose subnets were not read"
            return said(Reachability.CANNOT_TELL, words), None
        return said(Reachability.OPEN, f"{sends} {where}"), far

    def _route_to(self, table: TransitTable, address: Address) -> TransitRoute | None:
        """The route with the longest prefix; of two routes with the same length, the one that is not propagated."""
        if table.table_id not in self._routes:
            self._routes[table.table_id] = Networks((route.destination, route) for route in table.routes)
        for _, routes in self._routes[table.table_id].holding(address):
            return min(routes, key=lambda route: (route.propagated, route.attachment_ids))
        return None

    def _exit(self, trip: Trip, far: TransitAttachment, receiver: NetworkInterface) -> Passage:
        """The exit from the gateway into the receiver's VPC. The gateway keeps packets in their zone if it can."""
        zone = self._zone_of(trip.sender)
        here = [subnet for subnet in far.subnet_ids if zone is not None and self._zones.get(subnet) == zone]
        gates = here if here and not far.appliance_mode else list(far.subnet_ids)
        passages = [self._into(trip, gate, receiver) for gate in gates]
        unknown = f"it is not known through which subnet of {far.attachment_id} the packet enters {receiver.vpc_id}"
        asked = {passage.meets_acl for passage in passages}
        return replace(_all_of(trip, passages, unknown), meets_acl=asked.pop() if len(asked) == 1 else None)

    def _into(self, trip: Trip, gate: str, receiver: NetworkInterface) -> Passage:
        """The path from one subnet with an attachment to the receiver."""
        meets_acl = gate != receiver.subnet_id
        arrival = self._arrival(gate, receiver.vpc_id, trip.to)
        if arrival is None:
            words = f"the packet enters {receiver.vpc_id} by {gate}, whose route table was not read"
            return replace(_passage(trip, Reachability.CANNOT_TELL, words, gate), meets_acl=meets_acl)
        routed = replace(
            _passage(trip, arrival.outcome, arrival.words, arrival.table_id, rule=arrival.rule, detour=arrival.detour),
            meets_acl=meets_acl,
        )
        if not meets_acl or arrival.outcome is not Reachability.OPEN:
            return routed
        acl = self._acl(trip.stage, gate, True, trip.destination, trip.ports)
        return routed if acl.outcome is Reachability.OPEN else Passage(hop=acl, meets_acl=meets_acl)

    def _zone_of(self, interface: NetworkInterface) -> str | None:
        return interface.availability_zone or self._zones.get(interface.subnet_id)


def _passage(
    trip: Trip,
    outcome: Reachability,
    words: str,
    *resources: str,
    rule: str | None = None,
    detour: str | None = None,
) -> Passage:
    hop = Hop(stage=trip.stage, resources=resources, outcome=outcome, rule=rule, words=words)
    return Passage(hop=hop, detour=detour)


def _all_of(trip: Trip, passages: Sequence[Passage], unknown: str) -> Passage:
    """The passage if any of these may be taken. If they differ, it is uncertain, and `unknown` is the reason."""
    first = passages[0]
    if len({passage.hop.outcome for passage in passages}) == 1:
        return first
    closed = [passage for passage in passages if passage.hop.outcome is not Reachability.OPEN]
    return _passage(trip, Reachability.CANNOT_TELL, f"{unknown}, and {closed[0].hop.words}", *_ids(passages))


def _ids(passages: Iterable[Passage]) -> Iterator[str]:
    yield from dict.fromkeys(resource for passage in passages for resource in passage.hop.resources)
