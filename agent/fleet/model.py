"""The fleet document: the joined result of many hosts' records. Every format of `backuplink fleet` is made from it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from agent.catalog.findings import Radius, Severity
from agent.catalog.wording import counted, listed_briefly
from agent.fleet.attributes import Attribute as Attribute
from agent.fleet.headlines import headline_of
from agent.report.codec import dumps as dumps_json
from agent.report.codec import schema_of
from agent.report.model import FindingSubject, Fix, Status, Tool
from agent.report.serialization import from_json, to_json
from agent.version import __version__
from probes.frozen import dataclass
from probes.masks import (
    AvailabilityZoneId,
    FilePlace,
    FleetHost,
    HostOwner,
    Owner,
    Plain,
    ResourceId,
    Sentence,
    SharedName,
)

SCHEMA: Final = "backuplink.fleet.v1"
MAX_EXAMPLES: Final = 8
"""Maximum number of hosts that the document lists for a cause. CSV and Parquet have all hosts."""

MAX_BREAKDOWN: Final = 32
"""Maximum number of values in the breakdown of a cause."""


class NamedBy(StrEnum):
    """Why faults on several hosts are one cause."""

    CONFIGURATION = "configuration"
    """Facts of EC2 show which resource is at fault. Either the hosts read these facts, or they are central facts."""
    EVIDENCE = "evidence"
    """At least half of the hosts that could have the fault have it, or all hosts with it name the same role, issuer or
    URL."""
    SHARED = "shared"
    """The hosts with the fault share something that other hosts do not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep: one run on every host."""

    id: Plain
    started_at: datetime
    """Time at which the first run of the sweep ended."""
    ended_at: datetime
    host_count: int
    sick_count: int
    """Number of hosts whose verdict is not ok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTotals:
    """Numbers of hosts by verdict, and of input that could not be used."""

    hosts: int
    ok: int
    warning: int
    critical: int
    unknown: int
    not_heard_from: int
    """Expected hosts without a record in this sweep."""
    redacted: int
    """Records that their host redacted. They are counted above, but they have no id by which they could be joined with
    other records."""
    superseded: int
    """Older records of a host that also has a newer record in the same sweep."""
    unreadable: int
    """Files that are neither a report nor a record, or could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedValue:
    """One value of an attribute."""

    attribute: Attribute
    value: SharedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A value, or a pair of values, that the hosts with a fault share and other hosts do not have."""

    values: tuple[SharedValue, ...]
    sick: int
    """Number of hosts with the value and with the fault."""
    well: int
    """Number of hosts with the value that could have the fault but do not have it."""
    coverage: float
    """Share of the hosts with the fault that have the value, 0 to 1."""
    precision: float
    """Share of the hosts with the value that have the fault, 0 to 1."""
    lift: float
    """Frequency of the fault among hosts with the value, divided by its frequency among the other hosts."""
    p: float
    """Probability that so many hosts with the value have the fault by chance: one-sided exact test, corrected for the
    number of tests."""
    as_well: tuple[SharedValue, ...] = ()
    """Other values that distinguish the same hosts equally well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Numbers of hosts with a fault in one zone of a VPC."""

    vpc: ResourceId | None
    zone: AvailabilityZoneId | None
    sick: int
    exposed: int
    """Number of hosts there that could have the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsOfValue:
    """Numbers of hosts with a fault for one value of the requested attribute."""

    value: SharedName | None
    """The value; None for hosts whose value is unknown."""
    sick: int
    exposed: int
    """Number of hosts with that value that could have the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsOfOwner:
    """The hosts with a fault that belong to one owner."""

    owner: HostOwner | None
    """The owner in the inventory; None if the inventory names no owner."""
    host_count: int
    hosts: tuple[FleetHost, ...]
    """The first hosts, at most MAX_EXAMPLES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCause:
    """A fault that hosts share."""

    key: Plain
    """Code and subjects of the cause: `VPC005|group=sg-…|port=1027`."""
    code: Plain
    name: Plain
    title: Sentence
    severity: Severity
    radius: Radius
    subjects: tuple[FindingSubject, ...]
    services: tuple[Plain, ...]
    named_by: NamedBy
    shared: Shared | None
    host_count: int
    """The number of hosts of this sweep that count at this cause. A host counts only once, at the first of its
    causes."""
    exposed_count: int
    """Number of hosts of this sweep that could have the cause: hosts in the places of its subjects that need one of its
    services."""
    joined_count: int
    """Number of hosts within `host_count` that saw only the symptom, because they did not read the configuration."""
    also_count: int
    """Number of hosts that have the cause but count at another cause."""
    hosts: tuple[FleetHost, ...]
    """The first hosts, at most MAX_EXAMPLES."""
    places: tuple[Place, ...]
    since: datetime | None
    """Start of the sweep since which enough hosts have had the cause without a break; None if the start is unknown."""
    since_sweep: Plain | None
    flapping: bool
    """Whether the cause came and went in the last sweeps."""
    fix: Fix
    note: Sentence | None
    """A sentence that corrects or supplements the hosts' own findings."""
    breakdown: tuple[HostsOfValue, ...] = ()
    """The most frequent values of the requested attribute, at most MAX_BREAKDOWN; empty if none was requested."""
    ticket: Plain = ""
    """The key that the cause had when it began, with the ids that most of its hosts reported then. The ticket stays the
    same if the key changes because a host begins to read EC2, an endpoint is recreated, or the fault reaches more or
    fewer hosts. So one cause is one ticket."""
    arrived: tuple[SharedValue, ...] = ()
    """Values that most of its hosts have, and that no host had before the cause began."""
    accounts: tuple[Owner, ...] = ()
    """The accounts of its hosts, those with most hosts first, at most MAX_EXAMPLES."""
    owners: tuple[HostsOfOwner, ...] = ()
    """All of its hosts by owner, owners with most hosts first, at most MAX_BREAKDOWN; empty if the inventory names no
    owners."""

    @property
    def headline(self) -> str:
        """The finding in one line with its id or address."""
        return headline_of(self.code, self.subjects, self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseGroup:
    """Causes that have something in common and may come from one change."""

    codes: tuple[Plain, ...]
    """The codes of the causes. There are several codes only if the causes share a subject."""
    title: Sentence
    """The title of the first cause."""
    kind: Plain
    """What the causes have in common: a kind of subject, `region`, `account`, or `sweep` if they began in the same
    sweep."""
    value: SharedName
    keys: tuple[Plain, ...]
    """The keys of the causes."""
    host_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFault:
    """Faults with the same code on single hosts, which no shared cause explains."""

    code: Plain
    name: Plain
    title: Sentence
    severity: Severity
    host_count: int
    hosts: tuple[FleetHost, ...]
    """The first hosts, at most MAX_EXAMPLES."""
    note: Sentence | None
    """A sentence that says that the fault is on the host itself. None if the neighbours of the host may have the fault,
    too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeardFrom:
    """Hosts without a record in this sweep."""

    host_count: int
    hosts: tuple[FleetHost, ...]
    """The first hosts, at most MAX_EXAMPLES."""
    expected_by: Sentence
    """Where the list of expected hosts comes from."""
    shared: Shared | None


class Turn(StrEnum):
    """How a cause changed between two sweeps."""

    NEW = "new"
    GROWN = "grown"
    SHRUNK = "shrunk"
    HEALED = "healed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetChange:
    """A cause that changed since the earlier sweep."""

    turn: Turn
    key: Plain
    ticket: Plain
    """The ticket of the cause."""
    title: Sentence
    severity: Severity
    before: int
    """Number of hosts that had the cause in the earlier sweep."""
    after: int
    came: int
    """Number of hosts that have the cause now but did not have it before. Hosts that had no record before are
    included."""
    went: int
    """Number of hosts that were heard from and no longer have the cause."""
    owners: tuple[HostsOfOwner, ...] = ()
    """All hosts that had the cause, by owner, if the cause is gone and the inventory names owners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressedFault:
    """A known fault. Until the suppression ends, the fault affects neither the causes nor the verdict."""

    what: Sentence
    """Code and subject of the fault: `TCP002=backup`."""
    until: Plain | None
    """The last day of the suppression in UTC; None if the suppression never ends."""
    expired: bool
    """Whether the last day has passed. The fault then counts again."""
    host_count: int
    """Number of hosts with the suppressed fault."""
    owner: HostOwner | None
    """The owner of the suppression, if a file names one."""
    reason: Sentence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file or an object that could not be used."""

    place: FilePlace
    why: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFile:
    """The file that has the record of a host."""

    host: FleetHost
    place: FilePlace
    is_report: bool = True
    """Whether the file has a whole report, judging by its place and its beginning."""
    region: SharedName | None = None
    """The Region of the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetVerdict:
    """The worst verdict of all hosts."""

    status: Status
    summary: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDocument:
    """The joined result of many hosts' records."""

    schema: Plain
    tool: Tool
    redacted: bool
    engine: Plain
    """`duckdb`; `none` if nothing was joined."""
    verdict: FleetVerdict
    sweep: Sweep | None
    """The sweep that this document reports; None if nothing was read."""
    against: Sweep | None
    """The earlier sweep, with which the reported sweep is compared."""
    sweeps: tuple[Sweep, ...]
    """All sweeps that were read, the oldest first."""
    totals: FleetTotals
    causes: tuple[FleetCause, ...]
    """The causes: the worst first, then those with most hosts."""
    own_faults: tuple[OwnFault, ...]
    not_heard_from: NotHeardFrom | None
    changes: tuple[FleetChange, ...]
    suppressed: tuple[SuppressedFault, ...]
    """Faults that `--suppress` and `--suppressions` name."""
    unreadable: tuple[Unreadable, ...]
    """The first unreadable files, at most MAX_EXAMPLES."""
    notes: tuple[Sentence, ...]
    """Remarks about the making of the document, such as old facts or shortened lists."""
    groups: tuple[CauseGroup, ...] = ()
    """Causes that share a subject, or have the same code and share a Region, an account or a start."""
    files: tuple[HostFile, ...] = ()
    """Files that have more data about the hosts in causes and own faults."""


def summary_of(totals: FleetTotals, causes: Sequence[FleetCause], own_faults: Iterable[OwnFault]) -> str:
    """A summary in one line. It has the number of hosts that are not ok, the first cause, and what is unknown."""
    hosts = counted(totals.hosts, "host")
    by_status = [
        f"{count:,} {word}"
        for count, word in ((totals.critical, "critical"), (totals.warning, "warning"), (totals.unknown, "unknown"))
        if count
    ]
    own = sum(fault.host_count for fault in own_faults)
    parts = [f"{' and '.join(by_status)} of {hosts}" if by_status else f"all of {hosts} ok"]
    causes = [cause for cause in causes if cause.host_count]
    if causes:
        joined_hosts = sum(cause.host_count for cause in causes)
        which = "" if len(causes) == 1 else f", the first on {causes[0].host_count:,}"
        what = f"{listed_briefly(causes[0].services)}: " if causes[0].services else ""
        parts.append(
            f"{counted(len(causes), 'cause')} on {counted(joined_hosts, 'host')}{which}: {what}{causes[0].headline}"
        )
    if own:
        parts.append(f"{counted(own, 'host')} with a fault of {'its' if own == 1 else 'their'} own")
    if totals.not_heard_from:
        parts.append(f"{counted(totals.not_heard_from, 'host')} not heard from")
    if totals.unreadable:
        parts.append(f"{counted(totals.unreadable, 'file or line', 'files or lines')} could not be read")
    return "; ".join(parts)


def refusal(why: str) -> FleetDocument:
    """A document without hosts, with the reason as its summary."""
    return FleetDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        redacted=False,
        engine="none",
        verdict=FleetVerdict(status=Status.UNKNOWN, summary=why),
        sweep=None,
        against=None,
        sweeps=(),
        totals=FleetTotals(
            hosts=0, ok=0, warning=0, critical=0, unknown=0, not_heard_from=0, redacted=0, superseded=0, unreadable=0
        ),
        causes=(),
        own_faults=(),
        not_heard_from=None,
        changes=(),
        suppressed=(),
        unreadable=(),
        notes=(),
    )


def dumps(document: FleetDocument) -> str:
    """The document of a fleet as JSON text."""
    return dumps_json(to_json(document))


def decode(data: Any) -> FleetDocument:
    """Read a document back. Raises DecodeError if the data is not such a document."""
    return from_json(FleetDocument, data)


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    return schema_of(FleetDocument, SCHEMA)
