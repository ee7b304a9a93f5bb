"""The audit of some VPCs: for each VPC, the workloads that could run privately, the faults, and the status.

Everything is predicted from the configuration (`agent.predict`), so that an audit, a prediction and a run agree. An
unknown result never counts as ok.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.audit.central import central_endpoints, resolved
from agent.audit.faults import (
    answer_leads_to_endpoint,
    faults_of_service,
    interfaces_of,
    is_unresolved,
    unresolved_fault,
)
from agent.audit.model import (
    HOURS,
    SCHEMA,
    AuditDocument,
    AuditedEndpoint,
    AuditedService,
    AuditedVpc,
    AuditedWorkload,
    AuditFault,
    AuditVerdict,
    CentralEndpoint,
    Known,
    Unanswered,
)
from agent.audit.overview import answer_of, decisive, order, repeated, status_of, worst, worst_first
from agent.audit.request import AuditRequest
from agent.audit.review import OF_REVIEW, RAISED, review
from agent.audit.suppression import Suppressions
from agent.audit.vpc import AuditedNetwork
from agent.catalog.findings import Severity
from agent.catalog.services import SERVICES, is_offered
from agent.catalog.wording import counted, listed, listed_briefly
from agent.catalog.workloads import SIGNS, option_of, required_services
from agent.fixes.managed import among, changed_by, managers_in, with_managers
from agent.predict.prediction import Facts
from agent.report.model import Fix, Status, Tool
from agent.settings import Workload
from agent.version import __version__
from probes.vpc.model import AVAILABLE, Manager

WORKLOADS: Final = (Workload.CALLER, Workload.HANA, Workload.GATEWAY, Workload.SSM)
"""The workloads for which every VPC can be judged. SAP HANA that backs up to S3 is not among them, since nothing in a
VPC shows it."""


def audit(
    read: Iterable[Facts], asked: AuditRequest, unanswered: Sequence[Unanswered] = (), *, complete: bool = True
) -> AuditDocument:
    """The audit of the VPCs that were read. `complete` means that all reads ended before the deadline."""
    estate = sorted(
        map(AuditedNetwork, read), key=lambda vpc: (vpc.known.account or "", vpc.known.region, vpc.known.vpc_id)
    )
    by_region: dict[str, list[AuditedNetwork]] = {}
    for vpc in estate:
        by_region.setdefault(vpc.known.region, []).append(vpc)
    central = {vpc: found for vpcs in by_region.values() for vpc, found in central_endpoints(vpcs).items()}
    vpcs = worst_first(_audited(vpc, by_region[vpc.known.region], central[vpc], asked) for vpc in estate)
    return AuditDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        redacted=False,
        measured=False,
        complete=complete,
        verdict=_verdict(vpcs, unanswered, complete=complete),
        workloads=tuple(workload for workload in asked.workloads if workload is not Workload.AUTO),
        asked_services=asked.services,
        review=asked.review,
        vpcs=vpcs,
        repeated=repeated(vpcs),
        changes=None,
        unresolved_hours=sum(vpc.unresolved_hours for vpc in vpcs),
        unanswered=tuple(unanswered),
    )


def _audited(
    vpc: AuditedNetwork,
    estate: Sequence[AuditedNetwork],
    central: tuple[CentralEndpoint, ...],
    asked: AuditRequest,
) -> AuditedVpc:
    """The audit of one VPC; `estate` are the VPCs of its Region."""
    rows = (*WORKLOADS, Workload.HANA_S3) if Workload.HANA_S3 in asked.workloads else WORKLOADS
    reasons: dict[Workload, str | None] = {workload: _reason(vpc, workload, asked) for workload in rows}
    required = _required_by(vpc, reasons, asked)
    faults: list[AuditFault] = []
    for service in SERVICES:
        if service in required or service in vpc.with_endpoint:
            faults += faults_of_service(vpc, service, counts=service in required)
    endpoints, of_endpoints, hours = _endpoints(vpc, estate, required, faults)
    known = Suppressions(vpc, asked.suppressions)
    found = [*faults, *of_endpoints, *review(vpc, required, known)]
    managers = managers_in(vpc.known.configuration)
    merged = _merged(_raised(known.marked(fault), asked) for fault in found)
    judged = [_with_managers(fault, managers) for fault in merged]
    judged.sort(key=order)
    statuses = {service: status_of(fault for fault in judged if service in fault.services) for service in required}
    # A suppressed fault does not count, but it still keeps the workload from its endpoints.
    whole = [replace(fault, suppressed=False) for fault in judged]
    true = {service: status_of(fault for fault in whole if service in fault.services) for service in required}
    workloads = tuple(_workload(vpc, workload, reason, statuses, true) for workload, reason in reasons.items())
    status, counts = _status(vpc, statuses)
    by_owner = _is_read_by_owner(vpc, estate)
    if by_owner and status is Status.UNKNOWN and not any(fault.certain for fault in decisive(judged)):
        counts = False  # the row of the owner says what is unknown here
    cause, to_do = answer_of(status, judged, _why_untold(vpc, status, judged), _how_to_read(vpc, by_owner=by_owner))
    return AuditedVpc(
        region=vpc.known.region,
        account_id=vpc.known.account,
        vpc_id=vpc.vpc_id,
        owner_id=vpc.known.owner,
        shared=vpc.is_shared,
        taken_at=vpc.facts.taken_at,
        status=status,
        counts=counts,
        cause=cause,
        to_do=to_do,
        summary=_summary(vpc, status, workloads, judged) + (_by_owner(vpc) if by_owner and not counts else ""),
        workloads=workloads,
        services=tuple(
            _service(vpc, service, required, statuses) for service in SERVICES if _is_shown(vpc, service, required)
        ),
        endpoints=endpoints,
        central=central,
        faults=tuple(judged),
        managed=among(managers, {word for fault in judged for word in changed_by(fault.fix)}),
        unresolved_hours=hours,
        not_read=vpc.facts.not_read,
        not_readable=_not_readable(vpc),
    )


def _is_shown(vpc: AuditedNetwork, service: str, required: Mapping[str, object]) -> bool:
    return service in required or service in vpc.with_endpoint


# --- Workloads of a VPC -----------------------------------------------------------------------------------------------


def _reason(vpc: AuditedNetwork, workload: Workload, asked: AuditRequest) -> str | None:
    """Why a VPC is judged for a workload. None if it is not judged for it, for example because its Region has none of
    the services."""
    if not any(_is_offered(vpc, service) for service in required_services(workload)):
        return None
    names = {Workload.HANA: (Workload.HANA, Workload.HANA_BACKUP)}.get(workload, (workload,))
    if named := [name for name in asked.workloads if name in names]:
        return option_of(named[0])
    signs = [service for service in vpc.with_endpoint if service in SIGNS[workload]]
    return f"an endpoint of {listed(signs)}" if signs else None


def _is_offered(vpc: AuditedNetwork, service: str) -> bool:
    return is_offered(service, vpc.known.region) is not False


def _required_by(
    vpc: AuditedNetwork, reasons: Mapping[Workload, str | None], asked: AuditRequest
) -> dict[str, tuple[str, ...]]:
    """The services that count, each with the workloads and options that need it, in the order of the catalogue.
    Services that the Region does not have are left out, because the VPC cannot lack them."""
    by: dict[str, list[str]] = {service: ["--service"] for service in asked.services}
    for workload, reason in reasons.items():
        for service in required_services(workload) if reason is not None else ():
            by.setdefault(service, []).append(workload.value)
    return {service: tuple(by[service]) for service in SERVICES if service in by and _is_offered(vpc, service)}


def _workload(
    vpc: AuditedNetwork,
    workload: Workload,
    reason: str | None,
    statuses: Mapping[str, Status],
    true: Mapping[str, Status],
) -> AuditedWorkload:
    """The audit of a workload. `true` are the statuses of its services if no fault is suppressed."""
    services = required_services(workload)
    private = {service: _is_private(vpc, service, true) for service in services}
    seen = set(private.values())
    return AuditedWorkload(
        workload=workload,
        by=reason,
        status=Status.NOT_IN_USE
        if reason is None
        else worst(statuses[service] for service in services if service in statuses),
        private=next(state for state in (Known.NO, Known.CANNOT_TELL, Known.YES) if state in seen),
        services=services,
        lacks=tuple(service for service, state in private.items() if state is not Known.YES),
    )


def _is_private(vpc: AuditedNetwork, service: str, statuses: Mapping[str, Status]) -> Known:
    """Whether the VPC reaches a service privately. A service that nothing needs is judged as if it were needed."""
    if not _is_offered(vpc, service):
        return Known.NO
    status = statuses[service] if service in statuses else status_of(faults_of_service(vpc, service, counts=True))
    if status is Status.CRITICAL:
        return Known.NO
    if status is Status.UNKNOWN:
        return Known.CANNOT_TELL
    # The status may be a warning because the name leads elsewhere, so the answer itself is examined.
    return answer_leads_to_endpoint(vpc, service)


def _service(
    vpc: AuditedNetwork, service: str, required: Mapping[str, tuple[str, ...]], statuses: Mapping[str, Status]
) -> AuditedService:
    name = vpc.name(service)
    return AuditedService(
        service=service,
        host=name.host,
        required_by=required.get(service, ()),
        status=statuses.get(service, Status.NOT_IN_USE),
        answer=name.answer,
        words=name.words,
        endpoint_ids=name.endpoint_ids,
    )


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _endpoints(
    vpc: AuditedNetwork,
    estate: Sequence[AuditedNetwork],
    required: Mapping[str, object],
    faults: Sequence[AuditFault],
) -> tuple[tuple[AuditedEndpoint, ...], list[AuditFault], int]:
    """The endpoints in a VPC, and the faults of endpoints to which no name leads. The number is the interface-hours in
    a month of the latter endpoints."""
    rows: list[AuditedEndpoint] = []
    more: list[AuditFault] = []
    hours = 0
    for service in vpc.with_endpoint:
        unused = []
        for endpoint in vpc.endpoints(service):
            leads = resolved(endpoint, service, estate)
            rows.append(
                AuditedEndpoint(
                    endpoint_id=endpoint.endpoint_id,
                    service=service,
                    kind="interface",
                    state=endpoint.state,
                    private_dns=endpoint.private_dns,
                    availability_zones=vpc.zones_of(endpoint),
                    interface_count=interfaces_of(endpoint),
                    resolved=leads,
                    interface_hours=interfaces_of(endpoint) * HOURS,
                )
            )
            if is_unresolved(leads, endpoint):
                unused.append(endpoint)
        hours += sum(interfaces_of(endpoint) for endpoint in unused) * HOURS
        if left := [endpoint for endpoint in unused if not _is_told(endpoint.endpoint_id, service, faults)]:
            more.append(unresolved_fault(vpc, service, left, counts=service in required))
        rows += [
            AuditedEndpoint(
                endpoint_id=gateway.endpoint_id,
                service=service,
                kind="gateway",
                state=gateway.state,
                private_dns=None,
                availability_zones=(),
                interface_count=0,
                resolved=Known.YES if gateway.state == AVAILABLE and gateway.route_table_ids else Known.NO,
                interface_hours=0,
            )
            for gateway in vpc.known.gateways(service)
        ]
    return tuple(rows), more, hours


def _is_told(endpoint_id: str, service: str, faults: Iterable[AuditFault]) -> bool:
    """Whether a fault about the service's name already mentions the endpoint."""
    about_name = ("VPC002", "VPC003")
    return any(
        service in fault.services and fault.code in about_name and endpoint_id in fault.subjects for fault in faults
    )


# --- Faults and status ------------------------------------------------------------------------------------------------


def _merged(faults: Iterable[AuditFault]) -> list[AuditFault]:
    """The faults, with faults of several services that have the same cause merged into one. This includes services that
    no workload needs. A missing endpoint stays a separate fault for each service."""
    found: dict[object, list[AuditFault]] = {}
    for fault in sorted(faults, key=lambda fault: not fault.counts):
        is_own = fault.code in (None, "VPC001") or fault.code in OF_REVIEW
        alike = (fault.code, fault.title, fault.severity, fault.certain, fault.suppressed, fault.ports)
        found.setdefault(id(fault) if is_own else (*alike, fault.subjects, fault.rule), []).append(fault)
    return [_as_one(same) for same in found.values()]


def _as_one(faults: Sequence[AuditFault]) -> AuditFault:
    first, *others = faults
    if not others:
        return first
    services = [service for fault in faults for service in fault.services]
    needed = [fault.services[0] for fault in others if fault.counts]
    unneeded = [fault.services[0] for fault in others if first.counts and not fault.counts]
    if not first.counts:
        needed = services[1:]
    more = [f"The same holds for {listed(needed)}."] if needed else []
    more += [f"It also holds for {listed(unneeded)}, which no workload here needs."] if unneeded else []
    return replace(first, services=tuple(services), detail=" ".join((first.detail, *more)), fix=_fix_of_first(faults))


def _fix_of_first(faults: Sequence[AuditFault]) -> Fix | None:
    """The fix of the first fault. If other faults need different commands, such as ACL entries for other addresses, its
    summary says so."""
    fix = faults[0].fix
    if fix is None or all(fault.fix is None or fault.fix.commands == fix.commands for fault in faults):
        return fix
    first = faults[0].services[0]
    return replace(
        fix,
        summary=f"{fix.summary} The commands are for {first}. Afterwards, another audit shows "
        f"the commands for the next service.",
    )


def _raised(fault: AuditFault, asked: AuditRequest) -> AuditFault:
    is_unwise = asked.review and fault.code in RAISED and fault.severity is Severity.INFO
    return replace(fault, severity=Severity.WARNING) if is_unwise else fault


def _with_managers(fault: AuditFault, managers: Mapping[str, Manager]) -> AuditFault:
    return fault if fault.fix is None else replace(fault, fix=with_managers(fault.fix, managers))


def _status(vpc: AuditedNetwork, statuses: Mapping[str, Status]) -> tuple[Status, bool]:
    """The status of a VPC, and whether it counts."""
    if statuses:
        return worst(statuses.values()), True
    if vpc.known.configuration.endpoints is None:
        return Status.UNKNOWN, True
    if vpc.is_shared is not False:
        return Status.UNKNOWN, False  # only its owner can see all of it, and nobody asked for it
    return Status.NOT_IN_USE, False


def _is_read_by_owner(vpc: AuditedNetwork, estate: Iterable[AuditedNetwork]) -> bool:
    """Whether the VPC belongs to another account, and was also read as this account, with every interface that is
    seen here."""
    seen = vpc.interface_ids
    owners = (other for other in estate if other.vpc_id == vpc.vpc_id and other.is_shared is False)
    return (
        vpc.is_shared is True
        and seen is not None
        and any(seen <= (owner.interface_ids or frozenset()) for owner in owners)
    )


def _by_owner(vpc: AuditedNetwork) -> str:
    """The end of the summary of a VPC that does not count because its owner's row does."""
    return f"; not counted, because the row of its owner, account {vpc.known.owner}, has what is not known here"


def _not_readable(vpc: AuditedNetwork) -> tuple[str, ...]:
    if not vpc.is_shared:
        return ()
    owner = f"account {vpc.known.owner}"
    return (
        f"the endpoints of {vpc.vpc_id}, which only its owner, {owner}, can see: an endpoint that is not listed here "
        "may still exist",
        f"what {owner} has made for names in {vpc.vpc_id} but has not shared, such as hosted zones and Resolver rules",
    )


def _summary(
    vpc: AuditedNetwork, status: Status, workloads: Sequence[AuditedWorkload], faults: Sequence[AuditFault]
) -> str:
    judged = [workload.workload.value for workload in workloads if workload.by is not None]
    real = decisive(faults)
    codes = listed_briefly([*dict.fromkeys(fault.code for fault in real if fault.code is not None)])
    if status is Status.NOT_IN_USE:
        return "no endpoint of a workload"
    if not judged and (why := _why_untold(vpc, status, faults)) is not None:
        return why
    what = listed(judged) if judged else "the services that were asked for"
    if status is Status.OK:
        is_private = all(workload.private is Known.YES for workload in workloads if workload.by is not None)
        if judged and is_private:
            return f"{what} can run privately"
        also = " besides what is suppressed" if any(fault.suppressed and fault.counts for fault in faults) else ""
        return f"{what}: nothing is wrong{also}"
    return f"{what}: {counted(len(real), 'fault')}" + (f" ({codes})" if real and codes != "none" else "")


def _why_untold(vpc: AuditedNetwork, status: Status, faults: Sequence[AuditFault]) -> str | None:
    """Why nothing is known of a VPC without a workload; None if something is known."""
    if status is not Status.UNKNOWN or decisive(faults):
        return None
    if vpc.known.configuration.endpoints is None:
        return "the endpoints were not read"
    return "it belongs, or may belong, to another account, and only its owner sees its endpoints"


def _how_to_read(vpc: AuditedNetwork, *, by_owner: bool) -> str:
    """The step that shows the unknown parts of a VPC's configuration. `by_owner`: the row of its owner has them."""
    if by_owner:
        return f"See the row of account {vpc.known.owner}, which owns it"
    if vpc.is_shared:
        return f"Read it as account {vpc.known.owner}, which owns it"
    if vpc.facts.not_read or vpc.known.configuration.endpoints is None:
        return "Let the audit read the parts that the section Not read lists"
    return ""


def _verdict(vpcs: Sequence[AuditedVpc], unanswered: Sequence[Unanswered], *, complete: bool) -> AuditVerdict:
    """The verdict on the VPCs that count. What was to be audited and did not answer may have any fault."""
    counting = [vpc for vpc in vpcs if vpc.counts]
    is_whole = complete and not unanswered
    status = worst([*(vpc.status for vpc in counting), *(() if counting and is_whole else (Status.UNKNOWN,))])
    parts = []
    if not complete:
        parts.append(
            f"the reads ended early: only {counted(len(vpcs), 'VPC')} {'was' if len(vpcs) == 1 else 'were'} read"
        )
    if unanswered:
        places = [one.vpc_id or one.region or one.account_id or "an account" for one in unanswered]
        parts.append(f"no answer from {listed_briefly([*dict.fromkeys(places)])}")
    if counting:
        of_counting = _of_counting(counting)
        parts = [of_counting, *parts] if is_whole or status is Status.CRITICAL else [*parts, of_counting]
    elif complete:
        none = "no VPC has an endpoint of a workload: name a workload with --workload" if vpcs else "no VPC was read"
        parts.insert(0, none)
    if others := len(vpcs) - len(counting):
        parts.append(f"{counted(others, 'other VPC' if counting else 'VPC')} not counted")
    return AuditVerdict(status=status, summary="; ".join(parts))


def _of_counting(counting: Sequence[AuditedVpc]) -> str:
    """How many of the VPCs that count have the worst status of them, and which."""
    status = worst(vpc.status for vpc in counting)
    whole = counted(len(counting), "VPC")
    if status is Status.OK:
        return f"{whole}: nothing is wrong"
    these = [vpc.vpc_id for vpc in counting if vpc.status is status]
    word = {Status.CRITICAL: "critical", Status.UNKNOWN: "not known", Status.WARNING: "with warnings"}[status]
    return f"{len(these)} of {whole} {word}: {listed_briefly(these)}"
