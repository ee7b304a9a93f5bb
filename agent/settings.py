"""The settings of a run and of a watch, with every default. Options, the environment or a file can set them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

from probes.facts import FoundWorkload
from probes.frozen import dataclass
from probes.model import Address, Observation

SDK_PROFILE: Final = "the SDK's profile"
"""The source of a run's Region, in words, if the SDK's profile set it."""
DEFAULT_TIMEOUT: Final = 3.0
"""Time limit in seconds for one step."""
DEFAULT_DEADLINE: Final = 20.0
"""Time limit in seconds for a run. A format may have a lower limit (`agent.formats`)."""
DEFAULT_INTERVAL: Final = 60.0
"""Seconds between the starts of two cycles of a watch."""
MIN_INTERVAL: Final = 10.0
"""Minimum seconds between two cycles. Monitoring needs no shorter interval, and AWS Backup allows an account about 50
calls a second in a Region."""
MAX_INTERVAL: Final = 86_400.0
"""Maximum seconds between two cycles: there is at least one cycle a day."""
CYCLE_SHARE: Final = 0.9
"""The share of the interval that a cycle may take. The rest is for the random variation of its start, so that cycles
never overlap."""
DEFAULT_RAISE_AFTER: Final = 2
"""Number of cycles in a row that must have a finding before it is reported."""
DEFAULT_CLEAR_AFTER: Final = 2
"""Number of cycles in a row that must not have a finding before it is reported as cleared."""
DEFAULT_KEEP: Final = "30d"
"""How long a history keeps a cycle."""
DEFAULT_KEEP_SIZE: Final = 100
"""Maximum size of a history's file in MB: one and a half times what 100,000 cycles of a healthy host need."""
DEFAULT_PUT_DEADLINE: Final = 30.0
"""Time limit in seconds for putting a record into a bucket, for which a host waits."""
FIRST_DAY: Final = date(2026, 1, 1)
"""The first day on which a host can have written a record: no version is older."""
DEFAULT_READ_TIMEOUT: Final = 10.0
"""Time limit in seconds for one read for a facts file: a read is a call of EC2, often across the Internet."""
DEFAULT_READS_DEADLINE: Final = 60.0
"""Seconds for all reads of a facts file."""
FAIL_ON: Final = ("warning", "critical", "never")
"""The values of --fail-on. With `warning` or `critical`, a verdict at least as bad makes the exit code non-zero. With
`never`, no verdict does."""
DEFAULT_FAIL_ON: Final = FAIL_ON[0]
DEFAULT_LEAST: Final = 5
"""Minimum number of hosts with the same fault for it to count as shared."""
DEFAULT_TOLERATE: Final = 2.0
"""Percentage of hosts that may be silent, and of files that may be unreadable. Above it, the verdict is unknown."""
DEFAULT_AUDIT_DEADLINE: Final = 900.0
"""Time limit in seconds for all reads of an audit: enough for some 200 VPCs at the rates to which it limits its
calls."""
THEMES: Final = ("terminal", "contrast", "light")
"""Names of the colours of the terminal interface: the terminal's own sixteen, white on black, and black on white."""
DEFAULT_THEME: Final = THEMES[0]
EVERY_SOURCE: Final = "all"
"""Stands for every host of a VPC for which a prediction is made."""


class Expect(StrEnum):
    """Which path is healthy."""

    PRIVATE = "private"
    PUBLIC = "public"
    ANY = "any"


DEFAULT_EXPECT: Final = Expect.PRIVATE


class Ec2(StrEnum):
    """When the configuration is read from EC2, Route 53, its Resolver and its Profiles."""

    AUTO = "auto"
    """The configuration is read as soon as a required target shows a sign of trouble (`agent.run.suspicion`)."""
    ALWAYS = "always"
    NEVER = "never"


DEFAULT_EC2: Final = Ec2.AUTO
DEFAULT_WATCH_EC2: Final = Ec2.NEVER
"""A watch does not read EC2: thousands of hosts that share a fault would also share the rate limits of an account."""


class Calls(StrEnum):
    """Which signed calls a run makes."""

    EACH = "each"
    """One at each address of a service."""
    ONE = "one"
    """One for each service."""
    NONE = "none"


class Workload(StrEnum):
    """Software that uses AWS Backup. It determines what a run checks (`agent.catalog.workloads`)."""

    AUTO = "auto"
    """The workloads that are found on this host, or `caller` if there are none."""
    CALLER = "caller"
    HANA = "hana"
    HANA_BACKUP = "hana:backup"
    HANA_S3 = "hana:s3"
    """SAP HANA whose Backint agent sends its data to AWS Backup, or to S3, whatever its configuration says."""
    GATEWAY = "gateway"
    SSM = "ssm"


DEFAULT_WORKLOAD: Final = Workload.AUTO
"""The workload of a run that names neither a service nor an endpoint."""
DEFAULT_CALLS: Final = Calls.EACH
DEFAULT_WATCH_CALLS: Final = Calls.ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEndpoint:
    """A host, or the id of an endpoint, that the operator named, and the service behind it."""

    service: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Facts:
    """What EC2 reported about a VPC, read earlier and on another host (`backuplink facts`)."""

    region: str
    vpc_id: str
    taken_at: datetime
    observations: tuple[Observation[Any], ...]
    """Observations of step `ec2`, one for each read."""
    is_example: bool = False
    """Whether the VPC is made up for an example. The configuration of such a VPC never counts as too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one run."""

    region: str | None
    region_source: str | None
    """The source of the Region: `--region`, `AWS_REGION`, …; None while the Region is unknown."""
    services: tuple[str, ...]
    """Services that the operator named, all of which are required; empty if no service was named."""
    resolvers: tuple[Address, ...]
    """Name servers to query in addition to those that the host uses."""
    expect: Expect | None
    """The path that is healthy. None stands for DEFAULT_EXPECT, except for a target that a workload may reach by any
    path."""
    private_cidrs: tuple[IPv4Network | IPv6Network, ...]
    timeout: float
    """Seconds for one step."""
    deadline: float
    """Seconds for the whole run."""
    profile: str | None
    ca_bundle: str | None
    endpoints: tuple[NamedEndpoint, ...] = ()
    """Endpoints that the operator named, all required."""
    workloads: tuple[Workload, ...] = ()
    """Workloads that the operator named, in addition to services and endpoints."""
    run_agents: bool = False
    """Whether an agent that is found may be run, to read its version."""
    fips: bool = False
    dual_stack: bool = False
    """Whether dual-stack endpoints are requested here, whatever the settings of the SDK say."""
    calls: Calls = DEFAULT_CALLS
    turn: int = 0
    """If a run makes one call per service: the index, modulo the number of addresses, of the address that is called. If
    the steps before the call fail there, the next address is called."""
    standing_calls: tuple[Observation[Any], ...] = ()
    """Answers of earlier runs that are still valid. If a run makes one call per service and gets as far as the call at
    the address of such an answer, it uses the answer and makes no call."""
    uncalled: frozenset[str] = frozenset()
    """Services to which no signed call is made."""
    standing_workloads: tuple[FoundWorkload, ...] = ()
    """Workloads that an earlier run found on this host. They are still assumed if the signs of them cannot be read."""
    jobs: bool = False
    """Whether to ask AWS Backup which jobs of the last 24 hours did not succeed."""
    ec2: Ec2 = Ec2.NEVER
    ec2_facts: Ec2Facts | None = None
    """The configuration from a file. If it is about this network and not too old, EC2 is not asked."""

    @property
    def asked_workloads(self) -> tuple[Workload, ...]:
        """The workloads to check: those named, or the default if no workload, service or endpoint is named."""
        named = self.workloads or self.services or self.endpoints
        return self.workloads if named else (DEFAULT_WORKLOAD,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A known finding that must not affect the verdict."""

    code: str
    target: str | None
    """The only target to which it applies; None for every target."""
    subject: str | None = None
    """The only subject of the finding to which it applies, as `kind:id`; None for every subject."""
    until: date | None = None
    """The last day on which it applies, in UTC; None if it has no end."""
    owner: str | None = None
    """Who is responsible for the suppression, if a file says so."""
    reason: str | None = None

    def applies_on(self, day: date) -> bool:
        """Whether the suppression still applies on a day."""
        return self.until is None or day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How and where a document is written."""

    format: str
    """A format that the document's kind has in `agent.app.publish`."""
    output: str | None = None
    """The path of a file; None for stdout."""
    redact: bool = False
    fail_on: str = DEFAULT_FAIL_ON
    """A member of FAIL_ON."""
    brief: bool = False
    """Whether the text report is the short one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Output):
    """How and where a report is written, and which findings do not count in it."""

    suppressions: tuple[Suppression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceOptions:
    """How the terminal interface looks, and how it is driven."""

    theme: str = DEFAULT_THEME
    """A member of THEMES."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys that a person chose for an action, as they were written, by the name of the action."""
    mouse: bool = True
    """Whether the interface uses the mouse; otherwise the mouse is left to the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """The source, the content and the destination of a support archive."""

    report: str | None
    """The path of a saved report, or `-` for stdin."""
    history: str | None
    """The path of a history. With neither a report nor a history, a new run is made."""
    output: str | None
    """The path of the archive; None for a new file in the current folder."""
    wrong: str | None
    """What is true, if the report's verdict was wrong; None if nobody says that it was wrong."""
    plain: bool
    """Whether nothing but secrets is masked."""
    logs: bool
    case: bool
    """Whether to print the block for AWS Support instead of writing an archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An option of a run whose value is not its default."""

    name: str
    values: tuple[str, ...]
    """The values; empty if they may contain a secret, or are for another command."""
    kind: str | None
    """The kind of the mask that hides a value, such as `file`; None if the value identifies nothing by itself."""
    source: str
    """Where the setting comes from, such as a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The file of a history, and how much it keeps."""

    path: Path
    seconds: float
    """Age in seconds above which a cycle is removed."""
    size: int
    """Maximum size of the file in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """The URL to which changes are posted."""

    url: str = field(repr=False)
    """A secret: it may contain a token that allows posting."""
    template: Any = None
    """JSON to post, with variables such as `$summary` in its strings; None to post the change itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """The settings of one watch."""

    interval: float
    """Seconds between the starts of two cycles."""
    cycles: int | None
    """Number of cycles; None to run until a signal."""
    raise_after: int
    clear_after: int
    listen: tuple[Address, int] | None = None
    textfile: Path | None = None
    on_change: tuple[str, ...] | None = None
    """A program and its arguments."""
    on_change_env: tuple[str, ...] = ()
    """Variables with a secret that the program of `on_change` also inherits."""
    notify: Notify | None = None
    history: Keeping | None = None
