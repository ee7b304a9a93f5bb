"""The report: the measurements of a run and their meaning. Each object has one frozen class; `codec` gives it its JSON
form."""

from __future__ import annotations  # evaluated on use and not at start-up, which saves 4 ms

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final

from agent.catalog.findings import Document, Scope, Severity
from agent.report.hops import Hop, Reachability, Stage
from agent.settings import Calls, Ec2, Expect, Workload
from probes.addresses import AddressScope
from probes.facts import (
    SdkFacts,
)
from probes.frozen import dataclass
from probes.masks import HostName, Mask, Plain, ResourceId, Sentence
from probes.model import Address, Addressing, Observation, Role, Target

SCHEMA: Final = "backuplink.report.v1"
NO_VPC: Final = "instance metadata does not tell which VPC this host is in"
NO_REGION: Final = "no Region is known"
"""Reasons not to read the configuration: it might be the configuration of another network."""
NO_TROUBLE: Final = "there was no sign of trouble"
NO_TROUBLE_WITH_NAMES: Final = "there was no sign of trouble with names"
"""Reasons for which a run with `--ec2 auto` reads no configuration, or not all of it."""
NOT_NEEDED: Final = "the read was dropped: everything that is required succeeded"
"""Reason for which a run with `--ec2 auto` cancels a read that it started."""


class Status(StrEnum):
    """The status of a target or a run."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    NOT_IN_USE = "not-in-use"


class Path(StrEnum):
    """The kind of path that the traffic takes."""

    PRIVATE = "private"
    PUBLIC = "public"
    MIXED = "mixed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Access(StrEnum):
    """Whether signed calls are allowed. A throttled call proves nothing: the access stays unknown."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NOT_TRIED = "not-tried"
    UNKNOWN = "unknown"


class CommandScope(StrEnum):
    """The place that a fix command changes or shows."""

    HOST = "host"
    ENDPOINT = "endpoint"
    SUBNET = "subnet"
    VPC = "vpc"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that fixes or shows a cause."""

    argv: tuple[Plain, ...]
    """The arguments for a program, not a line for a shell; `<PLACEHOLDER>` stands for an unknown value."""
    scope: CommandScope
    changes: bool
    """Whether the step changes anything; if not, it only shows something."""
    alternative: Plain | None = None
    """`a`, `b`, and so on: commands with different letters are alternatives. None if the command belongs to every
    alternative."""
    reversible: bool
    undo: Sentence | None
    """How to undo it; None if it changes nothing or cannot be undone."""
    checked: bool | None = None
    """True if the predictor says that this fix of the configuration opens the path and closes no other required path;
    false if it cannot tell. None for other fixes, and for a command that changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line in a file of this host that fixes a cause for which no single command exists."""

    file: Plain
    """The file's path, or a placeholder for it."""
    line: Plain
    """The whole line, with `<PLACEHOLDER>` for what is not known here."""
    changes: bool
    """Whether the line must be written to the file; if not, it is only shown."""
    undo: Sentence | None
    """How to undo it; None if nothing is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What to do about a finding."""

    summary: Sentence
    commands: tuple[Command, ...] = ()
    lines: tuple[Line, ...] = ()


class SubjectKind(StrEnum):
    """The kind of a finding's subject."""

    GROUP = "group"
    """The id of a security group."""
    ACL = "acl"
    """The id of a network ACL."""
    ROUTE_TABLE = "route-table"
    ENDPOINT = "endpoint"
    INTERFACE = "interface"
    """A network interface of AWS."""
    SUBNET = "subnet"
    VPC = "vpc"
    ZONE = "zone"
    """An availability zone, by its id."""
    HOSTED_ZONE = "hosted-zone"
    """A private hosted zone of Route 53."""
    RULE = "rule"
    """A Resolver rule, or the group or the domain list of a DNS Firewall rule."""
    PROFILE = "profile"
    """A Route 53 Profile."""
    DHCP_OPTIONS = "dhcp-options"
    PREFIX_LIST = "prefix-list"
    INSTANCE = "instance"
    """Another instance, such as one that forwards packets; never this host."""
    GATEWAY = "gateway"
    """The target of a route: a NAT, internet, virtual private or transit gateway, or a peering."""
    RESOLVER = "resolver"
    """A name server, by its address."""
    ADDRESS = "address"
    PORT = "port"
    ROLE = "role"
    ACCOUNT = "account"
    URL = "url"
    """The URL of a proxy, or of an endpoint that a setting names."""
    ISSUER = "issuer"
    """The issuer of a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSubject:
    """A resource or other thing that a finding is about."""

    kind: SubjectKind
    id: Annotated[str, Mask("text")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault that has a code."""

    id: Plain
    code: Plain
    name: Plain
    severity: Severity
    scope: Scope
    target: Plain | None
    title: Plain
    headline: Sentence
    """The finding with its address, id or number, in at most 80 characters; begins with a small letter."""
    detail: Sentence
    evidence: tuple[Plain, ...]
    """Ids of the observations that show it."""
    subjects: tuple[FindingSubject, ...]
    """The subjects of the finding by kind and id; empty if it is about this host alone."""
    explained_by: Plain | None
    """Id of the finding that is its cause."""
    counts: bool
    """Whether the finding may raise the verdict; findings about optional and context targets do not."""
    suppressed: bool
    fix: Fix
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEvaluated:
    """A rule that could not be evaluated."""

    code: Plain
    target: Plain | None
    reason: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The program that made the report."""

    name: Plain
    version: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Time and settings of the run."""

    id: Plain
    started_at: datetime
    finished_at: datetime
    seconds: float
    complete: bool
    """Whether the run was completed, and neither cut by its deadline nor interrupted."""
    interrupted: bool
    expect: Expect
    workloads: tuple[Workload, ...]
    """The workloads that were requested."""
    calls: Calls
    """The requested signed calls."""
    ec2_reads: bool
    """Whether the configuration was requested, from EC2 or from a file."""
    ec2: Ec2
    """When the configuration is to be read from EC2."""
    ec2_because: Sentence | None
    """The first sign of trouble, for which a run with `auto` read the configuration; None if there was no sign."""
    facts_unused: Sentence | None
    """The reason why a given facts file was not used for this network; None if it was used, or if no file was given."""
    jobs: bool
    """Whether AWS Backup was to be asked for recent jobs that did not succeed."""
    private_cidrs: tuple[IPv4Network | IPv6Network, ...]
    region: Plain | None
    region_source: Plain | None
    """The setting that named the Region."""
    timeout_seconds: float | None
    """Time limit for one step; None if no run was made."""
    deadline_seconds: float | None
    """Time limit for the whole run; None if no run was made."""
    redacted: bool
    """Whether masks replace identifying values in the report, so that it cannot be judged again."""

    @property
    def wants_calls(self) -> bool:
        """Whether the run was to make signed calls."""
        return self.calls is not Calls.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The observations of one run, without any judgement."""

    run: Run
    targets: tuple[Target, ...]
    observations: tuple[Observation[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The run in one line."""

    status: Status
    path: Path
    access: Access
    summary: Sentence
    notes: tuple[Sentence, ...] = ()
    """Remarks on the summary: the assumed workload of the run if none was given, and what the run left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The identity of the credentials for the signed calls; never the credentials themselves."""

    source: Plain
    access_key_id_suffix: Annotated[str, Mask("key")]
    expires_at: datetime | None
    role: Annotated[str, Mask("role")] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReport:
    """A workload that decided what was checked."""

    name: Workload
    by: Annotated[str, Mask("file", unless=r"--workload (?:auto|caller|hana(?::backup|:s3)?|gateway|ssm)")]
    """The sign on this host by which the workload was found, else the option that requested it."""
    required: bool
    """Whether the workload requires services."""
    version: Annotated[str, Mask("text", unless=r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,4}")] | None
    mode: Plain | None
    """The mode of `hana`: `aws-backup`, `s3`, or `unknown`."""
    settings: dict[Plain, Annotated[str, Mask("setting")]]
    """The workload's own settings that decide which services it calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """The host on which the run took place."""

    instance_id: Plain | None
    managed_node_id: Plain | None
    host_name: HostName | None
    region: Plain | None
    partition: Plain | None
    availability_zone: Plain | None
    availability_zone_id: Plain | None
    vpc_id: Plain | None
    subnet_id: Plain | None
    vpc_cidrs: tuple[IPv4Network | IPv6Network, ...]
    security_group_ids: tuple[Plain, ...]
    account_id: Plain | None
    instance_type: Plain | None
    image_id: Plain | None
    source_addresses: tuple[Address, ...]
    resolvers: tuple[Address, ...]
    workloads: tuple[WorkloadReport, ...]
    proxies: dict[Plain, Annotated[str, Mask("proxy")]]
    credentials: Credentials | None
    clock_offset_seconds: float | None
    clock_uncertainty_seconds: float | None
    """Half of the round trip in which the offset was measured, plus up to one second, since the server tells only whole
    seconds."""
    sdk: SdkFacts | None


class AddressStatus(StrEnum):
    """Whether the required steps at an address succeeded."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"
    """At least one of these steps was not made, and no step failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAddress:
    """An address that a lookup or a name server gave for a target."""

    address: Address
    scope: AddressScope
    status: AddressStatus
    from_own_lookup: bool
    resolvers: tuple[Address, ...]
    availability_zone: Plain | None
    availability_zone_id: Plain | None
    endpoint_id: ResourceId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """A judged target: a service at a host."""

    id: Plain
    service: Plain
    region: Plain
    partition: Plain
    service_name: Plain | None
    host: Annotated[str, Mask("host")]
    addressing: Addressing
    role: Role
    required: bool
    required_by: tuple[Plain, ...]
    """Workloads and options that require it: `caller`, `--service`; empty if nothing does."""
    bucket: Annotated[str, Mask("bucket")] | None
    """The S3 bucket that a workload on this host is configured to use; None for other targets."""
    counts_with: Plain | None = None
    """The option that makes an optional target count, if the summary mentions the target although this host does not
    use it; None for other targets."""
    by_any_path: bool = False
    """Whether it may be reached by any path, whatever path the run expects for others."""
    ports: tuple[int, ...]
    status: Status
    path: Path
    access: Access
    unproven: tuple[Sentence, ...]
    """What is missing for `ok`, in words; empty if nothing is."""
    addresses: tuple[TargetAddress, ...]


class Measured(StrEnum):
    """The result of a connect compared with its prediction."""

    CONNECTED = "connected"
    SILENT = "silent"
    REFUSED = "refused"
    FAILED = "failed"
    """It failed in another way, on this host or on the path."""
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredPath:
    """The path from this host to a port of an address as the configuration predicts it, with the measured result."""

    target: Plain
    address: Address
    port: int
    source: Address | None
    endpoint_id: ResourceId | None
    interface_id: ResourceId | None
    predicted: Reachability
    measured: Measured
    agrees: bool | None
    """Whether prediction and measurement agree; None if one of them is missing."""
    parted_at: Stage | None
    """The hop that should have stopped a connect that succeeded. None if a connect failed that should have succeeded,
    since the hop that stopped it is unknown."""
    hops: tuple[Hop, ...]
    unseen: tuple[Sentence, ...]
    """Things that could change the prediction and cannot be seen from here."""
    taken_at: datetime
    """Time at which the configuration was read."""
    source_subnet_id: Plain | None
    subnet_id: Plain | None
    """The subnet of this host's interface and that of the endpoint's; None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The observations and findings of one run."""

    schema: Plain
    tool: Tool
    run: Run
    verdict: Verdict
    vantage: Vantage
    targets: tuple[TargetReport, ...]
    observations: tuple[Observation[Any], ...]
    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    paths: tuple[ConfiguredPath, ...]
    """The path for each address and port that was compared with the configuration; empty if it was not read."""
