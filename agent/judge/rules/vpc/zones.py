"""VPC rules for hosted zones: records and zones that hide the endpoint's private DNS."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.dns_settings import endpoints_here, stale_answers
from agent.judge.conditions.name_settings import STALE_READS, ShadowingAnswer, shadowing_answers
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import EC2, ROUTE_53, Rule, RuleFinding, resting_on, says
from agent.network.names import private_zone_for, profile_of
from agent.report.model import Fix
from agent.report.subjects import resources
from probes.model import Address, Step, Target
from probes.vpc.model import ENDPOINT_INTERFACES, ENDPOINTS, PRIVATE_ZONES, PrivateZone, VpcEndpoint


def stale_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC010: a name server gives addresses in this VPC that no interface of an endpoint has, and at which AWS does not
    answer."""
    for answer in stale_answers(evidence):
        target, stale = answer.target, answer.stale
        there = endpoints_here(evidence, target)
        has = [
            f"{endpoint.endpoint_id} has "
            f"{listed(_addresses_of(evidence, endpoint)) if endpoint.interface_ids else 'no interface'}"
            for endpoint in there
        ]
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC010",
                target=target.id,
                headline={"service": target.service},
                detail=f"{target.host} resolves to {listed(stale)}, where {target.service} does not answer. "
                f"{says(evidence, EC2, ENDPOINTS, ENDPOINT_INTERFACES)} that no endpoint of {target.service} has "
                f"{'it' if len(stale) == 1 else 'them'}: "
                f"{'; '.join(has) if has else 'this VPC has none'}. The record is an old one, or points to something "
                "else, such as a load balancer of your own or another service's endpoint.",
                evidence=answer.evidence,
                subjects=resources(
                    *(endpoint.endpoint_id for endpoint in there),
                    *(
                        []
                        if (zone := private_zone_for(evidence.configuration, target.host)) is None
                        else [zone.zone_id]
                    ),
                ),
                addresses=answer.addresses,
                fix=_repair_record(evidence, target, has_endpoint=bool(there)),
            ),
            *STALE_READS,
        )


def _addresses_of(evidence: Evidence, endpoint: VpcEndpoint) -> tuple[Address, ...]:
    return tuple(
        address
        for interface in evidence.configuration.endpoint_interfaces or ()
        if interface.interface_id in endpoint.interface_ids
        for address in interface.addresses
    )


def _repair_record(evidence: Evidence, target: Target, *, has_endpoint: bool) -> Fix:
    zone = private_zone_for(evidence.configuration, target.host)
    ids = () if zone is None else (zone.zone_id,)
    notes = () if zone is None else (f"The zone's name is {zone.name}.",)
    return fix_of("VPC010", Fault(target=target, ids=ids, has_endpoint=has_endpoint, notes=notes))


def private_zone_shadows(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC016: a private hosted zone of the VPC, for the name or a parent domain, gives the wrong answer at the VPC's
    resolver: the name does not exist, it has no address, or it has addresses that no endpoint has, including public
    ones."""
    for answer in shadowing_answers(evidence):
        if profile_of(evidence.configuration, answer.zone.zone_id) is None:
            yield _shadowed(evidence, answer)


def _shadowed(evidence: Evidence, answer: ShadowingAnswer) -> RuleFinding:
    target, zone = answer.target, answer.zone
    return resting_on(
        evidence,
        RuleFinding(
            code="VPC016",
            target=target.id,
            headline={"domain": zone.name},
            detail=f"{answer.measured} {_has_zone(evidence, zone)}, which answers for the name{answer.lacks}.",
            evidence=answer.evidence,
            subjects=resources(zone.zone_id, zone.owner),
            addresses=answer.addresses,
            shared=frozenset({zone.zone_id}),
            fix=fix_of("VPC016", Fault(target=target, ids=(zone.zone_id,), is_exact=zone.name == target.host)),
        ),
        *(PRIVATE_ZONES, ENDPOINTS),
    )


def _has_zone(evidence: Evidence, zone: PrivateZone) -> str:
    account = None if evidence.imds is None else evidence.imds.account_id
    of = f" of account {zone.owner}" if zone.owner is not None and zone.owner != account else ""
    has = f"{says(evidence, ROUTE_53, PRIVATE_ZONES)} that this VPC has the private hosted zone"
    return f"{has} {zone.name} ({zone.zone_id}){of}"


RULES: Final = (
    Rule("VPC010", needs=(Step.DNS,), check=stale_answer, reads=(ENDPOINTS, ENDPOINT_INTERFACES)),
    Rule("VPC016", needs=(Step.DNS,), check=private_zone_shadows, reads=(PRIVATE_ZONES,)),
)
