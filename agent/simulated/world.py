"""The seams of `probes.seams` for a scenario: an instance in a VPC that exists only in memory."""

import asyncio
import contextlib
import errno
import os
import posixpath
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from typing import Any, Final
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed leaves it out

from agent.catalog.partitions import partition_of
from agent.simulated import ec2, peers
from agent.simulated.aws import REQUEST_ID, role_denied
from agent.simulated.certificates import root_pem
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import HostPart, Scenario, TcpPart
from agent.simulated.settings import EPOCH
from probes.facts import CredentialFacts, DnsFacts, IcmpError, Interface, SdkFacts, TcpFacts
from probes.heartbeat import Heartbeat
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.ports import HTTPS
from probes.seams import Keys, LocalRoute, Reader, Stream, Trust, World
from probes.steps.dns import DNS_PORT, ask
from probes.steps.host import MAX_NAME_SERVERS, parse_resolv_conf
from probes.system.reader import refusal_of
from probes.tls_context import verifying_contexts
from probes.urls import masked_proxy

NEIGHBOUR_SECONDS: Final = 3.055
"""Seconds after which the kernel stops asking for a neighbour that does not answer (measured, Linux 6.18)."""
METADATA_SECONDS: Final = 2.0
"""Seconds for which botocore asks metadata for a role: one for each version of the service."""
LOCAL_SECONDS: Final = 0.0001
MSS: Final = 8448
"""The MSS of an interface with jumbo frames, for an endpoint that accepts packets of 8500 bytes."""
_HEADERS: Final = {4: 40, 6: 60}
"""Bytes of IP and TCP headers without options."""
DNS_SECONDS: Final = 0.001
EC2_SECONDS: Final = 0.02
_SYN_RETRANSMITS: Final = (1.0, 3.0, 7.0, 15.0, 31.0)
"""Seconds from the first SYN to each further SYN (RFC 6298; the wait doubles from 1 s)."""
_RESOLV_TIMEOUT: Final = 5.0
_RESOLV_ATTEMPTS: Final = 2
"""Default timeout in seconds, and default number of attempts, of a query (resolv.conf(5))."""
_PORT_UNREACHABLE: Final = {4: (3, 3), 6: (1, 4)}
_HOST_UNREACHABLE: Final = {4: (3, 1), 6: (1, 3)}
"""Type and code of this ICMP message, by IP version (RFC 792; RFC 4443, section 3.1)."""
WINDOW_BYTES: Final = 262_144
"""Number of bytes that may be under way in one direction before the sender must wait, as it must when a kernel's
buffers are full."""
_ROUTE_ERRORS: Final = {"unreachable": errno.EHOSTUNREACH, "prohibit": errno.EACCES, "blackhole": errno.EINVAL}


@asynccontextmanager
async def simulated(scenario: Scenario, began: float | None = None) -> AsyncIterator[World]:
    """The world of a scenario while the block lasts; its peers end with the block. When the loop's time is `began`, by
    default now, the time in the world is EPOCH."""
    loop = asyncio.get_running_loop()
    began = loop.time() if began is None else began

    def now() -> datetime:
        return EPOCH + timedelta(seconds=loop.time() - began)

    async with asyncio.TaskGroup() as group:
        net = SimulatedNet(scenario, now, group)
        yield World(net=net, machine=SimulatedMachine(scenario, now), sdk=SimulatedSdk(scenario))
        net.end()


class SimulatedNet:
    """A network whose packets never leave the process."""

    def __init__(self, scenario: Scenario, now: Callable[[], datetime], group: asyncio.TaskGroup) -> None:
        self._scenario = scenario
        self._host = scenario.host
        self._now = now
        self._group = group
        self._serving: set[asyncio.Task[None]] = set()
        self._tried: set[tuple[Address, int]] = set()
        """The addresses and ports to which a first SYN was sent."""

    def end(self) -> None:
        """Stop all peers of the network."""
        for task in self._serving:
            task.cancel()

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        loop = asyncio.get_running_loop()
        began = loop.time()
        draft.facts = facts = TcpFacts(at_once=True)
        way = way_of(self._host, address)
        draft.facts = facts = TcpFacts(source=way.source, retransmits=0)
        if (answer := _filtered(self._host, address, port)) is not None:
            if answer == "reject" and way.source is not None:
                await asyncio.sleep(LOCAL_SECONDS)
                icmp = _icmp(way.source, _PORT_UNREACHABLE)
                draft.facts = TcpFacts(source=way.source, retransmits=0, icmp=icmp)
                raise _os_error(errno.ECONNREFUSED)
            await self._silence(began, facts, draft)
        if way.interface in _tunnels(self._host):
            await self._silence(began, facts, draft)
        if not exists(self._scenario, way):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NEIGHBOUR_SECONDS):
                    await self._silence(began, facts, draft)
            draft.facts = TcpFacts(source=way.source, icmp=_icmp(way.source or address, _HOST_UNREACHABLE))
            raise _os_error(errno.EHOSTUNREACH)
        row = self._scenario.behind(address, port)
        if row is not None and row.answer == "no-source-port":
            draft.facts = TcpFacts(at_once=True)
            raise _os_error(errno.EADDRNOTAVAIL)
        if row is not None and row.answer == "crash":
            raise RuntimeError("the scenario asks for a fault of the program")
        peer = peers.peer_at(self._scenario, address, port, self._now)
        round_trip = DNS_SECONDS if row is None else row.round_trip_seconds
        if peer is None and not address.is_loopback and not (row is not None and row.answer == "refuse"):
            await self._silence(began, facts, draft)
        lost = int(row is not None and row.first_syn_lost and (address, port) not in self._tried)
        self._tried.add((address, port))
        await asyncio.sleep(lost * _SYN_RETRANSMITS[0] + round_trip)
        sent_again = lost + sum(due < round_trip for due in _SYN_RETRANSMITS)
        if peer is None:
            raise _os_error(errno.ECONNREFUSED)
        segment = min(mss or MSS, MSS)
        draft.facts = TcpFacts(source=way.source, retransmits=sent_again, mss=segment, round_trip_seconds=round_trip)
        client, server = _pipe(round_trip / 2)
        if row is not None and row.path_mtu is not None and segment + _HEADERS[address.version] > row.path_mtu:
            server.lose_above(row.path_mtu - _HEADERS[address.version])
        task = self._group.create_task(_serve(peer, server))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return client

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        way = way_of(self._host, address)
        if _filtered(self._host, address, port) is not None:
            raise _os_error(errno.EPERM)
        if port != DNS_PORT or not exists(self._scenario, way):
            await _forever()
        await asyncio.sleep(DNS_SECONDS)
        known = address in peers.resolvers_of(self._scenario)
        if (address.is_loopback and not known) or peers.is_closed_resolver(self._scenario, address):
            raise _os_error(errno.ECONNREFUSED)
        datagrams = peers.datagrams(self._scenario, address, payload) if known else ()
        answer = next((datagram for datagram in datagrams if accept(datagram)), None)
        if answer is None:
            await _forever()
            raise AssertionError("forever has ended")
        return answer, 1

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        """Resolve a name as the C library does: first from a cache and the hosts file, then by one name server after
        another (resolv.conf(5))."""
        if (cached := self._host.cached_names.get(host)) is not None:
            if not cached:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return cached
        if listed := [ip_address(line.split()[0]) for line in self._host.hosts if host in line.split()[1:]]:
            return tuple(listed)
        if "dns" not in self._host.lookup_sources:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        *others, last = self._completed(host)
        for name in others:
            with contextlib.suppress(socket.gaierror):
                return await self._asked(name)
        return await self._asked(last)

    def _completed(self, host: str) -> tuple[str, ...]:
        """The names to look up, in order."""
        if host.endswith("."):
            return (host.removesuffix("."),)
        _, _, search, options = parse_resolv_conf(self._host.resolv_conf())
        searched = tuple(f"{host}.{domain}" for domain in search)
        dots = next((int(option.partition(":")[2]) for option in options if option.startswith("ndots:")), 1)
        return (host, *searched) if host.count(".") >= dots else (*searched, host)

    async def _asked(self, host: str) -> tuple[Address, ...]:
        patience, attempts, by_tcp = self._lookup_options()
        for _ in range(attempts):
            for server in self._host.resolvers[:MAX_NAME_SERVERS]:
                try:
                    return await self._both(server, host, patience, by_tcp=by_tcp)
                except (OSError, TimeoutError, ProbeError) as error:
                    if isinstance(error, socket.gaierror):  # this is the server's own answer, so no other is asked
                        raise
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    def _lookup_options(self) -> tuple[float | None, int, bool]:
        """The lookup options of the C library: how long it waits for an answer, how often it asks, and whether it asks
        by TCP. With TCP it waits as long as for a connect (resolv.conf(5); measured, glibc 2.41)."""
        options = dict(option.partition(":")[::2] for option in parse_resolv_conf(self._host.resolv_conf())[3])
        by_tcp = "use-vc" in options
        timeout = float(options.get("timeout") or _RESOLV_TIMEOUT)
        return None if by_tcp else timeout, int(options.get("attempts") or _RESOLV_ATTEMPTS), by_tcp

    def datagram_error(self, address: Address, port: int) -> int | None:
        return None if _filtered(self._host, address, port) is None else errno.EPERM

    async def _both(self, server: Address, host: str, patience: float | None, *, by_tcp: bool) -> tuple[Address, ...]:
        """The A and AAAA records that one server gives. Raises gaierror if the answer is final, and ProbeError or
        OSError if the next server must be asked. After a usable answer for A, the next server is not asked (measured,
        glibc 2.41)."""
        addresses: list[Address] = []
        alias = False
        answered = False
        silent = False
        for record in ("A", "AAAA"):
            draft: Draft[DnsFacts] = Draft()
            try:
                # Both questions are sent at the same time, so while the library waited for one answer, the time for the
                # other answer passed, too.
                async with asyncio.timeout(2 * DNS_SECONDS if silent else patience):
                    addresses += await ask(
                        *(self, server, host, record, draft),
                        retry_after=_RESOLV_TIMEOUT,
                        bounded=False,
                        by_tcp=by_tcp,
                    )
                alias = alias or (draft.facts is not None and draft.facts.canonical_name is not None)
                answered = True
            except TimeoutError:
                if silent:  # the server does not answer
                    raise
                silent = True
            except ProbeError as error:
                if error.kind is FailureKind.NXDOMAIN:
                    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from error
                if not answered or error.kind is not FailureKind.SERVFAIL:
                    raise
        # The C library asks twice more, one question after the other, and uses the answers that it has (measured, glibc
        # 2.41).
        if silent:
            await asyncio.sleep(2 * (patience or 0.0))
        if not addresses and alias:  # glibc's answer for an alias without an address (measured, 2.41)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not addresses:
            raise socket.gaierror(getattr(socket, "EAI_NODATA", -5), "No address associated with hostname")
        return tuple(addresses)

    async def _silence(self, began: float, facts: TcpFacts, draft: Draft[TcpFacts]) -> None:
        """Wait without a result until the caller gives up."""
        loop = asyncio.get_running_loop()
        try:
            await _forever()
        except asyncio.CancelledError:
            sent_again = sum(loop.time() - began >= due for due in _SYN_RETRANSMITS)
            draft.facts = TcpFacts(source=facts.source, retransmits=sent_again)
            raise


class SimulatedMachine:
    """The instance of a scenario."""

    def __init__(self, scenario: Scenario, now: Callable[[], datetime]) -> None:
        self._scenario = scenario
        self._host = scenario.host
        self._now = now
        self._looked = False
        self._lateness = 0.0
        """Seconds for which the process was stopped, in virtual time."""
        self._heartbeat = Heartbeat()

    @property
    def environment(self) -> Mapping[str, str]:
        return self._host.environment

    @property
    def is_root(self) -> bool:
        return self._host.root

    def now(self) -> datetime:
        return self._now()

    def identifier(self) -> str:
        return f"simulated-{self._scenario.name}"

    def read(self, path: str) -> bytes:
        files = {
            "/proc/sys/kernel/hostname": f"{self._host.name}\n",
            "/etc/resolv.conf": self._host.resolv_conf(),
            "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
            "/proc/sys/net/ipv4/tcp_keepalive_time": f"{self._host.keepalive_seconds}\n",
            "/etc/hosts": "".join(f"{line}\n" for line in self._host.hosts),
            "/sys/class/dmi/id/sys_vendor": "Amazon EC2\n" if self._host.ec2 else "Example\n",
            **self._host.files,
        }
        self._refuse_unreadable(path)
        if path not in files:
            raise _not_there(path)
        return files[path].encode()

    async def entries(self, path: str, most: int) -> tuple[str, ...]:
        self._refuse_unreadable(path)
        below = [name for name in (*self._host.files, *self._host.links) if name.startswith(f"{path}/")]
        if not below:
            raise _not_there(path)
        return tuple(sorted({name.removeprefix(f"{path}/").partition("/")[0] for name in below})[:most])

    async def link_target(self, path: str) -> str:
        self._refuse_unreadable(path)
        if path not in self._host.links:
            raise _not_there(path)
        return self._host.links[path]

    async def output_of(self, program: str, option: str) -> str:
        if f"{program} {option}" not in self._host.programs:
            raise _not_there(program)
        return self._host.programs[f"{program} {option}"]

    def _refuse_unreadable(self, path: str) -> None:
        if any(path == name or path.startswith(f"{name}/") for name in self._host.unreadable):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        if any(path == link or path.startswith(f"{link}/") for link in self._host.links if self._is_circle(link)):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def _is_circle(self, link: str) -> bool:
        """Whether a symbolic link leads to itself."""
        return posixpath.join(posixpath.dirname(link), self._host.links[link]) == link

    async def read_of_user(self, path: str) -> bytes:
        if self._scenario.sdk.silent_home:
            await _forever()
        return self.read(path)

    def interfaces(self) -> tuple[Interface, ...]:
        bridges = (Interface(name=bridge.name, address=bridge.address) for bridge in self._host.bridges)
        return (*(Interface(name="eth0", address=address) for address in self._host.addresses), *bridges)

    def way(self, address: Address) -> LocalRoute:
        return way_of(self._host, address)

    def neighbour(self, way: LocalRoute) -> str | None:
        if way.interface in _tunnels(self._host):
            return "noarp"  # a tunnel does not resolve neighbours
        if way.next_hop.is_loopback or any(way.next_hop in rule.addresses for rule in self._host.filter):
            return None  # nothing was sent by this route, so no neighbour was resolved
        if exists(self._scenario, way):
            return "reachable"
        return "failed" if (self._now() - EPOCH).total_seconds() >= NEIGHBOUR_SECONDS else "incomplete"

    def allowances(self) -> dict[str, int]:
        # At the first reading the counters are zero; at every later reading they have their final values.
        counted = {name: rise if self._looked else 0 for name, rise in self._host.allowances_exceeded.items()}
        self._looked = True
        return counted

    async def watch_lateness(self) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualLoop):
            await self._stop(loop)
            await loop.create_future()
        async with asyncio.TaskGroup() as group:  # with a real clock, the process may really be delayed, too
            group.create_task(self._stop(None))
            group.create_task(self._heartbeat.watch())

    async def _stop(self, loop: VirtualLoop | None) -> None:
        """Let the time pass for which the process is stopped in the scenario."""
        for stop in self._host.stops:
            for _ in range(stop.times):
                await asyncio.sleep(stop.after)
                if loop is None:
                    time.sleep(stop.seconds)  # noqa: ASYNC251 - nothing else may run meanwhile
                else:
                    loop.leap(stop.seconds)
                    self._lateness += stop.seconds

    def lateness(self) -> float:
        return self._lateness + self._heartbeat.lateness()

    def run_delay(self) -> float | None:
        return None

    async def trust(self, ca_bundle: str | None) -> Trust:
        if ca_bundle is not None:  # a simulated host has no such file
            message = f"{ca_bundle} cannot be read as certificates: {os.strerror(errno.ENOENT)}"
            raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code="ENOENT")
        roots = "".join(root_pem(issuer) for issuer in self._host.trusts)
        named, chain_only = verifying_contexts(cadata=roots)
        return Trust(source="simulated", named=named, chain_only=chain_only)


def _not_there(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class SimulatedSdk:
    """The SDK settings of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._sdk = scenario.sdk
        self._credentials = scenario.credentials
        self._metadata = scenario.metadata
        self._environment = scenario.host.environment

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        if self._sdk.silent_home:
            await _forever()
        if (fault := self._fault()) is not None:
            raise ProbeError(FailureKind.MALFORMED, fault[1], code=fault[0])
        variable = self._environment.get("AWS_DEFAULT_REGION")  # the variable that boto3 reads
        return SdkFacts(
            version="simulated",
            profile=profile or self._environment.get("AWS_PROFILE"),
            region=variable or self._sdk.region,
            sts_host=self._sts_host(),
            legacy_sts=self._environment.get("AWS_STS_REGIONAL_ENDPOINTS") == "legacy",
            legacy_s3=self._environment.get("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT") != "regional",
            region_file=None if variable or self._sdk.region is None else "/home/backup/.aws/config",
            ca_bundle=None,
            fips=self._sdk.fips,
            dual_stack=self._sdk.dual_stack,
            endpoint_urls={
                name: masked_proxy(url) for name, url in self._sdk.endpoint_urls.items() if name in services
            },
        )

    async def credentials(self, profile: str | None) -> tuple[Keys, CredentialFacts]:
        if self._sdk.silent_home:
            await _forever()
        if (fault := self._fault()) is not None:
            raise ProbeError(FailureKind.NO_CREDENTIALS, fault[1], code=fault[0])
        sts = self._sts()
        match self._credentials.source:
            case "none":
                if self._metadata.answer == "silence":
                    await asyncio.sleep(METADATA_SECONDS)
                if self._metadata.answer in ("hostile-endless", "hostile-after-token-endless"):
                    message = "An HTTP Client raised an unhandled exception: an answer without end"
                    raise ProbeError(FailureKind.NO_CREDENTIALS, message, code="HTTPClientError")
                raise ProbeError(FailureKind.NO_CREDENTIALS, "the SDK finds no credentials in any of its places")
            case "hangs":
                await _forever()
            case "web-identity" if sts is None:
                await _forever()
            case "web-identity" if sts is not None and sts.role != "given":
                head = "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation"
                raise ProbeError(FailureKind.NO_CREDENTIALS, f"{head}: {role_denied(sts)}", code="ClientError")
            case "fails":
                message = "Error when retrieving credentials from custom-process: "
                raise ProbeError(FailureKind.NO_CREDENTIALS, message, code="CredentialRetrievalError")
        keys = self._credentials.keys()
        facts = CredentialFacts(
            source="assume-role-with-web-identity" if self._credentials.source == "web-identity" else "env",
            access_key_id_suffix=keys.access_key_id[-4:],
            temporary=keys.token is not None,
            expires_at=None,
            role=None,
        )
        return keys, facts

    def _sts_host(self) -> str | None:
        if self._credentials.source != "web-identity":
            return None
        variables = ("AWS_DEFAULT_REGION", "AWS_REGION")
        region = self._sdk.region or next(filter(None, map(self._environment.get, variables)), None)
        return "sts.amazonaws.com" if region is None else f"sts.{region}.{partition_of(region).dns_suffix}"

    def _sts(self) -> TcpPart | None:
        """The peer at an address that DNS gives for the host of STS; None if there is none."""
        given = {address for row in self._scenario.dns if row.name == self._sts_host() for address in row.a}
        peers = (row for row in self._scenario.tcp if HTTPS in row.ports and given.intersection(row.addresses))
        return next(peers, None)

    def _fault(self) -> tuple[str, str] | None:
        """The exception that botocore raises, and its message, if it cannot read its settings; None if it can."""
        if self._sdk.broken_file:
            return "ConfigParseError", f"Unable to parse config file: {self._environment.get('AWS_CONFIG_FILE', '')}"
        named = self._environment.get("AWS_PROFILE", "default")
        return None if named == "default" else ("ProfileNotFound", f"The config profile ({named}) could not be found")

    def proxy(self, host: str, scheme: str = "https") -> str | None:
        exceptions = self._environment.get("no_proxy", self._environment.get("NO_PROXY", ""))
        if proxy_bypass_environment(host, {"no": exceptions}):
            return None
        name = f"{scheme}_proxy"
        return self._environment.get(name) or self._environment.get(name.upper())

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        return SimulatedReader(self._scenario, most=most)


class SimulatedReader:
    """The answers of EC2 and similar services, without a connection."""

    def __init__(self, scenario: Scenario, *, most: int) -> None:
        self._scenario = scenario
        self._most = most
        self._sent = 0

    async def prepare(self, services: Iterable[str]) -> None:
        """Do nothing, because these answers need no preparation."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._sent >= self._most:
            raise ProbeError(FailureKind.TOO_LARGE, f"the run has used up its {self._most} requests")
        self._sent += 1
        if not ec2.is_found(self._scenario):
            await _forever()
        await asyncio.sleep(EC2_SECONDS)
        metadata = {"RequestId": REQUEST_ID, "HTTPStatusCode": 200}
        try:
            answer = ec2.answer(self._scenario, service, operation, parameters)
        except ec2.RefusedError as error:
            refused = {"Code": error.code, "Message": error.message}
            metadata["HTTPStatusCode"] = error.status
            raise refusal_of({"Error": refused, "ResponseMetadata": metadata}) from None
        if answer is None:
            await _forever()
            raise AssertionError("forever has ended")
        return answer | {"ResponseMetadata": metadata}


def way_of(host: HostPart, address: Address) -> LocalRoute:
    """The route of the scenario's host to an address. Raises the OSError that the kernel's route lookup gives."""
    if address.is_loopback:
        return LocalRoute(interface="lo", source=address, next_hop=address)
    dead = max((one for one in host.routes if address in one.to), key=lambda one: one.to.prefixlen, default=None)
    own = _own(host, address)
    if dead is not None and (own is None or own.network.prefixlen < dead.to.prefixlen):
        raise _os_error(_ROUTE_ERRORS[dead.answer])
    bridge = next((bridge for bridge in host.bridges if address in bridge.address.network), None)
    if bridge is not None and (own is None or own.network.prefixlen <= bridge.address.network.prefixlen):
        return LocalRoute(interface=bridge.name, source=bridge.address.ip, next_hop=address)
    if own is not None:
        return LocalRoute(interface="eth0", source=own.ip, next_hop=address)
    gateway = next((one for one in host.gateways if one.version == address.version), None)
    if gateway is None:
        raise _os_error(errno.ENETUNREACH)
    near = _own(host, gateway) or next((one for one in host.addresses if one.version == address.version), None)
    return LocalRoute(interface="eth0", source=None if near is None else near.ip, next_hop=gateway)


def _own(host: HostPart, address: Address) -> IPv4Interface | IPv6Interface | None:
    """The host's address in the subnet of `address`."""
    return next((one for one in host.addresses if address in one.network), None)


def _tunnels(host: HostPart) -> frozenset[str]:
    return frozenset(bridge.name for bridge in host.bridges if bridge.kind == "tunnel")


def exists(scenario: Scenario, way: LocalRoute) -> bool:
    """Whether the next hop of a route exists: then it answers ARP in its own subnet."""
    if way.next_hop.is_loopback:
        return True
    if way.interface in {bridge.name for bridge in scenario.host.bridges}:
        return False
    services = (address for row in scenario.tcp for address in row.addresses)
    known = {*services, *peers.resolvers_of(scenario), *scenario.host.gateways, *peers.metadata_addresses(scenario)}
    return way.next_hop in known


def _filtered(host: HostPart, address: Address, port: int) -> str | None:
    return next((rule.answer for rule in host.filter if address in rule.addresses and port in rule.ports), None)


def _icmp(sender: Address, what: Mapping[int, tuple[int, int]]) -> IcmpError:
    number, code = what[sender.version]
    return IcmpError(sender=sender, type=number, code=code)


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


# --- Pipes -----------------------------------------------------------------------------------------------------------


class MemoryStream:
    """One end of a connection in memory. Data arrives `delay` seconds after it was sent, in order."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._peer: MemoryStream = self
        self._travelling: deque[bytes | peers.End] = deque()
        self._arrived: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._held = 0
        """Number of bytes that are under way to this end, or that it has not read yet."""
        self._ended = False
        self._reset = False
        self._closed = False
        self._largest: int | None = None
        self._stuck = False

    def lose_above(self, size: int) -> None:
        """From now on, lose data that is sent in larger pieces, and all data after it."""
        self._largest = size

    async def send(self, data: bytes) -> None:
        if self._reset:
            raise _os_error(errno.ECONNRESET)
        if self._closed:
            raise _os_error(errno.EBADF)
        while self._peer._held > WINDOW_BYTES:
            if self._peer._closed:
                raise _os_error(errno.EPIPE)
            self._peer._room.clear()
            await self._peer._room.wait()
        if self._largest is not None and len(data) > self._largest:
            self._stuck = True
        if not self._stuck:
            self._peer._travel(data)

    async def receive(self, limit: int) -> bytes:
        while not self._arrived and not self._ended:
            self._news.clear()
            await self._news.wait()
        if self._reset:
            raise _os_error(errno.ECONNRESET)
        if not self._arrived:
            return b""
        data = self._arrived.popleft()
        if len(data) > limit:
            self._arrived.appendleft(data[limit:])
        self._held -= len(data[:limit])
        self._room.set()
        return data[:limit]

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._room.set()
            self._peer._travel(peers.End.CLOSE)

    def reset(self) -> None:
        """End the connection as an RST does."""
        self._closed = True
        self._peer._travel(peers.End.RESET)

    def _travel(self, data: bytes | peers.End) -> None:
        # Timers that are due at the same instant may fire in any order, so a timer does not carry the data itself.
        self._travelling.append(data)
        self._held += len(data) if isinstance(data, bytes) else 0
        asyncio.get_running_loop().call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        data = self._travelling.popleft()
        if isinstance(data, bytes):
            self._arrived.append(data)
        else:
            self._ended = True
            self._reset = data is peers.End.RESET
        self._news.set()


def _pipe(delay: float) -> tuple[MemoryStream, MemoryStream]:
    client, server = MemoryStream(delay), MemoryStream(delay)
    client._peer, server._peer = server, client
    return client, server


async def _serve(peer: peers.Peer, stream: MemoryStream) -> None:
    try:
        end = await peer(stream)
    except OSError:
        end = peers.End.CLOSE  # the client has gone
    if end is peers.End.RESET:
        stream.reset()
    stream.close()
