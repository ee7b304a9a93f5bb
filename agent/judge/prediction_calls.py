"""What the policies of endpoints say of the signed calls that services are checked with.

A call is judged for a caller of the account that has the hosts, over TLS, from anywhere in the VPC. What a policy makes
depend on more than that, such as the role or the address of the caller, cannot be told.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from agent.catalog.findings import CODES, Severity
from agent.catalog.partitions import partition_of
from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from agent.judge.prediction_fixes import fix_of_calls
from agent.network.endpoint_policy.call import Call, resource_of
from agent.network.endpoint_policy.judgement import Decision, Judgement, judge
from agent.network.names import KnownVpc
from agent.network.pending import Aspect
from agent.report.hops import Reachability
from agent.report.prediction import Answer, PredictedCall, PredictedFault, PredictedName, SourceClass
from probes.vpc.model import GatewayEndpoint, VpcEndpoint

_OUTCOMES: Final = {
    Decision.ALLOW: Reachability.OPEN,
    Decision.DENY: Reachability.BLOCKED,
    Decision.NO_ALLOW: Reachability.BLOCKED,
    Decision.CANNOT_TELL: Reachability.CANNOT_TELL,
}


def calls_to(known: KnownVpc, name: PredictedName, *, required: bool) -> Iterator[PredictedCall]:
    """What the endpoints of a service make of its call: those count that its name leads to or, where that leads to none
    of them, those of the VPC, which programs use by the endpoints' own names."""
    permission = SERVICES[name.service].permission
    if permission is None or not permission.is_needed:
        return
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
        outcome, words = _judged(known, permission.action, endpoint)
        yield PredictedCall(
            service=name.service,
            action=permission.action,
            endpoint_id=endpoint.endpoint_id,
            counts=required and is_used,
            outcome=outcome,
            words=words,
        )


def _judged(known: KnownVpc, action: str, endpoint: VpcEndpoint | GatewayEndpoint) -> tuple[Reachability, str]:
    if (unsettled := known.unsettled((endpoint.endpoint_id,), Aspect.POLICY)) is not None:
        return Reachability.CANNOT_TELL, unsettled
    judgement = judgement_of(known, action, endpoint)
    return _OUTCOMES[judgement.decision], judgement.words


def judgement_of(known: KnownVpc, action: str, endpoint: VpcEndpoint | GatewayEndpoint) -> Judgement:
    """What the policy of an endpoint says of a call."""
    partition, account = partition_of(known.region).id, known.account
    call = Call(
        action=action,
        resource=resource_of(action, partition=partition, region=known.region, account=account),
        principal_account=account,
        is_by_gateway=isinstance(endpoint, GatewayEndpoint),
        context={"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id},
    )
    return judge(endpoint.policy, call)


def faults_of_calls(
    known: KnownVpc, calls: Iterable[PredictedCall], classes: Iterable[SourceClass]
) -> Iterator[PredictedFault]:
    """The calls that count and that a policy denies for certain, for every source. What cannot be told is no fault: it
    is not known who calls."""
    classes = tuple(classes)
    denied: dict[tuple[str, str, str], list[PredictedCall]] = {}
    for call in calls:
        if call.counts and call.outcome is Reachability.BLOCKED:
            is_gateway = any(gateway.endpoint_id == call.endpoint_id for gateway in known.gateways(call.service))
            denied.setdefault((call.service, call.action, "VPC019" if is_gateway else "VPC008"), []).append(call)
    for (service, action, code), at in denied.items():
        endpoint_ids = tuple(call.endpoint_id for call in at)
        words = [f"the policy of {call.endpoint_id} denies {action}: {call.words}" for call in at]
        yield PredictedFault(
            code=code,
            name=CODES[code].name,
            title=f"The endpoint's policy denies {action}",
            severity=Severity.CRITICAL,
            measured=False,
            service=service,
            action=action,
            ports=(),
            outcome=Reachability.BLOCKED,
            sources=tuple(source.id for source in classes),
            interface_count=sum(source.interface_count for source in classes),
            addresses=(),
            decided_by=endpoint_ids,
            rule=None,
            detail=f"T{listed(words)[1:]}.",
            fix=fix_of_calls(known, service, action, endpoint_ids),
        )
