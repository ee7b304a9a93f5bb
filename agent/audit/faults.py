"""The faults of one service in a VPC: its endpoints, its name, and the hosts that cannot reach it.

An audit is less strict than a prediction for a host. A security group may be intended to allow only some hosts, so a
fault of some hosts is a warning, and only a fault of all hosts is critical. An appliance is not a host of the VPC, so
the audit cannot see who uses its ports. For these ports, it only checks whether any source is allowed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from agent.audit.model import HOURS, AuditFault, Known
from agent.audit.vpc import AuditedNetwork
from agent.catalog.findings import CODES, Severity
from agent.catalog.partitions import partition_of
from agent.catalog.services import SERVICES, calls_at, is_called
from agent.catalog.wording import counted, listed
from agent.fixes.commands import passes
from agent.fixes.fault import Fault, known_id
from agent.fixes.predicted import fix_of_calls, fixed, target_of
from agent.network.answers import Answer, PredictedPath
from agent.network.calls import Call, Judgement, RefusedError, judge, resource_of, why_shut
from agent.network.paths import UNCERTAIN_STATES
from agent.predict.model import PredictedFault
from agent.predict.prediction import fault_of_name, fault_of_paths, stopped_alike
from agent.report.hops import Reachability, Stage
from agent.report.model import Fix
from probes.vpc.model import AVAILABLE, DELETED, GatewayEndpoint, VpcEndpoint

_MAY_BE_MEANT: Final = "Nothing to fix if that is intended; otherwise:"
_AT_HOST: Final = frozenset({Stage.HOST_GROUPS, Stage.HOST_ACL_OUT, Stage.ROUTE, Stage.HOST_ACL_IN})
"""Stages of a path at the host's end. Their outcome differs from host to host."""


def faults_of_service(vpc: AuditedNetwork, service: str, *, counts: bool) -> tuple[AuditFault, ...]:
    """The faults of a service; `counts` means that a workload for which the VPC is judged needs it."""
    faults = [
        *_states(vpc, service, counts=counts),
        *_of_name(vpc, service, counts=counts),
        *_of_paths(vpc, service, counts=counts),
        *_policies(vpc, service, counts=counts),
        *_zones(vpc, service, counts=counts),
    ]
    is_well = all(fault.severity is Severity.INFO for fault in faults)
    if counts and is_well and not _is_proven(vpc, service):
        faults.append(
            _fault(
                None,
                service,
                title="Whether hosts reach the endpoint is not known",
                severity=Severity.CRITICAL,
                certain=False,
                counts=counts,
                detail=f"Nothing could be predicted for {service}: no host and no subnet of {vpc.vpc_id} is known.",
            )
        )
    return tuple(faults)


def _is_proven(vpc: AuditedNetwork, service: str) -> bool:
    """Whether the outcome is known on every port that the service requires. A connect that is stopped on such a port is
    a separate fault."""
    known = {path.port for path in vpc.paths(service) if path.counts}
    return all(port.number in known for port in SERVICES[service].ports if port.required)


def _fault(
    code: str | None,
    service: str,
    *,
    severity: Severity,
    counts: bool,
    detail: str,
    title: str | None = None,
    certain: bool = True,
    subjects: Sequence[str] = (),
    fix: Fix | None = None,
) -> AuditFault:
    known = CODES.get(code or "")
    return AuditFault(
        code=code,
        name=None if known is None else known.name,
        title=title or ("" if known is None else known.title),
        severity=severity,
        measured=False,
        certain=certain,
        counts=counts,
        suppressed=False,
        services=(service,),
        ports=(),
        addresses=(),
        subjects=tuple(dict.fromkeys(subjects)),
        rule=None,
        detail=detail,
        fix=fix,
        documents=() if known is None else known.documents,
    )


def reviewed(
    code: str,
    services: Sequence[str],
    *,
    counts: bool,
    is_known: bool,
    subjects: Sequence[str],
    detail: str,
    fix: Fix,
) -> AuditFault:
    """A finding for a reviewer about endpoints of some services. It has no effect on backups."""
    fault = _fault(code, services[0], severity=Severity.INFO, counts=counts, subjects=subjects, detail=detail, fix=fix)
    return replace(fault, services=tuple(services), suppressed=is_known)


def _predicted(fault: PredictedFault, *, severity: Severity, certain: bool, counts: bool, also: str = "") -> AuditFault:
    """The fault of the audit that corresponds to a fault of a prediction."""
    code = CODES.get(fault.code or "")
    return AuditFault(
        code=fault.code,
        name=fault.name,
        title=fault.title,
        severity=severity,
        measured=False,
        certain=certain,
        counts=counts,
        suppressed=False,
        services=(fault.service,),
        ports=fault.ports,
        addresses=fault.addresses,
        subjects=fault.decided_by,
        rule=fault.rule,
        detail=f"{fault.detail}{also}",
        fix=fault.fix,
        documents=() if code is None else code.documents,
    )


# --- State -----------------------------------------------------------------------------------------------------------


def _states(vpc: AuditedNetwork, service: str, *, counts: bool) -> Iterator[AuditFault]:
    """VPC004: endpoints that are not available. The fault is critical if no other endpoint is available; otherwise it
    harms no host."""
    there: tuple[VpcEndpoint | GatewayEndpoint, ...] = (*vpc.endpoints(service), *vpc.known.gateways(service))
    shut = [endpoint for endpoint in there if endpoint.state != AVAILABLE]
    if not shut:
        return
    others = len(shut) < len(there)
    may_work = any(endpoint.state in UNCERTAIN_STATES for endpoint in shut)
    states = listed(f"{endpoint.endpoint_id} has the state {endpoint.state}" for endpoint in shut)
    yield _fault(
        "VPC004",
        service,
        severity=Severity.INFO if others else Severity.WARNING if may_work else Severity.CRITICAL,
        counts=counts,
        subjects=[endpoint.endpoint_id for endpoint in shut],
        detail=f"{states}." + (f" Another endpoint of {service} is available." if others else ""),
        fix=fixed(
            vpc.known,
            "VPC004",
            Fault(
                target=target_of(vpc.known, service),
                ids=tuple(endpoint.endpoint_id for endpoint in shut),
                states={endpoint.endpoint_id: endpoint.state for endpoint in shut},
            ),
        ),
    )


# --- Name ------------------------------------------------------------------------------------------------------------


def _of_name(vpc: AuditedNetwork, service: str, *, counts: bool) -> Iterator[AuditFault]:
    """The fault of the service's name: VPC001 to VPC003, VPC011 and VPC015 to VPC018."""
    name = vpc.name(service)
    if name.code == "VPC004":  # VPC004 is yielded as a fault of the state
        return
    count = sum(one.interface_count for one in vpc.classes)
    fault = fault_of_name(vpc.known, _ports_of(service), name, vpc.classes, count, vpc.checks)
    if fault is None:
        return
    severity = Severity.CRITICAL
    if name.code == "VPC002" and SERVICES[service].has_appliance:
        severity = (
            Severity.WARNING
        )  # off is right if appliances use public names, or if programs use the endpoint's own name
    certain = fault.outcome is Reachability.BLOCKED
    yield _predicted(fault, severity=severity, certain=certain, counts=counts)


def _ports_of(service: str) -> dict[int, bool]:
    """The ports of a service. The value says whether the service needs the port."""
    return {port.number: port.required for port in SERVICES[service].ports}


# --- Who reaches it --------------------------------------------------------------------------------------------------


def _of_paths(vpc: AuditedNetwork, service: str, *, counts: bool) -> Iterator[AuditFault]:
    """The faults of connects that are stopped: VPC005 to VPC007, VPC012 and VPC019."""
    paths = vpc.paths(service)
    by_id = {source.id: source for source in vpc.classes}
    available = {endpoint.endpoint_id for endpoint in vpc.known.configuration.endpoints or () if _works(endpoint)}
    reached = {path.port for path in paths if path.counts and path.outcome is Reachability.OPEN}
    for alike in stopped_alike(paths):
        if alike[0].decided_at is Stage.ENDPOINT and alike[0].endpoint_id not in available:
            continue  # the state is a fault of its own
        admitted = [path for path in alike if _is_admitted(vpc, path)]
        for stopped, is_admitted in ((admitted, True), ([path for path in alike if path not in admitted], False)):
            if not stopped:
                continue
            fault = fault_of_paths(vpc.known, stopped, by_id, vpc.checks)
            is_whole = not any(port in reached for port in fault.ports)
            yield _predicted(
                fault,
                severity=_severity(vpc, fault, at=stopped[0].decided_at, is_whole=is_whole, is_admitted=is_admitted),
                certain=fault.outcome is not Reachability.CANNOT_TELL,
                counts=counts,
                also=f" {_for_whom(vpc, fault, is_whole=is_whole, is_admitted=is_admitted)}",
            )


def _works(endpoint: VpcEndpoint) -> bool:
    return endpoint.state == AVAILABLE


def _is_admitted(vpc: AuditedNetwork, path: PredictedPath) -> bool:
    """Whether the endpoint's groups allow other sources on the path's port, although they do not allow the hosts of
    this VPC."""
    if path.decided_at is not Stage.ENDPOINT_GROUPS:
        return False
    groups = {group.group_id: group for group in vpc.known.configuration.groups or ()}
    held = [groups[name] for name in path.decided_by if name in groups]
    return any(passes(rule, path.port, egress=False) for group in held for rule in group.rules)


def _severity(
    vpc: AuditedNetwork, fault: PredictedFault, *, at: Stage | None, is_whole: bool, is_admitted: bool
) -> Severity:
    is_of_appliance = SERVICES[fault.service].has_appliance
    if fault.outcome is Reachability.DOUBTFUL:
        return Severity.WARNING
    if is_admitted and (is_of_appliance or not vpc.has_hosts):
        return Severity.INFO  # its users may be elsewhere
    if is_of_appliance and at in _AT_HOST and fault.outcome is Reachability.BLOCKED:
        return Severity.WARNING if is_whole else Severity.INFO  # a host of the VPC is not an appliance
    return Severity.CRITICAL if is_whole else Severity.WARNING


def _for_whom(vpc: AuditedNetwork, fault: PredictedFault, *, is_whole: bool, is_admitted: bool) -> str:
    others = " The endpoint's groups admit other sources on these ports." if is_admitted else ""
    if not vpc.has_hosts:
        return f"No host of {vpc.vpc_id} is known; this is judged for its subnets.{others}"
    if is_whole and fault.outcome is Reachability.BLOCKED:
        return f"No host of {vpc.vpc_id} gets through.{others}"
    hosts = sum(source.interface_count for source in vpc.classes)
    return f"This holds for {fault.interface_count:,} of {counted(hosts, 'interface')} in {vpc.vpc_id}.{others}"


# --- Policies --------------------------------------------------------------------------------------------------------


def prefix_of(service: str) -> str:
    """The prefix of the service's actions."""
    permission = SERVICES[service].permission
    return SERVICES[service].signing_name if permission is None else permission.action.partition(":")[0]


def _policies(vpc: AuditedNetwork, service: str, *, counts: bool) -> Iterator[AuditFault]:
    """VPC008, or VPC019 for a gateway endpoint: a policy that allows no action of the service. If the name leads to an
    endpoint, also in another VPC, the policies of the service's other endpoints harm no call, so they are
    information."""
    name = vpc.name(service)
    led = [
        endpoint
        for endpoint in vpc.known.endpoints(service, here=False) or ()
        if endpoint.endpoint_id in name.endpoint_ids
    ]
    held: tuple[VpcEndpoint | GatewayEndpoint, ...] = (*vpc.endpoints(service), *vpc.known.gateways(service), *led)
    for endpoint in {one.endpoint_id: one for one in held}.values():
        for fault in _of_policy(vpc, service, endpoint, counts=counts):
            if not led or endpoint in led:
                yield fault
            else:
                where = f"{name.host} leads to {listed(one.endpoint_id for one in led)}."
                yield replace(fault, severity=Severity.INFO, detail=f"{fault.detail} {where}")


def _of_policy(
    vpc: AuditedNetwork, service: str, endpoint: VpcEndpoint | GatewayEndpoint, *, counts: bool
) -> Iterator[AuditFault]:
    """The faults of an endpoint's policy."""
    code = "VPC019" if isinstance(endpoint, GatewayEndpoint) else "VPC008"
    certain = True
    try:
        why = why_shut(endpoint.policy, prefix_of(service), _context(endpoint))
    except RefusedError as error:
        why, certain = f"it cannot be judged: {error}", False
    if why is None:
        yield from _denied_call(vpc, service, endpoint, counts=counts)
        return
    calls = tuple(calls_at(service)) or (f"{prefix_of(service)}:*",)
    yield _fault(
        code,
        service,
        title="The endpoint's policy allows no action of the service" if certain else "The policy cannot be judged",
        severity=Severity.CRITICAL if certain else Severity.WARNING,
        certain=certain,
        counts=counts,
        subjects=[endpoint.endpoint_id],
        detail=f"The policy of {endpoint.endpoint_id}: {why}.",
        fix=fix_of_calls(vpc.known, service, calls, (endpoint.endpoint_id,)),
    )


def _context(endpoint: VpcEndpoint | GatewayEndpoint) -> dict[str, str]:
    """The condition keys of every call through an endpoint."""
    return {"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id}


def _denied_call(
    vpc: AuditedNetwork, service: str, endpoint: VpcEndpoint | GatewayEndpoint, *, counts: bool
) -> Iterator[AuditFault]:
    """VPC008: a policy that denies a call to everybody, or to everybody in the account. The calls that programs make to
    the service are judged or, if these are unknown, the call with which a run proves access."""
    region = vpc.known.region
    if isinstance(endpoint, GatewayEndpoint):
        return
    context = _context(endpoint)
    for action in calls_at(service):
        resource = resource_of(action, partition=partition_of(region).id, region=region, account=vpc.known.account)
        call = Call(action=action, resource=resource, context=context)
        judgement = judge(endpoint.policy, call)
        account = None if judgement.denies else vpc.known.account
        if account is not None:
            judgement = judge(endpoint.policy, replace(call, principal_account=account))
        if judgement.denies:
            yield _denied(vpc, service, endpoint, action, judgement, account, counts=counts)


def _denied(
    vpc: AuditedNetwork,
    service: str,
    endpoint: VpcEndpoint,
    action: str,
    judgement: Judgement,
    account: str | None,
    *,
    counts: bool,
) -> AuditFault:
    """The fault of a call that is denied to everybody or, if `account` is given, to everybody in that account."""
    whom = "" if account is None else f" of account {account}"
    return _fault(
        "VPC008",
        service,
        title=f"The endpoint's policy allows nobody{' of this account' if whom else ''} a call",
        severity=Severity.WARNING if is_called(service, action) else Severity.INFO,
        counts=counts,
        subjects=[endpoint.endpoint_id],
        detail=f"The policy of {endpoint.endpoint_id} denies everybody{whom} {action}: "
        f"{judgement.words.replace('this caller', f'every caller{whom}')}.",
        fix=fix_of_calls(vpc.known, service, (action,), (endpoint.endpoint_id,), _MAY_BE_MEANT),
    )


# --- Zones -----------------------------------------------------------------------------------------------------------


def _zones(vpc: AuditedNetwork, service: str, *, counts: bool) -> Iterator[AuditFault]:
    """VPC009: zones in which the VPC has subnets but the service's endpoint has no interface."""
    there = [endpoint for endpoint in vpc.endpoints(service) if endpoint.state == AVAILABLE]
    covered = {zone for endpoint in there for zone in vpc.zones_of(endpoint)}
    offered = vpc.known.configuration.offered
    labels = {link.label for link in SERVICES[service].private_links}
    can_be = {
        zone
        for one in (() if offered is None else offered.services)
        if one.service_name.rpartition(".")[2] in labels
        for zone in one.availability_zones
    }
    of_zone: dict[str, list[str]] = {}
    for subnet in vpc.subnets.values():
        zone = subnet.availability_zone
        if zone is not None and zone not in covered and (not can_be or zone in can_be):
            of_zone.setdefault(zone, []).append(subnet.subnet_id)
    if not covered or not of_zone:
        return
    hosts = sum(
        len(source.interfaces)
        for source in vpc.sources
        if source.own is not None and any(source.own.subnet_id in subnets for subnets in of_zone.values())
    )
    names = listed(endpoint.endpoint_id for endpoint in there)
    zones = sorted(of_zone)
    yield _fault(
        "VPC009",
        service,
        title="A zone of the VPC has no interface of the endpoint",
        severity=Severity.INFO,
        counts=counts,
        subjects=[endpoint.endpoint_id for endpoint in there],
        detail=f"{names} {'has' if len(there) == 1 else 'have'} interfaces in {listed(sorted(covered))}, but none in "
        f"{listed(zones)}, where {vpc.vpc_id} has {counted(sum(map(len, of_zone.values())), 'subnet')} and "
        f"{counted(hosts, 'known interface')} of hosts. Calls from there cross zones.",
        fix=vpc.checks.of_endpoint(
            fixed(
                vpc.known,
                "VPC009",
                Fault(
                    target=target_of(vpc.known, service),
                    ids=(there[0].endpoint_id,),
                    is_offered=True if can_be else None,
                    subnets=tuple(known_id(sorted(of_zone[zone])[0], "<ENDPOINT_SUBNET_ID>") for zone in zones),
                    notes=(f"Each adds {HOURS} interface-hours a month.",),
                ),
            )
        ),
    )


# --- Endpoints that no name leads to ---------------------------------------------------------------------------------


def unresolved_fault(
    vpc: AuditedNetwork, service: str, endpoints: Sequence[VpcEndpoint], *, counts: bool
) -> AuditFault:
    """Available endpoints of a service to which no name leads in any VPC that was read, and about which there is no
    other fault."""
    name = vpc.name(service)
    off = not any(endpoint.private_dns for endpoint in endpoints)
    ids = [endpoint.endpoint_id for endpoint in endpoints]
    interfaces = sum(interfaces_of(endpoint) for endpoint in endpoints)
    it = "it has" if len(ids) == 1 else "they have"
    why = f"Private DNS of {listed(ids)} is off. " if off else ""
    return _fault(
        "VPC022",
        service,
        severity=Severity.INFO,
        counts=counts,
        subjects=ids,
        detail=f"{why}{name.host} does not lead to {listed(ids)} in any VPC that was read; programs that are set to "
        f"the endpoint's own name can still use {'it' if len(ids) == 1 else 'them'}. {it.capitalize()} "
        f"{counted(interfaces, 'interface')}, or {interfaces * HOURS:,} interface-hours a month.",
        fix=fixed(vpc.known, "VPC022", Fault(target=target_of(vpc.known, service, name.host), ids=tuple(ids))),
    )


def interfaces_of(endpoint: VpcEndpoint) -> int:
    """Number of interfaces of an endpoint: one for each of its subnets."""
    return 0 if endpoint.state == DELETED else max(len(endpoint.interface_ids), len(endpoint.subnet_ids))


def is_unresolved(resolved: Known, endpoint: VpcEndpoint) -> bool:
    """Whether an endpoint costs money although no name leads to it."""
    return resolved is Known.NO and endpoint.state == AVAILABLE


def answer_leads_to_endpoint(vpc: AuditedNetwork, service: str) -> Known:
    """Whether the name of a service leads to an endpoint, including gateway endpoints."""
    name = vpc.name(service)
    if name.answer is Answer.CANNOT_TELL:
        return Known.CANNOT_TELL
    through_gateway = name.answer is Answer.PUBLIC and name.code is None and bool(vpc.known.gateways(service))
    return Known.YES if name.answer is Answer.PRIVATE or through_gateway else Known.NO
