"""VPC rules for private DNS: the endpoint, its private DNS, and the DNS attributes that the VPC needs for it."""

from collections.abc import Iterator, Sequence
from typing import Final

from agent.catalog.services import SERVICES, is_name_documented
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.commands import read_only
from agent.fixes.fault import Fault, known_id
from agent.judge.conditions.dns_settings import endpoints_here, endpoints_of_profiles, is_of_this_vpc, unanswered
from agent.judge.conditions.names import public_answers
from agent.judge.conditions.resolvers import silent_resolvers
from agent.judge.evidence import Evidence
from agent.judge.observations import servers_of
from agent.judge.requirements import why_not_in_use
from agent.judge.rules.rule import EC2, Rule, RuleFinding, resting_on, says
from agent.network.names import private_zone_for
from agent.report.model import Command, CommandScope, Fix
from agent.report.subjects import resources
from probes.addresses import ordered
from probes.model import Address, Addressing, Step, Target
from probes.vpc.model import (
    AVAILABLE,
    DELETED,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    PENDING,
    SUBNETS,
    VPC,
    VPC_DNS,
    VpcEndpoint,
)

_OUTSIDE: Final = "private DNS ends at its own VPC, and neither peering nor a transit gateway carries it"


def endpoint_missing(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC001: the name is public, and the VPC, which this account owns, does not have an endpoint of the service."""
    if evidence.vpc_id is None or evidence.is_vpc_shared is not False:
        return  # in a shared VPC only its owner sees the endpoints
    for seen in public_answers(evidence):
        target = seen.target
        everywhere = [endpoint for endpoint in evidence.endpoints(target) or () if endpoint.state != DELETED]
        if (
            evidence.endpoints(target) is None
            or evidence.dropped(ENDPOINTS)
            or any(endpoint.vpc_id == evidence.vpc_id for endpoint in everywhere)
            or evidence.gateway_endpoints(target)
            or target.service_name is None
            or not is_of_this_vpc(evidence, target)
            or private_zone_for(evidence.configuration, target.host, exact=True) is not None
            or any(endpoint.private_dns for endpoint in endpoints_of_profiles(evidence, target))
        ):
            continue
        has_gateways = SERVICES[target.service].has_gateway_endpoint
        elsewhere = ""
        if everywhere and not has_gateways:
            other = everywhere[0]
            elsewhere = f" Another VPC has one ({other.endpoint_id} in {other.vpc_id}), but {_OUTSIDE}."
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC001",
                target=target.id,
                headline={"vpc": evidence.vpc_id},
                detail=f"{target.host} resolves to {listed(ordered(seen.addresses))}, outside the private "
                f"path. {says(evidence, EC2, ENDPOINTS, VPC)} that {evidence.vpc_id} has no "
                f"{'gateway endpoint and no ' if has_gateways else ''}interface endpoint of "
                f"{target.service}.{elsewhere}{'' if has_gateways else _whether_offered(evidence, target)}",
                evidence=seen.evidence,
                subjects=resources(
                    evidence.vpc_id,
                    *(
                        id_
                        for endpoint in everywhere[:1]
                        for id_ in (endpoint.endpoint_id, endpoint.vpc_id)
                        if elsewhere
                    ),
                    *([evidence.gateway_at(seen.public[0]).table_id] if has_gateways else []),
                ),
                addresses=seen.addresses,
                fix=_create(evidence, target, seen.public[0], everywhere),
            ),
            *(ENDPOINTS, ENDPOINT_SERVICES, VPC, SUBNETS),
        )


def _whether_offered(evidence: Evidence, target: Target) -> str:
    """A sentence about whether AWS has an endpoint service for the target. Empty if EC2 or AWS's documents show that it
    has."""
    offered = evidence.offered(target)
    if offered == ():
        return f" AWS has no endpoint service for it in {target.region}, so no endpoint can be made."
    if offered or is_name_documented(target.service, target.region):
        return ""
    return (
        f" Whether AWS has the endpoint service {target.service_name} is not known: its name is not documented for "
        f"{target.partition}. Look it up first."
    )


def _offered_name(evidence: Evidence, target: Target) -> str:
    """The service name for creating an endpoint. It comes from EC2 or, if EC2 does not show it, from the catalogue."""
    offered = evidence.offered(target)
    return (offered[0].service_name if offered else target.service_name) or "<SERVICE_NAME>"


def _look_up_service(evidence: Evidence, target: Target) -> tuple[Command, ...]:
    """The command that shows whether the endpoint service exists; empty if EC2 or AWS's documents show it already."""
    is_known = evidence.offered(target) or is_name_documented(target.service, target.region)
    if is_known or target.service_name is None:
        return ()
    argv = ("aws", "ec2", "describe-vpc-endpoint-services", "--region", target.region)
    return (read_only(*argv, "--service-names", target.service_name, scope=CommandScope.ENDPOINT),)


def _create(evidence: Evidence, target: Target, public: Address, everywhere: Sequence[VpcEndpoint]) -> Fix:
    """VPC001's fix: use another VPC's endpoint if there is one, otherwise create one."""
    offered, other = evidence.offered(target), everywhere[0] if everywhere else None
    is_covered = target.addressing is Addressing.DEFAULT or evidence.is_covered_by_offer(target)
    is_gateway = SERVICES[target.service].has_gateway_endpoint
    table = evidence.gateway_at(public).table_id if is_gateway else None
    fault = Fault(
        target=target,
        ids=() if table is None else (table,),
        is_offered=None if offered is None else bool(offered),
        elsewhere=None if other is None or is_gateway else other.vpc_id,
        own_name=None if other is None else _own_name(target, other),
        service_name=_offered_name(evidence, target),
        subnets=_subnet_in_each_zone(evidence, target),
        off=_attributes_off(evidence),
        shows=() if is_gateway else _look_up_service(evidence, target),
        notes=()
        if is_covered or offered == () or is_gateway or SERVICES[target.service].has_appliance
        else (f"Whether its private DNS covers {target.host} is known only after it is created: see its DnsEntries.",),
    )
    return fix_of("VPC001", fault)


def _subnet_in_each_zone(evidence: Evidence, target: Target) -> tuple[str, ...]:
    """One subnet of this VPC in each availability zone in which the service is offered, for creating an endpoint; this
    host's own subnet comes first.

    Local and Wavelength Zones, which have longer names, are left out: services are offered in the Region's zones.
    """
    imds = evidence.imds
    own = None if imds is None else imds.subnet_id
    zones = {zone for service in evidence.offered(target) or () for zone in service.availability_zones}
    of_vpc = [subnet for subnet in evidence.configuration.subnets or () if subnet.vpc_id == evidence.vpc_id]
    fitting = [
        subnet
        for subnet in of_vpc
        if _is_zone_of(target.region, subnet.availability_zone)
        and (not zones or subnet.availability_zone in zones)
        and any(block.version == 4 for block in subnet.cidrs)
    ]
    chosen: dict[str | None, str] = {}
    for subnet in sorted(
        fitting, key=lambda choice: (choice.subnet_id != own, choice.availability_zone or "", choice.subnet_id)
    ):
        chosen.setdefault(subnet.availability_zone, subnet.subnet_id)
    if chosen:
        return tuple(dict.fromkeys(known_id(subnet_id, "<ENDPOINT_SUBNET_ID>") for subnet_id in chosen.values()))
    may_be_own = not of_vpc and imds is not None and _is_zone_of(target.region, imds.availability_zone)
    return ("<SUBNET_ID>" if may_be_own else "<ENDPOINT_SUBNET_ID>",)


def _is_zone_of(region: str, availability_zone: str | None) -> bool:
    """Whether a name belongs to one of the Region's own zones: the Region and one letter (EC2 User Guide, Availability
    Zones)."""
    return availability_zone is not None and availability_zone[:-1] == region and availability_zone[-1:].isalpha()


def private_dns_off(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC002: the name is public, and the service's endpoint in this VPC has private DNS off."""
    for seen in public_answers(evidence):
        target = seen.target
        there = endpoints_here(evidence, target)
        off = [endpoint for endpoint in there if endpoint.state in (AVAILABLE, PENDING)]
        if (
            not off
            or any(endpoint.private_dns for endpoint in there)
            or evidence.gateway_endpoints(target)  # the missing route to the gateway endpoint is the cause
            # Only EC2 knows which other names private DNS would cover.
            or not (target.addressing is Addressing.DEFAULT or evidence.is_covered_by_offer(target))
            # That zone answers, and private DNS is refused beside it.
            or private_zone_for(evidence.configuration, target.host, exact=True) is not None
        ):
            continue
        names = listed(endpoint.endpoint_id for endpoint in off)
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC002",
                target=target.id,
                detail=f"{target.host} resolves to {listed(ordered(seen.addresses))}, outside the private "
                f"path. {says(evidence, EC2, ENDPOINTS)} that private DNS of {names}, the endpoint of {target.service} "
                f"in this VPC, is off.",
                evidence=seen.evidence,
                subjects=resources(*(endpoint.endpoint_id for endpoint in off)),
                addresses=seen.addresses,
                fix=_turn_on_private_dns(evidence, target, off),
            ),
            *(ENDPOINTS, VPC_DNS),
        )


def _turn_on_private_dns(evidence: Evidence, target: Target, off: list[VpcEndpoint]) -> Fix:
    is_there = any(endpoint.state == AVAILABLE for endpoint in off)
    fault = Fault(
        target=target,
        ids=tuple(endpoint.endpoint_id for endpoint in off),
        own_name=_own_name(target, off[0]),
        off=_attributes_off(evidence),
        first=() if is_there else ("Wait until the endpoint is available.",),
    )
    return fix_of("VPC002", fault)


def vpc_dns_attributes_off(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC003: a DNS attribute of the VPC is off, and an endpoint's name is public, or the VPC's resolver is silent."""
    dns = evidence.configuration.dns
    if dns is None or (dns.support and dns.hostnames):
        return
    names = [name for name, on in (("enableDnsSupport", dns.support), ("enableDnsHostnames", dns.hostnames)) if not on]
    off = f"{says(evidence, EC2, VPC_DNS)} that {listed(names)} of {evidence.vpc_id or 'this VPC'} "
    off += "is false" if len(names) == 1 else "are false"
    owners = ("Only the VPC's owner can change them.",) if evidence.is_vpc_shared else ()
    affected = [seen for seen in public_answers(evidence) if _needs_dns_attributes(evidence, seen.target)]
    if affected:
        there = {
            endpoint.endpoint_id: endpoint.private_dns
            for seen in affected
            for endpoint in endpoints_here(evidence, seen.target)
            if endpoint.state == AVAILABLE
        }
        on = [endpoint_id for endpoint_id, is_on in there.items() if is_on]
        beside = (
            f", so private DNS of {listed(on)} is not in effect, though it is on"
            if on
            else f", so private DNS of {listed(there)} cannot be turned on"
        )
        resolved = [f"{seen.target.host} resolves to {listed(ordered(seen.addresses))}" for seen in affected]
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC003",
                target=None,
                headline={"attribute": names[0]},
                detail=f"{listed(resolved)}, outside the private path. {off}{beside}.",
                subjects=resources(evidence.vpc_id, *(on or there)),
                evidence=tuple(dict.fromkeys(step for seen in affected for step in seen.evidence)),
                addresses=frozenset(address for seen in affected for address in seen.addresses),
                fix=fix_of("VPC003", Fault(target=affected[0].target, off=_attributes_off(evidence), notes=owners)),
            ),
            *(VPC_DNS, ENDPOINTS),
        )
    silent = None if dns.support else silent_resolvers(evidence)
    asked = {target: answers for target in evidence.targets if (answers := unanswered(evidence, target))}
    if silent is not None and asked:
        servers = servers_of(answer for answers in asked.values() for answer in answers)
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC003",
                target=None,
                headline={"attribute": names[0]},
                detail=f"The VPC's resolver ({servers}) answers nothing, and {off}: the VPC has no resolver.",
                evidence=silent.evidence,
                fix=fix_of(
                    "VPC003",
                    Fault(
                        target=next(iter(asked)),
                        off=_attributes_off(evidence),
                        has_endpoint=False,
                        notes=(*owners, "The AWS CLI finds no host from here: run it from a machine with EC2 access."),
                    ),
                ),
            ),
            *(VPC_DNS,),
        )


def _needs_dns_attributes(evidence: Evidence, target: Target) -> bool:
    """Whether private DNS of an endpoint here covers the target, or would cover it if it were turned on."""
    there = [endpoint for endpoint in endpoints_here(evidence, target) if endpoint.state == AVAILABLE]
    covered = any(target.host in endpoint.dns_names for endpoint in there)
    used = why_not_in_use(evidence, target) is None
    would_be = target.addressing is Addressing.DEFAULT or evidence.is_covered_by_offer(target)
    return used and bool(there) and (covered or would_be)


def _attributes_off(evidence: Evidence) -> tuple[str, ...] | None:
    """The attributes that are known to be off. DNS support comes first, because DNS hostnames need it."""
    dns = evidence.configuration.dns
    if dns is None:
        return None
    return tuple(name for name, is_on in (("support", dns.support), ("hostnames", dns.hostnames)) if not is_on)


def _own_name(target: Target, endpoint: VpcEndpoint) -> str | None:
    """The endpoint's own name for `--endpoint`. None if the name does not show the service. With an id instead of a
    name, a run would need another request to EC2."""
    name = endpoint.dns_names[0] if endpoint.dns_names else ""
    own = read_name(name)
    return name if own is not None and own.service == target.service else None


RULES: Final = (
    Rule("VPC001", needs=(Step.DNS,), check=endpoint_missing, reads=(ENDPOINTS, VPC)),
    Rule("VPC002", needs=(Step.DNS,), check=private_dns_off, reads=(ENDPOINTS,)),
    Rule("VPC003", needs=(Step.DNS,), check=vpc_dns_attributes_off, reads=(VPC_DNS,)),
)
