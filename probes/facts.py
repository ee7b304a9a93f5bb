"""The facts of steps: one frozen class for each kind of step. `None` means unknown, never "no"."""

from __future__ import annotations  # evaluated on use and not at start-up, which saves 4 ms

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
    """A line of the hosts file with a host of this run."""

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
    """Every address of every interface, including loopback. None if the system does not report them."""
    resolvers: tuple[Address, ...]
    """Name servers of resolv.conf that the C library uses: the first three, or 127.0.0.1 if there are none."""
    resolvers_ignored: tuple[Annotated[str, Mask("resolver")], ...]
    """Name servers in resolv.conf that the C library does not use: the ones after the third, and invalid addresses."""
    search: tuple[Annotated[str, Mask("search")], ...]
    resolver_options: tuple[Plain, ...]
    hosts_entries: tuple[HostsEntry, ...]
    """Lines of the hosts file with a name below an AWS suffix."""
    upstream_resolvers: tuple[Address, ...]
    """The servers that systemd-resolved asks, if resolv.conf lists the stub of systemd-resolved
    (systemd-resolved.service(8))."""
    resolv_conf_by: ResolvConfBy | None
    """The service that writes resolv.conf, from the first lines of the file; None if they do not show it."""
    ec2: bool | None
    """Whether this is an EC2 instance, according to the firmware; None if the firmware does not show it."""
    proxies: dict[Plain, Annotated[str, Mask("proxy")]]
    """Proxy variables of this process by lower-case name; user and password are masked."""
    local_ports: tuple[int, ...] | None
    """The first and the last port from which this host connects (ip(7), ip_local_port_range); None if unknown."""
    keepalive_seconds: int | None
    """Seconds without traffic after which TCP keepalive starts (tcp(7), tcp_keepalive_time); None if unknown."""
    region_variables: dict[Plain, RegionSetting]
    """Variables of this process that set a Region for the SDK, by name; their values may be anything."""
    name: HostName | None
    """The host's own name (hostname(7)); None if the system does not report it."""
    time_configuration: Plain | None
    """The configuration file of the time service on this host: that of chrony, else of ntpd, else of systemd-timesyncd;
    None if none of them has such a file."""
    managed_node_id: Plain | None
    """The Systems Manager id (`mi-…`) of a host outside EC2. None for an EC2 instance, or if the agent's registration
    cannot be read."""

    def is_searched_first(self, name: str) -> bool:
        """Whether the C library tries the search list before the name itself (`ndots:` of resolv.conf(5), 1 by default
        and at most 15)."""
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

    @property
    def asks_in_turn(self) -> bool:
        """Whether the C library asks another name server first each time (`rotate` of resolv.conf(5))."""
        return "rotate" in self.resolver_options and len(self.resolvers) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkFacts:
    """The settings of the AWS SDK on this host, as the SDK itself reads them."""

    version: Plain
    profile: Annotated[str, Mask("profile")] | None
    region: RegionSetting | None
    ca_bundle: Annotated[str, Mask("file")] | None
    fips: bool
    dual_stack: bool
    endpoint_urls: dict[Plain, Annotated[str, Mask("url")]]
    """The configured URLs, by service name."""
    region_file: Annotated[str, Mask("file")] | None
    """The shared file that sets `region`. None if a variable sets it, or if it is not set."""
    sts_host: StsHost | None
    """The STS host from which the SDK requests the configured role. None if no role is configured, or if keys in
    variables take precedence."""
    legacy_sts: bool
    """Whether `sts_regional_endpoints` is `legacy`: the SDK then calls the global host of STS for some Regions."""
    legacy_s3: bool
    """Whether `s3_us_east_1_regional_endpoint` is not `regional`: the SDK then calls the global host of S3 for
    us-east-1."""

    def calls_global_host(self, service: str) -> bool:
        """Whether calls to a service go to its global host, in the Regions for which there is a global host."""
        return {"sts": self.legacy_sts, "s3": self.legacy_s3}.get(service, False)


SAP_SYSTEMS: Final = "/usr/sap"
"""The folder that contains one folder for each SAP system of a host."""
BACKINT_LINK: Final = "/opt/hdbbackint"
"""The link, below the folder of a HANA database, to the Backint agent of the database, whatever its vendor."""
BACKINT: Final = "aws-backint-agent"
"""The name of the Backint agent's folder, with which the names of all its files begin."""
SHELL_VARIABLES: Final = "variables of the shell"
"""The key, among the settings of a Backint agent, under which the names of proxy variables are kept that the agent's
launcher takes from its shell. The values of these variables are unknown."""
AWS_BACKUP_MODE: Final = "aws-backup"
S3_MODE: Final = "s3"
"""The mode of a Backint agent that sends its data to S3."""
BUCKET: Final = "S3BucketName"
"""A key of the Backint agent's configuration. If it has a value, the agent sends its data to S3."""
BUCKET_REGIONS: Final = ("S3BucketAwsRegion", "AwsRegion")
"""Keys of the same configuration for the bucket's Region; the age of the agent decides which key it reads."""
SSM_ENDPOINTS: Final = {
    "Ssm.Endpoint": "ssm",
    "Mgs.Endpoint": "ssmmessages",
    "Mds.Endpoint": "ec2messages",
    "S3.Endpoint": "s3",
    "Kms.Endpoint": "kms",
}
"""Keys of the SSM Agent's settings whose value is a host, each with the service of the host."""
SSM_AGENT_UNIT: Final = "amazon-ssm-agent.service"
"""The end of the name of every unit of the SSM Agent; the paths of drop-ins contain it."""
MANAGER_SETTINGS: Final = "/etc/systemd/system.conf"
"""The file with settings of systemd itself, which can set variables for all services; its drop-ins are in a folder
beside it."""
FOR_ALL_SERVICES: Final = "/service.d"
"""The end of the path of a folder with drop-ins for every service."""
ENVIRONMENT_FILE: Final = "EnvironmentFile"
"""A key of a unit. Among an agent's settings it stands for a file of variables that could not be read, so that these
variables are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWorkload:
    """Software on this host that uses AWS Backup, or software that AWS Backup needs there."""

    name: Plain
    """`hana` or `ssm`, the value of `--workload`."""
    by: Annotated[str, Mask("file")]
    """The link or file that shows that the software is there."""
    is_standing: bool = False
    """Whether an earlier run found the software, and its sign cannot be read now."""
    version: Annotated[str, Mask("text", unless=r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,4}")] | None = None
    mode: Plain | None = None
    """Destination of the Backint agent's data: `aws-backup` or `s3`; None if unknown."""
    settings: dict[Plain, Annotated[str, Mask("setting")]] = field(default_factory=dict)
    """The workload's own settings that decide its calls, by name; user and password of a proxy are masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFile:
    """A file, link or folder that this user may not read."""

    path: Annotated[str, Mask("file")]
    error: Plain
    """The name of the errno, such as ENOENT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFacts:
    """The workloads on this host, found by signs that every user of the host can read."""

    found: tuple[FoundWorkload, ...] = ()
    unread: tuple[UnreadFile, ...] = ()
    by_root: bool = False
    """Whether the search ran as root. If so, other users cannot read what the search could not read either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFacts:
    """Whether the SDK's calls to a host go directly to the host or to a proxy."""

    proxy: Annotated[str, Mask("proxy")] | None
    """URL of the proxy, with user and password masked; None if the calls go directly to the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceFacts:
    """Packets that the network driver of an instance dropped during the run because an allowance was exceeded (EC2 User
    Guide, Monitor network performance for ENA settings on your EC2 instance)."""

    exceeded: dict[Plain, int]
    """The increase of each counter, by `INTERFACE COUNTER`; only counters that increased."""
    counters: tuple[Plain, ...]
    """All counters of the driver that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImdsFacts:
    """Facts about this instance from the instance metadata service (EC2 User Guide, Instance metadata categories)."""

    token: bool
    """Whether the service gave an IMDSv2 session token."""
    region: Plain | None = None
    partition: Plain | None = None
    availability_zone: Plain | None = None
    availability_zone_id: Plain | None = None
    instance_id: Plain | None = None
    vpc_id: Plain | None = None
    subnet_id: Plain | None = None
    subnet_cidrs: tuple[IPv4Network | IPv6Network, ...] = ()
    vpc_cidrs: tuple[IPv4Network | IPv6Network, ...] = ()
    """The VPC's blocks, with the primary IPv4 block first."""
    security_group_ids: tuple[Plain, ...] = ()
    """The security groups of the primary interface."""
    interface_id: Plain | None = None
    """The id of the primary interface."""
    interface_addresses: tuple[Address, ...] = ()
    """The interface's private IPv4 addresses, then its IPv6 addresses; empty if they are not known."""
    account_id: Plain | None = None
    instance_type: Plain | None = None
    image_id: Plain | None = None
    """The AMI from which the instance was started."""
    dns_suffix: Plain | None = None
    """The DNS suffix of the partition, such as `amazonaws.com.cn`."""
    role: Annotated[str, Mask("role")] | None = None
    """Name of the role in the instance profile; None if there is no profile."""
    clock_offset_seconds: float | None = None
    """How far this host's clock is ahead of the service's clock, measured halfway between the request for a token and
    the answer."""
    clock_uncertainty_seconds: float | None = None
    """Uncertainty of the offset: half of the round trip, plus up to one second, since the Date header has whole
    seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """The metadata service's status of the role in the instance profile; never its credentials."""

    code: Plain
    """`Success`, or the reason why there are no credentials, such as `AssumeRoleUnauthorizedAccess`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupFacts:
    """The result of getaddrinfo: the addresses that programs on this host use, in the order of the result."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsFacts:
    """One answer of one resolver (RFC 1035)."""

    rcode: Plain
    addresses: tuple[Address, ...]
    canonical_name: Annotated[str, Mask("host")] | None
    """The end of the CNAME chain; None if there is no CNAME."""
    authority: Annotated[str, Mask("domain")] | None
    """Owner of the SOA record in a negative answer: the zone in which the name does not exist (RFC 2308)."""
    ttl: int | None
    """The smallest TTL of the answer's records in seconds."""
    transport: Plain
    """`udp`, or `tcp` after a truncated answer (RFC 7766). If the TCP connection failed, the step failed, too. Then
    only the header of the truncated answer is known."""
    queries: int
    """Number of datagrams that were sent before the answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpError:
    """An ICMP error from the kernel's error queue (ip(7), IP_RECVERR)."""

    sender: Address
    type: int
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpFacts:
    """One attempt to connect, seen by this host's kernel."""

    source: Address | None = None
    interface: Plain | None = None
    next_hop: Address | None = None
    """The router towards the address, or the address itself if it is in the same subnet."""
    neighbour: Plain | None = None
    """The kernel's link-layer entry for the next hop when a connect fails: `reachable`, `incomplete`, `failed`, …"""
    route_error: Plain | None = None
    """The errno name of the route lookup if it finds no route; read when a connect fails."""
    at_once: bool = False
    """Whether connect() itself returned the error, so that no packet can have come back."""
    icmp: IcmpError | None = None
    datagram_error: Plain | None = None
    """The errno name if this host refuses to send a UDP datagram to the same address and port; the datagram is sent
    when a connect timed out."""
    round_trip_seconds: float | None = None
    """The kernel's first measurement of the round trip (TCP_INFO, tcpi_rtt)."""
    retransmits: int | None = None
    """Number of repeated SYNs (RFC 6298, section 2)."""
    mss: int | None = None
    """Maximum bytes of data in a segment that the kernel would send (TCP_INFO, tcpi_snd_mss)."""


MAX_NAMES: Final = 16
"""Maximum number of names that are read from one certificate. Certificates of AWS have only a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The parts of an X.509 certificate (RFC 5280) that identify the peer at an address."""

    subject: Annotated[str, Mask("certificate")]
    issuer: Annotated[str, Mask("certificate")]
    issuer_organization: Annotated[str, Mask("organization")] | None
    names: tuple[Annotated[str, Mask("name")], ...]
    """The first MAX_NAMES DNS names of the subject alternative name extension."""
    not_before: datetime
    not_after: datetime
    sha256: Annotated[str, Mask("fingerprint")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """One handshake (RFC 8446, RFC 5246)."""

    server_name: Annotated[str, Mask("host")]
    """The name sent as SNI and, if `name_checked`, compared with the certificate."""
    name_checked: bool
    trust: Annotated[str, Mask("file")]
    """The source of the trusted roots: a file or a folder."""
    version: Plain | None = None
    cipher: Plain | None = None
    alpn: Plain | None = None
    certificates: tuple[Certificate, ...] = ()
    """If the peer was verified, only its own certificate; otherwise all certificates that it sent in a second
    handshake, with its own first."""
    second_look: Sentence | None = None
    """Why the certificate chain of an unverified peer could not be read. None if it was read, or if it need not be
    read."""
    bytes_received: int | None = None
    """Number of bytes received before an incomplete handshake ended."""
    first_bytes: Annotated[str, Mask("bytes")] | None = None
    """The first bytes, in hexadecimal, of a peer that does not speak TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFacts:
    """One answer to an unsigned request (RFC 9112)."""

    status: int
    request_id: RequestId | None
    """`x-amzn-RequestId`, which shows that an AWS front end answered."""
    date: datetime | None
    """The server's time in whole seconds."""
    clock_offset_seconds: float | None
    """How far this host's clock is ahead of the server's clock, measured halfway between request and answer."""
    server: Annotated[str, Mask("server")] | None
    content_type: MediaType | None
    location: Annotated[str, Mask("location")] | None
    body_bytes: int
    clock_uncertainty_seconds: float | None
    """Uncertainty of the offset: half of the round trip, plus up to one second, since the Date header has whole
    seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFacts:
    """The credentials that the SDK found, described without their secrets."""

    source: Plain
    """The provider by botocore's name: `env`, `iam-role`, `container-role`, `assume-role`, `sso`, …"""
    access_key_id_suffix: Annotated[str, Mask("key")]
    """The last four characters of the access key's id."""
    temporary: bool
    """Whether the credentials have a session token."""
    expires_at: datetime | None
    role: Annotated[str, Mask("role")] | None
    """Name of the role, if the source has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFacts:
    """A gateway in the API's list (AWS Backup Developer Guide, Backup gateway API: Gateway)."""

    gateway_id: Annotated[str, Mask("gateway")]
    last_seen: datetime | None
    """Time of the last contact between AWS and the gateway."""


SEEN_LATELY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFacts:
    """One answer to a signed, read-only call. For a list with further pages it is the last answer, with the gateways of
    all pages."""

    operation: Plain
    status: int
    request_id: RequestId | None
    expected_key: bool
    """Whether the answer has the member that every good answer of the operation has."""
    new_connection: bool
    """Whether the call used a new connection, because the peer had closed the connection of the earlier steps."""
    error_code: CallErrorCode | None
    """AWS' own code, cut as botocore cuts it, or the status if there is no code. None if the status is 200."""
    error_message: Annotated[str, Mask("text")] | None
    gateways: tuple[GatewayFacts, ...] = ()
    """The gateways in an answer to ListGateways: at most MAX_GATEWAYS, the ones with the oldest contact."""
    gateways_listed: int = 0
    """Number of gateways in the list so far, including earlier pages."""
    gateways_last_seen: datetime | None = None
    """Time of the most recent contact with any listed gateway; None if it is not known for every gateway."""
    gateways_cut: bool = False
    """Whether AWS has more gateways than `gateways_listed`."""
    server_time: datetime | None
    """The server's time. It comes from the text in which the server refuses the time of the signature, or otherwise
    from the Date header."""
    clock_offset_seconds: float | None
    """How far this host's clock is ahead of the server's clock, measured halfway between request and answer."""
    clock_uncertainty_seconds: float | None
    """Uncertainty of the offset: half of the round trip, plus up to one second for a time in whole seconds."""

    @property
    def silent_gateways(self) -> tuple[GatewayFacts, ...]:
        """The `gateways` that are out of contact according to the server's time; empty if the server's time is
        unknown."""
        return tuple(gateway for gateway in self.gateways if self._is_long_ago(gateway.last_seen))

    @property
    def are_all_gateways_silent(self) -> bool:
        """Whether at least one gateway was read, and all are out of contact."""
        return self._is_long_ago(self.gateways_last_seen)

    def _is_long_ago(self, last_seen: datetime | None) -> bool:
        return last_seen is not None and self.server_time is not None and self.server_time - last_seen > SEEN_LATELY


JOBS_PERIOD: Final = timedelta(hours=24)
"""Only jobs that were created within this period are requested."""


JOB_STATES: Final = frozenset(
    {"CREATED", "PENDING", "RUNNING", "ABORTING", "ABORTED", "COMPLETED", "FAILED", "EXPIRED", "PARTIAL"}
)
"""All states of a job of AWS Backup (AWS Backup API Reference, BackupJob)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJobs:
    """Jobs of AWS Backup that did not succeed and have the same reason (AWS Backup API Reference, BackupJob,
    RestoreJobsListMember and CopyJob)."""

    jobs: int
    kind: Plain
    """`backup`, `restore` or `copy`."""
    state: Plain
    resource_type: JobKind | None
    """The kind of resource; None if the answer does not give it."""
    instance_id: ResourceId | None
    """The instance, if all these jobs belong to one instance; None for other resources."""
    category: JobCategory | None
    """MessageCategory: `AccessDenied`, `InvalidParameters`, …; None if the answer has no category."""
    message: Annotated[str, Mask("text")] | None
    """The start of StatusMessage in the answer."""
    job_id: Annotated[str, Mask("job")] | None
    """The id of one of the jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsFacts:
    """The answers to the calls that list jobs of AWS Backup: jobs that did not succeed, and jobs that completed."""

    operation: Plain
    created_after: datetime
    """Only jobs created after this time were requested."""
    resource_arn: Annotated[str, Mask("resource")] | None
    """The resource whose jobs were requested; None for all resources of the account in the Region."""
    resource_type: JobKind | None
    """The kind of resource whose jobs were requested; None for all kinds."""
    calls: int
    by_state: dict[Plain, int]
    """Number of listed jobs by state."""
    failed: tuple[FailedJobs, ...]
    """The listed jobs that did not succeed. A completed job is among them if it has a category other than SUCCESS, or
    no category and a message."""
    is_cut: bool
    """Whether AWS Backup has more jobs than were listed."""
    request_id: RequestId | None
    """The request id of the last answer."""
    error_code: CallErrorCode | None
    """AWS' own code in the answer because of which the list ended early. None if it did not end early."""
    error_message: Annotated[str, Mask("text")] | None

    @property
    def listed(self) -> int:
        """The number of listed jobs."""
        return sum(self.by_state.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConnectFacts:
    """The answer of a proxy to CONNECT (RFC 9110, section 9.3.6)."""

    proxy: Annotated[str, Mask("proxy")]
    """URL of the proxy, with user and password masked."""
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
