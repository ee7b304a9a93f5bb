"""The seams between probes and the world: only protocols and data, without code.

`Net` moves packets, `Machine` reads this host, `Sdk` reads the AWS SDK's settings, `Reader` reads the configuration
from EC2. A probe is given the seams that it needs, so a simulated world can replace each of them.
"""

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Final, Protocol

from probes.facts import CredentialFacts, Interface, SdkFacts, TcpFacts
from probes.frozen import dataclass
from probes.model import Address, Draft

MAX_FILE_BYTES: Final = 1 << 20
"""Maximum number of bytes that are read of a file. On a healthy host no file that a run reads is larger."""
MAX_OUTPUT_BYTES: Final = 4096
AGENT_SECONDS: Final = 2.0
"""Time limit for a program that only prints its version."""


class Stream(Protocol):
    """A connection that carries bytes both ways."""

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError."""

    async def receive(self, limit: int) -> bytes:
        """Return between one and `limit` bytes; `b""` when the peer has closed. Raises OSError."""

    def close(self) -> None:
        """Close the connection at once. It may be closed twice."""


class Net(Protocol):
    """Names and packets: all network access of a run."""

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        """Connect by TCP. Afterwards, `draft` has the kernel's facts, even if the attempt failed. `mss` limits the
        segments of both sides, in bytes (tcp(7), TCP_MAXSEG). Raises OSError."""

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        """Send `payload` by UDP, again after `retry_after` seconds of silence, and wait for a datagram that `accept`
        accepts; other datagrams are ignored. Returns the accepted datagram, and the number of datagrams that were sent.
        Raises OSError."""

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        """Resolve `host` as programs on this host do. Raises socket.gaierror. The C library's lookup continues even if
        the caller gives up."""

    def datagram_error(self, address: Address, port: int) -> int | None:
        """Send one UDP datagram. Returns the errno if this host refuses to send it; None if it was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRoute:
    """This host's route to an address."""

    interface: str | None
    source: Address | None
    next_hop: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The roots for verifying certificates, loaded once for a run."""

    source: str
    named: ssl.SSLContext
    """Verifies the chain and the host's name."""
    chain_only: ssl.SSLContext
    """Verifies only the chain; for ports whose certificates have the names of their roles."""
    folder: bool = False
    """Whether the roots come from a folder. `--ca-bundle` can read a folder, but the SDK cannot."""


class Machine(Protocol):
    """This host: its files, clock and settings."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of this process."""

    @property
    def is_root(self) -> bool:
        """Whether this process has root's permissions."""

    def now(self) -> datetime:
        """The wall-clock time in UTC."""

    def identifier(self) -> str:
        """A new name, unique to this call."""

    def read(self, path: str) -> bytes:
        """Return the start of a system file, at most MAX_FILE_BYTES. Raises OSError."""

    async def read_of_user(self, path: str) -> bytes:
        """Return the start of a user's file, at most MAX_FILE_BYTES. The file system may never answer. Raises
        OSError."""

    async def entries(self, path: str, most: int) -> tuple[str, ...]:
        """Return at most `most` names in a folder, sorted. The file system may never answer. Raises OSError."""

    async def link_target(self, path: str) -> str:
        """Return the target of a symbolic link as it is written in the link. The file system may never answer. Raises
        OSError, for example if the path is not a link."""

    async def output_of(self, program: str, option: str) -> str:
        """Return the stdout, at most MAX_OUTPUT_BYTES, of a program of this host. The program is called with one
        option, without the variables of this process, and is killed after AGENT_SECONDS. Raises OSError."""

    def interfaces(self) -> tuple[Interface, ...] | None:
        """Return every address of this host. None if the system does not report them."""

    def way(self, address: Address) -> LocalRoute | None:
        """Return this host's route to `address`; None if the system does not report it. Raises OSError if there is no
        route."""

    def neighbour(self, way: LocalRoute) -> str | None:
        """Return the state of the next hop's link-layer entry; None if there is no such entry, or if the system does
        not report it."""

    def allowances(self) -> dict[str, int]:
        """Return the network drivers' counters of packets that were dropped because of an allowance, by `INTERFACE
        COUNTER`; empty if no driver has such counters."""

    async def watch_lateness(self) -> None:
        """Measure how long this process cannot run, until the task is cancelled."""

    def lateness(self) -> float:
        """Return the seconds so far in which this process could not run, as measured by `watch_lateness`. The reason
        may be a busy host, the quota of a cgroup, a stopped process, or work of this process that delayed the loop."""

    def run_delay(self) -> float | None:
        """Return the seconds so far in which this process could run but waited for a processor; None if the system does
        not report it."""

    async def trust(self, ca_bundle: str | None) -> Trust:
        """Load the trusted roots. They are those of `ca_bundle` or, without it, those that the SDK uses by default.
        Raises ProbeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys that sign a request. They never become part of an observation, and their repr contains no secret."""

    access_key_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


class Reader(Protocol):
    """Read-only requests about the configuration of a network."""

    async def prepare(self, services: Iterable[str]) -> None:
        """Create everything that requests to these services need, without sending anything. On a busy machine, this may
        take seconds. They do not count as time of a request. Errors are raised later, by the requests themselves."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to one request in boto3's form. `service` is boto3's name of the service (`ec2`,
        `route53resolver`, `route53`, `route53profiles`), and `operation` the API's name of the operation
        (`DescribeVpcs`). Raises ProbeError, with AWS' own code if AWS refuses."""


class Sdk(Protocol):
    """The AWS SDK on this host."""

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        """Return the SDK's settings for clients with these boto3 names. Raises ProbeError if its configuration cannot
        be read."""

    async def credentials(self, profile: str | None) -> tuple[Keys, CredentialFacts]:
        """Return the credentials that the SDK's chain finds. Raises ProbeError of kind `no-credentials`: without a code
        if the chain finds no credentials, and with the name of the error as code if a source fails. A source that hangs
        continues even if the caller gives up."""

    def proxy(self, host: str, scheme: str = "https") -> str | None:
        """Return the URL of the proxy for the SDK's calls to `host` (a name or an address without a port), with its
        secrets; None if the calls do not go to a proxy."""

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        """Return a reader of the configuration of a Region, whose requests are signed with `keys`. A request has
        `timeout` seconds in total, including the lookup of the name and a second attempt. `most` is the maximum number
        of attempts over all requests of the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside the process that a run uses."""

    net: Net
    machine: Machine
    sdk: Sdk
