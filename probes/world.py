"""The three seams through which probes meet the world, and their real forms.

`Net` moves packets, `Machine` reads this host, `Sdk` reads the AWS SDK's settings. A probe takes the ones it needs, so
a simulated world can stand in for each. This is the one module of the project that opens sockets of its own.

What Linux alone can tell (ICMP senders, TCP_INFO, netlink) is asked for on Linux; elsewhere it is unknown.
"""

import array
import asyncio
import contextlib
import errno
import importlib
import importlib.util
import os
import re
import signal
import socket
import ssl
import stat
import struct
import sys
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, Protocol

from probes import boto, ethtool, netlink
from probes.background import in_background
from probes.facts import CredentialFacts, IcmpError, Interface, SdkFacts, TcpFacts
from probes.failure import errno_name
from probes.model import Address, Draft, FailureKind, ProbeError

LINUX: Final = sys.platform == "linux"

MAX_FILE_BYTES: Final = 1 << 20
"""No file that a run reads is larger in health; a larger one is cut here."""


# --- The seams -------------------------------------------------------------------------------------------------------


class Stream(Protocol):
    """A connection that carries bytes both ways."""

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError."""

    async def receive(self, limit: int) -> bytes:
        """Give at least one and at most `limit` bytes; `b""` when the peer has closed. Raises OSError."""

    def close(self) -> None:
        """Let go of the connection at once. Closing twice is allowed."""


class Net(Protocol):
    """Packets."""

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        """Connect by TCP. Whatever the end, `draft` holds what the kernel saw. `mss` bounds the segments of both sides,
        in bytes (tcp(7), TCP_MAXSEG). Raises OSError."""

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        """Send `payload` by UDP, once more after `retry_after` seconds of silence, and wait for a datagram that
        `accept` takes; others are ignored. Gives it and the number of datagrams sent. Raises OSError."""

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        """Look `host` up as programs on this host do. Raises socket.gaierror. The C library's look-up itself goes on
        when the caller gives up."""

    def datagram_error(self, address: Address, port: int) -> int | None:
        """Send one UDP datagram and give the errno that this host met it with; None where it left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How this host would send to an address."""

    interface: str | None
    source: Address | None
    next_hop: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The roots that certificates are held against, loaded once for a run."""

    source: str
    named: ssl.SSLContext
    """Verifies the chain and the host's name."""
    chain_only: ssl.SSLContext
    """Verifies the chain; for ports whose certificates carry the names of their roles."""
    folder: bool = False
    """Whether they come from a folder, which the SDK cannot read and `--ca-bundle` can."""


class Machine(Protocol):
    """This host."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of this process."""

    def now(self) -> datetime:
        """Wall time, UTC."""

    def identifier(self) -> str:
        """A new name that nothing else has."""

    def read(self, path: str) -> bytes:
        """The start of a file, at most MAX_FILE_BYTES. Raises OSError."""

    def interfaces(self) -> tuple[Interface, ...] | None:
        """Every address of this host; None where the system does not say."""

    def way(self, address: Address) -> Way | None:
        """How this host would send to `address`; None where the system does not say. Raises OSError where it has no
        way."""

    def neighbour(self, way: Way) -> str | None:
        """State of the link-layer entry of the next hop; None where there is none or the system does not say."""

    def allowances(self) -> dict[str, int]:
        """The network drivers' counters of packets dropped for an allowance, by `INTERFACE COUNTER`; empty where no
        driver has them."""

    async def trust(self, ca_bundle: str | None) -> Trust:
        """Load the trusted roots: those of `ca_bundle`, otherwise those that the SDK takes without settings of its own.
        Raises ProbeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What signs a request. It never enters an observation, and its repr holds no secret."""

    access_key_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


class Reader(Protocol):
    """Read-only requests about the configuration of a network."""

    async def prepare(self, services: Iterable[str]) -> None:
        """Make all that requests to these services need. Sends nothing, and may take a busy machine seconds, which are
        no request's; what goes wrong is raised by the requests themselves."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request, in boto3's form. `service` is named as boto3 names it (`ec2`, `route53resolver`,
        `route53`), `operation` as the API does (`DescribeVpcs`). Raises ProbeError, with AWS's own code where AWS
        refuses; a request that hangs goes on when the caller gives up."""


class Sdk(Protocol):
    """The AWS SDK on this host."""

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        """What the SDK is set to. Raises ProbeError where its configuration cannot be read."""

    async def credentials(self, profile: str | None) -> tuple[Keys, CredentialFacts]:
        """The credentials that the SDK's chain finds. Raises ProbeError of kind `no-credentials`: without a code where
        it finds none, with the name of what went wrong where a source fails. A hanging source goes on when the caller
        gives up."""

    def proxy(self, host: str, scheme: str = "https") -> str | None:
        """URL of the proxy that the SDK's calls to `host`, a name or an address without a port, would take, secrets and
        all; None for none."""

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        """What reads a configuration in a Region, signed with `keys`. Each request has `timeout` seconds to connect and
        as many to be answered; `most` is the number of requests that it ever sends, second tries among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that a run touches."""

    net: Net
    machine: Machine
    sdk: Sdk


# --- The real network ------------------------------------------------------------------------------------------------

_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_SO_EE_ORIGIN_ICMP: Final = 2
_SO_EE_ORIGIN_ICMP6: Final = 3
_TCP_INFO: Final = struct.Struct("=8B24I")
_STATE, _SND_MSS, _RTT, _TOTAL_RETRANS = 0, 10, 23, 31
"""Places in struct tcp_info of linux/tcp.h, counted in members of `_TCP_INFO`."""
_UNCONNECTED: Final = (2, 7)
"""TCP_SYN_SENT and TCP_CLOSE of linux/tcp_states.h."""


class SocketStream:
    """A connected TCP socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def receive(self, limit: int) -> bytes:
        await asyncio.sleep(0)  # what is there is read without waiting, so a flood would hold up every deadline
        return await asyncio.get_running_loop().sock_recv(self._connection, limit)

    def close(self) -> None:
        self._connection.close()


class SystemNet:
    """Real packets."""

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        connection = socket.socket(_family(address), socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            if mss is not None:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
            _report_icmp(connection, address, wanted=True)
            number = connection.connect_ex(_endpoint(address, port))
            draft.facts = TcpFacts(at_once=number not in (0, errno.EINPROGRESS))
            try:
                if number == errno.EINPROGRESS:
                    await _writable(connection)
                    number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            finally:  # a window that runs out in the middle still leaves what the kernel knows
                draft.facts = _seen_by_kernel(connection, address, draft.facts)
            if number:
                raise OSError(number, os.strerror(number))
            # Left on, one ICMP error would end the connection.
            _report_icmp(connection, address, wanted=False)
        except BaseException:
            connection.close()
            raise
        return SocketStream(connection)

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        loop = asyncio.get_running_loop()
        with socket.socket(_family(address), socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            # Connected, so that a closed port answers with ECONNREFUSED and strangers' datagrams stay out.
            channel.connect(_endpoint(address, port))

            async def answer() -> bytes:
                while True:
                    await asyncio.sleep(0)  # as in SocketStream.receive
                    if accept(datagram := await loop.sock_recv(channel, 65_535)):
                        return datagram

            channel.send(payload)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry_after):
                    return await answer(), 1
            channel.send(payload)
            return await answer(), 2

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        def look_up() -> tuple[Address, ...]:
            try:
                rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except UnicodeError as error:  # a label that is empty, too long or no text
                raise socket.gaierror(socket.EAI_NONAME, "no name that can be looked up") from error
            addresses = (ip_address(row[4][0]) for row in rows if row[0] in (socket.AF_INET, socket.AF_INET6))
            return tuple(dict.fromkeys(addresses))

        return await in_background(look_up)

    def datagram_error(self, address: Address, port: int) -> int | None:
        try:
            with socket.socket(_family(address), socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.connect(_endpoint(address, port))
                channel.send(b"\0")
        except OSError as error:
            return error.errno
        return None


def _family(address: Address) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _endpoint(address: Address, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if address.version == 4:
        return str(address), port
    scope = address.scope_id
    try:
        index = 0 if scope is None else int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
    except (OSError, ValueError) as error:  # Python gives no errno for an interface that is not there
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from error
    return str(address).partition("%")[0], port, 0, index


async def _writable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = connection.fileno()

    def settle() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(descriptor, settle)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _report_icmp(connection: socket.socket, address: Address, *, wanted: bool) -> None:
    if not LINUX:
        return
    if address.version == 4:
        connection.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, wanted)
    else:
        connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, wanted)


def _seen_by_kernel(connection: socket.socket, address: Address, facts: TcpFacts) -> TcpFacts:
    if not LINUX:
        return facts
    with contextlib.suppress(OSError):  # an unbound socket has no name
        host = ip_address(connection.getsockname()[0])
        facts = replace(facts, source=None if host.is_unspecified else host)
    with contextlib.suppress(OSError, struct.error):  # an older kernel gives a shorter struct
        info = _TCP_INFO.unpack_from(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        facts = replace(
            facts,
            round_trip_seconds=info[_RTT] / 1e6 or None,
            retransmits=info[_TOTAL_RETRANS],
            mss=None if info[_STATE] in _UNCONNECTED else info[_SND_MSS] or None,  # until then a default of 536
        )
    return replace(facts, icmp=_icmp_error(connection, address))


def _icmp_error(connection: socket.socket, address: Address) -> IcmpError | None:
    """The ICMP error that ended a connect, from the socket's error queue; None where there is none."""
    try:
        _data, ancillary, _flags, _peer = connection.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for _level, _type, data in ancillary:
        _number, origin, kind, code = struct.unpack_from("=IBBB", data)
        if origin == _SO_EE_ORIGIN_ICMP and len(data) >= 24:
            return IcmpError(sender=IPv4Address(data[20:24]), type=kind, code=code)
        if origin == _SO_EE_ORIGIN_ICMP6 and len(data) >= 40:
            return IcmpError(sender=IPv6Address(data[24:40]), type=kind, code=code)
    return None


# --- The real host ---------------------------------------------------------------------------------------------------

TRUST_STORES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Amazon Linux, RHEL, Fedora
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
ALLOWANCE: Final = "_allowance_exceeded"
_NETLINK_SECONDS: Final = 0.5


class SystemMachine:
    """The host that this process runs on."""

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ

    def now(self) -> datetime:
        return datetime.now(UTC)

    def identifier(self) -> str:
        return str(uuid.uuid4())

    def read(self, path: str) -> bytes:
        file = Path(path)
        if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe or a terminal could wait for ever
            raise OSError(errno.EINVAL, "not a plain file", path)
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)

    def interfaces(self) -> tuple[Interface, ...] | None:
        if not LINUX:
            return None
        try:
            names = dict(socket.if_nameindex())
            answers = _ask_kernel(netlink.addresses_request(), netlink.RTM_NEWADDR)
        except OSError:
            return None
        if answers is None:
            return None
        return tuple(found for answer in answers if (found := netlink.interface_of(answer, names)))

    def way(self, address: Address) -> Way | None:
        if not LINUX:
            return None
        answers = _ask_kernel(netlink.route_request(_family(address), address), netlink.RTM_NEWROUTE)
        if not answers:
            return None
        route = netlink.route_of(answers[0])
        interface = None
        if route.interface_index is not None:
            with contextlib.suppress(OSError):
                interface = socket.if_indextoname(route.interface_index)
        return Way(interface=interface, source=route.source, next_hop=route.gateway or address)

    def neighbour(self, way: Way) -> str | None:
        if not LINUX:
            return None
        try:
            index = None if way.interface is None else socket.if_nametoindex(way.interface)
            answers = _ask_kernel(netlink.neighbours_request(_family(way.next_hop)), netlink.RTM_NEWNEIGH)
        except OSError:
            return None
        return netlink.neighbour_state(answers or (), way.next_hop, index)

    def allowances(self) -> dict[str, int]:
        if not LINUX:
            return {}
        found: dict[str, int] = {}
        try:
            names = socket.if_nameindex()
        except OSError:  # a sandbox without netlink
            return {}
        for _, name in names:
            with contextlib.suppress(OSError):  # a driver without statistics
                counters = ethtool.statistics(_ethtool, name)
                found |= {f"{name} {key}": value for key, value in counters.items() if key.endswith(ALLOWANCE)}
        return found

    async def trust(self, ca_bundle: str | None) -> Trust:
        return await in_background(lambda: load_trust(ca_bundle))


def _ethtool(interface: str, request: bytearray) -> None:
    """Let the driver of an interface fill in an ethtool request (linux/ethtool.h). Raises OSError."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        buffer = array.array("B", request)
        address, _ = buffer.buffer_info()
        fcntl.ioctl(channel.fileno(), ethtool.SIOCETHTOOL, struct.pack("16sP", interface.encode()[:15], address))
        request[:] = buffer.tobytes()


def _ask_kernel(request: bytes, wanted: int) -> tuple[bytes, ...] | None:
    """Payloads of the kernel's answers of type `wanted`; None where it cannot be asked, as in a sandbox that has no
    netlink. Raises OSError where it answers with an error."""
    if sys.platform != "linux":
        return None
    found = []
    refusal = 0
    ended = False
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as channel:
            channel.settimeout(_NETLINK_SECONDS)
            channel.sendto(request, (0, 0))
            while not ended:
                for kind, payload in netlink.messages(channel.recv(1 << 16)):
                    if kind == wanted:
                        found.append(payload)
                    elif kind == netlink.NLMSG_ERROR:
                        refusal = netlink.error_number(payload)
                    ended = ended or kind in (netlink.NLMSG_DONE, netlink.NLMSG_ERROR)
                # The answer to a look-up of one route has no end marker.
                ended = ended or wanted == netlink.RTM_NEWROUTE
    except OSError:
        return None
    if refusal:
        raise OSError(refusal, os.strerror(refusal))
    return tuple(found)


def load_trust(ca_bundle: str | None) -> Trust:
    """Load the roots of the file or folder `ca_bundle`, otherwise those that the SDK takes where neither AWS_CA_BUNDLE
    nor a profile names any. Raises ProbeError of kind `tls-no-trust-store`."""
    bundle, source = _roots_of_sdk() if ca_bundle is None else (ca_bundle, ca_bundle)
    if not bundle.strip():
        raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, "the CA bundle is set to an empty text, and must name a file")
    # urllib3 does so with every bundle. Path.expanduser would raise where there is no such home.
    path = os.path.expanduser(bundle)  # noqa: PTH111
    try:
        kind = Path(path).stat().st_mode
        folder = stat.S_ISDIR(kind)
        if not folder and not stat.S_ISREG(kind):  # OpenSSL would read from a pipe or a device for ever
            raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, f"{source} is no plain file and no folder")
        where = {"capath" if folder else "cafile": path}
        contexts = verifying_contexts(**where)
        if not folder and not contexts[0].cert_store_stats()["x509_ca"]:
            raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, f"{source} holds no certificate authority")
    except OSError as error:
        message = f"{source} cannot be read as certificates: {error.strerror or error}"
        # The number of an SSLError is none of errno(3).
        code = (error.reason or "SSL_ERROR") if isinstance(error, ssl.SSLError) else errno_name(error.errno)
        raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code=code) from error
    except ValueError as error:  # a NUL in it
        message = "the CA bundle is set to what can be no path"
        raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code=type(error).__name__) from error
    return Trust(source=source, named=contexts[0], chain_only=contexts[1], folder=folder)


def _roots_of_sdk() -> tuple[str, str]:
    """The file of roots that the SDK takes without settings of its own, and how to call it (botocore,
    EndpointCreator._get_verify_value and httpsession.get_cert_path).

    That is never the system's list, nor SSL_CERT_FILE, save where a distribution has taken botocore's list out of it.
    Importing certifi is cheap, importing botocore is not.
    """
    if (named := os.environ.get("REQUESTS_CA_BUNDLE")) is not None:
        return named, named
    try:
        # A distribution's certifi gives the system's file: what it says counts, not what lies in its folder.
        found = str(importlib.import_module("certifi").where())
    except (ImportError, AttributeError):
        spec = importlib.util.find_spec("botocore")
        folders = () if spec is None else spec.submodule_search_locations or ()
        own = [file for folder in folders if (file := Path(folder, "cacert.pem")).is_file()]
        if not own:
            return _roots_of_system()
        found = str(own[0])
    return found, found


def _roots_of_system() -> tuple[str, str]:
    """The first of the system's lists that is there, and how to call it. OpenSSL's own default path is one
    distribution's and differs from the next, so the known places are looked for. Raises ProbeError."""
    for place in TRUST_STORES:
        if Path(place).is_file():
            return place, f"{place} (the system's list: the SDK brings none)"
    raise ProbeError(
        FailureKind.TLS_NO_TRUST_STORE,
        f"no trust store: the SDK brings none, and none of {', '.join(TRUST_STORES)} is there; install ca-certificates "
        "or name a file with --ca-bundle",
    )


def verifying_contexts(
    *, cafile: str | None = None, capath: str | None = None, cadata: str | None = None
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Two client contexts over the same roots: one verifies chain and name, one the chain alone.

    TLS 1.2 at least, ALPN `http/1.1`, and no X.509 strict mode, which Python 3.13 turns on by default and the SDKs of
    AWS do not use. Raises OSError and ssl.SSLError.
    """
    contexts = []
    for checks_name in (True, False):
        context = client_context()
        context.load_verify_locations(cafile, capath, cadata)
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = checks_name
        contexts.append(context)
    return contexts[0], contexts[1]


def client_context() -> ssl.SSLContext:
    """A client context that trusts nobody yet and, as it stands, verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def small_client_context() -> ssl.SSLContext:
    """As `client_context`, for a ClientHello that is as small as it can be: TLS 1.2 alone, with its forward-secret
    AES-GCM ciphers and no key share."""
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    return context


# --- The real SDK ----------------------------------------------------------------------------------------------------


class SystemSdk:
    """botocore's reading of the environment and of the shared config files."""

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        return await in_background(lambda: load_sdk_settings(profile, services))

    async def credentials(self, profile: str | None) -> tuple[Keys, CredentialFacts]:
        return await in_background(lambda: load_credentials(profile))

    def proxy(self, host: str, scheme: str = "https") -> str | None:
        # botocore.utils.get_environ_proxies does just this, after an import fifteen times as dear. NO_PROXY is held
        # against the host as it stands in a URL.
        from urllib.request import getproxies, proxy_bypass

        return None if proxy_bypass(f"[{host}]" if ":" in host else host) else getproxies().get(scheme)

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        return boto.SystemReader(
            access_key_id=keys.access_key_id,
            secret_key=keys.secret_key,
            token=keys.token,
            region=region,
            profile=profile,
            ca_bundle=ca_bundle,
            timeout=timeout,
            most=most,
        )


_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def masked_proxy(url: str) -> str:
    """A proxy URL without user and password: `http://me:secret@proxy.example` as `http://***@proxy.example`."""
    scheme = found.group() if (found := _SCHEME.match(url)) else ""
    credentials, _, host = url[len(scheme) :].rpartition("@")
    return f"{scheme}***@{host}" if credentials else url


def end_children(spare: Collection[int] = ()) -> None:
    """Ask every child of this process but those with the ids `spare` to end (proc(5), /proc/PID/task/TID/children).

    A credential process that hangs would outlive the run that asked for it, since the thread that waits for it is
    nobody's. Not for a program that has children of its own and does not know them.
    """
    for task in Path("/proc/self/task").glob("*/children") if LINUX else ():
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile, or a child
            for child in map(int, task.read_text("ascii").split()):
                if child not in spare:
                    os.kill(child, signal.SIGTERM)


_URL: Final = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s/?#]*)\S*")
MAX_MESSAGE_CHARACTERS: Final = 300


def _discreet(message: str) -> str:
    """A library's message without what URLs hold beside the host: on ECS the path itself is the credential."""
    return _URL.sub(r"\1\2/…", message)[:MAX_MESSAGE_CHARACTERS]


def load_credentials(profile: str | None) -> tuple[Keys, CredentialFacts]:
    """Ask botocore's whole chain: environment, profiles, web identity, SSO, processes, containers, metadata. Slow, and
    it may reach out to wherever the configured source is; call it in a thread. Raises ProbeError of kind
    `no-credentials`."""
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

    try:
        session = botocore.session.Session(profile=profile)
        found = session.get_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
    except CredentialRetrievalError as error:
        # What a process wrote to stderr stands in the error's own text.
        provider = str(getattr(error, "kwargs", {}).get("provider", "of credentials"))
        message = f"the source {provider} failed"
        raise ProbeError(FailureKind.NO_CREDENTIALS, message, code=type(error).__name__) from error
    except (BotoCoreError, ClientError, OSError) as error:
        raise ProbeError(FailureKind.NO_CREDENTIALS, _discreet(str(error)), code=type(error).__name__) from error
    except Exception as error:
        # The chain lets through whatever its files, processes and servers cause. What that says may be a piece of what
        # the source gave, so it is not repeated.
        name = type(error).__name__
        raise ProbeError(FailureKind.NO_CREDENTIALS, f"a source of credentials failed: {name}", code=name) from error
    if frozen is None:
        raise ProbeError(FailureKind.NO_CREDENTIALS, "the SDK finds no credentials in any of its places")
    if not all(isinstance(each, str) for each in (frozen.access_key, frozen.secret_key, frozen.token or "")):
        raise ProbeError(FailureKind.NO_CREDENTIALS, "a source of credentials gave no text", code="TypeError")
    if any(not each.isascii() or not each.isprintable() or " " in each for each in (*frozen[:2], frozen.token or "")):
        message = "the credentials hold a space, a line break or another character that no key has"
        raise ProbeError(FailureKind.NO_CREDENTIALS, message, code="ValueError")
    # The signer is wanted next, and importing it belongs off the loop as well.
    import botocore.auth
    import botocore.awsrequest

    facts = CredentialFacts(
        source=str(found.method),
        access_key_id_suffix=frozen.access_key[-4:],
        temporary=frozen.token is not None,
        expires_at=getattr(found, "_expiry_time", None),
        role=None,
    )
    return Keys(access_key_id=frozen.access_key, secret_key=frozen.secret_key, token=frozen.token), facts


def load_sdk_settings(profile: str | None, services: Sequence[str]) -> SdkFacts:
    """Read the SDK's settings as botocore does for a client of each of `services`. Imports botocore: slow, call it in
    a thread. Raises ProbeError of kind `malformed`, with the exception's name as code, or the setting's where a value
    is nested in which text belongs."""
    import botocore
    import botocore.session
    from botocore.configprovider import ConfiguredEndpointProvider
    from botocore.exceptions import BotoCoreError

    def text(name: str, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise ProbeError(FailureKind.MALFORMED, f"the SDK's setting {name} is no text", code=name)

    try:
        session = botocore.session.Session(profile=profile)
        scoped = session.get_scoped_config()
        urls = {}
        if not session.get_config_variable("ignore_configured_endpoint_urls"):
            for service in services:
                # Private to botocore, and the only reading of AWS_ENDPOINT_URL* that agrees with it.
                provider = ConfiguredEndpointProvider(session.full_config, scoped, service, os.environ)
                if url := text("endpoint_url", provider.provide()):
                    urls[service] = masked_proxy(url)
        named = text("region", session.get_config_variable("region"))
        # fips-us-east-1 and us-east-1-fips are old ways to ask for FIPS (ClientCreator._normalize_fips_region).
        region = None if named is None else named.replace("fips-", "").replace("-fips", "")
        return SdkFacts(
            version=f"botocore {botocore.__version__}",
            profile=session.profile,
            region=region,
            ca_bundle=text("ca_bundle", session.get_config_variable("ca_bundle")),
            fips=region != named or bool(session.get_config_variable("use_fips_endpoint")),
            dual_stack=bool(session.get_config_variable("use_dualstack_endpoint")),
            endpoint_urls=urls,
        )
    except (BotoCoreError, AttributeError, TypeError) as error:  # botocore itself expects sections to be as documented
        raise ProbeError(FailureKind.MALFORMED, str(error), code=type(error).__name__) from error
