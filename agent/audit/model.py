"""The audit: for each VPC of an account, the workloads that could run privately there, and the faults of its endpoints.
Nothing in it is measured.

A VPC is judged for a workload if it has an endpoint of a service that is a sign of the workload
(`agent.catalog.workloads.SIGNS`), or if somebody asked for the workload. Faults of other workloads, and of services
that no judged workload needs, do not count.
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
"""The hours in a month, as AWS counts them: 365 days of 24 hours, divided by 12 (AWS Pricing Calculator,
Assumptions)."""


class Known(StrEnum):
    """An answer of yes, no or unknown, by the configuration that was read."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFault:
    """A fault, or a possible fault, in a VPC."""

    code: Plain | None
    """The finding that a run would report; None if no finding is known."""
    name: Plain | None
    title: Plain
    severity: Severity
    measured: bool
    """Always false: nothing was measured, and the configuration is only its predicted cause."""
    certain: bool
    """Whether the fault certainly exists; false if that is unknown."""
    counts: bool
    """Whether a workload for which the VPC is judged needs the service."""
    suppressed: bool
    services: tuple[Plain, ...]
    """All services with this fault. The details are those of the first service."""
    ports: tuple[int, ...]
    """The ports; empty if the fault is not about ports."""
    addresses: tuple[Address, ...]
    subjects: tuple[ResourceId, ...]
    """Ids of the resources that are at fault or that decide."""
    rule: Sentence | None
    detail: Sentence
    fix: Fix | None
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedService:
    """The name of a service in a VPC, and its answer."""

    service: Plain
    host: Plain
    required_by: tuple[Plain, ...]
    """The workloads and options that need the service."""
    status: Status
    """The status of the service: `not-in-use` if nothing needs it."""
    answer: Answer
    """The answer of the VPC's resolver."""
    words: Sentence
    """The reason for the answer, without a full stop."""
    endpoint_ids: tuple[ResourceId, ...]
    """The endpoints to which the name leads, including those in other VPCs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedWorkload:
    """Whether a workload could run privately in a VPC."""

    workload: Workload
    by: Sentence | None
    """Why the VPC is judged for the workload. None if it is not judged for it."""
    status: Status
    """The status of the workload: `not-in-use` if the VPC is not judged for it."""
    private: Known
    """Whether the workload reaches every service that it needs through an endpoint."""
    services: tuple[Plain, ...]
    """The services that the workload needs."""
    lacks: tuple[Plain, ...]
    """The services that the workload does not reach privately, or for which that is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedEndpoint:
    """An endpoint in a VPC."""

    endpoint_id: ResourceId
    service: Plain
    kind: Plain
    """The kind of the endpoint: `interface` or `gateway`."""
    state: EndpointState
    private_dns: bool | None
    """Whether private DNS is on; None for a gateway endpoint."""
    availability_zones: tuple[AvailabilityZone, ...]
    """The known zones of the endpoint's interfaces."""
    interface_count: int
    resolved: Known
    """Whether the service's name leads to the endpoint in any VPC that was read. For a gateway endpoint, whether a
    route leads to it."""
    interface_hours: int
    """Interface-hours in a month: the hours in a month, for each interface of the endpoint. A gateway endpoint has
    0."""


class CentralRole(StrEnum):
    """The role of a VPC for a central endpoint. It has the endpoint, or uses it."""

    HUB = "hub"
    """The VPC has the endpoint, and other VPCs use it."""
    SPOKE = "spoke"
    """The VPC uses the endpoint of another VPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralEndpoint:
    """An endpoint that VPCs other than its own use, from the point of view of one of these VPCs."""

    service: Plain
    role: CentralRole
    endpoint_ids: tuple[ResourceId, ...]
    vpc_ids: tuple[ResourceId, ...]
    """For a hub, the VPCs that use its endpoint. For a spoke, the VPC that has the endpoint."""
    by: tuple[ResourceId, ...]
    """Ids of the hosted zones, rules and Profiles that lead the name to the endpoint."""
    named: Known
    """Whether the name leads to the endpoint. `cannot-tell` if the configuration does not show what answers for the
    name."""
    complete: Known
    """Whether, according to the configuration, both the name and the path lead to the endpoint."""
    missing: tuple[Sentence, ...]
    """Missing or unknown parts, each without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedVpc:
    """The audit of one VPC."""

    region: Plain
    account_id: Owner | None
    """The account whose credentials read the VPC. None if unknown."""
    vpc_id: ResourceId
    owner_id: Owner | None
    shared: bool | None
    """Whether the VPC belongs to another account. None if unknown."""
    taken_at: datetime
    """When the configuration was read."""
    status: Status
    """The worst of the faults that count; `not-in-use` if the VPC is judged for no workload."""
    counts: bool
    """Whether the VPC has an effect on the verdict."""
    cause: Sentence
    """The reason for the status, without a full stop."""
    to_do: Sentence | None
    """The first step to improve the status; None if nothing needs to be done."""
    summary: Sentence
    workloads: tuple[AuditedWorkload, ...]
    services: tuple[AuditedService, ...]
    """The services that a workload needs or that have an endpoint here."""
    endpoints: tuple[AuditedEndpoint, ...]
    central: tuple[CentralEndpoint, ...]
    faults: tuple[AuditFault, ...]
    """The faults. Faults that count come first, the worst at the top."""
    managed: tuple[ManagedResource, ...]
    """Resources that a fix would change and that a tool manages. The tool undoes changes by others."""
    unresolved_hours: int
    """Interface-hours in a month of available endpoints to which no name leads."""
    not_read: tuple[Sentence, ...]
    """Parts of the configuration that were not read, with the reason."""
    not_readable: tuple[Sentence, ...]
    """Parts of a shared VPC that only its owner may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedIn:
    """A VPC with a fault that several VPCs have."""

    region: Plain
    account_id: Owner | None
    vpc_id: ResourceId
    services: tuple[Plain, ...]
    subjects: tuple[ResourceId, ...]
    detail: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedFault:
    """A fault of several VPCs. Each of these VPCs also lists the fault, with its own fix."""

    code: Plain | None
    name: Plain | None
    title: Plain
    severity: Severity
    certain: bool
    counts: bool
    suppressed: bool
    ports: tuple[int, ...]
    vpcs: tuple[RepeatedIn, ...]
    """The VPCs, in the order of the document."""
    fix: Fix | None
    """The fix for the first of these VPCs."""


class AuditTurn(StrEnum):
    """The change of a fault since an earlier audit."""

    NEW = "new"
    CHANGED = "changed"
    UNSEEN = "unseen"
    """Unknown: the fault was not found, but parts of the VPC that may have it were not read."""
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChange:
    """The change of the faults of one code in a VPC since an earlier audit."""

    turn: AuditTurn
    region: Plain
    account_id: Owner | None
    vpc_id: ResourceId
    code: Plain | None
    title: Plain
    severity: Severity | None
    """The worst severity now. None if the VPC no longer has such faults."""
    severity_before: Severity | None
    """The worst severity in the earlier audit. None if the VPC had no such faults."""
    counts: bool
    services: tuple[Plain, ...]
    subjects: tuple[ResourceId, ...]
    words: Sentence
    """The differences, without a full stop; empty if the fault is new or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadVpc:
    """A VPC of the earlier audit that was not read this time. Its faults may still exist."""

    region: Plain
    account_id: Owner | None
    vpc_id: ResourceId
    reason: Sentence
    last: AuditedVpc | None
    """The VPC in the earlier audit. The next audit is compared with it. None if the VPC may have been deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChanges:
    """The changes since an earlier audit, without suppressed faults."""

    taken_at: datetime
    """The time of the youngest facts in the earlier audit."""
    alike: bool
    """Whether both audits had the same workloads and services, and the same `review` setting."""
    changes: tuple[AuditChange, ...]
    """The changes, grouped by kind. In each group, changes that count come first, the worst at the top."""
    unread: tuple[UnreadVpc, ...]
    first_read: tuple[ResourceId, ...]
    """VPCs that the earlier audit does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """An account, a Region or a VPC that could not be read at all."""

    account_id: Owner | None
    region: Plain | None
    vpc_id: ResourceId | None
    reason: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerdict:
    """The verdict on all VPCs."""

    status: Status
    """The worst status of the VPCs that count. If nothing is critical, it is `unknown` as long as an account, a Region
    or a VPC did not answer, the deadline came before all VPCs were read, or no VPC counts."""
    summary: Sentence
    """The verdict in a sentence or, if nothing could be audited, the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDocument:
    """The audit of the VPCs of some accounts and Regions."""

    schema: Plain
    tool: Tool
    redacted: bool
    measured: bool
    """Always false: an audit measures nothing."""
    complete: bool
    """Whether all reads ended before the deadline."""
    verdict: AuditVerdict
    workloads: tuple[Workload, ...]
    """The workloads for which every VPC is judged, because somebody asked for them."""
    asked_services: tuple[Plain, ...]
    """The services for which every VPC is judged, because somebody asked for them."""
    review: bool
    """Whether unwise settings are warnings, and not only information."""
    vpcs: tuple[AuditedVpc, ...]
    """The VPCs. Those that count come first. Then the order is by status, the worst first, and by account, Region and
    id."""
    repeated: tuple[RepeatedFault, ...]
    """Faults that several VPCs have, the worst first."""
    changes: AuditChanges | None
    """The changes since an earlier audit; None if no earlier audit was given."""
    unresolved_hours: int
    """Interface-hours in a month of all VPCs."""
    unanswered: tuple[Unanswered, ...]


def refusal(why: str) -> AuditDocument:
    """A document without VPCs that gives the reason why there are none."""
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
    """The audit in a JSON document. Raises DecodeError if the data does not fit."""
    return from_json(AuditDocument, data)


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    document = schema_of(AuditDocument, SCHEMA)
    document["properties"]["measured"] = {"const": False}
    return document
