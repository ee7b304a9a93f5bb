"""VPC rules for Availability Zones: whether the endpoint has an interface in this instance's zone."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.rules.rule import Rule, RuleFinding, resting_on, says
from agent.report.model import SubjectKind
from agent.report.subjects import about, resources
from probes.model import Step, Target
from probes.vpc.model import ENDPOINT_INTERFACES, ENDPOINT_SERVICES, ENDPOINTS, SUBNETS, VpcEndpoint


def zone_not_covered(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC009: the endpoint that this host uses has no interface in this instance's zone."""
    zone_id = None if evidence.imds is None else evidence.imds.availability_zone_id
    for target in evidence.targets:
        used = [evidence.endpoint_of(evidence.interface_at(address)) for address in evidence.own_addresses(target)]
        endpoints = list(dict.fromkeys(endpoint for endpoint in used if endpoint is not None))
        zones = {zone for endpoint in endpoints for zone in _zones(evidence, endpoint)}
        # An unknown zone may be this instance's.
        if not endpoints or zone_id is None or None in zones or zone_id in zones:
            continue
        names = listed(endpoint.endpoint_id for endpoint in endpoints)
        have = "has" if len(endpoints) == 1 else "have"
        near = [endpoint for endpoint in endpoints if endpoint.vpc_id == evidence.vpc_id]
        is_offered = _is_offered_here(evidence, target)
        finding = RuleFinding(
            code="VPC009",
            target=target.id,
            headline={"zone": zone_id},
            detail=f"{says(evidence, 'EC2', SUBNETS, ENDPOINT_INTERFACES)}: {names} {have} interfaces in "
            f"{listed(sorted(zone for zone in zones if zone is not None))}, and none in {zone_id}, where this instance "
            "is. Each call crosses zones, and depends on the other zones."
            + (" AWS does not offer the service in this instance's zone." if is_offered is False else ""),
            evidence=ids(evidence.metadata),
            subjects=(
                *resources(*(endpoint.endpoint_id for endpoint in endpoints)),
                *about(SubjectKind.ZONE, [zone_id]),
            ),
            addresses=frozenset(evidence.own_addresses(target)),
            fix=fix_of(
                "VPC009",
                Fault(
                    target=target,
                    ids=tuple(endpoint.endpoint_id for endpoint in near),
                    is_offered=is_offered,
                    subnets=("<SUBNET_ID>",) if near else (),
                ),
            ),
        )
        yield resting_on(evidence, finding, ENDPOINTS, ENDPOINT_INTERFACES, ENDPOINT_SERVICES, SUBNETS)


def _is_offered_here(evidence: Evidence, target: Target) -> bool | None:
    """Whether AWS offers the service in this instance's zone; None if unknown."""
    name = None if evidence.imds is None else evidence.imds.availability_zone
    zones = {zone for service in evidence.offered(target) or () for zone in service.availability_zones}
    return None if name is None or not zones else name in zones


def _zones(evidence: Evidence, endpoint: VpcEndpoint) -> Iterator[str | None]:
    """The ids of the zones of an endpoint's interfaces. An unknown zone is None."""
    interfaces = {interface.interface_id: interface for interface in evidence.configuration.endpoint_interfaces or ()}
    for interface_id in endpoint.interface_ids:
        interface = interfaces.get(interface_id)
        subnet = None if interface is None else evidence.subnet(interface.subnet_id)
        yield None if subnet is None else subnet.availability_zone_id


RULES: Final = (
    Rule(
        "VPC009",
        needs=(Step.DNS, Step.IMDS),
        check=zone_not_covered,
        reads=(ENDPOINTS, ENDPOINT_INTERFACES, SUBNETS),
    ),
)
