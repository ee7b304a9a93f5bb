"""A scenario: one VPC, one host in it, and the findings that a run on this host must have. It is read from TOML;
unknown keys are errors.

The defaults are a healthy instance: 10.0.1.10 in the first of three subnets of 10.0.0.0/16 in eu-west-1, with Amazon's
resolver and metadata, and without any service. If several rows of `tcp` or `dns` match, the first is used. An address
and port without a row does not answer, as if behind a security group.
"""

import tomllib
from dataclasses import field, fields
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address, ip_interface, ip_network
from typing import Final, Literal

from agent.report.model import Path, Status
from agent.report.serialization import DecodeError, from_handwritten
from agent.settings import DEFAULT_CALLS, DEFAULT_EC2, Calls, Ec2, Expect, Workload
from probes.frozen import dataclass
from probes.model import Address
from probes.seams import Keys
from probes.vpc.model import (
    AMAZON_DNS,
    EndpointService,
    FirewallRule,
    NetworkAcl,
    NetworkInterface,
    Peering,
    PrefixList,
    PrivateZone,
    ResolverRule,
    RouteTable,
    SecurityGroup,
    Subnet,
    TransitAttachment,
    TransitTable,
)

Network = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface
WorldKind = Literal["memory", "namespaces"]
ApiAnswer = Literal[
    "good",
    "endpoint-policy-silent",
    "endpoint-policy-denies",
    "endpoint-policy-denies-through-organisation",
    "identity-policy",
    "identity-policy-denies",
    "service-control-policy",
    "resource-control-policy",
    "permissions-boundary",
    "session-policy",
    "resource-policy",
    "denied-without-reason",
    "expired",
    "unknown-key",
    "bad-signature",
    "throttled",
    "not-subscribed",
    "stripped",
]
# Names of behaviours of hostile peers, for scenarios of tests. The peers themselves are not part of the program
# (`agent.simulated.peers.register_hostile`).
HostilePeer = Literal[
    "hostile-noise",
    "hostile-zeros",
    "hostile-tls-drip",
    "hostile-tls-endless",
    "hostile-tls-large",
    "hostile-tls-half-record",
    "hostile-tls-oversized",
    "hostile-tls-empty-records",
    "hostile-tls-warnings",
    "hostile-tls-noise",
]
HostileHttp = Literal[
    "hostile-endless-headers",
    "hostile-endless-line",
    "hostile-endless-informational",
    "hostile-endless-extension",
    "hostile-tiny-chunks",
    "hostile-endless-trailers",
    "hostile-endless-body",
    "hostile-huge-length",
    "hostile-dripped-head",
    "hostile-dripped-body",
    "hostile-gzip-bomb",
    "hostile-error",
    "hostile-xml-error",
    "hostile-megabyte-error",
    "hostile-redirect",
    "hostile-portal",
    "hostile-deep-json",
    "hostile-deep-xml",
    "hostile-entities",
    "hostile-big-numbers",
    "hostile-noise",
    "hostile-http2",
    "hostile-http-0.9",
    "hostile-bad-status",
    "hostile-two-lengths",
    "hostile-bad-chunk",
    "hostile-split-header",
    "hostile-call-silent",
    "hostile-call-reset",
    "hostile-call-drip",
    "hostile-call-endless",
    "hostile-call-noise",
    "hostile-list-endless",
]
HostileCertificate = Literal[
    "hostile-chain",
    "hostile-long-chain",
    "hostile-names",
    "hostile-many-names",
    "hostile-texts",
    "hostile-tickets",
]
HostileDns = Literal[
    "hostile-spoofed",
    "hostile-spoofed-first",
    "hostile-flood",
    "hostile-empty",
    "hostile-garbage",
    "hostile-other-question",
    "hostile-query",
    "hostile-pointer-loop",
    "hostile-counts",
    "hostile-cname-circle",
    "hostile-cname-chain",
    "hostile-control-names",
    "hostile-edns",
    "hostile-addresses",
    "hostile-thousands",
    "hostile-cut-twice",
    "hostile-tcp-silent",
    "hostile-tcp-reset",
    "hostile-tcp-drip",
    "hostile-tcp-short",
    "hostile-tcp-garbage",
]
HostileMetadata = Literal[
    "hostile-reset",
    "hostile-endless",
    "hostile-drip",
    "hostile-megabytes",
    "hostile-controls",
    "hostile-long",
    "hostile-nothing",
    "hostile-after-token-endless",
    "hostile-after-token-drip",
    "hostile-after-token-megabytes",
    "hostile-after-token-controls",
    "hostile-after-token-long",
    "hostile-after-token-reset",
    "hostile-after-token-nothing",
]
"""Values of `hostile`: behaviours of malicious peers."""

_SUBNET: Final = ip_network("10.0.1.0/24")
_VPC: Final = ip_network("10.0.0.0/16")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPart:
    """The options of the run."""

    region: str = "eu-west-1"
    """The value of --region; empty if it is not given."""
    services: tuple[str, ...] = ()
    workloads: tuple[Workload, ...] = ()
    """The values of --workload."""
    run_agents: bool = False
    expect: Expect | None = None
    timeout: float = 3.0
    deadline: float = 20.0
    endpoints: tuple[str, ...] = ()
    """The values of --endpoint."""
    calls: Calls = DEFAULT_CALLS
    jobs: bool = False
    ec2: Ec2 = DEFAULT_EC2
    """Whether the run reads EC2. A scenario without a part `ec2` is about a run that does not read the
    configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePart:
    """A route of this host that leads nowhere (ip-route(8))."""

    to: Network
    answer: Literal["unreachable", "prohibit", "blackhole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPart:
    """A rule of this host's own firewall for outgoing packets, for TCP and UDP alike."""

    addresses: tuple[Address, ...]
    ports: tuple[int, ...]
    answer: Literal["drop", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePart:
    """A bridge on this host, such as a bridge for containers, or a tunnel. Nothing is behind it."""

    name: str
    address: Interface
    kind: Literal["bridge", "tunnel"] = "bridge"
    """A bridge resolves neighbours; a tunnel accepts every packet and never replies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPart:
    """A time in which the process could not run, because it was stopped or had no processor."""

    after: float
    """Seconds for which the process runs before the stop."""
    seconds: float
    times: int = 1
    """Number of stops, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPart:
    """The host on which the run is made."""

    name: str = "ip-10-0-1-10"
    """The host's own name. In namespaces, the name of the real machine is used."""
    addresses: tuple[Interface, ...] = (ip_interface("10.0.1.10/24"),)
    gateways: tuple[Address, ...] = (ip_address("10.0.1.1"),)
    """Default routers, one per address family; without a router, only the own subnet can be reached."""
    resolvers: tuple[Address, ...] = (ip_address("10.0.0.2"),)
    search: tuple[str, ...] = ()
    resolver_options: tuple[str, ...] = ()
    """The search list, and the options, of resolv.conf(5)."""
    hosts: tuple[str, ...] = ()
    """Lines of the hosts file."""
    routes: tuple[RoutePart, ...] = ()
    filter: tuple[FilterPart, ...] = ()
    bridges: tuple[BridgePart, ...] = ()
    lookup_sources: tuple[Literal["files", "dns"], ...] = ("files", "dns")
    """The `hosts` line of nsswitch.conf(5)."""
    cached_names: dict[str, tuple[Address, ...]] = field(default_factory=dict)
    """Entries of a cache that programs ask before DNS (nscd(8)), by name. Without addresses, an entry says that the
    name does not exist."""
    allowances_exceeded: dict[str, int] = field(default_factory=dict)
    """The amount by which each counter of the driver rises during the run; the key is `INTERFACE COUNTER`."""
    environment: dict[str, str] = field(default_factory=dict)
    stops: tuple[StopPart, ...] = ()
    """Times in which the process cannot run."""
    trusts: tuple[Literal["amazon", "corporate"], ...] = ("amazon",)
    """The issuers that the SDK on this host trusts."""
    files: dict[str, str] = field(default_factory=dict)
    """Other files of the host by path, such as files of agents, below /etc, /opt, /snap, /usr, /var."""
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links, by path."""
    unreadable: tuple[str, ...] = ()
    """The files, links and folders that the user may not read. Root may read them, so this does not work in
    namespaces."""
    programs: dict[str, str] = field(default_factory=dict)
    """The version that an agent prints, by the agent's path and the option."""
    keepalive_seconds: int = 7200
    """The value of net.ipv4.tcp_keepalive_time; the default is that of Linux."""
    root: bool = False
    """Whether root makes the run, as it does in namespaces."""
    ec2: bool = True
    """Whether the firmware identifies the host as an EC2 instance."""

    def resolv_conf(self) -> str:
        """The text of resolv.conf(5)."""
        lines = [f"nameserver {server}" for server in self.resolvers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"options {' '.join(self.resolver_options)}"] if self.resolver_options else []
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataPart:
    """The instance metadata service."""

    ipv6: bool = False
    """Whether the service also answers at its IPv6 address. On a real instance, the setting HttpProtocolIpv6 decides
    this."""
    answer: Literal["metadata", "silence", "forbidden", "garbage", HostileMetadata] = "metadata"
    region: str = "eu-west-1"
    partition: str = "aws"
    availability_zone: str = "eu-west-1a"
    availability_zone_id: str = "euw1-az1"
    instance_id: str = "i-0a1b2c3d4e5f67890"
    instance_type: str = "m7i.large"
    image_id: str = "ami-0a1b2c3d4e5f67890"
    mac: str = "0a:1b:2c:3d:4e:5f"
    account_id: str = "111122223333"
    role: str | None = None
    """Name of the role in the instance profile; None if the instance has no role."""
    role_code: str = "Success"
    """The `Code` in the document of the role's credentials; other codes than `Success` come without credentials."""
    vpc_id: str = "vpc-0a1b2c3d4e5f67890"
    subnet_id: str = "subnet-0a1b2c3d4e5f67890"
    subnet_cidr: Network = _SUBNET
    vpc_cidrs: tuple[Network, ...] = (_VPC,)
    security_group_ids: tuple[str, ...] = ("sg-0a1b2c3d4e5f67890",)
    interface_id: str = "eni-0a1b2c3d4e5f67890"
    addresses: tuple[Address, ...] | None = None
    """The addresses of the primary interface; None for all addresses of the host."""
    clock_seconds: float = 0.0
    """Seconds by which the service's clock is ahead of the host's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkPart:
    """The settings of the SDK on the host."""

    region: str | None = None
    fips: bool = False
    dual_stack: bool = False
    endpoint_urls: dict[str, str] = field(default_factory=dict)
    broken_file: bool = False
    """Whether the shared config file contains text that is not a setting. No file has a profile other
    than `default`."""
    silent_home: bool = False
    """Whether the file system of the home folder, which contains the shared files, never answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsPart:
    """The credentials that the SDK on the host finds."""

    source: Literal["env", "none", "fails", "hangs", "web-identity"] = "env"
    """Where the credentials come from. `fails` is a configured process that ends with an error, and `hangs` is a
    process that does not end. `web-identity` is a role for which the SDK asks STS: at the host of the Region if a
    variable or the profile names a Region, otherwise at the global host."""
    access_key_id: str = "AKIAIOSFODNN7EXAMPLE"
    secret_key: str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
    token: str | None = None

    def keys(self) -> Keys:
        return Keys(access_key_id=self.access_key_id, secret_key=self.secret_key, token=self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPart:
    """The answers of resolvers for a name. For a name without a row, a resolver answers that the name does not
    exist."""

    resolvers: tuple[Address, ...]
    """The resolvers. A resolver at a loopback address is on this host itself, such as a local cache."""
    name: str
    a: tuple[Address, ...] = ()
    aaaa: tuple[Address, ...] = ()
    rcode: Literal["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"] = "NOERROR"
    fails_for: tuple[Literal["A", "AAAA"], ...] = ()
    """Record types for which the answer is SERVFAIL, for example because the server does not forward such queries."""
    silent_for: tuple[Literal["A", "AAAA"], ...] = ()
    """Record types that get no answer, for example because a server or a device on the way drops their queries."""
    cname: str | None = None
    soa: str | None = None
    """The zone in the authority section of a negative answer."""
    truncated: bool = False
    """Whether answers by UDP are truncated, so that the client must ask again by TCP."""
    answer: Literal["answer", "silence", "closed", HostileDns] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPart:
    """Jobs of AWS Backup with the same properties."""

    resource: str = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890"
    """The resource of the job; by default this instance."""
    kind: Literal["backup", "restore", "copy"] = "backup"
    type: str = "EC2"
    state: str = "COMPLETED"
    category: str | None = "SUCCESS"
    message: str | None = None
    hours_old: float = 6.0
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpPart:
    """The peers behind addresses and ports, and their behaviour."""

    addresses: tuple[Address, ...]
    ports: tuple[int, ...]
    answer: Literal["accept", "silence", "refuse", "no-source-port", "crash"] = "accept"
    """The answer to a connect. `no-source-port` is a fault of this host itself; `crash` is a fault of this program, to
    show how such a fault is reported."""
    speaks: Literal[
        "aws", "filter", "nothing", "plain", "ssh", "reset", "reset-at-once", "close", "proxy", "bare", HostilePeer
    ] = "aws"
    """The protocol of the peer. `aws` is TLS with HTTP inside; `filter` is `aws` behind a device that drops requests
    for a name in the row's `filtered`; `plain` is HTTP without TLS. `nothing` reads and never answers; `reset` and
    `close` end the connection after the first bytes, and `reset-at-once` ends it before any bytes. `proxy` answers
    CONNECT, and `bare` sends the answer of `http` without TLS."""
    http: Literal[
        "aws",
        "portal",
        "page-with-request-id",
        "redirect",
        "stall",
        "reset",
        "close",
        "fault",
        "too-large",
        HostileHttp,
    ] = "aws"
    """The HTTP answer inside TLS; `too-large` looks like an answer of AWS, but is longer than any real answer."""
    api: ApiAnswer = "good"
    """AWS's answer to a signed call."""
    role: Literal["given", "endpoint-policy-silent", "endpoint-policy-denies"] = "given"
    """The answer of STS to the request for a role."""
    region: str | None = None
    """The Region of the endpoint, which refuses calls signed for another Region."""
    bucket: Literal["there", "missing"] = "there"
    """Whether S3 has the requested bucket."""
    bucket_region: str = "eu-west-1"
    """The Region of the bucket."""
    clock_seconds: float = 0.0
    """Seconds by which the server's clock is ahead of the host's."""
    filtered: tuple[str, ...] = ()
    """Server names that a device on the way blocks."""
    first_syn_lost: bool = False
    """Whether the first SYN to each port is lost on the way."""
    path_mtu: int | None = None
    """Size in bytes of the largest packet that comes back from these addresses, if it is less than the MTU of the
    links."""
    ciphers: Literal["ordinary", "none-in-common"] = "ordinary"
    refuses_name: bool = False
    """Whether TLS answers with the alert `unrecognized_name`."""
    gateways_seen: dict[str, float] = field(default_factory=dict)
    """The gateways that the API lists, by id: for each, the hours since AWS last heard from it."""
    gateways_per_page: int = 50
    """Maximum number of gateways in one answer, unless the call asks for fewer."""
    jobs: tuple[JobPart, ...] = ()
    """The jobs that AWS Backup lists, the newest first."""
    jobs_per_page: int = 1_000
    """Maximum number of jobs in one answer, unless the call asks for fewer."""
    jobs_answer: Literal["listed", "denied", "throttled"] = "listed"
    large: Literal["answered", "lost"] = "answered"
    """Whether requests that take many segments arrive."""
    websocket: Literal["answered", "lost", "cut", "page"] = "answered"
    """What happens to a request to open a WebSocket: it is answered, or a device on the way drops it, resets the
    connection, or answers with its own page."""
    keep_alive: bool = True
    connect_status: int = 200
    """The status with which a proxy answers CONNECT."""
    issuer: Literal["amazon", "corporate"] = "amazon"
    certificate: Literal["ordinary", HostileCertificate] = "ordinary"
    expired: bool = False
    leaf_alone: bool = False
    """Whether the server sends only its own certificate, without the issuer's."""
    names: tuple[str, ...] = ()
    """Names in the certificate. By default they are the names for which DNS gives these addresses or, on a gateway
    port, the name of the port's role."""
    round_trip_seconds: float = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPart:
    """An interface endpoint as EC2 reports it. The subnet of an address is the subnet whose block contains it."""

    service: str = "backup"
    id: str = "vpce-0b1b2c3d4e5f67890"
    vpc_id: str | None = None
    """The VPC; None for the host's own."""
    addresses: tuple[Address, ...] = (ip_address("10.0.1.17"), ip_address("10.0.2.17"), ip_address("10.0.3.17"))
    group_ids: tuple[str, ...] = ("sg-0e1b2c3d4e5f67890",)
    private_dns: bool = True
    state: str = "available"
    policy: str | None = None
    """The endpoint policy; None for the default, which allows everything."""
    suffix: str = "lj2wisx3"
    """The text after the id in the endpoint's own DNS names."""
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEndpointPart:
    """A gateway endpoint as EC2 reports it. Its route is added to its route tables."""

    service: str = "s3"
    id: str = "vpce-0d1b2c3d4e5f67890"
    vpc_id: str | None = None
    """The VPC; None for the host's own."""
    route_table_ids: tuple[str, ...] = ("rtb-0a1b2c3d4e5f67890",)
    """Route tables with a route to the endpoint; by default the main table of the host's VPC. If there are no tables,
    no traffic goes through the endpoint."""
    state: str = "available"
    policy: str | None = None
    """The endpoint policy; None for the default, which allows everything."""
    prefix_list_id: str = "pl-6da54004"
    prefixes: tuple[Network, ...] = (ip_network("3.5.64.0/21"), ip_network("52.92.0.0/17"), ip_network("52.218.0.0/17"))
    """The blocks in AWS' prefix list for the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallPart:
    """A rule of DNS Firewall, with only such properties as TOML can express."""

    group_id: str = "rslvr-frg-0a1b2c3d4e5f67890"
    domain_list_id: str = "rslvr-fdl-0a1b2c3d4e5f67890"
    action: str = "BLOCK"
    block_response: str | None = None
    override: str | None = None
    priority: tuple[int, ...] = (101, 1)
    query_type: str | None = None
    domains: tuple[str, ...] | None = None
    """The domains; None for a list of AWS itself, whose domains AWS does not show."""

    def rule(self) -> FirewallRule:
        return FirewallRule(**{member.name: getattr(self, member.name) for member in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePart:
    """A Route 53 Profile of the host's VPC."""

    id: str = "rp-0a1b2c3d4e5f6789"
    owner_id: str = "111122223333"
    """The account that owns the resources of the Profile, except endpoints of the scenario."""
    priority: int | None = None
    """The priority of the Profile's association with the VPC."""
    zones: tuple[PrivateZone, ...] = ()
    resolver_rules: tuple[ResolverRule, ...] = ()
    firewall: tuple[FirewallPart, ...] = ()
    """Firewall rules; rules with the same group id form one group."""
    endpoints: tuple[str, ...] = ()
    """Endpoint ids, which may be those of the scenario's own endpoints."""
    readable: bool = True
    """Whether this account may read the content of the zones, rules and groups. It must not if they belong to another
    account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Part:
    """The network as EC2, Route 53, its Resolver and its Profiles report it.

    A row replaces the row with the same id in the healthy network of `agent.simulated.network`, or is added to this
    network. `probes.vpc.model` defines the form of a row.
    """

    source: Literal["live", "file"] = "live"
    """Whether the run reads the network from EC2, or takes it from a file that `facts` wrote."""
    days_old: float = 0.0
    """The age of the file."""
    file_of: str | None = None
    """The VPC in the file; None for the host's own."""
    answer: Literal["answers", "silence", "denied", "throttled", "clock-skew", "expired"] = "answers"
    """EC2's answer to every request."""
    denied: tuple[str, ...] = ()
    """Operations whose reads are denied to this caller; other reads are answered."""
    silent: tuple[str, ...] = ()
    """Operations whose reads get no answer, such as those of Route 53, for which most closed networks have no
    endpoint."""
    owner_id: str | None = None
    """The account of the VPC and its subnets; None for the host's account."""
    dns_support: bool = True
    dns_hostnames: bool = True
    name_servers: tuple[str, ...] = (AMAZON_DNS,)
    """Name servers in the DHCP options."""
    endpoints: tuple[EndpointPart, ...] = (EndpointPart(),)
    gateways: tuple[GatewayEndpointPart, ...] = ()
    offered: tuple[EndpointService, ...] = ()
    """Endpoint services that AWS offers. Each replaces the endpoint service whose name has the same last part."""
    not_offered: tuple[str, ...] = ()
    """Services without an endpoint service in the Region."""
    interfaces: tuple[NetworkInterface, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    acls: tuple[NetworkAcl, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    peerings: tuple[Peering, ...] = ()
    transit_attachments: tuple[TransitAttachment, ...] = ()
    transit_tables: tuple[TransitTable, ...] = ()
    transit_unreadable: tuple[str, ...] = ()
    """Transit gateway route tables of another account; this account must not read their routes."""
    resolver_rules: tuple[ResolverRule, ...] = ()
    zones: tuple[PrivateZone, ...] = ()
    firewall: tuple[FirewallPart, ...] = ()
    profiles: tuple[ProfilePart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectPart:
    """The result that the run must have."""

    status: Status
    path: Path
    findings: tuple[str, ...]
    """Ids of all findings, in the report's order."""
    silent: tuple[str, ...] = ()
    """Codes that this scenario must not show, although similar scenarios do."""
    healthy: bool = False
    """Whether this host reaches the service correctly: no requested target has a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario as its file describes it."""

    name: str
    summary: str
    worlds: tuple[WorldKind, ...] = ("memory", "namespaces")
    rows: tuple[str, ...] = ()
    """Ids of the failures in the tests' catalogue that this scenario shows."""
    run: RunPart = RunPart()
    host: HostPart = field(default_factory=HostPart)
    metadata: MetadataPart = MetadataPart()
    sdk: SdkPart = field(default_factory=SdkPart)
    credentials: CredentialsPart = CredentialsPart()
    dns: tuple[DnsPart, ...] = ()
    tcp: tuple[TcpPart, ...] = ()
    ec2: Ec2Part | None = None
    """The part `ec2`; None if the run must not read the configuration."""
    expect: ExpectPart
    turns: tuple[str, ...] = ()
    """Names of the scenarios that a watch meets after this scenario, before it returns to this scenario."""

    @property
    def primary_addresses(self) -> tuple[Address, ...]:
        """The addresses of the instance's primary interface."""
        own = self.metadata.addresses
        return tuple(address.ip for address in self.host.addresses) if own is None else own

    def names_of(self, address: Address) -> tuple[str, ...]:
        """The names for which a resolver gives this address."""
        names = (row.name for row in self.dns if address in (*row.a, *row.aaaa))
        return tuple(dict.fromkeys(names))

    def behind(self, address: Address, port: int) -> TcpPart | None:
        """The row for an address and port; None if nothing answers there."""
        return next((row for row in self.tcp if address in row.addresses and port in row.ports), None)


def parse(name: str, toml: str) -> Scenario:
    """Read a scenario from TOML. Raises DecodeError, and tomllib.TOMLDecodeError."""
    data = tomllib.loads(toml)
    if "name" in data:
        raise DecodeError("name", "the name of a scenario is the name of its file, and not a key in it")
    return from_handwritten(Scenario, {**data, "name": name})
