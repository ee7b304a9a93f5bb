"""Judges the signed call of each service by the policies of endpoints.

A call is judged for a caller in the account of the hosts, over TLS, from anywhere in the VPC. If a policy depends on
anything else, such as the role or the address of the caller, the outcome is unknown.
"""

from collections.abc import Iterator
from typing import Any, Final

from agent.catalog.partitions import partition_of
from agent.catalog.services import SERVICES, calls_at
from agent.network.answers import Answer, PredictedCall, PredictedName
from agent.network.endpoint_policy.call import Call, resource_of
from agent.network.endpoint_policy.document import RefusedError, Statement, statements_of
from agent.network.endpoint_policy.judgement import Decision, Judgement, judge
from agent.network.endpoint_policy.shut import why_shut
from agent.network.names import KnownVpc
from agent.network.pending import Aspect
from agent.report.hops import Reachability
from probes.vpc.model import GatewayEndpoint, VpcEndpoint

__all__ = [
    "Call",
    "Decision",
    "Judgement",
    "RefusedError",
    "calls_to",
    "is_narrowed",
    "judge",
    "judgement_of",
    "resource_of",
    "statements_of",
    "why_shut",
]

_OUTCOMES: Final = {
    Decision.ALLOW: Reachability.OPEN,
    Decision.DENY: Reachability.BLOCKED,
    Decision.NO_ALLOW: Reachability.BLOCKED,
    Decision.CANNOT_TELL: Reachability.CANNOT_TELL,
}


def calls_to(known: KnownVpc, name: PredictedName, *, required: bool) -> Iterator[PredictedCall]:
    """The outcomes of a service's call at its endpoints. Endpoints count if the service's name leads to them. If the
    name leads to no endpoint, the VPC's own endpoints count, because programs can use the endpoints' own names."""
    permission = SERVICES[name.service].permission
    if permission is None or not permission.is_needed:
        return
    actions = calls_at(name.service)
    is_private = name.answer is Answer.PRIVATE
    endpoints: list[VpcEndpoint | GatewayEndpoint] = [
        endpoint
        for endpoint in known.endpoints(name.service, here=not is_private) or ()
        if endpoint.vpc_id == known.vpc_id or endpoint.endpoint_id in name.endpoint_ids
    ]
    endpoints += known.gateways(name.service)
    for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.endpoint_id):
        is_gateway = isinstance(endpoint, GatewayEndpoint)
        is_used = (
            name.answer is Answer.PUBLIC if is_gateway else not is_private or endpoint.endpoint_id in name.endpoint_ids
        )
        for action in actions:
            outcome, words = _judged(known, action, endpoint)
            yield PredictedCall(
                service=name.service,
                action=action,
                endpoint_id=endpoint.endpoint_id,
                counts=required and is_used,
                outcome=outcome,
                words=words,
            )


def _judged(known: KnownVpc, action: str, endpoint: VpcEndpoint | GatewayEndpoint) -> tuple[Reachability, str]:
    if (unsettled := known.unsettled((endpoint.endpoint_id,), Aspect.POLICY)) is not None:
        return Reachability.CANNOT_TELL, unsettled
    judgement = judgement_of(known, action, endpoint)
    is_allowed = judgement.is_in_doubt and judgement.allows_some
    return Reachability.OPEN if is_allowed else _OUTCOMES[judgement.decision], judgement.words


def judgement_of(known: KnownVpc, action: str, endpoint: VpcEndpoint | GatewayEndpoint) -> Judgement:
    """The decision of an endpoint's policy on a call."""
    partition, account = partition_of(known.region).id, known.account
    call = Call(
        action=action,
        resource=resource_of(action, partition=partition, region=known.region, account=account),
        principal_account=account,
        is_by_gateway=isinstance(endpoint, GatewayEndpoint),
        context={"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id},
    )
    return judge(endpoint.policy, call)


def is_narrowed(before: tuple[KnownVpc, str], after: tuple[KnownVpc, str]) -> bool:
    """Whether the policy of an endpoint may deny calls that an earlier policy allowed: it lacks a statement of that
    policy, or denies more, or is known only after a plan is applied. Each side is a VPC and the id of an endpoint."""
    (known_before, id_before), (known_after, id_after) = before, after
    if known_after.unsettled((id_after,), Aspect.POLICY) is not None:
        return known_before.unsettled((id_before,), Aspect.POLICY) is None
    old, new = _policy_of(*before), _policy_of(*after)
    if old == new or new is None:
        return False
    try:
        had, has = ([_without_sid(one) for one in statements_of(policy)] for policy in (old or "", new))
    except RefusedError:
        return True
    return any(one not in has for one in had) or any(one not in had for one in has if one["Effect"] == "Deny")


def _policy_of(known: KnownVpc, endpoint_id: str) -> str | None:
    configuration = known.configuration
    endpoints: tuple[VpcEndpoint | GatewayEndpoint, ...] = configuration.endpoints or ()
    endpoints += configuration.gateway_endpoints or ()
    return next((endpoint.policy for endpoint in endpoints if endpoint.endpoint_id == endpoint_id), None)


def _without_sid(statement: Statement) -> dict[str, Any]:
    return {name: value for name, value in statement.elements.items() if name != "Sid"}
