"""What the steps can see: one frozen class for each kind of step. `None` means unknown, never "no"."""

from __future__ import annotations  # evaluated where they are read, not at start-up, which saves 4 ms

from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import Annotated, Final

from probes.frozen import dataclass
from probes.masks import (
    CallErrorCode,
    HostName,
    JobCategory,
    JobKind,
    Mask,
    MediaType,
    Plain,
    RegionSetting,
    RequestId,
    ResourceId,
    Sentence,
    StsHost,
)
from probes.model import Address
from probes.vpc.model import ConfigurationFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One address of this host."""

    name: Plain
    address: IPv4Interface | IPv6Interface


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsEntry:
    """One line of the hosts file that names a host this run asks for."""

    address: Address
    names: tuple[Annotated[str, Mask("host")], ...]


class ResolvConfBy(StrEnum):
    """The service that writes resolv.conf."""

    SYSTEMD_RESOLVED = "systemd-resolved"
    NETWORK_MANAGER = "NetworkManager"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """This host's own network configuration."""

    interfaces: tuple[Interface, ...] | None
    """Every address of every interface, loopback included; None where the system does not say."""
    resolvers: tuple[Address, ...]
    """Name servers of resolv.conf that the C library uses: the first three, or 127.0.0.1 where it names none."""
    resolvers_ignored: tuple[Annotated[str, Mask("resolver")], ...]
    """Name servers in resolv.conf that the C library does not use: beyond the third, or no address."""
    search: tuple[Annotated[str, Mask("search")], ...]
    resolver_options: tuple[Plain, ...]
    hosts_entries: tuple[HostsEntry, ...]
    """Lines of the hosts file with a name below an AWS suffix."""
    upstream_resolvers: tuple[Address, ...]
    """Whom systemd-resolved asks, where resolv.conf names its stub (systemd-resolved.service(8))."""
    resolv_conf_by: ResolvConfBy | None
    """The service that writes resolv.conf, as its first lines say; None where they do not."""
    ec2: bool | None
    """Whether the firmware says that this is an EC2 instance; None where it says nothing of the kind."""
    proxies: dict[Plain, Annotated[str, Mask("proxy")]]
    """Proxy variables of this process by lower-case name, user and password masked."""
    local_ports: tuple[int, ...] | None
    """The first and the last port that this host connects from (ip(7), ip_local_port_range); None where it does not
    say."""
    keepalive_seconds: int | None
    """After how long without traffic TCP keepalive starts (tcp(7), tcp_keepalive_time); None where this host does not
    say."""
    region_variables: dict[Plain, RegionSetting]
    """Variables of this process that name a Region to the SDK, whatever they hold, by their names."""
    name: HostName | None
    """What this host calls itself (hostname(7)); None where the system does not say."""
    time_configuration: Plain | None
    """The configuration file of the time service that is here: of chrony, ntpd or systemd-timesyncd, in that order;
    None where there is none."""
    managed_node_id: Plain | None
    """The id under which Systems Manager knows a host outside EC2, `mi-…`; None for others, and where its agent's
    registration may not be read."""

    def is_searched_first(self, name: str) -> bool:
        """Whether the C library completes a name by the search list before it looks for the name itself (`ndots:` of
        resolv.conf(5), 1 by default and at most 15)."""
        if not self.search or name.endswith("."):
            return False
        dots = 1
        for option in self.resolver_options:
            key, _, value = option.partition(":")
            if key == "ndots" and value.isdecimal():
                dots = min(int(value), 15)
        return name.count(".") < dots

    @property
    def asks_by_tcp(self) -> bool:
        """Whether the C library asks name servers by TCP alone (`use-vc` of resolv.conf(5))."""
        return "use-vc" in self.resolver_options


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkFacts:
    """What the AWS SDK here is set to, as the SDK itself reads it."""

    version: Plain
    profile: Annotated[str, Mask("profile")] | None
    region: RegionSetting | None
    ca_bundle: Annotated[str, Mask("file")] | None
    fips: bool
    dual_stack: bool
    endpoint_urls: dict[Plain, Annotated[str, Mask("url")]]
    """The configured URLs, by service name."""
    region_file: Annotated[str, Mask("file")] | None
    """The shared file that `region` comes from; None where a variable names it, or nothing does."""
    sts_host: StsHost | None
    """Where the SDK asks STS for the role that is set; None where none is, or keys in variables come first."""
    legacy_sts: bool
    """Whether `sts_regional_endpoints` is `legacy`: the SDK then calls the global host of STS for some Regions."""
    legacy_s3: bool
    """Whether `s3_us_east_1_regional_endpoint` is not `regional`: the SDK then calls the global host of S3 for
    us-east-1."""

    def calls_global_host(self, service: str) -> bool:
        """Whether calls to a service go to its global host, for the Regions in which it has one."""
        return {"sts": self.legacy_sts, "s3": self.legacy_s3}.get(service, False)


SAP_SYSTEMS: Final = "/usr/sap"
"""The folder that has one for each SAP system of a host."""
BACKINT_LINK: Final = "/opt/hdbbackint"
"""Below the folder of a HANA database, the link by which it calls its Backint agent, of whatever vendor."""
BACKINT: Final = "aws-backint-agent"
"""How the folder of the Backint agent and all of its files are called."""
SHELL_VARIABLES: Final = "variables of the shell"
"""Among the settings of a Backint agent, the proxy variables that its launcher sets from what its own shell has, which
is not known."""
AWS_BACKUP_MODE: Final = "aws-backup"
S3_MODE: Final = "s3"
"""Where a Backint agent sends its data."""
BUCKET: Final = "S3BucketName"
"""Key of the Backint agent's configuration, whose value makes it send its data to S3."""
BUCKET_REGIONS: Final = ("S3BucketAwsRegion", "AwsRegion")
"""Keys of the same configuration that say where the bucket is; which of the two is read depends on its age."""
SSM_ENDPOINTS: Final = {
    "Ssm.Endpoint": "ssm",
    "Mgs.Endpoint": "ssmmessages",
    "Mds.Endpoint": "ec2messages",
    "S3.Endpoint": "s3",
    "Kms.Endpoint": "kms",
}
"""Keys of the SSM Agent's settings that name a host, and its service."""
SSM_AGENT_UNIT: Final = "amazon-ssm-agent.service"
"""How the name of every unit of the SSM Agent ends; the paths of its drop-ins hold it."""
MANAGER_SETTINGS: Final = "/etc/systemd/system.conf"
"""Settings of systemd itself, which can set variables for all services; their drop-ins are in a folder beside it."""
FOR_ALL_SERVICES: Final = "/service.d"
"""How the path of a folder with drop-ins for every service ends."""
ENVIRONMENT_FILE: Final = "EnvironmentFile"
"""Key of a unit, and of an agent's settings where such a file was not read, so that what it sets is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWorkload:
    """Software on this host that uses AWS Backup, or that something which does so needs."""

    name: Plain
    """`hana` or `ssm`, as `--workload` has it."""
    by: Annotated[str, Mask("file")]
    """The link or file that shows it."""
    is_standing: bool = False
    """Whether an earlier run found it, and its sign cannot be read now."""
    version: Annotated[str, Mask("text", unless=r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,4}")] | None = None
    mode: Plain | None = None
    """Where the Backint agent sends its data: `aws-backup` or `s3`; None where that is not known."""
    settings: dict[Plain, Annotated[str, Mask("setting")]] = field(default_factory=dict)
    """Its own settings that decide what it calls, by their names; user and password of a proxy masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFile:
    """A file, link or folder that this user may not read."""

    path: Annotated[str, Mask("file")]
    error: Plain
    """The name of the errno, such as ENOENT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFacts:
    """Which workloads are on this host, by signs that every user of the host can read."""

    found: tuple[FoundWorkload, ...] = ()
    unread: tuple[UnreadFile, ...] = ()
    by_root: bool = False
    """Whether root looked: what was not read then is not to be read by another user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFacts:
    """Where the SDK's calls to a host go first."""

    proxy: Annotated[str, Mask("proxy")] | None
    """URL of the proxy, user and password masked; None where the calls go straight to the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceFacts:
    """What the network driver of an instance dropped for exceeding an allowance while the run lasted (EC2 User Guide,
    Monitor network performance for ENA settings on your EC2 instance)."""

    exceeded: dict[Plain, int]
    """How many packets each counter rose by, by `INTERFACE COUNTER`; only counters that rose."""
    counters: tuple[Plain, ...]
    """The counters that the driver has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImdsFacts:
    """What the instance metadata service says of this instance (EC2 User Guide, Instance metadata categories)."""

    token: bool
    """Whether an IMDSv2 session token was given."""
    region: Plain | None = None
    partition: Plain | None = None
    availability_zone: Plain | None = None
    availability_zone_id: Plain | None = None
    instance_id: Plain | None = None
    vpc_id: Plain | None = None
    subnet_id: Plain | None = None
    subnet_cidrs: tuple[IPv4Network | IPv6Network, ...] = ()
    vpc_cidrs: tuple[IPv4Network | IPv6Network, ...] = ()
    """The VPC's blocks, the primary IPv4 one first."""
    security_group_ids: tuple[Plain, ...] = ()
    """The security groups of the primary interface."""
    interface_id: Plain | None = None
    """The id of the primary interface."""
    interface_addresses: tuple[Address, ...] = ()
    """Its private IPv4 addresses, then its IPv6 ones; empty where they are not known."""
    account_id: Plain | None = None
    instance_type: Plain | None = None
    image_id: Plain | None = None
    """The AMI that it was started from."""
    dns_suffix: Plain | None = None
    """The partition's own, such as `amazonaws.com.cn`."""
    role: Annotated[str, Mask("role")] | None = None
    """Name of the role in the instance profile; None where there is no profile."""
    clock_offset_seconds: float | None = None
    """This host's clock, halfway between the request for a token and its answer, minus the service's."""
    clock_uncertainty_seconds: float | None = None
    """Half that round trip; the Date's whole seconds add up to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """What the metadata service says of the role in the instance profile; never its credentials."""

    code: Plain
    """`Success`, or why there are no credentials, such as `AssumeRoleUnauthorizedAccess`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupFacts:
    """What getaddrinfo gave: the addresses that programs on this host use, in its order."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsFacts:
    """One answer of one resolver (RFC 1035)."""

    rcode: Plain
    addresses: tuple[Address, ...]
    canonical_name: Annotated[str, Mask("host")] | None
    """Where the CNAME chain ends; None where there is no CNAME."""
    authority: Annotated[str, Mask("domain")] | None
    """Owner of the SOA record in a negative answer: the zone that says so (RFC 2308)."""
    ttl: int | None
    """Seconds; the smallest of the answer's records."""
    transport: Plain
    """`udp`, or `tcp` after a truncated answer (RFC 7766). Where no connection by TCP came about, the step failed for
    that, and all that is known is the header of the truncated answer."""
    queries: int
    """Datagrams sent until the answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpError:
    """An ICMP error as the kernel's error queue keeps it (ip(7), IP_RECVERR)."""

    sender: Address
    type: int
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpFacts:
    """One attempt to connect, as this host's kernel saw it."""

    source: Address | None = None
    interface: Plain | None = None
    next_hop: Address | None = None
    """The router towards the address, or the address itself on the own subnet."""
    neighbour: Plain | None = None
    """The kernel's link-layer entry for the next hop when a connect fails: `reachable`, `incomplete`, `failed`, …"""
    route_error: Plain | None = None
    """errno name of a route lookup that finds no route; read when a connect fails."""
    at_once: bool = False
    """Whether connect() itself returned the error, before anything could come back."""
    icmp: IcmpError | None = None
    datagram_error: Plain | None = None
    """errno name that a UDP datagram to the same address and port met on this host; sent when a connect timed out."""
    round_trip_seconds: float | None = None
    """The kernel's first measurement (TCP_INFO, tcpi_rtt)."""
    retransmits: int | None = None
    """SYNs sent again (RFC 6298, section 2)."""
    mss: int | None = None
    """Bytes of data in one segment that the kernel would send (TCP_INFO, tcpi_snd_mss)."""


MAX_NAMES: Final = 16
"""How many names are read from one certificate. AWS's certificates hold a handful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The parts of an X.509 certificate (RFC 5280) that tell who stands behind an address."""

    subject: Annotated[str, Mask("certificate")]
    issuer: Annotated[str, Mask("certificate")]
    issuer_organization: Annotated[str, Mask("organization")] | None
    names: tuple[Annotated[str, Mask("name")], ...]
    """DNS names of the subject alternative name extension, the first MAX_NAMES."""
    not_before: datetime
    not_after: datetime
    sha256: Annotated[str, Mask("fingerprint")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """One handshake (RFC 8446, RFC 5246)."""

    server_name: Annotated[str, Mask("host")]
    """The name sent as SNI and, where `name_checked`, held against the certificate."""
    name_checked: bool
    trust: Annotated[str, Mask("file")]
    """Where the trusted roots came from: a file, a folder."""
    version: Plain | None = None
    cipher: Plain | None = None
    alpn: Plain | None = None
    certificates: tuple[Certificate, ...] = ()
    """If the peer is verified, its own certificate; if not, all that it sent in a second handshake, its own first."""
    second_look: Sentence | None = None
    """Why the chain of a peer that does not verify could not be read; None where it was or need not be."""
    bytes_received: int | None = None
    """Bytes that came before a handshake that did not finish."""
    first_bytes: Annotated[str, Mask("bytes")] | None = None
    """The first bytes, in hexadecimal, of a peer that does not speak TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFacts:
    """One answer to an unsigned request (RFC 9112)."""

    status: int
    request_id: RequestId | None
    """`x-amzn-RequestId`: an AWS front end answered."""
    date: datetime | None
    """The server's clock, whole seconds."""
    clock_offset_seconds: float | None
    """This host's clock, halfway between request and answer, minus the server's."""
    server: Annotated[str, Mask("server")] | None
    content_type: MediaType | None
    location: Annotated[str, Mask("location")] | None
    body_bytes: int
    clock_uncertainty_seconds: float | None
    """Half the round trip: how far the offset may be off; the Date's whole seconds add up to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFacts:
    """Which credentials the SDK found; never the credentials."""

    source: Plain
    """The provider by botocore's name: `env`, `iam-role`, `container-role`, `assume-role`, `sso`, …"""
    access_key_id_suffix: Annotated[str, Mask("key")]
    """The last four characters."""
    temporary: bool
    """Whether a session token belongs to them."""
    expires_at: datetime | None
    role: Annotated[str, Mask("role")] | None
    """Name of the role, where the source has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFacts:
    """A gateway, as the API lists it (AWS Backup Developer Guide, Backup gateway API: Gateway)."""

    gateway_id: Annotated[str, Mask("gateway")]
    last_seen: datetime | None
    """When AWS last heard of it."""


SEEN_LATELY: Final = timedelta(hours=1)
"""A gateway of which AWS has heard within this time is in touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFacts:
    """One answer to a signed, read-only call; of the further pages of a list the last one, with the gateways of all."""

    operation: Plain
    status: int
    request_id: RequestId | None
    expected_key: bool
    """Whether the answer holds the member that a good answer of the operation has."""
    new_connection: bool
    """Whether the connection of the steps below had been closed by the peer, so that the call went over another."""
    error_code: CallErrorCode | None
    """AWS's own code, cut as botocore cuts it; the status where there is none. None where the status is 200."""
    error_message: Annotated[str, Mask("text")] | None
    gateways: tuple[GatewayFacts, ...] = ()
    """The gateways in an answer to ListGateways, at most MAX_GATEWAYS: those that AWS has not heard of for longest."""
    gateways_listed: int = 0
    """How many gateways that answer names, those of the pages before it included."""
    gateways_last_seen: datetime | None = None
    """When AWS last heard of the one of them that it heard of most recently; None where that is not known of each."""
    gateways_cut: bool = False
    """Whether AWS has more gateways than that."""
    server_time: datetime | None
    """What the server takes for the time: from its refusal of the signature's, else from the Date header."""
    clock_offset_seconds: float | None
    """This host's clock, halfway between request and answer, minus the server's."""
    clock_uncertainty_seconds: float | None
    """Half the round trip: how far the offset may be off; whole seconds of what the server says add up to one."""

    @property
    def silent_gateways(self) -> tuple[GatewayFacts, ...]:
        """The `gateways` that are out of touch by the server's time; empty where that time is not known."""
        return tuple(gateway for gateway in self.gateways if self._is_long_ago(gateway.last_seen))

    @property
    def are_all_gateways_silent(self) -> bool:
        """Whether the gateways that were read, one at least, are all out of touch."""
        return self._is_long_ago(self.gateways_last_seen)

    def _is_long_ago(self, last_seen: datetime | None) -> bool:
        return last_seen is not None and self.server_time is not None and self.server_time - last_seen > SEEN_LATELY


JOBS_PERIOD: Final = timedelta(hours=24)
"""How far back jobs are asked for, by when they were created."""


JOB_STATES: Final = frozenset(
    {"CREATED", "PENDING", "RUNNING", "ABORTING", "ABORTED", "COMPLETED", "FAILED", "EXPIRED", "PARTIAL"}
)
"""All states of a job of AWS Backup (AWS Backup API Reference, BackupJob)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJobs:
    """Jobs of AWS Backup that did not succeed, and of which it says the same (AWS Backup API Reference, BackupJob,
    RestoreJobsListMember and CopyJob)."""

    jobs: int
    kind: Plain
    """`backup`, `restore` or `copy`."""
    state: Plain
    resource_type: JobKind | None
    """The kind of resource; None where the answer does not say it."""
    instance_id: ResourceId | None
    """The instance, if all these jobs are of one; None for other resources."""
    category: JobCategory | None
    """MessageCategory: `AccessDenied`, `InvalidParameters`, …; None where the answer has none."""
    message: Annotated[str, Mask("text")] | None
    """The start of StatusMessage in the answer."""
    job_id: Annotated[str, Mask("job")] | None
    """The id of one of the jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsFacts:
    """The answers to the calls that list jobs of AWS Backup which did not succeed, and those that completed."""

    operation: Plain
    created_after: datetime
    """Only jobs created after this were asked for."""
    resource_arn: Annotated[str, Mask("resource")] | None
    """Whose jobs were asked for; None for those of all resources of the account in the Region."""
    resource_type: JobKind | None
    """The kind of resource whose jobs were asked for; None for all kinds."""
    calls: int
    by_state: dict[Plain, int]
    """How many jobs were listed, by their state."""
    failed: tuple[FailedJobs, ...]
    """The listed jobs that did not succeed. A completed job is among them if it has a category other than SUCCESS, or
    no category and a message."""
    is_cut: bool
    """Whether AWS Backup has more jobs than were listed."""
    request_id: RequestId | None
    """The request id of the last answer."""
    error_code: CallErrorCode | None
    """AWS's own code of the answer that ended the list early; None where none did."""
    error_message: Annotated[str, Mask("text")] | None

    @property
    def listed(self) -> int:
        """How many jobs were listed."""
        return sum(self.by_state.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConnectFacts:
    """What a proxy says to CONNECT (RFC 9110, section 9.3.6)."""

    proxy: Annotated[str, Mask("proxy")]
    """Its URL, user and password masked."""
    status: int | None
    server: Annotated[str, Mask("server")] | None


Facts = (
    HostFacts
    | SdkFacts
    | WorkloadFacts
    | ProxyFacts
    | AllowanceFacts
    | ImdsFacts
    | RoleFacts
    | CredentialFacts
    | LookupFacts
    | DnsFacts
    | TcpFacts
    | TlsFacts
    | HttpFacts
    | ApiFacts
    | JobsFacts
    | ProxyConnectFacts
    | ConfigurationFacts
)
