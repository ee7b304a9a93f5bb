"""VPC rules for Route 53 Profiles: zones, rules, firewall rules and endpoints of a Profile that give wrong answers."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Brought, Fault, known_id
from agent.judge.conditions.dns_settings import endpoints_here
from agent.judge.conditions.name_settings import (
    BlockingAnswer,
    EndpointAnswer,
    ForwardedAnswer,
    ShadowingAnswer,
    answers_of_endpoints,
    blocking_answers,
    forwarding_answers,
    shadowing_answers,
)
from agent.judge.evidence import Evidence
from agent.judge.requirements import why_not_in_use
from agent.judge.rules.rule import ROUTE_53, Rule, RuleFinding, resting_on, says
from agent.network.names import profile_of
from agent.report.model import FindingSubject, Fix
from agent.report.subjects import resources
from probes.model import Addressing, Step, Target
from probes.vpc.model import (
    AVAILABLE,
    DNS_FIREWALL,
    ENDPOINTS,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    RESOLVER_RULES,
    ProfileResource,
)

_READS: Final = (PROFILES, PROFILE_RESOURCES, RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL)
_Answer = ForwardedAnswer | ShadowingAnswer | BlockingAnswer | EndpointAnswer
_Brought = tuple[ProfileResource, _Answer]


def profile_brings(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC018: a resource of a Route 53 Profile gives wrong answers for names. VPC015, VPC016 and VPC017 report such
    faults of the VPC's own settings. A Profile may also lead a name to an endpoint of another VPC although this VPC has
    one."""
    by_resource: dict[ProfileResource, list[_Answer]] = {}
    for resource, answer in _brought(evidence):
        if why_not_in_use(evidence, answer.target) is None:
            by_resource.setdefault(resource, []).append(answer)
    for resource, answers in by_resource.items():
        measured = " ".join(dict.fromkeys(answer.measured for answer in answers))
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC018",
                target=None,
                headline={"brought": _id_of(answers[0])},
                detail=f"{measured} {says(evidence, ROUTE_53, PROFILES, PROFILE_RESOURCES)} that the Route 53 Profile "
                f"{resource.profile_id} of this VPC brings {_what(evidence, resource, answers[0])}.",
                evidence=tuple(step for answer in answers for step in answer.evidence),
                subjects=_subjects(evidence, resource, answers[0]),
                addresses=frozenset(address for answer in answers for address in answer.addresses),
                fix=_fix(evidence, resource, answers[0]),
            ),
            *(*_READS, ENDPOINTS),
        )


def _brought(evidence: Evidence) -> Iterator[_Brought]:
    """The answers that resources of Profiles gave. If the VPC's own settings of a kind were not read, the Profile's
    resources of this kind are left out, since the VPC's own setting may have given the answer."""
    own = evidence.configuration
    if own.resolver_rules is not None:
        for forwarded in forwarding_answers(evidence):
            if (resource := profile_of(evidence.configuration, forwarded.rule.rule_id)) is not None:
                yield resource, forwarded
    if own.zones is not None:
        for shadowing in shadowing_answers(evidence):
            if (resource := profile_of(evidence.configuration, shadowing.zone.zone_id)) is not None:
                yield resource, shadowing
    if own.firewall is not None:
        for blocking in blocking_answers(evidence):
            if (resource := profile_of(evidence.configuration, blocking.rule.group_id)) is not None:
                yield resource, blocking
    if own.resolver_rules is not None and own.zones is not None:
        for led in answers_of_endpoints(evidence):
            if (resource := profile_of(evidence.configuration, led.endpoint.endpoint_id)) is not None:
                yield resource, led


def _what(evidence: Evidence, resource: ProfileResource, answer: _Answer) -> str:
    account = None if evidence.imds is None else evidence.imds.account_id
    of = f" of account {resource.owner_id}" if resource.owner_id not in (None, account) else ""
    match answer:
        case ForwardedAnswer(rule=rule):
            servers = listed(rule.targets) if rule.targets else "other servers"
            return (
                f"the Resolver rule {rule.rule_id}{of}, which sends {rule.domain or '.'} and all names below it to "
                f"{servers}"
            )
        case ShadowingAnswer(zone=zone):
            return f"the private hosted zone {zone.name} ({zone.zone_id}){of}, which answers for the name{answer.lacks}"
        case BlockingAnswer(rule=firewall):
            return (
                f"the DNS Firewall rule group {firewall.group_id}{of}, which blocks {listed(answer.fits)} and answers "
                f"{firewall.block_response} (domain list {firewall.domain_list_id})"
            )
        case EndpointAnswer(endpoint=endpoint):
            return f"the endpoint {endpoint.endpoint_id} of {endpoint.vpc_id}{of}, whose addresses these are"


def _id_of(answer: _Answer) -> str:
    match answer:
        case ForwardedAnswer(rule=rule):
            return rule.rule_id
        case ShadowingAnswer(zone=zone):
            return zone.zone_id
        case BlockingAnswer(rule=firewall):
            return firewall.group_id
        case EndpointAnswer(endpoint=endpoint):
            return endpoint.endpoint_id


def _subjects(evidence: Evidence, resource: ProfileResource, answer: _Answer) -> tuple[FindingSubject, ...]:
    own = [*endpoints_here(evidence, answer.target)] if _private_dns_off(evidence, answer.target) else []
    ids: tuple[str | None, ...]
    match answer:
        case ForwardedAnswer(rule=rule):
            ids = (rule.rule_id,)
        case ShadowingAnswer(zone=zone):
            ids = (zone.zone_id, *(endpoint.endpoint_id for endpoint in own))
        case BlockingAnswer(rule=firewall):
            ids = (firewall.group_id, firewall.domain_list_id)
        case EndpointAnswer(endpoint=endpoint):
            ids = (endpoint.endpoint_id, endpoint.vpc_id, *(here.endpoint_id for here in own))
    return resources(resource.profile_id, resource.owner_id, *ids)


def _fix(evidence: Evidence, resource: ProfileResource, answer: _Answer) -> Fix:
    target = answer.target
    ids: tuple[str | None, ...]
    match answer:
        case ForwardedAnswer(rule=rule):
            brought, ids, is_exact = Brought.RULE, (rule.rule_id,), rule.domain == target.host
        case ShadowingAnswer(zone=zone):
            brought, ids, is_exact = Brought.ZONE, (zone.zone_id,), zone.name == target.host
        case BlockingAnswer(rule=firewall):
            brought, ids, is_exact = Brought.FIREWALL, (firewall.group_id, firewall.domain_list_id), False
        case EndpointAnswer(endpoint=endpoint):
            brought, ids, is_exact = Brought.ENDPOINT, (endpoint.endpoint_id,), False
    fault = Fault(
        target=target,
        ids=tuple(filter(None, (resource.profile_id, *ids))),
        brought=brought,
        is_exact=is_exact,
        own_endpoint=_private_dns_off(evidence, target),
    )
    return fix_of("VPC018", fault)


def _private_dns_off(evidence: Evidence, target: Target) -> str | None:
    """This VPC's endpoint whose private DNS is off, or a placeholder if there are several. None if there is no such
    endpoint. Services with appliances are left out, since private DNS can hide the public names that appliances use
    (DNS014). Somebody must decide whether to turn it on."""
    if SERVICES[target.service].has_appliance or target.addressing is not Addressing.DEFAULT:
        return None
    off = [
        endpoint
        for endpoint in endpoints_here(evidence, target)
        if endpoint.state == AVAILABLE and not endpoint.private_dns
    ]
    return known_id(off[0].endpoint_id if len(off) == 1 else None, "<OWN_ENDPOINT_ID>") if off else None


RULES: Final = (Rule("VPC018", needs=(Step.DNS,), check=profile_brings, reads=_READS),)
