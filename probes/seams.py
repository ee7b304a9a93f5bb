"""The seams between probes and the world: protocols and the data that they give, no code.

`Net` moves packets, `Machine` reads this host, `Sdk` reads the AWS SDK's settings, `Reader` asks EC2 for the
configuration. A probe takes the ones it needs, so a simulated world can stand in for each.
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
"""No file that a run reads is larger on a healthy host; a larger one is cut here."""
MAX_OUTPUT_BYTES: Final = 4096
AGENT_SECONDS: Final = 2.0
"""For a program that only tells its version."""


class Stream(Protocol):
    """A connection that carries bytes both ways."""

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError."""

    async def receive(self, limit: int) -> bytes:
        """Give at least one and at most `limit` bytes; `b""` when the peer has closed. Raises OSError."""

    def close(self) -> None:
        """Let go of the connection at once. Closing twice is allowed."""


class Net(Protocol):
    """Names and packets: all that a run does on the network."""

    async def connect(self, address: Address, port: int, draft: Draft[TcpFacts], *, mss: int | None = None) -> Stream:
        """Connect by TCP. Whatever the outcome, `draft` holds what the kernel saw. `mss` bounds the segments of both
        sides, in bytes (tcp(7), TCP_MAXSEG). Raises OSError."""

    async def exchange(
        self, address: Address, port: int, payload: bytes, *, accept: Callable[[bytes], bool], retry_after: float
    ) -> tuple[bytes, int]:
        """Send `payload` by UDP, once more after `retry_after` seconds of silence, and wait for a datagram that
        `accept` takes; others are ignored. Gives it and the number of datagrams sent. Raises OSError."""

    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        """Resolve `host` as programs on this host do. Raises socket.gaierror. The C library's lookup itself continues
        when the caller gives up."""

    def datagram_error(self, address: Address, port: int) -> int | None:
        """Send one UDP datagram and give the errno of this host's refusal; None where it was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRoute:
    """How this host would send to an address."""

    interface: str | None
    source: Address | None
    next_hop: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The roots that certificates are verified against, loaded once for a run."""

    source: str
    named: ssl.SSLContext
    """Verifies the chain and the host's name."""
    chain_only: ssl.SSLContext
    """Verifies the chain; for ports whose certificates carry the names of their roles."""
    folder: bool = False
    """Whether they come from a folder, which the SDK cannot read and `--ca-bundle` can."""


class Machine(Protocol):
    """This host: its files, clock and settings."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of this process."""

    @property
    def is_root(self) -> bool:
        """Whether this process has root's permissions."""

    def now(self) -> datetime:
        """The wall time in UTC."""

    def identifier(self) -> str:
        """A new name, unique to this call."""

    def read(self, path: str) -> bytes:
        """The start of a file of the system, at most MAX_FILE_BYTES. Raises OSError."""

    async def read_of_user(self, path: str) -> bytes:
        """The start of a user's file, at most MAX_FILE_BYTES. Its file system may never answer. Raises OSError."""

    async def entries(self, path: str, most: int) -> tuple[str, ...]:
        """Names in a folder, at most `most` of them, sorted. The file system may never answer. Raises OSError."""

    async def link_target(self, path: str) -> str:
        """Where a symbolic link leads, as it is written there. The file system may never answer. Raises OSError, also
        if the path is not a link."""

    async def output_of(self, program: str, option: str) -> str:
        """What a program of this host writes to stdout with one option and without the variables of this process, at
        most MAX_OUTPUT_BYTES. It is killed after AGENT_SECONDS. Raises OSError."""

    def interfaces(self) -> tuple[Interface, ...] | None:
        """Every address of this host; None where the system does not say."""

    def way(self, address: Address) -> LocalRoute | None:
        """How this host would send to `address`; None where the system does not say. Raises OSError where it has no
        route."""

    def neighbour(self, way: LocalRoute) -> str | None:
        """State of the link-layer entry of the next hop; None where it has no entry or the system does not say."""

    def allowances(self) -> dict[str, int]:
        """The network drivers' counters of packets dropped for an allowance, by `INTERFACE COUNTER`; empty where no
        driver has them."""

    async def watch_lateness(self) -> None:
        """Measure, until cancelled, for how long this process cannot run."""

    def lateness(self) -> float:
        """Seconds so far in which this process could not run, as far as `watch_lateness` saw: a busy host, the quota of
        a cgroup, a process that is stopped, or work of its own that held up the loop."""

    def run_delay(self) -> float | None:
        """Seconds so far in which this process could run and waited for a processor; None where the system does not
        say."""

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
        """Create all that requests to these services need. Sends nothing. It may take a busy machine seconds, which do
        not count for any request; what goes wrong is raised by the requests themselves."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request, in boto3's form. `service` is named as boto3 names it (`ec2`, `route53resolver`,
        `route53`, `route53profiles`), `operation` as the API does (`DescribeVpcs`). Raises ProbeError, with AWS's own
        code where AWS refuses."""


class Sdk(Protocol):
    """The AWS SDK on this host."""

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        """What the SDK is set to, for clients of these names of boto3's. Raises ProbeError where its configuration
        cannot be read."""

    async def credentials(self, profile: str | None) -> tuple[Keys, CredentialFacts]:
        """The credentials that the SDK's chain finds. Raises ProbeError of kind `no-credentials`: without a code where
        it finds none, with the name of what went wrong where a source fails. A hanging source continues when the caller
        gives up."""

    def proxy(self, host: str, scheme: str = "https") -> str | None:
        """URL of the proxy that the SDK's calls to `host`, a name or an address without a port, would take, with its
        secrets; None without a proxy."""

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        """A reader of the configuration of a Region, signed with `keys`. A request has `timeout` seconds for all of it,
        from the lookup of the name to another attempt; `most` is the number of attempts that it ever makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that a run touches."""

    net: Net
    machine: Machine
    sdk: Sdk
