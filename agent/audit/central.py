"""Names that lead from one VPC to another: endpoints to which no name leads, and central endpoints.

A central endpoint is in one VPC, and other VPCs reach it over peering, a transit gateway or a shared network. In these
VPCs, the service's name leads to it through a Route 53 Profile, a private hosted zone of exactly this name, or a
Resolver rule.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.audit.model import CentralEndpoint, CentralRole, Known
from agent.audit.vpc import AuditedNetwork
from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from agent.network.answers import Answer, PredictedName, PredictedPath
from agent.network.paths import ServicePorts
from agent.report.hops import Reachability, Stage
from probes.ports import HTTPS
from probes.vpc.model import AVAILABLE, VpcEndpoint

_BY_SETTING: Final = frozenset({"VPC015", "VPC016", "VPC018"})
"""Findings about names for which a rule, a zone or a Profile gives the answer, as it does for central endpoints."""
_MAY_BE_MEANT: Final = frozenset({Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS})
"""Hops at which some hosts of a VPC may be stopped on purpose."""


def resolved(endpoint: VpcEndpoint, service: str, estate: Sequence[AuditedNetwork]) -> Known:
    """Whether the name of a service leads to an endpoint in any of these VPCs of one Region."""
    names = [other.name(service) for other in estate]
    if any(name.answer is Answer.PRIVATE and endpoint.endpoint_id in name.endpoint_ids for name in names):
        return Known.YES
    return Known.CANNOT_TELL if any(name.answer is Answer.CANNOT_TELL for name in names) else Known.NO


def central_endpoints(estate: Sequence[AuditedNetwork]) -> dict[AuditedNetwork, tuple[CentralEndpoint, ...]]:
    """The central endpoints that each of these VPCs of one Region has or uses."""
    used = {vpc: tuple(_used(vpc, estate)) for vpc in estate}
    return {vpc: (*used[vpc], *_had(vpc, used)) for vpc in estate}


def _had(vpc: AuditedNetwork, used: Mapping[AuditedNetwork, Sequence[CentralEndpoint]]) -> Iterator[CentralEndpoint]:
    """The endpoints in a VPC that other VPCs use or seem to use."""
    for service in vpc.with_endpoint:
        own = {endpoint.endpoint_id for endpoint in vpc.endpoints(service)}
        users = {
            other.vpc_id: use
            for other, uses in used.items()
            for use in uses
            if other.vpc_id != vpc.vpc_id and use.service == service and not own.isdisjoint(use.endpoint_ids)
        }
        if users:
            yield CentralEndpoint(
                service=service,
                role=CentralRole.HUB,
                endpoint_ids=tuple(sorted(own.intersection(id_ for use in users.values() for id_ in use.endpoint_ids))),
                vpc_ids=tuple(sorted(users)),
                by=tuple(sorted({resource for use in users.values() for resource in use.by})),
                named=_worst(use.named for use in users.values()),
                complete=_worst(use.complete for use in users.values()),
                missing=tuple(f"{vpc_id}: {words}" for vpc_id, use in users.items() for words in use.missing),
            )


def _worst(states: Iterable[Known]) -> Known:
    seen = set(states)
    return next(state for state in (Known.NO, Known.CANNOT_TELL, Known.YES) if state in seen)


def _used(vpc: AuditedNetwork, estate: Sequence[AuditedNetwork]) -> Iterator[CentralEndpoint]:
    """The endpoints in other VPCs that a VPC uses or seems to use."""
    for service in SERVICES:
        name = vpc.name(service)
        elsewhere = _elsewhere(vpc, service, estate)
        if not elsewhere or vpc.endpoints(service):
            continue
        if name.answer is Answer.PRIVATE:
            used = {endpoint_id: place for endpoint_id, place in elsewhere.items() if endpoint_id in name.endpoint_ids}
            by = _profiles(vpc, used)
        elif name.answer is Answer.CANNOT_TELL and name.code in _BY_SETTING and name.host in name.quoted:
            used, by = elsewhere, name.decided_by
        else:
            continue
        for hub in sorted(set(used.values())):
            ends = tuple(sorted(endpoint_id for endpoint_id, place in used.items() if place == hub))
            yield _use(vpc, service, name, hub, ends, by=by)


def _elsewhere(vpc: AuditedNetwork, service: str, estate: Sequence[AuditedNetwork]) -> dict[str, str]:
    """The available endpoints of a service in other VPCs of the Region. Each id leads to the VPC of the endpoint."""
    here = vpc.known.endpoints(service, here=False) or ()
    read = (endpoint for other in estate for endpoint in other.endpoints(service))
    return {
        endpoint.endpoint_id: endpoint.vpc_id
        for endpoint in (*here, *read)
        if endpoint.state == AVAILABLE and endpoint.vpc_id != vpc.vpc_id
    }


def _profiles(vpc: AuditedNetwork, endpoint_ids: dict[str, str]) -> tuple[str, ...]:
    profiles = vpc.known.configuration.profiles
    resources = () if profiles is None else profiles.resources
    return tuple(dict.fromkeys(resource.profile_id for resource in resources if resource.resource_id in endpoint_ids))


def _use(
    vpc: AuditedNetwork,
    service: str,
    name: PredictedName,
    hub: str,
    endpoint_ids: tuple[str, ...],
    *,
    by: tuple[str, ...],
) -> CentralEndpoint:
    missing: list[str] = []
    named = Known.CANNOT_TELL if name.answer is Answer.CANNOT_TELL else Known.YES
    if named is Known.CANNOT_TELL:
        missing.append(f"whether {name.host} leads there is not known: {name.words}")
    led = replace(name, answer=Answer.PRIVATE, endpoint_ids=endpoint_ids)
    asked = ServicePorts(service=service, required=True, ports={HTTPS: True})
    paths = [path for path in vpc.matrix.paths(asked, led) if path.endpoint_id in endpoint_ids]
    is_open = any(path.outcome is Reachability.OPEN for path in paths)
    # If some hosts get through, a group may leave out the others on purpose, but a route may not.
    stopped = [
        path
        for path in paths
        if path.outcome is not Reachability.OPEN and not (is_open and path.decided_at in _MAY_BE_MEANT)
    ]
    blocked = [path for path in stopped if path.outcome is Reachability.BLOCKED]
    way = Known.YES
    if stopped or not paths:
        way = Known.NO if blocked and (is_open or blocked == stopped) else Known.CANNOT_TELL
        missing += dict.fromkeys(map(_stopped, stopped))
        if not paths:
            missing.append("the endpoint's interfaces and groups were not read together with this VPC")
    return CentralEndpoint(
        service=service,
        role=CentralRole.SPOKE,
        endpoint_ids=endpoint_ids,
        vpc_ids=(hub,),
        by=by,
        named=named,
        complete=_worst((named, way)),
        missing=tuple(missing),
    )


def _stopped(path: PredictedPath) -> str:
    """Reasons why connects to an endpoint are stopped, or why it is unknown whether they are."""
    if path.outcome is Reachability.BLOCKED:
        return f"the way there is blocked: {path.words}"
    words = path.words if path.decided_at is not None or not path.unseen else listed(path.unseen)
    return f"whether the way there is open is not known: {words}"
