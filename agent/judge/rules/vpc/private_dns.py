"""VPC, private DNS: the endpoint, its private DNS, and the DNS attributes of the VPC that this needs."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.services import SERVICES, gateway_service_name_of, is_name_documented
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.fixes.commands import (
    UNDO_ENDPOINT,
    alternative,
    create_endpoint,
    describe_endpoint,
    known_id,
    read_only,
    switch_on,
)
from agent.fixes.own_name import set_own_name
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
from probes.vpc.model import AVAILABLE, DELETED, ENDPOINT_SERVICES, ENDPOINTS, SUBNETS, VPC, VPC_DNS, VpcEndpoint

_NOT_YET: Final = "pending"
"""The state of an endpoint that is being made, or changed."""
_OUTSIDE: Final = "private DNS ends at its own VPC, and neither peering nor a transit gateway carries it"
_FIRST_ADMIT: Final = (
    "first let the endpoint's security group allow 443 from every caller of the VPC, since all use it from then on"
)


def endpoint_missing(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC001: the name is public, and the VPC, this account's own, has no endpoint of the service."""
    if evidence.vpc_id is None or evidence.is_vpc_shared is not False:
        return  # of a shared VPC its owner alone sees the endpoints
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
            elsewhere = f" One is in another VPC ({other.endpoint_id} in {other.vpc_id}), and {_OUTSIDE}."
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC001",
                target=target.id,
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
                fix=_make_gateway_endpoint(evidence, target, seen.public[0])
                if has_gateways
                else _share_endpoint(evidence, target, everywhere[0])
                if everywhere
                else _make_endpoint(evidence, target),
            ),
            *(ENDPOINTS, ENDPOINT_SERVICES, VPC, SUBNETS),
        )


def _whether_offered(evidence: Evidence, target: Target) -> str:
    """What must be said before a name is taken for an endpoint service: EC2 knows, and else AWS's documents."""
    offered = evidence.offered(target)
    if offered == ():
        return f" AWS has no endpoint service of it in {target.region} to make one of."
    if offered or is_name_documented(target.service, target.region):
        return ""
    return (
        f" Whether AWS has the endpoint service {target.service_name} cannot be told: its name is not documented for "
        f"{target.partition}. Look it up first."
    )


def _offered_name(evidence: Evidence, target: Target) -> str:
    """The name that an endpoint is made with: as EC2 has it, and else the catalogue."""
    offered = evidence.offered(target)
    return (offered[0].service_name if offered else target.service_name) or "<SERVICE_NAME>"


def _look_up_service(evidence: Evidence, target: Target) -> tuple[Command, ...]:
    """Show whether an endpoint service is there, where that is neither read nor documented."""
    is_known = evidence.offered(target) or is_name_documented(target.service, target.region)
    if is_known or target.service_name is None:
        return ()
    argv = ("aws", "ec2", "describe-vpc-endpoint-services", "--region", target.region)
    return (read_only(*argv, "--service-names", target.service_name, scope=CommandScope.ENDPOINT),)


def _make_endpoint(evidence: Evidence, target: Target) -> Fix:
    if evidence.offered(target) == ():
        return Fix(
            summary=f"No private path to {target.service} can be made in {target.region}: let this host out to it (NAT "
            "gateway, proxy), use a Region that has the endpoint service, or do without. Run with --expect any to "
            "judge the public path.",
            commands=_look_up_service(evidence, target),
        )
    if SERVICES[target.service].has_appliance:
        return Fix(
            summary="Create the endpoint in this VPC, with a group that allows the gateway's ports from the subnets of "
            "the appliances. Its private DNS is left off here: with it, appliances that use public names can lose "
            f"them. {_by_own_name(target)}",
            commands=(
                *_look_up_service(evidence, target),
                _create_endpoint(evidence, target, private_dns=False),
            ),
        )
    uncovered = (
        ""
        if target.addressing is Addressing.DEFAULT or evidence.is_covered_by_offer(target)
        else f" Whether its private DNS covers {target.host} is not known before: DnsEntries of the endpoint tell it. "
        f"{_by_own_name(target)}"
    )
    attributes = _attributes_on(evidence, target)
    return Fix(
        summary=("Turn on the VPC's DNS attributes first: without both, private DNS is refused. " if attributes else "")
        + "Create the endpoint in this VPC, with private DNS and a security group that allows 443 from every caller of "
        f"the VPC, since all use it from then on.{uncovered}",
        commands=(
            *_look_up_service(evidence, target),
            *attributes,
            _create_endpoint(evidence, target, private_dns=True),
        ),
    )


def _make_gateway_endpoint(evidence: Evidence, target: Target, address: Address) -> Fix:
    table_id = known_id(evidence.gateway_at(address).table_id, "<ROUTE_TABLE_ID>")
    service_name = gateway_service_name_of(target.service, target.region) or "<SERVICE_NAME>"
    command = Command(
        argv=(
            *("aws", "ec2", "create-vpc-endpoint", "--region", target.region, "--vpc-id", "<VPC_ID>"),
            *("--vpc-endpoint-type", "Gateway", "--service-name", service_name, "--route-table-ids", table_id),
        ),
        scope=CommandScope.VPC,
        changes=True,
        reversible=True,
        undo=UNDO_ENDPOINT,
    )
    return Fix(
        summary=f"Make a gateway endpoint of {target.service} for this subnet's route table: it costs nothing, and "
        "names need no change. It carries no other Region's buckets; for these, and from peered networks, an interface "
        "endpoint is needed.",
        commands=(command,),
    )


def _share_endpoint(evidence: Evidence, target: Target, other: VpcEndpoint) -> Fix:
    make = _make_endpoint(evidence, target)
    return Fix(
        summary=f"(a) Share the endpoint of {other.vpc_id}, which needs a route from here and whose group must allow "
        f"this host. {_by_own_name(target)} For every host of this VPC: a private hosted zone with an alias to the "
        f"endpoint, or a Route 53 Profile that carries it. (b) Have one here. {make.summary}",
        commands=(*alternative("a", _try_own_name(target, other)), *alternative("b", *make.commands)),
    )


def _create_endpoint(evidence: Evidence, target: Target, *, private_dns: bool) -> Command:
    return create_endpoint(
        target,
        private_dns=private_dns,
        service_name=_offered_name(evidence, target),
        subnets=_subnet_in_each_zone(evidence, target),
    )


def _subnet_in_each_zone(evidence: Evidence, target: Target) -> tuple[str, ...]:
    """One subnet of this VPC for each availability zone in which the service is offered, as an endpoint takes them,
    this host's own first.

    Local and Wavelength Zones, whose names are longer, are left out: services are offered in the Region's zones.
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
    """Whether a name is that of one of the Region's own zones: the Region and one letter (EC2 User Guide, Availability
    Zones)."""
    return availability_zone is not None and availability_zone[:-1] == region and availability_zone[-1:].isalpha()


def private_dns_off(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC002: the name is public, and the service's endpoint in this VPC has private DNS off."""
    for seen in public_answers(evidence):
        target = seen.target
        there = endpoints_here(evidence, target)
        off = [endpoint for endpoint in there if endpoint.state in (AVAILABLE, _NOT_YET)]
        if (
            not off
            or any(endpoint.private_dns for endpoint in there)
            or evidence.gateway_endpoints(target)  # whose missing route is the cause
            # Which other names private DNS would cover EC2 alone knows.
            or not (target.addressing is Addressing.DEFAULT or evidence.is_covered_by_offer(target))
            # Such a zone answers, and private DNS is refused.
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
    show, own_name = describe_endpoint(target), _try_own_name(target, off[0])
    if SERVICES[target.service].has_appliance:
        return Fix(
            summary=f"{_by_own_name(target)} Off is right where appliances of this VPC use public names, which they "
            "can lose with it; on is right for programs without that setting. Decide first which of the two this VPC "
            "holds (DNS014).",
            commands=(show, own_name),
        )
    attributes = _attributes_on(evidence, target)
    is_there = any(endpoint.state == AVAILABLE for endpoint in off)
    return Fix(
        summary=("" if is_there else "Wait until the endpoint is available. ")
        + f"(a) {_by_own_name(target)} (b) For every host of the VPC: {_FIRST_ADMIT}; "
        + ("turn on both DNS attributes of the VPC, without which it is refused; " if attributes else "")
        + "then turn on private DNS.",
        commands=(
            show,
            *alternative("a", own_name),
            *alternative(
                "b",
                *attributes,
                switch_on(
                    *(target, "modify-vpc-endpoint", "--vpc-endpoint-id"),
                    known_id(off[0].endpoint_id if len(off) == 1 else None, "<VPC_ENDPOINT_ID>"),
                    "--private-dns-enabled",
                ),
            ),
        ),
    )


def vpc_dns_attributes_off(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC003: a DNS attribute of the VPC is off, and the name of its endpoint is public, or its resolver silent."""
    dns = evidence.configuration.dns
    if dns is None or (dns.support and dns.hostnames):
        return
    names = [name for name, on in (("enableDnsSupport", dns.support), ("enableDnsHostnames", dns.hostnames)) if not on]
    off = f"{says(evidence, EC2, VPC_DNS)} that {listed(names)} of {evidence.vpc_id or 'this VPC'} "
    off += "is false" if len(names) == 1 else "are false"
    owners = " They are for the VPC's owner to change." if evidence.is_vpc_shared else ""
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
            f", without which private DNS of {listed(on)}, though on, is not in effect"
            if on
            else f", and private DNS of {listed(there)} cannot be turned on without"
        )
        resolved = [f"{seen.target.host} resolves to {listed(ordered(seen.addresses))}" for seen in affected]
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC003",
                target=None,
                detail=f"{listed(resolved)}, outside the private path. {off}{beside}.",
                subjects=resources(evidence.vpc_id, *(on or there)),
                evidence=tuple(dict.fromkeys(step for seen in affected for step in seen.evidence)),
                addresses=frozenset(address for seen in affected for address in seen.addresses),
                fix=Fix(
                    summary=f"For every host of the VPC: {_FIRST_ADMIT}; then set {listed(names)} to true.{owners}",
                    commands=_attributes_on(evidence, affected[0].target),
                ),
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
                detail=f"The VPC's resolver ({servers}) answers nothing, and {off}: the VPC has no resolver.",
                evidence=silent.evidence,
                fix=Fix(
                    summary=f"Set {listed(names)} to true.{owners} The AWS CLI finds no host from here: run it from "
                    "a machine with EC2 access.",
                    commands=_attributes_on(evidence, next(iter(asked))),
                ),
            ),
            *(VPC_DNS,),
        )


def _needs_dns_attributes(evidence: Evidence, target: Target) -> bool:
    """Whether private DNS of an endpoint here covers the target, or would, once it is turned on."""
    there = [endpoint for endpoint in endpoints_here(evidence, target) if endpoint.state == AVAILABLE]
    covered = any(target.host in endpoint.dns_names for endpoint in there)
    used = why_not_in_use(evidence, target) is None
    would_be = target.addressing is Addressing.DEFAULT or evidence.is_covered_by_offer(target)
    return used and bool(there) and (covered or would_be)


def _attributes_on(evidence: Evidence, target: Target) -> tuple[Command, ...]:
    """Turn on what is known to be off; one attribute a call, and DNS support first, which the other needs."""
    dns = evidence.configuration.dns
    return tuple(
        switch_on(target, "modify-vpc-attribute", "--vpc-id", "<VPC_ID>", switch)
        for switch, on in (
            ("--enable-dns-support", dns is None or dns.support),
            ("--enable-dns-hostnames", dns is None or dns.hostnames),
        )
        if not on
    )


def _by_own_name(target: Target) -> str:
    return f"A host needs no private DNS where it calls the endpoint by name: {set_own_name(target)}."


def _try_own_name(target: Target, endpoint: VpcEndpoint) -> Command:
    """Measure the way by the endpoint's own name, in which private DNS has no part."""
    name = endpoint.dns_names[0] if endpoint.dns_names else ""
    own = read_name(name)
    # An id would do only where EC2 is asked again.
    named = name if own is not None and own.service == target.service else f"{target.service}=<ENDPOINT_DNS_NAME>"
    return read_only("backuplink", "check", "--region", target.region, "--endpoint", named)


RULES: Final = (
    Rule("VPC001", needs=(Step.DNS,), check=endpoint_missing, reads=(ENDPOINTS, VPC)),
    Rule("VPC002", needs=(Step.DNS,), check=private_dns_off, reads=(ENDPOINTS,)),
    Rule("VPC003", needs=(Step.DNS,), check=vpc_dns_attributes_off, reads=(VPC_DNS,)),
)
