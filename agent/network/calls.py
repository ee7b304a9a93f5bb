"""Judges the signed call of each service by the policies of endpoints.

A call is judged for a caller in the account of the hosts, over TLS, from anywhere in the VPC. If a policy depends on
anything else, such as the role or the address of the caller, the outcome is unknown.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.catalog.partitions import partition_of
from agent.catalog.services import SERVICES, calls_at
from agent.network.answers import Answer, PredictedCall, PredictedName
from agent.network.endpoint_policy.call import Call, resource_of
from agent.network.endpoint_policy.document import RefusedError, Statement, statements_of
from agent.network.endpoint_policy.judgement import Decision, Judgement, judge
from agent.network.endpoint_policy.matching import covers, texts
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
    "has_call",
    "is_narrowed",
    "judge",
    "judgement_of",
    "resource_of",
    "shut_at",
    "statements_of",
    "why_shut",
]

_OUTCOMES: Final = {
    Decision.ALLOW: Reachability.OPEN,
    Decision.DENY: Reachability.BLOCKED,
    Decision.NO_ALLOW: Reachability.BLOCKED,
    Decision.CANNOT_TELL: Reachability.CANNOT_TELL,
}

_LISTS: Final = ("Action", "Resource")
_MOST_COMPARED: Final = 250_000
"""Maximum number of pairs of texts to compare in two policies. It keeps the time short for a hostile plan."""
_DEFAULT_POLICY: Final = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
"""The policy of an endpoint without one of its own (AWS PrivateLink Guide, Default endpoint policy)."""


def calls_to(known: KnownVpc, name: PredictedName, *, required: bool) -> Iterator[PredictedCall]:
    """The outcomes of a service's call at its endpoints. Endpoints count if the service's name leads to them. If the
    name leads to no endpoint, the VPC's own endpoints count, because programs can use the endpoints' own names."""
    if not has_call(name.service):
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


def has_call(service: str) -> bool:
    """Whether a run makes a signed call to a service that policies must allow."""
    permission = SERVICES[service].permission
    return permission is not None and permission.is_needed


def _judged(known: KnownVpc, action: str, endpoint: VpcEndpoint | GatewayEndpoint) -> tuple[Reachability, str]:
    if (unsettled := known.unsettled((endpoint.endpoint_id,), Aspect.POLICY)) is not None:
        return Reachability.CANNOT_TELL, unsettled
    judgement = judgement_of(known, action, endpoint)
    is_allowed = judgement.is_in_doubt and judgement.allows_some
    return Reachability.OPEN if is_allowed else _OUTCOMES[judgement.decision], judgement.words


def judgement_of(known: KnownVpc, action: str, endpoint: VpcEndpoint | GatewayEndpoint) -> Judgement:
    """The decision of an endpoint's policy about a call."""
    partition, account = partition_of(known.region).id, known.account
    call = Call(
        action=action,
        resource=resource_of(action, partition=partition, region=known.region, account=account),
        principal_account=account,
        is_by_gateway=isinstance(endpoint, GatewayEndpoint),
        context={"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id},
    )
    return judge(endpoint.policy, call)


def is_narrowed(before: tuple[KnownVpc, str | None], after: tuple[KnownVpc, str]) -> bool:
    """Whether the policy of an endpoint may deny calls that an earlier policy allowed: it lacks a part of a statement
    that allowed them, or denies more, or is known only after a plan is applied. Each side is a VPC and the id of an
    endpoint; None stands for the service itself, without an endpoint."""
    (known_before, id_before), (known_after, id_after) = before, after
    if known_after.unsettled((id_after,), Aspect.POLICY) is not None:
        return id_before is None or known_before.unsettled((id_before,), Aspect.POLICY) is None
    old, new = _policy_of(known_before, id_before), _policy_of(known_after, id_after)
    if old == new:
        return False
    try:
        had, has = statements_of(old), statements_of(new)
    except RefusedError:
        return True
    if _size(had) * _size(has) > _MOST_COMPARED:
        return True
    return any(not _is_covered(one, has) for one in had if one.allows) or any(
        not _is_covered(one, had) for one in has if not one.allows
    )


def _is_covered(statement: Statement, others: Iterable[Statement]) -> bool:
    """Whether other statements together have the same effect for all that a statement covers."""
    wide = [other for other in others if other.allows is statement.allows and _is_as_wide(other, statement)]
    of_actions, of_resources = (
        {
            frozenset(number for number, other in enumerate(wide) if _has(other, statement, name, text))
            for text in texts(statement.elements.get(name, "*"))
        }
        for name in _LISTS
    )
    return not any(one.isdisjoint(other) for one in of_actions for other in of_resources)


def _size(statements: Iterable[Statement]) -> int:
    """Number of actions and resources in some statements."""
    return sum(len(texts(one.elements.get(name, "*"))) for one in statements for name in _LISTS)


def _is_as_wide(other: Statement, statement: Statement) -> bool:
    """Whether a statement is for everyone and every condition that another statement is for."""
    is_for_all = other.is_for_everybody or all(
        other.elements.get(name) == statement.elements.get(name) for name in ("Principal", "NotPrincipal")
    )
    return is_for_all and other.elements.get("Condition") in (None, statement.elements.get("Condition"))


def _has(other: Statement, statement: Statement, name: str, text: Any) -> bool:
    """Whether a statement covers an action or a resource of another statement, which may have wildcards."""
    if (turned := f"Not{name}") in other.elements:
        return bool(other.elements[turned] == statement.elements.get(turned))
    pairs = ((str(pattern), str(text)) for pattern in texts(other.elements[name]))
    return any(covers(*(map(str.lower, pair) if name == "Action" else pair)) for pair in pairs)


def shut_at(known: KnownVpc, service: str, endpoint_id: str) -> str | None:
    """Why the policy of an endpoint allows no call of a service; None if it may allow one, or if that is unknown."""
    policy = _policy_of(known, endpoint_id)
    context = {"aws:sourcevpce": endpoint_id, "aws:sourcevpc": known.vpc_id}
    try:
        return why_shut(policy, SERVICES[service].signing_name, context)
    except RefusedError:
        return None


def _policy_of(known: KnownVpc, endpoint_id: str | None) -> str:
    configuration = known.configuration
    endpoints: tuple[VpcEndpoint | GatewayEndpoint, ...] = configuration.endpoints or ()
    endpoints += configuration.gateway_endpoints or ()
    policy = next((endpoint.policy for endpoint in endpoints if endpoint.endpoint_id == endpoint_id), None)
    return _DEFAULT_POLICY if policy is None or not policy.strip() else policy
