"""The fleet document: what the records of many hosts say together. Every format of `backuplink fleet` is made of it."""

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
"""Hosts that a cause names in the document. All of them are in CSV and Parquet."""

MAX_BREAKDOWN: Final = 32
"""Values that a breakdown of a cause lists."""


class NamedBy(StrEnum):
    """Why faults on several hosts are one cause."""

    CONFIGURATION = "configuration"
    """EC2 names the resource, on these hosts or in facts that were taken centrally."""
    EVIDENCE = "evidence"
    """At least half of the hosts that could have it do, or all name the same role, issuer or URL."""
    SHARED = "shared"
    """The hosts that have it share what the others do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One run on every host."""

    id: Plain
    started_at: datetime
    """When the first of its runs ended."""
    ended_at: datetime
    host_count: int
    sick_count: int
    """Hosts whose verdict is not ok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTotals:
    """How many hosts there are, by verdict, and what could not be used."""

    hosts: int
    ok: int
    warning: int
    critical: int
    unknown: int
    not_heard_from: int
    """Hosts of the inventory without a record in this sweep."""
    redacted: int
    """Records that their host redacted: counted above, and joined with no other by an id."""
    superseded: int
    """Older records of a host that has a newer one in the same sweep."""
    unreadable: int
    """Files that are neither a report nor a record, or could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedValue:
    """One value of an attribute."""

    attribute: Attribute
    value: SharedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What hosts share and the others do not: one value, or two together."""

    values: tuple[SharedValue, ...]
    sick: int
    """Hosts with it that have the fault."""
    well: int
    """Hosts with it that could have the fault and do not."""
    coverage: float
    """Part of the hosts with the fault that have it, 0 to 1."""
    precision: float
    """Part of the hosts that have it that have the fault, 0 to 1."""
    lift: float
    """How many times as often the fault occurs among the hosts that have it as among the others."""
    p: float
    """How likely so many would be by chance: one-sided exact test, corrected for the number of tests."""
    as_well: tuple[SharedValue, ...] = ()
    """Other values that the same hosts have, and that tell as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How many hosts of one zone of a VPC have a fault."""

    vpc: ResourceId | None
    zone: AvailabilityZoneId | None
    sick: int
    exposed: int
    """Hosts there that could have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsOfValue:
    """How many hosts with one value of the attribute that was asked for have a fault."""

    value: SharedName | None
    """None for hosts of which it is not known."""
    sick: int
    exposed: int
    """Hosts with that value that could have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsOfOwner:
    """The hosts with a fault that one owner answers for."""

    owner: HostOwner | None
    """The owner in the inventory; None if the inventory names none."""
    host_count: int
    hosts: tuple[FleetHost, ...]
    """The first, at most MAX_EXAMPLES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCause:
    """A fault that hosts share."""

    key: Plain
    """Its code and its subjects: `VPC005|group=sg-…|port=1027`."""
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
    """Hosts of this sweep that it stands for: each host counts at its first cause alone."""
    exposed_count: int
    """Hosts of this sweep that could have it: with one of its services, and where its subjects are."""
    joined_count: int
    """Hosts, among `host_count`, that saw only the symptom, because they did not read the configuration."""
    also_count: int
    """Hosts that have it besides another cause at which they are counted."""
    hosts: tuple[FleetHost, ...]
    """The first, at most MAX_EXAMPLES."""
    places: tuple[Place, ...]
    since: datetime | None
    """Start of the first sweep from which on enough hosts have had it without a break; None where that is not known."""
    since_sweep: Plain | None
    flapping: bool
    """Whether it came and went in the last sweeps."""
    fix: Fix
    note: Sentence | None
    """What the fleet says besides what each host can: where the hosts' own fix is refuted, or what to compare."""
    breakdown: tuple[HostsOfValue, ...] = ()
    """The values with most hosts of the attribute that was asked for, at most MAX_BREAKDOWN; empty if none was asked
    for."""
    ticket: Plain = ""
    """The key under which most of its hosts reported it when it began. It stays where the key changes because a host
    begins to read EC2, or an endpoint is made anew: one cause is one ticket."""
    arrived: tuple[SharedValue, ...] = ()
    """What most of its hosts have and no host had before it began."""
    accounts: tuple[Owner, ...] = ()
    """The accounts whose hosts have it, those with most hosts first, at most MAX_EXAMPLES."""
    owners: tuple[HostsOfOwner, ...] = ()
    """All hosts that have it by owner, those with most hosts first, at most MAX_BREAKDOWN; empty where the inventory
    names no owner."""

    @property
    def headline(self) -> str:
        """What was found, in one line with its id or address."""
        return headline_of(self.code, self.subjects, self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseGroup:
    """Causes that have something in common: they may be one change."""

    codes: tuple[Plain, ...]
    """The codes of the causes: several only where they have a subject in common."""
    title: Sentence
    """The title of the first cause."""
    kind: Plain
    """The name of what they have in common: a kind of subject, `region`, `account`, or `sweep` for that in which they
    began."""
    value: SharedName
    keys: tuple[Plain, ...]
    """The keys of the causes."""
    host_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFault:
    """A fault of single hosts, which nothing joins: by its code."""

    code: Plain
    name: Plain
    title: Sentence
    severity: Severity
    host_count: int
    hosts: tuple[FleetHost, ...]
    """The first, at most MAX_EXAMPLES."""
    note: Sentence | None
    """For a lone host among well neighbours: that it is this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeardFrom:
    """Hosts without a record in this sweep."""

    host_count: int
    hosts: tuple[FleetHost, ...]
    """The first, at most MAX_EXAMPLES."""
    expected_by: Sentence
    """What says that they are there."""
    shared: Shared | None


class Turn(StrEnum):
    """What became of a cause between two sweeps."""

    NEW = "new"
    GROWN = "grown"
    SHRUNK = "shrunk"
    HEALED = "healed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetChange:
    """A cause that is otherwise than in the sweep before."""

    turn: Turn
    key: Plain
    ticket: Plain
    """The ticket of the cause."""
    title: Sentence
    severity: Severity
    before: int
    """Number of hosts before."""
    after: int
    came: int
    """Hosts that have it now and had not when they were heard from last, or never were."""
    went: int
    """Hosts that were heard from and have it no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressedFault:
    """A known fault that affects neither causes nor verdict until its end."""

    what: Sentence
    """Its code, and what it is about: `TCP002=backup`."""
    until: Plain | None
    """The last day on which it is left out, in UTC; None for ever."""
    expired: bool
    """Whether that day is over: then the fault counts again."""
    host_count: int
    """Hosts on which it was left out."""
    owner: HostOwner | None
    """Who answers for that, where a file says so."""
    reason: Sentence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file, or an object, that could not be used."""

    place: FilePlace
    why: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFile:
    """Where the record of a host lay."""

    host: FleetHost
    place: FilePlace
    is_report: bool = True
    """Whether a whole report lies there, as far as its place and its beginning tell."""
    region: SharedName | None = None
    """The Region of the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetVerdict:
    """The worst of all hosts' verdicts."""

    status: Status
    summary: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDocument:
    """What the records of many hosts say together."""

    schema: Plain
    tool: Tool
    redacted: bool
    engine: Plain
    """`duckdb`; `none` where nothing was joined."""
    verdict: FleetVerdict
    sweep: Sweep | None
    """The one that is told; None where nothing was read."""
    against: Sweep | None
    """The one that it is compared with."""
    sweeps: tuple[Sweep, ...]
    """All that were read, the oldest first."""
    totals: FleetTotals
    causes: tuple[FleetCause, ...]
    """The worst first, then the one with most hosts."""
    own_faults: tuple[OwnFault, ...]
    not_heard_from: NotHeardFrom | None
    changes: tuple[FleetChange, ...]
    suppressed: tuple[SuppressedFault, ...]
    """What `--suppress` and `--suppressions` name."""
    unreadable: tuple[Unreadable, ...]
    """The first, at most MAX_EXAMPLES."""
    notes: tuple[Sentence, ...]
    """What the reader has to know of how this was made: facts that are old, lists that were cut."""
    groups: tuple[CauseGroup, ...] = ()
    """Causes that have a subject in common, or are of one code and one Region, one account or since one sweep."""
    files: tuple[HostFile, ...] = ()
    """Where to read more of the hosts that causes and own faults name."""


def summary_of(totals: FleetTotals, causes: Sequence[FleetCause], own_faults: Iterable[OwnFault]) -> str:
    """One line: how many hosts are not ok, what the first cause is, and what is unknown."""
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
    """A document of no hosts that says why there are none."""
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
