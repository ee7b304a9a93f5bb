"""The settings of a run and of a watch, and every default, whether options, environment or a file set them."""

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
"""What named the Region of a run where its profile did."""
DEFAULT_TIMEOUT: Final = 3.0
"""Seconds for one step."""
DEFAULT_DEADLINE: Final = 20.0
"""Seconds for a run; a format may allow less (`agent.formats`)."""
DEFAULT_INTERVAL: Final = 60.0
"""Seconds between the starts of two cycles of a watch."""
MIN_INTERVAL: Final = 10.0
"""Seconds: monitoring needs no more, and AWS Backup allows an account about 50 calls a second in a Region."""
MAX_INTERVAL: Final = 86_400.0
"""Seconds: at least once a day."""
CYCLE_SHARE: Final = 0.9
"""The share of the interval that a cycle may take. The jitter may take the rest, so cycles never overlap."""
DEFAULT_RAISE_AFTER: Final = 2
"""Cycles in a row that a finding must last to be reported."""
DEFAULT_CLEAR_AFTER: Final = 2
"""Cycles in a row that a finding must be gone for to be reported as cleared."""
DEFAULT_KEEP: Final = "30d"
"""How long a history keeps a cycle."""
DEFAULT_KEEP_SIZE: Final = 100
"""How large the file of a history becomes, in MB: half as large again as 100,000 cycles of a healthy host need."""
DEFAULT_PUT_DEADLINE: Final = 30.0
"""Seconds for putting a record into a bucket, for which a host waits."""
FIRST_DAY: Final = date(2026, 1, 1)
"""Before which no version wrote records."""
DEFAULT_READ_TIMEOUT: Final = 10.0
"""Seconds for one read of a facts file: each is a call of EC2, often across the Internet."""
DEFAULT_READS_DEADLINE: Final = 60.0
"""Seconds for all reads of a facts file."""
FAIL_ON: Final = ("warning", "critical", "never")
"""What can make the exit code non-zero: a verdict at least as bad as this, or none."""
DEFAULT_FAIL_ON: Final = FAIL_ON[0]
DEFAULT_LEAST: Final = 5
"""Hosts from which on a fault is one that hosts share."""
DEFAULT_TOLERATE: Final = 2.0
"""Percent of the hosts that may be silent, and of the files that may be unreadable, before the verdict is unknown."""
DEFAULT_AUDIT_DEADLINE: Final = 900.0
"""Seconds for all reads of an audit: some 200 VPCs at the rates that it keeps to."""
THEMES: Final = ("terminal", "contrast", "light")
"""Colours of the terminal interface: the terminal's own sixteen, white on black, black on white."""
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
    """From the first sign of trouble of a required target on (`agent.run.suspicion`)."""
    ALWAYS = "always"
    NEVER = "never"


DEFAULT_EC2: Final = Ec2.AUTO
DEFAULT_WATCH_EC2: Final = Ec2.NEVER
"""Thousands of hosts that share a fault would share the rate limits of an account as well."""


class Calls(StrEnum):
    """Which signed calls a run makes."""

    EACH = "each"
    """One at each address of a service."""
    ONE = "one"
    """One for each service."""
    NONE = "none"


class Workload(StrEnum):
    """Software that uses AWS Backup, which says what a run checks (`agent.catalog.workloads`)."""

    AUTO = "auto"
    """What is found on this host, or `caller` where nothing is."""
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
    """Whether the VPC is made up for an example: its configuration does not age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one run."""

    region: str | None
    region_source: str | None
    """What named the Region: `--region`, `AWS_REGION`, …; None while it is unknown."""
    services: tuple[str, ...]
    """Services that are required; empty where the operator named none."""
    resolvers: tuple[Address, ...]
    """Queried in addition to those that the host uses."""
    expect: Expect | None
    """None where nothing was said: DEFAULT_EXPECT, but for what a workload may reach by any path."""
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
    """Whether an agent that is found may be run, to tell its version."""
    fips: bool = False
    dual_stack: bool = False
    """Requested here, whatever the settings of the SDK say."""
    calls: Calls = DEFAULT_CALLS
    turn: int = 0
    """Index of the address, modulo their number, that gets the call of each service where a run makes one; where the
    steps before fail, the next address gets it."""
    standing_calls: tuple[Observation[Any], ...] = ()
    """Answers of earlier runs that still stand: where a run makes one call a service and gets as far as the call at
    such an address, it takes the answer and makes no call."""
    uncalled: frozenset[str] = frozenset()
    """Services of which no signed call is made."""
    standing_workloads: tuple[FoundWorkload, ...] = ()
    """What an earlier run found on this host, which stands where its signs cannot be read."""
    jobs: bool = False
    """Whether AWS Backup is asked which jobs did not succeed lately."""
    ec2: Ec2 = Ec2.NEVER
    ec2_facts: Ec2Facts | None = None
    """The configuration from a file. If it is about this network and not too old, EC2 is not asked."""

    @property
    def asked_workloads(self) -> tuple[Workload, ...]:
        """The workloads that are checked: where nothing at all is named the default, else those that are named."""
        named = self.workloads or self.services or self.endpoints
        return self.workloads if named else (DEFAULT_WORKLOAD,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A known finding that must not affect the verdict."""

    code: str
    target: str | None
    """None for every target."""
    subject: str | None = None
    """What the finding is about, as `kind:id`; None for whatever it is about."""
    until: date | None = None
    """The last day on which it applies, in UTC; None for ever."""
    owner: str | None = None
    """Who answers for it, where a file says so."""
    reason: str | None = None

    def applies_on(self, day: date) -> bool:
        """Whether it still applies on a day."""
        return self.until is None or day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What becomes of a document."""

    format: str
    """One of those that its kind has in `agent.app.publish`."""
    output: str | None = None
    """The path of a file; None for stdout."""
    redact: bool = False
    fail_on: str = DEFAULT_FAIL_ON
    """A member of FAIL_ON."""
    brief: bool = False
    """Whether the text report is the short one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Output):
    """What becomes of a report, and which findings do not count in it."""

    suppressions: tuple[Suppression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceOptions:
    """How the terminal interface looks, and how it is driven."""

    theme: str = DEFAULT_THEME
    """A member of THEMES."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys that were chosen for an action, as they were written, by the name of the action."""
    mouse: bool = True
    """Whether the interface takes the mouse; otherwise it is the terminal's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What a support archive is of, what it holds and where it goes."""

    report: str | None
    """The path of a saved report, or `-` for stdin."""
    history: str | None
    """The path of a history; with neither, a new run is made."""
    output: str | None
    """The path of the archive; None for a new file in the current folder."""
    wrong: str | None
    """What is true where the report's verdict was wrong; None where nobody says that it was."""
    plain: bool
    """Whether nothing but secrets is masked."""
    logs: bool
    case: bool
    """Whether the block for AWS Support is printed instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An option of a run that was not left at its default."""

    name: str
    values: tuple[str, ...]
    """Empty where they may hold a secret, or are for another command."""
    kind: str | None
    """The kind of the mask that hides a value, such as `file`; None if the value identifies nothing by itself."""
    source: str
    """Where the setting comes from, such as a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The file of a history, and how much it keeps."""

    path: Path
    seconds: float
    """How old a cycle may become."""
    size: int
    """Bytes that the file may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Where changes are posted to."""

    url: str = field(repr=False)
    """A secret: it may contain a token that allows posting."""
    template: Any = None
    """JSON with variables such as `$summary` in its strings; None for the change itself."""


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
    """Variables with a secret that the program inherits, too."""
    notify: Notify | None = None
    history: Keeping | None = None
