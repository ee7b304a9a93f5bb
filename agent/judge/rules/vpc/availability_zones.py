"""VPC, availability zones: whether the endpoint is in this instance's."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.commands import known_id, read_only
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.rules.rule import Rule, RuleFinding, resting_on, says
from agent.report.model import Command, CommandScope, Fix, SubjectKind
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
        # One zone that is not known may be this instance's.
        if not endpoints or zone_id is None or None in zones or zone_id in zones:
            continue
        names = listed(endpoint.endpoint_id for endpoint in endpoints)
        have = "has" if len(endpoints) == 1 else "have"
        near = [endpoint for endpoint in endpoints if endpoint.vpc_id == evidence.vpc_id]
        is_offered = _is_offered_here(evidence, target)
        cover = [] if is_offered is False else [_cover(target, endpoint) for endpoint in near[:1]]
        finding = RuleFinding(
            code="VPC009",
            target=target.id,
            detail=f"{says(evidence, 'EC2', SUBNETS, ENDPOINT_INTERFACES)}: {names} {have} interfaces in "
            f"{listed(sorted(zone for zone in zones if zone is not None))}, and none in {zone_id}, where this instance "
            "is. Each call crosses zones, and depends on theirs."
            + (" AWS does not offer the service in this instance's zone." if is_offered is False else ""),
            evidence=ids(evidence.metadata),
            subjects=(
                *resources(*(endpoint.endpoint_id for endpoint in endpoints)),
                *about(SubjectKind.ZONE, [zone_id]),
            ),
            addresses=frozenset(evidence.own_addresses(target)),
            fix=Fix(
                summary=_SUMMARIES[is_offered],
                commands=(*([_zones_of_service(target)] if is_offered is None else []), *cover),
            ),
        )
        yield resting_on(evidence, finding, ENDPOINTS, ENDPOINT_INTERFACES, ENDPOINT_SERVICES, SUBNETS)


_SUMMARIES: Final = {
    None: "Nothing to fix where that is meant. Otherwise give the endpoint a subnet in this zone, if the service is "
    "offered there.",
    True: "Nothing to fix where that is meant. Otherwise give the endpoint a subnet in this zone.",
    False: "Nothing to fix: no endpoint can have an interface in this zone. An instance in a zone of the endpoint does "
    "not depend on other zones.",
}
"""By whether the service is offered in the instance's zone; None where that was not read."""


def _is_offered_here(evidence: Evidence, target: Target) -> bool | None:
    """Whether AWS offers the service in this instance's zone; None where that is not known."""
    name = None if evidence.imds is None else evidence.imds.availability_zone
    zones = {zone for service in evidence.offered(target) or () for zone in service.availability_zones}
    return None if name is None or not zones else name in zones


def _zones_of_service(target: Target) -> Command:
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoint-services", "--region", target.region),
        *("--service-names", target.service_name or "<SERVICE_NAME>"),
        *("--query", "ServiceDetails[].AvailabilityZones"),
        scope=CommandScope.ENDPOINT,
    )


def _zones(evidence: Evidence, endpoint: VpcEndpoint) -> Iterator[str | None]:
    """The ids of the zones that an endpoint has interfaces in, None for each that is not known."""
    interfaces = {interface.interface_id: interface for interface in evidence.configuration.endpoint_interfaces or ()}
    for interface_id in endpoint.interface_ids:
        interface = interfaces.get(interface_id)
        subnet = None if interface is None else evidence.subnet(interface.subnet_id)
        yield None if subnet is None else subnet.availability_zone_id


def _cover(target: Target, endpoint: VpcEndpoint) -> Command:
    """Give an endpoint an interface in this host's own subnet."""
    return Command(
        argv=(
            *("aws", "ec2", "modify-vpc-endpoint", "--region", target.region),
            *("--vpc-endpoint-id", known_id(endpoint.endpoint_id, "<VPC_ENDPOINT_ID>")),
            *("--add-subnet-ids", "<SUBNET_ID>"),
        ),
        scope=CommandScope.ENDPOINT,
        changes=True,
        reversible=True,
        undo="take the subnet out again: the same command with --remove-subnet-ids in place of --add-subnet-ids",
    )


RULES: Final = (
    Rule(
        "VPC009",
        needs=(Step.DNS, Step.IMDS),
        check=zone_not_covered,
        reads=(ENDPOINTS, ENDPOINT_INTERFACES, SUBNETS),
    ),
)
