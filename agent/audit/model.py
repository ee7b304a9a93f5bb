"""The audit: for each VPC of an account, which workloads could run privately there, and what is wrong with its
endpoints. Nothing in it is measured.

A VPC is judged for a workload where it has an endpoint of a service that tells of it (`agent.catalog.workloads.SIGNS`),
or where somebody asked for the workload. What is said of other workloads, and of services that none of these needs,
does not count.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from agent.catalog.findings import Document, Severity
from agent.fixes.managed import ManagedResource
from agent.network.answers import Answer
from agent.report.codec import dumps as dumps_json
from agent.report.codec import schema_of
from agent.report.model import Fix, Status, Tool
from agent.report.serialization import from_json, to_json
from agent.settings import Workload
from agent.version import __version__
from probes.frozen import dataclass
from probes.masks import AvailabilityZone, EndpointState, Owner, Plain, ResourceId, Sentence
from probes.model import Address

SCHEMA: Final = "backuplink.audit.v1"
HOURS: Final = 730
"""The hours of a month, as AWS counts them: 365 days of 24 hours by 12 (AWS Pricing Calculator, Assumptions)."""


class Known(StrEnum):
    """Whether something is so, as far as the configuration that was read can tell."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFault:
    """Something that is wrong in a VPC, or that may be."""

    code: Plain | None
    """The finding that a run would name; None where none is known."""
    name: Plain | None
    title: Plain
    severity: Severity
    measured: bool
    """Always false: the configuration would cause it."""
    certain: bool
    """Whether it is so; false where it is not known."""
    counts: bool
    """Whether a workload for which the VPC is judged needs the service."""
    suppressed: bool
    services: tuple[Plain, ...]
    """All for which the same is wrong; the details are those of the first."""
    ports: tuple[int, ...]
    """Empty where it is not about ports."""
    addresses: tuple[Address, ...]
    subjects: tuple[ResourceId, ...]
    """Ids of what is wrong, or of what decides."""
    rule: Sentence | None
    detail: Sentence
    fix: Fix | None
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedService:
    """What becomes of a service's name in a VPC."""

    service: Plain
    host: Plain
    required_by: tuple[Plain, ...]
    """Workloads for which the VPC is judged, and options; empty where none needs it."""
    status: Status
    """`not-in-use` where nothing needs it."""
    answer: Answer
    """What the VPC's resolver answers."""
    words: Sentence
    """What decides over that, without a full stop."""
    endpoint_ids: tuple[ResourceId, ...]
    """The endpoints that the name leads to, of other VPCs too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedWorkload:
    """Whether a workload could run privately in a VPC."""

    workload: Workload
    by: Sentence | None
    """Why the VPC is judged for it; None where it is not."""
    status: Status
    """`not-in-use` where the VPC is not judged for it."""
    private: Known
    """Whether every service that it needs is reached through an endpoint."""
    services: tuple[Plain, ...]
    """The services that it needs."""
    lacks: tuple[Plain, ...]
    """The services that are not reached privately, or of which that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedEndpoint:
    """An endpoint in a VPC."""

    endpoint_id: ResourceId
    service: Plain
    kind: Plain
    """The kind of the endpoint: `interface` or `gateway`."""
    state: EndpointState
    private_dns: bool | None
    """None for a gateway endpoint."""
    availability_zones: tuple[AvailabilityZone, ...]
    """The zones of its interfaces, as far as they are known."""
    interface_count: int
    resolved: Known
    """Whether the service's name leads there in any VPC that was read; of a gateway endpoint, whether a route does."""
    interface_hours: int
    """A month, of all its interfaces; 0 for a gateway endpoint."""


class CentralRole(StrEnum):
    """What a VPC is for a central endpoint."""

    HUB = "hub"
    """It has the endpoint that other VPCs use."""
    SPOKE = "spoke"
    """It uses the endpoint of another VPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralEndpoint:
    """An endpoint of one VPC that others use, seen from one of these VPCs."""

    service: Plain
    role: CentralRole
    endpoint_ids: tuple[ResourceId, ...]
    vpc_ids: tuple[ResourceId, ...]
    """The VPCs that use a hub, or that have the endpoint of a spoke."""
    by: tuple[ResourceId, ...]
    """Ids of the hosted zones, rules and Profiles that lead the name there."""
    named: Known
    """Whether the name leads there; `cannot-tell` if the configuration does not show what answers for it."""
    complete: Known
    """Whether name and way are there, as far as the configuration tells."""
    missing: tuple[Sentence, ...]
    """What is missing or is not known, each without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedVpc:
    """What an audit says of one VPC."""

    region: Plain
    account_id: Owner | None
    """The account whose credentials read it; None where that is not known."""
    vpc_id: ResourceId
    owner_id: Owner | None
    shared: bool | None
    """Whether it is another account's; None where that is not known."""
    taken_at: datetime
    """When the configuration was read."""
    status: Status
    """The worst of what counts; `not-in-use` where the VPC is judged for no workload."""
    counts: bool
    """Whether it decides the verdict."""
    cause: Sentence
    """What decides the status, without a full stop."""
    to_do: Sentence | None
    """The first thing to do about that; None where nothing needs to be done."""
    summary: Sentence
    workloads: tuple[AuditedWorkload, ...]
    services: tuple[AuditedService, ...]
    """The services that a workload needs or that have an endpoint here."""
    endpoints: tuple[AuditedEndpoint, ...]
    central: tuple[CentralEndpoint, ...]
    faults: tuple[AuditFault, ...]
    """What counts and is worst first."""
    managed: tuple[ManagedResource, ...]
    """What a tool manages of that which fixes would change: it undoes what others change there."""
    unresolved_hours: int
    """Interface-hours a month of available endpoints that no name leads to."""
    not_read: tuple[Sentence, ...]
    """Parts of the configuration that were not read, with the reason."""
    not_readable: tuple[Sentence, ...]
    """What its owner alone may read, of a VPC that is shared with the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedIn:
    """A VPC that has a fault which others have, too."""

    region: Plain
    account_id: Owner | None
    vpc_id: ResourceId
    services: tuple[Plain, ...]
    subjects: tuple[ResourceId, ...]
    detail: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedFault:
    """A fault that several VPCs have. Each of them lists it as well, with its own fix."""

    code: Plain | None
    name: Plain | None
    title: Plain
    severity: Severity
    certain: bool
    counts: bool
    suppressed: bool
    ports: tuple[int, ...]
    vpcs: tuple[RepeatedIn, ...]
    """In the order of the document."""
    fix: Fix | None
    """The fix of the first of these VPCs."""


class AuditTurn(StrEnum):
    """What became of a fault since an earlier audit."""

    NEW = "new"
    CHANGED = "changed"
    UNSEEN = "unseen"
    """It was not found, and parts of the VPC that may hold it were not read."""
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChange:
    """What became of the faults of one code in a VPC since an earlier audit."""

    turn: AuditTurn
    region: Plain
    account_id: Owner | None
    vpc_id: ResourceId
    code: Plain | None
    title: Plain
    severity: Severity | None
    """The worst now; None where there are no such faults any more."""
    severity_before: Severity | None
    """The worst before; None where there were no such faults."""
    counts: bool
    services: tuple[Plain, ...]
    subjects: tuple[ResourceId, ...]
    words: Sentence
    """What differs, without a full stop; empty for what is new or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadVpc:
    """A VPC of the earlier audit that was not read this time: its faults may still be there."""

    region: Plain
    account_id: Owner | None
    vpc_id: ResourceId
    reason: Sentence
    last: AuditedVpc | None
    """What was said of it last, for the next audit to compare with; None where it may be gone for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChanges:
    """What changed since an earlier audit, without what is suppressed."""

    taken_at: datetime
    """When the youngest facts of the earlier audit were taken."""
    alike: bool
    """Whether both audits were asked for the same workloads and services, and with or without a review."""
    changes: tuple[AuditChange, ...]
    """The changes by turn. In each turn, those that count and are worst come first."""
    unread: tuple[UnreadVpc, ...]
    first_read: tuple[ResourceId, ...]
    """VPCs that the earlier audit does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """An account, a Region or a VPC of which nothing could be read."""

    account_id: Owner | None
    region: Plain | None
    vpc_id: ResourceId | None
    reason: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerdict:
    """What comes of it all."""

    status: Status
    """The worst VPC that counts; `unknown` where none does, where the deadline came before all were read and nothing
    critical was found, and where nothing could be audited."""
    summary: Sentence
    """Where nothing could be audited, the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDocument:
    """The VPCs of some accounts and Regions."""

    schema: Plain
    tool: Tool
    redacted: bool
    measured: bool
    """Always false: an audit measures nothing."""
    complete: bool
    """Whether the reads came to their end before their deadline."""
    verdict: AuditVerdict
    workloads: tuple[Workload, ...]
    """The workloads that were asked for in every VPC."""
    asked_services: tuple[Plain, ...]
    """The services that were asked for in every VPC."""
    review: bool
    """Whether what is only unwise is a warning."""
    vpcs: tuple[AuditedVpc, ...]
    """The VPCs, those that count first, of these the worst first, then by account, Region and id."""
    repeated: tuple[RepeatedFault, ...]
    """The faults that several VPCs have, the worst first."""
    changes: AuditChanges | None
    """What changed since an earlier audit; None where none was named."""
    unresolved_hours: int
    """Interface-hours a month of all VPCs."""
    unanswered: tuple[Unanswered, ...]


def refusal(why: str) -> AuditDocument:
    """A document of no VPC that says why there is none."""
    return AuditDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        redacted=False,
        measured=False,
        complete=False,
        verdict=AuditVerdict(status=Status.UNKNOWN, summary=why),
        workloads=(),
        asked_services=(),
        review=False,
        vpcs=(),
        repeated=(),
        changes=None,
        unresolved_hours=0,
        unanswered=(),
    )


def dumps(document: AuditDocument) -> str:
    """The document as JSON text."""
    return dumps_json(to_json(document))


def decode(data: Any) -> AuditDocument:
    """Read a document back. Raises DecodeError where the data does not fit."""
    return from_json(AuditDocument, data)


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    document = schema_of(AuditDocument, SCHEMA)
    document["properties"]["measured"] = {"const": False}
    return document
