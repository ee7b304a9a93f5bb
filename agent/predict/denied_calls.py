"""Faults of calls that endpoint policies deny."""

from collections.abc import Iterable, Iterator

from agent.catalog.findings import CODES, Severity
from agent.catalog.wording import listed
from agent.fixes.predicted import fix_of_calls
from agent.network.answers import PredictedCall, SourceClass
from agent.network.names import KnownVpc
from agent.predict.model import PredictedFault
from agent.report.hops import Reachability


def faults_of_calls(
    known: KnownVpc, calls: Iterable[PredictedCall], classes: Iterable[SourceClass]
) -> Iterator[PredictedFault]:
    """The faults of calls that count and that a policy certainly denies, for every source. A call that may be denied is
    not a fault, because the caller is unknown."""
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
            fix=fix_of_calls(known, service, (action,), endpoint_ids),
        )
