"""Two VPCs that are connected by a transit gateway and by a peering. They are built once, from three network
namespaces, and configured many times.

One namespace has the hosts, and one has the endpoints' interfaces. The namespace between them has every router: the
router of each VPC, and the transit gateway. A security group is a stateful filter in the namespace of its interface. A
network ACL is a filter on the routers for every packet that leaves or enters a subnet. A route table is a routing table
of the kernel for packets from a subnet, so that the kernel itself chooses the longest prefix. A packet from one router
to another leaves by one end of a cable and enters at the other. Packets within one subnet take a separate cable, past
the routers.

Everything is made only from the facts, without `agent.network`. Both ends of a cable have the same hardware address
and need no neighbour discovery, so the cables carry only packets that are sent here.

A connection attempt without an answer is recognised by order, not by time. All packets in flight are in one queue of
one processor, and each step of a packet's path puts the packet at the end of this queue. Many round trips over a cable
without filters therefore end after the results of all earlier connection attempts.
"""

import ctypes
import os
import select
import socket
import struct
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import count
from multiprocessing.connection import Connection
from typing import Final

from probes.model import Address
from probes.vpc.model import Configuration, Network, NetworkInterface, Route, RouteTable, Subnet, TransitAttachment, Vpc
from tests.netns import filters
from tests.netns import vpc as namespaces

PORTS: Final = (443, 1026, 1027, 1028, 1031, 2222)
"""The ports at which every address of an endpoint answers."""
SOURCE_PORTS: Final = ((32768, 41999), (42000, 51999), (52000, 60999))
"""Ranges of ports from which hosts connect. No entry of a network ACL may divide one of these ranges."""
ACCOUNT: Final = "111122223333"
SECONDS: Final = 5.0
"""The time in seconds for an expected answer that has not arrived when the order says that it should have."""
_CLONE_NEWNET: Final = 0x40000000
"""The flag for a network namespace in setns(2), from linux/sched.h."""
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""The option SO_LINGER (socket(7)) with which closing a socket sends a reset."""
_ROUND_TRIPS: Final = 40
"""More round trips than the longest path has steps, there and back."""
_SENTINEL: Final = (ip_address("192.0.2.1"), ip_address("192.0.2.2"))
_SENTINEL_PORT: Final = 9
_BACKLOG: Final = 4096
_OF_TABLE: Final = 100
_OF_VPC: Final = 200
"""The preferences of two routing rules of a VPC. The rule for its route table comes first, and then the rule for
packets to the VPC's own addresses.
"""
_OF_ATTACHMENT: Final = 600
_OF_GATE: Final = 700
"""The numbers of the first routing tables: for packets from a VPC into the transit gateway, and for packets from the
gateway into a VPC.
"""
_STATIC, _BY_LIST, _PROPAGATED, _NOWHERE = range(10, 50, 10)
"""The metrics of routes. Of several routes for one block, the kernel uses the one with the lowest metric (Amazon VPC
User Guide, How route priority works).
"""
_SETTINGS: Final = """
cd /proc/sys/net
for name in ipv4/conf/all/rp_filter ipv4/conf/default/rp_filter ipv4/tcp_synack_retries ipv4/tcp_syncookies; do
    echo 0 >$name
done
for name in ipv4/ip_forward ipv6/conf/all/forwarding; do echo $1 >$name; done
for name in core/somaxconn ipv4/tcp_max_syn_backlog; do echo 65535 >$name; done
"""
"""Settings with which the kernel does not repeat a SYN-ACK, and uses no SYN cookies."""

A, B = "vpc-a", "vpc-b"
VPCS: Final = {
    A: (ip_network("10.0.0.0/16"), ip_network("fd00:a::/48")),
    B: (ip_network("10.1.0.0/16"), ip_network("fd00:b::/48")),
}
SUBNETS: Final = tuple(
    Subnet(
        subnet_id=f"subnet-{name}",
        vpc_id=vpc_id,
        cidrs=(ip_network(four), ip_network(six)),
        availability_zone=f"eu-west-1{zone}",
        owner_id=ACCOUNT,
    )
    for name, vpc_id, four, six, zone in (
        ("a1", A, "10.0.0.0/24", "fd00:a:0:0::/64", "a"),
        ("a2", A, "10.0.1.0/24", "fd00:a:0:1::/64", "b"),
        ("a3", A, "10.0.2.0/24", "fd00:a:0:2::/64", "a"),
        ("b1", B, "10.1.0.0/24", "fd00:b:0:0::/64", "a"),
        ("b2", B, "10.1.1.0/24", "fd00:b:0:1::/64", "b"),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """An interface with a fixed address. A configuration changes only the security groups of the interface."""

    interface_id: str
    subnet_id: str
    addresses: tuple[Address, ...]

    def address(self, version: int) -> Address:
        return next(address for address in self.addresses if address.version == version)

    def interface(self, *group_ids: str, is_host: bool) -> NetworkInterface:
        subnet = next(subnet for subnet in SUBNETS if subnet.subnet_id == self.subnet_id)
        return NetworkInterface(
            interface_id=self.interface_id,
            vpc_id=subnet.vpc_id,
            subnet_id=self.subnet_id,
            addresses=self.addresses,
            group_ids=group_ids,
            kind="interface" if is_host else "vpc_endpoint",
            availability_zone=subnet.availability_zone,
            owner_id=ACCOUNT,
        )


def _places(prefix: str, where: Iterable[tuple[str, int]]) -> tuple[Place, ...]:
    cidrs = {subnet.subnet_id: subnet.cidrs for subnet in SUBNETS}
    return tuple(
        Place(f"eni-{prefix}{number}", f"subnet-{name}", tuple(cidr[last] for cidr in cidrs[f"subnet-{name}"]))
        for number, (name, last) in enumerate(where)
    )


@dataclass(frozen=True, slots=True)
class Side:
    """The cable between a VPC and the transit gateway in one zone."""

    number: int
    vpc_id: str
    zone: str

    @property
    def of_vpc(self) -> str:
        """The VPC's end of the cable."""
        return f"tgw-{self.vpc_id[-1]}{self.zone[-1]}"

    @property
    def of_gateway(self) -> str:
        return f"att-{self.vpc_id[-1]}{self.zone[-1]}"

    def gate(self, facts: Configuration) -> Subnet | None:
        """The subnet of this zone in which the VPC is attached, or None if it is not attached here."""
        attached = attachment_of(facts, self.vpc_id).subnet_ids
        here = (subnet for subnet in SUBNETS if subnet.vpc_id == self.vpc_id and subnet.availability_zone == self.zone)
        return next((subnet for subnet in here if subnet.subnet_id in attached), None)


def attachment_of(facts: Configuration, vpc_id: str) -> TransitAttachment:
    assert facts.transit is not None
    return next(attachment for attachment in facts.transit.attachments if attachment.resource_id == vpc_id)


SIDES: Final = tuple(
    Side(number, vpc_id, f"eu-west-1{zone}")
    for number, (vpc_id, zone) in enumerate((vpc_id, zone) for vpc_id in VPCS for zone in "ab")
)
HOSTS: Final = _places("host", (("a1", 10), ("a1", 77), ("a1", 200), ("a2", 10)))
ENDS: Final = _places("end", (("a1", 150), ("a2", 17), ("a3", 17), ("a3", 201), ("b1", 17), ("b2", 130)))


@dataclass(frozen=True, slots=True)
class Connect:
    """A connection attempt to one port of an address. It is made once from each range of SOURCE_PORTS."""

    source: Address
    address: Address
    port: int


def vpc_of(vpc_id: str) -> Vpc:
    return Vpc(vpc_id=vpc_id, owner_id=ACCOUNT, cidrs=VPCS[vpc_id], dhcp_options_id=None)


# --- The namespaces --------------------------------------------------------------------------------------------------


class Networks:
    """The namespaces, and their current configuration."""

    def __init__(self, hosts: str, routers: str, ends: str, connects: Connection) -> None:
        self._hosts = hosts
        self._routers = routers
        self._ends = ends
        self._connects = connects
        """The pipe to the process that connects."""
        self._configured: tuple[str, ...] = ()
        """The routes that are configured at present."""

    def configure(self, facts: Configuration) -> None:
        """Replace the current configuration by `facts`. Raises ValueError for parts that cannot be built here."""
        namespaces.in_namespace(self._hosts, "nft", "-f", "-", text=_groups_of_hosts(facts))
        namespaces.in_namespace(self._ends, "nft", "-f", "-", text=_groups_of_ends(facts))
        namespaces.in_namespace(self._routers, "nft", "-f", "-", text=_acls(facts))
        routes = tuple(dict.fromkeys(_routes(facts)))
        gone = (f"route del {route}" for route in self._configured if route not in routes)
        new = (f"route append {route}" for route in routes if route not in self._configured)
        namespaces.batch(self._routers, (*gone, *new))
        self._configured = routes

    def connected(self, connects: Sequence[Connect], expected: Iterable[Connect]) -> dict[Connect, tuple[bool, ...]]:
        """For each connection attempt, whether it was answered, with a value for each range in SOURCE_PORTS. Attempts
        in `expected` get more time. Raises TimeoutError if the process that connects does not reply.
        """
        self._connects.send((tuple(connects), frozenset(expected)))
        if not self._connects.poll(namespaces.COMMAND_SECONDS):
            raise TimeoutError("the process that connects says nothing")
        answers: list[tuple[bool, ...]] = self._connects.recv()
        return dict(zip(connects, answers, strict=True))


@contextmanager
def networks() -> Iterator[Networks]:
    """The namespaces, without any configuration. Raises RuntimeError if they cannot be made."""
    with ExitStack() as stack:
        hosts, routers, ends = (
            stack.enter_context(namespaces.namespace(role)) for role in ("hosts", "routers", "ends")
        )
        for name in (hosts, routers, ends):
            namespaces.in_namespace(name, "sh", "-c", _SETTINGS, "sh", "1" if name == routers else "0")
        cables = _cables(hosts, routers, ends)
        for number, (near, far) in enumerate(cables):
            hardware = f"02:00:00:00:00:{number:02x}"
            (near_in, near_name), (far_in, far_name) = near, far
            namespaces.batch(
                near_in,
                [
                    f"link add {near_name} address {hardware} type veth "
                    f"peer name {far_name} address {hardware} netns {far_in}"
                ],
            )
            for there, name in (near, far):
                namespaces.batch(there, [f"link set {name} arp off", f"link set {name} up"])
        for there, lines in ((hosts, _of_hosts), (ends, _of_ends), (routers, _of_routers)):
            for version in (4, 6):
                namespaces.batch(there, lines(version), f"-{version}")
        ours, theirs = namespaces.FORKS.Pipe()
        stack.enter_context(ours)
        process = namespaces.FORKS.Process(target=_connect_in, args=(hosts, ends, theirs))
        with theirs, namespaces.FORKING:
            process.start()
        try:
            yield Networks(hosts, routers, ends, ours)
        finally:
            ours.close()
            with namespaces.FORKING:
                process.join(namespaces.COMMAND_SECONDS)
                process.kill()
                process.join()


def _short(subnet_id: str) -> str:
    return subnet_id.removeprefix("subnet-")


_HOST_SUBNETS: Final = tuple(dict.fromkeys(place.subnet_id for place in HOSTS))
_END_SUBNETS: Final = tuple(dict.fromkeys(place.subnet_id for place in ENDS))
_SHARED: Final = tuple(subnet_id for subnet_id in _HOST_SUBNETS if subnet_id in _END_SUBNETS)

_End = tuple[str, str]
"""A namespace, and the name of an interface there."""


def _cables(hosts: str, routers: str, ends: str) -> Iterator[tuple[_End, _End]]:
    for subnet_id in _HOST_SUBNETS:
        yield (hosts, f"h-{_short(subnet_id)}"), (routers, f"h-{_short(subnet_id)}")
    for subnet_id in _END_SUBNETS:
        yield (ends, f"e-{_short(subnet_id)}"), (routers, f"e-{_short(subnet_id)}")
    for subnet_id in _SHARED:
        yield (hosts, f"s-{_short(subnet_id)}"), (ends, f"s-{_short(subnet_id)}")
    yield (hosts, "sentinel"), (ends, "sentinel")
    yield (routers, f"pcx-{A}"), (routers, f"pcx-{B}")
    for side in SIDES:
        yield (routers, side.of_vpc), (routers, side.of_gateway)


def _of_hosts(version: int) -> Iterator[str]:
    yield from _of_places(HOSTS, ENDS, "h", version)
    if version == 4:
        yield f"addr add {_SENTINEL[0]}/32 dev sentinel"
        yield f"route add {_SENTINEL[1]} dev sentinel src {_SENTINEL[0]}"


def _of_ends(version: int) -> Iterator[str]:
    yield from _of_places(ENDS, HOSTS, "e", version)
    if version == 4:
        yield f"addr add {_SENTINEL[1]}/32 dev sentinel"
        yield f"route add {_SENTINEL[0]} dev sentinel src {_SENTINEL[1]}"


def _of_places(places: Iterable[Place], others: Sequence[Place], prefix: str, version: int) -> Iterator[str]:
    """Lines that add addresses, and for each address a routing table for its packets. The table sends packets within
    the subnet directly to the other end, and all others to the router.
    """
    no_detection = " nodad" if version == 6 else ""
    for number, place in enumerate(places, 1):
        short = _short(place.subnet_id)
        yield f"addr add {place.address(version)} dev {prefix}-{short}{no_detection}"
        yield f"rule add from {place.address(version)} lookup {number}"
        yield f"route add {_all(version)} dev {prefix}-{short} table {number}"
        for other in others:
            if other.subnet_id == place.subnet_id:
                yield f"route add {other.address(version)} dev s-{short} table {number}"


def _of_routers(version: int) -> Iterator[str]:
    """The rules that choose a route table by the incoming interface, and the routes to the VPCs' own addresses."""
    for number, subnet in enumerate(SUBNETS):
        for name in _links_of(subnet.subnet_id):
            yield f"rule add pref {_OF_TABLE} iif {name} lookup {_table(number)}"
            yield f"rule add pref {_OF_VPC} iif {name} lookup {_own_table(subnet.vpc_id)}"
    for vpc_id in VPCS:
        yield f"rule add pref {_OF_VPC} iif pcx-{vpc_id} lookup {_own_table(vpc_id)}"
        yield f"route add blackhole {_all(version)} table {_own_table(vpc_id)} metric {_NOWHERE}"
    for side in SIDES:
        yield f"rule add pref {_OF_TABLE} iif {side.of_vpc} lookup {_OF_GATE + side.number}"
        yield f"rule add pref {_OF_VPC} iif {side.of_vpc} lookup {_own_table(side.vpc_id)}"
        yield f"rule add pref {_OF_TABLE} iif {side.of_gateway} lookup {_OF_ATTACHMENT + side.number}"
    for place, prefix in (*((host, "h") for host in HOSTS), *((end, "e") for end in ENDS)):
        device = f"{prefix}-{_short(place.subnet_id)}"
        yield f"route add {place.address(version)} dev {device} table {_own_table(_vpc_id(place.subnet_id))}"


def _vpc_id(subnet_id: str) -> str:
    return next(subnet.vpc_id for subnet in SUBNETS if subnet.subnet_id == subnet_id)


def _links_of(subnet_id: str) -> Iterator[str]:
    """The routers' ends of a subnet's cables."""
    if subnet_id in _HOST_SUBNETS:
        yield f"h-{_short(subnet_id)}"
    if subnet_id in _END_SUBNETS:
        yield f"e-{_short(subnet_id)}"


def _table(number: int) -> int:
    return 1000 + number


def _own_table(vpc_id: str) -> int:
    return 500 + list(VPCS).index(vpc_id)


def _all(version: int) -> str:
    return "0.0.0.0/0" if version == 4 else "::/0"


# --- What is configured ----------------------------------------------------------------------------------------------


def _groups_of_hosts(facts: Configuration) -> str:
    hosts = facts.own_interfaces or ()
    chains = {interface.interface_id: filters.group_chain(facts, interface, egress=True) for interface in hosts}
    return _ruleset("output", chains, (_by_address("saddr", interface) for interface in hosts))


def _groups_of_ends(facts: Configuration) -> str:
    ends = facts.endpoint_interfaces or ()
    chains = {interface.interface_id: filters.admitting(facts, interface) for interface in ends}
    return _ruleset("input", chains, (_by_address("daddr", interface) for interface in ends))


def _by_address(which: str, interface: NetworkInterface) -> str:
    lines = (
        f"{'ip' if address.version == 4 else 'ip6'} {which} {address} meta l4proto tcp jump {interface.interface_id}"
        for address in interface.addresses
    )
    return "\n".join(lines)


def _acls(facts: Configuration) -> str:
    """Chains that apply a subnet's network ACL to packets that leave or enter the subnet through its router."""
    acls = facts.acls or ()
    chains = {f"{way}-{acl.acl_id}": filters.acl_chain(acl, way) for acl in acls for way in ("out", "in")}
    acl_of = {subnet_id: acl.acl_id for acl in acls for subnet_id in acl.subnet_ids}
    jumps = [*_closed(facts)]
    for side in SIDES:
        if (gate := side.gate(facts)) is not None:
            # No ACL applies between the gateway and interfaces in its own subnet (Network ACLs for transit gateways).
            own = [f'iifname "{side.of_vpc}" oifname "{name}" accept' for name in _links_of(gate.subnet_id)]
            jumps += [*own, f'meta l4proto tcp iifname "{side.of_vpc}" jump out-{acl_of[gate.subnet_id]}']
            jumps.append(f'meta l4proto tcp oifname "{side.of_vpc}" jump in-{acl_of[gate.subnet_id]}')
    jumps += [
        f'meta l4proto tcp {which} "{name}" jump {way}-{acl_of[subnet.subnet_id]}'
        for way, which in (("out", "iifname"), ("in", "oifname"))
        for subnet in SUBNETS
        for name in _links_of(subnet.subnet_id)
    ]
    return _ruleset("forward", chains, jumps)


def _closed(facts: Configuration) -> Iterator[str]:
    """The lines that drop packets at an attachment that blocks them, or at a peering that no longer exists."""
    if any(peering.state != "active" for peering in facts.peerings or ()):
        yield f'oifname "pcx-{A}" drop'
        yield f'oifname "pcx-{B}" drop'
    for side in SIDES:
        attachment = attachment_of(facts, side.vpc_id)
        kind = "" if attachment.state != "available" else "meta nfproto ipv6"
        if kind == "" or not attachment.ipv6:
            for which in ("iifname", "oifname"):
                yield f'{which} "{side.of_vpc}" {kind} drop'


def _ruleset(hook: str, chains: dict[str, list[str]], jumps: Iterable[str]) -> str:
    bodies = "\n".join(f"chain {name} {{\n{_lines(lines)}\n}}" for name, lines in chains.items())
    return f"""
        flush ruleset
        table inet configuration {{
            {bodies}
            chain packets {{
                type filter hook {hook} priority 0; policy accept;
                {_lines(jumps)}
            }}
        }}
    """


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _routes(facts: Configuration) -> Iterator[str]:
    """The routes of every subnet's route table, as arguments of `route add`."""
    for number, subnet in enumerate(SUBNETS):
        yield from _routes_of_table(facts, table_of(facts, subnet), subnet, _table(number))
    for side in SIDES:
        gate = side.gate(facts)
        if gate is not None:
            yield from _routes_of_table(facts, table_of(facts, gate), gate, _OF_GATE + side.number)
        yield from _routes_of_attachment(facts, side)


def table_of(facts: Configuration, subnet: Subnet) -> RouteTable:
    """The route table of a subnet."""
    tables = [table for table in facts.route_tables or () if table.vpc_id == subnet.vpc_id]
    own = [table for table in tables if subnet.subnet_id in table.subnet_ids]
    return (own or [table for table in tables if table.main])[0]


def _routes_of_attachment(facts: Configuration, side: Side) -> Iterator[str]:
    """The transit gateway's routes for packets from a VPC in one zone: a packet stays in its zone if the other VPC is
    attached there. In appliance mode the gateway may choose any zone; here it chooses the last one.
    """
    assert facts.transit is not None
    number = _OF_ATTACHMENT + side.number
    table_id = attachment_of(facts, side.vpc_id).table_id
    (table,) = (table for table in facts.transit.tables if table.table_id == table_id)
    for route in table.routes:
        metric = _PROPAGATED if route.propagated else _STATIC
        if route.state == "blackhole":
            yield f"blackhole {route.destination} table {number} metric {metric}"
            continue
        (vpc_id,) = route.resource_ids
        there = [other for other in SIDES if other.vpc_id == vpc_id and other.gate(facts) is not None]
        same = [other for other in there if other.zone == side.zone]
        free = attachment_of(facts, vpc_id).appliance_mode or not same
        yield f"{route.destination} dev {(there if free else same)[-1].of_gateway} table {number} metric {metric}"
    for version in (4, 6):
        yield f"blackhole {_all(version)} table {number} metric {_NOWHERE}"


def _routes_of_table(facts: Configuration, table: RouteTable, subnet: Subnet, number: int) -> Iterator[str]:
    local = [route.destination for route in table.routes if route.target == "local" and route.destination is not None]
    for route in table.routes:
        blocks = filters.blocks_of(facts, route)
        for block in blocks:
            if route.target.startswith("vgw-") and any(_is_within(block, kept) for kept in local):
                continue  # `local` has priority over a propagated route (Route tables and VPN route priority)
            metric = _STATIC if route.destination is not None else _BY_LIST
            metric = _PROPAGATED if route.target.startswith("vgw-") else metric
            kind, device = _way_of(facts, route, subnet)
            yield f"{kind}{block}{device} table {number} metric {metric}"
    for version in (4, 6):
        yield f"blackhole {_all(version)} table {number} metric {_NOWHERE}"


def _way_of(facts: Configuration, route: Route, subnet: Subnet) -> tuple[str, str]:
    """How the kernel must treat packets of a route: the type of the kernel's route, and its device."""
    if route.state == "blackhole" or route.target.startswith(filters.ELSEWHERE):
        return "blackhole ", ""
    if route.target == "local":
        return "throw ", ""
    if route.target.startswith("pcx-"):
        return "", f" dev pcx-{subnet.vpc_id}"
    if route.target.startswith("tgw-"):
        near = (side for side in SIDES if (side.vpc_id, side.zone) == (subnet.vpc_id, subnet.availability_zone))
        side = next(near)
        return ("", f" dev {side.of_vpc}") if side.gate(facts) is not None else ("blackhole ", "")
    raise ValueError(f"nothing like {route.target} is built here")


def _is_within(block: Network, other: Network) -> bool:
    return block.version == other.version and block.subnet_of(other)  # type: ignore[arg-type]


# --- Connects --------------------------------------------------------------------------------------------------------


def _connect_in(hosts: str, ends: str, asked: Connection) -> None:
    """Listen at the endpoints, and connect from the hosts on each request, until the pipe is closed. It runs in a
    separate process, since the processes of the tests must not connect to addresses outside the loopback.
    """
    library = ctypes.CDLL(None, use_errno=True)
    _enter(library, ends)
    listening = [_listening(port) for port in (*PORTS, _SENTINEL_PORT)]
    _enter(library, hosts)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for number in count():
        try:
            connects, expected = asked.recv()
        except EOFError:
            return
        asked.send(_tried(connects, expected, number))
        for server in listening:
            _take_all(server)


def _enter(library: ctypes.CDLL, namespace: str) -> None:
    """Move this thread into the namespace, so that all its sockets belong to the namespace."""
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if library.setns(descriptor, _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


def _listening(port: int) -> socket.socket:
    server = socket.create_server(("::", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True)
    server.setblocking(False)
    return server


def _take_all(server: socket.socket) -> None:
    """Accept all connections in the queue of a listener."""
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return
        except ConnectionError:
            continue


def _tried(connects: Iterable[Connect], expected: Container[Connect], number: int) -> list[tuple[bool, ...]]:
    """Whether each connection attempt is answered. Calls with a different `number` connect from different ports."""
    clients: list[tuple[Connect, list[socket.socket]]] = []
    try:
        for connect in connects:
            clients.append((connect, []))
            for first, last in SOURCE_PORTS:
                clients[-1][1].append(_connecting(connect, first + number % (last - first)))
        for _ in range(_ROUND_TRIPS):
            with socket.socket() as sentinel:
                sentinel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                sentinel.settimeout(namespaces.COMMAND_SECONDS)
                sentinel.connect((str(_SENTINEL[1]), _SENTINEL_PORT))
        until = time.monotonic() + SECONDS
        return [
            tuple(_is_connected(client, until if connect in expected else 0.0) for client in tried)
            for connect, tried in clients
        ]
    finally:
        for _, tried in clients:
            for client in tried:
                client.close()


def _connecting(connect: Connect, port: int) -> socket.socket:
    """Begin to connect from a port; returns the socket."""
    client = socket.socket(socket.AF_INET if connect.source.version == 4 else socket.AF_INET6)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind((str(connect.source), port))
    client.setblocking(False)
    client.connect_ex((str(connect.address), connect.port))
    return client


def _is_connected(client: socket.socket, until: float) -> bool:
    """Whether a connection attempt has been answered, or is answered before `until`, a time of the monotonic clock."""
    asked = select.poll()
    asked.register(client, select.POLLOUT)
    return (
        bool(asked.poll(1000 * max(0.0, until - time.monotonic())))
        and client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    )
