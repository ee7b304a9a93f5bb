"""The report: what a run saw and what it means. One frozen class an object; `codec` gives it its JSON form."""

from __future__ import annotations  # evaluated where they are read, not at start-up, which saves 4 ms

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
"""Reasons for which the configuration is not read: it would be that of another network."""
NO_TROUBLE: Final = "there was no sign of trouble"
NO_TROUBLE_WITH_NAMES: Final = "there was no sign of trouble with names"
"""Reasons for which a run with `--ec2 auto` does not start to read it, or a part of it."""
NOT_NEEDED: Final = "the read was dropped: everything that is required succeeded"
"""Reason for which such a run drops a read that it started."""


class Status(StrEnum):
    """How a target, or a run, is."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    NOT_IN_USE = "not-in-use"


class Path(StrEnum):
    """Which way the traffic takes."""

    PRIVATE = "private"
    PUBLIC = "public"
    MIXED = "mixed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Access(StrEnum):
    """Whether signed calls are allowed. A throttled one proves neither, and leaves it unknown."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NOT_TRIED = "not-tried"
    UNKNOWN = "unknown"


class CommandScope(StrEnum):
    """What a fix command changes or shows."""

    HOST = "host"
    ENDPOINT = "endpoint"
    SUBNET = "subnet"
    VPC = "vpc"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command that fixes or shows a cause."""

    argv: tuple[Plain, ...]
    """Words for a program, never a line for a shell; `<PLACEHOLDER>` stands for what is not known here."""
    scope: CommandScope
    changes: bool
    """Whether it changes anything; else it only shows something."""
    alternative: Plain | None = None
    """`a`, `b`, and so on: commands of one letter exclude those of another. None where it belongs to all of them."""
    reversible: bool
    undo: Sentence | None
    """How to take it back; None where it changes nothing or cannot be taken back."""
    checked: bool | None = None
    """True if the predictor says that this fix of the configuration opens the path and closes no other required one;
    false if it cannot tell. None for other fixes, and for a command that changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file of this host that fixes a cause where no single command does."""

    file: Plain
    """The file's path, or a placeholder for it."""
    line: Plain
    """The whole line, with `<PLACEHOLDER>` for what is not known here."""
    changes: bool
    """Whether the line is to be written; else it is to be looked at."""
    undo: Sentence | None
    """How to take it back; None where nothing is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What to do about a finding."""

    summary: Sentence
    commands: tuple[Command, ...] = ()
    lines: tuple[Line, ...] = ()


class SubjectKind(StrEnum):
    """What a subject of a finding is."""

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
    """What a route leads to: a NAT, an internet, a virtual private or a transit gateway, or a peering."""
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
    """Something that a finding is about."""

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
    """What was found, with its address, id or number, in at most 80 characters; begins in small letters."""
    detail: Sentence
    evidence: tuple[Plain, ...]
    """Ids of the observations that show it."""
    subjects: tuple[FindingSubject, ...]
    """What it is about, by kind and id; empty where that is this host alone."""
    explained_by: Plain | None
    """Id of the finding that is its cause."""
    counts: bool
    """Whether it may raise the verdict: the faults of an optional or a context target do not."""
    suppressed: bool
    fix: Fix
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEvaluated:
    """A rule that could not be asked."""

    code: Plain
    target: Plain | None
    reason: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What made the report."""

    name: Plain
    version: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """When and how the run was."""

    id: Plain
    started_at: datetime
    finished_at: datetime
    seconds: float
    complete: bool
    """Whether the run came to its own end, neither cut by its deadline nor interrupted."""
    interrupted: bool
    expect: Expect
    workloads: tuple[Workload, ...]
    """Which workloads were asked for."""
    calls: Calls
    """Which signed calls were wanted."""
    ec2_reads: bool
    """Whether the configuration was wanted, from EC2 or from a file."""
    ec2: Ec2
    """When it was wanted from EC2."""
    ec2_because: Sentence | None
    """The first sign of trouble, which made a run with `auto` read it; None where there was none."""
    facts_unused: Sentence | None
    """Why the facts file that was given says nothing about this network; None where it does, and without one."""
    jobs: bool
    """Whether AWS Backup was to be asked which jobs did not succeed lately."""
    private_cidrs: tuple[IPv4Network | IPv6Network, ...]
    region: Plain | None
    region_source: Plain | None
    """What named the Region."""
    timeout_seconds: float | None
    """How long one step might take; None where no run was made."""
    deadline_seconds: float | None
    """How long the whole run might take; None where no run was made."""
    redacted: bool
    """Whether masks stand in the report in place of what identifies, so that it cannot be judged again."""

    @property
    def wants_calls(self) -> bool:
        """Whether the run was to make signed calls."""
        return self.calls is not Calls.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one run saw, without any judgement of it."""

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
    """What to know of the summary: for which workload the run was judged where nobody said so, and what has no part in
    it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Which credentials the signed calls used; never the credentials."""

    source: Plain
    access_key_id_suffix: Annotated[str, Mask("key")]
    expires_at: datetime | None
    role: Annotated[str, Mask("role")] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadReport:
    """A workload that decided what was checked."""

    name: Workload
    by: Annotated[str, Mask("file", unless=r"--workload (?:auto|caller|hana(?::backup|:s3)?|gateway|ssm)")]
    """The sign on this host by which it was found, else the option that asked for it."""
    required: bool
    """Whether services are required for it."""
    version: Annotated[str, Mask("text", unless=r"[0-9]{1,5}(?:\.[0-9]{1,5}){1,4}")] | None
    mode: Plain | None
    """The mode of `hana`: `aws-backup`, `s3`, or `unknown`."""
    settings: dict[Plain, Annotated[str, Mask("setting")]]
    """Its own settings that decide what it calls."""


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
    """Half the round trip by which the offset was measured; the server's whole seconds add up to one."""
    sdk: SdkFacts | None


class AddressStatus(StrEnum):
    """Whether the steps that are required at an address succeeded there."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"
    """At least one of them was not made, and none failed."""


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
    """A service at a host, judged."""

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
    """Workloads and options that require it: `caller`, `--service`; empty where nothing does."""
    bucket: Annotated[str, Mask("bucket")] | None
    """The bucket of S3 that a workload on this host is set to use; None for other targets."""
    counts_with: Plain | None = None
    """The option that makes an optional target count, where the summary speaks of it though this host does not use
    it; None for other targets."""
    by_any_path: bool = False
    """Whether it may be reached by any path, whatever the run expects of others."""
    ports: tuple[int, ...]
    status: Status
    path: Path
    access: Access
    unproven: tuple[Sentence, ...]
    """What is missing for `ok`, in words; empty where nothing is."""
    addresses: tuple[TargetAddress, ...]


class Measured(StrEnum):
    """How a connect ended, held against what the configuration says of it."""

    CONNECTED = "connected"
    SILENT = "silent"
    REFUSED = "refused"
    FAILED = "failed"
    """In another way, on this host or on the way."""
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredPath:
    """The path from this host to a port of an address as the configuration has it, and what was measured there."""

    target: Plain
    address: Address
    port: int
    source: Address | None
    endpoint_id: ResourceId | None
    interface_id: ResourceId | None
    predicted: Reachability
    measured: Measured
    agrees: bool | None
    """Whether the two say the same; None where one of them says nothing."""
    parted_at: Stage | None
    """The hop where they part: the one that should have stopped what connected. Where what should pass does not
    connect, nothing tells which hop, and this is None."""
    hops: tuple[Hop, ...]
    unseen: tuple[Sentence, ...]
    """What could change the prediction and cannot be seen from here."""
    taken_at: datetime
    """When the configuration was read."""
    source_subnet_id: Plain | None
    subnet_id: Plain | None
    """The subnets of this host's interface and of the endpoint's; None where they are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one run measured and found."""

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
    """One for each address and port that the configuration was held against; empty where it was not read."""
